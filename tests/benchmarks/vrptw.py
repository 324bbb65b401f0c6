"""Our planner on vehicle routing with time windows: `python -m tests.benchmarks.vrptw`.

    python -m tests.benchmarks.vrptw FILE... --seconds 10 --json

Files have the form of Solomon, and Gehring and Homberger; one JSON object an instance.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dispatch.domain.catalogue import Urgency
from dispatch.domain.levels import SearchWeights
from dispatch.domain.place import LonLat
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.team import MobileTeam, Shift, Vehicle
from dispatch.domain.travel import TravelLevel, TravelMatrix
from dispatch.domain.visit import TimeWindow, Visit
from tests.benchmarks.instances import (
    Planner,
    Vrptw,
    best_known_of,
    gap_percent,
    open_planner,
    read_vrptw,
    vrptw_cost,
    vrptw_errors,
)

NOTHING = dict.fromkeys(Urgency, 0)
DEPOT = "depot"
DATE = dt.date(2026, 11, 24)  # any day: an instance has none

# A tenth of a unit of distance is one; a customer left out outweighs every tour
# (Gehring and Homberger's longest with 1,000 customers is below 600,000 tenths).
WEIGHTS = SearchWeights(
    drop=dict.fromkeys(Urgency, 1_000_000),
    promise_drop=0,
    late_at_all=NOTHING,
    late_step=NOTHING,
    late_s=NOTHING,
    drive_s=1,
    overtime_s=0,
    balance_s=0,
    team_district=0,
)


def vrptw_problem(instance: Vrptw) -> DayProblem:
    """Turn an instance into a day: a team a vehicle, a tenth of a unit a second."""
    distance = instance.distance()
    return DayProblem(
        date=DATE,
        visits=tuple(_visit(instance, n + 1) for n in range(instance.num_customers)),
        team_days=tuple(_team_day(instance, n) for n in range(instance.num_vehicles)),
        travel=TravelMatrix(
            duration_s=distance, distance_m=distance, level=TravelLevel.STRAIGHT_LINE
        ),
        visit_nodes=tuple(range(1, instance.num_customers + 1)),
    )


def _visit(instance: Vrptw, number: int) -> Visit:
    window = TimeWindow(
        start_s=int(instance.ready[number]), end_s=int(instance.due[number])
    )
    return Visit(
        id=str(number),
        category_code="",
        urgency=Urgency.B,
        place=_place(instance, number),
        service_s=int(instance.service[number]),
        office_id=DEPOT,
        allowed_office_ids=frozenset({DEPOT}),
        load_kg=int(instance.demand[number]),
        windows=(window,),
    )


def _team_day(instance: Vrptw, number: int) -> TeamDay:
    opens_s, closes_s = int(instance.ready[0]), int(instance.due[0])
    team = MobileTeam(
        id=f"vehicle {number + 1}",
        office_id=DEPOT,
        name="",
        letter="",
        vehicle=Vehicle(name="", load_kg=instance.capacity),
        crew_size=1,
        skills=frozenset(),
        base=_place(instance, 0),
        shift=Shift(start_s=opens_s, end_s=closes_s, lunch=None),
    )
    return TeamDay(team=team, start_node=0, end_node=0, free_from_s=opens_s)


def _place(instance: Vrptw, row: int) -> LonLat:
    """Return a position of the same shape; travel comes from the matrix."""
    x, y = instance.xy[row]
    return LonLat(135.0 + float(x) / 1000, 34.0 + float(y) / 1000)


def solved(
    path: Path, planner: Planner, *, seconds: float, seed: int
) -> dict[str, Any]:
    """
    Solve one instance and check the result before it is told.

    Returns
    -------
    dict
        `instance, cost, best_known, gap_percent, routes`, and `errors`: the rules that
        the routes break. With any error there is no cost and no gap.
    """
    instance = read_vrptw(path)
    problem = vrptw_problem(instance)
    began = time.perf_counter()
    found = planner.search(problem, weights=WEIGHTS, seconds=seconds, seed=seed)
    seconds_total = time.perf_counter() - began
    routes = [[visit + 1 for visit in order] for order in found.orders if order]
    return {**told(path, instance, routes), "seconds_total": round(seconds_total, 3)}


def told(path: Path, instance: Vrptw, routes: list[list[int]]) -> dict[str, Any]:
    """Say what routes are worth; used for ours and for every rival's."""
    errors = vrptw_errors(instance, routes)
    best_known = best_known_of(path)
    cost = None if errors else vrptw_cost(instance, routes)
    gap = None if cost is None or best_known is None else gap_percent(cost, best_known)
    return {
        "instance": instance.name,
        "cost": cost,
        "best_known": best_known,
        "gap_percent": gap,
        "routes": routes,
        "errors": errors,
    }


def _line(row: dict[str, Any]) -> str:
    cost, best, gap = (
        "-" if row[name] is None else f"{row[name]:.1f}"
        for name in ("cost", "best_known", "gap_percent")
    )
    problem = f"  {'; '.join(row['errors'][:3])}" if row["errors"] else ""
    name, vehicles = row["instance"], len(row["routes"])
    return f"{name:<14} {cost:>10} {best:>10} {gap:>6} % {vehicles:>4}{problem}"


def main(
    argv: Sequence[str] | None = None,
    *,
    opened: Callable[[int], Planner] = open_planner,
) -> int:
    """Solve every file; the exit code is 1 when any result breaks a rule."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.vrptw")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--seconds", type=float, default=10.0, help="of search, each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one object a line")
    given = parser.parse_args(argv)
    planner = opened(given.cores)
    all_right = True
    try:
        if not given.json:
            print(f"{'instance':<14} {'cost':>10} {'best known':>10} {'gap':>8}")  # noqa: T201
        for path in given.files:
            row = solved(path, planner, seconds=given.seconds, seed=given.seed)
            all_right &= not row["errors"]
            print(json.dumps(row) if given.json else _line(row), flush=True)  # noqa: T201
    finally:
        planner.close()
    return 0 if all_right else 1


if __name__ == "__main__":
    sys.exit(main())
