"""Tables of a city profile: read a CSV into rows that know their file and number."""

from __future__ import annotations

import csv
import datetime as dt
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from dispatch.domain.assignment import Jurisdiction
from dispatch.domain.catalogue import Duty, ResponseUnit, Urgency, WorkCategory
from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.place import LonLat, PartnerOffice, Ward, WorksOffice
from dispatch.domain.team import Lunch, MobileTeam, Shift, Vehicle

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
        return self._convert(column, float, "a number")

    def day(self, column: str) -> dt.date:
        """Date as YYYY-MM-DD."""
        return self._convert(column, dt.date.fromisoformat, "a date (YYYY-MM-DD)")

    def clock_s(self, column: str) -> int:
        """Time of day as HH:MM, in seconds after midnight."""
        return self._convert(column, seconds_of_clock, "a time (HH:MM)")

    def flag(self, column: str) -> bool:
        """`true` or `false`."""
        return self._convert(column, _FLAGS.__getitem__, "true or false")

    def one_of(self, column: str, kind: type[E]) -> E:
        """Member of a closed set."""
        return self._convert(column, kind, "one of " + ", ".join(kind))

    def items(self, column: str) -> tuple[str, ...]:
        """Texts joined by a vertical bar; none when the column is empty."""
        text = self.values[column]
        return tuple(text.split(SEPARATOR)) if text else ()

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


def works_office(row: Row) -> WorksOffice:
    """Works office (工営所) of a row."""
    return WorksOffice(
        id=row.text("id"),
        name=row.text("name"),
        address=row.optional("address"),
        tel=row.optional("tel"),
        place=row.place(),
        neighbour_ids=row.items("neighbours"),
    )


def ward(row: Row) -> Ward:
    """Ward (区) of a row."""
    return Ward(
        code=row.text("code"),
        name=row.text("name"),
        office_name=row.optional("office_name"),
        office_address=row.optional("office_address"),
        office_tel=row.optional("office_tel"),
        place=row.place(),
    )


def jurisdiction(row: Row) -> Jurisdiction:
    """Jurisdiction (所管) of a row."""
    ends = row.optional("valid_to")
    return Jurisdiction(
        ward_code=row.text("ward_code"),
        office_id=row.text("office_id"),
        valid_from=row.day("valid_from"),
        valid_to=row.day("valid_to") if ends else None,
        confidence=row.text("confidence"),
    )


def partner_office(row: Row, code_of_ward: Mapping[str, str]) -> PartnerOffice:
    """Partner office of a row; its wards are written by name."""
    unknown = [name for name in row.items("wards") if name not in code_of_ward]
    if unknown:
        raise row.error("wards", f"no ward {unknown[0]!r} in wards.csv")
    return PartnerOffice(
        kind=row.text("kind"),
        name=row.text("name"),
        address=row.optional("address"),
        tel=row.optional("tel"),
        place=row.place(),
        ward_codes=tuple(code_of_ward[name] for name in row.items("wards")),
    )


def work_category(row: Row) -> WorkCategory:
    """Work category (分類) of a row."""
    return row.built(
        lambda: WorkCategory(
            code=row.text("code"),
            name=row.text("name"),
            group=row.text("group"),
            duty=row.one_of("duty", Duty),
            receiver=row.text("receiver"),
            urgency=row.one_of("urgency", Urgency),
            response_unit=row.one_of("response_unit", ResponseUnit),
            response_value=row.whole("response_value"),
            onsite_s=row.whole("onsite_min") * 60,
            crew=row.whole("crew"),
            skills=frozenset(row.items("skills")),
            load_kg=row.whole("load_kg"),
            instruction=row.optional("instruction"),
            equipment=row.optional("equipment"),
            materials=row.optional("materials"),
            caution=row.optional("caution"),
            hold_days=row.whole("hold_days"),
            weight=row.number_of("weight"),
        )
    )


def mobile_team(row: Row, base_of_office: Mapping[str, LonLat]) -> MobileTeam:
    """Mobile team (機動班) of a row; it starts and ends at its office's yard."""
    office_id = row.text("office_id")
    if office_id not in base_of_office:
        raise row.error("office_id", f"no office {office_id!r} in works_offices.csv")
    return row.built(
        lambda: MobileTeam(
            id=row.text("id"),
            office_id=office_id,
            name=row.text("name"),
            letter=row.text("letter"),
            vehicle=Vehicle(name=row.text("vehicle"), load_kg=row.whole("load_kg")),
            crew_size=row.whole("crew_size"),
            skills=frozenset(row.items("skills")),
            base=base_of_office[office_id],
            shift=Shift(
                start_s=row.clock_s("shift_start"),
                end_s=row.clock_s("shift_end"),
                lunch=Lunch(
                    nominal_s=row.clock_s("lunch_nominal"),
                    duration_s=row.whole("lunch_min") * 60,
                    earliest_s=row.clock_s("lunch_earliest"),
                    latest_end_s=row.clock_s("lunch_latest_end"),
                ),
                overtime_max_s=row.whole("overtime_max_min") * 60,
            ),
        )
    )


def _not_negative(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


_FLAGS: Mapping[str, bool] = {"true": True, "false": False}
