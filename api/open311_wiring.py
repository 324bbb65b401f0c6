"""Composition of Open311: its store, and its errors in the protocol's own form."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from api.open311.documents import ROOT
from api.open311.parameters import Open311Error
from api.open311.writing import Form, errors
from api.schemas import Problem
from api.wiring import Services
from dispatch.adapters.request_store import SqlRequests

# By the specification: 404 for what is not there, 403 for the key, 400 for all else.
STATUSES = {401: 403, 409: 400, 415: 400, 422: 400}


def install_open311(app: FastAPI, services: Services) -> None:
    """Let an application answer reporting clients, errors in their own form."""
    app.state.requests = SqlRequests(services.database)
    app.state.error_dialects[f"{ROOT}/"] = _on_problem

    @app.exception_handler(Open311Error)
    async def on_open311_error(request: Request, error: Open311Error) -> Response:
        told = [(error.status, error.description)]
        return errors(told, _form_of(request), status=error.status)


def _on_problem(request: Request, problem: Problem) -> Response:
    status = STATUSES.get(problem.status, problem.status)
    text = problem.detail or problem.title
    return errors([(status, text)], _form_of(request), status=status)


def _form_of(request: Request) -> Form:
    return Form.JSON if request.url.path.endswith(".json") else Form.XML
