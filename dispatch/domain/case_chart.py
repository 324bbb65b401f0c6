"""The shared case chart (情報共有カルテ): one consultation and all that befell it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from enum import StrEnum

from dispatch.domain.answer import Answer
from dispatch.domain.assignment import Assignment
from dispatch.domain.catalogue import Duty, Urgency, WorkCategory
from dispatch.domain.consultation import Consultation
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.field_result import FieldResult
from dispatch.domain.life_cycle import ARROWS, NOT_DONE, WORK_OVER, ChartStatus
from dispatch.domain.placing import Placement
from dispatch.domain.scheme import Scheme
from dispatch.domain.site_conditions import NO_CONDITIONS, SiteConditions
from dispatch.domain.transfer import Transfer
from dispatch.domain.triage import TriageReply

__all__ = [
    "ARROWS",
    "NOT_DONE",
    "CaseChart",
    "ChartEntry",
    "ChartStatus",
    "EntryKind",
    "Pause",
    "hold_end",
    "urgency_of",
]


class EntryKind(StrEnum):
    """What kind of thing a history entry records."""

    RECEIVED = "received"
    PLACED = "placed"
    UNPLACED = "unplaced"
    ASSIGNED = "assigned"
    REFERRED = "referred"
    OVERRIDDEN = "overridden"
    PLANNED = "planned"
    LEFT_OUT = "left_out"
    PRINTED = "printed"
    OUTCOME = "outcome"
    CONDITIONS = "conditions"
    MOVED = "moved"  # an act by a person's word; `about` names it
    CLASSED = "classed"  # category, urgency or scheme set anew
    TRIAGED = "triaged"
    COMMENT = "comment"
    PAUSED = "paused"
    RESUMED = "resumed"
    ANSWERED = "answered"
    INTERIM = "interim"
    PUBLISHED = "published"
    TRANSFERRED = "transferred"  # `about` names the receiver
    ACCEPTED = "accepted"
    RETURNED = "returned"
    NOTICE = "notice"  # 地域の声対応連絡
    SPLIT = "split"
    MERGED = "merged"
    PHOTO = "photo"
    REVEALED = "revealed"
    ERASED = "erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartEntry:
    """
    One line of the history: when, who, what, why. Appended, never edited.

    `about` says for programs what the line is about: a works office, an outcome, an
    act, a receiver, another chart; never anything of a person. `status` is where the
    chart stood after it; the store fills it in.
    """

    at: dt.datetime
    who: str
    kind: EntryKind
    text: str
    about: str = ""
    status: ChartStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A time in which the clocks stand still: somebody else has to act first."""

    start_at: dt.datetime
    why: str
    end_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseChart:
    """
    A consultation's chart. `version` rises with every change (optimistic lock).

    `id` is opaque and may be printed (QR code); `number` is the office's running
    number (年度-区-連番). Four clocks run apart: `due_at` for the first response,
    `field_due_at` for the work on site, `answer_due_at` and `interim_due_at` for the
    resident's answer and word of its delay; `responded_at`, `work_done_at` and
    `answered_at` are when they were met. `reasons_due_at` is when the reasons of an
    emergency that set out first are owed. `category_code` is the staff's, where it
    differs from the caller's. `parent_id` names the chart of the same call whose
    topics were split, `duplicate_of` the chart that one visit was merged into.
    """

    id: str
    number: str
    version: int
    status: ChartStatus
    duty: Duty
    urgency: Urgency
    consultation: Consultation
    placement: Placement | None = None
    assignment: Assignment | None = None
    receiver: str = ""
    due_at: dt.datetime | None = None
    hold_until: dt.date | None = None
    conditions: SiteConditions = NO_CONDITIONS
    scheme: Scheme = Scheme.REPORT
    reclassed_code: str = ""
    triage: tuple[TriageReply, ...] = ()
    field_due_at: dt.datetime | None = None
    answer_due_at: dt.datetime | None = None
    interim_due_at: dt.datetime | None = None
    responded_at: dt.datetime | None = None
    work_done_at: dt.datetime | None = None
    answered_at: dt.datetime | None = None
    pauses: tuple[Pause, ...] = ()
    results: tuple[FieldResult, ...] = ()
    answers: tuple[Answer, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    partners: tuple[str, ...] = ()
    parent_id: str = ""
    duplicate_of: str = ""
    related_ids: tuple[str, ...] = ()
    reopened: int = 0
    reasons_due_at: dt.datetime | None = None

    @property
    def category_code(self) -> str:
        """Category that the work goes by: the staff's word over the caller's."""
        return self.reclassed_code or self.consultation.category_code

    @property
    def ward_code(self) -> str:
        """Ward of its place, else of its last transfer; empty while nobody knows."""
        if self.placement is not None:
            return self.placement.ward_code
        return self.transfers[-1].ward_code if self.transfers else ""

    @property
    def is_paused(self) -> bool:
        """Whether its clocks stand still."""
        return any(pause.end_at is None for pause in self.pauses)

    @property
    def is_open(self) -> bool:
        """Whether work on it is still owed by us."""
        return self.status not in WORK_OVER | {ChartStatus.REFERRED}

    @property
    def is_mappable(self) -> bool:
        """Whether the chart may be drawn: placed, no referral, work still owed."""
        placed = self.placement is not None and self.placement.is_placed
        over = self.status in WORK_OVER
        return placed and not over and self.duty is not Duty.REFERRAL

    def moved(self, status: ChartStatus) -> CaseChart:
        """Return the chart in another status, one version on; see `in_status`."""
        return replace(self.in_status(status), version=self.version + 1)

    def in_status(self, status: ChartStatus) -> CaseChart:
        """
        Return the chart in another status.

        Raises
        ------
        ConflictError
            When no arrow leads there; the message names the legal ones.
        """
        if status not in ARROWS[self.status]:
            legal = ", ".join(sorted(ARROWS[self.status]))
            message = f"{self.number}: {self.status} → {status} not allowed ({legal})"
            raise ConflictError(message)
        return replace(self, status=status)

    def at_version(self, version: int) -> CaseChart:
        """Return the chart at a version; several moves that are stored as one."""
        return replace(self, version=version)

    def require_version(self, version: int) -> None:
        """
        Refuse a change to a chart that was read at another version.

        Raises
        ------
        ConflictError
            When somebody was faster.
        """
        if self.version != version:
            raise ConflictError(self.stale_message, current=self.version)

    @property
    def stale_message(self) -> str:
        """What a person is told whose change came too late."""
        return f"{self.number}: ほかの人が先に変更しました。開き直してください"


def urgency_of(category: WorkCategory, raised: Urgency | None) -> Urgency:
    """Urgency of a consultation: a caller may raise the catalogue's, never lower it."""
    if raised is None or category.duty is Duty.REFERRAL:
        return category.urgency
    return min(category.urgency, raised, key=lambda urgency: urgency.rank)


def hold_end(category: WorkCategory, consultation: Consultation) -> dt.date | None:
    """
    First day on which a tagged thing may be removed, if a hold applies.

    Raises
    ------
    InvalidInputError
        When the tag is dated after the consultation was received.
    """
    if category.hold_days == 0 or consultation.tagged_on is None:
        return None
    if consultation.tagged_on > consultation.received_at.date():
        raise InvalidInputError("tagged_on", "エフの取付日が受付日より後です")
    return consultation.tagged_on + dt.timedelta(days=category.hold_days)
