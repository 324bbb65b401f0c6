"""The bars' own parts: the exact optimum, the repair, the rivals' tasks, verdicts."""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.benchmarks import planner_bars, rivals
from tests.benchmarks.exact_small import proven_optimum
from tests.benchmarks.instances import (
    Day,
    Routes,
    judged,
    made_vrptw,
    read_day,
    small_day,
    vrptw_errors,
    write_vrptw,
)
from tests.benchmarks.planner_bars import Bars, VrptwLimits
from tests.benchmarks.repair import mended
from tests.benchmarks.rival_tasks import day_task, vrptw_task
from tests.shared_data import need_shared


@pytest.fixture(scope="module", autouse=True)
def _evaluator() -> None:
    need_shared("bench/days.py")


# -- exact optimum ---------------------------------------------------------------------


def every_plan(num_visits: int) -> Iterator[Routes]:
    """Every choice, order and split of the visits over two crews."""
    for count in range(num_visits + 1):
        for chosen in itertools.permutations(range(num_visits), count):
            for cut in range(count + 1):
                yield [list(chosen[:cut]), list(chosen[cut:])]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    num_visits=st.integers(1, 4),
    times_longer=st.integers(1, 6),
    office=st.integers(0, 7),
)
def test_proven_optimum_is_the_best_of_all_plans(
    seed: int, num_visits: int, times_longer: int, office: int
) -> None:
    day = small_day(seed, num_visits=num_visits, office=office)
    for visit in day["visits"]:  # so that lunch, lateness and overtime are in the way
        visit["svc"] *= times_longer
    verdicts = (judged(day, routes) for routes in every_plan(num_visits))
    best = min(verdict["J"] for verdict in verdicts if not verdict["viol"])
    proven = proven_optimum(day)
    # the evaluator rounds to one decimal
    assert proven.j == pytest.approx(best, abs=0.051)
    assert judged(day, proven.routes)["viol"] == []
    assert judged(day, proven.routes)["J"] == pytest.approx(proven.j, abs=0.051)


def test_optimum_between_two_offices_has_no_spread_to_pay() -> None:
    day = small_day(3, num_visits=4, office=2)
    day["offices"].append(dict(day["offices"][0], id=1))
    # the second office stands where the first does: rows and columns doubled
    day["T"] = [[line[0], *line] for line in [day["T"][0], *day["T"]]]
    day["crews"][1]["office"] = 1
    verdicts = (judged(day, routes) for routes in every_plan(4))
    best = min(verdict["J"] for verdict in verdicts if not verdict["viol"])
    assert proven_optimum(day).j == pytest.approx(best, abs=0.051)


def test_too_many_visits_or_crews_for_a_proof_are_refused() -> None:
    with pytest.raises(ValueError, match="2 crews, 13 visits"):
        proven_optimum(small_day(1, num_visits=13, office=0))
    day = small_day(1, num_visits=3, office=0)
    day["crews"].pop()
    with pytest.raises(ValueError, match="1 crews, 3 visits"):
        proven_optimum(day)


# -- repair ----------------------------------------------------------------------------


@settings(max_examples=8, deadline=None)
@given(
    rng=st.randoms(use_true_random=False),
    name=st.sampled_from(["normal-s1-o5", "storm-s2-o0", "normal-s2-o3"]),
)
def test_mended_routes_are_legal_whatever_they_were(
    rng: random.Random, name: str
) -> None:
    day = read_day(name)
    visits = list(range(len(day["visits"])))
    rng.shuffle(visits)
    routes = [visits[row::9][:7] for row in range(len(day["crews"]))]
    cut = mended(day, routes, insert=False)
    whole = mended(day, routes)
    assert judged(day, cut)["viol"] == judged(day, whole)["viol"] == []
    assert judged(day, whole)["served"] >= judged(day, cut)["served"]
    for kept, route in zip(cut, routes, strict=True):
        assert kept == [visit for visit in route if visit in kept]


# -- rivals ----------------------------------------------------------------------------


def test_compressed_clock_has_no_lunch_and_hard_due_times_are_windows() -> None:
    day = read_day("normal-s1-o5")
    plain = day_task(day, compressed=False, hard_due=False)
    cut = day_task(day, compressed=True, hard_due=True)
    assert plain.lunch == (41_400, 48_600, 2_700)  # 11:30 to 13:30, 45 minutes
    assert cut.lunch is None
    # 17:30 without 45 minutes is 16:45, 60,300 s after midnight
    assert {crew.end_s for crew in cut.crews} == {60_300}
    for visit, soft, hard in zip(day["visits"], plain.jobs, cut.jobs, strict=True):
        assert soft.due_s == visit["due"]
        assert hard.due_s is None
        if visit["due"] and visit["due"] <= 43_200:
            assert hard.last_s == visit["due"]
        assert (soft.crews is None) == (visit["skill"] is None)


@pytest.mark.parametrize("rival", ["default", "ils"])
def test_or_tools_answers_are_legal(rival: str, tmp_path: Path) -> None:
    # Not a family of tight fleets: the defaults find no plan there.
    instance = made_vrptw("c2", 5, num_customers=20)
    source = str(write_vrptw(instance, tmp_path))
    row = rivals.rival_row(rival, source, seconds=0.5, seed=1)
    assert row["errors"] == []
    assert vrptw_errors(instance, row["routes"]) == []
    day = rivals.rival_row(rival, "normal-s2-o3", seconds=0.5, seed=1)
    verdict = judged(read_day("normal-s2-o3"), day["routes"])
    assert verdict["viol"] == []
    assert verdict["served"] > 0


def test_every_customer_is_a_job_that_must_be_served() -> None:
    task = vrptw_task(made_vrptw("c2", 1, num_customers=20))
    assert [job.node for job in task.jobs] == list(range(1, 21))
    assert {job.drop for job in task.jobs} == {None}
    assert len(task.crews) == 5  # one for every fourth


@pytest.mark.parametrize("rival", ["pyvrp", "vroom"])
def test_solver_that_is_not_installed_is_told(
    rival: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> ModuleType:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    assert rivals.main([rival, "normal-s2-o3", "--seconds", "0.1"]) == 0
    assert json.loads(capsys.readouterr().out) == {"absent": rival}


@pytest.mark.parametrize("rival", ["pyvrp", "vroom"])
def test_answers_of_other_solvers_are_legal(rival: str, tmp_path: Path) -> None:
    pytest.importorskip(rival)
    source = str(write_vrptw(made_vrptw("rc1", 2, num_customers=20), tmp_path))
    row = rivals.rival_row(rival, source, seconds=0.5, seed=1)
    assert row["errors"] == []
    day = rivals.rival_row(rival, "storm-s2-o0", seconds=1.0, seed=1)
    assert judged(read_day("storm-s2-o0"), day["routes"])["viol"] == []


# -- verdicts --------------------------------------------------------------------------


class FakePrograms:
    """Answers in place of the programs that the bars start."""

    def __init__(self, costs: dict[str, float | None]) -> None:
        self.costs = costs

    def __call__(self, program: str, args: list[str], _: int) -> list[dict[str, Any]]:
        if program == "rivals":
            if self.costs[args[0]] is None:
                return [{"absent": args[0]}]
            if self.costs[args[0]] == 0:
                raise subprocess.TimeoutExpired(args, 1)
            return [self.row(args[0])]
        return [self.row("ours")]

    def row(self, who: str) -> dict[str, Any]:
        cost = self.costs[who]
        errors = [] if cost else ["customer 1 not visited exactly once"]
        return {"instance": "x", "cost": cost, "best_known": 100.0, "errors": errors}


def run_vrptw(
    costs: dict[str, float | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Bars, list[str]]:
    lines: list[str] = []
    monkeypatch.setattr(planner_bars, "_output", FakePrograms(costs))
    bars = Bars(folder=tmp_path, tell=lines.append)
    limits = VrptwLimits(seconds=1, mean_percent=1.5, above_pyvrp=1.0)
    bars.vrptw("toy", ["x.txt", "y.txt"][:1], limits)
    return bars, lines


def test_gap_within_both_bars_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: dict[str, float | None]
    costs = {"ours": 101.0, "pyvrp": 100.5, "vroom": None, "default": 0, "ils": 104.0}
    bars, lines = run_vrptw(costs, tmp_path, monkeypatch)
    # ours 1.00 %, PyVRP 0.50 %: half a point above
    assert [v.passed for v in bars.verdicts] == [True, True, True]
    assert bars.verdicts[1].figure == "1.00 %"
    assert bars.verdicts[2].figure == "+0.50"
    assert any("vroom: not installed" in line for line in lines)
    assert any("default: no answer (TimeoutExpired)" in line for line in lines)
    assert any("above ils: -3.00 points" in line for line in lines)


def test_gap_beyond_a_bar_fails_and_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: dict[str, float | None]
    costs = dict.fromkeys(("vroom", "default", "ils"), None)
    costs |= {"ours": 102.0, "pyvrp": 100.5}
    bars, lines = run_vrptw(costs, tmp_path, monkeypatch)
    assert [v.passed for v in bars.verdicts] == [True, False, False]
    assert any(line.startswith("FAIL") for line in lines)


def test_unsolved_instance_fails_and_counts_as_a_broken_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: dict[str, float | None]
    costs = dict.fromkeys(("ours", "pyvrp", "vroom", "default", "ils"), None)
    bars, _ = run_vrptw(costs, tmp_path, monkeypatch)
    assert [v.passed for v in bars.verdicts] == [False]
    assert bars.broken_rules == ["x: customer 1 not visited exactly once"]
    assert [v.passed for v in bars.run([])] == [False, False]


def test_offices_are_compared_with_the_best_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = read_day("normal-s2-o3")
    best = mended(day, [[] for _ in day["crews"]])
    best_j, worse_j = judged(day, best)["J"], judged(day, [*best[:-1], []])["J"]

    def output(program: str, args: list[str], _: int) -> list[dict[str, Any]]:
        if program == "rivals" and args[0] != "ils":
            return [{"absent": args[0]}]
        routes = best if program == "rivals" else [*best[:-1], []]
        return [{"name": day["name"], "routes": routes}]

    monkeypatch.setattr(planner_bars, "_output", output)
    bars = Bars(folder=tmp_path, tell=lambda _: None)
    bars.offices("toy", ["normal-s2-o3"], mean_bar=1.01, worst_bar=None)
    assert [v.figure for v in bars.verdicts] == [f"{worse_j / best_j:.4f}"]
    assert not bars.verdicts[0].passed
    bars.offices("toy", ["normal-s2-o3"], mean_bar=1e9, worst_bar=1e9)
    assert [v.passed for v in bars.verdicts] == [False, True, True]


@pytest.mark.parametrize("is_best", [True, False])
def test_small_days_pass_when_all_have_their_optimum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_best: bool
) -> None:
    def output(_: str, args: list[str], num_lines: int) -> list[dict[str, Any]]:
        found = [json.loads(Path(source).read_text()) for source in args[:num_lines]]
        routes: list[Routes]
        routes = [proven_optimum(day).routes if is_best else [[], []] for day in found]
        return [
            {"name": day["name"], "routes": rows}
            for day, rows in zip(found, routes, strict=True)
        ]

    monkeypatch.setattr(planner_bars, "_output", output)
    bars = Bars(folder=tmp_path, tell=lambda _: None, limit=2)
    bars.small()
    assert [v.passed for v in bars.verdicts] == [is_best]
    assert bars.verdicts[0].figure == ("2/2" if is_best else "0/2")


def test_pinning_ends_with_its_block() -> None:
    before = os.sched_getaffinity(0)
    with planner_bars.pinned(1):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before


def test_unknown_row_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        planner_bars.main(["--rows", "small,nothing"])
    assert "no such rows: nothing" in capsys.readouterr().err


def test_program_that_ends_without_results_is_an_error(tmp_path: Path) -> None:
    day: Day = {"name": "none"}
    missing = tmp_path / f"{day['name']}.json"
    bars = Bars(folder=tmp_path, tell=lambda _: None)
    with pytest.raises(ValueError, match="days ended with 1 after 0 results"):
        bars.ours("days", [str(missing)], 0.1)
