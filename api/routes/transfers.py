"""Pages of transfers: queues by receiver, and what people do on a chart's page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from api.acting import acting
from api.dependencies import PicturesDep, ServicesDep, WhoDep
from api.pages import page
from api.reach import list_scope
from api.transfer_view import QUEUE_STATES, STATE_TEXT, transfers_csv
from api.wiring import Services
from api.wording import deadline_text
from dispatch.domain.chart_query import Reach
from dispatch.domain.consultation import MAX_LINE
from dispatch.domain.transfer import Transfer
from dispatch.domain.transfer_query import TransferOrder, TransferQuery

router = APIRouter(include_in_schema=False)
SEE_OTHER = 303
SHOWN_ROWS = 300
Version = Annotated[int, Form()]
Words = Annotated[str, Form(max_length=MAX_LINE)]
ReceiverId = Annotated[str, Form(max_length=60)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a queue shows; every value stands in the link that repeats it."""

    state: str = ""
    receiver: str = ""
    ward: str = ""
    late: bool = False
    sort: str = "due"

    def query(self, services: Services, reach: Reach) -> TransferQuery:
        """Question to the store; an unknown state limits nothing."""
        state = next((one for one in QUEUE_STATES if one == self.state), None)
        return TransferQuery(
            state=state,
            receiver=self.receiver,
            ward_code=self.ward,
            late_at=services.clock.now() if self.late else None,
            reach=reach,
        )

    @property
    def order(self) -> TransferOrder:
        """Order of the queue; by deadline unless the link names another."""
        return next(
            (one for one in TransferOrder if one == self.sort), TransferOrder.DUE
        )


def _filter(request: Request) -> Filter:
    query = request.query_params
    return Filter(
        state=query.get("state", ""),
        receiver=query.get("receiver", ""),
        ward=query.get("ward", ""),
        late=query.get("late") == "1",
        sort=query.get("sort", "due"),
    )


@router.get("/transfers")
def queues(request: Request, services: ServicesDep, pictures: PicturesDep) -> Response:
    """Queues of what was passed on: to take, sent back, late; by receiver."""
    chosen, scope = _filter(request), list_scope(request)
    zone, now = services.profile.timezone, services.clock.now()
    found = services.hand_over.queues
    query = chosen.query(services, scope.reach)
    everything = TransferQuery(reach=scope.reach)

    def left(transfer: Transfer) -> str:
        return deadline_text(transfer.due_at, now, zone) if transfer.due_at else ""

    def is_late(transfer: Transfer) -> bool:
        return transfer.due_at is not None and transfer.due_at < now

    return page(
        request,
        "transfers.html",
        {
            "tab": "transfers",
            "pictures": pictures,
            "chosen": chosen,
            "scope": scope,
            "charts": found.listed(query, order=chosen.order, limit=SHOWN_ROWS),
            "num_found": found.count(query),
            "counts": found.by_receiver(everything, at=now),
            "states": {state: STATE_TEXT[state] for state in QUEUE_STATES},
            "left": left,
            "is_late": is_late,
            "query": request.url.query,
        },
    )


@router.get("/transfers.csv")
def queues_csv(
    request: Request, services: ServicesDep, pictures: PicturesDep
) -> Response:
    """Return the same queue for Excel; nobody's words are in it."""
    chosen = _filter(request)
    query = chosen.query(services, list_scope(request).reach)
    charts = services.hand_over.queues.listed(query, order=chosen.order)
    return Response(
        transfers_csv(charts, services, pictures),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="transfers.csv"'},
    )


def _back(chart_id: str) -> Response:
    return RedirectResponse(f"/charts/{chart_id}#transfer", status_code=SEE_OTHER)


@router.post("/charts/{chart_id}/transfers")
def send(
    chart_id: str,
    services: ServicesDep,
    version: Version,
    receiver: ReceiverId,
    who: WhoDep,
    why: Words = "",
) -> Response:
    """Send a chart of ours to a receiver."""
    desk = services.hand_over.transfers
    desk.send(chart_id, version, receiver, who=who, why=why)
    return _back(chart_id)


class HandOnForm(BaseModel):
    """Where a receiver sends a chart on to, and why."""

    version: int
    receiver: str = Field(max_length=60)
    who: str = Field("", max_length=60)
    why: str = Field("", max_length=MAX_LINE)


@router.post("/charts/{chart_id}/transfers/{transfer_id}/hand-on")
def hand_on(
    request: Request,
    chart_id: str,
    transfer_id: str,
    services: ServicesDep,
    form: Annotated[HandOnForm, Form()],
) -> Response:
    """Send a chart from one receiver on to the next."""
    services.hand_over.transfers.hand_on(
        chart_id,
        form.version,
        transfer_id,
        form.receiver,
        who=acting(request, form.who),
        why=form.why,
    )
    return _back(chart_id)


@router.post("/charts/{chart_id}/transfers/{transfer_id}/accept")
def accept(
    chart_id: str,
    transfer_id: str,
    services: ServicesDep,
    version: Version,
    who: WhoDep,
) -> Response:
    """Take what was sent."""
    services.hand_over.transfers.accept(chart_id, version, transfer_id, who=who)
    return _back(chart_id)


@router.post("/charts/{chart_id}/transfers/{transfer_id}/return")
def send_back(
    chart_id: str,
    transfer_id: str,
    services: ServicesDep,
    version: Version,
    who: WhoDep,
    why: Words = "",
) -> Response:
    """Return a chart to its sender, with the reason."""
    desk = services.hand_over.transfers
    desk.send_back(chart_id, version, transfer_id, who=who, why=why)
    return _back(chart_id)


@router.post("/charts/{chart_id}/transfers/{transfer_id}/finish")
def finish(
    chart_id: str,
    transfer_id: str,
    services: ServicesDep,
    version: Version,
    who: WhoDep,
    done: Words = "",
) -> Response:
    """Write down what the receiver did."""
    desk = services.hand_over.transfers
    desk.finish(chart_id, version, transfer_id, who=who, done=done)
    return _back(chart_id)


@router.post("/charts/{chart_id}/transfers/{transfer_id}/withdraw")
def withdraw(
    chart_id: str,
    transfer_id: str,
    services: ServicesDep,
    version: Version,
    who: WhoDep,
    why: Words = "",
) -> Response:
    """Take back what nobody has accepted yet."""
    desk = services.hand_over.transfers
    desk.withdraw(chart_id, version, transfer_id, who=who, why=why)
    return _back(chart_id)
