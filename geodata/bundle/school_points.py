"""Reader of school points (P29), and what readers of 国土数値情報 share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from shapely import Point

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from geodata.bundle.made_up import MADE_UP
from geodata.bundle.names import short_school_name
from geodata.bundle.polygon_files import POINTS, Feature, read_features
from geodata.bundle.reading import ReadContext, SourceConfig
from geodata.bundle.records import (
    FacilityRecord,
    Layer,
    LayerRead,
    Refused,
    SchoolRecord,
)
from geodata.city import CityProfile

# P29_003, and P29_004 in editions before 2021 (国土数値情報 学校データ, code list
# SchoolClassCd).
SCHOOL_CLASSES: Mapping[str, str] = MappingProxyType(
    {
        "16001": "小学校",
        "16002": "中学校",
        "16003": "中等教育学校",
        "16004": "高等学校",
        "16005": "高等専門学校",
        "16006": "短期大学",
        "16007": "大学",
        "16011": "幼稚園",
        "16012": "特別支援学校",
        "16013": "認定こども園",
        "16014": "義務教育学校",
        "16015": "各種学校",
        "16016": "専修学校",
    }
)
ELEMENTARY = frozenset({"16001", "16014"})  # 義務教育学校 begins with the six years
MUNICIPAL = "3"  # 管理者コード: 市区町村
CLOSED = "2"  # 休校区分: 休校中
_SIX_DIGITS = re.compile(r"[0-9]{6}")
_SCHOOL_CLASS = re.compile(r"16[0-9]{3}")
SCHOOL_CODE = re.compile(r"[A-Z][0-9]{12}")
_SCHOOL_NAME = re.compile(r".+(学校|学園|幼稚園|こども園|大学|学院)")
MOST = 0.5  # of the values of a column


def read_p29(
    source: SourceConfig, context: ReadContext
) -> LayerRead[FacilityRecord] | LayerRead[SchoolRecord]:
    """
    Read 国土数値情報 学校: all as facilities, or the municipal elementary schools.

    The columns from the class on moved by one in the 2021 edition: they are counted
    from the column of names.
    """
    profile = context.profile
    features = read_features(
        source, profile, kinds=POINTS, epsg=profile.geographic_epsg
    )
    columns = sorted(name for name in features[0].texts if name.startswith("P29_"))
    name = column_of(features, columns, _SCHOOL_NAME)
    at = columns.index(name) if name else 0
    if at == 0 or column_of(features, [columns[at - 1]], _SCHOOL_CLASS) == "":
        message = f"{source.file}: not a file of P29: no names of schools after a class"
        raise SourceError(message)
    after = [*columns[at + 1 :], "", "", ""]
    layout = _P29(
        kind=columns[at - 1],
        name=name,
        address=after[0],
        manager=after[1],
        state=after[2],
        code=column_of(features, columns, SCHOOL_CODE),
    )
    codes = ward_codes(profile)
    ours = [(one, codes.get(one.texts[columns[0]])) for one in features]
    inside = [(one, code) for one, code in ours if code is not None]
    if not inside:
        message = f"{source.file}: holds no school of {profile.name}"
        raise SourceError(message)
    if source.layer is Layer.SCHOOLS:
        return _p29_schools(inside, layout, context, len(ours) - len(inside))
    return _p29_facilities(inside, layout, len(ours) - len(inside))


def ward_codes(profile: CityProfile) -> dict[str, str]:
    """Code of each ward by what files write: the code, or its first five digits."""
    keys = {ward.code: ward.code for ward in profile.wards}
    for ward in profile.wards:
        if _SIX_DIGITS.fullmatch(ward.code):  # the sixth is a check digit
            keys[ward.code[:5]] = ward.code
    return keys


def column_of(
    features: Sequence[Feature], columns: Sequence[str], pattern: re.Pattern[str]
) -> str:
    """Column of which most values fit a pattern; empty when there is none."""
    best, most = "", MOST
    for column in columns:
        values = [one.texts[column] for one in features if one.texts[column]]
        fitting = sum(1 for value in values if pattern.fullmatch(value))
        if values and fitting / len(values) > most:
            best, most = column, fitting / len(values)
    return best


def refused_row(feature: Feature, column: str, problem: str) -> Refused:
    """Describe a row that is left out; above all, that it is made up."""
    if feature.is_made_up:
        return Refused(row=feature.row, column="", problem=MADE_UP)
    return Refused(row=feature.row, column=column, problem=problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class _P29:
    """Columns of a file of P29; empty for one that the edition lacks."""

    kind: str
    name: str
    address: str
    manager: str
    state: str
    code: str


def _p29_facilities(
    features: Iterable[tuple[Feature, str]], layout: _P29, num_elsewhere: int
) -> LayerRead[FacilityRecord]:
    records, refused = [], []
    for one, ward_code in features:
        place = _point(one)
        name = one.texts[layout.name]
        if place is None or not name:
            refused.append(refused_row(one, layout.name, "no point or no name"))
            continue
        kind = SCHOOL_CLASSES.get(one.texts[layout.kind])
        records.append(
            FacilityRecord(
                id=one.texts.get(layout.code) or f"{ward_code}-{name}",
                name=name,
                place=place,
                kind=f"学校/{kind}" if kind else "学校",
                ward_code=ward_code,
                address=one.texts.get(layout.address, ""),
            )
        )
    return LayerRead(
        records=records, refused=tuple(refused), num_elsewhere=num_elsewhere
    )


def _p29_schools(
    features: Iterable[tuple[Feature, str]],
    layout: _P29,
    context: ReadContext,
    num_elsewhere: int,
) -> LayerRead[SchoolRecord]:
    known = {
        (school.ward_code, school.short_name): school.id
        for school in context.profile.schools
    }
    records, refused = [], []
    for one, ward_code in features:
        texts = one.texts
        elementary = texts[layout.kind] in ELEMENTARY
        if not elementary or texts.get(layout.manager) != MUNICIPAL:
            num_elsewhere += 1
            continue
        place = _point(one)
        name = texts[layout.name]
        if place is None or not name:
            refused.append(refused_row(one, layout.name, "no point or no name"))
            continue
        short = short_school_name(name, context.profile.name)
        own_id = texts.get(layout.code) or f"{ward_code}-{short}"
        records.append(
            SchoolRecord(
                id=known.get((ward_code, short), own_id),
                name=name,
                short_name=short,
                ward_code=ward_code,
                place=place,
                active=texts.get(layout.state) != CLOSED,
            )
        )
    return LayerRead(
        records=records, refused=tuple(refused), num_elsewhere=num_elsewhere
    )


def _point(feature: Feature) -> LonLat | None:
    shape = feature.shape
    return LonLat(shape.x, shape.y) if isinstance(shape, Point) else None
