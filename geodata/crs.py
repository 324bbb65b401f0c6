"""Reprojection between degrees and the city's metric plane; the only module that does.

geopandas always answers (easting, northing) and (longitude, latitude), whatever axis
order an EPSG entry lists: EPSG:6674 lists northing first, and pyproj alone would obey.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from shapely import Point
from shapely.geometry.base import BaseGeometry

from dispatch.domain.place import LonLat
from geodata.city import CityProfile


def to_plane(geometries: gpd.GeoSeries, profile: CityProfile) -> gpd.GeoSeries:
    """Geometries in the city's plane, metres, (easting, northing)."""
    return geometries.to_crs(epsg=profile.plane_epsg)


def to_degrees(geometries: gpd.GeoSeries, profile: CityProfile) -> gpd.GeoSeries:
    """Geometries in degrees, (lon, lat), in the city's geographic system."""
    return geometries.to_crs(epsg=profile.geographic_epsg)


def points_in_plane(places: list[LonLat], profile: CityProfile) -> list[Point]:
    """Positions as points in the city's plane, in the given order."""
    degrees = gpd.GeoSeries(
        [Point(place.lon, place.lat) for place in places],
        crs=profile.geographic_epsg,
    )
    return list(to_plane(degrees, profile))


def plane_series(geometries: list[BaseGeometry], profile: CityProfile) -> gpd.GeoSeries:
    """Geometries that are in the city's plane already, with that said."""
    return gpd.GeoSeries(geometries, crs=profile.plane_epsg)


def plane_xy(
    lon: NDArray[np.float64], lat: NDArray[np.float64], profile: CityProfile
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eastings and northings in the city's plane, metres, of arrays of degrees."""
    degrees = gpd.GeoSeries(gpd.points_from_xy(lon, lat), crs=profile.geographic_epsg)
    plane = to_plane(degrees, profile)
    return plane.x.to_numpy(), plane.y.to_numpy()


def reprojected(
    geometries: Sequence[BaseGeometry], *, source_epsg: int, target_epsg: int
) -> list[BaseGeometry]:
    """
    Geometries of one reference system in another, (east, north) in both.

    What a system cannot say of a place comes out as infinity.
    """
    given = gpd.GeoSeries(list(geometries), crs=source_epsg)
    return list(given.to_crs(epsg=target_epsg))


@cache
def is_north_first(epsg: int) -> bool:
    """Whether a reference system's own axis order is latitude or northing first."""
    axes = gpd.GeoSeries([], crs=epsg).crs.axis_info
    return bool(axes[0].direction == "north")


@cache
def is_in_degrees(epsg: int) -> bool:
    """Whether a reference system counts degrees; metres otherwise."""
    return bool(gpd.GeoSeries([], crs=epsg).crs.is_geographic)
