"""`kidohan roads calibrate`: assumed speeds beside the published and the driven."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from dispatch.domain.place import LonLat
from geodata.roads.calibration import COLUMNS
from tests.api.test_geodata_cli import Run
from tests.api.test_roads_cli import NO_SOURCE, OK, city, run  # noqa: F401 - fixtures
from tests.geodata.road_data import OFF_ROAD, copied, place, town_roads

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Folder with the town's road data."""
    folder = tmp_path / "roads"
    copied(town_roads().data, folder)
    return folder


def write_drives(file: Path, rows: Sequence[tuple[str, LonLat, LonLat, str]]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(COLUMNS)
        for depart_at, one, other, drive_s in rows:
            table.writerow((depart_at, one.lon, one.lat, other.lon, other.lat, drive_s))
    return file


def test_speeds_are_told_beside_the_published_one_and_drawn(
    run: Run,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    figure = tmp_path / "speeds.svg"
    code, said = run("roads", "calibrate", "--figure", figure)
    assert code == OK
    assert "published (congested, prefectural roads and above): 21.0 km/h" in said
    assert "no such roads in this data" in said  # the town has small streets only
    drawn = ET.fromstring(figure.read_text(encoding="utf-8"))  # noqa: S314 - our own
    words = " ".join(text.text or "" for text in drawn.iter(f"{SVG}text"))
    assert "公表値 21" in words
    # One line for the published speed, and one mark in each row of roads.
    rows = len(list(drawn.iter(f"{SVG}line"))) - 1
    assert rows == said.count("with junctions")
    bars = [float(bar.get("width", 0)) for bar in drawn.iter(f"{SVG}rect")][1:]
    running, travelling = bars[::2], bars[1::2]
    assert all(fast >= slow for fast, slow in zip(running, travelling, strict=True))
    assert max(travelling) > 0


def test_recorded_drives_tell_the_factor_of_their_hours(
    run: Run,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    here, there = place((0, 0)), place((4, 4))
    drives = write_drives(
        tmp_path / "drives.csv",
        [
            (f"2026-11-24T{clock}:00+09:00", here, there, seconds)
            for clock, seconds in (("07:30", "800"), ("10:00", "400"), ("11:00", "400"))
        ],
    )
    code, said = run("roads", "calibrate", "--drives", drives)
    assert code == OK
    morning = re.search(r"from\s+7:00: 1 drives, factor ([\d.]+)", said)
    day = re.search(r"from\s+9:00: 2 drives, factor ([\d.]+)", said)
    assert morning is not None
    assert day is not None
    # Twice the time in the morning is twice the factor; both are of the same drive.
    assert float(morning[1]) == pytest.approx(2 * float(day[1]), rel=0.01)


def test_drives_are_not_compared_with_straight_lines(
    run: Run,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    row = ("2026-11-24T10:00:00+09:00", place(OFF_ROAD), place(OFF_ROAD), "400")
    drives = write_drives(tmp_path / "drives.csv", [row])
    code, said = run("roads", "calibrate", "--drives", drives)
    assert code == NO_SOURCE
    assert "nothing to compare drives with" in said
