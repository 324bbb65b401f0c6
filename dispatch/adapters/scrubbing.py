"""Wiping what was deleted out of the database's own files."""

from __future__ import annotations

import logging

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from dispatch.adapters.database import POSTGRESQL

logger = logging.getLogger(__name__)
# SQLite overwrites what it deletes (secure_delete), in the write-ahead log at first:
# the checkpoint brings that into the file and empties the log. VACUUM writes the file
# anew, without what older versions of ours had deleted and not overwritten.
CHECKPOINT = "PRAGMA wal_checkpoint(TRUNCATE)"
SQLITE_STEPS = (CHECKPOINT,)
SQLITE_THOROUGH = ("VACUUM", CHECKPOINT)
# PostgreSQL keeps deleted rows until a table is written anew.
POSTGRESQL_STEPS = ("VACUUM FULL personal_vault", "VACUUM FULL reporters")


def scrub(engine: Engine, *, is_thorough: bool = False) -> bool:
    """
    Wipe deleted personal fields out of the database's files.

    Server logs, replicas and backups are others' files and keep what they have.

    Parameters
    ----------
    engine
        From `open_database`; no transaction of this thread is open.
    is_thorough
        Also write the SQLite file anew.

    Returns
    -------
    bool
        Whether it was done; somebody who reads or writes all the time prevents it, and
        the next time does it.
    """
    steps: tuple[str, ...]
    if engine.dialect.name == POSTGRESQL:
        steps = POSTGRESQL_STEPS
    else:
        steps = SQLITE_THOROUGH if is_thorough else SQLITE_STEPS
    done = _run(engine, steps)
    if not done:
        logger.warning("deleted fields could not be wiped out of the file just now")
    return done


def _run(engine: Engine, steps: tuple[str, ...]) -> bool:
    """Run statements outside a transaction; False when one was prevented."""
    try:
        connection = engine.raw_connection()
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error):
        return False
    handle = connection.driver_connection
    if handle is None:  # pragma: no cover - only of a connection that was given back
        return False
    is_postgresql = engine.dialect.name == POSTGRESQL
    try:
        if is_postgresql:
            handle.autocommit = True
        cursor = connection.cursor()
        for step in steps:
            cursor.execute(step)
            # The checkpoint answers (busy, pages, pages done).
            answer = cursor.fetchone() if step == CHECKPOINT else None
            if answer and answer[0]:
                return False
    except engine.dialect.loaded_dbapi.Error:
        return False
    finally:
        if is_postgresql:
            connection.invalidate()  # it is of another kind than the pool's now
        connection.close()
    return True
