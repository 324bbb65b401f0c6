"""Personal fields at the ways in and out: nowhere but in the answer that was asked."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from fastapi.testclient import TestClient

from api.day_run import StepTimes, run_day
from dispatch.domain.reporter import ConsentScope, PersonalField, Reporter
from dispatch.domain.reveal import RevealPurpose
from tests.api.installation import (
    AUTH,
    BROWSER,
    DAY,
    person_of,
    running,
    sent,
    services_of,
    settings_for,
)

# Invented; no town, school or other text of the project has any of these words.
HANAKO = Reporter(
    name="蔵前秘子",
    kana="クラマエヒメコ",
    phone="06-0000-7431",
    address="阿倍野区松崎町9-98-76",
    role="第七振興町会副班長",
    consent=ConsentScope.SHARED,
)
SENT = {
    "name": HANAKO.name,
    "kana": HANAKO.kana,
    "phone": HANAKO.phone,
    "address": HANAKO.address,
    "role": HANAKO.role,
    "consent": "shared",
}
WORDS = tuple(HANAKO.value(field) for field in PersonalField)
FOUND = "/charts/by-phone"
API = "/v1/consultations/search-by-phone"
ASK = {"phone": "００００ー７４３１", "who": "窓口係", "why": "続報か確かめる"}


def chart_of_hanako(client: TestClient, **changes: object) -> str:
    said = sent(client, reporter=SENT, contact_wanted=True, **changes)
    return str(said["id"])


def revealed(client: TestClient, chart_id: str, **changes: str) -> str:
    form = {"who": "窓口係", "why": "折り返しのため", **changes}
    answer = client.post(f"/charts/{chart_id}/reporter", data=form, headers=BROWSER)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.text)


# -- showing ---------------------------------------------------------------------------


def test_the_person_is_shown_in_the_answer_that_was_asked_for_alone(
    client: TestClient,
) -> None:
    chart_id = chart_of_hanako(client)
    before = client.get(f"/charts/{chart_id}", headers=BROWSER).text
    assert "氏名・カナ・電話・住所・町会役職(伏せています)" in before
    shown = revealed(client, chart_id)
    for word in (*WORDS, "対応する市の所属で共有してよい", "画面に表示"):
        assert word in shown
    after = client.get(f"/charts/{chart_id}", headers=BROWSER).text
    for word in WORDS:
        assert word not in before
        assert word not in after
    assert "申出人の表示" in after
    assert "折り返しのため" in after
    (line,) = services_of(client).vault.record(chart_id=chart_id)
    assert (line.who, line.purpose) == ("窓口係", RevealPurpose.PAGE)


def test_a_reveal_without_a_reason_shows_nothing(client: TestClient) -> None:
    chart_id = chart_of_hanako(client)
    for form in ({"who": "窓口係", "why": " "}, {"who": "窓口係"}, {}):
        answer = client.post(f"/charts/{chart_id}/reporter", data=form, headers=BROWSER)
        assert answer.status_code == 422
        assert HANAKO.name not in answer.text
    assert services_of(client).vault.record(chart_id=chart_id) == []


def test_of_an_anonymous_report_there_is_nothing_to_show(client: TestClient) -> None:
    chart_id = str(sent(client)["id"])
    assert "申出人を表示" not in client.get(f"/charts/{chart_id}", headers=BROWSER).text
    form = {"who": "窓口係", "why": "確認"}
    answer = client.post(f"/charts/{chart_id}/reporter", data=form, headers=BROWSER)
    assert answer.status_code == 409
    missing = client.post("/charts/none/reporter", data=form, headers=BROWSER)
    assert missing.status_code == 404


# -- searching -------------------------------------------------------------------------


def test_charts_of_a_number_are_found_by_page_and_by_program(
    client: TestClient,
) -> None:
    chart_id = chart_of_hanako(client)
    assert client.get(FOUND, headers=BROWSER).status_code == 200
    text = client.post(FOUND, data=ASK, headers=BROWSER).text
    assert f'href="/charts/{chart_id}"' in text
    for word in (*WORDS, ASK["phone"]):
        assert word not in text
    (newest, *_) = client.post(API, json=ASK, headers=AUTH).json()
    assert newest["id"] == chart_id
    assert set(newest) == {"id", "number", "category", "status", "ward_code"}
    # the button beside the number in the form of a new consultation sends all of it
    form = {"reporter_phone": HANAKO.phone, "category": "", "who": ""}
    assert chart_id in client.post(FOUND, data=form, headers=BROWSER).text


def test_a_number_that_nobody_called_from_finds_nothing(client: TestClient) -> None:
    ask = {**ASK, "phone": "06-0000-0009"}
    assert (
        "この番号の相談はありません"
        in client.post(FOUND, data=ask, headers=BROWSER).text
    )
    assert client.post(API, json=ask, headers=AUTH).json() == []


def test_what_is_no_number_is_refused_by_its_field_and_not_repeated(
    client: TestClient,
) -> None:
    ask = {**ASK, "phone": "秘密の言葉"}
    page = client.post(FOUND, data=ask, headers=BROWSER)
    assert page.status_code == 422
    assert "電話番号: " in page.text
    assert "秘密の言葉" not in page.text
    answer = client.post(API, json=ask, headers=AUTH)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == ["phone"]
    assert "秘密の言葉" not in answer.text
    assert client.post(API, json=ASK).status_code == 401
    assert client.post(API, json={**ASK, "why": ""}, headers=AUTH).status_code == 422


def test_the_phone_form_takes_every_field(client: TestClient) -> None:
    form = {
        "category": "R02",
        "address": "西成区津守2-7-13",
        "reporter_name": HANAKO.name,
        "reporter_kana": HANAKO.kana,
        "reporter_phone": HANAKO.phone,
        "reporter_address": HANAKO.address,
        "reporter_role": HANAKO.role,
        "reporter_consent": "shared",
    }
    answer = client.post("/charts/new", data=form, follow_redirects=False)
    assert person_of(client, answer.headers["location"].rpartition("/")[2]) == HANAKO
    wrong = client.post("/charts/new", data={**form, "reporter_consent": "たぶん"})
    assert wrong.status_code == 422


def test_a_retry_of_an_older_client_is_known_again(client: TestClient) -> None:
    """Fields that came with the vault do not change the meaning of a body without."""
    headers = {**AUTH, "Idempotency-Key": "older-client"}
    body = {"category": "R02", "description": "穴", "address": "西成区津守2-7-13"}
    first = client.post("/v1/consultations", json=body, headers=headers)
    again = client.post(
        "/v1/consultations", json={**body, "reporter": {"kana": ""}}, headers=headers
    )
    assert (first.status_code, again.status_code) == (201, 200)
    other = {**body, "reporter": {"kana": "ヤマダ"}}
    answer = client.post("/v1/consultations", json=other, headers=headers)
    assert answer.status_code == 409


# -- nowhere else ----------------------------------------------------------------------


@pytest.fixture
def alone(tmp_path: Path, geodata_dir: Path) -> Iterator[TestClient]:
    """Serve an installation on an SQLite file of its own."""
    settings = settings_for(tmp_path, geodata_dir, database="sqlite")
    with running(settings) as served:
        yield served


PAGES = ("/", "/charts", "/charts.csv", "/map", "/plan", "/places", "/about")


def read_all(client: TestClient, chart_id: str) -> dict[str, str]:
    """Texts of every kind of answer but the reveal."""
    texts = {path: client.get(path, headers=BROWSER).text for path in PAGES}
    for path in (f"/charts/{chart_id}", f"/c/{chart_id}", "/maps/overview"):
        texts[path] = client.get(path, headers=BROWSER).text
    one = f"/v1/consultations/{chart_id}"
    texts[one] = client.get(one, headers=AUTH).text
    bad = {"category": "R02", "description": "", "reporter": SENT}
    texts["refused"] = client.post("/v1/consultations", json=bad, headers=AUTH).text
    long = {**bad, "address": "西成区", "reporter": {**SENT, "name": HANAKO.name * 60}}
    texts["too long"] = client.post("/v1/consultations", json=long, headers=AUTH).text
    texts["found"] = client.post(FOUND, data=ASK, headers=BROWSER).text
    texts["found by program"] = client.post(API, json=ASK, headers=AUTH).text
    texts["history"] = repr(services_of(client).store.history(chart_id))
    texts["record"] = repr(services_of(client).vault.record())
    return texts


def text_of(file: Path) -> str:
    """Text of a written file, as a reader sees it."""
    if file.suffix != ".pdf":
        return file.read_bytes().decode(errors="replace")
    with pdfium.PdfDocument(file) as document:
        return "".join(page.get_textpage().get_text_range() for page in document)


def test_a_planted_person_is_in_no_byte_but_the_reveal(
    alone: TestClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    chart_id = chart_of_hanako(alone)
    assert HANAKO.name in revealed(alone, chart_id)
    services = services_of(alone)
    run_day(
        services, DAY, tmp_path / "out", who="配車係", times=StepTimes(), told=silent
    )
    texts = read_all(alone, chart_id)
    texts |= {
        str(file): text_of(file)
        for file in (tmp_path / "out").rglob("*")
        if file.suffix in {".pdf", ".html", ".json", ".csv"}
    }
    assert {Path(name).suffix for name in texts} >= {".pdf", ".html", ".json"}
    texts["log"] = caplog.text
    for name, text in texts.items():
        for word in WORDS:
            assert word not in text, name
    for file in (*tmp_path.glob("kidohan.sqlite3*"), tmp_path / "vault.key"):
        content = file.read_bytes()
        for word in WORDS:
            assert word.encode() not in content, file.name
            assert word.encode("utf-16-le") not in content, file.name


def silent(_text: str, _done: float) -> None:
    """Tell nobody how far it is."""
