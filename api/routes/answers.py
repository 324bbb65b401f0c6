"""Answers that many routes share, as the API's description tells them."""

from __future__ import annotations

from api.schemas import Problem

Answers = dict[int | str, dict[str, object]]
NO_KEY: Answers = {401: {"model": Problem, "description": "no valid X-API-Key"}}
BAD_FIELD: Answers = {
    422: {"model": Problem, "description": "a field breaks a rule; each is named"}
}
BAD_BODY: Answers = {
    400: {"model": Problem, "description": "the body is not JSON"},
    413: {"model": Problem, "description": "the body is too large"},
    **NO_KEY,
    **BAD_FIELD,
}
