"""VROOM's JSON read: a problem of its as one of ours."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from api.json_files import read_layout
from api.vroom_schemas import VroomBreak, VroomIn, VroomJob, VroomVehicle
from dispatch.adapters.problem_codec import alone, square, told_at
from dispatch.domain.catalogue import Urgency
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.levels import Level
from dispatch.domain.place import LonLat
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.team import (
    DAY_S,
    HORIZON_MAX_S,
    Lunch,
    MobileTeam,
    Shift,
    Vehicle,
)
from dispatch.domain.travel import UNREACHABLE_S, TravelLevel, TravelMatrix
from dispatch.domain.visit import TimeWindow, Visit
from dispatch.ports import TravelTimes
from dispatch.prepared_day import PreparedDay

NO_DATE = dt.date(1970, 1, 1)  # VROOM knows seconds and no day
NOWHERE = LonLat(0.0, 0.0)  # of a place that is only a row of the matrix
OFFICE = "vroom"
# Smallest priority of S, A and B: our planner knows four classes, not a hundred.
PRIORITIES = ((67, Urgency.S), (34, Urgency.A), (1, Urgency.B), (0, Urgency.C))
# A time window is no promise to a resident here: priority alone says who is left out.
FIRST = (Level.S_ON_TIME, Level.SERVED)
LEVELS = (*FIRST, *(level for level in Level if level not in FIRST))
NO_PLACE = "matrices があるときは location_index、ないときは location が必要です"
NO_END = "出発か到着の地点が必要です"


@dataclass(frozen=True, slots=True, kw_only=True)
class VroomDay:
    """
    A problem of VROOM as one of ours.

    `offset_s` is taken from every time of it: real timestamps count from the midnight
    (UTC) before the first of them.
    """

    given: VroomIn
    day: PreparedDay
    offset_s: int


def read_vroom(text: bytes | str, straight: Callable[[], TravelTimes]) -> VroomDay:
    """
    Read a problem of VROOM.

    A break is the lunch of its vehicle; each delivery and pickup counts as load all
    day; setup counts at every job; a job without service takes one second.

    Parameters
    ----------
    text
        Of the file.
    straight
        Gives travel times where there are no matrices; asked only then.

    Raises
    ------
    InvalidInputError
        For the first thing that is wrong, or that cannot be kept.
    """
    given = read_layout(VroomIn, text)
    _require_amounts(given)
    offset_s = _offset_s(given)
    nodes = _Nodes(has_matrix=given.matrices is not None)
    ends = [
        (nodes.of(one.start_index, one.start), nodes.of(one.end_index, one.end))
        for one in given.vehicles
    ]
    visit_nodes = [nodes.of(job.location_index, job.location) for job in given.jobs]
    _require_places(ends, visit_nodes)
    travel = _travel(given, nodes, straight)
    problem = DayProblem(
        date=NO_DATE,
        visits=tuple(_visit(at, job, offset_s) for at, job in enumerate(given.jobs)),
        team_days=tuple(
            _team_day(at, vehicle, offset_s, _closed(ends[at], len(travel)))
            for at, vehicle in enumerate(given.vehicles)
        ),
        travel=_with_open_end(travel),
        visit_nodes=tuple(node for node in visit_nodes if node is not None),
        levels=LEVELS,
    )
    return VroomDay(given=given, day=alone(problem), offset_s=offset_s)


_Node = int | None


class _Nodes:
    """Numbers places: as the matrix has them, or in the order they are met."""

    def __init__(self, *, has_matrix: bool) -> None:
        self._has_matrix = has_matrix
        self._places: dict[LonLat, int] = {}

    @property
    def places(self) -> list[LonLat]:
        """Places met so far."""
        return list(self._places)

    def of(self, index: int | None, position: tuple[float, float] | None) -> _Node:
        """Row of a place; None when nothing says where it is."""
        if self._has_matrix:
            return index
        if position is None:
            return None
        return self._places.setdefault(LonLat(*position), len(self._places))


def _require_places(
    ends: Sequence[tuple[_Node, _Node]], visit_nodes: Sequence[_Node]
) -> None:
    for at, both in enumerate(ends):
        if both == (None, None):
            raise InvalidInputError(f"vehicles.{at}", f"{NO_END}({NO_PLACE})")
    for at, node in enumerate(visit_nodes):
        if node is None:
            raise InvalidInputError(f"jobs.{at}", NO_PLACE)


def _closed(ends: tuple[_Node, _Node], open_end: int) -> tuple[int, int]:
    start, end = ends
    return open_end if start is None else start, open_end if end is None else end


def _travel(
    given: VroomIn, nodes: _Nodes, straight: Callable[[], TravelTimes]
) -> TravelMatrix:
    if given.matrices is None:
        midnight = dt.datetime.combine(NO_DATE, dt.time(), dt.UTC)
        return straight().matrix(nodes.places, at=midnight)
    profile = given.vehicles[0].profile
    if profile not in given.matrices:
        raise InvalidInputError("matrices", "車両の profile の行列がありません")
    matrix, path = given.matrices[profile], f"matrices.{profile}"
    duration_s = square(matrix.durations, f"{path}.durations")
    distance_m = np.zeros_like(duration_s)
    if matrix.distances is not None:
        distance_m = square(matrix.distances, f"{path}.distances")
    return TravelMatrix(
        duration_s=np.minimum(duration_s, UNREACHABLE_S),
        distance_m=distance_m,
        level=TravelLevel.ROAD,
    )


def _with_open_end(travel: TravelMatrix) -> TravelMatrix:
    """Add a place that is no way from anywhere: there open routes begin or end."""
    return TravelMatrix(
        duration_s=np.pad(travel.duration_s, (0, 1)),
        distance_m=np.pad(travel.distance_m, (0, 1)),
        level=travel.level,
    )


def _require_amounts(given: VroomIn) -> None:
    """Ask that all amounts have as many numbers as the capacities."""
    length = len(given.vehicles[0].capacity)
    sentence = f"数量の個数をそろえてください(最初の車両は{length}個)"
    for at, vehicle in enumerate(given.vehicles):
        if len(vehicle.capacity) != length:
            raise InvalidInputError(f"vehicles.{at}.capacity", sentence)
    for at, job in enumerate(given.jobs):
        for name, amounts in (("delivery", job.delivery), ("pickup", job.pickup)):
            if amounts and len(amounts) != length:
                raise InvalidInputError(f"jobs.{at}.{name}", sentence)


def _offset_s(given: VroomIn) -> int:
    """Midnight before the first time, where times are no seconds of a few days."""
    windows = [window for job in given.jobs for window in job.time_windows]
    for vehicle in given.vehicles:
        windows += [] if vehicle.time_window is None else [vehicle.time_window]
        windows += [window for one in vehicle.breaks for window in one.time_windows]
    first_s = min((start_s for start_s, _ in windows), default=0)
    return first_s - first_s % DAY_S if first_s > HORIZON_MAX_S else 0


def _visit(at: int, job: VroomJob, offset_s: int) -> Visit:
    urgency = next(one for least, one in PRIORITIES if job.priority >= least)
    length = max(len(job.delivery), len(job.pickup))
    loads = [
        brought + taken
        for brought, taken in zip(
            job.delivery or [0] * length, job.pickup or [0] * length, strict=True
        )
    ]
    with told_at(f"jobs.{at}"):
        windows = tuple(_window(window, offset_s) for window in job.time_windows)
    return Visit(
        id=str(job.id),
        category_code="",
        urgency=urgency,
        place=NOWHERE if job.location is None else LonLat(*job.location),
        service_s=max(1, job.setup + job.service),
        office_id=OFFICE,
        allowed_office_ids=frozenset({OFFICE}),
        skills=frozenset(map(str, job.skills)),
        materials=tuple((str(no), load) for no, load in enumerate(loads) if load),
        windows=windows,
    )


def _window(window: tuple[int, int], offset_s: int) -> TimeWindow:
    start_s, end_s = window
    last_s = min(end_s - offset_s, HORIZON_MAX_S)
    return TimeWindow(start_s=start_s - offset_s, end_s=last_s)


def _team_day(
    at: int, vehicle: VroomVehicle, offset_s: int, ends: tuple[int, int]
) -> TeamDay:
    with told_at(f"vehicles.{at}"):
        shift = _shift(vehicle, offset_s)
    team = MobileTeam(
        id=str(vehicle.id),
        office_id=OFFICE,
        name=vehicle.description or str(vehicle.id),
        letter="",
        vehicle=Vehicle(
            name="",
            load_kg=0,
            materials=tuple((str(no), one) for no, one in enumerate(vehicle.capacity)),
        ),
        crew_size=1,
        skills=frozenset(map(str, vehicle.skills)),
        base=NOWHERE,
        shift=shift,
    )
    start, end = ends
    return TeamDay(team=team, start_node=start, end_node=end, free_from_s=shift.start_s)


def _shift(vehicle: VroomVehicle, offset_s: int) -> Shift:
    start_s, end_s = 0, HORIZON_MAX_S
    if vehicle.time_window is not None:
        start_s = vehicle.time_window[0] - offset_s
        end_s = min(vehicle.time_window[1] - offset_s, HORIZON_MAX_S)
    lunch = next((_lunch(one, offset_s) for one in vehicle.breaks), None)
    return Shift(start_s=start_s, end_s=end_s, lunch=lunch)


def _lunch(one: VroomBreak, offset_s: int) -> Lunch:
    """Make a lunch of a break: its window is of its start, a lunch's of the whole."""
    ((start_s, end_s),) = one.time_windows
    return Lunch(
        nominal_s=start_s - offset_s,
        duration_s=one.service,
        earliest_s=start_s - offset_s,
        latest_end_s=end_s - offset_s + one.service,
    )
