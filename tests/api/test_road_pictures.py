"""Drives of a plan for maps and sheets: which times on the road, which levels."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from api.road_pictures import moment_of, road_legs, sheet_legs, travel_levels
from api.wiring import Services
from dispatch.adapters.clocks import FixedClock
from dispatch.domain.place import LonLat
from dispatch.domain.plan import Route, Stop
from dispatch.domain.travel import TravelLevel
from geodata.roads.route import RoadLeg
from geodata.roads.routing import Drive
from tests.builders import DAY, TOKYO, YARD, at, chart, day_problem, plan_of, team

HOUR = 3600
STOP = Stop(
    visit_id="c1",
    arrive_s=at("10:00"),
    start_s=at("10:00"),
    end_s=at("10:30"),
    drive_s=HOUR,
    drive_m=4000,
    drive_level=TravelLevel.ROAD,
    held_s=HOUR // 2,
)
ROUTE = Route(
    team_id="t1",
    stops=(STOP,),
    depart_s=at("9:00"),
    return_s=at("11:00"),
    return_drive_s=HOUR // 2,
    return_drive_m=4000,
    lunch_start_s=None,
    lunch_end_s=None,
    return_drive_level=TravelLevel.STRAIGHT_LINE,
)


class Asked:
    """Stands for the routes: keeps what it was asked."""

    def __init__(self) -> None:
        self.drives: list[tuple[Drive, dt.datetime]] = []

    def legs(self, drive: Drive, *, at: dt.datetime) -> tuple[RoadLeg, ...]:
        self.drives.append((drive, at))
        return ()


def services_at(now: dt.datetime, *, roads: object = "some") -> tuple[Services, Asked]:
    asked = Asked()
    made = SimpleNamespace(
        roads=roads,
        travel=SimpleNamespace(routes=asked),
        clock=FixedClock(now),
        profile=SimpleNamespace(timezone=TOKYO),
    )
    return cast("Services", cast("Any", made)), asked


def placed() -> dict[str, Any]:
    one = chart("c1")
    assert one.placement is not None
    place = replace(one.placement, place=LonLat(135.51, 34.69))
    return {"c1": replace(one, placement=place)}


def drive_of(services: Services) -> tuple[RoadLeg, ...]:
    plan = replace(plan_of(day_problem(), [()]), routes=(ROUTE,))
    return road_legs(services, plan, team("t1"), ROUTE, placed())


def test_waiting_for_a_ban_to_end_is_no_time_on_the_road() -> None:
    morning = dt.datetime.combine(DAY, dt.time(8), TOKYO)
    services, asked = services_at(morning)
    drive_of(services)
    drive, moment = asked.drives[0]
    assert drive.places == (YARD, LonLat(135.51, 34.69), YARD)
    # Left at 9:00, held half an hour, on the road from 9:30 to 10:00; back 10:30-11:00.
    assert drive.busy == ((at("9:30"), at("10:00")), (at("10:30"), at("11:00")))
    assert moment == morning


def test_without_roads_there_are_no_legs_to_draw() -> None:
    services, asked = services_at(
        dt.datetime.combine(DAY, dt.time(8), TOKYO), roads=None
    )
    assert drive_of(services) == ()
    assert asked.drives == []


def test_another_day_is_looked_at_from_its_midnight() -> None:
    services, _ = services_at(dt.datetime.combine(DAY, dt.time(23, 59), TOKYO))
    tomorrow = DAY + dt.timedelta(days=1)
    assert moment_of(services, tomorrow) == dt.datetime.combine(
        tomorrow, dt.time(), TOKYO
    )


def test_sheet_tells_the_plans_minutes_and_the_worse_level() -> None:
    road = RoadLeg(
        path=(YARD, YARD), duration_s=1, distance_m=1, turns=(), level=TravelLevel.ROAD
    )
    out, back = sheet_legs((road, road), (STOP,), ROUTE, language="ja")
    assert (out.km, out.drive_min, out.level) == (4.0, 60, TravelLevel.ROAD)
    assert (back.drive_min, back.level) == (30, TravelLevel.STRAIGHT_LINE)
    assert sheet_legs((), (STOP,), ROUTE, language="ja") == ()


def test_a_plan_names_its_best_level_and_a_poorer_one_beside_it() -> None:
    plan = replace(
        plan_of(day_problem(), [()]),
        routes=(ROUTE,),
        travel_level=TravelLevel.STRAIGHT_LINE,
    )
    assert travel_levels(plan) == (TravelLevel.ROAD, TravelLevel.STRAIGHT_LINE)
    assert travel_levels(replace(plan, routes=())) == (TravelLevel.STRAIGHT_LINE,)
