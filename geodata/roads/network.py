"""One state of the roads: the engine over it and the graph behind it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dispatch.domain.travel import UNREACHABLE_S, TravelLevel
from geodata.roads.graph import Floats, Ints
from geodata.roads.matrix_cache import MatrixCache
from geodata.roads.osrm_client import HANGS, EngineError, OsrmClient
from geodata.roads.snapping import Snapped

logger = logging.getLogger(__name__)

BLOCK = 300  # places a side of one request: some 1.5 MB of answer
SMALL_BLOCK = 50
TOO_BIG = "TooBig"  # the engine's word for a table over its limit
QUIET_S = 5.0  # after the engine hung: it is started anew meanwhile
BLOCKS_AT_ONCE = 2  # as many as the engine has threads
ON_ROAD_M = 20.0  # the place was put on its road already: rounding is all there is
SHARE_STEPS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class NetworkTimes:
    """Seconds and metres (n, n) between places on roads, and how they were found."""

    duration_s: NDArray[np.int64]
    distance_m: NDArray[np.int64]
    level: TravelLevel


class Fallback(Protocol):
    """Times over the same state of the roads without the engine."""

    def __call__(self, snapped: Snapped) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Seconds and metres between places that all lie on a road."""
        ...


class Network:
    """
    Asks the engine; when it fails, the graph; and says which it was.

    Parameters
    ----------
    client
        Of the engine that serves this state of the roads.
    fallback
        Times without the engine; None when there is no graph.
    is_closed
        Whether some roads are closed in it.
    on_hang
        Told that the engine is there and does not answer.

    `last_level` is the level of the last answer; before any, of what is asked first.
    """

    def __init__(
        self,
        client: OsrmClient | None,
        fallback: Fallback | None,
        *,
        is_closed: bool = False,
        on_hang: Callable[[], None] | None = None,
    ) -> None:
        self._on_hang = on_hang
        self._quiet_until = 0.0
        self.client = client
        self.is_closed = is_closed
        self._fallback = fallback
        self._cache = MatrixCache()
        self._block = BLOCK
        self.last_level = TravelLevel.ROAD_GRAPH if client is None else TravelLevel.ROAD

    def times(self, snapped: Snapped) -> NetworkTimes | None:
        """Return times between places on roads; None when nothing can tell."""
        if self.client is not None and time.monotonic() >= self._quiet_until:
            try:
                seconds, metres = self._engine_times(self.client, snapped)
            except EngineError as problem:
                logger.warning("travel times without the engine: %s", problem)
                if problem.code == HANGS:
                    self._leave_alone()
            else:
                self.last_level = TravelLevel.ROAD
                return NetworkTimes(seconds, metres, TravelLevel.ROAD)
        if self._fallback is None:
            return None
        self.last_level = TravelLevel.ROAD_GRAPH
        return NetworkTimes(*self._fallback(snapped), TravelLevel.ROAD_GRAPH)

    def _leave_alone(self) -> None:
        """Do not wait for a hanging engine again and again; have it started anew."""
        self._quiet_until = time.monotonic() + QUIET_S
        if self._on_hang is not None:
            self._on_hang()

    def legs(
        self, snapped: Snapped, *, curb: Sequence[bool] | None, steps: bool
    ) -> list[Mapping[str, Any]]:
        """
        Ask the engine for the way through places in order.

        Raises
        ------
        EngineError
            When there is no engine, or it does not answer.
        """
        if self.client is None:
            message = "road engine: not running"
            raise EngineError(message)
        return self.client.route(
            _positions(snapped), curb=curb, steps=steps, radius_m=ON_ROAD_M
        )

    def _engine_times(
        self, client: OsrmClient, snapped: Snapped
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        share = np.rint(snapped.share * SHARE_STEPS).astype(np.int64)
        keys = list(zip(snapped.segment.tolist(), share.tolist(), strict=True))
        at_key = dict(zip(keys, _positions(snapped), strict=True))
        row_of = {key: row for row, key in enumerate(at_key)}
        rows = np.array([row_of[key] for key in keys], np.int64)
        places = list(at_key.values())

        def ask(sources: Ints, destinations: Ints) -> tuple[Floats, Floats]:
            try:
                return _in_blocks(client, places, (sources, destinations), self._block)
            except EngineError as problem:
                if problem.code != TOO_BIG or self._block <= SMALL_BLOCK:
                    raise
                # A server of default settings takes 100 places a table.
                self._block = SMALL_BLOCK
                return _in_blocks(client, places, (sources, destinations), self._block)

        seconds, metres = self._cache.matrix(list(at_key), ask)
        seconds, metres = seconds[np.ix_(rows, rows)], metres[np.ix_(rows, rows)]
        reached = np.isfinite(seconds)
        return (
            np.where(reached, np.rint(seconds), UNREACHABLE_S).astype(np.int64),
            np.where(reached, np.rint(metres), 0).astype(np.int64),
        )


def _positions(snapped: Snapped) -> list[tuple[float, float]]:
    return list(zip(snapped.lon.tolist(), snapped.lat.tolist(), strict=True))


def _in_blocks(
    client: OsrmClient,
    places: Sequence[tuple[float, float]],
    rows: tuple[Ints, Ints],
    size: int,
) -> tuple[Floats, Floats]:
    """Ask block by block, two at a time: one huge answer would hold up everything."""
    sources, destinations = rows
    seconds = np.empty((len(sources), len(destinations)))
    metres = np.empty((len(sources), len(destinations)))

    def block(row: int, column: int) -> None:
        own, other = sources[row : row + size], destinations[column : column + size]
        asked = list(dict.fromkeys([*own.tolist(), *other.tolist()]))
        area = np.s_[row : row + size, column : column + size]
        if len(asked) == 1:  # from a place to itself: the engine refuses to tell
            seconds[area], metres[area] = 0, 0
            return
        at = {place: index for index, place in enumerate(asked)}
        table = client.table(
            [places[place] for place in asked],
            sources=[at[place] for place in own.tolist()],
            destinations=[at[place] for place in other.tolist()],
            radius_m=ON_ROAD_M,
        )
        seconds[area], metres[area] = table.duration_s, table.distance_m

    corners = [
        (row, column)
        for row in range(0, len(sources), size)
        for column in range(0, len(destinations), size)
    ]
    if len(corners) == 1:
        block(0, 0)
        return seconds, metres
    with ThreadPoolExecutor(BLOCKS_AT_ONCE) as pool:
        try:
            for done in [pool.submit(block, *corner) for corner in corners]:
                done.result()
        except EngineError:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return seconds, metres
