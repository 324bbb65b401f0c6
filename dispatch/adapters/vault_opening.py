"""Opening the vault: its key file, what is sealed with it, what older versions left."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Engine

from dispatch.adapters.database import reading, sqlite_file, writing
from dispatch.adapters.scrubbing import scrub
from dispatch.adapters.vault import Vault, is_open_to_others, make_vault, read_vault
from dispatch.adapters.vault_rows import has_plain_rows, keys_in_use, move_plain_rows
from dispatch.domain.errors import SourceError

KEY_FILE = "vault.key"
logger = logging.getLogger(__name__)


def key_file_for(url: str, chosen: Path | None) -> Path | None:
    """
    Where the keys of a database are.

    The chosen file; else beside the SQLite file, or in `var/` for PostgreSQL. None for
    a database in memory: its keys live as long as the process.
    """
    if chosen is not None:
        return chosen
    if not url.startswith("sqlite"):
        return Path("var") / KEY_FILE
    file = sqlite_file(url)
    return None if file is None else file.parent / KEY_FILE


def open_vault(engine: Engine, file: Path | None, *, area_code: str = "") -> Vault:
    """
    Open the vault of a database that has its tables.

    A missing key file is made when nothing is sealed yet. Reporters that an older
    version stored in plain text are sealed, and their traces in the file overwritten.

    Parameters
    ----------
    engine
        From `open_database`.
    file
        From `key_file_for`.
    area_code
        Of the city, for phone numbers that were typed without one.

    Raises
    ------
    SourceError
        When something is sealed and the key file is missing, damaged or another one.
        Nothing is changed then.
    """
    with reading(engine) as connection:
        used = keys_in_use(connection)
        has_plain = has_plain_rows(connection)
    if file is None:
        vault = Vault.in_memory(area_code=area_code)
    elif file.exists():
        vault = read_vault(file, area_code=area_code)
    elif used:
        message = (
            f"vault: key file {file} is missing, and the personal fields of "
            f"{sum(used.values())} charts are sealed with it; put its copy back "
            "(KIDOHAN_VAULT_KEY_FILE says where). Nothing was changed"
        )
        raise SourceError(message)
    else:
        vault = make_vault(file, area_code=area_code)
    _require_keys(vault, used)
    if has_plain:
        _move(engine, vault)
    if file is not None and is_open_to_others(file):
        logger.warning("key file %s can be read by others; chmod 600", file)
    return vault


def _require_keys(vault: Vault, used: dict[str, int]) -> None:
    lacking = sum(count for key, count in used.items() if key not in vault.key_ids)
    if lacking:
        message = (
            f"vault: the key file {vault.place} is another one: it does not open the "
            f"personal fields of {lacking} charts. Nothing was changed"
        )
        raise SourceError(message)


def _move(engine: Engine, vault: Vault) -> None:
    """Seal what older versions stored plainly, all or nothing, and wipe its traces."""
    with writing(engine) as connection:
        moved = move_plain_rows(connection, vault)
    logger.info("sealed the reporters of %d charts of an older version", moved)
    scrub(engine, is_thorough=True)
