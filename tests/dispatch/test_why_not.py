"""Why not today: what stops a left-out visit, and what would let it in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from dispatch.domain.catalogue import Urgency
from dispatch.domain.plan import Stop
from dispatch.domain.problem import DayProblem
from dispatch.domain.relaxation import NewOrder, Relaxation, RelaxationKind
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.seeking import WhyNotParams
from dispatch.domain.team import MobileTeam
from dispatch.domain.trial import Block, Rule
from dispatch.domain.visit import After, TimeWindow
from dispatch.domain.why_not import DEFAULT_PARAMS, WhyNot, why_not
from tests.builders import MIN, at, day_problem, shift, team, team_day, visit

SEWER = frozenset({"sewer"})
LIFT = frozenset({"高所作業車"})


def hours(start: str, end: str) -> TimeWindow:
    return TimeWindow(start_s=at(start), end_s=at(end))


def crew(team_id: str = "t1", **overrides: Any) -> MobileTeam:  # noqa: ANN401
    """Two people who work from 9:00 to 17:30, 510 minutes, with no lunch."""
    return team(team_id, **{"shift": shift(lunch=None), **overrides})


def asked(
    problem: DayProblem,
    orders: Sequence[Order],
    visit_index: int,
    params: WhyNotParams = DEFAULT_PARAMS,
) -> WhyNot:
    return why_not(DayScheduler(problem), orders, visit_index, params)


def offer_of(why: WhyNot, kind: RelaxationKind) -> Relaxation:
    return next(offer for offer in why.offers if offer.kind is kind)


def kinds(why: WhyNot) -> list[RelaxationKind]:
    return [offer.kind for offer in why.offers]


# A day that v1 fills: 480 of 510 minutes at the yard, promised for 9:00.
FULL = visit("v1", service_s=480 * MIN, windows=(hours("9:00", "9:00"),))


def test_a_visit_that_fits_as_the_day_is_says_so_and_nothing_else() -> None:
    problem = day_problem([(FULL, 0), (visit("v2"), 0)], days=[team_day(crew())])
    why = asked(problem, [(0,)], 1)
    assert why.blocks == ()
    assert why.offers == (
        Relaxation(
            kind=RelaxationKind.NOTHING,
            visit_id="v2",
            team_id="t1",
            start_s=at("17:00"),
            price_min=0,
            drive_s=0,
            new_orders=(NewOrder(team_id="t1", visit_ids=("v1", "v2")),),
        ),
    )
    assert not why.cut_short


def test_overtime_is_offered_in_whole_steps_of_five_minutes_and_no_more() -> None:
    wanted = visit("v2", service_s=42 * MIN)
    problem = day_problem([(FULL, 0), (wanted, 5)], days=[team_day(crew())])
    why = asked(problem, [(0,)], 1)
    assert why.blocks == ()
    # 480 + 42 minutes of work and 10 of driving are 22 too many: 25 are granted.
    (offer,) = why.offers
    assert (offer.kind, offer.minutes) == (RelaxationKind.OVERTIME, 25)
    assert offer.start_s == at("17:05")
    # 10 + 25 x 1.25 = 41.25, and 10 of driving: 52 whole minutes.
    assert offer.price_min == 52
    assert offer.drive_s == 10 * MIN


def test_more_than_two_hours_of_overtime_are_never_offered() -> None:
    for work_min, expected in ((150, [RelaxationKind.OVERTIME]), (151, [])):
        wanted = visit("v2", service_s=work_min * MIN)
        problem = day_problem([(FULL, 0), (wanted, 0)], days=[team_day(crew())])
        assert kinds(asked(problem, [(0,)], 1)) == expected


def test_overtime_that_would_make_an_urgent_visit_late_is_not_offered() -> None:
    # v2 has to be before 9:30, and then v1, an A, would begin after it is due.
    urgent = visit("v1", service_s=480 * MIN, urgency=Urgency.A, due_s=at("9:00"))
    wanted = visit("v2", service_s=40 * MIN, due_s=at("9:30"), hard_due=True)
    problem = day_problem([(urgent, 0), (wanted, 0)], days=[team_day(crew())])
    assert RelaxationKind.OVERTIME not in kinds(asked(problem, [(0,)], 1))
    calm = replace(problem, visits=(replace(urgent, urgency=Urgency.B), wanted))
    assert RelaxationKind.OVERTIME in kinds(asked(calm, [(0,)], 1))


@pytest.mark.parametrize(
    ("busy", "promised", "expected"),
    [
        # v1 from 9:00 to 14:10: from 12:00 to 14:10 are 9 quarters of an hour.
        (("9:00", 310), ("10:00", "12:00"), ("12:15", "14:15", 135)),
        # A promise of one moment is shifted to a whole quarter of an hour.
        (("9:00", 310), ("12:00", "12:00"), ("14:00", "14:15", 135)),
        # v1 from 12:00 to 17:00: from 13:00 back to 11:30, not on to 17:00.
        (("12:00", 300), ("13:00", "14:00"), ("11:30", "12:30", 90)),
        (("12:00", 300), ("13:05", "13:05"), ("11:20", "11:35", 105)),
    ],
)
def test_a_promise_is_shifted_by_the_fewest_quarters_of_an_hour(
    busy: tuple[str, int], promised: tuple[str, str], expected: tuple[str, str, int]
) -> None:
    start, minutes = busy
    fixed = visit("v1", service_s=minutes * MIN, windows=(hours(start, start),))
    wanted = visit("v2", windows=(hours(*promised),))
    problem = day_problem([(fixed, 0), (wanted, 0)], days=[team_day(crew())])
    (offer,) = asked(problem, [(0,)], 1).offers
    assert offer.kind is RelaxationKind.WINDOW
    assert offer.window == hours(*expected[:2])
    assert offer.minutes == expected[2]


def test_the_team_that_needs_the_smallest_shift_is_the_one_that_is_offered() -> None:
    fixed = [
        visit("v1", service_s=310 * MIN, windows=(hours("9:00", "9:00"),)),
        visit("v2", service_s=250 * MIN, windows=(hours("9:00", "9:00"),)),
        visit("v3", service_s=190 * MIN, windows=(hours("9:00", "9:00"),)),
    ]
    wanted = visit("v4", windows=(hours("10:00", "12:00"),))
    days = [team_day(crew(f"t{number}")) for number in (1, 2, 3)]
    problem = day_problem([*((one, 0) for one in fixed), (wanted, 0)], days=days)
    # v3 ends at 12:10, one quarter of an hour after the promise; v1 and v2 later.
    (offer,) = asked(problem, [(0,), (1,), (2,)], 3).offers
    assert (offer.team_id, offer.window) == ("t3", hours("10:15", "12:15"))


@pytest.mark.parametrize(
    ("changes", "kind", "names"),
    [
        ({"allowed_office_ids": frozenset({"south"})}, RelaxationKind.OFFICE, ()),
        ({"skills": SEWER}, RelaxationKind.SKILL, ("sewer",)),
        ({"crew": 3}, RelaxationKind.PERSON, ()),
        ({"tools": LIFT}, RelaxationKind.TOOL, tuple(LIFT)),
        ({"team_id": "t9"}, RelaxationKind.UNLOCK, ()),
    ],
)
def test_the_one_rule_that_keeps_a_team_away_is_what_is_offered_to_lift(
    changes: dict[str, Any], kind: RelaxationKind, names: tuple[str, ...]
) -> None:
    problem = day_problem([(visit(**changes), 10)], days=[team_day(crew())])
    (offer,) = asked(problem, [()], 0).offers
    assert (offer.kind, offer.names, offer.team_id) == (kind, names, "t1")


def test_two_rules_at_once_are_not_offered_to_lift() -> None:
    both = visit(skills=SEWER, crew=3)
    two_people = visit(crew=4)  # two more than there are
    narrow = visit(max_width_cm=150)
    for wanted in (both, two_people, narrow):
        problem = day_problem([(wanted, 10)], days=[team_day(crew())])
        assert asked(problem, [()], 0).offers == ()


def test_locked_hours_and_a_hard_due_time_are_offered_to_lift() -> None:
    locked = visit("v2", start_between=hours("9:00", "10:00"))
    problem = day_problem([(FULL, 0), (locked, 0)], days=[team_day(crew())])
    (offer,) = asked(problem, [(0,)], 1).offers
    assert (offer.kind, offer.start_s) == (RelaxationKind.UNLOCK, at("17:00"))
    due = visit("v2", due_s=at("10:00"), hard_due=True)
    problem = day_problem([(FULL, 0), (due, 0)], days=[team_day(crew())])
    (offer,) = asked(problem, [(0,)], 1).offers
    assert offer.kind is RelaxationKind.HARD_DUE
    assert offer.minutes == 420  # 17:00 instead of 10:00
    assert offer.price_min == 270  # 60 + 420 / 2


def test_a_lock_is_offered_to_lift_once_with_the_team_that_costs_least() -> None:
    locked = visit("v2", team_id="t1", start_between=hours("9:00", "10:00"))
    days = [team_day(crew()), team_day(crew("t2"))]
    problem = day_problem([(FULL, 0), (locked, 0)], days=days)
    why = asked(problem, [(0,), ()], 1)
    # For t1 at 17:00, for t2 at any time; both cost 20, and one of them is told.
    assert kinds(why).count(RelaxationKind.UNLOCK) == 1


def test_a_visit_is_no_shorter_for_one_that_makes_too_little_room() -> None:
    short = visit("v1", urgency=Urgency.C, service_s=100 * MIN)
    long = visit("v2", urgency=Urgency.C, service_s=400 * MIN)
    wanted = visit("v3", service_s=200 * MIN)
    problem = day_problem(
        [(v, 0) for v in (short, long, wanted)], days=[team_day(crew())]
    )
    offer = offer_of(asked(problem, [(0, 1)], 2), RelaxationKind.SWAP_OUT)
    assert offer.other_visit_id == "v2"


def test_a_less_urgent_visit_that_can_wait_is_offered_to_make_room() -> None:
    routine = [
        visit("due", urgency=Urgency.C, service_s=170 * MIN, due_s=at("17:00")),
        visit("later", urgency=Urgency.C, service_s=170 * MIN),
        visit("urgent", urgency=Urgency.B, service_s=170 * MIN),
    ]
    wanted = visit("v4", service_s=170 * MIN)
    problem = day_problem(
        [*((one, 0) for one in routine), (wanted, 0)], days=[team_day(crew())]
    )
    (offer,) = asked(problem, [(0, 1, 2)], 3).offers
    assert offer.kind is RelaxationKind.SWAP_OUT
    assert (offer.other_visit_id, offer.minutes) == ("later", 170)
    assert offer.price_min == 60 + 170


@pytest.mark.parametrize(
    "changes",
    [
        {"urgency": Urgency.S},
        {"urgency": Urgency.A},
        {"urgency": Urgency.B},  # more urgent than the visit itself, a C
        {"windows": (hours("9:00", "9:00"),)},
        {"due_s": at("9:00"), "hard_due": True},
        {"team_id": "t1"},
        {"start_between": hours("9:00", "9:00")},
        {"num_teams": 2},
    ],
)
def test_a_visit_that_may_not_wait_makes_no_room(changes: dict[str, Any]) -> None:
    kept = visit("v1", **{"urgency": Urgency.C, "service_s": 510 * MIN, **changes})
    wanted = visit("v2", urgency=Urgency.C, service_s=300 * MIN)
    days = [team_day(crew()), team_day(crew("t2", crew_size=1))]
    problem = day_problem([(kept, 0), (replace(wanted, crew=2), 0)], days=days)
    orders: list[Order] = [(0,), (0,) if kept.num_teams == 2 else ()]
    assert RelaxationKind.SWAP_OUT not in kinds(asked(problem, orders, 1))
    free = visit("v1", urgency=Urgency.C, service_s=510 * MIN)
    problem = replace(problem, visits=(free, problem.visits[1]))
    assert RelaxationKind.SWAP_OUT in kinds(asked(problem, [(0,), ()], 1))


def test_a_visit_that_another_team_can_take_is_offered_to_move_over() -> None:
    # t2 cannot do the sewer work of v3, but has 200 minutes for v2.
    days = [team_day(crew(skills=SEWER)), team_day(crew("t2"))]
    visits = [
        (visit("v1", service_s=300 * MIN, skills=SEWER), 0),
        (visit("v2", service_s=200 * MIN, urgency=Urgency.A), 0),
        (visit("v3", service_s=200 * MIN, skills=SEWER), 0),
    ]
    why = asked(day_problem(visits, days=days), [(0, 1), ()], 2)
    offer = why.offers[0]
    assert offer.kind is RelaxationKind.MOVE_OVER
    assert (offer.other_visit_id, offer.other_team_id) == ("v2", "t2")
    assert offer.price_min == 5
    assert offer.new_orders == (
        NewOrder(team_id="t1", visit_ids=("v3", "v1")),
        NewOrder(team_id="t2", visit_ids=("v2",)),
    )


def test_a_move_that_makes_an_urgent_visit_late_gives_way_to_the_next() -> None:
    # t2 is busy until 11:00; v1, an A due at 9:00, would be late there, v2 would not.
    days = [team_day(crew(skills=SEWER)), team_day(crew("t2"))]
    urgent = visit("v1", service_s=200 * MIN, urgency=Urgency.A, due_s=at("9:00"))
    calm = visit("v2", service_s=200 * MIN)
    wanted = visit("v3", service_s=200 * MIN, skills=SEWER)
    busy = visit("v4", service_s=120 * MIN, windows=(hours("9:00", "9:00"),))
    problem = day_problem([(v, 0) for v in (urgent, calm, wanted, busy)], days=days)
    offer = offer_of(asked(problem, [(0, 1), (3,)], 2), RelaxationKind.MOVE_OVER)
    assert offer.other_visit_id == "v2"
    late = replace(problem, visits=(urgent, replace(calm, crew=3), wanted, busy))
    strong = replace(
        late,
        team_days=(replace(days[0], team=crew(crew_size=3, skills=SEWER)), days[1]),
    )
    assert RelaxationKind.MOVE_OVER not in kinds(asked(strong, [(0, 1), (3,)], 2))


def test_a_way_that_only_one_visit_opens_is_not_offered_to_be_cut() -> None:
    # The way from the yard to v2 is shut; without v1 nobody gets to it.
    visits = [
        (visit("v1", urgency=Urgency.C, service_s=200 * MIN), 0),
        (visit("v2", service_s=300 * MIN, windows=(hours("9:00", "17:00"),)), 0),
        (visit("v3", service_s=100 * MIN, max_width_cm=None), 0),
    ]
    problem = day_problem(visits, days=[team_day(crew())])
    duration_s = problem.travel.duration_s.copy()
    duration_s[[0, 3], 2] = 864_000
    problem = replace(problem, travel=replace(problem.travel, duration_s=duration_s))
    assert RelaxationKind.SWAP_OUT not in kinds(asked(problem, [(0, 1)], 2))


def test_a_move_is_not_offered_where_the_others_cannot_take_the_visit() -> None:
    days = [team_day(crew(skills=SEWER)), team_day(crew("t2"))]
    first = visit("v1", service_s=300 * MIN, skills=SEWER)
    fixed = visit("v2", service_s=200 * MIN, windows=(hours("14:00", "14:00"),))
    wanted = visit("v3", service_s=200 * MIN, skills=SEWER)
    busy = visit("v4", service_s=60 * MIN, windows=(hours("14:30", "14:30"),))
    problem = day_problem([(v, 0) for v in (first, fixed, wanted, busy)], days=days)
    # v2 stays: at 14:00 t2 is on its way to v4, although it has hours to spare.
    why = asked(problem, [(0, 1), (3,)], 2)
    assert RelaxationKind.MOVE_OVER not in kinds(why)
    assert RelaxationKind.MOVE_OVER in kinds(asked(problem, [(0, 1), ()], 2))
    none = asked(problem, [(0, 1), ()], 2, WhyNotParams(max_moves=0))
    assert RelaxationKind.MOVE_OVER not in kinds(none)


def test_the_load_of_a_visit_that_makes_room_is_free_again() -> None:
    sand = visit("v1", load_kg=400, urgency=Urgency.C)
    wanted = visit("v2", load_kg=300)
    problem = day_problem([(sand, 10), (wanted, 10)], days=[team_day(crew())])
    (offer,) = asked(problem, [(0,)], 1).offers
    assert offer.kind is RelaxationKind.SWAP_OUT
    heavy = replace(problem, visits=(sand, replace(wanted, load_kg=600)))
    assert asked(heavy, [(0,)], 1).offers == ()


def test_a_visit_of_two_teams_gets_both_at_one_moment() -> None:
    days = [team_day(crew()), team_day(crew("t2")), team_day(crew("t3", crew_size=1))]
    both = visit("v2", num_teams=2, crew=2)
    problem = day_problem([(replace(FULL, crew=2), 0), (both, 10)], days=days)
    why = asked(problem, [(0,), (), ()], 1)
    # t2 is there at 9:10; with it goes t3 with one person more. t1 is full until 17:00.
    assert why.offers[0].start_s == at("9:10")
    assert [(o.kind, o.team_id, o.with_team_ids) for o in why.offers] == [
        (RelaxationKind.PERSON, "t3", ("t2",)),
    ]
    assert [new.team_id for new in why.offers[0].new_orders] == ["t2", "t3"]


def test_a_visit_after_another_waits_for_its_end_or_for_its_place_in_the_plan() -> None:
    first = visit("v1", service_s=60 * MIN)
    second = visit("v2", after=(After(visit_id="v1", gap_s=30 * MIN),))
    days = [team_day(crew()), team_day(crew("t2"))]
    problem = day_problem([(first, 0), (second, 0)], days=days)
    (offer,) = why_not(DayScheduler(problem, {0: at("9:00")}), [(0,), ()], 1).offers
    assert offer.start_s == at("10:30")
    nowhere = asked(problem, [(), ()], 1)
    assert nowhere.blocks == (Block(rule=Rule.LINKED, names=("v1",)),)
    assert nowhere.offers == ()


def test_a_visit_after_a_stop_under_way_waits_for_that() -> None:
    under_way = Stop(
        visit_id="v9",
        arrive_s=at("9:00"),
        start_s=at("9:00"),
        end_s=at("11:00"),
        drive_s=0,
        drive_m=0,
    )
    out = team_day(crew(), committed=(under_way,), free_from_s=at("11:00"))
    waits = (After(visit_id="v9", gap_s=30 * MIN), After(visit_id="gone"))
    days = [out, team_day(crew("t2"))]
    problem = day_problem([(visit("v1", after=waits), 0)], days=days)
    (offer,) = asked(problem, [(), ()], 0).offers
    assert offer.start_s == at("11:30")


def test_hard_blocks_are_all_rules_that_every_team_breaks() -> None:
    days = [
        team_day(crew("t1", crew_size=1)),
        team_day(crew("t2")),
        team_day(crew("t3", office_id="south", skills=SEWER, crew_size=3)),
    ]
    wanted = visit(skills=SEWER, crew=3, load_kg=100)
    why = asked(day_problem([(wanted, 10)], days=days), [(), (), ()], 0)
    # Both teams of the north office lack the skill and are too few; t2 is nearer to 3.
    assert why.blocks == (
        Block(rule=Rule.SKILL, names=("sewer",)),
        Block(rule=Rule.CREW, needed=3, has=2),
    )
    assert kinds(why) == [RelaxationKind.OFFICE]


def test_hard_blocks_name_the_allowed_offices_and_several_rules_together() -> None:
    wanted = visit(allowed_office_ids=frozenset({"west", "south"}))
    offices = (Block(rule=Rule.OFFICE, names=("south", "west")),)
    problem = day_problem([(wanted, 10)], days=[team_day(crew())])
    assert asked(problem, [()], 0).blocks == offices
    assert asked(replace(problem, team_days=()), [], 0).blocks == offices
    days = [team_day(crew(skills=SEWER)), team_day(crew("t2", crew_size=3))]
    problem = day_problem([(visit(skills=SEWER, crew=3), 10)], days=days)
    assert asked(problem, [(), ()], 0).blocks == (Block(rule=Rule.SEVERAL),)
    two = day_problem([(visit(num_teams=2), 10)], days=[team_day(crew())])
    assert asked(two, [()], 0).blocks == (Block(rule=Rule.TEAMS, needed=2, has=1),)


def test_hard_blocks_of_time_are_those_of_the_team_that_misses_by_least() -> None:
    days = [
        team_day(crew(shift=shift(lunch=None, end_s=at("12:00")))),
        team_day(crew("t2", shift=shift(lunch=None, end_s=at("12:30")))),
    ]
    wanted = visit(windows=(hours("13:00", "14:00"),))
    why = asked(day_problem([(wanted, 10)], days=days), [(), ()], 0)
    turned = asked(day_problem([(wanted, 10)], days=days[::-1]), [(), ()], 0)
    assert why.blocks == turned.blocks
    # t2 can begin at 12:30 - 10 - 30 = 11:50 at the latest, but without the promise it
    # begins at 9:10; keeping it, it is back at 13:40.
    assert why.blocks == (
        Block(rule=Rule.SHIFT_END, over_s=70 * MIN),
        Block(rule=Rule.WINDOW, over_s=230 * MIN),
    )


def test_a_place_that_nobody_reaches_is_told_as_such() -> None:
    days = [team_day(crew()), team_day(crew("t2"))]
    problem = day_problem([(visit(), 10)], days=days, unreachable=[1])
    why = asked(problem, [(), ()], 0)
    assert why.blocks == (Block(rule=Rule.UNREACHABLE),)
    assert why.offers == ()


def test_a_rule_that_alone_is_enough_for_one_team_is_told_before_several() -> None:
    promised = visit("v1", windows=(hours("18:00", "18:30"),))
    locked = replace(promised, start_between=hours("10:00", "18:10"))
    evening = shift(lunch=None, start_s=at("12:00"), end_s=at("18:30"))
    days = [team_day(crew("t2", shift=evening)), team_day(crew())]
    problem = day_problem([(locked, 10)], days=days)
    rules = [block.rule for block in asked(problem, [(), ()], 0).blocks]
    assert Rule.SEVERAL not in rules
    assert Rule.SHIFT_END in rules


def test_the_limit_of_timings_ends_the_search_and_is_told() -> None:
    problem = day_problem([(FULL, 0), (visit("v2"), 5)], days=[team_day(crew())])
    whole = asked(problem, [(0,)], 1)
    assert kinds(whole) == [RelaxationKind.OVERTIME]
    assert not whole.cut_short
    short = asked(problem, [(0,)], 1, WhyNotParams(max_timings=whole.num_timings - 1))
    assert short.cut_short
    assert short.offers == ()
    assert (
        asked(problem, [(0,)], 1, WhyNotParams(max_timings=whole.num_timings)) == whole
    )


def test_no_more_offers_are_told_than_wanted_and_the_cheapest_come_first() -> None:
    days = [
        team_day(crew("t1", crew_size=1)),
        team_day(crew("t2", office_id="south")),
        team_day(crew("t3", office_id="west")),
    ]
    problem = day_problem([(visit(crew=2), 10)], days=days)
    offers = asked(problem, [(), (), ()], 0).offers
    # 30 + 20 minutes of driving for the support, 90 + 20 for one person more.
    assert [(offer.kind, offer.price_min) for offer in offers] == [
        (RelaxationKind.OFFICE, 50),
        (RelaxationKind.PERSON, 110),
    ]
    assert (
        asked(problem, [(), (), ()], 0, WhyNotParams(max_offers=1)).offers == offers[:1]
    )
