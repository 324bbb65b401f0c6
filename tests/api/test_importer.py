"""Import of files: good rows are kept, the others are told row by row."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from openpyxl import Workbook

from api.import_file import read_rows
from api.import_mapping import ImportMapping, read_mapping
from api.importer import Importer, ImportReport
from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.database import open_database
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.vault import Vault
from dispatch.adapters.vault_store import SqlVault
from dispatch.domain.catalogue import Urgency
from dispatch.domain.consultation import Channel
from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.reporter import ConsentScope, Reporter
from dispatch.intake import IntakeDesk
from tests.api.installation import NOW, TOKYO
from tests.builders import (
    FakeGeocoder,
    StraightTravel,
    catalogue,
    intake_rules,
    placement,
)

HEADER = "category,description,address"
TWO_ROWS = f"{HEADER}\nR01,穴ぼこ,北区一丁目\nW01,溢れている,北区二丁目\n"


@dataclass(frozen=True, slots=True)
class Desk:
    """A reception with its own store, and the way files take into it."""

    store: SqlStore
    vault: SqlVault
    importer: Importer

    def take(
        self,
        content: bytes | str,
        *,
        name: str = "a.csv",
        mapping: ImportMapping | None = None,
        received_at: dt.datetime | None = None,
    ) -> ImportReport:
        """Import a file, as the command line does."""
        raw = content.encode() if isinstance(content, str) else content
        rows = read_rows(name, raw)
        return self.importer.run(
            rows, mapping or ImportMapping(), received_at=received_at
        )

    def person(self, chart_id: str) -> Reporter:
        """Tell who reported, as only the vault knows."""
        return self.vault.for_masking([chart_id])[chart_id]

    def descriptions(self) -> list[str]:
        """Tell what the stored charts say, in the order of their numbers."""
        charts = sorted(self.store.find(), key=lambda chart: chart.number)
        return [chart.consultation.description for chart in charts]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Open a reception that knows two addresses."""
    engine = open_database(f"sqlite:///{tmp_path / 'store.db'}")
    vault = Vault.in_memory()
    store = SqlStore(engine, catalogue(), vault)
    intake = IntakeDesk(
        store,
        FakeGeocoder(known={"北区一丁目": placement(), "北区二丁目": placement()}),
        StraightTravel(),
        intake_rules(),
        FixedClock(NOW),
    )
    yield Desk(store, SqlVault(engine, vault), Importer(intake, FixedClock(NOW), TOKYO))
    engine.dispose()


def xlsx(rows: Sequence[Sequence[object]]) -> bytes:
    """Make an Excel file of one sheet."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def without_end_of(member: str, content: bytes) -> bytes:
    """Return the Excel file with one file inside it cut in half."""
    source, target = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            data = source.read(name)
            copy.writestr(name, data[: len(data) // 2] if name == member else data)
    return target.getvalue()


# -- forms of files --------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_csv_is_read_in_the_encodings_of_an_office(encoding: str, desk: Desk) -> None:
    report = desk.take(TWO_ROWS.encode(encoding))
    assert (report.rows, report.added, report.refused) == (2, 2, ())
    assert desk.descriptions() == ["穴ぼこ", "溢れている"]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_text_with_comma_quote_and_newline_arrives_whole(
    newline: str, desk: Desk
) -> None:
    text = f'{HEADER}{newline}R01,"穴, ""深い""\n二行目",北区一丁目{newline}'
    assert desk.take(text).added == 1
    assert desk.descriptions() == ['穴, "深い"\n二行目']


def test_excel_file_is_read_with_its_dates_and_whole_numbers(desk: Desk) -> None:
    content = xlsx(
        [
            (*HEADER.split(","), "tagged_on", "reporter_phone", "longitude"),
            ("E07", "自転車", "北区一丁目", dt.date(2026, 11, 20), 660001234.0, None),
            ("R01", 5.0, "北区二丁目", None, None, None),
            (None, None, None, None, None, None),  # as Excel keeps formatted rows
        ]
    )
    report = desk.take(content, name="一覧.XLSX")
    assert (report.rows, report.added, report.refused) == (2, 2, ())
    bicycle, other = sorted(desk.store.find(), key=lambda chart: chart.number)
    assert bicycle.consultation.tagged_on == dt.date(2026, 11, 20)
    assert desk.person(bicycle.id).phone == "660001234"
    assert other.consultation.description == "5"


def test_row_with_fewer_cells_than_the_header_is_read(desk: Desk) -> None:
    report = desk.take("category,description,landmark,address\nR01,穴,駅前\n")
    assert report.added == 1


def test_file_with_only_a_header_imports_nothing(desk: Desk) -> None:
    assert desk.take(f"{HEADER}\n") == ImportReport()


# -- files that are refused whole ------------------------------------------------------

GOOD_XLSX = xlsx([HEADER.split(","), *[("R01", f"穴{n}", "x") for n in range(300)]])
REFUSED_WHOLE = {
    "nothing in it": ("a.csv", b""),
    "only empty lines": ("a.csv", b"\n\n"),
    "UTF-16": ("a.csv", TWO_ROWS.encode("utf-16")),
    "random bytes": ("a.csv", bytes(range(256))),
    "NUL bytes": ("a.csv", TWO_ROWS.encode() + b"\0\0"),
    "unclosed quote": ("a.csv", f'{HEADER}\nR01,"穴,北区\n'.encode()),
    "too many cells": ("a.csv", f"{HEADER}\nR01,穴,北区,もう一つ\n".encode()),
    "same column twice": ("a.csv", b"category,description,category\nR01,x,R02\n"),
    "a cell without end": ("a.csv", HEADER.encode() + b"\nR01," + b"x" * 200_000),
    "an Excel file called CSV": ("a.csv", GOOD_XLSX),
    "a CSV called Excel": ("a.xlsx", TWO_ROWS.encode()),
    "no Excel at all": ("a.xlsx", b""),
    "Excel cut off": ("a.xlsx", GOOD_XLSX[: len(GOOD_XLSX) // 2]),
    "Excel with a cut sheet": (
        "a.xlsx",
        without_end_of("xl/worksheets/sheet1.xml", GOOD_XLSX),
    ),
    "Excel with a cut book": ("a.xlsx", without_end_of("xl/workbook.xml", GOOD_XLSX)),
    "Excel with a column twice": ("a.xlsx", xlsx([("category", "category"), (1, 2)])),
    "Excel without a header": ("a.xlsx", xlsx([])),
}


@pytest.mark.parametrize("case", REFUSED_WHOLE)
def test_unreadable_file_is_refused_whole(case: str, desk: Desk) -> None:
    name, content = REFUSED_WHOLE[case]
    with pytest.raises(InvalidInputError) as caught:
        desk.take(content, name=name)
    assert caught.value.field in {"file", "header"}
    assert desk.store.find() == []


def test_line_with_too_many_cells_is_named(desk: Desk) -> None:
    with pytest.raises(InvalidInputError) as caught:
        desk.take(f"{TWO_ROWS}R01,穴,北区,もう一つ\n")
    assert caught.value.row == 4  # header 1, two good rows, then this one


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("description,address", "category"),
        ("category,address", "description"),
        ("カテゴリ,内容,住所", "category, description"),
    ],
)
def test_file_without_a_needed_column_is_refused_whole(
    header: str, missing: str, desk: Desk
) -> None:
    with pytest.raises(InvalidInputError, match=missing) as caught:
        desk.take(f"{header}\nR01,穴\n")
    assert caught.value.field == "header"
    assert desk.store.find() == []


# -- rows that are refused -------------------------------------------------------------

COLUMNS = (
    "category",
    "description",
    "address",
    "received_at",
    "longitude",
    "latitude",
    "channel",
    "urgency",
    "contact_wanted",
    "tagged_on",
    "appointment_start",
    "appointment_end",
    "reporter_name",
    "reporter_kana",
    "reporter_role",
    "reporter_consent",
)


def one_row(**cells: str) -> str:
    """Make a line of a file with all columns: a good row but for what is told."""
    good = {"category": "R01", "description": "穴", "address": "北区一丁目"}
    return ",".join({**good, **cells}.get(name, "") for name in COLUMNS)


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ({"category": "X99"}, "category"),
        ({"category": ""}, "category"),
        ({"address": ""}, "address"),
        ({"address": "北" * 301}, "address"),
        ({"description": "あ" * 4001}, "description"),
        ({"received_at": "2026-11-24T09:05:00"}, "received_at"),
        ({"received_at": "昨日"}, "received_at"),
        ({"received_at": "9999-12-31T23:59:59-12:00"}, "received_at"),
        ({"longitude": "135.5"}, "longitude"),
        ({"latitude": "34.7"}, "longitude"),
        ({"longitude": "東", "latitude": "北"}, "longitude"),
        ({"longitude": "nan", "latitude": "34.7"}, "longitude"),
        ({"longitude": "135", "latitude": "-91"}, "latitude"),
        ({"channel": "のろし"}, "channel"),
        ({"urgency": "至急"}, "urgency"),
        ({"contact_wanted": "たぶん"}, "contact_wanted"),
        ({"tagged_on": "先週"}, "tagged_on"),
        ({"category": "E07", "tagged_on": "2026-12-24"}, "tagged_on"),
        ({"appointment_start": "2026-11-24T10:00:00+09:00"}, "appointment_end"),
        (
            {
                "appointment_start": "2026-11-24T10:00:00+09:00",
                "appointment_end": "2026-11-24T09:00:00+09:00",
            },
            "appointment.end_at",
        ),
        ({"reporter_name": "山" * 121}, "reporter.name"),
        ({"reporter_kana": "ヤ" * 121}, "reporter.kana"),
        ({"reporter_consent": "たぶん"}, "reporter_consent"),
    ],
)
def test_row_that_breaks_a_rule_is_told_and_the_others_are_kept(
    cells: dict[str, str], field: str, desk: Desk
) -> None:
    lines = [",".join(COLUMNS), one_row(), one_row(**cells), one_row(description="後")]
    report = desk.take("\n".join(lines) + "\n")
    assert [(refusal.row, refusal.field) for refusal in report.refused] == [(3, field)]
    assert (report.rows, report.added) == (3, 2)
    assert desk.descriptions() == ["穴", "後"]


def test_refusal_never_repeats_what_the_row_says(desk: Desk) -> None:
    bad = one_row(category="山田", urgency="山田", reporter_name="山田" * 100)
    report = desk.take("\n".join([",".join(COLUMNS), bad]))
    assert len(report.refused) == 1
    assert "山田" not in f"{report.refused}"


def test_report_is_in_the_order_of_the_rows(desk: Desk) -> None:
    lines = [",".join(COLUMNS)]
    lines += [one_row(urgency="?"), one_row(category="X99"), one_row(urgency="?")]
    report = desk.take("\n".join(lines))
    assert [refusal.row for refusal in report.refused] == [2, 3, 4]


def test_good_row_carries_everything_that_it_says(desk: Desk) -> None:
    row = one_row(
        received_at="2026-11-24T00:05:00+00:00",
        channel="counter",
        urgency="A",
        contact_wanted="要",
        appointment_start="2026-11-24T10:00:00+09:00",
        appointment_end="2026-11-24T12:00:00+09:00",
        reporter_name="山田太郎",
        reporter_kana="ヤマダ",
        reporter_role="班長",
        reporter_consent="shared",
    )
    report = desk.take("\n".join([",".join(COLUMNS), row]))
    chart = desk.store.get(report.chart_ids[0])
    said = chart.consultation
    assert said.received_at.isoformat() == "2026-11-24T09:05:00+09:00"
    assert (said.channel, chart.urgency) == (Channel.COUNTER, Urgency.A)
    assert said.contact_wanted
    assert said.appointment is not None
    assert desk.person(chart.id) == Reporter(
        name="山田太郎", kana="ヤマダ", role="班長", consent=ConsentScope.SHARED
    )


def test_row_without_a_time_was_received_at_the_given_time(desk: Desk) -> None:
    given = dt.datetime(2026, 11, 20, 9, 0, tzinfo=TOKYO)
    report = desk.take(TWO_ROWS, received_at=given)
    received = [desk.store.get(i).consultation.received_at for i in report.chart_ids]
    assert received == [given, given]


def test_row_without_any_time_was_received_now(desk: Desk) -> None:
    report = desk.take(TWO_ROWS)
    assert desk.store.get(report.chart_ids[0]).consultation.received_at == NOW


# -- again -----------------------------------------------------------------------------


def test_same_file_again_adds_nothing(desk: Desk) -> None:
    first = desk.take(TWO_ROWS)
    again = desk.take(TWO_ROWS)
    assert (again.added, again.known) == (0, 2)
    assert again.chart_ids == first.chart_ids
    assert len(desk.store.find()) == 2


def test_same_rows_in_another_encoding_and_order_of_columns_add_nothing(
    desk: Desk,
) -> None:
    desk.take(TWO_ROWS)
    turned = "address,category,description\n北区一丁目,R01,穴ぼこ\n"
    assert desk.take(turned.encode("cp932")).added == 0


def test_identical_rows_within_a_file_are_two_consultations(desk: Desk) -> None:
    twice = f"{HEADER}\nR01,穴,北区一丁目\nR01,穴,北区一丁目\n"
    assert desk.take(twice).added == 2
    assert desk.take(twice).added == 0


def test_row_added_to_a_known_file_is_the_only_one_taken(desk: Desk) -> None:
    desk.take(TWO_ROWS)
    report = desk.take(f"{TWO_ROWS}R01,もう一つ,北区一丁目\n")
    assert (report.added, report.known) == (1, 2)


def test_external_id_decides_what_is_the_same(desk: Desk) -> None:
    header = f"external_id,{HEADER}"
    desk.take(f"{header}\nA-1,R01,穴,北区一丁目\n")
    report = desk.take(f"{header}\nA-1,R01,書き直し,北区一丁目\nA-2,R01,穴,北区\n")
    assert (report.added, report.known) == (1, 1)


def test_long_file_is_taken_in_parts_and_progress_is_told(desk: Desk) -> None:
    lines = [HEADER, *[f"R01,穴{n},北区一丁目" for n in range(450)]]
    told: list[int] = []
    rows = read_rows("a.csv", "\n".join(lines).encode())
    report = desk.importer.run(rows, ImportMapping(), told=told.append)
    assert (report.added, told) == (450, [200, 400, 450])


# -- mapping files ---------------------------------------------------------------------

MAPPING = """
source = "ほかの課"
channel = "web"
time_format = "%Y/%m/%d %H:%M"

[columns]
category = "種別"
description = "内容"
address = "場所"
received_at = "日時"

[values.category]
"穴" = "R01"

[defaults]
category = "W01"
"""


def mapping_file(folder: Path, text: str) -> Path:
    file = folder / "mapping.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_mapping_reads_a_foreign_file(desk: Desk, tmp_path: Path) -> None:
    mapping = read_mapping(mapping_file(tmp_path, MAPPING))
    text = "日時,種別,内容,場所\n2026/11/23 21:30,穴,深い,北区一丁目\n"
    text += "2026/11/23 22:00,知らない種別,溢れ,北区二丁目\n"
    report = desk.take(text.encode("cp932"), mapping=mapping)
    first, second = (desk.store.get(i).consultation for i in report.chart_ids)
    assert (first.category_code, second.category_code) == ("R01", "W01")
    assert first.received_at.isoformat() == "2026-11-23T21:30:00+09:00"
    assert (first.channel, first.source) == (Channel.WEB, "ほかの課")


def test_foreign_file_must_have_every_mapped_column(desk: Desk, tmp_path: Path) -> None:
    mapping = read_mapping(mapping_file(tmp_path, MAPPING))
    with pytest.raises(InvalidInputError, match="日時"):
        desk.take("種別,内容,場所\n穴,深い,北区一丁目\n", mapping=mapping)
    assert desk.store.find() == []


def test_row_whose_time_has_another_format_is_told(desk: Desk, tmp_path: Path) -> None:
    mapping = read_mapping(mapping_file(tmp_path, MAPPING))
    text = "日時,種別,内容,場所\n23.11.2026,穴,深い,北区一丁目\n"
    report = desk.take(text, mapping=mapping)
    assert [r.field for r in report.refused] == ["received_at"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[columns]\nadress = "住所"\n', "adress"),  # unknown field, named
        ('source = "x"\n', "columns"),
        ("[columns\n", "not a mapping file"),
        ('channel = "のろし"\n[columns]\naddress = "x"\n', "not a mapping file"),
    ],
)
def test_mapping_file_with_a_slip_is_refused(
    text: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=told):
        read_mapping(mapping_file(tmp_path, text))


def test_missing_mapping_file_is_a_source_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.toml"):
        read_mapping(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("city", ["osaka", "boston"])
def test_mapping_files_of_the_cities_are_readable(city: str) -> None:
    file = Path(__file__).parents[2] / "geodata" / city / "import_mapping.toml"
    assert not read_mapping(file).is_native
