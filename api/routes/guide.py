"""The category guide (手引き): the list, one entry to print, and the desk's panel."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.dependencies import ServicesDep
from api.pages import page
from api.wiring import Services
from dispatch.domain.catalogue import WorkCategory
from dispatch.domain.errors import NotFoundError

router = APIRouter(include_in_schema=False)
MAX_WORDS = 60


@router.get("/guide")
def listed(
    request: Request,
    services: ServicesDep,
    q: Annotated[str, Query(max_length=MAX_WORDS)] = "",
) -> HTMLResponse:
    """List the entries, or those that hold all words."""
    found = services.desk.guide.found(q)
    return page(request, "guide.html", {"tab": "guide", "entries": found, "q": q})


@router.get("/guide/{code}")
def entry(request: Request, code: str, services: ServicesDep) -> HTMLResponse:
    """Show one entry on a sheet of its own."""
    category = _category(services, code)
    guide = services.desk.guide.get(code)
    if guide is None:
        raise NotFoundError("guide", code)
    values = {
        "tab": "guide",
        "category": category,
        "guide": guide,
        "questions": services.desk.rules.asked_of(category),
    }
    return page(request, "guide_entry.html", values)


@router.get("/guide/{code}/panel")
def panel(request: Request, code: str, services: ServicesDep) -> HTMLResponse:
    """Show one entry beside the telephone desk's form."""
    category = _category(services, code)
    values = {"category": category, "guide": services.desk.guide.get(code)}
    return page(request, "guide_panel.html", values)


def _category(services: Services, code: str) -> WorkCategory:
    if code not in services.profile.catalogue:
        raise NotFoundError("category", code)
    return services.profile.catalogue.get(code)
