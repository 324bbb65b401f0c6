"""Proven best J of a day of two crews and few visits, by dynamic programming.

Labels grow along a crew's route: (visits done, place, whether lunch is over) with the
clock, what lateness and driving cost so far, and the seconds of driving. The rules are
those of the shared evaluator, restated here: lunch on any leg, lateness soft, windows
and shift hard. At the end every split of the visits over both crews is weighed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tests.benchmarks.days import (
    LATE_WEIGHT,
    LEFT_OUT_MIN,
    OVERTIME_WEIGHT,
    PER_SECOND,
    UNITS,
)
from tests.benchmarks.instances import Day, Routes

MAX_VISITS = 12  # some 100,000 labels; each visit more takes 2.5 times as long
NUM_CREWS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """The least J that any plan of the day has, in minutes, and a plan that has it."""

    j: float
    routes: Routes


class _Label(NamedTuple):
    """
    One way to have done some visits; `cost` in units of J, `drive_s` in it as well.

    Spread of work counts each second once, so of two labels at the same place the one
    is never needed whose cost is higher by as much as the driving differs (and whose
    clock is not earlier): no spread can make good for it.
    """

    clock_s: int
    cost: int
    drive_s: int
    route: tuple[int, ...]

    def beats(self, other: _Label) -> bool:
        margin = abs(self.drive_s - other.drive_s)
        return self.clock_s <= other.clock_s and self.cost + margin <= other.cost


_Place = tuple[int, bool]  # last visit, whether lunch is over


def proven_optimum(day: Day) -> Proven:
    """
    Least J of a day, over every plan that the evaluator calls legal.

    Raises
    ------
    ValueError
        When there are other than two crews or more than `MAX_VISITS` visits.
    """
    visits, crews = day["visits"], day["crews"]
    if len(crews) != NUM_CREWS or len(visits) > MAX_VISITS:
        message = f"{day['name']}: {len(crews)} crews, {len(visits)} visits"
        raise ValueError(message)
    first, second = (_CrewTours(day, crew).best() for crew in crews)
    work_s = [sum(v["svc"] for v in _members(day, mask)) for mask in _masks(day)]
    left_out = [
        sum(LEFT_OUT_MIN[v["prio"]] * UNITS for v in _members(day, mask))
        for mask in _masks(day)
    ]
    whole = (1 << len(visits)) - 1
    share = crews[0]["office"] == crews[1]["office"]  # else no spread is counted
    best: tuple[int, _Label, _Label] | None = None
    for mine, mine_ends in first.items():
        rest = whole ^ mine
        for others in _subsets(rest):
            for a in mine_ends:
                for b in second.get(others, ()):
                    cost = left_out[rest ^ others] + a.cost + b.cost
                    if share:
                        spread_s = work_s[mine] + a.drive_s - work_s[others] - b.drive_s
                        cost += abs(spread_s)
                    if best is None or cost < best[0]:
                        best = (cost, a, b)
    if best is None:  # pragma: no cover - two empty routes are always legal
        raise ValueError(day["name"])
    return Proven(j=best[0] / UNITS, routes=[list(best[1].route), list(best[2].route)])


def _masks(day: Day) -> range:
    return range(1 << len(day["visits"]))


def _members(day: Day, mask: int) -> list[Day]:
    return [visit for row, visit in enumerate(day["visits"]) if mask >> row & 1]


def _subsets(mask: int) -> Iterator[int]:
    """Every subset of a set of bits, the empty one last."""
    part = mask
    while True:
        yield part
        if not part:
            return
        part = (part - 1) & mask


class _CrewTours:
    """All tours of one crew that may be part of a best plan, by set of visits."""

    def __init__(self, day: Day, crew: Day) -> None:
        self._crew = crew
        self._lunch = day["lunch"]
        self._drive = day["T"]
        self._visits = day["visits"]
        self._first_visit = len(day["offices"])
        self._able = [
            row
            for row, visit in enumerate(day["visits"])
            if visit["skill"] is None or visit["skill"] in crew["skills"]
        ]
        self._load = [sum(v["demand"] for v in _members(day, m)) for m in _masks(day)]

    def best(self) -> dict[int, list[_Label]]:
        """Undominated tours that are back in time and have had lunch."""
        tours = {0: [_Label(self._crew["shift"][0], 0, 0, ())]}
        open_labels: dict[int, dict[_Place, list[_Label]]] = {}
        for mask in range(len(self._load)):
            starts = [(None, tours[0])] if mask == 0 else []
            here = open_labels.pop(mask, {})
            for place, labels in [*starts, *here.items()]:
                for row in self._able:
                    longer = mask | 1 << row
                    if longer == mask or self._load[longer] > self._crew["cap"]:
                        continue
                    into = open_labels.setdefault(longer, {})
                    self._extend(place, labels, row, into)
            ends = [end for place in here for end in self._home(place, here[place])]
            if ends:
                tours[mask] = _kept(
                    _Label(0, end.cost, end.drive_s, end.route) for end in ends
                )
        return tours

    def _extend(
        self,
        place: _Place | None,
        labels: list[_Label],
        row: int,
        into: dict[_Place, list[_Label]],
    ) -> None:
        """Go on to one visit more from every label of a place."""
        visit = self._visits[row]
        from_visit, had_lunch = place or (None, False)
        for label in labels:
            for clock_s, has_lunch in self._arrivals(
                label, (from_visit, row), had_lunch=had_lunch
            ):
                start_s = max(clock_s, visit["tw"][0], visit["release"])
                if start_s > visit["tw"][1]:
                    continue
                late_s = max(0, start_s - visit["due"]) if visit["due"] else 0
                leg_s = self._leg_s(from_visit, row)
                cost = PER_SECOND * (leg_s + LATE_WEIGHT[visit["prio"]] * late_s)
                grown = _Label(
                    start_s + visit["svc"],
                    label.cost + cost,
                    label.drive_s + leg_s,
                    (*label.route, row),
                )
                kept = into.setdefault((row, has_lunch), [])
                if not any(one.beats(grown) for one in kept):
                    kept[:] = [one for one in kept if not grown.beats(one)]
                    kept.append(grown)

    def _home(self, place: _Place, labels: list[_Label]) -> Iterator[_Label]:
        """Tell the ends of a tour: back at the office, lunch over or possible there."""
        from_visit, had_lunch = place
        shift_end_s = self._crew["shift"][1]
        for label in labels:
            for clock_s, has_lunch in self._arrivals(
                label, (from_visit, None), had_lunch=had_lunch
            ):
                if not has_lunch and clock_s > self._lunch["hi"] - self._lunch["dur"]:
                    continue
                if clock_s > shift_end_s + self._crew["ot"]:
                    continue
                leg_s = self._leg_s(from_visit, None)
                over_s = max(0, clock_s - shift_end_s)
                cost = PER_SECOND * (leg_s + OVERTIME_WEIGHT * over_s)
                yield _Label(
                    clock_s, label.cost + cost, label.drive_s + leg_s, label.route
                )

    def _arrivals(
        self, label: _Label, leg: tuple[int | None, int | None], *, had_lunch: bool
    ) -> Iterator[tuple[int, bool]]:
        """When a leg ends, without lunch on it and (if still owed) with."""
        arrive_s = label.clock_s + self._leg_s(*leg)
        yield arrive_s, had_lunch
        first_s = self._lunch["lo"]
        latest_s = self._lunch["hi"] - self._lunch["dur"]
        if not had_lunch and label.clock_s <= latest_s:
            yield max(arrive_s, first_s) + self._lunch["dur"], True

    def _leg_s(self, here: int | None, there: int | None) -> int:
        office = self._crew["office"]
        nodes = (office if v is None else self._first_visit + v for v in (here, there))
        seconds: int = self._drive[next(nodes)][next(nodes)]
        return seconds


def _kept(labels: Iterable[_Label]) -> list[_Label]:
    """Labels that no other beats."""
    kept: list[_Label] = []
    for label in sorted(labels, key=lambda one: one.cost):
        if not any(one.beats(label) for one in kept):
            kept.append(label)
    return kept
