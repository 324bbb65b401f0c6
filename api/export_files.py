"""Files of a table: CSV and XLSX for spreadsheets; the maps' formats beside them."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from api.closure_view import plain_cell
from dispatch.domain.exported import (
    ExportFormat,
    ExportTable,
    Kind,
    Value,
)
from maps.geo_files import as_gpkg, geojson_parts

MEDIA_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.XLSX: (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    ),
    ExportFormat.GEOJSON: "application/geo+json",
    ExportFormat.GPKG: "application/geopackage+sqlite3",
}
LINES_AT_ONCE = 500
# Widths of columns in characters.
WIDTHS = {
    Kind.TEXT: 18,
    Kind.INTEGER: 10,
    Kind.NUMBER: 12,
    Kind.DATE: 12,
    Kind.MOMENT: 18,
}
# The same rows give the same bytes: no time of writing stands in a workbook.
NO_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a ZIP file can tell
WRITTEN_AT = re.compile(rb"(<\w+:(created|modified)[^>]*>)[^<]*(?=</)")
FIXED_AT = rb"\g<1>1980-01-01T00:00:00Z"


def file_parts(
    table: ExportTable, file_format: ExportFormat, *, epsg: int
) -> Iterator[bytes]:
    """
    Bytes of a file, part by part; CSV and GeoJSON no faster than the rows are read.

    Parameters
    ----------
    table
        What is written; its rows are used up.
    file_format
        How.
    epsg
        Geographic reference system of the shapes.
    """
    match file_format:
        case ExportFormat.CSV:
            yield from csv_parts(table)
        case ExportFormat.GEOJSON:
            yield from geojson_parts(table)
        case ExportFormat.XLSX:
            yield as_workbook(table)
        case ExportFormat.GPKG:
            yield as_gpkg(table, epsg=epsg)


def csv_parts(table: ExportTable) -> Iterator[bytes]:
    """Rows as CSV: UTF-8 with the mark, for Excel takes it only so; CRLF."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(column.name for column in table.columns)
    yield target.getvalue().encode("utf-8-sig")
    target.seek(0)
    target.truncate()
    for number, row in enumerate(table.rows, start=1):
        writer.writerow(map(_csv_cell, row.cells))
        if number % LINES_AT_ONCE == 0:
            yield target.getvalue().encode()
            target.seek(0)
            target.truncate()
    yield target.getvalue().encode()


def as_workbook(table: ExportTable) -> bytes:
    """Rows as a workbook: the heading stays, codes are texts, times are local."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(str(table.dataset))
    sheet.freeze_panes = "A2"
    for at, column in enumerate(table.columns, start=1):
        # full-width characters take twice the room
        width = max(WIDTHS[column.kind], 2 * len(column.name) + 2)
        sheet.column_dimensions[get_column_letter(at)].width = width
    heading = [WriteOnlyCell(sheet, value=column.name) for column in table.columns]
    for cell in heading:
        cell.font = Font(bold=True)
    sheet.append(heading)
    for row in table.rows:
        sheet.append([_workbook_cell(sheet, value) for value in row.cells])
    target = io.BytesIO()
    book.save(target)
    return _without_times(target.getvalue())


def _csv_cell(value: Value) -> Value:
    if isinstance(value, str):
        return plain_cell(value)
    return value.isoformat() if isinstance(value, (dt.date, dt.datetime)) else value


def _workbook_cell(sheet: Any, value: Value) -> Any:  # noqa: ANN401 - openpyxl's types
    """Give a value as openpyxl writes it: a text never as a formula."""
    if isinstance(value, dt.datetime):
        # Excel knows no offsets: the city's clock
        return value.replace(tzinfo=None)
    if isinstance(value, str) and value.startswith("="):
        cell = WriteOnlyCell(sheet, value=value)
        cell.data_type = "s"
        return cell
    return value if value != "" else None


def _without_times(content: bytes) -> bytes:
    """Write a workbook's ZIP file anew, with no time of writing anywhere."""
    target = io.BytesIO()
    with ZipFile(io.BytesIO(content)) as given, ZipFile(target, "w") as made:
        for name in given.namelist():
            member = ZipInfo(name, NO_TIME)
            member.compress_type = ZIP_DEFLATED
            data = given.read(name)
            if name == "docProps/core.xml":
                data = WRITTEN_AT.sub(FIXED_AT, data)
            made.writestr(member, data)
    return target.getvalue()
