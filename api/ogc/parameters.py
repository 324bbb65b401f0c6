"""Parameters of the feature service, read strictly: a slip is told, never guessed."""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from api.ogc.reference import STORED, ReferenceSystem, ReferenceSystems
from dispatch.domain.place import BoundingBox

DEFAULT_LIMIT = 10
MAX_LIMIT = 10_000
MAX_CHARS = 1_000  # of one parameter; the longest honest one is a box
EVERYWHERE = frozenset({"f", "api_key"})
OF_ITEM = EVERYWHERE | {"crs"}
OF_ITEMS = OF_ITEM | {"limit", "bbox", "bbox-crs", "datetime", "cursor"}
OPEN_END = frozenset({"", ".."})
# Before and after, nothing is recorded; times nearer to the end of the calendar
# cannot be written in every time zone.
FIRST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
LAST = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
STEP = dt.timedelta(microseconds=1)  # of the times in the store

WHOLE = re.compile(r"[0-9]{1,18}")
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
# A plus that was not escaped arrives as a space.
MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}):([0-9]{2})(\.[0-9]{1,20})?"
    r"([Zz]|[+\- ][0-2][0-9]:[0-5][0-9])"
)
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
LEAP_SECOND = 60
BAD_CURSOR = "次のページのリンクにある値をそのまま使ってください"
FLAT, UPRIGHT = 4, 6  # numbers of a box without and with heights


class ParameterError(ValueError):
    """A parameter that the service does not know or cannot read; answered with 400."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        self.problem = problem
        super().__init__(f"{name}: {problem}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A time span, both ends included, in UTC; an end may be open."""

    start: dt.datetime | None = None
    end: dt.datetime | None = None

    def meets(self, start: dt.datetime, end: dt.datetime) -> bool:
        """Whether another span, both ends included, has a moment in common."""
        return (self.end is None or start <= self.end) and (
            self.start is None or end >= self.start
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemsQuery:
    """Which features are asked for, and how they are to be written."""

    limit: int = DEFAULT_LIMIT
    after: tuple[str, ...] | None = None
    boxes: tuple[BoundingBox, ...] = ()
    interval: Interval | None = None
    filters: Mapping[str, str] = field(default_factory=dict)
    crs: ReferenceSystem = STORED


def given(pairs: Sequence[tuple[str, str]], allowed: Collection[str]) -> dict[str, str]:
    """
    Parameters by name.

    Raises
    ------
    ParameterError
        For a name that is not allowed, one that comes twice, or too long a value.
    """
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in allowed:
            # The name came from outside; it is not repeated.
            known = ", ".join(sorted(allowed))
            raise ParameterError("query", f"知らない項目です。使えるもの: {known}")
        if name in found:
            raise ParameterError(name, "2回以上書かれています")
        if len(value) > MAX_CHARS:
            raise ParameterError(name, f"{MAX_CHARS}文字までです")
        found[name] = value
    return found


def read_format(text: str | None) -> bool:
    """Whether the form is named; there is only one."""
    if text not in {None, "json"}:
        raise ParameterError("f", "json だけです")
    return text is not None


def read_limit(text: str | None) -> int:
    """Read how many features a page has; more than the most is the most."""
    if text is None:
        return DEFAULT_LIMIT
    if WHOLE.fullmatch(text) is None or int(text) < 1:
        raise ParameterError("limit", f"1から{MAX_LIMIT}までの整数です")
    return min(int(text), MAX_LIMIT)


def read_crs(name: str, uri: str | None, systems: ReferenceSystems) -> ReferenceSystem:
    """Find a reference system by its name; the stored one where none is named."""
    if uri is None:
        return STORED
    system = systems.by_uri.get(uri)
    if system is None:
        raise ParameterError(name, f"使えるもの: {', '.join(systems.uris)}")
    return system


def read_boxes(
    text: str | None, system: ReferenceSystem, systems: ReferenceSystems
) -> tuple[BoundingBox, ...]:
    """Boxes in degrees; none where the whole city is asked for."""
    if text is None:
        return ()
    words = [word.strip() for word in text.split(",")]
    if len(words) not in {FLAT, UPRIGHT} or not all(map(NUMBER.fullmatch, words)):
        raise ParameterError("bbox", "数を4つ(高さがあれば6つ)並べてください")
    numbers = [float(word) for word in words]
    if not all(map(math.isfinite, numbers)):
        raise ParameterError("bbox", "大きすぎる数があります")
    if len(numbers) == UPRIGHT:
        if numbers[2] > numbers[5]:
            raise ParameterError("bbox", "高さの下限が上限より上です")
        numbers = [*numbers[:2], *numbers[3:5]]  # nothing here has a height
    west, south, east, north = numbers
    try:
        return systems.boxes((west, south, east, north), system)
    except ValueError as problem:
        raise ParameterError("bbox", str(problem)) from problem


def read_interval(text: str | None, timezone: dt.tzinfo) -> Interval | None:
    """Moment, day, or span of time; None where all times are asked for."""
    if text is None:
        return None
    words = text.split("/")
    if len(words) == 1:
        return _span(words[0], timezone)
    if len(words) != 2 or all(word in OPEN_END for word in words):  # noqa: PLR2004 - start and end
        raise ParameterError("datetime", "日時、または 開始/終了(開いた端は ..)です")
    first, last = words
    start = None if first in OPEN_END else _span(first, timezone).start
    end = None if last in OPEN_END else _span(last, timezone).end
    if start is not None and end is not None and start > end:
        raise ParameterError("datetime", "終わりが始まりより前です")
    return Interval(start=start, end=end)


def read_day(name: str, text: str) -> dt.date:
    """Day of the calendar."""
    if DAY.fullmatch(text) is None:
        raise ParameterError(name, "2026-11-24 の形の日付です")
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise ParameterError(name, "暦にない日付です") from None
    return min(max(day, FIRST.date()), LAST.date())


def day_span(day: dt.date, timezone: dt.tzinfo) -> Interval:
    """First and last moment of a day of the city."""
    start = dt.datetime.combine(day, dt.time(), timezone).astimezone(dt.UTC)
    after = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), timezone)
    return Interval(start=start, end=after.astimezone(dt.UTC) - STEP)


def _span(text: str, timezone: dt.tzinfo) -> Interval:
    if DAY.fullmatch(text) is not None:
        return day_span(read_day("datetime", text), timezone)
    at = _moment(text)
    return Interval(start=at, end=at)


def _moment(text: str) -> dt.datetime:
    """Moment of RFC 3339, which always tells its offset, in UTC."""
    parts = MOMENT.fullmatch(text)
    if parts is None:
        problem = "2026-11-24T09:00:00+09:00 の形の日時です(RFC 3339)"
        raise ParameterError("datetime", problem)
    day, clock, second, fraction, offset = parts.groups()
    is_leap = int(second) == LEAP_SECOND
    offset = "+00:00" if offset in "Zz" else offset.replace(" ", "+")
    written = f"{day}T{clock}:{'59' if is_leap else second}{(fraction or '')[:7]}"
    try:
        at = dt.datetime.fromisoformat(f"{written}{offset}")
        at = at.astimezone(dt.UTC) + dt.timedelta(seconds=is_leap)
    except ValueError:
        raise ParameterError("datetime", "暦にない日時です") from None
    except OverflowError:  # in the first or the last hours that there are
        return FIRST if day.startswith("0001") else LAST
    return min(max(at, FIRST), LAST)


def cursor_of(key: Sequence[str]) -> str:
    """Write where a page ended, for the link to the next one."""
    text = json.dumps(list(key), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def read_cursor(text: str | None, length: int) -> tuple[str, ...] | None:
    """Where a page ended, of so many parts; None at the beginning."""
    if text is None:
        return None
    problem = ParameterError("cursor", BAD_CURSOR)
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        raise problem from None
    is_key = isinstance(key, list) and len(key) == length
    if not is_key or not all(isinstance(part, str) for part in key):
        raise problem
    return tuple(key)
