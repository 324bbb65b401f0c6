"""The address book on real towns and real addresses (shared data, else skipped)."""

from __future__ import annotations

import csv
import re

import pytest

from dispatch.domain.place import LonLat, Ward
from dispatch.domain.placing import PlaceLevel
from geodata.address_text import number_value
from geodata.bundle.records import TownRecord
from geodata.geocoding.address_book import AddressBook
from tests.geodata.geocoding.small_city import MUNICIPALITIES, SmallGazetteer
from tests.shared_data import need_shared


def shared_rows(name: str) -> list[dict[str, str]]:
    with need_shared(f"data/{name}").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def real_town(row: dict[str, str]) -> TownRecord:
    match = re.fullmatch(r"(.+?)([一二三四五六七八九十]+)丁目", row["town"])
    return TownRecord(
        ward_code=row["ward_code"],
        name=row["town"],
        oaza=match[1] if match else row["town"],
        chome=number_value(match[2]) if match else None,
        place=LonLat(float(row["lng"]), float(row["lat"])),
    )


@pytest.fixture(scope="module")
def real_rows() -> list[dict[str, str]]:
    return shared_rows("addresses/osaka_towns.csv")


@pytest.fixture(scope="module")
def real_book(real_rows: list[dict[str, str]]) -> AddressBook:
    wards = {row["ward_code"]: row["ward"] for row in real_rows}
    return AddressBook(
        SmallGazetteer(known_towns=tuple(map(real_town, real_rows))),
        wards=[Ward(code=code, name=name) for code, name in wards.items()],
        prefecture="大阪府",
        city="大阪市",
        municipalities=MUNICIPALITIES,
    )


@pytest.mark.parametrize("without_ward", [False, True])
def test_real_addresses_are_found_in_the_right_town(
    real_book: AddressBook, *, without_ward: bool
) -> None:
    rows = shared_rows("addresses/osaka_address_points_dev.csv")
    head = "|".join({row["ward"] for row in rows}) if without_ward else "(?!)"
    texts = [re.sub(f"^(大阪市)?({head})", "", row["address"]) for row in rows]
    found = [real_book.find(text) for text in texts]
    placed = [(r, f) for r, f in zip(rows, found, strict=True) if f.is_placed]
    fine = [(r, f) for r, f in placed if f.level is PlaceLevel.CHOME]
    wrong = [
        (r["address"], f.town) for r, f in placed if not f.town.startswith(r["ward"])
    ]
    same = [r for r, f in fine if f.town == r["ward"] + r["town"]]
    assert wrong == []
    assert len(placed) >= 0.97 * len(rows)
    assert len(same) >= 0.99 * len(fine)


def test_no_facility_outside_the_city_is_placed_in_it(real_book: AddressBook) -> None:
    rows = shared_rows("gazetteer/osaka_facilities_2015.csv")
    outside = [r["所在地"] for r in rows if r["地区名"] == "大阪市以外"]
    # A city park with a city address (鶴見区緑地公園) is filed under 大阪市以外.
    placed = [a for a in outside if real_book.find(a).is_placed]
    assert len(outside) > 40
    assert [a for a in placed if not a.startswith("鶴見区緑地公園")] == []


FULL_WIDTH = str.maketrans("0123456789-", "０１２３４５６７８９－")
SPELLINGS = {
    "digits": "{ward}{oaza}{n}-8-41",
    "chome in digits": "{ward}{oaza}{n}丁目8番41号",
    "chome in kanji": "{ward}{name}8番41号",
    "with の": "{ward}{oaza}{n}の8の41",
    "with city": "大阪市{ward}{oaza}{n}-8-41",
    "with all": "大阪府大阪市{ward}{oaza}{n}丁目8-41",
    "postal code": "〒545-0021　大阪市{ward}{oaza}{n}-8-41",
    "spaces": "大阪市 {ward} {oaza} {n}丁目 8-41",
    "minus": "{ward}{oaza}{n}−8−41",
    "long vowel": "{ward}{oaza}{n}ー8ー41",
    "half-width long vowel": "{ward}{oaza}{n}ｰ8ｰ41",
    "hyphen": "{ward}{oaza}{n}‐8‐41",
    "dash": "{ward}{oaza}{n}―8—41",
    "near": "{ward}{oaza}{n}丁目付近",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("full_width", [False, True])
def test_every_real_town_is_found_in_every_spelling(
    real_book: AddressBook,
    real_rows: list[dict[str, str]],
    spelling: str,
    *,
    full_width: bool,
) -> None:
    missed = []
    for row in real_rows:
        place = real_town(row)
        if place.chome is None:
            continue
        text = SPELLINGS[spelling].format(
            ward=row["ward"], oaza=place.oaza, n=place.chome, name=place.name
        )
        found = real_book.find(text.translate(FULL_WIDTH) if full_width else text)
        if found.town != row["ward"] + row["town"]:
            missed.append((text, found.town, found.message))
    assert missed == []


def test_real_town_in_a_wrong_ward_is_never_placed(
    real_book: AddressBook, real_rows: list[dict[str, str]]
) -> None:
    own = {(row["ward"], real_town(row).oaza) for row in real_rows}
    wards = sorted({row["ward"] for row in real_rows})
    for row in real_rows[::5]:
        for ward in wards:
            if (ward, real_town(row).oaza) not in own:
                assert not real_book.find(f"{ward}{row['town']}8-41").is_placed
