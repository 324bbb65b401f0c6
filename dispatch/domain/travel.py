"""Travel matrix (所要時間行列): seconds and metres between places, by time of day."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch.domain.errors import InvalidInputError

UNREACHABLE_S = 10 * 86_400
TYPICAL_FROM_S = 9 * 3600  # 9:00-17:15, when crews are out on an ordinary day
TYPICAL_TO_S = 17 * 3600 + 15 * 60
FACTOR_STEPS = 1000  # a traffic factor counts in thousandths, so sums stay exact


class TravelLevel(StrEnum):
    """How a travel time was found, best first."""

    ROAD = "road"  # a road engine
    ROAD_GRAPH = "road_graph"  # own shortest paths on the road graph, no turn costs
    STRAIGHT_LINE = "straight_line"


_RANK = {level: rank for rank, level in enumerate(TravelLevel)}


def worst(levels: Iterable[TravelLevel]) -> TravelLevel:
    """Return the level that a whole may claim for its parts (at least one)."""
    return max(levels, key=_RANK.__getitem__)


def level_text(level: TravelLevel) -> str:
    """Say the level as people read it beside an estimated time."""
    match level:
        case TravelLevel.ROAD:
            return "推定(道路)"
        case TravelLevel.ROAD_GRAPH:
            return "推定(道路・簡易)"
        case TravelLevel.STRAIGHT_LINE:
            return "推定(直線)"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficPeriod:
    """From `start_s` (after midnight) on, a drive takes `factor` times as long."""

    start_s: int
    factor: float


class TrafficNumbers(NamedTuple):
    """
    Periods of a `Traffic` as it counts: start, factor in thousandths, speed, distance.

    `speeds` are pieces of road per second, `driven` pieces since midnight, `unit` the
    pieces in a second of free flow.
    """

    starts_s: tuple[int, ...]
    steps: tuple[int, ...]
    speeds: tuple[int, ...]
    driven: tuple[int, ...]
    unit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """
    How driving times change over the day: a factor that is constant by periods.

    The speed changes while a vehicle is on its way, when a period begins (the model of
    Ichoua, Gendreau and Potvin [1]_), so who leaves later never arrives earlier. A
    factor of 1.3 means 30 % longer than free flow; it counts in thousandths. The last
    period goes on beyond midnight. No period at all is free flow.

    Raises
    ------
    InvalidInputError
        When the first period does not begin at midnight, the starts do not ascend or
        a factor is not positive.

    References
    ----------
    .. [1] Vehicle dispatching with time-dependent travel times, European Journal of
       Operational Research 144 (2003), doi 10.1016/S0377-2217(02)00147-9.
    """

    periods: tuple[TrafficPeriod, ...] = ()
    _starts_s: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _steps: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _speeds: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _driven: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _unit: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        periods = self.periods or (TrafficPeriod(start_s=0, factor=1.0),)
        starts_s = tuple(period.start_s for period in periods)
        if starts_s[0] != 0 or any(b <= a for a, b in itertools.pairwise(starts_s)):
            problem = "時間帯は0時から始め、早い順に並べてください"
            raise InvalidInputError("traffic", problem)
        factors = tuple(period.factor for period in periods)
        if not all(math.isfinite(factor) for factor in factors):
            raise InvalidInputError("traffic", "係数は有限の数が必要です")
        steps = tuple(round(factor * FACTOR_STEPS) for factor in factors)
        if min(steps) < 1:
            raise InvalidInputError("traffic", "係数は正の値(0.001以上)が必要です")
        # One second of free-flow driving is `unit` pieces of road. As `unit` is a
        # multiple of all steps, every speed is a whole number of pieces per second.
        unit = math.lcm(*steps)
        speeds = tuple(FACTOR_STEPS * unit // step for step in steps)
        driven = [0]  # pieces from midnight to each start when one never stops
        for (here, there), speed in zip(
            itertools.pairwise(starts_s), speeds[:-1], strict=True
        ):
            driven.append(driven[-1] + (there - here) * speed)
        object.__setattr__(self, "_starts_s", starts_s)
        object.__setattr__(self, "_steps", steps)
        object.__setattr__(self, "_speeds", speeds)
        object.__setattr__(self, "_driven", tuple(driven))
        object.__setattr__(self, "_unit", unit)

    def numbers(self) -> TrafficNumbers:
        """Whole numbers that `drive_s` counts with, for a compiled search."""
        return TrafficNumbers(
            self._starts_s, self._steps, self._speeds, self._driven, self._unit
        )

    @property
    def is_free_flow(self) -> bool:
        """Whether a drive takes as long as on empty roads all day."""
        return all(step == FACTOR_STEPS for step in self._steps)

    def drive_s(self, base_s: int, depart_s: int) -> int:
        """
        Seconds that a drive of `base_s` at free flow takes from a moment on.

        Rounded up to whole seconds. The exact arrival never falls as the departure
        grows, and rounding up keeps that: on whole seconds too, who leaves later never
        arrives earlier. `UNREACHABLE_S` and more stay `UNREACHABLE_S`.
        """
        if base_s >= UNREACHABLE_S:
            return UNREACHABLE_S
        starts_s, driven = self._starts_s, self._driven
        at = max(0, bisect_right(starts_s, depart_s) - 1)
        drive_s = -(-base_s * self._steps[at] // FACTOR_STEPS)
        if at + 1 == len(starts_s) or depart_s + drive_s <= starts_s[at + 1]:
            return min(drive_s, UNREACHABLE_S)  # within one period: most drives
        goal = driven[at] + (depart_s - starts_s[at]) * self._speeds[at]
        goal += base_s * self._unit
        at = bisect_right(driven, goal) - 1
        arrive_s = starts_s[at] - (driven[at] - goal) // self._speeds[at]
        return min(arrive_s - depart_s, UNREACHABLE_S)

    def mean_factor(self, start_s: int, end_s: int) -> float:
        """
        Mean factor over a span of the day, by time.

        Raises
        ------
        ValueError
            When the span begins before midnight or is empty.
        """
        if not 0 <= start_s < end_s:
            message = f"no span of the day: {start_s} to {end_s}"
            raise ValueError(message)
        periods = self.periods or (TrafficPeriod(start_s=0, factor=1.0),)
        total = 0.0
        for at, period in enumerate(periods):
            until_s = periods[at + 1].start_s if at + 1 < len(periods) else end_s
            held_s = min(until_s, end_s) - max(period.start_s, start_s)
            total += max(0, held_s) * period.factor
        return total / (end_s - start_s)


FREE_FLOW = Traffic()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RestrictedTravel:
    """
    The network while timed closures hold (時間規制, 通学時間帯 for one).

    Parameters
    ----------
    windows
        When they hold: (start, end) in seconds after midnight, the end not included,
        ascending and disjoint.
    duration_s, distance_m
        Like those of `TravelMatrix`, with the closed stretches left out.

    Raises
    ------
    InvalidInputError
        When the matrices break a rule of `TravelMatrix`, or the windows theirs.
    """

    windows: tuple[tuple[int, int], ...]
    duration_s: NDArray[np.int64]
    distance_m: NDArray[np.int64]

    def __post_init__(self) -> None:
        _require_square(self.duration_s, self.distance_m)
        free_from_s = 0
        for start_s, end_s in self.windows:
            if not free_from_s <= start_s < end_s:
                problem = "規制の時間帯は重ねず、早い順に並べてください"
                raise InvalidInputError("windows", problem)
            free_from_s = end_s

    def meets(self, start_s: int, end_s: int) -> bool:
        """Whether a time on the road, its end not included, lies in a window."""
        if start_s >= end_s:
            return False
        for closed_from_s, closed_to_s in self.windows:  # a loop: any() costs double
            if start_s < closed_to_s and closed_from_s < end_s:
                return True
        return False

    def part(self, nodes: Sequence[int]) -> RestrictedTravel:
        """Travel between some of the places, in the given order."""
        kept = np.ix_(nodes, nodes)
        return RestrictedTravel(
            windows=self.windows,
            duration_s=self.duration_s[kept],
            distance_m=self.distance_m[kept],
        )

    def held_s(self, start_s: int, end_s: int) -> int:
        """Seconds of a span of the day in which the closures hold."""
        return sum(
            max(0, min(end_s, closed_to_s) - max(start_s, closed_from_s))
            for closed_from_s, closed_to_s in self.windows
        )


@dataclass(frozen=True, slots=True, eq=False)
class TravelMatrix:
    """
    Seconds and metres from every place to every other.

    Parameters
    ----------
    duration_s, distance_m
        int64 of shape (n, n), row = from, zero diagonal, read-only: free flow on the
        open network. An unreachable pair holds `UNREACHABLE_S`.
    level
        How the times were found.
    place_levels
        The same for each place, when they differ: a place beside the road network has
        only straight lines. Empty: all at `level`.
    traffic
        How driving times change over the day.
    restricted
        The network while timed closures hold, of the same places.

    Raises
    ------
    InvalidInputError
        When the shapes differ, a value is negative or the diagonal is not zero.
    """

    duration_s: NDArray[np.int64]
    distance_m: NDArray[np.int64]
    level: TravelLevel
    place_levels: tuple[TravelLevel, ...] = ()
    traffic: Traffic = FREE_FLOW
    restricted: RestrictedTravel | None = None

    def __post_init__(self) -> None:
        _require_square(self.duration_s, self.distance_m)
        if self.place_levels and len(self.place_levels) != len(self):
            raise InvalidInputError("travel matrix", "地点と根拠の数がそろいません")
        closed = self.restricted
        if closed is not None and closed.duration_s.shape != self.duration_s.shape:
            raise InvalidInputError("travel matrix", "規制中の行列の形が違います")

    def __len__(self) -> int:
        return int(self.duration_s.shape[0])

    @property
    def is_timed(self) -> bool:
        """Whether a drive may take another time at another time of the day."""
        closures = self.restricted is not None and bool(self.restricted.windows)
        return closures or not self.traffic.is_free_flow

    def leg_level(self, here: int, there: int) -> TravelLevel:
        """How the time of one leg was found: the worse of its two ends."""
        if not self.place_levels:
            return self.level
        return worst((self.place_levels[here], self.place_levels[there]))

    def drive_s(self, here: int, there: int, depart_s: int) -> int:
        """
        Seconds from leaving to arriving at the earliest, when leaving is allowed now.

        A trip that is on the road while closures hold keeps to the restricted network
        from end to end. It may be quicker to wait for the end of a window: the waiting
        counts as driving. `UNREACHABLE_S` when there is no way at all.
        """
        if not self.is_timed:
            return int(self.duration_s[here, there])
        return self.trip(*self._bases_s(here, there), depart_s)[0]

    def drive_m(self, here: int, there: int, depart_s: int) -> int:
        """Metres of the way that `drive_s` tells the seconds of."""
        _, by_restricted, _ = self.trip(*self._bases_s(here, there), depart_s)
        if by_restricted and self.restricted is not None:
            return int(self.restricted.distance_m[here, there])
        return int(self.distance_m[here, there])

    def held_s(self, here: int, there: int, depart_s: int) -> int:
        """Seconds of `drive_s` that are waiting for the end of a timed closure."""
        return self.trip(*self._bases_s(here, there), depart_s)[2]

    def _bases_s(self, here: int, there: int) -> tuple[int, int]:
        open_s = int(self.duration_s[here, there])
        if self.restricted is None:
            return open_s, open_s
        return open_s, int(self.restricted.duration_s[here, there])

    def trip(
        self, open_s: int, restricted_s: int, depart_s: int
    ) -> tuple[int, bool, int]:
        """
        Seconds of a trip on a timed day, by which network, and how long it waits.

        The second value says whether it takes the restricted network. The third is the
        part of the seconds that is waiting for the end of a window.

        Parameters
        ----------
        open_s, restricted_s
            Free-flow seconds on the two networks; the second is not looked at when
            there are no timed closures.
        depart_s
            When it may leave, seconds after midnight.

        Notes
        -----
        Three ways are compared: the open network now, if no window is met; the
        restricted network now; the open network from the end of a window on, if no
        other window is met then. Waiting to take the restricted network, or waiting
        for any other moment, is never earlier, because later leaving never is.
        """
        traffic, closed = self.traffic, self.restricted
        drive_s = traffic.drive_s(open_s, depart_s)
        if closed is None or not closed.windows:
            return drive_s, False, 0
        best = (UNREACHABLE_S, False, 0)
        if not closed.meets(depart_s, depart_s + drive_s):
            best = (drive_s, False, 0)
        detour_s = traffic.drive_s(restricted_s, depart_s)
        if detour_s < best[0]:
            best = (detour_s, True, 0)
        for _, leave_s in closed.windows:
            wait_s = leave_s - depart_s
            if wait_s <= 0 or wait_s >= best[0]:
                continue
            drive_s = traffic.drive_s(open_s, leave_s)
            if wait_s + drive_s < best[0] and not closed.meets(
                leave_s, leave_s + drive_s
            ):
                best = (wait_s + drive_s, False, wait_s)
        return best

    def part(self, nodes: Sequence[int]) -> TravelMatrix:
        """Travel between some of the places, in the given order."""
        kept = np.ix_(nodes, nodes)
        closed = self.restricted
        return TravelMatrix(
            duration_s=self.duration_s[kept],
            distance_m=self.distance_m[kept],
            level=self.level,
            place_levels=(
                tuple(self.place_levels[node] for node in nodes)
                if self.place_levels
                else ()
            ),
            traffic=self.traffic,
            restricted=None if closed is None else closed.part(nodes),
        )

    def typical_s(self) -> NDArray[np.int64]:
        """
        Seconds by which places are near or far, whatever the time: for searching.

        Returns
        -------
        ndarray of int64, shape (n, n)
            Read-only: the mean traffic of 9:00-17:15 on the open network, or on the
            restricted one when closures hold for more than half of that. A pair that
            only the other network joins has the time of that one, since a crew gets
            there at some time of the day; `UNREACHABLE_S` stands where none does.
        """
        if not self.is_timed:
            return self.duration_s
        base_s, closed = self.duration_s, self.restricted
        if closed is not None:
            span_s = TYPICAL_TO_S - TYPICAL_FROM_S
            mostly = 2 * closed.held_s(TYPICAL_FROM_S, TYPICAL_TO_S) > span_s
            usual, other = base_s, closed.duration_s
            if mostly:
                usual, other = other, usual
            base_s = np.where(usual >= UNREACHABLE_S, other, usual)
        factor = self.traffic.mean_factor(TYPICAL_FROM_S, TYPICAL_TO_S)
        scaled_s = np.rint(base_s * factor).astype(np.int64)
        typical_s = np.where(base_s >= UNREACHABLE_S, UNREACHABLE_S, scaled_s)
        typical_s.flags.writeable = False
        return typical_s


def _require_square(
    duration_s: NDArray[np.int64], distance_m: NDArray[np.int64]
) -> None:
    """Refuse matrices that break a rule, and make the others read-only."""
    shape = duration_s.shape
    square = len(shape) == 2 and shape[0] == shape[1]  # noqa: PLR2004
    if not square or distance_m.shape != shape:
        raise InvalidInputError("travel matrix", "行列の形が正しくありません")
    for values in (duration_s, distance_m):
        if values.dtype != np.int64:
            raise InvalidInputError("travel matrix", "整数(int64)が必要です")
        if (values < 0).any() or np.diagonal(values).any():
            raise InvalidInputError("travel matrix", "負の値か対角の値があります")
        values.flags.writeable = False
