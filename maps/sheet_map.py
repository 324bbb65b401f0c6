"""
The overview map of one route, drawn as SVG for black-and-white paper.

Drawn from our own vectors in a local equirectangular projection: this is a drawing,
not a reprojection of data. Where no road is known between two stops the line is
straight, dashed, and the map says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from maps.road_lines import METRES_PER_DEGREE, LonLat, MapClosure, MapLeg, drawable
from maps.sheet_roads import (
    DrawnClosure,
    DrawnLeg,
    closure_crosses,
    closure_legend,
    closure_stripes,
    drawn_closure,
    drawn_leg,
    route_halos,
    route_lines,
)
from maps.sheet_signs import (
    FONT_SIZE,
    STOP_RADIUS,
    base_label,
    centred_text,
    furniture,
    house,
    leaders,
    legend_room,
    numbered_stops,
    path_data,
    text_width,
)

UNIT_PER_MM = 10.0
RING_FROM_M = 150.0
# Room for the scale bar, the north arrow and the mark at the lower edge.
PADDING = (70.0, 75.0, 70.0, 95.0)
SMALLEST_SPAN_M = 800.0
RING_CORNERS = 3  # fewer corners enclose nothing
NUDGE_ROUNDS = 120
ENOUGH_ROOM = 90.0
NAME_CARE = 10.0  # a name keeps this clear of the route, give or take
FONT = "'BIZ UDPGothic','Yu Gothic UI','Noto Sans JP',sans-serif"


@dataclass(frozen=True, slots=True, kw_only=True)
class MapStop:
    """One numbered stop; `radius_m` is how uncertain its place is."""

    order: int
    lon: float
    lat: float
    radius_m: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetMap:
    """
    What the map of one sheet shows.

    Parameters
    ----------
    base
        (lon, lat) of the depot where the route starts and ends.
    stops
        Stops in the order of travel.
    legs
        The ways depot → first stop, …, last stop → depot; none: straight lines.
    closures
        Roads that are shut (通行規制); shown as far as they lie inside the frame.
    wards
        (name, ring) of each ward; a name may come more than once.
    place_labels
        (text, (lon, lat)) of further names, such as school districts.
    estimated_text, base_text, closures_text, more_text
        The words for "straight lines, estimated", for the depot, for closures, and
        with `{n}` for "n others".
    """

    base: LonLat
    stops: tuple[MapStop, ...]
    legs: tuple[MapLeg, ...] = ()
    closures: tuple[MapClosure, ...] = ()
    wards: tuple[tuple[str, tuple[LonLat, ...]], ...] = ()
    place_labels: tuple[tuple[str, LonLat], ...] = ()
    estimated_text: str = "推定(直線)"
    base_text: str = "基地"
    closures_text: str = "通行規制"
    more_text: str = "ほか{n}件"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """Size of the drawing and the projection that fills it (units of 0.1 mm)."""

    width: float
    height: float
    lon_0: float
    lat_0: float
    units_per_m: float
    centre: tuple[float, float]

    def project(self, places: Sequence[LonLat]) -> NDArray[np.float64]:
        """Turn (lon, lat) in degrees into (x, y) on the drawing, y downwards."""
        lonlat = np.asarray(places, dtype=np.float64).reshape(-1, 2)
        scale = METRES_PER_DEGREE * self.units_per_m
        x = (lonlat[:, 0] - self.lon_0) * math.cos(math.radians(self.lat_0)) * scale
        y = (self.lat_0 - lonlat[:, 1]) * scale
        return np.column_stack((x + self.centre[0], y + self.centre[1]))


def sheet_map_svg(
    sheet_map: SheetMap, *, width_mm: float = 190.0, height_mm: float = 96.0
) -> str:
    """
    Draw the overview map of one route.

    Parameters
    ----------
    sheet_map
        Depot, stops in order, ward rings and words; any text may be hostile.
    width_mm, height_mm
        Size on paper.

    Returns
    -------
    str
        An SVG document: grey ward lines, the route with arrows, dashed where it is
        straight, shut roads striped with ✕, the depot as a house, numbered stops, a
        dashed ring where the place is uncertain, scale bar, north arrow and, where a
        line is straight, the mark that says so.
    """
    frame = _fit(sheet_map, width_mm * UNIT_PER_MM, height_mm * UNIT_PER_MM)
    base = frame.project([sheet_map.base])
    true = frame.project([(stop.lon, stop.lat) for stop in sheet_map.stops])
    legs = _legs(sheet_map, frame)
    closures = _closures(sheet_map, frame)
    drawn = _nudged(true, base[0], frame)
    route = [shapely.LineString(leg.points) for leg in legs]
    signs = shapely.MultiPoint(np.vstack((base, true, drawn)))
    straight = any(not leg.is_road for leg in legs)
    parts = [
        *_wards(sheet_map, frame, shapely.GeometryCollection([*route, signs])),
        *_place_labels(sheet_map, frame),
        *_rings(sheet_map, frame, true),
        route_halos(legs),
        *closure_stripes(closures),
        *route_lines(legs),
        *closure_crosses(closures),
        *leaders(true, drawn),
        house(base[0]),
        *numbered_stops([stop.order for stop in sheet_map.stops], drawn),
        base_label(
            sheet_map.base_text, base[0], drawn, size=(frame.width, frame.height)
        ),
        *_lower_edge(
            sheet_map, frame, closures, sheet_map.estimated_text if straight else ""
        ),
    ]
    size = f"{frame.width:.0f} {frame.height:.0f}"
    clip = f'<rect width="{frame.width:.0f}" height="{frame.height:.0f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" '
        f'width="{width_mm:g}mm" height="{height_mm:g}mm" font-family="{FONT}" '
        f'font-size="{FONT_SIZE:g}"><defs><clipPath id="frame">{clip}/></clipPath>'
        f'</defs><g clip-path="url(#frame)">{"".join(parts)}</g>'
        f'{clip} fill="none" stroke="#000" stroke-width="3"/></svg>'
    )


def _fit(sheet_map: SheetMap, width: float, height: float) -> _Frame:
    """Choose the scale at which depot, stops and ways between fit, north up."""
    places = [sheet_map.base, *((stop.lon, stop.lat) for stop in sheet_map.stops)]
    places += [place for leg in sheet_map.legs for place in leg.path]
    lonlat = np.asarray(places, dtype=np.float64)
    low, high = lonlat.min(axis=0), lonlat.max(axis=0)
    lon_0, lat_0 = ((low + high) / 2).tolist()
    span = (high - low) * METRES_PER_DEGREE
    span_x_m = max(span[0] * math.cos(math.radians(lat_0)), SMALLEST_SPAN_M)
    span_y_m = max(span[1], SMALLEST_SPAN_M)
    left, top, right, bottom = PADDING
    return _Frame(
        width=width,
        height=height,
        lon_0=lon_0,
        lat_0=lat_0,
        units_per_m=min(
            (width - left - right) / span_x_m, (height - top - bottom) / span_y_m
        ),
        centre=((left + width - right) / 2, (top + height - bottom) / 2),
    )


def _legs(sheet_map: SheetMap, frame: _Frame) -> list[DrawnLeg]:
    """Put the ways on the drawing; straight lines where none are given."""
    if sheet_map.legs:
        return [
            drawn_leg(frame.project(leg.path), is_road=not leg.is_straight)
            for leg in sheet_map.legs
            if drawable([leg.path])
        ]
    stops = [(stop.lon, stop.lat) for stop in sheet_map.stops]
    if not stops:
        return []
    return [
        drawn_leg(frame.project(pair), is_road=False)
        for pair in pairwise([sheet_map.base, *stops, sheet_map.base])
    ]


def _closures(sheet_map: SheetMap, frame: _Frame) -> list[DrawnClosure]:
    """Put on the drawing what lies inside the frame of each closure."""
    size = (frame.width, frame.height)
    seen = (
        drawn_closure(closure, project=frame.project, size=size)
        for closure in sheet_map.closures
    )
    return [closure for closure in seen if closure is not None]


def _lower_edge(
    sheet_map: SheetMap,
    frame: _Frame,
    closures: Sequence[DrawnClosure],
    estimated: str,
) -> list[str]:
    """Draw scale bar, north, mark of straight lines and the names of closures."""
    size = (frame.width, frame.height)
    parts = [furniture(estimated, size=size, units_per_m=frame.units_per_m)]
    if closures:
        parts.append(
            closure_legend(
                closures,
                heading=sheet_map.closures_text,
                more=sheet_map.more_text,
                room=legend_room(estimated, size=size, units_per_m=frame.units_per_m),
            )
        )
    return parts


def _nudged(
    true: NDArray[np.float64], base: NDArray[np.float64], frame: _Frame
) -> NDArray[np.float64]:
    """Move circles apart until none covers another or the depot."""
    drawn = true.copy()
    reach = 2 * STOP_RADIUS + 6
    # Stops at one address have no direction to part in: the golden angle gives one.
    turns = np.arange(len(true)) * 2.399963
    drawn += np.column_stack((np.cos(turns), np.sin(turns)))
    left, top, right, bottom = PADDING
    lowest = np.array((left / 2, top / 2 + 6))
    highest = np.array((frame.width - right / 2, frame.height - bottom + 20))
    for _ in range(NUDGE_ROUNDS):
        away = drawn[:, None, :] - drawn[None, :, :]
        push = _push(away, reach).sum(axis=1) / 2
        push += _push(drawn[:, None, :] - base[None, None, :], reach)[:, 0, :]
        if not push.any():
            break
        drawn = np.clip(drawn + push, lowest, highest)
    return drawn


def _push(away: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """Give the step that brings each pair up to `reach` apart."""
    distance = np.hypot(away[..., 0], away[..., 1])
    short = np.where((distance > 0) & (distance < reach), reach - distance, 0.0)
    unit = away / np.where(distance > 0, distance, 1.0)[..., None]
    return np.asarray(unit * short[..., None] * 0.6)


def _wards(sheet_map: SheetMap, frame: _Frame, busy: BaseGeometry) -> list[str]:
    """Draw ward outlines as hairlines, and each name once where there is room."""
    window = (-5.0, -5.0, frame.width + 5, frame.height + 5)
    lines: list[str] = []
    largest: dict[str, BaseGeometry] = {}
    for name, ring in sheet_map.wards:
        if len(ring) < RING_CORNERS:
            continue
        shape = shapely.make_valid(shapely.Polygon(_thinned(frame.project(ring))))
        seen = shapely.clip_by_rect(shape, *window)
        if seen.is_empty:
            continue
        lines.extend(
            path_data(shapely.get_coordinates(line))
            for polygon in shapely.get_parts(seen)
            for line in shapely.get_parts(polygon.boundary)
        )
        if name not in largest or seen.area > largest[name].area:
            largest[name] = seen
    outline = "".join(lines)
    drawing = [f'<path d="{outline}" fill="none" stroke="#999" stroke-width="2.5"/>']
    for name, shape in largest.items():
        drawing += _ward_name(name, shape, frame, busy)
    return drawing


def _thinned(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Drop points that the print cannot tell apart (0.2 mm steps)."""
    rounded = np.round(points / 2) * 2
    kept = np.ones(len(rounded), dtype=bool)
    kept[1:] = (rounded[1:] != rounded[:-1]).any(axis=1)
    thin = rounded[kept]
    return thin if len(thin) > 2 else points  # noqa: PLR2004 - a ring needs three


def _ward_name(
    name: str, shape: BaseGeometry, frame: _Frame, busy: BaseGeometry
) -> list[str]:
    """Put a ward's name in its own area, as far from the route as it can be."""
    half = text_width(name) / 2
    x = np.arange(half + 15, frame.width - half - 100, 40.0)
    y = np.arange(45.0, frame.height - 110, 40.0)
    spots = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    shapely.prepare(shape)
    ends = [
        shapely.contains_xy(shape, spots + np.array((side, 0.0)))
        for side in (-half, half)
    ]
    spots = spots[ends[0] & ends[1]]
    if not len(spots):
        return []
    # The name is wider than high, so what lies beside it is nearer than it looks.
    narrow = np.array((1 / (1 + half / 40), 1.0))
    crowd = shapely.transform(shapely.simplify(busy, NAME_CARE), narrow.__mul__)
    clear = shapely.distance(shapely.points(spots * narrow), crowd)
    middle = shapely.get_coordinates(shape.centroid)[0]
    off = np.hypot(*(spots - middle).T)
    # Clear of the route first, then near the middle of what is seen of the ward.
    best = int((np.minimum(clear, ENOUGH_ROOM) - 0.05 * off).argmax())
    if clear[best] < FONT_SIZE:
        return []
    return [centred_text(spots[best], name, 'fill="#666"')]


def _place_labels(sheet_map: SheetMap, frame: _Frame) -> list[str]:
    """Write the further names where they lie."""
    return [
        centred_text(frame.project([place])[0], text, 'fill="#777"')
        for text, place in sheet_map.place_labels
    ]


def _rings(sheet_map: SheetMap, frame: _Frame, true: NDArray[np.float64]) -> list[str]:
    """Draw a dashed ring around each place that is known only roughly."""
    return [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" '
        f'r="{max(stop.radius_m * frame.units_per_m, STOP_RADIUS + 14):.1f}" '
        'fill="none" stroke="#000" stroke-width="3.5" stroke-dasharray="12 9"/>'
        for stop, (x, y) in zip(sheet_map.stops, true, strict=True)
        if stop.radius_m > RING_FROM_M
    ]
