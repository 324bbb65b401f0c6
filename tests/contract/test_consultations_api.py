"""The intake API: what it refuses, how it says so, and that nothing half stays."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from fastapi.testclient import TestClient

from dispatch.domain.reporter import PersonalField, Reporter
from tests.api.installation import (
    ADDRESS,
    AUTH,
    BROWSER,
    HOSTILE,
    consultation_body,
    num_charts,
    person_of,
    sent,
    services_of,
)

pytestmark = pytest.mark.both_databases
URL = "/v1/consultations"
PROBLEM = "application/problem+json"
JSON = {"Content-Type": "application/json"}
PERSON = "山田太郎"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A request that is refused: its body, and the answer that it must have."""

    body: object = None  # sent as JSON
    raw: bytes | None = None  # sent as it is
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 422
    field: str | None = None


def but(**changes: object) -> dict[str, object]:
    return consultation_body(**changes)


def raw(**changes: object) -> bytes:
    return json.dumps(consultation_body(**changes), ensure_ascii=False).encode()


def without(name: str) -> dict[str, object]:
    body = consultation_body()
    del body[name]
    return body


AT_12 = "2026-11-24T12:00:00+09:00"
AT_10 = "2026-11-24T10:00:00+09:00"
BAD = {
    "unknown category": Bad(body=but(category="X99"), field="category"),
    "category missing": Bad(body=without("category"), field="category"),
    "description missing": Bad(body=without("description"), field="description"),
    "no place at all": Bad(body=without("address"), field="address"),
    "place of spaces": Bad(body=but(address="  \u3000 "), field="address"),
    "longitude 200": Bad(
        body=but(position={"lon": 200, "lat": 34.69}), field="position.lon"
    ),
    "longitude NaN": Bad(
        raw=raw(position={"lon": float("nan"), "lat": 34.69}), field="position.lon"
    ),
    "latitude infinite": Bad(
        raw=raw(position={"lon": 135.5, "lat": float("inf")}), field="position.lat"
    ),
    "latitude that none can be, and no longitude either": Bad(
        body=but(position={"lon": 135.5, "lat": 134.69}), field="position"
    ),
    "half a position": Bad(body=but(position={"lon": 135.5}), field="position.lat"),
    "position as a list": Bad(body=but(position=[135.5, 34.69]), field="position"),
    "naive time": Bad(body=but(received_at="2026-11-24T09:05:00"), field="received_at"),
    "time as a number": Bad(body=but(received_at=1_763_942_700), field="received_at"),
    "time as digits": Bad(body=but(received_at="1763942700"), field="received_at"),
    "time that is none": Bad(
        body=but(received_at="2026-02-30T09:00:00+09:00"), field="received_at"
    ),
    "time at the end of the calendar": Bad(
        body=but(received_at="9999-12-31T23:59:59-12:00"), field="received_at"
    ),
    "time at its beginning": Bad(
        body=but(received_at="0001-01-01T00:00:00+14:00"), field="received_at"
    ),
    "long description": Bad(body=but(description="あ" * 4_001), field="description"),
    "description of a megabyte": Bad(body=but(description="x" * 1_000_000), status=413),
    "long address": Bad(body=but(address="あ" * 301), field="address"),
    "long name": Bad(body=but(reporter={"name": PERSON * 50}), field="reporter.name"),
    "typing error in a name": Bad(body=but(descripton="x"), field="descripton"),
    "unknown field inside": Bad(
        body=but(reporter={"nmae": PERSON}), field="reporter.nmae"
    ),
    "category as a number": Bad(body=but(category=5), field="category"),
    "description as null": Bad(body=but(description=None), field="description"),
    "flag as a word": Bad(body=but(contact_wanted="たぶん"), field="contact_wanted"),
    "unknown channel": Bad(body=but(channel="のろし"), field="channel"),
    "unknown urgency": Bad(body=but(urgency="SS"), field="urgency"),
    "appointment that ends before it starts": Bad(
        body=but(appointment={"start_at": AT_12, "end_at": AT_10}),
        field="appointment.end_at",
    ),
    "appointment without an end": Bad(
        body=but(appointment={"start_at": AT_12}), field="appointment.end_at"
    ),
    "naive appointment": Bad(
        body=but(appointment={"start_at": AT_10[:19], "end_at": AT_12}),
        field="appointment.start_at",
    ),
    "tagged after it was received": Bad(
        body=but(category="B02", tagged_on="2026-12-24"), field="tagged_on"
    ),
    "control character in the description": Bad(
        body=but(description="穴\0あり"), field="description"
    ),
    "control character in the address": Bad(
        body=but(address="北区\x1b[2J"), field="address"
    ),
    "control character in the landmark": Bad(
        body=but(landmark="駅\x07前"), field="landmark"
    ),
    "control character in the ward": Bad(body=but(ward="北\0区"), field="ward"),
    "control character in the name": Bad(
        body=but(reporter={"name": "山\0田"}), field="reporter.name"
    ),
    "half a character": Bad(
        raw=b'{"category":"R02","address":"x","description":"\\ud800"}',
        field="description",
    ),
    "JSON cut off": Bad(raw=raw()[:-3], status=400, field="body"),
    "not JSON at all": Bad(raw=b"category=R02", status=400, field="body"),
    "CP932 bytes": Bad(raw=raw().decode().encode("cp932"), status=400),
    "broken UTF-8": Bad(
        raw=b'{"category":"R02","address":"\xe5\x8c","description":"x"}', status=400
    ),
    "endless nesting": Bad(raw=b"[" * 100_000, status=400),
    "deep nesting": Bad(raw=b'{"a":' * 20_000 + b"1" + b"}" * 20_000, status=400),
    "endless number": Bad(
        raw=b'{"category":"R02","urgency":' + b"1" * 5_000 + b"}", status=400
    ),
    "empty body": Bad(raw=b"", field="body"),
    "null": Bad(raw=b"null", field="body"),
    "an array": Bad(body=[but()], field="body"),
    "a text": Bad(body="R02", field="body"),
    "text/plain": Bad(raw=raw(), headers={"Content-Type": "text/plain"}, status=415),
    "a form": Bad(
        raw=b"category=R02&description=x",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        status=415,
    ),
    "key of 201 characters": Bad(
        body=but(), headers={"Idempotency-Key": "k" * 201}, field="Idempotency-Key"
    ),
    "empty key": Bad(
        body=but(), headers={"Idempotency-Key": ""}, field="Idempotency-Key"
    ),
    "no API key": Bad(body=but(), headers={"X-API-Key": ""}, status=401),
    "wrong API key": Bad(
        body=but(), headers={"X-API-Key": "test-key-0002"}, status=401
    ),
    "API key with its name": Bad(
        body=but(), headers={"X-API-Key": "intake:test-key-0001"}, status=401
    ),
    "another site": Bad(
        body=but(), headers={"Origin": "https://evil.example"}, status=403
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_a_clear_problem_and_nothing_is_stored(
    case: str, client: TestClient
) -> None:
    bad = BAD[case]
    before = num_charts(client)
    content = bad.raw if bad.raw is not None else json.dumps(bad.body).encode()
    response = client.post(
        URL, content=content, headers={**AUTH, **JSON, **bad.headers}
    )
    problem = response.json()
    assert response.status_code == bad.status, response.text
    assert response.headers["content-type"] == PROBLEM
    assert problem["status"] == bad.status
    assert problem["title"]
    assert problem["detail"]
    if bad.field is not None:
        assert bad.field in {item["field"] for item in problem["errors"]}
        assert bad.field in problem["detail"]
    assert PERSON not in response.text
    assert num_charts(client) == before


def test_every_wrong_field_is_named_at_once(client: TestClient) -> None:
    body = but(category=5, urgency="SS", adress="x")
    response = client.post(URL, json=body, headers=AUTH)
    named = {item["field"] for item in response.json()["errors"]}
    assert named == {"category", "urgency", "adress"}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_other_method_is_refused(method: str, client: TestClient) -> None:
    response = client.request(method, URL, headers=AUTH)
    assert response.status_code == 405
    assert response.headers["content-type"] == PROBLEM
    assert response.headers["allow"] == "GET, POST"


def test_unknown_chart_is_not_found(client: TestClient) -> None:
    response = client.get(f"{URL}/c000000000", headers=AUTH)
    assert response.status_code == 404
    assert response.headers["content-type"] == PROBLEM


def test_chart_is_not_shown_without_a_key(client: TestClient) -> None:
    chart = sent(client)
    response = client.get(f"{URL}/{chart['id']}")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "ApiKey"


# -- what is accepted ------------------------------------------------------------------


def test_good_consultation_becomes_a_placed_and_assigned_chart(
    client: TestClient,
) -> None:
    before = num_charts(client)
    response = client.post(URL, json=consultation_body(), headers=AUTH)
    chart = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"{URL}/{chart['id']}"
    assert (chart["status"], chart["urgency"]) == ("assigned", "A")
    assert chart["placement"]["ward_code"].startswith("27122")  # 西成区
    assert chart["assignment"]["office_id"]
    assert chart["assignment"]["reason"]
    assert chart["number"].startswith("R8-27122-")
    assert chart["received_at"] == "2026-11-24T08:50:00+09:00"
    # urgency A: the same day, until the office closes
    assert chart["due_at"] == "2026-11-24T17:30:00+09:00"
    assert num_charts(client) == before + 1
    again = client.get(response.headers["location"], headers=AUTH)
    assert again.json() == chart


def test_reporter_is_kept_and_never_given_back(client: TestClient) -> None:
    person = Reporter(
        name=PERSON,
        kana="ヒミツ",
        phone="06-0000-9999",
        address="秘密の町1-1",
        role="秘密町会長",
    )
    reporter = {str(field): person.value(field) for field in PersonalField}
    response = client.post(
        URL, json=but(reporter=reporter, description="秘密の内容"), headers=AUTH
    )
    chart_id = response.json()["id"]
    shown = response.text + client.get(f"{URL}/{chart_id}", headers=AUTH).text
    for secret in (*reporter.values(), "秘密の内容"):
        assert secret not in shown
    assert person_of(client, chart_id) == person


@pytest.mark.parametrize(
    ("lon", "lat", "status"),
    [
        (139.767, 35.681, "outside"),  # Tokyo
        (135.60, 34.61, "outside"),  # in the rectangle around the city, not in it
        (0.0, 0.0, "outside"),
        (34.69, 35.5, "outside"),
    ],
)
def test_coordinate_outside_the_city_is_stored_unplaced_and_not_mapped(
    lon: float, lat: float, status: str, client: TestClient
) -> None:
    chart = sent(client, address="", position={"lon": lon, "lat": lat})
    placement = chart["placement"]
    assert isinstance(placement, dict)
    assert chart["status"] == "unplaced"
    assert placement["status"] == status
    assert (placement["lon"], placement["lat"]) == (None, None)
    assert placement["message"]
    assert chart["assignment"] is None
    assert f"{chart['id']}" not in client.get("/maps/overview").text


def test_referral_is_passed_on_and_never_placed(client: TestClient) -> None:
    chart = sent(client, category="F01", position={"lon": 135.4935, "lat": 34.6371})
    assert (chart["status"], chart["duty"]) == ("referred", "referral")
    assert chart["receiver"]
    assert (chart["placement"], chart["assignment"]) == (None, None)
    assert f"{chart['id']}" not in client.get("/maps/overview").text


def test_urgency_is_raised_by_the_sender_but_never_lowered(client: TestClient) -> None:
    assert sent(client, urgency="S")["urgency"] == "S"
    assert sent(client, urgency="C")["urgency"] == "A"  # R02 is A


def test_tagged_bicycle_waits_seven_days(client: TestClient) -> None:
    chart = sent(client, category="B02", tagged_on="2026-11-20")
    assert (chart["status"], chart["hold_until"]) == ("on_hold", "2026-11-27")
    assert sent(client, category="B02", tagged_on="2026-11-17")["status"] == "assigned"


def test_hostile_words_are_stored_as_they_are_and_stay_words_everywhere(
    client: TestClient,
) -> None:
    chart = sent(
        client,
        description=HOSTILE,
        address=f"{ADDRESS} {HOSTILE}",
        landmark=HOSTILE,
        ward="",
        district=HOSTILE,
        external_id=HOSTILE,
        reporter={"name": HOSTILE, "phone": HOSTILE, "address": HOSTILE},
    )
    chart_id = f"{chart['id']}"
    stored = services_of(client).store.get(chart_id).consultation
    assert stored.description == stored.landmark_text == HOSTILE
    assert stored.address_text == f"{ADDRESS} {HOSTILE}"
    for page in ("/", "/charts", f"/charts/{chart_id}", "/map", "/maps/overview"):
        text = client.get(page, headers=BROWSER).text
        assert "<script>alert" not in text, page
    assert "&lt;script&gt;alert(1)" in client.get(f"/charts/{chart_id}").text
    assert "${1+1}" not in client.get("/maps/overview").text


# -- again -----------------------------------------------------------------------------


def test_retry_with_the_same_key_answers_with_the_same_chart(
    client: TestClient,
) -> None:
    before = num_charts(client)
    headers = {**AUTH, "Idempotency-Key": "retry-1"}
    first = client.post(URL, json=but(), headers=headers)
    # the same meaning in another order is the same body
    turned = dict(reversed(list(but().items())))
    again = client.post(URL, json=turned, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert num_charts(client) == before + 1


def test_same_key_with_another_body_is_a_conflict(client: TestClient) -> None:
    headers = {**AUTH, "Idempotency-Key": "retry-2"}
    client.post(URL, json=but(), headers=headers)
    before = num_charts(client)
    other = client.post(URL, json=but(description="別の穴"), headers=headers)
    assert other.status_code == 409
    assert other.headers["content-type"] == PROBLEM
    assert num_charts(client) == before


def test_key_of_a_refused_body_may_be_used_for_the_corrected_one(
    client: TestClient,
) -> None:
    headers = {**AUTH, "Idempotency-Key": "retry-3"}
    assert client.post(URL, json=but(category="X99"), headers=headers).status_code == (
        422
    )
    assert client.post(URL, json=but(), headers=headers).status_code == 201


def test_key_of_200_characters_is_taken(client: TestClient) -> None:
    headers = {**AUTH, "Idempotency-Key": "k" * 200}
    assert client.post(URL, json=but(), headers=headers).status_code == 201


def test_same_external_id_answers_with_the_same_chart(client: TestClient) -> None:
    first = client.post(URL, json=but(external_id="case-1"), headers=AUTH)
    again = client.post(URL, json=but(external_id="case-1"), headers=AUTH)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]


def test_key_that_met_a_known_external_id_means_that_chart_for_good(
    client: TestClient,
) -> None:
    headers = {**AUTH, "Idempotency-Key": "retry-4"}
    client.post(URL, json=but(external_id="case-2"), headers=AUTH)
    known = client.post(URL, json=but(external_id="case-2"), headers=headers)
    other = client.post(URL, json=but(external_id="case-3"), headers=headers)
    assert (known.status_code, other.status_code) == (200, 409)


def test_thirty_identical_posts_at_once_make_one_chart(client: TestClient) -> None:
    before = num_charts(client)
    headers = {**AUTH, "Idempotency-Key": "thirty"}
    barrier = threading.Barrier(30)
    answers: list[tuple[int, str]] = []

    def post() -> None:
        barrier.wait(10)
        response = client.post(URL, json=but(), headers=headers)
        answers.append((response.status_code, response.json()["id"]))

    threads = [threading.Thread(target=post) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 30
    assert sorted(status for status, _ in answers) == [200] * 29 + [201]
    assert len({chart_id for _, chart_id in answers}) == 1
    assert num_charts(client) == before + 1


def test_numbers_of_posts_at_once_are_all_different(client: TestClient) -> None:
    numbers: list[str] = []

    def post() -> None:
        numbers.append(client.post(URL, json=but(), headers=AUTH).json()["number"])

    threads = [threading.Thread(target=post) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(set(numbers)) == 10


# -- a dispatcher's assignment -------------------------------------------------------


def test_an_assignment_by_the_api_is_kept_with_who_and_why_and_binds(
    client: TestClient,
) -> None:
    chart = client.post(URL, json=but(), headers=AUTH).json()
    url = f"{URL}/{chart['id']}/assignment"
    body = {
        "office_id": "hirano",
        "team_id": "hirano-1",
        "version": chart["version"],
        "who": "総務 花子",
        "why": "車両の都合",
    }
    answer = client.post(url, json=body, headers=AUTH)
    assert answer.status_code == 200
    assignment = answer.json()["assignment"]
    assert (assignment["team_id"], assignment["by"]) == ("hirano-1", "dispatcher")
    assert "車両の都合" in assignment["reason"]
    assert "総務 花子" in assignment["reason"]
    stale = client.post(url, json=body, headers=AUTH)
    assert stale.status_code == 409
    body["version"] += 1
    for name, value in (("office_id", "nowhere"), ("team_id", "juso-1"), ("why", "")):
        refused = client.post(url, json={**body, name: value}, headers=AUTH)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == name
    assert client.post(url, json=body).status_code == 401


def test_swapped_position_is_corrected_and_said(client: TestClient) -> None:
    swapped = but(position={"lon": 34.6432, "lat": 135.4815}, address="")
    answer = client.post(URL, json=swapped, headers=AUTH)
    assert answer.status_code == 201
    placement = answer.json()["placement"]
    assert (placement["lon"], placement["lat"]) == (135.4815, 34.6432)
    assert placement["warnings"] == ["swapped"]


# -- what the API says of itself -------------------------------------------------------


def test_openapi_lists_the_routes_and_what_they_refuse(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    one = f"{URL}/{{chart_id}}"
    mine = {path for path in paths if path.startswith((URL, "/healthz"))}
    below = {
        f"{one}/{name}"
        for name in (
            *("acts", "answers", "assignment", "class", "comments", "conditions"),
            *("duplicates", "history", "merge", "pauses", "photos", "place"),
            *("replies", "results", "summary", "topics", "transfers", "unmerge"),
        )
    }
    moves = ("accept", "finish", "hand-on", "return", "withdraw")
    below |= {f"{one}/transfers/{{transfer_id}}/{name}" for name in moves}
    steps = ("accept", "finish", "hand-on", "return", "withdraw")
    below |= {
        f"{one}/transfers",
        *(f"{one}/transfers/{{transfer_id}}/{s}" for s in steps),
    }
    assert mine == {URL, one, *below, f"{URL}/search-by-phone", "/healthz"}
    assert {"201", "400", "401", "409", "413", "422"} <= set(
        paths[URL]["post"]["responses"]
    )


def test_documentation_loads_nothing_from_elsewhere(client: TestClient) -> None:
    response = client.get("/docs")
    assert response.status_code == 200
    assert "http://" not in response.text
    assert "https://" not in response.text
    assert "//cdn" not in response.text
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert client.get(f"/assets/swagger-ui-dist/{asset}").status_code == 200


def test_health_is_answered_without_a_key(client: TestClient) -> None:
    assert client.get("/healthz").json() == {
        "status": "ok",
        "city": "osaka",
        "travel": "straight_line",
    }
