"""The form that shuts a road: what was typed, and what the dispatcher means by it."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Self

from starlette.datastructures import FormData

from api.closure_schemas import clock_seconds, places_in_city
from dispatch.closure_desk import NewClosure
from dispatch.domain.closure import ClosureReason, ClosureShape, DailyWindow
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import BoundingBox
from dispatch.domain.team import DAY_S

NUM_WINDOWS = 2  # to school and home again; the API takes more
TWO_HOURS = dt.timedelta(hours=2)
# Any separator that people type between the two, in the order of every map's pop-up.
LAT_LON = re.compile(
    r"([-+]?[0-9]{1,3}(?:\.[0-9]{1,15})?)[\s,、]+([-+]?[0-9]{1,3}(?:\.[0-9]{1,15})?)"
)
CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9]")

TODAY, TWO_HOURS_ON, UNTIL_LIFTED, GIVEN = "today", "two_hours", "lifted", "given"
UNTIL_TEXT = {
    TODAY: "今日いっぱい",
    TWO_HOURS_ON: "2時間",
    UNTIL_LIFTED: "解除するまで",
    GIVEN: "日時を決める",
}
EMPTY = {"shape": str(ClosureShape.STRETCH), "until": TODAY}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosureForm:
    """
    What was typed, kept as it was: a refused form comes back with it.

    Parameters
    ----------
    values
        Single fields by name, without surrounding spaces.
    windows
        Beginning and end of each daily window, `NUM_WINDOWS` of them.
    """

    values: dict[str, str]
    windows: tuple[tuple[str, str], ...]

    @classmethod
    def empty(cls) -> Self:
        """Form as a page first shows it."""
        return cls(values=dict(EMPTY), windows=(("", ""),) * NUM_WINDOWS)

    @classmethod
    def read(cls, form: FormData) -> Self:
        """Take what a browser sent; what is missing counts as left empty."""
        starts, ends = (
            [str(text).strip() for text in form.getlist(name)][:NUM_WINDOWS]
            for name in ("window_start", "window_end")
        )
        blank = [""] * NUM_WINDOWS
        pairs = zip([*starts, *blank], [*ends, *blank], strict=False)
        return cls(
            values={name: str(text).strip() for name, text in form.items()},
            windows=tuple(pairs)[:NUM_WINDOWS],
        )

    @property
    def who(self) -> str:
        """Who fills it in."""
        return self.values.get("who", "")

    def for_preview(self) -> Self:
        """Form as it may be looked at: why a road is shut need not be chosen yet."""
        reason = self.values.get("reason") or str(ClosureReason.OTHER)
        return replace(self, values={**self.values, "reason": reason})

    def to_new(
        self, *, now: dt.datetime, timezone: dt.tzinfo, bounds: BoundingBox
    ) -> NewClosure:
        """
        Turn what was typed into domain values.

        Parameters
        ----------
        now
            Aware; what 今から, 今日いっぱい and 2時間 are counted from.
        timezone
            Of the city: times are typed by its clocks.
        bounds
            Of the city: points lie inside.

        Raises
        ------
        InvalidInputError
            For what cannot be read or lies outside the city, naming the field and, of
            a point, its line.
        """
        shape, reason = self.values.get("shape"), self.values.get("reason")
        if shape not in set(ClosureShape):
            raise InvalidInputError("shape", "区間か区域かを選んでください")
        if reason not in set(ClosureReason):
            raise InvalidInputError("reason", "規制の理由を選んでください")
        starts_at = self._moment("starts_at", timezone)
        return NewClosure(
            name=self.values.get("name", ""),
            shape=ClosureShape(shape),
            places=places_in_city(lon_lats(self.values.get("places", "")), bounds),
            reason=ClosureReason(reason),
            note=self.values.get("note", ""),
            starts_at=starts_at,
            ends_at=self._end(now, starts_at or now, timezone),
            windows=tuple(sorted(self._windows(), key=lambda w: w.start_s)),
            working_days_only=self.values.get("working_days_only") == "1",
        )

    def _end(
        self, now: dt.datetime, starts_at: dt.datetime, timezone: dt.tzinfo
    ) -> dt.datetime | None:
        until = self.values.get("until", "")
        given = self._moment("ends_at", timezone)
        if until == GIVEN:
            if given is None:
                raise InvalidInputError("ends_at", "終わりの日時を入れてください")
            return given
        if given is not None:
            # Silently one or the other would shut a road too long, or too short.
            problem = f"日時どおりに終えるには「{UNTIL_TEXT[GIVEN]}」を選んでください"
            raise InvalidInputError("ends_at", problem)
        if until == TODAY:
            tomorrow = now.astimezone(timezone).date() + dt.timedelta(days=1)
            return dt.datetime.combine(tomorrow, dt.time(), timezone)
        if until == TWO_HOURS_ON:
            # In UTC: two hours of the road's time, whatever clocks do meanwhile.
            return starts_at.astimezone(dt.UTC) + TWO_HOURS
        if until == UNTIL_LIFTED:
            return None
        raise InvalidInputError("ends_at", "いつまで閉めるかを選んでください")

    def _moment(self, field: str, timezone: dt.tzinfo) -> dt.datetime | None:
        """Time of a `datetime-local` field, which tells no zone: the city's."""
        text = self.values.get(field, "")
        if not text:
            return None
        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError:
            problem = "日時を読めません(例: 2026-11-24T09:05)"
            raise InvalidInputError(field, problem) from None
        return moment.replace(tzinfo=timezone) if moment.tzinfo is None else moment

    def _windows(self) -> list[DailyWindow]:
        windows = []
        for start, end in self.windows:
            if not (start or end):
                continue
            if not (CLOCK.fullmatch(start) and CLOCK.fullmatch(end)):
                problem = (
                    "時間帯は始めと終わりの両方を入れてください(例: 7:30 から 8:30)"
                )
                raise InvalidInputError("windows", problem)
            # A clock field has no 24:00; as an end, 0:00 can mean nothing else.
            end_s = clock_seconds(end) or DAY_S
            windows.append(DailyWindow(start_s=clock_seconds(start), end_s=end_s))
        return windows


def lon_lats(text: str) -> list[tuple[float, float]]:
    """
    Read points, one a line, latitude first; full-width digits count as digits.

    Longitude comes first from here on.
    """
    pairs = []
    lines = [line for line in text.splitlines() if line.strip()]
    for at, line in enumerate(lines, start=1):
        found = LAT_LON.fullmatch(unicodedata.normalize("NFKC", line).strip())
        if found is None:
            problem = f"{at}番目の地点を読めません。「緯度, 経度」で入れてください"
            raise InvalidInputError("places", f"{problem}(例: 34.69375, 135.50218)")
        pairs.append((float(found.group(2)), float(found.group(1))))
    return pairs
