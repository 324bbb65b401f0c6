"""Tables of the store (SQLAlchemy Core), the same on SQLite and PostgreSQL."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    Boolean,
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
    Column("scheme", String(24), nullable=False, server_default="report"),
    Column("receiver", String(120), nullable=False, server_default=""),
    Column("answer_due_at", AwareDateTime),  # empty once it is answered
    Column("parent_id", String(16)),
    Column("duplicate_of", String(16)),
    Column("source", String(120), nullable=False),
    Column("external_id", String(120)),
    Column("body", Text, nullable=False),
    UniqueConstraint("source", "external_id", name="uq_charts_source_external_id"),
    Index("ix_charts_status_office", "status", "office_id"),
    Index("ix_charts_received_at", "received_at"),
    Index("ix_charts_team_load", "team_id", "status", "duty", "onsite_s"),
    Index("ix_charts_receiver_status", "receiver", "status"),
    Index("ix_charts_parent_id", "parent_id"),
    Index("ix_charts_duplicate_of", "duplicate_of"),
    Index("ix_charts_ward_received", "ward_code", "received_at"),
    Index("ix_charts_lon_lat", "lon", "lat"),
    # All that the board counts by: it reads no body for a count.
    Index(
        "ix_charts_counted",
        "status",
        "duty",
        "urgency",
        "office_id",
        "ward_code",
        "due_at",
    ),
)

# Of versions before the vault; its rows are moved there when the store is opened.
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
    Column("about", String(120)),  # empty, too, in lines older than revision 0007
    Column("status", String(16)),
    Column("facts", Text),  # beside the last line of each change of the chart
    Index("ix_chart_entries_at", "at"),
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

# One row for each chart whose reporter said anything. `token` holds the fields, sealed
# with the key `key_id`; `fields` says which there are, without their values.
personal_vault = Table(
    "personal_vault",
    metadata,
    Column("chart_id", ForeignKey("charts.id"), primary_key=True),
    Column("token", LargeBinary, nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("phone_hash", String(64)),
    Column("fields", String(80), nullable=False),
    Column("stored_at", AwareDateTime, nullable=False),
    Index("ix_personal_vault_phone_hash", "phone_hash"),
    Index("ix_personal_vault_key_id", "key_id"),
)

# Appended only: who touched whose fields, when, why and what for; never a value.
reveals = Table(
    "reveals",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("at", AwareDateTime, nullable=False),
    Column("who", String(120), nullable=False),
    Column("why", Text, nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("chart_id", ForeignKey("charts.id")),
    Column("fields", String(80), nullable=False),
    Column("phone_hash", String(64)),
    Index("ix_reveals_at_id", "at", "id"),
    Index("ix_reveals_chart_id", "chart_id"),
)

# `failed` and `locked_until` are counted by sign-ins, beside the version: a wrong
# password makes no administrator's change stale.
accounts = Table(
    "accounts",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("login", String(64), nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("failed", Integer, nullable=False),
    Column("locked_until", AwareDateTime),
    Column("must_change", Integer, nullable=False),
    Column("valid_from", AwareDateTime, nullable=False),
    Column("valid_until", AwareDateTime),
    Column("version", Integer, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("login", name="uq_accounts_login"),
)

# Tokens stand here only as hashes: who reads the database cannot act in a session.
sessions = Table(
    "sessions",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("signed_in_at", AwareDateTime, nullable=False),
    Column("made_at", AwareDateTime, nullable=False),
    Column("seen_at", AwareDateTime, nullable=False),
    Column("expires_at", AwareDateTime, nullable=False),
    Column("rotated_from", String(64)),
    Column("is_replaced", Integer, nullable=False),
    Index("ix_sessions_account_id", "account_id"),
    Index("ix_sessions_rotated_from", "rotated_from"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("client", String(64), nullable=False),
    Column("key_sha256", String(64), nullable=False),
    Column("actions", Text, nullable=False),
    Column("created_at", AwareDateTime, nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("expires_at", AwareDateTime, nullable=False),
    Column("revoked_at", AwareDateTime),
    Column("last_used_at", AwareDateTime),
    UniqueConstraint("key_sha256", name="uq_api_keys_key_sha256"),
)

# Appended only.
sign_ins = Table(
    "sign_ins",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", AwareDateTime, nullable=False),
    Column("login", String(64), nullable=False),
    Column("outcome", String(24), nullable=False),
    Column("origin", String(64), nullable=False),
)

# Added, and ended once; never edited otherwise. `body` is the fact without its time.
staff_rows = Table(
    "staff_rows",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("staff_id", String(40), nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
    Column("body", Text, nullable=False),
    Column("opened_at", AwareDateTime, nullable=False),
    Column("opened_by", String(120), nullable=False),
    Column("opened_why", Text, nullable=False),
    Column("ended_at", AwareDateTime),
    Column("ended_by", String(120)),
    Column("ended_why", Text),
    Index("ix_staff_rows_staff_id", "staff_id"),
)

# `district_id` is empty for a ward council's batch; `meeting_on` is the council's day,
# or the one on which an officer heard it.
voice_batches = Table(
    "voice_batches",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("ward_code", String(16), nullable=False),
    Column("district_id", String(300), nullable=False),
    Column("meeting_on", Date),
    Column("who", String(120), nullable=False),
    Column("at", AwareDateTime, nullable=False),
    Column("num_rows", Integer, nullable=False),
    Column("num_added", Integer, nullable=False),
    Column("num_known", Integer, nullable=False),
    Column("num_refused", Integer, nullable=False),
    Index("ix_voice_batches_ward_code_meeting_on", "ward_code", "meeting_on"),
)

# Which batch a chart first came with.
voices = Table(
    "voices",
    metadata,
    Column("chart_id", ForeignKey("charts.id"), primary_key=True),
    Column("batch_id", ForeignKey("voice_batches.id"), nullable=False),
    Index("ix_voices_batch_id", "batch_id"),
)

# `words` is what the search compares: category, question, action, answer and lesson
# in one normal form.
examples = Table(
    "examples",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("chart_id", ForeignKey("charts.id"), nullable=False),
    Column("category_code", String(16), nullable=False),
    Column("ward_code", String(16), nullable=False),
    Column("at", AwareDateTime, nullable=False),
    Column("words", Text, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("chart_id", name="uq_examples_chart_id"),
    Index("ix_examples_category_code", "category_code"),
)

# The bytes lie in a file named by `sha256`. `lon` and `lat` are where the camera says
# it stood: offered for the chart, and emptied when somebody has decided.
photos = Table(
    "photos",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("chart_id", ForeignKey("charts.id"), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("num_bytes", Integer, nullable=False),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("taken_at", AwareDateTime),
    Column("lon", Float),
    Column("lat", Float),
    Column("stored_at", AwareDateTime, nullable=False),
    Column("who", String(120), nullable=False),
    Column("removed_at", AwareDateTime),
    Index("ix_photos_chart_id", "chart_id"),
    Index("ix_photos_sha256", "sha256"),
)

# What each chart's body says of its transfers, once more, for queues and counts.
transfers = Table(
    "transfers",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("chart_id", ForeignKey("charts.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("is_last", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("sender", String(120), nullable=False),
    Column("receiver", String(120), nullable=False),
    Column("ward_code", String(16), nullable=False),
    Column("sent_at", AwareDateTime, nullable=False),
    Column("due_at", AwareDateTime),  # of whoever has to act now
    Column("settled_at", AwareDateTime),
    Column("ended_at", AwareDateTime),
    Index("ix_transfers_chart_id", "chart_id"),
    Index("ix_transfers_last_state", "is_last", "state", "receiver"),
)

# Appended, read once and settled once; what was said is never edited.
notices = Table(
    "notices",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("chart_id", ForeignKey("charts.id"), nullable=False),
    Column("side", String(16), nullable=False),
    Column("desk", String(120), nullable=False),
    Column("ward_code", String(16), nullable=False),
    Column("district_id", String(40), nullable=False),
    Column("sent_at", AwareDateTime, nullable=False),
    Column("act_by", Date),
    Column("read_at", AwareDateTime),
    Column("read_by", String(120)),
    Column("settled_at", AwareDateTime),
    Column("settled_by", String(120)),
    Column("body", Text, nullable=False),
    Index("ix_notices_chart_id", "chart_id"),
    Index("ix_notices_open", "settled_at", "side", "ward_code"),
)

# The one log of what happened to charts, in the order in which it was stored: others
# read it from a position on, and webhooks are sent from it. `version` is empty in rows
# of before revision 0013.
changes = Table(
    "changes",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("chart_id", ForeignKey("charts.id"), nullable=False),
    Column("version", Integer),
    Column("at", AwareDateTime, nullable=False),
    Column("kinds", Text, nullable=False),  # codes of the history's lines, with commas
    Column("status", String(16), nullable=False),
    Column("source", String(120), nullable=False),
    Index("ix_changes_chart_id", "chart_id"),
    Index("ix_changes_source_position", "source", "position"),
    sqlite_autoincrement=True,  # a position is never given twice
)
