"""Imports in the background: sent, followed, mended, sent again."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import time
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from openpyxl import Workbook, load_workbook

from api.import_desk import ImportDesk, Sender
from dispatch.adapters.clocks import FixedClock
from tests.api.installation import (
    ADDRESS,
    AUTH,
    NOW,
    num_charts,
    running,
    services_of,
    settings_for,
)

HEADER = ("external_id", "category", "description", "address", "reporter_name")
NAME = "架空 花子"
WAIT_S = 60


def line(number: int, **other: str) -> tuple[str, ...]:
    """Make a good row, or one with other cells."""
    good = {
        "external_id": f"e{number}",
        "category": "R02",
        "description": "道路に穴があいている",
        "address": ADDRESS,
        "reporter_name": NAME,
    }
    return tuple({**good, **other}[name] for name in HEADER)


def csv_of(*rows: Sequence[str], encoding: str = "cp932") -> bytes:
    target = io.StringIO(newline="")
    csv.writer(target).writerows([HEADER, *rows])
    return target.getvalue().encode(encoding)


def xlsx_of(*rows: Sequence[object]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in (HEADER, *rows):
        sheet.append(list(row))
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def send(
    client: TestClient, content: bytes, name: str = "a.csv", **headers: str
) -> dict[str, object]:
    """Send a file and return the import."""
    response = client.post(
        "/v1/imports", files={"file": (name, content)}, headers={**AUTH, **headers}
    )
    assert response.status_code == 202, response.text
    job: dict[str, object] = response.json()
    assert response.headers["location"] == f"/v1/imports/{job['id']}"
    return job


def ended(client: TestClient, job: dict[str, object]) -> dict[str, object]:
    """Wait until an import has ended."""
    told: dict[str, object] = {}
    for _ in range(WAIT_S * 20):
        response = client.get(f"/v1/imports/{job['id']}", headers=AUTH)
        assert response.status_code == 200, response.text
        told = response.json()
        if told["state"] not in {"queued", "running", "interrupted"}:
            return told
        time.sleep(0.05)
    raise AssertionError(told)


def refused(client: TestClient, job: dict[str, object], kind: str = "csv") -> bytes:
    path = f"/v1/imports/{job['id']}/refused.{kind}"
    response = client.get(path, headers=AUTH)
    assert response.status_code == 200, response.text
    return response.content


def counts(job: dict[str, object]) -> dict[str, object]:
    return {name: job[name] for name in ("state", "rows", "done", "added", "known")} | {
        "refused": job["refused"]
    }


def test_good_rows_become_charts_and_the_bad_one_comes_back_to_be_mended(
    client: TestClient,
) -> None:
    before = num_charts(client)
    bad = line(3, category="X99")
    job = ended(client, send(client, csv_of(line(1), line(2), bad, line(4))))
    assert counts(job) == {
        "state": "done",
        "rows": 4,
        "done": 4,
        "added": 3,
        "known": 0,
        "refused": 1,
    }
    assert num_charts(client) == before + 3
    refusals: list[Any] = job["first_refusals"]  # type: ignore[assignment]
    (first,) = refusals
    assert (first["row"], first["field"]) == (4, "category")

    rows = list(csv.reader(io.StringIO(refused(client, job).decode("cp932"))))
    assert rows[0] == ["欄", "直すところ", *HEADER]
    assert rows[1][0] == "category"
    assert tuple(rows[1][2:]) == bad

    # Mended as it is, with the two columns in front, it is sent again.
    rows[1][3] = "R02"
    target = io.StringIO(newline="")
    csv.writer(target).writerows(rows)
    again = ended(client, send(client, target.getvalue().encode("cp932")))
    assert (again["added"], again["refused"]) == (1, 0)
    assert num_charts(client) == before + 4


def test_workbook_goes_in_and_its_refused_rows_come_back_as_one(
    client: TestClient,
) -> None:
    formula = line(12, description='=HYPERLINK("http://x")', category="X99")
    job = ended(client, send(client, xlsx_of(line(11), line(13)), "a.xlsx"))
    assert (job["added"], job["refused"]) == (2, 0)
    job = ended(client, send(client, csv_of(formula, encoding="utf-8"), "a.csv"))
    book = load_workbook(io.BytesIO(refused(client, job, "xlsx")))
    lines = list(book.worksheets[0].iter_rows())
    assert [cell.value for cell in lines[0]] == ["欄", "直すところ", *HEADER]
    description = lines[1][4]
    assert (description.value, description.data_type) == (formula[2], "s")


def test_same_file_again_adds_nothing(client: TestClient) -> None:
    content = csv_of(line(21), line(22))
    assert ended(client, send(client, content))["added"] == 2
    job = ended(client, send(client, content))
    assert (job["added"], job["known"]) == (0, 2)


def test_retry_with_the_same_key_finds_the_same_import(client: TestClient) -> None:
    headers = {"Idempotency-Key": "retry"}
    first = send(client, csv_of(line(31)), **headers)

    def again(content: bytes, name: str = "a.csv") -> object:
        return client.post(
            "/v1/imports", files={"file": (name, content)}, headers={**AUTH, **headers}
        )

    response = again(csv_of(line(31)))
    assert response.status_code == 200  # type: ignore[attr-defined]
    assert response.json()["id"] == first["id"]  # type: ignore[attr-defined]
    assert again(csv_of(line(32))).status_code == 409  # type: ignore[attr-defined]
    ended(client, first)


def test_external_ids_are_those_of_the_api(client: TestClient) -> None:
    body = {"category": "R02", "description": "穴", "address": ADDRESS}
    sent = client.post(
        "/v1/consultations", json={**body, "external_id": "e41"}, headers=AUTH
    )
    assert sent.status_code == 201
    job = ended(client, send(client, csv_of(line(41))))
    assert (job["added"], job["known"]) == (0, 1)


def bomb() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * 30_000_000)
    return target.getvalue()


def with_entity() -> bytes:
    """Make a workbook that would read a file of the machine through an entity."""
    source, target = io.BytesIO(xlsx_of(line(1))), io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for part in old.namelist():
            text = old.read(part)
            if part.endswith("workbook.xml"):
                entity = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
                start = text.index(b"<workbook")
                text = text[:start] + entity + text[start:]
            new.writestr(part, text)
    return target.getvalue()


BAD_FILES = {
    "nothing": ("a.csv", b""),
    "a picture": ("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0"),
    "no encoding of ours": ("a.csv", "category,description\nR02,é".encode("latin-1")),
    "two columns of a name": ("a.csv", b"category,description,category\n"),
    "a column is missing": ("a.csv", b"category,address\nR02,x\n"),
    "no workbook": ("a.xlsx", b"category,description\n"),
    "half a workbook": ("a.xlsx", xlsx_of(line(1))[:2_000]),
    "a bomb": ("a.xlsx", bomb()),
    "an entity": ("a.xlsx", with_entity()),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_file_is_refused_at_once_and_nothing_is_kept(
    client: TestClient, case: str
) -> None:
    listed = client.get("/v1/imports", headers=AUTH).json()
    before = num_charts(client)
    name, content = BAD_FILES[case]
    response = client.post("/v1/imports", files={"file": (name, content)}, headers=AUTH)
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert client.get("/v1/imports", headers=AUTH).json() == listed
    assert num_charts(client) == before


def test_file_that_is_damaged_further_down_fails_and_adds_nothing(
    client: TestClient,
) -> None:
    before = num_charts(client)
    whole = csv_of(line(51), line(52))
    job = ended(client, send(client, whole + b'e53,R02,"never closed'))
    assert job["state"] == "failed"
    assert "CSV" in str(job["reason"])
    assert num_charts(client) == before


def test_file_larger_than_the_limit_is_refused(
    tmp_path: Path, geodata_dir: Path
) -> None:
    settings = settings_for(tmp_path, geodata_dir)
    small = settings.model_copy(update={"max_import_bytes": 2_000})
    with running(small) as client:
        # Still under the limit of the body, which leaves room for a form.
        content = csv_of(*(line(n) for n in range(100)))
        files = {"file": ("a.csv", content)}
        response = client.post("/v1/imports", files=files, headers=AUTH)
        assert response.status_code == 422, response.text
        files = {"file": ("a.csv", content * 30)}
        response = client.post("/v1/imports", files=files, headers=AUTH)
        assert response.status_code == 413, response.text


def test_page_takes_a_file_and_shows_what_became_of_it(client: TestClient) -> None:
    files = {"file": ("声.csv", csv_of(line(61), line(62, category="X99")))}
    response = client.post("/imports", files=files, data={"who": "機動 一郎"})
    assert response.status_code == 200, response.text
    page = ""
    for _ in range(WAIT_S * 20):
        page = client.get("/imports").text
        if "data-running" not in page:
            break
        time.sleep(0.05)
    assert "声.csv" in page
    assert "3行目「category」" in page
    assert NAME not in page
    row = page[page.index("声.csv") :]  # others came at the same moment
    found = re.search(r'href="(/imports/[^"]+/refused\.csv)"', row)
    assert found is not None
    assert "X99" in client.get(found.group(1)).content.decode("cp932")


def test_page_says_what_is_wrong_with_a_file(client: TestClient) -> None:
    response = client.post(
        "/imports", files={"file": ("a.csv", b"")}, data={"who": "機"}
    )
    assert response.status_code == 422
    assert "空のファイルです" in response.text


def test_a_job_that_waits_is_cancelled_and_an_ended_one_is_not(
    client: TestClient,
) -> None:
    desk: ImportDesk = client.app.state.imports  # type: ignore[attr-defined]
    owner = desk.get(
        str(ended(client, send(client, csv_of(line(70))))["id"]), None
    ).owner
    sender = Sender(owner=owner, who="試験", source="intake")
    told, desk.on_new = desk.on_new, lambda: None  # nobody begins it
    try:
        job, _ = desk.submit(sender, "a.csv", csv_of(line(71)), mapping="kidohan")
        desk.cancel(job)
    finally:
        desk.on_new = told
    found = ended(client, {"id": job.id})
    if found["state"] == "cancelled":  # else the thread looked just then
        assert found["added"] == 0
    again = client.post(f"/v1/imports/{job.id}/cancel", headers=AUTH)
    assert again.status_code == 409


def test_another_key_does_not_see_a_job(client: TestClient) -> None:
    job = ended(client, send(client, csv_of(line(81))))
    keys = services_of(client).keys
    _, other = keys.add("other", actions=frozenset(), days=1, who="試験")
    headers = {"X-API-Key": other}
    for path in ("", "/refused.csv", "/refused.xlsx"):
        answer = client.get(f"/v1/imports/{job['id']}{path}", headers=headers)
        assert answer.status_code == 404
    answer = client.post(f"/v1/imports/{job['id']}/cancel", headers=headers)
    assert answer.status_code == 404
    assert client.get("/v1/imports", headers=headers).json() == []


def test_a_file_is_kept_for_some_days_and_then_deleted(
    client: TestClient,
) -> None:
    job = ended(client, send(client, csv_of(line(91, category="X99"))))
    desk: ImportDesk = client.app.state.imports  # type: ignore[attr-defined]
    files = desk._tools.files  # noqa: SLF001 - what is on the disk
    assert job["id"] in set(files.names())
    later = FixedClock(NOW + dt.timedelta(days=desk.keep_days, seconds=1))
    ImportDesk(replace(desk._tools, clock=later)).tidy()  # noqa: SLF001
    assert job["id"] not in set(files.names())
    gone = client.get(f"/v1/imports/{job['id']}/refused.csv", headers=AUTH)
    assert gone.status_code == 404
