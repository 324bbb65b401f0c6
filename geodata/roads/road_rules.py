"""Which way a light truck may drive a road and how fast, from the road's tags.

The same rules as `light_truck.lua`, for the graph that answers when the engine does
not; tests drive both over the same roads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from geodata.roads.numbers import DrivingNumbers

NUMBER = re.compile(r"\s*(\d+\.?\d*)\s*(m|t)?\s*", re.ASCII)
# fmt: off
SHUT = frozenset((
    "no", "private", "agricultural", "forestry", "emergency", "psv", "bus", "taxi",
    "foot", "military", "customers", "restricted", "permit", "residents",
    "use_sidepath", "unknown", "official",
))
# fmt: on
OPEN = frozenset(
    ("yes", "permissive", "designated", "destination", "delivery", "public")
)
# The most special key decides: what is said of trucks outranks what is said of all.
ACCESS_KEYS = ("goods", "motorcar", "motor_vehicle", "vehicle", "access")
# fmt: off
SHUT_BARRIERS = frozenset((
    "bollard", "block", "chain", "fence", "gate", "jersey_barrier", "log", "stile",
    "swing_gate", "turnstile", "planter", "debris", "cycle_barrier", "wall",
))
# fmt: on
ONEWAY_KEYS = ("oneway:motor_vehicle", "oneway:vehicle", "oneway")
ALONG = frozenset(("yes", "1", "true"))
AGAINST = frozenset(("-1", "reverse"))
CHANGING = frozenset(("reversible", "alternating"))


class Tags(Protocol):
    """Tags of a way or node: a mapping, or pyosmium's own list."""

    def get(self, key: str, /) -> str | None:
        """Value of a tag, or None."""
        ...


@dataclass(frozen=True, slots=True)
class RoadSpeed:
    """Speed along and against the way's direction, km/h; 0 where it is shut."""

    forward_kmh: float
    backward_kmh: float
    rank: int


def number_of(text: str | None) -> float | None:
    """Metres, tonnes or km/h of a plain tag value; None for anything else."""
    match = NUMBER.fullmatch(text) if text else None
    return float(match[1]) if match else None


def road_speed(tags: Tags, numbers: DrivingNumbers) -> RoadSpeed | None:
    """Speeds and rank of a way, or None when no light truck drives it."""
    highway = tags.get("highway")
    if highway is None or highway not in numbers.speed_kmh:
        return None
    if tags.get("area") == "yes" or tags.get("impassable") == "yes":
        return None
    if not _fits(tags, numbers):
        return None
    direction = _one_way(tags, highway)
    if direction is None:
        return None
    everywhere = _access(tags, "")
    speeds = []
    for name, against in (("forward", -1), ("backward", 1)):
        said = _access(tags, f":{name}")
        shut = (everywhere if said is None else said) is False or direction == against
        speeds.append(0.0 if shut else _speed(tags, highway, name, numbers))
    if not any(speeds):
        return None
    return RoadSpeed(speeds[0], speeds[1], numbers.rank[highway])


def is_shut_node(tags: Tags) -> bool:
    """Whether nothing passes the node: a bollard, a private gate."""
    access = _access(tags, "")
    if access is None:
        return tags.get("barrier") in SHUT_BARRIERS
    return not access


def _fits(tags: Tags, numbers: DrivingNumbers) -> bool:
    vehicle = numbers.vehicle
    limits = (
        (("maxheight:physical", "maxheight"), vehicle.height_m),
        (("maxwidth:physical", "maxwidth", "width"), vehicle.width_m),
        (("maxweight",), vehicle.weight_t),
        (("maxlength",), vehicle.length_m),
    )
    for keys, least in limits:
        for key in keys:
            value = number_of(tags.get(key))
            if value is not None and value < least:
                return False
    return True


def _access(tags: Tags, suffix: str) -> bool | None:
    for key in ACCESS_KEYS:
        value = tags.get(key + suffix)
        if value in SHUT:
            return False
        if value in OPEN:
            return True
    return None


def _one_way(tags: Tags, highway: str) -> int | None:
    """1 along the way, -1 against it, 0 both; None for one that changes by the hour."""
    said = (tags.get(key) for key in ONEWAY_KEYS)
    value = next((text for text in said if text), None)
    if value in ALONG:
        return 1
    if value in AGAINST:
        return -1
    if value in CHANGING:
        return None
    ring = tags.get("junction") in {"roundabout", "circular"}
    return 1 if value is None and (ring or highway == "motorway") else 0


def _speed(tags: Tags, highway: str, direction: str, numbers: DrivingNumbers) -> float:
    speed = numbers.speed_kmh[highway]
    posted = number_of(tags.get(f"maxspeed:{direction}") or tags.get("maxspeed"))
    if posted:
        speed = min(speed, posted)
    width = number_of(tags.get("width"))
    if width is not None and width < numbers.narrow_m:
        speed = min(speed, numbers.narrow_kmh)
    return speed
