"""Facilities, schools, assets and crossings: things with a name or number, and a point.

Jurisdiction, the one table without points, is read here too.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable

from dispatch.domain.place import LonLat
from geodata.bundle.csv_rows import (
    CsvRow,
    TableForm,
    WardFinder,
    main_table,
    option_text,
)
from geodata.bundle.names import ELEMENTARY, asset_key, short_school_name
from geodata.bundle.reading import ReadContext, SourceConfig
from geodata.bundle.records import (
    AssetRecord,
    CrossingRecord,
    FacilityRecord,
    JurisdictionRecord,
    Layer,
    LayerRead,
    SchoolRecord,
)

OSAKA_FACILITIES = TableForm(
    columns={
        "id": ("施設ID",),
        "name": ("施設名",),
        "kana": ("施設名かな",),
        "address": ("所在地",),
        "ward": ("地区名",),
        "group": ("大分類",),
        "kind": ("小分類",),
        "lon": ("lon", "X"),
        "lat": ("lat", "Y"),
    },
    optional=frozenset({"id", "kana", "address", "ward", "group", "kind"}),
)
RECOMMENDED_FACILITIES = TableForm(
    columns={
        "body": ("全国地方公共団体コード", "都道府県コード又は市区町村コード"),
        "id": ("ID", "NO"),
        "name": ("名称",),
        "kana": ("名称_カナ",),
        "names": ("名称_通称",),
        "kind": ("POIコード",),
        "ward": ("所在地_全国地方公共団体コード",),
        "address": ("所在地_連結表記", "住所"),
        "lon": ("経度",),
        "lat": ("緯度",),
    },
    optional=frozenset({"body", "id", "kana", "names", "kind", "ward", "address"}),
)
POINTS = TableForm(
    columns={
        "id": ("id",),
        "name": ("name",),
        "kana": ("kana",),
        "names": ("names",),
        "kind": ("kind",),
        "ward": ("ward",),
        "address": ("address",),
        "lon": ("lon",),
        "lat": ("lat",),
    },
    optional=frozenset({"id", "kana", "names", "kind", "ward", "address"}),
)
SCHOOLS = TableForm(
    columns={
        "id": ("id",),
        "name": ("name",),
        "short_name": ("short_name",),
        "kind": ("kind",),
        "ward": ("ward_code", "ward"),
        "active": ("active",),
        "lon": ("lon",),
        "lat": ("lat",),
    },
    optional=frozenset({"id", "short_name", "kind", "active"}),
)
ASSETS = TableForm(
    columns={
        "kind": ("kind",),
        "key": ("key",),
        "ward": ("ward",),
        "lon": ("lon",),
        "lat": ("lat",),
    },
    optional=frozenset({"kind", "ward"}),
)
CROSSINGS = TableForm(
    columns={
        "road_a": ("road_a",),
        "road_b": ("road_b",),
        "name": ("name",),
        "lon": ("lon",),
        "lat": ("lat",),
    },
    optional=frozenset({"name"}),
)
JURISDICTION = TableForm(
    columns={
        "ward_code": ("ward_code",),
        "office_id": ("office_id",),
        "valid_from": ("valid_from",),
        "valid_to": ("valid_to",),
        "confidence": ("confidence",),
    },
    optional=frozenset({"valid_from", "valid_to", "confidence"}),
)
CROSSING_KIND = "交差点"
# What ledgers call a thing, and the word of `AssetRecord.kind`.
ASSET_KINDS = {
    "street_lamp": "street_lamp",
    "照明灯": "street_lamp",
    "道路照明灯": "street_lamp",
    "街路灯": "street_lamp",
    "街灯": "street_lamp",
    "pole": "pole",
    "電柱": "pole",
    "電信柱": "pole",
    "manhole": "manhole",
    "マンホール": "manhole",
    "mirror": "mirror",
    "カーブミラー": "mirror",
    "道路反射鏡": "mirror",
}
MAX_KEY = 40  # characters of the number of an asset

_FLAGS = {"true": True, "1": True, "false": False, "0": False, "": True}
_LIST = re.compile(r"[|;；、]")


def read_osaka_facilities(
    source: SourceConfig, context: ReadContext
) -> LayerRead[FacilityRecord]:
    """
    施設情報ポイントデータ of 大阪市: points in degrees, as lon, lat or X, Y.

    Rows of 大阪市以外 are not taken.

    Raises
    ------
    SourceError
        When the file is missing or of another form.
    """
    return _read_facilities(source, context, OSAKA_FACILITIES)


def read_recommended_facilities(
    source: SourceConfig, context: ReadContext
) -> LayerRead[FacilityRecord]:
    """
    公共施設一覧 of the recommended open data sets, in its old or new columns.

    Raises
    ------
    SourceError
        When the file is missing or of another form.
    """
    return _read_facilities(source, context, RECOMMENDED_FACILITIES)


def read_points(
    source: SourceConfig, context: ReadContext
) -> LayerRead[FacilityRecord]:
    """
    Any CSV of named points, by its mapping of columns; `names` split at bars.

    Raises
    ------
    SourceError
        When the file is missing or of another form.
    """
    return _read_facilities(source, context, POINTS)


def read_profile_schools(
    _source: SourceConfig, context: ReadContext
) -> LayerRead[SchoolRecord]:
    """Elementary schools of the city's profile."""
    return LayerRead(
        records=[
            SchoolRecord(
                id=school.id,
                name=school.name,
                short_name=school.short_name,
                ward_code=school.ward_code,
                place=school.place,
                active=school.active,
            )
            for school in context.profile.schools
        ]
    )


def read_schools(source: SourceConfig, context: ReadContext) -> LayerRead[SchoolRecord]:
    """
    Elementary schools: columns name, ward_code, lon, lat; better with kind and active.

    A school without an id has that of the profile's school of its name and ward, or
    one made of ward and name. Rows of another kind than 小学校 are not taken.

    Raises
    ------
    SourceError
        When the file is missing or of another form.
    """
    wards = WardFinder(context.profile)
    known = {(s.ward_code, s.name): s.id for s in context.profile.schools}

    def make(row: CsvRow) -> SchoolRecord | None:
        ward_code = wards.code(row.text("ward"))
        if ward_code is None or row.optional("kind") not in ("", ELEMENTARY):
            return None
        name = row.text("name")
        active = _FLAGS.get(row.optional("active").lower())
        if active is None:
            raise row.refusal("active", "not true or false")
        return SchoolRecord(
            id=row.optional("id")
            or known.get((ward_code, name))
            or f"{ward_code}-{_digest(name)}",
            name=name,
            short_name=row.optional("short_name")
            or short_school_name(name, context.profile.name),
            ward_code=ward_code,
            place=row.place(),
            active=active,
        )

    return main_table(source, context, SCHOOLS).read(make)


def read_assets(source: SourceConfig, context: ReadContext) -> LayerRead[AssetRecord]:
    """
    Numbered things of the road: kind, key, lon, lat; the kind may be `options.kind`.

    Several things may have one number; the same row again is dropped.

    Raises
    ------
    SourceError
        When the file is missing or of another form.
    """
    wards = WardFinder(context.profile)
    of_all = option_text(source, "kind")

    def make(row: CsvRow) -> AssetRecord | None:
        ward = row.optional("ward")
        ward_code = wards.code(ward) if ward else ""
        if ward_code is None:
            return None
        kind = ASSET_KINDS.get(row.optional("kind") or of_all)
        if kind is None:
            raise row.refusal("kind", "not a kind of asset")
        key = asset_key(row.text("key"))
        if not 0 < len(key) <= MAX_KEY:
            raise row.refusal("key", f"not 1 to {MAX_KEY} characters")
        return AssetRecord(kind=kind, key=key, place=row.place(), ward_code=ward_code)

    read = main_table(source, context, ASSETS).read(make)
    return LayerRead(
        records=list(dict.fromkeys(read.records)),
        refused=read.refused,
        num_elsewhere=read.num_elsewhere,
    )


def read_crossings(
    source: SourceConfig, context: ReadContext
) -> LayerRead[CrossingRecord] | LayerRead[FacilityRecord]:
    """
    Where two named roads cross: road_a, road_b, lon, lat.

    For the layer of facilities the crossings' own names are read (column `name`), kind
    交差点; crossings without a name are then not taken.

    Raises
    ------
    SourceError
        When the file is missing or of another form.
    """
    table = main_table(source, context, CROSSINGS)
    if source.layer is Layer.FACILITIES:
        return table.read(_crossing_name(source))
    return table.read(_crossing)


def read_profile_jurisdiction(
    _source: SourceConfig, context: ReadContext
) -> LayerRead[JurisdictionRecord]:
    """Jurisdiction of the city's profile; `valid_to` is the first day of the next."""
    return LayerRead(
        records=[
            JurisdictionRecord(
                ward_code=row.ward_code,
                office_id=row.office_id,
                valid_from=row.valid_from,
                valid_to=row.valid_to,
                confidence=row.confidence,
            )
            for row in context.profile.jurisdictions
        ]
    )


def read_jurisdiction(
    source: SourceConfig, context: ReadContext
) -> LayerRead[JurisdictionRecord]:
    """
    Which ward belongs to which office, written by id or name, and when (YYYY-MM-DD).

    Where the file has no day, that of the source counts. `valid_to` of a row is the
    first day of the next office, as in the profile's table.

    Raises
    ------
    SourceError
        When the file is missing or of another form.
    """
    wards = WardFinder(context.profile)
    # The source's last day is included, that of the table's rows is not.
    last = source.valid_to
    after_source = last + dt.timedelta(days=1) if last else None
    offices = {
        key: office.id
        for office in context.profile.offices
        for key in (office.name, office.id)
    }

    def make(row: CsvRow) -> JurisdictionRecord | None:
        ward_code = wards.code(row.text("ward_code"))
        if ward_code is None:
            return None
        office_id = offices.get(row.text("office_id"))
        if office_id is None:
            raise row.refusal("office_id", "not an office of the city")
        valid_from = _day(row, "valid_from") or source.valid_from
        if valid_from is None:
            raise row.refusal("valid_from", "empty")
        valid_to = _day(row, "valid_to") or after_source
        if valid_to is not None and valid_to <= valid_from:
            raise row.refusal("valid_to", "not after valid_from")
        return JurisdictionRecord(
            ward_code=ward_code,
            office_id=office_id,
            valid_from=valid_from,
            valid_to=valid_to,
            confidence=row.optional("confidence"),
        )

    return main_table(source, context, JURISDICTION).read(make)


def _read_facilities(
    source: SourceConfig, context: ReadContext, form: TableForm
) -> LayerRead[FacilityRecord]:
    wards = WardFinder(context.profile)
    city = context.profile.gazetteer.city or context.profile.name
    of_all = option_text(source, "kind")

    def make(row: CsvRow) -> FacilityRecord | None:
        stated = row.optional("ward")
        ward_code = wards.code(stated)
        if ward_code is None and stated not in ("", city, row.optional("body")):
            return None
        name = row.text("name")
        address = row.optional("address")
        place = row.place()
        return FacilityRecord(
            id=_facility_id(row, name, place, source=source),
            name=name,
            place=place,
            kana=row.optional("kana"),
            kind=_kind(row) or of_all,
            ward_code=ward_code or wards.code_at_start(address) or "",
            address=address,
            names=_listed(row.optional("names")),
        )

    return main_table(source, context, form).read(make)


def _kind(row: CsvRow) -> str:
    """Class of a facility with the group above it: 学校/小学校."""
    parts = (row.optional("group"), row.optional("kind"))
    return "/".join(part for part in parts if part)


def _facility_id(row: CsvRow, name: str, place: LonLat, *, source: SourceConfig) -> str:
    """Id within all sources: that of the publisher, or one made of name and place."""
    own = row.optional("id") or _digest(f"{name} {place.lon:.6f} {place.lat:.6f}")
    return f"{source.id}:{own}"


def _listed(text: str) -> tuple[str, ...]:
    parts = (part.strip() for part in _LIST.split(text))
    return tuple(part for part in parts if part)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _crossing(row: CsvRow) -> CrossingRecord:
    first, second = sorted((row.text("road_a"), row.text("road_b")))
    if first == second:
        raise row.refusal("road_b", "the same road twice")
    return CrossingRecord(roads=(first, second), place=row.place())


def _crossing_name(source: SourceConfig) -> Callable[[CsvRow], FacilityRecord | None]:
    def make(row: CsvRow) -> FacilityRecord | None:
        name = row.optional("name")
        if not name:
            return None
        place = row.place()
        return FacilityRecord(
            id=_facility_id(row, name, place, source=source),
            name=name,
            place=place,
            kind=CROSSING_KIND,
        )

    return make


def _day(row: CsvRow, column: str) -> dt.date | None:
    text = row.optional(column)
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise row.refusal(column, "not a date (YYYY-MM-DD)") from None
