"""Drafts, publication, and planning anew while the crews are out."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

import pytest

from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.plan_record import recorded
from dispatch.adapters.sql_store import SqlStore
from dispatch.domain.assignment import SharingPolicy
from dispatch.domain.case_chart import CaseChart, ChartStatus, EntryKind
from dispatch.domain.consultation import Appointment
from dispatch.domain.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    SolverError,
)
from dispatch.domain.outcome import Outcome
from dispatch.domain.place import LonLat
from dispatch.domain.plan import UnassignedReason
from dispatch.intake import IntakeDesk
from dispatch.plan_desk import PlanDesk, PlanRules, PlanTools
from dispatch.ports import PlanStatus, SearchParams, StoredPlan
from tests.builders import (
    DAY,
    TOKYO,
    FakeGeocoder,
    StraightTravel,
    assignment,
    at,
    catalogue,
    chart,
    consultation,
    intake_rules,
    moment,
    new_chart,
    placement,
    silent,
    town,
)
from tests.dispatch.results import record
from tests.fake_solver import GreedySolver

EVENING_BEFORE = moment("16:00", DAY - dt.timedelta(days=4))
PARAMS = SearchParams(iterations=5)


@dataclass(slots=True, kw_only=True)
class Room:
    """One planning desk with everything on it."""

    store: SqlStore
    clock: FixedClock
    solver: GreedySolver
    desk: PlanDesk

    def make(self) -> StoredPlan:
        return self.desk.make(DAY, PARAMS, silent, who="配車係")

    def published(self) -> StoredPlan:
        return self.desk.publish(self.make().id, who="配車係")

    def add(self, chart_id: str, step: int = 1, **overrides: Any) -> CaseChart:  # noqa: ANN401
        known = chart(
            chart_id,
            consultation=consultation(received_at=EVENING_BEFORE),
            placement=placement(LonLat(135.50 + 0.004 * step, 34.70)),
        )
        known = replace(known, **overrides)
        return self.store.add_all([new_chart(chart_id, chart=known)])[0].chart

    def override(self, chart_id: str, team_id: str) -> CaseChart:
        desk = IntakeDesk(
            self.store, FakeGeocoder(), StraightTravel(), intake_rules(), self.clock
        )
        version = self.store.get(chart_id).version
        return desk.override(
            chart_id, version, office_id="north", team_id=team_id, who="課長", why="急"
        )


@pytest.fixture
def room(store: SqlStore) -> Room:
    where = town()
    clock, solver = FixedClock(EVENING_BEFORE), GreedySolver()
    desk = PlanDesk(
        PlanTools(
            charts=store,
            plans=store,
            travel_times=StraightTravel(),
            solver=solver,
            clock=clock,
            recorder=recorded,
        ),
        PlanRules(
            timezone=TOKYO,
            offices=where.offices,
            teams=where.teams,
            catalogue=catalogue(),
            sharing=SharingPolicy.OWN,
        ),
    )
    return Room(store=store, clock=clock, solver=solver, desk=desk)


def test_a_draft_is_stored_with_a_version_and_changes_no_chart(room: Room) -> None:
    before = room.add("a")
    first, second = room.make(), room.make()
    assert (first.version, second.version) == (1, 2)
    assert first.status is PlanStatus.DRAFT
    assert (first.made_by, first.made_at) == ("配車係", EVENING_BEFORE)
    assert first.num_feasible == 1
    assert room.store.get("a") == before
    assert room.store.get_plan(first.id) == first
    assert [one.id for one in room.store.plans_on(DAY)] == [second.id, first.id]
    assert room.store.in_force(DAY) is None


def test_publishing_plans_the_charts_each_with_an_entry(room: Room) -> None:
    room.add("a", 1)
    room.add("b", 2)
    room.clock.moment = moment("17:00", EVENING_BEFORE.date())
    plan = room.published()
    assert plan.status is PlanStatus.PUBLISHED
    assert plan.published_at == room.clock.moment
    assert room.store.in_force(DAY) == plan
    where = {stop.visit_id: (route, n, stop) for route, n, stop in plan.plan.stops()}
    for chart_id in ("a", "b"):
        planned = room.store.get(chart_id)
        assert (planned.status, planned.version) == (ChartStatus.PLANNED, 2)
        last = room.store.history(chart_id)[-1]
        assert (last.kind, last.who) == (EntryKind.PLANNED, "配車係")
        route, order, _ = where[chart_id]
        assert f"2026-11-24 第1版: 機動班{route.team_id} {order}番目" in last.text


def test_what_is_left_out_gets_an_entry_with_the_reason_and_stays_assigned(
    room: Room,
) -> None:
    room.add(
        "a",
        assignment=assignment(office_id="south", team_id=None),
        consultation=consultation(category_code="W01"),
    )
    plan = room.published()
    assert [left.reason for left in plan.plan.unassigned] == [UnassignedReason.NO_SKILL]
    left_out = room.store.get("a")
    assert (left_out.status, left_out.version) == (ChartStatus.ASSIGNED, 1)
    last = room.store.history("a")[-1]
    assert last.kind is EntryKind.LEFT_OUT
    assert last.text == plan.plan.unassigned[0].sentence


def test_a_hold_is_told_in_the_plan_but_not_in_the_history(room: Room) -> None:
    held = DAY + dt.timedelta(days=1)
    room.add("a", status=ChartStatus.ON_HOLD, hold_until=held)
    plan = room.published()
    assert [left.reason for left in plan.plan.unassigned] == [UnassignedReason.ON_HOLD]
    assert len(room.store.history("a")) == 1


def test_a_hold_that_is_over_is_planned_as_one_change(room: Room) -> None:
    room.add("a", status=ChartStatus.ON_HOLD, hold_until=DAY)
    room.published()
    planned = room.store.get("a")
    assert (planned.status, planned.version) == (ChartStatus.PLANNED, 2)


def test_publishing_twice_is_refused(room: Room) -> None:
    room.add("a")
    plan = room.published()
    with pytest.raises(ConflictError, match="下書きではない"):
        room.desk.publish(plan.id, who="配車係")
    assert room.store.get("a").version == 2


def test_an_older_draft_cannot_replace_a_newer_plan_in_force(room: Room) -> None:
    room.add("a")
    old, new = room.make(), room.make()
    room.desk.publish(new.id, who="配車係")
    with pytest.raises(ConflictError, match="より新しい"):
        room.desk.publish(old.id, who="配車係")
    assert room.store.in_force(DAY) is not None


def test_a_newer_draft_supersedes_the_plan_in_force(room: Room) -> None:
    room.add("a")
    first = room.published()
    second = room.published()
    assert room.store.get_plan(first.id).status is PlanStatus.SUPERSEDED
    in_force = room.store.in_force(DAY)
    assert in_force is not None
    assert (in_force.id, in_force.version) == (second.id, 2)
    assert second.changed_visit_ids == frozenset()  # nothing is different
    assert room.store.get("a").version == 3


def test_a_plan_that_does_not_exist_is_not_found(room: Room) -> None:
    with pytest.raises(NotFoundError):
        room.desk.publish("nothing", who="配車係")


def test_a_draft_with_a_chart_that_left_planning_is_refused(room: Room) -> None:
    before = room.add("a")
    draft = room.make()
    room.store.save_all([(before.moved(ChartStatus.DONE), ())])
    with pytest.raises(ConflictError, match="状態が変わりました"):
        room.desk.publish(draft.id, who="配車係")
    assert room.store.in_force(DAY) is None
    assert room.store.get_plan(draft.id).status is PlanStatus.DRAFT


def test_a_draft_made_before_an_override_is_refused_and_a_new_one_obeys(
    room: Room,
) -> None:
    room.add("a")
    draft = room.make()
    (route,) = (route for route, _, _ in draft.plan.stops())
    other = {"n1": "n2", "n2": "n1"}[route.team_id]
    room.clock.moment += dt.timedelta(minutes=5)
    room.override("a", other)
    with pytest.raises(ConflictError, match="作り直してください"):
        room.desk.publish(draft.id, who="配車係")
    assert room.store.get("a").status is ChartStatus.ASSIGNED
    room.clock.moment += dt.timedelta(minutes=5)
    plan = room.published()
    assert [route.team_id for route, _, _ in plan.plan.stops()] == [other]


def test_a_visit_that_a_new_plan_leaves_out_is_assigned_again(room: Room) -> None:
    room.add("a")
    room.published()
    planned = room.store.get("a")
    late = Appointment(start_at=moment("23:00"), end_at=moment("23:30"))
    asked = replace(planned.consultation, appointment=late)
    moved = replace(planned, consultation=asked, version=planned.version + 1)
    room.store.save_all([(moved, ())])
    room.solver.orders = ((), (), (), ())
    room.published()  # nobody works at 23:00
    taken_back = room.store.get("a")
    assert (taken_back.status, taken_back.version) == (ChartStatus.ASSIGNED, 4)
    assert room.store.history("a")[-1].kind is EntryKind.LEFT_OUT


def test_a_failed_search_stores_no_plan(room: Room) -> None:
    room.add("a")
    room.solver.orders = ((0, 0), (), (), ())
    with pytest.raises(SolverError):
        room.make()
    assert room.store.plans_on(DAY) == []


def test_planning_anew_during_the_day_keeps_what_is_done_and_adds_the_emergency(
    room: Room,
) -> None:
    for step in range(1, 5):
        room.add(f"v{step}", step)
    first = room.published()
    room.clock.moment = moment("9:20")
    done = {route.team_id: route.stops[0] for route in first.plan.routes if route.stops}
    assert done  # every team with a route is at or on its way to its first stop
    room.add(
        "s",
        5,
        consultation=consultation(category_code="S01", received_at=moment("9:15")),
        due_at=moment("10:15"),
    )
    second = room.published()
    served = [stop.visit_id for _, _, stop in second.plan.stops()]
    assert sorted(served) == ["s", "v1", "v2", "v3", "v4"]
    for route in second.plan.routes:
        if route.team_id in done:
            assert route.stops[0] == done[route.team_id]
            assert all(stop.start_s >= at("9:20") for stop in route.stops[1:])
    assert second.num_feasible == 5
    assert "s" in second.changed_visit_ids
    assert not {one.visit_id for one in done.values()} & second.changed_visit_ids
    assert room.store.get("s").status is ChartStatus.PLANNED
    assert room.store.history("v1")[-1].text.startswith("2026-11-24 第2版")


def test_a_moved_visit_carries_its_reason_into_the_history(room: Room) -> None:
    room.add("a", 1)
    room.add("b", 2)  # both first with n1
    room.solver.orders = ((), (0, 1), (), ())
    plan = room.published()
    assert set(plan.reasons) == {"a", "b"}
    assert plan.reasons["a"] in room.store.history("a")[-1].text


def test_what_the_team_did_is_written_down_and_ends_the_visit(room: Room) -> None:
    room.add("a")
    room.published()
    chart = room.store.get("a")
    after = record(
        room.store,
        room.clock,
        "a",
        chart.version,
        Outcome.PERMANENT,
        who="機動班",
        note="合材2袋",
    )
    assert after.status is ChartStatus.DONE
    last = room.store.history("a")[-1]
    assert (last.kind, last.text) == (EntryKind.OUTCOME, "本復旧。合材2袋")
    with pytest.raises(ConflictError, match=r"answer.*close.*reopen"):
        record(
            room.store,
            room.clock,
            "a",
            after.version,
            Outcome.CHECKED,
            who="機動班",
            note="",
        )
    with pytest.raises(ConflictError, match="ほかの人"):
        record(
            room.store,
            room.clock,
            "a",
            chart.version,
            Outcome.CHECKED,
            who="機動班",
            note="",
        )


def test_a_visit_with_nobody_there_waits_for_another_plan(room: Room) -> None:
    room.add("a")
    room.published()
    chart = room.store.get("a")
    after = record(
        room.store,
        room.clock,
        "a",
        chart.version,
        Outcome.ABSENT,
        who="機動班",
        note="",
    )
    assert after.status is ChartStatus.ASSIGNED


def test_done_work_stays_in_the_new_plan_as_driven_and_is_not_planned_again(
    room: Room,
) -> None:
    room.add("a")
    room.add("b")
    first = room.published()
    stops = {stop.visit_id: stop for _, _, stop in first.plan.stops()}
    early = min(stops.values(), key=lambda stop: stop.start_s)
    room.clock.moment = dt.datetime.combine(
        DAY, dt.time(), room.clock.moment.tzinfo
    ) + dt.timedelta(seconds=early.end_s + 60)
    chart = room.store.get(early.visit_id)
    record(
        room.store,
        room.clock,
        chart.id,
        chart.version,
        Outcome.TEMPORARY,
        who="機動班",
        note="",
    )
    second = room.published()
    again = {stop.visit_id: stop for _, _, stop in second.plan.stops()}
    assert again[early.visit_id] == early
    assert room.store.get(early.visit_id).status is ChartStatus.MADE_SAFE


def test_what_is_planned_for_today_stays_there_when_tomorrow_is_planned(
    room: Room,
) -> None:
    room.add("a")
    today = room.published()
    room.add("b")
    tomorrow = DAY + dt.timedelta(days=1)
    draft = room.desk.make(tomorrow, PARAMS, silent, who="配車係")
    room.desk.publish(draft.id, who="配車係")
    assert {stop.visit_id for _, _, stop in draft.plan.stops()} == {"b"}
    assert room.store.get("a").status is ChartStatus.PLANNED
    again = room.desk.make(DAY, PARAMS, silent, who="配車係")
    taken = {stop.visit_id for _, _, stop in again.plan.stops()}
    assert taken == {stop.visit_id for _, _, stop in today.plan.stops()} == {"a"}


def test_what_was_not_done_yesterday_is_carried_over(room: Room) -> None:
    room.add("a")
    room.published()
    tomorrow = DAY + dt.timedelta(days=1)
    room.clock.moment = moment("7:00", tomorrow)
    draft = room.desk.make(tomorrow, PARAMS, silent, who="配車係")
    assert {stop.visit_id for _, _, stop in draft.plan.stops()} == {"a"}


@pytest.mark.parametrize("days", [-1, 15, 13_000])
def test_a_day_that_is_over_or_far_off_is_not_planned(room: Room, days: int) -> None:
    room.clock.moment = moment("7:00", DAY)
    with pytest.raises(InvalidInputError, match="14日先"):
        room.desk.make(DAY + dt.timedelta(days=days), PARAMS, silent, who="配車係")


def test_of_two_drafts_made_from_the_same_plan_only_one_can_be_published(
    room: Room,
) -> None:
    room.add("a")
    first, second = room.make(), room.make()
    room.desk.publish(first.id, who="配車係")
    with pytest.raises(ConflictError, match="作り直してください"):
        room.desk.publish(second.id, who="配車係")
    in_force = room.store.in_force(DAY)
    assert in_force is not None
    assert in_force.id == first.id


def test_a_draft_whose_time_has_come_is_refused(room: Room) -> None:
    room.add("a")
    draft = room.make()
    (stop,) = (stop for _, _, stop in draft.plan.stops())
    midnight = dt.datetime.combine(DAY, dt.time(), room.clock.moment.tzinfo)
    room.clock.moment = midnight + dt.timedelta(seconds=stop.start_s + 60)
    with pytest.raises(ConflictError, match="開始時刻を過ぎた"):
        room.desk.publish(draft.id, who="配車係")


def test_a_new_visit_does_not_reshuffle_the_plan_in_force(room: Room) -> None:
    for name in "abcdef":
        room.add(name)
    before = room.published()
    room.add("new")
    after = room.make()
    old = {s.visit_id: route.team_id for route, _, s in before.plan.stops()}
    new = {s.visit_id: route.team_id for route, _, s in after.plan.stops()}
    assert set(new) == {*old, "new"}
    assert {visit_id: new[visit_id] for visit_id in old} == old
