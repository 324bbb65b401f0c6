"""What routes owe each other: two teams at once, one after another, shared tools."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import Order, Timing


def linked(problem: DayProblem) -> frozenset[int]:
    """
    Visits whose start depends on another route, by index.

    Those of several teams, those that wait for another visit of the problem, and
    those that are waited for. A visit that waits for a stop under way is not linked:
    when that ends is known, and `schedule.spans_of` heeds it.
    """
    index_of = {visit.id: index for index, visit in enumerate(problem.visits)}
    found: set[int] = set()
    for index, visit in enumerate(problem.visits):
        before = [index_of[a.visit_id] for a in visit.after if a.visit_id in index_of]
        if before or visit.num_teams > 1:
            found.update((index, *before))
    return frozenset(found)


def starts_of(
    problem: DayProblem, orders: Sequence[Order], timings: Sequence[Timing]
) -> dict[int, int]:
    """
    Moments at which the linked visits of some orders begin, by visit index.

    Where several teams should begin together and do not, the moment of the last one.
    """
    held = linked(problem)
    starts: dict[int, int] = {}
    for index, start_s, _ in _begun(problem, orders, timings) if held else ():
        if index in held:
            starts[index] = max(start_s, starts.get(index, start_s))
    return starts


def broken_together(
    problem: DayProblem, orders: Sequence[Order], timings: Sequence[Timing]
) -> frozenset[int]:
    """
    Visits, by index, that are not as the routes owe each other; none when all is well.

    A visit of several teams begins at one moment in exactly so many orders. One that
    comes after another is served only when that one is, and has ended long enough
    before; one that is not in the problem is over. No more teams bring a shared tool
    than there are of it, what is on the road already counted.

    Parameters
    ----------
    problem
        The day.
    orders, timings
        Visit indices by team day, and their times.
    """
    held = linked(problem)
    broken = set(_over_stock(problem, orders))
    if not held:
        return frozenset(broken)
    starts: dict[int, list[int]] = {}
    ends: dict[str, int] = {}
    for index, start_s, end_s in _begun(problem, orders, timings):
        starts.setdefault(index, []).append(start_s)
        visit_id = problem.visits[index].id
        ends[visit_id] = max(end_s, ends.get(visit_id, end_s))
    for index in held & starts.keys():
        visit, moments = problem.visits[index], starts[index]
        alike = len(moments) == visit.num_teams and min(moments) == max(moments)
        waits = [one for one in visit.after if one.visit_id in problem.visits_by_id]
        if not alike or any(
            one.visit_id not in ends or min(moments) < ends[one.visit_id] + one.gap_s
            for one in waits
        ):
            broken.add(index)
    return frozenset(broken)


def has_tools_for(
    problem: DayProblem, orders: Sequence[Order], team_index: int, visit_index: int
) -> bool:
    """Whether a team has the tools of a visit already, or enough of them are left."""
    lacking = problem.visits[visit_index].tools
    if not lacking:
        return True
    stock = dict(problem.tools)
    bags = [
        _tools(problem, day, order)
        for day, order in zip(problem.team_days, orders, strict=True)
    ]
    return all(
        name in bags[team_index]
        or sum(name in bag for bag in bags) < stock.get(name, 0)
        for name in lacking
    )


def _begun(
    problem: DayProblem, orders: Sequence[Order], timings: Sequence[Timing]
) -> Iterator[tuple[int, int, int]]:
    """Each visit of each order: its index, and when its service begins and ends."""
    for day, order, timing in zip(problem.team_days, orders, timings, strict=True):
        for index, start_s in zip(order, timing.starts_s, strict=True):
            yield (
                index,
                start_s,
                start_s + problem.visits[index].service_for_s(day.team),
            )


def _tools(problem: DayProblem, day: TeamDay, order: Order) -> frozenset[str]:
    """Tools that a team has with it, all day."""
    return day.committed_tools.union(*(problem.visits[i].tools for i in order))


def _over_stock(problem: DayProblem, orders: Sequence[Order]) -> Iterator[int]:
    """Visits for which a team brings a tool that is not left, what is out counted."""
    wanted = {name for visit in problem.visits for name in visit.tools}
    if not wanted:
        return
    stock = dict(problem.tools)
    days = list(zip(problem.team_days, orders, strict=True))
    bags = [_tools(problem, day, order) for day, order in days]
    over = {
        name for name in wanted if sum(name in b for b in bags) > stock.get(name, 0)
    }
    for day, order in days:
        for index in order:
            # a tool that the team has brought already is a fact, not a choice
            if problem.visits[index].tools & (over - day.committed_tools):
                yield index
