"""Later days (後日の見込み): when what is left out today can be done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dispatch.domain.explain import clock_text
from dispatch.domain.free_places import promised_places, with_free_places
from dispatch.domain.horizon import HorizonDay, LaterDay, horizon_problem, later_days
from dispatch.domain.plan import Plan
from dispatch.domain.problem import DayProblem
from dispatch.ports import OnProgress, SearchParams, Solver

WEEKDAYS = "月火水木金土日"
ABOUT_S = 600  # typical times tell no more than ten minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterDays:
    """
    The best later day of each visit that has one, and a sentence for each left out.

    Both by visit id. A visit on hold is in neither: its own sentence tells its day.
    """

    days: Mapping[str, LaterDay] = field(default_factory=dict)
    sentences: Mapping[str, str] = field(default_factory=dict)


def plan_later(
    today: DayProblem,
    plan: Plan,
    days: Sequence[HorizonDay],
    *,
    solver: Solver,
    params: SearchParams,
    told: OnProgress,
) -> LaterDays:
    """
    Find the best later day of each visit that today's plan leaves out.

    Nothing is promised or stored by it: the days are planned for good when they come.
    Days without a plan are searched together. A day with one keeps what it holds, and
    gives its free places where that is sooner.

    Parameters
    ----------
    today, plan
        The day and its plan; visits on legal hold are in neither and stay so.
    days
        Later working days, from `next_days`, with what is planned on them already.
    solver, params
        How to search; a small limit is enough.
    told
        Told from time to time.

    Raises
    ------
    SolverError, CancelledError
        As the solver does.
    """
    left_out = [
        item.visit_id for item in plan.unassigned if item.visit_id in today.visits_by_id
    ]
    if not left_out or not days:
        return LaterDays()
    filled = [day.planned for day in days if day.planned is not None]
    promised = promised_places(filled, left_out, today=today.date)
    ends_s = {stop.visit_id: stop.end_s for _, _, stop in plan.stops()}
    ends_s |= {visit_id: one.end_s for visit_id, one in promised.items()}
    waiting = [visit_id for visit_id in left_out if visit_id not in promised]
    found: dict[str, LaterDay] = {}
    empty = [day for day in days if day.planned is None]
    if waiting and empty:
        horizon = horizon_problem(today, empty, waiting, ends_s=ends_s)
        outcome = solver.search(horizon, params, told)
        found = later_days(horizon, outcome.orders, outcome.starts)
    found = with_free_places(today, filled, waiting, found=found, ends_s=ends_s)
    found |= {visit_id: one.later for visit_id, one in promised.items()}
    names = _team_names(days)
    sentences = {}
    for visit_id in left_out:
        sentence = f"{_date_text(days[-1].date)}までに空きが見つかりません。"
        if visit_id in found:
            due_s = today.visits_by_id[visit_id].due_s
            sentence = later_text(found[visit_id], names, has_due=due_s is not None)
        sentences[visit_id] = sentence
    return LaterDays(
        days={visit_id: found[visit_id] for visit_id in left_out if visit_id in found},
        sentences=sentences,
    )


def _team_names(days: Sequence[HorizonDay]) -> dict[str, str]:
    """Name the teams of all days; a planned day may have others than today."""
    return {
        one.team.id: one.team.name
        for day in days
        for one in (
            day.team_days if day.planned is None else day.planned.problem.team_days
        )
    }


def later_text(later: LaterDay, names: Mapping[str, str], *, has_due: bool) -> str:
    """Say a later day: ``11月26日(木) 津守-1 10:30ごろ(期限内)``."""
    teams = "・".join(names[team_id] for team_id in later.team_ids)
    about_s = (later.start_s + ABOUT_S // 2) // ABOUT_S * ABOUT_S
    text = f"{_date_text(later.date)} {teams} {clock_text(about_s)}ごろ"
    if not has_due:
        return text
    return f"{text}({'期限内' if later.on_time else '期限後'})"


def _date_text(date: dt.date) -> str:
    return f"{date.month}月{date.day}日({WEEKDAYS[date.weekday()]})"
