"""What a set of orders is worth, by the levels of the planning rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from dispatch.domain.catalogue import Urgency
from dispatch.domain.plan import Score
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler, Order, Timing, lateness
from dispatch.domain.together import broken_together


def score_of(scheduler: DayScheduler, orders: Sequence[Order]) -> Score | None:
    """
    Score of one order of visits per team; None when it cannot be done so.

    That is when an order has no legal times, or routes do not keep what they owe each
    other. A served S or A visit that starts after it is due, and an unserved one, both
    count as not on time; an unserved appointment counts with A. A visit of two teams
    counts once. Balance is the sum over offices of the difference between the most and
    the least seconds of work, those of the last weeks included; districts are those
    that each team is sent to, summed over teams. Of what a team is committed to
    already, the way back alone counts.
    """
    timings: list[Timing] = []
    for team_index, order in enumerate(orders):
        timing = scheduler.timing(team_index, order)
        if timing is None:
            return None
        timings.append(timing)
    if broken_together(scheduler.problem, orders, timings):
        return None
    return score_of_timings(scheduler, orders, timings)


def score_of_timings(
    scheduler: DayScheduler, orders: Sequence[Order], timings: Sequence[Timing]
) -> Score:
    """Score when every team's timing is already at hand."""
    problem = scheduler.problem
    starts: dict[int, int] = {}  # by visit; where teams meet, of the last one
    for order, timing in zip(orders, timings, strict=True):
        for index, start_s in zip(order, timing.starts_s, strict=True):
            starts[index] = max(start_s, starts.get(index, start_s))
    late = lateness((problem.visits[index], at_s) for index, at_s in starts.items())
    unserved = dict.fromkeys(Urgency, 0)
    promises_unserved = 0
    for index, visit in enumerate(problem.visits):
        if index in starts:
            continue
        unserved[visit.urgency] += 1
        promised = visit.urgency is Urgency.A or visit.is_promised
        promises_unserved += promised and visit.urgency is not Urgency.S
    return Score(
        s_not_on_time=unserved[Urgency.S] + late.s_late,
        promises_not_on_time=promises_unserved + late.promises_late,
        unserved_s=unserved[Urgency.S],
        unserved_a=unserved[Urgency.A],
        unserved_b=unserved[Urgency.B],
        unserved_c=unserved[Urgency.C] + unserved[Urgency.D],
        s_late_steps=late.s_late_steps,
        late_steps=late.late_steps,
        drive_s=sum(t.drive_s for t in timings),
        overtime_s=sum(t.overtime_s for t in timings),
        balance_s=_balance_s(problem, timings),
        team_districts=sum(_num_districts(problem, order) for order in orders),
    )


def _balance_s(problem: DayProblem, timings: Sequence[Timing]) -> int:
    work_by_office: dict[str, list[int]] = defaultdict(list)
    for day, timing in zip(problem.team_days, timings, strict=True):
        work_by_office[day.team.office_id].append(day.work_before_s + timing.work_s)
    return sum(max(work) - min(work) for work in work_by_office.values())


def _num_districts(problem: DayProblem, order: Order) -> int:
    districts = {problem.visits[index].district_id for index in order}
    return len(districts - {None})
