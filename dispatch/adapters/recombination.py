"""Recombination: the best plan out of all good routes seen, by set partitioning.

Every route of the pool is a column. A linear relaxation (HiGHS) says which columns
could be in a better plan, and CP-SAT chooses among those.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from ortools.sat.python import cp_model
from scipy.optimize import linprog
from scipy.sparse import coo_array

from dispatch.adapters.engine.day import (
    DROP,
    EMPTY_COST,
    EMPTY_WORK,
    KIND,
    OFFICE,
    TOOLS,
    TOOLS_HELD,
    WORK_BEFORE,
    EngineDay,
)
from dispatch.adapters.solve_messages import Column

MAX_COLUMNS: Final = 5_000  # into the relaxation: less than a second
MAX_CHOICES: Final = 1_500  # into CP-SAT
WORK_SHARE: Final = 0.025  # of the time limit, in CP-SAT's own deterministic seconds
WORK_MAX: Final = 1.0
GUARD_S: Final = 20.0  # of wall time; a search that it ends is thrown away


@dataclass(frozen=True, slots=True, kw_only=True)
class Recombined:
    """Columns of the best plan found; None when nothing is better than `below`."""

    columns: tuple[Column, ...] | None
    cut_short: bool = False


def recombined(
    day: EngineDay,
    columns: Sequence[Column],
    *,
    below: int,
    time_limit_s: float,
    seed: int,
) -> Recombined:
    """
    Choose routes for all teams, at most one each and each visit at most once.

    Parameters
    ----------
    day
        The day as arrays.
    columns
        Routes to choose from.
    below
        Cost of the best plan known; only a better one is told.
    time_limit_s
        Of the whole search; CP-SAT does work of a share of it.
    seed
        Of CP-SAT.
    """
    chosen = _promising(day, columns, below) if columns else []
    if not chosen:
        return Recombined(columns=None)
    limit = min(WORK_MAX, time_limit_s * WORK_SHARE)
    return _chosen(day, chosen, below, (limit, seed))


def _kinds(day: EngineDay) -> dict[int, list[int]]:
    """Teams of each kind: a column of one fits all of them."""
    kinds: dict[int, list[int]] = defaultdict(list)
    for team, kind in enumerate(day.team[:, KIND].tolist()):
        kinds[kind].append(team)
    return kinds


def _promising(day: EngineDay, columns: Sequence[Column], below: int) -> list[Column]:
    """Columns whose reduced cost leaves room for a better plan, the best first."""
    if len(columns) > MAX_COLUMNS:
        drop = day.visit[:, DROP]
        gain = [c.cost - int(drop[list(c.rows)].sum()) for c in columns]
        order = np.argsort(np.array(gain, dtype=np.float64), kind="stable")
        columns = [columns[at] for at in sorted(order[:MAX_COLUMNS].tolist())]
    kinds = _kinds(day)
    row_of_kind = {kind: len(day.visit) + at for at, kind in enumerate(kinds)}
    rows, cols = [], []
    for at, column in enumerate(columns):
        rows += [*column.rows, row_of_kind[int(day.team[column.team, KIND])]]
        cols += [at] * (len(column.rows) + 1)
    shape = (len(day.visit) + len(kinds), len(columns))
    table = coo_array((np.ones(len(rows)), (rows, cols)), shape=shape).tocsr()
    # A visit left out costs its drop: minimise cost - drop of what is served.
    drop = day.visit[:, DROP].astype(np.float64)
    idle = day.team[:, EMPTY_COST].astype(np.float64)
    costs = np.array(
        [
            column.cost - float(drop[list(column.rows)].sum()) - idle[column.team]
            for column in columns
        ]
    )
    limits = np.concatenate(
        [np.ones(len(day.visit)), [float(len(teams)) for teams in kinds.values()]]
    )
    scale = max(1.0, float(np.abs(costs).max()))
    matrix: Any = table  # the stubs know no sparse arrays
    found = linprog(costs / scale, A_ub=matrix, b_ub=limits, method="highs")
    if found.status != 0:
        return []
    reduced = (costs / scale - table.T @ found.ineqlin.marginals) * scale
    room = below - (float(found.fun or 0.0) * scale + drop.sum() + idle.sum())
    order = np.argsort(reduced, kind="stable")
    kept = [at for at in order.tolist() if reduced[at] <= max(room, 0.0) + 1.0]
    return [columns[at] for at in kept[:MAX_CHOICES]]


def _chosen(
    day: EngineDay,
    columns: Sequence[Column],
    below: int,
    limit_and_seed: tuple[float, int],
) -> Recombined:
    """Let CP-SAT choose among columns."""
    model = cp_model.CpModel()
    picks = [model.new_bool_var("") for _ in columns]
    by_visit: dict[int, list[int]] = defaultdict(list)
    by_kind: dict[int, list[int]] = defaultdict(list)
    for at, column in enumerate(columns):
        for row in column.rows:
            by_visit[row].append(at)
        by_kind[int(day.team[column.team, KIND])].append(at)
    for group in by_visit.values():
        model.add_at_most_one(picks[at] for at in group)
    for kind, teams in _kinds(day).items():
        model.add(sum(picks[at] for at in by_kind[kind]) <= len(teams))
    _share_tools(day, model, columns, picks)
    drop, idle = day.visit[:, DROP], day.team[:, EMPTY_COST]
    base = int(drop.sum() + idle.sum())
    gains = [
        column.cost - int(drop[list(column.rows)].sum()) - int(idle[column.team])
        for column in columns
    ]
    cost = cp_model.LinearExpr.weighted_sum(picks, gains) + base
    if day.balance_weight:
        cost += _uneven(day, model, columns, picks) * day.balance_weight
    model.add(cost < below)
    model.minimize(cost)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_deterministic_time = limit_and_seed[0]
    solver.parameters.random_seed = limit_and_seed[1] % (1 << 31)
    solver.parameters.max_time_in_seconds = GUARD_S
    status = solver.solve(model)
    if solver.wall_time >= GUARD_S:
        return Recombined(columns=None, cut_short=True)
    if status not in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
        return Recombined(columns=None)
    picked = [c for c, pick in zip(columns, picks, strict=True) if solver.value(pick)]
    return Recombined(columns=_given_out(day, picked))


def _share_tools(
    day: EngineDay,
    model: cp_model.CpModel,
    columns: Sequence[Column],
    picks: Sequence[cp_model.IntVar],
) -> None:
    """Pick no more routes with a shared tool than there are of it."""
    for tool, stock in enumerate(day.tool_stock.tolist()):
        bit = 1 << tool
        held = int(((day.team[:, TOOLS_HELD] & bit) != 0).sum())
        users = [
            pick
            for pick, column in zip(picks, columns, strict=True)
            if not day.team[column.team, TOOLS_HELD] & bit
            and any(day.visit[row, TOOLS] & bit for row in column.rows)
        ]
        if users:
            model.add(sum(users) <= max(0, stock - held))


def _uneven(
    day: EngineDay,
    model: cp_model.CpModel,
    columns: Sequence[Column],
    picks: Sequence[cp_model.IntVar],
) -> cp_model.LinearExpr:
    """Sum over offices of the difference between the most and the least work."""
    by_kind: dict[int, list[int]] = defaultdict(list)
    for at, column in enumerate(columns):
        by_kind[int(day.team[column.team, KIND])].append(at)
    most_work = int(max((c.work_s for c in columns), default=0))
    most_work = max(
        most_work, int((day.team[:, WORK_BEFORE] + day.team[:, EMPTY_WORK]).max())
    )
    spreads = []
    for office in range(int(day.team[:, OFFICE].max()) + 1):
        teams = np.flatnonzero(day.team[:, OFFICE] == office).tolist()
        if len(teams) == 1:
            continue
        least = model.new_int_var(0, most_work, "")
        most = model.new_int_var(0, most_work, "")
        for kind, alike in _kinds(day).items():
            if alike[0] not in teams:
                continue
            idle_s = int(
                day.team[alike[0], WORK_BEFORE] + day.team[alike[0], EMPTY_WORK]
            )
            own = by_kind[kind]
            if len(alike) > 1:  # which of them goes is open
                for at in own:
                    model.add(most >= columns[at].work_s * picks[at])
                    slack = most_work * (1 - picks[at])
                    model.add(least <= columns[at].work_s + slack)
                all_go = model.new_bool_var("")
                model.add(sum(picks[at] for at in own) >= len(alike) * all_go)
                model.add(least <= idle_s + most_work * all_go)
                model.add(most >= idle_s - most_work * all_go)
                continue
            more_s = [columns[at].work_s - idle_s for at in own]
            mine = [picks[at] for at in own]
            work = cp_model.LinearExpr.weighted_sum(mine, more_s) + idle_s
            model.add(most >= work)
            model.add(least <= work)
        spreads.append(most - least)
    return cp_model.LinearExpr.sum(spreads)


def _given_out(day: EngineDay, picked: Sequence[Column]) -> tuple[Column, ...]:
    """Give each picked column a team of its kind of its own."""
    free = {kind: list(teams) for kind, teams in _kinds(day).items()}
    given: list[Column] = []
    for column in picked:
        teams = free[int(day.team[column.team, KIND])]
        team = column.team if column.team in teams else teams[0]
        teams.remove(team)
        given.append(Column(team, column.rows, column.cost, column.work_s))
    return tuple(given)
