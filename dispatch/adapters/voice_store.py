"""Batches of voices in a relational database, and the charts that came of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, insert, select

from dispatch.adapters.codec import from_json
from dispatch.adapters.database import reading, writing
from dispatch.adapters.tables import by_code, charts, voice_batches, voices
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.voice import VoiceBatch, VoiceKind, VoiceOrigin


class SqlVoices:
    """
    The `VoiceBatches` port of `dispatch.voice_desk`.

    Parameters
    ----------
    engine
        From `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, batch: VoiceBatch, chart_ids: Sequence[str]) -> None:
        """Store a batch; a chart that an earlier batch has stays with that."""
        wanted = list(dict.fromkeys(chart_ids))
        with writing(self._engine) as connection:
            connection.execute(insert(voice_batches).values(_values(batch)))
            known = select(voices.c.chart_id).where(voices.c.chart_id.in_(wanted))
            there = set(connection.execute(known).scalars())
            new = [
                {"chart_id": one, "batch_id": batch.id}
                for one in wanted
                if one not in there
            ]
            if new:
                connection.execute(insert(voices), new)

    def latest(self, *, limit: int) -> list[VoiceBatch]:
        """Batches, the newest first."""
        columns = voice_batches.c
        query = select(voice_batches).order_by(columns.at.desc(), by_code(columns.id))
        with reading(self._engine) as connection:
            rows = connection.execute(query.limit(limit)).all()
        return [_batch(row) for row in rows]

    def charts_of(
        self, *, ward_code: str, meeting_on: dt.date | None, district_id: str
    ) -> list[CaseChart]:
        """Charts of a ward's council day, or of a school district, by their number."""
        columns = voice_batches.c
        query = (
            select(charts.c.body)
            .join_from(charts, voices, voices.c.chart_id == charts.c.id)
            .join(voice_batches, columns.id == voices.c.batch_id)
            .where(columns.ward_code == ward_code)
        )
        if meeting_on is None:
            query = query.where(columns.district_id == district_id)
        else:
            council = columns.kind == str(VoiceKind.COUNCIL)
            query = query.where(columns.meeting_on == meeting_on, council)
        query = query.order_by(charts.c.received_at, by_code(charts.c.number))
        with reading(self._engine) as connection:
            bodies = connection.execute(query).scalars().all()
        return [from_json(CaseChart, body) for body in bodies]


def _values(batch: VoiceBatch) -> dict[str, object]:
    return {
        "id": batch.id,
        "kind": str(batch.origin.kind),
        "ward_code": batch.origin.ward_code,
        "district_id": batch.origin.district_id,
        "meeting_on": batch.origin.meeting_on,
        "who": batch.who,
        "at": batch.at,
        "num_rows": batch.num_rows,
        "num_added": batch.num_added,
        "num_known": batch.num_known,
        "num_refused": batch.num_refused,
    }


def _batch(row: Any) -> VoiceBatch:  # noqa: ANN401 - a row of SQLAlchemy
    return VoiceBatch(
        id=row.id,
        origin=VoiceOrigin(
            kind=VoiceKind(row.kind),
            ward_code=row.ward_code,
            district_id=row.district_id,
            # a batch of before days were asked of officers, too
            meeting_on=row.meeting_on or row.at.date(),
        ),
        who=row.who,
        at=row.at,
        num_rows=row.num_rows,
        num_added=row.num_added,
        num_known=row.num_known,
        num_refused=row.num_refused,
    )
