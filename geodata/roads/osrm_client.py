"""OSRM's HTTP interface: tables, routes and nearest roads, of any server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import urllib3
from numpy.typing import NDArray

from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import LonLat
from geodata.roads.snapping import SNAP_MAX_M

Floats = NDArray[np.float64]
MAX_SAID = 200
LEAST = -1.0
HANGS = "Hangs"  # our own word for an engine that is there and does not answer
MOST = 1e9  # seconds (30 years) or metres: no drive is so long


class EngineError(Exception):
    """
    The road engine does not answer, or not with what was asked.

    Never reaches a person: whoever asks falls back to the next level and says so.

    Parameters
    ----------
    message
        What happened; never holds positions.
    code
        The engine's own word for its refusal, such as `TooBig`; empty without one.
    """

    def __init__(self, message: str, code: str = "") -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class OsrmTable:
    """Seconds and metres from sources to destinations; NaN where there is no way."""

    duration_s: Floats
    distance_m: Floats


class OsrmClient:
    """
    Asks one server; safe for several threads.

    Parameters
    ----------
    url
        Gives the server's address: it changes when the engine starts again.
    timeout_s
        Longest wait for one answer.
    num_connections
        Kept open for re-use.
    """

    def __init__(
        self, url: Callable[[], str], *, timeout_s: float, num_connections: int = 8
    ) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(
            retries=False,
            timeout=urllib3.Timeout(connect=2.0, read=timeout_s),
            maxsize=num_connections,
        )

    def table(
        self,
        places: Sequence[tuple[float, float]],
        *,
        sources: Sequence[int],
        destinations: Sequence[int],
        radius_m: float = SNAP_MAX_M,
    ) -> OsrmTable:
        """
        Ask for a block of the matrix.

        Parameters
        ----------
        places
            (lon, lat) in degrees.
        sources, destinations
            Rows of `places`.
        radius_m
            A place farther than this from any road makes the whole block fail:
            without it the engine would silently take a road kilometres away.

        Raises
        ------
        EngineError
            When the engine does not answer or refuses.
        """
        query = {
            "annotations": "duration,distance",
            "sources": ";".join(map(str, sources)),
            "destinations": ";".join(map(str, destinations)),
            "radiuses": ";".join([f"{radius_m:g}"] * len(places)),
            "generate_hints": "false",
            "skip_waypoints": "true",
        }
        answer = self._ask("table", places, query)
        shape = (len(sources), len(destinations))
        try:
            durations = _block(answer["durations"], shape)
            distances = _block(answer["distances"], shape)
        except (KeyError, TypeError, ValueError) as problem:
            message = "road engine: the table is not of the asked form"
            raise EngineError(message) from problem
        return OsrmTable(durations, distances)

    def route(
        self,
        places: Sequence[tuple[float, float]],
        *,
        curb: Sequence[bool] | None = None,
        steps: bool = True,
        radius_m: float = SNAP_MAX_M,
    ) -> list[Mapping[str, Any]]:
        """
        Ask for the way through places in order; one leg between each two.

        Parameters
        ----------
        places
            (lon, lat) in degrees, at least two.
        curb
            Whether to arrive with each place on the left-hand side.
        steps
            Whether turns and geometry are wanted, or only times.
        radius_m
            As for `table`.

        Raises
        ------
        EngineError
            When the engine does not answer, refuses, or knows no way.
        """
        query = {
            "overview": "false",
            "steps": "true" if steps else "false",
            "geometries": "geojson",
            "continue_straight": "false",
            "radiuses": ";".join([f"{radius_m:g}"] * len(places)),
            "generate_hints": "false",
        }
        if curb is not None:
            query["approaches"] = ";".join(
                "curb" if left else "unrestricted" for left in curb
            )
        answer = self._ask("route", places, query)
        try:
            found: object = answer["routes"][0]["legs"]
        except (KeyError, IndexError, TypeError) as problem:
            message = "road engine: the route is not of the asked form"
            raise EngineError(message) from problem
        legs = found if isinstance(found, list) else []
        legs = [leg for leg in legs if isinstance(leg, dict)]
        if len(legs) != len(places) - 1:
            message = f"road engine: {len(legs)} legs for {len(places)} places"
            raise EngineError(message)
        return legs

    def nearest(self, place: LonLat) -> tuple[float, float, float]:
        """
        Return the nearest road's position and its distance: lon, lat, metres.

        Raises
        ------
        EngineError
            When the engine does not answer.
        """
        answer = self._ask("nearest", [(place.lon, place.lat)], {"number": "1"})
        try:
            first = answer["waypoints"][0]
            lon, lat = first["location"]
            found, away_m = LonLat(float(lon), float(lat)), float(first["distance"])
        except (LookupError, TypeError, ValueError, InvalidInputError):
            found, away_m = None, 0.0
        if found is None or not 0 <= away_m <= MOST:
            message = "road engine: the nearest road is not of the asked form"
            raise EngineError(message)
        return found.lon, found.lat, away_m

    def _ask(
        self,
        service: str,
        places: Sequence[tuple[float, float]],
        query: Mapping[str, str],
    ) -> Mapping[str, Any]:
        where = ";".join(f"{lon:.6f},{lat:.6f}" for lon, lat in places)
        options = "&".join(f"{name}={value}" for name, value in query.items())
        url = f"{self._url()}/{service}/v1/driving/{where}?{options}"
        try:
            answer = orjson.loads(self._get(url))
        except urllib3.exceptions.HTTPError as problem:
            # The problem's own text holds the URL, and so people's places.
            message = f"road engine: no answer ({type(problem).__name__})"
            hangs = isinstance(problem, urllib3.exceptions.ReadTimeoutError)
            raise EngineError(message, code=HANGS if hangs else "") from None
        except orjson.JSONDecodeError:
            message = "road engine: the answer is not JSON"
            raise EngineError(message) from None
        if not isinstance(answer, dict) or answer.get("code") != "Ok":
            said = answer.get("code") if isinstance(answer, dict) else None
            message = f"road engine refused the {service}: {str(said)[:MAX_SAID]}"
            raise EngineError(message, code=str(said))
        return answer

    def _get(self, url: str) -> bytes:
        """
        Ask once more when a kept connection turns out to be closed.

        The engine ends each connection after 512 answers; a question sent just then
        gets none (seen with 26.10.0). A dead engine refuses the second one at once.
        """
        try:
            return self._pool.request("GET", url).data
        except urllib3.exceptions.ProtocolError:
            return self._pool.request("GET", url).data


def _block(values: object, shape: tuple[int, int]) -> Floats:
    """Read numbers of rows and columns; ValueError when they are not such a block."""
    block: Floats = np.array(values, np.float64)  # NaN where the engine says null
    # Between two places of one road the engine may answer -0.1 (seen with 26.10.0).
    block[(block < 0) & (block >= LEAST)] = 0
    if block.shape != shape or (block < 0).any() or (block > MOST).any():
        message = "not a block of that shape"
        raise ValueError(message)
    return block
