"""The store: nothing is lost, nothing is edited, nobody overwrites another."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from dispatch.adapters.sql_store import SqlStore
from dispatch.domain.case_chart import CaseChart, ChartStatus, EntryKind
from dispatch.domain.catalogue import Duty
from dispatch.domain.errors import ConflictError, NotFoundError
from dispatch.domain.plan import Plan
from dispatch.domain.reporter import Reporter
from dispatch.ports import IdempotencyKey, NewChart, PlanStatus, StoredPlan
from tests.builders import (
    DAY,
    assignment,
    catalogue,
    chart,
    consultation,
    day_problem,
    entry,
    moment,
    new_chart,
    plan_of,
)


def added(store: SqlStore, *new: NewChart) -> list[CaseChart]:
    return [one.chart for one in store.add_all(new)]


def test_a_chart_comes_back_as_it_was_stored(store: SqlStore) -> None:
    (stored,) = added(store, new_chart("a"))
    assert store.get("a") == stored
    assert store.get_by_number(stored.number) == stored


def test_what_is_not_there_is_not_found(store: SqlStore) -> None:
    with pytest.raises(NotFoundError):
        store.get("nothing")
    with pytest.raises(NotFoundError):
        store.get_by_number("2026-27127-999999")
    with pytest.raises(NotFoundError):
        store.get_plan("nothing")


def test_the_offset_of_a_time_survives(store: SqlStore, engine: Engine) -> None:
    night = moment("0:30")  # 15:30 UTC on the day before
    added(
        store,
        new_chart(
            "a",
            chart=chart("a", consultation=consultation(received_at=night)),
            entries=(entry(at=night),),
        ),
    )
    fresh = SqlStore(engine, catalogue())
    kept = fresh.get("a").consultation.received_at
    assert kept.isoformat() == "2026-11-24T00:30:00+09:00"
    (line,) = fresh.history("a")
    assert line.at == night
    assert line.at.utcoffset() is not None


def test_a_naive_time_never_reaches_the_store(store: SqlStore) -> None:
    naive = dt.datetime(2026, 11, 24, 9, 5)  # noqa: DTZ001 - the point of the test
    with pytest.raises(Exception, match="naive time"):
        store.add_all([new_chart("a", entries=(entry(at=naive),))])
    assert store.find() == []  # the chart itself was undone with its entry


def test_numbers_run_by_prefix(store: SqlStore) -> None:
    charts = added(
        store,
        new_chart("a"),
        new_chart("b"),
        new_chart("c", number_prefix="2026-27128"),
        new_chart("d"),
    )
    assert [one.number for one in charts] == [
        "2026-27127-000001",
        "2026-27127-000002",
        "2026-27128-000001",
        "2026-27127-000003",
    ]


def test_history_keeps_the_order_of_appending_not_of_time(store: SqlStore) -> None:
    (stored,) = added(store, new_chart("a", entries=(entry("一"), entry("二"))))
    store.append("a", [entry("三", at=moment("8:00")), entry("四")])
    store.save_all([(stored.moved(ChartStatus.PLANNED), (entry("五"),))])
    store.append("a", [])
    assert [line.text for line in store.history("a")] == ["一", "二", "三", "四", "五"]


def test_an_entry_of_an_unknown_chart_is_refused(store: SqlStore) -> None:
    with pytest.raises(IntegrityError):
        store.append("nothing", [entry()])


def test_a_stale_version_is_refused_with_everything_saved_beside_it(
    store: SqlStore,
) -> None:
    a, b = added(store, new_chart("a"), new_chart("b"))
    store.save_all([(b.moved(ChartStatus.PLANNED), ())])
    changes = [
        (a.moved(ChartStatus.PLANNED), (entry("a"),)),
        (b.moved(ChartStatus.PLANNED), (entry("b"),)),  # made from version 1
    ]
    with pytest.raises(ConflictError):
        store.save_all(changes)
    assert store.get("a") == a
    assert len(store.history("a")) == 1


def test_two_writers_at_once_lose_nothing_and_get_unique_numbers(
    store: SqlStore,
) -> None:
    start = threading.Barrier(4)

    def write(writer: int) -> list[str]:
        start.wait()
        return [added(store, new_chart(f"w{writer}n{i}"))[0].number for i in range(15)]

    with ThreadPoolExecutor(4) as threads:
        numbers = [n for part in threads.map(write, range(4)) for n in part]
    expected = {f"2026-27127-{i:06d}" for i in range(1, 61)}
    assert sorted(numbers) == sorted(expected)
    assert {one.number for one in store.find()} == expected


def test_of_writers_who_change_the_same_chart_one_wins(store: SqlStore) -> None:
    (stored,) = added(store, new_chart("a"))
    start = threading.Barrier(4)

    def write(writer: int) -> bool:
        start.wait()
        changed = stored.moved(ChartStatus.PLANNED)
        try:
            store.save_all([(changed, (entry(f"{writer}"),))])
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        won = list(threads.map(write, range(4)))
    assert won.count(True) == 1
    assert [line.text for line in store.history("a")][1:] == [str(won.index(True))]


def test_appending_from_two_threads_keeps_every_line(store: SqlStore) -> None:
    added(store, new_chart("a", entries=()))

    def write(writer: int) -> None:
        for i in range(10):
            store.append("a", [entry(f"{writer}-{i}")])

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, range(2)))
    texts = [line.text for line in store.history("a")]
    for writer in range(2):
        own = [text for text in texts if text.startswith(f"{writer}-")]
        assert own == [f"{writer}-{i}" for i in range(10)]


def test_a_known_key_returns_the_chart_and_another_body_undoes_the_batch(
    store: SqlStore,
) -> None:
    key = IdempotencyKey(client="web", key="k", body_sha256="aa")
    first = store.add_all([new_chart("a", idempotency=key)])[0]
    again = store.add_all([new_chart("b", idempotency=key)])[0]
    assert (again.is_new, again.chart) == (False, first.chart)
    assert store.known([key])[key] == first.chart
    assert store.known([replace(key, key="other")]) == {}
    other = replace(key, body_sha256="bb")
    with pytest.raises(ConflictError):
        store.known([other])
    with pytest.raises(ConflictError):
        store.add_all([new_chart("c"), new_chart("d", idempotency=other)])
    assert [one.id for one in store.find()] == ["a"]


def external(chart_id: str, external_id: str, source: str = "311") -> NewChart:
    told = consultation(source=source, external_id=external_id)
    return new_chart(chart_id, chart=chart(chart_id, consultation=told))


def test_an_external_id_is_taken_once_per_source(store: SqlStore) -> None:
    store.add_all([external("a", "x1"), external("b", "x1", source="app")])
    again = store.add_all([external("c", "x1")])[0]
    assert (again.is_new, again.chart.id) == (False, "a")
    assert store.known_external("311", ["x1", "x2"]) == {"x1"}
    assert store.known_external("fax", ["x1"]) == set()
    assert store.known_external("311", []) == set()


def test_known_external_takes_more_ids_than_a_query_may_hold(store: SqlStore) -> None:
    store.add_all([external(f"c{i}", f"x{i}") for i in range(0, 1_200, 400)])
    wanted = (f"x{i}" for i in range(1_200))  # an iterator, in batches of 500
    assert store.known_external("311", wanted) == {"x0", "x400", "x800"}


def test_charts_without_an_external_id_do_not_stand_in_each_others_way(
    store: SqlStore,
) -> None:
    assert all(one.is_new for one in store.add_all([new_chart("a"), new_chart("b")]))


def test_find_filters_by_status_and_office_oldest_first(store: SqlStore) -> None:
    def at_time(chart_id: str, clock: str, **more: object) -> NewChart:
        told = consultation(received_at=moment(clock))
        return new_chart(chart_id, chart=chart(chart_id, consultation=told, **more))

    south = assignment(office_id="south")
    store.add_all(
        [
            at_time("late", "11:00"),
            at_time("early", "9:00"),
            at_time("south", "10:00", assignment=south),
            at_time("planned", "10:30", status=ChartStatus.PLANNED),
        ]
    )
    assert [c.id for c in store.find()] == ["early", "south", "planned", "late"]
    only = store.find(statuses=[ChartStatus.ASSIGNED], office_id="north")
    assert [c.id for c in only] == ["early", "late"]
    assert store.find(statuses=[]) == []


def test_a_store_without_a_vault_takes_no_person(store: SqlStore) -> None:
    person = Reporter(name="山田", phone="06-0000-0000", address="北区")
    with pytest.raises(ValueError, match="without a vault"):
        store.add_all([new_chart("a", reporter=person)])
    assert store.find() == []
    assert "山田" not in repr(store.history("a"))


def test_loads_are_the_open_field_works_minutes_on_site(store: SqlStore) -> None:
    store.add_all(
        [
            new_chart("a"),  # R01: 30 minutes with n1
            new_chart("b", chart=chart("b", status=ChartStatus.PLANNED)),
            new_chart("c", chart=chart("c", status=ChartStatus.ON_HOLD)),  # not open
            new_chart("d", chart=chart("d", assignment=assignment(team_id="n2"))),
            new_chart("e", chart=chart("e", assignment=assignment(team_id=None))),
            new_chart("f", chart=chart("f", duty=Duty.PARTNER)),
        ]
    )
    assert store.team_loads_s({"n1", "n2", "n9"}) == {"n1": 3_600, "n2": 1_800}


# -- plans -----------------------------------------------------------------------------


def stored_plan(plan_id: str, plan: Plan | None = None) -> StoredPlan:
    return StoredPlan(
        id=plan_id,
        version=0,
        status=PlanStatus.DRAFT,
        made_at=moment("8:00"),
        made_by="配車係",
        plan=plan or plan_of(day_problem(), [()]),
        num_feasible=0,
        num_violations=0,
        reasons={"a": "理由"},
        changed_visit_ids=frozenset({"a", "b"}),
    )


def test_a_plan_comes_back_as_it_was_stored_and_versions_run_by_day(
    store: SqlStore,
) -> None:
    first = store.add_plan(stored_plan("p1"))
    tomorrow = replace(first.plan, date=DAY + dt.timedelta(days=1))
    versions = [
        first.version,
        store.add_plan(stored_plan("p2")).version,
        store.add_plan(stored_plan("p3", tomorrow)).version,
    ]
    assert versions == [1, 2, 1]
    assert store.get_plan("p1") == first
    assert [plan.id for plan in store.plans_on(DAY)] == ["p2", "p1"]


def test_publishing_with_a_stale_chart_undoes_everything(store: SqlStore) -> None:
    (a,) = added(store, new_chart("a"))
    store.add_plan(stored_plan("p1"))
    store.publish("p1", at=moment("8:30"), changes=[], left_out=[])
    store.add_plan(stored_plan("p2"))
    stale = a.moved(ChartStatus.PLANNED).moved(ChartStatus.PLANNED)  # version 3, not 2
    left = entry("残り", kind=EntryKind.LEFT_OUT)
    with pytest.raises(ConflictError):
        store.publish(
            "p2",
            at=moment("8:40"),
            changes=[(stale, ())],
            left_out=[("a", left)],
        )
    in_force = store.in_force(DAY)
    assert in_force is not None
    assert in_force.id == "p1"
    assert store.get_plan("p2").status is PlanStatus.DRAFT
    assert len(store.history("a")) == 1


def test_of_two_publishers_of_one_draft_one_wins(store: SqlStore) -> None:
    store.add_plan(stored_plan("p1"))
    start = threading.Barrier(2)

    def publish(_writer: int) -> bool:
        start.wait()
        try:
            store.publish("p1", at=moment("8:30"), changes=[], left_out=[])
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(publish, range(2))) == [False, True]
