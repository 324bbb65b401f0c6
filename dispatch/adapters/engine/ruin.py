"""The ruin: strings of stops taken out of routes near each other (SISR)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch.adapters.engine.compiled import compiled
from dispatch.adapters.engine.day import (
    DROP,
    EngineDay,
)
from dispatch.adapters.engine.state import (
    COUNT,
    SearchState,
    copy_route,
)

STRING_MAX = 10.0  # stops of one string; both figures from the paper
MEAN_REMOVED = 10.0
SPLIT = 0.5  # of strings that leave stops in their middle where they are
SPLIT_STAYS = 0.5  # of going on to leave one more stop
SEED_LEFT_OUT = 0.3  # of beginning a ruin at a visit that is left out
NEAR_LEFT_OUT = 8  # visits left out near a ruin that may come in
ANY_LEFT_OUT = 3  # and from anywhere
WANTED_MAX = 96


class Work(NamedTuple):
    """Room that a step works in: what it took out and changed."""

    wanted: NDArray[np.int32]
    rank: NDArray[np.float64]
    touched: NDArray[np.int32]
    counts: NDArray[np.int64]  # wanted, touched, step number


@compiled
def new_work(day: EngineDay, state: SearchState) -> Work:
    """Room for the steps of a search."""
    work = Work(
        np.zeros(WANTED_MAX, dtype=np.int32),
        np.zeros(WANTED_MAX, dtype=np.float64),
        np.zeros(day.team.shape[0], dtype=np.int32),
        np.zeros(3, dtype=np.int64),
    )
    work.counts[2] = state.stamp.max()
    return work


@compiled
def touch(state: SearchState, work: Work, team: int) -> None:
    """Copy a route before its first change in a step."""
    if state.stamp[team] == work.counts[2]:
        return
    state.stamp[team] = work.counts[2]
    copy_route(state, team, state.stamp.shape[0] + team)
    work.touched[work.counts[1]] = team
    work.counts[1] += 1


@compiled
def want(work: Work, visit: int) -> None:
    """Note a visit that the recreate shall try."""
    if work.counts[0] < WANTED_MAX:
        work.wanted[work.counts[0]] = visit
        work.counts[0] += 1


@compiled
def ruin(day: EngineDay, state: SearchState, work: Work) -> int:
    """Take out strings of stops around a visit; return what is now left out costs."""
    visits = day.visit.shape[0]
    seed = _seed_visit(day, state)
    served, routes = 0, 0
    for team in range(day.team.shape[0]):
        served += state.fact[team, COUNT]
        routes += int(state.fact[team, COUNT] > 0)
    left_out = visits - served
    dropped = 0
    if routes > 0:
        longest = min(STRING_MAX, served / routes)
        most = 4.0 * MEAN_REMOVED / (1.0 + longest) - 1.0
        strings = int(np.random.random() * most + 1.0)
        for k in range(-1, day.near.shape[1]):
            if work.counts[1] >= strings:
                break
            visit = seed if k < 0 else day.near[seed, k]
            team = state.team_of[visit]
            if team < 0 or state.stamp[team] == work.counts[2]:
                continue
            dropped += _take_string(day, state, work, visit, longest)
    if left_out > 0:
        _want_left_out(day, state, work, seed)
    return dropped


@compiled
def _seed_visit(day: EngineDay, state: SearchState) -> int:
    """Visit around which to ruin: now and then one that is left out."""
    visits = day.visit.shape[0]
    visit = np.random.randint(visits)
    if np.random.random() < SEED_LEFT_OUT:
        for _ in range(visits):
            if state.team_of[visit] < 0:
                break
            visit = (visit + 1) % visits
    return visit


@compiled
def _want_left_out(day: EngineDay, state: SearchState, work: Work, seed: int) -> None:
    """Let some of those that were left out before come in: near ones, and a few."""
    visits = day.visit.shape[0]
    removed = work.counts[0]
    count = 0
    for k in range(-1, day.near.shape[1]):
        visit = seed if k < 0 else day.near[seed, k]
        if state.team_of[visit] < 0 and not _is_wanted(work, removed, visit):
            want(work, visit)
            count += 1
            if count >= NEAR_LEFT_OUT:
                break
    for _ in range(ANY_LEFT_OUT):
        visit = np.random.randint(visits)
        if state.team_of[visit] < 0 and not _is_wanted(work, work.counts[0], visit):
            want(work, visit)


@compiled
def _is_wanted(work: Work, count: int, visit: int) -> bool:
    for k in range(count):
        if work.wanted[k] == visit:
            return True
    return False


@compiled
def _take_string(
    day: EngineDay, state: SearchState, work: Work, visit: int, longest: float
) -> int:
    """Take a string of stops with a visit out of its route."""
    team = state.team_of[visit]
    touch(state, work, team)
    order, count = state.order[team], state.fact[team, COUNT]
    at = 0
    while order[at] != visit:
        at += 1
    length = int(np.random.random() * min(float(count), longest) + 1.0)
    length = min(length, count)
    stays = 0
    if length > 1 and np.random.random() < SPLIT:
        stays = 1
        while length + stays < count and np.random.random() < SPLIT_STAYS:
            stays += 1
        stays = min(stays, count - length)
    span = length + stays
    first = max(0, at - span + 1)
    first += np.random.randint(min(at, count - span) - first + 1)
    hole = first + np.random.randint(length + 1)  # where the stops that stay begin
    dropped = 0
    kept = first
    for k in range(first, count):
        inside = k < first + span and not hole <= k < hole + stays
        if inside:
            state.team_of[order[k]] = -1
            dropped += day.visit[order[k], DROP]
            want(work, order[k])
        else:
            order[kept] = order[k]
            kept += 1
    state.fact[team, COUNT] = kept
    return dropped
