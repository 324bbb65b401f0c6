"""What holds for every test: Hypothesis without a stopwatch, and which databases."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests import databases
from tests.databases import (
    BACKENDS,
    backend,
    database_url,
    empty_database_url,
    served_database,
)

__all__ = ["backend", "database_url", "empty_database_url", "served_database"]

# How long one example takes says more of the machine than of us. In CI the examples
# are the same each time: a failure there must be one that anybody can repeat.
settings.register_profile(
    "kidohan", deadline=None, derandomize=os.environ.get("CI") == "true"
)
settings.load_profile("kidohan")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=BACKENDS,
        default=databases.SQLITE,
        help="what the served installations of the tests run on",
    )


def pytest_configure(config: pytest.Config) -> None:
    databases.choose(config.getoption("--database"))


def pytest_unconfigure() -> None:
    databases.stop()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Serve what is marked `both_databases` on each of them."""
    is_marked = metafunc.definition.get_closest_marker("both_databases") is not None
    if is_marked and "served_database" in metafunc.fixturenames:
        metafunc.parametrize("served_database", BACKENDS, indirect=True, scope="module")
