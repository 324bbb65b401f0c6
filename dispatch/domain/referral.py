"""Handing a chart over: its transfers before and after, and both sides' clocks."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from dispatch.domain.case_chart import CaseChart
from dispatch.domain.catalogue import Duty, ResponseUnit, Urgency
from dispatch.domain.deadlines import OfficeHours, due_after
from dispatch.domain.ids import new_id
from dispatch.domain.life_cycle import ChartStatus
from dispatch.domain.receivers import FoundReceiver, Receivers
from dispatch.domain.transfer import Transfer, TransferState

NO_PLACE = "(位置は記録しない)"
OVER = frozenset({ChartStatus.ANSWERED, ChartStatus.CLOSED})
RECEPTION = "受付"  # who sends what a rule passes on, where no desk is named


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """Who sends a chart to whom, when, by whose hand and why."""

    sender: str
    found: FoundReceiver
    at: dt.datetime
    by: str
    why: str = ""
    ward_code: str = ""


def handed_over(
    chart: CaseChart, new: HandOver, receivers: Receivers, hours: OfficeHours
) -> CaseChart:
    """
    Chart with one more transfer; who had it before has handed it on.

    What goes to a desk that is off the map loses its place and its position for good:
    neither a reopening nor a return brings them back. The status is the caller's
    affair.

    Parameters
    ----------
    new
        The hand-over; its moment is aware, in the city's zone.
    receivers
        The city's receivers, for the clock.
    hours
        Opening hours and calendar.
    """
    found = new.found
    transfer = Transfer(
        id=new_id(),
        sender=new.sender,
        receiver=found.name,
        state=TransferState.SENT,
        sent_at=new.at,
        sent_by=new.by,
        why=new.why,
        chosen_because=found.because,
        ward_code=new.ward_code,
        accept_by=accept_by(chart, new, receivers, hours),
    )
    before = called_back(chart, at=new.at, state=TransferState.HANDED_ON)
    partners = before.partners
    if is_with_receiver(chart) and chart.receiver not in partners:
        partners = (*partners, chart.receiver)  # sees what becomes of it
    after = replace(
        before,
        receiver=found.name,
        partners=partners,
        transfers=(*before.transfers, transfer),
    )
    if not found.off_map:
        return after
    said = after.consultation
    words = said.address_text or said.landmark_text
    # A consultation that came with nothing but a position must still say something.
    said = replace(
        said, position=None, landmark_text=said.landmark_text if words else NO_PLACE
    )
    return replace(after, duty=Duty.REFERRAL, placement=None, consultation=said)


def accept_by(
    chart: CaseChart, new: HandOver, receivers: Receivers, hours: OfficeHours
) -> dt.datetime:
    """Moment until which the receiver takes it or sends it back; soon for class S."""
    desk = new.found.receiver or receivers
    if chart.urgency is Urgency.S:
        minutes = desk.urgent_accept_min
        return due_after(ResponseUnit.MINUTES, minutes, new.at, hours)
    days = desk.accept_working_days
    return due_after(ResponseUnit.WORKING_DAYS, days, new.at, hours)


def called_back(
    chart: CaseChart, *, at: dt.datetime, state: TransferState
) -> CaseChart:
    """Chart whose running transfer has ended otherwise; the same if none runs."""
    if not is_with_receiver(chart):
        return chart
    *before, last = chart.transfers
    return replace(chart, transfers=(*before, last.ended(state, at=at)))


def is_with_receiver(chart: CaseChart) -> bool:
    """Whether its last transfer still runs."""
    return bool(chart.transfers) and chart.transfers[-1].is_with_receiver


def let_go(before: CaseChart, after: CaseChart, *, at: dt.datetime) -> CaseChart:
    """
    Chart whose transfer ends because somebody of ours has moved the chart on.

    An answer or the closing says that the receiver is done with it; anything else,
    such as a reopening, takes it back.
    """
    if before.status is not ChartStatus.REFERRED or after.status is before.status:
        return after
    state = TransferState.FINISHED if after.status in OVER else TransferState.WITHDRAWN
    return called_back(after, at=at, state=state)
