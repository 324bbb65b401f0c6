"""The solver: which searches run in which process, and which result wins."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final, Self

from dispatch.adapters.solve_messages import Opening, SolveResult, SolveTask
from dispatch.adapters.solver_process import SilentError, SolverProcess, Told
from dispatch.domain.errors import SolverError
from dispatch.domain.levels import SearchWeights, weights_of
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import Order
from dispatch.domain.visit import Visit
from dispatch.ports import (
    OnProgress,
    Progress,
    SearchOutcome,
    SearchParams,
    WorkStep,
)

logger = logging.getLogger(__name__)

# Above this a city begins office by office (planning study §4.4, ADR 0003).
CITY_MODEL_MAX_VISITS: Final = 300
SILENCE_S: Final = 30.0  # longer than any step of a search says nothing
OFFICE_SHARE: Final = 0.3  # of the time, office by office on a large day
LAST_SHARE: Final = 0.2  # of the time, for the last search from the best of all
SEEDS_APART: Final = 7919  # between two searches of one day

Better = Callable[[SolveResult], tuple[int, ...]]


def by_levels(result: SolveResult) -> tuple[int, ...]:
    """Judge by the levels of the planning rules."""
    return result.key


def by_cost(result: SolveResult) -> tuple[int, ...]:
    """Judge by the search's own weights, for measuring."""
    return (result.cost,)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One day that is being solved."""

    problem: DayProblem
    weights: SearchWeights
    params: SearchParams
    start: tuple[Order, ...]
    better: Better
    told: OnProgress
    results: list[SolveResult] = field(default_factory=list)

    def task(self, name: str, share: float, seed: int) -> SolveTask:
        """Piece of work on the whole day with a share of the limits."""
        params = self.params
        return SolveTask(
            problem=self.problem,
            weights=self.weights,
            name=name,
            time_limit_s=params.time_limit_s * share,
            iterations=(
                None if params.iterations is None else int(params.iterations * share)
            ),
            seed=params.seed + SEEDS_APART * seed,
            work=params.work,
        )

    def best(self) -> SolveResult:
        """Best of all results on the whole day."""
        return min(self.results, key=self.better)


class PortfolioSolver:
    """
    Solves in pre-warmed processes and keeps the better plan by the levels.

    Each process opens with OR-Tools (soft due times in one, hard in the other) and
    improves on the exact clock; then all good routes seen are recombined, and every
    process goes on from the best. A day of more than about 300 visits begins office by
    office.

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

    def await_ready(self) -> Self:
        """Wait until every process has loaded, and compiled, the search."""
        for process in self._processes:
            process.await_ready()
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
        for process in self._processes:  # side by side: each has 300 MB to give back
            process.ask_to_end()
        for process in self._processes:
            process.stop()

    def search(
        self,
        problem: DayProblem,
        params: SearchParams,
        on_progress: OnProgress,
        *,
        start: Sequence[Order] = (),
    ) -> SearchOutcome:
        """Search within the limits; see `dispatch.ports.Solver`."""
        return self.search_by(
            problem,
            weights_of(problem.levels),
            params,
            on_progress,
            start=start,
            better=by_levels,
        )

    def search_by(
        self,
        problem: DayProblem,
        weights: SearchWeights,
        params: SearchParams,
        on_progress: OnProgress,
        *,
        start: Sequence[Order] = (),
        better: Better = by_cost,
    ) -> SearchOutcome:
        """Search with given weights, and judge in a given way; for measuring."""
        self._cancelled.clear()
        if not problem.visits or not problem.team_days:
            return SearchOutcome(
                orders=tuple(() for _ in problem.team_days), method="empty"
            )
        job = _Job(
            problem=problem,
            weights=weights,
            params=params,
            start=tuple(start),
            better=better,
            told=on_progress,
        )
        if len(self._processes) == 1 and not self._is_large(problem):
            return self._alone(job)
        if self._is_large(problem):
            return self._by_office_first(job)
        return self._side_by_side(job)

    def _is_large(self, problem: DayProblem) -> bool:
        offices = {day.team.office_id for day in problem.team_days}
        return len(problem.visits) > CITY_MODEL_MAX_VISITS and len(offices) > 1

    def _alone(self, job: _Job) -> SearchOutcome:
        """One process does everything."""
        task = replace(
            job.task("alone", 1.0, 0), opening=Opening.SOFT, starts=_given(job.start)
        )
        found = self._run_all(job, [task], "経路を探しています", (0.0, 1.0))
        job.results.extend(found)
        return _outcome(job, "city-wide", job.results)

    def _side_by_side(self, job: _Job) -> SearchOutcome:
        """Every process searches the whole day, then goes on from the best of all."""
        openings = (Opening.SOFT, Opening.HARD)
        firsts = [
            replace(
                job.task(f"first {at}", 1 - LAST_SHARE, at),
                opening=openings[at % len(openings)],
                starts=_given(job.start),
                hands_on=True,
            )
            for at in range(len(self._processes))
        ]
        found = self._run_all(job, firsts, "経路を探しています", (0.0, 1 - LAST_SHARE))
        job.results.extend(found)
        return self._together(job, found, "city-wide", found)

    def _by_office_first(self, job: _Job) -> SearchOutcome:
        """Search each office by itself, then the whole city from there."""
        parts = [part for part in split_by_office(job.problem) if part.visits]
        rounds = -(-len(parts) // len(self._processes))
        tasks = [
            replace(
                job.task(f"office {at}", OFFICE_SHARE / rounds, at),
                problem=part,
                opening=Opening.SOFT,
            )
            for at, part in enumerate(parts)
        ]
        step = "工営所ごとに経路を探しています"
        own = self._run_all(job, tasks, step, (0.0, OFFICE_SHARE))
        joined = _joined(job.problem, parts, own)
        share = 1 - OFFICE_SHARE - LAST_SHARE
        firsts = [
            replace(
                job.task(f"city {at}", share, at),
                starts=(joined, *_given(job.start)),
                is_good=True,
                hands_on=True,
            )
            for at in range(len(self._processes))
        ]
        step = "工営所のあいだで融通しています"
        found = self._run_all(job, firsts, step, (OFFICE_SHARE, 1 - LAST_SHARE))
        job.results.extend(found)
        return self._together(job, found, "by office, then city-wide", [*own, *found])

    def _together(
        self,
        job: _Job,
        found: Sequence[SolveResult],
        method: str,
        worked: Sequence[SolveResult],
    ) -> SearchOutcome:
        """Recombine what all have seen, and improve the best once more."""
        columns = tuple(column for result in found for column in result.columns)
        lasts = [
            replace(
                job.task(f"last {at}", LAST_SHARE, at + len(found)),
                starts=tuple(result.orders for result in found),
                columns=columns,
                is_good=True,
            )
            for at in range(len(self._processes))
        ]
        step = "よい経路を組み合わせています"
        last = self._run_all(job, lasts, step, (1 - LAST_SHARE, 1.0))
        job.results.extend(last)
        return _outcome(job, method, [*worked, *last])

    def _run_all(
        self,
        job: _Job,
        tasks: Sequence[SolveTask],
        step: str,
        span: tuple[float, float],
    ) -> list[SolveResult]:
        """Run the tasks side by side, each in a free process, results in task order."""
        shares = [0.0] * len(tasks)
        low, high = span
        # Before any work: who cancelled while the day was prepared is heard here.
        job.told(Progress(step=step, done=low))

        def run(at: int) -> SolveResult:
            def told(share: float, orders: tuple[Order, ...] | None) -> None:
                shares[at] = share
                done = low + (high - low) * sum(shares) / len(shares)
                whole = tasks[at].problem is job.problem
                job.told(
                    Progress(step=step, done=done, orders=orders if whole else None)
                )

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
        """Solve in a process; where OR-Tools hangs, without it."""
        silence_s = task.time_limit_s + SILENCE_S
        try:
            return process.run(
                task, told, cancelled=self._cancelled, silence_s=silence_s
            )
        except SilentError:
            logger.warning("a search hung on %d visits", len(task.problem.visits))
            by_itself = replace(task, opening=Opening.NONE)
            try:
                result = process.run(
                    by_itself, told, cancelled=self._cancelled, silence_s=silence_s
                )
            except SilentError as silent:
                raise SolverError(str(silent)) from silent
            # Which days hang may differ between machines: not promised to repeat.
            return (
                replace(result, cut_short=True)
                if isinstance(result, SolveResult)
                else result
            )


def _given(start: tuple[Order, ...]) -> tuple[tuple[Order, ...], ...]:
    return (start,) if start else ()


def _outcome(job: _Job, method: str, worked: Sequence[SolveResult]) -> SearchOutcome:
    """Best result, with the record of all work."""
    best = job.best()
    work: list[WorkStep] = [step for result in worked for step in result.work]
    return SearchOutcome(
        orders=best.orders,
        starts=best.starts,
        method=method,
        cut_short=any(result.cut_short for result in worked),
        work=tuple(work),
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
    return replace(
        problem,
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
