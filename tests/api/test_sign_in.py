"""Signing in: lock-out, sessions, form tokens, ways back, keys of systems."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from argon2.profiles import CHEAPEST
from fastapi.testclient import TestClient

from api.access import COOKIE, own_path
from api.access_table import NEEDS
from api.app import create_app
from api.csrf import is_token_of
from api.settings import Settings, SignInMode
from dispatch.account_desk import AccountDesk
from dispatch.adapters.password_hasher import Argon2Hasher
from dispatch.domain.access import Action, Actor, Role
from dispatch.domain.account import Outcome
from dispatch.domain.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    SourceError,
)
from tests.api.access_tables import PEOPLE
from tests.api.installation import (
    BROWSER,
    NOW,
    consultation_body,
    services_of,
    settings_for,
)

PASSWORD = "a long enough password"  # noqa: S105 - of a test's account


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> dt.datetime:
        return self.time

    def forward(self, **by: float) -> None:
        self.time += dt.timedelta(**by)


CLOCK = HandClock()


@contextmanager
def served(settings: Settings) -> Iterator[TestClient]:
    """Serve with a clock to move and hashes that take no time."""
    CLOCK.time = NOW
    with TestClient(create_app(settings, CLOCK)) as client:
        services_of(client).accounts._hasher = Argon2Hasher(CHEAPEST)  # noqa: SLF001
        yield client


@pytest.fixture(scope="module")
def city(
    tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path
) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("sign-in")
    base = settings_for(folder, geodata_dir, sign_in=SignInMode.PASSWORD)
    with served(base.model_copy(update={"key_rate": "3/minute"})) as client:
        yield client


@pytest.fixture
def client(city: TestClient) -> Iterator[TestClient]:
    """Serve without a session of an earlier test."""
    city.cookies.clear()
    CLOCK.time = NOW
    yield city
    city.cookies.clear()


def desk_of(client: TestClient) -> AccountDesk:
    return services_of(client).accounts


def made(
    client: TestClient, login: str, *roles: Role, first: bool = False
) -> tuple[str, str]:
    """Make an account; return its id and its password."""
    actor = Actor(
        id="",
        name=f"試験 {login}",
        roles=frozenset(roles or {Role.DISPATCHER}),
        office_ids=frozenset({"tsumori"}),
    )
    desk = desk_of(client)
    account, password = desk.add(login, actor, password=PASSWORD[::-1])
    if not first:
        desk.change_password(account.id, password, PASSWORD, origin="test")
        return account.id, PASSWORD
    return account.id, password


def enter(client: TestClient, login: str, password: str, **form: str) -> int:
    answer = client.post(
        "/sign-in",
        data={"login": login, "password": password, **form},
        headers=BROWSER,
        follow_redirects=False,
    )
    return answer.status_code


def is_in(client: TestClient) -> bool:
    answer = client.get("/account", headers=BROWSER, follow_redirects=False)
    return answer.status_code == 200


def token_in(client: TestClient, path: str = "/account") -> str:
    found = re.search(
        r'name="csrf" value="([^"]+)"', client.get(path, headers=BROWSER).text
    )
    assert found is not None
    return found.group(1)


def outcomes(client: TestClient, login: str) -> list[Outcome]:
    lines = desk_of(client).sign_ins(limit=200)
    return [line.outcome for line in reversed(lines) if line.login == login]


# -- coming in -------------------------------------------------------------------------


def test_a_page_asks_to_sign_in_and_goes_on_to_what_was_asked(
    client: TestClient,
) -> None:
    made(client, "goes-on")
    answer = client.get("/charts?status=planned", headers=BROWSER)
    assert answer.url.path == "/sign-in"
    found = re.search(r'name="onward" value="([^"]+)"', answer.text)
    assert found is not None
    entered = client.post(
        "/sign-in",
        data={"login": "goes-on", "password": PASSWORD, "onward": found.group(1)},
        headers=BROWSER,
        follow_redirects=False,
    )
    assert entered.status_code == 303
    assert entered.headers["location"] == "/charts?status=planned"
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie  # http on this machine
    assert outcomes(client, "goes-on")[-1] is Outcome.SIGNED_IN


def test_a_database_that_is_away_is_told_as_such(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        message = "the database does not answer"
        raise SourceError(message)

    monkeypatch.setattr(AccountDesk, "session", away)
    client.cookies.set(COOKIE, "any")
    assert client.get("/charts").status_code == 503
    assert client.get("/static/kidohan.css").status_code == 200  # needs no session


def test_a_script_gets_the_status_and_no_page(client: TestClient) -> None:
    answer = client.get("/plan/progress")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "asked",
    [
        "https://elsewhere.example/",
        "//elsewhere.example/",
        "/\\elsewhere.example",
        "\\\\elsewhere.example",
        "javascript:alert(1)",
        "/ok\r\nSet-Cookie: a=b",
        "elsewhere",
        "",
    ],
)
def test_nobody_is_sent_on_to_another_site(client: TestClient, asked: str) -> None:
    assert own_path(asked) == "/"
    login = f"way-{abs(hash(asked)) % 10_000}"
    made(client, login)
    answer = client.post(
        "/sign-in",
        data={"login": login, "password": PASSWORD, "onward": asked},
        headers=BROWSER,
        follow_redirects=False,
    )
    assert answer.headers["location"] == "/"


def test_the_first_password_is_changed_before_anything_else(
    client: TestClient,
) -> None:
    _, first = made(client, "new-one", first=True)
    assert enter(client, "new-one", first) == 303
    held_up = client.get("/charts", headers=BROWSER, follow_redirects=False)
    assert held_up.headers["location"] == "/account"
    form = {"old": first, "new": PASSWORD, "again": PASSWORD}
    token = token_in(client)
    before = client.cookies[COOKIE]
    answer = client.post(
        "/account/password",
        data={**form, "csrf": token},
        headers=BROWSER,
        follow_redirects=False,
    )
    assert answer.headers["location"] == "/account?changed=1"
    assert client.cookies[COOKIE] != before
    assert client.get("/charts", headers=BROWSER).status_code == 200


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ("short", "12文字以上"),
        ("x" * 300, "256文字以内"),
        ("my-login refuser 99", "ログイン名や氏名"),
        ("aaaaaaaaaaaaaaaa", "種類以上"),
        (PASSWORD, "今までと違う"),
    ],
)
def test_a_password_that_is_easily_guessed_is_refused(
    client: TestClient, new: str, why: str
) -> None:
    if desk_of(client).by_login("refuser") is None:
        made(client, "refuser")
    assert enter(client, "refuser", PASSWORD) == 303
    answer = client.post(
        "/account/password",
        data={"old": PASSWORD, "new": new, "again": new, "csrf": token_in(client)},
        headers=BROWSER,
    )
    assert answer.status_code == 422
    assert why in answer.text
    assert new not in answer.text


def test_a_wrong_old_password_or_a_slip_changes_nothing(client: TestClient) -> None:
    made(client, "slips")
    assert enter(client, "slips", PASSWORD) == 303
    other = "another long password"
    for form in (
        {"old": "not this one", "new": other, "again": other},
        {"old": PASSWORD, "new": other, "again": other + "!"},
    ):
        data = {**form, "csrf": token_in(client)}
        answer = client.post("/account/password", data=data, headers=BROWSER)
        assert answer.status_code == 422
    client.cookies.clear()
    assert enter(client, "slips", PASSWORD) == 303


# -- those who do not get in -----------------------------------------------------------


def test_five_wrong_passwords_lock_the_account_for_fifteen_minutes(
    client: TestClient,
) -> None:
    made(client, "locked")
    for _ in range(5):
        assert enter(client, "locked", "wrong") == 401
    assert enter(client, "locked", PASSWORD) == 401
    assert outcomes(client, "locked")[-6:] == [Outcome.WRONG] * 5 + [Outcome.LOCKED]
    CLOCK.forward(seconds=899)
    assert enter(client, "locked", PASSWORD) == 401
    CLOCK.forward(seconds=1)
    assert enter(client, "locked", PASSWORD) == 303
    client.cookies.clear()
    for _ in range(4):  # the count began anew
        assert enter(client, "locked", "wrong") == 401
    assert enter(client, "locked", PASSWORD) == 303


def test_guesses_at_once_are_no_more_than_the_limit(client: TestClient) -> None:
    made(client, "raced")
    desk = desk_of(client)
    guesses = [
        threading.Thread(
            target=desk.sign_in, args=("raced", f"guess {n}"), kwargs={"origin": "x"}
        )
        for n in range(12)
    ]
    for guess in guesses:
        guess.start()
    for guess in guesses:
        guess.join()
    told = outcomes(client, "raced")[1:]  # the first line is the change of password
    assert told.count(Outcome.WRONG) == 5
    assert told.count(Outcome.LOCKED) == 7


@pytest.mark.parametrize(
    "login",
    [
        "nobody-here",
        "",
        "' OR 1=1 --",
        "<script>alert(1)</script>",
        "a\0b",
        "x" * 400,
        "\N{FULLWIDTH LATIN SMALL LETTER A}" * 65,
        "${7*7}{{7*7}}",
        "tsumori\r\nX: y",
    ],
)
def test_a_login_that_nobody_has_is_answered_as_a_wrong_password(
    client: TestClient, login: str
) -> None:
    if desk_of(client).by_login("somebody") is None:
        made(client, "somebody")
    wrong = client.post(
        "/sign-in", data={"login": "somebody", "password": "wrong"}, headers=BROWSER
    )
    CLOCK.forward(hours=1)  # no test locks another's account
    unknown = client.post(
        "/sign-in", data={"login": login, "password": "wrong"}, headers=BROWSER
    )
    assert unknown.status_code == wrong.status_code == 401
    assert "ログインできませんでした" in unknown.text
    if login:
        assert login not in unknown.text
    line = desk_of(client).sign_ins(limit=1)[0]
    assert (line.login, line.outcome) == ("", Outcome.UNKNOWN)


def test_an_unknown_login_costs_the_same_one_hash(client: TestClient) -> None:
    made(client, "costs")
    desk = desk_of(client)
    seen: list[str] = []
    hasher = desk._hasher  # noqa: SLF001

    class Counting:
        def hash(self, password: str) -> str:
            return hasher.hash(password)

        def verify(self, hashed: str, password: str) -> bool:
            seen.append(hashed)
            return hasher.verify(hashed, password)

        def is_weak(self, hashed: str) -> bool:
            return hasher.is_weak(hashed)

    desk._hasher = Counting()  # noqa: SLF001
    try:
        for login in ("costs", "no-such-login", "' OR 1=1"):
            seen.clear()
            assert desk.sign_in(login, "wrong", origin="x") is None
            assert len(seen) == 1
            assert seen[0].startswith("$argon2id$")
    finally:
        desk._hasher = hasher  # noqa: SLF001


def test_a_disabled_account_is_out_at_once(client: TestClient) -> None:
    made(client, "boss", Role.ADMINISTRATOR)
    account_id, _ = made(client, "leaves")
    assert enter(client, "leaves", PASSWORD) == 303
    account = desk_of(client).get(account_id)
    desk_of(client).disable(account_id, account.version)
    assert not is_in(client)
    assert enter(client, "leaves", PASSWORD) == 401
    assert outcomes(client, "leaves")[-1] is Outcome.NOT_VALID
    desk_of(client).enable(account_id, account.version + 1)
    assert enter(client, "leaves", PASSWORD) == 303


def test_a_hash_of_less_work_is_made_anew_at_the_next_sign_in(
    client: TestClient,
) -> None:
    account_id, _ = made(client, "weak")
    desk = desk_of(client)
    store = desk._accounts  # noqa: SLF001
    cheap, desk._hasher = desk._hasher, Argon2Hasher()  # noqa: SLF001
    try:
        assert enter(client, "weak", PASSWORD) == 303
    finally:
        desk._hasher = cheap  # noqa: SLF001
    # 64 MiB, 3 passes, 4 lanes: RFC 9106, second recommended option.
    assert "$m=65536,t=3,p=4$" in store.password_hash(account_id)


# -- sessions --------------------------------------------------------------------------


def test_a_planted_session_is_not_kept(client: TestClient) -> None:
    made(client, "fixed")
    client.cookies.set(COOKIE, "planted-by-somebody")
    assert enter(client, "fixed", PASSWORD) == 303
    mine = {cookie.value for cookie in client.cookies.jar if cookie.name == COOKIE}
    assert any(value != "planted-by-somebody" for value in mine)
    assert desk_of(client).session("planted-by-somebody") is None


def test_signing_in_again_ends_the_session_before(client: TestClient) -> None:
    made(client, "twice")
    assert enter(client, "twice", PASSWORD) == 303
    first = client.cookies[COOKIE]
    assert enter(client, "twice", PASSWORD) == 303
    assert client.cookies[COOKIE] != first
    assert desk_of(client).session(first) is None


def test_a_token_is_changed_every_hour_and_the_old_one_ends(
    client: TestClient,
) -> None:
    made(client, "turns")
    assert enter(client, "turns", PASSWORD) == 303
    first = client.cookies[COOKIE]
    for _ in range(2):  # 58 minutes in two steps: no idle end, no rotation
        CLOCK.forward(minutes=29)
        assert is_in(client)
    assert client.cookies[COOKIE] == first
    CLOCK.forward(minutes=2)
    form = token_in(client)
    second = client.cookies[COOKIE]
    assert second != first
    assert token_in(client) != form  # masked anew, and the same secret
    assert desk_of(client).session(first) is not None  # requests under way
    CLOCK.forward(seconds=60)
    assert desk_of(client).session(first) is None


def test_a_session_ends_for_want_of_use(client: TestClient) -> None:
    made(client, "idle")
    assert enter(client, "idle", PASSWORD) == 303
    CLOCK.forward(minutes=59)
    assert is_in(client)
    CLOCK.forward(minutes=60)
    assert not is_in(client)


def test_a_session_ends_after_twelve_hours_at_the_latest(client: TestClient) -> None:
    made(client, "lasts")
    assert enter(client, "lasts", PASSWORD) == 303
    for _ in range(23):  # 11.5 hours in steps of half an hour
        CLOCK.forward(minutes=30)
        assert is_in(client)
    CLOCK.forward(minutes=30)
    assert not is_in(client)


def test_signing_out_ends_the_session_and_its_older_tokens(
    client: TestClient,
) -> None:
    made(client, "goes")
    assert enter(client, "goes", PASSWORD) == 303
    first = client.cookies[COOKIE]
    CLOCK.forward(minutes=59)
    assert is_in(client)
    CLOCK.forward(minutes=2)
    token = token_in(client)
    second = client.cookies[COOKIE]
    answer = client.post("/sign-out", data={"csrf": token}, follow_redirects=False)
    assert answer.headers["location"] == "/sign-in"
    assert desk_of(client).session(first) is None
    assert desk_of(client).session(second) is None
    assert outcomes(client, "goes")[-1] is Outcome.SIGNED_OUT
    desk_of(client).sign_out(second, origin="x")  # once more does nothing


def test_a_new_password_ends_every_other_session(client: TestClient) -> None:
    account_id, _ = made(client, "many")
    other = desk_of(client).sign_in("many", PASSWORD, origin="x")
    assert other is not None
    first = desk_of(client).reset_password(account_id, origin="x")
    assert desk_of(client).session(other.token) is None
    assert enter(client, "many", PASSWORD) == 401
    assert enter(client, "many", first) == 303


# -- forms -----------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "", "wrong", "A" * 116, "%%%", "é"])
def test_a_form_without_the_sessions_token_is_refused(
    client: TestClient, token: str | None
) -> None:
    if desk_of(client).by_login("forms") is None:
        made(client, "forms")
    assert enter(client, "forms", PASSWORD) == 303
    data = {"date": "2026-11-24"} | ({} if token is None else {"csrf": token})
    answer = client.post("/plan/cancel", data=data)
    assert answer.status_code == 403
    assert "読み込み直してください" in answer.json()["detail"]


def test_the_token_comes_in_a_field_a_header_or_a_form_with_files(
    client: TestClient,
) -> None:
    made(client, "fields")
    assert enter(client, "fields", PASSWORD) == 303
    token = token_in(client)
    path = "/plan/cancel"
    as_field = client.post(path, data={"csrf": token}, follow_redirects=False)
    header = {"X-CSRF-Token": token}
    as_header = client.post(path, headers=header, follow_redirects=False)
    with_file = client.post(
        path,
        data={"csrf": token},
        files={"photo": ("a.txt", b"x")},
        follow_redirects=False,
    )
    for answer in (as_field, as_header, with_file):
        assert answer.status_code == 303
    broken = client.post(
        "/plan/cancel",
        content=b"--x\r\nbroken",
        headers={"Content-Type": "multipart/form-data"},
    )
    assert broken.status_code == 403
    as_json = client.post("/plan/cancel", json={"csrf": token})
    assert as_json.status_code == 403


def test_the_token_of_another_session_is_none(client: TestClient) -> None:
    made(client, "mine")
    made(client, "theirs")
    assert enter(client, "theirs", PASSWORD) == 303
    theirs = token_in(client)
    client.cookies.clear()
    assert enter(client, "mine", PASSWORD) == 303
    assert client.post("/plan/cancel", data={"csrf": theirs}).status_code == 403
    assert not is_token_of("", "secret")


def test_every_form_that_posts_carries_the_token(client: TestClient) -> None:
    made(client, "every", Role.DISPATCHER, Role.ADMINISTRATOR)
    assert enter(client, "every", PASSWORD) == 303
    num_forms = 0
    paths = ("/", "/charts/new", "/plan", "/closures", "/account", "/admin/accounts")
    for path in paths:
        page = client.get(path, headers=BROWSER).text
        for form in re.findall(r'<form[^>]*method="post".*?</form>', page, re.DOTALL):
            num_forms += 1
            assert 'name="csrf"' in form, path
    assert num_forms >= 5


# -- keys of systems -------------------------------------------------------------------


def posted(client: TestClient, key: str, body: object = None) -> int:
    answer = client.post(
        "/v1/consultations",
        json=consultation_body() if body is None else body,
        headers={"X-API-Key": key},
    )
    return answer.status_code


def new_key(client: TestClient, name: str, *actions: Action, days: int = 30) -> str:
    keys = services_of(client).keys
    return keys.add(name, actions=frozenset(actions), days=days, who="試験")[1]


def test_a_key_opens_until_it_expires_or_is_revoked(client: TestClient) -> None:
    keys = services_of(client).keys
    key = new_key(client, "one-day", days=1)
    assert key.startswith("kdh_")
    assert posted(client, key) == 201
    used = next(one for one in keys.listed() if one.client == "one-day")
    assert used.last_used_at == NOW
    assert key not in repr(used)
    CLOCK.forward(days=1)
    assert posted(client, key) == 401
    CLOCK.time = NOW
    assert keys.revoke(used.id).revoked_at == NOW
    assert posted(client, key) == 401
    with pytest.raises(ConflictError, match="取り消し済み"):
        keys.revoke(used.id)
    with pytest.raises(NotFoundError):
        keys.revoke("none")


@pytest.mark.parametrize("key", ["", "kdh_wrong", "test-key-000", "\u00e9"])
def test_a_wrong_key_is_answered_401(client: TestClient, key: str) -> None:
    answer = client.get("/v1/closures", headers={b"X-API-Key": key.encode()})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "ApiKey"


def test_a_key_does_only_what_it_was_given(client: TestClient) -> None:
    key = new_key(client, "reader", Action.READ_CLOSURES)
    head = {"X-API-Key": key}
    assert client.get("/v1/closures", headers=head).status_code == 200
    refused = client.get("/v1/plans", params={"date": "2026-11-24"}, headers=head)
    assert refused.status_code == 403
    assert refused.json()["type"].endswith("not-allowed")


def test_a_session_opens_no_route_of_programs_and_a_key_no_page(
    client: TestClient,
) -> None:
    made(client, "both")
    assert enter(client, "both", PASSWORD) == 303
    assert client.get("/v1/closures").status_code == 401
    client.cookies.clear()
    key = {"X-API-Key": new_key(client, "pages")}
    assert client.get("/charts.csv", headers=key).status_code == 401


def test_a_key_that_is_used_too_often_waits(client: TestClient) -> None:
    key = new_key(client, "hurries", Action.READ_CLOSURES)
    other = new_key(client, "another", Action.READ_CLOSURES)
    asked = [client.get("/v1/closures", headers={"X-API-Key": key}) for _ in range(4)]
    assert [answer.status_code for answer in asked] == [200, 200, 200, 429]
    assert asked[-1].headers["retry-after"] == "60"
    assert asked[-1].headers["content-type"] == "application/problem+json"
    calm = client.get("/v1/closures", headers={"X-API-Key": other})
    assert calm.status_code == 200


@pytest.mark.parametrize(
    ("name", "actions", "days", "field"),
    [
        ("", (), 1, "client"),
        ("x" * 65, (), 1, "client"),
        ("desk", (), 1, "client"),
        ("a\nb", (), 1, "client"),
        ("x", (Action.REVEAL_PERSON,), 1, "actions"),
        ("x", (), 0, "days"),
        ("x", (), 2_000, "days"),
    ],
)
def test_a_key_that_cannot_be_is_refused(
    client: TestClient, name: str, actions: tuple[Action, ...], days: int, field: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        new_key(client, name, *actions, days=days)
    assert refused.value.field == field


# -- accounts by page ------------------------------------------------------------------


@pytest.fixture
def admin(client: TestClient) -> TestClient:
    if desk_of(client).by_login("admin") is None:
        made(client, "admin", Role.ADMINISTRATOR)
    assert enter(client, "admin", PASSWORD) == 303
    return client


def test_an_administrator_lands_where_they_may_be(client: TestClient) -> None:
    for login, role, home in (
        ("home-1", Role.ADMINISTRATOR, "/admin/accounts"),
        ("home-2", Role.AUDITOR, "/admin/audit"),
        ("home-3", Role.TEAM, "/plan/today"),
        ("home-4", Role.WARD_OFFICER, "/"),
    ):
        made(client, login, role)
        answer = client.post(
            "/sign-in",
            data={"login": login, "password": PASSWORD},
            headers=BROWSER,
            follow_redirects=False,
        )
        assert answer.headers["location"] == home
        client.cookies.clear()


def test_an_account_is_added_changed_stopped_and_reset_by_page(
    admin: TestClient,
) -> None:
    form = {"login": "By-Page", "name": "画面 太郎", "role": ["ward_officer"]}
    token = {"csrf": token_in(admin)}
    ward = services_of(admin).profile.wards[0].code
    page = admin.post(
        "/admin/accounts",
        data={**form, **token, "ward": [ward], "receivers": "公園事務所\n下水"},
        headers=BROWSER,
    )
    assert page.status_code == 200
    first = re.search(r'<code class="secret">([^<]+)', page.text)
    assert first is not None
    account = desk_of(admin).by_login("by-page")
    assert account is not None
    assert account.actor.ward_codes == {ward}
    assert account.actor.receivers == {"公園事務所", "下水"}
    path = f"/admin/accounts/{account.id}"
    assert first.group(1) not in admin.get(path, headers=BROWSER).text
    rights = {"name": "画面 花子", "role": ["dispatcher"], "office": ["tsumori"]}
    stale = admin.post(
        f"{path}/rights", data={**rights, **token, "version": "9"}, headers=BROWSER
    )
    assert stale.status_code == 422
    assert "画面 花子" in stale.text
    done = admin.post(
        f"{path}/rights", data={**rights, **token, "version": "1"}, headers=BROWSER
    )
    assert "変更しました" in done.text
    assert desk_of(admin).get(account.id).actor.office_ids == {"tsumori"}
    reset = admin.post(f"{path}/reset", data=token, headers=BROWSER)
    assert '<code class="secret">' in reset.text
    stopped = admin.post(
        f"{path}/disable", data={**token, "version": "2"}, headers=BROWSER
    )
    assert "利用停止" in stopped.text
    again = admin.post(
        f"{path}/enable", data={**token, "version": "3"}, headers=BROWSER
    )
    assert "停止する" in again.text
    audit = admin.get("/admin/audit", headers=BROWSER).text
    assert "パスワード再発行" in audit


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"login": "二郎"}, "ログイン名"),
        ({"login": "admin"}, "使われています"),
        ({"name": ""}, "名前"),
        ({"name": "a\x07b"}, "使えない文字"),
        ({"role": []}, "役割"),
        ({"role": ["intake_system"]}, "一覧にない"),
        ({"ward": ["99999"]}, "一覧にない"),
        ({"receivers": "x" * 121}, "120文字"),
    ],
)
def test_an_account_that_cannot_be_comes_back_with_what_was_typed(
    admin: TestClient, changes: dict[str, object], why: str
) -> None:
    form = {"login": "cannot-be", "name": "だめ 太郎", "role": ["dispatcher"]}
    data = {**form, **changes, "csrf": token_in(admin)}
    page = admin.post("/admin/accounts", data=data, headers=BROWSER)
    assert page.status_code == 422
    assert why in page.text
    assert desk_of(admin).by_login("cannot-be") is None


def test_the_last_administrator_cannot_be_taken_away(
    tmp_path: Path, geodata_dir: Path
) -> None:
    settings = settings_for(tmp_path, geodata_dir, sign_in=SignInMode.PASSWORD)
    with served(settings) as client:
        account_id, _ = made(client, "only", Role.ADMINISTRATOR)
        desk = desk_of(client)
        with pytest.raises(ConflictError, match="いなくなる"):
            desk.disable(account_id, 1)
        plain = Actor(id="", name="平", roles=frozenset({Role.TEAM}))
        with pytest.raises(ConflictError, match="いなくなる"):
            desk.set_rights(account_id, 1, plain)


# -- without sign-in, and headers ------------------------------------------------------


def test_without_sign_in_the_pages_are_open_and_nobody_has_a_password(
    tmp_path: Path, geodata_dir: Path
) -> None:
    with served(settings_for(tmp_path, geodata_dir)) as client:
        assert client.get("/", headers=BROWSER).status_code == 200
        assert "ログインなし" in client.get("/account", headers=BROWSER).text
        go = client.get("/sign-in?next=/plan", headers=BROWSER, follow_redirects=False)
        assert go.headers["location"] == "/plan"
        assert client.get("/admin/accounts", headers=BROWSER).status_code == 403
        assert client.get("/admin/audit", headers=BROWSER).status_code == 200
        for path in ("/account/password", "/sign-out"):
            answer = client.post(path, follow_redirects=False)
            assert answer.status_code == 303


def test_over_https_the_cookie_is_secure_and_the_browser_told_to_stay(
    tmp_path: Path, geodata_dir: Path
) -> None:
    base = settings_for(tmp_path, geodata_dir, sign_in=SignInMode.PASSWORD)
    with served(base.model_copy(update={"base_url": "https://testserver"})) as client:
        made(client, "safe")
        answer = client.post(
            "/sign-in",
            data={"login": "safe", "password": PASSWORD},
            headers=BROWSER,
            follow_redirects=False,
        )
        assert "Secure" in answer.headers["set-cookie"]
        assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_no_page_carries_a_script_or_a_handler_inside(client: TestClient) -> None:
    made(client, "all-roles", *PEOPLE)
    assert enter(client, "all-roles", PASSWORD) == 303
    # Folium's maps and the API's form carry scripts; they are pages of their own.
    apart = ("/maps/", "/docs", "/v1/", "/plan/progress")
    paths = [
        path
        for method, path in NEEDS
        if method == "GET" and "{" not in path and not path.startswith(apart)
    ]
    num_pages = 0
    for path in paths:
        answer = client.get(path, headers=BROWSER)
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        num_pages += 1
        assert (
            "'unsafe-inline'"
            not in re.findall(
                r"script-src[^;]*", answer.headers["content-security-policy"]
            )[0]
        )
        assert not re.search(r"<script(?![^>]*\bsrc=)", answer.text), path
        assert not re.search(r"\son[a-z]+\s*=", answer.text), path
        for name in ("permissions-policy", "cross-origin-opener-policy"):
            assert name in answer.headers
    assert num_pages >= 10
