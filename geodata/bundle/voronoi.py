"""Approximate wards and school districts: Voronoi cells of towns and of schools."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import geopandas as gpd
import shapely
from shapely import MultiPoint, Point, Polygon
from shapely.geometry.base import BaseGeometry

from dispatch.domain.place import LonLat
from geodata import crs
from geodata.bundle.polygon_files import sound_polygon
from geodata.bundle.radii import HULL_RATIO
from geodata.bundle.records import AreaRecord, Layer, SchoolRecord, TownRecord
from geodata.city import CityProfile

MARGIN_M = 800.0  # town points lie inside their towns: half a large harbour block


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """Days from and to which an area holds, both included; None has no end."""

    valid_from: dt.date | None = None
    valid_to: dt.date | None = None


ALWAYS = Validity()


def ward_areas(
    profile: CityProfile,
    towns: Sequence[TownRecord],
    *,
    around: Sequence[LonLat] = (),
    validity: Validity = ALWAYS,
) -> tuple[AreaRecord, ...]:
    """
    Approximate the wards by the cells of their towns, in the profile's order.

    Parameters
    ----------
    profile
        The city.
    towns
        Its towns; without any there are no wards.
    around
        Points of the towns of other municipalities: the city ends where they begin.
    validity
        When the areas hold.

    Notes
    -----
    A Voronoi cell is what lies nearer to one town's point than to any other's; the
    union over a ward follows its true border to about half a town's width. The city's
    outer edge is the concave hull of its towns (ratio `HULL_RATIO`) + `MARGIN_M`.
    """
    if not towns:
        return ()
    points = crs.points_in_plane([town.place for town in towns], profile)
    others = crs.points_in_plane(list(around), profile)
    hull = shapely.concave_hull(MultiPoint(points), ratio=HULL_RATIO).buffer(MARGIN_M)
    cells_of_ward: defaultdict[str, list[BaseGeometry]] = defaultdict(list)
    cells = _cells([*points, *others], hull)[: len(points)]
    for town, cell in zip(towns, cells, strict=True):
        cells_of_ward[town.ward_code].append(cell)
    wards = [ward for ward in profile.wards if ward.code in cells_of_ward]
    shapes = [
        shapely.union_all(cells_of_ward[ward.code]).intersection(hull) for ward in wards
    ]
    return tuple(
        AreaRecord(
            layer=Layer.WARDS,
            id=ward.code,
            name=ward.name,
            ward_code=ward.code,
            geometry=shape,
            valid_from=validity.valid_from,
            valid_to=validity.valid_to,
        )
        for ward, shape in zip(wards, _in_degrees(shapes, profile), strict=True)
        if not shape.is_empty
    )


def district_areas(
    profile: CityProfile,
    wards: Sequence[AreaRecord],
    schools: Iterable[SchoolRecord],
    *,
    validity: Validity = ALWAYS,
) -> tuple[AreaRecord, ...]:
    """
    Approximate each district by the cell of its active school inside its ward.

    Districts are in the order of wards as the schools first name them. A school gets
    none when its ward has no shape, or an earlier school stands at the same point.
    """
    shape_of = {
        ward.id: shape
        for ward, shape in zip(wards, in_plane(wards, profile), strict=True)
    }
    schools_of_ward: defaultdict[str, list[SchoolRecord]] = defaultdict(list)
    for school in schools:
        if school.active and school.ward_code in shape_of:
            schools_of_ward[school.ward_code].append(school)
    owners: list[SchoolRecord] = []
    shapes: list[BaseGeometry] = []
    for code, own_schools in schools_of_ward.items():
        points = crs.points_in_plane([one.place for one in own_schools], profile)
        for school, cell in zip(
            own_schools, _cells(points, shape_of[code]), strict=True
        ):
            shape = sound_polygon(cell.intersection(shape_of[code]))
            if shape is not None:
                owners.append(school)
                shapes.append(shape)
    return tuple(
        AreaRecord(
            layer=Layer.DISTRICTS,
            id=school.id,
            name=school.short_name,
            ward_code=school.ward_code,
            geometry=shape,
            valid_from=validity.valid_from,
            valid_to=validity.valid_to,
        )
        for school, shape in zip(owners, _in_degrees(shapes, profile), strict=True)
    )


def in_plane(areas: Sequence[AreaRecord], profile: CityProfile) -> list[BaseGeometry]:
    """Shapes of areas in the city's plane, metres, in the given order."""
    shapes = [area.geometry for area in areas]
    degrees = gpd.GeoSeries(shapes, crs=profile.geographic_epsg)
    return list(crs.to_plane(degrees, profile))


def _in_degrees(shapes: list[BaseGeometry], profile: CityProfile) -> list[BaseGeometry]:
    return list(crs.to_degrees(crs.plane_series(shapes, profile), profile))


def _cells(points: Sequence[Point], around: BaseGeometry) -> list[BaseGeometry]:
    """Voronoi cell of each point, in order; the later of two equal ones gets none."""
    first_of = {point.wkb: index for index, point in reversed(list(enumerate(points)))}
    firsts = sorted(first_of.values())
    if len(firsts) == 1:
        cells = {firsts[0]: shapely.box(*around.bounds)}
    else:
        voronoi = shapely.voronoi_polygons(
            MultiPoint([points[index] for index in firsts]),
            extend_to=around.envelope,
            ordered=True,
        )
        cells = dict(zip(firsts, voronoi.geoms, strict=True))
    return [cells.get(index, Polygon()) for index in range(len(points))]
