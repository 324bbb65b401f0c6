"""The command line of the planner: kidohan solve | check | replay."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from api.json_files import read_file, write_text
from api.plan_schemas import ReadPlan, plan_text, read_plan, score_lines
from api.problem_schemas import read_problem
from api.progress import bars
from api.road_wiring import straight_lines
from api.settings import Settings, load_settings
from api.vroom_format import VroomDay, read_vroom
from api.vroom_writing import plan_mode_text, vroom_text
from dispatch.adapters.database import open_database
from dispatch.adapters.plan_record import differences, recorded
from dispatch.adapters.portfolio_solver import PortfolioSolver
from dispatch.adapters.problem_codec import day_of_json
from dispatch.adapters.sql_store import SqlStore
from dispatch.best_so_far import BestSoFarSolver
from dispatch.domain.checks import violations
from dispatch.domain.checks_score import counted_score
from dispatch.domain.errors import CancelledError, InvalidInputError
from dispatch.domain.plan import Plan
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import Order
from dispatch.domain.travel import level_text
from dispatch.planning import PlannedDay, plan_day
from dispatch.ports import (
    OnProgress,
    Progress,
    SearchOutcome,
    SearchParams,
    Solver,
    TravelTimes,
)
from dispatch.prepared_day import PreparedDay
from geodata.city import load_city

EXIT_FOUND = 3
EXIT_STOPPED = 130  # as a shell tells a command that Ctrl-C ended

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console()


class FileFormat(StrEnum):
    """In which form problems are read and answers written."""

    KIDOHAN = "kidohan"
    VROOM = "vroom"


ProblemArgument = Annotated[Path, typer.Argument(help="PROBLEM.json")]


class StoppableSolver:
    """
    A solver that Ctrl-C ends with the best orders so far, and that keeps its outcome.

    Parameters
    ----------
    inner
        The solver that searches.
    """

    def __init__(self, inner: Solver) -> None:
        self._best = BestSoFarSolver(inner)
        self.outcome = SearchOutcome(orders=(), method="")
        self.was_stopped = False

    def search(
        self,
        problem: DayProblem,
        params: SearchParams,
        on_progress: OnProgress,
        *,
        start: Sequence[Order] = (),
    ) -> SearchOutcome:
        """Search within the limits; see `dispatch.ports.Solver`."""
        has_orders = threading.Event()

        def told(progress: Progress) -> None:
            if progress.orders is not None and any(progress.orders):
                has_orders.set()  # orders where nobody goes anywhere are no plan
            on_progress(progress)

        # In a thread of its own: Ctrl-C reaches this one, which then stops the other.
        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(
                self._best.search, problem, params, told, start=start
            )
            try:
                self.outcome = running.result()
            except KeyboardInterrupt:
                self.was_stopped = True
                if has_orders.is_set():
                    self._best.take_best()
                else:
                    self._best.cancel()
                self.outcome = running.result()
        return self.outcome

    def cancel(self) -> None:
        """Stop the running search."""
        self._best.cancel()


@cli.command()
def solve(
    problem: ProblemArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="PLAN.json to write")],
    seconds: Annotated[
        float, typer.Option(help="wall time of the search", min=0.1, max=3600)
    ] = 10.0,
    seed: Annotated[int, typer.Option(help="of every random choice")] = 20261124,
    limit: Annotated[
        int | None,
        typer.Option(
            help="iterations instead of seconds, which stay as a guard", min=0
        ),
    ] = None,
    form: Annotated[
        FileFormat, typer.Option("--format", help="of problem and plan")
    ] = FileFormat.KIDOHAN,
) -> None:
    """Plan a day from a file; Ctrl-C takes the best plan so far."""
    settings, text = load_settings(), read_file(problem)
    params = SearchParams(time_limit_s=seconds, iterations=limit, seed=seed)
    vroom: VroomDay | None = None
    if form is FileFormat.VROOM:
        vroom = read_vroom(text, _straight(settings))
        day = vroom.day
    else:
        day = read_problem(text, _straight(settings))
    began_s = time.perf_counter()
    planned, solver = _solved(settings, day, params)
    plan = planned.plan
    solving_ms = round(1000 * (time.perf_counter() - began_s))
    if vroom is not None:
        write_text(out, vroom_text(vroom, plan, solving_ms=solving_ms))
    else:
        record, _ = recorded(day, params, planned.work)
        write_text(out, plan_text(plan, record, levels=day.problem.levels))
    if solver.was_stopped:
        console.print("途中で止めました。それまでの最もよい計画です")
    _show(plan, day.problem)
    console.print(f"→ {escape(str(out))}", soft_wrap=True)


@cli.command()
def check(
    problem: ProblemArgument,
    plan: Annotated[Path, typer.Argument(help="PLAN.json, also one made by hand")],
    vroom: Annotated[
        Path | None, typer.Option(help="write it for VROOM's plan mode (vroom -c)")
    ] = None,
) -> None:
    """Check a plan against its problem; exit code 3 when it breaks a rule."""
    day = read_problem(read_file(problem), _straight(load_settings()))
    read = read_plan(read_file(plan), day.problem).plan
    if vroom is not None:
        write_text(vroom, plan_mode_text(day.problem, read))
        console.print(f"→ {escape(str(vroom))}", soft_wrap=True)
    found = violations(day.problem, read)
    for one in found:
        where = " ".join(filter(None, (one.team_id, one.visit_id)))
        line = (
            f"[bold red]違反[/] {escape(f'{where} {one.rule}: {one.detail}'.strip())}"
        )
        console.print(line, soft_wrap=True, highlight=False)
    _show(replace(read, score=counted_score(day.problem, read)), day.problem)
    console.print(f"違反 {len(found)}")
    if found:
        raise typer.Exit(EXIT_FOUND)


@cli.command()
def replay(
    plan: Annotated[str, typer.Argument(help="id of a stored plan, or PLAN.json")],
    problem: Annotated[
        Path | None, typer.Option(help="PROBLEM.json that a PLAN.json was made from")
    ] = None,
) -> None:
    """Make a plan again by its record; exit code 3 when it comes out otherwise."""
    settings = load_settings()
    if problem is None:
        day, then = _stored(settings, plan)
    else:
        day = read_problem(read_file(problem), _straight(settings))
        then = read_plan(read_file(Path(plan)), day.problem)
    if then.record is None:
        raise InvalidInputError("plan", "作り方の記録(record)がない計画です")
    params = replace(then.record.params, work=then.record.work)
    planned, _ = _solved(settings, day, params)
    now = planned.plan
    record, _ = recorded(day, then.record.params, planned.work)
    for line in differences(then.record, record):
        console.print(f"違い {escape(line)}", soft_wrap=True)
    if plan_text(now) == plan_text(then.plan):
        console.print("同じ計画になりました")
        return
    console.print("[bold red]違う計画になりました[/]")
    console.print("元の計画")
    _show(then.plan, day.problem)
    console.print("作り直した計画")
    _show(now, day.problem)
    raise typer.Exit(EXIT_FOUND)


def _stored(settings: Settings, plan_id: str) -> tuple[PreparedDay, ReadPlan]:
    """Plan of the store with what it was made from."""
    engine = open_database(settings.database_url)
    try:
        store = SqlStore(engine, load_city(settings.city).catalogue)
        stored, text = store.get_plan(plan_id), store.problem_of(plan_id)
    finally:
        engine.dispose()
    if text is None:
        raise InvalidInputError("plan", "計画条件が保存されていない計画です")
    return day_of_json(text), ReadPlan(plan=stored.plan, record=stored.record)


def _solved(
    settings: Settings, day: PreparedDay, params: SearchParams
) -> tuple[PlannedDay, StoppableSolver]:
    inner = PortfolioSolver(settings.solver_processes)
    solver = StoppableSolver(inner)
    try:
        with bars(console) as told:
            planned = plan_day(
                day, solver, params, lambda one: told(one.step, one.done)
            )
    except (CancelledError, KeyboardInterrupt):
        console.print("中止しました。計画はありません")
        raise typer.Exit(EXIT_STOPPED) from None
    finally:
        inner.close()
    return planned, solver


def _straight(settings: Settings) -> Callable[[], TravelTimes]:
    """For files that hold no travel times: the city is read only when one is met."""
    return lambda: straight_lines(load_city(settings.city))


def _show(plan: Plan, problem: DayProblem) -> None:
    """Say what a plan is worth."""
    visits = {stop.visit_id for _, _, stop in plan.stops()}
    console.print(
        f"訪問 {len(visits)}、残り {len(plan.unassigned)}、"
        f"移動時間 {level_text(plan.travel_level)}、{escape(plan.method)}"
    )
    for line in score_lines(plan.score, problem.levels):
        console.print(f"  {line}", soft_wrap=True, highlight=False)
