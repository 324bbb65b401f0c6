"""The web application: routes, pages, limits, security headers."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import (
    Doorkeeper,
    Entrance,
    SignInNeededError,
    enforce,
    on_sign_in_needed,
)
from api.assets import AssetFiles
from api.errors import (
    HTTP_TITLES,
    TYPE_BASE,
    answered,
    install_error_handlers,
)
from api.event_wiring import install_events, telling
from api.guard import Guard
from api.import_wiring import importing_of, install_imports
from api.jobs import PlanJobs
from api.ogc_wiring import install_features
from api.open311_wiring import install_open311
from api.openapi_document import install_document
from api.pages import install_page_errors, page_context
from api.pictures import Pictures
from api.retention import erasing_daily
from api.routes import (
    accounts,
    adviser,
    board,
    changes,
    chart_acts,
    chart_list,
    charts,
    closures,
    consultation_list,
    consultations,
    examples,
    exports,
    geocode,
    guide,
    health,
    imports,
    imports_api,
    life_cycle,
    maps,
    notices,
    numbers,
    officers,
    ogc,
    open311,
    organisation,
    phone_desk,
    photos,
    places,
    plan_api,
    plan_study,
    plans,
    related,
    related_api,
    sandbox,
    sheets,
    sign_in,
    slots,
    transfers,
    transfers_api,
    triage,
    triage_api,
    vault,
    voices,
    webhooks,
    webhooks_api,
)
from api.schemas import Problem
from api.settings import Settings
from api.strictness import legible, strict
from api.versioned import require_match
from api.wiring import Services, open_services
from dispatch.ports import Clock, OnProgress, StoredPlan

Next = Callable[[Request], Awaitable[Response]]

STATIC = Path(__file__).parent / "static"
PHOTO_PATH = re.compile(
    r"/(?:charts|v1/consultations)/[^/]+/photos|/open311/v2/requests\.[a-z]+"
)
IMPORT_PATH = re.compile(r"/imports|/v1/imports")
FORM_AROUND_FILE = 65_536  # the other fields of its form, and the parts' heads
DESCRIPTION = """
Consultations in, case charts out. **Conventions**: JSON in UTF-8; coordinates are
`lon`, `lat` in degrees (JGD2011/WGS84); times carry an offset; durations end in `_s`
and are seconds; windows include both ends. Errors are `application/problem+json`
and name the field. Send `X-API-Key`; send `Idempotency-Key` with each POST, and a
retry answers with the same chart.
"""


def create_app(settings: Settings, clock: Clock | None = None) -> FastAPI:
    """
    Wire the application.

    Parameters
    ----------
    settings
        Of this installation.
    clock
        Another clock, for tests.
    """
    services = open_services(settings, clock)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services.solver.warm()
        services.geocoder.warm()
        if services.roads is not None:  # what is closed today is cut in beforehand
            services.roads.prepare(services.clock.now())
        async with erasing_daily(services.vault.erase_due), telling(app):
            with importing_of(app):
                yield
        services.close()

    app = FastAPI(
        title="Kidōhan",
        summary=f"{services.profile.name}: 相談から巡回表まで",
        description=DESCRIPTION,
        version="0.1.0",
        lifespan=lifespan,
        # The interactive pages load scripts from elsewhere: closed networks have none.
        docs_url=None,
        redoc_url=None,
        # Every route of the access table is asked for before its handler runs.
        dependencies=[
            Depends(one) for one in (legible, enforce, strict, require_match)
        ],
    )
    app.state.services = services
    app.state.pictures = Pictures(services)
    search = services.search
    app.state.jobs = PlanJobs(_maker(services), search.cancel, search.take_best)
    app.state.page_context = page_context(services)
    app.state.doorkeeper = Doorkeeper(services)
    app.state.error_dialects = {}  # beginning of a path -> its protocol's own errors
    install_error_handlers(app)
    install_features(app, services)
    install_open311(app, services)
    install_events(app, services)
    install_imports(app, services)
    install_page_errors(app)
    app.add_exception_handler(SignInNeededError, on_sign_in_needed)
    _set_doors(app, settings)
    _set_routes(app, settings)
    return app


def _set_doors(app: FastAPI, settings: Settings) -> None:
    """Put what every request passes around the routes, the innermost first."""
    app.add_middleware(Entrance, doorkeeper=app.state.doorkeeper)
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    # Against a page of another name that is made to point here (DNS rebinding).
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=settings.allowed_hosts)
    app.add_middleware(
        BodyLimit,
        max_bytes=settings.max_body_bytes,
        larger=(
            (PHOTO_PATH, settings.max_photo_bytes + FORM_AROUND_FILE),
            (IMPORT_PATH, settings.max_import_bytes + FORM_AROUND_FILE),
        ),
    )


def _set_routes(app: FastAPI, settings: Settings) -> None:
    """Add every route, page and file."""
    # `/charts/new` before `/charts/{chart_id}`, and what is asked of plans before
    # `/plan/{plan_id}/{office_id}`: the first that fits answers.
    desks = (board, chart_list, phone_desk, vault, charts, chart_acts, related, photos)
    planning = (closures, plan_study, plans)
    people = (sign_in, accounts, webhooks, officers, organisation, transfers, notices)
    known = (voices, examples, numbers, exports, imports, guide, sandbox)
    pages = (*known, triage, adviser, *people, *desks, *planning)
    lives = (consultations, life_cycle, triage_api, related_api, transfers_api)
    told = (changes, consultation_list, webhooks_api, imports_api)
    api = (*lives, *told, geocode, health, places, slots, plan_api)
    for module in (*api, *pages, maps, sheets, ogc, open311):
        app.include_router(module.router)
    install_document(app, app.state.services.profile)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.mount("/assets", AssetFiles(directory=settings.assets_dir), name="assets")


def _maker(
    services: Services,
) -> Callable[[dt.date, OnProgress, str], StoredPlan]:
    def make(date: dt.date, told: OnProgress, who: str) -> StoredPlan:
        return services.planning.make(date, services.search_params(), told, who=who)

    return make


class BodyLimit:
    """
    Stops a request whose body is too large, before it is read into memory.

    Parameters
    ----------
    app
        What comes after.
    max_bytes
        Largest body.
    larger
        The same where files come in, by path.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_bytes: int,
        larger: Sequence[tuple[re.Pattern[str], int]] = (),
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the bytes as they come."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        fitting = (most for path, most in self._larger if path.fullmatch(scope["path"]))
        max_bytes = next(fitting, self._max_bytes)
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return  # the client has gone
            body += message.get("body", b"")
            more = bool(message.get("more_body"))
            if len(body) > max_bytes:
                answer = answered(Request(scope), _too_large(max_bytes))
                await answer(scope, receive, send)
                return
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._app(scope, again, send)


def _too_large(max_bytes: int) -> Problem:
    return Problem(
        type=TYPE_BASE + "too-large",
        title=HTTP_TITLES[413],
        status=413,
        detail=f"要求は{max_bytes:,}バイトまでです。"
        "説明を短くするか、写真は別に、小さくして送ってください",
    )
