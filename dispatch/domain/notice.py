"""Notices (地域の声対応連絡): what was done, what comes next, by whom and by when."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum

from dispatch.domain.chart_query import EVERYTHING, Reach
from dispatch.domain.consultation import MAX_LINE, MAX_NAME, require_length
from dispatch.domain.errors import InvalidInputError


class NoticeSide(StrEnum):
    """Whose queue a notice is in."""

    WARD = "ward"  # 区の地域担当(校区担当)
    OFFICE = "office"  # 工営所
    RECEIVER = "receiver"  # 引継先の窓口


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """
    One notice about a chart between those who serve and the ward's officer.

    It re-opens the task of whom it is for: the task stays until the notice is
    answered or settled, whether it was read or not. `side` and `desk` name whom it is
    for: an office's id or a receiver's name; empty for the ward, which is `ward_code`,
    with `district_id` for the officer of the school district. `from_side` and
    `from_desk` name in the same way whom an answer goes to; `sender` is their name.
    `done`, `next_step` and `next_by` are what was done, what is next, and who does it
    by `act_by`. `answers_id` is the notice that this one answers.

    Raises
    ------
    InvalidInputError
        When nobody is named, nothing is said, or a text is too long.
    """

    id: str
    chart_id: str
    sender: str
    who: str
    side: NoticeSide
    sent_at: dt.datetime
    done: str
    desk: str = ""
    from_side: NoticeSide = NoticeSide.WARD
    from_desk: str = ""
    ward_code: str = ""
    district_id: str = ""
    next_step: str = ""
    next_by: str = ""
    act_by: dt.date | None = None
    answers_id: str = ""
    read_at: dt.datetime | None = None
    read_by: str = ""
    settled_at: dt.datetime | None = None
    settled_by: str = ""
    answered_by_id: str = ""

    def __post_init__(self) -> None:
        for name in ("who", "sender", "next_by"):
            require_length(name, getattr(self, name), MAX_NAME)
        for name in ("done", "next_step"):
            require_length(name, getattr(self, name), MAX_LINE)
        if not self.who.strip():
            raise InvalidInputError("who", "担当者の名前を入れてください")
        if not self.done.strip():
            raise InvalidInputError("done", "したことを入れてください")

    @property
    def is_unread(self) -> bool:
        """Whether nobody has read it; what was answered was read."""
        return self.read_at is None and self.settled_at is None

    @property
    def is_open(self) -> bool:
        """Whether the task behind it is still to do."""
        return self.settled_at is None


class NoticeState(StrEnum):
    """Which notices a list shows."""

    UNREAD = "unread"
    OPEN = "open"  # read or not, not settled
    SETTLED = "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeQuery:
    """Filter of a list of notices; what is empty does not limit."""

    state: NoticeState | None = NoticeState.UNREAD
    side: NoticeSide | None = None
    ward_code: str = ""
    district_id: str = ""
    desk: str = ""
    reach: Reach = field(default=EVERYTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeCount:
    """How many notices are unread and open for one ward, office or receiver."""

    side: NoticeSide
    desk: str
    ward_code: str
    unread: int
    open: int


def in_reach(notice: Notice, reach: Reach) -> bool:
    """Whether a notice is for somebody whose charts a reach names."""
    if reach.is_unlimited:
        return True
    if notice.side is NoticeSide.WARD:
        nobodys = reach.without_ward and not notice.ward_code
        return nobodys or notice.ward_code in reach.ward_codes
    if notice.side is NoticeSide.OFFICE:
        return notice.desk in reach.office_ids
    return notice.desk in reach.receivers
