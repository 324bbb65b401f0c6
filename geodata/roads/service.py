"""Road travel times and routes for the service: the best level that answers, told."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dispatch.domain.closure import (
    ClosedDay,
    Closure,
    ClosureShape,
    Interval,
    closed_day,
)
from dispatch.domain.deadlines import wall_seconds
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import LonLat
from dispatch.domain.travel import (
    RestrictedTravel,
    TravelLevel,
    TravelMatrix,
    worst,
)
from dispatch.ports import TravelTimes
from geodata.city import CityProfile
from geodata.roads.access import Times, place_levels, travel_between
from geodata.roads.closing import chain_lines, closed_chains
from geodata.roads.graph import RoadGraph, bigger_chains
from geodata.roads.manifest import RoadManifest
from geodata.roads.network import Network
from geodata.roads.networks import AS_BUILT, Chains, Networks
from geodata.roads.snapping import RoadSnapper, Snapped

logger = logging.getLogger(__name__)

MAIN_RANK = 3  # tertiary and above
MAIN_SHORTEST_M = 400.0  # the source tags single blocks as bigger roads
MAX_KEPT = 500  # closures whose roads are remembered, previews among them


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedRoads:
    """What a closure shuts: lines for drawing, and their length."""

    lines: tuple[tuple[LonLat, ...], ...]
    length_m: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadState:
    """How travel times are found at the moment, for people and for monitoring."""

    level: TravelLevel
    manifest: RoadManifest | None
    algorithm: str
    num_restarts: int
    num_engines: int


class HeldClosures(Protocol):
    """What the roads ask of the store of closures."""

    def that_hold_between(self, start: dt.datetime, end: dt.datetime) -> list[Closure]:
        """Closures whose time meets [start, end)."""
        ...


class RoadTravelTimes:
    """
    The `TravelTimes` port over prepared road data.

    A place with no road within 500 m has straight lines only, and its level says so.
    Closures are asked of the store at each call, so that they begin and end by
    themselves.

    Parameters
    ----------
    networks
        The roads as built and with closures.
    graph, snapper
        Of the same data.
    profile
        Calendar, time zone and plane of the city, and what driving costs besides.
    closures
        What is shut when.
    straight
        For what lies beside the roads.
    """

    def __init__(
        self,
        networks: Networks,
        roads: tuple[RoadGraph, RoadSnapper],
        profile: CityProfile,
        *,
        closures: HeldClosures,
        straight: TravelTimes,
    ) -> None:
        self._networks = networks
        self._graph, self._snapper = roads
        self._profile = profile
        self._closures = closures
        self._straight = straight
        self._chains_of: dict[tuple[ClosureShape, tuple[LonLat, ...]], Chains] = {}

    def matrix(self, places: Sequence[LonLat], *, at: dt.datetime) -> TravelMatrix:
        """
        Seconds and metres between places from a moment on, for the rest of its day.

        Parameters
        ----------
        places
            n places, degrees.
        at
            Aware; closures from then on until midnight are heeded.
        """
        straight = self._straight.matrix(places, at=at)
        day, (whole, timed) = self._closed(at)
        usual = self._snapper.snap(places)

        def times(closed: Chains) -> Times:
            return travel_between(
                self._networks.get(closed),
                usual=usual,
                now=self.snap(places, closed) if closed else usual,
                straight=straight,
                params=self._profile.travel,
                straight_factor=self._networks.manifest.straight_factor,
            )

        seconds, metres, level = times(whole)
        restricted = None
        if day.timed:
            closed_s, closed_m, closed_level = times(whole | timed)
            level = worst((level, closed_level))
            restricted = RestrictedTravel(
                windows=day.timed, duration_s=closed_s, distance_m=closed_m
            )
        return TravelMatrix(
            duration_s=seconds,
            distance_m=metres,
            level=level,
            place_levels=place_levels(usual, level),
            traffic=self._profile.travel.traffic,
            restricted=restricted,
        )

    def main_roads(self) -> tuple[tuple[LonLat, ...], ...]:
        """Lines of the bigger roads, to draw a map on."""
        chains = bigger_chains(self._graph, MAIN_RANK, shortest_m=MAIN_SHORTEST_M)
        return tuple(tuple(line) for line in chain_lines(self._graph, chains.tolist()))

    def network_at(
        self, at: dt.datetime, busy: Sequence[Interval]
    ) -> tuple[Network, Chains]:
        """Return the network for drives in these times of a moment's day."""
        day, (whole, timed) = self._closed(at)
        meets = any(
            start_s < closed_to_s and closed_from_s < end_s
            for start_s, end_s in busy
            for closed_from_s, closed_to_s in day.timed
        )
        closed = whole | timed if meets else whole
        return self._networks.get(closed), closed

    def snap(self, places: Sequence[LonLat], closed: Chains = AS_BUILT) -> Snapped:
        """Put places on their nearest open roads."""
        return self._snapper.snap(places, closed_chains=closed)

    def closed_roads(self, closure: Closure) -> ClosedRoads:
        """
        Return what a closure shuts, to be looked at before and after it is made.

        Raises
        ------
        InvalidInputError
            When it shuts no road.
        """
        chains = self._chains(closure)
        metres = self._graph.chain_sums(self._graph.segment_m)
        return ClosedRoads(
            lines=tuple(tuple(line) for line in chain_lines(self._graph, chains)),
            length_m=round(float(metres[list(chains)].sum())),
        )

    def prepare(self, at: dt.datetime) -> None:
        """Begin to open in the background what the closures of a day need."""
        day, (whole, timed) = self._closed(at)
        self._networks.prepare(whole)
        if day.timed:
            self._networks.prepare(whole | timed)

    def state(self) -> RoadState:
        """Tell how times are found at the moment."""
        engine, engines = self._networks.engine, self._networks.processes()
        if engine is None:  # a server's state shows in its answers only
            level = self._networks.get(AS_BUILT).last_level
        else:
            level = TravelLevel.ROAD if engine.is_up() else TravelLevel.ROAD_GRAPH
        return RoadState(
            level=level,
            manifest=self._networks.manifest,
            algorithm=engine.algorithm if engine is not None else "",
            num_restarts=sum(process.num_restarts for process in engines),
            num_engines=len(engines),
        )

    def close(self) -> None:
        """End the engines."""
        self._networks.close()

    def _closed(self, at: dt.datetime) -> tuple[ClosedDay, tuple[Chains, Chains]]:
        """Return what is shut from a moment until midnight, and its roads."""
        zone = self._profile.timezone
        local = at.astimezone(zone)
        midnight = dt.datetime.combine(
            local.date() + dt.timedelta(days=1), dt.time(), zone
        )
        held = {c.id: c for c in self._closures.that_hold_between(local, midnight)}
        day = closed_day(
            held.values(),
            local.date(),
            from_s=wall_seconds(local, local.date(), zone),
            timezone=zone,
            is_working_day=self._profile.hours.is_working_day(local.date()),
        )
        return day, (
            self._all_chains(held[key] for key in day.whole),
            self._all_chains(held[key] for key in day.timed_ids),
        )

    def _all_chains(self, closures: Iterable[Closure]) -> Chains:
        found: set[int] = set()
        for closure in closures:
            try:
                found |= self._chains(closure)
            except InvalidInputError as problem:
                # Made on other road data: it must not stop every plan.
                logger.warning("closure %s shuts no road here: %s", closure.id, problem)
        return frozenset(found)

    def _chains(self, closure: Closure) -> Chains:
        key = (closure.shape, closure.places)
        if key not in self._chains_of:
            if len(self._chains_of) >= MAX_KEPT:
                self._chains_of.clear()
            self._chains_of[key] = closed_chains(
                self._graph, self._snapper, self._profile, closure
            )
        return self._chains_of[key]
