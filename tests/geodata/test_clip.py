"""The roads of a city are cut out of an extract whole, or the extract is refused."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import osmium
import pytest
from hypothesis import given
from hypothesis import strategies as st
from osmium.osm import mutable

from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.place import BoundingBox, LonLat, great_circle_m
from geodata.city import load_city
from geodata.roads.clip import clip_roads, widened
from tests.shared_data import need_shared

# The box 135.50 to 135.51 by 34.60 to 34.61; nodes 1 to 3 lie on a line that begins in
# it and leaves it eastward, 4 and 5 lie far in the east, 6 on its south-west corner.
BOX = BoundingBox(west=135.50, south=34.60, east=135.51, north=34.61)
PLACES = {
    1: (135.505, 34.605),
    2: (135.509, 34.605),
    3: (135.530, 34.605),
    4: (135.600, 34.605),
    5: (135.601, 34.605),
    6: (135.500, 34.600),
}
CROSSING = (10, (1, 2, 3), {"highway": "residential", "name": "例の道"})
FAR = (11, (4, 5), {"highway": "primary"})
HOUSE = (12, (1, 2, 6), {"building": "yes"})
CORNER = (13, (6, 4), {"highway": "service"})
EDITOR = "editor"
BAN = {"type": "restriction", "restriction": "no_left_turn"}

Way = tuple[int, tuple[int, ...], dict[str, str]]
Relation = tuple[int, list[tuple[str, int, str]], dict[str, str]]


def write_pbf(
    file: Path,
    *,
    ways: Sequence[Way] = (CROSSING, FAR, HOUSE, CORNER),
    relations: Sequence[Relation] = (),
    places: Mapping[int, tuple[float, float]] = PLACES,
    order: str = "nwr",
    date: str = "",
) -> Path:
    """Write an extract in which node 2 has traffic lights and ways name an editor."""
    header = osmium.io.Header()
    header.set("osmosis_replication_timestamp", date)
    nodes = [
        mutable.Node(
            id=key,
            location=place,
            tags={"highway": "traffic_signals"} if key == 2 else {},
        )
        for key, place in places.items()
    ]
    roads = [
        mutable.Way(
            id=key, nodes=refs, tags=tags, version=3, uid=7, user=EDITOR, changeset=5
        )
        for key, refs, tags in ways
    ]
    bans = [
        mutable.Relation(id=key, members=members, tags=tags)
        for key, members, tags in relations
    ]
    objects: dict[str, Sequence[object]] = {"n": nodes, "w": roads, "r": bans}
    with osmium.SimpleWriter(file, header=header, overwrite=True) as writer:
        for kind in order:
            for item in objects[kind]:
                writer.add(item)
    return file


@dataclass
class Contents:
    """What a file holds, by id (a handler of pyosmium)."""

    nodes: dict[int, dict[str, str]] = field(default_factory=dict)
    ways: dict[int, dict[str, str]] = field(default_factory=dict)
    relations: dict[int, dict[str, str]] = field(default_factory=dict)
    places: dict[int, tuple[float, float]] = field(default_factory=dict)
    refs: dict[int, list[int]] = field(default_factory=dict)
    members: dict[int, list[tuple[str, int, str]]] = field(default_factory=dict)
    editors: set[tuple[str, int, int]] = field(default_factory=set)

    def node(self, node: osmium.osm.Node) -> None:
        self.nodes[node.id] = dict(node.tags)
        self.places[node.id] = (node.location.lon, node.location.lat)

    def way(self, way: osmium.osm.Way) -> None:
        self.ways[way.id] = dict(way.tags)
        self.refs[way.id] = [node.ref for node in way.nodes]
        self.editors.add((way.user, way.uid, way.changeset))

    def relation(self, relation: osmium.osm.Relation) -> None:
        self.relations[relation.id] = dict(relation.tags)
        members = [(item.type, item.ref, item.role) for item in relation.members]
        self.members[relation.id] = members


def contents(file: Path) -> Contents:
    found = Contents()
    osmium.apply(file, found)
    return found


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    return write_pbf(tmp_path / "extract.osm.pbf")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "city" / "roads.osm.pbf"


def test_roads_with_a_node_in_the_box_are_kept_with_all_their_nodes(
    extract: Path, target: Path
) -> None:
    report = clip_roads(extract, target, bounds=BOX, margin_m=0)
    kept = contents(target)
    # Way 10 leaves the box at node 3; way 13 touches its corner with node 6 and goes
    # to node 4. Way 11 is outside and way 12 is a house.
    assert kept.ways == {10: CROSSING[2], 13: CORNER[2]}
    assert set(kept.nodes) == {1, 2, 3, 4, 6}
    assert kept.nodes[2] == {"highway": "traffic_signals"}
    assert (report.nodes, report.ways, report.nodes_missing) == (5, 2, 0)
    assert report.bounds == BOX


def test_a_way_keeps_the_order_of_its_nodes_and_their_places(
    extract: Path, target: Path
) -> None:
    clip_roads(extract, target, bounds=BOX, margin_m=0)
    kept = contents(target)
    assert kept.refs[10] == [1, 2, 3]
    for key in (1, 2, 3):
        assert kept.places[key] == pytest.approx(PLACES[key], abs=1e-7)


def test_nobody_who_edited_the_map_is_named(extract: Path, target: Path) -> None:
    clip_roads(extract, target, bounds=BOX, margin_m=0)
    assert contents(extract).editors == {(EDITOR, 7, 5)}
    assert contents(target).editors == {("", 0, 0)}


def test_only_turn_restrictions_whose_members_are_kept_are_kept(
    tmp_path: Path, target: Path
) -> None:
    inside = [("w", 10, "from"), ("n", 1, "via"), ("w", 13, "to")]
    relations: list[Relation] = [
        (20, inside, BAN),
        (21, [("w", 10, "from"), ("n", 1, "via"), ("w", 11, "to")], BAN),
        (22, [("w", 10, "from"), ("n", 5, "via"), ("w", 13, "to")], BAN),
        (23, [*inside, ("r", 20, "to")], BAN),
        (24, [], BAN),
        (25, inside, {"type": "route"}),
    ]
    extract = write_pbf(tmp_path / "bans.osm.pbf", relations=relations)
    report = clip_roads(extract, target, bounds=BOX, margin_m=0)
    kept = contents(target)
    assert kept.relations == {20: BAN}
    assert kept.members == {20: inside}
    # 21 turns into a way outside, 22 at a node outside, 23 names a relation and 24
    # nothing; 25 is no turn restriction and is not counted.
    assert (report.restrictions, report.restrictions_left_out) == (1, 4)


def test_the_margin_brings_in_roads_around_the_city(
    extract: Path, target: Path
) -> None:
    # Node 4 lies 0.09° east of the box: 0.09 × 111 195 m × cos 34.605° = 8 237 m.
    near = clip_roads(extract, target, bounds=BOX, margin_m=8_000)
    assert near.ways == 2
    far = clip_roads(extract, target, bounds=BOX, margin_m=8_300)
    assert far.ways == 3


def test_the_date_of_the_data_and_the_box_are_carried_over(
    tmp_path: Path, target: Path
) -> None:
    date = "2026-11-20T21:21:00Z"
    extract = write_pbf(tmp_path / "dated.osm.pbf", date=date)
    report = clip_roads(extract, target, bounds=BOX, margin_m=100)
    header = osmium.io.Reader(target).header()
    assert report.data_date == header.get("osmosis_replication_timestamp") == date
    box = header.box()
    assert box.bottom_left.lon == pytest.approx(report.bounds.west, abs=1e-7)
    assert box.top_right.lat == pytest.approx(report.bounds.north, abs=1e-7)


def test_nodes_need_not_be_in_the_order_of_their_ids(
    tmp_path: Path, target: Path
) -> None:
    backwards = dict(sorted(PLACES.items(), reverse=True))
    extract = write_pbf(tmp_path / "backwards.osm.pbf", places=backwards)
    report = clip_roads(extract, target, bounds=BOX, margin_m=0)
    assert (report.nodes, report.ways) == (5, 2)


def test_nodes_that_the_extract_does_not_hold_are_counted(
    tmp_path: Path, target: Path
) -> None:
    places = {key: place for key, place in PLACES.items() if key not in (3, 4)}
    extract = write_pbf(tmp_path / "holes.osm.pbf", places=places)
    report = clip_roads(extract, target, bounds=BOX, margin_m=0)
    assert (report.nodes, report.nodes_missing) == (3, 2)


@pytest.mark.parametrize("order", ["wn", "nrw", "rn"])
def test_an_extract_out_of_order_is_refused(
    tmp_path: Path, target: Path, order: str
) -> None:
    bans: list[Relation] = [(20, [("w", 10, "from")], BAN)]
    extract = write_pbf(tmp_path / "mixed.osm.pbf", relations=bans, order=order)
    with pytest.raises(SourceError, match="not in this order"):
        clip_roads(extract, target, bounds=BOX, margin_m=0)
    assert not target.exists()


def test_an_extract_of_another_city_is_refused_with_both_boxes(
    extract: Path, target: Path
) -> None:
    boston = BoundingBox(west=-71.2, south=42.2, east=-71.0, north=42.4)
    with pytest.raises(SourceError, match="another city") as refusal:
        clip_roads(extract, target, bounds=boston, margin_m=0)
    assert "lon -71.2000 to -71.0000, lat 42.2000 to 42.4000" in str(refusal.value)
    assert "lon 135.5000 to 135.6010, lat 34.6000 to 34.6050" in str(refusal.value)


def test_an_extract_without_positions_is_refused(tmp_path: Path, target: Path) -> None:
    extract = write_pbf(tmp_path / "bare.osm.pbf", places={})
    with pytest.raises(SourceError, match="no position at all"):
        clip_roads(extract, target, bounds=BOX, margin_m=0)


def test_nodes_without_a_position_do_not_count_as_a_place(
    tmp_path: Path, target: Path
) -> None:
    file = tmp_path / "nowhere.osm.pbf"
    with osmium.SimpleWriter(file) as writer:
        writer.add_node(mutable.Node(id=1))
        writer.add_way(mutable.Way(id=2, nodes=[1], tags={"highway": "service"}))
    with pytest.raises(SourceError, match="no position at all"):
        clip_roads(file, target, bounds=BOX, margin_m=0)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda _: b"", "empty"),
        (lambda _: b"<html>sign in</html>" * 50, "not a whole OSM extract"),
        (lambda content: content[:-1], "not a whole OSM extract"),
        (lambda content: content[: len(content) // 2], "not a whole OSM extract"),
        (lambda content: content[:20], "not a whole OSM extract"),
    ],
    ids=["empty", "a web page", "a byte short", "half", "only the start"],
)
def test_a_damaged_extract_is_refused_and_the_file_in_use_stays(
    extract: Path, target: Path, damage: Callable[[bytes], bytes], said: str
) -> None:
    clip_roads(extract, target, bounds=BOX, margin_m=0)
    in_use = target.read_bytes()
    extract.write_bytes(damage(extract.read_bytes()))
    with pytest.raises(SourceError, match=said) as refusal:
        clip_roads(extract, target, bounds=BOX, margin_m=0)
    assert str(extract) in str(refusal.value)
    assert target.read_bytes() == in_use


def test_a_missing_extract_is_refused_with_the_next_step(
    tmp_path: Path, target: Path
) -> None:
    with pytest.raises(SourceError, match="geodata fetch"):
        clip_roads(tmp_path / "none.osm.pbf", target, bounds=BOX, margin_m=0)


def test_a_place_that_cannot_be_written_is_named(extract: Path, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    with pytest.raises(SourceError, match="cannot be written"):
        clip_roads(extract, in_the_way / "roads.pbf", bounds=BOX, margin_m=0)


def test_the_file_in_use_stays_when_writing_breaks_off(
    extract: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip_roads(extract, target, bounds=BOX, margin_m=0)
    in_use = target.read_bytes()

    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SourceError, match="No space left"):
        clip_roads(extract, target, bounds=BOX, margin_m=5_000)
    assert target.read_bytes() == in_use


def test_a_negative_margin_and_one_name_for_both_files_are_refused(
    extract: Path, target: Path
) -> None:
    with pytest.raises(InvalidInputError, match="margin_m"):
        clip_roads(extract, target, bounds=BOX, margin_m=-1)
    with pytest.raises(InvalidInputError, match="target_pbf"):
        clip_roads(extract, extract, bounds=BOX, margin_m=0)


@given(
    west=st.floats(-170, 160),
    south=st.floats(-60, 55),
    size=st.floats(0.01, 5),
    margin_m=st.floats(1, 20_000),
)
def test_the_margin_is_nowhere_less_than_asked_for(
    west: float, south: float, size: float, margin_m: float
) -> None:
    bounds = BoundingBox(west=west, south=south, east=west + size, north=south + size)
    wide = widened(bounds, margin_m)
    for lat in (bounds.south, bounds.north):
        for ours, theirs in ((bounds.west, wide.west), (bounds.east, wide.east)):
            # The great circle to a point on the same parallel cuts the corner a little.
            away_m = great_circle_m(LonLat(ours, lat), LonLat(theirs, lat))
            assert away_m >= margin_m * (1 - 1e-5)
    for ours, theirs in ((bounds.south, wide.south), (bounds.north, wide.north)):
        away_m = great_circle_m(LonLat(west, ours), LonLat(west, theirs))
        assert math.isclose(away_m, margin_m, rel_tol=1e-6)


def test_a_true_extract_inside_the_city_stays_as_it_is(target: Path) -> None:
    source = need_shared("data/roads/osaka_abeno_20250616.osm.pbf")
    report = clip_roads(
        source, target, bounds=load_city("osaka").bounds, margin_m=2_000
    )
    assert contents(target) == contents(source)
    assert (report.nodes, report.ways, report.nodes_missing) == (15_228, 5_186, 0)


def test_half_of_a_true_extract_holds_the_roads_of_that_half(target: Path) -> None:
    source = need_shared("data/roads/osaka_abeno_20250616.osm.pbf")
    half = BoundingBox(west=135.0, south=34.0, east=135.51, north=35.0)
    report = clip_roads(source, target, bounds=half, margin_m=0)
    whole = contents(source)
    expected = {
        key
        for key, refs in whole.refs.items()
        if "highway" in whole.ways[key]
        if any(half.contains(LonLat(*whole.places[ref])) for ref in refs)
    }
    assert set(contents(target).ways) == expected
    assert 0 < report.ways < 5_186
