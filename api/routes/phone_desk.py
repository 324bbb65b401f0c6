"""The phone desk: a consultation taken by phone or at the counter."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from api.acting import acting
from api.dependencies import ServicesDep
from api.desk_form import (
    DESK_CHANNELS,
    TOPIC_ROWS,
    DeskView,
    field_id,
    intake_of,
    topics_of,
)
from api.desk_schemas import PlaceAnswer, PlaceTyped, place_answer
from api.pages import page
from api.wiring import Services
from dispatch.chart_opening import Intake
from dispatch.domain.consultation import MAX_NAME, require_length
from dispatch.domain.errors import InvalidInputError
from dispatch.ports import AddedChart
from dispatch.topic_desk import Topic

router = APIRouter(include_in_schema=False)
SEE_OTHER = 303
MAX_FIELDS = 80


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
    return page(
        request,
        "new.html",
        {
            "tab": "new",
            "view": DeskView.of(services, values.get("category", "")),
            "channels": DESK_CHANNELS,
            "topic_rows": TOPIC_ROWS,
            "values": values,
            "problem": problem,
            "problem_id": field_id(problem.field) if problem else "",
        },
        status=200 if problem is None else 422,
    )


@router.post("/charts/new")
async def create(request: Request, services: ServicesDep) -> Response:
    """Take a consultation from the form; what was typed comes back with an error."""
    form = await request.form(max_files=0, max_fields=MAX_FIELDS)
    values = {name: str(text).strip() for name, text in form.items()}
    try:
        intake, topics = intake_of(values, services), topics_of(values)
        who = acting(request, values.get("who") or "電話受付")
        require_length("who", who, MAX_NAME)
        added = await run_in_threadpool(_received, services, intake, topics, who)
    except InvalidInputError as problem:
        return _form(request, services, values, problem)
    return RedirectResponse(f"/charts/{added.chart.id}", status_code=SEE_OTHER)


def _received(
    services: Services, intake: Intake, topics: tuple[Topic, ...], who: str
) -> AddedChart:
    """Store the consultation, with the charts of the call's other topics."""
    if not topics:
        return services.intake.receive(intake, who=who)
    first = services.intake.opening(intake, who=who)
    return services.cases.topics.receive(first, topics, who=who)[0]


# POSTs that change nothing: what somebody types must not stand in a URL.
@router.post("/desk/places")
def places(body: PlaceTyped, services: ServicesDep) -> PlaceAnswer:
    """Say where the words typed so far are, and what they may mean besides."""
    return place_answer(services, body)
