"""What the API takes and gives about a chart's life: acts, results, answers, lines."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel, Field

from api.schemas import Day, Strict
from api.wording import ACT_TEXT, STATUS_TEXT
from dispatch.domain.answer import Answer, AnswerKind
from dispatch.domain.case_chart import CaseChart, ChartEntry, ChartStatus, EntryKind
from dispatch.domain.consultation import MAX_DESCRIPTION, MAX_LINE, ContactMethod
from dispatch.domain.field_result import (
    MAX_MATERIALS,
    MAX_MINUTES,
    MAX_PIECES,
    FieldResult,
    UsedMaterial,
)
from dispatch.domain.legal_acts import LegalAct
from dispatch.domain.life_cycle import TABLE, Act, Way
from dispatch.domain.outcome import Outcome

MAX_WHO = 60


class WordIn(Strict):
    """Somebody's word about a chart at the version that was read."""

    version: int = Field(ge=1, description="of the chart as it was read")
    who: str = Field(min_length=1, max_length=MAX_WHO)


class ActIn(WordIn):
    """An act that moves the chart by a person's word."""

    act: Act
    why: str = Field("", max_length=MAX_LINE)


class PauseIn(WordIn):
    """Stop the clocks, or let them run on."""

    paused: bool
    why: str = Field("", max_length=MAX_LINE)


class CommentIn(WordIn):
    """A line for the history."""

    text: str = Field(min_length=1, max_length=MAX_LINE)


class MaterialIn(Strict):
    """A material and how much of it was used."""

    name: str = Field(min_length=1, max_length=120)
    amount: float = Field(gt=0, le=MAX_PIECES, allow_inf_nan=False)


class ResultIn(WordIn):
    """What a team found and did (現場結果)."""

    outcome: Outcome
    minutes: int | None = Field(None, ge=0, le=MAX_MINUTES)
    materials: list[MaterialIn] = Field(default_factory=list, max_length=MAX_MATERIALS)
    cause: str = Field("", max_length=MAX_LINE)
    occupant: str = Field("", max_length=MAX_LINE)
    contract_no: str = Field("", max_length=MAX_LINE)
    next_on: Day | None = None
    note: str = Field("", max_length=MAX_LINE)

    def to_result(self, *, at: dt.datetime, who: str) -> FieldResult:
        """Build the domain's value."""
        return FieldResult(
            at=at,
            who=who,
            outcome=self.outcome,
            minutes=self.minutes,
            materials=tuple(
                UsedMaterial(name=one.name, amount=one.amount) for one in self.materials
            ),
            cause=self.cause,
            occupant=self.occupant,
            contract_no=self.contract_no,
            next_on=self.next_on,
            note=self.note,
        )


class AnswerIn(WordIn):
    """What the resident was told (回答); `interim` tells of the delay only."""

    method: ContactMethod
    kind: AnswerKind
    text: str = Field(min_length=1, max_length=MAX_DESCRIPTION)
    interim: bool = False

    def to_answer(self, *, at: dt.datetime, who: str) -> Answer:
        """Build the domain's value."""
        return Answer(
            at=at,
            who=who,
            method=self.method,
            kind=self.kind,
            text=self.text,
            interim=self.interim,
        )


class SummaryIn(WordIn):
    """A summary to publish; it says nothing about a person."""

    summary: str = Field(min_length=1, max_length=MAX_DESCRIPTION)


class LegalActOut(BaseModel):
    """An act that leaves the chart's status; `obstacle` says why not now."""

    act: Act
    label: str
    target: ChartStatus
    way: Way
    needs_reason: bool
    obstacle: str

    @classmethod
    def from_domain(cls, one: LegalAct) -> LegalActOut:
        """Build the answer from a legal act."""
        arrow = one.arrow
        return cls(
            act=arrow.act,
            label=ACT_TEXT[arrow.act],
            target=arrow.target,
            way=arrow.way,
            needs_reason=arrow.needs_reason,
            obstacle=one.obstacle,
        )


class EntryOut(BaseModel):
    """
    A line of the history, for programs: no words of people, who may name anybody.

    `about` says what it is about: an office, an outcome, an act, a receiver.
    """

    at: dt.datetime
    kind: EntryKind
    about: str
    status: ChartStatus | None

    @classmethod
    def from_domain(cls, entry: ChartEntry) -> EntryOut:
        """Build the answer from an entry."""
        return cls(at=entry.at, kind=entry.kind, about=entry.about, status=entry.status)


class ClocksOut(BaseModel):
    """The four clocks: when each is due, when it was met, whether they stand still."""

    first_response_due_at: dt.datetime | None
    responded_at: dt.datetime | None
    field_due_at: dt.datetime | None
    work_done_at: dt.datetime | None
    answer_due_at: dt.datetime | None
    answered_at: dt.datetime | None
    interim_due_at: dt.datetime | None
    is_paused: bool

    @classmethod
    def from_domain(cls, chart: CaseChart) -> ClocksOut:
        """Build the answer from a chart."""
        return cls(
            first_response_due_at=chart.due_at,
            responded_at=chart.responded_at,
            field_due_at=chart.field_due_at,
            work_done_at=chart.work_done_at,
            answer_due_at=chart.answer_due_at,
            answered_at=chart.answered_at,
            interim_due_at=chart.interim_due_at,
            is_paused=chart.is_paused,
        )


class ActsOut(BaseModel):
    """What may be done to a chart now, and its clocks."""

    number: str
    version: int
    status: ChartStatus
    clocks: ClocksOut
    acts: list[LegalActOut]


class HistoryOut(BaseModel):
    """All lines of a chart's history, oldest first."""

    number: str
    entries: list[EntryOut]


class StatusOut(BaseModel):
    """A status and its Japanese name."""

    status: ChartStatus
    label: str


class ArrowOut(BaseModel):
    """One row of the table of acts."""

    act: Act
    label: str
    sources: list[ChartStatus]
    target: ChartStatus
    way: Way
    needs_reason: bool
    only_urgent: bool


class LifeCycleOut(BaseModel):
    """The one table that moves every chart."""

    statuses: list[StatusOut]
    arrows: list[ArrowOut]

    @classmethod
    def make(cls) -> LifeCycleOut:
        """Build the answer from the table."""
        return cls(
            statuses=[
                StatusOut(status=one, label=STATUS_TEXT[one]) for one in ChartStatus
            ],
            arrows=[
                ArrowOut(
                    act=arrow.act,
                    label=ACT_TEXT[arrow.act],
                    sources=list(arrow.sources),
                    target=arrow.target,
                    way=arrow.way,
                    needs_reason=arrow.needs_reason,
                    only_urgent=arrow.only_urgent,
                )
                for arrow in TABLE
            ],
        )
