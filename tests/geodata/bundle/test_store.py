"""A bundle gives back what went in, from any thread, or says that it is damaged."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dispatch.domain.errors import NotFoundError, SourceError
from dispatch.domain.place import LonLat
from geodata.bundle.city_file import write_layers
from geodata.bundle.manifest import (
    CITY_FILE,
    MANIFEST_FILE,
    read_manifest,
    verify,
)
from geodata.bundle.radii import BLOCK_RADIUS_M
from geodata.bundle.records import (
    BlockRecord,
    HouseRecord,
    Layer,
    Record,
    TownRecord,
)
from geodata.bundle.store import Bundle, open_bundle
from tests.geodata.bundle.small_city import (
    BLOCK,
    CHUO,
    CITY,
    CROSSING,
    FACILITY,
    HOUSE,
    JURISDICTION,
    KITA,
    LAMP,
    SCHOOL,
    SHI_1,
    TOWNS,
    WARDS,
    build,
    source,
    ward,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("city") / "bundle"
    build(folder, CITY)
    return folder


@pytest.fixture
def bundle(folder: Path) -> Iterator[Bundle]:
    opened = open_bundle(folder)
    yield opened
    opened.close()


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """Make a bundle of one's own, to be damaged."""
    copied = tmp_path / "copy"
    shutil.copytree(folder, copied)
    for file in copied.rglob("*"):
        file.chmod(0o755)
    return copied


def rewrite_manifest(folder: Path, **values: object) -> None:
    file = folder / MANIFEST_FILE
    known = json.loads(file.read_bytes())
    file.write_text(json.dumps({**known, **values}), encoding="utf-8")


def damage(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / CITY_FILE)) as base:
        base.execute(statement)
        base.commit()
    sizes = dict(read_manifest(folder).sizes)
    rewrite_manifest(
        folder, sizes={**sizes, CITY_FILE: (folder / CITY_FILE).stat().st_size}
    )


def test_every_layer_comes_back_as_it_went_in(bundle: Bundle) -> None:
    assert bundle.towns() == TOWNS
    assert bundle.blocks() == {(KITA, SHI_1.name): {"16": BLOCK}}
    assert bundle.houses_of(KITA, SHI_1.name, "16") == {"3-101": HOUSE.place}
    assert bundle.facilities() == (FACILITY,)
    assert bundle.schools() == (SCHOOL,)
    assert bundle.crossings() == (CROSSING,)
    assert bundle.jurisdictions() == (JURISDICTION,)
    found = bundle.areas(Layer.WARDS)
    assert [(a.id, a.name, a.ward_code) for a in found] == [
        (a.id, a.name, a.ward_code) for a in WARDS
    ]
    # Never simplified, never rounded: the very same corners.
    assert [a.geometry.wkb for a in found] == [a.geometry.wkb for a in WARDS]
    assert bundle.areas(Layer.DISTRICTS) == ()


def test_what_nobody_knows_is_empty_and_no_error(bundle: Bundle) -> None:
    assert bundle.houses_of(KITA, SHI_1.name, "17") == {}
    assert bundle.houses_of(CHUO, SHI_1.name, "16") == {}
    assert bundle.houses_of("", "", "") == {}
    assert bundle.asset("pole", "北A-12") == ()
    with pytest.raises(NotFoundError, match=f"no town '{CHUO} 試町一丁目'"):
        bundle.radius_m(CHUO, SHI_1.name)


@pytest.mark.parametrize("key", ["北A-12", "北a-12", " 北Ａ－１２ ", "北A - 12"])
def test_number_of_a_lamp_is_found_in_any_width_and_case(
    bundle: Bundle, key: str
) -> None:
    assert bundle.asset("street_lamp", key) == (LAMP,)


@pytest.mark.parametrize("key", ["北A-1", "北A-123", "北A12", "A-12", ""])
def test_no_other_number_is_taken_for_it(bundle: Bundle, key: str) -> None:
    assert bundle.asset("street_lamp", key) == ()


def test_radius_of_a_block_depends_on_what_its_place_was_made_from(
    bundle: Bundle,
) -> None:
    radius = bundle.radius_m(KITA, SHI_1.name)
    assert 150 < radius < 1500
    assert bundle.block_radius_m(BLOCK) == BLOCK_RADIUS_M
    # The middle of a few points seen: the town's radius without its 50 m.
    assert bundle.block_radius_m(replace(BLOCK, num_points=3)) == radius - 50


def test_areas_are_those_of_the_day(tmp_path: Path) -> None:
    old = ward(KITA, 34.69, name="旧", valid_to=dt.date(2024, 3, 31))
    new = ward(KITA, 34.69, name="新", valid_from=dt.date(2024, 4, 1))
    build(tmp_path / "b", {"wards": (Layer.WARDS, (old, new))})
    with closing(open_bundle(tmp_path / "b")) as bundle:
        assert [a.name for a in bundle.areas(Layer.WARDS)] == ["旧", "新"]
        for day, name in ((dt.date(2024, 3, 31), "旧"), (dt.date(2024, 4, 1), "新")):
            assert [a.name for a in bundle.areas(Layer.WARDS, on=day)] == [name]
        assert bundle.dictionary_dir is None  # without towns there is none


def test_only_a_whole_source_proves_that_something_is_not_there(tmp_path: Path) -> None:
    other = replace(BLOCK, ward_code=CHUO, town="験町一丁目", block="1")
    other = replace(other, place=TOWNS[2].place)
    read = {
        "towns": (Layer.TOWNS, TOWNS),
        "whole": (Layer.BLOCKS, (BLOCK,)),
        "seen": (Layer.BLOCKS, (other,)),
    }
    sources = (
        source("towns", Layer.TOWNS),
        source("whole", Layer.BLOCKS),
        replace(source("seen", Layer.BLOCKS), is_partial=True),
    )
    build(tmp_path / "b", read, *sources)
    with closing(open_bundle(tmp_path / "b")) as bundle:
        assert bundle.is_complete(Layer.BLOCKS, KITA)
        assert not bundle.is_complete(Layer.BLOCKS, CHUO)  # only seen
        assert not bundle.is_complete(Layer.HOUSES, KITA)  # no source at all


def test_sentences_to_be_shown_are_those_of_what_is_inside(tmp_path: Path) -> None:
    read = {
        "real": (Layer.WARDS, WARDS[:1]),
        "cells": (Layer.WARDS, WARDS),  # fills the ward that the first lacks
        "again": (Layer.WARDS, WARDS),  # gives nothing new
    }
    sources = [source(name, Layer.WARDS) for name in read]
    sources[0] = replace(sources[0], shown_text="区界")
    sources[1] = replace(sources[1], shown_text="近似です", is_approximate=True)
    sources[2] = replace(sources[2], shown_text="別の近似", is_approximate=True)
    build(tmp_path / "b", read, *sources)
    with closing(open_bundle(tmp_path / "b")) as bundle:
        assert bundle.shown_texts == ("区界", "近似です")
        assert bundle.is_approximate(Layer.WARDS)
        assert not bundle.is_approximate(Layer.DISTRICTS)
        assert [a.ward_code for a in bundle.areas(Layer.WARDS)] == [KITA, CHUO]


def test_sixteen_threads_read_the_same(bundle: Bundle) -> None:
    def ask(_: int) -> tuple[Any, ...]:
        return (
            bundle.towns(),
            bundle.blocks(),
            bundle.houses_of(KITA, SHI_1.name, "16"),
            bundle.asset("street_lamp", "北A-12"),
            len(bundle.areas(Layer.WARDS)),
        )

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(200)))
    assert all(answer == answers[0] for answer in answers)
    assert bundle.towns() is bundle.towns()  # read once, shared


def test_an_open_bundle_stays_as_it_was_when_a_new_one_takes_its_place(
    tmp_path: Path,
) -> None:
    place = tmp_path / "b"
    build(place, CITY)
    with closing(open_bundle(place)) as old:
        moved = replace(HOUSE, number="9")
        build(place, {**CITY, "houses": (Layer.HOUSES, (moved,))})
        assert set(old.houses_of(KITA, SHI_1.name, "16")) == {"3-101"}
        with closing(open_bundle(place)) as new:
            assert set(new.houses_of(KITA, SHI_1.name, "16")) == {"9"}


def test_a_closed_bundle_says_so_and_not_that_it_is_damaged(copy: Path) -> None:
    bundle = open_bundle(copy)
    bundle.close()
    with pytest.raises(SourceError, match=r"copy: these city data are closed") as told:
        bundle.towns()
    assert "build it again" not in str(told.value)


def test_a_record_that_was_read_can_be_written_again(
    copy: Path, tmp_path: Path
) -> None:
    read = read_manifest(copy)
    read.write(tmp_path)
    assert read_manifest(tmp_path) == read
    assert (tmp_path / MANIFEST_FILE).read_bytes() == (
        copy / MANIFEST_FILE
    ).read_bytes()


def test_nothing_can_be_written_through_a_bundle(bundle: Bundle) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        bundle._base.execute("DELETE FROM towns")  # noqa: SLF001 - the very file
    with pytest.raises(TypeError):
        bundle.blocks()["a", "b"] = {}  # type: ignore[index]


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"not a bundle .*; build it again"):
        open_bundle(tmp_path)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"format": 3}, "format 3, this program reads 2; update the program"),
        ({"format": 1}, "format 1, this program reads 2; build it again"),
        ({"format": None}, "format None, .* build it again"),
        ({"kind": "roads"}, "holds other data than a bundle"),
        ({"sources": [{}]}, "damaged .*; build it again"),
        ({"purpose": "demo"}, "damaged"),
        ({"counts": []}, "damaged"),
        ({"colour": 1}, "damaged"),
        ({"files": {}}, "damaged: city.sqlite3; build it again"),
    ],
)
def test_a_foreign_or_damaged_manifest_is_refused_with_advice(
    copy: Path, values: dict[str, object], problem: str
) -> None:
    rewrite_manifest(copy, **values)
    with pytest.raises(SourceError, match=problem):
        open_bundle(copy)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_manifest_of_anything_is_refused(copy: Path, content: bytes) -> None:
    (copy / MANIFEST_FILE).write_bytes(content)
    with pytest.raises(SourceError, match="build it again"):
        open_bundle(copy)


def test_a_cut_or_missing_file_is_seen_when_opening(copy: Path) -> None:
    content = (copy / CITY_FILE).read_bytes()
    (copy / CITY_FILE).write_bytes(content[:-1])
    with pytest.raises(SourceError, match=r"damaged: city\.sqlite3; build it again"):
        open_bundle(copy)
    (copy / CITY_FILE).unlink()
    with pytest.raises(SourceError, match=r"damaged: city\.sqlite3"):
        open_bundle(copy)


def test_a_city_file_that_went_away_meanwhile_is_refused(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=r"cannot be opened .*build it again"):
        Bundle(tmp_path, read_manifest(folder))


def test_a_file_of_the_right_size_that_is_no_database_is_refused(copy: Path) -> None:
    size = (copy / CITY_FILE).stat().st_size
    (copy / CITY_FILE).write_bytes(b"x" * size)
    with pytest.raises(SourceError, match=r"cannot be read .*build it again"):
        open_bundle(copy)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE towns SET lon = 999",
        "UPDATE towns SET lon = 'x'",
        "DROP TABLE towns",
        "UPDATE blocks SET town_id = 99",
        "UPDATE areas SET wkb = X'00'",
        "UPDATE areas SET wkb = X'0101000000'",
        "UPDATE areas SET valid_from = 'soon'",
        "UPDATE facilities SET names = '['",
        "UPDATE jurisdictions SET valid_from = 'soon'",
    ],
)
def test_damaged_rows_are_a_source_error_when_asked_for(
    copy: Path, statement: str
) -> None:
    damage(copy, statement)
    with closing(open_bundle(copy)) as bundle:
        asked = (
            *(bundle.towns, bundle.blocks, bundle.facilities, bundle.jurisdictions),
            lambda: bundle.areas(Layer.WARDS),
        )
        problems = []
        for ask in asked:
            try:
                ask()
            except SourceError as error:
                problems.append(str(error))
        assert problems
        assert all("build it again" in problem for problem in problems)


def test_verify_names_what_was_changed_added_or_lost(copy: Path) -> None:
    assert verify(copy) == []
    content = bytearray((copy / CITY_FILE).read_bytes())
    content[-1] ^= 1  # one bit: no size tells it
    (copy / CITY_FILE).write_bytes(content)
    (copy / "more.txt").write_text("x")
    (copy / "second" / "dataset.sqlite").unlink()
    assert verify(copy) == [CITY_FILE, "more.txt", "second/dataset.sqlite"]


def test_manifest_is_read_as_it_was_written(folder: Path, tmp_path: Path) -> None:
    manifest = read_manifest(folder)
    read_again = replace(
        manifest,
        sources=tuple(
            replace(s, num_by_ward=dict(s.num_by_ward), other_files={})
            for s in manifest.sources
        ),
        files=dict(manifest.files),
        sizes=dict(manifest.sizes),
        counts={layer: dict(counts) for layer, counts in manifest.counts.items()},
    )
    read_again.write(tmp_path)
    assert read_manifest(tmp_path) == manifest


def test_the_same_records_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    first = read_manifest(folder)
    second = build(tmp_path / "b", CITY)
    assert first.files[CITY_FILE] == second.files[CITY_FILE]
    assert first.id == second.id == f"20261122T090000-{first.files[CITY_FILE][:8]}"


def test_a_city_of_full_size_opens_in_a_moment(folder: Path, tmp_path: Path) -> None:
    # 1,900 towns with 16 blocks each, of which every tenth has 130 house numbers: the
    # number of blocks of a full Osaka, and enough houses to need the index.
    towns: list[TownRecord] = []
    blocks: list[BlockRecord] = []
    houses: list[HouseRecord] = []
    for number in range(1900):
        place = LonLat(135.4 + number * 1e-4, 34.7)
        name = f"町{number}"
        towns.append(
            TownRecord(ward_code=KITA, name=name, oaza=name, chome=None, place=place)
        )
        for block in map(str, range(16)):
            known = replace(BLOCK, town=name, block=block, place=place)
            blocks.append(known)
            if number % 10 == 0 and block == "0":
                house = replace(HOUSE, town=name, block=block)
                houses += [replace(house, number=str(n)) for n in range(130)]
    shutil.copy(folder / MANIFEST_FILE, tmp_path)
    layers: dict[Layer, Sequence[Record]] = {
        Layer.TOWNS: towns,
        Layer.BLOCKS: blocks,
        Layer.HOUSES: houses,
    }
    write_layers(tmp_path / CITY_FILE, layers, {(KITA, t.name): 300 for t in towns})
    size = (tmp_path / CITY_FILE).stat().st_size
    rewrite_manifest(tmp_path, sizes={CITY_FILE: size})
    began = time.perf_counter()
    with closing(open_bundle(tmp_path)) as bundle:
        found = bundle.blocks()
        numbers = bundle.houses_of(KITA, "町10", "0")
        taken_s = time.perf_counter() - began
    assert sum(map(len, found.values())) == 1900 * 16
    assert len(numbers) == 130
    assert taken_s < 1.0  # 0.1 s on two shared cores


def test_opening_loads_no_table_library() -> None:
    code = (
        "import sys; import geodata.bundle.store; "
        "print([m for m in ('geopandas', 'pandas', 'pyogrio', 'jageocoder') "
        "if m in sys.modules])"
    )
    found = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
