"""Versions of charts and plans in HTTP's own words: ETag, If-Match, If-None-Match."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.types import Message

from api.plan_answers import PlanRoutesOut
from api.schemas import ChartOut
from api.wiring import Services
from dispatch.domain.errors import (
    ConflictError,
    InvalidInputError,
    PreconditionError,
)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*')
CHART_TAG = re.compile(r"v(\d{1,9})(?:-[a-z_]+)?")
VERSION = "version"
DIFFER = "If-Match と本文の version が違います"
NOT_A_TAG = 'ETag の値を、引用符も含めてそのまま入れてください(例: "v3")'
STALE = "ほかの人が先に変更しました。読み直してください"


class VersionedRoute(APIRoute):
    """
    Route whose charts and plans carry a tag, and whose changes may name one.

    A chart's tag is `"v"` and its version; while its visit waits for another chart's,
    that one's status follows. A plan's is a digest of what is answered.
    """

    def get_route_handler(self) -> Handler:
        """Wrap the handler with the reading and the writing of tags."""
        plain = super().get_route_handler()
        tag_of = _TAGGED.get(self.response_model)
        takes_version = _takes_version(self)

        async def tagged(request: Request) -> Response:
            wanted = request.headers.get("if-match")
            if takes_version and wanted is not None:
                return await _conditional(request, plain, wanted, tag_of)
            response = await plain(request)
            return _with_tag(request, response, tag_of)

        return tagged


async def require_match(request: Request) -> None:
    """
    Refuse a change whose `If-Match` names no tag that the chart has now.

    Raises
    ------
    InvalidInputError
        When the header is no tag, or the body names another version.
    PreconditionError
        412, with the version as it is now.
    """
    wanted: str | None = getattr(request.state, "if_match", None)
    if wanted is None:
        return
    tags = _tags(wanted)
    if not tags and wanted.strip() != "*":
        raise InvalidInputError("If-Match", NOT_A_TAG)
    if getattr(request.state, "versions_differ", False):
        raise InvalidInputError(VERSION, DIFFER)
    services: Services = request.app.state.services
    chart_id = request.path_params["chart_id"]
    chart = await run_in_threadpool(services.store.get, chart_id)
    if tags and chart.version not in map(_version_of, tags):
        raise PreconditionError(STALE, current=chart.version)


def chart_tag(body: dict[str, Any]) -> str:
    """Tag of a chart as it is answered."""
    followed = body.get("followed")
    tail = f"-{followed['status']}" if followed else ""
    return f'"v{body[VERSION]}{tail}"'


def _plan_tag(body: dict[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True)
    return f'"p{hashlib.sha256(text.encode()).hexdigest()[:24]}"'


_TAGGED: dict[Any, Callable[[dict[str, Any]], str]] = {
    ChartOut: chart_tag,
    PlanRoutesOut: _plan_tag,
}


def _takes_version(route: APIRoute) -> bool:
    """Whether a route changes the chart of its path by a version in its body."""
    kind = route.body_field.field_info.annotation if route.body_field else None
    return (
        "{chart_id}" in route.path
        and isinstance(kind, type)
        and issubclass(kind, BaseModel)
        and VERSION in kind.model_fields
    )


async def _conditional(
    request: Request,
    plain: Handler,
    wanted: str,
    tag_of: Callable[[dict[str, Any]], str] | None,
) -> Response:
    request.state.if_match = wanted
    versions = [found for tag in _tags(wanted) if (found := _version_of(tag))]
    filled = request
    if versions:
        filled = await _filled(request, max(versions))
    try:
        response = await plain(filled)
    except ConflictError:
        await require_match(request)  # somebody was faster since it was asked first
        raise
    return _with_tag(request, response, tag_of)


async def _filled(request: Request, version: int) -> Request:
    """Request whose body names the version that its header names."""
    raw = await request.body()
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None  # the handler says what is wrong with it
    if isinstance(body, dict):
        request.state.versions_differ = body.get(VERSION, version) != version
        raw = json.dumps({**body, VERSION: body.get(VERSION, version)}).encode()

    async def receive() -> Message:
        return {"type": "http.request", "body": raw, "more_body": False}

    return Request(request.scope, receive)


def _with_tag(
    request: Request,
    response: Response,
    tag_of: Callable[[dict[str, Any]], str] | None,
) -> Response:
    if tag_of is None or response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
        return response
    tag = tag_of(json.loads(bytes(response.body)))
    response.headers["ETag"] = tag
    known = request.headers.get("if-none-match")
    if request.method != "GET" or known is None or not _is_known(known, tag):
        return response
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})


def _is_known(header: str, tag: str) -> bool:
    """Whether a reader has what is answered: weak comparison (RFC 9110, 13.1.2)."""
    if header.strip() == "*":
        return True
    return tag.strip('"') in {opaque for _, opaque in _every_tag(header)}


def _tags(header: str) -> list[str]:
    """Strong tags of a header; weak ones match nothing (RFC 9110, 13.1.1)."""
    found = _every_tag(header)
    return [opaque if not weak else "" for weak, opaque in found]


def _every_tag(header: str) -> list[tuple[str, str]]:
    parts = [TAG.fullmatch(part) for part in header.split(",") if part.strip()]
    return [(one[1] or "", one[2]) for one in parts if one] if all(parts) else []


def _version_of(tag: str) -> int:
    """Version that a chart's tag names; 0 for any other."""
    found = CHART_TAG.fullmatch(tag)
    return int(found[1]) if found else 0
