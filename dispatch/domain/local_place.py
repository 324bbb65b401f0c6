"""Local places (地点辞書): what a person settled about one way of writing a place."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from dispatch.domain.closure import require_name
from dispatch.domain.consultation import (
    MAX_LINE,
    require_aware,
    require_length,
)
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.place import LonLat

MAX_REASON = 200
MAX_TEXT = 2 * MAX_LINE + 1  # an address, a space, a landmark
# An index of PostgreSQL takes 2,704 bytes; 600 characters are 2,400 at most.
MAX_KEY = 600
MAX_WARD_CODE = 16
MAX_RADIUS_M = 5_000  # wider says no more than a ward
NO_NAME = "担当者の名前を入れてください"
NO_REASON = "理由を入れてください"
TAKEN = (
    "この書き方は、もう地点辞書にあります。"
    "違う地点にするときは、先にその項目を取り下げてください"
)
ALREADY_WITHDRAWN = "この項目は、もう取り下げられています"
NO_WORDS = "文字か数字のある地点の書き方を入れてください"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPlace:
    """
    An entry of the local gazetteer (地点辞書の項目).

    Parameters
    ----------
    key
        Normal form of `text`; equal keys are one way of writing.
    text
        The words of the place as they were written: address and landmark only.
    ward_code
        Ward that was stated beside the words; empty when none was.
    place, radius_m
        Where it is, and how far the true place may lie (1 to 5,000 m).
    label
        What people see.
    reason
        Why the place is there, in the words of the one who settled it.
    author, settled_at
        Who settled it and when (aware).
    chart_id
        Chart in which it came up; empty when none did.
    withdrawn_at, withdrawn_by, withdrawn_reason
        Set together when it was withdrawn: from then on it is not used.

    Raises
    ------
    InvalidInputError
        When a text is missing or too long, a time is naive, the radius is out of its
        range, or a withdrawal is half told or earlier than the settling.
    """

    id: str
    key: str
    text: str
    ward_code: str = ""
    place: LonLat
    radius_m: int
    label: str
    reason: str
    author: str
    settled_at: dt.datetime
    chart_id: str = ""
    withdrawn_at: dt.datetime | None = None
    withdrawn_by: str = ""
    withdrawn_reason: str = ""

    def __post_init__(self) -> None:
        _require_text("text", self.key, MAX_KEY, NO_WORDS)
        _require_text("text", self.text, MAX_TEXT, NO_WORDS)
        require_length("ward", self.ward_code, MAX_WARD_CODE)
        require_radius(self.radius_m)
        require_name("label", self.label, "地点の呼び名を入れてください")
        require_reason(self.reason)
        require_name("who", self.author, NO_NAME)
        require_aware("settled_at", self.settled_at)
        _require_withdrawal(self)

    @property
    def is_active(self) -> bool:
        """Whether it is used to place consultations."""
        return self.withdrawn_at is None


def withdrawn(entry: LocalPlace, *, at: dt.datetime, who: str, why: str) -> LocalPlace:
    """
    Return the entry as withdrawn (取り下げ).

    Raises
    ------
    ConflictError
        When it is withdrawn already.
    InvalidInputError
        When nobody or no reason is named.
    """
    if not entry.is_active:
        raise ConflictError(ALREADY_WITHDRAWN)
    require_name("who", who, NO_NAME)
    require_reason(why)
    return replace(entry, withdrawn_at=at, withdrawn_by=who, withdrawn_reason=why)


def written_place(address_text: str, landmark_text: str) -> str:
    """
    Join the words that say where a consultation is; what is settled is about all.

    An entry made from 津守2丁目 with 学校の南側 says nothing about 津守2丁目 alone.
    """
    return " ".join(filter(None, (address_text.strip(), landmark_text.strip())))


def require_radius(radius_m: int) -> None:
    """
    Refuse a radius below 1 m, or one that says no more than a ward.

    Raises
    ------
    InvalidInputError
        Naming the range.
    """
    if not 1 <= radius_m <= MAX_RADIUS_M:
        problem = f"誤差は1〜{MAX_RADIUS_M:,}mにしてください"
        raise InvalidInputError("radius_m", problem)


def require_reason(reason: str) -> None:
    """
    Refuse a blank or long reason.

    Raises
    ------
    InvalidInputError
        Naming the limit.
    """
    _require_text("reason", reason, MAX_REASON, NO_REASON)


def _require_text(field: str, text: str, limit: int, problem: str) -> None:
    require_length(field, text, limit)
    if not text.strip():
        raise InvalidInputError(field, problem)


def _require_withdrawal(entry: LocalPlace) -> None:
    if entry.withdrawn_at is None:
        if entry.withdrawn_by or entry.withdrawn_reason:
            raise InvalidInputError("withdrawn_at", "取り下げた日時がありません")
        return
    require_aware("withdrawn_at", entry.withdrawn_at)
    require_name("who", entry.withdrawn_by, NO_NAME)
    require_reason(entry.withdrawn_reason)
    if entry.withdrawn_at.astimezone(dt.UTC) < entry.settled_at.astimezone(dt.UTC):
        raise InvalidInputError("withdrawn_at", "取り下げが登録より前です")
