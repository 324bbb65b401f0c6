"""The city's data behind a service: the bundle in use, its areas, the geocoder."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from api.settings import Settings
from dispatch.adapters.clocks import SystemClock
from dispatch.domain.errors import SourceError
from geodata.bundle.in_place import only_one, settled
from geodata.bundle.manifest import (
    CITY_FILE,
    FORMAT,
    MANIFEST_FILE,
    BundleManifest,
    read_manifest,
    verify,
)
from geodata.bundle.opening import open_city_bundle
from geodata.bundle.store import Bundle
from geodata.city import CityProfile, DataSource
from geodata.towns import gazetteer_version

CONFIG_FILE = "bundle.toml"
OWN_TABLES = ("bundle.toml", "wards.csv", "schools.csv", "jurisdiction.csv")

logger = logging.getLogger(__name__)


def city_bundle(settings: Settings, profile: CityProfile) -> Bundle:
    """
    Open the city data in use; make the small ones when there are none yet.

    Raises
    ------
    SourceError
        When the bundle that the settings name is missing or damaged, is of another
        city, or is for tests only and the settings do not allow that.
    """
    if settings.geodata_dir is None:
        make_small_bundle(settings.city_data_dir, profile)
    return open_city_bundle(
        settings.city_data_dir, profile, allow_test=settings.allow_test_geodata
    )


def prepare_bundle(settings: Settings, profile: CityProfile) -> BundleManifest:
    """
    Make the small city data that need no file, unless there are others.

    What the operator built from official files stays, and a folder that the operator
    names is never filled: when it is missing, its disk may not be mounted.

    Raises
    ------
    SourceError
        When it cannot be built or written, or the folder that the settings name holds
        no bundle.
    """
    folder = settings.city_data_dir
    if settings.geodata_dir is None:
        return make_small_bundle(folder, profile)
    file = folder / MANIFEST_FILE
    if not file.is_file() and not (settled(folder) and file.is_file()):
        message = (
            f"{folder}: no city data there, and KIDOHAN_GEODATA_DIR names it: is its "
            "disk mounted? Else build them (kidohan geodata build CONFIG -o "
            f"{folder}), or leave KIDOHAN_GEODATA_DIR out for the small data"
        )
        raise SourceError(message)
    return read_manifest(folder)


def make_small_bundle(folder: Path, profile: CityProfile) -> BundleManifest:
    """
    Make the small city data in a folder, or take those there when they still fit.

    Small data that are outdated or damaged are made again; a bundle that a person
    built stays as it is. Another process that makes them is waited for.

    Raises
    ------
    SourceError
        When they cannot be built or written, or what a person built is damaged.
    """
    if _is_usable(folder, profile):
        return read_manifest(folder)
    with only_one(folder):
        if _is_usable(folder, profile):  # another process has made it meanwhile
            return read_manifest(folder)
        # Readers and geopandas: needed here only.
        from geodata.bundle.build import build_held  # noqa: PLC0415
        from geodata.bundle.config import read_config  # noqa: PLC0415

        if (folder / MANIFEST_FILE).is_file():
            logger.warning("%s: small data, outdated or damaged: made again", folder)
        logger.info("city data of %s are made now into %s", profile.id, folder)
        config = read_config(profile.folder / CONFIG_FILE)
        return build_held(
            replace(config, inputs=_own_inputs(profile)),
            folder,
            profile=profile,
            at=SystemClock(profile.timezone).now(),
        )


def bundle_sources(bundle: Bundle) -> Iterator[DataSource]:
    """Tell the sources of a bundle in the form in which a city tells its own."""
    for source in bundle.manifest.sources:
        if source.num_kept:
            yield DataSource(
                id=source.id,
                title=source.title,
                publisher=source.publisher,
                licence=source.licence,
                date=source.date,
                note="",
                shown_text=source.shown_text,
            )


def _is_usable(folder: Path, profile: CityProfile) -> bool:
    """Whether there is a bundle that is the operator's, or ours, whole and of today."""
    try:
        made_from = json.loads((folder / MANIFEST_FILE).read_bytes()).get("inputs", "")
    except FileNotFoundError:
        return False
    except (OSError, ValueError, AttributeError):
        return True  # damaged, and perhaps the operator's: opening tells what to do
    if not made_from:
        return True
    return made_from == _own_inputs(profile) and _is_whole(folder)


def _is_whole(folder: Path) -> bool:
    """Whether our own small bundle is as it was made: some ten milliseconds."""
    try:
        files = read_manifest(folder).files
        return CITY_FILE in files and files.keys().isdisjoint(verify(folder))
    except (SourceError, OSError):
        return False


def _own_inputs(profile: CityProfile) -> str:
    """Fingerprint of the tables from which the small data are made."""
    digest = hashlib.sha256(f"{FORMAT} {gazetteer_version()}".encode())
    for name in OWN_TABLES:
        file = profile.folder / name
        digest.update(name.encode())
        digest.update(file.read_bytes() if file.is_file() else b"")
    return digest.hexdigest()
