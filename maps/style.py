"""How the maps look: colours, shapes, line patterns, classes of counts, words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from dispatch.domain.catalogue import Urgency

FONT_STACK = "'BIZ UDPGothic','Yu Gothic UI','Hiragino Sans','Noto Sans JP',sans-serif"

# Hex values of @digital-go-jp/design-tokens (dist/tokens-simple.css).
INK = "#1a1a1a"  # solid-gray-900
QUIET = "#4d4d4d"  # solid-gray-700
HAIRLINE = "#999999"  # solid-gray-400
EDGE = "#767676"  # solid-gray-536
GROUND = "#e6e6e6"  # solid-gray-100
LAND = "#ffffff"
LINK = "#0017c1"  # blue-900
FOCUS = "#ffd43d"  # yellow-300
OVERDUE = "#ce0000"  # red-900
LATE = "#ac3e00"  # orange-900
CLOSED = "#ce0000"  # red-900

UNCERTAIN_FROM_M = 150
"""A place whose radius is larger gets a dashed ring."""


class Shape(StrEnum):
    """Outline of a sign, so that colour is never the only one."""

    TRIANGLE = "triangle"
    SQUARE = "square"
    CIRCLE = "circle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """Colour, shape and words of one urgency (緊急度)."""

    urgency: Urgency
    colour: str
    shape: Shape
    label: str

    @property
    def letter(self) -> str:
        """The letter drawn inside the shape."""
        return self.urgency.value


SIGNS: tuple[Sign, ...] = tuple(
    Sign(urgency=urgency, colour=colour, shape=shape, label=label)
    for urgency, colour, shape, label in (
        (Urgency.S, "#ec0000", Shape.TRIANGLE, "緊急"),  # red-800
        (Urgency.A, "#e25100", Shape.SQUARE, "当日"),  # orange-700
        (Urgency.B, "#0031d8", Shape.CIRCLE, "3開庁日"),  # blue-800
        (Urgency.C, "#4d4d4d", Shape.CIRCLE, "計画"),  # solid-gray-700
        (Urgency.D, "#7f7f7f", Shape.CIRCLE, "移管"),  # solid-gray-500
    )
)
"""Most urgent first; the position is the number that the browser gets."""

SIGN_RANK: dict[Urgency, int] = {s.urgency: i for i, s in enumerate(SIGNS)}

# Okabe–Ito without vermillion (beside the green, and beside our S and A) and without
# yellow (1.3:1 on white). The pale ones get a dark edge.
_TEAM_COLOURS = ("#0072b2", "#009e73", "#333333", "#cc79a7", "#e69f00", "#56b4e9")
_TEAM_DASHES = ("", "10 5", "2 6", "14 5 2 5")
_TEXT_CONTRAST, _SHAPE_CONTRAST = 4.5, 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamStyle:
    """Line and sign of a team: colour, ink that reads on it, edge, dash pattern."""

    colour: str
    ink: str
    edge: str
    dash: str


def team_style(index: int) -> TeamStyle:
    """
    Style of the n-th team of an office (班ごとの色と線).

    Parameters
    ----------
    index
        0-based. Twelve teams differ in colour or dash pattern; the letter tells
        apart the rest.
    """
    colour = _TEAM_COLOURS[index % len(_TEAM_COLOURS)]
    # The second round of colours takes the next pattern, so that no pair repeats.
    dash = _TEAM_DASHES[(index + index // len(_TEAM_COLOURS)) % len(_TEAM_DASHES)]
    on_white = _contrast(colour, LAND)
    return TeamStyle(
        colour=colour,
        ink=LAND if on_white >= _TEXT_CONTRAST else INK,
        edge=LAND if on_white >= _SHAPE_CONTRAST else INK,
        dash=dash,
    )


def _contrast(one: str, other: str) -> float:
    """Contrast ratio of two hex colours, after WCAG 2."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance of a hex colour, after WCAG 2."""
    knee = 0.04045
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        p / 12.92 if p <= knee else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


_OUTLINES = {
    Shape.TRIANGLE: '<path d="M14 2 27 26H1z" {p}/>',
    Shape.SQUARE: '<rect x="3" y="3" width="22" height="22" {p}/>',
    Shape.CIRCLE: '<circle cx="14" cy="14" r="12" {p}/>',
}
_TEXT_Y = {Shape.TRIANGLE: 23, Shape.SQUARE: 19, Shape.CIRCLE: 19}


def shape_svg(
    shape: Shape, *, fill: str, ink: str, text: str, size: int = 28, edge: str = LAND
) -> str:
    """
    One sign as inline SVG.

    Parameters
    ----------
    shape
        Outline.
    fill, ink, edge
        Hex colours of the shape, of the text on it and of the outline.
    text
        Already safe for HTML: a letter, or team letter and number.
    size
        Width and height in pixels. Text is 13 px at 28.
    """
    outline = _OUTLINES[shape].format(
        p=f'fill="{fill}" stroke="{edge}" stroke-width="2" stroke-linejoin="round"'
    )
    return (
        f'<svg width="{size}" height="{size}" viewBox="0 0 28 28" aria-hidden="true">'
        f'{outline}<text x="14" y="{_TEXT_Y[shape]}" text-anchor="middle" '
        f'font-size="13" font-weight="700" fill="{ink}">{text}</text></svg>'
    )


def sign_svg(sign: Sign, *, size: int = 28) -> str:
    """Draw the sign of an urgency as inline SVG."""
    return shape_svg(
        sign.shape, fill=sign.colour, ink=LAND, text=sign.letter, size=size
    )


def closed_svg(*, size: int) -> str:
    """Draw the sign of a closure, a circle with a bar, as inline SVG."""
    return (
        f'<svg width="{size}" height="{size}" viewBox="0 0 28 28" aria-hidden="true">'
        f'<circle cx="14" cy="14" r="12" fill="{CLOSED}" stroke="{LAND}" '
        f'stroke-width="2"/><path d="M7 14H21" stroke="{LAND}" stroke-width="5"/></svg>'
    )


RAMP = (
    "#dcf0ff",  # light-blue-100
    "#c0e4ff",  # light-blue-200
    "#97d3ff",  # light-blue-300
    "#57b8ff",  # light-blue-400
    "#008bf2",  # light-blue-600
)
"""One hue, five classes, pale to strong, drawn at `FILL`; 0 has no fill."""

FILL = 0.6
"""Opacity of the choropleth, on the map and in its legend."""

_STEPS = (1, 2, 3, 4, 5, 6, 8)


def _nice(value: float) -> int:
    """Round down to a number that a person reads at a glance: 1–6, 8, 10, 15, 20 …."""
    decade = 1
    while value >= decade * 10:
        decade *= 10
    if decade == 1:
        return max(s for s in _STEPS if s <= max(value, 1))
    steps = [decade * s for s in _STEPS]
    steps.append(decade * 3 // 2)
    return max(s for s in steps if s <= value)


def class_starts(counts: Sequence[int]) -> tuple[int, ...]:
    """
    Lowest count of each class of the choropleth (階級の下限).

    Quintiles of the counts above 0, rounded down to plain numbers and kept apart.

    Returns
    -------
    tuple[int, ...]
        Ascending, from 1, at most five; fewer only when the largest count is below
        5. Empty when every count is 0.
    """
    positive = sorted(c for c in counts if c > 0)
    if not positive:
        return ()
    starts = [1]
    for k in range(1, len(RAMP)):
        wanted = _nice(positive[len(positive) * k // len(RAMP)])
        start = max(wanted, starts[-1] + 1)
        if start > positive[-1]:
            break
        starts.append(start)
    return tuple(starts)


def class_of(count: int, starts: Sequence[int]) -> int:
    """Class of a count: -1 for 0, else the index of the last start not above it."""
    return sum(start <= count for start in starts) - 1


def class_labels(starts: Sequence[int]) -> tuple[str, ...]:
    """Words of the classes: 「1〜4件」, the last one open (「40件以上」)."""
    if not starts:
        return ()
    inner = [
        f"{low:,}件" if low == high - 1 else f"{low:,}〜{high - 1:,}件"
        for low, high in pairwise(starts)
    ]
    return (*inner, f"{starts[-1]:,}件以上")


CSS = f"""
.leaflet-container{{font:14px/1.5 {FONT_STACK};background:{GROUND};color:{INK}}}
.leaflet-bar a{{color:{INK};width:32px;height:32px;line-height:32px}}
.leaflet-container a{{color:{LINK};text-decoration:underline}}
.leaflet-container a.leaflet-control-zoom-in,
.leaflet-container a.leaflet-control-zoom-out{{color:{INK};text-decoration:none}}
:focus-visible{{outline:3px solid {INK};outline-offset:2px;
box-shadow:0 0 0 3px {FOCUS};border-radius:4px}}
path.leaflet-interactive:focus{{outline:none}}.leaflet-control-attribution,
.leaflet-control-scale-line{{font-size:12px;color:{INK}}}
.leaflet-container .leaflet-control-attribution{{background:rgba(255,255,255,.9);
padding:0 8px;max-width:calc(100vw - 330px)}}.leaflet-bar,.leaflet-control-layers,
.leaflet-popup-content-wrapper,.leaflet-popup-tip{{box-shadow:none}}
.leaflet-touch .leaflet-bar,.leaflet-touch .leaflet-control-layers,
.leaflet-popup-content-wrapper{{border:1px solid {HAIRLINE};border-radius:8px}}
.kd-panel,.leaflet-control-layers{{background:#fff;width:240px;box-sizing:border-box;
padding:8px 16px;font-size:14px}}.kd-panel{{border:1px solid {HAIRLINE};
border-radius:8px;max-height:70vh;overflow:auto;overflow-wrap:anywhere}}
.kd-panel h1{{font-size:16px;margin:0}}.kd-panel p{{margin:0 0 4px}}
.kd-panel summary{{cursor:pointer;padding:4px 0}}.kd-panel h2{{font-size:12px;
color:{QUIET};margin:8px 0 2px;font-weight:400}}.kd-panel ul{{list-style:none;margin:0;
padding:0}}.kd-panel li{{display:flex;align-items:center;gap:8px;min-height:24px}}
.kd-panel li b{{font-weight:400;margin-left:auto;font-variant-numeric:tabular-nums}}
.kd-swatch{{width:24px;height:14px;flex:none;border:1px solid {HAIRLINE}}}
.kd-hatch{{background:repeating-linear-gradient(45deg,#fff 0 3px,{HAIRLINE} 3px 4px)}}
.kd-line{{border:0;border-top:2px dashed {INK};height:0}}
.kd-ring{{border:2px dashed {INK};border-radius:50%;width:14px;margin:0 3px}}
.kd-chip{{display:inline-block;border:1px solid {QUIET};border-radius:12px;
padding:0 8px;font-size:12px;color:{QUIET};margin-right:4px}}.kd-ward{{font-size:12px;
color:{QUIET};text-align:center;white-space:nowrap;overflow:hidden;
text-overflow:ellipsis;text-shadow:0 0 2px #fff,0 0 2px #fff,0 0 3px #fff}}
.kd-over{{color:{OVERDUE};font-weight:700}}.kd-late{{color:{LATE};font-weight:700}}
.kd-sign i{{position:absolute;right:-7px;top:-7px;font:700 16px/14px {FONT_STACK};
background:#fff;border-radius:2px}}.kd-panel li>.kd-over,
.kd-panel li>.kd-late{{width:20px;text-align:center}}.kd-cluster{{border-radius:50%;
background:#fff;border:2px solid;box-sizing:border-box;display:flex;align-items:center;
justify-content:center;font-weight:700;font-variant-numeric:tabular-nums}}
.kd-cluster svg{{position:absolute;right:-10px;top:-10px}}.kd-sr{{position:absolute;
width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}}
.leaflet-popup-content{{margin:12px 16px;font-size:14px;line-height:1.5}}
.kd-pop h3{{font-size:16px;margin:0 16px 4px 0}}.kd-pop p{{margin:0 0 4px}}
.kd-pop dl{{display:grid;grid-template-columns:4em 1fr;gap:2px 8px;margin:0 0 8px}}
.kd-pop dt{{color:{QUIET};font-size:12px;line-height:21px}}.kd-pop dd{{margin:0;
overflow-wrap:anywhere}}.leaflet-tooltip{{font-size:14px;color:{INK};
border-color:{HAIRLINE};box-shadow:none;white-space:pre-line;width:max-content;
max-width:320px}}.leaflet-control-layers-expanded{{padding:8px 10px}}
.kd-team{{overflow-wrap:anywhere}}
.leaflet-control-layers-overlays label{{display:block;padding:4px 0}}
.leaflet-control-layers-overlays label>span{{display:flex;align-items:center;gap:8px}}
.kd-team{{display:flex;align-items:center;gap:8px;flex:1;min-width:0;line-height:1.3}}
.kd-team small{{font-size:12px;color:{QUIET};display:block}}
@media (max-width:640px){{.kd-panel,.leaflet-control-layers{{width:176px;padding:8px}}
.leaflet-container .leaflet-control-attribution{{max-width:60vw}}}}
@media (forced-colors:active){{.kd-cluster{{border-color:CanvasText}}}}
"""
"""One sheet for both maps; no `{{#`, `{{%` or doubled brace (branca renders twice)."""
