"""Pages and API of topics, duplicates and merging."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.wiring import Services
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.life_cycle import Act
from tests.api.installation import (
    ADDRESS,
    AUTH,
    BROWSER,
    HOSTILE,
    NOWHERE,
    num_charts,
    person_of,
    sent,
    services_of,
)

S = ChartStatus
TOPIC = {"category": "R13", "description": "街灯も消えている"}
REPORTER = {"name": "蔵前姫子", "phone": "06-0000-7431", "address": "松崎町9-98-76"}
Answer = dict[str, Any]


def at(number: int) -> dict[str, object]:
    """Give each test an address of its own, so that no other is near."""
    return {"address": f"西成区玉出中1-{number}-3", "landmark": f"目印{number}"}


def chart_of(client: TestClient, chart_id: object) -> CaseChart:
    return services_of(client).store.get(str(chart_id))


def post(client: TestClient, path: str, body: Answer, status: int = 200) -> Answer:
    response = client.post(f"/v1{path}", json=body, headers=AUTH)
    assert response.status_code == status, response.text
    found: Answer = response.json()
    return found


def read(client: TestClient, path: str) -> Answer:
    response = client.get(f"/v1{path}", headers=AUTH)
    assert response.status_code == 200, response.text
    found: Answer = response.json()
    return found


def page(client: TestClient, path: str) -> str:
    response = client.get(path, headers=BROWSER)
    assert response.status_code == 200, response.text
    return response.text


def form(client: TestClient, path: str, status: int = 303, **data: object) -> str:
    response = client.post(path, data=data, headers=BROWSER, follow_redirects=False)
    assert response.status_code == status, response.text
    return response.text


# -- topics ----------------------------------------------------------------------------


def test_a_call_with_topics_comes_in_as_charts_with_one_receipt(
    client: TestClient,
) -> None:
    before = num_charts(client)
    referral = {"category": "F01", "description": "介護のこと"}
    body = {**at(11), "topics": [TOPIC, referral], "reporter": REPORTER}
    first = sent(client, **body)
    assert num_charts(client) == before + 3
    text = page(client, f"/charts/{first['id']}/receipt")
    assert text.count(str(first["number"])) >= 2
    assert "道路照明灯" in text
    assert "福祉・介護・子育て" in text
    for words in (*REPORTER.values(), "街灯も消えている", "介護のこと"):
        assert words not in text
    other = services_of(client).cases.topics.receipt(str(first["id"])).charts[1]
    read_back = read(client, f"/consultations/{other.id}")
    assert read_back["parent_id"] == first["id"]
    # the reporter is asked for through any topic, and stored once
    assert person_of(client, other.id).name == REPORTER["name"]
    assert "氏名・電話・住所(伏せています)" in page(client, f"/charts/{other.id}")


def test_a_retry_of_a_call_with_topics_adds_nothing(client: TestClient) -> None:
    body = {
        "category": "R02",
        "description": "",
        "address": ADDRESS,
        "topics": [TOPIC],
    }
    headers = {**AUTH, "Idempotency-Key": "call-1"}
    answers = [
        client.post("/v1/consultations", json=body, headers=headers) for _ in range(2)
    ]
    assert [one.status_code for one in answers] == [201, 200]
    before = num_charts(client)
    body["topics"] = [TOPIC, TOPIC]
    other = client.post("/v1/consultations", json=body, headers=headers)
    assert other.status_code == 409  # the same key for another call
    assert num_charts(client) == before


def test_a_slot_is_for_one_visit(client: TestClient) -> None:
    body = {
        "category": "R02",
        "description": "",
        "address": ADDRESS,
        "topics": [TOPIC],
        "slot_id": "0000000000",
    }
    refused = post(client, "/consultations", body, 422)
    assert refused["errors"][0]["field"] == "slot_id"


def test_a_chart_is_split_by_the_api_and_on_its_page(client: TestClient) -> None:
    first = sent(client, **at(12))
    path = f"/consultations/{first['id']}/topics"
    receipt = post(client, path, {"topics": [TOPIC], "version": 1, "who": "係"}, 201)
    assert receipt["number"] == first["number"]
    assert [one["category"] for one in receipt["topics"]] == ["R02", "R13"]
    stale = {"topics": [TOPIC], "version": 1, "who": "係"}
    assert post(client, path, stale, 409)["current_version"] == 2
    unknown = {"topics": [{"category": "X99"}], "version": 2, "who": "係"}
    post(client, path, unknown, 422)
    words: Answer = {
        "version": 2,
        "category": "R06",
        "description": HOSTILE,
        "who": "係",
    }
    form(client, f"/charts/{first['id']}/topics", **words)
    shown = page(client, f"/charts/{first['id']}")
    assert "側溝・街渠ますの詰まり" in shown
    form(client, f"/charts/{first['id']}/topics", 422, version=3, category="", who="係")


# -- likely duplicates -----------------------------------------------------------------


def test_like_charts_are_told_with_their_reasons(client: TestClient) -> None:
    first, second = sent(client, **at(21)), sent(client, **at(21), category="R03")
    found = read(client, f"/consultations/{second['id']}/duplicates")["duplicates"]
    one = found[0]  # the same address; the others are only in the same 丁目
    assert one["number"] == first["number"]
    assert all(other["score"] < one["score"] for other in found[1:])
    assert (one["category"], one["status"], one["days"]) == ("R02", "assigned", 0)
    assert one["why"][1] == "近い分類"
    assert "西成区玉出中" in one["place"]
    shown = page(client, f"/charts/{second['id']}")
    assert f'value="{first["id"]}@1"' in shown
    unplaced = sent(client, address=NOWHERE)
    assert read(client, f"/consultations/{unplaced['id']}/duplicates") == {
        "duplicates": []
    }


def test_what_is_being_typed_is_compared_and_never_stored(client: TestClient) -> None:
    first = sent(client, **at(22))
    before = num_charts(client)
    draft = {"category": "R02", **at(22)}
    found = post(client, "/duplicates", draft)["duplicates"]
    assert first["number"] in {one["number"] for one in found}
    typed = client.post("/desk/duplicates", json=draft)
    lines = typed.json()["duplicates"]
    assert set(lines[0]) == {"id", "number", "category", "status", "why"}
    assert "路面の穴ぼこ(ポットホール)" in {line["category"] for line in lines}
    assert num_charts(client) == before
    at_point = {"category": "R02", "position": {"lon": 135.48, "lat": 34.64}}
    assert isinstance(post(client, "/duplicates", at_point)["duplicates"], list)
    assert post(client, "/duplicates", {"category": "R02"}, 422)
    assert post(client, "/duplicates", {"category": "X99", **at(22)}, 422)


# -- merging ---------------------------------------------------------------------------


def merged(client: TestClient, number: int, **more: object) -> tuple[Answer, Answer]:
    """Send two reports of one hole, and merge the second into the first."""
    first = sent(client, **at(number), **more)
    second = sent(client, **at(number), **more)
    body = {"version": 1, "main_id": first["id"], "main_version": 1, "who": "配車"}
    done = post(client, f"/consultations/{second['id']}/merge", body)
    assert (done["version"], done["main_version"]) == (2, 2)
    return first, second


def test_a_merged_chart_tells_where_the_one_it_follows_stands(
    client: TestClient,
) -> None:
    first, second = merged(client, 31)
    out = read(client, f"/consultations/{second['id']}")
    assert (out["status"], out["duplicate_of"]) == ("duplicate", first["id"])
    assert out["followed"] == {"number": first["number"], "status": "assigned"}
    life = services_of(client).life_cycle
    moved = chart_of(client, first["id"])
    life.act(moved.id, moved.version, Act.ACCEPT, who="係")
    after = read(client, f"/consultations/{second['id']}")
    assert after["followed"]["status"] == "accepted"
    shown = page(client, f"/charts/{second['id']}")
    assert f'href="/charts/{first["id"]}"' in shown
    assert "受理" in shown
    assert "再受付する" not in shown  # split off instead, with its clocks
    assert read(client, f"/consultations/{first['id']}")["followed"] is None


def test_a_merging_is_undone_by_the_api_with_a_reason(client: TestClient) -> None:
    first, second = merged(client, 32)
    path = f"/consultations/{second['id']}/unmerge"
    post(client, path, {"version": 2, "who": "係", "why": ""}, 422)
    done = post(client, path, {"version": 2, "who": "係", "why": "別の穴"})
    assert done["duplicate"]["status"] == "received"
    assert done["main"]["id"] == first["id"]
    post(client, path, {"version": 3, "who": "係", "why": "もう一度"}, 409)


def test_charts_are_merged_on_the_page_either_way(client: TestClient) -> None:
    charts = [sent(client, **at(33)) for _ in range(3)]
    one, two, three = (str(chart["id"]) for chart in charts)
    number = str(charts[0]["number"])
    # by number: into the one that was typed
    form(client, f"/charts/{two}/merge", version=1, other=number, who="係")
    assert chart_of(client, two).duplicate_of == one
    # by the suggestion: this one is kept
    stale: Answer = {"version": 1, "other": f"{one}@1", "keep": "this", "who": "係"}
    form(client, f"/charts/{three}/merge", 409, **stale)
    chosen: Answer = {"version": 1, "other": f"{one}@2", "keep": "this"}
    form(client, f"/charts/{three}/merge", **chosen, who="係", why="同じ穴")
    assert chart_of(client, one).duplicate_of == three
    assert chart_of(client, two).duplicate_of == three  # came along
    shown = page(client, f"/charts/{three}")
    assert "まとめた2件" in shown
    form(client, f"/charts/{three}/merge", 409, version=1, other=one, who="係")
    for other, status in (("zzz", 404), ("R8-00000-999999", 404), ("zzz@x", 422)):
        form(
            client,
            f"/charts/{three}/merge",
            status,
            version=1,
            other=other,
            who="係",
        )
    undo: Answer = {
        "version": chart_of(client, one).version,
        "why": "別の穴",
        "who": "係",
    }
    form(client, f"/charts/{one}/unmerge", **undo)
    assert chart_of(client, one).status is S.RECEIVED


def answer(client: TestClient, chart_id: object, **more: Any) -> None:  # noqa: ANN401
    version = chart_of(client, chart_id).version
    told: Answer = {
        "method": "phone",
        "kind": "done",
        "text": "埋めました",
        "who": "係",
    }
    form(client, f"/charts/{chart_id}/answers", version=version, **told, **more)


def complete(client: TestClient, chart_id: object) -> None:
    version = chart_of(client, chart_id).version
    done: Answer = {"version": version, "outcome": "permanent", "who": "班長"}
    form(client, f"/charts/{chart_id}/outcome", **done)


def test_answering_the_kept_one_answers_everybody_who_waits(
    client: TestClient,
) -> None:
    first, second = merged(client, 34, contact_wanted=True)
    complete(client, first["id"])
    shown = page(client, f"/charts/{first['id']}")
    assert "まとめた1件の申出人にも、同じ回答をした" in shown
    answer(client, first["id"], also_merged="1")
    found = chart_of(client, second["id"])
    assert (found.status, len(found.answers)) == (S.ANSWERED, 1)
    assert found.answered_at is not None


def test_the_answer_can_be_passed_on_later(client: TestClient) -> None:
    first, second = merged(client, 35, contact_wanted=True)
    complete(client, first["id"])
    answer(client, first["id"])
    assert chart_of(client, second["id"]).status is S.DUPLICATE
    shown = page(client, f"/charts/{first['id']}")
    assert "待っている1件にも記録する" in shown
    form(client, f"/charts/{first['id']}/answer-merged", who="係")
    assert chart_of(client, second["id"]).status is S.ANSWERED


def test_an_interim_answer_is_one_reporters_alone(client: TestClient) -> None:
    first, second = merged(client, 36, contact_wanted=True)
    answer(client, first["id"], interim="1", also_merged="1")
    assert chart_of(client, second["id"]).answers == ()


@pytest.fixture
def services(client: TestClient) -> Services:
    return services_of(client)


def test_what_cannot_be_merged_says_why_on_the_page(
    client: TestClient, services: Services
) -> None:
    first, second = sent(client, **at(37)), sent(client, **at(37))
    moved = chart_of(client, first["id"])
    services.store.save_all([(moved.moved(S.PLANNED), ())])
    shown = page(client, f"/charts/{second['id']}")
    assert "残せるのは選んだほうだけ" in shown
    shown = page(client, f"/charts/{first['id']}")
    assert "残せるのはこのカルテだけ" in shown
    complete(client, first["id"])
    later = services.store.get(str(second["id"]))
    assert later.status is S.ASSIGNED
    assert "対応が済んで" in services.cases.merges.obstacle(
        chart_of(client, first["id"]), later
    )


# -- the telephone desk's form ---------------------------------------------------------


def test_a_call_with_two_more_topics_is_taken_on_one_form(client: TestClient) -> None:
    before = num_charts(client)
    call: Answer = {
        "category": "R02",
        **at(41),
        "description": "穴",
        "topic_2_category": "R13",
        "topic_2_description": "街灯",
        "topic_4_category": "F01",
        "reporter_name": REPORTER["name"],
        "who": "受付",
    }
    form(client, "/charts/new", **call)
    assert num_charts(client) == before + 3
    first = services_of(client).store.find()[-1]
    receipt = services_of(client).cases.topics.receipt(first.id)
    codes = [one.category_code for one in receipt.charts]
    assert codes == ["R02", "R13", "F01"]
    assert receipt.charts[1].consultation.description == "街灯"


def test_a_topic_without_a_category_comes_back_with_what_was_typed(
    client: TestClient,
) -> None:
    before = num_charts(client)
    call: Answer = {"category": "R02", **at(42), "topic_3_description": "街灯の話"}
    text = form(client, "/charts/new", 422, **call, who="受付")
    assert "話題3の分類: 話題の分類を選んでください" in text
    assert 'href="#topic_3_category"' in text
    assert "街灯の話" in text
    assert num_charts(client) == before
