"""Reading rows: encodings, zips, broken files, and coordinates the wrong way round."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from geodata.bundle import csv_rows
from geodata.bundle.csv_formats import CSV_FORMATS
from geodata.bundle.csv_rows import (
    SWAPPED,
    CsvRow,
    CsvTable,
    TableForm,
    WardFinder,
)
from geodata.bundle.reading import ReadContext, SourceConfig
from geodata.bundle.records import LayerRead, Refused
from geodata.city import load_city

OSAKA = load_city("osaka")
CONTEXT = ReadContext(profile=OSAKA)
FORM = TableForm(
    columns={"name": ("名称", "name"), "lon": ("経度",), "lat": ("緯度",)},
    optional=frozenset({"name"}),
)
HEADER = "名称,経度,緯度\n"
GOOD = "西の橋,135.5,34.7\n"


def table(file: Path, **changes: object) -> CsvTable:
    values = {"file": file, "form": FORM, "bounds": OSAKA.bounds, **changes}
    return CsvTable(**values)  # type: ignore[arg-type]


def named(row: CsvRow) -> tuple[str, LonLat]:
    return row.optional("name"), row.place()


def read(
    folder: Path, content: str | bytes, **changes: object
) -> LayerRead[tuple[str, LonLat]]:
    file = folder / "points.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return table(file, **changes).read(named)


def refused_of(folder: Path, line: str | bytes) -> Refused:
    """Put one line between two good rows, which stay, and see what becomes of it."""
    text = line.encode() if isinstance(line, str) else line
    found = read(folder, HEADER.encode() + GOOD.encode() + text + b"\n" + GOOD.encode())
    assert len(found.records) == 2
    (refused,) = found.refused
    assert refused.row == 3
    return refused


@pytest.mark.parametrize(
    "content",
    [
        (HEADER + GOOD).encode("utf-8"),
        (HEADER + GOOD).encode("utf-8-sig"),
        (HEADER + GOOD).encode("cp932"),
        (HEADER + GOOD).replace("\n", "\r\n").encode("cp932"),
        '"名称","経度","緯度"\n"西の橋","135.5","34.7"'.encode(),
        "緯度,名称,経度,ほか\n34.7,西の橋,135.5,x\n\n".encode(),
        "name,経度,緯度\n　西の橋 ,１３５．５,+34.70\n".encode(),
    ],
)
def test_a_table_is_read_in_every_way_in_which_it_is_published(
    tmp_path: Path, content: bytes
) -> None:
    found = read(tmp_path, content)
    assert found.records == [("西の橋", LonLat(135.5, 34.7))]
    assert found.refused == ()


def test_header_may_be_in_full_width(tmp_path: Path) -> None:
    form = TableForm(columns={"lon": ("X座標",), "lat": ("Y座標",)})
    found = read(tmp_path, "Ｘ座標,Ｙ座標\n135.5,34.7\n", form=form)
    assert found.records == [("", LonLat(135.5, 34.7))]


def test_a_named_encoding_is_the_only_one_tried(tmp_path: Path) -> None:
    content = (HEADER + GOOD).encode("cp932")
    assert len(read(tmp_path, content, encoding="Shift_JIS").records) == 1
    with pytest.raises(SourceError, match=r"points\.csv: cannot be read"):
        read(tmp_path, content, encoding="utf-8")
    with pytest.raises(SourceError, match=r"points\.csv: encoding: not one of"):
        read(tmp_path, content, encoding="rot13")


def test_text_of_no_known_encoding_is_refused_as_a_whole(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="encoding: neither utf-8-sig nor cp932"):
        read(tmp_path, b"\x81 \x81 ,\n")


def test_a_byte_of_another_encoding_deep_in_the_file_refuses_it(
    tmp_path: Path,
) -> None:
    # The sample that chooses the encoding has 65 536 bytes; the fault lies behind it.
    content = (HEADER + GOOD * 4000).encode() + b"\xff,135.5,34.7\n"
    with pytest.raises(SourceError, match="UnicodeDecodeError"):
        read(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "row 1: no column 経度"),
        ("名称,緯度\n", "row 1: no column 経度"),
        ("経度,経度,緯度\n", "column 経度 is there twice"),
        ('"経度', "cannot be read"),
        (HEADER + GOOD + '"a\nb"c,1,2\n', "row 3: a quote is not closed"),
        (HEADER + '"a,1,2\n' + GOOD, "row 2: a quote is not closed"),
        (HEADER + "x" * csv_rows.MAX_LINE, "row 2: over 1,000,000 characters"),
    ],
)
def test_a_file_of_another_form_is_named_with_its_fault(
    tmp_path: Path, content: str, problem: str
) -> None:
    with pytest.raises(SourceError, match=rf"points\.csv: .*{problem}"):
        read(tmp_path, content)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.csv: cannot be read"):
        table(tmp_path / "none.csv").read(named)


@pytest.mark.parametrize(
    ("line", "column", "problem"),
    [
        ("a,135.5", "", "2 columns where the header has 3"),
        ("a,b,135.5,34.7", "", "4 columns where the header has 3"),
        ('"a"b,135.5,34.7', "", "not a row"),
        ("x" * 140_000 + ",135.5,34.7", "", "not a row"),
        ("x" * 401 + ",135.5,34.7", "名称", "longer than 400 characters"),
        ("a\x00b,135.5,34.7", "名称", "control characters"),
        ("a,,34.7", "経度", "empty"),
        ("a,nan,34.7", "経度", "not a number"),
        ("a,1_3,34.7", "経度", "not a number"),
        ("a,135.5,inf", "緯度", "not a number"),
        ("a,999,34.7", "経度", "outside the globe"),
        ("a,135.5,-91", "緯度", "outside the globe"),
        ("a,34.7,135.5", "lon, lat", SWAPPED),
    ],
)
def test_a_bad_row_is_refused_alone(
    tmp_path: Path, line: str, column: str, problem: str
) -> None:
    refused = refused_of(tmp_path, line)
    assert refused.column == column
    assert refused.problem.startswith(problem)


def test_a_value_over_two_lines_is_one_value(tmp_path: Path) -> None:
    found = read(tmp_path, HEADER + '"西の\n橋",135.5,34.7\nx,y\n')
    assert found.records == [("西の 橋", LonLat(135.5, 34.7))]
    # The first row took lines 2 and 3.
    assert [refused.row for refused in found.refused] == [4]


def test_a_file_with_its_axes_swapped_is_read_so_and_says_it(tmp_path: Path) -> None:
    # 19 of 20 rows are 95 %, above the 90 % that make it the file's fault.
    found = read(tmp_path, HEADER + "橋,34.7,135.5\n" * 19 + GOOD)
    assert {place for _, place in found.records} == {LonLat(135.5, 34.7)}
    assert len(found.records) == 20
    (note,) = found.refused
    assert (note.row, note.problem.startswith(SWAPPED)) == (1, True)


def test_as_many_swapped_rows_as_nine_in_ten_are_refused(tmp_path: Path) -> None:
    found = read(tmp_path, HEADER + "橋,34.7,135.5\n" * 9 + GOOD)
    assert len(found.records) == 1
    assert [refused.row for refused in found.refused] == list(range(2, 11))


def test_a_point_elsewhere_on_the_globe_is_left_to_the_build(tmp_path: Path) -> None:
    assert read(tmp_path, HEADER + "橋,140,36\n").records == [("橋", LonLat(140, 36))]


def test_the_columns_of_the_source_come_before_those_of_the_form(
    tmp_path: Path,
) -> None:
    content = "名称,通称,経度,緯度\n橋,西橋,135.5,34.7\n"
    found = read(tmp_path, content, columns={"name": "通称"})
    assert found.records[0][0] == "西橋"


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"nmae": "名称"}, r"columns\.nmae: no such column; known are name, lon, lat"),
        ({"name": "なまえ"}, "row 1: no column なまえ"),
    ],
)
def test_a_wrong_mapping_of_columns_is_told(
    tmp_path: Path, columns: dict[str, str], problem: str
) -> None:
    with pytest.raises(SourceError, match=problem):
        read(tmp_path, HEADER + GOOD, columns=columns)


def zipped(folder: Path, **members: str) -> Path:
    file = folder / "published.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "."), text.encode("cp932"))
    return file


def test_the_csv_in_a_zip_is_read_where_it_lies(tmp_path: Path) -> None:
    file = zipped(tmp_path, META__xml="<x/>", **{"27000/27_2025__CSV": HEADER + GOOD})
    assert len(table(file).read(named).records) == 1


def test_of_several_csv_in_a_zip_the_option_names_one(tmp_path: Path) -> None:
    file = zipped(tmp_path, a__csv="x\n", b__csv=HEADER + GOOD)
    with pytest.raises(SourceError, match=r"published\.zip: 2 CSV files in the zip"):
        table(file).read(named)
    assert len(table(file, member="b.csv").read(named).records) == 1
    with pytest.raises(SourceError, match="0 CSV files"):
        table(file, member="c.csv").read(named)


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    file = zipped(tmp_path, a__csv=HEADER + GOOD * 100)
    content = bytearray(file.read_bytes())
    content[60] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(SourceError, match=r"published\.zip: cannot be read"):
        table(file).read(named)


@pytest.mark.parametrize("in_zip", [True, False])
def test_more_bytes_than_any_publisher_has_are_refused_before_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, in_zip: bool
) -> None:
    monkeypatch.setattr(csv_rows, "MAX_BYTES", 1000)
    file = tmp_path / "plain.csv"
    file.write_text(HEADER + GOOD * 100, encoding="utf-8")
    if in_zip:  # about 2 kB, packed to 0.2 kB
        file = zipped(tmp_path, a__csv=HEADER + GOOD * 100)
        assert file.stat().st_size < 1000
    with pytest.raises(SourceError, match="bytes, more than 1,000"):
        table(file).read(named)


@pytest.mark.parametrize(
    "text",
    ["271021", "27102", "都島区", "大阪市都島区", "大阪府大阪市 都島区", "２７１０２"],
)
def test_a_ward_is_known_by_every_way_of_writing_it(text: str) -> None:
    assert WardFinder(OSAKA).code(text) == "271021"


@pytest.mark.parametrize("text", ["", "都島", "東大阪市", "堺市北区", "27100", "京都"])
def test_what_is_no_ward_of_ours_is_none(text: str) -> None:
    assert WardFinder(OSAKA).code(text) is None


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("都島区中野町2-16-20", "271021"),
        ("大阪府大阪市北区梅田1", "271276"),
        ("大阪市　東住吉区湯里2", "271217"),
        ("堺市北区百舌鳥", None),
        ("27102", None),
        ("", None),
    ],
)
def test_the_ward_is_read_off_the_start_of_an_address(
    address: str, code: str | None
) -> None:
    assert WardFinder(OSAKA).code_at_start(address) == code


def test_wards_without_national_codes_are_known_by_code_and_name() -> None:
    boston = load_city("boston")
    ward = boston.wards[0]
    finder = WardFinder(boston)
    assert finder.code(ward.code) == finder.code(ward.name) == ward.code


FORMATS_WITH_FILE = sorted(name for name, f in CSV_FORMATS.items() if f.needs_file)
PIECES = st.sampled_from(
    [
        *("名称", "name", "経度", "lon", "lat", "緯度", "town", "ward", "block", "lng"),
        *("ward_code", "key", "kind", "road_a", "road_b", "office_id", "施設名"),
        *("大字町丁目名", "市区町村コード", "市区町村名", "大字・丁目名"),
        *(
            ",",
            ",",
            ",",
            "\n",
            "\n",
            "\r",
            '"',
            "\x00",
            "135.5",
            "34.7",
            "都島区",
            "一",
        ),
    ]
)


@given(
    name=st.sampled_from(FORMATS_WITH_FILE),
    content=st.one_of(
        st.binary(max_size=300),
        st.lists(PIECES, max_size=60).map(lambda parts: "".join(parts).encode()),
        st.binary(max_size=100).map(lambda rest: b"PK\x03\x04" + rest),
    ),
)
def test_no_content_makes_a_reader_fail_in_another_way_than_by_a_source_error(
    name: str, content: bytes
) -> None:
    format_ = CSV_FORMATS[name]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "any.csv")
        file.write_bytes(content)
        for layer in format_.layers:
            source = SourceConfig(
                id="any",
                layer=layer,
                format=name,
                title="",
                publisher="",
                licence="",
                date="",
                file=file,
                options={"positions": "any.csv", "towns": "any.csv"},
            )
            try:
                found = format_.read(source, CONTEXT)
            except SourceError as error:
                assert "any.csv" in str(error)  # noqa: PT017 - either way is right
            else:
                assert isinstance(found, LayerRead)


@given(
    rows=st.lists(
        st.tuples(
            st.text(max_size=20), st.floats(135.4, 135.6), st.floats(34.6, 34.75)
        ),
        max_size=20,
    )
)
def test_every_row_is_either_a_record_or_refused(
    rows: list[tuple[str, float, float]],
) -> None:
    lines = [
        '"' + name.replace('"', '""') + f'",{lon!r},{lat!r}'
        for name, lon, lat in rows
        if name.isprintable()
    ]
    with tempfile.TemporaryDirectory() as folder:
        found = read(Path(folder), HEADER + "\n".join(lines))
    assert len(found.records) + len(found.refused) == len(lines)
    assert found.num_elsewhere == 0
