"""Ports of signing in: the store of accounts and the hasher of passwords."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

from dispatch.domain.account import Account, Session, SignIn


class PasswordHasher(Protocol):
    """Turns passwords into hashes that are slow to guess from."""

    def hash(self, password: str) -> str:
        """Hash with a new salt."""
        ...

    def verify(self, hashed: str, password: str) -> bool:
        """Whether a password is the one that was hashed."""
        ...

    def is_weak(self, hashed: str) -> bool:
        """Whether a hash was made with less work than is asked for today."""
        ...


class Accounts(Protocol):
    """The store of accounts, their sessions, and the record of sign-ins."""

    def add(self, account: Account, password_hash: str) -> None:
        """Store a new account; ConflictError when the login is taken."""
        ...

    def get(self, account_id: str) -> Account:
        """Return the account; NotFoundError when there is none."""
        ...

    def by_login(self, login: str) -> Account | None:
        """Account of a login, if there is one."""
        ...

    def listed(self) -> list[Account]:
        """All accounts by login, disabled ones too."""
        ...

    def save(self, account: Account) -> None:
        """Store the next version; ConflictError when it is stale."""
        ...

    def password_hash(self, account_id: str) -> str:
        """Hash of an account's password."""
        ...

    def set_password(
        self, account_id: str, password_hash: str, *, must_change: bool
    ) -> None:
        """Store another password; failures and the lock are forgotten with it."""
        ...

    def count_attempt(
        self, login: str, *, at: dt.datetime, max_failed: int, until: dt.datetime
    ) -> Account | None:
        """
        Count an attempt as failed before its password is looked at.

        So many guesses at once are no more than the limit. The account comes as it
        stood before; at the limit it is locked until a moment.
        """
        ...

    def forget_attempts(self, account_id: str) -> None:
        """Set the count back: the password was right."""
        ...

    def open_session(self, session: Session) -> None:
        """Store a session; those that are long over go."""
        ...

    def session(self, token_sha256: str) -> tuple[Session, Account] | None:
        """Session of a token with its account."""
        ...

    def touch(self, token_sha256: str, at: dt.datetime) -> None:
        """Write down that a session was used."""
        ...

    def rotate(self, old: Session, new: Session) -> bool:
        """Replace a session's token; False when another request was faster."""
        ...

    def end_session(self, token_sha256: str) -> None:
        """End one session, and those that were rotated into or from it."""
        ...

    def end_sessions(self, account_id: str) -> None:
        """End all sessions of an account."""
        ...

    def record(self, sign_in: SignIn) -> None:
        """Append to the record of sign-ins."""
        ...

    def sign_ins(self, *, limit: int) -> list[SignIn]:
        """Return the newest lines of the record."""
        ...
