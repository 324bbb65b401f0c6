"""A city's units and community areas: both shapes are data, mistakes are told."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from dispatch.domain.errors import SourceError
from geodata.city import load_city
from geodata.organisation_tables import read_communities, read_units

OSAKA = load_city("osaka")
UNIT_HEADER = (
    "id,kind,name,tasks,valid_from,valid_to,predecessors,source,source_date,confidence"
)
AREA_HEADER = "ward_code,name,districts,source,source_date,confidence"


def folder_with(tmp_path: Path, name: str, header: str, *rows: str) -> Path:
    (tmp_path / "organisation").mkdir()
    file = tmp_path / "organisation" / name
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return tmp_path


def test_osaka_has_its_shape_of_2011_and_todays() -> None:
    units = read_units(OSAKA.folder, OSAKA.offices)
    then, now = dt.date(2011, 4, 1), dt.date(2026, 11, 24)
    kinds_then = [unit.kind for unit in units.on(then)]
    kinds_now = [unit.kind for unit in units.on(now)]
    assert kinds_then.count("工営所") == kinds_now.count("工営所") == 8
    # nine park offices in the data of 2015, seven in the regulation of February 2022
    assert kinds_then.count("公園事務所") == 9
    assert kinds_now.count("公園事務所") == 7
    # ten environment centres and one branch
    assert kinds_now.count("環境事業センター") == 11
    with_sewers = [unit.id for unit in units.on(then) if "下水道" in unit.tasks]
    assert set(with_sewers) == {office.id for office in OSAKA.offices}
    today = {unit.kind for unit in units.on(now) if "下水道" in unit.tasks}
    assert today == {"管路管理センター"}


def test_every_name_of_a_works_office_is_that_of_its_table() -> None:
    units = read_units(OSAKA.folder, OSAKA.offices)
    today = dt.date(2026, 11, 24)
    for office in OSAKA.offices:
        assert units.name_on(office.id, today) == office.name


def test_a_city_without_a_table_has_its_works_offices() -> None:
    boston = load_city("boston")
    units = read_units(boston.folder, boston.offices)
    assert len(units.shapes) == len(boston.offices)
    assert read_communities(boston.folder, set()) == ()


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (["a,工営所,甲,,2011-04-01,2011-04-01,,市,2026,P"], "not after valid_from"),
        (["a,工営所,甲,,2011-04-01,,b,市,2026,P"], "is not in units.csv"),
        (
            [
                "a,工営所,甲,,2011-04-01,,,市,2026,P",
                "a,工営所,乙,,2017-04-01,,,市,2026,P",
            ],
            "another shape then",
        ),
        (["a,工営所,甲,,2011-04-01,,,市,2026,P"], "no row of the works office juso"),
    ],
    ids=["no-days", "predecessor", "two-shapes", "works-office"],
)
def test_a_mistake_in_the_units_is_told(
    tmp_path: Path, rows: list[str], problem: str
) -> None:
    folder = folder_with(tmp_path, "units.csv", UNIT_HEADER, *rows)
    with pytest.raises(SourceError, match=problem):
        read_units(folder, OSAKA.offices)


def test_community_areas_and_school_districts_are_many_to_many(tmp_path: Path) -> None:
    rows = ("271225,北地域,d1|d2,試験,2026,P", "271225,南地域,d2,試験,2026,P")
    folder = folder_with(tmp_path, "communities.csv", AREA_HEADER, *rows)
    north, south = read_communities(folder, {"271225"})
    assert (north.district_ids, south.district_ids) == (("d1", "d2"), ("d2",))
    assert read_communities(OSAKA.folder, set()) == ()  # no list is published


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (["9,北地域,d1,試験,2026,P"], "is not in wards.csv"),
        (["1,北地域,d1,試験,2026,P"] * 2, "has it already"),
    ],
    ids=["ward", "twice"],
)
def test_a_mistake_in_the_areas_is_told(
    tmp_path: Path, rows: list[str], problem: str
) -> None:
    folder = folder_with(tmp_path, "communities.csv", AREA_HEADER, *rows)
    with pytest.raises(SourceError, match=problem):
        read_communities(folder, {"1"})
