"""What every way of /v1 refuses alike, and that the refusal is a clear problem."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.api.installation import AUTH, consultation_body, num_charts, sent

pytestmark = pytest.mark.both_databases
URL = "/v1/consultations"
PROBLEM = "application/problem+json"
ONE = "x0x0x0x0x0"  # an id of nothing


def operations(client: TestClient) -> Iterator[tuple[str, str, dict[str, object]]]:
    """List method, address and description of every route of /v1."""
    assert isinstance(client.app, FastAPI)
    for path, methods in client.app.openapi()["paths"].items():
        if path.startswith("/v1/"):
            address = path.replace("{dataset}.{file_format}", "districts.csv")
            for name in ("chart", "plan", "visit", "transfer", "notice", "slot"):
                address = address.replace(f"{{{name}_id}}", ONE)
            for name in ("entry", "closure", "webhook", "delivery", "job", "import"):
                address = address.replace(f"{{{name}_id}}", ONE)
            for method, operation in methods.items():
                yield method.upper(), address, operation


def test_every_route_refuses_a_query_parameter_that_it_does_not_know(
    client: TestClient,
) -> None:
    for method, address, _ in operations(client):
        answer = client.request(method, f"{address}?kolour=red", json={}, headers=AUTH)
        assert answer.status_code == 422, (method, address)
        assert answer.headers["content-type"] == PROBLEM
        assert answer.json()["errors"][0]["field"] == "kolour", (method, address)
        assert "red" not in answer.text


def test_every_route_with_a_body_refuses_one_of_another_kind(
    client: TestClient,
) -> None:
    for method, address, operation in operations(client):
        if "requestBody" in operation:
            headers = {**AUTH, "Content-Type": "text/csv"}
            answer = client.request(method, address, content=b"a,b", headers=headers)
            assert answer.status_code == 415, (method, address)
            assert answer.headers["content-type"] == PROBLEM
            assert answer.headers["accept"] in {
                "application/json",
                "multipart/form-data",
            }


def test_every_route_asks_for_a_key_before_it_says_what_is_wrong(
    client: TestClient,
) -> None:
    for method, address, operation in operations(client):
        answer = client.request(method, f"{address}?kolour=red", json={})
        assert answer.status_code == 401, (method, address)
        assert operation["security"], (method, address)


def test_the_nearest_right_name_is_told(client: TestClient) -> None:
    answer = client.get(f"{URL}?stauts=done", headers=AUTH)
    assert "status のことではありませんか" in answer.json()["detail"]


def test_where_nothing_is_known_that_is_said(client: TestClient) -> None:
    answer = client.get("/v1/life-cycle?kolour=red", headers=AUTH)
    assert "クエリの項目はありません" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["山田太郎", "x" * 41, "%00"])
def test_a_name_that_may_be_somebodys_word_is_not_said_back(
    name: str, client: TestClient
) -> None:
    answer = client.get(f"{URL}?{name}=1", headers=AUTH)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "query"
    assert name not in answer.text


def test_a_parameter_that_comes_twice_is_refused(client: TestClient) -> None:
    answer = client.get(f"{URL}?ward=27122&ward=27102", headers=AUTH)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "ward"


@pytest.mark.parametrize("path", [URL, "/v1/plans", "/v1/life-cycle"])
def test_a_query_of_60_000_characters_is_too_long(
    path: str, client: TestClient
) -> None:
    answer = client.get(f"{path}?ward={'x' * 60_000}", headers=AUTH)
    assert answer.status_code == 414
    assert answer.headers["content-type"] == PROBLEM
    assert "x" * 50 not in answer.text


def test_a_body_of_ten_megabytes_is_too_large(client: TestClient) -> None:
    before = num_charts(client)
    body = consultation_body(description="x" * 10_000_000)
    answer = client.post(URL, json=body, headers=AUTH)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == PROBLEM
    assert num_charts(client) == before


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "application/vnd.city+json"]
)
def test_json_by_any_of_its_names_is_read(kind: str, client: TestClient) -> None:
    headers = {**AUTH, "Content-Type": kind}
    content = b'{"category":"R02","description":"x","address":"x"}'
    assert client.post(URL, content=content, headers=headers).status_code == 201


def test_a_body_without_a_kind_is_refused(client: TestClient) -> None:
    content = b'{"category":"R02","description":"x","address":"x"}'
    assert client.post(URL, content=content, headers=AUTH).status_code == 415


def test_a_form_is_read_only_where_one_is_expected(client: TestClient) -> None:
    url = f"{URL}/{sent(client)['id']}/photos"
    answer = client.post(url, json={}, headers=AUTH)
    assert answer.status_code == 415
    assert answer.headers["accept"] == "multipart/form-data"


@pytest.mark.parametrize("word", ["%00", "a%00b", "%ED%A0%80", "%FF"])
def test_what_is_no_text_in_an_address_names_nothing(
    word: str, client: TestClient
) -> None:
    assert client.get(f"{URL}/{word}", headers=AUTH).status_code == 404
    assert client.get(f"/charts/{word}").status_code == 404
    answer = client.get(f"{URL}?ward={word}", headers=AUTH)
    assert answer.status_code == 422
    assert client.get(f"/charts?ward={word}&q={word}").status_code in {200, 422}


def test_a_method_that_is_not_there_tells_those_that_are(client: TestClient) -> None:
    allowed = {
        URL: "GET, POST",
        f"{URL}/search-by-phone": "POST",
        "/v1/plans": "GET",
        f"{URL}/{ONE}/conditions": "PUT",
    }
    for path, methods in allowed.items():
        answer = client.request("PATCH", path, headers=AUTH)
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)
