"""Monthly numbers through the page, the files, the API and the command."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from openpyxl import load_workbook
from typer.testing import CliRunner

from api.cli import cli
from tests.api.installation import AUTH, BROWSER, sent, services_of

NOTHING = "この月に受け付けた相談は、まだありません"


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.lstrip("\ufeff"))))


def test_an_empty_month_says_what_will_be_there(client: TestClient) -> None:
    page = client.get("/numbers?month=2020-01&as_of=2020-01-31", headers=BROWSER)
    assert page.status_code == 200
    assert NOTHING in page.text


def test_a_consultation_is_counted_everywhere_alike(client: TestClient) -> None:
    sent(client, category="R02")
    sent(client, category="G03")  # a referral: somebody else has it
    asked = "month=2026-11&by=category"
    page = client.get(f"/numbers?{asked}", headers=BROWSER)
    assert "路面の穴ぼこ" in page.text
    table = rows_of(client.get(f"/numbers.csv?{asked}").text)
    received = {row[0]: row[2] for row in table[1:]}
    assert received["R02"] == "1"
    assert received[""] == "2"  # the total
    answer = client.get(f"/v1/numbers?{asked}", headers=AUTH).json()
    assert answer["columns"] == table[0]
    assert [
        ["" if cell is None else str(cell) for cell in row] for row in answer["rows"]
    ] == table[1:]
    book = load_workbook(io.BytesIO(client.get(f"/numbers.xlsx?{asked}").content))
    assert book.sheetnames == ["2026-11", "移管"]
    assert book["2026-11"].max_row == len(table)
    assert [cell.value for cell in book["移管"][1]][:2] == ["送った側", "受けた側"]
    # what nobody passed on by hand went over from the reception, and is there
    (pair,) = answer["hand_overs"]
    assert (pair["sender"], pair["sent"], pair["held"]) == ("", 1, 1)
    passed = client.get(f"/numbers.csv?{asked}&table=hand_overs")
    assert passed.headers["content-disposition"].endswith('"hand_overs.csv"')
    assert rows_of(passed.text)[1] == ["受付", pair["receiver"], "1", "0", "1", "0"]
    assert pair["receiver"] in page.text


@pytest.mark.parametrize("by", ["ward", "office", "district", "category"])
def test_each_way_of_dividing_has_the_same_total(client: TestClient, by: str) -> None:
    sent(client)
    of_wards = rows_of(client.get("/numbers.csv").text)
    rows = rows_of(client.get(f"/numbers.csv?by={by}").text)
    assert rows[-1] == of_wards[-1]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("month=november", "month"),
        ("as_of=24.11.2026", "as_of"),
        ("as_of=2027-01-01", "as_of"),
        ("by=person", "by"),
    ],
)
def test_what_cannot_be_counted_is_refused_with_its_field(
    client: TestClient, query: str, field: str
) -> None:
    answer = client.get(f"/v1/numbers?{query}", headers=AUTH)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


def test_the_command_writes_what_the_page_offers(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(client)
    settings = services_of(client).settings
    monkeypatch.setenv("KIDOHAN_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("KIDOHAN_GEODATA_DIR", str(settings.geodata_dir))
    monkeypatch.setenv("KIDOHAN_DEMO_NOW", "2026-11-24T08:50:00+09:00")
    run = CliRunner().invoke(cli, ["numbers", "--month", "2026-11"])
    assert run.exit_code == 0, run.output
    wanted = rows_of(client.get("/numbers.csv?month=2026-11").text)
    assert rows_of(run.output) == wanted
    for name in ("n.csv", "n.xlsx"):
        file = tmp_path / name
        assert CliRunner().invoke(cli, ["numbers", "-o", str(file)]).exit_code == 0
        assert file.stat().st_size > 0
    assert rows_of((tmp_path / "n.csv").read_text("utf-8")) == wanted
    assert load_workbook(tmp_path / "n.xlsx").sheetnames == ["numbers", "移管"]
