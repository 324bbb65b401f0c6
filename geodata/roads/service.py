"""Road travel times and routes for the service: the best level that answers, told."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from dispatch.closure_desk import CityTime, HeldClosures, rest_of_day
from dispatch.domain.closure import (
    ClosedDay,
    Closure,
    ClosureShape,
    Interval,
)
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import BoundingBox, LonLat
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
from geodata.roads.graph import Floats, RoadGraph, bigger_chains
from geodata.roads.graph_lines import graph_line
from geodata.roads.manifest import RoadManifest
from geodata.roads.network import Network
from geodata.roads.networks import AS_BUILT, Chains, Networks
from geodata.roads.snapping import RoadSnapper, Snapped
from geodata.roads.supposing import ShutRoads, SupposedRoads, shut_on, steps_along

logger = logging.getLogger(__name__)

MAIN_RANK = 3  # tertiary and above
MAIN_SHORTEST_M = 400.0  # the source tags single blocks as bigger roads
PLAN_WAIT_S, CALL_WAIT_S = 40.0, 1.0  # for a state of the roads to be opened
FEW_PLACES = 40  # the yards and the place of a call; a plan has more
MAX_KEPT = 500  # closures whose roads are remembered, previews among them

RankedLine = tuple[int, tuple[LonLat, ...]]  # rank of the road, its points


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
        # A plan waits for the engine; who takes a call must not.
        patience_s = PLAN_WAIT_S if len(places) > FEW_PLACES else CALL_WAIT_S

        def times(closed: Chains) -> Times:
            return travel_between(
                self._networks.get(closed, patience_s=patience_s),
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

    def roads_in(self, bounds: BoundingBox) -> tuple[RankedLine, ...]:
        """
        All roads of a box: those whose own box meets it.

        Each is whole, from junction to junction, so that lines reach over the edge.

        Parameters
        ----------
        bounds
            Degrees, edges included.

        Returns
        -------
        tuple of RankedLine
            Small streets have low ranks.
        """
        west, south, east, north = self._chain_boxes
        chains = np.flatnonzero(
            (east >= bounds.west)
            & (west <= bounds.east)
            & (north >= bounds.south)
            & (south <= bounds.north)
        )
        ranks = self._graph.chain_rank[chains].tolist()
        lines = chain_lines(self._graph, chains.tolist())
        return tuple(
            (rank, tuple(line)) for rank, line in zip(ranks, lines, strict=True)
        )

    def networks_for(
        self, at: dt.datetime, busy: Sequence[Interval]
    ) -> list[tuple[Network, Chains]]:
        """Return for each drive of a moment's day the network of its own time."""
        day, (whole, timed) = self._closed(at)
        closed = [
            whole | timed
            if any(start_s < to_s and from_s < end_s for from_s, to_s in day.timed)
            else whole
            for start_s, end_s in busy
        ]
        networks = {
            chains: self._networks.get(chains, patience_s=PLAN_WAIT_S)
            for chains in set(closed)
        }
        return [(networks[chains], chains) for chains in closed]

    def snap(self, places: Sequence[LonLat], closed: Chains = AS_BUILT) -> Snapped:
        """Put places on their nearest open roads."""
        return self._snapper.snap(places, closed_chains=closed)

    def supposing(
        self,
        at: dt.datetime,
        held: Sequence[Closure],
        supposed: Sequence[Closure],
    ) -> SupposedRoads:
        """
        Return the roads of a day with closures that are not in force beside others.

        Nothing of the real roads changes: no state of them is opened or given up.

        Parameters
        ----------
        at
            Aware: the moment from which the day was planned.
        held, supposed
            What was in force then, and what is supposed.
        """

        def shut(closures: Sequence[Closure]) -> ShutRoads:
            return shut_on(closures, at, self._city_time(), self._all_chains)

        def by_graph(places: Sequence[LonLat], closed: Chains) -> Times:
            return travel_between(
                self._networks.by_graph(closed),
                usual=self.snap(places),
                now=self.snap(places, closed),
                straight=self._straight.matrix(places, at=at),
                params=self._profile.travel,
                straight_factor=self._networks.manifest.straight_factor,
            )

        graph_times = cache(self._networks.graph_times)
        return SupposedRoads(
            real=shut(held),
            supposed=shut((*held, *supposed)),
            by_graph=by_graph,
            line=lambda pair, closed: graph_line(
                self._graph, graph_times(closed), pair
            ),
            snap=self.snap,
            steps_of=cache(
                lambda chains: steps_along(chain_lines(self._graph, chains))
            ),
        )

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

    @cached_property
    def _chain_boxes(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Least longitude and latitude of each chain, then the greatest."""
        graph = self._graph
        last, lon, lat = graph.chain_to, graph.node_lon, graph.node_lat

        def extreme(of: np.ufunc, degrees: Floats) -> Floats:
            starts = of.reduceat(degrees[graph.segment_from], graph.chain_start[:-1])
            found: Floats = of(starts, degrees[last])
            return found

        return (
            extreme(np.minimum, lon),
            extreme(np.minimum, lat),
            extreme(np.maximum, lon),
            extreme(np.maximum, lat),
        )

    def _closed(self, at: dt.datetime) -> tuple[ClosedDay, tuple[Chains, Chains]]:
        """Return what is shut from a moment until midnight, and its roads."""
        day, held = rest_of_day(self._closures, at, self._city_time())
        return day, (
            self._all_chains(held[key] for key in day.whole),
            self._all_chains(held[key] for key in day.timed_ids),
        )

    def _city_time(self) -> CityTime:
        profile = self._profile
        return CityTime(
            timezone=profile.timezone, is_working_day=profile.hours.is_working_day
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
        chains = self._chains_of.get(key)
        if chains is None:
            chains = closed_chains(self._graph, self._snapper, self._profile, closure)
            if len(self._chains_of) >= MAX_KEPT:
                self._chains_of.clear()
            self._chains_of[key] = chains
        return chains  # not looked up again: another thread may have cleared it
