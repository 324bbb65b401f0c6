"""The list of consultations: filters, pages that lose nothing, chosen fields."""

from __future__ import annotations

import datetime as dt
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from dispatch.domain.access import Action
from tests.api.installation import ADDRESS, AUTH, NOWHERE, TOKYO, sent, services_of

pytestmark = pytest.mark.both_databases
URL = "/v1/consultations"
PROBLEM = "application/problem+json"
FIRST = dt.datetime(2026, 11, 23, 9, 0, tzinfo=TOKYO)
NUM_POTHOLES = 7


@pytest.fixture(scope="module")
def charts(client: TestClient) -> list[dict[str, object]]:
    """Seven potholes an hour apart, two at once; a bicycle; a sewer; one nowhere."""
    hours = [0, 1, 2, 2, 3, 4, 5]
    found = [
        sent(
            client,
            received_at=(FIRST + dt.timedelta(hours=hour)).isoformat(),
            external_id=f"list-{at}",
        )
        for at, hour in enumerate(hours)
    ]
    late = (FIRST + dt.timedelta(hours=6)).isoformat()
    found.append(sent(client, category="B02", received_at=late))
    found.append(sent(client, category="F01", received_at=late))
    found.append(sent(client, address=NOWHERE, received_at=late, urgency="S"))
    return found


def ids(client: TestClient, query: str) -> list[str]:
    """Ids of all pages of a list."""
    found: list[str] = []
    url: str | None = f"{URL}?{query}"
    while url is not None:
        answer = client.get(url, headers=AUTH)
        assert answer.status_code == 200, answer.text
        found += [one["id"] for one in answer.json()["consultations"]]
        link = answer.headers.get("link")
        assert (link is None) == (answer.json()["next"] is None)
        if link is not None:
            assert link.endswith('>; rel="next"')
        url = None if link is None else link[1 : link.index(">")]
    return found


def at(hour: int) -> str:
    return quote((FIRST + dt.timedelta(hours=hour)).isoformat())


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
@pytest.mark.parametrize("sort", ["received_at", "-received_at", "due_at"])
def test_pages_hold_every_chart_once_in_order(
    sort: str, limit: int, client: TestClient, charts: list[dict[str, object]]
) -> None:
    found = ids(client, f"limit={limit}&sort={sort}")
    assert sorted(found) == sorted(f"{one['id']}" for one in charts)
    by_id = {one["id"]: one for one in charts}
    name = sort.removeprefix("-")
    times = [str(by_id[one][name] or "9999") for one in found]
    assert times == sorted(times, reverse=sort.startswith("-"))


def test_a_chart_that_comes_in_meanwhile_moves_no_page(
    client: TestClient, charts: list[dict[str, object]]
) -> None:
    query = "limit=4&category=R02&ward=271225&fields=id"
    first = client.get(f"{URL}?{query}", headers=AUTH).json()
    new = sent(client, received_at=(FIRST - dt.timedelta(hours=1)).isoformat())
    assert new["id"] not in ids(client, f"{query}&cursor={first['next']}")
    rest = ids(client, f"{query}&cursor={first['next']}")
    shown = [one["id"] for one in first["consultations"]]
    potholes = {one["id"] for one in charts[:NUM_POTHOLES]}
    assert potholes <= {*shown, *rest}
    assert not {*shown} & {*rest}


def test_the_order_of_a_cursor_is_kept(
    client: TestClient, charts: list[dict[str, object]]
) -> None:
    first = client.get(f"{URL}?sort=-received_at&limit=3", headers=AUTH).json()
    plain = client.get(f"{URL}?limit=3&cursor={first['next']}", headers=AUTH).json()
    whole = ids(client, "sort=-received_at")
    assert [one["id"] for one in plain["consultations"]] == whole[3:6]
    assert charts


FILTERS = [
    ("category=R02&external_id=list-0", [0]),
    ("external_id=list-0,list-6", [0, 6]),
    ("category=B02,F01", [7, 8]),
    ("urgency=S", [9]),
    ("status=unplaced", [9]),
    ("duty=referral", [8]),
    ("duty=field,referral&status=referred", [8]),
    ("open=false", []),
    ("source=nobody", []),
    ("scheme=report&urgency=S", [9]),
    (f"received_from={at(4)}&category=R02&urgency=A", [5, 6]),
    (f"received_from={at(0)}&received_before={at(2)}", [0, 1]),
    ("bbox=135.45,34.60,135.50,34.66&external_id=list-3", [3]),
    ("bbox=135.50,34.66,135.45,34.60&external_id=list-3", [3]),  # other corners
    ("bbox=139,35,140,36", []),
    ("updated_since=2027-01-01T00:00:00%2B09:00", []),
]


@pytest.mark.parametrize(("query", "wanted"), FILTERS)
def test_filters_keep_what_they_say(
    query: str, wanted: list[int], client: TestClient, charts: list[dict[str, object]]
) -> None:
    if query == "open=false":
        assert charts[0]["id"] not in ids(client, query)
        return
    assert sorted(ids(client, query)) == sorted(f"{charts[n]['id']}" for n in wanted)


def test_filters_by_ward_district_office_team_and_number(
    client: TestClient, charts: list[dict[str, object]]
) -> None:
    chart = charts[3]
    placement, assignment = chart["placement"], chart["assignment"]
    assert isinstance(placement, dict)
    assert isinstance(assignment, dict)
    filters = {
        "ward": placement["ward_code"],
        "district": placement["district_id"],
        "office": assignment["office_id"],
        "team": assignment["team_id"],
    }
    for name, value in filters.items():
        assert chart["id"] in ids(client, f"{name}={value}"), name
    assert ids(client, f"number={chart['number']}") == [chart["id"]]
    assert chart["id"] in ids(client, f"due_before={at(24 * 365)}")
    assert chart["id"] not in ids(client, f"due_before={at(0)}")
    assert chart["id"] in ids(client, "updated_since=2026-11-24T00:00:00%2B09:00")


def test_ends_of_the_calendar_are_only_far_away(
    client: TestClient, charts: list[dict[str, object]]
) -> None:
    early, late = "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-12:00"
    found = ids(client, f"received_from={early}&received_before={late}")
    assert {one["id"] for one in charts} <= {*found}
    assert ids(client, f"received_from={late}") == []


def test_only_the_fields_that_were_asked_for_come(
    client: TestClient, charts: list[dict[str, object]]
) -> None:
    answer = client.get(f"{URL}?fields=id,status,placement&limit=1", headers=AUTH)
    assert set(answer.json()["consultations"][0]) == {"id", "status", "placement"}
    whole = client.get(f"{URL}?external_id=list-0", headers=AUTH).json()
    assert whole == {"consultations": [charts[0]], "next": None}


BAD = [
    ("status=vanished", "status"),
    ("status=", "status"),
    ("urgency=A,", "urgency"),
    ("category=X99", "category"),
    ("ward=北区", "ward"),
    ("office=nowhere", "office"),
    ("team=nobody", "team"),
    ("external_id=a,,b", "external_id"),
    ("number=%00", "number"),
    ("open=perhaps", "open"),
    ("received_from=2026-11-24T09:00:00", "received_from"),  # naive
    ("received_from=1763942700", "received_from"),
    ("due_before=yesterday", "due_before"),
    ("bbox=1,2,3", "bbox"),
    ("bbox=a,b,c,d", "bbox"),
    ("fields=id,name", "fields"),
    ("sort=name", "sort"),
    ("limit=0", "limit"),
    ("limit=201", "limit"),
    ("limit=many", "limit"),
    ("cursor=abc", "cursor"),
    (f"number={'x,' * 1200}x", "number"),
]


@pytest.mark.parametrize(("query", "field"), BAD)
def test_a_wrong_value_is_refused_by_name(
    query: str, field: str, client: TestClient
) -> None:
    answer = client.get(f"{URL}?{query}", headers=AUTH)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == PROBLEM
    assert [one["field"] for one in answer.json()["errors"]] == [field]


def test_an_unknown_field_is_refused_with_those_that_are(client: TestClient) -> None:
    detail = client.get(f"{URL}?fields=name", headers=AUTH).json()["detail"]
    assert "received_at" in detail
    assert "Value error" not in detail


def test_a_key_sees_what_it_sent_itself(client: TestClient) -> None:
    services = services_of(client)
    mine = services.keys.add("own", actions=frozenset(), days=1, who="試験")[1]
    reading = frozenset({Action.READ_CHART})
    every = services.keys.add("reader", actions=reading, days=1, who="試験")[1]
    body = {"category": "R02", "description": "穴", "address": ADDRESS}
    headers = {"X-API-Key": mine}
    chart = client.post(URL, json=body, headers=headers).json()
    found = client.get(URL, headers=headers).json()["consultations"]
    assert [one["id"] for one in found] == [chart["id"]]
    other = client.get(f"{URL}?limit=200", headers={"X-API-Key": every})
    assert len(other.json()["consultations"]) > 1


def test_nothing_about_the_reporter_is_listed(client: TestClient) -> None:
    reporter = {"name": "秘密太郎", "phone": "06-0000-9999", "address": "秘密町1"}
    sent(client, reporter=reporter, description="秘密の話")
    text = client.get(f"{URL}?limit=200", headers=AUTH).text
    for secret in (*reporter.values(), "秘密の話"):
        assert secret not in text
