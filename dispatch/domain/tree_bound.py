"""Tree bound (木の下限): seconds that no routes through given visits undercut."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ROUNDS = 150  # of the ascent; some 5 ms each at 258 visits
PATIENCE = 8  # rounds with no gain before the step is halved
ROUNDING = 1e-6  # a bound this little above a whole number is that number

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Legs:
    """
    Least seconds of the legs that routes through v visits may have.

    Parameters
    ----------
    between_s
        int64 of shape (v, v): from visit to visit.
    from_start_s, to_end_s
        int64 of shape (v,): from the best start to each visit, and to the best end.
    min_routes, max_routes
        How many routes there must be, and may be.
    """

    between_s: NDArray[np.int64]
    from_start_s: NDArray[np.int64]
    to_end_s: NDArray[np.int64]
    min_routes: int
    max_routes: int


class _Tree(NamedTuple):
    """A least tree with returns: its cost, and how often visits are left and met."""

    cost: float
    left: Floats
    met: Floats


def least_seconds(legs: Legs, *, target_s: int) -> int:
    """
    Seconds of driving that routes through all visits take at least.

    Parameters
    ----------
    legs
        At least one visit and one route.
    target_s
        Seconds of a known plan; the ascent aims there and stops when it is reached.

    Notes
    -----
    Without the legs home, routes are a tree that joins all visits to the yards; the
    legs home come on top, one for each route. The cheapest such tree with the cheapest
    legs home costs no more than any routes do. It may leave or meet a visit more than
    once; prices on leaving and meeting, which cancel out in real routes, raise the
    bound step by step [1]_.

    References
    ----------
    .. [1] Held and Karp, The traveling-salesman problem and minimum spanning trees:
       part II, Mathematical Programming 1 (1971), doi 10.1007/BF01584070; with legs in
       two directions and several routes.
    """
    count = len(legs.from_start_s)
    leaving, meeting = np.zeros(count), np.zeros(count)
    best, factor, since = 0.0, 1.0, 0
    for _ in range(ROUNDS):
        tree = _least_tree(legs, leaving, meeting)
        cost = tree.cost - float(leaving.sum() + meeting.sum())
        since += 1
        if cost > best:
            best, since = cost, 0
        too_often = tree.left - 1, tree.met - 1
        norm = sum(float((part * part).sum()) for part in too_often)
        if norm == 0 or best > target_s - 1:
            break
        if since > PATIENCE:
            factor, since = factor / 2, 0
        step = factor * (target_s - cost) / norm
        leaving = leaving + step * too_often[0]
        meeting = meeting + step * too_often[1]
    return math.ceil(best - ROUNDING)


def _least_tree(legs: Legs, leaving: Floats, meeting: Floats) -> _Tree:
    """Least tree from the yards over all visits (Prim), and the least legs home."""
    count = len(leaving)
    forth = legs.between_s + leaving[:, np.newaxis] + meeting
    either = np.minimum(forth, forth.T)
    cheapest = legs.from_start_s + meeting  # of those not joined yet; the others: inf
    joined_by = np.full(count, -1)  # -1: the yards
    left, met = np.zeros(count), np.zeros(count)
    cost = 0.0
    for _ in range(count):
        new = int(cheapest.argmin())
        old = int(joined_by[new])
        cost += float(cheapest[new])
        if old < 0:
            met[new] += 1
        else:
            forward = forth[old, new] <= forth[new, old]
            left[old if forward else new] += 1
            met[new if forward else old] += 1
        either[:, new] = cheapest[new] = np.inf
        nearer = either[new] < cheapest
        cheapest[nearer] = either[new, nearer]
        joined_by[nearer] = new
    home = legs.to_end_s + leaving
    for rank, last in enumerate(np.argsort(home, kind="stable")[: legs.max_routes]):
        if rank < legs.min_routes or home[last] < 0:
            cost += float(home[last])
            left[last] += 1
    return _Tree(cost, left, met)
