"""The head of an address: prefecture, city and ward, or another municipality."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from dispatch.domain.place import Ward
from geodata.address_text import folded, normalised

_UNKNOWN_WARD = re.compile(r"[^0-9 市()、]{1,4}?区")
_GAP = re.compile(r"[ の,、]*(?:\((?=[^0-9)]))?")
_CITY_SIGNS = frozenset("市郡府県都")
_COUNTY_WORD = re.compile(r"(?:大字|字)(?=[^0-9])")
# 住所:西成区…, (場所)西成区…: words of a form, not of the place.
_FORM_LABEL = re.compile(r"\(?(?:住所|所在地|場所|現場|位置|地点)(?:\)|[:は])[:は、 ]*")
_LABEL_FIRSTS = frozenset("住所場現位地")
_LEADING = re.compile(r"[^\w(]+")  # emoji, bullets, quotes
_BARE_POSTAL = re.compile(r"[0-9]{7}(?![0-9-])")
# After another ward's name these say where its border is, not that the place is there
# (in folded spelling, where の is ノ).
_BORDER_WORDS = re.compile(
    r"\)?(?:と[のノ]|境|側|方面|方向|寄り|より|へ|に向|民|役所|内外)"
)
_STARTS = re.compile(r"(?:^|[ 、,。・(はのノと])(?=[^ 、,。・()0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """
    What an address says before the town.

    `is_outside`: it is another city or town; `municipality` is its full name, empty
    when it is not one that we know: what people wrote is never told as a name.
    `unknown_ward` tells that a ward is named that this city does not have.
    """

    body: str
    ward: Ward | None = None
    is_outside: bool = False
    municipality: str = ""
    unknown_ward: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """Another ward with the text behind it; without a ward, another municipality."""

    ward: Ward | None = None
    body: str = ""


class AddressHead:
    """
    Reader of the head of addresses of one city.

    Parameters
    ----------
    wards
        Wards of the city.
    prefecture, city
        Names that may stand before the ward.
    municipalities
        Names of other municipalities as people write them, to their full names.
    is_town
        Whether a text begins with a town of ours: 市場 and 都市 begin no city.
    """

    def __init__(
        self,
        *,
        wards: Iterable[Ward],
        prefecture: str,
        city: str,
        municipalities: Mapping[str, str],
        is_town: Callable[[str], bool],
    ) -> None:
        self._wards = {ward.code: ward for ward in wards}
        self._prefecture, self._city = folded(prefecture), folded(city)
        self._own = tuple(filter(None, (self._prefecture, self._city)))
        self._municipalities = {
            folded(key): name for key, name in municipalities.items()
        }
        self._lengths = sorted({len(key) for key in self._municipalities}, reverse=True)
        self._is_town = is_town
        self._by_name = {folded(ward.name): ward for ward in self._wards.values()}
        names = "|".join(
            re.escape(name) for name in sorted(self._by_name, key=len, reverse=True)
        )
        stem = re.escape(self._city.removesuffix("市"))
        wards_said = names or "(?!)"
        self._ward_name = re.compile(rf"[ (]*(?:{stem}[市ノ]?[ (]*)?({wards_said})\)?")
        self._any_ward = re.compile(wards_said)

    def ward(self, name: str) -> Ward | None:
        """Ward by its name, its name without 区, or its code."""
        line = folded(normalised(name))
        line = line.removeprefix(self._prefecture).removeprefix(self._city).strip()
        by_name = self._by_name.get(line) or self._by_name.get(line + "区")
        return self._wards.get(line) or by_name

    def is_outside(self, name: str) -> bool:
        """Whether the name of a ward is that of another city, town or village."""
        line = folded(normalised(name))
        return bool(self.municipality(name)) or line.endswith(("市", "町", "村"))

    def municipality(self, name: str) -> str:
        """Full name of another municipality that a name begins with, else empty."""
        line = folded(normalised(name))
        return self._other(line) or self._other(line.removeprefix(self._prefecture))

    def read(self, line: str) -> Head:
        """Take prefecture, city and ward off a normalised text."""
        body, key = self._without_city(line)
        named = self._ward_name.match(key)
        if named:
            return self._with_ward(body, named)
        other = self._other(key)
        if other and not self._is_town(body):
            return Head(body=body, is_outside=True, municipality=other)
        unknown = _UNKNOWN_WARD.match(key)
        return Head(body=_bare(body), unknown_ward=unknown is not None)

    def _without_city(self, line: str) -> tuple[str, str]:
        """Take off what stands before the ward, even twice; also give it folded."""
        body = line
        if not body[:1].isalpha() or body[:1] in _LABEL_FIRSTS:
            for sign in (_LEADING, _FORM_LABEL, _BARE_POSTAL):
                found = sign.match(body)
                body = body[found.end() :] if found else body
        while True:
            key = folded(body)
            name = next((one for one in self._own if key.startswith(one)), "")
            if not name or self._ward_name.match(key):
                return body, key
            body = body[len(name) :].lstrip(" の、,")

    def elsewhere(self, rest: str, ward: Ward | None) -> Elsewhere | None:
        """
        Find another ward, or another municipality, in what follows a place.

        A ward whose border or direction is told (北区との境) is none. Returns None when
        there is nothing of the kind.
        """
        key = folded(rest)
        for found in self._any_ward.finditer(key):
            other = self._by_name[found.group()]
            if other != ward and not _BORDER_WORDS.match(key, found.end()):
                return Elsewhere(ward=other, body=_bare(rest[found.end() :].lstrip()))
        if not _CITY_SIGNS.intersection(key):
            return None
        for start in _STARTS.finditer(key):
            behind = key[start.end() :]
            name, said = self._other_said(behind)
            is_meant = name and not _BORDER_WORDS.match(behind, said)
            if is_meant and not self._is_town(rest[start.end() :]):
                return Elsewhere()
        return None

    def near_wards(self, body: str) -> Iterable[tuple[Ward, str]]:
        """Give wards that stand there without 区 or one letter wrong, and the text."""
        key = folded(body)
        unknown = _UNKNOWN_WARD.match(key)
        for name, ward in self._by_name.items():
            short = name.removesuffix("区")
            if key.startswith(short):
                yield ward, body[len(short) :].lstrip()
            if unknown and _differs_by_one(unknown.group(), name):
                yield ward, body[unknown.end() :].lstrip()

    def embedded(self, body: str) -> Iterable[tuple[Ward, str]]:
        """Give the wards that stand behind other words, and the text behind them."""
        for named in self._ward_name.finditer(folded(body), 1):
            yield self._by_name[named[1]], body[named.end() :].lstrip()

    def _with_ward(self, body: str, named: re.Match[str]) -> Head:
        end = named.end()
        gap = _GAP.match(body, end)
        rest = body[gap.end() if gap else end :]
        twice = self._ward_name.match(folded(rest)) if "区" in rest[:8] else None
        if twice and twice[1] == named[1]:
            rest = rest[twice.end() :].lstrip()
        return Head(body=_bare(rest), ward=self._by_name[named[1]])

    def _other(self, key: str) -> str:
        """Full name of the longest other municipality at the head of a text."""
        return self._other_said(key)[0]

    def _other_said(self, key: str) -> tuple[str, int]:
        """Full name of the longest other municipality, and how long it is written."""
        for length in self._lengths:
            name = self._municipalities.get(key[:length])
            if name is None or len(key) < length:
                continue
            if key[length : length + 1] != "場":  # 中央市場 is no 中央市
                return name, length
        return "", 0


def _bare(body: str) -> str:
    """Take 大字 and 字 off a town."""
    word = _COUNTY_WORD.match(body)
    return body[word.end() :] if word else body


def _differs_by_one(left: str, right: str) -> bool:
    if len(left) == len(right):
        return sum(a != b for a, b in zip(left, right, strict=True)) == 1
    longer, shorter = sorted((left, right), key=len, reverse=True)
    cuts = (longer[:i] + longer[i + 1 :] for i in range(len(longer)))
    return len(longer) - len(shorter) == 1 and shorter in cuts
