"""Our planner on days of works offices: `python -m tests.benchmarks.days`.

    python -m tests.benchmarks.days FILE... --seconds 5 --json

A file holds a day as `bench/days.py` of the shared data writes it, of the city or of
one office; a name such as `storm-s1-o5` makes that day. One JSON object a day.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dispatch.domain.catalogue import Urgency
from dispatch.domain.levels import SearchWeights
from dispatch.domain.place import LonLat
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.team import Lunch, MobileTeam, Shift, Vehicle
from dispatch.domain.travel import TravelLevel, TravelMatrix
from dispatch.domain.visit import TimeWindow, Visit
from tests.benchmarks.instances import Day, Planner, judged, open_planner, read_day

DATE = dt.date(2026, 11, 24)  # any day: a file has none
NOON_S = 12 * 3600
CITY_CORES = 2  # a city's day is searched on two cores, an office's on one
URGENCY = {1: Urgency.S, 2: Urgency.A, 3: Urgency.B, 4: Urgency.C}
NOTHING = dict.fromkeys(Urgency, 0)

UNITS = 300  # in a minute of J: a second of driving is 5, of spread (weight 0.2) is 1
LEFT_OUT_MIN = {1: 100_000, 2: 10_000, 3: 1_000, 4: 300}
LATE_WEIGHT = {1: 200, 2: 30, 3: 5, 4: 0}
PER_SECOND = UNITS // 60
OVERTIME_WEIGHT = 3

# Exactly J of the shared evaluator, in three-hundredths of a minute.
WEIGHTS = SearchWeights(
    drop={URGENCY[prio]: minutes * UNITS for prio, minutes in LEFT_OUT_MIN.items()}
    | {Urgency.D: 0},
    promise_drop=0,
    late_at_all=NOTHING,
    late_step=NOTHING,
    late_s={URGENCY[prio]: weight * PER_SECOND for prio, weight in LATE_WEIGHT.items()}
    | {Urgency.D: 0},
    drive_s=PER_SECOND,
    overtime_s=OVERTIME_WEIGHT * PER_SECOND,
    balance_s=1,
    team_district=0,
)


def day_problem(day: Day) -> DayProblem:
    """Turn a day into our terms; a visit may go to any office's team."""
    offices = frozenset(_office_id(office["id"]) for office in day["offices"])
    seconds = np.array(day["T"], dtype=np.int64)
    first_visit = len(day["offices"])
    return DayProblem(
        date=DATE,
        visits=tuple(_visit(day, visit, offices) for visit in day["visits"]),
        team_days=tuple(_team_day(day, crew) for crew in day["crews"]),
        travel=TravelMatrix(
            duration_s=seconds, distance_m=seconds, level=TravelLevel.STRAIGHT_LINE
        ),
        visit_nodes=tuple(first_visit + visit["id"] for visit in day["visits"]),
    )


def _office_id(number: int) -> str:
    return f"office {number}"


def _place(xy: Sequence[float]) -> LonLat:
    """Return a position some kilometres from a corner; travel comes from the matrix."""
    return LonLat(135.4 + xy[0] / 91, 34.6 + xy[1] / 111)


def _visit(day: Day, visit: Day, offices: frozenset[str]) -> Visit:
    first_s, last_s = visit["tw"]
    is_all_day = all(
        first_s <= crew["shift"][0] and last_s >= crew["shift"][1] + crew["ot"]
        for crew in day["crews"]
    )
    skill = visit["skill"]
    return Visit(
        id=str(visit["id"]),
        category_code="",
        urgency=URGENCY[visit["prio"]],
        place=_place(visit["xy"]),
        service_s=visit["svc"],
        office_id=_office_id(visit["office"]),
        allowed_office_ids=offices,
        skills=frozenset({skill} if skill else ()),
        load_kg=visit["demand"],
        release_s=visit["release"],
        due_s=visit["due"] or None,
        windows=() if is_all_day else (TimeWindow(start_s=first_s, end_s=last_s),),
    )


def _team_day(day: Day, crew: Day) -> TeamDay:
    told = day["lunch"]
    lunch = Lunch(
        nominal_s=min(max(NOON_S, told["lo"]), told["hi"] - told["dur"]),
        duration_s=told["dur"],
        earliest_s=told["lo"],
        latest_end_s=told["hi"],
    )
    start_s, end_s = crew["shift"]
    team = MobileTeam(
        id=str(crew["id"]),
        office_id=_office_id(crew["office"]),
        name="",
        letter="",
        vehicle=Vehicle(name="", load_kg=crew["cap"]),
        crew_size=1,
        skills=frozenset(crew["skills"]),
        base=_place(day["offices"][crew["office"]]["xy"]),
        shift=Shift(
            start_s=start_s, end_s=end_s, lunch=lunch, overtime_max_s=crew["ot"]
        ),
    )
    node = crew["office"]
    return TeamDay(team=team, start_node=node, end_node=node, free_from_s=start_s)


def solved(day: Day, planner: Planner, *, seconds: float, seed: int) -> dict[str, Any]:
    """Solve one day: its name, seconds of search, and visit ids by crew."""
    problem = day_problem(day)
    began = time.perf_counter()
    found = planner.search(problem, weights=WEIGHTS, seconds=seconds, seed=seed)
    seconds_total = time.perf_counter() - began
    routes = [[day["visits"][visit]["id"] for visit in row] for row in found.orders]
    return {
        "name": day["name"],
        "seconds_total": round(seconds_total, 3),
        "routes": routes,
    }


def peak_mb() -> int:
    """Peak memory of the largest process that searched and has ended, or of this."""
    kinds = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) // 1024


def cores_for(day: Day) -> int:
    """Cores of a day when none are named: two for a city where there are two."""
    free = len(os.sched_getaffinity(0))
    return min(free, CITY_CORES) if len(day["offices"]) > 1 else 1


def _line(row: dict[str, Any]) -> str:
    served = sum(map(len, row["routes"]))
    verdict = f" J {row['J']:>11.1f}  {row['violations'] or ''}" if "J" in row else ""
    seconds = row["seconds_total"]
    return f"{row['name']:<16} {seconds:>7.2f} s {served:>5} served{verdict}"


def main(
    argv: Sequence[str] | None = None,
    *,
    opened: Callable[[int], Planner] = open_planner,
) -> int:
    """Solve every day; the exit code is 1 when a judged one breaks a rule."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.days")
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--seconds", type=float, default=5.0, help="of search, each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cores", type=int, help="default: 1, for a city up to 2")
    parser.add_argument("--judge", action="store_true", help="print J and violations")
    parser.add_argument("--memory", action="store_true", help="print the peak, last")
    parser.add_argument("--json", action="store_true", help="one object a line")
    given = parser.parse_args(argv)
    all_right = True
    planners: dict[int, Planner] = {}
    try:
        for source in given.files:
            day = read_day(source)
            cores = given.cores or cores_for(day)
            if cores not in planners:
                planners[cores] = opened(cores)
            row = solved(day, planners[cores], seconds=given.seconds, seed=given.seed)
            if given.judge:
                verdict = judged(day, row["routes"])
                row |= {"J": verdict["J"], "violations": verdict["viol"]}
                all_right &= not verdict["viol"]
            print(json.dumps(row) if given.json else _line(row), flush=True)  # noqa: T201
    finally:
        for planner in planners.values():
            planner.close()
    if given.memory:
        print(json.dumps({"peak_mb": peak_mb()}))  # noqa: T201
    return 0 if all_right else 1


if __name__ == "__main__":
    sys.exit(main())
