"""One repair for the routes of every rival: legal first, then greedy insertion."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks.days import LATE_WEIGHT, LEFT_OUT_MIN, OVERTIME_WEIGHT
from tests.benchmarks.instances import Day, Routes, days_module


def mended(day: Day, routes: Routes, *, insert: bool = True) -> Routes:
    """
    Make routes legal under the evaluator, then insert what was left out greedily.

    A route that has no legal times loses its cheapest visit until it has; visits are
    tried again by urgency wherever they cost least.
    """
    legal = [
        _legal(day, crew, route)
        for crew, route in zip(day["crews"], routes, strict=True)
    ]
    served = {visit for route in legal for visit in route}
    left = [visit for visit in day["visits"] if visit["id"] not in served]
    if insert:
        for visit in sorted(left, key=lambda one: (one["prio"], one["svc"])):
            _insert(day, legal, visit)
    return legal


def _legal(day: Day, crew: Day, route: Sequence[int]) -> list[int]:
    kept = list(route)
    while kept and _cost(day, crew, kept) is None:
        ways = [kept[:n] + kept[n + 1 :] for n in range(len(kept))]
        ranked = sorted(
            zip(ways, kept, strict=True),
            key=lambda way: (
                LEFT_OUT_MIN[day["visits"][way[1]]["prio"]],
                -day["visits"][way[1]]["svc"],
            ),
        )
        fits = [way for way, _ in ranked if _cost(day, crew, way) is not None]
        kept = fits[0] if fits else ranked[0][0]
    return kept


def _insert(day: Day, routes: Routes, visit: Day) -> None:
    best: tuple[float, int, list[int]] | None = None
    for row, (crew, route) in enumerate(zip(day["crews"], routes, strict=True)):
        before = _cost(day, crew, route) or 0.0
        for place in range(len(route) + 1):
            longer = [*route[:place], visit["id"], *route[place:]]
            after = _cost(day, crew, longer)
            if after is not None and (best is None or after - before < best[0]):
                best = (after - before, row, longer)
    if best is not None and best[0] < LEFT_OUT_MIN[visit["prio"]]:
        routes[best[1]] = best[2]


def _cost(day: Day, crew: Day, route: list[int]) -> float | None:
    """Minutes of J that a route costs, balance aside; None when it is not legal."""
    visits = [day["visits"][visit] for visit in route]
    if sum(visit["demand"] for visit in visits) > crew["cap"]:
        return None
    if any(v["skill"] and v["skill"] not in crew["skills"] for v in visits):
        return None
    placed = days_module().schedule(day, crew, route)
    if placed is None:
        return None
    late = sum(
        LATE_WEIGHT[visit["prio"]] * late_s
        for visit, late_s in zip(visits, placed["late"], strict=True)
    )
    return float(late + OVERTIME_WEIGHT * placed["ot"] + placed["travel"]) / 60
