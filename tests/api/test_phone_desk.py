"""The telephone desk: what the form takes, gives back, and says while one types."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from api.desk_form import FIELD_IDS, field_id
from api.wording import FIELD_TEXT
from dispatch.domain.case_chart import EntryKind
from dispatch.domain.catalogue import Urgency
from dispatch.domain.consultation import Channel, ContactMethod, ReporterKind
from dispatch.domain.guide import Guide
from dispatch.domain.scheme import Scheme
from dispatch.domain.triage import Reply
from tests.api.installation import (
    ADDRESS,
    BROWSER,
    HOSTILE,
    NOWHERE,
    num_charts,
    services_of,
)

FILLED = {
    "category": "R02",
    "subject": "歩道の穴",
    "description": "自転車が倒れそう",
    "address": ADDRESS,
    "landmark": "ポンプ場の前",
    "channel": "counter",
    "scheme": "request",
    "desk_name": "区役所 地域課",
    "reporter_kind": "community",
    "reporter_kana": "ヤマダ",
    "reporter_role": "町会長",
    "contact_wanted": "1",
    "contact_method": "letter",
    "contact_hours": "夕方",
    "triage_deep": "yes",
    "triage_block": "no",
    "triage_school": "unknown",
    "appointment_day": "2026-11-25",
    "appointment_start": "10:00",
    "appointment_end": "12:00",
    "who": "受付係",
}


def posted(client: TestClient, **changes: str) -> Response:
    return client.post(
        "/charts/new",
        data={**FILLED, **changes},
        headers=BROWSER,
        follow_redirects=False,
    )


def checked(page: str) -> dict[str, str]:
    """Radio buttons and boxes that are ticked, by name."""
    marks = re.findall(r'name="([^"]+)" value="([^"]*)" checked', page)
    return dict(marks)


def chosen(page: str, name: str) -> str:
    """Option that is selected in a list."""
    box = re.search(rf'<select id="{name}".*?</select>', page, re.DOTALL)
    assert box is not None, name
    found = re.search(r'value="([^"]*)"[^>]* selected', box.group())
    return found.group(1) if found else ""


def test_everything_that_was_filled_in_reaches_the_chart(client: TestClient) -> None:
    answer = posted(client)
    assert answer.status_code == 303, answer.text
    chart_id = answer.headers["location"].rpartition("/")[2]
    store = services_of(client).store
    chart = store.get(chart_id)
    said = chart.consultation
    assert (said.subject, said.desk) == ("歩道の穴", "区役所 地域課")
    assert said.channel is Channel.COUNTER
    assert said.reporter_kind is ReporterKind.COMMUNITY
    assert (said.contact_method, said.contact_hours) == (ContactMethod.LETTER, "夕方")
    assert (said.stated_scheme, chart.scheme) == (Scheme.REQUEST, Scheme.REQUEST)
    assert {one.question_id: one.reply for one in chart.triage} == {
        "deep": Reply.YES,
        "block": Reply.NO,
        "school": Reply.UNKNOWN,
    }
    assert chart.urgency is Urgency.S
    assert said.appointment is not None
    assert said.appointment.start_at.hour == 10
    line = next(e for e in store.history(chart_id) if e.kind is EntryKind.TRIAGED)
    assert (line.who, line.about) == ("受付係", "deep")
    page = client.get(f"/charts/{chart_id}", headers=BROWSER).text
    assert "穴や段差の深さは10cmを超えますか" in page


def test_everything_typed_comes_back_with_an_error(client: TestClient) -> None:
    before = num_charts(client)
    answer = posted(client, subject="長" * 41)
    assert answer.status_code == 422
    page = answer.text
    assert f'<a href="#subject">{FIELD_TEXT["subject"]}: ' in page
    for name in ("address", "landmark", "desk_name", "contact_hours", "reporter_role"):
        assert f'value="{FILLED[name]}"' in page, name
    names = ("category", "channel", "scheme", "reporter_kind", "contact_method")
    for name in names:
        assert chosen(page, name) == FILLED[name], name
    assert checked(page) == {
        "triage_deep": "yes",
        "triage_block": "no",
        "triage_school": "unknown",
        "contact_wanted": "1",
    }
    assert "手引き: R02" in page
    assert num_charts(client) == before


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"triage_nothing": "yes"}, "triage"),
        ({"triage_deep": "maybe"}, "form"),
        ({"scheme": "law"}, "form"),
        ({"contact_method": "pigeon"}, "form"),
        ({"reporter_kind": "cat"}, "form"),
        ({"tagged_on": "先週"}, "form"),
        ({"desk_name": "課" * 121}, "desk"),
        (
            {"appointment_day": "2026-11-24", "appointment_start": "25:00"},
            "appointment",
        ),
    ],
)
def test_a_choice_that_is_none_stores_nothing(
    changes: dict[str, str], told: str, client: TestClient
) -> None:
    before = num_charts(client)
    answer = posted(client, **changes)
    assert answer.status_code == 422
    assert f'<a href="#{field_id(told)}">{FIELD_TEXT[told]}: ' in answer.text
    assert num_charts(client) == before


def test_every_refused_field_has_its_place_on_the_page(client: TestClient) -> None:
    page = client.get("/charts/new", headers=BROWSER).text
    fields = ("category", "address", "subject", "description", "tagged_on")
    people = ("reporter.name", "reporter.kana", "reporter.phone", "reporter.role")
    for field in (*fields, *people, "contact_hours", "who", *FIELD_IDS):
        assert f'id="{field_id(field)}"' in page, field


def test_every_key_that_is_told_leads_somewhere_and_only_once(
    client: TestClient,
) -> None:
    page = client.get("/charts/new", headers=BROWSER).text
    keys = re.findall(r'accesskey="(\d)"', page)
    line = re.search(r"キー操作.*?</p>", page)
    assert line is not None
    assert sorted(keys) == sorted(re.findall(r"<kbd>(\d)</kbd>", line.group()))
    assert len(keys) == len(set(keys))


def test_hostile_words_come_back_as_words(client: TestClient) -> None:
    answer = posted(client, category="", subject=HOSTILE[:40], desk_name=HOSTILE)
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text


# -- while somebody types --------------------------------------------------------------


def told(client: TestClient, **typed: str) -> dict[str, object]:
    answer = client.post("/desk/places", json=typed)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def labels(answer: dict[str, object]) -> list[str]:
    suggestions = answer["suggestions"]
    assert isinstance(suggestions, list)
    return [one["label"] for one in suggestions]


def test_a_place_is_told_while_it_is_typed(client: TestClient) -> None:
    answer = told(client, address=ADDRESS)
    assert answer["found"] is True
    assert str(answer["text"]).startswith("西成区津守二丁目7-13(")
    assert answer["suggestions"] == []


def test_a_town_in_two_wards_is_offered_twice_and_then_its_parts(
    client: TestClient,
) -> None:
    answer = told(client, address="日本橋")
    assert answer["found"] is False
    offered = labels(answer)
    assert {"浪速区日本橋", "中央区日本橋"} <= set(offered)
    assert len(offered) == len(set(offered)) == 8


def test_a_town_without_its_number_is_not_yet_told(client: TestClient) -> None:
    answer = told(client, address="西成区津守")
    assert answer["found"] is False
    assert "西成区津守二丁目" in labels(answer)
    assert "西成区津守二丁目" in labels(told(client, address="大阪市 西成区津"))


@pytest.mark.parametrize(
    "typed", [{}, {"address": ""}, {"address": NOWHERE}, {"landmark": "津守小の南側"}]
)
def test_what_is_no_town_offers_none(typed: dict[str, str], client: TestClient) -> None:
    answer = told(client, **typed)
    assert isinstance(answer["text"], str)
    assert all("津守" in label for label in labels(answer))


@pytest.mark.parametrize(
    "body", [{"address": "長" * 301}, {"adress": "津守"}, ["津守"], {"address": 7}]
)
def test_what_is_no_place_is_refused_without_repeating_it(
    body: object, client: TestClient
) -> None:
    answer = client.post("/desk/places", json=body)
    assert answer.status_code == 422
    assert "津守" not in answer.text
    assert "長長" not in answer.text


def test_typing_from_another_site_is_refused(client: TestClient) -> None:
    answer = client.post(
        "/desk/places",
        json={"address": ADDRESS},
        headers={"Origin": "https://evil.example"},
    )
    assert answer.status_code == 403


# -- the guide -------------------------------------------------------------------------


def test_guide_is_searched_by_words_and_says_when_there_is_nothing(
    client: TestClient,
) -> None:
    whole = client.get("/guide", headers=BROWSER).text
    assert whole.count('href="/guide/') == 50
    found = client.get("/guide", params={"q": "まんほーる 音"}, headers=BROWSER).text
    assert 'href="/guide/W02"' in found
    assert 'href="/guide/B01"' not in found
    empty = client.get("/guide", params={"q": HOSTILE}, headers=BROWSER).text
    assert 'class="empty"' in empty
    assert "<script>alert" not in empty
    assert client.get("/guide", params={"q": "長" * 61}).status_code == 422


def test_one_entry_is_a_page_and_a_panel(client: TestClient) -> None:
    page = client.get("/guide/R02", headers=BROWSER).text
    assert "緊急度の聞き取り" in page
    assert "S 緊急まで上げる" in page
    panel = client.get("/guide/F01/panel", headers=BROWSER).text
    assert "<html" not in panel
    assert "保健福祉センター" in panel
    assert "緊急度の聞き取り" not in client.get("/guide/F01", headers=BROWSER).text


@pytest.mark.parametrize("url", ["/guide/X99", "/guide/X99/panel"])
def test_no_guide_for_what_is_no_category(url: str, client: TestClient) -> None:
    assert client.get(url, headers=BROWSER).status_code == 404


def test_a_category_that_the_guide_does_not_know_has_no_page_of_its_own(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = dict(services_of(client).desk.guide.entries)
    del entries["R02"]
    monkeypatch.setattr(Guide, "get", lambda _self, code: entries.get(code))
    assert client.get("/guide/R02", headers=BROWSER).status_code == 404
    panel = client.get("/guide/R02/panel", headers=BROWSER)
    assert 'class="empty"' in panel.text
