"""Hypothesis strategies for valid days; all times are whole minutes."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from dispatch.domain.catalogue import Urgency
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.team import Lunch, MobileTeam, Shift, Vehicle
from dispatch.domain.travel import (
    FREE_FLOW,
    UNREACHABLE_S,
    RestrictedTravel,
    Traffic,
    TrafficPeriod,
    TravelLevel,
    TravelMatrix,
)
from dispatch.domain.visit import ForbiddenHours, TimeWindow, Visit
from tests.builders import DAY, MIN, YARD, at

OFFICES = ("north", "south")
SKILLS = ("sewer", "river")


def minutes(low: int, high: int) -> st.SearchStrategy[int]:
    """Seconds that are whole minutes, both ends (in minutes) included."""
    return st.integers(low, high).map(lambda count: count * MIN)


skill_sets = st.frozensets(st.sampled_from(SKILLS), max_size=2)


@st.composite
def lunches(draw: st.DrawFn) -> Lunch:
    """Draw a lunch of 30-60 minutes somewhere in 11:00-14:00."""
    duration_s = draw(minutes(30, 60))
    earliest_s = at("11:00") + draw(minutes(0, 60))
    latest_end_s = earliest_s + duration_s + draw(minutes(0, 75))
    nominal_s = draw(minutes(earliest_s // MIN, (latest_end_s - duration_s) // MIN))
    return Lunch(
        nominal_s=nominal_s,
        duration_s=duration_s,
        earliest_s=earliest_s,
        latest_end_s=latest_end_s,
    )


@st.composite
def shifts(draw: st.DrawFn) -> Shift:
    """Draw a working day that ends at 13:00-18:00, lunch or none, overtime or none."""
    return Shift(
        start_s=at("8:30") + draw(minutes(0, 90)),
        end_s=at("13:00") + draw(minutes(0, 300)),
        lunch=draw(st.none() | lunches()),
        overtime_max_s=draw(st.sampled_from((0, 0, 30 * MIN, 60 * MIN))),
    )


@st.composite
def teams(draw: st.DrawFn, team_id: str) -> MobileTeam:
    """Draw a team of one of two offices."""
    return MobileTeam(
        id=team_id,
        office_id=draw(st.sampled_from(OFFICES)),
        name=team_id,
        letter="A",
        vehicle=Vehicle(name="車", load_kg=draw(st.sampled_from((200, 500)))),
        crew_size=draw(st.integers(1, 4)),
        skills=draw(skill_sets),
        base=YARD,
        shift=draw(shifts()),
        service_times=draw(st.sampled_from(((), (), (), (("R01", 25 * MIN),)))),
    )


@st.composite
def windows(draw: st.DrawFn) -> TimeWindow:
    """Draw a promise between 8:00 and 19:00; some miss every shift."""
    start_s = draw(minutes(8 * 60, 17 * 60))
    return TimeWindow(start_s=start_s, end_s=start_s + draw(minutes(0, 120)))


@st.composite
def promises(draw: st.DrawFn) -> tuple[TimeWindow, ...]:
    """Draw no promise mostly, or one to three hours of which any will do."""
    if draw(st.integers(0, 2)):
        return ()
    return tuple(draw(st.lists(windows(), min_size=1, max_size=3)))


@st.composite
def forbidden_hours(draw: st.DrawFn) -> ForbiddenHours:
    """Draw hours between 8:00 and 19:00 in which nobody may work."""
    start_s = draw(minutes(8 * 60, 17 * 60))
    return ForbiddenHours(start_s=start_s, end_s=start_s + draw(minutes(1, 120)))


@st.composite
def visits(draw: st.DrawFn, visit_id: str, *, easy: bool = False) -> Visit:
    """Work of 5-120 minutes; `easy` leaves out what forbids a team altogether."""
    office_id = draw(st.sampled_from(OFFICES))
    others = st.frozensets(st.sampled_from(OFFICES), max_size=2)
    due_s = draw(st.none() | minutes(0, 20 * 60))
    plain = Visit(
        id=visit_id,
        category_code="R01",
        urgency=draw(st.sampled_from(tuple(Urgency)[:4])),
        place=YARD,
        service_s=draw(minutes(5, 120)),
        office_id=office_id,
        allowed_office_ids=frozenset(OFFICES),
        release_s=draw(st.just(0) | minutes(0, 15 * 60)),
        due_s=due_s,
        hard_due=due_s is not None and draw(st.integers(0, 5)) == 0,
        windows=draw(promises()),
        forbidden=tuple(
            draw(st.just([]) | st.just([]) | st.lists(forbidden_hours(), max_size=2))
        ),
        start_between=draw(st.none() | st.none() | st.none() | windows()),
    )
    if easy:
        return plain
    return replace(
        plain,
        allowed_office_ids=frozenset({office_id}) | draw(others),
        skills=draw(st.just(frozenset[str]()) | skill_sets),
        crew=draw(st.integers(1, 3)),
        load_kg=draw(st.sampled_from((0, 0, 100, 300))),
        team_id=draw(st.sampled_from((None, None, None, "t0", "t1"))),
    )


@st.composite
def matrices(draw: st.DrawFn, size: int, *, cut_off: bool = True) -> TravelMatrix:
    """Minutes between points of a grid, dearer in one direction; a place cut off."""
    point = st.tuples(st.integers(0, 30), st.integers(0, 30))
    points = draw(st.lists(point, min_size=size, max_size=size))
    uphill = draw(st.integers(0, 2))
    duration_s = np.zeros((size, size), dtype=np.int64)
    for i, (x1, y1) in enumerate(points):
        for j, (x2, y2) in enumerate(points):
            climb = uphill * max(0, y2 - y1)
            duration_s[i, j] = (abs(x1 - x2) + abs(y1 - y2) + climb) * MIN
    distance_m = duration_s * 6
    if cut_off and size > 1 and draw(st.integers(0, 5)) == 0:
        lost = draw(st.integers(1, size - 1))
        duration_s[lost, :] = duration_s[:, lost] = UNREACHABLE_S
        duration_s[lost, lost] = 0
    return TravelMatrix(
        duration_s=duration_s, distance_m=distance_m, level=TravelLevel.ROAD
    )


factors = st.integers(300, 3_000).map(lambda steps: steps / 1000)
moments = minutes(0, 24 * 60 - 1)


@st.composite
def traffics(draw: st.DrawFn) -> Traffic:
    """Draw one to four periods of 0.3 to 3 times the free flow."""
    later = st.sets(minutes(1, 24 * 60 - 1), max_size=3).map(sorted)
    starts_s = [0, *draw(later)]
    return Traffic(
        periods=tuple(
            TrafficPeriod(start_s=start_s, factor=draw(factors)) for start_s in starts_s
        )
    )


@st.composite
def closures(draw: st.DrawFn, free: TravelMatrix) -> RestrictedTravel:
    """Draw one or two windows, and a network of detours that may miss some pairs."""
    ends = sorted(draw(st.sets(moments, min_size=4, max_size=4)))
    windows = ((ends[0], ends[1]), (ends[2], ends[3]))[draw(st.integers(0, 1)) :]
    size = len(free)
    here, there = np.indices((size, size))
    mixed = draw(st.integers(0, 9)) * here + draw(st.integers(0, 9)) * there
    added_s = (mixed % 43 - 2) * MIN  # from two minutes less to 40 more
    duration_s = np.maximum(0, free.duration_s + added_s)
    lost = np.array(draw(st.lists(st.integers(0, 7), min_size=size, max_size=size)))
    duration_s[lost == 0, :] = UNREACHABLE_S  # no way out of it while closures hold
    duration_s[duration_s >= UNREACHABLE_S // 2] = UNREACHABLE_S
    np.fill_diagonal(duration_s, 0)
    return RestrictedTravel(
        windows=windows, duration_s=duration_s, distance_m=duration_s * 7
    )


@st.composite
def timed_matrices(draw: st.DrawFn, size: int, *, cut_off: bool = True) -> TravelMatrix:
    """Draw travel with traffic, timed closures or both, and a level for each place."""
    free = draw(matrices(size, cut_off=cut_off))
    levels = st.lists(st.sampled_from(TravelLevel), min_size=size, max_size=size)
    return replace(
        free,
        place_levels=tuple(draw(st.just([]) | levels)),
        traffic=draw(st.just(FREE_FLOW) | traffics()),
        restricted=draw(st.none() | closures(free)),
    )


@st.composite
def problems(
    draw: st.DrawFn,
    *,
    max_visits: int = 10,
    max_teams: int = 4,
    easy: bool = False,
    timed: bool = False,
    date: dt.date = DAY,
) -> DayProblem:
    """Draw a whole day; first nodes are the yards, one per team, then the visits."""
    travels = timed_matrices if timed else matrices
    team_days = []
    for index in range(draw(st.integers(1, max_teams))):
        member = draw(teams(f"t{index}"))
        team_days.append(
            TeamDay(
                team=member,
                start_node=index,
                end_node=index,
                free_from_s=member.shift.start_s,
            )
        )
    count = draw(st.integers(0, max_visits))
    first = len(team_days)
    return DayProblem(
        date=date,
        visits=tuple(draw(visits(f"v{i}", easy=easy)) for i in range(count)),
        team_days=tuple(team_days),
        travel=draw(travels(first + count, cut_off=not easy)),
        visit_nodes=tuple(range(first, first + count)),
    )
