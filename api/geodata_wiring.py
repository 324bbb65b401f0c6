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
from geodata.bundle.manifest import (
    FORMAT,
    MANIFEST_FILE,
    BundleManifest,
    Purpose,
    read_manifest,
)
from geodata.bundle.store import Bundle, open_bundle
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
    folder = settings.city_data_dir
    if settings.geodata_dir is None and not _is_usable(folder, profile):
        prepare_bundle(settings, profile)
    bundle = open_bundle(folder)
    if bundle.manifest.city != profile.id:
        bundle.close()
        message = f"{folder}: city data of {bundle.manifest.city}, not of {profile.id}"
        raise SourceError(message)
    if bundle.manifest.purpose is Purpose.TEST and not settings.allow_test_geodata:
        bundle.close()
        message = (
            f"{folder}: made for tests, may hold invented rows; build it from official "
            "files, or set KIDOHAN_ALLOW_TEST_GEODATA=1 on a test machine"
        )
        raise SourceError(message)
    return bundle


def prepare_bundle(settings: Settings, profile: CityProfile) -> BundleManifest:
    """
    Make the small city data that need no file, unless there are others.

    What the operator built from official files stays.

    Raises
    ------
    SourceError
        When it cannot be built or written.
    """
    folder = settings.city_data_dir
    if _is_usable(folder, profile):
        return read_manifest(folder)
    # Readers and geopandas: needed here only.
    from geodata.bundle.build import build_bundle  # noqa: PLC0415
    from geodata.bundle.config import read_config  # noqa: PLC0415

    logger.info("city data of %s are made now into %s", profile.id, folder)
    config = read_config(profile.folder / CONFIG_FILE)
    return build_bundle(
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
    """Whether there is a bundle that is the operator's, or ours and not outdated."""
    file = folder / MANIFEST_FILE
    if not file.is_file():
        return False
    try:
        made_from = json.loads(file.read_bytes()).get("inputs", "")
    except (OSError, ValueError, AttributeError):
        return True  # damaged, and perhaps the operator's: opening tells what to do
    return not made_from or made_from == _own_inputs(profile)


def _own_inputs(profile: CityProfile) -> str:
    """Fingerprint of the tables from which the small data are made."""
    digest = hashlib.sha256(f"{FORMAT} {gazetteer_version()}".encode())
    for name in OWN_TABLES:
        file = profile.folder / name
        digest.update(name.encode())
        digest.update(file.read_bytes() if file.is_file() else b"")
    return digest.hexdigest()
