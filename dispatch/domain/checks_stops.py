"""One team's new stops in the checker: who may go, when, and what the vehicle holds.

It shares no code with `Visit.allows` and `Visit.start_spans`; see `checks`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator

from dispatch.domain.checks_rules import (
    Rule,
    Violation,
    broken,
    broken_at,
    nothing_new,
)
from dispatch.domain.plan import Route, Stop
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.visit import Visit


def stops(problem: DayProblem, day: TeamDay, route: Route) -> Iterator[Violation]:
    """Whatever is wrong with a team's new stops, its clock aside."""
    going = [
        (stop, problem.visits_by_id[stop.visit_id])
        for stop in route.stops[len(day.committed) :]
        if stop.visit_id in problem.visits_by_id
    ]
    for stop, visit in going:
        yield from _who_may(day, stop, visit, problem.date)
        yield from _which_vehicle(day, stop, visit)
        yield from _when_may(day, stop, visit)
        yield from _how_long(day, stop, visit)
    if not nothing_new(day, route):
        yield from _load(day, [visit for _, visit in going])


def _who_may(
    day: TeamDay, stop: Stop, visit: Visit, date: dt.date
) -> Iterator[Violation]:
    team = day.team
    if not visit.skills <= team.skills:
        detail = f"lacks {sorted(visit.skills - team.skills)}"
        yield broken_at(day, stop, Rule.SKILLS, detail)
    if visit.crew > team.crew_size:
        detail = f"{visit.crew} over {team.crew_size}"
        yield broken_at(day, stop, Rule.TEAM_SIZE, detail)
    if team.office_id not in visit.allowed_office_ids:
        yield broken_at(day, stop, Rule.ALLOWED_OFFICE, team.office_id)
    if visit.team_id is not None and visit.team_id != team.id:
        detail = f"bound to {visit.team_id}"
        yield broken_at(day, stop, Rule.DISPATCHERS_TEAM, detail)
    if visit.not_before is not None and date < visit.not_before:
        yield broken_at(day, stop, Rule.LEGAL_HOLD, f"not before {visit.not_before}")


def _which_vehicle(day: TeamDay, stop: Stop, visit: Visit) -> Iterator[Violation]:
    """Ask that the vehicle passes the street; one of unknown width passes no limit."""
    vehicle, limit_cm = day.team.vehicle, visit.max_width_cm
    if limit_cm is not None:
        if vehicle.width_cm is None:
            detail = f"unknown, limit {limit_cm} cm"
            yield broken_at(day, stop, Rule.VEHICLE_WIDTH, detail)
        elif vehicle.width_cm > limit_cm:
            detail = f"{vehicle.width_cm} cm over {limit_cm} cm"
            yield broken_at(day, stop, Rule.VEHICLE_WIDTH, detail)
    classes = visit.vehicle_classes
    if classes and vehicle.vehicle_class not in classes:
        detail = f"{vehicle.vehicle_class!r}, not of {sorted(classes)}"
        yield broken_at(day, stop, Rule.VEHICLE_CLASS, detail)


def _when_may(day: TeamDay, stop: Stop, visit: Visit) -> Iterator[Violation]:
    start_s, told = stop.start_s, f"starts at {stop.start_s}"
    if start_s < stop.arrive_s or start_s < visit.release_s:
        yield broken_at(day, stop, Rule.RELEASE, told)
    promised = visit.windows
    if promised and not any(one.start_s <= start_s <= one.end_s for one in promised):
        yield broken_at(day, stop, Rule.APPOINTMENT, told)
    for shut in visit.forbidden:
        if start_s < shut.end_s and shut.start_s < stop.end_s:
            detail = f"{start_s} to {stop.end_s}, shut {shut.start_s} to {shut.end_s}"
            yield broken_at(day, stop, Rule.FORBIDDEN_HOURS, detail)
    if visit.hard_due and visit.due_s is not None and start_s > visit.due_s:
        yield broken_at(day, stop, Rule.HARD_DUE, f"{told}, due at {visit.due_s}")
    lock = visit.start_between
    if lock is not None and not lock.start_s <= start_s <= lock.end_s:
        detail = f"{told}, locked to {lock.start_s} to {lock.end_s}"
        yield broken_at(day, stop, Rule.LOCK, detail)


def _how_long(day: TeamDay, stop: Stop, visit: Visit) -> Iterator[Violation]:
    """Ask for the work of this team, and for the lateness that the start makes."""
    service_s, worked_s = visit.service_s, stop.end_s - stop.start_s
    for category_code, own_s in day.team.service_times:
        if category_code == visit.category_code:
            service_s = own_s
    if worked_s != service_s:
        detail = f"{worked_s} s instead of {service_s} s"
        yield broken_at(day, stop, Rule.SERVICE_TIME, detail)
    late_s = 0 if visit.due_s is None else max(0, stop.start_s - visit.due_s)
    if stop.late_s != late_s:
        detail = f"{stop.late_s} s, in truth {late_s} s"
        yield broken_at(day, stop, Rule.LATENESS_TOLD, detail)


def _load(day: TeamDay, visits: list[Visit]) -> Iterator[Violation]:
    """Ask that the vehicle holds all that the new visits and the committed need."""
    vehicle = day.team.vehicle
    load_kg = day.committed_load_kg + sum(visit.load_kg for visit in visits)
    if load_kg > vehicle.load_kg:
        detail = f"{load_kg} kg over {vehicle.load_kg} kg"
        yield broken(Rule.VEHICLE_LOAD, detail, team_id=day.team.id)
    brought: Counter[str] = Counter()
    for visit in visits:
        for name, pieces in visit.materials:
            brought[name] += pieces
    on_board, room = dict(day.committed_materials), dict(vehicle.materials)
    for name, pieces in sorted(brought.items()):
        pieces_in_all = pieces + on_board.get(name, 0)
        if pieces and pieces_in_all > room.get(name, 0):
            detail = f"{name}: {pieces_in_all} over {room.get(name, 0)}"
            yield broken(Rule.MATERIALS, detail, team_id=day.team.id)
