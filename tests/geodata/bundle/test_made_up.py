"""Rows that a file marks as invented are refused, unless the source says it is so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import shapely

from geodata.bundle.made_up import MADE_UP, is_made_up
from geodata.bundle.place_files import read_assets
from geodata.bundle.records import Layer
from tests.geodata.bundle.area_files import (
    EAST,
    FUKUSHIMA,
    MIYAKOJIMA,
    TWO_WARDS,
    WEST,
    geojson,
    read,
    source,
)

YES = ["true", "TRUE", "True", "1", "１", "yes", "Yes", "○", "◯", "〇", " ○ "]
NO = ["", "false", "0", "no", "×", "2", "いいえ"]


@pytest.mark.parametrize("mark", YES)
def test_a_yes_is_read_in_every_way_of_writing_it(mark: str) -> None:
    assert is_made_up(mark)


@pytest.mark.parametrize("mark", NO)
def test_anything_else_marks_nothing(mark: str) -> None:
    assert not is_made_up(mark)


@pytest.mark.parametrize(
    "column", ["synthetic", "Synthetic", "合成", "ＳＹＮＴＨＥＴＩＣ"]
)
def test_a_marked_row_of_a_table_is_refused_by_its_line(
    tmp_path: Path, column: str
) -> None:
    file = tmp_path / "assets.csv"
    file.write_text(
        f"kind,key,lon,lat,{column}\n"
        "street_lamp,1,135.50,34.70,\n"
        "street_lamp,2,135.51,34.70,○\n"
        "street_lamp,3,135.52,34.70,false\n",
        encoding="utf-8",
    )
    found = read_assets(source("assets_csv", Layer.ASSETS, file), TWO_WARDS)
    assert [one.key for one in found.records] == ["1", "3"]
    (refused,) = found.refused
    assert (refused.row, refused.column, refused.problem) == (3, column, MADE_UP)
    invented = source("assets_csv", Layer.ASSETS, file, is_synthetic=True)
    taken = read_assets(invented, TWO_WARDS)
    assert [one.key for one in taken.records] == ["1", "2", "3"]
    assert taken.refused == ()


@pytest.mark.parametrize("column", ["synthetic", "合成"])
@pytest.mark.parametrize("mark", [True, 1, 1.0, "yes", "○"])
def test_a_marked_ward_of_a_polygon_file_is_refused_by_its_row(
    tmp_path: Path, column: str, mark: object
) -> None:
    rows: list[tuple[dict[str, Any], shapely.Polygon]] = [
        ({"code": MIYAKOJIMA, column: type(mark)()}, WEST),
        ({"code": FUKUSHIMA, column: mark}, EAST),
        # Of no ward of ours: made up all the same, and told so.
        ({"code": "999999", column: mark}, EAST),
    ]
    file = geojson(tmp_path / "wards.geojson", rows)
    columns = {"columns": {"id": "code"}}
    found = read("polygons", Layer.WARDS, file, TWO_WARDS, **columns)
    assert [one.id for one in found.records] == [MIYAKOJIMA]
    assert [(one.row, one.problem) for one in found.refused] == [
        (3, MADE_UP),
        (4, MADE_UP),
    ]
    assert found.num_elsewhere == 0
    taken = read("polygons", Layer.WARDS, file, TWO_WARDS, is_synthetic=True, **columns)
    assert [one.id for one in taken.records] == [MIYAKOJIMA, FUKUSHIMA]
    assert (taken.refused, taken.num_elsewhere) == ((), 1)


def test_a_marked_community_is_refused_wherever_it_lies(tmp_path: Path) -> None:
    inner = shapely.box(135.502, 34.702, 135.504, 34.704)
    file = geojson(
        tmp_path / "communities.geojson",
        [
            ({"name": "本物", "合成": ""}, inner),
            ({"name": "作り物", "合成": "○"}, inner),
            ({"name": "よその", "合成": ""}, shapely.box(135.4, 34.5, 135.41, 34.51)),
        ],
    )
    columns = {"columns": {"name": "name"}}
    found = read("polygons", Layer.COMMUNITIES, file, TWO_WARDS, **columns)
    assert [one.name for one in found.records] == ["本物"]
    assert [(one.row, one.problem) for one in found.refused] == [(3, MADE_UP)]
    assert found.num_elsewhere == 1


def test_a_marked_school_point_is_refused(tmp_path: Path) -> None:
    def row(name: str, mark: str) -> tuple[dict[str, Any], shapely.Point]:
        return (
            {
                "P29_001": "27102",
                "P29_002": "B127210000001",
                "P29_003": "16001",
                "P29_004": name,
                "P29_005": "都島区中野町1-1",
                "P29_006": "3",
                "P29_007": "0",
                "synthetic": mark,
            },
            shapely.Point(135.505, 34.705),
        )

    file = geojson(
        tmp_path / "P29.geojson",
        [row("大阪市立中野小学校", "no"), row("大阪市立架空小学校", "yes")],
    )
    found = read("p29", Layer.FACILITIES, file, TWO_WARDS)
    assert [one.name for one in found.records] == ["大阪市立中野小学校"]
    assert [(one.row, one.problem) for one in found.refused] == [(3, MADE_UP)]
