"""What one route sheet says, worded and dealt out to half pages, as JSON for typst."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import segno

from maps.road_lines import MapClosure, MapLeg
from maps.sheet_data import SheetData, SheetStop
from maps.sheet_directions import direction_halves, level_mark
from maps.sheet_map import RING_FROM_M, MapStop, SheetMap, sheet_map_svg

STOPS_PER_HALF = 3
MAP_SIZE_MM = (190.0, 93.0)
# More than any field can show: the chart holds the rest, the sheet ends with "…".
LONGEST_TEXT = 400
# A run without a space would leave its column: it may be broken every 20 letters.
UNBROKEN = re.compile(r"[!-~]{20}(?=[!-~])")
DROPPED = frozenset({"Cc", "Cf", "Cs", "Cn"})
SPACES = re.compile(r"\s+")


def sheet_json(sheet: SheetData, words: Mapping[str, str]) -> str:
    """Write all that is printed as JSON: words never become markup."""
    data = {
        "words": {key: _clean(text) for key, text in words.items()},
        "sheet": _header(sheet, words),
        "pages": _pages(sheet, words),
        "map": _map(sheet, words) if sheet.stops else "",
    }
    return json.dumps(data, ensure_ascii=False)


def _header(sheet: SheetData, words: Mapping[str, str]) -> dict[str, str]:
    """Word the lines that belong to the whole sheet."""
    version = words["plan_version"].format(n=sheet.plan_version)
    printed = words["printed_at"].format(text=sheet.printed_at)
    figures = words["travel_value"].format(
        minutes=sheet.total_drive_min, km=f"{sheet.total_km:.1f}"
    )
    travel = f"{words['travel']} {figures}  {sheet.travel_note}"
    texts = {
        "title": f"{words['title']} {sheet.date_iso} {sheet.office} {sheet.team}",
        "date_text": sheet.date_text,
        "date_iso": sheet.date_iso,
        "version": version,
        "office": sheet.office,
        "telephone": words["telephone"].format(text=sheet.office_tel),
        "team": sheet.team,
        "vehicle": words["vehicle"].format(text=sheet.vehicle),
        "crew": words["crew"].format(text=sheet.crew_text),
        "depart": sheet.depart,
        "lunch": sheet.lunch,
        "return_time": sheet.return_,
        "count": words["stop_count_value"].format(n=len(sheet.stops)),
        "travel": travel,
        "footer_left": f"{sheet.office} {sheet.team} {sheet.date_text}",
        "footer_middle": f"{version} {printed}",
        "attribution": sheet.attribution,
    }
    return {key: _clean(text) for key, text in texts.items()}


def _pages(sheet: SheetData, words: Mapping[str, str]) -> list[dict[str, Any]]:
    """Deal the sheet out to half pages: the fold then meets nothing."""
    halves: list[dict[str, Any]] = [{"kind": "cover" if sheet.stops else "cover_empty"}]
    for first in range(0, len(sheet.stops), STOPS_PER_HALF):
        group = sheet.stops[first : first + STOPS_PER_HALF]
        rows = [_stop(stop, sheet.base_url, words) for stop in group]
        halves.append({"kind": "stops", "stops": rows})
    halves += direction_halves(sheet, words, _clean)
    halves.append({"kind": "closing"})
    if len(halves) % 2:
        # The approval boxes stay last: the free half for notes comes before them.
        halves.insert(-1, {"kind": "notes"})
    return [
        {"top": top, "bottom": bottom}
        for top, bottom in zip(halves[::2], halves[1::2], strict=True)
    ]


def _stop(
    stop: SheetStop, base_url: str, words: Mapping[str, str]
) -> dict[str, object]:
    """Word one stop's row."""
    late = [caution for caution in stop.cautions if words["overdue"] in caution]
    cautions = [_clean(text) for text in stop.cautions if text not in late]
    if stop.call_back is not None:
        cautions.insert(0, f"☎ {words['call_back']} {_clean(stop.call_back)}")
    landmark = f"{words['landmark']} {stop.landmark}" if stop.landmark.strip() else ""
    materials = f"{words['materials']} {stop.materials}"
    return {
        "order": stop.order,
        "start": _clean(stop.planned_start),
        "end": _clean(stop.planned_end),
        "urgency": _clean(stop.urgency),
        "drive": _way(stop, words),
        "minutes": words["work"].format(n=stop.minutes),
        "marks": _marks(stop, words),
        "bracket": _bracket(stop),
        "uncertain": _uncertain(stop, words),
        "place": _clean(stop.place_text),
        "where": _clean(" ".join(filter(None, (stop.district, landmark)))),
        "category": _clean(stop.category),
        "work": _clean(stop.instruction),
        "materials": _clean(materials) if stop.materials.strip() else "",
        "conditions": [_clean(text) for text in stop.conditions],
        "overdue": _clean("▲ " + "・".join(late).replace("▲", "")) if late else "",
        "cautions": cautions,
        "chart_number": _clean(stop.chart_number),
        "qr": _qr_svg(f"{base_url.rstrip('/')}/c/{stop.chart_id}"),
    }


def _way(stop: SheetStop, words: Mapping[str, str]) -> str:
    """Word the way from the stop before."""
    if stop.is_walked:
        return words["walk" if stop.drive_min else "same_place"].format(
            n=stop.drive_min
        )
    held = words["held"].format(n=stop.held_min) if stop.held_min else ""
    drive = words["drive"].format(n=stop.drive_min)
    return drive + held + level_mark(stop.drive_level, words)


def _marks(stop: SheetStop, words: Mapping[str, str]) -> list[str]:
    """Word the marks before the place; where the vehicle parks is told at the first."""
    marks = [words[key] for key in ("changed", "late") if getattr(stop, key)]
    if stop.bundle is not None:
        first, last = stop.bundle
        word = words["bundle_part" if stop.is_walked else "bundle"]
        marks.append(word.format(first=first, last=last))
    return marks


def _bracket(stop: SheetStop) -> str:
    """Tell which part of the bracket beside stops that belong together is drawn."""
    if stop.bundle is None:
        return ""
    ends = {stop.bundle[0]: "first", stop.bundle[1]: "last"}
    return ends.get(stop.order, "middle")


def _map(sheet: SheetData, words: Mapping[str, str]) -> str:
    """Draw the overview map of the sheet."""
    return sheet_map_svg(
        SheetMap(
            base=(sheet.base_lon, sheet.base_lat),
            stops=tuple(
                MapStop(
                    order=stop.order, lon=stop.lon, lat=stop.lat, radius_m=stop.radius_m
                )
                for stop in sheet.stops
            ),
            legs=tuple(MapLeg(path=leg.path, level=leg.level) for leg in sheet.legs),
            closures=tuple(_closure(closure) for closure in sheet.closures),
            wards=sheet.wards,
            estimated_text=words["estimated"],
            base_text=words["base"],
            closures_text=words["closures"],
            more_text=words["closures_more"],
        ),
        width_mm=MAP_SIZE_MM[0],
        height_mm=MAP_SIZE_MM[1],
    )


def _closure(closure: MapClosure) -> MapClosure:
    """Make the words of a closure printable."""
    return replace(
        closure,
        name=_clean(closure.name),
        reason_text=_clean(closure.reason_text),
        until_text=_clean(closure.until_text),
    )


def _qr_svg(address: str) -> str:
    """Draw a QR code, level M; the sheet leaves the quiet zone around it."""
    drawing = io.BytesIO()
    code = segno.make(address, error="m", micro=False, boost_error=False)
    code.save(drawing, kind="svg", border=0, xmldecl=False, omitsize=True)
    return drawing.getvalue().decode("ascii")


def _clean(text: str) -> str:
    """Make a text one printable line: no controls, no direction marks, no excess."""
    spaced = SPACES.sub(" ", text).strip()
    shown = "".join(c for c in spaced if unicodedata.category(c) not in DROPPED)
    if len(shown) > LONGEST_TEXT:
        shown = shown[: LONGEST_TEXT - 1] + "…"
    return UNBROKEN.sub("\\g<0>\u200b", shown)


def _uncertain(stop: SheetStop, words: Mapping[str, str]) -> str:
    """Say how far the place may lie, where that is worth a ring; else nothing."""
    if stop.radius_m <= RING_FROM_M:
        return ""
    return _clean(words["uncertain"].format(metres=round(stop.radius_m)))
