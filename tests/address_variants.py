"""The many spellings of one address: classes of variants, drawn from a seed."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from dispatch.domain.placing import PlaceLevel
from geodata.address_text import folded
from tests.known_addresses import KnownAddress, KnownTown, kanji, kanji_digits, listed

# Every sign that was seen where a hyphen between numbers belongs; a wave (~) is none.
DASHES = "-‐‑‒–—―−─━ｰー－"
INVISIBLE = "\u200b\u200c\u200d\u200e\u2060\ufeff\u00ad"
SELECTORS = "\ufe00\ufe01\U000e0100\U000e0101"
BUILDINGS = listed(
    "グランドビル 緑風ハイツ 第二天満マンション コーポ上町 市営住宅 "
    "メゾン・ド・ナンバ 堺筋プラザ 東大阪センタービル"
)
PLACE_WORDS = listed(
    "付近 先 地先 の前 公園内 の交差点 付近の路上 高架下 周辺 向かい の角 南側"
)
# The same character in the forms that people and old registers write.
LIVING_FORMS = listed(
    "高髙 崎﨑嵜 鶴靏靍 沢澤 辺邊邉 島嶋嶌 浜濱 斎齋斉齊 渕淵渊 曾曽 "
    "靱靭 富冨 桧檜 芦蘆 野埜 舟船舩 槍鎗 苅刈"
)
OLD_FORMS = listed(
    "国國 条條 広廣 真眞 恵惠 栄榮 桜櫻 滝瀧 竜龍 鉄鐵 塩鹽 来來 万萬 "
    "円圓 伝傳 与與 寿壽 関關 区區 会會 豊豐 穂穗 松枩 焼燒 兎兔 "
    "弁辨辯 緑綠 宝寶 徳德 黒黑 浅淺 売賣 稲稻 姫姬 戸戶 郎郞 青靑 "
    "桑桒"
)
KE_FORMS = "ケヶがガヵ"
NO_FORMS = "之ノの"
_TO_WIDE = {c: c + 0xFEE0 for c in range(0x21, 0x7F)}
_HALF_KANA = str.maketrans({"ケ": "ｹ", "ヶ": "ｹ", "ノ": "ﾉ", "之": "ﾉ"})
# Copies out of PDF files hold radicals (⼤⽥) in place of the characters.
_RADICALS = {
    unicodedata.normalize("NFKC", chr(c)): chr(c) for c in range(0x2F00, 0x2FD6)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """
    One spelling of a known address.

    `level` is the finest level that the text still carries; `numbers` are the 号 that
    may be read from it (3, and 3-101 where a room follows).
    """

    text: str
    class_id: str
    level: PlaceLevel
    address: KnownAddress
    numbers: tuple[str, ...] = ()


Writer = Callable[[KnownAddress, random.Random], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantClass:
    """A way of writing: `why` tells who writes so; `carried` caps the level."""

    id: str
    why: str
    carried: PlaceLevel
    write: Writer


CLASSES: list[VariantClass] = []


def _spelling(
    class_id: str, why: str, *, carried: PlaceLevel = PlaceLevel.HOUSE
) -> Callable[[Writer], Writer]:
    def added(write: Writer) -> Writer:
        kind = VariantClass(id=class_id, why=why, carried=carried, write=write)
        CLASSES.append(kind)
        return write

    return added


def variants(address: KnownAddress, rng: random.Random) -> list[Variant]:
    """
    Write an address in every class that suits it.

    A class that changes nothing here (no ケ to vary, no 丁目) gives no text.
    """
    found = []
    for kind in CLASSES:
        text = kind.write(address, rng)
        if text is not None:
            found.append(
                Variant(
                    text=text,
                    class_id=kind.id,
                    level=_carried(address, kind.carried),
                    address=address,
                    numbers=_numbers(address, text),
                )
            )
    return found


def _carried(address: KnownAddress, cap: PlaceLevel) -> PlaceLevel:
    if cap is PlaceLevel.HOUSE and not address.number:
        return PlaceLevel.BLOCK
    if cap is PlaceLevel.OAZA and address.town.chome is None:
        return PlaceLevel.CHOME
    return cap


def _numbers(address: KnownAddress, text: str) -> tuple[str, ...]:
    room = f"{address.number}-{ROOM}"
    return (address.number, room) if room in text else (address.number,)


# --- pieces ---------------------------------------------------------------------------

ROOM = "101"


def _place(town: KnownTown) -> str:
    return f"大阪市{town.ward}"


def _name(town: KnownTown) -> str:
    return town.oaza if town.chome is None else f"{town.oaza}{town.chome}丁目"


def _formal(address: KnownAddress, *, read: Callable[[int], str] = str) -> str:
    """Write 谷町七丁目1番6号; `read` writes the numbers."""
    town = address.town
    chome = "" if town.chome is None else f"{read(town.chome)}丁目"
    number = f"{_read(address.number, read)}号" if address.number else ""
    return f"{town.oaza}{chome}{_read(address.block, read)}番{number}"


def _read(number: str, read: Callable[[int], str]) -> str:
    return read(int(number)) if number.isdigit() else number


def _dashed(address: KnownAddress, dash: str = "-", *, word: str = "") -> str:
    """Write 谷町7-1-6, or with the word 丁目 7丁目1-6."""
    town = address.town
    parts = [part for part in (address.block, address.number) if part]
    if town.chome is None:
        return town.oaza + dash.join(parts)
    if word:
        return f"{town.oaza}{town.chome}{word}{dash.join(parts)}"
    return town.oaza + dash.join([str(town.chome), *parts])


def _any(address: KnownAddress, rng: random.Random) -> str:
    """Write the part behind the ward in one of the common ways."""
    return rng.choice((_formal, _dashed, _worded))(address)


def _worded(address: KnownAddress) -> str:
    return _dashed(address, word="丁目")


def _wide(text: str) -> str:
    return text.translate(_TO_WIDE)


def _swapped_forms(text: str, rows: Iterable[str], rng: random.Random) -> str | None:
    """Write at least one character in another of its forms; None if there is none."""
    forms = {char: row for row in rows for char in row}
    at = [i for i, char in enumerate(text) if char in forms]
    if not at:
        return None
    chosen = set(rng.sample(at, rng.randint(1, len(at))))
    return "".join(
        rng.choice(forms[c].replace(c, "")) if i in chosen else c
        for i, c in enumerate(text)
    )


def _renamed(address: KnownAddress, name: str | None, rng: random.Random) -> str | None:
    if name is None:
        return None
    return _place(address.town) + _any(address, rng).replace(address.town.oaza, name, 1)


def _scattered(text: str, signs: str, rng: random.Random) -> str:
    for _ in range(3):
        at = rng.randint(0, len(text))
        text = text[:at] + rng.choice(signs) + text[at:]
    return text


@lru_cache(maxsize=8)
def _names_in_one_ward(towns: tuple[KnownTown, ...]) -> frozenset[tuple[str, int]]:
    """(folded name, 丁目) that lie in one ward only."""
    seen: dict[tuple[str, int], set[str]] = {}
    for town in towns:
        if town.chome is not None:
            seen.setdefault((folded(town.oaza), town.chome), set()).add(town.ward_code)
    return frozenset(name for name, wards in seen.items() if len(wards) == 1)


def without_wards(
    address: KnownAddress, towns: tuple[KnownTown, ...], rng: random.Random
) -> list[Variant]:
    """
    Write an address without its ward, where name and 丁目 lie in one ward only.

    V60: whoever lives here names the town. V61: the city, but not the ward.
    """
    town = address.town
    if (folded(town.oaza), town.chome or 0) not in _names_in_one_ward(towns):
        return []
    level = _carried(address, PlaceLevel.HOUSE)
    texts = {"V60": _any(address, rng), "V61": "大阪市" + _any(address, rng)}
    return [
        Variant(
            text=text,
            class_id=class_id,
            level=level,
            address=address,
            numbers=(address.number,),
        )
        for class_id, text in texts.items()
    ]


# --- classes --------------------------------------------------------------------------


@_spelling("V01", "As registers write it: 大阪市中央区谷町七丁目1番6号.")
def _official(address: KnownAddress, _: random.Random) -> str:
    digits = _formal(address).removeprefix(_name(address.town))
    return _place(address.town) + address.town.name + digits


@_spelling("V02", "Forms from outside the city name the prefecture.")
def _full_prefecture(address: KnownAddress, rng: random.Random) -> str:
    return "大阪府" + _place(address.town) + _any(address, rng)


@_spelling("V03", "Everybody in the city leaves out the city.")
def _ward_only(address: KnownAddress, rng: random.Random) -> str:
    return address.town.ward + _any(address, rng)


@_spelling("V04", "The short form on letters: 谷町7-1-6.")
def _hyphens(address: KnownAddress, _: random.Random) -> str:
    return _place(address.town) + _dashed(address)


@_spelling("V05", "Half long, half short: 谷町7丁目1-6.")
def _chome_word_and_hyphens(address: KnownAddress, _: random.Random) -> str:
    return _place(address.town) + _worded(address)


@_spelling("V06", "Japanese input methods give full-width digits and hyphens.")
def _wide_digits(address: KnownAddress, rng: random.Random) -> str:
    return _wide(address.town.ward + _any(address, rng))


@_spelling("V07", "Two people filled in one form: every digit of a width of its own.")
def _mixed_width(address: KnownAddress, rng: random.Random) -> str:
    text = _place(address.town) + _any(address, rng)
    return "".join(_wide(c) if rng.random() < 0.5 else c for c in text)


@_spelling("V08", "Letters written downwards: 七丁目一番六号.")
def _kanji_numbers(address: KnownAddress, _: random.Random) -> str:
    return _place(address.town) + _formal(address, read=kanji)


@_spelling("V09", "Kanji digit by digit: 二三番 for 23.")
def _kanji_digits(address: KnownAddress, _: random.Random) -> str:
    return _place(address.town) + _formal(address, read=kanji_digits)


@_spelling("V10", "Downward writing keeps the hyphens: 七－一－六.")
def _kanji_and_hyphens(address: KnownAddress, rng: random.Random) -> str:
    town, dash = address.town, rng.choice("－―‐")
    chome = [] if town.chome is None else [str(town.chome)]
    parts = [*chome, address.block, address.number]
    numbers = dash.join(_read(part, kanji) for part in parts if part)
    return _place(town) + town.oaza + numbers


@_spelling("V11", "Every keyboard has another hyphen, even within one address.")
def _every_dash(address: KnownAddress, rng: random.Random) -> str:
    text = _dashed(address, "\0")
    return address.town.ward + "".join(
        rng.choice(DASHES) if c == "\0" else c for c in text
    )


@_spelling("V12", "Some set a hyphen or a space before the first number too.")
def _dash_after_town(address: KnownAddress, rng: random.Random) -> str:
    name, short = address.town.oaza, _dashed(address)
    joint = rng.choice(("-", " ", "－"))
    return _place(address.town) + short.replace(name, name + joint, 1)


@_spelling("V13", "Spaces around hyphens: 7 - 1 - 6.")
def _spaced_dashes(address: KnownAddress, _: random.Random) -> str:
    return _place(address.town) + _dashed(address, " - ")


@_spelling("V14", "Copied from an envelope, with the postal code in front.")
def _postal_code(address: KnownAddress, rng: random.Random) -> str:
    code = f"{rng.randint(530, 559)}-{rng.randint(0, 99):04}"
    mark = rng.choice(("〒", "〒 ", "", "〒"))
    line = f"{mark}{code} {_place(address.town)}{_any(address, rng)}"
    return _wide(line) if rng.random() < 0.3 else line


@_spelling("V15", "Tables keep the parts in columns that were glued with spaces.")
def _spaces_between(address: KnownAddress, rng: random.Random) -> str:
    space = rng.choice((" ", "　", "  "))
    town = address.town
    rest = _worded(address).removeprefix(town.oaza)
    return space.join(("大阪市", town.ward, town.oaza, rest))


@_spelling("V16", "Copying brings tabs, line ends and spaces around the text.")
def _stray_spaces(address: KnownAddress, rng: random.Random) -> str:
    edge = [rng.choice((" ", "　", "\t", "\n", "\r\n", "\u00a0")) for _ in range(2)]
    body = f"{address.town.ward}\t{_any(address, rng)}"
    return edge[0] + body + edge[1]


@_spelling("V17", "Short names are spread to fill a column: 谷 町 7丁目.")
def _spaced_name(address: KnownAddress, _: random.Random) -> str:
    name = " ".join(address.town.oaza)
    rest = _worded(address).removeprefix(address.town.oaza)
    return f"{_place(address.town)} {name} {rest}"


@_spelling("V18", "A space after every word of number: 7丁目 1番 6号.")
def _spaced_words(address: KnownAddress, _: random.Random) -> str:
    text = _formal(address)
    for word in ("丁目", "番"):
        text = text.replace(word, word + " ")
    return _place(address.town) + text.rstrip()


@_spelling("V19", "番地 for 番 is the commonest mistake: 7丁目1番地6, 1番地の6.")
def _banchi(address: KnownAddress, rng: random.Random) -> str:
    joint = rng.choice(("番地", "番地の", "番地"))
    text = _formal(address).replace("番", joint, 1).replace("号", "")
    return _place(address.town) + (text if address.number else text.rstrip("の"))


@_spelling("V20", "番 but no 号: 7丁目1番6.")
def _ban_without_go(address: KnownAddress, _: random.Random) -> str:
    return _place(address.town) + _formal(address).replace("号", "")


@_spelling("V21", "As it is spoken: 7丁目1の6.")
def _joined_by_no(address: KnownAddress, _: random.Random) -> str:
    return _place(address.town) + _dashed(address, "の", word="丁目")


@_spelling("V22", "The name of the building and the room, after a space.")
def _building_behind(address: KnownAddress, rng: random.Random) -> str:
    room = f"{rng.randint(1, 14)}{rng.randint(1, 20):02}号室"
    tail = rng.choice(BUILDINGS) + rng.choice(("", room))
    return _place(address.town) + _any(address, rng) + rng.choice(" 　") + tail


@_spelling("V23", "The name of the building without a space.")
def _building_glued(address: KnownAddress, rng: random.Random) -> str:
    return _place(address.town) + _dashed(address) + rng.choice(BUILDINGS) + "201号室"


@_spelling("V24", "A floor is no number of the address.")
def _floor_behind(address: KnownAddress, rng: random.Random) -> str:
    floor = rng.choice(("3階", "5F", "地下1階", "B1F", "２階"))
    return _place(address.town) + _formal(address) + " " + floor


@_spelling("V25", "The room as a fourth number: 7-1-6-101.")
def _room_by_hyphen(address: KnownAddress, _: random.Random) -> str | None:
    if not address.number or address.town.chome is None:
        return None
    return f"{address.town.ward}{_dashed(address)}-{ROOM}"


@_spelling("V26", "Consultations tell of the road before a house, not of the house.")
def _word_of_place(address: KnownAddress, rng: random.Random) -> str:
    return address.town.ward + _any(address, rng) + rng.choice(PLACE_WORDS)


@_spelling("V27", "Forms of characters that families and maps keep: 髙﨑澤邊嶋.")
def _living_forms(address: KnownAddress, rng: random.Random) -> str | None:
    return _renamed(address, _swapped_forms(address.town.oaza, LIVING_FORMS, rng), rng)


@_spelling("V28", "Characters of before 1946 on old plates and registers: 國條廣.")
def _old_forms(address: KnownAddress, rng: random.Random) -> str | None:
    return _renamed(address, _swapped_forms(address.town.oaza, OLD_FORMS, rng), rng)


@_spelling("V29", "松ケ枝町 is also 松ヶ枝町 and 松が枝町.")
def _forms_of_ke(address: KnownAddress, rng: random.Random) -> str | None:
    return _renamed(address, _swapped_forms(address.town.oaza, [KE_FORMS], rng), rng)


@_spelling("V30", "中之島 is also 中ノ島 and 中の島.")
def _forms_of_no(address: KnownAddress, rng: random.Random) -> str | None:
    return _renamed(address, _swapped_forms(address.town.oaza, [NO_FORMS], rng), rng)


@_spelling("V31", "Old terminals know half-width kana only: 中ﾉ島, 松ｹ枝町.")
def _half_width_kana(address: KnownAddress, rng: random.Random) -> str | None:
    name = address.town.oaza.translate(_HALF_KANA)
    return None if name == address.town.oaza else _renamed(address, name, rng)


@_spelling("V48", "Copied from a map service, which begins with the country.")
def _map_copy(address: KnownAddress, rng: random.Random) -> str:
    code = f"{rng.randint(530, 559)}-{rng.randint(0, 99):04}"
    place = f"大阪府{_place(address.town)}{_wide(_dashed(address, word='丁目'))}"
    return f"日本、〒{code} {place}"


@_spelling("V32", "Who hears the address writes ちょうめ; who hurries writes 丁.")
def _chome_in_kana(address: KnownAddress, rng: random.Random) -> str | None:
    if address.town.chome is None:
        return None
    word = rng.choice(("ちょうめ", "チョウメ", "丁"))
    return _place(address.town) + _dashed(address, word=word)


@_spelling("V33", "大阪港区 for 大阪市港区.")
def _city_cut_short(address: KnownAddress, rng: random.Random) -> str:
    return f"大阪{address.town.ward}{_any(address, rng)}"


@_spelling("V34", "Two columns hold the town: 横堤横堤5-3-15.")
def _town_twice(address: KnownAddress, rng: random.Random) -> str | None:
    name = address.town.oaza
    return None if len(name) < 2 else _renamed(address, name * 2, rng)


@_spelling("V35", "A column for the ward, and the ward again in the address.")
def _ward_twice(address: KnownAddress, rng: random.Random) -> str:
    town = address.town
    again = rng.choice((town.ward, _place(town)))
    return f"{town.ward} {again}{_any(address, rng)}"


@_spelling("V36", "The numbers, or a hint behind them, in brackets.")
def _rest_in_brackets(address: KnownAddress, rng: random.Random) -> str:
    name, full = _name(address.town), _formal(address)
    left, right = rng.choice(("（）", "()", "【】", "〔〕"))
    inside = f"{name}{left}{full.removeprefix(name)}{right}"
    behind = f"{full}{left}歩道上{right}"
    return _place(address.town) + rng.choice((inside, behind))


@_spelling(
    "V37", "Copies from web pages bring zero-width characters and byte order marks."
)
def _invisible_signs(address: KnownAddress, rng: random.Random) -> str:
    text = _place(address.town) + _any(address, rng)
    return rng.choice(("\ufeff", "")) + _scattered(text, INVISIBLE, rng)


@_spelling("V38", "Fonts for names mark the shape of a character with a selector.")
def _variation_selectors(address: KnownAddress, rng: random.Random) -> str:
    name = "".join(c + rng.choice(SELECTORS) for c in address.town.oaza)
    return _place(address.town) + _any(address, rng).replace(address.town.oaza, name, 1)


@_spelling("V39", "Some systems store か and its mark apart (NFD): ビル, が.")
def _decomposed(address: KnownAddress, rng: random.Random) -> str:
    name = address.town.oaza.replace("ケ", "ガ")
    body = _any(address, rng).replace(address.town.oaza, name, 1)
    return unicodedata.normalize("NFD", f"{address.town.ward}{body} グランドビル")


@_spelling("V40", "Text out of PDF files has radicals for characters: ⼤, ⽥, ⽊.")
def _radicals(address: KnownAddress, _: random.Random) -> str:
    text = _place(address.town) + _formal(address)
    return "".join(_RADICALS.get(c, c) for c in text)


@_spelling("V41", "A sentence: commas between the parts and a full stop.")
def _punctuated(address: KnownAddress, rng: random.Random) -> str:
    comma = rng.choice(("、", ",", "，"))
    stop = rng.choice(("。", ".", "、"))
    return f"大阪市{address.town.ward}{comma}{_formal(address)}{stop}"


@_spelling("V42", "Latin letters of a building in either width.")
def _letters_behind(address: KnownAddress, rng: random.Random) -> str:
    tail = rng.choice(("A棟", "Sun Bldg. 3F", "NTT", "B-2", "ABCマンション"))
    tail = _wide(tail) if rng.random() < 0.5 else tail
    return f"{_place(address.town)}{_formal(address)} {tail}"


@_spelling("V43", "大字 before a town that has neither 丁目 nor 町.")
def _oaza_in_front(address: KnownAddress, rng: random.Random) -> str | None:
    name = address.town.oaza
    if address.town.chome is not None or name.endswith("町"):
        return None
    return _renamed(address, "大字" + name, rng)


@_spelling(
    "V44", "Roads and parks have a block and no house number.", carried=PlaceLevel.BLOCK
)
def _block_only(address: KnownAddress, rng: random.Random) -> str:
    known = KnownAddress(town=address.town, block=address.block)
    return address.town.ward + _any(known, rng)


@_spelling("V45", "Many residents know the 丁目 and no more.", carried=PlaceLevel.CHOME)
def _chome_only(address: KnownAddress, rng: random.Random) -> str | None:
    town = address.town
    if town.name == "上町":
        return None  # it may also mean all of 上町一丁目
    if town.chome is None:
        return _place(town) + town.oaza
    words = (f"{kanji(town.chome)}丁目", f"{town.chome}丁目", f"{town.chome}丁目付近")
    return _place(town) + town.oaza + rng.choice(words)


@_spelling(
    "V46",
    "The name without its 丁目; 上町 is a town of its own besides its 丁目.",
    carried=PlaceLevel.OAZA,
)
def _name_only(address: KnownAddress, rng: random.Random) -> str | None:
    if address.town.oaza == "上町":
        return None
    return address.town.ward + address.town.oaza + rng.choice(("", "付近", "の路上"))


@_spelling("V47", "Real texts break several rules together.")
def _several_at_once(address: KnownAddress, rng: random.Random) -> str:
    dash = rng.choice(DASHES)
    text = address.town.ward + _dashed(address, dash)
    name = _swapped_forms(address.town.oaza, (*LIVING_FORMS, NO_FORMS), rng)
    text = text.replace(address.town.oaza, name or address.town.oaza, 1)
    text = rng.choice(("大阪府大阪市", "大阪市", "")) + text
    text = _wide(text) if rng.random() < 0.5 else text
    text = _scattered(text, INVISIBLE, rng) if rng.random() < 0.5 else text
    return rng.choice(("", "　", "〒540-0012 ")) + text + rng.choice(("", "付近", "。"))
