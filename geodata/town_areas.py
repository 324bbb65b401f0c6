"""Towns of a city by the spelling of their name: exact at a head, or one letter off."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dispatch.domain.place import LonLat, Ward, great_circle_m
from dispatch.domain.placing import Candidate, PlaceLevel
from geodata.address_text import TownTail, folded, town_tail
from geodata.towns import Town

# p95 of 9,519 Osaka facilities to the centre of their 丁目: 302 m (geocoding study
# §4.5). Over our 2,500 sample addresses, which hold more quays and parks, 92 % lie
# within 300 m and the p95 is 343 m (2026-11): a usual reach, not a bound.
CHOME_RADIUS_M = 350
MAX_CANDIDATES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A town with all its 丁目 in one ward; `plain` is its part without a 丁目."""

    ward: Ward
    name: str
    plain: Town | None
    by_chome: dict[int, Town]

    @property
    def label(self) -> str:
        """Ward and town."""
        return self.ward.name + self.name

    def whole(self) -> Candidate:
        """Describe the area by the mean of its 丁目 and the farthest of them."""
        if self.plain and not self.by_chome:
            return self.part(self.plain)
        parts = [*self.by_chome.values(), *([self.plain] if self.plain else [])]
        lon = sum(town.place.lon for town in parts) / len(parts)
        lat = sum(town.place.lat for town in parts) / len(parts)
        centre = LonLat(lon, lat)
        reach = max(great_circle_m(centre, town.place) for town in parts)
        return Candidate(
            label=self.label,
            place=centre,
            level=PlaceLevel.OAZA,
            radius_m=round(reach) + CHOME_RADIUS_M,
            ward_code=self.ward.code,
        )

    def part(self, town: Town) -> Candidate:
        """Describe one 丁目, or the town without one."""
        return Candidate(
            label=self.ward.name + town.name,
            place=town.place,
            level=PlaceLevel.CHOME,
            radius_m=CHOME_RADIUS_M,
            ward_code=self.ward.code,
        )

    def pick(self, tail: TownTail) -> Candidate | None:
        """Find the part that the tail names; None when it names a missing 丁目."""
        if self.plain and (not self.by_chome or tail.is_lettered):
            return None if tail.said_chome else self.part(self.plain)
        if tail.chome is None:
            return self.whole()
        town = self.by_chome.get(tail.chome)
        return self.part(town) if town else None

    def offer(self, tail: TownTail) -> Candidate:
        """Give the part that the tail names, else the whole."""
        return self.pick(tail) or self.whole()

    def nearest_parts(self, tail: TownTail) -> list[Candidate]:
        """List the 丁目 that do exist, those with the nearest numbers first."""
        said = tail.chome or 0
        numbers = sorted(self.by_chome, key=lambda n: (abs(n - said), n))
        parts = [self.part(self.by_chome[n]) for n in numbers]
        return parts[:MAX_CANDIDATES] if parts else [self.whole()]


@dataclass(frozen=True, slots=True, kw_only=True)
class TownHit:
    """A town's name at the head of the body, and what follows it."""

    areas: tuple[Area, ...]
    text: str
    tail: TownTail


class TownIndex:
    """
    The towns of a city, found at the head of a text.

    Parameters
    ----------
    towns
        Every 丁目, and every town without one.
    wards
        Wards by code.
    """

    def __init__(self, towns: Iterable[Town], wards: Mapping[str, Ward]) -> None:
        self._areas = _areas_by_key(towns, wards)
        self._longest = max(map(len, self._areas), default=0)
        self._near = _deletions(self._areas)

    def hit(self, body: str, ward: Ward | None) -> TownHit | None:
        """Find the longest town name at the head whose end is a border."""
        key = folded(body[: self._longest])
        for end in range(len(key), 0, -1):
            areas = self._areas.get(key[:end], ())
            if ward:
                areas = tuple(area for area in areas if area.ward == ward)
            if not areas:
                continue
            exact = tuple(area for area in areas if area.name == body[:end])
            after = body[end:]
            if folded(after[:end]) == key[:end]:  # 横堤横堤5-3: written twice
                after = after[end:]
            if key[:end].endswith("通"):
                after = after.removeprefix("り")
            tail = town_tail(after)
            if tail:
                return TownHit(areas=exact or areas, text=body[:end], tail=tail)
        return None

    def near(self, body: str, ward: Ward | None) -> tuple[Candidate, ...]:
        """Offer the towns one letter away (dropped, added, changed or swapped)."""
        offers: dict[str, Candidate] = {}
        for end in range(min(len(body), self._longest + 1), 1, -1):
            tail = town_tail(body[end:])
            if tail is None or re.search("[0-9]", body[:end]):
                continue
            key = folded(body[:end])
            keys = {k for cut in _cuts(key) for k in self._near.get(cut, ())}
            for near in sorted(k for k in keys if _is_one_edit(key, k)):
                for area in self._areas[near]:
                    if ward is None or area.ward == ward:
                        offer = area.offer(tail)
                        offers.setdefault(offer.label, offer)
        return tuple(offers.values())[:MAX_CANDIDATES]


def _areas_by_key(
    towns: Iterable[Town], wards: Mapping[str, Ward]
) -> dict[str, tuple[Area, ...]]:
    groups: dict[tuple[str, str], list[Town]] = defaultdict(list)
    for town in towns:
        groups[town.ward_code, town.oaza].append(town)
    areas: dict[str, list[Area]] = defaultdict(list)
    for (code, oaza), members in sorted(groups.items()):
        area = Area(
            ward=wards[code],
            name=oaza,
            plain=next((town for town in members if town.chome is None), None),
            by_chome={t.chome: t for t in members if t.chome is not None},
        )
        areas[folded(oaza)].append(area)
    return {key: tuple(found) for key, found in areas.items()}


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
