"""Files of a city profile: CSV rows and TOML values that know where they stand."""

from __future__ import annotations

import csv
import datetime as dt
import math
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.place import LonLat

PROVENANCE = ("source", "source_date", "confidence")
CONFIDENCE_MARKS = frozenset("SDHMLP")
SEPARATOR = "|"

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a table; `number` is its line, the header being line 1."""

    file: Path
    number: int
    values: Mapping[str, str]

    def error(self, column: str, problem: str) -> SourceError:
        """Error that names file, row and column."""
        return SourceError(f"{self.file}: row {self.number}, {column}: {problem}")

    def optional(self, column: str) -> str:
        """Text of a column, which may be empty."""
        return self.values[column]

    def if_there(self, column: str) -> str:
        """Text of a column that a table may leave out; empty when it does."""
        return self.values.get(column, "")

    def text(self, column: str) -> str:
        """Text of a column, which must not be empty."""
        if not self.values[column]:
            raise self.error(column, "empty")
        return self.values[column]

    def whole(self, column: str) -> int:
        """Whole number, not negative."""
        return self._convert(column, _not_negative, "a whole number of 0 or more")

    def number_of(self, column: str) -> float:
        """Any number."""
        return self._convert(column, _finite, "a number")

    def day(self, column: str) -> dt.date:
        """Date as YYYY-MM-DD."""
        return self._convert(column, dt.date.fromisoformat, "a date (YYYY-MM-DD)")

    def clock_s(self, column: str) -> int:
        """Time of day as HH:MM, in seconds after midnight."""
        return self._convert(column, seconds_of_clock, "a time (HH:MM)")

    def flag(self, column: str) -> bool:
        """Whether the column says `true` rather than `false`."""
        return self._convert(column, _FLAGS.__getitem__, "true or false")

    def one_of(self, column: str, kind: type[E]) -> E:
        """Member of a closed set."""
        return self._convert(column, kind, "one of " + ", ".join(kind))

    def items(self, column: str) -> tuple[str, ...]:
        """Texts joined by a vertical bar; none when the column is empty."""
        text = self.if_there(column)
        return tuple(text.split(SEPARATOR)) if text else ()

    def known(self, column: str, known: Collection[str], where: str) -> None:
        """Refuse an item of a column that is not known there."""
        for item in self.items(column):
            if item not in known:
                raise self.error(column, f"{item!r} is not in {where}")

    def place(self) -> LonLat:
        """Position in columns `lon` and `lat`."""
        lon, lat = self.number_of("lon"), self.number_of("lat")
        return self.built(lambda: LonLat(lon, lat))

    def built(self, make: Callable[[], T]) -> T:
        """Value made from this row; what its type refuses becomes a SourceError."""
        try:
            return make()
        except InvalidInputError as error:
            raise self.error(error.field, error.problem) from error

    def _convert(self, column: str, convert: Callable[[str], T], wanted: str) -> T:
        try:
            return convert(self.text(column))
        except (ValueError, KeyError) as error:
            raise self.error(column, f"not {wanted}") from error


def read_table(file: Path, columns: Sequence[str]) -> tuple[Row, ...]:
    """
    Read a CSV with a header row.

    Parameters
    ----------
    file
        UTF-8, with or without a byte-order mark.
    columns
        Columns that must be there besides `source`, `source_date` and `confidence`;
        further columns are allowed.

    Raises
    ------
    SourceError
        When the file is missing, not UTF-8, lacks a column or has a row of another
        length; or when a row does not say how sure it is.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            lines = list(csv.reader(stream, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"{file}: cannot be read: {error}"
        raise SourceError(message) from error
    header = lines[0] if lines else []
    missing = [name for name in (*columns, *PROVENANCE) if name not in header]
    if missing:
        message = f"{file}: row 1: no column {', '.join(missing)}"
        raise SourceError(message)
    return tuple(
        _row(file, number, header, line)
        for number, line in enumerate(lines[1:], start=2)
    )


def _row(file: Path, number: int, header: list[str], line: list[str]) -> Row:
    if len(line) != len(header):
        found = f"{len(line)} columns where the header has {len(header)}"
        column = header[min(len(line), len(header) - 1)]
        message = f"{file}: row {number}, {column}: {found}"
        raise SourceError(message)
    row = Row(file=file, number=number, values=dict(zip(header, line, strict=True)))
    if row.text("confidence") not in CONFIDENCE_MARKS:
        marks = ", ".join(sorted(CONFIDENCE_MARKS))
        raise row.error("confidence", f"not one of {marks}")
    return row


def read_toml(file: Path) -> dict[str, Any]:
    """
    Read a TOML file of a profile.

    Raises
    ------
    SourceError
        When it is missing or not TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{file}: cannot be read: {error}"
        raise SourceError(message) from error


def require_unique(rows: Iterable[Row], column: str) -> None:
    """
    Refuse a table in which two rows have the same key.

    Raises
    ------
    SourceError
        Naming the later row.
    """
    seen: dict[str, int] = {}
    for row in rows:
        first = seen.setdefault(row.text(column), row.number)
        if first != row.number:
            raise row.error(column, f"{row.text(column)!r} is already in row {first}")


def seconds_of_clock(text: str) -> int:
    """
    Seconds after midnight of a time written HH:MM.

    Raises
    ------
    ValueError
        When it is not one.
    """
    time = dt.datetime.strptime(text, "%H:%M")  # noqa: DTZ007 - only hours and minutes
    return time.hour * 3600 + time.minute * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A TOML table that names its file and key when a value is wrong."""

    file: Path
    values: Mapping[str, Any]
    path: str = ""

    def get(self, key: str, kind: type[T]) -> T:
        """Value of a key; a whole number is welcome where any number is."""
        value = self.values.get(key)
        if kind is float and type(value) is int:
            value = float(value)
        if not isinstance(value, kind):
            message = f"{self.file}: {self.path}{key}: missing, or not {kind.__name__}"
            raise SourceError(message)
        return value

    def choice(self, key: str, allowed: Iterable[str]) -> str:
        """Value of a key out of a closed set."""
        value = self.get(key, str)
        if value not in (choices := tuple(allowed)):
            message = f"{self.file}: {self.path}{key}: not one of {', '.join(choices)}"
            raise SourceError(message)
        return value

    def clock_s(self, key: str) -> int:
        """Time of day as HH:MM, in seconds after midnight."""
        try:
            return seconds_of_clock(self.get(key, str))
        except ValueError as error:
            message = f"{self.file}: {self.path}{key}: not HH:MM"
            raise SourceError(message) from error

    def section(self, key: str) -> Settings:
        """Table under a key."""
        values = self.get(key, dict)
        return Settings(file=self.file, values=values, path=f"{self.path}{key}.")


def _not_negative(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


_FLAGS: Mapping[str, bool] = {"true": True, "false": False}
