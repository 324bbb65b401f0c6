"""Accounts, sessions, keys and the record of sign-ins in a relational database."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from dispatch.adapters.codec import from_json, to_json
from dispatch.adapters.database import reading, writing
from dispatch.adapters.tables import accounts, api_keys, sessions, sign_ins
from dispatch.domain.access import Action, Actor
from dispatch.domain.account import Account, ApiKey, Outcome, Session, SignIn
from dispatch.domain.errors import ConflictError, NotFoundError

KEPT_AFTER = dt.timedelta(days=1)  # sessions that are over go then
STALE = "ほかの人が先に変更しました。開き直してください"


class SqlAccounts:
    """
    The `Accounts` port on SQLAlchemy Core.

    Parameters
    ----------
    engine
        From `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, account: Account, password_hash: str) -> None:
        """Store a new account; see `Accounts`."""
        row = {
            "id": account.id,
            "login": account.login,
            "password_hash": password_hash,
            "failed": account.failed,
            "locked_until": account.locked_until,
            **_changeable(account),
            "valid_from": account.valid_from,
        }
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(accounts), row)
        except IntegrityError as problem:
            message = "このログイン名は使われています"
            raise ConflictError(message) from problem

    def get(self, account_id: str) -> Account:
        """Return the account; NotFoundError when there is none."""
        with reading(self._engine) as connection:
            return _account(_row(connection, account_id))

    def by_login(self, login: str) -> Account | None:
        """Account of a login, if there is one."""
        query = select(accounts).where(accounts.c.login == login)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        return _account(row) if row is not None else None

    def listed(self) -> list[Account]:
        """All accounts by login."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(accounts).order_by(accounts.c.login))
            return [_account(row) for row in rows]

    def save(self, account: Account) -> None:
        """Store the next version; see `Accounts`."""
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(accounts)
                .where(
                    accounts.c.id == account.id,
                    accounts.c.version == account.version - 1,
                )
                .values(**_changeable(account))
            )
            if changed.rowcount == 0:
                current = _row(connection, account.id).version
                raise ConflictError(STALE, current=current)

    def password_hash(self, account_id: str) -> str:
        """Hash of an account's password."""
        with reading(self._engine) as connection:
            return str(_row(connection, account_id).password_hash)

    def set_password(
        self, account_id: str, password_hash: str, *, must_change: bool
    ) -> None:
        """Store another password; see `Accounts`."""
        with writing(self._engine) as connection:
            connection.execute(
                update(accounts)
                .where(accounts.c.id == account_id)
                .values(
                    password_hash=password_hash,
                    must_change=must_change,
                    failed=0,
                    locked_until=None,
                )
            )

    def count_attempt(
        self, login: str, *, at: dt.datetime, max_failed: int, until: dt.datetime
    ) -> Account | None:
        """Count an attempt as failed before it is looked at; see `Accounts`."""
        query = select(accounts).where(accounts.c.login == login)
        with writing(self._engine) as connection:
            row = connection.execute(query).first()
            if row is None:
                return None
            account = _account(row)
            if account.is_locked(at):
                return account
            # A lock that is over gives all the attempts again.
            failed = 1 if account.locked_until is not None else account.failed + 1
            connection.execute(
                update(accounts)
                .where(accounts.c.id == account.id)
                .values(
                    failed=failed,
                    locked_until=until if failed >= max_failed else None,
                )
            )
        return account

    def forget_attempts(self, account_id: str) -> None:
        """Set the count back: the password was right."""
        with writing(self._engine) as connection:
            connection.execute(
                update(accounts)
                .where(accounts.c.id == account_id)
                .values(failed=0, locked_until=None)
            )

    def open_session(self, session: Session) -> None:
        """Store a session; those that are long over go."""
        over = sessions.c.expires_at < session.made_at - KEPT_AFTER
        with writing(self._engine) as connection:
            connection.execute(delete(sessions).where(over))
            connection.execute(insert(sessions), _session_row(session))

    def session(self, token_sha256: str) -> tuple[Session, Account] | None:
        """Session of a token with its account."""
        query = select(sessions).where(sessions.c.token_sha256 == token_sha256)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
            if row is None:
                return None
            account = _account(_row(connection, row.account_id))
        return _session(row), account

    def touch(self, token_sha256: str, at: dt.datetime) -> None:
        """Write down that a session was used."""
        with writing(self._engine) as connection:
            connection.execute(
                update(sessions)
                .where(sessions.c.token_sha256 == token_sha256)
                .values(seen_at=at)
            )

    def rotate(self, old: Session, new: Session) -> bool:
        """Replace a session's token; False when another request was faster."""
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(sessions)
                .where(
                    sessions.c.token_sha256 == old.token_sha256,
                    sessions.c.is_replaced == 0,
                )
                .values(is_replaced=1, expires_at=old.expires_at)
            )
            if changed.rowcount == 0:
                return False
            connection.execute(insert(sessions), _session_row(new))
        return True

    def end_session(self, token_sha256: str) -> None:
        """End one session, and those that were rotated into or from it."""
        with writing(self._engine) as connection:
            family = _family(connection, token_sha256)
            connection.execute(
                delete(sessions).where(sessions.c.token_sha256.in_(family))
            )

    def end_sessions(self, account_id: str) -> None:
        """End all sessions of an account."""
        with writing(self._engine) as connection:
            connection.execute(
                delete(sessions).where(sessions.c.account_id == account_id)
            )

    def record(self, sign_in: SignIn) -> None:
        """Append to the record of sign-ins."""
        with writing(self._engine) as connection:
            last = connection.execute(select(func.max(sign_ins.c.seq))).scalar()
            connection.execute(
                insert(sign_ins),
                {
                    "seq": (last or 0) + 1,
                    "at": sign_in.at,
                    "login": sign_in.login,
                    "outcome": str(sign_in.outcome),
                    "origin": sign_in.origin,
                },
            )

    def sign_ins(self, *, limit: int) -> list[SignIn]:
        """Return the newest lines of the record."""
        query = select(sign_ins).order_by(sign_ins.c.seq.desc()).limit(limit)
        with reading(self._engine) as connection:
            return [
                SignIn(
                    at=row.at,
                    login=row.login,
                    outcome=Outcome(row.outcome),
                    origin=row.origin,
                )
                for row in connection.execute(query)
            ]


class SqlKeys:
    """
    The `Keys` port on SQLAlchemy Core.

    Parameters
    ----------
    engine
        From `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, key: ApiKey) -> None:
        """Store a key."""
        row = {
            "id": key.id,
            "client": key.client,
            "key_sha256": key.key_sha256,
            "actions": to_json(sorted(key.actions)),
            "created_at": key.created_at,
            "created_by": key.created_by,
            "expires_at": key.expires_at,
        }
        with writing(self._engine) as connection:
            connection.execute(insert(api_keys), row)

    def by_hash(self, key_sha256: str) -> ApiKey | None:
        """Key of a hash, if there is one."""
        query = select(api_keys).where(api_keys.c.key_sha256 == key_sha256)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        return _key(row) if row is not None else None

    def get(self, key_id: str) -> ApiKey:
        """Return the key; NotFoundError when there is none."""
        query = select(api_keys).where(api_keys.c.id == key_id)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFoundError("key", key_id)
        return _key(row)

    def listed(self) -> list[ApiKey]:
        """All keys, newest first."""
        query = select(api_keys).order_by(
            api_keys.c.created_at.desc(), api_keys.c.id.desc()
        )
        with reading(self._engine) as connection:
            return [_key(row) for row in connection.execute(query)]

    def revoke(self, key_id: str, at: dt.datetime) -> None:
        """Let a key open nothing from now on."""
        with writing(self._engine) as connection:
            connection.execute(
                update(api_keys)
                .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
                .values(revoked_at=at)
            )

    def touch(self, key_id: str, at: dt.datetime) -> None:
        """Write down that a key was used."""
        with writing(self._engine) as connection:
            connection.execute(
                update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=at)
            )


def _family(connection: Connection, token_sha256: str) -> set[str]:
    """Tokens of one browser's session that are still kept, before and after."""
    own, parent = sessions.c.token_sha256, sessions.c.rotated_from
    family: set[str] = {token_sha256}
    while True:
        near = select(own, parent).where(or_(own.in_(family), parent.in_(family)))
        found = {
            token for row in connection.execute(near) for token in row if token
        } | family
        if found == family:
            return family
        family = found


def _changeable(account: Account) -> dict[str, object]:
    """Columns that an administrator changes; not those that sign-ins count with."""
    return {
        "body": to_json(account.actor),
        "must_change": int(account.must_change),
        "valid_until": account.valid_until,
        "version": account.version,
    }


def _row(connection: Connection, account_id: str) -> Row[Any]:
    query = select(accounts).where(accounts.c.id == account_id)
    row = connection.execute(query).first()
    if row is None:
        raise NotFoundError("account", account_id)
    return row


def _account(row: Row[Any]) -> Account:
    return Account(
        id=row.id,
        login=row.login,
        actor=from_json(Actor, row.body),
        version=row.version,
        must_change=bool(row.must_change),
        failed=row.failed,
        locked_until=row.locked_until,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
    )


def _session_row(session: Session) -> dict[str, object]:
    return {
        "token_sha256": session.token_sha256,
        "account_id": session.account_id,
        "csrf": session.csrf,
        "signed_in_at": session.signed_in_at,
        "made_at": session.made_at,
        "seen_at": session.seen_at,
        "expires_at": session.expires_at,
        "rotated_from": session.rotated_from,
        "is_replaced": int(session.is_replaced),
    }


def _session(row: Row[Any]) -> Session:
    return Session(
        token_sha256=row.token_sha256,
        account_id=row.account_id,
        csrf=row.csrf,
        signed_in_at=row.signed_in_at,
        made_at=row.made_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
        rotated_from=row.rotated_from,
        is_replaced=bool(row.is_replaced),
    )


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        client=row.client,
        key_sha256=row.key_sha256,
        actions=frozenset(map(Action, from_json(list[str], row.actions))),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
