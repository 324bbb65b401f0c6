"""Days as promises see them: plan, appointments and held slots put together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dispatch.domain.assignment import SharingPolicy, allowed_offices
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.catalogue import Catalogue
from dispatch.domain.deadlines import OfficeHours, wall_seconds
from dispatch.domain.life_cycle import PLANNABLE
from dispatch.domain.place import WorksOffice
from dispatch.domain.plan import Plan
from dispatch.domain.problem import DayProblem
from dispatch.domain.slots import DayPromises, PricedWindow, SlotParams, priced_windows
from dispatch.domain.team import MobileTeam
from dispatch.domain.together import linked
from dispatch.domain.visit import TimeWindow
from dispatch.earlier_work import earlier_work
from dispatch.ports import (
    Charts,
    HeldSlots,
    Plans,
    PlanStatus,
    SlotHolds,
    TravelTimes,
)
from dispatch.prepared_day import DayInput, prepare_day


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRules:
    """
    What the city has decided about promises.

    `bundle_m` and `walk_m_per_s` as for planning: what is promised beside another stop
    is priced with the walk.
    """

    timezone: dt.tzinfo
    hours: OfficeHours
    offices: Sequence[WorksOffice]
    teams: Sequence[MobileTeam]
    catalogue: Catalogue
    sharing: SharingPolicy
    params: SlotParams = field(default_factory=SlotParams)
    bundle_m: float = 0.0
    walk_m_per_s: float = 1.0
    tools: tuple[tuple[str, int], ...] = ()  # how many of each shared tool


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStores:
    """Where plans, charts and holds are, and the travel times between their places."""

    charts: Charts
    plans: Plans
    holds: SlotHolds
    travel_times: TravelTimes


class PromisedDays:
    """
    All that is promised on some days, read once, to find what else they can keep.

    Parameters
    ----------
    stores
        Where everything is.
    rules
        The city's rules.
    dates
        The days.
    now
        Nothing before this moment is offered.

    Notes
    -----
    Holds are read before the charts: one that becomes a chart in between is seen twice,
    and never not at all.
    """

    def __init__(
        self,
        stores: DayStores,
        rules: SlotRules,
        dates: Iterable[dt.date],
        now: dt.datetime,
    ) -> None:
        self._stores = stores
        self._rules = rules
        self._now = now
        self._held = {date: stores.holds.held_on(date, at=now) for date in dates}
        self._charts = stores.charts.find(statuses=PLANNABLE)

    def held(self, date: dt.date) -> HeldSlots:
        """Slots of one of the days that are held."""
        return self._held[date]

    def priced(
        self, date: dt.date, asked: CaseChart, windows: Sequence[TimeWindow]
    ) -> tuple[PricedWindow, ...]:
        """Windows of one of the days in which a chart can be promised, with prices."""
        rules = self._rules
        now_s = wall_seconds(self._now, date, rules.timezone)
        ahead = [window for window in windows if window.start_s > now_s]
        if not ahead:
            return ()
        plan = self._plan_of(date)
        promised = self._promised_on(date, plan)
        offices = self._offices_of(asked, promised)
        teams = [team for team in rules.teams if team.office_id in offices]
        charts = {
            **self._stores.charts.get_many(_visit_ids(plan, teams)),
            **{chart.id: chart for chart in (*promised, asked)},
        }
        prepared = prepare_day(
            DayInput(
                date=date,
                timezone=rules.timezone,
                offices=rules.offices,
                teams=teams,
                catalogue=rules.catalogue,
                sharing=rules.sharing,
                charts=tuple(charts.values()),
                now_s=max(0, now_s),
                in_force=plan,
                bundle_m=rules.bundle_m,
                walk_m_per_s=rules.walk_m_per_s,
                tools=rules.tools,
                earlier=earlier_work(self._stores.charts, charts.values()),
            ),
            self._stores.travel_times,
        )
        problem = prepared.problem
        index_of = {visit.id: index for index, visit in enumerate(problem.visits)}
        day = DayPromises(
            problem=problem,
            orders=prepared.orders_in_force or tuple(() for _ in problem.team_days),
            asked=index_of[asked.id],
            promised=tuple(
                index_of[chart.id] for chart in promised if chart.id in index_of
            ),
            starts=linked_starts(plan, problem),
        )
        return priced_windows(day, ahead, margin_s=rules.params.margin_s)

    def _plan_of(self, date: dt.date) -> Plan | None:
        """Plan in force of a day, else its newest draft."""
        stored = self._stores.plans.in_force(date)
        if stored is None:
            drafts = [
                one
                for one in self._stores.plans.plans_on(date)
                if one.status is PlanStatus.DRAFT and not one.num_violations
            ]
            stored = drafts[0] if drafts else None
        return None if stored is None else stored.plan

    def _promised_on(self, date: dt.date, plan: Plan | None) -> list[CaseChart]:
        """Charts with an appointment on a day, and held slots, that no plan has yet."""
        planned = {stop.visit_id for _, _, stop in plan.stops()} if plan else set()
        appointed = [
            chart
            for chart in self._charts
            if (promised := chart.consultation.appointment) is not None
            and promised.start_at.astimezone(self._rules.timezone).date() == date
        ]
        held = [slot.promised_chart() for slot in self._held[date].slots]
        return [chart for chart in (*held, *appointed) if chart.id not in planned]

    def _offices_of(self, asked: CaseChart, promised: Iterable[CaseChart]) -> set[str]:
        """Offices that may go, and those that may go to what competes with it."""
        own = self._allowed(asked)
        offices = set(own)
        for others in map(self._allowed, promised):
            if own & others:
                offices |= others
        return offices

    def _allowed(self, chart: CaseChart) -> frozenset[str]:
        rules = self._rules
        home_id = None if chart.assignment is None else chart.assignment.office_id
        home = next((one for one in rules.offices if one.id == home_id), None)
        if home is None:
            return frozenset()
        return allowed_offices(home, rules.sharing, rules.offices)


def _visit_ids(plan: Plan | None, teams: Iterable[MobileTeam]) -> list[str]:
    """Visits of some teams in a plan."""
    ids = {team.id for team in teams}
    routes = () if plan is None else plan.routes
    return [s.visit_id for route in routes if route.team_id in ids for s in route.stops]


def linked_starts(plan: Plan | None, problem: DayProblem) -> Mapping[int, int]:
    """Moments of the plan for visits that are bound to those of other teams."""
    stops = () if plan is None else (stop for _, _, stop in plan.stops())
    starts = {stop.visit_id: stop.start_s for stop in stops}
    return {
        index: starts[problem.visits[index].id]
        for index in linked(problem)
        if problem.visits[index].id in starts
    }
