"""Triage through the pages and the API: the list, classing anew, the adviser."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from dispatch.domain.case_chart import CaseChart, ChartStatus, EntryKind
from dispatch.domain.catalogue import Urgency
from dispatch.domain.scheme import Scheme
from dispatch.domain.triage import Reply
from tests.api.installation import (
    AUTH,
    BROWSER,
    HOSTILE,
    NOWHERE,
    sent,
    services_of,
)

NORTH = "北区中之島1丁目3-20"


def posted(client: TestClient, url: str, **form: str) -> Response:
    return client.post(url, data=form, headers=BROWSER, follow_redirects=False)


def page_of(client: TestClient, url: str) -> str:
    answer = client.get(url, headers=BROWSER)
    assert answer.status_code == 200, answer.text
    return answer.text


def chart_of(client: TestClient, sent_chart: dict[str, object]) -> CaseChart:
    return services_of(client).store.get(str(sent_chart["id"]))


# -- the list --------------------------------------------------------------------------


def test_the_list_shows_what_waits_and_is_narrowed(client: TestClient) -> None:
    lost = sent(client, address=NOWHERE)
    unclear = sent(client, category="Z01")
    plain = sent(client)
    urgent = sent(client, category="R11", address=NORTH)
    page = page_of(client, "/triage")
    for one in (lost, unclear, urgent):
        assert f"/charts/{one['id']}#triage" in page
    assert f"/charts/{plain['id']}#triage" not in page
    assert page.index(str(urgent["id"])) < page.index(str(lost["id"]))
    only = page_of(client, "/triage?reason=urgent&ward=271276")
    assert str(urgent["id"]) in only
    assert str(lost["id"]) not in only
    assert 'class="empty"' in page_of(client, "/triage?ward=271039&reason=unplaced")


# -- classing anew on the page ---------------------------------------------------------


def test_staff_lower_on_the_page_with_a_reason(client: TestClient) -> None:
    one = sent(client, category="R11")
    form = {"version": "1", "category": "G01", "who": "西", "why": "歩道の紙くず"}
    answer = posted(client, f"/charts/{one['id']}/class", **form)
    assert answer.headers["location"] == f"/charts/{one['id']}"
    chart = chart_of(client, one)
    assert (chart.urgency, chart.status) == (Urgency.B, ChartStatus.REFERRED)
    assert "歩道の紙くず" in page_of(client, f"/charts/{one['id']}")


def test_what_the_caller_said_later_is_added_on_the_page(client: TestClient) -> None:
    one = sent(client)
    page = page_of(client, f"/charts/{one['id']}")
    assert "聞き取りは、まだ記録されていません" in page
    form = {"version": "1", "triage_deep": "yes", "triage_block": "", "who": "西"}
    answer = posted(client, f"/charts/{one['id']}/triage", **form)
    assert answer.status_code == 303, answer.text
    chart = chart_of(client, one)
    assert chart.urgency is Urgency.S
    assert [(r.question_id, r.reply) for r in chart.triage] == [("deep", Reply.YES)]
    page = page_of(client, f"/charts/{one['id']}")
    assert "まだ記録されていません" not in page
    assert 'name="triage_deep"' not in page


def test_a_note_on_the_law_stands_on_the_page(client: TestClient) -> None:
    one = sent(client)
    form = {"version": "1", "legal_note": f"協議が要る {HOSTILE}", "who": "技術OB"}
    answer = posted(client, f"/charts/{one['id']}/legal-note", **form)
    assert answer.status_code == 303, answer.text
    page = page_of(client, f"/charts/{one['id']}")
    assert "法的制約: 協議が要る &lt;script&gt;" in page


@pytest.mark.parametrize(
    ("act", "form", "status"),
    [
        ("class", {"urgency": "至急", "why": "理由"}, 422),
        ("class", {"scheme": "law", "why": "理由"}, 422),
        ("class", {"urgency": "C", "why": " "}, 422),
        ("class", {"urgency": "C", "why": "理由", "version": "9"}, 409),
        ("class", {"urgency": "C", "why": "理由", "version": "一"}, 422),
        ("triage", {}, 422),
        ("triage", {"triage_deep": "yes", "version": "一"}, 422),
        ("triage", {"triage_x": "yes"}, 422),
        ("legal-note", {"legal_note": ""}, 422),
    ],
)
def test_what_is_refused_on_the_page_changes_nothing(
    act: str, form: dict[str, str], status: int, client: TestClient
) -> None:
    one = sent(client)
    whole = {"version": "1", "who": "西", **form}
    answer = posted(client, f"/charts/{one['id']}/{act}", **whole)
    assert answer.status_code == status
    assert '<html lang="ja">' in answer.text
    assert chart_of(client, one).version == 1


# -- the API ---------------------------------------------------------------------------


def asked(
    client: TestClient,
    one: dict[str, object],
    act: str,
    **body: Any,  # noqa: ANN401
) -> Response:
    return client.post(
        f"/v1/consultations/{one['id']}/{act}",
        json={"version": 1, "who": "西", **body},
        headers=AUTH,
    )


def test_a_system_sends_the_replies_with_the_consultation(client: TestClient) -> None:
    one = sent(client, triage={"deep": "no", "cavity": "yes"})
    assert (one["urgency"], one["triage"]) == ("S", {"deep": "no", "cavity": "yes"})
    questions = client.get("/v1/triage/questions", headers=AUTH).json()
    assert [q["id"] for q in questions if q["raises_to"] == "S"] == [
        "deep",
        "cavity",
        "block",
    ]
    assert "R02" in questions[0]["categories"]
    assert "F01" not in questions[2]["categories"]


@pytest.mark.parametrize(
    "triage",
    [
        {"nothing": "yes"},
        {"deep": "perhaps"},
        ["deep"],
        {f"q{n}": "no" for n in range(41)},
    ],
)
def test_replies_that_are_none_are_refused(triage: object, client: TestClient) -> None:
    body = {"category": "R02", "description": "穴", "address": NORTH, "triage": triage}
    answer = client.post("/v1/consultations", json=body, headers=AUTH)
    assert answer.status_code == 422


def test_a_retry_without_replies_keeps_the_meaning_of_old_keys(
    client: TestClient,
) -> None:
    body = {"category": "R02", "description": "穴", "address": NORTH}
    headers = {**AUTH, "Idempotency-Key": "triage-1"}
    first = client.post("/v1/consultations", json=body, headers=headers)
    empty = {**body, "triage": {}}
    again = client.post("/v1/consultations", json=empty, headers=headers)
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    other = {**body, "triage": {"deep": "yes"}}
    answer = client.post("/v1/consultations", json=other, headers=headers)
    assert answer.status_code == 409


def test_a_system_adds_replies_and_staff_class_anew(client: TestClient) -> None:
    one = sent(client)
    raised = asked(client, one, "replies", replies={"injury": "yes"}).json()
    assert (raised["urgency"], raised["version"]) == ("A", 2)
    answer = asked(
        client,
        one,
        "class",
        version=2,
        category="R03",
        urgency="C",
        scheme="citizen_voice",
        duty_note="補修計画",
        why="浅い",
    )
    after = answer.json()
    assert (after["category"], after["urgency"]) == ("R03", "C")
    chart = chart_of(client, one)
    assert chart.scheme is Scheme.CITIZEN_VOICE
    assert chart.answer_due_at is not None
    last = services_of(client).store.history(chart.id)[-1]
    assert last.kind is EntryKind.ASSIGNED


@pytest.mark.parametrize(
    ("act", "body", "status"),
    [
        ("replies", {"replies": {}}, 422),
        ("replies", {"replies": {"nothing": "yes"}}, 422),
        ("replies", {"replies": {"deep": "yes"}, "version": 7}, 409),
        ("class", {"why": "", "urgency": "C"}, 422),
        ("class", {"why": "理由"}, 422),
        ("class", {"why": "理由", "urgency": "D"}, 422),
        ("class", {"why": "理由", "category": "R03", "version": 7}, 409),
    ],
)
def test_what_cannot_be_classed_is_refused(
    act: str, body: dict[str, Any], status: int, client: TestClient
) -> None:
    one = sent(client)
    answer = asked(client, one, act, **body)
    assert answer.status_code == status
    if status == 409:
        assert answer.json()["current_version"] == 1
    assert chart_of(client, one).version == 1


# -- the adviser -----------------------------------------------------------------------


@pytest.fixture
def in_nishinari(client: TestClient) -> Callable[..., dict[str, object]]:
    return lambda **body: sent(client, address="西成区津守2-7-13", **body)


def test_the_adviser_sees_open_questions_of_wards_with_a_desk(
    client: TestClient, in_nishinari: Callable[..., dict[str, object]]
) -> None:
    here = in_nishinari()
    bicycle = in_nishinari(category="B01")
    elsewhere = sent(client, address=NORTH)  # 北区 has no desk
    page = page_of(client, "/adviser")
    assert f"/charts/{here['id']}#triage" in page
    assert str(bicycle["id"]) not in page
    assert str(elsewhere["id"]) not in page
    assert str(here["id"]) in page_of(client, "/adviser?ward=271225")
    assert 'class="empty"' in page_of(client, "/adviser?ward=271276")
    assert 'class="empty"' in page_of(client, "/adviser?ward=271268")


def test_the_report_compares_and_is_given_as_a_table(
    client: TestClient, in_nishinari: Callable[..., dict[str, object]]
) -> None:
    one = in_nishinari()
    asked(client, one, "class", category="R03", why="浅い")
    sent(client, address=NORTH)
    page = page_of(client, "/adviser/report")
    assert "西成区" in page
    assert "北区" in page
    answer = client.get("/adviser/report.csv?since=2026-11&until=2026-11")
    assert (
        "technical-advisers-2026-11-2026-11.csv"
        in answer.headers["content-disposition"]
    )
    text = answer.content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    west = next(row for row in rows if row["区"] == "西成区")
    assert (west["技術職OB"], west["年月"]) == ("あり", "2026-11")
    assert int(west["分類し直し"]) >= 1
    assert {row["技術職OB"] for row in rows if row["区"] == "北区"} == {"なし"}
    assert [row["技術職OB"] for row in rows if row["区"] == "合計"] == ["あり", "なし"]
    empty = page_of(client, "/adviser/report?since=2025-01&until=2025-02")
    assert 'class="empty"' in empty


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("since=2026-11&until=2026-10", 422),
        ("since=2011-01", 422),
        ("since=x", 422),
        ("since=2026-13&until=2026-14", 200),  # no such months: this one
    ],
)
def test_a_report_over_a_strange_time_is_refused_or_of_this_month(
    query: str, status: int, client: TestClient
) -> None:
    answer = client.get(f"/adviser/report?{query}", headers=BROWSER)
    assert answer.status_code == status
