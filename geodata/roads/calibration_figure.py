"""The figure of the calibration: speeds by class of road, assumed and published."""

from __future__ import annotations

from geodata.roads.calibration import PUBLISHED_KMH, Calibration, ClassSpeed

CLASS_TEXT = {
    5: "国道・主要な府道 (trunk, primary)",
    4: "府道 (secondary)",
    3: "幹線の市道 (tertiary)",
    2: "生活道路 (residential)",
    1: "細街路 (service)",
}
WIDTH, ROW, LEFT, TOP = 720, 46, 230, 64
KMH_SHOWN = 45
INK, SOFT, LINE = "#1a1a1c", "#8c8c8c", "#0017c1"


def speed_figure(found: Calibration) -> str:
    """
    Draw running, daytime and congested speeds by class, and the published line.

    Returns
    -------
    str
        SVG, self-contained; text in the reader's own fonts.
    """
    rows = [("府道以上 (公表値と比べる)", found.prefectural)]
    rows += [(CLASS_TEXT.get(one.ranks[0], ""), one) for one in found.classes]
    height = TOP + ROW * len(rows) + 44
    bars = "".join(_row(at, text, one) for at, (text, one) in enumerate(rows))
    x = _x(PUBLISHED_KMH)
    foot = TOP + ROW * len(rows)
    ticks = "".join(
        f'<text x="{_x(kmh):.0f}" y="{foot + 18}" text-anchor="middle" '
        f'fill="{SOFT}">{kmh}</text>'
        for kmh in range(0, KMH_SHOWN, 10)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="13" role="img" '
        f'aria-label="道路の種類ごとの想定速度">'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
        f'<text x="16" y="24" font-size="16" font-weight="bold" fill="{INK}">'
        "想定速度と公表値 (km/h)</text>"
        f'<text x="16" y="46" fill="{SOFT}">うすい帯: 交差点の間 '
        "濃い帯: 交差点の待ちを含む(日中) 黒い線: 混雑時</text>"
        f"{bars}"
        f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{TOP - 6}" y2="{foot}" '
        f'stroke="{LINE}" stroke-width="2" stroke-dasharray="6 4"/>'
        f'<text x="{x + 6:.0f}" y="{foot + 36}" fill="{LINE}">公表値 '
        f"{PUBLISHED_KMH:.0f} (混雑時・府道以上)</text>{ticks}</svg>\n"
    )


def _row(at: int, text: str, one: ClassSpeed) -> str:
    y = TOP + ROW * at
    bar, middle = ROW - 18, y + (ROW - 18) / 2
    mark = _x(one.congested_kmh)
    return (
        f'<text x="{LEFT - 10}" y="{middle + 1:.0f}" text-anchor="end" fill="{INK}">'
        f"{text}</text>"
        f'<text x="{LEFT - 10}" y="{middle + 16:.0f}" text-anchor="end" '
        f'font-size="11" fill="{SOFT}">{one.km:,.0f} km</text>'
        f'<rect x="{LEFT}" y="{y}" width="{_x(one.running_kmh) - LEFT:.0f}" '
        f'height="{bar}" fill="#d9e6ff"/>'
        f'<rect x="{LEFT}" y="{y + 5}" width="{_x(one.travel_kmh) - LEFT:.0f}" '
        f'height="{bar - 10}" fill="#7096f8"/>'
        f'<line x1="{mark:.0f}" x2="{mark:.0f}" y1="{y - 2}" y2="{y + bar + 2}" '
        f'stroke="{INK}" stroke-width="3"/>'
        f'<text x="{_x(one.running_kmh) + 8:.0f}" y="{middle + 5:.0f}" '
        f'fill="{INK}">{one.congested_kmh:.1f}</text>'
    )


def _x(kmh: float) -> float:
    return LEFT + kmh / KMH_SHOWN * (WIDTH - LEFT - 40)
