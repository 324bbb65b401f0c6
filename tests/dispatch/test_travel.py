"""Travel by the time of day: the arithmetic of traffic and closures aloud."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dispatch.domain.errors import InvalidInputError
from dispatch.domain.travel import (
    FREE_FLOW,
    UNREACHABLE_S,
    RestrictedTravel,
    Traffic,
    TrafficPeriod,
    TravelLevel,
    TravelMatrix,
    level_text,
    worst,
)
from tests.builders import MIN, at, road

ROAD, GRAPH, LINE = TravelLevel
SCHOOL = ((at("7:30"), at("8:30")),)


def traffic(*periods: tuple[str, float]) -> Traffic:
    return Traffic(
        periods=tuple(TrafficPeriod(start_s=at(c), factor=f) for c, f in periods)
    )


PEAK = traffic(("0:00", 1.0), ("8:00", 2.0), ("10:00", 1.0))


def pair(there_min: int) -> NDArray[np.int64]:
    return np.array([[0, there_min * MIN], [there_min * MIN, 0]], dtype=np.int64)


def closed(minutes: int, windows: tuple[tuple[int, int], ...] = SCHOOL) -> TravelMatrix:
    """Two places 20 min and 8 km apart; `minutes` and 11 m while closures hold."""
    return replace(
        road([0, 20]),
        restricted=RestrictedTravel(
            windows=windows,
            duration_s=pair(minutes),
            distance_m=np.sign(pair(minutes)) * 11,
        ),
    )


# -- traffic ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leave", "arrive"),
    [
        ("7:00", "7:30"),  # 30 min, all before the peak
        ("7:45", "8:30"),  # to the peak 15 min, the other 15 at half speed
        ("9:00", "10:00"),  # wholly in the peak, to its last second
        ("9:30", "10:15"),  # 30 min of the peak drive 15, the other 15 are free
    ],
)
def test_the_speed_changes_when_a_period_begins(leave: str, arrive: str) -> None:
    assert at(leave) + PEAK.drive_s(30 * MIN, at(leave)) == at(arrive)


def test_a_drive_through_a_whole_period_has_all_three_speeds() -> None:
    # 7:00-8:00 drives 60 of 150 min, 8:00-10:00 another 60; 30 are left at 10:00
    assert PEAK.drive_s(150 * MIN, at("7:00")) == at("10:30") - at("7:00")


def test_seconds_are_rounded_up_and_nothing_is_nothing() -> None:
    slow = traffic(("0:00", 1.3))
    assert slow.drive_s(1, 0) == 2  # 1.3 s
    assert slow.drive_s(10, 0) == 13  # exactly
    assert slow.drive_s(0, at("8:00")) == 0


def test_the_last_period_goes_on_beyond_midnight() -> None:
    evening = traffic(("0:00", 1.0), ("20:00", 1.5))
    assert evening.drive_s(60 * MIN, at("23:30")) == 90 * MIN
    assert evening.drive_s(60 * MIN, at("25:00")) == 90 * MIN


def test_free_flow_takes_what_it_takes() -> None:
    assert FREE_FLOW.drive_s(777, at("8:00")) == 777
    assert FREE_FLOW.is_free_flow
    assert traffic(("0:00", 1.0)).is_free_flow
    assert not PEAK.is_free_flow
    assert not traffic(("0:00", 1.3)).is_free_flow


def test_what_cannot_be_reached_stays_so_and_nothing_takes_longer() -> None:
    assert PEAK.drive_s(UNREACHABLE_S, at("7:00")) == UNREACHABLE_S
    assert PEAK.drive_s(UNREACHABLE_S + 1, at("7:00")) == UNREACHABLE_S
    twice = traffic(("0:00", 2.0))
    assert twice.drive_s(UNREACHABLE_S - 1, 0) == UNREACHABLE_S
    late = traffic(("0:00", 1.0), ("0:01", 3.0))
    assert late.drive_s(UNREACHABLE_S - 1, 0) == UNREACHABLE_S


def test_the_mean_factor_weighs_by_time() -> None:
    # 9:00-10:00 at 2.0, 10:00-12:00 at 1.0: (1·2 + 2·1) / 3
    assert PEAK.mean_factor(at("9:00"), at("12:00")) == pytest.approx(4 / 3)
    assert PEAK.mean_factor(at("8:00"), at("9:00")) == 2.0
    assert FREE_FLOW.mean_factor(0, 1) == 1.0
    for start_s, end_s in ((5, 5), (6, 5), (-1, 5)):
        with pytest.raises(ValueError, match="no span"):
            PEAK.mean_factor(start_s, end_s)


@pytest.mark.parametrize(
    "periods",
    [
        (("1:00", 1.0),),
        (("0:00", 1.0), ("0:00", 2.0)),
        (("0:00", 1.0), ("9:00", 2.0), ("8:00", 1.0)),
        (("0:00", 0.0),),
        (("0:00", -1.0),),
        (("0:00", 0.0004),),
        (("0:00", float("inf")),),
        (("0:00", float("nan")),),
    ],
)
def test_nonsense_traffic_is_refused(periods: tuple[tuple[str, float], ...]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        traffic(*periods)
    assert caught.value.field == "traffic"


# -- timed closures --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("detour_min", "leave", "drive_min", "metres"),
    [
        (50, "7:00", 20, 8_000),  # there at 7:20, before the closure
        (50, "7:10", 20, 8_000),  # there at 7:30 to the second
        (50, "7:11", 50, 11),  # on the road at 7:30: the detour, there at 8:01
        (50, "8:00", 50, 11),  # waiting until 8:30 would be as early: do not wait
        (50, "8:01", 49, 8_000),  # wait 29 min, then 20
        (50, "8:30", 20, 8_000),  # the closure has just ended
        (20, "8:00", 20, 11),
        (10, "12:00", 10, 11),  # the other network may always be used
        (UNREACHABLE_S // MIN, "7:11", 99, 8_000),  # no way but waiting: 79 + 20
    ],
)
def test_a_drive_goes_round_a_closure_or_waits_for_its_end(
    detour_min: int, leave: str, drive_min: int, metres: int
) -> None:
    travel = closed(detour_min)
    assert travel.drive_s(0, 1, at(leave)) == drive_min * MIN
    assert travel.drive_m(0, 1, at(leave)) == metres


@pytest.mark.parametrize(
    ("detour_min", "leave", "held_min"),
    [
        (50, "7:00", 0),
        (50, "7:11", 0),  # the detour, with no wait
        (50, "8:01", 29),
        (50, "8:30", 0),
        (UNREACHABLE_S // MIN, "7:11", 79),
    ],
)
def test_the_wait_for_the_end_of_a_closure_is_told_apart(
    detour_min: int, leave: str, held_min: int
) -> None:
    assert closed(detour_min).held_s(0, 1, at(leave)) == held_min * MIN


def test_waiting_goes_on_when_the_gap_between_two_closures_is_too_short() -> None:
    windows = ((at("7:30"), at("8:30")), (at("8:45"), at("9:00")))
    travel = closed(UNREACHABLE_S // MIN, windows)
    assert travel.drive_s(0, 1, at("8:00")) == (60 + 20) * MIN
    assert travel.held_s(0, 1, at("8:00")) == 60 * MIN
    wide = closed(
        UNREACHABLE_S // MIN, ((at("7:30"), at("8:30")), (at("8:50"), 40_000))
    )
    assert wide.drive_s(0, 1, at("8:00")) == (30 + 20) * MIN


def test_a_place_that_only_the_restricted_network_reaches_is_reached() -> None:
    travel = replace(closed(30), duration_s=pair(UNREACHABLE_S // MIN))
    assert travel.drive_s(0, 1, at("12:00")) == 30 * MIN
    assert travel.typical_s()[0, 1] == 30 * MIN
    lost = replace(closed(UNREACHABLE_S // MIN), duration_s=travel.duration_s)
    assert lost.drive_s(0, 1, at("8:00")) == UNREACHABLE_S
    assert lost.held_s(0, 1, at("8:00")) == 0
    assert lost.typical_s()[0, 1] == UNREACHABLE_S


def test_traffic_and_closures_work_together() -> None:
    travel = replace(closed(50), traffic=PEAK)
    # At 8:05 the detour takes 100 min; waiting 25 min and then 40 at half speed: 65.
    assert travel.drive_s(0, 1, at("8:05")) == 65 * MIN


def test_no_window_means_no_closure() -> None:
    travel = closed(10, ())
    assert not travel.is_timed
    assert travel.drive_s(0, 1, at("8:00")) == 20 * MIN
    assert travel.drive_m(0, 1, at("8:00")) == 8_000
    busy = replace(travel, traffic=PEAK)
    assert busy.drive_s(0, 1, at("8:00")) == 40 * MIN
    assert busy.drive_m(0, 1, at("8:00")) == 8_000


def test_an_untimed_matrix_tells_its_own_numbers() -> None:
    travel = road([0, 20], unreachable=[1])
    assert not travel.is_timed
    assert travel.drive_s(0, 1, at("8:00")) == UNREACHABLE_S
    assert road([0, 20]).drive_m(0, 1, at("8:00")) == 8_000
    assert road([0, 20]).held_s(0, 1, at("8:00")) == 0
    assert travel.typical_s() is travel.duration_s


@pytest.mark.parametrize(
    "windows", [((5, 5),), ((6, 5),), ((-1, 5),), ((0, 9), (8, 12)), ((9, 12), (0, 3))]
)
def test_windows_that_overlap_or_are_not_in_order_are_refused(
    windows: tuple[tuple[int, int], ...],
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        closed(30, windows)
    assert caught.value.field == "windows"


# -- typical times ---------------------------------------------------------------------


def test_typical_times_are_the_mean_of_the_working_day() -> None:
    # 9:00-17:15 is 495 min: 60 at 2.0 and 435 at 1.0, mean 555/495; 20 min · 1.1212…
    travel = replace(road([0, 20]), traffic=PEAK)
    typical_s = travel.typical_s()
    assert typical_s.tolist() == [[0, 1_345], [1_345, 0]]
    with pytest.raises(ValueError, match="read-only"):
        typical_s[0, 1] = 0


def test_typical_times_take_the_closed_network_when_closures_hold_most_of_the_day() -> (
    None
):
    # more than half of 495 min is 248 min, from 9:00 to 13:08
    most = closed(50, ((0, at("13:08")),))
    assert most.typical_s()[0, 1] == 50 * MIN
    half = closed(50, ((0, at("13:07")),))
    assert half.typical_s()[0, 1] == 20 * MIN


# -- levels ----------------------------------------------------------------------------


def test_a_level_is_said_in_words_and_the_worst_one_counts() -> None:
    assert [level_text(level) for level in TravelLevel] == [
        "推定(道路)",
        "推定(道路・簡易)",
        "推定(直線)",
    ]
    assert worst([ROAD, GRAPH, ROAD]) is GRAPH
    assert worst([LINE, GRAPH, ROAD]) is LINE
    assert worst([ROAD]) is ROAD


def test_a_leg_is_as_good_as_the_worse_of_its_ends() -> None:
    travel = replace(road([0, 10, 20]), level=ROAD)
    assert travel.leg_level(0, 2) is ROAD
    mixed = replace(travel, place_levels=(ROAD, GRAPH, LINE))
    assert mixed.leg_level(0, 0) is ROAD
    assert mixed.leg_level(0, 1) is mixed.leg_level(1, 0) is GRAPH
    assert mixed.leg_level(1, 2) is LINE


# -- shapes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "build",
    [
        lambda: replace(road([0, 5]), place_levels=(ROAD,)),
        lambda: replace(road([0, 5, 9]), restricted=closed(30).restricted),
        lambda: replace(road([0, 5]), duration_s=pair(-1)),
        lambda: replace(road([0, 5]), duration_s=pair(5) + 1),
        lambda: replace(road([0, 5]), duration_s=pair(5).astype(np.int32)),
        lambda: replace(road([0, 5]), duration_s=pair(5)[:1]),
        lambda: replace(road([0, 5]), distance_m=pair(5)[:1]),
        lambda: RestrictedTravel(
            windows=SCHOOL, duration_s=pair(5), distance_m=pair(5) + 1
        ),
    ],
    ids=[
        "levels",
        "restricted",
        "negative",
        "diagonal",
        "narrow",
        "not square",
        "metres",
        "restricted metres",
    ],
)
def test_matrices_of_another_shape_or_with_wrong_values_are_refused(
    build: Callable[[], object],
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        build()
    assert caught.value.field == "travel matrix"


def test_a_part_keeps_everything_in_the_given_order() -> None:
    travel = replace(
        road([0, 10, 30]),
        place_levels=(ROAD, GRAPH, LINE),
        traffic=PEAK,
        restricted=RestrictedTravel(
            windows=SCHOOL,
            duration_s=road([0, 15, 45]).duration_s,
            distance_m=road([0, 15, 45]).distance_m,
        ),
    )
    part = travel.part([2, 0])
    assert part.duration_s.tolist() == [[0, 1_800], [1_800, 0]]
    assert part.distance_m.tolist() == [[0, 12_000], [12_000, 0]]
    assert (part.level, part.place_levels) == (travel.level, (LINE, ROAD))
    assert part.traffic is PEAK
    assert part.restricted is not None
    assert part.restricted.windows == SCHOOL
    assert part.restricted.duration_s[0, 1] == 45 * MIN
    assert part.restricted.distance_m[0, 1] == 18_000
    assert len(travel.part([])) == 0
