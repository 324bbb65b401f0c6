"""Opening the database: URL, transactions, migrations; SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    ExceptionContext,
    Executable,
    create_engine,
    event,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from dispatch.domain.errors import InvalidInputError, SourceError

BUSY_TIMEOUT_S = 30
CONNECT_TIMEOUT_S = 10
# A client that hangs inside a transaction holds all writers up; so long, no longer.
IDLE_TIMEOUT_S = 60
MIGRATIONS = Path(__file__).parent / "migrations"
SQLITE = "sqlite"
POSTGRESQL = "postgresql"
DRIVERS = {
    SQLITE: {"sqlite", "sqlite+pysqlite"},
    POSTGRESQL: {"postgresql", "postgresql+psycopg"},
}
FORMS = "sqlite:///FOLDER/FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
# Key of the advisory lock that all writers of one database take; any fixed number.
WRITE_LOCK = 20_261_124
WRITES = "kidohan_writes"
GLANCES = "kidohan_glances"
HIDDEN = "***"
MAX_TOLD = 400  # characters of a server's own words
Database = Engine  # the name by which those know it who know no SQL


def open_database(url: str) -> Engine:
    """
    Open the database and bring its tables up to date.

    SQLite runs in WAL mode with full synchronisation: what was answered with success
    survives ``kill -9`` and a power cut; so it does on PostgreSQL unless its server
    was told otherwise. On both, writers wait for each other and a read sees one state.

    Raises
    ------
    SourceError
        When the database cannot be opened or migrated; never tells a password.
    """
    engine = connect(url)
    try:
        if engine.dialect.name == POSTGRESQL:
            _require_utf8(engine)
        migrate(engine)
    except CommandError as problem:
        engine.dispose()
        message = (
            f"database {shown(engine.url)} was made by a newer version ({problem})"
        )
        raise SourceError(message) from problem
    except (SQLAlchemyError, SourceError) as problem:
        engine.dispose()
        raise _cannot_open(engine.url, problem) from problem
    return engine


def connect(url: str) -> Engine:
    """
    Make the engine of a database; nothing is opened yet, and no table is made.

    Raises
    ------
    SourceError
        For a URL of another form, a strange kind of database, or a missing driver.
    """
    parsed = _parsed(url)
    backend = parsed.get_backend_name()
    file = sqlite_file(url) if backend == SQLITE else None
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    # Without hide_parameters an error's text would carry a reporter's name.
    options: dict[str, Any] = {"hide_parameters": True}
    if backend == POSTGRESQL:
        options["connect_args"] = {
            "application_name": "kidohan",
            "client_encoding": "utf8",
            "connect_timeout": CONNECT_TIMEOUT_S,
        }
    try:
        engine = create_engine(parsed, **options)
    except ModuleNotFoundError as problem:
        message = (
            f"database {shown(parsed)} needs a driver that is not installed; "
            "for PostgreSQL: pip install 'psycopg[binary]'"
        )
        raise SourceError(message) from problem
    prepare = _prepare_sqlite if backend == SQLITE else _prepare_postgresql
    prepare(engine)
    event.listen(engine, "before_cursor_execute", _refuse_unstorable)
    return engine


def sqlite_file(url: str) -> Path | None:
    """File of an SQLite database; None for one in memory."""
    name = _parsed(url).database
    return None if name in {None, "", ":memory:"} else Path(str(name))


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (SQLAlchemyError, ValueError):
        # The text of either error may hold the URL, and with it a password.
        raise SourceError(f"the database's URL cannot be read; it is {FORMS}") from None
    if parsed.drivername not in DRIVERS.get(parsed.get_backend_name(), ()):
        message = f"database {parsed.drivername} is not supported; the URL is {FORMS}"
        raise SourceError(message)
    if parsed.get_backend_name() == POSTGRESQL:
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def shown(url: URL) -> str:
    """URL as it may be told to people: no password, wherever it stands in it."""
    if "password" in url.query:
        url = url.update_query_dict({"password": HIDDEN})
    return url.render_as_string()


def _cannot_open(url: URL, problem: Exception) -> SourceError:
    """Say why, in the server's own words; never with the password."""
    cause = problem.__cause__
    if isinstance(problem, SourceError) and isinstance(cause, DBAPIError):
        problem = cause  # "does not answer" is known; why is the question
    told = problem.orig if isinstance(problem, DBAPIError) else problem
    words = " ".join(str(told).split()) or type(told).__name__
    for secret in (url.password, *_as_tuple(url.query.get("password"))):
        words = words.replace(str(secret), HIDDEN) if secret else words
    return SourceError(f"database {shown(url)} cannot be opened: {words[:MAX_TOLD]}")


def _as_tuple(value: str | Sequence[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:  # noqa: ANN401 - DBAPI object
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000}")
        cursor.execute("PRAGMA foreign_keys=ON")
        # What is deleted is overwritten: personal fields that were erased are gone.
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get(GLANCES):
            return  # one statement sees one state by itself
        # IMMEDIATE takes the write lock first: a deferred one fails half-way through.
        writes = options.get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:  # noqa: ANN401 - DBAPI object
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{BUSY_TIMEOUT_S}s'")
            cursor.execute(
                f"SET idle_in_transaction_session_timeout = '{IDLE_TIMEOUT_S}s'"
            )
        connection.commit()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES)
        if writes:
            # Each writer sees all that the one before it stored, as on SQLite: what is
            # checked then holds until the end. The lock falls with the transaction.
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")
        elif writes is False:
            connection.exec_driver_sql(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
            )

    @event.listens_for(engine, "handle_error")
    def on_error(context: ExceptionContext) -> None:
        # The server adds whole rows to what it refuses ("Failing row contains"), and
        # rows hold a resident's words: only its first sentence goes further.
        told = getattr(context.original_exception, "diag", None)
        sentence = getattr(told, "message_primary", None)
        for problem in (context.original_exception, context.sqlalchemy_exception):
            if sentence and problem is not None:
                problem.args = (sentence,)


def _require_utf8(engine: Engine) -> None:
    with reading(engine) as connection:
        encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        message = f"its encoding is {encoding}; make it with ENCODING 'UTF8'"
        raise SourceError(message)


def _refuse_unstorable(
    _connection: Connection,
    _cursor: object,
    _statement: str,
    parameters: Any,  # noqa: ANN401 - one row, or many, by name or by place
    _context: object,
    is_many: bool,  # noqa: FBT001
) -> None:
    """
    Refuse what only one of the databases takes, so that both answer the same.

    PostgreSQL stores no NUL in a text, and neither a half of a surrogate pair.
    """
    for row in parameters if is_many else (parameters,):
        for value in row.values() if isinstance(row, dict) else row or ():
            if isinstance(value, str) and not is_storable(value):
                raise InvalidInputError("text", "保存できない文字が入っています")


def is_storable(words: str) -> bool:
    """Whether every database that we know can hold a text."""
    if words.isascii():
        return "\0" not in words
    try:
        return b"\0" not in words.encode()
    except UnicodeEncodeError:
        return False


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """
    Open one write transaction; undone as a whole when anything raises.

    Raises
    ------
    SourceError
        When the database does not answer, or other writers held it for too long.
    """
    with _answering(), _begun(engine, writes=True) as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """
    Open one consistent read.

    Raises
    ------
    SourceError
        When the database does not answer.
    """
    with _answering(), _begun(engine, writes=False) as connection:
        yield connection


def glance(
    engine: Engine, statement: Executable, values: Mapping[str, object]
) -> Sequence[Any]:
    """
    Rows of one statement that reads: no transaction around it, so it costs least.

    Raises
    ------
    SourceError
        When the database does not answer.
    """
    with _answering():
        try:
            return _glanced(engine, statement, values)
        except DBAPIError as problem:
            if not problem.connection_invalidated:
                raise
        return _glanced(engine, statement, values)  # on a new connection


def _glanced(
    engine: Engine, statement: Executable, values: Mapping[str, object]
) -> Sequence[Any]:
    options: dict[str, Any] = {GLANCES: True}
    if engine.dialect.name == POSTGRESQL:
        options["isolation_level"] = "AUTOCOMMIT"
    with engine.connect().execution_options(**options) as connection:
        return connection.execute(statement, values).all()


@contextmanager
def _begun(engine: Engine, *, writes: bool) -> Iterator[Connection]:
    """
    Open a transaction on a connection that is alive.

    The server may have been started anew since a connection was last used: its first
    statement (the lock, the isolation) then fails, with nothing done yet, and a new
    connection takes its place. To ask each time first costs as much as a statement.
    """
    connection = _connected(engine, writes=writes)
    try:
        connection.begin()
    except DBAPIError as problem:
        connection.close()
        if not problem.connection_invalidated:
            raise
        connection = _connected(engine, writes=writes)
        connection.begin()
    transaction = connection.get_transaction()
    with connection, transaction or nullcontext():
        yield connection


def _connected(engine: Engine, *, writes: bool) -> Connection:
    return engine.connect().execution_options(**{WRITES: writes})


@contextmanager
def _answering() -> Iterator[None]:
    """Tell a database that is away from a statement that it refused."""
    try:
        yield
    except PoolTimeoutError as problem:
        message = "the database is too busy: no connection came free"
        raise SourceError(message) from problem
    except DBAPIError as problem:
        if not _is_away(problem):
            raise
        message = "the database does not answer, or is held by another writer"
        raise SourceError(message) from problem


def _is_away(problem: DBAPIError) -> bool:
    """Whether the database is not there or not free; not that it said no."""
    if problem.connection_invalidated:
        return True
    # psycopg names so what the server cannot do now: gone, shutting down, full, locked
    kinds = {kind.__module__.partition(".")[0] for kind in type(problem.orig).__mro__}
    if "psycopg" in kinds:
        return any(
            kind.__name__ == "OperationalError" for kind in type(problem.orig).__mro__
        )
    return str(getattr(problem.orig, "sqlite_errorname", "")).startswith(
        ("SQLITE_BUSY", "SQLITE_LOCKED")
    )


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest version; safe when two processes start at once."""
    with writing(engine) as connection:
        command.upgrade(alembic_config(connection), "head")


def alembic_config(connection: Connection) -> Config:
    """Make alembic's configuration for a write transaction that is open."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def is_alive(engine: Engine) -> bool:
    """Whether the database answers and has our tables."""
    try:
        with reading(engine) as connection:
            connection.execute(text("SELECT count(*) FROM number_counters"))
    except (SQLAlchemyError, SourceError):
        return False
    return True
