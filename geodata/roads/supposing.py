"""A day with a closure that is not in force: its travel times, and ways round it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from dispatch.closure_desk import CityTime, rest_of_day
from dispatch.domain.bundling import AROUND_M
from dispatch.domain.closure import Closure, Interval
from dispatch.domain.place import LonLat, great_circle_m
from dispatch.domain.travel import (
    UNREACHABLE_S,
    RestrictedTravel,
    TravelLevel,
    TravelMatrix,
    worst,
)
from geodata.roads.access import Seconds, Times
from geodata.roads.networks import Chains
from geodata.roads.route import RoadLeg
from geodata.roads.snapping import Snapped

Steps = frozenset[frozenset[tuple[float, float]]]
ByGraph = Callable[[Sequence[LonLat], Chains], Times]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutRoads:
    """
    What closures shut in the rest of a day.

    Parameters
    ----------
    whole
        Chains shut all along.
    timed
        Those shut in the hours of `hours` only, seconds after midnight.
    closure_ids
        Closures that hold at some time of it.
    """

    whole: Chains
    timed: Chains
    hours: tuple[Interval, ...]
    closure_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class GivenClosures:
    """Closures that somebody has chosen, in the place of the store."""

    closures: tuple[Closure, ...]

    def that_hold_between(self, start: dt.datetime, end: dt.datetime) -> list[Closure]:
        """Return all of them: what holds when is looked at later."""
        del start, end
        return list(self.closures)


def shut_on(
    closures: Sequence[Closure],
    at: dt.datetime,
    city_time: CityTime,
    chains_of: Callable[[Sequence[Closure]], Chains],
) -> ShutRoads:
    """
    Return what closures shut from a moment until its midnight.

    Parameters
    ----------
    closures
        Those that are looked at.
    at
        Aware.
    city_time
        Time zone and calendar.
    chains_of
        Roads of some closures.
    """
    day, held = rest_of_day(GivenClosures(tuple(closures)), at, city_time)
    return ShutRoads(
        whole=chains_of([held[key] for key in sorted(day.whole)]),
        timed=chains_of([held[key] for key in sorted(day.timed_ids)]),
        hours=day.timed,
        closure_ids=day.whole | day.timed_ids,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class SupposedRoads:
    """
    The roads of one day as they were, and as they would be.

    Times come of the road graph: what a closure adds to a drive there is added to the
    drive's known time. So a drive that it does not touch keeps its time, and the day
    can be compared with the real one. No engine is asked, started or ended.

    Parameters
    ----------
    real, supposed
        What was shut, and what would be; the second holds the first.
    by_graph
        Seconds and metres between places with some chains closed.
    line
        The way between two places on roads with some chains closed, if there is any.
    snap
        Puts places on their nearest open roads.
    steps_of
        Pairs of neighbouring points of some chains; see `steps_along`.
    """

    real: ShutRoads
    supposed: ShutRoads
    by_graph: ByGraph
    line: Callable[[Snapped, Chains], tuple[LonLat, ...] | None]
    snap: Callable[[Sequence[LonLat], Chains], Snapped]
    steps_of: Callable[[Chains], Steps]

    def travel(
        self, travel: TravelMatrix, places: Mapping[int, LonLat], *, bundle_m: float
    ) -> TravelMatrix:
        """
        Return times of the day as it would be.

        Parameters
        ----------
        travel
            Times of the day as it was planned, by road.
        places
            Position of the rows that are asked for; the others stay as they are.
        bundle_m
            Places so close may be walked between: no way round is added there.

        Returns
        -------
        TravelMatrix
            No drive is shorter than it was. A place whose roads are all shut is
            unreachable. No level is better than `ROAD_GRAPH`.
        """
        nodes = sorted(places)
        around = _Around(
            [places[node] for node in nodes], self.by_graph, bundle_m=bundle_m
        )
        at = np.ix_(nodes, nodes)

        def longer(
            known: tuple[Seconds, Seconds], shut: Chains, after: Chains
        ) -> tuple[Seconds, Seconds]:
            seconds, metres = known[0].copy(), known[1].copy()
            seconds[at], metres[at] = around.added(
                (seconds[at], metres[at]), shut, after
            )
            return seconds, metres

        real, supposed, closed = self.real, self.supposed, travel.restricted
        usual = (travel.duration_s, travel.distance_m)
        seconds, metres = longer(usual, real.whole, supposed.whole)
        restricted = None
        if closed is not None or supposed.hours:
            known, shut, hours = usual, real.whole, supposed.hours
            if closed is not None:
                known = (closed.duration_s, closed.distance_m)
                shut = real.whole | real.timed
                hours = supposed.hours or closed.windows
            timed = longer(known, shut, supposed.whole | supposed.timed)
            restricted = RestrictedTravel(
                windows=hours, duration_s=timed[0], distance_m=timed[1]
            )
        graph = TravelLevel.ROAD_GRAPH
        return replace(
            travel,
            duration_s=seconds,
            distance_m=metres,
            level=worst((travel.level, graph)),
            place_levels=tuple(worst((one, graph)) for one in travel.place_levels),
            restricted=restricted,
        )

    def legs(
        self,
        legs: Sequence[RoadLeg],
        places: Sequence[LonLat],
        busy: Sequence[Interval],
    ) -> tuple[RoadLeg, ...]:
        """
        Lead lines round what would be shut; those that do not meet it stay.

        Parameters
        ----------
        legs
            Lines of the real roads, one from each place to the next.
        places
            One more than legs.
        busy
            Seconds after midnight of each drive, (from, to).

        Returns
        -------
        tuple of RoadLeg
            A leg to which the closure leaves no way has no path.
        """
        return tuple(
            self._led_round(leg, pair, self._shut_in(drive))
            for leg, pair, drive in zip(legs, pairwise(places), busy, strict=True)
        )

    def _shut_in(self, drive: Interval) -> Chains:
        shut = self.supposed
        meets = any(drive[0] < end and start < drive[1] for start, end in shut.hours)
        return shut.whole | shut.timed if meets else shut.whole

    def _led_round(
        self, leg: RoadLeg, pair: tuple[LonLat, LonLat], shut: Chains
    ) -> RoadLeg:
        if leg.level is TravelLevel.STRAIGHT_LINE or not self._meets(leg, shut):
            return leg
        snapped = self.snap(pair, shut)
        line = None
        if snapped.is_on_road.all():
            line = self.line(snapped, shut)
        return replace(leg, path=line or (), turns=(), level=TravelLevel.ROAD_GRAPH)

    def _meets(self, leg: RoadLeg, shut: Chains) -> bool:
        """Whether a line runs along a shut road."""
        return not self.steps_of(shut).isdisjoint(steps_along([leg.path]))


class _Around:
    """What closures add to the drives between places, on the road graph."""

    def __init__(
        self, places: Sequence[LonLat], by_graph: ByGraph, *, bundle_m: float
    ) -> None:
        self._places = places
        self._by_graph = by_graph
        self._known: dict[Chains, tuple[Seconds, Seconds]] = {}
        self._is_near = np.array(
            [
                [great_circle_m(one, other) <= bundle_m for other in places]
                for one in places
            ],
            np.bool_,
        ).reshape(len(places), len(places))

    def added(
        self, known: tuple[Seconds, Seconds], shut: Chains, after: Chains
    ) -> tuple[Seconds, Seconds]:
        """Return known seconds and metres, with what the roads shut besides add."""
        if shut == after or not self._places:
            return known
        before_s, before_m = self._times(shut)
        after_s, after_m = self._times(after)
        known_s, known_m = known
        cut_off = (after_s >= UNREACHABLE_S) & (before_s < UNREACHABLE_S)
        reached = after_s < UNREACHABLE_S
        walked = self._is_near & (known_m <= AROUND_M)
        longer_s = np.where(reached & ~walked, np.maximum(after_s - before_s, 0), 0)
        longer_m = np.where(longer_s > 0, after_m - before_m, 0)
        seconds = np.where(known_s < UNREACHABLE_S, known_s + longer_s, known_s)
        gone = cut_off & ~walked
        return (
            np.where(gone, UNREACHABLE_S, seconds),
            np.where(gone, 0, np.maximum(known_m + longer_m, 0)),
        )

    def _times(self, shut: Chains) -> tuple[Seconds, Seconds]:
        if shut not in self._known:
            self._known[shut] = self._by_graph(self._places, shut)[:2]
        return self._known[shut]


def steps_along(lines: Iterable[Sequence[LonLat]]) -> Steps:
    """Pairs of neighbouring points of lines, whichever way they run."""
    return frozenset(
        frozenset((_key(one), _key(other)))
        for line in lines
        for one, other in pairwise(line)
    )


def _key(place: LonLat) -> tuple[float, float]:
    """Position to a metre: the engine and the graph round nodes differently."""
    return round(place.lon, 5), round(place.lat, 5)
