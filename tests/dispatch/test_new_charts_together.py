"""Charts stored together are what they would be one after the other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from dispatch.adapters.change_store import SqlChanges
from dispatch.adapters.sql_store import SqlStore
from dispatch.domain.change import ChangeQuery
from dispatch.domain.errors import ConflictError
from dispatch.ports import AddedChart, IdempotencyKey, NewChart
from tests.builders import chart, consultation, entry, new_chart

MOST = 500
_names = itertools.count(1)


class Told(NamedTuple):
    """What one sender says; few of each, so that they meet."""

    ward: int
    key: int | None
    body: int
    external: int | None
    lines: int


def one_of(most: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(0, most)


TOLD = st.builds(
    Told,
    ward=st.integers(0, 2),
    key=one_of(3),
    body=st.sampled_from((0, 0, 0, 0, 0, 1)),
    external=one_of(2),
    lines=st.integers(0, 2),
)


@dataclass(frozen=True)
class Found:
    """Outcome by place in the list: which chart, its number, whether it is new."""

    charts: list[tuple[int, str, bool]]
    is_refused: bool = False


class Side:
    """A corner of a database of its own: nobody else has its names."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.name = f"s{next(_names)}"

    def new(self, n: int, told: Told) -> NewChart:
        chart_id = f"{self.name}n{n}"
        said = consultation(
            source=self.name,
            external_id="" if told.external is None else f"x{told.external}",
        )
        key = None
        if told.key is not None:
            key = IdempotencyKey(
                client=self.name, key=f"k{told.key}", body_sha256=f"b{told.body}"
            )
        return new_chart(
            chart_id,
            chart=chart(chart_id, consultation=said),
            entries=tuple(entry(f"{line}") for line in range(told.lines)),
            number_prefix=f"{self.name}-{told.ward}",
            idempotency=key,
        )

    def found(self, added: Sequence[AddedChart]) -> list[tuple[int, str, bool]]:
        own = len(self.name)
        return [
            (int(one.chart.id[own + 1 :]), one.chart.number[own:], one.is_new)
            for one in added
        ]

    def together(self, all_told: Sequence[Told], known: int) -> Found:
        new = [self.new(n, told) for n, told in enumerate(all_told)]
        try:
            first = self.store.add_all(new[:known])
            return Found(self.found([*first, *self.store.add_all(new[known:])]))
        except ConflictError:
            return Found([], is_refused=True)

    def singly(self, all_told: Sequence[Told]) -> Found:
        added: list[AddedChart] = []
        for n, told in enumerate(all_told):
            try:
                added += self.store.add_all([self.new(n, told)])
            except ConflictError:
                return Found([], is_refused=True)
        return Found(self.found(added))

    def rows(self, engine: Engine) -> list[list[tuple[object, ...]]]:
        """All that is stored of it, without its name."""
        queries = (
            "SELECT number, body FROM charts WHERE source = :of ORDER BY number",
            (
                "SELECT prefix, last FROM number_counters WHERE prefix LIKE :of || '-%'"
                " ORDER BY prefix"
            ),
            (
                "SELECT key, body_sha256, chart_id FROM idempotency_keys"
                " WHERE client = :of ORDER BY key"
            ),
            (
                "SELECT chart_id, seq, text, facts FROM chart_entries"
                " WHERE chart_id LIKE :of || 'n%' ORDER BY chart_id, seq"
            ),
        )
        with engine.connect() as connection:
            return [
                [
                    tuple(str(value).replace(self.name, "*") for value in row)
                    for row in connection.execute(text(query), {"of": self.name})
                ]
                for query in queries
            ]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(all_told=st.lists(TOLD, max_size=12), known=st.integers(0, 12))
def test_together_or_singly_the_same_is_stored_and_answered(
    engine: Engine, store: SqlStore, all_told: list[Told], known: int
) -> None:
    a, b = Side(store), Side(store)
    together, singly = a.together(all_told, known), b.singly(all_told)
    assert together == singly
    if not together.is_refused:  # else one has undone more than the other, as it says
        assert a.rows(engine) == b.rows(engine)


def test_the_log_tells_of_charts_stored_together_in_their_order(
    engine: Engine, store: SqlStore
) -> None:
    ids = [f"c{n}" for n in range(700)]  # more than one question may name
    store.add_all([new_chart(chart_id) for chart_id in ids])
    log, told, after = SqlChanges(engine), list[str](), 0
    while True:
        page = log.page(ChangeQuery(after=after, limit=MOST))
        told += [one.chart_id for one in page.changes]
        after = page.position
        if not page.has_more:
            break
    assert told == ids
