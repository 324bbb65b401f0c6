"""The city file of a bundle (SQLite): its tables, and records to rows and back."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from shapely import wkb

from dispatch.domain.place import LonLat
from geodata.bundle.names import asset_key
from geodata.bundle.records import (
    AreaRecord,
    AssetRecord,
    BlockRecord,
    CrossingRecord,
    FacilityRecord,
    HouseRecord,
    JurisdictionRecord,
    Layer,
    Record,
    SchoolRecord,
    TownRecord,
)

TownKey = tuple[str, str]  # ward code, town
SqlRow = tuple[Any, ...]

# Houses and blocks carry the row of their town: 390,000 names would be 12 MB more.
_SCHEMA = """
CREATE TABLE towns (id INTEGER PRIMARY KEY, ward_code TEXT NOT NULL, name TEXT NOT NULL,
  oaza TEXT NOT NULL, chome INTEGER, lon REAL NOT NULL, lat REAL NOT NULL,
  radius_m INTEGER NOT NULL);
CREATE TABLE blocks (town_id INTEGER NOT NULL, block TEXT NOT NULL, lon REAL NOT NULL,
  lat REAL NOT NULL, num_points INTEGER NOT NULL, PRIMARY KEY (town_id, block))
  WITHOUT ROWID;
CREATE TABLE houses (town_id INTEGER NOT NULL, block TEXT NOT NULL,
  number TEXT NOT NULL, lon REAL NOT NULL, lat REAL NOT NULL,
  PRIMARY KEY (town_id, block, number)) WITHOUT ROWID;
CREATE TABLE facilities (id TEXT NOT NULL, name TEXT NOT NULL, lon REAL NOT NULL,
  lat REAL NOT NULL, kana TEXT NOT NULL, kind TEXT NOT NULL, ward_code TEXT NOT NULL,
  address TEXT NOT NULL, names TEXT NOT NULL);
CREATE TABLE schools (id TEXT NOT NULL, name TEXT NOT NULL, short_name TEXT NOT NULL,
  ward_code TEXT NOT NULL, lon REAL NOT NULL, lat REAL NOT NULL,
  active INTEGER NOT NULL);
CREATE TABLE assets (kind TEXT NOT NULL, key TEXT NOT NULL, lon REAL NOT NULL,
  lat REAL NOT NULL, ward_code TEXT NOT NULL, PRIMARY KEY (kind, key, lon, lat))
  WITHOUT ROWID;
CREATE TABLE crossings (road_a TEXT NOT NULL, road_b TEXT NOT NULL, lon REAL NOT NULL,
  lat REAL NOT NULL);
CREATE TABLE areas (layer TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
  ward_code TEXT NOT NULL, valid_from TEXT, valid_to TEXT, wkb BLOB NOT NULL);
CREATE TABLE jurisdictions (ward_code TEXT NOT NULL, office_id TEXT NOT NULL,
  valid_from TEXT NOT NULL, valid_to TEXT, confidence TEXT NOT NULL);
"""


def write_layers(
    file: Path,
    layers: Mapping[Layer, Sequence[Record]],
    radii: Mapping[TownKey, int],
) -> None:
    """
    Write the city file; the same records give the same bytes.

    Parameters
    ----------
    file
        Must not exist yet.
    layers
        Records by layer, merged and checked: every block and house is in a town of
        the towns, and no key stands twice.
    radii
        Radius of each town, metres.
    """
    town_ids: dict[TownKey, int] = {}
    rows: defaultdict[str, list[SqlRow]] = defaultdict(list)
    for layer in Layer:
        for record in layers.get(layer, ()):
            if isinstance(record, TownRecord):
                key = (record.ward_code, record.name)
                town_ids[key] = len(town_ids) + 1
                rows["towns"].append(_town_row(record, town_ids[key], radii[key]))
            elif isinstance(record, BlockRecord | HouseRecord):
                town_id = town_ids[record.ward_code, record.town]
                rows[layer].append((town_id, *_number_row(record)))
            else:
                table, row = _row(record)
                rows[table].append(row)
    with closing(sqlite3.connect(file)) as base:
        base.executescript(_SCHEMA)
        for table, values in rows.items():
            marks = ",".join("?" * len(values[0]))
            insert = f"INSERT INTO {table} VALUES ({marks})"  # noqa: S608 - our names
            base.executemany(insert, values)
        base.commit()
        base.execute("VACUUM")


def _town_row(town: TownRecord, town_id: int, radius_m: int) -> SqlRow:
    place = town.place
    return (
        *(town_id, town.ward_code, town.name, town.oaza, town.chome),
        *(place.lon, place.lat, radius_m),
    )


def _number_row(record: BlockRecord | HouseRecord) -> SqlRow:
    place = record.place
    if isinstance(record, BlockRecord):
        return (record.block, place.lon, place.lat, record.num_points)
    return (record.block, record.number, place.lon, place.lat)


def _row(
    record: FacilityRecord
    | SchoolRecord
    | AssetRecord
    | CrossingRecord
    | AreaRecord
    | JurisdictionRecord,
) -> tuple[str, SqlRow]:
    """Table of a record, and its row in it."""
    match record:
        case FacilityRecord(id=id_, name=name, place=place):
            names = json.dumps(record.names, ensure_ascii=False)
            own = (record.kana, record.kind, record.ward_code, record.address, names)
            return "facilities", (id_, name, place.lon, place.lat, *own)
        case SchoolRecord(id=id_, name=name, place=place):
            head = (id_, name, record.short_name, record.ward_code)
            return "schools", (*head, place.lon, place.lat, int(record.active))
        case AssetRecord(kind=kind, key=key, place=place):
            row = (kind, asset_key(key), place.lon, place.lat, record.ward_code)
            return "assets", row
        case CrossingRecord(roads=roads, place=place):
            return "crossings", (*roads, place.lon, place.lat)
        case AreaRecord(id=id_, name=name, ward_code=code):
            period = (_iso(record.valid_from), _iso(record.valid_to))
            shape = wkb.dumps(record.geometry)
            return "areas", (record.layer.value, id_, name, code, *period, shape)
        case _:
            period = (_iso(record.valid_from), _iso(record.valid_to))
            ids = (record.ward_code, record.office_id)
            return "jurisdictions", (*ids, *period, record.confidence)


def town_of(row: SqlRow) -> TownRecord:
    """Town of a row of `towns`."""
    _, ward_code, name, oaza, chome, lon, lat, _ = row
    return TownRecord(
        ward_code=ward_code, name=name, oaza=oaza, chome=chome, place=LonLat(lon, lat)
    )


def facility_of(row: SqlRow) -> FacilityRecord:
    """Facility of a row of `facilities`."""
    id_, name, lon, lat, kana, kind, ward_code, address, names = row
    return FacilityRecord(
        id=id_,
        name=name,
        place=LonLat(lon, lat),
        kana=kana,
        kind=kind,
        ward_code=ward_code,
        address=address,
        names=tuple(json.loads(names)),
    )


def school_of(row: SqlRow) -> SchoolRecord:
    """School of a row of `schools`."""
    id_, name, short_name, ward_code, lon, lat, active = row
    return SchoolRecord(
        id=id_,
        name=name,
        short_name=short_name,
        ward_code=ward_code,
        place=LonLat(lon, lat),
        active=bool(active),
    )


def asset_of(row: SqlRow) -> AssetRecord:
    """Numbered thing of a row of `assets`."""
    kind, key, lon, lat, ward_code = row
    return AssetRecord(kind=kind, key=key, place=LonLat(lon, lat), ward_code=ward_code)


def crossing_of(row: SqlRow) -> CrossingRecord:
    """Crossing of a row of `crossings`."""
    road_a, road_b, lon, lat = row
    return CrossingRecord(roads=(road_a, road_b), place=LonLat(lon, lat))


def area_of(row: SqlRow) -> AreaRecord:
    """Area of a row of `areas`."""
    layer, id_, name, ward_code, valid_from, valid_to, shape = row
    return AreaRecord(
        layer=Layer(layer),
        id=id_,
        name=name,
        ward_code=ward_code,
        geometry=wkb.loads(shape),
        valid_from=_day(valid_from),
        valid_to=_day(valid_to),
    )


def jurisdiction_of(row: SqlRow) -> JurisdictionRecord:
    """Jurisdiction of a row of `jurisdictions`."""
    ward_code, office_id, valid_from, valid_to, confidence = row
    return JurisdictionRecord(
        ward_code=ward_code,
        office_id=office_id,
        valid_from=dt.date.fromisoformat(valid_from),
        valid_to=_day(valid_to),
        confidence=confidence,
    )


def _iso(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()


def _day(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)
