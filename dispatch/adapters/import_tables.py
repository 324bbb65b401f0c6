"""Tables of import jobs; importing them completes the tables of the store."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from dispatch.adapters.tables import AwareDateTime
from dispatch.adapters.webhook_tables import metadata

__all__ = ["import_jobs", "import_refusals", "metadata"]

# The file itself is not here: it stands sealed in a folder, see `ImportFiles`.
import_jobs = Table(
    "import_jobs",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("owner", String(120), nullable=False),
    Column("who", String(120), nullable=False),
    Column("name", String(200), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("num_bytes", Integer, nullable=False),
    Column("mapping", String(60), nullable=False),
    Column("source", String(120), nullable=False),
    Column("idempotency_key", String(200)),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("rows", Integer),  # known once the file was read
    Column("done", Integer, nullable=False),
    Column("added", Integer, nullable=False),
    Column("known", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("created_at", AwareDateTime, nullable=False),
    Column("started_at", AwareDateTime),
    Column("run_at", AwareDateTime),
    Column("run_done", Integer, nullable=False),
    Column("seen_at", AwareDateTime),
    Column("ended_at", AwareDateTime),
    Column("runner", String(16)),  # which process runs it
    Column("has_file", Boolean, nullable=False),
    UniqueConstraint("owner", "idempotency_key", name="uq_import_jobs_owner_key"),
    Index("ix_import_jobs_state", "state", "created_at"),
)

import_refusals = Table(
    "import_refusals",
    metadata,
    Column("job_id", ForeignKey("import_jobs.id"), primary_key=True),
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("field", String(60), nullable=False),
    Column("problem", Text, nullable=False),
)
