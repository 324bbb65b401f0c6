"""The log of changes for other systems: page by page, or as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from api.acting import actor_of
from api.change_watch import ChangeWatch
from api.dependencies import ClientDep
from api.event_schemas import ChangeOut, ChangesOut
from api.event_wiring import EventParts, EventsDep, place_in_log
from api.routes.answers import BAD_FIELD, NO_KEY, Answers
from dispatch.domain.access import Action, Actor
from dispatch.domain.case_chart import EntryKind
from dispatch.domain.change import MAX_CURSOR, TOLD, ChangeQuery, cursor_of
from dispatch.domain.errors import InvalidInputError

router = APIRouter(prefix="/v1", tags=["events"])
HEARTBEAT_S = 15.0
RETRY_MS = 3_000
AT_ONCE = 100
MAX_KINDS = 500  # letters of the query
After = Annotated[
    str, Query(max_length=MAX_CURSOR, description="cursor; empty for the beginning")
]
CODE = f"({'|'.join(sorted(TOLD))})"
Kinds = Annotated[
    str,
    Query(
        max_length=MAX_KINDS,
        description="only these, with commas between",
        json_schema_extra={"pattern": f"^({CODE}(,{CODE})*)?$"},
    ),
]
REFUSED: Answers = {**NO_KEY, **BAD_FIELD}


@router.get("/changes", responses=REFUSED)
def changes(
    request: Request,
    client: ClientDep,
    events: EventsDep,
    after: After = "",
    kinds: Kinds = "",
    limit: Annotated[int, Query(ge=1, le=1_000, description="at the most")] = AT_ONCE,
) -> ChangesOut:
    """
    Return what has happened to charts after a cursor, in the order of storing.

    A key reads of the charts that it handed in; with `read_chart`, of all.
    """
    log = events.changes
    asked = _asked(events, actor_of(request), after, kinds)
    page = log.page(replace(asked, limit=limit))
    mark = log.mark()
    return ChangesOut(
        changes=[
            ChangeOut.from_domain(one, mark=mark, client=client) for one in page.changes
        ],
        next=cursor_of(page.position, mark),
        more=page.has_more,
    )


# OpenAPI 3.1 has no words for a stream without end: a reader of the document would wait
# for an answer that never comes. docs/reference/events.md describes it.
@router.get("/events", include_in_schema=False)
def stream(
    request: Request,
    client: ClientDep,
    events: EventsDep,
    after: After = "",
    kinds: Kinds = "",
    last_event_id: Annotated[str, Header(description="cursor to go on after")] = "",
) -> StreamingResponse:
    """
    Send the same changes as server-sent events while the connection lasts.

    `id` is the cursor; a browser sends it back as `Last-Event-ID`. Without either, and
    without `after`, it begins with what happens from now on.
    """
    watch: ChangeWatch = request.app.state.watch
    watch.require_room(client)
    cursor = last_event_id or after
    asked = _asked(events, actor_of(request), cursor, kinds)
    if not cursor:
        asked = replace(asked, after=events.changes.newest())
    body = _events(events, watch, asked, client)
    return StreamingResponse(body, media_type="text/event-stream")


def _asked(events: EventParts, actor: Actor, cursor: str, kinds: str) -> ChangeQuery:
    names = [name.strip() for name in kinds.split(",") if name.strip()]
    if not set(names) <= TOLD:
        problem = f"一覧にない種類です。使えるもの: {', '.join(sorted(TOLD))}"
        raise InvalidInputError("kinds", problem)
    return ChangeQuery(
        after=place_in_log(events, cursor),
        limit=AT_ONCE,
        kinds=frozenset(map(EntryKind, names)),
        source=None if Action.READ_CHART in actor.granted else actor.client,
    )


async def _events(
    events: EventParts, watch: ChangeWatch, asked: ChangeQuery, client: str
) -> AsyncIterator[str]:
    with watch.listening(client):
        yield f"retry: {RETRY_MS}\n\n"
        while not watch.is_ending:
            page = await run_in_threadpool(events.changes.page, asked)
            mark = await run_in_threadpool(events.changes.mark)
            for change in page.changes:
                told = ChangeOut.from_domain(change, mark=mark, client=client)
                data = told.model_dump_json()
                yield f"id: {told.cursor}\nevent: change\ndata: {data}\n\n"
            asked = replace(asked, after=page.position)
            if page.has_more:
                continue
            if not await watch.beyond(page.position, wait_s=HEARTBEAT_S):
                yield ": still here\n\n"
