"""Personal fields: shown once on request, and charts found by a phone number."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from api.acting import acting, readable, require_reveal
from api.dependencies import ClientDep, PicturesDep, ServicesDep, WhoDep
from api.pages import page
from api.routes.answers import BAD_BODY
from api.schemas import Strict
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.consultation import MAX_LINE, MAX_NAME
from dispatch.domain.errors import InvalidInputError

router = APIRouter()
MAX_WHO = 60


class PhoneSearchIn(Strict):
    """A phone number to find charts by; kept nowhere but as a keyed hash."""

    phone: str = Field(min_length=1, max_length=MAX_NAME, examples=["06-0000-0000"])
    who: str = Field(min_length=1, max_length=MAX_WHO)
    why: str = Field(min_length=1, max_length=MAX_LINE)


class FoundChartOut(Strict):
    """A chart of the number: what and where, nothing else about the person."""

    id: str
    number: str
    category: str
    status: ChartStatus
    ward_code: str

    @classmethod
    def from_domain(cls, chart: CaseChart) -> FoundChartOut:
        """Build it from a chart."""
        placement = chart.placement
        return cls(
            id=chart.id,
            number=chart.number,
            category=chart.category_code,
            status=chart.status,
            ward_code=placement.ward_code if placement else "",
        )


@router.post(
    "/v1/consultations/search-by-phone", tags=["consultations"], responses=BAD_BODY
)
def search_by_phone(
    request: Request, body: PhoneSearchIn, client: ClientDep, services: ServicesDep
) -> list[FoundChartOut]:
    """
    Find the charts of a phone number, the newest first; the search is on record.

    A POST, so that the number stands in no address and no log. The same number is
    found however it was typed.
    """
    who = f"{body.who}(API: {client})"
    found = services.vault.search(body.phone, who=who, why=body.why)
    return [FoundChartOut.from_domain(chart) for chart in readable(request, found)]


@router.get("/charts/by-phone", include_in_schema=False)
def ask_phone(request: Request) -> HTMLResponse:
    """Form to look up the charts of a phone number."""
    return _phone_page(request, {})


@router.post("/charts/by-phone", include_in_schema=False)
async def find_by_phone(
    request: Request, services: ServicesDep, pictures: PicturesDep
) -> HTMLResponse:
    """
    Show the charts of a number; the number itself is not shown again.

    Also the target of the button beside the number in the form of a new consultation,
    which sends that whole form: only the number and who asks are read.
    """
    form = await request.form(max_files=0, max_fields=60)
    phone = str(form.get("phone") or form.get("reporter_phone") or "").strip()
    who = acting(request, str(form.get("who") or "").strip() or "電話受付")
    why = str(form.get("why") or "").strip() or "同じ番号からの相談の確認"
    try:
        found = await run_in_threadpool(services.vault.search, phone, who=who, why=why)
    except InvalidInputError as problem:
        return _phone_page(request, {"problem": problem})
    return _phone_page(
        request, {"found": readable(request, found), "pictures": pictures}
    )


def _phone_page(request: Request, values: dict[str, object]) -> HTMLResponse:
    plain: dict[str, object] = {
        "tab": "new",
        "found": None,
        "pictures": None,
        "problem": None,
    }
    status = 422 if "problem" in values else 200
    return page(request, "by_phone.html", plain | values, status=status)


@router.post("/charts/{chart_id}/reporter", include_in_schema=False)
def reveal(
    request: Request,
    chart_id: str,
    services: ServicesDep,
    pictures: PicturesDep,
    who: WhoDep,
    why: Annotated[str, Form(max_length=MAX_LINE)],
) -> HTMLResponse:
    """Show the reporter of a chart in this one answer; who and why are on record."""
    chart = services.store.get(chart_id)
    require_reveal(request, chart)
    person = services.vault.reveal(chart_id, who=who, why=why)
    answer = page(
        request,
        "reporter.html",
        {
            "tab": "charts",
            "chart": chart,
            "person": person,
            "pictures": pictures,
            "record": services.vault.record(chart_id=chart_id, limit=20),
        },
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer
