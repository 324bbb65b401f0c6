"""Use cases of triage (緊急度・分類の見直し): what to look at, class it anew, note."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from dispatch.domain.case_chart import (
    CaseChart,
    ChartEntry,
    ChartStatus,
    EntryKind,
    hold_end,
    urgency_of,
)
from dispatch.domain.catalogue import Catalogue, Duty, Urgency, WorkCategory
from dispatch.domain.consultation import MAX_LINE, MAX_NAME, require_length
from dispatch.domain.deadlines import OfficeHours
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.life_cycle import Act
from dispatch.domain.reclocking import reclocked
from dispatch.domain.scheme import Scheme, Schemes
from dispatch.domain.transfer import TransferState
from dispatch.domain.triage import Reply, TriageRules, merged, yes_in_short
from dispatch.ports import Charts, Clock

LEGAL_NOTE = "legal"  # what `ChartEntry.about` says of a note on the law
RETURNS_TO_DOUBT = 2  # sent back so often: nobody knows whose it is

S = ChartStatus
WAITING = frozenset({S.RECEIVED, S.RETURNED, S.UNPLACED})
_AGAIN = frozenset({S.RECEIVED, S.RETURNED})  # no office has it: send it anew
_AT_WORK = frozenset({S.ASSIGNED, S.ACCEPTED, S.INSPECTION})
_PLANNED = frozenset({S.PLANNED, S.AWAITING_REPAIR})
_SENDABLE = WAITING | _AT_WORK | _PLANNED | {S.ON_HOLD}
_SETTLED = frozenset({S.CLOSED, S.WITHDRAWN, S.DUPLICATE})


class TriageReason(StrEnum):
    """Why a chart is on the triage list."""

    REOPENED = "reopened"
    RETURNED = "returned"
    UNPLACED = "unplaced"
    UNCLEAR = "unclear"  # the category says that nobody knows
    NOBODYS = "nobodys"  # sent back twice
    URGENT = "urgent"  # class S of the last hours


class TriageCharts(Protocol):
    """The charts that triage looks at, found without reading all others."""

    def to_look_at(
        self, *, unclear_codes: Collection[str], urgent_since: dt.datetime
    ) -> list[CaseChart]:
        """
        Charts that wait for a decision, oldest first.

        Those received anew, returned or without a place; those of an unclear category
        that an office has and has not accepted; class S received since, unless closed.
        """
        ...


class Routes(Protocol):
    """The one thing that the reception desk does here (`dispatch.intake`)."""

    def routed_again(self, chart: CaseChart) -> tuple[CaseChart, list[ChartEntry]]:
        """Send a chart by the rule of its category; nothing is stored."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TriageTools:
    """What the desk works with."""

    charts: Charts
    waiting: TriageCharts
    intake: Routes
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRules:
    """What the city has decided: categories, questions, office hours, schemes."""

    catalogue: Catalogue
    triage: TriageRules
    hours: OfficeHours
    timezone: dt.tzinfo
    schemes: Schemes = field(default_factory=Schemes)


@dataclass(frozen=True, slots=True, kw_only=True)
class TriageItem:
    """A chart to look at, and why."""

    chart: CaseChart
    reasons: tuple[TriageReason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Classing:
    """
    What somebody decides about a chart; None leaves it as it is.

    `duty_note` says whose it is and why, for those who get it next.
    """

    category_code: str | None = None
    urgency: Urgency | None = None
    scheme: Scheme | None = None
    duty_note: str = ""


class TriageDesk:
    """
    Looks again at what was received: staff may lower, with a reason.

    Parameters
    ----------
    tools
        Stores, the reception desk, clock.
    rules
        The city's rules.
    """

    def __init__(self, tools: TriageTools, rules: ClassRules) -> None:
        self._tools = tools
        self._rules = rules

    def listed(self) -> list[TriageItem]:
        """Charts to look at: the most urgent first, then the oldest."""
        triage = self._rules.triage
        since = self._tools.clock.now() - dt.timedelta(hours=triage.urgent_hours)
        charts = self._tools.waiting.to_look_at(
            unclear_codes=triage.unclear_codes, urgent_since=since
        )
        items = [
            TriageItem(chart=chart, reasons=tuple(self._reasons(chart, since)))
            for chart in charts
        ]
        return sorted(items, key=lambda item: item.chart.urgency.rank)

    def _reasons(self, chart: CaseChart, since: dt.datetime) -> Iterable[TriageReason]:
        if chart.status is S.RECEIVED:
            yield TriageReason.REOPENED
        if chart.status is S.RETURNED:
            yield TriageReason.RETURNED
        if chart.status is S.UNPLACED:
            yield TriageReason.UNPLACED
        if chart.category_code in self._rules.triage.unclear_codes:
            yield TriageReason.UNCLEAR
        sent_back = [t for t in chart.transfers if t.state is TransferState.RETURNED]
        if len(sent_back) >= RETURNS_TO_DOUBT:
            yield TriageReason.NOBODYS
        is_new = chart.consultation.received_at >= since
        if chart.urgency is Urgency.S and is_new:
            yield TriageReason.URGENT

    def reclass(
        self, chart_id: str, version: int, classing: Classing, *, who: str, why: str
    ) -> CaseChart:
        """
        Set category, urgency or scheme anew, and send the chart where it belongs.

        A chart that no office has (reopened, returned) is sent even when nothing else
        changes. The urgency may be lowered here, and only here. A hold that runs is
        never shortened, whatever the category becomes.

        Raises
        ------
        NotFoundError
            When there is no such chart.
        InvalidInputError
            When nobody or no reason is named, nothing would change, or the category
            or urgency is none.
        ConflictError
            When the chart has changed meanwhile, or is past the point at which this
            could be decided.
        """
        _require_word(who, why)
        require_length("duty_note", classing.duty_note, MAX_LINE)
        chart = self._tools.charts.get(chart_id)
        chart.require_version(version)
        category = self._rules.catalogue.get(
            classing.category_code or chart.category_code
        )
        _require_decidable(chart, classing, category)
        after = self._classed(chart, classing, category)
        changes = self._changes(chart, after)
        if not changes and not classing.duty_note and chart.status not in _AGAIN:
            raise InvalidInputError("form", "変えるところを一つは選んでください")
        told = [*changes.values()]
        told += [f"担当について: {classing.duty_note}"] if classing.duty_note else []
        words = "、".join(told) or "分類と緊急度を確かめた"
        entry = ChartEntry(
            at=self._tools.clock.now(),
            who=who,
            kind=EntryKind.CLASSED,
            text=f"{words}。理由: {why}",
            about="|".join(changes),
        )
        after, sent = self._sent(chart, after)
        return self._saved(after, version, [entry, *sent])

    def hear(
        self, chart_id: str, version: int, said: Mapping[str, Reply], *, who: str
    ) -> CaseChart:
        """
        Add what the caller said later; it raises the urgency or leaves it.

        Raises
        ------
        NotFoundError
            When there is no such chart.
        InvalidInputError
            When nobody is named, nothing is said, or a question is none of ours.
        ConflictError
            When the chart has changed meanwhile, or its work is over.
        """
        _require_name(who)
        if not said:
            raise InvalidInputError("triage", "聞き取りの答えを一つは選んでください")
        replies = self._rules.triage.replies_of(said)
        chart = self._tools.charts.get(chart_id)
        chart.require_version(version)
        if not _is_undecided(chart):
            raise ConflictError(f"{chart.number}: 対応が終わっています")
        category = self._rules.catalogue.get(chart.category_code)
        known = merged(chart.triage, replies)
        heard = self._rules.triage.urgency_from(known, category)
        after = replace(chart, triage=known)
        words = self._rules.triage.in_words(replies)
        if heard.rank < chart.urgency.rank:
            after = self._reclocked(chart, replace(after, urgency=heard), category)
            words = f"{words}。緊急度 {chart.urgency} → {heard}"
        entry = ChartEntry(
            at=self._tools.clock.now(),
            who=who,
            kind=EntryKind.TRIAGED,
            text=words,
            about=yes_in_short(replies),
        )
        return self._saved(after, version, [entry])

    def note_law(
        self, chart_id: str, version: int, text: str, *, who: str
    ) -> CaseChart:
        """
        Write down what the law or a rule forbids or asks for (法的制約).

        Raises
        ------
        NotFoundError
            When there is no such chart.
        InvalidInputError
            When nobody is named or nothing is said.
        ConflictError
            When the chart has changed meanwhile.
        """
        _require_name(who)
        require_length("legal_note", text, MAX_LINE)
        if not text.strip():
            raise InvalidInputError("legal_note", "法的制約の内容を入れてください")
        chart = self._tools.charts.get(chart_id)
        chart.require_version(version)
        entry = ChartEntry(
            at=self._tools.clock.now(),
            who=who,
            kind=EntryKind.COMMENT,
            text=f"法的制約: {text.strip()}",
            about=LEGAL_NOTE,
        )
        return self._saved(chart, version, [entry])

    def _classed(
        self, chart: CaseChart, classing: Classing, category: WorkCategory
    ) -> CaseChart:
        """Chart with what was decided, its hold and its clocks."""
        code = category.code
        urgency = classing.urgency or chart.urgency
        if classing.urgency is None and code != chart.category_code:
            raised = chart.consultation.raised_urgency
            heard = self._rules.triage.urgency_from(chart.triage, category)
            urgency = min(urgency_of(category, raised), heard, key=lambda u: u.rank)
        ends = (chart.hold_until, hold_end(category, chart.consultation))
        after = replace(
            chart,
            reclassed_code=code if code != chart.consultation.category_code else "",
            urgency=urgency,
            scheme=classing.scheme or chart.scheme,
            hold_until=max((end for end in ends if end is not None), default=None),
        )
        return self._reclocked(chart, after, category)

    def _reclocked(
        self, before: CaseChart, after: CaseChart, category: WorkCategory
    ) -> CaseChart:
        """Chart with the clocks of its new class, counted from its (re)opening."""
        begins = before.consultation.received_at
        if before.reopened:
            reopened = [
                entry.at
                for entry in self._tools.charts.history(before.id)
                if entry.about == Act.REOPEN
            ]
            begins = max((begins, *reopened))
        return reclocked(
            before,
            after,
            category,
            self._rules.schemes.rule(after.scheme),
            self._rules.hours,
            since=begins.astimezone(self._rules.timezone),
        )

    def _changes(self, before: CaseChart, after: CaseChart) -> dict[str, str]:
        """Before and after of what was set anew, in words, by field."""
        catalogue = self._rules.catalogue
        changes = {}
        if before.category_code != after.category_code:
            old, new = (catalogue.get(c.category_code) for c in (before, after))
            changes["category"] = f"分類 {old.code} {old.name} → {new.code} {new.name}"
        if before.urgency is not after.urgency:
            changes["urgency"] = f"緊急度 {before.urgency} → {after.urgency}"
        if before.scheme is not after.scheme:
            names = [SCHEME_NAMES[one.scheme] for one in (before, after)]
            changes["scheme"] = f"制度区分 {names[0]} → {names[1]}"
        return changes

    def _sent(
        self, before: CaseChart, after: CaseChart
    ) -> tuple[CaseChart, list[ChartEntry]]:
        """Chart where its category sends it, if anything about that has changed."""
        is_other = before.category_code != after.category_code
        if before.status in _AGAIN:
            return self._tools.intake.routed_again(after)
        if not is_other:
            return after, []
        duty = self._rules.catalogue.get(after.category_code).duty
        word = after.assignment is not None and after.assignment.by == "dispatcher"
        if word and duty is Duty.FIELD and before.duty is Duty.FIELD:
            return after, []  # a dispatcher's word binds, whatever the category
        return self._tools.intake.routed_again(_taken_back(after))

    def _saved(
        self, chart: CaseChart, version: int, entries: list[ChartEntry]
    ) -> CaseChart:
        after = chart.at_version(version + 1)
        self._tools.charts.save_all([(after, tuple(entries))])
        return after


SCHEME_NAMES = {
    Scheme.REPORT: "通報",
    Scheme.REQUEST: "要望等記録",
    Scheme.CITIZEN_VOICE: "市民の声",
    Scheme.AREA_VOICE: "地域の声",
}


def _taken_back(chart: CaseChart) -> CaseChart:
    """Chart that no office has any more: from there every way is open."""
    if chart.status in _PLANNED:
        chart = chart.in_status(S.ASSIGNED)
    if chart.status in _AT_WORK:
        chart = chart.in_status(S.RETURNED)
    return chart


def _is_undecided(chart: CaseChart) -> bool:
    """Whether its class still decides anything."""
    return chart.is_open or chart.status is S.REFERRED


def _require_decidable(
    chart: CaseChart, classing: Classing, category: WorkCategory
) -> None:
    """Refuse what comes too late, or is decided elsewhere."""
    if chart.status in _SETTLED:
        raise ConflictError(f"{chart.number}: 終わった相談なので変更できません")
    is_other = category.code != chart.category_code
    if is_other and chart.status is S.REFERRED:
        message = f"{chart.number}: 引継・移管中です。先に差し戻しを記録してください"
        raise ConflictError(message)
    if is_other and chart.status not in _SENDABLE:
        raise ConflictError(f"{chart.number}: 対応が始まったので分類は変えられません")
    if classing.urgency is None:
        return
    if not _is_undecided(chart):
        raise ConflictError(f"{chart.number}: 対応が終わっています")
    if (classing.urgency is Urgency.D) is not (category.urgency is Urgency.D):
        problem = "D(移管)かどうかは、分類で決まります"
        raise InvalidInputError("urgency", problem)


def _require_word(who: str, why: str) -> None:
    _require_name(who)
    require_length("why", why, MAX_LINE)
    if not why.strip():
        raise InvalidInputError("why", "変更の理由を入れてください")


def _require_name(who: str) -> None:
    require_length("who", who, MAX_NAME)
    if not who.strip():
        raise InvalidInputError("who", "担当者の名前を入れてください")
