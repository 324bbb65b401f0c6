"""A served installation for each module; the city's data are made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.geodata_wiring import make_small_bundle
from api.wiring import closure_desk
from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.closure_store import SqlClosures
from dispatch.adapters.database import open_database
from geodata.city import load_city
from tests.api.installation import DeskAt, running, services_of, settings_for


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


@pytest.fixture
def desk_at(client: TestClient) -> Iterator[DeskAt]:
    """Open the installation's closures at another moment."""
    services = services_of(client)
    engine = open_database(services.settings.database_url)
    store = SqlClosures(engine)
    yield lambda now: closure_desk(
        services.profile, store, services.travel, FixedClock(now)
    )
    engine.dispose()
