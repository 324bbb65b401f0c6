"""Use cases of systems' keys: give out, find by key, revoke."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

from dispatch.domain.access import Action, Actor, Role
from dispatch.domain.account import ApiKey, new_key, sha256_of
from dispatch.domain.consultation import MAX_NAME, require_length
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.ids import new_id
from dispatch.ports import Clock

MAX_CLIENT = 64  # the store's column of who sent a chart
RESERVED = frozenset({"desk"})  # sources of charts that are no system's
MAX_DAYS = 1_096  # three years: a key that nobody renews is one that nobody watches
TOUCH = dt.timedelta(minutes=1)
# What no key does: these are for people, who are asked why.
FOR_PEOPLE = frozenset(
    {
        Action.REVEAL_PERSON,
        Action.ERASE_PERSON,
        Action.MANAGE_ACCOUNTS,
        Action.READ_AUDIT,
    }
)
FOR_KEYS = frozenset(Action) - FOR_PEOPLE


class Keys(Protocol):
    """The store of systems' keys."""

    def add(self, key: ApiKey) -> None:
        """Store a key."""
        ...

    def by_hash(self, key_sha256: str) -> ApiKey | None:
        """Key of a hash, if there is one."""
        ...

    def get(self, key_id: str) -> ApiKey:
        """Return the key; NotFoundError when there is none."""
        ...

    def listed(self) -> list[ApiKey]:
        """All keys, newest first, those that are over too."""
        ...

    def revoke(self, key_id: str, at: dt.datetime) -> None:
        """Let a key open nothing from now on."""
        ...

    def touch(self, key_id: str, at: dt.datetime) -> None:
        """Write down that a key was used."""
        ...


class KeyDesk:
    """
    Gives keys to systems and knows them again.

    Parameters
    ----------
    keys
        Store.
    clock
        Time of everything that is written down.
    """

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def add(
        self, client: str, *, actions: frozenset[Action], days: int, who: str
    ) -> tuple[ApiKey, str]:
        """
        Make a key.

        Parameters
        ----------
        client
            Name of the system; charts carry it as their source.
        actions
            What it may do beside handing in, and reading what it handed in.
        days
            After how many days it opens nothing any more.
        who
            In whose name it is made.

        Returns
        -------
        tuple of ApiKey and str
            The key as it is kept, and the key itself, to be told once.

        Raises
        ------
        InvalidInputError
            For a name, actions or days that cannot be.
        """
        client = client.strip()
        require_length("who", who, MAX_NAME)
        if not 0 < len(client) <= MAX_CLIENT or not client.isprintable():
            problem = f"システムの名前を{MAX_CLIENT}文字以内で入れてください"
            raise InvalidInputError("client", problem)
        if client in RESERVED:
            raise InvalidInputError("client", "この名前はシステムの中で使われています")
        if actions - FOR_KEYS:
            names = ", ".join(sorted(actions - FOR_KEYS))
            raise InvalidInputError("actions", f"鍵には許されない操作です: {names}")
        if not 0 < days <= MAX_DAYS:
            problem = f"有効日数は1〜{MAX_DAYS:,}日です"
            raise InvalidInputError("days", problem)
        now = self._clock.now()
        secret = new_key()
        key = ApiKey(
            id=new_id(),
            client=client,
            key_sha256=sha256_of(secret),
            actions=actions,
            created_at=now,
            created_by=who,
            expires_at=now + dt.timedelta(days=days),
        )
        self._keys.add(key)
        return key, secret

    def known(self, secret: str) -> ApiKey | None:
        """Key that opens now; None for a wrong, revoked or expired one."""
        key = self._keys.by_hash(sha256_of(secret))
        now = self._clock.now()
        if key is None or not key.is_good(now):
            return None
        if key.last_used_at is None or now - key.last_used_at >= TOUCH:
            self._keys.touch(key.id, now)
        return key

    def revoke(self, key_id: str) -> ApiKey:
        """
        Let a key open nothing from now on.

        Raises
        ------
        ConflictError
            When it was revoked before.
        """
        if self._keys.get(key_id).revoked_at is not None:
            message = "この鍵は取り消し済みです"
            raise ConflictError(message)
        self._keys.revoke(key_id, self._clock.now())
        return self._keys.get(key_id)

    def listed(self) -> list[ApiKey]:
        """All keys, newest first."""
        return self._keys.listed()


def actor_of_key(key: ApiKey) -> Actor:
    """Who acts with a key."""
    return Actor(
        id=f"key:{key.id}",
        name=key.client,
        roles=frozenset({Role.INTAKE_SYSTEM}),
        granted=key.actions,
        client=key.client,
    )
