"""The address book: what a Japanese address names, read strictly, never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dispatch.domain.place import Ward
from dispatch.domain.placing import Candidate, PlaceLevel, Placement, PlacingStatus
from geodata.address_text import TownTail, block_text, normalised
from geodata.town_areas import Area, TownHit, TownIndex
from geodata.towns import Town

_PREFECTURE = re.compile(r"東京都|北海道|[^0-9 ]{2}府|[^0-9 ]{2,3}?県")
_OTHER_CITY = re.compile(r"[^0-9 区()、]{1,6}?(?:(?<![都朝])市|郡)(?![場立民営電役])")
_UNKNOWN_WARD = re.compile(r"[^0-9 市()、]{1,4}区")
# 2~友渕町 (a stretch of road), and 真田山町、玉造本町 (a list of towns).
_SEVERAL_PLACES = re.compile(
    r"[0-9番号丁目]*~[^0-9 ]|[・、,](?:[^0-9 ]+[0-9]|[^0-9 ]{1,6}町)"
)
_NAMESAKE = re.compile(r"駅|交差点|停留所|バス停")
_GAP = re.compile(r"[ の,、]*(?:\((?=[^0-9)]))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """What an address says before the town."""

    body: str
    ward: Ward | None = None
    outside: bool = False


class AddressBook:
    """
    All towns of one city, with a strict reader of addresses (住所を読む).

    Parameters
    ----------
    towns
        Every 丁目, and every town without one.
    wards
        The wards that the towns lie in.
    prefecture, city
        Names that may stand before the ward.
    other_municipalities
        Names of neighbours; an address that begins with one is outside. Any other
        name in 市 or 郡 that is no town of ours is outside too.

    Notes
    -----
    The longest town name wins, and must end where a name can end. A wrong ward is
    worse than no answer: near spellings are offered, never taken.
    """

    def __init__(
        self,
        towns: Iterable[Town],
        *,
        wards: Iterable[Ward],
        prefecture: str,
        city: str,
        other_municipalities: Iterable[str] = (),
    ) -> None:
        self._wards = {ward.code: ward for ward in wards}
        self._prefecture = prefecture
        self._city = city
        self._others = tuple(sorted(other_municipalities, key=len, reverse=True))
        self._towns = TownIndex(towns, self._wards)
        names = "|".join(
            re.escape(ward.name)
            for ward in sorted(self._wards.values(), key=lambda w: -len(w.name))
        )
        stem = re.escape(city.removesuffix("市"))
        self._ward_name = re.compile(f" ?(?:{stem}市? ?)?({names or '(?!)'})")
        self._by_name = {ward.name: ward for ward in self._wards.values()}

    def ward_code(self, name: str) -> str | None:
        """Code of a ward by its name, its name without 区, or its code itself."""
        ward = self._ward(name)
        return ward.code if ward else None

    def named_ward(self, text: str) -> str | None:
        """Code of the ward that an address names before the town, if it names one."""
        ward = self._head(normalised(text)).ward
        return ward.code if ward else None

    def find(self, text: str, *, stated_ward: str = "") -> Placement:
        """
        Read an address.

        Parameters
        ----------
        text
            The address as it was written.
        stated_ward
            Ward given beside it (name or code); never overruled.

        Returns
        -------
        Placement
            `ok` at level 丁目 (radius 300 m: geocoding study §4.5) or 大字; otherwise
            the reason in `message`, and what it may mean in `candidates`.
        """
        stated = self._ward(stated_ward) if stated_ward.strip() else None
        if stated_ward.strip() and stated is None:
            name = normalised(stated_ward)
            outside = name.startswith(self._others) or name.endswith(("市", "町", "村"))
            return _outside() if outside else _no(_UNKNOWN_WARD_MESSAGE)
        line = normalised(text)
        found = self._read(line, stated)
        if found.status is PlacingStatus.NOT_FOUND and " " in line:
            # People also write spaces inside names (谷 町 7丁目).
            joined = self._read(line.replace(" ", ""), stated)
            return joined if joined.status is not PlacingStatus.NOT_FOUND else found
        return found

    def _read(self, line: str, stated: Ward | None) -> Placement:
        head = self._head(line)
        if head.outside:
            return _outside()
        ward = head.ward or stated
        hit = self._towns.hit(head.body, ward)
        if stated and head.ward and head.ward != stated:
            return self._two_wards(head.body, (head.ward, stated))
        if hit:
            return _answer(hit, ward_known=ward is not None)
        other = self._towns.hit(head.body, None) if ward else None
        if ward and other:
            return _conflict(
                f"{ward.name}にこの町名はありません。ほかの区にはあります。",
                tuple(area.offer(other.tail) for area in other.areas),
            )
        return self._missing(head, ward)

    def _head(self, line: str) -> _Head:
        """Take off prefecture, city and ward; notice another municipality."""
        body = line
        prefecture = _PREFECTURE.match(body)
        if body.startswith(self._prefecture):
            body = body[len(self._prefecture) :].lstrip()
        elif prefecture and not self._towns.hit(body, None):
            return _Head(body=body, outside=True)
        named = self._ward_name.match(body)
        if named:
            end = named.end()
            gap = _GAP.match(body, end)
            rest = body[gap.end() if gap else end :]
            twice = self._ward_name.match(rest)
            if twice and twice[1] == named[1]:
                rest = rest[twice.end() :].lstrip()
            return _Head(body=rest, ward=self._by_name[named[1]])
        if body.startswith(self._others):
            return _Head(body=body, outside=not self._towns.hit(body, None))
        if body.startswith(self._city):
            return _Head(body=body[len(self._city) :].lstrip())
        outside = _OTHER_CITY.match(body) and not self._towns.hit(body, None)
        return _Head(body=body, outside=bool(outside))

    def _ward(self, name: str) -> Ward | None:
        line = normalised(name).removeprefix(self._prefecture).removeprefix(self._city)
        line = line.strip()
        by_name = self._by_name.get(line) or self._by_name.get(line + "区")
        return self._wards.get(line) or by_name

    def _two_wards(self, body: str, wards: Sequence[Ward]) -> Placement:
        hits = [hit for ward in wards if (hit := self._towns.hit(body, ward))]
        offers = [area.offer(hit.tail) for hit in hits for area in hit.areas]
        return _conflict("住所の区と、別に示された区が違います。", tuple(offers))

    def _missing(self, head: _Head, ward: Ward | None) -> Placement:
        body = head.body.strip()
        if ward and (not body or body in {"内", "付近", "全域"}):
            return _no(f"{ward.name}までしか分かりません。町名が足りません。")
        if not ward and _UNKNOWN_WARD.match(body):
            return _no(_UNKNOWN_WARD_MESSAGE)
        if not body:
            return _no("町名がありません。")
        offers = self._towns.near(body, ward)
        hint = "似た町名があります。確かめてください。" if offers else ""
        return _no("町名が見つかりません。" + hint, offers)


_UNKNOWN_WARD_MESSAGE = "この市にない区の名前です。"


def _answer(hit: TownHit, *, ward_known: bool) -> Placement:
    """Decide between one place, several, and a 丁目 that does not exist."""
    tail = hit.tail
    picked = [(area, c) for area in hit.areas if (c := area.pick(tail)) is not None]
    if not picked:
        offers = tuple(c for area in hit.areas for c in area.nearest_parts(tail))
        return _no("この町にその丁目はありません。", offers)
    options = tuple(candidate for _, candidate in picked)
    if len(options) > 1:
        return _several("同じ町名が複数の区にあります。区を確かめてください。", options)
    area, option = picked[0]
    if tail.others and area.by_chome:
        parts = (tail.chome, *tail.others)
        options = tuple(
            area.part(area.by_chome[n]) for n in parts if n in area.by_chome
        )
        return _several("複数の丁目が書かれています。", options or (option,))
    if _SEVERAL_PLACES.match(tail.rest):
        return _several(
            "複数の場所か区間が書かれています。場所を確かめてください。", (option,)
        )
    if not ward_known and not _names_its_place(area, tail):
        return _several("区が書かれていません。区を確かめてください。", (option,))
    return _placed(hit, option)


def _names_its_place(area: Area, tail: TownTail) -> bool:
    """
    Whether the name alone, without a ward, surely means the town.

    Stations and crossings bear names of towns in the next ward (谷町九丁目駅), parks
    too; and names of one letter (松, 泉) begin many other words.
    """
    if tail.chome is not None:
        return _NAMESAKE.match(tail.rest) is None
    return tail.is_sure and len(area.name) > 1


def _placed(hit: TownHit, option: Candidate) -> Placement:
    tail = hit.tail
    is_town = option.level is PlaceLevel.CHOME
    used = tail.chome if "丁目" in option.label else None
    rest = tail.rest
    if used is None and tail.chome is not None:
        rest = f"{tail.chome}-{rest}" if rest[:1].isdigit() else f"{tail.chome}{rest}"
    return Placement(
        status=PlacingStatus.OK,
        message="町名まで特定しました。"
        if is_town
        else "丁目が分かりません。町の中心です。",
        level=option.level,
        place=option.place,
        radius_m=option.radius_m,
        ward_code=option.ward_code,
        town=option.label,
        matched_text=hit.text + (f"{used}丁目" if used is not None else ""),
        rest=block_text(rest),
    )


def _several(message: str, options: tuple[Candidate, ...]) -> Placement:
    return Placement(
        status=PlacingStatus.AMBIGUOUS, message=message, candidates=options
    )


def _conflict(message: str, options: tuple[Candidate, ...]) -> Placement:
    return Placement(status=PlacingStatus.CONFLICT, message=message, candidates=options)


def _outside() -> Placement:
    return Placement(
        status=PlacingStatus.OUTSIDE, message="市の外の住所です。ほかの自治体です。"
    )


def _no(message: str, options: tuple[Candidate, ...] = ()) -> Placement:
    return Placement(
        status=PlacingStatus.NOT_FOUND, message=message, candidates=options
    )
