"""The plan map of one works office: who drives where, in which order, how sure."""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import folium
from branca.element import MacroElement
from folium.features import DivIcon

from dispatch.domain.catalogue import Urgency
from dispatch.domain.travel import TravelLevel, level_text
from maps.base_map import BaseMap
from maps.localise import WardOutline, close_map, fit_map, new_map
from maps.markup import (
    YARD_SVG,
    panel_html,
    popup,
    safe,
    team_row,
    tooltip,
)
from maps.road_layers import closure_layer, road_script, team_lines
from maps.road_lines import LonLat, MapClosure, MapLeg, require_legs
from maps.style import (
    INK,
    LAND,
    SIGN_RANK,
    SIGNS,
    UNCERTAIN_FROM_M,
    closed_svg,
    shape_svg,
    team_style,
)

__all__ = ["MapClosure", "MapLeg", "MapStop", "PlanMapData", "TeamRoute", "plan_map"]

_FAN_PX = 26
_RING: dict[str, Any] = {
    "color": INK,
    "weight": 1.5,
    "dash_array": "6 5",
    "fill": False,
    "interactive": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MapStop:
    """
    One stop (立寄り) in words ready to show; `order` from 1, times as 9:05.

    `drive_level` tells how the minutes of the way there were found, `held_min` how many
    of them are waiting for a closure to end. `bundle` are the first and the last number
    of the stops that the vehicle is parked once for: to all but the first the way is on
    foot.
    """

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
    drive_level: TravelLevel = TravelLevel.STRAIGHT_LINE
    held_min: int = 0
    late: bool = False
    reason: str = ""
    radius_m: float = 0.0
    bundle: tuple[int, int] | None = None

    @property
    def is_walked(self) -> bool:
        """Whether the way there is on foot."""
        return self.bundle is not None and self.order > self.bundle[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRoute:
    """
    One team's stops in order, from its base and back (経路); `index` is 0-based.

    `legs` are the ways base → first stop, …, last stop → base. Without them the line
    is straight from place to place.

    Raises
    ------
    InvalidInputError
        When there are legs, but not one more than there are stops.
    """

    team_name: str
    letter: str
    index: int
    base_lon: float
    base_lat: float
    stops: tuple[MapStop, ...]
    drive_min: int
    km: float
    legs: tuple[MapLeg, ...] = ()

    def __post_init__(self) -> None:
        require_legs(self.legs, self.stops)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanMapData:
    """All that the plan map shows; `level`: how its travel times were found."""

    office_name: str
    date_text: str
    version_text: str
    teams: tuple[TeamRoute, ...]
    wards: tuple[WardOutline, ...]
    attribution: tuple[str, ...]
    level: TravelLevel
    closures: tuple[MapClosure, ...] = ()
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
    road_script().add_to(page)
    shifts = _fan_shifts(data.teams)
    for team in data.teams:
        _team_layer(team, data=data, shifts=shifts).add_to(page)
    for yard in _yards(data.teams):
        yard.add_to(page)
    if data.closures:
        closure_layer(data.closures).add_to(page)
    if data.teams or data.closures:
        folium.LayerControl(collapsed=False, sort_layers=False).add_to(page)
    fit_map(page, [place for team in data.teams for place in _places(team)])
    return close_map(
        page,
        title=f"{data.office_name} 配車計画",
        attribution=data.attribution,
        panel=_panel(data),
        assets_url=assets_url,
        base=base,
    )


def _team_layer(
    team: TeamRoute, *, data: PlanMapData, shifts: dict[tuple[int, int], int]
) -> folium.FeatureGroup:
    """Lines, rings and numbered stops of one team, as one layer."""
    figures = f"{len(team.stops)}件・移動{team.drive_min}分・{team.km:.0f}km"
    row = team_row(team.team_name, letter=team.letter, figures=figures, at=team.index)
    layer = folium.FeatureGroup(name=row)
    if team.stops:
        team_lines(
            team.legs or list(pairwise(_path(team))),
            style=team_style(team.index),
            lane=team.index,
            words=f"{team.letter} {team.team_name}",
        ).add_to(layer)
    for position, stop in enumerate(team.stops):
        if stop.radius_m > UNCERTAIN_FROM_M:
            folium.Circle([stop.lat, stop.lon], stop.radius_m, **_RING).add_to(layer)
        shift = shifts[(team.index, position)]
        _stop_marker(stop, team=team, shift=shift, data=data).add_to(layer)
    return layer


def _path(team: TeamRoute) -> list[LonLat]:
    """List base, stops in order, base."""
    home = (team.base_lon, team.base_lat)
    return [home, *((stop.lon, stop.lat) for stop in team.stops), home]


def _places(team: TeamRoute) -> list[LonLat]:
    """All that must be seen of a team: its ways may lead around its stops."""
    return _path(team) + [place for leg in team.legs for place in leg.path]


def _fan_shifts(teams: Sequence[TeamRoute]) -> dict[tuple[int, int], int]:
    """
    Pixels to the right for every stop, so that stops at one place fan out.

    So do those that are walked between: they would hide each other at any zoom at which
    a route is seen.
    """
    seen: Counter[tuple[float, float]] = Counter()
    shifts: dict[tuple[int, int], int] = {}
    for team in teams:
        for position, stop in enumerate(team.stops):
            first = team.stops[stop.bundle[0] - 1] if stop.bundle else stop
            place = (round(first.lon, 5), round(first.lat, 5))
            shifts[(team.index, position)] = seen[place] * _FAN_PX
            seen[place] += 1
    return shifts


def _stop_marker(
    stop: MapStop, *, team: TeamRoute, shift: int, data: PlanMapData
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
    words = f"{team.letter}{stop.order} {stop.arrive} {stop.category}"
    marker = folium.Marker(
        [stop.lat, stop.lon],
        icon=DivIcon(
            # a marker is a button for the keyboard: its words are its name
            html=f'{svg}{late}<span class="kd-sr">{safe(words)}</span>',
            icon_size=(34, 34),
            icon_anchor=(17 - shift, 17),
            popup_anchor=(shift, -14),
            class_name="kd-sign",
        ),
        z_index_offset=1000 - stop.order,
        rise_on_hover=True,
    )
    marker.add_child(_stop_popup(stop, team=team, data=data))
    marker.add_child(tooltip(words))
    return marker


def _stop_popup(stop: MapStop, *, team: TeamRoute, data: PlanMapData) -> MacroElement:
    """Tell what, where, when and why."""
    # The panel tells the level of the whole: a leg of another one tells its own.
    held = f"、うち規制待ち{stop.held_min}分" if stop.held_min else ""
    own = "" if stop.drive_level is data.level else f" {level_text(stop.drive_level)}"
    way = f"移動 {stop.drive_min}分{held}{own}"
    if stop.is_walked:
        way = f"徒歩 {stop.drive_min}分" if stop.drive_min else "同じ場所"
    bundle = ""
    if stop.bundle:
        first, last = (f"{team.letter}{number}" for number in stop.bundle)
        bundle = f"{first}–{last} 徒歩・駐車1回"
    prefix = data.chart_url_prefix
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
            ("到着", f"{stop.arrive}({way})"),
            ("作業", f"{stop.start}〜{stop.end}"),
            ("まとめ", bundle),
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
        chips=(f"移動時間 {level_text(data.level)}",),
        sections=(
            ("形は緊急度、色と文字は班", rows),
            ("道路", _road_rows(data)),
        ),
    )


def _road_rows(data: PlanMapData) -> list[tuple[str, str, str]]:
    """Legend rows of the ways: straight legs and closures, where there are any."""
    rows = []
    straight = sum(leg.is_straight for team in data.teams for leg in team.legs)
    if straight:
        mark = '<span class="kd-swatch kd-line"></span>'
        words = level_text(TravelLevel.STRAIGHT_LINE)
        rows.append((mark, words, f"{straight:,}区間"))
    if data.closures:
        rows.append((closed_svg(size=20), "通行規制", f"{len(data.closures):,}件"))
    return rows
