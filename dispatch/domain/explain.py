"""Why a visit is not in the plan: a reason code and a sentence with numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dispatch.domain.plan import Route, Unassigned, UnassignedReason
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import DayScheduler
from dispatch.domain.travel import UNREACHABLE_S, level_text
from dispatch.domain.visit import Visit


def clock_text(second: int) -> str:
    """Seconds after midnight as people write it, 9:05."""
    return f"{second // 3600}:{second % 3600 // 60:02d}"


def feasible_alone(scheduler: DayScheduler, visit_index: int) -> bool:
    """Whether some team of an allowed office could serve the visit and nothing else."""
    return any(
        scheduler.allows(team_index, visit_index)
        and scheduler.timing(team_index, (visit_index,)) is not None
        for team_index in range(len(scheduler.problem.team_days))
    )


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
        The plan's routes, to say how full the day is.
    names
        Japanese names for the sentence, by office id and by skill.
    """
    problem = scheduler.problem
    visit = problem.visits[visit_index]
    reason, sentence = _resources(problem, visit, names) or _time(
        scheduler, visit_index, routes
    )
    return Unassigned(visit_id=visit.id, reason=reason, sentence=sentence)


def _resources(
    problem: DayProblem, visit: Visit, names: Mapping[str, str]
) -> tuple[UnassignedReason, str] | None:
    """Reason that lies in who is on duty, if any."""
    offices = "・".join(
        names.get(office_id, office_id)
        for office_id in sorted(visit.allowed_office_ids)
    )
    teams = [
        day.team
        for day in problem.team_days
        if day.team.office_id in visit.allowed_office_ids
        and (visit.team_id is None or visit.team_id == day.team.id)
    ]
    if not teams:
        return (
            UnassignedReason.NO_TEAM,
            f"担当できる事業所({offices})に出勤している班がありません。",
        )
    skilled = [team for team in teams if visit.skills <= team.skills]
    if not skilled:
        needed = "・".join(names.get(skill, skill) for skill in sorted(visit.skills))
        return (
            UnassignedReason.NO_SKILL,
            (
                f"必要な技能・装備({needed})を持つ班が、"
                f"担当できる事業所({offices})で出勤していません。"
            ),
        )
    manned = [team for team in skilled if visit.crew <= team.crew_size]
    if not manned:
        most = max(team.crew_size for team in skilled)
        return (
            UnassignedReason.NO_CREW,
            f"{visit.crew}人必要ですが、技能のある班は最大{most}人です。",
        )
    manned_ids = {team.id for team in manned}
    room_kg = max(
        day.load_left_kg for day in problem.team_days if day.team.id in manned_ids
    )
    if visit.load_kg > room_kg:
        return (
            UnassignedReason.NO_LOAD,
            f"資材{visit.load_kg}kgに対し、積載の空きは最大{max(0, room_kg)}kgです。",
        )
    return None


def _time(
    scheduler: DayScheduler, visit_index: int, routes: Sequence[Route]
) -> tuple[UnassignedReason, str]:
    """Reason that lies in time: never possible, or not beside the others."""
    problem = scheduler.problem
    visit = problem.visits[visit_index]
    node = problem.visit_nodes[visit_index]
    able = [
        (index, day)
        for index, day in enumerate(problem.team_days)
        if scheduler.allows(index, visit_index)
    ]
    drive_s, start_node = min(
        (int(scheduler.typical_s[day.start_node, node]), day.start_node)
        for _, day in able
    )
    if drive_s >= UNREACHABLE_S:
        return UnassignedReason.UNREACHABLE, "この場所まで行ける道が見つかりません。"
    able = [(index, day) for index, day in able if _comes_back(scheduler, day, node)]
    if not able:
        sentence = "この場所まで行って戻れる道が見つかりません。"
        return UnassignedReason.UNREACHABLE, sentence
    drive_s, start_node = min(
        (int(scheduler.typical_s[day.start_node, node]), day.start_node)
        for _, day in able
    )
    minutes = visit.service_s // 60
    level = problem.travel.leg_level(start_node, node)
    drive = f"約{round(drive_s / 60)}分[{level_text(level)}]"
    if not feasible_alone(scheduler, visit_index):
        if visit.window is not None:
            window = visit.window
            between = f"{clock_text(window.start_s)}–{clock_text(window.end_s)}"
            return (
                UnassignedReason.WINDOW_MISSED,
                (
                    f"約束の時間帯({between})に間に合う班がありません"
                    f"(最も近い班から{drive})。"
                ),
            )
        ends = max((day.team.shift.limit_s for _, day in able), default=0)
        return (
            UnassignedReason.TOO_LATE,
            (
                f"作業{minutes}分と往復の移動(片道{drive})が、"
                f"勤務終了{clock_text(ends)}までに収まりません。"
            ),
        )
    return UnassignedReason.NO_TIME, _full_day(able, routes, minutes, drive)


def _comes_back(scheduler: DayScheduler, day: TeamDay, node: int) -> bool:
    """Whether ways lead from where the team is free to a place and on to its end."""
    legs_s = scheduler.typical_s[[day.start_node, node], [node, day.end_node]]
    return bool(legs_s.max() < UNREACHABLE_S)


def _full_day(
    able: Sequence[tuple[int, TeamDay]],
    routes: Sequence[Route],
    minutes: int,
    drive: str,
) -> str:
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
    gap_s, name = max(gaps, default=(0, ""))
    return (
        f"作業{minutes}分(移動片道{drive})ができる班は{len(able)}班ありますが、"
        "緊急度の順に入れると、いっぱいです。"
        f"空きが最も多い{name}でも合計{max(0, gap_s) // 60}分で、"
        "続けて取れる時間が足りません。"
    )
