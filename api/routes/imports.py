"""The page of imports (ファイルの取込): send a file, see how far it is, mend rows."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse

from api.acting import actor_of
from api.dependencies import WhoDep
from api.import_desk import Sender
from api.import_mapping import ImportMapping
from api.import_wiring import CITY_MAPPING, OWN_COLUMNS, ImportsDep
from api.pages import page
from api.routes.imports_api import csv_answer, workbook_answer
from dispatch.domain.access import Actor, Role
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.import_job import ImportJob, ImportState

router = APIRouter(prefix="/imports", include_in_schema=False)
SEE_OTHER = 303
SHOWN = 30
SHOWN_REFUSALS = 5
UNPROCESSABLE = 422
NAME_WANTED = "担当者の名前を入れてください"
STATE_TEXT = {
    ImportState.QUEUED: "順番待ち",
    ImportState.RUNNING: "取込中",
    ImportState.INTERRUPTED: "中断(自動で再開します)",
    ImportState.DONE: "終了",
    ImportState.FAILED: "取り込めません",
    ImportState.CANCELLED: "取りやめ",
}
MAPPING_TEXT = {
    OWN_COLUMNS: "標準の列名(category、description、address など)",
    CITY_MAPPING: "この都市の住所一覧",
}
SEES_ALL = frozenset({Role.WARD_SUPERVISOR, Role.ADMINISTRATOR})


@router.get("")
def show(request: Request, imports: ImportsDep) -> HTMLResponse:
    """List the imports, with the form for a new one."""
    return _page(request, imports)


@router.post("")
def send(
    request: Request,
    imports: ImportsDep,
    file: Annotated[UploadFile, File()],
    who: WhoDep,
    mapping: Annotated[str, Form(max_length=60)] = OWN_COLUMNS,
) -> Response:
    """Take a file in; it is imported afterwards."""
    sender = Sender(owner=actor_of(request).id, who=who, source=ImportMapping().source)
    if not who.strip():
        return _page(request, imports, problem=NAME_WANTED)
    try:
        imports.submit(sender, file.filename or "", file.file.read(), mapping=mapping)
    except InvalidInputError as refused:
        return _page(request, imports, problem=refused.problem)
    return RedirectResponse("/imports", status_code=SEE_OTHER)


@router.post("/{import_id}/cancel")
def cancel(request: Request, import_id: str, imports: ImportsDep) -> Response:
    """End an import; rows that are in stay in."""
    imports.cancel(_own(request, imports, import_id))
    return RedirectResponse("/imports", status_code=SEE_OTHER)


@router.get("/{import_id}/refused.csv")
def refused_csv(request: Request, import_id: str, imports: ImportsDep) -> Response:
    """Return the refused rows, to be mended and sent again."""
    return csv_answer(imports, _sent(request, imports, import_id))


@router.get("/{import_id}/refused.xlsx")
def refused_xlsx(request: Request, import_id: str, imports: ImportsDep) -> Response:
    """Return the same as a workbook."""
    return workbook_answer(imports, _sent(request, imports, import_id))


def _sent(request: Request, imports: ImportsDep, import_id: str) -> ImportJob:
    """Return a job to whoever sent it alone: its rows are about people."""
    return imports.get(import_id, actor_of(request).id)


def _own(request: Request, imports: ImportsDep, import_id: str) -> ImportJob:
    return imports.get(import_id, _owner(actor_of(request)))


def _owner(actor: Actor) -> str | None:
    """Whose imports somebody sees: the own ones; all, who answers for all."""
    return None if actor.is_everywhere or actor.roles & SEES_ALL else actor.id


def _page(request: Request, imports: ImportsDep, *, problem: str = "") -> HTMLResponse:
    jobs = imports.listed(_owner(actor_of(request)), limit=SHOWN)
    timezone = request.app.state.services.profile.timezone
    return page(
        request,
        "imports.html",
        {
            "tab": "imports",
            "jobs": [
                (job, imports.refusals(job, limit=SHOWN_REFUSALS))
                if job.refused
                else (job, [])
                for job in jobs
            ],
            "is_running": any(job.is_open for job in jobs),
            "mappings": {name: MAPPING_TEXT[name] for name in imports.mappings},
            "state_text": STATE_TEXT,
            "me": actor_of(request).id,
            "sent_at": lambda job: job.created_at.astimezone(timezone),
            "keep_days": imports.keep_days,
            "problem": problem,
        },
        status=UNPROCESSABLE if problem else 200,
    )
