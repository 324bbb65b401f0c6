"""A fresh store on SQLite for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from dispatch.adapters.database import open_database
from dispatch.adapters.sql_store import SqlStore
from tests.builders import catalogue


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Open a new database file and close it after the test."""
    opened = open_database(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    opened.dispose()


@pytest.fixture
def store(engine: Engine) -> SqlStore:
    """Charts and plans in the new database."""
    return SqlStore(engine, catalogue())
