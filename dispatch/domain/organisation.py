"""The city's organisation over time (組織): units, people, duties, who stands in."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from enum import StrEnum

from dispatch.domain.access import Role
from dispatch.domain.consultation import MAX_LINE, MAX_NAME, YEARS, require_length
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.team import DAY_S

MAX_STAFF_ID = 40
MAX_LISTED = 60  # school districts or teams of one charge
# Roles that people of the city hold in a unit; the others belong to accounts alone.
STAFF_ROLES = (
    Role.WARD_OFFICER,
    Role.WARD_SUPERVISOR,
    Role.SAFETY_OFFICER,
    Role.TECHNICAL_ADVISER,
    Role.DISPATCHER,
    Role.TEAM,
    Role.PARTNER,
    Role.PUBLIC_HEARING,
)
WARD_ROLES = frozenset(STAFF_ROLES[:4])  # tied to a ward


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """
    An office or centre in the shape that it had for a time (組織の形).

    `id` stays over its shapes; it is a works office's id where it is one. From
    `valid_from` until before `valid_to`. `tasks` are what it looks after then,
    `predecessors` the units whose work it took over on its first day.
    """

    id: str
    kind: str
    name: str
    valid_from: dt.date
    valid_to: dt.date | None = None
    tasks: tuple[str, ...] = ()
    predecessors: tuple[str, ...] = ()
    confidence: str = ""
    note: str = ""

    def holds_on(self, day: dt.date) -> bool:
        """Whether it has this shape on a day."""
        return _holds(self.valid_from, self.valid_to, day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """All units of a city in all their shapes, in the table's order."""

    shapes: tuple[Unit, ...] = ()

    def on(self, day: dt.date) -> tuple[Unit, ...]:
        """Units as they are on a day."""
        return tuple(unit for unit in self.shapes if unit.holds_on(day))

    def unit_on(self, unit_id: str, day: dt.date) -> Unit | None:
        """Shape of a unit on a day, if it exists then."""
        return next((unit for unit in self.on(day) if unit.id == unit_id), None)

    def name_on(self, unit_id: str, day: dt.date) -> str | None:
        """
        Name of a unit on a day; what was kept by id shows the name of its own day.

        A day outside its life gets the nearest name: a chart may be older than the
        first row of the table. None for an id that no row has.
        """
        shapes = self.history(unit_id)
        if not shapes:
            return None
        begun = [unit for unit in shapes if unit.valid_from <= day]
        return (begun[-1] if begun else shapes[0]).name

    def history(self, unit_id: str) -> tuple[Unit, ...]:
        """Shapes of a unit, oldest first."""
        own = (unit for unit in self.shapes if unit.id == unit_id)
        return tuple(sorted(own, key=lambda unit: unit.valid_from))

    def successors(self, unit_id: str) -> tuple[Unit, ...]:
        """Units that took over a unit's work."""
        return tuple(unit for unit in self.shapes if unit_id in unit.predecessors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    """A community area (地域) of a ward; many to many with school districts (校区)."""

    ward_code: str
    name: str
    district_ids: tuple[str, ...] = ()


# -- what is known of people ----------------------------------------------------------


class FactKind(StrEnum):
    """What a row about a person says."""

    PERSON = "person"
    CHARGE = "charge"
    STAND_IN = "stand_in"
    HOURS = "hours"
    ABSENCE = "absence"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody of the city's staff (職員): the name used at work, nothing private."""

    staff_id: str
    name: str
    is_synthetic: bool = False

    kind = FactKind.PERSON

    def __post_init__(self) -> None:
        require_staff_id("staff_id", self.staff_id)
        require_text("name", self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """
    What somebody is charged with (担当): a role in a unit.

    Several at a time are a dual role (兼務). `unit` is a works office's id, or the
    name of a ward office or partner desk. A ward officer without `district_ids` has
    every school district of the ward that no other officer has.
    """

    staff_id: str
    role: Role
    unit: str = ""
    ward_code: str = ""
    district_ids: tuple[str, ...] = ()
    team_ids: tuple[str, ...] = ()

    kind = FactKind.CHARGE

    def __post_init__(self) -> None:
        require_staff_id("staff_id", self.staff_id)
        require_length("unit", self.unit, MAX_NAME)
        if self.role not in STAFF_ROLES:
            raise InvalidInputError("role", "職員の担当にできない役割です")
        if self.role in WARD_ROLES and not self.ward_code:
            raise InvalidInputError("ward", "この担当には区が必要です")
        if self.district_ids and self.role is not Role.WARD_OFFICER:
            raise InvalidInputError("districts", "校区は地域担当にだけ付けられます")
        if max(len(self.district_ids), len(self.team_ids)) > MAX_LISTED:
            raise InvalidInputError("districts", f"一度に{MAX_LISTED}までです")


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """Somebody stands in for another (代理), for all that the other is charged with."""

    staff_id: str
    for_staff_id: str

    kind = FactKind.STAND_IN

    def __post_init__(self) -> None:
        require_staff_id("staff_id", self.staff_id)
        require_staff_id("for_staff_id", self.for_staff_id)
        if self.staff_id == self.for_staff_id:
            raise InvalidInputError("for_staff_id", "本人を代理にはできません")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """
    Working hours of somebody on days of the week (勤務時間), evenings and weekends too.

    `weekdays` count from Monday, 0. `start_s` and `end_s` are seconds after midnight;
    an end not after the start lies on the next day. Who has none in force works while
    the offices are open.
    """

    staff_id: str
    weekdays: tuple[int, ...]
    start_s: int
    end_s: int
    on_holidays: bool = False

    kind = FactKind.HOURS

    def __post_init__(self) -> None:
        require_staff_id("staff_id", self.staff_id)
        _require_clock(self.start_s, self.end_s)
        if not self.weekdays or not set(self.weekdays) <= set(range(7)):
            raise InvalidInputError("weekdays", "曜日を月〜日から選んでください")


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Somebody is away (不在) on each day of the row; why is nobody's business here."""

    staff_id: str

    kind = FactKind.ABSENCE

    def __post_init__(self) -> None:
        require_staff_id("staff_id", self.staff_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """Somebody is on duty besides (臨時の当番) on each day of the row; see `Hours`."""

    staff_id: str
    start_s: int
    end_s: int

    kind = FactKind.EXTRA

    def __post_init__(self) -> None:
        require_staff_id("staff_id", self.staff_id)
        _require_clock(self.start_s, self.end_s)


Fact = Person | Charge | StandIn | Hours | Absence | Extra


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Who wrote something down, when and why."""

    at: dt.datetime
    who: str
    why: str

    def __post_init__(self) -> None:
        require_text("who", self.who)
        require_length("why", self.why, MAX_LINE)
        if not self.why.strip():
            raise InvalidInputError("why", "理由を入れてください")


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffRow:
    """
    A fact about a person for a time: from `valid_from` until before `valid_to`.

    Rows are added and ended, never edited. A row ended on its first day never held.
    """

    id: str
    fact: Fact
    valid_from: dt.date
    valid_to: dt.date | None = None
    opened: Mark
    ended: Mark | None = None

    def __post_init__(self) -> None:
        for name, day in (("valid_from", self.valid_from), ("valid_to", self.valid_to)):
            if day is not None and day.year not in YEARS:
                problem = f"年は{YEARS[0]}から{YEARS[-1]}までにしてください"
                raise InvalidInputError(name, problem)
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise InvalidInputError("valid_to", "終わりが始まりより前です")
        if self.ended is None and self.valid_to == self.valid_from:
            raise InvalidInputError("valid_to", "一日も続きません")

    def holds_on(self, day: dt.date) -> bool:
        """Whether the row is in force on a day."""
        return _holds(self.valid_from, self.valid_to, day)

    def overlaps(self, other: StaffRow) -> bool:
        """Whether both are in force on some day."""
        mine = self.valid_to is None or other.valid_from < self.valid_to
        theirs = other.valid_to is None or self.valid_from < other.valid_to
        # a row that never held meets no other
        return mine and theirs and self.has_days and other.has_days

    @property
    def has_days(self) -> bool:
        """Whether it was ever in force."""
        return self.valid_to is None or self.valid_from < self.valid_to

    def ended_by(self, mark: Mark, *, on: dt.date) -> StaffRow:
        """
        Return the row with its end.

        Parameters
        ----------
        mark
            Who ends it, and why.
        on
            First day on which it no longer holds.
        """
        return replace(self, valid_to=on, ended=mark)


@dataclass(frozen=True, slots=True, kw_only=True)
class InCharge:
    """
    Somebody in charge on a day. `stands_for` is the colleague that they stand in for.

    `is_away` says that they are absent; their substitutes follow them in a list.
    """

    person: Person
    charge: Charge
    stands_for: Person | None = None
    is_away: bool = False


def require_staff_id(name: str, staff_id: str) -> None:
    """
    Refuse a staff id that is none.

    Raises
    ------
    InvalidInputError
        When it is empty, too long, or has spaces or signs that addresses cannot show.
    """
    allowed = staff_id.isascii() and staff_id.replace("-", "").isalnum()
    if not allowed or len(staff_id) > MAX_STAFF_ID:
        problem = f"職員番号は英数字と「-」で{MAX_STAFF_ID}文字以内です"
        raise InvalidInputError(name, problem)


def require_text(name: str, text: str) -> None:
    """
    Refuse an empty or over-long line.

    Raises
    ------
    InvalidInputError
        Naming the field.
    """
    require_length(name, text, MAX_NAME)
    if not text.strip():
        raise InvalidInputError(name, "入れてください")


def _require_clock(start_s: int, end_s: int) -> None:
    if not (0 <= start_s < DAY_S and 0 <= end_s <= DAY_S):
        raise InvalidInputError("start", "時刻は0:00から24:00までです")


def _holds(start: dt.date, end: dt.date | None, day: dt.date) -> bool:
    return start <= day and (end is None or day < end)
