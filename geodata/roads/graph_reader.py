"""From an OSM extract to the road graph, with pyosmium."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np
import osmium
from numpy.typing import NDArray

from dispatch.domain.errors import SourceError
from dispatch.domain.place import EARTH_RADIUS_M, LonLat
from geodata.city import CityProfile
from geodata.crs import plane_xy
from geodata.roads.graph import Floats, Ints, RoadGraph
from geodata.roads.numbers import DrivingNumbers
from geodata.roads.road_rules import is_shut_node, road_speed

MPS_PER_KMH = 1 / 3.6
NO_ROAD = "holds no road that a light truck may drive; is it the right file?"
LEAST_NODES = 2  # a way of one node, or of none, is a slip of the pen


@dataclass(slots=True)
class _Ways:
    """Drivable ways as they are read: node ids one after the other."""

    refs: array[int] = field(default_factory=lambda: array("q"))
    lon: array[float] = field(default_factory=lambda: array("d"))
    lat: array[float] = field(default_factory=lambda: array("d"))
    lengths: array[int] = field(default_factory=lambda: array("q"))
    forward_kmh: array[float] = field(default_factory=lambda: array("d"))
    backward_kmh: array[float] = field(default_factory=lambda: array("d"))
    rank: array[int] = field(default_factory=lambda: array("q"))


def read_graph(pbf: Path, numbers: DrivingNumbers, profile: CityProfile) -> RoadGraph:
    """
    Read the roads that a light truck may drive.

    Parameters
    ----------
    pbf
        An OSM extract.
    numbers
        Speeds and measures.
    profile
        For the city's plane.

    Raises
    ------
    SourceError
        When the file is missing, empty, cut short, or holds no drivable road.
    """
    ways = _Ways()
    shut: set[int] = set()
    try:
        for item in _objects(pbf):
            if isinstance(item, osmium.osm.Node):
                if is_shut_node(item.tags):
                    shut.add(item.id)
            else:
                _take(ways, item, numbers)
    except (RuntimeError, OSError) as problem:
        raise _unreadable(pbf, problem) from problem
    graph = _graph(ways, shut, profile) if ways.lengths else None
    if graph is None or not graph.num_chains:  # or none with two nodes in the file
        raise SourceError(f"{pbf}: {NO_ROAD}")
    return graph


def require_city(pbf: Path, numbers: DrivingNumbers, profile: CityProfile) -> None:
    """
    Read a file to its end, in little memory, before minutes are spent on it.

    Raises
    ------
    SourceError
        When it is no whole OSM extract, or has nothing inside the city's bounds or no
        road to drive on.
    """
    first: LonLat | None = None
    drivable = False
    try:
        for node in osmium.FileProcessor(pbf, osmium.osm.NODE):
            if isinstance(node, osmium.osm.Node) and node.location.valid():
                first = LonLat(node.location.lon, node.location.lat)
                if profile.bounds.contains(first):
                    break
        else:
            raise _elsewhere(pbf, first, profile)
        tagged = osmium.FileProcessor(pbf, osmium.osm.WAY)
        for way in tagged.with_filter(osmium.filter.EmptyTagFilter()):
            drivable = drivable or road_speed(way.tags, numbers) is not None
    except (RuntimeError, OSError) as problem:
        raise _unreadable(pbf, problem) from problem
    if not drivable:
        raise SourceError(f"{pbf}: {NO_ROAD}")


def _elsewhere(pbf: Path, place: LonLat | None, profile: CityProfile) -> SourceError:
    where = "is empty" if place is None else f"has {place.lat:.2f} N {place.lon:.2f} E"
    return SourceError(
        f"{pbf}: {where}, but nothing in {profile.name}; is it an extract of "
        "another city?"
    )


def _unreadable(pbf: Path, problem: Exception) -> SourceError:
    return SourceError(
        f"{pbf}: cannot be read as an OSM extract ({problem}); "
        "is the file complete? Fetch it again"
    )


def _objects(pbf: Path) -> Iterator[osmium.osm.Node | osmium.osm.Way]:
    """
    Tagged nodes, and ways that know where their nodes are.

    The bulk of bare nodes never reaches Python. (pyosmium's IdFilter would take 1.6 GB
    for the ids of a true extract, however few are asked for.)
    """
    reader = osmium.FileProcessor(pbf, osmium.osm.NODE | osmium.osm.WAY)
    for item in reader.with_locations().with_filter(osmium.filter.EmptyTagFilter()):
        if isinstance(item, osmium.osm.Node | osmium.osm.Way):
            yield item


def _take(ways: _Ways, way: osmium.osm.Way, numbers: DrivingNumbers) -> None:
    speed = road_speed(way.tags, numbers)
    if speed is None:
        return
    nodes = [next(same) for _, same in groupby(way.nodes, key=lambda node: node.ref)]
    if len(nodes) < LEAST_NODES:
        return
    for node in nodes:
        place = node.location
        known = place.valid()
        ways.refs.append(node.ref)
        ways.lon.append(place.lon if known else math.nan)
        ways.lat.append(place.lat if known else math.nan)
    ways.lengths.append(len(nodes))
    ways.forward_kmh.append(speed.forward_kmh)
    ways.backward_kmh.append(speed.backward_kmh)
    ways.rank.append(speed.rank)


def _graph(ways: _Ways, shut: set[int], profile: CityProfile) -> RoadGraph:
    """Cut ways into chains at junctions and measure the segments."""
    all_refs = np.frombuffer(ways.refs, np.int64)
    wanted, known_at, refs = np.unique(all_refs, return_index=True, return_inverse=True)
    lengths = np.frombuffer(ways.lengths, np.int64)
    way_of = np.repeat(np.arange(len(lengths)), lengths)
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    first = np.zeros(len(refs), np.bool_)
    first[starts] = True
    last = np.roll(first, -1)
    junction = np.bincount(refs, minlength=len(wanted)) > 1
    junction[refs[first | last]] = True
    junction |= np.isin(wanted, np.fromiter(shut, np.int64, len(shut)))
    here = np.flatnonzero(~last)
    lon, lat = np.frombuffer(ways.lon)[known_at], np.frombuffer(ways.lat)[known_at]
    missing = np.isnan(lon[refs[here]]) | np.isnan(lon[refs[here + 1]])
    begins = junction[refs[here]]
    # A way that leaves the extract ends where its nodes do.
    begins |= np.concatenate(([True], missing[:-1]))
    here, begins = here[~missing], begins[~missing]
    ends, ids = _apart_at_shut_nodes(
        np.stack((refs[here], refs[here + 1])), wanted, shut
    )
    origin, target = ends
    source_row = np.searchsorted(wanted, ids)
    lon, lat, way = lon[source_row], lat[source_row], way_of[here]
    metres = np.maximum(_metres(lon, lat, origin, target), 0.01)
    x, y = plane_xy(lon, lat, profile)
    return RoadGraph(
        node_id=ids,
        node_lon=lon,
        node_lat=lat,
        node_x=x,
        node_y=y,
        segment_from=origin,
        segment_to=target,
        segment_m=metres,
        segment_forward_s=_seconds(metres, np.frombuffer(ways.forward_kmh)[way]),
        segment_backward_s=_seconds(metres, np.frombuffer(ways.backward_kmh)[way]),
        chain_start=np.concatenate((np.flatnonzero(begins), [len(here)])),
        chain_rank=np.frombuffer(ways.rank, np.int64)[way[begins]],
    )


def _apart_at_shut_nodes(ends: Ints, ids: Ints, shut: set[int]) -> tuple[Ints, Ints]:
    """Give each segment its own copy of a node that nothing passes, (2, m) rows."""
    flat = ends.ravel().copy()
    at = np.flatnonzero(np.isin(ids[flat], np.fromiter(shut, np.int64, len(shut))))
    old = flat[at]
    flat[at] = len(ids) + np.arange(len(at))
    return flat.reshape(ends.shape), np.concatenate((ids, ids[old]))


def _metres(lon: Floats, lat: Floats, origin: Ints, target: Ints) -> Floats:
    """Great-circle length of each segment, as `dispatch.domain.place` measures."""
    lon1, lat1 = np.radians(lon[origin]), np.radians(lat[origin])
    lon2, lat2 = np.radians(lon[target]), np.radians(lat[target])
    chord = np.sin((lat2 - lat1) / 2) ** 2
    chord += np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    metres: Floats = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(chord))
    return metres


def _seconds(metres: Floats, kmh: NDArray[np.float64]) -> Floats:
    with np.errstate(divide="ignore"):
        seconds: Floats = metres / (kmh * MPS_PER_KMH)
    return seconds
