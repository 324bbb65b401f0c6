"""Plans (配車計画): routes of one day, and what was left out and why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dispatch.domain.levels import DEFAULT_LEVELS, SCORE_FIELDS, Level
from dispatch.domain.travel import TravelLevel, worst

# Ends the method of a plan that the time guard cut short: it may not repeat.
CUT_SHORT = " (time guard)"


class UnassignedReason(StrEnum):
    """Why a visit is not in the plan."""

    NO_TIME = "no_time"  # the day is full; more urgent visits come first
    NO_SKILL = "no_skill"  # no team of the allowed offices has the skill
    NO_CREW = "no_crew"  # more people needed than any team has
    NO_VEHICLE = "no_vehicle"  # width or class: no vehicle may go there
    NO_LOAD = "no_load"  # more material than any vehicle carries
    NO_TOOL = "no_tool"  # none of a shared tool is left
    NO_TEAM = "no_team"  # no team on duty in the allowed offices
    TOO_LATE = "too_late"  # cannot be done in the shift, or in time, even alone
    WINDOW_MISSED = "window_missed"  # the appointment cannot be met even alone
    UNREACHABLE = "unreachable"  # no way there by the travel times
    ON_HOLD = "on_hold"  # legal hold (エフ 7日) has not ended
    WAITS = "waits"  # other work must come first and is not done that day

    @property
    def is_held(self) -> bool:
        """Whether the visit never reached the planner: no room would let it in."""
        return self in {UnassignedReason.ON_HOLD, UnassignedReason.WAITS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """
    A visit placed in a route; seconds after midnight.

    `drive_s` is the time from leaving the place before, a wait for the end of a timed
    closure included; `held_s` is that wait alone, and `drive_level` says how the time
    was found. Plans stored before there were levels of legs hold straight lines, and
    those stored before waits were told apart hold none.
    """

    visit_id: str
    arrive_s: int
    start_s: int
    end_s: int
    drive_s: int
    drive_m: int
    late_s: int = 0
    drive_level: TravelLevel = TravelLevel.STRAIGHT_LINE
    held_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """
    One team's ordered stops; leaves and returns to its base.

    `return_held_s` is the part of `return_drive_s` that is waiting for the end of a
    timed closure. With `no_way_back` the team is out and cut off from its base: it
    gets no new stop, the way back has no seconds and no metres, and `return_s` is when
    the team is free where it stands.
    """

    team_id: str
    stops: tuple[Stop, ...]
    depart_s: int
    return_s: int
    return_drive_s: int
    return_drive_m: int
    lunch_start_s: int | None
    lunch_end_s: int | None
    overtime_s: int = 0
    return_drive_level: TravelLevel = TravelLevel.STRAIGHT_LINE
    return_held_s: int = 0
    no_way_back: bool = False

    @property
    def drive_s(self) -> int:
        """Seconds on the road, the way back included."""
        return sum(stop.drive_s for stop in self.stops) + self.return_drive_s

    @property
    def drive_m(self) -> int:
        """Metres on the road, the way back included."""
        return sum(stop.drive_m for stop in self.stops) + self.return_drive_m

    @property
    def service_s(self) -> int:
        """Seconds of work at the stops."""
        return sum(stop.end_s - stop.start_s for stop in self.stops)

    @property
    def work_s(self) -> int:
        """Driving and work, what balance is measured on."""
        return self.drive_s + self.service_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Unassigned:
    """A visit left out, with its reason and a sentence for the dispatcher."""

    visit_id: str
    reason: UnassignedReason
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """
    What a plan is worth, level by level; smaller is better, compared in order.

    Which number belongs to which level, and the usual order of the levels, is told in
    `dispatch.domain.levels`.
    """

    s_not_on_time: int
    promises_not_on_time: int
    unserved_s: int
    unserved_a: int
    unserved_b: int
    unserved_c: int
    s_late_steps: int
    late_steps: int
    drive_s: int
    overtime_s: int
    balance_s: int
    team_districts: int = 0

    def promises_key(self, levels: Sequence[Level] = DEFAULT_LEVELS) -> tuple[int, ...]:
        """Levels above driving: what residents notice."""
        return self.key(levels[: tuple(levels).index(Level.DRIVING)])

    def key(self, levels: Sequence[Level] = DEFAULT_LEVELS) -> tuple[int, ...]:
        """Levels as a tuple, the most important first."""
        return tuple(
            getattr(self, name) for level in levels for name in SCORE_FIELDS[level]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    All routes of one day, and every visit that is in none of them.

    `travel_level` is the worst of all legs; see `level_of_legs`.
    """

    date: dt.date
    routes: tuple[Route, ...]
    unassigned: tuple[Unassigned, ...]
    score: Score
    travel_level: TravelLevel
    seed: int
    method: str = field(default="")

    def stops(self) -> Iterator[tuple[Route, int, Stop]]:
        """Every stop with its route and its 1-based order in it."""
        for route in self.routes:
            for order, stop in enumerate(route.stops, start=1):
                yield route, order, stop

    @property
    def is_cut_short(self) -> bool:
        """Whether the time guard ended the search; the same day may plan otherwise."""
        return self.method.endswith(CUT_SHORT)

    def leg_levels(self) -> frozenset[TravelLevel]:
        """How the times of the legs were found; more than one where roads end."""
        levels = {stop.drive_level for _, _, stop in self.stops()}
        levels |= {route.return_drive_level for route in self.routes if route.stops}
        return frozenset(levels)

    @property
    def num_served(self) -> int:
        """How many visits are in routes; one of two teams counts once."""
        return len({stop.visit_id for _, _, stop in self.stops()})

    @property
    def drive_s(self) -> int:
        """Seconds on the road, all teams."""
        return sum(route.drive_s for route in self.routes)


def level_of_legs(routes: Sequence[Route], *, without_legs: TravelLevel) -> TravelLevel:
    """Worst level of all legs of the routes; the given one when nobody drives."""
    levels = [stop.drive_level for route in routes for stop in route.stops]
    levels += [route.return_drive_level for route in routes if route.stops]
    return worst(levels) if levels else without_legs
