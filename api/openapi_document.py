"""The API's description of itself, made whole: what every route of /v1 shares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import FastAPI

from api.access import PROGRAMS
from api.errors import CONTENT_TYPE
from geodata.city import CityProfile

Node = dict[str, Any]
KEY_SCHEME = "key"
KEY_HEADER = "x-api-key"
PROBLEM = {"$ref": "#/components/schemas/Problem"}
TAGGED = ("ChartOut", "PlanRoutesOut")
UNUSED = ("HTTPValidationError", "ValidationError")
# Statuses below this one are no problems.
FIRST_PROBLEM = 400
TAG = r'^"[\x21\x23-\x7e]{1,60}"$'
ETAG_HEADER: Node = {
    "description": "of what is answered; `If-None-Match` and `If-Match` take it",
    "schema": {"type": "string", "pattern": TAG},
}
WAIT_HEADER: Node = {
    "description": "seconds to wait",
    "schema": {"type": "integer", "minimum": 0},
}
# What `require_length` lets through, and what is more than space.
PLAIN = r"[^\x00-\x08\x0b\x0c\x0e-\x1f]"
ANY_TEXT = f"^{PLAIN}*$"
WORDS = rf"^{PLAIN}*[^\x00-\x20\x7f-\xa0\s]{PLAIN}*$"
IF_MATCH = """

`If-Match` with the chart's tag (`"v3"`) stands for `version`: 412 when it has moved on.
"""
IF_NONE_MATCH: Node = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "tag of what is known: 304 without a body while it is unchanged",
    "schema": {"type": "string"},
}
SHARED = {
    "401": "no valid X-API-Key",
    "403": "the key may not do this here",
    "414": "the query is too long",
    "422": "a field or parameter breaks a rule; each is named",
    "429": "the key is used too often",
}
WITH_BODY = {
    "400": "the body cannot be read",
    "413": "the body is too large",
    "415": "the body is of another kind than the route reads",
}


def install_document(app: FastAPI, profile: CityProfile) -> None:
    """
    Have an application describe itself as it is.

    Parameters
    ----------
    app
        With all its routes.
    profile
        City whose codes are told.
    """
    plain = app.openapi

    def whole() -> Node:
        if app.openapi_schema is None:
            app.openapi_schema = completed(plain(), profile)
        return app.openapi_schema

    app.openapi = whole  # type: ignore[method-assign]  # FastAPI's own way


def completed(document: Node, profile: CityProfile) -> Node:
    """Describe what routes share: the key, problems, tags, and the city's codes."""
    schemas: Node = document["components"]["schemas"]
    document["components"]["securitySchemes"] = {
        KEY_SCHEME: {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    }
    for path, methods in document["paths"].items():
        if path.startswith(PROGRAMS):
            for method, operation in methods.items():
                _complete(operation, method, schemas)
    for name in UNUSED:
        schemas.pop(name, None)
    _tell_codes(document, profile)
    _tell_texts(document)
    return document


def _complete(operation: Node, method: str, schemas: Node) -> None:
    operation["security"] = [{KEY_SCHEME: []}]
    parameters = [
        one for one in operation.get("parameters", []) if one["name"] != KEY_HEADER
    ]
    for one in parameters:
        one["schema"] = _as_sent(one["schema"])
    responses: Node = operation["responses"]
    shared = {**SHARED, **(WITH_BODY if "requestBody" in operation else {})}
    for status, text in shared.items():
        if "HTTPValidationError" in str(responses.get(status, "")):
            del responses[status]
        responses.setdefault(status, {"description": text})
    if _tag_answers(responses) and method == "get":
        parameters.append(IF_NONE_MATCH)
        headers = {"ETag": ETAG_HEADER}
        responses["304"] = {"description": "unchanged", "headers": headers}
    if _takes_version(operation, schemas):
        operation["description"] = operation.get("description", "") + IF_MATCH
        responses["412"] = {"description": "the chart is not what `If-Match` names"}
    for status, response in responses.items():
        if int(status) >= FIRST_PROBLEM:
            response["content"] = {CONTENT_TYPE: {"schema": PROBLEM}}
    responses["429"]["headers"] = {"Retry-After": WAIT_HEADER}
    operation["parameters"] = parameters


def _tag_answers(responses: Node) -> bool:
    """Tell the tags of charts and plans; whether there are any."""
    found = False
    for response in responses.values():
        for content in response.get("content", {}).values():
            name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            if name in TAGGED:
                response.setdefault("headers", {})["ETag"] = ETAG_HEADER
                found = True
    return found


def _takes_version(operation: Node, schemas: Node) -> bool:
    names = {one["name"] for one in operation.get("parameters", [])}
    body = operation.get("requestBody", {}).get("content", {})
    schema = body.get("application/json", {}).get("schema", {})
    kind = schemas.get(schema.get("$ref", "").rpartition("/")[2], {})
    return "chart_id" in names and "version" in kind.get("properties", {})


def _as_sent(schema: Node) -> Node:
    """Describe what an address can say: it has no null, only what is left out."""
    ways = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
    if len(ways) == 1:
        schema = {**{k: v for k, v in schema.items() if k != "anyOf"}, **ways[0]}
    if schema.get("default", "") in {"", None}:
        schema.pop("default", None)
    return schema


def _tell_texts(document: Node) -> None:
    """Say of every text that may be sent which characters it has."""
    for node in _every_node(document["components"]["schemas"].values()):
        is_free = not {"pattern", "enum", "format"} & set(node)
        if node.get("type") == "string" and "maxLength" in node and is_free:
            node["pattern"] = WORDS if node.get("minLength") else ANY_TEXT


def _tell_codes(document: Node, profile: CityProfile) -> None:
    """Name the city's codes where they are asked for."""
    categories = sorted(one.code for one in profile.catalogue.categories)
    for node in _every_node(document["components"]["schemas"].values()):
        category = node.get("properties", {}).get("category")
        if isinstance(category, dict) and category.get("maxLength"):
            category["enum"] = categories
    known = {
        "category": categories,
        "ward": [one.code for one in profile.wards],
        "office": [one.id for one in profile.offices],
        "team": [one.id for one in profile.teams],
    }
    listing = document["paths"]["/v1/consultations"]["get"]["parameters"]
    for parameter in listing:
        if parameter["name"] in known:
            one = "|".join(map(re.escape, sorted(known[parameter["name"]])))
            parameter["schema"]["pattern"] = f"^({one})(,({one}))*$"


def _every_node(nodes: Iterable[Any]) -> Iterator[Node]:
    """Every object at any depth."""
    for node in nodes:
        if isinstance(node, dict):
            yield node
            yield from _every_node(node.values())
        elif isinstance(node, list):
            yield from _every_node(node)
