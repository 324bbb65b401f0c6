"""How the geocoder came to its answer, step by step, for a person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from dispatch.domain.local_place import written_place
from dispatch.domain.place import LonLat
from dispatch.domain.placing import Candidate, Placement
from geodata.address_text import folded, normalised
from geodata.geocoding.assets import find_asset, read_asset_text
from geodata.geocoding.coordinates import read_coordinates
from geodata.geocoding.engines import needs_second
from geodata.geocoding.geocoder import CityGeocoder, PlaceQuery
from geodata.geocoding.local import place_key

SHOWN_CANDIDATES = 5
NOTHING = "なし"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: what was asked, and what was said."""

    name: str
    said: str


def explained(
    geocoder: CityGeocoder, query: PlaceQuery, *, on: dt.date | None = None
) -> Iterator[Step]:
    """
    Tell each step of finding a place, each asked on its own, and the answer.

    Parameters
    ----------
    geocoder
        The city's.
    query
        What is sought; its words appear in the steps.
    on
        Day for which areas are wanted.
    """
    text = query.address
    yield Step(name="正規化", said=normalised(text))
    yield Step(name="異体字をそろえる", said=folded(normalised(text)))
    yield Step(name="地点辞書", said=_local(geocoder, query))
    given = read_coordinates(text, bounds=geocoder.bounds)
    coordinates = _point(given.place, given.radius_m) if given else NOTHING
    yield Step(name="座標", said=coordinates)
    reader = geocoder.reader
    address = reader.address_book.find(text, stated_ward=query.ward)
    yield Step(name="住所(辞書)", said=_told(address))
    if reader.assets is not None and read_asset_text(text) is not None:
        asset = find_asset(text, reader.assets)
        yield Step(
            name="台帳の番号", said=f"{asset.message} {_options(asset.candidates)}"
        )
    mark = reader.landmarks.find(query.landmark or text)
    yield Step(
        name="目標物",
        said=f"{mark.status.value}: {mark.message} {_options(mark.candidates)}",
    )
    if reader.second is not None:
        answer = reader.second.ask(text)
        names = (answer.municipality, answer.ward, answer.town)
        read = "".join((*names, answer.block and f"{answer.block}番", answer.number))
        sure = "確か" if answer.is_sure else "不確か"
        asked = "使う" if needs_second(address) else "使わない(辞書で足りる)"
        yield Step(name="第二の方法", said=f"{read or NOTHING}({sure})、{asked}")
    found = geocoder.find(query, on=on)
    yield Step(name="答え", said=_told(found))
    yield from _around(geocoder, found, on)


def _around(
    geocoder: CityGeocoder, found: Placement, on: dt.date | None
) -> Iterator[Step]:
    if geocoder.areas is None or found.place is None:
        return
    areas = geocoder.areas.at(
        found.place,
        on=on,
        radius_m=found.radius_m or 0,
        ward_code=found.ward_code or None,
    )
    border = f"{areas.border_m:.0f}m" if areas.border_m is not None else "不明"
    beyond = f"、その先は{areas.neighbour.name}" if areas.neighbour else ""
    yield Step(
        name="区",
        said=f"{areas.ward.name if areas.ward else NOTHING}(境界まで {border}{beyond})",
    )
    district = areas.district.name if areas.district else "データなし"
    others = "、".join(area.name for area in areas.neighbour_districts)
    doubt = f"(ほかに {others} の可能性)" if others else ""
    yield Step(name="校区", said=district + doubt)
    community = areas.community.name if areas.community else "データなし"
    yield Step(name="地域", said=community)
    yield Step(name="所管の工営所", said=areas.office_id or "データなし")


def _local(geocoder: CityGeocoder, query: PlaceQuery) -> str:
    if geocoder.local is None:
        return "使っていない"
    words = written_place(query.address, query.landmark)
    entries = geocoder.local.active(place_key(words))
    return "、".join(entry.label for entry in entries) or NOTHING


def _told(found: Placement) -> str:
    parts = [found.status.value, found.level.value if found.level else ""]
    numbers = "-".join(part for part in (found.block, found.number) if part)
    parts += [found.town, numbers, found.landmark, found.municipality]
    if found.place is not None:
        parts.append(_point(found.place, found.radius_m))
    if found.rest:
        parts.append(f"残り「{found.rest}」")
    if found.warnings:
        parts.append("注意 " + ", ".join(warning.value for warning in found.warnings))
    parts.append(_options(found.candidates))
    parts.append(found.message)
    return " ".join(part for part in parts if part)


def _point(place: LonLat | None, radius_m: int | None) -> str:
    if place is None:
        return "地球上にない座標"
    return f"{place.lon:.6f}, {place.lat:.6f} ±{radius_m}m"


def _options(candidates: tuple[Candidate, ...]) -> str:
    labels = [
        one.label + "-".join(part for part in ("", one.block, one.number) if part)
        for one in candidates[:SHOWN_CANDIDATES]
    ]
    if not labels:
        return ""
    more = len(candidates) - len(labels)
    return f"候補: {'、'.join(labels)}" + (f" ほか{more}" if more else "")
