"""JSON files that people and programs give: read whole and checked; where wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from dispatch.domain.errors import InvalidInputError, SourceError
from geodata.sources import write_whole

MAX_BYTES = 400_000_000  # a matrix of 3,600 places with closures is some 300 MB
SENTENCES = {
    "missing": "必要な項目です",
    "extra_forbidden": "知らない項目です(つづりを確かめてください)",
    "json_invalid": "JSONとして読めません({error})",
    "int_type": "整数にしてください",
    "int_from_float": "整数にしてください",
    "float_type": "数にしてください",
    "finite_number": "有限の数にしてください",
    "string_type": "文字列にしてください",
    "bool_type": "true か false にしてください",
    "list_type": "並び([ ])にしてください",
    "tuple_type": "並び([ ])にしてください",
    "dict_type": "項目の集まり({{ }})にしてください",
    "model_type": "項目の集まり({{ }})にしてください",
    "date_type": "日付は 2026-11-24 の形にしてください",
    "date_parsing": "日付は 2026-11-24 の形にしてください",
    "date_from_datetime_parsing": "日付は 2026-11-24 の形にしてください",
    "date_from_datetime_inexact": "日付は 2026-11-24 の形にしてください",
    "enum": "一覧にない値です({expected} のどれか)",
    "literal_error": "{expected} としてください",
    "greater_than": "{gt}より大きい数にしてください",
    "greater_than_equal": "{ge}以上にしてください",
    "less_than_equal": "{le}以下にしてください",
    "too_long": "多すぎます({max_length}まで)",
    "too_short": "足りません({min_length}から)",
    "string_too_long": "長すぎます({max_length}文字まで)",
    "string_too_short": "空にはできません",
}

Model = TypeVar("Model", bound="Layout")


class Layout(BaseModel):
    """Base of what a file may hold: no unknown field, no number that is a text."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def read_file(file: Path) -> bytes:
    """
    Read a file whole.

    Raises
    ------
    SourceError
        When it cannot be read.
    InvalidInputError
        When it is too large.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            raise InvalidInputError(file.name, f"{MAX_BYTES:,}バイトまでです")
        return file.read_bytes()
    except OSError as problem:
        message = f"{file}: cannot be read ({problem.strerror})"
        raise SourceError(message) from problem


def write_text(file: Path, text: str) -> None:
    """
    Write a file; what was there stays until the new one is whole.

    Raises
    ------
    SourceError
        When it cannot be written.
    """
    try:
        write_whole(file, text)
    except OSError as problem:
        message = f"{file}: cannot be written ({problem.strerror})"
        raise SourceError(message) from problem


def read_layout(kind: type[Model], text: bytes | str) -> Model:
    """
    Check a JSON text against its layout.

    Raises
    ------
    InvalidInputError
        For the first thing that is wrong: its path (``visits.3.service_s``, counted
        from 0) and what to do. The value itself is never repeated.
    """
    try:
        return kind.model_validate_json(text)
    except ValidationError as problem:
        first = problem.errors(include_input=False, include_url=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        raise InvalidInputError(path or "file", _sentence(first)) from None


def _sentence(error: ErrorDetails) -> str:
    """Say what is wrong in Japanese; our own validators do already."""
    sentence = SENTENCES.get(error["type"])
    return error["msg"] if sentence is None else sentence.format(**error.get("ctx", {}))
