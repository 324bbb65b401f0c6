"""What all pages share: templates, filters, signs, and errors as a page."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.exceptions import HTTPException

from api import vault_words, wording
from api.acting import ROLE_TEXT, acting, caller_of, can
from api.csrf import CSRF_FIELD, csrf_token
from api.pictures import due_text, is_overdue, time_left_text
from api.schemas import Problem
from api.settings import SignInMode
from api.wiring import Services
from dispatch.domain.access import Action
from dispatch.domain.catalogue import Urgency
from dispatch.domain.errors import DispatchError, InvalidInputError
from dispatch.domain.result_words import OUTCOME_TEXT

TEMPLATES = Path(__file__).parent / "templates"
SIGN_TEXT = {
    Urgency.S: "S 緊急",
    Urgency.A: "A 当日",
    Urgency.B: "B 3開庁日",
    Urgency.C: "C 計画",
    Urgency.D: "D 移管",
}

# Pages behind the menu: key of the tab, address, name, and the action that it takes.
MORE_PAGES = (
    ("districts", "/districts", "校区", "read_board"),
    ("supervisor", "/supervisor", "期限の一覧", "read_board"),
    ("voices", "/voices", "地域の声", "import_voices"),
    ("transfers", "/transfers", "移管", "read_board"),
    ("notices", "/notices", "対応連絡", "read_notices"),
    ("examples", "/examples", "相談事例", "read_board"),
    ("numbers", "/numbers", "統計", "read_statistics"),
    ("imports", "/imports", "ファイルの取込", "create_consultation"),
    ("exports", "/exports", "データの出力", "export"),
    ("accounts", "/admin/accounts", "利用者", "manage_accounts"),
    ("webhooks", "/admin/webhooks", "送り先", "manage_webhooks"),
    ("audit", "/admin/audit", "記録", "read_audit"),
)

POST_FORM = re.compile(
    r'<form\b(?:[^>{]|\{\{.*?\}\}|\{%.*?%\})*method="post"'
    r"(?:[^>{]|\{\{.*?\}\}|\{%.*?%\})*>"
)


class FormTokens(Extension):
    """Puts the session's token into every form that posts: none can be forgotten."""

    def preprocess(
        self, source: str, name: str | None, filename: str | None = None
    ) -> str:
        """Write the call behind each form's opening tag, when a template is read."""
        del name, filename
        return POST_FORM.sub(lambda form: form.group() + "{{ csrf() }}", source)


# Undefined names are errors, and every value is escaped: free text is hostile.
_environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    extensions=[FormTokens],
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates = Jinja2Templates(env=_environment)
for _name in (
    "STATUS_TEXT",
    "ENTRY_TEXT",
    "URGENCY_TEXT",
    "DUTY_TEXT",
    "CHANNEL_TEXT",
    "LEVEL_TEXT",
    "QUIET_WARNINGS",
    "WARNING_TEXT",
    "PLACING_TEXT",
    "REASON_TEXT",
    "PLAN_STATUS_TEXT",
    "CUT_SHORT_TEXT",
):
    _environment.globals[_name] = getattr(wording, _name)
_environment.globals["SIGN_TEXT"] = SIGN_TEXT
_environment.globals["MORE_PAGES"] = MORE_PAGES
_environment.globals["MORE_TABS"] = (
    *(key for key, _, _, _ in MORE_PAGES),
    "organisation",
    "about",
)
_environment.globals["ACT_TEXT"] = wording.ACT_TEXT
_environment.globals["ANSWER_KIND_TEXT"] = wording.ANSWER_KIND_TEXT
_environment.globals["CONTACT_TEXT"] = wording.CONTACT_TEXT
_environment.globals["SCHEME_TEXT"] = wording.SCHEME_TEXT
_environment.globals["REPORTER_KIND_TEXT"] = wording.REPORTER_KIND_TEXT
_environment.globals["PERSONAL_TEXT"] = vault_words.PERSONAL_TEXT
_environment.globals["CONSENT_TEXT"] = vault_words.CONSENT_TEXT
_environment.globals["PURPOSE_TEXT"] = vault_words.PURPOSE_TEXT
_environment.globals["OUTCOME_TEXT"] = OUTCOME_TEXT
_environment.filters["clock"] = wording.clock_text
_environment.filters["minutes"] = lambda seconds: round(seconds / 60)
_environment.globals["FIELD_TEXT"] = wording.FIELD_TEXT
_environment.filters["era"] = wording.era_date


@pass_context
def _csrf(context: Context) -> Markup:
    """Hidden field of a form; nothing where nobody is signed in."""
    token = csrf_token(context["request"])
    if not token:
        return Markup()
    return Markup('<input type="hidden" name="{}" value="{}">').format(
        CSRF_FIELD, token
    )


_environment.globals["csrf"] = _csrf
_environment.globals["ROLE_TEXT"] = ROLE_TEXT
_environment.filters["zip_with"] = zip


def page_context(services: Services) -> Callable[[], dict[str, Any]]:
    """Build the function that makes the part of the context that every page needs."""
    timezone = services.profile.timezone

    def context() -> dict[str, Any]:
        now = services.clock.now()
        return {
            "city": services.profile,
            "now": now,
            "today": now.date(),
            "moment": lambda value: wording.moment_text(value, timezone),
            "time_left": lambda chart: time_left_text(chart, now, timezone),
            "due": lambda chart: due_text(chart, timezone),
            "overdue": lambda chart: is_overdue(chart, now),
            "is_demo": services.settings.demo_now is not None,
        }

    return context


def page(
    request: Request, name: str, values: Mapping[str, Any], *, status: int = 200
) -> HTMLResponse:
    """Render a page."""
    settings = request.app.state.services.settings
    context = {
        **request.app.state.page_context(),
        "caller": caller_of(request),
        "can": lambda action: can(request, Action(action)),
        "is_sandbox": getattr(request.app.state, "sandbox", None) is not None,
        "asks_who": settings.sign_in is SignInMode.NONE,
        "signed_name": acting(request, ""),
        "form_token": csrf_token(request),
        **values,
    }
    return _templates.TemplateResponse(request, name, context, status_code=status)


def day_of(request: Request, text: str | None) -> dt.date:
    """Day that a page asks about; today when it names none or nonsense."""
    try:
        return dt.date.fromisoformat(text or "")
    except ValueError:
        today: dt.date = request.app.state.services.clock.now().date()
        return today


def required_day(text: str) -> dt.date:
    """
    Day that a form names.

    Raises
    ------
    InvalidInputError
        When it cannot be read: a guess would plan another day.
    """
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError("date", "日付を読めません(例: 2026-11-24)") from None


def install_page_errors(app: FastAPI) -> None:
    """Answer errors with a page where a browser asked for one."""
    for kind in (DispatchError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _page_for(app.exception_handlers[kind]))


def _page_for(api_answer: Any) -> Callable[[Request, Exception], Any]:  # noqa: ANN401 - Starlette's type
    """Build the handler that shows the API's answer as a page."""

    async def on_error(request: Request, error: Exception) -> Response:
        answer: Response = await api_answer(request, error)
        if not wants_page(request):
            return answer
        problem = Problem.model_validate_json(bytes(answer.body))
        values = {"problem": problem, "back": _back(request)}
        return page(request, "error.html", values, status=problem.status)

    return on_error


def _back(request: Request) -> str:
    """Path of our own page that the person came from; empty for any other."""
    came_from = urlsplit(request.headers.get("referer", ""))
    if came_from.netloc != request.headers.get("host"):
        return ""
    return came_from.path + (f"?{came_from.query}" if came_from.query else "")


def wants_page(request: Request) -> bool:
    """Whether a person's browser asks, not a program."""
    accepts = request.headers.get("accept", "")
    is_programs = request.url.path.startswith(("/v1/", "/open311/", "/ogc"))
    return "text/html" in accepts and not is_programs
