"""Exact placement: the best legal times for one team's order of visits."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from dispatch.domain.catalogue import Urgency
from dispatch.domain.leg_drives import DrivesByDeparture, LegDrives
from dispatch.domain.plan import Route, Stop
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.team import HORIZON_MAX_S, Lunch
from dispatch.domain.travel import UNREACHABLE_S
from dispatch.domain.visit import Visit

CACHE_MAX = 50_000  # timings, some 30 MB; a long search would keep every order it saw
NO_PAUSE = -2  # lunch is taken already, or there is none
LATE_STEP_S = 900  # lateness counts in 15-minute steps, so no minute outranks a visit
NEVER_S = 2 * HORIZON_MAX_S  # later than any day of a horizon ends
NO_STARTS: Mapping[int, int] = MappingProxyType({})

Order = tuple[int, ...]  # visit indices of one team, in driving order
Span = tuple[int, int]  # first and last moment, both included


class Timing(NamedTuple):
    """
    Times of one order: when each visit starts, lunch, return, and what it costs.

    `arrives_s` is when the team is at the place, after a lunch taken on that leg;
    `drives_s` the driving of each leg, the way back last, and `drive_s` their sum.
    """

    starts_s: tuple[int, ...]
    arrives_s: tuple[int, ...]
    lunch_start_s: int | None
    return_s: int
    s_late: int
    promises_late: int
    s_late_steps: int
    late_steps: int
    drives_s: tuple[int, ...]
    drive_s: int
    overtime_s: int
    work_s: int

    def cost(self) -> tuple[int, int, int, int, int]:
        """Soft levels of this route alone, in the plan's order of importance."""
        return (
            self.s_late,
            self.promises_late,
            self.s_late_steps,
            self.late_steps,
            self.drive_s + self.overtime_s,
        )


class Lateness(NamedTuple):
    """How many S and A visits are late, and the begun steps of S and of all other."""

    s_late: int
    promises_late: int
    s_late_steps: int
    late_steps: int


def lateness(begun: Iterable[tuple[Visit, int]]) -> Lateness:
    """Lateness of visits that begin at given moments."""
    late = [
        (visit.urgency, -(-visit.late_s(start_s) // LATE_STEP_S))
        for visit, start_s in begun
        if visit.due_s is not None and start_s > visit.due_s
    ]
    return Lateness(
        s_late=sum(urgency is Urgency.S for urgency, _ in late),
        promises_late=sum(urgency is Urgency.A for urgency, _ in late),
        s_late_steps=sum(steps for urgency, steps in late if urgency is Urgency.S),
        late_steps=sum(steps for urgency, steps in late if urgency is not Urgency.S),
    )


class DayScheduler:
    """
    Places orders of visits exactly: windows, lunch, shift, load, lateness.

    A team leaves as soon as it can, drives as long as the travel matrix says for that
    moment, and begins at the first moment that the visit allows. What routes owe each
    other is not asked here; see `dispatch.domain.together`. With no new visit there are
    always times: what a team is committed to is a fact, also when it is cut off from
    its base, too late for lunch or overloaded. Lunch is tried on every leg where it can
    begin; a leg is skipped when the visit after it ends before lunch may begin anyway,
    because taking lunch later then starts no visit later. Timings are cached, since a
    search asks for the same orders often.

    Parameters
    ----------
    problem
        The day; nothing in it is changed.
    starts
        Moments at which visits begin, by visit index: visits that are linked with
        another route are pinned, so that each route can be placed by itself.
    """

    def __init__(
        self, problem: DayProblem, starts: Mapping[int, int] = NO_STARTS
    ) -> None:
        self.problem = problem
        self.starts = starts
        self.typical_s = problem.travel.typical_s()  # one copy for all who search
        self._typical_s: list[list[int]] = self.typical_s.tolist()
        self._clocked = LegDrives(problem.travel) if problem.travel.is_timed else None
        self._visits = problem.visits
        self._tasks = _tasks_by_team(problem, starts)
        self._has_materials = any(visit.materials for visit in problem.visits)
        self._nodes = problem.visit_nodes
        self._cache: dict[tuple[int, Order], Timing | None] = {}

    def timing(self, team_index: int, order: Order) -> Timing | None:
        """Best legal times of this order, or None when there are none."""
        key = (team_index, order)
        if key not in self._cache:
            if len(self._cache) >= CACHE_MAX:
                self._cache.clear()
            day = self.problem.team_days[team_index]
            self._cache[key] = (
                self._place(team_index, order) if order else self._rest(day)
            )
        return self._cache[key]

    def allows(self, team_index: int, visit_index: int) -> bool:
        """Whether this team may and can do the visit, time and tools aside."""
        day = self.problem.team_days[team_index]
        return self._visits[visit_index].allows(day.team)

    def is_cut_off(self, team_index: int) -> bool:
        """Whether the team is out, and no way leads from there to its end."""
        day = self.problem.team_days[team_index]
        return bool(day.committed) and not self._has_way_back(day)

    def nodes(self, team_index: int, order: Order) -> tuple[int, ...]:
        """Rows of the travel matrix that the team passes, from its start to its end."""
        day = self.problem.team_days[team_index]
        return (day.start_node, *(self._nodes[i] for i in order), day.end_node)

    def typical_drive_s(self, team_index: int, order: Order) -> int:
        """Seconds of driving by the typical times, for comparing orders in words."""
        day = self.problem.team_days[team_index]
        if not order and (not day.committed or self.is_cut_off(team_index)):
            return 0
        nodes = self.nodes(team_index, order)
        return sum(self._typical_s[a][b] for a, b in itertools.pairwise(nodes))

    def _place(self, team_index: int, order: Order) -> Timing | None:
        day, own = self.problem.team_days[team_index], self._tasks[team_index]
        tasks = [own[index] for index in order]
        if sum(task.visit.load_kg for task in tasks) > day.load_left_kg:
            return None
        if self._has_materials and not _has_room(day, tasks):
            return None
        nodes = [day.start_node, *(self._nodes[i] for i in order), day.end_node]
        legs = [
            self._typical_s[here][there] for here, there in itertools.pairwise(nodes)
        ]
        timed = None if self._clocked is None else self._clocked.along(nodes)
        if max(legs) >= UNREACHABLE_S:
            return None
        walk = _Walk(day, tasks, legs, timed)
        if not day.lunch_owed:
            return _drive(walk, NO_PAUSE)
        return _best_with_lunch(walk)

    def _rest(self, day: TeamDay) -> Timing:
        """Place a team with nothing new: it drives home, if it is out and has a way."""
        nodes = [day.start_node, day.end_node]
        legs, timed = [0], None
        if day.committed and self._has_way_back(day):
            legs = [self._typical_s[day.start_node][day.end_node]]
            timed = None if self._clocked is None else self._clocked.along(nodes)
        walk = _Walk(day, [], legs, timed)
        timing = _best_with_lunch(walk) if day.lunch_owed else None
        if timing is not None:
            return timing
        # None is owed, or the team is free too late for it: neither keeps it from home.
        drive_s = walk.drive_s(0, day.free_from_s)
        return _told(walk, ([], [], [drive_s]), None, day.free_from_s + drive_s)

    def _has_way_back(self, day: TeamDay) -> bool:
        here, there = day.start_node, day.end_node
        drive_s = self.problem.travel.drive_s(here, there, day.free_from_s)
        return drive_s < UNREACHABLE_S

    def route(self, team_index: int, order: Order) -> Route:
        """
        Turn an order into a route with its committed stops in front.

        Raises
        ------
        ValueError
            When the order has no legal times; ask `timing` first.
        """
        timing = self.timing(team_index, order)
        if timing is None:
            message = f"order of team {team_index} has no legal times"
            raise ValueError(message)
        day, travel = self.problem.team_days[team_index], self.problem.travel
        lunch_start_s, lunch_end_s = _lunch_times(day, timing)
        stops = list(day.committed)
        here, free_s = day.start_node, day.free_from_s
        for leg, index in enumerate(order):
            visit, there = self._visits[index], self._nodes[index]
            start_s, arrive_s = timing.starts_s[leg], timing.arrives_s[leg]
            drive_s = timing.drives_s[leg]
            leave_s = free_s if arrive_s == lunch_end_s else arrive_s - drive_s
            free_s = start_s + self._tasks[team_index][index].service_s
            stops.append(
                Stop(
                    visit_id=visit.id,
                    arrive_s=arrive_s,
                    start_s=start_s,
                    end_s=free_s,
                    drive_s=drive_s,
                    drive_m=travel.drive_m(here, there, leave_s),
                    drive_level=travel.leg_level(here, there),
                    late_s=visit.late_s(start_s),
                    held_s=travel.held_s(here, there, leave_s),
                )
            )
            here = there
        no_way_back = not order and self.is_cut_off(team_index)
        moved = bool(stops) and not no_way_back
        home, home_s = (here, day.end_node), timing.drives_s[-1]
        leave_s = free_s if timing.return_s == lunch_end_s else timing.return_s - home_s
        return Route(
            team_id=day.team.id,
            stops=tuple(stops),
            depart_s=day.free_from_s if day.departed_s is None else day.departed_s,
            return_s=timing.return_s,
            return_drive_s=home_s if moved else 0,
            return_drive_m=travel.drive_m(*home, leave_s) if moved else 0,
            return_drive_level=travel.leg_level(*home),
            lunch_start_s=lunch_start_s,
            lunch_end_s=lunch_end_s,
            overtime_s=timing.overtime_s,
            return_held_s=travel.held_s(*home, leave_s) if moved else 0,
            no_way_back=no_way_back,
        )


class _Task(NamedTuple):
    """What the walk asks of a visit, worked out once: a search asks very often."""

    first_s: int  # the first span in which service may begin
    last_s: int
    later: tuple[Span, ...]  # and the spans after it
    service_s: int
    visit: Visit

    def start_s(self, arrive_s: int) -> int | None:
        """First moment from an arrival on at which service may begin."""
        if arrive_s <= self.last_s:
            return max(arrive_s, self.first_s)
        for first_s, last_s in self.later:
            if arrive_s <= last_s:
                return max(arrive_s, first_s)
        return None


def spans_of(problem: DayProblem, visit: Visit, service_s: int) -> tuple[Span, ...]:
    """
    Spans in which service of a length may begin, whatever the rest of the plan is.

    Those of the visit itself, after all stops under way that it has to wait for.
    """
    spans = visit.start_spans(service_s, NEVER_S)
    if not visit.after:
        return spans
    stops = [stop for day in problem.team_days for stop in day.committed]
    first_s = max(
        (
            stop.end_s + one.gap_s
            for one in visit.after
            for stop in stops
            if stop.visit_id == one.visit_id
        ),
        default=0,
    )
    return tuple((max(a, first_s), b) for a, b in spans if b >= first_s)


def _tasks_by_team(problem: DayProblem, starts: Mapping[int, int]) -> list[list[_Task]]:
    """Tasks of all visits for each team; teams that work alike share theirs."""
    known: dict[tuple[tuple[str, int], ...], list[_Task]] = {}
    for day in problem.team_days:
        if day.team.service_times not in known:
            known[day.team.service_times] = [
                _task(problem, visit, visit.service_for_s(day.team), starts.get(index))
                for index, visit in enumerate(problem.visits)
            ]
    return [known[day.team.service_times] for day in problem.team_days]


def _task(
    problem: DayProblem, visit: Visit, service_s: int, pinned_s: int | None
) -> _Task:
    spans = spans_of(problem, visit, service_s)
    if pinned_s is not None:
        may_begin = any(first_s <= pinned_s <= last_s for first_s, last_s in spans)
        spans = ((pinned_s, pinned_s),) if may_begin else ()
    first_s, last_s = spans[0] if spans else (NEVER_S, -1)  # nobody arrives before 0
    return _Task(first_s, last_s, spans[1:], service_s, visit)


def _has_room(day: TeamDay, tasks: Sequence[_Task]) -> bool:
    """Whether the pieces of every material fit into the vehicle together."""
    needed: dict[str, int] = {}
    for task in tasks:
        for name, count in task.visit.materials:
            needed[name] = needed.get(name, 0) + count
    return all(count <= day.pieces_left(name) for name, count in needed.items())


class _Walk(NamedTuple):
    """
    One team's order, ready to be walked: who, what, and how long each leg takes.

    `legs` holds the seconds of each leg; on a timed day `timed` by departure.
    """

    day: TeamDay
    tasks: list[_Task]
    legs: list[int]
    timed: list[DrivesByDeparture] | None

    def drive_s(self, leg: int, depart_s: int) -> int:
        """Seconds of driving on a leg that is left at a moment."""
        return self.legs[leg] if self.timed is None else self.timed[leg][depart_s]


def _lunch_times(day: TeamDay, timing: Timing) -> tuple[int | None, int | None]:
    """Start and end of the lunch, taken already or placed now."""
    lunch, start_s = day.team.shift.lunch, timing.lunch_start_s
    if day.lunch_start_s is not None:
        start_s = day.lunch_start_s
    if lunch is None or start_s is None:
        return start_s, None
    return start_s, start_s + lunch.duration_s


def _best_with_lunch(walk: _Walk) -> Timing | None:
    """Try lunch on each leg (and after the return) and keep the best."""
    lunch = walk.day.team.shift.lunch
    if lunch is None:  # pragma: no cover - guarded by lunch_owed
        return None
    best: tuple[tuple[object, ...], Timing] | None = None
    last = len(walk.legs)
    clock = walk.day.free_from_s
    for leg in range(last + 1):
        if clock > lunch.latest_start_s:
            break
        arrive_s = finish_s = clock
        if leg < last:
            arrive_s = finish_s = clock + walk.drive_s(leg, clock)
        if leg < len(walk.tasks):
            task = walk.tasks[leg]
            start_s = task.start_s(arrive_s)
            # too late already: so it is for a lunch on any later leg
            finish_s = NEVER_S if start_s is None else start_s + task.service_s
        if leg == last or finish_s > lunch.earliest_s:
            for pause in _pauses(walk, lunch, leg, (clock, arrive_s)):
                timing = _drive(walk, pause)
                if timing is None:
                    continue
                away_s = abs((timing.lunch_start_s or 0) - lunch.nominal_s)
                key = (*timing.cost(), timing.return_s, away_s)
                if best is None or key < best[0]:
                    best = (key, timing)
        clock = finish_s
    return None if best is None else best[1]


def _pauses(
    walk: _Walk, lunch: Lunch, leg: int, without: tuple[int, int]
) -> tuple[int, ...]:
    """
    When to try lunch on a leg: pause 2·leg is before driving, 2·leg + 1 after it.

    `without` is when the leg is left and its end reached with no lunch on it. When
    driving takes as long after lunch as before, eating on arrival is never later than
    waiting for lunch first, and the same when lunch may begin at once. Otherwise the
    drive may be quicker now or then: both are tried.
    """
    leave_s, arrive_s = without
    before, after = 2 * leg, 2 * leg + 1
    if leg == len(walk.legs) or arrive_s > lunch.latest_start_s:
        return (before,)
    eaten_s = max(leave_s, lunch.earliest_s) + lunch.duration_s
    if walk.drive_s(leg, eaten_s) != arrive_s - leave_s:
        return before, after
    return (before,) if leave_s >= lunch.earliest_s else (after,)


def _drive(walk: _Walk, pause: int) -> Timing | None:
    """Walk the order once with lunch at a pause; None when it breaks a rule."""
    day, tasks, legs, timed = walk
    lunch = day.team.shift.lunch
    lunch_leg, eats_after = divmod(pause, 2)
    lunch_start_s: int | None = None
    clock = day.free_from_s
    starts: list[int] = []
    arrives: list[int] = []
    drives = legs if timed is None else []
    for leg, drive_s in enumerate(legs):
        if leg == lunch_leg and lunch is not None and not eats_after:
            lunch_start_s = max(clock, lunch.earliest_s)
            clock = lunch_start_s + lunch.duration_s
        if timed is None:
            clock += drive_s
        else:
            drives.append(timed[leg][clock])
            clock += drives[leg]
        if leg == lunch_leg and lunch is not None and eats_after:
            lunch_start_s = max(clock, lunch.earliest_s)
            clock = lunch_start_s + lunch.duration_s
        if leg == len(tasks):
            break
        first_s, last_s, _, service_s, _ = tasks[leg]
        start_s: int | None = first_s if clock < first_s else clock  # noqa: FURB136 - `max` is slow, and this is the innermost loop
        if clock > last_s:
            start_s = tasks[leg].start_s(clock)
        if start_s is None:
            return None
        arrives.append(clock)
        starts.append(start_s)
        clock = start_s + service_s
    if lunch is not None and lunch_leg == len(legs):
        lunch_start_s = max(clock, lunch.earliest_s)
    if tasks and clock > day.team.shift.limit_s:
        return None  # with no new visit a late return is a fact, not a choice
    return _told(walk, (starts, arrives, drives), lunch_start_s, clock)


def _told(
    walk: _Walk,
    times: tuple[list[int], list[int], list[int]],
    lunch_start_s: int | None,
    return_s: int,
) -> Timing:
    """Put the times of a walk together with what they cost."""
    starts, arrives, drives = times
    drive_total_s = sum(drives)
    visits = [task.visit for task in walk.tasks]
    late = lateness(zip(visits, starts, strict=True))
    return Timing(
        starts_s=tuple(starts),
        arrives_s=tuple(arrives),
        lunch_start_s=lunch_start_s,
        return_s=return_s,
        s_late=late.s_late,
        promises_late=late.promises_late,
        s_late_steps=late.s_late_steps,
        late_steps=late.late_steps,
        drives_s=tuple(drives),
        drive_s=drive_total_s,
        overtime_s=max(0, return_s - walk.day.team.shift.end_s),
        work_s=drive_total_s + sum(task.service_s for task in walk.tasks),
    )
