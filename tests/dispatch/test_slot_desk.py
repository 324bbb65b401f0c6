"""Promises of time: offered, held and taken, and nothing is given twice."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, select

from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.database import reading
from dispatch.adapters.slot_store import SqlSlotHolds
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.tables import slots
from dispatch.chart_opening import Intake
from dispatch.domain.assignment import SharingPolicy
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.consultation import Appointment
from dispatch.domain.errors import ConflictError, InvalidInputError, NotFoundError
from dispatch.domain.place import LonLat
from dispatch.domain.placing import PlaceLevel
from dispatch.domain.reporter import Reporter
from dispatch.domain.schedule import Order
from dispatch.domain.slots import Slot
from dispatch.domain.travel import TravelMatrix
from dispatch.intake import IntakeDesk
from dispatch.ports import AddedChart, IdempotencyKey, KeptSlot, PlanStatus, StoredPlan
from dispatch.prepared_day import DayInput, prepare_day
from dispatch.slot_days import DayStores, SlotRules, linked_starts
from dispatch.slot_desk import SlotDesk, SlotTools, SlotWish
from tests.builders import (
    DAY,
    MIN,
    OWN,
    TOKYO,
    YARD,
    FakeGeocoder,
    StraightTravel,
    assignment,
    at,
    catalogue,
    category,
    chart,
    consultation,
    day_problem,
    intake_rules,
    moment,
    new_chart,
    placement,
    plan_of,
    team_day,
    town,
    visit,
)

EAST = LonLat(135.55, 34.70)
HERE, THERE, SOUTH = "北区中之島1丁目", "城東区1丁目", "住之江区1丁目"
BESIDE = "北区中之島2丁目"
LONG = "L01"  # four hours of work: a team does it once a day
TUESDAY, WEDNESDAY, MONDAY = DAY, DAY + dt.timedelta(days=1), DAY + dt.timedelta(days=6)


class ParkedTravel(StraightTravel):
    """Every drive takes three minutes more, to park and to unload."""

    def matrix(self, places: Sequence[LonLat], *, at: dt.datetime) -> TravelMatrix:
        """Straight lines, and the parking."""
        plain = super().matrix(places, at=at)
        parking_s = 180 * (1 - np.eye(len(plain), dtype=np.int64))
        return replace(plain, duration_s=plain.duration_s + parking_s)


class Beaten(SqlSlotHolds):
    """Another hold is always faster."""

    beaten = False

    def hold(self, slot_id: str, *, number: int, until: dt.datetime) -> bool:
        """Refuse while beaten."""
        return not self.beaten and super().hold(slot_id, number=number, until=until)


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """A desk with its stores: two teams in the north, one in the south and east."""

    engine: Engine
    charts: SqlStore
    holds: Beaten
    clock: FixedClock = field(default_factory=lambda: FixedClock(moment("8:00")))
    sharing: SharingPolicy = OWN
    travel: StraightTravel = field(default_factory=StraightTravel)
    bundle_m: float = 0.0

    @property
    def intake(self) -> IntakeDesk:
        """Reception that knows three places."""
        known = {
            HERE: placement(YARD, message=f"{HERE}で特定", landmark="橋"),
            THERE: placement(EAST),
            SOUTH: placement(LonLat(135.50, 34.62)),
            BESIDE: placement(LonLat(135.4897, 34.70)),
            "北区": placement(YARD, level=PlaceLevel.WARD),
        }
        return IntakeDesk(
            self.charts, FakeGeocoder(known=known), StraightTravel(), RULES, self.clock
        )

    @property
    def desk(self) -> SlotDesk:
        """Desk of promises."""
        stores = DayStores(
            charts=self.charts,
            plans=self.charts,
            holds=self.holds,
            travel_times=self.travel,
        )
        rules = SlotRules(
            timezone=TOKYO,
            hours=RULES.hours,
            offices=RULES.offices,
            teams=RULES.teams,
            catalogue=RULES.catalogue,
            sharing=self.sharing,
            bundle_m=self.bundle_m,
            walk_m_per_s=1.2,
        )
        return SlotDesk(
            SlotTools(stores=stores, intake=self.intake, clock=self.clock), rules
        )

    def offered(
        self,
        code: str = "R01",
        *,
        client: str = "web",
        **overrides: Any,  # noqa: ANN401
    ) -> list[Slot]:
        """Ask for windows of two hours for work at the yard of the north."""
        said = {
            "category_code": code,
            "address_text": overrides.pop("address", HERE),
            "raised_urgency": overrides.pop("urgency", None),
        }
        wish = SlotWish(consultation=consultation(**said), window_s=120 * MIN)
        return self.desk.offer(replace(wish, **overrides), client=client)

    def held(self, slot: Slot) -> KeptSlot:
        """Hold a slot."""
        return self.desk.hold(slot.id, client=slot.client)

    def received(
        self,
        slot: Slot,
        *,
        key: str = "",
        **overrides: Any,  # noqa: ANN401
    ) -> AddedChart:
        """Send the consultation of a slot."""
        told = {
            "category_code": slot.chart.consultation.category_code,
            "address_text": HERE,
            "received_at": self.clock.now(),
            **overrides,
        }
        intake = Intake(
            consultation=consultation(**told),
            reporter=Reporter(),
            idempotency=(
                IdempotencyKey(client=slot.client, key=key, body_sha256="0")
                if key
                else None
            ),
        )
        return self.desk.receive(slot.id, intake, client=slot.client, who="API")

    def planned(
        self, day: dt.date, orders: Sequence[Order], *, publish: bool = True
    ) -> None:
        """Make a plan of all charts of the store."""
        charts = self.charts.find()
        teams = [one for one in RULES.teams if one.office_id == "north"]
        problem = prepare_day(
            DayInput(
                date=day,
                timezone=TOKYO,
                offices=RULES.offices,
                teams=teams,
                catalogue=RULES.catalogue,
                sharing=OWN,
                charts=charts,
            ),
            StraightTravel(),
        ).problem
        draft = StoredPlan(
            id=f"p{day.day}{publish}",
            version=0,
            status=PlanStatus.DRAFT,
            made_at=self.clock.now(),
            made_by="配車係",
            plan=plan_of(problem, orders),
            num_feasible=0,
            num_violations=0,
            reasons={},
        )
        stored = self.charts.add_plan(draft)
        if publish:
            self.charts.publish(stored.id, at=self.clock.now(), changes=[], left_out=[])


RULES = intake_rules(
    catalogue=catalogue(category(LONG, onsite_s=4 * 60 * MIN)), teams=town().teams
)


@pytest.fixture
def city(engine: Engine) -> City:
    store = SqlStore(engine, RULES.catalogue)
    return City(engine=engine, charts=store, holds=Beaten(engine))


def days(found: Sequence[Slot]) -> list[dt.date]:
    return sorted({slot.date for slot in found})


def clocks(found: Sequence[Slot], day: dt.date = DAY) -> list[str]:
    return [f"{slot.appointment.start_at:%H:%M}" for slot in found if slot.date == day]


def open_chart(chart_id: str, code: str = LONG, **overrides: Any) -> CaseChart:  # noqa: ANN401
    """Build a chart of four hours of work at the yard of the north."""
    said = consultation(
        category_code=code,
        received_at=moment("7:00"),
        appointment=overrides.pop("appointment", None),
    )
    return chart(chart_id, consultation=said, **overrides)


def stored(city: City, *charts: CaseChart) -> None:
    city.charts.add_all([new_chart(one.id, chart=one) for one in charts])


def promise(start: str, end: str, day: dt.date = DAY) -> Appointment:
    return Appointment(start_at=moment(start, day), end_at=moment(end, day))


NOON = promise("12:00", "14:00")


# -- offered ---------------------------------------------------------------------------


def test_the_next_five_working_days_are_offered_alike_by_date_and_time(
    city: City,
) -> None:
    found = city.offered()
    # Tuesday to Friday and Monday; twenty slots are the four first of each day, since
    # work at the yard costs no driving at any time
    assert days(found) == [*(DAY + dt.timedelta(days=n) for n in range(4)), MONDAY]
    assert (
        clocks(found) == clocks(found, MONDAY) == ["09:00", "10:00", "11:00", "12:00"]
    )
    assert {slot.price_min for slot in found} == {0}
    assert found == sorted(found, key=lambda slot: slot.appointment.start_at)
    first = found[0].appointment
    assert first.start_at.isoformat() == "2026-11-24T09:00:00+09:00"
    assert first.end_at.isoformat() == "2026-11-24T11:00:00+09:00"


def test_the_price_is_the_way_there_and_back(city: City) -> None:
    shared = replace(city, sharing=SharingPolicy.ALL)
    east = assignment(office_id="east", team_id=None)
    stored(
        city,
        open_chart("c1", appointment=NOON, placement=placement(EAST), assignment=east),
    )
    found = shared.offered(address=THERE, last=DAY, window_s=60 * MIN)
    # In the morning the team of the east is in its yard. From 14:00 it is at work for
    # four hours that began at 13:30 at the latest, and one of the north comes: 4,571 m
    # there and back at 20 km/h are 1,646 s, 27.4 minutes.
    by_clock = dict(zip(clocks(found), (slot.price_min for slot in found), strict=True))
    assert (by_clock["09:00"], by_clock["14:00"]) == (0, 28)


@pytest.mark.parametrize(("bundle_m", "price_min"), [(40.0, 1), (0.0, 4)])
def test_a_place_beside_a_planned_stop_is_priced_with_the_walk(
    bundle_m: float, price_min: int, city: City
) -> None:
    stored(city, open_chart("c1", placement=placement(LonLat(135.49, 34.70))))
    city.planned(DAY, ((0,), ()))
    beside = replace(city, travel=ParkedTravel(), bundle_m=bundle_m)
    # 27 m farther from the yard than the stop: 5 s more for the way back. A walk of
    # 27.4 m at 1.2 m/s is 23 s, together 28 s; a drive is 4 s and 180 for parking.
    found = beside.offered(address=BESIDE, last=DAY)
    assert min(slot.price_min for slot in found) == price_min


def test_windows_that_have_begun_are_not_offered(city: City) -> None:
    city.clock.moment = moment("13:00")
    assert clocks(city.offered(last=DAY)) == ["14:00", "15:00"]
    city.clock.moment = moment("15:00")
    assert city.offered(first=DAY, last=DAY) == []
    # when the offices are closed, five days are counted from their next opening
    city.clock.moment = moment("18:00")
    assert len(days(city.offered())) == 5
    assert days(city.offered())[0] == WEDNESDAY


def test_days_length_and_number_are_as_wished(city: City) -> None:
    found = city.offered(first=WEDNESDAY, last=WEDNESDAY, window_s=240 * MIN, limit=3)
    assert clocks(found, WEDNESDAY) == ["09:00", "10:00", "11:00"]
    assert found[0].appointment == promise("9:00", "13:00", WEDNESDAY)
    assert (
        len(city.offered(first=DAY, last=DAY + dt.timedelta(days=14), limit=99)) == 20
    )
    # a weekend has no day to offer
    saturday = DAY + dt.timedelta(days=4)
    assert city.offered(first=saturday, last=saturday) == []
    # with no last day, not further than a day can be planned
    assert days(city.offered(first=DAY + dt.timedelta(days=13))) == [
        DAY + dt.timedelta(days=13),
        DAY + dt.timedelta(days=14),
    ]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"first": DAY - dt.timedelta(days=1)}, "from"),
        ({"first": DAY + dt.timedelta(days=15)}, "from"),
        ({"last": DAY - dt.timedelta(days=1)}, "until"),
        ({"first": WEDNESDAY, "last": TUESDAY}, "until"),
        ({"last": DAY + dt.timedelta(days=15)}, "until"),
        ({"code": "D01"}, "category"),
        ({"code": "P01"}, "category"),
        ({"code": "X99"}, "category"),
        ({"address": "どこか"}, "address"),
        ({"address": "北区"}, "address"),  # the middle of a ward is no place to go to
    ],
)
def test_what_cannot_be_promised_is_refused_with_its_field(
    asked: dict[str, Any], field: str, city: City
) -> None:
    with pytest.raises(InvalidInputError) as problem:
        city.offered(**asked)
    assert problem.value.field == field


def test_an_urgent_case_is_promised_no_later_than_it_is_due(city: City) -> None:
    city.clock.moment = moment("8:00")
    # an hour from the opening: until 10:00, which no window but the first holds
    assert clocks(city.offered("S01")) == ["09:00", "10:00"]
    assert days(city.offered("S01")) == [DAY]


def test_nothing_that_was_said_is_kept(city: City) -> None:
    (slot,) = city.offered(limit=1)
    with reading(city.engine) as connection:
        body = connection.execute(select(slots.c.body)).scalar_one()
    for words in ("穴", "中之島", "橋"):
        assert words not in body
    assert slot.chart.placement is not None
    assert slot.chart.placement.place == YARD


# -- what is settled already -----------------------------------------------------------


def test_work_of_the_plan_in_force_is_in_the_way(city: City) -> None:
    stored(city, open_chart("c1"), open_chart("c2"))
    # Lunch must end by 13:30, so four hours of work begin after it, from 12:15 to
    # 13:30: a team does it once a day.
    assert clocks(city.offered(LONG, last=DAY)) == ["11:00", "12:00", "13:00"]
    city.planned(DAY, [(0,), (1,)])
    assert city.offered(LONG, last=DAY) == []
    # Half an hour does fit, before the long work or after 16:15. From 14:00 to 15:50
    # (ten minutes to spare) both teams are at it, and nothing is pushed out.
    free = ["09:00", "10:00", "11:00", "12:00", "13:00", "15:00"]
    assert clocks(city.offered("R01", last=DAY)) == free


def test_without_a_plan_in_force_the_newest_draft_counts(city: City) -> None:
    stored(city, open_chart("c1"), open_chart("c2"))
    city.planned(WEDNESDAY, [(0,), (1,)], publish=False)
    assert city.offered(LONG, first=WEDNESDAY, last=WEDNESDAY) == []
    assert city.offered(LONG, last=DAY) != []


def test_promises_in_charts_that_no_plan_has_are_in_the_way(city: City) -> None:
    stored(city, open_chart("c1", appointment=NOON), open_chart("c2"))
    # one team is left, and the chart that is only open takes no room
    assert clocks(city.offered(LONG, last=DAY)) != []
    stored(city, open_chart("c3", appointment=NOON))
    assert city.offered(LONG, last=DAY) == []
    # another day is as it was
    assert city.offered(LONG, first=WEDNESDAY, last=WEDNESDAY) != []


def test_a_promise_that_the_plan_has_is_counted_once(city: City) -> None:
    stored(city, open_chart("c1", appointment=NOON))
    city.planned(DAY, [(0,), ()])
    # the second team is free
    assert clocks(city.offered(LONG, last=DAY)) != []


def test_work_of_another_office_is_not_in_the_way(city: City) -> None:
    south = assignment(office_id="south", team_id=None)
    gone = assignment(office_id="gone", team_id=None)
    stored(
        city,
        *(open_chart(f"s{n}", assignment=south, appointment=NOON) for n in range(2)),
        *(open_chart(f"g{n}", assignment=gone, appointment=NOON) for n in range(2)),
    )
    assert clocks(city.offered(LONG, last=DAY)) != []


def test_what_neighbours_have_promised_goes_to_their_own_team_first(city: City) -> None:
    shared = replace(city, sharing=SharingPolicy.NEIGHBOURS)
    east = assignment(office_id="east", team_id=None)
    stored(
        city,
        open_chart("e1", appointment=NOON, placement=placement(EAST), assignment=east),
    )
    # north, its two teams, and the east's: three long works, of which one is promised
    for _ in range(2):
        shared.held(shared.offered(LONG, last=DAY)[0])
    assert shared.offered(LONG, last=DAY) == []


# -- held ------------------------------------------------------------------------------


def test_a_held_slot_is_held_ten_minutes_and_in_nobodys_offer(city: City) -> None:
    first = city.offered(LONG, last=DAY)
    kept = city.held(first[0])
    assert kept.slot == first[0]
    assert kept.held_until == moment("8:10")
    second = city.offered(LONG, last=DAY, client="app")
    city.held(second[0])
    # both teams have their long work now
    assert city.offered(LONG, last=DAY) == []
    city.clock.moment = moment("8:10")
    assert clocks(city.offered(LONG, last=DAY)) == clocks(first)


def test_to_hold_again_answers_the_same_and_no_longer(city: City) -> None:
    slot = city.offered(LONG, last=DAY)[0]
    kept = city.held(slot)
    city.clock.moment = moment("8:05")
    assert city.held(slot) == kept
    assert len(city.holds.held_on(DAY, at=moment("8:05")).slots) == 1
    city.clock.moment = moment("8:10")
    with pytest.raises(ConflictError, match="期限が過ぎました"):
        city.held(slot)


def test_a_slot_of_another_client_is_not_there(city: City) -> None:
    slot = city.offered(limit=1)[0]
    with pytest.raises(NotFoundError):
        city.desk.hold(slot.id, client="app")


def test_an_offer_that_the_day_has_no_room_for_any_more_is_refused(city: City) -> None:
    slot = city.offered(LONG, last=DAY)[0]
    stored(
        city,
        *(open_chart(f"c{n}", appointment=NOON) for n in range(2)),
    )
    with pytest.raises(ConflictError, match="埋まりました"):
        city.held(slot)


def test_a_window_that_has_begun_is_not_held_any_more(city: City) -> None:
    city.clock.moment = moment("8:59")
    slot = city.offered(limit=1)[0]
    city.clock.moment = slot.appointment.start_at  # 9:00, within the hour of the offer
    with pytest.raises(ConflictError, match="埋まりました"):
        city.held(slot)


def test_two_who_are_beaten_every_time_are_told_to_try_again(city: City) -> None:
    slot = city.offered(limit=1)[0]
    city.holds.beaten = True
    with pytest.raises(ConflictError, match="もう一度"):
        city.held(slot)


@pytest.mark.parametrize("attempt", range(3))
def test_of_four_who_hold_the_last_slot_at_once_one_gets_it(
    attempt: int, city: City
) -> None:
    del attempt
    city.held(city.offered(LONG, last=DAY)[0])
    clients = ("a", "b", "c", "d")
    asked = [city.offered(LONG, last=DAY, client=one)[0] for one in clients]
    barrier = threading.Barrier(len(clients))
    answers: list[str] = []

    def hold(slot: Slot) -> None:
        barrier.wait(10)
        try:
            city.held(slot)
        except ConflictError as problem:
            answers.append(f"{problem}")
        else:
            answers.append("held")

    threads = [threading.Thread(target=hold, args=(slot,)) for slot in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answer[:5] for answer in answers) == ["held", *["この時間帯"] * 3]
    assert len(city.holds.held_on(DAY, at=moment("8:00")).slots) == 2


# -- taken -----------------------------------------------------------------------------


def test_a_held_slot_becomes_the_appointment_of_the_chart(city: City) -> None:
    slot = city.offered(LONG, last=DAY)[0]
    city.held(slot)
    added = city.received(slot)
    assert added.is_new
    assert added.chart.consultation.appointment == slot.appointment
    # its hold is over; the promise stands in the chart and is in the way as before
    assert city.holds.held_on(DAY, at=moment("8:00")).slots == ()
    other = city.offered(LONG, last=DAY)[0]
    city.held(other)
    assert city.offered(LONG, last=DAY) == []
    with pytest.raises(ConflictError, match="ほかの相談"):
        city.received(slot)


def test_a_retry_with_the_same_key_answers_with_the_same_chart(city: City) -> None:
    slot = city.offered(limit=1)[0]
    city.held(slot)
    first = city.received(slot, key="k1")
    city.clock.moment = moment("8:30")
    again = city.received(slot, key="k1")
    assert (first.is_new, again.is_new) == (True, False)
    assert again.chart == first.chart


def test_a_slot_that_is_not_held_is_not_taken(city: City) -> None:
    slot = city.offered(limit=1)[0]
    with pytest.raises(ConflictError, match="先に確保"):
        city.received(slot)
    city.held(slot)
    city.clock.moment = moment("8:10")
    with pytest.raises(ConflictError, match="期限が過ぎました"):
        city.received(slot)
    assert city.charts.find() == []


@pytest.mark.parametrize(
    "other",
    [
        {"category_code": LONG},
        {"address_text": THERE},
        {"address_text": "どこか"},
        {"category_code": "D01"},
    ],
)
def test_other_work_does_not_get_the_window_and_the_hold_stays(
    other: dict[str, Any], city: City
) -> None:
    slot = city.offered(limit=1)[0]
    city.held(slot)
    with pytest.raises(InvalidInputError) as problem:
        city.received(slot, **other)
    assert problem.value.field == "slot_id"
    assert city.charts.find() == []
    assert city.received(slot).is_new


def test_a_consultation_that_is_here_without_the_promise_does_not_get_it(
    city: City,
) -> None:
    known = {"source": "web", "external_id": "case-1"}
    said = consultation(address_text=HERE, received_at=moment("7:00"), **known)
    city.intake.receive(Intake(consultation=said, reporter=Reporter()), who="API")
    slot = city.offered(limit=1)[0]
    city.held(slot)
    with pytest.raises(ConflictError, match="受け付け済み"):
        city.received(slot, **known)
    assert city.received(slot).is_new


def test_moments_of_the_plan_are_kept_for_visits_that_are_bound_to_others() -> None:
    both = visit("both", num_teams=2)
    days_of = [team_day(team) for team in town().teams[:2]]
    problem = day_problem([(both, 10), (visit("plain"), 10)], days=days_of)
    plan = plan_of(day_problem([(visit("both"), 10)]), [(0,)])
    # leaves at 9:00, ten minutes on the road
    assert linked_starts(plan, problem) == {0: at("9:10")}
    assert linked_starts(None, problem) == {}
