"""The bar of imports: 50,000 rows in 120 s in the background while pages answer."""

from __future__ import annotations

import csv
import io
import statistics
import time
from pathlib import Path

import httpx2
import pytest
from openpyxl import Workbook

from tests.acceptance.command import API_KEY, Served, environment
from tests.benchmarks.test_day_speed import Tell, tell  # noqa: F401 - fixture
from tests.city_data import OSAKA_DATA
from tests.databases import fresh_url
from tests.shared_data import need_shared

pytestmark = pytest.mark.benchmark

ROWS = 50_000
BAD_EVERY = 100
BAR_S = 120.0
PAGE_BAR_S = 2.0  # median; a page is slower while an import runs, but answers
AUTH = {"X-API-Key": API_KEY}
HEADER = (
    "external_id",
    "received_at",
    "category",
    "description",
    "address",
    "reporter_name",
    "reporter_phone",
)
GOOD = ("R01", "R02", "W01")


def _rows() -> list[tuple[str, ...]]:
    """Rows with the addresses of real places; people are made up."""
    points = need_shared("data/addresses/osaka_address_points_dev.csv")
    with points.open(encoding="utf-8", newline="") as file:
        addresses = [row["address"] for row in csv.DictReader(file)]
    return [
        (
            f"b{n}",
            "2026-11-20T09:00:00+09:00",
            "X99" if n % BAD_EVERY == 0 else GOOD[n % len(GOOD)],
            "道路に穴があいています。自転車がつまずきそうで危ないです。",
            addresses[n % len(addresses)],
            "架空 花子",
            f"06-0000-{n % 10_000:04d}",
        )
        for n in range(ROWS)
    ]


def _csv(rows: list[tuple[str, ...]]) -> bytes:
    target = io.StringIO(newline="")
    csv.writer(target).writerows([HEADER, *rows])
    return target.getvalue().encode("cp932", errors="replace")


def _xlsx(rows: list[tuple[str, ...]]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in (HEADER, *rows):
        sheet.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


@pytest.mark.parametrize(("name", "written"), [("a.csv", _csv), ("a.xlsx", _xlsx)])
def test_fifty_thousand_rows_are_in_within_the_bar_and_pages_answer_meanwhile(
    name: str,
    written: object,
    tmp_path: Path,
    tell: Tell,  # noqa: F811 - the fixture
) -> None:
    assert callable(written)
    content = written(_rows())
    settings = environment(
        OSAKA_DATA,
        KIDOHAN_DATABASE_URL=fresh_url(tmp_path, on=None),
        KIDOHAN_API_KEYS=f"load:{API_KEY}",
        KIDOHAN_ROADS_DIR=str(tmp_path / "none"),
        KIDOHAN_VAULT_KEY_FILE=str(tmp_path / "vault.key"),
    )
    pages: list[float] = []
    with (
        Served(tmp_path, settings) as server,
        httpx2.Client(
            base_url=f"http://127.0.0.1:{server.port}", headers=AUTH, timeout=60
        ) as client,
    ):
        began = time.perf_counter()
        sent = client.post("/v1/imports", files={"file": (name, content)})
        assert sent.status_code == 202, sent.text
        taken_s = time.perf_counter() - began
        path = sent.headers["location"]
        while (job := client.get(path).json())["state"] in {"queued", "running"}:
            asked = time.perf_counter()
            assert client.get("/v1/consultations?limit=20").status_code == 200
            pages.append(time.perf_counter() - asked)
            time.sleep(1)
        elapsed_s = time.perf_counter() - began
    tell(
        f"import of {ROWS:,} rows ({name}): taken in {taken_s:.1f} s, in after "
        f"{elapsed_s:.0f} s ({job['rows_per_s']} rows/s); a list meanwhile: median "
        f"{statistics.median(pages):.2f} s, longest {max(pages):.2f} s"
    )
    num_bad = ROWS // BAD_EVERY
    assert (job["state"], job["refused"]) == ("done", num_bad)
    assert (job["added"], job["known"]) == (ROWS - num_bad, 0)
    assert elapsed_s <= BAR_S
    assert statistics.median(pages) <= PAGE_BAR_S
