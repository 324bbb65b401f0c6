"""Transfers and notices as pages show them: clocks, choices, rows, files for Excel."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fastapi import Request

from api.acting import actor_of, can, chart_where
from api.notice_access import notice_reach
from api.pictures import Pictures
from api.wiring import Services
from api.wording import URGENCY_TEXT, deadline_text, moment_text
from dispatch.domain.access import Action
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.legal_acts import acts_now
from dispatch.domain.life_cycle import Act
from dispatch.domain.notice import Notice, in_reach
from dispatch.domain.receivers import FoundReceiver, Receiver
from dispatch.domain.referral import is_with_receiver
from dispatch.domain.transfer import Transfer, TransferState

STATE_TEXT = {
    TransferState.SENT: "受け取り待ち",
    TransferState.ACCEPTED: "受け取り済",
    TransferState.RETURNED: "差し戻し",
    TransferState.HANDED_ON: "次へ回した",
    TransferState.WITHDRAWN: "取り戻した",
    TransferState.FINISHED: "対応済",
}
QUEUE_STATES = (TransferState.SENT, TransferState.RETURNED, TransferState.ACCEPTED)
CSV_HEADINGS = (
    *("番号", "緊急度", "分類", "区", "送った所", "引継先", "状態"),
    *("送った日時", "期限", "受け取った日時"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverGroup:
    """Receivers of one kind, to choose from."""

    kind: str
    receivers: tuple[Receiver, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRow:
    """
    A notice with its chart and the name of whom it is for.

    `is_mine` tells that it is for who asks, who may read, answer and settle it.
    """

    notice: Notice
    chart: CaseChart
    addressee: str
    is_late: bool
    is_mine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOverView:
    """What a chart's page shows of transfers and notices, and what may be done."""

    running: Transfer | None
    last: Transfer | None
    proposed: FoundReceiver | None
    groups: tuple[ReceiverGroup, ...]
    may_send: bool
    may_settle: bool
    may_withdraw: bool
    may_write: bool
    clock: str
    is_late: bool
    holder: str
    ward_officer: str
    writes_to_ward: bool
    notices: tuple[NoticeRow, ...]


def hand_over_view(
    request: Request, services: Services, chart: CaseChart
) -> HandOverView:
    """Look up who has a chart, until when, and what who asks may do about it."""
    zone = services.profile.timezone
    now = services.clock.now().astimezone(zone)
    where = chart_where(services, chart)
    running = chart.transfers[-1] if is_with_receiver(chart) else None
    last = chart.transfers[-1] if chart.transfers else None
    may_refer = can(request, Action.REFER, where)
    takes = running is not None and can(request, Action.ACCEPT_TRANSFER, where)
    is_legal = any(
        one.arrow.act is Act.REFER and not one.obstacle
        for one in acts_now(chart, at=now)
    )
    may_send = is_legal and running is None and may_refer
    desk = services.hand_over.notices
    due_at = last.due_at if last is not None else None
    ward = services.profile.ward_named(chart.ward_code)
    return HandOverView(
        running=running,
        last=last,
        proposed=services.hand_over.transfers.proposed(chart) if may_send else None,
        groups=_groups(services, now.date()) if may_send or takes else (),
        may_send=may_send,
        may_settle=takes,
        may_withdraw=(
            running is not None and running.state is TransferState.SENT and may_refer
        ),
        may_write=can(request, Action.COMMENT, where),
        clock=deadline_text(due_at, now, zone) if due_at is not None else "",
        is_late=due_at is not None and due_at < now,
        holder=desk.holder_name(chart),
        ward_officer=f"{ward.name if ward else ''}地域担当",
        writes_to_ward=not actor_of(request).ward_codes,
        notices=tuple(notice_rows(request, desk.notices.of_chart(chart.id))),
    )


def _groups(services: Services, day: dt.date) -> tuple[ReceiverGroup, ...]:
    """Receivers that are open on a day, by kind, in the table's order."""
    kinds: dict[str, list[Receiver]] = {}
    for one in services.hand_over.transfers.rules.receivers.open_on(day):
        kinds.setdefault(one.kind, []).append(one)
    return tuple(
        ReceiverGroup(kind=kind, receivers=tuple(found))
        for kind, found in kinds.items()
    )


def notice_rows(request: Request, notices: Iterable[Notice]) -> list[NoticeRow]:
    """Give notices their charts and names."""
    services: Services = request.app.state.services
    notices, mine = list(notices), notice_reach(request)
    may_read = can(request, Action.READ_NOTICES)
    today = services.clock.now().astimezone(services.profile.timezone).date()
    charts = services.store.get_many(one.chart_id for one in notices)
    return [
        NoticeRow(
            notice=one,
            chart=charts[one.chart_id],
            addressee=services.hand_over.notices.addressee(one),
            is_late=one.is_open and one.act_by is not None and one.act_by < today,
            is_mine=may_read and in_reach(one, mine),
        )
        for one in notices
    ]


def transfers_csv(
    charts: Sequence[CaseChart], services: Services, pictures: Pictures
) -> bytes:
    """Write a queue for Excel; nobody's words are in it."""
    zone = services.profile.timezone
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(CSV_HEADINGS)
    for chart in charts:
        last = chart.transfers[-1]
        ward = services.profile.ward_named(chart.ward_code)
        writer.writerow(
            (
                chart.number,
                f"{chart.urgency} {URGENCY_TEXT[chart.urgency]}",
                pictures.category_name(chart),
                ward.name if ward else "",
                last.sender,
                last.receiver,
                STATE_TEXT[last.state],
                moment_text(last.sent_at, zone),
                moment_text(last.due_at, zone),
                moment_text(last.settled_at, zone),
            )
        )
    return target.getvalue().encode("utf-8-sig")  # Excel wants the mark
