"""One chart: facts, history, and the actions on it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.acting import acting, can, chart_where
from api.chart_acts_view import PlannedVisit, life_view
from api.condition_view import site_view
from api.conditions_form import ConditionsForm
from api.dependencies import PicturesDep, ServicesDep, WhoDep
from api.pages import page
from api.related_view import photos_view, related_view
from api.transfer_view import STATE_TEXT, hand_over_view
from api.triage_view import triage_view
from api.wiring import Services
from dispatch.domain.access import Action
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import LonLat
from dispatch.domain.plan import Stop
from dispatch.ports import StoredPlan

router = APIRouter(include_in_schema=False)
SEE_OTHER = 303
MAX_FIELDS = 120
SHOWN_LINES = 50  # of the history, unless all are asked for
MAX_RADIUS_M = 5_000  # a click on the whole city says no more than a ward


@router.get("/charts/{chart_id}")
@router.get("/c/{chart_id}")
def show(
    request: Request, chart_id: str, services: ServicesDep, pictures: PicturesDep
) -> HTMLResponse:
    """One chart: facts, history, next actions. Nothing about the reporter."""
    all_lines = request.query_params.get("history") == "all"
    chart = services.store.get(chart_id)
    given = services.vault.given([chart_id]).get(chart_id, ())
    in_force = services.store.in_force(services.clock.now().date())
    stops = [
        (route.team_id, order, stop)
        for route, order, stop in (in_force.plan.stops() if in_force else ())
        if stop.visit_id == chart_id
    ]
    category = services.profile.catalogue.get(chart.category_code)
    history = services.store.history(chart_id)
    can_class = can(request, Action.TRIAGE, chart_where(services, chart))
    return page(
        request,
        "chart.html",
        {
            "tab": "charts",
            "chart": chart,
            "category": category,
            "pictures": pictures,
            "lines": history[::-1] if all_lines else history[: -SHOWN_LINES - 1 : -1],
            "num_lines": len(history),
            "life": life_view(services, chart, _planned(services, in_force, stops)),
            "given": given,
            "stops": stops,
            "in_force": in_force,
            "teams": {team.id: team for team in services.profile.teams},
            "reason": in_force.reasons.get(chart_id) if in_force else None,
            "site": site_view(services, chart),
            "hand_over": hand_over_view(request, services, chart),
            "transfer_text": STATE_TEXT,
            "triage": triage_view(services, chart, history, can_class=can_class),
            "related": related_view(request, services, chart),
            "photos": photos_view(request, services, chart),
        },
    )


def _planned(
    services: Services,
    in_force: StoredPlan | None,
    stops: Sequence[tuple[str, int, Stop]],
) -> PlannedVisit | None:
    """When the plan has the work begin, and the last of its visits end."""
    if in_force is None or not stops:
        return None
    midnight = dt.datetime.combine(
        in_force.plan.date, dt.time(), services.profile.timezone
    )
    starts = [midnight + dt.timedelta(seconds=stop.start_s) for *_, stop in stops]
    ends = [midnight + dt.timedelta(seconds=stop.end_s) for *_, stop in stops]
    return PlannedVisit(start_at=min(starts), end_at=max(ends))


class PlaceForm(BaseModel):
    """Where a dispatcher pointed, and how fine the map was."""

    version: int
    lon: str = Field(max_length=40)
    lat: str = Field(max_length=40)
    who: str = Field(max_length=60)
    radius_m: int = Field(0, ge=0, le=MAX_RADIUS_M)


@router.post("/charts/{chart_id}/place")
def place(
    request: Request,
    chart_id: str,
    services: ServicesDep,
    form: Annotated[PlaceForm, Form()],
) -> Response:
    """Place an unplaced chart where the dispatcher pointed."""
    try:
        point = LonLat(float(form.lon), float(form.lat))
    except ValueError:
        problem = "地図で場所を選んでください"
        raise InvalidInputError("place", problem) from None
    who = acting(request, form.who)
    services.intake.place_by_hand(
        chart_id, form.version, point, who=who, radius_m=form.radius_m
    )
    return RedirectResponse(f"/charts/{chart_id}", status_code=SEE_OTHER)


@router.post("/charts/{chart_id}/override")
def override(
    chart_id: str,
    services: ServicesDep,
    version: Annotated[int, Form()],
    target: Annotated[str, Form(max_length=80, description="office or office/team")],
    who: WhoDep,
    why: Annotated[str, Form(max_length=300)],
) -> Response:
    """Assign by the dispatcher's word."""
    office_id, _, team_id = target.partition("/")
    services.intake.override(
        chart_id,
        version,
        office_id=office_id,
        team_id=team_id or None,
        who=who,
        why=why,
    )
    return RedirectResponse(f"/charts/{chart_id}", status_code=SEE_OTHER)


@router.post("/charts/{chart_id}/conditions")
async def conditions(
    request: Request, chart_id: str, services: ServicesDep
) -> Response:
    """State the conditions of the chart's site, all of them anew."""
    typed = ConditionsForm.read(await request.form(max_files=0, max_fields=MAX_FIELDS))
    who = acting(request, typed.values.get("who", ""))
    await run_in_threadpool(_state, services, chart_id, typed, who=who)
    return RedirectResponse(f"/charts/{chart_id}#site", status_code=SEE_OTHER)


def _state(
    services: Services, chart_id: str, typed: ConditionsForm, *, who: str
) -> None:
    services.sites.state(
        chart_id,
        typed.version,
        typed.to_conditions(lambda number: services.store.get_by_number(number).id),
        who=who,
        why=typed.values.get("why", ""),
    )
