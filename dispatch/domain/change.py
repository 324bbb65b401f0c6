"""What other systems are told of a chart's change, and their place in the log."""

from __future__ import annotations

import datetime as dt
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

from dispatch.domain.case_chart import EntryKind
from dispatch.domain.errors import InvalidInputError

# That somebody looked at a resident's fields is for those who audit, not for others.
UNTOLD = frozenset({EntryKind.REVEALED})
TOLD = frozenset(EntryKind) - UNTOLD
MAX_CURSOR = 64
BAD_CURSOR = "このカーソルは使えません。afterを付けずに、はじめから読み直してください"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """
    One stored change of a chart; holds no words and no person.

    `position` counts in the order of storing, with gaps. `version` is None for changes
    of before the log was kept. `status` is where the chart stood after it.
    """

    position: int
    chart_id: str
    number: str
    version: int | None
    at: dt.datetime
    kinds: tuple[str, ...]
    status: str
    source: str
    external_id: str

    @property
    def told_kinds(self) -> tuple[str, ...]:
        """Kinds of what happened, as others may know them."""
        return tuple(kind for kind in self.kinds if kind not in UNTOLD)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeQuery:
    """Changes after a position; an empty `kinds` is all, a `source` of None any."""

    after: int = 0
    limit: int = 100
    kinds: frozenset[EntryKind] = frozenset()
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePage:
    """Changes in their order, and the position up to which everything was looked at."""

    changes: tuple[Change, ...]
    position: int
    has_more: bool


def fits(change: Change, *, kinds: frozenset[EntryKind], source: str) -> bool:
    """Whether a subscriber wants a change; an empty filter lets everything through."""
    told = change.told_kinds
    return (
        bool(told)
        and (not source or change.source == source)
        and (not kinds or not kinds.isdisjoint(told))
    )


def cursor_of(position: int, mark: str) -> str:
    """
    Opaque name of a position.

    Parameters
    ----------
    position
        Up to which everything is known.
    mark
        Of the store, so that another store's cursor is not taken for ours.
    """
    return urlsafe_b64encode(f"{position}.{mark}".encode()).decode().rstrip("=")


def position_of(cursor: str, *, mark: str, newest: int) -> int:
    """
    Position that a cursor names; 0, the beginning, for an empty one.

    Raises
    ------
    InvalidInputError
        When the cursor is none, is another store's, or is ahead of this store (which
        was put back from an older copy).
    """
    if not cursor:
        return 0
    try:
        text = urlsafe_b64decode(cursor[:MAX_CURSOR] + "=" * (-len(cursor) % 4))
        digits, _, own = text.decode("ascii").partition(".")
    except ValueError:
        raise InvalidInputError("after", BAD_CURSOR) from None
    if not (digits.isdecimal() and len(digits) < MAX_CURSOR // 2):
        raise InvalidInputError("after", BAD_CURSOR)
    position = int(digits)
    if position and (own != mark or position > newest):
        raise InvalidInputError("after", BAD_CURSOR)
    return position
