"""What a set of orders is worth, by the levels of the planning rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from dispatch.domain.catalogue import Urgency
from dispatch.domain.plan import Score
from dispatch.domain.schedule import DayScheduler, Order, Timing


def score_of(scheduler: DayScheduler, orders: Sequence[Order]) -> Score | None:
    """
    Score of one order of visits per team; None when any order has no legal times.

    A served S or A visit that starts after it is due, and an unserved one, both count
    as not on time; an unserved appointment counts with A. Balance is the sum over
    offices of the difference between the most and the least working minutes.
    """
    timings: list[Timing] = []
    for team_index, order in enumerate(orders):
        timing = scheduler.timing(team_index, order)
        if timing is None:
            return None
        timings.append(timing)
    return score_of_timings(scheduler, orders, timings)


def score_of_timings(
    scheduler: DayScheduler, orders: Sequence[Order], timings: Sequence[Timing]
) -> Score:
    """Score when every team's timing is already at hand."""
    problem = scheduler.problem
    served = {index for order in orders for index in order}
    unserved = dict.fromkeys(Urgency, 0)
    promises_unserved = 0
    for index, visit in enumerate(problem.visits):
        if index in served:
            continue
        unserved[visit.urgency] += 1
        promised = visit.urgency is Urgency.A or visit.window is not None
        promises_unserved += promised and visit.urgency is not Urgency.S
    work_by_office: dict[str, list[int]] = defaultdict(list)
    for day, timing in zip(problem.team_days, timings, strict=True):
        work_by_office[day.team.office_id].append(timing.work_s)
    return Score(
        s_not_on_time=unserved[Urgency.S] + sum(t.s_late for t in timings),
        promises_not_on_time=promises_unserved + sum(t.promises_late for t in timings),
        unserved_s=unserved[Urgency.S],
        unserved_a=unserved[Urgency.A],
        unserved_b=unserved[Urgency.B],
        unserved_c=unserved[Urgency.C] + unserved[Urgency.D],
        s_late_steps=sum(t.s_late_steps for t in timings),
        late_steps=sum(t.late_steps for t in timings),
        drive_s=sum(t.drive_s for t in timings),
        overtime_s=sum(t.overtime_s for t in timings),
        balance_s=sum(max(work) - min(work) for work in work_by_office.values()),
    )
