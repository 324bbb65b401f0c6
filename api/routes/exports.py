"""Files out (データの出力): the page, the files for people and for programs."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from api.acting import actor_of
from api.dependencies import ClientDep, ServicesDep
from api.export_files import MEDIA_TYPES
from api.export_request import (
    FILTERS,
    Asked,
    ExportRequest,
    export_reach,
    may_take,
    request_of,
    require_take,
    require_usable,
)
from api.exporting import exported, file_name
from api.pages import page
from api.reach import list_scope
from api.routes.answers import BAD_FIELD, NO_KEY
from api.wiring import Services
from dispatch.domain.exported import Dataset, ExportFormat, Standing

router = APIRouter()
# Data set -> its name, and what a row of it is.
DATASET_TEXT = {
    Dataset.CONSULTATIONS: ("相談", "1行が1件の相談(受付日で選びます)"),
    Dataset.VISITS: ("訪問", "1行が1か所の訪問(確定した計画)"),
    Dataset.ROUTES: ("巡回経路", "1行が1班の1日(確定した計画)"),
    Dataset.DISTRICTS: ("校区", "1行が1校区。今の未了件数と区域"),
    Dataset.CLOSURES: ("通行規制", "1行が1件の規制(期間中に有効なもの)"),
    Dataset.OFFICES: ("公共施設一覧", "工営所・区役所・関係事務所"),
}
FORMAT_TEXT = {
    ExportFormat.XLSX: "Excel",
    ExportFormat.CSV: "CSV",
    ExportFormat.GEOJSON: "GeoJSON",
    ExportFormat.GPKG: "GeoPackage",
}
STANDING_TEXT = {
    Standing.ALL: "すべて",
    Standing.OPEN: "完了のほか",
    Standing.CLOSED: "完了だけ",
}
BYTES = {"type": "string", "format": "binary"}
FORM_OF = {ExportFormat.GEOJSON: {"type": "object"}}
FILTER_TEXT = {"ward": "区", "district": "校区", "office": "事業所", "state": "状態"}


class ExportQuery(BaseModel):
    """Which days and areas a file is about; empty limits nothing."""

    month: str = Field(
        "", max_length=7, description="YYYY-MM; the present one without any day"
    )
    first: str = Field(
        "", alias="from", max_length=10, description="YYYY-MM-DD, included"
    )
    last: str = Field("", alias="to", max_length=10, description="the same")
    ward: str = Field("", max_length=60, description="code of a ward")
    district: str = Field("", max_length=60, description="id of a school district")
    office: str = Field("", max_length=60, description="id of a works office")
    state: str = Field("", max_length=10, description="open, closed or all")

    def asked(self) -> Asked:
        """Return the same as a value."""
        return Asked(**self.model_dump())


class StrictExportQuery(ExportQuery):
    """The same for programs, which must not believe that an unknown name counts."""

    model_config = ConfigDict(extra="forbid")


@router.get("/exports", include_in_schema=False)
def show(request: Request, services: ServicesDep) -> HTMLResponse:
    """Page on which people choose what they take out."""
    actor = actor_of(request)
    areas = services.areas
    return page(
        request,
        "exports.html",
        {
            "tab": "exports",
            "datasets": [
                (dataset, *text, _used(dataset))
                for dataset, text in DATASET_TEXT.items()
                if may_take(actor, dataset)
            ],
            "formats": FORMAT_TEXT,
            "standings": STANDING_TEXT,
            "scope": list_scope(request),
            "districts": _districts_by_ward(services),
            "is_approximate": areas.is_approximate,
        },
    )


@router.get("/exports/{dataset}.{file_format}", include_in_schema=False)
def take(
    request: Request,
    services: ServicesDep,
    dataset: Dataset,
    file_format: ExportFormat,
    query: Annotated[ExportQuery, Query()],
) -> StreamingResponse:
    """Return a file for a person; what cannot narrow the data set down is left out."""
    # The form always names a month; whoever fills in days besides means the days.
    days = query.first or query.last
    asked = replace(query.asked(), month="" if days else query.month)
    require_take(actor_of(request), dataset)
    chosen = request_of(services, dataset, asked, list_scope(request).reach)
    return _file(request, services, chosen, file_format)


@router.get(
    "/v1/exports/{dataset}.{file_format}",
    tags=["exports"],
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "the file",
            "content": {
                media_type: {"schema": FORM_OF.get(file_format, BYTES)}
                for file_format, media_type in MEDIA_TYPES.items()
            },
        },
        **NO_KEY,
        **BAD_FIELD,
    },
)
def take_by_key(
    request: Request,
    client: ClientDep,
    services: ServicesDep,
    dataset: Dataset,
    file_format: ExportFormat,
    query: Annotated[StrictExportQuery, Query()],
) -> StreamingResponse:
    """
    Return consultations, plans or the city's places as a file.

    Nothing about a person and no word of a resident is in it. A filter that cannot
    narrow the data set down is refused.
    """
    del client
    actor, asked = actor_of(request), query.asked()
    require_take(actor, dataset)
    require_usable(dataset, asked)
    reach = export_reach(actor, services)
    chosen = request_of(services, dataset, asked, reach)
    return _file(request, services, chosen, file_format)


def _file(
    request: Request,
    services: Services,
    asked: ExportRequest,
    file_format: ExportFormat,
) -> StreamingResponse:
    content = exported(services, asked, file_format, who=actor_of(request).id)
    name = file_name(asked, file_format)
    return StreamingResponse(
        content,
        media_type=MEDIA_TYPES[file_format],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _used(dataset: Dataset) -> str:
    """Fields of the form that count for a data set, as the page says it."""
    used = [text for name, text in FILTER_TEXT.items() if name in FILTERS[dataset]]
    return "・".join([*(["期間"] if dataset.has_days else []), *used]) or "なし"


def _districts_by_ward(services: Services) -> list[tuple[str, list[tuple[str, str]]]]:
    """School districts as groups of a choice, by the wards' order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for area in services.areas.districts:
        found.setdefault(area.ward_code, []).append((area.id, area.name))
    return [
        (ward.name, found[ward.code])
        for ward in services.profile.wards
        if ward.code in found
    ]
