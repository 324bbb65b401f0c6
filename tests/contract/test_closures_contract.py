"""The closures' API: what it takes and refuses, and that nothing half stays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.installation import AUTH, HOSTILE, services_of

URL = "/v1/closures"
PROBLEM = "application/problem+json"
BRIDGE = [[135.4838, 34.7165], [135.4868, 34.7103]]  # 十三大橋, end to end
AREA = [[135.500, 34.690], [135.505, 34.690], [135.505, 34.694], [135.500, 34.694]]
NOBODY = "田中花子"


def closure_body(**changes: object) -> dict[str, object]:
    """Build a flooded bridge, from now (8:50) until noon."""
    return {
        "name": "十三大橋",
        "shape": "stretch",
        "places": BRIDGE,
        "reason": "flood",
        "ends_at": "2026-11-24T12:00:00+09:00",
        "who": "佐藤",
        **changes,
    }


def without(name: str) -> dict[str, object]:
    body = closure_body()
    del body[name]
    return body


def made(client: TestClient, **changes: object) -> dict[str, Any]:
    response = client.post(URL, json=closure_body(**changes), headers=AUTH)
    assert response.status_code == 201, response.text
    closure: dict[str, Any] = response.json()
    return closure


def num_closures(client: TestClient) -> int:
    return len(services_of(client).closures.history(500))


def ids(client: TestClient, query: str) -> list[str]:
    response = client.get(f"{URL}?{query}", headers=AUTH)
    assert response.status_code == 200, response.text
    return [one["id"] for one in response.json()]


def lifted(client: TestClient, closure_id: str, version: int, who: str = "鈴木") -> Any:  # noqa: ANN401 - a response
    body = {"version": version, "who": who}
    return client.post(f"{URL}/{closure_id}/lift", json=body, headers=AUTH)


REFUSED = {
    "no name": (without("name"), "name"),
    "name of spaces": (closure_body(name=" \u3000 "), "name"),
    "long name": (closure_body(name="橋" * 121), "name"),
    "control character in the name": (closure_body(name="橋\x1b[2J"), "name"),
    "control character in the note": (closure_body(note="水\0"), "note"),
    "nobody": (closure_body(who=""), "who"),
    "unknown shape": (closure_body(shape="circle"), "shape"),
    "unknown reason": (closure_body(reason="祭り"), "reason"),
    "no places": (without("places"), "places"),
    "one place": (closure_body(places=BRIDGE[:1]), "places"),
    "too many places": (closure_body(places=BRIDGE * 101), "places"),
    "area of two corners": (closure_body(shape="area"), "places"),
    "the same place twice": (closure_body(places=[BRIDGE[0]] * 2), "places"),
    "latitude first": (closure_body(places=[p[::-1] for p in BRIDGE]), "places"),
    "no list of places": (closure_body(places="135.48, 34.71"), "places"),
    "shape of no word": (closure_body(shape=["area"]), "shape"),
    "place of words": (closure_body(places=[["東", "北"], BRIDGE[1]]), "places.0"),
    "place off the globe": (closure_body(places=[[1e9, 34.7], BRIDGE[1]]), "places"),
    "three numbers": (closure_body(places=[[135.4, 34.7, 0], BRIDGE[1]]), "places.0"),
    "place outside the city": (
        closure_body(places=[BRIDGE[0], [139.7, 35.6]]),
        "places",
    ),
    "naive start": (closure_body(starts_at="2026-11-24T10:00:00"), "starts_at"),
    "naive end": (closure_body(ends_at="2026-11-24T10:00:00"), "ends_at"),
    "time as a number": (closure_body(ends_at=1_795_485_600), "ends_at"),
    "past start": (closure_body(starts_at="2026-11-24T08:00:00+09:00"), "starts_at"),
    "past end": (closure_body(ends_at="2026-11-24T08:49:00+09:00"), "ends_at"),
    "end before the start": (
        closure_body(starts_at="2026-11-24T13:00:00+09:00"),
        "ends_at",
    ),
    "end in two years": (closure_body(ends_at="2028-11-24T12:00:00+09:00"), "ends_at"),
    "end of the calendar": (
        closure_body(ends_at="9999-12-31T23:59:59-12:00"),
        "ends_at",
    ),
    "window without an end": (closure_body(windows=[["07:30"]]), "windows.0.1"),
    "window of words": (closure_body(windows=[["朝", "昼"]]), "windows.0.0"),
    "window after midnight": (closure_body(windows=[["22:00", "24:30"]]), "windows"),
    "window backwards": (closure_body(windows=[["08:30", "07:30"]]), "windows"),
    "windows that overlap": (
        closure_body(windows=[["07:00", "09:00"], ["08:00", "10:00"]]),
        "windows",
    ),
    "unknown field": (closure_body(adress="x"), "adress"),
    "made by somebody else": (closure_body(made_by="x"), "made_by"),
}


# What a closure would shut does not depend on the day: the preview lets these pass.
OF_THE_DAY = {"past start", "past end", "end in two years"}


@pytest.mark.parametrize(
    ("url", "case"),
    [
        *((URL, case) for case in REFUSED),
        *((f"{URL}/preview", case) for case in sorted(REFUSED.keys() - OF_THE_DAY)),
    ],
)
def test_bad_closure_is_refused_with_its_field_and_nothing_is_stored(
    case: str, url: str, client: TestClient
) -> None:
    body, named = REFUSED[case]
    before = num_closures(client)
    response = client.post(url, json=body, headers=AUTH)
    problem = response.json()
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == PROBLEM
    assert named in {item["field"] for item in problem["errors"]}
    assert num_closures(client) == before


SO_MANY = "[経度, 緯度] の地点を2〜200点並べてください(区域は3点から)"
REASONS = "flood、works、accident、damage、school_hours、other"
TOLD = [
    ("one place", SO_MANY),
    ("too many places", SO_MANY),
    ("no list of places", SO_MANY),
    ("area of two corners", "地点は3〜200点で指定してください"),
    ("three numbers", "地点は [経度, 緯度] の2つの数にしてください"),
    ("place of words", "地点は [経度, 緯度] の2つの数にしてください"),
    (
        "latitude first",
        "1番目の地点は市の範囲の外です(緯度と経度が逆ではありませんか)",
    ),
    ("place outside the city", "2番目の地点は市の範囲の外です"),
    ("place off the globe", "1番目の地点は市の範囲の外です"),
    ("unknown shape", "一覧にない値です。stretch、area のどれかにしてください"),
    ("shape of no word", "一覧にない値です。stretch、area のどれかにしてください"),
    ("unknown reason", f"一覧にない値です。{REASONS} のどれかにしてください"),
]


@pytest.mark.parametrize(("case", "told"), TOLD)
def test_slip_of_the_hand_is_told_in_plain_japanese(
    case: str, told: str, client: TestClient
) -> None:
    body, _ = REFUSED[case]
    problem = client.post(f"{URL}/preview", json=body, headers=AUTH).json()
    assert [one["problem"] for one in problem["errors"]] == [told]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_place_that_is_no_number_is_refused(number: str, client: TestClient) -> None:
    content = json.dumps(closure_body()).replace("135.4838", number)
    headers = {**AUTH, "Content-Type": "application/json"}
    response = client.post(URL, content=content, headers=headers)
    assert response.status_code == 422
    assert "places.0" in {one["field"] for one in response.json()["errors"]}


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "test-key-0002"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("POST", ""),
        ("POST", "/preview"),
        ("POST", "/x/lift"),
        ("GET", ".geojson"),
    ],
)
def test_without_a_right_key_nothing_is_told_or_done(
    method: str, path: str, headers: dict[str, str], client: TestClient
) -> None:
    before = num_closures(client)
    body = {"version": 1, "who": "x"} if path.endswith("lift") else closure_body()
    sent = body if method == "POST" else None
    response = client.request(method, URL + path, json=sent, headers=headers)
    assert response.status_code == 401
    assert response.headers["content-type"] == PROBLEM
    assert num_closures(client) == before


def test_closure_cut_off_in_the_middle_is_refused(client: TestClient) -> None:
    content = json.dumps(closure_body())[:-2]
    headers = {**AUTH, "Content-Type": "application/json"}
    response = client.post(URL, content=content, headers=headers)
    assert response.status_code == 400


@pytest.mark.both_databases
def test_what_was_sent_comes_back_and_stands_in_both_lists(client: TestClient) -> None:
    sent = closure_body(
        shape="area",
        places=AREA,
        reason="school_hours",
        note="工事車両も",
        starts_at="2026-11-25T00:00:00+09:00",
        ends_at="2026-12-25T00:00:00+09:00",
        windows=[["7:30", "08:30"], ["14:30", "24:00"]],
        working_days_only=True,
    )
    closure = made(client, **sent)
    for name in ("name", "shape", "places", "reason", "note", "starts_at", "ends_at"):
        assert closure[name] == sent[name], name
    assert closure["windows"] == [["07:30", "08:30"], ["14:30", "24:00"]]
    assert (closure["working_days_only"], closure["version"]) == (True, 1)
    assert closure["made_by"] == "佐藤(API: intake)"
    assert closure["in_force"] is False  # it begins tomorrow
    assert closure["id"] in ids(client, "state=open")
    assert closure["id"] in ids(client, "state=all")


def test_without_a_start_it_holds_from_now_and_without_an_end_until_lifted(
    client: TestClient,
) -> None:
    closure = made(client, ends_at=None)
    assert closure["starts_at"] == "2026-11-24T08:50:00+09:00"
    assert (closure["ends_at"], closure["in_force"]) == (None, True)
    answer = lifted(client, closure["id"], 1)
    after = answer.json()
    assert (answer.status_code, after["version"]) == (200, 2)
    assert after["lifted_at"] == "2026-11-24T08:50:00+09:00"
    assert after["lifted_by"] == "鈴木(API: intake)"
    assert after["in_force"] is False
    assert closure["id"] not in ids(client, "")  # open is what is asked for mostly
    assert closure["id"] in ids(client, "state=all")


@pytest.mark.both_databases
def test_newest_comes_first_in_all_and_earliest_start_in_open(
    client: TestClient,
) -> None:
    late = made(client, starts_at="2026-11-24T11:00:00+09:00")["id"]
    early = made(client, starts_at="2026-11-24T10:00:00+09:00")["id"]
    in_order = [one for one in ids(client, "state=open") if one in {late, early}]
    assert in_order == [early, late]
    assert {*ids(client, "state=all&limit=500")} >= {late, early}
    assert len(ids(client, "state=open&limit=1")) == 1
    assert len(ids(client, "state=all&limit=1")) == 1


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "state=closed", "limit=x"])
def test_list_that_cannot_be_is_refused(query: str, client: TestClient) -> None:
    response = client.get(f"{URL}?{query}", headers=AUTH)
    assert response.status_code == 422
    assert response.headers["content-type"] == PROBLEM


@pytest.mark.both_databases
def test_second_of_two_who_lift_is_told_and_changes_nothing(client: TestClient) -> None:
    closure_id = made(client)["id"]
    assert lifted(client, closure_id, 1, "先").status_code == 200
    stale = lifted(client, closure_id, 1, "後")
    again = lifted(client, closure_id, 2, "後")
    assert (stale.status_code, again.status_code) == (409, 409)
    assert stale.headers["content-type"] == PROBLEM
    kept = client.get(f"{URL}?state=all", headers=AUTH).json()
    (one,) = [one for one in kept if one["id"] == closure_id]
    assert (one["version"], one["lifted_by"]) == (2, "先(API: intake)")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"version": 1, "who": "x"}, 404),
        ({"version": 0, "who": "x"}, 422),
        ({"who": "x"}, 422),
        ({"version": 1, "who": " "}, 422),
        ({"version": 1, "who": "x", "why": "y"}, 422),
    ],
)
def test_lift_of_what_is_not_there_or_by_nobody_is_refused(
    body: dict[str, object], status: int, client: TestClient
) -> None:
    response = client.post(f"{URL}/nothing/lift", json=body, headers=AUTH)
    assert response.status_code == status
    assert response.headers["content-type"] == PROBLEM


def test_preview_without_road_data_tells_the_places_and_stores_nothing(
    client: TestClient,
) -> None:
    before = num_closures(client)
    response = client.post(f"{URL}/preview", json=closure_body(), headers=AUTH)
    assert response.status_code == 200
    told = response.json()
    assert (told["type"], told["length_m"], told["num_lines"]) == (
        "FeatureCollection",
        None,
        0,
    )
    (feature,) = told["features"]
    assert feature["geometry"] == {"type": "LineString", "coordinates": BRIDGE}
    assert feature["properties"]["id"] is None
    assert feature["properties"]["basis"] == "places"
    assert num_closures(client) == before


def test_what_is_shut_now_is_drawn_with_nobodys_name(client: TestClient) -> None:
    now = made(client, name=HOSTILE, shape="area", places=AREA, who=NOBODY)
    later = made(client, starts_at="2026-11-24T11:00:00+09:00", who=NOBODY)
    ended = made(client, who=NOBODY)
    lifted(client, ended["id"], 1, NOBODY)
    response = client.get(f"{URL}.geojson", headers=AUTH)
    assert response.headers["content-type"] == "application/geo+json"
    assert NOBODY not in response.text
    features = {f["properties"]["id"]: f for f in response.json()["features"]}
    assert now["id"] in features
    assert not {later["id"], ended["id"]} & set(features)
    drawn = features[now["id"]]
    # a ring of GeoJSON ends where it began (RFC 7946, 3.1.6)
    assert drawn["geometry"] == {"type": "Polygon", "coordinates": [[*AREA, AREA[0]]]}
    assert drawn["properties"] == {
        "id": now["id"],
        "name": HOSTILE,
        "reason": "flood",
        "until": "2026-11-24T12:00:00+09:00",
        "basis": "places",
        "length_m": None,
    }
