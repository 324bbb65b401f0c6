"""What changes from one plan to another, in the numbers that people ask for."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dispatch.domain.catalogue import Urgency
from dispatch.domain.levels import SCORE_FIELDS, Level
from dispatch.domain.plan import Plan, Stop
from dispatch.domain.problem import DayProblem
from dispatch.domain.visit import Visit

REPRINT_SHIFT_S = 900  # a time on paper is told as changed from a quarter of an hour


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelChange:
    """The numbers of one level before and after; smaller is better."""

    level: Level
    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChanges:
    """
    What a plan changes against another one; nothing changed, all are empty or zero.

    Parameters
    ----------
    team_changes
        Visits of both plans that go with other teams.
    order_inversions
        Pairs of visits that both plans give to the same team, the other way round.
    shift_median_min, shift_p90_min
        By how many minutes a visit of both plans starts earlier or later: at least
        half (nine tenths) of them move by no more. Visits under way are not counted.
    promises_broken
        Visits with a promised time, or of urgency A, that were in time and are no more.
    visits_in, visits_out
        Visits of only the one plan.
    sheets
        Teams whose printed sheet no longer holds: other stops, another order, or a
        start that moves by a quarter of an hour or more.
    drive_saved_s
        Seconds on the road that the new plan saves (negative: it costs them).
    levels
        Score before and after, in the problem's order of levels.
    """

    team_changes: tuple[str, ...]
    order_inversions: int
    shift_median_min: float
    shift_p90_min: float
    promises_broken: tuple[str, ...]
    visits_in: tuple[str, ...]
    visits_out: tuple[str, ...]
    sheets: tuple[str, ...]
    drive_saved_s: int
    levels: tuple[LevelChange, ...]

    @property
    def is_nothing(self) -> bool:
        """Whether the new plan is, on paper, the one before."""
        changed = self.visits_in or self.visits_out or self.sheets
        return not (changed or self.order_inversions or self.shift_p90_min)


def compared(
    before: Plan,
    after: Plan,
    problem: DayProblem,
    *,
    committed: frozenset[str] = frozenset(),
) -> PlanChanges:
    """
    Say what changes from a plan to another one of the same day.

    Parameters
    ----------
    before, after
        The plans; each brings its own score.
    problem
        What the new plan was made from: promises, due times, order of the levels.
    committed
        Visits done or under way: they count neither as moved nor as left out.
    """
    old, new = _served(before), _served(after)
    both = [visit_id for visit_id in old if visit_id in new]
    to_come = [visit_id for visit_id in both if visit_id not in committed]
    shifts_s = sorted(
        abs(new[visit_id].start_s - old[visit_id].start_s) for visit_id in to_come
    )
    return PlanChanges(
        team_changes=tuple(v for v in to_come if old[v].teams != new[v].teams),
        order_inversions=_inversions(before, after),
        shift_median_min=_smallest_that_covers(0.5, shifts_s) / 60,
        shift_p90_min=_smallest_that_covers(0.9, shifts_s) / 60,
        promises_broken=_promises_broken(problem, old, new),
        visits_in=tuple(v for v in new if v not in old and v not in committed),
        visits_out=tuple(v for v in old if v not in new and v not in committed),
        sheets=_sheets(before, after),
        drive_saved_s=before.drive_s - after.drive_s,
        levels=tuple(
            LevelChange(
                level=level,
                before=tuple(getattr(before.score, n) for n in SCORE_FIELDS[level]),
                after=tuple(getattr(after.score, n) for n in SCORE_FIELDS[level]),
            )
            for level in problem.levels
        ),
    )


def changed_visits(before: Plan, after: Plan) -> frozenset[str]:
    """Visits that are new, go with other teams, or move by a quarter of an hour."""
    old = _served(before)
    return frozenset(
        visit_id
        for visit_id, now in _served(after).items()
        if visit_id not in old
        or old[visit_id].teams != now.teams
        or abs(old[visit_id].start_s - now.start_s) >= REPRINT_SHIFT_S
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Served:
    """One visit in a plan: with which teams, and when the last of them begins."""

    teams: frozenset[str]
    start_s: int


def _served(plan: Plan) -> dict[str, _Served]:
    teams: dict[str, set[str]] = defaultdict(set)
    starts_s: dict[str, int] = {}
    for route, _, stop in plan.stops():
        teams[stop.visit_id].add(route.team_id)
        known_s = starts_s.get(stop.visit_id, stop.start_s)
        starts_s[stop.visit_id] = max(known_s, stop.start_s)
    return {
        visit_id: _Served(teams=frozenset(teams[visit_id]), start_s=start_s)
        for visit_id, start_s in starts_s.items()
    }


def _stops_by_team(plan: Plan) -> dict[str, tuple[Stop, ...]]:
    return {route.team_id: route.stops for route in plan.routes}


def _inversions(before: Plan, after: Plan) -> int:
    new = _stops_by_team(after)
    return sum(
        _pairs_turned(_visit_ids(route.stops), _visit_ids(new.get(route.team_id, ())))
        for route in before.routes
    )


def _visit_ids(stops: Iterable[Stop]) -> list[str]:
    return [stop.visit_id for stop in stops]


def _pairs_turned(before: Sequence[str], after: Sequence[str]) -> int:
    place = {visit_id: at for at, visit_id in enumerate(after)}
    kept = [place[visit_id] for visit_id in before if visit_id in place]
    return sum(first > then for first, then in itertools.combinations(kept, 2))


def _smallest_that_covers(share: float, ascending: Sequence[int]) -> int:
    """Nearest-rank quantile: a value that occurs, 0 of nothing."""
    if not ascending:
        return 0
    return ascending[math.ceil(share * len(ascending)) - 1]


def _promises_broken(
    problem: DayProblem, old: Mapping[str, _Served], new: Mapping[str, _Served]
) -> tuple[str, ...]:
    return tuple(
        visit.id
        for visit in problem.visits
        if (visit.is_promised or visit.urgency is Urgency.A)
        and _in_time(visit, old.get(visit.id))
        and not _in_time(visit, new.get(visit.id))
    )


def _in_time(visit: Visit, served: _Served | None) -> bool:
    if served is None or (visit.urgency is Urgency.A and visit.late_s(served.start_s)):
        return False
    return not visit.windows or any(
        window.start_s <= served.start_s <= window.end_s for window in visit.windows
    )


def _sheets(before: Plan, after: Plan) -> tuple[str, ...]:
    """Teams that need a new sheet, in the order of the plans."""
    old, new = _stops_by_team(before), _stops_by_team(after)
    return tuple(
        team_id
        for team_id in dict.fromkeys((*old, *new))
        if _reads_otherwise(old.get(team_id, ()), new.get(team_id, ()))
    )


def _reads_otherwise(old: Sequence[Stop], new: Sequence[Stop]) -> bool:
    return _visit_ids(old) != _visit_ids(new) or any(
        abs(then.start_s - now.start_s) >= REPRINT_SHIFT_S
        for then, now in zip(old, new, strict=True)
    )
