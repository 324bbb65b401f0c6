"""Invented staff for the demonstration's day: every name says that it is made up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from api.wiring import Services
from dispatch.domain.access import Role
from dispatch.domain.organisation import (
    Absence,
    Charge,
    Extra,
    Fact,
    Hours,
    Person,
    StandIn,
)
from dispatch.organisation_desk import NewFact

WHY = "デモのための架空の職員"
MARK = "(合成)"
DISTRICTS_EACH = 7  # proposal: school districts of one area officer in the demo
SINCE = dt.timedelta(days=365)
DAY = dt.timedelta(days=1)
GIVEN = ("一郎", "花子", "次郎", "葉子", "三郎", "実", "豊", "光")
EVENING_S = (13 * 3600, 21 * 3600)
SATURDAY = 5


def add_demo_staff(services: Services, day: dt.date) -> int:
    """
    Add officers, supervisors, advisers and dispatchers of the whole city.

    Returns
    -------
    int
        How many people there are.
    """
    facts = [*_ward_facts(services, day), *_office_facts(services)]
    since = day - SINCE
    new = [NewFact(fact=fact, valid_from=since) for fact in facts]
    new += _todays(services, day)
    services.organisation.add_all(new, who="デモ", why=WHY)
    return sum(isinstance(fact, Person) for fact in facts)


def _person(staff_id: str, family: str, index: int) -> Person:
    name = f"{family} {GIVEN[index % len(GIVEN)]}{MARK}"
    return Person(staff_id=staff_id, name=name, is_synthetic=True)


def _ward_facts(services: Services, day: dt.date) -> Iterator[Fact]:
    """Give each ward a supervisor, a safety officer, an adviser and area officers."""
    districts = services.organisation.rules.districts_on(day)
    for ward in services.profile.wards:
        code, family = ward.code, ward.name.removesuffix("区")
        own = sorted(one for one, of in districts.items() if of == code)
        shares = [
            tuple(own[at : at + DISTRICTS_EACH])
            for at in range(0, len(own), DISTRICTS_EACH)
        ]
        roles: list[tuple[Role, tuple[str, ...]]] = [
            (Role.WARD_SUPERVISOR, ()),
            (Role.SAFETY_OFFICER, ()),
            (Role.TECHNICAL_ADVISER, ()),
            *((Role.WARD_OFFICER, share) for share in shares),
        ]
        for index, (role, share) in enumerate(roles):
            staff_id = f"W{code}-{index + 1}"
            yield _person(staff_id, family, index)
            yield Charge(
                staff_id=staff_id,
                role=role,
                unit=ward.office_name or ward.name,
                ward_code=code,
                district_ids=share,
            )


def _office_facts(services: Services) -> Iterator[Fact]:
    """Give each works office two dispatchers; one has the evenings and Saturdays."""
    start_s, end_s = EVENING_S
    weekdays = (0, 1, 2, 3, 4, SATURDAY)
    for office in services.profile.offices:
        family = office.name.removesuffix("工営所")
        staff_ids = (f"K-{office.id}-1", f"K-{office.id}-2")
        for index, staff_id in enumerate(staff_ids):
            yield _person(staff_id, family, index)
            yield Charge(staff_id=staff_id, role=Role.DISPATCHER, unit=office.id)
        yield Hours(
            staff_id=staff_ids[1], weekdays=weekdays, start_s=start_s, end_s=end_s
        )


def _todays(services: Services, day: dt.date) -> Iterator[NewFact]:
    """In the first ward with two officers one is away, and the other stands in."""
    for ward in services.profile.wards:
        first, second = f"W{ward.code}-4", f"W{ward.code}-5"
        districts = services.organisation.rules.districts_on(day).values()
        if list(districts).count(ward.code) > DISTRICTS_EACH:
            until = day + 2 * DAY
            yield NewFact(fact=Absence(staff_id=first), valid_from=day, valid_to=until)
            yield NewFact(
                fact=StandIn(staff_id=second, for_staff_id=first),
                valid_from=day,
                valid_to=until,
            )
            start_s, end_s = EVENING_S
            yield NewFact(
                fact=Extra(staff_id=second, start_s=start_s, end_s=end_s),
                valid_from=day,
                valid_to=day + DAY,
            )
            return
