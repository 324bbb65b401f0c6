"""The printed route sheet: one A4 PDF for each team, set by typst from JSON data."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import typst

from dispatch.domain.errors import InvalidInputError, SourceError
from maps.sheet_words import sheet_json

FONT_FAMILY = "BIZ UDPGothic"


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetStop:
    """
    One stop as it is printed; texts are ready to read and may be hostile.

    Parameters
    ----------
    order, chart_id, chart_number
        Number in the route; opaque id for the QR code; number people say.
    planned_start, planned_end
        Clock times such as ``9:05``.
    urgency
        ``S``, ``A``, ``B`` or ``C``.
    place_text, landmark, district, category
        Where it is and what kind of work.
    instruction, materials, minutes, cautions
        What to do, with what, for how long, and what to mind.
    lon, lat, radius_m
        Point in degrees and how uncertain it is.
    drive_min
        Minutes of travel from the stop before.
    call_back
        Telephone number, only when the caller is to be called.
    changed, late
        Marked after a re-plan; will be late by the plan.
    """

    order: int
    chart_id: str
    chart_number: str
    planned_start: str
    planned_end: str
    urgency: str
    place_text: str
    landmark: str
    district: str
    category: str
    instruction: str
    materials: str
    minutes: int
    cautions: tuple[str, ...]
    lon: float
    lat: float
    radius_m: float
    drive_min: int
    call_back: str | None = None
    changed: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetData:
    """
    One team's day as it is printed.

    Parameters
    ----------
    date_text, date_iso, office, office_tel, team, vehicle, crew_text
        Who works when; `date_text` is in the era calendar.
    plan_version, printed_at
        Which plan, and when it was printed (given: nothing here reads the clock).
    depart, return_, lunch
        Planned clock times.
    total_drive_min, total_km, travel_note
        Travel of the day and how it was estimated.
    base_url
        Address of the service; a QR code is `base_url` + ``/c/`` + chart id.
    base_lon, base_lat, stops, wards
        Depot, stops in order, and (name, ring) of the wards for the map.
    attribution
        The line that names the data sources.
    """

    date_text: str
    date_iso: str
    office: str
    office_tel: str
    team: str
    vehicle: str
    crew_text: str
    plan_version: int
    printed_at: str
    depart: str
    return_: str
    lunch: str
    total_drive_min: int
    total_km: float
    travel_note: str
    base_url: str
    base_lon: float
    base_lat: float
    stops: tuple[SheetStop, ...]
    wards: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]
    attribution: str


def sheet_labels(language: str = "ja") -> dict[str, str]:
    """Read the words of the sheet that are shipped for a language (ja, en)."""
    templates = resources.files("maps") / "templates"
    table = templates / f"route_sheet_{language}.toml"
    if not re.fullmatch("[a-z]{2}", language) or not table.is_file():
        field, problem = "language", "no route sheet words for it; use ja or en"
        raise InvalidInputError(field, problem)
    return {
        key: str(text)
        for key, text in tomllib.loads(table.read_text(encoding="utf-8")).items()
    }


def render_sheets(
    sheets: Sequence[SheetData], *, fonts_dir: Path, labels: Mapping[str, str]
) -> list[bytes]:
    """
    Set one A4 PDF for each team.

    Parameters
    ----------
    sheets
        The teams' days, in the order of the answer.
    fonts_dir
        Folder that holds the BIZ UDPGothic fonts, at any depth.
    labels
        Words that replace the Japanese ones of ``route_sheet_ja.toml``.

    Returns
    -------
    list[bytes]
        PDF files. Equal input gives equal bytes.

    Raises
    ------
    InvalidInputError
        When a label is not one of the sheet's words.
    SourceError
        When the folder does not hold the font.
    """
    words = sheet_labels()
    if unknown := sorted(set(labels) - set(words)):
        field = f"labels.{unknown[0]}"
        raise InvalidInputError(field, "the route sheet has no such label")
    words |= labels
    fonts = typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(fonts_dir)],
    )
    if FONT_FAMILY not in fonts.families():
        problem = f"no {FONT_FAMILY} font in the fonts folder"
        raise SourceError(problem)
    template = resources.files("maps") / "templates" / "route_sheet.typ"
    compiler = typst.Compiler(font_paths=fonts)
    markup = template.read_bytes()
    return [_compiled(compiler, markup, sheet_json(sheet, words)) for sheet in sheets]


def _compiled(compiler: typst.Compiler, markup: bytes, data: str) -> bytes:
    """Set one sheet."""
    # typst 0.15.2 forgets markup given as bytes after one run: give it each time.
    # A fixed timestamp keeps the clock out of the file.
    pdf = compiler.compile(
        input=markup, format="pdf", sys_inputs={"data": data}, timestamp=0
    )
    if not isinstance(pdf, bytes):  # pragma: no cover - only PNG comes in pages
        problem = "typst gave no single PDF"
        raise TypeError(problem)
    return pdf
