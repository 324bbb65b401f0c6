"""Lines of ways on the road graph, for where no engine can be asked."""

from __future__ import annotations

from itertools import pairwise

from dispatch.domain.place import LonLat
from geodata.roads.graph import RoadGraph
from geodata.roads.graph_times import GraphTimes
from geodata.roads.snapping import Snapped


def graph_line(
    graph: RoadGraph, times: GraphTimes, snapped: Snapped
) -> tuple[LonLat, ...] | None:
    """
    Line of the fastest way between two places on roads; None when there is no way.

    Parameters
    ----------
    graph
        The roads.
    times
        The same with what is closed.
    snapped
        Two places, each on a road that is open.
    """
    way = times.way(snapped)
    if way is None:
        return None
    first, last = (_OnRoad(graph, snapped, at) for at in range(2))
    if not way:
        return _line([first.place, *first.towards(last), last.place])
    line = [first.place, *first.until(way[0])]
    for here, there in pairwise(way):
        nodes = _nodes(graph, times.chain_of_step(here, there))
        line += _places(graph, nodes if nodes[-1] == there else nodes[::-1])[1:]
    return _line([*line, *last.until(way[-1])[::-1], last.place])


class _OnRoad:
    """A place on its chain, and the way along that chain from it."""

    def __init__(self, graph: RoadGraph, snapped: Snapped, at: int) -> None:
        self._graph = graph
        segment = int(snapped.segment[at])
        chain = int(graph.segment_chain[segment])
        self._nodes = _nodes(graph, chain)
        self._before = segment - int(graph.chain_start[chain])  # nodes up to here
        self.place = LonLat(float(snapped.lon[at]), float(snapped.lat[at]))

    def until(self, end: int) -> list[LonLat]:
        """Points from the place to an end of its chain."""
        ahead, behind = self._nodes[self._before + 1 :], self._nodes[: self._before + 1]
        return _places(self._graph, ahead if ahead[-1] == end else behind[::-1])

    def towards(self, other: _OnRoad) -> list[LonLat]:
        """Points between this place and another one on the same chain."""
        here, there = self._before, other._before
        if here <= there:
            return _places(self._graph, self._nodes[here + 1 : there + 1])
        return _places(self._graph, self._nodes[there + 1 : here + 1][::-1])


def _line(places: list[LonLat]) -> tuple[LonLat, ...]:
    """Leave out a place that stands on the node before or after it."""
    return (places[0], *(there for here, there in pairwise(places) if there != here))


def _nodes(graph: RoadGraph, chain: int) -> list[int]:
    first, after = int(graph.chain_start[chain]), int(graph.chain_start[chain + 1])
    return [*graph.segment_from[first:after].tolist(), int(graph.segment_to[after - 1])]


def _places(graph: RoadGraph, nodes: list[int]) -> list[LonLat]:
    return [
        LonLat(float(graph.node_lon[node]), float(graph.node_lat[node]))
        for node in nodes
    ]
