"""Landmarks made of records: what of one name lies together is one, kept by key."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from dispatch.domain.place import LonLat, great_circle_m
from geodata.bundle.records import FacilityRecord
from geodata.geocoding.landmark_names import DEFAULT_RADIUS_M, NameClass, rank_of

SAME_PLACE_M = 300  # things of one name that lie no farther apart are one
MAX_CANDIDATES = 12
MIN_KEY = 2

WardOf = Callable[[LonLat], str | None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mark:
    """A landmark: all records of one name that lie together."""

    name: str
    place: LonLat
    ward_codes: tuple[str, ...]  # the most frequent first
    radius_m: int
    rank: int  # among landmarks that a bare name fits


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A name in a text: its landmarks, and where it starts and ends."""

    key: str
    marks: tuple[Mark, ...]
    start: int
    end: int


class MarksByKey:
    """Landmarks by key, with the lengths of the keys by their first two letters."""

    def __init__(self) -> None:
        self.marks: dict[str, list[Mark]] = defaultdict(list)
        self.lengths: dict[str, list[int]] = {}

    def add(self, keys: Iterable[str], marks: Sequence[Mark]) -> None:
        """Know landmarks by further keys."""
        for key in keys:
            known = self.marks[key]
            known.extend(mark for mark in marks if mark not in known)

    def close(self) -> None:
        """Work out the lengths, when every name is there."""
        lengths: dict[str, set[int]] = defaultdict(set)
        for key in self.marks:
            lengths[key[:MIN_KEY]].add(len(key))
        self.lengths = {k: sorted(v, reverse=True) for k, v in lengths.items()}
        self.marks = dict(self.marks)

    def at(self, key: str, start: int) -> Iterator[str]:
        """Names that stand at a place of a text, longest first."""
        for length in self.lengths.get(key[start : start + MIN_KEY], ()):
            name = key[start : start + length]
            if len(name) == length and name in self.marks:
                yield name


def by_name(records: Iterable[FacilityRecord]) -> list[list[FacilityRecord]]:
    """Group records that share all names and the publisher's class."""
    groups: dict[tuple[object, ...], list[FacilityRecord]] = defaultdict(list)
    for record in records:
        last = record.kind.rsplit("/", 1)[-1]
        groups[record.name, last, record.names].append(record)
    return list(groups.values())


def marks_of(
    records: Sequence[FacilityRecord],
    group: NameClass | None,
    ward_of: WardOf | None,
) -> list[Mark]:
    """Make the landmarks of records of one name, one for each place."""
    return [_mark(part, group, ward_of) for part in _places(records)]


def _places(records: Sequence[FacilityRecord]) -> list[list[FacilityRecord]]:
    """Group records that lie within 300 m of one of their group."""
    groups: list[list[FacilityRecord]] = []
    for record in records:
        near = [g for g in groups if any(is_near(record.place, r.place) for r in g)]
        joined = [other for group in near for other in group]
        groups = [group for group in groups if group not in near]
        groups.append([*joined, record])
    return groups


def _mark(
    records: Sequence[FacilityRecord],
    group: NameClass | None,
    ward_of: WardOf | None,
) -> Mark:
    """Make one landmark of records that lie together; its place is their middle."""
    place, reach_m = records[0].place, 0.0
    if len(records) > 1:
        lon = sum(record.place.lon for record in records) / len(records)
        lat = sum(record.place.lat for record in records) / len(records)
        place = LonLat(lon, lat)
        reach_m = max(great_circle_m(place, record.place) for record in records)
    codes = Counter(
        record.ward_code or (ward_of(record.place) if ward_of else None) or ""
        for record in records
    )
    return Mark(
        name=records[0].name,
        place=place,
        ward_codes=tuple(code for code, _ in codes.most_common() if code),
        radius_m=max(group.radius_m if group else DEFAULT_RADIUS_M, round(reach_m)),
        rank=rank_of(group),
    )


def apart(marks: Iterable[Mark]) -> list[Mark]:
    """Leave out each landmark that lies within 300 m of a better one."""
    kept: list[Mark] = []
    for mark in marks:
        if not any(is_near(mark.place, better.place) for better in kept):
            kept.append(mark)
            if len(kept) == MAX_CANDIDATES:
                break
    return kept


def is_near(one: LonLat, other: LonLat) -> bool:
    """Whether two places are one, as far as a name goes."""
    return great_circle_m(one, other) <= SAME_PLACE_M
