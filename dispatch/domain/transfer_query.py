"""What a queue of transfers asks for, and its counts by receiver."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from dispatch.domain.chart_query import EVERYTHING, Reach
from dispatch.domain.transfer import TransferState


class TransferOrder(StrEnum):
    """Order of a queue; what is equal goes by number."""

    DUE = "due"  # whose clock ends first; without one last
    SENT = "sent"  # oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferQuery:
    """
    Filter of the transfers that run or were returned; empty does not limit.

    `late_at` keeps those on which somebody should have acted before a moment.
    """

    state: TransferState | None = None
    receiver: str = ""
    ward_code: str = ""
    late_at: dt.datetime | None = None
    reach: Reach = EVERYTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverCount:
    """How many transfers one receiver has: to take, taken, sent back, and late."""

    receiver: str
    waiting: int = 0
    accepted: int = 0
    returned: int = 0
    late: int = 0
