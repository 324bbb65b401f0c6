"""One visit more for one team: its legal places, or the rules that stop it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from dispatch.domain.day_limits import least_drive_s
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import DayScheduler, Order, Timing
from dispatch.domain.team import DAY_S
from dispatch.domain.travel import UNREACHABLE_S
from dispatch.domain.visit import Visit


class Rule(StrEnum):
    """What keeps a team from a visit."""

    OFFICE = "office"  # its office is not allowed
    TEAM = "team"  # the dispatcher named another team
    SKILL = "skill"
    CREW = "crew"
    WIDTH = "width"  # the street is too narrow for the vehicle
    VEHICLE_CLASS = "vehicle_class"
    LOAD = "load"
    MATERIAL = "material"
    TOOL = "tool"  # every piece of a shared tool is with other teams
    TEAMS = "teams"  # it needs more teams at once than could go
    UNREACHABLE = "unreachable"
    WINDOW = "window"
    FORBIDDEN = "forbidden"  # hours in which nobody may work there
    HARD_DUE = "hard_due"
    LOCK = "lock"  # hours that the dispatcher keeps the start in
    LINKED = "linked"  # the moment that visits linked with it are placed by
    LUNCH = "lunch"
    SHIFT_END = "shift_end"
    OTHERS = "others"  # times of the other visits of the route
    SEVERAL = "several"  # no one rule alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """
    One rule that stops a team, with its numbers.

    Parameters
    ----------
    rule
        Which.
    over_s
        Rules of time: seconds by which the best placement misses it.
    needed, has
        Rules of amount: what the visit needs, and what is there: people, kilograms,
        pieces; centimetres of the street and of the vehicle (0: not known).
    names
        What is missing, or what forbids: skills, tools, a material, an office, a team,
        visits.
    """

    rule: Rule
    over_s: int = 0
    needed: int = 0
    has: int = 0
    names: tuple[str, ...] = ()


class Seat(NamedTuple):
    """A place in a team's order, and the times of the order with the visit in it."""

    position: int
    timing: Timing

    @property
    def start_s(self) -> int:
        """When service begins there."""
        return self.timing.starts_s[self.position]

    def order(self, without: Order, visit_index: int) -> Order:
        """Put the visit in its place."""
        return (*without[: self.position], visit_index, *without[self.position :])


class Trial(NamedTuple):
    """
    One team's order and one visit more, on a copy small enough to change rules on.

    The copy has one team and the visits of its order, the one on trial last.
    """

    scheduler: DayScheduler

    @property
    def problem(self) -> DayProblem:
        """The copy."""
        return self.scheduler.problem

    @property
    def starts(self) -> Mapping[int, int]:
        """Moments of linked visits, by index in the copy."""
        return self.scheduler.starts

    @property
    def visit(self) -> Visit:
        """The one on trial."""
        return self.problem.visits[-1]

    @property
    def day(self) -> TeamDay:
        """The team's day."""
        return self.problem.team_days[0]

    @property
    def others(self) -> Order:
        """The team's order without the visit."""
        return tuple(range(len(self.problem.visits) - 1))

    def with_visit(self, visit: Visit) -> Trial:
        """Try it with other rules of the visit."""
        visits = (*self.problem.visits[:-1], visit)
        part = replace(self.problem, visits=visits)
        return Trial(DayScheduler(part, self.starts))

    def with_day(self, day: TeamDay) -> Trial:
        """Try it with other rules of the team's day."""
        part = replace(self.problem, team_days=(day,))
        return Trial(DayScheduler(part, self.starts))

    def hopeful(self) -> list[int]:
        """Places that the seconds of the day are enough for, however it is driven."""
        day, team = self.day, self.day.team
        least_s = least_drive_s(self.problem.travel).tolist()
        nodes, there = (
            self.scheduler.nodes(0, self.others),
            self.problem.visit_nodes[-1],
        )
        busy_s = sum(least_s[a][b] for a, b in itertools.pairwise(nodes))
        busy_s += sum(visit.service_for_s(team) for visit in self.problem.visits)
        return [
            position
            for position, (a, b) in enumerate(itertools.pairwise(nodes))
            if spare_s(day, busy_s + _detour_s(least_s, a, there, b)) >= 0
        ]

    def seats(self) -> Iterator[Seat]:
        """All legal places, first place first."""
        others = self.others
        for position in self.hopeful():
            order = (*others[:position], len(others), *others[position:])
            timing = self.scheduler.timing(0, order)
            if timing is not None:
                yield Seat(position, timing)

    def best(self) -> Seat | None:
        """Legal place that costs this route least."""
        return min(self.seats(), key=seat_cost, default=None)


def seat_cost(seat: Seat) -> tuple[int, ...]:
    """Tell what a place costs its route; the first place of equals is less."""
    return (*seat.timing.cost(), seat.position)


def _detour_s(least_s: list[list[int]], here: int, via: int, there: int) -> int:
    return least_s[here][via] + least_s[via][there] - least_s[here][there]


def spare_s(day: TeamDay, busy_s: int) -> int:
    """Seconds of a team's day beside driving, work and lunch; less than 0: too few."""
    end_s, lunch = day.free_from_s + busy_s, day.team.shift.lunch
    # Who is back before the latest lunch may eat afterwards.
    if lunch is not None and day.lunch_owed and end_s > lunch.latest_start_s:
        end_s += lunch.duration_s
    return day.team.shift.limit_s - end_s


def trial_of(
    problem: DayProblem,
    starts: Mapping[int, int],
    team_index: int,
    order: Order,
    visit_index: int,
) -> Trial:
    """Copy what one team's order needs, with one visit more that is not in it."""
    day = problem.team_days[team_index]
    indices = (*order, visit_index)
    rows = [day.start_node, day.end_node, *(problem.visit_nodes[i] for i in indices)]
    part = DayProblem(
        date=problem.date,
        visits=tuple(_by_itself(problem, problem.visits[index]) for index in indices),
        team_days=(replace(day, start_node=0, end_node=1),),
        travel=problem.travel.part(rows),
        visit_nodes=tuple(range(2, len(rows))),
        tools=problem.tools,
        levels=problem.levels,
    )
    pinned = {at: starts[index] for at, index in enumerate(indices) if index in starts}
    return Trial(DayScheduler(part, pinned))


def _by_itself(problem: DayProblem, visit: Visit) -> Visit:
    """Turn the wait for stops that are under way, of any team, into a release."""
    if not visit.after:
        return visit
    gaps_s = {before.visit_id: before.gap_s for before in visit.after}
    ready_s = (
        stop.end_s + gaps_s[stop.visit_id]
        for day in problem.team_days
        for stop in day.committed
        if stop.visit_id in gaps_s
    )
    return replace(visit, release_s=max(visit.release_s, *ready_s, 0), after=())


def who_blocks(
    problem: DayProblem, orders: Sequence[Order], team_index: int, visit_index: int
) -> tuple[Block, ...]:
    """All rules but those of time that keep a team from one visit more."""
    day, visit = problem.team_days[team_index], problem.visits[visit_index]
    team, vehicle, order = day.team, day.team.vehicle, orders[team_index]
    carried = [problem.visits[index] for index in order]
    room_kg = day.load_left_kg - sum(other.load_kg for other in carried)
    width_cm, max_cm = vehicle.width_cm, visit.max_width_cm
    too_wide = max_cm is not None and (width_cm is None or width_cm > max_cm)
    classes = visit.vehicle_classes
    tools: tuple[str, ...] = ()
    if visit.tools:
        tools = tuple(sorted(visit.tools - _tools_for(problem, orders, team_index)))
    checks = (
        (team.office_id not in visit.allowed_office_ids, Rule.OFFICE, team.office_id),
        (visit.team_id not in {None, team.id}, Rule.TEAM, visit.team_id or ""),
        (
            bool(classes) and vehicle.vehicle_class not in classes,
            Rule.VEHICLE_CLASS,
            vehicle.vehicle_class,
        ),
    )
    found = [Block(rule=rule, names=(name,)) for holds, rule, name in checks if holds]
    if not visit.skills <= team.skills:
        missing = tuple(sorted(visit.skills - team.skills))
        found.append(Block(rule=Rule.SKILL, names=missing))
    if visit.crew > team.crew_size:
        found.append(Block(rule=Rule.CREW, needed=visit.crew, has=team.crew_size))
    if too_wide:
        found.append(Block(rule=Rule.WIDTH, needed=max_cm or 0, has=width_cm or 0))
    if visit.load_kg > room_kg:
        found.append(Block(rule=Rule.LOAD, needed=visit.load_kg, has=max(0, room_kg)))
    found += _material_blocks(day, carried, visit)
    if tools:
        found.append(Block(rule=Rule.TOOL, names=tools))
    return tuple(found)


def _material_blocks(day: TeamDay, carried: list[Visit], visit: Visit) -> list[Block]:
    found = []
    for name, count in visit.materials:
        taken = sum(dict(other.materials).get(name, 0) for other in carried)
        left = day.pieces_left(name) - taken
        if count > left:
            block = Block(
                rule=Rule.MATERIAL, needed=count, has=max(0, left), names=(name,)
            )
            found.append(block)
    return found


def _tools_for(
    problem: DayProblem, orders: Sequence[Order], team_index: int
) -> frozenset[str]:
    """Shared tools that a team brings already, or could take from the stock."""
    brought = [
        day.committed_tools.union(*(problem.visits[index].tools for index in order))
        for day, order in zip(problem.team_days, orders, strict=True)
    ]
    free = (
        name
        for name, stock in problem.tools
        if sum(name in tools for tools in brought) < stock
    )
    return brought[team_index].union(free)


def time_blocks(trial: Trial) -> tuple[Block, ...]:
    """
    Rules of time that stop a visit that has no legal place, the nearest miss first.

    Each is one that alone, if it did not hold, would let the visit in: one rule at a
    time is taken away on a copy. Where none alone would, the answer says so.
    """
    found = []
    for rule, eased in _eased(trial):
        over_s = min((_over_s(rule, trial, seat) for seat in eased.seats()), default=-1)
        if over_s >= 0:
            found.append(Block(rule=rule, over_s=over_s))
    if found:
        return tuple(sorted(found, key=lambda block: block.over_s))
    travel, node = trial.problem.travel, trial.problem.visit_nodes[-1]
    legs_s = travel.typical_s()[[0, node], [node, 1]]
    lost = bool(legs_s.max() >= UNREACHABLE_S)
    return (Block(rule=Rule.UNREACHABLE if lost else Rule.SEVERAL),)


def _eased(trial: Trial) -> Iterator[tuple[Rule, Trial]]:
    """Take away one rule of time at a time, of those that there are."""
    visit, day, last = trial.visit, trial.day, len(trial.others)
    if visit.windows:
        yield Rule.WINDOW, trial.with_visit(replace(visit, windows=()))
    if visit.forbidden:
        yield Rule.FORBIDDEN, trial.with_visit(replace(visit, forbidden=()))
    if visit.hard_due:
        yield Rule.HARD_DUE, trial.with_visit(replace(visit, hard_due=False))
    if visit.start_between is not None:
        yield Rule.LOCK, trial.with_visit(replace(visit, start_between=None))
    if last in trial.starts:
        pinned = {at: moment for at, moment in trial.starts.items() if at != last}
        yield Rule.LINKED, Trial(DayScheduler(trial.problem, pinned))
    if day.lunch_owed:
        no_lunch = replace(day.team, shift=replace(day.team.shift, lunch=None))
        yield Rule.LUNCH, trial.with_day(replace(day, team=no_lunch))
    yield Rule.SHIFT_END, trial.with_day(with_overtime(day, DAY_S))
    free = tuple(_without_times(other) for other in trial.problem.visits[:-1])
    own = {at: moment for at, moment in trial.starts.items() if at == last}
    part = replace(trial.problem, visits=(*free, visit))
    yield Rule.OTHERS, Trial(DayScheduler(part, own))


def with_overtime(day: TeamDay, more_s: int) -> TeamDay:
    """Grant a team more overtime than it has."""
    shift = day.team.shift
    longer = replace(shift, overtime_max_s=shift.overtime_max_s + more_s)
    return replace(day, team=replace(day.team, shift=longer))


def _without_times(visit: Visit) -> Visit:
    return replace(visit, windows=(), forbidden=(), hard_due=False, start_between=None)


def _over_s(rule: Rule, trial: Trial, seat: Seat) -> int:
    """By how much a place that is legal without a rule misses it."""
    last = len(trial.others)
    match rule:
        case Rule.SHIFT_END:
            return seat.timing.return_s - trial.day.team.shift.limit_s
        case Rule.LUNCH:
            lunch = trial.day.team.shift.lunch
            return 0 if lunch is None else lunch.duration_s
        case Rule.OTHERS:
            order = seat.order(trial.others, last)
            starts_s = dict(zip(order, seat.timing.starts_s, strict=True))
            missed_s = (_missed_s(trial, at, starts_s[at]) for at in trial.others)
            return max(missed_s, default=0)
        case Rule.WINDOW | Rule.LOCK:
            lock, windows = trial.visit.start_between, trial.visit.windows
            times = [lock] if rule is Rule.LOCK else windows
            return min(
                _outside_s((t.start_s, t.end_s), seat.start_s) for t in times if t
            )
        case _:
            return _missed_s(trial, last, seat.start_s)


def _missed_s(trial: Trial, at: int, start_s: int) -> int:
    """How far a start lies from the nearest moment that the visit's rules allow."""
    if at in trial.starts:
        return abs(start_s - trial.starts[at])
    visit, day = trial.problem.visits[at], trial.day
    until_s = day.team.shift.limit_s + DAY_S
    spans = visit.start_spans(visit.service_for_s(day.team), until_s)
    return min((_outside_s(span, start_s) for span in spans), default=0)


def _outside_s(span: tuple[int, int], start_s: int) -> int:
    return max(span[0] - start_s, start_s - span[1], 0)
