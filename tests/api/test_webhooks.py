"""Webhooks through the API, the page and a real server that listens."""

from __future__ import annotations

import base64
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from fastapi.testclient import TestClient

from api.webhook_sender import (
    BAD_TLS,
    BROKEN,
    NO_CONNECTION,
    NOT_FOUND,
    REFUSED,
    WebhookSender,
)
from api.webhook_worker import sending
from dispatch.domain.access import Action
from tests.api.installation import AUTH, BROWSER, sent, services_of

PERSON = {"name": "架空 花子", "phone": "06-0000-1234", "address": "架空町1-2-3"}
WORDS = "玄関の前に穴があり架空花子が困っている"


class Listener(BaseHTTPRequestHandler):
    """Answers as it is told, and keeps what it got."""

    got: ClassVar[list[tuple[dict[str, str], bytes]]] = []
    status = 204

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        body = self.rfile.read(length)
        if len(body) < length:  # the sender was killed in the middle: nothing came
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.got.append((headers, body))
        self.send_response(self.status)
        if self.status == 302:
            self.send_header("location", "http://127.0.0.1:1/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def listening(status: int = 204) -> Iterator[tuple[str, type[Listener]]]:
    """Listen on this machine; the address, and what came."""
    kind = type("Told", (Listener,), {"got": [], "status": status})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook", kind
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def out(client: TestClient) -> Iterator[TestClient]:
    """Let webhooks of the served installation go to this machine."""
    desk = client.app.state.events.webhooks  # type: ignore[attr-defined]
    own = desk._tools.sender  # noqa: SLF001 - a setting, for one test
    before, own._allow_loopback = own._allow_loopback, True  # noqa: SLF001
    yield client
    own._allow_loopback = before  # noqa: SLF001
    for subscriber, _ in desk.listed():
        desk.remove(subscriber.id)


def made(client: TestClient, url: str, **choice: object) -> dict[str, object]:
    body = {"name": "広聴の台帳", "url": url, **choice}
    answer = client.post("/v1/webhooks", json=body, headers=AUTH)
    assert answer.status_code == 201, answer.text
    subscriber: dict[str, object] = answer.json()
    return subscriber


def wait_for(listener: type[Listener], count: int) -> None:
    for _ in range(100):
        if len(listener.got) >= count:
            return
        time.sleep(0.1)
    raise AssertionError(len(listener.got))


def test_a_consultation_is_told_to_a_subscriber_without_its_person(
    out: TestClient,
) -> None:
    with listening() as (url, listener):
        subscriber = made(out, url)
        chart = sent(out, description=WORDS, reporter=PERSON, external_id="w-1")
        wait_for(listener, 1)
        ((headers, body), *_) = listener.got
    event = json.loads(body)
    assert event["chart"]["number"] == chart["number"]
    assert "external_id" not in event["chart"]  # the subscriber is of all systems
    text = body.decode()
    for word in (*PERSON.values(), "花子", "穴", "w-1"):
        assert word not in text
    # as docs/reference/events.md has it
    key = base64.b64decode(str(subscriber["secret"]).removeprefix("whsec_"))
    stamp = headers["webhook-timestamp"]
    signed = f"{headers['webhook-id']}.{stamp}.".encode() + body
    mark = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{mark}"


def test_a_subscriber_is_shown_without_its_secret_and_taken_away(
    out: TestClient,
) -> None:
    subscriber = made(out, "https://subscriber.example/hook", kinds=["answered"])
    own = f"/v1/webhooks/{subscriber['id']}"
    shown = out.get(own, headers=AUTH).json()
    assert "secret" not in shown
    assert shown["kinds"] == ["answered"]
    assert [one["id"] for one in out.get("/v1/webhooks", headers=AUTH).json()] == [
        subscriber["id"]
    ]
    assert out.post(f"{own}/disable", headers=AUTH).json()["state"] == "paused"
    assert out.post(f"{own}/enable", headers=AUTH).json()["state"] == "active"
    rotated = out.post(f"{own}/rotate-secret", headers=AUTH).json()
    assert rotated["secret"] != subscriber["secret"]
    assert rotated["old_secret_until"] is not None
    assert out.delete(own, headers=AUTH).status_code == 204
    assert out.get(own, headers=AUTH).status_code == 404


def test_events_can_be_looked_at_tested_and_sent_again(out: TestClient) -> None:
    with listening() as (url, listener):
        subscriber = made(out, url)
        own = f"/v1/webhooks/{subscriber['id']}"
        tried = out.post(f"{own}/test", headers=AUTH).json()
        assert tried == {"delivered": True, "status": 204, "reason": ""}
        sent(out)
        wait_for(listener, 2)
        (event,) = deliveries(out, own, "delivered")
        again = f"{own}/deliveries/{event['id']}/replay"
        assert out.post(again, headers=AUTH).status_code == 202
        wait_for(listener, 3)
        answer = out.post(f"{own}/replay", params={"after": ""}, headers=AUTH)
        assert answer.status_code == 202
        wait_for(listener, 4)
    ids = [headers["webhook-id"] for headers, _ in listener.got]
    assert ids[1] == ids[2] == event["id"]


def deliveries(client: TestClient, own: str, state: str) -> list[dict[str, object]]:
    for _ in range(100):
        params = {"state": state}
        found: list[dict[str, object]] = client.get(
            f"{own}/deliveries", params=params, headers=AUTH
        ).json()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(state)


def test_a_subscriber_that_cannot_be_is_refused_by_its_field(out: TestClient) -> None:
    body = {"name": "x", "url": "ftp://x.example"}
    answer = out.post("/v1/webhooks", json=body, headers=AUTH)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "url"
    other = {"name": "x", "url": "https://x.example", "after": "bm9wZQ"}
    answer = out.post("/v1/webhooks", json=other, headers=AUTH)
    assert answer.json()["errors"][0]["field"] == "after"


def test_only_a_key_that_was_granted_it_manages_subscribers(out: TestClient) -> None:
    keys = services_of(out).keys
    _, plain = keys.add("plain", actions=frozenset(), days=1, who="試験")
    granted = frozenset({Action.MANAGE_WEBHOOKS})
    _, good = keys.add("hooks", actions=granted, days=1, who="試験")
    for key, status in ((plain, 403), (good, 200), ("wrong", 401)):
        answer = out.get("/v1/webhooks", headers={"X-API-Key": key})
        assert answer.status_code == status


# -- the page --------------------------------------------------------------------------


def test_the_page_adds_a_subscriber_and_shows_its_secret_once(out: TestClient) -> None:
    form = {"name": "台帳", "url": "https://subscriber.example/", "who": "試験"}
    answer = out.post("/admin/webhooks", data=form, headers=BROWSER)
    assert "whsec_" in answer.text
    page = out.get("/admin/webhooks", headers=BROWSER).text
    assert "whsec_" not in page
    assert "台帳" in page
    bad = out.post("/admin/webhooks", data={**form, "url": "x"}, headers=BROWSER)
    assert bad.status_code == 422
    assert "まだ登録していません" in bad.text


def test_the_page_stops_a_subscriber_tests_it_and_sends_the_dead_again(
    out: TestClient,
) -> None:
    with listening(410) as (url, listener):
        subscriber = made(out, url)
        sent(out)
        own = f"/v1/webhooks/{subscriber['id']}"
        (dead,) = deliveries(out, own, "dead")
        page = out.get("/admin/webhooks", headers=BROWSER).text
        assert "HTTP 410" in page
        assert "相手が終了" in page
        listener.status = 500
        tried = out.post(f"/admin/webhooks/{subscriber['id']}/test", headers=BROWSER)
        assert "HTTP 500" in tried.text
        listener.status = 200
        tried = out.post(f"/admin/webhooks/{subscriber['id']}/test", headers=BROWSER)
        assert "試しの知らせが届きました" in tried.text
        for step in ("enable", f"deliveries/{dead['id']}/replay"):
            out.post(f"/admin/webhooks/{subscriber['id']}/{step}", headers=BROWSER)
        assert deliveries(out, own, "delivered")
        out.post(f"/admin/webhooks/{subscriber['id']}/disable", headers=BROWSER)
        assert "停止中" in out.get("/admin/webhooks", headers=BROWSER).text


# -- the sender ------------------------------------------------------------------------


def test_a_redirection_is_not_followed() -> None:
    with listening(302) as (url, _):
        answer = WebhookSender(allow_loopback=True).send(url, {}, b"{}")
    assert answer.status == 302
    assert not answer.is_good


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "http://[::1]:9/",
        "http://[::ffff:127.0.0.1]:9/",
        "http://0.0.0.0:9/",
        "http://169.254.169.254/latest/",
        "http://localhost:9/",
    ],
)
def test_this_machine_and_link_local_addresses_are_refused(url: str) -> None:
    assert WebhookSender(allow_loopback=False).send(url, {}, b"").reason == REFUSED


def test_the_service_itself_is_refused_even_where_this_machine_is_not() -> None:
    sender = WebhookSender(allow_loopback=True, own_ports=frozenset({8000}))
    assert sender.send("http://127.0.0.1:8000/", {}, b"").reason == REFUSED


def test_what_goes_wrong_is_told_in_words() -> None:
    sender = WebhookSender(allow_loopback=True)
    assert sender.send("http://no-such.invalid/", {}, b"").reason == NOT_FOUND
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert sender.send(f"http://127.0.0.1:{port}/", {}, b"").reason == NO_CONNECTION
    with listening() as (url, _):
        answer = sender.send(url.replace("http", "https", 1), {}, b"")
    assert answer.reason in {BAD_TLS, BROKEN}


def test_a_round_that_fails_does_not_end_the_thread(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Failing:
        rounds = 0

        def step(self, _run: object) -> None:
            self.rounds += 1
            message = "away"
            raise OSError(message)

    desk = Failing()
    with sending(desk, every_s=0.01):  # type: ignore[arg-type]
        time.sleep(0.2)
    assert desk.rounds > 1
    assert "one round failed" in caplog.text
