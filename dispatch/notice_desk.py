"""Use cases of notices (地域の声対応連絡): send, answer, read, settle, list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from dispatch.domain.case_chart import CaseChart, ChartEntry, EntryKind
from dispatch.domain.chart_query import Reach
from dispatch.domain.consultation import MAX_LINE, MAX_NAME, require_length
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.ids import new_id
from dispatch.domain.life_cycle import ChartStatus
from dispatch.domain.notice import Notice, NoticeCount, NoticeQuery, NoticeSide
from dispatch.ports import Charts, Clock

OFFICER = "地域担当"


class Notices(Protocol):
    """The store of notices; each writes a line into its chart's history."""

    def send(self, notice: Notice, entry: ChartEntry) -> None:
        """Store a notice and its line; what it answers is settled with it."""
        ...

    def get(self, notice_id: str) -> Notice:
        """Return the notice; NotFoundError when there is none."""
        ...

    def mark_read(self, notice_id: str, *, by: str, at: dt.datetime) -> Notice:
        """Mark a notice as read; whoever read it first stays named."""
        ...

    def settle(
        self, notice_id: str, *, by: str, at: dt.datetime, entry: ChartEntry
    ) -> Notice:
        """End the task of a notice, with a line; ConflictError when it has ended."""
        ...

    def of_chart(self, chart_id: str) -> list[Notice]:
        """Notices of a chart, newest first."""
        ...

    def listed(self, query: NoticeQuery, *, limit: int | None = None) -> list[Notice]:
        """Notices of a list: what is due first, then the oldest."""
        ...

    def count(self, query: NoticeQuery) -> int:
        """How many notices a list has."""
        ...

    def by_addressee(self, reach: Reach) -> tuple[NoticeCount, ...]:
        """Count what is open by whom it is for."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRules:
    """Names of the city's wards and, of a day, of its works offices."""

    timezone: dt.tzinfo
    ward_names: Mapping[str, str] = field(default_factory=dict)
    office_name: Callable[[str, dt.date], str] = lambda office_id, _day: office_id


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeDraft:
    """What somebody writes: what was done, what comes next, by whom, by when."""

    who: str
    done: str
    next_step: str = ""
    next_by: str = ""
    act_by: dt.date | None = None


class NoticeDesk:
    """
    Carries notices between whoever serves a chart and the ward's officer.

    Parameters
    ----------
    charts
        Store of charts.
    notices
        Store of notices.
    clock
        Time of the notices.
    rules
        Names.
    """

    def __init__(
        self, charts: Charts, notices: Notices, clock: Clock, rules: NoticeRules
    ) -> None:
        self._charts = charts
        self._notices = notices
        self._clock = clock
        self._rules = rules

    @property
    def notices(self) -> Notices:
        """The store, for those who list."""
        return self._notices

    def send(self, chart_id: str, draft: NoticeDraft, *, to_ward: bool) -> Notice:
        """
        Send a notice to the ward's officer, or from there to whoever has the chart.

        The chart stays as it is; the notice is a line of its history and a task of
        whom it is for, until they answer or settle it.

        Parameters
        ----------
        to_ward
            To the officer of the chart's school district; else to the works office or
            receiver that has the chart.

        Raises
        ------
        NotFoundError
            When there is no such chart.
        InvalidInputError
            When nobody is named, nothing was done, or the day is over.
        ConflictError
            When nobody has the chart yet.
        """
        chart = self._charts.get(chart_id)
        ward = NoticeSide.WARD, ""
        holder = self._holder(chart)
        to, sender = (ward, holder) if to_ward else (holder, ward)
        return self._sent(chart, draft, to=to, sender=sender)

    def answer(self, notice_id: str, draft: NoticeDraft) -> Notice:
        """
        Answer a notice: it goes to whoever sent it, and ends the task.

        Raises
        ------
        NotFoundError
            When there is no such notice.
        InvalidInputError
            When nobody is named, nothing was done, or the day is over.
        ConflictError
            When it was answered or settled before.
        """
        asked = self._notices.get(notice_id)
        if not asked.is_open:
            raise ConflictError("この対応連絡は、もう済んでいます")
        chart = self._charts.get(asked.chart_id)
        to = asked.from_side, asked.from_desk
        sender = asked.side, asked.desk
        return self._sent(chart, draft, to=to, sender=sender, answers_id=notice_id)

    def _sent(
        self,
        chart: CaseChart,
        draft: NoticeDraft,
        *,
        to: tuple[NoticeSide, str],
        sender: tuple[NoticeSide, str],
        answers_id: str = "",
    ) -> Notice:
        now = self._clock.now().astimezone(self._rules.timezone)
        if draft.act_by is not None and draft.act_by < now.date():
            raise InvalidInputError("act_by", "期限が過ぎた日です")
        placement = chart.placement
        notice = Notice(
            id=new_id(),
            chart_id=chart.id,
            sender=self._name(chart, sender),
            who=draft.who.strip(),
            side=to[0],
            desk=to[1],
            from_side=sender[0],
            from_desk=sender[1],
            sent_at=now,
            done=draft.done.strip(),
            next_step=draft.next_step.strip(),
            next_by=draft.next_by.strip(),
            act_by=draft.act_by,
            ward_code=chart.ward_code,
            district_id=placement.district_id if placement else "",
            answers_id=answers_id,
        )
        name = self._name(chart, to)
        entry = ChartEntry(
            at=now,
            who=notice.who,
            kind=EntryKind.NOTICE,
            text=f"{notice.sender}から{name}へ。{notice_in_words(notice)}",
            about=name,
        )
        self._notices.send(notice, entry)
        return notice

    def read(self, notice_id: str, *, who: str) -> Notice:
        """
        Mark a notice as read; the task behind it stays.

        Raises
        ------
        NotFoundError
            When there is no such notice.
        InvalidInputError
            When nobody is named.
        """
        _require_name(who)
        at = self._clock.now()
        return self._notices.mark_read(notice_id, by=who.strip(), at=at)

    def settle(self, notice_id: str, *, who: str, note: str = "") -> Notice:
        """
        End the task of a notice without an answer: it was done.

        Raises
        ------
        NotFoundError
            When there is no such notice.
        InvalidInputError
            When nobody is named.
        ConflictError
            When it was answered or settled before.
        """
        _require_name(who)
        require_length("note", note, MAX_LINE)
        notice, at = self._notices.get(notice_id), self._clock.now()
        chart = self._charts.get(notice.chart_id)
        name = self._name(chart, (notice.side, notice.desk))
        text = f"{name}が{notice.sender}の対応連絡を済みとした"
        if note.strip():
            text = f"{text}。{note.strip()}"
        entry = ChartEntry(
            at=at, who=who.strip(), kind=EntryKind.NOTICE, text=text, about=name
        )
        return self._notices.settle(notice_id, by=who.strip(), at=at, entry=entry)

    def addressee(self, notice: Notice) -> str:
        """Name of whom a notice is for."""
        return self.name_of(notice.side, notice.desk, notice.ward_code)

    def name_of(self, side: NoticeSide, desk: str, ward_code: str) -> str:
        """Name of a ward's officer, an office or a receiver, as of today."""
        if side is NoticeSide.WARD:
            return f"{self._rules.ward_names.get(ward_code, '')}{OFFICER}"
        if side is NoticeSide.OFFICE:
            day = self._clock.now().astimezone(self._rules.timezone).date()
            return self._rules.office_name(desk, day)
        return desk

    def holder_name(self, chart: CaseChart) -> str:
        """Name of who has a chart and may be written to; empty while nobody has it."""
        try:
            return self._name(chart, self._holder(chart))
        except ConflictError:
            return ""

    def _holder(self, chart: CaseChart) -> tuple[NoticeSide, str]:
        """Whoever serves a chart: the receiver that has it, else the works office."""
        if chart.receiver and chart.status is not ChartStatus.RETURNED:
            return NoticeSide.RECEIVER, chart.receiver
        if chart.assignment is not None:
            return NoticeSide.OFFICE, chart.assignment.office_id
        message = f"{chart.number}: 担当する事務所がまだ決まっていません"
        raise ConflictError(message)

    def _name(self, chart: CaseChart, side: tuple[NoticeSide, str]) -> str:
        return self.name_of(*side, chart.ward_code)


def notice_in_words(notice: Notice) -> str:
    """Tell what was done, what is next, who does it and by when, in one line."""
    parts = [f"したこと: {notice.done}"]
    if notice.next_step:
        by = f"({notice.next_by})" if notice.next_by else ""
        parts.append(f"次にすること: {notice.next_step}{by}")
    if notice.act_by is not None:
        parts.append(f"期限: {notice.act_by:%Y-%m-%d}")
    return "。".join(parts)


def _require_name(who: str) -> None:
    require_length("who", who, MAX_NAME)
    if not who.strip():
        raise InvalidInputError("who", "担当者の名前を入れてください")
