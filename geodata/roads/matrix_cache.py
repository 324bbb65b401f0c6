"""Travel times asked before: a growing matrix over the places seen so far."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from geodata.roads.graph import Floats, Ints

MAX_PLACES = 2000  # two float32 arrays of this side and a mask: 36 MB

Key = tuple[int, int]  # segment and position on it: a place as the engine sees it
# Asked with rows of the request: sources and destinations; gives seconds and metres.
Ask = Callable[[Ints, Ints], tuple[Floats, Floats]]


class MatrixCache:
    """
    Remembers the engine's answers for one state of the roads.

    When a day is planned again only its new places are asked for. Full, it forgets
    everything and begins anew.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._row_of: dict[Key, int] = {}
        self._seconds = np.empty((0, 0), np.float32)
        self._metres = np.empty((0, 0), np.float32)
        self._known = np.empty((0, 0), np.bool_)

    def matrix(self, keys: Sequence[Key], ask: Ask) -> tuple[Floats, Floats]:
        """
        Seconds and metres between places, from memory as far as known.

        Parameters
        ----------
        keys
            n different places.
        ask
            Asked for what is missing; whatever it raises leaves the memory as it was.
        """
        if len(keys) > MAX_PLACES:
            everything = np.arange(len(keys))
            return ask(everything, everything)
        with self._lock:
            new = [key for key in keys if key not in self._row_of]
            is_full = len(self._row_of) + len(new) > MAX_PLACES
            known = (
                np.zeros((len(keys), len(keys)), np.bool_)
                if is_full
                else self._known_among(keys)
            )
        # Others may use the memory meanwhile: the engine can take its time.
        answers = [(asked, ask(*asked)) for asked in _missing(known)]
        with self._lock:
            if is_full:
                self._forget()
            rows = self._rows(keys)
            for (sources, destinations), (seconds, metres) in answers:
                at = np.ix_(rows[sources], rows[destinations])
                self._seconds[at], self._metres[at] = seconds, metres
                self._known[at] = True
            at = np.ix_(rows, rows)
            if self._known[at].all():
                return self._seconds[at].astype(float), self._metres[at].astype(float)
        # Somebody made it forget in between: ask for all, and keep nothing.
        everything = np.arange(len(keys))
        return ask(everything, everything)

    def _known_among(self, keys: Sequence[Key]) -> NDArray[np.bool_]:
        known = np.zeros((len(keys), len(keys)), np.bool_)
        seen = np.array([at for at, key in enumerate(keys) if key in self._row_of], int)
        rows = [self._row_of[keys[at]] for at in seen]
        known[np.ix_(seen, seen)] = self._known[np.ix_(rows, rows)]
        return known

    def _rows(self, keys: Sequence[Key]) -> Ints:
        for key in keys:
            self._row_of.setdefault(key, len(self._row_of))
        grow = len(self._row_of) - len(self._known)
        if grow > 0:
            grow = max(grow, min(len(self._known), MAX_PLACES - len(self._known)))
            self._seconds = np.pad(self._seconds, (0, grow))
            self._metres = np.pad(self._metres, (0, grow))
            self._known = np.pad(self._known, (0, grow))
        return np.array([self._row_of[key] for key in keys], np.int64)


def _missing(known: NDArray[np.bool_]) -> list[tuple[Ints, Ints]]:
    """Few requests that cover all that is unknown: (sources, destinations)."""
    if known.all():
        return []
    everything = np.arange(len(known))
    new = np.flatnonzero(~known.diagonal())
    old = np.flatnonzero(known.diagonal())
    if not known[np.ix_(old, old)].all():
        return [(everything, everything)]  # both seen before, but never together
    requests = [(new, everything)]
    if len(old):
        requests.append((old, new))
    return requests
