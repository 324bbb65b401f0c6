"""What a day is planned from as JSON text and back: one layout, stored and in files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.levels import Level
from dispatch.domain.plan import Unassigned
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import Order
from dispatch.domain.travel import (
    RestrictedTravel,
    Traffic,
    TrafficPeriod,
    TravelLevel,
    TravelMatrix,
)
from dispatch.domain.visit import Visit
from dispatch.prepared_day import PreparedDay

FORMAT = "kidohan-problem/1"
RESTRICTED = "travel.restricted"
# Fields of pairs (name, number), which JSON holds as objects. A visit's `tools` are
# none of them: a set of names.
PAIRS = ("materials", "committed_materials", "service_times")

T = TypeVar("T")

_VISIT = TypeAdapter(Visit)
_TEAM_DAY = TypeAdapter(TeamDay)
_UNASSIGNED = TypeAdapter(Unassigned)
_PERIODS = TypeAdapter(tuple[TrafficPeriod, ...])
_DATE = TypeAdapter(dt.date)


def alone(problem: DayProblem) -> PreparedDay:
    """Prepare a problem that comes by itself: nothing on hold, no plan in force."""
    return PreparedDay(problem=problem, on_hold=(), first_team_ids={}, names={})


def day_json(day: PreparedDay) -> str:
    """
    Write everything that a plan is made from; equal days give equal texts.

    Raises
    ------
    InvalidInputError
        When a material, tool or category is named twice in one list.
    """
    problem, in_force = day.problem, day.orders_in_force
    layout = {
        "format": FORMAT,
        "date": problem.date,
        "levels": problem.levels,
        "tools": _numbers("tools", problem.tools),
        "team_days": problem.team_days,
        "visits": [
            {"node": node, **_fields(visit)}
            for visit, node in zip(problem.visits, problem.visit_nodes, strict=True)
        ],
        "names": dict(day.names),
        "on_hold": day.on_hold,
        "first_team_ids": dict(day.first_team_ids),
        "in_force": None if in_force is None else ids_by_team(problem, in_force),
        "starts_in_force": {
            problem.visits[index].id: second
            for index, second in sorted(day.starts_in_force.items())
        },
        "travel": orjson.Fragment(travel_json(problem.travel)),
    }
    return _dumped(layout).decode()


def travel_json(travel: TravelMatrix) -> bytes:
    """Write a travel matrix."""
    closed = travel.restricted
    layout: dict[str, Any] = {
        "level": travel.level,
        "place_levels": travel.place_levels,
        "traffic": travel.traffic.periods,
        "duration_s": np.ascontiguousarray(travel.duration_s),
        "distance_m": np.ascontiguousarray(travel.distance_m),
        "restricted": None,
    }
    if closed is not None:
        layout["restricted"] = {
            "windows": closed.windows,
            "duration_s": np.ascontiguousarray(closed.duration_s),
            "distance_m": np.ascontiguousarray(closed.distance_m),
        }
    return _dumped(layout)


def day_of_json(text: str) -> PreparedDay:
    """
    Read back what `day_json` wrote; the domain's rules are checked again.

    Raises
    ------
    SourceError
        When the text is not of this layout.
    InvalidInputError
        When it breaks a rule of the domain.
    """
    try:
        layout = orjson.loads(text)
        return day_of_layout(layout, travel_of_layout(layout["travel"]))
    except (orjson.JSONDecodeError, ValidationError, KeyError) as problem:
        message = f"not of the layout {FORMAT} ({type(problem).__name__})"
        raise SourceError(message) from problem


def day_of_layout(layout: Mapping[str, Any], travel: TravelMatrix) -> PreparedDay:
    """
    Build a day from what its JSON holds.

    Parameters
    ----------
    layout
        As `day_json` writes it and a JSON reader gives it.
    travel
        Between its places; see `travel_of_layout`.

    Raises
    ------
    InvalidInputError
        When a rule of the domain is broken; the field is told with its path.
    """
    rows, in_force = layout["visits"], layout["in_force"]
    problem = DayProblem(
        date=_DATE.validate_python(layout["date"]),
        visits=tuple(
            _made(_VISIT, {k: v for k, v in row.items() if k != "node"}, f"visits.{at}")
            for at, row in enumerate(rows)
        ),
        team_days=tuple(
            _made(_TEAM_DAY, row, f"team_days.{at}")
            for at, row in enumerate(layout["team_days"])
        ),
        travel=travel,
        visit_nodes=tuple(row["node"] for row in rows),
        tools=tuple(layout["tools"].items()),
        levels=tuple(Level(name) for name in layout["levels"]),
    )
    return PreparedDay(
        problem=problem,
        on_hold=tuple(_made(_UNASSIGNED, row, "on_hold") for row in layout["on_hold"]),
        first_team_ids=layout["first_team_ids"],
        names=layout["names"],
        orders_in_force=None
        if in_force is None
        else orders_of_ids(problem, in_force, path="in_force"),
        starts_in_force={
            index: layout["starts_in_force"][visit.id]
            for index, visit in enumerate(problem.visits)
            if visit.id in layout.get("starts_in_force", {})
        },
    )


def ids_by_team(
    problem: DayProblem, orders: Sequence[Order]
) -> list[dict[str, str | list[str]]]:
    """Orders as lists of visit ids, each with its team."""
    return [
        {
            "team_id": day.team.id,
            "visit_ids": [problem.visits[index].id for index in order],
        }
        for day, order in zip(problem.team_days, orders, strict=True)
    ]


def orders_of_ids(
    problem: DayProblem, routes: Iterable[Mapping[str, Any]], *, path: str
) -> tuple[Order, ...]:
    """
    Turn lists of visit ids into orders; a team that is not named goes nowhere new.

    Parameters
    ----------
    problem
        Whose teams and visits they are.
    routes
        Each with `team_id` and `visit_ids`.
    path
        Of the routes in what a person wrote, for errors.

    Raises
    ------
    InvalidInputError
        When a team or a visit is none of the problem, or a team is named twice.
    """
    index_of = {visit.id: index for index, visit in enumerate(problem.visits)}
    orders: dict[str, Order] = {}
    known = {day.team.id for day in problem.team_days}
    for at, route in enumerate(routes):
        team_id = route["team_id"]
        if team_id not in known or team_id in orders:
            raise InvalidInputError(
                f"{path}.{at}.team_id", "問題にない班か、2回書かれた班です"
            )
        for visit_id in route["visit_ids"]:
            if visit_id not in index_of:
                raise InvalidInputError(
                    f"{path}.{at}.visit_ids", "問題にない訪問があります"
                )
        orders[team_id] = tuple(index_of[one] for one in route["visit_ids"])
    return tuple(orders.get(day.team.id, ()) for day in problem.team_days)


def travel_of_layout(layout: Mapping[str, Any]) -> TravelMatrix:
    """
    Build a travel matrix from what its JSON holds; its rows may also be arrays.

    Raises
    ------
    InvalidInputError
        When a rule of the domain is broken.
    """
    closed = layout["restricted"]
    periods = _PERIODS.validate_python(layout["traffic"])
    return TravelMatrix(
        duration_s=square(layout["duration_s"], "travel.duration_s"),
        distance_m=square(layout["distance_m"], "travel.distance_m"),
        level=TravelLevel(layout["level"]),
        place_levels=tuple(TravelLevel(level) for level in layout["place_levels"]),
        traffic=Traffic(periods=periods),
        restricted=None
        if closed is None
        else RestrictedTravel(
            windows=tuple((start_s, end_s) for start_s, end_s in closed["windows"]),
            duration_s=square(closed["duration_s"], f"{RESTRICTED}.duration_s"),
            distance_m=square(closed["distance_m"], f"{RESTRICTED}.distance_m"),
        ),
    )


def square(
    rows: Sequence[Sequence[int] | NDArray[np.int64]], path: str
) -> NDArray[np.int64]:
    """
    Make a square matrix of its rows.

    Raises
    ------
    InvalidInputError
        With the path, when a row is not as long as there are rows.
    """
    if any(len(row) != len(rows) for row in rows):
        raise InvalidInputError(path, "行と列の数が同じ表にしてください")
    return np.array(rows, dtype=np.int64).reshape(len(rows), len(rows))


def _made(kind: TypeAdapter[T], row: Mapping[str, Any], path: str) -> T:
    with told_at(path):
        return kind.validate_python(_with_pairs(row))


@contextmanager
def told_at(path: str) -> Iterator[None]:
    """Tell a broken rule with the path of what breaks it."""
    try:
        yield
    except InvalidInputError as problem:
        raise InvalidInputError(f"{path}.{problem.field}", problem.problem) from None


def _with_pairs(row: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the objects in a row, and in what it holds, back into pairs."""
    made = dict(row)
    for name, value in row.items():
        if name in PAIRS:
            made[name] = tuple(value.items())
        elif isinstance(value, Mapping):
            made[name] = _with_pairs(value)
    return made


def _fields(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass
    """Fields of a dataclass by name, pairs as objects."""
    made = {one.name: getattr(value, one.name) for one in fields(value)}
    for name in PAIRS:
        if name in made:
            made[name] = _numbers(name, made[name])
    return made


def _numbers(name: str, pairs: Sequence[tuple[str, int]]) -> dict[str, int]:
    numbers = dict(pairs)
    if len(numbers) != len(pairs):
        raise InvalidInputError(name, "同じ名前が2回あります")
    return numbers


def _plain(value: object) -> object:
    """Say what orjson cannot: sets in order, dataclasses as we lay them out."""
    return sorted(value) if isinstance(value, frozenset) else _fields(value)


def _dumped(layout: object) -> bytes:
    options = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_SERIALIZE_NUMPY
    return orjson.dumps(layout, default=_plain, option=options)
