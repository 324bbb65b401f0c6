"""Writers at the same moment, on both databases: nothing lost, nothing twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import pytest
from sqlalchemy import Engine

from dispatch.adapters.database import reading
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.tables import charts
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.errors import ConflictError
from dispatch.ports import IdempotencyKey, NewChart, PlanStatus
from tests.builders import DAY, catalogue, chart, consultation, entry, moment, new_chart
from tests.dispatch.test_sql_store import stored_plan

T = TypeVar("T")
NUM_WRITERS = 8
NUM_EDITS = 1_000
LIMIT_S = 120


def at_once(work: Callable[[int], T], count: int = NUM_WRITERS) -> list[T]:
    """Let so many threads begin at one moment; their answers in order."""
    start = threading.Barrier(count)

    def run(which: int) -> T:
        start.wait(LIMIT_S)
        return work(which)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(run, range(count), timeout=LIMIT_S))


def test_one_key_sent_by_many_at_once_makes_one_chart(store: SqlStore) -> None:
    def send(which: int) -> tuple[bool, CaseChart]:
        key = IdempotencyKey(client="web", key="k", body_sha256="aa")
        (one,) = store.add_all([new_chart(f"w{which}", idempotency=key)])
        return one.is_new, one.chart

    answers = at_once(send)
    assert [is_new for is_new, _ in answers].count(True) == 1
    assert len({one.id for _, one in answers}) == 1
    assert [one.number for one in store.find()] == ["2026-27127-000001"]


def test_one_key_with_other_bodies_at_once_is_refused_but_for_the_first(
    store: SqlStore,
) -> None:
    def send(which: int) -> bool:
        key = IdempotencyKey(client="web", key="k", body_sha256=f"{which}")
        try:
            store.add_all([new_chart(f"w{which}", idempotency=key)])
        except ConflictError:
            return False
        return True

    assert at_once(send).count(True) == 1
    assert len(store.find()) == 1


def test_one_external_id_sent_by_many_at_once_makes_one_chart(
    store: SqlStore,
) -> None:
    def send(which: int) -> tuple[bool, str]:
        told = consultation(source="311", external_id="x1")
        new = new_chart(f"w{which}", chart=chart(f"w{which}", consultation=told))
        (one,) = store.add_all([new])
        return one.is_new, one.chart.id

    answers = at_once(send)
    assert [is_new for is_new, _ in answers].count(True) == 1
    assert {chart_id for _, chart_id in answers} == {one.id for one in store.find()}


def test_batches_that_count_on_the_same_wards_in_other_orders_all_get_through(
    store: SqlStore,
) -> None:
    wards = [f"2026-2712{ward}" for ward in range(4)]

    def send(which: int) -> list[str]:
        # half of the writers come the other way round: each holds what one waits for
        order = wards if which % 2 else wards[::-1]
        batch: list[NewChart] = [
            new_chart(f"w{which}n{n}", number_prefix=prefix)
            for n, prefix in enumerate(order * 3)
        ]
        return [one.chart.number for one in store.add_all(batch)]

    numbers = [number for part in at_once(send) for number in part]
    # 8 writers with 3 charts in each ward: 1 to 24, without a gap
    assert sorted(numbers) == sorted(
        f"{ward}-{count:06d}" for ward in wards for count in range(1, 25)
    )


def test_plans_of_a_day_made_at_once_get_versions_without_a_gap(
    store: SqlStore,
) -> None:
    versions = at_once(lambda n: store.add_plan(stored_plan(f"p{n}"), "{}").version)
    assert sorted(versions) == list(range(1, NUM_WRITERS + 1))


def test_of_drafts_published_at_once_one_is_in_force(store: SqlStore) -> None:
    for which in range(NUM_WRITERS):
        store.add_plan(stored_plan(f"p{which}"))

    def publish(which: int) -> bool:
        try:
            store.publish(f"p{which}", at=moment("8:30"), changes=[], left_out=[])
        except ConflictError:
            return False
        return True

    won = at_once(publish)
    assert won.count(True) == 1
    states = [plan.status for plan in store.plans_on(DAY)]
    assert states.count(PlanStatus.PUBLISHED) == 1
    assert states.count(PlanStatus.DRAFT) == NUM_WRITERS - 1
    in_force = store.in_force(DAY)
    assert in_force is not None
    assert in_force.id == f"p{won.index(True)}"


def test_of_a_thousand_edits_of_one_chart_one_wins_at_each_version(
    store: SqlStore,
) -> None:
    store.add_all([new_chart("a", entries=())])

    def edit(which: int) -> int | None:
        """Change what is there now; the version that was made, or None."""
        seen = store.get("a")
        status = (
            ChartStatus.PLANNED
            if seen.status is ChartStatus.ASSIGNED
            else ChartStatus.ASSIGNED
        )
        after = seen.moved(status)
        try:
            store.save_all([(after, (entry(f"{which}: {after.version}"),))])
        except ConflictError:
            return None
        return after.version

    with ThreadPoolExecutor(NUM_WRITERS) as threads:
        made = list(threads.map(edit, range(NUM_EDITS), timeout=LIMIT_S))
    won = [version for version in made if version is not None]
    last = store.get("a").version
    # each version from 2 on was made by one edit, and only by that one
    assert sorted(won) == list(range(2, last + 1))
    lines = [line.text for line in store.history("a")]
    assert sorted(lines) == sorted(
        f"{which}: {version}" for which, version in enumerate(made) if version
    )
    # appended in the order of versions: no entry came between two others
    assert [int(line.partition(": ")[2]) for line in lines] == list(range(2, last + 1))
    with pytest.raises(ConflictError):
        store.save_all([(replace(store.get("a"), version=last), ())])


def test_a_read_sees_one_moment_though_others_write_meanwhile(engine: Engine) -> None:
    store = SqlStore(engine, catalogue())
    store.add_all([new_chart("a")])
    query = charts.select().with_only_columns(charts.c.id)
    with reading(engine) as connection:
        before = connection.execute(query).scalars().all()
        with ThreadPoolExecutor(1) as thread:
            thread.submit(store.add_all, [new_chart("b")]).result(LIMIT_S)
        assert connection.execute(query).scalars().all() == before == ["a"]
    assert {one.id for one in store.find()} == {"a", "b"}
