"""Named valid domain values with keyword overrides, and small fakes of the ports.

Distances are told in minutes along one straight road (`road`), so that a test can do
its arithmetic aloud; `town()` has real coordinates near Osaka.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from dispatch.chart_opening import IntakeRules
from dispatch.domain.assignment import Assignment, AssignmentPolicy, SharingPolicy
from dispatch.domain.case_chart import CaseChart, ChartEntry, ChartStatus, EntryKind
from dispatch.domain.catalogue import (
    Catalogue,
    Duty,
    ResponseUnit,
    Urgency,
    WorkCategory,
)
from dispatch.domain.consultation import Channel, Consultation
from dispatch.domain.deadlines import OfficeHours
from dispatch.domain.place import LonLat, WorksOffice, great_circle_m
from dispatch.domain.placing import PlaceLevel, Placement, PlacingStatus
from dispatch.domain.plan import Plan, Score, level_of_legs
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.receivers import Receiver, Receivers
from dispatch.domain.reporter import Reporter
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.score import score_of
from dispatch.domain.team import Lunch, MobileTeam, Shift, Vehicle
from dispatch.domain.travel import UNREACHABLE_S, TravelLevel, TravelMatrix
from dispatch.domain.visit import Visit
from dispatch.ports import NewChart

TOKYO = ZoneInfo("Asia/Tokyo")
DAY = dt.date(2026, 11, 24)  # a Tuesday; Monday 23 was a holiday
MIN = 60
YARD = LonLat(135.50, 34.70)
FOREVER = dt.date(2000, 1, 1)


def at(clock: str) -> int:
    """Seconds after midnight of a clock time: ``at("9:05") == 32_700``."""
    hours, minutes = clock.split(":")
    return int(hours) * 3600 + int(minutes) * MIN


def moment(clock: str, day: dt.date = DAY) -> dt.datetime:
    """Aware time in Osaka on the plan's day, or another."""
    return dt.datetime.combine(day, dt.time(), TOKYO) + dt.timedelta(seconds=at(clock))


# -- people and rules ------------------------------------------------------------------

LUNCH = Lunch(
    nominal_s=at("12:00"),
    duration_s=45 * MIN,
    earliest_s=at("11:30"),
    latest_end_s=at("13:30"),
)


def shift(**overrides: Any) -> Shift:  # noqa: ANN401 - keyword overrides
    """9:00-17:30 with 45 minutes of lunch inside 11:30-13:30, no overtime."""
    whole = Shift(start_s=at("9:00"), end_s=at("17:30"), lunch=LUNCH)
    return replace(whole, **overrides)


def office(office_id: str = "north", **overrides: Any) -> WorksOffice:  # noqa: ANN401
    """One works office with its yard near Osaka station."""
    plain = WorksOffice(
        id=office_id, name=f"{office_id}工営所", address="", tel="", place=YARD
    )
    return replace(plain, **overrides)


def team(team_id: str = "t1", **overrides: Any) -> MobileTeam:  # noqa: ANN401
    """Two people of the north office, 500 kg, no special skill."""
    plain = MobileTeam(
        id=team_id,
        office_id="north",
        name=f"機動班{team_id}",
        letter="A",
        vehicle=Vehicle(name="軽トラック", load_kg=500),
        crew_size=2,
        skills=frozenset(),
        base=YARD,
        shift=shift(),
    )
    return replace(plain, **overrides)


def category(code: str = "R01", **overrides: Any) -> WorkCategory:  # noqa: ANN401
    """Thirty minutes of field work for two, urgency B, due in three working days."""
    plain = WorkCategory(
        code=code,
        name=f"分類{code}",
        group="道路",
        duty=Duty.FIELD,
        receiver="",
        urgency=Urgency.B,
        response_unit=ResponseUnit.WORKING_DAYS,
        response_value=3,
        onsite_s=30 * MIN,
        crew=2,
    )
    return replace(plain, **overrides)


def catalogue(*more: WorkCategory) -> Catalogue:
    """Pothole, cave-in (S), sewer (skill), bicycle (hold), park (partner), referral."""
    return Catalogue(
        (
            category("R01"),
            category(
                "S01",
                urgency=Urgency.S,
                response_unit=ResponseUnit.MINUTES,
                response_value=60,
            ),
            category("W01", skills=frozenset({"sewer"}), load_kg=100),
            category("E07", hold_days=7),
            category("P01", duty=Duty.PARTNER, receiver="park"),
            category(
                "D01",
                duty=Duty.REFERRAL,
                urgency=Urgency.D,
                receiver="市民相談室",
                onsite_s=0,
            ),
            *more,
        )
    )


def office_hours() -> OfficeHours:
    """9:00-17:30, Monday to Friday, closed on 23 November and 29 December-3 January."""
    return OfficeHours(
        opens_s=at("9:00"), closes_s=at("17:30"), is_working_day=is_working_day
    )


def is_working_day(day: dt.date) -> bool:
    """Monday to Friday, not a holiday of the autumn, not the turn of the year."""
    closed = {(11, 3), (11, 23), (12, 29), (12, 30), (12, 31), (1, 1), (1, 2), (1, 3)}
    return day.weekday() < 5 and (day.month, day.day) not in closed


# -- a small day -----------------------------------------------------------------------


def road(
    minutes: Sequence[int], *, unreachable: Sequence[int] = (), m_per_min: int = 400
) -> TravelMatrix:
    """Places along one straight road: minutes apart are minutes of driving."""
    where = np.array(minutes, dtype=np.int64)
    apart = np.abs(where[:, None] - where[None, :])
    duration_s = apart * MIN
    for node in unreachable:
        duration_s[node, :] = UNREACHABLE_S
        duration_s[:, node] = UNREACHABLE_S
        duration_s[node, node] = 0
    return TravelMatrix(
        duration_s=duration_s,
        distance_m=apart * m_per_min,
        level=TravelLevel.STRAIGHT_LINE,
    )


def visit(visit_id: str = "v1", **overrides: Any) -> Visit:  # noqa: ANN401
    """Thirty minutes of urgency B for the north office, any time of the day."""
    plain = Visit(
        id=visit_id,
        category_code="R01",
        urgency=Urgency.B,
        place=YARD,
        service_s=30 * MIN,
        office_id="north",
        allowed_office_ids=frozenset({"north"}),
    )
    return replace(plain, **overrides)


def team_day(whose: MobileTeam | None = None, **overrides: Any) -> TeamDay:  # noqa: ANN401
    """One team from the start of its shift, beginning and ending at the yard."""
    member = whose or team()
    plain = TeamDay(
        team=member, start_node=0, end_node=0, free_from_s=member.shift.start_s
    )
    return replace(plain, **overrides)


def day_problem(
    visits: Sequence[tuple[Visit, int]] = (),
    *,
    days: Sequence[TeamDay] | None = None,
    unreachable: Sequence[int] = (),
    date: dt.date = DAY,
    **overrides: Any,  # noqa: ANN401 - keyword overrides
) -> DayProblem:
    """Visits with their minutes from the yard (node 0); visit i is node i + 1."""
    plain = DayProblem(
        date=date,
        visits=tuple(one for one, _ in visits),
        team_days=tuple(days) if days is not None else (team_day(),),
        travel=road([0, *(far for _, far in visits)], unreachable=unreachable),
        visit_nodes=tuple(range(1, len(visits) + 1)),
    )
    return replace(plain, **overrides)


NO_SCORE = Score(
    s_not_on_time=0,
    promises_not_on_time=0,
    unserved_s=0,
    unserved_a=0,
    unserved_b=0,
    unserved_c=0,
    s_late_steps=0,
    late_steps=0,
    drive_s=0,
    overtime_s=0,
    balance_s=0,
)


def plan_of(problem: DayProblem, orders: Sequence[Order]) -> Plan:
    """Plan of legal orders; every visit must be in one of them."""
    scheduler = DayScheduler(problem)
    score = score_of(scheduler, orders)
    if score is None:
        message = "these orders have no legal times"
        raise ValueError(message)
    routes = tuple(scheduler.route(at, order) for at, order in enumerate(orders))
    return Plan(
        date=problem.date,
        routes=routes,
        unassigned=(),
        score=score,
        travel_level=level_of_legs(routes, without_legs=problem.travel.level),
        seed=1,
    )


# -- the town --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """Three offices about 4 km apart, one or two teams each."""

    offices: tuple[WorksOffice, ...]
    teams: tuple[MobileTeam, ...]


def town() -> Town:
    """North (2 teams, one with sewer gear), south and east (1 team each)."""
    north = office("north", neighbour_ids=("east",))
    south = office("south", place=LonLat(135.50, 34.62))
    east = office("east", place=LonLat(135.55, 34.70), neighbour_ids=("north",))
    return Town(
        offices=(north, south, east),
        teams=(
            team("n1"),
            team("n2", skills=frozenset({"sewer"})),
            team("s1", office_id="south", base=south.place),
            team("e1", office_id="east", base=east.place, skills=frozenset({"sewer"})),
        ),
    )


class StraightTravel:
    """Straight lines at 20 km/h, whole seconds; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.asked_at: dt.datetime | None = None

    def matrix(self, places: Sequence[LonLat], *, at: dt.datetime) -> TravelMatrix:
        """Seconds and metres from each place to each."""
        self.asked += 1
        self.asked_at = at
        distance_m = np.array(
            [[round(great_circle_m(a, b)) for b in places] for a in places],
            dtype=np.int64,
        ).reshape(len(places), len(places))
        return TravelMatrix(
            duration_s=distance_m * 18 // 100,  # 20 km/h = 0.18 s per metre
            distance_m=distance_m,
            level=TravelLevel.STRAIGHT_LINE,
        )


# -- consultations and charts ----------------------------------------------------------


def consultation(**overrides: Any) -> Consultation:  # noqa: ANN401
    """Build a telephone call about a pothole at 9:05 on the plan's day."""
    plain = Consultation(
        received_at=moment("9:05"),
        channel=Channel.PHONE,
        category_code="R01",
        description="道路に穴があいている",
        address_text="北区中之島1丁目",
    )
    return replace(plain, **overrides)


def placement(place: LonLat = YARD, **overrides: Any) -> Placement:  # noqa: ANN401
    """Build a place found to the 丁目."""
    plain = Placement(
        status=PlacingStatus.OK,
        message="丁目まで特定",
        level=PlaceLevel.CHOME,
        place=place,
        radius_m=150,
        ward_code="27127",
    )
    return replace(plain, **overrides)


def assignment(**overrides: Any) -> Assignment:  # noqa: ANN401
    """Build the rule's choice: north office, team n1."""
    plain = Assignment(
        office_id="north", team_id="n1", policy="nearest", reason="最も近い北工営所"
    )
    return replace(plain, **overrides)


def chart(chart_id: str = "c000000001", **overrides: Any) -> CaseChart:  # noqa: ANN401
    """Build an assigned chart of field work, placed at the yard."""
    plain = CaseChart(
        id=chart_id,
        number="",
        version=1,
        status=ChartStatus.ASSIGNED,
        duty=Duty.FIELD,
        urgency=Urgency.B,
        consultation=consultation(),
        placement=placement(),
        assignment=assignment(),
    )
    return replace(plain, **overrides)


def entry(text: str = "受付", **overrides: Any) -> ChartEntry:  # noqa: ANN401
    """Build the first line of a history."""
    plain = ChartEntry(
        at=moment("9:05"), who="受付係", kind=EntryKind.RECEIVED, text=text
    )
    return replace(plain, **overrides)


def new_chart(chart_id: str = "c000000001", **overrides: Any) -> NewChart:  # noqa: ANN401
    """Build a chart on its way into the store, with one entry."""
    plain = NewChart(
        chart=chart(chart_id),
        entries=(entry(),),
        reporter=Reporter(),
        number_prefix="2026-27127",
    )
    return replace(plain, **overrides)


def receiver(receiver_id: str = "park", **overrides: Any) -> Receiver:  # noqa: ANN401
    """Build the one park office, which takes P01 of the whole city."""
    plain = Receiver(
        id=receiver_id,
        kind=receiver_id,
        name=f"{receiver_id}事務所",
        valid_from=FOREVER,
        takes=frozenset({"P01"}),
    )
    return replace(plain, **overrides)


def receivers(*more: Receiver) -> Receivers:
    """Build the receivers of the town: the park office, and whoever is named."""
    return Receivers(shapes=(receiver(), *more))


def intake_rules(**overrides: Any) -> IntakeRules:  # noqa: ANN401
    """Rules of the town: nearest office, number prefix year-ward."""
    where = town()
    plain = IntakeRules(
        catalogue=catalogue(),
        hours=office_hours(),
        timezone=TOKYO,
        offices=where.offices,
        teams=where.teams,
        policy=AssignmentPolicy.NEAREST,
        responsible_office_id=lambda _ward, _day: None,
        number_prefix=lambda day, ward: f"{day.year}-{ward or '00000'}",
        receivers=receivers(),
    )
    return replace(plain, **overrides)


OWN = SharingPolicy.OWN


# -- fakes of the ports ----------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class FakeGeocoder:
    """Knows the addresses it was told; anything else waits for a person."""

    known: Mapping[str, Placement] = field(default_factory=dict)
    by_hand: Placement = field(
        default_factory=lambda: placement(level=PlaceLevel.COORDINATE, radius_m=30)
    )

    def place(self, consultation: Consultation) -> Placement:
        """Placement of a known address."""
        unknown = Placement(status=PlacingStatus.NOT_FOUND, message="見つかりません")
        return self.known.get(consultation.address_text, unknown)

    def place_at(
        self, place: LonLat, *, radius_m: int, on: dt.date | None = None
    ) -> Placement:
        """Return the prepared answer at the given place."""
        del on
        if not self.by_hand.is_placed:
            return self.by_hand
        return replace(self.by_hand, place=place, radius_m=radius_m)


def silent(_progress: object) -> None:
    """Listen to progress and do nothing."""
