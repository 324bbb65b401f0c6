"""What goes into a bundle: nothing that cannot be right, and everything once."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from dispatch.domain.place import LonLat
from geodata.bundle import build as build_module
from geodata.bundle.records import AreaRecord, Layer
from geodata.bundle.store import open_bundle
from tests.geodata.bundle.small_city import (
    BLOCK,
    CHUO,
    CROSSING,
    FACILITY,
    HOUSE,
    JURISDICTION,
    KITA,
    LAMP,
    SCHOOL,
    TOWNS,
    WARDS,
    build,
    refused_in,
    ward,
    with_towns,
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the country around and the dictionary: a second of each build."""
    monkeypatch.setattr("geodata.bundle.radii.places_around", lambda _profile: ())
    monkeypatch.setattr(build_module, "_write_dictionary", lambda *_: None)


def test_of_two_sources_the_first_one_wins(tmp_path: Path) -> None:
    moved = replace(BLOCK, place=TOWNS[0].place, num_points=2)
    other = replace(BLOCK, block="17")
    read = {
        "towns": (Layer.TOWNS, TOWNS),
        "first": (Layer.BLOCKS, (BLOCK,)),
        "second": (Layer.BLOCKS, (moved, other, other)),
    }
    told: list[str] = []
    manifest = build(tmp_path / "b", read, told=told.append)
    assert "second: 1 件(重複 2 件)" in told
    found = {record.id: record for record in manifest.sources}["second"]
    assert (found.num_rows, found.num_kept, found.num_merged) == (3, 1, 2)
    with closing(open_bundle(tmp_path / "b")) as bundle:
        assert bundle.blocks()[KITA, "試町一丁目"] == {"16": BLOCK, "17": other}


@pytest.mark.parametrize(
    ("layer", "record"),
    [
        (Layer.TOWNS, TOWNS[0]),
        (Layer.HOUSES, HOUSE),
        (Layer.FACILITIES, FACILITY),
        (Layer.SCHOOLS, SCHOOL),
        (Layer.ASSETS, LAMP),
        (Layer.CROSSINGS, CROSSING),
        (Layer.WARDS, WARDS[0]),
        (Layer.JURISDICTION, JURISDICTION),
    ],
)
def test_what_is_said_twice_is_in_the_bundle_once(
    tmp_path: Path, layer: Layer, record: object
) -> None:
    read = with_towns("twice", layer, (record, record))
    found = {r.id: r for r in build(tmp_path / "b", read).sources}["twice"]
    kept = 0 if layer is Layer.TOWNS else 1  # the towns are there already
    assert (found.num_kept, found.num_merged) == (kept, 2 - kept)


def test_a_school_with_another_id_in_another_source_is_the_same_school(
    tmp_path: Path,
) -> None:
    same = replace(SCHOOL, id="other")
    elsewhere = replace(SCHOOL, id="s2", ward_code=CHUO)
    read = {
        "a": (Layer.SCHOOLS, (SCHOOL,)),
        "b": (Layer.SCHOOLS, (same, elsewhere)),
    }
    assert build(tmp_path / "b", read).counts["schools"] == {KITA: 1, CHUO: 1}


def test_things_of_one_name_in_two_places_are_two_things(tmp_path: Path) -> None:
    read = {
        "lamps": (Layer.ASSETS, (LAMP, replace(LAMP, place=LonLat(135.52, 34.7)))),
        "parks": (
            Layer.FACILITIES,
            (FACILITY, replace(FACILITY, place=LonLat(135.52, 34.7))),
        ),
    }
    manifest = build(tmp_path / "b", read)
    assert manifest.counts == {"assets": {KITA: 2}, "facilities": {KITA: 2}}


def test_a_later_source_of_areas_only_fills_wards_that_have_none(
    tmp_path: Path,
) -> None:
    def district(area_id: str, code: str) -> AreaRecord:
        return replace(
            WARDS[0], layer=Layer.DISTRICTS, id=area_id, name=area_id, ward_code=code
        )

    read = {
        "real": (Layer.DISTRICTS, (district("r1", KITA), district("r2", KITA))),
        "cells": (Layer.DISTRICTS, (district("c1", KITA), district("c2", CHUO))),
    }
    build(tmp_path / "b", read)
    with closing(open_bundle(tmp_path / "b")) as bundle:
        assert [a.id for a in bundle.areas(Layer.DISTRICTS)] == ["r1", "r2", "c2"]


def test_areas_and_offices_of_other_times_stay_beside_each_other(
    tmp_path: Path,
) -> None:
    change = dt.date(2024, 4, 1)
    before = ward(KITA, 34.69, valid_to=change - dt.timedelta(days=1))
    after = ward(KITA, 34.69, valid_from=change)
    # A jurisdiction ends before its last day: the next may begin on it.
    first = replace(JURISDICTION, valid_to=change)
    second = replace(JURISDICTION, office_id="juso", valid_from=change)
    doubled = replace(JURISDICTION, office_id="juso", valid_from=dt.date(2023, 1, 1))
    read = {
        "after": (Layer.WARDS, (after,)),
        "before": (Layer.WARDS, (before,)),
        "offices": (Layer.JURISDICTION, (first, second, doubled)),
    }
    build(tmp_path / "b", read)
    with closing(open_bundle(tmp_path / "b")) as bundle:
        assert len(bundle.areas(Layer.WARDS)) == 2
        assert bundle.jurisdictions() == (first, second)


@pytest.mark.parametrize(
    ("name", "layer", "record", "column", "problem"),
    [
        (
            # 0.9 degrees of latitude: 100 km, as published parcels lie off.
            "parcel",
            Layer.HOUSES,
            replace(HOUSE, place=LonLat(135.5, 35.6)),
            "place",
            "outside the city's bounds",
        ),
        (
            # 0.03 degrees of latitude from 34.700: 3,336 m. The cell of this town of
            # an invented city ends at its ward's outline, 1,217 m off; + 50 m, twice.
            "far",
            Layer.BLOCKS,
            replace(BLOCK, place=LonLat(135.505, 34.73)),
            "place",
            "3336 m from its town's point, believed to 2534 m",
        ),
        (
            "town",
            Layer.BLOCKS,
            replace(BLOCK, ward_code=CHUO),
            "town",
            "not a town of the ward",
        ),
        (
            "ward",
            Layer.SCHOOLS,
            replace(SCHOOL, ward_code="27203"),
            "ward",
            "not a ward of the city",
        ),
        (
            "no-ward",
            Layer.SCHOOLS,
            replace(SCHOOL, ward_code=""),
            "ward",
            "not a ward of the city",
        ),
        (
            "swapped",
            Layer.FACILITIES,
            replace(FACILITY, place=LonLat(34.7, 85.0)),
            "place",
            "outside the city's bounds",
        ),
        (
            "office",
            Layer.JURISDICTION,
            replace(JURISDICTION, office_id="nowhere"),
            "office_id",
            "not a works office of the city",
        ),
        (
            "empty",
            Layer.WARDS,
            replace(
                WARDS[0],
                geometry=WARDS[0].geometry.intersection(WARDS[0].geometry.buffer(-1)),
            ),
            "geometry",
            "empty",
        ),
        (
            "sea",
            Layer.WARDS,
            ward(KITA, 30.0),
            "geometry",
            "outside the city's bounds",
        ),
        (
            "crossing",
            Layer.CROSSINGS,
            replace(CROSSING, place=LonLat(0.0, 0.0)),
            "place",
            "outside the city's bounds",
        ),
    ],
)
def test_what_cannot_be_right_is_left_out_with_its_reason(
    tmp_path: Path, name: str, layer: Layer, record: object, column: str, problem: str
) -> None:
    manifest = build(tmp_path / "b", with_towns(name, layer, (record,)))
    (row,) = refused_in(tmp_path / "b")
    assert (row["source_id"], row["row"]) == (name, None)
    assert (row["column"], row["problem"]) == (column, problem)
    assert row["key"]
    assert layer.value not in manifest.counts
    assert manifest.sources[1].num_refused == 1


def test_things_without_a_ward_are_welcome_where_nobody_says_one(
    tmp_path: Path,
) -> None:
    community = replace(WARDS[0], layer=Layer.COMMUNITIES, ward_code="")
    read = {
        "parks": (Layer.FACILITIES, (replace(FACILITY, ward_code=""),)),
        "lamps": (Layer.ASSETS, (replace(LAMP, ward_code=""),)),
        "communities": (Layer.COMMUNITIES, (community,)),
    }
    manifest = build(tmp_path / "b", read)
    assert {layer: dict(n) for layer, n in manifest.counts.items()} == {
        "communities": {"": 1},
        "facilities": {"": 1},
        "assets": {"": 1},
    }


def test_one_lamp_whose_number_is_written_in_two_ways_is_one_lamp(
    tmp_path: Path,
) -> None:
    wide = replace(LAMP, key="北ａ-１２")
    manifest = build(tmp_path / "b", {"lamps": (Layer.ASSETS, (LAMP, wide))})
    assert manifest.counts == {"assets": {KITA: 1}}
