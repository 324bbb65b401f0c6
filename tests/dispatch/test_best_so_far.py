"""A search that a person ends: the best orders so far, or nothing."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from dispatch.best_so_far import TAKEN, BestSoFarSolver
from dispatch.domain.errors import CancelledError
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import Order
from dispatch.ports import OnProgress, Progress, SearchOutcome, SearchParams
from tests.builders import MIN, at, day_problem, shift, silent, team, team_day, visit

PARAMS = SearchParams(iterations=1)
WAIT_S = 5.0
FAR_FIRST: tuple[Order, ...] = ((1, 0),)
NEAR_FIRST: tuple[Order, ...] = ((0, 1),)
ONE: tuple[Order, ...] = ((0,),)


@dataclass(slots=True)
class Patient:
    """Tells orders one search after another, then waits until it is cancelled."""

    by_search: tuple[tuple[tuple[Order, ...], ...], ...]
    told: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=threading.Event)

    def search(
        self,
        problem: DayProblem,
        params: SearchParams,
        on_progress: OnProgress,
        *,
        start: Sequence[Order] = (),
    ) -> SearchOutcome:
        """Wait for the end after telling everything."""
        del problem, params, start
        on_progress(Progress(step="はじめ", done=0.0))
        with ThreadPoolExecutor(len(self.by_search) or 1) as threads:
            for mine in self.by_search:
                threads.submit(_tell, on_progress, mine).result()
        self.told.set()
        if self.go_on.wait(0 if self.by_search else WAIT_S):
            on_progress(Progress(step="あと", done=0.5, orders=ONE))
        assert self.stopped.wait(WAIT_S)
        message = "cancelled"
        raise CancelledError(message)

    def cancel(self) -> None:
        """End the search."""
        self.stopped.set()


def _tell(on_progress: OnProgress, mine: tuple[tuple[Order, ...], ...]) -> None:
    for orders in mine:
        on_progress(Progress(step="探索", done=0.5, orders=orders))


def line() -> DayProblem:
    """Two visits 10 and 20 minutes out; both orders drive 40 minutes."""
    return day_problem([(visit("a"), 10), (visit("b"), 20)])


def ended(
    inner: Patient, problem: DayProblem, *, take: bool
) -> SearchOutcome | CancelledError:
    """Search in a thread, end it as told, and return what came of it."""
    solver = BestSoFarSolver(inner)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(solver.search, problem, PARAMS, silent)
        assert inner.told.wait(WAIT_S)
        if take:
            solver.take_best()
        else:
            solver.cancel()
        inner.go_on.set()
        try:
            return running.result(WAIT_S)
        except CancelledError as cancelled:
            return cancelled


def test_the_best_of_all_searches_is_taken_not_the_last_that_was_told() -> None:
    # the first search has both visits, the second, told later, only one
    inner = Patient(((ONE, NEAR_FIRST), (ONE,)))
    taken = ended(inner, line(), take=True)
    assert isinstance(taken, SearchOutcome)
    assert (taken.orders, taken.method) == (NEAR_FIRST, TAKEN)
    assert taken.cut_short


def test_who_takes_before_there_is_anything_gets_the_first_to_come() -> None:
    taken = ended(Patient(()), line(), take=True)
    assert isinstance(taken, SearchOutcome)
    assert taken.orders == ONE


def test_a_cancelled_search_takes_nothing() -> None:
    ending = ended(Patient(((FAR_FIRST,),)), line(), take=False)
    assert isinstance(ending, CancelledError)


def test_orders_that_are_not_legal_are_not_taken() -> None:
    # 20 minutes out, an hour and a half of work: back after the end of the shift
    short = team_day(team("t1", shift=shift(lunch=None, end_s=at("11:00"))))
    problem = day_problem([(visit("a", service_s=90 * MIN), 20)], days=[short])
    inner = Patient(((((0,),),),))
    inner.stopped.set()  # it ends without anybody's help
    ending = ended(inner, problem, take=True)
    assert isinstance(ending, CancelledError)


def test_a_search_that_ends_by_itself_is_passed_on() -> None:
    class Quick:
        def search(
            self,
            problem: DayProblem,
            params: SearchParams,
            on_progress: OnProgress,
            *,
            start: Sequence[Order] = (),
        ) -> SearchOutcome:
            del problem, params
            on_progress(Progress(step="探索", done=1.0, orders=ONE))
            return SearchOutcome(orders=tuple(start), method="quick")

        def cancel(self) -> None:
            raise AssertionError

    found = BestSoFarSolver(Quick()).search(line(), PARAMS, silent, start=NEAR_FIRST)
    assert (found.orders, found.method) == (NEAR_FIRST, "quick")


def test_a_search_that_fails_by_itself_takes_nothing() -> None:
    inner = Patient(((NEAR_FIRST,),))
    inner.stopped.set()
    with pytest.raises(CancelledError):
        BestSoFarSolver(inner).search(line(), PARAMS, silent)
