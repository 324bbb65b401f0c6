"""Changing the vault's keys and looking whether everything opens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select, update

from dispatch.adapters.database import reading, writing
from dispatch.adapters.scrubbing import scrub
from dispatch.adapters.tables import personal_vault, reveals
from dispatch.adapters.vault import Vault
from dispatch.adapters.vault_rows import keys_in_use, unsealed
from dispatch.domain.errors import SourceError

ROWS_AT_ONCE = 200  # a few hundredths of a second, while other writers wait


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultState:
    """
    What a look into the vault found.

    `rows` are the charts with personal fields by the key that sealed them; `damaged`
    those that do not open, by their ids; `num_reveals` the lines on record.
    """

    rows: dict[str, int]
    damaged: tuple[str, ...]
    num_reveals: int


def rotate(
    engine: Engine,
    vault: Vault,
    *,
    told: Callable[[int, int], None] = lambda _done, _all: None,
) -> Vault:
    """
    Put a new key in front and seal every row with it; the older keys are kept.

    The key is in the file before the first row needs it, and rows are sealed anew in
    small transactions: interrupted at any point, everything opens. When rows are left
    under an older key, no new key is made: the interrupted rotation is finished.

    Parameters
    ----------
    told
        Called with the rows done and all of them.
    """
    with writing(engine) as connection:
        vault.refresh()
        if not _num_old(connection, vault):
            vault = vault.with_new_key()
            vault.write()
        todo = _num_old(connection, vault)
    done = 0
    while batch := _reseal(engine, vault):
        done += batch
        told(done, todo)
    scrub(engine)
    return vault


def drop_old_keys(engine: Engine, vault: Vault) -> Vault:
    """
    Take the older keys out of the file; what is in old backups opens no more.

    Raises
    ------
    SourceError
        When rows are left that need one of them; nothing is changed then.
    """
    with writing(engine) as connection:  # nobody seals with an older one meanwhile
        vault.refresh()
        left = _num_old(connection, vault)
        if left:
            message = f"vault: {left} rows need an older key; finish the rotation first"
            raise SourceError(message)
        newest = vault.with_newest_only()
        newest.write()
    return newest


def look(engine: Engine, vault: Vault) -> VaultState:
    """Open every row once and tell what does not open; nothing is shown of it."""
    damaged = []
    with reading(engine) as connection:
        for row in connection.execute(select(personal_vault)).yield_per(ROWS_AT_ONCE):
            try:
                unsealed(vault, row)
            except SourceError:
                damaged.append(row.chart_id)
        num_reveals = len(connection.execute(select(reveals.c.id)).all())
        rows = keys_in_use(connection)
    return VaultState(rows=rows, damaged=tuple(damaged), num_reveals=num_reveals)


def _num_old(connection: Connection, vault: Vault) -> int:
    used = keys_in_use(connection)
    return sum(count for key, count in used.items() if key != vault.key_id)


def _reseal(engine: Engine, vault: Vault) -> int:
    """Seal some rows with the newest key; how many there were."""
    with writing(engine) as connection:
        rows = connection.execute(
            select(personal_vault)
            .where(personal_vault.c.key_id != vault.key_id)
            .order_by(personal_vault.c.chart_id)
            .limit(ROWS_AT_ONCE)
        ).all()
        for row in rows:
            token = vault.seal(row.chart_id, unsealed(vault, row), at=row.stored_at)
            connection.execute(
                update(personal_vault)
                .where(personal_vault.c.chart_id == row.chart_id)
                .values(token=token, key_id=vault.key_id)
            )
    return len(rows)
