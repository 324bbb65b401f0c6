"""The door: who calls, whether the route lets them in, and whether a form is ours."""

from __future__ import annotations

import hmac
import logging
from base64 import b64decode
from collections.abc import Awaitable, Callable
from urllib.parse import quote, urlsplit

from fastapi import HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access_table import NEEDS, Door, Need, Source
from api.acting import (
    DESK,
    Caller,
    caller_of,
    chart_where,
    office_where,
    refusal,
)
from api.csrf import is_ours
from api.errors import answered, problem_of
from api.pages import wants_page
from api.settings import Settings, SignInMode
from api.wiring import Services
from dispatch.domain.access import Action, Actor, Role, Where, is_unlimited, may
from dispatch.domain.errors import DispatchError, NotAllowedError
from dispatch.key_desk import FOR_KEYS, actor_of_key

logger = logging.getLogger(__name__)
Next = Callable[[Request], Awaitable[Response]]

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
COOKIE = "kidohan_session"
PROGRAMS = "/v1/"
PROTOCOLS = ("/open311/", "/ogc")  # programs of others: keys where they can carry them
FILES = ("/static/", "/assets/")
PASSWORD_PAGES = frozenset({"/account", "/account/password", "/sign-out"})
NO_KEY = "X-API-Key に登録された鍵を入れてください"
SIGN_IN_FIRST = "ログインしてください"
NOT_OURS = "ページの有効期限が切れました。前の画面に戻り、読み込み直してください"
TOO_MANY = "要求が多すぎます。しばらく待ってから送り直してください"


class SignInNeededError(HTTPException):
    """A person has to sign in, or to choose a new password, before anything else."""

    def __init__(self, location: str) -> None:
        super().__init__(status_code=401, detail=SIGN_IN_FIRST)
        self.location = location


class Doorkeeper:
    """
    Knows who calls: by session for pages, by key for programs.

    Parameters
    ----------
    services
        The wired city.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._settings = services.settings
        self._boot_keys = boot_keys(services.settings)
        self._rate: RateLimitItem = parse(services.settings.key_rate)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, request: Request, call_next: Next) -> Response:
        """Find out who calls, check a form's token, and renew the cookie."""
        if request.url.path.startswith(FILES):
            return await call_next(request)
        try:
            fresh = await self._look(request)
        except DispatchError as problem:  # no handler of the routes is around this
            return answered(request, problem_of(problem))
        session = caller_of(request).session
        if session is not None and request.method in UNSAFE:
            request.state.is_ours = await is_ours(request, session.csrf)
        response = await call_next(request)
        # A page that has set the cookie itself (sign-in, sign-out) knows better.
        if fresh and "set-cookie" not in response.headers:
            set_cookie(response, fresh, self._settings)
        return response

    async def _look(self, request: Request) -> str:
        """Set the request's caller; return a new token where a session got one."""
        if request.url.path.startswith(PROTOCOLS) and (key := carried_key(request)):
            request.state.caller = await self.program(key)
            return ""
        if self._settings.sign_in is SignInMode.NONE:
            request.state.caller = Caller(actor=DESK)
            return ""
        return await run_in_threadpool(self._person, request)

    def _person(self, request: Request) -> str:
        """Look the session up; return a new token where it got one."""
        token = request.cookies.get(COOKIE, "")
        found = self._services.accounts.session(token) if token else None
        if found is None:
            request.state.caller = Caller()
            return ""
        request.state.caller = Caller(
            actor=found.account.actor, account=found.account, session=found.session
        )
        return found.token if found.token != token else ""

    async def program(self, key: str) -> Caller:
        """Name the system that a key belongs to; only the store's need a look-up."""
        known = self._by_boot_key(key)
        if known is not None:
            return known
        return await run_in_threadpool(self.caller_by_key, key)

    def _by_boot_key(self, key: str) -> Caller | None:
        """Name the system of a key of the setting; compared in constant time."""
        given = key.encode()
        name = None
        for client, known in self._boot_keys:
            if hmac.compare_digest(known, given):
                name = client
        return None if name is None else Caller(actor=boot_actor(name))

    def caller_by_key(self, key: str) -> Caller:
        """Name the system that a key belongs to; nobody for an unknown one."""
        known = self._by_boot_key(key)
        if known is not None:
            return known
        found = self._services.keys.known(key) if key else None
        if found is None:
            return Caller()
        return Caller(actor=actor_of_key(found))

    def require_rate(self, actor: Actor) -> None:
        """
        Refuse a key of the store that is used too often.

        Raises
        ------
        HTTPException
            429, with the seconds to wait.
        """
        if not actor.id.startswith("key:") or self._limiter.hit(self._rate, actor.id):
            return
        wait_s = self._rate.get_expiry()  # at the longest
        raise HTTPException(
            status_code=429, detail=TOO_MANY, headers={"Retry-After": str(wait_s)}
        )


class Entrance:
    """
    Middleware: has the doorkeeper look at who calls.

    Programs go straight through; people's forms and cookies take Starlette's detour.

    Parameters
    ----------
    app
        What comes after.
    doorkeeper
        Who knows people and keys.
    """

    def __init__(self, app: ASGIApp, *, doorkeeper: Doorkeeper) -> None:
        self._app = app
        self._doorkeeper = doorkeeper
        self._for_people = BaseHTTPMiddleware(app, dispatch=doorkeeper)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set the request's caller and go on."""
        if scope["type"] != "http" or not scope["path"].startswith(PROGRAMS):
            await self._for_people(scope, receive, send)
            return
        request = Request(scope)
        try:
            key = request.headers.get("x-api-key", "")
            request.state.caller = await self._doorkeeper.program(key)
        except DispatchError as problem:  # no handler of the routes is around this
            await answered(request, problem_of(problem))(scope, receive, send)
            return
        await self._app(scope, receive, send)


def carried_key(request: Request) -> str:
    """Key as foreign protocols carry it: header, `api_key`, or a password (Basic)."""
    given = request.headers.get("x-api-key") or request.query_params.get("api_key", "")
    kind, _, word = request.headers.get("authorization", "").partition(" ")
    if given or kind.lower() != "basic":
        return given
    try:
        return b64decode(word, validate=True).decode().partition(":")[2]
    except ValueError:  # neither Base64 nor text: no key
        return ""


def boot_keys(settings: Settings) -> tuple[tuple[str, bytes], ...]:
    """Names and keys of the setting that an installation begins with."""
    pairs = filter(None, settings.api_keys.get_secret_value().split(","))
    parted = (pair.strip().partition(":") for pair in pairs)
    return tuple((name, key.encode()) for name, _, key in parted)


def boot_actor(name: str) -> Actor:
    """Who acts with a key of the setting: whatever a key may do at all."""
    return Actor(
        id=f"boot:{name}",
        name=name,
        roles=frozenset({Role.INTAKE_SYSTEM}),
        granted=FOR_KEYS,
        client=name,
    )


async def enforce(request: Request) -> None:
    """
    Let nobody through to a route who may not; asked before every handler.

    Raises
    ------
    HTTPException
        401 for nobody, 403 for a form that is not ours, 429 for a key that is used
        too often.
    SignInNeededError
        For a page that a person asked for without being signed in.
    NotAllowedError
        For somebody who may not.
    """
    path: str = request.scope["route"].path
    need = NEEDS.get((request.method, path))
    if need is None:
        message = f"no row in the access table: {request.method} {path}"
        raise RuntimeError(message)
    caller = caller_of(request)
    if need.door in {Door.OPEN, Door.KEY_IN_BODY}:
        return
    settings: Settings = request.app.state.services.settings
    if need.door is Door.READING and settings.open_reading:
        return
    if not caller.is_known:
        raise _unknown(request)
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    doorkeeper.require_rate(caller.actor)
    if not getattr(request.state, "is_ours", True):
        raise HTTPException(status_code=403, detail=NOT_OURS)
    account = caller.account
    if account is not None and account.must_change and path not in PASSWORD_PAGES:
        raise SignInNeededError("/account")
    if need.action is not None:
        await _require(request, caller.actor, need, need.action)


def _unknown(request: Request) -> HTTPException:
    if request.url.path.startswith(PROGRAMS):
        return HTTPException(
            status_code=401, detail=NO_KEY, headers={"WWW-Authenticate": "ApiKey"}
        )
    if request.url.path.startswith(PROTOCOLS):
        challenge = {"WWW-Authenticate": 'Basic realm="kidohan", charset="UTF-8"'}
        return HTTPException(status_code=401, detail=NO_KEY, headers=challenge)
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method != "GET" or asked == "/":
        return SignInNeededError("/sign-in")
    return SignInNeededError(f"/sign-in?next={quote(asked, safe='/')}")


async def _require(request: Request, actor: Actor, need: Need, action: Action) -> None:
    where: Where | None = None
    if need.source in {Source.CHART, Source.PLAN_OFFICE} and not is_unlimited(
        actor, action
    ):
        where = await run_in_threadpool(_where, request, need.source)
    if not may(actor, action, where):
        logger.info("refused %s to %s", action, actor.id)
        raise NotAllowedError(refusal(action))


def _where(request: Request, source: Source) -> Where:
    services: Services = request.app.state.services
    if source is Source.CHART:
        chart = services.store.get(request.path_params["chart_id"])
        return chart_where(services, chart)
    return office_where(services, request.path_params["office_id"])


# -- cookies and ways back -------------------------------------------------------------


def set_cookie(response: Response, token: str, settings: Settings) -> None:
    """Give the browser its token: no script reads it, no other site sends it."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=settings.session_max_s,
        httponly=True,
        samesite="lax",
        secure=is_https(settings),
        path="/",
    )


def drop_cookie(response: Response, settings: Settings) -> None:
    """Let the browser forget its token."""
    response.delete_cookie(
        COOKIE, path="/", httponly=True, samesite="lax", secure=is_https(settings)
    )


def is_https(settings: Settings) -> bool:
    """Whether pages are called by https."""
    return urlsplit(settings.base_url).scheme == "https"


def own_path(asked: str) -> str:
    """Path of our own to go on to; the board for any other address."""
    parts = urlsplit(asked)
    is_own = (
        asked.startswith("/")
        and not asked.startswith(("//", "/\\"))
        and not (parts.scheme or parts.netloc)
        and asked.isprintable()
        and "\\" not in asked
    )
    return asked if is_own else "/"


async def on_sign_in_needed(request: Request, error: Exception) -> Response:
    """Send a person to the page where they sign in; a script gets the status."""
    if isinstance(error, SignInNeededError) and wants_page(request):
        return RedirectResponse(error.location, status_code=303)
    answer = request.app.exception_handlers[StarletteHTTPException]
    response: Response = await answer(request, error)
    return response
