"""Voices (地域の声): in by form, file and API, and what became of each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from api.acting import acting, readable, require
from api.dependencies import ClientDep, PicturesDep, ServicesDep
from api.import_file import read_rows
from api.numbers_files import as_csv, as_xlsx
from api.organisation_view import staff_names
from api.pages import page
from api.pictures import Pictures
from api.routes.answers import BAD_BODY
from api.schemas import Day, FieldProblem, ReporterIn, Strict
from api.voice_view import FollowUp, follow_up_table, follow_ups
from api.voices_import import (
    FORM_ROWS,
    HEADINGS,
    category_code,
    heading_of,
    origin_of,
    voices_of_file,
    voices_of_form,
)
from api.wiring import Services
from dispatch.domain.access import Action, Where
from dispatch.domain.consultation import MAX_DESCRIPTION, MAX_LINE, MAX_SUBJECT
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.voice import Voice, VoiceKind, VoiceOrigin
from dispatch.voice_desk import MAX_VOICES, RowProblem, TakenIn

router = APIRouter()
MAX_FIELDS = 200
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
KIND_TEXT = {VoiceKind.COUNCIL: "区政会議", VoiceKind.OFFICER: "地域担当の持ち帰り"}


# -- in --------------------------------------------------------------------------------


@router.get("/voices", include_in_schema=False)
def show(
    request: Request, services: ServicesDep, pictures: PicturesDep
) -> HTMLResponse:
    """Batches that came in, each with its follow-up report."""
    return page(
        request,
        "voices.html",
        {
            "tab": "voices",
            "pictures": pictures,
            "batches": services.voices.latest(),
            "names": staff_names(services),
            "kinds": KIND_TEXT,
        },
    )


@router.get("/voices/new", include_in_schema=False)
def new(request: Request, services: ServicesDep) -> HTMLResponse:
    """Form for voices: a row each, or a file."""
    return _form(request, services, {"kind": str(VoiceKind.COUNCIL)})


@router.post("/voices/new", include_in_schema=False)
async def create(request: Request, services: ServicesDep) -> HTMLResponse:
    """Take in the rows of the form or the file; refused rows come back as typed."""
    content, name = b"", ""
    async with request.form(max_files=1, max_fields=MAX_FIELDS) as form:
        values = {key: text for key, text in form.items() if isinstance(text, str)}
        upload = form.get("file")
        if isinstance(upload, UploadFile):
            content, name = await upload.read(), upload.filename or ""
    try:
        origin = _origin(services, values)
        require(request, Action.IMPORT_VOICES, Where(ward_code=origin.ward_code))
        rows = _rows(services, values, name, content)
        who = acting(request, values.get("who", "").strip())
        taken = await run_in_threadpool(services.voices.take_in, origin, rows, who=who)
    except InvalidInputError as problem:
        return _form(request, services, values, problem=problem)
    kept = {str(one.row) for one in taken.refused} if not name else set()
    left = {
        key: text
        for key, text in values.items()
        if "-" not in key or key.rpartition("-")[2] in kept
    }
    return _form(request, services, left, taken=taken)


def _origin(services: Services, values: Mapping[str, str]) -> VoiceOrigin:
    names = staff_names(services)
    return origin_of(
        values,
        wards=names.wards,
        districts=names.districts,
        district_wards=names.district_wards,
    )


def _rows(
    services: Services, values: Mapping[str, str], name: str, content: bytes
) -> list[tuple[int, Voice | RowProblem]]:
    catalogue = services.profile.catalogue
    rows = voices_of_form(values, catalogue)
    if not name:
        return rows
    if rows:
        raise InvalidInputError("file", "表とファイルは、どちらか一方にしてください")
    return voices_of_file(read_rows(name, content), catalogue)


def _form(
    request: Request,
    services: Services,
    values: Mapping[str, str],
    *,
    problem: InvalidInputError | None = None,
    taken: TakenIn | None = None,
) -> HTMLResponse:
    refused = taken.refused if taken else ()
    return page(
        request,
        "voices_new.html",
        {
            "tab": "voices",
            "values": values,
            "names": staff_names(services),
            "kinds": KIND_TEXT,
            "categories": services.profile.catalogue.categories,
            "rows": range(1, FORM_ROWS + 1),
            "headings": HEADINGS,
            "problem": problem,
            "problem_text": heading_of(problem.field) if problem else "",
            "taken": taken,
            "report_query": _report_query(taken.batch.origin) if taken else "",
            "refused": [(one, heading_of(one.field)) for one in refused],
            "known": [pair for pair in taken.charts if not pair[1].is_new]
            if taken
            else (),
        },
        status=422 if problem else 200,
    )


def _report_query(origin: VoiceOrigin) -> str:
    if origin.kind is VoiceKind.COUNCIL:
        return f"ward={origin.ward_code}&meeting_on={origin.meeting_on}"
    return f"district={origin.district_id}"


# -- what became of them ---------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Of which meeting or district a report is asked for, and its rows."""

    title: str
    query: str
    rows: Sequence[FollowUp]


@router.get("/voices/report", include_in_schema=False)
def report(
    request: Request,
    services: ServicesDep,
    pictures: PicturesDep,
    ward: str = "",
    meeting_on: str = "",
    district: str = "",
) -> HTMLResponse:
    """Say what became of each voice of a meeting or district; made to be printed."""
    asked = _asked(request, services, pictures, (ward, meeting_on, district))
    values = {
        "tab": "voices",
        "asked": asked,
        "num_settled": sum(row.is_settled for row in asked.rows),
    }
    return page(request, "voice_report.html", values)


@router.get("/voices/report.csv", include_in_schema=False)
def report_csv(
    request: Request,
    services: ServicesDep,
    pictures: PicturesDep,
    ward: str = "",
    meeting_on: str = "",
    district: str = "",
) -> Response:
    """Return the same report for Excel."""
    asked = _asked(request, services, pictures, (ward, meeting_on, district))
    content = as_csv(follow_up_table(asked.rows))
    return _file(content, "text/csv; charset=utf-8", "voices.csv")


@router.get("/voices/report.xlsx", include_in_schema=False)
def report_xlsx(
    request: Request,
    services: ServicesDep,
    pictures: PicturesDep,
    ward: str = "",
    meeting_on: str = "",
    district: str = "",
) -> Response:
    """Return the same report as a workbook."""
    asked = _asked(request, services, pictures, (ward, meeting_on, district))
    content = as_xlsx({"対応状況": follow_up_table(asked.rows)})
    return _file(content, XLSX, "voices.xlsx")


def _asked(
    request: Request,
    services: Services,
    pictures: Pictures,
    words: tuple[str, str, str],
) -> Asked:
    ward, meeting_on, district = words
    names = staff_names(services)
    if district:
        if district not in names.districts:
            raise InvalidInputError("district", "その校区は、この市にありません")
        charts = services.voices.of_district(district)
        ward_name = names.wards[names.district_wards[district]]
        title = f"{ward_name} {names.districts[district]} 地域担当の持ち帰り"
        query = f"district={district}"
    else:
        if ward not in names.wards:
            raise InvalidInputError("ward", "その区は、この市にありません")
        try:
            day = dt.date.fromisoformat(meeting_on)
        except ValueError:
            problem = "日付として読めません(例: 2026-11-24)"
            raise InvalidInputError("meeting_on", problem) from None
        charts = services.voices.of_meeting(ward, day)
        title = f"{names.wards[ward]} 区政会議 {pictures.date_text(day)}"
        query = f"ward={ward}&meeting_on={day}"
    rows = follow_ups(services, pictures, readable(request, charts))
    return Asked(title=title, query=query, rows=rows)


def _file(content: bytes, media_type: str, name: str) -> Response:
    disposition = f'attachment; filename="{name}"'
    return Response(
        content, media_type=media_type, headers={"Content-Disposition": disposition}
    )


# -- for programs ----------------------------------------------------------------------


class VoiceIn(Strict):
    """One voice; without address and landmark it is about the ward as a whole."""

    subject: str = Field(min_length=1, max_length=MAX_SUBJECT)
    category: str = Field(min_length=1, max_length=MAX_LINE, examples=["R02"])
    description: str = Field("", max_length=MAX_DESCRIPTION)
    address: str = Field("", max_length=MAX_LINE)
    landmark: str = Field("", max_length=MAX_LINE)
    contact_wanted: bool = False
    reporter: ReporterIn = Field(default_factory=ReporterIn)


class VoicesIn(Strict):
    """Voices of one meeting or school district."""

    kind: VoiceKind
    ward: str = Field("", max_length=MAX_LINE, description="code or name")
    district: str = Field("", max_length=MAX_LINE, description="id or name")
    meeting_on: Day | None = Field(
        None, description="needed: day of the council, or on which the officer heard"
    )
    who: str = Field(min_length=1, max_length=60)
    voices: list[VoiceIn] = Field(min_length=1, max_length=MAX_VOICES)


class TakenVoice(BaseModel):
    """A voice that became a chart, by its place in the list from 1."""

    row: int
    chart_id: str
    number: str
    is_new: bool


class RefusedVoice(FieldProblem):
    """A voice that was refused, by its place in the list from 1."""

    row: int


class VoicesOut(BaseModel):
    """What became of each voice."""

    batch_id: str
    taken: list[TakenVoice]
    refused: list[RefusedVoice]


@router.post("/v1/voices", tags=["voices"], responses=BAD_BODY)
def receive(body: VoicesIn, client: ClientDep, services: ServicesDep) -> VoicesOut:
    """
    Take in voices; good ones become charts, others are told by their place.

    The same voices again add nothing.
    """
    values = {
        "kind": str(body.kind),
        "ward": body.ward,
        "district": body.district,
        "meeting_on": str(body.meeting_on or ""),
    }
    rows = [
        (number, _voice(number, one, services))
        for number, one in enumerate(body.voices, start=1)
    ]
    who = f"{body.who}(API: {client})"
    taken = services.voices.take_in(_origin(services, values), rows, who=who)
    return VoicesOut(
        batch_id=taken.batch.id,
        taken=[
            TakenVoice(
                row=number,
                chart_id=one.chart.id,
                number=one.chart.number,
                is_new=one.is_new,
            )
            for number, one in taken.charts
        ],
        refused=[
            RefusedVoice(row=one.row, field=one.field, problem=one.problem)
            for one in taken.refused
        ],
    )


def _voice(number: int, one: VoiceIn, services: Services) -> Voice | RowProblem:
    try:
        return Voice(
            subject=one.subject,
            category_code=category_code(one.category, services.profile.catalogue),
            description=one.description,
            address_text=one.address,
            landmark_text=one.landmark,
            contact_wanted=one.contact_wanted,
            reporter=one.reporter.to_reporter(),
        )
    except InvalidInputError as problem:
        return RowProblem(row=number, field=problem.field, problem=problem.problem)
