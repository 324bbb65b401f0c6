"""Questions about stored plans, and the drafts that come of the answers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import pytest

from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.plan_record import recorded
from dispatch.adapters.problem_codec import alone, day_json, day_of_json
from dispatch.adapters.sql_store import SqlStore
from dispatch.domain.catalogue import Urgency
from dispatch.domain.checks import Rule, violations
from dispatch.domain.errors import ConflictError, InvalidInputError, NotFoundError
from dispatch.domain.hand_edit import Drop, Insert, Lock, Move, Unlock
from dispatch.domain.plan import Stop, Unassigned, UnassignedReason
from dispatch.domain.problem import DayProblem
from dispatch.domain.relaxation import RelaxationKind
from dispatch.domain.schedule import Order
from dispatch.domain.told_plan import told_plan
from dispatch.plan_study import PROPOSED, PlanStudy, Proposed, StudyTools
from dispatch.ports import PlanStatus, SearchParams, StoredPlan
from dispatch.prepared_day import PreparedDay
from dispatch.replanning import Mode
from dispatch.what_if import TeamAbsent
from tests.builders import (
    DAY,
    MIN,
    at,
    day_problem,
    is_working_day,
    moment,
    shift,
    silent,
    team,
    team_day,
    visit,
)
from tests.fake_solver import GreedySolver

PARAMS = SearchParams(iterations=1, seed=7)
SHORT = shift(lunch=None, end_s=at("11:00"))  # two hours
HELD = Unassigned(
    visit_id="held", reason=UnassignedReason.ON_HOLD, sentence="法定待機中です。"
)


@dataclass(slots=True, kw_only=True)
class Desk:
    """A store with one plan, and the study of it."""

    store: SqlStore
    study: PlanStudy
    prepared: PreparedDay
    plan: StoredPlan

    def publish(self, plan_id: str | None = None) -> StoredPlan:
        when = moment("8:30")
        which = plan_id or self.plan.id
        return self.store.publish(which, at=when, changes=[], left_out=[])


def street() -> DayProblem:
    """Two short teams and four visits of half an hour, 10 to 40 minutes out."""
    days = [team_day(team(name, shift=SHORT)) for name in ("t1", "t2")]
    visits = [(visit(name), 10 * far) for far, name in enumerate("abcd", start=1)]
    return day_problem(visits, days=days)


def desk_of(
    store: SqlStore,
    problem: DayProblem,
    orders: tuple[Order, ...],
    *,
    with_input: bool = True,
) -> Desk:
    """Store a draft with these orders."""
    prepared = replace(alone(problem), on_hold=(HELD,))
    plan = told_plan(problem, orders, on_hold=(HELD,), method="by search")
    text = day_json(prepared)
    stored = store.add_plan(
        StoredPlan(
            id="plan000001",
            version=0,
            status=PlanStatus.DRAFT,
            made_at=moment("8:00"),
            made_by="山田",
            plan=plan,
            num_feasible=4,
            num_violations=len(violations(problem, plan)),
            reasons={},
        ),
        text if with_input else None,
    )
    study = PlanStudy(
        StudyTools(
            plans=store,
            solver=GreedySolver(),
            clock=FixedClock(moment("8:45")),
            recorder=recorded,
            read_day=day_of_json,
            day_now=lambda date: replace(
                prepared, problem=replace(prepared.problem, date=date)
            ),
            is_working_day=is_working_day,
        )
    )
    return Desk(store=store, study=study, prepared=prepared, plan=stored)


@pytest.fixture
def desk(store: SqlStore) -> Desk:
    """t1 does a and b, t2 does c; d (40 minutes out, half an hour) does not fit."""
    # d alone: 40 + 30 + 40 = 110 of 120 minutes; c alone: 30 + 30 + 30 = 90
    return desk_of(store, street(), ((0, 1), (2,)))


# -- why -------------------------------------------------------------------------------


def test_a_served_visit_is_told_with_its_teams_and_what_others_would_cost(
    desk: Desk,
) -> None:
    why = desk.study.why(desk.plan.id, "c").team
    assert why is not None
    told = {line.team_id: line for line in (*why.best, *why.others)}
    assert told["t2"].is_chosen
    # t1: 30 min out and back, three visits of 30: 150 of 120 minutes
    assert told["t1"].difference is None
    assert told["t1"].blocks


def test_a_left_out_visit_is_told_with_offers_that_can_be_granted(desk: Desk) -> None:
    left = desk.study.why(desk.plan.id, "d").not_today
    assert left is not None
    assert left.offers
    for offer in left.offers:
        draft = desk.study.relax(
            desk.plan.id, "d", offer.kind, who="佐藤", names={"t2": "住之江2班"}
        )
        served = {stop.visit_id for _, _, stop in draft.plan.stops()}
        assert "d" in served
        assert (draft.status, draft.num_violations) == (PlanStatus.DRAFT, 0)
        assert draft.plan.method == f"relaxed: {offer.kind}"
        assert draft.reasons["d"]
        # the stored input is the day on which the change is granted
        text = desk.store.problem_of(draft.id)
        assert text is not None
        assert violations(day_of_json(text).problem, draft.plan) == ()


def test_an_offer_that_is_not_there_cannot_be_granted(desk: Desk) -> None:
    for visit_id in ("d", "c"):
        with pytest.raises(ConflictError, match="提案"):
            desk.study.relax(
                desk.plan.id, visit_id, RelaxationKind.SKILL, who="佐藤", names={}
            )


def test_what_is_on_hold_or_under_way_has_a_sentence_alone(store: SqlStore) -> None:
    problem = street()
    done = Stop(
        visit_id="done",
        arrive_s=at("9:00"),
        start_s=at("9:00"),
        end_s=at("9:10"),
        drive_s=0,
        drive_m=0,
    )
    first = replace(
        problem.team_days[0],
        committed=(done,),
        free_from_s=at("9:10"),
        departed_s=at("9:00"),
    )
    problem = replace(problem, team_days=(first, problem.team_days[1]))
    desk = desk_of(store, problem, ((0,), (2,)))
    under_way = desk.study.why(desk.plan.id, "done")
    assert "着手済み" in under_way.sentence
    assert under_way.team is None
    assert under_way.not_today is None
    assert desk.study.why(desk.plan.id, "held").sentence == HELD.sentence


def test_an_unknown_visit_or_plan_is_not_found(desk: Desk) -> None:
    for plan_id, visit_id in ((desk.plan.id, "zz"), ("plan999999", "a")):
        with pytest.raises(NotFoundError):
            desk.study.why(plan_id, visit_id)


def test_a_plan_whose_input_was_not_stored_says_so(store: SqlStore) -> None:
    desk = desk_of(store, street(), ((0, 1), (2,)), with_input=False)
    with pytest.raises(NotFoundError, match="input of plan"):
        desk.study.bound(desk.plan.id)


def test_the_bound_is_that_of_the_stored_day(desk: Desk) -> None:
    bound = desk.study.bound(desk.plan.id)
    values = [one.value for one in bound.levels]
    assert (desk.plan.plan.drive_s,) in values
    assert bound.sentence()


# -- edits -----------------------------------------------------------------------------


def test_an_edit_is_a_new_draft_and_the_plan_stays(desk: Desk) -> None:
    edit = Move(visit_id="b", team_id="t1", position=0)
    draft = desk.study.edit(desk.plan.id, edit, who="佐藤")
    assert desk.store.get_plan(desk.plan.id) == desk.plan
    assert (draft.version, draft.num_violations, draft.made_by) == (2, 0, "佐藤")
    stops = {route.team_id: route.stops for route in draft.plan.routes}
    assert [stop.visit_id for stop in stops["t1"]] == ["b", "a"]
    changes = desk.study.changes(desk.plan.id, draft.id)
    assert changes.order_inversions == 1
    # 20 out, 10 back, 10 home: as much as 10, 10, 20
    assert changes.drive_saved_s == 0
    assert draft.record is not None
    # no search: the record says that the orders were given
    assert [step.counts for step in draft.record.work] == [()]


def test_an_illegal_edit_is_kept_and_told_and_answers_no_questions(desk: Desk) -> None:
    edit = Move(visit_id="c", team_id="t1", position=2)
    draft = desk.study.edit(desk.plan.id, edit, who="佐藤")
    # 10 + 30 + 10 + 30 + 10 + 30 + 30 = 150 of 120 minutes
    broken = desk.study.opened(draft.id).violations
    assert Rule.SHIFT in {one.rule for one in broken}
    assert draft.num_violations == len(broken) > 0
    for ask in (
        lambda: desk.study.why(draft.id, "a"),
        lambda: desk.study.bound(draft.id),
        lambda: desk.study.support(draft.id, PARAMS, silent),
        lambda: desk.study.later_days(draft.id, PARAMS, silent),
    ):
        with pytest.raises(ConflictError, match="規則に反して"):
            ask()
    # and it can be mended
    back = Move(visit_id="c", team_id="t2", position=0)
    mended = desk.study.edit(draft.id, back, who="佐藤")
    assert mended.num_violations == 0
    assert mended.plan.routes == desk.plan.plan.routes


def test_an_edit_needs_a_name_and_sense(desk: Desk) -> None:
    with pytest.raises(InvalidInputError, match="担当者"):
        desk.study.edit(desk.plan.id, Drop(visit_id="a"), who=" ")
    with pytest.raises(InvalidInputError):
        desk.study.edit(
            desk.plan.id, Insert(visit_id="a", team_id="t2", position=0), who="佐藤"
        )
    assert len(desk.store.plans_on(DAY)) == 1


def test_a_lock_stays_through_edits_and_proposals_until_it_is_lifted(
    desk: Desk,
) -> None:
    locked = desk.study.edit(desk.plan.id, Lock(visit_id="a"), who="佐藤")
    assert locked.plan.method == desk.plan.plan.method
    visits = desk.study.opened(locked.id).problem.visits_by_id
    assert visits["a"].team_id == "t1"
    assert visits["a"].start_between is not None
    # another team breaks the lock, and the draft says so
    moved = desk.study.edit(
        locked.id, Move(visit_id="a", team_id="t2", position=0), who="佐藤"
    )
    rules = {one.rule for one in desk.study.opened(moved.id).violations}
    assert Rule.DISPATCHERS_TEAM in rules
    desk.publish(locked.id)
    asked = desk.study.proposals(DAY, PARAMS, silent, lambda _: None)
    assert asked.prepared.problem.visits_by_id["a"] == visits["a"]
    free = desk.study.edit(locked.id, Unlock(visit_id="a"), who="佐藤")
    assert desk.study.opened(free.id).problem.visits_by_id["a"].team_id is None


def test_a_draft_of_the_plan_in_force_follows_it_and_marks_what_changed(
    desk: Desk,
) -> None:
    desk.publish()
    draft = desk.study.edit(desk.plan.id, Drop(visit_id="c"), who="佐藤")
    assert draft.based_on == desk.plan.id
    again = desk.study.edit(
        draft.id, Insert(visit_id="c", team_id="t1", position=0), who="佐藤"
    )
    assert again.based_on == desk.plan.id
    # c goes with another team; a and b begin later than in the plan in force
    assert again.changed_visit_ids == {"a", "b", "c"}
    assert desk.publish(draft.id).status is PlanStatus.PUBLISHED


# -- proposals -------------------------------------------------------------------------


def test_there_is_nothing_to_change_before_a_plan_is_in_force(desk: Desk) -> None:
    with pytest.raises(ConflictError, match="確定した計画"):
        desk.study.proposals(DAY, PARAMS, silent, lambda _: None)


def test_proposals_come_first_without_a_search_and_change_nothing(desk: Desk) -> None:
    desk.publish()
    shown: list[Proposed] = []
    found = desk.study.proposals(DAY, PARAMS, silent, shown.append)
    assert [[one.mode for one in few.proposals] for few in shown] == [
        [Mode.INSERT_ONLY]
    ]
    assert [one.mode for one in found.proposals] == list(Mode)
    assert all(one.changes.is_nothing for one in found.proposals)
    assert [plan.id for plan in desk.store.plans_on(DAY)] == [desk.plan.id]


def test_an_accepted_proposal_is_a_draft_that_can_be_published(store: SqlStore) -> None:
    emergency = visit("s", urgency=Urgency.S, service_s=10 * MIN, due_s=at("10:00"))
    morning = street()
    desk = desk_of(store, morning, ((0, 1), (2,)))
    desk.publish()
    later = day_problem(
        [*zip(morning.visits, (10, 20, 30, 40), strict=True), (emergency, 10)],
        days=morning.team_days,
    )
    now = replace(desk.prepared, problem=later)
    study = PlanStudy(
        StudyTools(
            plans=store,
            solver=GreedySolver(),
            clock=FixedClock(moment("8:50")),
            recorder=recorded,
            read_day=day_of_json,
            day_now=lambda _date: now,
            is_working_day=is_working_day,
        )
    )
    found = study.proposals(DAY, PARAMS, silent, lambda _: None)
    ((visit_id, choices),) = found.emergencies
    assert visit_id == "s"
    assert {choice.team_id for choice in choices} == {"t1", "t2"}
    assert all(choice.late_s == 0 for choice in choices)
    draft = study.accept(found, Mode.INSERT_ONLY, who="佐藤")
    assert draft.plan.method == f"{PROPOSED}: {Mode.INSERT_ONLY}"
    assert "s" in {stop.visit_id for _, _, stop in draft.plan.stops()}
    assert draft.based_on == desk.plan.id
    assert desk.publish(draft.id).published_at is not None
    with pytest.raises(ConflictError, match="別の版"):
        study.accept(found, Mode.FREE, who="佐藤")
    only = replace(found, proposals=found.proposals[:1])
    with pytest.raises(NotFoundError, match="free"):
        study.accept(only, Mode.FREE, who="佐藤")


def test_locks_of_a_plan_without_input_are_none(store: SqlStore) -> None:
    desk = desk_of(store, street(), ((0, 1), (2,)), with_input=False)
    desk.publish()
    found = desk.study.proposals(DAY, PARAMS, silent, lambda _: None)
    assert found.prepared == desk.prepared


# -- searches --------------------------------------------------------------------------


def test_a_supposed_day_stores_nothing(desk: Desk) -> None:
    found = desk.study.what_if(desk.plan.id, [TeamAbsent(team_id="t2")], PARAMS, silent)
    assert dict(found.before.served)[Urgency.B] == 3
    # t1 alone: 120 minutes hold a and b (10 + 30 + 10 + 30 + 20 = 100)
    assert dict(found.after.served)[Urgency.B] == 2
    assert len(desk.store.plans_on(DAY)) == 1


def test_support_is_asked_of_the_stored_day(desk: Desk) -> None:
    # one office: nobody to lend
    assert desk.study.support(desk.plan.id, PARAMS, silent) == ()


TOMORROW = DAY + dt.timedelta(days=1)


def publish_tomorrow(
    desk: Desk, orders: tuple[Order, ...], made_from: str | None = "abcd"
) -> None:
    """Put a plan of the same street in force for tomorrow, made from these visits."""
    problem = replace(street(), date=TOMORROW)
    known = len(made_from or "")
    kept = replace(
        problem, visits=problem.visits[:known], visit_nodes=problem.visit_nodes[:known]
    )
    stored = replace(
        desk.plan, id="plan000002", plan=told_plan(problem, orders), num_violations=0
    )
    text = None if made_from is None else day_json(alone(kept))
    desk.publish(desk.store.add_plan(stored, text).id)


def test_a_later_day_is_found_for_a_visit_that_is_left_out(desk: Desk) -> None:
    found = desk.study.later_days(desk.plan.id, PARAMS, silent)
    assert found.days["d"].date == TOMORROW


def test_the_free_places_of_a_planned_day_are_offered(desk: Desk) -> None:
    # tomorrow t1 does a and b and has no 70 minutes for d; t2 is free
    publish_tomorrow(desk, ((0, 1), ()))
    found = desk.study.later_days(desk.plan.id, PARAMS, silent)
    assert (found.days["d"].date, found.days["d"].team_ids) == (TOMORROW, ("t2",))


def test_a_planned_day_that_is_full_is_passed_over(desk: Desk) -> None:
    publish_tomorrow(desk, ((0, 1), (2,)))
    found = desk.study.later_days(desk.plan.id, PARAMS, silent)
    assert found.days["d"].date == DAY + dt.timedelta(days=2)


@pytest.mark.parametrize("made_from", [None, "abc"])
def test_where_a_plan_was_made_without_the_visit_the_day_as_it_stands_is_asked(
    desk: Desk, made_from: str | None
) -> None:
    publish_tomorrow(desk, ((0, 1), ()), made_from)
    found = desk.study.later_days(desk.plan.id, PARAMS, silent)
    assert (found.days["d"].date, found.days["d"].team_ids) == (TOMORROW, ("t2",))
