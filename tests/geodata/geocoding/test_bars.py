"""The examiner of the geocoder: that it measures right, and a quick sample by it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from dispatch.domain.place import LonLat
from dispatch.domain.placing import (
    Candidate,
    PlaceLevel,
    Placement,
    PlacingStatus,
    PlacingWarning,
)
from geodata.address_text import folded
from geodata.bundle.store import Bundle
from tests.address_trials import (
    MAX_TEXT_BYTES,
    Forbidden,
    Negative,
    Typo,
    hostile_texts,
    negatives,
    num_other_municipalities,
    outside,
    typos,
)
from tests.address_variants import CLASSES, Variant, variants, without_wards
from tests.geocoding_bars import (
    NUM_EXAMPLES,
    Ask,
    Heard,
    NamedCase,
    heard,
    problems_of,
    read_named_cases,
    score_leave_one_out,
    score_named,
    score_negatives,
    score_typos,
    score_variants,
)
from tests.geocoding_subject import (
    NAMED_CASES,
    LeaveOneOut,
    ask_geocoder,
    built_bundle,
    city_ward_names,
    held_by,
)
from tests.known_addresses import (
    Held,
    KnownAddress,
    KnownTown,
    ambiguous_names,
    kanji,
    kanji_digits,
    known_town,
    label_holds,
    read_known_blocks,
    read_known_points,
    read_known_towns,
    seeded,
    with_check_digit,
)
from tests.shared_data import need_shared

CHUO, NANIWA, KITA = "271284", "271110", "271276"
HERE = LonLat(135.517, 34.676)
NAMES = {CHUO: "中央区", NANIWA: "浪速区", KITA: "北区"}
TOWNS = (
    *(known_town(CHUO, "中央区", f"谷町{n}丁目", HERE) for n in "一二三四五六七八九"),
    known_town(CHUO, "中央区", "日本橋一丁目", HERE),
    known_town(NANIWA, "浪速区", "日本橋三丁目", HERE),
    known_town(NANIWA, "浪速区", "桜川二丁目", HERE),
    known_town(KITA, "北区", "中之島一丁目", HERE),
    known_town(KITA, "北区", "松ケ枝町", HERE),
)
TANIMACHI7 = KnownAddress(town=TOWNS[6], block="23", number="6", place=HERE)
MATSUGAE = KnownAddress(town=TOWNS[-1], block="2", number="41", place=HERE)
NAKANOSHIMA = KnownAddress(town=TOWNS[-2], block="3", number="20", place=HERE)
TANIMACHI_BLOCK = replace(TANIMACHI7, number="")
OSAKAJO = KnownAddress(
    town=known_town(CHUO, "中央区", "大阪城", HERE), block="3", number="11"
)
SAKURAGAWA = KnownAddress(town=TOWNS[-3], block="1", number="2", place=HERE)
ALL = (TANIMACHI7, MATSUGAE, NAKANOSHIMA, TANIMACHI_BLOCK, OSAKAJO, SAKURAGAWA)
HAS_BLOCK = Held(blocks=frozenset({(CHUO, "谷町七丁目", "23")}))
NO = Heard(status=PlacingStatus.NOT_FOUND)


def texts_of(address: KnownAddress, seed: int = 5) -> dict[str, Variant]:
    return {v.class_id: v for v in variants(address, seeded(seed))}


def perfect(variant: Variant, held: Held) -> Heard:
    """Answer as a geocoder without a fault does."""
    address, town = variant.address, variant.address.town
    level = held.finest(address, variant.level)
    below = (PlaceLevel.BLOCK, PlaceLevel.HOUSE)
    warnings = []
    if variant.level in below and level not in below:
        warnings.append(PlacingWarning.BLOCK_UNKNOWN)
    elif level is PlaceLevel.BLOCK and variant.level is PlaceLevel.HOUSE:
        warnings.append(PlacingWarning.NUMBER_UNKNOWN)
    return Heard(
        status=PlacingStatus.OK,
        level=level,
        ward_code=town.ward_code,
        town=town.oaza if level is PlaceLevel.OAZA else town.name,
        block=address.block if variant.level in below else "",
        number=address.number if variant.level is PlaceLevel.HOUSE else "",
        place=HERE,
        radius_m=300,
        warnings=tuple(warnings),
    )


# --- the known addresses --------------------------------------------------------------


def test_a_towns_name_is_taken_apart() -> None:
    assert (TOWNS[6].oaza, TOWNS[6].chome) == ("谷町", 7)
    assert (TOWNS[-1].oaza, TOWNS[-1].chome) == ("松ケ枝町", None)
    assert known_town("1", "区", "町二十三丁目", HERE).chome == 23
    assert known_town("1", "区", "町十丁目", HERE).chome == 10


def test_the_check_digit_of_a_municipality_is_that_of_the_official_list() -> None:
    # 27113: 2*6 + 7*5 + 1*4 + 1*3 + 3*2 = 60; 60 mod 11 = 5; 11 - 5 = 6.
    assert with_check_digit("27113") == "271136"
    assert with_check_digit("27128") == "271284"


@pytest.mark.parametrize(
    ("number", "words", "digits"),
    [
        (7, "七", "七"),
        (10, "十", "一〇"),
        (23, "二十三", "二三"),
        (103, "百三", "一〇三"),
    ],
)
def test_numbers_are_written_in_both_kanji_ways(
    number: int, words: str, digits: str
) -> None:
    assert (kanji(number), kanji_digits(number)) == (words, digits)


@pytest.mark.parametrize(
    ("written", "holds"),
    [
        ("中央区谷町7-23-6", True),
        ("谷町７丁目２３番６号", True),
        ("中央区谷町七丁目二十三番六号", True),
        ("北区谷町7-23-6", False),  # another ward than the label
        ("中央区谷町7-24-6", False),  # another block
        ("中央区内平野町7-23-6", False),  # another town
        ("中央区谷町7-23-6～9", False),  # a range has no one place
    ],
)
def test_a_label_holds_only_when_the_words_agree(written: str, *, holds: bool) -> None:
    point = replace(TANIMACHI7, written=written)
    assert label_holds(point, NAMES.values()) is holds


def test_a_label_does_not_hold_kilometres_from_its_town() -> None:
    far = replace(TANIMACHI7, written="中央区谷町7-23-6", place=LonLat(135.517, 34.69))
    assert not label_holds(far, NAMES.values())


def test_names_in_two_wards_are_found() -> None:
    assert ambiguous_names(TOWNS) == {"日本橋": frozenset({CHUO, NANIWA})}


def test_the_finest_level_is_what_text_and_data_both_have() -> None:
    house = Held(
        blocks=HAS_BLOCK.blocks, houses=frozenset({(CHUO, "谷町七丁目", "23", "6")})
    )
    levels = PlaceLevel
    assert house.finest(TANIMACHI7, levels.HOUSE) is levels.HOUSE
    assert HAS_BLOCK.finest(TANIMACHI7, levels.HOUSE) is levels.BLOCK
    assert Held().finest(TANIMACHI7, levels.HOUSE) is levels.CHOME
    assert house.finest(TANIMACHI7, levels.OAZA) is levels.OAZA


# --- the variants ---------------------------------------------------------------------


def test_there_are_more_than_24_classes_each_with_a_reason() -> None:
    ids = [kind.id for kind in CLASSES]
    assert len(set(ids)) == len(ids) >= 24
    assert all(kind.why.endswith(".") for kind in CLASSES)


@pytest.mark.parametrize(
    ("class_id", "text"),
    [
        ("V01", "大阪市中央区谷町七丁目23番6号"),
        ("V04", "大阪市中央区谷町7-23-6"),
        ("V05", "大阪市中央区谷町7丁目23-6"),
        ("V08", "大阪市中央区谷町七丁目二十三番六号"),
        ("V09", "大阪市中央区谷町七丁目二三番六号"),
        ("V13", "大阪市中央区谷町7 - 23 - 6"),
        ("V17", "大阪市中央区 谷 町 7丁目23-6"),
        ("V18", "大阪市中央区谷町7丁目 23番 6号"),
        ("V20", "大阪市中央区谷町7丁目23番6"),
        ("V21", "大阪市中央区谷町7丁目23の6"),
        ("V25", "中央区谷町7-23-6-101"),
    ],
)
def test_a_class_writes_what_its_reason_says(class_id: str, text: str) -> None:
    assert texts_of(TANIMACHI7)[class_id].text == text


def test_a_town_without_chome_is_written_by_block_and_number() -> None:
    written = texts_of(MATSUGAE)
    assert written["V01"].text == "大阪市北区松ケ枝町2番41号"
    assert written["V04"].text == "大阪市北区松ケ枝町2-41"
    assert written["V08"].text == "大阪市北区松ケ枝町二番四十一号"


def test_every_class_suits_some_address() -> None:
    seen = {v.class_id for a in ALL for s in range(4) for v in variants(a, seeded(s))}
    assert seen == {kind.id for kind in CLASSES}


def test_a_class_that_changes_nothing_is_left_out() -> None:
    # 谷町 has no ケ, no 之, and no character with an older form.
    assert not {"V27", "V28", "V29", "V30", "V31", "V43"} & set(texts_of(TANIMACHI7))


def test_a_seed_gives_the_same_texts_again_and_another_seed_others() -> None:
    first, again, other = (texts_of(TANIMACHI7, seed) for seed in (1, 1, 2))
    assert first == again != other


@given(st.sampled_from(ALL), st.integers(0, 10**6))
def test_every_variant_still_holds_the_numbers_in_their_order(
    address: KnownAddress, seed: int
) -> None:
    wanted = [n for n in (address.block, address.number) if n]
    for variant in variants(address, seeded(seed)):
        text = unicodedata.normalize("NFKC", variant.text)
        text = re.sub("[\u00ad\u200b-\u200f\u2060\ufeff]", "", text)
        if re.search("[一二三四五六七八九十〇]+番|[一二三四五六七八九十]+[―‐-]", text):
            continue  # numbers in kanji are shown by the examples above
        numbers = re.findall("[0-9]+", text)
        number_is_carried = variant.level is PlaceLevel.HOUSE
        carried = wanted if number_is_carried else wanted[:1]
        if variant.level in (PlaceLevel.HOUSE, PlaceLevel.BLOCK):
            at = [numbers[i : i + len(carried)] for i in range(len(numbers))]
            assert carried in at, variant


def test_the_level_is_what_the_text_still_carries() -> None:
    house, block = texts_of(TANIMACHI7), texts_of(TANIMACHI_BLOCK)
    assert house["V04"].level is PlaceLevel.HOUSE
    assert house["V44"].level is block["V04"].level is PlaceLevel.BLOCK
    assert house["V45"].level is PlaceLevel.CHOME
    assert house["V46"].level is PlaceLevel.OAZA
    assert texts_of(MATSUGAE)["V46"].level is PlaceLevel.CHOME  # 町 is all there is


def test_a_room_behind_may_be_read_with_the_number() -> None:
    assert texts_of(TANIMACHI7)["V25"].numbers == ("6", "6-101")


def test_the_ward_is_left_out_only_where_the_name_is_in_one_ward() -> None:
    rng = seeded(1)
    with_ward = KnownTown(
        ward_code=NANIWA,
        ward="浪速区",
        name="谷町七丁目",
        oaza="谷町",
        chome=7,
        place=HERE,
    )
    assert [v.class_id for v in without_wards(TANIMACHI7, TOWNS, rng)] == ["V60", "V61"]
    assert not without_wards(TANIMACHI7, (*TOWNS, with_ward), rng)
    assert not without_wards(
        MATSUGAE, TOWNS, rng
    )  # without a 丁目 it may be a landmark


# --- the scores -----------------------------------------------------------------------


@pytest.mark.parametrize("held", [Held(), HAS_BLOCK])
def test_a_geocoder_without_fault_scores_full_marks(held: Held) -> None:
    asked = [v for a in ALL for v in variants(a, seeded(3))]
    score = score_variants([(v, perfect(v, held)) for v in asked], held)
    assert score.share == 1
    assert not score.faults
    assert not score.examples
    assert score.total.num == score.count("right_town") == len(asked)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"ward_code": NANIWA}, "silent_wrong_ward"),
        ({"town": "谷町六丁目"}, "silent_wrong_town"),
        ({"block": "24"}, "silent_wrong_block"),
    ],
)
def test_a_silent_wrong_answer_is_a_fault(change: dict[str, str], fault: str) -> None:
    variant = texts_of(TANIMACHI7)["V04"]
    answer = replace(perfect(variant, HAS_BLOCK), **change)  # type: ignore[arg-type]
    score = score_variants([(variant, answer)], HAS_BLOCK)
    assert score.faults == {fault: 1}
    assert score.total.right == 0
    assert fault in str(score)


@pytest.mark.parametrize(
    "answer",
    [
        Heard(status=PlacingStatus.AMBIGUOUS),
        Heard(status=PlacingStatus.OK, ward_code=CHUO, level=PlaceLevel.WARD),
        Heard(
            status=PlacingStatus.OK,
            ward_code=CHUO,
            town="谷町",
            level=PlaceLevel.OAZA,
            block="23",
            number="6",
        ),
    ],
)
def test_less_than_the_text_carries_is_a_miss_but_no_fault(answer: Heard) -> None:
    score = score_variants([(texts_of(TANIMACHI7)["V04"], answer)], Held())
    assert (score.total.right, score.faults) == (0, {})
    assert score.examples


@pytest.mark.parametrize(
    ("held", "change"),
    [
        (Held(), {"warnings": ()}),  # not said: the block is not in the data
        (HAS_BLOCK, {"warnings": ()}),  # not said: the number is not
        (HAS_BLOCK, {"warnings": (PlacingWarning.BLOCK_UNKNOWN,)}),  # but it is known
        (HAS_BLOCK, {"number": "7"}),
        (HAS_BLOCK, {"number": ""}),
        (HAS_BLOCK, {"level": PlaceLevel.CHOME}),
        (HAS_BLOCK, {"level": PlaceLevel.HOUSE}),
        (Held(), {"block": ""}),
    ],
)
def test_an_answer_must_be_right_to_the_level_that_the_data_hold(
    held: Held, change: dict[str, object]
) -> None:
    variant = texts_of(TANIMACHI7)["V04"]
    answer = replace(perfect(variant, held), **change)  # type: ignore[arg-type]
    assert score_variants([(variant, answer)], held).total.right == 0


def test_examples_are_few_and_faults_come_first() -> None:
    asked = list(texts_of(TANIMACHI7).values())
    wrong = Heard(status=PlacingStatus.OK, ward_code=NANIWA)
    answers = [(v, wrong if i == 20 else NO) for i, v in enumerate(asked)]
    score = score_variants(answers, Held())
    assert len(score.examples) == NUM_EXAMPLES
    assert score.examples[0].startswith(f"{asked[20].class_id} silent_wrong_ward")
    assert sum(tally.bad for tally in score.classes.values()) == 1


@pytest.mark.parametrize(
    ("forbidden", "answer", "is_false"),
    [
        (Forbidden.ANY_OK, NO, False),
        (Forbidden.ANY_OK, Heard(status=PlacingStatus.OK, level=PlaceLevel.WARD), True),
        (
            Forbidden.BELOW_WARD,
            Heard(status=PlacingStatus.OK, level=PlaceLevel.WARD),
            False,
        ),
        (
            Forbidden.BELOW_WARD,
            Heard(status=PlacingStatus.OK, level=PlaceLevel.OAZA),
            True,
        ),
        (Forbidden.BLOCK, Heard(status=PlacingStatus.OK, level=PlaceLevel.CHOME), True),
        (
            Forbidden.BLOCK,
            Heard(
                status=PlacingStatus.OK,
                level=PlaceLevel.CHOME,
                warnings=(PlacingWarning.BLOCK_UNKNOWN,),
            ),
            False,
        ),
        (
            Forbidden.BLOCK,
            Heard(
                status=PlacingStatus.OK,
                level=PlaceLevel.BLOCK,
                warnings=(PlacingWarning.BLOCK_UNKNOWN,),
            ),
            True,
        ),
    ],
)
def test_what_counts_as_a_false_match(
    forbidden: Forbidden, answer: Heard, *, is_false: bool
) -> None:
    negative = Negative(
        text="x", class_id="N1", forbidden=forbidden, wanted=frozenset(PlacingStatus)
    )
    score = score_negatives([(negative, answer)])
    assert score.fault("false_match") == is_false
    assert score.total.right == (not is_false)


def candidate(town: KnownTown) -> Candidate:
    return Candidate(
        label=town.ward + town.name,
        place=town.place,
        level=PlaceLevel.CHOME,
        radius_m=300,
        ward_code=town.ward_code,
        town=town.name,
    )


def test_an_ambiguous_name_is_right_only_with_all_its_wards() -> None:
    negative = next(
        n for n in negatives(TOWNS, [TANIMACHI7], [], seeded(1)) if n.class_id == "N4"
    )
    both = tuple(candidate(town) for town in TOWNS if town.oaza == "日本橋")
    asked = Heard(status=PlacingStatus.AMBIGUOUS, candidates=both)
    assert score_negatives([(negative, asked)]).share == 1
    one = replace(asked, candidates=both[:1])
    assert score_negatives([(negative, one)]).share == 0


def test_a_typo_is_right_when_the_true_town_is_offered() -> None:
    typo = Typo(text="中央区谷待7-23-6", class_id="T3", address=TANIMACHI7)
    fuzzy = Heard(status=PlacingStatus.FUZZY, candidates=(candidate(TOWNS[6]),))
    other = replace(fuzzy, candidates=(candidate(TOWNS[5]),))
    taken = perfect(texts_of(TANIMACHI7)["V04"], Held())
    wrong = replace(taken, ward_code=KITA)
    score = score_typos([(typo, answer) for answer in (fuzzy, other, NO, taken, wrong)])
    assert (score.total.num, score.total.right, score.count("fuzzy")) == (5, 1, 2)
    assert score.faults == {"accepted": 2, "silent_wrong_ward": 1}


def test_leave_one_out_counts_right_answered_and_within_the_radius() -> None:
    near = Heard(
        status=PlacingStatus.OK,
        level=PlaceLevel.CHOME,
        ward_code=CHUO,
        town="谷町七丁目",
        place=LonLat(135.517, 34.678),  # 0.002° = 222 m north of the true place
        radius_m=230,
    )
    answers = {
        "a": near,
        "b": replace(near, radius_m=220),
        "c": replace(near, town="谷町六丁目"),
        "d": NO,
        "e": replace(near, place=None),
    }
    points = [replace(TANIMACHI7, written=text) for text in answers]
    score = score_leave_one_out(lambda _: answers.__getitem__, points)
    assert (score.total.num, score.total.right) == (5, 3)
    assert (score.count("answered"), score.count("in_radius")) == (4, 2)
    assert score.faults == {"silent_wrong_town": 1}


def test_a_placement_is_heard_without_the_wards_name() -> None:
    placement = Placement(
        status=PlacingStatus.OK, message="", ward_code=CHUO, town="中央区谷町七丁目"
    )
    assert heard(placement, NAMES).town == "谷町七丁目"


# --- negatives and typos --------------------------------------------------------------


def test_a_wrong_ward_has_no_town_of_that_name() -> None:
    for seed in range(20):
        address = replace(TANIMACHI7, town=TOWNS[9])  # 日本橋: 中央区 and 浪速区
        found = negatives(TOWNS, [address], [], seeded(seed))
        texts = [n.text for n in found if n.class_id == "N1"]
        assert all(text.removeprefix("大阪市").startswith("北区") for text in texts)


def test_no_negative_has_a_ward_town_and_number_that_exist() -> None:
    counts = Counter(n.class_id for n in negatives(TOWNS, ALL, [], seeded(2)))
    assert set(counts) == {f"N{n}" for n in range(1, 10)}
    for negative in negatives(TOWNS, ALL, [], seeded(2)):
        if negative.class_id == "N2":
            assert re.search("[4-9][0-9]|[四五六七八九]十", negative.text)
        if negative.class_id == "N3":
            assert re.search("[0-9]{3}|百", negative.text)


def test_other_municipalities_are_all_42_of_the_prefecture_and_some_elsewhere() -> None:
    found = outside(seeded(1))
    assert num_other_municipalities() == 42
    near = {n.text.removeprefix("大阪府")[:3] for n in found if n.class_id == "N10"}
    assert {"東大阪", "松原市", "堺市北", "守口市", "三島郡"} <= near
    far = [n.text for n in found if n.class_id == "N11"]
    assert any(text.startswith("神戸市中央区") for text in far)
    # A bare 港区 is one of this city: Tokyo's carries its prefecture.
    assert any(text.startswith("東京都港区") for text in far)
    assert not any(text.startswith("港区") for text in far)


@given(st.sampled_from(ALL), st.integers(0, 10**6))
def test_a_typo_is_one_edit_from_the_name_and_spells_no_other(
    address: KnownAddress, seed: int
) -> None:
    names = {folded(town.oaza) for town in TOWNS}
    for typo in typos(address, TOWNS, seeded(seed)):
        name = typo.text.removeprefix(address.town.ward)
        chome = "" if address.town.chome is None else str(address.town.chome)
        slip = name[: name.index(f"{chome or address.block}")]
        assert OSA.distance(slip, address.town.oaza) == 1
        assert folded(slip) not in names


def test_a_left_out_machi_is_no_typo() -> None:
    slips = {t.text for s in range(60) for t in typos(MATSUGAE, TOWNS, seeded(s))}
    assert not any(text.startswith("北区松ケ枝2") for text in slips)


def test_two_towns_in_a_row_are_no_typo() -> None:
    # 緑 with 松 before it reads as two towns.
    midori = known_town(KITA, "北区", "緑一丁目", HERE)
    matsu = known_town(KITA, "北区", "松一丁目", HERE)
    address = KnownAddress(town=midori, block="1")
    found = [typos(address, (midori, matsu), seeded(s)) for s in range(20)]
    assert not any(found)


@given(hostile_texts())
def test_hostile_texts_stay_within_10_kb(text: str) -> None:
    assert len(text.encode("utf-8", "surrogatepass")) <= MAX_TEXT_BYTES


# --- named cases ----------------------------------------------------------------------

CASES = read_named_cases(NAMED_CASES)
CASE = NamedCase(
    text="x",
    reason="y",
    statuses=(PlacingStatus.OK,),
    ward="中央区",
    town="谷町七丁目",
    block="23",
    number="6",
    level="block",
    candidates=("中央区谷町",),
    never=("浪速区",),
    warnings=("doubled_town",),
    landmark_never=("中浜工営所",),
)
RIGHT = Heard(
    status=PlacingStatus.OK,
    level=PlaceLevel.BLOCK,
    ward_code=CHUO,
    town="谷町七丁目",
    block="23",
    number="6",
    candidates=(candidate(TOWNS[6]),),
    warnings=(PlacingWarning.DOUBLED_TOWN,),
)


def test_a_named_case_without_a_problem() -> None:
    assert problems_of(CASE, RIGHT, NAMES) == []
    assert score_named(lambda _: RIGHT, [CASE], NAMES).share == 1
    assert score_named(lambda _: NO, [CASE], NAMES).share == 0


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (replace(RIGHT, ward_code=KITA), "ward: '北区', not '中央区'"),
        (replace(RIGHT, ward_code=NANIWA), "never to be accepted: 浪速区"),
        (replace(RIGHT, town="谷町"), "town: '谷町', not '谷町七丁目'"),
        (replace(RIGHT, block=""), "block: '', not '23'"),
        (replace(RIGHT, number=""), "number: '', not '6'"),
        (replace(RIGHT, warnings=()), "no warning: doubled_town"),
        (replace(RIGHT, candidates=()), "not offered: 中央区谷町"),
        (replace(RIGHT, landmark="中浜工営所"), "never to be accepted: 中浜工営所"),
        (replace(RIGHT, status=PlacingStatus.FUZZY), "status: fuzzy"),
    ],
)
def test_each_problem_of_a_named_case_is_told(answer: Heard, problem: str) -> None:
    assert problem in problems_of(CASE, answer, NAMES)


def test_the_wrong_municipality_is_told() -> None:
    case = NamedCase(
        text="x",
        reason="y",
        statuses=(PlacingStatus.OUTSIDE,),
        municipality="松原市",
    )
    answer = Heard(status=PlacingStatus.OUTSIDE, municipality="大阪府松原市")
    assert problems_of(case, answer, NAMES) == []
    assert problems_of(case, replace(answer, municipality=""), NAMES)


def test_the_table_of_named_cases_names_towns_that_exist() -> None:
    towns = read_known_towns(need_shared("data/addresses/osaka_towns.csv"))
    names = {town.ward + town.name for town in towns}
    assert len({case.text for case in CASES}) == len(CASES) >= 40
    assert all(case.reason for case in CASES)
    assert not [c.text for c in CASES if c.town and c.ward + c.town not in names]


# --- on the real data -----------------------------------------------------------------


NUM_SAMPLE = 40
SEED = 11


@pytest.fixture(scope="module")
def towns() -> tuple[KnownTown, ...]:
    return read_known_towns(need_shared("data/addresses/osaka_towns.csv"))


@pytest.fixture(scope="module")
def points(towns: tuple[KnownTown, ...]) -> tuple[KnownAddress, ...]:
    path = need_shared("data/addresses/osaka_address_points_dev.csv")
    return read_known_points(path, towns).points


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return built_bundle(tmp_path_factory.mktemp("bars") / "bundle")


@pytest.fixture(scope="module")
def ask(bundle: Bundle) -> Ask:
    return ask_geocoder(bundle)


def test_the_labels_of_nearly_all_real_points_hold(
    towns: tuple[KnownTown, ...],
) -> None:
    path = need_shared("data/addresses/osaka_address_points_dev.csv")
    known = read_known_points(path, towns)
    # The four doubtful ones are ranges (網島町2～友渕町1-1 …).
    assert (len(known.points), len(known.doubtful)) == (2496, 4)
    blocks = read_known_blocks(
        need_shared("data/addresses/osaka_blocks_observed.csv"), towns
    )
    assert len(blocks) == 4536
    assert set(ambiguous_names(towns)) == {"上汐", "日本橋", "万代"}


def test_a_sample_of_real_addresses_is_found_in_every_spelling(
    ask: Ask,
    bundle: Bundle,
    towns: tuple[KnownTown, ...],
    points: tuple[KnownAddress, ...],
) -> None:
    rng = seeded(SEED)
    asked = [
        variant
        for point in rng.sample(points, NUM_SAMPLE)
        for variant in (*variants(point, rng), *without_wards(point, towns, rng))
    ]
    score = score_variants([(v, ask(v.text)) for v in asked], held_by(bundle))
    assert score.share >= 0.999, str(score)
    assert not score.faults, str(score)


def test_a_sample_without_an_answer_gets_none(
    ask: Ask, towns: tuple[KnownTown, ...], points: tuple[KnownAddress, ...]
) -> None:
    rng = seeded(SEED)
    sample = rng.sample(points, NUM_SAMPLE // 2)
    asked = negatives(towns, sample, [], rng) + outside(rng, per_municipality=1)
    score = score_negatives([(n, ask(n.text)) for n in asked])
    assert not score.faults, str(score)


def test_a_sample_of_slips_is_offered_and_never_taken(
    ask: Ask, towns: tuple[KnownTown, ...], points: tuple[KnownAddress, ...]
) -> None:
    rng = seeded(SEED)
    sample = rng.sample(points, NUM_SAMPLE)
    asked = [typo for point in sample for typo in typos(point, towns, rng)]
    score = score_typos([(t, ask(t.text)) for t in asked])
    assert score.share >= 0.5, str(score)
    assert not score.faults, str(score)


def test_the_citys_own_addresses_are_found_without_their_blocks(
    bundle: Bundle, points: tuple[KnownAddress, ...]
) -> None:
    score = score_leave_one_out(LeaveOneOut(bundle).without, points)
    assert score.share >= 0.99, str(score)
    assert score.count("in_radius") >= 0.95 * score.count("answered"), str(score)
    assert not score.fault("silent_wrong_ward"), str(score)


@pytest.mark.parametrize("case", CASES, ids=[case.text for case in CASES])
def test_a_named_case_is_answered_as_its_reason_says(ask: Ask, case: NamedCase) -> None:
    answer = ask(case.text)
    assert problems_of(case, answer, city_ward_names()) == [], case.reason


@given(hostile_texts())
@settings(deadline=2000, max_examples=60)
def test_hostile_texts_get_an_answer_and_no_exception(ask: Ask, text: str) -> None:
    assert ask(text).status in PlacingStatus
