"""Reference systems of the feature service: names, axis orders, boxes, coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from dispatch.domain.place import BoundingBox
from geodata.city import CityProfile
from geodata.crs import is_in_degrees, is_north_first, reprojected

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
WGS84_EPSG = 4326
WEB_MERCATOR_EPSG = 3857
DEGREE_DECIMALS = 6  # 0.1 m
METRE_DECIMALS = 2
EDGE_POINTS = 32  # a straight edge of one system is a bent one in another
HALF = 0.5 * 10**-DEGREE_DECIMALS  # what rounding may have moved a place by
MAX_LON = 180.0
MAX_METRES = 1e8  # more than twice round the Earth: no plane goes so far
OUTSIDE = "この座標系で表せる範囲の外です"

Numbers = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSystem:
    """
    A reference system that features can be asked for in.

    `epsg` is None for longitude and latitude as they are stored; `north_first` is the
    system's own axis order, which the standard keeps to.
    """

    uri: str
    epsg: int | None
    north_first: bool
    decimals: int


STORED = ReferenceSystem(
    uri=CRS84, epsg=None, north_first=False, decimals=DEGREE_DECIMALS
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReferenceSystems:
    """Reference systems of a city, by name; the stored one comes first."""

    by_uri: dict[str, ReferenceSystem]
    source_epsg: int

    @property
    def uris(self) -> list[str]:
        """Names of all of them."""
        return list(self.by_uri)

    def told(
        self, geometries: Sequence[BaseGeometry], system: ReferenceSystem
    ) -> list[BaseGeometry]:
        """Geometries in a system, in its own axis order, rounded."""
        if system.epsg is not None and geometries:
            geometries = reprojected(
                geometries, source_epsg=self.source_epsg, target_epsg=system.epsg
            )

        def written(places: NDArray[np.float64]) -> NDArray[np.float64]:
            turned = places[:, ::-1] if system.north_first else places
            return np.round(turned, system.decimals)

        return list(shapely.transform(np.array(geometries, dtype=object), written))

    def boxes(self, edges: Numbers, system: ReferenceSystem) -> tuple[BoundingBox, ...]:
        """
        Boxes in degrees of four edges as a client wrote them in a system.

        Two where the box crosses the antimeridian: its west edge is then the greater.

        Raises
        ------
        ValueError
            When the edges are no box, or lie where the system knows no place.
        """
        if system.north_first:
            south, west, north, east = edges
        else:
            west, south, east, north = edges
        if south > north:
            message = "南の端が北の端より上です"
            raise ValueError(message)
        if system.epsg is None or is_in_degrees(system.epsg):
            return _around_the_globe(west, south, east, north)
        if west > east:
            message = "左の端が右の端より右です"
            raise ValueError(message)
        return (self._in_degrees((west, south, east, north), system.epsg),)

    def _in_degrees(self, edges: Numbers, epsg: int) -> BoundingBox:
        """Box in degrees around a box in metres, whose edges bend."""
        if max(map(abs, edges)) > MAX_METRES:
            raise ValueError(OUTSIDE)
        box = shapely.box(*edges)
        longest = max(edges[2] - edges[0], edges[3] - edges[1])
        if longest > 0:
            box = shapely.segmentize(box, longest / EDGE_POINTS)
        turned = reprojected([box], source_epsg=epsg, target_epsg=self.source_epsg)[0]
        west, south, east, north = map(float, shapely.bounds(turned))
        if not np.isfinite([west, south, east, north]).all():
            raise ValueError(OUTSIDE)
        return _widened(west, south, east, north)


def _around_the_globe(
    west: float, south: float, east: float, north: float
) -> tuple[BoundingBox, ...]:
    if west <= east:
        return (_widened(west, south, east, north),)
    return (
        _widened(west, south, MAX_LON, north),
        _widened(-MAX_LON, south, east, north),
    )


def _widened(west: float, south: float, east: float, north: float) -> BoundingBox:
    """Box that also holds what a client was told to lie on its edge."""
    return BoundingBox(
        west=west - HALF, south=south - HALF, east=east + HALF, north=north + HALF
    )


def reference_systems(profile: CityProfile) -> ReferenceSystems:
    """Return the systems of a city: degrees, its own plane, and that of web maps."""
    codes = (
        WGS84_EPSG,
        profile.geographic_epsg,
        profile.plane_epsg,
        WEB_MERCATOR_EPSG,
    )
    systems = [STORED, *(_system(code) for code in dict.fromkeys(codes))]
    return ReferenceSystems(
        by_uri={system.uri: system for system in systems},
        source_epsg=profile.geographic_epsg,
    )


def _system(epsg: int) -> ReferenceSystem:
    return ReferenceSystem(
        uri=f"{EPSG}{epsg}",
        epsg=epsg,
        north_first=is_north_first(epsg),
        decimals=DEGREE_DECIMALS if is_in_degrees(epsg) else METRE_DECIMALS,
    )
