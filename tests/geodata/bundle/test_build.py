"""Building: what cannot be right stays out, the first source wins, whole or nothing."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dispatch.domain.errors import InvalidInputError, SourceError
from geodata.bundle import build as build_module
from geodata.bundle.build import build_bundle
from geodata.bundle.config import read_config
from geodata.bundle.manifest import (
    CITY_FILE,
    MANIFEST_FILE,
    PREVIOUS_FILE,
    previous_manifest,
    read_manifest,
    verify,
)
from geodata.bundle.reading import Format, ReadContext, SourceConfig
from geodata.bundle.records import Layer, LayerRead, Refused
from geodata.bundle.store import open_bundle
from geodata.city import load_city
from tests.geodata.bundle.small_city import (
    AT,
    CHUO,
    CITY,
    FACILITY,
    KITA,
    OSAKA,
    Given,
    build,
    config_of,
    giving,
    refused_in,
    source,
)
from tests.shared_data import need_shared

REPO = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the country around and the dictionary: a second of each build."""
    monkeypatch.setattr("geodata.bundle.radii.places_around", lambda _profile: ())
    monkeypatch.setattr(build_module, "_write_dictionary", lambda *_: None)


def beside(folder: Path) -> list[str]:
    """All that lies where a bundle lies, hidden files, too."""
    return sorted(path.name for path in folder.parent.iterdir())


def test_a_bundle_is_whole_read_only_and_says_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    told: list[str] = []
    manifest = build(tmp_path / "b", CITY, told=told.append)
    assert read_manifest(tmp_path / "b").id == manifest.id
    assert verify(tmp_path / "b") == []
    assert (manifest.city, manifest.purpose) == ("osaka", "production")
    assert manifest.built_at == "2026-11-22T09:00:00+09:00"
    assert manifest.tool_version
    assert manifest.counts["towns"] == {KITA: 2, CHUO: 2}
    assert manifest.counts["crossings"] == {"": 1}
    assert "second/address_node.sqlite" in manifest.files
    with closing(open_bundle(tmp_path / "b")) as bundle:
        assert bundle.dictionary_dir == tmp_path / "b" / "second"
    files = [path for path in (tmp_path / "b").rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o444}
    assert told[0] == "towns: 4 件"
    assert sorted(os.listdir(tmp_path)) == [".b.lock", "b"]  # noqa: PTH208 - hidden ones, too


def test_layers_are_read_in_their_order_whatever_the_configuration_says(
    tmp_path: Path,
) -> None:
    seen: list[tuple[str, int, int, int]] = []

    def read(config: SourceConfig, context: ReadContext) -> LayerRead[Any]:
        sizes = (len(context.towns), len(context.wards), len(context.schools))
        seen.append((config.id, *sizes))
        return LayerRead(records=CITY[config.id][1])

    formats = {
        name: Format(layers=frozenset({layer}), read=read, needs_file=False)
        for name, (layer, _) in CITY.items()
    }
    backwards = [source(name, CITY[name][0]) for name in reversed(list(CITY))]
    manifest = build(tmp_path / "b", CITY, *backwards, formats=formats)
    assert seen[:5] == [
        ("towns", 0, 0, 0),
        ("blocks", 4, 0, 0),
        ("houses", 4, 0, 0),
        ("wards", 4, 0, 0),
        ("schools", 4, 2, 0),
    ]
    assert seen[-1] == ("crossings", 4, 2, 1)
    # The record keeps the order of the configuration: it is the order of precedence.
    assert [found.id for found in manifest.sources] == list(reversed(list(CITY)))


def test_rows_that_the_reader_refused_are_kept_with_their_line(tmp_path: Path) -> None:
    refused = Refused(row=3, column="lat", problem="not a number")
    read = LayerRead(records=(FACILITY,), refused=(refused,), num_elsewhere=5)
    told: list[str] = []
    manifest = build(tmp_path / "b", {"f": (Layer.FACILITIES, read)}, told=told.append)
    assert refused_in(tmp_path / "b") == [
        {
            "source_id": "f",
            "column": "lat",
            "problem": "not a number",
            "row": 3,
            "key": "",
        }
    ]
    assert told[0] == "f: 1 件(除外 1 件、市外 5 件)"
    assert manifest.sources[0].num_elsewhere == 5


def test_checksums_of_all_files_of_a_source_are_kept(tmp_path: Path) -> None:
    file, beside = tmp_path / "t.csv", tmp_path / "pos.csv"
    file.write_bytes(b"towns")
    beside.write_bytes(b"positions")
    with_file = replace(
        source("f", Layer.FACILITIES),
        file=file,
        sha256=hashlib.sha256(b"towns").hexdigest(),
        options={"positions": str(beside), "member": "x"},
        valid_from=dt.date(2024, 4, 1),
    )
    manifest = build(tmp_path / "b", {"f": (Layer.FACILITIES, (FACILITY,))}, with_file)
    (found,) = manifest.sources
    assert (found.file_name, found.sha256) == ("t.csv", with_file.sha256)
    positions = hashlib.sha256(b"positions").hexdigest()
    assert dict(found.other_files) == {"pos.csv": positions}
    assert (found.valid_from, found.valid_to) == ("2024-04-01", "")
    beside.unlink()
    with pytest.raises(SourceError, match=r"source f: .*pos\.csv: cannot be read"):
        build(tmp_path / "b", {"f": (Layer.FACILITIES, (FACILITY,))}, with_file)


def test_another_file_than_the_expected_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(b"changed")
    expected = replace(source("f", Layer.FACILITIES), file=file, sha256="0" * 64)
    with pytest.raises(SourceError, match=r"source f: .* is not the expected file"):
        build(tmp_path / "b", {"f": (Layer.FACILITIES, (FACILITY,))}, expected)
    assert not (tmp_path / "b").exists()


def test_a_missing_file_stops_the_build_unless_it_is_optional(tmp_path: Path) -> None:
    missing = replace(source("f", Layer.FACILITIES), file=tmp_path / "no.csv")
    read: Given = {"f": (Layer.FACILITIES, (FACILITY,))}
    with pytest.raises(SourceError, match=r"source f: no file .*no\.csv; fetch"):
        build(tmp_path / "b", read, missing)
    told: list[str] = []
    optional = replace(missing, is_optional=True)
    manifest = build(tmp_path / "b", read, optional, told=told.append)
    assert told[0] == "f: ファイルがないため、入れずに進みます(no.csv)"
    assert manifest.sources[0].is_absent
    assert manifest.counts == {}


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"format": "x"}, "source f: format: not one of f"),
        ({"layer": Layer.ASSETS}, "source f: layer: f holds only facilities"),
        ({}, "source f: file: missing; f reads a file"),
    ],
)
def test_a_format_that_does_not_fit_is_refused_before_anything_is_read(
    tmp_path: Path, wrong: dict[str, Any], problem: str
) -> None:
    read: Given = {"f": (Layer.FACILITIES, (FACILITY,))}
    chosen = replace(source("f", Layer.FACILITIES), **wrong)
    formats = giving(read, needs_file=not wrong)
    with pytest.raises(SourceError, match=problem):
        build(tmp_path / "b", read, chosen, formats=formats)


def test_a_configuration_of_another_city_is_refused(tmp_path: Path) -> None:
    boston = load_city("boston")
    with pytest.raises(SourceError, match="city: this is not boston"):
        build_bundle(config_of(), tmp_path / "b", profile=boston, at=AT)


def test_a_time_without_offset_is_refused(tmp_path: Path) -> None:
    naive = AT.replace(tzinfo=None)
    with pytest.raises(InvalidInputError, match="時差のない時刻"):
        build_bundle(config_of(), tmp_path / "b", profile=OSAKA, at=naive)


def test_a_new_bundle_replaces_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    read: Given = {"f": (Layer.FACILITIES, (FACILITY,))}
    place = tmp_path / "deep" / "b"
    first = build(place, read)
    second = build(place, {"p": (Layer.FACILITIES, (replace(FACILITY, id="8"),))})
    assert first.id != second.id == read_manifest(place).id
    assert beside(place) == [".b.lock", "b"]
    home = tmp_path / "home"
    home.mkdir()
    build(home, read)  # an empty folder holds nothing to be lost
    letter = tmp_path / "letters" / "letter.txt"
    letter.parent.mkdir()
    letter.write_text("x")
    with pytest.raises(SourceError, match="holds other files; choose another"):
        build(letter.parent, read)
    with pytest.raises(SourceError, match="not a folder; choose another"):
        build(letter, read)
    link = tmp_path / "link"
    link.symlink_to(place)
    with pytest.raises(SourceError, match="not a folder"):
        build(link, read)
    assert letter.read_text() == "x"


def test_the_old_bundle_stays_when_the_new_one_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: Given = {"f": (Layer.FACILITIES, (FACILITY,))}
    first = build(tmp_path / "b", read)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def full_for_sqlite(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    for failing in (full, full_for_sqlite):
        with monkeypatch.context() as patch:
            patch.setattr(build_module, "write_layers", failing)
            with pytest.raises(
                SourceError, match=r"cannot be written .*room .*unchanged"
            ):
                build(tmp_path / "b", read)
    rename = Path.rename

    def only_old(path: Path, target: Path) -> Path:
        if path.name.endswith(".building"):
            raise OSError(13, "Permission denied")
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", only_old)
        right = r"cannot be written .*Permission denied.*; ask for the right"
        with pytest.raises(SourceError, match=right):
            build(tmp_path / "b", read)
        with pytest.raises(SourceError, match=right):
            build(tmp_path / "new", read)
    assert read_manifest(tmp_path / "b").id == first.id
    assert verify(tmp_path / "b") == []
    assert beside(tmp_path / "b") == [".b.lock", ".new.lock", "b"]


def test_a_full_disk_alone_is_told_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(build_module, "write_layers", locked)
    with pytest.raises(SourceError, match=r"cannot be written .*locked") as told:
        build(tmp_path / "b", {"f": (Layer.FACILITIES, (FACILITY,))})
    assert "room" not in str(told.value)


def test_a_new_bundle_keeps_the_record_of_the_one_that_it_replaces(
    tmp_path: Path,
) -> None:
    read: Given = {"f": (Layer.FACILITIES, (FACILITY,))}
    place = tmp_path / "b"
    first = build(place, read)
    assert previous_manifest(place) is None
    second = build(place, read)
    assert previous_manifest(place) == first
    assert PREVIOUS_FILE in second.files
    assert verify(place) == []
    third = build(place, read)
    kept = previous_manifest(place)
    assert kept is not None
    assert kept.files == second.files != first.files
    assert third.files.keys() == second.files.keys()


@pytest.mark.parametrize("change", [{"city": "boston"}, {"format": 1}])
def test_a_record_of_another_city_or_format_is_not_compared_with(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    read: Given = {"f": (Layer.FACILITIES, (FACILITY,))}
    place = tmp_path / "b"
    first = build(place, read)
    (place / MANIFEST_FILE).unlink()
    replace(first, **change).write(place)
    build(place, read)
    assert previous_manifest(place) is None


def test_a_bundle_that_lost_its_city_file_can_be_replaced(tmp_path: Path) -> None:
    read: Given = {"f": (Layer.FACILITIES, (FACILITY,))}
    build(tmp_path / "b", read)
    (tmp_path / "b" / CITY_FILE).unlink()
    build(tmp_path / "b", read)
    assert verify(tmp_path / "b") == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SourceError, match=r"b: cannot be written .*another folder"):
        build(tmp_path / "file" / "b", {"f": (Layer.FACILITIES, (FACILITY,))})


@pytest.mark.parametrize("city", ["osaka", "boston"])
def test_small_data_that_the_program_carries_make_a_bundle(
    tmp_path: Path, city: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # as it really is
    config = read_config(REPO / "geodata" / city / "bundle.toml")
    profile = load_city(city)
    manifest = build_bundle(config, tmp_path / "b", profile=profile, at=AT)
    totals = {layer: sum(found.values()) for layer, found in manifest.counts.items()}
    wards = len(profile.wards)
    assert totals["jurisdiction"] == wards
    if city == "osaka":
        known = {"towns": 1903, "wards": 24, "schools": 299, "districts": 298}
        assert totals == {**known, "jurisdiction": 24}
    assert refused_in(tmp_path / "b") == []


def test_fullest_real_bundle_is_built_and_opened_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # as it really is
    need_shared("data/addresses/osaka_towns.csv")
    config = read_config(REPO / "tests" / "data" / "osaka_shared.toml")
    began = time.perf_counter()
    manifest = build_bundle(config, tmp_path / "b", profile=OSAKA, at=AT)
    built_s = time.perf_counter() - began
    totals = {layer: sum(found.values()) for layer, found in manifest.counts.items()}
    assert (totals["towns"], totals["wards"], totals["districts"]) == (1903, 24, 298)
    # 4,536 rows, of which two lie 1.7 and 2.3 km from their town's point.
    assert totals["blocks"] == 4534
    assert [row["column"] for row in refused_in(tmp_path / "b")] == ["place", "place"]
    assert totals["facilities"] > 9_300
    began = time.perf_counter()
    with closing(open_bundle(tmp_path / "b")) as bundle:
        assert len(bundle.towns()) == 1903
        opened_s = time.perf_counter() - began
        codes = [found.code for found in OSAKA.wards]
        assert all(bundle.is_complete(Layer.TOWNS, code) for code in codes)
        assert not any(bundle.is_complete(Layer.BLOCKS, code) for code in codes)
        assert {a.id for a in bundle.areas(Layer.WARDS)} == set(codes)
        assert bundle.is_approximate(Layer.DISTRICTS)
        assert not bundle.is_approximate(Layer.WARDS)
    assert built_s < 30  # 2 s on two shared cores
    assert opened_s < 0.3
    assert (tmp_path / "b" / MANIFEST_FILE).stat().st_size < 100_000
