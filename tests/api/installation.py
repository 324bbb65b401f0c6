"""One installation of Osaka on a fresh database, as every test of the ways in."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr

from api.app import create_app
from api.settings import Settings, SignInMode
from api.wiring import Services
from dispatch.adapters.clocks import FixedClock
from dispatch.closure_desk import ClosureDesk
from dispatch.domain.reporter import Reporter
from tests.databases import fresh_url

REPO = Path(__file__).parents[2]
TOKYO = ZoneInfo("Asia/Tokyo")
NOW = dt.datetime(2026, 11, 24, 8, 50, tzinfo=TOKYO)  # a Tuesday after a holiday
DAY = NOW.date()
KEY = "test-key-0001"
AUTH = {"X-API-Key": KEY}
BROWSER = {"Accept": "text/html,application/xhtml+xml"}
ADDRESS = "西成区津守2-7-13"  # in the gazetteer, to the 丁目
NOWHERE = "聞き取れなかった場所"
HOSTILE = "<script>alert(1)</script>${1+1}"

DeskAt = Callable[[dt.datetime], ClosureDesk]


def settings_for(
    folder: Path,
    geodata_dir: Path,
    *,
    database: str | None = None,
    sign_in: SignInMode = SignInMode.NONE,
) -> Settings:
    """Make settings with a short search and a database of their own."""
    return Settings(
        city="osaka",
        geodata_dir=geodata_dir,
        national_dir=folder / "national",  # none: the second engine knows the city
        roads_dir=folder / "roads",  # none: travel is straight lines
        database_url=fresh_url(folder, on=database),
        assets_dir=REPO / "node_modules",
        vault_key_file=folder / "vault.key",
        api_keys=SecretStr(f"intake:{KEY}"),
        host_names="testserver",
        sign_in=sign_in,
        plan_iterations=400,
        plan_time_limit_s=20,
    )


@contextmanager
def running(settings: Settings) -> Iterator[TestClient]:
    """Serve the application in this process, with its solving processes."""
    app = create_app(settings, FixedClock(NOW))
    with TestClient(app) as client:
        yield client


def services_of(client: TestClient) -> Services:
    """Return what the served application is wired from."""
    app = client.app
    assert isinstance(app, FastAPI)
    services = app.state.services
    assert isinstance(services, Services)
    return services


def consultation_body(**overrides: object) -> dict[str, object]:
    """Build a pothole at a known address, as another system sends it."""
    return {
        "category": "R02",
        "description": "道路に穴があいている",
        "address": ADDRESS,
        **overrides,
    }


def person_of(client: TestClient, chart_id: str) -> Reporter:
    """Reveal the reporter of a chart: the only way there is, and on record."""
    return services_of(client).vault.reveal(chart_id, who="試験", why="試験のため")


def sent(client: TestClient, **overrides: object) -> dict[str, object]:
    """Send a good consultation and return its chart."""
    response = client.post(
        "/v1/consultations", json=consultation_body(**overrides), headers=AUTH
    )
    assert response.status_code == 201, response.text
    chart: dict[str, object] = response.json()
    return chart


def num_charts(client: TestClient) -> int:
    """Count the charts in the store."""
    return len(services_of(client).store.find())


def title_of(page: str) -> str:
    """Text of a page's title."""
    found = re.search(r"<title>([^<]*)</title>", page)
    return found.group(1) if found else ""
