"""Places in doubt (位置の確認): the dispatcher's pages, and the same for programs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.acting import acting, readable
from api.dependencies import ClientDep, PicturesDep, ServicesDep, WhoDep
from api.pages import page
from api.pictures import Pictures
from api.place_schemas import (
    PIN,
    LocalPlaceIn,
    LocalPlaceOut,
    PlaceIn,
    ReviewForm,
    ReviewOut,
    WithdrawIn,
    choice_of,
)
from api.place_view import review_row, turn_of
from api.routes.answers import BAD_BODY, BAD_FIELD, NO_KEY, Answers
from api.schemas import ChartOut, Problem
from api.versioned import VersionedRoute
from api.wiring import Services
from dispatch.domain.access import Action
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.local_place import MAX_REASON
from dispatch.place_desk import MAX_LISTED, waits_for_place

router = APIRouter(route_class=VersionedRoute)
SEE_OTHER = 303
NO_CHART: Answers = {
    404: {"model": Problem, "description": "no such chart"},
    409: {"model": Problem, "description": "changed meanwhile, or the words are taken"},
}
TAKEN: Answers = {
    409: {"model": Problem, "description": "the words mean another place already"}
}
NO_ENTRY: Answers = {
    404: {"model": Problem, "description": "no such entry"},
    409: {"model": Problem, "description": "withdrawn already"},
}
Limit = Annotated[int, Query(ge=1, le=MAX_LISTED)]


# -- for programs ----------------------------------------------------------------------


@router.get("/v1/places/review", tags=["places"], responses={**NO_KEY, **BAD_FIELD})
def review(
    client: ClientDep, services: ServicesDep, limit: Limit = 100
) -> list[ReviewOut]:
    """List the charts that wait for a place: the most urgent first, then the oldest."""
    del client
    return [ReviewOut.from_domain(one) for one in services.places.queue()[:limit]]


@router.post(
    "/v1/consultations/{chart_id}/place",
    tags=["places"],
    responses={**BAD_BODY, **NO_CHART},
)
def settle(
    chart_id: str, body: PlaceIn, client: ClientDep, services: ServicesDep
) -> ChartOut:
    """
    Say where a consultation is; it is assigned before the answer.

    The chart's version must be the one that was read. The same once more answers the
    same and adds nothing.
    """
    who = f"{body.who}(API: {client})"
    chart = services.places.settle(
        chart_id, body.version, body.to_settlement(), who=who
    )
    return ChartOut.from_domain(chart)


@router.get("/v1/local-places", tags=["places"], responses={**NO_KEY, **BAD_FIELD})
def local_places(
    client: ClientDep, services: ServicesDep, limit: Limit = 100
) -> list[LocalPlaceOut]:
    """List the local gazetteer, newest first, withdrawn entries too."""
    del client
    return [LocalPlaceOut.from_domain(one) for one in services.places.listed(limit)]


@router.post(
    "/v1/local-places",
    status_code=201,
    tags=["places"],
    responses={**BAD_BODY, **TAKEN},
)
def remember(
    body: LocalPlaceIn, client: ClientDep, services: ServicesDep
) -> LocalPlaceOut:
    """Say which place a way of writing means from now on."""
    who = f"{body.who}(API: {client})"
    return LocalPlaceOut.from_domain(services.places.remember(body.to_new(), who=who))


@router.post(
    "/v1/local-places/{entry_id}/withdraw",
    tags=["places"],
    responses={**BAD_BODY, **NO_ENTRY},
)
def withdraw(
    entry_id: str, body: WithdrawIn, client: ClientDep, services: ServicesDep
) -> LocalPlaceOut:
    """Withdraw an entry: it is kept and told, but places nothing from now on."""
    who = f"{body.who}(API: {client})"
    entry = services.places.withdraw(entry_id, why=body.reason, who=who)
    return LocalPlaceOut.from_domain(entry)


# -- for dispatchers -------------------------------------------------------------------


@router.get("/places", include_in_schema=False)
def show(
    request: Request, services: ServicesDep, pictures: PicturesDep
) -> HTMLResponse:
    """Show which charts wait for a place, and the local gazetteer."""
    now = services.clock.now()
    entries = services.places.listed()
    query = request.query_params
    withdrawn_id, settled_id = query.get("withdrawn"), query.get("settled")
    return page(
        request,
        "places.html",
        {
            "tab": "places",
            "pictures": pictures,
            "rows": [review_row(one, now) for one in _queue(request, services)],
            "active": [one for one in entries if one.is_active],
            "withdrawn": [one for one in entries if not one.is_active],
            "is_cut": len(entries) == MAX_LISTED,
            "max_reason": MAX_REASON,
            "done": next((one for one in entries if one.id == withdrawn_id), None),
            "settled": _chart(services, settled_id),
        },
    )


@router.get("/places/{chart_id}", include_in_schema=False)
def show_one(
    request: Request, chart_id: str, services: ServicesDep, pictures: PicturesDep
) -> Response:
    """Show one chart's words and candidates; one that is placed has its own page."""
    chart = services.store.get(chart_id)
    if not waits_for_place(chart):
        return RedirectResponse(f"/charts/{chart_id}", status_code=SEE_OTHER)
    return _review_page(request, services, pictures, chart)


@router.post("/places/{chart_id}", include_in_schema=False)
def settle_by_form(
    request: Request,
    chart_id: str,
    services: ServicesDep,
    pictures: PicturesDep,
    form: Annotated[ReviewForm, Form()],
) -> Response:
    """Settle a chart's place and go to the next that waits."""
    chart = services.store.get(chart_id)
    turn = turn_of(chart_id, _queue(request, services))
    try:
        settled = form.to_settlement()
        who = acting(request, form.who.strip())
        services.places.settle(chart_id, form.version, settled, who=who)
    except InvalidInputError as problem:
        return _review_page(
            request, services, pictures, chart, typed=form, problem=problem
        )
    path = f"/places/{turn.next_id}" if turn.next_id else "/places"
    return RedirectResponse(f"{path}?settled={chart_id}", status_code=SEE_OTHER)


@router.post("/places/dictionary/{entry_id}/withdraw", include_in_schema=False)
def withdraw_by_form(
    entry_id: str,
    services: ServicesDep,
    who: WhoDep,
    reason: Annotated[str, Form(max_length=1_000)] = "",
) -> Response:
    """Withdraw an entry of the local gazetteer."""
    services.places.withdraw(entry_id, why=reason.strip(), who=who.strip())
    return RedirectResponse(f"/places?withdrawn={entry_id}", status_code=SEE_OTHER)


# -- shared ----------------------------------------------------------------------------


def _review_page(
    request: Request,
    services: Services,
    pictures: Pictures,
    chart: CaseChart,
    *,
    typed: ReviewForm | None = None,
    problem: InvalidInputError | None = None,
) -> HTMLResponse:
    row = review_row(chart, services.clock.now())
    first = "" if row.candidates else PIN
    return page(
        request,
        "place_review.html",
        {
            "tab": "places",
            "pictures": pictures,
            "row": row,
            "turn": turn_of(chart.id, _queue(request, services)),
            "typed": typed or ReviewForm(version=chart.version, choice=first),
            "problem": problem,
            "pin": PIN,
            "choices": [choice_of(one) for one in row.candidates],
            "max_reason": MAX_REASON,
            "settled": _chart(services, request.query_params.get("settled")),
        },
        status=200 if problem is None else 422,
    )


def _queue(request: Request, services: Services) -> list[CaseChart]:
    """Charts that wait for a place and that who asks may give one."""
    queue = services.places.queue()
    return readable(request, queue, action=Action.SETTLE_PLACE)


def _chart(services: Services, chart_id: str | None) -> CaseChart | None:
    """Chart that the page before was about; None for none such."""
    return services.store.get_many([chart_id]).get(chart_id) if chart_id else None
