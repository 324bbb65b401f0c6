"""Why a visit is not in the plan: a reason code and a sentence with numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from dispatch.domain.plan import Route, Unassigned, UnassignedReason
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.together import has_tools_for
from dispatch.domain.travel import UNREACHABLE_S, level_text
from dispatch.domain.visit import Visit

_Why = tuple[UnassignedReason, str]
_Able = list[tuple[int, TeamDay]]  # team days with their index


def clock_text(second: int) -> str:
    """Seconds after midnight as people write it, 9:05."""
    return f"{second // 3600}:{second % 3600 // 60:02d}"


def feasible_alone(scheduler: DayScheduler, visit_index: int) -> bool:
    """Whether teams of allowed offices could serve the visit and nothing else."""
    problem = scheduler.problem
    nothing: list[Order] = [() for _ in problem.team_days]
    able = [
        team_index
        for team_index in range(len(problem.team_days))
        if scheduler.allows(team_index, visit_index)
        and has_tools_for(problem, nothing, team_index, visit_index)
        and scheduler.timing(team_index, (visit_index,)) is not None
    ]
    return len(able) >= problem.visits[visit_index].num_teams


def why_unassigned(
    scheduler: DayScheduler,
    visit_index: int,
    routes: Sequence[Route],
    names: Mapping[str, str],
) -> Unassigned:
    """
    Reason of one visit that is in no route.

    Parameters
    ----------
    scheduler
        Exact placement of the day that was planned.
    visit_index
        Index of the visit in the problem.
    routes
        The plan's routes, one per team day, to say how full the day is.
    names
        Japanese names for the sentence, by office id, skill, tool and material.
    """
    case = _Case(scheduler, visit_index, routes, names)
    reason, sentence = _why(case)
    return Unassigned(visit_id=case.visit.id, reason=reason, sentence=sentence)


class _Case(NamedTuple):
    """One visit that is left out, and the plan that leaves it out."""

    scheduler: DayScheduler
    visit_index: int
    routes: Sequence[Route]
    names: Mapping[str, str]

    @property
    def problem(self) -> DayProblem:
        return self.scheduler.problem

    @property
    def visit(self) -> Visit:
        return self.problem.visits[self.visit_index]

    def orders(self) -> list[Order]:
        """Visit indices by team day, as the routes have them."""
        index_of = {visit.id: at for at, visit in enumerate(self.problem.visits)}
        return [
            tuple(index_of[s.visit_id] for s in route.stops if s.visit_id in index_of)
            for route in self.routes
        ]

    def named(self, codes: frozenset[str]) -> str:
        return "・".join(self.names.get(code, code) for code in sorted(codes))


def _why(case: _Case) -> _Why:
    """Narrow the teams down, one demand after another, until none is left."""
    visit, orders = case.visit, case.orders()
    able: _Able = list(enumerate(case.problem.team_days))
    demands: list[tuple[Callable[[int, TeamDay], bool], Callable[..., _Why]]] = [
        (lambda _, day: _is_near(visit, day), _no_team),
        (lambda _, day: visit.skills <= day.team.skills, _no_skill),
        (lambda _, day: visit.crew <= day.team.crew_size, _no_crew),
        (lambda _, day: _gets_there(visit, day), _no_vehicle),
        (lambda _, day: visit.load_kg <= day.load_left_kg, _no_load),
        (lambda _, day: _has_pieces_room(visit, day), _no_pieces_room),
        (
            lambda at, _: has_tools_for(case.problem, orders, at, case.visit_index),
            _no_tool,
        ),
    ]
    for is_met, told in demands:
        left = [(at, day) for at, day in able if is_met(at, day)]
        if not left:
            return told(case, able)
        able = left
    if len(able) < visit.num_teams:
        return (
            UnassignedReason.NO_TEAM,
            f"同時に{visit.num_teams}班必要ですが、行ける班は{len(able)}班です。",
        )
    return _time(case, able)


def _is_near(visit: Visit, day: TeamDay) -> bool:
    is_bound = visit.team_id is not None and visit.team_id != day.team.id
    return day.team.office_id in visit.allowed_office_ids and not is_bound


def _gets_there(visit: Visit, day: TeamDay) -> bool:
    return day.team.vehicle.fits(
        materials=(),
        max_width_cm=visit.max_width_cm,
        vehicle_classes=visit.vehicle_classes,
    )


def _has_pieces_room(visit: Visit, day: TeamDay) -> bool:
    return all(count <= day.pieces_left(name) for name, count in visit.materials)


def _no_team(case: _Case, _able: _Able) -> _Why:
    offices = case.named(case.visit.allowed_office_ids)
    return (
        UnassignedReason.NO_TEAM,
        f"担当できる事業所({offices})に出勤している班がありません。",
    )


def _no_skill(case: _Case, _able: _Able) -> _Why:
    needed = case.named(case.visit.skills)
    offices = case.named(case.visit.allowed_office_ids)
    return (
        UnassignedReason.NO_SKILL,
        (
            f"必要な技能・装備({needed})を持つ班が、"
            f"担当できる事業所({offices})で出勤していません。"
        ),
    )


def _no_crew(case: _Case, skilled: _Able) -> _Why:
    most = max(day.team.crew_size for _, day in skilled)
    return (
        UnassignedReason.NO_CREW,
        f"{case.visit.crew}人必要ですが、技能のある班は最大{most}人です。",
    )


def _no_vehicle(case: _Case, _able: _Able) -> _Why:
    visit, limits = case.visit, []
    if visit.max_width_cm is not None:
        limits.append(f"幅{visit.max_width_cm}cm以下")
    if visit.vehicle_classes:
        limits.append(f"車種は{case.named(visit.vehicle_classes)}")
    return (
        UnassignedReason.NO_VEHICLE,
        f"この場所に入れる車両({'、'.join(limits)})を持つ、行ける班がありません。",
    )


def _no_load(case: _Case, able: _Able) -> _Why:
    room_kg = max(0, *(day.load_left_kg for _, day in able))
    return (
        UnassignedReason.NO_LOAD,
        f"資材{case.visit.load_kg}kgに対し、積載の空きは最大{room_kg}kgです。",
    )


def _no_pieces_room(case: _Case, _able: _Able) -> _Why:
    pieces = "・".join(
        f"{case.names.get(name, name)}{count}個" for name, count in case.visit.materials
    )
    return (
        UnassignedReason.NO_LOAD,
        f"資材({pieces})を積む空きのある、行ける班がありません。",
    )


def _no_tool(case: _Case, _able: _Able) -> _Why:
    stock, needed = dict(case.problem.tools), case.named(case.visit.tools)
    sentence = f"必要な共用機材({needed})は、行ける班に回せる空きがありません。"
    missing = frozenset(tool for tool in case.visit.tools if not stock.get(tool))
    if missing:
        sentence = f"必要な共用機材({case.named(missing)})がこの日はありません。"
    return UnassignedReason.NO_TOOL, sentence


def _time(case: _Case, able: _Able) -> _Why:
    """Reason that lies in time: never possible, or not beside the others."""
    scheduler, problem, visit = case.scheduler, case.problem, case.visit
    node = problem.visit_nodes[case.visit_index]
    if all(scheduler.typical_s[d.start_node, node] >= UNREACHABLE_S for _, d in able):
        return UnassignedReason.UNREACHABLE, "この場所まで行ける道が見つかりません。"
    able = [(index, day) for index, day in able if _comes_back(scheduler, day, node)]
    if not able:
        sentence = "この場所まで行って戻れる道が見つかりません。"
        return UnassignedReason.UNREACHABLE, sentence
    drive_s, start_node = min(
        (int(scheduler.typical_s[day.start_node, node]), day.start_node)
        for _, day in able
    )
    minutes = min(visit.service_for_s(day.team) for _, day in able) // 60
    level = problem.travel.leg_level(start_node, node)
    drive = f"約{round(drive_s / 60)}分[{level_text(level)}]"
    if feasible_alone(scheduler, case.visit_index):
        return UnassignedReason.NO_TIME, _beside(case, able, minutes, drive)
    if _hours(visit):
        is_promise = visit.is_promised
        return (
            UnassignedReason.WINDOW_MISSED if is_promise else UnassignedReason.TOO_LATE,
            f"{_hours(visit)}に間に合う班がありません(最も近い班から{drive})。",
        )
    ends = max(day.team.shift.limit_s for _, day in able)
    return (
        UnassignedReason.TOO_LATE,
        (
            f"作業{minutes}分と往復の移動(片道{drive})が、"
            f"勤務終了{clock_text(ends)}までに収まりません。"
        ),
    )


def _hours(visit: Visit) -> str:
    """Hours that service is held to; empty when any hour will do."""

    def between(hours: Sequence[tuple[int, int]]) -> str:
        return "、".join(f"{clock_text(a)}–{clock_text(b)}" for a, b in hours)

    told = []
    if visit.windows:
        told.append(
            f"約束の時間帯({between([(w.start_s, w.end_s) for w in visit.windows])})"
        )
    if visit.start_between is not None:
        lock = visit.start_between
        told.append(f"固定した時間帯({between([(lock.start_s, lock.end_s)])})")
    if visit.hard_due and visit.due_s is not None:
        told.append(f"必ず守る期限({clock_text(max(0, visit.due_s))})")
    if visit.forbidden:
        shut = between([(hours.start_s, hours.end_s) for hours in visit.forbidden])
        told.append(f"作業できない時間({shut})を除いた時間")
    return "・".join(told)


def _comes_back(scheduler: DayScheduler, day: TeamDay, node: int) -> bool:
    """Whether ways lead from where the team is free to a place and on to its end."""
    legs_s = scheduler.typical_s[[day.start_node, node], [node, day.end_node]]
    return bool(legs_s.max() < UNREACHABLE_S)


def _beside(case: _Case, able: _Able, minutes: int, drive: str) -> str:
    """Sentence for a visit that could be done, were it not for all the others."""
    served = {stop.visit_id for route in case.routes for stop in route.stops}
    before = [
        one.visit_id
        for one in case.visit.after
        if one.visit_id in case.problem.visits_by_id
    ]
    if not served.issuperset(before):
        return "先に終える訪問が計画に入っていないため、入れられません。"
    if before:
        return "先に終える訪問のあとに、入れられる空きがありません。"
    if case.visit.num_teams > 1:
        return f"同時に{case.visit.num_teams}班がそろう空きがありません。"
    return _full_day(able, case.routes, minutes, drive)


def _full_day(able: _Able, routes: Sequence[Route], minutes: int, drive: str) -> str:
    """Sentence for a day that has no gap left, with the loosest team's gap."""
    gaps = []
    for index, day in able:
        route, lunch = routes[index], day.team.shift.lunch
        left_s = day.team.shift.limit_s - day.free_from_s
        if day.lunch_owed and lunch is not None:
            left_s -= lunch.duration_s
        new = route.stops[len(day.committed) :]
        left_s -= sum(stop.drive_s + stop.end_s - stop.start_s for stop in new)
        gaps.append((left_s - route.return_drive_s, day.team.name))
    gap_s, name = max(gaps)
    return (
        f"作業{minutes}分(移動片道{drive})ができる班は{len(able)}班ありますが、"
        "緊急度の順に入れると、いっぱいです。"
        f"空きが最も多い{name}でも合計{max(0, gap_s) // 60}分で、"
        "続けて取れる時間が足りません。"
    )
