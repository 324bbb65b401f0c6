"""The routing model in OR-Tools terms: the only module that knows its routing."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ortools.constraint_solver import pywrapcp, routing_enums_pb2

from dispatch.domain.catalogue import Urgency
from dispatch.domain.errors import SolverError
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import Order, Span, spans_of
from dispatch.domain.together import linked
from dispatch.domain.travel import UNREACHABLE_S
from dispatch.domain.visit import Visit

# Search weights in seconds of travel. They only steer: candidate plans are compared
# by the evaluator's levels. Bands of about ten per level, coefficients far below the
# 1e9 at which sums could leave 64 bits (planning study §4.6).
DROP_COST = {
    Urgency.S: 6_000_000,
    Urgency.A: 600_000,
    Urgency.B: 60_000,
    Urgency.C: 18_000,
    Urgency.D: 6_000,
}
LATE_COST_PER_S = {
    Urgency.S: 200,
    Urgency.A: 30,
    Urgency.B: 5,
    Urgency.C: 1,
    Urgency.D: 0,
}
OVERTIME_COST_PER_S = 3
PROMISED = frozenset({Urgency.S, Urgency.A})  # whose due times the hard model keeps
NO_VEHICLE = -1
OnSolution = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class CompressedClock:
    """
    A time line with one lunch break cut out, so that the search never sees it.

    `cut_s` is None when no team still owes a lunch after the plan begins.
    """

    cut_s: int | None
    length_s: int

    def squeeze(self, second: int) -> int:
        """Time on the compressed line; moments inside the cut fall on its start."""
        if self.cut_s is None or second <= self.cut_s:
            return second
        return max(self.cut_s, second - self.length_s)


def compressed_clock(problem: DayProblem) -> CompressedClock:
    """Cut out the lunch that most teams still owe, at its nominal time."""
    owed = Counter(
        (day.team.shift.lunch.nominal_s, day.team.shift.lunch.duration_s)
        for day in problem.team_days
        if day.team.shift.lunch is not None and _cut_applies(day)
    )
    if not owed:
        return CompressedClock(None, 0)
    (nominal_s, duration_s), _ = max(owed.items(), key=lambda item: (item[1], item[0]))
    return CompressedClock(nominal_s, duration_s)


def _cut_applies(day: TeamDay) -> bool:
    lunch = day.team.shift.lunch
    return day.lunch_owed and lunch is not None and day.free_from_s <= lunch.nominal_s


class RoutingDay:
    """
    One day as an OR-Tools routing model with lateness soft or hard.

    Matrix rows 0 … 2·teams-1 are the teams' start and end places, the rest the visits.
    Manager and model live and die together; results are copied out as plain tuples,
    because reading an assignment after its model is gone kills the process.

    Parameters
    ----------
    problem
        Validated by its own constructor: the wheel aborts on bad input.
    hard_due
        Make S and A due times hard windows (the visit may be dropped instead).
    """

    def __init__(self, problem: DayProblem, *, hard_due: bool) -> None:
        self._problem = problem
        self._typical_s = problem.travel.typical_s()
        self._hard_due = hard_due
        self._clock = compressed_clock(problem)
        # A team that cannot be back in time makes the whole model have no solution.
        everyone = list(range(len(problem.team_days)))
        able = [row for row in everyone if self._may_work(problem.team_days[row])]
        self._rows = able or everyone  # a model of no team aborts the process
        self._days = [problem.team_days[row] for row in self._rows]
        self._linked = linked(problem)
        self._num_servable = 0
        teams = len(self._days)
        self._nodes = [
            *(day.start_node for day in self._days),
            *(day.end_node for day in self._days),
            *problem.visit_nodes,
        ]
        self._manager = pywrapcp.RoutingIndexManager(
            len(self._nodes),
            teams,
            list(range(teams)),
            list(range(teams, 2 * teams)),
        )
        self._model = pywrapcp.RoutingModel(self._manager)
        self._add_travel()
        self._add_load()
        for visit_index, visit in enumerate(problem.visits):
            self._add_visit(visit_index, visit)

    def _may_work(self, day: TeamDay) -> bool:
        """Whether a team gets home in time when it does nothing more."""
        home_s = int(self._typical_s[day.start_node, day.end_node])
        return day.free_from_s + home_s <= day.team.shift.limit_s

    def _index_of(self, visit_index: int) -> int:
        return int(self._manager.NodeToIndex(2 * len(self._days) + visit_index))

    def _add_travel(self) -> None:
        """Register matrices (never Python callbacks: 6 times slower, errors lost)."""
        teams = self._days
        drive = self._typical_s[self._nodes][:, self._nodes].tolist()
        service = [0] * (2 * len(teams))
        service += [self._service_s(visit) for visit in self._problem.visits]
        transit = [
            [seconds + service[row] for seconds in line]
            for row, line in enumerate(drive)
        ]
        cost = self._model.RegisterTransitMatrix(drive)
        self._model.SetArcCostEvaluatorOfAllVehicles(cost)
        clock = self._model.RegisterTransitMatrix(transit)
        day_end = max((day.team.shift.limit_s for day in teams), default=0)
        lunch_s = max(
            (d.team.shift.lunch.duration_s for d in teams if d.team.shift.lunch),
            default=0,
        )  # a lunch owed after the cut is added to a team's start, see _set_shift
        horizon = max(day_end, *(day.free_from_s for day in teams)) + lunch_s + 1
        self._model.AddDimension(clock, horizon, horizon, False, "time")  # noqa: FBT003 - SWIG takes it by position
        self._time = self._model.GetDimensionOrDie("time")
        for vehicle, day in enumerate(teams):
            self._set_shift(vehicle, day)

    def _set_shift(self, vehicle: int, day: TeamDay) -> None:
        squeeze = self._clock.squeeze
        start_s, limit_s = day.free_from_s, day.team.shift.limit_s
        late_lunch = day.lunch_owed and not _cut_applies(day)
        lunch = day.team.shift.lunch
        if late_lunch and lunch is not None:
            start_s += lunch.duration_s  # owed after the cut: keep its length free
        start = self._model.Start(vehicle)
        end = self._model.End(vehicle)
        begin = squeeze(start_s)
        self._time.CumulVar(start).SetRange(begin, begin)
        last = max(begin, squeeze(limit_s))
        self._time.CumulVar(end).SetRange(begin, last)
        if day.team.shift.overtime_max_s:
            self._time.SetCumulVarSoftUpperBound(
                end, squeeze(day.team.shift.end_s), OVERTIME_COST_PER_S
            )

    def _service_s(self, visit: Visit) -> int:
        """Mean service of the teams that may go: one matrix serves all of them."""
        teams = [day.team for day in self._days if visit.allows(day.team)]
        if not teams:
            return visit.service_s
        return sum(visit.service_for_s(team) for team in teams) // len(teams)

    def _add_load(self) -> None:
        """Give each material, and the weight of all, a dimension of its own."""
        visits, days = self._problem.visits, self._days
        self._add_room(
            "load", [v.load_kg for v in visits], [day.load_left_kg for day in days]
        )
        for name in sorted({name for v in visits for name, _ in v.materials}):
            pieces = [dict(visit.materials).get(name, 0) for visit in visits]
            room = [day.pieces_left(name) for day in days]
            self._add_room(f"pieces of {name}", pieces, room)

    def _add_room(self, name: str, needed: list[int], room: list[int]) -> None:
        if not any(needed):
            return
        loads = [0] * (2 * len(self._days)) + needed
        callback = self._model.RegisterUnaryTransitVector(loads)
        free = [max(0, one) for one in room]
        self._model.AddDimensionWithVehicleCapacity(callback, 0, free, True, name)  # noqa: FBT003 - SWIG takes it by position

    def _add_visit(self, visit_index: int, visit: Visit) -> None:
        index = self._index_of(visit_index)
        allowed = [
            vehicle
            for vehicle, day in enumerate(self._days)
            if visit.allows(day.team) and self._reaches(day, visit_index)
        ]
        self._model.AddDisjunction([index], DROP_COST[visit.urgency])
        # SetAllowedVehiclesForIndex refuses every Python argument in 9.15.
        self._model.VehicleVar(index).SetValues([NO_VEHICLE, *allowed])
        # A visit that waits for another route is the exact search's alone.
        spans = [] if visit_index in self._linked else self._spans(visit, allowed)
        if not spans:
            self._model.ActiveVar(index).SetValue(0)  # SetRange would raise instead
            return
        first, last = spans[0][0], spans[-1][1]
        due = None if visit.due_s is None else self._clock.squeeze(max(0, visit.due_s))
        if self._hard_due and due is not None and visit.urgency in PROMISED:
            if first > due:
                self._model.ActiveVar(index).SetValue(0)
                return
            last = min(last, due)
        self._num_servable += 1
        moment = self._time.CumulVar(index)
        moment.SetRange(first, last)
        for (_, end_s), (start_s, _) in itertools.pairwise(spans):
            moment.RemoveInterval(end_s + 1, start_s - 1)
        weight = LATE_COST_PER_S[visit.urgency]
        if due is not None and weight and due < last:
            self._time.SetCumulVarSoftUpperBound(index, max(first, due), weight)

    def _spans(self, visit: Visit, allowed: Sequence[int]) -> list[Span]:
        """When some team may begin, on the compressed clock: ascending and apart."""
        if not allowed:
            return []
        teams = [self._days[vehicle].team for vehicle in allowed]
        # Forbidden hours leave the more time the shorter the work is.
        service_s = min(visit.service_for_s(team) for team in teams)
        latest_s = max(day.team.shift.limit_s for day in self._days)
        apart: list[Span] = []
        for start_s, end_s in spans_of(self._problem, visit, service_s):
            if start_s > latest_s:
                continue
            first = self._clock.squeeze(start_s)
            last = self._clock.squeeze(min(end_s, latest_s))
            if apart and first <= apart[-1][1] + 1:
                first, before = apart.pop()
                last = max(last, before)
            apart.append((first, last))
        return apart

    def _reaches(self, day: TeamDay, visit_index: int) -> bool:
        node = self._problem.visit_nodes[visit_index]
        there = self._typical_s[day.start_node, node] < UNREACHABLE_S
        return bool(there and self._typical_s[node, day.end_node] < UNREACHABLE_S)

    def search(
        self, *, solution_limit: int, time_limit_s: float, on_solution: OnSolution
    ) -> list[Order]:
        """
        Run the iterated local search and copy the best orders out.

        Raises
        ------
        SolverError
            When OR-Tools refuses the parameters. No solution at all gives empty
            orders, which the exact insertion then fills.
        """
        if self._num_servable < len(self._days):
            # SISR ruin sizes itself by visits per vehicle: below one, 9.15 never
            # returns and heeds no limit. So small a day is the exact insertion's.
            return [() for _ in self._problem.team_days]
        parameters = search_parameters(solution_limit, time_limit_s)
        problem = pywrapcp.FindErrorInRoutingSearchParameters(parameters)
        if problem:
            message = f"OR-Tools refused the search parameters: {problem}"
            raise SolverError(message)
        self._model.CloseModelWithParameters(parameters)
        count = 0

        def told() -> None:
            nonlocal count
            count += 1
            on_solution(count)

        self._model.AddAtSolutionCallback(told)
        found = self._model.SolveWithIteratedLocalSearch(parameters)
        if found is None:
            return [() for _ in self._problem.team_days]
        return self._orders(found)

    def _orders(self, found: Any) -> list[Order]:  # noqa: ANN401 - a SWIG object
        first_visit = 2 * len(self._days)
        orders: list[Order] = [() for _ in self._problem.team_days]
        for vehicle, row in enumerate(self._rows):
            order: list[int] = []
            index = self._model.Start(vehicle)
            while not self._model.IsEnd(index):
                node = self._manager.IndexToNode(index)
                if node >= first_visit:
                    order.append(node - first_visit)
                index = found.Value(self._model.NextVar(index))
            orders[row] = tuple(order)
        return orders


def search_parameters(solution_limit: int, time_limit_s: float) -> Any:  # noqa: ANN401 - a protobuf
    """
    Parameters that the planning study found best (§0.2, §6): ILS with SISR ruin.

    `use_iterated_local_search` alone is ignored by SolveWithParameters; the caller
    must use SolveWithIteratedLocalSearch.
    """
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    heuristic = routing_enums_pb2.FirstSolutionStrategy
    parameters.first_solution_strategy = heuristic.PARALLEL_CHEAPEST_INSERTION
    parameters.solution_limit = solution_limit
    parameters.time_limit.FromMilliseconds(int(time_limit_s * 1000))
    parameters.use_iterated_local_search = True
    ils = parameters.iterated_local_search_parameters
    ils.improve_perturbed_solution = True
    acceptance = ils.reference_solution_acceptance_strategy
    acceptance.simulated_annealing.automatic_temperatures = True
    recreate = ils.ruin_recreate_parameters
    ruin = recreate.ruin_strategies.add()
    ruin.sisr.max_removed_sequence_size = 10
    ruin.sisr.avg_num_removed_visits = 10
    ruin.sisr.bypass_factor = 0.01
    recreate.route_selection_neighbors_ratio = 1.0
    recreate.route_selection_min_neighbors = 10
    recreate.route_selection_max_neighbors = 100
    return parameters
