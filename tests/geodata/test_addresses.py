"""The address book: every outcome, real spellings, and no wrong ward."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.place import LonLat, Ward
from dispatch.domain.placing import PlaceLevel, Placement, PlacingStatus
from geodata.addresses import AddressBook
from geodata.towns import Town

KANJI = " 一二三四五六七八九"
WARDS = {
    "中央区": "271284",
    "浪速区": "271110",
    "天王寺区": "271098",
    "西成区": "271225",
    "住吉区": "271209",
    "阿倍野区": "271195",
    "城東区": "271187",
    "都島区": "271021",
    "鶴見区": "271241",
    "西区": "271063",
    "淀川区": "271233",
}
# Ward, town, its 丁目 (0: without one), and a point: the 丁目 lie 0.004° apart.
PLACES = [
    ("中央区", "谷町", range(1, 10), 135.517, 34.676),
    ("中央区", "上町", (0, 1), 135.522, 34.677),
    ("中央区", "日本橋", (1, 2), 135.506, 34.667),
    ("浪速区", "日本橋", (3, 4, 5), 135.505, 34.660),
    ("中央区", "上汐", (1,), 135.516, 34.669),
    ("天王寺区", "上汐", (3, 4), 135.517, 34.663),
    ("天王寺区", "餌差町", (0,), 135.523, 34.670),
    ("西成区", "松", (1, 2, 3), 135.495, 34.640),
    ("西成区", "天下茶屋", (1, 2, 3), 135.499, 34.636),
    ("住吉区", "万代", (3,), 135.501, 34.617),
    ("阿倍野区", "万代", (1,), 135.505, 34.622),
    ("阿倍野区", "文の里", (1, 2), 135.516, 34.636),
    ("城東区", "中央", (1, 2, 3), 135.545, 34.701),
    ("都島区", "網島町", (0,), 135.524, 34.694),
    ("鶴見区", "横堤", (1, 2, 3, 4, 5), 135.573, 34.703),
    ("西区", "靱本町", (1, 2, 3), 135.494, 34.684),
    ("西区", "九条", (1, 2), 135.473, 34.675),
    ("西区", "九条南", (1, 2), 135.470, 34.672),
    ("淀川区", "十三東", (1, 2, 3), 135.485, 34.720),
]
OK, AMBIGUOUS, CONFLICT, OUTSIDE, NOT_FOUND = PlacingStatus


def town(ward: str, oaza: str, chome: int, lon: float, lat: float) -> Town:
    return Town(
        ward_code=WARDS[ward],
        name=f"{oaza}{KANJI[chome]}丁目" if chome else oaza,
        oaza=oaza,
        chome=chome or None,
        place=LonLat(lon + 0.004 * chome, lat),
    )


@functools.cache
def small_book() -> AddressBook:
    """Nineteen real towns of eleven real wards, at rounded places."""
    return AddressBook(
        [town(w, oaza, n, x, y) for w, oaza, ns, x, y in PLACES for n in ns],
        wards=[Ward(code=code, name=name) for name, code in WARDS.items()],
        prefecture="大阪府",
        city="大阪市",
        other_municipalities=("堺市", "松原市", "東大阪市"),
    )


def find(text: str, stated_ward: str = "") -> Placement:
    return small_book().find(text, stated_ward=stated_ward)


@pytest.mark.parametrize(
    "text",
    [
        "中央区谷町七丁目1番6号",
        "大阪府大阪市中央区谷町7-1-6",
        "大阪市中央区谷町７丁目１－６",
        "大阪中央区谷町7-1-6",
        "谷町7−1−6",
        "谷町7の1の6",
        "〒542-0012 大阪市中央区谷町7-1-6",
        "大阪市 中央区 谷町 7丁目 1-6",
        "中央区谷町谷町7-1-6",
        "谷町七ー一ー六",
        "中央区 谷 町 7-1-6",
    ],
)
def test_one_address_in_many_spellings_is_one_place(text: str) -> None:
    found = find(text)
    assert (found.status, found.level) == (OK, PlaceLevel.CHOME)
    assert found.town == "中央区谷町七丁目"
    assert found.radius_m == 350
    assert found.matched_text == "谷町7丁目"
    assert found.rest.replace("の", "-") == "1-6"


def test_words_after_the_number_are_kept_as_rest() -> None:
    assert find("西成区松2丁目1番先").rest == "1番先"
    assert find("都島区網島町9 会館内").rest == "9 会館内"


def test_town_without_chome_is_placed_by_its_name_and_block() -> None:
    found = find("都島区網島町10番35号")
    assert (found.status, found.level, found.rest) == (OK, PlaceLevel.CHOME, "10-35")


def test_without_chome_the_centre_of_the_town_is_given_with_a_wide_radius() -> None:
    found = find("天下茶屋付近")
    assert (found.status, found.level) == (OK, PlaceLevel.OAZA)
    # 丁目 1, 2, 3 lie at lon 135.503, 135.507, 135.511: the centre is 135.507, and
    # 0.004° × 111,195 m × cos 34.636° = 366 m, + 350 m.
    assert found.place is not None
    assert found.place.lon == pytest.approx(135.507)
    assert found.radius_m == pytest.approx(716, abs=1)
    assert "丁目" in found.message


def test_a_block_number_is_not_taken_for_a_chome() -> None:
    found = find("中央区谷町7番")
    assert (found.level, found.rest) == (PlaceLevel.OAZA, "7番")


def test_missing_chome_is_not_found_and_offers_the_nearest() -> None:
    found = find("中央区谷町16丁目2-3")
    assert found.status is NOT_FOUND
    assert found.candidates[0].label == "中央区谷町九丁目"


def test_chome_of_a_town_without_any_is_not_found() -> None:
    assert find("都島区網島町2丁目").status is NOT_FOUND


@pytest.mark.parametrize("text", ["上汐", "日本橋", "大阪市万代"])
def test_name_in_two_wards_needs_the_ward(text: str) -> None:
    found = find(text)
    assert found.status is AMBIGUOUS
    assert len({option.ward_code for option in found.candidates}) == 2


def test_chome_decides_between_two_wards() -> None:
    assert find("日本橋5-16-19").town == "浪速区日本橋五丁目"


def test_stated_ward_decides_between_two_wards() -> None:
    assert find("上汐", "天王寺").town == "天王寺区上汐"
    assert find("上汐", WARDS["中央区"]).town == "中央区上汐"


def test_town_of_another_ward_is_a_conflict_with_that_ward_offered() -> None:
    found = find("浪速区谷町7-1-6")
    assert found.status is CONFLICT
    assert [option.label for option in found.candidates] == ["中央区谷町七丁目"]


def test_ward_in_the_text_against_the_stated_ward_is_a_conflict() -> None:
    assert find("中央区谷町7-1", "西成区").status is CONFLICT


def test_stated_ward_is_never_overruled_by_a_town() -> None:
    assert find("谷町7-1", "西成区").status is CONFLICT


@pytest.mark.parametrize(
    "text",
    [
        "東大阪市中央区谷町1-1",
        "堺市",
        "大阪府松原市大堀3丁目6番先",
        "松原市大堀３丁目６番先",
        "守口市淀江町11-31",
        "兵庫県尼崎市昭和通2-6",
        "京都府京都市中京区谷町1",
    ],
)
def test_other_municipality_is_outside(text: str) -> None:
    assert find(text).status is OUTSIDE


def test_stated_municipality_is_outside_and_unknown_ward_is_not_found() -> None:
    assert find("谷町7-1", "堺市堺区").status is OUTSIDE
    assert find("谷町7-1", "南区").status is NOT_FOUND
    assert find("大阪市南区谷町7-1").status is NOT_FOUND


def test_longest_town_name_wins() -> None:
    assert find("西区九条南1-2").town == "西区九条南一丁目"
    assert find("西区九条1-2").town == "西区九条一丁目"


def test_number_inside_a_name_is_no_chome() -> None:
    assert find("淀川区十三東三丁目1-2").town == "淀川区十三東三丁目"


def test_uemachi_exists_with_and_without_chome() -> None:
    assert find("中央区上町１－１９－３１").town == "中央区上町一丁目"
    assert find("中央区上町A番5号").town == "中央区上町"
    assert find("中央区上町Ｃ‐３").town == "中央区上町"
    assert find("中央区上町").level is PlaceLevel.OAZA


def test_variant_characters_find_the_official_town() -> None:
    assert find("西区靭本町1-2").town == "西区靱本町一丁目"
    assert find("阿倍野区文之里1-2").town == "阿倍野区文の里一丁目"


def test_one_letter_wrong_is_offered_and_never_taken() -> None:
    found = find("西成区天下茶家2-3")
    assert found.status is OK, "家 and 屋 are variants"
    for text in ("西成区天下茶2-3", "西成区下天茶屋2-3", "西成区天下茶室2-3"):
        found = find(text)
        assert found.status is NOT_FOUND
        assert [o.label for o in found.candidates] == ["西成区天下茶屋二丁目"]


def test_ward_alone_says_that_the_town_is_missing() -> None:
    found = find("大阪市西成区")
    assert found.status is NOT_FOUND
    assert "町名が足りません" in found.message


@pytest.mark.parametrize(
    "text", ["谷町公園内", "谷町交差点", "松", "谷町の角", "谷町九丁目駅前"]
)
def test_name_that_may_be_a_park_or_crossing_needs_the_ward(text: str) -> None:
    assert find(text).status is AMBIGUOUS


def test_number_of_a_road_is_no_address() -> None:
    assert find("中央区谷町1号線").status is NOT_FOUND


def test_with_the_ward_a_word_of_place_is_accepted() -> None:
    assert find("中央区谷町交差点").level is PlaceLevel.OAZA
    assert find("中央区(谷町公園内)").rest == "公園内"


@pytest.mark.parametrize(
    "text",
    ["中央区谷町1丁目～3丁目", "中央区谷町1、2丁目", "都島区網島町2～友渕町1-1"],
)
def test_stretch_of_road_is_ambiguous(text: str) -> None:
    assert find(text).status is AMBIGUOUS


def test_message_never_repeats_the_words_of_the_text() -> None:
    assert "山田太郎" not in find("山田太郎の家の前").message


@given(st.text(max_size=40), st.sampled_from(["", *WARDS]))
def test_any_text_gives_no_other_ward_than_the_stated(text: str, ward: str) -> None:
    found = find(text, ward)
    assert not ward or not found.is_placed or found.ward_code == WARDS[ward]


PIECES = [
    *WARDS,
    *(p[1] for p in PLACES),
    "大阪市",
    "7",
    "丁目",
    "-",
    "の",
    " ",
    "付近",
    "~",
]


@given(st.lists(st.sampled_from(PIECES), max_size=7), st.sampled_from(list(WARDS)))
def test_any_shuffled_address_keeps_the_stated_ward(
    parts: list[str], ward: str
) -> None:
    found = find("".join(parts), ward)
    assert not found.is_placed or found.ward_code == WARDS[ward]
