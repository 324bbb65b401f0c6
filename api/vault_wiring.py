"""What the commands of the vault use, wired without the rest of the service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from api.settings import Settings
from dispatch.adapters.clocks import SystemClock
from dispatch.adapters.database import open_database
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.vault import Vault
from dispatch.adapters.vault_keys import VaultState, drop_old_keys, look, rotate
from dispatch.adapters.vault_opening import key_file_for, open_vault
from dispatch.adapters.vault_store import SqlVault
from dispatch.vault_desk import VaultDesk
from geodata.city import load_city

AREA_CODE = "area_code"  # label of a city's profile


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultTools:
    """The vault of one database, and what can be done with its keys."""

    vault: Vault
    desk: VaultDesk
    store: SqlStore
    look: Callable[[], VaultState]
    rotate: Callable[[Callable[[int, int], None]], Vault]
    drop_old_keys: Callable[[], Vault]


@contextmanager
def opened_vault(settings: Settings) -> Iterator[VaultTools]:
    """
    Open the settings' database and its vault, as the service does.

    Raises
    ------
    SourceError
        When the database or its keys cannot be used.
    """
    profile = load_city(settings.city)
    engine = open_database(settings.database_url)
    try:
        vault = open_vault(
            engine,
            key_file_for(settings.database_url, settings.vault_key_file),
            area_code=profile.labels.get(AREA_CODE, ""),
        )
        store = SqlStore(engine, profile.catalogue, vault)
        yield VaultTools(
            vault=vault,
            desk=VaultDesk(
                SqlVault(engine, vault),
                store,
                SystemClock(profile.timezone),
                retention_days=settings.retention_days,
            ),
            store=store,
            look=partial(look, engine, vault),
            rotate=lambda told: rotate(engine, vault, told=told),
            drop_old_keys=partial(drop_old_keys, engine, vault),
        )
    finally:
        engine.dispose()
