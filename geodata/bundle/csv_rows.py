"""Rows of a published CSV, plain or zipped: read one by one, refused one by one."""

from __future__ import annotations

import codecs
import csv
import io
import lzma
import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeVar

from dispatch.domain.errors import SourceError
from dispatch.domain.place import MAX_LAT, MAX_LON, BoundingBox, LonLat
from geodata.bundle.made_up import MADE_UP, MADE_UP_COLUMNS, is_made_up
from geodata.bundle.reading import ReadContext, SourceConfig
from geodata.bundle.records import LayerRead, Refused
from geodata.city import CityProfile

MAX_BYTES = 2 * 1024**3  # unpacked; the largest published file (ABR 13) has 0.4 GB
MAX_LINE = 1_000_000  # characters; a "line" beyond is no text
MAX_TEXT = 400  # characters of one value
SWAPPED_SHARE = 0.9  # above it the file has its axes swapped, not some of its rows
SWAPPED = "longitude and latitude swapped"
UTF8_OR_CP932 = ("utf-8-sig", "cp932")
CP932_OR_UTF8 = ("cp932", "utf-8-sig")

# Encodings that a source may name, and how they are read: Japanese publishers call
# Windows' code page 932 Shift_JIS.
ENCODINGS = {
    "utf-8": "utf-8-sig",
    "utf-8-sig": "utf-8-sig",
    "cp932": "cp932",
    "shift_jis": "cp932",
    "euc_jp": "euc_jp",
}

_AXES = "lon, lat"
_SAMPLE_BYTES = 65_536
_ZIP_MARK = b"PK\x03\x04"
_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(?:\.[0-9]{0,20})?(?:[eE][+-]?[0-9]{1,2})?")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
# What a file that is no CSV, no zip or not of the encoding makes the library raise.
_UNREADABLE = (
    OSError,
    ValueError,  # UnicodeError, too
    EOFError,
    RuntimeError,  # an encrypted zip, or one packed in a way that is not supported
    struct.error,
    csv.Error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)

R = TypeVar("R")


class RowRefusedError(Exception):
    """A row cannot be used; `read` turns it into a `Refused`."""

    def __init__(self, column: str, problem: str) -> None:
        self.column = column
        self.problem = problem
        super().__init__(f"{column}: {problem}")

    def at(self, number: int) -> Refused:
        """Refusal of the row with this number."""
        return Refused(row=number, column=self.column, problem=self.problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableForm:
    """
    What a format's table looks like.

    `columns` gives for each of our names the headers that the file may use, the first
    that is there counting; those in `optional` may be absent. `encodings` are tried in
    this order when the source does not name one.
    """

    columns: Mapping[str, tuple[str, ...]]
    optional: frozenset[str] = frozenset()
    encodings: tuple[str, ...] = UTF8_OR_CP932


@dataclass(slots=True, kw_only=True)
class CsvRow:
    """
    One row, asked by our names of the columns; `number` is its first line (header = 1).

    `is_swapped` becomes true when its place was found by exchanging lon and lat.
    """

    number: int
    cells: Sequence[str]
    indices: Mapping[str, int]
    headers: Mapping[str, str]
    bounds: BoundingBox
    is_swapped: bool = False

    def refusal(self, column: str, problem: str) -> RowRefusedError:
        """Error that names a column as the file does."""
        return RowRefusedError(self.headers.get(column, column), problem)

    def optional(self, column: str) -> str:
        """Text of a column in one line; empty when it, or the column, is."""
        index = self.indices.get(column)
        if index is None:
            return ""
        value = self.cells[index]
        if not value or (value.isalnum() and len(value) <= MAX_TEXT):
            return value  # nearly all of millions of values; nothing to look for
        value = " ".join(value.split())
        if _CONTROL.search(value):
            raise self.refusal(column, "control characters")
        if len(value) > MAX_TEXT:
            raise self.refusal(column, f"longer than {MAX_TEXT} characters")
        return value

    def text(self, column: str) -> str:
        """Text of a column, which must not be empty."""
        value = self.optional(column)
        if not value:
            raise self.refusal(column, "empty")
        return value

    def number_of(self, column: str) -> float:
        """Any finite number of at most 12 digits before the point."""
        value = unicodedata.normalize("NFKC", self.text(column))
        if not _NUMBER.fullmatch(value):
            raise self.refusal(column, "not a number")
        return float(value)

    def place(self) -> LonLat:
        """
        Position in columns `lon` and `lat`, degrees.

        Exchanged when only that puts it into the city; `CsvTable.read` then decides
        whether the whole file is so.
        """
        lon, lat = self.number_of("lon"), self.number_of("lat")
        if _in_box(self.bounds, lat, lon) and not _in_box(self.bounds, lon, lat):
            self.is_swapped = True
            return LonLat(lat, lon)
        if abs(lon) > MAX_LON:
            raise self.refusal("lon", "outside the globe")
        if abs(lat) > MAX_LAT:
            raise self.refusal("lat", "outside the globe")
        return LonLat(lon, lat)


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvTable:
    """
    A file and the form that it should have.

    Parameters
    ----------
    file
        CSV, or a zip with one CSV in it.
    form
        Its columns.
    bounds
        The city's; tells swapped coordinates.
    columns
        Our name of a column to the file's, before those of the form.
    encoding
        Empty to try those of the form.
    member
        Name of the CSV inside the zip, when there are several.
    takes_made_up
        Whether rows that the file marks as invented are taken.
    """

    file: Path
    form: TableForm
    bounds: BoundingBox
    columns: Mapping[str, str] = field(default_factory=dict)
    encoding: str = ""
    member: str = ""
    takes_made_up: bool = False

    def read(self, make: Callable[[CsvRow], R | None]) -> LayerRead[R]:
        """
        Make a record of each row; None is a row of another place.

        Raises
        ------
        SourceError
            When the file is missing or of another form; names it and the column.
        """
        records: list[R] = []
        refused: list[Refused] = []
        swapped: dict[int, int] = {}
        num_elsewhere = 0
        for row in self.rows():
            if isinstance(row, Refused):
                refused.append(row)
                continue
            try:
                record = make(row)
            except RowRefusedError as error:
                refused.append(error.at(row.number))
                continue
            if record is None:
                num_elsewhere += 1
                continue
            if row.is_swapped:
                swapped[len(records)] = row.number
            records.append(record)
        kept, notes = _judged(records, swapped)
        return LayerRead(
            records=kept,
            refused=tuple(sorted([*refused, *notes], key=lambda item: item.row)),
            num_elsewhere=num_elsewhere,
        )

    def rows(self) -> Iterator[CsvRow | Refused]:
        """Rows in the order of the file, those that are no row as refusals."""
        try:
            with _opened(self.file, self.member) as stream:
                lines = io.TextIOWrapper(stream, self._encoding(), newline="")
                yield from self._parsed(lines)
        except _UNREADABLE as error:
            kind = type(error).__name__
            raise SourceError(f"{self.file}: cannot be read: {kind}: {error}") from None

    def _parsed(self, lines: io.TextIOWrapper) -> Iterator[CsvRow | Refused]:
        reader = csv.reader(self._lines(lines), strict=True)
        header = next(reader, [])
        indices = self._indices(header)
        headers = {ours: header[index].strip() for ours, index in indices.items()}
        marks = [] if self.takes_made_up else _marks(header)
        while True:
            number = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                # A quote that ran over lines has swallowed rows: too much to lose.
                if reader.line_num > number:
                    raise SourceError(
                        f"{self.file}: row {number}: a quote is not closed: {error}"
                    ) from None
                yield Refused(row=number, column="", problem=f"not a row: {error}")
                continue
            if not cells:
                continue
            if len(cells) != len(header):
                count = f"{len(cells)} columns where the header has {len(header)}"
                yield Refused(row=number, column="", problem=count)
                continue
            marked = [at for at in marks if is_made_up(cells[at])]
            if marked:
                column = header[marked[0]].strip()
                yield Refused(row=number, column=column, problem=MADE_UP)
                continue
            yield CsvRow(
                number=number,
                cells=cells,
                indices=indices,
                headers=headers,
                bounds=self.bounds,
            )

    def _lines(self, stream: io.TextIOWrapper) -> Iterator[str]:
        number = 0
        while line := stream.readline(MAX_LINE):
            number += 1
            if len(line) == MAX_LINE:
                raise SourceError(
                    f"{self.file}: row {number}: over {MAX_LINE:,} characters in a line"
                )
            yield line

    def _indices(self, header: Sequence[str]) -> dict[str, int]:
        """Where each of our columns is in the file."""
        unknown = sorted(set(self.columns) - set(self.form.columns))
        if unknown:
            known = ", ".join(self.form.columns)
            raise SourceError(
                f"{self.file}: columns.{unknown[0]}: no such column; known are {known}"
            )
        names = [_header_name(cell) for cell in header]
        indices: dict[str, int] = {}
        for ours, known_headers in self.form.columns.items():
            mapped = self.columns.get(ours)
            wanted = (mapped,) if mapped else known_headers
            found = [name for name in map(_header_name, wanted) if name in names]
            if found:
                indices[ours] = self._only(names, found[0])
            elif mapped or ours not in self.form.optional:
                raise SourceError(f"{self.file}: row 1: no column {' / '.join(wanted)}")
        return indices

    def _only(self, names: Sequence[str], name: str) -> int:
        if names.count(name) > 1:
            raise SourceError(f"{self.file}: row 1: column {name} is there twice")
        return names.index(name)

    def _encoding(self) -> str:
        """Name the source's encoding, or the first that fits the start of the file."""
        if self.encoding:
            name = ENCODINGS.get(self.encoding.lower())
            if name is None:
                known = ", ".join(ENCODINGS)
                raise SourceError(f"{self.file}: encoding: not one of {known}")
            return name
        with _opened(self.file, self.member) as stream:
            sample = stream.read(_SAMPLE_BYTES)
        for name in self.form.encodings:
            try:
                codecs.getincrementaldecoder(name)().decode(sample)
            except UnicodeDecodeError:
                continue
            return name
        wanted = " nor ".join(self.form.encodings)
        raise SourceError(f"{self.file}: encoding: neither {wanted}")


class WardFinder:
    """
    Wards of a city by any of their written forms: code, name, name with its city.

    Codes count with 6 digits and without the check digit (271021, 27102).
    """

    def __init__(self, profile: CityProfile) -> None:
        city = profile.gazetteer.city or profile.name
        heads = (profile.gazetteer.prefecture + city, city, "")
        self._codes: dict[str, str] = {}
        for ward in profile.wards:
            if re.fullmatch(r"[0-9]{6}", ward.code):
                self._codes[ward.code[:5]] = ward.code
            self._codes[ward.code] = ward.code
            for head in heads:
                self._codes[_joined(head + ward.name)] = ward.code
        self._longest = max(map(len, self._codes), default=0)

    def code(self, text: str) -> str | None:
        """Code of the ward that the whole text names; None when it is not ours."""
        return self._codes.get(text) or self._codes.get(_joined(text))

    def code_at_start(self, address: str) -> str | None:
        """Code of the ward with which an address begins."""
        line = _joined(address)
        for end in range(min(self._longest, len(line)), 0, -1):
            if line[end - 1] == "区" and line[:end] in self._codes:
                return self._codes[line[:end]]
        return None


def main_table(source: SourceConfig, context: ReadContext, form: TableForm) -> CsvTable:
    """
    Table of a source's own file.

    Raises
    ------
    SourceError
        When the source names no file.
    """
    if source.file is None:
        raise SourceError(f"source {source.id}: file: missing")
    return CsvTable(
        file=source.file,
        form=form,
        bounds=context.profile.bounds,
        columns=source.columns,
        encoding=source.encoding,
        member=option_text(source, "member"),
        takes_made_up=source.is_synthetic,
    )


def side_table(
    source: SourceConfig, context: ReadContext, form: TableForm, *, option: str
) -> CsvTable:
    """
    Table of a second file that an option names, beside the source's own file.

    Raises
    ------
    SourceError
        When the option is missing.
    """
    name = option_text(source, option)
    if not name or source.file is None:
        raise SourceError(f"source {source.id}: options.{option}: missing")
    return CsvTable(
        file=source.file.parent / name,
        form=form,
        bounds=context.profile.bounds,
        encoding=source.encoding,
        takes_made_up=source.is_synthetic,
    )


def option_text(source: SourceConfig, key: str) -> str:
    """
    Text of an option; empty when it is not given.

    Raises
    ------
    SourceError
        When it is not a text.
    """
    value = source.options.get(key, "")
    if not isinstance(value, str):
        raise SourceError(f"source {source.id}: options.{key}: not a text")
    return value


def _judged(
    records: list[R], swapped: Mapping[int, int]
) -> tuple[list[R], list[Refused]]:
    """
    Keep the records with exchanged places only where the whole file is so.

    `swapped` has the index of such a record and its row in the file.
    """
    if len(swapped) > SWAPPED_SHARE * len(records):
        note = f"{SWAPPED} in the whole file: it was read the other way round"
        return records, [Refused(row=1, column=_AXES, problem=note)]
    kept = [record for index, record in enumerate(records) if index not in swapped]
    return kept, [
        Refused(row=number, column=_AXES, problem=SWAPPED)
        for number in swapped.values()
    ]


@contextmanager
def _opened(file: Path, member: str) -> Iterator[IO[bytes]]:
    """Bytes of the CSV, out of its zip if it is in one."""
    with file.open("rb") as stream:
        is_zip = stream.read(len(_ZIP_MARK)) == _ZIP_MARK
        stream.seek(0)
        if not is_zip:
            _check_size(file, file.stat().st_size)
            yield stream
            return
        with zipfile.ZipFile(stream) as archive:
            info = _csv_member(file, archive, member)
            # A zip that lies about this size is cut there and fails its checksum.
            _check_size(file, info.file_size)
            with archive.open(info) as unpacked:
                yield unpacked


def _csv_member(file: Path, archive: zipfile.ZipFile, member: str) -> zipfile.ZipInfo:
    found = [
        info
        for info in archive.infolist()
        if info.filename.lower().endswith(".csv")
        and (not member or Path(info.filename).name == member)
    ]
    if len(found) != 1:
        raise SourceError(
            f"{file}: {len(found)} CSV files in the zip where one is wanted"
            " (options.member names it)"
        )
    return found[0]


def _check_size(file: Path, num_bytes: int) -> None:
    if num_bytes > MAX_BYTES:
        raise SourceError(f"{file}: {num_bytes:,} bytes, more than {MAX_BYTES:,}")


def _joined(text: str) -> str:
    return unicodedata.normalize("NFKC", text).replace(" ", "")


def _header_name(cell: str) -> str:
    """Header without byte-order mark and width: Ｘ座標 is X座標."""
    return unicodedata.normalize("NFKC", cell).strip("\ufeff \t")


def _marks(header: Sequence[str]) -> list[int]:
    """Where the columns are that tell an invented row."""
    return [
        index
        for index, cell in enumerate(header)
        if _header_name(cell).lower() in MADE_UP_COLUMNS
    ]


def _in_box(bounds: BoundingBox, lon: float, lat: float) -> bool:
    return bounds.west <= lon <= bounds.east and bounds.south <= lat <= bounds.north
