"""The normaliser: many spellings, one form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.address_text import (
    DASHES,
    block_text,
    folded,
    normalised,
    number_value,
    town_tail,
)


@pytest.mark.parametrize("dash", sorted(set(DASHES) | {"-"}))
def test_every_hyphen_between_numbers_becomes_one(dash: str) -> None:
    assert normalised(f"谷町7{dash}1{dash}6") == "谷町7-1-6"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("谷町７－１－６", "谷町7-1-6"),
        ("谷町7 - 1 - 6", "谷町7-1-6"),
        ("谷町 7 1 6", "谷町 7-1-6"),
        ("〒542-0012 中央区谷町", "中央区谷町"),
        ("〒５４２００１２　中央区谷町", "中央区谷町"),
        ("542-0012中央区谷町", "中央区谷町"),
        ("東成区＜神路公園内＞", "東成区(神路公園内)"),
        ("野田4〜5丁目", "野田4~5丁目"),
        ("\ufeff中央区\u200b谷町", "中央区谷町"),
    ],
)
def test_spelling_becomes_normal(written: str, read: str) -> None:
    assert normalised(written) == read


def test_long_vowel_stays_a_letter_after_kana() -> None:
    assert normalised("センター1号館") == "センター1号館"


@pytest.mark.parametrize(
    ("variant", "official"),
    [
        ("靭本町", "靱本町"),
        ("鷺州", "鷺洲"),
        ("三軒屋東", "三軒家東"),
        ("御弊島", "御幣島"),
        ("曽根崎", "曾根崎"),
        ("大隈", "大隅"),
        ("心齋橋筋", "心斎橋筋"),
        ("堂ヶ芝", "堂ケ芝"),
        ("堂が芝", "堂ケ芝"),
        ("森の宮中央", "森ノ宮中央"),
        ("森之宮", "森ノ宮"),
        ("髙津", "高津"),
        ("山﨑町", "山崎町"),
    ],
)
def test_variant_characters_fold_to_the_same_name(variant: str, official: str) -> None:
    assert folded(variant) == folded(official)
    assert len(folded(variant)) == len(variant)


@pytest.mark.parametrize(
    ("digits", "value"),
    [("7", 7), ("七", 7), ("十", 10), ("十三", 13), ("二十", 20), ("二三", 23)],
)
def test_numbers_are_read_in_digits_and_kanji(digits: str, value: int) -> None:
    assert number_value(digits) == value


@pytest.mark.parametrize(
    "after",
    ["2丁目8-41", "2丁目8番41号", "2-8-41", "2の8の41", "二丁目8-41", "二-八-四一"],
)
def test_chome_is_read_in_every_notation(after: str) -> None:
    tail = town_tail(normalised(after))
    assert tail is not None
    assert tail.chome == 2
    assert block_text(tail.rest).replace("の", "-") == "8-41"


@pytest.mark.parametrize(
    "after", ["先", "付近", "地先", "(公園内)", "公園内", "の角", ""]
)
def test_words_of_place_end_a_town(after: str) -> None:
    assert town_tail(after) is not None


@pytest.mark.parametrize("after", ["原市大堀3", "区谷町", "台地を縦断", "駅前"])
def test_other_letters_do_not_end_a_town(after: str) -> None:
    assert town_tail(after) is None


def test_number_of_a_block_is_no_chome() -> None:
    tail = town_tail("6番1号")
    assert tail is not None
    assert tail.chome is None
    assert block_text(tail.rest) == "6-1"


def test_several_chome_are_all_seen() -> None:
    tail = town_tail("1、2、3丁目付近")
    assert tail is not None
    assert (tail.chome, tail.others) == (1, (2, 3))


@given(st.text(max_size=60))
def test_any_text_can_be_normalised_twice(text: str) -> None:
    once = normalised(text)
    town_tail(once)
    block_text(once)
    assert len(folded(once)) == len(once)


@given(st.text(alphabet="〇零一二三四五六七八九十百", min_size=1, max_size=4))
def test_any_kanji_number_has_a_value(digits: str) -> None:
    assert number_value(digits) >= 0
