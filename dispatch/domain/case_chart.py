"""The shared case chart (情報共有カルテ): one consultation and all that befell it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from dispatch.domain.assignment import Assignment
from dispatch.domain.catalogue import Duty, Urgency, WorkCategory
from dispatch.domain.consultation import Consultation
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.placing import Placement
from dispatch.domain.site_conditions import NO_CONDITIONS, SiteConditions


class ChartStatus(StrEnum):
    """Where a chart stands (状態)."""

    RECEIVED = "received"  # 受付
    UNPLACED = "unplaced"  # 場所の確認待ち
    ASSIGNED = "assigned"  # 振分済
    REFERRED = "referred"  # 移管
    PLANNED = "planned"  # 計画済
    ON_HOLD = "on_hold"  # 保留(法定待機)
    DONE = "done"  # 現場完了


NOT_DONE = tuple(status for status in ChartStatus if status is not ChartStatus.DONE)

# One table that code and docs share: from each status, the statuses that may follow.
ARROWS: Mapping[ChartStatus, frozenset[ChartStatus]] = MappingProxyType(
    {
        ChartStatus.RECEIVED: frozenset(
            {
                ChartStatus.UNPLACED,
                ChartStatus.ASSIGNED,
                ChartStatus.REFERRED,
                ChartStatus.ON_HOLD,
            }
        ),
        ChartStatus.UNPLACED: frozenset(
            {
                ChartStatus.UNPLACED,
                ChartStatus.ASSIGNED,
                ChartStatus.REFERRED,
                ChartStatus.ON_HOLD,
            }
        ),
        ChartStatus.ASSIGNED: frozenset(
            {ChartStatus.ASSIGNED, ChartStatus.PLANNED, ChartStatus.DONE}
        ),
        ChartStatus.ON_HOLD: frozenset({ChartStatus.ASSIGNED, ChartStatus.ON_HOLD}),
        ChartStatus.PLANNED: frozenset(
            {ChartStatus.ASSIGNED, ChartStatus.PLANNED, ChartStatus.DONE}
        ),
        ChartStatus.REFERRED: frozenset(),
        ChartStatus.DONE: frozenset(),
    }
)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartEntry:
    """One line of the history: when, who, what, why. Appended, never edited."""

    at: dt.datetime
    who: str
    kind: EntryKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseChart:
    """
    A consultation's chart. `version` rises with every change (optimistic lock).

    `id` is opaque and may be printed (QR code); `number` is the office's running
    number (年度-区-連番). `due_at` is the first-response deadline.
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

    @property
    def is_open(self) -> bool:
        """Whether work on it is still owed by us."""
        return self.status not in {ChartStatus.DONE, ChartStatus.REFERRED}

    @property
    def is_mappable(self) -> bool:
        """Whether the chart may be drawn: placed, no referral, not done."""
        placed = self.placement is not None and self.placement.is_placed
        done = self.status is ChartStatus.DONE
        return placed and not done and self.duty is not Duty.REFERRAL

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
            legal = ", ".join(sorted(ARROWS[self.status])) or "none"
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
