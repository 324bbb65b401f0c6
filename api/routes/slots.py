"""Promises of time (約束): windows that other systems can offer to a resident."""

from __future__ import annotations

from fastapi import APIRouter

from api.dependencies import ClientDep, ServicesDep
from api.routes.answers import BAD_BODY, NO_KEY, Answers
from api.schemas import Problem
from api.slot_schemas import SlotOut, SlotsIn, SlotsOut
from dispatch.ports import KeptSlot

router = APIRouter(prefix="/v1", tags=["slots"])
FILLED: Answers = {
    409: {"model": Problem, "description": "over, taken, or the day has filled up"}
}
NOT_HELD: Answers = {
    404: {"model": Problem, "description": "the client was offered no such slot"},
    **FILLED,
}


@router.post("/slots", responses={**BAD_BODY, **FILLED})
def offer(body: SlotsIn, client: ClientDep, services: ServicesDep) -> SlotsOut:
    """
    Offer the windows that can be promised for some work at a place.

    They are what the days can still keep beside all that is planned, promised and held
    by others. With `hold` the first one is held at once.
    """
    wish = body.to_wish(client=client, now=services.clock.now())
    kept = [KeptSlot(slot=one) for one in services.slots.offer(wish, client=client)]
    if body.hold and kept:
        kept[0] = services.slots.hold(kept[0].slot.id, client=client)
    timezone = services.profile.timezone
    return SlotsOut(slots=[SlotOut.from_domain(one, timezone) for one in kept])


@router.post("/slots/{slot_id}/hold", responses={**NO_KEY, **NOT_HELD})
def hold(slot_id: str, client: ClientDep, services: ServicesDep) -> SlotOut:
    """
    Hold a slot for ten minutes; others do not get it meanwhile.

    To hold it again answers the same and does not make it longer.
    """
    kept = services.slots.hold(slot_id, client=client)
    return SlotOut.from_domain(kept, services.profile.timezone)
