"""Areas of the city as maps show them on a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import shapely

from geodata.bundle.records import AreaRecord, Layer
from geodata.bundle.store import Bundle


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


def areas_on(bundle: Bundle, day: dt.date) -> CityAreas:
    """Take the areas of a day out of a bundle."""
    every_district = bundle.areas(Layer.DISTRICTS)
    shown = (Layer.WARDS, Layer.DISTRICTS)
    return CityAreas(
        wards=bundle.areas(Layer.WARDS, day),
        districts=bundle.areas(Layer.DISTRICTS, day),
        district_names={area.id: area.name for area in every_district},
        is_approximate=any(bundle.is_approximate(layer) for layer in shown),
    )


def outer_rings(area: AreaRecord) -> list[tuple[tuple[float, float], ...]]:
    """Outlines of an area, one for each of its parts, degrees (lon, lat)."""
    rings = shapely.get_exterior_ring(shapely.get_parts(area.geometry))
    return [
        tuple((float(x), float(y)) for x, y in shapely.get_coordinates(ring))
        for ring in rings
    ]
