"""From a place to the nearest road that a light truck reaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dispatch.domain.place import LonLat
from geodata.city import CityProfile
from geodata.crs import plane_xy
from geodata.roads.graph import Floats, Ints, RoadGraph

SNAP_MAX_M = 500.0
# A point on a junction lies on several roads at once; a step inside lies on one.
INSIDE_M = 1.0
# Roads are looked up by points on them: an index of 4 MB where lines would take 90.
SAMPLE_M = 25.0
SHORTEST_M = 1e-3

XY = tuple[Floats, Floats]


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapped:
    """
    Places on their roads; arrays of one row a place.

    Parameters
    ----------
    segment
        Row of the segment, -1 where no road is near enough, int64 (n,).
    share
        How far along the segment, 0 to 1, float64 (n,).
    lon, lat
        Position on the road, degrees; the place itself where there is no road.
    away_m
        From the place to the road, metres; `inf` where there is none.
    """

    segment: Ints
    share: Floats
    lon: Floats
    lat: Floats
    away_m: Floats

    @property
    def is_on_road(self) -> NDArray[np.bool_]:
        """Whether a road is near enough."""
        return self.segment >= 0

    def part(self, rows: Ints) -> Snapped:
        """Return some of the places, in the given order."""
        return Snapped(
            segment=self.segment[rows],
            share=self.share[rows],
            lon=self.lon[rows],
            lat=self.lat[rows],
            away_m=self.away_m[rows],
        )


class RoadSnapper:
    """
    Finds the nearest road of the part of the network in which all is reachable.

    Parameters
    ----------
    graph
        The roads.
    profile
        For the city's plane.
    """

    def __init__(self, graph: RoadGraph, profile: CityProfile) -> None:
        self._graph = graph
        self._profile = profile
        self._segments = np.flatnonzero(graph.main[graph.segment_chain])

    @cached_property
    def _samples(self) -> tuple[cKDTree, Ints]:
        """Spots of the roads, at most `SAMPLE_M` from any other, and their segments."""
        graph, segments = self._graph, self._segments
        start, end = graph.segment_from[segments], graph.segment_to[segments]
        length = np.hypot(
            graph.node_x[end] - graph.node_x[start],
            graph.node_y[end] - graph.node_y[start],
        )
        pieces = np.maximum(np.ceil(length / (2 * SAMPLE_M)), 1).astype(np.int64)
        of = np.repeat(np.arange(len(segments)), pieces)
        nth = np.arange(len(of)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        share = (nth + 0.5) / pieces[of]
        x = graph.node_x[start[of]] * (1 - share) + graph.node_x[end[of]] * share
        y = graph.node_y[start[of]] * (1 - share) + graph.node_y[end[of]] * share
        return cKDTree(np.stack((x, y), axis=1)), segments[of]

    def snap(
        self,
        places: Sequence[LonLat],
        *,
        closed_chains: frozenset[int] = frozenset(),
        max_m: float = SNAP_MAX_M,
    ) -> Snapped:
        """
        Put places on their nearest roads.

        Parameters
        ----------
        places
            n places, degrees.
        closed_chains
            Roads that are closed: a place beside one is on the next road instead.
        max_m
            Farther than this from any road a place is on none.
        """
        lon = np.array([place.lon for place in places], np.float64)
        lat = np.array([place.lat for place in places], np.float64)
        x, y = plane_xy(lon, lat, self._profile)
        points = np.stack((x, y), axis=1)
        segment = self._nearest(points, max_m)
        if closed_chains:
            self._leave_closed(segment, points, closed_chains, max_m)
        return self._placed(segment, (lon, lat), (x, y))

    def _nearest(self, points: Floats, max_m: float) -> Ints:
        """Nearest segment of each point; -1 where none is near enough."""
        tree, _ = self._samples
        segment = np.full(len(points), -1, np.int64)
        if not len(points):
            return segment
        found = tree.query(points, distance_upper_bound=max_m + SAMPLE_M)
        sampled_m = np.asarray(found[0])
        for row in np.flatnonzero(np.isfinite(sampled_m)):
            # The nearest road has a sample at most so much farther than the best one.
            around, away_m = self._around(points[row], sampled_m[row] + SAMPLE_M)
            best = int(away_m.argmin())
            segment[row] = around[best] if away_m[best] <= max_m else -1
        return segment

    def _around(self, point: Floats, radius_m: float) -> tuple[Ints, Floats]:
        """Segments with a sample in a circle, and how far they are from its middle."""
        tree, segment_of = self._samples
        segments = np.unique(segment_of[tree.query_ball_point(point, radius_m)])
        graph = self._graph
        start, end = graph.segment_from[segments], graph.segment_to[segments]
        _, away_m = _projected(
            (graph.node_x[start], graph.node_y[start]),
            (graph.node_x[end], graph.node_y[end]),
            (point[0], point[1]),
        )
        return segments, away_m

    def _leave_closed(
        self,
        segment: Ints,
        points: Floats,
        closed_chains: frozenset[int],
        max_m: float,
    ) -> None:
        """Move places from closed roads to the nearest open ones."""
        closed = np.fromiter(closed_chains, np.int64, len(closed_chains))
        chains = self._graph.segment_chain
        stuck = np.flatnonzero((segment >= 0) & np.isin(chains[segment], closed))
        for row in stuck:
            around, away_m = self._around(points[row], max_m + SAMPLE_M)
            away_m = np.where(np.isin(chains[around], closed), np.inf, away_m)
            best = int(away_m.argmin())
            segment[row] = around[best] if away_m[best] <= max_m else -1

    def _placed(
        self,
        segment: Ints,
        degrees: tuple[Floats, Floats],
        plane: tuple[Floats, Floats],
    ) -> Snapped:
        graph = self._graph
        lon, lat = degrees[0].copy(), degrees[1].copy()
        share = np.zeros(len(segment))
        away_m = np.full(len(segment), np.inf)
        on = np.flatnonzero(segment >= 0)
        start, end = graph.segment_from[segment[on]], graph.segment_to[segment[on]]
        ends = (
            (graph.node_x[start], graph.node_y[start]),
            (
                graph.node_x[end],
                graph.node_y[end],
            ),
        )
        at, away_m[on] = _projected(*ends, (plane[0][on], plane[1][on]))
        length = np.hypot(ends[1][0] - ends[0][0], ends[1][1] - ends[0][1])
        inside = np.minimum(INSIDE_M / np.maximum(length, SHORTEST_M), 0.5)
        at = np.clip(at, inside, 1 - inside)
        share[on] = at
        lon[on] = graph.node_lon[start] + at * (
            graph.node_lon[end] - graph.node_lon[start]
        )
        lat[on] = graph.node_lat[start] + at * (
            graph.node_lat[end] - graph.node_lat[start]
        )
        return Snapped(segment=segment, share=share, lon=lon, lat=lat, away_m=away_m)


def _projected(start: XY, end: XY, point: XY) -> tuple[Floats, Floats]:
    """Share along each segment of the spot nearest to the point, and the distance."""
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    from_x, from_y = point[0] - start[0], point[1] - start[1]
    square = np.maximum(along_x**2 + along_y**2, SHORTEST_M**2)
    share = np.clip((from_x * along_x + from_y * along_y) / square, 0, 1)
    return share, np.hypot(from_x - share * along_x, from_y - share * along_y)
