"""The address book: every outcome, real spellings, and no wrong ward."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.place import LonLat
from dispatch.domain.placing import (
    PlaceLevel,
    Placement,
    PlacingStatus,
    PlacingWarning,
)
from geodata.geocoding.address_book import AddressBook
from tests.geodata.geocoding.small_city import (
    PLACES,
    WARDS,
    SmallGazetteer,
    book_of,
    small_book,
)

OK, AMBIGUOUS, CONFLICT, FUZZY, OUTSIDE, NOT_FOUND = PlacingStatus


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
    assert (found.block, found.number, found.rest) == ("1", "6", "")


def test_words_after_the_number_are_kept_as_rest() -> None:
    found = find("西成区松2丁目1番先")
    assert (found.block, found.rest) == ("1", "先")
    found = find("都島区網島町9 会館内")
    assert (found.block, found.rest) == ("9", "会館内")


def test_town_without_chome_is_placed_by_its_name_and_block() -> None:
    found = find("都島区網島町10番35号")
    assert (found.status, found.level) == (OK, PlaceLevel.CHOME)
    assert (found.block, found.number) == ("10", "35")


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
        assert found.status is FUZZY
        assert [o.label for o in found.candidates] == ["西成区天下茶屋二丁目"]


def test_ward_alone_is_answered_but_is_no_place_to_go_to() -> None:
    found = find("大阪市西成区")
    assert (found.status, found.level) == (OK, PlaceLevel.WARD)
    assert "町名が足りません" in found.message
    assert not found.is_placed
    # The parts of 西成区 are 松 and 天下茶屋, some 1.2 km across.
    assert found.radius_m is not None
    assert 600 < found.radius_m < 2000


def test_ward_with_numbers_only_is_not_found() -> None:
    found = find("大阪市西成区1-2-3")
    assert found.status is NOT_FOUND
    assert [option.level for option in found.candidates] == [PlaceLevel.WARD]


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


AT_BLOCK = LonLat(135.5451, 34.6761)
AT_HOUSE = LonLat(135.5452, 34.6762)
TANI7 = (WARDS["中央区"], "谷町七丁目")


def with_blocks(*, complete: bool = False) -> AddressBook:
    return book_of(
        SmallGazetteer(
            block_places={TANI7: {"1": AT_BLOCK}},
            houses={(*TANI7, "1"): {"6": AT_HOUSE}},
            complete=complete,
        )
    )


def test_house_and_block_are_followed_as_far_as_the_data_go() -> None:
    house = with_blocks().find("中央区谷町7-1-6")
    assert (house.level, house.place, house.radius_m) == (
        PlaceLevel.HOUSE,
        AT_HOUSE,
        25,
    )
    block = with_blocks().find("中央区谷町7-1-7")
    assert (block.level, block.place, block.radius_m) == (
        PlaceLevel.BLOCK,
        AT_BLOCK,
        130,
    )
    assert block.warnings == (PlacingWarning.NUMBER_UNKNOWN,)


def test_block_that_partial_data_lack_is_told_and_the_town_answers() -> None:
    found = with_blocks().find("中央区谷町7-2-1")
    assert (found.status, found.level) == (OK, PlaceLevel.CHOME)
    assert (found.block, found.number) == ("2", "1")
    assert found.warnings == (PlacingWarning.BLOCK_UNKNOWN,)


def test_block_that_complete_data_lack_is_not_found() -> None:
    found = with_blocks(complete=True).find("中央区谷町7-2-1")
    assert found.status is NOT_FOUND
    assert [option.label for option in found.candidates] == ["中央区谷町七丁目"]


def test_block_beyond_any_that_the_city_has_is_not_found() -> None:
    # The largest 番 seen in Osaka is 103.
    assert find("中央区谷町7丁目103番").status is OK
    assert find("中央区谷町7丁目104番").status is NOT_FOUND


def test_named_block_is_read_where_the_town_has_one() -> None:
    found = find("久太郎町４丁目渡辺3号")
    assert (found.town, found.block, found.number) == (
        "中央区久太郎町四丁目",
        "渡辺",
        "3",
    )


def test_lettered_block_belongs_to_the_town_without_chome() -> None:
    found = find("中央区上町A番5号")
    assert (found.town, found.block, found.number) == ("中央区上町", "A", "5")


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("鶴見区横堤横堤5-3-15", PlacingWarning.DOUBLED_TOWN),
        ("天王寺区茶臼山1-108", PlacingWarning.DROPPED_TOWN_WORD),
        ("谷町7-1-6", PlacingWarning.WARD_INFERRED),
        ("中央区谷町7丁目1番8号、5番6号", PlacingWarning.FIRST_OF_LIST),
        ("中央区谷町7丁目1番~5番", PlacingWarning.RANGE),
        ("都島区網島町1~3", PlacingWarning.RANGE),
    ],
)
def test_what_a_person_should_know_is_a_warning(
    text: str, warning: PlacingWarning
) -> None:
    found = find(text)
    assert found.status is OK
    assert warning in found.warnings


def test_town_without_its_word_needs_the_ward() -> None:
    assert find("茶臼山1-108").status is not OK


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("都島区網島町2～友渕町1-1", ["都島区網島町", "都島区友渕町一丁目"]),
        ("網島町2、天王寺区餌差町1", ["都島区網島町", "天王寺区餌差町"]),
        (
            "中央区谷町7丁目から天王寺区餌差町まで",
            ["中央区谷町七丁目", "天王寺区餌差町"],
        ),
    ],
)
def test_list_that_leaves_the_town_offers_both_ends(
    text: str, labels: list[str]
) -> None:
    found = find(text)
    assert found.status is AMBIGUOUS
    assert [option.label for option in found.candidates] == labels


def test_outside_names_the_municipality() -> None:
    assert find("松原市大堀3丁目6番先").municipality == "大阪府松原市"
    assert find("堺市堺区南瓦町3-1").municipality == "大阪府堺市堺区"
    assert find("兵庫県尼崎市昭和通2-6").municipality == "兵庫県尼崎市"


@pytest.mark.parametrize("text", ["中失区谷町7-1-6", "中央谷町7-1-6"])
def test_slip_in_the_ward_is_offered_and_never_taken(text: str) -> None:
    found = find(text)
    assert found.status is FUZZY
    assert [option.label for option in found.candidates] == ["中央区谷町七丁目"]


@pytest.mark.parametrize("text", ["住所:中央区谷町7-1", "【場所】中央区谷町7-1"])
def test_label_of_a_form_is_no_part_of_the_place(text: str) -> None:
    assert find(text).town == "中央区谷町七丁目"


def test_address_behind_other_words_is_offered_and_never_taken() -> None:
    found = find("甲野さん宅 中央区谷町7-1")
    assert found.status is FUZZY
    assert [option.label for option in found.candidates] == ["中央区谷町七丁目"]


def test_name_that_nobody_knows_is_never_told_as_a_municipality() -> None:
    found = find("甲野太郎市1-1")
    assert (found.status, found.municipality) == (NOT_FOUND, "")


def test_number_of_metres_is_no_stretch() -> None:
    found = find("中央区谷町7丁目1番から50m南")
    assert (found.status, found.warnings) == (OK, (PlacingWarning.BLOCK_UNKNOWN,))


def test_city_in_a_variant_character_is_ours() -> None:
    assert find("大坂市中央区谷町7-1-6").status is OK


@pytest.mark.parametrize(
    "text",
    [
        "中央区谷町2公園",
        "中央区谷町3階",
        "淀川区十三東2老人憩の家",
        "中央区谷町7丁目0番0号",
    ],
)
def test_number_of_a_thing_is_no_chome_and_no_block(text: str) -> None:
    assert find(text).status is not OK


def test_hyphen_between_two_chome_is_a_range() -> None:
    assert find("中央区谷町1丁目-3丁目").status is AMBIGUOUS


@pytest.mark.parametrize(
    "text",
    [
        "(中央区)谷町7-1",
        "大阪の中央区谷町7-1",
        "★中央区谷町7-1",
        "5420012中央区谷町7-1",
    ],
)
def test_what_people_put_around_the_ward_is_no_part_of_it(text: str) -> None:
    assert find(text).town == "中央区谷町七丁目"


def test_market_and_school_are_no_cities() -> None:
    for text in ("古市北公園", "今市会館", "中央市場前"):
        assert find(text).status is not OUTSIDE


def test_underground_street_is_the_rest_of_its_town() -> None:
    found = find("天王寺区堀越町アベノ地下街8号")
    assert (found.town, found.rest) == ("天王寺区堀越町", "アベノ地下街8号")


def test_official_names_give_the_finest_place_that_the_data_know() -> None:
    book = with_blocks(complete=True)
    option = book.option("中央区", "谷町七丁目", "1", "6")
    assert option is not None
    assert (option.level, option.place) == (PlaceLevel.HOUSE, AT_HOUSE)
    assert book.option("中央区", "谷町七丁目", "2") is None
    assert book.option("南区", "谷町七丁目") is None
    whole = book.option("中央区", "谷町")
    assert whole is not None
    assert whole.level is PlaceLevel.OAZA
