"""kidohan geocode: one JSON object for each line, whatever the line holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from api.geocode_cli import cli
from api.geodata_wiring import make_small_bundle
from dispatch.domain.errors import InvalidInputError, SourceError
from geodata.city import load_city

KEYS = {
    *("query", "status", "level", "ward", "town", "block", "number", "landmark"),
    *("lon", "lat", "radius_m", "school_district", "candidates", "warnings"),
}
Record = dict[str, Any]


class Command:
    """Runs the command on a bundle."""

    def __init__(self, bundle: Path, folder: Path) -> None:
        self._bundle = bundle
        self._file = folder / "asked"

    def __call__(self, content: bytes, *options: str) -> list[Record]:
        """Answer the content of a file."""
        self._file.write_bytes(content)
        return [json.loads(line) for line in self.raw(str(self._file), *options)]

    def raw(self, *arguments: str, stdin: bytes = b"") -> list[str]:
        """Run with arguments and give the lines of the output."""
        result = CliRunner().invoke(
            cli,
            ["geocode", *arguments, "--bundle", str(self._bundle)],
            input=stdin,
            catch_exceptions=False,
        )
        assert result.exit_code == 0, result.output
        return result.stdout.removesuffix("\n").split("\n") if result.stdout else []


@pytest.fixture(scope="module")
def command(geodata_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    return Command(geodata_dir, tmp_path_factory.mktemp("geocode"))


def test_each_line_has_its_answer_in_order_with_all_fields(command: Command) -> None:
    texts = ["中央区谷町7-1-6", "", "日本橋", "松原市大堀3丁目6番先", "34.69,135.50"]
    answers = command("\n".join(texts).encode() + b"\n")
    assert [answer["query"] for answer in answers] == texts
    assert [answer["status"] for answer in answers] == [
        "ok",
        "not_found",
        "ambiguous",
        "outside",
        "ok",
    ]
    assert all(answer.keys() >= KEYS for answer in answers)
    first = answers[0]
    assert (first["ward"], first["town"]) == ("中央区", "谷町七丁目")
    assert (first["block"], first["number"]) == ("1", "6")
    assert first["school_district"]
    assert {c["ward"] for c in answers[2]["candidates"]} == {"中央区", "浪速区"}
    assert answers[3]["municipality"] == "大阪府松原市"


def test_standard_input_is_read_without_a_file(command: Command) -> None:
    lines = command.raw(stdin="北区中之島1-3-20\n".encode())
    assert [json.loads(line)["ward"] for line in lines] == ["北区"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_csv_columns_are_address_landmark_and_ward(
    command: Command, encoding: str
) -> None:
    table = '区,住所,"目標物"\n天王寺区,上汐,\n,"上汐",\n中央区,日本橋,"赤い\n看板"\n'
    answers = command(
        table.encode(encoding), "--columns", "address=住所,ward=区,landmark=目標物"
    )
    assert [answer["ward"] for answer in answers] == ["天王寺区", None, "中央区"]
    assert answers[2]["query"] == "日本橋 赤い\n看板"


def test_short_row_of_a_csv_is_answered_too(command: Command) -> None:
    answers = command("区,住所\n中央区\n".encode(), "--columns", "address=住所,ward=区")
    assert [answer["query"] for answer in answers] == [""]


@pytest.mark.parametrize("columns", ["address=番地", "wards=区", "address", "=住所"])
def test_wrong_columns_are_told(command: Command, columns: str) -> None:
    with pytest.raises(InvalidInputError, match="--columns"):
        command("区,住所\n".encode(), "--columns", columns)


def test_missing_file_and_missing_bundle_are_told(
    command: Command, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        command.raw(str(tmp_path / "none.txt"))
    with pytest.raises(SourceError, match="geodata build"):
        Command(tmp_path, tmp_path)(b"")


def test_explain_shows_the_steps_and_the_answer(command: Command) -> None:
    shown = "\n".join(command.raw("--explain", "大坂市 中央区 谷 町７丁目１－６"))
    for step in ("正規化", "住所(辞書)", "第二の方法", "答え", "校区", "所管の工営所"):
        assert step in shown
    assert "中央区谷町七丁目" in shown


@given(st.lists(st.binary(max_size=60), max_size=12))
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_bytes_give_as_many_answers_as_lines(
    command: Command, lines: list[bytes]
) -> None:
    content = b"\n".join(line.replace(b"\n", b" ") for line in lines)
    expected = content.count(b"\n") + bool(content and not content.endswith(b"\n"))
    assert len(command(content)) == expected


def test_line_beyond_ten_kilobytes_is_refused_in_words_and_the_next_is_answered(
    command: Command,
) -> None:
    long = ("谷" * 4_000).encode() + b"\n"
    answers = command(long + b"x" * 2_500_000 + b"\n" + "中央区谷町7-1".encode())
    assert [answer["status"] for answer in answers] == ["not_found", "not_found", "ok"]
    assert "長すぎ" in answers[0]["message"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
def test_lines_are_read_in_the_encodings_that_offices_use(
    command: Command, encoding: str
) -> None:
    answers = command("中央区谷町7-1-6\r\n西成区津守2-7\r\n".encode(encoding))
    assert [answer["ward"] for answer in answers] == ["中央区", "西成区"]


def test_quote_that_is_not_closed_is_told_and_not_swallowed(command: Command) -> None:
    table = '番,住所\n1,"谷町3-1\n' + "2,上汐\n" * 300
    with pytest.raises(SourceError, match="quote"):
        command(table.encode(), "--columns", "address=住所")


def test_bundle_of_another_city_is_refused(tmp_path: Path) -> None:
    make_small_bundle(tmp_path / "boston", load_city("boston"))
    with pytest.raises(SourceError, match="boston"):
        Command(tmp_path / "boston", tmp_path)(b"")
