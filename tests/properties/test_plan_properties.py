"""Invariants of plans over generated days, brute force on tiny ones, round trips."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Iterator

from hypothesis import event, given, settings
from hypothesis import strategies as st

from dispatch.adapters.codec import from_json, to_json
from dispatch.domain.assignment import Assignment
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.checks import violations
from dispatch.domain.consultation import Appointment, Channel, Consultation
from dispatch.domain.improve import repaired
from dispatch.domain.place import LonLat
from dispatch.domain.placing import Candidate, PlaceLevel, Placement, PlacingStatus
from dispatch.domain.plan import UnassignedReason
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import LATE_STEP_S, DayScheduler, Order
from dispatch.domain.score import score_of
from dispatch.domain.site_conditions import AfterChart, SiteConditions
from dispatch.domain.travel import UNREACHABLE_S
from dispatch.domain.visit import ForbiddenHours, TimeWindow
from dispatch.planning import PlannedDay, plan_day
from dispatch.ports import PlanStatus, SearchParams, StoredPlan
from dispatch.prepared_day import PreparedDay
from tests.brute_force import first_start_s
from tests.builders import DAY, MIN, TOKYO, at, moment, silent
from tests.fake_solver import GreedySolver
from tests.strategies import problems

PARAMS = SearchParams(seed=5)


def planned(problem: DayProblem) -> PlannedDay:
    day = PreparedDay(problem=problem, on_hold=(), first_team_ids={}, names={})
    return plan_day(day, GreedySolver(), PARAMS, silent)


@settings(max_examples=100, deadline=None)
@given(problem=problems())
def test_every_plan_is_legal_and_each_visit_is_served_or_explained_once(
    problem: DayProblem,
) -> None:
    plan = planned(problem).plan
    assert violations(problem, plan) == ()
    counts = Counter(stop.visit_id for _, _, stop in plan.stops())
    counts.update(left.visit_id for left in plan.unassigned)
    assert counts == Counter(visit.id for visit in problem.visits)
    assert all(left.sentence for left in plan.unassigned)
    assert [route.team_id for route in plan.routes] == [
        day.team.id for day in problem.team_days
    ]


@settings(max_examples=60, deadline=None)
@given(problem=problems())
def test_the_reason_of_a_visit_left_out_is_true(problem: DayProblem) -> None:
    teams = {day.team.id: day.team for day in problem.team_days}
    for left in planned(problem).plan.unassigned:
        visit = problem.visits_by_id[left.visit_id]
        near = [
            team
            for team in teams.values()
            if team.office_id in visit.allowed_office_ids
            and visit.team_id in {None, team.id}
        ]
        someone = any(visit.allows(team) for team in near)
        if left.reason is UnassignedReason.NO_TEAM:
            assert not near
        elif left.reason is UnassignedReason.NO_SKILL:
            assert not any(visit.skills <= team.skills for team in near)
        elif left.reason in {UnassignedReason.NO_CREW, UnassignedReason.NO_LOAD}:
            assert near
            assert not someone
        else:
            assert someone
        if left.reason is UnassignedReason.WINDOW_MISSED:
            assert visit.windows
        if left.reason is UnassignedReason.NO_TIME:
            assert alone_is_possible(problem, left.visit_id)
        if left.reason is UnassignedReason.TOO_LATE:
            assert not alone_is_possible(problem, left.visit_id)


def alone_is_possible(problem: DayProblem, visit_id: str) -> bool:
    index = [visit.id for visit in problem.visits].index(visit_id)
    return any(
        problem.visits[index].allows(day.team)
        and brute_cost(problem, team_index, (index,)) is not None
        for team_index, day in enumerate(problem.team_days)
    )


@settings(max_examples=40, deadline=None)
@given(problem=problems(max_visits=6), data=st.data())
def test_what_the_search_on_a_wrong_clock_gives_is_made_legal(
    problem: DayProblem, data: st.DataObject
) -> None:
    """Any order at all, as a search that knows no lunch may return it, is repaired."""
    scheduler = DayScheduler(problem)
    visits = data.draw(st.permutations(range(len(problem.visits))))
    owner = [data.draw(st.integers(0, len(problem.team_days) - 1)) for _ in visits]
    wild: list[Order] = [
        tuple(v for v, who in zip(visits, owner, strict=True) if who == team_index)
        for team_index in range(len(problem.team_days))
    ]
    orders = repaired(scheduler, wild)
    served = [index for order in orders for index in order]
    assert len(served) == len(set(served))
    assert score_of(scheduler, orders) is not None
    for team_index, order in enumerate(orders):
        assert all(scheduler.allows(team_index, index) for index in order)


# -- brute force -----------------------------------------------------------------------

Cost = tuple[int, int, int, int, int]


def brute_cost(problem: DayProblem, team_index: int, order: Order) -> Cost | None:
    """
    Cheapest legal cost of an order, found by trying lunch at every minute.

    A crew eats at a place, before leaving it or after arriving, never on the road; it
    leaves as soon as it can. All times of the day are whole minutes.
    """
    shift = problem.team_days[team_index].team.shift
    if sum(problem.visits[i].load_kg for i in order) > load_room(problem, team_index):
        return None
    if shift.lunch is None:
        return walk(problem, team_index, order, lunch_leg=-1, lunch_start_s=0)
    first, last = shift.lunch.earliest_s, shift.lunch.latest_start_s
    costs = [
        walk(problem, team_index, order, lunch_leg=leg, lunch_start_s=start_s)
        for start_s in range(first, last + 1, MIN)
        for leg in range(2 * len(order) + 3)
    ]
    return min((cost for cost in costs if cost is not None), default=None)


def load_room(problem: DayProblem, team_index: int) -> int:
    return problem.team_days[team_index].team.vehicle.load_kg


def walk(  # noqa: C901, PLR0911 - written out on purpose: it shares nothing
    problem: DayProblem,
    team_index: int,
    order: Order,
    *,
    lunch_leg: int,
    lunch_start_s: int,
) -> Cost | None:
    """Walk minute by minute events; pause 2·leg is before a leg, 2·leg + 1 after it."""
    day = problem.team_days[team_index]
    lunch = day.team.shift.lunch
    clock, here = day.free_from_s, day.start_node
    late_s_count = late_a_count = s_steps = steps = drive_total = 0
    eaten = lunch is None

    def pause(number: int, now: int) -> int | None:
        if lunch is None or number != lunch_leg:
            return now
        return None if now > lunch_start_s else lunch_start_s + lunch.duration_s

    nodes = [problem.visit_nodes[i] for i in order]
    for leg, there in enumerate([*nodes, day.end_node]):
        if not order:
            there = here  # nothing to do: stay at the yard  # noqa: PLW2901
        before = pause(2 * leg, clock)
        if before is None:
            return None
        drive = int(problem.travel.duration_s[here, there])
        if drive >= UNREACHABLE_S:
            return None
        arrived = pause(2 * leg + 1, before + drive)
        drive_total += drive
        if leg == len(order):
            back = before + drive
            if arrived is None:
                return None
            if lunch_leg != 2 * leg + 1:
                back = arrived
            clock = back
            break
        if arrived is None:
            return None
        visit = problem.visits[order[leg]]
        work = dict(day.team.service_times).get("R01", visit.service_s)
        start = first_start_s(visit, work, arrived)
        if start is None:
            return None
        late = 0 if visit.due_s is None else max(0, start - visit.due_s)
        if late:
            quarters = (late + LATE_STEP_S - 1) // LATE_STEP_S
            s_steps += quarters if visit.urgency is Urgency.S else 0
            steps += 0 if visit.urgency is Urgency.S else quarters
            late_s_count += visit.urgency is Urgency.S
            late_a_count += visit.urgency is Urgency.A
        clock, here = start + work, there
    eaten = eaten or 0 <= lunch_leg <= 2 * len(order) + 1
    if not eaten or (order and clock > day.team.shift.limit_s):
        return None
    overtime = max(0, clock - day.team.shift.end_s)
    return late_s_count, late_a_count, s_steps, steps, drive_total + overtime


@settings(max_examples=150, deadline=None)
@given(problem=problems(max_visits=5, max_teams=2, easy=True), data=st.data())
def test_exact_placement_costs_what_brute_force_over_all_lunches_costs(
    problem: DayProblem, data: st.DataObject
) -> None:
    team = data.draw(st.integers(0, len(problem.team_days) - 1))
    order = tuple(
        data.draw(st.lists(st.sampled_from(range(5)), unique=True).map(tuple))
    )
    order = tuple(index for index in order if index < len(problem.visits))
    timing = DayScheduler(problem).timing(team, order)
    found = None if timing is None else timing.cost()
    event("legal" if found else "not legal")
    assert found == brute_cost(problem, team, order)


def all_orders(problem: DayProblem) -> Iterator[list[Order]]:
    """Every way to give some of the visits to the teams in every order."""
    visits, teams = range(len(problem.visits)), len(problem.team_days)
    for owners in itertools.product(range(-1, teams), repeat=len(visits)):
        groups = [
            [v for v in visits if owners[v] == team_index]
            for team_index in range(teams)
        ]
        for orders in itertools.product(*(itertools.permutations(g) for g in groups)):
            yield list(orders)


def best_key(problem: DayProblem) -> tuple[int, ...]:
    scheduler = DayScheduler(problem)
    keys = []
    for orders in all_orders(problem):
        legal = all(
            scheduler.allows(team_index, index)
            for team_index, order in enumerate(orders)
            for index in order
        )
        score = score_of(scheduler, orders) if legal else None
        if score is not None:
            keys.append(score.key())
    return min(keys)


@settings(max_examples=25, deadline=None)
@given(problem=problems(max_visits=4, max_teams=2, easy=True))
def test_on_tiny_days_insertion_is_never_better_than_the_optimum(
    problem: DayProblem,
) -> None:
    scheduler = DayScheduler(problem)
    orders = repaired(scheduler, [() for _ in problem.team_days])
    score = score_of(scheduler, orders)
    assert score is not None
    assert score.key() >= best_key(problem)


@settings(max_examples=20, deadline=None)
@given(problem=problems(max_visits=3, max_teams=1, easy=True))
def test_on_tiny_days_the_order_of_the_input_does_not_change_the_optimum(
    problem: DayProblem,
) -> None:
    turned = DayProblem(
        date=problem.date,
        visits=problem.visits[::-1],
        team_days=problem.team_days,
        travel=problem.travel,
        visit_nodes=problem.visit_nodes[::-1],
    )
    assert best_key(turned) == best_key(problem)


# -- round trips -----------------------------------------------------------------------

places = st.builds(LonLat, st.floats(135.0, 136.0), st.floats(34.0, 35.0))
times = st.datetimes(
    min_value=dt.datetime(2026, 1, 1),  # noqa: DTZ001 - given its zone below
    max_value=dt.datetime(2027, 12, 31),  # noqa: DTZ001
    timezones=st.just(TOKYO),
)
words = st.text(
    st.characters(blacklist_categories=("Cc", "Cs")), min_size=0, max_size=40
)
some = st.text(st.sampled_from("北区中之島1丁目—🚧\"'\\"), min_size=1, max_size=20)


@st.composite
def spans(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    """Draw spans of hours of one day, apart."""
    ends = draw(st.lists(st.integers(0, 1_440), unique=True, max_size=8))
    minutes = sorted(ends)[: len(ends) // 2 * 2]
    return tuple(
        (first * MIN, last * MIN)
        for first, last in zip(minutes[::2], minutes[1::2], strict=True)
    )


@st.composite
def conditions(draw: st.DrawFn) -> SiteConditions:
    """Draw conditions of a site, each kind of them."""
    named = st.lists(some, unique=True, max_size=3)
    gaps = st.tuples(st.integers(0, 1_440), st.integers(0, 366))
    return SiteConditions(
        num_teams=draw(st.none() | st.integers(1, 4)),
        forbidden=tuple(
            ForbiddenHours(start_s=start_s, end_s=end_s)
            for start_s, end_s in draw(spans())
        ),
        max_width_cm=draw(st.none() | st.integers(100, 400)),
        after=tuple(
            AfterChart(
                chart_id=one,
                gap_min=0 if in_days else gap_min,
                gap_days=gap_days if in_days else 0,
            )
            for one, (gap_min, gap_days), in_days in draw(
                st.lists(
                    st.tuples(some, gaps, st.booleans()),
                    unique_by=lambda drawn: drawn[0],
                    max_size=3,
                )
            )
        ),
        tools=tuple(draw(named)),
        materials=tuple((name, draw(st.integers(1, 1_000))) for name in draw(named)),
        windows=tuple(
            TimeWindow(start_s=start_s, end_s=end_s) for start_s, end_s in draw(spans())
        ),
    )


@st.composite
def charts(draw: st.DrawFn) -> CaseChart:
    """Draw a chart with everything that it may hold."""
    received_at = draw(times)
    start = received_at + dt.timedelta(minutes=draw(st.integers(-59, 10**6)))
    slot = Appointment(start_at=start, end_at=start + dt.timedelta(hours=1))
    candidate = st.builds(
        Candidate,
        label=words,
        place=places,
        level=st.sampled_from(PlaceLevel),
        radius_m=st.integers(0, 5_000),
        ward_code=words,
    )
    return CaseChart(
        id="c000000001",
        number=draw(words),
        version=draw(st.integers(1, 10**6)),
        status=draw(st.sampled_from(ChartStatus)),
        duty=draw(st.sampled_from(Duty)),
        urgency=draw(st.sampled_from(Urgency)),
        consultation=Consultation(
            received_at=received_at,
            channel=draw(st.sampled_from(Channel)),
            category_code=draw(words),
            description=draw(words),
            address_text=draw(some),
            landmark_text=draw(words),
            position=draw(st.none() | places),
            raised_urgency=draw(st.none() | st.sampled_from(Urgency)),
            appointment=draw(st.none() | st.just(slot)),
            contact_wanted=draw(st.booleans()),
            tagged_on=draw(st.none() | st.just(DAY)),
        ),
        placement=draw(
            st.none()
            | st.builds(
                Placement,
                status=st.sampled_from(PlacingStatus),
                message=words,
                level=st.none() | st.sampled_from(PlaceLevel),
                place=st.none() | places,
                radius_m=st.none() | st.integers(0, 5_000),
                candidates=st.lists(candidate, max_size=2).map(tuple),
            )
        ),
        assignment=draw(
            st.none()
            | st.builds(
                Assignment,
                office_id=some,
                team_id=st.none() | some,
                policy=some,
                reason=words,
                travel_s=st.none() | st.integers(0, 10**6),
            )
        ),
        receiver=draw(words),
        due_at=draw(st.none() | times),
        hold_until=draw(st.none() | st.just(DAY)),
        conditions=draw(conditions()),
    )


@settings(max_examples=100, deadline=None)
@given(chart=charts())
def test_a_chart_survives_json_and_its_times_keep_their_offset(
    chart: CaseChart,
) -> None:
    again = from_json(CaseChart, to_json(chart))
    assert again == chart
    assert again.consultation.received_at.utcoffset() == dt.timedelta(hours=9)
    assert to_json(again) == to_json(chart)


@settings(max_examples=30, deadline=None)
@given(problem=problems(max_visits=5), reasons=st.dictionaries(words, words))
def test_a_stored_plan_survives_json(
    problem: DayProblem, reasons: dict[str, str]
) -> None:
    made = planned(problem)
    stored = StoredPlan(
        id="p000000001",
        version=2,
        status=PlanStatus.PUBLISHED,
        made_at=moment("8:00"),
        made_by="配車係",
        plan=made.plan,
        num_feasible=made.num_feasible,
        num_violations=made.num_violations,
        reasons=reasons,
        published_at=moment("8:30"),
        changed_visit_ids=frozenset(stop.visit_id for _, _, stop in made.plan.stops()),
    )
    again = from_json(StoredPlan, to_json(stored))
    assert again == stored
    assert at("8:00") == again.made_at.hour * 3600
