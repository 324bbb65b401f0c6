"""The address book: what a Japanese address names, read strictly, never guessed."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from dispatch.domain.place import Ward
from dispatch.domain.placing import (
    Candidate,
    PlaceLevel,
    Placement,
    PlacingStatus,
    PlacingWarning,
)
from geodata.address_text import TownTail, normalised
from geodata.bundle.radii import oaza_circle
from geodata.geocoding.address_head import AddressHead, Head
from geodata.geocoding.gazetteer import Gazetteer
from geodata.geocoding.numbers import Numbers, read_numbers
from geodata.geocoding.numbers_in_data import NumbersInData
from geodata.geocoding.town_index import (
    MAX_CANDIDATES,
    MAX_REMEMBERED,
    Area,
    TownHit,
    TownIndex,
)

ENGINE = "gazetteer"
_SAYS = {status: (f"{ENGINE}:{status}",) for status in PlacingStatus}
WHOLE_WARD = frozenset({"", "内", "付近", "全域", "区内"})
_SPREAD = re.compile(r"(?<![^ ])[^ 0-9] [^ 0-9](?![^ 0-9])")  # two letters alone
_NAMESAKES = ("駅", "交差点", "停留所", "バス停")
_UNKNOWN_WARD_MESSAGE = "この市にない区の名前です。"
_NEAR_MESSAGE = "似た町名があります。確かめてください。"


class AddressBook:
    """
    All towns of one city, with a strict reader of addresses (住所を読む).

    Parameters
    ----------
    gazetteer
        Towns, blocks and houses.
    wards
        The wards that the towns lie in.
    prefecture, city
        Names that may stand before the ward.
    municipalities
        Name of each other municipality as people write it, to its full name: an
        address that begins with one is outside.
    named_blocks
        Blocks with a name instead of a number, by official town (久太郎町四丁目: 渡辺).

    Notes
    -----
    The longest town name wins, and must end where a name can end. A wrong ward is
    worse than no answer: near spellings are offered (`fuzzy`), never taken.
    """

    def __init__(
        self,
        gazetteer: Gazetteer,
        *,
        wards: Iterable[Ward],
        prefecture: str,
        city: str,
        municipalities: Mapping[str, str] | None = None,
        named_blocks: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._wards = by_code = {ward.code: ward for ward in wards}
        self._towns = TownIndex(gazetteer.towns(), by_code, gazetteer.radius_m)
        self._data = NumbersInData(gazetteer)
        self._named_blocks = {
            town: tuple(names) for town, names in (named_blocks or {}).items()
        }
        self._heads = AddressHead(
            wards=by_code.values(),
            prefecture=prefecture,
            city=city,
            municipalities=municipalities or {},
            is_town=lambda body: self._towns.hit(body, None) is not None,
        )

    def ward_code(self, name: str) -> str | None:
        """Code of a ward by its name, its name without 区, or its code itself."""
        ward = self._heads.ward(name)
        return ward.code if ward else None

    def ward_name(self, code: str) -> str:
        """Name of a ward; empty when the code is none of the city's."""
        ward = self._wards.get(code)
        return ward.name if ward else ""

    def named_ward(self, text: str) -> str | None:
        """Code of the ward that an address names before the town, if it names one."""
        ward = self._heads.read(normalised(text)).ward
        return ward.code if ward else None

    def option(
        self, ward: str, town: str, block: str = "", number: str = ""
    ) -> Candidate | None:
        """
        Give the finest place that the data know for official names.

        None when the ward or the town is not ours, or the block cannot exist.
        """
        code = self.ward_code(ward)
        part = self._towns.part(code, town) if code else None
        if part is None or part.level is PlaceLevel.OAZA:
            return part
        return self._data.option(part, Numbers(block=block, number=number))

    def elsewhere(self, rest: str, ward_code: str) -> tuple[Candidate, ...] | None:
        """
        Find other wards or municipalities in what follows a place.

        Returns
        -------
        tuple of Candidate or None
            None when there are none; the towns there, where any are named.
        """
        other = self._heads.elsewhere(rest, self._wards.get(ward_code))
        if other is None:
            return None
        hit = self._towns.hit(other.body, other.ward) if other.ward else None
        return tuple(area.offer(hit.tail) for area in hit.areas) if hit else ()

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
            `ok` at the finest level that the data know; otherwise the reason in
            `message`, and what it may mean in `candidates`.
        """
        stated = self._heads.ward(stated_ward) if stated_ward.strip() else None
        if stated_ward.strip() and stated is None:
            if self._heads.is_outside(stated_ward):
                return _outside(self._heads.municipality(stated_ward))
            return _no(_UNKNOWN_WARD_MESSAGE)
        line = normalised(text)
        if " " not in line:
            return self._read(line, stated)
        # People also write spaces inside names: 谷 町 7丁目.
        joined = line.replace(" ", "")
        if _SPREAD.search(line):
            line, joined = joined, line
        found = self._read(line, stated)
        if found.is_placed:
            return found
        again = self._read(joined, stated)
        return again if again.status is PlacingStatus.OK else found

    def _read(self, line: str, stated: Ward | None) -> Placement:
        head = self._heads.read(line)
        if head.is_outside:
            return _outside(head.municipality)
        ward = head.ward or stated
        hit = self._towns.hit(head.body, ward)
        if stated and head.ward and head.ward != stated:
            return self._two_wards(head.body, (head.ward, stated))
        if hit:
            return self._answer(hit, is_ward_known=ward is not None)
        other = self._towns.hit(head.body, None) if ward else None
        if ward and other:
            return _conflict(
                f"{ward.name}にこの町名はありません。ほかの区にはあります。",
                tuple(area.offer(other.tail) for area in other.areas),
            )
        return self._missing(head, ward)

    def _two_wards(self, body: str, wards: Sequence[Ward]) -> Placement:
        hits = [hit for ward in wards if (hit := self._towns.hit(body, ward))]
        offers = [area.offer(hit.tail) for hit in hits for area in hit.areas]
        return _conflict("住所の区と、別に示された区が違います。", tuple(offers))

    def _answer(self, hit: TownHit, *, is_ward_known: bool) -> Placement:
        """Decide between one place, several, and a 丁目 that does not exist."""
        tail = hit.tail
        picked = [(a, c) for a in hit.areas if (c := a.pick(tail)) is not None]
        if not picked:
            offers = tuple(c for area in hit.areas for c in area.nearest_parts(tail))
            return _no("この町にその丁目はありません。", offers)
        if len(picked) > 1:
            options = tuple(candidate for _, candidate in picked)
            return _several(
                "同じ町名が複数の区にあります。区を確かめてください。", options
            )
        area, town = picked[0]
        if tail.others and area.by_chome:
            numbers_said = (tail.chome or 0, *tail.others)
            options = tuple(
                area.by_chome[n] for n in numbers_said if n in area.by_chome
            )
            return _several("複数の丁目が書かれています。", options or (town,))
        numbers = self._numbers(town, tail)
        beyond = self._other_end(numbers, area, town)
        if beyond is not None:
            message = "複数の場所か区間が書かれています。場所を確かめてください。"
            own = self._data.option(town, numbers) or town
            return _several(message, (own, *beyond))
        if not is_ward_known and not _names_its_place(area, tail):
            return _several("区が書かれていません。区を確かめてください。", (town,))
        return self._placed(hit, town, numbers, is_ward_known=is_ward_known)

    def _numbers(self, town: Candidate, tail: TownTail) -> Numbers:
        """Read block and number; a number that was no 丁目 is the block."""
        rest = tail.rest
        if tail.others and not _has_chome(town):
            warnings = (PlacingWarning.RANGE,)
            return Numbers(block=str(tail.chome), rest=rest, warnings=warnings)
        if tail.chome is not None and not _has_chome(town):
            joint = "-" if rest[:1].isdigit() else ""
            rest = f"{tail.chome}{joint}{rest}"
        names = self._data.named_blocks(town.ward_code, town.town)
        names = names or self._named_blocks.get(town.town, ())
        if len(rest) > MAX_REMEMBERED:
            return read_numbers(rest, names)
        return _remembered_numbers(rest, names)

    def _other_end(
        self, numbers: Numbers, area: Area, town: Candidate
    ) -> tuple[Candidate, ...] | None:
        """Find the other places of a list or stretch that leaves the town."""
        if not numbers.further or numbers.further[0].isdigit():
            return None
        head = self._heads.read(numbers.further)
        hit = self._towns.hit(head.body, head.ward or area.ward)
        hit = hit or self._towns.hit(head.body, head.ward)
        others = tuple(other.offer(hit.tail) for other in hit.areas) if hit else ()
        return tuple(one for one in others if one != town) or None

    def _placed(
        self, hit: TownHit, town: Candidate, numbers: Numbers, *, is_ward_known: bool
    ) -> Placement:
        if town.level is PlaceLevel.OAZA:
            numbers = replace(numbers, block="", number="", rest=_whole_rest(numbers))
        found = self._data.follow(town, numbers)
        if not found.exists:
            return _no("この町にその番はありません。", (town,))
        warnings = [*numbers.warnings, *found.warnings]
        if hit.is_doubled:
            warnings.append(PlacingWarning.DOUBLED_TOWN)
        if hit.lacks_word:
            warnings.append(PlacingWarning.DROPPED_TOWN_WORD)
        if not is_ward_known:
            warnings.append(PlacingWarning.WARD_INFERRED)
        chome = f"{hit.tail.chome}丁目" if _has_chome(town) else ""
        return Placement(
            status=PlacingStatus.OK,
            message=_MESSAGES[found.level],
            level=found.level,
            place=found.place,
            radius_m=found.radius_m,
            ward_code=town.ward_code,
            town=town.label,
            matched_text=hit.text + chome,
            rest=numbers.rest,
            block=numbers.block,
            number=numbers.number,
            warnings=tuple(warnings),
            engines=_SAYS[PlacingStatus.OK],
        )

    def _missing(self, head: Head, ward: Ward | None) -> Placement:
        body = head.body.strip()
        if ward and body in WHOLE_WARD:
            return self._whole_ward(ward, body)
        offers = self._near(head, ward)
        if offers:
            return Placement(
                status=PlacingStatus.FUZZY,
                message=_NEAR_MESSAGE,
                candidates=offers,
                engines=_SAYS[PlacingStatus.FUZZY],
            )
        if head.unknown_ward:
            return _no(_UNKNOWN_WARD_MESSAGE)
        if not body:
            return _no("町名がありません。")
        options = (self._ward_option(ward),) if ward else ()
        return _no("町名が見つかりません。", tuple(filter(None, options)))

    def _near(self, head: Head, ward: Ward | None) -> tuple[Candidate, ...]:
        """Offer what one wrong letter in the town or in the ward would give."""
        offers: dict[str, Candidate] = {}
        for area, tail in self._towns.near(head.body, ward):
            offers.setdefault(*self._offer(area, tail))
        near_wards = self._heads.near_wards(head.body)
        behind = () if ward else self._heads.embedded(head.body)
        for other, body in (*near_wards, *behind):
            hit = self._towns.hit(body, other)
            if hit is None:
                continue
            for area in hit.areas:
                offers.setdefault(*self._offer(area, hit.tail))
        return tuple(offers.values())[:MAX_CANDIDATES]

    def _offer(self, area: Area, tail: TownTail) -> tuple[str, Candidate]:
        town = area.offer(tail)
        if town.level is not PlaceLevel.OAZA:
            town = self._data.option(town, self._numbers(town, tail)) or town
        return town.label, town

    def _whole_ward(self, ward: Ward, rest: str) -> Placement:
        option = self._ward_option(ward)
        message = f"{ward.name}までしか分かりません。町名が足りません。"
        if option is None:
            return _no(message)
        return Placement(
            status=PlacingStatus.OK,
            message=message,
            level=PlaceLevel.WARD,
            place=option.place,
            radius_m=option.radius_m,
            ward_code=ward.code,
            matched_text=ward.name,
            rest=rest,
            engines=_SAYS[PlacingStatus.OK],
        )

    def _ward_option(self, ward: Ward) -> Candidate | None:
        areas = self._towns.areas_of(ward)
        if not areas:
            return None
        wholes = (area.whole for area in areas)
        place, radius_m = oaza_circle((one.place, one.radius_m) for one in wholes)
        return Candidate(
            label=ward.name,
            place=place,
            level=PlaceLevel.WARD,
            radius_m=radius_m,
            ward_code=ward.code,
        )


_remembered_numbers = functools.lru_cache(maxsize=32_768)(read_numbers)
_MESSAGES = {
    PlaceLevel.HOUSE: "号まで特定しました。",
    PlaceLevel.BLOCK: "番まで特定しました。",
    PlaceLevel.CHOME: "町名まで特定しました。",
    PlaceLevel.OAZA: "丁目が分かりません。町の中心です。",
}


def _has_chome(option: Candidate) -> bool:
    return option.town.endswith("丁目")


def _whole_rest(numbers: Numbers) -> str:
    """Keep numbers of a town whose 丁目 is unknown as the rest: 7番 of 谷町7番."""
    if not numbers.block:
        return numbers.rest
    house = f"{numbers.number}号" if numbers.number else ""
    return f"{numbers.block}番{house} {numbers.rest}".strip()


def _names_its_place(area: Area, tail: TownTail) -> bool:
    """
    Whether the name alone, without a ward, surely means the town.

    Stations and crossings bear names of towns in the next ward (谷町九丁目駅), parks
    too; and names of one letter (松, 泉) begin many other words.
    """
    if tail.chome is not None:
        return not tail.rest.startswith(_NAMESAKES)
    return tail.is_sure and len(area.name) > 1


def _several(message: str, options: tuple[Candidate, ...]) -> Placement:
    return Placement(
        status=PlacingStatus.AMBIGUOUS,
        message=message,
        candidates=options[:MAX_CANDIDATES],
        engines=_SAYS[PlacingStatus.AMBIGUOUS],
    )


def _conflict(message: str, options: tuple[Candidate, ...]) -> Placement:
    return Placement(
        status=PlacingStatus.CONFLICT,
        message=message,
        candidates=options[:MAX_CANDIDATES],
        engines=_SAYS[PlacingStatus.CONFLICT],
    )


def _outside(municipality: str) -> Placement:
    return Placement(
        status=PlacingStatus.OUTSIDE,
        message="市の外の住所です。ほかの自治体です。",
        municipality=municipality,
        engines=_SAYS[PlacingStatus.OUTSIDE],
    )


def _no(message: str, options: tuple[Candidate, ...] = ()) -> Placement:
    return Placement(
        status=PlacingStatus.NOT_FOUND,
        message=message,
        candidates=options,
        engines=_SAYS[PlacingStatus.NOT_FOUND],
    )
