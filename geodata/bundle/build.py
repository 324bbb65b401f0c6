"""`kidohan geodata build`: from published files to one whole, read-only bundle."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any, cast

from dispatch.domain.errors import InvalidInputError, SourceError
from geodata.bundle.city_file import write_layers
from geodata.bundle.config import FILE_OPTIONS, BundleConfig
from geodata.bundle.in_place import (
    advice_for,
    only_one,
    put_in_place,
    work_folder,
)
from geodata.bundle.manifest import (
    CITY_FILE,
    MANIFEST_FILE,
    PREVIOUS_FILE,
    REFUSED_FILE,
    SECOND_FOLDER,
    BundleManifest,
    SourceRecord,
    checksums,
    is_bundle,
    read_manifest,
)
from geodata.bundle.merge import (
    LayerMerge,
    LeftOut,
    Taken,
    count_by_ward,
    limits_of,
)
from geodata.bundle.radii import RADII_METHOD, reach_of_towns, town_radii
from geodata.bundle.reading import Format, ReadContext, SourceConfig
from geodata.bundle.records import (
    AreaRecord,
    BlockRecord,
    HouseRecord,
    Layer,
    Record,
    SchoolRecord,
    TownRecord,
)
from geodata.city import CityProfile
from geodata.sources import sha256_of

READ_ONLY = 0o444
Formats = Mapping[str, Format]
Told = Callable[[str], None]


@dataclass(slots=True)
class _Made:
    """What is read so far: records by layer, radii, and how each source went."""

    layers: dict[Layer, list[Record]] = field(default_factory=dict)
    radii: dict[tuple[str, str], int] = field(default_factory=dict)
    sources: dict[str, SourceRecord] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)

    def of(self, layer: Layer) -> Sequence[Any]:
        return self.layers.get(layer, ())

    def context(self, profile: CityProfile) -> ReadContext:
        return ReadContext(
            profile=profile,
            towns=tuple(cast("Sequence[TownRecord]", self.of(Layer.TOWNS))),
            wards=tuple(cast("Sequence[AreaRecord]", self.of(Layer.WARDS))),
            schools=tuple(cast("Sequence[SchoolRecord]", self.of(Layer.SCHOOLS))),
        )


def build_bundle(
    config: BundleConfig,
    folder: Path,
    *,
    profile: CityProfile,
    at: dt.datetime,
    told: Told = lambda _: None,
    formats: Formats | None = None,
) -> BundleManifest:
    """
    Read the sources of a configuration and make a bundle of them.

    A bundle that is there stays in its place until the new one is whole; of the same
    city, its record is kept in the new one. Another process that builds the same
    folder is waited for.

    Parameters
    ----------
    config
        The sources; of one layer the first has precedence.
    folder
        Of the bundle; a bundle there is replaced, nothing else is.
    profile
        The city of the configuration.
    at
        When this is, with its offset.
    told
        Told each step and how each source went, in Japanese.
    formats
        Readers by name; by default all that the program has.

    Returns
    -------
    BundleManifest
        The record that is in the bundle.

    Raises
    ------
    InvalidInputError
        When `at` has no offset.
    SourceError
        When a file is missing, is not the expected one or cannot be read, a format is
        unknown or cannot hold the layer, the configuration is of another city, or the
        folder holds something else or cannot be written.
    """
    with only_one(folder):
        return build_held(
            config, folder, profile=profile, at=at, told=told, formats=formats
        )


def build_held(
    config: BundleConfig,
    folder: Path,
    *,
    profile: CityProfile,
    at: dt.datetime,
    told: Told = lambda _: None,
    formats: Formats | None = None,
) -> BundleManifest:
    """Build as `build_bundle` does, while the caller holds the folder (`only_one`)."""
    if at.tzinfo is None:
        raise InvalidInputError("at", "時差のない時刻です")
    if Path(config.city).name not in (profile.id, profile.folder.name):
        raise SourceError(f"{config.file}: city: this is not {profile.id}")
    known = all_formats() if formats is None else formats
    for source in config.sources:
        _require_format(config, source, known)
    _require_replaceable(folder)
    work = work_folder(folder)
    try:
        made = _read(config, profile, known, told)
        told("束を書いています")
        _keep_record(folder, work, profile)
        manifest = _filled(work, config, made, profile, at)
        manifest.write(work)
        _forbid_writing(work)
        put_in_place(work, folder)
    except (OSError, sqlite3.Error) as problem:
        message = (
            f"{folder}: the bundle cannot be written ({problem}){advice_for(problem)}. "
            "A bundle that was there is unchanged"
        )
        raise SourceError(message) from problem
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return manifest


def all_formats() -> Formats:
    """Every format that the program reads, by its name in a configuration."""
    # Area files need geopandas, which takes a second to load.
    from geodata.bundle.area_formats import AREA_FORMATS  # noqa: PLC0415
    from geodata.bundle.csv_formats import CSV_FORMATS  # noqa: PLC0415

    return {**CSV_FORMATS, **AREA_FORMATS}


def _require_format(
    config: BundleConfig, source: SourceConfig, formats: Formats
) -> None:
    where = f"{config.file}: source {source.id}: "
    found = formats.get(source.format)
    if found is None:
        raise SourceError(f"{where}format: not one of {', '.join(sorted(formats))}")
    if source.layer not in found.layers:
        layers = ", ".join(sorted(found.layers))
        raise SourceError(f"{where}layer: {source.format} holds only {layers}")
    if found.needs_file and source.file is None:
        raise SourceError(f"{where}file: missing; {source.format} reads a file")


def _require_replaceable(folder: Path) -> None:
    """Refuse a folder that holds anything but a bundle, of whatever format."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise SourceError(f"{folder}: not a folder; choose another with -o")
    if not folder.exists() or not any(folder.iterdir()):
        return
    has_record = (folder / MANIFEST_FILE).is_file()
    if is_bundle(folder) or (has_record and (folder / CITY_FILE).is_file()):
        return
    raise SourceError(f"{folder}: holds other files; choose another folder with -o")


def _read(
    config: BundleConfig, profile: CityProfile, formats: Formats, told: Told
) -> _Made:
    made = _Made()
    limits = limits_of(profile)
    for layer in Layer:
        merge = LayerMerge(limits)
        for source in config.sources:
            if source.layer is layer:
                _read_source(source, merge, made, (profile, formats, told))
        if merge.records:
            made.layers[layer] = merge.records
        if layer is Layer.TOWNS:
            towns = cast("Sequence[TownRecord]", made.of(layer))
            made.radii = town_radii(towns, profile)
            limits = replace(limits, reach=reach_of_towns(towns, made.radii))
    return made


def _read_source(
    source: SourceConfig,
    merge: LayerMerge,
    made: _Made,
    tools: tuple[CityProfile, Formats, Told],
) -> None:
    profile, formats, told = tools
    record = _record_of(source)
    if source.file is not None and not source.file.is_file():
        if not source.is_optional:
            message = f"source {source.id}: no file {source.file}; fetch it first"
            raise SourceError(message)
        told(f"{source.id}: ファイルがないため、入れずに進みます({source.file.name})")
        made.sources[source.id] = replace(record, is_absent=True)
        return
    record = replace(record, **_fingerprints(source))
    read = formats[source.format].read(source, made.context(profile))
    taken = merge.take(source.id, read)
    made.left_out.extend(taken.left_out)
    made.sources[source.id] = replace(
        record,
        num_rows=taken.num_rows,
        num_kept=taken.num_kept,
        num_merged=taken.num_merged,
        num_refused=len(taken.left_out),
        num_elsewhere=taken.num_elsewhere,
        num_by_ward=taken.num_by_ward,
    )
    told(_told_of(source, taken))


def _told_of(source: SourceConfig, taken: Taken) -> str:
    parts = (
        (taken.num_merged, "重複"),
        (len(taken.left_out), "除外"),
        (taken.num_elsewhere, "市外"),
    )
    more = "、".join(f"{what} {num:,} 件" for num, what in parts if num)
    return f"{source.id}: {taken.num_kept:,} 件" + (f"({more})" if more else "")


def _record_of(source: SourceConfig) -> SourceRecord:
    """Keep what the configuration says of a source."""
    same = (
        *("id", "layer", "format", "title", "publisher", "licence", "date"),
        *("attribution", "url", "shown_text"),
        *("is_partial", "is_approximate", "is_synthetic"),
    )
    return SourceRecord(
        **{name: getattr(source, name) for name in same},
        valid_from=source.valid_from.isoformat() if source.valid_from else "",
        valid_to=source.valid_to.isoformat() if source.valid_to else "",
        file_name=source.file.name if source.file else "",
    )


def _fingerprints(source: SourceConfig) -> dict[str, Any]:
    """Checksums of a source's files; the first must be the expected one."""
    if source.file is None:
        return {}
    found = _sha256(source, source.file)
    if source.sha256 not in ("", found):
        message = (
            f"source {source.id}: {source.file} is not the expected file: sha256 "
            f"{found}, expected {source.sha256}; fetch it again, or correct the "
            "configuration when the publisher has a new edition"
        )
        raise SourceError(message)
    others = [Path(source.options[key]) for key in FILE_OPTIONS & source.options.keys()]
    return {
        "sha256": found,
        "other_files": {path.name: _sha256(source, path) for path in sorted(others)},
    }


def _sha256(source: SourceConfig, path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        message = f"source {source.id}: {path}: cannot be read ({error.strerror})"
        raise SourceError(message) from error


def _filled(
    work: Path,
    config: BundleConfig,
    made: _Made,
    profile: CityProfile,
    at: dt.datetime,
) -> BundleManifest:
    write_layers(work / CITY_FILE, made.layers, made.radii)
    lines = [json.dumps(asdict(row), ensure_ascii=False) for row in made.left_out]
    (work / REFUSED_FILE).write_text(
        "".join(line + "\n" for line in lines), encoding="utf-8"
    )
    if made.of(Layer.TOWNS):
        _write_dictionary(work / SECOND_FOLDER, made, profile)
    files, sizes = checksums(work)
    return BundleManifest(
        id=f"{at:%Y%m%dT%H%M%S}-{files[CITY_FILE][:8]}",
        city=profile.id,
        purpose=config.purpose,
        built_at=at.isoformat(timespec="seconds"),
        tool_version=metadata.version("kidohan"),
        sources=tuple(made.sources[source.id] for source in config.sources),
        files=files,
        sizes=sizes,
        counts={
            layer.value: count_by_ward(records)
            for layer, records in made.layers.items()
        },
        radii=RADII_METHOD,
        inputs=config.inputs,
    )


def _write_dictionary(folder: Path, made: _Made, profile: CityProfile) -> None:
    from geodata.bundle import dictionary  # noqa: PLC0415 - loads the second engine

    dictionary.write_dictionary(
        folder,
        dictionary.city_lines(
            cast("Sequence[TownRecord]", made.of(Layer.TOWNS)),
            cast("Sequence[BlockRecord]", made.of(Layer.BLOCKS)),
            cast("Sequence[HouseRecord]", made.of(Layer.HOUSES)),
            profile,
        ),
        title=profile.name,
    )


def _keep_record(old: Path, work: Path, profile: CityProfile) -> None:
    """Keep the record of the bundle that is replaced: `check` compares with it."""
    try:
        record = read_manifest(old)
    except SourceError:
        return  # none, damaged, or of a format whose counts are not known
    if record.city == profile.id:
        record.write(work, PREVIOUS_FILE)


def _forbid_writing(work: Path) -> None:
    for path in work.rglob("*"):
        if path.is_file():
            path.chmod(READ_ONLY)
