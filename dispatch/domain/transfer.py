"""Transfers (移管・引き継ぎ): who has the consultation now, and until when."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from enum import StrEnum


class TransferState(StrEnum):
    """Where a transfer stands."""

    SENT = "sent"  # 受け取り待ち
    ACCEPTED = "accepted"  # 受け取り済
    RETURNED = "returned"  # 差し戻し
    HANDED_ON = "handed_on"  # 次の窓口へ回した
    WITHDRAWN = "withdrawn"  # 取り戻し
    FINISHED = "finished"  # 対応済


# Somebody other than we has it: its clock or its work runs.
WITH_RECEIVER = frozenset({TransferState.SENT, TransferState.ACCEPTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """
    One hand-over between two offices, with a clock on both sides.

    `receiver` names the office that shall take it. `accept_by` runs for the receiver
    until it accepts or returns; after a return `return_by` runs for the sender.
    The receiver had it from `sent_at` until `ended_at`, and knew so from `settled_at`,
    when it accepted or returned. `chosen_because` says by which rule the receiver was
    found, `why` what the sender wrote. `ward_code` is the ward whose matter it is,
    where it is known; it holds no position. `result` is what the receiver did.
    """

    id: str
    sender: str
    receiver: str
    state: TransferState
    sent_at: dt.datetime
    why: str = ""
    accept_by: dt.datetime | None = None
    settled_at: dt.datetime | None = None
    return_reason: str = ""
    return_by: dt.datetime | None = None
    ward_code: str = ""
    chosen_because: str = ""
    sent_by: str = ""
    settled_by: str = ""
    ended_at: dt.datetime | None = None
    result: str = ""

    @property
    def is_with_receiver(self) -> bool:
        """Whether the receiver has it, accepted or not."""
        return self.state in WITH_RECEIVER

    @property
    def due_at(self) -> dt.datetime | None:
        """Until when somebody has to act: receiver while sent, sender once returned."""
        if self.state is TransferState.SENT:
            return self.accept_by
        return self.return_by if self.state is TransferState.RETURNED else None

    def ended(
        self, state: TransferState, *, at: dt.datetime, result: str = ""
    ) -> Transfer:
        """Return the transfer as it ended: handed on, withdrawn or finished."""
        return replace(self, state=state, ended_at=at, result=result)
