"""A day with a closure that is not in force: longer where it is met, else the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from dispatch.adapters.closure_store import SqlClosures
from dispatch.adapters.database import open_database
from dispatch.domain.closure import Closure
from dispatch.domain.place import LonLat
from dispatch.domain.travel import UNREACHABLE_S, TravelLevel, TravelMatrix
from geodata.roads.graph_lines import graph_line
from geodata.roads.networks import AS_BUILT, Networks
from geodata.roads.route import RoadLeg
from geodata.roads.service import RoadTravelTimes
from geodata.roads.supposing import SupposedRoads
from tests.builders import DAY, TOKYO
from tests.dispatch.test_closure import closure, school
from tests.geodata.road_data import TownRoads, place, places, town_roads
from tests.geodata.test_road_service import HIGASHI, NAKA, NORTH, SOUTH, service

ROAD, GRAPH, STRAIGHT = TravelLevel
MIDNIGHT = dt.datetime.combine(DAY, dt.time(), TOKYO)
EAST = (4, 0.5)  # on 楠筋
ASKED = (NORTH, SOUTH, EAST)
ALL_DAY = (0, 86_400)


@pytest.fixture(scope="module")
def town() -> TownRoads:
    return town_roads()


@pytest.fixture(scope="module")
def networks(town: TownRoads) -> Iterator[Networks]:
    opened = town.networks(programs=None)  # no engine: the graph answers
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlClosures]:
    engine = open_database(f"sqlite:///{tmp_path / 'closures.sqlite3'}")
    yield SqlClosures(engine)
    engine.dispose()


@pytest.fixture
def roads(town: TownRoads, networks: Networks, store: SqlClosures) -> RoadTravelTimes:
    return service(town, networks, store)


def bridge(stretch: list[LonLat] = NAKA, *, closure_id: str = "c1") -> Closure:
    """Shut a bridge on the whole day."""
    begins = MIDNIGHT - dt.timedelta(days=1)
    return closure(closure_id, places=tuple(stretch), starts_at=begins)


def rows(*crossings: tuple[float, float]) -> dict[int, LonLat]:
    return dict(enumerate(places(*crossings)))


def supposed(
    roads: RoadTravelTimes,
    closures: Sequence[Closure],
    held: Sequence[Closure] = (),
) -> SupposedRoads:
    return roads.supposing(MIDNIGHT, held, closures)


def matrix(roads: RoadTravelTimes, *crossings: tuple[float, float]) -> TravelMatrix:
    return roads.matrix(places(*crossings), at=MIDNIGHT)


# -- times -----------------------------------------------------------------------------


def test_supposed_times_are_those_of_the_closure_in_force(
    roads: RoadTravelTimes, store: SqlClosures
) -> None:
    before = matrix(roads, *ASKED)
    found = supposed(roads, [bridge()]).travel(before, rows(*ASKED), bundle_m=40)
    store.add(bridge())
    real = matrix(roads, *ASKED)
    assert abs(found.duration_s - real.duration_s).max() <= 1  # each is rounded
    assert abs(found.distance_m - real.distance_m).max() <= 1
    # From NORTH 300 m over 中橋, 700 m over 東橋; EAST never takes 中橋 southwards.
    assert found.distance_m[0, 1] - before.distance_m[0, 1] == pytest.approx(400, abs=2)
    assert found.duration_s[0, 2] == before.duration_s[0, 2]


def test_what_is_known_of_the_engine_is_kept_and_only_the_way_round_is_added(
    roads: RoadTravelTimes,
) -> None:
    graph = matrix(roads, *ASKED)
    # An engine that finds 100 s more for every drive, and another place in a row more.
    more = np.full((4, 4), 777) - 777 * np.eye(4, dtype=np.int64)
    more[:3, :3] = graph.duration_s + 100 * (1 - np.eye(3, dtype=np.int64))
    metres = np.zeros((4, 4), np.int64)
    metres[:3, :3] = graph.distance_m
    known = TravelMatrix(more, metres, ROAD, (ROAD, ROAD, ROAD, STRAIGHT))
    after = supposed(roads, [bridge()])
    found = after.travel(known, rows(*ASKED), bundle_m=40)
    plain = after.travel(graph, rows(*ASKED), bundle_m=40)
    added = plain.duration_s - graph.duration_s
    assert (found.duration_s - known.duration_s)[:3, :3].tolist() == added.tolist()
    assert found.duration_s[3].tolist() == [777, 777, 777, 0]
    assert found.level is GRAPH
    assert found.place_levels == (GRAPH, GRAPH, GRAPH, STRAIGHT)
    assert found.restricted is None


def test_places_that_a_closure_cuts_off_are_out_of_reach(
    roads: RoadTravelTimes,
) -> None:
    before = matrix(roads, *ASKED)
    both = supposed(roads, [bridge(), bridge(HIGASHI, closure_id="c2")])
    found = both.travel(before, rows(*ASKED), bundle_m=40)
    assert found.duration_s[0, 1] == found.duration_s[1, 0] == UNREACHABLE_S
    assert found.duration_s[0, 2] == before.duration_s[0, 2]
    assert found.distance_m[0, 1] == 0


def test_a_closure_in_force_stays_beside_the_supposed_one(
    roads: RoadTravelTimes, store: SqlClosures
) -> None:
    store.add(bridge(HIGASHI))
    before = matrix(roads, *ASKED)
    found = supposed(roads, [bridge(closure_id="c2")], [bridge(HIGASHI)])
    assert found.real.closure_ids == {bridge().id}
    after = found.travel(before, rows(*ASKED), bundle_m=40)
    assert after.duration_s[0, 1] == UNREACHABLE_S


def test_hours_of_a_supposed_closure_bind_the_drives_of_those_hours(
    roads: RoadTravelTimes,
) -> None:
    before = matrix(roads, *ASKED)
    hours = school(places=tuple(NAKA))
    timed = supposed(roads, [hours]).travel(before, rows(*ASKED), bundle_m=40)
    whole = supposed(roads, [bridge()]).travel(before, rows(*ASKED), bundle_m=40)
    assert timed.restricted is not None
    assert timed.restricted.windows == tuple(
        (one.start_s, one.end_s) for one in hours.windows
    )
    assert timed.duration_s.tolist() == before.duration_s.tolist()
    assert timed.restricted.duration_s.tolist() == whole.duration_s.tolist()


def test_timed_closures_in_force_are_kept_as_they_were(
    roads: RoadTravelTimes, store: SqlClosures
) -> None:
    hours = school(places=tuple(HIGASHI))
    store.add(hours)
    before = matrix(roads, *ASKED)
    assert before.restricted is not None
    found = supposed(roads, [bridge(closure_id="c2")], [hours])
    after = found.travel(before, rows(*ASKED), bundle_m=40)
    assert after.restricted is not None
    assert after.restricted.windows == before.restricted.windows
    # 東橋 is the way round until it is shut as well
    assert before.duration_s[0, 1] < after.duration_s[0, 1] < UNREACHABLE_S
    assert after.restricted.duration_s[0, 1] == UNREACHABLE_S


def test_walks_between_places_of_one_stop_stay(roads: RoadTravelTimes) -> None:
    # two places 30 m apart at the two ends of what is shut
    near = ((2, -0.9), (2, -1.2))
    before = matrix(roads, *near)
    walk = replace(
        before,
        duration_s=np.array([[0, 25], [25, 0]]),
        distance_m=np.array([[0, 30], [30, 0]]),
    )
    after = supposed(roads, [bridge()])
    found = after.travel(walk, rows(*near), bundle_m=40)
    assert found.duration_s.tolist() == [[0, 25], [25, 0]]
    driven = after.travel(walk, rows(*near), bundle_m=20)
    assert driven.duration_s[0, 1] > 25


def test_supposing_opens_no_state_of_the_roads(
    roads: RoadTravelTimes, networks: Networks, town: TownRoads
) -> None:
    before = matrix(roads, *ASKED)
    shut = supposed(roads, [bridge(places((0, 1.5), (0, 3.5)))])  # on 梅筋
    shut.travel(before, rows(*ASKED), bundle_m=40)
    assert not networks.is_ready(shut.supposed.whole)
    assert networks.processes() == []
    assert matrix(roads, *ASKED).duration_s.tolist() == before.duration_s.tolist()
    assert town.chain((0, 2.5)) in shut.supposed.whole


def test_a_day_without_places_is_left_as_it_is(roads: RoadTravelTimes) -> None:
    before = matrix(roads, *ASKED)
    found = supposed(roads, [bridge()]).travel(before, {}, bundle_m=40)
    assert found.duration_s.tolist() == before.duration_s.tolist()


# -- lines -----------------------------------------------------------------------------


def line(
    town: TownRoads,
    networks: Networks,
    here: tuple[float, float],
    there: tuple[float, float],
) -> list[LonLat] | None:
    found = graph_line(
        town.graph, networks.graph_times(AS_BUILT), town.snap(here, there)
    )
    return None if found is None else list(found)


def is_line_of(found: Sequence[LonLat] | None, *crossings: tuple[float, float]) -> bool:
    """Whether a line goes through points of the town in order, to some 2 m."""
    assert found is not None
    return len(found) == len(crossings) and all(
        abs(one.lon - other.lon) < 2e-5 and abs(one.lat - other.lat) < 2e-5
        for one, other in zip(found, places(*crossings), strict=True)
    )


def leg(*points: tuple[float, float], level: TravelLevel = ROAD) -> RoadLeg:
    return RoadLeg(
        path=tuple(places(*points)), duration_s=1, distance_m=1, turns=(), level=level
    )


def test_lines_follow_the_graph_from_road_to_road(
    town: TownRoads, networks: Networks
) -> None:
    found = line(town, networks, (2, 0.5), (1.5, -2))
    assert is_line_of(found, (2, 0.5), (2, 0), (2, -2), (1.5, -2))
    back = line(town, networks, (1.5, -2), (2, 0.5))
    assert back is not None
    assert back == (found or [])[::-1]


def test_lines_on_one_road_stay_on_it(town: TownRoads, networks: Networks) -> None:
    # 東橋 to 西: the bank is one way of four blocks, with junctions at 2 and 4
    ahead = line(town, networks, (2.2, -2), (3.7, -2))
    assert is_line_of(ahead, (2.2, -2), (3, -2), (3.7, -2))
    back = line(town, networks, (3.7, -2), (2.2, -2))
    assert is_line_of(back, (3.7, -2), (3, -2), (2.2, -2))


def test_there_is_no_line_to_what_no_road_joins(
    town: TownRoads, networks: Networks
) -> None:
    over = town.chain((2, -1)), town.chain((4, -1))
    times = networks.graph_times(frozenset(over))
    assert graph_line(town.graph, times, town.snap(NORTH, SOUTH)) is None


def test_lines_that_meet_a_supposed_closure_lead_round_it(
    roads: RoadTravelTimes,
) -> None:
    after = supposed(roads, [bridge()])
    over = leg((2, 0.5), (2, 0), (2, -2), (1.5, -2))
    beside = leg((1.5, -2), (1, -2))
    drives = [ALL_DAY, ALL_DAY]
    found = after.legs([over, beside], places(NORTH, SOUTH, (1, -2)), drives)
    assert found[1] is beside
    assert found[0].level is GRAPH
    round_ = set(found[0].path)
    assert {round(one.lat, 4) for one in round_} >= {
        round(place(crossing).lat, 4) for crossing in ((4, 0), (4, -2))
    }
    assert max(one.lon for one in round_) == pytest.approx(place((4, 0)).lon, abs=2e-5)
    assert all(one != other for one, other in pairwise(found[0].path))


def test_hours_of_a_closure_turn_the_lines_of_those_hours_only(
    roads: RoadTravelTimes,
) -> None:
    hours = school(places=tuple(NAKA))
    after = supposed(roads, [hours])
    over = leg((2, 0.5), (2, 0), (2, -2), (1.5, -2))
    ((start_s, end_s), *_) = after.supposed.hours
    pair = places(NORTH, SOUTH)
    assert after.legs([over], pair, [(end_s, end_s + 60)])[0] is over
    assert after.legs([over], pair, [(start_s, start_s + 60)])[0] != over


def test_a_drive_without_any_way_left_has_no_line(roads: RoadTravelTimes) -> None:
    after = supposed(roads, [bridge(), bridge(HIGASHI, closure_id="c2")])
    over = leg((2, 0.5), (2, 0), (2, -2), (1.5, -2))
    assert after.legs([over], places(NORTH, SOUTH), [ALL_DAY])[0].path == ()
    straight = leg((2, 0), (2, -2), level=STRAIGHT)
    assert after.legs([straight], places((2, 0), (2, -2)), [ALL_DAY])[0] is straight
