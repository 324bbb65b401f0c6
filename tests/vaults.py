"""Vaults for the tests: the keys of an installation, and what its rows hold."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from dispatch.adapters.database import connect, reading
from dispatch.adapters.tables import personal_vault
from dispatch.adapters.vault import read_vault
from dispatch.adapters.vault_opening import KEY_FILE
from dispatch.adapters.vault_store import SqlVault
from dispatch.domain.reporter import Reporter


def people_in(database: Path) -> list[Reporter]:
    """Open every row of an SQLite file with the key file beside it."""
    engine = connect(f"sqlite:///{database}")
    try:
        with reading(engine) as connection:
            ids = list(connection.execute(select(personal_vault.c.chart_id)).scalars())
        keeper = SqlVault(engine, read_vault(database.with_name(KEY_FILE)))
        return list(keeper.for_masking(ids).values())
    finally:
        engine.dispose()
