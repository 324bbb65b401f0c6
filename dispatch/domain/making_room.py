"""Which visit could make room for another: wait for another day, or change its team."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch.domain.day_limits import least_drive_s
from dispatch.domain.relaxation import Relaxation, RelaxationKind, is_urgent
from dispatch.domain.schedule import Order
from dispatch.domain.seeking import Seeking
from dispatch.domain.team import DAY_S
from dispatch.domain.together import linked
from dispatch.domain.trial import Rule, Seat, spare_s

_Seconds = NDArray[np.int64]
_ROOM = {Rule.LOAD, Rule.MATERIAL, Rule.TOOL}  # may hold no more with a visit less


class _Cut(NamedTuple):
    """A visit taken out of an order, and the least driving that the exchange adds."""

    team_index: int
    visit_index: int
    order: Order
    drive_s: int


def swapped(seeking: Seeking) -> Iterator[Relaxation]:
    """
    Let one visit wait for another day, the least loss first.

    Never one that is S, A, promised, locked, linked with another route, due for
    certain, or more urgent than the visit itself. The less urgent goes first, and one
    that is not due today before one that is.
    """
    visits, rank = seeking.problem.visits, seeking.visit.urgency.rank
    cuts = [
        cut
        for cut in _cuts(seeking)
        if not is_urgent(visits[cut.visit_index])
        and not visits[cut.visit_index].hard_due
        and visits[cut.visit_index].urgency.rank >= rank
    ]
    cuts.sort(key=lambda cut: (*_loss(seeking, cut.visit_index), cut.drive_s))
    for cut in cuts[: seeking.work.params.max_swaps]:
        seat = _seat(seeking, cut)
        if seat is not None:
            out = visits[cut.visit_index]
            minutes = ceil(out.service_s / 60)
            offer = _cut_down(seeking, cut).offer(
                RelaxationKind.SWAP_OUT, cut.team_index, seat, minutes=minutes
            )
            yield replace(offer, other_visit_id=out.id)


def _loss(seeking: Seeking, visit_index: int) -> tuple[int, bool]:
    visit = seeking.problem.visits[visit_index]
    is_due = visit.due_s is not None and visit.due_s < DAY_S
    return -visit.urgency.rank, is_due


def moved(seeking: Seeking) -> Iterator[Relaxation]:
    """Let one visit go to another team, the exchange with least driving first."""
    problem, tried = seeking.problem, 0
    for cut, taker in _exchanges(seeking):
        if tried == seeking.work.params.max_moves:
            return
        if seeking.blocks(taker, cut.visit_index):
            continue
        tried += 1
        taken = seeking.work.best(seeking.trial(taker, cut.visit_index))
        seat = None if taken is None else _seat(seeking, cut)
        if taken is None or seat is None:
            continue
        order = taken.order(seeking.orders[taker], cut.visit_index)
        offer = _cut_down(seeking, cut).offer(
            RelaxationKind.MOVE_OVER,
            cut.team_index,
            seat,
            also=((taker, order, taken.timing),),
        )
        yield replace(
            offer,
            other_visit_id=problem.visits[cut.visit_index].id,
            other_team_id=problem.team_days[taker].team.id,
        )


def _cut_down(seeking: Seeking, cut: _Cut) -> Seeking:
    return seeking.with_order(cut.team_index, cut.order)


def _seat(seeking: Seeking, cut: _Cut) -> Seat | None:
    """Place the visit in the order from which another was taken."""
    rest = _cut_down(seeking, cut)
    if rest.blocks(cut.team_index):
        return None
    return rest.work.best(rest.trial(cut.team_index))


def _cuts(seeking: Seeking) -> list[_Cut]:
    """Visits that, taken out of an order, leave seconds enough for the other one."""
    problem, held = seeking.problem, linked(seeking.problem)
    node, found = problem.visit_nodes[seeking.visit_index], []
    least_s = least_drive_s(problem.travel)
    for at in seeking.free_teams:
        if not _ROOM.issuperset(block.rule for block in seeking.blocks(at)):
            continue
        day, order = problem.team_days[at], seeking.orders[at]
        drive_now_s, work_s = _busy_s(seeking, least_s, at, order)
        work_s += seeking.visit.service_for_s(day.team)
        for place, index in enumerate(order):
            visit = problem.visits[index]
            if index in held or visit.team_id or visit.start_between:
                continue
            rest = (*order[:place], *order[place + 1 :])
            drive_s, _ = _busy_s(seeking, least_s, at, rest)
            drive_s += int(_detours_s(seeking, least_s, at, rest, [node])[0])
            left_s = work_s - visit.service_for_s(day.team)
            if spare_s(day, drive_s + left_s) >= 0:
                found.append(_Cut(at, index, rest, drive_s - drive_now_s))
    return found


def _exchanges(seeking: Seeking) -> Iterator[tuple[_Cut, int]]:
    """Visits to take out, and teams whose day has seconds enough to take them."""
    problem, cuts = seeking.problem, _cuts(seeking)
    least_s = least_drive_s(problem.travel)
    nodes = [problem.visit_nodes[cut.visit_index] for cut in cuts]
    found: list[tuple[int, int, int]] = []
    for taker in range(len(seeking.orders)) if cuts else ():
        day, order = problem.team_days[taker], seeking.orders[taker]
        busy_s = sum(_busy_s(seeking, least_s, taker, order))
        detours_s = _detours_s(seeking, least_s, taker, order, nodes).tolist()
        for at, (cut, detour_s) in enumerate(zip(cuts, detours_s, strict=True)):
            work_s = problem.visits[cut.visit_index].service_for_s(day.team)
            fits = spare_s(day, busy_s + work_s + detour_s) >= 0
            if fits and taker != cut.team_index:
                found.append((cut.drive_s + detour_s, at, taker))
    for _, at, taker in sorted(found):
        yield cuts[at], taker


def _busy_s(
    seeking: Seeking, least_s: _Seconds, at: int, order: Order
) -> tuple[int, int]:
    """Least seconds of driving of an order, and those of its work."""
    team, nodes = seeking.problem.team_days[at].team, seeking.scheduler.nodes(at, order)
    drive_s = int(least_s[list(nodes[:-1]), list(nodes[1:])].sum())
    visits = seeking.problem.visits
    return drive_s, sum(visits[index].service_for_s(team) for index in order)


def _detours_s(
    seeking: Seeking, least_s: _Seconds, at: int, order: Order, nodes: Sequence[int]
) -> _Seconds:
    """Least driving that each of some places adds to an order."""
    passed = seeking.scheduler.nodes(at, order)
    here, there = list(passed[:-1]), list(passed[1:])
    into_s, out_s = least_s[np.ix_(here, nodes)], least_s[np.ix_(nodes, there)].T
    added_s = into_s + out_s - least_s[here, there][:, np.newaxis]
    return np.array(added_s.min(axis=0), dtype=np.int64)
