"""Use cases of a chart's life: acts by word, results, answers, pauses, comments."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from dispatch.domain.answer import Answer
from dispatch.domain.case_chart import CaseChart, ChartEntry, EntryKind
from dispatch.domain.catalogue import Catalogue, ResponseUnit
from dispatch.domain.chart_clocks import paused, responded, resumed, with_clocks
from dispatch.domain.consultation import (
    MAX_LINE,
    MAX_NAME,
    ContactMethod,
    require_length,
)
from dispatch.domain.deadlines import OfficeHours, due_after
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.field_result import FieldResult
from dispatch.domain.legal_acts import acted_on, acts_now
from dispatch.domain.life_cycle import Act, Arrow, ChartStatus, Way
from dispatch.domain.outcome import Outcome
from dispatch.domain.referral import let_go
from dispatch.domain.result_words import result_in_words
from dispatch.domain.scheme import Schemes
from dispatch.ports import Charts, Clock

REASONS_WITHIN = dt.timedelta(hours=24)  # for an emergency that set out first
SPOKEN = frozenset({ContactMethod.PHONE, ContactMethod.VISIT})


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeRules:
    """
    What the city has decided about the life of a chart.

    `names_person` tells, of a chart and a text, whether the text says who reported:
    then it is not published.
    """

    catalogue: Catalogue
    hours: OfficeHours
    timezone: dt.tzinfo
    schemes: Schemes = field(default_factory=Schemes)
    names_person: Callable[[str, str], bool] = lambda _chart_id, _text: False


class LifeCycleDesk:
    """
    Moves charts by people's words and records; everything is a line of the history.

    Parameters
    ----------
    charts
        Store of charts.
    clock
        Time of the entries, and of what is due.
    rules
        The city's rules.
    """

    def __init__(self, charts: Charts, clock: Clock, rules: LifeRules) -> None:
        self._charts = charts
        self._clock = clock
        self._rules = rules

    @property
    def rules(self) -> LifeRules:
        """The city's rules, for those who show them."""
        return self._rules

    def act(
        self, chart_id: str, version: int, act: Act, *, who: str, why: str = ""
    ) -> CaseChart:
        """
        Move a chart by a person's word.

        Raises
        ------
        NotFoundError
            When there is no such chart.
        InvalidInputError
            When nobody is named, a reason is missing, or the act needs a record of its
            own (a result, an answer, a transfer).
        ConflictError
            When the chart has changed meanwhile, or the act is not legal now; the
            message names those that are.
        """
        require_word(who, why)
        chart, now = self._read(chart_id, version)
        after = acted_on(chart, act, at=now)
        arrow = _gone(chart, act, after.status, now)
        if arrow.way is not Way.WORD:
            raise InvalidInputError("act", "この処理には、専用の記録が必要です")
        if arrow.needs_reason and not why.strip():
            raise InvalidInputError("why", "理由を入れてください")
        after = self._with_consequences(chart, after, arrow, now, why)
        text = why.strip() or "理由の記載なし"
        return self._saved(after, EntryKind.MOVED, text, who=who, about=str(act))

    def _with_consequences(
        self,
        before: CaseChart,
        after: CaseChart,
        arrow: Arrow,
        now: dt.datetime,
        why: str,
    ) -> CaseChart:
        """Add what an act brings with it besides the status."""
        after = let_go(before, after, at=now)
        if arrow.act is Act.REOPEN:
            rule = self._rules.schemes.rule(after.scheme)
            category = self._rules.catalogue.get(after.category_code)
            after = with_clocks(after, category, rule, self._rules.hours, since=now)
            return replace(after, reopened=before.reopened + 1, duplicate_of="")
        if arrow.act is Act.SET_OUT:
            after = responded(after, at=now)
            if arrow.only_urgent and not why.strip():
                after = replace(after, reasons_due_at=now + REASONS_WITHIN)
        return after

    def comment(self, chart_id: str, version: int, text: str, *, who: str) -> CaseChart:
        """
        Write a line into the history; it also gives the reasons that are still owed.

        Raises
        ------
        InvalidInputError
            When nobody is named or nothing is said.
        ConflictError
            When the chart has changed meanwhile.
        """
        require_word(who, text)
        if not text.strip():
            raise InvalidInputError("text", "書き込む内容を入れてください")
        chart, _ = self._read(chart_id, version)
        after = replace(chart, version=version + 1, reasons_due_at=None)
        return self._saved(after, EntryKind.COMMENT, text.strip(), who=who)

    def pause(self, chart_id: str, version: int, *, who: str, why: str) -> CaseChart:
        """
        Stop a chart's clocks: somebody else has to act first.

        Raises
        ------
        InvalidInputError
            When nobody or no reason is named.
        ConflictError
            When the chart has changed meanwhile, its clocks stand still, or no work on
            it is owed.
        """
        require_word(who, why)
        if not why.strip():
            raise InvalidInputError("why", "だれの何を待つのかを入れてください")
        chart, now = self._read(chart_id, version)
        after = replace(paused(chart, at=now, why=why.strip()), version=version + 1)
        return self._saved(after, EntryKind.PAUSED, why.strip(), who=who)

    def resume(
        self, chart_id: str, version: int, *, who: str, why: str = ""
    ) -> CaseChart:
        """
        Let a chart's clocks run on, each as much open time later as they stood still.

        Raises
        ------
        ConflictError
            When the chart has changed meanwhile, or its clocks were not stopped.
        """
        require_word(who, why)
        chart, now = self._read(chart_id, version)
        after = replace(resumed(chart, self._rules.hours, at=now), version=version + 1)
        text = why.strip() or "待っていたことが済みました"
        return self._saved(after, EntryKind.RESUMED, text, who=who)

    def record_result(
        self, chart_id: str, version: int, result: FieldResult
    ) -> CaseChart:
        """
        Write down what a team found and did; the outcome moves the chart.

        `result.at` is replaced by the clock's time.

        Raises
        ------
        InvalidInputError
            When nobody is named.
        ConflictError
            When the chart has changed meanwhile, is not field work in hand, or the law
            still holds it.
        """
        require_word(result.who, result.note)
        chart, now = self._read(chart_id, version)
        if chart.status is ChartStatus.REFERRED:
            raise ConflictError(f"{chart.number}: いま{chart.receiver}にあります")
        result = replace(result, at=now)
        after = responded(acted_on(chart, result.outcome.act, at=now), at=now)
        if result.outcome.act is Act.COMPLETE or self._makes_safe(after, result):
            after = replace(after, work_done_at=now)
        after = replace(after, results=(*after.results, result), reasons_due_at=None)
        return self._saved(
            after,
            EntryKind.OUTCOME,
            result_in_words(result),
            who=result.who,
            about=str(result.outcome),
        )

    def _makes_safe(self, chart: CaseChart, result: FieldResult) -> bool:
        """Whether making safe is what its category owes the same day (同日応急)."""
        category = self._rules.catalogue.get(chart.category_code)
        is_today = category.completion_unit is ResponseUnit.TODAY
        return result.outcome is Outcome.TEMPORARY and is_today

    def answer(self, chart_id: str, version: int, answer: Answer) -> CaseChart:
        """
        Record what the resident was told; an interim answer puts the final one off.

        `answer.at` is replaced by the clock's time.

        Raises
        ------
        InvalidInputError
            When nobody or nothing is named, or the scheme asks for a written answer.
        ConflictError
            When the chart has changed meanwhile, or there is nothing to answer yet.
        """
        require_length("who", answer.who, MAX_NAME)
        if not answer.who.strip():
            raise InvalidInputError("who", "担当者の名前を入れてください")
        if not answer.text.strip():
            raise InvalidInputError("text", "伝えた内容を入れてください")
        chart, now = self._read(chart_id, version)
        rule = self._rules.schemes.rule(chart.scheme)
        if rule.written and answer.method in SPOKEN:
            problem = f"{rule.name}は文書(手紙かメール)で回答します"
            raise InvalidInputError("method", problem)
        answer = replace(answer, at=now)
        if answer.interim:
            after = self._put_off(chart, now)
            kind = EntryKind.INTERIM
        else:
            after = let_go(chart, acted_on(chart, Act.ANSWER, at=now), at=now)
            after = replace(after, answered_at=now, interim_due_at=None)
            kind = EntryKind.ANSWERED
        after = replace(responded(after, at=now), answers=(*after.answers, answer))
        about = str(answer.kind)
        return self._saved(
            after, kind, answer.text.strip(), who=answer.who, about=about
        )

    def _put_off(self, chart: CaseChart, now: dt.datetime) -> CaseChart:
        """Chart whose answer is due later, its reporter having been told so."""
        if chart.answered_at is not None or chart.answer_due_at is None:
            raise ConflictError(f"{chart.number}: 回答を待っている人はいません")
        days = self._rules.schemes.rule(chart.scheme).answer_days
        since = now.astimezone(self._rules.timezone)
        due = due_after(ResponseUnit.DAYS, days, since, self._rules.hours)
        return replace(
            chart,
            version=chart.version + 1,
            interim_due_at=None,
            answer_due_at=max(due, chart.answer_due_at),
        )

    def publish_answer(
        self, chart_id: str, version: int, summary: str, *, who: str
    ) -> CaseChart:
        """
        Publish the last answer in a summary that says nothing about a person.

        Raises
        ------
        InvalidInputError
            When there is no summary, or it holds a phone number or the reporter's own
            name or address.
        ConflictError
            When the chart has changed meanwhile, has no answer, or its scheme publishes
            none.
        """
        require_word(who, "")
        summary = summary.strip()
        if not summary:
            raise InvalidInputError("summary", "公表する要約を入れてください")
        chart, now = self._read(chart_id, version)
        rule = self._rules.schemes.rule(chart.scheme)
        final = [one for one in chart.answers if not one.interim]
        if not final or not rule.published:
            message = f"{chart.number}: 公表の対象になる回答がありません"
            raise ConflictError(message)
        if self._rules.names_person(chart_id, summary):
            problem = "要約に、電話番号か申出人にかかわる言葉があります。除いてください"
            raise InvalidInputError("summary", problem)
        today = now.astimezone(self._rules.timezone).date()
        shown = replace(
            final[-1], summary=summary, publishable=True, published_on=today
        )
        answers = tuple(shown if one is final[-1] else one for one in chart.answers)
        after = replace(chart, answers=answers, version=version + 1)
        return self._saved(after, EntryKind.PUBLISHED, "要約を公表", who=who)

    def _read(self, chart_id: str, version: int) -> tuple[CaseChart, dt.datetime]:
        """Chart at the version that was read, and the city's time."""
        chart = self._charts.get(chart_id)
        chart.require_version(version)
        return chart, self._clock.now().astimezone(self._rules.timezone)

    def _saved(
        self, after: CaseChart, kind: EntryKind, text: str, *, who: str, about: str = ""
    ) -> CaseChart:
        at = self._clock.now()
        entry = ChartEntry(at=at, who=who.strip(), kind=kind, text=text, about=about)
        self._charts.save_all([(after, (entry,))])
        return after


def require_word(who: str, words: str) -> None:
    """
    Refuse a word of nobody, or one that is too long.

    Raises
    ------
    InvalidInputError
        Naming the field.
    """
    require_length("who", who, MAX_NAME)
    require_length("why", words, MAX_LINE)
    if not who.strip():
        raise InvalidInputError("who", "担当者の名前を入れてください")


def _gone(chart: CaseChart, act: Act, target: ChartStatus, now: dt.datetime) -> Arrow:
    """Arrow by which an act has led to a status."""
    return next(
        one.arrow
        for one in acts_now(chart, at=now)
        if (one.arrow.act, one.arrow.target) == (act, target) and not one.obstacle
    )
