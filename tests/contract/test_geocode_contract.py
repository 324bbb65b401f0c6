"""Geocoding by other systems: what it refuses, and that no words come back."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.geocode_schemas import MAX_QUERIES
from dispatch.domain.placing import PlaceLevel, PlacingStatus, PlacingWarning
from tests.api.installation import (
    ADDRESS,
    AUTH,
    HOSTILE,
    REPO,
    num_charts,
    services_of,
)

REFERENCE = REPO / "docs" / "reference" / "geocoding.md"
URL = "/v1/geocode"
AREAS = "/v1/areas"
PROBLEM = "application/problem+json"
JSON = {"Content-Type": "application/json"}
PLACE = {"lon": 135.4843, "lat": 34.6413}  # in 西成区
PERSON = "山田太郎"


def one(**fields: object) -> dict[str, object]:
    return {"query": fields}


REFUSED: dict[str, tuple[object, str]] = {
    "nothing": ({}, "query"),
    "one and many": ({**one(address=ADDRESS), "queries": []}, "query"),
    "null instead of a place": ({"query": None}, "query"),
    "text instead of a place": ({"query": PERSON}, "query"),
    "list instead of an object": ([PERSON], "body"),
    "no list": ({"queries": {"address": PERSON}}, "queries"),
    "one too many": ({"queries": [{}] * (MAX_QUERIES + 1)}, "queries"),
    "text in the list": ({"queries": [{}, PERSON]}, "queries.1"),
    "unknown field": (one(adress=PERSON), "query.adress"),
    "unknown field beside": ({**one(), "lang": "ja"}, "lang"),
    "address of a number": (one(address=5), "query.address"),
    "address of null": (one(address=None), "query.address"),
    "landmark of a list": (one(landmark=[PERSON]), "query.landmark"),
    "long ward": (one(ward=PERSON * 76), "query.ward"),  # 304 characters
    "id of a number": (one(id=5), "query.id"),
    "long id": (one(id="i" * 101), "query.id"),
    "longitude alone": (one(lon=135.5), "query.lat"),
    "latitude alone": ({"queries": [{}, {"lat": 34.7}]}, "queries.1.lon"),
    "longitude of words": (one(lon=PERSON, lat=34.7), "query.lon"),
    "off the globe": (one(lon=180.1, lat=34.7), "query.lon"),
    "two longitudes": ({"queries": [{"lon": 135, "lat": 135}]}, "queries.0.lat"),
    "day of words": ({**one(), "on": "明日"}, "on"),
    "day that is none": ({**one(), "on": "2026-02-30"}, "on"),
    "day as a number": ({**one(), "on": 20261124}, "on"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_question_is_refused_with_its_field_and_without_its_words(
    case: str, client: TestClient
) -> None:
    body, named = REFUSED[case]
    response = client.post(URL, json=body, headers=AUTH)
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == PROBLEM
    assert named in {item["field"] for item in response.json()["errors"]}
    assert PERSON not in response.text


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_coordinate_that_is_no_number_is_refused(
    number: str, client: TestClient
) -> None:
    content = f'{{"query": {{"lon": {number}, "lat": 34.7}}}}'
    response = client.post(URL, content=content, headers={**AUTH, **JSON})
    assert response.status_code == 422
    assert {item["field"] for item in response.json()["errors"]} == {"query.lon"}


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b'{"query": {"address": "', 400),
        (b"", 422),
        (b'{"query": {"address": "\xff\xfe"}}', 400),
        (b'{"query": {"address": "\\ud800"}}', 422),  # half of a character
        (b"[" * 10_000, 400),
        (b'{"query": {"address": "' + b"1" * 262_145 + b'"}}', 413),
    ],
    ids=["cut off", "empty", "no UTF-8", "half a character", "deep", "too large"],
)
def test_body_that_is_no_question_is_refused(
    content: bytes, status: int, client: TestClient
) -> None:
    response = client.post(URL, content=content, headers={**AUTH, **JSON})
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "test-key-0002"}])
def test_without_a_right_key_nothing_is_told(
    headers: dict[str, str], client: TestClient
) -> None:
    asked = client.post(URL, json=one(address=ADDRESS), headers=headers)
    areas = client.get(AREAS, params=PLACE, headers=headers)
    for response in (asked, areas):
        assert response.status_code == 401
        assert response.headers["content-type"] == PROBLEM


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_words_have_no_way_in_through_an_address(
    method: str, client: TestClient
) -> None:
    response = client.request(method, f"{URL}?address=x", headers=AUTH)
    assert response.status_code == 405
    assert response.headers["content-type"] == PROBLEM
    by_address = client.post(f"{URL}?address=x", headers=AUTH)
    assert by_address.status_code == 422  # a body is needed


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("lon=135.5", "lat"),
        ("lat=34.7", "lon"),
        ("lon=NaN&lat=34.7", "lon"),
        ("lon=inf&lat=34.7", "lon"),
        ("lon=135.5&lat=181", "lat"),
        ("lon=135.5&lat=135.5", "lat"),
        ("lon=x&lat=34.7", "lon"),
        ("lon=135.5&lat=34.7&radius_m=-1", "radius_m"),
        ("lon=135.5&lat=34.7&radius_m=20001", "radius_m"),
        ("lon=135.5&lat=34.7&radius_m=1.5", "radius_m"),
        ("lon=135.5&lat=34.7&on=20261124", "on"),
        ("lon=135.5&lat=34.7&address=x", "address"),
    ],
)
def test_bad_point_is_refused_with_its_field(
    query: str, named: str, client: TestClient
) -> None:
    response = client.get(f"{AREAS}?{query}", headers=AUTH)
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == PROBLEM
    assert {item["field"] for item in response.json()["errors"]} == {named}


# -- no words come back ----------------------------------------------------------------

WORDS: dict[str, dict[str, object]] = {
    "behind an address": {"address": f"{ADDRESS} {PERSON}様方"},
    "before an address": {"address": f"{PERSON} {ADDRESS}"},
    "beside an address": {"address": ADDRESS, "landmark": f"{PERSON}宅の前"},
    "behind a coordinate": {"address": f"34.6413,135.4843 {PERSON}"},
    "beside a coordinate": {**PLACE, "address": PERSON, "landmark": PERSON},
    "as a ward": {"address": ADDRESS, "ward": PERSON},
    "as a ward of a coordinate": {**PLACE, "ward": f"{PERSON}区"},
    "as another city": {"address": f"{PERSON}市1-2"},
    "as a village instead of a ward": {"address": ADDRESS, "ward": f"{PERSON}村"},
    "behind another city": {"address": f"大阪府堺市堺区南瓦町3-1 {PERSON}"},
    "behind a town of two wards": {"address": f"日本橋 {PERSON}"},
    "alone": {"address": PERSON},
    "as a landmark alone": {"landmark": f"{PERSON}宅の横"},
    "in a long letter": {"address": PERSON * 1_000},  # 12 kB
    "among control characters": {"address": f"\0\x1b[2J{PERSON}\u202e\r\n{ADDRESS}"},
    "with markup": {"address": f"{ADDRESS} {HOSTILE}{PERSON}", "landmark": HOSTILE},
}


@pytest.mark.parametrize("case", WORDS)
def test_words_come_back_neither_in_the_answer_nor_in_a_log(
    case: str, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    before = num_charts(client)
    with caplog.at_level(logging.INFO):
        response = client.post(URL, json=one(**WORDS[case], id="7"), headers=AUTH)
    assert response.status_code == 200, response.text
    (found,) = response.json()["results"]
    assert (found["id"], bool(found["message"])) == ("7", True)
    for word in (PERSON, "script", ADDRESS):
        assert word not in response.text
        assert word not in caplog.text
    assert num_charts(client) == before


HOSTILE_TEXTS = {
    "empty": "",
    "spaces": " \u3000\t",
    "nul": "\0" * 2_000,
    "every control character": "".join(map(chr, range(32))) + "\x7f\u0085\u2028",
    "turned letters": "\u202e\u2066\u200b\ufeff" * 500,
    "combining marks": "が" + "\u3099" * 3_000,
    "beyond the plane": "𠮷𩸽👩‍👩‍👧" * 300,
    "digits": "1" * 10_000,
    "numbers": "1-2 " * 2_500,
    "wards": "大阪市北区" * 600,
    "coordinates": "34.69,135.50 " * 750,
    "no character": "\uffff\ufffe",
    "SQL": "'; DROP TABLE areas; --",
    "a formula": "=HYPERLINK(1)",
}


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
def test_any_text_of_10_kb_is_answered(name: str, client: TestClient) -> None:
    text = HOSTILE_TEXTS[name]
    body = {"queries": [{"address": text}, {"landmark": text}, {"address": ADDRESS}]}
    response = client.post(URL, json=body, headers=AUTH)
    assert response.status_code == 200, response.text
    # The neighbours of a hostile text are answered as ever.
    assert [one["status"] for one in response.json()["results"]][2] == "ok"


def test_text_of_more_than_10_kb_is_not_found_and_says_why(
    client: TestClient,
) -> None:
    # 3,413 letters of 3 bytes and one more are 10,240 bytes, the most there may be
    longest = "あ" * 3_413 + "a"
    body = {"queries": [{"address": longest}, {"address": longest + "a"}]}
    response = client.post(URL, json=body, headers=AUTH)
    read, refused = response.json()["results"]
    assert (read["status"], refused["status"]) == ("not_found", "not_found")
    assert "長すぎ" in refused["message"]
    assert "長すぎ" not in read["message"]


@pytest.mark.parametrize(
    ("address", "municipality"),
    [
        ("大阪府松原市上田1-1-1", "大阪府松原市"),
        ("松原市上田1-1-1", "大阪府松原市"),
        ("堺市堺区南瓦町3-1", "大阪府堺市堺区"),
        ("東京都千代田区千代田1-1", "東京都千代田区"),
        ("南河内郡太子町山田88", "大阪府南河内郡太子町"),
        ("京都府", "京都府"),
    ],
)
def test_other_municipality_is_named_when_there_is_one(
    address: str, municipality: str, client: TestClient
) -> None:
    response = client.post(URL, json=one(address=address), headers=AUTH)
    (found,) = response.json()["results"]
    assert (found["status"], found["municipality"]) == ("outside", municipality)


# -- what the API says of itself -------------------------------------------------------


def test_openapi_shows_both_forms_and_that_the_examples_are_right(
    client: TestClient,
) -> None:
    described: dict[str, Any] = client.get("/openapi.json").json()
    asked = described["paths"][URL]
    assert set(asked) == {"post"}
    assert {"200", "400", "401", "413", "422"} <= set(asked["post"]["responses"])
    content = asked["post"]["requestBody"]["content"]["application/json"]
    for name, example in content["examples"].items():
        response = client.post(URL, json=example["value"], headers=AUTH)
        assert response.status_code == 200, name
    areas = described["paths"][AREAS]["get"]
    assert {"200", "401", "422"} <= set(areas["responses"])
    names = {parameter["name"] for parameter in areas["parameters"]}
    assert {"lon", "lat", "on", "radius_m"} <= names
    fields = described["components"]["schemas"]["GeocodeResult"]["properties"]
    assert not {"query", "matched", "rest"} & set(fields)


def test_reference_lists_every_code_and_field(client: TestClient) -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    names = ("GeocodeIn", "PlaceQueryIn", "GeocodeOut", "GeocodeResult")
    fields = {
        field
        for name in (*names, "GeocodeCandidate", "AreasOut", "WardOut", "OfficeOut")
        for field in schemas[name]["properties"]
    }
    for code in (*PlacingStatus, *PlaceLevel, *PlacingWarning, *sorted(fields)):
        assert f"`{code}`" in text, code


def test_example_of_the_reference_is_what_is_answered(client: TestClient) -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    asked, told = (
        json.loads(found)
        for found in (
            re.findall(r"-d '(.*?)'}?\n```", text, re.DOTALL)[0],
            re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0],
        )
    )
    results = client.post(URL, json=asked, headers=AUTH).json()["results"]
    assert results[0] == told
    assert [one["status"] for one in results] == ["ok", "ambiguous", "ok"]
    assert results[2]["warnings"] == ["swapped"]


def test_answer_is_the_same_whatever_the_order_of_the_fields(
    client: TestClient,
) -> None:
    fields = {"id": "a", "address": ADDRESS, "ward": "西成区"}
    turned = dict(reversed(fields.items()))
    answers = [
        client.post(URL, content=json.dumps(one(**sent)), headers={**AUTH, **JSON})
        for sent in (fields, turned)
    ]
    assert answers[0].json() == answers[1].json()
    assert len(services_of(client).bundle.shown_texts) == len(
        answers[0].json()["attributions"]
    )
