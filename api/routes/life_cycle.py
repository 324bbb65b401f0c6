"""A chart's life by the API: acts, results, answers, pauses, comments, history."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api.dependencies import ClientDep, ServicesDep
from api.life_cycle_schemas import (
    ActIn,
    ActsOut,
    AnswerIn,
    ClocksOut,
    CommentIn,
    EntryOut,
    HistoryOut,
    LegalActOut,
    LifeCycleOut,
    PauseIn,
    ResultIn,
    SummaryIn,
)
from api.routes.answers import BAD_BODY, NO_KEY, Answers
from api.schemas import ChartOut, Problem
from api.versioned import VersionedRoute
from dispatch.domain.legal_acts import acts_now

router = APIRouter(prefix="/v1", tags=["life cycle"], route_class=VersionedRoute)
CHANGES: Answers = {
    **BAD_BODY,
    404: {"model": Problem},
    409: {
        "model": Problem,
        "description": "the chart has changed meanwhile, or the act is not legal now; "
        "the legal ones are named",
    },
}
READS: Answers = {**NO_KEY, 404: {"model": Problem}}
ChartId = Annotated[str, Path(max_length=64)]


def _signed(who: str, client: str) -> str:
    """Name in the history: the person, and the system that says so."""
    return f"{who}(API: {client})"


@router.get("/life-cycle", responses=NO_KEY)
def life_cycle(client: ClientDep) -> LifeCycleOut:
    """Return the table by which charts move: statuses, acts, and what they ask for."""
    del client
    return LifeCycleOut.make()


@router.get("/consultations/{chart_id}/acts", responses=READS)
def legal_acts(chart_id: ChartId, client: ClientDep, services: ServicesDep) -> ActsOut:
    """Return what may be done to a chart now, and its clocks."""
    del client
    chart = services.store.get(chart_id)
    now = services.clock.now().astimezone(services.profile.timezone)
    return ActsOut(
        number=chart.number,
        version=chart.version,
        status=chart.status,
        clocks=ClocksOut.from_domain(chart),
        acts=[LegalActOut.from_domain(one) for one in acts_now(chart, at=now)],
    )


@router.get("/consultations/{chart_id}/history", responses=READS)
def history(chart_id: ChartId, client: ClientDep, services: ServicesDep) -> HistoryOut:
    """Return the lines of a chart's history without anybody's words."""
    del client
    chart = services.store.get(chart_id)
    entries = services.store.history(chart_id)
    return HistoryOut(
        number=chart.number, entries=[EntryOut.from_domain(one) for one in entries]
    )


@router.post("/consultations/{chart_id}/acts", responses=CHANGES)
def act(
    chart_id: ChartId, body: ActIn, client: ClientDep, services: ServicesDep
) -> ChartOut:
    """Move a chart by a person's word."""
    who = _signed(body.who, client)
    chart = services.life_cycle.act(
        chart_id, body.version, body.act, who=who, why=body.why
    )
    return ChartOut.from_domain(chart)


@router.post("/consultations/{chart_id}/results", responses=CHANGES)
def record_result(
    chart_id: ChartId, body: ResultIn, client: ClientDep, services: ServicesDep
) -> ChartOut:
    """Write down what a team found and did; the outcome moves the chart."""
    who = _signed(body.who, client)
    result = body.to_result(at=services.clock.now(), who=who)
    chart = services.life_cycle.record_result(chart_id, body.version, result)
    return ChartOut.from_domain(chart)


@router.post("/consultations/{chart_id}/answers", responses=CHANGES)
def answer(
    chart_id: ChartId, body: AnswerIn, client: ClientDep, services: ServicesDep
) -> ChartOut:
    """Record what the resident was told, or that it takes longer (中間回答)."""
    who = _signed(body.who, client)
    told = body.to_answer(at=services.clock.now(), who=who)
    return ChartOut.from_domain(
        services.life_cycle.answer(chart_id, body.version, told)
    )


@router.post("/consultations/{chart_id}/summary", responses=CHANGES)
def publish_answer(
    chart_id: ChartId, body: SummaryIn, client: ClientDep, services: ServicesDep
) -> ChartOut:
    """Publish the last answer in a summary; one that names the reporter is refused."""
    chart = services.life_cycle.publish_answer(
        chart_id, body.version, body.summary, who=_signed(body.who, client)
    )
    return ChartOut.from_domain(chart)


@router.post("/consultations/{chart_id}/pauses", responses=CHANGES)
def pause(
    chart_id: ChartId, body: PauseIn, client: ClientDep, services: ServicesDep
) -> ChartOut:
    """Stop the clocks while somebody else has to act, or let them run on."""
    desk = services.life_cycle
    change = desk.pause if body.paused else desk.resume
    chart = change(chart_id, body.version, who=_signed(body.who, client), why=body.why)
    return ChartOut.from_domain(chart)


@router.post("/consultations/{chart_id}/comments", responses=CHANGES)
def comment(
    chart_id: ChartId, body: CommentIn, client: ClientDep, services: ServicesDep
) -> ChartOut:
    """Write a line into the history."""
    chart = services.life_cycle.comment(
        chart_id, body.version, body.text, who=_signed(body.who, client)
    )
    return ChartOut.from_domain(chart)
