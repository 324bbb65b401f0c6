"""What the geocoder found, as one flat record for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dispatch.domain.placing import Candidate, Placement, PlacingStatus
from geodata.bundle.records import Layer
from geodata.bundle.store import Bundle
from geodata.city import CityProfile

DECIMALS = 7  # of degrees: 1 cm


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordNames:
    """Names by which records tell codes: of wards and of school districts."""

    wards: Mapping[str, str]
    districts: Mapping[str, str]

    @staticmethod
    def of(profile: CityProfile, bundle: Bundle) -> RecordNames:
        """Take the names of a city."""
        return RecordNames(
            wards={ward.code: ward.name for ward in profile.wards},
            districts={area.id: area.name for area in bundle.areas(Layer.DISTRICTS)},
        )

    def town(self, ward_code: str, label: str) -> str:
        """Official town of a label that begins with its ward."""
        return label.removeprefix(self.wards.get(ward_code, ""))


def record_of(query: str, found: Placement, names: RecordNames) -> dict[str, Any]:
    """
    Tell one answer.

    Returns
    -------
    dict
        `lon` and `lat` in degrees (JGD2011), `radius_m` in metres; None where the
        answer has none. `ward` and `town` are official names, `block` and `number` in
        ASCII, `warnings` codes of `PlacingWarning`.
    """
    is_ok = found.status is PlacingStatus.OK
    place = found.place if is_ok else None
    ward = names.wards.get(found.ward_code, found.ward_code) if is_ok else ""
    district = names.districts.get(found.district_id, found.district_id)
    return {
        "query": query,
        "status": found.status,
        "level": found.level if is_ok else None,
        "ward": ward or None,
        "town": names.town(found.ward_code, found.town) or None,
        "block": found.block or None,
        "number": found.number or None,
        "landmark": found.landmark or None,
        "lon": round(place.lon, DECIMALS) if place else None,
        "lat": round(place.lat, DECIMALS) if place else None,
        "radius_m": found.radius_m if place else None,
        "school_district": district or None,
        "neighbour_ward": names.wards.get(found.neighbour_ward) or None,
        "candidates": [_candidate(one, names) for one in found.candidates],
        "warnings": list(found.warnings),
        "municipality": found.municipality or None,
        "matched": found.matched_text,
        "rest": found.rest,
        "engines": list(found.engines),
        "message": found.message,
        "ward_code": found.ward_code or None,
        "district_id": found.district_id or None,
    }


def _candidate(one: Candidate, names: RecordNames) -> dict[str, Any]:
    town = one.town or ("" if one.landmark else names.town(one.ward_code, one.label))
    is_address = not one.landmark and one.label.startswith(
        names.wards.get(one.ward_code, "\0")
    )
    return {
        "label": one.label,
        "level": one.level,
        "ward": names.wards.get(one.ward_code, one.ward_code) or None,
        "town": (town if one.town or is_address else "") or None,
        "block": one.block or None,
        "number": one.number or None,
        "landmark": one.landmark or None,
        "lon": round(one.place.lon, DECIMALS),
        "lat": round(one.place.lat, DECIMALS),
        "radius_m": one.radius_m,
    }
