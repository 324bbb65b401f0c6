"""Closures in words for people: rows of the page, the same for Excel."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from api.wording import CLOSURE_REASON_TEXT, deadline_text
from dispatch.domain.closure import Closure, ClosureShape, in_force
from dispatch.domain.explain import clock_text
from geodata.city import CityProfile
from geodata.roads.service import ClosedRoads

SHAPE_TEXT = {ClosureShape.STRETCH: "区間", ClosureShape.AREA: "区域"}
FIELD_TEXT = {
    "name": "名前(場所)",
    "shape": "区間か区域か",
    "places": "地点",
    "reason": "理由",
    "note": "備考",
    "starts_at": "いつから",
    "ends_at": "いつまで",
    "windows": "毎日の時間帯",
    "who": "担当者",
}
CSV_HEADER = (
    "登録",
    "登録者",
    "名前",
    "種類",
    "理由",
    "始まり",
    "終わり",
    "毎日の時間帯",
    "開庁日だけ",
    "解除",
    "解除者",
    "備考",
    "地点(緯度 経度)",
)
# A spreadsheet reckons with what begins so; some take full-width signs for plain ones.
FORMULA = re.compile(r"[\s'\"]*[=+\-@＝＋－＠]")
KILOMETRE_M = 1_000


class ClosureState(StrEnum):
    """What a closure does at this moment."""

    IN_FORCE = "in_force"
    PAUSED = "paused"  # outside its hours or working days
    TO_COME = "to_come"
    OVER = "over"


STATE_TEXT = {
    ClosureState.IN_FORCE: "規制中",
    ClosureState.PAUSED: "時間外",
    ClosureState.TO_COME: "これから",
    ClosureState.OVER: "終了",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosureRow:
    """
    A closure as one row of a table.

    Parameters
    ----------
    left
        あと2時間 until it ends, or begins; 解除するまで when nobody knows.
    starts, ends
        Day and time without the year: those of what is not over are near.
    made, lifted
        Date with its year, and time.
    """

    closure: Closure
    state: ClosureState
    starts: str
    ends: str
    left: str
    hours: str
    made: str
    lifted: str


class DateWords(Protocol):
    """How the city's offices write days and times (`api.pictures.Pictures`)."""

    def date_text(self, day: dt.date) -> str:
        """Date with its year."""
        ...

    def short_date(self, day: dt.date) -> str:
        """Month and day."""
        ...

    def moment_text(self, moment: dt.datetime) -> str:
        """Month, day and time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClosureView:
    """
    Words about closures at one moment.

    Parameters
    ----------
    dates
        The city's way of writing them.
    profile
        Its time zone and working days.
    now
        Aware.
    """

    dates: DateWords
    profile: CityProfile
    now: dt.datetime

    @property
    def timezone(self) -> dt.tzinfo:
        """The city's."""
        return self.profile.timezone

    def is_over(self, closure: Closure) -> bool:
        """Whether it has ended or was lifted."""
        over_at = closure.over_at
        return over_at is not None and over_at.astimezone(dt.UTC) <= self.now

    def is_in_force(self, closure: Closure) -> bool:
        """Whether it holds at this moment."""
        today = self.now.astimezone(self.timezone).date()
        return in_force(
            closure,
            self.now,
            timezone=self.timezone,
            is_working_day=self.profile.hours.is_working_day(today),
        )

    def state(self, closure: Closure) -> ClosureState:
        """Whether a closure holds now, will, did, or pauses."""
        if self.is_over(closure):
            return ClosureState.OVER
        if self.is_in_force(closure):
            return ClosureState.IN_FORCE
        if closure.is_current(self.now):
            return ClosureState.PAUSED
        return ClosureState.TO_COME

    def row(self, closure: Closure) -> ClosureRow:
        """Words of a row."""
        state = self.state(closure)
        ends_at = closure.ends_at
        if state is ClosureState.OVER:
            left = ""
        elif state is ClosureState.TO_COME:
            left = f"{self._left(closure.starts_at)}で始まります"
        elif ends_at is None:
            left = "解除するまで"
        else:
            left = self._left(ends_at)
        return ClosureRow(
            closure=closure,
            state=state,
            starts=self.dates.moment_text(closure.starts_at),
            ends="" if ends_at is None else self._end_text(ends_at),
            left=left,
            hours=hours_text(closure),
            made=self._dated(closure.made_at),
            lifted=self._dated(closure.lifted_at),
        )

    def as_csv(self, closures: Iterable[Closure]) -> str:
        """Table of closures for Excel; what a person wrote never reckons there."""
        target = io.StringIO()
        writer = csv.writer(target, lineterminator="\r\n")
        writer.writerow(CSV_HEADER)
        for closure in closures:
            writer.writerow(plain_cell(text) for text in self._cells(closure))
        return target.getvalue()

    def _cells(self, closure: Closure) -> tuple[str, ...]:
        return (
            self._sortable(closure.made_at),
            closure.made_by,
            closure.name,
            SHAPE_TEXT[closure.shape],
            CLOSURE_REASON_TEXT[closure.reason],
            self._sortable(closure.starts_at),
            self._sortable(closure.ends_at) or "解除するまで",
            window_text(closure),
            "はい" if closure.working_days_only else "",
            self._sortable(closure.lifted_at),
            closure.lifted_by,
            closure.note,
            "; ".join(f"{place.lat:.6f} {place.lon:.6f}" for place in closure.places),
        )

    def _left(self, moment: dt.datetime) -> str:
        """あと2時間, without the time in brackets: the exact one stands beside it."""
        return deadline_text(moment, self.now, self.timezone).partition("(")[0]

    def _end_text(self, ends_at: dt.datetime) -> str:
        """Midnight ends the day before: 24日 24:00, not 25日 0:00."""
        local = ends_at.astimezone(self.timezone)
        if local.time() != dt.time():
            return self.dates.moment_text(local)
        day = local.date() - dt.timedelta(days=1)
        return f"{self.dates.short_date(day)} 24:00"

    def _dated(self, moment: dt.datetime | None) -> str:
        """Date with its year, and time: a history goes back over years."""
        if moment is None:
            return ""
        local = moment.astimezone(self.timezone)
        day = self.dates.date_text(local.date())
        return f"{day} {local.hour}:{local.minute:02d}"

    def _sortable(self, moment: dt.datetime | None) -> str:
        """Time as a spreadsheet reads and sorts it."""
        if moment is None:
            return ""
        return f"{moment.astimezone(self.timezone):%Y-%m-%d %H:%M}"


def hours_text(closure: Closure) -> str:
    """Hours of the day and days, 毎日7:30〜8:30; 終日 for a closure without a pause."""
    days = "開庁日" if closure.working_days_only else "毎日"
    windows = window_text(closure)
    if windows:
        return f"{days} {windows}"
    return "開庁日 終日" if closure.working_days_only else "終日"


def window_text(closure: Closure) -> str:
    """Hours of the day, 7:30〜8:30、14:30〜16:00; empty for all of it."""
    return "、".join(
        f"{clock_text(window.start_s)}〜{clock_text(window.end_s)}"
        for window in closure.windows
    )


def roads_text(roads: ClosedRoads | None) -> str:
    """How many roads would be shut and how long they are; None without road data."""
    if roads is None:
        return "道路データがないため、閉まる道路は確かめられません"
    metres = roads.length_m
    length = (
        f"{metres:,}m" if metres < KILOMETRE_M else f"{metres / KILOMETRE_M:,.1f}km"
    )
    return f"道路{len(roads.lines)}区間・計{length}を閉めます"


def plain_cell(text: str) -> str:
    """Cell that no spreadsheet takes for a formula."""
    return f"'{text}" if FORMULA.match(text) else text
