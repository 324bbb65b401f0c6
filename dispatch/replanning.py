"""Use cases of re-planning during the day: proposals, with what each would change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from dispatch.domain.checks import violations
from dispatch.domain.comparison import PlanChanges, compared
from dispatch.domain.emergency import MAY_PUSH_OUT, emergency
from dispatch.domain.improve import missing, repaired, with_inserted
from dispatch.domain.plan import Plan, Stop
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.score import score_of
from dispatch.domain.team import MobileTeam
from dispatch.domain.told_plan import orders_of, starts_in
from dispatch.kept_plan import INSERTED, Found, checked_plan, plan_now, searched
from dispatch.ports import OnProgress, SearchParams, Solver, WorkStep
from dispatch.prepared_day import PreparedDay

FREE_TEAM_CHANGES_MAX = 0.05  # of the visits that could stay with their team
IN_FORCE = "plan in force"


class Mode(StrEnum):
    """How much of the plan in force a proposal may change."""

    INSERT_ONLY = "insert_only"  # 追加のみ: the orders stay, new visits are put in
    KEEP_TEAMS = "keep_teams"  # 班を維持: orders may change, teams do not
    FREE = "free"  # 自由: teams may change, at a price


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """
    A plan that a person may accept, beside the one in force.

    Parameters
    ----------
    mode, made_as
        What was asked for, and the mode by whose rules it was made: another one when
        a free plan would change too much.
    plan
        It passed the independent checker.
    changes
        Against the plan in force; `levels` compares with what that plan is worth now,
        new visits counted as left out.
    sentence
        How it was made, for people.
    work
        What the search did, if there was one; see `SearchParams.work`.
    """

    mode: Mode
    made_as: Mode
    plan: Plan
    changes: PlanChanges
    sentence: str
    work: tuple[WorkStep, ...] = ()


def proposals(
    prepared: PreparedDay,
    in_force: Plan,
    solver: Solver,
    params: SearchParams,
    told: OnProgress,
    modes: Sequence[Mode] = tuple(Mode),
) -> tuple[Proposal, ...]:
    """
    One proposal for each mode; nothing changes until a person accepts one.

    What crews have done, do or drive to is fixed by `prepare_day`. When nothing has
    happened (no new visit, nobody absent or late) every proposal is the plan in force.
    A search gets the limits of `params` for each mode that needs one.

    Parameters
    ----------
    prepared
        The day as it stands now.
    in_force
        The plan that crews work by.
    solver, params, told
        Who searches, how long, and who is told of it.
    modes
        What is asked for.

    Raises
    ------
    SolverError
        When the solver fails, or the checker finds a broken rule in a proposal.
    CancelledError
        When a person stopped the search.
    """
    desk = _Desk(prepared, in_force, solver, params, told)
    if desk.nothing_happened:
        return tuple(desk.as_it_is(mode) for mode in modes)
    return tuple(desk.proposal(mode) for mode in modes)


class _Desk:
    """Makes the proposals of one moment; a search is shared by those that need it."""

    def __init__(
        self,
        prepared: PreparedDay,
        in_force: Plan,
        solver: Solver,
        params: SearchParams,
        told: OnProgress,
    ) -> None:
        self._prepared = prepared
        self._solver, self._params, self._told = solver, params, told
        self._problem = prepared.problem
        days = prepared.problem.team_days
        self._committed = frozenset(s.visit_id for d in days for s in d.committed)
        self._orders = orders_of(self._problem, in_force)
        self._starts = starts_in(self._problem, in_force)
        self._could_stay = _could_stay(self._problem, self._orders)
        self._now = replace(
            plan_now(prepared, in_force), seed=params.seed, method=IN_FORCE
        )
        self._before = replace(in_force, score=self._now.score)
        self._keeping_teams: Proposal | None = None

    @property
    def nothing_happened(self) -> bool:
        """Whether the plan in force goes on, stop for stop, and nothing is new."""
        known = {stop.visit_id for _, _, stop in self._before.stops()}
        known |= {item.visit_id for item in self._before.unassigned}
        teams = {route.team_id for route in self._before.routes}
        return (
            _stops(self._now) == _stops(self._before)
            and known.issuperset(self._problem.visits_by_id)
            and teams.issuperset(day.team.id for day in self._problem.team_days)
            and not violations(self._problem, self._now)
        )

    def as_it_is(self, mode: Mode) -> Proposal:
        """Propose the plan in force."""
        sentence = "変わったことがないため、確定中の計画のままです。"
        return self._proposed(mode, self._now, sentence)

    def proposal(self, mode: Mode) -> Proposal:
        """Make the proposal of a mode."""
        match mode:
            case Mode.INSERT_ONLY:
                return self._told_of(mode, self._inserted(self._problem))
            case Mode.KEEP_TEAMS:
                return self._keep_teams()
            case Mode.FREE:
                return self._free()

    def _keep_teams(self) -> Proposal:
        if self._keeping_teams is None:
            kept = self._inserted(_bound(self._problem, self._could_stay))
            self._keeping_teams = self._told_of(Mode.KEEP_TEAMS, self._searched(kept))
        return self._keeping_teams

    def _free(self) -> Proposal:
        kept = self._inserted(_priced(self._problem, self._could_stay))
        found = self._told_of(Mode.FREE, self._searched(kept))
        num_could_stay = len(self._could_stay)
        num_moved = len(self._could_stay.keys() & set(found.changes.team_changes))
        if num_moved <= FREE_TEAM_CHANGES_MAX * num_could_stay:
            return found
        sentence = (
            f"自由に組むと訪問{num_could_stay}件のうち{num_moved}件の班が変わるため"
            f"(上限{FREE_TEAM_CHANGES_MAX:.0%})、班を維持した案にしました。"
        )
        return replace(self._keep_teams(), mode=Mode.FREE, sentence=sentence)

    def _inserted(self, problem: DayProblem) -> Found:
        """Put what is new into the orders in force, the most urgent first."""
        scheduler = DayScheduler(problem, self._starts)
        # Insertion waits: what is urgent must find the day as it is.
        orders = repaired(scheduler, self._orders, in_time=lambda: False)
        for index in missing(scheduler, orders):
            if problem.visits[index].urgency in MAY_PUSH_OUT:
                for choice in emergency(scheduler, orders, index)[:1]:
                    longer = [*orders]
                    longer[choice.team_index] = choice.order
                    orders = _better(scheduler, orders, longer)
        # What is left, or was pushed out, goes where it makes the day no worse.
        for index in missing(scheduler, orders):
            longer = with_inserted(scheduler, orders, [index])
            orders = _better(scheduler, orders, longer)
        return Found(scheduler=scheduler, orders=tuple(orders), method=INSERTED)

    def _searched(self, kept: Found) -> Found:
        return searched(
            kept.scheduler.problem, kept, self._solver, self._params, self._told
        )

    def _told_of(self, mode: Mode, found: Found) -> Proposal:
        plan = checked_plan(self._prepared, found, seed=self._params.seed)
        proposal = self._proposed(mode, plan, "")
        sentence = _sentence(mode, found, proposal.changes)
        return replace(proposal, sentence=sentence, work=found.work)

    def _proposed(self, mode: Mode, plan: Plan, sentence: str) -> Proposal:
        changes = compared(self._before, plan, self._problem, committed=self._committed)
        return Proposal(
            mode=mode, made_as=mode, plan=plan, changes=changes, sentence=sentence
        )


def _better(scheduler: DayScheduler, old: list[Order], new: list[Order]) -> list[Order]:
    """Return the new orders when they make a better day by the city's levels."""
    if new == old:
        return old
    levels = scheduler.problem.levels
    was, would_be = score_of(scheduler, old), score_of(scheduler, new)
    if would_be is None or (
        was is not None and was.key(levels) <= would_be.key(levels)
    ):
        return old
    return new


def _stops(plan: Plan) -> dict[str, tuple[Stop, ...]]:
    return {route.team_id: route.stops for route in plan.routes if route.stops}


def _could_stay(
    problem: DayProblem, orders: Sequence[Order]
) -> dict[str, tuple[str, ...]]:
    """Teams of each visit in force, by visit id, as far as all of them may still go."""
    teams: dict[str, tuple[str, ...]] = {}
    refused: set[str] = set()
    for day, order in zip(problem.team_days, orders, strict=True):
        for visit in (problem.visits[index] for index in order):
            teams[visit.id] = (*teams.get(visit.id, ()), day.team.id)
            if not visit.allows(day.team):
                refused.add(visit.id)
    return {
        visit_id: team_ids
        for visit_id, team_ids in teams.items()
        if visit_id not in refused
        and len(team_ids) == problem.visits_by_id[visit_id].num_teams
    }


def _bound(
    problem: DayProblem, could_stay: Mapping[str, tuple[str, ...]]
) -> DayProblem:
    """
    Copy a day with every visit in force bound to its team.

    A visit of several teams is bound by a skill that only they have: one team's name
    would keep the others away.
    """
    several = {v: teams for v, teams in could_stay.items() if len(teams) > 1}
    return replace(
        problem,
        visits=tuple(
            visit
            if visit.id not in could_stay
            else replace(visit, skills=visit.skills | {_bond(visit.id)})
            if visit.id in several
            else replace(visit, team_id=could_stay[visit.id][0])
            for visit in problem.visits
        ),
        team_days=tuple(
            replace(day, team=_with_bonds(day.team, several))
            for day in problem.team_days
        ),
    )


def _with_bonds(team: MobileTeam, several: Mapping[str, tuple[str, ...]]) -> MobileTeam:
    bonds = {_bond(v) for v, team_ids in several.items() if team.id in team_ids}
    return replace(team, skills=team.skills | bonds)


def _bond(visit_id: str) -> str:
    return f"in force: {visit_id}"


def _priced(
    problem: DayProblem, could_stay: Mapping[str, tuple[str, ...]]
) -> DayProblem:
    """
    Copy a day with the team in force told to the search, which pays for a change.

    A visit of several teams has no such price; what changes is counted for all.
    """
    return replace(
        problem,
        visits=tuple(
            replace(visit, team_in_force_id=could_stay[visit.id][0])
            if visit.id in could_stay and visit.num_teams == 1
            else visit
            for visit in problem.visits
        ),
    )


def _sentence(mode: Mode, found: Found, changes: PlanChanges) -> str:
    """Say how a proposal was made."""
    num_new, num_out = len(changes.visits_in), len(changes.visits_out)
    ends = f"計画から外れる訪問は{num_out}件です。" if num_out else ""
    if found.method == INSERTED:
        begins = "" if mode is Mode.INSERT_ONLY else "探し直しても十分に良い案がなく、"
        did = f"{begins}確定中の順番のまま、新しい訪問{num_new}件を入れました。"
    elif mode is Mode.KEEP_TEAMS:
        did = f"班を変えずに順番を組み直し、新しい訪問{num_new}件を入れました。"
    else:
        did = (
            f"全体を組み直し、新しい訪問{num_new}件を入れました。"
            f"{len(changes.team_changes)}件の班が変わります。"
        )
    return did + ends
