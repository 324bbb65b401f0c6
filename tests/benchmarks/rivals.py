"""Other solvers on the same instances, each as its own documents lead to.

    python -m tests.benchmarks.rivals pyvrp FILE --seconds 5

FILE is an instance of Solomon's form (`.txt`) or a day (`.json`). PyVRP and VROOM are
no dependencies of the project (requirements-bench.in): without them the answer is
`{"absent": "pyvrp"}`. What a solver cannot see (lunch, lateness) is mended afterwards
by one repair that is the same for all.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tests.benchmarks.days import OVERTIME_WEIGHT
from tests.benchmarks.instances import Day, Routes, judged, read_day, read_vrptw
from tests.benchmarks.repair import mended
from tests.benchmarks.rival_tasks import Crew, Job, Task, day_task, vrptw_task
from tests.benchmarks.vrptw import told

NEVER = 10**6  # seconds: no skill, no way
VROOM_DEPTH = 5  # its most thorough exploration
ILS_MIN_VISITS_A_CREW = 1  # below, SISR ruin of OR-Tools 9.15 never returns


class AbsentError(Exception):
    """The solver is not installed; `name` is its package."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as absent:
        raise AbsentError(name) from absent


# -- PyVRP -----------------------------------------------------------------------------


def pyvrp_routes(task: Task, *, seconds: float, seed: int) -> Routes:
    """PyVRP: windows hard, visits optional with their penalty as prize."""
    pyvrp = _imported("pyvrp")
    stop = _imported("pyvrp.stop")
    model = pyvrp.Model()
    locations = [model.add_location(n, 0) for n in range(len(task.matrix))]
    depots = {
        node: model.add_depot(locations[node])
        for node in sorted({crew.depot for crew in task.crews})
    }
    for job in task.jobs:
        model.add_client(
            locations[job.node],
            delivery=[job.load],
            service_duration=job.service_s,
            tw_early=min(job.first_s, job.last_s),
            tw_late=job.last_s,
            prize=job.drop or 0,
            required=job.drop is None,
        )
    kinds: dict[tuple[Crew, frozenset[int]], list[int]] = {}
    for row, crew in enumerate(task.crews):  # crews that are alike are one type
        kinds.setdefault((crew, _barred(task, row)), []).append(row)
    profiles = {barred: model.add_profile() for _, barred in kinds}
    for barred, profile in profiles.items():
        _add_edges(model, task, locations, profile, barred)
    for (crew, barred), rows in kinds.items():
        model.add_vehicle_type(
            num_available=len(rows),
            capacity=[crew.capacity],
            start_depot=depots[crew.depot],
            end_depot=depots[crew.depot],
            tw_early=crew.start_s,
            tw_late=crew.limit_s,
            shift_duration=crew.end_s - crew.start_s,
            max_overtime=crew.limit_s - crew.end_s,
            unit_overtime_cost=OVERTIME_WEIGHT * task.cost_per_s,
            unit_distance_cost=task.cost_per_s,
            profile=profiles[barred],
        )
    result = model.solve(stop.MaxRuntime(seconds), seed=seed, display=False)
    if not result.is_feasible():
        return [[] for _ in task.crews]
    free = [list(rows) for rows in kinds.values()]
    routes: Routes = [[] for _ in task.crews]
    for route in result.best.routes():
        routes[free[route.vehicle_type()].pop()] = _clients(route)
    return routes


def _barred(task: Task, crew: int) -> frozenset[int]:
    """Nodes that a crew has not the skill for."""
    return frozenset(
        job.node for job in task.jobs if job.crews is not None and crew not in job.crews
    )


def _add_edges(
    model: Any,  # noqa: ANN401 - PyVRP is imported when it is asked for
    task: Task,
    locations: Sequence[Any],
    profile: Any,  # noqa: ANN401
    barred: frozenset[int],
) -> None:
    """Add the legs of one profile; a place that needs another skill is out of reach."""
    for here, line in enumerate(task.matrix.tolist()):
        for there, apart in enumerate(line):
            if here != there:
                leg = NEVER if there in barred else apart
                model.add_edge(
                    locations[here], locations[there], leg, leg, profile=profile
                )


def _clients(route: Any) -> list[int]:  # noqa: ANN401 - PyVRP's
    return [activity.idx for activity in route if activity.is_client()]


# -- VROOM -----------------------------------------------------------------------------


def vroom_routes(task: Task, *, seconds: float, relaxed: frozenset[int]) -> Routes:
    """
    VROOM at its most thorough, with native breaks.

    Its limit of time is no anytime setting: what was found by then is returned.
    Jobs in `relaxed` may begin at any time of the shift.
    """
    vroom = _imported("vroom")
    problem = vroom.Input()
    problem.set_durations_matrix("car", task.matrix.astype(np.uint32))
    for row, crew in enumerate(task.crews):
        breaks = []
        if task.lunch is not None:
            first_s, last_s, length_s = task.lunch
            window = vroom.TimeWindow(first_s, last_s - length_s)
            breaks = [vroom.Break(row, [window], service=length_s)]
        problem.add_vehicle(
            vroom.Vehicle(
                row,
                start=crew.depot,
                end=crew.depot,
                capacity=[crew.capacity],
                skills=_bound(task, row),
                time_window=vroom.TimeWindow(crew.start_s, crew.limit_s),
                breaks=breaks,
            )
        )
    latest_s = max(crew.limit_s for crew in task.crews)
    for row, job in enumerate(task.jobs):
        last_s = latest_s if row in relaxed else job.last_s
        problem.add_job(
            vroom.Job(
                row,
                location=job.node,
                default_service=job.service_s,
                delivery=vroom.Amount([job.load]),
                skills=set() if job.crews is None else {row},
                priority={0: 0, 1: 100, 2: 50, 3: 10}.get(job.rank, 3),
                time_windows=[vroom.TimeWindow(min(job.first_s, last_s), last_s)],
            )
        )
    found = problem.solve(
        exploration_level=VROOM_DEPTH,
        nb_threads=1,
        timeout=timedelta(seconds=seconds),
    )
    routes: Routes = [[] for _ in task.crews]
    steps = found.routes
    for vehicle, kind, row in zip(
        steps["vehicle_id"], steps["type"], steps["id"], strict=True
    ):
        if kind == "job":
            routes[int(vehicle)].append(int(row))
    return routes


def _bound(task: Task, crew: int) -> set[int]:
    """Jobs that not everybody has the skill for, but this crew has: VROOM's skills."""
    return {
        row
        for row, job in enumerate(task.jobs)
        if job.crews is not None and crew in job.crews
    }


# -- OR-Tools --------------------------------------------------------------------------


def ortools_routes(task: Task, *, seconds: float, ils: bool) -> Routes:
    """
    OR-Tools' routing: documented defaults, or its iterated local search alone.

    Defaults are the first solution and the metaheuristic that its guide starts with
    (PATH_CHEAPEST_ARC, guided local search), breaks as intervals.
    """
    from ortools.constraint_solver import pywrapcp  # noqa: PLC0415 - slow to load

    depots = [crew.depot for crew in task.crews]
    nodes = [*depots, *(job.node for job in task.jobs)]
    fleet = list(range(len(depots)))
    manager = pywrapcp.RoutingIndexManager(len(nodes), len(fleet), fleet, fleet)
    model = pywrapcp.RoutingModel(manager)
    _add_time(model, task, nodes)
    loads = [0] * len(fleet) + [job.load for job in task.jobs]
    load = model.RegisterUnaryTransitVector(loads)
    room = [crew.capacity for crew in task.crews]
    model.AddDimensionWithVehicleCapacity(load, 0, room, True, "load")  # noqa: FBT003
    latest_s = max(crew.limit_s for crew in task.crews)
    for row, job in enumerate(task.jobs):
        _add_job(model, manager.NodeToIndex(len(fleet) + row), job, latest_s)
    parameters = _parameters(pywrapcp, seconds=seconds, ils=ils)
    if ils and len(task.jobs) >= ILS_MIN_VISITS_A_CREW * len(fleet):
        model.CloseModelWithParameters(parameters)
        found = model.SolveWithIteratedLocalSearch(parameters)
    else:
        found = model.SolveWithParameters(parameters)
    routes: Routes = [[] for _ in task.crews]
    if found is None:
        return routes
    for vehicle in fleet:
        index = found.Value(model.NextVar(model.Start(vehicle)))
        while not model.IsEnd(index):
            routes[vehicle].append(manager.IndexToNode(index) - len(fleet))
            index = found.Value(model.NextVar(index))
    return routes


def _add_time(model: Any, task: Task, nodes: list[int]) -> None:  # noqa: ANN401 - SWIG
    """Add costs of arcs, the clock, shifts, overtime and native breaks."""
    drive = task.matrix[nodes][:, nodes]
    cost = model.RegisterTransitMatrix((drive * task.cost_per_s).tolist())
    model.SetArcCostEvaluatorOfAllVehicles(cost)
    service = np.array([0] * len(task.crews) + [job.service_s for job in task.jobs])
    clock = model.RegisterTransitMatrix((drive + service[:, None]).tolist())
    horizon = max(crew.limit_s for crew in task.crews)
    model.AddDimension(clock, horizon, horizon, False, "time")  # noqa: FBT003 - SWIG
    time = model.GetDimensionOrDie("time")
    solver = model.solver()
    at_stops = service.tolist() + [0] * len(task.crews)  # by index: ends come last
    for vehicle, crew in enumerate(task.crews):
        time.CumulVar(model.Start(vehicle)).SetRange(crew.start_s, crew.start_s)
        end = model.End(vehicle)
        time.CumulVar(end).SetRange(crew.start_s, crew.limit_s)
        if crew.limit_s > crew.end_s:
            per_s = OVERTIME_WEIGHT * task.cost_per_s
            time.SetCumulVarSoftUpperBound(end, crew.end_s, per_s)
        if task.lunch is not None:
            first_s, last_s, length_s = task.lunch
            lunch = solver.FixedDurationIntervalVar(
                first_s,
                last_s - length_s,
                length_s,
                False,  # noqa: FBT003 - SWIG takes it by position
                f"lunch {vehicle}",
            )
            time.SetBreakIntervalsOfVehicle([lunch], vehicle, at_stops)


def _add_job(model: Any, index: int, job: Job, latest_s: int) -> None:  # noqa: ANN401
    """Add one job's penalty, crews, window and due time."""
    if job.drop is not None:
        model.AddDisjunction([index], job.drop)
    if job.crews is not None:
        # SetAllowedVehiclesForIndex refuses every Python argument in 9.15.
        model.VehicleVar(index).SetValues([-1, *sorted(job.crews)])
    last_s = min(job.last_s, latest_s)
    if job.first_s > last_s:
        model.ActiveVar(index).SetValue(0)  # SetRange would raise instead
        return
    clock = model.GetDimensionOrDie("time")
    clock.CumulVar(index).SetRange(job.first_s, last_s)
    if job.due_s is not None and job.late_per_s and job.due_s < last_s:
        due_s = max(job.first_s, job.due_s)
        clock.SetCumulVarSoftUpperBound(index, due_s, job.late_per_s)


def _parameters(pywrapcp: Any, *, seconds: float, ils: bool) -> Any:  # noqa: ANN401
    from ortools.constraint_solver import routing_enums_pb2  # noqa: PLC0415

    first = routing_enums_pb2.FirstSolutionStrategy
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.time_limit.FromMilliseconds(int(seconds * 1000))
    if not ils:
        parameters.first_solution_strategy = first.PATH_CHEAPEST_ARC
        meta = routing_enums_pb2.LocalSearchMetaheuristic
        parameters.local_search_metaheuristic = meta.GUIDED_LOCAL_SEARCH
        return parameters
    parameters.first_solution_strategy = first.PARALLEL_CHEAPEST_INSERTION
    parameters.use_iterated_local_search = True
    search = parameters.iterated_local_search_parameters
    search.improve_perturbed_solution = True
    acceptance = search.reference_solution_acceptance_strategy
    acceptance.simulated_annealing.automatic_temperatures = True
    renew = search.ruin_recreate_parameters
    sisr = renew.ruin_strategies.add().sisr
    sisr.max_removed_sequence_size, sisr.avg_num_removed_visits = 10, 10
    sisr.bypass_factor = 0.01
    renew.route_selection_neighbors_ratio = 1.0
    renew.route_selection_min_neighbors = 10
    renew.route_selection_max_neighbors = 100
    return parameters


# -- each rival on a day ---------------------------------------------------------------


def _pyvrp_day(day: Day, seconds: float, seed: int) -> Routes:
    task = day_task(day, compressed=True, hard_due=True)
    return mended(day, pyvrp_routes(task, seconds=seconds, seed=seed))


def _vroom_day(day: Day, seconds: float, _seed: int) -> Routes:
    """Solve with due times as windows, and once more without those that it missed."""
    task = day_task(day, compressed=False, hard_due=True)
    half_s = seconds / 2
    first = mended(
        day, vroom_routes(task, seconds=half_s, relaxed=frozenset()), insert=False
    )
    served = {visit for route in first for visit in route}
    missed = frozenset(
        visit["id"]
        for visit in day["visits"]
        if visit["id"] not in served and visit["due"]
    )
    candidates = [mended(day, first)]
    if missed:
        again = vroom_routes(task, seconds=half_s, relaxed=missed)
        candidates.append(mended(day, again))
    return min(candidates, key=lambda routes: float(judged(day, routes)["J"]))


def _default_day(day: Day, seconds: float, _seed: int) -> Routes:
    task = day_task(day, compressed=False, hard_due=False)
    return mended(day, ortools_routes(task, seconds=seconds, ils=False))


def _ils_day(day: Day, seconds: float, _seed: int) -> Routes:
    task = day_task(day, compressed=True, hard_due=False)
    return mended(day, ortools_routes(task, seconds=seconds, ils=True))


# -- by name ---------------------------------------------------------------------------

DAY_RIVALS: dict[str, Callable[[Day, float, int], Routes]] = {
    "pyvrp": _pyvrp_day,
    "vroom": _vroom_day,
    "default": _default_day,
    "ils": _ils_day,
}
VRPTW_RIVALS: dict[str, Callable[[Task, float, int], Routes]] = {
    "pyvrp": lambda task, seconds, seed: pyvrp_routes(task, seconds=seconds, seed=seed),
    "vroom": lambda task, seconds, _: vroom_routes(
        task, seconds=seconds, relaxed=frozenset()
    ),
    "default": lambda task, seconds, _: ortools_routes(
        task, seconds=seconds, ils=False
    ),
    "ils": lambda task, seconds, _: ortools_routes(task, seconds=seconds, ils=True),
}


def rival_row(rival: str, source: str, *, seconds: float, seed: int) -> dict[str, Any]:
    """Run one rival on one instance or day, and say what it found as ours is said."""
    path = Path(source)
    if path.suffix != ".txt":
        day = read_day(source)
        return {"name": day["name"], "routes": DAY_RIVALS[rival](day, seconds, seed)}
    instance = read_vrptw(path)
    rows = VRPTW_RIVALS[rival](vrptw_task(instance), seconds, seed)
    return told(path, instance, [[row + 1 for row in route] for route in rows if route])


def main(argv: Sequence[str] | None = None) -> int:
    """Run one rival on one file and print one JSON object."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.rivals")
    parser.add_argument("rival", choices=sorted(DAY_RIVALS))
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(argv)
    try:
        row = rival_row(given.rival, given.file, seconds=given.seconds, seed=given.seed)
    except AbsentError as absent:
        row = {"absent": absent.name}
    print(json.dumps(row))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
