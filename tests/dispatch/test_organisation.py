"""The organisation of a day: who is in charge, who stands in, who is on duty."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Engine

from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.staff_store import SqlStaff
from dispatch.domain.access import Role
from dispatch.domain.errors import ConflictError, InvalidInputError, NotFoundError
from dispatch.domain.organisation import (
    Absence,
    Charge,
    Community,
    Extra,
    Fact,
    Hours,
    Mark,
    Person,
    StaffRow,
    StandIn,
    Unit,
    Units,
)
from dispatch.organisation_desk import NewFact, OrganisationDesk, OrganisationRules
from tests.builders import DAY, at, moment, office_hours

APRIL = dt.date(2026, 4, 1)
NEXT = dt.date(2027, 4, 1)
ONE_DAY = dt.timedelta(days=1)
MERGED = dt.date(2017, 4, 1)
WARD, OTHER_WARD = "27122", "27127"
DISTRICTS = {"d1": WARD, "d2": WARD, "d3": WARD, "e1": OTHER_WARD}
UNITS = Units(
    shapes=(
        Unit(
            id="tsumori",
            kind="工営所",
            name="津守工営所(旧)",
            valid_from=dt.date(2011, 4, 1),
            valid_to=MERGED,
            tasks=("道路", "下水道"),
        ),
        Unit(id="tsumori", kind="工営所", name="津守工営所", valid_from=MERGED),
        Unit(
            id="pipe",
            kind="管路管理センター",
            name="津守管路管理センター",
            valid_from=MERGED,
            predecessors=("tsumori",),
        ),
    )
)


def rules(**overrides: Any) -> OrganisationRules:  # noqa: ANN401 - keyword overrides
    plain: dict[str, Any] = {
        "units": UNITS,
        "ward_codes": {WARD, OTHER_WARD},
        "team_offices": {"t1": "tsumori"},
        "districts_on": lambda _day: DISTRICTS,
        "hours": office_hours(),
        "communities": (
            Community(ward_code=WARD, name="北地域", district_ids=("d1", "d2")),
            Community(ward_code=WARD, name="南地域", district_ids=("d2",)),
        ),
    }
    return OrganisationRules(**{**plain, **overrides})


@pytest.fixture
def desk(engine: Engine) -> OrganisationDesk:
    return OrganisationDesk(SqlStaff(engine), FixedClock(moment("8:00")), rules())


def add(
    desk: OrganisationDesk,
    fact: Fact,
    first: dt.date = APRIL,
    until: dt.date | None = None,
) -> StaffRow:
    new = NewFact(fact=fact, valid_from=first, valid_to=until)
    return desk.add(new, who="庶務", why="異動")


def person(desk: OrganisationDesk, staff_id: str, name: str = "") -> StaffRow:
    return add(desk, Person(staff_id=staff_id, name=name or f"職員{staff_id}"))


def officer(
    desk: OrganisationDesk,
    staff_id: str,
    *districts: str,
    **overrides: Any,  # noqa: ANN401
) -> StaffRow:
    person(desk, staff_id)
    plain: dict[str, Any] = {
        "staff_id": staff_id,
        "role": Role.WARD_OFFICER,
        "unit": "西成区役所",
        "ward_code": WARD,
        "district_ids": districts,
    }
    return add(desk, Charge(**{**plain, **overrides}))


def names(people: tuple[Any, ...]) -> list[str]:
    return [one.person.staff_id for one in people]


# -- officers and substitutes ----------------------------------------------------------


def test_the_officer_of_a_district_is_the_one_who_has_it_by_name(
    desk: OrganisationDesk,
) -> None:
    officer(desk, "a", "d1", "d2")
    officer(desk, "b")  # the rest of the ward
    assert names(desk.officers_of(WARD, "d1", DAY)) == ["a"]
    assert names(desk.officers_of(WARD, "d3", DAY)) == ["b"]
    assert desk.officers_of(OTHER_WARD, "e1", DAY) == ()
    staff = desk.book().on(DAY)
    assert staff.districts_of("a", DISTRICTS) == ("d1", "d2")
    assert staff.districts_of("b", DISTRICTS) == ("d3",)


def test_nobody_is_in_charge_before_the_first_day_and_after_the_last(
    desk: OrganisationDesk,
) -> None:
    row = officer(desk, "a", "d1")
    desk.end(row.id, on=NEXT, who="庶務", why="退職")
    assert desk.officers_of(WARD, "d1", APRIL - ONE_DAY) == ()
    assert names(desk.officers_of(WARD, "d1", NEXT - ONE_DAY)) == ["a"]
    assert desk.officers_of(WARD, "d1", NEXT) == ()


def test_a_substitute_follows_the_one_who_is_away_and_only_for_those_days(
    desk: OrganisationDesk,
) -> None:
    officer(desk, "a", "d1")
    officer(desk, "b", "d2")
    until = DAY + 2 * ONE_DAY
    add(desk, Absence(staff_id="a"), DAY, until)
    add(desk, StandIn(staff_id="b", for_staff_id="a"), DAY, until)
    away, stands_in = desk.officers_of(WARD, "d1", DAY)
    assert (away.person.staff_id, away.is_away) == ("a", True)
    assert stands_in.stands_for == away.person
    assert desk.book().on(DAY).districts_of("b", DISTRICTS) == ("d1", "d2")
    assert names(desk.officers_of(WARD, "d1", until)) == ["a"]


def test_a_substitute_who_is_away_too_stands_in_for_nobody(
    desk: OrganisationDesk,
) -> None:
    officer(desk, "a", "d1")
    person(desk, "b")
    add(desk, StandIn(staff_id="b", for_staff_id="a"))
    add(desk, Absence(staff_id="b"), DAY, DAY + ONE_DAY)
    assert names(desk.officers_of(WARD, "d1", DAY)) == ["a"]
    assert names(desk.officers_of(WARD, "d1", DAY + ONE_DAY)) == ["a", "b"]


def test_two_charges_at_once_are_a_dual_role(desk: OrganisationDesk) -> None:
    officer(desk, "a", "d1")
    second = Charge(staff_id="a", role=Role.SAFETY_OFFICER, ward_code=WARD)
    add(desk, second)
    staff = desk.book().on(DAY)
    roles = {one.role for one in staff.charges_of("a")}
    assert roles == {Role.WARD_OFFICER, Role.SAFETY_OFFICER}
    assert names(staff.holders(Role.SAFETY_OFFICER, ward_code=WARD)) == ["a"]
    assert staff.holders(Role.SAFETY_OFFICER, unit="ほか") == ()


def test_supervisors_are_told_by_ward(desk: OrganisationDesk) -> None:
    officer(desk, "s", role=Role.WARD_SUPERVISOR)
    assert names(desk.supervisors_of(WARD, DAY)) == ["s"]
    assert desk.supervisors_of(OTHER_WARD, DAY) == ()


# -- on duty ---------------------------------------------------------------------------

EVENING = Hours(staff_id="e", weekdays=(1, 5), start_s=at("17:30"), end_s=at("21:00"))
NIGHT = Hours(staff_id="n", weekdays=(1,), start_s=at("21:00"), end_s=at("6:00"))
SATURDAY = DAY + 4 * ONE_DAY  # DAY is a Tuesday
HOLIDAY = DAY - ONE_DAY  # Monday 23 November


def on_duty(desk: OrganisationDesk, clock: str, day: dt.date = DAY) -> list[str]:
    return [one.staff_id for one in desk.on_duty(moment(clock, day))]


def test_who_has_no_hours_of_their_own_works_while_the_offices_are_open(
    desk: OrganisationDesk,
) -> None:
    person(desk, "a")
    assert on_duty(desk, "8:59") == []
    assert on_duty(desk, "9:00") == ["a"]
    assert on_duty(desk, "17:29") == ["a"]
    assert on_duty(desk, "17:30") == []
    assert on_duty(desk, "10:00", HOLIDAY) == []


def test_evening_weekend_and_night_turns_are_known(desk: OrganisationDesk) -> None:
    for staff_id in ("a", "e", "n"):
        person(desk, staff_id)
    add(desk, EVENING)
    add(desk, NIGHT)
    assert on_duty(desk, "10:00") == ["a"]  # those with hours work by them alone
    assert on_duty(desk, "18:00") == ["e"]
    assert on_duty(desk, "18:00", SATURDAY) == ["e"]
    assert on_duty(desk, "23:00") == ["n"]
    assert on_duty(desk, "5:59", DAY + ONE_DAY) == ["n"]  # begun the evening before
    assert on_duty(desk, "6:00", DAY + ONE_DAY) == []


def test_hours_hold_on_a_holiday_only_when_they_say_so(
    desk: OrganisationDesk,
) -> None:
    for staff_id, holidays in (("e", False), ("h", True)):
        person(desk, staff_id)
        hours = Hours(
            staff_id=staff_id,
            weekdays=(0,),
            start_s=at("9:00"),
            end_s=at("12:00"),
            on_holidays=holidays,
        )
        add(desk, hours)
    assert on_duty(desk, "10:00", HOLIDAY) == ["h"]


def test_an_absence_ends_the_usual_hours_and_an_extra_turn_adds_to_them(
    desk: OrganisationDesk,
) -> None:
    for staff_id in ("a", "e"):
        person(desk, staff_id)
    add(desk, EVENING)
    add(desk, Absence(staff_id="a"), DAY, DAY + ONE_DAY)
    add(desk, Absence(staff_id="e"), DAY, DAY + ONE_DAY)
    extra = Extra(staff_id="a", start_s=at("19:00"), end_s=at("20:00"))
    add(desk, extra, DAY, DAY + ONE_DAY)
    assert on_duty(desk, "10:00") == []
    assert on_duty(desk, "19:30") == ["a"]


# -- rows are added and ended ----------------------------------------------------------


def test_a_charge_moves_to_a_colleague_on_a_day_and_the_past_stays(
    desk: OrganisationDesk,
) -> None:
    row = officer(desk, "a", "d1")
    person(desk, "b")
    moved = desk.hand_over(row.id, to="b", on=NEXT, who="庶務", why="定期異動")
    assert names(desk.officers_of(WARD, "d1", NEXT - ONE_DAY)) == ["a"]
    assert names(desk.officers_of(WARD, "d1", NEXT)) == ["b"]
    before = desk.row(row.id)
    assert before.ended == Mark(at=moment("8:00"), who="庶務", why="定期異動")
    assert moved.opened == before.ended
    assert [one.id for one in desk.book().changes_on(NEXT)] == [row.id]


def test_a_row_ends_once(desk: OrganisationDesk) -> None:
    row = officer(desk, "a", "d1")
    desk.end(row.id, on=NEXT, who="庶務", why="異動")
    with pytest.raises(ConflictError, match="すでに終わり"):
        desk.end(row.id, on=DAY, who="庶務", why="異動")
    with pytest.raises(ConflictError, match="すでに終わり"):
        desk.hand_over(row.id, to="a", on=NEXT, who="庶務", why="異動")


def test_of_two_who_end_a_row_at_once_one_wins(
    desk: OrganisationDesk, engine: Engine
) -> None:
    row = person(desk, "a")
    mark = Mark(at=moment("8:00"), who="庶務", why="退職")
    ended = row.ended_by(mark, on=NEXT)
    store = SqlStaff(engine)
    store.change(end=[ended])
    with pytest.raises(ConflictError, match="開き直して"):
        store.change(end=[ended])
    with pytest.raises(ValueError, match="without its end"):
        store.change(end=[row])


def test_a_row_ended_on_its_first_day_never_held(desk: OrganisationDesk) -> None:
    row = officer(desk, "a", "d1")
    desk.end(row.id, on=APRIL, who="庶務", why="間違い")
    assert desk.officers_of(WARD, "d1", DAY) == ()
    assert desk.book().changes_on(APRIL) == ()
    again = Charge(
        staff_id="a", role=Role.WARD_OFFICER, ward_code=WARD, district_ids=("d1",)
    )
    add(desk, again)  # what never held stands in nobody's way
    assert names(desk.officers_of(WARD, "d1", DAY)) == ["a"]


@pytest.mark.parametrize(
    ("day", "problem"),
    [(APRIL - ONE_DAY, "始まりより前"), (NEXT + ONE_DAY, "その日より前に終わります")],
)
def test_a_row_ends_within_its_own_days(
    desk: OrganisationDesk, day: dt.date, problem: str
) -> None:
    person(desk, "a")
    row = add(desk, Absence(staff_id="a"), APRIL, NEXT)
    with pytest.raises(InvalidInputError, match=problem):
        desk.end(row.id, on=day, who="庶務", why="変更")


def test_a_person_leaves_after_their_charges(desk: OrganisationDesk) -> None:
    row = person(desk, "a")
    charge = add(desk, Charge(staff_id="a", role=Role.SAFETY_OFFICER, ward_code=WARD))
    with pytest.raises(ConflictError, match="担当が残っています"):
        desk.end(row.id, on=NEXT, who="庶務", why="退職")
    desk.end(charge.id, on=NEXT, who="庶務", why="退職")
    desk.end(row.id, on=NEXT, who="庶務", why="退職")
    assert "a" not in desk.book().on(NEXT).people


def test_only_a_charge_is_handed_over(desk: OrganisationDesk) -> None:
    row = person(desk, "a")
    with pytest.raises(InvalidInputError, match="担当だけ"):
        desk.hand_over(row.id, to="b", on=NEXT, who="庶務", why="異動")


def test_another_process_sees_a_change_at_once(
    desk: OrganisationDesk, engine: Engine
) -> None:
    other = SqlStaff(engine)
    assert other.book().rows == ()
    row = person(desk, "a")
    assert other.book().on(DAY).people.keys() == {"a"}
    assert other.book() is other.book()  # unchanged: from memory
    desk.end(row.id, on=DAY, who="庶務", why="退職")
    assert not other.book().on(DAY).people
    with pytest.raises(NotFoundError):
        other.get("missing")


# -- what is refused -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fact", "field"),
    [
        (Charge(staff_id="a", role=Role.SAFETY_OFFICER, ward_code="9"), "ward"),
        (
            Charge(
                staff_id="a",
                role=Role.WARD_OFFICER,
                ward_code=WARD,
                district_ids=("e1",),
            ),
            "districts",
        ),
        (
            Charge(staff_id="a", role=Role.TEAM, unit="tsumori", team_ids=("x",)),
            "teams",
        ),
        (Charge(staff_id="a", role=Role.DISPATCHER, unit="nowhere"), "unit"),
        (Absence(staff_id="stranger"), "staff_id"),
        (StandIn(staff_id="a", for_staff_id="stranger"), "for_staff_id"),
    ],
)
def test_what_the_city_has_not_is_refused(
    desk: OrganisationDesk, fact: Fact, field: str
) -> None:
    person(desk, "a")
    with pytest.raises(InvalidInputError) as caught:
        add(desk, fact)
    assert caught.value.field == field


def test_the_same_for_the_same_days_is_refused(desk: OrganisationDesk) -> None:
    officer(desk, "a", "d1")
    again = Charge(
        staff_id="a",
        role=Role.WARD_OFFICER,
        unit="西成区役所",
        ward_code=WARD,
        district_ids=("d1",),
    )
    with pytest.raises(ConflictError, match="もうあります"):
        add(desk, again, DAY)
    with pytest.raises(ConflictError, match="もうあります"):
        add(desk, Person(staff_id="a", name="別の名"), DAY)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Person(staff_id="", name="名"),
        lambda: Person(staff_id="a b", name="名"),
        lambda: Person(staff_id="あ", name="名"),
        lambda: Person(staff_id="a" * 41, name="名"),
        lambda: Person(staff_id="a", name=" "),
        lambda: Charge(staff_id="a", role=Role.AUDITOR),
        lambda: Charge(staff_id="a", role=Role.WARD_SUPERVISOR),
        lambda: Charge(
            staff_id="a", role=Role.TEAM, unit="tsumori", district_ids=("d1",)
        ),
        lambda: Charge(staff_id="a", role=Role.TEAM, team_ids=("t",) * 61),
        lambda: StandIn(staff_id="a", for_staff_id="a"),
        lambda: Hours(staff_id="a", weekdays=(), start_s=0, end_s=1),
        lambda: Hours(staff_id="a", weekdays=(7,), start_s=0, end_s=1),
        lambda: Hours(staff_id="a", weekdays=(1,), start_s=-1, end_s=1),
        lambda: Extra(staff_id="a", start_s=0, end_s=90_000),
        lambda: Mark(at=moment("8:00"), who="", why="異動"),
        lambda: Mark(at=moment("8:00"), who="庶務", why=" "),
    ],
    ids=map(str, range(16)),
)
def test_a_fact_that_makes_no_sense_is_refused(wrong: Any) -> None:  # noqa: ANN401
    with pytest.raises(InvalidInputError):
        wrong()


@pytest.mark.parametrize(
    ("first", "until"),
    [(DAY, DAY), (DAY, DAY - ONE_DAY), (dt.date(1, 1, 1), None)],
)
def test_a_row_lasts_a_day_at_least_in_a_year_that_can_be_believed(
    desk: OrganisationDesk, first: dt.date, until: dt.date | None
) -> None:
    with pytest.raises(InvalidInputError):
        add(desk, Person(staff_id="a", name="名"), first, until)


def test_of_many_groups_each_is_kept_as_a_whole_or_not_at_all(
    desk: OrganisationDesk,
) -> None:
    good = [
        NewFact(fact=Person(staff_id="a", name="名"), valid_from=APRIL),
        NewFact(fact=Absence(staff_id="a"), valid_from=DAY, valid_to=DAY + ONE_DAY),
    ]
    half = [
        NewFact(fact=Person(staff_id="b", name="名"), valid_from=APRIL),
        NewFact(fact=Absence(staff_id="c"), valid_from=DAY, valid_to=DAY + ONE_DAY),
    ]
    told = desk.add_each([good, half, half[:1]], who="庶務", why="名簿")
    assert told[0] is None
    assert isinstance(told[1], InvalidInputError)
    assert told[2] is None  # "b" did not stay from the group before
    assert set(desk.book().on(DAY).people) == {"a", "b"}


# -- units -----------------------------------------------------------------------------


def test_a_unit_keeps_the_name_of_each_of_its_days() -> None:
    assert UNITS.name_on("tsumori", MERGED - ONE_DAY) == "津守工営所(旧)"
    assert UNITS.name_on("tsumori", MERGED) == "津守工営所"
    assert UNITS.name_on("tsumori", dt.date(1990, 1, 1)) == "津守工営所(旧)"
    assert UNITS.name_on("nowhere", DAY) is None
    assert UNITS.unit_on("pipe", MERGED - ONE_DAY) is None
    assert [one.id for one in UNITS.successors("tsumori")] == ["pipe"]
    assert len(UNITS.on(DAY)) == 2


def test_the_desk_tells_offices_and_community_areas(desk: OrganisationDesk) -> None:
    assert desk.office_name("tsumori", dt.date(2012, 1, 1)) == "津守工営所(旧)"
    assert [one.name for one in desk.communities_of("d2")] == ["北地域", "南地域"]
    assert desk.communities_of("e1") == ()
    assert "t1" in desk.rules.team_offices
