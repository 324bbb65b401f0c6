"""The second engine's dictionaries: what is written, in which order, and how often."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from geodata.bundle import national as national_module
from geodata.bundle.dictionary import (
    FILES,
    NODES_FILE,
    VARIANTS_FILE,
    AddressLine,
    city_lines,
    write_dictionary,
)
from geodata.bundle.in_place import only_one
from geodata.bundle.national import (
    MANIFEST_FILE,
    build_national,
    is_national_for,
)
from geodata.bundle.records import BlockRecord, HouseRecord, TownRecord
from geodata.city import CityProfile, GazetteerSource, load_city

CHUO, NISHI = "271284", "271063"
HERE = LonLat(135.5, 34.68)


@pytest.fixture(scope="module")
def osaka() -> CityProfile:
    return load_city("osaka")


def line(
    *names: str, place: LonLat | None = HERE, is_town: bool = False
) -> AddressLine:
    levels = ("ward", "oaza", "chome", "block", "number")
    return AddressLine(
        pref="大阪府",
        city="大阪市",
        **dict(zip(levels, names, strict=False)),
        place=place,
        is_town=is_town,
    )


def nodes_in(folder: Path) -> list[dict[str, Any]]:
    connection = sqlite3.connect(folder / NODES_FILE)
    connection.row_factory = sqlite3.Row
    rows = [dict(row) for row in connection.execute("SELECT * FROM records")]
    connection.close()
    return rows


def node_named(folder: Path, name: str) -> dict[str, Any]:
    return next(node for node in nodes_in(folder) if node["name"] == name)


def content_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


TANIMACHI = (
    line("中央区", "谷町", "七丁目", place=LonLat(135.51, 34.67), is_town=True),
    line("中央区", "谷町", "七丁目", "2番", place=LonLat(135.52, 34.68)),
    line("中央区", "谷町", "七丁目", "10番", place=LonLat(135.54, 34.69)),
    line("中央区", "上町", place=LonLat(135.53, 34.66), is_town=True),
)


def test_each_name_becomes_one_node_and_the_number_of_nodes_is_given(
    tmp_path: Path,
) -> None:
    # 大阪府, 大阪市, 中央区, 谷町, 七丁目, 2番, 10番, 上町
    assert write_dictionary(tmp_path, TANIMACHI, title="test") == 8
    assert len(nodes_in(tmp_path)) == 9  # and the root


def test_the_order_of_the_lines_does_not_change_a_byte(tmp_path: Path) -> None:
    write_dictionary(tmp_path / "a", TANIMACHI, title="test")
    write_dictionary(tmp_path / "b", reversed(TANIMACHI), title="test")
    assert content_of(tmp_path / "a") == content_of(tmp_path / "b")


def test_an_older_dictionary_in_the_folder_is_replaced(tmp_path: Path) -> None:
    write_dictionary(tmp_path / "a", TANIMACHI, title="test")
    write_dictionary(tmp_path / "b", [line("西区", "九条")], title="older")
    write_dictionary(tmp_path / "b", TANIMACHI, title="test")
    assert content_of(tmp_path / "a") == content_of(tmp_path / "b")


def test_a_node_without_a_place_gets_the_mean_of_what_it_holds(tmp_path: Path) -> None:
    write_dictionary(tmp_path, TANIMACHI, title="test")
    # 谷町 holds one child, 七丁目, whose own point wins over that of its blocks; 中央区
    # holds 谷町 and 上町: (135.51 + 135.53) / 2 and (34.67 + 34.66) / 2.
    tanimachi, ward = node_named(tmp_path, "谷町"), node_named(tmp_path, "中央区")
    assert (tanimachi["x"], tanimachi["y"]) == (135.51, 34.67)
    assert (ward["x"], ward["y"]) == pytest.approx((135.52, 34.665))


def test_a_node_with_nothing_placed_below_it_gets_the_place_above(
    tmp_path: Path,
) -> None:
    lines = (*TANIMACHI, line("中央区", "谷町", "九丁目", place=None))
    write_dictionary(tmp_path, lines, title="test")
    chome = node_named(tmp_path, "九丁目")
    assert (chome["x"], chome["y"]) == (135.51, 34.67)  # of 谷町


def test_of_two_lines_for_one_place_one_position_is_kept(tmp_path: Path) -> None:
    twice = [line("中央区", "谷町", place=place) for place in (None, HERE, None)]
    assert write_dictionary(tmp_path, twice, title="test") == 4
    assert node_named(tmp_path, "谷町")["x"] == HERE.lon


def test_only_whole_towns_carry_the_mark_of_a_town(tmp_path: Path) -> None:
    write_dictionary(tmp_path, TANIMACHI, title="test")
    marked = {node["name"] for node in nodes_in(tmp_path) if node["note"]}
    assert marked == {"七丁目", "上町"}


def test_a_dictionary_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no addresses"):
        write_dictionary(tmp_path, [], title="test")


def test_variants_that_jageocoder_lacks_are_added_to_its_own(tmp_path: Path) -> None:
    write_dictionary(tmp_path, TANIMACHI, title="test")
    table = json.loads((tmp_path / VARIANTS_FILE).read_text(encoding="utf-8"))
    assert table["靏"] == "鶴"  # ours
    assert table["榮"] == "栄"  # jageocoder's
    assert not set(table["靏"]) & set(table)  # one step is enough


NAMES = st.sampled_from(["上町", "谷町", "九条", "三先", "中之島", "北", "A", "渡辺"])
NUMBERS = st.sampled_from(["1番", "2番", "10番", "21番", "A番", "渡辺"])
LINES = st.builds(
    line,
    st.sampled_from(["北区", "西区"]),
    NAMES,
    st.sampled_from(["", "一丁目", "二丁目", "十丁目"]),
    NUMBERS | st.just(""),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=30))
def test_children_are_sorted_and_siblings_skip_exactly_what_lies_below(
    lines: list[AddressLine],
) -> None:
    with TemporaryDirectory() as name:
        write_dictionary(Path(name), lines, title="test")
        nodes = nodes_in(Path(name))
    assert [node["id"] for node in nodes] == list(range(len(nodes)))
    for node in nodes[1:]:
        below = {node["id"]}
        for other in nodes[node["id"] + 1 :]:
            if other["parentId"] in below:
                below.add(other["id"])
        assert node["siblingId"] == node["id"] + len(below)
        children = [n["nameIndex"] for n in nodes[1:] if n["parentId"] == node["id"]]
        assert children == sorted(set(children))


def test_records_become_lines_with_their_words(osaka: CityProfile) -> None:
    town = TownRecord(
        ward_code=CHUO, name="久太郎町四丁目", oaza="久太郎町", chome=4, place=HERE
    )
    blocks = [
        BlockRecord(ward_code=CHUO, town=town.name, block=block, place=HERE)
        for block in ("1", "渡辺")
    ]
    house = HouseRecord(
        ward_code=CHUO, town=town.name, block="渡辺", number="3", place=HERE
    )
    unlisted = BlockRecord(ward_code=NISHI, town="川口九丁目", block="A", place=HERE)
    assert list(city_lines([town], [*blocks, unlisted], [house], osaka)) == [
        line("中央区", "久太郎町", "四丁目", is_town=True),
        line("中央区", "久太郎町", "四丁目", "1番"),
        line("中央区", "久太郎町", "四丁目", "渡辺"),
        line("西区", "川口九丁目", "", "A番"),
        line("中央区", "久太郎町", "四丁目", "渡辺", "3号"),
    ]


def entry(town: str, lon: float | None = 135.5, koaza: str = "") -> dict[str, Any]:
    return {"town": town, "koaza": koaza, "lat": 34.6, "lng": lon}


@pytest.fixture
def gazetteer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Five municipalities in the form of the installed package."""
    spec = ModuleSpec("gazetteer", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: spec)
    folder = tmp_path / "japanese_address" / "api" / "ja"
    (folder / "大阪府").mkdir(parents=True)
    towns = {
        "大阪市北区": [entry("梅田一丁目")],
        "松原市": [entry("大堀三丁目"), entry("大堀三丁目", koaza="イ"), entry("")],
        "堺市堺区": [entry("神石市之町")],
        "三島郡島本町": [entry("桜井", lon=None)],
        "小郡市": [entry("三沢")],
    }
    for name, entries in towns.items():
        (folder / "大阪府" / f"{name}.json").write_text(json.dumps(entries))
    return folder / "大阪府"


@pytest.mark.usefixtures("gazetteer")
def test_the_country_is_written_without_the_city_itself(
    osaka: CityProfile, tmp_path: Path
) -> None:
    built = build_national(osaka, tmp_path / "deep" / "national")
    assert built is not None
    assert built.folder == tmp_path / "deep" / "national"
    names = [node["name"] for node in nodes_in(built.folder)]
    # 小郡市 is no county; a 小字 and a town without a name make no node.
    assert {"松原市", "堺市", "堺区", "三島郡", "島本町", "小郡市"} <= set(names)
    assert names.count("三丁目") == 1
    assert "大阪市" not in names
    assert "梅田" not in names
    assert built.num_nodes == len(names) - 1


def test_the_country_is_built_once_for_the_same_inputs(
    osaka: CityProfile, gazetteer: Path, tmp_path: Path
) -> None:
    first = build_national(osaka, tmp_path / "national")
    second = build_national(osaka, tmp_path / "national")
    assert first is not None
    assert not first.is_reused
    assert second == replace(first, is_reused=True)
    (gazetteer / "松原市.json").write_text(json.dumps([entry("上田一丁目")]))
    third = build_national(osaka, tmp_path / "national")
    assert third is not None
    assert not third.is_reused
    assert "上田" in {node["name"] for node in nodes_in(third.folder)}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".national.lock",
        "japanese_address",
        "national",
    ]


@pytest.mark.usefixtures("gazetteer")
@pytest.mark.parametrize("damage", ["manifest", "not json", "format", "file"])
def test_a_damaged_dictionary_of_the_country_is_built_again(
    damage: str, osaka: CityProfile, tmp_path: Path
) -> None:
    folder = tmp_path / "national"
    build_national(osaka, folder)
    manifest = folder / MANIFEST_FILE
    if damage == "manifest":
        manifest.unlink()
    elif damage == "not json":
        manifest.write_text("[1]")
    elif damage == "format":
        stated = json.loads(manifest.read_text()) | {"format": 0}
        manifest.write_text(json.dumps(stated))
    else:
        (folder / NODES_FILE).unlink()
    again = build_national(osaka, folder)
    assert again is not None
    assert not again.is_reused
    assert (folder / NODES_FILE).is_file()


def test_a_failed_build_leaves_the_older_dictionary(
    osaka: CityProfile, gazetteer: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "national"
    build_national(osaka, folder)
    before = content_of(folder)
    (gazetteer / "松原市.json").write_text('[{"town": "大堀", "lat": 1}]')
    with pytest.raises(SourceError, match=r"松原市\.json cannot be read"):
        build_national(osaka, folder)
    assert content_of(folder) == before
    assert not list(tmp_path.glob(".national.building*"))


def test_a_city_without_a_gazetteer_has_no_dictionary_of_the_country(
    osaka: CityProfile, tmp_path: Path
) -> None:
    city = replace(osaka, gazetteer=GazetteerSource(kind="none"))
    assert build_national(city, tmp_path / "national") is None
    assert not (tmp_path / "national").exists()


def restate(folder: Path, **values: object) -> None:
    file = folder / MANIFEST_FILE
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


@pytest.mark.usefixtures("gazetteer")
def test_the_country_is_used_for_the_city_that_it_leaves_out(
    osaka: CityProfile, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "national"
    assert not is_national_for(folder, osaka)  # none: nothing to tell
    build_national(osaka, folder)
    assert is_national_for(folder, osaka)
    assert caplog.records == []
    sakai = replace(
        osaka,
        gazetteer=GazetteerSource(
            kind=osaka.gazetteer.kind, prefecture="大阪府", city="堺市"
        ),
    )
    assert not is_national_for(folder, sakai)
    (told,) = caplog.messages
    assert "leaves out 大阪府大阪市, and not 大阪府堺市" in told
    assert "kidohan prepare" in told


@pytest.mark.usefixtures("gazetteer")
@pytest.mark.parametrize("damage", ["cut", "lost", "no record", "record", "format"])
def test_a_half_written_dictionary_of_the_country_is_told_once_and_not_used(
    damage: str, osaka: CityProfile, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "national"
    build_national(osaka, folder)
    nodes, record = folder / NODES_FILE, folder / MANIFEST_FILE
    if damage == "cut":
        nodes.write_bytes(nodes.read_bytes()[:-100])
    elif damage == "lost":
        nodes.unlink()
    elif damage == "no record":
        record.unlink()
    elif damage == "record":
        record.write_text("[1]")
    else:
        restate(folder, format=1)
    assert not is_national_for(folder, osaka)
    (told,) = caplog.messages
    assert "kidohan prepare" in told
    again = build_national(osaka, folder)
    assert again is not None
    assert not again.is_reused
    assert is_national_for(folder, osaka)


@pytest.mark.usefixtures("gazetteer")
def test_a_dictionary_that_was_being_replaced_is_put_back_and_used(
    osaka: CityProfile, tmp_path: Path
) -> None:
    folder = tmp_path / "national"
    build_national(osaka, folder)
    folder.rename(tmp_path / ".national.replaced")
    assert is_national_for(folder, osaka)


@pytest.mark.usefixtures("gazetteer")
def test_two_processes_build_the_country_once(
    osaka: CityProfile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "national"
    written: list[Path] = []
    write = write_dictionary

    def counted(target: Path, *given: Any, **named: Any) -> int:  # noqa: ANN401
        written.append(target)
        return write(target, *given, **named)

    monkeypatch.setattr(national_module, "write_dictionary", counted)
    with ThreadPoolExecutor(2) as pool:
        with only_one(folder):
            both = [pool.submit(build_national, osaka, folder) for _ in range(2)]
        made = [one.result() for one in both]
    assert len(written) == 1
    assert sorted(one.is_reused for one in made if one) == [False, True]


@pytest.mark.usefixtures("gazetteer")
@pytest.mark.parametrize(
    "problem",
    [OSError(28, "No space left on device"), sqlite3.OperationalError("disk is full")],
)
def test_no_room_for_the_country_is_told_in_a_line(
    problem: Exception,
    osaka: CityProfile,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object, **__: object) -> int:
        raise problem

    monkeypatch.setattr(national_module, "write_dictionary", full)
    with pytest.raises(SourceError, match=r"national: cannot be written .*room"):
        build_national(osaka, tmp_path / "national")
    assert not (tmp_path / "national").exists()


def test_a_gazetteer_that_cannot_be_read_is_not_told_as_a_full_disk(
    osaka: CityProfile, gazetteer: Path, tmp_path: Path
) -> None:
    (gazetteer / "吹田市.json").mkdir()
    with pytest.raises(SourceError, match=r"吹田市\.json cannot be read"):
        build_national(osaka, tmp_path / "national")
