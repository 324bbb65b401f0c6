"""Import of files: rows to charts, with a row-by-row report; good rows are kept."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from api.import_mapping import ImportMapping
from dispatch.domain.catalogue import Urgency
from dispatch.domain.consultation import Appointment, Channel, Consultation
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import LonLat, place_of_numbers
from dispatch.domain.reporter import ConsentScope, Reporter
from dispatch.intake import Intake, IntakeDesk
from dispatch.ports import Clock

CHUNK_ROWS = 200  # one transaction: big enough to be quick, small enough to not block
ENCODINGS = ("utf-8-sig", "cp932")
TRUE_WORDS = frozenset({"1", "true", "yes", "要", "はい", "○"})
FALSE_WORDS = frozenset({"", "0", "false", "no", "不要", "いいえ", "×"})
HEADER_ROWS = 1
# What openpyxl raises on a file that is cut off, damaged, or has no sheet of cells.
DAMAGED_XLSX = (
    zipfile.BadZipFile,
    zlib.error,
    InvalidFileException,
    SyntaxError,  # what every reader of XML raises is one
    LookupError,
    AttributeError,
    TypeError,
    ValueError,
    OSError,
)

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A row that was not taken: its number (header = 1), the field and why."""

    row: int
    field: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of each row."""

    rows: int = 0
    added: int = 0
    known: int = 0
    refused: tuple[Refusal, ...] = ()
    chart_ids: tuple[str, ...] = field(default=(), repr=False)


def read_rows(name: str, content: bytes) -> list[Row]:
    """
    Rows of a CSV (UTF-8 or CP932) or XLSX file as texts by column.

    Raises
    ------
    InvalidInputError
        When the file is neither, is cut off, or has no header.
    """
    if name.lower().endswith((".xlsx", ".xlsm")):
        return _xlsx_rows(content)
    return _csv_rows(content)


def _csv_rows(content: bytes) -> list[Row]:
    text = _decoded(content)
    if "\0" in text:
        raise InvalidInputError("file", "文字ではないデータが入っています(CSVではない)")
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        names = _header(reader.fieldnames or ())
        rows = [_csv_row(names, row, at) for at, row in enumerate(reader, start=2)]
    except csv.Error as problem:
        raise InvalidInputError("file", f"CSVとして読めません({problem})") from problem
    return rows


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


def _decoded(content: bytes) -> str:
    for encoding in ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    problem = "文字コードが UTF-8 でも CP932(Shift_JIS) でもありません"
    raise InvalidInputError("file", problem)


def _xlsx_rows(content: bytes) -> list[Row]:
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        lines = [
            [_cell_text(cell) for cell in line]
            for line in book.worksheets[0].iter_rows(values_only=True)
        ]
        book.close()
    except DAMAGED_XLSX as problem:
        raise InvalidInputError("file", "Excelファイルとして読めません") from problem
    names = _header(lines[0] if lines else ())
    rows: list[Row] = [dict(zip(names, line, strict=False)) for line in lines[1:]]
    while rows and not any(rows[-1].values()):  # Excel keeps formatted empty rows
        rows.pop()
    return rows


def _cell_text(cell: object) -> str:
    match cell:
        case None:
            return ""
        case dt.datetime() | dt.date():
            return cell.isoformat()
        case float() if cell.is_integer():
            return str(int(cell))
        case _:
            return str(cell)


class Importer:
    """
    Imports rows through the reception desk.

    Parameters
    ----------
    desk
        Every row goes through it, as any other consultation does.
    clock
        Time of rows that say none.
    timezone
        Of times without an offset that the mapping's time format reads.
    """

    def __init__(self, desk: IntakeDesk, clock: Clock, timezone: dt.tzinfo) -> None:
        self._desk = desk
        self._clock = clock
        self._timezone = timezone

    def run(
        self,
        rows: Sequence[Row],
        mapping: ImportMapping,
        *,
        received_at: dt.datetime | None = None,
        told: Callable[[int], None] = lambda _done: None,
    ) -> ImportReport:
        """
        Import all rows that can be read; the same file again adds nothing.

        Parameters
        ----------
        rows
            From `read_rows`.
        mapping
            Which column is what.
        received_at
            Of rows that say none; now when absent.
        told
            Called with the number of rows done.

        Raises
        ------
        InvalidInputError
            When a column that the mapping needs is missing: nothing is imported then.
        """
        self._require_columns(rows, mapping)
        moment = received_at or self._clock.now()
        report = ImportReport(rows=len(rows))
        for start, chunk in _chunks(list(self._read(rows, mapping, moment))):
            report = self._store(report, chunk, mapping)
            told(min(start + len(chunk), len(rows)))
        return report

    def _require_columns(self, rows: Sequence[Row], mapping: ImportMapping) -> None:
        present = set(rows[0]) if rows else set(mapping.required_columns())
        missing = [name for name in mapping.required_columns() if name not in present]
        if missing:
            raise InvalidInputError("header", f"列がありません: {', '.join(missing)}")

    def _read(
        self, rows: Sequence[Row], mapping: ImportMapping, moment: dt.datetime
    ) -> Iterator[tuple[int, Intake | Refusal]]:
        seen: Counter[str] = Counter()
        for number, row in enumerate(rows, start=1 + HEADER_ROWS):
            try:
                intake = self._intake(row, mapping, moment)
                if not intake.consultation.external_id:
                    digest = _row_digest(row)
                    seen[digest] += 1
                    external_id = f"row-{digest}-{seen[digest]}"
                    intake = replace(
                        intake,
                        consultation=replace(
                            intake.consultation, external_id=external_id
                        ),
                    )
            except InvalidInputError as problem:
                yield (
                    number,
                    Refusal(row=number, field=problem.field, problem=problem.problem),
                )
            else:
                yield number, intake

    def _store(
        self,
        report: ImportReport,
        chunk: Sequence[tuple[int, Intake | Refusal]],
        mapping: ImportMapping,
    ) -> ImportReport:
        good = [(n, item) for n, item in chunk if isinstance(item, Intake)]
        refused = [item for _, item in chunk if isinstance(item, Refusal)]
        taken = []
        for number, intake in good:
            # A rule of the catalogue may still refuse one row; the others stay good.
            try:
                self._desk.check(intake)
            except InvalidInputError as problem:
                refused.append(
                    Refusal(row=number, field=problem.field, problem=problem.problem)
                )
            else:
                taken.append(intake)
        added = self._desk.receive_all(taken, who=f"取込: {mapping.source}")
        return replace(
            report,
            added=report.added + sum(item.is_new for item in added),
            known=report.known + sum(not item.is_new for item in added),
            refused=tuple(
                sorted((*report.refused, *refused), key=lambda refusal: refusal.row)
            ),
            chart_ids=(*report.chart_ids, *(item.chart.id for item in added)),
        )

    def _intake(self, row: Row, mapping: ImportMapping, moment: dt.datetime) -> Intake:
        value = _reader(row, mapping)
        position, is_swapped = _position(value("longitude"), value("latitude"))
        consultation = Consultation(
            received_at=self._moment("received_at", value("received_at"), mapping)
            or moment,
            channel=_channel(value("channel")) or mapping.channel,
            category_code=value("category"),
            description=value("description"),
            address_text=value("address"),
            landmark_text=value("landmark"),
            position=position,
            position_swapped=is_swapped,
            stated_ward=value("stated_ward"),
            stated_district=value("stated_district"),
            raised_urgency=_urgency(value("urgency")),
            appointment=self._appointment(value, mapping),
            contact_wanted=_flag("contact_wanted", value("contact_wanted")),
            tagged_on=_day("tagged_on", value("tagged_on")),
            source=mapping.source,
            external_id=value("external_id"),
        )
        reporter = Reporter(
            name=value("reporter_name"),
            kana=value("reporter_kana"),
            phone=value("reporter_phone"),
            address=value("reporter_address"),
            role=value("reporter_role"),
            consent=_consent(value("reporter_consent")),
        )
        return Intake(consultation=consultation, reporter=reporter)

    def _moment(
        self, name: str, text: str, mapping: ImportMapping
    ) -> dt.datetime | None:
        if not text or text == "given":
            return None
        try:
            if mapping.time_format:
                # The format says local time; its zone is the city's.
                local = dt.datetime.strptime(text, mapping.time_format)  # noqa: DTZ007
                return local.replace(tzinfo=self._timezone)
            return dt.datetime.fromisoformat(text)
        except ValueError:
            problem = "日時として読めません(例: 2026-11-24T09:05:00+09:00)"
            raise InvalidInputError(name, problem) from None

    def _appointment(
        self, value: Callable[[str], str], mapping: ImportMapping
    ) -> Appointment | None:
        start = self._moment("appointment_start", value("appointment_start"), mapping)
        end = self._moment("appointment_end", value("appointment_end"), mapping)
        if start is None and end is None:
            return None
        if start is None or end is None:
            raise InvalidInputError(
                "appointment_end", "約束は始めと終わりの両方が必要です"
            )
        return Appointment(start_at=start, end_at=end)


def _reader(row: Row, mapping: ImportMapping) -> Callable[[str], str]:
    """Build the function that reads one of our fields out of a foreign row."""

    def value(name: str) -> str:
        column = mapping.columns.get(name)
        text = row.get(column, "").strip() if column is not None else ""
        words = mapping.values.get(name)
        if words is not None and text:
            text = words.get(text, mapping.defaults.get(name, text))
        return text or str(mapping.defaults.get(name, ""))

    return value


def _row_digest(row: Row) -> str:
    joined = "\x1f".join(f"{name}\x1e{row[name]}" for name in sorted(row))
    return hashlib.sha256(joined.encode()).hexdigest()[:32]


def _position(lon: str, lat: str) -> tuple[LonLat | None, bool]:
    """Place of two columns, and whether they had to be turned round."""
    if not lon and not lat:
        return None, False
    try:
        return place_of_numbers(float(lon), float(lat))
    except ValueError:
        problem = "経度・緯度は数で、両方必要です"
        raise InvalidInputError("longitude", problem) from None
    except InvalidInputError as refused:
        column = "longitude" if refused.field == "lon" else "latitude"
        raise InvalidInputError(column, refused.problem) from None


def _channel(text: str) -> Channel | None:
    if not text:
        return None
    try:
        return Channel(text)
    except ValueError:
        raise InvalidInputError("channel", "媒体が一覧にありません") from None


def _urgency(text: str) -> Urgency | None:
    if not text:
        return None
    try:
        return Urgency(text)
    except ValueError:
        problem = "緊急度は S A B C D のどれかです"
        raise InvalidInputError("urgency", problem) from None


def _consent(text: str) -> ConsentScope:
    try:
        return ConsentScope(text or ConsentScope.NOT_ASKED)
    except ValueError:
        problem = f"同意範囲は {' '.join(ConsentScope)} のどれかです"
        raise InvalidInputError("reporter_consent", problem) from None


def _flag(name: str, text: str) -> bool:
    word = text.strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise InvalidInputError(name, "要・不要(または true・false)で入れてください")


def _day(name: str, text: str) -> dt.date | None:
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        problem = "日付として読めません(例: 2026-11-24)"
        raise InvalidInputError(name, problem) from None


def _chunks(
    items: Sequence[tuple[int, Intake | Refusal]],
) -> Iterator[tuple[int, Sequence[tuple[int, Intake | Refusal]]]]:
    for start in range(0, len(items), CHUNK_ROWS):
        yield start, items[start : start + CHUNK_ROWS]
