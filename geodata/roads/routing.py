"""Routes for people: the line and the turns of a team's day, arriving on the left."""

from __future__ import annotations

import datetime as dt
import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dispatch.domain.closure import Interval
from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from dispatch.domain.travel import TravelLevel
from dispatch.ports import TravelTimes
from geodata.roads.guidance import MALFORMED, turns_of
from geodata.roads.network import Network
from geodata.roads.networks import AS_BUILT, Chains
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
NO_WAY = {"NoRoute", "NoSegment"}  # the engine's words for places no road joins
ONE_LEG = 2  # places


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

    def networks_for(
        self, at: dt.datetime, busy: Sequence[Interval]
    ) -> list[tuple[Network, Chains]]:
        """Return the network of each drive's time, and what is closed in it."""
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
        self._found: OrderedDict[
            tuple[tuple[LonLat, ...], tuple[Chains, ...]], Legs
        ] = OrderedDict()
        self._guide = guide
        self._vehicle = vehicle

    def legs(self, drive: Drive, *, at: dt.datetime) -> tuple[RoadLeg, ...]:
        """
        Find one leg from each place to the next.

        A leg to which closures leave no way has no path: a straight line would lead
        through what is closed.

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
        networks = self._roads.networks_for(at, drive.busy)
        key = (drive.places, tuple(closed for _, closed in networks))
        known = self._found.get(key)
        if known is not None:
            return known
        for group in _of_one_network(networks):
            places = drive.places[group.start : group.stop + 1]
            part = legs[group.start : group.stop]
            self._put_on_roads(part, places, self._roads, networks[group.start])
            legs[group.start : group.stop] = part
        # A straight line may come of an engine that is down for a moment.
        if all(leg.level is TravelLevel.ROAD or not leg.path for leg in legs):
            self._found[key] = tuple(legs)
            if len(self._found) > MAX_KEPT:
                self._found.popitem(last=False)
        return tuple(legs)

    def _put_on_roads(
        self,
        legs: list[RoadLeg],
        places: Sequence[LonLat],
        roads: Roads,
        state: tuple[Network, Chains],
    ) -> None:
        """Put roads in the place of straight lines, as far as they are known."""
        network, closed = state
        try:
            snapped = roads.snap(places, closed)
            if network.is_closed:
                usual = roads.snap(places, AS_BUILT)
                _leave_out(legs, usual.is_on_road & ~snapped.is_on_road)
        except EngineError as problem:
            logger.warning("routes without the road server: %s", problem)
            return
        for first, after in _runs(snapped):
            try:
                found = self._asked(network, snapped, places, range(first, after))
            except EngineError as problem:
                logger.warning("routes without the engine: %s", problem)
                continue
            for at, leg in enumerate(found, first):
                if leg is not None:
                    legs[at] = leg
                elif network.is_closed:
                    legs[at] = replace(legs[at], path=())

    def _asked(
        self, network: Network, snapped: Snapped, places: Sequence[LonLat], run: range
    ) -> Sequence[RoadLeg | None]:
        """Ask whoever words the turns best; None for a leg without a way."""
        if not network.is_closed:
            found = self._guided(places[run.start : run.stop])
            if found is not None:
                return found
        return _where_joined(network, _beside_roads(snapped, places, run))

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


def _of_one_network(networks: Sequence[tuple[Network, Chains]]) -> Iterator[range]:
    """Part the legs into rows of those that need the same state of the roads."""
    first = 0
    for _, same in groupby(networks, key=lambda state: state[1]):
        after = first + len(list(same))
        yield range(first, after)
        first = after


def _leave_out(legs: list[RoadLeg], cut_off: NDArray[np.bool_]) -> None:
    """Take the lines from legs of places whose roads are all closed."""
    for at in np.flatnonzero(cut_off[:-1] | cut_off[1:]).tolist():
        legs[at] = replace(legs[at], path=())


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


def _where_joined(network: Network, places: Snapped) -> list[RoadLeg | None]:
    """
    Ask for one part of the drive, by halves where no way leads through all of it.

    Only the legs without a way are None: one stop that is cut off must not cost the
    others their roads. Halves keep more stops between two drives, and so on the left,
    than single legs would.
    """
    try:
        return [*_on_roads(network, places)]
    except EngineError as problem:
        if problem.code not in NO_WAY:
            raise
    size = len(places.segment)
    if size == ONE_LEG:
        return [None]
    rows, middle = np.arange(size), size // 2
    return [
        leg
        for half in (rows[: middle + 1], rows[middle:])
        for leg in _where_joined(network, places.part(half))
    ]


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
