"""Schemas of GeoReport v2's bodies, field by field, from the specification's text."""

from __future__ import annotations

from typing import Any

TEXT = {"type": "string", "minLength": 1}
WORDS = {"type": "string"}
# ISO 8601 with a zone, by the specification; ours is always the city's.
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+09:00$"}


def _object(needed: dict[str, Any], optional: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - a schema
    return {
        "type": "object",
        "properties": {**needed, **(optional or {})},
        "required": list(needed),
        "additionalProperties": False,
    }


def _list(item: Any, *, least: int = 0) -> Any:  # noqa: ANN401 - a schema
    return {"type": "array", "items": item, "minItems": least}


ERRORS = _list(
    _object({"code": {"type": "integer"}, "description": TEXT}),
    least=1,
)
DISCOVERY = _object(
    {
        "changeset": TIME,
        "contact": TEXT,
        "key_service": TEXT,
        "endpoints": _list(
            _object(
                {
                    "specification": TEXT,
                    "url": {"type": "string", "pattern": "^https?://.*/open311/v2$"},
                    "changeset": TIME,
                    "type": {"enum": ["production", "test"]},
                    "formats": _list({"enum": ["text/xml", "application/json"]}),
                }
            ),
            least=1,
        ),
    }
)
SERVICES = _list(
    _object(
        {
            "service_code": TEXT,
            "service_name": TEXT,
            "description": TEXT,
            "metadata": {"type": "boolean"},
            "type": {"enum": ["realtime", "batch", "blackbox"]},
            "keywords": WORDS,
            "group": TEXT,
        }
    ),
    least=1,
)
DEFINITION = _object(
    {
        "service_code": TEXT,
        "attributes": _list(
            _object(
                {
                    "variable": {"type": "boolean"},
                    "code": TEXT,
                    "datatype": {
                        "enum": [
                            *("string", "number", "datetime", "text"),
                            *("singlevaluelist", "multivaluelist"),
                        ]
                    },
                    "required": {"type": "boolean"},
                    "datatype_description": WORDS,
                    "order": {"type": "integer", "minimum": 1},
                    "description": TEXT,
                    "values": _list(_object({"key": TEXT, "name": TEXT}), least=1),
                }
            )
        ),
    }
)
REQUESTS = _list(
    _object(
        {
            "service_request_id": TEXT,
            "status": {"enum": ["open", "closed"]},
            "service_name": TEXT,
            "service_code": TEXT,
            "description": TEXT,
            "requested_datetime": TIME,
            "updated_datetime": TIME,
        },
        {
            "status_notes": TEXT,
            "agency_responsible": TEXT,
            "service_notice": TEXT,
            "expected_datetime": TIME,
            "address": TEXT,
            "lat": {"type": "number", "minimum": -90, "maximum": 90},
            "long": {"type": "number", "minimum": -180, "maximum": 180},
        },
    )
)
RECEIPT = {
    **_list(
        _object(
            {},
            {
                "service_request_id": TEXT,
                "token": TEXT,
                "service_notice": TEXT,
                "account_id": TEXT,
            },
        ),
        least=1,
    ),
    "maxItems": 1,
}
TOKEN = _list(_object({"service_request_id": TEXT, "token": TEXT}), least=1)
UPDATES = _list(
    _object(
        {
            "update_id": TEXT,
            "service_request_id": TEXT,
            "status": {"type": "string", "pattern": "^[A-Z_]+$"},
            "updated_datetime": TIME,
            "description": TEXT,
            "external_status_code": TEXT,
        }
    )
)
