"""
A small town of our own as an .osm.pbf file, for every test that needs roads.

The town is a grid of five by five crossings, 100 m apart, south-west corner at
`ORIGIN`. A crossing is `(col, row)`, counted from the south-west: `(4, 0)` is the
south-east corner. Streets that run north have the five names `COLUMN_NAMES` (…筋),
streets that run east the five names `ROW_NAMES` (…通). Every block is a way of its
own, drawn from west to east or from south to north, so each crossing is the end of
every way that meets there, as turn restrictions need it.

::

    (0,4) ─ (1,4) ─ (2,4) ─ (3,4) ─ (4,4)     五番通
      │       │       │       │       │
    (0,3) ─ (1,3) ─ (2,3) ─ (3,3) ─ (4,3)     四番通
      │       │       │       │       │
    (0,2) ─ (1,2) ─ (2,2) ─ (3,2) ─ (4,2)     三番通
      │       │       │       │       │
    (0,1) ─ (1,1) ─ (2,1) ─ (3,1) ─ (4,1)     二番通
      │       │       │       │       │
    (0,0) ─ (1,0) ─ (2,0) ─ (3,0) ─ (4,0)     一番通
     梅筋    竹筋    松筋    桜筋    楠筋

`write_town(path, Extra.BRIDGE, Extra.ISLAND)` writes the grid with what `Extra`
describes. A test that needs something else makes a `Town`, adds to it and calls
`write`; a further extra is one member of `Extra` and one function in `_ADD`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import count, pairwise
from pathlib import Path

import osmium
from osmium.osm.mutable import Node, Relation, Way

from dispatch.domain.place import EARTH_RADIUS_M, LonLat
from geodata.roads.graph import RoadGraph
from geodata.roads.numbers import parse_numbers

# Driving numbers that make the arithmetic easy: a block of a tertiary street takes
# 10 s, of a residential one 20 s, of a secondary one 5 s, of a service road 40 s.
NUMBERS_TOML = """
[vehicle]
height_m = 2.3
width_m = 1.9
length_m = 4.7
weight_t = 5.0
[speed_kmh]
secondary = 72
tertiary = 36
residential = 18
service = 9
[width]
narrow_m = 4.0
narrow_kmh = 12
[rank]
secondary = 4
tertiary = 3
residential = 2
service = 1
[junction]
signal_rank = 3
signal_s = 20
yield_s = 8
minor_s = 3
right_turn_s = 10
left_turn_s = 4
u_turn_s = 60
turn_angle_deg = 40
"""
NUMBERS = parse_numbers(NUMBERS_TOML, source="road_fixtures")

ORIGIN = LonLat(135.50, 34.68)
BLOCK_M = 100.0
COLUMN_NAMES = ("梅筋", "竹筋", "松筋", "桜筋", "楠筋")
ROW_NAMES = ("一番通", "二番通", "三番通", "四番通", "五番通")
SIZE = 5

Crossing = tuple[float, float]
Member = tuple[str, int, str]


class Extra(StrEnum):
    """What `write_town` can add; every figure in blocks of the grid."""

    ONE_WAY = "one_way"  # 桜筋 (column 3) runs north only
    TURN_BAN = "turn_ban"  # at (1, 1), eastbound: no right turn into 竹筋
    ONLY_STRAIGHT = "only_straight"  # at (1, 3), eastbound: straight on only
    PRIVATE_WAY = "private_way"  # diagonal (0, 0)-(1, 1), access=private
    FOOTWAY = "footway"  # diagonal (3, 0)-(4, 1), highway=pedestrian
    MAX_HEIGHT = "max_height"  # block (2, 0)-(3, 0): 1.8 m
    MAX_WIDTH = "max_width"  # block (2, 1)-(3, 1): 1.5 m
    MAX_WEIGHT = "max_weight"  # block (2, 4)-(3, 4): 1.5 t
    MOTORWAY = "motorway"  # eastbound over the north, ramps at (0, 4) and (4, 4)
    BRIDGE = "bridge"  # 中橋 at (2, 0) and 東橋 at (4, 0) to the south bank, row -2
    ISLAND = "island"  # one street at (10, 0)-(12, 0), joined to nothing


class Town:
    """
    A town under construction; `write` makes the file.

    Parameters
    ----------
    size
        Crossings along each side; only the first five streets have names.
    """

    def __init__(self, *, size: int = SIZE) -> None:
        self._nodes: dict[Crossing, int] = {}
        self._node_tags: dict[int, dict[str, str]] = {}
        self._ways: dict[int, tuple[list[int], dict[str, str]]] = {}
        self._relations: dict[int, tuple[list[Member], dict[str, str]]] = {}
        self._lost: set[int] = set()
        self._blocks: dict[frozenset[int], int] = {}
        self._next_way = count(1000)  # a dropped number is never given again
        for row in range(size):
            for col in range(size):
                self.node(col, row)
        for here in range(size):
            for there in range(size - 1):
                self._block((there, here), (there + 1, here), _name(ROW_NAMES, here))
                self._block((here, there), (here, there + 1), _name(COLUMN_NAMES, here))

    @staticmethod
    def place(col: float, row: float) -> LonLat:
        """Position of a crossing or of any point between crossings."""
        metres_per_degree = math.radians(1) * EARTH_RADIUS_M
        across = metres_per_degree * math.cos(math.radians(ORIGIN.lat))
        return LonLat(
            round(ORIGIN.lon + col * BLOCK_M / across, 7),
            round(ORIGIN.lat + row * BLOCK_M / metres_per_degree, 7),
        )

    def node(self, col: float, row: float, **tags: str) -> int:
        """Give the number of the node at a point; a new one is made."""
        number = self._nodes.setdefault((col, row), len(self._nodes) + 1)
        self._node_tags.setdefault(number, {}).update(tags)
        return number

    def block(self, here: Crossing, there: Crossing) -> int:
        """Give the number of the way between two neighbouring crossings."""
        return self._blocks[frozenset((self.node(*here), self.node(*there)))]

    def add_way(self, points: Sequence[Crossing], **tags: str) -> int:
        """Draw a further way through points; its number is returned."""
        number = next(self._next_way)
        self._ways[number] = ([self.node(*point) for point in points], tags)
        return number

    def tag(self, way: int, **tags: str) -> None:
        """Add tags to a way, or change them."""
        self._ways[way][1].update(tags)

    def drop(self, way: int) -> None:
        """Take a way out of the file; what names it stays (a broken extract)."""
        del self._ways[way]

    def lose(self, *crossings: Crossing) -> None:
        """Take nodes out of the file; the ways that pass them stay (a cut extract)."""
        self._lost |= {self.node(*crossing) for crossing in crossings}

    def add_relation(self, members: Sequence[Member], **tags: str) -> int:
        """Add any relation; members are (n | w | r, number, role)."""
        number = 9000 + len(self._relations)
        self._relations[number] = (list(members), tags)
        return number

    def ban(self, kind: str, *crossings: Crossing, **tags: str) -> int:
        """
        Add a turn restriction over crossings in driving order.

        Three crossings restrict the turn at the middle one; four make the block
        between the second and the third the via way.
        """
        first, last = crossings[:2], crossings[-2:]
        via: list[Member] = [
            ("w", self.block(here, there), "via")
            for here, there in pairwise(crossings[1:-1])
        ] or [("n", self.node(*crossings[1]), "via")]
        members = [
            ("w", self.block(*first), "from"),
            *via,
            ("w", self.block(*last), "to"),
        ]
        return self.add_relation(members, type="restriction", restriction=kind, **tags)

    def write(self, path: Path) -> Path:
        """Write nodes, ways and relations by number, without any author."""
        with osmium.SimpleWriter(path, overwrite=True) as writer:
            for point, number in sorted(self._nodes.items(), key=lambda it: it[1]):
                if number in self._lost:
                    continue
                at = self.place(*point)
                tags = self._node_tags[number]
                writer.add_node(Node(id=number, location=(at.lon, at.lat), tags=tags))
            for number, (nodes, tags) in sorted(self._ways.items()):
                writer.add_way(Way(id=number, nodes=nodes, tags=tags))
            for number, (members, tags) in sorted(self._relations.items()):
                writer.add_relation(Relation(id=number, members=members, tags=tags))
        return path

    def _block(self, here: Crossing, there: Crossing, name: str) -> None:
        tags = {"highway": "tertiary"} | ({"name": name} if name else {})
        way = self.add_way((here, there), **tags)
        self._blocks[frozenset((self.node(*here), self.node(*there)))] = way


def write_town(path: Path, *extras: Extra) -> Town:
    """Write the grid with some extras to an .osm.pbf file; the town is returned."""
    town = Town()
    for extra in extras:
        _ADD[extra](town)
    town.write(path)
    return town


def chains_between(
    graph: RoadGraph, town: Town, here: Crossing, there: Crossing
) -> list[int]:
    """Chains between two crossings, whichever way they are drawn."""
    wanted = sorted((town.node(*here), town.node(*there)))
    ends = zip(graph.chain_from.tolist(), graph.chain_to.tolist(), strict=True)
    return [
        chain
        for chain, pair in enumerate(ends)
        if sorted(int(graph.node_id[node]) for node in pair) == wanted
    ]


def chain_between(graph: RoadGraph, town: Town, here: Crossing, there: Crossing) -> int:
    """Give the one chain between two crossings."""
    (chain,) = chains_between(graph, town, here, there)
    return chain


def _name(names: Sequence[str], index: int) -> str:
    return names[index] if index < len(names) else ""


def _one_way(town: Town) -> None:
    for row in range(SIZE - 1):
        town.tag(town.block((3, row), (3, row + 1)), oneway="yes")


def _motorway(town: Town) -> None:
    up, down = (0.5, 5.0), (3.5, 5.0)
    link = {"highway": "motorway_link", "oneway": "yes"}
    town.add_way(((0, 4), up), **link)
    town.add_way((up, down), highway="motorway", oneway="yes", name="環状高速")
    town.add_way((down, (4, 4)), **link)


def _bridge(town: Town) -> None:
    bridge = {"highway": "tertiary", "bridge": "yes", "layer": "1"}
    town.add_way(((2, 0), (2, -2)), name="中橋", **bridge)
    town.add_way(((4, 0), (4, -2)), name="東橋", **bridge)
    banks: list[Crossing] = [(col, -2) for col in range(SIZE)]
    town.add_way(banks, highway="tertiary", name="南岸通")


_ADD: dict[Extra, Callable[[Town], object]] = {
    Extra.ONE_WAY: _one_way,
    Extra.TURN_BAN: lambda town: town.ban("no_right_turn", (0, 1), (1, 1), (1, 0)),
    Extra.ONLY_STRAIGHT: lambda town: town.ban(
        "only_straight_on", (0, 3), (1, 3), (2, 3)
    ),
    Extra.PRIVATE_WAY: lambda town: town.add_way(
        ((0, 0), (1, 1)), highway="service", access="private"
    ),
    Extra.FOOTWAY: lambda town: town.add_way(
        ((3, 0), (4, 1)), highway="pedestrian", name="門前町"
    ),
    Extra.MAX_HEIGHT: lambda town: town.tag(
        town.block((2, 0), (3, 0)), maxheight="1.8"
    ),
    Extra.MAX_WIDTH: lambda town: town.tag(town.block((2, 1), (3, 1)), maxwidth="1.5"),
    Extra.MAX_WEIGHT: lambda town: town.tag(
        town.block((2, 4), (3, 4)), maxweight="1.5"
    ),
    Extra.MOTORWAY: _motorway,
    Extra.BRIDGE: _bridge,
    Extra.ISLAND: lambda town: town.add_way(
        ((10, 0), (11, 0), (12, 0)), highway="residential", name="離れ通"
    ),
}
