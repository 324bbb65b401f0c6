"""The vault in a relational database: reveal, search, erase, each on record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
)

from dispatch.adapters.database import reading, writing
from dispatch.adapters.entry_rows import append_entries
from dispatch.adapters.scrubbing import scrub
from dispatch.adapters.tables import (
    by_code,
    charts,
    entries,
    idempotency_keys,
    personal_vault,
    reveals,
)
from dispatch.adapters.vault import Vault
from dispatch.adapters.vault_rows import (
    fields_of,
    fields_text,
    holders_of,
    rows_of,
    unsealed,
)
from dispatch.domain.case_chart import ChartStatus, EntryKind
from dispatch.domain.ids import new_id
from dispatch.domain.reporter import PersonalField, Reporter
from dispatch.domain.reveal import Reveal, RevealPurpose, Touch

# Lines of a history that do not say that anything went on with the chart.
LOOKED_AT = (EntryKind.PRINTED, EntryKind.REVEALED, EntryKind.ERASED)


class SqlVault:
    """
    The `PersonalFields` port on SQLAlchemy Core.

    Parameters
    ----------
    engine
        From `open_database`.
    vault
        From `open_vault`.
    """

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def given(self, chart_ids: Iterable[str]) -> dict[str, tuple[PersonalField, ...]]:
        """Which fields charts have; see `PersonalFields`."""
        with reading(self._engine) as connection:
            rows = _by_chart(connection, chart_ids)
        return {chart_id: fields_of(row.fields) for chart_id, row in rows.items()}

    def for_masking(self, chart_ids: Iterable[str]) -> dict[str, Reporter]:
        """Give the reporters whose words are taken out of other texts; see the port."""
        with reading(self._engine) as connection:
            rows = _by_chart(connection, chart_ids)
        return {chart_id: unsealed(self._vault, row) for chart_id, row in rows.items()}

    def reveal(
        self,
        touches: Sequence[Touch],
        *,
        at: dt.datetime,
        who: str,
        why: str,
        purpose: RevealPurpose,
    ) -> dict[str, Reporter]:
        """Hand out the wanted fields, on record first; see `PersonalFields`."""
        by_chart = {touch.chart_id: touch for touch in touches}
        shown: dict[str, Reporter] = {}
        with writing(self._engine) as connection:
            for chart_id, row in _by_chart(connection, by_chart).items():
                touch = by_chart[chart_id]
                fields = [f for f in fields_of(row.fields) if f in touch.wanted]
                if not fields:
                    continue
                shown[chart_id] = unsealed(self._vault, row).only(fields)
                line = Reveal(
                    at=at,
                    who=who,
                    why=why,
                    purpose=purpose,
                    chart_id=chart_id,
                    fields=tuple(fields),
                )
                _write_down(connection, line)
                append_entries(connection, chart_id, [touch.entry])
        return shown

    def search(
        self, phone: str, *, at: dt.datetime, who: str, why: str
    ) -> list[str] | None:
        """Charts of a phone number, newest first, on record; see `PersonalFields`."""
        phone_hash = self._vault.phone_hash(phone)
        if not phone_hash:
            return None
        query = (
            select(personal_vault.c.chart_id)
            .join_from(personal_vault, charts)
            .where(personal_vault.c.phone_hash == phone_hash)
            .order_by(charts.c.received_at.desc(), by_code(charts.c.number).desc())
        )
        with writing(self._engine) as connection:
            found = list(connection.execute(query).scalars())
            for chart_id in found or [""]:
                line = Reveal(
                    at=at,
                    who=who,
                    why=why,
                    purpose=RevealPurpose.SEARCH,
                    chart_id=chart_id,
                    fields=(PersonalField.PHONE,),
                )
                _write_down(connection, line, phone_hash=phone_hash)
        return found

    def erase(
        self, touches: Sequence[Touch], *, at: dt.datetime, who: str, why: str
    ) -> list[str]:
        """Erase all fields of charts for good, on record; see `PersonalFields`."""
        by_chart = {touch.chart_id: touch for touch in touches}
        with writing(self._engine) as connection:
            rows = _by_chart(connection, by_chart)
            for chart_id, row in rows.items():
                self._erase(connection, row.chart_id)
                line = Reveal(
                    at=at,
                    who=who,
                    why=why,
                    purpose=RevealPurpose.ERASURE,
                    chart_id=chart_id,
                    fields=fields_of(row.fields),
                )
                _write_down(connection, line)
                append_entries(connection, chart_id, [by_chart[chart_id].entry])
        if rows:
            scrub(self._engine)
        return list(rows)

    @staticmethod
    def _erase(connection: Connection, chart_id: str) -> None:
        connection.execute(
            delete(personal_vault).where(personal_vault.c.chart_id == chart_id)
        )
        # A request's fingerprint was made of the fields too: a guess could be
        # compared with it. Nobody repeats a request after years.
        connection.execute(
            delete(idempotency_keys).where(idempotency_keys.c.chart_id == chart_id)
        )

    def ended_before(
        self, moment: dt.datetime, statuses: Collection[ChartStatus]
    ) -> list[str]:
        """Charts with fields where nothing went on since; see `PersonalFields`."""
        chart_id = personal_vault.c.chart_id
        ended = [str(status) for status in statuses]
        # The charts that a row is for: its own, and the other topics of the call.
        topics, others = charts.alias("topics"), charts.alias("others")
        goes_on = exists().where(
            others.c.parent_id == chart_id, others.c.status.not_in(ended)
        )
        query = (
            select(chart_id)
            .join_from(personal_vault, charts)
            .join(topics, or_(topics.c.id == chart_id, topics.c.parent_id == chart_id))
            .join(entries, entries.c.chart_id == topics.c.id)
            .where(
                charts.c.status.in_(ended),
                ~goes_on,
                entries.c.kind.not_in([str(kind) for kind in LOOKED_AT]),
            )
            .group_by(chart_id)
            .having(func.max(entries.c.at) < moment)
            .order_by(by_code(chart_id))
        )
        with reading(self._engine) as connection:
            return list(connection.execute(query).scalars())

    def record(self, *, limit: int, chart_id: str | None = None) -> list[Reveal]:
        """Lines of the record of reveals, the newest first."""
        query = select(reveals).order_by(reveals.c.at.desc(), by_code(reveals.c.id))
        if chart_id is not None:
            query = query.where(reveals.c.chart_id == chart_id)
        with reading(self._engine) as connection:
            rows = connection.execute(query.limit(limit)).all()
        return [
            Reveal(
                at=row.at,
                who=row.who,
                why=row.why,
                purpose=RevealPurpose(row.purpose),
                chart_id=row.chart_id or "",
                fields=fields_of(row.fields),
            )
            for row in rows
        ]


def _by_chart(connection: Connection, chart_ids: Iterable[str]) -> dict[str, Row[Any]]:
    """Rows that hold the reporters of charts, by chart; absent where there is none."""
    holders = holders_of(connection, chart_ids)
    rows = {row.chart_id: row for row in rows_of(connection, holders.values())}
    return {one: rows[holder] for one, holder in holders.items() if holder in rows}


def _write_down(connection: Connection, line: Reveal, *, phone_hash: str = "") -> None:
    """Append one line to the record; there is no code that changes or removes one."""
    connection.execute(
        insert(reveals).values(
            id=new_id(),
            at=line.at,
            who=line.who,
            why=line.why,
            purpose=str(line.purpose),
            chart_id=line.chart_id or None,
            fields=fields_text(line.fields),
            phone_hash=phone_hash or None,
        )
    )
