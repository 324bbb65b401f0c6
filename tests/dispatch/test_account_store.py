"""The store of accounts, sessions and keys, on SQLite and on PostgreSQL."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from dispatch.adapters.account_store import SqlAccounts, SqlKeys
from dispatch.domain.access import Action, Actor, Role
from dispatch.domain.account import (
    Account,
    ApiKey,
    Outcome,
    Session,
    SessionLimits,
    SignIn,
    next_session,
    sha256_of,
)
from dispatch.domain.errors import ConflictError, NotFoundError
from tests.builders import moment

NOW = moment("9:00")
UNTIL = moment("9:15")
LIMITS = SessionLimits(idle_s=3_600, max_s=43_200)


@pytest.fixture
def accounts(engine: Engine) -> SqlAccounts:
    return SqlAccounts(engine)


@pytest.fixture
def keys(engine: Engine) -> SqlKeys:
    return SqlKeys(engine)


def account(login: str = "kita", account_id: str = "a1") -> Account:
    actor = Actor(
        id=account_id,
        name="北 太郎",
        roles=frozenset({Role.WARD_OFFICER, Role.SAFETY_OFFICER}),
        ward_codes=frozenset({"27127"}),
        receivers=frozenset({"公園事務所"}),
        category_groups=frozenset({"照明"}),
    )
    return Account(id=account_id, login=login, actor=actor, valid_from=NOW)


def session(token: str = "t1") -> Session:  # noqa: S107 - of a test
    return Session(
        token_sha256=sha256_of(token),
        account_id="a1",
        csrf="secret",
        signed_in_at=NOW,
        made_at=NOW,
        seen_at=NOW,
        expires_at=NOW + dt.timedelta(hours=12),
    )


def tried(accounts: SqlAccounts, at: dt.datetime = NOW) -> Account | None:
    until = at + dt.timedelta(minutes=15)
    return accounts.count_attempt("kita", at=at, max_failed=5, until=until)


def test_an_account_comes_back_as_it_was_stored(accounts: SqlAccounts) -> None:
    made = account()
    accounts.add(made, "$hash")
    assert accounts.get("a1") == made
    assert accounts.by_login("kita") == made
    assert accounts.by_login("Kita") is None  # the desk folds, the store does not
    assert accounts.password_hash("a1") == "$hash"
    accounts.add(account("asahi", "a2"), "$hash")
    assert [one.login for one in accounts.listed()] == ["asahi", "kita"]
    with pytest.raises(NotFoundError):
        accounts.get("a3")


def test_a_login_is_there_once(accounts: SqlAccounts) -> None:
    accounts.add(account(), "$hash")
    with pytest.raises(ConflictError, match="使われています"):
        accounts.add(account(account_id="a2"), "$hash")


def test_of_two_changes_the_later_one_is_refused(accounts: SqlAccounts) -> None:
    made = account()
    accounts.add(made, "$hash")
    accounts.save(replace(made, version=2, valid_until=UNTIL))
    with pytest.raises(ConflictError) as refused:
        accounts.save(replace(made, version=2))
    assert refused.value.current == 2
    assert accounts.get("a1").valid_until == UNTIL


def test_a_wrong_password_makes_no_change_stale(accounts: SqlAccounts) -> None:
    made = account()
    accounts.add(made, "$hash")
    tried(accounts)
    accounts.save(replace(made, version=2))
    assert accounts.get("a1").failed == 1


def test_attempts_at_once_are_each_counted(accounts: SqlAccounts) -> None:
    accounts.add(account(), "$hash")
    seen: list[Account | None] = []
    threads = [
        threading.Thread(target=lambda: seen.append(tried(accounts))) for _ in range(9)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    let_through = [one for one in seen if one is not None and not one.is_locked(NOW)]
    assert len(let_through) == 5  # of nine, as many as the limit
    assert accounts.get("a1").locked_until == UNTIL


def test_a_lock_that_is_over_gives_all_attempts_again(accounts: SqlAccounts) -> None:
    accounts.add(account(), "$hash")
    for _ in range(6):
        tried(accounts)
    assert accounts.get("a1").is_locked(NOW)
    tried(accounts, UNTIL)
    again = accounts.get("a1")
    assert (again.failed, again.locked_until) == (1, None)
    accounts.forget_attempts("a1")
    assert accounts.get("a1").failed == 0
    assert accounts.count_attempt("none", at=NOW, max_failed=5, until=UNTIL) is None


def test_a_new_password_opens_the_lock(accounts: SqlAccounts) -> None:
    accounts.add(account(), "$hash")
    for _ in range(5):
        tried(accounts)
    accounts.set_password("a1", "$other", must_change=False)
    after = accounts.get("a1")
    assert (after.failed, after.locked_until, after.must_change) == (0, None, False)
    assert accounts.password_hash("a1") == "$other"


def test_a_session_is_found_used_replaced_and_ended(accounts: SqlAccounts) -> None:
    made = account()
    accounts.add(made, "$hash")
    first = session()
    accounts.open_session(first)
    assert accounts.session(first.token_sha256) == (first, made)
    accounts.touch(first.token_sha256, UNTIL)
    old, new = next_session(first, "t2", UNTIL, LIMITS)
    assert accounts.rotate(old, new)
    assert not accounts.rotate(old, replace(new, token_sha256=sha256_of("t3")))
    found = accounts.session(old.token_sha256)
    assert found is not None
    assert found[0].is_replaced
    assert found[0].expires_at == UNTIL + dt.timedelta(seconds=60)
    assert accounts.session(new.token_sha256) == (new, made)
    accounts.open_session(session("other"))
    accounts.end_session(new.token_sha256)  # the one before goes with it
    assert accounts.session(old.token_sha256) is None
    assert accounts.session(new.token_sha256) is None
    assert accounts.session(sha256_of("other")) is not None
    accounts.end_sessions("a1")
    assert accounts.session(sha256_of("other")) is None


def test_sessions_that_are_long_over_go(accounts: SqlAccounts) -> None:
    accounts.add(account(), "$hash")
    accounts.open_session(session())
    later = NOW + dt.timedelta(days=2)
    accounts.open_session(replace(session("t2"), made_at=later, expires_at=later))
    assert accounts.session(sha256_of("t1")) is None
    assert accounts.session(sha256_of("t2")) is not None


def test_the_record_of_sign_ins_is_told_newest_first(accounts: SqlAccounts) -> None:
    lines = [
        SignIn(at=NOW, login="kita", outcome=outcome, origin="10.0.0.1")
        for outcome in (Outcome.WRONG, Outcome.LOCKED, Outcome.SIGNED_IN)
    ]
    for line in lines:
        accounts.record(line)
    assert accounts.sign_ins(limit=2) == lines[:0:-1]


def test_a_key_comes_back_by_its_hash_alone(keys: SqlKeys) -> None:
    key = ApiKey(
        id="k1",
        client="uketsuke",
        key_sha256=sha256_of("kdh_x"),
        actions=frozenset({Action.READ_PLAN, Action.ASSIGN}),
        created_at=NOW,
        created_by="試験",
        expires_at=UNTIL,
    )
    keys.add(key)
    assert keys.by_hash(sha256_of("kdh_x")) == key
    assert keys.by_hash("kdh_x") is None
    keys.touch("k1", NOW)
    keys.revoke("k1", UNTIL)
    after = keys.get("k1")
    assert (after.last_used_at, after.revoked_at) == (NOW, UNTIL)
    keys.revoke("k1", NOW)  # the first time counts
    assert keys.listed() == [after]
    with pytest.raises(NotFoundError):
        keys.get("k2")
