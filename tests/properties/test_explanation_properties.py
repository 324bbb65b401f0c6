"""What must always hold for placements told and relaxations offered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import event, given, settings
from hypothesis import strategies as st

from dispatch.domain.checks import violations
from dispatch.domain.improve import missing, with_inserted
from dispatch.domain.placements import placements
from dispatch.domain.plan import Plan, Unassigned, UnassignedReason, level_of_legs
from dispatch.domain.problem import DayProblem
from dispatch.domain.relaxation import (
    Applied,
    Relaxation,
    RelaxationKind,
    applied,
    is_urgent,
)
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.score import score_of
from dispatch.domain.trial import trial_of, with_overtime
from dispatch.domain.why_not import why_not
from tests.builders import MIN
from tests.problem_strategies import rich_problems
from tests.strategies import problems


@st.composite
def overfull_problems(draw: st.DrawFn) -> DayProblem:
    """Draw a day with too much work, with every rule in it or with those of time."""
    plain = problems(max_visits=9, max_teams=3, easy=True)
    problem = draw(rich_problems(max_visits=9) | plain)
    longer = tuple(
        replace(visit, service_s=visit.service_s + 75 * MIN) for visit in problem.visits
    )
    return replace(problem, visits=longer)


def served(problem: DayProblem, orders: Sequence[Order]) -> set[str]:
    return {problem.visits[index].id for order in orders for index in order}


def late_ids(scheduler: DayScheduler, orders: Sequence[Order]) -> set[str]:
    return {
        stop.visit_id
        for at, order in enumerate(orders)
        for stop in scheduler.route(at, order).stops
        if stop.visit_id in scheduler.problem.visits_by_id
        and is_urgent(scheduler.problem.visits_by_id[stop.visit_id])
        and stop.late_s
    }


def told(scheduler: DayScheduler, orders: Sequence[Order]) -> Plan:
    """Tell the plan of these orders; they must be legal."""
    score = score_of(scheduler, orders)
    assert score is not None
    problem = scheduler.problem
    routes = tuple(scheduler.route(at, order) for at, order in enumerate(orders))
    return Plan(
        date=problem.date,
        routes=routes,
        unassigned=tuple(
            Unassigned(visit_id=visit.id, reason=UnassignedReason.NO_TIME, sentence="")
            for visit in problem.visits
            if visit.id not in served(problem, orders)
        ),
        score=score,
        travel_level=level_of_legs(routes, without_legs=problem.travel.level),
        seed=1,
    )


def check_offer(
    scheduler: DayScheduler, orders: Sequence[Order], offer: Relaxation
) -> Applied:
    """Ask that an offer, applied, serves its visit and all but the one it names."""
    problem = scheduler.problem
    done = applied(problem, orders, offer, starts=scheduler.starts)
    after = DayScheduler(done.problem, done.starts)
    assert violations(done.problem, told(after, done.orders)) == ()
    gone = served(problem, orders) - served(done.problem, done.orders)
    assert served(done.problem, done.orders) - served(problem, orders) == {
        offer.visit_id
    }
    if offer.kind is RelaxationKind.SWAP_OUT:
        assert gone == {offer.other_visit_id}
        waits = problem.visits_by_id[offer.other_visit_id or ""]
        assert not is_urgent(waits)
        assert waits.urgency.rank >= problem.visits_by_id[offer.visit_id].urgency.rank
    else:
        assert gone == set()
    late = late_ids(after, done.orders) - late_ids(scheduler, orders)
    assert late <= {offer.visit_id}
    return done


def check_overtime_is_least(
    scheduler: DayScheduler, orders: Sequence[Order], offer: Relaxation
) -> None:
    """Ask that five minutes less would not do, at no place of the team's order."""
    problem = scheduler.problem
    ids = [visit.id for visit in problem.visits]
    index = ids.index(offer.visit_id)
    at = [day.team.id for day in problem.team_days].index(offer.team_id)
    days = list(problem.team_days)
    days[at] = with_overtime(days[at], (offer.minutes - 5) * MIN)
    less = DayScheduler(replace(problem, team_days=tuple(days)), scheduler.starts)
    late_now = late_ids(scheduler, orders)
    order = orders[at]
    for place in range(len(order) + 1):
        tried = list(orders)
        tried[at] = (*order[:place], index, *order[place:])
        if score_of(less, tried) is not None:
            assert not late_ids(less, tried) - late_now <= {offer.visit_id}


@settings(max_examples=60, deadline=None)
@given(problem=overfull_problems())
def test_every_relaxation_that_is_offered_makes_the_day_feasible(
    problem: DayProblem,
) -> None:
    scheduler = DayScheduler(problem)
    nothing: list[Order] = [()] * len(problem.team_days)
    orders: Sequence[Order] = with_inserted(
        scheduler, nothing, missing(scheduler, nothing)
    )
    for _ in range(3):
        granted = None
        for index in missing(scheduler, orders):
            why = why_not(scheduler, orders, index)
            prices = [offer.price_min for offer in why.offers]
            assert prices == sorted(prices)
            for offer in why.offers:
                event(offer.kind)
                done = check_offer(scheduler, orders, offer)
                granted = granted or done
                linked = offer.with_team_ids or problem.visits[index].after
                if offer.kind is RelaxationKind.OVERTIME and not linked:
                    check_overtime_is_least(scheduler, orders, offer)
        if granted is None:
            return
        # Go on from a plan with what was granted: linked visits are in it, too.
        scheduler = DayScheduler(granted.problem, granted.starts)
        orders = granted.orders


@settings(max_examples=40, deadline=None)
@given(problem=overfull_problems())
def test_a_team_that_is_told_to_be_unable_has_no_legal_place(
    problem: DayProblem,
) -> None:
    scheduler = DayScheduler(problem)
    nothing: list[Order] = [()] * len(problem.team_days)
    orders = with_inserted(scheduler, nothing, missing(scheduler, nothing))
    score = score_of(scheduler, orders)
    assert score is not None
    ids = [day.team.id for day in problem.team_days]
    for at, order in enumerate(orders):
        for index in order:
            why = placements(scheduler, orders, index)
            lines = (*why.best, *why.others)
            assert sorted(line.team_id for line in lines) == sorted(ids)
            rest = list(orders)
            rest[at] = tuple(i for i in order if i != index)
            for line in lines:
                taker = ids.index(line.team_id)
                costs = legal_scores(scheduler, rest, taker, index)
                if line.difference is None:
                    assert line.blocks
                    assert not costs
                    continue
                event("able")
                change = tuple(
                    n for _, changes in line.difference.levels for n in changes
                )
                before = score.key(problem.levels)
                assert tuple(map(sum, zip(before, change, strict=True))) in costs


def legal_scores(
    scheduler: DayScheduler, rest: Sequence[Order], taker: int, index: int
) -> list[tuple[int, ...]]:
    """Score of each legal plan with the visit somewhere in a team's order."""
    found = []
    order = rest[taker]
    for place in range(len(order) + 1):
        tried = list(rest)
        tried[taker] = (*order[:place], index, *order[place:])
        if not scheduler.allows(taker, index):
            continue
        score = score_of(scheduler, tried)
        if score is not None:
            found.append(score.key(scheduler.problem.levels))
    return found


@settings(max_examples=80, deadline=None)
@given(problem=problems(max_visits=6, max_teams=1, timed=True))
def test_a_trial_finds_every_legal_place_of_the_whole_day(problem: DayProblem) -> None:
    scheduler = DayScheduler(problem)
    order: Order = ()
    for index in range(len(problem.visits)):
        places = [
            (*order[:place], index, *order[place:]) for place in range(len(order) + 1)
        ]
        legal = [one for one in places if scheduler.timing(0, one) is not None]
        seats = list(trial_of(problem, {}, 0, order, index).seats())
        assert [seat.order(order, index) for seat in seats] == legal
        assert [seat.timing for seat in seats] == [
            scheduler.timing(0, one) for one in legal
        ]
        order = legal[0] if legal else order
