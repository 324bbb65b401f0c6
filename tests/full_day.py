"""A day with every field of every value set: nothing may be lost in a file."""

from __future__ import annotations

import datetime as dt

import numpy as np

from dispatch.domain.catalogue import Urgency
from dispatch.domain.levels import DEFAULT_LEVELS
from dispatch.domain.place import LonLat
from dispatch.domain.plan import Stop, Unassigned, UnassignedReason
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.team import Lunch, MobileTeam, Shift, Vehicle
from dispatch.domain.travel import (
    RestrictedTravel,
    Traffic,
    TrafficPeriod,
    TravelLevel,
    TravelMatrix,
)
from dispatch.domain.visit import After, ForbiddenHours, TimeWindow, Visit
from dispatch.prepared_day import PreparedDay
from tests.builders import DAY, MIN, YARD, at, visit

LEFT = LonLat(135.51, 34.71)


def full_day() -> PreparedDay:
    """One visit and one team with all that can be said, and a plain visit before it."""
    first = visit("before")
    return PreparedDay(
        problem=DayProblem(
            date=DAY,
            visits=(first, _visit()),
            team_days=(_team_day(),),
            travel=_travel(),
            visit_nodes=(1, 2),
            tools=(("高所作業車", 1),),
            levels=(*DEFAULT_LEVELS[1:], DEFAULT_LEVELS[0]),
        ),
        on_hold=(
            Unassigned(
                visit_id="held",
                reason=UnassignedReason.ON_HOLD,
                sentence="待機中です。",
            ),
        ),
        first_team_ids={"full": "t1", "before": None},
        names={"north": "北工営所"},
        orders_in_force=((0,),),
    )


def _visit() -> Visit:
    return Visit(
        id="full",
        category_code="R05",
        urgency=Urgency.A,
        place=LEFT,
        service_s=45 * MIN,
        office_id="north",
        allowed_office_ids=frozenset({"north", "south", "east"}),
        skills=frozenset({"sewer", "river"}),
        crew=2,
        num_teams=2,
        load_kg=120,
        materials=(("土のう", 10), ("コーン", 4)),
        tools=frozenset({"高所作業車"}),
        max_width_cm=170,
        vehicle_classes=frozenset({"kei"}),
        release_s=at("9:30"),
        due_s=at("16:00"),
        hard_due=True,
        windows=(
            TimeWindow(start_s=at("10:00"), end_s=at("11:00")),
            TimeWindow(start_s=at("14:00"), end_s=at("15:00")),
        ),
        forbidden=(ForbiddenHours(start_s=at("7:30"), end_s=at("8:30")),),
        after=(After(visit_id="before", gap_s=30 * MIN),),
        not_before=DAY - dt.timedelta(days=1),
        team_id="t1",
        start_between=TimeWindow(start_s=at("10:15"), end_s=at("10:45")),
        team_in_force_id="t1",
        district_id="d1",
    )


def _team_day() -> TeamDay:
    lunch = Lunch(
        nominal_s=at("12:00"),
        duration_s=45 * MIN,
        earliest_s=at("11:30"),
        latest_end_s=at("13:30"),
    )
    team = MobileTeam(
        id="t1",
        office_id="north",
        name="機動班1",
        letter="A",
        vehicle=Vehicle(
            name="軽トラック",
            load_kg=350,
            materials=(("土のう", 20), ("コーン", 8)),
            width_cm=148,
            vehicle_class="kei",
        ),
        crew_size=3,
        skills=frozenset({"sewer", "river"}),
        base=YARD,
        shift=Shift(
            start_s=at("9:00"), end_s=at("17:30"), lunch=lunch, overtime_max_s=60 * MIN
        ),
        service_times=(("R05", 40 * MIN),),
    )
    stop = Stop(
        visit_id="done",
        arrive_s=at("9:10"),
        start_s=at("9:15"),
        end_s=at("9:45"),
        drive_s=10 * MIN,
        drive_m=4_000,
        late_s=15 * MIN,
        drive_level=TravelLevel.ROAD,
        held_s=MIN,
    )
    return TeamDay(
        team=team,
        start_node=3,
        end_node=0,
        free_from_s=at("9:45"),
        lunch_start_s=at("11:30"),
        committed=(stop,),
        committed_load_kg=50,
        committed_materials=(("コーン", 2),),
        committed_tools=frozenset({"高所作業車"}),
        departed_s=at("9:00"),
        work_before_s=500_000,
    )


def _travel() -> TravelMatrix:
    here, there = np.indices((4, 4))
    duration_s = np.asarray((here != there) * (600 + 10 * here + there), dtype=np.int64)
    return TravelMatrix(
        duration_s=duration_s,
        distance_m=duration_s * 7,
        level=TravelLevel.ROAD_GRAPH,
        place_levels=(TravelLevel.ROAD, TravelLevel.ROAD_GRAPH) * 2,
        traffic=Traffic(
            periods=(
                TrafficPeriod(start_s=0, factor=1.0),
                TrafficPeriod(start_s=at("7:00"), factor=1.3),
            )
        ),
        restricted=RestrictedTravel(
            windows=((at("7:30"), at("8:30")),),
            duration_s=duration_s * 2,
            distance_m=duration_s * 9,
        ),
    )
