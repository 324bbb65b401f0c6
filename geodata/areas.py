"""Areas of the city as maps show them on a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import shapely

from geodata.bundle.records import AreaRecord, Layer
from geodata.bundle.store import Bundle

Ring = tuple[tuple[float, float], ...]  # degrees (lon, lat)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CityAreas:
    """
    Wards and school districts in force on a day.

    `district_names` also knows districts of other days, for old charts keep theirs.
    `is_approximate` must be said wherever the areas are shown.
    """

    wards: tuple[AreaRecord, ...]
    districts: tuple[AreaRecord, ...]
    district_names: Mapping[str, str]
    is_approximate: bool


@lru_cache(maxsize=4)
def areas_on(bundle: Bundle, day: dt.date) -> CityAreas:
    """Take the areas of a day out of a bundle; those of the last days are kept."""
    every_district = bundle.areas(Layer.DISTRICTS)
    shown = (Layer.WARDS, Layer.DISTRICTS)
    return CityAreas(
        wards=bundle.areas(Layer.WARDS, day),
        districts=bundle.areas(Layer.DISTRICTS, day),
        district_names={area.id: area.name for area in every_district},
        is_approximate=any(bundle.is_approximate(layer) for layer in shown),
    )


@lru_cache(maxsize=4)
def ward_rings(areas: CityAreas) -> tuple[tuple[str, Ring], ...]:
    """Outlines of the wards, one for each of their parts, with the ward's name."""
    return tuple((ward.name, ring) for ward in areas.wards for ring in _rings(ward))


def _rings(area: AreaRecord) -> list[Ring]:
    rings = shapely.get_exterior_ring(shapely.get_parts(area.geometry))
    return [
        tuple((float(x), float(y)) for x, y in shapely.get_coordinates(ring))
        for ring in rings
    ]
