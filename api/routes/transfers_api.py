"""Transfers and notices by the API: queues, each step, and who has read what."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from api.acting import actor_of, chart_where, require
from api.dependencies import ClientDep, ServicesDep
from api.hand_over_schemas import (
    FinishIn,
    NoticeIn,
    NoticeOut,
    NoticesAsked,
    NoticesOut,
    QueuedOut,
    QueueOut,
    ReadIn,
    ReasonIn,
    SendIn,
)
from api.life_cycle_schemas import WordIn
from api.notice_access import notice_reach, require_own_notice
from api.reach import reach_of
from api.routes.answers import BAD_BODY, NO_KEY, Answers
from api.schemas import ChartOut, Problem
from api.versioned import VersionedRoute
from dispatch.domain.access import Action
from dispatch.domain.notice import NoticeQuery, NoticeSide
from dispatch.domain.transfer import TransferState
from dispatch.domain.transfer_query import TransferQuery

router = APIRouter(prefix="/v1", tags=["transfers"], route_class=VersionedRoute)
MAX_LISTED = 500
CHANGES: Answers = {
    **BAD_BODY,
    404: {"model": Problem, "description": "no such chart, transfer or notice"},
    409: {
        "model": Problem,
        "description": "the chart has changed meanwhile, or the transfer is over",
    },
}
ChartId = Annotated[str, Path(max_length=64)]
TransferId = Annotated[str, Path(max_length=16)]
NoticeId = Annotated[str, Path(max_length=16)]
Text = Annotated[str, Query(max_length=120)]


def _signed(who: str, client: str) -> str:
    """Name in the history: the person, and the system that says so."""
    return f"{who}(API: {client})"


@router.get("/transfers", responses=NO_KEY)
def queue(
    request: Request,
    client: ClientDep,
    services: ServicesDep,
    receiver: Text = "",
    state: TransferState | None = None,
) -> QueueOut:
    """Return transfers that run or came back, whose clock ends first at the top."""
    del client
    query = TransferQuery(
        state=state, receiver=receiver, reach=reach_of(actor_of(request), services)
    )
    found = services.hand_over.queues
    charts = found.listed(query, limit=MAX_LISTED)
    return QueueOut(
        count=found.count(query),
        transfers=[QueuedOut.from_domain(chart) for chart in charts],
    )


@router.post("/consultations/{chart_id}/transfers", responses=CHANGES)
def send(
    chart_id: ChartId, body: SendIn, client: ClientDep, services: ServicesDep
) -> ChartOut:
    """Send a chart of ours to a receiver; its clock to accept or return starts."""
    chart = services.hand_over.transfers.send(
        chart_id,
        body.version,
        body.receiver,
        who=_signed(body.who, client),
        why=body.why,
    )
    return ChartOut.from_domain(chart)


@router.post(
    "/consultations/{chart_id}/transfers/{transfer_id}/accept", responses=CHANGES
)
def accept(
    chart_id: ChartId,
    transfer_id: TransferId,
    body: WordIn,
    client: ClientDep,
    services: ServicesDep,
) -> ChartOut:
    """Take what was sent."""
    desk, who = services.hand_over.transfers, _signed(body.who, client)
    return ChartOut.from_domain(
        desk.accept(chart_id, body.version, transfer_id, who=who)
    )


@router.post(
    "/consultations/{chart_id}/transfers/{transfer_id}/return", responses=CHANGES
)
def send_back(
    chart_id: ChartId,
    transfer_id: TransferId,
    body: ReasonIn,
    client: ClientDep,
    services: ServicesDep,
) -> ChartOut:
    """Return a chart with the reason; from now its sender has to act."""
    desk, who = services.hand_over.transfers, _signed(body.who, client)
    return ChartOut.from_domain(
        desk.send_back(chart_id, body.version, transfer_id, who=who, why=body.why)
    )


@router.post(
    "/consultations/{chart_id}/transfers/{transfer_id}/finish", responses=CHANGES
)
def finish(
    chart_id: ChartId,
    transfer_id: TransferId,
    body: FinishIn,
    client: ClientDep,
    services: ServicesDep,
) -> ChartOut:
    """Write down what the receiver did; the work is over."""
    desk, who = services.hand_over.transfers, _signed(body.who, client)
    return ChartOut.from_domain(
        desk.finish(chart_id, body.version, transfer_id, who=who, done=body.done)
    )


@router.post(
    "/consultations/{chart_id}/transfers/{transfer_id}/hand-on", responses=CHANGES
)
def hand_on(
    chart_id: ChartId,
    transfer_id: TransferId,
    body: SendIn,
    client: ClientDep,
    services: ServicesDep,
) -> ChartOut:
    """Send a chart from one receiver on to the next."""
    chart = services.hand_over.transfers.hand_on(
        chart_id,
        body.version,
        transfer_id,
        body.receiver,
        who=_signed(body.who, client),
        why=body.why,
    )
    return ChartOut.from_domain(chart)


@router.post(
    "/consultations/{chart_id}/transfers/{transfer_id}/withdraw", responses=CHANGES
)
def withdraw(
    chart_id: ChartId,
    transfer_id: TransferId,
    body: ReasonIn,
    client: ClientDep,
    services: ServicesDep,
) -> ChartOut:
    """Take back what nobody has accepted yet."""
    desk, who = services.hand_over.transfers, _signed(body.who, client)
    return ChartOut.from_domain(
        desk.withdraw(chart_id, body.version, transfer_id, who=who, why=body.why)
    )


@router.get("/notices", responses=NO_KEY)
def notices(
    request: Request,
    client: ClientDep,
    services: ServicesDep,
    asked: Annotated[NoticesAsked, Query()],
) -> NoticesOut:
    """Return notices that nobody has read, or whose task is open or settled."""
    del client
    query = NoticeQuery(
        state=asked.state,
        ward_code=asked.ward,
        district_id=asked.district,
        desk=asked.desk,
        reach=notice_reach(request),
    )
    store = services.hand_over.notices.notices
    found = store.listed(query, limit=MAX_LISTED)
    return NoticesOut(
        count=store.count(query),
        notices=[NoticeOut.from_domain(one) for one in found],
    )


@router.post("/notices", status_code=201, responses=CHANGES)
def write(
    request: Request, body: NoticeIn, client: ClientDep, services: ServicesDep
) -> NoticeOut:
    """Send a notice; it is a line of the chart's history and a task until settled."""
    chart = services.store.get(body.chart_id)
    require(request, Action.COMMENT, chart_where(services, chart))
    draft = body.to_draft(who=_signed(body.who, client))
    desk, is_ward = services.hand_over.notices, body.to is NoticeSide.WARD
    return NoticeOut.from_domain(desk.send(chart.id, draft, to_ward=is_ward))


@router.post("/notices/{notice_id}/read", responses=CHANGES)
def read(
    request: Request,
    notice_id: NoticeId,
    body: ReadIn,
    client: ClientDep,
    services: ServicesDep,
) -> NoticeOut:
    """Mark a notice as read; its task stays open."""
    require_own_notice(request, notice_id)
    notice = services.hand_over.notices.read(notice_id, who=_signed(body.who, client))
    return NoticeOut.from_domain(notice)
