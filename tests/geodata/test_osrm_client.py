"""The engine's answers are believed only as far as they are of the asked form."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import urllib3

from geodata.roads.osrm_client import EngineError, OsrmClient
from tests.geodata.road_data import (
    Answer,
    FakeEngine,
    nobody_there,
    ok,
    place,
    serving,
)

HERE, THERE = (135.5, 34.68), (135.502187, 34.68)
SECRETS = ("135.5", "34.68")  # what no message may hold
NUMBERS = [[0, 90.5], [None, 0]]


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with serving(FakeEngine()) as server:
        yield server


def table(client: OsrmClient) -> Any:  # noqa: ANN401 - whatever comes back
    return client.table([HERE, THERE], sources=[0, 1], destinations=[0, 1])


def route(client: OsrmClient) -> Any:  # noqa: ANN401
    return client.route([HERE, THERE])


def nearest(client: OsrmClient) -> Any:  # noqa: ANN401
    return client.nearest(place((0, 0)))


ASKS = (table, route, nearest)


def refusal(ask: Callable[[OsrmClient], Any], client: OsrmClient) -> str:
    with pytest.raises(EngineError) as problem:
        ask(client)
    # The whole chain, as a traceback in a log would show it.
    told, chain = "", [problem.value.__cause__, problem.value]
    if not problem.value.__suppress_context__:
        chain.append(problem.value.__context__)
    for link in chain:
        told += f"{link!r} {link}"
    assert not [secret for secret in SECRETS if secret in told]
    return str(problem.value)


def test_a_table_has_seconds_and_metres_and_nan_where_there_is_no_way(
    engine: FakeEngine,
) -> None:
    engine.answer = lambda *_: ok({"durations": NUMBERS, "distances": NUMBERS})
    found = table(engine.client())
    expected = np.array([[0, 90.5], [np.nan, 0]])
    np.testing.assert_array_equal(found.duration_s, expected)
    np.testing.assert_array_equal(found.distance_m, expected)


def test_a_table_is_asked_with_a_radius_for_every_place(engine: FakeEngine) -> None:
    engine.answer = lambda *_: ok({"durations": [[1]], "distances": [[2]]})
    engine.client().table([HERE, THERE], sources=[0], destinations=[1])
    ((service, at, options),) = engine.asked
    assert service == "table"
    assert [(one.lon, one.lat) for one in at] == [HERE, THERE]
    assert options["radiuses"] == "500;500"
    assert (options["sources"], options["destinations"]) == ("0", "1")
    assert options["annotations"] == "duration,distance"


def test_a_route_tells_on_which_side_to_arrive(engine: FakeEngine) -> None:
    legs = [{"duration": 3}]
    engine.answer = lambda *_: ok({"routes": [{"legs": legs}]})
    client = engine.client()
    found = client.route([HERE, THERE], curb=[False, True], steps=False, radius_m=20)
    assert found == legs
    assert client.route([HERE, THERE]) == legs
    (_, _, first), (_, _, second) = engine.asked
    assert first["approaches"] == "unrestricted;curb"
    assert (first["steps"], first["radiuses"]) == ("false", "20;20")
    assert "approaches" not in second
    assert (second["steps"], second["radiuses"]) == ("true", "500;500")


def test_the_nearest_road_has_a_position_and_a_distance(engine: FakeEngine) -> None:
    found = {"location": [135.501, 34.681], "distance": 12.5}
    engine.answer = lambda *_: ok({"waypoints": [found]})
    assert nearest(engine.client()) == (135.501, 34.681, 12.5)


@pytest.mark.parametrize("ask", ASKS)
def test_what_the_engine_refuses_is_an_error_with_its_word(
    engine: FakeEngine, ask: Callable[[OsrmClient], Any]
) -> None:
    said = {"code": "NoSegment", "message": "no segment for coordinate 135.5,34.68"}
    engine.answer = lambda *_: (400, json.dumps(said).encode())
    assert refusal(ask, engine.client()).endswith(": NoSegment")


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b'{"code": "Ok"', b"\xff\xfe", b'{"code": NaN}', b"[" * 5000],
)
def test_what_is_not_json_is_an_error(
    engine: FakeEngine, ask: Callable[[OsrmClient], Any], content: bytes
) -> None:
    engine.answer = lambda *_: (200, content)
    assert refusal(ask, engine.client()) == "road engine: the answer is not JSON"


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("content", [[], 7, None, {}, {"code": 3}, "Ok"])
def test_json_that_is_no_answer_is_an_error(
    engine: FakeEngine,
    ask: Callable[[OsrmClient], Any],
    content: object,
) -> None:
    engine.answer = lambda *_: (200, json.dumps(content).encode())
    assert "refused the" in refusal(ask, engine.client())


WRONG_TABLES: list[object] = [
    None,
    [],
    [[0, 1]],
    [[0, 1, 2, 3]],  # four numbers, but in one row
    [0, 1, 2, 3],
    [[0, 1], [2]],
    [[0, 1], [2, [3]]],
    [[[0], [1]], [[2], [3]]],
    [["a", 1], [2, 3]],
    [[0, -2], [2, 3]],
    [[0, 1e300], [2, 3]],  # no memory of ours holds it
    {"0": [0, 1]},
]


def test_a_hair_below_zero_between_two_places_of_one_road_is_zero(
    engine: FakeEngine,
) -> None:
    # What 26.10.0 answers for two places some metres apart on one road.
    engine.answer = lambda *_: ok(
        {"durations": NUMBERS, "distances": [[0, -0.1], [0, 0]]}
    )
    assert table(engine.client()).distance_m.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("wrong", WRONG_TABLES, ids=str)
@pytest.mark.parametrize("name", ["durations", "distances"])
def test_a_table_of_another_form_is_an_error(
    engine: FakeEngine, name: str, wrong: object
) -> None:
    good = {"durations": NUMBERS, "distances": NUMBERS}
    engine.answer = lambda *_: ok({**good, name: wrong})
    told = refusal(table, engine.client())
    assert told == "road engine: the table is not of the asked form"


def test_a_table_without_distances_is_an_error(engine: FakeEngine) -> None:
    engine.answer = lambda *_: ok({"durations": NUMBERS})
    refusal(table, engine.client())


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"routes": None},
        {"routes": []},
        {"routes": {}},
        {"routes": [{}]},
        {"routes": [7]},
        {"routes": [{"legs": None}]},
        {"routes": [{"legs": 1}]},
        {"routes": [{"legs": "x"}]},
        {"routes": [{"legs": {"0": 1}}]},
        {"routes": [{"legs": [7]}]},
        {"routes": [{"legs": []}]},
        {"routes": [{"legs": [{}, {}]}]},
    ],
    ids=str,
)
def test_a_route_of_another_form_is_an_error(
    engine: FakeEngine, content: dict[str, Any]
) -> None:
    engine.answer = lambda *_: ok(content)
    refusal(route, engine.client())


@pytest.mark.parametrize(
    "waypoints",
    [
        None,
        [],
        [{}],
        [{"location": [1.0], "distance": 1}],
        [{"location": ["x", 1], "distance": 1}],
        [{"location": [1, 2]}],
        [{"location": [1, 2], "distance": None}],
        [{"location": [1e300, 2], "distance": 1}],
        [{"location": [135, 91], "distance": 1}],
        [{"location": [135, 35], "distance": -1}],
        7,
    ],
    ids=str,
)
def test_a_nearest_road_of_another_form_is_an_error(
    engine: FakeEngine, waypoints: object
) -> None:
    engine.answer = lambda *_: ok({"waypoints": waypoints})
    told = refusal(nearest, engine.client())
    assert told == "road engine: the nearest road is not of the asked form"


@pytest.mark.parametrize("ask", ASKS)
def test_an_engine_that_hangs_is_given_up(
    engine: FakeEngine, ask: Callable[[OsrmClient], Any]
) -> None:
    engine.answer = engine.hang
    began = time.monotonic()
    told = refusal(ask, engine.client(timeout_s=0.2))
    assert time.monotonic() - began < 5
    assert told == "road engine: no answer (ReadTimeoutError)"


@pytest.mark.parametrize("ask", ASKS)
def test_an_engine_that_is_not_there_is_an_error(
    ask: Callable[[OsrmClient], Any],
) -> None:
    with nobody_there() as url:
        told = refusal(ask, OsrmClient(lambda: url, timeout_s=5))
    assert told == "road engine: no answer (NewConnectionError)"


def test_an_answer_that_breaks_off_is_an_error(engine: FakeEngine) -> None:
    class Cut(bytes):
        def __len__(self) -> int:
            return 2 * super().__len__()  # more is promised than comes

    _, content = ok({"durations": NUMBERS, "distances": NUMBERS})
    engine.answer = lambda *_: (200, Cut(content))
    assert "no answer" in refusal(table, engine.client(timeout_s=0.3))


def test_a_kept_connection_that_was_closed_is_asked_once_more(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.answer = lambda *_: ok({"durations": NUMBERS, "distances": NUMBERS})
    true_request = urllib3.PoolManager.request
    closed = [urllib3.exceptions.ProtocolError("Connection aborted.")]

    def request(*words: Any, **options: Any) -> Any:  # noqa: ANN401 - passed on
        if closed:
            raise closed.pop()
        return true_request(*words, **options)

    monkeypatch.setattr(urllib3.PoolManager, "request", request)
    assert table(engine.client()).duration_s[0, 1] == 90.5
    closed += [urllib3.exceptions.ProtocolError("Connection aborted.")] * 2
    assert refusal(table, engine.client()) == "road engine: no answer (ProtocolError)"


def test_a_redirect_is_not_followed_to_another_machine(engine: FakeEngine) -> None:
    engine.answer = lambda *_: (302, b"moved")
    refusal(table, engine.client())
    assert len(engine.asked) == 1


def test_a_block_of_the_largest_size_is_read_whole(engine: FakeEngine) -> None:
    # 300 × 300, as large as a block gets, with row and column in each number.
    size = 300
    numbers = [[1000 * row + column for column in range(size)] for row in range(size)]
    engine.answer = lambda *_: ok({"durations": numbers, "distances": numbers})
    rows = list(range(size))
    asked = [(135.5 + row / 1e5, 34.68) for row in rows]
    found = engine.client().table(asked, sources=rows, destinations=rows)
    assert found.duration_s.shape == (size, size)
    assert found.duration_s[299, 7] == 299_007
    assert found.distance_m.sum() == sum(map(sum, numbers))


def test_the_address_is_asked_anew_each_time(engine: FakeEngine) -> None:
    # The engine has another port when it has been started again.
    engine.answer = lambda *_: ok({"durations": NUMBERS, "distances": NUMBERS})
    with nobody_there() as nowhere:
        addresses = [nowhere, engine.url]
        client = OsrmClient(lambda: addresses.pop(0), timeout_s=5)
        refusal(table, client)
        assert table(client).duration_s[0, 1] == 90.5


def test_eight_may_ask_at_once_without_a_word_in_the_log(
    engine: FakeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    meeting = threading.Barrier(8)

    def answer(*_: object) -> Answer:
        meeting.wait(10)  # all eight are asking at the same moment
        return ok({"durations": NUMBERS, "distances": NUMBERS})

    engine.answer = answer
    client = engine.client()
    with (
        caplog.at_level(logging.INFO),
        ThreadPoolExecutor(8) as pool,
    ):
        found = list(pool.map(lambda _: table(client), range(8)))
    assert len(found) == 8
    assert caplog.messages == []
