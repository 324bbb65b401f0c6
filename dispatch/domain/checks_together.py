"""What routes owe each other, in the checker: tools, teams together, one after another.

It shares no code with `together`; see `checks`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from dispatch.domain.checks_rules import Rule, Violation, broken, broken_at, new_stops
from dispatch.domain.plan import Plan
from dispatch.domain.problem import DayProblem


def together(problem: DayProblem, plan: Plan) -> Iterator[Violation]:
    """Whatever is wrong between the routes of a plan."""
    yield from _shared_tools(problem, plan)
    yield from _teams_together(problem, plan)
    yield from _after(problem, plan)


def _shared_tools(problem: DayProblem, plan: Plan) -> Iterator[Violation]:
    """Count the teams that hold a tool all day; one that is out is out already."""
    stock = dict(problem.tools)
    bringing: dict[str, set[str]] = defaultdict(set)
    for day, _, visit in new_stops(problem, plan):
        for tool in visit.tools - day.committed_tools:
            bringing[tool].add(day.team.id)
    for tool, team_ids in sorted(bringing.items()):
        num_out = sum(tool in day.committed_tools for day in problem.team_days)
        num_held = num_out + len(team_ids)
        if num_held > stock.get(tool, 0):
            detail = f"{tool}: {num_held} teams, {stock.get(tool, 0)} there"
            yield broken(Rule.SHARED_TOOLS, detail)


def _teams_together(problem: DayProblem, plan: Plan) -> Iterator[Violation]:
    starts_s: dict[str, set[int]] = defaultdict(set)
    for _, _, stop in plan.stops():
        starts_s[stop.visit_id].add(stop.start_s)
    for visit in problem.visits:
        moments = sorted(starts_s[visit.id])
        if visit.num_teams > 1 and len(moments) > 1:
            detail = f"they begin at {moments}"
            yield broken(Rule.TEAMS_TOGETHER, detail, visit_id=visit.id)


def _after(problem: DayProblem, plan: Plan) -> Iterator[Violation]:
    """Ask that what comes before has ended; what nobody has to do any more is over."""
    ends_s: dict[str, int] = {}
    for _, _, stop in plan.stops():
        ends_s[stop.visit_id] = max(stop.end_s, ends_s.get(stop.visit_id, stop.end_s))
    for day, stop, visit in new_stops(problem, plan):
        for before in visit.after:
            end_s = ends_s.get(before.visit_id)
            if end_s is None:
                if before.visit_id in problem.visits_by_id:
                    detail = f"{before.visit_id} is left out"
                    yield broken_at(day, stop, Rule.AFTER, detail)
            elif stop.start_s < end_s + before.gap_s:
                short_s = end_s + before.gap_s - stop.start_s
                detail = f"{short_s} s too early after {before.visit_id}"
                yield broken_at(day, stop, Rule.AFTER, detail)
