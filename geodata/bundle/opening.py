"""Opening the city data in use: of the right city, and not those made for tests."""

from __future__ import annotations

from pathlib import Path

from dispatch.domain.errors import SourceError
from geodata.bundle.in_place import settled
from geodata.bundle.manifest import Purpose
from geodata.bundle.store import Bundle, open_bundle
from geodata.city import CityProfile


def open_city_bundle(folder: Path, profile: CityProfile, *, allow_test: bool) -> Bundle:
    """
    Open a bundle, checked as the service and the command line both want it.

    One that is being replaced is waited for, and one whose replacement was interrupted
    is put back.

    Parameters
    ----------
    folder
        Of the bundle.
    profile
        The city that it must be of.
    allow_test
        Whether a bundle made for tests, which may hold invented rows, is taken.

    Raises
    ------
    SourceError
        When it is missing, damaged, of another format or city, or made for tests
        against `allow_test`; says what to do.
    """
    bundle = _opened(folder)
    problem = _unsuited(bundle, profile, allow_test=allow_test)
    if problem:
        bundle.close()
        raise SourceError(f"{folder}: {problem}")
    return bundle


def _opened(folder: Path) -> Bundle:
    try:
        return open_bundle(folder)
    except SourceError:
        if not settled(folder):
            raise
    return open_bundle(folder)


def _unsuited(bundle: Bundle, profile: CityProfile, *, allow_test: bool) -> str:
    manifest = bundle.manifest
    if manifest.city != profile.id:
        return f"city data of {manifest.city}, not of {profile.id}"
    if manifest.purpose is Purpose.TEST and not allow_test:
        return (
            "made for tests, may hold invented rows; build it from official files, or "
            "set KIDOHAN_ALLOW_TEST_GEODATA=1 on a test machine"
        )
    return ""
