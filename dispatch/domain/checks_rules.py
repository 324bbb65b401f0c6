"""What the checker says: the rules, a broken one, and which stops it judges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from dispatch.domain.plan import Plan, Route, Stop
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.visit import Visit


class Rule(StrEnum):
    """What no plan may break; the sentences are in docs/explanation."""

    DATE = "date"
    ONE_ROUTE = "one route per team"
    KNOWN_TEAM = "known team"
    EACH_VISIT = "each visit as often as it needs teams"
    KNOWN_VISIT = "known visit"
    COMMITTED = "committed stops stay"
    VEHICLE_LOAD = "vehicle load"
    MATERIALS = "materials"
    SHARED_TOOLS = "shared tools"
    SKILLS = "skills"
    TEAM_SIZE = "team size"
    VEHICLE_WIDTH = "vehicle width"
    VEHICLE_CLASS = "vehicle class"
    ALLOWED_OFFICE = "allowed office"
    DISPATCHERS_TEAM = "dispatcher's team"
    LEGAL_HOLD = "legal hold"
    RELEASE = "release"
    APPOINTMENT = "appointment"
    FORBIDDEN_HOURS = "forbidden hours"
    HARD_DUE = "hard due time"
    LOCK = "lock"
    SERVICE_TIME = "service time"
    TEAMS_TOGETHER = "teams together"
    AFTER = "after another visit"
    LATENESS_TOLD = "lateness told"
    REACHABLE = "reachable"
    DRIVE_TOLD = "drive told"
    LEVEL_TOLD = "level told"
    LUNCH_UNDISTURBED = "lunch undisturbed"
    TIME_TO_DRIVE = "time to drive"
    WAY_BACK = "way back"
    SHIFT = "shift"
    OVERTIME_TOLD = "overtime told"
    LUNCH = "lunch"
    SCORE_TOLD = "score told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken rule: which, where, and the numbers."""

    rule: Rule
    team_id: str | None
    visit_id: str | None
    detail: str


def broken(
    rule: Rule,
    detail: str,
    *,
    team_id: str | None = None,
    visit_id: str | None = None,
) -> Violation:
    """Say that a rule is broken, and where as far as it is one place."""
    return Violation(rule=rule, team_id=team_id, visit_id=visit_id, detail=detail)


def broken_at(day: TeamDay, stop: Stop, rule: Rule, detail: str) -> Violation:
    """Say that a rule is broken at one stop of a team."""
    return broken(rule, detail, team_id=day.team.id, visit_id=stop.visit_id)


def nothing_new(day: TeamDay, route: Route) -> bool:
    """Whether the team only ends what it is committed to: a fact, not a choice."""
    return len(route.stops) == len(day.committed)


def new_stops(problem: DayProblem, plan: Plan) -> Iterator[tuple[TeamDay, Stop, Visit]]:
    """Every stop that somebody chose: known, and not one that is under way already."""
    days = {day.team.id: day for day in problem.team_days}
    for route in plan.routes:
        day = days.get(route.team_id)
        if day is None:
            continue  # reported as an unknown team
        for stop in route.stops[len(day.committed) :]:
            visit = problem.visits_by_id.get(stop.visit_id)
            if visit is not None:
                yield day, stop, visit
