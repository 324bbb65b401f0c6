"""Horizon (今後の日程): several working days as one problem, and the best later day."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dispatch.domain.deadlines import IsWorkingDay, next_working_day
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.plan import Plan
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.team import DAY_S, MobileTeam, Shift
from dispatch.domain.travel import TravelMatrix
from dispatch.domain.visit import ForbiddenHours, Visit

NUM_DAYS = 5  # a week ahead: a proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class DayInForce:
    """A day with a plan in force, and what that is judged by."""

    problem: DayProblem
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonDay:
    """
    One later working day; seconds count from its own midnight.

    `team_days` are the teams on duty, with rows of today's travel matrix. A day with
    `planned` keeps what it holds: no search is made of it, and
    `dispatch.domain.free_places` finds what still fits.
    """

    date: dt.date
    team_days: tuple[TeamDay, ...]
    planned: DayInForce | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterDay:
    """When a visit can be done, by whom; `start_s` is after that day's midnight."""

    date: dt.date
    team_ids: tuple[str, ...]
    start_s: int
    on_time: bool


def next_days(
    today: DayProblem, is_working_day: IsWorkingDay, *, num_days: int = NUM_DAYS
) -> tuple[HorizonDay, ...]:
    """
    Return the next working days with today's teams, fresh from their yards.

    Overtime is granted for a day; a later one has none.
    """
    days: list[HorizonDay] = []
    date = today.date
    for _ in range(num_days):
        date = next_working_day(date + dt.timedelta(days=1), is_working_day)
        team_days = tuple(map(_fresh, today.team_days))
        days.append(HorizonDay(date=date, team_days=team_days))
    return tuple(days)


def horizon_problem(
    today: DayProblem,
    days: Sequence[HorizonDay],
    left_out: Iterable[str],
    *,
    ends_s: Mapping[str, int],
) -> DayProblem:
    """
    One problem over several later days, for visits that are left out today.

    Seconds count from today's midnight. Each team stands there once for each day, as
    `horizon_team_id` names it. What is planned already is bound to its team and day,
    and outranks all else.

    Parameters
    ----------
    today
        The day whose visits are left out; its travel matrix holds all places.
    days
        Later days in order, none of them planned.
    left_out
        Ids of visits of today.
    ends_s
        When visits of today's plan end, for those that wait for them.

    Returns
    -------
    DayProblem
        Travel is the typical time of each leg, since traffic is that of one day. The
        shared tools are handed out to teams beforehand, day by day, since the stock is
        there anew every day: see `_handed_out`.

    Raises
    ------
    InvalidInputError
        When a day is not later than the one before, or has a plan in force.
    """
    dates = [today.date, *(day.date for day in days)]
    if any(later <= earlier for earlier, later in itertools.pairwise(dates)):
        raise InvalidInputError("days", "今日より後の日を早い順に並べてください")
    if any(day.planned is not None for day in days):
        raise InvalidInputError("days", "確定した計画のある日は探索しません")
    wanted = set(left_out)
    nodes = dict(zip(today.visits_by_id, today.visit_nodes, strict=True))
    waiting = [visit for visit in today.visits if visit.id in wanted]
    later = [_on_any_day(visit, today.date, days, ends_s) for visit in waiting]
    team_days: list[TeamDay] = []
    uncovered = list(waiting)
    for day in days:
        tools = _handed_out(today.tools, day, waiting, uncovered)
        team_days += [_on_day(one, day, today.date, tools) for one in day.team_days]
    return DayProblem(
        date=today.date,
        visits=tuple(later),
        team_days=tuple(team_days),
        travel=TravelMatrix(
            duration_s=today.travel.typical_s(),
            distance_m=today.travel.distance_m,
            level=today.travel.level,
            place_levels=today.travel.place_levels,
        ),
        visit_nodes=tuple(nodes[visit.id] for visit in later),
        levels=today.levels,
    )


def later_days(
    problem: DayProblem, orders: Sequence[Order], starts: Mapping[int, int]
) -> dict[str, LaterDay]:
    """
    Read out of the orders of a horizon when each visit is done, by visit id.

    Parameters
    ----------
    problem
        As `horizon_problem` made it.
    orders, starts
        Legal orders, and the moments of linked visits, as a solver returns them.
    """
    scheduler = DayScheduler(problem, starts)
    found: dict[str, LaterDay] = {}
    for at, order in enumerate(orders):
        team_id, date = team_and_date(problem.team_days[at].team.id)
        timing = scheduler.timing(at, order)
        if timing is None:
            message = f"order of {team_id} on {date} has no legal times"
            raise ValueError(message)
        for index, start_s in zip(order, timing.starts_s, strict=True):
            visit = problem.visits[index]
            with_them = found[visit.id].team_ids if visit.id in found else ()
            found[visit.id] = LaterDay(
                date=date,
                team_ids=(*with_them, team_id),
                start_s=start_s - _offset_s(problem.date, date),
                on_time=visit.late_s(start_s) == 0,
            )
    return found


def horizon_team_id(team_id: str, date: dt.date) -> str:
    """Name a team on one day: ``tsumori-1@2026-11-25``."""
    return f"{team_id}@{date.isoformat()}"


def team_and_date(horizon_id: str) -> tuple[str, dt.date]:
    """Undo `horizon_team_id`."""
    team_id, _, date = horizon_id.rpartition("@")
    return team_id, dt.date.fromisoformat(date)


def _offset_s(today: dt.date, date: dt.date) -> int:
    return (date - today).days * DAY_S


def _fresh(day: TeamDay) -> TeamDay:
    """Return a team at the start of a day like this one, with nothing done yet."""
    shift = replace(day.team.shift, overtime_max_s=0)
    return TeamDay(
        team=replace(day.team, shift=shift),
        start_node=day.end_node,
        end_node=day.end_node,
        free_from_s=shift.start_s,
        work_before_s=day.work_before_s,
    )


def _on_day(
    one: TeamDay, day: HorizonDay, today: dt.date, tools: Mapping[str, frozenset[str]]
) -> TeamDay:
    """Shift a team's day to its date; its name and its tools become skills."""
    team, offset_s = one.team, _offset_s(today, day.date)
    skills = team.skills | {_team_skill(team.id)}
    skills |= {_tool_skill(name) for name in tools.get(team.id, ())}
    return replace(
        one,
        team=replace(
            team,
            id=horizon_team_id(team.id, day.date),
            shift=_shifted(team.shift, offset_s),
            skills=skills,
        ),
        free_from_s=one.free_from_s + offset_s,
        lunch_start_s=(
            None if one.lunch_start_s is None else one.lunch_start_s + offset_s
        ),
    )


def _shifted(shift: Shift, offset_s: int) -> Shift:
    lunch = shift.lunch
    if lunch is not None:
        lunch = replace(
            lunch,
            nominal_s=lunch.nominal_s + offset_s,
            earliest_s=lunch.earliest_s + offset_s,
            latest_end_s=lunch.latest_end_s + offset_s,
        )
    return replace(
        shift,
        start_s=shift.start_s + offset_s,
        end_s=shift.end_s + offset_s,
        lunch=lunch,
    )


def _on_any_day(
    visit: Visit,
    today: dt.date,
    days: Sequence[HorizonDay],
    ends_s: Mapping[str, int],
) -> Visit:
    """
    Turn a visit left out today into one of the horizon.

    A promise or lock of today is past; promises of later days stay. A dispatcher's
    team is asked for as a skill, since it stands there once for each day.
    """
    first_s = _offset_s(today, days[0].date) if days else DAY_S
    held_s = 0
    if visit.not_before is not None:
        held_s = _offset_s(today, visit.not_before)
    ended_s = [
        ends_s[a.visit_id] + a.gap_s for a in visit.after if a.visit_id in ends_s
    ]
    asked = () if visit.team_id is None else (_team_skill(visit.team_id),)
    return replace(
        visit,
        skills=visit.skills.union(asked, map(_tool_skill, visit.tools)),
        tools=frozenset(),
        release_s=max([visit.release_s, first_s, held_s, *ended_s]),
        windows=tuple(window for window in visit.windows if window.end_s >= first_s),
        forbidden=tuple(
            hours
            for day in days
            for hours in _forbidden_on(visit, _offset_s(today, day.date))
        ),
        not_before=None,
        team_id=None,
        start_between=None,
        team_in_force_id=None,
    )


def _forbidden_on(visit: Visit, offset_s: int) -> tuple[ForbiddenHours, ...]:
    """Return the same forbidden hours on another day."""
    return tuple(
        ForbiddenHours(start_s=one.start_s + offset_s, end_s=one.end_s + offset_s)
        for one in visit.forbidden
    )


def _handed_out(
    stock: Iterable[tuple[str, int]],
    day: HorizonDay,
    waiting: Sequence[Visit],
    uncovered: list[Visit],
) -> dict[str, frozenset[str]]:
    """
    Give each shared tool of a day to teams, as many as there are of it, by team id.

    First to those that may do the most of the visits that no team with the tool may do
    on a day before (such visits are taken out of `uncovered`), then of all that wait.
    """
    bags: dict[str, frozenset[str]] = {}
    for name, count in stock:
        teams = [one.team for one in day.team_days]
        for _ in range(min(count, len(teams))):
            chosen = max(
                teams,
                key=lambda team: (
                    len(_needing(name, team, uncovered)),
                    len(_needing(name, team, waiting)),
                ),
            )
            teams.remove(chosen)
            for visit in _needing(name, chosen, uncovered):
                uncovered.remove(visit)
            bags[chosen.id] = bags.get(chosen.id, frozenset()) | {name}
    return bags


def _needing(name: str, team: MobileTeam, visits: Iterable[Visit]) -> list[Visit]:
    return [visit for visit in visits if name in visit.tools and visit.allows(team)]


def _team_skill(team_id: str) -> str:
    return f"team {team_id}"


def _tool_skill(name: str) -> str:
    return f"tool {name}"
