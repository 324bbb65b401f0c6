"""Levels (評価の段): what makes one plan better than another, in the city's order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dispatch.domain.catalogue import Urgency
from dispatch.domain.errors import InvalidInputError


class Level(StrEnum):
    """One question that a plan is judged by."""

    S_ON_TIME = "s_on_time"  # S visits on time
    PROMISES = "promises"  # appointments and A on time
    SERVED = "served"  # visits served, by urgency
    LATENESS = "lateness"  # lateness in begun quarters of an hour, S before all other
    DRIVING = "driving"  # seconds on the road
    OVERTIME = "overtime"  # seconds after the end of the shift
    FAIRNESS = "fairness"  # spread of work between the teams of an office
    COMPACTNESS = "compactness"  # districts that each team has to go to


DEFAULT_LEVELS = tuple(Level)  # the order of the planning rules

# Numbers of a Score that answer each level's question, the most important first.
SCORE_FIELDS: Mapping[Level, tuple[str, ...]] = {
    Level.S_ON_TIME: ("s_not_on_time",),
    Level.PROMISES: ("promises_not_on_time",),
    Level.SERVED: ("unserved_s", "unserved_a", "unserved_b", "unserved_c"),
    Level.LATENESS: ("s_late_steps", "late_steps"),
    Level.DRIVING: ("drive_s",),
    Level.OVERTIME: ("overtime_s",),
    Level.FAIRNESS: ("balance_s",),
    Level.COMPACTNESS: ("team_districts",),
}


def require_levels(levels: Sequence[Level]) -> tuple[Level, ...]:
    """
    Return an order of levels, complete.

    Raises
    ------
    InvalidInputError
        When a level is missing or named twice.
    """
    if sorted(levels) != sorted(Level):
        names = "・".join(level.value for level in Level)
        raise InvalidInputError("levels", f"段をそれぞれ1回ずつ並べてください({names})")
    return tuple(levels)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchWeights:
    """
    What a search counts, in whole units; it steers and never judges.

    Parameters
    ----------
    drop
        Of a visit left out, by urgency; `promise_drop` on top when it is promised.
    late_at_all
        Of a visit that starts late, however little.
    late_step
        Of each begun quarter of an hour of lateness.
    late_s
        Of each second of lateness.
    drive_s, overtime_s, balance_s
        Of each second of driving, of overtime, and of the spread of work in an office.
    team_district
        Of each district that a team has to go to.
    team_change
        Of a visit that goes to another team than in the plan in force.
    wait_day
        Of each whole day that a visit waits, when several days are planned at once.
    """

    drop: Mapping[Urgency, int]
    promise_drop: int
    late_at_all: Mapping[Urgency, int]
    late_step: Mapping[Urgency, int]
    late_s: Mapping[Urgency, int]
    drive_s: int
    overtime_s: int
    balance_s: int
    team_district: int
    team_change: int = 0
    wait_day: int = 0


# How much one unit of the level above counts at least in units of this one. They only
# steer the search; plans are compared level by level. Lateness: some days of quarters
# of an hour; served: four classes, ten times each; driving: ten minutes.
_STEP_UP: Mapping[Level, int] = {
    Level.S_ON_TIME: 10,
    Level.PROMISES: 10,
    Level.SERVED: 1000,
    Level.LATENESS: 1000,
    Level.DRIVING: 600,
    Level.OVERTIME: 3,
    Level.FAIRNESS: 3,
    Level.COMPACTNESS: 3,
}
# And in seconds of driving, overtime or fairness, where those stand below it.
_WORTH_S: Mapping[Level, int] = {
    Level.S_ON_TIME: 6_000_000_000,
    Level.PROMISES: 600_000_000,
    Level.SERVED: 600_000,
    Level.LATENESS: 600,
}
_UNIT_MAX = 200_000_000_000  # 1,500 visits of the dearest class stay below 2^60
_CLASS_STEP = 10
_DISTRICT_S = 300  # of driving that one more district is worth
_CHANGE_S = 900  # and a visit's change of team; `wait_day` the same
_SERVED_CLASSES = {Urgency.S: 3, Urgency.A: 2, Urgency.B: 1, Urgency.C: 0, Urgency.D: 0}


def weights_of(levels: Sequence[Level]) -> SearchWeights:
    """
    Weights that steer a search towards plans which the levels prefer.

    Parameters
    ----------
    levels
        The most important first, each once.
    """
    unit = _units(levels)
    zero = dict.fromkeys(Urgency, 0)
    at_all = zero | {Urgency.S: unit[Level.S_ON_TIME], Urgency.A: unit[Level.PROMISES]}
    served = {
        urgency: unit[Level.SERVED] * _CLASS_STEP**step
        for urgency, step in _SERVED_CLASSES.items()
    }
    return SearchWeights(
        drop={urgency: served[urgency] + at_all[urgency] for urgency in Urgency},
        promise_drop=unit[Level.PROMISES],
        late_at_all=at_all,
        late_step=dict.fromkeys(Urgency, unit[Level.LATENESS])
        | {Urgency.S: unit[Level.LATENESS] * _CLASS_STEP},
        late_s=zero,
        drive_s=unit[Level.DRIVING],
        overtime_s=unit[Level.OVERTIME],
        balance_s=unit[Level.FAIRNESS],
        team_district=unit[Level.COMPACTNESS] * _DISTRICT_S,
        team_change=unit[Level.DRIVING] * _CHANGE_S,
        wait_day=unit[Level.DRIVING] * _CHANGE_S,
    )


def _units(levels: Sequence[Level]) -> dict[Level, int]:
    """Weight of one unit of each level; drawn together where they grow too large."""
    unit: dict[Level, int] = {}
    weight, second = 1, 0  # of the next level; of a second of any level below
    for level in reversed(require_levels(levels)):
        unit[level] = max(weight, second * _WORTH_S.get(level, 0))
        if level not in _WORTH_S:
            second = unit[level]
        weight = unit[level] * _STEP_UP[level]
    top = max(unit.values())
    if top <= _UNIT_MAX:
        return unit
    power = math.log(_UNIT_MAX) / math.log(top)
    return {level: max(1, round(one**power)) for level, one in unit.items()}
