"""Benchmark instances: read, made, judged, and turned into days of ours."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.levels import SearchWeights
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.ports import SearchOutcome
from tests.benchmarks import days, vrptw
from tests.benchmarks.instances import (
    FAMILIES,
    Day,
    Vrptw,
    best_known_of,
    combined,
    days_module,
    judged,
    made_vrptw,
    read_day,
    read_solution,
    read_vrptw,
    vrptw_cost,
    vrptw_errors,
    write_day,
    write_vrptw,
)
from tests.shared_data import need_shared

# Depot at the corner, three customers: 3-4-5 triangles and one diagonal.
TINY = """tiny

VEHICLE
NUMBER     CAPACITY
  2         10

CUSTOMER
CUST NO.  XCOORD.    YCOORD.    DEMAND   READY TIME  DUE DATE   SERVICE TIME

    0      0          0          0          0         40          0
    1      3          4          6          0         30          2
    2      3          0          4          5         20          2
    3      1          1          4          0         30          2
"""


@pytest.fixture
def tiny_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.txt"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture
def tiny(tiny_file: Path) -> Vrptw:
    return read_vrptw(tiny_file)


@dataclass
class FixedPlanner:
    """Answers what it was given, and remembers that it was closed."""

    orders: tuple[Order, ...]
    closed: bool = False
    asked: list[tuple[SearchWeights, float, int]] = field(default_factory=list)

    def search(
        self, problem: DayProblem, *, weights: SearchWeights, seconds: float, seed: int
    ) -> SearchOutcome:
        assert len(self.orders) == len(problem.team_days)
        self.asked.append((weights, seconds, seed))
        return SearchOutcome(orders=self.orders, method="fixed")

    def close(self) -> None:
        self.closed = True


# -- vehicle routing with time windows -------------------------------------------------


def test_distances_are_cut_to_tenths_and_times_scaled_alike(tiny: Vrptw) -> None:
    # (0,0)-(3,4) is 5.0; (0,0)-(1,1) is 1.414..., cut to 1.4
    assert tiny.distance()[0].tolist() == [0, 50, 30, 14]
    assert tiny.num_vehicles == 2
    assert tiny.capacity == 10
    assert tiny.ready.tolist() == [0, 0, 50, 0]
    assert tiny.due.tolist() == [400, 300, 200, 300]
    assert tiny.service.tolist() == [0, 20, 20, 20]


@pytest.mark.parametrize("missing", ["  2         10\n", "    2      3  "])
def test_file_without_fleet_or_with_a_gap_in_its_numbers_is_refused(
    tmp_path: Path, missing: str
) -> None:
    path = tmp_path / "broken.txt"
    path.write_text(TINY.replace(missing, "words "), encoding="utf-8")
    with pytest.raises(ValueError, match=r"no instance of Solomon's form"):
        read_vrptw(path)


def test_file_with_a_depot_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.txt"
    path.write_text(TINY.split("    1  ", maxsplit=1)[0], encoding="utf-8")
    with pytest.raises(ValueError, match="no customers"):
        read_vrptw(path)


def test_cost_is_the_length_of_all_routes(tiny: Vrptw) -> None:
    # 0-2-1-0: 3.0 + 4.0 + 5.0, and 0-3-0: 1.4 + 1.4
    assert vrptw_cost(tiny, [[2, 1], [3]]) == 14.8
    assert vrptw_errors(tiny, [[2, 1], [3], []]) == []


@pytest.mark.parametrize(
    ("routes", "error"),
    [
        ([[1], [2], [3]], "3 vehicles of 2"),
        ([[2, 1]], "customer 3 not visited exactly once"),
        ([[2, 1], [3, 3]], "customer 3 not visited exactly once"),
        ([[2, 1], [3, 4]], "unknown customers [4]"),
        ([[2, 1, 3]], "route 1 over capacity"),
    ],
)
def test_checker_names_every_broken_rule(
    tiny: Vrptw, routes: list[list[int]], error: str
) -> None:
    assert error in vrptw_errors(tiny, routes)


def test_checker_waits_for_windows_and_ends_at_the_depot_in_time(tiny: Vrptw) -> None:
    # to 2 by 3.0, waits until 5.0, done 7.0, at 1 by 11.0, done 13.0, home 18.0
    in_time = replace(tiny, due=np.array([180, 110, 50, 300]))
    assert vrptw_errors(in_time, [[2, 1], [3]]) == []
    home_late = replace(tiny, due=np.array([179, 110, 50, 300]))
    assert vrptw_errors(home_late, [[2, 1], [3]]) == ["late at 0"]
    there_late = replace(tiny, due=np.array([180, 109, 50, 300]))
    assert vrptw_errors(there_late, [[2, 1], [3]]) == ["late at 1"]


def test_best_known_cost_is_found_above_and_beside(tmp_path: Path) -> None:
    folder = tmp_path / "family"
    folder.mkdir()
    path = folder / "r1_2_4.txt"
    assert best_known_of(path) is None
    path.with_suffix(".sol").write_text("Route #1: 2 1 \nRoute #2: 3\nCost 14.8\n")
    assert best_known_of(path) == 14.8
    (tmp_path / "best_known.json").write_text('{"C101": 1.0}')
    assert best_known_of(path) == 14.8
    (tmp_path / "best_known.json").write_text('{"R1_2_4": 14.5}')
    assert best_known_of(path) == 14.5
    assert read_solution(path.with_suffix(".sol"))[0] == [[2, 1], [3]]


def test_known_best_solutions_are_legal_and_cost_what_their_files_say() -> None:
    files = sorted(need_shared("bench/solomon").glob("*.sol"))
    assert files
    for solution in files:
        instance = read_vrptw(solution.with_suffix(".txt"))
        routes, cost = read_solution(solution)
        assert vrptw_errors(instance, routes) == []
        assert vrptw_cost(instance, routes) == cost == best_known_of(solution)


def test_our_model_drives_known_best_solutions_for_the_same_cost() -> None:
    solution = need_shared("bench/solomon/R101.sol")
    instance = read_vrptw(solution.with_suffix(".txt"))
    routes, cost = read_solution(solution)
    scheduler = DayScheduler(vrptw.vrptw_problem(instance))
    timings = [
        scheduler.timing(row, tuple(customer - 1 for customer in route))
        for row, route in enumerate(routes)
    ]
    drives_s = [timing.drive_s for timing in timings if timing is not None]
    assert len(drives_s) == len(routes)
    assert sum(drives_s) * vrptw.WEIGHTS.drive_s == round((cost or 0) * 10)


@given(
    family=st.sampled_from(sorted(FAMILIES)),
    seed=st.integers(0, 999),
    num_customers=st.sampled_from([1, 20, 100]),
)
def test_made_instances_can_be_served_one_by_one_and_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    family: str,
    seed: int,
    num_customers: int,
) -> None:
    made = made_vrptw(family, seed, num_customers=num_customers)
    alone = replace(made, num_vehicles=num_customers)
    each = [[customer] for customer in range(1, num_customers + 1)]
    assert vrptw_errors(alone, each) == []
    back = read_vrptw(write_vrptw(made, tmp_path_factory.mktemp("made")))
    assert back.name == made.name
    for name in ("xy", "demand", "ready", "due", "service"):
        assert np.array_equal(getattr(back, name), getattr(made, name))
    again = made_vrptw(family, seed, num_customers=num_customers)
    assert np.array_equal(again.due, made.due)


def test_command_prints_one_object_an_instance(
    tiny_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_file.with_suffix(".sol").write_text("Cost 10.0\n")
    planner = FixedPlanner(((1, 0), (2,)))
    words = [str(tiny_file), "--seconds", "3", "--seed", "7", "--json"]
    code = vrptw.main(words, opened=lambda _: planner)
    row = json.loads(capsys.readouterr().out)
    seconds_total = row.pop("seconds_total")
    assert row == {
        "instance": "tiny",
        "cost": 14.8,
        "best_known": 10.0,
        "gap_percent": 48.0,  # 14.8 / 10.0 - 1
        "routes": [[2, 1], [3]],
        "errors": [],
    }
    assert code == 0
    assert seconds_total >= 0
    assert planner.asked == [(vrptw.WEIGHTS, 3.0, 7)]
    assert planner.closed


def test_command_says_when_a_result_breaks_rules(
    tiny_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planner = FixedPlanner(((1, 0), ()))
    assert vrptw.main([str(tiny_file)], opened=lambda _: planner) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert "customer 3 not visited exactly once" in last
    assert planner.closed


# -- days ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def office_day() -> Day:
    need_shared("bench/days.py")
    return read_day("normal-s1-o5")


def test_day_is_read_from_its_file_or_made_by_its_name(
    tmp_path: Path, office_day: Day
) -> None:
    assert read_day(str(write_day(office_day, tmp_path))) == office_day
    whole = read_day("normal-s1")
    assert days_module().restrict(whole, 5) == office_day
    for name in ("normal", "normal-sx", "normal-s1-z3", "nowhere.json"):
        with pytest.raises(ValueError, match="no file and no name"):
            read_day(name)


def test_evaluator_that_is_not_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIDOHAN_SHARED", str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "_bench_days", raising=False)
    with pytest.raises(FileNotFoundError):
        days_module()


def test_only_appointments_have_windows_and_everybody_may_come(
    office_day: Day,
) -> None:
    problem = days.day_problem(office_day)
    kinds = [visit["kind"] for visit in office_day["visits"]]
    assert "appointment" in kinds
    offices = {team_day.team.office_id for team_day in problem.team_days}
    for visit, kind in zip(problem.visits, kinds, strict=True):
        assert visit.is_promised == (kind == "appointment")
        assert visit.allowed_office_ids == offices


@given(st.randoms(use_true_random=False))
def test_our_model_calls_legal_what_the_evaluator_calls_legal(
    office_day: Day, rng: random.Random
) -> None:
    """And drives, works and is late as long: the weights are exactly J."""
    scheduler = DayScheduler(days.day_problem(office_day))
    visits = rng.sample(range(len(office_day["visits"])), rng.randint(1, 9))
    visits.sort(key=lambda visit: office_day["visits"][visit]["tw"])
    for row, crew in enumerate(office_day["crews"]):
        timing = scheduler.timing(row, tuple(visits))
        placed = days_module().schedule(office_day, crew, visits)
        load = sum(office_day["visits"][visit]["demand"] for visit in visits)
        assert (timing is not None) == (placed is not None and load <= crew["cap"])
        if timing is None or placed is None:
            continue
        assert timing.drive_s == placed["travel"]
        assert timing.work_s == placed["work"]
        if not any(placed["late"]):  # else lunch may be chosen by other levels
            assert timing.overtime_s == placed["ot"]


def test_weights_are_the_evaluators_in_three_hundredths_of_a_minute() -> None:
    need_shared("bench/days.py")
    told = days_module().W
    for prio, urgency in days.URGENCY.items():
        assert days.WEIGHTS.drop[urgency] == told["un"][prio] * 300
        assert days.WEIGHTS.late_s[urgency] == told["late"][prio] * 5
    assert days.WEIGHTS.drive_s == told["travel"] * 5
    assert days.WEIGHTS.overtime_s == told["ot"] * 5
    assert days.WEIGHTS.balance_s == round(told["bal"] * 5)


def test_days_command_prints_name_seconds_and_routes_by_crew(
    office_day: Day, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cores: list[int] = []
    planner = FixedPlanner(((), (3,)))

    def opened(processes: int) -> FixedPlanner:
        cores.append(processes)
        return planner

    source = str(write_day(office_day, tmp_path))
    words = [source, source, "--judge", "--json", "--memory"]
    assert days.main(words, opened=opened) == 0
    *rows, memory = map(json.loads, capsys.readouterr().out.splitlines())
    assert [row["name"] for row in rows] == ["normal-s1-o5"] * 2
    assert rows[0]["routes"] == [[], [3]]
    assert rows[0]["J"] == judged(office_day, [[], [3]])["J"]
    assert rows[0]["seconds_total"] >= 0
    assert memory["peak_mb"] > 0
    assert cores == [1]  # an office's day is searched on one core
    assert planner.closed


def test_days_command_says_when_a_judged_day_breaks_rules(
    office_day: Day, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(write_day(office_day, tmp_path))
    twice = FixedPlanner(((3,), (3,)))
    assert days.main([source, "--judge"], opened=lambda _: twice) == 1
    assert "('dup', 3)" in capsys.readouterr().out
    assert days.main([source], opened=lambda _: twice) == 0  # nobody asked


def test_city_is_searched_on_two_cores_where_there_are_two(
    office_day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = read_day("normal-s1")
    for free, cores in (({0}, 1), ({0, 1}, 2), ({0, 1, 2}, 2)):
        monkeypatch.setattr("os.sched_getaffinity", _answers(free))
        assert days.cores_for(city) == cores
        assert days.cores_for(office_day) == 1


def _answers(free: set[int]) -> Callable[[int], set[int]]:
    return lambda _: free


def test_offices_plans_are_put_together_by_the_citys_ids(office_day: Day) -> None:
    city = read_day("normal-s1")
    whole = combined(city, [(office_day, [[0, 1], [2]])])
    ids = [visit["id"] for visit in city["visits"] if visit["office"] == 5]
    crews = [crew["id"] for crew in city["crews"] if crew["office"] == 5]
    assert [whole[crew] for crew in crews] == [ids[:2], ids[2:3]]
    assert list(itertools.chain(*whole)) == ids[:3]
