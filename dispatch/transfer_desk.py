"""Use cases of transfers (移管): send, accept, return, hand on, withdraw, finish."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from dispatch.domain.case_chart import CaseChart, ChartEntry, EntryKind
from dispatch.domain.catalogue import Catalogue, ResponseUnit
from dispatch.domain.chart_clocks import responded
from dispatch.domain.consultation import MAX_LINE, MAX_NAME, require_length
from dispatch.domain.deadlines import OfficeHours, due_after
from dispatch.domain.errors import ConflictError, InvalidInputError, NotFoundError
from dispatch.domain.legal_acts import acted_on
from dispatch.domain.life_cycle import Act, ChartStatus
from dispatch.domain.receivers import FoundReceiver, Receivers
from dispatch.domain.referral import (
    RECEPTION,
    HandOver,
    called_back,
    handed_over,
    is_with_receiver,
)
from dispatch.domain.transfer import Transfer, TransferState
from dispatch.ports import Charts, Clock

CHOSEN = "職員が選んだ窓口"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRules:
    """What the city has decided: who takes what, and how long each side has."""

    catalogue: Catalogue
    hours: OfficeHours
    timezone: dt.tzinfo
    receivers: Receivers = field(default_factory=Receivers)
    office_name: Callable[[str, dt.date], str] = lambda office_id, _day: office_id


class TransferDesk:
    """
    Moves charts between us and the desks that take them over.

    Parameters
    ----------
    charts
        Store of charts.
    clock
        Time of the entries, and from which both sides' clocks run.
    rules
        The city's rules.
    """

    def __init__(self, charts: Charts, clock: Clock, rules: TransferRules) -> None:
        self._charts = charts
        self._clock = clock
        self._rules = rules

    @property
    def rules(self) -> TransferRules:
        """The city's rules, for those who show them."""
        return self._rules

    def proposed(self, chart: CaseChart) -> FoundReceiver:
        """Who takes a chart of its category by the rule; nothing is stored."""
        category = self._rules.catalogue.get(chart.category_code)
        place = chart.placement.place if chart.placement else None
        return self._rules.receivers.receiver_for(
            category, chart.ward_code, self._now().date(), place
        )

    def send(
        self, chart_id: str, version: int, receiver_id: str, *, who: str, why: str
    ) -> CaseChart:
        """
        Send a chart of ours to a receiver; its clock to accept or return it starts.

        A legal hold goes on whoever has it. What goes to a desk that is off the map
        loses its position for good.

        Raises
        ------
        NotFoundError
            When there is no such chart.
        InvalidInputError
            When nobody or no reason is named, or no such receiver is open today.
        ConflictError
            When the chart has changed meanwhile, or a receiver has it already.
        """
        _require_word(who, why, "why", "移管の理由を入れてください")
        chart, now = self._read(chart_id, version)
        if is_with_receiver(chart):
            name = chart.transfers[-1].receiver
            raise ConflictError(f"{chart.number}: いま{name}にあります")
        return self._sent(chart, receiver_id, who=who, why=why, now=now)

    def hand_on(
        self,
        chart_id: str,
        version: int,
        transfer_id: str,
        receiver_id: str,
        *,
        who: str,
        why: str,
    ) -> CaseChart:
        """
        Send a chart from one receiver on to the next; the first stays a partner.

        Raises
        ------
        NotFoundError
            When there is no such chart or running transfer.
        InvalidInputError
            When nobody or no reason is named, no such receiver is open today, or it
            has the chart already.
        ConflictError
            When the chart has changed meanwhile, or the transfer is over.
        """
        _require_word(who, why, "why", "移管の理由を入れてください")
        chart, now = self._read(chart_id, version)
        _running(chart, transfer_id)
        return self._sent(chart, receiver_id, who=who, why=why, now=now)

    def _sent(
        self,
        chart: CaseChart,
        receiver_id: str,
        *,
        who: str,
        why: str,
        now: dt.datetime,
    ) -> CaseChart:
        receiver = self._rules.receivers.by_id(receiver_id, now.date())
        if receiver is None:
            problem = "その引継先は、いま開いている窓口の一覧にありません"
            raise InvalidInputError("receiver", problem)
        if is_with_receiver(chart) and chart.transfers[-1].receiver == receiver.name:
            raise InvalidInputError("receiver", "すでにその引継先にあります")
        proposed = self.proposed(chart)
        by_rule = proposed.name == receiver.name
        new = HandOver(
            sender=self._sender(chart),
            found=FoundReceiver(
                name=receiver.name,
                because=proposed.because if by_rule else CHOSEN,
                receiver=receiver,
                off_map=receiver.off_map,
            ),
            at=now,
            by=who.strip(),
            why=why.strip(),
            ward_code=chart.ward_code,
        )
        after = acted_on(chart, Act.REFER, at=now)
        after = handed_over(after, new, self._rules.receivers, self._rules.hours)
        text = f"{new.sender}から{receiver.name}へ移管。理由: {why.strip()}"
        return self._saved(after, EntryKind.TRANSFERRED, text, who, receiver.name)

    def _sender(self, chart: CaseChart) -> str:
        """Name the office that has a chart: a receiver, else ours, else who took it."""
        if is_with_receiver(chart) or chart.receiver:
            return chart.receiver
        if chart.assignment is not None:
            day = self._now().date()
            return self._rules.office_name(chart.assignment.office_id, day)
        return chart.consultation.desk or RECEPTION

    def accept(
        self, chart_id: str, version: int, transfer_id: str, *, who: str
    ) -> CaseChart:
        """
        Take what was sent: the receiver's clock is met, and the first response too.

        Raises
        ------
        NotFoundError
            When there is no such chart or running transfer.
        ConflictError
            When the chart has changed meanwhile, or it was accepted before.
        """
        _require_name(who)
        chart, now = self._read(chart_id, version)
        transfer = _running(chart, transfer_id)
        if transfer.state is TransferState.ACCEPTED:
            raise ConflictError(
                f"{chart.number}: {transfer.receiver}が受け取り済みです"
            )
        after = responded(_with(chart, _accepted(transfer, now, who)), at=now)
        after = replace(after, version=version + 1)
        text = f"{transfer.receiver}が受け取り"
        return self._saved(after, EntryKind.ACCEPTED, text, who, transfer.receiver)

    def send_back(
        self, chart_id: str, version: int, transfer_id: str, *, who: str, why: str
    ) -> CaseChart:
        """
        Return a chart with the reason; from now the sender has to act.

        Raises
        ------
        NotFoundError
            When there is no such chart or running transfer.
        InvalidInputError
            When nobody or no reason is named.
        ConflictError
            When the chart has changed meanwhile, or the transfer is over.
        """
        _require_word(who, why, "why", "差し戻す理由を入れてください")
        chart, now = self._read(chart_id, version)
        transfer = _running(chart, transfer_id)
        days = self._rules.receivers.return_working_days
        back = replace(
            transfer,
            state=TransferState.RETURNED,
            settled_at=transfer.settled_at or now,
            settled_by=transfer.settled_by or who.strip(),
            ended_at=now,
            return_reason=why.strip(),
            return_by=due_after(
                ResponseUnit.WORKING_DAYS, days, now, self._rules.hours
            ),
        )
        after = acted_on(chart, Act.RETURN, at=now)
        after = _with(replace(after, receiver=self._before(chart)), back)
        name = transfer.receiver
        text = f"{name}から{transfer.sender}へ差し戻し。理由: {why.strip()}"
        return self._saved(after, EntryKind.RETURNED, text, who, name)

    def withdraw(
        self, chart_id: str, version: int, transfer_id: str, *, who: str, why: str
    ) -> CaseChart:
        """
        Take back what was sent and not yet accepted; the sender has it again.

        Raises
        ------
        NotFoundError
            When there is no such chart or running transfer.
        InvalidInputError
            When nobody or no reason is named.
        ConflictError
            When the chart has changed meanwhile, or the receiver has accepted it.
        """
        _require_word(who, why, "why", "取り戻す理由を入れてください")
        chart, now = self._read(chart_id, version)
        transfer = _running(chart, transfer_id)
        if transfer.state is TransferState.ACCEPTED:
            message = f"{transfer.receiver}が受け取り済みなので、取り戻せません"
            raise ConflictError(f"{chart.number}: {message}")
        after = acted_on(chart, Act.RETURN, at=now)
        after = called_back(after, at=now, state=TransferState.WITHDRAWN)
        after = replace(after, receiver=self._before(chart))
        text = f"{transfer.receiver}への移管を取り戻し。理由: {why.strip()}"
        return self._saved(after, EntryKind.TRANSFERRED, text, who, transfer.receiver)

    def finish(
        self, chart_id: str, version: int, transfer_id: str, *, who: str, done: str
    ) -> CaseChart:
        """
        Write down what the receiver did; the work is over, the answer may be owed.

        Raises
        ------
        NotFoundError
            When there is no such chart or running transfer.
        InvalidInputError
            When nobody is named, or what was done is missing.
        ConflictError
            When the chart has changed meanwhile, the transfer is over, or the law
            still holds it.
        """
        _require_word(who, done, "done", "対応した内容を入れてください")
        chart, now = self._read(chart_id, version)
        transfer = _running(chart, transfer_id)
        if transfer.state is TransferState.SENT:
            transfer = _accepted(transfer, now, who)
        over = transfer.ended(TransferState.FINISHED, at=now, result=done.strip())
        after = responded(acted_on(chart, Act.COMPLETE, at=now), at=now)
        after = replace(_with(after, over), work_done_at=now)
        text = f"{transfer.receiver}が対応: {done.strip()}"
        return self._saved(after, EntryKind.MOVED, text, who, str(Act.COMPLETE))

    def _before(self, chart: CaseChart) -> str:
        """Receiver that has the chart again after its last transfer failed, if any."""
        *earlier, last = chart.transfers
        return last.sender if any(t.receiver == last.sender for t in earlier) else ""

    def _read(self, chart_id: str, version: int) -> tuple[CaseChart, dt.datetime]:
        chart = self._charts.get(chart_id)
        chart.require_version(version)
        return chart, self._now()

    def _now(self) -> dt.datetime:
        return self._clock.now().astimezone(self._rules.timezone)

    def _saved(
        self, after: CaseChart, kind: EntryKind, text: str, who: str, about: str
    ) -> CaseChart:
        at = self._clock.now()
        entry = ChartEntry(at=at, who=who.strip(), kind=kind, text=text, about=about)
        self._charts.save_all([(after, (entry,))])
        return after


def _running(chart: CaseChart, transfer_id: str) -> Transfer:
    """Transfer of an id, which must be the one that runs."""
    known = {one.id for one in chart.transfers}
    if transfer_id not in known:
        raise NotFoundError("transfer", transfer_id)
    last = chart.transfers[-1]
    if (
        last.id != transfer_id
        or not last.is_with_receiver
        or chart.status is not ChartStatus.REFERRED
    ):
        raise ConflictError(f"{chart.number}: この移管は終わっています")
    return last


def _accepted(transfer: Transfer, now: dt.datetime, who: str) -> Transfer:
    return replace(
        transfer,
        state=TransferState.ACCEPTED,
        settled_at=now,
        settled_by=who.strip(),
    )


def _with(chart: CaseChart, transfer: Transfer) -> CaseChart:
    """Chart with its last transfer changed."""
    return replace(chart, transfers=(*chart.transfers[:-1], transfer))


def _require_name(who: str) -> None:
    require_length("who", who, MAX_NAME)
    if not who.strip():
        raise InvalidInputError("who", "担当者の名前を入れてください")


def _require_word(who: str, words: str, field: str, problem: str) -> None:
    _require_name(who)
    require_length(field, words, MAX_LINE)
    if not words.strip():
        raise InvalidInputError(field, problem)
