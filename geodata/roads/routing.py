"""Routes for people: the line and the turns of a team's day, arriving on the left."""

from __future__ import annotations

import datetime as dt
import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from dispatch.domain.closure import Interval
from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from dispatch.domain.travel import TravelLevel
from dispatch.ports import TravelTimes
from geodata.roads.guidance import MALFORMED, turns_of
from geodata.roads.network import Network
from geodata.roads.networks import Chains
from geodata.roads.numbers import VehicleSize
from geodata.roads.osrm_client import EngineError
from geodata.roads.route import RoadLeg, TurnKind
from geodata.roads.snapping import Snapped
from geodata.roads.valhalla import ValhallaRoutes

logger = logging.getLogger(__name__)

Legs = tuple[RoadLeg, ...]

MAX_KEPT = 256  # drives: maps and sheets ask for the same ones, some days' worth
LEFT_COSTS_S = 60.0  # an arrival on the left may cost less than a minute
# On the road itself a place has no side. The engine tells one from 5 m on; on the line
# to the place no other road is nearer than its own.
BESIDE_M = 10.0
ON_LINE_M = 0.5  # nearer, rounding would say on which side


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """
    One team's drives through places in order.

    Parameters
    ----------
    places
        Base, stops, base; at least two.
    busy
        Seconds after midnight of each drive, (from, to); one fewer than places.
    """

    places: tuple[LonLat, ...]
    busy: tuple[Interval, ...]


class Roads(Protocol):
    """What routes need of the roads, whoever serves them."""

    def network_at(
        self, at: dt.datetime, busy: Sequence[Interval]
    ) -> tuple[Network, Chains]:
        """Return the network for drives in these times, and what is closed in it."""
        ...

    def snap(self, places: Sequence[LonLat], closed: Chains) -> Snapped:
        """Put places on their nearest open roads."""
        ...


class RoadRoutes:
    """
    Finds the lines and turns of drives; straight lines where no road is known.

    Parameters
    ----------
    roads
        Travel times over the same roads; None where there are no road data.
    straight
        For legs beside the roads.
    guide, vehicle
        Server that words the turns, and the size of the vehicle to ask it for; it
        knows no closures, so it is not asked while a road is closed.
    """

    def __init__(
        self,
        roads: Roads | None,
        straight: TravelTimes,
        *,
        guide: ValhallaRoutes | None = None,
        vehicle: VehicleSize | None = None,
    ) -> None:
        self._roads = roads
        self._straight = straight
        self._found: OrderedDict[tuple[tuple[LonLat, ...], Chains], Legs] = (
            OrderedDict()
        )
        self._guide = guide
        self._vehicle = vehicle

    def legs(self, drive: Drive, *, at: dt.datetime) -> tuple[RoadLeg, ...]:
        """
        Find one leg from each place to the next.

        Parameters
        ----------
        drive
            Places and times.
        at
            Aware; closures from then on are heeded.
        """
        legs = self._straight_legs(drive.places, at)
        if self._roads is None:
            return tuple(legs)
        network, closed = self._roads.network_at(at, drive.busy)
        key = (drive.places, closed)
        known = self._found.get(key)
        if known is not None:
            return known
        try:
            snapped = self._roads.snap(drive.places, closed)
        except EngineError as problem:
            logger.warning("routes without the road server: %s", problem)
            return tuple(legs)
        self._put_on_roads(legs, drive.places, snapped, network)
        if all(leg.level is TravelLevel.ROAD for leg in legs):
            self._found[key] = tuple(legs)  # else the engine may have been down
            if len(self._found) > MAX_KEPT:
                self._found.popitem(last=False)
        return tuple(legs)

    def _put_on_roads(
        self,
        legs: list[RoadLeg],
        places: tuple[LonLat, ...],
        snapped: Snapped,
        network: Network,
    ) -> None:
        """Put roads in the place of straight lines, as far as they are known."""
        for first, after in _runs(snapped):
            found = None if network.is_closed else self._guided(places[first:after])
            if found is None:
                try:
                    part = _beside_roads(snapped, places, range(first, after))
                    found = _on_roads(network, part)
                except EngineError as problem:
                    logger.warning("routes without the engine: %s", problem)
                    continue
            legs[first : after - 1] = found

    def _guided(self, places: Sequence[LonLat]) -> list[RoadLeg] | None:
        """Ask the wording server; None when there is none or it fails."""
        if self._guide is None or self._vehicle is None:
            return None
        try:
            return self._guide.routes(places, vehicle=self._vehicle)
        except SourceError as problem:
            logger.warning("routes without the wording server: %s", problem)
            return None

    def _straight_legs(
        self, places: Sequence[LonLat], at: dt.datetime
    ) -> list[RoadLeg]:
        matrix = self._straight.matrix(places, at=at)
        return [
            RoadLeg(
                path=(places[here], places[there]),
                duration_s=int(matrix.duration_s[here, there]),
                distance_m=int(matrix.distance_m[here, there]),
                turns=(),
                level=TravelLevel.STRAIGHT_LINE,
            )
            for here, there in pairwise(range(len(places)))
        ]


def _runs(snapped: Snapped) -> Iterator[tuple[int, int]]:
    """Parts of the drive that lie on roads: first place and the one after the last."""
    first = 0
    on_road = snapped.is_on_road.tolist()
    for at, near in enumerate([*on_road, False]):
        if not near:
            if at - first > 1:
                yield first, at
            first = at + 1


def _beside_roads(snapped: Snapped, places: Sequence[LonLat], run: range) -> Snapped:
    """Take one part of the drive, each position a little from its road to its place."""
    part = snapped.part(np.arange(run.start, run.stop))
    asked = np.array([(places[at].lon, places[at].lat) for at in run]).T
    share = BESIDE_M / np.maximum(part.away_m, BESIDE_M)
    return replace(
        part,
        lon=part.lon + share * (asked[0] - part.lon),
        lat=part.lat + share * (asked[1] - part.lat),
    )


def _on_roads(network: Network, places: Snapped) -> list[RoadLeg]:
    """Ask for one part of the drive, arriving on the left where that is cheap."""
    left = _left_arrivals(network, places)
    found = network.legs(places, curb=left, steps=True)
    try:
        return [_leg(leg) for leg in found]
    except (*MALFORMED, SourceError) as problem:
        message = "road engine: a leg is not of the asked form"
        raise EngineError(message) from problem


def _left_arrivals(network: Network, places: Snapped) -> list[bool]:
    """
    Which places to reach with the kerb on the left.

    A stop counts with the drives before and after it: turning round to arrive on the
    left may save as much afterwards. The ends of the drive, the base, do not count.
    """
    free = _durations(network.legs(places, curb=None, steps=False))
    inner = len(places.segment) - 2
    if inner < 1:
        return [False] * len(places.segment)
    has_side = (places.away_m > ON_LINE_M).tolist()
    wanted = [False, *has_side[1:-1], False]
    try:
        left = _durations(network.legs(places, curb=wanted, steps=False))
    except EngineError:  # some place cannot be reached on the left at all
        return [False] * len(places.segment)
    costs_s = [left[at] + left[at + 1] - free[at] - free[at + 1] for at in range(inner)]
    cheap = [False, *(cost_s < LEFT_COSTS_S for cost_s in costs_s), False]
    return [one and other for one, other in zip(wanted, cheap, strict=True)]


def _durations(legs: Sequence[Mapping[str, Any]]) -> list[float]:
    try:
        return [float(leg["duration"]) for leg in legs]
    except MALFORMED as problem:
        message = "road engine: a leg has no duration"
        raise EngineError(message) from problem


def _leg(leg: Mapping[str, Any]) -> RoadLeg:
    path: list[LonLat] = []
    for step in leg["steps"]:
        for lon, lat in step["geometry"]["coordinates"]:
            place = LonLat(float(lon), float(lat))
            if not path or place != path[-1]:
                path.append(place)
    if not path:
        message = "no step"
        raise ValueError(message)
    if len(path) == 1:
        path *= 2
    turns = turns_of(leg)
    return RoadLeg(
        path=tuple(path),
        duration_s=round(leg["duration"]),
        distance_m=round(leg["distance"]),
        turns=turns,
        level=TravelLevel.ROAD,
        # Asked for is not got: on a one-way street the other side is all there is.
        at_left=turns[-1].kind is TurnKind.ARRIVE_LEFT,
    )
