"""Instances and days in one form that every rival can be given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.days import LATE_WEIGHT, LEFT_OUT_MIN, NOON_S, PER_SECOND, UNITS
from tests.benchmarks.instances import Day, Vrptw


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One visit for any solver; `last_s` is hard, `due_s` soft, `drop` a penalty."""

    node: int
    service_s: int
    load: int
    first_s: int
    last_s: int
    due_s: int | None = None
    late_per_s: int = 0
    drop: int | None = None  # None: must be served
    rank: int = 0  # 1 is the most urgent
    crews: frozenset[int] | None = None  # who has the skill; None: everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """One vehicle for any solver."""

    depot: int
    capacity: int
    start_s: int
    end_s: int
    limit_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Jobs, crews and seconds between nodes; lunch (from, to, length) where native."""

    jobs: tuple[Job, ...]
    crews: tuple[Crew, ...]
    matrix: NDArray[np.int64]
    lunch: tuple[int, int, int] | None = None
    cost_per_s: int = 1


def vrptw_task(instance: Vrptw) -> Task:
    """Turn an instance of Solomon's form into jobs; all must be served."""
    numbers = range(1, instance.num_customers + 1)
    jobs = tuple(
        Job(
            node=n,
            service_s=int(instance.service[n]),
            load=int(instance.demand[n]),
            first_s=int(instance.ready[n]),
            last_s=int(instance.due[n]),
        )
        for n in numbers
    )
    closes_s = int(instance.due[0])
    crew = Crew(
        depot=0,
        capacity=instance.capacity,
        start_s=int(instance.ready[0]),
        end_s=closes_s,
        limit_s=closes_s,
    )
    return Task(
        jobs=jobs, crews=(crew,) * instance.num_vehicles, matrix=instance.distance()
    )


def day_task(day: Day, *, compressed: bool, hard_due: bool) -> Task:
    """
    Turn a day into jobs.

    Parameters
    ----------
    compressed
        Cut lunch out of the clock at noon, for solvers without breaks.
    hard_due
        Make due times the ends of windows, for solvers without lateness.
    """
    lunch = day["lunch"]
    cut_s = lunch["dur"] if compressed else 0

    def squeezed(second: int) -> int:
        return second if second <= NOON_S else max(NOON_S, second - cut_s)

    jobs = []
    for visit in day["visits"]:
        due_s, last_s = visit["due"] or None, visit["tw"][1]
        if hard_due and due_s is not None:
            last_s = min(last_s, due_s)
        jobs.append(
            Job(
                node=len(day["offices"]) + visit["id"],
                service_s=visit["svc"],
                load=visit["demand"],
                first_s=squeezed(max(visit["tw"][0], visit["release"])),
                last_s=squeezed(last_s),
                due_s=None if due_s is None or hard_due else squeezed(due_s),
                late_per_s=LATE_WEIGHT[visit["prio"]] * PER_SECOND,
                drop=LEFT_OUT_MIN[visit["prio"]] * UNITS,
                rank=visit["prio"],
                crews=_able(day, visit),
            )
        )
    crews = tuple(
        Crew(
            depot=crew["office"],
            capacity=crew["cap"],
            start_s=squeezed(crew["shift"][0]),
            end_s=squeezed(crew["shift"][1]),
            limit_s=squeezed(crew["shift"][1] + crew["ot"]),
        )
        for crew in day["crews"]
    )
    return Task(
        jobs=tuple(jobs),
        crews=crews,
        matrix=np.array(day["T"], dtype=np.int64),
        lunch=None if compressed else (lunch["lo"], lunch["hi"], lunch["dur"]),
        cost_per_s=PER_SECOND,
    )


def _able(day: Day, visit: Day) -> frozenset[int] | None:
    if visit["skill"] is None:
        return None
    crews = enumerate(day["crews"])
    return frozenset(row for row, crew in crews if visit["skill"] in crew["skills"])
