"""What every way of /v1 refuses alike: unknown parameters, bodies of another kind."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from email.message import Message

from fastapi import HTTPException, Request, params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

from api.access import PROGRAMS, PROTOCOLS
from dispatch.domain.errors import InvalidInputError, NotFoundError

JSON_BODY = "application/json"
FORM_BODY = "multipart/form-data"
FORMS = frozenset({FORM_BODY, "application/x-www-form-urlencoded"})
MAX_QUERY = 32_768  # bytes of an address after its `?`
TOLD_AT_MOST = 40  # letters of a wrong name that are said back
LONG = f"アドレスの ? から後ろは{MAX_QUERY:,}バイトまでです"
CONTROLS = "制御文字が入っています"
NONE_KNOWN = "この呼び出しに、クエリの項目はありません"
TWICE = "1回だけ書いてください(値が複数のときはカンマで区切ります)"


async def strict(request: Request) -> None:
    """
    Refuse what no handler of /v1 reads; asked once access is granted.

    Raises
    ------
    InvalidInputError
        For a query parameter that the route does not know, or knows once.
    HTTPException
        414 for a query of more than `MAX_QUERY` bytes, 415 for a body of another kind
        than the route takes.
    """
    route = request.scope["route"]
    if not request.url.path.startswith(PROGRAMS) or not isinstance(route, APIRoute):
        return
    if len(request.scope["query_string"]) > MAX_QUERY:
        raise HTTPException(status_code=414, detail=LONG)
    _require_known(request, _query_names(route.dependant))
    _require_kind(request, _body_kind(route))


async def legible(request: Request) -> None:
    """
    Refuse an address that no database could look up; asked before all else.

    Raises
    ------
    NotFoundError
        For a path with NUL in it: nothing is called so.
    InvalidInputError
        For a query with it.
    """
    if request.url.path.startswith(PROTOCOLS):
        return  # they refuse it in their own way
    if any("\0" in str(value) for value in request.path_params.values()):
        raise NotFoundError("address", "")
    for name, value in request.query_params.multi_items():
        if "\0" in name + value:
            raise InvalidInputError(_told(name), CONTROLS)


def _query_names(dependant: Dependant) -> list[str]:
    """Names of the query's fields as they are written in an address."""
    found = []
    for field in dependant.query_params:
        kind = field.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += [one.alias or name for name, one in kind.model_fields.items()]
        else:
            found.append(field.alias)
    for below in dependant.dependencies:
        found += _query_names(below)
    return found


def _require_known(request: Request, known: Sequence[str]) -> None:
    """Refuse a name that nobody reads: a slip would answer another question."""
    seen = set()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            raise InvalidInputError(_told(name), _unknown(name, known))
        if name in seen:
            raise InvalidInputError(name, TWICE)
        seen.add(name)


def _told(name: str) -> str:
    """Wrong name as it may be said back: a slip of the pen, not a resident's words."""
    is_name = name.isascii() and name.isprintable() and len(name) <= TOLD_AT_MOST
    return name if is_name else "query"


def _unknown(name: str, known: Sequence[str]) -> str:
    if not known:
        return NONE_KNOWN
    near = difflib.get_close_matches(name[:TOLD_AT_MOST], known, n=1)
    if near:
        return f"知らない項目です。{near[0]} のことではありませんか"
    return f"知らない項目です。使えるもの: {'、'.join(known)}"


def _body_kind(route: APIRoute) -> str:
    """Content type that a route reads; empty where it reads none."""
    if route.body_field is None:
        return ""
    is_form = isinstance(route.body_field.field_info, params.Form)
    return FORM_BODY if is_form else JSON_BODY


def _require_kind(request: Request, wanted: str) -> None:
    header = request.headers.get("content-type")
    length = request.headers.get("content-length", "0")
    if not wanted or (header is None and length == "0"):
        return  # nothing was sent: the handler says what is missing
    message = Message()
    message["content-type"] = header or ""
    sent = message.get_content_type() if header else ""
    is_json = sent == JSON_BODY or (
        sent.startswith("application/") and sent.endswith("+json")
    )
    if is_json if wanted == JSON_BODY else sent in FORMS:
        return
    raise HTTPException(
        status_code=415,
        detail=f"Content-Type を {wanted} にして送ってください",
        headers={"Accept": wanted},
    )
