"""Why this team (なぜこの班か): what a visit costs each team, or what stops it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dispatch.domain.levels import SCORE_FIELDS, Level
from dispatch.domain.plan import Score
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.score import score_of
from dispatch.domain.trial import Block, Rule, time_blocks, trial_of, who_blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """
    What another placement changes in the whole plan; negative numbers are gains.

    `late_steps` are begun quarters of an hour of lateness, of all visits; `levels` has
    the change of each number of the score, level by level as the plan is judged.
    """

    drive_s: int
    late_steps: int
    overtime_s: int
    levels: tuple[tuple[Level, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamPlacement:
    """
    One team's best placement of a visit, or what stops it.

    `start_s` and `difference` are None when the team cannot: `blocks` then has every
    rule of who may go that it breaks or, if there is none, the rule of time that it
    misses by least.
    """

    team_id: str
    is_chosen: bool = False
    start_s: int | None = None
    difference: Difference | None = None
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyTeam:
    """A visit's best placements, the chosen one among them, and all other teams."""

    visit_id: str
    best: tuple[TeamPlacement, ...]
    others: tuple[TeamPlacement, ...]


def placements(
    scheduler: DayScheduler, orders: Sequence[Order], visit_index: int, *, top: int = 3
) -> WhyTeam:
    """
    Say what a served visit would cost every team, against the plan as it is.

    The visit is taken out of its route and put where it costs the other team's route
    least, and everything else stays in its order: a marginal cost, which is what a
    person can check. It does not say what a plan made anew around that choice would
    cost; a planner weighs all visits at once. A visit of several teams keeps the
    others, and the one whose exchange costs least stays away.

    Parameters
    ----------
    scheduler
        Exact placement of the day, with the moments of linked visits.
    orders
        Legal orders of the plan, one per team day.
    visit_index
        A visit that is in one of them.
    top
        How many placements to tell as the best ones.

    Raises
    ------
    ValueError
        When the orders are not legal or the visit is in none of them.
    """
    score = score_of(scheduler, orders)
    if score is None or not any(visit_index in order for order in orders):
        message = f"visit {visit_index} is not served by legal orders"
        raise ValueError(message)
    plan = _PlanNow(scheduler, tuple(orders), visit_index, score)
    lines = [plan.line(team_index) for team_index in range(len(orders))]
    able = sorted((line for line in lines if line.difference), key=_told_order)
    num_rivals = max(0, top - sum(line.is_chosen for line in able))
    rivals = [line for line in able if not line.is_chosen]
    dearer, stopped = rivals[num_rivals:], [line for line in lines if line.blocks]
    return WhyTeam(
        visit_id=scheduler.problem.visits[visit_index].id,
        best=tuple(line for line in able if line not in dearer),
        others=(*dearer, *stopped),
    )


def _told_order(line: TeamPlacement) -> tuple[tuple[int, ...], bool]:
    levels = () if line.difference is None else line.difference.levels
    return tuple(n for _, changes in levels for n in changes), not line.is_chosen


class _PlanNow(NamedTuple):
    """The final plan, and the visit whose team is asked about."""

    scheduler: DayScheduler
    orders: tuple[Order, ...]
    visit_index: int
    score: Score

    def line(self, team_index: int) -> TeamPlacement:
        """Say what the visit would cost one team, or does cost it."""
        team_id = self.scheduler.problem.team_days[team_index].team.id
        order = self.orders[team_index]
        if self.visit_index not in order:
            return self._instead(team_index, team_id)
        timing = self.scheduler.timing(team_index, order)
        starts_s = () if timing is None else timing.starts_s
        return TeamPlacement(
            team_id=team_id,
            is_chosen=True,
            start_s=dict(zip(order, starts_s, strict=True))[self.visit_index],
            difference=self._difference(self.score),
        )

    def _instead(self, team_index: int, team_id: str) -> TeamPlacement:
        """Let a team go instead of one that goes, whichever exchange costs least."""
        problem, order = self.scheduler.problem, self.orders[team_index]
        exchanges = list(self._without_one())
        blocks = [
            who_blocks(problem, rest, team_index, self.visit_index)
            for rest in exchanges
        ]
        if all(blocks):
            return TeamPlacement(team_id=team_id, blocks=min(blocks, key=len))
        starts = self.scheduler.starts
        trial = trial_of(problem, starts, team_index, order, self.visit_index)
        seat = trial.best()
        if seat is None:
            return TeamPlacement(team_id=team_id, blocks=time_blocks(trial)[:1])
        scores = []
        for rest, stopped in zip(exchanges, blocks, strict=True):
            rest[team_index] = seat.order(order, self.visit_index)
            score = None if stopped else score_of(self.scheduler, rest)
            if score is not None:
                scores.append(score)
        if not scores:  # no way leads round the place that falls out of a route
            return TeamPlacement(team_id=team_id, blocks=(Block(rule=Rule.OTHERS),))
        best = min(scores, key=lambda score: score.key(problem.levels))
        difference = self._difference(best)
        return TeamPlacement(
            team_id=team_id, start_s=seat.start_s, difference=difference
        )

    def _without_one(self) -> Iterator[list[Order]]:
        """Orders with the visit taken out of one route that has it."""
        for at, order in enumerate(self.orders):
            if self.visit_index in order:
                rest = list(self.orders)
                rest[at] = tuple(i for i in order if i != self.visit_index)
                yield rest

    def _difference(self, other: Score) -> Difference:
        """Work out what another score is above the plan's."""
        before, levels = self.score, self.scheduler.problem.levels
        change = {
            name: getattr(other, name) - getattr(before, name)
            for names in SCORE_FIELDS.values()
            for name in names
        }
        return Difference(
            drive_s=change["drive_s"],
            late_steps=change["s_late_steps"] + change["late_steps"],
            overtime_s=change["overtime_s"],
            levels=tuple(
                (level, tuple(change[name] for name in SCORE_FIELDS[level]))
                for level in levels
            ),
        )
