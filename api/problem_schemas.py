"""PROBLEM.json: what a day is planned from, as people and programs may write it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from api.closure_schemas import clock_seconds
from api.json_files import Layout, read_layout
from dispatch.adapters.problem_codec import day_of_layout, travel_of_layout
from dispatch.domain.catalogue import Urgency
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.levels import DEFAULT_LEVELS, Level
from dispatch.domain.place import LonLat
from dispatch.domain.plan import UnassignedReason
from dispatch.domain.team import HORIZON_MAX_S
from dispatch.domain.travel import UNREACHABLE_S, TravelLevel
from dispatch.ports import TravelTimes
from dispatch.prepared_day import PreparedDay

MAX_VISITS = 3_000
MAX_TEAMS = 200
MAX_NODES = MAX_VISITS + 2 * MAX_TEAMS
MAX_NAMES = 200  # materials, skills, tools, offices of one visit or team
MAX_SPANS = 48  # promised times, forbidden hours: more is no timetable of a person
MAX_ID = 120
MAX_SENTENCE = 1_000
MAX_AMOUNT = 10_000_000
MAX_BEFORE_S = 31 * 86_400  # a team cannot have worked longer in four weeks
MAX_DISTANCE_M = 1_000_000_000
CLOCK = re.compile(r"\d{1,4}:[0-5]\d")


def _seconds_of_clock(value: object) -> object:
    """Read "9:05" as seconds; anything else is looked at afterwards."""
    if not isinstance(value, str):
        return value
    if CLOCK.fullmatch(value) is None:
        message = "時刻は 9:05 の形か、0時からの秒にしてください"
        raise PydanticCustomError("clock", message)
    return clock_seconds(value)


Clock = Annotated[
    int,
    Field(ge=-HORIZON_MAX_S, le=HORIZON_MAX_S),
    BeforeValidator(_seconds_of_clock),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "integer",
                    "minimum": -HORIZON_MAX_S,
                    "maximum": HORIZON_MAX_S,
                },
                {"type": "string", "pattern": f"^{CLOCK.pattern}$"},
            ],
            "description": "seconds after the date's midnight, or a time such as 9:05",
        }
    ),
]
Seconds = Annotated[int, Field(ge=0, le=HORIZON_MAX_S)]
Metres = Annotated[int, Field(ge=0, le=MAX_DISTANCE_M)]
Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT)]
Count = Annotated[int, Field(ge=1, le=MAX_TEAMS)]
Node = Annotated[int, Field(ge=0, lt=MAX_NODES)]
Id = Annotated[str, Field(min_length=1, max_length=MAX_ID)]
Name = Annotated[str, Field(max_length=MAX_ID)]
Sentence = Annotated[str, Field(max_length=MAX_SENTENCE)]
Names = Annotated[list[Id], Field(max_length=MAX_NAMES)]
Amounts = Annotated[dict[Id, Amount], Field(max_length=MAX_NAMES)]


def _array(row: list[int]) -> NDArray[np.int64]:
    """Keep a row as an array: a list of numbers takes five times the memory."""
    return np.array(row, dtype=np.int64)


Driven = Annotated[int, Field(ge=0, le=UNREACHABLE_S)]
DrivenRow = Annotated[list[Driven], Field(max_length=MAX_NODES), AfterValidator(_array)]
DrivenRows = Annotated[list[DrivenRow], Field(max_length=MAX_NODES)]
MetresRow = Annotated[list[Metres], Field(max_length=MAX_NODES), AfterValidator(_array)]
MetresRows = Annotated[list[MetresRow], Field(max_length=MAX_NODES)]


class PlaceIn(Layout):
    """A position in degrees, JGD2011/WGS84; longitude first."""

    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)


class SpanIn(Layout):
    """A span of the day."""

    start_s: Clock
    end_s: Clock


class AfterIn(Layout):
    """A visit that must have ended, and for how long, before service begins."""

    visit_id: Id
    gap_s: Seconds = 0


class VisitIn(Layout):
    """Work owed at one place; nothing about the person who reported it."""

    id: Id
    category_code: Name = Field("", description="kind of work (分類)")
    urgency: Urgency = Field(description="S 緊急, A 当日, B 3開庁日, C 計画")
    place: PlaceIn
    node: Node | None = Field(
        None, description="row of the travel matrix, from 0; none without a matrix"
    )
    service_s: int = Field(
        gt=0, le=HORIZON_MAX_S, description="seconds of work on site"
    )
    office_id: Id
    allowed_office_ids: Names | None = Field(
        None, description="offices whose teams may go; its own when left out"
    )
    skills: Names = Field([])
    crew: Count = Field(1, description="people that each team needs")
    num_teams: Count = Field(1, description="teams that begin together")
    load_kg: Amount = 0
    materials: Amounts = Field({}, description="pieces by name")
    tools: Names = Field([], description="shared tools that the team must bring")
    max_width_cm: Amount | None = Field(None, description="widest vehicle that passes")
    vehicle_classes: Names = Field([], description="classes that may come; none: any")
    release_s: Clock = Field(0, description="service begins no earlier")
    due_s: Clock | None = Field(None, description="begun by then: on time")
    hard_due: bool = Field(default=False, description="never planned after due_s")
    windows: list[SpanIn] = Field(
        [],
        max_length=MAX_SPANS,
        description="promised times; service begins inside one, both ends included",
    )
    forbidden: list[SpanIn] = Field(
        [], max_length=MAX_SPANS, description="hours without work; end not included"
    )
    after: list[AfterIn] = Field([], max_length=MAX_SPANS)
    not_before: dt.date | None = Field(None, description="end of a legal hold")
    team_id: Id | None = Field(None, description="team that a dispatcher chose")
    start_between: SpanIn | None = Field(None, description="a lock (固定) of the start")
    team_in_force_id: Id | None = Field(None, description="its team in the last plan")
    district_id: Name | None = Field(None, description="school district (校区)")


class LunchIn(Layout):
    """A lunch break, wholly inside [earliest_s, latest_end_s]."""

    nominal_s: Clock
    duration_s: int = Field(gt=0, le=HORIZON_MAX_S)
    earliest_s: Clock
    latest_end_s: Clock


class ShiftIn(Layout):
    """Working hours."""

    start_s: Clock
    end_s: Clock
    lunch: LunchIn | None = None
    overtime_max_s: Seconds = 0


class VehicleIn(Layout):
    """What a team drives."""

    name: Name = ""
    load_kg: Amount = 0
    materials: Amounts = Field({})
    width_cm: Amount | None = Field(None, description="none: passes no limit of width")
    vehicle_class: Name = ""


class TeamIn(Layout):
    """A crew and its vehicle."""

    id: Id
    office_id: Id
    name: Id
    letter: Name = ""
    vehicle: VehicleIn
    crew_size: Count
    skills: Names = Field([])
    base: PlaceIn
    shift: ShiftIn
    service_times: Annotated[dict[Id, Seconds], Field(max_length=MAX_NAMES)] = Field(
        {}, description="its own seconds of work, by category"
    )


class StopIn(Layout):
    """A visit with its times in a route."""

    visit_id: Id
    arrive_s: Clock
    start_s: Clock
    end_s: Clock
    drive_s: Seconds = Field(description="from leaving the place before")
    drive_m: Metres
    late_s: Seconds = 0
    drive_level: TravelLevel = TravelLevel.STRAIGHT_LINE
    held_s: Seconds = Field(0, description="part of drive_s: waits for a closure's end")


class TeamDayIn(Layout):
    """A team from the moment it is free; during the day, after what it has begun."""

    team: TeamIn
    start_node: Node | None = None
    end_node: Node | None = None
    free_from_s: Clock | None = Field(None, description="the shift's start when absent")
    lunch_start_s: Clock | None = Field(None, description="of a lunch already taken")
    committed: list[StopIn] = Field(
        [], max_length=MAX_VISITS, description="stops done, under way or driven to"
    )
    committed_load_kg: Amount = 0
    committed_materials: Amounts = Field({})
    committed_tools: Names = Field([])
    departed_s: Clock | None = None
    work_before_s: Annotated[int, Field(ge=0, le=MAX_BEFORE_S)] = Field(
        0, description="driving and work of the last four weeks, for fairness"
    )


class PeriodIn(Layout):
    """From start_s on, a drive takes `factor` times as long as on empty roads."""

    start_s: Clock
    factor: float = Field(gt=0, le=1_000)


class RestrictedIn(Layout):
    """The network while timed closures hold."""

    windows: list[tuple[Clock, Clock]] = Field(max_length=MAX_SPANS)
    duration_s: DrivenRows
    distance_m: MetresRows


class TravelIn(Layout):
    """Seconds and metres from each place (row) to each; 864000 s: no way there."""

    level: TravelLevel = TravelLevel.STRAIGHT_LINE
    place_levels: list[TravelLevel] = Field([], max_length=MAX_NODES)
    traffic: list[PeriodIn] = Field([], max_length=MAX_SPANS)
    duration_s: DrivenRows
    distance_m: MetresRows
    restricted: RestrictedIn | None = None


class HeldIn(Layout):
    """A visit that is left out before planning, and why."""

    visit_id: Id
    reason: UnassignedReason
    sentence: Sentence


class OrderIn(Layout):
    """Visits of one team in driving order."""

    team_id: Id
    visit_ids: list[Id] = Field(max_length=MAX_VISITS)


class ProblemIn(Layout):
    """A day to be planned (計画条件)."""

    format: Literal["kidohan-problem/1"]
    date: dt.date
    levels: list[Level] = Field(
        list(DEFAULT_LEVELS), description="what is judged first, each level once"
    )
    tools: Amounts = Field({}, description="how many there are of each shared tool")
    team_days: list[TeamDayIn] = Field(max_length=MAX_TEAMS)
    visits: list[VisitIn] = Field(max_length=MAX_VISITS)
    names: Annotated[dict[str, Name], Field(max_length=MAX_VISITS)] = Field(
        {}, description="names of offices and skills by id, for sentences"
    )
    on_hold: list[HeldIn] = Field([], max_length=MAX_VISITS)
    first_team_ids: Annotated[dict[str, Id | None], Field(max_length=MAX_VISITS)] = (
        Field({}, description="first team of each visit, to say why another goes")
    )
    in_force: list[OrderIn] | None = Field(
        None,
        max_length=MAX_TEAMS,
        description="plan in force, kept where it is as good",
    )
    starts_in_force: Annotated[dict[str, Seconds], Field(max_length=MAX_VISITS)] = (
        Field({}, description="when its linked visits begin, by visit id")
    )
    travel: TravelIn | None = Field(
        None, description="straight lines between the places when left out"
    )


def read_problem(text: bytes | str, straight: Callable[[], TravelTimes]) -> PreparedDay:
    """
    Read a PROBLEM.json.

    Parameters
    ----------
    text
        Of the file.
    straight
        Gives travel times for a problem that has none; asked only then.

    Raises
    ------
    InvalidInputError
        For the first thing that is wrong, with its path in the file.
    """
    given = read_layout(ProblemIn, text)
    layout = given.model_dump(exclude={"travel"})
    for visit in layout["visits"]:
        if visit["allowed_office_ids"] is None:
            visit["allowed_office_ids"] = [visit["office_id"]]
    for day in layout["team_days"]:
        if day["free_from_s"] is None:
            day["free_from_s"] = day["team"]["shift"]["start_s"]
    _require_nodes(given)
    if given.travel is not None:
        return day_of_layout(layout, travel_of_layout(_travel_layout(given.travel)))
    places = _with_nodes(layout)
    midnight = dt.datetime.combine(given.date, dt.time(), dt.UTC)  # no matter when
    return day_of_layout(layout, straight().matrix(places, at=midnight))


def _travel_layout(travel: TravelIn) -> dict[str, Any]:
    """Rows as they are: dumping them would make lists of the arrays."""
    closed = travel.restricted
    return {
        **dict(travel),
        "traffic": [dict(period) for period in travel.traffic],
        "restricted": None if closed is None else dict(closed),
    }


def _require_nodes(given: ProblemIn) -> None:
    """Ask for every node with a matrix, and for none without."""
    nodes = {f"visits.{at}.node": one.node for at, one in enumerate(given.visits)}
    for at, day in enumerate(given.team_days):
        nodes[f"team_days.{at}.start_node"] = day.start_node
        nodes[f"team_days.{at}.end_node"] = day.end_node
        if given.travel is None and day.committed:
            sentence = "出発した班があるときは travel と node が必要です"
            raise InvalidInputError(f"team_days.{at}.committed", sentence)
    for path, node in nodes.items():
        if node is None and given.travel is not None:
            raise InvalidInputError(path, "travel があるときは必要です")
        if node is not None and given.travel is None:
            raise InvalidInputError(path, "travel がないときは書けません")


def _with_nodes(layout: dict[str, Any]) -> list[LonLat]:
    """Give bases and visits their places' numbers; return the places in that order."""
    nodes: dict[LonLat, int] = {}

    def node(place: dict[str, float]) -> int:
        return nodes.setdefault(LonLat(**place), len(nodes))

    for day in layout["team_days"]:
        day["start_node"] = day["end_node"] = node(day["team"]["base"])
    for visit in layout["visits"]:
        visit["node"] = node(visit["place"])
    return list(nodes)
