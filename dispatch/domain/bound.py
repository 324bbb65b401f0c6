"""Bound (下限): how far from proven best a plan can be, level by level."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dispatch.domain.catalogue import Urgency
from dispatch.domain.day_limits import DayLimits, least_num_left
from dispatch.domain.levels import SCORE_FIELDS, Level
from dispatch.domain.plan import Score
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import LATE_STEP_S
from dispatch.domain.tree_bound import least_seconds
from dispatch.domain.visit import Visit

# Urgencies that each number of the level "served" counts, in the score's order.
SERVED_CLASSES = (
    frozenset({Urgency.S}),
    frozenset({Urgency.A}),
    frozenset({Urgency.B}),
    frozenset({Urgency.C, Urgency.D}),
)

LEVEL_TEXT = {
    Level.S_ON_TIME: "S案件の期限",
    Level.PROMISES: "約束と当日案件",
    Level.SERVED: "実施する件数",
    Level.LATENESS: "遅れ",
    Level.DRIVING: "移動",
    Level.OVERTIME: "超過勤務",
    Level.FAIRNESS: "負担の公平",
    Level.COMPACTNESS: "校区のまとまり",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelBound:
    """
    One level of a plan: its numbers, and what no other plan undercuts.

    "Other" plans are those that are in no number above worse than this one. `lower`
    is None when nothing is known.
    """

    level: Level
    value: tuple[int, ...]
    lower: tuple[int, ...] | None

    @property
    def is_proven(self) -> bool:
        """Whether no other plan is better here."""
        return self.lower == self.value

    @property
    def gap(self) -> int | None:
        """How much the first number that is not proven may be too large."""
        if self.lower is None:
            return None
        pairs = zip(self.value, self.lower, strict=True)
        return next((value - low for value, low in pairs if value != low), 0)

    @property
    def gap_percent(self) -> int | None:
        """The same of a level with one number, in begun percent of the bound."""
        if self.lower is None or len(self.lower) != 1 or self.lower[0] == 0:
            return None
        value, low = self.value[0], self.lower[0]
        return math.ceil(100 * (value - low) / low)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What is proven of one plan, in the order of its levels."""

    levels: tuple[LevelBound, ...]

    @property
    def proven(self) -> tuple[Level, ...]:
        """Levels from the top on in which no plan is better."""
        first = self.first_unproven
        if first is None:
            return tuple(one.level for one in self.levels)
        return tuple(one.level for one in self.levels[: self.levels.index(first)])

    @property
    def first_unproven(self) -> LevelBound | None:
        """Most important level in which a better plan is not ruled out."""
        return next((one for one in self.levels if not one.is_proven), None)

    @property
    def drive(self) -> LevelBound:
        """Driving, whatever is proven above it."""
        return next(one for one in self.levels if one.level is Level.DRIVING)

    def sentence(self) -> str:
        """Say it to the people who read the plan."""
        first = self.first_unproven
        if first is None:
            return "すべての点で証明済みの最良です。"
        names = "、".join(LEVEL_TEXT[level] for level in self.proven)
        text = f"{names}は証明済みの最良です。" if names else ""
        text += _distance_text(first)
        drive = self.drive
        if first.level is not Level.DRIVING and drive.gap_percent:
            text += _distance_text(drive)
        return text


def bound_of(problem: DayProblem, score: Score) -> Bound:
    """
    Tell for each level how far from proven best a plan with this score can be.

    Parameters
    ----------
    problem
        The day.
    score
        Of a legal plan of the day.

    Notes
    -----
    Every bound drops rules, so it holds with promised times, overtime, traffic, timed
    closures and stops under way. See `docs/explanation/planning-bound.md`.
    """
    bounds = _Bounds(DayLimits(problem), score)
    levels = []
    for level in problem.levels:
        value = tuple(getattr(score, name) for name in SCORE_FIELDS[level])
        lower = bounds.lower(level)
        levels.append(LevelBound(level=level, value=value, lower=lower))
        bounds.served_above |= level is Level.SERVED
    return Bound(levels=tuple(levels))


class _Bounds:
    """Lower bounds of one day for plans that are no worse than a score above."""

    def __init__(self, limits: DayLimits, score: Score) -> None:
        self._limits = limits
        self._visits = limits.problem.visits
        self._left = tuple(getattr(score, f) for f in SCORE_FIELDS[Level.SERVED])
        self._drive_s = score.drive_s
        self.served_above = False  # whether plans that serve less are out of the race

    def lower(self, level: Level) -> tuple[int, ...] | None:
        """Return the bound of each number of a level."""
        lower: tuple[int, ...] | None
        match level:
            case Level.S_ON_TIME:
                lower = (self._fewest_late(_is_s),)
            case Level.PROMISES:
                lower = (self._fewest_late(_is_promise),)
            case Level.SERVED:
                lower = self._fewest_left()
            case Level.LATENESS:
                lower = self._least_steps()
            case Level.DRIVING:
                lower = self._least_drive()
            case Level.COMPACTNESS:
                lower = (self._fewest_districts(),)
            case _:  # overtime and fairness: nothing but zero is sure
                lower = (0,)
        return lower

    def _fewest_late(self, counts: Callable[[Visit], bool]) -> int:
        """Fewest visits of a kind that are left out, or S or A and late."""
        limits = self._limits
        limit_s = limits.latest_s.copy()  # last start that is on time
        for at, visit in enumerate(self._visits):
            if visit.urgency in (Urgency.S, Urgency.A) and visit.due_s is not None:
                limit_s[at] = min(limit_s[at], visit.due_s)
        kind = [at for at, visit in enumerate(self._visits) if counts(visit)]
        never = [at for at in kind if limits.earliest_s[at] > limit_s[at]]
        alone = set(kind) - set(never)
        missed = len(never)
        for teams, rows in limits.groups:
            group = sorted(alone.intersection(rows), key=lambda at: int(limit_s[at]))
            missed += max(
                (
                    self._fewest_after(teams, group[: last + 1], int(limit_s[at]))
                    for last, at in enumerate(group)
                ),
                default=0,
            )
        return missed

    def _fewest_after(
        self, teams: Sequence[int], group: Sequence[int], limit_s: int
    ) -> int:
        """Fewest of a group of visits that start after a moment, by minutes alone."""
        limits = self._limits
        days = limits.problem.team_days
        free_s = [limit_s - days[team].free_from_s for team in teams]
        room_s = sum(max(0, seconds) for seconds in free_s)
        # what each team does last need only begin in time
        works = [
            int(limits.work_s[at])
            for at in group
            for _ in range(self._visits[at].num_teams)
        ]
        num_ready = sum(seconds >= 0 for seconds in free_s)
        room_s += sum(sorted(works, reverse=True)[:num_ready])
        return least_num_left(self._needs_s(group), room_s)

    def _needs_s(self, group: Sequence[int]) -> list[int]:
        """Seconds that each visit takes of all its teams together, at least."""
        need_s = self._limits.need_s
        return [int(need_s[at]) * self._visits[at].num_teams for at in group]

    def _fewest_left(self) -> tuple[int, ...]:
        """Fewest visits left out by urgency, when no more urgent ones are than now."""
        groups = self._limits.groups
        rooms_s = [sum(self._limits.room_s(t) for t in teams) for teams, _ in groups]
        lower = []
        for urgencies, left in zip(SERVED_CLASSES, self._left, strict=True):
            needs_s = [
                self._needs_s(
                    [at for at in rows if self._visits[at].urgency in urgencies]
                )
                for _, rows in groups
            ]
            fewest = [
                least_num_left(needs, room_s)
                for needs, room_s in zip(needs_s, rooms_s, strict=True)
            ]
            lost = self._num_lost(urgencies)
            lower.append(lost + sum(fewest))
            spare = max(0, left - lost - sum(fewest))
            for at, (needs, few) in enumerate(zip(needs_s, fewest, strict=True)):
                served = max(0, len(needs) - few - spare)
                rooms_s[at] -= sum(sorted(needs)[:served])
        return tuple(lower)

    def _num_lost(self, urgencies: frozenset[Urgency]) -> int:
        """How many visits of a class no plan can serve."""
        return sum(
            visit.urgency in urgencies and not self._limits.feasible[at]
            for at, visit in enumerate(self._visits)
        )

    def _least_steps(self) -> tuple[int, ...]:
        """Least lateness in steps, of S and of the others."""
        if not self.served_above:
            return (0, 0)  # leaving everything out is never late
        of_class = []
        for urgencies, left in zip(SERVED_CLASSES, self._left, strict=True):
            steps = sorted(
                -(-visit.late_s(int(self._limits.earliest_s[at])) // LATE_STEP_S)
                for at, visit in enumerate(self._visits)
                if visit.urgency in urgencies and self._limits.feasible[at]
            )
            spare = left - self._num_lost(urgencies)  # the latest may be left out
            of_class.append(sum(steps[: max(0, len(steps) - spare)]))
        return of_class[0], sum(of_class[1:])

    def _all_are_served(self) -> bool:
        """Whether every other plan must serve all visits that any plan can."""
        lost = [self._num_lost(urgencies) for urgencies in SERVED_CLASSES]
        return self.served_above and list(self._left) == lost

    def _least_drive(self) -> tuple[int] | None:
        if not self._all_are_served():
            return None
        if not self._limits.feasible.any():
            return (self._limits.rest_drive_s(),)
        return (least_seconds(self._limits.legs(), target_s=self._drive_s),)

    def _fewest_districts(self) -> int:
        """Each district of a visit that is served is gone to by one team or more."""
        if not self._all_are_served():
            return 0
        served = self._limits.feasible
        districts = {
            v.district_id for v, ok in zip(self._visits, served, strict=True) if ok
        }
        return len(districts - {None})


def _is_s(visit: Visit) -> bool:
    return visit.urgency is Urgency.S


def _is_promise(visit: Visit) -> bool:
    promised = visit.urgency is Urgency.A or visit.is_promised
    return promised and visit.urgency is not Urgency.S


def _distance_text(one: LevelBound) -> str:
    """Say how far from the bound a level is at the most."""
    name, gap, percent = LEVEL_TEXT[one.level], one.gap, one.gap_percent
    if gap is None:
        return f"{name}がどこまで減らせるかは分かっていません。"
    match one.level:
        case Level.S_ON_TIME | Level.PROMISES:
            return f"{name}は、守れないものが最良より最大{gap}件多い可能性があります。"
        case Level.SERVED:
            pairs = zip(one.value, one.lower or (), strict=True)
            first = next(at for at, (now, low) in enumerate(pairs) if now != low)
            which = "SABC"[first]
            return f"{name}は、{which}案件が最良より最大{gap}件少ない可能性があります。"
        case Level.LATENESS:
            minutes = gap * LATE_STEP_S // 60
            return f"{name}は最良より合計で最大{minutes}分長い可能性があります。"
        case Level.DRIVING if percent is not None:
            return f"{name}は下限より最大{percent}%長い可能性があります。"
        case _:
            return f"{name}が最良かどうかは分かっていません。"
