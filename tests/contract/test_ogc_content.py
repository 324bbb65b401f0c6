"""What the feature service shows and what it never shows, on both databases."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from dispatch.domain.case_chart import ChartStatus
from tests.api.installation import DAY, services_of
from tests.contract.ogc_world import (
    COLLECTIONS,
    FIRST_AT,
    ITEMS,
    SECRETS,
    SOUTH,
    STEP_LAT,
    STEP_LON,
    WEST,
    OgcWorld,
    href,
    planted,
)

pytestmark = pytest.mark.both_databases


def chart_features(ogc: OgcWorld, **parameters: str) -> list[dict[str, Any]]:
    found = ogc.items("consultations", limit="10000", **parameters)
    features: list[dict[str, Any]] = found["features"]
    return features


def test_field_charts_are_shown_with_codes_names_and_city_times(ogc: OgcWorld) -> None:
    feature = chart_features(ogc)[0]
    sent = ogc.shown[feature["id"]]
    place = [round(WEST, 6), round(SOUTH, 6)]
    assert feature["geometry"] == {"type": "Point", "coordinates": place}
    told = feature["properties"]
    assert set(told) == {
        "number",
        "status",
        "status_name",
        "category",
        "category_name",
        "urgency",
        "date",
        "received_at",
        "due_at",
        "ward",
        "ward_name",
        "district",
        "district_name",
        "office",
        "office_name",
        "team",
        "team_name",
    }
    assert told["number"] == sent["number"]
    assert (told["status"], told["status_name"]) == ("planned", "計画済")
    assert (told["category"], told["category_name"]) == (
        "R02",
        "路面の穴ぼこ(ポットホール)",
    )
    assert told["date"] == "2026-11-24"
    assert told["received_at"] == "2026-11-24T08:00:00+09:00"
    assert told["due_at"] == "2026-11-24T17:30:00+09:00"
    assert told["office_name"].endswith("工営所")
    assert told["ward_name"].endswith("区")
    assert told["district_name"]


def test_only_placed_charts_of_the_field_crews_are_shown(ogc: OgcWorld) -> None:
    assert ogc.ids("consultations") == set(ogc.shown)
    for chart_id in ogc.hidden.values():
        url = f"{ITEMS.format('consultations')}/{chart_id}"
        assert ogc.client.get(url).status_code == 404


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_no_person_and_no_word_of_a_resident_is_in_any_answer(
    ogc: OgcWorld, collection: str
) -> None:
    base = f"/ogc/collections/{collection}"
    paths = ["/ogc", "/ogc/api", "/ogc/collections", base, f"{base}/queryables"]
    features = ogc.items(collection, limit="10000")["features"]
    assert features
    paths += [f"{base}/items?limit=10000", f"{base}/items/{features[0]['id']}"]
    for path in paths:
        text = ogc.client.get(path).text
        assert not [secret for secret in SECRETS if secret in text]


def test_visits_are_the_stops_of_the_plan_in_force_in_order(ogc: OgcWorld) -> None:
    assert ogc.plan is not None
    stops = [
        (route.team_id, order, stop.visit_id)
        for route, order, stop in ogc.plan.plan.stops()
    ]
    features = ogc.items("visits", limit="10000")["features"]
    told = [
        (one["properties"]["team"], one["properties"]["order"], one["properties"])
        for one in features
    ]
    assert [(team, order, p["consultation"]) for team, order, p in told] == sorted(
        stops
    )
    route, order, stop = next(ogc.plan.plan.stops())
    visit_id = f"{ogc.plan.id}.{route.team_id}.{order}"
    visit = ogc.get(f"{ITEMS.format('visits')}/{visit_id}")
    midnight = dt.datetime.combine(DAY, dt.time(), FIRST_AT.tzinfo)
    start = midnight + dt.timedelta(seconds=stop.start_s)
    assert visit["properties"]["start_at"] == start.isoformat()
    assert visit["properties"]["plan_version"] == ogc.plan.version


def test_plans_are_one_line_for_each_team_from_its_yard_and_back(
    ogc: OgcWorld,
) -> None:
    assert ogc.plan is not None
    routes = {r.team_id: r for r in ogc.plan.plan.routes if r.stops}
    features = ogc.items("plans", limit="10000")["features"]
    assert {one["properties"]["team"] for one in features} == set(routes)
    for one in features:
        route = routes[one["properties"]["team"]]
        line = one["geometry"]["coordinates"]
        assert one["geometry"]["type"] == "LineString"
        assert len(line) == len(route.stops) + 2
        assert line[0] == line[-1]
        assert one["properties"]["num_visits"] == len(route.stops)
        assert one["properties"]["drive_km"] == round(route.drive_m / 1000, 1)


def test_wards_tell_their_office_and_districts_their_ward(ogc: OgcWorld) -> None:
    wards = ogc.items("wards", limit="100")["features"]
    assert len(wards) == 24
    nishinari = next(w for w in wards if w["properties"]["name"] == "西成区")
    assert nishinari["properties"]["office"] == "tsumori"
    assert nishinari["properties"]["approximate"] is True
    inside = ogc.ids("school_districts", ward=nishinari["id"])
    assert inside
    assert all(one.startswith(nishinari["id"]) for one in inside)
    assert len(ogc.ids("offices")) == 8


# Rows of the grid lie 0.005 degrees apart, columns 0.006; a box of half a step around
# the first row holds its 6 charts, around the first column 4, around both 1.
@pytest.mark.parametrize(
    ("edges", "count"),
    [
        ((135.0, SOUTH - STEP_LAT / 2, 136.0, SOUTH + STEP_LAT / 2), 6),
        ((WEST - STEP_LON / 2, 34.0, WEST + STEP_LON / 2, 35.0), 4),
        ((WEST - 0.001, SOUTH - 0.001, WEST + 0.001, SOUTH + 0.001), 1),
        ((135.0, 34.0, 136.0, 35.0), 24),
        ((0.0, 0.0, 1.0, 1.0), 0),
        # West beyond east: from the first column's middle round the globe to 135.0.
        ((WEST + STEP_LON / 2, 34.0, 135.0, 35.0), 20),
    ],
)
def test_a_box_holds_what_lies_in_it(
    ogc: OgcWorld, edges: tuple[float, ...], count: int
) -> None:
    west, south, east, north = edges
    flat = ",".join(map(str, edges))
    upright = f"{west},{south},-10,{east},{north},500"
    assert ogc.items("consultations", bbox=flat)["numberMatched"] == count
    assert ogc.items("consultations", bbox=upright)["numberMatched"] == count
    # The same charts are visited, so the same stops are in the box.
    seen = {
        one["properties"]["consultation"]
        for one in ogc.items("visits", bbox=flat, limit="10000")["features"]
    }
    assert seen <= ogc.ids("consultations", bbox=flat)


def test_areas_and_lines_are_in_a_box_that_they_touch(ogc: OgcWorld) -> None:
    spot = f"{WEST},{SOUTH},{WEST},{SOUTH}"
    assert len(ogc.ids("wards", bbox=spot)) == 1
    assert len(ogc.ids("school_districts", bbox=spot)) == 1
    lines = ogc.items("plans", limit="100")["features"]
    lon, lat = lines[0]["geometry"]["coordinates"][0]
    assert lines[0]["id"] in ogc.ids("plans", bbox=f"{lon},{lat},{lon},{lat}")
    assert ogc.ids("plans", bbox="0,0,1,1") == set()


# The charts came in at 8:00, 8:01 … 8:23 of 24 November, Japan time.
@pytest.mark.parametrize(
    ("span", "count"),
    [
        ("2026-11-24T08:05:00+09:00", 1),
        ("2026-11-23T23:05:00Z", 1),
        ("2026-11-23t23:05:00z", 1),
        ("2026-11-23T23:04:60Z", 1),  # a leap second is the next minute's first
        ("2026-11-24T08:05:00 09:00", 1),  # a plus that was not escaped
        ("2026-11-24T08:05:00.5+09:00", 0),
        ("2026-11-24T08:05:00+09:00/2026-11-24T08:09:59+09:00", 5),
        ("2026-11-24T08:20:00+09:00/..", 4),
        ("2026-11-24T08:20:00+09:00/", 4),
        ("../2026-11-24T08:01:00+09:00", 2),
        ("/2026-11-24T08:01:00+09:00", 2),
        ("2026-11-24", 24),
        ("2026-11-23", 0),
        ("2026-11-23/2026-11-24", 24),
        ("0001-01-01T00:00:00+14:00", 0),
        ("9999-12-31T23:59:59-14:00", 0),
        ("0001-01-01T00:00:00+14:00/9999-12-31T23:59:59-14:00", 24),
    ],
)
def test_times_of_receipt_are_asked_for_by_moment_span_and_day(
    ogc: OgcWorld, span: str, count: int
) -> None:
    assert ogc.items("consultations", datetime=span)["numberMatched"] == count


def test_visits_are_found_by_their_hours_and_plans_by_their_day(
    ogc: OgcWorld,
) -> None:
    visits = ogc.items("visits", limit="10000")["features"]
    first = visits[0]["properties"]
    within = f"{first['start_at']}/{first['end_at']}"
    assert visits[0]["id"] in ogc.ids("visits", datetime=within)
    assert ogc.ids("visits", datetime="2026-11-24") == {one["id"] for one in visits}
    assert ogc.ids("visits", datetime="2026-11-25/..") == set()
    assert ogc.ids("plans", datetime="2026-11-24T23:59:59+09:00") == ogc.ids("plans")
    for other in ("2026-11-23", "2026-11-25"):
        assert ogc.ids("plans", datetime=other) == set()
        assert ogc.ids("plans", date=other) == set()
    assert ogc.ids("plans", date="2026-11-24") == ogc.ids("plans")
    # What has no time of its own is there at any time.
    assert len(ogc.ids("wards", datetime="1990-01-01")) == 24


@pytest.mark.parametrize(
    "name", ["status", "category", "urgency", "ward", "district", "office", "date"]
)
@pytest.mark.parametrize("collection", ["consultations", "visits"])
def test_filters_part_the_features_by_a_property(
    ogc: OgcWorld, collection: str, name: str
) -> None:
    features = ogc.items(collection, limit="10000")["features"]
    by_value: dict[str, set[str]] = {}
    for one in features:
        by_value.setdefault(one["properties"][name], set()).add(one["id"])
    for value, wanted in by_value.items():
        assert ogc.ids(collection, **{name: value}) == wanted


def test_filters_box_and_time_narrow_together(ogc: OgcWorld) -> None:
    # Every third chart is R13; of the first row's six charts, those of 8:01 and 8:04.
    row = f"135,{SOUTH - 0.001},136,{SOUTH + 0.001}"
    assert len(ogc.ids("consultations", bbox=row, category="R13")) == 2
    early = "../2026-11-24T08:03:00+09:00"
    found = ogc.ids(
        "consultations", bbox=row, category="R13", datetime=early, date="2026-11-24"
    )
    assert len(found) == 1
    assert ogc.ids("consultations", datetime=early, date="2026-11-23") == set()


def test_pages_stay_right_while_charts_come_in(ogc: OgcWorld) -> None:
    before = ogc.ids("consultations", category="R02")
    first = ogc.items("consultations", category="R02", limit="5")
    # One that was received before all others, and one after them.
    for at in ("2026-11-24T07:00:00+09:00", "2026-11-24T08:45:00+09:00"):
        place = {"lon": WEST, "lat": SOUTH}
        chart = planted(ogc, "R02", position=place, received_at=at)
        ogc.shown[str(chart["id"])] = chart
    seen = [one["id"] for one in first["features"]]
    onward = first
    while (link := href(onward, "next")) is not None:
        onward = ogc.get(link)
        seen += [one["id"] for one in onward["features"]]
    assert len(seen) == len(set(seen))
    assert before <= set(seen)


def test_a_chart_that_is_referred_leaves_the_map_and_the_visits(ogc: OgcWorld) -> None:
    services = services_of(ogc.client)
    visits = ogc.items("visits", limit="10000")["features"]
    chart_id = visits[0]["properties"]["consultation"]
    chart = services.store.get(chart_id)
    gone = replace(chart, status=ChartStatus.REFERRED, version=chart.version + 1)
    services.store.save_all([(gone, ())])
    url = f"{ITEMS.format('consultations')}/{chart_id}"
    assert ogc.client.get(url).status_code == 404
    left = ogc.ids("visits")
    assert left == {
        one["id"] for one in visits if one["properties"]["consultation"] != chart_id
    }
    for visit in visits:
        url = f"{ITEMS.format('visits')}/{visit['id']}"
        assert (ogc.client.get(url).status_code == 200) is (visit["id"] in left)
