"""What a sandbox's clients have shown that they can do, as a page and as JSON."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse

from api.pages import page
from api.sandbox_rules import Case, Verdict
from api.sandbox_watch import SandboxWatch, Watching
from api.sandbox_words import CASE_TEXT, NEXT_TEXT, VERDICT_TEXT
from api.wiring import Services
from dispatch.domain.errors import NotFoundError

router = APIRouter(include_in_schema=False)


def install_sandbox(app: FastAPI) -> None:
    """Have an application watch its clients; before it serves anything."""
    services: Services = app.state.services
    watch = SandboxWatch()
    app.state.sandbox = watch
    app.add_middleware(Watching, watch=watch, clock=services.clock)


@router.get("/sandbox")
def sandbox(request: Request) -> HTMLResponse:
    """Show each client and how far it has come, with what to try next."""
    judged = _watch(request).judged()
    values = {
        "tab": "sandbox",
        "clients": sorted(judged.items()),
        "cases": tuple(Case),
        "CASE_TEXT": CASE_TEXT,
        "NEXT_TEXT": NEXT_TEXT,
        "VERDICT_TEXT": VERDICT_TEXT,
        "done": {
            name: sum(one is Verdict.HANDLED for one in found.values())
            for name, found in judged.items()
        },
    }
    return page(request, "sandbox.html", values)


@router.get("/v1/sandbox")
def sandbox_verdicts(request: Request) -> dict[str, object]:
    """Tell the same to programs."""
    clients = [
        {
            "client": name,
            "cases": {
                str(case): {"verdict": str(verdict), "next": NEXT_TEXT[case][1]}
                for case, verdict in found.items()
            },
        }
        for name, found in sorted(_watch(request).judged().items())
    ]
    return {"clients": clients}


def _watch(request: Request) -> SandboxWatch:
    found = getattr(request.app.state, "sandbox", None)
    if not isinstance(found, SandboxWatch):
        raise NotFoundError("address", "/sandbox")
    return found
