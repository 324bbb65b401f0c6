"""Which roads a closure shuts: from points on a map to chains of the road graph."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from dispatch.domain.closure import Closure, ClosureShape
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import LonLat
from geodata.city import CityProfile
from geodata.crs import plane_xy
from geodata.roads.graph import JUNCTION_ROADS, Floats, Ints, RoadGraph
from geodata.roads.snapping import RoadSnapper

NEAR_ROAD_M = 100.0  # a click farther from any road meant something else
AT_JUNCTION_M = 10.0  # a click so near an end means the junction, not the road
TWIN_M = 40.0  # the other carriageway of a divided road is at most so far away
NARROW_TWIN_M = 15.0  # of a small street: 20 to 40 m away runs the next street
WIDE_RANK = 3  # tertiary and above may be wide
LONGEST_M = 20_000.0  # between the points of a stretch: as long as the city is wide
# Above any ward (Osaka's largest, 住之江区, has 20.7 km²): more is a slip of the hand.
LARGEST_M2 = 25e6
# By road from one point to the next: a few times the straight line, and a way round
# beside. Without a limit each pair would be sought through the whole city.
ROUND_FACTOR, ROUND_M = 3.0, 2_000.0
TWIN_COSINE = -0.85  # and runs the other way, within some 30 degrees


def closed_chains(
    graph: RoadGraph, snapper: RoadSnapper, profile: CityProfile, closure: Closure
) -> frozenset[int]:
    """
    Chains that a closure shuts, each from junction to junction.

    A stretch is the shortest road between its points, whatever the direction, with the
    other carriageway of a divided road. An area shuts every road that touches it.

    Raises
    ------
    InvalidInputError
        When a point of a stretch has no road within 100 m, the points are not joined
        by roads near them or lie more than 20 km apart in sum, or an area holds no
        road or is larger than 25 km².
    """
    if closure.shape is ClosureShape.AREA:
        chains = _in_area(graph, profile, closure.places)
    else:
        chains = _along(graph, snapper, profile, closure.places)
        chains |= _other_carriageways(graph, chains)
    return frozenset(_to_junctions(graph, chains))


def chain_lines(graph: RoadGraph, chains: Iterable[int]) -> list[list[LonLat]]:
    """Points of each chain, for drawing it."""
    lines = []
    for chain in sorted(chains):
        first, after = graph.chain_start[chain], graph.chain_start[chain + 1]
        nodes = [*graph.segment_from[first:after], graph.segment_to[after - 1]]
        lines.append(
            [
                LonLat(float(graph.node_lon[node]), float(graph.node_lat[node]))
                for node in nodes
            ]
        )
    return lines


def speed_file(graph: RoadGraph, chains: Iterable[int]) -> str:
    """CSV that shuts chains in the engine: OSM node, next node, 0 km/h; both ways."""
    wanted = np.isin(graph.segment_chain, np.fromiter(chains, np.int64))
    start = graph.node_id[graph.segment_from[wanted]]
    end = graph.node_id[graph.segment_to[wanted]]
    rows = np.concatenate((np.stack((start, end), 1), np.stack((end, start), 1)))
    return "".join(f"{one},{other},0\n" for one, other in np.unique(rows, axis=0))


def _in_area(
    graph: RoadGraph, profile: CityProfile, ring: tuple[LonLat, ...]
) -> set[int]:
    x, y = _on_plane(profile, ring)
    area = shapely.make_valid(shapely.polygons(np.stack((x, y), axis=1)))
    if float(shapely.area(area)) > LARGEST_M2:
        problem = f"区域が広すぎます({LARGEST_M2 / 1e6:.0f}km²まで)"
        raise InvalidInputError("places", problem)
    ends = np.stack((graph.segment_from, graph.segment_to))
    ends_x, ends_y = graph.node_x[ends], graph.node_y[ends]
    near = np.flatnonzero(
        (ends_x.max(0) >= x.min())
        & (ends_x.min(0) <= x.max())
        & (ends_y.max(0) >= y.min())
        & (ends_y.min(0) <= y.max())
    )
    shapely.prepare(area)
    lines = shapely.linestrings(
        np.stack((ends_x[:, near].T, ends_y[:, near].T), axis=-1)
    )
    touched = near[shapely.intersects(area, lines)]
    if not len(touched):
        raise InvalidInputError("places", "この区域の中に道路がありません")
    return set(graph.segment_chain[touched].tolist())


def _on_plane(
    profile: CityProfile, places: tuple[LonLat, ...]
) -> tuple[Floats, Floats]:
    """Metres east and north on the city's plane."""
    return plane_xy(
        np.array([place.lon for place in places]),
        np.array([place.lat for place in places]),
        profile,
    )


def _steps_m(profile: CityProfile, places: tuple[LonLat, ...]) -> list[float]:
    """Metres from each point to the next, straight; refused when it is too far."""
    x, y = _on_plane(profile, places)
    steps_m = np.hypot(np.diff(x), np.diff(y))
    if float(steps_m.sum()) > LONGEST_M:
        problem = f"区間が長すぎます({LONGEST_M / 1000:.0f}kmまで)"
        raise InvalidInputError("places", problem)
    return [float(step_m) for step_m in steps_m]


def _along(
    graph: RoadGraph,
    snapper: RoadSnapper,
    profile: CityProfile,
    places: tuple[LonLat, ...],
) -> set[int]:
    """Chains of the shortest roads through the points, one-way signs disregarded."""
    steps_m = _steps_m(profile, places)
    snapped = snapper.snap(places, max_m=NEAR_ROAD_M)
    if not snapped.is_on_road.all():
        at = int(np.flatnonzero(~snapped.is_on_road)[0]) + 1
        problem = f"{at}番目の点の{NEAR_ROAD_M:.0f}m以内に道路がありません"
        raise InvalidInputError("places", problem)
    chain_of = graph.segment_chain[snapped.segment]
    metres = graph.chain_sums(graph.segment_m)
    size = len(graph.node_id)
    # Shortest of parallel chains: a sparse matrix would add them up.
    order = np.argsort(-metres, kind="stable")
    ends = np.sort(np.stack((graph.chain_from[order], graph.chain_to[order])), axis=0)
    pairs = zip(*ends.tolist(), strict=True)
    best = dict(zip(pairs, order.tolist(), strict=True))
    kept = np.fromiter(best.values(), np.int64)
    links = csr_array(
        (metres[kept], (graph.chain_from[kept], graph.chain_to[kept])), (size, size)
    )
    along_m = graph.before_in_chain(graph.segment_m)[snapped.segment]
    along_m = along_m + snapped.share * graph.segment_m[snapped.segment]
    clicks = [
        _Click(
            chain,
            (int(graph.chain_from[chain]), int(graph.chain_to[chain])),
            (from_start_m, float(metres[chain]) - from_start_m),
        )
        for chain, from_start_m in zip(chain_of.tolist(), along_m.tolist(), strict=True)
    ]
    chains = set()
    for pair, step_m in zip(pairwise(clicks), steps_m, strict=True):
        chains |= _shortest(links, best, pair, ROUND_FACTOR * step_m + ROUND_M)
    return chains or {click.chain for click in clicks}


class _Click(NamedTuple):
    """A point on its chain: the chain's two end nodes, and metres to each."""

    chain: int
    nodes: tuple[int, int]
    away_m: tuple[float, float]

    def chains_to(self, end: int) -> set[int]:
        """Its chain; nothing when it lies at that end: a junction is of every road."""
        at_end_m = min(AT_JUNCTION_M, sum(self.away_m) / 4)
        return {self.chain} if self.away_m[end] > at_end_m else set()


def _shortest(
    links: csr_array,
    best: dict[tuple[int, int], int],
    clicks: tuple[_Click, _Click],
    limit_m: float,
) -> set[int]:
    """Chains from one click to another, by the better end of each one's road."""
    one, other = clicks
    if one.chain == other.chain:
        return {one.chain}
    metres, came_from = dijkstra(
        links,
        directed=False,
        indices=one.nodes,
        return_predecessors=True,
        limit=limit_m,
    )
    totals = {
        (leave, enter): one.away_m[leave]
        + metres[leave, other.nodes[enter]]
        + other.away_m[enter]
        for leave, enter in product((0, 1), repeat=2)
    }
    leave, enter = min(totals, key=lambda key: totals[key])
    if totals[leave, enter] > limit_m:  # also without any way: infinite
        raise InvalidInputError("places", "点と点が近くの道路でつながっていません")
    chains = one.chains_to(leave) | other.chains_to(enter)
    node = other.nodes[enter]
    while node != one.nodes[leave]:
        before = int(came_from[leave, node])
        chains.add(best[min(before, node), max(before, node)])
        node = before
    return chains


def _other_carriageways(graph: RoadGraph, chains: set[int]) -> set[int]:
    """One-way chains that run beside a one-way chain in the other direction."""
    one_way = np.isinf(graph.chain_sums(graph.segment_forward_s)) | np.isinf(
        graph.chain_sums(graph.segment_backward_s)
    )
    closed = np.array(sorted(chains), np.int64)
    closed = closed[one_way[closed]]
    if not len(closed):
        return set()
    middle, along = _segments_of_travel(graph)
    of_closed = np.flatnonzero(np.isin(graph.segment_chain, closed))
    others = np.flatnonzero(
        one_way[graph.segment_chain] & ~np.isin(graph.segment_chain, closed)
    )
    tree = shapely.STRtree(np.asarray(shapely.points(middle[others]), np.object_))
    lines = shapely.linestrings(
        np.stack(
            (
                np.stack(_xy(graph, graph.segment_from[of_closed]), -1),
                np.stack(_xy(graph, graph.segment_to[of_closed]), -1),
            ),
            axis=1,
        )
    )
    one, near = tree.query(lines, "dwithin", distance=TWIN_M)
    one, near = of_closed[one], others[near]
    opposite = (along[one] * along[near]).sum(axis=1) <= TWIN_COSINE
    # Beside, not ahead: there the other half of the next block begins.
    offset = middle[near] - middle[one]
    beside = np.abs((offset * along[one]).sum(axis=1)) <= graph.segment_m[one] / 2
    aside_m = np.abs(offset[:, 0] * along[one, 1] - offset[:, 1] * along[one, 0])
    rank, rank_near = (graph.chain_rank[graph.segment_chain[at]] for at in (one, near))
    near_enough = aside_m <= np.where(rank >= WIDE_RANK, TWIN_M, NARROW_TWIN_M)
    twins = near[opposite & beside & near_enough & (rank == rank_near)]
    return set(graph.segment_chain[twins].tolist())


def _segments_of_travel(graph: RoadGraph) -> tuple[Floats, Floats]:
    """Middle and unit direction of travel of each segment, metres, (m, 2)."""
    start = np.stack(_xy(graph, graph.segment_from), -1)
    end = np.stack(_xy(graph, graph.segment_to), -1)
    along = end - start
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, np.newaxis]
    against = np.isinf(graph.segment_forward_s)
    along[against] *= -1
    return (start + end) / 2, along


def _xy(graph: RoadGraph, nodes: Ints) -> tuple[Floats, Floats]:
    return graph.node_x[nodes], graph.node_y[nodes]


def _to_junctions(graph: RoadGraph, chains: set[int]) -> set[int]:
    """
    Add what hangs on a closed chain without a junction between.

    The engine keeps a road between two junctions as one piece: with a part of it shut
    none of it can be driven (osrm-backend issue 5632), so we shut the whole and say so.
    """
    whole = set(chains)
    ends = {
        node
        for chain in whole
        for node in (int(graph.chain_from[chain]), int(graph.chain_to[chain]))
    }
    frontier = [node for node in ends if graph.num_roads[node] < JUNCTION_ROADS]
    while frontier:
        node = frontier.pop()
        meeting = np.flatnonzero((graph.chain_from == node) | (graph.chain_to == node))
        for chain in meeting.tolist():
            if chain not in whole:
                whole.add(chain)
                frontier += [
                    end
                    for end in (
                        int(graph.chain_from[chain]),
                        int(graph.chain_to[chain]),
                    )
                    if graph.num_roads[end] < JUNCTION_ROADS
                ]
    return whole
