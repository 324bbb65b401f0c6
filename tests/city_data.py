"""The small city data that tests of the whole program read, made once."""

from __future__ import annotations

from pathlib import Path

from api.geodata_wiring import make_small_bundle
from geodata.city import load_city
from tests.shared_data import REPO

OSAKA_DATA = REPO / "var" / "tests" / "geodata" / "osaka"


def prepared(folder: Path = OSAKA_DATA, city: str = "osaka") -> Path:
    """Folder of a city's small data; made when missing or outdated."""
    make_small_bundle(folder, load_city(city))
    return folder
