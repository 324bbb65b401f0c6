"""Routes for people: whole, on roads, on the left where it is cheap, never an error."""

from __future__ import annotations

import atexit
import datetime as dt
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import urllib3
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.adapters.closure_store import SqlClosures
from dispatch.adapters.database import open_database
from dispatch.domain.closure import Interval
from dispatch.domain.place import LonLat, great_circle_m
from dispatch.domain.travel import TravelLevel
from geodata.roads import routing
from geodata.roads.network import Network
from geodata.roads.networks import AS_BUILT, Chains, Networks
from geodata.roads.numbers import VehicleSize
from geodata.roads.osrm_client import EngineError, OsrmClient
from geodata.roads.route import RoadLeg, TurnKind
from geodata.roads.routing import Drive, RoadRoutes
from geodata.roads.service import RoadTravelTimes
from geodata.roads.snapping import Snapped
from geodata.roads.valhalla import ValhallaRoutes
from geodata.travel_times import StraightLineTravelTimes
from tests.builders import at, moment
from tests.geodata.road_data import (
    OFF_ROAD,
    Answer,
    Crossing,
    FakeEngine,
    TownRoads,
    nobody_there,
    ok,
    place,
    places,
    serving,
)
from tests.geodata.road_data import town_roads as built_town
from tests.geodata.test_osrm_process import engine_on, until
from tests.geodata.test_road_service import (
    HIGASHI,
    NAKA,
    flooded,
    remote,
    service,
    shut,
    straight_times,
)
from tests.geodata.test_valhalla import Server, leg, trip

ROAD, _, STRAIGHT = TravelLevel
TRUCK = VehicleSize(height_m=2.3, width_m=1.9, length_m=4.7, weight_t=5.0)
NOON = moment("12:00")


@pytest.fixture(scope="module")
def town() -> TownRoads:
    return built_town()


@pytest.fixture(scope="module")
def networks(town: TownRoads) -> Iterator[Networks]:
    opened = town.networks()
    yield opened
    opened.close()


@pytest.fixture
def closures(tmp_path: Path) -> Iterator[SqlClosures]:
    engine = open_database(f"sqlite:///{tmp_path / 'closures.sqlite3'}")
    yield SqlClosures(engine)
    engine.dispose()


@pytest.fixture
def roads(
    town: TownRoads, networks: Networks, closures: SqlClosures
) -> RoadTravelTimes:
    return service(town, networks, closures)


@pytest.fixture
def routes(roads: RoadTravelTimes, town: TownRoads) -> RoadRoutes:
    return RoadRoutes(roads, straight_times(town))


def drive(*crossings: Crossing, busy: tuple[str, str] = ("12:00", "12:05")) -> Drive:
    """Drive through points of the town, each leg at the same time."""
    hours = (at(busy[0]), at(busy[1]))
    return Drive(places=tuple(places(*crossings)), busy=(hours,) * (len(crossings) - 1))


def legs(routes: RoadRoutes, *crossings: Crossing) -> tuple[RoadLeg, ...]:
    return routes.legs(drive(*crossings), at=NOON)


def away_m(leg_end: LonLat, crossing: Crossing) -> float:
    return great_circle_m(leg_end, place(crossing))


# -- on the roads ----------------------------------------------------------------------


def test_a_route_leads_from_each_place_to_the_next(routes: RoadRoutes) -> None:
    # 20 m beside their streets: that near the lines come.
    stops: list[Crossing] = [(0.5, 0.2), (2.5, 2.2), (1.5, -2.2), (0.5, 0.2)]
    found = legs(routes, *stops)
    assert len(found) == 3
    for one, (here, there) in zip(found, pairwise(stops), strict=True):
        assert one.level is ROAD
        assert away_m(one.path[0], here) == pytest.approx(20, abs=1)
        assert away_m(one.path[-1], there) == pytest.approx(20, abs=1)
        line_m = sum(great_circle_m(a, b) for a, b in pairwise(one.path))
        assert one.distance_m == pytest.approx(line_m, abs=2)
        assert one.turns[0].kind is TurnKind.DEPART
        assert one.duration_s > 0
    assert found[0].path[-1] == found[1].path[0]


def test_turns_carry_the_names_of_the_streets(routes: RoadRoutes) -> None:
    # East along 一番通, over 中橋 at column 2, and left along the south bank.
    (one,) = legs(routes, (1.5, 0), (2.5, -2))
    assert [(turn.kind, turn.road) for turn in one.turns] == [
        (TurnKind.DEPART, "一番通"),
        (TurnKind.RIGHT, "中橋"),
        (TurnKind.LEFT, "南岸通"),
        (TurnKind.ARRIVE, "南岸通"),
    ]


def test_two_visits_at_one_place_are_a_leg_of_no_length(routes: RoadRoutes) -> None:
    first, second, _ = legs(routes, (0, 1.5), (2.5, 2.2), (2.5, 2.2), (0, 1.5))
    assert (second.distance_m, second.level) == (0, ROAD)
    assert second.path[0] == second.path[-1] == first.path[-1]


@cache
def shared_routes() -> RoadRoutes:
    """Routes without closures for property tests, which take no fixtures."""
    town = built_town()
    opened = town.networks()
    atexit.register(opened.close)
    closures = SqlClosures(open_database("sqlite://"))
    return RoadRoutes(service(town, opened, closures), straight_times(town))


def side_of(leg_found: RoadLeg, target: LonLat) -> float:
    """Above 0 when the place lies to the left of the last piece of the line."""
    before = next(p for p in reversed(leg_found.path) if p != leg_found.path[-1])
    last = leg_found.path[-1]
    east, north = last.lon - before.lon, last.lat - before.lat
    return east * (target.lat - last.lat) - north * (target.lon - last.lon)


# Beside the middle of a street of the grid: 20 m off the line, on either side.
beside_street = st.builds(
    lambda along, street, side, turned: (
        (street + side, along + 0.5) if turned else (along + 0.5, street + side)
    ),
    st.integers(0, 3),
    st.integers(0, 4),
    st.sampled_from([-0.2, 0.2]),
    st.booleans(),
)


@settings(max_examples=60)
@given(st.lists(beside_street, min_size=2, max_size=6, unique=True))
def test_any_drive_is_whole_and_true_about_the_left(stops: list[Crossing]) -> None:
    found = legs(shared_routes(), *stops)
    assert len(found) == len(stops) - 1
    for one, (here, there) in zip(found, pairwise(stops), strict=True):
        assert one.level is ROAD
        assert away_m(one.path[0], here) < 22
        assert away_m(one.path[-1], there) < 22
        if len(set(one.path)) > 1:
            assert one.at_left == (side_of(one, place(there)) > 0)


# -- on the left -----------------------------------------------------------------------


def test_a_stop_on_the_left_is_reached_on_the_left(routes: RoadRoutes) -> None:
    # Eastbound, what lies north of the street is on the left.
    first, last = legs(routes, (0.5, 2), (2.5, 2.2), (3.5, 2))
    assert first.at_left
    assert first.turns[-1].kind is TurnKind.ARRIVE_LEFT
    assert first.distance_m == pytest.approx(200, abs=2)
    assert last.distance_m == pytest.approx(100, abs=2)


def test_a_stop_on_the_right_is_reached_there_when_turning_is_dear(
    routes: RoadRoutes,
) -> None:
    # South of the street. To come from the east one must drive round a block before
    # it and again after it: 600 m more at 30 km/h are 72 s without one junction.
    first, last = legs(routes, (0.5, 2), (2.5, 1.8), (3.5, 2))
    assert not first.at_left
    assert first.turns[-1].kind is TurnKind.ARRIVE_RIGHT
    assert first.distance_m + last.distance_m == pytest.approx(300, abs=4)


def test_on_a_one_way_street_nothing_is_claimed_about_the_left(
    routes: RoadRoutes,
) -> None:
    # 桜筋 runs north only: what lies east of it is on the right, whatever is asked.
    east, _ = legs(routes, (3, 0.5), (3.2, 1.5), (3, 3.5))
    west, _ = legs(routes, (3, 0.5), (2.8, 1.5), (3, 3.5))
    assert (east.at_left, west.at_left) == (False, True)
    assert east.distance_m == west.distance_m == pytest.approx(100, abs=2)


class Scripted:
    """An engine whose legs take given seconds, with and without arriving left."""

    def __init__(self, free: list[float], left: list[float] | None) -> None:
        self.free, self.left = free, left

    def __call__(self, *asked: Any) -> Answer:  # noqa: ANN401 - service, places, options
        curb = "curb" in asked[2].get("approaches", "")
        if curb and self.left is None:
            return 400, b'{"code": "NoRoute"}'
        seconds = self.left if curb and self.left is not None else self.free
        return ok({"routes": [{"legs": [_told(one) for one in seconds]}]})


def _told(duration_s: float, **changes: object) -> dict[str, Any]:
    steps = [
        {
            "distance": 100,
            "name": "",
            "geometry": {"coordinates": [[135.5, 34.68], [135.501, 34.68]]},
            "maneuver": {
                "type": kind,
                "location": [135.5, 34.68],
                "bearing_after": 90,
            },
        }
        for kind in ("depart", "arrive")
    ]
    return {"duration": duration_s, "distance": 100, "steps": steps, **changes}


def asked_sides(
    town: TownRoads, engine: FakeEngine, *crossings: Crossing
) -> list[list[str]]:
    """Sides of each question for the way through points, by a fake engine."""
    with serving(engine):
        opened = town.networks(server=engine.client())
        closures = SqlClosures(open_database("sqlite://"))
        found = RoadRoutes(service(town, opened, closures), straight_times(town)).legs(
            drive(*crossings), at=NOON
        )
        opened.close()
    assert {one.level for one in found} == {ROAD}
    return [options.get("approaches", "").split(";") for _, _, options in engine.asked]


STOPS: tuple[Crossing, ...] = ((0.5, 0), (1.5, 1.2), (2.5, 2.2), (0.5, 0))
FREE, CURB = "unrestricted", "curb"


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        # Each leg takes 100 s freely. A stop's cost is what its two legs take more.
        ([100, 100, 100], [CURB, CURB]),
        ([159, 100, 100], [CURB, CURB]),  # 59 s for the first stop
        ([160, 100, 100], [FREE, CURB]),  # a whole minute is too much
        ([200, 50, 100], [CURB, CURB]),  # 100 s more, 50 s less after it: 50 s
        ([100, 150, 150], [CURB, FREE]),  # 50 s for the first, 100 s for the second
        ([100, 160, 100], [FREE, FREE]),
    ],
)
def test_the_left_may_cost_less_than_a_minute(
    town: TownRoads, left: list[float], expected: list[str]
) -> None:
    engine = FakeEngine(answer=Scripted([100, 100, 100], left))
    _, wanted, got = asked_sides(town, engine, *STOPS)
    assert wanted == [FREE, CURB, CURB, FREE]
    assert got == [FREE, *expected, FREE]


def test_a_stop_that_cannot_be_reached_on_the_left_is_reached_otherwise(
    town: TownRoads,
) -> None:
    engine = FakeEngine(answer=Scripted([100, 100, 100], None))
    *_, got = asked_sides(town, engine, *STOPS)
    assert got == [FREE] * 4


def test_a_place_on_the_road_itself_has_no_left(town: TownRoads) -> None:
    engine = FakeEngine(answer=Scripted([100, 100, 100], [100, 100, 100]))
    stops: list[Crossing] = [(0.5, 0), (1.5, 1), (2.5, 2.2), (0.5, 0)]
    _, wanted, got = asked_sides(town, engine, *stops)
    assert wanted == got == [FREE, FREE, CURB, FREE]


def test_a_drive_without_a_stop_asks_for_no_side(town: TownRoads) -> None:
    engine = FakeEngine(answer=Scripted([100], [100]))
    *_, got = asked_sides(town, engine, (0.5, 0.2), (2.5, 2.2))
    assert got == [FREE, FREE]


def test_the_engine_is_asked_beside_the_road_never_past_the_place(
    town: TownRoads,
) -> None:
    engine = FakeEngine(answer=Scripted([100, 100, 100], [100, 100, 100]))
    stops: list[Crossing] = [(0.5, 0), (1.5, 1.3), (2.5, 1.96), (0.5, 0)]
    asked_sides(town, engine, *stops)
    for _, asked, options in engine.asked:
        assert options["radiuses"] == "20;20;20;20"
        # 30 m beside: 10 m of them. 4 m beside: all of them. On the road: there.
        moved = [
            great_circle_m(asked[row], place(road))
            for row, road in ((0, (0.5, 0)), (1, (1.5, 1)), (2, (2.5, 2)))
        ]
        assert moved == [pytest.approx(m, abs=0.2) for m in (0, 10, 4)]
        assert asked[1].lat > place((1.5, 1)).lat
        assert asked[2].lat < place((2.5, 2)).lat


# -- beside the roads and without them -------------------------------------------------


def test_legs_beside_the_roads_are_straight_and_the_others_are_not(
    routes: RoadRoutes, town: TownRoads
) -> None:
    stops: list[Crossing] = [(0.5, 0), (1.5, 1), OFF_ROAD, (2.5, 2), (0.5, 0)]
    found = legs(routes, *stops)
    assert [one.level for one in found] == [ROAD, STRAIGHT, STRAIGHT, ROAD]
    line = straight_times(town).matrix(places(*stops), at=NOON)
    assert found[1].path == (place((1.5, 1)), place(OFF_ROAD))
    assert found[1].duration_s == line.duration_s[1, 2]
    assert found[1].distance_m == line.distance_m[1, 2]
    assert found[1].turns == ()
    assert not found[1].at_left


@pytest.mark.parametrize(
    "stops",
    [
        [OFF_ROAD, (1.5, 1), OFF_ROAD],
        [OFF_ROAD, OFF_ROAD],
        [(0.5, 0), OFF_ROAD, (1.5, 1), OFF_ROAD, (0.5, 0)],
    ],
)
def test_one_place_alone_on_the_roads_has_straight_lines(
    routes: RoadRoutes, stops: list[Crossing]
) -> None:
    found = legs(routes, *stops)
    assert {one.level for one in found} == {STRAIGHT}
    assert [one.path for one in found] == list(pairwise(places(*stops)))


def test_without_road_data_routes_are_straight(town: TownRoads) -> None:
    found = legs(RoadRoutes(None, straight_times(town)), (0.5, 0), (2.5, 2.2))
    assert [one.level for one in found] == [STRAIGHT]


def test_a_dead_engine_leaves_straight_lines_until_it_is_back(
    town: TownRoads, closures: SqlClosures
) -> None:
    opened = town.networks()
    try:
        routes = RoadRoutes(service(town, opened, closures), straight_times(town))
        engine = opened.engine
        assert engine is not None
        os.kill(engine_on(engine.port), signal.SIGKILL)
        until(lambda: not engine.is_up())
        assert [one.level for one in legs(routes, (0.5, 0), (2.5, 2.2))] == [STRAIGHT]
        until(lambda: engine.num_restarts == 1)
        assert [one.level for one in legs(routes, (0.5, 0), (2.5, 2.2))] == [ROAD]
    finally:
        opened.close()


def test_a_road_server_that_is_gone_leaves_straight_lines(
    town: TownRoads, caplog: pytest.LogCaptureFixture
) -> None:
    with nobody_there() as url:
        far = remote(OsrmClient(lambda: url, timeout_s=5), town)
        found = legs(RoadRoutes(far, straight_times(town)), (0.5, 0), (2.5, 2.2))
    assert [one.level for one in found] == [STRAIGHT]
    assert "routes without the road server" in caplog.text
    assert "135." not in caplog.text


def test_a_road_server_gives_the_same_route_as_an_engine_of_our_own(
    routes: RoadRoutes, networks: Networks, town: TownRoads
) -> None:
    engine = networks.engine
    assert engine is not None
    far = remote(OsrmClient(lambda: engine.url, timeout_s=5), town)
    stops: list[Crossing] = [(0.5, 0.2), (2.5, 2.2), (1.5, -2.2), (0.5, 0.2)]
    here = legs(routes, *stops)
    there = legs(RoadRoutes(far, straight_times(town)), *stops)
    assert [one.at_left for one in there] == [one.at_left for one in here]
    for one, other in zip(here, there, strict=True):
        assert other.duration_s == pytest.approx(one.duration_s, abs=1)
        assert other.distance_m == pytest.approx(one.distance_m, abs=2)


STEP = _told(1)["steps"][0]


@pytest.mark.parametrize(
    "changes",
    [
        {"duration": None},
        {"duration": "x"},
        {"distance": None},
        {"steps": None},
        {"steps": []},
        {"steps": [{}]},
        {"steps": [{**STEP, "geometry": {"coordinates": [[1]]}}]},
        {"steps": [{**STEP, "geometry": {"coordinates": [[500, 1], [1, 1]]}}]},
        {"steps": [{**STEP, "geometry": {"coordinates": []}}]},
        {"steps": [{**STEP, "maneuver": None}]},
        {"steps": [{**STEP, "maneuver": {}}]},
        {"steps": [{**STEP, "distance": "far"}]},
    ],
    ids=str,
)
def test_a_leg_of_another_form_leaves_a_straight_line(
    town: TownRoads, changes: dict[str, object]
) -> None:
    content = {"routes": [{"legs": [_told(50, **changes)]}]}
    with serving(FakeEngine(answer=lambda *_: ok(content))) as engine:
        opened = town.networks(server=engine.client())
        closures = SqlClosures(open_database("sqlite://"))
        routes = RoadRoutes(service(town, opened, closures), straight_times(town))
        assert [one.level for one in legs(routes, (0.5, 0), (2.5, 2.2))] == [STRAIGHT]
        opened.close()


def test_a_step_of_one_point_is_a_line_of_two(town: TownRoads) -> None:
    point = {**STEP, "geometry": {"coordinates": [[135.5, 34.68]]}}
    content = {"routes": [{"legs": [_told(0, steps=[point, point])]}]}
    with serving(FakeEngine(answer=lambda *_: ok(content))) as engine:
        opened = town.networks(server=engine.client())
        closures = SqlClosures(open_database("sqlite://"))
        routes = RoadRoutes(service(town, opened, closures), straight_times(town))
        (one,) = legs(routes, (0.5, 0), (2.5, 2.2))
        opened.close()
    assert one.path == (LonLat(135.5, 34.68),) * 2


# -- closures, and a server that words the turns ---------------------------------------


def driven_over(found: tuple[RoadLeg, ...]) -> set[str]:
    return {turn.road for one in found for turn in one.turns} & {"中橋", "東橋"}


def test_a_route_in_the_hours_of_a_closure_keeps_off_it(
    routes: RoadRoutes, closures: SqlClosures
) -> None:
    closures.add(shut(NAKA, "a", starts_at=moment("13:00"), ends_at=moment("15:00")))
    stops: list[Crossing] = [(1.5, 0), (2.5, -2)]
    before = routes.legs(drive(*stops, busy=("12:00", "12:10")), at=NOON)
    during = routes.legs(drive(*stops, busy=("13:00", "13:10")), at=NOON)
    after = routes.legs(drive(*stops, busy=("15:00", "15:10")), at=NOON)
    assert [driven_over(one) for one in (before, during, after)] == [
        {"中橋"},
        {"東橋"},
        {"中橋"},
    ]


def test_each_leg_heeds_what_is_closed_in_its_own_time(
    routes: RoadRoutes, closures: SqlClosures
) -> None:
    closures.add(shut(NAKA, "a", starts_at=moment("13:00"), ends_at=moment("15:00")))
    north, south = places((1.5, 0), (2.5, -2))
    hours = ("12:00", "12:30", "13:00", "15:00")
    found = routes.legs(
        Drive(
            places=(north, south, north, south, north),
            busy=tuple((at(hour), at(hour) + 600) for hour in hours),
        ),
        at=NOON,
    )
    assert [driven_over((one,)) for one in found] == [
        {"中橋"},
        {"中橋"},
        {"東橋"},
        {"中橋"},
    ]
    for one, after in pairwise(found):
        assert great_circle_m(one.path[-1], after.path[0]) < 1


def cut_off_south(closures: SqlClosures) -> None:
    closures.add(shut(NAKA, "a"))
    closures.add(shut(HIGASHI, "b"))


def test_a_stop_that_is_cut_off_costs_the_others_nothing(
    routes: RoadRoutes, closures: SqlClosures, town: TownRoads
) -> None:
    cut_off_south(closures)
    stops: list[Crossing] = [(0.5, 0), (1.5, 1), (2.5, 2.2), (3.5, 2), (0.5, 3)]
    stops += [(1.5, -2), (2.5, 4), (0.5, 0)]
    found = legs(routes, *stops)
    assert [one.level for one in found] == [ROAD] * 4 + [STRAIGHT] * 2 + [ROAD]
    assert all(one.turns for one in found if one.level is ROAD)
    # No line through what is closed; the times stay those of the straight line.
    line = straight_times(town).matrix(places(*stops), at=NOON)
    for row in (4, 5):
        assert (found[row].path, found[row].turns) == ((), ())
        assert found[row].duration_s == line.duration_s[row, row + 1]
        assert found[row].distance_m == line.distance_m[row, row + 1]


def test_a_place_whose_roads_are_all_closed_has_no_line(
    routes: RoadRoutes, closures: SqlClosures
) -> None:
    closures.add(flooded("a"))
    beyond: Crossing = (2, 25)
    stops: list[Crossing] = [(0.5, 0), (1.5, 1), OFF_ROAD, beyond, (0.5, 0)]
    found = legs(routes, *stops)
    assert {one.level for one in found} == {STRAIGHT}
    # What never was on a road has its straight line, as on any day.
    assert [one.path for one in found] == [
        (),
        (),
        (place(OFF_ROAD), place(beyond)),
        (),
    ]


class Broken(Network):
    """An engine that knows no way on some legs; a place's segment is its number."""

    def __init__(self, broken: set[int], *, code: str, is_closed: bool) -> None:
        super().__init__(None, None, is_closed=is_closed)
        self.broken, self.code, self.num_asked = broken, code, 0

    def legs(
        self, snapped: Snapped, *, curb: Sequence[bool] | None, steps: bool
    ) -> list[Mapping[str, Any]]:
        del curb, steps
        self.num_asked += 1
        asked = snapped.segment.tolist()[:-1]
        if self.broken & set(asked):
            message = "road engine refused the route"
            raise EngineError(message, code=self.code)
        return [_told(100 + leg) for leg in asked]


class OneNetwork:
    """Roads of one state, on which every place lies."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def networks_for(
        self, at: dt.datetime, busy: Sequence[Interval]
    ) -> list[tuple[Network, Chains]]:
        del at
        return [(self.network, AS_BUILT)] * len(busy)

    def snap(self, places: Sequence[LonLat], closed: Chains) -> Snapped:
        del closed
        return Snapped(
            segment=np.arange(len(places)),
            share=np.zeros(len(places)),
            lon=np.array([place.lon for place in places]),
            lat=np.array([place.lat for place in places]),
            away_m=np.zeros(len(places)),
        )


STRAIGHT_TIMES = StraightLineTravelTimes(speed_kmh=20, leg_s=60, detour=1.3)


@given(
    broken=st.lists(st.booleans(), min_size=1, max_size=14),
    code=st.sampled_from(["NoRoute", "NoSegment"]),
    is_closed=st.booleans(),
)
def test_only_legs_without_a_way_are_off_the_roads(
    *, broken: list[bool], code: str, is_closed: bool
) -> None:
    rows = {row for row, is_broken in enumerate(broken) if is_broken}
    network = Broken(rows, code=code, is_closed=is_closed)
    stops = [(float(row), 0.0) for row in range(len(broken) + 1)]
    found = legs(RoadRoutes(OneNetwork(network), STRAIGHT_TIMES), *stops)
    assert [one.level is ROAD for one in found] == [not one for one in broken]
    for row, one in enumerate(found):
        if row not in rows:
            assert one.duration_s == 100 + row
        elif is_closed:
            assert (one.path, one.turns) == ((), ())
        else:
            assert one.path == (place(stops[row]), place(stops[row + 1]))


def test_an_engine_that_is_down_leaves_all_straight_lines() -> None:
    network = Broken({1}, code="", is_closed=True)
    found = legs(RoadRoutes(OneNetwork(network), STRAIGHT_TIMES), *STOPS)
    assert [one.level for one in found] == [STRAIGHT] * 3
    assert [one.path for one in found] == list(pairwise(places(*STOPS)))
    assert network.num_asked == 1


def test_a_drive_to_a_stop_that_is_cut_off_is_asked_once_too() -> None:
    network = Broken({1}, code="NoRoute", is_closed=True)
    routes = RoadRoutes(OneNetwork(network), STRAIGHT_TIMES)
    first = legs(routes, *STOPS)
    asked = network.num_asked
    assert legs(routes, *STOPS) == first
    assert network.num_asked == asked


def answered(question: dict[str, Any]) -> dict[str, Any]:
    return trip(*[leg() for _ in question["locations"][1:]])


@pytest.fixture
def words() -> Iterator[Server]:
    server = Server()
    server.answer = answered
    yield server
    server.close()


def guided(roads: RoadTravelTimes, town: TownRoads, words: Server) -> RoadRoutes:
    pool = urllib3.PoolManager(retries=False)
    return RoadRoutes(
        roads,
        straight_times(town),
        guide=ValhallaRoutes(words.url, pool=pool, timeout_s=5),
        vehicle=TRUCK,
    )


def test_the_server_words_the_turns_of_a_route(
    roads: RoadTravelTimes, town: TownRoads, words: Server
) -> None:
    found = legs(guided(roads, town, words), (0.5, 0), (1.5, 1), OFF_ROAD, (2.5, 2))
    assert [one.level for one in found] == [ROAD, STRAIGHT, STRAIGHT]
    assert found[0].turns[0].words == "堂島浜通を東方向です。"
    ((_, _, question),) = words.asked
    sent = [(one["lon"], one["lat"]) for one in question["locations"]]
    # The places themselves, not their roads: the server has roads of its own.
    assert sent == [(p.lon, p.lat) for p in places((0.5, 0), (1.5, 1))]


def test_the_server_is_not_asked_while_a_road_is_closed(
    roads: RoadTravelTimes, town: TownRoads, words: Server, closures: SqlClosures
) -> None:
    closures.add(shut(NAKA, "a"))
    found = legs(guided(roads, town, words), (1.5, 0), (2.5, -2))
    assert words.asked == []
    assert found[0].level is ROAD
    assert driven_over(found) == {"東橋"}


def test_the_server_words_the_legs_outside_the_hours_of_a_closure(
    roads: RoadTravelTimes, town: TownRoads, words: Server, closures: SqlClosures
) -> None:
    closures.add(shut(NAKA, "a", starts_at=moment("13:00"), ends_at=moment("15:00")))
    north, south = places((1.5, 0), (2.5, -2))
    drive_there = Drive(
        places=(north, south, north),
        busy=((at("12:00"), at("12:10")), (at("13:00"), at("13:10"))),
    )
    there, back = guided(roads, town, words).legs(drive_there, at=NOON)
    assert there.turns[0].words == "堂島浜通を東方向です。"
    assert driven_over((back,)) == {"東橋"}
    ((_, _, question),) = words.asked
    assert len(question["locations"]) == 2


def test_a_server_that_fails_leaves_the_turns_of_the_engine(
    roads: RoadTravelTimes,
    town: TownRoads,
    words: Server,
    caplog: pytest.LogCaptureFixture,
) -> None:
    words.status = 500
    found = legs(guided(roads, town, words), (1.5, 0), (2.5, -2))
    assert driven_over(found) == {"中橋"}
    assert "routes without the wording server" in caplog.text


# -- asked again -----------------------------------------------------------------------


def test_the_same_drive_is_asked_once(town: TownRoads) -> None:
    engine = FakeEngine(answer=Scripted([100], [100]))
    with serving(engine):
        opened = town.networks(server=engine.client())
        closures = SqlClosures(open_database("sqlite://"))
        routes = RoadRoutes(service(town, opened, closures), straight_times(town))
        first = legs(routes, (0.5, 0), (2.5, 2.2))
        asked = len(engine.asked)
        assert legs(routes, (0.5, 0), (2.5, 2.2)) == first
        assert len(engine.asked) == asked
        opened.close()


def test_a_drive_asked_long_ago_is_forgotten(
    town: TownRoads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "MAX_KEPT", 2)
    engine = FakeEngine(answer=Scripted([100], [100]))
    with serving(engine):
        opened = town.networks(server=engine.client())
        closures = SqlClosures(open_database("sqlite://"))
        routes = RoadRoutes(service(town, opened, closures), straight_times(town))
        for row in (1.5, 2.5, 3.5):
            legs(routes, (0.5, 0), (2, row))
        asked = len(engine.asked)
        legs(routes, (0.5, 0), (2, 3.5))
        assert len(engine.asked) == asked
        legs(routes, (0.5, 0), (2, 1.5))
        assert len(engine.asked) > asked
        opened.close()
