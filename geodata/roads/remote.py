"""Road travel times from a server of the same interface, with no road data here."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from dispatch.domain.closure import Closure, Interval
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import BoundingBox, LonLat
from dispatch.domain.travel import TravelLevel, TravelMatrix
from dispatch.ports import TravelTimes
from geodata.city import TravelParams
from geodata.roads.access import place_levels, travel_between
from geodata.roads.network import Network
from geodata.roads.networks import AS_BUILT, Chains
from geodata.roads.osrm_client import EngineError, OsrmClient
from geodata.roads.service import ClosedRoads, RankedLine, RoadState
from geodata.roads.snapping import SNAP_MAX_M, Snapped

logger = logging.getLogger(__name__)

AT_ONCE = 8  # questions for the nearest road
PLACE_STEPS = 1_000_000  # the engine's own precision, a millionth of a degree
COLUMNS = 1_000_000_000  # above any latitude in those steps


class RemoteTravelTimes:
    """
    The `TravelTimes` port over another machine's engine.

    It knows no closures: those need road data here, where they are cut in.

    Parameters
    ----------
    client
        Of the server.
    straight
        For what it does not answer.
    params
        What parking and walking add, and the traffic of the day.
    """

    def __init__(
        self, client: OsrmClient, straight: TravelTimes, params: TravelParams
    ) -> None:
        self._client = client
        self._network = Network(client, None)
        self._straight = straight
        self._params = params
        self._last = TravelLevel.ROAD

    def matrix(self, places: Sequence[LonLat], *, at: dt.datetime) -> TravelMatrix:
        """See `dispatch.ports.TravelTimes`."""
        straight = self._straight.matrix(places, at=at)
        try:
            snapped = self.snap(places)
        except EngineError as problem:
            logger.warning("travel times without the road server: %s", problem)
            self._last = straight.level
            return straight
        seconds, metres, level = travel_between(
            self._network,
            usual=snapped,
            now=snapped,
            straight=straight,
            params=self._params,
        )
        self._last = level
        if level is TravelLevel.STRAIGHT_LINE:
            return straight
        return TravelMatrix(
            duration_s=seconds,
            distance_m=metres,
            level=level,
            place_levels=place_levels(snapped, level),
            traffic=self._params.traffic,
        )

    def networks_for(
        self, at: dt.datetime, busy: Sequence[Interval]
    ) -> list[tuple[Network, Chains]]:
        """Return for each drive the only network there is."""
        del at
        return [(self._network, AS_BUILT)] * len(busy)

    def snap(self, places: Sequence[LonLat], closed: Chains = AS_BUILT) -> Snapped:
        """
        Ask for the nearest road of each place.

        Raises
        ------
        EngineError
            When the server does not answer.
        """
        del closed
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = list(pool.map(self._client.nearest, places))
        lon, lat, away_m = np.array(found, np.float64).reshape(-1, 3).T
        near = away_m <= SNAP_MAX_M
        # There are no segments here; the position itself tells places apart.
        steps = np.abs(np.rint(np.stack((lon, lat)) * PLACE_STEPS)).astype(np.int64)
        cell = steps[0] * COLUMNS + steps[1]
        return Snapped(
            segment=np.where(near, cell, -1),
            share=np.zeros(len(places)),
            lon=lon,
            lat=lat,
            away_m=np.where(near, away_m, np.inf),
        )

    def main_roads(self) -> tuple[tuple[LonLat, ...], ...]:
        """Return nothing: the roads are on the other machine."""
        return ()

    def roads_in(self, bounds: BoundingBox) -> tuple[RankedLine, ...]:
        """Return nothing: the roads are on the other machine."""
        del bounds
        return ()

    def closed_roads(self, closure: Closure) -> ClosedRoads:
        """
        Refuse: there are no roads here to close.

        Raises
        ------
        InvalidInputError
            Always.
        """
        del closure
        problem = (
            "この装置には道路データがないため、通行規制を所要時間に反映できません。"
            "kidohan roads build で道路データを作ってください"
        )
        raise InvalidInputError("places", problem)

    def prepare(self, at: dt.datetime) -> None:
        """Do nothing: there is nothing to prepare."""

    def state(self) -> RoadState:
        """Tell how times were found when last asked."""
        return RoadState(
            level=self._last,
            manifest=None,
            algorithm="",
            num_restarts=0,
            num_engines=0,
        )

    def close(self) -> None:
        """Do nothing: the engine is another machine's."""
