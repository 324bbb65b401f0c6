"""Use cases of the organisation (組織): add rows, end them, move people, ask a day."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dispatch.domain.access import Role
from dispatch.domain.deadlines import OfficeHours
from dispatch.domain.errors import ConflictError, DispatchError, InvalidInputError
from dispatch.domain.ids import new_id
from dispatch.domain.organisation import (
    Charge,
    Community,
    Fact,
    FactKind,
    InCharge,
    Mark,
    Person,
    StaffRow,
    StandIn,
    Units,
)
from dispatch.domain.staff_book import StaffBook, on_duty
from dispatch.ports import Clock

# Of these a person has at most one at a time.
ONLY_ONE = frozenset({FactKind.PERSON, FactKind.ABSENCE})
ByPerson = defaultdict[str, list[StaffRow]]


class Staff(Protocol):
    """Store of dated rows about the staff."""

    def book(self) -> StaffBook:
        """Every row, past and to come."""
        ...

    def get(self, row_id: str) -> StaffRow:
        """Return a row; NotFoundError when there is none."""
        ...

    def change(
        self, *, add: Sequence[StaffRow] = (), end: Sequence[StaffRow] = ()
    ) -> None:
        """
        Add rows and give others their end, in one transaction.

        Raises
        ------
        ConflictError
            When one of them was ended by somebody else meanwhile.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationRules:
    """
    What a city has: units, wards with their districts, teams, opening hours.

    `districts_on` gives the ward code of each school district in force on a day.
    """

    units: Units
    ward_codes: Collection[str]
    team_offices: Mapping[str, str]
    districts_on: Callable[[dt.date], Mapping[str, str]]
    hours: OfficeHours
    communities: tuple[Community, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFact:
    """A fact and its days: from the first until before the last, if there is one."""

    fact: Fact
    valid_from: dt.date
    valid_to: dt.date | None = None


class OrganisationDesk:
    """
    Keeps who does what and from when; nothing is edited, rows are added and ended.

    Parameters
    ----------
    staff
        Store of the rows.
    clock
        Time of each change.
    rules
        What the city has.
    """

    def __init__(self, staff: Staff, clock: Clock, rules: OrganisationRules) -> None:
        self._staff = staff
        self._clock = clock
        self._rules = rules

    @property
    def rules(self) -> OrganisationRules:
        """What the city has, for those who offer the choice."""
        return self._rules

    def book(self) -> StaffBook:
        """Every row about the staff."""
        return self._staff.book()

    def row(self, row_id: str) -> StaffRow:
        """Return a row; NotFoundError when there is none."""
        return self._staff.get(row_id)

    def add(self, new: NewFact, *, who: str, why: str) -> StaffRow:
        """
        Add a row.

        Raises
        ------
        InvalidInputError
            When the ward, school district or team does not exist then, the person is
            not there on the first day, or who or why is missing.
        ConflictError
            When the same is known for some of these days already.
        """
        return self.add_all([new], who=who, why=why)[0]

    def add_all(
        self, new: Sequence[NewFact], *, who: str, why: str
    ) -> tuple[StaffRow, ...]:
        """Add rows in one transaction, in their order; a later may need an earlier."""
        known = _by_person(self._staff.book().rows)
        added: list[StaffRow] = []
        for one in new:
            row = self._row(one, who=who, why=why)
            self._require_fits(row, known)
            known[row.fact.staff_id].append(row)
            added.append(row)
        self._staff.change(add=added)
        return tuple(added)

    def add_each(
        self, groups: Sequence[Sequence[NewFact]], *, who: str, why: str
    ) -> list[DispatchError | None]:
        """
        Add what fits of many groups, in one transaction: each as a whole or not at all.

        Returns
        -------
        list of DispatchError or None
            For each group what stood in its way.
        """
        known = _by_person(self._staff.book().rows)
        added: list[StaffRow] = []
        told: list[DispatchError | None] = []
        for group in groups:
            fitting: list[StaffRow] = []
            try:
                for one in group:
                    row = self._row(one, who=who, why=why)
                    self._require_fits(row, known)
                    known[row.fact.staff_id].append(row)
                    fitting.append(row)
            except (InvalidInputError, ConflictError) as problem:
                told.append(problem)
                for row in fitting:
                    known[row.fact.staff_id].remove(row)
            else:
                told.append(None)
                added += fitting
        self._staff.change(add=added)
        return told

    def end(self, row_id: str, *, on: dt.date, who: str, why: str) -> StaffRow:
        """
        End a row: from that day on it no longer holds. On its first day: it never did.

        Raises
        ------
        InvalidInputError
            When the day lies before the row's first, or who or why is missing.
        ConflictError
            When it has ended already, or a person's row still has others behind it.
        """
        row = self._staff.get(row_id)
        ended = self._ended(row, on=on, who=who, why=why)
        if row.fact.kind is FactKind.PERSON:
            left = [
                one
                for one in self._staff.book().of(row.fact.staff_id)
                if one.fact.kind is FactKind.CHARGE
                and one.has_days
                and (one.valid_to is None or one.valid_to > on)
            ]
            if left:
                message = "担当が残っています。先に担当を終わらせてください"
                raise ConflictError(message)
        self._staff.change(end=[ended])
        return ended

    def hand_over(
        self, row_id: str, *, to: str, on: dt.date, who: str, why: str
    ) -> StaffRow:
        """
        Move a charge to a colleague on a day (異動): end one row, open another.

        Raises
        ------
        InvalidInputError
            When the row is no charge, or the colleague is not there then.
        ConflictError
            When it has ended already, or the colleague has the same charge.
        """
        row = self._staff.get(row_id)
        if not isinstance(row.fact, Charge):
            raise InvalidInputError("row", "引き継げるのは担当だけです")
        ended = self._ended(row, on=on, who=who, why=why)
        charge = Charge(
            staff_id=to,
            role=row.fact.role,
            unit=row.fact.unit,
            ward_code=row.fact.ward_code,
            district_ids=row.fact.district_ids,
            team_ids=row.fact.team_ids,
        )
        new = NewFact(fact=charge, valid_from=on, valid_to=row.valid_to)
        opened = self._row(new, who=who, why=why)
        others = (one for one in self._staff.book().rows if one.id != row_id)
        self._require_fits(opened, _by_person(others))
        self._staff.change(add=[opened], end=[ended])
        return opened

    def officers_of(
        self, ward_code: str, district_id: str, day: dt.date
    ) -> tuple[InCharge, ...]:
        """Area officers of a school district on a day; never stored with a chart."""
        return self.book().on(day).officers_of(ward_code, district_id)

    def supervisors_of(self, ward_code: str, day: dt.date) -> tuple[InCharge, ...]:
        """Supervisors of a ward on a day."""
        return self.book().on(day).supervisors_of(ward_code)

    def on_duty(self, moment: dt.datetime) -> tuple[Person, ...]:
        """People on duty at a moment, evenings and weekends too."""
        return on_duty(self.book(), moment, self._rules.hours)

    def office_name(self, office_id: str, day: dt.date) -> str | None:
        """Name that an office had on a day; None for an id that no row has."""
        return self._rules.units.name_on(office_id, day)

    def communities_of(self, district_id: str) -> tuple[Community, ...]:
        """Community areas (地域) that a school district touches."""
        return tuple(
            one for one in self._rules.communities if district_id in one.district_ids
        )

    def _require_fits(self, row: StaffRow, known: ByPerson) -> None:
        """Refuse a row that does not fit the city or the rows there are."""
        fact = row.fact
        if isinstance(fact, Charge):
            self._require_in_city(fact, row.valid_from)
        if isinstance(fact, StandIn):
            _require_there("for_staff_id", known[fact.for_staff_id], row)
        if not isinstance(fact, Person):
            _require_there("staff_id", known[fact.staff_id], row)
        for other in known[fact.staff_id]:
            only_one = fact.kind in ONLY_ONE and other.fact.kind is fact.kind
            if row.overlaps(other) and (other.fact == fact or only_one):
                message = f"{fact.staff_id}: その期間には、同じ登録がもうあります"
                raise ConflictError(message)

    def _require_in_city(self, charge: Charge, day: dt.date) -> None:
        if charge.ward_code and charge.ward_code not in self._rules.ward_codes:
            raise InvalidInputError("ward", "区が一覧にありません")
        districts = self._rules.districts_on(day)
        for district_id in charge.district_ids:
            if districts.get(district_id) != charge.ward_code:
                raise InvalidInputError("districts", "その区の校区ではありません")
        for team_id in charge.team_ids:
            if team_id not in self._rules.team_offices:
                raise InvalidInputError("teams", "班が一覧にありません")
        is_works = charge.role in {Role.DISPATCHER, Role.TEAM}
        if is_works and self._rules.units.unit_on(charge.unit, day) is None:
            raise InvalidInputError("unit", "その日にその事業所はありません")

    def _row(self, new: NewFact, *, who: str, why: str) -> StaffRow:
        return StaffRow(
            id=new_id(),
            fact=new.fact,
            valid_from=new.valid_from,
            valid_to=new.valid_to,
            opened=Mark(at=self._clock.now(), who=who, why=why),
        )

    def _ended(self, row: StaffRow, *, on: dt.date, who: str, why: str) -> StaffRow:
        if row.ended is not None:
            message = "この行は、すでに終わりが決まっています"
            raise ConflictError(message)
        if row.valid_to is not None and on > row.valid_to:
            raise InvalidInputError("date", "この行はその日より前に終わります")
        if on < row.valid_from:
            raise InvalidInputError("date", "始まりより前には終われません")
        return row.ended_by(Mark(at=self._clock.now(), who=who, why=why), on=on)


def _by_person(rows: Iterable[StaffRow]) -> ByPerson:
    known: ByPerson = defaultdict(list)
    for row in rows:
        known[row.fact.staff_id].append(row)
    return known


def _require_there(name: str, own: Sequence[StaffRow], row: StaffRow) -> None:
    day = row.valid_from
    if not any(isinstance(one.fact, Person) and one.holds_on(day) for one in own):
        problem = "その日に、その職員番号の職員はいません"
        raise InvalidInputError(name, problem)
