"""Closures (通行規制): which roads are shut, why, and in which hours of a day."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from dispatch.domain.consultation import (
    MAX_LINE,
    MAX_NAME,
    require_aware,
    require_length,
)
from dispatch.domain.deadlines import wall_seconds
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.place import EARTH_RADIUS_M, LonLat
from dispatch.domain.team import DAY_S

MAX_PLACES = 200
MIN_AREA_M2 = 1.0  # smaller holds no road: the points lie on one line
METRES_PER_DEGREE = EARTH_RADIUS_M * math.pi / 180  # of latitude

Interval = tuple[int, int]  # seconds after midnight, [start, end)


class ClosureShape(StrEnum):
    """What the places of a closure describe."""

    STRETCH = "stretch"  # 区間: points along the road, first to last
    AREA = "area"  # 区域: corners of a ring

    @property
    def min_places(self) -> int:
        """Fewest places that describe it."""
        return 2 if self is ClosureShape.STRETCH else 3


class ClosureReason(StrEnum):
    """Why a road is shut (規制の理由)."""

    FLOOD = "flood"  # 冠水
    WORKS = "works"  # 工事
    ACCIDENT = "accident"  # 事故
    DAMAGE = "damage"  # 損傷
    SCHOOL_HOURS = "school_hours"  # 通学時間帯
    OTHER = "other"  # その他


class ClosureEntryKind(StrEnum):
    """What kind of thing an entry of a closure's history records."""

    MADE = "made"
    LIFTED = "lifted"


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyWindow:
    """
    A part of each day, seconds after midnight, `end_s` not included.

    One that passes midnight is told as two.
    """

    start_s: int
    end_s: int

    def __post_init__(self) -> None:
        if not 0 <= self.start_s < self.end_s <= DAY_S:
            problem = (
                "規制の時間帯は0:00〜24:00の中で、終わりを始めより後にしてください"
                "(夜をまたぐときは二つに分けます)"
            )
            raise InvalidInputError("windows", problem)


ALL_DAY = DailyWindow(start_s=0, end_s=DAY_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """
    Roads that may not be used from one moment until another, or until lifted.

    `windows` limits it to hours of each day (none: all day), `working_days_only` to
    working days (開庁日). `version` rises with every change (optimistic lock).

    Parameters
    ----------
    places
        Along the road, or the corners of the ring in turn, the first not repeated at
        the end; at most `MAX_PLACES`.
    starts_at, ends_at
        Aware, whole seconds, `ends_at` not included; without it, until lifted.
    lifted_at
        When a person ended it, before or after its beginning.

    Raises
    ------
    InvalidInputError
        When a time is naive or has fractions of a second, the end is not after the
        start, the windows overlap, a text is too long or missing, or the places
        describe no stretch or area.
    """

    id: str
    name: str
    shape: ClosureShape
    places: tuple[LonLat, ...]
    reason: ClosureReason
    starts_at: dt.datetime
    made_at: dt.datetime
    made_by: str
    note: str = ""
    ends_at: dt.datetime | None = None
    windows: tuple[DailyWindow, ...] = ()
    working_days_only: bool = False
    lifted_at: dt.datetime | None = None
    lifted_by: str = ""
    version: int = 1

    def __post_init__(self) -> None:
        require_name("name", self.name, "規制の名前(場所)を入れてください")
        require_length("note", self.note, MAX_LINE)
        require_name("made_by", self.made_by, "担当者の名前を入れてください")
        _require_times(self)
        _require_windows(self.windows)
        _require_places(self.shape, self.places)
        if self.lifted_at is not None:
            require_name("lifted_by", self.lifted_by, "担当者の名前を入れてください")
        elif self.lifted_by:
            raise InvalidInputError("lifted_at", "解除した日時がありません")

    @property
    def over_at(self) -> dt.datetime | None:
        """First moment after it: its end, or its lifting if that came before."""
        known = [end for end in (self.ends_at, self.lifted_at) if end is not None]
        return min(known, key=_utc, default=None)

    def is_current(self, at: dt.datetime) -> bool:
        """Whether a moment lies between beginning and end, hours of the day aside."""
        # Compared in UTC: two times of one zone would be compared by their clocks,
        # which tell one hour twice when summer time ends.
        moment, over_at = _utc(at), self.over_at
        return _utc(self.starts_at) <= moment and (
            over_at is None or moment < _utc(over_at)
        )

    def require_version(self, version: int) -> None:
        """
        Refuse a change to a closure that was read at another version.

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
        return "この通行規制はほかの人が先に変更しました。開き直してください"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosureEntry:
    """One line of a closure's history and the closure as it stood after it."""

    at: dt.datetime
    who: str
    kind: ClosureEntryKind
    closure: Closure


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedDay:
    """
    What is shut in the rest of one day: all along, and in some hours only.

    Parameters
    ----------
    whole
        Ids of the closures that hold until midnight without a pause.
    timed_ids
        Ids of those that hold in a part of the rest of the day.
    timed
        Ascending, disjoint hours in which at least one of `timed_ids` holds.
    """

    whole: frozenset[str] = frozenset()
    timed_ids: frozenset[str] = frozenset()
    timed: tuple[Interval, ...] = ()


def hours_on(
    closure: Closure, date: dt.date, *, timezone: dt.tzinfo, is_working_day: bool
) -> tuple[Interval, ...]:
    """
    Hours of a date in which a closure holds, by the clock on the wall.

    Parameters
    ----------
    closure
        Lifted or not.
    date
        In the city's time zone.
    timezone
        Of the city.
    is_working_day
        Whether the date is one.

    Returns
    -------
    tuple of (start, end)
        Seconds after midnight within [0, 86,400), the end not included; ascending,
        with a gap between any two.

    Notes
    -----
    In the hour that clocks tell twice when summer time ends, a second stands for two
    moments; the closure's bounds are then taken as the wall shows them.
    """
    if closure.working_days_only and not is_working_day:
        return ()
    over_at = closure.over_at
    first = wall_seconds(closure.starts_at, date, timezone)
    last = DAY_S if over_at is None else wall_seconds(over_at, date, timezone)
    hours = [(window.start_s, window.end_s) for window in closure.windows or (ALL_DAY,)]
    return _merged(_clipped(hours, first, last))


def in_force(
    closure: Closure, at: dt.datetime, *, timezone: dt.tzinfo, is_working_day: bool
) -> bool:
    """
    Whether a closure holds at a moment.

    Parameters
    ----------
    closure
        Lifted or not.
    at
        Aware.
    timezone
        Of the city.
    is_working_day
        Whether the moment's date in that zone is one.
    """
    if not closure.is_current(at):
        return False
    if closure.working_days_only and not is_working_day:
        return False
    second = wall_seconds(at, at.astimezone(timezone).date(), timezone)
    windows = closure.windows or (ALL_DAY,)
    return any(window.start_s <= second < window.end_s for window in windows)


def lifted(closure: Closure, *, at: dt.datetime, who: str) -> Closure:
    """
    Return the closure as ended by a person, one version on.

    It counts as lifted from the beginning of that second; one that has not begun is
    thereby called off.

    Raises
    ------
    ConflictError
        When it is lifted already, or over.
    """
    if closure.lifted_at is not None:
        message = "この通行規制はすでに解除されています"
        raise ConflictError(message)
    if closure.ends_at is not None and _utc(closure.ends_at) <= _utc(at):
        message = "この通行規制はすでに終わっています"
        raise ConflictError(message)
    return replace(
        closure,
        lifted_at=at.replace(microsecond=0),
        lifted_by=who,
        version=closure.version + 1,
    )


def entry_of(closure: Closure) -> ClosureEntry:
    """Entry of the history that this version of a closure came with."""
    if closure.lifted_at is None:
        at, who, kind = closure.made_at, closure.made_by, ClosureEntryKind.MADE
    else:
        at, who, kind = closure.lifted_at, closure.lifted_by, ClosureEntryKind.LIFTED
    return ClosureEntry(at=at, who=who, kind=kind, closure=closure)


def closed_day(
    closures: Iterable[Closure],
    date: dt.date,
    *,
    from_s: int,
    timezone: dt.tzinfo,
    is_working_day: bool,
) -> ClosedDay:
    """
    Part closures into those of the whole rest of a day and those of some hours.

    Parameters
    ----------
    closures
        Any; those that do not hold in the rest of the day are left out.
    date
        In the city's time zone.
    from_s
        Beginning of the rest, seconds after the date's midnight; a moment of an
        earlier day (negative) means the whole day, one of a later day nothing.
    timezone
        Of the city.
    is_working_day
        Whether the date is one.
    """
    rest = (max(0, from_s), DAY_S)
    whole: set[str] = set()
    timed_ids: set[str] = set()
    timed: list[Interval] = []
    for closure in closures:
        hours = hours_on(
            closure, date, timezone=timezone, is_working_day=is_working_day
        )
        left = _clipped(hours, *rest)
        if left == [rest]:
            whole.add(closure.id)
        elif left:
            timed_ids.add(closure.id)
            timed += left
    return ClosedDay(
        whole=frozenset(whole),
        timed_ids=frozenset(timed_ids),
        timed=_merged(timed),
    )


def require_name(field: str, text: str, problem: str) -> None:
    """
    Refuse a name that is blank, too long or holds control characters.

    Raises
    ------
    InvalidInputError
        With `problem` for a blank one.
    """
    require_length(field, text, MAX_NAME)
    if not text.strip():
        raise InvalidInputError(field, problem)


def _utc(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(dt.UTC)


def _clipped(hours: Iterable[Interval], first: int, last: int) -> list[Interval]:
    """Parts of the intervals that lie in [first, last)."""
    parts = [(max(first, start), min(last, end)) for start, end in hours]
    return [(start, end) for start, end in parts if start < end]


def _merged(hours: Iterable[Interval]) -> tuple[Interval, ...]:
    """Ascending intervals of the same seconds, with a gap between any two."""
    merged: list[Interval] = []
    for start, end in sorted(hours):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)


def _require_times(closure: Closure) -> None:
    """Refuse naive times, parts of seconds and an end that is not after the start."""
    require_aware("made_at", closure.made_at)
    for field, moment in (
        ("starts_at", closure.starts_at),
        ("ends_at", closure.ends_at),
        ("lifted_at", closure.lifted_at),
    ):
        if moment is None:
            continue
        require_aware(field, moment)
        if moment.microsecond:  # hours of a day are told in whole seconds
            raise InvalidInputError(field, "日時は秒までで指定してください")
    if closure.ends_at is not None and _utc(closure.ends_at) <= _utc(closure.starts_at):
        problem = "規制の終わりを始まりより後にしてください"
        raise InvalidInputError("ends_at", problem)


def _require_windows(windows: Sequence[DailyWindow]) -> None:
    """Refuse windows that overlap or are out of order."""
    if any(later.start_s < window.end_s for window, later in pairwise(windows)):
        problem = "規制の時間帯は早い順に、重ならないように並べてください"
        raise InvalidInputError("windows", problem)


def _require_places(shape: ClosureShape, places: Sequence[LonLat]) -> None:
    """Refuse places that describe no stretch, or no area."""
    if not shape.min_places <= len(places) <= MAX_PLACES:
        problem = f"地点は{shape.min_places}〜{MAX_PLACES}点で指定してください"
        raise InvalidInputError("places", problem)
    if any(place == following for place, following in pairwise(places)):
        raise InvalidInputError("places", "同じ地点が続いています")
    if shape is ClosureShape.STRETCH:
        return
    if places[0] == places[-1]:
        problem = "区域の最初の地点を最後に繰り返さないでください"
        raise InvalidInputError("places", problem)
    if _ring_area_m2(places) < MIN_AREA_M2:
        problem = "地点が一直線か、線が交わっていて、区域になっていません"
        raise InvalidInputError("places", problem)


def _ring_area_m2(ring: Sequence[LonLat]) -> float:
    """
    Area inside a ring, square metres, by the shoelace formula on a flat city.

    Measured from the first corner: with whole degrees the products would be so large
    that the area of a street is lost in their rounding.
    """
    origin = ring[0]
    east_m = METRES_PER_DEGREE * math.cos(math.radians(origin.lat))
    corners = [
        (
            (place.lon - origin.lon) * east_m,
            (place.lat - origin.lat) * METRES_PER_DEGREE,
        )
        for place in ring
    ]
    doubled = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise(corners))
    return abs(doubled) / 2  # the closing side touches the origin and adds nothing
