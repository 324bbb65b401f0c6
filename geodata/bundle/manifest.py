"""What a bundle is: its sources, files with checksums, counts; written and read."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dispatch.domain.errors import SourceError
from geodata.bundle.records import Layer
from geodata.sources import sha256_of, write_whole

FORMAT = 2  # 2: keys of assets are spelt as people's numbers are
KIND = "kidohan city bundle"  # tells a bundle's folder from any other
MANIFEST_FILE = "manifest.json"
PREVIOUS_FILE = "previous.json"  # record of the bundle that this one replaced
CITY_FILE = "city.sqlite3"
REFUSED_FILE = "refused.jsonl"
SECOND_FOLDER = "second"  # the second engine's dictionary
BUILD_AGAIN = "build it again: kidohan geodata build CONFIG -o BUNDLE"


class Purpose(StrEnum):
    """What a bundle is for; invented rows are for tests only."""

    PRODUCTION = "production"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """
    One source as it went into a bundle.

    Parameters
    ----------
    id, layer, format, title, publisher, licence, attribution, date, url, shown_text
        As the configuration describes it.
    is_partial, is_approximate, is_synthetic
        As the configuration says.
    valid_from, valid_to
        ISO dates, empty without one.
    file_name, sha256
        The file that was read; empty for a package or the city's profile.
    other_files
        Name to sha256 of further files that its reader took.
    is_absent
        Whether it was optional and its file was not there.
    num_rows
        Records that its reader gave.
    num_kept
        Records of them that are in the bundle.
    num_merged
        Records left out because an earlier record says the same thing.
    num_refused
        Rows that were left out as wrong; `refused.jsonl` says which.
    num_elsewhere
        Rows of other municipalities.
    num_by_ward
        Ward code to records kept; "" for records without a ward.
    """

    id: str
    layer: Layer
    format: str
    title: str
    publisher: str
    licence: str
    date: str
    attribution: str = ""
    url: str = ""
    shown_text: str = ""
    is_partial: bool = False
    is_approximate: bool = False
    is_synthetic: bool = False
    valid_from: str = ""
    valid_to: str = ""
    file_name: str = ""
    sha256: str = ""
    other_files: Mapping[str, str] = field(default_factory=dict)
    is_absent: bool = False
    num_rows: int = 0
    num_kept: int = 0
    num_merged: int = 0
    num_refused: int = 0
    num_elsewhere: int = 0
    num_by_ward: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleManifest:
    """
    The record of one bundle.

    Parameters
    ----------
    id
        New with every build: when, and the beginning of the city file's checksum.
    city
        Profile for which it was made.
    purpose
        `production`, or `test`, which alone may hold invented rows.
    built_at
        ISO 8601, with offset.
    tool_version
        Version of the program that built it.
    sources
        In the order of the configuration.
    files, sizes
        Path within the folder to sha256 and to bytes: every file but this record.
    counts
        Layer to ward code ("" without one) to records.
    radii
        How the radii of towns were found, in one sentence.
    inputs
        Fingerprint of the tables of which the program made it by itself; empty for a
        bundle that a person built, which the program never replaces.
    """

    id: str
    city: str
    purpose: Purpose
    built_at: str
    tool_version: str
    sources: tuple[SourceRecord, ...]
    files: Mapping[str, str]
    sizes: Mapping[str, int]
    counts: Mapping[str, Mapping[str, int]]
    radii: str
    inputs: str = ""
    kind: str = KIND
    format: int = FORMAT

    def write(self, folder: Path, name: str = MANIFEST_FILE) -> None:
        """Write the record so that it is whole or not there."""
        text = json.dumps(_plain(self), ensure_ascii=False, indent=2) + "\n"
        write_whole(folder / name, text)

    def is_approximate(self, layer: Layer) -> bool:
        """Whether any shape of a layer is an estimate, which must be said."""
        return any(source.is_approximate for source in self.sources_of(layer))

    def sources_of(self, layer: Layer) -> tuple[SourceRecord, ...]:
        """List the sources that gave a layer at least one record."""
        return tuple(
            source
            for source in self.sources
            if source.layer is layer and source.num_kept
        )


def read_manifest(folder: Path) -> BundleManifest:
    """
    Read the record of a bundle.

    Raises
    ------
    SourceError
        When the folder is not a bundle, is damaged or of another format; says what to
        do.
    """
    return _read(folder, folder / MANIFEST_FILE)


def previous_manifest(folder: Path) -> BundleManifest | None:
    """Record of the bundle that this one replaced; None when there is none to read."""
    try:
        return _read(folder, folder / PREVIOUS_FILE)
    except SourceError:
        return None


def is_bundle(folder: Path) -> bool:
    """Whether a folder has the record of a bundle, of whatever format or state."""
    try:
        values = json.loads((folder / MANIFEST_FILE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(values, dict) and values.get("kind") == KIND


def checksums(folder: Path) -> tuple[dict[str, str], dict[str, int]]:
    """Sha256 and bytes of every file below a folder but its manifest, by path."""
    files = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / MANIFEST_FILE
    }
    sums = {name: sha256_of(path) for name, path in files.items()}
    return sums, {name: path.stat().st_size for name, path in files.items()}


def verify(folder: Path) -> list[str]:
    """
    List the files of a bundle that are not as they were built.

    Returns
    -------
    list of str
        Paths within the folder that are missing, changed or not of the bundle, sorted.

    Raises
    ------
    SourceError
        When the folder is not a bundle that can be read.
    """
    wanted = read_manifest(folder).files
    found, _ = checksums(folder)
    names = {*wanted, *found}
    return sorted(name for name in names if wanted.get(name) != found.get(name))


def wrong_sizes(folder: Path, manifest: BundleManifest) -> list[str]:
    """Files that are missing or of another size: what opening can afford to see."""
    return sorted(
        name for name, size in manifest.sizes.items() if _size(folder / name) != size
    )


def _read(folder: Path, file: Path) -> BundleManifest:
    try:
        values: Any = json.loads(file.read_bytes())
    except FileNotFoundError as error:
        message = f"{folder}: not a bundle of city data; {BUILD_AGAIN}"
        raise SourceError(message) from error
    except (OSError, ValueError, RecursionError) as error:
        message = f"{file}: cannot be read ({error}); {BUILD_AGAIN}"
        raise SourceError(message) from error
    if not isinstance(values, dict) or values.get("kind") != KIND:
        message = f"{folder}: holds other data than a bundle; {BUILD_AGAIN}"
        raise SourceError(message)
    _require_format(folder, values.get("format"))
    try:
        return _manifest(values)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        message = f"{file}: damaged ({error}); {BUILD_AGAIN}"
        raise SourceError(message) from error


def _require_format(folder: Path, found: object) -> None:
    if found == FORMAT:
        return
    is_newer = isinstance(found, int) and found > FORMAT
    advice = "update the program" if is_newer else BUILD_AGAIN
    message = f"{folder}: bundle of format {found}, this program reads {FORMAT}"
    raise SourceError(f"{message}; {advice}")


def _manifest(values: dict[str, Any]) -> BundleManifest:
    counts = {
        str(layer): MappingProxyType({code: int(n) for code, n in by_ward.items()})
        for layer, by_ward in values["counts"].items()
    }
    read = {
        "purpose": Purpose(values["purpose"]),
        "sources": tuple(_source(source) for source in values["sources"]),
        "files": MappingProxyType(dict(values["files"])),
        "sizes": MappingProxyType(dict(values["sizes"])),
        "counts": MappingProxyType(counts),
    }
    return BundleManifest(**{**values, **read})


def _source(values: dict[str, Any]) -> SourceRecord:
    read = {
        "layer": Layer(values["layer"]),
        "other_files": MappingProxyType(dict(values["other_files"])),
        "num_by_ward": MappingProxyType(dict(values["num_by_ward"])),
    }
    return SourceRecord(**{**values, **read})


def _plain(value: object) -> object:
    """Make dictionaries of dataclasses and of mappings, read-only ones too."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, BundleManifest | SourceRecord):
        names = (one.name for one in dataclasses.fields(value))
        return {name: _plain(getattr(value, name)) for name in names}
    return value


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
