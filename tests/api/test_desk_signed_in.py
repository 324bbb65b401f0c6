"""The desk, triage and the adviser's report where people sign in: each their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2.profiles import CHEAPEST
from fastapi.testclient import TestClient

from api.access import COOKIE
from api.settings import SignInMode
from dispatch.adapters.password_hasher import Argon2Hasher
from dispatch.domain.access import Actor, Role
from tests.api.installation import (
    ADDRESS,
    BROWSER,
    running,
    sent,
    services_of,
    settings_for,
)

NISHINARI = "271225"
OTHER_WARD = "東淀川区豊新2-1-4"


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path
) -> Iterator[TestClient]:
    """Serve a city with sign-in, and three people of one ward."""
    folder = tmp_path_factory.mktemp("desk-signed-in")
    settings = settings_for(folder, geodata_dir, sign_in=SignInMode.PASSWORD)
    with running(settings) as client:
        accounts = services_of(client).accounts
        accounts._hasher = Argon2Hasher(CHEAPEST)  # noqa: SLF001 - a real one is slow
        roles = (Role.WARD_OFFICER, Role.SAFETY_OFFICER, Role.TECHNICAL_ADVISER)
        for role in roles:
            actor = Actor(
                id="",
                name=f"試験 {role}",
                roles=frozenset({role}),
                ward_codes=frozenset({NISHINARI}),
            )
            account, password = accounts.add(f"r-{role}".replace("_", "-"), actor)
            accounts.change_password(
                account.id, password, f"long enough {password}", origin="test"
            )
        yield client


def headers_of(client: TestClient, role: Role) -> dict[str, str]:
    """Headers of somebody who is signed in, as a page's script sends them."""
    login = f"r-{role}".replace("_", "-")
    found = services_of(client).accounts.sign_in_as(login, origin="test")
    headers = {**BROWSER, "Cookie": f"{COOKIE}={found.token}"}
    head = client.get("/account", headers=headers).text
    token = head.partition('<meta name="csrf" content="')[2].partition('"')[0]
    return {**headers, "X-CSRF-Token": token}


def test_suggestions_need_the_token_of_the_page(served: TestClient) -> None:
    headers = headers_of(served, Role.WARD_OFFICER)
    body = {"address": ADDRESS}
    answer = served.post("/desk/places", json=body, headers=headers)
    assert answer.status_code == 200
    without = {k: v for k, v in headers.items() if k != "X-CSRF-Token"}
    answer = served.post("/desk/places", json=body, headers=without)
    assert answer.status_code == 403


def test_the_form_asks_no_name_and_the_session_gives_it(served: TestClient) -> None:
    headers = headers_of(served, Role.WARD_OFFICER)
    assert 'name="who"' not in served.get("/charts/new", headers=headers).text
    form = {"category": "R02", "address": ADDRESS, "who": "ほかの人"}
    answer = served.post(
        "/charts/new", data=form, headers=headers, follow_redirects=False
    )
    chart_id = answer.headers["location"].rpartition("/")[2]
    first = services_of(served).store.history(chart_id)[0]
    assert first.who == "試験 ward_officer"


def test_who_may_not_class_sees_the_replies_and_no_form(served: TestClient) -> None:
    one = sent(served, category="R13", triage={"injury": "no"})
    url = f"/charts/{one['id']}"
    seen = served.get(url, headers=headers_of(served, Role.SAFETY_OFFICER)).text
    assert "けがをした人や、傷んだ車がありますか" in seen
    assert f"{url}/class" not in seen
    may = served.get(url, headers=headers_of(served, Role.TECHNICAL_ADVISER)).text
    assert f"{url}/class" in may
    assert f"{url}/legal-note" in may


def test_lists_and_numbers_are_of_the_own_ward(served: TestClient) -> None:
    own = sent(served, category="Z01")
    foreign = sent(served, category="Z01", address=OTHER_WARD)
    for path in ("/triage", "/adviser"):
        headers = headers_of(served, Role.TECHNICAL_ADVISER)
        page = served.get(path, headers=headers).text
        assert str(own["id"]) in page
        assert str(foreign["id"]) not in page
    headers = headers_of(served, Role.WARD_OFFICER)
    for path in ("/adviser/report", "/adviser/report.csv"):
        text = served.get(path, headers=headers).text
        assert "西成区" in text
        assert "東淀川区" not in text


def test_the_adviser_is_led_to_no_page_that_is_not_theirs(served: TestClient) -> None:
    page = served.get("/adviser", headers=headers_of(served, Role.TECHNICAL_ADVISER))
    assert page.status_code == 200
    assert 'href="/adviser/report"' not in page.text
    page = served.get("/adviser", headers=headers_of(served, Role.WARD_OFFICER))
    assert 'href="/adviser/report"' in page.text
