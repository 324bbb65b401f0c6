"""One demonstration day for all stories that only look at it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.command import SMALL_SEARCH, environment, run_cli
from tests.acceptance.pages_world import World, make_world
from tests.city_data import OSAKA_DATA

COUNT = 60


@dataclass(frozen=True, kw_only=True)
class DemoRun:
    """What `kidohan demo --no-serve` printed and wrote."""

    code: int
    printed: str
    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "kidohan.sqlite3"

    @property
    def summary(self) -> dict[str, Any]:
        text = (self.folder / "summary.json").read_text(encoding="utf-8")
        figures: dict[str, Any] = json.loads(text)
        return figures


def play_demo(folder: Path) -> DemoRun:
    """Play the demonstration in a folder."""
    variables = environment(OSAKA_DATA, **SMALL_SEARCH)
    out = folder / "out"
    arguments = ("--no-serve", "--count", str(COUNT), "--out", str(out))
    done = run_cli(folder, variables, "demo", *arguments)
    return DemoRun(code=done.returncode, printed=done.stdout + done.stderr, folder=out)


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    run = play_demo(tmp_path_factory.mktemp("demo"))
    assert run.code == 0, run.printed
    return run


@pytest.fixture(scope="session")
def pages_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Prepare an installation in which every page has something to show; copy it."""
    return make_world(tmp_path_factory.mktemp("pages"))
