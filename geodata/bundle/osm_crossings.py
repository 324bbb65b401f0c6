"""Readers of crossings in an OSM extract: of two named roads, and with own names."""

from __future__ import annotations

import math
import re
import unicodedata
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from types import MappingProxyType

import osmium

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat, great_circle_m
from geodata.bundle.reading import Format, ReadContext, SourceConfig
from geodata.bundle.records import (
    CrossingRecord,
    FacilityRecord,
    Layer,
    LayerRead,
)

CROSSING_KIND = "交差点"
# Not 高速道路, which has no crossing, and not what is for people alone; but 商店街.
ROADS = frozenset(
    {
        *("trunk", "primary", "secondary", "tertiary"),
        *("trunk_link", "primary_link", "secondary_link", "tertiary_link"),
        *("unclassified", "residential", "living_street", "service", "pedestrian"),
        "road",
    }
)
ROAD_NAMES = ("name", "name:ja", "alt_name", "official_name")
NODE_NAMES = ("name", "alt_name")
KANA = ("name:ja-Hira", "name:ja_kana", "name:ja-Hrkt", "name:ja-Kana")
SIGNALS, JUNCTION = ("highway", "traffic_signals"), ("junction", "yes")
MIN_ARMS = 3  # two are one road that changes its name
MAX_GAP_M = 40.0  # of a way without a name within a crossing: a wide street's width
MAX_GAPS_ON = 2
# The two carriageways of 中央大通 cross 御堂筋 55 m apart (extract of 2025-09-22), the
# farthest seen; signals stand at every edge of such a crossing.
SAME_CROSSING_M = 60.0
SAME_NAME_M = 100.0
_JAPANESE = re.compile(r"[\u3041-\u30ff\u4e00-\u9fff々]")
_BRACKETS = re.compile(r"\([^()]*\)")
_SPACES = re.compile(r"\s+")
# Signs leave 丁目 out (本町4, 阪南町5東), people say it.
_CHOME = re.compile(r"(\D*[^\d\s第])(\d{1,2})(丁目)?([東西南北中]?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Road:
    """A way: its names in Japanese, its nodes in order, and their degrees."""

    names: frozenset[str]
    nodes: array[int]
    lons: array[float]
    lats: array[float]

    def ends(self) -> tuple[int, int]:
        return self.nodes[0], self.nodes[-1]

    def place(self, at: int) -> LonLat | None:
        """Place of a node of the way; None when the extract lacks it."""
        lon, lat = self.lons[at], self.lats[at]
        return None if math.isnan(lon) else LonLat(lon, lat)

    def is_gap(self) -> bool:
        """Whether a way without a name is short enough to lie within a crossing."""
        first, last = self.place(0), self.place(-1)
        return (
            first is not None
            and last is not None
            and (great_circle_m(first, last) <= MAX_GAP_M)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sign:
    """A node with the name of a crossing; `others` are its further names."""

    node: int
    name: str
    others: tuple[str, ...]
    kana: str
    place: LonLat


def read_osm_crossings(
    source: SourceConfig, context: ReadContext
) -> LayerRead[CrossingRecord]:
    """
    Read where two roads with names meet: nodes that ways of both share.

    Names are those of `ROAD_NAMES` in Japanese, one record for each pair of them; a
    road that goes over another shares no node with it, and where one ends and the
    other begins none crosses. Nodes of one pair that lie
    within 60 m of each other are one crossing, in their middle. Nodes outside the
    city's bounds, and those that the extract lacks, count as elsewhere.

    Raises
    ------
    SourceError
        When the file is no whole extract, or no named roads meet in the city.

    Notes
    -----
    One pass. 24 bytes are kept for each node of a named road, and by pyosmium 16 for
    each node of the file: meant for the roads of a city, not for a whole region.
    """
    file = _file_of(source)
    try:
        named, gaps = _roads(file)
    except (RuntimeError, OSError) as problem:
        raise _unreadable(file, problem) from problem
    roads = [*named, *_named_gaps(named, gaps)]
    pairs = _pairs_by_node(roads)
    places = {
        node: place
        for road in roads
        for at, node in enumerate(road.nodes)
        if node in pairs
        and (place := road.place(at)) is not None
        and context.profile.bounds.contains(place)
    }
    found: defaultdict[tuple[str, str], list[LonLat]] = defaultdict(list)
    for node in sorted(places):
        for pair in pairs[node]:
            found[pair].append(places[node])
    if not found:
        raise _nothing(file, "crossing of named roads", context)
    records = [
        CrossingRecord(roads=pair, place=_middle(group))
        for pair in sorted(found)
        for group in _groups(found[pair], SAME_CROSSING_M)
    ]
    return LayerRead(records=records, num_elsewhere=len(pairs) - len(places))


def read_osm_named_crossings(
    source: SourceConfig, context: ReadContext
) -> LayerRead[FacilityRecord]:
    """
    Read crossings with names: traffic signals, and nodes with `junction=yes`.

    Nodes of one name within 100 m of each other are one crossing, in their middle, with
    the lowest of their ids. 本町4 is known as 本町4丁目 too, and the other way round.
    Nodes outside the city's bounds count as elsewhere.

    Raises
    ------
    SourceError
        When the file is no whole extract, or has no such node in the city.
    """
    file = _file_of(source)
    try:
        signs = sorted(_signs(file), key=lambda sign: sign.node)
    except (RuntimeError, OSError) as problem:
        raise _unreadable(file, problem) from problem
    found: defaultdict[str, list[_Sign]] = defaultdict(list)
    for sign in signs:
        if context.profile.bounds.contains(sign.place):
            found[sign.name].append(sign)
    if not found:
        raise _nothing(file, "named crossing", context)
    records = []
    for same in found.values():
        by_place = {sign.place: sign for sign in same}
        groups = _groups(by_place, SAME_NAME_M)
        records += [_facility(source, [by_place[p] for p in group]) for group in groups]
    num_inside = sum(map(len, found.values()))
    return LayerRead(records=records, num_elsewhere=len(signs) - num_inside)


def _roads(file: Path) -> tuple[list[_Road], list[_Road]]:
    """Ways with names, and short ways without."""
    named, gaps = [], []
    ways = osmium.FileProcessor(file, osmium.osm.NODE | osmium.osm.WAY)
    for way in ways.with_locations().with_filter(osmium.filter.KeyFilter("highway")):
        if not isinstance(way, osmium.osm.Way) or way.tags["highway"] not in ROADS:
            continue
        road = _road(way)
        if road.names:
            named.append(road)
        elif len(road.nodes) > 1 and "name" not in way.tags and road.is_gap():
            gaps.append(road)
    return named, gaps


def _road(way: osmium.osm.Way) -> _Road:
    places = [node.location for node in way.nodes]
    return _Road(
        names=frozenset(_names(way.tags, ROAD_NAMES)),
        nodes=array("q", (node.ref for node in way.nodes)),
        lons=array("d", (at.lon if at.valid() else math.nan for at in places)),
        lats=array("d", (at.lat if at.valid() else math.nan for at in places)),
    )


def _named_gaps(named: Sequence[_Road], gaps: Sequence[_Road]) -> Iterator[_Road]:
    """
    Name the short ways that have the same name at both ends, or near them.

    Within a crossing of wide roads the pieces may lack the name of their road: 中央大通
    has none where it crosses 御堂筋 (extract of 2025-09-22), in four pieces. The
    nearest name counts: farther on, a ramp leads back to the other road.
    """
    beyond: defaultdict[int, list[int]] = defaultdict(list)
    for gap in gaps:
        first, last = gap.ends()
        beyond[first].append(last)
        beyond[last].append(first)
    names_at: defaultdict[int, set[str]] = defaultdict(set)
    for road in named:
        for node in road.nodes:
            if node in beyond:
                names_at[node] |= road.names

    def near(node: int, other: int, num_on: int) -> set[str]:
        """Names at a node and some gaps on, away from the other end."""
        reached = {node}
        for _ in range(num_on):
            reached |= {to for one in reached for to in beyond[one]} - {other}
        return set().union(*(names_at[one] for one in reached))

    for gap in gaps:
        first, last = gap.ends()
        for num_on in range(MAX_GAPS_ON + 1):
            both = near(first, last, num_on) & near(last, first, num_on)
            if both:
                yield replace(gap, names=frozenset(both))
                break


def _pairs_by_node(roads: Sequence[_Road]) -> dict[int, list[tuple[str, str]]]:
    """Pairs of names that meet at each node."""
    first: dict[int, frozenset[str]] = {}
    shared = {
        node
        for road in roads
        for node in road.nodes
        if first.setdefault(node, road.names) != road.names
    }
    arms: defaultdict[int, list[tuple[frozenset[str], int]]] = defaultdict(list)
    for road in roads:
        last = len(road.nodes) - 1
        for at, node in enumerate(road.nodes):
            if node in shared:
                arms[node].append((road.names, (at > 0) + (at < last)))
    pairs = {node: list(_meeting(at_node)) for node, at_node in arms.items()}
    return {node: met for node, met in pairs.items() if met}


def _meeting(arms: Sequence[tuple[frozenset[str], int]]) -> Iterator[tuple[str, str]]:
    """Pairs of names, in the order of spelling, of different roads that cross."""
    every = sorted(frozenset().union(*(names for names, _ in arms)))
    for one, other in combinations(every, 2):
        # A stretch with both names (国道2号, 曽根崎通) is no road that crosses.
        of_one = sum(n for names, n in arms if one in names and other not in names)
        of_other = sum(n for names, n in arms if other in names and one not in names)
        if of_one and of_other and of_one + of_other >= MIN_ARMS:
            yield one, other


def _signs(file: Path) -> Iterator[_Sign]:
    tagged = osmium.FileProcessor(file, osmium.osm.NODE)
    for node in tagged.with_filter(osmium.filter.TagFilter(SIGNALS, JUNCTION)):
        if not isinstance(node, osmium.osm.Node) or not node.location.valid():
            continue
        names = _names(node.tags, NODE_NAMES)
        if names:
            kana = (node.tags.get(key, "") for key in KANA)
            yield _Sign(
                node=node.id,
                name=names[0],
                others=names[1:],
                kana=next(filter(None, kana), ""),
                place=LonLat(node.location.lon, node.location.lat),
            )


def _facility(source: SourceConfig, signs: Sequence[_Sign]) -> FacilityRecord:
    name = signs[0].name
    own = (name, *(other for sign in signs for other in sign.others))
    known = dict.fromkeys((*own, *(form for one in own for form in _chome_form(one))))
    return FacilityRecord(
        id=f"{source.id}:n{min(sign.node for sign in signs)}",
        name=name,
        place=_middle([sign.place for sign in signs]),
        kana=next((sign.kana for sign in signs if sign.kana), ""),
        kind=CROSSING_KIND,
        names=tuple(other for other in known if other != name),
    )


def _names(tags: osmium.osm.TagList, keys: Iterable[str]) -> tuple[str, ...]:
    """Names in Japanese, without what stands in brackets; each once."""
    texts = (text for key in keys for text in (tags.get(key) or "").split(";"))
    return tuple(
        dict.fromkeys(
            name for text in texts if _JAPANESE.search(name := _written(text))
        )
    )


def _written(text: str) -> str:
    """Spell a name with digits of one width (道修町３: 道修町3)."""
    bare = _BRACKETS.sub("", unicodedata.normalize("NFKC", text))
    return _SPACES.sub(" ", bare).strip()


def _chome_form(name: str) -> tuple[str, ...]:
    """Name with 丁目 after its number when it lacks it, without when it has it."""
    found = _CHOME.fullmatch(name)
    if found is None:
        return ()
    town, number, chome, side = found.groups()
    return (f"{town}{number}{'' if chome else '丁目'}{side}",)


def _groups(places: Iterable[LonLat], reach_m: float) -> list[list[LonLat]]:
    """Group places that lie within reach of one of their group."""
    groups: list[list[LonLat]] = []
    for place in places:
        near = [
            group
            for group in groups
            if any(great_circle_m(place, other) <= reach_m for other in group)
        ]
        groups = [group for group in groups if group not in near]
        groups.append([*(other for group in near for other in group), place])
    return groups


def _middle(places: Sequence[LonLat]) -> LonLat:
    """Middle of the box around places: the mean would lie where most nodes are."""
    lons, lats = [p.lon for p in places], [p.lat for p in places]
    return LonLat((min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2)


def _file_of(source: SourceConfig) -> Path:
    if source.file is None:
        message = f"source {source.id}: file: missing; {source.format} reads a file"
        raise SourceError(message)
    return source.file


def _unreadable(file: Path, problem: Exception) -> SourceError:
    return SourceError(
        f"{file}: cannot be read as an OSM extract ({problem}); is the file complete? "
        "Fetch it again"
    )


def _nothing(file: Path, what: str, context: ReadContext) -> SourceError:
    return SourceError(
        f"{file}: holds no {what} in {context.profile.name}; is it an extract of "
        "another city?"
    )


OSM_FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "osm_crossings": Format(
            layers=frozenset({Layer.CROSSINGS}), read=read_osm_crossings
        ),
        "osm_named_crossings": Format(
            layers=frozenset({Layer.FACILITIES}), read=read_osm_named_crossings
        ),
    }
)
