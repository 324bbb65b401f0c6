"""What of the records that were read may go into a bundle: checks, and one of each."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dispatch.domain.place import BoundingBox, LonLat, great_circle_m
from geodata.bundle.names import asset_key
from geodata.bundle.records import (
    AreaRecord,
    AssetRecord,
    BlockRecord,
    CrossingRecord,
    FacilityRecord,
    HouseRecord,
    JurisdictionRecord,
    Layer,
    LayerRead,
    Record,
    SchoolRecord,
    TownRecord,
)
from geodata.city import CityProfile

# 2 km: bounds are rounded outward already; what stands on the far bank still counts.
BOUNDS_MARGIN_DEG = 0.02
PLACE_DECIMALS = 5  # about a metre: closer things of one name are one thing
_MAY_LACK_WARD = (FacilityRecord, AssetRecord, CrossingRecord)
Period = tuple[dt.date, dt.date]  # both days included
_Periods = defaultdict[str, list[Period]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """
    A row or record that was refused; never holds a person's data.

    `row` is its line in the file, None when the record was well written but cannot
    be right; `key` then says which record it is.
    """

    source_id: str
    column: str
    problem: str
    row: int | None = None
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What of one source's records is in the bundle."""

    num_rows: int
    num_kept: int
    num_merged: int
    num_elsewhere: int
    num_by_ward: Mapping[str, int]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    What the city allows.

    `reach` holds the point of each town and how far, in metres, a block or house of it
    may be from there.
    """

    bounds: BoundingBox
    ward_codes: frozenset[str]
    office_ids: frozenset[str]
    reach: Mapping[tuple[str, str], tuple[LonLat, int]] = field(default_factory=dict)


@dataclass(slots=True)
class LayerMerge:
    """
    One layer, filled source by source: of records that say the same the first wins.

    Areas and jurisdictions of a later source only fill wards, and times, for which no
    earlier source has any: areas of two origins would overlap.
    """

    limits: Limits
    records: list[Record] = field(default_factory=list)
    _seen: set[Hashable] = field(default_factory=set)
    _of_ward: _Periods = field(default_factory=lambda: defaultdict(list))
    _of_id: _Periods = field(default_factory=lambda: defaultdict(list))

    def take(self, source_id: str, read: LayerRead[Any]) -> Taken:
        """Take the records of one source, in their order."""
        left_out = [
            LeftOut(
                source_id=source_id,
                row=refused.row,
                column=refused.column,
                problem=refused.problem,
            )
            for refused in read.refused
        ]
        earlier = {code: tuple(found) for code, found in self._of_ward.items()}
        kept: list[Record] = []
        num_merged = 0
        for record in read.records:
            fault = _fault(record, self.limits)
            if fault is not None:
                left_out.append(_left_out(source_id, record, *fault))
            elif self._is_known(record, earlier):
                num_merged += 1
            else:
                kept.append(record)
        self.records.extend(kept)
        return Taken(
            num_rows=len(read.records),
            num_kept=len(kept),
            num_merged=num_merged,
            num_elsewhere=read.num_elsewhere,
            num_by_ward=count_by_ward(kept),
            left_out=tuple(left_out),
        )

    def _is_known(
        self, record: Record, earlier: Mapping[str, Sequence[Period]]
    ) -> bool:
        """Whether the same is there already; else the record counts as there."""
        if isinstance(record, AreaRecord | JurisdictionRecord):
            return self._is_held(record, earlier)
        keys = _KEYS[type(record)](record)
        if not self._seen.isdisjoint(keys):
            return True
        self._seen.update(keys)
        return False

    def _is_held(
        self,
        record: AreaRecord | JurisdictionRecord,
        earlier: Mapping[str, Sequence[Period]],
    ) -> bool:
        code = record.ward_code
        record_id = record.id if isinstance(record, AreaRecord) else code
        period = _period(record)
        if _overlaps(period, (*earlier.get(code, ()), *self._of_id[record_id])):
            return True
        self._of_ward[code].append(period)
        self._of_id[record_id].append(period)
        return False


def limits_of(profile: CityProfile) -> Limits:
    """Limits of a city before its towns are known."""
    edges = profile.bounds
    return Limits(
        bounds=BoundingBox(
            west=edges.west - BOUNDS_MARGIN_DEG,
            south=edges.south - BOUNDS_MARGIN_DEG,
            east=edges.east + BOUNDS_MARGIN_DEG,
            north=edges.north + BOUNDS_MARGIN_DEG,
        ),
        ward_codes=frozenset(ward.code for ward in profile.wards),
        office_ids=frozenset(office.id for office in profile.offices),
    )


def count_by_ward(records: Sequence[Record]) -> dict[str, int]:
    """Ward code ("" without one) to records, by code."""
    return dict(sorted(Counter(getattr(r, "ward_code", "") for r in records).items()))


def _fault(record: Record, limits: Limits) -> tuple[str, str] | None:
    """Column and problem of a record that cannot be right."""
    ward_code = getattr(record, "ward_code", "")
    is_open = isinstance(record, _MAY_LACK_WARD) or _is_community(record)
    if ward_code not in limits.ward_codes and not (is_open and not ward_code):
        return "ward", "not a ward of the city"
    if isinstance(record, AreaRecord):
        return _area_fault(record, limits)
    if isinstance(record, JurisdictionRecord):
        known = record.office_id in limits.office_ids
        return None if known else ("office_id", "not a works office of the city")
    if not limits.bounds.contains(record.place):
        return "place", "outside the city's bounds"
    if isinstance(record, BlockRecord | HouseRecord):
        return _reach_fault(record, limits)
    return None


def _is_community(record: Record) -> bool:
    return isinstance(record, AreaRecord) and record.layer is Layer.COMMUNITIES


def _area_fault(area: AreaRecord, limits: Limits) -> tuple[str, str] | None:
    if area.geometry.is_empty:
        return "geometry", "empty"
    # Its middle only: harbour wards may reach far into the bay.
    middle = area.geometry.centroid
    if not limits.bounds.contains(LonLat(middle.x, middle.y)):
        return "geometry", "outside the city's bounds"
    return None


def _reach_fault(
    record: BlockRecord | HouseRecord, limits: Limits
) -> tuple[str, str] | None:
    found = limits.reach.get((record.ward_code, record.town))
    if found is None:
        return "town", "not a town of the ward"
    place, reach_m = found
    distance_m = great_circle_m(place, record.place)
    if distance_m > reach_m:
        problem = f"{distance_m:.0f} m from its town's point, believed to {reach_m} m"
        return "place", problem
    return None


def _left_out(source_id: str, record: Record, column: str, problem: str) -> LeftOut:
    return LeftOut(
        source_id=source_id, column=column, problem=problem, key=_described(record)
    )


def _described(record: Record) -> str:
    """Words that find a record in its file; names of places only."""
    if isinstance(record, CrossingRecord):
        return " ".join(record.roads)
    names = ("ward_code", "town", "block", "number", "kind", "key", "id", "name")
    parts = (getattr(record, name, "") for name in (*names, "office_id"))
    return " ".join(part for part in parts if part)


def _near(place: LonLat) -> tuple[float, float]:
    return round(place.lon, PLACE_DECIMALS), round(place.lat, PLACE_DECIMALS)


def _school_keys(school: SchoolRecord) -> tuple[Hashable, ...]:
    # Two sources give the same school different ids; a district needs one of each.
    return ("id", school.id), ("name", school.ward_code, school.name)


# Two records that share a key are the same thing.
_KEYS: Mapping[type, Callable[[Any], tuple[Hashable, ...]]] = {
    TownRecord: lambda r: ((r.ward_code, r.name),),
    BlockRecord: lambda r: ((r.ward_code, r.town, r.block),),
    HouseRecord: lambda r: ((r.ward_code, r.town, r.block, r.number),),
    FacilityRecord: lambda r: ((r.name, _near(r.place)),),
    SchoolRecord: _school_keys,
    AssetRecord: lambda r: ((r.kind, asset_key(r.key), _near(r.place)),),
    CrossingRecord: lambda r: ((r.roads, _near(r.place)),),
}


def _period(record: AreaRecord | JurisdictionRecord) -> Period:
    last = record.valid_to or dt.date.max
    if isinstance(record, JurisdictionRecord) and record.valid_to is not None:
        last -= dt.timedelta(days=1)  # a jurisdiction ends before its last day
    return record.valid_from or dt.date.min, last


def _overlaps(period: Period, others: Sequence[Period]) -> bool:
    starts, ends = period
    return any(starts <= other[1] and other[0] <= ends for other in others)
