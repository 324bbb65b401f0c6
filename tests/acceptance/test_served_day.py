"""`kidohan serve`: a dispatcher's day by HTTP, a cancelled plan, and a power cut."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dispatch.domain.case_chart import ChartStatus
from geodata.city import load_city
from geodata.towns import read_towns
from tests.acceptance.command import (
    DEMO_DATE,
    Served,
    family,
    is_running,
    served_settings,
)
from tests.acceptance.records import rows

NUM_REPORTS = 40
POLL_S = 0.2
PLAN_LIMIT_S = 90
CANCEL_LIMIT_S = 5.0  # a person who pressed the button still waits for the answer
PAGE = {"Accept": "text/html"}


def reports(count: int) -> list[dict[str, Any]]:
    """Bodies of potholes in towns all over the city."""
    profile = load_city("osaka")
    towns = list(read_towns(profile))
    names = {ward.code: ward.name for ward in profile.wards}
    step = len(towns) // count
    return [
        {
            "category": "R02",
            "description": f"舗装の傷み その{n}",
            "address": f"{names[town.ward_code]}{town.name}",
        }
        for n, town in enumerate(towns[: step * count : step])
    ]


def post(client: httpx2.Client, body: dict[str, Any], key: str) -> httpx2.Response:
    headers = {"Idempotency-Key": key}
    return client.post("/v1/consultations", json=body, headers=headers)


def start_plan(client: httpx2.Client) -> None:
    form = {"date": DEMO_DATE, "who": "試験"}
    assert client.post("/plan/make", data=form).status_code == 303


def progress(client: httpx2.Client) -> dict[str, Any]:
    job: dict[str, Any] = client.get("/plan/progress").json()
    return job


def finished(client: httpx2.Client, limit_s: float = PLAN_LIMIT_S) -> dict[str, Any]:
    until = time.monotonic() + limit_s
    while (job := progress(client))["state"] == "running":
        assert time.monotonic() < until, job
        time.sleep(POLL_S)
    return job


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with Served(folder, served_settings(folder / "day.sqlite3")) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Served) -> Iterator[httpx2.Client]:
    with server.client() as client:
        yield client


def test_a_day_from_consultation_to_printed_sheets(client: httpx2.Client) -> None:
    bodies = reports(NUM_REPORTS)
    answers = [post(client, body, f"day-{n}") for n, body in enumerate(bodies)]
    assert {answer.status_code for answer in answers} == {201}
    charts = [answer.json() for answer in answers]
    assert {chart["status"] for chart in charts} == {ChartStatus.ASSIGNED}

    board = client.get("/", headers=PAGE)
    assert f"<b>{NUM_REPORTS}</b>これから計画" in board.text
    chart = client.get(answers[0].headers["Location"])
    assert chart.json()["id"] == charts[0]["id"]
    listing = client.get("/charts", headers=PAGE)
    assert all(chart["number"] in listing.text for chart in charts)

    start_plan(client)
    job = finished(client)
    assert job["state"] == "done", job
    plan_id = job["plan_id"]
    published = client.post(f"/plan/{plan_id}/publish", data={"who": "試験"})
    assert published.status_code == 303

    plan_page = client.get("/plan", headers=PAGE).text
    served = 0
    for office in load_city("osaka").offices:
        page = client.get(f"/plan/{plan_id}/{office.id}", headers=PAGE)
        drawn = client.get(f"/maps/plan/{plan_id}/{office.id}", headers=PAGE)
        assert (page.status_code, drawn.status_code) == (200, 200)
        assert f"/plan/{plan_id}/{office.id}" in plan_page
        served += sum(chart["id"] in drawn.text for chart in charts)
        teams = [t.id for t in load_city("osaka").teams if t.office_id == office.id]
        sheets = client.post(
            f"/plan/{plan_id}/sheets", data={"team": teams, "who": "試験"}
        )
        assert sheets.headers["Content-Type"] == "application/pdf"
        assert sheets.content.startswith(b"%PDF-")
    board = client.get("/", headers=PAGE)
    assert f"<b>{served}</b>計画済" in board.text
    assert served >= 0.95 * NUM_REPORTS


def test_retry_with_the_same_key_adds_nothing(client: httpx2.Client) -> None:
    body = reports(NUM_REPORTS)[0]
    first = post(client, body, "retry")
    again = post(client, body, "retry")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    other = post(client, {**body, "description": "別の内容"}, "retry")
    assert other.status_code == 409


def test_without_its_key_a_system_gets_nothing(server: Served) -> None:
    with httpx2.Client(base_url=server.url, trust_env=False) as stranger:
        answer = stranger.post("/v1/consultations", json=reports(1)[0])
    assert answer.status_code == 401
    assert answer.json()["title"] == "鍵が必要です"


@pytest.fixture(scope="module")
def slow_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """Client of a server that would plan for minutes unless it is told to stop."""
    folder = tmp_path_factory.mktemp("slow")
    settings = served_settings(
        folder / "day.sqlite3",
        KIDOHAN_PLAN_TIME_LIMIT_S="600",
        KIDOHAN_PLAN_ITERATIONS="100000000",
    )
    with Served(folder, settings) as server, server.client() as client:
        for n, body in enumerate(reports(NUM_REPORTS)):
            assert post(client, body, f"slow-{n}").status_code == 201
        yield client


def cancelled(client: httpx2.Client) -> None:
    """Cancel, and hold the service to its word at once."""
    began = time.monotonic()
    assert client.post("/plan/cancel").status_code == 303
    job = finished(client, CANCEL_LIMIT_S)
    assert time.monotonic() - began < CANCEL_LIMIT_S
    assert job["state"] == "cancelled", job


def test_cancel_of_a_running_plan_is_quick_and_the_service_goes_on(
    slow_client: httpx2.Client,
) -> None:
    for attempt in range(2):  # the second uses the processes that the first ended
        start_plan(slow_client)
        time.sleep(2.0)
        job = progress(slow_client)
        assert job["state"] == "running"
        assert job["step"] == "経路を探しています"
        cancelled(slow_client)
        page = slow_client.get("/plan", headers=PAGE).text
        assert "計画づくりを中止しました" in page
        added = post(slow_client, reports(1)[0], f"after-{attempt}")
        assert added.status_code == 201
        assert slow_client.get("/healthz").json()["status"] == "ok"


def test_cancel_before_the_search_has_begun_is_not_lost(
    slow_client: httpx2.Client,
) -> None:
    for _ in range(3):
        start_plan(slow_client)
        cancelled(slow_client)


def test_second_plan_at_once_is_refused_with_a_page(slow_client: httpx2.Client) -> None:
    start_plan(slow_client)
    form = {"date": DEMO_DATE, "who": "もう一人"}
    second = slow_client.post("/plan/make", data=form, headers=PAGE)
    assert second.status_code == 409
    assert "計画を作っている最中です" in second.text
    cancelled(slow_client)


class Senders:
    """Systems that post one after another until the line goes dead."""

    def __init__(self, server: Served, bodies: dict[str, dict[str, Any]]) -> None:
        self.sent: list[str] = []
        self.answered: dict[str, str] = {}
        self._server = server
        self._keys = iter(sorted(bodies))
        self._bodies = bodies
        self._lock = threading.Lock()

    def run(self) -> None:
        with self._server.client() as client, suppress(httpx2.TransportError):
            while (key := self._next()) is not None:
                answer = post(client, self._bodies[key], key)
                if answer.status_code == 201:
                    self.answered[key] = answer.json()["id"]

    def _next(self) -> str | None:
        with self._lock:
            key = next(self._keys, None)
            if key is not None:
                self.sent.append(key)
            return key


def cut_off(server: Served, bodies: dict[str, dict[str, Any]]) -> Senders:
    """Kill the server in the middle of the posts; its children must end too."""
    senders = Senders(server, bodies)
    with ThreadPoolExecutor(4) as threads:
        runs = [threads.submit(senders.run) for _ in range(4)]
        until = time.monotonic() + PLAN_LIMIT_S
        while len(senders.answered) < 40:
            assert time.monotonic() < until
            time.sleep(0.005)
        left_behind = family(server.pid) - {server.pid}
        server.kill()
        for run in runs:
            run.result()
    assert left_behind
    until = time.monotonic() + 10
    while any(is_running(pid) for pid in left_behind):
        assert time.monotonic() < until, "solving processes outlive their server"
        time.sleep(0.1)
    return senders


def test_what_was_confirmed_survives_a_power_cut_exactly_once(tmp_path: Path) -> None:
    database = tmp_path / "cut.sqlite3"
    settings = served_settings(database)
    bodies = {f"cut-{n:04d}": body for n, body in enumerate(reports(600))}
    server = Served(tmp_path, settings).start()
    try:
        senders = cut_off(server, bodies)
    finally:
        server.end()
    answered, sent = dict(senders.answered), sorted(senders.sent)
    assert 40 <= len(answered) < len(bodies)  # the cut came in the middle
    kept = rows(database, "SELECT key, chart_id FROM idempotency_keys")
    assert dict(kept).items() >= answered.items()

    # Two servers on the same database: senders retry at both, at the same moment.
    with (
        Served(tmp_path, settings) as one,
        Served(tmp_path, settings) as two,
        one.client() as first,
        two.client() as second,
        ThreadPoolExecutor(8) as threads,
    ):
        retries = [
            (key, threads.submit(post, client, bodies[key], key))
            for key in sent
            for client in (first, second)
        ]
        ids: dict[str, set[str]] = {key: set() for key in sent}
        for key, retry in retries:
            answer = retry.result()
            assert answer.status_code == 200 or (
                answer.status_code == 201 and key not in answered
            ), answer.text
            ids[key].add(answer.json()["id"])
        assert all(len(found) == 1 for found in ids.values())
        assert all(ids[key] == {chart} for key, chart in answered.items())
        assert {post(second, bodies[key], key).status_code for key in sent} == {200}
    assert rows(database, "SELECT count(*) FROM charts") == [(len(sent),)]
    assert rows(database, "SELECT count(DISTINCT number) FROM charts") == [(len(sent),)]
    assert rows(database, "PRAGMA integrity_check") == [("ok",)]
