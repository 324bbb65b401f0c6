"""Texts that must not be placed: negatives, typing slips, and hostile input."""

from __future__ import annotations

import importlib.util
import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hypothesis import strategies as st

from dispatch.domain.placing import PlacingStatus
from geodata.address_text import folded
from geodata.towns import DATA_FOLDER, PACKAGE
from tests.known_addresses import (
    KnownAddress,
    KnownTown,
    ambiguous_names,
    kanji,
    listed,
)

MAX_TEXT_BYTES = 10_000
# No town of the city has more than 40 丁目; the highest 番 observed is 103.
FAR_CHOME, FAR_BLOCK = (41, 99), (151, 990)
# Characters that say where something is, number something, or end other names: a
# slip into one of them may be a correct text.
_WORDS = set(
    "一二三四五六七八九十百〇番号丁目先前内角横隣裏付近公園東西南北上下中側地之の"
)
# Municipalities elsewhere whose wards or towns bear names of this city.
ELSEWHERE = listed(
    "兵庫県/尼崎市 兵庫県/神戸市中央区 兵庫県/神戸市西区 兵庫県/西宮市 "
    "京都府/京都市中京区 京都府/京都市北区 東京都/中央区 東京都/港区 "
    "東京都/北区 愛知県/名古屋市北区 福岡県/福岡市中央区 "
    "北海道/札幌市中央区 神奈川県/横浜市旭区 神奈川県/横浜市鶴見区 "
    "奈良県/奈良市 和歌山県/和歌山市"
)
PREFECTURE, CITY = "大阪府", "大阪市"


class Forbidden(StrEnum):
    """Which answer to a negative is a false match."""

    ANY_OK = "any ok"
    BELOW_WARD = "ok and finer than a ward"
    BLOCK = "ok at a block that nobody has, or not said to be unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Negative:
    """
    A text without an answer.

    `wanted` are the statuses that tell the right reason; `wards` are the codes that an
    ambiguous answer must all offer.
    """

    text: str
    class_id: str
    forbidden: Forbidden
    wanted: frozenset[PlacingStatus]
    wards: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Typo:
    """A known address with one slip in the name of its town."""

    text: str
    class_id: str
    address: KnownAddress


_OPEN = frozenset({PlacingStatus.NOT_FOUND, PlacingStatus.FUZZY})
_NO_OR_AMBIGUOUS = frozenset({PlacingStatus.NOT_FOUND, PlacingStatus.AMBIGUOUS})
_ANY_NO = frozenset(PlacingStatus) - {PlacingStatus.OK}


def negatives(
    towns: Sequence[KnownTown],
    addresses: Sequence[KnownAddress],
    landmarks: Iterable[str],
    rng: random.Random,
) -> list[Negative]:
    """
    Write texts without an answer in all classes N1 to N9, about ten per address.

    Parameters
    ----------
    towns
        All towns of the city.
    addresses
        Known addresses to spoil.
    landmarks
        Names of facilities: an invented town must be part of none.
    rng
        Chooses all that is free.
    """
    joined = "\n".join(folded(name) for name in landmarks)
    found: list[Negative] = []
    for address in addresses:
        found += _wrong_ward(address, towns, rng)
        found += _no_such_chome(address, rng)
        found += _no_such_block(address, rng)
        found += _no_such_town(towns, joined, rng)
        found += _stray_character(address, towns, rng)
        found += _ward_and_numbers(address, rng)
    return found + _ambiguous(towns) + _junk()


def _negative(
    class_id: str,
    texts: Iterable[str],
    forbidden: Forbidden,
    wanted: frozenset[PlacingStatus],
) -> list[Negative]:
    return [
        Negative(text=text, class_id=class_id, forbidden=forbidden, wanted=wanted)
        for text in texts
    ]


def _behind(address: KnownAddress, rng: random.Random) -> str:
    """Write the numbers of an address with the word 丁目 where it has one."""
    town = address.town
    rest = "-".join(part for part in (address.block, address.number) if part)
    chome = "" if town.chome is None else f"{town.chome}{rng.choice(('丁目', '-'))}"
    return chome + rest


def _wrong_ward(
    address: KnownAddress, towns: Sequence[KnownTown], rng: random.Random
) -> list[Negative]:
    """N1: a ward in which no town of that name lies."""
    name = folded(address.town.oaza)
    having = {town.ward for town in towns if folded(town.oaza) == name}
    wards = sorted({town.ward for town in towns} - having)
    rest = address.town.oaza + _behind(address, rng)
    texts = (CITY + rng.choice(wards) + rest, rng.choice(wards) + rest)
    wanted = frozenset({PlacingStatus.CONFLICT})
    return _negative("N1", texts, Forbidden.ANY_OK, wanted)


def _no_such_chome(address: KnownAddress, rng: random.Random) -> list[Negative]:
    """N2: a 丁目 far beyond the last one; only where every 番 is under a 丁目."""
    town = address.town
    if town.chome is None or town.oaza == "上町":
        return []
    far = rng.randint(*FAR_CHOME)
    texts = (
        f"{CITY}{town.ward}{town.oaza}{far}丁目{address.block}番",
        f"{town.ward}{town.oaza}{kanji(far)}丁目",
        f"{town.ward}{town.oaza}{far}-{address.block}-{address.number or 1}",
    )
    return _negative("N2", texts, Forbidden.ANY_OK, _ANY_NO)


def _no_such_block(address: KnownAddress, rng: random.Random) -> list[Negative]:
    """N3: a 番 far beyond any; the 丁目 with a warning is a true answer."""
    town, far = address.town, rng.randint(*FAR_BLOCK)
    chome = "" if town.chome is None else f"{town.chome}丁目"
    head = f"{town.ward}{town.oaza}{chome}"
    wanted = frozenset({PlacingStatus.OK, *_NO_OR_AMBIGUOUS, PlacingStatus.FUZZY})
    texts = (f"{CITY}{head}{far}番3号", f"{head}{far}-3", f"{head}{kanji(far)}番")
    return _negative("N3", texts, Forbidden.BLOCK, wanted)


def _ambiguous(towns: Sequence[KnownTown]) -> list[Negative]:
    """N4: a name that lies in two wards, without ward and 丁目."""
    return [
        Negative(
            text=head + name + tail,
            class_id="N4",
            forbidden=Forbidden.ANY_OK,
            wanted=frozenset({PlacingStatus.AMBIGUOUS}),
            wards=wards,
        )
        for name, wards in ambiguous_names(towns).items()
        for head in ("", CITY, PREFECTURE + CITY, "〒540-0001 ", " ")
        for tail in ("", "付近", "の路上", "。", " ")
    ]


def _no_such_town(
    towns: Sequence[KnownTown], landmarks: str, rng: random.Random
) -> list[Negative]:
    """N5: a name of real characters that is no town, no landmark, no municipality."""
    name = _invented(towns, landmarks, rng)
    numbers = f"{rng.randint(1, 6)}-{rng.randint(1, 30)}"
    ward = rng.choice(towns).ward
    texts = (f"{ward}{name}{numbers}", f"{CITY}{name}{numbers}", f"{name}{numbers}")
    wanted = _OPEN | {PlacingStatus.OUTSIDE, PlacingStatus.AMBIGUOUS}
    return _negative("N5", texts, Forbidden.ANY_OK, wanted)


def _invented(towns: Sequence[KnownTown], landmarks: str, rng: random.Random) -> str:
    names = {folded(town.oaza) for town in towns}
    letters = sorted(
        {c for name in names for c in name} - _WORDS - set("市区郡町村府県都")
    )
    while True:
        name = "".join(rng.choice(letters) for _ in range(rng.randint(3, 4)))
        if rng.random() < 0.5:
            name = rng.choice(("緑風", "若葉", "青葉")) + name[0] + "丘"
        if folded(name) not in names and folded(name) not in landmarks:
            return name


def _stray_character(
    address: KnownAddress, towns: Sequence[KnownTown], rng: random.Random
) -> list[Negative]:
    """N6: a real town with one more character behind: its name does not end there."""
    names = {folded(town.oaza) for town in towns}
    name = address.town.oaza + rng.choice("鷹蒲雲霧鞍柊楓椿鯉鮎")
    if folded(name) in names:
        return []
    text = f"{address.town.ward}{name}{_behind(address, rng)}"
    return _negative("N6", (text,), Forbidden.ANY_OK, _OPEN)


def _ward_and_numbers(address: KnownAddress, rng: random.Random) -> list[Negative]:
    """N7: a ward and numbers; N8: a ward alone."""
    ward = address.town.ward
    numbers = "-".join(str(rng.randint(1, 30)) for _ in range(rng.randint(1, 3)))
    texts = (f"{ward}{numbers}", f"{CITY}{ward}{numbers}", f"{ward} {numbers}号")
    alone = (ward, CITY + ward, f"{ward}内", f"{ward}付近")
    wanted = frozenset({PlacingStatus.OK, *_NO_OR_AMBIGUOUS})
    return [
        *_negative("N7", texts, Forbidden.BELOW_WARD, wanted),
        *_negative("N8", alone, Forbidden.BELOW_WARD, wanted),
    ]


JUNK = (
    *listed(
        "? 不明 なし - 1-2-3 123 〒540-0008 大阪市 大阪府 "
        "大阪府大阪市 丁目 1丁目2番3号 番地 家の前 自宅前の道路 公園 交差点 "
        "駅前 橋の上 付近 同上 06-6208-1234 区 町 市役所に電話済み "
        "道路に穴が空いています 街路灯がつかない ー 々 🙂 (((( NULL "
        "nan"
    ),
    "",
    " ",
    "　",
    "\n",
    "\ufeff",
    "\u200b\u200b",
)


def _junk() -> list[Negative]:
    """N9: nothing, signs, numbers, and sentences that name no place."""
    wanted = frozenset({PlacingStatus.OK, *_NO_OR_AMBIGUOUS, PlacingStatus.FUZZY})
    return _negative("N9", JUNK, Forbidden.BELOW_WARD, wanted)


def outside(rng: random.Random, *, per_municipality: int = 3) -> list[Negative]:
    """
    Write addresses of other municipalities: N10 of the prefecture, N11 elsewhere.

    The towns are real ones of the installed gazetteer. In the prefecture the name of
    the municipality may stand alone; elsewhere the prefecture is written where the
    name is also a ward of this city.
    """
    own = _gazetteer() / PREFECTURE
    files = [f for f in sorted(own.glob("*.json")) if not f.stem.startswith(CITY)]
    found = list(_outside_of("N10", files, rng, per_municipality))
    others = [_gazetteer() / f"{name}.json" for name in ELSEWHERE]
    return found + list(_outside_of("N11", others, rng, per_municipality))


def _outside_of(
    class_id: str, files: Iterable[Path], rng: random.Random, count: int
) -> Iterator[Negative]:
    for file in files:
        rows = json.loads(file.read_text(encoding="utf-8"))
        names = sorted({row["town"] for row in rows if row["town"]})
        for name in rng.sample(names, min(count, len(names))):
            heads = [file.parent.name + file.stem]
            if not file.stem.endswith("区") or "市" in file.stem:
                heads.append(file.stem)
            numbers = rng.choice(("1-2-3", "3番6号", "6番先", "12", ""))
            for head in heads:
                yield Negative(
                    text=f"{head}{name}{numbers}",
                    class_id=class_id,
                    forbidden=Forbidden.ANY_OK,
                    wanted=frozenset({PlacingStatus.OUTSIDE}),
                )


def num_other_municipalities() -> int:
    """Count the municipalities of the prefecture but the city; wards count as one."""
    files = (_gazetteer() / PREFECTURE).glob("*.json")
    names = {re.sub("(?<=市).+区$", "", file.stem) for file in files}
    return len(names - {CITY})


def _gazetteer() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / DATA_FOLDER


def typos(
    address: KnownAddress,
    towns: Sequence[KnownTown],
    rng: random.Random,
) -> list[Typo]:
    """
    Slip once in the name of the town: T1 drop, T2 swap, T3 replace, T4 insert.

    Left out are slips that spell another name of the city, or the same name in other
    forms; and 町 at the end, which may be left out by rule (茶臼山 for 茶臼山町).
    """
    name = address.town.oaza
    valid = {folded(town.oaza) for town in towns}
    valid |= {known.removesuffix("町") for known in valid}
    valid |= {known + "町" for known in valid}
    slips = {
        "T1": _dropped(name, rng),
        "T2": _swapped(name, rng),
        "T3": _replaced(name, towns, rng),
        "T4": _inserted(name, towns, rng),
    }
    rest = _behind(address, rng)
    return [
        Typo(text=address.town.ward + slip + rest, class_id=class_id, address=address)
        for class_id, slip in slips.items()
        if slip and not _is_readable(folded(slip), valid)
    ]


def _is_readable(name: str, valid: set[str]) -> bool:
    """Whether a name is valid, or two valid ones in a row (緑緑, 松緑)."""
    cuts = range(1, len(name))
    pairs = any(name[:at] in valid and name[at:] in valid for at in cuts)
    return name in valid or pairs


def _dropped(name: str, rng: random.Random) -> str:
    at = rng.randrange(len(name))
    return name[:at] + name[at + 1 :]


def _swapped(name: str, rng: random.Random) -> str:
    if len(name) < 2:
        return ""
    at = rng.randrange(len(name) - 1)
    return name[:at] + name[at + 1] + name[at] + name[at + 2 :]


def _replaced(name: str, towns: Sequence[KnownTown], rng: random.Random) -> str:
    if len(name) < 2:
        return ""
    at = rng.randrange(len(name))
    return name[:at] + _letter(towns, rng) + name[at + 1 :]


def _inserted(name: str, towns: Sequence[KnownTown], rng: random.Random) -> str:
    at = rng.randrange(len(name))
    return name[:at] + _letter(towns, rng) + name[at:]


def _letter(towns: Sequence[KnownTown], rng: random.Random) -> str:
    """Draw a character as often as the city's names have it."""
    while True:
        letter = rng.choice(rng.choice(towns).oaza)
        if letter not in _WORDS:
            return letter


HOSTILE_PIECES = (
    *listed(
        "大阪市中央区 谷町 7丁目 １－２ 〒540-0012 日本橋 照明灯123 "
        "付近 公園 先 の 番 号 一 二十 百 十 〇 9 34.6937 "
        "135°30′ N 北緯 （ ( 【 『 ー - ~ 〜 , 、 🏠 "
        "<script> %00 ${x} (?:a+)+$ ^["
    ),
    *" \0\u202e\u2066\u200f\ud800\udfff\u0301\ufeff\n\x1b\U000e0100\\",
    "か\u3099",
    "\r\n",
    "'; --",
)


def hostile_texts() -> st.SearchStrategy[str]:
    """
    Draw texts that nobody should send, up to 10 kB each.

    Any code points with lone surrogates, control and direction marks, thousands of
    brackets without an end, endless digits, towns and hyphens.
    """
    pieces = st.sampled_from(HOSTILE_PIECES)
    any_text = st.text(
        st.characters(exclude_categories=()), max_size=MAX_TEXT_BYTES // 4
    )
    repeated = st.builds(lambda piece, n: piece * n, pieces, st.integers(1, 5_000))
    chains = st.lists(pieces, max_size=60).map("".join)
    mixed = st.lists(st.one_of(pieces, any_text), max_size=8).map("".join)
    return st.one_of(any_text, repeated, chains, mixed).map(_cut)


def _cut(text: str) -> str:
    """Shorten to 10 kB of UTF-8, lone surrogates kept."""
    raw = text.encode("utf-8", "surrogatepass")[:MAX_TEXT_BYTES]
    return raw.decode("utf-8", "ignore") if len(raw) == MAX_TEXT_BYTES else text
