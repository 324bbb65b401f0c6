"""Readers of area files: wards, school districts, communities (地域)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import shapely
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from geodata.address_text import folded, normalised
from geodata.bundle.names import short_school_name
from geodata.bundle.osm_crossings import OSM_FORMATS
from geodata.bundle.polygon_files import (
    Feature,
    merged,
    read_features,
    sound_polygon,
)
from geodata.bundle.reading import Format, ReadContext, SourceConfig
from geodata.bundle.records import (
    AreaRecord,
    Layer,
    LayerRead,
    Refused,
    SchoolRecord,
)
from geodata.bundle.school_points import (
    SCHOOL_CODE,
    column_of,
    read_p29,
    refused_row,
    ward_codes,
)
from geodata.bundle.voronoi import Validity, district_areas, ward_areas
from geodata.city import CityProfile
from geodata.towns import places_around

CODE_COLUMNS = ("ward_code", "code", "ref", "ref:jis", "jis_code")
NAME_COLUMNS = ("name:ja", "name", "ward")
NO_POLYGON = "no polygon"
_MUNICIPALITY = re.compile(r"[0-9]{5}")
_ELEMENTARY = re.compile(r".+(小学校|学園|義務教育学校|小中学校)")
_FOUNDED = re.compile(r".+立")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """What a row says of an area; `ward_code` is None for one of another place."""

    feature: Feature
    id: str
    name: str
    ward_code: str | None


def read_n03(source: SourceConfig, context: ReadContext) -> LayerRead[AreaRecord]:
    """
    Read the wards of 国土数値情報 行政区域 by their code (N03_007).

    Names moved by a column in the 2024 edition, and 北区 exists in several cities: the
    code is the same in every edition. Ground without a municipality has none.
    """
    profile = context.profile
    codes = ward_codes(profile)
    features = read_features(
        source, profile, columns=("N03_007",), epsg=profile.geographic_epsg
    )
    code_of = {one.row: codes.get(one.texts["N03_007"]) for one in features}
    return _wards(source, context, features, lambda one: code_of[one.row])


def read_osm_boundary(
    source: SourceConfig, context: ReadContext
) -> LayerRead[AreaRecord]:
    """
    Read the wards of an OpenStreetMap extract by code, or else by name.

    A name alone may be that of another city's ward: such a shape counts only when a
    town of our ward lies in it. Points and lines of the extract are passed over.
    """
    profile = context.profile
    codes, names = ward_codes(profile), ward_names(profile)
    points: defaultdict[str, list[LonLat]] = defaultdict(list)
    for town in context.towns:
        points[town.ward_code].append(town.place)

    def code_of(feature: Feature) -> str | None:
        stated = codes.get(feature.first(CODE_COLUMNS))
        if stated is not None:
            return stated
        code = names.get(plain(feature.first(NAME_COLUMNS)))
        if code is None or feature.shape is None:
            return None
        inside = shapely.contains_xy(
            feature.shape,
            [place.lon for place in points[code]],
            [place.lat for place in points[code]],
        )
        return code if inside.any() else None

    features = read_features(source, profile)
    shaped = [one for one in features if one.shape is None or one.shape.area > 0]
    read = _wards(source, context, shaped, code_of)
    return LayerRead(
        records=read.records,
        refused=read.refused,
        num_elsewhere=read.num_elsewhere + len(features) - len(shaped),
    )


def read_polygons(source: SourceConfig, context: ReadContext) -> LayerRead[AreaRecord]:
    """
    Read any polygon file by `source.columns`: `id`, `name` and `ward`.

    Wards need `id` (the code, or the name); the others need `name`. Without `ward` an
    area belongs to the ward that holds most of it; without `id` a district is that of
    the school of its name.
    """
    columns, profile = dict(source.columns), context.profile
    needed = "id" if source.layer is Layer.WARDS else "name"
    if needed not in columns or set(columns) - {"id", "name", "ward"}:
        message = (
            f"source {source.id}: columns: {needed} is needed; "
            "id, name and ward are known"
        )
        raise SourceError(message)
    features = read_features(source, profile, columns=tuple(columns.values()))
    keys = ward_codes(profile) | ward_names(profile)

    def ward_of(feature: Feature, column: str) -> str | None:
        return keys.get(plain(feature.texts[columns[column]]))

    if source.layer is Layer.WARDS:
        return _wards(source, context, features, lambda one: ward_of(one, "id"))
    largest = _LargestShare(context.wards)
    rows = [
        _Named(
            feature=one,
            id=one.texts[columns["id"]] if "id" in columns else "",
            name=one.texts[columns["name"]],
            ward_code=ward_of(one, "ward")
            if "ward" in columns
            else largest.ward_code(one.shape),
        )
        for one in features
    ]
    return _areas(source, context, rows)


def read_a27(source: SourceConfig, context: ReadContext) -> LayerRead[AreaRecord]:
    """
    Read the districts of 国土数値情報 小学校区, in either order of its columns.

    Columns are told by what they hold. A row is the city's when its code is that of a
    ward, or the city founded the school (大阪市立); a designated city's rows may all
    carry the code of the city.

    Raises
    ------
    SourceError
        When no row is the city's: many cities never gave their districts.
    """
    profile = context.profile
    features = read_features(source, profile, epsg=profile.geographic_epsg)
    columns = sorted(name for name in features[0].texts if name.startswith("A27_"))
    code = column_of(features, columns, _MUNICIPALITY)
    name = column_of(features, columns, _ELEMENTARY)
    founder = column_of(features, columns, _FOUNDED)
    school_code = column_of(features, columns, SCHOOL_CODE)
    if not code or not name:
        message = f"{source.file}: not a file of A27: no codes or no names of schools"
        raise SourceError(message)
    codes, largest = ward_codes(profile), _LargestShare(context.wards)
    rows = []
    for one in features:
        own = codes.get(one.texts[code])
        ours = own is not None or one.texts.get(founder) == f"{profile.name}立"
        rows.append(
            _Named(
                feature=one,
                id=one.texts.get(school_code, ""),
                name=one.texts[name],
                ward_code=(largest.ward_code(one.shape) or own) if ours else None,
            )
        )
    if all(row.ward_code is None for row in rows):
        message = (
            f"{source.file}: holds no school district of {profile.name}; A27 lacks "
            "cities that did not give theirs: use the city's own file, or "
            "voronoi_schools"
        )
        raise SourceError(message)
    return _areas(source, context, rows)


def read_voronoi_towns(
    source: SourceConfig, context: ReadContext
) -> LayerRead[AreaRecord]:
    """Approximate the wards from the towns of the sources before this one."""
    if not context.towns:
        message = f"source {source.id}: voronoi_towns needs a source of towns"
        raise SourceError(message)
    return LayerRead(
        records=ward_areas(
            context.profile,
            context.towns,
            around=places_around(context.profile),
            validity=_validity(source),
        )
    )


def read_voronoi_schools(
    source: SourceConfig, context: ReadContext
) -> LayerRead[AreaRecord]:
    """Approximate the districts from the wards and schools of earlier sources."""
    if not context.wards or not context.schools:
        message = f"source {source.id}: voronoi_schools needs wards and schools"
        raise SourceError(message)
    areas = district_areas(
        context.profile, context.wards, context.schools, validity=_validity(source)
    )
    given = {area.id for area in areas}
    refused = tuple(
        Refused(row=number, column="place", problem="no ground of its own in its ward")
        for number, school in enumerate(context.schools, start=2)
        if school.active and school.id not in given
    )
    return LayerRead(records=areas, refused=refused)


def ward_names(profile: CityProfile) -> dict[str, str]:
    """Code of each ward by its name, with and without the city's before it."""
    names = {plain(ward.name): ward.code for ward in profile.wards}
    return names | {plain(profile.name) + name: code for name, code in names.items()}


def plain(name: str) -> str:
    """One spelling of a name, to compare it."""
    return folded(normalised(name)).replace(" ", "")


class _LargestShare:
    """The ward that holds most of a shape."""

    def __init__(self, wards: Sequence[AreaRecord]) -> None:
        self._wards = wards
        self._tree = STRtree([ward.geometry for ward in wards])

    def ward_code(self, shape: BaseGeometry | None) -> str | None:
        """Code of the ward; None when the shape lies in no ward."""
        ours = sound_polygon(shape)
        if ours is None:
            return None
        # Shares of one shape: square degrees compare as well as square metres.
        shares = [
            (ours.intersection(self._wards[hit].geometry).area, -int(hit))
            for hit in self._tree.query(ours, predicate="intersects")
        ]
        area, hit = max(shares, default=(0.0, 0))
        return self._wards[-hit].ward_code if area > 0 else None


def _wards(
    source: SourceConfig,
    context: ReadContext,
    features: Sequence[Feature],
    code_of: Callable[[Feature], str | None],
) -> LayerRead[AreaRecord]:
    """Wards in the profile's order; the rows of one ward are its parts."""
    parts: defaultdict[str, list[BaseGeometry]] = defaultdict(list)
    refused, num_elsewhere = [], 0
    for one in features:
        code = code_of(one)
        if code is None and not one.is_made_up:
            num_elsewhere += 1
        elif code is None or (shape := sound_polygon(one.shape)) is None:
            refused.append(refused_row(one, "geometry", NO_POLYGON))
        else:
            parts[code].append(shape)
    if not parts:
        message = f"{source.file}: holds no ward of {context.profile.name}"
        raise SourceError(message)
    records = [
        AreaRecord(
            layer=source.layer,
            id=ward.code,
            name=ward.name,
            ward_code=ward.code,
            geometry=merged(parts[ward.code]),
            valid_from=source.valid_from,
            valid_to=source.valid_to,
        )
        for ward in context.profile.wards
        if ward.code in parts
    ]
    return LayerRead(
        records=records, refused=tuple(refused), num_elsewhere=num_elsewhere
    )


def _areas(
    source: SourceConfig, context: ReadContext, rows: Iterable[_Named]
) -> LayerRead[AreaRecord]:
    """Districts or communities in the file's order; rows of one id are its parts."""
    found: dict[str, list[_Named]] = {}
    shapes: defaultdict[str, list[BaseGeometry]] = defaultdict(list)
    refused, num_elsewhere = [], 0
    identity = _Identity(source, context)
    for row in rows:
        shape = sound_polygon(row.feature.shape)
        if row.ward_code is None and not row.feature.is_made_up:
            num_elsewhere += 1
        elif shape is None:
            refused.append(refused_row(row.feature, "geometry", NO_POLYGON))
        elif not row.name:
            refused.append(refused_row(row.feature, "name", "empty"))
        else:
            key = identity.of(row)
            same = found.setdefault(key, [])
            if same and same[0].ward_code != row.ward_code:
                problem = f"id of an area of another ward in row {same[0].feature.row}"
                refused.append(refused_row(row.feature, "id", problem))
                continue
            same.append(row)
            shapes[key].append(shape)
    records = [
        AreaRecord(
            layer=source.layer,
            id=key,
            name=identity.name(parts[0]),
            ward_code=parts[0].ward_code or "",
            geometry=merged(shapes[key]),
            valid_from=source.valid_from,
            valid_to=source.valid_to,
        )
        for key, parts in found.items()
    ]
    return LayerRead(
        records=records, refused=tuple(refused), num_elsewhere=num_elsewhere
    )


class _Identity:
    """Id and name of an area; a district has those of the school of its name."""

    def __init__(self, source: SourceConfig, context: ReadContext) -> None:
        self._is_district = source.layer is Layer.DISTRICTS
        self._profile = context.profile
        self._schools = {
            (school.ward_code, plain(name)): school
            for school in context.schools
            for name in (
                short_school_name(school.name, context.profile.name),
                school.short_name,
            )
        }

    def name(self, row: _Named) -> str:
        school = self._school(row)
        if school is not None:
            return school.short_name
        return self._short(row) if self._is_district else row.name

    def of(self, row: _Named) -> str:
        school = self._school(row)
        if school is not None:
            return school.id
        return row.id or f"{row.ward_code}-{self._short(row)}"

    def _school(self, row: _Named) -> SchoolRecord | None:
        if not self._is_district or row.ward_code is None:
            return None
        return self._schools.get((row.ward_code, plain(self._short(row))))

    def _short(self, row: _Named) -> str:
        return short_school_name(row.name, self._profile.name)


def _validity(source: SourceConfig) -> Validity:
    return Validity(valid_from=source.valid_from, valid_to=source.valid_to)


AREA_FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "n03": Format(layers=frozenset({Layer.WARDS}), read=read_n03),
        "osm_boundary": Format(layers=frozenset({Layer.WARDS}), read=read_osm_boundary),
        "polygons": Format(
            layers=frozenset({Layer.WARDS, Layer.DISTRICTS, Layer.COMMUNITIES}),
            read=read_polygons,
        ),
        "a27": Format(layers=frozenset({Layer.DISTRICTS}), read=read_a27),
        "p29": Format(
            layers=frozenset({Layer.FACILITIES, Layer.SCHOOLS}), read=read_p29
        ),
        "voronoi_towns": Format(
            layers=frozenset({Layer.WARDS}), read=read_voronoi_towns, needs_file=False
        ),
        "voronoi_schools": Format(
            layers=frozenset({Layer.DISTRICTS}),
            read=read_voronoi_schools,
            needs_file=False,
        ),
        **OSM_FORMATS,
    }
)
