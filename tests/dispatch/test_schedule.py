"""Exact placement: times worked out by hand beside each assertion."""

from __future__ import annotations

import pytest

from dispatch.domain.catalogue import Urgency
from dispatch.domain.plan import Stop
from dispatch.domain.schedule import DayScheduler, Timing
from dispatch.domain.team import Lunch, Vehicle
from dispatch.domain.visit import ForbiddenHours, TimeWindow
from tests.builders import MIN, at, day_problem, shift, team, team_day, visit

NO_LUNCH = team_day(team(shift=shift(lunch=None)))


def timing_of(scheduler: DayScheduler, *order: int) -> Timing:
    timing = scheduler.timing(0, order)
    assert timing is not None
    return timing


def test_two_visits_without_lunch_follow_each_other() -> None:
    day = day_problem([(visit("a"), 10), (visit("b"), 25)], days=[NO_LUNCH])
    timing = timing_of(DayScheduler(day), 0, 1)
    # 9:00 + 10 = 9:10 a, 30 min work → 9:40, + (25-10) = 9:55 b → 10:25, + 25 = 10:50
    assert timing.starts_s == (at("9:10"), at("9:55"))
    assert timing.return_s == at("10:50")
    assert timing.drive_s == (10 + 15 + 25) * MIN
    assert timing.work_s == (50 + 60) * MIN
    assert timing.lunch_start_s is None
    assert timing.cost() == (0, 0, 0, 0, 50 * MIN)


def test_lunch_is_eaten_on_arrival_when_the_drive_ends_before_it_may_begin() -> None:
    visits = [
        (visit("a", service_s=110 * MIN), 10),
        (visit("b", service_s=90 * MIN), 35),
    ]
    timing = timing_of(DayScheduler(day_problem(visits)), 0, 1)
    # a 9:10-11:00; drive 25 → 11:25 at b. b first would end at 12:55, too late
    # for lunch (12:45): eat at b 11:30-12:15, work 12:15-13:45, + 35 = 14:20.
    assert timing.lunch_start_s == at("11:30")
    assert timing.arrives_s == (at("9:10"), at("12:15"))
    assert timing.starts_s == (at("9:10"), at("12:15"))
    assert timing.return_s == at("14:20")


def test_lunch_on_the_first_leg_while_waiting_for_an_appointment() -> None:
    promised = visit(
        "a",
        windows=(TimeWindow(start_s=at("13:00"), end_s=at("13:00")),),
        service_s=600,
    )
    day = day_problem([(promised, 20)])
    timing = timing_of(DayScheduler(day), 0)
    # arrives 9:20, eats there from 11:30 to 12:15, waits until 13:00, back 13:30
    assert timing.lunch_start_s == at("11:30")
    assert timing.arrives_s == (at("12:15"),)
    assert timing.starts_s == (at("13:00"),)
    assert timing.return_s == at("13:30")


def test_lunch_on_the_second_leg_keeps_the_appointment() -> None:
    first = visit("a", service_s=120 * MIN)
    promised = visit("b", windows=(TimeWindow(start_s=at("12:00"), end_s=at("12:20")),))
    day = day_problem([(first, 10), (promised, 20)])
    timing = timing_of(DayScheduler(day), 0, 1)
    # a 9:10-11:10, at b 11:20; lunch 11:30-12:15 ends inside the window → b at 12:15.
    # Or wait until 12:00, work to 12:30, lunch 12:30, back 12:30+45+20 = 13:35:
    # the first way is back at 12:15+30+20 = 13:05, so it wins.
    assert timing.lunch_start_s == at("11:30")
    assert timing.starts_s == (at("9:10"), at("12:15"))
    assert timing.return_s == at("13:05")


def test_lunch_on_the_way_back_before_driving() -> None:
    long = visit("a", service_s=160 * MIN)
    timing = timing_of(DayScheduler(day_problem([(long, 10)])), 0)
    # a 9:10-11:50; lunch there at 11:50-12:35 (back 12:45) or at the yard from 12:00
    # (back 12:00): being back earlier wins, lunch after the return.
    assert timing.starts_s == (at("9:10"),)
    assert timing.return_s == at("12:00")
    assert timing.lunch_start_s == at("12:00")


def test_lunch_on_the_way_back_when_the_yard_is_too_far_to_eat_there() -> None:
    long = visit("a", service_s=180 * MIN)
    timing = timing_of(DayScheduler(day_problem([(long, 30)])), 0)
    # a 9:30-12:30; at the yard 13:00, after the latest start of lunch (12:45): eat
    # at 12:30 on the spot, back 12:30 + 45 + 30 = 13:45
    assert timing.lunch_start_s == at("12:30")
    assert timing.return_s == at("13:45")


def test_lunch_after_the_return_when_the_work_is_done_early() -> None:
    timing = timing_of(DayScheduler(day_problem([(visit(), 10)])), 0)
    # 9:10-9:40, back 9:50, lunch at its earliest
    assert (timing.return_s, timing.lunch_start_s) == (at("9:50"), at("11:30"))


def test_lunch_before_driving_off_when_the_drive_would_pass_its_end() -> None:
    far = visit("b", service_s=60 * MIN)
    day = day_problem([(visit("a", service_s=130 * MIN), 10), (far, 100)])
    timing = timing_of(DayScheduler(day), 0, 1)
    # a 9:10-11:20; 90 min drive ends 12:50, after the latest start 12:45: wait and eat
    # 11:30-12:15 first, then drive: 13:45 at b, done 14:45, back 16:25
    assert timing.lunch_start_s == at("11:30")
    assert timing.starts_s == (at("9:10"), at("13:45"))
    assert timing.return_s == at("16:25")


def test_lunch_never_lies_within_service() -> None:
    # Work of 9:10-13:10 covers every legal start of lunch (11:30-12:45): it must come
    # before the work, so the work begins only after 12:15.
    whole_morning = visit("a", service_s=240 * MIN)
    timing = timing_of(DayScheduler(day_problem([(whole_morning, 10)])), 0)
    assert timing.lunch_start_s == at("11:30")
    assert timing.starts_s == (at("12:15"),)
    assert timing.return_s == at("16:25")  # 12:15 + 4 h + 10 min


def test_no_legal_time_when_neither_side_of_lunch_has_room() -> None:
    # 5 h 30: before lunch impossible (9:10 + 5:30 = 14:40 > 12:45), after it
    # 12:15 + 5:30 + 10 = 17:55 > 17:30
    too_long = visit("a", service_s=330 * MIN)
    assert DayScheduler(day_problem([(too_long, 10)])).timing(0, (0,)) is None


def test_lunch_already_eaten_is_not_taken_again() -> None:
    day = team_day(free_from_s=at("13:00"), lunch_start_s=at("12:00"))
    scheduler = DayScheduler(day_problem([(visit("a"), 10)], days=[day]))
    assert timing_of(scheduler, 0).return_s == at("13:50")  # 13:10-13:40, + 10
    route = scheduler.route(0, (0,))
    assert (route.lunch_start_s, route.lunch_end_s) == (at("12:00"), at("12:45"))


def test_appointment_makes_the_team_wait_and_its_end_is_inclusive() -> None:
    promised = visit("a", windows=(TimeWindow(start_s=at("10:00"), end_s=at("10:00")),))
    timing = timing_of(DayScheduler(day_problem([(promised, 60)], days=[NO_LUNCH])), 0)
    assert timing.arrives_s == timing.starts_s == (at("10:00"),)  # to the second
    near = DayScheduler(day_problem([(promised, 15)], days=[NO_LUNCH]))
    assert timing_of(near, 0).arrives_s == (at("9:15"),)  # 45 minutes of waiting
    assert timing_of(near, 0).starts_s == (at("10:00"),)
    far = DayScheduler(day_problem([(promised, 61)], days=[NO_LUNCH]))
    assert far.timing(0, (0,)) is None  # one minute late


def test_work_never_begins_before_the_consultation_was_received() -> None:
    fresh = visit("a", release_s=at("14:00"))
    timing = timing_of(DayScheduler(day_problem([(fresh, 10)], days=[NO_LUNCH])), 0)
    assert timing.starts_s == (at("14:00"),)


def test_lateness_counts_in_begun_quarters_of_an_hour_by_urgency() -> None:
    visits = [
        (visit("s", urgency=Urgency.S, due_s=at("9:00")), 10),  # 10 min late: 1 step
        (visit("a", urgency=Urgency.A, due_s=at("9:25")), 10),  # 9:40, 15 min: 1 step
        (visit("b", due_s=at("9:54")), 10),  # 10:10, 16 min: 2 steps
        (visit("c", due_s=at("10:40")), 10),  # 10:40, on time to the second
    ]
    timing = timing_of(DayScheduler(day_problem(visits, days=[NO_LUNCH])), 0, 1, 2, 3)
    assert timing.cost() == (1, 1, 1, 3, 20 * MIN)


def test_overtime_counts_from_the_end_and_stops_at_its_limit() -> None:
    granted = team(shift=shift(lunch=None, end_s=at("12:00"), overtime_max_s=30 * MIN))
    day = team_day(granted)
    # 10 there, 10 back: 9:00 + 20 min + work
    fits = day_problem([(visit(service_s=190 * MIN), 10)], days=[day])
    assert timing_of(DayScheduler(fits), 0).return_s == at("12:30")
    assert timing_of(DayScheduler(fits), 0).overtime_s == 30 * MIN
    assert timing_of(DayScheduler(fits), 0).cost() == (0, 0, 0, 0, 50 * MIN)
    over = day_problem([(visit(service_s=191 * MIN), 10)], days=[day])
    assert DayScheduler(over).timing(0, (0,)) is None


def test_load_of_the_whole_order_counts_with_what_is_on_the_vehicle() -> None:
    truck = team(vehicle=Vehicle(name="車", load_kg=500))
    heavy = [(visit("a", load_kg=300), 5), (visit("b", load_kg=200), 6)]
    assert DayScheduler(day_problem(heavy, days=[team_day(truck)])).timing(0, (0, 1))
    loaded = team_day(truck, committed_load_kg=1)  # 1 + 300 + 200 = 501 > 500
    scheduler = DayScheduler(day_problem(heavy, days=[loaded]))
    assert scheduler.timing(0, (0, 1)) is None
    assert scheduler.timing(0, (0,)) is not None


def test_place_without_a_way_has_no_times() -> None:
    day = day_problem([(visit("a"), 10), (visit("b"), 20)], unreachable=[2])
    scheduler = DayScheduler(day)
    assert scheduler.timing(0, (0,)) is not None
    assert scheduler.timing(0, (1,)) is None
    assert scheduler.timing(0, (0, 1)) is None


def test_an_empty_order_stays_at_the_yard_and_eats() -> None:
    scheduler = DayScheduler(day_problem([(visit("a"), 10)]))
    route = scheduler.route(0, ())
    assert (route.depart_s, route.return_s, route.drive_s) == (at("9:00"),) * 2 + (0,)
    assert route.lunch_start_s == at("11:30")


def test_route_of_an_order_tells_drives_metres_and_lateness() -> None:
    day = day_problem([(visit("a", due_s=at("9:00")), 10)], days=[NO_LUNCH])
    route = DayScheduler(day).route(0, (0,))
    stop = route.stops[0]
    assert (stop.drive_s, stop.drive_m, stop.late_s) == (600, 4_000, 600)
    assert (stop.arrive_s, stop.end_s) == (at("9:10"), at("9:40"))
    assert (route.drive_s, route.drive_m) == (1_200, 8_000)
    assert (route.service_s, route.work_s) == (30 * MIN, 50 * MIN)


def test_route_of_an_impossible_order_is_refused() -> None:
    scheduler = DayScheduler(day_problem([(visit("a"), 10)], unreachable=[1]))
    with pytest.raises(ValueError, match="no legal times"):
        scheduler.route(0, (0,))


def test_committed_stops_stand_in_front_and_the_team_goes_on_from_there() -> None:
    done = Stop(
        visit_id="done",
        arrive_s=at("9:10"),
        start_s=at("9:10"),
        end_s=at("9:40"),
        drive_s=600,
        drive_m=4_000,
    )
    under_way = team_day(
        team(shift=shift(lunch=None)),
        start_node=1,
        free_from_s=at("9:40"),
        committed=(done,),
    )
    day = day_problem([(visit("a"), 10), (visit("b"), 25)], days=[under_way])
    scheduler = DayScheduler(day)
    route = scheduler.route(0, (1,))
    # from a's place (10) to b (25): 9:55-10:25, back 10:50
    assert [stop.visit_id for stop in route.stops] == ["done", "b"]
    assert (route.stops[1].start_s, route.return_s) == (at("9:55"), at("10:50"))
    # with nothing new it still drives home: 9:40 + 10
    assert scheduler.route(0, ()).return_s == at("9:50")
    assert scheduler.route(0, ()).return_drive_s == 600


def test_late_return_with_nothing_new_is_a_fact_and_not_a_reason_to_refuse() -> None:
    late = team_day(team(shift=shift(lunch=None)), free_from_s=at("18:00"))
    timing = DayScheduler(day_problem([(visit(), 5)], days=[late])).timing(0, ())
    assert timing is not None
    assert timing.overtime_s == 30 * MIN


def test_lunch_that_can_no_longer_begin_forbids_new_work_but_not_the_way_home() -> None:
    short = Lunch(
        nominal_s=at("11:30"),
        duration_s=30 * MIN,
        earliest_s=at("11:30"),
        latest_end_s=at("12:00"),
    )
    late = team_day(team(shift=shift(lunch=short)), free_from_s=at("11:31"))
    scheduler = DayScheduler(day_problem([(visit(), 5)], days=[late]))
    assert scheduler.timing(0, (0,)) is None
    timing = scheduler.timing(0, ())
    assert timing is not None
    assert (timing.lunch_start_s, timing.return_s) == (None, at("11:31"))


def test_a_team_without_a_way_home_gets_nothing_new_and_no_drive() -> None:
    done = Stop(
        visit_id="done",
        arrive_s=at("11:10"),
        start_s=at("11:10"),
        end_s=at("11:40"),
        drive_s=600,
        drive_m=4_000,
    )
    out = team_day(start_node=2, free_from_s=at("11:40"), committed=(done,))
    yard = team_day(team("t2"))
    problem = day_problem(
        [(visit("a"), 10), (visit("b"), 20)], days=[out, yard], unreachable=[2]
    )
    scheduler = DayScheduler(problem)
    assert [scheduler.is_cut_off(at_team) for at_team in (0, 1)] == [True, False]
    # b's own place is where the team stands: it needs no drive there, but none leads
    # back
    assert scheduler.timing(0, (0,)) is scheduler.timing(0, (1,)) is None
    route = scheduler.route(0, ())
    # free 11:40, within the time of lunch: it eats where it is
    assert (route.return_s, route.lunch_start_s) == (at("11:40"), at("11:40"))
    assert route.no_way_back
    assert scheduler.typical_drive_s(0, ()) == 0
    home = scheduler.route(1, ())
    assert not home.no_way_back


def test_allows_asks_skill_crew_load_office_and_the_dispatchers_team() -> None:
    visits = [
        (visit("fits", crew=2, load_kg=500), 1),
        (visit("skill", skills=frozenset({"sewer"})), 1),
        (visit("crew", crew=3), 1),
        (visit("load", load_kg=501), 1),
        (visit("office", allowed_office_ids=frozenset({"south"})), 1),
        (visit("bound", team_id="t2"), 1),
    ]
    scheduler = DayScheduler(day_problem(visits))
    assert [scheduler.allows(0, index) for index in range(6)] == [True] + [False] * 5


# -- when a visit allows it ------------------------------------------------------------


def window(start: str, end: str) -> TimeWindow:
    return TimeWindow(start_s=at(start), end_s=at(end))


def test_a_team_that_misses_one_promised_time_waits_for_the_next() -> None:
    hours = (window("9:00", "9:30"), window("10:00", "10:30"), window("15:00", "16:00"))
    twice = visit("b", windows=hours)
    day = day_problem([(visit("a"), 10), (twice, 25)], days=[NO_LUNCH])
    scheduler = DayScheduler(day)
    # alone it comes at 9:25; after a (9:10-9:40) at 9:55, and begins at 10:00
    assert timing_of(scheduler, 1).starts_s == (at("9:25"),)
    assert timing_of(scheduler, 0, 1).starts_s == (at("9:10"), at("10:00"))
    three = [(visit("a", service_s=60 * MIN), 10), (twice, 25)]
    # a 9:10-10:10, at b 10:25; ten minutes more of work, and it waits until 15:00
    later = DayScheduler(day_problem(three, days=[NO_LUNCH]))
    assert timing_of(later, 0, 1).starts_s == (at("9:10"), at("10:25"))
    three[0] = (visit("a", service_s=70 * MIN), 10)
    latest = DayScheduler(day_problem(three, days=[NO_LUNCH]))
    assert timing_of(latest, 0, 1).starts_s == (at("9:10"), at("15:00"))
    three[0] = (visit("a", service_s=420 * MIN), 10)  # until 16:10: too late for all
    assert DayScheduler(day_problem(three, days=[NO_LUNCH])).timing(0, (0, 1)) is None


def test_lunch_is_taken_where_a_later_promised_time_is_not_needed() -> None:
    hours = (window("11:40", "11:50"), window("14:00", "15:00"))
    promised = visit("a", windows=hours, service_s=20 * MIN)
    timing = timing_of(DayScheduler(day_problem([(promised, 10)])), 0)
    # lunch first (11:30-12:15) would push it to 14:00; work 11:40-12:00, home 12:10
    assert timing.starts_s == (at("11:40"),)
    assert timing.return_s == at("12:10")
    assert timing.lunch_start_s == at("12:10")


def test_work_that_would_reach_into_forbidden_hours_waits_for_their_end() -> None:
    shut = ForbiddenHours(start_s=at("9:30"), end_s=at("10:30"))
    day = day_problem([(visit(forbidden=(shut,)), 10)], days=[NO_LUNCH])
    # 9:10 and 30 minutes would end at 9:40
    assert timing_of(DayScheduler(day), 0).starts_s == (at("10:30"),)


def test_a_hard_due_time_is_never_missed() -> None:
    held = visit(due_s=at("9:09"), hard_due=True)
    scheduler = DayScheduler(day_problem([(held, 10)], days=[NO_LUNCH]))
    assert scheduler.timing(0, (0,)) is None


def test_a_pinned_visit_begins_at_its_moment_or_not_at_all() -> None:
    promised = visit("a", windows=(window("9:00", "10:00"),))
    day = day_problem([(promised, 10)], days=[NO_LUNCH])
    assert timing_of(DayScheduler(day, {0: at("9:30")}), 0).starts_s == (at("9:30"),)
    for start in ("9:05", "10:01"):  # before it can be there; outside the promise
        assert DayScheduler(day, {0: at(start)}).timing(0, (0,)) is None


def test_a_team_works_as_long_as_it_takes_itself() -> None:
    own = team(shift=shift(lunch=None), service_times=(("R01", 50 * MIN),))
    days = [team_day(own), team_day(team("t2", shift=shift(lunch=None)))]
    scheduler = DayScheduler(day_problem([(visit(), 10)], days=days))
    assert timing_of(scheduler, 0).work_s == (50 + 20) * MIN
    slow, usual = (scheduler.route(team_index, (0,)) for team_index in (0, 1))
    assert slow.stops[0].end_s == at("10:00")
    assert usual.stops[0].end_s == at("9:40")


def test_pieces_of_a_material_fit_together_or_not_at_all() -> None:
    vehicle = Vehicle(name="", load_kg=500, materials=(("合材", 4),))
    loaded = team_day(
        team(shift=shift(lunch=None), vehicle=vehicle),
        committed_materials=(("合材", 1),),
    )
    visits = [
        (visit("a", materials=(("合材", 2),)), 5),
        (visit("b", materials=(("合材", 1),)), 6),
        (visit("c", materials=(("合材", 1),)), 7),
        (visit("d"), 8),
    ]
    scheduler = DayScheduler(day_problem(visits, days=[loaded]))
    assert scheduler.timing(0, (0, 1, 3)) is not None  # 1 on board, 2 and 1 are 4
    assert scheduler.timing(0, (0, 1, 2)) is None
