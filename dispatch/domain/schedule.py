"""Exact placement: the best legal times for one team's order of visits."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from dispatch.domain.catalogue import Urgency
from dispatch.domain.plan import Route, Stop
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.team import Lunch
from dispatch.domain.travel import UNREACHABLE_S, TravelMatrix
from dispatch.domain.visit import Visit

CACHE_MAX = 50_000  # timings, some 30 MB; a long search would keep every order it saw
NO_PAUSE = -2  # lunch is taken already, or there is none
DRIVES_MAX = 100_000  # drives by departure that are kept, some 10 MB
LATE_STEP_S = 900  # lateness counts in 15-minute steps, so no minute outranks a visit

Order = tuple[int, ...]  # visit indices of one team, in driving order


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


class DayScheduler:
    """
    Places orders of visits exactly: windows, lunch, shift, load, lateness.

    A team leaves as soon as it can, and drives as long as the travel matrix says for
    that moment. With no new visit there are always times: what a team is committed to
    is a fact, also when it is cut off from its base, too late for lunch or overloaded.
    Lunch is tried on every leg where it can begin; a leg is skipped when the visit
    after it ends before lunch may begin anyway, because taking lunch later then starts
    no visit later. Timings are cached, since a search asks for the same orders often.

    Parameters
    ----------
    problem
        The day; nothing in it is changed.
    """

    def __init__(self, problem: DayProblem) -> None:
        self.problem = problem
        self.typical_s = problem.travel.typical_s()  # one copy for all who search
        self._typical_s: list[list[int]] = self.typical_s.tolist()
        self._clocked = _Clocked(problem.travel) if problem.travel.is_timed else None
        self._visits = problem.visits
        self._tasks = [_task(visit) for visit in problem.visits]
        self._nodes = problem.visit_nodes
        self._cache: dict[tuple[int, Order], Timing | None] = {}

    def timing(self, team_index: int, order: Order) -> Timing | None:
        """Best legal times of this order, or None when there are none."""
        key = (team_index, order)
        if key not in self._cache:
            if len(self._cache) >= CACHE_MAX:
                self._cache.clear()
            day = self.problem.team_days[team_index]
            self._cache[key] = self._place(day, order) if order else self._rest(day)
        return self._cache[key]

    def allows(self, team_index: int, visit_index: int) -> bool:
        """Whether this team may and can do the visit, time aside."""
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

    def _place(self, day: TeamDay, order: Order) -> Timing | None:
        tasks = [self._tasks[index] for index in order]
        if sum(task.visit.load_kg for task in tasks) > day.load_left_kg:
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
            free_s = start_s + visit.service_s
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


class _Clocked:
    """
    Driving times by departure, from plain lists, each worked out once.

    Orders that a search compares begin alike, so most legs are left at moments that
    were asked before.
    """

    def __init__(self, travel: TravelMatrix) -> None:
        self._trip = travel.trip
        self._open_s: list[list[int]] = travel.duration_s.tolist()
        closed = travel.restricted
        self._restricted_s: list[list[int]] = (
            self._open_s if closed is None else closed.duration_s.tolist()
        )
        self._known: dict[tuple[int, int], _LegDrives] = {}
        self._num_known = 0

    def along(self, nodes: Sequence[int]) -> list[_LegDrives]:
        """Driving times on the legs of one order."""
        if self._num_known >= DRIVES_MAX:
            self._known.clear()
            self._num_known = 0
        drives = []
        for leg in itertools.pairwise(nodes):
            if leg not in self._known:
                self._known[leg] = _LegDrives(self, leg)
            drives.append(self._known[leg])
        return drives

    def drive_s(self, leg: tuple[int, int], depart_s: int) -> int:
        """Work out one drive, to be kept."""
        self._num_known += 1
        here, there = leg
        bases_s = self._open_s[here][there], self._restricted_s[here][there]
        return self._trip(*bases_s, depart_s)[0]


class _LegDrives(dict[int, int]):
    """Seconds of one leg by departure; a dict, because a hit costs next to nothing."""

    __slots__ = ("_clocked", "_leg")

    def __init__(self, clocked: _Clocked, leg: tuple[int, int]) -> None:
        super().__init__()
        self._clocked = clocked
        self._leg = leg

    def __missing__(self, depart_s: int) -> int:
        drive_s = self[depart_s] = self._clocked.drive_s(self._leg, depart_s)
        return drive_s


class _Task(NamedTuple):
    """What the walk asks of a visit, worked out once: a search asks very often."""

    earliest_s: int
    latest_s: int  # start of service, an appointment's last moment
    service_s: int
    visit: Visit


def _task(visit: Visit) -> _Task:
    never_s = UNREACHABLE_S  # later than any day ends
    latest_s = never_s if visit.window is None else visit.window.end_s
    return _Task(visit.earliest_start_s(), latest_s, visit.service_s, visit)


class _Walk(NamedTuple):
    """
    One team's order, ready to be walked: who, what, and how long each leg takes.

    `legs` holds the seconds of each leg; on a timed day `timed` by departure.
    """

    day: TeamDay
    tasks: list[_Task]
    legs: list[int]
    timed: list[_LegDrives] | None

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
            finish_s = max(arrive_s, task.earliest_s) + task.service_s
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
        earliest_s, latest_s, service_s, _ = tasks[leg]
        start_s = max(clock, earliest_s)
        if start_s > latest_s:
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
    # Lateness by urgency, in begun steps.
    late = [
        (task.visit.urgency, -(-task.visit.late_s(start_s) // LATE_STEP_S))
        for task, start_s in zip(walk.tasks, starts, strict=True)
        if task.visit.due_s is not None and start_s > task.visit.due_s
    ]
    return Timing(
        starts_s=tuple(starts),
        arrives_s=tuple(arrives),
        lunch_start_s=lunch_start_s,
        return_s=return_s,
        s_late=sum(urgency is Urgency.S for urgency, _ in late),
        promises_late=sum(urgency is Urgency.A for urgency, _ in late),
        s_late_steps=sum(steps for urgency, steps in late if urgency is Urgency.S),
        late_steps=sum(steps for urgency, steps in late if urgency is not Urgency.S),
        drives_s=tuple(drives),
        drive_s=drive_total_s,
        overtime_s=max(0, return_s - walk.day.team.shift.end_s),
        work_s=drive_total_s + sum(task.service_s for task in walk.tasks),
    )
