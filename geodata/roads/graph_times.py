"""Shortest times over the road graph in Python, for when the engine does not answer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from dispatch.domain.travel import UNREACHABLE_S
from geodata.roads.graph import JUNCTION_ROADS, Floats, Ints, RoadGraph
from geodata.roads.numbers import JunctionDelay
from geodata.roads.snapping import Snapped

BATCH = 40  # origins at a time: one needs some 2 MB at the size of Osaka
NO_ROW = -9999  # scipy's word for "nothing came before"
SHORTEST_S = 1e-3  # scipy reads a stored zero as "no way"


class _Arcs(NamedTuple):
    """Directed arcs between rows: seconds and metres of each."""

    origin: Ints
    target: Ints
    seconds: Floats
    metres: Floats


class _OnChain(NamedTuple):
    """Places on their chains: seconds and metres to both ends, one row a place."""

    chain: Ints
    from_start_s: Floats  # driving along the chain
    to_end_s: Floats
    to_start_s: Floats  # driving against it
    from_end_s: Floats
    from_start_m: Floats
    to_end_m: Floats


class GraphTimes:
    """
    Times between places on the road graph.

    What a junction costs is taken as for going straight on: single turns are known to
    the engine only, and the answer's level says so.

    Parameters
    ----------
    graph
        The roads.
    junction
        Seconds at junctions.
    closed_chains
        Roads that are closed.
    """

    def __init__(
        self,
        graph: RoadGraph,
        junction: JunctionDelay,
        *,
        closed_chains: frozenset[int] = frozenset(),
    ) -> None:
        self._graph = graph
        closed = np.zeros(graph.num_chains, np.bool_)
        closed[list(closed_chains)] = True
        self._forward_s = np.where(
            closed, np.inf, graph.chain_sums(graph.segment_forward_s)
        )
        self._backward_s = np.where(
            closed, np.inf, graph.chain_sums(graph.segment_backward_s)
        )
        self._chain_m = graph.chain_sums(graph.segment_m)
        ends = np.unique(np.concatenate((graph.chain_from, graph.chain_to)))
        row = np.zeros(len(graph.node_id), np.int64)
        row[ends] = np.arange(len(ends))
        self._ends, self._num_ends = ends, len(ends)
        self._start, self._end = row[graph.chain_from], row[graph.chain_to]
        self._wait_start_s, self._wait_end_s = junction_waits(graph, junction)
        self._arcs = _Arcs(
            np.concatenate((self._start, self._end)),
            np.concatenate((self._end, self._start)),
            np.concatenate(
                (
                    self._forward_s + self._wait_end_s,
                    self._backward_s + self._wait_start_s,
                )
            ),
            np.concatenate((self._chain_m, self._chain_m)),
        )

    def matrix(self, snapped: Snapped) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """
        Seconds and metres between places that all lie on a road.

        Returns
        -------
        tuple
            Two int64 arrays (n, n), row = from; `UNREACHABLE_S` and 0 metres where
            there is no way.
        """
        count = len(snapped.segment)
        arcs = self._with_places(self._on_chains(snapped))
        leave = self._num_ends + np.arange(count)
        enter = leave + count
        size = self._num_ends + 2 * count
        links = csr_array((arcs.seconds, (arcs.origin, arcs.target)), (size, size))
        duration = np.empty((count, count))
        distance = np.empty((count, count))
        for first in range(0, count, BATCH):
            rows = slice(first, first + BATCH)
            times, came_from = dijkstra(
                links, indices=leave[rows], return_predecessors=True
            )
            duration[rows] = times[:, enter]
            distance[rows] = _walked_m(came_from, enter, arcs, size)
        reached = np.isfinite(duration) | np.eye(count, dtype=np.bool_)
        off_diagonal = ~np.eye(count, dtype=np.bool_)
        seconds = np.where(reached, np.where(off_diagonal, duration, 0), UNREACHABLE_S)
        metres = np.where(reached & off_diagonal, distance, 0)
        return np.rint(seconds).astype(np.int64), np.rint(metres).astype(np.int64)

    def way(self, snapped: Snapped) -> list[int] | None:
        """
        Nodes that the fastest way from the first of two places to the second passes.

        Returns
        -------
        list of int, or None
            Ends of chains in driving order, rows of the graph's nodes; empty when it
            stays on one chain. None when there is no way.
        """
        arcs = self._with_places(self._on_chains(snapped))
        size = self._num_ends + 4
        links = csr_array((arcs.seconds, (arcs.origin, arcs.target)), (size, size))
        leave, enter = self._num_ends, self._num_ends + 3
        _, came_from = dijkstra(links, indices=[leave], return_predecessors=True)
        rows: list[int] = []
        here = int(came_from[0, enter])
        while here not in {leave, NO_ROW}:
            rows.append(here)
            here = int(came_from[0, here])
        if here == NO_ROW:
            return None
        return [int(node) for node in self._ends[rows[::-1]]]

    def chain_of_step(self, here: int, there: int) -> int:
        """Fastest chain from one end to another, which are joined by one."""
        graph = self._graph
        along = (graph.chain_from == here) & (graph.chain_to == there)
        against = (graph.chain_from == there) & (graph.chain_to == here)
        seconds = np.minimum(
            np.where(along, self._forward_s + self._wait_end_s, np.inf),
            np.where(against, self._backward_s + self._wait_start_s, np.inf),
        )
        return int(np.argmin(seconds))

    def _on_chains(self, snapped: Snapped) -> _OnChain:
        graph, segment, share = self._graph, snapped.segment, snapped.share
        chain = graph.segment_chain[segment]

        def until(values: Floats) -> Floats:
            before: Floats = graph.before_in_chain(values)[segment]
            return before + share * np.where(
                np.isinf(values[segment]), 0, values[segment]
            )

        along_s = until(graph.segment_forward_s)
        against_s = until(graph.segment_backward_s)
        along_m = until(graph.segment_m)
        forward_s, backward_s = self._forward_s[chain], self._backward_s[chain]
        return _OnChain(
            chain=chain,
            from_start_s=np.where(np.isinf(forward_s), np.inf, along_s),
            to_end_s=forward_s - along_s,
            to_start_s=np.where(np.isinf(backward_s), np.inf, against_s),
            from_end_s=backward_s - against_s,
            from_start_m=along_m,
            to_end_m=self._chain_m[chain] - along_m,
        )

    def _with_places(self, places: _OnChain) -> _Arcs:
        """Arcs of the roads, to and from each place, and between places on one road."""
        count = len(places.chain)
        leave = self._num_ends + np.arange(count)
        enter = leave + count
        start, end = self._start[places.chain], self._end[places.chain]
        wait_start_s = self._wait_start_s[places.chain]
        wait_end_s = self._wait_end_s[places.chain]
        # fmt: off
        parts = (
            self._arcs,
            _Arcs(leave, end, places.to_end_s + wait_end_s, places.to_end_m),
            _Arcs(leave, start, places.to_start_s + wait_start_s, places.from_start_m),
            _Arcs(start, enter, places.from_start_s, places.from_start_m),
            _Arcs(end, enter, places.from_end_s, places.to_end_m),
            _between(places, leave, enter),
        )
        # fmt: on
        return _fastest(
            _Arcs(*(np.concatenate(field) for field in zip(*parts, strict=True)))
        )


def _between(places: _OnChain, leave: Ints, enter: Ints) -> _Arcs:
    """Arcs between places on one and the same chain."""
    order = np.argsort(places.chain, kind="stable")
    same = np.split(order, np.flatnonzero(np.diff(places.chain[order])) + 1)
    pairs = [
        (one, other) for rows in same for one in rows for other in rows if one != other
    ]
    one, other = np.array(pairs, np.int64).reshape(-1, 2).T
    step_m = places.from_start_m[other] - places.from_start_m[one]
    with np.errstate(invalid="ignore"):  # inf - inf where the direction is shut
        along_s = places.from_start_s[other] - places.from_start_s[one]
        against_s = places.to_start_s[one] - places.to_start_s[other]
    # At one and the same point either direction will do: a one-way road has but one.
    seconds = np.fmin(
        np.where(step_m >= 0, along_s, np.inf), np.where(step_m <= 0, against_s, np.inf)
    )
    return _Arcs(leave[one], enter[other], seconds, np.abs(step_m))


def _fastest(arcs: _Arcs) -> _Arcs:
    """Drop shut arcs and keep the fastest of parallel ones: scipy would add them up."""
    order = np.lexsort((arcs.seconds, arcs.target, arcs.origin))
    origin, target = arcs.origin[order], arcs.target[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (np.diff(origin) != 0) | (np.diff(target) != 0)
    kept = order[first & np.isfinite(arcs.seconds[order])]
    return _Arcs(
        arcs.origin[kept],
        arcs.target[kept],
        np.maximum(arcs.seconds[kept], SHORTEST_S),
        arcs.metres[kept],
    )


def _walked_m(
    came_from: NDArray[np.int32], targets: Ints, arcs: _Arcs, size: int
) -> Floats:
    """Metres of the fastest way to each target, walked back arc by arc, (k, n)."""
    keys = arcs.origin * size + arcs.target  # ascending: `_fastest` sorted them
    here = np.broadcast_to(targets, (len(came_from), len(targets))).copy()
    rows = np.arange(len(came_from))[:, np.newaxis]
    metres = np.zeros(here.shape)
    while True:
        before = came_from[rows, here].astype(np.int64)
        moving = before >= 0
        if not moving.any():
            return metres
        at = np.searchsorted(keys, before[moving] * size + here[moving])
        metres[moving] += arcs.metres[at]
        here = np.where(moving, before, here)


def junction_waits(graph: RoadGraph, junction: JunctionDelay) -> tuple[Floats, Floats]:
    """
    Seconds lost at the start and at the end of each chain when going straight on.

    The rules of `process_turn` in `light_truck.lua`, with the most important other road
    taken as the one on which the drive goes on, and no turn.
    """
    nodes = np.concatenate((graph.chain_from, graph.chain_to))
    ranks = np.concatenate((graph.chain_rank, graph.chain_rank))
    order = np.lexsort((-ranks, nodes))
    place = np.arange(len(nodes)) - np.searchsorted(nodes[order], nodes[order])
    top = np.zeros((len(graph.node_id), 3), np.int64)
    high = place < top.shape[1]
    top[nodes[order][high], place[high]] = ranks[order][high]
    first, second, third = top[nodes].T
    onward = np.where(ranks == first, second, first)
    across = np.where(ranks >= second, third, second)
    main = np.maximum(np.maximum(ranks, onward), across)
    signal = (ranks >= junction.signal_rank) & (across >= junction.signal_rank)
    minor = main < junction.signal_rank
    waits = np.select(
        [graph.num_roads[nodes] < JUNCTION_ROADS, signal, ranks < main, minor],
        [0.0, junction.signal_s, junction.yield_s, junction.minor_s],
        default=0.0,
    )
    return waits[: graph.num_chains], waits[graph.num_chains :]
