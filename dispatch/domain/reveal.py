"""What is written down when a personal field is shown, searched for or erased."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from dispatch.domain.case_chart import ChartEntry
from dispatch.domain.reporter import PersonalField


class RevealPurpose(StrEnum):
    """What the personal fields were touched for (用途)."""

    PAGE = "page"  # shown on the chart's page
    SHEET = "sheet"  # the call-back number on a printed route sheet
    SEARCH = "search"  # charts of a phone number looked up; nothing shown
    ERASURE = "erasure"  # erased; nothing shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Reveal:
    """
    One line of the record of reveals (閲覧記録): appended only, never a value.

    `chart_id` is empty for a search that found nothing. `fields` are those that the
    chart had of those that were touched.
    """

    at: dt.datetime
    who: str
    why: str
    purpose: RevealPurpose
    chart_id: str = ""
    fields: tuple[PersonalField, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """
    A wish to touch one chart's fields, with the line that its history gets.

    `wanted` are the fields asked for.
    """

    chart_id: str
    wanted: tuple[PersonalField, ...]
    entry: ChartEntry


FIELD_NAMES = {
    PersonalField.NAME: "氏名",
    PersonalField.KANA: "カナ",
    PersonalField.PHONE: "電話",
    PersonalField.ADDRESS: "住所",
    PersonalField.ROLE: "町会役職",
}
