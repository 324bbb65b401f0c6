"""Proofs on areas of one layer: no overlaps, no holes, each inside its ward."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from dispatch.domain.place import LonLat
from geodata import crs
from geodata.bundle.polygon_files import sound_polygon
from geodata.bundle.records import AreaRecord
from geodata.bundle.voronoi import in_plane
from geodata.city import CityProfile

OVERLAP_M2 = 1.0
GAP_M2 = 100.0  # a small house's plot
# Published borders keep six decimals (0.1 m): a corner that was rounded off its
# neighbour's line leaves a sliver. The OSM wards of Osaka have one, 268 m long, 11 mm
# wide on average, 3.05 m2. What is thinner than this on average is no claim to ground.
SLIVER_M = 0.2
STRAY_SHARE = 0.01
Shapes = NDArray[np.object_]
_ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Overlap:
    """Two areas that claim the same ground."""

    a: AreaRecord
    b: AreaRecord
    area_m2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Ground that areas enclose and none of them claims; `place` lies in it."""

    place: LonLat
    area_m2: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stray:
    """An area of which some lies outside the ward that it belongs to."""

    area: AreaRecord
    outside_m2: float
    share: float


def periods(areas: Sequence[AreaRecord]) -> tuple[dt.date, ...]:
    """
    First day of every period in which the same areas hold, in order.

    The first is `date.min`, for what holds before any dated change.
    """
    starts = {area.valid_from for area in areas if area.valid_from is not None}
    ends = {area.valid_to for area in areas if area.valid_to is not None}
    changes = starts | {day + _ONE_DAY for day in ends if day < dt.date.max}
    return (dt.date.min, *sorted(changes - {dt.date.min}))


def overlaps(
    areas: Sequence[AreaRecord],
    profile: CityProfile,
    *,
    tolerance_m2: float = OVERLAP_M2,
) -> tuple[Overlap, ...]:
    """
    Pairs of areas whose common ground is larger than the tolerance, worst first.

    Slivers (`SLIVER_M`) do not count. Areas must be in force on one day: a district
    and what it was before overlap.
    """
    shapes = _sound(areas, profile)
    left, right = STRtree(shapes).query(shapes, predicate="intersects")
    pairs = left < right
    left, right = left[pairs], right[pairs]
    common_m2 = _wide_m2(shapely.intersection(shapes[left], shapes[right]))
    found = [
        Overlap(a=areas[int(one)], b=areas[int(other)], area_m2=float(area_m2))
        for one, other, area_m2 in zip(left, right, common_m2, strict=True)
        if area_m2 > tolerance_m2
    ]
    return tuple(sorted(found, key=lambda pair: -pair.area_m2))


def gaps(
    areas: Sequence[AreaRecord], profile: CityProfile, *, min_m2: float = GAP_M2
) -> tuple[Gap, ...]:
    """
    Holes in the union of areas that are larger than `min_m2`, largest first.

    Slivers (`SLIVER_M`) do not count. A gap that is open to the outside is no hole: it
    cannot be told from the coast.
    """
    union = shapely.union_all(_sound(areas, profile))
    rings = [ring for part in shapely.get_parts(union) for ring in part.interiors]
    holes = shapely.polygons(rings) if rings else np.empty(0, dtype=object)
    large = holes[_wide_m2(holes) > min_m2]
    inside = crs.plane_series([hole.representative_point() for hole in large], profile)
    found = [
        Gap(place=LonLat(point.x, point.y), area_m2=float(hole.area))
        for hole, point in zip(large, crs.to_degrees(inside, profile), strict=True)
    ]
    return tuple(sorted(found, key=lambda gap: -gap.area_m2))


def strays(
    areas: Sequence[AreaRecord],
    wards: Sequence[AreaRecord],
    profile: CityProfile,
    *,
    min_share: float = STRAY_SHARE,
) -> tuple[Stray, ...]:
    """
    Areas of which more than a share lies outside their own ward, worst first.

    One whose ward has no shape is left out: nothing is known of it.
    """
    shape_of = {
        ward.id: shape
        for ward, shape in zip(wards, _sound(wards, profile), strict=True)
    }
    found = []
    for area, shape in zip(areas, _sound(areas, profile), strict=True):
        ward = shape_of.get(area.ward_code)
        if ward is not None:
            outside_m2 = float(shapely.difference(shape, ward).area)
            share = outside_m2 / shape.area
            if share > min_share:
                found.append(Stray(area=area, outside_m2=outside_m2, share=share))
    return tuple(sorted(found, key=lambda stray: -stray.share))


def _wide_m2(shapes: Shapes) -> NDArray[np.float64]:
    """Area of the parts of each shape that are no slivers."""
    parts, owners = shapely.get_parts(shapes, return_index=True)
    area_m2, around_m = shapely.area(parts), shapely.length(parts)
    # A strip is half its outline long, so that its mean width is area / (outline / 2).
    wide = 2 * area_m2 > SLIVER_M * around_m
    total_m2 = np.zeros(len(shapes), dtype=np.float64)
    np.add.at(total_m2, owners[wide], area_m2[wide])
    return total_m2


def _sound(areas: Sequence[AreaRecord], profile: CityProfile) -> Shapes:
    """Shapes in the plane; valid degrees may touch themselves after reprojection."""
    shapes: list[BaseGeometry] = [
        sound_polygon(shape) or shape for shape in in_plane(areas, profile)
    ]
    return np.array(shapes, dtype=object)
