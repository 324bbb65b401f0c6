"""Domain values to JSON text and back, kept off the core (pydantic type adapters)."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")

_adapters: dict[type, TypeAdapter[Any]] = {}  # building one takes milliseconds


def _adapter(kind: type) -> TypeAdapter[Any]:
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def to_json(value: object) -> str:
    """Write a domain value as JSON text; times keep their offset."""
    return _adapter(type(value)).dump_json(value).decode()


def from_json(kind: type[T], text: str) -> T:
    """Read a domain value back; its own rules are checked again."""
    value: T = _adapter(kind).validate_json(text)
    return value
