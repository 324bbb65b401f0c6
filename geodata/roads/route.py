"""What a road engine says of one drive: its path, its turns, its time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dispatch.domain.place import LonLat
from dispatch.domain.travel import TravelLevel


class TurnKind(StrEnum):
    """What the driver does at one place; left and right as seen by the driver."""

    DEPART = "depart"
    STRAIGHT = "straight"
    SLIGHT_LEFT = "slight_left"
    LEFT = "left"
    SHARP_LEFT = "sharp_left"
    SLIGHT_RIGHT = "slight_right"
    RIGHT = "right"
    SHARP_RIGHT = "sharp_right"
    U_TURN = "u_turn"
    MERGE = "merge"
    RAMP = "ramp"
    FORK_LEFT = "fork_left"
    FORK_RIGHT = "fork_right"
    ROUNDABOUT = "roundabout"
    ARRIVE = "arrive"
    ARRIVE_LEFT = "arrive_left"
    ARRIVE_RIGHT = "arrive_right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """
    One manoeuvre on a leg.

    Parameters
    ----------
    at
        Where it happens.
    kind
        What the driver does.
    road
        Name of the road entered, cleaned and short; empty when the data has none.
    after_m
        Metres driven since the turn before; 0 for the first.
    bearing_deg
        Direction of travel just after it, degrees clockwise from north, 0 to 359.
    to_left
        Side of a ramp or a merge; None for anything else and when it is not told.
    exit_number
        Which exit of a roundabout is taken, counted from 1.
    words
        The engine's own sentence, when it gives one in the people's language.
    """

    at: LonLat
    kind: TurnKind
    road: str
    after_m: int
    bearing_deg: int | None = None
    to_left: bool | None = None
    exit_number: int | None = None
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadLeg:
    """
    The drive from one place to the next.

    Parameters
    ----------
    path
        Points of the line, first to last.
    duration_s, distance_m
        Driving time without waiting, and length.
    turns
        From the departure to the arrival.
    level
        Which level of the travel times produced it.
    at_left
        Whether the place lies on the left-hand side on arrival.
    """

    path: tuple[LonLat, ...]
    duration_s: int
    distance_m: int
    turns: tuple[Turn, ...]
    level: TravelLevel
    at_left: bool = False
