"""The Valhalla client against a server of our own that answers like Valhalla 3.9."""

from __future__ import annotations

import json
import math
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.place import LonLat
from dispatch.domain.travel import TravelLevel
from geodata.roads import valhalla
from geodata.roads.guidance import directions, sentence
from geodata.roads.numbers import VehicleSize
from geodata.roads.route import TurnKind
from geodata.roads.valhalla import (
    MAX_LOCATIONS,
    ServerStatus,
    ValhallaRoutes,
    decoded_path,
)

TRUCK = VehicleSize(height_m=2.3, width_m=1.9, length_m=4.7, weight_t=5.0)
HERE, THERE = LonLat(135.495, 34.695), LonLat(135.503, 34.7)
STATUS = {"version": "3.9.1", "tileset_last_modified": 1795360103}


def encoded(points: Sequence[tuple[int, int]]) -> str:
    """Google's polyline of points in millionths of a degree, latitude first."""
    text, before = "", (0, 0)
    for point in points:
        for now, last in zip(point, before, strict=True):
            left = (now - last) << 1
            left = ~left if now < last else left
            while left >= 0x20:
                text += chr((0x20 | (left & 0x1F)) + 63)
                left >>= 5
            text += chr(left + 63)
        before = point
    return text


# A leg over three points, its maneuvers as Valhalla 3.9.1 wrote them for Osaka.
POINTS = [
    (34_695_000, 135_495_000),
    (34_696_000, 135_495_000),
    (34_696_000, 135_499_000),
]


def leg() -> dict[str, Any]:
    return {
        "shape": encoded(POINTS),
        "summary": {"time": 107.6, "length": 0.477},
        "maneuvers": [
            {
                "type": 3,
                "instruction": "堂島浜通を東方向です。",
                "street_names": ["堂島浜通"],
                "bearing_after": 81,
                "length": 0.111,
                "begin_shape_index": 0,
            },
            {
                "type": 10,
                "instruction": "右方向です。その先2/国道2号です。",
                "street_names": ["2", "国道2号"],
                "bearing_after": 360,
                "length": 0.366,
                "begin_shape_index": 1,
            },
            {
                "type": 6,
                "instruction": "目的地は左側です。",
                "length": 0.0,
                "begin_shape_index": 2,
            },
        ],
    }


def trip(*legs: dict[str, Any], units: str = "kilometers") -> dict[str, Any]:
    return {"trip": {"legs": list(legs), "units": units, "status": 0}}


class Server:
    """A loopback server: what it was asked, and what it answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.ports: set[int] = set()  # of the client: one per connection
        self.answer: Callable[[Any], object] = lambda _: trip(leg())
        self.status = 200
        self.body: bytes | None = None
        self.length: int | None = None
        self.location = ""
        self.wait = threading.Event()
        self.wait.set()
        self.drip = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # connections stay open, as Valhalla's do

            def do_GET(self) -> None:
                outer.reply(self, None)

            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                outer.reply(self, json.loads(self.rfile.read(size)))

            def log_message(self, *_: object) -> None:
                """Keep the test's output quiet."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

    def reply(self, handler: BaseHTTPRequestHandler, question: object) -> None:
        self.asked.append((handler.command, handler.path, question))
        self.ports.add(handler.client_address[1])
        self.wait.wait(10)
        body = self.body
        if body is None:
            body = json.dumps(self.answer(question)).encode()
        handler.send_response(self.status)
        if self.location:
            handler.send_header("Location", self.location)
        length = len(body) if self.length is None else self.length
        handler.send_header("Content-Length", str(length))
        handler.close_connection = length != len(body)
        handler.end_headers()
        pieces = [bytes([one]) for one in body] if self.drip else [body]
        for piece in pieces:
            try:
                handler.wfile.write(piece)
            except OSError:  # the client has gone away
                return
            if self.drip:
                threading.Event().wait(0.02)

    def close(self) -> None:
        self.wait.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    yield one
    one.close()


@pytest.fixture
def pool() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager() as one:
        yield one


@pytest.fixture
def client(server: Server, pool: urllib3.PoolManager) -> ValhallaRoutes:
    return ValhallaRoutes(server.url + "/", pool=pool, timeout_s=5)


def test_a_route_becomes_a_leg_with_path_turns_and_words(
    client: ValhallaRoutes,
) -> None:
    (found,) = client.routes([HERE, THERE], vehicle=TRUCK)
    assert found.path == (
        LonLat(135.495, 34.695),
        LonLat(135.495, 34.696),
        LonLat(135.499, 34.696),
    )
    # 107.6 s and 0.477 km, rounded.
    assert (found.duration_s, found.distance_m) == (108, 477)
    assert found.level is TravelLevel.ROAD
    assert found.at_left
    told = [(it.kind, it.road, it.after_m, it.bearing_deg) for it in found.turns]
    assert told == [
        (TurnKind.DEPART, "堂島浜通", 0, 81),
        (TurnKind.RIGHT, "国道2号", 111, 0),
        (TurnKind.ARRIVE_LEFT, "", 366, None),
    ]
    assert [turn.at for turn in found.turns] == list(found.path)
    assert sentence(found.turns[1]) == "右方向です。その先2/国道2号です。"
    assert directions(found.turns) == (
        "堂島浜通を東方向です。→110m先 右方向です。その先2/国道2号です。"
        "→道なり370m→目的地は左側です。"
    )


def test_only_coordinates_and_the_measures_of_the_truck_go_out(
    server: Server, client: ValhallaRoutes
) -> None:
    client.routes([HERE, THERE], vehicle=TRUCK)
    ((method, path, question),) = server.asked
    assert (method, path) == ("POST", "/route")
    assert question == {
        "locations": [
            {"lat": 34.695, "lon": 135.495, "type": "break", "search_cutoff": 500},
            {"lat": 34.7, "lon": 135.503, "type": "break", "search_cutoff": 500},
        ],
        "costing": "truck",
        "costing_options": {
            "truck": {"height": 2.3, "width": 1.9, "length": 4.7, "weight": 5.0}
        },
        "units": "kilometers",
        "language": "ja-JP",
        "roundabout_exits": False,
    }


def test_another_language_and_a_path_in_the_address_are_kept(
    server: Server, pool: urllib3.PoolManager
) -> None:
    url = f"{server.url}/valhalla"
    english = ValhallaRoutes(url, pool=pool, timeout_s=5, language="en-US")
    english.routes([HERE, THERE], vehicle=TRUCK)
    ((_, path, question),) = server.asked
    assert path == "/valhalla/route"
    assert question["language"] == "en-US"


@pytest.mark.parametrize(
    ("num_places", "expected"),
    [
        (2, [2]),
        (MAX_LOCATIONS, [20]),
        (MAX_LOCATIONS + 1, [20, 2]),
        (39, [20, 20]),  # 38 legs = 19 + 19
        (40, [20, 20, 2]),
    ],
)
def test_a_long_route_is_asked_in_pieces_that_share_their_ends(
    server: Server, client: ValhallaRoutes, num_places: int, expected: list[int]
) -> None:
    server.answer = lambda asked: trip(*[leg()] * (len(asked["locations"]) - 1))
    places = [LonLat(135 + at / 1000, 34.7) for at in range(num_places)]
    assert len(client.routes(places, vehicle=TRUCK)) == num_places - 1
    pieces = [question["locations"] for _, _, question in server.asked]
    assert [len(piece) for piece in pieces] == expected
    for before, after in pairwise(pieces):
        assert before[-1] == after[0]


def test_one_place_is_no_route(client: ValhallaRoutes, server: Server) -> None:
    with pytest.raises(InvalidInputError, match="places"):
        client.routes([HERE], vehicle=TRUCK)
    assert server.asked == []


@pytest.mark.parametrize(
    ("number", "kind", "to_left"),
    [
        (1, TurnKind.DEPART, None),
        (4, TurnKind.ARRIVE, None),
        (5, TurnKind.ARRIVE_RIGHT, None),
        (7, TurnKind.STRAIGHT, None),
        (8, TurnKind.STRAIGHT, None),
        (9, TurnKind.SLIGHT_RIGHT, None),
        (11, TurnKind.SHARP_RIGHT, None),
        (12, TurnKind.U_TURN, None),
        (13, TurnKind.U_TURN, None),
        (14, TurnKind.SHARP_LEFT, None),
        (15, TurnKind.LEFT, None),
        (16, TurnKind.SLIGHT_LEFT, None),
        (17, TurnKind.RAMP, None),
        (18, TurnKind.RAMP, False),
        (19, TurnKind.RAMP, True),
        (20, TurnKind.RAMP, False),
        (21, TurnKind.RAMP, True),
        (22, TurnKind.STRAIGHT, None),
        (23, TurnKind.FORK_RIGHT, None),
        (24, TurnKind.FORK_LEFT, None),
        (25, TurnKind.MERGE, None),
        (37, TurnKind.MERGE, False),
        (38, TurnKind.MERGE, True),
        (99, TurnKind.STRAIGHT, None),
    ],
)
def test_each_type_of_maneuver_has_its_kind(
    server: Server,
    client: ValhallaRoutes,
    number: int,
    kind: TurnKind,
    *,
    to_left: bool | None,
) -> None:
    one = leg()
    one["maneuvers"][1]["type"] = number
    server.answer = lambda _: trip(one)
    turn = client.routes([HERE, THERE], vehicle=TRUCK)[0].turns[1]
    assert (turn.kind, turn.to_left) == (kind, to_left)


def test_a_roundabout_tells_its_exit_and_a_bare_number_becomes_a_name(
    server: Server, client: ValhallaRoutes
) -> None:
    one = leg()
    one["maneuvers"][1] |= {
        "type": 26,
        "roundabout_exit_count": 2,
        "street_names": ["25", "308"],
        "instruction": "",
    }
    server.answer = lambda _: trip(one)
    turn = client.routes([HERE, THERE], vehicle=TRUCK)[0].turns[1]
    assert sentence(turn) == "110m先 環状交差点(2番目の出口) 25号へ"


def test_metres_of_many_short_maneuvers_add_up(
    server: Server, client: ValhallaRoutes
) -> None:
    one = leg()
    bend = one["maneuvers"][1] | {"length": 0.0004}
    one["maneuvers"] = [one["maneuvers"][0], *[bend] * 10, one["maneuvers"][2]]
    server.answer = lambda _: trip(one)
    turns = client.routes([HERE, THERE], vehicle=TRUCK)[0].turns
    # 111 m and ten times 0.4 m; each 0.4 alone would be rounded away.
    assert sum(turn.after_m for turn in turns) == 115


def test_the_status_tells_version_and_age_of_the_data(
    server: Server, client: ValhallaRoutes
) -> None:
    server.answer = lambda _: STATUS
    assert client.status() == ServerStatus(version="3.9.1", data_time_s=1795360103)
    server.answer = lambda _: {"version": "3.9.1"}
    assert client.status() == ServerStatus(version="3.9.1", data_time_s=None)
    assert [(method, path) for method, path, _ in server.asked] == [
        ("GET", "/status"),
        ("GET", "/status"),
    ]


@pytest.mark.parametrize(
    "answer", [{}, {"version": 3}, {"version": "3.9.1", "tileset_last_modified": "new"}]
)
def test_a_status_of_another_form_is_an_error_in_words(
    server: Server, client: ValhallaRoutes, answer: dict[str, object]
) -> None:
    server.answer = lambda _: answer
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:\d+: not an answer"):
        client.status()


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in leg().items() if name != key}


def altered(at: int, **values: object) -> dict[str, Any]:
    one = leg()
    one["maneuvers"][at] |= values
    return trip(one)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"trip": None},
        {"trip": {"legs": [leg()]}},
        trip(leg(), units="miles"),
        trip(),
        trip(leg(), leg()),
        trip(without("shape")),
        trip(without("summary")),
        trip(without("maneuvers")),
        trip(leg() | {"shape": "_krdaAmv}laG}"}),
        trip(leg() | {"shape": 7}),
        trip(leg() | {"shape": ""}),
        trip(leg() | {"shape": encoded([(95_000_000, 0)])}),
        trip(leg() | {"maneuvers": []}),
        trip(leg() | {"summary": {"time": -1, "length": 1}}),
        trip(leg() | {"summary": {"time": math.nan, "length": 1}}),
        trip(leg() | {"summary": {"time": math.inf, "length": 1}}),
        altered(0, begin_shape_index=3),
        altered(0, begin_shape_index=-1),
        altered(0, begin_shape_index="0"),
        altered(0, length=-0.1),
        altered(0, length=None),
        altered(0, type=[]),
        altered(0, street_names=[7]),
        altered(0, bearing_after="north"),
        altered(0, roundabout_exit_count="two"),
    ],
)
def test_a_route_of_another_form_is_an_error_in_words(
    server: Server, client: ValhallaRoutes, answer: dict[str, object]
) -> None:
    server.answer = lambda _: answer
    with pytest.raises(SourceError, match=r"not an answer of Valhalla 3 .*check the"):
        client.routes([HERE, THERE], vehicle=TRUCK)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Bad Gateway</html>",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps(trip(leg())).encode()[:-40],
    ],
)
def test_an_answer_that_is_no_json_object_is_an_error_in_words(
    server: Server, client: ValhallaRoutes, body: bytes
) -> None:
    server.body = body
    with pytest.raises(SourceError, match="not an answer of Valhalla 3"):
        client.routes([HERE, THERE], vehicle=TRUCK)


def test_a_refusal_is_told_with_the_servers_reason(
    server: Server, client: ValhallaRoutes
) -> None:
    server.status = 400
    server.answer = lambda _: {
        "error_code": 171,
        "error": "No suitable edges\x07 near location",
        "status_code": 400,
        "status": "Bad Request",
    }
    with pytest.raises(SourceError) as caught:
        client.routes([HERE, THERE], vehicle=TRUCK)
    host = server.url.removeprefix("http://")
    assert str(caught.value) == (
        f"Valhalla server {host} refused (HTTP 400, error 171: No suitable edges near "
        "location); check that its data cover the places and its limits allow them"
    )


def test_a_server_error_without_json_is_an_error_in_words(
    server: Server, client: ValhallaRoutes
) -> None:
    server.status, server.body = 502, b"Bad Gateway"
    with pytest.raises(SourceError, match="HTTP 502, no JSON"):
        client.routes([HERE, THERE], vehicle=TRUCK)


def test_places_are_not_sent_on_to_another_server(
    server: Server, client: ValhallaRoutes
) -> None:
    server.status, server.location = 307, f"{server.url}/elsewhere"
    server.answer = lambda _: {}
    with pytest.raises(SourceError, match="HTTP 307"):
        client.routes([HERE, THERE], vehicle=TRUCK)
    assert len(server.asked) == 1


def test_a_connection_that_ends_in_the_middle_is_an_error_in_words(
    server: Server, client: ValhallaRoutes
) -> None:
    server.length = 100_000
    with pytest.raises(SourceError, match=r"does not answer \(\w+\)"):
        client.routes([HERE, THERE], vehicle=TRUCK)


def test_a_server_that_hangs_is_given_up(
    server: Server, pool: urllib3.PoolManager
) -> None:
    server.wait.clear()
    hasty = ValhallaRoutes(server.url, pool=pool, timeout_s=0.2)
    with pytest.raises(SourceError, match=r"does not answer \(ReadTimeoutError\)"):
        hasty.routes([HERE, THERE], vehicle=TRUCK)


def test_a_server_that_drips_is_given_up(
    server: Server, pool: urllib3.PoolManager
) -> None:
    # One byte each 0.02 s: each arrives in time, the whole of some 900 never would.
    server.drip = True
    hasty = ValhallaRoutes(server.url, pool=pool, timeout_s=0.3)
    with pytest.raises(SourceError, match="takes too long"):
        hasty.routes([HERE, THERE], vehicle=TRUCK)


def test_a_flood_is_not_read_to_its_end(
    server: Server, client: ValhallaRoutes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valhalla, "MAX_ANSWER_BYTES", 1000)
    server.body = b" " * 200_000
    with pytest.raises(SourceError, match="too large"):
        client.routes([HERE, THERE], vehicle=TRUCK)


def test_a_server_that_is_not_there_is_named_without_its_password(
    pool: urllib3.PoolManager,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    gone = ValhallaRoutes(f"http://me:secret@127.0.0.1:{port}", pool=pool, timeout_s=1)
    with pytest.raises(SourceError) as caught:
        gone.status()
    assert f"127.0.0.1:{port} does not answer" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_connection_is_used_again(server: Server, client: ValhallaRoutes) -> None:
    for _ in range(3):
        client.routes([HERE, THERE], vehicle=TRUCK)
    assert len(server.asked) == 3
    assert len(server.ports) == 1


@pytest.mark.parametrize(
    "url",
    ["", "valhalla", "ftp://example.org", "http://", "http://[::1", "file:///etc"],
)
def test_an_address_that_is_none_is_refused(
    url: str, pool: urllib3.PoolManager
) -> None:
    with pytest.raises(InvalidInputError, match="valhalla url"):
        ValhallaRoutes(url, pool=pool, timeout_s=1)


@pytest.mark.parametrize("timeout_s", [0, -1, math.nan, math.inf])
def test_a_time_that_is_none_is_refused(
    timeout_s: float, pool: urllib3.PoolManager
) -> None:
    with pytest.raises(InvalidInputError, match="timeout"):
        ValhallaRoutes("http://127.0.0.1", pool=pool, timeout_s=timeout_s)


def test_the_documented_example_of_a_polyline_is_read() -> None:
    # The example of Google's page, there with five decimals (38.5, -120.2), (40.7,
    # -120.95), (43.252, -126.453): a tenth of it with six.
    assert decoded_path("_p~iF~ps|U_ulLnnqC_mqNvxq`@") == (
        LonLat(-12.02, 3.85),
        LonLat(-12.095, 4.07),
        LonLat(-12.6453, 4.3252),
    )
    assert decoded_path("") == ()


POINT = st.tuples(
    st.integers(-90_000_000, 90_000_000), st.integers(-180_000_000, 180_000_000)
)


@given(st.lists(POINT, max_size=20))
def test_a_polyline_comes_back_as_it_was_encoded(points: list[tuple[int, int]]) -> None:
    expected = tuple(LonLat(lon / 1e6, lat / 1e6) for lat, lon in points)
    assert decoded_path(encoded(points)) == expected


@given(st.text(max_size=30))
def test_any_text_is_a_path_or_a_clean_error(text: str) -> None:
    try:
        path = decoded_path(text)
    except (ValueError, InvalidInputError):
        return
    # What was read is what its encoding says, up to redundant zero pieces.
    whole = [(round(at.lat * 1e6), round(at.lon * 1e6)) for at in path]
    assert decoded_path(encoded(whole)) == path


@pytest.mark.parametrize(
    "text", ["_", "_p~iF", "_p~iF~ps|", "\x1f?", "é?", "~" * 8 + "??"]
)
def test_a_polyline_that_is_cut_off_or_foreign_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="polyline"):
        decoded_path(text)
