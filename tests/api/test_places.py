"""Places in doubt, through the pages and the API: settled, remembered, withdrawn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from api.place_schemas import PIN
from api.place_view import Turn, turn_of
from dispatch.domain.case_chart import CaseChart
from tests.api.installation import (
    AUTH,
    BROWSER,
    HOSTILE,
    NOWHERE,
    running,
    sent,
    services_of,
    settings_for,
    title_of,
)
from tests.builders import chart

TWO_WARDS = "日本橋"  # 中央区 and 浪速区 both have one
TSUMORI = {"lon": 135.4843, "lat": 34.6413}  # in 西成区
SAKAI = {"lon": 135.4730, "lat": 34.5530}  # south of the Yamato: another city
REASON = "申出人に電話で確かめた"
PROBLEM = "application/problem+json"
REVIEW, ENTRIES = "/v1/places/review", "/v1/local-places"


@pytest.fixture
def fresh(
    tmp_path: Path, geodata_dir: Path, served_database: str
) -> Iterator[TestClient]:
    """Serve an empty installation to one test."""
    settings = settings_for(tmp_path, geodata_dir, database=served_database)
    with running(settings) as served:
        yield served


def waiting(client: TestClient, address: str = NOWHERE, **more: object) -> str:
    """Send a consultation that nobody can place; its chart's id."""
    chart = sent(client, address=address, **more)
    assert chart["status"] == "unplaced"
    return str(chart["id"])


def form(**changes: object) -> dict[str, object]:
    """Fill in the review's form: a point of the map."""
    return {
        "version": "1",
        "choice": PIN,
        "lon": str(TSUMORI["lon"]),
        "lat": str(TSUMORI["lat"]),
        "radius_m": "60",
        "reason": REASON,
        "who": "佐藤",
        **changes,
    }


def posted(client: TestClient, path: str, fields: dict[str, object]) -> httpx2.Response:
    return client.post(path, data=fields, headers=BROWSER, follow_redirects=False)


def page_of(client: TestClient, path: str) -> str:
    response = client.get(path, headers=BROWSER)
    assert response.status_code == 200
    return response.text


def decision(**changes: object) -> dict[str, object]:
    return {
        "version": 1,
        "position": TSUMORI,
        "reason": REASON,
        "who": "佐藤",
        **changes,
    }


def entry_body(**changes: object) -> dict[str, object]:
    return {
        "text": "津守のポンプ場",
        "position": TSUMORI,
        "reason": REASON,
        "who": "佐藤",
        **changes,
    }


def got(client: TestClient, path: str) -> Any:  # noqa: ANN401 - JSON
    response = client.get(path, headers=AUTH)
    assert response.status_code == 200, response.text
    return response.json()


# -- the pages -------------------------------------------------------------------------


def test_an_empty_queue_says_what_will_appear_here(fresh: TestClient) -> None:
    text = page_of(fresh, "/places")
    assert title_of(text).startswith("位置の確認")
    assert "待っている相談はありません" in text
    assert "まだ項目がありません" in text


def test_the_queue_shows_the_words_of_the_place_and_nothing_else_said(
    fresh: TestClient,
) -> None:
    chart_id = waiting(
        fresh,
        TWO_WARDS,
        description="となりの田中さんが困っている",
        reporter={"name": "山田花子", "phone": "06-0000-0000"},
    )
    waiting(fresh, f"{NOWHERE}{HOSTILE}", ward="西成区", landmark="工場の裏")
    for path in ("/places", f"/places/{chart_id}"):
        text = page_of(fresh, path)
        assert TWO_WARDS in text
        assert "複数の候補" in text
        for hidden in ("田中", "山田", "06-0000"):
            assert hidden not in text
        assert HOSTILE not in text  # it stands there, but harmless
    text = page_of(fresh, "/places")
    assert "2件が待っています" in text
    assert "目標物: 工場の裏" in text
    assert "示された区: 西成区" in text
    assert "&lt;script&gt;alert(1)" in text


def test_a_candidate_is_settled_from_the_list_and_the_next_chart_comes(
    fresh: TestClient,
) -> None:
    first, second = waiting(fresh, TWO_WARDS), waiting(fresh)
    text = page_of(fresh, f"/places/{first}")
    assert "1件目 / 2件" in text
    assert "同じ町名が複数の区にあります" in text
    (found,) = [one for one in got(fresh, REVIEW) if one["chart_id"] == first]
    candidate = found["candidates"][1]
    choice = f"{candidate['lon']};{candidate['lat']};{candidate['radius_m']}"
    assert f'value="{choice}"' in text
    answer = posted(fresh, f"/places/{first}", form(choice=choice))
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/places/{second}?settled={first}"
    assert "次の相談です" in page_of(fresh, answer.headers["location"])
    placed = services_of(fresh).store.get(first).placement
    assert placed is not None
    assert placed.radius_m == candidate["radius_m"]
    assert placed.ward_code == candidate["ward_code"]
    history = services_of(fresh).store.history(first)
    assert [line.who for line in history if REASON in line.text] == ["佐藤"]

    again = posted(fresh, f"/places/{first}", form(choice=choice))  # a double click
    assert again.headers["location"] == f"/places/{second}?settled={first}"
    assert len(services_of(fresh).store.history(first)) == len(history)

    last = posted(fresh, f"/places/{second}", form())
    assert last.headers["location"] == f"/places?settled={second}"
    text = page_of(fresh, last.headers["location"])
    assert "の場所を決めました" in text
    assert "確認待ちはもうありません" in text
    gone = fresh.get(f"/places/{second}", headers=BROWSER, follow_redirects=False)
    assert (gone.status_code, gone.headers["location"]) == (303, f"/charts/{second}")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"choice": ""}, "候補: 候補か、地図の地点を選んでください"),
        ({"choice": "135.4;34.6"}, "候補: 候補か、地図の地点を選んでください"),
        ({"choice": "東;西;南"}, "候補: 候補か、地図の地点を選んでください"),
        ({"lon": ""}, "場所: 地図を押すか"),
        ({"lat": "北緯"}, "場所: 地図を押すか"),
        ({"radius_m": "広い"}, "場所: 地図を押すか"),
        ({"radius_m": "0"}, "誤差: 誤差は1〜5,000m"),
        ({"reason": " "}, "理由: 理由を入れてください"),
        ({"reason": "あ" * 201}, "理由: 200文字以内"),
        ({"who": ""}, "担当者: 担当者の名前を入れてください"),
        ({"lon": str(SAKAI["lon"]), "lat": str(SAKAI["lat"])}, "場所: 座標が市の外"),
        ({"lon": "999"}, "経度: 経度は"),
    ],
)
def test_what_was_typed_comes_back_with_what_is_wrong(
    client: TestClient, changes: dict[str, object], message: str
) -> None:
    chart_id = waiting(client)
    fields = form(**{"reason": "消えてはならない理由", **changes})
    answer = posted(client, f"/places/{chart_id}", fields)
    assert answer.status_code == 422
    assert message in answer.text
    assert str(fields["reason"]) in answer.text
    assert services_of(client).store.get(chart_id).version == 1


def test_a_form_from_a_page_of_before_is_refused_as_a_conflict(
    client: TestClient,
) -> None:
    chart_id = waiting(client)
    assert posted(client, f"/places/{chart_id}", form()).status_code == 303
    slower = posted(client, f"/places/{chart_id}", form(lon="135.5"))
    assert slower.status_code == 409
    assert "ほかの人が先に変更しました" in slower.text


def test_a_chart_that_does_not_exist_has_no_review(client: TestClient) -> None:
    assert client.get("/places/nothing", headers=BROWSER).status_code == 404
    assert posted(client, "/places/nothing", form()).status_code == 404


@pytest.mark.both_databases
def test_remembered_words_are_listed_and_withdrawn_with_a_reason(
    fresh: TestClient,
) -> None:
    chart_id = waiting(fresh, ward="西成区")
    fields = form(remember="true", radius_m="")
    assert posted(fresh, f"/places/{chart_id}", fields).status_code == 303
    (entry,) = got(fresh, ENTRIES)
    assert entry["text"] == NOWHERE
    assert entry["ward_code"] == "271225"
    assert entry["radius_m"] == 30  # none was told: as sure as a click can be
    assert entry["chart_id"] == chart_id
    text = page_of(fresh, "/places")
    assert f'id="entry-{entry["id"]}"' in text
    assert "示された区: 西成区" in text
    path = f"/places/dictionary/{entry['id']}/withdraw"
    assert posted(fresh, path, {"reason": " ", "who": "鈴木"}).status_code == 422
    done = posted(fresh, path, {"reason": "聞き間違い", "who": "鈴木"})
    assert done.headers["location"] == f"/places?withdrawn={entry['id']}"
    text = page_of(fresh, done.headers["location"])
    assert "地点辞書から取り下げました" in text
    assert f'id="entry-{entry["id"]}"' not in text
    assert "聞き間違い" in text
    slower = posted(fresh, path, {"reason": "移転", "who": "佐藤"})
    assert slower.status_code == 409


@pytest.mark.both_databases
def test_remembered_words_place_the_next_consultation_until_they_are_withdrawn(
    fresh: TestClient,
) -> None:
    first = waiting(fresh)
    posted(fresh, f"/places/{first}", form(remember="true"))
    placed = sent(fresh, address=f"「{NOWHERE}」")["placement"]  # spelt another way
    assert isinstance(placed, dict)
    assert (placed["status"], placed["radius_m"]) == ("ok", 60)
    assert (placed["lon"], placed["lat"]) == (TSUMORI["lon"], TSUMORI["lat"])
    # beside a ward, or with another landmark, the words are others
    waiting(fresh, ward="西成区")
    waiting(fresh, landmark="工場の裏")
    (entry,) = got(fresh, ENTRIES)
    url = f"{ENTRIES}/{entry['id']}/withdraw"
    gone = fresh.post(url, json={"reason": "移転", "who": "鈴木"}, headers=AUTH)
    assert gone.status_code == 200
    waiting(fresh)


def test_the_charts_take_turns_and_after_the_last_the_first_comes_again() -> None:
    queue: list[CaseChart] = [chart(name) for name in "abc"]
    assert turn_of("a", queue) == Turn(number=1, num_waiting=3, next_id="b")
    assert turn_of("c", queue) == Turn(number=3, num_waiting=3, next_id="a")
    assert turn_of("gone", queue).next_id == "a"
    assert turn_of("a", queue[:1]).next_id == ""
    assert turn_of("gone", []) == Turn(number=1, num_waiting=0)


# -- the API ---------------------------------------------------------------------------


def test_a_program_reads_the_queue_and_settles_a_chart(fresh: TestClient) -> None:
    chart_id = waiting(fresh, TWO_WARDS, landmark="", ward="")
    (found,) = got(fresh, REVIEW)
    assert found["chart_id"] == chart_id
    assert (found["status"], found["address"]) == ("ambiguous", TWO_WARDS)
    assert "description" not in found
    assert {one["level"] for one in found["candidates"]} == {"oaza"}
    url = f"/v1/consultations/{chart_id}/place"
    body = decision(radius_m=45, remember=True)
    for _ in range(2):  # a retry answers the same
        answer = fresh.post(url, json=body, headers=AUTH)
        assert answer.status_code == 200, answer.text
        assert answer.json()["placement"]["radius_m"] == 45
        assert answer.json()["version"] == 2
    assert got(fresh, REVIEW) == []
    (entry,) = got(fresh, ENTRIES)
    assert entry["author"] == "佐藤(API: intake)"
    stale = fresh.post(url, json={**body, "version": 2}, headers=AUTH)
    assert stale.status_code == 409
    assert stale.headers["content-type"] == PROBLEM


@pytest.mark.both_databases
def test_a_program_makes_lists_and_withdraws_entries(fresh: TestClient) -> None:
    body = entry_body(ward="西成区", label="津守抽水所", radius_m=80)
    made = fresh.post(ENTRIES, json=body, headers=AUTH)
    assert made.status_code == 201, made.text
    entry = made.json()
    assert (entry["label"], entry["radius_m"]) == ("津守抽水所", 80)
    assert got(fresh, ENTRIES) == [entry]
    taken = fresh.post(ENTRIES, json=body, headers=AUTH)
    assert (taken.status_code, taken.headers["content-type"]) == (409, PROBLEM)
    url = f"{ENTRIES}/{entry['id']}/withdraw"
    why = {"reason": "移転した", "who": "鈴木"}
    for _ in range(2):
        gone = fresh.post(url, json=why, headers=AUTH)
        assert gone.status_code == 200, gone.text
        assert gone.json()["withdrawn_by"] == "鈴木(API: intake)"
    other = fresh.post(url, json={**why, "who": "佐藤"}, headers=AUTH)
    assert other.status_code == 409
    unknown = fresh.post(f"{ENTRIES}/nothing/withdraw", json=why, headers=AUTH)
    assert unknown.status_code == 404
    assert [one["withdrawn_reason"] for one in got(fresh, ENTRIES)] == ["移転した"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": "、。"}, "text"),
        ({"text": "津守\x1b[2J"}, "text"),
        ({"ward": "堺区"}, "ward"),
        ({"position": {"lon": 135.5}}, "position.lat"),
        ({"position": SAKAI}, "place"),
        ({"radius_m": 0}, "radius_m"),
        ({"radius_m": 5_001}, "radius_m"),
        ({"reason": ""}, "reason"),
        ({"who": " \u3000"}, "who"),
        ({"note": "x"}, "note"),
    ],
)
def test_a_bad_entry_is_refused_by_the_name_of_its_field(
    client: TestClient, changes: dict[str, object], field: str
) -> None:
    before = got(client, ENTRIES)
    answer = client.post(ENTRIES, json=entry_body(**changes), headers=AUTH)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == PROBLEM
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert got(client, ENTRIES) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", REVIEW),
        ("POST", "/v1/consultations/nothing/place"),
        ("GET", ENTRIES),
        ("POST", ENTRIES),
        ("POST", f"{ENTRIES}/nothing/withdraw"),
    ],
)
def test_nobody_gets_in_without_a_key(
    client: TestClient, method: str, path: str
) -> None:
    answer = client.request(method, path, json={})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == PROBLEM


@pytest.mark.parametrize("path", [REVIEW, ENTRIES])
@pytest.mark.parametrize("limit", ["0", "501", "many"])
def test_a_limit_out_of_its_range_is_refused(
    client: TestClient, path: str, limit: str
) -> None:
    answer = client.get(f"{path}?limit={limit}", headers=AUTH)
    assert answer.status_code == 422
