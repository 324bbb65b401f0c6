"""Use cases of signing in: accounts, passwords, lock-out, sessions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dispatch.account_ports import Accounts, PasswordHasher
from dispatch.domain.access import Actor, Role
from dispatch.domain.account import (
    LOGIN,
    MAX_PASSWORD,
    Account,
    Outcome,
    Session,
    SessionLimits,
    SignIn,
    login_of,
    new_password,
    new_token,
    next_session,
    require_actor,
    require_login,
    require_password,
    sha256_of,
)
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.ids import new_id
from dispatch.ports import Clock

TOUCH = dt.timedelta(minutes=1)  # a look is written down no more often
NOT_IN = (
    "ログインできませんでした。ログイン名とパスワードを確かめてください。"
    "続けて間違えると、しばらくログインできなくなります"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRules:
    """After how many wrong passwords an account is locked, how long; sessions."""

    max_failed: int
    lock_s: int
    sessions: SessionLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A session that was opened, or its token changed: the token is told once."""

    account: Account
    session: Session
    token: str


class AccountDesk:
    """
    Lets people in and out, and looks after their accounts.

    Parameters
    ----------
    accounts
        Store.
    hasher
        Of passwords.
    clock
        Time of everything that is written down.
    rules
        Limits.
    """

    def __init__(
        self,
        accounts: Accounts,
        hasher: PasswordHasher,
        clock: Clock,
        rules: SignInRules,
    ) -> None:
        self._accounts = accounts
        self._hasher = hasher
        self._clock = clock
        self._rules = rules
        self._decoy = ""  # made when first needed: a hash takes a moment

    # -- coming in and going out ---------------------------------------------------

    def sign_in(
        self, login: str, password: str, *, origin: str, before: str = ""
    ) -> SignedIn | None:
        """
        Open a session, if login and password fit.

        An unknown login takes as long as a wrong password, and nobody learns which
        of them it was, nor whether the account is locked.

        Parameters
        ----------
        login, password
            As typed.
        origin
            Address that the request came from, for the record.
        before
            Token that the browser had; it ends, so that none can be planted.
        """
        now = self._clock.now()
        typed = login_of(login)
        account = self._accounts.count_attempt(
            typed if LOGIN.fullmatch(typed) else "",
            at=now,
            max_failed=self._rules.max_failed,
            until=now + dt.timedelta(seconds=self._rules.lock_s),
        )
        is_right = self._fits(account, password)
        outcome = _outcome(account, now, is_right=is_right)
        known = account.login if account is not None else ""
        self._accounts.record(
            SignIn(at=now, login=known, outcome=outcome, origin=origin)
        )
        if account is None or outcome is not Outcome.SIGNED_IN:
            return None
        self._accounts.forget_attempts(account.id)
        hashed = self._accounts.password_hash(account.id)
        if self._hasher.is_weak(hashed):
            self._accounts.set_password(
                account.id,
                self._hasher.hash(password),
                must_change=account.must_change,
            )
        return self._opened(account, before)

    def sign_in_as(self, login: str, *, origin: str, before: str = "") -> SignedIn:
        """
        Open a session for somebody whom another service has proved (OIDC).

        Raises
        ------
        InvalidInputError
            When no account that holds has this login.
        """
        now = self._clock.now()
        account = self._accounts.by_login(login_of(login))
        outcome = _outcome(account, now, is_right=True)
        known = account.login if account is not None else ""
        self._accounts.record(
            SignIn(at=now, login=known, outcome=outcome, origin=origin)
        )
        if account is None or outcome is not Outcome.SIGNED_IN:
            raise InvalidInputError("login", "このシステムの利用登録がありません")
        if account.must_change:  # they need no password: the first one ends
            nobodys = self._hasher.hash(new_token())
            self._accounts.set_password(account.id, nobodys, must_change=False)
            account = replace(account, must_change=False)
        return self._opened(account, before)

    def session(self, token: str) -> SignedIn | None:
        """
        Session of a browser's token; None when it is over.

        After an hour it comes with another token, which the browser has to be given.
        """
        found = self._accounts.session(sha256_of(token))
        if found is None:
            return None
        session, account = found
        now = self._clock.now()
        limits = self._rules.sessions
        if session.is_over(now, limits) or not account.is_valid(now):
            self._accounts.end_session(session.token_sha256)
            return None
        if session.is_old(now, limits):
            fresh = new_token()
            old, new = next_session(session, fresh, now, limits)
            if self._accounts.rotate(old, new):
                return SignedIn(account=account, session=new, token=fresh)
        elif now - session.seen_at >= TOUCH:
            self._accounts.touch(session.token_sha256, now)
        return SignedIn(account=account, session=session, token=token)

    def sign_out(self, token: str, *, origin: str) -> None:
        """End the session of a token."""
        found = self._accounts.session(sha256_of(token))
        if found is None:
            return
        session, account = found
        self._accounts.end_session(session.token_sha256)
        self._record(account, Outcome.SIGNED_OUT, origin)

    # -- passwords -----------------------------------------------------------------

    def change_password(
        self, account_id: str, old: str, new: str, *, origin: str
    ) -> SignedIn:
        """
        Change one's own password; every other session of the account ends.

        Raises
        ------
        InvalidInputError
            When the old one is wrong or the new one too easily guessed.
        """
        now = self._clock.now()
        login = self._accounts.get(account_id).login
        account = self._accounts.count_attempt(
            login,
            at=now,
            max_failed=self._rules.max_failed,
            until=now + dt.timedelta(seconds=self._rules.lock_s),
        )
        is_right = self._fits(account, old)
        if account is None or account.is_locked(now) or not is_right:
            self._record(self._accounts.get(account_id), Outcome.WRONG, origin)
            raise InvalidInputError("old_password", "今のパスワードが違います")
        self._accounts.forget_attempts(account.id)
        require_password(new, account.login, account.actor.name)
        if new == old:
            raise InvalidInputError("password", "今までと違うパスワードにしてください")
        self._accounts.set_password(
            account.id, self._hasher.hash(new), must_change=False
        )
        self._accounts.end_sessions(account.id)
        self._record(account, Outcome.PASSWORD_CHANGED, origin)
        return self._opened(replace(account, must_change=False), "")

    def reset_password(
        self, account_id: str, *, origin: str, password: str = ""
    ) -> str:
        """
        Give an account another first password, which its owner has to change.

        Returns
        -------
        str
            The password, to be told once; the lock is opened and every session ends.
        """
        account = self._accounts.get(account_id)
        if password:
            require_password(password, account.login, account.actor.name)
        first = password or new_password()
        self._accounts.set_password(
            account.id, self._hasher.hash(first), must_change=True
        )
        self._accounts.end_sessions(account.id)
        self._record(account, Outcome.PASSWORD_RESET, origin)
        return first

    # -- accounts ------------------------------------------------------------------

    def add(
        self, login: str, actor: Actor, *, password: str = ""
    ) -> tuple[Account, str]:
        """
        Make an account.

        Parameters
        ----------
        login
            As it will be typed.
        actor
            Name, roles and scopes; its id is given here.
        password
            First password; one is made when none is given.

        Returns
        -------
        tuple of Account and str
            The account, and its first password, to be told once.

        Raises
        ------
        InvalidInputError
            For a login, a name, roles or a password that cannot be.
        ConflictError
            When the login is taken.
        """
        login = login_of(login)
        require_login(login)
        require_actor(actor)
        if password:
            require_password(password, login, actor.name)
        first = password or new_password()
        account_id = new_id()
        account = Account(
            id=account_id,
            login=login,
            actor=replace(actor, id=account_id),
            valid_from=self._clock.now(),
        )
        self._accounts.add(account, self._hasher.hash(first))
        return account, first

    def set_rights(self, account_id: str, version: int, actor: Actor) -> Account:
        """
        Give an account other roles and scopes; they hold from its next request.

        Raises
        ------
        ConflictError
            When somebody was faster, or nobody would be left to manage accounts.
        """
        require_actor(actor)
        before = self._at(account_id, version)
        changed = replace(
            before,
            version=before.version + 1,
            actor=replace(actor, id=before.id),
        )
        self._require_administrator(changed)
        self._accounts.save(changed)
        return changed

    def disable(self, account_id: str, version: int) -> Account:
        """
        Let an account hold no longer; what it did stays.

        Raises
        ------
        ConflictError
            When somebody was faster, or nobody would be left to manage accounts.
        """
        before = self._at(account_id, version)
        now = self._clock.now()
        changed = replace(before, version=before.version + 1, valid_until=now)
        self._require_administrator(changed)
        self._accounts.save(changed)
        self._accounts.end_sessions(account_id)
        return changed

    def enable(self, account_id: str, version: int) -> Account:
        """Let an account hold again."""
        before = self._at(account_id, version)
        changed = replace(before, version=before.version + 1, valid_until=None)
        self._accounts.save(changed)
        return changed

    def listed(self) -> list[Account]:
        """All accounts by login."""
        return self._accounts.listed()

    def get(self, account_id: str) -> Account:
        """Return one account; NotFoundError when there is none."""
        return self._accounts.get(account_id)

    def by_login(self, login: str) -> Account | None:
        """Account of a login as typed, if there is one."""
        return self._accounts.by_login(login_of(login))

    def sign_ins(self, *, limit: int) -> Sequence[SignIn]:
        """Return the newest lines of the record of sign-ins."""
        return self._accounts.sign_ins(limit=limit)

    # -- inside --------------------------------------------------------------------

    def _fits(self, account: Account | None, password: str) -> bool:
        """Compare a password; without an account, with one that nobody has."""
        if not self._decoy:
            self._decoy = self._hasher.hash(new_token())
        hashed = self._decoy
        if account is not None:
            hashed = self._accounts.password_hash(account.id)
        fits = self._hasher.verify(hashed, password[: MAX_PASSWORD + 1])
        return fits and account is not None

    def _opened(self, account: Account, before: str) -> SignedIn:
        now = self._clock.now()
        if before:
            self._accounts.end_session(sha256_of(before))
        token = new_token()
        session = Session(
            token_sha256=sha256_of(token),
            account_id=account.id,
            csrf=new_token(),
            signed_in_at=now,
            made_at=now,
            seen_at=now,
            expires_at=now + dt.timedelta(seconds=self._rules.sessions.max_s),
        )
        self._accounts.open_session(session)
        return SignedIn(account=account, session=session, token=token)

    def _record(self, account: Account, outcome: Outcome, origin: str) -> None:
        now = self._clock.now()
        self._accounts.record(
            SignIn(at=now, login=account.login, outcome=outcome, origin=origin)
        )

    def _at(self, account_id: str, version: int) -> Account:
        account = self._accounts.get(account_id)
        if account.version != version:
            message = "ほかの人が先に変更しました。開き直してください"
            raise ConflictError(message, current=account.version)
        return account

    def _require_administrator(self, changed: Account) -> None:
        """Refuse to leave nobody who can manage accounts."""
        now = self._clock.now()
        after = [
            changed if account.id == changed.id else account
            for account in self._accounts.listed()
        ]
        if not any(
            Role.ADMINISTRATOR in account.actor.roles and account.is_valid(now)
            for account in after
        ):
            message = "システム管理の利用者がいなくなるので、変更できません"
            raise ConflictError(message)


def _outcome(account: Account | None, at: dt.datetime, *, is_right: bool) -> Outcome:
    if account is None:
        return Outcome.UNKNOWN
    if account.is_locked(at):
        return Outcome.LOCKED
    if not is_right:
        return Outcome.WRONG
    return Outcome.SIGNED_IN if account.is_valid(at) else Outcome.NOT_VALID
