"""Refused rows as a file: the sender's own cells, and beside them what to mend."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from api.import_file import HEADER_ROWS, TOLD_COLUMNS, FileRows
from dispatch.domain.import_job import RowRefusal

UNICODE = "utf-8-sig"  # Excel opens it right


def as_csv(file: FileRows, refusals: Sequence[RowRefusal]) -> bytes:
    """
    Refused rows as CSV in the encoding of the file, in its order of columns.

    The cells are the sender's to the letter: mended, the file can be sent again.
    """
    target = io.StringIO(newline="")
    csv.writer(target).writerows(_lines(file, refusals))
    # Words of ours that an old encoding lacks become `?`; the sender's came from it.
    return target.getvalue().encode(file.encoding or UNICODE, errors="replace")


def as_workbook(file: FileRows, refusals: Sequence[RowRefusal]) -> bytes:
    """Refused rows as a workbook; every cell is text, so nothing is computed."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("直すところ")
    for line in _lines(file, refusals):
        cells = []
        for text in line:
            cell = WriteOnlyCell(sheet)
            cell.value = text
            cell.data_type = "s"  # a text that begins with = is no formula
            cell.number_format = "@"
            cells.append(cell)
        sheet.append(cells)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _lines(file: FileRows, refusals: Sequence[RowRefusal]) -> Iterator[list[str]]:
    own = [name for name in file.names if name not in TOLD_COLUMNS]
    yield [*TOLD_COLUMNS, *own]
    first = 1 + HEADER_ROWS
    for one in refusals:
        row = file.rows[one.row - first]
        yield [one.field, one.problem, *(row.get(name, "") for name in own)]
