"""Accounts, sessions and keys: who may come in, how long, and what is remembered."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum

from dispatch.domain.access import Action, Actor
from dispatch.domain.consultation import MAX_NAME
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.ids import ALPHABET

MIN_PASSWORD = 12
MAX_PASSWORD = 256  # a longer one is no safer, only slower
MAX_LOGIN = 64
LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
MIN_WORD = 3  # a shorter login stands in many a good password by chance
MIN_DIFFERENT = 5  # kinds of characters in a password
TOKEN_BYTES = 32  # 256 bits
SPELL_PARTS, SPELL_LETTERS = 4, 4  # a first password: 16 letters of 5 bits each
KEY_MARK = "kdh_"  # so that a key is known as one where it has leaked


class Outcome(StrEnum):
    """How a sign-in, or a change of what it needs, came out."""

    SIGNED_IN = "signed_in"
    UNKNOWN = "unknown"  # no such login
    WRONG = "wrong"  # not its password
    LOCKED = "locked"
    NOT_VALID = "not_valid"  # not yet, no longer, or disabled
    SIGNED_OUT = "signed_out"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - no password
    PASSWORD_RESET = "password_reset"  # noqa: S105 - no password


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """
    Somebody who can sign in.

    `valid_until` is the first moment at which the account no longer holds; a disabled
    account is one whose moment has come. `must_change` asks for a new password before
    anything else. `failed` counts wrong passwords since the last right one.
    """

    id: str
    login: str
    actor: Actor
    version: int = 1
    must_change: bool = True
    failed: int = 0
    locked_until: dt.datetime | None = None
    valid_from: dt.datetime
    valid_until: dt.datetime | None = None

    def __post_init__(self) -> None:
        require_login(self.login)

    def is_valid(self, at: dt.datetime) -> bool:
        """Whether the account holds at a moment."""
        return self.valid_from <= at and (
            self.valid_until is None or at < self.valid_until
        )

    def is_locked(self, at: dt.datetime) -> bool:
        """Whether too many wrong passwords stand in the way."""
        return self.locked_until is not None and at < self.locked_until


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """How long a session holds, and after how long it gets another token."""

    idle_s: int
    max_s: int
    rotate_s: int = 3_600
    grace_s: int = 60  # the token before, for requests that are under way

    @property
    def idle(self) -> dt.timedelta:
        """Time without a request after which it is over."""
        return dt.timedelta(seconds=self.idle_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """
    One browser that is signed in; the store knows only a hash of its token.

    `signed_in_at` stays over all rotations, and so does `expires_at`, the absolute
    end; `made_at` is when this token was given out. `csrf` is what every form of the
    session carries. `is_replaced` tells that a newer token was given out.
    """

    token_sha256: str
    account_id: str
    csrf: str
    signed_in_at: dt.datetime
    made_at: dt.datetime
    seen_at: dt.datetime
    expires_at: dt.datetime
    rotated_from: str | None = None
    is_replaced: bool = False

    def is_over(self, at: dt.datetime, limits: SessionLimits) -> bool:
        """Whether it has ended, by its end or for want of use."""
        return at >= self.expires_at or at - self.seen_at >= limits.idle

    def is_old(self, at: dt.datetime, limits: SessionLimits) -> bool:
        """Whether its token has to be changed."""
        return not self.is_replaced and (
            at - self.made_at >= dt.timedelta(seconds=limits.rotate_s)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A system's key as the store knows it: a hash, what it may do, how long."""

    id: str
    client: str
    key_sha256: str
    actions: frozenset[Action]
    created_at: dt.datetime
    created_by: str
    expires_at: dt.datetime
    revoked_at: dt.datetime | None = None
    last_used_at: dt.datetime | None = None

    def is_good(self, at: dt.datetime) -> bool:
        """Whether it opens at a moment."""
        return self.revoked_at is None and at < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """
    One line of the record of sign-ins; appended, never changed.

    `login` is empty where no account has it: people type their password there.
    `origin` is the address that the request came from.
    """

    at: dt.datetime
    login: str
    outcome: Outcome
    origin: str


def new_token() -> str:
    """Make a token that cannot be guessed."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def new_password() -> str:
    """Make a first password of letters that cannot be mistaken when read aloud."""
    return "-".join(
        "".join(secrets.choice(ALPHABET) for _ in range(SPELL_LETTERS))
        for _ in range(SPELL_PARTS)
    )


def new_key() -> str:
    """Make a system's key."""
    return KEY_MARK + new_token()


def sha256_of(token: str) -> str:
    """
    Hash of a token or key, as the store knows it.

    Unsalted and fast on purpose: 256 random bits are not to be guessed, and one look
    in an index finds them.
    """
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def login_of(typed: str) -> str:
    """Login as it is kept: full-width letters and capitals make no other one."""
    return unicodedata.normalize("NFKC", typed).strip().lower()


def require_login(login: str) -> None:
    """
    Refuse a login of another form.

    Raises
    ------
    InvalidInputError
        Naming the form, never the login.
    """
    if LOGIN.fullmatch(login) is None:
        problem = "ログイン名は英小文字・数字・「.」「_」「@」「-」の64文字以内です"
        raise InvalidInputError("login", problem)


def require_password(password: str, login: str, name: str = "") -> None:
    """
    Refuse a password that is easily guessed.

    Raises
    ------
    InvalidInputError
        Saying why, never repeating it.
    """
    folded = password.casefold()
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        problem = f"パスワードは{MIN_PASSWORD}文字以上、{MAX_PASSWORD}文字以内です"
        raise InvalidInputError("password", problem)
    own = (login, login.partition("@")[0], name.casefold())
    if any(len(word) >= MIN_WORD and word in folded for word in own):
        problem = "パスワードにログイン名や氏名を入れないでください"
        raise InvalidInputError("password", problem)
    if len(set(folded)) < MIN_DIFFERENT:
        problem = f"パスワードには{MIN_DIFFERENT}種類以上の文字を使ってください"
        raise InvalidInputError("password", problem)


def require_actor(actor: Actor) -> None:
    """
    Refuse rights that make no sense.

    Raises
    ------
    InvalidInputError
        When the name is missing or too long, or no role is given.
    """
    if not 0 < len(actor.name.strip()) <= MAX_NAME:
        problem = f"名前を{MAX_NAME}文字以内で入れてください"
        raise InvalidInputError("name", problem)
    if any(not letter.isprintable() for letter in actor.name):
        raise InvalidInputError("name", "名前に使えない文字が入っています")
    if not actor.roles:
        raise InvalidInputError("roles", "役割を1つ以上選んでください")


def next_session(
    before: Session, token: str, at: dt.datetime, limits: SessionLimits
) -> tuple[Session, Session]:
    """
    Give a session another token.

    Returns
    -------
    tuple of Session and Session
        The old one, which ends after the grace, and the new one.
    """
    grace = at + dt.timedelta(seconds=limits.grace_s)
    old = replace(before, is_replaced=True, expires_at=min(before.expires_at, grace))
    new = replace(
        before,
        token_sha256=sha256_of(token),
        made_at=at,
        seen_at=at,
        rotated_from=before.token_sha256,
    )
    return old, new
