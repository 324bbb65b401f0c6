"""Rows of the vault inside another store's transaction: put, read, move old ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from dispatch.adapters.tables import charts, personal_vault, reporters
from dispatch.adapters.vault import Vault
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.reporter import PersonalField, Reporter

QUERY_BATCH = 500  # below every database's limit of bound parameters
_SEAL = insert(personal_vault)
NO_VAULT = "a store without a vault was given a reporter"


def put_reporters(
    connection: Connection,
    vault: Vault | None,
    reporters: Sequence[tuple[CaseChart, Reporter]],
) -> None:
    """
    Store new charts' reporters sealed; nothing where nothing about them was given.

    Runs in the write transaction that stores the charts.

    Raises
    ------
    ValueError
        When there is no vault to put them in: a mistake of the program.
    """
    sealed = [
        (chart.id, who, chart.consultation.received_at)
        for chart, who in reporters
        if not who.is_empty
    ]
    _put(connection, vault, sealed)


def _put(
    connection: Connection,
    vault: Vault | None,
    people: Sequence[tuple[str, Reporter, dt.datetime]],
) -> None:
    if not people:
        return
    if vault is None:
        raise ValueError(NO_VAULT)
    vault.refresh()  # inside the transaction: nobody drops the key before it is used
    rows = [
        {
            "chart_id": chart_id,
            "token": vault.seal(chart_id, reporter, at=at),
            "key_id": vault.key_id,
            "phone_hash": vault.phone_hash(reporter.phone) or None,
            "fields": fields_text(reporter.given),
            "stored_at": at,
        }
        for chart_id, reporter, at in people
    ]
    connection.execute(_SEAL, rows)


def unsealed(vault: Vault, row: Row[Any]) -> Reporter:
    """Open one row of the vault."""
    return vault.unseal(row.chart_id, row.token, key_id=row.key_id)


def rows_of(connection: Connection, chart_ids: Iterable[str]) -> list[Row[Any]]:
    """Rows of some charts, as asked for; charts without one are left out."""
    wanted = list(dict.fromkeys(chart_ids))
    found: dict[str, Row[Any]] = {}
    for at in range(0, len(wanted), QUERY_BATCH):
        part = wanted[at : at + QUERY_BATCH]
        query = select(personal_vault).where(personal_vault.c.chart_id.in_(part))
        found |= {row.chart_id: row for row in connection.execute(query)}
    return [found[chart_id] for chart_id in wanted if chart_id in found]


def holders_of(connection: Connection, chart_ids: Iterable[str]) -> dict[str, str]:
    """
    Charts that hold the reporters of charts, by chart id.

    Its own for most; the first one's where several topics came in one call.
    """
    wanted = list(dict.fromkeys(chart_ids))
    found: dict[str, str] = {}
    for at in range(0, len(wanted), QUERY_BATCH):
        part = wanted[at : at + QUERY_BATCH]
        query = select(charts.c.id, charts.c.parent_id).where(charts.c.id.in_(part))
        rows = connection.execute(query.where(charts.c.parent_id.is_not(None)))
        found |= {row.id: row.parent_id for row in rows}
    return {chart_id: found.get(chart_id, chart_id) for chart_id in wanted}


def keys_in_use(connection: Connection) -> dict[str, int]:
    """Count the rows by the key that sealed them."""
    key_id = personal_vault.c.key_id
    query = select(key_id, func.count()).group_by(key_id).order_by(key_id)
    return {key: int(count) for key, count in connection.execute(query)}


def has_plain_rows(connection: Connection) -> bool:
    """Whether reporters of an older version still stand in plain text."""
    return connection.execute(select(reporters.c.chart_id).limit(1)).first() is not None


def move_plain_rows(connection: Connection, vault: Vault) -> int:
    """
    Seal the reporters of an older version and delete their plain rows.

    Returns
    -------
    int
        How many were moved.
    """
    query = select(reporters, charts.c.received_at).join_from(reporters, charts)
    rows = connection.execute(query).all()
    people = [
        (
            row.chart_id,
            Reporter(name=row.name, phone=row.phone, address=row.address),
            row.received_at,
        )
        for row in rows
    ]
    _put(connection, vault, [one for one in people if not one[1].is_empty])
    connection.execute(delete(reporters))
    return len(rows)


def fields_text(fields: Iterable[PersonalField]) -> str:
    """Names of fields as a row keeps them."""
    return ",".join(fields)


def fields_of(text: str) -> tuple[PersonalField, ...]:
    """Names of fields from a row."""
    return tuple(PersonalField(name) for name in text.split(",") if name)
