"""A served installation for each module; the city's data are made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.geodata_wiring import make_small_bundle
from geodata.city import load_city
from tests.api.installation import running, settings_for


@pytest.fixture(scope="session")
def geodata_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the small city data that all installations read."""
    folder = tmp_path_factory.getbasetemp() / "geodata"
    make_small_bundle(folder, load_city("osaka"))
    return folder


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path, served_database: str
) -> Iterator[TestClient]:
    """Serve an empty installation to one module."""
    folder = tmp_path_factory.mktemp("installation")
    settings = settings_for(folder, geodata_dir, database=served_database)
    with running(settings) as served:
        yield served
