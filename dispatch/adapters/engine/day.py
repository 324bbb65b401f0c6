"""A day as flat arrays, as the compiled search reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch.domain.catalogue import Urgency
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.levels import SearchWeights
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import LATE_STEP_S, DayScheduler, spans_of
from dispatch.domain.team import DAY_S
from dispatch.domain.travel import (
    FACTOR_STEPS,
    UNREACHABLE_S,
    TrafficNumbers,
    TravelMatrix,
)
from dispatch.domain.visit import Visit

Ints = NDArray[np.int64]
NEVER_S = 10**9  # later than any day of a horizon ends
MAX_NEIGHBOURS = 400  # nearest visits that a ruin looks at
BITS = 62  # of whole numbers that stay exact
FORBIDDEN = 1 << 58  # cost of a team that may not go

ServiceTimes = tuple[tuple[str, int], ...]


# Columns of `EngineDay.visit`.
NODE, DUE, LATE_AT_ALL, LATE_STEP, LATE, DROP, DISTRICT, TOOLS, AWAY = range(9)
# Columns of `EngineDay.team`.
START, END, FREE, LIMIT, SHIFT_END, KIND, SERVICE_CLASS, OFFICE = range(8)
OWES_LUNCH, LUNCH_FROM, LUNCH_TO, LUNCH, WORK_BEFORE = range(8, 13)
TOOLS_HELD, EMPTY_COST, EMPTY_WORK = range(13, 16)
# Layers of `EngineDay.travel`.
TYPICAL, LEAST, OPEN, SHUT = range(4)
# Heads of `EngineDay.hours`; then come periods of four numbers, then bans of two.
UNIT, NUM_PERIODS, NUM_BANS, FIRST_PERIOD = range(4)


class EngineDay(NamedTuple):
    """
    One day as arrays; n visits, t team days, m places, k classes of service times.

    Few and wide: handing an array from one compiled function to the next costs more
    than reading from it. Costs are whole units of `SearchWeights`, times seconds after
    midnight.

    Attributes
    ----------
    travel
        (4, m, m) seconds: typical; least of the day, for pruning only; free flow on the
        open and on the restricted network.
    hours
        Traffic and bans of the day as `dispatch.domain.travel.Traffic` counts them;
        one zero on an untimed day.
    visit, team
        (n, 9), (t, 16) numbers, see the columns above. No due time is `NEVER_S`, no
        district -1, tools are bit masks; teams of one kind are alike in everything.
    service
        (k, n) seconds of work.
    spans
        (k, n, w, 2) first and last start of service; (`NEVER_S`, -1) is none.
    load, room
        (n, d), (t, d) what visits need and teams have.
    extra
        (t, n) cost of a team's going at all; `FORBIDDEN` when it may not.
    near
        (n, x) other visits, the nearest first.
    tool_stock
        (y) how many there are of each shared tool.
    is_timed, must_walk
        Whether drives depend on the hour; whether a route's cost needs its times.
    drive_weight, overtime_weight, balance_weight, district_weight
        Units of cost.
    """

    travel: Ints
    hours: Ints
    visit: Ints
    team: Ints
    service: Ints
    spans: Ints
    load: Ints
    room: Ints
    extra: Ints
    near: NDArray[np.int32]
    tool_stock: Ints
    is_timed: bool
    must_walk: bool
    drive_weight: int
    overtime_weight: int
    balance_weight: int
    district_weight: int


class EngineInput(NamedTuple):
    """A day's arrays, and which visit of the problem each row stands for."""

    day: EngineDay
    visit_of: tuple[int, ...]  # a visit of two teams has two rows


def engine_input(problem: DayProblem, weights: SearchWeights) -> EngineInput:
    """
    Turn a day into arrays.

    Parameters
    ----------
    problem
        At least one visit and one team.
    weights
        What the search counts.

    Raises
    ------
    InvalidInputError
        When the visits need more kinds of shared tools than there are bits.
    """
    days = problem.team_days
    rows = tuple(
        index
        for index, visit in enumerate(problem.visits)
        # One row more than teams is never served, however many it asks for.
        for _ in range(min(visit.num_teams, len(days) + 1))
    )
    visits = [problem.visits[index] for index in rows]
    scheduler = DayScheduler(problem)
    travel, hours = _travel(problem.travel, scheduler.typical_s)
    nodes = np.array([problem.visit_nodes[index] for index in rows], dtype=np.int64)
    materials = sorted({name for visit in visits for name, _ in visit.materials})
    tools = sorted({name for visit in visits for name in visit.tools})
    if len(tools) > BITS:
        raise InvalidInputError("tools", f"共有の道具は{BITS}種類までです")
    classes = sorted({day.team.service_times for day in days})
    extra = _extra(days, visits, weights)
    is_timed = len(hours) > 1
    first_s = min(day.free_from_s for day in days)
    has_due = any(visit.due_s is not None and not visit.hard_due for visit in visits)
    has_overtime = any(day.team.shift.overtime_max_s for day in days)
    room = _room(days, materials)
    teams = _teams(problem, scheduler, weights, classes, tools)
    teams[:, KIND] = np.unique(
        np.column_stack([teams, room, extra]), axis=0, return_inverse=True
    )[1].reshape(-1)
    day = EngineDay(
        travel=travel,
        hours=hours,
        visit=np.column_stack(
            [
                nodes,
                *_costs(visits, rows, first_s, weights),
                _codes([visit.district_id for visit in visits]),
                [_mask(visit.tools, tools) for visit in visits],
                _away(travel[TYPICAL], teams[:, START], nodes, extra),
            ]
        ),
        team=teams,
        service=_service(classes, visits),
        spans=_spans(problem, classes, visits),
        load=np.array([_load(visit, materials) for visit in visits], dtype=np.int64),
        room=room,
        extra=extra,
        near=_near(travel[TYPICAL], nodes),
        tool_stock=np.array(
            [dict(problem.tools).get(n, 0) for n in tools], dtype=np.int64
        ),
        is_timed=is_timed,
        must_walk=is_timed or has_due or (has_overtime and weights.overtime_s > 0),
        drive_weight=weights.drive_s,
        overtime_weight=weights.overtime_s,
        balance_weight=weights.balance_s,
        district_weight=weights.team_district,
    )
    return EngineInput(day, rows)


def _travel(travel: TravelMatrix, typical_s: Ints) -> tuple[Ints, Ints]:
    """Return layers of seconds, and what the hour does to them."""
    numbers, closed = travel.traffic.numbers(), travel.restricted
    if not travel.is_timed or not _stays_exact(numbers):
        return np.stack([typical_s] * 4), np.zeros(1, dtype=np.int64)
    open_s = travel.duration_s
    shut_s = open_s if closed is None else closed.duration_s
    least_s = np.minimum(open_s, shut_s) * min(numbers.steps) // FACTOR_STEPS
    bans = () if closed is None else closed.windows
    periods = zip(
        numbers.starts_s, numbers.steps, numbers.speeds, numbers.driven, strict=True
    )
    hours = [numbers.unit, len(numbers.starts_s), len(bans)]
    hours += [number for period in periods for number in period]
    hours += [second for ban in bans for second in ban]
    return (
        np.stack([typical_s, least_s, open_s, shut_s]),
        np.array(hours, dtype=np.int64),
    )


def _stays_exact(numbers: TrafficNumbers) -> bool:
    """Whether the products of a day's traffic fit into whole numbers of the machine."""
    furthest = 2 * DAY_S * max(numbers.speeds) + UNREACHABLE_S * numbers.unit
    return furthest.bit_length() <= BITS


def _load(visit: Visit, materials: Sequence[str]) -> list[int]:
    pieces = dict(visit.materials)
    return [visit.load_kg, *(pieces.get(name, 0) for name in materials)]


def _room(days: Sequence[TeamDay], materials: Sequence[str]) -> Ints:
    """Free load of each team: kilograms, then pieces of each material."""
    return np.array(
        [
            [day.load_left_kg, *(day.pieces_left(name) for name in materials)]
            for day in days
        ],
        dtype=np.int64,
    )


def _mask(names: frozenset[str], known: Sequence[str]) -> int:
    return sum(1 << at for at, name in enumerate(known) if name in names)


def _codes(names: Sequence[str | None]) -> Ints:
    """Give each name a number from 0, and none -1."""
    known = {name: at for at, name in enumerate(sorted({n for n in names if n}))}
    return np.array([known.get(name or "", -1) for name in names], dtype=np.int64)


def _service(classes: Sequence[ServiceTimes], visits: Sequence[Visit]) -> Ints:
    """Seconds of work by class of teams that work alike."""
    return np.array(
        [
            [dict(times).get(visit.category_code, visit.service_s) for visit in visits]
            for times in classes
        ],
        dtype=np.int64,
    )


def _spans(
    problem: DayProblem, classes: Sequence[ServiceTimes], visits: Sequence[Visit]
) -> Ints:
    """Spans in which service may begin, by class of teams that work alike."""
    spans = [
        [
            spans_of(problem, visit, int(service_s))
            for visit, service_s in zip(visits, line, strict=True)
        ]
        for line in _service(classes, visits)
    ]
    widest = max(1, *(len(one) for line in spans for one in line))
    table = np.full((len(classes), len(visits), widest, 2), -1, dtype=np.int64)
    table[:, :, :, 0] = NEVER_S
    for at, line in enumerate(spans):
        for row, one in enumerate(line):
            for k, span in enumerate(one):
                table[at, row, k] = span
    return table


def _costs(
    visits: Sequence[Visit], rows: Sequence[int], first_s: int, weights: SearchWeights
) -> list[list[int]]:
    """Columns from DUE to DROP; a visit of two teams is late once."""
    first = [index not in rows[:at] for at, index in enumerate(rows)]

    def each(by_urgency: Mapping[Urgency, int]) -> list[int]:
        return [
            by_urgency[visit.urgency] * once
            for visit, once in zip(visits, first, strict=True)
        ]

    drop = [
        (weights.drop[v.urgency] + weights.promise_drop * v.is_promised) // v.num_teams
        for v in visits
    ]
    due = [_due_s(visit, first_s, weights) for visit in visits]
    late = (weights.late_at_all, weights.late_step, weights.late_s)
    return [due, *(each(by_urgency) for by_urgency in late), drop]


def _due_s(visit: Visit, first_s: int, weights: SearchWeights) -> int:
    """
    Due time that lateness is counted from, given when the first team is free.

    Steps that are lost whoever goes are not counted: they must not make an old visit
    dearer to serve than to leave out. Weights by the second are exact, for measuring.
    """
    if visit.due_s is None:
        return NEVER_S
    lost_s = max(visit.earliest_start_s(), first_s) - visit.due_s
    if any(weights.late_s.values()) or lost_s <= 0:
        return visit.due_s
    return visit.due_s + LATE_STEP_S * (-(-lost_s // LATE_STEP_S) - 1)


def _extra(
    team_days: Sequence[TeamDay], visits: Sequence[Visit], weights: SearchWeights
) -> Ints:
    """Cost of changing a team in force, and of waiting for a later day."""

    def cost(day: TeamDay, visit: Visit) -> int:
        if not visit.allows(day.team):
            return FORBIDDEN
        changes = visit.team_in_force_id not in {None, day.team.id}
        # Days before the first one are past: whoever goes, they were waited.
        free_day = max(0, visit.release_s) // DAY_S
        waits = max(0, day.team.shift.start_s // DAY_S - free_day)
        return weights.team_change * changes + weights.wait_day * waits

    return np.array(
        [[cost(day, visit) for visit in visits] for day in team_days], dtype=np.int64
    )


def _near(typical_s: Ints, nodes: Ints) -> NDArray[np.int32]:
    """Other visits by the seconds there and back, the nearest first."""
    both = typical_s + typical_s.T
    apart = both[np.ix_(nodes, nodes)]
    np.fill_diagonal(apart, -1)  # itself comes first, and is cut off
    order = np.argsort(apart, axis=1, kind="stable")
    return np.ascontiguousarray(order[:, 1 : MAX_NEIGHBOURS + 1]).astype(np.int32)


def _away(typical_s: Ints, starts: Ints, nodes: Ints, extra: Ints) -> Ints:
    """Least typical seconds from a team that may go; 0 when none may."""
    far = np.where(extra < FORBIDDEN, typical_s[np.ix_(starts, nodes)], NEVER_S)
    least = far.min(axis=0)
    result: Ints = np.where(least >= NEVER_S, 0, least)
    return result


def _teams(
    problem: DayProblem,
    scheduler: DayScheduler,
    weights: SearchWeights,
    classes: Sequence[ServiceTimes],
    tools: Sequence[str],
) -> Ints:
    """Columns of team days; a lunch that is not owed has no times."""
    offices = _codes([day.team.office_id for day in problem.team_days])
    rows = []
    for at, day in enumerate(problem.team_days):
        shift, lunch = day.team.shift, day.team.shift.lunch
        empty = scheduler.timing(at, ())
        owed = day.lunch_owed and lunch is not None
        eats = (
            (lunch.earliest_s, lunch.latest_start_s, lunch.duration_s)
            if owed and lunch
            else (0, 0, 0)
        )
        idle = (
            (0, 0)
            if empty is None
            else (
                empty.drive_s * weights.drive_s + empty.overtime_s * weights.overtime_s,
                empty.work_s,
            )
        )
        rows.append(
            [
                *(day.start_node, day.end_node, day.free_from_s),
                *(shift.limit_s, shift.end_s, 0),
                *(classes.index(day.team.service_times), int(offices[at])),
                *(int(owed), *eats, day.work_before_s),
                *(_mask(day.committed_tools, tools), *idle),
            ]
        )
    return np.array(rows, dtype=np.int64)
