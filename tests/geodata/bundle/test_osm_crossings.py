"""Crossings out of an OSM extract: where named roads meet, and signals with names."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import osmium
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from osmium.osm.mutable import Node

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat, great_circle_m
from dispatch.domain.placing import PlacingStatus
from geodata.bundle.osm_crossings import read_osm_crossings, read_osm_named_crossings
from geodata.bundle.reading import ReadContext
from geodata.bundle.records import (
    CrossingRecord,
    FacilityRecord,
    Layer,
    LayerRead,
)
from geodata.geocoding.landmarks import LandmarkIndex
from tests.geodata.bundle.area_files import OSAKA, read, source
from tests.geodata.road_fixtures import COLUMN_NAMES, ROW_NAMES, Crossing, Town
from tests.shared_data import need_shared

AWAY = 1_000  # blocks of 100 m: 100 km north of the city


def crossings(town: Town, folder: Path) -> LayerRead[CrossingRecord]:
    file = town.write(folder / "roads.osm.pbf")
    return read("osm_crossings", Layer.CROSSINGS, file)


def signs(town: Town, folder: Path) -> LayerRead[FacilityRecord]:
    file = town.write(folder / "roads.osm.pbf")
    return read("osm_named_crossings", Layer.FACILITIES, file)


def pairs(town: Town, folder: Path) -> list[str]:
    return ["×".join(record.roads) for record in crossings(town, folder).records]


def of_roads(*roads: tuple[Sequence[Crossing], dict[str, str]]) -> Town:
    """Make a town of these ways, each tertiary unless it says more."""
    town = Town(size=0)
    for points, tags in roads:
        town.add_way(points, **({"highway": "tertiary"} | tags))
    return town


def street(name: str, *points: Crossing) -> tuple[Sequence[Crossing], dict[str, str]]:
    return points, {"name": name}


# A crossing that is always there, far from the others, so that the file holds one.
ELSEWHERE = (
    street("甲通", (30, 29), (30, 30), (30, 31)),
    street("乙通", (29, 30), (30, 30), (31, 30)),
)


def test_streets_of_a_grid_cross_everywhere_but_at_its_corners(tmp_path: Path) -> None:
    found = crossings(Town(), tmp_path)
    # 5 x 5 crossings; at the four corners two streets end, and neither goes on.
    assert len(found.records) == 21
    by_roads = {record.roads: record.place for record in found.records}
    assert by_roads["二番通", "松筋"] == pytest.approx(Town.place(2, 1))
    corners = {(ROW_NAMES[row], COLUMN_NAMES[col]) for row in (0, 4) for col in (0, 4)}
    assert not corners & by_roads.keys()
    assert all(one < other for one, other in by_roads)
    assert (found.refused, found.num_elsewhere) == ((), 0)


def test_both_carriageways_are_one_crossing_in_their_middle(tmp_path: Path) -> None:
    town = of_roads(
        street("大通", (0, -1), (0, 0), (0, 1)),
        street("大通", (0.5, 1), (0.5, 0), (0.5, -1)),
        street("小筋", (-1, 0), (0, 0), (0.5, 0), (1, 0)),
    )
    (record,) = crossings(town, tmp_path).records
    assert record.roads == ("大通", "小筋")
    assert great_circle_m(record.place, Town.place(0.25, 0)) < 0.1  # 0 and 50 m east


@settings(deadline=None, max_examples=25)
@given(st.sets(st.integers(0, 60), min_size=1, max_size=8))
def test_a_pair_has_as_many_crossings_as_its_places_have_wide_spaces(
    sevens: set[int],
) -> None:
    east = sorted(0.07 * number for number in sevens)
    lanes = [street("大通", (x, -1), (x, 0), (x, 1)) for x in east]
    town = of_roads(*lanes, street("小筋", (-1, 0), *((x, 0) for x in east), (7, 0)))
    with tempfile.TemporaryDirectory() as folder:
        found = crossings(town, Path(folder)).records
    # Places stand at every 7 m: eight on are 56 m, near; nine are 63 m, another place.
    assert len(found) == 1 + sum(b - a > 8 for a, b in pairwise(sorted(sevens)))


def test_what_is_no_crossing_of_two_roads_is_left_out(tmp_path: Path) -> None:
    across = [(-1, 0), (0, 0), (1, 0)]
    for name, tags in (
        ("歩道", {"highway": "footway"}),
        ("高速", {"highway": "motorway"}),
        ("Main Street", {}),
        ("本通", {}),
    ):
        town = of_roads(
            street("本通", (0, -1), (0, 0), (0, 1)),
            (across, {"name": name} | tags),
            *ELSEWHERE,
        )
        assert pairs(town, tmp_path) == ["乙通×甲通"], name
    over = of_roads(
        street("本通", (0, -1), (0, 1)),
        ([(-1, 0), (1, 0)], {"name": "高架通", "bridge": "yes"}),
        street("東本通", (0, 1), (0, 2)),  # goes on under another name
        *ELSEWHERE,
    )
    assert pairs(over, tmp_path) == ["乙通×甲通"]


def test_a_stretch_with_both_names_is_not_a_road_across(tmp_path: Path) -> None:
    both = {"name": "国道2号", "alt_name": "曽根崎通"}
    town = of_roads(
        street("曽根崎通", (-1, 0), (0, 0)),
        ([(0, 0), (1, 0), (2, 0)], both),
        street("御筋", (0, -1), (0, 0), (0, 1)),
    )
    # 国道2号 ends at the crossing, so 御筋 has three arms with it: a T.
    assert pairs(town, tmp_path) == ["国道2号×御筋", "御筋×曽根崎通"]


def test_every_name_in_japanese_counts_and_is_trimmed(tmp_path: Path) -> None:
    tags = {
        "name": "なにわ筋; 大阪線",
        "name:ja": "なにわ筋",
        "alt_name": "第２通 (Second St)",
        "official_name": "Route 2",
    }
    town = of_roads(
        ([(0, -1), (0, 0), (0, 1)], tags), street("東通", (-1, 0), (0, 0), (1, 0))
    )
    found = pairs(town, tmp_path)
    assert found == ["なにわ筋×東通", "大阪線×東通", "東通×第2通"]


# Blocks: the pieces in the middle of a crossing, 15 m each, lack their road's name.
HALF = 0.15


@pytest.mark.parametrize(
    ("half", "expected"),
    [
        (HALF, ["乙通×甲通", "大通×御筋"]),
        (0.38, ["乙通×甲通", "大通×御筋"]),
        (0.45, ["乙通×甲通"]),  # 45 m: a street of its own
    ],
)
def test_pieces_without_a_name_within_a_crossing_have_that_of_their_road(
    half: float, expected: list[str], tmp_path: Path
) -> None:
    west, middle, east = (-half, 0), (0, 0), (half, 0)
    unnamed: dict[str, str] = {}
    town = of_roads(
        street("大通", (-2, 0), west),
        ([west, middle], unnamed),
        ([middle, east], unnamed),
        street("大通", east, (2, 0)),
        street("御筋", (0, -1), middle, (0, 1)),
        ([(0, 1), (HALF, 1)], unnamed),  # a lane that leads nowhere
        *ELSEWHERE,
    )
    assert pairs(town, tmp_path) == expected


def test_a_divided_road_is_crossed_by_pieces_without_a_name(tmp_path: Path) -> None:
    unnamed: dict[str, str] = {}
    points: list[Crossing] = [(-HALF, 0), (0, 0), (HALF, 0), (2 * HALF, 0)]
    town = of_roads(
        street("大通", (-2, 0), points[0]),
        *((pair, unnamed) for pair in pairwise(points)),
        street("大通", points[3], (2, 0)),
        street("御筋", (0, -1), points[1], (0, 1)),
        street("御筋", (HALF, 1), points[2], (HALF, -1)),
    )
    (record,) = crossings(town, tmp_path).records
    assert record.roads == ("大通", "御筋")
    assert great_circle_m(record.place, Town.place(HALF / 2, 0)) < 0.1


def test_what_lies_outside_the_city_or_is_cut_off_is_counted(tmp_path: Path) -> None:
    town = of_roads(
        *ELSEWHERE,
        street("遠筋", (0, AWAY - 1), (0, AWAY), (0, AWAY + 1)),
        street("遠通", (-1, AWAY), (0, AWAY), (1, AWAY)),
        street("失筋", (5, -1), (5, 0), (5, 1)),
        street("失通", (4, 0), (5, 0), (6, 0)),
        ([(5, 0), (5.1, 0)], {}),
    )
    town.lose((5, 0))
    found = crossings(town, tmp_path)
    assert [record.roads for record in found.records] == [("乙通", "甲通")]
    assert found.num_elsewhere == 2


def test_signals_of_one_name_are_one_crossing(tmp_path: Path) -> None:
    town = Town(size=0)
    for number, (col, row) in enumerate(((0, 0), (0.4, 0), (0.4, 0.6), (5, 0))):
        kana = {"name:ja-Hira": "ためしばし"} if number == 1 else {}
        town.node(col, row, highway="traffic_signals", name="試橋", **kana)
    town.node(9, 0, name="道試町３", junction="yes")
    town.node(9, 5, name="試町4丁目東;試町東", highway="traffic_signals")
    town.node(9, 6, name="Second", highway="traffic_signals")
    town.node(9, 7, name="只の点")
    town.node(9, 8, highway="traffic_signals")
    town.node(0, AWAY, name="遠町", highway="traffic_signals")
    found = signs(town, tmp_path)
    assert [(one.id, one.name, one.names) for one in found.records] == [
        ("osm_named_crossings:n1", "試橋", ()),
        ("osm_named_crossings:n4", "試橋", ()),
        ("osm_named_crossings:n5", "道試町3", ("道試町3丁目",)),
        ("osm_named_crossings:n6", "試町4丁目東", ("試町東", "試町4東")),
    ]
    assert {one.kind for one in found.records} == {"交差点"}
    first, second = found.records[:2]
    assert (first.kana, second.kana) == ("ためしばし", "")
    # Of (0, 0), (40, 0) and (40, 60) m the box has its middle at (20, 30).
    assert great_circle_m(first.place, Town.place(0.2, 0.3)) < 0.1
    assert found.num_elsewhere == 1


def test_signals_without_a_place_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "roads.osm.pbf"
    tags = {"highway": "traffic_signals", "name": "試橋"}
    at = Town.place(0, 0)
    with osmium.SimpleWriter(file) as writer:
        writer.add_node(Node(id=1, tags=tags))
        writer.add_node(Node(id=2, tags=tags, location=(at.lon, at.lat)))
    (record,) = read("osm_named_crossings", Layer.FACILITIES, file).records
    assert record.id == "osm_named_crossings:n2"


def test_files_that_cannot_serve_are_refused_with_a_way_out(tmp_path: Path) -> None:
    broken = tmp_path / "broken.osm.pbf"
    broken.write_bytes(b"no extract at all")
    away = of_roads(street("遠筋", (0, AWAY), (0, AWAY + 1))).write(
        tmp_path / "away.osm.pbf"
    )
    context = ReadContext(profile=OSAKA)
    for name, layer, reader in (
        ("osm_crossings", Layer.CROSSINGS, read_osm_crossings),
        ("osm_named_crossings", Layer.FACILITIES, read_osm_named_crossings),
    ):
        with pytest.raises(SourceError, match="Fetch it again"):
            read(name, layer, broken)
        with pytest.raises(SourceError, match="in 大阪市; is it an extract of another"):
            read(name, layer, away)
        with pytest.raises(SourceError, match=f"source {name}: file: missing"):
            reader(source(name, layer), context)


def test_a_crossing_named_after_a_side_does_not_take_the_place_of_the_thing() -> None:
    school = FacilityRecord(
        id="s", name="大阪市立試小学校", kind="学校/小学校", place=LonLat(135.5, 34.68)
    )
    # 0.0005 degrees of latitude are 56 m.
    crossing = FacilityRecord(
        id="n", name="試小学校前", kind="交差点", place=LonLat(135.5, 34.6805)
    )
    bridge = FacilityRecord(
        id="b", name="験橋北詰", kind="交差点", place=LonLat(135.52, 34.69)
    )
    index = LandmarkIndex((school, crossing, bridge))

    def named(text: str) -> str:
        found = index.find(text)
        assert found.status is PlacingStatus.OK, text
        return found.candidates[0].landmark

    assert named("試小学校前") == "大阪市立試小学校"
    assert named("試小学校前の交差点") == named("試小学校前交差点") == "試小学校前"
    assert named("験橋北詰") == named("験橋北詰の交差点") == "験橋北詰"


def test_crossings_of_the_real_extract_lie_where_they_are() -> None:
    file = need_shared("data/roads/osaka_central_20250922.osm.pbf")
    found = read("osm_crossings", Layer.CROSSINGS, file)
    by_roads = {record.roads: record.place for record in found.records}
    # Read off the nodes of the extract; of 中央大通 the middle of its two carriageways,
    # 34.68167 and 34.68217, whose pieces across 御堂筋 have no name.
    for roads, place in (
        (("御堂筋", "本町通"), LonLat(135.50063, 34.68360)),
        (("中央大通", "御堂筋"), LonLat(135.50057, 34.68192)),
    ):
        assert great_circle_m(by_roads[roads], place) < 5
    assert len(found.records) > 1_000
    named = read("osm_named_crossings", Layer.FACILITIES, file).records
    honmachi = next(one for one in named if one.name == "本町3")
    assert honmachi.names == ("本町3丁目",)
    assert great_circle_m(honmachi.place, by_roads["御堂筋", "本町通"]) < 60
