"""What the area index answers: the areas of a point, their borders, the neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from geodata.bundle.records import Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedArea:
    """An area by its id (a ward's code) and name; the name is empty when unknown."""

    id: str
    name: str


class AreaSigns(NamedTuple):
    """
    What a list of places needs of its areas.

    `ward_code` and `district_id` are empty where there is none; `neighbour_ward` is the
    code of the `neighbour` of an `AreasAnswer`, `is_district_sure` as there.
    """

    ward_code: str
    district_id: str
    neighbour_ward: str
    is_district_sure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AreasAnswer:
    """
    Areas of a point on a day.

    Parameters
    ----------
    layers
        Area layers with polygons in force that day. An area that is None is "not
        available" when its layer is missing here; else the point is outside all.
    ward
        The ward that was stated, else the one at the point.
    district, community
        School district (校区) and community (地域) at the point; of a stated ward, also
        its nearest within about 1 km.
    office_id
        Works office of the ward that day; empty when none is known.
    border_m
        Distance to the nearest border of the ward, metres, from inside or outside;
        None without the ward's polygon.
    neighbour
        Nearest other ward not farther than the point's radius, or 25 m if that is more;
        the ward at the point itself when another one was stated.
    district_border_m
        Distance to the nearest border of the district, metres; None without one.
    neighbour_districts
        Other districts that the circle around the point touches, nearest first; of the
        stated ward only when one was stated.
    is_district_sure
        Whether the point lies in its district and the circle touches no other one.
    """

    layers: frozenset[Layer] = frozenset()
    ward: NamedArea | None = None
    district: NamedArea | None = None
    community: NamedArea | None = None
    office_id: str = ""
    border_m: float | None = None
    neighbour: NamedArea | None = None
    district_border_m: float | None = None
    neighbour_districts: tuple[NamedArea, ...] = ()
    is_district_sure: bool = False
