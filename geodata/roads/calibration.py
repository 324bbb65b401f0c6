"""How the assumed driving times compare with what was published or driven."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.place import LonLat
from dispatch.domain.travel import UNREACHABLE_S, Traffic
from geodata.roads.graph import RoadGraph
from geodata.roads.graph_times import junction_waits
from geodata.roads.numbers import DrivingNumbers, JunctionDelay

# Road Traffic Census, Osaka Prefecture: mean travel speed on prefectural roads and
# above in congested hours, about 21 km/h (quoted with the open issue; the census
# publishes it as 混雑時平均旅行速度).
PUBLISHED_KMH = 21.0
PREFECTURAL_RANK = 4  # secondary and above: 国道, 主要地方道, 一般府道
CONGESTED = ((7 * 3600, 9 * 3600), (17 * 3600, 19 * 3600))
KMH_PER_MPS = 3.6
FIT_STEPS = 40
FIT_RANGE_S = (0.0, 240.0)
COLUMNS = ("depart_at", "from_lon", "from_lat", "to_lon", "to_lat", "drive_s")
LONGEST_DRIVE_S = 4 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassSpeed:
    """Roads of some ranks: length, speed between junctions, and speed with them."""

    ranks: tuple[int, ...]
    km: float
    running_kmh: float
    travel_kmh: float
    congested_kmh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """
    Assumed against published speeds.

    Parameters
    ----------
    congested_factor
        Mean of the traffic factors in the census's congested hours.
    prefectural
        Roads that the published figure speaks of.
    classes
        By rank, highest first.
    fitted_signal_s
        Seconds at a signal with which the published figure would be met exactly.
    """

    congested_factor: float
    prefectural: ClassSpeed
    classes: tuple[ClassSpeed, ...]
    fitted_signal_s: float


def calibration(
    graph: RoadGraph, numbers: DrivingNumbers, traffic: Traffic
) -> Calibration:
    """
    Compare what is assumed on a road network with the published figure.

    Notes
    -----
    As in the census: length over time, each road in both of its directions, waiting at
    junctions included, going straight on.
    """
    factor = float(
        np.mean([traffic.mean_factor(start, end) for start, end in CONGESTED])
    )
    ranks = sorted(set(graph.chain_rank.tolist()), reverse=True)
    prefectural = tuple(rank for rank in ranks if rank >= PREFECTURAL_RANK)
    return Calibration(
        congested_factor=factor,
        prefectural=_speed(graph, numbers.junction, prefectural, factor),
        classes=tuple(
            _speed(graph, numbers.junction, (rank,), factor) for rank in ranks
        ),
        fitted_signal_s=_fitted_signal_s(graph, numbers.junction, prefectural, factor),
    )


def _speed(
    graph: RoadGraph, junction: JunctionDelay, ranks: tuple[int, ...], factor: float
) -> ClassSpeed:
    chosen = np.isin(graph.chain_rank, ranks) & graph.main
    metres = graph.chain_sums(graph.segment_m)
    at_start_s, at_end_s = junction_waits(graph, junction)
    length_m = running_s = waiting_s = 0.0
    for seconds, wait_s in (
        (graph.chain_sums(graph.segment_forward_s), at_end_s),
        (graph.chain_sums(graph.segment_backward_s), at_start_s),
    ):
        driven = chosen & np.isfinite(seconds)
        length_m += float(metres[driven].sum())
        running_s += float(seconds[driven].sum())
        waiting_s += float(wait_s[driven].sum())
    travel_kmh = KMH_PER_MPS * length_m / max(running_s + waiting_s, 1e-9)
    return ClassSpeed(
        ranks=ranks,
        km=float(metres[chosen].sum()) / 1000,
        running_kmh=KMH_PER_MPS * length_m / max(running_s, 1e-9),
        travel_kmh=travel_kmh,
        congested_kmh=travel_kmh / factor,
    )


def _fitted_signal_s(
    graph: RoadGraph, junction: JunctionDelay, ranks: tuple[int, ...], factor: float
) -> float:
    """Find by halving the signal's seconds that give the published speed."""
    low, high = FIT_RANGE_S
    for _ in range(FIT_STEPS):
        middle = (low + high) / 2
        speed = _speed(graph, replace(junction, signal_s=middle), ranks, factor)
        if speed.congested_kmh > PUBLISHED_KMH:
            low = middle
        else:
            high = middle
    return round((low + high) / 2, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDrive:
    """One drive of a crew: from where, to where, when, how long."""

    depart_at: dt.datetime
    origin: LonLat
    target: LonLat
    drive_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveFit:
    """
    Recorded against assumed drives in one part of the day.

    `ratio` is the median of recorded over assumed; `low` and `high` hold the middle
    half of them.
    """

    start_s: int
    num_drives: int
    ratio: float
    low: float
    high: float


def read_drives(file: Path) -> list[RecordedDrive]:
    """
    Read recorded drives from CSV with the columns of `COLUMNS`.

    Raises
    ------
    SourceError
        When the file cannot be read, a column is missing, or a row has a value of the
        wrong form; names the row.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            missing = set(COLUMNS) - set(rows.fieldnames or ())
            if missing:
                message = f"{file}: column {min(missing)} is missing"
                raise SourceError(message)
            return [_drive(file, row, at) for at, row in enumerate(rows, start=2)]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        message = f"{file}: cannot be read as CSV in UTF-8 ({problem})"
        raise SourceError(message) from problem


def _drive(file: Path, row: dict[str, str], at: int) -> RecordedDrive:
    try:
        depart_at = dt.datetime.fromisoformat(row["depart_at"])
        drive_s = int(row["drive_s"])
        origin = LonLat(float(row["from_lon"]), float(row["from_lat"]))
        target = LonLat(float(row["to_lon"]), float(row["to_lat"]))
    except (ValueError, TypeError, InvalidInputError) as problem:
        message = f"{file}: row {at}: {problem}"
        raise SourceError(message) from problem
    if depart_at.utcoffset() is None:
        message = f"{file}: row {at}: depart_at needs an offset (…T09:30:00+09:00)"
        raise SourceError(message)
    if not 0 < drive_s <= LONGEST_DRIVE_S:
        message = f"{file}: row {at}: drive_s must be from 1 to {LONGEST_DRIVE_S}"
        raise SourceError(message)
    return RecordedDrive(
        depart_at=depart_at, origin=origin, target=target, drive_s=drive_s
    )


def drive_fits(
    drives: Sequence[RecordedDrive],
    assumed_s: Iterable[int],
    traffic: Traffic,
    timezone: dt.tzinfo,
) -> tuple[DriveFit, ...]:
    """
    Compare recorded drives with assumed ones, by period of the traffic factors.

    Parameters
    ----------
    drives
        Recorded.
    assumed_s
        What the roads say for each, at free flow; a drive that they take for none, or
        for impossible, tells nothing.
    traffic
        Its periods; a ratio is what its factor should be.
    timezone
        Of the city.
    """
    starts = [period.start_s for period in traffic.periods] or [0]
    ratios: dict[int, list[float]] = {start: [] for start in starts}
    for drive, seconds in zip(drives, assumed_s, strict=True):
        local = drive.depart_at.astimezone(timezone)
        second = local.hour * 3600 + local.minute * 60 + local.second
        period = max(start for start in starts if start <= second)
        if 0 < seconds < UNREACHABLE_S:
            ratios[period].append(drive.drive_s / seconds)
    return tuple(
        _fit(start, np.array(found)) for start, found in ratios.items() if found
    )


def _fit(start_s: int, ratios: NDArray[np.float64]) -> DriveFit:
    low, middle, high = np.percentile(ratios, [25, 50, 75])
    return DriveFit(
        start_s=start_s,
        num_drives=len(ratios),
        ratio=round(float(middle), 3),
        low=round(float(low), 3),
        high=round(float(high), 3),
    )
