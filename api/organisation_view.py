"""The organisation of a day as its pages show it: wards, units, people, rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from api.acting import ROLE_TEXT
from api.staff_file import WEEKDAYS, StaffNames, clock_text
from api.wiring import Services
from api.wording import era_date
from dispatch.domain.access import Role
from dispatch.domain.organisation import (
    Absence,
    Charge,
    Community,
    Extra,
    Fact,
    Hours,
    InCharge,
    Person,
    StaffRow,
    StandIn,
    Unit,
)
from dispatch.domain.place import Ward
from dispatch.domain.staff_book import StaffDay

DAY = dt.timedelta(days=1)
CONFIDENCE_TEXT = {
    "S": "資料あり",
    "D": "計算による",
    "H": "想定(確度 高)",
    "K": "想定",
    "M": "想定(確度 中)",
    "L": "推測(要確認)",
    "P": "本システムの提案",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WardRow:
    """A ward on a day: its works office and the people tied to it."""

    ward: Ward
    office: str
    confidence: str
    supervisors: tuple[InCharge, ...]
    officers: tuple[InCharge, ...]
    safety: tuple[InCharge, ...]
    advisers: tuple[InCharge, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DistrictRow:
    """A school district on a day: its officers and the community areas it touches."""

    id: str
    name: str
    officers: tuple[InCharge, ...]
    communities: tuple[Community, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """Somebody of the staff on a day, with what they are charged with."""

    person: Person
    charges: tuple[str, ...]
    is_away: bool
    stands_for: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRow:
    """A row about the staff in words; `state` says how it stands to the day."""

    row: StaffRow
    text: str
    period: str
    state: str


def staff_names(services: Services, day: dt.date | None = None) -> StaffNames:
    """Names of wards, teams, and school districts of a day (today)."""
    on = day or services.clock.now().date()
    profile, districts = services.profile, services.areas.district_names
    wards = services.organisation.rules.districts_on(on)
    return StaffNames(
        wards={ward.code: ward.name for ward in profile.wards},
        districts={one: districts.get(one, one) for one in wards},
        district_wards=wards,
        teams={team.id: team.name for team in profile.teams},
    )


def ward_rows(services: Services, staff: StaffDay) -> list[WardRow]:
    """Every ward with its office and people on the day."""
    jurisdiction = {
        row.ward_code: row
        for row in services.bundle.jurisdictions()
        if row.holds_on(staff.day)
    }
    found = []
    for ward in services.profile.wards:
        own = jurisdiction.get(ward.code)
        units = services.organisation.rules.units
        found.append(
            WardRow(
                ward=ward,
                office=(units.name_on(own.office_id, staff.day) or own.office_id)
                if own
                else "",
                confidence=own.confidence if own else "",
                supervisors=staff.supervisors_of(ward.code),
                officers=staff.holders(Role.WARD_OFFICER, ward_code=ward.code),
                safety=staff.holders(Role.SAFETY_OFFICER, ward_code=ward.code),
                advisers=staff.holders(Role.TECHNICAL_ADVISER, ward_code=ward.code),
            )
        )
    return found


def district_rows(
    services: Services, staff: StaffDay, ward_code: str
) -> list[DistrictRow]:
    """School districts of a ward on the day, by name."""
    names = staff_names(services, staff.day)
    desk = services.organisation
    rows = [
        DistrictRow(
            id=district_id,
            name=names.districts[district_id],
            officers=staff.officers_of(ward_code, district_id),
            communities=desk.communities_of(district_id),
        )
        for district_id, code in names.district_wards.items()
        if code == ward_code
    ]
    return sorted(rows, key=lambda row: row.id)


def units_by_kind(services: Services, day: dt.date) -> dict[str, list[Unit]]:
    """Units of a day by their kind, in the table's order."""
    found: dict[str, list[Unit]] = {}
    for unit in services.organisation.rules.units.on(day):
        found.setdefault(unit.kind, []).append(unit)
    return found


def people_rows(services: Services, staff: StaffDay) -> list[PersonRow]:
    """Everybody who is there on the day, by staff id."""
    names = staff_names(services, staff.day)
    stands_for: dict[str, list[str]] = {}
    for one in staff.facts(StandIn):
        other = staff.people.get(one.for_staff_id)
        if other is not None:
            stands_for.setdefault(one.staff_id, []).append(other.name)
    return [
        PersonRow(
            person=person,
            charges=tuple(
                charge_text(services, one, names, staff.day)
                for one in staff.charges_of(staff_id)
            ),
            is_away=staff_id in staff.away,
            stands_for=tuple(stands_for.get(staff_id, ())),
        )
        for staff_id, person in sorted(staff.people.items())
    ]


def text_rows(
    services: Services, rows: Sequence[StaffRow], day: dt.date
) -> list[TextRow]:
    """Rows about somebody in words, the newest first."""
    names = staff_names(services)
    return [
        TextRow(
            row=row,
            text=fact_text(services, row.fact, names, row.valid_from),
            period=period_text(row.valid_from, row.valid_to),
            state=_state(row, day),
        )
        for row in reversed(rows)
    ]


def charge_text(
    services: Services, charge: Charge, names: StaffNames, day: dt.date
) -> str:
    """Write a charge in words: where, as what, for which districts or teams."""
    units = services.organisation.rules.units
    unit = units.name_on(charge.unit, day) or charge.unit
    ward = names.wards.get(charge.ward_code, charge.ward_code)
    where = unit or ward
    text = f"{where} {ROLE_TEXT[charge.role]}".strip()
    if charge.district_ids:
        districts = [names.districts.get(one, one) for one in charge.district_ids]
        text += f"({'・'.join(districts)})"
    if charge.team_ids:
        text += f"({'・'.join(names.teams.get(one, one) for one in charge.team_ids)})"
    return text


def fact_text(services: Services, fact: Fact, names: StaffNames, day: dt.date) -> str:
    """Write a fact about somebody in words."""
    match fact:
        case Person():
            return f"職員 {fact.name}"
        case Charge():
            return f"担当 {charge_text(services, fact, names, day)}"
        case StandIn():
            other = services.organisation.book().on(day).people.get(fact.for_staff_id)
            return f"代理({other.name if other else fact.for_staff_id} の代わり)"
        case Hours():
            days = "".join(WEEKDAYS[one] for one in fact.weekdays)
            holidays = "・祝日も" if fact.on_holidays else ""
            return f"勤務時間 {days}{holidays} {span_text(fact.start_s, fact.end_s)}"
        case Absence():
            return "不在"
        case Extra():
            return f"臨時の当番 {span_text(fact.start_s, fact.end_s)}"


def span_text(start_s: int, end_s: int) -> str:
    """Write a span of a day; its end may lie on the next."""
    overnight = "翌" if end_s <= start_s else ""
    return f"{clock_text(start_s)}〜{overnight}{clock_text(end_s)}"


def period_text(first: dt.date, until: dt.date | None) -> str:
    """First and last day of a row, as people count them."""
    if until is None:
        return f"{era_date(first)}から"
    last = until - DAY
    return era_date(first) if last == first else f"{era_date(first)}〜{era_date(last)}"


def _state(row: StaffRow, day: dt.date) -> str:
    if not row.has_days:
        return "取り消し"
    if row.holds_on(day):
        return "いま"
    return "これから" if row.valid_from > day else "終わり"
