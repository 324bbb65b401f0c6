"""The form of a site's conditions: what was typed, and what the dispatcher means."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from starlette.datastructures import FormData

from api.closure_schemas import clock_seconds
from dispatch.domain.errors import InvalidInputError, NotFoundError
from dispatch.domain.site_conditions import AfterChart, SiteConditions
from dispatch.domain.visit import ForbiddenHours, TimeWindow

CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00")
METRES = re.compile(r"[0-9](\.[0-9]{1,2})?")
WHOLE = re.compile(r"[0-9]{1,6}")
DAYS = "days"
CM_PER_M = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionsForm:
    """
    What a browser sent, surrounding spaces aside.

    Parameters
    ----------
    values
        Single fields by name.
    rows
        Fields that stand there several times, each row its parts in order.
    """

    values: dict[str, str]
    rows: dict[str, tuple[tuple[str, ...], ...]]

    @classmethod
    def read(cls, form: FormData) -> Self:
        """Take what was sent; a row that is wholly empty is none."""
        parts = {
            "forbidden": ("forbidden_start", "forbidden_end"),
            "windows": ("window_start", "window_end"),
            "after": ("after_number", "after_gap", "after_unit"),
            "materials": ("material_name", "material_count"),
            "tools": ("tool",),
        }
        return cls(
            values={name: _plain(str(text)) for name, text in form.items()},
            rows={
                name: tuple(
                    row
                    for row in zip(
                        *([_plain(str(t)) for t in form.getlist(part)] for part in of),
                        strict=False,
                    )
                    if any(row)
                )
                for name, of in parts.items()
            },
        )

    @property
    def version(self) -> int:
        """Version of the chart that was looked at; 0 when it is none."""
        return int(self._whole("version", "form", "版が読めません") or 0)

    def to_conditions(self, id_of_number: Callable[[str], str]) -> SiteConditions:
        """
        Turn what was typed into conditions.

        Parameters
        ----------
        id_of_number
            Id of the chart of a running number; NotFoundError when there is none.

        Raises
        ------
        InvalidInputError
            For what cannot be read or breaks a rule, naming the field.
        """
        return SiteConditions(
            num_teams=self._whole(
                "num_teams", "num_teams", "班の数を数で入れてください"
            ),
            forbidden=tuple(
                ForbiddenHours(start_s=start_s, end_s=end_s)
                for start_s, end_s in self._hours("forbidden")
            ),
            max_width_cm=self._width_cm(),
            after=self._after(id_of_number),
            tools=tuple(sorted(tool for (tool,) in self.rows["tools"])),
            materials=self._materials(),
            windows=tuple(
                TimeWindow(start_s=start_s, end_s=end_s)
                for start_s, end_s in self._hours("windows")
            ),
        )

    def _whole(self, name: str, field: str, problem: str) -> int | None:
        text = self.values.get(name, "")
        if not text:
            return None
        return _whole(text, field, problem)

    def _width_cm(self) -> int | None:
        text = self.values.get("max_width", "").removesuffix("m")
        if not text:
            return None
        if not METRES.fullmatch(text):
            raise InvalidInputError("max_width_cm", "メートルで入れてください(例: 2.0)")
        return round(float(text) * CM_PER_M)

    def _hours(self, name: str) -> list[tuple[int, int]]:
        rows = self.rows[name]
        if any(not CLOCK.fullmatch(text) for row in rows for text in row):
            problem = "始めと終わりの時刻を、どちらも入れてください(例: 8:00)"
            raise InvalidInputError(name, problem)
        return [(clock_seconds(start), clock_seconds(end)) for start, end in rows]

    def _after(self, id_of_number: Callable[[str], str]) -> tuple[AfterChart, ...]:
        found = []
        for number, gap, unit in self.rows["after"]:
            if not number:
                if gap:
                    problem = "先に行う相談の番号を入れてください"
                    raise InvalidInputError("after", problem)
                continue
            try:
                chart_id = id_of_number(number.upper())
            except NotFoundError:
                problem = "先に行う相談が見つかりません"
                raise InvalidInputError("after", problem) from None
            length = _whole(gap or "0", "after", "間隔を数で入れてください")
            is_days = unit == DAYS
            found.append(
                AfterChart(
                    chart_id=chart_id,
                    gap_min=0 if is_days else length,
                    gap_days=length if is_days else 0,
                )
            )
        return tuple(found)

    def _materials(self) -> tuple[tuple[str, int], ...]:
        problem = "個数を数で入れてください"
        counted = (
            (name, _whole(count, "materials", problem))
            for name, count in self.rows["materials"]
            if count
        )
        return tuple(sorted((name, count) for name, count in counted if count))


def _plain(text: str) -> str:
    """Text with usual digits and signs, without surrounding spaces."""
    return unicodedata.normalize("NFKC", text).strip()


def _whole(text: str, field: str, problem: str) -> int:
    if not WHOLE.fullmatch(text):
        raise InvalidInputError(field, problem)
    return int(text)
