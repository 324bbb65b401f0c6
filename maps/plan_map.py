"""The plan map of one works office: who drives where, in which order, how sure."""

# mypy: allow-untyped-calls

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import folium
from branca.element import MacroElement
from folium.features import DivIcon

from dispatch.domain.catalogue import Urgency
from maps.localise import BaseMap, WardOutline, close_map, fit_map, new_map
from maps.markup import (
    YARD_SVG,
    arrow_svg,
    panel_html,
    popup,
    safe,
    team_row,
    tooltip,
)
from maps.style import (
    INK,
    LAND,
    SIGN_RANK,
    SIGNS,
    UNCERTAIN_FROM_M,
    TeamStyle,
    shape_svg,
    team_style,
)

LonLat = tuple[float, float]

_FAN_PX = 26
_MIN_LEG_DEG = 0.0005  # about 50 m: an arrow would cover such a short leg


_RING: dict[str, Any] = {
    "color": INK,
    "weight": 1.5,
    "dash_array": "6 5",
    "fill": False,
    "interactive": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MapStop:
    """One stop (立寄り) in words ready to show; `order` from 1, times as 9:05."""

    order: int
    chart_id: str
    chart_number: str
    lon: float
    lat: float
    urgency: Urgency
    category: str
    place_text: str
    arrive: str
    start: str
    end: str
    drive_min: int
    late: bool = False
    reason: str = ""
    radius_m: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRoute:
    """One team's stops in order, from its base and back (経路); `index` is 0-based."""

    team_name: str
    letter: str
    index: int
    base_lon: float
    base_lat: float
    stops: tuple[MapStop, ...]
    drive_min: int
    km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanMapData:
    """All that the plan map shows; `straight_line`: travel times are estimates."""

    office_name: str
    date_text: str
    version_text: str
    teams: tuple[TeamRoute, ...]
    wards: tuple[WardOutline, ...]
    attribution: tuple[str, ...]
    straight_line: bool
    chart_url_prefix: str = "/c/"


def plan_map(data: PlanMapData, *, base: BaseMap, assets_url: str) -> str:
    """
    Draw one office's plan as one HTML page (配車計画の地図).

    Parameters
    ----------
    data
        Teams with their stops, and what lies beneath.
    base
        What lies underneath; `GSI` is the only one that fetches from outside.
    assets_url
        Where the files of `maps.localise.ASSETS` are served.

    Raises
    ------
    InvalidInputError
        When `chart_url_prefix` leaves this host.
    SourceError
        When the page would ask for an outside file.
    """
    page = new_map(base=base, wards=data.wards)
    shifts = _fan_shifts(data.teams)
    for team in data.teams:
        _team_layer(team, shifts=shifts, prefix=data.chart_url_prefix).add_to(page)
    for yard in _yards(data.teams):
        yard.add_to(page)
    if data.teams:
        folium.LayerControl(collapsed=False, sort_layers=False).add_to(page)
    fit_map(page, [place for team in data.teams for place in _path(team)])
    return close_map(
        page,
        title=f"{data.office_name} 配車計画",
        attribution=data.attribution,
        panel=_panel(data),
        assets_url=assets_url,
        base=base,
    )


def _team_layer(
    team: TeamRoute, *, shifts: dict[tuple[int, int], int], prefix: str
) -> folium.FeatureGroup:
    """Line, arrows, rings and numbered stops of one team, as one layer."""
    style = team_style(team.index)
    figures = f"{len(team.stops)}件・移動{team.drive_min}分・{team.km:.0f}km"
    row = team_row(team.team_name, letter=team.letter, figures=figures, at=team.index)
    layer = folium.FeatureGroup(name=row)
    path = _path(team)
    if team.stops:
        lat_lons = [(lat, lon) for lon, lat in path]
        # The casing keeps crossing routes apart, and a pale colour visible.
        folium.PolyLine(
            lat_lons, color=style.edge, weight=7, opacity=0.8, interactive=False
        ).add_to(layer)
        line = folium.PolyLine(
            lat_lons, color=style.colour, weight=4, opacity=1, dash_array=style.dash
        )
        line.add_child(tooltip(f"{team.letter} {team.team_name}")).add_to(layer)
    for arrow in _arrows(path, style):
        arrow.add_to(layer)
    for position, stop in enumerate(team.stops):
        if stop.radius_m > UNCERTAIN_FROM_M:
            folium.Circle([stop.lat, stop.lon], stop.radius_m, **_RING).add_to(layer)
        shift = shifts[(team.index, position)]
        _stop_marker(stop, team=team, shift=shift, prefix=prefix).add_to(layer)
    return layer


def _path(team: TeamRoute) -> list[LonLat]:
    """List base, stops in order, base."""
    home = (team.base_lon, team.base_lat)
    return [home, *((stop.lon, stop.lat) for stop in team.stops), home]


def _fan_shifts(teams: Sequence[TeamRoute]) -> dict[tuple[int, int], int]:
    """Pixels to the right for every stop, so that stops at one place fan out."""
    seen: Counter[tuple[float, float]] = Counter()
    shifts: dict[tuple[int, int], int] = {}
    for team in teams:
        for position, stop in enumerate(team.stops):
            place = (round(stop.lon, 5), round(stop.lat, 5))
            shifts[(team.index, position)] = seen[place] * _FAN_PX
            seen[place] += 1
    return shifts


def _arrows(path: Sequence[LonLat], style: TeamStyle) -> Iterator[folium.Marker]:
    """Arrowheads at the middle of the legs, turned to the direction of travel."""
    for (lon, lat), (to_lon, to_lat) in pairwise(path):
        if max(abs(to_lon - lon), abs(to_lat - lat)) < _MIN_LEG_DEG:
            continue
        # Mercator draws a degree of latitude 1/cos(lat) times as long as of longitude.
        rise = (to_lat - lat) / math.cos(math.radians((lat + to_lat) / 2))
        turn = round(math.degrees(math.atan2(to_lon - lon, rise)))
        svg = arrow_svg(style, turn=turn)
        yield folium.Marker(
            [(lat + to_lat) / 2, (lon + to_lon) / 2],
            icon=DivIcon(html=svg, icon_size=(18, 18), icon_anchor=(9, 9)),
            interactive=False,
            keyboard=False,
            z_index_offset=-500,
        )


def _stop_marker(
    stop: MapStop, *, team: TeamRoute, shift: int, prefix: str
) -> folium.Marker:
    """Numbered sign of one stop: colour and letter of the team, shape of urgency."""
    style = team_style(team.index)
    sign = SIGNS[SIGN_RANK[stop.urgency]]
    text = safe(f"{team.letter}{stop.order}")
    svg = shape_svg(
        sign.shape,
        fill=style.colour,
        ink=style.ink,
        text=text,
        size=34,
        edge=style.edge,
    )
    late = '<i class="kd-late">△</i>' if stop.late else ""
    marker = folium.Marker(
        [stop.lat, stop.lon],
        icon=DivIcon(
            html=f"{svg}{late}",
            icon_size=(34, 34),
            icon_anchor=(17 - shift, 17),
            popup_anchor=(shift, -14),
            class_name="kd-sign",
        ),
        z_index_offset=1000 - stop.order,
        rise_on_hover=True,
    )
    marker.add_child(_stop_popup(stop, team=team, prefix=prefix))
    words = f"{team.letter}{stop.order} {stop.arrive} {stop.category}"
    marker.add_child(tooltip(words))
    return marker


def _stop_popup(stop: MapStop, *, team: TeamRoute, prefix: str) -> MacroElement:
    """Tell what, where, when and why."""
    sign = SIGNS[SIGN_RANK[stop.urgency]]
    unsure = stop.radius_m > UNCERTAIN_FROM_M
    links = [("カルテを開く", f"{prefix}{stop.chart_id}")] if prefix else []
    return popup(
        title=f"{team.letter}{stop.order} {stop.category}",
        mark="△ 遅れ見込み" if stop.late else "",
        rows=(
            ("番号", stop.chart_number),
            ("緊急度", f"{sign.letter} {sign.label}"),
            ("場所", stop.place_text),
            ("到着", f"{stop.arrive}(移動 {stop.drive_min}分)"),
            ("作業", f"{stop.start}〜{stop.end}"),
            ("班", team.team_name),
            ("理由", stop.reason),
            ("位置", f"不確か(半径 約{stop.radius_m:.0f}m)" if unsure else ""),
        ),
        links=links,
    )


def _yards(teams: Sequence[TeamRoute]) -> Iterator[folium.Marker]:
    """Sign of each base (基地) once, with the letters of the teams that start there."""
    letters: dict[LonLat, list[str]] = {}
    for team in teams:
        letters.setdefault((team.base_lon, team.base_lat), []).append(team.letter)
    for (lon, lat), names in letters.items():
        icon = DivIcon(html=YARD_SVG, icon_size=(30, 30), icon_anchor=(15, 15))
        marker = folium.Marker([lat, lon], icon=icon, z_index_offset=2000)
        marker.add_child(tooltip(f"基地(出発・帰着) {'・'.join(names)}"))
        yield marker


def _panel(data: PlanMapData) -> str:
    """Title, chips and the signs that occur."""
    stops = [stop for team in data.teams for stop in team.stops]
    counts = Counter(stop.urgency for stop in stops)
    rows = []
    for sign in SIGNS:
        mark = shape_svg(sign.shape, fill=INK, ink=LAND, text=sign.letter, size=20)
        if counts[sign.urgency]:
            words = f"{sign.letter} {sign.label}"
            rows.append((mark, words, f"{counts[sign.urgency]:,}件"))
    late = sum(stop.late for stop in stops)
    if late:
        mark = '<span class="kd-late" aria-hidden="true">△</span>'
        rows.append((mark, "遅れ見込み", f"{late:,}件"))
    if any(stop.radius_m > UNCERTAIN_FROM_M for stop in stops):
        rows.append(('<span class="kd-swatch kd-ring"></span>', "場所が不確か", ""))
    return panel_html(
        title=f"{data.office_name} 配車計画",
        lines=(data.date_text, data.version_text),
        chips=("推定(直線)",) if data.straight_line else (),
        sections=(("形は緊急度、色と文字は班", rows),),
    )
