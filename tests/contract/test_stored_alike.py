"""What both databases answer alike to strange input and to people who were late."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from fastapi.testclient import TestClient

from tests.api.installation import AUTH, BROWSER, num_charts, sent, services_of

pytestmark = pytest.mark.both_databases
URL = "/v1/consultations"
PROBLEM = "application/problem+json"
NUM_AT_ONCE = 20
LIMIT_S = 120


def assignment(version: object, who: str = "総務 花子") -> dict[str, object]:
    return {
        "office_id": "hirano",
        "team_id": "hirano-1",
        "version": version,
        "who": who,
        "why": "車両の都合",
    }


@pytest.mark.parametrize(
    "path",
    [
        f"{URL}/%00",
        f"{URL}/a%00b",
        "/v1/closures/%00",
        "/v1/slots/%00",
        "/v1/plans/%00",
        "/charts/%00",
        "/closures/%00",
        "/plan/%00/hirano",
    ],
)
def test_a_nul_in_an_address_is_refused_and_is_no_fault_of_the_server(
    client: TestClient, path: str
) -> None:
    headers = BROWSER if "/v1/" not in path else AUTH
    assert client.get(path, headers=headers).status_code in {404, 405, 422}


@pytest.mark.parametrize("field", ["description", "address", "external_id", "ward"])
@pytest.mark.parametrize("words", ["穴\0", "\u001b[2J"], ids=["NUL", "escape"])
def test_a_text_with_signs_that_nobody_writes_is_refused_and_nothing_is_stored(
    client: TestClient, field: str, words: str
) -> None:
    before = num_charts(client)
    body = {"category": "R02", "description": "穴", "address": "津守2-7-13"}
    answer = client.post(URL, json={**body, field: words}, headers=AUTH)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == PROBLEM
    assert num_charts(client) == before


def test_a_number_beyond_every_column_is_only_another_version(
    client: TestClient,
) -> None:
    chart = sent(client)
    url = f"{URL}/{chart['id']}/assignment"
    for version in (2**31, 2**63, 10**30):
        late = client.post(url, json=assignment(version), headers=AUTH)
        assert late.status_code in {409, 422}
    kept = client.get(f"{URL}/{chart['id']}", headers=AUTH).json()
    assert kept["version"] == chart["version"]


def test_of_many_who_change_a_chart_at_once_one_wins_and_the_rest_learn_the_version(
    client: TestClient,
) -> None:
    chart = sent(client)
    url = f"{URL}/{chart['id']}/assignment"
    gate = Barrier(NUM_AT_ONCE)

    def change(which: int) -> tuple[int, object]:
        gate.wait(LIMIT_S)
        body = assignment(chart["version"], f"{which}番")
        answer = client.post(url, json=body, headers=AUTH)
        return answer.status_code, answer.json().get("current_version")

    with ThreadPoolExecutor(NUM_AT_ONCE) as threads:
        answers = list(threads.map(change, range(NUM_AT_ONCE), timeout=LIMIT_S))
    # versions begin with 1: the winner made the second, and every other is told so
    assert sorted(status for status, _ in answers) == [200] + [409] * (NUM_AT_ONCE - 1)
    assert {current for status, current in answers if status == 409} == {2}
    assert client.get(f"{URL}/{chart['id']}", headers=AUTH).json()["version"] == 2


@pytest.mark.slow
def test_a_thousand_changes_of_one_chart_each_win_or_are_told_the_version(
    client: TestClient,
) -> None:
    chart_id = sent(client)["id"]
    url = f"{URL}/{chart_id}"

    def change(which: int) -> int | None:
        seen = client.get(url, headers=AUTH).json()["version"]
        body = assignment(seen, f"{which}番")
        answer = client.post(f"{url}/assignment", json=body, headers=AUTH)
        if answer.status_code == 409:
            assert answer.json()["current_version"] > seen
            return None
        made: int = answer.json()["version"]
        assert (answer.status_code, made) == (200, seen + 1)
        return made

    with ThreadPoolExecutor(16) as threads:
        made = list(threads.map(change, range(1_000), timeout=10 * LIMIT_S))
    won = sorted(version for version in made if version is not None)
    last = client.get(url, headers=AUTH).json()["version"]
    assert won == list(range(2, last + 1))
    # received, placed, assigned; then one entry for each that won
    lines = services_of(client).store.history(str(chart_id))
    assert sum(line.kind == "overridden" for line in lines) == len(won)
