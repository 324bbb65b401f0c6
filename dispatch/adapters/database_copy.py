"""Copying all that is stored from one database into another, whichever they are."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Engine, Table, func, insert, select
from sqlalchemy.exc import DataError

from dispatch.adapters.database import POSTGRESQL, reading, writing
from dispatch.adapters.import_tables import metadata
from dispatch.domain.errors import ConflictError, SourceError

ROWS_AT_ONCE = 50  # what a plan was made from takes megabytes


def copy_database(source: Engine, target: Engine) -> Mapping[str, int]:
    """
    Copy every row as it stood at one moment, in one transaction.

    Parameters
    ----------
    source, target
        From `open_database`, so that both have the newest tables.

    Returns
    -------
    Mapping[str, int]
        Rows by table, in the order of copying.

    Raises
    ------
    ConflictError
        When the target holds anything already; nothing is copied then.
    SourceError
        When the target does not take a row, or does not have all of them in the end.
    """
    with reading(source) as here, writing(target) as there:
        for table in metadata.sorted_tables:
            if _num_rows(there, table):
                message = f"the target holds {table.name} already; nothing was copied"
                raise ConflictError(message)
        return {
            table.name: _copied(here, there, table) for table in metadata.sorted_tables
        }


def _num_rows(connection: Connection, table: Table) -> int:
    count = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return int(count)


def _copied(here: Connection, there: Connection, table: Table) -> int:
    query = select(table).execution_options(yield_per=ROWS_AT_ONCE)
    try:
        for rows in here.execute(query).mappings().partitions():
            there.execute(insert(table), [dict(row) for row in rows])
    except DataError as problem:  # SQLite never looked at how long a text is
        message = f"a row of {table.name} does not fit the target; nothing was copied"
        raise SourceError(message) from problem
    expected, found = _num_rows(here, table), _num_rows(there, table)
    if found != expected:
        message = f"{table.name}: {found} of {expected} rows came over"
        raise SourceError(message)
    if found:
        _count_on(there, table)
    return found


def _count_on(connection: Connection, table: Table) -> None:
    """Have PostgreSQL count on behind the rows that came with their numbers."""
    column = table.autoincrement_column
    if column is None or connection.dialect.name != POSTGRESQL:
        return  # SQLite looks at its rows
    sequence = func.pg_get_serial_sequence(table.name, column.name)
    connection.execute(
        select(func.setval(sequence, select(func.max(column)).scalar_subquery()))
    )
