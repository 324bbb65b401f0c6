"""Monthly numbers as CSV and XLSX: the same rows, columns and names."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence

from openpyxl import Workbook
from openpyxl.styles import Font

from dispatch.domain.statistics import Dimension, Numbers
from dispatch.statistics_desk import MonthlyNumbers

Cell = str | int | float | None
DIMENSION_TEXT = {
    Dimension.WARD: "区",
    Dimension.OFFICE: "工営所",
    Dimension.DISTRICT: "校区",
    Dimension.CATEGORY: "分類",
}
NOBODY = "(なし・未確定)"
TOTAL = "合計"
HAND_OVER_HEADINGS = (
    *("送った側", "受けた側", "送った件数", "戻った件数"),
    *("受けた側にある件数(末日)", "最長(日)"),
)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


COLUMNS: tuple[tuple[str, Callable[[Numbers], Cell]], ...] = (
    ("受付", lambda n: n.received),
    ("一次対応", lambda n: n.responded),
    ("一次対応 中央値(時間)", lambda n: _rounded(n.median_response_h)),
    ("一次対応 90%(時間)", lambda n: _rounded(n.p90_response_h)),
    ("現場完了", lambda n: n.work_done),
    ("回答 期限内", lambda n: n.answered_in_time),
    ("回答 期限後", lambda n: n.answered_late),
    ("再受付", lambda n: n.reopened),
    ("移管", lambda n: n.handed_on),
    ("差戻", lambda n: n.returned),
    ("まとめて減った訪問", lambda n: n.merged),
    ("1件あたりの相談", lambda n: _rounded(n.contacts_per_chart)),
    ("未了(末日)", lambda n: n.open_at_end),
    ("期限超過(末日)", lambda n: n.overdue_at_end),
    ("回答遅れ(末日)", lambda n: n.answer_overdue_at_end),
    ("移管先にあり(末日)", lambda n: n.with_others_at_end),
    ("移管先 最長(日)", lambda n: n.oldest_with_others_days),
)


def table_of(
    numbers: MonthlyNumbers, names: Mapping[str, str]
) -> list[tuple[Cell, ...]]:
    """
    Rows of a table of numbers: head, one for each code or id, total.

    Parameters
    ----------
    names
        Names of the codes or ids; what has none shows itself.
    """
    head = ("コード", DIMENSION_TEXT[numbers.dimension], *(name for name, _ in COLUMNS))
    body = [
        (key, names.get(key, key) or NOBODY, *_cells(row))
        for key, row in numbers.rows.items()
    ]
    return [head, *body, ("", TOTAL, *_cells(numbers.total))]


def hand_over_table(
    numbers: MonthlyNumbers, names: Mapping[str, str]
) -> list[tuple[Cell, ...]]:
    """Rows of hand-overs: who passed on to whom, what came back, who has it now."""
    return [
        HAND_OVER_HEADINGS,
        *(
            (
                names.get(one.sender, one.sender) or "受付",
                one.receiver,
                one.sent,
                one.returned,
                one.held,
                one.oldest_days,
            )
            for one in numbers.hand_overs
        ),
    ]


def as_csv(rows: Sequence[Sequence[Cell]]) -> bytes:
    """Rows for Excel: UTF-8 with the mark, empty where there is nothing to count."""
    target = io.StringIO()
    csv.writer(target, lineterminator="\r\n").writerows(
        ["" if cell is None else cell for cell in row] for row in rows
    )
    return target.getvalue().encode("utf-8-sig")


def as_xlsx(sheets: Mapping[str, Sequence[Sequence[Cell]]]) -> bytes:
    """Sheets of a workbook, by their names; the first row of each is its head."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        sheet.freeze_panes = "C2"
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _cells(row: Numbers) -> tuple[Cell, ...]:
    return tuple(value(row) for _, value in COLUMNS)
