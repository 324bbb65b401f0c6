"""The command line of accounts and keys: kidohan account …, kidohan key …."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from api.account_form import groups_of
from api.acting import ROLE_TEXT
from api.settings import Settings, load_settings
from api.wiring import account_desk
from dispatch.account_desk import AccountDesk
from dispatch.adapters.account_store import SqlAccounts, SqlKeys
from dispatch.adapters.clocks import SystemClock
from dispatch.adapters.database import open_database
from dispatch.domain.access import GRANTS, Action, Actor, Role, Scope
from dispatch.domain.account import Account
from dispatch.domain.errors import InvalidInputError, NotFoundError
from dispatch.key_desk import FOR_KEYS, KeyDesk
from geodata.city import CityProfile, load_city

account_cli = typer.Typer(
    no_args_is_help=True, help="Accounts of people: add, list, stop, new password."
)
key_cli = typer.Typer(
    no_args_is_help=True, help="Keys of other systems: give out, list, revoke."
)
console = Console(highlight=False, soft_wrap=True)
SCOPE_KINDS = ("ward", "office", "team", "receiver", "group")
ORIGIN = "kidohan account"
BY_HAND = "kidohan key"
SCOPE_TEXT = {
    Scope.OWN_WARD: "担当の区",
    Scope.OWN_OFFICE: "所属の事務所",
    Scope.NEAR_OFFICE: "所属と隣の事務所",
    Scope.OWN_TEAM: "自分の班",
    Scope.OWN_RECEIVER: "自分の引継先",
    Scope.OWN_SUBMISSIONS: "自分が送ったもの",
    Scope.ALL: "すべて",
}
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="read the first password from stdin")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the commands use, made once."""

    settings: Settings
    profile: CityProfile
    accounts: AccountDesk
    keys: KeyDesk


@contextmanager
def opened() -> Iterator[Tools]:
    """Open the database alone: neither maps nor the solver are needed."""
    settings = load_settings()
    profile = load_city(settings.city)
    clock = SystemClock(profile.timezone)
    engine = open_database(settings.database_url)
    try:
        yield Tools(
            settings=settings,
            profile=profile,
            accounts=account_desk(settings, SqlAccounts(engine), clock),
            keys=KeyDesk(SqlKeys(engine), clock),
        )
    finally:
        engine.dispose()


@account_cli.command(name="add")
def add_account(
    login: Annotated[str, typer.Argument(help="login name: a-z, 0-9, . _ @ -")],
    name: Annotated[str, typer.Option(help="name that histories get")],
    role: Annotated[list[str], typer.Option(help="role; once for each (兼務)")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="ward=NAME, office=ID, team=ID, receiver=NAME, group=NAME; "
            "once for each"
        ),
    ] = None,
    password_stdin: StdinOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """Make an account; its first password is printed once."""
    typed = sys.stdin.readline().rstrip("\n") if password_stdin else ""
    given = _scopes(scope or ())
    with opened() as tools:
        profile = tools.profile
        actor = Actor(
            id="",
            name=name,
            roles=frozenset(map(_role, role)),
            ward_codes=frozenset(_ward(profile, one) for one in given["ward"]),
            office_ids=frozenset(profile.office(one).id for one in given["office"]),
            team_ids=frozenset(_team(profile, one) for one in given["team"]),
            receivers=frozenset(given["receiver"]),
            category_groups=frozenset(_group(profile, one) for one in given["group"]),
        )
        account, password = tools.accounts.add(login, actor, password=typed)
    console.print(f"利用者 {escape(account.login)} を追加しました")
    if not typed:
        console.print(f"仮パスワード(この1回だけ表示): {escape(password)}")


@account_cli.command(name="list")
def list_accounts() -> None:
    """List the accounts: login, name, roles, state."""
    with opened() as tools:
        now = SystemClock(tools.profile.timezone).now()
        for account in tools.accounts.listed():
            roles = "、".join(ROLE_TEXT[role] for role in sorted(account.actor.roles))
            state = "利用中" if account.is_valid(now) else "利用停止"
            state = "ロック中" if account.is_locked(now) else state
            line = f"{account.login}  {account.actor.name}  {roles}  {state}"
            console.print(escape(line))


@account_cli.command()
def disable(login: str) -> None:
    """Let an account hold no longer; its sessions end."""
    with opened() as tools:
        account = _known(tools, login)
        tools.accounts.disable(account.id, account.version)
    console.print(f"利用者 {escape(account.login)} を停止しました")


@account_cli.command()
def reset_password(
    login: str,
    password_stdin: StdinOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """Give another first password, printed once; opens a lock, ends the sessions."""
    given = sys.stdin.readline().rstrip("\n") if password_stdin else ""
    with opened() as tools:
        account = _known(tools, login)
        password = tools.accounts.reset_password(
            account.id, origin=ORIGIN, password=given
        )
    console.print(f"利用者 {escape(account.login)} のパスワードを再発行しました")
    if not given:
        console.print(f"仮パスワード(この1回だけ表示): {escape(password)}")


@account_cli.command()
def roles() -> None:
    """Print what each role may do, and how far."""
    for role, grants in GRANTS.items():
        console.print(f"[bold]{role}[/] {ROLE_TEXT[role]}")
        for scope in Scope:
            actions = sorted(one for one, reach in grants.items() if reach is scope)
            if actions:
                console.print(f"    {SCOPE_TEXT[scope]}: {', '.join(actions)}")


@key_cli.command(name="add")
def add_key(
    client: Annotated[str, typer.Argument(help="name of the system")],
    action: Annotated[
        list[str] | None,
        typer.Option(help="what it may do beside handing in; once for each"),
    ] = None,
    days: Annotated[int, typer.Option(help="days until it opens nothing")] = 365,
) -> None:
    """Give a system a key, printed once."""
    actions = frozenset(map(_action, action or ()))
    with opened() as tools:
        key, secret = tools.keys.add(client, actions=actions, days=days, who=BY_HAND)
    console.print(f"鍵 {key.id} を作りました({escape(key.client)}、{days}日間)")
    console.print(f"X-API-Key(この1回だけ表示): {secret}")


@key_cli.command(name="list")
def list_keys() -> None:
    """List the keys: what each may do, until when, when it was last used."""
    with opened() as tools:
        now = SystemClock(tools.profile.timezone).now()
        for key in tools.keys.listed():
            state = "有効" if key.is_good(now) else "無効"
            used = key.last_used_at.date().isoformat() if key.last_used_at else "—"
            console.print(
                escape(
                    f"{key.id}  {key.client}  {state}  "
                    f"期限 {key.expires_at.date().isoformat()}  最終使用 {used}  "
                    f"{', '.join(sorted(key.actions)) or '送信と自分の照会だけ'}"
                )
            )


@key_cli.command()
def revoke(key_id: str) -> None:
    """Let a key open nothing from now on."""
    with opened() as tools:
        key = tools.keys.revoke(key_id)
    console.print(f"鍵 {key.id}({escape(key.client)})を取り消しました")


def _scopes(texts: Sequence[str]) -> dict[str, list[str]]:
    """Take `kind=value` apart, by kind."""
    found: dict[str, list[str]] = {kind: [] for kind in SCOPE_KINDS}
    for text in texts:
        kind, _, value = text.partition("=")
        if kind not in found or not value:
            problem = f"needs KIND=VALUE; KIND is one of {', '.join(SCOPE_KINDS)}"
            raise InvalidInputError("--scope", problem)
        found[kind].append(value)
    return found


def _role(text: str) -> Role:
    people = [str(role) for role in Role if role is not Role.INTAKE_SYSTEM]
    if text not in people:
        raise InvalidInputError("--role", f"one of: {', '.join(people)}")
    return Role(text)


def _action(text: str) -> Action:
    if text not in FOR_KEYS:
        raise InvalidInputError("--action", f"one of: {', '.join(sorted(FOR_KEYS))}")
    return Action(text)


def _ward(profile: CityProfile, text: str) -> str:
    for ward in profile.wards:
        if text in (ward.code, ward.name):
            return ward.code
    raise NotFoundError("ward", text)


def _group(profile: CityProfile, text: str) -> str:
    if text not in groups_of(profile):
        raise NotFoundError("group", text)
    return text


def _team(profile: CityProfile, text: str) -> str:
    if all(team.id != text for team in profile.teams):
        raise NotFoundError("team", text)
    return text


def _known(tools: Tools, login: str) -> Account:
    account = tools.accounts.by_login(login)
    if account is None:
        raise NotFoundError("account", login)
    return account
