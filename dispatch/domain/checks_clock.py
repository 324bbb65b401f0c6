"""One route's clock in the checker: drives, lunch, the way back and the shift.

It shares no code with the placement in `schedule`; see `checks`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from dispatch.domain.checks_rules import (
    Rule,
    Violation,
    broken,
    broken_at,
    nothing_new,
)
from dispatch.domain.plan import Route, Stop
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.travel import UNREACHABLE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leg:
    """One drive of a route: between two places, from the moment the team is free."""

    here: int
    there: int
    free_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Story:
    """A way in which a leg may have gone: how long, there when, and ready when."""

    drive_s: int
    there_s: int
    ready_s: int  # there, and no lunch in between that is still to be eaten
    held_s: int = 0  # the part of the drive that waits for a timed closure to end

    def is_told(self, drive_s: int, held_s: int) -> bool:
        """Whether these are the seconds of this story."""
        return (drive_s, held_s) == (self.drive_s, self.held_s)


def _stories(
    problem: DayProblem, leg: _Leg, lunch: tuple[int, int] | None
) -> tuple[_Story, ...]:
    """
    Every way in which a leg may have gone; `lunch` is one taken on it, if any.

    A team leaves when it is free. With lunch it eats first and leaves when it has
    eaten, or it drives at once and eats on arrival if it is there by then.
    """
    at_once = _story(problem, leg, leg.free_s)
    if lunch is None:
        return (at_once,)
    lunch_from, lunch_to = lunch
    eaten_first = _story(problem, leg, lunch_to)
    if lunch_from < at_once.there_s:
        return (eaten_first,)
    return replace(at_once, ready_s=lunch_to), eaten_first


def _story(problem: DayProblem, leg: _Leg, leave_s: int) -> _Story:
    """Go the leg from a moment on, with no lunch after it."""
    drive_s = problem.travel.drive_s(leg.here, leg.there, leave_s)
    there_s = leave_s + drive_s
    held_s = problem.travel.held_s(leg.here, leg.there, leave_s)
    return _Story(drive_s=drive_s, there_s=there_s, ready_s=there_s, held_s=held_s)


def clock(problem: DayProblem, day: TeamDay, route: Route) -> Iterator[Violation]:
    """Whatever is wrong with the clock of one route, from its first new stop on."""
    nodes = {v.id: n for v, n in zip(problem.visits, problem.visit_nodes, strict=True)}
    node, free_s = day.start_node, day.free_from_s
    lunch_from, lunch_to = _lunch_still_to_come(day, route)
    for stop in route.stops[len(day.committed) :]:
        if stop.visit_id not in nodes:
            return
        leg = _Leg(here=node, there=nodes[stop.visit_id], free_s=free_s)
        lunch = None
        if lunch_from is not None and free_s <= lunch_from < stop.start_s:
            lunch = (lunch_from, lunch_to)
            if lunch_to > stop.start_s:
                yield broken_at(
                    day, stop, Rule.LUNCH_UNDISTURBED, "service begins in lunch"
                )
        yield from _drive(problem, day, stop, leg, lunch)
        if lunch_from is not None and stop.start_s <= lunch_from < stop.end_s:
            yield broken_at(
                day, stop, Rule.LUNCH_UNDISTURBED, "lunch begins during service"
            )
        node, free_s = leg.there, stop.end_s
    yield from _end(problem, day, route, node, free_s)
    yield from _lunch(day, route)


def _drive(
    problem: DayProblem,
    day: TeamDay,
    stop: Stop,
    leg: _Leg,
    lunch: tuple[int, int] | None,
) -> Iterator[Violation]:
    """Judge the drive to one stop: is it told truly, and is there time for it."""
    stories = _stories(problem, leg, lunch)
    if min(story.drive_s for story in stories) >= UNREACHABLE_S:
        yield broken_at(day, stop, Rule.REACHABLE, "no way there")
    told = [story for story in stories if story.is_told(stop.drive_s, stop.held_s)]
    if not told:
        detail = _untrue((stop.drive_s, stop.held_s), stories[0])
        yield broken_at(day, stop, Rule.DRIVE_TOLD, detail)
    short_s = min(
        max(story.there_s - stop.arrive_s, story.ready_s - stop.start_s)
        for story in told or stories
    )
    if short_s > 0:
        yield broken_at(day, stop, Rule.TIME_TO_DRIVE, f"{short_s} s short")
    level = problem.travel.leg_level(leg.here, leg.there)
    if stop.drive_level is not level:
        detail = f"{stop.drive_level} instead of {level}"
        yield broken_at(day, stop, Rule.LEVEL_TOLD, detail)


def _end(
    problem: DayProblem, day: TeamDay, route: Route, node: int, free_s: int
) -> Iterator[Violation]:
    """Judge the way back: what is told of it, and is there time for it, and one."""
    leg = _Leg(here=node, there=day.end_node, free_s=free_s)
    home_s = problem.travel.drive_s(leg.here, leg.there, free_s)
    is_cut_off = bool(route.stops) and home_s >= UNREACHABLE_S
    stories: tuple[_Story, ...] = (_Story(drive_s=0, there_s=free_s, ready_s=free_s),)
    if route.stops:
        lunch_from, lunch_to = _lunch_still_to_come(day, route)
        lunch = None
        if lunch_from is not None and free_s <= lunch_from < route.return_s:
            lunch = (lunch_from, lunch_to)
        if not is_cut_off:
            stories = _stories(problem, leg, lunch)
        level = problem.travel.leg_level(node, day.end_node)
        if route.return_drive_level is not level:
            detail = f"{route.return_drive_level} instead of {level}"
            yield broken(Rule.LEVEL_TOLD, detail, team_id=day.team.id)
    seconds = (route.return_drive_s, route.return_held_s)
    told = [story for story in stories if story.is_told(*seconds)]
    if not told:
        detail = _untrue(seconds, stories[0])
        yield broken(Rule.DRIVE_TOLD, detail, team_id=day.team.id)
    short_s = min(story.ready_s for story in told or stories) - route.return_s
    if short_s > 0:
        detail = f"back {short_s} s too early"
        yield broken(Rule.WAY_BACK, detail, team_id=day.team.id)
    yield from _cut_off(day, route, free_s, is_cut_off=is_cut_off)
    yield from _shift(day, route)


def _cut_off(
    day: TeamDay, route: Route, free_s: int, *, is_cut_off: bool
) -> Iterator[Violation]:
    """Ask that a route says it when no way leads back, and then goes nowhere new."""
    details = []
    if route.no_way_back is not is_cut_off:
        details.append("there is none, and the route hides it")
        if route.no_way_back:
            details = ["there is one, and the route denies it"]
    if is_cut_off and not nothing_new(day, route):
        details.append("none after the last new stop")
    if is_cut_off and route.return_s > free_s:
        details.append(f"none, and the team is free at {free_s}")
    if is_cut_off and route.return_drive_m:
        details.append(f"none, and {route.return_drive_m} m of it")
    for detail in details:
        yield broken(Rule.WAY_BACK, detail, team_id=day.team.id)


def _untrue(seconds: tuple[int, int], story: _Story) -> str:
    """Say what a drive tells, and what it should."""
    drive_s, held_s = seconds
    detail = f"{drive_s} s instead of {story.drive_s} s"
    if held_s == story.held_s:
        return detail
    return f"{detail}, {held_s} s of them waiting instead of {story.held_s} s"


def _shift(day: TeamDay, route: Route) -> Iterator[Violation]:
    if route.return_s > day.team.shift.limit_s and not nothing_new(day, route):
        detail = f"back at {route.return_s}, limit {day.team.shift.limit_s}"
        yield broken(Rule.SHIFT, detail, team_id=day.team.id)
    overtime_s = max(0, route.return_s - day.team.shift.end_s)
    if route.overtime_s != overtime_s:
        detail = f"{route.overtime_s} s, in truth {overtime_s} s"
        yield broken(Rule.OVERTIME_TOLD, detail, team_id=day.team.id)


def _lunch(day: TeamDay, route: Route) -> Iterator[Violation]:
    lunch = day.team.shift.lunch
    if lunch is None:
        return
    start_s, end_s = route.lunch_start_s, route.lunch_end_s
    if start_s is None or end_s is None:
        too_late = day.lunch_owed and day.free_from_s > lunch.latest_start_s
        if not (too_late and nothing_new(day, route)):
            yield broken(Rule.LUNCH, "no lunch", team_id=day.team.id)
        return
    if day.lunch_start_s is not None:
        if start_s != day.lunch_start_s:
            detail = "a lunch already taken was moved"
            yield broken(Rule.LUNCH, detail, team_id=day.team.id)
        return
    if start_s < lunch.earliest_s or end_s > lunch.latest_end_s:
        yield broken(Rule.LUNCH, f"at {start_s}", team_id=day.team.id)
    if end_s - start_s != lunch.duration_s:
        yield broken(Rule.LUNCH, f"{end_s - start_s} s", team_id=day.team.id)


def _lunch_still_to_come(day: TeamDay, route: Route) -> tuple[int | None, int]:
    if day.lunch_start_s is not None or route.lunch_start_s is None:
        return None, 0
    return route.lunch_start_s, route.lunch_end_s or route.lunch_start_s
