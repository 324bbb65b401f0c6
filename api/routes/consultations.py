"""The intake API: consultations in, charts out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Response

from api.condition_schemas import ConditionsIn
from api.dependencies import ClientDep, ServicesDep
from api.routes.answers import BAD_BODY
from api.schemas import AssignmentIn, ChartOut, ConsultationIn, Problem
from api.versioned import VersionedRoute
from dispatch.domain.errors import InvalidInputError

router = APIRouter(prefix="/v1", tags=["consultations"], route_class=VersionedRoute)
MAX_KEY = 200
ONE_VISIT = "予約の枠は、話題が1件のときに使えます"
PROBLEMS: dict[int | str, dict[str, object]] = {
    400: {"model": Problem, "description": "the body is not JSON"},
    401: {"model": Problem, "description": "no valid X-API-Key"},
    404: {"model": Problem, "description": "the client was offered no such slot"},
    409: {
        "model": Problem,
        "description": "the key was used with another body, or the slot is over",
    },
    413: {"model": Problem, "description": "the body is too large"},
    422: {"model": Problem, "description": "a field breaks a rule; each is named"},
}


@router.post("/consultations", status_code=201, responses=PROBLEMS)
def receive(
    body: ConsultationIn,
    response: Response,
    client: ClientDep,
    services: ServicesDep,
    idempotency_key: Annotated[
        str | None, Header(description="a retry with the same key adds nothing")
    ] = None,
) -> ChartOut:
    """
    Receive a consultation; it is placed and assigned before the answer.

    A retry with the same `Idempotency-Key` answers 200 with the same chart; the same
    key with another body answers 409.
    """
    if idempotency_key is not None and not 0 < len(idempotency_key) <= MAX_KEY:
        raise InvalidInputError("Idempotency-Key", f"1〜{MAX_KEY}文字にしてください")
    intake = body.to_intake(
        client=client, key=idempotency_key, now=services.clock.now()
    )
    who = f"API: {client}"
    if body.topics:
        if body.slot_id is not None:
            raise InvalidInputError("slot_id", ONE_VISIT)
        first = services.intake.opening(intake, who=who)
        topics = [one.to_topic() for one in body.topics]
        added = services.cases.topics.receive(first, topics, who=who)[0]
    elif body.slot_id is None:
        added = services.intake.receive(intake, who=who)
    else:
        added = services.slots.receive(body.slot_id, intake, client=client, who=who)
    if not added.is_new:
        response.status_code = 200
    response.headers["Location"] = f"/v1/consultations/{added.chart.id}"
    return ChartOut.from_domain(added.chart)


@router.post(
    "/consultations/{chart_id}/assignment",
    responses={
        401: PROBLEMS[401],
        404: {"model": Problem},
        409: {"model": Problem, "description": "the chart has changed meanwhile"},
        422: PROBLEMS[422],
    },
)
def assign(
    chart_id: str, body: AssignmentIn, client: ClientDep, services: ServicesDep
) -> ChartOut:
    """
    Assign by a dispatcher's word instead of the rule.

    The chart's version must be the one that was read: 409 says that somebody was
    faster.
    """
    chart = services.intake.override(
        chart_id,
        body.version,
        office_id=body.office_id,
        team_id=body.team_id,
        who=f"{body.who}(API: {client})",
        why=body.why,
    )
    return ChartOut.from_domain(chart)


@router.put(
    "/consultations/{chart_id}/conditions",
    responses={
        **BAD_BODY,
        404: {"model": Problem},
        409: {
            "model": Problem,
            "description": "the chart has changed meanwhile, or is no open field work",
        },
    },
)
def state_conditions(
    chart_id: str, body: ConditionsIn, client: ClientDep, services: ServicesDep
) -> ChartOut:
    """
    State the conditions of a chart's site; they replace those stated before.

    The next plan obeys them; a plan in force stays as it is until then.
    """
    chart = services.sites.state(
        chart_id,
        body.version,
        body.to_conditions(),
        who=f"{body.who}(API: {client})",
        why=body.why,
    )
    return ChartOut.from_domain(chart)


@router.get(
    "/consultations/{chart_id}",
    responses={401: PROBLEMS[401], 404: {"model": Problem}},
)
def read(chart_id: str, client: ClientDep, services: ServicesDep) -> ChartOut:
    """Return a chart as it stands now, with nothing about the reporter."""
    del client
    chart = services.store.get(chart_id)
    return ChartOut.from_domain(chart, services.cases.merges.followed(chart))
