"""Who is in charge on a day and on duty at a moment, read off the staff's rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from dispatch.domain.access import Role
from dispatch.domain.deadlines import OfficeHours
from dispatch.domain.organisation import (
    Absence,
    Charge,
    Extra,
    Fact,
    Hours,
    InCharge,
    Person,
    StaffRow,
    StandIn,
)
from dispatch.domain.team import DAY_S

F = TypeVar("F", bound=Fact)
DAY = dt.timedelta(days=1)
SATURDAY = 5


@dataclass(frozen=True, eq=False)
class StaffBook:
    """
    All rows about the staff, past and to come; every answer is of one day.

    Parameters
    ----------
    rows
        As the store has them.
    """

    rows: tuple[StaffRow, ...]

    def on(self, day: dt.date) -> StaffDay:
        """Rows in force on a day, to be asked."""
        return StaffDay(day=day, rows=tuple(r for r in self.rows if r.holds_on(day)))

    def of(self, staff_id: str) -> tuple[StaffRow, ...]:
        """Every row about somebody, oldest first."""
        own = (row for row in self.rows if row.fact.staff_id == staff_id)
        return tuple(sorted(own, key=lambda row: (row.valid_from, row.opened.at)))

    def changes_on(self, day: dt.date) -> tuple[StaffRow, ...]:
        """Charges that end on a day, so that somebody has to hand over."""
        return tuple(
            row
            for row in self.rows
            if isinstance(row.fact, Charge) and row.valid_to == day and row.has_days
        )


@dataclass(frozen=True, eq=False)
class StaffDay:
    """
    The staff on one day.

    Parameters
    ----------
    day
        The day.
    rows
        Those in force on it.
    """

    day: dt.date
    rows: tuple[StaffRow, ...]

    def facts(self, kind: type[F]) -> Iterator[F]:
        """Facts of one kind."""
        return (row.fact for row in self.rows if isinstance(row.fact, kind))

    @cached_property
    def people(self) -> Mapping[str, Person]:
        """People by staff id."""
        return {person.staff_id: person for person in self.facts(Person)}

    @cached_property
    def charges(self) -> tuple[Charge, ...]:
        """Charges of people who are there; a charge outlives nobody."""
        return tuple(d for d in self.facts(Charge) if d.staff_id in self.people)

    @cached_property
    def away(self) -> frozenset[str]:
        """Staff ids of those who are away."""
        return frozenset(one.staff_id for one in self.facts(Absence))

    def stand_ins(self, staff_id: str) -> tuple[Person, ...]:
        """Those who stand in for somebody, without those who are away themselves."""
        return tuple(
            self.people[one.staff_id]
            for one in self.facts(StandIn)
            if one.for_staff_id == staff_id
            and one.staff_id in self.people
            and one.staff_id not in self.away
        )

    def officers_of(self, ward_code: str, district_id: str) -> tuple[InCharge, ...]:
        """
        Area officers of a school district, each followed by who stands in.

        Those who have the district by name; else those who have the whole ward.
        """
        officers = self._charges(Role.WARD_OFFICER, ward_code)
        named = [one for one in officers if district_id in one.district_ids]
        whole = [one for one in officers if not one.district_ids]
        return self._in_charge(named or whole)

    def supervisors_of(self, ward_code: str) -> tuple[InCharge, ...]:
        """Supervisors (総括職員) of a ward, each followed by who stands in."""
        return self._in_charge(self._charges(Role.WARD_SUPERVISOR, ward_code))

    def holders(
        self, role: Role, *, ward_code: str = "", unit: str = ""
    ) -> tuple[InCharge, ...]:
        """People with a role, of a ward or unit when one is named."""
        charges = self._charges(role, ward_code)
        return self._in_charge([d for d in charges if unit in ("", d.unit)])

    def districts_of(
        self, staff_id: str, districts: Mapping[str, str]
    ) -> tuple[str, ...]:
        """
        School districts that somebody has to look after, by substitution too.

        Parameters
        ----------
        staff_id
            Of the officer.
        districts
            Ward code of every school district in force, by its id.
        """
        return tuple(
            district_id
            for district_id, ward_code in districts.items()
            if any(
                one.person.staff_id == staff_id
                for one in self.officers_of(ward_code, district_id)
            )
        )

    def charges_of(self, staff_id: str) -> tuple[Charge, ...]:
        """Own charges of somebody; more than one is a dual role (兼務)."""
        return tuple(one for one in self.charges if one.staff_id == staff_id)

    def _charges(self, role: Role, ward_code: str) -> list[Charge]:
        return [
            one
            for one in self.charges
            if one.role is role and ward_code in ("", one.ward_code)
        ]

    def _in_charge(self, charges: Iterable[Charge]) -> tuple[InCharge, ...]:
        found: list[InCharge] = []
        for charge in charges:
            person = self.people[charge.staff_id]
            is_away = charge.staff_id in self.away
            found.append(InCharge(person=person, charge=charge, is_away=is_away))
            found += [
                InCharge(person=other, charge=charge, stands_for=person)
                for other in self.stand_ins(charge.staff_id)
            ]
        return tuple(found)


def on_duty(
    book: StaffBook, moment: dt.datetime, hours: OfficeHours
) -> tuple[Person, ...]:
    """
    People on duty at a moment (当番・勤務中), by staff id.

    Parameters
    ----------
    book
        The staff.
    moment
        Aware, in the city's time zone.
    hours
        Opening hours of the offices: those of people without hours of their own.
    """
    today = book.on(moment.date())
    before = book.on(moment.date() - DAY)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    second = int((moment - midnight).total_seconds())
    found = {
        staff_id
        for staff, at_s in ((today, second), (before, second + DAY_S))
        for staff_id, (start_s, end_s) in _turns(staff, hours)
        if start_s <= at_s < end_s
    }
    return tuple(today.people[one] for one in sorted(found) if one in today.people)


Turn = tuple[str, tuple[int, int]]


def _turns(staff: StaffDay, hours: OfficeHours) -> Iterator[Turn]:
    """Find the turns that begin on a day; seconds after its midnight."""
    own = [*staff.facts(Hours)]
    with_hours = {one.staff_id for one in own}
    is_open = hours.is_working_day(staff.day)
    for one in own:
        weekday = staff.day.weekday()
        at_all = is_open or weekday >= SATURDAY or one.on_holidays
        fits = weekday in one.weekdays and at_all
        if fits and one.staff_id not in staff.away:
            yield one.staff_id, _span(one.start_s, one.end_s)
    if is_open:
        for staff_id in staff.people.keys() - with_hours - staff.away:
            yield staff_id, (hours.opens_s, hours.closes_s)
    for extra in staff.facts(Extra):
        yield extra.staff_id, _span(extra.start_s, extra.end_s)


def _span(start_s: int, end_s: int) -> tuple[int, int]:
    return start_s, end_s if end_s > start_s else end_s + DAY_S
