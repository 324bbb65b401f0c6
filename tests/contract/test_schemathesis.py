"""Schemathesis as a judge of /v1: its own client against the served program."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from tests.acceptance.command import API_KEY, DEMO_NOW, Served, environment
from tests.city_data import OSAKA_DATA
from tests.shared_data import REPO

LIMIT_S = 3_000
SHORT = ("--max-examples", "3", "--phases", "examples,coverage,fuzzing")
FULL = ("--max-examples", "100", "--phases", "examples,coverage,fuzzing,stateful")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("schemathesis")
    variables = environment(
        OSAKA_DATA,
        KIDOHAN_DATABASE_URL=f"sqlite:///{folder / 'kidohan.sqlite3'}",
        KIDOHAN_API_KEYS=f"judge:{API_KEY}",
        KIDOHAN_DEMO_NOW=DEMO_NOW,
        KIDOHAN_PLAN_ITERATIONS="50",  # a plan is a plan
        KIDOHAN_ROADS_DIR=str(folder / "roads"),  # none
    )
    with Served(folder, variables) as served:
        yield served


def judged(server: Served, folder: Path, *options: str) -> None:
    """Run it as its users do; schemathesis.toml in the project's root is read."""
    program = Path(sys.executable).with_name("schemathesis")
    ended = subprocess.run(  # noqa: S603 - a tool of ours
        [
            *(str(program), "--config-file", str(REPO / "schemathesis.toml"), "run"),
            f"{server.url}/openapi.json",
            *("--header", f"X-API-Key: {API_KEY}", "--no-color"),
            *("--continue-on-failure", "--generation-database", ":memory:"),
            *("--seed", "20261124", *options),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr


def test_the_description_is_good_openapi(server: Served) -> None:
    with server.client() as client:
        document = client.get("/openapi.json").json()
    validate(document)
    assert document["openapi"].startswith("3.1")


def test_no_request_that_it_thinks_of_is_answered_otherwise_than_described(
    server: Served, tmp_path: Path
) -> None:
    judged(server, tmp_path, *SHORT)
    assert "Traceback" not in server.log.read_text(encoding="utf-8")


@pytest.mark.slow
def test_nor_is_any_of_its_full_run(server: Served, tmp_path: Path) -> None:
    judged(server, tmp_path, *FULL)
    assert "Traceback" not in server.log.read_text(encoding="utf-8")
