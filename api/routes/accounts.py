"""Accounts for administrators, and the record of sign-ins and reveals."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.account_form import RightsForm, audit_rows, groups_of
from api.acting import ROLE_TEXT
from api.dependencies import ServicesDep
from api.pages import page
from api.routes.sign_in import origin_of
from api.wiring import Services
from dispatch.domain.access import Role
from dispatch.domain.account import Account
from dispatch.domain.errors import ConflictError, InvalidInputError

router = APIRouter(include_in_schema=False)
SEE_OTHER = 303
SHOWN_AUDIT = 300
MAX_FIELDS = 200
# A system has a key, not a password.
ROLES = {role: text for role, text in ROLE_TEXT.items() if role != Role.INTAKE_SYSTEM}


@router.get("/admin/accounts")
def listing(request: Request, services: ServicesDep) -> HTMLResponse:
    """List the accounts, with the form for a new one."""
    return _list_page(request, services)


@router.post("/admin/accounts")
async def add(request: Request, services: ServicesDep) -> Response:
    """Make an account; its first password is shown once, on this answer alone."""
    typed = RightsForm.read(await request.form(max_files=0, max_fields=MAX_FIELDS))
    try:
        made, password = services.accounts.add(
            typed.login, typed.to_actor(services.profile)
        )
    except (InvalidInputError, ConflictError) as problem:
        return _list_page(request, services, typed=typed, problem=_sentence(problem))
    return _one_page(request, services, made, password=password)


@router.get("/admin/accounts/{account_id}")
def show(request: Request, account_id: str, services: ServicesDep) -> HTMLResponse:
    """Show one account, with what may be changed of it."""
    return _one_page(request, services, services.accounts.get(account_id))


@router.post("/admin/accounts/{account_id}/rights")
async def set_rights(
    request: Request, account_id: str, services: ServicesDep
) -> Response:
    """Give other roles and scopes; they hold from the next request."""
    typed = RightsForm.read(await request.form(max_files=0, max_fields=MAX_FIELDS))
    try:
        actor = typed.to_actor(services.profile)
        services.accounts.set_rights(account_id, typed.version, actor)
    except (InvalidInputError, ConflictError) as problem:
        own = services.accounts.get(account_id)
        return _one_page(
            request, services, own, typed=typed, problem=_sentence(problem)
        )
    return _back(account_id)


@router.post("/admin/accounts/{account_id}/disable")
def disable(
    account_id: str, services: ServicesDep, version: Annotated[int, Form()]
) -> Response:
    """Let an account hold no longer."""
    services.accounts.disable(account_id, version)
    return _back(account_id)


@router.post("/admin/accounts/{account_id}/enable")
def enable(
    account_id: str, services: ServicesDep, version: Annotated[int, Form()]
) -> Response:
    """Let an account hold again."""
    services.accounts.enable(account_id, version)
    return _back(account_id)


@router.post("/admin/accounts/{account_id}/reset")
def reset(request: Request, account_id: str, services: ServicesDep) -> HTMLResponse:
    """Give another first password, shown once on this answer alone."""
    password = services.accounts.reset_password(account_id, origin=origin_of(request))
    own = services.accounts.get(account_id)
    return _one_page(request, services, own, password=password)


@router.get("/admin/audit")
def audit(request: Request, services: ServicesDep) -> HTMLResponse:
    """Show who signed in, who tried, and whose fields were looked at and why."""
    return page(
        request,
        "audit.html",
        {
            "tab": "audit",
            "rows": audit_rows(services, limit=SHOWN_AUDIT),
            "limit": SHOWN_AUDIT,
        },
    )


def _back(account_id: str) -> Response:
    return RedirectResponse(f"/admin/accounts/{account_id}?saved=1", SEE_OTHER)


def _sentence(problem: InvalidInputError | ConflictError) -> str:
    return problem.problem if isinstance(problem, InvalidInputError) else str(problem)


def _list_page(
    request: Request,
    services: Services,
    *,
    typed: RightsForm | None = None,
    problem: str = "",
) -> HTMLResponse:
    return page(
        request,
        "accounts.html",
        {
            "tab": "accounts",
            "accounts": services.accounts.listed(),
            "role_text": ROLES,
            "groups": groups_of(services.profile),
            "typed": typed or RightsForm.empty(),
            "problem": problem,
        },
        status=422 if problem else 200,
    )


def _one_page(
    request: Request,
    services: Services,
    account: Account,
    *,
    typed: RightsForm | None = None,
    problem: str = "",
    password: str = "",
) -> HTMLResponse:
    return page(
        request,
        "account_edit.html",
        {
            "tab": "accounts",
            "account": account,
            "role_text": ROLES,
            "groups": groups_of(services.profile),
            "typed": typed or RightsForm.of(account),
            "problem": problem,
            "password": password,
            "is_saved": request.query_params.get("saved") == "1",
        },
        status=422 if problem else 200,
    )
