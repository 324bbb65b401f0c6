"""Assets by number: what a text says, and what the ledger knows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.place import LonLat
from dispatch.domain.placing import PlaceLevel, PlacingStatus
from geodata.bundle.names import asset_key
from geodata.bundle.records import AssetRecord
from geodata.geocoding.assets import (
    AssetQuery,
    find_asset,
    read_asset_text,
)


class Ledger:
    """Assets kept in memory."""

    def __init__(self, *assets: AssetRecord) -> None:
        self._assets = assets

    def asset(self, kind: str, key: str) -> tuple[AssetRecord, ...]:
        return tuple(a for a in self._assets if (a.kind, a.key) == (kind, key))


def asset(kind: str, key: str, lon: float = 135.5) -> AssetRecord:
    return AssetRecord(kind=kind, key=key, place=LonLat(lon, 34.7), ward_code="271225")


LEDGER = Ledger(
    asset("street_lamp", "A-123"),
    asset("street_lamp", "77", 135.51),
    asset("pole", "77", 135.52),
    asset("pole", "上本町支12"),
    asset("mirror", "5", 135.53),
    asset("mirror", "5", 135.54),
)


@pytest.mark.parametrize(
    ("text", "kind", "key"),
    [
        ("街灯番号A-123が切れている", "street_lamp", "A-123"),
        ("街路灯 Ａ－１２３", "street_lamp", "A-123"),
        ("照明灯No.A123", "street_lamp", "A123"),
        ("防犯灯№ ７７", "street_lamp", "77"),
        ("電柱の番号は上本町支12です", "pole", "上本町支12"),
        ("電信柱の番号:ウエー3-1", "pole", "ウエー3-1"),
        ("番号77の電柱", "pole", "77"),
        ("マンホール B12-3", "manhole", "B12-3"),
        ("道路反射鏡番号第5号", "mirror", "5"),
        ("カーブミラー#5", "mirror", "5"),
        ("管理番号 77", None, "77"),
        ("街灯番号007", "street_lamp", "007"),
    ],
)
def test_number_is_read_with_its_kind(text: str, kind: str | None, key: str) -> None:
    assert read_asset_text(text) == AssetQuery(kind=kind, key=key)


@pytest.mark.parametrize(
    "text",
    [
        "街灯3本が切れている",
        "街灯が切れている",
        "電柱12本",
        "谷町7-1-6の前の街灯",
        "電話番号は教えません",
        "",
    ],
)
def test_counts_and_addresses_are_no_numbers(text: str) -> None:
    assert read_asset_text(text) is None


def test_key_spells_hyphens_and_widths_one_way_and_keeps_zeros() -> None:
    assert asset_key(" ａ ― 1 2 3") == asset_key("A-123") == "A-123"
    assert asset_key("007") != asset_key("7")


@given(st.text(max_size=20) | st.text("AアｱーｰＡ-－‐ ㍍", max_size=8))
def test_key_of_a_key_is_the_key(number: str) -> None:
    assert asset_key(asset_key(number)) == asset_key(number)


def test_exact_number_is_found() -> None:
    found = find_asset("街灯 A-123 が点滅", LEDGER)
    assert (found.status, found.radius_m) == (PlacingStatus.OK, 10)
    assert found.place == LonLat(135.5, 34.7)
    assert found.matched_text == "A-123"
    [candidate] = found.candidates
    assert (candidate.level, candidate.landmark) == (PlaceLevel.ASSET, "照明灯 A-123")
    assert candidate.ward_code == "271225"


def test_number_of_several_things_is_ambiguous() -> None:
    twice = find_asset("カーブミラー 5", LEDGER)
    assert twice.status is PlacingStatus.AMBIGUOUS
    assert [c.place.lon for c in twice.candidates] == [135.53, 135.54]
    assert twice.place is None
    # A lamp and a pole have the number 77; the text names neither kind.
    kinds = find_asset("管理番号77", LEDGER)
    assert kinds.status is PlacingStatus.AMBIGUOUS
    assert find_asset("番号77の電柱", LEDGER).status is PlacingStatus.OK


@pytest.mark.parametrize(
    "text", ["街灯A-124", "街灯A-12", "街灯番号A-1234", "電柱A-123"]
)
def test_near_number_is_never_taken(text: str) -> None:
    found = find_asset(text, LEDGER)
    assert (found.status, found.message) == (
        PlacingStatus.NOT_FOUND,
        "台帳にない番号です。",
    )
    assert found.candidates == ()


def test_text_without_a_number_says_so() -> None:
    found = find_asset("街灯が切れている", LEDGER)
    assert found.status is PlacingStatus.NOT_FOUND
    assert "番号が書かれていません" in found.message


@given(st.text(max_size=300))
def test_any_text_gives_an_answer(text: str) -> None:
    found = find_asset(text, LEDGER)
    assert (found.place is not None) == (found.status is PlacingStatus.OK)


@given(st.from_regex(r"[A-Z]{1,3}-?[0-9]{1,5}", fullmatch=True))
def test_written_number_is_read_back(number: str) -> None:
    query = read_asset_text(f"街灯番号{number}が切れている")
    assert query == AssetQuery(kind="street_lamp", key=number)


def test_long_text_is_read_only_at_its_beginning() -> None:
    assert read_asset_text("あ" * 10_000 + "街灯番号5") is None
    assert read_asset_text("A-" * 5_000) is None


@pytest.mark.parametrize("body", ["1" * 190, "1-" * 95, "A1" * 95])
def test_long_number_that_is_a_count_is_refused_at_once(body: str) -> None:
    assert read_asset_text(f"街灯{body}本") is None
