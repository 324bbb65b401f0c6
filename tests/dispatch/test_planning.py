"""From charts to a checked plan: holds, promises, the running day, overrides."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from dispatch.domain.assignment import SharingPolicy
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.catalogue import Duty
from dispatch.domain.consultation import Appointment
from dispatch.domain.errors import CancelledError, SolverError
from dispatch.domain.place import LonLat
from dispatch.domain.plan import Plan, Route, Stop, UnassignedReason
from dispatch.domain.problem import TeamDay
from dispatch.domain.travel import UNREACHABLE_S, TravelMatrix
from dispatch.domain.visit import TimeWindow
from dispatch.planning import plan_day
from dispatch.ports import SearchParams
from dispatch.prepared_day import (
    NEVER_DUE_S,
    DayInput,
    PreparedDay,
    committed_stops,
    prepare_day,
)
from tests.builders import (
    DAY,
    NO_SCORE,
    TOKYO,
    StraightTravel,
    assignment,
    at,
    catalogue,
    chart,
    consultation,
    day_problem,
    moment,
    placement,
    plan_of,
    shift,
    silent,
    team,
    team_day,
    town,
    visit,
)
from tests.fake_solver import GreedySolver

TOMORROW = DAY + dt.timedelta(days=1)
PARAMS = SearchParams(iterations=5)


def day_input(charts: Sequence[CaseChart], **overrides: Any) -> DayInput:  # noqa: ANN401
    where = town()
    plain = DayInput(
        date=DAY,
        timezone=TOKYO,
        offices=where.offices,
        teams=where.teams,
        catalogue=catalogue(),
        sharing=SharingPolicy.OWN,
        charts=charts,
    )
    return replace(plain, **overrides)


def prepared(charts: Sequence[CaseChart], **overrides: Any) -> PreparedDay:  # noqa: ANN401
    return prepare_day(day_input(charts, **overrides), StraightTravel())


def near(count: int) -> LonLat:
    """Give a place `count` steps of about 460 m east of the north yard."""
    return LonLat(135.50 + 0.005 * count, 34.70)


def test_a_chart_becomes_a_visit_with_the_categorys_needs() -> None:
    sewer = chart(
        consultation=consultation(category_code="W01", received_at=moment("9:30")),
        due_at=moment("17:30"),
        placement=placement(near(1)),
    )
    (one,) = prepared([sewer]).problem.visits
    assert one.skills == {"sewer"}
    assert (one.load_kg, one.crew, one.service_s) == (100, 2, 1800)
    assert (one.release_s, one.due_s) == (at("9:30"), at("17:30"))
    assert one.place == near(1)
    assert one.allowed_office_ids == {"north"}
    assert one.team_id is None


def test_yesterdays_consultation_is_free_from_midnight_and_overdue_is_zero() -> None:
    yesterday = DAY - dt.timedelta(days=1)
    old = chart(
        consultation=consultation(received_at=moment("16:00", yesterday)),
        due_at=moment("17:00", yesterday),
    )
    (one,) = prepared([old]).problem.visits
    assert (one.release_s, one.due_s) == (0, 0)


def test_a_far_deadline_is_cut_and_none_stays_none() -> None:
    far = chart("a", due_at=moment("17:00", DAY + dt.timedelta(days=70)))
    visits = prepared([far, chart("b")]).problem.visits
    assert [one.due_s for one in visits] == [NEVER_DUE_S, None]


def test_a_hold_past_the_date_is_told_apart_and_never_planned() -> None:
    held = chart("held", hold_until=TOMORROW)
    over = chart("over", hold_until=DAY)
    day = prepared([held, over])
    assert [one.id for one in day.problem.visits] == ["over"]
    (hold,) = day.on_hold
    assert (hold.visit_id, hold.reason) == ("held", UnassignedReason.ON_HOLD)
    assert "11月25日" in hold.sentence
    planned = plan_day(day, GreedySolver(), PARAMS, silent)
    assert planned.plan.unassigned == (hold,)


def test_an_appointment_binds_on_its_day_waits_before_and_is_over_after() -> None:
    def promised(chart_id: str, day: dt.date) -> CaseChart:
        slot = Appointment(start_at=moment("10:00", day), end_at=moment("11:00", day))
        long_before = moment("16:00", DAY - dt.timedelta(days=9))
        said = consultation(appointment=slot, received_at=long_before)
        return chart(chart_id, consultation=said)

    charts = [
        promised("later", TOMORROW),
        promised("today", DAY),
        promised("missed", DAY - dt.timedelta(days=1)),
    ]
    visits = {one.id: one for one in prepared(charts).problem.visits}
    assert set(visits) == {"today", "missed"}
    assert visits["today"].windows == (
        TimeWindow(start_s=at("10:00"), end_s=at("11:00")),
    )
    assert visits["missed"].windows == ()


def test_only_placed_assigned_field_work_of_a_known_office_is_planned() -> None:
    charts = [
        chart("fine"),
        chart("partner", duty=Duty.PARTNER),
        chart("referral", duty=Duty.REFERRAL),
        chart("unplaced", placement=None),
        chart("unassigned", assignment=None),
        chart("closed", assignment=assignment(office_id="closed")),
    ]
    assert [one.id for one in prepared(charts).problem.visits] == ["fine"]


def test_one_place_is_one_node_and_travel_is_asked_once() -> None:
    travel = StraightTravel()
    charts = [
        chart("a", placement=placement(near(1))),
        chart("b", placement=placement(near(1))),
    ]
    problem = prepare_day(day_input(charts), travel).problem
    assert travel.asked == 1
    assert len(problem.travel) == 4  # three yards and one place
    assert travel.asked_at == moment("0:00")
    assert problem.visit_nodes[0] == problem.visit_nodes[1]


def test_travel_is_asked_from_now_on_once_the_day_has_begun() -> None:
    travel = StraightTravel()
    prepare_day(day_input([chart("a")], now_s=at("13:05")), travel)
    assert travel.asked_at == moment("13:05")


def test_an_override_binds_the_team_and_ends_sharing() -> None:
    bound = chart(
        "bound", assignment=assignment(team_id="n2", by="dispatcher", who="課長")
    )
    free = chart("free")
    day = prepared([bound, free], sharing=SharingPolicy.ALL)
    by_id = day.problem.visits_by_id
    assert by_id["bound"].team_id == "n2"
    assert by_id["bound"].allowed_office_ids == {"north"}
    assert by_id["free"].team_id is None
    assert by_id["free"].allowed_office_ids == {"north", "south", "east"}
    plan = plan_day(day, GreedySolver(), PARAMS, silent).plan
    where = {stop.visit_id: route.team_id for route, _, stop in plan.stops()}
    assert where["bound"] == "n2"


def test_an_override_to_an_office_leaves_the_team_open() -> None:
    bound = chart(assignment=assignment(team_id=None, by="dispatcher"))
    (one,) = prepared([bound], sharing=SharingPolicy.ALL).problem.visits
    assert one.team_id is None
    assert one.allowed_office_ids == {"north"}


# -- the running day -------------------------------------------------------------------


def stop(visit_id: str, start: str, end: str) -> Stop:
    return Stop(
        visit_id=visit_id,
        arrive_s=at(start),
        start_s=at(start),
        end_s=at(end),
        drive_s=600,
        drive_m=4_000,
    )


def in_force(*, lunch: str | None = "12:00") -> Plan:
    """Build n1's day: a 9:10, b 9:50-11:50, lunch 12:00, c 12:55, d 14:00."""
    n1 = Route(
        team_id="n1",
        stops=(
            stop("a", "9:10", "9:40"),
            stop("b", "9:50", "11:50"),
            stop("c", "12:55", "13:25"),
            stop("d", "14:00", "14:30"),
        ),
        depart_s=at("9:00"),
        return_s=at("14:40"),
        return_drive_s=600,
        return_drive_m=4_000,
        lunch_start_s=at(lunch) if lunch else None,
        lunch_end_s=at(lunch) + 2_700 if lunch else None,
    )
    return Plan(
        date=DAY,
        routes=(n1,),
        unassigned=(),
        score=NO_SCORE,
        travel_level=day_problem().travel.level,
        seed=1,
    )


def charts_in_force() -> list[CaseChart]:
    old = consultation(received_at=moment("9:00", DAY - dt.timedelta(days=1)))
    sewer = replace(old, category_code="W01")
    return [
        chart("a", consultation=sewer, placement=placement(near(1))),
        chart("b", consultation=sewer, placement=placement(near(2))),
        chart("c", consultation=old, placement=placement(near(3))),
        chart("d", consultation=old, placement=placement(near(4))),
        chart("new", consultation=old, placement=placement(near(5))),
    ]


def n1_at(clock: str, *, plan: Plan | None = None) -> tuple[PreparedDay, TeamDay]:
    day = prepared(charts_in_force(), now_s=at(clock), in_force=plan or in_force())
    return day, day.problem.team_days[0]


def test_before_the_departure_nothing_is_committed() -> None:
    day, n1 = n1_at("8:30")
    assert n1.committed == ()
    assert n1.free_from_s == at("9:00")
    assert len(day.problem.visits) == 5


def test_the_stop_being_driven_to_stays() -> None:
    day, n1 = n1_at("9:05")
    assert [one.visit_id for one in n1.committed] == ["a"]
    assert n1.free_from_s == at("9:40")
    assert n1.committed_load_kg == 100
    assert day.problem.visit_nodes[0] != n1.start_node  # it stands at a, not at b
    assert [one.id for one in day.problem.visits] == ["b", "c", "d", "new"]


def test_a_stop_under_way_stays_and_the_team_goes_on_from_it() -> None:
    _, n1 = n1_at("10:30")
    assert n1.committed == in_force().routes[0].stops[:2]  # same times, to the second
    assert n1.free_from_s == at("11:50")
    assert n1.lunch_start_s is None  # not begun: it may still move
    assert n1.committed_load_kg == 200


def test_leaving_for_a_stop_behind_lunch_commits_the_lunch_too() -> None:
    # b ended at 11:50; from then on c counts as being driven to, with lunch before it
    _, n1 = n1_at("11:55")
    assert [one.visit_id for one in n1.committed] == ["a", "b", "c"]
    assert n1.lunch_start_s == at("12:00")
    assert n1.free_from_s == at("13:25")


def test_a_lunch_that_has_begun_is_finished_first() -> None:
    # lunch after the last stop: at 12:10 it has begun and ends 12:45
    route = replace(in_force().routes[0], stops=in_force().routes[0].stops[:2])
    _, n1 = n1_at("12:10", plan=replace(in_force(), routes=(route,)))
    assert n1.lunch_start_s == at("12:00")
    assert n1.free_from_s == at("12:45")


def test_a_team_without_a_route_is_free_from_now_and_has_eaten_after_noon() -> None:
    day, _ = n1_at("10:30")
    n2 = day.problem.team_days[1]
    assert (n2.free_from_s, n2.lunch_start_s, n2.committed) == (at("10:30"), None, ())
    day, _ = n1_at("12:20")
    n2 = day.problem.team_days[1]
    assert (n2.free_from_s, n2.lunch_start_s) == (at("12:45"), at("12:00"))
    day, _ = n1_at("15:00")
    assert day.problem.team_days[1].free_from_s == at("15:00")


def test_a_team_without_lunch_is_simply_free_from_now() -> None:
    bare = team("n1", shift=shift(lunch=None))
    day = prepared([], now_s=at("13:00"), teams=(bare,))
    one = day.problem.team_days[0]
    assert (one.free_from_s, one.lunch_start_s) == (at("13:00"), None)


@pytest.mark.parametrize("clock", ["9:05", "10:30", "11:55", "12:30", "13:30", "16:00"])
def test_replanning_keeps_position_time_lunch_and_load_of_what_is_committed(
    clock: str,
) -> None:
    day, n1 = n1_at(clock)
    plan = plan_day(day, GreedySolver(), PARAMS, silent).plan
    route = plan.routes[0]
    assert route.stops[: len(n1.committed)] == n1.committed
    if n1.lunch_start_s is not None:
        assert route.lunch_start_s == n1.lunch_start_s
    for stop_ in route.stops[len(n1.committed) :]:
        assert stop_.start_s >= at(clock)
    # 100 kg each of a and b are on the vehicle from the moment they are committed
    assert n1.committed_load_kg == 100 * len(
        {"a", "b"} & {one.visit_id for one in n1.committed}
    )


class FloodedTravel(StraightTravel):
    """Straight lines, but no way to or from one place."""

    def __init__(self, lost: LonLat) -> None:
        super().__init__()
        self.lost = lost

    def matrix(self, places: Sequence[LonLat], *, at: dt.datetime) -> TravelMatrix:
        """Travel as ever where the water is not."""
        dry = super().matrix(places, at=at)
        duration_s, lost = dry.duration_s.copy(), places.index(self.lost)
        duration_s[lost, :] = duration_s[:, lost] = UNREACHABLE_S
        duration_s[lost, lost] = 0
        return replace(dry, duration_s=duration_s)


def test_a_crew_that_a_closure_cuts_off_stays_and_the_others_are_planned() -> None:
    # n1 drives to a at 9:05, and the flood takes a's place: n1 ends its work there at
    # 9:40. n2, with the sewer gear too, takes over all that n1 was to do later.
    day = day_input(charts_in_force(), now_s=at("9:05"), in_force=in_force())
    flooded = prepare_day(day, FloodedTravel(near(1)))
    planned = plan_day(flooded, GreedySolver(), PARAMS, silent)
    n1, n2, *others = planned.plan.routes
    assert n1.no_way_back
    assert n1.stops == in_force().routes[0].stops[:1]
    assert (n1.return_s, n1.return_drive_s, n1.return_drive_m) == (at("9:40"), 0, 0)
    assert {stop_.visit_id for stop_ in n2.stops} == {"b", "c", "d", "new"}
    assert planned.plan.unassigned == ()
    assert not any(route.no_way_back for route in (n2, *others))
    reason = "最初の候補の機動班n1には戻る道がないため、機動班n2です。"
    assert planned.reasons == dict.fromkeys(("b", "c", "d", "new"), reason)


def test_committed_stops_of_each_moment() -> None:
    route = in_force().routes[0]

    def ids(clock: str) -> str:
        return "".join(one.visit_id for one in committed_stops(route, at(clock)))

    assert [ids(c) for c in ("8:59", "9:00", "9:39", "9:40", "11:49", "23:00")] == [
        "",
        "a",
        "a",
        "ab",
        "ab",
        "abcd",
    ]


# -- reasons and refusals --------------------------------------------------------------


def prepared_from(
    *days: TeamDay, first: dict[str, str | None], minutes: Sequence[int] = (10, 30)
) -> PreparedDay:
    visits = [(visit(f"v{i}"), far) for i, far in enumerate(minutes)]
    return PreparedDay(
        problem=day_problem(visits, days=days),
        on_hold=(),
        first_team_ids=first,
        names={},
    )


def test_a_visit_with_its_first_team_needs_no_reason() -> None:
    day = prepared_from(team_day(team("t1")), first={"v0": "t1", "v1": None})
    planned = plan_day(day, GreedySolver(orders=((0, 1),)), PARAMS, silent)
    assert planned.reasons == {}


def test_a_visit_moved_to_another_team_says_what_driving_it_would_have_cost() -> None:
    bare = shift(lunch=None)
    days = [team_day(team("t1", shift=bare)), team_day(team("t2", shift=bare))]
    day = prepared_from(*days, first={"v0": "t2", "v1": "t2"})
    planned = plan_day(day, GreedySolver(orders=((0, 1), ())), PARAMS, silent)
    # v0 lies on t1's way to v1 (60 min there and back): it adds nothing; for t2 alone
    # it is 20 minutes. v1: t1 drives 20 min for v0 alone, 60 with v1: 40 more; t2: 60.
    assert "約0分" in planned.reasons["v0"]
    assert "機動班t2では約20分" in planned.reasons["v0"]
    assert "約40分" in planned.reasons["v1"]
    assert "機動班t2では約60分" in planned.reasons["v1"]


def test_a_first_team_that_is_absent_or_full_is_the_reason() -> None:
    tiny = shift(lunch=None, end_s=at("9:20"))
    days = [team_day(team("t1")), team_day(team("t2", shift=tiny))]
    day = prepared_from(*days, first={"v0": "t9", "v1": "t2"})
    planned = plan_day(day, GreedySolver(orders=((0, 1), ())), PARAMS, silent)
    assert "出勤していない" in planned.reasons["v0"]
    assert "機動班t2にはこの時間の空きがない" in planned.reasons["v1"]


def test_num_feasible_counts_what_could_be_served_alone() -> None:
    short = team_day(team("t1", shift=shift(lunch=None, end_s=at("10:00"))))
    day = prepared_from(short, first={}, minutes=(10, 12, 31))  # 31 + 31 > 60
    planned = plan_day(day, GreedySolver(), PARAMS, silent)
    assert planned.plan.num_served == 1
    assert planned.num_feasible == 2
    reasons = {left.visit_id: left.reason for left in planned.plan.unassigned}
    assert set(reasons.values()) == {
        UnassignedReason.NO_TIME,
        UnassignedReason.TOO_LATE,
    }
    assert reasons["v2"] is UnassignedReason.TOO_LATE


def test_a_plan_that_the_checker_faults_is_never_handed_on() -> None:
    day = prepared_from(team_day(team("t1")), first={})
    twice = GreedySolver(orders=((0, 0, 1),))
    with pytest.raises(SolverError, match="each visit as often as it needs teams"):
        plan_day(day, twice, PARAMS, silent)


def test_a_team_that_may_not_is_caught_by_the_checker() -> None:
    # the scheduler only looks at times and load; who may is the checker's question
    problem = day_problem([(visit(team_id="t2"), 10)], days=[team_day(team("t1"))])
    day = PreparedDay(problem=problem, on_hold=(), first_team_ids={}, names={})
    with pytest.raises(SolverError, match="dispatcher's team"):
        plan_day(day, GreedySolver(orders=((0,),)), PARAMS, silent)


def test_orders_without_legal_times_are_refused() -> None:
    problem = day_problem([(visit(), 10)], unreachable=[1])
    day = PreparedDay(problem=problem, on_hold=(), first_team_ids={}, names={})
    with pytest.raises(SolverError, match="no legal times"):
        plan_day(day, GreedySolver(orders=((0,),)), PARAMS, silent)


def two_at_once() -> PreparedDay:
    """Make a day of two teams that both go to v0; t2 has v1 before."""
    bare = shift(lunch=None)
    days = [team_day(team("t1", shift=bare)), team_day(team("t2", shift=bare))]
    problem = day_problem(
        [(visit("v0", num_teams=2), 10), (visit("v1"), 10)], days=days
    )
    return PreparedDay(
        problem=problem, on_hold=(), first_team_ids={"v0": "t2"}, names={}
    )


def test_two_teams_meet_at_the_moment_that_the_search_found() -> None:
    solver = GreedySolver(orders=((0,), (1, 0)), starts={0: at("9:40")})
    planned = plan_day(two_at_once(), solver, PARAMS, silent)
    starts = [s.start_s for _, _, s in planned.plan.stops() if s.visit_id == "v0"]
    assert starts == [at("9:40"), at("9:40")]
    assert planned.reasons == {}  # its first team is one of the two
    assert planned.num_feasible == 2


def test_two_teams_that_do_not_meet_are_refused() -> None:
    solver = GreedySolver(orders=((0,), (1, 0)))
    with pytest.raises(SolverError, match="no legal times together"):
        plan_day(two_at_once(), solver, PARAMS, silent)


def test_cancelling_goes_through() -> None:
    solver = GreedySolver()
    solver.cancel()
    day = prepared_from(team_day(team("t1")), first={})
    with pytest.raises(CancelledError):
        plan_day(day, solver, PARAMS, silent)


def test_the_plan_says_how_it_was_made() -> None:
    day = prepared_from(team_day(team("t1")), first={})
    plan = plan_day(day, GreedySolver(), replace(PARAMS, seed=7), silent).plan
    assert (plan.seed, plan.method, plan.date) == (7, "greedy", DAY)
    assert plan.score == plan_of(day.problem, [(0, 1)]).score


# -- how little changes ----------------------------------------------------------------


def two_equal_teams() -> PreparedDay:
    bare = shift(lunch=None)
    days = [team_day(team("t1", shift=bare)), team_day(team("t2", shift=bare))]
    return prepared_from(*days, first={})


def test_the_plan_in_force_stays_where_the_search_is_no_better() -> None:
    # Both teams start at one yard: who drives v0 and v1 makes no difference.
    found = GreedySolver(orders=((0, 1), ()))
    day = replace(two_equal_teams(), orders_in_force=((), (0, 1)))
    plan = plan_day(day, found, PARAMS, silent).plan
    assert [route.team_id for route, _, _ in plan.stops()] == ["t2", "t2"]
    assert plan.method == "plan in force, new visits inserted"


def test_the_search_wins_where_it_drives_far_less() -> None:
    # One team each: 20 + 60 min of road. Together, v0 on the way to v1: 60 min, and
    # 80 is more than 60 · 1.15 = 69.
    found = GreedySolver(orders=((0, 1), ()))
    day = replace(two_equal_teams(), orders_in_force=((0,), (1,)))
    plan = plan_day(day, found, PARAMS, silent).plan
    assert [route.team_id for route, _, _ in plan.stops()] == ["t1", "t1"]
