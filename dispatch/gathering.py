"""Doing together what several threads ask for at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Done = TypeVar("Done")


class Gathering(Generic[Asked, Done]):
    """
    Lets one thread at a time work, for itself and for all that wait by then.

    A transaction costs much the same for one as for ten. Nobody waits for company:
    whoever finds nobody at work begins at once, and what comes meanwhile is the next
    turn's.

    Parameters
    ----------
    do
        Answers each of some requests in their order, with an exception for one that
        cannot be done; what it raises is the answer to all of them.
    most
        Requests in one turn.
    """

    def __init__(
        self,
        do: Callable[[Sequence[Asked]], Sequence[Done | Exception]],
        *,
        most: int,
    ) -> None:
        self._do = do
        self._most = most
        self._queue: deque[_Waiting[Asked, Done]] = deque()
        self._turn = threading.Lock()

    def __call__(self, asked: Asked) -> Done:
        """Answer one request; raises what its answer is, or what all got."""
        mine: _Waiting[Asked, Done] = _Waiting(asked)
        self._queue.append(mine)
        with self._turn:
            while not mine.answer:
                self._do_some()
        answer = mine.answer[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _do_some(self) -> None:
        num = min(self._most, len(self._queue))
        turn = [self._queue.popleft() for _ in range(num)]
        told: list[tuple[_Waiting[Asked, Done], Done | BaseException]]
        try:
            answers = self._do([one.asked for one in turn])
            told = list(
                zip(turn, answers, strict=True)
            )  # else who waits, waits for ever
        except BaseException as problem:  # noqa: BLE001 - each of them raises it
            told = [(one, problem) for one in turn]
        for one, answer in told:
            one.answer.append(answer)


class _Waiting(Generic[Asked, Done]):
    """One request, and its answer once there is one."""

    __slots__ = ("answer", "asked")

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.answer: list[Done | BaseException] = []
