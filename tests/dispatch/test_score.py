"""The levels of a plan's worth, each counted once by hand."""

from __future__ import annotations

from dataclasses import fields, replace

from dispatch.domain.catalogue import Urgency
from dispatch.domain.plan import Score
from dispatch.domain.schedule import DayScheduler
from dispatch.domain.score import score_of
from dispatch.domain.visit import TimeWindow
from tests.builders import MIN, NO_SCORE, at, day_problem, shift, team, team_day, visit

BARE = shift(lunch=None)


def test_everything_left_out_counts_by_urgency_and_promises_with_a() -> None:
    window = TimeWindow(start_s=at("10:00"), end_s=at("11:00"))
    visits = [
        (visit("s", urgency=Urgency.S), 1),
        (visit("s-promised", urgency=Urgency.S, window=window), 1),
        (visit("a", urgency=Urgency.A), 1),
        (visit("b", urgency=Urgency.B), 1),
        (visit("b-promised", urgency=Urgency.B, window=window), 1),
        (visit("c", urgency=Urgency.C), 1),
        (visit("d", urgency=Urgency.D), 1),
    ]
    score = score_of(DayScheduler(day_problem(visits)), [()])
    # S: two not on time. Promises: a and b-promised (an S appointment is S already).
    assert score == replace(
        NO_SCORE,
        s_not_on_time=2,
        promises_not_on_time=2,
        unserved_s=2,
        unserved_a=1,
        unserved_b=2,
        unserved_c=2,
    )


def test_served_late_counts_as_not_on_time_beside_its_steps() -> None:
    visits = [
        (visit("s", urgency=Urgency.S, due_s=at("9:00")), 10),
        (visit("a", urgency=Urgency.A, due_s=at("9:00")), 10),
    ]
    day = day_problem(visits, days=[team_day(team(shift=BARE))])
    score = score_of(DayScheduler(day), [(0, 1)])
    # s at 9:10: 10 min → 1 step. a at 9:40: 40 min → 3 steps. 10 there and 10 back.
    assert score == replace(
        NO_SCORE,
        s_not_on_time=1,
        promises_not_on_time=1,
        s_late_steps=1,
        late_steps=3,
        drive_s=20 * MIN,
    )


def test_balance_is_the_spread_of_work_within_each_office() -> None:
    south = frozenset({"south"})
    visits = [
        (visit("a"), 10),  # t1: 20 min road + 30 min work = 50
        (visit("b", service_s=60 * MIN), 5),  # t2: 10 + 60 = 70
        (visit("c", allowed_office_ids=south), 30),  # t3, alone in its office: 0
    ]
    days = [
        team_day(team("t1", shift=BARE)),
        team_day(team("t2", shift=BARE)),
        team_day(team("t3", shift=BARE, office_id="south")),
    ]
    score = score_of(DayScheduler(day_problem(visits, days=days)), [(0,), (1,), (2,)])
    assert score is not None
    assert score.balance_s == 20 * MIN
    assert score.drive_s == (20 + 10 + 60) * MIN


def test_overtime_is_summed() -> None:
    late = shift(lunch=None, end_s=at("9:30"), overtime_max_s=60 * MIN)
    day = day_problem([(visit(), 10)], days=[team_day(team(shift=late))])
    score = score_of(DayScheduler(day), [(0,)])
    assert score is not None
    assert score.overtime_s == 20 * MIN  # back at 9:50


def test_orders_without_legal_times_have_no_score() -> None:
    day = day_problem([(visit(), 10)], unreachable=[1])
    assert score_of(DayScheduler(day), [(0,)]) is None


def test_one_unit_of_a_higher_level_outweighs_any_amount_below_it() -> None:
    names = [field.name for field in fields(Score)]
    for at_level, name in enumerate(names):
        worse_below = dict.fromkeys(names[at_level + 1 :], 10**9)
        below = replace(NO_SCORE, **worse_below)
        above = replace(NO_SCORE, **{name: 1})
        assert below.key() < above.key(), name
