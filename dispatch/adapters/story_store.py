"""Histories of all charts for the numbers: kinds of lines and facts, no words."""

from __future__ import annotations

import datetime as dt
from itertools import groupby
from typing import Any

from sqlalchemy import Engine, select

from dispatch.adapters.codec import from_json
from dispatch.adapters.database import reading
from dispatch.adapters.tables import charts, entries
from dispatch.domain.case_chart import EntryKind
from dispatch.domain.chart_facts import ChartFacts
from dispatch.domain.statistics import Change, ChartStory

ROWS_AT_ONCE = 5_000


class SqlStories:
    """
    The `ChartStories` port.

    Parameters
    ----------
    engine
        From `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def stories(self, *, before: dt.datetime) -> list[ChartStory]:
        """Charts with a change before a moment, each with those changes only."""
        query = (
            select(
                entries.c.chart_id,
                entries.c.at,
                entries.c.kind,
                entries.c.facts,
                charts.c.received_at,
            )
            .join_from(entries, charts)
            .where(entries.c.at < before)
            .order_by(entries.c.chart_id, entries.c.seq)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).yield_per(ROWS_AT_ONCE)
            return [
                story
                for _, lines in groupby(rows, key=lambda row: row.chart_id)
                if (story := _story(list(lines))) is not None
            ]


def _story(rows: list[Any]) -> ChartStory | None:
    """Story of a chart's lines; None where none of them holds facts."""
    changes: list[Change] = []
    kinds: set[EntryKind] = set()
    for row in rows:
        kinds.add(EntryKind(row.kind))
        if row.facts is None:
            continue  # the facts stand beside the last line of a change
        after = from_json(ChartFacts, row.facts)
        changes.append(Change(at=row.at, kinds=frozenset(kinds), after=after))
        kinds = set()
    if not changes:
        return None
    return ChartStory(received_at=rows[0].received_at, changes=tuple(changes))
