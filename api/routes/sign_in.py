"""Coming in and going out: the page to sign in, the own account, the password."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.access import COOKIE, drop_cookie, is_https, own_path, set_cookie
from api.acting import caller_of
from api.dependencies import ServicesDep
from api.oidc import RETURN_PATH, OidcProvider, Pending
from api.pages import page
from api.settings import SignInMode
from api.wiring import Services
from dispatch.account_desk import NOT_IN, SignedIn
from dispatch.domain.access import Action, Actor, may
from dispatch.domain.account import MIN_PASSWORD
from dispatch.domain.errors import InvalidInputError, NotFoundError

router = APIRouter(include_in_schema=False)
SEE_OTHER = 303
HOMES = (
    (Action.READ_BOARD, "/"),
    (Action.READ_PLAN, "/plan"),
    (Action.READ_ROUTE, "/plan/today"),
    (Action.MANAGE_ACCOUNTS, "/admin/accounts"),
    (Action.READ_AUDIT, "/admin/audit"),
)
PENDING = "kidohan_oidc"  # what a browser keeps while it is at the provider
PENDING_S = 600
MAX_TYPED = 400
MAX_NEXT = 2_000
Typed = Annotated[str, Form(max_length=MAX_TYPED)]


@router.get("/sign-in")
def show(request: Request, services: ServicesDep, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    """Ask for login and password; whoever is in already goes on."""
    is_open = services.settings.sign_in is SignInMode.NONE
    if is_open or caller_of(request).is_known:
        return RedirectResponse(own_path(next[:MAX_NEXT]), status_code=SEE_OTHER)
    return _form(request, services, onward=own_path(next[:MAX_NEXT]))


@router.post("/sign-in")
def come_in(
    request: Request,
    services: ServicesDep,
    login: Typed = "",
    password: Typed = "",
    onward: Annotated[str, Form(max_length=MAX_NEXT)] = "/",
) -> Response:
    """Open a session; a new token, whatever the browser had before."""
    signed_in = services.accounts.sign_in(
        login,
        password,
        origin=origin_of(request),
        before=request.cookies.get(COOKIE, ""),
    )
    if signed_in is None:
        return _form(
            request, services, onward=own_path(onward), problem=NOT_IN, status=401
        )
    return entered(services, signed_in, own_path(onward))


def entered(services: Services, signed_in: SignedIn, onward: str) -> Response:
    """Send somebody on who has just come in; a first password is changed first."""
    actor = signed_in.account.actor
    target = home_of(actor) if onward == "/" else onward
    if signed_in.account.must_change:
        target = "/account"
    response = RedirectResponse(target, status_code=SEE_OTHER)
    set_cookie(response, signed_in.token, services.settings)
    return response


def home_of(actor: Actor) -> str:
    """First page for somebody: the board, or what they have instead of it."""
    own = (path for action, path in HOMES if may(actor, action))
    return next(own, "/account")


def origin_of(request: Request) -> str:
    """Address that a request came from, for the record of sign-ins."""
    return request.client.host[:64] if request.client is not None else ""


@router.get("/sign-in/oidc")
def to_provider(services: ServicesDep, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    """Send somebody to the city's own sign-in service."""
    address, pending = _provider(services).begin(own_path(next[:MAX_NEXT]))
    response = RedirectResponse(address, status_code=SEE_OTHER)
    response.set_cookie(
        PENDING,
        pending.to_cookie(),
        max_age=PENDING_S,
        path=RETURN_PATH,
        httponly=True,
        samesite="lax",
        secure=is_https(services.settings),
    )
    return response


@router.get(RETURN_PATH)
def from_provider(
    request: Request, services: ServicesDep, state: str = "", code: str = ""
) -> Response:
    """Open a session for whom the service has proved, if they have an account."""
    provider = _provider(services)
    pending = Pending.from_cookie(request.cookies.get(PENDING, ""))
    try:
        signed_in = services.accounts.sign_in_as(
            provider.finish(pending, state=state, code=code),
            origin=origin_of(request),
            before=request.cookies.get(COOKIE, ""),
        )
    except InvalidInputError as refused:
        response: Response = _form(
            request, services, onward="/", problem=refused.problem, status=401
        )
    else:
        response = entered(
            services, signed_in, own_path(pending.onward if pending else "/")
        )
    response.delete_cookie(PENDING, path=RETURN_PATH)
    return response


def _provider(services: Services) -> OidcProvider:
    settings = services.settings
    if not settings.oidc_issuer or settings.sign_in is SignInMode.NONE:
        raise NotFoundError("sign-in service", "oidc")
    return OidcProvider(settings)


@router.post("/sign-out")
def go_out(request: Request, services: ServicesDep) -> Response:
    """End the session."""
    token = request.cookies.get(COOKIE, "")
    if token:
        services.accounts.sign_out(token, origin=origin_of(request))
    response = RedirectResponse("/sign-in", status_code=SEE_OTHER)
    drop_cookie(response, services.settings)
    return response


@router.get("/account")
def account(request: Request) -> HTMLResponse:
    """Show who is signed in, with which rights, and how to change the password."""
    return _account_page(request)


@router.post("/account/password")
def change_password(
    request: Request,
    services: ServicesDep,
    old: Typed = "",
    new: Typed = "",
    again: Typed = "",
) -> Response:
    """Change the own password; every other browser has to sign in anew."""
    own = caller_of(request).account
    if own is None:  # without sign-in there is no password
        return RedirectResponse("/account", status_code=SEE_OTHER)
    if new != again:
        problem = "新しいパスワードの2回の入力が違います"
        return _account_page(request, problem=problem)
    try:
        signed_in = services.accounts.change_password(
            own.id, old, new, origin=origin_of(request)
        )
    except InvalidInputError as refused:
        return _account_page(request, problem=refused.problem)
    response = RedirectResponse("/account?changed=1", status_code=SEE_OTHER)
    set_cookie(response, signed_in.token, services.settings)
    return response


def _form(
    request: Request,
    services: Services,
    *,
    onward: str,
    problem: str = "",
    status: int = 200,
) -> HTMLResponse:
    return page(
        request,
        "sign_in.html",
        {
            "tab": "",
            "onward": onward,
            "problem": problem,
            "has_oidc": bool(services.settings.oidc_issuer),
        },
        status=status,
    )


def _account_page(request: Request, *, problem: str = "") -> HTMLResponse:
    caller = caller_of(request)
    return page(
        request,
        "account.html",
        {
            "tab": "account",
            "own": caller.account,
            "session": caller.session,
            "min_password": MIN_PASSWORD,
            "problem": problem,
            "is_changed": request.query_params.get("changed") == "1",
        },
        status=422 if problem else 200,
    )
