"""Voices as rows of a file or form: read with a report by row and column."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from api.import_file import HEADER_ROWS, Row
from api.importer import FALSE_WORDS, TRUE_WORDS
from dispatch.domain.catalogue import Catalogue
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.reporter import Reporter
from dispatch.domain.voice import Voice, VoiceKind, VoiceOrigin
from dispatch.voice_desk import RowProblem

FORM_ROWS = 8
# Our field -> heading of the file and of the form.
HEADINGS = {
    "subject": "件名",
    "category": "分類",
    "description": "内容",
    "address": "住所",
    "landmark": "目標物",
    "contact_wanted": "連絡希望",
    "reporter_name": "申出人の氏名",
    "reporter_kana": "申出人のカナ",
    "reporter_phone": "申出人の電話",
    "reporter_address": "申出人の住所",
    "reporter_role": "申出人の町会役職",
}
NEEDED = ("subject", "category")
ORIGIN_TEXT = {
    "ward": "区",
    "district": "校区",
    "meeting_on": "開催日・聞いた日",
    "kind": "どこで聞いたか",
    "who": "担当者",
    "voices": "声",
    "file": "ファイル",
}


def voices_of_file(
    rows: Sequence[Row], catalogue: Catalogue
) -> list[tuple[int, Voice | RowProblem]]:
    """
    Voices of a file's rows; what cannot be read is told by row (header = 1).

    Raises
    ------
    InvalidInputError
        When the file has no rows or lacks a needed column.
    """
    if not rows:
        raise InvalidInputError("file", "空のファイルです")
    missing = [HEADINGS[one] for one in NEEDED if HEADINGS[one] not in rows[0]]
    if missing:
        raise InvalidInputError("file", f"列がありません: {'、'.join(missing)}")
    found: list[tuple[int, Voice | RowProblem]] = []
    for number, row in enumerate(rows, start=HEADER_ROWS + 1):
        cells = {key: row.get(name, "").strip() for key, name in HEADINGS.items()}
        if any(cells.values()):
            found.append((number, _read(number, cells, catalogue)))
    return found


def voices_of_form(
    values: Mapping[str, str], catalogue: Catalogue
) -> list[tuple[int, Voice | RowProblem]]:
    """Voices of the form's rows that hold anything, by their number from 1."""
    found: list[tuple[int, Voice | RowProblem]] = []
    for number in range(1, FORM_ROWS + 1):
        cells = {key: values.get(f"{key}-{number}", "").strip() for key in HEADINGS}
        if any(cells.values()):
            found.append((number, _read(number, cells, catalogue)))
    return found


def origin_of(
    values: Mapping[str, str],
    *,
    wards: Mapping[str, str],
    districts: Mapping[str, str],
    district_wards: Mapping[str, str],
) -> VoiceOrigin:
    """
    Where the voices of a form were heard; names do as well as codes.

    Parameters
    ----------
    values
        `kind`, `ward`, `district`, `meeting_on`.
    wards, districts
        Names by code and id.
    district_wards
        Ward code of each district.

    Raises
    ------
    InvalidInputError
        Naming the field that is missing or unknown.
    """
    try:
        kind = VoiceKind(values.get("kind", ""))
    except ValueError:
        raise InvalidInputError("kind", "どこで聞いた声かを選んでください") from None
    is_officer = kind is VoiceKind.OFFICER
    district = values.get("district", "").strip() if is_officer else ""
    ward = _code("ward", values.get("ward", "").strip(), wards)
    if district and district not in districts:
        # two wards may have a school of one name
        own = {
            one: name
            for one, name in districts.items()
            if not ward or district_wards[one] == ward
        }
        district = _code("district", district, own)
    if district and not ward:
        ward = district_wards[district]
    return VoiceOrigin(
        kind=kind,
        ward_code=ward,
        district_id=district,
        meeting_on=_day(values.get("meeting_on", "")),
    )


def _code(field: str, text: str, names: Mapping[str, str]) -> str:
    if not text or text in names:
        return text
    codes = [code for code, name in names.items() if name == text]
    if len(codes) != 1:
        raise InvalidInputError(field, "名前が一覧にないか、2つ以上あります")
    return codes[0]


def _day(text: str) -> dt.date:
    if not text.strip():
        problem = "区政会議の開催日か、校区で聞いた日を入れてください"
        raise InvalidInputError("meeting_on", problem)
    try:
        return dt.date.fromisoformat(text.strip()[:10])
    except ValueError:
        problem = "日付として読めません(例: 2026-11-24)"
        raise InvalidInputError("meeting_on", problem) from None


def _read(
    number: int, cells: Mapping[str, str], catalogue: Catalogue
) -> Voice | RowProblem:
    """Voice of a row's cells, or what is wrong with it."""
    try:
        return Voice(
            subject=cells["subject"],
            category_code=category_code(cells["category"], catalogue),
            description=cells["description"],
            address_text=cells["address"],
            landmark_text=cells["landmark"],
            contact_wanted=_flag(cells["contact_wanted"]),
            reporter=Reporter(
                name=cells["reporter_name"],
                kana=cells["reporter_kana"],
                phone=cells["reporter_phone"],
                address=cells["reporter_address"],
                role=cells["reporter_role"],
            ),
        )
    except InvalidInputError as problem:
        return RowProblem(row=number, field=problem.field, problem=problem.problem)


def category_code(text: str, catalogue: Catalogue) -> str:
    """
    Code of a category's code or name; empty for nothing.

    Raises
    ------
    InvalidInputError
        When there is no such category.
    """
    for one in catalogue.categories:
        if text in (one.code, one.name):
            return one.code
    if text:
        problem = "分類の一覧にありません(番号か名前を入れてください)"
        raise InvalidInputError("category", problem)
    return ""


def heading_of(field: str) -> str:
    """Column that a field of a refusal stands in, as the sender knows it."""
    name = field.replace(".", "_")
    return HEADINGS.get(name) or ORIGIN_TEXT.get(name, name)


def _flag(text: str) -> bool:
    word = text.lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise InvalidInputError("contact_wanted", "要・不要で入れてください")
