"""The phone desk: a consultation taken by phone or at the counter."""

from __future__ import annotations

import datetime as dt

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from api.dependencies import ServicesDep
from api.pages import page
from dispatch.domain.catalogue import Urgency, WorkCategory
from dispatch.domain.consultation import (
    MAX_NAME,
    Appointment,
    Channel,
    Consultation,
    Reporter,
    require_length,
)
from dispatch.domain.errors import InvalidInputError
from dispatch.intake import Intake

router = APIRouter(include_in_schema=False)
SEE_OTHER = 303


@router.get("/charts/new")
def new(request: Request, services: ServicesDep) -> HTMLResponse:
    """Form for a consultation taken by phone or at the counter."""
    return _form(request, services, {}, None)


def _form(
    request: Request,
    services: ServicesDep,
    values: dict[str, str],
    problem: InvalidInputError | None,
) -> HTMLResponse:
    groups: dict[str, list[WorkCategory]] = {}
    for category in services.profile.catalogue.categories:
        groups.setdefault(category.group, []).append(category)
    return page(
        request,
        "new.html",
        {"tab": "new", "groups": groups, "values": values, "problem": problem},
        status=200 if problem is None else 422,
    )


@router.post("/charts/new")
async def create(request: Request, services: ServicesDep) -> Response:
    """Take a consultation from the form; what was typed comes back with an error."""
    form = await request.form(max_files=0, max_fields=40)
    values = {name: str(text).strip() for name, text in form.items()}
    try:
        intake = _intake(values, services)
        who = values.get("who") or "電話受付"
        require_length("who", who, MAX_NAME)
        added = await run_in_threadpool(services.intake.receive, intake, who=who)
    except InvalidInputError as problem:
        return _form(request, services, values, problem)
    return RedirectResponse(f"/charts/{added.chart.id}", status_code=SEE_OTHER)


def _intake(values: dict[str, str], services: ServicesDep) -> Intake:
    now = services.clock.now()
    if not values.get("category"):
        raise InvalidInputError("category", "分類を選んでください")
    raised = values.get("urgency") or None
    tagged_on = values.get("tagged_on") or None
    try:
        urgency = Urgency(raised) if raised else None
        tagged = dt.date.fromisoformat(tagged_on) if tagged_on else None
        channel = Channel(values.get("channel") or "phone")
    except ValueError:
        problem = "選択肢か日付の形が正しくありません"
        raise InvalidInputError("form", problem) from None
    consultation = Consultation(
        received_at=now,
        channel=channel,
        category_code=values["category"],
        description=values.get("description", ""),
        address_text=values.get("address", ""),
        landmark_text=values.get("landmark", ""),
        raised_urgency=urgency,
        appointment=_appointment(values, services.profile.timezone),
        contact_wanted=values.get("contact_wanted") == "1",
        tagged_on=tagged,
        source="desk",
    )
    reporter = Reporter(
        name=values.get("reporter_name", ""),
        phone=values.get("reporter_phone", ""),
        address=values.get("reporter_address", ""),
    )
    return Intake(consultation=consultation, reporter=reporter)


def _appointment(values: dict[str, str], timezone: dt.tzinfo) -> Appointment | None:
    day, start, end = (
        values.get(name, "")
        for name in ("appointment_day", "appointment_start", "appointment_end")
    )
    if not (day or start or end):
        return None
    try:
        date = dt.date.fromisoformat(day)
        times = (dt.time.fromisoformat(start), dt.time.fromisoformat(end))
    except ValueError:
        problem = "約束は日付・始め・終わりをすべて入れてください"
        raise InvalidInputError("appointment", problem) from None
    moments = [dt.datetime.combine(date, time, timezone) for time in times]
    return Appointment(start_at=moments[0], end_at=moments[1])
