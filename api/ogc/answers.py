"""How the feature service answers: media types, errors in the standard's own form."""

from __future__ import annotations

import json
import re
from http import HTTPStatus

from fastapi import Request, Response

from api.ogc.links import GEOJSON, JSON, OPENAPI, SCHEMA
from api.schemas import Problem

NOTHING = re.compile(r"0(?:\.0{0,3})?")  # a weight of nought: not wanted
UNREADABLE = 422  # our own word for bad input; the standard's is 400
# What a client may ask for and gets an answer of the kind.
ALSO = {
    JSON: {JSON},
    GEOJSON: {GEOJSON, JSON},
    SCHEMA: {SCHEMA, JSON},
    OPENAPI: {OPENAPI.partition(";")[0], "application/openapi+json", JSON},
}


def document(value: object, kind: str, **headers: str) -> Response:
    """Answer with a JSON document of a media type, exactly as it is named."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text.encode(), headers={"Content-Type": kind, **headers})


def exception(status: int, description: str, code: str = "") -> Response:
    """Answer with an error in the standard's form."""
    told = {"code": code or _code(status), "description": description}
    text = json.dumps(told, ensure_ascii=False)
    headers = {"Content-Type": JSON}
    return Response(text.encode(), status_code=status, headers=headers)


def on_problem(request: Request, problem: Problem) -> Response:
    """Answer with any other error of the application in the same form."""
    del request
    status = problem.status
    if status == UNREADABLE:
        status = int(HTTPStatus.BAD_REQUEST)
    return exception(status, problem.detail or problem.title)


def is_wanted(accept: str, kind: str) -> bool:
    """Whether a client takes a media type, by its Accept header."""
    if not accept.strip():
        return True
    family = kind.partition("/")[0]
    fitting = ALSO[kind] | {"*/*", f"{family}/*"}
    for entry in accept.split(","):
        name, *parameters = (part.strip().lower() for part in entry.split(";"))
        if name in fitting and not any(map(_is_never, parameters)):
            return True
    return False


def _is_never(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip() == "q" and NOTHING.fullmatch(value.strip()) is not None


def _code(status: int) -> str:
    """Name of a status, in one word."""
    words = HTTPStatus(status).phrase.split()
    return "".join(word.capitalize() for word in words)
