"""What a prepared road data set is: source, engine, profile, counts and times."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dispatch.domain.errors import SourceError
from geodata.sources import write_whole

FORMAT = 1
MANIFEST_FILE = "manifest.json"
CURRENT_FILE = "current"
BASE = "roads.osrm"
GRAPH_FILE = "graph.npz"
CH_SUFFIX = ".hsgr"
SHOWN_NAMES = 10
IN_USE = "in-use-"  # and the number of the process


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadManifest:
    """
    The record of one data set.

    Parameters
    ----------
    id
        Names the folder; new with every build.
    city
        Profile for which it was made.
    source_file, source_sha256, source_bytes, source_date
        The extract, and the date of its content; empty where nobody tells one.
    attribution
        Whose data it is, for every map that shows it.
    engine_version, profile_sha256
        What made it, and the hash of profile and driving numbers.
    built_at
        ISO 8601, with offset.
    num_segments, num_chains, km, main_share
        Size, and the share of its roads in the part where all is reachable.
    offices_off, towns_off
        Names of works offices and 町丁目 that have no road within 500 m.
    restrictions, restrictions_ignored
        Turn restrictions in the source, and those that the engine would ignore.
    graph_factor
        Median of engine time over graph time, by which graph times are stretched.
    straight_factor
        Median of travel by road over straight-line travel, parking and walking in
        both, by which the times of places beside the roads are stretched.
    seconds
        Wall time of each step.
    """

    id: str
    city: str
    source_file: str
    source_sha256: str
    source_bytes: int
    source_date: str
    attribution: str
    engine_version: str
    profile_sha256: str
    built_at: str
    num_segments: int
    num_chains: int
    km: int
    main_share: float
    offices_off: tuple[str, ...]
    towns_off: tuple[str, ...]
    restrictions: int
    restrictions_ignored: tuple[str, ...]
    graph_factor: float
    straight_factor: float
    seconds: dict[str, float] = field(default_factory=dict)
    files_sha256: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Write the record so that it is whole or not there."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n"
        write_whole(folder / MANIFEST_FILE, text)


@dataclass(frozen=True, slots=True)
class RoadData:
    """A prepared data set on disk: its folder and its record."""

    folder: Path
    manifest: RoadManifest

    @property
    def base(self) -> Path:
        """Base path that the engine's programs take."""
        return self.folder / BASE

    @property
    def has_ch(self) -> bool:
        """Whether contraction hierarchies are ready."""
        return self.base.with_name(BASE + CH_SUFFIX).is_file()


def open_road_data(home: Path) -> RoadData | None:
    """
    Return the data set in use, or None when none was ever built.

    Parameters
    ----------
    home
        Folder of the city's road data, with a `current` file.

    Raises
    ------
    SourceError
        When there is one, but it is damaged or of another version.
    """
    current = home / CURRENT_FILE
    if not current.is_file():
        return None
    folder = home
    try:
        folder = home / current.read_text(encoding="utf-8").strip()
        values: Any = json.loads((folder / MANIFEST_FILE).read_bytes())
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            message = "damaged, or made by another version"
            raise ValueError(message)  # noqa: TRY301 - told with the others below
        for name in ("offices_off", "towns_off", "restrictions_ignored"):
            values[name] = tuple(values[name])
        manifest = RoadManifest(**values)
    except (OSError, ValueError, TypeError, KeyError) as problem:
        message = f"{folder}: road data cannot be used ({problem}); kidohan roads build"
        raise SourceError(message) from problem
    return RoadData(folder, manifest)


def shortened(names: Sequence[str]) -> str:
    """Say how many there are, and the first of them."""
    if not names:
        return "なし"
    more = "ほか" if len(names) > SHOWN_NAMES else ""
    return f"{len(names)}({'、'.join(names[:SHOWN_NAMES])}{more})"


def mark_in_use(folder: Path) -> Path | None:
    """Leave a mark that this process uses a data set; None where one cannot write."""
    mark = folder / f"{IN_USE}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        mark.touch()
    except OSError:
        return None
    return mark


def is_in_use(folder: Path) -> bool:
    """Whether a living process has marked a data set."""
    return any(_lives(mark.name) for mark in folder.glob(f"{IN_USE}*"))


def lives(pid: int) -> bool:
    """Whether a process of this number runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's process
    return True


def _lives(mark: str) -> bool:
    pid = mark.removeprefix(IN_USE).partition("-")[0]
    return pid.isdigit() and lives(int(pid))
