"""PLAN.json: a plan with its score and record, or one that a person wrote by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Literal

import orjson
from pydantic import Field, TypeAdapter

from api.json_files import Layout, read_layout
from api.problem_schemas import (
    MAX_TEAMS,
    MAX_VISITS,
    Clock,
    Id,
    Metres,
    Name,
    Seconds,
    Sentence,
    StopIn,
)
from dispatch.adapters.problem_codec import orders_of_ids
from dispatch.domain.checks_score import counted_score
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.levels import DEFAULT_LEVELS, SCORE_FIELDS, Level
from dispatch.domain.plan import (
    Plan,
    Route,
    Score,
    Unassigned,
    UnassignedReason,
    level_of_legs,
)
from dispatch.domain.problem import DayProblem
from dispatch.domain.told_plan import told_plan
from dispatch.domain.travel import TravelLevel
from dispatch.ports import PlanRecord

FORMAT = "kidohan-plan/1"
MAX_STEPS = 10_000
LEVEL_NAMES: Mapping[Level, str] = {
    Level.S_ON_TIME: "S(緊急)を期限内に",
    Level.PROMISES: "約束とA(当日)を期限内に",
    Level.SERVED: "訪問できた数(緊急度順)",
    Level.LATENESS: "期限からの遅れ(15分単位)",
    Level.DRIVING: "移動",
    Level.OVERTIME: "超過勤務",
    Level.FAIRNESS: "班どうしの負担の差",
    Level.COMPACTNESS: "班が回る校区の数",
}
BY_HAND = "by hand"
NOT_WRITTEN = "計画に書かれていない訪問です。"
ALL_NUMBERS = tuple(name for names in SCORE_FIELDS.values() for name in names)
NOTHING = Score(**dict.fromkeys(ALL_NUMBERS, 0))


class RouteIn(Layout):
    """
    One team's day.

    With `visit_ids` alone the times are worked out; with `stops` they are taken as they
    are, and checked.
    """

    team_id: Id
    visit_ids: list[Id] | None = Field(
        None, max_length=MAX_VISITS, description="driving order, without times"
    )
    stops: list[StopIn] | None = Field(None, max_length=MAX_VISITS)
    depart_s: Clock | None = None
    return_s: Clock | None = None
    return_drive_s: Seconds = 0
    return_drive_m: Metres = 0
    return_drive_level: TravelLevel = TravelLevel.STRAIGHT_LINE
    return_held_s: Seconds = 0
    lunch_start_s: Clock | None = None
    lunch_end_s: Clock | None = None
    overtime_s: Seconds = 0
    no_way_back: bool = False


class UnassignedIn(Layout):
    """A visit left out, and why."""

    visit_id: Id
    reason: UnassignedReason
    sentence: Sentence = ""


class LevelIn(Layout):
    """What one level counts; smaller is better."""

    level: Level
    name: Name = ""
    numbers: dict[str, Annotated[int, Field(ge=0)]]


class StepIn(Layout):
    """What one step of the search did."""

    name: Name
    counts: list[Annotated[int, Field(ge=0)]] = Field(max_length=MAX_STEPS)


class ParamsIn(Layout):
    """Limits of the search."""

    time_limit_s: float = Field(gt=0)
    iterations: Annotated[int, Field(ge=0)] | None = None
    seed: int
    work: list[StepIn] = Field([], max_length=MAX_STEPS)


class RecordIn(Layout):
    """How the plan was found, so that it can be made again."""

    problem_sha256: Name
    matrix_sha256: Name
    params: ParamsIn
    work: list[StepIn] = Field([], max_length=MAX_STEPS)
    versions: dict[str, Name] = Field({})


class PlanIn(Layout):
    """A plan of one day (配車計画)."""

    format: Literal["kidohan-plan/1"]
    date: dt.date | None = Field(None, description="the problem's when left out")
    routes: list[RouteIn] = Field(max_length=2 * MAX_TEAMS)
    unassigned: list[UnassignedIn] | None = Field(
        None,
        max_length=2 * MAX_VISITS,
        description="all that stand in no route when left out",
    )
    score: list[LevelIn] | None = Field(
        None, max_length=len(Level), description="counted from the routes when left out"
    )
    travel_level: TravelLevel | None = Field(None, description="the worst of all legs")
    seed: int = 0
    method: Sentence = ""
    record: RecordIn | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPlan:
    """A plan that was read, and the record of its search if it has one."""

    plan: Plan
    record: PlanRecord | None


_ROUTE = TypeAdapter(Route)
_UNASSIGNED = TypeAdapter(tuple[Unassigned, ...])
_RECORD = TypeAdapter(PlanRecord)


def plan_text(
    plan: Plan,
    record: PlanRecord | None = None,
    *,
    levels: Sequence[Level] = DEFAULT_LEVELS,
) -> str:
    """Write a plan; equal plans give equal bytes, for no time of making is in them."""
    layout = {
        "format": FORMAT,
        "date": plan.date,
        "routes": [asdict(route) for route in plan.routes],
        "unassigned": [asdict(item) for item in plan.unassigned],
        "score": [
            {"level": level, "name": LEVEL_NAMES[level], "numbers": numbers}
            for level, numbers in _by_level(plan.score, levels)
        ],
        "travel_level": plan.travel_level,
        "seed": plan.seed,
        "method": plan.method,
        "record": None if record is None else asdict(record),
    }
    options = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(layout, option=options).decode()


def read_plan(text: bytes | str, problem: DayProblem) -> ReadPlan:
    """
    Read a PLAN.json, also one made by hand.

    Parameters
    ----------
    text
        Of the file.
    problem
        What it is a plan of.

    Raises
    ------
    InvalidInputError
        For the first thing that is wrong with the file. Rules that the plan breaks are
        no error: `dispatch.domain.checks.violations` tells them.
    """
    given = read_layout(PlanIn, text)
    by_hand = _by_hand(given, problem)
    routes = tuple(
        by_hand[route.team_id] if route.stops is None else _as_told(route, at)
        for at, route in enumerate(given.routes)
    )
    plan = Plan(
        date=given.date or problem.date,
        routes=routes,
        unassigned=_unassigned(given, problem, routes),
        score=NOTHING,
        travel_level=given.travel_level
        or level_of_legs(routes, without_legs=problem.travel.level),
        seed=given.seed,
        method=given.method or BY_HAND,
    )
    score = _score(given.score) if given.score else counted_score(problem, plan)
    record = None
    if given.record is not None:
        record = _RECORD.validate_python(given.record.model_dump())
    return ReadPlan(plan=replace(plan, score=score), record=record)


def score_lines(score: Score, levels: Sequence[Level]) -> Iterator[str]:
    """Say a score for people, one line a level."""
    for level, numbers in _by_level(score, levels):
        values = "、".join(f"{name} {value:,}" for name, value in numbers.items())
        yield f"{LEVEL_NAMES[level]}: {values}"


def _by_level(
    score: Score, levels: Sequence[Level]
) -> Iterator[tuple[Level, dict[str, int]]]:
    for level in levels:
        yield level, {name: getattr(score, name) for name in SCORE_FIELDS[level]}


def _by_hand(given: PlanIn, problem: DayProblem) -> dict[str, Route]:
    """Routes whose times are to be worked out, as near to the rules as can be."""
    fixed = {stop.visit_id for day in problem.team_days for stop in day.committed}
    wanted = []
    for at, route in enumerate(given.routes):
        if (route.visit_ids is None) is (route.stops is None):
            problem_told = "visit_ids か stops のどちらかを書いてください"
            raise InvalidInputError(f"routes.{at}", problem_told)
        if route.visit_ids is not None:
            ids = [one for one in route.visit_ids if one not in fixed]
            wanted.append({"team_id": route.team_id, "visit_ids": ids})
    if not wanted:
        return {}
    told = told_plan(problem, orders_of_ids(problem, wanted, path="routes"))
    return {route.team_id: route for route in told.routes}


def _as_told(route: RouteIn, at: int) -> Route:
    """Take a route with its times as they are written."""
    for name in ("depart_s", "return_s"):
        if getattr(route, name) is None:
            raise InvalidInputError(f"routes.{at}.{name}", "時刻のある経路に必要です")
    return _ROUTE.validate_python(route.model_dump(exclude={"visit_ids"}))


def _unassigned(
    given: PlanIn, problem: DayProblem, routes: Sequence[Route]
) -> tuple[Unassigned, ...]:
    if given.unassigned is not None:
        rows = [row.model_dump() for row in given.unassigned]
        return _UNASSIGNED.validate_python(rows)
    placed = {stop.visit_id for route in routes for stop in route.stops}
    return tuple(
        Unassigned(
            visit_id=visit.id, reason=UnassignedReason.NO_TIME, sentence=NOT_WRITTEN
        )
        for visit in problem.visits
        if visit.id not in placed
    )


def _score(levels: Sequence[LevelIn]) -> Score:
    numbers = {name: n for level in levels for name, n in level.numbers.items()}
    if numbers.keys() != set(ALL_NUMBERS):
        told = f"次の数をそれぞれ書いてください({'・'.join(ALL_NUMBERS)})"
        raise InvalidInputError("score", told)
    return Score(**numbers)
