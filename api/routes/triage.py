"""Triage: the list of what to look at, and a chart classed anew."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.acting import acting, readable
from api.dependencies import PicturesDep, ServicesDep
from api.desk_form import replies_of
from api.pages import page
from api.triage_view import REASON_TEXT
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.catalogue import Urgency
from dispatch.domain.consultation import MAX_LINE
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.scheme import Scheme
from dispatch.triage_desk import Classing, TriageReason

router = APIRouter(include_in_schema=False)
SEE_OTHER = 303
MAX_FIELDS = 40


@router.get("/triage")
def listed(
    request: Request,
    services: ServicesDep,
    pictures: PicturesDep,
    reason: Annotated[str, Query(max_length=20)] = "",
    ward: Annotated[str, Query(max_length=10)] = "",
) -> HTMLResponse:
    """List charts that somebody has to look at, the most urgent first."""
    items = services.desk.triage.listed()
    ids = {chart.id for chart in readable(request, [item.chart for item in items])}
    mine = [item for item in items if item.chart.id in ids]
    counts = Counter(one for item in mine for one in item.reasons)
    shown = [
        item
        for item in mine
        if (not reason or reason in item.reasons)
        and (not ward or _ward_of(item.chart) == ward)
    ]
    values = {
        "tab": "triage",
        "items": shown,
        "counts": [(one, REASON_TEXT[one], counts[one]) for one in TriageReason],
        "reason": reason,
        "ward": ward,
        "reason_text": REASON_TEXT,
        "pictures": pictures,
    }
    return page(request, "triage.html", values)


def _ward_of(chart: CaseChart) -> str:
    return chart.placement.ward_code if chart.placement is not None else ""


class ClassForm(BaseModel):
    """What somebody sets anew; empty leaves it as it is."""

    version: int
    category: str = Field("", max_length=16)
    urgency: str = Field("", max_length=4)
    scheme: str = Field("", max_length=20)
    duty_note: str = Field("", max_length=MAX_LINE)
    who: str = Field("", max_length=60)
    why: str = Field("", max_length=MAX_LINE)

    def to_classing(self) -> Classing:
        """
        Turn the form into a decision.

        Raises
        ------
        InvalidInputError
            When a choice is none.
        """
        try:
            return Classing(
                category_code=self.category or None,
                urgency=Urgency(self.urgency) if self.urgency else None,
                scheme=Scheme(self.scheme) if self.scheme else None,
                duty_note=self.duty_note.strip(),
            )
        except ValueError:
            problem = "緊急度か制度区分の選択肢が正しくありません"
            raise InvalidInputError("form", problem) from None


@router.post("/charts/{chart_id}/class")
def reclass(
    request: Request,
    chart_id: str,
    services: ServicesDep,
    form: Annotated[ClassForm, Form()],
) -> Response:
    """Set category, urgency or scheme anew; the chart goes where it belongs."""
    services.desk.triage.reclass(
        chart_id,
        form.version,
        form.to_classing(),
        who=acting(request, form.who),
        why=form.why,
    )
    return RedirectResponse(f"/charts/{chart_id}", status_code=SEE_OTHER)


@router.post("/charts/{chart_id}/triage")
async def hear(request: Request, chart_id: str, services: ServicesDep) -> Response:
    """Add what the caller said later."""
    form = await request.form(max_files=0, max_fields=MAX_FIELDS)
    values = {name: str(text).strip() for name, text in form.items()}
    version = values.get("version", "")
    if not version.isdecimal():
        raise InvalidInputError("version", "画面を開き直してください")
    await run_in_threadpool(
        services.desk.triage.hear,
        chart_id,
        int(version),
        replies_of(values),
        who=acting(request, values.get("who", "")),
    )
    return RedirectResponse(f"/charts/{chart_id}#triage", status_code=SEE_OTHER)


@router.post("/charts/{chart_id}/legal-note")
def note_law(
    request: Request,
    chart_id: str,
    services: ServicesDep,
    version: Annotated[int, Form()],
    legal_note: Annotated[str, Form(max_length=MAX_LINE)] = "",
    who: Annotated[str, Form(max_length=60)] = "",
) -> Response:
    """Write down what the law or a rule forbids or asks for."""
    services.desk.triage.note_law(
        chart_id, version, legal_note, who=acting(request, who)
    )
    return RedirectResponse(f"/charts/{chart_id}#triage", status_code=SEE_OTHER)
