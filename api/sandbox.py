"""A throw-away installation with the demonstration's day, for developers of clients."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from api.app import create_app
from api.demo_day import WHO, bring_in
from api.routes.sandbox import install_sandbox
from api.serving import run_server
from api.settings import Settings, SignInMode, is_loopback, load_settings
from api.wiring import Services
from dispatch.adapters.account_store import SqlKeys
from dispatch.adapters.clocks import FixedClock
from dispatch.domain.access import Actor, Role
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.key_desk import FOR_KEYS, KeyDesk
from dispatch.ports import StoredPlan
from geodata.city import load_city
from geodata.demo_day import DemoParams, demo_consultations

PREFIX = "kidohan-sandbox-"
LOCK = "lock"
MARK = "kidohan_sandbox"  # first field of a file that a sandbox wrote
OPENS = dt.time(8, 50)
ITERATIONS = "400"  # a plan that is good enough to look at, in a second
PEOPLE = tuple(role for role in Role if role is not Role.INTAKE_SYSTEM)
NEEDED = "give --credentials FILE: keys and logins are written into it"
ENDED = 143  # exit code after SIGTERM, as shells have it
CLIENT, PLAIN, OLD, TAKEN_BACK = "sandbox", "sandbox-plain", "sandbox-old", "sandbox-x"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A day's plan in force, and a chart in it, whose places people are scoped to."""

    plan: StoredPlan
    chart: CaseChart
    office_id: str
    team_id: str
    ward_code: str


def require_sandbox(credentials: Path | None, *, host: str) -> Path:
    """
    Refuse what no sandbox can be served with, before any work is done.

    Parameters
    ----------
    credentials
        File that gets the keys and logins.
    host
        Where to listen: this machine alone.

    Raises
    ------
    InvalidInputError
        Without a file, for a file that is something else, or for an address that other
        machines reach.
    """
    if credentials is None:
        raise InvalidInputError("--credentials", NEEDED)
    require_ours(credentials)
    if not is_loopback(host):
        problem = "a sandbox is for this machine alone: give a loopback address"
        raise InvalidInputError(f"--host {host}", problem)
    return credentials


def serve_sandbox(credentials: Path, *, host: str, port: int) -> None:
    """
    Serve a sandbox until it is told to end; then nothing of it is left.

    Parameters
    ----------
    credentials
        File that gets the keys and logins, once requests are answered.
    host, port
        Where to listen; see `require_sandbox`.
    """
    signal.signal(signal.SIGTERM, _leave)
    credentials.unlink(missing_ok=True)  # of an earlier one: its keys open nothing
    with throw_away_folder() as folder:
        settings = sandbox_settings(folder, host=host, port=port)
        app = create_app(settings)
        services: Services = app.state.services
        services.solver.warm()
        install_sandbox(app)
        told = {**filled(services), **addresses(settings)}

        def tell() -> None:
            write_whole(credentials, {MARK: 1, **told})

        run_server(app, host=host, port=port, on_ready=tell)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(ENDED)


@contextmanager
def throw_away_folder() -> Iterator[Path]:
    """Make a folder that goes at the end, and clear those whose process was killed."""
    for other in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        _clear_dead(other)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # held for as long as the process lives
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _clear_dead(folder: Path) -> None:
    try:
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return  # it is in use, being made, or somebody else's


def sandbox_settings(folder: Path, *, host: str, port: int) -> Settings:
    """Make settings that touch nothing of an installation's own store."""
    first = load_settings()
    timezone = load_city(first.city).timezone
    return load_settings(
        host=host,
        port=port,
        base_url=f"http://{host}:{port}",
        database_url=f"sqlite:///{folder / 'sandbox.sqlite3'}",
        vault_key_file=folder / "vault.key",
        photos_dir=folder / "photos",
        imports_dir=folder / "imports",
        api_keys="",
        key_rate="6000/minute",  # a test suite is no storm
        sign_in=SignInMode.PASSWORD,
        oidc_issuer="",
        demo_now=dt.datetime.combine(DemoParams().date, OPENS, timezone),
        plan_iterations=ITERATIONS,
    )


def filled(services: Services) -> dict[str, Any]:
    """Bring the day in, plan it, make keys and logins; return what to tell."""
    params = DemoParams()
    items = demo_consultations(services.profile, services.towns, params)
    bring_in(services, params, items, _quiet)
    plan = services.planning.make(
        params.date, services.search_params(), lambda _progress: None, who=WHO
    )
    sample = _sample(services, services.planning.publish(plan.id, who=WHO))
    return {
        "now": services.clock.now().isoformat(),
        **_keys(services),
        "logins": {str(role): _login(services, role, sample) for role in PEOPLE},
        "samples": {
            "plan_date": params.date.isoformat(),
            "plan_id": sample.plan.id,
            "chart_id": sample.chart.id,
            "office_id": sample.office_id,
            "team_id": sample.team_id,
            "ward_code": sample.ward_code,
            "category": sample.chart.consultation.category_code,
            "address": sample.chart.consultation.address_text,
        },
    }


def addresses(settings: Settings) -> dict[str, Any]:
    """Where everything is."""
    base = settings.base_url
    return {
        "base_url": base,
        "page": f"{base}/sandbox",
        "openapi": f"{base}/openapi.json",
        "open311": f"{base}/open311/v2",
        "ogc": f"{base}/ogc",
    }


def require_ours(file: Path) -> None:
    """
    Refuse to write over a file that holds something else.

    Raises
    ------
    InvalidInputError
        When it does.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError):
        text = "?"
    if text and not text.lstrip("{\n ").startswith(f'"{MARK}"'):
        problem = "holds something else; choose another file"
        raise InvalidInputError(f"--credentials {file}", problem)


def write_whole(file: Path, told: dict[str, Any]) -> None:
    """
    Write a file that only its owner reads; nobody ever sees half of it.

    Raises
    ------
    SourceError
        When it cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=file.absolute().parent)
        with os.fdopen(handle, "w", encoding="utf-8") as target:  # its mode is 0600
            json.dump(told, target, ensure_ascii=False, indent=2)
            target.write("\n")
        Path(name).replace(file)
    except OSError as problem:
        message = f"{file}: cannot be written ({problem.strerror})"
        raise SourceError(message) from problem


def _sample(services: Services, plan: StoredPlan) -> Sample:
    """Choose the first visit of the plan whose chart has a place and an office."""
    for route, _, stop in plan.plan.stops():
        chart = services.store.get(stop.visit_id)
        if chart.assignment is not None and chart.placement is not None:
            return Sample(
                plan=plan,
                chart=chart,
                office_id=chart.assignment.office_id,
                team_id=route.team_id,
                ward_code=chart.placement.ward_code or "",
            )
    message = "the day's plan is empty: is the city's data whole? (kidohan prepare)"
    raise SourceError(message)


def _keys(services: Services) -> dict[str, Any]:
    """Make one key that may do all that keys may, and those that must be refused."""
    keys = services.keys
    _, api_key = keys.add(CLIENT, actions=FOR_KEYS, days=1, who=WHO)
    _, plain = keys.add(PLAIN, actions=frozenset(), days=1, who=WHO)
    taken, revoked = keys.add(TAKEN_BACK, actions=FOR_KEYS, days=1, who=WHO)
    keys.revoke(taken.id)
    before = FixedClock(services.clock.now() - dt.timedelta(days=2))
    past = KeyDesk(SqlKeys(services.database), before)
    _, expired = past.add(OLD, actions=FOR_KEYS, days=1, who=WHO)
    return {
        "api_key": api_key,
        "keys": {"plain": plain, "expired": expired, "revoked": revoked},
    }


def _login(services: Services, role: Role, sample: Sample) -> dict[str, Any]:
    """Make somebody of a role for the sample's places, whose password is final."""
    receivers = _desks(services, sample.ward_code)
    actor = Actor(
        id="",
        name=f"試験用 {role}",
        roles=frozenset({role}),
        ward_codes=frozenset({sample.ward_code}),
        office_ids=frozenset({sample.office_id}),
        team_ids=frozenset({sample.team_id}),
        receivers=frozenset(receivers),
    )
    login = f"sandbox-{role}".replace("_", "-")
    password = secrets.token_urlsafe(15)
    account, first = services.accounts.add(login, actor)
    services.accounts.change_password(account.id, first, password, origin="sandbox")
    return {
        "login": login,
        "password": password,
        "name": actor.name,
        "ward_codes": [sample.ward_code],
        "office_ids": [sample.office_id],
        "team_ids": [sample.team_id],
        "receivers": receivers,
    }


def _desks(services: Services, ward_code: str) -> list[str]:
    """Name a receiving desk of a ward, so that a partner has a queue to look at."""
    rules = services.hand_over.transfers.rules.receivers
    open_now = rules.open_on(services.clock.now().date())
    names = [one.name for one in open_now if one.serves(ward_code)]
    return names[:1]


def _quiet(_text: str, _done: float) -> None:
    """Tell nobody how far it is."""
