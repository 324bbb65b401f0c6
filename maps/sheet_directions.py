"""The turns of a sheet (道順): one row a leg, dealt out to half pages that they fit."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from dispatch.domain.travel import TravelLevel
from maps.sheet_data import SheetData, SheetLeg
from maps.sheet_signs import text_em

MOST_LINES, FEWEST_LINES = 6, 2
# A day of twelve stops has thirteen legs: they may take one sheet of paper more.
LEGS_PER_PAGE = 13
LINE_MM, LEADING_MM = 10 / 72 * 25.4, 2.6 / 72 * 25.4
PADDING_MM = 2.6
# The lower half page has 132.5 mm; heading and column titles take 13 mm.
ROOM_MM = 119.0
# The column has 124 mm; letters may be a little wider than guessed.
LINE_EM = 122.0 / LINE_MM
NEXT = "→"
# A turn is set unbroken, unless a hostile name makes it longer than this.
UNBROKEN = 24
SHORT_WORDS = MappingProxyType(
    {
        TravelLevel.ROAD_GRAPH: "short_graph",
        TravelLevel.STRAIGHT_LINE: "short_straight",
    }
)


def level_mark(level: TravelLevel, words: Mapping[str, str]) -> str:
    """Say shortly that a time is not a road engine's: (簡易), (直線)."""
    key = SHORT_WORDS.get(level)
    return "" if key is None else words["level_mark"].format(text=words[key])


def direction_halves(
    sheet: SheetData, words: Mapping[str, str], clean: Callable[[str], str]
) -> list[dict[str, Any]]:
    """
    Word the legs and deal them out to half pages, in order.

    Parameters
    ----------
    clean
        Makes any text one printable line.

    Returns
    -------
    list[dict]
        Half pages; none when no leg has directions. Rows have fixed heights, so
        that nothing meets the fold: up to six lines of turns, fewer where a day of
        twelve stops would else need more than two half pages.
    """
    if not any(leg.directions.strip() for leg in sheet.legs):
        return []
    names = [words["base"], *(str(stop.order) for stop in sheet.stops), words["base"]]
    places = [*(stop.place_text for stop in sheet.stops), words["base"]]
    rows: list[dict[str, Any]] = [
        {
            "leg": clean(f"{names[at]}→{names[at + 1]}"),
            "place": clean(places[at]),
            "figures": _figures(leg, words),
            "left": words["arrives_left"] if leg.arrives_left else "",
            "turns": _turns(_told(leg, clean(leg.directions), words)),
        }
        for at, leg in enumerate(sheet.legs)
    ]
    note = _note([leg.level for leg in sheet.legs if not leg.walked], words)
    return [
        {"kind": "directions", "note": note, "rows": group} for group in _dealt(rows)
    ]


def _told(leg: SheetLeg, turns: str, words: Mapping[str, str]) -> str:
    if leg.walked:
        return words["leg_on_foot"]
    return turns or words["no_directions"]


def _figures(leg: SheetLeg, words: Mapping[str, str]) -> str:
    if leg.walked:
        word = words["leg_walk" if leg.drive_min else "same_place"]
        return word.format(metres=round(leg.km * 1000), n=leg.drive_min)
    figures = words["leg_figures"].format(km=f"{leg.km:.1f}", n=leg.drive_min)
    return figures + level_mark(leg.level, words)


def _turns(directions: str) -> list[dict[str, Any]]:
    """Part the turns: each stays whole where the line can hold it."""
    turns = re.split(f"(?<={NEXT})", directions)
    return [{"text": turn, "whole": len(turn) <= UNBROKEN} for turn in turns if turn]


def _note(levels: Sequence[TravelLevel], words: Mapping[str, str]) -> str:
    """Say how good the times are, and what the marks beside them mean."""
    found = set(levels)
    texts = {
        TravelLevel.ROAD: words["estimated_road"],
        TravelLevel.ROAD_GRAPH: words["estimated_graph"],
        TravelLevel.STRAIGHT_LINE: words["estimated"],
    }
    told = []
    for level, text in texts.items():
        mark = level_mark(level, words).strip()
        if level in found:
            told.append(f"{mark} = {text}" if mark else text)
    return words["directions_note"].format(text="、".join(told))


def _dealt(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Give each row as many lines as the allowed half pages hold."""
    allowed = 2 * math.ceil(len(rows) / LEGS_PER_PAGE)
    most_lines = MOST_LINES
    # It ends: a half page holds seven rows of three lines, and 6.5 are asked for.
    while len(halves := _filled(rows, most_lines)) > allowed:
        most_lines -= 1
    return halves


def _filled(rows: list[dict[str, Any]], most_lines: int) -> list[list[dict[str, Any]]]:
    """Fill half page after half page, no row with more lines than told."""
    halves: list[list[dict[str, Any]]] = [[]]
    left_mm = ROOM_MM
    for row in rows:
        lines = min(max(_lines(row["turns"]), FEWEST_LINES), most_lines)
        high_mm = lines * LINE_MM + (lines - 1) * LEADING_MM + PADDING_MM
        if high_mm > left_mm:
            halves.append([])
            left_mm = ROOM_MM
        left_mm -= high_mm
        halves[-1].append({**row, "lines": lines, "high_mm": round(high_mm, 2)})
    return halves


def _lines(turns: Sequence[Mapping[str, Any]]) -> int:
    """Count the lines that the turns take, at the widest that the letters may be."""
    used_em = 0.0
    for turn in turns:
        wide_em, line = text_em(turn["text"]), used_em % LINE_EM
        if turn["whole"] and line + wide_em > LINE_EM:
            used_em += LINE_EM - line
        used_em += wide_em
    return math.ceil(used_em / LINE_EM)
