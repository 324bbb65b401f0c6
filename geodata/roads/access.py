"""From drives between roads to travel between places: parking, walking, what is off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dispatch.domain.travel import UNREACHABLE_S, TravelLevel, TravelMatrix
from geodata.city import TravelParams
from geodata.roads.network import Network
from geodata.roads.snapping import Snapped

Seconds = NDArray[np.int64]
Times = tuple[Seconds, Seconds, TravelLevel]


def travel_between(
    network: Network,
    *,
    usual: Snapped,
    now: Snapped,
    straight: TravelMatrix,
    params: TravelParams,
    straight_factor: float = 1.0,
) -> Times:
    """
    Seconds and metres between places: by road where there is one, else straight.

    Parameters
    ----------
    network
        The roads with what is closed now.
    usual, now
        Where the places lie when nothing is closed, and now.
    straight
        Times of the places beside the roads.
    params
        What parking and walking add.
    straight_factor
        Stretches straight-line times beside roads, so that a place with no road does
        not look nearer than its neighbour that has one.

    Returns
    -------
    tuple
        Two int64 arrays (n, n) with zero diagonals, and the level of the places that
        lie on roads. A place whose roads are all closed is unreachable: a straight
        line to it would deny the closure.
    """
    off_road = (straight.duration_s, straight.distance_m, TravelLevel.STRAIGHT_LINE)
    open_ = np.flatnonzero(usual.is_on_road & now.is_on_road)
    times = network.times(now.part(open_)) if len(open_) else None
    if len(open_) and times is None:
        return off_road
    seconds = np.rint(straight.duration_s * straight_factor).astype(np.int64)
    metres = straight.distance_m.copy()
    cut_off = np.flatnonzero(usual.is_on_road & ~now.is_on_road)
    seconds[cut_off, :] = UNREACHABLE_S
    seconds[:, cut_off] = UNREACHABLE_S
    # That a place is cut off is known from the roads, no guess of a straight line.
    level = TravelLevel.ROAD if len(cut_off) else TravelLevel.STRAIGHT_LINE
    if times is not None:
        at = np.ix_(open_, open_)
        walk_s = now.away_m[open_] / params.walk_mps
        added_s = params.park_s + walk_s[:, np.newaxis] + walk_s[np.newaxis, :]
        reached = times.duration_s < UNREACHABLE_S
        driven_s = np.rint(times.duration_s + added_s).astype(np.int64)
        seconds[at] = np.where(reached, driven_s, UNREACHABLE_S)
        metres[at] = times.distance_m
        level = times.level
    np.fill_diagonal(seconds, 0)
    np.fill_diagonal(metres, 0)
    return seconds, metres, level


def place_levels(usual: Snapped, level: TravelLevel) -> tuple[TravelLevel, ...]:
    """Level of each place: that of the roads, or straight lines beside them."""
    return tuple(
        level if on_road else TravelLevel.STRAIGHT_LINE for on_road in usual.is_on_road
    )
