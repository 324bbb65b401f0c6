"""An emergency gets every team's choices: in a gap, or in place of what can wait."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.catalogue import Urgency
from dispatch.domain.emergency import emergency
from dispatch.domain.improve import missing, repaired
from dispatch.domain.levels import Level
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.score import score_of
from dispatch.domain.visit import After, TimeWindow, Visit
from tests.builders import MIN, at, day_problem, shift, team, team_day, visit
from tests.problem_strategies import rich_problems
from tests.strategies import problems

SHORT = shift(lunch=None, end_s=at("11:00"))  # two hours
TEN = TimeWindow(start_s=at("9:00"), end_s=at("10:00"))


def emergency_visit(**overrides: object) -> Visit:
    """Build a cave-in: ten minutes of work, due by 9:30."""
    plain = visit("cave-in", urgency=Urgency.S, service_s=10 * MIN, due_s=at("9:30"))
    return replace(plain, **overrides)  # type: ignore[arg-type]


def one_team(new: Visit, *others: Visit) -> DayScheduler:
    """Everything lies ten minutes from the yard, and at the same place."""
    visits = [(new, 10), *((one, 10) for one in others)]
    return DayScheduler(day_problem(visits, days=[team_day(team(shift=SHORT))]))


def hour(visit_id: str, **overrides: object) -> Visit:
    """Fifty minutes of work: two of them fill the two hours."""
    return replace(visit(visit_id, service_s=50 * MIN), **overrides)  # type: ignore[arg-type]


def test_the_nearest_team_in_time_comes_first_with_its_price() -> None:
    days = [team_day(team("t1", shift=SHORT)), team_day(team("t2", shift=SHORT))]
    visits = [
        (emergency_visit(), 20),
        (visit("a"), 10),
        (visit("b"), 20),
    ]
    scheduler = DayScheduler(day_problem(visits, days=days))
    first, second = emergency(scheduler, [(1,), (2,)], 0)
    # t2 works there: cave-in 9:20-9:30, b ten minutes later, no driving
    assert first.team_id == "t2"
    assert first.order == (0, 2)
    assert (first.start_s, first.late_s) == (at("9:20"), 0)
    assert first.drive_added_s == 0
    assert first.delays_s == (("b", 10 * MIN),)
    assert first.pushed_out == ()
    # t1 drives 40 minutes instead of 20 and does a on the way back, at 9:40
    assert second.team_id == "t1"
    assert second.order == (0, 1)
    assert second.drive_added_s == 20 * MIN
    assert second.delays_s == (("a", 30 * MIN),)
    assert second.score == score_of(scheduler, [(0, 1), (2,)])


def test_a_full_day_makes_room_by_the_least_urgent_visit_only() -> None:
    scheduler = one_team(emergency_visit(), hour("b"), hour("c", urgency=Urgency.C))
    (choice,) = emergency(scheduler, [(1, 2)], 0)
    assert choice.pushed_out == ("c",)
    assert choice.order == (0, 1)
    assert choice.start_s == at("9:10")


def test_promises_locks_links_and_equals_keep_their_places() -> None:
    # 10 + 45 + 45 and 20 of driving fill the two hours to five minutes; what may go
    # comes back last, and so loses its place, unless it is held
    lock = TimeWindow(start_s=at("9:00"), end_s=at("10:00"))
    work = 45 * MIN
    short = visit("x", urgency=Urgency.A, service_s=10 * MIN)
    for held in (
        hour("promised", service_s=work, windows=(TEN,)),
        hour("locked", service_s=work, start_between=lock),
        hour("linked", service_s=work, after=(After(visit_id="x"),)),
        hour("equal", service_s=work, urgency=Urgency.A),
    ):
        scheduler = one_team(
            emergency_visit(urgency=Urgency.A),
            short,
            held,
            hour("other", service_s=work, due_s=at("17:00")),
        )
        (choice,) = emergency(scheduler, [(1, 2, 3)], 0)
        assert choice.pushed_out == ("other",)
    loose = one_team(
        emergency_visit(urgency=Urgency.A),
        short,
        hour("loose", service_s=work),
        hour("other", service_s=work, due_s=at("17:00")),
    )
    (choice,) = emergency(loose, [(1, 2, 3)], 0)
    assert choice.pushed_out == ("loose",)


def test_a_visit_gives_way_when_an_a_would_be_late_for_the_emergency() -> None:
    # b 9:10-10:00, a at 10:00; behind the cave-in a would begin at 10:10, due 10:05
    a = visit("a", urgency=Urgency.A, service_s=10 * MIN, due_s=at("10:05"))
    scheduler = one_team(emergency_visit(due_s=at("9:10")), hour("b"), a)
    best, gap = emergency(scheduler, [(1, 2)], 0)
    assert (best.order, best.pushed_out) == ((0, 2), ("b",))
    assert (gap.order, gap.pushed_out) == ((0, 1, 2), ())
    assert gap.delays_s == (("b", 10 * MIN), ("a", 10 * MIN))
    # an A that is out is no gain over an A that is late: a begins at 10:00, not 9:50
    first = replace(a, id="first", service_s=40 * MIN, due_s=None)
    both = one_team(
        emergency_visit(due_s=at("9:10")), first, replace(a, due_s=at("9:55"))
    )
    (only,) = emergency(both, [(1, 2)], 0)
    assert (only.order, only.pushed_out) == ((0, 1, 2), ())
    assert only.score.promises_not_on_time == 1


def test_a_promise_gives_way_to_an_s_only_when_no_team_is_in_time() -> None:
    now = TimeWindow(start_s=at("9:10"), end_s=at("9:10"))
    scheduler = one_team(emergency_visit(due_s=at("9:10")), hour("p", windows=(now,)))
    late, in_time = sorted(
        emergency(scheduler, [(1,)], 0), key=lambda one: one.start_s, reverse=True
    )
    assert (late.late_s, late.pushed_out) == (50 * MIN, ())
    assert (in_time.late_s, in_time.pushed_out) == (0, ("p",))
    # S on time stands above promises: it is the first choice
    assert emergency(scheduler, [(1,)], 0)[0] == in_time
    # where the city puts promises first, waiting is
    levels = (Level.PROMISES, *(one for one in Level if one is not Level.PROMISES))
    turned = DayScheduler(replace(scheduler.problem, levels=levels))
    assert emergency(turned, [(1,)], 0)[0].pushed_out == ()
    # with another team in time the promise is not touched
    days = [team_day(team("t1", shift=SHORT)), team_day(team("t2", shift=SHORT))]
    both = DayScheduler(replace(scheduler.problem, team_days=tuple(days)))
    assert all(not one.pushed_out for one in emergency(both, [(1,), ()], 0))
    # and an A never touches one
    a = one_team(
        emergency_visit(urgency=Urgency.A, due_s=at("9:10")), hour("p", windows=(now,))
    )
    assert all(not one.pushed_out for one in emergency(a, [(1,)], 0))


def test_an_s_that_no_gap_takes_in_time_goes_first_and_all_others_stay() -> None:
    # due at 9:10: in front it is in time; nothing needs to go
    scheduler = one_team(emergency_visit(due_s=at("9:10")), hour("b"))
    (choice,) = emergency(scheduler, [(1,)], 0)
    assert (choice.order, choice.pushed_out) == ((0, 1), ())


def test_a_visit_that_is_not_urgent_pushes_nothing_out() -> None:
    scheduler = one_team(visit("new"), hour("c", urgency=Urgency.C), hour("d"))
    assert emergency(scheduler, [(1, 2)], 0) == ()


def test_too_late_for_every_team_it_is_told_how_late() -> None:
    scheduler = one_team(emergency_visit(due_s=at("9:00")), hour("b"))
    choices = emergency(scheduler, [(1,)], 0)
    assert [(one.late_s, one.pushed_out) for one in choices] == [(10 * MIN, ())]


def test_orders_that_are_not_legal_have_no_choices() -> None:
    scheduler = one_team(emergency_visit(), *(hour(name) for name in "abc"))
    assert emergency(scheduler, [(1, 2, 3)], 0) == ()


def test_a_late_emergency_comes_back_in_front_of_a_full_day() -> None:
    # late anyway, and no gap: c goes, b stays
    scheduler = one_team(
        emergency_visit(due_s=0), hour("b"), hour("c", urgency=Urgency.C)
    )
    assert emergency(scheduler, [(1, 2)], 0)[0].pushed_out == ("c",)


def test_a_linked_visit_a_lacking_skill_and_a_lacking_tool_have_no_choice() -> None:
    linked = one_team(emergency_visit(num_teams=2))
    assert emergency(linked, [()], 0) == ()
    skilled = one_team(emergency_visit(skills=frozenset({"sewer"})))
    assert emergency(skilled, [()], 0) == ()
    tool = one_team(emergency_visit(tools=frozenset({"lift"})))
    assert emergency(tool, [()], 0) == ()


def test_no_room_among_what_cannot_go_is_no_choice() -> None:
    held = hour("s1", urgency=Urgency.S), hour("s2", urgency=Urgency.S)
    assert emergency(one_team(emergency_visit(), *held), [(1, 2)], 0) == ()


def _as_emergency(problem: DayProblem, index: int) -> DayProblem:
    visits = list(problem.visits)
    visits[index] = replace(visits[index], urgency=Urgency.S)
    return replace(problem, visits=tuple(visits))


@given(problems(timed=True), st.data())
def test_every_choice_is_legal_and_tells_its_price_truly(
    problem: DayProblem, data: st.DataObject
) -> None:
    if not problem.visits:
        return
    index = data.draw(st.integers(0, len(problem.visits) - 1))
    scheduler = DayScheduler(_as_emergency(problem, index))
    orders: list[Order] = [
        tuple(i for i in order if i != index)
        for order in repaired(scheduler, [() for _ in problem.team_days])
    ]
    choices = emergency(scheduler, orders, index)
    keys = []
    for choice in choices:
        after = [*orders]
        after[choice.team_index] = choice.order
        assert score_of(scheduler, after) == choice.score
        timing = scheduler.timing(choice.team_index, choice.order)
        assert timing is not None
        assert timing.starts_s[choice.order.index(index)] == choice.start_s
        gone = set(orders[choice.team_index]) - set(choice.order)
        assert {problem.visits[i].id for i in gone} == set(choice.pushed_out)
        keys.append(choice.score.key())
    assert keys == sorted(keys)


@given(problems(max_visits=6), st.data())
def test_an_s_is_in_time_wherever_a_team_could_be_that_has_no_other_s(
    problem: DayProblem, data: st.DataObject
) -> None:
    if not problem.visits:
        return
    index = data.draw(st.integers(0, len(problem.visits) - 1))
    day = _as_emergency(problem, index)
    scheduler = DayScheduler(day)
    orders = [
        tuple(i for i in order if i != index)
        for order in repaired(scheduler, [() for _ in day.team_days])
    ]
    choices = emergency(scheduler, orders, index)
    for team_index, order in enumerate(orders):
        others = [i for i in order if day.visits[i].urgency is Urgency.S]
        alone = scheduler.timing(team_index, (index,))
        if others or alone is None or not scheduler.allows(team_index, index):
            continue
        if not day.visits[index].late_s(alone.starts_s[0]):
            assert any(not choice.late_s for choice in choices)


@given(rich_problems())
def test_with_links_and_tools_every_choice_is_a_legal_day(problem: DayProblem) -> None:
    scheduler = DayScheduler(problem)
    orders = repaired(scheduler, [() for _ in problem.team_days], in_time=lambda: False)
    for index in missing(scheduler, orders):
        for choice in emergency(scheduler, orders, index):
            after = [*orders]
            after[choice.team_index] = choice.order
            assert score_of(scheduler, after) == choice.score
