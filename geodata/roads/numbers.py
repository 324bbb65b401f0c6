"""The driving numbers of a city: vehicle, speeds, junctions, read from roads.toml."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from dispatch.domain.errors import SourceError
from geodata.city import CityProfile

NUMBERS_FILE = "roads.toml"
# OSRM's own scale of importance, for guidance: motorway 0 … service 31.
PRIORITY = {5: 4, 4: 6, 3: 10, 2: 14, 1: 20}


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleSize:
    """Outer measures of the vehicle that must pass, metres and tonnes."""

    height_m: float
    width_m: float
    length_m: float
    weight_t: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JunctionDelay:
    """
    Seconds lost at a junction; see `light_truck.lua` for when each applies.

    `signal_rank` is the rank from which two crossing roads are taken to have a signal,
    `turn_angle_deg` the change of direction from which going on becomes a turn.
    """

    signal_rank: int
    signal_s: float
    yield_s: float
    minor_s: float
    right_turn_s: float
    left_turn_s: float
    u_turn_s: float
    turn_angle_deg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DrivingNumbers:
    """
    Everything that turns a road's tags into seconds.

    Parameters
    ----------
    vehicle
        What must fit through.
    speed_kmh, rank
        By the value of the `highway` tag; a value in neither is not driven.
    narrow_m, narrow_kmh
        A road tagged narrower than this is driven at most so fast.
    junction
        Seconds at junctions.
    """

    vehicle: VehicleSize
    speed_kmh: Mapping[str, float]
    rank: Mapping[str, int]
    narrow_m: float
    narrow_kmh: float
    junction: JunctionDelay

    def as_lua(self) -> str:
        """Write the numbers as the Lua table that `light_truck.lua` asks for."""
        table: dict[str, Any] = {
            "vehicle": {
                name: getattr(self.vehicle, name) for name in self.vehicle.__slots__
            },
            "speed_kmh": dict(self.speed_kmh),
            "rank": dict(self.rank),
            "priority": {name: PRIORITY[rank] for name, rank in self.rank.items()},
            "narrow_m": self.narrow_m,
            "narrow_kmh": self.narrow_kmh,
            **{name: getattr(self.junction, name) for name in self.junction.__slots__},
        }
        return f"return {_lua(table)}\n"


def city_numbers(profile: CityProfile) -> DrivingNumbers:
    """
    Driving numbers of a city.

    Raises
    ------
    SourceError
        When the city has none, or they cannot be used.
    """
    file = profile.folder / NUMBERS_FILE
    if not file.is_file():
        message = (
            f"{profile.id}: the city profile has no {NUMBERS_FILE} (speeds, vehicle, "
            "junctions), so no road data can be built for it"
        )
        raise SourceError(message)
    return parse_numbers(file.read_text(encoding="utf-8"), source=str(file))


def parse_numbers(text: str, *, source: str) -> DrivingNumbers:
    """
    Read the driving numbers from TOML.

    Raises
    ------
    SourceError
        When a table or key is missing, unknown or not a positive number.
    """
    try:
        tables = tomllib.loads(text)
        width = _positive(tables.pop("width"))
        numbers = DrivingNumbers(
            vehicle=VehicleSize(**_positive(tables.pop("vehicle"))),
            speed_kmh=MappingProxyType(_positive(tables.pop("speed_kmh"))),
            rank=MappingProxyType(_ranks(tables.pop("rank"))),
            narrow_m=width.pop("narrow_m"),
            narrow_kmh=width.pop("narrow_kmh"),
            junction=JunctionDelay(**_positive(tables.pop("junction"))),
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as problem:
        message = f"{source}: not usable driving numbers ({problem})"
        raise SourceError(message) from problem
    if tables or width:
        message = f"{source}: {min({**tables, **width})} is not known here"
        raise SourceError(message)
    if set(numbers.speed_kmh) != set(numbers.rank):
        odd = min(set(numbers.speed_kmh) ^ set(numbers.rank))
        message = f"{source}: highway {odd!r} needs both a speed_kmh and a rank"
        raise SourceError(message)
    return numbers


def _positive(table: object) -> dict[str, Any]:
    for name, value in _table(table).items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and math.isfinite(value) and value > 0):
            message = f"{name} = {value!r} must be a positive number"
            raise ValueError(message)
    return _table(table)


def _ranks(table: object) -> dict[str, int]:
    for name, value in _table(table).items():
        if type(value) is not int or value not in PRIORITY:
            message = f"rank of {name} must be one of {sorted(PRIORITY)}"
            raise ValueError(message)
    return _table(table)


def _table(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        message = f"{value!r} stands where a table must"
        raise TypeError(message)
    return dict(value)


def _lua(value: object) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f'["{key}"] = {_lua(item)}' for key, item in value.items())
        return f"{{ {inside} }}"
    return repr(value)
