"""Support between offices: who lends whom, what is saved, and what is never harmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given

from dispatch.domain.catalogue import Urgency
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import Order
from dispatch.domain.told_plan import told_plan
from dispatch.domain.visit import TimeWindow, Visit
from dispatch.ports import SearchParams
from dispatch.prepared_day import PreparedDay
from dispatch.support import VERIFIED, SupportOffer, support
from tests.builders import MIN, at, day_problem, shift, silent, team, team_day, visit
from tests.fake_solver import GreedySolver
from tests.strategies import problems

PARAMS = SearchParams(iterations=1, seed=5)
SHORT = shift(lunch=None, end_s=at("11:00"))  # two hours
NAMES = {"north": "北工営所", "south": "南工営所", "east": "東工営所"}
DAYS = [
    team_day(team("n1", shift=SHORT)),
    team_day(team("s1", shift=SHORT, office_id="south")),
]


def prepared(problem: DayProblem) -> PreparedDay:
    return PreparedDay(problem=problem, on_hold=(), first_team_ids={}, names=NAMES)


def southern(visit_id: str, **overrides: object) -> Visit:
    plain = visit(visit_id, office_id="south", allowed_office_ids=frozenset({"south"}))
    return replace(plain, **overrides)  # type: ignore[arg-type]


def offers(
    problem: DayProblem, orders: Sequence[Order], solver: GreedySolver | None = None
) -> tuple[SupportOffer, ...]:
    solver = solver or GreedySolver()
    plan = told_plan(problem, orders)
    return support(prepared(problem), plan, solver, PARAMS, silent)


def test_an_idle_team_takes_what_another_office_leaves_out() -> None:
    visits = [
        (southern("x", service_s=90 * MIN), 10),
        (southern("y"), 10),
        (southern("z"), 10),
        (visit("own"), 10),
    ]
    problem = day_problem(visits, days=DAYS)
    (offer,) = offers(problem, [(3,), (0,)])
    assert (offer.lender_id, offer.borrower_id, offer.team_id) == (
        "north",
        "south",
        "n1",
    )
    # n1 has 90 minutes left beside its own visit: both fit (20 + 3 x 30 = 110)
    assert offer.saved == ("y", "z")
    assert offer.lost == ()
    assert set(offer.lent) == {"y", "z"}
    assert offer.sentence == (
        "北工営所の機動班n1が南工営所を応援すると、期限遅れ・未割当の2件が救えます。"
        "かわりに0件が遅れか未割当になります。"
    )
    assert offer.changes.visits_in == offer.lent
    assert offer.plan.seed == 5


def test_a_late_visit_is_saved_when_the_lent_team_is_in_time() -> None:
    late = southern("late", due_s=at("9:30"), urgency=Urgency.A)
    visits = [(southern("x", urgency=Urgency.S), 10), (late, 10)]
    problem = day_problem(visits, days=DAYS)
    (offer,) = offers(problem, [(), (0, 1)])
    assert offer.saved == ("late",)
    assert "late" in offer.lent
    # where the lent team would be late as well, nothing is offered
    far = replace(late, due_s=at("9:05"))
    assert offers(replace(problem, visits=(problem.visits[0], far)), [(), (0, 1)]) == ()


def test_an_overdue_visit_that_is_left_out_is_worth_serving_late() -> None:
    visits = [
        (southern("x", service_s=90 * MIN), 10),
        (southern("overdue", due_s=0), 10),
    ]
    (offer,) = offers(day_problem(visits, days=DAYS), [(), (0,)])
    assert offer.saved == ("overdue",)


def test_a_gap_that_makes_the_lenders_a_late_is_no_gap() -> None:
    # x is promised for 9:10; n1's A, due at 9:10 and in time, would begin at 9:40
    promised = TimeWindow(start_s=at("9:10"), end_s=at("9:10"))
    own = visit("own", urgency=Urgency.A, due_s=at("9:10"))
    visits = [(southern("x", windows=(promised,)), 10), (own, 10)]
    solver = GreedySolver()
    assert offers(day_problem(visits, days=DAYS), [(1,), ()], solver) == ()
    assert solver.asked == []
    # a B of n1 may be late for it
    b = replace(own, urgency=Urgency.B)
    problem = day_problem([visits[0], (b, 10)], days=DAYS)
    (offer,) = offers(problem, [(1,), ()])
    assert (offer.saved, offer.lost) == (("x",), ("own",))


def test_a_search_that_harms_the_lender_is_not_believed() -> None:
    # n1 has 100 minutes for work: its A and y, or the S; the search prefers the S
    visits = [
        (southern("S", urgency=Urgency.S, service_s=90 * MIN), 10),
        (southern("y"), 10),
        (visit("own", urgency=Urgency.A, service_s=50 * MIN), 10),
    ]
    problem = day_problem(visits, days=[DAYS[0]])
    solver = GreedySolver(orders=((0,),))
    (offer,) = offers(problem, [(2,)], solver)
    assert offer.saved == ("y",)
    assert offer.plan.method == "a lent team in its gaps"
    # with no gap either there is no offer
    full = replace(problem.visits[1], service_s=80 * MIN)
    visits_full = (problem.visits[0], full, problem.visits[2])
    assert offers(replace(problem, visits=visits_full), [(2,)], solver) == ()
    # an A of n1 that is late already may not be later
    late = replace(problem.visits[2], service_s=10 * MIN, due_s=at("9:00"))
    visits_late = (problem.visits[0], problem.visits[1], late)
    solver = GreedySolver(orders=((1, 2),))
    (offer,) = offers(replace(problem, visits=visits_late), [(2,)], solver)
    stops = {stop.visit_id: stop.late_s for _, _, stop in offer.plan.stops()}
    assert stops["own"] == 10 * MIN


def test_what_the_lender_loses_is_told() -> None:
    # y fits beside n1's own B; the search gives that one up for three of the borrower
    visits = [
        (southern("x", service_s=90 * MIN), 10),
        *((southern(name), 10) for name in ("y", "z", "w")),
        (visit("long", service_s=60 * MIN), 10),
    ]
    problem = day_problem(visits, days=DAYS)
    solver = GreedySolver(orders=((1, 2, 3), (0,)))
    (offer,) = offers(problem, [(4,), (0,)], solver)
    assert offer.saved == ("y", "z", "w")
    assert offer.lost == ("long",)
    assert "かわりに1件" in offer.sentence


def test_what_only_moves_the_lateness_is_no_offer() -> None:
    # x is ten minutes late with s1; in front of n1's own B it makes that one late
    visits = [
        (southern("w"), 10),
        (southern("x", due_s=at("9:30")), 10),
        (visit("own", due_s=at("9:30")), 10),
    ]
    problem = day_problem(visits, days=DAYS)
    solver = GreedySolver(orders=((1, 2), (0,)))
    assert offers(problem, [(2,), (0, 1)], solver) == ()
    assert len(solver.asked) == 1
    # a search that helps the borrower without the lent team is none either
    solver = GreedySolver(orders=((2,), (1, 0)))
    assert offers(problem, [(2,), (0, 1)], solver) == ()


def test_nobody_lends_when_nothing_is_left_out_or_nothing_fits() -> None:
    problem = day_problem([(southern("x"), 10)], days=DAYS)
    assert offers(problem, [(), (0,)]) == ()
    sewer = southern("x", skills=frozenset({"sewer"}))
    assert offers(replace(problem, visits=(sewer,)), [(), ()]) == ()
    # n1 is free, but the office that has no team left is its own
    own = day_problem([(visit("x", skills=frozenset({"sewer"})), 10)], days=DAYS)
    assert offers(own, [(), ()]) == ()


def test_a_visit_of_two_teams_is_left_to_the_search() -> None:
    problem = day_problem([(southern("two", num_teams=2), 10)], days=DAYS)
    assert offers(problem, [(), ()]) == ()


def test_the_best_team_of_each_pair_of_offices_is_searched_and_a_few_in_all() -> None:
    days = [
        team_day(team(f"{office}{i}", shift=SHORT, office_id=office))
        for office in ("north", "east", "west", "hills")
        for i in (1, 2)
    ]
    days.append(team_day(team("s1", shift=SHORT, office_id="south")))
    visits = [
        (southern("x", service_s=90 * MIN), 10),
        (southern("y"), 10),
        *(
            (visit(f"own{i}", office_id=one.team.office_id, service_s=90 * MIN), 10)
            for i, one in enumerate(days[:8:2])
        ),
    ]
    visits = [
        (replace(v, allowed_office_ids=frozenset({v.office_id})), far)
        for v, far in visits
    ]
    problem = day_problem(visits, days=days)
    solver = GreedySolver()
    # the first team of each office is full, the second idle
    found = offers(problem, [(2,), (), (3,), (), (4,), (), (5,), (), (0,)], solver)
    assert len(solver.asked) == VERIFIED
    assert {offer.team_id[-1] for offer in found} == {"2"}
    assert len({offer.lender_id for offer in found}) == VERIFIED


def test_of_two_teams_that_save_as_much_the_first_is_searched() -> None:
    days = [DAYS[0], team_day(team("n2", shift=SHORT)), DAYS[1]]
    visits = [(southern("x", service_s=90 * MIN), 10), (southern("y"), 10)]
    solver = GreedySolver()
    (offer,) = offers(day_problem(visits, days=days), [(), (), (0,)], solver)
    assert offer.team_id == "n1"
    assert len(solver.asked) == 1


@given(problems(max_visits=8))
def test_offers_tell_the_truth_and_harm_nobody_urgent(problem: DayProblem) -> None:
    plan = told_plan(problem, GreedySolver().search(problem, PARAMS, silent).orders)
    before = {stop.visit_id: stop.late_s for _, _, stop in plan.stops()}
    for offer in support(prepared(problem), plan, GreedySolver(), PARAMS, silent):
        after = {stop.visit_id: stop.late_s for _, _, stop in offer.plan.stops()}
        for visit_id in offer.saved:
            assert problem.visits_by_id[visit_id].office_id == offer.borrower_id
            assert visit_id not in before or before[visit_id] > after[visit_id] == 0
            assert visit_id in after
        for visit_id in offer.lost:
            assert visit_id in before
        for one in problem.visits:
            urgent = one.is_promised or one.urgency in {Urgency.S, Urgency.A}
            if one.office_id == offer.lender_id and urgent and one.id in before:
                assert after[one.id] <= before[one.id]
        assert plan.score.promises_key() > offer.plan.score.promises_key()
