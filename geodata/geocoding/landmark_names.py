"""Names of landmarks: the one spelling, class words, and the keys of each name."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from geodata.address_text import KANJI_DIGITS, VARIANT_ROWS, normalised, number_value

MAX_TEXT = 200  # characters of a text that are looked at
MIN_SURE = 4  # a shorter name without a class word (長吉, 野江) is a town as well
MIN_PART = 4  # a shorter part of a name (本社, 西店) says nothing by itself
SIDES = tuple("前東西南北中横裏")
DEFAULT_RADIUS_M = 150  # a school ground is some 100 m across


@dataclass(frozen=True, slots=True, kw_only=True)
class NameClass:
    """
    A class of landmarks by the words that end its names.

    Parameters
    ----------
    words
        What ends a name; the words of one class stand for each other.
    needs_word
        Whether the publisher leaves the word out (stops are listed as 杭全): the bare
        name is then no sure sign of the landmark.
    sides_need_word
        Whether a name that ends in a side (中央図書館前, 新町1南) is known by its word
        alone: without it people mean what is named before the side.
    radius_m
        How far from the point the thing reaches, with what belongs to it.
    """

    words: tuple[str, ...]
    needs_word: bool = False
    sides_need_word: bool = False
    radius_m: int = DEFAULT_RADIUS_M


# Measured on the city's list of 2015: the toilets of a park lie 51 m (median), 240 m
# (90 %) from its point; poles of one stop 84 m (90 %) from their middle, stands of one
# bicycle park 192 m. Others are assumptions.
CLASSES = (
    NameClass(words=("バス停", "停留所", "バス停留所"), needs_word=True, radius_m=100),
    NameClass(
        words=("交差点", "交叉点"),
        needs_word=True,
        sides_need_word=True,
        radius_m=50,
    ),
    NameClass(words=("小学校", "小")),
    NameClass(words=("中学校", "中")),
    NameClass(words=("高等学校", "高校")),
    NameClass(words=("支援学校",)),
    NameClass(words=("大学",), radius_m=250),
    NameClass(words=("幼稚園",), radius_m=100),
    NameClass(words=("保育所",), radius_m=100),
    NameClass(words=("保育園",), radius_m=100),
    NameClass(words=("児童遊園",), radius_m=100),
    NameClass(words=("公園",), radius_m=240),
    NameClass(words=("自転車駐車場", "駐輪場"), radius_m=200),
    NameClass(words=("駐車場",)),
    NameClass(words=("公衆トイレ", "公衆便所"), radius_m=50),
    NameClass(words=("駅",)),
    NameClass(words=("交番",), radius_m=50),
    NameClass(words=("警察署",), radius_m=100),
    NameClass(words=("消防署",), radius_m=100),
    NameClass(words=("出張所",), radius_m=100),
    NameClass(words=("区役所",), radius_m=100),
    NameClass(words=("図書館",), radius_m=100),
    NameClass(words=("老人憩の家", "老人憩いの家"), radius_m=50),
    NameClass(words=("福祉会館",), radius_m=50),
    NameClass(words=("区民センター",), radius_m=100),
    NameClass(words=("スポーツセンター",)),
    NameClass(words=("会館",), radius_m=100),
    NameClass(words=("病院",)),
    NameClass(words=("郵便局",), radius_m=50),
    NameClass(words=("渡船場",), radius_m=100),
    NameClass(words=("神社",)),
    NameClass(words=("寺",), radius_m=100),
    NameClass(words=("プール",)),
    NameClass(words=("橋",)),
)
# Of the landmarks that a bare name fits, people mean the first of these: assumption.
RANKED = (
    "駅",
    "公園",
    "小学校",
    "中学校",
    "高等学校",
    "交番",
    "警察署",
    "消防署",
    "橋",
)
_CLASS_OF_WORD = {word: group for group in CLASSES for word in group.words}
_WORDS = sorted(_CLASS_OF_WORD, key=len, reverse=True)
_WORDS_BY_LAST = {w[-1]: [v for v in _WORDS if v[-1] == w[-1]] for w in _WORDS}
# Not 交差点: 玉出小前の交差点 asks for the school, and a crossing's name says it whole.
ANY_WORD = re.compile("|".join(w for w in _WORDS if len(w) > 1) + "|駅|橋")
_BRACKETS = re.compile(r"\(([^()]*)\)")
_OPERATOR = re.compile(r"^.{0,8}?[都道府県市区町村]立(?=..)")
_LINES = re.compile(
    r"^(?:.*線|(?:JR|地下鉄|メトロ|阪急|阪神|京阪|近鉄|南海|阪堺|東急|京王|小田急|西武|"
    r"東武|京成|京急|名鉄|西鉄)(?:電鉄|電車|鉄道)?)(?=.+駅$)"
)
_NUMBER_WORD = re.compile(rf"第[{KANJI_DIGITS}十]{{1,3}}|[{KANJI_DIGITS}十]{{1,3}}丁目")
_KANJI_NUMBER = re.compile(f"[{KANJI_DIGITS}十]+")
# ー falls away with the signs: people write センタ−, センター and センタ.
_SIGNS = " ・-~ー()'\".,、。:：/\\|!?#_=+*&;「」“”’`^<>"


def _key_table() -> dict[int, str | None]:
    """Table of the key: katakana for hiragana, small letters, first of each row."""
    fold = {other: row[0] for row in VARIANT_ROWS for other in row[1:]}
    table: dict[int, str | None] = {ord(a): b for a, b in fold.items()}
    for code in range(ord("ぁ"), ord("ゖ") + 1):
        kana = chr(code + 0x60)
        table[code] = fold.get(kana, kana)
    table.update({ord(c): c.lower() for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"})
    table.update(dict.fromkeys(map(ord, _SIGNS)))
    return table


_KEY = _key_table()


def spelled(text: str) -> str:
    """Spell a text as names are compared: normalised, 第一 and 四丁目 in digits."""
    line = normalised(text[:MAX_TEXT])[:MAX_TEXT]
    if "第" in line or "丁目" in line:
        line = _NUMBER_WORD.sub(_in_digits, line)
    return line


def key_of(line: str) -> str:
    """Key of a spelled name: no signs and spaces, no variants, katakana."""
    return line.translate(_KEY)


def kana_key(kana: str) -> str:
    """Key of a reading, which needs none of the spelling of addresses."""
    return key_of(unicodedata.normalize("NFKC", kana))


@dataclass(frozen=True, slots=True)
class KeyedText:
    """A spelled text, its key, and where in the text each letter of the key stands."""

    line: str
    key: str
    starts: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> KeyedText:
        """Spell and key a text (its first 200 characters)."""
        line = spelled(text)
        kept = [i for i, c in enumerate(line) if _KEY.get(ord(c), c) is not None]
        return cls(line, line.translate(_KEY), tuple(kept))

    def end(self, position: int) -> int:
        """End in the text of what ends before a position of the key."""
        end = self.starts[position - 1] + 1
        while self.line[end : end + 1] == "ー":
            end += 1
        return end

    def position(self, index: int) -> int:
        """First position of the key at or after an index of the text."""
        return bisect_left(self.starts, index)


@dataclass(frozen=True, slots=True, kw_only=True)
class NameKeys:
    """
    Keys of a landmark: `sure` ones name it, `weak` ones lack the word of its class.

    `stems` are names without their class word: what is left may be anything.
    """

    sure: tuple[str, ...]
    weak: tuple[str, ...]
    stems: tuple[str, ...]
    group: NameClass | None


def class_of(name: str, kind: str = "") -> NameClass | None:
    """Class of a spelled name by its last word, or by the publisher's class."""
    last = kind.rsplit("/", 1)[-1]
    of_kind = next((w for w in _words_like(last) if last.endswith(w)), "")
    by_kind = _CLASS_OF_WORD.get(of_kind)
    if by_kind is not None and by_kind.needs_word:
        return by_kind
    of_name = next((w for w in _words_like(name) if _ends_in(name, w)), "")
    return _CLASS_OF_WORD.get(of_name, by_kind)


def rank_of(group: NameClass | None) -> int:
    """Place of a class in the order in which a bare name is understood."""
    word = group.words[0] if group else ""
    return RANKED.index(word) if word in RANKED else len(RANKED)


def name_keys(name: str, kind: str = "", others: tuple[str, ...] = ()) -> NameKeys:
    """
    Give a landmark the names that people use.

    Parameters
    ----------
    name, kind
        As its publisher writes them.
    others
        Further names; they count like the official one.

    Returns
    -------
    NameKeys
        Without brackets, owner (大阪市立) and railway line; with each word of its
        class in place of its own (〜小学校, 〜小).
    """
    sure: dict[str, None] = {}
    weak: dict[str, None] = {}
    stems: dict[str, None] = {}
    group = None
    for official in (name, *others):
        line = spelled(official)
        bare = _BRACKETS.sub("", line).strip() or line
        found = class_of(bare, kind)
        group = group or found
        for plain in _plain_names(line, bare):
            stem = _stem(plain, found)
            is_bare = stem == plain and (
                found.needs_word if found else len(plain) < MIN_SURE
            )
            is_side = found is not None and found.sides_need_word and _is_side(stem)
            if not (is_bare and is_side):
                (weak if is_bare else sure)[plain] = None
            if found is not None:
                joints = ("", "の") if found.needs_word else ("",)
                words = [joint + word for joint in joints for word in found.words]
                sure.update(dict.fromkeys(stem + word for word in words))
                if not is_side:
                    stems[stem] = None
    return NameKeys(
        sure=_keys(sure),
        weak=_keys(weak),
        stems=_keys(stems),
        group=group,
    )


def _plain_names(line: str, bare: str) -> Iterator[str]:
    """Give the official name, the name without its additions, and its last part."""
    yield line
    yield bare
    yield _LINES.sub("", _OPERATOR.sub("", bare))
    for inside in _BRACKETS.findall(line):
        if len(inside) >= MIN_PART and class_of(inside):
            yield inside
    parts = re.split("[ ・]", bare)
    if len(parts) > 1 and len(parts[-1]) >= MIN_PART and _says_more(parts[-1]):
        yield parts[-1]


def _says_more(part: str) -> bool:
    """Whether a part of a name ends in a class word and is more than that word."""
    return any(_ends_in(part, word) for word in _words_like(part))


def _words_like(name: str) -> list[str]:
    """Class words that end in a name's last letter, the longest first."""
    return _WORDS_BY_LAST.get(name[-1:], [])


def _ends_in(name: str, word: str) -> bool:
    return name.endswith(word) and len(name) > len(word)


def _stem(name: str, group: NameClass | None) -> str:
    for word in group.words if group else ():
        if _ends_in(name, word):
            return name.removesuffix(word)
    return name


def _is_side(stem: str) -> bool:
    return stem.endswith(SIDES)


def _keys(names: dict[str, None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for name in names if (key := key_of(name))))


def _in_digits(found: re.Match[str]) -> str:
    return _KANJI_NUMBER.sub(lambda n: str(number_value(n.group())), found.group())
