"""Slots by other systems: what is offered and refused, and the way to a promise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.installation import (
    ADDRESS,
    AUTH,
    HOSTILE,
    NOWHERE,
    consultation_body,
    running,
    services_of,
    settings_for,
)

URL = "/v1/slots"
CHARTS = "/v1/consultations"
PROBLEM = "application/problem+json"
PERSON = "山田太郎"
GUTTER = "R05"


def asked(**changes: object) -> dict[str, object]:
    """Build a question for a broken gutter (three working days) at a known address."""
    return {"category": GUTTER, "address": ADDRESS, **changes}


def told(**changes: object) -> dict[str, object]:
    """Build the consultation for it."""
    return consultation_body(category=GUTTER, **changes)


def offered(client: TestClient, **changes: object) -> list[dict[str, Any]]:
    response = client.post(URL, json=asked(**changes), headers=AUTH)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["slots"]
    return found


def held(client: TestClient, slot_id: str) -> dict[str, Any]:
    response = client.post(f"{URL}/{slot_id}/hold", headers=AUTH)
    assert response.status_code == 200, response.text
    kept: dict[str, Any] = response.json()
    return kept


@pytest.fixture
def fresh(
    tmp_path: Path, geodata_dir: Path, served_database: str
) -> Iterator[TestClient]:
    """Serve an empty installation to one test."""
    settings = settings_for(tmp_path, geodata_dir, database=served_database)
    with running(settings) as served:
        yield served


# -- what is refused -------------------------------------------------------------------


REFUSED: dict[str, tuple[object, str]] = {
    "no category": ({"address": ADDRESS}, "category"),
    "unknown category": (asked(category="X99"), "category"),
    "category of another desk": (asked(category="F01"), "category"),
    "no place": ({"category": GUTTER}, "address"),
    "place nobody knows": (asked(address=NOWHERE), "address"),
    "address of a number": (asked(address=5), "address"),
    "long landmark": (asked(landmark=PERSON * 80), "landmark"),
    "position off the globe": (asked(position={"lon": 181, "lat": 34}), "position.lon"),
    "unknown urgency": (asked(urgency="SS"), "urgency"),
    "day of words": (asked(**{"from": "明日"}), "from"),
    "day as a number": (asked(until=20261124), "until"),
    "day that is over": (asked(**{"from": "2026-11-23"}), "from"),
    "day too far ahead": (asked(until="2026-12-09"), "until"),
    "days backwards": (
        asked(**{"from": "2026-11-26", "until": "2026-11-25"}),
        "until",
    ),
    "the field's own name": (asked(first="2026-11-24"), "first"),
    "short window": (asked(window_min=59), "window_min"),
    "long window": (asked(window_min=241), "window_min"),
    "no slots": (asked(limit=0), "limit"),
    "too many slots": (asked(limit=21), "limit"),
    "hold of a word": (asked(hold="おねがい"), "hold"),
    "words of a person": (asked(description=PERSON), "description"),
    "reporter": (asked(reporter={"name": PERSON}), "reporter"),
    "list instead of an object": ([PERSON], "body"),
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


def test_nothing_is_answered_without_a_key(client: TestClient) -> None:
    assert client.post(URL, json=asked()).status_code == 401
    assert client.post(f"{URL}/s000000000/hold").status_code == 401


@pytest.mark.both_databases
def test_slot_that_was_not_offered_is_not_found(client: TestClient) -> None:
    for response in (
        client.post(f"{URL}/s000000000/hold", headers=AUTH),
        client.post(CHARTS, json=told(slot_id="s000000000"), headers=AUTH),
    ):
        assert response.status_code == 404
        assert response.headers["content-type"] == PROBLEM


# -- what is offered -------------------------------------------------------------------


def test_slots_are_windows_of_working_days_with_a_price_and_no_team(
    fresh: TestClient,
) -> None:
    found = offered(fresh)
    assert len(found) == 20
    assert set(found[0]) == {"id", "start_at", "end_at", "price_min", "held_until"}
    assert found[0]["start_at"] == "2026-11-24T09:00:00+09:00"
    assert found[0]["end_at"] == "2026-11-24T11:00:00+09:00"
    assert {slot["held_until"] for slot in found} == {None}
    assert all(slot["price_min"] >= 0 for slot in found)
    starts = [slot["start_at"] for slot in found]
    assert starts == sorted(starts)
    # Tuesday to Friday, and Monday
    assert sorted({start[:10] for start in starts}) == [
        *(f"2026-11-{day}" for day in range(24, 28)),
        "2026-11-30",
    ]


def test_an_urgent_case_is_promised_for_today_alone(fresh: TestClient) -> None:
    # a pothole is of urgency A: due the same day
    found = offered(fresh, category="R02")
    assert {slot["start_at"][:10] for slot in found} == {"2026-11-24"}


def test_days_window_and_number_are_as_asked(fresh: TestClient) -> None:
    days = {"from": "2026-11-25", "until": "2026-11-25"}
    found = offered(fresh, **days, window_min=240, limit=2)
    assert [slot["start_at"][:10] for slot in found] == ["2026-11-25"] * 2
    assert found[0]["end_at"][11:] == "13:00:00+09:00"
    # a Saturday is no error: it has no slots
    assert offered(fresh, **{"from": "2026-11-28", "until": "2026-11-28"}) == []
    held_none = offered(
        fresh, **{"from": "2026-11-28", "until": "2026-11-28"}, hold=True
    )
    assert held_none == []


def test_a_position_is_a_place_too(fresh: TestClient) -> None:
    swapped = {"lon": 34.6432, "lat": 135.4815}
    assert offered(fresh, address="", position=swapped, limit=1)


@pytest.mark.both_databases
def test_hostile_words_come_to_nothing(client: TestClient) -> None:
    body = asked(address=f"{ADDRESS} {HOSTILE}", district=HOSTILE)
    response = client.post(URL, json=body, headers=AUTH)
    assert response.status_code == 200
    assert "script" not in response.text


# -- the way to a promise --------------------------------------------------------------


@pytest.mark.both_databases
def test_a_held_slot_becomes_the_appointment_of_a_consultation(
    fresh: TestClient,
) -> None:
    slot = offered(fresh, limit=3)[-1]
    kept = held(fresh, slot["id"])
    assert kept == {**slot, "held_until": "2026-11-24T09:00:00+09:00"}  # 8:50 + 10
    assert held(fresh, slot["id"]) == kept
    headers = {**AUTH, "Idempotency-Key": "with-slot"}
    body = told(slot_id=slot["id"])
    first = fresh.post(CHARTS, json=body, headers=headers)
    again = fresh.post(CHARTS, json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    chart = services_of(fresh).store.get(first.json()["id"])
    promised = chart.consultation.appointment
    assert promised is not None
    assert promised.start_at.isoformat() == slot["start_at"]
    assert promised.end_at.isoformat() == slot["end_at"]
    taken = fresh.post(CHARTS, json=body, headers=AUTH)
    assert taken.status_code == 409
    assert "ほかの相談" in taken.json()["detail"]
    assert fresh.post(f"{URL}/{slot['id']}/hold", headers=AUTH).status_code == 409


@pytest.mark.both_databases
def test_the_first_slot_is_held_at_once_when_asked(fresh: TestClient) -> None:
    first, *rest = offered(fresh, limit=3, hold=True)
    assert first["held_until"] == "2026-11-24T09:00:00+09:00"
    assert {slot["held_until"] for slot in rest} == {None}


def test_a_slot_that_is_not_held_is_refused_with_words(fresh: TestClient) -> None:
    (slot,) = offered(fresh, limit=1)
    body = told(slot_id=slot["id"])
    response = fresh.post(CHARTS, json=body, headers=AUTH)
    assert response.status_code == 409
    assert "確保" in response.json()["detail"]
    assert fresh.get("/charts").status_code == 200
    assert services_of(fresh).store.find() == []


@pytest.mark.both_databases
def test_a_consultation_has_one_promise(fresh: TestClient) -> None:
    (slot,) = offered(fresh, limit=1, hold=True)
    times = {"start_at": slot["start_at"], "end_at": slot["end_at"]}
    body = told(slot_id=slot["id"], appointment=times)
    response = fresh.post(CHARTS, json=body, headers=AUTH)
    assert response.status_code == 422
    assert [item["field"] for item in response.json()["errors"]] == ["slot_id"]


@pytest.mark.both_databases
def test_keys_of_before_there_were_slots_keep_their_meaning(
    client: TestClient,
) -> None:
    headers = {**AUTH, "Idempotency-Key": "no-slot"}
    first = client.post(CHARTS, json=told(), headers=headers)
    same = client.post(CHARTS, json=told(slot_id=None), headers=headers)
    other = client.post(CHARTS, json=told(slot_id="x"), headers=headers)
    assert (first.status_code, same.status_code) == (201, 200)
    assert other.status_code == 404
