"""Tables of webhooks; importing them completes the tables of the store."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from dispatch.adapters.tables import AwareDateTime, metadata

__all__ = ["deliveries", "metadata", "subscribers"]

# A subscriber's secret is not here: it is made from the key file, see `Vault.derived`.
subscribers = Table(
    "webhook_subscribers",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", String(120), nullable=False),
    Column("url", Text, nullable=False),
    Column("kinds", Text, nullable=False),  # codes with commas; empty for all
    Column("source", String(120), nullable=False),  # empty for all
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("position", Integer, nullable=False),  # of `changes`: so far it is known
    Column("generation", Integer, nullable=False),
    Column("old_until", AwareDateTime),
    Column("created_at", AwareDateTime, nullable=False),
    Column("created_by", String(120), nullable=False),
)

deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("subscriber_id", ForeignKey("webhook_subscribers.id"), nullable=False),
    Column("position", ForeignKey("changes.position"), nullable=False),
    Column("chart_id", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", AwareDateTime, nullable=False),
    Column("first_at", AwareDateTime),
    Column("done_at", AwareDateTime),
    Column("reason", Text, nullable=False),
    Column("lease", String(16)),  # whose attempt it is
    Column("lease_until", AwareDateTime),
    UniqueConstraint(
        "subscriber_id", "position", name="uq_webhook_deliveries_subscriber_position"
    ),
    Index("ix_webhook_deliveries_due", "subscriber_id", "state", "next_at"),
    Index(
        "ix_webhook_deliveries_chart", "subscriber_id", "chart_id", "state", "position"
    ),
)
