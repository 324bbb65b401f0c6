"""The independent checker: the rules of a plan restated, with no solver and no search.

It shares no code with the placement in `schedule` on purpose: every plan passes it or
is not published. Its parts are the modules `checks_…` beside it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from dispatch.domain.checks_clock import clock
from dispatch.domain.checks_rules import Rule, Violation, broken
from dispatch.domain.checks_score import score_told
from dispatch.domain.checks_stops import stops
from dispatch.domain.checks_together import together
from dispatch.domain.plan import Plan, Route
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.travel import worst

__all__ = ["Rule", "Violation", "violations"]


def violations(problem: DayProblem, plan: Plan) -> tuple[Violation, ...]:
    """
    Every rule that the plan breaks; empty when it may be published.

    Parameters
    ----------
    problem
        What the plan was made from.
    plan
        The plan to check; the lateness, driving times and their levels, the overtime
        and the score that it tells are checked too.
    """
    return tuple(_all(problem, plan))


def _all(problem: DayProblem, plan: Plan) -> Iterator[Violation]:
    if plan.date != problem.date:
        yield broken(Rule.DATE, f"{plan.date} instead of {problem.date}")
    yield from _each_visit(problem, plan)
    yield from _known_visits(problem, plan)
    yield from _level(problem, plan)
    yield from _routes(problem, plan)
    yield from together(problem, plan)
    yield from score_told(problem, plan)


def _routes(problem: DayProblem, plan: Plan) -> Iterator[Violation]:
    days = {day.team.id: day for day in problem.team_days}
    route_count = Counter(route.team_id for route in plan.routes)
    for team_id, count in route_count.items():
        if count > 1:
            yield broken(Rule.ONE_ROUTE, str(count), team_id=team_id)
    for busy in problem.team_days:
        if busy.committed and busy.team.id not in route_count:
            detail = "the team with stops under way has no route"
            yield broken(Rule.COMMITTED, detail, team_id=busy.team.id)
    for route in plan.routes:
        day = days.get(route.team_id)
        if day is None:
            yield broken(Rule.KNOWN_TEAM, "unknown", team_id=route.team_id)
            continue
        yield from _route(problem, day, route)


def _route(problem: DayProblem, day: TeamDay, route: Route) -> Iterator[Violation]:
    if route.stops[: len(day.committed)] != day.committed:
        detail = "stops already under way were changed"
        yield broken(Rule.COMMITTED, detail, team_id=day.team.id)
        return
    yield from stops(problem, day, route)
    yield from clock(problem, day, route)


def _level(problem: DayProblem, plan: Plan) -> Iterator[Violation]:
    """Ask that the plan claims no better times than its worst leg has."""
    levels = [stop.drive_level for _, _, stop in plan.stops()]
    levels += [route.return_drive_level for route in plan.routes if route.stops]
    level = worst(levels) if levels else problem.travel.level
    if plan.travel_level is not level:
        yield broken(Rule.LEVEL_TOLD, f"{plan.travel_level}, not {level}")


def _each_visit(problem: DayProblem, plan: Plan) -> Iterator[Violation]:
    """Ask that all the teams that a visit needs go, once each, or that none does."""
    team_ids: dict[str, list[str]] = defaultdict(list)
    for route, _, stop in plan.stops():
        team_ids[stop.visit_id].append(route.team_id)
    left_out = Counter(item.visit_id for item in plan.unassigned)
    for visit in problem.visits:
        going, num_left_out = team_ids[visit.id], left_out[visit.id]
        num_wanted = 0 if num_left_out else visit.num_teams
        if num_left_out > 1 or not len(going) == len(set(going)) == num_wanted:
            detail = f"left out {num_left_out} times, and {sorted(going)} go there"
            yield broken(Rule.EACH_VISIT, detail, visit_id=visit.id)


def _known_visits(problem: DayProblem, plan: Plan) -> Iterator[Violation]:
    """Ask that nobody is sent, or excused, for a visit that is not of the day."""
    known = {visit.id for visit in problem.visits}
    known |= {stop.visit_id for day in problem.team_days for stop in day.committed}
    known |= {item.visit_id for item in plan.unassigned if item.reason.is_held}
    counts = Counter(stop.visit_id for _, _, stop in plan.stops())
    counts.update(item.visit_id for item in plan.unassigned)
    for visit_id, count in counts.items():
        if visit_id not in known:
            yield broken(Rule.KNOWN_VISIT, f"{count} times", visit_id=visit_id)
