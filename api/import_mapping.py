"""Mapping files: which column of a foreign file is which field of a consultation."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from dispatch.domain.consultation import Channel
from dispatch.domain.errors import SourceError

FIELDS = (
    "external_id",
    "received_at",
    "channel",
    "category",
    "description",
    "address",
    "landmark",
    "longitude",
    "latitude",
    "stated_ward",
    "stated_district",
    "urgency",
    "appointment_start",
    "appointment_end",
    "contact_wanted",
    "tagged_on",
    "reporter_name",
    "reporter_kana",
    "reporter_phone",
    "reporter_address",
    "reporter_role",
    "reporter_consent",
)
# Read for their own sake by other tools; harmless here.
OTHER_FIELDS = ("due",)
NATIVE_REQUIRED = ("category", "description")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportMapping:
    """
    How rows become consultations.

    `columns` maps our fields to their columns; `values` maps their words to ours,
    field by field; `defaults` fills what the file does not say.
    """

    source: str = "file"
    channel: Channel = Channel.FILE
    time_format: str = ""
    columns: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({name: name for name in FIELDS})
    )
    defaults: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    is_native: bool = True

    def required_columns(self) -> tuple[str, ...]:
        """Columns without which the file is refused as a whole."""
        if self.is_native:
            return NATIVE_REQUIRED
        return tuple(self.columns.values())


def read_mapping(file: Path) -> ImportMapping:
    """
    Read a mapping file (TOML).

    Raises
    ------
    SourceError
        When it cannot be read or names a field that we do not have.
    """
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        columns = dict(data["columns"])
        unknown = sorted(set(columns) - {*FIELDS, *OTHER_FIELDS})
        if unknown:
            message = f"{file}: [columns] names unknown fields: {', '.join(unknown)}"
            raise SourceError(message)
        return ImportMapping(
            source=str(data.get("source", file.stem)),
            channel=Channel(data.get("channel", "file")),
            time_format=str(data.get("time_format", "")),
            columns=MappingProxyType(columns),
            defaults=MappingProxyType(dict(data.get("defaults", {}))),
            values=MappingProxyType(dict(data.get("values", {}))),
            is_native=False,
        )
    except (OSError, ValueError, KeyError, TypeError) as problem:
        message = f"{file}: not a mapping file ({problem})"
        raise SourceError(message) from problem
