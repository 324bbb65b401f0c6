"""Statuses of charts in the words of GeoReport v2, and of its largest client."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from dispatch.domain.case_chart import ChartStatus


class State(StrEnum):
    """All that the protocol knows."""

    OPEN = "open"
    CLOSED = "closed"


class UpdateState(StrEnum):
    """What an update says: FixMyStreet's words, which others read as they are."""

    OPEN = "OPEN"
    INVESTIGATING = "INVESTIGATING"
    ACTION_SCHEDULED = "ACTION_SCHEDULED"
    IN_PROGRESS = "IN_PROGRESS"
    FIXED = "FIXED"
    CLOSED = "CLOSED"
    DUPLICATE = "DUPLICATE"
    NO_FURTHER_ACTION = "NO_FURTHER_ACTION"
    INTERNAL_REFERRAL = "INTERNAL_REFERRAL"
    FOR_TRIAGE = "FOR_TRIAGE"
    CANCELLED = "CANCELLED"
    REOPEN = "REOPEN"


UPDATE_STATES: Mapping[ChartStatus, UpdateState] = MappingProxyType(
    {
        ChartStatus.RECEIVED: UpdateState.OPEN,
        ChartStatus.UNPLACED: UpdateState.FOR_TRIAGE,
        ChartStatus.RETURNED: UpdateState.FOR_TRIAGE,
        ChartStatus.ASSIGNED: UpdateState.INVESTIGATING,
        ChartStatus.ACCEPTED: UpdateState.INVESTIGATING,
        ChartStatus.INSPECTION: UpdateState.INVESTIGATING,
        ChartStatus.ON_HOLD: UpdateState.ACTION_SCHEDULED,
        ChartStatus.PLANNED: UpdateState.ACTION_SCHEDULED,
        ChartStatus.AWAITING_REPAIR: UpdateState.ACTION_SCHEDULED,
        ChartStatus.UNDER_WAY: UpdateState.IN_PROGRESS,
        ChartStatus.MADE_SAFE: UpdateState.IN_PROGRESS,
        ChartStatus.REFERRED: UpdateState.INTERNAL_REFERRAL,
        ChartStatus.DONE: UpdateState.FIXED,
        ChartStatus.ANSWERED: UpdateState.FIXED,
        ChartStatus.CLOSED: UpdateState.CLOSED,
        ChartStatus.OBSERVED: UpdateState.NO_FURTHER_ACTION,
        ChartStatus.DECLINED: UpdateState.NO_FURTHER_ACTION,
        ChartStatus.DUPLICATE: UpdateState.DUPLICATE,
        ChartStatus.WITHDRAWN: UpdateState.CANCELLED,
    }
)
# The work that was asked for is over, one way or the other. "Moved to planned works"
# (AWAITING_REPAIR), a referral and a merged report are not: somebody still owes it.
CLOSED = frozenset(
    {
        ChartStatus.DONE,
        ChartStatus.ANSWERED,
        ChartStatus.CLOSED,
        ChartStatus.OBSERVED,
        ChartStatus.DECLINED,
        ChartStatus.WITHDRAWN,
    }
)


def state_of(status: ChartStatus) -> State:
    """Whether the work that was asked for is over."""
    return State.CLOSED if status in CLOSED else State.OPEN
