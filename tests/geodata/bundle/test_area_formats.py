"""Published area files are read in each layout; what is another city's is not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat, Ward
from geodata.bundle.reading import ReadContext
from geodata.bundle.records import (
    FacilityRecord,
    Layer,
    SchoolRecord,
    TownRecord,
)
from geodata.bundle.school_points import ward_codes
from geodata.bundle.tiling import overlaps
from geodata.bundle.voronoi import in_plane
from geodata.city import CityProfile, load_city
from geodata.towns import read_towns
from tests.geodata.bundle.area_files import (
    EAST,
    FUKUSHIMA,
    MIYAKOJIMA,
    N03_SINCE_2024,
    N03_UNTIL_2023,
    OSAKA,
    TWO_WARDS,
    WEST,
    Rows,
    frame,
    geojson,
    n03_rows,
    read,
    school,
    zipped,
)
from tests.shared_data import need_shared


@pytest.mark.parametrize("layout", [N03_UNTIL_2023, N03_SINCE_2024])
def test_both_layouts_of_n03_give_the_same_wards(
    tmp_path: Path, layout: Sequence[tuple[str | None, ...]]
) -> None:
    file = geojson(tmp_path / "N03.geojson", n03_rows(layout))
    result = read("n03", Layer.WARDS, file, valid_from=dt.date(2024, 1, 1))
    assert [(one.id, one.name) for one in result.records] == [
        (MIYAKOJIMA, "都島区"),
        (FUKUSHIMA, "福島区"),
    ]
    west, east = result.records
    # An island is a further row of the same ward: both in one record.
    assert west.geometry.geom_type == "MultiPolygon"
    assert len(west.geometry.geoms) == 2
    assert east.geometry.equals(EAST)
    assert west.valid_from == dt.date(2024, 1, 1)
    assert result.num_elsewhere == 2  # 堺市北区 and ground without a municipality
    assert result.refused == ()


def test_only_codes_of_six_digits_have_a_short_form() -> None:
    assert ward_codes(OSAKA)["27102"] == ward_codes(OSAKA)[MIYAKOJIMA] == MIYAKOJIMA
    boston = load_city("boston")  # its wards are numbered 02, 03 ...
    assert ward_codes(boston) == {ward.code: ward.code for ward in boston.wards}


def test_n03_of_another_prefecture_is_refused_in_plain_words(tmp_path: Path) -> None:
    file = geojson(tmp_path / "N03.geojson", [({"N03_007": "13101"}, WEST)])
    with pytest.raises(SourceError, match="holds no ward of 大阪市"):
        read("n03", Layer.WARDS, file)


OSM_ROWS: Rows = [
    ({"name:ja": "都島区", "name": "Miyakojima", "ref": None}, WEST),
    ({"name:ja": None, "name": "大阪市福島区", "ref": None}, EAST),
    ({"name": "北区", "ref": 27127.0}, shapely.box(135.49, 34.70, 135.50, 34.71)),
    ({"name": "都島区"}, shapely.Point(135.505, 34.705)),  # its label
    ({"name": "都島区"}, shapely.box(135.0, 34.0, 135.1, 34.1)),  # another city's
    ({"name": "大東市"}, shapely.box(135.60, 34.70, 135.61, 34.71)),
    ({"name": "福島区"}, None),
]


def test_osm_wards_are_told_by_code_or_by_a_name_with_a_town_inside(
    tmp_path: Path,
) -> None:
    towns = tuple(
        TownRecord(ward_code=code, name="町", oaza="町", chome=None, place=place)
        for code, place in (
            (MIYAKOJIMA, LonLat(135.505, 34.705)),
            (FUKUSHIMA, LonLat(135.515, 34.705)),
        )
    )
    file = geojson(tmp_path / "osm.geojson", OSM_ROWS)
    context = ReadContext(profile=OSAKA, towns=towns)
    result = read("osm_boundary", Layer.WARDS, file, context)
    assert [one.name for one in result.records] == ["都島区", "福島区", "北区"]
    assert result.records[0].geometry.equals(WEST)
    assert result.num_elsewhere == 4
    assert result.refused == ()


def test_a_coded_ward_without_a_shape_is_refused(tmp_path: Path) -> None:
    rows: Rows = [({"ref": "27102"}, WEST), ({"ref": "27103"}, None)]
    result = read("osm_boundary", Layer.WARDS, geojson(tmp_path / "o.json", rows))
    assert [(one.row, one.column) for one in result.refused] == [(3, "geometry")]


def test_wards_of_any_file_are_found_by_code_or_name(tmp_path: Path) -> None:
    rows: Rows = [
        ({"key": "都島区"}, WEST),
        ({"key": "271039"}, EAST),
        ({"key": "東大阪市"}, EAST),
    ]
    file = geojson(tmp_path / "wards.geojson", rows)
    result = read("polygons", Layer.WARDS, file, columns={"id": "key"})
    assert [one.id for one in result.records] == [MIYAKOJIMA, FUKUSHIMA]
    assert result.num_elsewhere == 1


DISTRICT_ROWS: Rows = [
    ({"学校": "大阪市立中野小学校", "区": "都島区", "番号": "N1"}, WEST),
    ({"学校": "大阪市立中野小学校", "区": "都島区", "番号": "N1"}, EAST),
    ({"学校": "高倉小学校", "区": "27102", "番号": "N2"}, EAST),
    ({"学校": "海老江東小学校", "区": "都島区", "番号": ""}, EAST),
    ({"学校": "", "区": "都島区", "番号": "N4"}, EAST),
    ({"学校": "どこか小学校", "区": "堺市北区", "番号": "N5"}, EAST),
    ({"学校": "高倉小学校", "区": "福島区", "番号": "N2"}, EAST),
    ({"学校": "無形小学校", "区": "福島区", "番号": "N7"}, None),
]


MAPPED = {"id": "番号", "name": "学校", "ward": "区"}


def test_districts_take_the_id_of_their_school_and_their_rows_are_merged(
    tmp_path: Path,
) -> None:
    file = geojson(tmp_path / "districts.geojson", DISTRICT_ROWS)
    result = read(
        "polygons",
        Layer.DISTRICTS,
        file,
        TWO_WARDS,
        columns=MAPPED,
        valid_to=dt.date(2027, 3, 31),
    )
    assert [(one.id, one.name, one.ward_code) for one in result.records] == [
        ("271021-01", "中野小", MIYAKOJIMA),  # known: the id that charts hold
        ("N2", "高倉小", MIYAKOJIMA),
        ("271021-海老江東小", "海老江東小", MIYAKOJIMA),
    ]
    assert result.records[0].geometry.equals(shapely.union(WEST, EAST))
    assert result.records[0].valid_to == dt.date(2027, 3, 31)
    assert [(one.row, one.column) for one in result.refused] == [
        (6, "name"),
        (8, "id"),  # N2 again, in another ward
        (9, "geometry"),
    ]
    assert result.num_elsewhere == 1


def test_an_area_without_a_stated_ward_belongs_where_most_of_it_lies(
    tmp_path: Path,
) -> None:
    rows: Rows = [
        ({"name": "東寄り"}, shapely.box(135.508, 34.70, 135.516, 34.71)),
        ({"name": "隣の市"}, shapely.box(135.0, 34.0, 135.1, 34.1)),
        ({"name": "辺だけ"}, shapely.box(135.52, 34.70, 135.53, 34.71)),
        ({"name": "形なし"}, None),
    ]
    file = geojson(tmp_path / "communities.geojson", rows)
    columns = {"name": "name"}
    result = read("polygons", Layer.COMMUNITIES, file, TWO_WARDS, columns=columns)
    # 2 of its 8 thousandths of a degree lie in the west, 6 in the east.
    assert [(one.id, one.name, one.ward_code) for one in result.records] == [
        ("271039-東寄り", "東寄り", FUKUSHIMA)
    ]
    assert result.num_elsewhere == 3


A27_COLUMNS = {
    "old": ("A27_005", "A27_006", "A27_007", "A27_008"),
    "new": ("A27_001", "A27_002", "A27_003", "A27_004", "A27_005"),
}


def a27_rows(layout: str) -> Rows:
    rows = [
        ("27100", "大阪市立", "B127210000001", "中野小学校", "中野町5-2-2", WEST),
        ("27102", "大阪市立", "B127210000002", "高倉小学校", "友渕町1-5", EAST),
        ("27227", "東大阪市立", "B127210000003", "孔舎衙小学校", "日下町7", EAST),
    ]
    columns = A27_COLUMNS[layout]
    values = [row[:2] + row[3:5] if layout == "old" else row[:5] for row in rows]
    return [
        (dict(zip(columns, texts, strict=True)), row[5])
        for texts, row in zip(values, rows, strict=True)
    ]


@pytest.mark.parametrize("layout", ["old", "new"])
def test_a27_is_read_in_either_order_of_columns(tmp_path: Path, layout: str) -> None:
    file = geojson(tmp_path / "A27.geojson", a27_rows(layout))
    result = read("a27", Layer.DISTRICTS, file, TWO_WARDS)
    second = "B127210000002" if layout == "new" else "271039-高倉小"
    assert [(one.id, one.name, one.ward_code) for one in result.records] == [
        ("271021-01", "中野小", MIYAKOJIMA),
        (second, "高倉小", FUKUSHIMA),  # by its ground, not by its code
    ]
    assert result.num_elsewhere == 1
    without = read("a27", Layer.DISTRICTS, file, ReadContext(profile=OSAKA))
    # Without wards only the row with a ward's code can be placed.
    assert [one.ward_code for one in without.records] == [MIYAKOJIMA]


def test_of_an_old_zip_the_polygons_are_taken_not_the_points(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    rows = a27_rows("old")
    points: Rows = [(texts, shape.centroid) for texts, shape in rows if shape]
    names = ("A27-10_27-g_PublicElementarySchool", "A27-10_27-g_SchoolDistrict")
    for name, content in zip(names, (points, rows), strict=True):
        frame(content).to_file(inner / f"{name}.shp", encoding="cp932")
    file = zipped(tmp_path / "A27-10_27_GML.zip", inner)
    assert len(read("a27", Layer.DISTRICTS, file, TWO_WARDS).records) == 2
    with pytest.raises(SourceError, match="holds no GeometryCollection or"):
        read(
            "a27",
            Layer.DISTRICTS,
            file,
            TWO_WARDS,
            options={"member": "PublicElementarySchool.shp"},
        )


def test_a27_without_the_city_says_what_to_use_instead(tmp_path: Path) -> None:
    file = geojson(tmp_path / "A27.geojson", a27_rows("new")[2:])
    with pytest.raises(SourceError, match=r"no school district of 大阪市.*voronoi"):
        read("a27", Layer.DISTRICTS, file, TWO_WARDS)
    other = geojson(tmp_path / "other.geojson", [({"A27_001": "x"}, WEST)])
    with pytest.raises(SourceError, match="not a file of A27"):
        read("a27", Layer.DISTRICTS, other, TWO_WARDS)


P29 = [
    # ward, code, class, name, address, manager, state
    ("27102", "B127210000001", "16001", "中野小学校", "中野町5", "3", "1"),
    ("27102", "B127210000002", "16001", "休み小学校", "中野町6", "3", "2"),
    ("27102", "A127210000003", "16001", "付属小学校", "中野町7", "1", "1"),
    ("27103", "C127210000004", "16002", "下福島中学校", "玉川1", "3", "1"),
    ("27103", "D127210000005", "16099", "何とか学校", "玉川2", "3", "1"),
    ("27146", "B127210000006", "16001", "北小学校", "堺1", "3", "1"),
]


def p29_rows(layout: str) -> Rows:
    point = shapely.Point(135.505, 34.705)
    rows: list[tuple[Mapping[str, Any], BaseGeometry | None]] = []
    for ward, code, *rest in P29:
        # Before 2021 the second and third were the classes of public buildings.
        values = (ward, code, *rest) if layout == "new" else (ward, "16", "16", *rest)
        texts = {f"P29_{at:03}": text for at, text in enumerate(values, start=1)}
        rows.append((texts, point))
    return [*rows, (rows[0][0], None), ({**rows[0][0], "P29_004": ""}, point)]


@pytest.mark.parametrize("layout", ["old", "new"])
def test_p29_gives_schools_as_facilities_of_the_city(
    tmp_path: Path, layout: str
) -> None:
    file = geojson(tmp_path / "P29.geojson", p29_rows(layout)[:7])
    result = read("p29", Layer.FACILITIES, file)
    first = result.records[0]
    assert first == FacilityRecord(
        id="B127210000001" if layout == "new" else "271021-中野小学校",
        name="中野小学校",
        place=LonLat(135.505, 34.705),
        kind="学校/小学校",
        ward_code=MIYAKOJIMA,
        address="中野町5",
    )
    assert [one.kind for one in result.records[3:]] == ["学校/中学校", "学校"]
    assert result.num_elsewhere == 1
    assert [one.row for one in result.refused] == [8]  # without a point


def test_p29_gives_municipal_elementary_schools_with_the_ids_of_the_profile(
    tmp_path: Path,
) -> None:
    file = geojson(tmp_path / "P29.geojson", p29_rows("new"))
    result = read("p29", Layer.SCHOOLS, file)
    assert [(one.id, one.short_name, one.active) for one in result.records] == [
        ("271021-01", "中野小", True),  # as in the profile's table
        ("B127210000002", "休み小", False),
    ]
    assert result.num_elsewhere == 4  # 付属, 中学校, 何とか, 堺市
    assert [one.row for one in result.refused] == [8, 9]


def test_a_file_that_is_no_p29_or_of_another_city_is_refused(tmp_path: Path) -> None:
    point = shapely.Point(135.505, 34.705)
    file = geojson(tmp_path / "a.geojson", [({"P29_001": "中野小学校"}, point)])
    with pytest.raises(SourceError, match="not a file of P29"):
        read("p29", Layer.SCHOOLS, file)
    file = geojson(tmp_path / "b.geojson", p29_rows("new")[5:6])
    with pytest.raises(SourceError, match="holds no school of 大阪市"):
        read("p29", Layer.FACILITIES, file)
    file = geojson(tmp_path / "c.geojson", p29_rows("old")[5:6])
    with pytest.raises(SourceError, match="holds no school of 大阪市"):
        read("p29", Layer.FACILITIES, file)


def test_estimates_need_the_layers_before_them() -> None:
    with pytest.raises(SourceError, match="needs a source of towns"):
        read("voronoi_towns", Layer.WARDS)
    with pytest.raises(SourceError, match="needs wards and schools"):
        read("voronoi_schools", Layer.DISTRICTS)


def test_estimates_are_read_like_any_source() -> None:
    towns = tuple(
        TownRecord(
            ward_code=MIYAKOJIMA,
            name=f"{x}{y}",
            oaza="",
            chome=None,
            place=LonLat(135.52 + x / 500, 34.70 + y / 500),
        )
        for x in range(4)
        for y in range(4)
    )
    validity: dict[str, Any] = {
        "valid_from": dt.date(2020, 4, 1),
        "valid_to": dt.date(2030, 3, 31),
    }
    context = ReadContext(profile=OSAKA, towns=towns)
    wards = read("voronoi_towns", Layer.WARDS, context=context, **validity)
    assert [one.name for one in wards.records] == ["都島区"]
    schools = (
        school("a", "甲小"),
        school("b", "乙小"),  # at the same point: no ground of its own
        replace(school("c", "丙小"), active=False),
    )
    context = replace(context, wards=tuple(wards.records), schools=schools)
    result = read("voronoi_schools", Layer.DISTRICTS, context=context, **validity)
    assert [one.id for one in result.records] == ["a"]
    assert [(one.row, one.column) for one in result.refused] == [(3, "place")]
    for one in (*wards.records, *result.records):
        assert (one.valid_from, one.valid_to) == tuple(validity.values())


def test_columns_that_are_not_there_or_not_known_are_named(tmp_path: Path) -> None:
    file = geojson(tmp_path / "a.geojson", [({"name": "a", "ward": "b"}, WEST)])
    with pytest.raises(SourceError, match="no column 学校; there are: name, ward"):
        read("polygons", Layer.DISTRICTS, file, columns={"name": "学校"})
    for columns in ({"id": "name"}, {"name": "name", "kana": "name"}):
        with pytest.raises(SourceError, match="columns: name is needed"):
            read("polygons", Layer.DISTRICTS, file, columns=columns)
    with pytest.raises(SourceError, match="columns: id is needed"):
        read("polygons", Layer.WARDS, file, columns={"name": "name"})
    with pytest.raises(SourceError, match=r"options\.epgs: unknown key"):
        read("n03", Layer.WARDS, file, options={"epgs": 6668})


def test_osaka_wards_of_osm_hold_every_town() -> None:
    file = need_shared("data/wards/osaka_wards_osm.geojson")
    columns = {"id": "ward_code", "name": "ward"}
    wards = read("polygons", Layer.WARDS, file, columns=columns).records
    assert len(wards) == 24
    shape_of = {ward.id: ward.geometry for ward in wards}
    towns = read_towns(OSAKA)
    own = [
        shapely.contains_xy(shape_of[one.ward_code], one.place.lon, one.place.lat)
        for one in towns
    ]
    assert sum(own) == len(towns) == 1_903
    assert overlaps(wards, OSAKA) == ()
    by_boundary = read("osm_boundary", Layer.WARDS, file).records
    assert [one.id for one in by_boundary] == [one.id for one in wards]


def test_the_approximate_districts_have_the_ids_of_their_schools() -> None:
    name = "osaka_school_districts_APPROX_voronoi.geojson"
    file = need_shared(f"data/school_districts/{name}")
    schools = tuple(
        SchoolRecord(
            id=one.id,
            name=one.name,
            short_name=one.short_name,
            ward_code=one.ward_code,
            place=one.place,
        )
        for one in OSAKA.schools
    )
    districts = read(
        "polygons",
        Layer.DISTRICTS,
        file,
        ReadContext(profile=OSAKA, schools=schools),
        columns={"name": "school", "ward": "ward_code"},
    ).records
    assert len(districts) == 298
    assert {one.id for one in districts} <= {one.id for one in schools}


def test_the_real_a27_is_read_for_a_city_that_is_in_it() -> None:
    name = "A27-21_27_neighbour_cities_REAL_not_osaka_city.geojson"
    file = need_shared(f"data/school_districts/{name}")
    with pytest.raises(SourceError, match="no school district of 大阪市"):
        read("a27", Layer.DISTRICTS, file)
    toyonaka: CityProfile = replace(
        OSAKA, name="豊中市", wards=(Ward(code="272035", name="豊中市"),), schools=()
    )
    result = read("a27", Layer.DISTRICTS, file, ReadContext(profile=toyonaka))
    assert len(result.records) == 41
    assert result.num_elsewhere == 160 - 41
    assert all(one.name.endswith("小") for one in result.records)
    assert overlaps(result.records, toyonaka) == ()
    total_km2 = sum(shape.area for shape in in_plane(result.records, toyonaka)) / 1e6
    assert total_km2 == pytest.approx(36.4, abs=1.5)  # 豊中市: 36.39 km2 (国土地理院)
