"""Errors at the edge: one table from error class to status, exit code and wording."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from api.allowed_methods import allowed_methods
from api.schemas import FieldProblem, Problem
from dispatch.domain.errors import (
    CancelledError,
    ConflictError,
    DispatchError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    PreconditionError,
    SolverError,
    SourceError,
)

logger = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"
TYPE_BASE = "urn:kidohan:problem:"
SERVER_ERROR = 500
PARTS = ("body", "query", "path", "header")  # of a request; no part of a field's name
Dialect = Callable[[Request, Problem], Response]


@dataclass(frozen=True, slots=True)
class Row:
    """How one error class is answered."""

    status: int
    name: str
    title: str


# The one table. The tree's root comes last: every class finds its nearest row.
TABLE: dict[type[DispatchError], Row] = {
    InvalidInputError: Row(422, "invalid-input", "入力に誤りがあります"),
    NotFoundError: Row(404, "not-found", "見つかりません"),
    NotAllowedError: Row(403, "not-allowed", "この操作は許可されていません"),
    PreconditionError: Row(412, "precondition", "読み直してから変更してください"),
    ConflictError: Row(409, "conflict", "今はその変更ができません"),
    CancelledError: Row(409, "cancelled", "計画は中止されました"),
    SourceError: Row(503, "source", "データの準備ができていません"),
    SolverError: Row(500, "solver", "計画を作れませんでした"),
    DispatchError: Row(500, "error", "処理できませんでした"),
}
EXIT_CODES: dict[type[DispatchError], int] = {
    InvalidInputError: 2,
    NotFoundError: 2,
    NotAllowedError: 2,
    PreconditionError: 2,
    ConflictError: 2,
    CancelledError: 2,
    SourceError: 3,
    SolverError: 4,
    DispatchError: 1,
}
HTTP_TITLES = {
    400: "要求を読めません",
    401: "鍵が必要です",
    403: "この操作は許可されていません",
    404: "見つかりません",
    405: "この方法では呼べません",
    413: "大きすぎます",
    414: "アドレスが長すぎます",
    415: "この形式は受け取れません",
    422: "入力に誤りがあります",
    429: "要求が多すぎます",
}


def row_of(error: DispatchError) -> Row:
    """Row of an error's own class or its nearest ancestor."""
    return next(row for kind, row in TABLE.items() if isinstance(error, kind))


def problem_of(error: DispatchError) -> Problem:
    """Answer for an error; a server's error never tells its message."""
    row = row_of(error)
    fields = []
    if isinstance(error, InvalidInputError):
        fields = [FieldProblem(field=error.field, problem=error.problem)]
    detail = str(error) if row.status < SERVER_ERROR else row.title
    current = error.current if isinstance(error, ConflictError) else None
    return Problem(
        type=TYPE_BASE + row.name,
        title=row.title,
        status=row.status,
        detail=detail,
        errors=fields,
        current_version=current,
    )


def answered(request: Request, problem: Problem) -> Response:
    """Problem in the words of the protocol that was spoken; ours otherwise."""
    dialects: Mapping[str, Dialect] = getattr(request.app.state, "error_dialects", {})
    for prefix, dialect in dialects.items():
        if request.url.path.startswith(prefix):
            return dialect(request, problem)
    return problem_response(problem)


def problem_response(problem: Problem) -> JSONResponse:
    """Problem as application/problem+json."""
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status_code=problem.status,
        media_type=CONTENT_TYPE,
    )


def validation_problem(error: RequestValidationError) -> Problem:
    """Name each refused field; never repeat what was sent (it may be a person's)."""
    fields = [
        FieldProblem(
            field=_field_name(item["type"], item["loc"]),
            problem=_sentence(item["type"], str(item["msg"])),
        )
        for item in error.errors()
    ]
    broken = any(item["type"] == "json_invalid" for item in error.errors())
    status = 400 if broken else 422
    return Problem(
        type=TYPE_BASE + ("bad-json" if broken else "invalid-input"),
        title=HTTP_TITLES[status],
        status=status,
        detail="、".join(f"{field.field}: {field.problem}" for field in fields)[:500],
        errors=fields,
    )


def _field_name(kind: str, path: Sequence[object]) -> str:
    """Name as the sender wrote it; broken JSON has only a position, not a field."""
    names = () if kind == "json_invalid" else path[1:] if path[0] in PARTS else path
    return ".".join(map(str, names)) or str(path[0])


def _sentence(kind: str, message: str) -> str:
    words = {
        "missing": "必要な項目です",
        "extra_forbidden": "知らない項目です(つづりを確かめてください)",
        "json_invalid": "JSONとして読めません(途中で切れていないか確かめてください)",
        "string_too_long": "長すぎます",
        "enum": "一覧にない値です",
        "timezone_aware": "時差も書いてください(例: 2026-11-24T09:05:00+09:00)",
    }
    if kind == "value_error":  # a rule of our own, in its own words
        return message.removeprefix("Value error, ")
    return f"{words[kind]} ({message})" if kind in words else message


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error of the API in one form; pages have their own."""

    @app.exception_handler(DispatchError)
    async def on_dispatch_error(request: Request, error: DispatchError) -> Response:
        problem = problem_of(error)
        if problem.status >= SERVER_ERROR:
            logger.error(
                "%s %s: %s", request.method, request.url.path, error, exc_info=error
            )
        return answered(request, problem)

    @app.exception_handler(Exception)
    async def on_anything(request: Request, error: Exception) -> Response:
        # The server logs the trace itself; the person learns no more than this.
        del error
        title = "内部の誤りで処理できませんでした"
        detail = "もう一度試して、続くようなら管理者に連絡してください"
        return answered(
            request,
            Problem(
                type=TYPE_BASE + "internal",
                title=title,
                status=SERVER_ERROR,
                detail=detail,
            ),
        )

    @app.exception_handler(RequestValidationError)
    async def on_validation_error(
        request: Request, error: RequestValidationError
    ) -> Response:
        return answered(request, validation_problem(error))

    @app.exception_handler(StarletteHTTPException)
    async def on_http_error(
        request: Request, error: StarletteHTTPException
    ) -> Response:
        title = HTTP_TITLES.get(error.status_code, "処理できませんでした")
        detail = error.detail if isinstance(error, HTTPException) else title
        response = answered(
            request,
            Problem(
                type=TYPE_BASE + "http",
                title=title,
                status=error.status_code,
                detail=detail if error.status_code < SERVER_ERROR else title,
            ),
        )
        response.headers.update(error.headers or {})
        # The router names the methods of one route only; a path can have several.
        methods = allowed_methods(request.url.path)
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and methods:
            response.headers["Allow"] = methods
        return response
