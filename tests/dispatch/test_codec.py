"""Stored plans: what was written before legs told levels and waits is still read."""

from __future__ import annotations

import json

from dispatch.adapters.codec import from_json, to_json
from dispatch.domain.plan import Plan, level_of_legs
from dispatch.domain.travel import TravelLevel
from dispatch.ports import StoredPlan
from tests.builders import at

# As version 0.1 wrote it: no drive_level, no return_drive_level.
OLD = {
    "id": "p000000001",
    "version": 1,
    "status": "published",
    "made_at": "2026-11-24T08:00:00+09:00",
    "made_by": "配車係",
    "plan": {
        "date": "2026-11-24",
        "routes": [
            {
                "team_id": "t1",
                "stops": [
                    {
                        "visit_id": "a",
                        "arrive_s": 33_000,
                        "start_s": 33_000,
                        "end_s": 34_800,
                        "drive_s": 600,
                        "drive_m": 4_000,
                        "late_s": 0,
                    }
                ],
                "depart_s": 32_400,
                "return_s": 35_400,
                "return_drive_s": 600,
                "return_drive_m": 4_000,
                "lunch_start_s": 41_400,
                "lunch_end_s": 44_100,
                "overtime_s": 0,
            }
        ],
        "unassigned": [],
        "score": {
            "s_not_on_time": 0,
            "promises_not_on_time": 0,
            "unserved_s": 0,
            "unserved_a": 0,
            "unserved_b": 0,
            "unserved_c": 0,
            "s_late_steps": 0,
            "late_steps": 0,
            "drive_s": 1_200,
            "overtime_s": 0,
            "balance_s": 0,
        },
        "travel_level": "straight_line",
        "seed": 1,
        "method": "",
    },
    "num_feasible": 1,
    "num_violations": 0,
    "reasons": {},
    "published_at": None,
    "changed_visit_ids": [],
    "based_on": None,
}


def test_a_plan_stored_before_there_were_levels_of_legs_has_straight_lines() -> None:
    stored = from_json(StoredPlan, json.dumps(OLD))
    (route,) = stored.plan.routes
    assert route.stops[0].start_s == at("9:10")
    assert route.stops[0].drive_level is TravelLevel.STRAIGHT_LINE
    assert route.return_drive_level is TravelLevel.STRAIGHT_LINE
    assert (route.stops[0].held_s, route.return_held_s) == (0, 0)
    assert not route.no_way_back
    level = level_of_legs(stored.plan.routes, without_legs=TravelLevel.ROAD)
    assert level is stored.plan.travel_level


def test_levels_waits_and_a_lost_way_back_are_stored_and_read_back() -> None:
    text = to_json(from_json(StoredPlan, json.dumps(OLD)).plan)
    body = json.loads(text)
    body["routes"][0]["stops"][0]["drive_level"] = "road"
    body["routes"][0]["return_drive_level"] = "road_graph"
    body["routes"][0]["stops"][0]["held_s"] = 60
    body["routes"][0]["return_held_s"] = 120
    body["routes"][0]["no_way_back"] = True
    plan = from_json(Plan, json.dumps(body))
    assert plan.routes[0].stops[0].drive_level is TravelLevel.ROAD
    assert plan.routes[0].return_drive_level is TravelLevel.ROAD_GRAPH
    assert (plan.routes[0].stops[0].held_s, plan.routes[0].return_held_s) == (60, 120)
    assert plan.routes[0].no_way_back
    assert json.loads(to_json(plan)) == body
