"""The printed route sheet: one A4 PDF for each team, set by typst from JSON data."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import typst

from dispatch.domain.errors import InvalidInputError, SourceError
from maps.road_lines import MapClosure
from maps.sheet_data import SheetData, SheetLeg, SheetStop
from maps.sheet_words import sheet_json

__all__ = [
    "MapClosure",
    "SheetData",
    "SheetLeg",
    "SheetStop",
    "render_sheets",
    "sheet_labels",
]

FONT_FAMILY = "BIZ UDPGothic"


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
