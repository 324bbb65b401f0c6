"""Assumed against published and recorded driving times, worked out by hand."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from dispatch.domain.travel import (
    FREE_FLOW,
    UNREACHABLE_S,
    Traffic,
    TrafficPeriod,
)
from geodata.city import load_city
from geodata.roads.calibration import (
    COLUMNS,
    PUBLISHED_KMH,
    DriveFit,
    RecordedDrive,
    calibration,
    drive_fits,
    read_drives,
)
from geodata.roads.graph import RoadGraph
from geodata.roads.graph_reader import read_graph
from tests.geodata.road_fixtures import NUMBERS, Town

TOKYO = ZoneInfo("Asia/Tokyo")
HOUR = 3600
HEADER = ",".join(COLUMNS)
GOOD_ROW = "2026-11-24T08:10:00+09:00,135.50,34.68,135.51,34.69,420"
# the census's hours are 7-9 and 17-19: 1.2 in the one, 1.4 in the other, mean 1.3
RUSH = Traffic(
    periods=tuple(
        TrafficPeriod(start_s=hour * HOUR, factor=factor)
        for hour, factor in ((0, 1.0), (7, 1.2), (9, 1.1), (17, 1.4), (19, 1.0))
    )
)


def graph_of(town: Town, folder: Path) -> RoadGraph:
    file = town.write(folder / "town.osm.pbf")
    return read_graph(file, NUMBERS, load_city("osaka"))


def main_street() -> Town:
    """Nine crossings; the street through the middle is a secondary road."""
    town = Town(size=3)
    for col in (0, 1):
        town.tag(town.block((col, 1), (col + 1, 1)), highway="secondary")
    town.add_way([(6, 0), (7, 0)], highway="secondary")  # an island: not counted
    return town


# -- against the census ----------------------------------------------------------------


def test_speeds_of_each_class_are_length_over_time_with_waiting(
    tmp_path: Path,
) -> None:
    found = calibration(graph_of(main_street(), tmp_path), NUMBERS, RUSH)
    assert found.congested_factor == pytest.approx(1.3)
    high, low = found.classes
    # Secondary: 2 blocks of 100 m at 20 m/s, each way into a signal: 5 + 20 s for
    # 100 m are 4 m/s = 14.4 km/h; in congested hours 14.4 / 1.3 = 11.08.
    assert high.ranks == (4,)
    assert high.km == pytest.approx(0.2, abs=0.001)
    assert high.running_kmh == pytest.approx(72, abs=0.01)
    assert high.travel_kmh == pytest.approx(14.4, abs=0.01)
    assert high.congested_kmh == pytest.approx(11.08, abs=0.01)
    assert found.prefectural == high
    # Tertiary: 10 blocks, both ways 2,000 m and 200 s. The 8 blocks on the rim meet a
    # signal at one end (the corners have two roads), the 2 inside at both: 12 * 20 s.
    # 2,000 m in 440 s are 16.36 km/h.
    assert low.ranks == (3,)
    assert low.km == pytest.approx(1.0, abs=0.001)
    assert low.running_kmh == pytest.approx(36, abs=0.01)
    assert low.travel_kmh == pytest.approx(16.36, abs=0.01)


def test_a_one_way_road_counts_in_its_one_direction(tmp_path: Path) -> None:
    town = Town(size=2)
    town.tag(town.block((0, 0), (1, 0)), highway="secondary", oneway="yes")
    found = calibration(graph_of(town, tmp_path), NUMBERS, FREE_FLOW)
    # corners of two roads: no waiting at all
    assert found.prefectural.travel_kmh == pytest.approx(72, abs=0.01)
    assert found.prefectural.km == pytest.approx(0.1, abs=0.001)
    assert found.congested_factor == 1.0


def test_the_fitted_signal_meets_the_published_figure(tmp_path: Path) -> None:
    graph = graph_of(main_street(), tmp_path)
    found = calibration(graph, NUMBERS, RUSH)
    # 21 * 1.3 = 27.3 km/h = 7.583 m/s: 100 m in 13.19 s, of which 5 s are driven
    assert found.fitted_signal_s == 8.2
    fitted = replace(
        NUMBERS,
        junction=replace(NUMBERS.junction, signal_s=found.fitted_signal_s),
    )
    again = calibration(graph, fitted, RUSH)
    assert again.prefectural.congested_kmh == pytest.approx(PUBLISHED_KMH, abs=0.05)
    assert again.fitted_signal_s == found.fitted_signal_s


def test_a_town_without_prefectural_roads_has_nothing_to_fit(tmp_path: Path) -> None:
    found = calibration(graph_of(Town(size=3), tmp_path), NUMBERS, RUSH)
    assert found.prefectural.ranks == ()
    assert found.prefectural.km == 0
    assert found.fitted_signal_s == 0


# -- recorded drives -------------------------------------------------------------------


def drives_file(folder: Path, *rows: str, header: str = HEADER) -> Path:
    file = folder / "drives.csv"
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return file


def test_recorded_drives_are_read(tmp_path: Path) -> None:
    (drive,) = read_drives(drives_file(tmp_path, GOOD_ROW))
    assert drive == RecordedDrive(
        depart_at=dt.datetime(2026, 11, 24, 8, 10, tzinfo=TOKYO),
        origin=LonLat(135.50, 34.68),
        target=LonLat(135.51, 34.69),
        drive_s=420,
    )


def test_a_spreadsheets_mark_and_further_columns_do_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "drives.csv"
    text = f"team,{HEADER}\r\n北1,{GOOD_ROW}\r\n"
    file.write_bytes(text.encode("utf-8-sig"))
    assert len(read_drives(file)) == 1


def test_a_file_of_a_header_alone_holds_no_drive(tmp_path: Path) -> None:
    assert read_drives(drives_file(tmp_path)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("2026-11-24T08:10:00+09:00", "yesterday", id="no time"),
        pytest.param("+09:00", "", id="no offset"),
        pytest.param("135.50", "east", id="no number"),
        pytest.param("135.50", "nan", id="not a number"),
        pytest.param("34.68", "134.68", id="off the globe"),
        pytest.param(",420", ",0", id="no time taken"),
        pytest.param(",420", ",-5", id="before it began"),
        pytest.param(",420", ",14401", id="over four hours"),
        pytest.param(",420", ",7.5", id="fractions"),
        pytest.param(",420", "", id="a value too few"),
    ],
)
def test_a_bad_row_is_refused_with_its_number(
    old: str, new: str, tmp_path: Path
) -> None:
    bad = GOOD_ROW.replace(old, new, 1)
    assert bad != GOOD_ROW
    with pytest.raises(SourceError, match=r"drives\.csv: row 3: "):
        read_drives(drives_file(tmp_path, GOOD_ROW, bad))


def test_the_longest_drive_is_four_hours(tmp_path: Path) -> None:
    row = GOOD_ROW.replace(",420", ",14400")
    assert read_drives(drives_file(tmp_path, row))[0].drive_s == 14400


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    header = HEADER.replace(",drive_s", "")
    with pytest.raises(SourceError, match="column drive_s is missing"):
        read_drives(drives_file(tmp_path, header=header))


def test_what_is_no_csv_in_utf_8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "drives.csv"
    with pytest.raises(SourceError, match="cannot be read as CSV in UTF-8"):
        read_drives(file)
    file.write_bytes(f"{HEADER}\n出発".encode("cp932"))
    with pytest.raises(SourceError, match="cannot be read as CSV in UTF-8"):
        read_drives(file)
    file.write_bytes(b"")
    with pytest.raises(SourceError, match="column depart_at is missing"):
        read_drives(file)


# -- fits by period --------------------------------------------------------------------


def drive(clock: str, drive_s: int, zone: dt.tzinfo = TOKYO) -> RecordedDrive:
    hours, minutes = map(int, clock.split(":"))
    return RecordedDrive(
        depart_at=dt.datetime(2026, 11, 24, hours, minutes, tzinfo=zone),
        origin=LonLat(135.50, 34.68),
        target=LonLat(135.51, 34.69),
        drive_s=drive_s,
    )


def test_drives_are_compared_by_the_period_in_which_they_begin() -> None:
    drives = [
        drive("6:59", 110),
        drive("7:00", 120),
        drive("8:59", 140),
        drive("23:59", 90),
    ]
    # of 100 s each: 1.1 before seven; 1.2 and 1.4 after, middle 1.3, quarters 1.25
    # and 1.35; 0.9 in the evening; nothing between nine and seven in the evening
    assert drive_fits(drives, [100] * 4, RUSH, TOKYO) == (
        DriveFit(start_s=0, num_drives=1, ratio=1.1, low=1.1, high=1.1),
        DriveFit(start_s=7 * HOUR, num_drives=2, ratio=1.3, low=1.25, high=1.35),
        DriveFit(start_s=19 * HOUR, num_drives=1, ratio=0.9, low=0.9, high=0.9),
    )


def test_the_citys_clock_tells_the_period() -> None:
    # 23:30 in UTC is 8:30 in Osaka
    (fit,) = drive_fits([drive("23:30", 120, dt.UTC)], [100], RUSH, TOKYO)
    assert fit.start_s == 7 * HOUR


def test_drives_that_the_roads_take_for_none_or_impossible_tell_nothing() -> None:
    drives = [drive("8:00", 120), drive("8:00", 300), drive("8:00", 500)]
    (fit,) = drive_fits(drives, [100, 0, UNREACHABLE_S], RUSH, TOKYO)
    assert (fit.num_drives, fit.ratio) == (1, 1.2)


def test_without_periods_there_is_one_fit() -> None:
    drives = [drive("8:00", 120), drive("18:00", 140)]
    (fit,) = drive_fits(drives, [100, 100], FREE_FLOW, TOKYO)
    assert (fit.start_s, fit.num_drives, fit.ratio) == (0, 2, 1.3)


def test_without_drives_there_is_no_fit() -> None:
    assert drive_fits([], [], RUSH, TOKYO) == ()


def test_a_drive_without_an_assumed_time_is_a_slip_of_the_caller() -> None:
    with pytest.raises(ValueError, match="shorter"):
        drive_fits([drive("8:00", 120)], [], RUSH, TOKYO)
