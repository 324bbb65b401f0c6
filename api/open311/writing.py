"""Documents of GeoReport v2 as XML and as JSON, from the same plain values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from xml.etree import ElementTree as ET

from fastapi import Response

Value = str | int | float | bool | None | Sequence["Value"] | Mapping[str, "Value"]
# What XML 1.0 cannot hold, not even escaped.
UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Name of an element inside the list of its kind.
ELEMENTS = {
    "attributes": "attribute",
    "endpoints": "endpoint",
    "errors": "error",
    "formats": "format",
    "service_request_updates": "request_update",
    "service_requests": "request",
    "services": "service",
    "values": "value",
}


class Form(StrEnum):
    """How a document is written; the ending of the path says it."""

    XML = "xml"
    JSON = "json"


MEDIA_TYPES = {
    Form.XML: "text/xml; charset=utf-8",
    Form.JSON: "application/json; charset=utf-8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document: the name of its root, which JSON leaves out, and what is inside."""

    root: str
    content: Sequence[Mapping[str, Value]] | Mapping[str, Value]


def answer(
    document: Document,
    form: Form,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with a document; what is None is left out in both forms."""
    if form is Form.JSON:
        plain = _without_nothing(document.content)
        text = json.dumps(plain, ensure_ascii=False, allow_nan=False).encode()
    else:
        element = _element(document.root, document.content)
        text = ET.tostring(element, encoding="utf-8", xml_declaration=True)
    return Response(
        text,
        status_code=status,
        headers={**(headers or {}), "Content-Type": MEDIA_TYPES[form]},
    )


def errors(told: Sequence[tuple[int, str]], form: Form, *, status: int) -> Response:
    """Answer with what went wrong, as a list of code and description."""
    content: list[dict[str, Value]] = [
        {"code": code, "description": text} for code, text in told
    ]
    return answer(Document(root="errors", content=content), form, status=status)


def _without_nothing(value: Value) -> Value:
    match value:
        case str():
            return value
        case Mapping():
            return {k: _without_nothing(v) for k, v in value.items() if v is not None}
        case Sequence():
            return [_without_nothing(one) for one in value]
        case _:
            return value


def _element(name: str, value: Value) -> ET.Element:
    element = ET.Element(name)
    match value:
        case str():
            element.text = UNWRITABLE.sub("", value)
        case Mapping():
            for key, inner in value.items():
                if inner is not None:
                    element.append(_element(key, inner))
        case Sequence():
            for one in value:
                element.append(_element(ELEMENTS[name], one))
        case bool():
            element.text = "true" if value else "false"
        case _:
            element.text = str(value)
    return element
