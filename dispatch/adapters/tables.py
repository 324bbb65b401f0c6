"""Tables of the store (SQLAlchemy Core), the same on SQLite and PostgreSQL."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

metadata = MetaData()


class AwareDateTime(TypeDecorator[dt.datetime]):
    """Aware times, kept in UTC: SQLite would silently drop the offset."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(
        self, value: dt.datetime | None, dialect: Dialect
    ) -> dt.datetime | None:
        """Convert to naive UTC; a naive time is a programming error."""
        del dialect
        if value is None:
            return None
        if value.utcoffset() is None:
            message = "naive time reached the store"
            raise ValueError(message)
        return value.astimezone(dt.UTC).replace(tzinfo=None)

    def process_result_value(
        self,
        value: Any,  # noqa: ANN401 - SQLAlchemy's own signature
        dialect: Dialect,
    ) -> dt.datetime | None:
        """Give the UTC offset back."""
        del dialect
        return None if value is None else value.replace(tzinfo=dt.UTC)


class by_code(FunctionElement[str]):  # noqa: N801 - used as a function
    """
    Text of a column in the order of its characters' codes, as Python sorts.

    PostgreSQL orders by the language of the database otherwise, where a hyphen may
    count for nothing: numbers of charts would come in another order than on SQLite.
    """

    inherit_cache = True
    type = String()


@compiles(by_code)
def _as_it_is(element: by_code, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own signature
    return compiler.process(element.clauses, **options)


@compiles(by_code, "postgresql")
def _collated(element: by_code, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own signature
    return f'({compiler.process(element.clauses, **options)} COLLATE "C")'


charts = Table(
    "charts",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("number", String(40), nullable=False, unique=True),
    Column("version", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("duty", String(16), nullable=False),
    Column("urgency", String(1), nullable=False),
    Column("category_code", String(16), nullable=False),
    Column("office_id", String(40)),
    Column("team_id", String(40)),
    Column("onsite_s", Integer, nullable=False),
    Column("ward_code", String(16), nullable=False),
    Column("district_id", String(40), nullable=False),
    Column("lon", Float),
    Column("lat", Float),
    Column("received_at", AwareDateTime, nullable=False),
    Column("due_at", AwareDateTime),
    Column("hold_until", Date),
    Column("source", String(120), nullable=False),
    Column("external_id", String(120)),
    Column("body", Text, nullable=False),
    UniqueConstraint("source", "external_id", name="uq_charts_source_external_id"),
    Index("ix_charts_status_office", "status", "office_id"),
    Index("ix_charts_received_at", "received_at"),
)

# The reporter lives in a table of its own: nothing that lists charts can read it.
reporters = Table(
    "reporters",
    metadata,
    Column("chart_id", ForeignKey("charts.id"), primary_key=True),
    Column("name", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("address", Text, nullable=False),
)

entries = Table(
    "chart_entries",
    metadata,
    Column("chart_id", ForeignKey("charts.id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", AwareDateTime, nullable=False),
    Column("who", String(120), nullable=False),
    Column("kind", String(24), nullable=False),
    Column("text", Text, nullable=False),
)

counters = Table(
    "number_counters",
    metadata,
    Column("prefix", String(32), primary_key=True),
    Column("last", Integer, nullable=False),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("client", String(64), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("body_sha256", String(64), nullable=False),
    Column("chart_id", ForeignKey("charts.id"), nullable=False),
)

plans = Table(
    "plans",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("date", Date, nullable=False),
    Column("version", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("made_at", AwareDateTime, nullable=False),
    Column("made_by", String(120), nullable=False),
    Column("published_at", AwareDateTime),
    Column("body", Text, nullable=False),
    UniqueConstraint("date", "version", name="uq_plans_date_version"),
)

# Beside the plans, not in them: lists of plans are read often, inputs hardly ever.
plan_inputs = Table(
    "plan_inputs",
    metadata,
    Column("plan_id", ForeignKey("plans.id"), primary_key=True),
    Column("problem", LargeBinary, nullable=False),  # JSON text, gzip
)

# `over_at` is the first of end and lifting; empty until there is one.
closures = Table(
    "closures",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("starts_at", AwareDateTime, nullable=False),
    Column("over_at", AwareDateTime),
    Column("made_at", AwareDateTime, nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_closures_over_at", "over_at"),
    Index("ix_closures_made_at_id", "made_at", "id"),
)

# Appended only: each line holds the closure as it stood after it.
closure_entries = Table(
    "closure_entries",
    metadata,
    Column("closure_id", ForeignKey("closures.id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", AwareDateTime, nullable=False),
    Column("who", String(120), nullable=False),
    Column("kind", String(24), nullable=False),
    Column("body", Text, nullable=False),
)

# `active` is 1, or empty once withdrawn: empty ones never collide, so the constraint
# holds one entry in force for each key and ward, on SQLite and PostgreSQL alike.
local_places = Table(
    "local_places",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("key", String(600), nullable=False),
    Column("ward_code", String(16), nullable=False),
    Column("active", Integer),
    Column("settled_at", AwareDateTime, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint(
        "key", "ward_code", "active", name="uq_local_places_key_ward_active"
    ),
    Index("ix_local_places_settled_at_id", "settled_at", "id"),
)

# `number` counts the holds of a day, and is empty while a slot is only offered: of two
# who hold on what they saw, the constraint lets one in, and the other looks again.
slots = Table(
    "slots",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("client", String(64), nullable=False),
    Column("date", Date, nullable=False),
    Column("number", Integer),
    Column("expires_at", AwareDateTime, nullable=False),
    Column("claimed_by", String(220)),
    Column("chart_id", String(16)),
    Column("body", Text, nullable=False),
    UniqueConstraint("date", "number", name="uq_slots_date_number"),
)
