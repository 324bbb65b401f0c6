"""One state of the roads and many: the engine answers, else the graph, and says so."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from numpy.typing import NDArray

from dispatch.domain.errors import SourceError
from dispatch.domain.travel import UNREACHABLE_S, TravelLevel
from geodata.roads import network as network_module
from geodata.roads import networks as networks_module
from geodata.roads.build import contract_roads
from geodata.roads.graph_times import GraphTimes
from geodata.roads.network import Network
from geodata.roads.networks import AS_BUILT, MAX_CLOSED, Networks
from geodata.roads.osrm_client import EngineError
from geodata.roads.osrm_process import OsrmProcess
from geodata.roads.programs import OsrmPrograms
from geodata.roads.snapping import Snapped
from tests.geodata.road_data import (
    FakeEngine,
    TownRoads,
    copied,
    flat_engine,
    ok,
    places,
    serving,
)
from tests.geodata.road_data import town_roads as built_town
from tests.geodata.test_osrm_process import engine_on, engines_of, until

BRIDGE = (2, -1)  # the middle of 中橋, one chain from (2, 0) to (2, -2)
# Away from crossings, so that a place lies on one road only.
SOME = ((0.5, 0), (2, -1.5), (3, 1.5), (4, 3.5), (1.5, 4), (2, 2.5), (0, 1.2))


@pytest.fixture(scope="module")
def town() -> TownRoads:
    return built_town()


@pytest.fixture(scope="module")
def networks(town: TownRoads) -> Iterator[Networks]:
    opened = town.networks()
    yield opened
    opened.close()


def metres(network: Network, snapped: Snapped) -> list[list[int]]:
    times = network.times(snapped)
    assert times is not None
    return [[int(metre) for metre in row] for row in times.distance_m]


# -- one state -------------------------------------------------------------------------


def test_the_engine_tells_seconds_and_metres_of_the_shortest_road(
    networks: Networks, town: TownRoads
) -> None:
    # From the middle of block (0,0)-(1,0) to the middle of (3,0)-(4,0): 50 + 2 × 100 +
    # 50 m straight on. 3 blocks of 三級 road at 30 km/h would be 36 s with no junction.
    times = networks.get(AS_BUILT).times(town.snap((0.5, 0), (3.5, 0)))
    assert times is not None
    assert times.level is TravelLevel.ROAD
    assert times.distance_m.tolist() == [
        [0, pytest.approx(300, abs=1)],
        [pytest.approx(300, abs=1), 0],
    ]
    assert times.duration_s.diagonal().tolist() == [0, 0]
    assert times.duration_s[0, 1] >= 36


def test_a_one_way_street_makes_the_way_back_longer(
    networks: Networks, town: TownRoads
) -> None:
    # Along 桜筋 (column 3), one way north, from (3, 1.5) to (3, 2.5) are 100 m. Back
    # one must drive round a block: on to (3, 3), over to column 2 or 4, two blocks
    # south to row 1, back to (3, 1) and up: 50 + 100 + 200 + 100 + 50 = 500 m.
    (_, there), (back, _) = metres(
        networks.get(AS_BUILT), town.snap((3, 1.5), (3, 2.5))
    )
    assert there == pytest.approx(100, abs=1)
    assert back == pytest.approx(500, abs=2)


@pytest.mark.parametrize("block", [1, 2, 3, 6, 7, 300])
def test_blocks_of_any_size_give_the_same_matrix(
    networks: Networks, town: TownRoads, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    snapped = town.snap(*SOME)
    whole = networks.get(AS_BUILT).times(snapped)
    monkeypatch.setattr(network_module, "BLOCK", block)
    pieces = Network(networks.get(AS_BUILT).client, None).times(snapped)
    assert whole is not None
    assert pieces is not None
    np.testing.assert_array_equal(pieces.duration_s, whole.duration_s)
    np.testing.assert_array_equal(pieces.distance_m, whole.distance_m)
    assert (whole.duration_s != whole.duration_s.T).any()  # a mix-up would show


def test_blocks_ask_with_a_small_radius_and_no_more_places_than_they_need(
    town: TownRoads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_module, "BLOCK", 3)
    with serving(flat_engine()) as engine:
        Network(engine.client(), None).times(town.snap(*SOME))
    # Seven places in blocks of three: 3 × 3 requests of at most six places; the last
    # one, from the seventh place to itself, needs no engine.
    assert len(engine.asked) == 8
    assert max(len(at) for _, at, _ in engine.asked) == 6
    for _, at, options in engine.asked:
        assert options["radiuses"] == ";".join(["20"] * len(at))


def test_server_that_takes_small_tables_only_is_asked_in_small_blocks(
    town: TownRoads, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A server of default settings takes 100 places a table; here it takes three.
    monkeypatch.setattr(network_module, "SMALL_BLOCK", 1)
    engine = flat_engine()
    good = engine.answer
    engine.answer = lambda service, at, options: (
        (400, b'{"code": "TooBig"}') if len(at) > 3 else good(service, at, options)
    )
    with serving(engine):
        network = Network(engine.client(), None)
        times = network.times(town.snap(*SOME))
        num_asked = len(engine.asked)
        again = network.times(town.snap(*SOME[:3], (0.5, 0)))
    assert times is not None
    assert times.level is TravelLevel.ROAD
    assert again is not None
    # The lesson is kept: one refusal, then single pairs both times.
    refused = [at for _, at, _ in engine.asked if len(at) > 3]
    assert len(refused) == 1
    assert num_asked == 1 + 7 * 6


def test_one_block_that_fails_fails_the_matrix(
    town: TownRoads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_module, "BLOCK", 3)
    engine = flat_engine()
    good, count = engine.answer, iter(range(100))
    engine.answer = lambda *asked: (
        (400, b'{"code": "TooBig"}') if next(count) == 4 else good(*asked)
    )
    with serving(engine):
        assert Network(engine.client(), None).times(town.snap(*SOME)) is None


def test_a_place_alone_needs_no_engine_and_keeps_the_level(
    networks: Networks, town: TownRoads
) -> None:
    # The engine refuses a table of one place.
    times = networks.get(AS_BUILT).times(town.snap((0.5, 0), (0.5, 0)))
    assert times is not None
    assert times.level is TravelLevel.ROAD
    assert times.duration_s.tolist() == [[0, 0], [0, 0]]
    assert times.distance_m.tolist() == [[0, 0], [0, 0]]


def test_places_at_one_point_are_asked_once(town: TownRoads) -> None:
    snapped = town.snap((0.5, 0), (3.5, 0), (0.5, 0), (0.5, 0))
    with serving(flat_engine(drive_s=70, drive_m=300)) as engine:
        times = Network(engine.client(), None).times(snapped)
    ((_, at, _),) = engine.asked
    assert len(at) == 2
    assert times is not None
    assert times.duration_s.tolist() == [
        [0, 70, 0, 0],
        [70, 0, 70, 70],
        [0, 70, 0, 0],
        [0, 70, 0, 0],
    ]


def test_what_is_known_is_not_asked_again(town: TownRoads) -> None:
    with serving(flat_engine()) as engine:
        network = Network(engine.client(), None)
        network.times(town.snap((0.5, 0), (3.5, 0)))
        network.times(town.snap((3.5, 0), (0.5, 0)))
        assert len(engine.asked) == 1


def test_no_way_is_unreachable_and_has_no_metres(town: TownRoads) -> None:
    table = {"durations": [[0, None], [5, 0]], "distances": [[0, None], [40, 0]]}
    with serving(FakeEngine(answer=lambda *_: ok(table))) as engine:
        times = Network(engine.client(), None).times(town.snap((0.5, 0), (3.5, 0)))
    assert times is not None
    assert times.duration_s.tolist() == [[0, UNREACHABLE_S], [5, 0]]
    assert times.distance_m.tolist() == [[0, 0], [40, 0]]


def test_a_network_of_nothing_knows_nothing(town: TownRoads) -> None:
    network = Network(None, None)
    assert network.times(town.snap((0.5, 0))) is None
    with pytest.raises(EngineError, match="not running"):
        network.legs(town.snap((0.5, 0), (1.5, 0)), curb=None, steps=False)


def test_an_engine_that_fails_leaves_the_graph_to_answer(
    town: TownRoads, caplog: pytest.LogCaptureFixture
) -> None:
    def graph(snapped: Snapped) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        size = len(snapped.segment)
        return np.full((size, size), 7), np.full((size, size), 8)

    engine = FakeEngine(answer=lambda *_: (500, b""))
    with serving(engine), caplog.at_level(logging.WARNING):
        times = Network(engine.client(), graph).times(town.snap((0.5, 0), (3, 3.5)))
    assert times is not None
    assert times.level is TravelLevel.ROAD_GRAPH
    assert (times.duration_s[0, 1], times.distance_m[0, 1]) == (7, 8)
    assert "travel times without the engine" in caplog.text
    assert "135." not in caplog.text


# -- many states -----------------------------------------------------------------------


def test_a_closed_bridge_is_not_driven_and_others_are(
    networks: Networks, town: TownRoads
) -> None:
    # From 50 m north of 中橋, on (2, 0)-(2, 1), to 50 m west of its south end: over
    # the bridge 50 + 200 + 50 m. Over 東橋: 50 + 200 + 200 + 200 + 50 = 700 m.
    snapped = town.snap((2, 0.5), (1.5, -2))
    closed = frozenset([town.chain(BRIDGE)])
    assert metres(networks.get(AS_BUILT), snapped)[0][1] == pytest.approx(300, abs=1)
    for one, other in ((0, 1), (1, 0)):
        shut = metres(networks.get(closed), snapped)[one][other]
        assert shut == pytest.approx(700, abs=2)
    again = networks.get(AS_BUILT)
    assert metres(again, snapped)[0][1] == pytest.approx(300, abs=1)


def test_a_route_keeps_off_the_closed_bridge(
    networks: Networks, town: TownRoads
) -> None:
    snapped = town.snap((2, 0.5), (1.5, -2))
    closed = frozenset([town.chain(BRIDGE)])
    for chains, names in ((AS_BUILT, {"中橋"}), (closed, {"東橋"})):
        (leg,) = networks.get(chains).legs(snapped, curb=None, steps=True)
        driven = {step["name"] for step in leg["steps"]}
        assert driven & {"中橋", "東橋"} == names


def test_with_both_bridges_closed_there_is_no_way(
    networks: Networks, town: TownRoads
) -> None:
    snapped = town.snap((2, 0.5), (1.5, -2), (3.5, -2))
    closed = frozenset([town.chain(BRIDGE), town.chain((4, -1))])
    times = networks.get(closed).times(snapped)
    assert times is not None
    assert times.level is TravelLevel.ROAD
    assert times.duration_s[0].tolist() == [0, UNREACHABLE_S, UNREACHABLE_S]
    assert times.duration_s[1, 0] == UNREACHABLE_S
    assert times.distance_m[1, 2] == pytest.approx(200, abs=1)
    with pytest.raises(EngineError, match="NoRoute"):
        networks.get(closed).legs(snapped, curb=None, steps=True)


def test_without_an_engine_the_graph_answers_with_and_without_closures(
    town: TownRoads,
) -> None:
    opened = town.networks(programs=None)
    snapped = town.snap((2, 0.5), (1.5, -2))
    closed = frozenset([town.chain(BRIDGE)])
    for chains, expected_m in ((AS_BUILT, 300), (closed, 700)):
        times = opened.get(chains).times(snapped)
        assert times is not None
        assert times.level is TravelLevel.ROAD_GRAPH
        assert times.distance_m[0, 1] == pytest.approx(expected_m, abs=2)
    assert opened.engine is None
    assert opened.processes() == []
    opened.close()


def test_graph_times_are_stretched_to_the_engines(town: TownRoads) -> None:
    snapped = town.snap((2, 0.5), (1.5, -2), (3.5, -2))
    both = frozenset([town.chain(BRIDGE), town.chain((4, -1))])
    plain = GraphTimes(town.graph, town.junction, closed_chains=both).matrix(snapped)[0]
    factor = town.data.manifest.graph_factor
    assert factor != 1
    opened = town.networks(programs=None)
    times = opened.get(both).times(snapped)
    opened.close()
    assert times is not None
    assert times.duration_s[1, 2] == round(plain[1, 2] * factor)
    assert times.duration_s[0, 1] == UNREACHABLE_S  # not stretched


def test_a_dead_engine_leaves_the_graph_until_it_is_back(town: TownRoads) -> None:
    snapped = town.snap((2, 0.5), (1.5, -2))
    opened = town.networks()
    try:
        network = opened.get(AS_BUILT)
        engine = opened.engine
        assert engine is not None
        os.kill(engine_on(engine.port), signal.SIGKILL)
        until(lambda: not engine.is_up())
        times = network.times(snapped)
        assert times is not None
        assert times.level is TravelLevel.ROAD_GRAPH
        until(lambda: engine.num_restarts == 1)
        times = network.times(snapped)
        assert times is not None
        assert times.level is TravelLevel.ROAD
    finally:
        opened.close()


def test_contraction_hierarchies_are_served_when_they_are_there(
    town: TownRoads, tmp_path: Path
) -> None:
    data = copied(town.data, tmp_path / "home")
    data = contract_roads(data, town.programs, limit_s=60, told=lambda _: None)
    opened = Networks(data, town.graph, town.junction, programs=town.programs)
    slow = town.networks()
    try:
        assert opened.engine is not None
        assert slow.engine is not None
        assert (opened.engine.algorithm, slow.engine.algorithm) == ("CH", "MLD")
        snapped = town.snap(*SOME)
        fast, plain = (
            opened.get(AS_BUILT).times(snapped),
            slow.get(AS_BUILT).times(snapped),
        )
        assert fast is not None
        assert plain is not None
        np.testing.assert_array_equal(fast.duration_s, plain.duration_s)
        closed = frozenset([town.chain(BRIDGE)])
        opened.get(closed)
        algorithms = [process.algorithm for process in opened.processes()]
        assert algorithms == ["CH", "MLD"]  # what is closed is cut into MLD
    finally:
        opened.close()
        slow.close()


def test_closing_makes_nothing_in_the_data_and_leaves_nothing_behind(
    town: TownRoads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = {
        file.name: (file.stat().st_mtime_ns, file.stat().st_size)
        for file in town.data.folder.iterdir()
    }
    running = set(engines_of(os.getpid()))
    opened = town.networks()
    opened.get(frozenset([town.chain(BRIDGE)]))
    (folder,) = tmp_path.iterdir()
    assert (folder / "closed.csv").is_file()
    assert len(set(engines_of(os.getpid())) - running) == 2
    opened.close()
    assert list(tmp_path.iterdir()) == []
    until(lambda: set(engines_of(os.getpid())) == running)
    assert before == {
        file.name: (file.stat().st_mtime_ns, file.stat().st_size)
        for file in town.data.folder.iterdir()
    }


def test_the_state_used_longest_ago_is_closed_never_the_one_as_built(
    town: TownRoads,
) -> None:
    opened = town.networks()
    try:
        sets = [frozenset([chain]) for chain in range(MAX_CLOSED + 1)]
        for chains in sets[:-1]:
            opened.get(chains)
        assert len(opened.processes()) == MAX_CLOSED + 1
        first = opened.processes()[1]
        second = opened.processes()[2]
        opened.get(sets[0])  # used again: now the second is the oldest
        opened.get(sets[-1])
        assert opened.is_ready(AS_BUILT)
        open_now = [opened.is_ready(chains) for chains in sets]
        assert open_now == [True, False, *[True] * (MAX_CLOSED - 1)]
        assert not second.is_up()
        assert first.is_up()
        assert len(opened.processes()) == MAX_CLOSED + 1
        assert opened.engine is not None
        assert opened.engine.is_up()
    finally:
        opened.close()


def test_two_who_ask_for_the_same_closure_wait_for_one_engine(
    town: TownRoads, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    true_run = OsrmPrograms.run

    def slow_run(*words: object, **options: object) -> str:
        made.append(Path())
        time.sleep(0.3)
        return true_run(*words, **options)  # type: ignore[arg-type]

    opened = town.networks()
    monkeypatch.setattr(OsrmPrograms, "run", slow_run)
    try:
        closed = frozenset([town.chain(BRIDGE)])
        opened.prepare(closed)
        assert not opened.is_ready(closed)
        meeting = threading.Barrier(2)

        def ask(_: int) -> Network:
            meeting.wait(5)
            return opened.get(closed)

        with ThreadPoolExecutor(2) as pool:
            one, other = pool.map(ask, range(2))
        assert one is other
        assert len(made) == 1
        assert opened.is_ready(closed)
    finally:
        opened.close()


def test_a_closure_that_cannot_be_cut_in_leaves_the_graph_to_answer(
    town: TownRoads,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuses(*_: object, **__: object) -> NoReturn:
        message = "osrm-customize: no room"
        raise SourceError(message)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(OsrmPrograms, "run", refuses)
    opened = town.networks()
    try:
        times = opened.get(frozenset([town.chain(BRIDGE)])).times(
            town.snap((2, 0.5), (1.5, -2))
        )
        assert times is not None
        assert times.level is TravelLevel.ROAD_GRAPH
        assert times.distance_m[0, 1] == pytest.approx(700, abs=2)
        assert "closures without the engine: osrm-customize: no room" in caplog.text
        assert list(tmp_path.iterdir()) == []
    finally:
        opened.close()


@pytest.mark.parametrize("fails", [tempfile.mkdtemp, shutil.copyfile])
def test_a_full_disk_leaves_the_graph_to_answer(
    town: TownRoads, monkeypatch: pytest.MonkeyPatch, fails: object
) -> None:
    def full(*_: object, **__: object) -> NoReturn:
        raise OSError(28, "No space left on device")

    module = tempfile if fails is tempfile.mkdtemp else shutil
    opened = town.networks()
    try:
        with monkeypatch.context() as patched:
            patched.setattr(module, fails.__name__, full)  # type: ignore[attr-defined]
            network = opened.get(frozenset([town.chain(BRIDGE)]))
        times = network.times(town.snap((2, 0.5), (1.5, -2)))
        assert times is not None
        assert times.level is TravelLevel.ROAD_GRAPH
    finally:
        opened.close()


def test_an_engine_that_does_not_start_leaves_the_graph_unless_a_port_is_named(
    town: TownRoads, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = copied(town.data, tmp_path / "home")
    for file in data.folder.glob("roads.osrm.*"):
        file.write_bytes(b"")
    opened = Networks(data, town.graph, town.junction, programs=town.programs)
    times = opened.get(AS_BUILT).times(town.snap((0.5, 0), (3.5, 0)))
    assert times is not None
    assert times.level is TravelLevel.ROAD_GRAPH
    assert "is the data whole? kidohan roads check" in caplog.text
    opened.close()
    with serving(FakeEngine()) as other, pytest.raises(SourceError, match="in use"):
        town.networks(port=other.port)


def test_a_server_answers_while_nothing_is_closed(town: TownRoads) -> None:
    with (
        OsrmProcess(town.programs, town.data.base, algorithm="MLD") as elsewhere,
        serving(flat_engine(drive_s=123)) as server,
    ):
        running = set(engines_of(os.getpid()))
        opened = town.networks(server=server.client())
        assert opened.engine is None
        assert opened.processes() == []
        times = opened.get(AS_BUILT).times(town.snap((2, 0.5), (1.5, -2)))
        assert times is not None
        assert times.level is TravelLevel.ROAD
        assert times.duration_s[0, 1] == 123
        asked = len(server.asked)
        closed = opened.get(frozenset([town.chain(BRIDGE)]))
        times = closed.times(town.snap((2, 0.5), (1.5, -2)))
        assert times is not None
        assert times.distance_m[0, 1] == pytest.approx(700, abs=2)
        assert len(server.asked) == asked
        opened.close()
        assert elsewhere.is_up()
        until(lambda: set(engines_of(os.getpid())) == running)


def test_closing_while_a_state_is_being_opened_leaves_no_engine(
    town: TownRoads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    running = set(engines_of(os.getpid()))
    opened = town.networks()
    for chain in range(3):
        opened.prepare(frozenset([chain]))
    opened.close()
    assert list(tmp_path.iterdir()) == []
    until(lambda: set(engines_of(os.getpid())) == running)


def test_closures_that_are_out_of_date_are_given_up_before_they_are_opened(
    town: TownRoads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    opened = town.networks()
    last = frozenset([MAX_CLOSED + 2])
    for chain in range(MAX_CLOSED + 3):
        opened.prepare(frozenset([chain]))
    assert opened.get(last).client is not None
    # The first was begun at once; those between were never anybody's wish.
    until(lambda: len(list(tmp_path.iterdir())) <= 2)
    assert len(opened.processes()) <= 3
    opened.close()
    assert list(tmp_path.iterdir()) == []


def test_who_does_not_wait_is_answered_by_the_graph_meanwhile(
    town: TownRoads, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()
    true_run = OsrmPrograms.run

    def slow_run(*words: object, **options: object) -> str:
        let_go.wait(30)
        return true_run(*words, **options)  # type: ignore[arg-type]

    opened = town.networks()
    monkeypatch.setattr(OsrmPrograms, "run", slow_run)
    try:
        closed = frozenset([town.chain(BRIDGE)])
        beside = town.snapper.snap(places(*SOME), closed_chains=closed)
        meanwhile = opened.get(closed, patience_s=0.05).times(beside)
        assert meanwhile is not None
        assert meanwhile.level is TravelLevel.ROAD_GRAPH
        let_go.set()
        then = opened.get(closed).times(beside)
        assert then is not None
        assert then.level is TravelLevel.ROAD
        both = (then.duration_s < UNREACHABLE_S) == (
            meanwhile.duration_s < UNREACHABLE_S
        )
        assert both.all()  # the same is closed for both
    finally:
        let_go.set()
        opened.close()


def test_a_state_that_could_not_be_opened_is_tried_again(
    town: TownRoads, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(networks_module, "RETRY_S", 0.0)
    opened = town.networks()
    try:
        closed = frozenset([town.chain(BRIDGE)])
        with monkeypatch.context() as full_disk:
            full_disk.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
            assert opened.get(closed).client is None
        assert opened.get(closed).client is not None
    finally:
        opened.close()


def test_a_hanging_engine_is_left_alone_and_started_anew(town: TownRoads) -> None:
    engine, hung = flat_engine(), threading.Event()
    good = engine.answer
    engine.answer = engine.hang
    with serving(engine):
        network = Network(
            engine.client(timeout_s=0.2),
            lambda _: (np.zeros((7, 7), int), np.zeros((7, 7), int)),
            on_hang=hung.set,
        )
        first = network.times(town.snap(*SOME))
        num_asked = len(engine.asked)
        second = network.times(town.snap(*SOME))
        engine.let_go.set()
        engine.answer = good
    assert first is not None
    assert second is not None
    assert first.level is second.level is TravelLevel.ROAD_GRAPH
    assert hung.is_set()
    assert len(engine.asked) == num_asked  # not asked again so soon


def test_what_a_killed_service_left_behind_is_removed_at_the_next_start(
    town: TownRoads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    tell = [sys.executable, "-c", "import os; print(os.getpid())"]
    ended = subprocess.run(tell, capture_output=True, text=True, check=True)  # noqa: S603 - our own program
    dead = tmp_path / f"kidohan-roads-{ended.stdout.strip()}-x"
    living = tmp_path / f"kidohan-roads-{os.getpid()}-x"
    strange = tmp_path / "kidohan-roads-of-somebody"
    for folder in (dead, living, strange):
        folder.mkdir()
    town.networks(programs=None).close()
    assert not dead.exists()
    assert living.exists()
    assert strange.exists()
