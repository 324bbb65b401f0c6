"""Going back to the tables of an older version, and what would be lost by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from alembic import command
from alembic.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, MetaData, func, select

from dispatch.adapters.database import alembic_config, reading, writing
from dispatch.domain.errors import ConflictError, InvalidInputError

# Values that are there, by table and column; the column "" counts the rows.
Contents = Mapping[tuple[str, str], int]
# Columns that repeat, for queries, what each chart's body holds: no loss without them.
REPEATED = {
    "charts": {"scheme", "receiver", "answer_due_at", "parent_id", "duplicate_of"}
}
# Tables that repeat charts or their entries; they are written anew on the way up.
REPEATED_TABLES = frozenset({"transfers", "changes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """
    What an older version has no place for.

    `column` is empty where the whole table goes.
    """

    table: str
    column: str
    count: int

    def __str__(self) -> str:
        """Table, column and how many."""
        name = f"{self.table}.{self.column}" if self.column else self.table
        return f"{name} ({self.count})"


def revision_of(engine: Engine) -> str | None:
    """Revision of the tables; None where there are none."""
    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def downgrade(
    engine: Engine, revision: str, *, may_lose: bool = False
) -> tuple[Loss, ...]:
    """
    Bring the tables back to an older version, in one transaction.

    Parameters
    ----------
    engine
        From `open_database`.
    revision
        `0001` and up, or `base` for no tables at all.
    may_lose
        Go on although something is lost; it is returned then.

    Raises
    ------
    InvalidInputError
        When there is no such older revision.
    ConflictError
        When something would be lost that may not be; nothing is changed then.
    """
    with writing(engine) as connection:
        before = _contents(connection)
        try:
            command.downgrade(alembic_config(connection), revision)
        except CommandError as problem:
            raise InvalidInputError("revision", str(problem)) from problem
        lost = _losses(before, _contents(connection))
        if lost and not may_lose:
            told = ", ".join(map(str, lost))
            message = f"going back to {revision} would lose {told}; nothing was changed"
            raise ConflictError(message)
    return lost


def _contents(connection: Connection) -> Contents:
    tables = MetaData()
    tables.reflect(connection)
    found: dict[tuple[str, str], int] = {}
    for table in tables.sorted_tables:
        names = ["", *table.c.keys()]
        counts = (func.count(), *(func.count(column) for column in table.c))
        row = connection.execute(select(*counts).select_from(table)).one()
        found |= {(table.name, name): n for name, n in zip(names, row, strict=True)}
    return found


def _losses(before: Contents, after: Contents) -> tuple[Loss, ...]:
    """Tables that are gone and held rows, and columns gone that held values."""
    return tuple(
        Loss(table=table, column=column, count=count)
        for (table, column), count in before.items()
        if count
        and (table, column) not in after
        and (not column or (table, "") in after)
        and column not in REPEATED.get(table, ())
        and table not in REPEATED_TABLES
    )
