"""One chart: facts, history, and the actions on it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.condition_view import site_view
from api.conditions_form import ConditionsForm
from api.dependencies import PicturesDep, ServicesDep
from api.pages import page
from api.wiring import Services
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.outcome import Outcome
from dispatch.domain.place import LonLat

router = APIRouter(include_in_schema=False)
SEE_OTHER = 303
MAX_FIELDS = 120
MAX_RADIUS_M = 5_000  # a click on the whole city says no more than a ward


@router.get("/charts/{chart_id}")
@router.get("/c/{chart_id}")
def show(
    request: Request, chart_id: str, services: ServicesDep, pictures: PicturesDep
) -> HTMLResponse:
    """One chart: facts, history, next actions. Nothing about the reporter."""
    chart = services.store.get(chart_id)
    reporter = services.store.reporter(chart_id)
    in_force = services.store.in_force(services.clock.now().date())
    stops = [
        (route.team_id, order, stop)
        for route, order, stop in (in_force.plan.stops() if in_force else ())
        if stop.visit_id == chart_id
    ]
    category = services.profile.catalogue.get(chart.consultation.category_code)
    return page(
        request,
        "chart.html",
        {
            "tab": "charts",
            "chart": chart,
            "category": category,
            "pictures": pictures,
            "history": services.store.history(chart_id),
            "has_reporter": not reporter.is_empty,
            "has_phone": bool(reporter.phone),
            "stops": stops,
            "in_force": in_force,
            "teams": {team.id: team for team in services.profile.teams},
            "reason": in_force.reasons.get(chart_id) if in_force else None,
            "site": site_view(services, chart),
        },
    )


class PlaceForm(BaseModel):
    """Where a dispatcher pointed, and how fine the map was."""

    version: int
    lon: str = Field(max_length=40)
    lat: str = Field(max_length=40)
    who: str = Field(max_length=60)
    radius_m: int = Field(0, ge=0, le=MAX_RADIUS_M)


@router.post("/charts/{chart_id}/place")
def place(
    chart_id: str, services: ServicesDep, form: Annotated[PlaceForm, Form()]
) -> Response:
    """Place an unplaced chart where the dispatcher pointed."""
    try:
        point = LonLat(float(form.lon), float(form.lat))
    except ValueError:
        problem = "地図で場所を選んでください"
        raise InvalidInputError("place", problem) from None
    services.intake.place_by_hand(
        chart_id, form.version, point, who=form.who, radius_m=form.radius_m
    )
    return RedirectResponse(f"/charts/{chart_id}", status_code=SEE_OTHER)


@router.post("/charts/{chart_id}/override")
def override(
    chart_id: str,
    services: ServicesDep,
    version: Annotated[int, Form()],
    target: Annotated[str, Form(max_length=80, description="office or office/team")],
    who: Annotated[str, Form(max_length=60)],
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
    await run_in_threadpool(_state, services, chart_id, typed)
    return RedirectResponse(f"/charts/{chart_id}#site", status_code=SEE_OTHER)


def _state(services: Services, chart_id: str, typed: ConditionsForm) -> None:
    services.sites.state(
        chart_id,
        typed.version,
        typed.to_conditions(lambda number: services.store.get_by_number(number).id),
        who=typed.values.get("who", ""),
        why=typed.values.get("why", ""),
    )


@router.post("/charts/{chart_id}/outcome")
def outcome(
    chart_id: str,
    services: ServicesDep,
    version: Annotated[int, Form()],
    outcome: Annotated[Outcome, Form()],
    who: Annotated[str, Form(max_length=60)],
    note: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    """Write down what the team did."""
    services.planning.record_outcome(
        chart_id, version, outcome, who=who, note=note.strip()
    )
    return RedirectResponse(f"/charts/{chart_id}", status_code=SEE_OTHER)
