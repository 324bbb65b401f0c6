"""A fresh store for each test, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from dispatch.adapters.database import connect
from dispatch.adapters.sql_store import SqlStore
from tests.builders import catalogue


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Open a new database and close it after the test."""
    opened = connect(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def store(engine: Engine) -> SqlStore:
    """Charts and plans in the new database."""
    return SqlStore(engine, catalogue())
