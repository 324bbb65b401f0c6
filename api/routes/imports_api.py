"""Imports for other systems: send a file, follow it, get the refused rows back."""

from __future__ import annotations

from typing import Annotated

from fastapi import (
    APIRouter,
    Depends,
    File,
    Form,
    Header,
    Query,
    Request,
    Response,
    UploadFile,
)

from api.acting import actor_of
from api.dependencies import ClientDep
from api.import_desk import ImportDesk, Sender
from api.import_schemas import ImportDetailOut, ImportOut
from api.import_wiring import OWN_COLUMNS, ImportsDep
from api.refused_file import as_csv, as_workbook
from api.routes.answers import BAD_BODY, BAD_FIELD, NO_KEY, Answers
from api.schemas import Problem
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.import_job import ImportJob

router = APIRouter(prefix="/v1/imports", tags=["imports"])
MAX_KEY = 200
FIRST_REFUSALS = 20
CSV_TYPE = "text/csv"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NOT_FOUND: Answers = {**NO_KEY, 404: {"model": Problem}}
ENDED: Answers = {409: {"model": Problem, "description": "it has ended already"}}
TAKEN: Answers = {
    **BAD_BODY,
    200: {"model": ImportOut, "description": "a retry: the same import"},
    409: {"model": Problem, "description": "the key was used with another file"},
}


def sender_of(request: Request, client: ClientDep) -> Sender:
    """Who sends, by the key: its name is also whose external ids the rows carry."""
    return Sender(owner=actor_of(request).id, who=f"API: {client}", source=client)


SenderDep = Annotated[Sender, Depends(sender_of)]


def _kept(kind: str) -> Answers:
    """Answers of a file of refused rows."""
    content = {kind: {"schema": {"type": "string", "format": "binary"}}}
    return {**NOT_FOUND, 200: {"content": content, "description": "refused rows"}}


@router.post("", status_code=202, responses=TAKEN)
def send(
    response: Response,
    sender: SenderDep,
    imports: ImportsDep,
    file: Annotated[UploadFile, File(description="CSV (UTF-8, CP932) or XLSX")],
    mapping: Annotated[
        str, Form(max_length=60, description="form of the file: kidohan, or city")
    ] = OWN_COLUMNS,
    idempotency_key: Annotated[
        str | None, Header(description="a retry with the same key adds nothing")
    ] = None,
) -> ImportOut:
    """
    Send a file of consultations (multipart/form-data); it is imported afterwards.

    Good rows are taken by the rules of `POST /v1/consultations`, the others are told.
    `Location` is where to follow it.
    """
    if idempotency_key is not None and not 0 < len(idempotency_key) <= MAX_KEY:
        raise InvalidInputError("Idempotency-Key", f"1〜{MAX_KEY}文字にしてください")
    job, is_new = imports.submit(
        sender,
        file.filename or "",
        file.file.read(),
        mapping=mapping,
        key=idempotency_key,
    )
    if not is_new:
        response.status_code = 200
    response.headers["Location"] = f"/v1/imports/{job.id}"
    return ImportOut.from_domain(job)


@router.get("", responses={**NO_KEY, **BAD_FIELD})
def listed(
    sender: SenderDep,
    imports: ImportsDep,
    limit: Annotated[int, Query(ge=1, le=1_000, description="at the most")] = 100,
) -> list[ImportOut]:
    """List the imports of the key, the newest first."""
    jobs = imports.listed(sender.owner, limit=limit)
    return [ImportOut.from_domain(job) for job in jobs]


@router.get("/{import_id}", responses=NOT_FOUND)
def show(import_id: str, sender: SenderDep, imports: ImportsDep) -> ImportDetailOut:
    """Show how far an import is, with the first rows that were refused."""
    job = _own(sender, imports, import_id)
    refusals = imports.refusals(job, limit=FIRST_REFUSALS)
    return ImportDetailOut.with_refusals(job, refusals)


@router.get(
    "/{import_id}/refused.csv", response_class=Response, responses=_kept(CSV_TYPE)
)
def refused_csv(import_id: str, sender: SenderDep, imports: ImportsDep) -> Response:
    """
    Return the refused rows in the file's own encoding, with what to mend in front.

    Mended, it can be sent again as it is: the two columns in front are not read.
    """
    return csv_answer(imports, _own(sender, imports, import_id))


@router.get(
    "/{import_id}/refused.xlsx", response_class=Response, responses=_kept(XLSX_TYPE)
)
def refused_xlsx(import_id: str, sender: SenderDep, imports: ImportsDep) -> Response:
    """Return the same as a workbook."""
    return workbook_answer(imports, _own(sender, imports, import_id))


@router.post("/{import_id}/cancel", responses={**NOT_FOUND, **ENDED})
def cancel(import_id: str, sender: SenderDep, imports: ImportsDep) -> ImportOut:
    """End an import; rows that are in stay in."""
    imports.cancel(_own(sender, imports, import_id))
    return ImportOut.from_domain(_own(sender, imports, import_id))


def csv_answer(imports: ImportDesk, job: ImportJob) -> Response:
    """Refused rows of a job as CSV to keep."""
    file, refusals = imports.refused_rows(job)
    charset = "utf-8" if file.encoding != "cp932" else "Shift_JIS"
    return _file(
        as_csv(file, refusals), f"{CSV_TYPE}; charset={charset}", f"{job.id}.csv"
    )


def workbook_answer(imports: ImportDesk, job: ImportJob) -> Response:
    """Refused rows of a job as a workbook to keep."""
    return _file(as_workbook(*imports.refused_rows(job)), XLSX_TYPE, f"{job.id}.xlsx")


def _own(sender: Sender, imports: ImportDesk, import_id: str) -> ImportJob:
    return imports.get(import_id, sender.owner)


def _file(content: bytes, kind: str, name: str) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="refused-{name}"',
        "Cache-Control": "no-store",
        "Content-Type": kind,
    }
    return Response(content, headers=headers)
