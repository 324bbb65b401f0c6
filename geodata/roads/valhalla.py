"""Client of a Valhalla server: routes for a truck with the server's own sentences."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.util import parse_url

from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.place import LonLat
from dispatch.domain.travel import TravelLevel
from geodata.roads.guidance import MALFORMED, clean, road_name, rounded_m
from geodata.roads.numbers import VehicleSize
from geodata.roads.route import RoadLeg, Turn, TurnKind

JAPANESE = "ja-JP"
# Valhalla's own limit for trucks (service_limits.truck.max_locations); longer routes
# are asked for in pieces that share their ends.
MAX_LOCATIONS = 20
# Farther than this from any road a place is not on the map. Valhalla's own cutoff is
# 35 km: a place off the map would be moved to its edge without a word.
SNAP_M = 500
MAX_ANSWER_BYTES = 32 * 2**20
_READ_BYTES = 2**16
_OK = 200
_KM_M = 1000
_DEGREE = 1e6  # polyline6: six decimals
_CHUNK_BITS = 5
_LAST_SHIFT = 30  # 360 degrees in millionths need 30 bits with the sign

# Maneuver types of Valhalla 3; a number that is not here goes straight on.
_KINDS = MappingProxyType(
    {
        1: TurnKind.DEPART,
        2: TurnKind.DEPART,
        3: TurnKind.DEPART,
        4: TurnKind.ARRIVE,
        5: TurnKind.ARRIVE_RIGHT,
        6: TurnKind.ARRIVE_LEFT,
        9: TurnKind.SLIGHT_RIGHT,
        10: TurnKind.RIGHT,
        11: TurnKind.SHARP_RIGHT,
        12: TurnKind.U_TURN,
        13: TurnKind.U_TURN,
        14: TurnKind.SHARP_LEFT,
        15: TurnKind.LEFT,
        16: TurnKind.SLIGHT_LEFT,
        17: TurnKind.RAMP,
        18: TurnKind.RAMP,
        19: TurnKind.RAMP,
        20: TurnKind.RAMP,
        21: TurnKind.RAMP,
        23: TurnKind.FORK_RIGHT,
        24: TurnKind.FORK_LEFT,
        25: TurnKind.MERGE,
        26: TurnKind.ROUNDABOUT,
        37: TurnKind.MERGE,
        38: TurnKind.MERGE,
    }
)
_TO_LEFT = MappingProxyType(
    {18: False, 19: True, 20: False, 21: True, 37: False, 38: True}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """
    What a Valhalla server says of itself.

    `data_time_s` is when its road data were made, seconds since 1970 (UTC); None when
    it does not tell.
    """

    version: str
    data_time_s: int | None


class ValhallaRoutes:
    """
    Routes from a Valhalla 3 server; only coordinates are sent.

    Parameters
    ----------
    url
        Address of the server (http or https), with a path when it has one.
    pool
        Connections; shared with other clients.
    timeout_s
        Longest wait for one whole answer.
    language
        Language of the sentences, a tag that Valhalla knows.

    Raises
    ------
    InvalidInputError
        When the address is not one, or the time is not positive.
    """

    def __init__(
        self,
        url: str,
        *,
        pool: urllib3.PoolManager,
        timeout_s: float,
        language: str = JAPANESE,
    ) -> None:
        try:
            parts = parse_url(url)
        except LocationParseError as error:
            raise InvalidInputError("valhalla url", "URLとして読めません") from error
        if parts.scheme not in ("http", "https") or not parts.host:
            raise InvalidInputError(
                "valhalla url", "http(s)://… の形で指定してください"
            )
        if not 0 < timeout_s < math.inf:
            raise InvalidInputError("valhalla timeout", "正の秒数で指定してください")
        self._url = url.rstrip("/")
        self._host = str(parts.netloc)  # without a user's name and password
        self._pool = pool
        self._timeout_s = timeout_s
        self._language = language

    def routes(
        self, places: Sequence[LonLat], *, vehicle: VehicleSize
    ) -> list[RoadLeg]:
        """
        Drive places in their order: one leg from each to the next.

        Parameters
        ----------
        places
            At least two.
        vehicle
            Measures that decide which roads it may pass.

        Raises
        ------
        InvalidInputError
            When fewer than two places are given.
        SourceError
            When the server does not answer in time, refuses (a place off its map, no
            way between two places) or answers in another form.
        """
        if len(places) < 2:  # noqa: PLR2004 - a drive has two ends
            raise InvalidInputError("places", "2か所以上を指定してください")
        step = MAX_LOCATIONS - 1
        legs: list[RoadLeg] = []
        for start in range(0, len(places) - 1, step):
            legs += self._legs(places[start : start + step + 1], vehicle)
        return legs

    def status(self) -> ServerStatus:
        """
        Ask the server for its version and the age of its data.

        Raises
        ------
        SourceError
            When it does not answer in time or answers in another form.
        """
        answer = self._ask("GET", "/status", None)
        version, made = answer.get("version"), answer.get("tileset_last_modified")
        if not isinstance(version, str) or not isinstance(made, int | None):
            raise self._malformed("status")
        return ServerStatus(version=clean(version), data_time_s=made)

    def _legs(self, places: Sequence[LonLat], vehicle: VehicleSize) -> list[RoadLeg]:
        answer = self._ask("POST", "/route", self._question(places, vehicle))
        try:
            trip = answer["trip"]
            legs = [_leg(leg) for leg in trip["legs"]]
            sound = trip["units"] == "kilometers" and len(legs) == len(places) - 1
        except MALFORMED as error:
            raise self._malformed(f"route, {type(error).__name__}") from error
        if not sound:
            raise self._malformed("route, other units or another number of legs")
        return legs

    def _question(
        self, places: Sequence[LonLat], vehicle: VehicleSize
    ) -> dict[str, object]:
        truck = {
            "height": vehicle.height_m,
            "width": vehicle.width_m,
            "length": vehicle.length_m,
            "weight": vehicle.weight_t,
        }
        return {
            "locations": [
                {
                    "lat": place.lat,
                    "lon": place.lon,
                    "type": "break",
                    "search_cutoff": SNAP_M,
                }
                for place in places
            ],
            "costing": "truck",
            "costing_options": {"truck": truck},
            "units": "kilometers",
            "language": self._language,
            "roundabout_exits": False,  # the way out belongs to the roundabout
        }

    def _ask(
        self, method: str, path: str, question: Mapping[str, object] | None
    ) -> dict[str, Any]:
        """Send one question; the answer's JSON object."""
        deadline = time.monotonic() + self._timeout_s
        body = None if question is None else json.dumps(question).encode()
        try:
            response = self._pool.request(
                method,
                self._url + path,
                body=body,
                headers={"Content-Type": "application/json"},
                timeout=self._timeout_s,
                retries=False,
                redirect=False,  # the places go to this server and to no other
                preload_content=False,
            )
            content = self._read(response, deadline)
        except (HTTPError, OSError) as error:
            message = (
                f"Valhalla server {self._host} does not answer "
                f"({type(error).__name__}); check that it runs and is reachable"
            )
            raise SourceError(message) from error
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self._malformed(f"HTTP {response.status}, no JSON") from error
        if not isinstance(answer, dict):
            raise self._malformed(f"HTTP {response.status}, no JSON object")
        if response.status != _OK:
            raise self._refused(response.status, answer)
        return answer

    def _read(self, response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
        """Take the body piece by piece: a server may neither drip nor flood."""
        content = bytearray()
        try:
            while piece := response.read1(_READ_BYTES):
                content += piece
                if time.monotonic() > deadline or len(content) > MAX_ANSWER_BYTES:
                    message = (
                        f"Valhalla server {self._host}: the answer takes too long or "
                        "is too large; check the server's load and its address"
                    )
                    raise SourceError(message)
            response.release_conn()
        finally:
            response.close()
        return bytes(content)

    def _refused(self, status: int, answer: Mapping[str, Any]) -> SourceError:
        said = clean(str(answer.get("error", "")), max_chars=120)
        code = clean(str(answer.get("error_code", "")))
        return SourceError(
            f"Valhalla server {self._host} refused (HTTP {status}, error {code}: "
            f"{said}); check that its data cover the places and its limits allow them"
        )

    def _malformed(self, what: str) -> SourceError:
        return SourceError(
            f"Valhalla server {self._host}: not an answer of Valhalla 3 ({what}); "
            "check the address and the server's version"
        )


def decoded_path(text: str) -> tuple[LonLat, ...]:
    """
    Points of a line in Google's polyline encoding with six decimals.

    Each number is the difference to the one before, latitude first, its sign in the
    lowest bit, in pieces of five bits, lowest first.

    Raises
    ------
    ValueError
        When the text ends within a point or holds another character.
    InvalidInputError
        When a point lies off the globe.
    """
    numbers: list[int] = []
    value = shift = 0
    for letter in text:
        piece = ord(letter) - 63
        if not 0 <= piece < 64 or shift > _LAST_SHIFT:  # noqa: PLR2004 - six bits
            message = "not a polyline"
            raise ValueError(message)
        value |= (piece & 31) << shift
        shift += _CHUNK_BITS
        if piece < 32:  # noqa: PLR2004 - the sixth bit tells that more follows
            before = numbers[-2] if len(numbers) > 1 else 0
            numbers.append(before + (~(value >> 1) if value & 1 else value >> 1))
            value = shift = 0
    if shift or len(numbers) % 2:
        message = "a polyline that is cut off"
        raise ValueError(message)
    lats, lons = numbers[::2], numbers[1::2]
    return tuple(
        LonLat(lon / _DEGREE, lat / _DEGREE)
        for lat, lon in zip(lats, lons, strict=True)
    )


def _leg(leg: Mapping[str, Any]) -> RoadLeg:
    path = decoded_path(leg["shape"])
    summary = leg["summary"]
    turns = _turns(leg["maneuvers"], path)
    return RoadLeg(
        path=path,
        duration_s=_not_negative(summary["time"]),
        distance_m=_not_negative(summary["length"] * _KM_M),
        turns=turns,
        level=TravelLevel.ROAD,
        at_left=turns[-1].kind is TurnKind.ARRIVE_LEFT,
    )


def _turns(
    maneuvers: Sequence[Mapping[str, Any]], path: Sequence[LonLat]
) -> tuple[Turn, ...]:
    driven_m = [0.0]
    for maneuver in maneuvers:
        driven_m.append(driven_m[-1] + _length_m(maneuver))
    told = [0, *(rounded_m(metres) for metres in driven_m)]
    after_m = [there - here for here, there in pairwise(told)]
    return tuple(
        _turn(maneuver, path, metres)
        for maneuver, metres in zip(maneuvers, after_m[:-1], strict=True)
    )


def _turn(maneuver: Mapping[str, Any], path: Sequence[LonLat], after_m: int) -> Turn:
    number, index = maneuver["type"], maneuver["begin_shape_index"]
    bearing = maneuver.get("bearing_after")
    exit_number = maneuver.get("roundabout_exit_count")
    if not 0 <= index < len(path):
        message = "a maneuver off the path"
        raise ValueError(message)
    return Turn(
        at=path[index],
        kind=_KINDS.get(number, TurnKind.STRAIGHT),
        road=_road(maneuver.get("street_names") or ()),
        after_m=after_m,
        bearing_deg=None if bearing is None else rounded_m(bearing) % 360,
        to_left=_TO_LEFT.get(number),
        exit_number=None if exit_number is None else int(exit_number),
        words=str(maneuver.get("instruction", "")),
    )


def _road(names: Sequence[str]) -> str:
    """Name the road: numbers stand among the names, and a name says more."""
    named = [name for name in names if not name.isdigit()]
    return road_name(named[0] if named else "", names[0] if names else "")


def _length_m(maneuver: Mapping[str, Any]) -> float:
    metres = float(maneuver["length"]) * _KM_M
    _not_negative(metres)
    return metres


def _not_negative(value: float) -> int:
    if value < 0:
        message = "a negative time or length"
        raise ValueError(message)
    return rounded_m(value)
