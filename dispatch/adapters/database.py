"""Opening the database: URL, pragmas, write transactions, migrations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from dispatch.domain.errors import SourceError

BUSY_TIMEOUT_S = 30
MIGRATIONS = Path(__file__).parent / "migrations"


def open_database(url: str) -> Engine:
    """
    Open the database and bring its tables up to date.

    SQLite runs in WAL mode with full synchronisation: what was answered with success
    survives ``kill -9`` and a power cut. PostgreSQL is the same call with its URL.

    Raises
    ------
    SourceError
        When the database cannot be opened or migrated.
    """
    parsed = make_url(url)
    sqlite = parsed.get_backend_name() == "sqlite"
    if sqlite and parsed.database not in {None, "", ":memory:"}:
        Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
    try:
        # Without hide_parameters an error's text would carry a reporter's name.
        engine = create_engine(url, pool_pre_ping=not sqlite, hide_parameters=True)
        if sqlite:
            _prepare_sqlite(engine)
        migrate(engine)
    except ModuleNotFoundError as problem:
        message = (
            f"database {parsed.render_as_string()} needs a driver that is not "
            "installed; for PostgreSQL: pip install 'psycopg[binary]'"
        )
        raise SourceError(message) from problem
    except SQLAlchemyError as problem:
        kind = type(problem).__name__
        message = f"database {parsed.render_as_string()} cannot be opened ({kind})"
        raise SourceError(message) from problem
    return engine


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:  # noqa: ANN401 - DBAPI object
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("kidohan_writes", False)
        # IMMEDIATE takes the write lock first: a deferred one fails half-way through.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open one write transaction; undone as a whole when anything raises."""
    with (
        engine.connect().execution_options(kidohan_writes=True) as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open one consistent read."""
    with engine.connect() as connection, connection.begin():
        yield connection


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest version; safe when two processes start at once."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_alive(engine: Engine) -> bool:
    """Whether the database answers and has our tables."""
    try:
        with reading(engine) as connection:
            connection.execute(text("SELECT count(*) FROM number_counters"))
    except SQLAlchemyError:
        return False
    return True
