"""Support between offices (応援): who could lend a team to whom, and what it saves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dispatch.domain.catalogue import Urgency
from dispatch.domain.comparison import PlanChanges, compared
from dispatch.domain.improve import repaired, with_inserted
from dispatch.domain.plan import Plan
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.together import linked
from dispatch.domain.told_plan import orders_of, starts_in
from dispatch.domain.visit import Visit
from dispatch.kept_plan import Found, checked_plan, plan_now, searched
from dispatch.ports import OnProgress, SearchParams, Solver
from dispatch.prepared_day import PreparedDay

VERIFIED = 3  # estimates that are searched
IN_GAPS = "a lent team in its gaps"
TRIED = 30  # visits of one borrower that an estimate tries: a team's day holds fewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """
    What a lent team could take over in its gaps, its own order kept.

    `gains` holds the visits by urgency, most urgent first; `order` is the team's order
    with them in it.
    """

    team_index: int
    lender_id: str
    borrower_id: str
    visit_ids: tuple[str, ...]
    gains: tuple[int, ...]
    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportOffer:
    """
    One office lends a team to another for the day, as a search has verified.

    Parameters
    ----------
    lender_id, borrower_id, team_id
        Which office lends which team to which other one.
    saved
        Visits of the borrower that were left out and are served, or were late and are
        in time.
    lost
        Visits of any office for which it is the other way round.
    lent
        Visits of the borrower that the lent team goes to.
    plan, changes
        The whole day with the team lent, and what that changes.
    sentence
        The same for people.
    """

    lender_id: str
    borrower_id: str
    team_id: str
    saved: tuple[str, ...]
    lost: tuple[str, ...]
    lent: tuple[str, ...]
    plan: Plan
    changes: PlanChanges
    sentence: str


def support(
    prepared: PreparedDay,
    plan: Plan,
    solver: Solver,
    params: SearchParams,
    told: OnProgress,
) -> tuple[SupportOffer, ...]:
    """
    Offers of one office's team to another, the one that saves most first.

    Every team is tried for every office that leaves visits out or is late, by
    insertion into its gaps; the best few are searched. An offer never makes an S, an A
    or a promised visit of the lender later than it is, and the day as a whole is better
    for residents. While it is lent a team counts as an office of its own.

    Parameters
    ----------
    prepared, plan
        The day and its plan.
    solver, params, told
        Who searches, how long for each offer, and who is told of it.

    Raises
    ------
    SolverError, CancelledError
        When the search fails, gives an illegal plan, or is stopped.
    """
    desk = _Desk(prepared, plan)
    best: dict[tuple[str, str], Estimate] = {}
    for one in desk.estimates():
        known = best.get((one.lender_id, one.borrower_id))
        if known is None or one.gains > known.gains:
            best[one.lender_id, one.borrower_id] = one
    ranked = sorted(best.values(), key=lambda one: one.gains, reverse=True)
    offers = [
        offer
        for one in ranked[:VERIFIED]
        if (offer := desk.verified(one, solver, params, told)) is not None
    ]
    return tuple(sorted(offers, key=lambda one: len(one.lost) - len(one.saved)))


class _Desk:
    """Estimates and verifies offers against one plan."""

    def __init__(self, prepared: PreparedDay, plan: Plan) -> None:
        self._prepared = prepared
        self._problem = prepared.problem
        self._now = plan_now(prepared, plan)
        self._before = replace(plan, score=self._now.score)
        self._orders = orders_of(self._problem, plan)
        self._starts = starts_in(self._problem, plan)
        self._late_s = _late_s(self._now)

    def estimates(self) -> Iterator[Estimate]:
        """Tell what each team could take over for each office, if anything."""
        troubled: dict[str, list[int]] = {}
        held = linked(self._problem)
        for index, visit in enumerate(self._problem.visits):
            if index not in held and self._late_s.get(visit.id, 1):
                troubled.setdefault(visit.office_id, []).append(index)
        for visits in troubled.values():
            visits.sort(key=self._rank)
        for team_index, day in enumerate(self._problem.team_days):
            lender_id = day.team.office_id
            alone = self._alone(team_index)
            for borrower_id in sorted(troubled.keys() - {lender_id}):
                wanted = troubled[borrower_id][:TRIED]
                taken, order = self._taken_over(alone, team_index, wanted)
                if taken:
                    yield Estimate(
                        team_index=team_index,
                        lender_id=lender_id,
                        borrower_id=borrower_id,
                        visit_ids=tuple(self._problem.visits[i].id for i in taken),
                        gains=self._gains(taken),
                        order=order,
                    )

    def verified(
        self,
        estimate: Estimate,
        solver: Solver,
        params: SearchParams,
        told: OnProgress,
    ) -> SupportOffer | None:
        """Search the day with the team lent; None when it is no good in truth."""
        problem = _lent(self._problem, estimate)
        prepared = replace(self._prepared, problem=problem)
        taken = set(estimate.visit_ids)
        start = [
            tuple(i for i in order if problem.visits[i].id not in taken)
            for order in self._orders
        ]
        start[estimate.team_index] = estimate.order
        scheduler = DayScheduler(problem, self._starts)
        in_gaps = Found(
            scheduler=scheduler,
            orders=tuple(repaired(scheduler, start)),
            method=IN_GAPS,
        )
        # A search may take from the lender what the gaps alone would leave to it.
        for found in (
            searched(in_gaps.scheduler.problem, in_gaps, solver, params, told),
            in_gaps,
        ):
            offer = self._offer(
                estimate, checked_plan(prepared, found, seed=params.seed)
            )
            if offer is not None:
                return offer
        return None

    def _rank(self, index: int) -> tuple[int, bool, int]:
        visit = self._problem.visits[index]
        return visit.urgency.rank, not visit.is_promised, index

    def _gains(self, taken: Sequence[int]) -> tuple[int, ...]:
        urgencies = [self._problem.visits[index].urgency for index in taken]
        return tuple(urgencies.count(urgency) for urgency in Urgency)

    def _alone(self, team_index: int) -> DayScheduler:
        """Place one team that may serve every office's visits."""
        day = self._problem.team_days[team_index]
        own = frozenset({day.team.office_id})
        visits = tuple(
            replace(visit, allowed_office_ids=visit.allowed_office_ids | own)
            for visit in self._problem.visits
        )
        problem = replace(self._problem, visits=visits, team_days=(day,))
        return DayScheduler(problem, self._starts)

    def _taken_over(
        self, alone: DayScheduler, team_index: int, wanted: Sequence[int]
    ) -> tuple[list[int], Order]:
        """Visits that fit into one team's gaps and delay nothing urgent of its own."""
        order, taken = self._orders[team_index], list[int]()
        for index in wanted:
            (longer,) = with_inserted(alone, [order], [index])
            if index in longer and self._helps(alone, longer, index):
                order = longer
                taken.append(index)
        return taken, order

    def _helps(self, alone: DayScheduler, order: Order, new: int) -> bool:
        timing = alone.timing(0, order)
        starts_s = () if timing is None else timing.starts_s
        for index, start_s in zip(order, starts_s, strict=True):
            visit = self._problem.visits[index]
            was_late_s = self._late_s.get(visit.id)
            if index == new and was_late_s is not None and visit.late_s(start_s):
                return False  # served late by its own office: late here, no gain
            if (
                was_late_s is not None
                and _is_urgent(visit)
                and visit.late_s(start_s) > was_late_s
            ):
                return False
        return True

    def _offer(self, estimate: Estimate, plan: Plan) -> SupportOffer | None:
        after_s = _late_s(plan)
        lender_id, borrower_id = estimate.lender_id, estimate.borrower_id
        for visit in self._problem.visits:
            was_s, is_s = self._late_s.get(visit.id), after_s.get(visit.id)
            harmed = was_s is not None and (is_s is None or is_s > was_s)
            if harmed and visit.office_id == lender_id and _is_urgent(visit):
                return None
        saved = tuple(
            visit.id
            for visit in self._problem.visits
            if visit.office_id == borrower_id
            and _better(self._late_s.get(visit.id), after_s.get(visit.id))
        )
        levels = self._problem.levels
        gained = plan.score.promises_key(levels) < self._now.score.promises_key(levels)
        team = self._problem.team_days[estimate.team_index].team
        lent = self._lent_visits(plan, team.id, borrower_id)
        if not (saved and lent and gained):
            return None
        lost = tuple(
            visit.id
            for visit in self._problem.visits
            if _better(after_s.get(visit.id), self._late_s.get(visit.id))
        )
        return SupportOffer(
            lender_id=lender_id,
            borrower_id=borrower_id,
            team_id=team.id,
            saved=saved,
            lost=lost,
            lent=lent,
            plan=plan,
            changes=self._changes(plan),
            sentence=self._sentence(estimate, team.name, saved, lost),
        )

    def _lent_visits(
        self, plan: Plan, team_id: str, borrower_id: str
    ) -> tuple[str, ...]:
        visits = self._problem.visits_by_id
        return tuple(
            stop.visit_id
            for route, _, stop in plan.stops()
            if route.team_id == team_id
            and stop.visit_id in visits
            and visits[stop.visit_id].office_id == borrower_id
        )

    def _changes(self, plan: Plan) -> PlanChanges:
        days = self._problem.team_days
        committed = frozenset(stop.visit_id for day in days for stop in day.committed)
        return compared(self._before, plan, self._problem, committed=committed)

    def _sentence(
        self,
        estimate: Estimate,
        team_name: str,
        saved: Sequence[str],
        lost: Sequence[str],
    ) -> str:
        names = self._prepared.names
        lender = names.get(estimate.lender_id, estimate.lender_id)
        borrower = names.get(estimate.borrower_id, estimate.borrower_id)
        return (
            f"{lender}の{team_name}が{borrower}を応援すると、期限遅れ・未割当の"
            f"{len(saved)}件が救えます。かわりに{len(lost)}件が遅れか未割当になります。"
        )


def _late_s(plan: Plan) -> dict[str, int]:
    """Seconds of lateness of each visit that is served."""
    return {stop.visit_id: stop.late_s for _, _, stop in plan.stops()}


def _better(was_late_s: int | None, is_late_s: int | None) -> bool:
    """Whether a visit was left out and is served, or was late and is in time."""
    if was_late_s is None or is_late_s is None:
        return was_late_s is None and is_late_s is not None
    return was_late_s > 0 and is_late_s == 0


def _is_urgent(visit: Visit) -> bool:
    return visit.is_promised or visit.urgency in {Urgency.S, Urgency.A}


def _lent(problem: DayProblem, estimate: Estimate) -> DayProblem:
    """Copy the day with one team that serves two offices."""
    lender_id, borrower_id = estimate.lender_id, estimate.borrower_id
    both = f"{lender_id} for {borrower_id}"
    days = list(problem.team_days)
    day = days[estimate.team_index]
    days[estimate.team_index] = replace(day, team=replace(day.team, office_id=both))
    return replace(
        problem,
        team_days=tuple(days),
        visits=tuple(
            replace(visit, allowed_office_ids=visit.allowed_office_ids | {both})
            if not visit.allowed_office_ids.isdisjoint({lender_id, borrower_id})
            else visit
            for visit in problem.visits
        ),
    )
