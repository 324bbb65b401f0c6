"""The spelling of Japanese addresses: one normal form, numbers, and word borders."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

MAX_TEXT_BYTES = 10_240
# Code points that people type where a hyphen belongs (U+2010 … U+FF70).
DASHES = "‐‑‒–—―−─━﹘﹣－ｰー⁃˗"
WAVES = "〜～∼˜"
KANJI_DIGITS = "〇零一二三四五六七八九"
KANJI_NUMERALS = KANJI_DIGITS + "十百"
BRACKETS = str.maketrans("〈《<「『【[{〔〉》>」』】]}〕", "(((((((((" + ")))))))))")
INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u2060\ufeff\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)

# Rows of characters that mean the same in a place name; each folds to its first.
# A row is safe although 隅 and 隈 are different words: both the text and the list of
# towns are folded, so a variant counts only where it spells a town that exists.
VARIANT_ROWS = (
    "ケヶがガヵカ",
    "ノの之乃",
    "ツつっッ",
    "靱靭",
    "洲州",
    "家屋",
    "島嶋嶌",
    "幣弊",
    "曾曽",
    "隅隈",
    "斎齋斉齊",
    "高髙",
    "崎﨑嵜碕",
    "鶴靏靍鸖",
    "阪坂",
    "条條",
    "国國",
    "沢澤",
    "辺邊邉",
    "浜濱",
    "滝瀧",
    "竜龍",
    "広廣",
    "真眞",
    "恵惠",
    "栄榮",
    "鉄鐵",
    "桜櫻",
    "堀掘",
    "船舩舟",
    "野埜",
    "富冨",
    "渕淵渊",
    "刈苅",
    "槍鎗鑓",
    "芦葦蘆",
    "円圓",
    "伝傳",
    "与與",
    "万萬",
    "来來",
    "塩鹽",
    "寿壽",
    "桧檜",
    "兎兔菟",
    "焼燒",
    "関關",
    "弁辨辯",
    "区區",
    "会會",
    "豊豐",
    "穂穗",
    "桑桒",
    "松枩",
    "緑綠",
    "宝寶",
    "徳德",
    "黒黑",
    "浅淺",
    "売賣",
    "稲稻",
    "姫姬",
    "戸戶",
    "郎郞",
    "青靑",
)
_FOLD = str.maketrans({variant: row[0] for row in VARIANT_ROWS for variant in row[1:]})
_DIGIT = f"[0-9{KANJI_NUMERALS}]"
_HARD_DASH = re.compile(f"[{DASHES.replace('ー', '').replace('ｰ', '')}]")
# ー is a letter after kana (センター1) and a hyphen before a number elsewhere.
_LONG_VOWEL = re.compile(f"(?<![ァ-ヺぁ-ん])ー(?= ?{_DIGIT})")
_COUNTRY = re.compile("^ ?日本国?[、,] ?")
_POSTAL = re.compile(r"^ ?(?:〒 ?\d{3} ?-? ?\d{4}|\d{3}-\d{4}(?![0-9-])) ?")
# Most addresses are normal already: no space, no sign but -, and no 日本 or 〒 before.
_IS_NORMAL = re.compile("(?!日本国?、)[一-龠々ぁ-んァ-ヺ][一-龠々ぁ-んァ-ヺ0-9-]*")
_SPACED_DASH = re.compile(r" ?- ?")
_BETWEEN_DIGITS = re.compile(r"(?<=[0-9]) (?=[0-9])")
_NUMBER = re.compile(rf"[0-9]{{1,5}}(?![0-9])|[{KANJI_NUMERALS}]{{1,6}}")
# What a number counts that is no 丁目 and no 番: 3階, 5m.
COUNTED = (
    r"[階F室棟%度]|[年月日時分秒個件本人回枚台円](?![一-龠])|[kcm]?m(?![a-z])|"
    r"メートル|[かヶケカ]所|号?[線館棟]|番[街館線]"
)
_COUNTED = re.compile(COUNTED)
# 泉2公園: the number belongs to the name of a thing.
_NAMED = re.compile(
    r"(?:号)?(?:公園|児童|遊園|緑地|広場|学校|小学|中学|高校|老人|福祉|会館|集会|保育|幼稚|"
    r"団地|住宅|市営|駐車|自転車|ポンプ|交番|[A-Z])"
)
_SEVERAL = re.compile(
    r"((?:[~・、,][0-9]{1,2})+)(?:丁目|$)|丁目((?:[~・、,-][0-9]{1,2}丁目)+)"
)
_BLOCK_WORD = re.compile(r"(?<=[0-9])(?:番地?|号|-)の?-?(?=[0-9])")

_NEAR = "付近|周辺|近辺|近く|辺り|あたり|地内"
_RELATION = (
    f"{_NEAR}|地先|先|前|内|角|横|隣|裏|公園|交差点|高架|[東西南北]側|向かい|"
    "の(?:前|角|横|隣|裏|近|付近|周辺|交差点|高架下|向かい|[東西南北]|道路|歩道|"
    "車道|公園|路上|路地|地先)"
)
_SURE_BORDER = re.compile(rf"$|\(|他$|(?:の?(?:{_NEAR}))")
_SOFT_BORDER = re.compile(
    rf"[ 、,,・/]|(?:{_RELATION})|[ァ-ヺー一-龠]{{1,8}}地下街(?=[0-9])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TownTail:
    """
    What follows the name of a town in an address.

    `chome` is a number that is, or may be, a 丁目 (`said_chome` when the word was
    written); `more_numbers` counts the numbers after it. `others` are further 丁目 of
    a range or list. `is_sure` is false after words that also end names of parks and
    crossings. `rest` starts after the 丁目.
    """

    rest: str
    chome: int | None = None
    said_chome: bool = False
    more_numbers: int = 0
    others: tuple[int, ...] = ()
    is_sure: bool = True
    is_lettered: bool = False

    @property
    def is_numbered(self) -> bool:
        """Whether a number stands right behind the town."""
        return self.chome is not None or self.rest[:1].isdecimal()


def normalised(text: str) -> str:
    """
    Give the one spelling of an address that the parser reads.

    NFKC; every hyphen between numbers becomes `-` and every wave `~`; the postal code
    goes; brackets become round; spaces become one space, or `-` between digits.
    """
    if _IS_NORMAL.fullmatch(text):
        return text
    line = INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    line = " ".join(line.translate(BRACKETS).split())
    line = _HARD_DASH.sub("-", line)
    line = _LONG_VOWEL.sub("-", line)
    line = re.sub(f"[{WAVES}]", "~", line)
    line = _POSTAL.sub("", _COUNTRY.sub("", line, count=1), count=1)
    return _BETWEEN_DIGITS.sub("-", _SPACED_DASH.sub("-", line)).strip(" 。、")


def is_too_long(text: str) -> bool:
    """Whether a text has more than `MAX_TEXT_BYTES`: a letter, not a place."""
    # A character is at most 4 bytes: short texts need no encoding to be measured.
    if len(text) * 4 <= MAX_TEXT_BYTES:
        return False
    return len(text.encode("utf-8", "replace")) > MAX_TEXT_BYTES


def folded(name: str) -> str:
    """Spell a name without its variant characters; the length stays the same."""
    return name.translate(_FOLD)


def block_text(rest: str) -> str:
    """Write 番・番地・号 between numbers as `-`: 8番41号先 → 8-41先."""
    joined = _BLOCK_WORD.sub("-", rest)
    short = re.sub(r"(?<=-[0-9])([0-9]*)号", r"\1", joined).strip(" -、,")
    return short.rstrip(")") if short.count(")") > short.count("(") else short


def number_value(digits: str) -> int:
    """Read a number in digits or kanji (二十三, 二三)."""
    if digits.isascii():
        return int(digits)
    if not any(unit in digits for unit in "十百"):
        return int("".join(str(max(KANJI_DIGITS.index(d) - 1, 0)) for d in digits))
    total = 0
    for unit, factor in (("百", 100), ("十", 10)):
        if unit in digits:
            head, digits = digits.split(unit, 1)
            total += (number_value(head) if head else 1) * factor
            digits = digits.replace(unit, "")
    return total + (number_value(digits) if digits else 0)


def town_tail(text: str) -> TownTail | None:
    """
    Read what follows a town's name, or None when the name does not end there.

    `text` is normalised. This is the border rule: a town is followed by a number, the
    end, or a word of place; anything else means that the true name is longer.
    """
    start = re.match(r"[ -]?[の(]?(?=[0-9])|[ -]?", text)
    body = text[start.end() :] if start else text
    number = _NUMBER.match(body)
    if number:
        tail = _numbered_tail(number.group(), body[number.end() :])
        if tail:
            return tail
    if re.match(r"[A-Z](?:番|-|[0-9 ]|$)", body):
        return TownTail(rest=body, is_lettered=True)
    if _SURE_BORDER.match(text):
        return TownTail(rest=text)
    return TownTail(rest=text.strip(), is_sure=False) if _soft(text) else None


def _soft(text: str) -> bool:
    return _SOFT_BORDER.match(text) is not None


def _numbered_tail(digits: str, after: str) -> TownTail | None:
    """Read a number after a town: a 丁目, a 番, or (None) no number at all."""
    value = number_value(digits)
    several = _SEVERAL.match(after)
    if several:
        others = tuple(int(n) for n in re.findall(r"[0-9]+", several.group()))
        rest = after[several.end() :]
        return TownTail(
            rest=rest,
            chome=value,
            said_chome="丁目" in several.group(),
            others=others,
        )
    word = re.match(r"丁目|丁(?![目ぁ-ん一-龠])|ちょうめ|チョウメ", after)
    if word:
        rest = re.sub(r"^[-の、 ]+(?=[0-9])", "", after[word.end() :])
        return TownTail(rest=rest, chome=value, said_chome=True)
    if re.match(r"番(?!街|館)|号(?![線館棟車])", after):
        return TownTail(rest=digits + after)
    if re.match(r"番|号", after) or _COUNTED.match(after) or _NAMED.match(after):
        return None
    if not digits.isascii():
        # 一 … 九 are also letters of names (三先): only a chain or the end counts.
        if not re.match(rf"[-の]{_DIGIT}|$", after):
            return None
        after = _kanji_chain(after)
    rest = re.sub(r"^[-の](?=[0-9])", "", after)
    more = re.match(r"[0-9]+(?:[-の][0-9]+)*", rest) if rest != after else None
    count = len(re.findall(r"[0-9]+", more.group())) if more else 0
    return TownTail(rest=rest, chome=value, more_numbers=count)


def _kanji_chain(after: str) -> str:
    """Write the kanji numbers of a chain (-二-八) in digits."""
    chain = re.match(rf"(?:[-の]{_DIGIT}+)*", after)
    end = chain.end() if chain else 0
    numbers = re.findall(rf"{_DIGIT}+", after[:end])
    return "".join(f"-{_plain(n)}" for n in numbers) + after[end:]


def _plain(digits: str) -> str:
    return digits if re.search("[0-9]", digits) else str(number_value(digits))
