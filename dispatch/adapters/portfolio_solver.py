"""The solver: which models run in which process, and which result wins."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final, Self

from dispatch.adapters.solve_task import (
    SEARCH_SHARE,
    Method,
    SolveResult,
    SolveTask,
)
from dispatch.adapters.solver_process import SilentError, SolverProcess, Told
from dispatch.domain.errors import SolverError
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import Order
from dispatch.domain.visit import Visit
from dispatch.ports import OnProgress, Progress, SearchOutcome, SearchParams

logger = logging.getLogger(__name__)

# Above this one city-wide model is worse than office by office (planning study §4.4).
CITY_MODEL_MAX_VISITS: Final = 300
SILENCE_MARGIN_S: Final = 5.0  # loading, building the model, a slow machine
BORDER_SHARE: Final = 0.35  # of the time, for exchange between offices


class PortfolioSolver:
    """
    Solves in two pre-warmed processes and keeps the better plan by the evaluator.

    Up to about 300 visits: one city-wide model with an allowed-offices set per visit,
    once with soft and once with hard due times, side by side. Above: office by office
    with soft due times, then exchange over the borders on the exact schedule.

    Parameters
    ----------
    processes
        Solving processes; two suit the two cores of the machine.
    """

    def __init__(self, processes: int = 2) -> None:
        self._processes = [SolverProcess() for _ in range(processes)]
        self._free = threading.Semaphore(processes)
        self._idle = list(self._processes)
        self._lock = threading.Lock()
        self._cancelled = threading.Event()

    def warm(self) -> Self:
        """Start the processes, so that the first plan need not wait for them."""
        for process in self._processes:
            process.start()
        return self

    def process_ids(self) -> list[int]:
        """Process ids of the solving processes that live now."""
        return [p.pid for p in self._processes if p.pid is not None]

    def close(self) -> None:
        """End the processes."""
        self._cancelled.set()
        for process in self._processes:
            process.close()

    def cancel(self) -> None:
        """Stop the running search."""
        self._cancelled.set()
        for process in self._processes:
            process.stop()

    def search(
        self, problem: DayProblem, params: SearchParams, on_progress: OnProgress
    ) -> SearchOutcome:
        """Search within the limits; see `dispatch.ports.Solver`."""
        self._cancelled.clear()
        if not problem.visits or not problem.team_days:
            return SearchOutcome(
                orders=tuple(() for _ in problem.team_days), method="empty"
            )
        if len(problem.visits) <= CITY_MODEL_MAX_VISITS:
            return self._city_wide(problem, params, on_progress)
        return self._by_office(problem, params, on_progress)

    def _city_wide(
        self, problem: DayProblem, params: SearchParams, on_progress: OnProgress
    ) -> SearchOutcome:
        methods = (Method.SOFT, Method.HARD)
        tasks = [
            SolveTask(
                problem=problem,
                method=method,
                solution_limit=params.solution_limit,
                time_limit_s=params.time_limit_s,
                iterations=params.iterations,
                seed=params.seed,
            )
            for method in methods
        ]
        results = self._run_all(tasks, on_progress, step="経路を探しています", top=1.0)
        best = min(range(len(results)), key=lambda at: results[at].key)
        return SearchOutcome(
            orders=results[best].orders,
            method=f"city-wide, {methods[best]}",
            cut_short=any(result.cut_short for result in results),
        )

    def _by_office(
        self, problem: DayProblem, params: SearchParams, on_progress: OnProgress
    ) -> SearchOutcome:
        parts = split_by_office(problem)
        rounds = -(-len(parts) // len(self._processes))
        time_limit_s = params.time_limit_s * (1 - BORDER_SHARE) / rounds
        tasks = [
            SolveTask(
                problem=part,
                method=Method.SOFT,
                solution_limit=params.solution_limit,
                time_limit_s=time_limit_s,
                iterations=params.iterations,
                seed=params.seed,
            )
            for part in parts
        ]
        results = self._run_all(
            tasks, on_progress, step="工営所ごとに経路を探しています", top=0.7
        )
        start = _joined(problem, parts, results)
        border = SolveTask(
            problem=problem,
            method=Method.EXACT,
            solution_limit=0,
            time_limit_s=params.time_limit_s * BORDER_SHARE,
            iterations=params.iterations,
            seed=params.seed,
            start=start,
        )
        exchanged = self._run_all(
            [border], on_progress, step="隣の工営所と融通しています", top=1.0
        )[0]
        return SearchOutcome(
            orders=exchanged.orders,
            method="by office, then borders",
            cut_short=exchanged.cut_short or any(r.cut_short for r in results),
        )

    def _run_all(
        self,
        tasks: Sequence[SolveTask],
        on_progress: OnProgress,
        *,
        step: str,
        top: float,
    ) -> list[SolveResult]:
        """Run the tasks side by side, each in a free process, results in task order."""
        shares = [0.0] * len(tasks)
        # Before any work: who cancelled while the day was prepared is heard here.
        on_progress(Progress(step=step, done=0.0))

        def run(at: int) -> SolveResult:
            def told(share: float) -> None:
                shares[at] = share
                on_progress(Progress(step=step, done=top * sum(shares) / len(shares)))

            return self._run_one(tasks[at], told)

        with ThreadPoolExecutor(len(self._processes)) as threads:
            return list(threads.map(run, range(len(tasks))))

    def _run_one(self, task: SolveTask, told: Told) -> SolveResult:
        with self._free:
            with self._lock:
                process = self._idle.pop()
            try:
                result = self._solved(process, task, told)
            finally:
                with self._lock:
                    self._idle.append(process)
        if not isinstance(result, SolveResult):  # pragma: no cover - our own child
            message = "the solving process answered with something else"
            raise SolverError(message)
        return result

    def _solved(self, process: SolverProcess, task: SolveTask, told: Told) -> object:
        """Solve in a process; where OR-Tools hangs, by exact insertion alone."""
        try:
            return process.run(
                task,
                told,
                cancelled=self._cancelled,
                silence_s=task.time_limit_s * SEARCH_SHARE + SILENCE_MARGIN_S,
            )
        except SilentError:
            logger.warning("a search hung on %d visits", len(task.problem.visits))
            by_insertion = replace(
                task,
                method=Method.EXACT,
                start=task.start or tuple(() for _ in task.problem.team_days),
            )
            try:
                result = process.run(
                    by_insertion,
                    told,
                    cancelled=self._cancelled,
                    silence_s=task.time_limit_s + SILENCE_MARGIN_S,
                )
            except SilentError as silent:
                raise SolverError(str(silent)) from silent
            # Which days hang may differ between machines: not promised to repeat.
            return (
                replace(result, cut_short=True)
                if isinstance(result, SolveResult)
                else result
            )


def split_by_office(problem: DayProblem) -> list[DayProblem]:
    """Cut the day into one problem per office that has teams (its own visits only)."""
    parts = []
    for office_id in sorted({day.team.office_id for day in problem.team_days}):
        own = [
            (visit, node)
            for visit, node in zip(problem.visits, problem.visit_nodes, strict=True)
            if visit.office_id == office_id
        ]
        days = [d for d in problem.team_days if d.team.office_id == office_id]
        parts.append(_with_own_nodes(problem, own, days))
    return parts


def _with_own_nodes(
    problem: DayProblem, own: Sequence[tuple[Visit, int]], days: Sequence[TeamDay]
) -> DayProblem:
    """Part of a day with only its own rows of the travel matrix."""
    nodes = {node for _, node in own}
    for day in days:
        nodes |= {day.start_node, day.end_node}
    kept = sorted(nodes)
    row = {node: at for at, node in enumerate(kept)}
    return DayProblem(
        date=problem.date,
        visits=tuple(visit for visit, _ in own),
        team_days=tuple(
            replace(day, start_node=row[day.start_node], end_node=row[day.end_node])
            for day in days
        ),
        travel=problem.travel.part(kept),
        visit_nodes=tuple(row[node] for _, node in own),
    )


def _joined(
    problem: DayProblem, parts: Sequence[DayProblem], results: Sequence[SolveResult]
) -> tuple[Order, ...]:
    """Orders of the parts as orders of the whole day."""
    index_of = {visit.id: index for index, visit in enumerate(problem.visits)}
    by_team: dict[str, Order] = {}
    for part, result in zip(parts, results, strict=True):
        for day, order in zip(part.team_days, result.orders, strict=True):
            by_team[day.team.id] = tuple(index_of[part.visits[i].id] for i in order)
    return tuple(by_team.get(day.team.id, ()) for day in problem.team_days)
