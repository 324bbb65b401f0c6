"""An exact reference for travel times: edges as nodes, turns as costs.

Reads the roads with pyosmium by itself, restates the driving and the junction rules
from the profile's text, and runs Dijkstra over directed segments. Slow and plain on
purpose: it is what the engine's times are measured against.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import osmium
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

NEAR_DEG = 20.0
LOOK_M = 10.0  # how far along a road its direction at a junction is looked at


@dataclass(frozen=True, slots=True)
class Segment:
    """One directed piece of road between two OSM nodes."""

    start: int
    end: int
    seconds: float
    metres: float
    rank: int
    chain: tuple[int, ...]  # OSM nodes ahead on the way, for its direction


class EdgeBasedRoads:
    """
    Exact times between midpoints of segments.

    Parameters
    ----------
    pbf
        Extract whose ways carry `highway` and `width` only (the whole-city file): no
        one-ways, no access tags, no limits are heeded here.
    numbers
        Parsed roads.toml, as plain tables.
    """

    def __init__(self, pbf: Path, numbers: Mapping[str, Mapping[str, float]]) -> None:
        self._numbers = numbers
        self._place: dict[int, tuple[float, float]] = {}
        self.segments: list[Segment] = []
        self._read(pbf)
        self._out: dict[int, list[int]] = defaultdict(list)
        for at, segment in enumerate(self.segments):
            self._out[segment.start].append(at)
        self.links = self._turns()

    def _read(self, pbf: Path) -> None:
        speeds, width = self._numbers["speed_kmh"], self._numbers["width"]
        for way in osmium.FileProcessor(pbf, osmium.osm.WAY | osmium.osm.NODE):
            if isinstance(way, osmium.osm.Node):
                self._place[way.id] = (way.location.lon, way.location.lat)
                continue
            highway = way.tags.get("highway") or ""
            if not isinstance(way, osmium.osm.Way) or highway not in speeds:
                continue
            wide = float(way.tags.get("width") or "99")
            if wide < self._numbers["vehicle"]["width_m"]:
                continue
            kmh = speeds[highway]
            if wide < width["narrow_m"]:
                kmh = min(kmh, width["narrow_kmh"])
            rank = int(self._numbers["rank"][highway])
            nodes = [node.ref for node in way.nodes]
            for line in (nodes, nodes[::-1]):
                for at in range(len(line) - 1):
                    metres = self.metres(line[at], line[at + 1])
                    self.segments.append(
                        Segment(
                            line[at],
                            line[at + 1],
                            metres / (kmh / 3.6),
                            metres,
                            rank,
                            tuple(line[at:]),
                        )
                    )

    def metres(self, one: int, other: int) -> float:
        """Great-circle distance of two nodes."""
        (lon1, lat1), (lon2, lat2) = self._place[one], self._place[other]
        phi1, phi2 = math.radians(lat1), math.radians(lat2)
        chord = math.sin((phi2 - phi1) / 2) ** 2
        chord += (
            math.cos(phi1)
            * math.cos(phi2)
            * math.sin(math.radians(lon2 - lon1) / 2) ** 2
        )
        return 2 * 6_371_008.8 * math.asin(math.sqrt(chord))

    def _bearing(self, line: Sequence[int]) -> float:
        """Direction in which a road leaves its first node, some metres ahead."""
        walked, at = 0.0, 1
        while (
            at < len(line) - 1 and walked + self.metres(line[at - 1], line[at]) < LOOK_M
        ):
            walked += self.metres(line[at - 1], line[at])
            at += 1
        (lon1, lat1), (lon2, lat2) = self._place[line[0]], self._place[line[at]]
        east = (lon2 - lon1) * math.cos(math.radians(lat1))
        return math.degrees(math.atan2(east, lat2 - lat1))

    def _turns(self) -> csr_array:
        """Cost of going from the middle of a segment to the middle of the next."""
        rows, columns, costs = [], [], []
        leaves = [self._bearing(segment.chain) for segment in self.segments]
        # Segments come in pairs of ways: find the opposite by its ends.
        opposite = self._twins = {
            (s.start, s.end): at for at, s in enumerate(self.segments)
        }
        for at, segment in enumerate(self.segments):
            around = self._out[segment.end]
            back = opposite[segment.end, segment.start]
            comes = leaves[back] + 180
            for after in around:
                turn = (leaves[after] - comes + 540) % 360 - 180
                wait = self._wait(segment, after, around, back, turn)
                if wait is None:
                    continue
                rows.append(at)
                columns.append(after)
                target = self.segments[after]
                costs.append(segment.seconds / 2 + wait + target.seconds / 2)
        size = len(self.segments)
        return csr_array((costs, (rows, columns)), (size, size))

    def _wait(
        self, segment: Segment, after: int, around: list[int], back: int, turn: float
    ) -> float | None:
        """Seconds at the junction by the rules in the profile; None: not allowed."""
        rule = self._numbers["junction"]
        u_turn = after == back
        if u_turn and len(around) > 1:
            return None  # the engine turns round at dead ends only
        if len(around) < 3 and not u_turn:
            return 0.0
        to = self.segments[after].rank
        across = max(
            (self.segments[k].rank for k in around if k not in (after, back)), default=0
        )
        main = max(segment.rank, to, across)
        seconds = 0.0
        if segment.rank >= rule["signal_rank"] and across >= rule["signal_rank"]:
            seconds = rule["signal_s"]
        elif segment.rank < main:
            seconds = rule["yield_s"]
        elif main < rule["signal_rank"]:
            seconds = rule["minor_s"]
        if u_turn:
            seconds += rule["u_turn_s"]
        elif turn > rule["turn_angle_deg"]:
            seconds += rule["right_turn_s"]
        elif turn < -rule["turn_angle_deg"]:
            seconds += rule["left_turn_s"]
        return seconds

    def near_turns(self, start: int, end: int) -> int:
        """
        Count turns on the fastest way whose angle lies near the limit of a turn.

        The engine measures directions on geometry that it has smoothed; there it may
        see a turn where this sees none, or none where this sees one.
        """
        limit = self._numbers["junction"]["turn_angle_deg"]
        _, before = dijkstra(self.links, indices=[start], return_predecessors=True)
        before = before[0]
        near, here = 0, end
        while here != start and before[here] >= 0:
            comes = self._bearing(self.segments[self._twin(before[here])].chain) + 180
            turn = (self._bearing(self.segments[here].chain) - comes + 540) % 360 - 180
            near += abs(abs(turn) - limit) < NEAR_DEG
            here = int(before[here])
        return near

    def _twin(self, at: int) -> int:
        """Find the segment that runs the other way."""
        return self._twins[self.segments[at].end, self.segments[at].start]

    def middle(self, at: int) -> tuple[float, float]:
        """Lon and lat of the middle of a segment."""
        one, other = (
            self._place[n] for n in (self.segments[at].start, self.segments[at].end)
        )
        return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2

    def times(
        self, origins: Sequence[int], targets: Sequence[int]
    ) -> NDArray[np.float64]:
        """Seconds from middles to middles, leaving and arriving in either direction."""
        twin = {(s.end, s.start): at for at, s in enumerate(self.segments)}
        both = [
            (at, twin[self.segments[at].start, self.segments[at].end]) for at in origins
        ]
        aims = [
            (at, twin[self.segments[at].start, self.segments[at].end]) for at in targets
        ]
        found = np.full((len(origins), len(targets)), np.inf)
        for row, starts in enumerate(both):
            times = dijkstra(self.links, indices=list(starts)).min(axis=0)
            for column, ends in enumerate(aims):
                found[row, column] = min(times[end] for end in ends)
        return found
