"""Use cases on stored plans: why, why not, edits, proposals, what-if, support."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from dispatch.domain.bound import Bound, bound_of
from dispatch.domain.checks import violations
from dispatch.domain.comparison import PlanChanges
from dispatch.domain.deadlines import IsWorkingDay
from dispatch.domain.emergency import MAY_PUSH_OUT, EmergencyChoice, emergency
from dispatch.domain.errors import ConflictError, NotFoundError
from dispatch.domain.hand_edit import Edit, EditedDay, Lock, Unlock, edited, opened
from dispatch.domain.horizon import DayInForce, next_days
from dispatch.domain.plan import Plan
from dispatch.domain.problem import DayProblem
from dispatch.domain.relaxation import RelaxationKind, applied
from dispatch.domain.relaxation_words import Names, relaxation_sentence
from dispatch.domain.schedule import DayScheduler
from dispatch.domain.told_plan import orders_of, starts_in, told_plan
from dispatch.drafts import Made, draft_of, require_planner
from dispatch.kept_plan import given_work
from dispatch.later_days import LaterDays, plan_later
from dispatch.plan_desk import Recorder
from dispatch.planning import PlannedDay, moved_reasons, num_feasible
from dispatch.ports import (
    Clock,
    OnProgress,
    Plans,
    PlanStatus,
    SearchParams,
    Solver,
    StoredPlan,
)
from dispatch.prepared_day import PreparedDay
from dispatch.replanning import Mode, Proposal, proposals
from dispatch.studied_plan import StudiedPlan, Why
from dispatch.support import SupportOffer, support
from dispatch.what_if import Supposition, WhatIf, what_if

KEPT_DAYS = 2  # read from the store; 40 MB each on a day of 1,500 visits
RELAXED = "relaxed"
PROPOSED = "accepted proposal"
MAX_EMERGENCIES = 5  # told with their choices; more come in a storm, which is planned


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyTools:
    """
    What the study of plans needs from outside.

    Parameters
    ----------
    plans, solver, clock
        Store, search, time.
    recorder
        Writes down what a plan was made from; see `dispatch.plan_desk.PlanTools`.
    read_day
        Reads back the text that the recorder wrote.
    day_now
        A day as it stands now: `PlanDesk.prepared`.
    is_working_day
        For the days on which left-out visits can be done.
    """

    plans: Plans
    solver: Solver
    clock: Clock
    recorder: Recorder
    read_day: Callable[[str], PreparedDay]
    day_now: Callable[[dt.date], PreparedDay]
    is_working_day: IsWorkingDay


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """
    Proposals for a day, with what they were made from and the plan in force.

    `emergencies` has each team's choices, the best first, for new S and A visits.
    """

    prepared: PreparedDay
    in_force: StoredPlan
    proposals: tuple[Proposal, ...]
    emergencies: tuple[tuple[str, tuple[EmergencyChoice, ...]], ...] = ()


class PlanStudy:
    """
    Answers questions about stored plans and makes new drafts of them.

    Every question is asked of the input that was stored with the plan: the answer is
    about the day as it was planned, and is the same whenever it is asked.

    Parameters
    ----------
    tools
        Store, search, time, and how inputs are read and written.
    """

    def __init__(self, tools: StudyTools) -> None:
        self._tools = tools
        self._day = lru_cache(maxsize=KEPT_DAYS)(self._read_day)  # inputs never change

    # -- questions --------------------------------------------------------------------

    def why(self, plan_id: str, visit_id: str) -> Why:
        """
        Say why a visit goes with its team, or why it is left out.

        Raises
        ------
        NotFoundError
            When there is no such plan, no input of it, or no such visit in it.
        ConflictError
            When the plan is a draft that breaks rules.
        """
        return self._studied(plan_id).why(visit_id)

    def bound(self, plan_id: str) -> Bound:
        """Tell how far from proven best a plan can be; raises as `why` does."""
        one = self._studied(plan_id)
        one.require_legal()
        return bound_of(one.problem, one.stored.plan.score)

    def opened(self, plan_id: str) -> EditedDay:
        """
        Open a plan for edits by hand: what it breaks is told with it.

        Raises
        ------
        NotFoundError
            As `why` does.
        """
        one = self._studied(plan_id)
        return opened(
            one.problem,
            one.stored.plan,
            names=one.prepared.names,
            on_hold=one.prepared.on_hold,
        )

    def changes(self, before_id: str, plan_id: str) -> PlanChanges:
        """Compare an edited plan with the one that the edits began with."""
        day = self.opened(plan_id)
        before = self._tools.plans.get_plan(before_id)
        return replace(day, base=before.plan).changes

    # -- searches ---------------------------------------------------------------------

    def proposals(
        self,
        date: dt.date,
        params: SearchParams,
        told: OnProgress,
        show: Callable[[Proposed], None],
    ) -> Proposed:
        """
        Propose changes of the plan in force, as the day stands now.

        Parameters
        ----------
        date, params, told
            The day, how to search, and who is told of it.
        show
            Gets what needs no search at once, before the search begins.

        Raises
        ------
        ConflictError
            When no plan of the day is in force.
        SolverError, CancelledError
            See `dispatch.replanning.proposals`.
        """
        before = self._tools.plans.in_force(date)
        if before is None:
            raise ConflictError("確定した計画がまだありません。計画を作ってください")
        prepared = self._with_locks(self._tools.day_now(date), before.id)
        solver = self._tools.solver

        def made(*modes: Mode) -> tuple[Proposal, ...]:
            return proposals(prepared, before.plan, solver, params, told, modes)

        found = made(Mode.INSERT_ONLY)
        first = Proposed(
            prepared=prepared,
            in_force=before,
            proposals=found,
            emergencies=_emergencies(prepared.problem, before.plan),
        )
        show(first)
        return replace(first, proposals=found + made(Mode.KEEP_TEAMS, Mode.FREE))

    def what_if(
        self,
        plan_id: str,
        suppositions: Sequence[Supposition],
        params: SearchParams,
        told: OnProgress,
    ) -> WhatIf:
        """Plan a copy of the day under other conditions; nothing is stored."""
        one = self._studied(plan_id)
        solver = self._tools.solver
        return what_if(
            one.prepared, one.stored.plan, suppositions, solver, params, told
        )

    def support(
        self, plan_id: str, params: SearchParams, told: OnProgress
    ) -> tuple[SupportOffer, ...]:
        """Say which office could lend a team to which, and what that saves."""
        one = self._studied(plan_id)
        one.require_legal()
        solver = self._tools.solver
        return support(one.prepared, one.stored.plan, solver, params, told)

    def later_days(
        self, plan_id: str, params: SearchParams, told: OnProgress
    ) -> LaterDays:
        """Say when each left-out visit can be done; what is planned by then stays."""
        one = self._studied(plan_id)
        one.require_legal()
        wanted = {item.visit_id for item in one.stored.plan.unassigned}
        wanted &= one.problem.visits_by_id.keys()
        days = [
            replace(day, planned=self._planned(day.date, wanted))
            for day in next_days(one.problem, self._tools.is_working_day)
        ]
        return plan_later(
            one.problem,
            one.stored.plan,
            days,
            solver=self._tools.solver,
            params=params,
            told=told,
        )

    def _planned(self, date: dt.date, wanted: Collection[str]) -> DayInForce | None:
        """
        Return a day with its plan in force and what that was made from, if any.

        What came in since is not in that input; when it is asked about, the day as it
        stands now has it.
        """
        stored = self._tools.plans.in_force(date)
        if stored is None:
            return None
        held = {stop.visit_id for _, _, stop in stored.plan.stops()}
        problem = None
        if self._tools.plans.problem_of(stored.id) is not None:
            problem = self._read_day(stored.id).problem  # the few kept ones stay kept
        if problem is None or not set(wanted) - held <= problem.visits_by_id.keys():
            problem = self._with_locks(self._tools.day_now(date), stored.id).problem
        return DayInForce(problem=problem, plan=stored.plan)

    # -- new drafts -------------------------------------------------------------------

    def relax(
        self,
        plan_id: str,
        visit_id: str,
        kind: RelaxationKind,
        *,
        who: str,
        names: Names,
    ) -> StoredPlan:
        """
        Make a draft in which the offer of a kind is granted and the visit served.

        Parameters
        ----------
        plan_id, visit_id, kind
            Of an offer that `why` has told.
        who
            Who grants it.
        names
            For the sentence that the draft keeps as the visit's reason.

        Raises
        ------
        NotFoundError, ConflictError
            As `why` does; also ConflictError when there is no such offer.
        """
        told = self.why(plan_id, visit_id).not_today
        offers = {} if told is None else {offer.kind: offer for offer in told.offers}
        if kind not in offers:
            raise ConflictError("この提案はもうありません。もう一度調べてください")
        one, offer = self._studied(plan_id), offers[kind]
        done = applied(
            one.problem,
            one.orders,
            offer,
            starts=starts_in(one.problem, one.stored.plan),
        )
        prepared = replace(one.prepared, problem=done.problem)
        plan = told_plan(
            done.problem,
            done.orders,
            starts=done.starts,
            names=prepared.names,
            on_hold=prepared.on_hold,
            method=f"{RELAXED}: {kind}",
        )
        reasons = {visit_id: relaxation_sentence(offer, names)}
        base = one.stored
        return self._drafted(
            prepared, replace(plan, seed=base.plan.seed), base, who=who, reasons=reasons
        )

    def edit(self, plan_id: str, edit: Edit, *, who: str) -> StoredPlan:
        """
        Make a draft with one edit by hand, also one that breaks rules.

        Such a draft is a working copy: it can be looked at and edited further, and is
        never published.

        Raises
        ------
        NotFoundError, InvalidInputError
            See `dispatch.domain.hand_edit.edited`.
        """
        one = self._studied(plan_id)
        day = edited(self.opened(plan_id), edit)
        plan = day.plan
        if isinstance(edit, Lock | Unlock):  # where it stands does not change
            plan = replace(plan, method=one.stored.plan.method)
        prepared = replace(one.prepared, problem=day.problem)
        return self._drafted(prepared, plan, one.stored, who=who)

    def accept(self, proposed: Proposed, mode: Mode, *, who: str) -> StoredPlan:
        """
        Make a draft of a proposal; it is published like any other.

        Raises
        ------
        NotFoundError
            When no proposal was made in this mode.
        ConflictError
            When another plan has come into force since.
        """
        plans = {one.mode: one.plan for one in proposed.proposals}
        if mode not in plans:
            raise NotFoundError("proposal", mode)
        now = self._tools.plans.in_force(proposed.in_force.plan.date)
        if now is None or now.id != proposed.in_force.id:
            raise ConflictError("提案の後に別の版が確定されました。作り直してください")
        plan = replace(plans[mode], method=f"{PROPOSED}: {mode}")
        return self._drafted(proposed.prepared, plan, now, who=who)

    # -- store ------------------------------------------------------------------------

    def _drafted(
        self,
        prepared: PreparedDay,
        plan: Plan,
        base: StoredPlan,
        *,
        who: str,
        reasons: Mapping[str, str] | None = None,
    ) -> StoredPlan:
        """Store a draft that was made of another plan, with what it stands on."""
        require_planner(who)
        plans, problem = self._tools.plans, prepared.problem
        scheduler = DayScheduler(problem, starts_in(problem, plan))
        num_violations = len(violations(problem, plan))
        told = (
            {}
            if num_violations
            else moved_reasons(scheduler, plan, prepared.first_team_ids)
        )
        planned = PlannedDay(
            plan=plan,
            num_feasible=num_feasible(scheduler, plan),
            num_violations=num_violations,
            reasons={**told, **(reasons or {})},
        )
        # What it stands on holds its orders: it is made again by placing them.
        params = SearchParams(iterations=0, seed=plan.seed)
        itself = replace(
            prepared,
            orders_in_force=orders_of(problem, plan),
            starts_in_force=starts_in(problem, plan),
        )
        record, text = self._tools.recorder(itself, params, given_work(plan.method))
        draft = draft_of(
            planned,
            Made(at=self._tools.clock.now(), who=who, record=record),
            in_force=plans.in_force(plan.date),
            based_on=base.id if base.status is PlanStatus.PUBLISHED else base.based_on,
        )
        return plans.add_plan(draft, text)

    def _studied(self, plan_id: str) -> StudiedPlan:
        stored, prepared = self._tools.plans.get_plan(plan_id), self._day(plan_id)
        problem = prepared.problem
        return StudiedPlan(
            stored=stored,
            prepared=prepared,
            orders=orders_of(problem, stored.plan),
            scheduler=DayScheduler(problem, starts_in(problem, stored.plan)),
        )

    def _read_day(self, plan_id: str) -> PreparedDay:
        text = self._tools.plans.problem_of(plan_id)
        if text is None:
            raise NotFoundError("input of plan", plan_id)
        return self._tools.read_day(text)

    def _with_locks(self, day: PreparedDay, plan_id: str) -> PreparedDay:
        """Keep the locks that the plan in force was edited with."""
        if self._tools.plans.problem_of(plan_id) is None:
            return day
        visits = self._day(plan_id).problem.visits_by_id
        return replace(
            day,
            problem=replace(
                day.problem,
                visits=tuple(
                    replace(
                        visit,
                        start_between=visits[visit.id].start_between,
                        team_id=visit.team_id or visits[visit.id].team_id,
                    )
                    if visit.id in visits and visits[visit.id].start_between is not None
                    else visit
                    for visit in day.problem.visits
                ),
            ),
        )


def _emergencies(
    problem: DayProblem, in_force: Plan
) -> tuple[tuple[str, tuple[EmergencyChoice, ...]], ...]:
    """Choices for the first few S and A visits that the plan in force does not have."""
    served = {stop.visit_id for _, _, stop in in_force.stops()}
    orders = orders_of(problem, in_force)
    scheduler = DayScheduler(problem, starts_in(problem, in_force))
    new = [
        index
        for index, visit in enumerate(problem.visits)
        if visit.id not in served and visit.urgency in MAY_PUSH_OUT
    ]
    return tuple(
        (problem.visits[index].id, emergency(scheduler, orders, index))
        for index in new[:MAX_EMERGENCIES]
    )
