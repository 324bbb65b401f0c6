"""Databases for the tests: SQLite files, and a PostgreSQL server of their own."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from dispatch.adapters.database import open_database
from tests.postgresql_server import (
    NoPostgresqlError,
    PostgresqlServer,
    start_postgresql,
)

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
BACKENDS = (SQLITE, POSTGRESQL)
TEMPLATE = "kidohan_template"  # with all tables: a copy is faster than migrating
_numbers = itertools.count(1)
_chosen = [SQLITE]


def choose(chosen: str) -> None:
    """Say what installations run on when their test does not."""
    _chosen[0] = chosen


def fresh_url(folder: Path, *, on: str | None = None) -> str:
    """URL of a new database without charts; PostgreSQL's goes with the server."""
    if (on or _chosen[0]) == SQLITE:
        return f"sqlite:///{folder / 'kidohan.sqlite3'}"
    server = postgresql()
    return server.url(_created(server, TEMPLATE))


def postgresql() -> PostgresqlServer:
    """Server of these tests, started once; the test is skipped loudly without one."""
    server = _started()
    if isinstance(server, str):
        pytest.skip(f"NOT TESTED ON POSTGRESQL: {server}")
    return server


@cache
def _started() -> PostgresqlServer | str:
    try:
        server = start_postgresql()
    except NoPostgresqlError as problem:
        return str(problem)
    server.run(f"CREATE DATABASE {TEMPLATE}")
    open_database(server.url(TEMPLATE)).dispose()
    return server


def stop() -> None:
    """Stop the server, if one was needed."""
    server = _started() if _started.cache_info().currsize else None
    if isinstance(server, PostgresqlServer):
        server.stop()
    _started.cache_clear()


def _created(server: PostgresqlServer, template: str) -> str:
    name = f"d{next(_numbers)}"
    server.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    return name


@cache
def _sqlite_template() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "template.db"
        open_database(f"sqlite:///{file}").dispose()  # the last one leaves no -wal
        return file.read_bytes()


@contextmanager
def _for_a_while(backend: str, folder: Path, *, is_empty: bool) -> Iterator[str]:
    if backend == SQLITE:
        file = folder / "store.db"
        if not is_empty:
            file.write_bytes(_sqlite_template())
        yield f"sqlite:///{file}"
        return
    server = postgresql()
    name = _created(server, "template0" if is_empty else TEMPLATE)
    yield server.url(name)
    server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Each database in turn."""
    name: str = request.param
    return name


@pytest.fixture
def database_url(backend: str, tmp_path: Path) -> Iterator[str]:
    """URL of a new database that has its tables."""
    with _for_a_while(backend, tmp_path, is_empty=False) as url:
        yield url


@pytest.fixture
def empty_database_url(backend: str, tmp_path: Path) -> Iterator[str]:
    """URL of a database without any table."""
    with _for_a_while(backend, tmp_path, is_empty=True) as url:
        yield url


@pytest.fixture(scope="module")
def served_database(request: pytest.FixtureRequest) -> str:
    """Name what a module's installation runs on: marked so, or as chosen."""
    name: str = getattr(request, "param", _chosen[0])
    return name
