"""Use cases of webhooks: subscribers, their secrets, and sending at least once."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from dispatch.domain.case_chart import EntryKind
from dispatch.domain.consultation import MAX_NAME, require_length
from dispatch.domain.ids import new_id
from dispatch.domain.webhook import (
    GONE,
    OLD_SECRET_HOLDS,
    AttemptResult,
    Delivery,
    DeliveryState,
    Subscriber,
    SubscriberState,
    attempted,
    event_of,
    require_subscriber,
    require_told,
    shown_secret,
    signed_headers,
    trial_event,
)
from dispatch.ports import Clock

AT_ONCE = 4  # attempts at one subscriber at the same time
# Longer than an attempt can take: then its process has died, and another one sends.
LEASE = dt.timedelta(seconds=90)
GONE_REASON = "送り先が 410 と答えました"
Run = Callable[[Callable[[], None]], object]


@dataclass(slots=True, kw_only=True)
class SubscriberLoad:
    """What is on its way to a subscriber: waiting since when, and given up."""

    num_waiting: int = 0
    oldest_at: dt.datetime | None = None
    num_dead: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A delivery that this process sends now, by its lease."""

    subscriber: Subscriber
    delivery: Delivery
    lease: str


class Webhooks(Protocol):
    """The store of subscribers and deliveries."""

    def add(self, subscriber: Subscriber) -> None:
        """Store a new subscriber."""
        ...

    def get(self, subscriber_id: str) -> Subscriber:
        """Return a subscriber; NotFoundError when there is none."""
        ...

    def listed(self) -> list[Subscriber]:
        """All subscribers, by name."""
        ...

    def set_state(
        self, subscriber_id: str, state: SubscriberState, *, reason: str = ""
    ) -> None:
        """Send to a subscriber, or no longer."""
        ...

    def set_secret(
        self, subscriber_id: str, generation: int, *, old_until: dt.datetime
    ) -> None:
        """Sign with the next secret; ConflictError when another call was faster."""
        ...

    def remove(self, subscriber_id: str) -> None:
        """Take a subscriber away with all that is on its way to it."""
        ...

    def loads(self) -> dict[str, SubscriberLoad]:
        """Count what is on its way, by subscriber; none where nothing is."""
        ...

    def deliveries(
        self, subscriber_id: str, *, state: DeliveryState | None, limit: int
    ) -> list[Delivery]:
        """Deliveries to a subscriber, the newest first."""
        ...

    def replay(self, subscriber_id: str, delivery: str, *, at: dt.datetime) -> None:
        """Send one event again; NotFoundError when the subscriber has none such."""
        ...

    def replay_after(
        self, subscriber_id: str, position: int, *, at: dt.datetime
    ) -> None:
        """Send all events after a position of the log again."""
        ...

    def spread(self, at: dt.datetime) -> bool:
        """Turn new changes into deliveries; whether there is more to turn."""
        ...

    def claim(
        self, at: dt.datetime, *, until: dt.datetime, at_once: int
    ) -> list[Claimed]:
        """
        Take what is due; nobody else gets it until a moment.

        Of one chart only the earliest event that a subscriber has not got; at most
        `at_once` events of one subscriber are taken at a time.
        """
        ...

    def settle(self, after: Delivery, *, lease: str) -> bool:
        """Write down an attempt; False when the lease was over and another's."""
        ...


class Sender(Protocol):
    """The way out."""

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> AttemptResult:
        """Post a body once; whatever goes wrong is an answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTools:
    """What the desk works with; `secret_of` makes a secret of a generation."""

    store: Webhooks
    sender: Sender
    secret_of: Callable[[str, int], bytes]
    newest: Callable[[], int]
    clock: Clock


class WebhookDesk:
    """
    Keeps subscribers and sends them what happens.

    Parameters
    ----------
    tools
        Store, sender, secrets, log and clock.
    chance
        Spreads retries; from 0 to 1.
    """

    def __init__(
        self,
        tools: WebhookTools,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._tools = tools
        self._store = tools.store
        self._clock = tools.clock
        self._chance = chance

    def add(
        self,
        name: str,
        url: str,
        *,
        kinds: frozenset[EntryKind] = frozenset(),
        source: str = "",
        after: int | None = None,
        who: str,
    ) -> tuple[Subscriber, str]:
        """
        Add a subscriber.

        Parameters
        ----------
        name, url
            What people call it, and where events are posted to.
        kinds, source
            Which changes it is told of; empty ones choose all.
        after
            Position of the log from which on; None for what happens from now on.
        who
            In whose name.

        Returns
        -------
        tuple of Subscriber and str
            The subscriber, and its secret to be told once.

        Raises
        ------
        InvalidInputError
            For a name, an address or a choice that cannot be.
        """
        name, url, source = name.strip(), url.strip(), source.strip()
        require_length("who", who, MAX_NAME)
        require_subscriber(name, url, source)
        require_told(kinds)
        subscriber = Subscriber(
            id=new_id(),
            name=name,
            url=url,
            kinds=kinds,
            source=source,
            position=self._tools.newest() if after is None else after,
            created_at=self._clock.now(),
            created_by=who,
        )
        self._store.add(subscriber)
        return subscriber, self._shown_secret(subscriber)

    def get(self, subscriber_id: str) -> Subscriber:
        """Return a subscriber; NotFoundError when there is none."""
        return self._store.get(subscriber_id)

    def listed(self) -> list[tuple[Subscriber, SubscriberLoad]]:
        """All subscribers with what is on its way to them."""
        loads = self._store.loads()
        return [
            (subscriber, loads.get(subscriber.id, SubscriberLoad()))
            for subscriber in self._store.listed()
        ]

    def load_of(self, subscriber_id: str) -> SubscriberLoad:
        """Count what is on its way to one subscriber."""
        return self._store.loads().get(subscriber_id, SubscriberLoad())

    def deliveries(
        self,
        subscriber_id: str,
        *,
        state: DeliveryState | None = None,
        limit: int = 100,
    ) -> list[Delivery]:
        """Deliveries to a subscriber, the newest first."""
        self._store.get(subscriber_id)
        return self._store.deliveries(subscriber_id, state=state, limit=limit)

    def disable(self, subscriber_id: str) -> Subscriber:
        """Send no more for now; what happens meanwhile is sent later."""
        self._store.get(subscriber_id)
        self._store.set_state(subscriber_id, SubscriberState.PAUSED)
        return self._store.get(subscriber_id)

    def enable(self, subscriber_id: str) -> Subscriber:
        """Send again, from where it stopped."""
        self._store.get(subscriber_id)
        self._store.set_state(subscriber_id, SubscriberState.ACTIVE)
        return self._store.get(subscriber_id)

    def remove(self, subscriber_id: str) -> None:
        """Take a subscriber away with all that is on its way to it."""
        self._store.get(subscriber_id)
        self._store.remove(subscriber_id)

    def rotate_secret(self, subscriber_id: str) -> tuple[Subscriber, str]:
        """Give another secret, told once; for a day the one before signs too."""
        subscriber = self._store.get(subscriber_id)
        self._store.set_secret(
            subscriber_id,
            subscriber.generation + 1,
            old_until=self._clock.now() + OLD_SECRET_HOLDS,
        )
        subscriber = self._store.get(subscriber_id)
        return subscriber, self._shown_secret(subscriber)

    def test(self, subscriber_id: str) -> AttemptResult:
        """Send an event that tells nothing, at once and only once."""
        subscriber = self._store.get(subscriber_id)
        event_id = f"msg_test_{new_id()}"
        body = trial_event(event_id, self._clock.now())
        return self._posted(subscriber, event_id, body)

    def replay(self, subscriber_id: str, delivery: str) -> None:
        """
        Send one event again, under the same identifier.

        Raises
        ------
        NotFoundError
            When the subscriber has no such event.
        """
        self._store.get(subscriber_id)
        self._store.replay(subscriber_id, delivery, at=self._clock.now())

    def replay_after(self, subscriber_id: str, position: int) -> None:
        """Send all events after a position of the log again."""
        self._store.get(subscriber_id)
        self._store.replay_after(subscriber_id, position, at=self._clock.now())

    def step(self, run: Run = lambda attempt: attempt()) -> int:
        """
        Look once at what is due and send it.

        Parameters
        ----------
        run
            Runs an attempt: at once, or in a thread of its own.

        Returns
        -------
        int
            Attempts that were begun.
        """
        now = self._clock.now()
        while self._store.spread(now):
            pass
        claimed = self._store.claim(now, until=now + LEASE, at_once=AT_ONCE)
        for one in claimed:
            run(lambda one=one: self._attempt(one))  # type: ignore[misc]
        return len(claimed)

    def _attempt(self, claimed: Claimed) -> None:
        subscriber, delivery = claimed.subscriber, claimed.delivery
        answer = self._posted(subscriber, delivery.id, event_of(delivery, subscriber))
        after = attempted(delivery, answer, at=self._clock.now(), chance=self._chance())
        if answer.status == GONE:  # first, or its next event goes out meanwhile
            self._store.set_state(
                subscriber.id, SubscriberState.GONE, reason=GONE_REASON
            )
        self._store.settle(after, lease=claimed.lease)

    def _posted(
        self, subscriber: Subscriber, event_id: str, body: bytes
    ) -> AttemptResult:
        now = self._clock.now()
        secrets = [
            self._tools.secret_of(subscriber.id, generation)
            for generation in subscriber.generations(now)
        ]
        headers = signed_headers(event_id, body, secrets=secrets, at=now)
        return self._tools.sender.send(subscriber.url, headers, body)

    def _shown_secret(self, subscriber: Subscriber) -> str:
        return shown_secret(self._tools.secret_of(subscriber.id, subscriber.generation))
