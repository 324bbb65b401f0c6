"""The independent checker: the rules of a plan restated, with no solver and no search.

It shares no code with the placement in `schedule` on purpose: every plan passes it or
is not published.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from dispatch.domain.plan import Plan, Route, Stop, UnassignedReason
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.travel import UNREACHABLE_S, worst


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken rule: which, where, and the numbers."""

    rule: str
    team_id: str | None
    visit_id: str | None
    detail: str


def violations(problem: DayProblem, plan: Plan) -> tuple[Violation, ...]:
    """
    Every rule that the plan breaks; empty when it may be published.

    Parameters
    ----------
    problem
        What the plan was made from.
    plan
        The plan to check; the lateness, driving times and their levels, and the
        overtime that it tells are checked too.
    """
    return tuple(_all(problem, plan))


def _all(problem: DayProblem, plan: Plan) -> Iterator[Violation]:
    if plan.date != problem.date:
        yield _violation("date", detail=f"{plan.date} instead of {problem.date}")
    yield from _each_visit_once(problem, plan)
    yield from _level(problem, plan)
    days = {day.team.id: day for day in problem.team_days}
    route_count = Counter(route.team_id for route in plan.routes)
    for team_id, count in route_count.items():
        if count > 1:
            yield _violation("one route per team", team_id=team_id, detail=str(count))
    for busy in problem.team_days:
        if busy.committed and busy.team.id not in route_count:
            detail = "the team with stops under way has no route"
            yield _violation(
                "committed stops stay", team_id=busy.team.id, detail=detail
            )
    for route in plan.routes:
        day = days.get(route.team_id)
        if day is None:
            yield _violation("known team", team_id=route.team_id, detail="unknown")
            continue
        yield from _route(problem, day, route)


def _level(problem: DayProblem, plan: Plan) -> Iterator[Violation]:
    """Ask that the plan claims no better times than its worst leg has."""
    levels = [stop.drive_level for _, _, stop in plan.stops()]
    levels += [route.return_drive_level for route in plan.routes if route.stops]
    level = worst(levels) if levels else problem.travel.level
    if plan.travel_level is not level:
        yield _violation("level told", detail=f"{plan.travel_level}, not {level}")


def _each_visit_once(problem: DayProblem, plan: Plan) -> Iterator[Violation]:
    counts = Counter(stop.visit_id for _, _, stop in plan.stops())
    counts.update(item.visit_id for item in plan.unassigned)
    committed = {s.visit_id for day in problem.team_days for s in day.committed}
    for visit in problem.visits:
        if counts[visit.id] != 1:
            detail = f"appears {counts[visit.id]} times"
            yield _violation("each visit once", visit_id=visit.id, detail=detail)
    for visit_id, count in counts.items():
        known = visit_id in problem.visits_by_id or visit_id in committed
        held = any(
            item.visit_id == visit_id and item.reason is UnassignedReason.ON_HOLD
            for item in plan.unassigned
        )
        if not known and not held:
            yield _violation("known visit", visit_id=visit_id, detail=f"{count} times")


def _route(problem: DayProblem, day: TeamDay, route: Route) -> Iterator[Violation]:
    team = day.team
    fixed = len(day.committed)
    if route.stops[:fixed] != day.committed:
        detail = "stops already under way were changed"
        yield _violation("committed stops stay", team_id=team.id, detail=detail)
        return
    load_kg = day.committed_load_kg
    for stop in route.stops[fixed:]:
        visit = problem.visits_by_id.get(stop.visit_id)
        if visit is None:
            continue  # reported by "known visit"
        load_kg += visit.load_kg
        yield from _who_may(problem, day, stop)
        yield from _when_may(problem, day, stop)
    if load_kg > team.vehicle.load_kg and not _nothing_new(day, route):
        detail = f"{load_kg} kg over {team.vehicle.load_kg} kg"
        yield _violation("vehicle load", team_id=team.id, detail=detail)
    yield from _clock(problem, day, route)


def _who_may(problem: DayProblem, day: TeamDay, stop: Stop) -> Iterator[Violation]:
    visit, team = problem.visits_by_id[stop.visit_id], day.team
    if not visit.skills <= team.skills:
        yield _at(day, stop, "skills", f"lacks {sorted(visit.skills - team.skills)}")
    if visit.crew > team.crew_size:
        yield _at(day, stop, "team size", f"{visit.crew} over {team.crew_size}")
    if team.office_id not in visit.allowed_office_ids:
        yield _at(day, stop, "allowed office", team.office_id)
    if visit.team_id is not None and visit.team_id != team.id:
        yield _at(day, stop, "dispatcher's team", f"bound to {visit.team_id}")
    if visit.not_before is not None and problem.date < visit.not_before:
        yield _at(day, stop, "legal hold", f"not before {visit.not_before}")


def _when_may(problem: DayProblem, day: TeamDay, stop: Stop) -> Iterator[Violation]:
    visit = problem.visits_by_id[stop.visit_id]
    if stop.start_s < max(stop.arrive_s, visit.release_s):
        yield _at(day, stop, "release", f"starts at {stop.start_s}")
    window = visit.window
    if window is not None and not window.start_s <= stop.start_s <= window.end_s:
        yield _at(day, stop, "appointment", f"starts at {stop.start_s}")
    if stop.end_s - stop.start_s != visit.service_s:
        yield _at(day, stop, "service time", f"{stop.end_s - stop.start_s} s")
    late_s = 0 if visit.due_s is None else max(0, stop.start_s - visit.due_s)
    if stop.late_s != late_s:
        yield _at(day, stop, "lateness told", f"{stop.late_s} s, in truth {late_s} s")


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


def _clock(problem: DayProblem, day: TeamDay, route: Route) -> Iterator[Violation]:
    """Driving, waiting, working and lunch follow each other with no overlap."""
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
                yield _at(day, stop, "lunch undisturbed", "service begins in lunch")
        yield from _drive(problem, day, stop, leg, lunch)
        if lunch_from is not None and stop.start_s <= lunch_from < stop.end_s:
            yield _at(day, stop, "lunch undisturbed", "lunch begins during service")
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
        yield _at(day, stop, "reachable", "no way there")
    told = [story for story in stories if story.is_told(stop.drive_s, stop.held_s)]
    if not told:
        detail = _untrue((stop.drive_s, stop.held_s), stories[0])
        yield _at(day, stop, "drive told", detail)
    short_s = min(
        max(story.there_s - stop.arrive_s, story.ready_s - stop.start_s)
        for story in told or stories
    )
    if short_s > 0:
        yield _at(day, stop, "time to drive", f"{short_s} s short")
    level = problem.travel.leg_level(leg.here, leg.there)
    if stop.drive_level is not level:
        detail = f"{stop.drive_level} instead of {level}"
        yield _at(day, stop, "level told", detail)


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
            yield _violation("level told", team_id=day.team.id, detail=detail)
    seconds = (route.return_drive_s, route.return_held_s)
    told = [story for story in stories if story.is_told(*seconds)]
    if not told:
        detail = _untrue(seconds, stories[0])
        yield _violation("drive told", team_id=day.team.id, detail=detail)
    short_s = min(story.ready_s for story in told or stories) - route.return_s
    if short_s > 0:
        detail = f"back {short_s} s too early"
        yield _violation("way back", team_id=day.team.id, detail=detail)
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
    if is_cut_off and not _nothing_new(day, route):
        details.append("none after the last new stop")
    if is_cut_off and route.return_s > free_s:
        details.append(f"none, and the team is free at {free_s}")
    if is_cut_off and route.return_drive_m:
        details.append(f"none, and {route.return_drive_m} m of it")
    for detail in details:
        yield _violation("way back", team_id=day.team.id, detail=detail)


def _nothing_new(day: TeamDay, route: Route) -> bool:
    """Whether the team only ends what it is committed to: a fact, not a choice."""
    return len(route.stops) == len(day.committed)


def _untrue(seconds: tuple[int, int], story: _Story) -> str:
    """Say what a drive tells, and what it should."""
    drive_s, held_s = seconds
    detail = f"{drive_s} s instead of {story.drive_s} s"
    if held_s == story.held_s:
        return detail
    return f"{detail}, {held_s} s of them waiting instead of {story.held_s} s"


def _shift(day: TeamDay, route: Route) -> Iterator[Violation]:
    if route.return_s > day.team.shift.limit_s and not _nothing_new(day, route):
        detail = f"back at {route.return_s}, limit {day.team.shift.limit_s}"
        yield _violation("shift", team_id=day.team.id, detail=detail)
    overtime_s = max(0, route.return_s - day.team.shift.end_s)
    if route.overtime_s != overtime_s:
        detail = f"{route.overtime_s} s, in truth {overtime_s} s"
        yield _violation("overtime told", team_id=day.team.id, detail=detail)


def _lunch(day: TeamDay, route: Route) -> Iterator[Violation]:
    lunch = day.team.shift.lunch
    if lunch is None:
        return
    start_s, end_s = route.lunch_start_s, route.lunch_end_s
    if start_s is None or end_s is None:
        too_late = day.lunch_owed and day.free_from_s > lunch.latest_start_s
        if not (too_late and _nothing_new(day, route)):
            yield _violation("lunch", team_id=day.team.id, detail="no lunch")
        return
    if day.lunch_start_s is not None:
        if start_s != day.lunch_start_s:
            detail = "a lunch already taken was moved"
            yield _violation("lunch", team_id=day.team.id, detail=detail)
        return
    if start_s < lunch.earliest_s or end_s > lunch.latest_end_s:
        yield _violation("lunch", team_id=day.team.id, detail=f"at {start_s}")
    if end_s - start_s != lunch.duration_s:
        yield _violation("lunch", team_id=day.team.id, detail=f"{end_s - start_s} s")


def _lunch_still_to_come(day: TeamDay, route: Route) -> tuple[int | None, int]:
    if day.lunch_start_s is not None or route.lunch_start_s is None:
        return None, 0
    return route.lunch_start_s, route.lunch_end_s or route.lunch_start_s


def _at(day: TeamDay, stop: Stop, rule: str, detail: str) -> Violation:
    return _violation(rule, team_id=day.team.id, visit_id=stop.visit_id, detail=detail)


def _violation(
    rule: str,
    *,
    detail: str,
    team_id: str | None = None,
    visit_id: str | None = None,
) -> Violation:
    return Violation(rule=rule, team_id=team_id, visit_id=visit_id, detail=detail)
