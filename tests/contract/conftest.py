"""A served installation for each module; the city's areas are made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.api.installation import running, settings_for


@pytest.fixture(scope="session")
def areas_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder where the first installation puts the areas for all the others."""
    return tmp_path_factory.getbasetemp() / "areas"


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory, areas_dir: Path
) -> Iterator[TestClient]:
    """Serve an empty installation to one module."""
    settings = settings_for(tmp_path_factory.mktemp("installation"), areas_dir)
    with running(settings) as served:
        yield served
