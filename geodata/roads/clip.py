"""The roads of one city, cut out of a large OSM extract with pyosmium."""

from __future__ import annotations

import bisect
import math
import os
from array import array
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import osmium

from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.place import EARTH_RADIUS_M, BoundingBox

GENERATOR = "kidohan"
ROAD_KEY = "highway"
RESTRICTION = ("type", "restriction")
DATA_DATE = "osmosis_replication_timestamp"  # header field for the state of the data
UNITS_PER_DEGREE = 10_000_000  # OSM keeps degrees as whole numbers of 1e-7
PBF = "pbf"
# Without version, date, changeset, number and name of who edited: personal data that
# no road needs (the extract of the publisher has them).
PBF_WITHOUT_AUTHORS = "pbf,add_metadata=none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipReport:
    """
    What was cut out.

    `bounds` is the box with its margin. `restrictions_left_out` counts turn bans of
    which a member lies outside. `nodes_missing` counts positions that the kept ways
    name and the extract does not hold: 0 in an extract that was itself cut with
    complete ways. `data_date` is ISO 8601 as the extract tells it, or empty.
    """

    bounds: BoundingBox
    nodes: int
    ways: int
    restrictions: int
    restrictions_left_out: int
    nodes_missing: int
    data_date: str


def clip_roads(
    source_pbf: Path, target_pbf: Path, *, bounds: BoundingBox, margin_m: float
) -> ClipReport:
    """
    Cut an OSM extract to the roads of a city.

    Keeps each way with a `highway` tag that has a node in the box, complete with all
    its nodes and tags, and each turn restriction whose members are all kept.

    Parameters
    ----------
    source_pbf
        Extract in PBF, nodes before ways before relations, as publishers write it.
    target_pbf
        File to write; one that is there stays until the new one is complete.
    bounds
        Box of the city, degrees.
    margin_m
        Metres added on each side, so that ways around the city's edge exist.

    Raises
    ------
    InvalidInputError
        When the margin is negative or both files are the same.
    SourceError
        When the extract cannot be read to its end, is not in order, or holds no road
        in the box; or when the target cannot be written.

    Notes
    -----
    Two passes. pyosmium's own id sets are bit fields over all ids: 1.6 GB for nodes
    of every age (measured with 4.3.2, ids up to 13 × 10⁹). So ids are kept as sorted
    64-bit numbers, 8 bytes for each node in the box, and as a set of those kept.
    """
    if margin_m < 0:
        raise InvalidInputError("margin_m", "余白は0以上が必要です")
    if source_pbf.resolve() == target_pbf.resolve():
        raise InvalidInputError("target_pbf", "元のファイルとは別の名前が必要です")
    _require_content(source_pbf)
    box = widened(bounds, margin_m)
    extract = osmium.io.File(source_pbf, PBF)
    try:
        picked = _picked(source_pbf, extract, box)
        if not picked.ways:
            raise _no_road(source_pbf, extract, box)
        with osmium.io.Reader(extract, osmium.osm.NOTHING) as reader:
            data_date = reader.header().get(DATA_DATE, "")
    except (RuntimeError, OSError) as error:
        message = (
            f"{source_pbf}: not a whole OSM extract in PBF ({error}); fetch it again, "
            "or copy it again and compare its size"
        )
        raise SourceError(message) from error
    num_nodes = _write(picked, extract, target_pbf, data_date=data_date)
    return ClipReport(
        bounds=box,
        nodes=num_nodes,
        ways=len(picked.ways),
        restrictions=len(picked.restrictions),
        restrictions_left_out=picked.restrictions_left_out,
        nodes_missing=len(picked.nodes) - num_nodes,
        data_date=data_date,
    )


def widened(bounds: BoundingBox, margin_m: float) -> BoundingBox:
    """
    Add a margin in metres on each side of a box.

    Degrees of longitude are counted at the edge nearer to its pole, where a degree is
    shortest: nowhere is the margin less than asked for.
    """
    lat_deg = math.degrees(margin_m / EARTH_RADIUS_M)
    south, north = bounds.south - lat_deg, bounds.north + lat_deg
    lon_deg = lat_deg / math.cos(math.radians(max(abs(south), abs(north))))
    return BoundingBox(
        west=bounds.west - lon_deg,
        south=south,
        east=bounds.east + lon_deg,
        north=north,
    )


@dataclass(slots=True)
class _Picked:
    """Ids to keep, gathered by the first pass (a handler of pyosmium)."""

    source: Path
    box: BoundingBox
    west: int = field(init=False)
    south: int = field(init=False)
    east: int = field(init=False)
    north: int = field(init=False)
    inside: array[int] = field(default_factory=lambda: array("q"))
    nodes: set[int] = field(default_factory=set)
    ways: set[int] = field(default_factory=set)
    restrictions: set[int] = field(default_factory=set)
    restrictions_left_out: int = 0
    began: str = "n"

    def __post_init__(self) -> None:
        self.west = round(self.box.west * UNITS_PER_DEGREE)
        self.south = round(self.box.south * UNITS_PER_DEGREE)
        self.east = round(self.box.east * UNITS_PER_DEGREE)
        self.north = round(self.box.north * UNITS_PER_DEGREE)

    def node(self, node: osmium.osm.Node) -> None:
        place = node.location
        if self.began != "n":
            raise self._disorder()
        if self.west <= place.x <= self.east and self.south <= place.y <= self.north:
            self.inside.append(node.id)

    def way(self, way: osmium.osm.Way) -> None:
        if self.began == "r":
            raise self._disorder()
        if self.began == "n":
            self.began = "w"
            self._sort()
        refs = [node.ref for node in way.nodes]
        if any(self._is_inside(ref) for ref in refs):
            self.ways.add(way.id)
            self.nodes.update(refs)

    def relation(self, relation: osmium.osm.Relation) -> None:
        self.began = "r"
        kept = {"n": self.nodes, "w": self.ways}
        members = [(member.type, member.ref) for member in relation.members]
        if members and all(ref in kept.get(kind, ()) for kind, ref in members):
            self.restrictions.add(relation.id)
        else:
            self.restrictions_left_out += 1

    def _sort(self) -> None:
        """Order the nodes of the box where they lie: no second copy of them."""
        if self.inside:
            np.frombuffer(self.inside, np.int64).sort()

    def _is_inside(self, ref: int) -> bool:
        at = bisect.bisect_left(self.inside, ref)
        return at < len(self.inside) and self.inside[at] == ref

    def _disorder(self) -> SourceError:
        return SourceError(
            f"{self.source}: nodes, ways and relations are not in this order; sort "
            "the file (osmium sort) or take the publisher's own"
        )


@dataclass(slots=True)
class _Keeper:
    """Writes what was picked (a handler of pyosmium)."""

    picked: _Picked
    writer: osmium.SimpleWriter
    num_nodes: int = 0

    def node(self, node: osmium.osm.Node) -> None:
        if node.id in self.picked.nodes:
            self.writer.add_node(node)
            self.num_nodes += 1

    def way(self, way: osmium.osm.Way) -> None:
        if way.id in self.picked.ways:
            self.writer.add_way(way)

    def relation(self, relation: osmium.osm.Relation) -> None:
        if relation.id in self.picked.restrictions:
            self.writer.add_relation(relation)


@dataclass(slots=True)
class _Extent:
    """The box around all nodes (a handler of pyosmium)."""

    box: osmium.osm.Box

    def node(self, node: osmium.osm.Node) -> None:
        if node.location.valid():
            self.box.extend(node.location)


def _require_content(source: Path) -> None:
    """Refuse what the library would only call an error of its own."""
    if not source.is_file():
        message = f"{source}: no such file; fetch it first (kidohan geodata fetch)"
        raise SourceError(message)
    if not source.stat().st_size:
        message = f"{source}: the file is empty; fetch or copy it again"
        raise SourceError(message)


def _picked(source: Path, extract: osmium.io.File, box: BoundingBox) -> _Picked:
    picked = _Picked(source=source, box=box)
    osmium.apply(extract, *_filters(), picked)
    return picked


def _filters() -> tuple[osmium.BaseFilter, osmium.BaseFilter]:
    """Pass all nodes, the ways that are roads, and the turn restrictions."""
    roads = osmium.filter.KeyFilter(ROAD_KEY)
    roads.enable_for(osmium.osm.WAY)
    restrictions = osmium.filter.TagFilter(RESTRICTION)
    restrictions.enable_for(osmium.osm.RELATION)
    return roads, restrictions


def _no_road(source: Path, extract: osmium.io.File, box: BoundingBox) -> SourceError:
    """Tell an empty extract from one of another city."""
    nowhere = osmium.osm.Location()
    found = _Extent(box=osmium.osm.Box(nowhere, nowhere))
    osmium.apply(extract, found)
    if not found.box.valid():
        return SourceError(f"{source}: holds no position at all; fetch it again")
    low, high = found.box.bottom_left, found.box.top_right
    extent = BoundingBox(west=low.lon, south=low.lat, east=high.lon, north=high.lat)
    return SourceError(
        f"{source}: no road inside {_spoken(box)}; it is an extract of another city "
        f"({_spoken(extent)}), or without roads: fetch the one of this city"
    )


def _spoken(box: BoundingBox) -> str:
    return (
        f"lon {box.west:.4f} to {box.east:.4f}, lat {box.south:.4f} to {box.north:.4f}"
    )


def _write(
    picked: _Picked, extract: osmium.io.File, target: Path, *, data_date: str
) -> int:
    """Write the second pass beside the target, then put it in its place."""
    header = osmium.io.Header()
    header.set("generator", GENERATOR)
    header.set(DATA_DATE, data_date)
    box = picked.box
    header.add_box(osmium.osm.Box(box.west, box.south, box.east, box.north))
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = osmium.io.File(part, PBF_WITHOUT_AUTHORS)
        with osmium.SimpleWriter(file, header=header, overwrite=True) as writer:
            keeper = _Keeper(picked=picked, writer=writer)
            osmium.apply(extract, *_filters(), keeper)
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        part.replace(target)
    except (RuntimeError, OSError) as error:
        message = (
            f"{target}: cannot be written ({error}); make room or choose a folder "
            "that may be written"
        )
        raise SourceError(message) from error
    return keeper.num_nodes
