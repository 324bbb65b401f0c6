"""The command line: kidohan and its commands."""

from __future__ import annotations

import datetime as dt
import secrets
import shutil
import socket
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from api.access_cli import account_cli, key_cli
from api.app import create_app
from api.database_cli import database_cli
from api.day_run import (
    MAP_FOLDER,
    SHEET_FOLDER,
    SUMMARY_FILE,
    StepTimes,
    run_day,
)
from api.demo_day import WHO, bring_in
from api.export_cli import export
from api.geocode_cli import geocode
from api.geodata_cli import geodata_cli
from api.geodata_wiring import prepare_bundle
from api.import_file import Row, read_rows
from api.import_mapping import ImportMapping, read_mapping
from api.importer import Importer, ImportReport
from api.numbers_cli import numbers
from api.photos_cli import photos_cli
from api.pooling import pooled
from api.progress import bars
from api.roads_cli import roads_cli
from api.sandbox import require_sandbox, serve_sandbox
from api.serving import run_server
from api.settings import PREFIX, Settings, SignInMode, load_settings
from api.solve_cli import check, replay, solve
from api.staff_cli import staff_cli
from api.summary import print_summary
from api.vault_cli import vault_cli
from api.webhook_cli import webhook_cli
from api.wiring import Services, open_services
from dispatch.adapters.clocks import DemoClock
from dispatch.adapters.portfolio_solver import PortfolioSolver
from dispatch.adapters.vault_opening import KEY_FILE
from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.travel import TravelLevel, level_text
from dispatch.ports import Clock
from geodata.bundle.national import build_national
from geodata.bundle.records import Layer
from geodata.city import load_city
from geodata.demo_day import DemoParams, demo_consultations

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Kidōhan (機動班): from a resident's consultation to a printed route sheet.",
)
cli.add_typer(database_cli, name="database")
cli.add_typer(vault_cli, name="vault")
cli.add_typer(webhook_cli, name="webhook")
cli.add_typer(photos_cli, name="photos")
cli.add_typer(staff_cli, name="staff")
cli.add_typer(account_cli, name="account")
cli.add_typer(key_cli, name="key")
cli.add_typer(roads_cli, name="roads")
cli.add_typer(geodata_cli, name="geodata")
cli.command()(geocode)
cli.command()(numbers)
cli.command()(export)
for command in (solve, check, replay):
    cli.command()(command)
console = Console()
SHOWN_REFUSALS = 20
NO_ACCOUNTS = (
    "利用者がまだいません。別の画面で、はじめのシステム管理を登録してください:\n"
    "  kidohan account add admin --name システム管理 --role administrator"
)
DEMO_OPENS = dt.time(8, 50)
DATABASE_FILE = "kidohan.sqlite3"

StormOption = Annotated[
    bool, typer.Option("--storm", help="a storm day: three times as many")
]
ServeOption = Annotated[
    bool, typer.Option("--serve/--no-serve", help="serve the pages afterwards")
]
SandboxOption = Annotated[
    bool, typer.Option("--sandbox", help="a throw-away store with the demo's day")
]
OutOption = Annotated[Path, typer.Option("--out", help="folder to write into")]


@cli.command()
def prepare() -> None:
    """Make the small city data and compile the search, once at set-up."""
    settings = load_settings()
    profile = load_city(settings.city)
    build_national(profile, settings.national_data_dir)
    made = prepare_bundle(settings, profile)
    wards, districts = (
        sum(made.counts.get(layer, {}).values())
        for layer in (Layer.WARDS, Layer.DISTRICTS)
    )
    is_rough = any(source.is_approximate for source in made.sources)
    console.print(
        f"{profile.name}: 区 {wards}、校区 {districts}{'(近似)' if is_rough else ''}"
        f" → {settings.city_data_dir}"
    )
    solver = PortfolioSolver(processes=1).warm()
    try:
        solver.await_ready()
    finally:
        solver.close()
    console.print("計画の探索: 使えます")


@cli.command(name="import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV (UTF-8, CP932) or XLSX")],
    mapping: Annotated[
        Path | None, typer.Option(help="mapping file for a foreign format (TOML)")
    ] = None,
    received_at: Annotated[
        str, typer.Option(help="aware time for rows that say none")
    ] = "",
    month: Annotated[
        int, typer.Option(help="only rows of this month, of any year", min=0, max=12)
    ] = 0,
    as_if_on: Annotated[
        str, typer.Option(help="with --month: they arrive in the night before this day")
    ] = "",
    report: Annotated[
        Path | None, typer.Option(help="write the refused rows as CSV here")
    ] = None,
) -> None:
    """Import consultations from a file: good rows are kept, others are reported."""
    settings = load_settings()
    moment = _moment(received_at) if received_at else None
    with open_services(settings) as services:
        rules = read_mapping(mapping) if mapping is not None else ImportMapping()
        rows = read_rows(file.name, _content(file, settings))
        if month:
            day = _day(as_if_on, "--as-if-on")
            rows = pooled(
                rows, rules, month=month, onto=day, hours=services.profile.hours
            )
        result = _import(services, rows, rules, moment)
    _print_import(result, report)


def _import(
    services: Services,
    rows: list[Row],
    mapping: ImportMapping,
    moment: dt.datetime | None,
) -> ImportReport:
    importer = Importer(services.intake, services.clock, services.profile.timezone)
    with bars(console) as told:
        return importer.run(
            rows,
            mapping,
            received_at=moment,
            told=lambda done: told("取り込んでいます", done / max(1, len(rows))),
        )


def _print_import(result: ImportReport, report: Path | None) -> None:
    console.print(
        f"{result.rows}行: 追加 {result.added}、登録済み {result.known}、"
        f"受け付けなかった行 {len(result.refused)}"
    )
    for refusal in result.refused[:SHOWN_REFUSALS]:
        console.print(f"  {refusal.row}行目 {refusal.field}: {refusal.problem}")
    if len(result.refused) > SHOWN_REFUSALS:
        console.print(f"  ほか {len(result.refused) - SHOWN_REFUSALS}行")
    if report is not None:
        lines = ["row,field,problem"]
        lines += [f'{r.row},{r.field},"{r.problem}"' for r in result.refused]
        report.write_text("\n".join(lines) + "\n", encoding="utf-8-sig")


@cli.command()
def plan(
    date: Annotated[str, typer.Argument(help="day to plan, 2026-11-24")],
    out: OutOption = Path("out/plan"),
    at: Annotated[
        str, typer.Option(help="plan as of this aware time instead of now")
    ] = "",
    who: Annotated[str, typer.Option(help="in whose name")] = "kidohan plan",
) -> None:
    """Plan a day, publish the plan, draw its maps and print its sheets."""
    day = _day(date, "DATE")
    settings = load_settings()
    clock: Clock | None = DemoClock(_moment(at)) if at else None
    with open_services(settings, clock) as services:
        services.solver.warm()
        with bars(console) as told:
            result = run_day(services, day, out, who=who, times=StepTimes(), told=told)
        print_summary(console, services, result)


@cli.command()
def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "",
    port: Annotated[int, typer.Option(help="port to listen on")] = 0,
    sandbox: SandboxOption = False,  # noqa: FBT002 - a command-line switch
    credentials: Annotated[
        Path | None,
        typer.Option(help="with --sandbox: file that gets its keys and logins"),
    ] = None,
) -> None:
    """Serve the API and the dispatchers' pages."""
    if sandbox:
        _serve_sandbox(credentials, host=host, port=port)
        return
    if credentials is not None:
        raise InvalidInputError("--credentials", "is for --sandbox alone")
    overrides: dict[str, Any] = {}
    if host:
        overrides["host"] = host
    if port:
        overrides["port"] = port
    _serve(load_settings(**overrides))


def _serve_sandbox(credentials: Path | None, *, host: str, port: int) -> None:
    first = load_settings()
    host = host or first.host
    file = require_sandbox(credentials, host=host)
    port = port or _free_port(host)
    _require_free(host, port)
    console.print(f"試験用サービスを準備しています → http://{host}:{port}/sandbox")
    serve_sandbox(file, host=host, port=port)


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@cli.command()
def demo(
    out: OutOption = Path("out/demo"),
    count: Annotated[int, typer.Option(help="consultations", min=1)] = 260,
    seed: Annotated[int, typer.Option(help="of the generator")] = 20261124,
    storm: StormOption = False,  # noqa: FBT002 - a command-line switch
    serve_pages: ServeOption = True,  # noqa: FBT002 - a command-line switch
    port: Annotated[int, typer.Option(help="port to serve on")] = 8000,
) -> None:
    """Play one working day of the city, write everything, then serve the pages."""
    params = DemoParams(count=count, seed=seed, storm=storm)
    settings = _demo_settings(out, params.date, port)
    if serve_pages:
        _require_free(settings.host, settings.port)
    _clear(out)
    times = StepTimes()
    _play(settings, params, out, times)
    if serve_pages:
        key = settings.api_keys.get_secret_value().partition(":")[2]
        console.print(f"[bold]画面 → {settings.base_url}/[/]  (終了は Ctrl+C)")
        console.print(f"API  → {settings.base_url}/docs  X-API-Key: {key}")
        _serve(settings)


def _require_free(host: str, port: int) -> None:
    """Refuse a port that is in use, before any work is done."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            message = (
                "in use by another program; choose another: --port 8080, "
                "KIDOHAN_PORT=8080, or make demo PORT=8080"
            )
            raise InvalidInputError(f"port {port}", message) from None


def _clear(out: Path) -> None:
    """Make room for a new demonstration; only what an earlier one wrote goes."""
    ours = {MAP_FOLDER, SHEET_FOLDER, SUMMARY_FILE, KEY_FILE}
    strangers = [
        item.name
        for item in (out.iterdir() if out.is_dir() else ())
        if item.name not in ours and not item.name.startswith(DATABASE_FILE)
    ]
    if strangers:
        message = (
            f"holds other files ({', '.join(sorted(strangers)[:3])}); choose another"
        )
        raise InvalidInputError(f"--out {out}", message)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)


def _play(settings: Settings, params: DemoParams, out: Path, times: StepTimes) -> None:
    """Bring the day's consultations in through the door, then run the day."""
    with times.step("prepare"):
        services = open_services(settings)
    with services:
        services.solver.warm()
        with bars(console) as told:
            with times.step("generate"):
                told("相談を作っています(合成データ)", 0.0)
                items = demo_consultations(services.profile, services.towns, params)
                told("相談を作っています(合成データ)", 1.0)
            with times.step("intake"):
                bring_in(services, params, items, told)
            result = run_day(
                services, params.date, out, who=WHO, times=times, told=told
            )
        print_summary(console, services, result)


def _demo_settings(out: Path, date: dt.date, port: int) -> Settings:
    first = load_settings()
    timezone = load_city(first.city).timezone
    return load_settings(
        # A new key with every demonstration: one that is printed in a README is none.
        api_keys=f"demo:{secrets.token_urlsafe(12)}",
        database_url=f"sqlite:///{out / DATABASE_FILE}",
        demo_now=dt.datetime.combine(date, DEMO_OPENS, timezone),
        port=port,
        base_url=f"http://{first.host}:{port}",
        sign_in=SignInMode.NONE,  # made-up people; nobody is to be kept out
    )


@cli.command()
def settings() -> None:
    """List every setting, its value now and what it means."""
    now = load_settings()
    for name, info in Settings.model_fields.items():
        line = f"[bold]{PREFIX}{name.upper()}[/]={escape(now.shown(name))}"
        console.print(line, soft_wrap=True)
        console.print(f"    {info.description or ''}", style="dim")


def _serve(now: Settings) -> None:
    _require_free(now.host, now.port)
    app = create_app(now)
    roads = app.state.services.roads
    level = TravelLevel.STRAIGHT_LINE if roads is None else roads.state().level
    console.print(f"{now.base_url}/  移動時間 {level_text(level)}  (終了は Ctrl+C)")
    if now.sign_in is SignInMode.PASSWORD and not app.state.services.accounts.listed():
        console.print(NO_ACCOUNTS, soft_wrap=True)
    run_server(app, host=now.host, port=now.port)


def _content(file: Path, now: Settings) -> bytes:
    try:
        if file.stat().st_size > now.max_import_bytes:
            problem = f"{now.max_import_bytes:,}バイトより大きいファイルです"
            raise InvalidInputError("file", problem)
        return file.read_bytes()
    except OSError as problem:
        message = f"{file}: cannot be read ({problem.strerror})"
        raise SourceError(message) from problem


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.utcoffset() is None:
        raise InvalidInputError("time", "needs an offset: 2026-11-24T09:00:00+09:00")
    return moment


def _day(text: str, option: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(option, "needs a date such as 2026-11-24") from None
