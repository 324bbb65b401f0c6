"""Use cases of the planning desk: make a draft, publish it, say what changed."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dispatch.domain.assignment import SharingPolicy
from dispatch.domain.case_chart import CaseChart, ChartEntry, ChartStatus, EntryKind
from dispatch.domain.catalogue import Catalogue
from dispatch.domain.consultation import MAX_NAME, require_length
from dispatch.domain.deadlines import wall_seconds
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.explain import clock_text
from dispatch.domain.legal_acts import is_held
from dispatch.domain.levels import DEFAULT_LEVELS, Level
from dispatch.domain.life_cycle import BEYOND_PLANNING, PLANNABLE
from dispatch.domain.place import WorksOffice
from dispatch.domain.plan import Plan, Stop, UnassignedReason
from dispatch.domain.team import MobileTeam
from dispatch.drafts import Made, draft_of
from dispatch.earlier_work import earlier_work
from dispatch.planning import plan_day
from dispatch.ports import (
    ChartChange,
    Charts,
    Clock,
    OnProgress,
    PlanRecord,
    Plans,
    PlanStatus,
    Progress,
    SearchParams,
    Solver,
    StoredPlan,
    TravelTimes,
    WorkStep,
)
from dispatch.prepared_day import DayInput, PreparedDay, prepare_day

# What a dispatcher may change after a draft was made, which the draft then overlooks.
CHANGED_TEXT = {EntryKind.OVERRIDDEN: "担当", EntryKind.CONDITIONS: "現場の条件"}
PLANNED_DAYS_AHEAD = 14  # further off a date is a slip of the keyboard
FAIRNESS_DAYS = 28  # work is shared evenly over four weeks


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRules:
    """What the city has decided about planning."""

    timezone: dt.tzinfo
    offices: Sequence[WorksOffice]
    teams: Sequence[MobileTeam]
    catalogue: Catalogue
    sharing: SharingPolicy
    skill_names: Mapping[str, str] = field(default_factory=dict)
    levels: tuple[Level, ...] = DEFAULT_LEVELS
    bundle_m: float = 0.0
    walk_m_per_s: float = 1.0
    tools: tuple[tuple[str, int], ...] = ()  # how many of each shared tool


Recorder = Callable[
    [PreparedDay, SearchParams, tuple[WorkStep, ...]], tuple[PlanRecord, str]
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTools:
    """
    What planning needs from outside.

    `recorder` writes down how a plan was found, and its input as JSON text.
    """

    charts: Charts
    plans: Plans
    travel_times: TravelTimes
    solver: Solver
    clock: Clock
    recorder: Recorder


class PlanDesk:
    """
    Makes and publishes the plans of a day.

    Parameters
    ----------
    tools
        Stores, travel times, solver, clock.
    rules
        The city's rules.
    """

    def __init__(self, tools: PlanTools, rules: PlanRules) -> None:
        self._tools = tools
        self._rules = rules

    def make(
        self, date: dt.date, params: SearchParams, told: OnProgress, *, who: str
    ) -> StoredPlan:
        """
        Make a draft for a day from all charts that are open now.

        When a plan is in force and its day has begun, what crews have done, do or
        drive to stays; the rest is planned anew from this moment.

        Raises
        ------
        SolverError, CancelledError
            See `dispatch.planning.plan_day`; nothing is stored then.
        """
        require_length("who", who, MAX_NAME)
        tools, rules = self._tools, self._rules
        told(Progress(step="相談を集めています", done=0.0))
        now = tools.clock.now()
        self._require_near(date, now)
        before = tools.plans.in_force(date)
        charts = self._candidates(date, before.plan if before else None, now.date())
        now_s = wall_seconds(now, date, rules.timezone)
        prepared = self._prepared(date, charts, now_s, before)
        planned = plan_day(prepared, tools.solver, params, told)
        record, problem_json = tools.recorder(prepared, params, planned.work)
        draft = draft_of(
            planned,
            Made(at=now, who=who, record=record),
            in_force=before,
            based_on=before.id if before is not None else None,
        )
        return tools.plans.add_plan(draft, problem_json)

    def prepared(self, date: dt.date) -> PreparedDay:
        """Return a day as it stands now: its open charts, teams and plan in force."""
        now = self._tools.clock.now()
        before = self._tools.plans.in_force(date)
        charts = self._candidates(date, before.plan if before else None, now.date())
        now_s = wall_seconds(now, date, self._rules.timezone)
        return self._prepared(date, charts, now_s, before)

    def _prepared(
        self,
        date: dt.date,
        charts: Sequence[CaseChart],
        now_s: int,
        before: StoredPlan | None,
    ) -> PreparedDay:
        """Turn charts into the day's problem, by the city's rules."""
        rules = self._rules
        return prepare_day(
            DayInput(
                date=date,
                timezone=rules.timezone,
                offices=rules.offices,
                teams=rules.teams,
                catalogue=rules.catalogue,
                sharing=rules.sharing,
                charts=charts,
                skill_names=rules.skill_names,
                now_s=max(0, now_s),
                in_force=before.plan if before is not None else None,
                levels=rules.levels,
                work_before_s=self._work_before_s(date),
                bundle_m=rules.bundle_m,
                walk_m_per_s=rules.walk_m_per_s,
                tools=rules.tools,
                earlier=earlier_work(self._tools.charts, charts),
            ),
            self._tools.travel_times,
        )

    def _work_before_s(self, date: dt.date) -> dict[str, int]:
        """Driving and work of the four weeks before a day, by team."""
        work_s: Counter[str] = Counter()
        for ahead in range(1, FAIRNESS_DAYS + 1):
            stored = self._tools.plans.in_force(date - dt.timedelta(days=ahead))
            for route in stored.plan.routes if stored is not None else ():
                work_s[route.team_id] += route.work_s
        return dict(work_s)

    def _require_near(self, date: dt.date, now: dt.datetime) -> None:
        """Refuse a day that is over, or so far off that it must be a slip."""
        ahead = (date - now.date()).days
        if not 0 <= ahead <= PLANNED_DAYS_AHEAD:
            problem = f"今日から{PLANNED_DAYS_AHEAD}日先までの日を選んでください"
            raise InvalidInputError("date", problem)

    def _candidates(
        self, date: dt.date, before: Plan | None, today: dt.date
    ) -> list[CaseChart]:
        """
        Charts that a plan of the day is made from.

        What another day's plan holds stays there, unless that day is over: then it was
        not done and is carried over. Done visits of the plan in force are needed to
        know where their teams are.
        """
        held = self._tools.plans.planned_elsewhere(date, since=today)
        charts = self._tools.charts
        done = [
            chart
            for chart in charts.get_many(_stops_by_visit(before)).values()
            if chart.status in BEYOND_PLANNING
        ]
        open_charts = charts.find(statuses=PLANNABLE)
        return [chart for chart in open_charts if chart.id not in held] + done

    def publish(self, plan_id: str, *, who: str) -> StoredPlan:
        """
        Put a draft in force: its charts are planned, each with an entry.

        Raises
        ------
        ConflictError
            When it is no draft, or a chart in it changed since the plan was made.
        """
        require_length("who", who, MAX_NAME)
        tools = self._tools
        stored = tools.plans.get_plan(plan_id)
        if stored.status is not PlanStatus.DRAFT:
            message = f"計画 第{stored.version}版は下書きではないので確定できません"
            raise ConflictError(message)
        if stored.num_violations:
            message = (
                f"計画 第{stored.version}版には守られていない規則が"
                f"{stored.num_violations}件あるので確定できません"
            )
            raise ConflictError(message)
        in_force = tools.plans.in_force(stored.plan.date)
        if in_force is not None and in_force.version > stored.version:
            message = (
                f"第{stored.version}版より新しい第{in_force.version}版が確定済みです。"
                "計画を作り直してください"
            )
            raise ConflictError(message)
        now = tools.clock.now()
        old_stops = _stops_by_visit(in_force.plan if in_force is not None else None)
        self._refuse_if_overtaken(stored, old_stops, now)
        changes = self._changes(stored, old_stops, at=now, who=who)
        left_out = [
            (
                item.visit_id,
                ChartEntry(
                    at=now, who=who, kind=EntryKind.LEFT_OUT, text=item.sentence
                ),
            )
            for item in stored.plan.unassigned
            if item.reason is not UnassignedReason.ON_HOLD
        ]
        return tools.plans.publish(plan_id, at=now, changes=changes, left_out=left_out)

    def _changes(
        self,
        stored: StoredPlan,
        old_stops: Mapping[str, Sequence[Stop]],
        *,
        at: dt.datetime,
        who: str,
    ) -> list[ChartChange]:
        """Charts of the plan become planned; those of the one before are released."""
        charts = {c.id: c for c in self._tools.charts.find(statuses=PLANNABLE)}
        teams = {team.id: team.name for team in self._rules.teams}
        entries: dict[str, list[ChartEntry]] = {}
        for route, order, stop in stored.plan.stops():
            chart = charts.get(stop.visit_id)
            settled = chart is None or chart.status is not ChartStatus.PLANNED
            if settled and stop in old_stops.get(stop.visit_id, ()):
                continue  # its outcome is known already; it stands there as driven
            if chart is None:
                message = (
                    f"訪問 {stop.visit_id} の状態が変わりました。"
                    "計画を作り直してください"
                )
                raise ConflictError(message)
            if chart.id not in entries:
                self._refuse_if_changed_since(stored, chart)
            text = (
                f"{stored.plan.date.isoformat()} 第{stored.version}版: "
                f"{teams.get(route.team_id, route.team_id)} {order}番目 "
                f"{clock_text(stop.start_s)}–{clock_text(stop.end_s)}"
            )
            reason = stored.reasons.get(chart.id)
            entry = ChartEntry(
                at=at,
                who=who,
                kind=EntryKind.PLANNED,
                text=f"{text}。{reason}" if reason else text,
            )
            entries.setdefault(chart.id, []).append(entry)
        changes: list[ChartChange] = [
            # two teams: one change
            (_planned(charts[chart_id], on=stored.plan.date), tuple(lines))
            for chart_id, lines in entries.items()
        ]
        changes += [
            (chart.moved(ChartStatus.ASSIGNED), ())
            for chart in charts.values()
            if chart.status is ChartStatus.PLANNED
            and chart.id in old_stops
            and chart.id not in entries
        ]
        return changes

    def _refuse_if_overtaken(
        self,
        stored: StoredPlan,
        old_stops: Mapping[str, Sequence[Stop]],
        now: dt.datetime,
    ) -> None:
        """Refuse a draft with a new stop whose time has already come."""
        now_s = wall_seconds(now, stored.plan.date, self._rules.timezone)
        if any(
            stop.start_s < now_s and stop not in old_stops.get(stop.visit_id, ())
            for _, _, stop in stored.plan.stops()
        ):
            message = (
                f"第{stored.version}版の訪問のうち、開始時刻を過ぎたものがあります。"
                "計画を作り直してください"
            )
            raise ConflictError(message)

    def _refuse_if_changed_since(self, stored: StoredPlan, chart: CaseChart) -> None:
        """Refuse a plan whose chart a dispatcher has given other terms since."""
        assignment = chart.assignment
        is_overridden = assignment is not None and assignment.by == "dispatcher"
        if not is_overridden and chart.conditions.is_empty:
            return  # either leaves its mark on the chart: no need to ask
        for entry in self._tools.charts.history(chart.id):
            changed = CHANGED_TEXT.get(entry.kind)
            if changed is not None and entry.at > stored.made_at:
                message = (
                    f"{chart.number}: この計画のあとで{changed}が変更されました。"
                    "計画を作り直してください"
                )
                raise ConflictError(message)


def _stops_by_visit(plan: Plan | None) -> dict[str, list[Stop]]:
    """Return the stops of a plan by their visit, one a team; none of no plan."""
    stops: dict[str, list[Stop]] = {}
    for _, _, stop in plan.stops() if plan else ():
        stops.setdefault(stop.visit_id, []).append(stop)
    return stops


def _planned(chart: CaseChart, *, on: dt.date) -> CaseChart:
    """
    Return the chart as planned; one whose hold is over passes through assigned.

    Raises
    ------
    ConflictError
        When the law still holds it on the plan's day, whatever made the plan.
    """
    if is_held(chart, on=on):
        message = f"{chart.number}: {on:%Y-%m-%d} はまだ法定待機中なので計画できません"
        raise ConflictError(message)
    if chart.status is ChartStatus.ON_HOLD:
        ready = chart.moved(ChartStatus.ASSIGNED)
        return ready.moved(ChartStatus.PLANNED).at_version(chart.version + 1)
    return chart.moved(ChartStatus.PLANNED)
