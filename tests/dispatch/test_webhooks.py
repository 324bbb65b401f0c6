"""Webhooks: sent at least once, in a chart's order, signed, and given up in the end."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import Engine

from dispatch.adapters.change_store import SqlChanges
from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.webhook_store import SqlWebhooks
from dispatch.domain.case_chart import ChartStatus, EntryKind
from dispatch.domain.errors import ConflictError, InvalidInputError, NotFoundError
from dispatch.domain.webhook import (
    AttemptResult,
    DeliveryState,
    Subscriber,
    SubscriberState,
    back_off,
)
from dispatch.webhook_desk import WebhookDesk, WebhookTools
from tests.builders import chart, consultation, entry, moment, new_chart

NOON = moment("12:00")
URL = "https://subscriber.example/hook"
WHO = "試験係"
GOOD = AttemptResult(status=204)


@dataclass
class FakeSubscriber:
    """Answers as it is told, and keeps what it got."""

    answers: list[AttemptResult] = field(default_factory=list)
    always: AttemptResult = GOOD
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> AttemptResult:
        assert url == URL
        self.got.append((dict(headers), body))
        return self.answers.pop(0) if self.answers else self.always

    def events(self) -> list[dict[str, object]]:
        return [json.loads(body) for _, body in self.got]

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]


@dataclass
class Office:
    """One store with its desk of webhooks, a clock to set, and a subscriber."""

    store: SqlStore
    webhooks: SqlWebhooks
    clock: FixedClock
    subscriber: FakeSubscriber
    desk: WebhookDesk

    def later(self, **how: float) -> None:
        self.clock.moment += dt.timedelta(**how)

    def move(self, chart_id: str, status: ChartStatus) -> None:
        before = self.store.get(chart_id)
        self.store.save_all([(before.moved(status), (entry("進めた"),))])


def secret_of(subscriber_id: str, generation: int) -> bytes:
    return hashlib.sha256(f"{subscriber_id} {generation}".encode()).digest()


@pytest.fixture
def office(engine: Engine, store: SqlStore) -> Office:
    clock, subscriber = FixedClock(NOON), FakeSubscriber()
    webhooks = SqlWebhooks(engine)
    tools = WebhookTools(
        store=webhooks,
        sender=subscriber,
        secret_of=secret_of,
        newest=SqlChanges(engine).newest,
        clock=clock,
    )
    desk = WebhookDesk(tools, chance=lambda: 0.0)
    return Office(
        store=store, webhooks=webhooks, clock=clock, subscriber=subscriber, desk=desk
    )


def added(office: Office, **choice: object) -> Subscriber:
    subscriber, _ = office.desk.add("広聴", URL, who=WHO, **choice)  # type: ignore[arg-type]
    return subscriber


def states(office: Office, subscriber: Subscriber) -> Counter[str]:
    found = office.desk.deliveries(subscriber.id)
    return Counter(str(one.state) for one in found)


def is_signed(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Check as docs/reference/events.md tells subscribers to."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    given = headers["webhook-signature"].split(" ")
    return any(hmac.compare_digest(one, f"v1,{expected}") for one in given)


def test_a_subscriber_gets_what_happens_from_now_on_signed(office: Office) -> None:
    office.store.add_all([new_chart("a")])
    subscriber, secret = office.desk.add("広聴", URL, who=WHO)
    office.store.add_all([new_chart("b")])
    assert office.desk.step() == 1
    assert office.desk.step() == 0
    (event,) = office.subscriber.events()
    chart_b = office.store.get("b")
    assert event["type"] == "chart.changed"
    assert event["chart"] == {
        "id": "b",
        "number": chart_b.number,
        "version": 1,
        "status": str(chart_b.status),
        "url": "/v1/consultations/b",
    }
    ((headers, body),) = office.subscriber.got
    assert headers["webhook-id"] == event["id"]
    assert headers["webhook-timestamp"] == str(int(NOON.timestamp()))
    assert is_signed(headers, body, secret)
    assert not is_signed(headers, body + b" ", secret)
    assert states(office, subscriber) == {"delivered": 1}


def test_a_choice_limits_what_a_subscriber_is_told(office: Office) -> None:
    own = consultation(source="counter", external_id="x1")
    added(office, kinds=frozenset({EntryKind.COMMENT}), source="counter")
    office.store.add_all(
        [new_chart("a", chart=chart("a", consultation=own)), new_chart("b")]
    )
    before = office.store.get("a")
    said = (entry("話した", kind=EntryKind.COMMENT),)
    office.store.save_all([(replace(before, version=2), said)])
    office.desk.step()
    (event,) = office.subscriber.events()
    assert event["kinds"] == ["comment"]
    told = event["chart"]
    assert isinstance(told, dict)
    assert told["external_id"] == "x1"


def test_what_is_only_for_auditors_is_told_to_nobody(office: Office) -> None:
    added(office)
    office.store.add_all([new_chart("a", entries=(entry(kind=EntryKind.REVEALED),))])
    assert office.desk.step() == 0
    with pytest.raises(InvalidInputError, match="kinds"):
        added(office, kinds=frozenset({EntryKind.REVEALED}))


def test_an_hour_of_downtime_loses_nothing_and_keeps_each_charts_order(
    office: Office,
) -> None:
    subscriber = added(office)
    office.subscriber.always = AttemptResult(status=None, reason="接続できません")
    office.store.add_all([new_chart("a"), new_chart("b")])
    office.desk.step()
    office.move("a", ChartStatus.ACCEPTED)
    for _ in range(60):
        office.later(minutes=1)
        office.desk.step()
    # chart a's second event has waited for its first: it was never tried
    assert set(office.subscriber.ids()) == set(office.subscriber.ids()[:2])
    assert states(office, subscriber) == {"waiting": 3}
    office.subscriber.always, office.subscriber.got = AttemptResult(status=200), []
    for _ in range(3):
        office.later(hours=1)
        office.desk.step()
    assert states(office, subscriber) == {"delivered": 3}
    charts: list[Any] = [event["chart"] for event in office.subscriber.events()]
    told = [(one["id"], one["version"]) for one in charts]
    assert sorted(told) == [("a", 1), ("a", 2), ("b", 1)]
    assert told.index(("a", 1)) < told.index(("a", 2))


def test_retries_wait_longer_each_time_and_carry_the_same_identifier(
    office: Office,
) -> None:
    added(office)
    office.subscriber.always = AttemptResult(status=500)
    office.store.add_all([new_chart("a")])
    office.desk.step()
    # after 5, 30, 120, 300 s: not a second before
    for wait_s in (5, 30, 120, 300):
        office.later(seconds=wait_s - 1)
        assert office.desk.step() == 0
        office.later(seconds=1)
        assert office.desk.step() == 1
    assert len(set(office.subscriber.ids())) == 1
    assert len({body for _, body in office.subscriber.got}) == 1


@pytest.mark.parametrize(
    ("attempts", "chance", "seconds"),
    [(1, 0, 5), (1, 1, 6), (6, 0.5, 1980), (7, 1, 3600), (99, 0, 3600)],
)
def test_the_wait_is_spread_and_never_longer_than_an_hour(
    attempts: int, chance: float, seconds: float
) -> None:
    # 1,800 s x (1 + 0.2 x 0.5) = 1,980 s
    assert back_off(attempts, chance=chance).total_seconds() == pytest.approx(seconds)


def test_after_a_day_an_event_is_dead_until_somebody_sends_it_again(
    office: Office,
) -> None:
    subscriber = added(office)
    office.subscriber.always = AttemptResult(status=302)
    office.store.add_all([new_chart("a")])
    office.desk.step()
    office.later(hours=23, minutes=59)
    office.desk.step()
    assert states(office, subscriber) == {"waiting": 1}
    office.later(hours=1)
    office.desk.step()
    (dead,) = office.desk.deliveries(subscriber.id, state=DeliveryState.DEAD)
    assert dead.reason == "HTTP 302"
    assert dead.attempts == 3
    assert office.desk.load_of(subscriber.id).num_dead == 1
    office.subscriber.always = AttemptResult(status=200)
    office.desk.replay(subscriber.id, dead.id)
    office.desk.step()
    assert states(office, subscriber) == {"delivered": 1}
    assert len(set(office.subscriber.ids())) == 1
    with pytest.raises(NotFoundError):
        office.desk.replay(subscriber.id, "msg_other")


def test_a_sender_that_dies_after_sending_sends_again_under_the_same_identifier(
    office: Office,
) -> None:
    subscriber = added(office)
    office.store.add_all([new_chart("a")])
    forgotten: list[Callable[[], None]] = []
    assert office.desk.step(forgotten.append) == 1  # claimed; then it died
    assert office.desk.step() == 0  # another process leaves it alone meanwhile
    office.later(seconds=91)
    assert office.desk.step() == 1
    forgotten[0]()  # it was not dead after all: its word comes too late
    assert len(office.subscriber.got) == 2
    assert len(set(office.subscriber.ids())) == 1
    assert states(office, subscriber) == {"delivered": 1}
    (done,) = office.desk.deliveries(subscriber.id)
    assert done.attempts == 1


def test_a_subscriber_gets_four_events_at_a_time(office: Office) -> None:
    added(office)
    office.store.add_all([new_chart(f"c{n}") for n in range(6)])
    held: list[Callable[[], None]] = []
    assert office.desk.step(held.append) == 4
    assert office.desk.step(held.append) == 0
    held[0]()
    assert office.desk.step(held.append) == 1


def test_a_slow_subscriber_does_not_hold_another_up(office: Office) -> None:
    added(office)
    second = added(office)
    office.store.add_all([new_chart(f"c{n}") for n in range(5)])
    held: list[Callable[[], None]] = []
    assert office.desk.step(held.append) == 8  # four of each
    for attempt in held:
        attempt()
    assert states(office, second)["delivered"] == 4


def test_410_ends_a_subscriber_until_somebody_lets_it_on(office: Office) -> None:
    subscriber = added(office)
    office.subscriber.answers = [AttemptResult(status=410)]
    office.store.add_all([new_chart("a")])
    office.desk.step()
    office.store.add_all([new_chart("b")])
    assert office.desk.step() == 0
    assert office.desk.get(subscriber.id).state is SubscriberState.GONE
    assert office.desk.enable(subscriber.id).state is SubscriberState.ACTIVE
    assert office.desk.step() == 1  # b; the one that met 410 is dead
    assert states(office, subscriber) == {"dead": 1, "delivered": 1}


def test_what_happens_while_a_subscriber_is_paused_is_sent_later(
    office: Office,
) -> None:
    subscriber = added(office)
    assert office.desk.disable(subscriber.id).state is SubscriberState.PAUSED
    office.store.add_all([new_chart("a")])
    assert office.desk.step() == 0
    office.desk.enable(subscriber.id)
    assert office.desk.step() == 1


def test_two_secrets_sign_for_a_day_after_a_rotation(office: Office) -> None:
    subscriber, old = office.desk.add("広聴", URL, who=WHO)
    _, new = office.desk.rotate_secret(subscriber.id)
    assert office.desk.test(subscriber.id).is_good
    headers, body = office.subscriber.got[-1]
    assert is_signed(headers, body, old)
    assert is_signed(headers, body, new)
    office.later(hours=24)
    office.desk.test(subscriber.id)
    headers, body = office.subscriber.got[-1]
    assert not is_signed(headers, body, old)
    assert is_signed(headers, body, new)
    with pytest.raises(ConflictError):
        office.webhooks.set_secret(subscriber.id, 2, old_until=NOON)


def test_everything_after_a_position_can_be_sent_again(office: Office) -> None:
    office.store.add_all([new_chart("before")])
    subscriber = added(office)
    office.store.add_all([new_chart("a")])
    office.desk.step()
    office.desk.replay_after(subscriber.id, 0)
    office.desk.step()
    told = [event["chart"]["id"] for event in office.subscriber.events()]  # type: ignore[index]
    assert told == ["a", "before", "a"]
    assert states(office, subscriber) == {"delivered": 2}


def test_a_new_subscriber_may_begin_in_the_past_and_long_logs_come_in_parts(
    office: Office,
) -> None:
    office.store.add_all([new_chart(f"c{n}") for n in range(501)])
    subscriber = added(office, after=0)
    office.desk.step()
    found = office.webhooks.deliveries(subscriber.id, state=None, limit=600)
    assert len(found) == 501


def test_what_was_delivered_is_forgotten_after_a_month(office: Office) -> None:
    subscriber = added(office)
    office.store.add_all([new_chart("a")])
    office.desk.step()
    office.later(days=31)
    office.store.add_all([new_chart("b")])
    office.desk.step()
    left = [one.change.chart_id for one in office.desk.deliveries(subscriber.id)]
    assert left == ["b"]


def test_a_subscriber_that_is_removed_takes_its_deliveries_along(
    office: Office,
) -> None:
    subscriber = added(office)
    office.store.add_all([new_chart("a")])
    office.desk.step()
    office.desk.remove(subscriber.id)
    assert office.desk.listed() == []
    with pytest.raises(NotFoundError):
        office.desk.get(subscriber.id)


def test_the_list_tells_since_when_something_waits(office: Office) -> None:
    added(office)
    office.subscriber.always = AttemptResult(status=503)
    happened = entry(at=moment("9:30"))
    office.store.add_all([new_chart("a", entries=(happened,))])
    office.desk.step()
    ((_, load),) = office.desk.listed()
    assert load.num_waiting == 1
    assert load.oldest_at == moment("9:30")


@pytest.mark.parametrize(
    ("name", "url", "source", "field_name"),
    [
        ("", URL, "", "name"),
        ("n" * 121, URL, "", "name"),
        ("広聴", "ftp://subscriber.example", "", "url"),
        ("広聴", "https://", "", "url"),
        ("広聴", "https://user:word@subscriber.example", "", "url"),
        ("広聴", "https://subscriber.example:99999/", "", "url"),
        ("広聴", "https://subscriber.example/#top", "", "url"),
        ("広聴", "https://subscriber.example/" + "x" * 500, "", "url"),
        ("広聴", URL, "s" * 121, "source"),
    ],
)
def test_a_subscriber_that_cannot_be_is_refused(
    office: Office, name: str, url: str, source: str, field_name: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        office.desk.add(name, url, source=source, who=WHO)
    assert refused.value.field == field_name
