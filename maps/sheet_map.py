"""
The overview map of one route, drawn as SVG for black-and-white paper.

Drawn from our own vectors in a local equirectangular projection: this is a drawing,
not a reprojection of data. The lines between stops are straight and say so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


UNIT_PER_MM = 10.0
RING_FROM_M = 150.0
METRES_PER_DEGREE = 111_320.0
STOP_RADIUS = 32.0
# 10.2 pt: the sheet's smallest allowed size is 10 pt, and 1 unit is 0.1 mm.
FONT_SIZE = 36.0
# Room for the scale bar, the north arrow and the mark at the lower edge.
PADDING = (70.0, 75.0, 70.0, 95.0)
SMALLEST_SPAN_M = 800.0
NUDGE_ROUNDS = 120
ARROW_FROM = 110.0
SCALE_STEPS_M = (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
FONT = "'BIZ UDPGothic','Yu Gothic UI','Noto Sans JP',sans-serif"

LonLat = tuple[float, float]


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
    wards
        (name, ring) of each ward; a name may come more than once.
    place_labels
        (text, (lon, lat)) of further names, such as school districts.
    estimated_text, base_text
        The words for "straight lines, estimated" and for the depot.
    """

    base: LonLat
    stops: tuple[MapStop, ...]
    wards: tuple[tuple[str, tuple[LonLat, ...]], ...] = ()
    place_labels: tuple[tuple[str, LonLat], ...] = ()
    estimated_text: str = "推定(直線)"
    base_text: str = "基地"


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
        An SVG document: grey ward lines, the route dashed with arrows, the depot as
        a house, numbered stops, a dashed ring where the place is uncertain, scale
        bar, north arrow and the mark that the lines are straight.
    """
    frame = _fit(sheet_map, width_mm * UNIT_PER_MM, height_mm * UNIT_PER_MM)
    base = frame.project([sheet_map.base])
    true = frame.project([(stop.lon, stop.lat) for stop in sheet_map.stops])
    route = np.vstack((base, true, base)) if len(true) else base
    drawn = _nudged(true, base[0], frame)
    parts = [
        *_wards(sheet_map, frame, np.vstack((route, drawn))),
        *_place_labels(sheet_map, frame),
        *_rings(sheet_map, frame, true),
        *_route(route),
        *_leaders(true, drawn),
        _house(base[0]),
        *_stops(sheet_map.stops, drawn),
        _base_label(base[0], drawn, sheet_map.base_text, frame),
        *_furniture(frame, sheet_map.estimated_text),
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
    """Choose the scale at which the depot and every stop fit, north up."""
    places = [sheet_map.base, *((stop.lon, stop.lat) for stop in sheet_map.stops)]
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


def _wards(sheet_map: SheetMap, frame: _Frame, busy: NDArray[np.float64]) -> list[str]:
    """Draw ward outlines as hairlines, and each name once where there is room."""
    window = (-5.0, -5.0, frame.width + 5, frame.height + 5)
    lines: list[str] = []
    largest: dict[str, shapely.Geometry] = {}
    for name, ring in sheet_map.wards:
        if len(ring) < 3:  # noqa: PLR2004 - fewer points enclose nothing
            continue
        shape = shapely.make_valid(shapely.Polygon(_thinned(frame.project(ring))))
        seen = shapely.clip_by_rect(shape, *window)
        if seen.is_empty:
            continue
        lines.extend(
            _path(shapely.get_coordinates(line))
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
    name: str, shape: shapely.Geometry, frame: _Frame, busy: NDArray[np.float64]
) -> list[str]:
    """Put a ward's name in its own area, as far from the route as it can be."""
    half = len(name) * FONT_SIZE / 2
    x = np.arange(half + 15, frame.width - half - 15, 40.0)
    y = np.arange(45.0, frame.height - 110, 40.0)
    spots = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    shapely.prepare(shape)
    ends = [shapely.contains_xy(shape, spots + (side, 0)) for side in (-half, half)]
    spots = spots[ends[0] & ends[1]]
    if not len(spots):
        return []
    # The name is wider than high, so what lies beside it is nearer than it looks.
    away = (spots[:, None, :] - _along(busy)[None, :, :]) / (1 + half / 40, 1)
    clear = np.hypot(away[..., 0], away[..., 1]).min(axis=1)
    best = int(clear.argmax())
    if clear[best] < FONT_SIZE:
        return []
    return [_text(spots[best], name, 'fill="#666"')]


def _along(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sample the line through the points, eight steps to a segment."""
    steps = np.linspace(0, 1, 8, endpoint=False)[None, :, None]
    between = points[:-1, None, :] * (1 - steps) + points[1:, None, :] * steps
    return np.vstack((between.reshape(-1, 2), points[-1:]))


def _place_labels(sheet_map: SheetMap, frame: _Frame) -> list[str]:
    """Write the further names where they lie."""
    return [
        _text(frame.project([place])[0], text, 'fill="#777"')
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


def _route(route: NDArray[np.float64]) -> list[str]:
    """Draw the line of travel with a white halo, dashes and arrows."""
    if len(route) < 2:  # noqa: PLR2004 - a line needs two ends
        return []
    line = f'<path d="{_path(route)}" fill="none" stroke-linejoin="round" '
    parts = [
        f'{line}stroke="#fff" stroke-width="18"/>',
        f'{line}stroke="#000" stroke-width="6" stroke-dasharray="24 10"/>',
    ]
    for start, end in zip(route[:-1], route[1:], strict=True):
        length = math.dist(start, end)
        if length >= ARROW_FROM:
            x, y = start + (end - start) * (0.5 + 8 / length)
            turn = math.degrees(math.atan2(end[1] - start[1], end[0] - start[0]))
            parts.append(
                f'<path d="M20 0L-18 -17L-10 0L-18 17Z" fill="#000" stroke="#fff" '
                f'stroke-width="4" transform="translate({x:.1f} {y:.1f}) '
                f'rotate({turn:.1f})"/>'
            )
    return parts


def _leaders(true: NDArray[np.float64], drawn: NDArray[np.float64]) -> list[str]:
    """Join each moved circle to its true point."""
    parts = []
    for (x_1, y_1), (x_2, y_2) in zip(true, drawn, strict=True):
        if math.hypot(x_2 - x_1, y_2 - y_1) > STOP_RADIUS / 2:
            end = f'x1="{x_1:.1f}" y1="{y_1:.1f}" x2="{x_2:.1f}" y2="{y_2:.1f}"'
            parts += [
                f'<line {end} stroke="#fff" stroke-width="9"/>',
                f'<line {end} stroke="#000" stroke-width="3"/>',
                f'<circle cx="{x_1:.1f}" cy="{y_1:.1f}" r="9" stroke="#fff" '
                'stroke-width="3"/>',
            ]
    return parts


def _house(base: NDArray[np.float64]) -> list[str]:
    """Draw the depot as a black house with a white halo."""
    x, y = base
    return [
        '<path d="M0 -34L34 -4L24 -4L24 28L-24 28L-24 -4L-34 -4Z" fill="#000" '
        f'stroke="#fff" stroke-width="6" transform="translate({x:.1f} {y:.1f})"/>'
    ]


def _stops(stops: Sequence[MapStop], drawn: NDArray[np.float64]) -> list[str]:
    """Draw the numbered circles, the first stops on top."""
    marks = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{STOP_RADIUS:g}" fill="#fff" '
        f'stroke="#000" stroke-width="4.5"/><text x="{x:.1f}" y="{y + 14:.1f}" '
        f'text-anchor="middle" font-size="40" font-weight="700">{stop.order:d}</text>'
        for stop, (x, y) in zip(stops, drawn, strict=True)
    ]
    return marks[::-1]


def _base_label(
    base: NDArray[np.float64], drawn: NDArray[np.float64], text: str, frame: _Frame
) -> str:
    """Write the depot's word on the side of the house with most room."""
    reach = 45 + len(text) * FONT_SIZE / 2
    spots = [base + step for step in ((0, 76), (0, -50), (reach, 14), (-reach, 14))]
    inside = [
        reach < x < frame.width - reach and 40 < y < frame.height - 100
        for x, y in spots
    ]
    room = [
        (ok, np.hypot(*(drawn - spot + (0, 14)).T).min(initial=np.inf))
        for ok, spot in zip(inside, spots, strict=True)
    ]
    best = max(range(len(spots)), key=room.__getitem__)
    return _text(spots[best], text, 'font-weight="700"')


def _furniture(frame: _Frame, estimated: str) -> list[str]:
    """Draw the scale bar, the north arrow and the mark that lines are straight."""
    longest_m = frame.width * 0.28 / frame.units_per_m
    length_m = max((m for m in SCALE_STEPS_M if m <= longest_m), default=100)
    bar, y = length_m * frame.units_per_m, frame.height - 30
    words = f"{length_m / 1000:g} km"
    mark = len(estimated) * FONT_SIZE + 30
    left = frame.width - mark - 15
    return [
        f'<rect width="{bar + 170:.0f}" height="75" x="8" y="{y - 50:.0f}" '
        'fill="#fff" fill-opacity="0.85"/>',
        f'<path d="M25 {y - 18:.0f}V{y:.0f}H{bar + 25:.1f}V{y - 18:.0f}" fill="none" '
        'stroke="#000" stroke-width="5"/>',
        f'<text x="{bar + 40:.1f}" y="{y + 2:.0f}">{words}</text>',
        f'<rect x="{left:.0f}" y="{y - 38:.0f}" width="{mark:.0f}" height="54" '
        'fill="#fff" stroke="#000" stroke-width="2.5"/>',
        _text((left + mark / 2, y + 2), estimated, ""),
        f'<g transform="translate({frame.width - 50:.0f} 62)"><path d="M0 -48L20 14'
        'L0 2L-20 14Z" fill="#000" stroke="#fff" stroke-width="4"/>'
        '<text y="46" text-anchor="middle" font-weight="700">N</text></g>',
    ]


def _text(spot: Sequence[float] | NDArray[np.float64], text: str, look: str) -> str:
    """Write text centred on a spot with a white halo, its markup made harmless."""
    legal = "".join(c for c in text if c.isprintable())
    return (
        f'<text x="{spot[0]:.1f}" y="{spot[1]:.1f}" text-anchor="middle" {look} '
        f'stroke="#fff" stroke-width="7" paint-order="stroke">{escape(legal)}</text>'
    )


def _path(points: NDArray[np.float64]) -> str:
    """Write points as SVG path data."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
