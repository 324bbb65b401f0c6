"""Triage for other systems: the questions, later replies, a chart classed anew."""

from __future__ import annotations

from fastapi import APIRouter

from api.dependencies import ClientDep, ServicesDep
from api.routes.answers import BAD_BODY
from api.schemas import ChartOut, Problem
from api.triage_schemas import ClassingIn, QuestionOut, RepliesIn
from api.versioned import VersionedRoute

router = APIRouter(prefix="/v1", tags=["triage"], route_class=VersionedRoute)
CHANGED: dict[int | str, dict[str, object]] = {
    **BAD_BODY,
    404: {"model": Problem},
    409: {
        "model": Problem,
        "description": "the chart has changed meanwhile, or it is too late for this",
    },
}


@router.get("/triage/questions", responses={401: {"model": Problem}})
def questions(client: ClientDep, services: ServicesDep) -> list[QuestionOut]:
    """Return the city's triage questions in the order of asking."""
    del client
    catalogue = services.profile.catalogue
    return [
        QuestionOut.from_domain(one, catalogue) for one in services.desk.rules.questions
    ]


@router.post("/consultations/{chart_id}/replies", responses=CHANGED)
def hear(
    chart_id: str, body: RepliesIn, client: ClientDep, services: ServicesDep
) -> ChartOut:
    """Add what the caller said later; a yes may raise urgency, nothing lowers it."""
    chart = services.desk.triage.hear(
        chart_id, body.version, body.replies, who=f"{body.who}(API: {client})"
    )
    return ChartOut.from_domain(chart)


@router.post("/consultations/{chart_id}/class", responses=CHANGED)
def reclass(
    chart_id: str, body: ClassingIn, client: ClientDep, services: ServicesDep
) -> ChartOut:
    """
    Set category, urgency or scheme anew; the chart is sent where it belongs then.

    A legal hold that runs is never shortened.
    """
    chart = services.desk.triage.reclass(
        chart_id,
        body.version,
        body.to_classing(),
        who=f"{body.who}(API: {client})",
        why=body.why,
    )
    return ChartOut.from_domain(chart)
