"""The log of changes: page by page, and as events of a real server."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dispatch.domain.access import Action
from tests.api.installation import AUTH, sent, services_of

PERSON = {"name": "架空 花子", "phone": "06-0000-1234", "address": "架空町1-2-3"}


def read(client: TestClient, key: str = "", **query: object) -> dict[str, object]:
    headers = {"X-API-Key": key} if key else AUTH
    answer = client.get("/v1/changes", params=query, headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    page: dict[str, object] = answer.json()
    return page


def key_of(client: TestClient, name: str, *actions: Action) -> str:
    keys = services_of(client).keys
    return keys.add(name, actions=frozenset(actions), days=1, who="試験")[1]


def only(page: dict[str, object]) -> dict[str, Any]:
    found = page["changes"]
    assert isinstance(found, list)
    assert len(found) == 1
    change: dict[str, Any] = found[0]
    return change


def ids(page: dict[str, object]) -> list[str]:
    found = page["changes"]
    assert isinstance(found, list)
    return [one["chart"]["id"] for one in found]


def test_the_log_is_read_to_its_end_and_on_from_there(client: TestClient) -> None:
    start = read(client, limit=1_000)["next"]
    assert read(client, after=start) == {"changes": [], "next": start, "more": False}
    first, second = (
        sent(client, external_id="c-1", reporter=PERSON),
        sent(client, description="架空の言葉"),
    )
    page = read(client, after=start, limit=1)
    assert ids(page) == [first["id"]]
    assert page["more"] is True
    change = only(page)
    assert change["chart"]["external_id"] == "c-1"
    assert change["chart"]["version"] == 1
    rest = read(client, after=page["next"])
    assert ids(rest) == [second["id"]]
    assert rest["more"] is False
    text = json.dumps([page, rest], ensure_ascii=False)
    for word in (*PERSON.values(), "花子", "架空の言葉"):
        assert word not in text
    # a cursor of long ago still works
    assert ids(read(client, after=start)) == [first["id"], second["id"]]


def test_a_key_reads_of_what_it_handed_in_or_of_all_when_granted(
    client: TestClient,
) -> None:
    start = read(client, limit=1_000)["next"]
    plain = key_of(client, "counter")
    granted = key_of(client, "ledger", Action.READ_CHART)
    theirs = sent(client, external_id="t-1")
    answer = client.post(
        "/v1/consultations",
        json={"category": "R02", "description": "穴", "address": "西成区津守2-7-13"},
        headers={"X-API-Key": plain},
    )
    own = answer.json()["id"]
    assert ids(read(client, plain, after=start)) == [own]
    everything = read(client, granted, after=start)
    assert ids(everything) == [theirs["id"], own]
    assert "t-1" not in json.dumps(everything)


def test_kinds_choose_and_the_cursor_goes_past_what_they_leave_out(
    client: TestClient,
) -> None:
    start = read(client, limit=1_000)["next"]
    chart = sent(client)
    body = {"version": chart["version"], "who": "試験", "text": "聞いた"}
    own = f"/v1/consultations/{chart['id']}/comments"
    assert client.post(own, json=body, headers=AUTH).status_code < 300
    page = read(client, after=start, kinds="comment")
    change = only(page)
    assert change["kinds"] == ["comment"]
    assert read(client, after=page["next"])["changes"] == []


@pytest.mark.parametrize(
    "cursor",
    [
        "?",
        "nonsense",
        "é",
        urlsafe_b64encode(b"1.other").decode().rstrip("="),
        urlsafe_b64encode(b"999999.").decode().rstrip("="),
        urlsafe_b64encode(b"x.y").decode().rstrip("="),
    ],
)
def test_a_cursor_that_is_not_ours_is_refused(client: TestClient, cursor: str) -> None:
    sent(client)
    for path in ("/v1/changes", "/v1/events"):
        answer = client.get(path, params={"after": cursor}, headers=AUTH)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "after"


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "1001"}, {"kinds": "revealed"}, {"since": "1"}]
)
def test_a_query_that_cannot_be_is_refused(
    client: TestClient, query: dict[str, str]
) -> None:
    answer = client.get("/v1/changes", params=query, headers=AUTH)
    assert answer.status_code == 422
