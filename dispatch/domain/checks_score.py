"""The score of a plan in the checker, counted anew from its routes.

It shares no code with `score`; see `checks`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields

from dispatch.domain.catalogue import Urgency
from dispatch.domain.checks_rules import Rule, Violation, broken, new_stops
from dispatch.domain.plan import Plan, Score
from dispatch.domain.problem import DayProblem
from dispatch.domain.visit import Visit

QUARTER_S = 900  # lateness counts in begun quarters of an hour


def score_told(problem: DayProblem, plan: Plan) -> Iterator[Violation]:
    """Compare what the plan says it is worth with what its routes say."""
    counted = counted_score(problem, plan)
    for one in fields(Score):
        told, truth = getattr(plan.score, one.name), getattr(counted, one.name)
        if told != truth:
            yield broken(Rule.SCORE_TOLD, f"{one.name}: {told}, in truth {truth}")


def counted_score(problem: DayProblem, plan: Plan) -> Score:
    """
    Count what the routes of a plan are worth, also when the plan breaks a rule.

    Only what somebody chose counts: of a committed stop neither its drive nor its
    work, lateness and district do. The way back of every team counts, and work of the
    last weeks for fairness. A visit of two teams is late once, by the later of them.
    """
    late = _late(problem, plan)
    going = {stop.visit_id for _, _, stop in plan.stops()}
    left = [visit for visit in problem.visits if visit.id not in going]
    num_left = {one: sum(v.urgency is one for v in left) for one in Urgency}
    drives_s, works_s = _drives_and_works_s(problem, plan)
    return Score(
        s_not_on_time=num_left[Urgency.S] + sum(who is Urgency.S for who, _ in late),
        promises_not_on_time=sum(_is_promise(visit) for visit in left)
        + sum(who is Urgency.A for who, _ in late),
        unserved_s=num_left[Urgency.S],
        unserved_a=num_left[Urgency.A],
        unserved_b=num_left[Urgency.B],
        unserved_c=num_left[Urgency.C] + num_left[Urgency.D],
        s_late_steps=sum(_quarters(by_s) for who, by_s in late if who is Urgency.S),
        late_steps=sum(_quarters(by_s) for who, by_s in late if who is not Urgency.S),
        drive_s=sum(drives_s.values()),
        overtime_s=_overtime_s(problem, plan),
        balance_s=_balance_s(problem, works_s),
        team_districts=len(
            {
                (day.team.id, visit.district_id)
                for day, _, visit in new_stops(problem, plan)
                if visit.district_id is not None
            }
        ),
    )


def _is_promise(visit: Visit) -> bool:
    """Whether leaving it out breaks a promise; S has a level of its own."""
    promised = visit.urgency is Urgency.A or bool(visit.windows)
    return promised and visit.urgency is not Urgency.S


def _late(problem: DayProblem, plan: Plan) -> list[tuple[Urgency, int]]:
    """Urgency of each visit that begins after it is due, and seconds after."""
    late_s: dict[str, int] = {}
    for _, stop, visit in new_stops(problem, plan):
        if visit.due_s is not None and stop.start_s > visit.due_s:
            by_s = stop.start_s - visit.due_s
            late_s[visit.id] = max(by_s, late_s.get(visit.id, by_s))
    return [(problem.visits_by_id[who].urgency, by_s) for who, by_s in late_s.items()]


def _quarters(late_s: int) -> int:
    """Quarters of an hour begun."""
    return (late_s + QUARTER_S - 1) // QUARTER_S


def _drives_and_works_s(
    problem: DayProblem, plan: Plan
) -> tuple[dict[str, int], dict[str, int]]:
    """Seconds on the road, and of driving and work together, by team."""
    drives_s = {day.team.id: 0 for day in problem.team_days}
    works_s = {day.team.id: day.work_before_s for day in problem.team_days}
    for route in plan.routes:
        if route.team_id in drives_s:
            drives_s[route.team_id] += route.return_drive_s
            works_s[route.team_id] += route.return_drive_s
    for day, stop, _ in new_stops(problem, plan):
        drives_s[day.team.id] += stop.drive_s
        works_s[day.team.id] += stop.drive_s + stop.end_s - stop.start_s
    return drives_s, works_s


def _overtime_s(problem: DayProblem, plan: Plan) -> int:
    ends_s = {day.team.id: day.team.shift.end_s for day in problem.team_days}
    return sum(
        max(0, route.return_s - ends_s[route.team_id])
        for route in plan.routes
        if route.team_id in ends_s
    )


def _balance_s(problem: DayProblem, works_s: dict[str, int]) -> int:
    """Sum over offices of the most work of a team less the least."""
    by_office: dict[str, list[int]] = defaultdict(list)
    for day in problem.team_days:
        by_office[day.team.office_id].append(works_s[day.team.id])
    return sum(max(office) - min(office) for office in by_office.values())
