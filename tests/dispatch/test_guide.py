"""The category guide is found by the words that callers use."""

from __future__ import annotations

import pytest

from dispatch.domain.guide import Guide, GuideEntry, plain


def entry(code: str, **texts: object) -> GuideEntry:
    whole: dict[str, object] = {
        "duty": "工営所",
        "urgency": "当日",
        "ask": ("大きさは",),
        "answer": ("見に行きます",),
        "not_ours": "私道は所有者",
        "next_step": "巡回に入る",
        **texts,
    }
    return GuideEntry(code=code, **whole)  # type: ignore[arg-type]


GUIDE = Guide(
    entries={
        "R02": entry("R02", words=("穴ぼこ",)),
        "W02": entry("W02", words=("マンホールの音",), next_step="夜に確かめる"),
    },
    names={"R02": "ポットホール", "W02": "蓋のがたつき"},
)


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        ("", ["R02", "W02"]),
        ("ﾎﾟｯﾄﾎｰﾙ", ["R02"]),
        ("ぽっとほーる", ["R02"]),
        ("r02", ["R02"]),
        ("まんほーる 夜", ["W02"]),
        ("マンホール 穴", []),
        ("私道", ["R02", "W02"]),
    ],
)
def test_every_word_must_be_found_in_whatever_width_or_kana(
    words: str, codes: list[str]
) -> None:
    assert [one.code for one in GUIDE.found(words)] == codes


def test_an_entry_is_got_by_its_code() -> None:
    assert GUIDE.get("R02") is GUIDE.entries["R02"]
    assert GUIDE.get("X99") is None
    assert Guide().found("穴") == ()


def test_kanji_and_long_vowels_stay_as_they_are() -> None:
    assert plain("ガードﾚｰﾙ の ゔ") == "ガードレール ノ ヴ"
