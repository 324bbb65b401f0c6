"""Configuration of a bundle (TOML): which files go into it, and whose they are."""

from __future__ import annotations

import codecs
import datetime as dt
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dispatch.domain.errors import SourceError
from geodata.bundle.manifest import Purpose
from geodata.bundle.reading import SourceConfig
from geodata.bundle.records import Layer
from geodata.tables import Settings, read_toml

# Options that name a further file: resolved like `file`, their checksums kept too.
FILE_OPTIONS = frozenset({"positions", "towns"})
_PROVENANCE = ("title", "publisher", "licence", "date")
_TEXTS = ("attribution", "url", "shown_text", "sha256", "encoding")
_FLAGS = ("partial", "approximate", "synthetic", "optional")
_DAYS = ("valid_from", "valid_to")
_TABLES = ("columns", "options")
_TOP_KEYS = frozenset({"city", "purpose", "source"})
_SOURCE_KEYS = frozenset(
    {
        *("id", "layer", "format", "file"),
        *(*_PROVENANCE, *_TEXTS, *_FLAGS, *_DAYS, *_TABLES),
    }
)
_ID = re.compile(r"[a-z0-9][a-z0-9_-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_VARIABLE = re.compile(
    r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleConfig:
    """
    What a bundle is made of.

    Parameters
    ----------
    file
        The configuration itself; errors name it.
    city
        Profile: a name that the package carries, or a folder.
    purpose
        `production` takes no invented rows.
    sources
        In the order of the file; among sources of one layer the first has precedence.
    inputs
        Fingerprint of the tables of which the program makes the bundle by itself;
        empty for a person's configuration.

    Raises
    ------
    SourceError
        When a source of invented rows is meant for production, or two sources have
        the same id.
    """

    file: Path
    city: str
    purpose: Purpose
    sources: tuple[SourceConfig, ...]
    inputs: str = ""

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for source in self.sources:
            if source.id in seen:
                message = f"{self.file}: source {source.id}: id: used twice"
                raise SourceError(message)
            seen.add(source.id)
            if source.is_synthetic and self.purpose is Purpose.PRODUCTION:
                message = (
                    f"{self.file}: source {source.id}: synthetic: invented rows never "
                    "enter a production bundle; remove the source, or set purpose "
                    'to "test"'
                )
                raise SourceError(message)


def read_config(
    file: Path, environment: Mapping[str, str] | None = None
) -> BundleConfig:
    """
    Read the configuration of a bundle.

    Parameters
    ----------
    file
        TOML with `city`, `purpose` and tables `[[source]]`.
    environment
        Values for `${NAME}` and `${NAME:-default}` in paths; by default those of the
        process. An empty value counts as none.

    Raises
    ------
    SourceError
        When the file cannot be read, a key is unknown, missing or of the wrong form,
        a variable is not set, or `BundleConfig` refuses it; names file, source and
        key.

    Notes
    -----
    A path that is not absolute, that of an option too, is taken from the
    configuration's folder.
    """
    top = Settings(file=file, values=read_toml(file))
    _refuse_unknown(top, _TOP_KEYS)
    tables = top.values.get("source", [])
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        message = f"{file}: source: write each as a table [[source]]"
        raise SourceError(message)
    known = os.environ if environment is None else environment
    return BundleConfig(
        file=file,
        city=top.get("city", str),
        purpose=Purpose(top.choice("purpose", Purpose)),
        sources=tuple(
            _source(_named(file, number, table), known)
            for number, table in enumerate(tables, start=1)
        ),
    )


def _named(file: Path, number: int, table: Mapping[str, Any]) -> Settings:
    """Let the errors of a source say its id, or its number without one."""
    source_id = table.get("id")
    name = source_id if isinstance(source_id, str) else f"number {number}"
    return Settings(file=file, values=table, path=f"source {name}: ")


def _source(table: Settings, environment: Mapping[str, str]) -> SourceConfig:
    _refuse_unknown(table, _SOURCE_KEYS)
    texts: dict[str, Any] = {key: _text(table, key) for key in _PROVENANCE}
    texts |= {key: table.get(key, str) for key in _TEXTS if key in table.values}
    flags = {f"is_{key}": table.get(key, bool) for key in _FLAGS if key in table.values}
    days = {key: _day(table, key) for key in _DAYS if key in table.values}
    if len(days) == len(_DAYS) and days["valid_to"] < days["valid_from"]:
        raise _error(table, "valid_to", "before valid_from")
    source_id = _text(table, "id")
    if not _ID.fullmatch(source_id):
        raise _error(table, "id", "not small letters, digits, - and _")
    if not _SHA256.fullmatch(texts.get("sha256", "0" * 64)):
        raise _error(table, "sha256", "not 64 hexadecimal digits in small letters")
    _require_encoding(table, texts.get("encoding", ""))
    return SourceConfig(
        id=source_id,
        layer=Layer(table.choice("layer", Layer)),
        format=_text(table, "format"),
        file=_path(table, "file", environment) if "file" in table.values else None,
        columns=_columns(table),
        options=_options(table, environment),
        **{**texts, **flags, **days},
    )


def _text(table: Settings, key: str) -> str:
    text = table.get(key, str).strip()
    if not text:
        raise _error(table, key, "empty")
    return text


def _day(table: Settings, key: str) -> dt.date:
    day = table.get(key, dt.date)
    if isinstance(day, dt.datetime):
        raise _error(table, key, "a date without a time is wanted (2026-04-01)")
    return day


def _require_encoding(table: Settings, encoding: str) -> None:
    if not encoding:
        return
    try:
        codecs.lookup(encoding)
    except (LookupError, ValueError) as error:
        raise _error(table, "encoding", "not a text encoding (utf-8, cp932)") from error


def _columns(table: Settings) -> Mapping[str, str]:
    if "columns" not in table.values:
        return MappingProxyType({})
    section = table.section("columns")
    return MappingProxyType({key: section.get(key, str) for key in section.values})


def _options(table: Settings, environment: Mapping[str, str]) -> Mapping[str, Any]:
    if "options" not in table.values:
        return MappingProxyType({})
    section = table.section("options")
    files = {
        key: str(_path(section, key, environment).absolute())
        for key in sorted(FILE_OPTIONS & section.values.keys())
    }
    return MappingProxyType({**section.values, **files})


def _path(table: Settings, key: str, environment: Mapping[str, str]) -> Path:
    def value_of(found: re.Match[str]) -> str:
        value = environment.get(found["name"]) or found["default"]
        if not value:
            raise _error(table, key, f"the variable {found['name']} is not set")
        return value

    text = _VARIABLE.sub(value_of, _text(table, key))
    if "${" in text or "\0" in text:
        raise _error(table, key, "write a variable as ${NAME} or ${NAME:-default}")
    return table.file.parent / text


def _refuse_unknown(table: Settings, known: frozenset[str]) -> None:
    unknown = sorted(set(table.values) - known)
    if unknown:
        raise _error(table, unknown[0], "unknown key")


def _error(table: Settings, key: str, problem: str) -> SourceError:
    return SourceError(f"{table.file}: {table.path}{key}: {problem}")
