"""Gathering: several threads' requests in one turn, each with its own answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from dispatch.gathering import Gathering

LONG_S = 30.0
NUM = 12


class Gate:
    """Work that stands still in its first turn until it is told to go on."""

    def __init__(self) -> None:
        self.turns: list[list[int]] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def double(self, asked: Sequence[int]) -> list[int | Exception]:
        self.turns.append(list(asked))
        self.begun.set()
        assert self.go_on.wait(LONG_S)
        return [one * 2 if one else ValueError("nothing") for one in asked]


def all_waiting(gathering: Gathering[int, int], num: int) -> None:
    until = threading.Event()
    for _ in range(3_000):
        if len(gathering._queue) == num:  # noqa: SLF001 - who waits is seen nowhere else
            return
        until.wait(0.01)
    pytest.fail("they do not wait")


def test_who_comes_while_one_works_is_done_in_the_next_turn_together() -> None:
    gate = Gate()
    gathering = Gathering(gate.double, most=NUM)
    with ThreadPoolExecutor(NUM) as threads:
        first = threads.submit(gathering, 1)
        assert gate.begun.wait(LONG_S)  # it waited for nobody
        others = [threads.submit(gathering, n) for n in range(2, NUM + 1)]
        all_waiting(gathering, NUM - 1)
        gate.go_on.set()
        assert first.result(LONG_S) == 2
        assert [one.result(LONG_S) for one in others] == [
            2 * n for n in range(2, NUM + 1)
        ]
    assert gate.turns[0] == [1]
    assert sorted(gate.turns[1]) == list(range(2, NUM + 1))
    assert len(gate.turns) == 2


def test_a_turn_takes_no_more_than_it_may_and_nobody_is_left() -> None:
    gate = Gate()
    gathering = Gathering(gate.double, most=4)
    with ThreadPoolExecutor(NUM) as threads:
        first = threads.submit(gathering, 1)
        assert gate.begun.wait(LONG_S)
        others = [threads.submit(gathering, n) for n in range(2, NUM + 1)]
        all_waiting(gathering, NUM - 1)
        gate.go_on.set()
        found = [one.result(LONG_S) for one in (first, *others)]
    assert found == [2 * n for n in range(1, NUM + 1)]
    assert [len(turn) for turn in gate.turns] == [1, 4, 4, 3]


def test_an_exception_is_the_answer_of_its_asker_alone() -> None:
    gate = Gate()
    gathering = Gathering(gate.double, most=NUM)
    with ThreadPoolExecutor(NUM) as threads:
        first = threads.submit(gathering, 1)
        assert gate.begun.wait(LONG_S)
        bad, good = threads.submit(gathering, 0), threads.submit(gathering, 5)
        all_waiting(gathering, 2)
        gate.go_on.set()
        with pytest.raises(ValueError, match="nothing"):
            bad.result(LONG_S)
        assert (first.result(LONG_S), good.result(LONG_S)) == (2, 10)


def test_what_the_work_raises_reaches_all_and_the_next_turn_works() -> None:
    failing = [True]

    def work(asked: Sequence[int]) -> list[int | Exception]:
        if failing:
            raise OSError("away")
        return list(asked)

    gathering = Gathering(work, most=NUM)
    for n in range(3):
        with pytest.raises(OSError, match="away"):
            gathering(n)
    failing.clear()
    assert [gathering(n) for n in range(3)] == [0, 1, 2]


def test_work_that_forgets_somebody_leaves_nobody_waiting() -> None:
    gathering: Gathering[int, int] = Gathering(lambda asked: asked[1:], most=NUM)
    for n in range(2):
        with pytest.raises(ValueError, match="shorter"):
            gathering(n)
