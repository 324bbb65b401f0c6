"""Travel times of the service: by road where there is one, honest about the rest."""

from __future__ import annotations

import asyncio
import atexit
import datetime as dt
import itertools
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.adapters.closure_store import SqlClosures
from dispatch.adapters.database import open_database
from dispatch.domain.closure import Closure, ClosureShape, DailyWindow, lifted
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import BoundingBox, LonLat
from dispatch.domain.travel import UNREACHABLE_S, TravelLevel, TravelMatrix
from geodata.roads import service as service_module
from geodata.roads.closing import closed_chains
from geodata.roads.network import Network
from geodata.roads.networks import AS_BUILT, Networks
from geodata.roads.osrm_client import OsrmClient
from geodata.roads.remote import RemoteTravelTimes
from geodata.roads.service import RoadTravelTimes
from geodata.travel_times import StraightLineTravelTimes
from tests.builders import DAY, at, moment
from tests.dispatch.test_closure import closure, school
from tests.geodata.road_data import (
    AWAY,
    OFF_ROAD,
    Answer,
    FakeEngine,
    TownRoads,
    flat_engine,
    nobody_there,
    off_diagonal,
    place,
    places,
    serving,
)
from tests.geodata.road_data import town_roads as built_town
from tests.geodata.test_osrm_process import engine_on, until

ROAD, GRAPH, STRAIGHT = TravelLevel
NORTH, SOUTH = (2, 0.5), (1.5, -2)  # 300 m over 中橋, 700 m over 東橋
NAKA = places((2, -0.5), (2, -1.5))  # a stretch on 中橋
HIGASHI = places((4, -0.5), (4, -1.5))
HOLIDAY = DAY - dt.timedelta(days=1)  # 勤労感謝の日
TOMORROW = DAY + dt.timedelta(days=1)
MORNING = moment("9:00")


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


def straight_times(town: TownRoads) -> StraightLineTravelTimes:
    travel = town.city.travel
    return StraightLineTravelTimes(
        speed_kmh=travel.speed_kmh, leg_s=travel.leg_s, detour=travel.detour
    )


def line_s(town: TownRoads, asked: list[LonLat]) -> list[list[int]]:
    """Straight-line seconds between places, stretched to what roads take."""
    line = straight_times(town).matrix(asked, at=MORNING)
    stretched = line.duration_s * town.data.manifest.straight_factor
    return [[round(float(one)) for one in row] for row in stretched]


def service(
    town: TownRoads, networks: Networks, closures: SqlClosures
) -> RoadTravelTimes:
    return RoadTravelTimes(
        networks,
        (town.graph, town.snapper),
        town.city,
        closures=closures,
        straight=straight_times(town),
    )


@cache
def _shared_service() -> RoadTravelTimes:
    """Service without closures for property tests, which take no fixtures."""
    town = built_town()
    opened = town.networks()
    atexit.register(opened.close)
    return service(town, opened, SqlClosures(open_database("sqlite://")))


def shut(at_places: Sequence[LonLat], name: str, **overrides: object) -> Closure:
    return closure(name, places=tuple(at_places), **overrides)


def around(west: float, south: float, east: float, north: float) -> list[LonLat]:
    return places((west, south), (east, south), (east, north), (west, north))


def metres(roads: RoadTravelTimes, when: dt.datetime = MORNING) -> int:
    """Metres from north to south of the river."""
    return int(roads.matrix(places(NORTH, SOUTH), at=when).distance_m[0, 1])


# -- what a drive between places costs -------------------------------------------------


def test_parking_and_walking_are_added_to_the_drive(
    roads: RoadTravelTimes, networks: Networks, town: TownRoads
) -> None:
    # The first place lies 20 m from its street, the second 30 m, the third on it. Of
    # Osaka: 60 s to park; 4 km/h are 10/9 m/s, so 20 m take 18 s and 30 m 27 s.
    matrix = roads.matrix(places((0.5, 0.2), (3.5, 0.3), (1.5, 4)), at=MORNING)
    times = networks.get(AS_BUILT).times(town.snap((0.5, 0), (3.5, 0), (1.5, 4)))
    assert times is not None
    walked = [18, 27, 0]
    for one, other in off_diagonal(3):
        added_s = matrix.duration_s[one, other] - times.duration_s[one, other]
        assert added_s == pytest.approx(60 + walked[one] + walked[other], abs=1)
    assert matrix.distance_m[0, 1] == pytest.approx(300, abs=1)
    assert matrix.duration_s.diagonal().tolist() == [0, 0, 0]
    assert matrix.distance_m.diagonal().tolist() == [0, 0, 0]


def test_two_visits_at_one_place_still_cost_the_parking(
    roads: RoadTravelTimes,
) -> None:
    matrix = roads.matrix(places((0.5, 0.2), (0.5, 0.2)), at=MORNING)
    # 60 s to park, 18 s to the car and 18 s back to the same place.
    assert matrix.duration_s.tolist() == [[0, 96], [96, 0]]
    assert matrix.level is ROAD


def test_the_traffic_is_the_citys_on_holidays_too(
    roads: RoadTravelTimes, town: TownRoads
) -> None:
    for when in (MORNING, moment("9:00", HOLIDAY)):
        timed = roads.matrix(places(NORTH, SOUTH), at=when)
        assert timed.traffic == town.city.travel.traffic
    matrix = roads.matrix(places(NORTH, SOUTH), at=MORNING)
    base_s = int(matrix.duration_s[0, 1])
    # Osaka's factor is 1.10 from seven o'clock: rounded up.
    assert matrix.drive_s(0, 1, at("7:30")) == -(-base_s * 1100 // 1000)


def test_one_way_streets_make_the_matrix_asymmetric(roads: RoadTravelTimes) -> None:
    matrix = roads.matrix(places((3, 1.5), (3, 2.5)), at=MORNING)
    assert matrix.distance_m[0, 1] == pytest.approx(100, abs=1)
    assert matrix.distance_m[1, 0] == pytest.approx(500, abs=2)
    assert matrix.duration_s[1, 0] > matrix.duration_s[0, 1]


def test_a_place_off_the_roads_has_straight_lines_for_itself_only(
    roads: RoadTravelTimes, town: TownRoads
) -> None:
    asked = places(NORTH, OFF_ROAD, SOUTH)
    matrix = roads.matrix(asked, at=MORNING)
    line = straight_times(town).matrix(asked, at=MORNING)
    assert matrix.level is ROAD
    assert matrix.place_levels == (ROAD, STRAIGHT, ROAD)
    for one, other in ((0, 1), (1, 0), (1, 2), (2, 1)):
        assert matrix.leg_level(one, other) is STRAIGHT
        assert matrix.duration_s[one, other] == line_s(town, asked)[one][other]
        assert matrix.distance_m[one, other] == line.distance_m[one, other]
    assert matrix.leg_level(0, 2) is ROAD
    assert matrix.distance_m[0, 2] == pytest.approx(300, abs=1)


def test_a_place_85_km_away_never_gets_a_road_time(
    roads: RoadTravelTimes, town: TownRoads
) -> None:
    asked = [place(NORTH), AWAY]
    matrix = roads.matrix(asked, at=MORNING)
    assert matrix.place_levels == (ROAD, STRAIGHT)
    assert matrix.duration_s[0, 1] == line_s(town, asked)[0][1]
    # 85 km as the crow flies, at 21 km/h: more than four hours, then stretched.
    assert matrix.duration_s[0, 1] > 4 * 3600 * town.data.manifest.straight_factor


def test_places_that_all_lie_off_the_roads_have_straight_lines(
    roads: RoadTravelTimes, town: TownRoads
) -> None:
    asked = [place(OFF_ROAD), AWAY]
    matrix = roads.matrix(asked, at=MORNING)
    assert matrix.level is STRAIGHT
    assert matrix.place_levels == (STRAIGHT, STRAIGHT)
    assert matrix.duration_s.tolist() == line_s(town, asked)


def test_no_place_and_one_place_have_a_matrix(roads: RoadTravelTimes) -> None:
    assert len(roads.matrix([], at=MORNING)) == 0
    one = roads.matrix(places(NORTH), at=MORNING)
    assert one.duration_s.tolist() == [[0]]
    assert one.level is ROAD


def test_places_on_an_island_are_beside_the_roads(roads: RoadTravelTimes) -> None:
    # 離れ通 is 600 m and more from the town and joined to nothing.
    matrix = roads.matrix(places(NORTH, (11, 0)), at=MORNING)
    assert matrix.place_levels == (ROAD, STRAIGHT)


@given(st.lists(st.tuples(st.floats(-1, 5), st.floats(-3, 5)), min_size=1, max_size=6))
def test_any_matrix_is_sound_and_the_same_again(
    crossings: list[tuple[float, float]],
) -> None:
    town = built_town()
    roads = _shared_service()
    asked = places(*crossings)
    first, second = (roads.matrix(asked, at=MORNING) for _ in range(2))
    np.testing.assert_array_equal(first.duration_s, second.duration_s)
    assert first.level is ROAD
    assert set(first.place_levels) == {ROAD}  # nowhere there is 500 m from a road
    away = ~np.eye(len(asked), dtype=bool)
    assert (first.duration_s[away] >= town.city.travel.park_s).all()
    assert (first.duration_s < UNREACHABLE_S).all()


# -- closures --------------------------------------------------------------------------


def test_a_closure_is_heeded_from_its_beginning_to_its_end(
    roads: RoadTravelTimes, closures: SqlClosures
) -> None:
    assert metres(roads) == pytest.approx(300, abs=1)
    closures.add(
        shut(NAKA, "a", starts_at=moment("9:00"), ends_at=moment("0:00", TOMORROW))
    )
    closed = roads.matrix(places(NORTH, SOUTH), at=moment("9:00"))
    assert closed.restricted is None  # the rest of the day, without a pause
    assert closed.distance_m[0, 1] == pytest.approx(700, abs=2)
    assert closed.level is ROAD
    assert metres(roads, moment("23:59")) == pytest.approx(700, abs=2)
    assert metres(roads, moment("0:00", TOMORROW)) == pytest.approx(300, abs=1)
    assert metres(roads, moment("12:00", HOLIDAY)) == pytest.approx(300, abs=1)


def test_a_lifted_closure_opens_the_road_at_once(
    roads: RoadTravelTimes, closures: SqlClosures
) -> None:
    made = shut(NAKA, "a")
    closures.add(made)
    assert metres(roads, moment("10:00")) == pytest.approx(700, abs=2)
    closures.save(lifted(made, at=moment("10:00"), who="配車係"))
    assert metres(roads, moment("10:00")) == pytest.approx(300, abs=1)


def test_a_closure_of_some_hours_makes_restricted_travel(
    roads: RoadTravelTimes, closures: SqlClosures
) -> None:
    closures.add(shut(NAKA, "a", starts_at=moment("13:00"), ends_at=moment("15:00")))
    matrix = roads.matrix(places(NORTH, SOUTH), at=MORNING)
    assert matrix.distance_m[0, 1] == pytest.approx(300, abs=1)
    assert matrix.restricted is not None
    assert matrix.restricted.windows == ((at("13:00"), at("15:00")),)
    assert matrix.restricted.distance_m[0, 1] == pytest.approx(700, abs=2)
    assert matrix.drive_m(0, 1, at("10:00")) == matrix.distance_m[0, 1]
    assert matrix.drive_m(0, 1, at("13:00")) == matrix.restricted.distance_m[0, 1]
    assert matrix.drive_m(0, 1, at("15:00")) == matrix.distance_m[0, 1]


def test_bans_of_school_hours_hold_on_working_days_only(
    roads: RoadTravelTimes, closures: SqlClosures
) -> None:
    closures.add(replace(school("s"), places=tuple(NAKA)))
    windows = ((at("7:30"), at("8:30")), (at("14:30"), at("16:00")))
    for when, expected in (
        (moment("0:00"), windows),
        (moment("8:00"), ((at("8:00"), at("8:30")), windows[1])),
        (moment("12:00"), windows[1:]),
    ):
        restricted = roads.matrix(places(NORTH, SOUTH), at=when).restricted
        assert restricted is not None
        assert restricted.windows == expected
    for when in (moment("16:00"), moment("8:00", HOLIDAY)):
        assert roads.matrix(places(NORTH, SOUTH), at=when).restricted is None


def test_the_day_is_the_citys_whatever_zone_the_moment_is_told_in(
    roads: RoadTravelTimes, closures: SqlClosures
) -> None:
    # 23:30 UTC on Monday is 8:30 in Osaka on Tuesday: the morning ban is over.
    closures.add(replace(school("s"), places=tuple(NAKA)))
    when = dt.datetime(2026, 11, 23, 23, 30, tzinfo=dt.UTC)
    restricted = roads.matrix(places(NORTH, SOUTH), at=when).restricted
    assert restricted is not None
    assert restricted.windows == ((at("14:30"), at("16:00")),)


def test_what_is_shut_all_day_is_shut_in_the_hours_of_another_closure_too(
    roads: RoadTravelTimes, closures: SqlClosures
) -> None:
    closures.add(shut(NAKA, "a"))
    closures.add(
        shut(
            HIGASHI,
            "b",
            starts_at=moment("0:00"),
            windows=(DailyWindow(start_s=at("14:00"), end_s=at("15:00")),),
        )
    )
    matrix = roads.matrix(places(NORTH, SOUTH), at=MORNING)
    assert matrix.distance_m[0, 1] == pytest.approx(700, abs=2)
    assert matrix.restricted is not None
    assert matrix.restricted.duration_s[0, 1] == UNREACHABLE_S
    # Until three there is no way: who leaves at half past two waits half an hour.
    assert matrix.drive_s(0, 1, at("14:30")) == 30 * 60 + matrix.drive_s(
        0, 1, at("15:00")
    )


def test_a_part_that_is_cut_off_is_unreachable_from_the_rest(
    roads: RoadTravelTimes, closures: SqlClosures
) -> None:
    closures.add(shut(NAKA, "a"))
    closures.add(shut(HIGASHI, "b"))
    matrix = roads.matrix(places(NORTH, SOUTH, (0.5, -2)), at=MORNING)
    assert matrix.duration_s[0, 1:].tolist() == [UNREACHABLE_S] * 2
    assert matrix.duration_s[1:, 0].tolist() == [UNREACHABLE_S] * 2
    assert matrix.distance_m[1, 2] == pytest.approx(100, abs=1)
    assert matrix.level is ROAD


def test_a_place_beside_a_closed_street_walks_to_the_next_one(
    roads: RoadTravelTimes, closures: SqlClosures
) -> None:
    # Block (0,0)-(1,0) is shut; its middle is 50 m from 梅筋 and 竹筋: 45 s on foot
    # instead of none.
    asked = places((0.5, 0), (3, 3.5))
    before = roads.matrix(asked, at=MORNING)
    closures.add(shut(places((0.3, 0), (0.7, 0)), "a"))
    after = roads.matrix(asked, at=MORNING)
    assert after.level is ROAD
    assert after.place_levels == (ROAD, ROAD)
    walk_s = after.duration_s[0, 1] - before.duration_s[0, 1]
    assert walk_s > 0
    assert after.duration_s[0, 1] >= 60 + 45


def flooded(name: str, **overrides: object) -> Closure:
    """Shut every road of the town."""
    return closure(
        name,
        shape=ClosureShape.AREA,
        places=tuple(around(-1, -3, 5, 5)),
        **overrides,
    )


def test_places_whose_roads_are_all_shut_are_unreachable_not_straight(
    roads: RoadTravelTimes, closures: SqlClosures
) -> None:
    closures.add(flooded("a"))
    matrix = roads.matrix(places(NORTH, SOUTH, OFF_ROAD), at=MORNING)
    assert matrix.duration_s[:2, :2].tolist() == [
        [0, UNREACHABLE_S],
        [UNREACHABLE_S, 0],
    ]
    assert matrix.duration_s[2].tolist() == [UNREACHABLE_S, UNREACHABLE_S, 0]
    assert matrix.place_levels[2] is STRAIGHT


def test_a_flood_of_some_hours_does_not_lower_the_level_of_the_day(
    roads: RoadTravelTimes, closures: SqlClosures
) -> None:
    closures.add(flooded("a", starts_at=moment("13:00"), ends_at=moment("15:00")))
    matrix = roads.matrix(places(NORTH, SOUTH), at=MORNING)
    assert matrix.distance_m[0, 1] == pytest.approx(300, abs=1)
    assert matrix.restricted is not None
    assert matrix.restricted.duration_s[0, 1] == UNREACHABLE_S
    assert matrix.level is ROAD


def test_a_closure_that_was_made_on_other_roads_does_not_stop_planning(
    roads: RoadTravelTimes,
    closures: SqlClosures,
    caplog: pytest.LogCaptureFixture,
) -> None:
    closures.add(shut(places(OFF_ROAD, (2, 25)), "elsewhere"))
    closures.add(shut(NAKA, "a"))
    assert metres(roads) == pytest.approx(700, abs=2)
    assert "closure elsewhere shuts no road here" in caplog.text
    with pytest.raises(InvalidInputError, match="100m以内に道路がありません"):
        roads.closed_roads(closures.get("elsewhere"))


def test_what_a_closure_shuts_is_drawn_and_measured(roads: RoadTravelTimes) -> None:
    shown = roads.closed_roads(shut(NAKA, "a"))
    assert shown.length_m == pytest.approx(200, abs=1)  # the whole bridge
    ((first, *_, last),) = shown.lines
    ends = {(one.lon, one.lat) for one in (first, last)}
    assert ends == {(one.lon, one.lat) for one in places((2, 0), (2, -2))}


def test_what_a_closure_needs_is_opened_before_it_is_asked_for(
    town: TownRoads, closures: SqlClosures
) -> None:
    closures.add(shut(NAKA, "a"))
    closures.add(shut(HIGASHI, "b", ends_at=moment("17:00")))
    naka, higashi = (
        closed_chains(town.graph, town.snapper, town.city, closures.get(key))
        for key in "ab"
    )
    fresh = town.networks()
    try:
        service(town, fresh, closures).prepare(MORNING)
        until(lambda: fresh.is_ready(naka))
        until(lambda: fresh.is_ready(naka | higashi))
        service(town, fresh, closures).prepare(moment("18:00"))
        assert len(fresh.processes()) == 3
    finally:
        fresh.close()


def test_each_drive_takes_the_network_of_its_own_hours(
    roads: RoadTravelTimes, closures: SqlClosures, town: TownRoads
) -> None:
    closures.add(shut(NAKA, "a", starts_at=moment("13:00"), ends_at=moment("15:00")))
    naka = frozenset([town.chain((2, -1))])
    busy = [
        (at("9:00"), at("9:10")),
        (at("12:50"), at("13:00")),  # there before it begins
        (at("12:50"), at("13:01")),
        (at("14:59"), at("15:30")),
        (at("15:00"), at("15:30")),
    ]
    found = roads.networks_for(MORNING, busy)
    assert [closed for _, closed in found] == [AS_BUILT, AS_BUILT, naka, naka, AS_BUILT]
    assert [network.is_closed for network, _ in found] == [
        bool(closed) for _, closed in found
    ]


def test_what_is_shut_all_day_is_shut_for_every_drive(
    roads: RoadTravelTimes, closures: SqlClosures, town: TownRoads
) -> None:
    closures.add(shut(NAKA, "a"))
    closures.add(shut(HIGASHI, "b", starts_at=moment("13:00")))
    naka, higashi = (
        closed_chains(town.graph, town.snapper, town.city, closures.get(key))
        for key in "ab"
    )
    busy = [(at("9:00"), at("9:10")), (at("14:00"), at("14:10"))]
    found = roads.networks_for(MORNING, busy)
    assert [closed for _, closed in found] == [naka, naka | higashi]


class Forgetful(dict[object, object]):
    """As when another thread empties it at once."""

    def __setitem__(self, key: object, kept: object) -> None:
        del key, kept


def test_more_closures_than_are_remembered_are_told_all_the_same(
    roads: RoadTravelTimes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "MAX_KEPT", 1)
    for _ in range(2):
        for stretch in (NAKA, HIGASHI):
            told = roads.closed_roads(shut(stretch, "a"))
            assert [line[0] for line in told.lines] == [
                line[0] for line in roads.closed_roads(shut(stretch, "b")).lines
            ]
            assert told.length_m >= 200


def test_roads_that_another_thread_forgets_are_told_all_the_same(
    roads: RoadTravelTimes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roads, "_chains_of", Forgetful())
    assert roads.closed_roads(shut(NAKA, "a")).length_m == pytest.approx(200, abs=1)


# -- when the engine is not there ------------------------------------------------------


def test_without_the_engine_times_are_of_the_graph_and_say_so(
    town: TownRoads, closures: SqlClosures
) -> None:
    bare = town.networks(programs=None)
    roads = service(town, bare, closures)
    closures.add(shut(NAKA, "a", starts_at=moment("13:00"), ends_at=moment("15:00")))
    matrix = roads.matrix(places(NORTH, SOUTH, OFF_ROAD), at=MORNING)
    assert matrix.level is GRAPH
    assert matrix.place_levels == (GRAPH, GRAPH, STRAIGHT)
    assert matrix.distance_m[0, 1] == pytest.approx(300, abs=1)
    assert matrix.restricted is not None
    assert matrix.restricted.distance_m[0, 1] == pytest.approx(700, abs=2)
    state = roads.state()
    assert (state.level, state.num_engines, state.algorithm) == (GRAPH, 0, "")
    roads.close()


def test_the_state_tells_of_the_engine(town: TownRoads, closures: SqlClosures) -> None:
    opened = town.networks()
    roads = service(town, opened, closures)
    try:
        state = roads.state()
        assert (state.level, state.algorithm) == (ROAD, "MLD")
        assert (state.num_engines, state.num_restarts) == (1, 0)
        assert state.manifest == town.data.manifest
        assert opened.engine is not None
        os.kill(engine_on(opened.engine.port), signal.SIGKILL)
        until(lambda: roads.state().level is GRAPH)
        # In the middle of a plan: the answer is of the graph and says so.
        matrix = roads.matrix(places(NORTH, SOUTH), at=MORNING)
        assert matrix.level is GRAPH
        until(lambda: roads.state().num_restarts == 1)
        assert roads.state().level is ROAD
        assert roads.matrix(places(NORTH, SOUTH), at=MORNING).level is ROAD
    finally:
        roads.close()


def test_the_state_tells_of_a_server_over_our_own_road_data(
    town: TownRoads, closures: SqlClosures
) -> None:
    engine = flat_engine()
    with serving(engine):
        opened = town.networks(server=engine.client())
        roads = service(town, opened, closures)
        assert roads.matrix(places(NORTH, SOUTH), at=MORNING).level is ROAD
        state = roads.state()
        assert (state.level, state.num_engines) == (ROAD, 0)
        engine.answer = lambda *_: (503, b"")
        matrix = roads.matrix(places(NORTH, (0.5, 4)), at=MORNING)
        assert matrix.level is GRAPH
        assert roads.state().level is GRAPH
        roads.close()


def test_the_bigger_roads_are_drawn(roads: RoadTravelTimes) -> None:
    # Every street of the grid is 三級 (tertiary): 40 blocks, two bridges, and the bank
    # in its pieces; 離れ通 (residential) is not.
    lines = roads.main_roads()
    drawn = {(round(one.lon, 6), round(one.lat, 6)) for line in lines for one in line}
    assert all(len(line) >= 2 for line in lines)
    for crossing, is_drawn in (((0, 0), True), ((4, -2), True), ((11, 0), False)):
        spot = place(crossing)
        assert ((round(spot.lon, 6), round(spot.lat, 6)) in drawn) is is_drawn


def box(low: tuple[float, float], high: tuple[float, float]) -> BoundingBox:
    southwest, northeast = places(low, high)
    return BoundingBox(
        west=southwest.lon,
        south=southwest.lat,
        east=northeast.lon,
        north=northeast.lat,
    )


def test_a_small_street_is_drawn_from_near(roads: RoadTravelTimes) -> None:
    drawn = roads.roads_in(box((10.5, -0.5), (11.5, 0.5)))
    ends = {
        (round(spot.lon, 6), round(spot.lat, 6)) for _, line in drawn for spot in line
    }
    spot = place((11, 0))
    assert (round(spot.lon, 6), round(spot.lat, 6)) in ends
    # 離れ通 is residential: rank 2, where the streets of the grid are tertiary, 3
    assert {rank for rank, _ in drawn} == {2}
    assert {rank for rank, _ in roads.roads_in(box((0, 0), (1, 1)))} == {3}


def test_a_box_beside_the_roads_and_one_between_them_hold_none(
    roads: RoadTravelTimes,
) -> None:
    assert roads.roads_in(box((20, 20), (21, 21))) == ()
    assert roads.roads_in(box((0.2, 0.2), (0.8, 0.8))) == ()  # inside a block


def test_a_road_on_the_edge_or_with_its_middle_in_the_box_is_drawn(
    roads: RoadTravelTimes, town: TownRoads
) -> None:
    every = roads.roads_in(box((-90, -90), (90, 90)))
    assert len(every) == town.graph.num_chains
    (_, line), *_ = every
    lons, lats = [spot.lon for spot in line], [spot.lat for spot in line]
    beside = BoundingBox(
        west=max(lons), south=min(lats), east=max(lons) + 1e-6, north=max(lats)
    )
    assert line in [one for _, one in roads.roads_in(beside)]
    # crossed in the middle of the bridge, both ends outside
    middle = roads.roads_in(box((1.9, -1.1), (2.1, -0.9)))
    assert middle
    assert all(
        min(one.lat for one in line) < place((2, -1.1)).lat for _, line in middle
    )


corners = st.tuples(st.floats(-2, 13), st.floats(-4, 6))


@given(corners, corners)
def test_any_box_holds_just_the_roads_whose_own_box_meets_it(
    one: tuple[float, float], other: tuple[float, float]
) -> None:
    (west, east), (south, north) = (
        sorted(pair) for pair in zip(one, other, strict=True)
    )
    asked = box((west, south), (east, north))
    roads = _shared_service()
    every = roads.roads_in(box((-90, -90), (90, 90)))
    expected = [
        (rank, line)
        for rank, line in every
        if min(spot.lon for spot in line) <= asked.east
        and max(spot.lon for spot in line) >= asked.west
        and min(spot.lat for spot in line) <= asked.north
        and max(spot.lat for spot in line) >= asked.south
    ]
    assert list(roads.roads_in(asked)) == expected


# -- another machine's engine ----------------------------------------------------------


def remote(client: OsrmClient, town: TownRoads) -> RemoteTravelTimes:
    return RemoteTravelTimes(client, straight_times(town), town.city.travel)


def test_a_server_tells_the_same_times_as_an_engine_of_our_own(
    roads: RoadTravelTimes, networks: Networks, town: TownRoads
) -> None:
    engine = networks.engine
    assert engine is not None
    far = remote(OsrmClient(lambda: engine.url, timeout_s=10), town)
    asked = places((0.5, 0.2), (3, 1.5), (3, 2.5), SOUTH, OFF_ROAD, (0.5, 0.2))
    here, there = (one.matrix(asked, at=MORNING) for one in (roads, far))
    assert there.level is ROAD
    assert there.place_levels == here.place_levels
    assert there.traffic == here.traffic
    # Both put places on the same roads; a metre of rounding is a second at most. How
    # straight lines are to be stretched only our own road data tell.
    for one, other in off_diagonal(len(asked)):
        if here.leg_level(one, other) is ROAD:
            told = there.duration_s[one, other]
            assert told == pytest.approx(here.duration_s[one, other], abs=1)
    np.testing.assert_allclose(there.distance_m, here.distance_m, atol=2)
    assert far.state().level is ROAD


def test_a_server_never_gives_a_road_time_to_a_place_85_km_away(
    networks: Networks, town: TownRoads
) -> None:
    engine = networks.engine
    assert engine is not None
    far = remote(OsrmClient(lambda: engine.url, timeout_s=10), town)
    matrix = far.matrix([place(NORTH), AWAY], at=MORNING)
    assert matrix.place_levels == (ROAD, STRAIGHT)
    assert len(far.matrix([], at=MORNING)) == 0


def is_straight(matrix: TravelMatrix, town: TownRoads, asked: list[LonLat]) -> bool:
    line = straight_times(town).matrix(asked, at=MORNING)
    same = bool((matrix.duration_s == line.duration_s).all())
    return same and matrix.level is STRAIGHT


def test_a_server_that_is_gone_leaves_straight_lines_that_say_so(
    town: TownRoads, caplog: pytest.LogCaptureFixture
) -> None:
    asked = places(NORTH, SOUTH)
    with nobody_there() as url:
        far = remote(OsrmClient(lambda: url, timeout_s=5), town)
        assert far.state().level is ROAD  # nothing else is known yet
        assert is_straight(far.matrix(asked, at=MORNING), town, asked)
    state = far.state()
    assert (state.level, state.manifest, state.num_engines) == (STRAIGHT, None, 0)
    assert "travel times without the road server" in caplog.text
    assert "135." not in caplog.text


def failing_after_nearest() -> FakeEngine:
    engine = flat_engine()
    good = engine.answer

    def answer(
        service: str, at_places: list[LonLat], options: dict[str, str]
    ) -> Answer:
        if service == "nearest":
            return good(service, at_places, options)
        return 500, b""

    engine.answer = answer
    return engine


def test_a_server_that_goes_in_between_leaves_straight_lines(town: TownRoads) -> None:
    asked = places(NORTH, SOUTH)
    with serving(failing_after_nearest()) as server:
        far = remote(server.client(), town)
        assert is_straight(far.matrix(asked, at=MORNING), town, asked)
        assert far.state().level is STRAIGHT


def test_a_server_off_the_city_leaves_straight_lines(
    networks: Networks, town: TownRoads
) -> None:
    engine = networks.engine
    assert engine is not None
    far = remote(OsrmClient(lambda: engine.url, timeout_s=10), town)
    asked = [AWAY, LonLat(AWAY.lon, AWAY.lat + 0.01)]
    assert is_straight(far.matrix(asked, at=MORNING), town, asked)


def test_a_server_has_no_roads_of_ours_to_close_or_draw(town: TownRoads) -> None:
    with serving(flat_engine()) as server:
        far = remote(server.client(), town)
        assert far.main_roads() == ()
        assert far.roads_in(box((0, 0), (4, 4))) == ()
        with pytest.raises(InvalidInputError, match="kidohan roads build"):
            far.closed_roads(closure())
        far.prepare(MORNING)
        first, second = far.networks_for(MORNING, [(0, 1), (1, 2)])
        assert isinstance(first[0], Network)
        assert first == second
        assert first[1] == AS_BUILT
        far.close()
        assert server.asked == []


# -- a million entries beside the pages ------------------------------------------------

LONGEST_GAP_S = 0.25


def longest_gap_s(work: Callable[[], object]) -> tuple[float, int]:
    """Longest pause of an event loop, and its beats, while work runs in a thread."""

    async def beat() -> tuple[float, int]:
        job = asyncio.create_task(asyncio.to_thread(work))
        beats = [time.perf_counter()]
        while not job.done():
            await asyncio.sleep(0.005)
            beats.append(time.perf_counter())
        await job
        return max(b - a for a, b in itertools.pairwise(beats)), len(beats)

    return asyncio.run(beat())


def test_a_million_entries_do_not_hold_up_the_pages(
    town: TownRoads, closures: SqlClosures
) -> None:
    # 1,000 places on a grid of 40 × 25, all on different points of the roads.
    asked = places(*((col / 10, row / 6) for col in range(40) for row in range(25)))
    gaps: list[float] = []
    for _ in range(3):  # another program may take the machine once, not three times
        opened = town.networks()  # which remembers nothing
        fresh = service(town, opened, closures)
        found: list[TravelMatrix] = []
        gap_s, beats = longest_gap_s(
            lambda fresh=fresh, found=found: found.append(  # type: ignore[misc]
                fresh.matrix(asked, at=MORNING)
            )
        )
        opened.close()
        assert found[0].duration_s.shape == (1000, 1000)
        assert found[0].level is ROAD
        assert beats > 20
        gaps.append(gap_s)
        if gap_s < LONGEST_GAP_S:
            return
    pytest.fail(f"the event loop stood still for {gaps} s")


def test_positions_are_not_logged(
    roads: RoadTravelTimes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        roads.matrix(places(NORTH, SOUTH, OFF_ROAD), at=MORNING)
    assert "135." not in caplog.text
