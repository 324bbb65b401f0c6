"""What a reader of a published file is given: the source's settings and the city."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geodata.bundle.records import (
    AreaRecord,
    Layer,
    LayerRead,
    SchoolRecord,
    TownRecord,
)
from geodata.city import CityProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConfig:
    """
    One source of a bundle, as its configuration describes it.

    Parameters
    ----------
    id
        Unique in the configuration; refusals and the manifest name it.
    layer
        What it holds.
    format
        Which reader reads it.
    file
        The published file; None for a format that reads an installed package or the
        city's profile.
    title, publisher, attribution, licence, date, url
        Kept in the manifest; `date` is the date of the content as the publisher
        writes it. `shown_text` is the sentence for maps and pages.
    sha256
        Expected checksum; empty when it is not known beforehand.
    encoding
        Text encoding when the format leaves it open; empty for the format's own.
    is_partial
        Whether the source lacks things that exist: then "not in the data" proves
        nothing.
    is_approximate
        Whether its shapes are estimates, which is to be said wherever they are shown.
    is_synthetic
        Whether its rows are invented; only a test bundle takes them.
    is_optional
        Whether the bundle is built without it when the file is not there.
    valid_from, valid_to
        Days from and to which its areas hold, both included.
    columns
        Our name of a column to the file's, for formats that leave it open.
    options
        Further settings that only its reader knows.
    """

    id: str
    layer: Layer
    format: str
    title: str
    publisher: str
    licence: str
    date: str
    file: Path | None = None
    attribution: str = ""
    url: str = ""
    shown_text: str = ""
    sha256: str = ""
    encoding: str = ""
    is_partial: bool = False
    is_approximate: bool = False
    is_synthetic: bool = False
    is_optional: bool = False
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadContext:
    """The city, and what sources before this one gave (layers in their order)."""

    profile: CityProfile
    towns: tuple[TownRecord, ...] = ()
    wards: tuple[AreaRecord, ...] = ()
    schools: tuple[SchoolRecord, ...] = ()


Reader = Callable[[SourceConfig, ReadContext], LayerRead[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format: the layers that it can hold and the function that reads it."""

    layers: frozenset[Layer]
    read: Reader
    needs_file: bool = True
