"""Import of files: rows to charts, with a row-by-row report; good rows are kept."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from api.import_file import HEADER_ROWS, TOLD_COLUMNS, Row
from api.import_mapping import ImportMapping
from dispatch.chart_opening import Intake
from dispatch.domain.catalogue import Urgency
from dispatch.domain.consultation import Appointment, Channel, Consultation
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.import_job import RowRefusal
from dispatch.domain.place import LonLat, place_of_numbers
from dispatch.domain.reporter import ConsentScope, Reporter
from dispatch.intake import IntakeDesk
from dispatch.ports import Clock

CHUNK_ROWS = 200  # one transaction: big enough to be quick, small enough to not block
TRUE_WORDS = frozenset({"1", "true", "yes", "要", "はい", "○"})
FALSE_WORDS = frozenset({"", "0", "false", "no", "不要", "いいえ", "×"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of each row."""

    rows: int = 0
    added: int = 0
    known: int = 0
    refused: tuple[RowRefusal, ...] = ()
    chart_ids: tuple[str, ...] = field(default=(), repr=False)


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
        require_columns(rows[0] if rows else (), mapping, is_empty=not rows)
        moment = received_at or self._clock.now()
        report = ImportReport(rows=len(rows))
        for start, chunk in chunks(list(self.read(rows, mapping, moment)), CHUNK_ROWS):
            report = self._store(report, chunk, mapping)
            told(min(start + len(chunk), len(rows)))
        return report

    def read(
        self, rows: Iterable[Row], mapping: ImportMapping, moment: dt.datetime
    ) -> Iterator[Intake | RowRefusal]:
        """
        Each row as the reception takes it, or why it does not; in their order.

        Parameters
        ----------
        rows
            From `read_rows`, from the first one on: identical rows are counted.
        mapping
            Which column is what.
        moment
            Of rows that say none.
        """
        seen: Counter[str] = Counter()
        for number, row in enumerate(rows, start=1 + HEADER_ROWS):
            try:
                intake = self._intake(row, mapping, moment)
                if not intake.consultation.external_id:
                    digest = _row_digest(row)
                    seen[digest] += 1
                    named = replace(
                        intake.consultation,
                        external_id=f"row-{digest}-{seen[digest]}",
                    )
                    intake = replace(intake, consultation=named)
                # A rule of the catalogue may refuse one row; the others stay good.
                self._desk.check(intake)
            except InvalidInputError as refused:
                yield RowRefusal(
                    row=number, field=refused.field, problem=refused.problem
                )
            else:
                yield intake

    def _store(
        self,
        report: ImportReport,
        chunk: Sequence[Intake | RowRefusal],
        mapping: ImportMapping,
    ) -> ImportReport:
        taken = [item for item in chunk if isinstance(item, Intake)]
        refused = [item for item in chunk if isinstance(item, RowRefusal)]
        added = self._desk.receive_all(taken, who=f"取込: {mapping.source}")
        return replace(
            report,
            added=report.added + sum(item.is_new for item in added),
            known=report.known + sum(not item.is_new for item in added),
            refused=(*report.refused, *refused),
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
    # What we told beside a refused row is no part of it.
    names = sorted(name for name in row if name not in TOLD_COLUMNS)
    joined = "\x1f".join(f"{name}\x1e{row[name]}" for name in names)
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


def require_columns(
    names: Iterable[str], mapping: ImportMapping, *, is_empty: bool = False
) -> None:
    """
    Refuse a file without the columns that its mapping needs.

    Raises
    ------
    InvalidInputError
        Naming them.
    """
    present = set(mapping.required_columns()) if is_empty else set(names)
    missing = [name for name in mapping.required_columns() if name not in present]
    if missing:
        raise InvalidInputError("header", f"列がありません: {', '.join(missing)}")


def chunks(
    items: Sequence[Intake | RowRefusal], size: int
) -> Iterator[tuple[int, Sequence[Intake | RowRefusal]]]:
    """Parts of rows, each with where it begins."""
    for start in range(0, len(items), size):
        yield start, items[start : start + size]
