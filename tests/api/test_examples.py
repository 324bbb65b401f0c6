"""The library of case examples: made of closed charts, without persons, searchable."""

from __future__ import annotations

import csv
import io

import pytest
from fastapi.testclient import TestClient

from dispatch.domain.life_cycle import Act
from tests.api.installation import AUTH, BROWSER, sent, services_of

pytestmark = pytest.mark.both_databases

PERSON = {"name": "事例野花", "phone": "06-0000-6432"}
DRAFT = {
    "question": "歩道の段差でつまずくという相談",
    "action": "現地を確かめ、アスファルトですりつけた",
    "answer": "すりつけが終わったと電話で伝えた",
    "lesson": "",
    "who": "広聴係",
}


def closed(client: TestClient, **changes: object) -> str:
    """Return a chart that was withdrawn and closed."""
    chart_id = str(sent(client, reporter=PERSON, **changes)["id"])
    life = services_of(client).life_cycle
    chart = services_of(client).store.get(chart_id)
    chart = life.act(chart_id, chart.version, Act.WITHDRAW, who="係", why="取り下げ")
    life.act(chart_id, chart.version, Act.CLOSE, who="係", why="")
    return chart_id


def made(client: TestClient, chart_id: str, **changes: str) -> tuple[int, str]:
    answer = client.post(
        f"/charts/{chart_id}/example",
        data={**DRAFT, **changes},
        headers=BROWSER,
        follow_redirects=False,
    )
    return answer.status_code, answer.text


def found(client: TestClient, query: str) -> list[dict[str, str]]:
    answer = client.get(f"/v1/examples?{query}", headers=AUTH)
    assert answer.status_code == 200
    hits: list[dict[str, str]] = answer.json()
    return hits


def test_an_example_is_made_of_a_closed_chart_and_found_by_words(
    client: TestClient,
) -> None:
    chart_id = closed(client)
    page = client.get(f"/charts/{chart_id}", headers=BROWSER).text
    assert f"/charts/{chart_id}/example" in page
    form = client.get(f"/charts/{chart_id}/example", headers=BROWSER).text
    assert 'name="question"' in form
    status, _ = made(client, chart_id)
    assert status == 303
    # width and case of letters do not count, and every word must be there
    (hit,) = found(client, "q=段差 アスファルト")
    assert hit["category"] == "R02"
    assert hit["ward_code"] == "271225"
    assert found(client, "q=ｱｽﾌｧﾙﾄ&category=R02&ward=271225") == [hit]
    assert found(client, "q=段差 公園") == []
    assert found(client, "q=段差&category=W01") == []
    assert found(client, "q=段差&ward=271233") == []
    assert found(client, "q=%25") == []  # no sign stands for any word
    page = client.get("/examples?q=段差", headers=BROWSER).text
    assert DRAFT["action"] in page
    text = client.get("/examples.csv?q=段差").text.lstrip("\ufeff")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[1][2] == DRAFT["question"]
    # a chart has one example
    assert made(client, chart_id)[0] == 409
    form = client.get(f"/charts/{chart_id}/example", headers=BROWSER).text
    assert "すでにあります" in form


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"question": "事例野花さんからの相談"}, "相談の内容: "),
        ({"answer": "06-0000-1111に電話した"}, "答えたこと: 電話番号"),
        ({"action": "津守2丁目7番13号の前"}, "したこと: 番地か号"),
        ({"lesson": "津守2-7-13 ほか"}, "次に生かすこと: 番地か号"),
        ({"answer": " "}, "答えたこと: 入れてください"),
        ({"who": " "}, "担当者: "),
        ({"lesson": "あ" * 4001}, "次に生かすこと: "),
    ],
)
def test_what_tells_of_a_person_is_refused_and_stays_in_the_form(
    client: TestClient, changes: dict[str, str], words: str
) -> None:
    chart_id = closed(client)
    status, text = made(client, chart_id, **changes)
    assert status == 422
    assert f"<p>{words}" in text
    assert DRAFT["question"] in text or "question" in changes
    assert services_of(client).examples.of_chart(chart_id) is None


def test_numbers_that_were_looked_at_may_stand(client: TestClient) -> None:
    chart_id = closed(client)
    words = "1-2時間かかる作業、3番の道具"
    assert made(client, chart_id, lesson=words)[0] == 422
    assert made(client, chart_id, lesson=words, confirmed="1")[0] == 303
    # but nobody can confirm a person's name
    other = closed(client)
    changes = {"lesson": "事例野花さん", "confirmed": "1"}
    assert made(client, other, **changes)[0] == 422


def test_an_open_chart_makes_no_example(client: TestClient) -> None:
    chart_id = str(sent(client)["id"])
    assert made(client, chart_id)[0] == 409
    form = client.get(f"/charts/{chart_id}/example", headers=BROWSER).text
    assert "終結した相談だけ" in form


def test_an_example_is_taken_away_with_a_reason_in_the_history(
    client: TestClient,
) -> None:
    chart_id = closed(client)
    made(client, chart_id, question="外す事例")
    (hit,) = found(client, "q=外す事例")
    address = f"/examples/{hit['id']}/remove"
    assert client.post(address, data={"who": "係", "why": " "}).status_code == 422
    form = {"who": "係", "why": "場所が分かるため"}
    answer = client.post(address, data=form, follow_redirects=False)
    assert answer.status_code == 303
    assert found(client, "q=外す事例") == []
    lines = services_of(client).store.history(chart_id)
    assert lines[-1].text == "相談事例から外しました: 場所が分かるため"
    assert client.post(address, data=form, headers=BROWSER).status_code == 404


def test_an_empty_search_says_how_to_go_on(client: TestClient) -> None:
    page = client.get("/examples?q=そのような言葉はない", headers=BROWSER).text
    assert "条件に合う事例はありません" in page
