"""Reading a file to import: CSV or XLSX to rows of texts; nothing of it is trusted."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from dispatch.domain.errors import InvalidInputError

ENCODINGS = ("utf-8-sig", "cp932")
# Columns that a file of refused rows has beside the sender's own; not read again.
FIELD_COLUMN, PROBLEM_COLUMN = "欄", "直すところ"
TOLD_COLUMNS = (FIELD_COLUMN, PROBLEM_COLUMN)
# Limits of one file, all proposals: four times the biggest load that was asked for,
# and what a workbook of that many rows may unpack to.
MAX_ROWS = 200_000
MAX_UNPACKED_BYTES = 400_000_000
MAX_RATIO = 200  # unpacked to packed; sheets of Excel reach about 30
RATIO_FROM_BYTES = 1_000_000  # smaller parts cannot hurt, however they are packed
DOCTYPE = "<!DOCTYPE"
HEAD_BYTES = 4_096  # of a part: a document type stands before all else
HEADER_ROWS = 1
EXCEL_NAMES = (".xlsx", ".xlsm")
# What openpyxl raises on a file that is cut off, damaged, or has no sheet of cells.
DAMAGED_XLSX = (
    zipfile.BadZipFile,
    zlib.error,
    InvalidFileException,
    SyntaxError,  # what every reader of XML raises is one
    LookupError,
    AttributeError,
    TypeError,
    ValueError,  # what defusedxml raises at an entity is one
    OSError,
    EOFError,
)

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRows:
    """
    What stands in a file.

    `names` are the columns in their order, `encoding` that of a CSV; empty for a
    workbook.
    """

    names: tuple[str, ...]
    rows: list[Row]
    encoding: str = ""


def read_rows(name: str, content: bytes) -> list[Row]:
    """
    Rows of a CSV (UTF-8 or CP932) or XLSX file as texts by column.

    Raises
    ------
    InvalidInputError
        When the file is neither, is cut off, or has no header.
    """
    return read_file(name, content).rows


def read_file(name: str, content: bytes) -> FileRows:
    """
    Rows of a file with its columns and encoding, see `read_rows`.

    Raises
    ------
    InvalidInputError
        The same.
    """
    if is_workbook(name):
        names, lines = _xlsx_lines(content)
        rows: list[Row] = [dict(zip(names, line, strict=False)) for line in lines]
        while rows and not any(rows[-1].values()):  # Excel keeps formatted empty rows
            rows.pop()
        return FileRows(names=tuple(names), rows=rows)
    return _csv_file(content)


def read_names(name: str, content: bytes) -> tuple[str, ...]:
    """
    Columns of a file, as quickly as can be; the rows may still turn out damaged.

    Raises
    ------
    InvalidInputError
        When no header can be read.
    """
    if is_workbook(name):
        return tuple(_xlsx_header(content))
    text, _ = _decoded(content)
    return tuple(_header(_csv_reader(text).fieldnames or ()))


def is_workbook(name: str) -> bool:
    """Whether a file calls itself a workbook of Excel."""
    return name.lower().endswith(EXCEL_NAMES)


def _csv_file(content: bytes) -> FileRows:
    text, encoding = _decoded(content)
    try:
        reader = _csv_reader(text)
        names = _header(reader.fieldnames or ())
        rows: list[Row] = []
        for at, row in enumerate(reader, start=1 + HEADER_ROWS):
            _require_few(len(rows))
            rows.append(_csv_row(names, row, at))
    except csv.Error as problem:
        raise _no_csv() from problem
    return FileRows(names=tuple(names), rows=rows, encoding=encoding)


def _csv_reader(text: str) -> csv.DictReader[str]:
    if "\0" in text:
        raise InvalidInputError("file", "文字ではないデータが入っています(CSVではない)")
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        _ = reader.fieldnames
    except csv.Error as problem:
        raise _no_csv() from problem
    return reader


def _no_csv() -> InvalidInputError:
    return InvalidInputError(
        "file", "CSVとして読めません(引用符が閉じていないか、途中で切れています)"
    )


def _require_few(num_rows: int) -> None:
    if num_rows >= MAX_ROWS:
        problem = f"1つのファイルは{MAX_ROWS:,}行までです。分けて送ってください"
        raise InvalidInputError("file", problem)


def _header(cells: Sequence[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if not any(names):
        raise InvalidInputError("file", "空のファイルです。1行目に列名が必要です")
    twice = sorted(name for name, n in Counter(names).items() if name and n > 1)
    if twice:
        raise InvalidInputError("header", f"同じ列名が2回あります: {', '.join(twice)}")
    return names


def _csv_row(names: Sequence[str], row: Mapping[str | None, object], at: int) -> Row:
    if None in row:
        raise InvalidInputError("file", "列の数が見出しより多い行です", row=at)
    values = [str(value) if value is not None else "" for value in row.values()]
    return dict(zip(names, values, strict=True))


def _decoded(content: bytes) -> tuple[str, str]:
    for encoding in ENCODINGS:
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    problem = "文字コードが UTF-8 でも CP932(Shift_JIS) でもありません"
    raise InvalidInputError("file", problem)


def _xlsx_lines(content: bytes) -> tuple[list[str], list[list[str]]]:
    lines: list[list[str]] = []
    for line in _xlsx_cells(content):
        _require_few(len(lines) - HEADER_ROWS)
        lines.append(line)
    return _header(lines[0] if lines else ()), lines[1:]


def _xlsx_header(content: bytes) -> list[str]:
    return _header(next(_xlsx_cells(content), []))


def _xlsx_cells(content: bytes) -> Iterator[list[str]]:
    """
    Cells of the first sheet, line by line.

    A formula counts with the value that Excel kept beside it; nothing is computed.
    """
    try:
        _require_unpackable(content)
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        try:
            for line in book.worksheets[0].iter_rows(values_only=True):
                yield [_cell_text(cell) for cell in line]
        finally:
            book.close()
    except InvalidInputError:
        raise
    except DAMAGED_XLSX as problem:
        raise InvalidInputError("file", "Excelファイルとして読めません") from problem


def _require_unpackable(content: bytes) -> None:
    """Refuse what would unpack to far more than a sheet of rows, and entities."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        parts = packed.infolist()
        has_doctype = any(_has_doctype(packed, part) for part in parts)
    is_bomb = sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES or any(
        part.file_size > RATIO_FROM_BYTES
        and part.file_size > MAX_RATIO * max(1, part.compress_size)
        for part in parts
    )
    if has_doctype:  # Excel writes none: whoever does wants something read or grown
        raise InvalidInputError("file", "Excelが作ったファイルではありません(DOCTYPE)")
    if is_bomb:
        problem = "展開すると大きすぎるExcelファイルです。行を分けて送ってください"
        raise InvalidInputError("file", problem)


def _has_doctype(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    with packed.open(part) as file:
        head = file.read(HEAD_BYTES)
    return any(DOCTYPE.encode(code) in head for code in ("utf-8", "utf-16-le"))


def _cell_text(cell: object) -> str:
    match cell:
        case None:
            return ""
        case str():
            return cell
        case dt.datetime() | dt.date():
            return cell.isoformat()
        case float() if cell.is_integer():
            return str(int(cell))
        case _:
            return str(cell)
