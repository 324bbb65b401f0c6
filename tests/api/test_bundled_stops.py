"""Stops that crews walk between: which they are, and how pages and paper tell them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.bundled_stops import (
    BundledStop,
    bundled_stops,
    walked_on_map,
    walked_on_sheet,
)
from api.pictures import Pictures
from api.sheet_values import sheet_values
from dispatch.chart_opening import Intake
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.consultation import Channel, Consultation
from dispatch.domain.place import LonLat
from dispatch.domain.plan import Route, Stop
from dispatch.domain.reporter import Reporter
from dispatch.domain.travel import TravelLevel
from dispatch.ports import StoredPlan
from dispatch.slot_desk import SlotWish
from maps.road_lines import MapLeg
from maps.sheet_data import SheetLeg
from tests.api.installation import (
    BROWSER,
    DAY,
    NOW,
    running,
    services_of,
    settings_for,
)
from tests.builders import chart, placement

# One degree of latitude is 111,195 m: 0.0003 degrees are 33 m, 0.0006 are 67 m.
LAMP, NEXT, BEYOND = (LonLat(135.5, 34.71 + far) for far in (0.0, 0.0003, 0.0006))
MID = MapLeg(path=((1, 1), (2, 2), (3, 3)), level=TravelLevel.ROAD)


def stop(visit_id: str, drive_s: int = 600, drive_m: int = 3_000) -> Stop:
    return Stop(
        visit_id=visit_id,
        arrive_s=0,
        start_s=0,
        end_s=60,
        drive_s=drive_s,
        drive_m=drive_m,
    )


def charts_at(*places: LonLat, radius_m: int = 30) -> dict[str, CaseChart]:
    """Build charts v1, v2 and so on at these places."""
    return {
        f"v{n}": chart(f"v{n}", placement=placement(place, radius_m=radius_m))
        for n, place in enumerate(places, start=1)
    }


STREET = (stop("v1"), stop("v2", 20, 33), stop("v3", 300, 900), stop("v4", 0, 0))
CHARTS = charts_at(LAMP, NEXT, BEYOND, BEYOND)


def test_stops_in_a_row_belong_together_while_all_are_near() -> None:
    # v3 is 67 m from v1; v4 is where v3 is. A walk of 20 s is told as a minute.
    assert bundled_stops(STREET, CHARTS, bundle_m=40) == {
        "v1": BundledStop(order=1, first=1, last=2, walk_min=0),
        "v2": BundledStop(order=2, first=1, last=2, walk_min=1),
        "v3": BundledStop(order=3, first=3, last=4, walk_min=0),
        "v4": BundledStop(order=4, first=3, last=4, walk_min=0),
    }


def test_where_nothing_is_walked_no_stops_belong_together() -> None:
    assert bundled_stops(STREET, CHARTS, bundle_m=0) == {}


def test_a_place_that_is_known_roughly_is_a_stop_by_itself() -> None:
    # within 150 m a place counts as known; beyond, a ring is drawn round it
    rough = CHARTS | {"v3": chart("v3", placement=placement(BEYOND, radius_m=151))}
    assert set(bundled_stops(STREET, rough, bundle_m=40)) == {"v1", "v2"}
    # the numbers go on behind it
    moved = (STREET[2], STREET[0], STREET[1])
    numbers = bundled_stops(moved, rough, bundle_m=40)["v2"].numbers
    assert numbers == (2, 3)


def test_a_walk_is_drawn_straight_and_told_without_turns() -> None:
    bundled = bundled_stops(STREET, CHARTS, bundle_m=40)
    drawn = walked_on_map([MID] * 5, STREET, CHARTS, bundled)
    assert [leg.path for leg in drawn] == [
        MID.path,
        ((LAMP.lon, LAMP.lat), (NEXT.lon, NEXT.lat)),
        MID.path,
        ((BEYOND.lon, BEYOND.lat), (BEYOND.lon, BEYOND.lat)),
        MID.path,
    ]
    leg = SheetLeg(
        path=MID.path,
        level=TravelLevel.ROAD,
        directions="右折→到着",
        km=0.03,
        drive_min=0,
        arrives_left=True,
    )
    told = walked_on_sheet([leg] * 5, STREET, bundled)
    assert [one.walked for one in told] == [False, True, False, True, False]
    assert (told[1].path, told[1].directions, told[1].drive_min) == ((), "", 1)
    assert told[0] is leg


def test_without_roads_there_are_no_legs_to_tell() -> None:
    bundled = bundled_stops(STREET, CHARTS, bundle_m=40)
    assert walked_on_map((), STREET, CHARTS, bundled) == ()
    assert walked_on_sheet((), STREET, bundled) == ()


# -- a published day -------------------------------------------------------------------

HERE = LonLat(135.48220, 34.64660)
BESIDE = LonLat(135.48240, 34.64660)  # 0.0002 degrees of longitude here: 18 m
AWAY = LonLat(135.49420, 34.64000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    """One team's day: two places beside each other and one away."""

    client: TestClient
    plan: StoredPlan
    route: Route
    charts: dict[str, CaseChart]
    pictures: Pictures

    @property
    def office_id(self) -> str:
        """Office whose team goes."""
        teams = self.pictures.services.profile.teams
        return next(t.office_id for t in teams if t.id == self.route.team_id)

    @property
    def bundled(self) -> dict[str, BundledStop]:
        """What belongs together."""
        return self.pictures.bundled(self.route, self.charts)


@pytest.fixture(scope="module")
def street(
    tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path
) -> Iterator[Street]:
    settings = settings_for(tmp_path_factory.mktemp("bundles"), geodata_dir)
    with running(settings) as client:
        services = services_of(client)
        services.intake.receive_all(
            [
                Intake(
                    consultation=Consultation(
                        received_at=NOW,
                        channel=Channel.PHONE,
                        category_code="R02",
                        description="穴",
                        position=place,
                    ),
                    reporter=Reporter(),
                )
                for place in (HERE, AWAY, BESIDE)
            ],
            who="受付",
        )
        made = services.planning.make(
            DAY, services.search_params(), lambda _progress: None, who="配車"
        )
        plan = services.planning.publish(made.id, who="配車")
        charts = {chart.id: chart for chart in services.store.find()}
        placed = {one.id: one.placement for one in charts.values() if one.placement}
        near = {key for key, one in placed.items() if one.place != AWAY}
        (route,) = (r for r in plan.plan.routes if near & {s.visit_id for s in r.stops})
        yield Street(
            client=client,
            plan=plan,
            route=route,
            charts=charts,
            pictures=Pictures(services),
        )


def test_the_places_beside_each_other_are_one_bundle(street: Street) -> None:
    places = [street.charts[key].placement for key in street.bundled]
    assert {one.place for one in places if one} == {HERE, BESIDE}


def test_map_and_sheet_tell_the_same_stops_by_the_same_numbers(street: Street) -> None:
    numbers = {key: (one.order, one.numbers) for key, one in street.bundled.items()}
    data = street.pictures.plan_map(street.plan, street.office_id, street.charts)
    on_map = {s.chart_id: s for team in data.teams for s in team.stops if s.bundle}
    (sheet,) = sheet_values(
        street.pictures, street.plan, [street.route.team_id], street.charts
    )
    on_sheet = {stop.chart_id: stop for stop in sheet.stops if stop.bundle}
    for shown in (on_map, on_sheet):
        assert {key: (s.order, s.bundle) for key, s in shown.items()} == numbers
    (walked,) = (s for s in on_sheet.values() if s.is_walked)
    # 18 m: no plan needs a minute for it, and people are told one
    assert walked.drive_min == on_map[walked.chart_id].drive_min == 1


def test_a_promise_beside_them_costs_the_walk(street: Street) -> None:
    asked = Consultation(
        received_at=NOW,
        channel=Channel.API,
        category_code="R02",
        description="",
        position=LonLat(135.48230, 34.64660),  # 9 m from both
    )
    wish = SlotWish(consultation=asked, first=DAY, last=DAY, window_s=7200)
    offered = street.pictures.services.slots.offer(wish, client="intake")
    # between the two: 9 m and 9 m on foot instead of 18 m, less than a minute more
    assert min(slot.price_min for slot in offered) == 1


def test_the_page_brackets_them_and_says_that_the_crew_parks_once(
    street: Street,
) -> None:
    url = f"/plan/{street.plan.id}/{street.office_id}"
    page = street.client.get(url, headers=BROWSER).text
    (first, last) = next(iter(street.bundled.values())).numbers
    assert f"{first}–{last} まとめ(徒歩)・駐車1回" in page
    assert page.count("徒歩 1分") == 1
    assert re.findall(r'<tr class="([^"]*)"', page) == [
        "bundle bundle-goes-on",
        "bundle",
    ]
