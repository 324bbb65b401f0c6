"""The desk of site conditions: stated, kept with who and why, obeyed by plans."""

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
from dispatch.domain.catalogue import Duty
from dispatch.domain.consultation import Appointment
from dispatch.domain.errors import ConflictError, InvalidInputError, NotFoundError
from dispatch.domain.outcome import Outcome
from dispatch.domain.place import LonLat
from dispatch.domain.plan import UnassignedReason
from dispatch.domain.site_conditions import (
    NO_CONDITIONS,
    AfterChart,
    SiteConditions,
)
from dispatch.domain.visit import ForbiddenHours, TimeWindow
from dispatch.plan_desk import PlanDesk, PlanRules, PlanTools
from dispatch.ports import SearchParams
from dispatch.site_desk import SiteDesk, SiteRules
from tests.builders import (
    DAY,
    TOKYO,
    StraightTravel,
    at,
    catalogue,
    chart,
    consultation,
    moment,
    new_chart,
    placement,
    silent,
    town,
)
from tests.dispatch.results import record
from tests.fake_solver import GreedySolver

NOW = moment("16:00", DAY - dt.timedelta(days=4))
NARROW = SiteConditions(max_width_cm=200)
PARAMS = SearchParams(iterations=5)


@dataclass(slots=True, kw_only=True)
class Room:
    """The desk of conditions beside the planning desk, with one store."""

    store: SqlStore
    clock: FixedClock
    sites: SiteDesk
    planning: PlanDesk
    solver: GreedySolver

    def add(self, chart_id: str, step: int = 1, **overrides: Any) -> CaseChart:  # noqa: ANN401
        known = chart(
            chart_id,
            consultation=consultation(received_at=NOW),
            placement=placement(LonLat(135.50 + 0.004 * step, 34.70)),
        )
        known = replace(known, **overrides)
        return self.store.add_all([new_chart(chart_id, chart=known)])[0].chart

    def state(
        self, chart_id: str, conditions: SiteConditions, **said: str
    ) -> CaseChart:
        words = {"who": "配車係", "why": "現地で確かめた", **said}
        version = self.store.get(chart_id).version
        return self.sites.state(chart_id, version, conditions, **words)

    def waits(self, chart_id: str, *others: str, **gap: int) -> CaseChart:
        after = tuple(AfterChart(chart_id=one, **gap) for one in others)
        return self.state(chart_id, SiteConditions(after=after))


@pytest.fixture
def room(store: SqlStore) -> Room:
    where = town()
    clock, solver = FixedClock(NOW), GreedySolver()
    planning = PlanDesk(
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
            tools=(("jetter", 1),),
        ),
    )
    rules = SiteRules(tool_names={"jetter": "高圧洗浄車"}, materials=("合材",))
    return Room(
        store=store,
        clock=clock,
        sites=SiteDesk(store, clock, rules),
        planning=planning,
        solver=solver,
    )


def test_conditions_are_kept_with_who_when_and_why(room: Room) -> None:
    room.add("a", status=ChartStatus.PLANNED)
    stated = SiteConditions(
        max_width_cm=200,
        forbidden=(ForbiddenHours(start_s=at("8:00"), end_s=at("9:00")),),
        tools=("jetter",),
        materials=(("合材", 2),),
    )
    after = room.state("a", stated)
    assert (after.version, after.status) == (2, ChartStatus.PLANNED)
    assert room.store.get("a") == after
    line = room.store.history("a")[-1]
    assert (line.at, line.who, line.kind) == (NOW, "配車係", EntryKind.CONDITIONS)
    assert line.text == (
        "車幅 2.0mまで、8:00–9:00 は作業不可、持ち物: 高圧洗浄車、合材 2個。"
        "理由: 現地で確かめた"
    )


def test_a_new_statement_replaces_the_one_before(room: Room) -> None:
    room.add("a")
    room.state("a", NARROW)
    assert room.state("a", NO_CONDITIONS).conditions == NO_CONDITIONS
    assert room.store.history("a")[-1].text == "条件なし。理由: 現地で確かめた"


def test_a_statement_on_an_older_version_is_refused(room: Room) -> None:
    room.add("a")
    room.state("a", NARROW)
    with pytest.raises(ConflictError, match="先に変更"):
        room.sites.state("a", 1, NO_CONDITIONS, who="配車係", why="なし")
    with pytest.raises(NotFoundError):
        room.sites.state("nobody", 1, NARROW, who="配車係", why="なし")


@pytest.mark.parametrize(
    "overrides",
    [
        {"status": ChartStatus.DONE},
        {"status": ChartStatus.REFERRED},
        {"duty": Duty.PARTNER},
    ],
)
def test_only_field_work_that_is_still_owed_takes_conditions(
    room: Room, overrides: dict[str, Any]
) -> None:
    room.add("a", **overrides)
    with pytest.raises(ConflictError, match="これから行う現場作業ではありません"):
        room.state("a", NARROW)


@pytest.mark.parametrize(
    ("field", "stated", "said"),
    [
        ("who", NARROW, {"who": " "}),
        ("why", NARROW, {"why": " "}),
        ("why", NARROW, {"why": "長" * 301}),
        ("tools", SiteConditions(tools=("crane",)), {}),
        ("materials", SiteConditions(materials=(("鉄板", 1),)), {}),
        ("windows", SiteConditions(windows=(TimeWindow(start_s=0, end_s=60),)), {}),
        ("after", SiteConditions(after=(AfterChart(chart_id="nobody"),)), {}),
        ("after", SiteConditions(after=(AfterChart(chart_id="a"),)), {}),
    ],
)
def test_what_no_plan_could_keep_is_refused_and_nothing_is_stored(
    room: Room, field: str, stated: SiteConditions, said: dict[str, str]
) -> None:
    room.add("a")
    with pytest.raises(InvalidInputError) as refused:
        room.state("a", stated, **said)
    assert refused.value.field == field
    assert room.store.get("a").version == 1


def test_hours_are_offered_beside_a_promise(room: Room) -> None:
    slot = Appointment(start_at=moment("10:00"), end_at=moment("11:00"))
    room.add("a", consultation=consultation(received_at=NOW, appointment=slot))
    other = TimeWindow(start_s=at("14:00"), end_s=at("15:00"))
    assert room.state("a", SiteConditions(windows=(other,))).version == 2


def test_what_never_becomes_our_work_cannot_come_first(room: Room) -> None:
    room.add("a")
    room.add("park", duty=Duty.PARTNER)
    room.add("gone", status=ChartStatus.REFERRED)
    for other in ("park", "gone"):
        with pytest.raises(InvalidInputError, match="現場作業ではありません"):
            room.waits("a", other)


def test_a_circle_is_refused_however_long_it_is(room: Room) -> None:
    for name in "abc":
        room.add(name)
    room.waits("b", "a")
    room.waits("c", "b")
    with pytest.raises(InvalidInputError, match="循環"):
        room.waits("a", "c")
    room.state("b", NO_CONDITIONS)
    assert room.waits("a", "c").version == 2


def test_a_plan_keeps_what_was_stated_and_tells_what_waits(room: Room) -> None:
    room.add("a", hold_until=DAY + dt.timedelta(days=1), number="R8-27127-000009")
    room.add("b", 2)
    room.waits("b", "a")
    draft = room.planning.make(DAY, PARAMS, silent, who="配車係")
    left = {one.visit_id: one for one in draft.plan.unassigned}
    assert left["a"].reason is UnassignedReason.ON_HOLD
    assert left["b"].reason is UnassignedReason.WAITS
    number = room.store.get("a").number
    assert left["b"].sentence == f"先に行う「分類R01」({number})が済んでいません。"
    room.planning.publish(draft.id, who="配車係")
    # the crew's day has no place for it, and its chart says so
    assert room.store.history("b")[-1].kind is EntryKind.LEFT_OUT
    assert room.store.history("a")[-1].kind is not EntryKind.LEFT_OUT


def test_work_may_follow_once_the_outcome_of_the_first_is_recorded(room: Room) -> None:
    room.add("a")
    room.add("b", 2)
    room.waits("b", "a", gap_days=5)
    record(
        room.store,
        room.clock,
        "a",
        1,
        Outcome.TEMPORARY,
        who="班長",
        note="囲いを置いた",
    )
    # recorded four days before, on the 20th: free from the 25th on
    early = room.planning.make(DAY, PARAMS, silent, who="配車係")
    (left,) = early.plan.unassigned
    assert left.sentence.endswith("11月25日から行えます。")
    later = DAY + dt.timedelta(days=1)
    draft = room.planning.make(later, PARAMS, silent, who="配車係")
    assert [stop.visit_id for _, _, stop in draft.plan.stops()] == ["b"]


def test_done_work_without_a_recorded_outcome_binds_nothing(room: Room) -> None:
    room.add("a", status=ChartStatus.DONE)
    room.add("b", 2)
    room.waits("b", "a", gap_days=5)
    draft = room.planning.make(DAY, PARAMS, silent, who="配車係")
    assert [stop.visit_id for _, _, stop in draft.plan.stops()] == ["b"]


def test_a_plan_made_before_the_conditions_is_not_published(room: Room) -> None:
    room.add("a")
    draft = room.planning.make(DAY, PARAMS, silent, who="配車係")
    room.clock.moment = NOW + dt.timedelta(minutes=5)
    room.state("a", SiteConditions(tools=("jetter",)))
    with pytest.raises(ConflictError, match="現場の条件が変更されました"):
        room.planning.publish(draft.id, who="配車係")
    again = room.planning.make(DAY, PARAMS, silent, who="配車係")
    room.planning.publish(again.id, who="配車係")
    assert room.store.get("a").status is ChartStatus.PLANNED


def test_a_visit_of_two_teams_is_published_and_planned_anew_on_the_way(
    room: Room,
) -> None:
    room.add("a")
    room.state("a", SiteConditions(num_teams=2))
    # n1 and n2 of the north office, both at 10:00
    room.solver.orders = ((0,), (0,), (), ())
    room.solver.starts = {0: at("10:00")}
    draft = room.planning.make(DAY, PARAMS, silent, who="配車係")
    room.planning.publish(draft.id, who="配車係")
    planned = room.store.get("a")
    assert (planned.status, planned.version) == (ChartStatus.PLANNED, 3)
    told = [
        line.text for line in room.store.history("a") if line.kind is EntryKind.PLANNED
    ]
    assert ["機動班n1" in told[0], "機動班n2" in told[1], len(told)] == [True, True, 2]
    room.clock.moment = moment("10:05")  # both are at work
    room.solver.orders, room.solver.starts = ((), (), (), ()), {}
    second = room.planning.make(DAY, PARAMS, silent, who="配車係")
    room.planning.publish(second.id, who="配車係")
    teams = {route.team_id for route, _, stop in second.plan.stops()}
    assert teams == {"n1", "n2"}
