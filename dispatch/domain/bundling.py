"""Bundling (まとめ): places close together are one stop, walked between."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import EARTH_RADIUS_M, LonLat, great_circle_m
from dispatch.domain.plan import Stop
from dispatch.domain.travel import FACTOR_STEPS, UNREACHABLE_S, TravelMatrix

# Proposals, to be set in the city's profile. 40 m: the middle of the 30-50 m within
# which an office is expected to bundle repeated reports. 1.2 m/s: a person with tools,
# slower than the 80 m a minute (1.33 m/s) that Japanese property notices count with.
BUNDLE_M = 40.0
WALK_M_PER_S = 1.2
# The way round by road that tells a canal or railway in between (a proposal). A one-way
# block is some 300 m round; to the next bridge it is farther.
AROUND_M = 400


def with_bundles(
    travel: TravelMatrix,
    places: Sequence[LonLat],
    *,
    bundle_m: float = BUNDLE_M,
    walk_m_per_s: float = WALK_M_PER_S,
) -> TravelMatrix:
    """
    Walk instead of driving between places that are one stop.

    The vehicle stays where it is, so nothing is added for parking. A pair for which
    driving is quicker is left as it is, and so is one with something in between: no
    way by road of `AROUND_M` or less in either direction.

    Parameters
    ----------
    travel
        The day; it is not changed.
    places
        Its places in the order of the rows, (lon, lat) in degrees.
    bundle_m
        Greatest distance between two places that are one stop, great circle.
    walk_m_per_s
        Speed on foot.

    Returns
    -------
    TravelMatrix
        The same levels, traffic and hours of closures. Walked pairs have the metres
        of the great circle, and the same seconds on both networks unless driving is
        quicker there.

    Raises
    ------
    InvalidInputError
        When places and rows differ in number, the distance is negative or the speed
        is not positive.

    Notes
    -----
    Traffic scales all seconds of a matrix, also those on foot. They are divided by the
    least factor of the day: no walk is ever told too short, and in the busiest hours
    it is too long by the ratio of the factors (at 0.85 and 1.10: 10 s of 34 s).
    """
    if len(places) != len(travel):
        raise InvalidInputError("places", "地点と行列の対応がそろいません")
    if bundle_m < 0 or walk_m_per_s <= 0:
        raise InvalidInputError("bundle_m", "距離は0以上、速さは正の値が必要です")
    found = [
        (one, other, apart_m)
        for one, other, apart_m in _near(places, bundle_m)
        if _way_round_m(travel, one, other) <= AROUND_M
    ]
    if not found:
        return travel
    least_step = min(travel.traffic.numbers().steps)
    walks = _Walks(
        pairs=[(one, other) for one, other, _ in found],
        seconds=[
            -(-math.ceil(apart_m / walk_m_per_s) * FACTOR_STEPS // least_step)
            for _, _, apart_m in found
        ],
        metres=[round(apart_m) for _, _, apart_m in found],
    )
    duration_s, distance_m = walks.put_in(travel.duration_s, travel.distance_m)
    closed = travel.restricted
    if closed is not None:
        by_foot = walks.put_in(closed.duration_s, closed.distance_m)
        closed = replace(closed, duration_s=by_foot[0], distance_m=by_foot[1])
    return replace(
        travel, duration_s=duration_s, distance_m=distance_m, restricted=closed
    )


def bundles(
    stops: Sequence[tuple[Stop, LonLat]], *, bundle_m: float = BUNDLE_M
) -> tuple[tuple[int, ...], ...]:
    """
    Consecutive stops of a route that are one stop, for sheets and pages.

    Parameters
    ----------
    stops
        Stops of one route in order, each with its place.
    bundle_m
        Greatest distance between any two places of a group.

    Returns
    -------
    tuple of tuples of int
        Positions in `stops`, in order; a stop by itself is a group of one.
    """
    groups: list[list[int]] = []
    for at, (stop, place) in enumerate(stops):
        joins = bool(groups) and stop.drive_m <= AROUND_M
        if joins and all(
            great_circle_m(stops[member][1], place) <= bundle_m for member in groups[-1]
        ):
            groups[-1].append(at)
        else:
            groups.append([at])
    return tuple(tuple(group) for group in groups)


class _Walks:
    """Pairs of places that may be walked, with free-flow seconds and metres of it."""

    def __init__(
        self,
        *,
        pairs: Sequence[tuple[int, int]],
        seconds: Sequence[int],
        metres: Sequence[int],
    ) -> None:
        one, other = np.array(pairs).T
        self._from = np.concatenate([one, other])
        self._to = np.concatenate([other, one])
        self._seconds = np.tile(np.array(seconds, dtype=np.int64), 2)
        self._metres = np.tile(np.array(metres, dtype=np.int64), 2)

    def put_in(
        self, duration_s: NDArray[np.int64], distance_m: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return copies of two matrices with each walk that is quicker than driving."""
        duration_s, distance_m = duration_s.copy(), distance_m.copy()
        quicker = self._seconds < duration_s[self._from, self._to]
        here, there = self._from[quicker], self._to[quicker]
        duration_s[here, there] = self._seconds[quicker]
        distance_m[here, there] = self._metres[quicker]
        return duration_s, distance_m


def _near(places: Sequence[LonLat], bundle_m: float) -> list[tuple[int, int, float]]:
    """Pairs of places, the smaller index first, with their distance in metres."""
    lat = np.radians([place.lat for place in places])
    # two places are never nearer than their latitudes; 1 mm against rounding
    rows = np.abs(lat[:, np.newaxis] - lat) * EARTH_RADIUS_M <= bundle_m + 1e-3
    found = []
    for one, other in np.argwhere(np.triu(rows, k=1)).tolist():
        apart_m = great_circle_m(places[one], places[other])
        if apart_m <= bundle_m:
            found.append((one, other, apart_m))
    return found


def _way_round_m(travel: TravelMatrix, one: int, other: int) -> float:
    """Metres by road on the open network in the shorter direction, if there is any."""
    return min(
        (
            int(travel.distance_m[pair])
            for pair in ((one, other), (other, one))
            if travel.duration_s[pair] < UNREACHABLE_S
        ),
        default=math.inf,
    )
