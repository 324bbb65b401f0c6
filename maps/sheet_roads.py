"""Roads on the sheet's map, as SVG text: the route with its arrows, and closures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from maps.road_lines import MapClosure, Path, drawable
from maps.sheet_signs import centred_text, path_data, text_width

Points = NDArray[np.float64]

ARROW_FROM = 110.0
ARROW_EVERY = 450.0
# Two lines of 6 units, one for each direction, leave 0.8 mm of paper between them.
LEFT_BY = 7.0
THIN = 2.0  # 0.2 mm: what the print cannot tell apart
SHARP = 0.2  # cosine of the turn from which a corner is not mitred
CROSS_EVERY = 260.0
CROSS = "M-13 -13L13 13M-13 13L13 -13"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnLeg:
    """One leg on the drawing: `points` of shape (n, 2), n >= 2, in 0.1 mm."""

    points: Points
    is_road: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnClosure:
    """What the frame shows of one closure: its lines, and where its signs stand."""

    name: str
    about: str
    lines: tuple[Points, ...]
    crosses: tuple[Points, ...]


def drawn_leg(points: Points, *, is_road: bool) -> DrawnLeg:
    """Thin a leg and move it to the left of the road, as one drives here."""
    line = shapely.LineString(points).simplify(THIN)
    return DrawnLeg(points=beside(shapely.get_coordinates(line)), is_road=is_road)


def beside(points: Points, by: float = LEFT_BY) -> Points:
    """
    Move a line to its left, so that the two directions of a road lie side by side.

    Corners are mitred. Where the way turns sharply or back both ends are kept: a
    mitre would run far off.
    """
    steps = np.diff(points, axis=0)
    long = np.hypot(*steps.T)
    moves = long > 0
    if not moves.any():
        return points
    steps, long = steps[moves], long[moves]
    left = np.column_stack((steps[:, 1], -steps[:, 0])) / long[:, None]
    starts = points[:-1][moves]
    moved = [starts[0] + by * left[0]]
    for corner, before, after in zip(starts[1:], left[:-1], left[1:], strict=True):
        bend = float(before @ after)
        if bend > SHARP:
            moved.append(corner + by * (before + after) / (1 + bend))
        else:
            moved += [corner + by * before, corner + by * after]
    return np.vstack((*moved, points[-1] + by * left[-1]))


def route_halos(legs: Sequence[DrawnLeg]) -> str:
    """Keep the ground around the route white."""
    paths = "".join(path_data(leg.points) for leg in legs)
    look = 'fill="none" stroke="#fff" stroke-width="18" stroke-linejoin="round"'
    return f'<path d="{paths}" {look}/>'


def route_lines(legs: Sequence[DrawnLeg]) -> list[str]:
    """Draw roads solid and straight lines dashed, then the arrows on them."""
    parts = []
    for is_road, dash in ((True, ""), (False, ' stroke-dasharray="24 10"')):
        paths = "".join(path_data(leg.points) for leg in legs if leg.is_road is is_road)
        if paths:
            look = f'fill="none" stroke="#000" stroke-width="6"{dash}'
            parts.append(f'<path d="{paths}" {look} stroke-linejoin="round"/>')
    return parts + [arrow for leg in legs for arrow in _arrows(leg.points)]


def _arrows(points: Points) -> list[str]:
    """Arrowheads in the middle of a leg, or several on a long one."""
    line = shapely.LineString(points)
    length = line.length
    if length < ARROW_FROM:
        return []
    count = max(1, round(length / ARROW_EVERY))
    middles = (np.arange(count) + 0.5) * length / count
    # What the road does for 1.5 mm before and behind gives the direction.
    tails, heads = (
        shapely.get_coordinates(shapely.line_interpolate_point(line, middles + reach))
        for reach in (-15.0, 15.0)
    )
    arrows = []
    for (x_1, y_1), (x_2, y_2) in zip(tails, heads, strict=True):
        turn = math.degrees(math.atan2(y_2 - y_1, x_2 - x_1))
        arrows.append(
            '<path d="M20 0L-18 -17L-10 0L-18 17Z" fill="#000" stroke="#fff" '
            f'stroke-width="4" transform="translate({(x_1 + x_2) / 2:.1f} '
            f'{(y_1 + y_2) / 2:.1f}) rotate({turn:.1f})"/>'
        )
    return arrows


def drawn_closure(
    closure: MapClosure,
    *,
    project: Callable[[Path], Points],
    size: tuple[float, float],
) -> DrawnClosure | None:
    """Take what the frame shows of a closure; None when it shows nothing."""
    window = (0.0, 0.0, *size)
    strips = [shapely.LineString(project(path)) for path in drawable(closure.lines)]
    crosses = []
    if closure.encloses:
        ring = project(closure.ring or ())
        strips.append(shapely.LineString(np.vstack((ring, ring[:1]))))
        area = shapely.make_valid(shapely.Polygon(ring))
        inside = shapely.point_on_surface(shapely.clip_by_rect(area, *window))
        crosses = [shapely.get_coordinates(inside)]
    parts = shapely.get_parts(shapely.clip_by_rect(strips, *window))
    shown = [shapely.get_coordinates(part) for part in parts if not part.is_empty]
    crosses += [_cross_places(points) for points in shown]
    if not any(len(places) for places in crosses):
        return None
    return DrawnClosure(
        name=closure.name,
        about=" ".join(filter(None, (closure.reason_text, closure.until_text))),
        lines=tuple(shown),
        crosses=tuple(crosses),
    )


def _cross_places(points: Points) -> Points:
    """One in the middle of a line, several on a long one."""
    line = shapely.LineString(points)
    count = max(1, round(line.length / CROSS_EVERY))
    middles = (np.arange(count) + 0.5) * line.length / count
    return shapely.get_coordinates(shapely.line_interpolate_point(line, middles))


def closure_stripes(closures: Sequence[DrawnClosure]) -> list[str]:
    """Draw shut roads as heavy black and white stripes."""
    paths = "".join(path_data(line) for closure in closures for line in closure.lines)
    if not paths:
        return []
    look = f'<path d="{paths}" fill="none" stroke-linejoin="round" '
    return [
        f'{look}stroke="#fff" stroke-width="28"/>',
        f'{look}stroke="#000" stroke-width="20"/>',
        f'{look}stroke="#fff" stroke-width="12" stroke-dasharray="16 16"/>',
    ]


def closure_crosses(closures: Sequence[DrawnClosure]) -> list[str]:
    """Draw the ✕ of every closure, above the route: nobody may overlook it."""
    return [
        f'<g transform="translate({x:.1f} {y:.1f})" fill="none">'
        f'<path d="{CROSS}" stroke="#fff" stroke-width="17"/>'
        f'<path d="{CROSS}" stroke="#000" stroke-width="8"/></g>'
        for closure in closures
        for places in closure.crosses
        for x, y in places
    ]


def closure_legend(
    closures: Sequence[DrawnClosure],
    *,
    heading: str,
    more: str,
    room: tuple[float, float, float],
) -> str:
    """
    Name the closures that are seen, in one line at the lower edge.

    Parameters
    ----------
    heading, more
        The word for closures; words with `{n}` for those that found no room.
    room
        Left end, right end and base line on the drawing.
    """
    left, right, y = room
    mark = 62.0
    text = _legend_text(closures, heading, more, widest=right - left - mark - 18)
    wide = text_width(text)
    return (
        f'<rect x="{left:.0f}" y="{y - 38:.0f}" width="{mark + wide + 18:.0f}" '
        'height="54" fill="#fff" stroke="#000" stroke-width="2.5"/>'
        f'<path d="{CROSS}" transform="translate({left + 34:.0f} {y - 11:.0f})" '
        'stroke="#000" stroke-width="8"/>'
        f"{centred_text((left + mark + wide / 2, y + 2), text, '')}"
    )


def _legend_text(
    closures: Sequence[DrawnClosure], heading: str, more: str, *, widest: float
) -> str:
    """Say names with reasons, else names, else as many as there is room for."""
    names = [closure.name for closure in closures]
    full = [f"{c.name}({c.about})" if c.about else c.name for c in closures]
    tries = [full]
    for count in range(len(names), 0, -1):
        rest = len(names) - count
        tries.append([*names[:count], *([more.format(n=rest)] if rest else [])])
    for told in tries:
        text = f"{heading} {'、'.join(told)}"
        if text_width(text) <= widest:
            return text
    name, rest = names[0], len(names) - 1
    tail = "…" + (f"、{more.format(n=rest)}" if rest else "")
    while name and text_width(f"{heading} {name}{tail}") > widest:
        name = name[:-1]
    return f"{heading} {name}{tail}"
