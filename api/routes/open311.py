"""Open311 GeoReport v2 at /open311/v2: the protocol of reporting clients."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from api.access import Doorkeeper, carried_key
from api.acting import actor_of, chart_where
from api.dependencies import ServicesDep
from api.open311.documents import ROOT, Documents
from api.open311.parameters import (
    PAGING,
    Open311Error,
    moment,
    request_query,
    require_jurisdiction,
    require_known,
    window,
)
from api.open311.posting import MAX_FIELD, Posted, posted
from api.open311.taking_in import Taken, take_in
from api.open311.writing import Document, Form, answer
from api.wiring import Services
from dispatch.adapters.request_store import SqlRequests
from dispatch.domain.access import Action, Actor, may
from dispatch.domain.case_chart import ChartEntry, EntryKind
from dispatch.domain.catalogue import WorkCategory
from dispatch.domain.errors import ConflictError
from dispatch.domain.life_cycle import Act
from dispatch.domain.shown_request import ShownRequest

router = APIRouter(prefix=ROOT, include_in_schema=False)
MAX_UPDATES = 1_000
MAX_FILES = 10
MAX_FIELDS = 1_000
NO_KEY = "api_key is missing, unknown, or expired"
NOT_ALLOWED = "this api_key may not do that"
REOPENING = "REOPEN"
CREATED = 201
Number = Annotated[str, Path(max_length=64)]
Code = Annotated[str, Path(max_length=16)]


def _documents(request: Request, services: Services) -> Documents:
    """Documents of this city, once the client has named no other."""
    documents = Documents(services)
    stated = request.query_params.get("jurisdiction_id", "")
    require_jurisdiction(stated, documents.city)
    return documents


@router.get("/discovery.{form}")
def discovery(request: Request, form: Form, services: ServicesDep) -> Response:
    """Say where the service is."""
    require_known(request.query_params, ())
    return answer(_documents(request, services).discovery(), form)


@router.get("/services.{form}")
def service_list(request: Request, form: Form, services: ServicesDep) -> Response:
    """Everything that can be reported; a client forgets what is missing here."""
    require_known(request.query_params, PAGING)
    return answer(_documents(request, services).services(), form)


@router.get("/services/{code}.{form}")
def service_definition(
    request: Request, code: Code, form: Form, services: ServicesDep
) -> Response:
    """Tell what is asked about one service."""
    require_known(request.query_params, ())
    documents = _documents(request, services)
    return answer(documents.definition(_category(documents, code)), form)


@router.get("/requests.{form}")
def request_list(request: Request, form: Form, services: ServicesDep) -> Response:
    """Return requests of a span, a status, a service, or of ids however many."""
    documents = _documents(request, services)
    query = request_query(request.query_params, now=services.clock.now())
    found, count = _requests(request).listed(query)
    pages = -(-count // query.page_size)
    links = [
        f'<{request.url.include_query_params(page=page)}>; rel="{name}"'
        for name, page in (("prev", query.page - 1), ("next", query.page + 1))
        if 0 < page <= pages
    ]
    headers = {"Link": ", ".join(links)} if links and not query.numbers else {}
    document = documents.requests(found, numbers=form is Form.JSON)
    return answer(document, form, headers=headers)


@router.get("/requests/{number}.{form}")
def one_request(
    request: Request, number: Number, form: Form, services: ServicesDep
) -> Response:
    """Return one request, in a list of one as the protocol wants it."""
    require_known(request.query_params, ())
    documents = _documents(request, services)
    shown = _shown(request, number)
    return answer(documents.requests([shown], numbers=form is Form.JSON), form)


@router.get("/tokens/{token}.{form}")
def token_answer(
    request: Request, token: Number, form: Form, services: ServicesDep
) -> Response:
    """Return the number of the request that a token was given for."""
    require_known(request.query_params, ())
    _documents(request, services)
    number = _number_of_token(services, token)
    content = [{"service_request_id": number, "token": token}]
    return answer(Document(root="service_requests", content=content), form)


@router.post("/requests.{form}")
async def receive(request: Request, form: Form, services: ServicesDep) -> Response:
    """Take a report in; the answer has its number (or a token, where so set)."""
    post = await _form(request)
    actor = await _caller(request, post)
    if not may(actor, Action.CREATE_CONSULTATION):
        raise Open311Error(403, NOT_ALLOWED)
    documents = _documents(request, services)
    require_jurisdiction(post.text("jurisdiction_id"), documents.city)
    if not post.text("service_code"):
        raise Open311Error(400, "service_code is required")
    _category(documents, post.text("service_code"))
    key = request.headers.get("idempotency-key", "")[:200]
    taken = await run_in_threadpool(
        take_in, services, post, client=actor.client or actor.name, key=key
    )
    content = [_receipt(services, taken, post)]
    document = Document(root="service_requests", content=content)
    return answer(document, form, status=CREATED)


@router.get("/servicerequestupdates.{form}")
def update_list(request: Request, form: Form, services: ServicesDep) -> Response:
    """Return changes of status of a span; with a key, of the own requests."""
    query = request.query_params
    require_known(query, {"start_date", "end_date", *PAGING})
    documents = _documents(request, services)
    first, last = window(query, now=services.clock.now())
    client = actor_of(request).client if carried_key(request) else ""
    found = _requests(request).updates(
        first, last, source=client or None, limit=MAX_UPDATES
    )
    return answer(documents.updates(found), form)


@router.post("/servicerequestupdates.{form}")
async def receive_update(
    request: Request, form: Form, services: ServicesDep
) -> Response:
    """Write what a reporter adds into the chart; the same update once."""
    post = await _form(request)
    actor = await _caller(request, post)
    require_jurisdiction(post.text("jurisdiction_id"), Documents(services).city)
    moment(post.fields, "updated_datetime")  # read, to refuse another form
    update_id = post.text("update_id")
    if not update_id:
        raise Open311Error(400, "update_id is required")
    number = post.text("service_request_id")
    shown = await run_in_threadpool(_shown, request, number)
    if not may(actor, Action.READ_CHART, chart_where(services, shown.chart)):
        raise Open311Error(403, NOT_ALLOWED)
    own_id = await run_in_threadpool(
        _say, request, shown, post, client=actor.client or actor.name
    )
    content = [{"update_id": own_id}]
    document = Document(root="service_request_updates", content=content)
    return answer(document, form)


def _say(request: Request, shown: ShownRequest, post: Posted, *, client: str) -> str:
    """Append the words once; what is not mended comes back to triage."""
    services: Services = request.app.state.services
    update_id = post.text("update_id")
    digest = hashlib.sha256(f"{client}\n{update_id}".encode()).hexdigest()[:32]
    entry = ChartEntry(
        at=services.clock.now(),
        who=f"API: {client}",
        kind=EntryKind.COMMENT,
        text=f"申出人から: {post.text('description') or '(本文なし)'}",
        about=f"update:{digest}",
    )
    is_new = _requests(request).say_once(shown.chart.id, entry)
    if is_new and post.text("status").upper() == REOPENING:
        # Where it is open already, or cannot be opened again, the words are there.
        with suppress(ConflictError):
            services.life_cycle.act(
                shown.chart.id,
                shown.chart.version,
                Act.REOPEN,
                who=f"API: {client}",
                why="申出人から、まだ直っていないとの連絡",
            )
    return digest


def _receipt(services: Services, taken: Taken, post: Posted) -> dict[str, str | None]:
    chart = taken.chart
    told: dict[str, str | None] = {
        "service_notice": taken.notice or None,
        "account_id": post.text("account_id") or None,
    }
    if services.settings.open311_tokens:
        return {"token": chart.id, **told}
    return {"service_request_id": chart.number, **told}


def _category(documents: Documents, code: str) -> WorkCategory:
    category = documents.category(code)
    if category is None:
        raise Open311Error(404, "service_code was not found")
    return category


def _shown(request: Request, number: str) -> ShownRequest:
    shown = _requests(request).one(number)
    if shown is None:
        raise Open311Error(404, "service_request_id was not found")
    return shown


def _number_of_token(services: Services, token: str) -> str:
    found = services.store.get_many([token]).get(token)
    if found is None:
        raise Open311Error(404, "token was not found")
    return found.number


def _requests(request: Request) -> SqlRequests:
    store: SqlRequests = request.app.state.requests
    return store


async def _form(request: Request) -> Posted:
    """Read a form; anything else is no GeoReport."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        await _caller(request, Posted(fields={}, links=(), photos=()))
        problem = "send application/x-www-form-urlencoded or multipart/form-data"
        raise Open311Error(400, problem)
    try:
        async with request.form(
            max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=4 * MAX_FIELD
        ) as form:
            return posted(form)
    except HTTPException as problem:  # what Starlette cannot read
        raise Open311Error(400, "the form cannot be read") from problem


async def _caller(request: Request, post: Posted) -> Actor:
    """Who posts, by the key in the form, the query or a header."""
    key = post.text("api_key") or carried_key(request)
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    caller = await doorkeeper.program(key)
    request.state.caller = caller
    if not key or not caller.is_known:
        raise Open311Error(403, NO_KEY)
    doorkeeper.require_rate(caller.actor)
    return caller.actor
