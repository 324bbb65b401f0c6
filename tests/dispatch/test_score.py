"""The levels of a plan's worth, each counted once by hand."""

from __future__ import annotations

from dataclasses import fields, replace

from dispatch.domain.catalogue import Urgency
from dispatch.domain.levels import DEFAULT_LEVELS, Level
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
        (visit("s-promised", urgency=Urgency.S, windows=(window,)), 1),
        (visit("a", urgency=Urgency.A), 1),
        (visit("b", urgency=Urgency.B), 1),
        (visit("b-promised", urgency=Urgency.B, windows=(window,)), 1),
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


def test_work_of_the_weeks_before_counts_for_balance() -> None:
    days = [
        team_day(team("t1", shift=BARE), work_before_s=100 * MIN),
        team_day(team("t2", shift=BARE), work_before_s=20 * MIN),
    ]
    problem = day_problem([(visit("a"), 10)], days=days)  # 20 + 30 = 50 minutes
    fair, unfair = (
        score_of(DayScheduler(problem), o) for o in ([(), (0,)], [(0,), ()])
    )
    assert fair is not None
    assert unfair is not None
    assert fair.balance_s == 30 * MIN  # 100 and 20 + 50
    assert unfair.balance_s == 130 * MIN  # 100 + 50 and 20


def test_each_team_counts_the_districts_it_is_sent_to() -> None:
    visits = [
        (visit("a", district_id="d1"), 1),
        (visit("b", district_id="d1"), 2),
        (visit("c", district_id="d2"), 3),
        (visit("d"), 4),
    ]
    days = [team_day(team("t1", shift=BARE)), team_day(team("t2", shift=BARE))]
    scheduler = DayScheduler(day_problem(visits, days=days))
    mixed, apart = (
        score_of(scheduler, orders) for orders in ([(0, 2), (1, 3)], [(0, 1), (2, 3)])
    )
    assert mixed is not None
    assert apart is not None
    assert mixed.team_districts == 3  # d1 and d2, d1
    assert apart.team_districts == 2  # d1, d2


def test_a_visit_of_two_teams_is_served_and_late_once() -> None:
    both = visit("both", urgency=Urgency.S, num_teams=2, due_s=at("9:00"))
    days = [team_day(team("t1", shift=BARE)), team_day(team("t2", shift=BARE))]
    score = score_of(DayScheduler(day_problem([(both, 10)], days=days)), [(0,), (0,)])
    # both begin at 9:10, ten minutes late: one step; each drives there and back
    assert score == replace(NO_SCORE, s_not_on_time=1, s_late_steps=1, drive_s=40 * MIN)


def test_the_citys_order_of_levels_decides() -> None:
    late, far = replace(NO_SCORE, late_steps=1), replace(NO_SCORE, drive_s=1)
    assert far.key() < late.key()
    levels = [level for level in DEFAULT_LEVELS if level is not Level.DRIVING]
    driving_first = [Level.DRIVING, *levels]
    assert late.key(driving_first) < far.key(driving_first)
    assert far.promises_key(driving_first) == ()


def test_one_unit_of_a_higher_level_outweighs_any_amount_below_it() -> None:
    names = [field.name for field in fields(Score)]
    for at_level, name in enumerate(names):
        worse_below = dict.fromkeys(names[at_level + 1 :], 10**9)
        below = replace(NO_SCORE, **worse_below)
        above = replace(NO_SCORE, **{name: 1})
        assert below.key() < above.key(), name
