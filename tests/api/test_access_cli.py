"""Accounts and keys by command: what is printed once, what is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.account_form import groups_of
from api.cli import cli
from dispatch.domain.errors import DispatchError
from geodata.city import load_city

GROUP = groups_of(load_city("osaka"))[0]
ADMIN = ("account", "add", "admin", "--name", "管理", "--role", "administrator")


@pytest.fixture(autouse=True)
def database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Point the commands at a database of their own."""
    url = f"sqlite:///{tmp_path / 'accounts.sqlite3'}"
    monkeypatch.setenv("KIDOHAN_DATABASE_URL", url)


def run(*arguments: str, typed: str = "") -> str:
    done = CliRunner().invoke(cli, arguments, input=typed, catch_exceptions=True)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_an_account_is_added_listed_reset_and_stopped() -> None:
    made = run(*ADMIN)
    assert re.search(r"仮パスワード\(この1回だけ表示\): \S{19}", made)
    typed = "correct horse battery\n"
    scopes = (
        "ward=北区",
        "office=tsumori",
        "team=tsumori-1",
        "receiver=公園事務所",
        f"group={GROUP}",
    )
    options = [text for scope in scopes for text in ("--scope", scope)]
    quiet = run(
        "account", "add", "Kita-1", "--name", "北 太郎", "--role", "ward_officer",
        "--role", "safety_officer", *options, "--password-stdin", typed=typed,
    )  # fmt: skip
    assert "correct horse" not in quiet
    listed = run("account", "list")
    assert "kita-1  北 太郎  地域安全対策担当、地域担当  利用中" in listed
    assert "再発行しました" in run("account", "reset-password", "kita-1")
    again = run("account", "reset-password", "kita-1", "--password-stdin", typed=typed)
    assert "仮パスワード" not in again
    run("account", "disable", "kita-1")
    assert "利用停止" in run("account", "list")


def test_the_roles_are_told_with_their_reach() -> None:
    told = run("account", "roles")
    assert "dispatcher 配車担当" in told
    assert "所属と隣の事務所: export" in told


def test_a_key_is_told_once_and_revoked() -> None:
    made = run("key", "add", "uketsuke", "--action", "read_plan", "--days", "30")
    secret = re.search(r"kdh_\S+", made)
    assert secret is not None
    run("key", "add", "plain")
    listed = run("key", "list")
    assert secret.group() not in listed
    assert "送信と自分の照会だけ" in listed
    key_id = next(line for line in listed.splitlines() if "read_plan" in line).split()[
        0
    ]
    assert "取り消しました" in run("key", "revoke", key_id)
    assert "無効" in run("key", "list")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((*ADMIN[:-1], "boss"), "--role: one of: ward_officer"),
        ((*ADMIN, "--scope", "ward=どこか区"), "no ward"),
        ((*ADMIN, "--scope", "office=none"), "no"),
        ((*ADMIN, "--scope", "team=none"), "no team"),
        ((*ADMIN, "--scope", "group=none"), "no group"),
        ((*ADMIN, "--scope", "nonsense"), "KIND=VALUE"),
        (("account", "add", "a b", "--name", "x", "--role", "team"), "login"),
        (("account", "disable", "nobody"), "no account"),
        (("key", "add", "x", "--action", "reveal_person"), "--action: one of"),
        (("key", "revoke", "none"), "no key"),
    ],
)
def test_what_cannot_be_is_refused_by_name(arguments: Sequence[str], why: str) -> None:
    with pytest.raises(DispatchError, match=re.escape(why)):
        run(*arguments)
