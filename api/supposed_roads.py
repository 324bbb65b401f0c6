"""A road closed on a supposed day: which ones can be chosen, and the day's times."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from api.closed_roads import looked_at, roads_to_close
from api.closure_view import hours_text
from api.wiring import Services
from dispatch.closure_desk import MAX_HISTORY, NewClosure
from dispatch.domain.closure import (
    Closure,
    ClosureReason,
    ClosureShape,
    DailyWindow,
)
from dispatch.domain.errors import InvalidInputError, NotFoundError
from dispatch.domain.place import LonLat
from dispatch.domain.problem import DayProblem
from dispatch.domain.travel import TravelLevel, TravelMatrix
from dispatch.ports import StoredPlan
from dispatch.what_if import RoadClosed
from geodata.roads.service import ClosedRoads
from geodata.roads.supposing import SupposedRoads

ROAD_FIELD = "road_closed"
SHOWN = 200  # closures to choose from, the newest
NAME = "仮の通行止め"
NO_ROADS = (
    "道路データがないため、道路を閉めたときの時間は計算できません。"
    "管理者が道路データを用意すると選べます"
)
STRAIGHT = (
    "この計画の移動時間は直線からの推定で、道路を閉めても変わりません。"
    "計画を作り直すと選べます"
)
LEVEL_NOTE = (
    "道路を閉めた移動時間は推定(道路・簡易)です。いまの計画の時間に、"
    "道路網の上で求めた回り道の分を足しています。規制にかからない移動は同じ時間です。"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedRoad:
    """
    Roads closed on a supposed day, to be planned with and drawn.

    Parameters
    ----------
    supposition
        For the search.
    text
        The condition in words.
    closures
        As they hold on that day.
    roads
        The roads of that day.
    """

    supposition: RoadClosed
    text: str
    closures: tuple[Closure, ...]
    roads: SupposedRoads


def why_no_road(services: Services, stored: StoredPlan) -> str:
    """Say why no road can be closed on a copy of a plan; empty when one can."""
    if roads_to_close(services) is None:
        return NO_ROADS
    if stored.plan.travel_level is TravelLevel.STRAIGHT_LINE and all(
        level is TravelLevel.STRAIGHT_LINE for level in stored.plan.leg_levels()
    ):
        return STRAIGHT
    return ""


def closures_to_suppose(services: Services, stored: StoredPlan) -> list[Closure]:
    """Closures that the plan's times do not know, newest first: planned, or over."""
    roads = roads_to_close(services)
    if roads is None:
        return []
    at = _planned_from(services, stored)
    real = roads.supposing(at, _held(services, stored), ()).real
    newest = services.closures.history(SHOWN)
    return [one for one in newest if one.id not in real.closure_ids]


def known_closure(services: Services, stored: StoredPlan, closure_id: str) -> Closure:
    """
    Return a closure as it would hold on a plan's day: in its hours, or all day.

    Raises
    ------
    NotFoundError
        When there is no such closure.
    InvalidInputError
        When the plan's times heed it already.
    """
    everything = services.closures.history(MAX_HISTORY)
    found = next((one for one in everything if one.id == closure_id), None)
    if found is None:
        raise NotFoundError("closure", closure_id)
    if found.id not in {one.id for one in closures_to_suppose(services, stored)}:
        problem = f"「{found.name}」は、この計画ですでに避けています"
        raise InvalidInputError(ROAD_FIELD, problem)
    return replace(
        found,
        starts_at=_planned_from(services, stored).replace(microsecond=0),
        ends_at=None,
        lifted_at=None,
        lifted_by="",
        working_days_only=False,
    )


def drawn_closure(
    services: Services,
    stored: StoredPlan,
    shape: ClosureShape,
    places: tuple[LonLat, ...],
    windows: tuple[DailyWindow, ...] = (),
) -> Closure:
    """
    Return a closure of a stretch or an area that nobody has made.

    Raises
    ------
    InvalidInputError
        When a rule of `Closure` is broken.
    """
    new = NewClosure(
        name=NAME,
        shape=shape,
        places=places,
        reason=ClosureReason.OTHER,
        starts_at=_planned_from(services, stored),
        windows=windows,
    )
    return looked_at(services, new)[0]


def closed_road(
    services: Services, stored: StoredPlan, closures: Sequence[Closure]
) -> ClosedRoad:
    """
    Close roads on a copy of a plan's day.

    Parameters
    ----------
    services, stored
        The plan, and the city that it was made in.
    closures
        See `known_closure` and `drawn_closure`.

    Raises
    ------
    InvalidInputError
        When there are no roads to close, they are not known, or the closures' hours
        are over at the moment from which the day was planned.
    """
    reason, roads = why_no_road(services, stored), roads_to_close(services)
    if reason or roads is None:
        raise InvalidInputError(ROAD_FIELD, reason)
    told = [_text(one, roads.closed_roads(one)) for one in closures]
    at = _planned_from(services, stored)
    supposed = roads.supposing(at, _held(services, stored), closures)
    for one in closures:
        if one.id not in supposed.supposed.closure_ids:
            problem = f"「{one.name}」の時間帯は、計画した時刻より前に終わっています"
            raise InvalidInputError(ROAD_FIELD, problem)

    def travel(problem: DayProblem) -> TravelMatrix:
        return supposed.travel(
            problem.travel,
            _places(services, problem),
            bundle_m=services.settings.bundle_m,
        )

    return ClosedRoad(
        supposition=RoadClosed(travel=travel),
        text="、".join(told),
        closures=tuple(closures),
        roads=supposed,
    )


def _text(closure: Closure, roads: ClosedRoads) -> str:
    """Name what is closed, how much of it and when."""
    hours = f"、{hours_text(closure)}" if closure.windows else ""
    size = f"道路{len(roads.lines)}区間・{roads.length_m:,}m{hours}"
    if closure.name == NAME:
        return f"{NAME}({size})"
    return f"「{closure.name}」が通行止め({size})"


def _planned_from(services: Services, stored: StoredPlan) -> dt.datetime:
    """Moment from which a plan's times hold: when it was made, or its midnight."""
    zone, date = services.profile.timezone, stored.plan.date
    made_at = stored.made_at.astimezone(zone)
    if made_at.date() == date:
        return made_at
    return dt.datetime.combine(date, dt.time(), zone)


def _held(services: Services, stored: StoredPlan) -> tuple[Closure, ...]:
    """Closures as they were known when a plan was made: not lifted since."""
    known = services.closures.history(MAX_HISTORY)
    ids = {one.id for one in known}
    today = services.closures.in_rest_of_day(_planned_from(services, stored))
    known += [one for one in today if one.id not in ids]  # of long ago
    return tuple(
        replace(one, lifted_at=None, lifted_by="")
        if one.lifted_at is not None and one.lifted_at > stored.made_at
        else one
        for one in known
        if one.made_at <= stored.made_at
    )


def _places(services: Services, problem: DayProblem) -> Mapping[int, LonLat]:
    """Positions of the rows of a day's times."""
    places = {
        node: visit.place
        for node, visit in zip(problem.visit_nodes, problem.visits, strict=True)
    }
    last = {
        day.start_node: day.committed[-1].visit_id
        for day in problem.team_days
        if day.committed and day.start_node != day.end_node
    }
    charts = services.store.get_many(set(last.values()))
    for node, visit_id in last.items():
        placement = charts[visit_id].placement if visit_id in charts else None
        if placement is not None and placement.place is not None:
            places[node] = placement.place
    return places | {day.end_node: day.team.base for day in problem.team_days}
