"""Benchmark instances: read, made, written, and judged by rules no solver shares."""

from __future__ import annotations

import importlib.util
import json
import math
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dispatch.domain.levels import SearchWeights
from dispatch.domain.problem import DayProblem
from dispatch.ports import SearchOutcome
from tests.shared_data import shared_dir

TENTHS = 10  # distances are cut to one decimal, times and windows scaled alike
NODE_FIELDS = 7  # number, x, y, demand, ready, due, service

Routes = list[list[int]]
Day = dict[str, Any]  # one day as `bench/days.py` of the shared data writes it


class Planner(Protocol):
    """The planner under test, warmed up: compiled code loaded, processes running."""

    def search(
        self, problem: DayProblem, *, weights: SearchWeights, seconds: float, seed: int
    ) -> SearchOutcome:
        """Search for so many seconds of wall time."""
        ...

    def close(self) -> None:
        """End its processes."""
        ...


def open_planner(processes: int) -> Planner:
    """Our planner, warm, on so many processes."""
    from dispatch.adapters.direct_search import DirectSearch  # noqa: PLC0415 - compiled

    planner = DirectSearch(processes=processes)
    planner.warm()
    return planner


# -- vehicle routing with time windows -------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Vrptw:
    """
    One instance of Solomon's form; row 0 of each array is the depot.

    Times and distances are tenths as whole numbers, distances cut (the convention of
    the DIMACS challenge), so a cost is the sum of whole tenths.
    """

    name: str
    num_vehicles: int
    capacity: int
    xy: NDArray[np.float64]  # (n + 1, 2)
    demand: NDArray[np.int64]
    ready: NDArray[np.int64]
    due: NDArray[np.int64]
    service: NDArray[np.int64]

    @property
    def num_customers(self) -> int:
        """Customers, the depot not counted."""
        return len(self.demand) - 1

    def distance(self) -> NDArray[np.int64]:
        """Tenths between every two nodes, (n + 1, n + 1)."""
        apart = self.xy[:, None, :] - self.xy[None, :, :]
        # A root of a whole number is whole or far (1e-4) from it: the cut is exact.
        tenths = np.sqrt((apart**2).sum(axis=2)) * TENTHS
        whole: NDArray[np.int64] = np.floor(tenths).astype(np.int64)
        return whole


def read_vrptw(path: Path) -> Vrptw:
    """
    Read a file in the form of Solomon, and Gehring and Homberger.

    Raises
    ------
    ValueError
        When the fleet or the depot is missing, or numbers do not ascend from 0.
    """
    rows = [_numbers(line) for line in path.read_text(encoding="utf-8").splitlines()]
    fleet = next((row for row in rows if len(row) == 2), None)
    nodes = [row for row in rows if len(row) == NODE_FIELDS]
    if fleet is None or [row[0] for row in nodes] != list(range(len(nodes))):
        message = f"{path} is no instance of Solomon's form"
        raise ValueError(message)
    if len(nodes) < 2:
        message = f"{path} has no customers"
        raise ValueError(message)
    table = np.array(nodes)
    scaled = np.rint(table[:, 4:] * TENTHS).astype(np.int64)
    return Vrptw(
        name=path.stem,
        num_vehicles=int(fleet[0]),
        capacity=int(fleet[1]),
        xy=table[:, 1:3],
        demand=table[:, 3].astype(np.int64),
        ready=scaled[:, 0],
        due=scaled[:, 1],
        service=scaled[:, 2],
    )


def _numbers(line: str) -> list[float]:
    """Numbers of a line; none when it holds any word."""
    try:
        return [float(word) for word in line.split()]
    except ValueError:
        return []


def write_vrptw(instance: Vrptw, folder: Path) -> Path:
    """Write an instance in Solomon's form, so that every program reads the same."""
    lines = [instance.name, "", "VEHICLE", "NUMBER CAPACITY"]
    lines += [f"{instance.num_vehicles} {instance.capacity}", "", "CUSTOMER"]
    lines += ["CUST XCOORD. YCOORD. DEMAND READY DUE SERVICE", ""]
    for row, (x, y) in enumerate(instance.xy):
        times = (instance.ready[row], instance.due[row], instance.service[row])
        in_units = " ".join(f"{time / TENTHS:g}" for time in times)
        lines.append(f"{row} {x:g} {y:g} {instance.demand[row]} {in_units}")
    path = folder / f"{instance.name}.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def best_known_of(path: Path) -> float | None:
    """
    Best known cost: from `best_known.json` beside or above, or a `.sol` beside it.

    Names are compared without case: files and lists of record spell them differently.
    """
    for folder in (path.parent, path.parent.parent):
        listed = folder / "best_known.json"
        if listed.is_file():
            costs = json.loads(listed.read_text(encoding="utf-8"))
            by_name = {name.lower(): float(cost) for name, cost in costs.items()}
            if path.stem.lower() in by_name:
                return by_name[path.stem.lower()]
    solution = path.with_suffix(".sol")
    if not solution.is_file():
        return None
    return read_solution(solution)[1]


def read_solution(path: Path) -> tuple[Routes, float | None]:
    """Routes and stated cost of a `.sol` file."""
    routes: Routes = []
    cost = None
    for line in path.read_text(encoding="utf-8").splitlines():
        head, _, tail = line.partition(":")
        if head.lower().startswith("route"):
            routes.append([int(word) for word in tail.split()])
        elif line.lower().startswith("cost"):
            cost = float(line.split()[1])
    return routes, cost


def vrptw_errors(instance: Vrptw, routes: Routes) -> list[str]:
    """Every rule that routes break: fleet, capacity, windows, each customer once."""
    errors: list[str] = []
    driven = [route for route in routes if route]
    if len(driven) > instance.num_vehicles:
        errors.append(f"{len(driven)} vehicles of {instance.num_vehicles}")
    visits = Counter(customer for route in driven for customer in route)
    errors += [
        f"customer {customer} not visited exactly once"
        for customer in range(1, instance.num_customers + 1)
        if visits.pop(customer, 0) != 1
    ]
    if visits:
        errors.append(f"unknown customers {sorted(visits)}")
        return errors
    distance = instance.distance()
    for number, route in enumerate(driven, start=1):
        if instance.demand[route].sum() > instance.capacity:
            errors.append(f"route {number} over capacity")
        errors += _late(instance, distance, route)
    return errors


def _late(instance: Vrptw, distance: NDArray[np.int64], route: list[int]) -> list[str]:
    """Say where a route comes after the end of a window, the depot's too."""
    clock, here = int(instance.ready[0]), 0
    for there in [*route, 0]:
        clock = max(clock + int(distance[here, there]), int(instance.ready[there]))
        if clock > instance.due[there]:
            return [f"late at {there}"]
        clock += int(instance.service[there])
        here = there
    return []


def vrptw_cost(instance: Vrptw, routes: Routes) -> float:
    """Length of all routes with one decimal."""
    distance = instance.distance()
    nodes = [[0, *route, 0] for route in routes]
    tenths = sum(int(distance[row[:-1], row[1:]].sum()) for row in nodes)
    return tenths / TENTHS


def gap_percent(cost: float, best_known: float) -> float:
    """How far a cost lies above the best known one, per cent."""
    return round(100 * (cost / best_known - 1), 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Family:
    """What the instances of one of Solomon's families have in common."""

    horizon: int
    capacity: int
    service: int
    clustered: float  # share of customers that stand in clusters
    half_width: tuple[int, int]  # of a window, from and to


# Horizons, capacities and times of service as in Solomon's files of the family.
FAMILIES = {
    "c1": _Family(
        horizon=1236, capacity=200, service=90, clustered=1.0, half_width=(20, 60)
    ),
    "c2": _Family(
        horizon=3390, capacity=700, service=90, clustered=1.0, half_width=(80, 240)
    ),
    "r1": _Family(
        horizon=230, capacity=200, service=10, clustered=0.0, half_width=(5, 30)
    ),
    "r2": _Family(
        horizon=1000, capacity=1000, service=10, clustered=0.0, half_width=(30, 180)
    ),
    "rc1": _Family(
        horizon=240, capacity=200, service=10, clustered=0.5, half_width=(15, 30)
    ),
    "rc2": _Family(
        horizon=960, capacity=1000, service=10, clustered=0.5, half_width=(30, 120)
    ),
}


def made_vrptw(family: str, seed: int, *, num_customers: int = 100) -> Vrptw:
    """
    Make an instance like one of Solomon's families, the same for the same seed.

    Each customer alone can be served in time, and there is a vehicle for every fourth,
    as in Solomon's files; three quarters of the customers have a window.
    """
    kind = FAMILIES[family]
    rng = random.Random(f"{family}/{seed}")  # noqa: S311 - an instance, no secret
    hearts = [(rng.randint(10, 90), rng.randint(10, 90)) for _ in range(10)]
    side = math.sqrt(num_customers / 100)  # as dense at any size
    rows = [(0, 50.0, 50.0, 0, 0, kind.horizon, 0)]
    while len(rows) <= num_customers:
        x, y = rng.randint(0, 100), rng.randint(0, 100)
        if rng.random() < kind.clustered:
            heart = rng.choice(hearts)
            x, y = (round(rng.gauss(middle, 5)) for middle in heart)
        away = math.ceil(math.hypot(x - 50, y - 50) * side)
        latest = kind.horizon - away - kind.service - 1
        if latest < away:
            continue  # no vehicle would be back in time
        ready, due = 0, latest
        if rng.random() < 0.75:
            middle, half = rng.randint(away, latest), rng.randint(*kind.half_width)
            ready, due = max(away, middle - half), min(latest, middle + half)
        place = (50 + (x - 50) * side, 50 + (y - 50) * side)
        demand = min(41, max(1, round(rng.gauss(15, 9))))
        rows.append((len(rows), *place, demand, ready, due, kind.service))
    table = np.array(rows, dtype=np.float64)
    return Vrptw(
        name=f"made-{family}-s{seed}",
        num_vehicles=max(1, num_customers // 4),
        capacity=kind.capacity,
        xy=table[:, 1:3].round(),
        demand=table[:, 3].astype(np.int64),
        ready=(table[:, 4] * TENTHS).astype(np.int64),
        due=(table[:, 5] * TENTHS).astype(np.int64),
        service=(table[:, 6] * TENTHS).astype(np.int64),
    )


# -- days of works offices -------------------------------------------------------------


def read_day(source: str) -> Day:
    """
    Read a day from its file, or make the one of a name such as `storm-s1-o5`.

    Raises
    ------
    ValueError
        When there is neither such a file nor such a name.
    """
    path = Path(source)
    if path.is_file():
        day: Day = json.loads(path.read_text(encoding="utf-8"))
        return day
    scenario, *parts = source.split("-")
    by_mark = {part[:1]: part[1:] for part in parts}
    if set(by_mark) - {"s", "o"} or not by_mark.get("s", "").isdigit():
        message = f"no file and no name of a day: {source}"
        raise ValueError(message)
    days = days_module()
    made: Day = days.gen(int(by_mark["s"]), scenario)
    if "o" not in by_mark:
        return made
    cut: Day = days.restrict(made, int(by_mark["o"]))
    return cut


def small_day(seed: int, *, num_visits: int, office: int, storm: bool = False) -> Day:
    """One office with two crews and few visits, small enough to solve exactly."""
    visits = num_visits // 3 if storm else num_visits  # a storm has three times as many
    scenario = "storm" if storm else "normal"
    made: Day = days_module().gen(seed, scenario, visits=visits, crews=2, only=office)
    return made


def write_day(day: Day, folder: Path) -> Path:
    """Write a day as JSON, as its own generator does."""
    path = folder / f"{day['name']}.json"
    path.write_text(json.dumps(day, ensure_ascii=False), encoding="utf-8")
    return path


def days_module() -> ModuleType:
    """
    Load the generator and evaluator of days from the shared data, by path.

    Raises
    ------
    FileNotFoundError
        When the shared data are not there (KIDOHAN_SHARED).
    """
    name = "_bench_days"
    if name in sys.modules:
        return sys.modules[name]
    path = shared_dir() / "bench" / "days.py"
    if not path.is_file():
        raise FileNotFoundError(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:  # pragma: no cover - a .py file has both
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[name] = module
    return module


def judged(day: Day, routes: Routes) -> dict[str, Any]:
    """Judge routes by the independent evaluator: J, violations and the rest."""
    verdict: dict[str, Any] = days_module().evaluate(day, routes)
    return verdict


def combined(day: Day, parts: Sequence[tuple[Day, Routes]]) -> Routes:
    """Routes of the whole city from those of its offices, cut out by `restrict`."""
    routes: Routes = [[] for _ in day["crews"]]
    for part, part_routes in parts:
        for crew, route in zip(part["crews"], part_routes, strict=True):
            routes[crew["orig"]] = [part["visits"][visit]["orig"] for visit in route]
    return routes
