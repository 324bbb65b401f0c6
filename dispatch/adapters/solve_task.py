"""One piece of solving work, as a solving process does it from start to end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from dispatch.adapters.engine.exact_search import ExactSearch
from dispatch.adapters.engine.tiny_day import tiny_day
from dispatch.adapters.ortools_model import RoutingDay
from dispatch.adapters.recombination import recombined
from dispatch.adapters.solve_messages import Opening, SolveResult, SolveTask
from dispatch.adapters.solver_process import Told
from dispatch.domain.improve import repaired
from dispatch.domain.levels import weights_of
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.score import score_of
from dispatch.ports import WorkStep

OPENING_SOLUTIONS = 50  # of OR-Tools, for a start: a second on a day of a city
OPENING_VISITS = 2  # for each team, at least: on thin days OR-Tools 9.15 may hang
OPENING_MAX = 0.5  # of the time; a guard
REPEAT_GUARD_S = 600.0  # a slower machine takes longer for the same solutions
WARM_UP_GUARD_S = 600.0  # less than compiling takes, and the search is never reached
CLOSING_SHARE = 0.15  # of the time, after the recombination
TOLD_EVERY_S = 0.5
MAX_HANDED_ON = 6_000  # columns that go to another process


def warm_up() -> None:
    """Load the compiled search, or compile it the first time, on a tiny day."""
    problem = tiny_day()
    solve(
        SolveTask(
            problem=problem,
            weights=weights_of(problem.levels),
            name="warm up",
            time_limit_s=WARM_UP_GUARD_S,
            iterations=100,
            seed=1,
        ),
        lambda _share, _orders: None,
    )


def solve(task: SolveTask, told: Told) -> SolveResult:
    """
    Open, improve on the exact clock, recombine, improve again.

    Parameters
    ----------
    task
        What to do.
    told
        Called with the share done, 0 to 1, and the best orders when they are new.
    """
    return _Solving(task, told).run()


@dataclass(slots=True)
class _Solving:
    """The state of one piece of work."""

    task: SolveTask
    told: Told
    began: float = field(default_factory=time.monotonic)
    steps: list[WorkStep] = field(default_factory=list)
    told_at: float = 0.0
    told_cost: int | None = None
    cut_short: bool = False

    def run(self) -> SolveResult:
        task = self.task
        self.told(0.0, None)
        search = ExactSearch(task.problem, task.weights, seed=task.seed)
        starts = [*task.starts, ()]
        if task.opening is not Opening.NONE:
            starts.append(tuple(self._opened()))
        costs = [search.begin(start) for start in starts]
        best = min(range(len(starts)), key=costs.__getitem__)
        if best != len(starts) - 1:
            search.begin(starts[best])
        if task.columns:  # what others have seen comes first: it is good already
            self._recombine(search)
            self._improve(search, "improve", self._left_s(), 1.0)
        else:
            first_s = self._left_s() * (1 - CLOSING_SHARE)
            self._improve(search, "improve", first_s, 1 - CLOSING_SHARE)
            self._recombine(search)
            self._improve(search, "close", self._left_s(), CLOSING_SHARE)
        self.told(1.0, None)
        return self._result(search)

    def _left_s(self) -> float:
        return max(0.0, self.task.time_limit_s - (time.monotonic() - self.began))

    def _recorded(self, name: str) -> tuple[int, ...] | None:
        """Return a step's counts in an earlier search's record, if there is one."""
        if not self.task.work:
            return None
        full = f"{self.task.name} {name}"
        return next((s.counts for s in self.task.work if s.name == full), ())

    def _note(self, name: str, counts: Sequence[int]) -> None:
        self.steps.append(
            WorkStep(name=f"{self.task.name} {name}", counts=tuple(counts))
        )

    def _opened(self) -> list[Order]:
        """Let OR-Tools find a start on the compressed clock."""
        task = self.task
        if len(task.problem.visits) < OPENING_VISITS * len(task.problem.team_days):
            return [() for _ in task.problem.team_days]  # the exact search needs none
        is_repeated = self._recorded("ortools") is not None
        limit_s = REPEAT_GUARD_S if is_repeated else task.time_limit_s * OPENING_MAX
        began = time.monotonic()
        count = 0

        def on_solution(seen: int) -> None:
            nonlocal count
            count = seen

        day = RoutingDay(task.problem, hard_due=task.opening is Opening.HARD)
        found = day.search(
            solution_limit=OPENING_SOLUTIONS,
            time_limit_s=limit_s,
            on_solution=on_solution,
        )
        # By solutions, not by time: the same ones are found again.
        self.cut_short |= time.monotonic() - began >= limit_s
        self._note("ortools", (count,))
        return found

    def _improve(
        self, search: ExactSearch, name: str, seconds: float, share: float
    ) -> None:
        task = self.task
        iterations = None
        if task.iterations is not None:
            iterations = int(task.iterations * share)

        def on_round(_: float) -> None:
            self._tell(search)

        counts = search.improve(
            seconds=seconds,
            iterations=iterations,
            counts=self._recorded(name),
            told=on_round,
            cold_only=task.is_good or name == "close",
        )
        self._note(name, counts)

    def _tell(self, search: ExactSearch) -> None:
        """Tell how far it is, and the best orders when they are new."""
        now = time.monotonic()
        if now - self.told_at < TOLD_EVERY_S:
            return
        self.told_at = now
        share = min(1.0, (now - self.began) / self.task.time_limit_s)
        orders = None
        if self.told_cost is None or search.cost < self.told_cost:
            self.told_cost = search.cost
            orders = search.seen_orders()
        self.told(share, orders)

    def _recombine(self, search: ExactSearch) -> None:
        """Take the best of all routes seen, when it is better."""
        recorded = self._recorded("recombine")
        if self.task.work and recorded != (1,):
            self._note("recombine", (0,))
            return
        columns = [*self.task.columns, *search.columns()]
        result = recombined(
            search.day,
            columns,
            below=search.cost,
            time_limit_s=self.task.time_limit_s,
            seed=self.task.seed,
        )
        if result.columns is not None:
            search.take(result.columns)
        self.cut_short |= result.cut_short
        self._note("recombine", (int(not result.cut_short),))

    def _result(self, search: ExactSearch) -> SolveResult:
        task = self.task
        orders, starts = search.best()
        scheduler = DayScheduler(task.problem, starts)
        score = score_of(scheduler, orders)
        if score is None:  # the two clocks disagree: the scheduler's is the law
            orders = tuple(repaired(scheduler, orders))
            score = score_of(scheduler, orders)
        if score is None:  # pragma: no cover - repaired() leaves only legal orders
            message = "repaired orders have no legal times"
            raise AssertionError(message)
        cut_short = self.cut_short or search.cut_short
        if self._recorded("guard") or cut_short:
            cut_short = True
            self._note("guard", (1,))
        columns = search.columns_for_others() if task.hands_on else []
        return SolveResult(
            orders=orders,
            starts=starts,
            cost=search.cost,
            key=score.key(task.problem.levels),
            columns=tuple(columns[-MAX_HANDED_ON:]),
            work=tuple(self.steps),
            cut_short=cut_short,
        )
