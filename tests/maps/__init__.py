"""Builders of map data around Osaka for the tests of `maps`."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import shapely

from dispatch.domain.catalogue import Urgency
from dispatch.domain.travel import TravelLevel
from maps.localise import WardOutline
from maps.overview_map import DistrictShape, OpenItem, OverviewData
from maps.plan_map import MapLeg, MapStop, PlanMapData, TeamRoute
from maps.road_lines import LonLat, MapClosure, Path

WEST, SOUTH, EAST, NORTH = 135.37, 34.58, 135.60, 34.77

HOSTILE = (
    "${globalThis.pwned=1}<script>window.pwned=1</script></script>"
    "<img src=x onerror=window.pwned=1>`+(window.pwned=1)+`\\u0060\u2028'\""
    "{{ 7*7 }}{% for x in 9 %}{# x https://evil.example/a.js"
)


def cells(count: int, *, seed: int) -> list[Mapping[str, Any]]:
    """Voronoi cells over random points, clipped to a box around the city."""
    draw = random.Random(seed)  # noqa: S311 - not a secret
    points = shapely.MultiPoint(
        [(draw.uniform(WEST, EAST), draw.uniform(SOUTH, NORTH)) for _ in range(count)]
    )
    box = shapely.box(WEST, SOUTH, EAST, NORTH)
    parts = shapely.get_parts(shapely.voronoi_polygons(points, extend_to=box))
    return [shapely.geometry.mapping(shapely.intersection(p, box)) for p in parts]


def wards() -> tuple[WardOutline, ...]:
    """Twenty-four wards."""
    shapes = cells(24, seed=1)
    return tuple(WardOutline(name=f"{i}区", geometry=g) for i, g in enumerate(shapes))


def overview(items: int = 40, districts: int = 30) -> OverviewData:
    """Build an overview like a real day's: few S, unique places, random ids."""
    draw = random.Random(7)  # noqa: S311
    heavy = [min(int(draw.expovariate(1 / 17)), 90) for _ in range(districts)]
    shapes = cells(districts, seed=2)
    return OverviewData(
        city_name="大阪市",
        date_text="令和8年11月24日(火) 9:05 時点",
        districts=tuple(
            DistrictShape(
                id=f"d{i}",
                name=f"第{i}校区",
                ward_name=f"{i % 24}区",
                geometry=shapes[i],
                open_count=None if i == 3 else heavy[i] * (i % 9 != 0),
                oldest_text=f"11月{1 + i % 22}日受付({22 - i % 22}日前)",
                oldest_days=22 - i % 22,
            )
            for i in range(districts)
        ),
        wards=wards(),
        items=tuple(_item(draw, i) for i in range(items)),
        attribution=("国土数値情報 小学校区(令和5年)を加工", "架空の相談"),
        approximate=True,
    )


def _item(draw: random.Random, i: int) -> OpenItem:
    urgency = draw.choices(list(Urgency), weights=[1, 8, 40, 50, 1])[0]
    if i % 40 == 1:  # a pair at one place
        lon, lat = 135.5, 34.7
    else:
        lon = min(max(draw.gauss(135.5, 0.045), WEST), EAST)
        lat = min(max(draw.gauss(34.68, 0.04), SOUTH), NORTH)
    ward = draw.randrange(24)
    place = f"{ward}区{draw.choice('東西南北中')}町{draw.randrange(1, 7)}丁目"
    return OpenItem(
        chart_id="".join(draw.choices("abcdefghjkmnpqrstuvwxyz23456789", k=12)),
        chart_number=f"R8-{ward:02d}-{i:05d}",
        lon=lon,
        lat=lat,
        urgency=urgency,
        category=draw.choice(["道路の陥没", "街路樹の枝", "不法投棄", "放置自転車"]),
        place_text=f"{place}{draw.randrange(1, 25)}番付近",
        due_text=f"11月{draw.randrange(20, 31)}日 {draw.randrange(9, 18)}:00まで",
        office=f"{ward % 8}工営所",
        status_text=draw.choice(["受付", "計画済み", "対応中"]),
        radius_m=draw.choice([0, 0, 0, 0, 80, 300]),
        overdue=draw.random() < 0.05,
    )


def plan(teams: int = 4, stops: int = 9) -> PlanMapData:
    """One office's day with a late stop, an uncertain place and a shared place."""
    draw = random.Random(11)  # noqa: S311
    return PlanMapData(
        office_name="北工営所",
        date_text="令和8年11月24日(火)",
        version_text="第3版(確定)",
        teams=tuple(_team(draw, index, stops) for index in range(teams)),
        wards=wards(),
        attribution=("国土数値情報 行政区域(令和5年)を加工",),
        level=TravelLevel.STRAIGHT_LINE,
    )


def road(start: LonLat, end: LonLat, *, points: int = 200) -> Path:
    """Draw a way of many points that swings 80 m to both sides of the straight line."""
    lon, lat = end[0] - start[0], end[1] - start[1]
    far = math.hypot(lon, lat) or 1.0
    steps = (at / (points - 1) for at in range(points))
    return tuple(
        (
            start[0] + lon * t - 0.0008 * lat / far * math.sin(6 * math.tau * t),
            start[1] + lat * t + 0.0008 * lon / far * math.sin(6 * math.tau * t),
        )
        for t in steps
    )


def closures() -> tuple[MapClosure, ...]:
    """Shut a bridge of two carriageways, and the ways around a school."""
    return (
        MapClosure(
            name="中之島大橋",
            reason_text="工事",
            until_text="11月30日 17:00まで",
            lines=(
                ((135.498, 34.695), (135.498, 34.700)),
                ((135.4985, 34.700), (135.4985, 34.695)),
            ),
            ring=None,
        ),
        MapClosure(
            name="北小学校前",
            reason_text="通学時間帯",
            until_text="7:30–8:30",
            lines=(),
            ring=((135.51, 34.68), (135.514, 34.68), (135.514, 34.684)),
        ),
    )


def road_plan(teams: int = 4, stops: int = 9) -> PlanMapData:
    """Build the plan with roads: the second team's third leg is straight."""
    data = plan(teams, stops)
    return replace(
        data,
        level=TravelLevel.ROAD,
        closures=closures(),
        teams=tuple(_on_roads(team) for team in data.teams),
    )


def _on_roads(team: TeamRoute) -> TeamRoute:
    home = (team.base_lon, team.base_lat)
    way = [home, *((stop.lon, stop.lat) for stop in team.stops), home]
    levels = [TravelLevel.ROAD] * (len(way) - 1)
    if team.index == 1:
        levels[2] = TravelLevel.STRAIGHT_LINE
    return replace(
        team,
        stops=tuple(
            replace(stop, drive_level=level)
            for stop, level in zip(team.stops, levels, strict=False)
        ),
        legs=tuple(
            MapLeg(
                path=road(here, there) if level is TravelLevel.ROAD else (here, there),
                level=level,
            )
            for here, there, level in zip(way[:-1], way[1:], levels, strict=True)
        ),
    )


def hostile_closures() -> tuple[MapClosure, ...]:
    """Put hostile words into every field of the closures."""
    return tuple(
        replace(closure, name=HOSTILE, reason_text=HOSTILE, until_text=HOSTILE)
        for closure in closures()
    )


def _team(draw: random.Random, index: int, stops: int) -> TeamRoute:
    east, north = ((1, 1), (-1, 1), (1, -1), (-1, -1))[index % 4]
    return TeamRoute(
        team_name=f"北{index + 1}班",
        letter=chr(ord("A") + index),
        index=index,
        base_lon=135.5,
        base_lat=34.69,
        stops=tuple(
            MapStop(
                order=n + 1,
                chart_id=f"id{index}-{n}",
                chart_number=f"R8-01-{index}{n:02d}",
                lon=135.5 + east * draw.uniform(0.002, 0.03),
                lat=34.69 + north * draw.uniform(0.002, 0.024),
                urgency=draw.choices(list(Urgency)[:4], weights=[1, 3, 5, 5])[0],
                category=draw.choice(["道路の陥没", "街路樹の枝", "不法投棄"]),
                place_text=f"北区中町{n + 1}丁目",
                arrive=f"{9 + n // 2}:{n % 2 * 30:02d}",
                start=f"{9 + n // 2}:{n % 2 * 30 + 5:02d}",
                end=f"{9 + n // 2}:{n % 2 * 30 + 20:02d}",
                drive_min=draw.randrange(3, 15),
                late=n == stops - 1 and index == 1,
                reason="期限が近く、前の立寄りから最も近い",
                radius_m=320 if n == 2 else 0,
            )
            for n in range(stops)
        ),
        drive_min=draw.randrange(60, 120),
        km=draw.uniform(15, 40),
    )


def hostile_overview() -> OverviewData:
    """Put hostile words into every field of an overview."""
    data = overview(items=3, districts=6)
    return replace(
        data,
        closures=hostile_closures(),
        city_name=HOSTILE,
        date_text=HOSTILE,
        district_word=HOSTILE,
        attribution=(HOSTILE,),
        wards=tuple(replace(w, name=HOSTILE) for w in data.wards),
        districts=tuple(
            replace(d, id=HOSTILE, name=HOSTILE, ward_name=HOSTILE, oldest_text=HOSTILE)
            for d in data.districts
        ),
        items=tuple(
            replace(
                item,
                chart_id=HOSTILE,
                chart_number=HOSTILE,
                category=HOSTILE,
                place_text=HOSTILE,
                due_text=HOSTILE,
                office=HOSTILE,
                status_text=HOSTILE,
                lon=135.4 + 0.05 * i,
            )
            for i, item in enumerate(data.items)
        ),
    )


def hostile_plan() -> PlanMapData:
    """Put hostile words into every field of a plan."""
    data = road_plan(teams=2, stops=3)
    return replace(
        data,
        closures=hostile_closures(),
        office_name=HOSTILE,
        date_text=HOSTILE,
        version_text=HOSTILE,
        attribution=(HOSTILE,),
        wards=tuple(replace(w, name=HOSTILE) for w in data.wards),
        teams=tuple(
            replace(
                team,
                team_name=HOSTILE,
                letter="${window.pwned=1}<b>",
                stops=tuple(_hostile_stop(stop) for stop in team.stops),
            )
            for team in data.teams
        ),
    )


def _hostile_stop(stop: MapStop) -> MapStop:
    return replace(
        stop,
        chart_id=HOSTILE,
        chart_number=HOSTILE,
        category=HOSTILE,
        place_text=HOSTILE,
        reason=HOSTILE,
        arrive=HOSTILE,
        start=HOSTILE,
        end=HOSTILE,
    )
