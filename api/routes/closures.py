"""Closures of roads (通行規制): the dispatcher's page, and the same for programs."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from api.acting import acting
from api.closed_roads import (
    MAX_BOX_M,
    closed_now,
    looked_at,
    main_road_lines,
    preview_of,
    road_box,
    road_lines_in,
    roads_to_close,
    shut,
)
from api.closure_form import UNTIL_TEXT, ClosureForm
from api.closure_schemas import (
    ClosedRoadsOut,
    ClosureIn,
    ClosureOut,
    LiftIn,
    PreviewOut,
)
from api.closure_view import (
    FIELD_TEXT,
    SHAPE_TEXT,
    STATE_TEXT,
    ClosureState,
    ClosureView,
    roads_text,
)
from api.dependencies import ClientDep, PicturesDep, ServicesDep, WhoDep
from api.pages import page, wants_page
from api.pictures import Pictures
from api.routes.answers import BAD_BODY, BAD_FIELD, NO_KEY, Answers
from api.schemas import Problem
from api.wiring import Services
from api.wording import CLOSURE_REASON_TEXT
from dispatch.closure_desk import MAX_HISTORY, NewClosure
from dispatch.domain.closure import Closure
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import BoundingBox

router = APIRouter()
SEE_OTHER = 303
SHOWN_HISTORY = 200
NOT_LIFTED: Answers = {
    404: {"model": Problem, "description": "no such closure"},
    409: {"model": Problem, "description": "changed meanwhile, lifted, or over"},
}


class Listed(StrEnum):
    """Which closures a list holds."""

    OPEN = "open"  # in force or to come
    ALL = "all"


class GeoJsonResponse(JSONResponse):
    """GeoJSON (RFC 7946) with its own media type."""

    media_type = "application/geo+json"


# -- for programs ----------------------------------------------------------------------


@router.get("/v1/closures", tags=["closures"], responses={**NO_KEY, **BAD_FIELD})
def listing(
    client: ClientDep,
    services: ServicesDep,
    pictures: PicturesDep,
    state: Listed = Listed.OPEN,
    limit: Annotated[int, Query(ge=1, le=MAX_HISTORY)] = 100,
) -> list[ClosureOut]:
    """List closures: those in force or to come, or all of them (newest first)."""
    del client
    view = _view(services, pictures)
    if state is Listed.ALL:
        found = services.closures.history(limit)
    else:
        found = services.closures.not_over()[:limit]
    return [
        ClosureOut.from_domain(one, in_force=view.is_in_force(one)) for one in found
    ]


@router.post("/v1/closures", status_code=201, tags=["closures"], responses=BAD_BODY)
def close(
    body: ClosureIn, client: ClientDep, services: ServicesDep, pictures: PicturesDep
) -> ClosureOut:
    """Shut a stretch or an area; it is refused when it would shut no road."""
    who = f"{body.who}(API: {client})"
    made = shut(services, body.to_new(services.profile.bounds), who=who)
    in_force = _view(services, pictures).is_in_force(made)
    return ClosureOut.from_domain(made, in_force=in_force)


@router.post("/v1/closures/preview", tags=["closures"], responses=BAD_BODY)
def preview(body: ClosureIn, client: ClientDep, services: ServicesDep) -> PreviewOut:
    """Answer what a closure would shut; nothing is stored."""
    del client
    return preview_of(*looked_at(services, body.to_new(services.profile.bounds)))


@router.post(
    "/v1/closures/{closure_id}/lift",
    tags=["closures"],
    responses={**BAD_BODY, **NOT_LIFTED},
)
def lift(
    closure_id: str,
    body: LiftIn,
    client: ClientDep,
    services: ServicesDep,
) -> ClosureOut:
    """End a closure now; the version must be the one that was read."""
    who = f"{body.who}(API: {client})"
    lifted = services.closures.lift(closure_id, body.version, who=who)
    return ClosureOut.from_domain(lifted, in_force=False)


@router.get(
    "/v1/closures.geojson",
    tags=["closures"],
    response_class=GeoJsonResponse,
    responses=NO_KEY,
)
def closed_geojson(client: ClientDep, services: ServicesDep) -> ClosedRoadsOut:
    """Draw what is shut at this moment, with nobody's name."""
    del client
    return closed_now(services)


# -- for dispatchers -------------------------------------------------------------------


@router.get("/closures", include_in_schema=False)
def show(
    request: Request, services: ServicesDep, pictures: PicturesDep
) -> HTMLResponse:
    """Show the map, the form, what is shut or will be, and the history."""
    return _page(request, services, pictures, ClosureForm.empty())


@router.post("/closures", include_in_schema=False)
async def close_by_form(
    request: Request, services: ServicesDep, pictures: PicturesDep
) -> Response:
    """Shut what the form describes; what was typed comes back with an error."""
    typed = ClosureForm.read(await request.form(max_files=0, max_fields=40))
    try:
        new = _asked(services, typed)
        who = acting(request, typed.who)
        made = await run_in_threadpool(shut, services, new, who=who)
    except InvalidInputError as problem:
        return await run_in_threadpool(
            _page, request, services, pictures, typed, problem=problem
        )
    return RedirectResponse(f"/closures?made={made.id}", status_code=SEE_OTHER)


@router.post("/closures/preview", include_in_schema=False)
async def preview_form(
    request: Request, services: ServicesDep, pictures: PicturesDep
) -> Response:
    """Answer what the form would shut: to the page's script, or as the page."""
    typed = ClosureForm.read(await request.form(max_files=0, max_fields=40))
    try:
        asked = _asked(services, typed.for_preview())
        draft, roads = await run_in_threadpool(looked_at, services, asked)
    except InvalidInputError as problem:
        if not wants_page(request):
            raise
        return await run_in_threadpool(
            _page, request, services, pictures, typed, problem=problem
        )
    text = roads_text(roads)
    if wants_page(request):
        return await run_in_threadpool(
            _page, request, services, pictures, typed, preview=text
        )
    drawn = preview_of(draft, roads).model_dump(mode="json")
    return JSONResponse({"text": text, "geojson": drawn})


@router.post("/closures/{closure_id}/lift", include_in_schema=False)
def lift_by_form(
    closure_id: str,
    services: ServicesDep,
    version: Annotated[int, Form()],
    who: WhoDep,
) -> Response:
    """End a closure now."""
    services.closures.lift(closure_id, version, who=who)
    return RedirectResponse(f"/closures?lifted={closure_id}", status_code=SEE_OTHER)


@router.get("/closures.csv", include_in_schema=False)
def history_csv(services: ServicesDep, pictures: PicturesDep) -> Response:
    """Return the whole history for Excel."""
    text = _view(services, pictures).as_csv(_all(services))
    return Response(
        text.encode("utf-8-sig"),  # Excel takes UTF-8 only with the mark
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="closures.csv"'},
    )


@router.get("/closures/closed.geojson", include_in_schema=False)
def closed_on_page(services: ServicesDep) -> Response:
    """Draw what is shut at this moment, for the page's own map."""
    return GeoJsonResponse(closed_now(services).model_dump(mode="json"))


@router.get("/closures/roads.geojson", include_in_schema=False)
def roads(
    request: Request,
    services: ServicesDep,
    box: Annotated[BoundingBox | None, Depends(road_box)],
) -> Response:
    """Lines of the page's map: the bigger roads, or all those of a small box."""
    if box is None:
        content, tag = main_road_lines(services)
    else:
        content, tag = road_lines_in(services, box)
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=GeoJsonResponse.media_type, headers=headers)


# -- shared ----------------------------------------------------------------------------


def _page(
    request: Request,
    services: Services,
    pictures: Pictures,
    typed: ClosureForm,
    *,
    problem: InvalidInputError | None = None,
    preview: str = "",
) -> HTMLResponse:
    view = _view(services, pictures)
    everything = list(_all(services))
    order = list(ClosureState)
    rows = [view.row(one) for one in services.closures.not_over()]
    rows.sort(key=lambda row: order.index(row.state))
    roads = roads_to_close(services)
    manifest = None if roads is None else roads.state().manifest
    query = request.query_params
    done_id = query.get("made") or query.get("lifted")
    return page(
        request,
        "closures.html",
        {
            "tab": "closures",
            "typed": typed,
            "problem": problem,
            "preview": preview,
            "done": next((one for one in everything if one.id == done_id), None),
            "rows": rows,
            "num_in_force": sum(row.state is ClosureState.IN_FORCE for row in rows),
            "history": [view.row(one) for one in everything[:SHOWN_HISTORY]],
            "num_history": len(everything),
            "has_roads": roads is not None,
            "max_box_m": MAX_BOX_M,
            "attribution": "" if manifest is None else manifest.attribution,
            "reasons": CLOSURE_REASON_TEXT,
            "shapes": SHAPE_TEXT,
            "states": STATE_TEXT,
            "until": UNTIL_TEXT,
            "fields": FIELD_TEXT,
        },
        status=200 if problem is None else 422,
    )


def _view(services: Services, pictures: Pictures) -> ClosureView:
    now = services.clock.now()
    return ClosureView(dates=pictures, profile=services.profile, now=now)


def _all(services: Services) -> Iterator[Closure]:
    """Every closure, newest first, in pages of the desk's largest size."""
    before = None
    while part := services.closures.history(MAX_HISTORY, before=before):
        yield from part
        before = part[-1].id


def _asked(services: Services, typed: ClosureForm) -> NewClosure:
    profile = services.profile
    return typed.to_new(
        now=services.clock.now(), timezone=profile.timezone, bounds=profile.bounds
    )
