"""Towns of a city by the spelling of their name: exact at a head, or one letter off."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from dispatch.domain.place import Ward
from dispatch.domain.placing import Candidate, PlaceLevel
from geodata.address_text import TownTail, folded, town_tail
from geodata.bundle.radii import oaza_circle
from geodata.bundle.records import TownRecord

MAX_CANDIDATES = 12
TOWN_WORD = "町"
MIN_STEM = 2  # letters that are left of a name without 町: 谷 for 谷町 says nothing
MAX_REMEMBERED = 32  # letters of a tail that is worth remembering
RadiusOf = Callable[[str, str], int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Area:
    """
    A town with all its 丁目 in one ward.

    `plain` is its part without a 丁目, `whole` all of it: the mean of the points and
    the farthest reach of a part.
    """

    ward: Ward
    name: str
    plain: Candidate | None
    by_chome: Mapping[int, Candidate]
    whole: Candidate

    def pick(self, tail: TownTail) -> Candidate | None:
        """Find the part that the tail names; None when it names a missing 丁目."""
        if self.plain and (not self.by_chome or tail.is_lettered):
            return None if tail.said_chome else self.plain
        if tail.chome is None:
            return self.whole
        return self.by_chome.get(tail.chome)

    def offer(self, tail: TownTail) -> Candidate:
        """Give the part that the tail names, else the whole."""
        return self.pick(tail) or self.whole

    def nearest_parts(self, tail: TownTail) -> list[Candidate]:
        """List the 丁目 that do exist, those with the nearest numbers first."""
        said = tail.chome or 0
        numbers = sorted(self.by_chome, key=lambda n: (abs(n - said), n))
        parts = [self.by_chome[n] for n in numbers]
        return parts[:MAX_CANDIDATES] if parts else [self.whole]


@dataclass(frozen=True, slots=True, kw_only=True)
class TownHit:
    """
    A town's name at the head of the body, and what follows it.

    `is_doubled`: the name stood there twice. `lacks_word`: without its 町.
    """

    areas: tuple[Area, ...]
    text: str
    tail: TownTail
    is_doubled: bool = False
    lacks_word: bool = False


class TownIndex:
    """
    The towns of a city, found at the head of a text.

    Parameters
    ----------
    towns
        Every 丁目, and every town without one.
    wards
        Wards by code.
    radius_of
        Radius in metres of a town, by ward code and official name.
    """

    def __init__(
        self,
        towns: Iterable[TownRecord],
        wards: Mapping[str, Ward],
        radius_of: RadiusOf,
    ) -> None:
        self._areas = _areas_by_key(towns, wards, radius_of)
        self._stems = _stems(self._areas)
        self._longest = max(map(len, self._areas), default=0)
        self._near = _deletions(self._areas)
        self._areas_in = {code: _of_ward(self._areas, code) for code in wards}
        self._stems_in = {code: _of_ward(self._stems, code) for code in wards}
        self._parts = {
            (part.ward_code, part.town): part
            for areas in self._areas.values()
            for area in areas
            for part in (area.whole, *area.by_chome.values())
        }

    def part(self, ward_code: str, town: str) -> Candidate | None:
        """Find a 丁目, or a town as a whole, by its official name."""
        return self._parts.get((ward_code, town))

    def areas_of(self, ward: Ward) -> list[Area]:
        """List the towns of a ward."""
        return [a for areas in self._areas.values() for a in areas if a.ward == ward]

    def hit(self, body: str, ward: Ward | None) -> TownHit | None:
        """
        Find the longest town name at the head whose end is a border.

        A name without its 町 counts in a known ward only, where no whole name fits.
        """
        key = folded(body[: self._longest])
        if ward is None:
            return self._hit(self._areas, body, key)
        found = self._hit(self._areas_in[ward.code], body, key)
        if found is None:
            found = self._hit(self._stems_in[ward.code], body, key)
            if found is not None and not found.tail.is_numbered:
                return None  # 生玉前町 is no 生玉町 with something before it
        return found

    def _hit(
        self, index: Mapping[str, tuple[Area, ...]], body: str, key: str
    ) -> TownHit | None:
        for end in range(len(key), 0, -1):
            areas = index.get(key[:end])
            if areas is None:
                continue
            found = _ended(areas, body, key[:end])
            if found:
                return found
        return None

    def near(self, body: str, ward: Ward | None) -> tuple[tuple[Area, TownTail], ...]:
        """List towns one letter away: dropped, added, changed or swapped."""
        found: dict[str, tuple[Area, TownTail]] = {}
        for end in range(min(len(body), self._longest + 1), 1, -1):
            tail = town_tail(body[end:])
            if tail is None or re.search("[0-9]", body[:end]):
                continue
            key = folded(body[:end])
            keys = {k for cut in _cuts(key) for k in self._near.get(cut, ())}
            for near in sorted(k for k in keys if _is_one_edit(key, k)):
                for area in self._areas[near]:
                    if ward is None or area.ward == ward:
                        found.setdefault(area.whole.label, (area, tail))
        return tuple(found.values())[:MAX_CANDIDATES]


def _ended(areas: tuple[Area, ...], body: str, key: str) -> TownHit | None:
    """Make the hit when the name, whose folded form is the key, can end there."""
    end = len(key)
    head, after = body[:end], body[end:]
    if len(areas) > 1:  # a variant of one name may be another name
        exact = tuple(area for area in areas if area.name == head)
        areas = exact or areas
    twice = not after[:1].isascii() and folded(after[:end]) == key  # 横堤横堤5-3
    if twice:
        after = after[end:]
    if key.endswith("通"):
        after = after.removeprefix("り")
    tail = remembered_tail(after) if len(after) <= MAX_REMEMBERED else town_tail(after)
    if tail is None:
        return None
    lacks_word = len(areas[0].name) > end
    return TownHit(
        areas=areas, text=head, tail=tail, is_doubled=twice, lacks_word=lacks_word
    )


# Few tails make up most of a list of addresses: 1-1, 3丁目2-5.
remembered_tail = functools.lru_cache(maxsize=32_768)(town_tail)


def _areas_by_key(
    towns: Iterable[TownRecord], wards: Mapping[str, Ward], radius_of: RadiusOf
) -> dict[str, tuple[Area, ...]]:
    groups: dict[tuple[str, str], list[TownRecord]] = defaultdict(list)
    for town in towns:
        groups[town.ward_code, town.oaza].append(town)
    areas: dict[str, list[Area]] = defaultdict(list)
    for (code, oaza), members in sorted(groups.items()):
        areas[folded(oaza)].append(_area(wards[code], oaza, members, radius_of))
    return {key: tuple(found) for key, found in areas.items()}


def _area(
    ward: Ward, oaza: str, members: list[TownRecord], radius_of: RadiusOf
) -> Area:
    parts = {
        town.chome: Candidate(
            label=ward.name + town.name,
            place=town.place,
            level=PlaceLevel.CHOME,
            radius_m=radius_of(ward.code, town.name),
            ward_code=ward.code,
            town=town.name,
        )
        for town in members
    }
    plain = parts.get(None)
    by_chome = {chome: part for chome, part in parts.items() if chome is not None}
    whole = plain if plain and not by_chome else _whole(ward, oaza, [*parts.values()])
    return Area(ward=ward, name=oaza, plain=plain, by_chome=by_chome, whole=whole)


def _whole(ward: Ward, oaza: str, parts: list[Candidate]) -> Candidate:
    place, radius_m = oaza_circle((part.place, part.radius_m) for part in parts)
    return Candidate(
        label=ward.name + oaza,
        place=place,
        level=PlaceLevel.OAZA,
        radius_m=radius_m,
        ward_code=ward.code,
        town=oaza,
    )


def _stems(areas: Mapping[str, tuple[Area, ...]]) -> dict[str, tuple[Area, ...]]:
    """Index the towns in 町 by the rest of their name, where no town is called so."""
    return {
        stem: found
        for key, found in areas.items()
        if key.endswith(TOWN_WORD)
        and len(stem := key.removesuffix(TOWN_WORD)) >= MIN_STEM
        and stem not in areas
    }


def _of_ward(
    areas: Mapping[str, tuple[Area, ...]], code: str
) -> dict[str, tuple[Area, ...]]:
    """Keep the towns of one ward."""
    kept = {
        key: tuple(area for area in found if area.ward.code == code)
        for key, found in areas.items()
    }
    return {key: found for key, found in kept.items() if found}


def _cuts(key: str) -> set[str]:
    """List a key and the key without each of its letters."""
    return {key, *(key[:i] + key[i + 1 :] for i in range(len(key)))}


def _deletions(keys: Iterable[str]) -> dict[str, set[str]]:
    near: dict[str, set[str]] = defaultdict(set)
    for key in keys:
        for cut in _cuts(key):
            if cut:
                near[cut].add(key)
    return dict(near)


def _is_one_edit(left: str, right: str) -> bool:
    """Whether one letter is dropped, added, changed, or swapped with the next."""
    if abs(len(left) - len(right)) == 1:
        longer, shorter = sorted((left, right), key=len, reverse=True)
        return shorter in _cuts(longer)
    differ = [i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b]
    if len(left) != len(right) or not differ:
        return False
    first, last = differ[0], differ[-1]
    swapped = last - first == 1 and left[first : last + 1] == right[last] + right[first]
    return first == last or swapped
