"""Rules of webhooks: what is sent, how it is signed, when it is tried again."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urlsplit

from dispatch.domain.case_chart import EntryKind
from dispatch.domain.change import TOLD, Change
from dispatch.domain.errors import InvalidInputError

MAX_NAME, MAX_URL, MAX_SOURCE = 120, 500, 120
# Proposals, as are the two below: quick for a hiccup, rare for a night.
BACK_OFF_S = (5, 30, 120, 300, 900, 1_800, 3_600)
JITTER = 0.2  # so much longer at the most: those that failed together come apart
GIVE_UP = dt.timedelta(hours=24)
OLD_SECRET_HOLDS = dt.timedelta(hours=24)  # after a rotation: both sign
GONE = 410
SECRET_PREFIX = "whsec_"  # noqa: S105 - no secret
CHANGED, TEST = "chart.changed", "webhook.test"
ID_LENGTH = 32


class SubscriberState(StrEnum):
    """Whether a subscriber is sent to."""

    ACTIVE = "active"
    PAUSED = "paused"  # by a person; nothing is lost meanwhile
    GONE = "gone"  # the subscriber itself answered 410


class DeliveryState(StrEnum):
    """How far one event has come on its way to one subscriber."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"  # tried for a day in vain, until somebody sends it again


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """
    Somebody who is told of changes.

    `kinds` and `source` choose what; empty ones choose all. `position` is how far the
    log has been turned into deliveries. `generation` counts the secrets; the one before
    signs too until `old_until`.
    """

    id: str
    name: str
    url: str
    kinds: frozenset[EntryKind] = frozenset()
    source: str = ""
    state: SubscriberState = SubscriberState.ACTIVE
    reason: str = ""
    position: int = 0
    generation: int = 1
    old_until: dt.datetime | None = None
    created_at: dt.datetime
    created_by: str

    def generations(self, now: dt.datetime) -> tuple[int, ...]:
        """Secrets that sign at a moment, the newest first."""
        if self.old_until is not None and now < self.old_until:
            return (self.generation, self.generation - 1)
        return (self.generation,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One change on its way to one subscriber."""

    id: str
    subscriber_id: str
    change: Change
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    next_at: dt.datetime
    first_at: dt.datetime | None = None
    done_at: dt.datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptResult:
    """What came of an attempt: the status, or why there was none."""

    status: int | None
    reason: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the subscriber has it now; a redirection is no success."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004


def require_subscriber(name: str, url: str, source: str) -> None:
    """
    Refuse a subscriber that cannot be.

    Raises
    ------
    InvalidInputError
        Naming the field.
    """
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        problem = f"送り先の名前を{MAX_NAME}文字以内で入れてください"
        raise InvalidInputError("name", problem)
    if len(source) > MAX_SOURCE:
        raise InvalidInputError("source", f"{MAX_SOURCE}文字以内で入れてください")
    try:
        parts = urlsplit(url)
        is_good = (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and parts.port != 0
            and parts.username is None
            and not parts.fragment
        )
    except ValueError:
        is_good = False
    if not is_good or len(url) > MAX_URL or not url.isascii() or " " in url:
        problem = f"https:// か http:// で始まる{MAX_URL}文字以内の宛先が必要です"
        raise InvalidInputError("url", problem)


def require_told(kinds: frozenset[EntryKind]) -> None:
    """
    Refuse kinds of changes that nobody outside is told of.

    Raises
    ------
    InvalidInputError
        When one of them is.
    """
    if not kinds <= TOLD:
        raise InvalidInputError("kinds", "外へ知らせない種類が入っています")


def delivery_id(subscriber_id: str, position: int) -> str:
    """Name an event at a subscriber: the same however often it is sent."""
    text = f"kidohan delivery {subscriber_id} {position}"
    return "msg_" + hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


def back_off(attempts: int, *, chance: float) -> dt.timedelta:
    """
    Wait after so many failed attempts.

    Parameters
    ----------
    attempts
        From 1.
    chance
        From 0 to 1, drawn by the caller.
    """
    base_s = BACK_OFF_S[min(attempts, len(BACK_OFF_S)) - 1]
    longer_s = base_s * (1 + JITTER * chance)
    return dt.timedelta(seconds=min(longer_s, BACK_OFF_S[-1]))


def attempted(
    delivery: Delivery, answer: AttemptResult, *, at: dt.datetime, chance: float
) -> Delivery:
    """Delivery after an attempt: delivered, waiting for the next one, or dead."""
    first_at = delivery.first_at or at
    tried = replace(
        delivery, attempts=delivery.attempts + 1, first_at=first_at, reason=""
    )
    if answer.is_good:
        return replace(tried, state=DeliveryState.DELIVERED, done_at=at)
    reason = answer.reason or f"HTTP {answer.status}"
    tried = replace(tried, reason=reason)
    if answer.status == GONE or at - first_at >= GIVE_UP:
        return replace(tried, state=DeliveryState.DEAD, done_at=at)
    return replace(tried, next_at=at + back_off(tried.attempts, chance=chance))


def event_of(delivery: Delivery, subscriber: Subscriber) -> bytes:
    """
    Body of an event: the same bytes each time it is sent.

    A system's own number of a chart is told to nobody but a subscriber of that system's
    charts alone.
    """
    change = delivery.change
    chart: dict[str, object] = {
        "id": change.chart_id,
        "number": change.number,
        "version": change.version,
        "status": change.status,
        "url": f"/v1/consultations/{change.chart_id}",
    }
    if subscriber.source and change.external_id:
        chart["external_id"] = change.external_id
    return to_body(
        {
            "id": delivery.id,
            "type": CHANGED,
            "position": change.position,
            "at": change.at.astimezone(dt.UTC).isoformat(),
            "kinds": change.told_kinds,
            "chart": chart,
        }
    )


def trial_event(event_id: str, at: dt.datetime) -> bytes:
    """Body of an event that tells nothing but that the way is open."""
    return to_body(
        {"id": event_id, "type": TEST, "at": at.astimezone(dt.UTC).isoformat()}
    )


def to_body(event: Mapping[str, object]) -> bytes:
    """Write an event as it is signed and sent."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def shown_secret(secret: bytes) -> str:
    """Secret as people and libraries of the Standard Webhooks form pass it on."""
    return SECRET_PREFIX + b64encode(secret).decode()


def signed_headers(
    event_id: str, body: bytes, *, secrets: Sequence[bytes], at: dt.datetime
) -> dict[str, str]:
    """
    Headers of one attempt, in the form of Standard Webhooks.

    Parameters
    ----------
    event_id
        Stays over all attempts.
    body
        What is sent, byte for byte.
    secrets
        Each signs; two for a while after a rotation.
    at
        Of the attempt; subscribers refuse what is old.
    """
    stamp = str(int(at.timestamp()))
    signed = b".".join((event_id.encode(), stamp.encode(), body))
    signatures = [
        "v1," + b64encode(hmac.digest(secret, signed, "sha256")).decode()
        for secret in secrets
    ]
    return {
        "content-type": "application/json; charset=utf-8",
        "webhook-id": event_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(signatures),
    }
