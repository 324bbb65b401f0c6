"""The signs of the sheet's map: stops, depot, scale bar, north, as SVG text."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

STOP_RADIUS = 32.0
# 10.2 pt: the sheet's smallest allowed size is 10 pt, and 1 unit is 0.1 mm.
FONT_SIZE = 36.0
# Lines left free for the north arrow above and the scale bar below.
TOP_BAND, BOTTOM_BAND = 40.0, 100.0
SCALE_STEPS_M = (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)


def leaders(true: NDArray[np.float64], drawn: NDArray[np.float64]) -> list[str]:
    """Join each moved circle to its true point."""
    parts = []
    for (x_1, y_1), (x_2, y_2) in zip(true, drawn, strict=True):
        if math.hypot(x_2 - x_1, y_2 - y_1) > STOP_RADIUS / 2:
            end = f'x1="{x_1:.1f}" y1="{y_1:.1f}" x2="{x_2:.1f}" y2="{y_2:.1f}"'
            parts.append(
                f'<line {end} stroke="#fff" stroke-width="9"/>'
                f'<line {end} stroke="#000" stroke-width="3"/>'
                f'<circle cx="{x_1:.1f}" cy="{y_1:.1f}" r="9" stroke="#fff" '
                'stroke-width="3"/>'
            )
    return parts


def house(base: NDArray[np.float64]) -> str:
    """Draw the depot as a black house with a white halo."""
    x, y = base
    return (
        '<path d="M0 -34L34 -4L24 -4L24 28L-24 28L-24 -4L-34 -4Z" fill="#000" '
        f'stroke="#fff" stroke-width="6" transform="translate({x:.1f} {y:.1f})"/>'
    )


def numbered_stops(orders: Sequence[int], drawn: NDArray[np.float64]) -> list[str]:
    """Draw the numbered circles, the first stops on top."""
    marks = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{STOP_RADIUS:g}" fill="#fff" '
        f'stroke="#000" stroke-width="4.5"/><text x="{x:.1f}" y="{y + 14:.1f}" '
        f'text-anchor="middle" font-size="40" font-weight="700">{order:d}</text>'
        for order, (x, y) in zip(orders, drawn, strict=True)
    ]
    return marks[::-1]


def base_label(
    text: str,
    base: NDArray[np.float64],
    drawn: NDArray[np.float64],
    *,
    size: tuple[float, float],
) -> str:
    """Write the depot's word on the side of the house with most room."""
    reach = 45 + text_width(text) / 2
    spots = [base + step for step in ((0, 76), (0, -50), (reach, 14), (-reach, 14))]
    room = [
        (
            reach < x < size[0] - reach and TOP_BAND < y < size[1] - BOTTOM_BAND,
            np.hypot(*(drawn - (x, y - 14)).T).min(initial=np.inf),
        )
        for x, y in spots
    ]
    best = max(range(len(spots)), key=room.__getitem__)
    return centred_text(spots[best], text, 'font-weight="700"')


def furniture(estimated: str, *, size: tuple[float, float], units_per_m: float) -> str:
    """Draw the scale bar, the north arrow and, if any, the mark of straight lines."""
    width, height = size
    length_m = _scale_m(width, units_per_m)
    bar, y = length_m * units_per_m, height - 30
    mark = ""
    if estimated:
        left = _mark_left(estimated, width)
        wide = width - 15 - left
        mark = (
            f'<rect x="{left:.0f}" y="{y - 38:.0f}" width="{wide:.0f}" height="54" '
            'fill="#fff" stroke="#000" stroke-width="2.5"/>'
            f"{centred_text((left + wide / 2, y + 2), estimated, '')}"
        )
    return (
        f'<rect width="{bar + 170:.0f}" height="75" x="8" y="{y - 50:.0f}" '
        'fill="#fff" fill-opacity="0.85"/>'
        f'<path d="M25 {y - 18:.0f}V{y:.0f}H{bar + 25:.1f}V{y - 18:.0f}" '
        'fill="none" stroke="#000" stroke-width="5"/>'
        f'<text x="{bar + 40:.1f}" y="{y + 2:.0f}">{length_m / 1000:g} km</text>'
        f'{mark}<g transform="translate({width - 50:.0f} 62)"><path d="M0 -48L20 14'
        'L0 2L-20 14Z" fill="#000" stroke="#fff" stroke-width="4"/>'
        '<text y="46" text-anchor="middle" font-weight="700">N</text></g>'
    )


def legend_room(
    estimated: str, *, size: tuple[float, float], units_per_m: float
) -> tuple[float, float, float]:
    """Left end, right end and base line of what `furniture` leaves free below."""
    width, height = size
    bar = _scale_m(width, units_per_m) * units_per_m
    return bar + 195, _mark_left(estimated, width) - 15, height - 30


def _scale_m(width: float, units_per_m: float) -> int:
    """Metres of the scale bar: a round number, about a quarter of the width."""
    longest_m = width * 0.28 / units_per_m
    return max((m for m in SCALE_STEPS_M if m <= longest_m), default=100)


def _mark_left(estimated: str, width: float) -> float:
    """Where the mark of straight lines begins; the frame's edge when there is none."""
    return width - 15 - (text_width(estimated) + 30 if estimated else 0)


def centred_text(
    spot: Sequence[float] | NDArray[np.float64], text: str, look: str
) -> str:
    """Write text centred on a spot with a white halo, its markup made harmless."""
    legal = "".join(c for c in text if c.isprintable())
    return (
        f'<text x="{spot[0]:.1f}" y="{spot[1]:.1f}" text-anchor="middle" {look} '
        f'stroke="#fff" stroke-width="7" paint-order="stroke">{escape(legal)}</text>'
    )


def path_data(points: NDArray[np.float64]) -> str:
    """Write points as SVG path data."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def text_width(text: str) -> float:
    """Guess a text's width on the drawing."""
    return FONT_SIZE * text_em(text)


def text_em(text: str) -> float:
    """
    Guess a text's width in BIZ UDPGothic, where 1.0 is as wide as high.

    Measured in the font: figures 0.75, capitals 0.76 in the mean, small letters 0.62.
    """
    return sum(_letter_em(letter) for letter in text)


def _letter_em(letter: str) -> float:
    if unicodedata.east_asian_width(letter) in "WFA":
        return 1.0
    return 0.76 if letter.isdigit() or letter.isupper() else 0.62
