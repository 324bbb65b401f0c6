"""Versions by ETag and If-Match: what a reader may keep, and whose change is late."""

from __future__ import annotations

import threading

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from tests.api.installation import AUTH, sent

pytestmark = pytest.mark.both_databases
URL = "/v1/consultations"
PROBLEM = "application/problem+json"


def assigned(client: TestClient, url: str, tag: str | None, **body: object) -> Response:
    headers = AUTH if tag is None else {**AUTH, "If-Match": tag}
    stated = {"office_id": "hirano", "who": "総務 花子", "why": "車両の都合", **body}
    return client.post(f"{url}/assignment", json=stated, headers=headers)


@pytest.fixture
def url(client: TestClient) -> str:
    return f"{URL}/{sent(client)['id']}"


def test_a_chart_is_answered_with_the_tag_of_its_version(client: TestClient) -> None:
    response = client.post(
        URL,
        json={"category": "R02", "description": "穴", "address": "西成区津守2-7-13"},
        headers=AUTH,
    )
    chart = response.json()
    assert response.headers["etag"] == f'"v{chart["version"]}"'
    read = client.get(response.headers["location"], headers=AUTH)
    assert read.headers["etag"] == response.headers["etag"]


@pytest.mark.parametrize("known", ['"v1"', 'W/"v1"', '"v7", "v1"', "*"])
def test_a_reader_that_has_a_chart_gets_no_body_again(
    known: str, client: TestClient, url: str
) -> None:
    again = client.get(url, headers={**AUTH, "If-None-Match": known})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == '"v1"'


def test_a_reader_of_an_older_version_gets_the_chart(
    client: TestClient, url: str
) -> None:
    assert assigned(client, url, '"v1"').status_code == 200
    read = client.get(url, headers={**AUTH, "If-None-Match": '"v1"'})
    assert read.status_code == 200
    assert read.headers["etag"] == '"v2"'


def test_a_tag_stands_for_the_version_in_the_body(client: TestClient, url: str) -> None:
    answer = assigned(client, url, '"v1"')
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"v2"'
    assert answer.json()["version"] == 2


def test_tag_and_body_may_both_name_the_same_version(
    client: TestClient, url: str
) -> None:
    assert assigned(client, url, '"v1"', version=1).status_code == 200


@pytest.mark.parametrize("tag", ['"v9"', 'W/"v1"', '"p123"', '"v3", "v4"'])
def test_a_tag_of_another_version_fails_and_tells_the_one_that_is(
    tag: str, client: TestClient, url: str
) -> None:
    answer = assigned(client, url, tag, version=1) if tag == "*" else None
    answer = answer or assigned(client, url, tag)
    assert answer.status_code == 412
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["current_version"] == 1
    assert client.get(url, headers=AUTH).json()["version"] == 1


def test_a_stale_version_in_the_body_stays_a_conflict(
    client: TestClient, url: str
) -> None:
    assert assigned(client, url, None, version=9).status_code == 409


def test_a_tag_and_a_body_that_differ_are_refused(client: TestClient, url: str) -> None:
    answer = assigned(client, url, '"v1"', version=2)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "version"


@pytest.mark.parametrize("tag", ["v1", '"v1', "1", "", '"v1" "v2"'])
def test_what_is_no_tag_is_refused(tag: str, client: TestClient, url: str) -> None:
    answer = assigned(client, url, tag)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "If-Match"


def test_without_tag_and_version_the_missing_version_is_named(
    client: TestClient, url: str
) -> None:
    for tag in (None, "*"):
        answer = assigned(client, url, tag)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "version"
    assert assigned(client, url, "*", version=1).status_code == 200


def test_a_tag_for_a_chart_that_is_not_there_is_not_found(client: TestClient) -> None:
    assert assigned(client, f"{URL}/c000000000", '"v1"').status_code == 404


def test_a_tag_opens_nothing_without_a_key(client: TestClient, url: str) -> None:
    answer = client.post(f"{url}/assignment", json={}, headers={"If-Match": '"v9"'})
    assert answer.status_code == 401


def test_a_broken_body_with_a_tag_is_named_as_broken(
    client: TestClient, url: str
) -> None:
    headers = {**AUTH, "If-Match": '"v1"', "Content-Type": "application/json"}
    for content, status in ((b"{", 400), (b"[]", 422), (b"", 422)):
        answer = client.post(f"{url}/assignment", content=content, headers=headers)
        assert answer.status_code == status, content


def test_of_twenty_changes_by_one_tag_one_is_made(client: TestClient, url: str) -> None:
    barrier = threading.Barrier(20)
    statuses: list[int] = []

    def change() -> None:
        barrier.wait(10)
        statuses.append(assigned(client, url, '"v1"').status_code)

    threads = [threading.Thread(target=change) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(statuses) == [200, *[412] * 19]
    assert client.get(url, headers=AUTH).json()["version"] == 2
