"""Lines along roads for maps and sheets: legs, closures, thinned and packed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from dispatch.domain.errors import InvalidInputError
from dispatch.domain.travel import TravelLevel

LonLat = tuple[float, float]
Path = tuple[LonLat, ...]

METRES_PER_DEGREE = 111_320.0  # of latitude, on a sphere: good for drawing only
# About one pixel at zoom 15, and little more than a lane: no bend is lost.
_THIN_M = 4.0
_SCALE = 100_000  # five decimals, about one metre
_LINE_FROM = 2  # a line needs two ends


@dataclass(frozen=True, slots=True, kw_only=True)
class MapLeg:
    """
    The way from one stop to the next, and how well it is known.

    `path` is (lon, lat) along the road. With fewer than two places it is not drawn.
    """

    path: Path
    level: TravelLevel

    @property
    def is_straight(self) -> bool:
        """Whether the line is no road but a straight line."""
        return self.level is TravelLevel.STRAIGHT_LINE


@dataclass(frozen=True, slots=True, kw_only=True)
class MapClosure:
    """
    Roads that are shut (通行規制), in words ready to show; any text may be hostile.

    Parameters
    ----------
    name, reason_text, until_text
        As 「淀川大橋」, 「工事」 and 「11月30日 17:00まで」.
    lines
        The shut stretches of road.
    ring
        Corners of the shut area, when it is one.
    """

    name: str
    reason_text: str
    until_text: str
    lines: tuple[Path, ...]
    ring: Path | None

    @property
    def encloses(self) -> bool:
        """Whether the ring has enough corners to be an area."""
        return self.ring is not None and len(self.ring) > _LINE_FROM


def require_legs(legs: Sequence[object], stops: Sequence[object]) -> None:
    """
    Refuse legs that do not join the base, every stop and the base again.

    Raises
    ------
    InvalidInputError
        When there are legs, but not one more than there are stops.
    """
    if legs and len(legs) != len(stops) + 1:
        raise InvalidInputError("legs", "区間の数が立寄りの数に合いません")


def drawable(paths: Sequence[Path]) -> list[Path]:
    """Leave out what has no two ends."""
    return [path for path in paths if len(path) >= _LINE_FROM]


def packed(path: Path) -> list[int]:
    """
    Thin a path of two places or more and write it as short integers.

    Returns
    -------
    list[int]
        Latitude and longitude of the first place in 0.00001 degrees, then the steps
        to each next one: what `kd.path` reads in the browser.
    """
    metres, scale = _metres(path)
    thin = shapely.simplify(shapely.linestrings(metres), _THIN_M)
    lonlat = shapely.get_coordinates(thin) / scale
    corners = np.rint(lonlat[:, ::-1] * _SCALE).astype(int)
    steps = np.vstack([corners[:1], np.diff(corners, axis=0)])
    return [int(step) for step in steps.ravel()]


def sign_place(closure: MapClosure) -> LonLat | None:
    """Inside of the area, or middle of the longest line; None without either."""
    if closure.encloses:
        shape = shapely.make_valid(shapely.Polygon(closure.ring))
        inside = shapely.point_on_surface(shape)
        return (inside.x, inside.y)
    lines = drawable(closure.lines)
    if not lines:
        return None
    drawn = [
        (shapely.linestrings(metres), scale) for metres, scale in map(_metres, lines)
    ]
    line, scale = max(drawn, key=lambda entry: float(shapely.length(entry[0])))
    middle = shapely.line_interpolate_point(line, 0.5, normalized=True)
    lon, lat = shapely.get_coordinates(middle)[0] / scale
    return (float(lon), float(lat))


def _metres(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Turn degrees into metres east and north, and tell the factors."""
    lonlat = np.asarray(path, dtype=np.float64)
    shrunk = math.cos(math.radians(float(lonlat[0, 1])))
    scale = np.array((shrunk, 1.0)) * METRES_PER_DEGREE
    return lonlat * scale, scale
