"""Topics of a call and duplicates by the API."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request

from api.acting import chart_where, require
from api.dependencies import ClientDep, ServicesDep
from api.related_schemas import (
    DraftIn,
    DuplicatesOut,
    MergedOut,
    MergeIn,
    ReceiptOut,
    TopicOut,
    TopicsIn,
    UnmergeIn,
)
from api.related_view import draft_duplicates, duplicates_out
from api.routes.answers import BAD_BODY, NO_KEY, Answers
from api.schemas import Problem
from api.versioned import VersionedRoute
from api.wiring import Services
from dispatch.domain.access import Action
from dispatch.merge_desk import Merged

router = APIRouter(prefix="/v1", tags=["duplicates"], route_class=VersionedRoute)
READS: Answers = {**NO_KEY, 404: {"model": Problem}}
CHANGES: Answers = {
    **BAD_BODY,
    404: {"model": Problem},
    409: {
        "model": Problem,
        "description": "a chart has changed meanwhile, or something stands in the way",
    },
}
ChartId = Annotated[str, Path(max_length=64)]


@router.get("/consultations/{chart_id}/duplicates", responses=READS)
def duplicates(
    request: Request, chart_id: ChartId, client: ClientDep, services: ServicesDep
) -> DuplicatesOut:
    """Return charts that may be of the same thing, the likeliest first."""
    del client
    found = services.cases.merges.suggested(services.store.get(chart_id))
    return duplicates_out(request, services, found)


@router.post("/duplicates", responses=BAD_BODY)
def duplicates_of_draft(
    request: Request, body: DraftIn, client: ClientDep, services: ServicesDep
) -> DuplicatesOut:
    """
    Return charts that may be of the same thing as a report not sent yet.

    A POST, so that what somebody types stands in no address; nothing is stored.
    """
    del client
    draft = body.to_consultation(services.clock.now())
    return draft_duplicates(request, services, draft)


@router.post("/consultations/{chart_id}/topics", status_code=201, responses=CHANGES)
def split(
    chart_id: ChartId, body: TopicsIn, client: ClientDep, services: ServicesDep
) -> ReceiptOut:
    """Make charts of other topics of the same call, in one transaction."""
    services.cases.topics.split(
        chart_id,
        body.version,
        [one.to_topic() for one in body.topics],
        who=f"{body.who}(API: {client})",
    )
    return receipt_out(services, chart_id)


def receipt_out(services: Services, chart_id: str) -> ReceiptOut:
    """Receipt of the call that a chart came from."""
    found = services.cases.topics.receipt(chart_id)
    return ReceiptOut(
        number=found.number, topics=[TopicOut.from_domain(one) for one in found.charts]
    )


@router.post("/consultations/{chart_id}/merge", responses=CHANGES)
def merge(
    request: Request,
    chart_id: ChartId,
    body: MergeIn,
    client: ClientDep,
    services: ServicesDep,
) -> MergedOut:
    """Merge a chart into another: one visit remains, each keeps its own answer."""
    main = services.store.get(body.main_id)
    require(request, Action.SPLIT_MERGE, chart_where(services, main))
    done = services.cases.merges.merge(
        chart_id,
        body.version,
        main_id=body.main_id,
        main_version=body.main_version,
        who=f"{body.who}(API: {client})",
        why=body.why,
    )
    return _merged_out(done)


@router.post("/consultations/{chart_id}/unmerge", responses=CHANGES)
def split_off(
    chart_id: ChartId, body: UnmergeIn, client: ClientDep, services: ServicesDep
) -> MergedOut:
    """Undo a merging: the chart is received again; its clocks run on."""
    done = services.cases.merges.split_off(
        chart_id, body.version, who=f"{body.who}(API: {client})", why=body.why
    )
    return _merged_out(done)


def _merged_out(done: Merged) -> MergedOut:
    return MergedOut(
        duplicate=TopicOut.from_domain(done.duplicate),
        main=TopicOut.from_domain(done.main),
        version=done.duplicate.version,
        main_version=done.main.version,
    )
