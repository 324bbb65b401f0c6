"""Rows of files about places: public facilities, school districts, closures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import shapely

from api.closure_view import window_text
from api.export_charts import LAT_LON, counts, moments, texts
from api.export_request import ExportRequest
from api.wiring import Services
from api.wording import CLOSURE_REASON_TEXT
from dispatch.domain.catalogue import Urgency
from dispatch.domain.closure import Closure, ClosureShape
from dispatch.domain.exported import (
    DECIMALS,
    ExportRow,
    Shape,
    code_with_check,
    point_shape,
    rounded,
)
from dispatch.domain.life_cycle import NOT_DONE
from dispatch.domain.place import LonLat, PartnerOffice, WorksOffice
from geodata.bundle.records import AreaRecord
from geodata.city import CityProfile

OFFICE_COLUMNS = (
    *texts("全国地方公共団体コード ID 地方公共団体名 名称 種別"),
    *texts("所在地_全国地方公共団体コード 所在地_連結表記"),
    *LAT_LON,
    *texts("電話番号"),
)
DISTRICT_COLUMNS = (
    *texts("全国地方公共団体コード 区 校区ID 校区"),
    *counts("未了件数 うち緊急 うち期限超過"),
    *texts("境界"),
)
CLOSURE_COLUMNS = (
    *texts("ID 名称 理由 形"),
    *moments("開始日時 終了日時 解除日時"),
    *texts("毎日の時間帯 開庁日だけ"),
)
MUNICIPALITY_CODE = "municipality_code"  # label: the city's own code, six digits
SHAPE_TEXT = {ClosureShape.STRETCH: "区間", ClosureShape.AREA: "区域"}


def office_rows(services: Services) -> Iterator[ExportRow]:
    """Works offices, ward offices and those of partners, by kind and in order."""
    profile = services.profile
    for office in profile.offices:
        yield _office(profile, "工営所", office.id, office)
    for ward in profile.wards:
        if ward.office_name:
            seat = Facility(
                name=ward.office_name,
                address=ward.office_address,
                tel=ward.office_tel,
                place=ward.place,
            )
            yield _office(profile, "区役所", ward.code, seat)
    for number, partner in enumerate(profile.partner_offices, start=1):
        yield _office(profile, partner.kind, f"partner-{number}", partner)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facility:
    """A ward office as an office like the others."""

    name: str
    address: str
    tel: str
    place: LonLat | None


def _office(
    profile: CityProfile,
    kind: str,
    key: str,
    office: WorksOffice | PartnerOffice | Facility,
) -> ExportRow:
    place = office.place
    where = (None, None) if place is None else (rounded(place.lat), rounded(place.lon))
    # Addresses of the tables begin with the ward.
    within = (w.code for w in profile.wards if office.address.startswith(w.name))
    return ExportRow(
        cells=(
            profile.labels.get(MUNICIPALITY_CODE, ""),
            key,
            profile.name,
            office.name,
            kind,
            code_with_check(next(within, "")),
            office.address,
            *where,
            office.tel,
        ),
        shape=None if place is None else point_shape(place),
    )


def district_rows(services: Services, asked: ExportRequest) -> Iterator[ExportRow]:
    """School districts of today with what is open in them now."""
    lists = services.lists
    query = replace(asked.of_areas(), statuses=tuple(NOT_DONE))
    open_, urgent, overdue = (
        lists.count_by_district(one)
        for one in (
            query,
            replace(query, urgency=Urgency.S),
            replace(query, overdue_at=services.clock.now()),
        )
    )
    wards = {ward.code: ward.name for ward in services.profile.wards}
    border = "概略" if services.areas.is_approximate else "公表"
    for area in services.areas.districts:
        if asked.ward_code not in {"", area.ward_code}:
            continue
        if asked.district_id not in {"", area.id}:
            continue
        yield ExportRow(
            cells=(
                code_with_check(area.ward_code),
                wards.get(area.ward_code, ""),
                area.id,
                area.name,
                *(counted.get(area.id, 0) for counted in (open_, urgent, overdue)),
                border,
            ),
            shape=_area_shape(area),
        )


def closure_rows(services: Services, asked: ExportRequest) -> Iterator[ExportRow]:
    """Closures that hold at some time of the days, in the order of their beginnings."""
    zone = services.profile.timezone
    for closure in services.closures.between(*asked.span.bounds(zone)):
        yield ExportRow(
            cells=(
                closure.id,
                closure.name,
                CLOSURE_REASON_TEXT[closure.reason],
                SHAPE_TEXT[closure.shape],
                *(
                    None if moment is None else moment.astimezone(zone)
                    for moment in (
                        closure.starts_at,
                        closure.ends_at,
                        closure.lifted_at,
                    )
                ),
                window_text(closure),
                "はい" if closure.working_days_only else "いいえ",
            ),
            shape=_closure_shape(closure),
        )


def _closure_shape(closure: Closure) -> Shape:
    line = [[rounded(place.lon), rounded(place.lat)] for place in closure.places]
    if closure.shape is ClosureShape.STRETCH:
        return {"type": "LineString", "coordinates": line}
    ring = shapely.Polygon([*line, line[0]])
    return _right_handed(ring)


def _area_shape(area: AreaRecord) -> Shape:
    """Outline as several polygons always: a layer has one kind of geometry."""
    parts = [part for part in shapely.get_parts(area.geometry) if part.area]
    return _right_handed(shapely.MultiPolygon(parts))


def _right_handed(shape: shapely.Geometry) -> dict[str, Any]:
    """Outer rings counterclockwise (RFC 7946, 3.1.6), at most six decimals."""
    turned = shapely.orient_polygons(shape)
    rough = shapely.transform(turned, lambda xy: xy.round(DECIMALS))
    found: dict[str, Any] = dict(shapely.geometry.mapping(rough))  # type: ignore[arg-type]
    return found
