"""What the API takes and gives about transfers and notices; nobody's words go out."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel, Field

from api.life_cycle_schemas import WordIn
from api.schemas import Day, Strict, TransferOut
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.catalogue import Urgency
from dispatch.domain.consultation import MAX_LINE, MAX_NAME
from dispatch.domain.notice import Notice, NoticeSide, NoticeState
from dispatch.notice_desk import NoticeDraft

MAX_WHO = 60
MAX_RECEIVER = 60


class ReasonIn(WordIn):
    """A word that needs a reason."""

    why: str = Field(min_length=1, max_length=MAX_LINE)


class SendIn(ReasonIn):
    """Where a chart goes; the receiver is named by its id in the city's table."""

    receiver: str = Field(max_length=MAX_RECEIVER, examples=["water"])


class FinishIn(WordIn):
    """What the receiver did."""

    done: str = Field(min_length=1, max_length=MAX_LINE)


class QueuedOut(BaseModel):
    """A chart in a queue of transfers."""

    chart_id: str
    number: str
    version: int
    category: str
    urgency: Urgency
    ward_code: str
    due_at: dt.datetime | None
    transfer: TransferOut

    @classmethod
    def from_domain(cls, chart: CaseChart) -> QueuedOut:
        """Build the answer from a chart whose last transfer is in a queue."""
        last = chart.transfers[-1]
        return cls(
            chart_id=chart.id,
            number=chart.number,
            version=chart.version,
            category=chart.category_code,
            urgency=chart.urgency,
            ward_code=chart.ward_code,
            due_at=last.due_at,
            transfer=TransferOut.from_domain(last),
        )


class QueueOut(BaseModel):
    """A queue of transfers: how many there are, and the first of them."""

    count: int
    transfers: list[QueuedOut]


class NoticesAsked(Strict):
    """Which notices a list shows; what is empty does not limit."""

    state: NoticeState = NoticeState.UNREAD
    ward: str = Field("", max_length=16)
    district: str = Field("", max_length=40)
    desk: str = Field("", max_length=120)


class NoticeIn(Strict):
    """What was done, what comes next, by whom and by when (対応連絡)."""

    chart_id: str = Field(max_length=16)
    to: NoticeSide = Field(
        NoticeSide.WARD,
        description="`ward`: the officer of the chart's school district; any other: "
        "whoever has the chart",
    )
    who: str = Field(min_length=1, max_length=MAX_WHO)
    done: str = Field(min_length=1, max_length=MAX_LINE)
    next_step: str = Field("", max_length=MAX_LINE)
    next_by: str = Field("", max_length=MAX_NAME)
    act_by: Day | None = None

    def to_draft(self, *, who: str) -> NoticeDraft:
        """Build what the desk takes."""
        return NoticeDraft(
            who=who,
            done=self.done,
            next_step=self.next_step,
            next_by=self.next_by,
            act_by=self.act_by,
        )


class ReadIn(Strict):
    """Who has read a notice."""

    who: str = Field(min_length=1, max_length=MAX_WHO)


class NoticeOut(BaseModel):
    """A notice: from whom, for whom, by when; its words are on the chart's page."""

    id: str
    chart_id: str
    sender: str
    side: NoticeSide
    desk: str
    ward_code: str
    district_id: str
    sent_at: dt.datetime
    act_by: dt.date | None
    answers_id: str
    read_at: dt.datetime | None
    settled_at: dt.datetime | None

    @classmethod
    def from_domain(cls, one: Notice) -> NoticeOut:
        """Build the answer from a notice."""
        return cls(**{name: getattr(one, name) for name in cls.model_fields})


class NoticesOut(BaseModel):
    """A list of notices: how many there are, and the first of them."""

    count: int
    notices: list[NoticeOut]
