"""Lists of charts: what the database counts and orders is what Python would."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from dispatch.adapters.chart_list_store import SqlChartLists
from dispatch.adapters.sql_store import SqlStore
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.chart_query import ChartOrder, ChartQuery, Reach, Tally
from tests.builders import (
    assignment,
    chart,
    consultation,
    entry,
    moment,
    new_chart,
    placement,
)

NOW = moment("12:00")
HOUR = dt.timedelta(hours=1)
S, A, B = Urgency.S, Urgency.A, Urgency.B


@pytest.fixture
def lists(engine: Engine) -> SqlChartLists:
    return SqlChartLists(engine)


def add(store: SqlStore, chart_id: str, **changes: Any) -> CaseChart:  # noqa: ANN401
    one = chart(chart_id, **changes)
    at = one.consultation.received_at
    made = new_chart(chart=one, entries=(entry(at=at),))
    return store.add_all([made])[0].chart


def ids(charts: list[CaseChart]) -> list[str]:
    return [one.id for one in charts]


def received(hours_ago: int) -> Any:  # noqa: ANN401
    return consultation(received_at=NOW - hours_ago * HOUR)


def found(lists: SqlChartLists, **query: Any) -> set[str]:  # noqa: ANN401
    asked = ChartQuery(**query)
    charts = lists.listed(asked)
    assert lists.count(asked) == len(charts)
    return set(ids(charts))


def test_a_list_is_ordered_by_deadline_receipt_or_urgency(
    store: SqlStore, lists: SqlChartLists
) -> None:
    add(store, "late", urgency=B, due_at=NOW - HOUR, consultation=received(3))
    add(store, "soon", urgency=S, due_at=NOW + HOUR, consultation=received(1))
    add(store, "never", urgency=A, due_at=None, consultation=received(2))
    query = ChartQuery()
    assert ids(lists.listed(query)) == ["late", "soon", "never"]
    by_receipt = lists.listed(query, order=ChartOrder.RECEIVED)
    assert ids(by_receipt) == ["late", "never", "soon"]
    by_urgency = lists.listed(query, order=ChartOrder.URGENCY, limit=2)
    assert ids(by_urgency) == ["soon", "never"]


def test_equal_deadlines_go_by_number(store: SqlStore, lists: SqlChartLists) -> None:
    first = add(store, "z", due_at=NOW, consultation=received(1))
    second = add(store, "a", due_at=NOW, consultation=received(1))
    assert first.number < second.number
    assert ids(lists.listed(ChartQuery())) == ["z", "a"]


def test_each_filter_keeps_what_it_names(store: SqlStore, lists: SqlChartLists) -> None:
    here = placement(ward_code="27122", district_id="d1")
    add(store, "here", placement=here, urgency=S, consultation=received(5))
    add(
        store,
        "there",
        assignment=assignment(office_id="south", team_id="s1"),
        status=ChartStatus.PLANNED,
    )
    add(
        store,
        "park",
        assignment=None,
        duty=Duty.PARTNER,
        receiver="公園事務所",
        status=ChartStatus.REFERRED,
    )
    assert found(lists, statuses=(ChartStatus.PLANNED,)) == {"there"}
    assert found(lists, statuses=()) == set()
    assert found(lists, duty=Duty.PARTNER) == {"park"}
    assert found(lists, urgency=S) == {"here"}
    assert found(lists, office_id="south") == {"there"}
    assert found(lists, ward_code="27122") == {"here"}
    assert found(lists, district_ids=("d1", "d9")) == {"here"}
    assert found(lists, received_before=NOW - 4 * HOUR) == {"here"}
    assert "here" not in found(lists, received_from=NOW - 4 * HOUR)


def test_what_is_held_done_or_elsewhere_is_never_overdue(
    store: SqlStore, lists: SqlChartLists
) -> None:
    past = NOW - HOUR
    add(store, "open", due_at=past)
    add(store, "held", due_at=past, status=ChartStatus.ON_HOLD)
    add(store, "done", due_at=past, status=ChartStatus.DONE)
    add(store, "away", due_at=past, status=ChartStatus.REFERRED)
    add(store, "soon", due_at=NOW + HOUR, urgency=S)
    assert found(lists, overdue_at=NOW) == {"open"}
    assert found(lists, urgent_or_overdue_at=NOW) == {"open", "soon"}


def test_owing_is_work_that_is_not_over_or_an_answer_not_given(
    store: SqlStore, lists: SqlChartLists
) -> None:
    due = NOW + HOUR
    add(store, "work")
    add(store, "waits", status=ChartStatus.DONE, answer_due_at=due)
    add(
        store,
        "told",
        status=ChartStatus.ANSWERED,
        answer_due_at=due,
        answered_at=NOW,
    )
    add(store, "closed", status=ChartStatus.CLOSED, answer_due_at=due)
    assert found(lists, owing=True) == {"work", "waits"}


def test_settled_is_when_a_chart_came_to_its_status(
    store: SqlStore, lists: SqlChartLists
) -> None:
    for chart_id, hours_ago in (("old", 5), ("new", 1)):
        one = add(store, chart_id, consultation=received(9))
        done = replace(one, version=2, status=ChartStatus.DONE)
        store.save_all([(done, (entry("完了", at=NOW - hours_ago * HOUR),))])
        store.save_all([(replace(done, version=3), (entry("追記", at=NOW),))])
    since = NOW - 2 * HOUR
    done_only = (ChartStatus.DONE,)
    assert found(lists, statuses=done_only, settled_from=since) == {"new"}


@pytest.mark.parametrize(
    ("reach", "expected"),
    [
        (Reach(), set()),
        (Reach(is_unlimited=True), {"north", "south", "nowhere"}),
        (Reach(office_ids=frozenset({"south"})), {"south"}),
        (Reach(team_ids=frozenset({"n1"})), {"north"}),
        (Reach(chart_ids=frozenset({"south"})), {"south"}),
        (Reach(receivers=frozenset({"公園事務所"})), {"nowhere"}),
        (Reach(sources=frozenset({"web"})), {"south"}),
        (Reach(ward_codes=frozenset({"27122"})), {"north"}),
        (Reach(without_ward=True), {"nowhere"}),
        (Reach(without_office=True), {"nowhere"}),
        (
            Reach(ward_codes=frozenset({"27122"}), without_ward=True),
            {"north", "nowhere"},
        ),
        (
            Reach(
                office_ids=frozenset({"south", "north"}),
                category_codes=frozenset({"W01"}),
            ),
            {"south"},
        ),
    ],
    ids=range(12),
)
def test_a_list_reaches_what_somebody_may_read(
    store: SqlStore, lists: SqlChartLists, reach: Reach, expected: set[str]
) -> None:
    here = placement(ward_code="27122")
    add(store, "north", placement=here)
    add(
        store,
        "south",
        assignment=assignment(office_id="south", team_id="s1"),
        consultation=consultation(source="web", category_code="W01"),
    )
    add(store, "nowhere", assignment=None, placement=None, receiver="公園事務所")
    assert found(lists, reach=reach) == expected


def test_counts_are_by_status_duty_urgency_and_office(
    store: SqlStore, lists: SqlChartLists
) -> None:
    for number in range(3):
        add(store, f"c{number}")
    add(store, "none", assignment=None, status=ChartStatus.UNPLACED)
    assert set(lists.tallied(ChartQuery())) == {
        Tally(
            status=ChartStatus.ASSIGNED,
            duty=Duty.FIELD,
            urgency=B,
            office_id="north",
            count=3,
        ),
        Tally(
            status=ChartStatus.UNPLACED,
            duty=Duty.FIELD,
            urgency=B,
            office_id="",
            count=1,
        ),
    }
    many = [f"x{number}" for number in range(600)]  # more than one question takes
    assert lists.count_of(ChartQuery(), ["c1", "c1", *many, "c2"]) == 2
