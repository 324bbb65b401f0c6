"""Places of the city: positions, wards, school districts, offices (no polygons)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dispatch.domain.errors import InvalidInputError

EARTH_RADIUS_M = 6_371_008.8  # mean radius, IUGG (Moritz 2000, Geodetic Reference 1980)
MAX_LON = 180.0
MAX_LAT = 90.0


@dataclass(frozen=True, slots=True)
class LonLat:
    """
    A position (経緯度), JGD2011/WGS84, degrees; longitude first.

    Raises
    ------
    InvalidInputError
        When a number is not finite or lies outside the globe.
    """

    lon: float
    lat: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lon) and abs(self.lon) <= MAX_LON):
            raise InvalidInputError(
                "lon", "経度は -180 から 180 の数で指定してください"
            )
        if not (math.isfinite(self.lat) and abs(self.lat) <= MAX_LAT):
            raise InvalidInputError("lat", "緯度は -90 から 90 の数で指定してください")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundingBox:
    """A rectangle in degrees, edges included."""

    west: float
    south: float
    east: float
    north: float

    def contains(self, place: LonLat) -> bool:
        """Whether the place lies inside or on the edge."""
        return (
            self.west <= place.lon <= self.east
            and self.south <= place.lat <= self.north
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ward:
    """An administrative ward (区), or what stands for it in another city."""

    code: str
    name: str
    office_name: str = ""
    office_address: str = ""
    office_tel: str = ""
    place: LonLat | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolDistrict:
    """An elementary-school district (校区), named after its school."""

    id: str
    name: str
    ward_code: str


def place_of_numbers(lon: float, lat: float) -> tuple[LonLat, bool]:
    """
    Take a longitude and a latitude, turned round where the latitude can be none.

    Returns
    -------
    tuple of LonLat and bool
        The place, and whether the two numbers had to be turned.

    Raises
    ------
    InvalidInputError
        When no place on the globe has these numbers in either order.
    """
    if abs(lat) > MAX_LAT >= abs(lon):
        return LonLat(lat, lon), True
    return LonLat(lon, lat), False


@dataclass(frozen=True, slots=True, kw_only=True)
class WorksOffice:
    """A works office (工営所): its yard is where its teams start and end."""

    id: str
    name: str
    address: str
    tel: str
    place: LonLat
    neighbour_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerOffice:
    """An office that takes over what is not ours: parks, environment, rivers."""

    kind: str
    name: str
    address: str
    tel: str
    place: LonLat
    ward_codes: tuple[str, ...] = ()


def great_circle_m(origin: LonLat, target: LonLat) -> float:
    """
    Distance on the sphere between two places, metres.

    Haversine formula, mean Earth radius; its error against the ellipsoid is below
    0.6 % at any distance, far under the uncertainty of a straight-line travel time.
    """
    lat1, lat2 = math.radians(origin.lat), math.radians(target.lat)
    half_dlat = (lat2 - lat1) / 2
    half_dlon = math.radians(target.lon - origin.lon) / 2
    chord = (
        math.sin(half_dlat) ** 2
        + math.cos(lat1) * math.cos(lat2) * math.sin(half_dlon) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, chord)))
