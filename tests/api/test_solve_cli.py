"""kidohan solve, check and replay, from file to file."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from typer.testing import CliRunner, Result

from api import solve_cli
from api.main import LEAN
from api.plan_schemas import plan_text
from api.solve_cli import StoppableSolver, cli
from dispatch.adapters.database import open_database
from dispatch.adapters.plan_record import recorded
from dispatch.adapters.problem_codec import alone, day_json
from dispatch.adapters.sql_store import SqlStore
from dispatch.best_so_far import TAKEN
from dispatch.domain.checks import violations
from dispatch.domain.errors import CancelledError, InvalidInputError, NotFoundError
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import Order
from dispatch.domain.told_plan import told_plan
from dispatch.ports import (
    OnProgress,
    Progress,
    SearchOutcome,
    SearchParams,
    WorkStep,
)
from tests.api.test_problem_schemas import SMALL
from tests.api.test_vroom_format import given_body
from tests.builders import catalogue, day_problem, silent, team, team_day, visit
from tests.dispatch.test_sql_store import stored_plan
from tests.fake_solver import GreedySolver

WORK = (WorkStep(name="greedy", counts=(1,)),)


@pytest.fixture(autouse=True)
def _hears_ctrl_c() -> Iterator[None]:
    """Listen to Ctrl-C: a test run in the background is started deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ctrl_c() -> None:
    """Press it when the first thread waits: the signal reaches that one."""
    time.sleep(0.3)
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


class Processes:
    """Stands for the solving processes: greedy, in this one; or stopped by hand."""

    tells: ClassVar[tuple[Order, ...] | None] = None
    stops: ClassVar[bool] = False
    asked: ClassVar[list[SearchParams]] = []

    def __init__(self, processes: int) -> None:
        assert processes > 0
        self.cancelled = threading.Event()

    def search(
        self,
        problem: DayProblem,
        params: SearchParams,
        on_progress: OnProgress,
        *,
        start: Sequence[Order] = (),
    ) -> SearchOutcome:
        self.asked.append(params)
        on_progress(Progress(step="探しています", done=0.5, orders=self.tells))
        if self.stops:
            ctrl_c()
            self.cancelled.wait()
            message = "cancelled"
            raise CancelledError(message)
        found = GreedySolver().search(problem, params, on_progress, start=start)
        return replace(found, work=WORK)

    def cancel(self) -> None:
        self.cancelled.set()

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(autouse=True)
def processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No process, no installation: files and a database of this test alone."""
    monkeypatch.setenv("KIDOHAN_DATABASE_URL", f"sqlite:///{tmp_path / 'store.db'}")
    monkeypatch.setattr(solve_cli, "PortfolioSolver", Processes)
    monkeypatch.setattr(Processes, "asked", [])


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


def failed(result: Result) -> BaseException:
    assert result.exception is not None
    return result.exception


def two_visits() -> DayProblem:
    return day_problem([(visit("a"), 10), (visit("b"), 30)])


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    file = tmp_path / "problem.json"
    file.write_text(day_json(alone(two_visits())), encoding="utf-8")
    return file


def test_a_problem_is_solved_checked_and_made_again(
    problem: Path, tmp_path: Path
) -> None:
    out = tmp_path / "plan.json"
    solved = run("solve", problem, "-o", out, "--seconds", 2, "--seed", 5, "--limit", 9)
    assert solved.exit_code == 0, solved.output
    assert "訪問 2、残り 0" in solved.output
    params = SearchParams(time_limit_s=2.0, seed=5, iterations=9)
    assert Processes.asked == [params]
    body = json.loads(out.read_text(encoding="utf-8"))
    assert body["record"]["work"] == [{"name": "greedy", "counts": [1]}]
    assert body["seed"] == 5

    checked = run("check", problem, out)
    assert checked.exit_code == 0, checked.output
    assert "違反 0" in checked.output

    again = run("replay", out, "--problem", problem)
    assert again.exit_code == 0, again.output
    assert "同じ計画になりました" in again.output
    assert Processes.asked[-1] == replace(params, work=WORK)


def test_the_same_search_writes_the_same_bytes(problem: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    for out in (first, second):
        assert run("solve", problem, "--out", out).exit_code == 0
    assert first.read_bytes() == second.read_bytes()


def test_a_problem_written_by_hand_is_planned_by_straight_lines(tmp_path: Path) -> None:
    problem, out = tmp_path / "small.json", tmp_path / "plan.json"
    problem.write_text(SMALL, encoding="utf-8")
    result = run("solve", problem, "-o", out)
    assert result.exit_code == 0, result.output
    assert "推定(直線)" in result.output
    assert json.loads(out.read_text(encoding="utf-8"))["travel_level"] == (
        "straight_line"
    )


def test_a_plan_that_breaks_a_rule_is_told_with_exit_code_3(
    problem: Path, tmp_path: Path
) -> None:
    body = json.loads(plan_text(told_plan(two_visits(), [(0, 1)])))
    body["routes"][0]["overtime_s"] = 60
    out = tmp_path / "plan.json"
    out.write_text(json.dumps(body), encoding="utf-8")
    result = run("check", problem, out)
    assert result.exit_code == 3
    assert "違反 t1 overtime told" in result.output
    assert "違反 1" in result.output


def test_a_plan_is_written_for_vroom_to_judge(problem: Path, tmp_path: Path) -> None:
    out, judged = tmp_path / "plan.json", tmp_path / "vroom.json"
    out.write_text(plan_text(told_plan(two_visits(), [(0, 1)])), encoding="utf-8")
    assert run("check", problem, out, "--vroom", judged).exit_code == 0
    steps = json.loads(judged.read_text(encoding="utf-8"))["vehicles"][0]["steps"]
    assert [step["type"] for step in steps] == ["start", "job", "job", "break", "end"]


def test_vroom_in_is_vroom_out(tmp_path: Path) -> None:
    problem, out = tmp_path / "vroom.json", tmp_path / "answer.json"
    problem.write_text(json.dumps(given_body()), encoding="utf-8")
    result = run("solve", problem, "-o", out, "--format", "vroom")
    assert result.exit_code == 0, result.output
    answer = json.loads(out.read_text(encoding="utf-8"))
    assert (answer["code"], answer["summary"]["unassigned"]) == (0, 0)


def test_a_bad_problem_is_an_input_error(tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text("{}", encoding="utf-8")
    result = run("solve", file, "-o", tmp_path / "plan.json")
    assert isinstance(failed(result), InvalidInputError)
    assert not (tmp_path / "plan.json").exists()


# -- again -----------------------------------------------------------------------------


def put_in_store(
    tmp_path: Path, *, turned: bool = False, with_input: bool = True
) -> None:
    """Store what the solver of these tests finds, or the same order turned round."""
    engine = open_database(f"sqlite:///{tmp_path / 'store.db'}")
    day, params = alone(two_visits()), SearchParams()
    (order,) = GreedySolver().search(day.problem, params, silent).orders
    record, text = recorded(day, params, WORK)
    told = told_plan(day.problem, [order[::-1] if turned else order])
    plan = replace(told, seed=params.seed, method="greedy")
    stored = replace(stored_plan("p1", plan), record=record)
    SqlStore(engine, catalogue()).add_plan(stored, text if with_input else None)
    engine.dispose()


def test_a_stored_plan_is_made_again_from_its_stored_input(tmp_path: Path) -> None:
    put_in_store(tmp_path)
    result = run("replay", "p1")
    assert result.exit_code == 0, result.output
    assert "同じ計画になりました" in result.output
    assert "違い" not in result.output


def test_another_plan_is_told_with_exit_code_3(tmp_path: Path) -> None:
    put_in_store(tmp_path, turned=True)
    result = run("replay", "p1")
    assert result.exit_code == 3
    assert "違う計画になりました" in result.output


def test_what_changed_since_is_named(problem: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan.json"
    assert run("solve", problem, "-o", out).exit_code == 0
    body = json.loads(out.read_text(encoding="utf-8"))
    body["record"]["versions"]["numpy"] = "0.1"
    body["record"]["matrix_sha256"] = "0" * 64
    out.write_text(json.dumps(body), encoding="utf-8")
    result = run("replay", out, "--problem", problem)
    assert result.exit_code == 0
    lines = [line for line in result.output.splitlines() if line.startswith("違い")]
    assert lines[0].startswith("違い numpy: 0.1 → ")
    assert lines[1].startswith("違い 所要時間行列: 000000000000… → ")
    assert len(lines) == 2


def test_plans_without_a_record_or_an_input_cannot_be_made_again(
    problem: Path, tmp_path: Path
) -> None:
    put_in_store(tmp_path, with_input=False)
    assert "保存されていない" in str(failed(run("replay", "p1")))
    assert isinstance(failed(run("replay", "nothing")), NotFoundError)
    out = tmp_path / "plan.json"
    out.write_text(plan_text(told_plan(two_visits(), [(0, 1)])), encoding="utf-8")
    assert "record" in str(failed(run("replay", out, "--problem", problem)))


# -- stopped by hand -------------------------------------------------------------------


def test_ctrl_c_takes_the_best_plan_so_far(
    problem: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Processes, "stops", True)
    monkeypatch.setattr(Processes, "tells", ((1,),))
    out = tmp_path / "plan.json"
    result = run("solve", problem, "-o", out)
    assert result.exit_code == 0, result.output
    assert "途中で止めました" in result.output
    body = json.loads(out.read_text(encoding="utf-8"))
    assert [stop["visit_id"] for stop in body["routes"][0]["stops"]] == ["b"]
    assert body["method"].startswith(TAKEN)


@pytest.mark.parametrize("told", [None, ((),)])
def test_ctrl_c_before_there_is_a_plan_ends_as_a_shell_expects(
    problem: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    told: tuple[Order, ...] | None,
) -> None:
    monkeypatch.setattr(Processes, "stops", True)
    monkeypatch.setattr(Processes, "tells", told)
    out = tmp_path / "plan.json"
    result = run("solve", problem, "-o", out)
    assert result.exit_code == 130
    assert "中止しました" in result.output
    assert not out.exists()


def test_teams_that_begin_together_have_their_moment_in_what_was_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Processes, "stops", True)
    monkeypatch.setattr(Processes, "tells", ((0,), (0,)))
    days = [team_day(), team_day(team("t2"))]
    pair = day_problem([(visit("pair", num_teams=2), 10)], days=days)
    inner = Processes(1)
    solver = StoppableSolver(inner)
    outcome = solver.search(pair, SearchParams(), silent)
    assert outcome.cut_short
    assert solver.was_stopped
    assert inner.cancelled.is_set()
    plan = told_plan(pair, outcome.orders, starts=outcome.starts)
    assert outcome.starts.keys() == {0}
    assert violations(pair, plan) == ()


def test_to_cancel_the_solver_cancels_the_one_inside() -> None:
    inner = GreedySolver()
    StoppableSolver(inner).cancel()
    with pytest.raises(CancelledError):
        inner.search(two_visits(), SearchParams(), silent)


def test_the_commands_start_without_the_web() -> None:
    names = {
        command.callback.__name__
        for command in cli.registered_commands
        if command.callback
    }
    assert names == {"solve", "check", "replay"}
    assert all(LEAN[name] == "api.solve_cli" for name in names)
