"""VROOM's JSON written: its answers, and plans of ours for its plan mode to judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from api.vroom_format import VroomDay
from api.vroom_schemas import VroomJob, VroomVehicle
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.plan import Plan, Route, Stop
from dispatch.domain.problem import DayProblem, TeamDay

BREAK_ID = 1
SUMS = ("cost", "setup", "service", "duration", "waiting_time", "priority", "distance")


def vroom_text(vroom: VroomDay, plan: Plan, *, solving_ms: int) -> str:
    """
    Write a plan as VROOM answers.

    Parameters
    ----------
    vroom
        The problem, as `read_vroom` gave it.
    plan
        A plan of it.
    solving_ms
        How long it took to find.
    """
    vehicles = {str(one.id): one for one in vroom.given.vehicles}
    jobs = {str(job.id): job for job in vroom.given.jobs}
    routes = [
        _route(vroom, vehicles[route.team_id], route, jobs)
        for route in plan.routes
        if route.stops
    ]
    size = len(vroom.given.vehicles[0].capacity)
    left_out = [jobs[item.visit_id] for item in plan.unassigned]
    summary = {
        "routes": len(routes),
        "unassigned": len(left_out),
        **{name: sum(route[name] for route in routes) for name in SUMS},
        **{
            name: _summed([route[name] for route in routes], size)
            for name in ("delivery", "pickup")
        },
        "violations": [],
        "computing_times": {"loading": 0, "solving": solving_ms, "routing": 0},
    }
    answer = {
        "code": 0,
        "summary": summary,
        "unassigned": [
            {"id": job.id, "type": "job", **_where(job)} for job in left_out
        ],
        "routes": routes,
    }
    return _dumped(answer)


def plan_mode_text(problem: DayProblem, plan: Plan) -> str:
    """
    Write a plan of ours as a problem of VROOM with its routes given (plan mode).

    VROOM then says what each step breaks of travel, hours, load and who may go. It
    knows nothing of tools, of teams that begin together and of what comes after what.
    Jobs and vehicles are numbered; their descriptions are our ids.

    Raises
    ------
    InvalidInputError
        When driving takes another time at another time of the day.
    """
    if problem.travel.is_timed:
        sentence = "時間帯で移動時間が変わる計画は VROOM では確かめられません"
        raise InvalidInputError("travel", sentence)
    index_of = {visit.id: index for index, visit in enumerate(problem.visits)}
    routes = {route.team_id: route for route in plan.routes}
    jobs: list[dict[str, Any]] = []
    vehicles: list[dict[str, Any]] = []
    for at, day in enumerate(problem.team_days, start=1):
        route = routes.get(day.team.id)
        stops = () if route is None else route.stops[len(day.committed) :]
        if route is None or not stops:
            continue
        first = len(jobs) + 1
        for stop in stops:
            job = _judged_job(problem, day, index_of[stop.visit_id])
            jobs.append({"id": len(jobs) + 1, **job})
        vehicles.append({"id": at, **_judged_vehicle(problem, day, route, first)})
    return _dumped(
        {
            "vehicles": vehicles,
            "jobs": jobs,
            "matrices": {
                "car": {
                    "durations": problem.travel.duration_s.tolist(),
                    "distances": problem.travel.distance_m.tolist(),
                }
            },
        }
    )


# -- answers ---------------------------------------------------------------------------


def _route(
    vroom: VroomDay, vehicle: VroomVehicle, route: Route, jobs: Mapping[str, VroomJob]
) -> dict[str, Any]:
    size = len(vehicle.capacity)
    done = [jobs[stop.visit_id] for stop in route.stops]
    delivery = _summed([job.delivery for job in done], size)
    load = list(delivery)
    steps = []
    for step in _steps(vehicle, route, jobs):
        job = jobs[str(step["id"])] if step["type"] == "job" else None
        if job is not None:
            load = _summed([load, job.pickup], size)
            load = [
                kept - gone
                for kept, gone in zip(load, _sized(job.delivery, size), strict=True)
            ]
        step["arrival"] += vroom.offset_s
        steps.append({**step, "load": load, "violations": []})
    return {
        "vehicle": vehicle.id,
        "cost": route.drive_s,
        "delivery": delivery,
        "pickup": _summed([job.pickup for job in done], size),
        "setup": sum(job.setup for job in done),
        "service": sum(step["service"] for step in steps),
        "duration": route.drive_s,
        "waiting_time": sum(step["waiting_time"] for step in steps),
        "priority": sum(job.priority for job in done),
        "distance": route.drive_m,
        **_described(vehicle.description),
        "steps": steps,
        "violations": [],
    }


def _steps(
    vehicle: VroomVehicle, route: Route, jobs: Mapping[str, VroomJob]
) -> Iterator[dict[str, Any]]:
    """Give the steps in time; lunch where it is eaten, before a drive or after it."""
    yield _step("start", route.depart_s, (0, 0)) | _ends(vehicle, "start")
    free_s, driven = route.depart_s, (0, 0)
    lunch = _lunch(route)
    for leg in (*route.stops, _way_back(route)):
        there = driven[0] + leg.drive_s, driven[1] + leg.drive_m
        if lunch is not None and free_s <= lunch[0] < leg.start_s:
            eats_there = leg.arrive_s == lunch[1] and lunch[0] >= free_s + leg.drive_s
            ready_s = free_s + leg.drive_s if eats_there else free_s
            yield _pause(vehicle, lunch, ready_s, there if eats_there else driven)
            lunch = None
        driven, free_s = there, leg.end_s
        if leg.visit_id:
            job = jobs[leg.visit_id]
            yield _step("job", leg.arrive_s, driven) | {
                "id": job.id,
                "job": job.id,
                "setup": job.setup,
                "service": leg.end_s - leg.start_s - job.setup,
                "waiting_time": leg.start_s - leg.arrive_s,
                **_where(job),
            }
    if lunch is not None:  # back already: VROOM knows no break after the end
        yield _pause(vehicle, lunch, free_s, driven)
        free_s = lunch[1]
    yield _step("end", free_s, driven) | _ends(vehicle, "end")


def _lunch(route: Route) -> tuple[int, int] | None:
    if route.lunch_start_s is None or route.lunch_end_s is None:
        return None
    return route.lunch_start_s, route.lunch_end_s


def _pause(
    vehicle: VroomVehicle, lunch: tuple[int, int], ready_s: int, driven: tuple[int, int]
) -> dict[str, Any]:
    (one,) = vehicle.breaks
    return _step("break", ready_s, driven) | {
        "id": one.id,
        "service": lunch[1] - lunch[0],
        "waiting_time": lunch[0] - ready_s,
        **_described(one.description),
    }


def _way_back(route: Route) -> Stop:
    """Make a last stop of the way back, with no visit."""
    return Stop(
        visit_id="",
        arrive_s=route.return_s,
        start_s=route.return_s,
        end_s=route.return_s,
        drive_s=route.return_drive_s,
        drive_m=route.return_drive_m,
    )


def _step(kind: str, arrive_s: int, driven: tuple[int, int]) -> dict[str, Any]:
    return {
        "type": kind,
        "arrival": arrive_s,
        "duration": driven[0],
        "distance": driven[1],
        "setup": 0,
        "service": 0,
        "waiting_time": 0,
    }


def _ends(vehicle: VroomVehicle, name: str) -> dict[str, Any]:
    place = {
        "location": getattr(vehicle, name),
        "location_index": getattr(vehicle, f"{name}_index"),
    }
    return {key: value for key, value in place.items() if value is not None}


def _where(job: VroomJob) -> dict[str, Any]:
    place = {
        "location": job.location,
        "location_index": job.location_index,
        "description": job.description,
    }
    return {key: value for key, value in place.items() if value is not None}


def _described(description: str | None) -> dict[str, str]:
    return {} if description is None else {"description": description}


def _sized(amounts: Sequence[int], size: int) -> list[int]:
    return list(amounts) or [0] * size


def _summed(rows: Sequence[Sequence[int]], size: int) -> list[int]:
    return [
        sum(column)
        for column in zip([0] * size, *(_sized(row, size) for row in rows), strict=True)
    ]


# -- plan mode -------------------------------------------------------------------------


def _judged_job(problem: DayProblem, day: TeamDay, index: int) -> dict[str, Any]:
    visit = problem.visits[index]
    service_s = visit.service_for_s(day.team)
    spans = _apart(visit.start_spans(service_s, day.team.shift.limit_s))
    return {
        "description": visit.id,
        "location_index": problem.visit_nodes[index],
        "service": service_s,
        "delivery": [visit.load_kg, *_pieces(problem, dict(visit.materials))],
        "skills": [index],
        # A visit that may begin at no time gets a window that nobody can keep.
        "time_windows": spans or [[0, 0]],
    }


def _apart(spans: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Join spans that touch, from midnight on: VROOM wants them apart."""
    joined: list[list[int]] = []
    for start_s, end_s in spans:
        if joined and start_s <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end_s)
        elif end_s >= 0:
            joined.append([max(0, start_s), end_s])
    return joined


def _judged_vehicle(
    problem: DayProblem, day: TeamDay, route: Route, first_job: int
) -> dict[str, Any]:
    """Vehicle with its route; its skills are the visits that it may do."""
    lunch = day.team.shift.lunch
    steps: list[dict[str, Any]] = [{"type": "start"}]
    # No moment for it: VROOM would then drive after the break and never before it.
    pause = {"type": "break", "id": BREAK_ID}
    lunch_s = route.lunch_start_s if day.lunch_owed else None
    for job, stop in enumerate(route.stops[len(day.committed) :], start=first_job):
        if lunch_s is not None and lunch_s < stop.start_s:
            steps.append(pause)
            lunch_s = None
        steps.append({"type": "job", "id": job, "service_at": stop.start_s})
    steps += [pause] if lunch_s is not None else []
    room = {name: day.pieces_left(name) for name, _ in day.team.vehicle.materials}
    breaks = []
    if lunch is not None and day.lunch_owed:
        spans = [[lunch.earliest_s, lunch.latest_start_s]]
        breaks.append(
            {"id": BREAK_ID, "service": lunch.duration_s, "time_windows": spans}
        )
    return {
        "description": day.team.id,
        "start_index": day.start_node,
        "end_index": day.end_node,
        "time_window": [day.free_from_s, day.team.shift.limit_s],
        "capacity": [max(0, day.load_left_kg), *_pieces(problem, room)],
        "skills": [
            index
            for index, visit in enumerate(problem.visits)
            if visit.allows(day.team)
        ],
        "breaks": breaks,
        "steps": [*steps, {"type": "end"}],
    }


def _pieces(problem: DayProblem, pieces: Mapping[str, int]) -> list[int]:
    """Amounts of all materials of the day, in the order of their names."""
    names = {name for visit in problem.visits for name, _ in visit.materials}
    return [pieces.get(name, 0) for name in sorted(names)]


def _dumped(layout: object) -> str:
    return orjson.dumps(layout, option=orjson.OPT_APPEND_NEWLINE).decode()
