"""Every route, in the name of every role, for the own place and for a foreign one."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from argon2.profiles import CHEAPEST
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.access import COOKIE
from api.access_table import NEEDS
from api.settings import SignInMode
from api.wiring import Services
from dispatch.adapters.password_hasher import Argon2Hasher
from dispatch.domain.access import GRANTS, Action, Actor, Role, Where, may
from dispatch.domain.case_chart import CaseChart
from tests.api.access_tables import (
    CALLERS,
    DOCUMENT,
    PEOPLE,
    expectations,
    roles_table,
    routes_of,
    routes_table,
)
from tests.api.installation import (
    AUTH,
    consultation_body,
    running,
    sent,
    services_of,
    settings_for,
)

OWN_DESK, OTHER_DESK = "公園事務所(試験)", "下水道センター(試験)"
FOREIGN_ADDRESS = "東淀川区豊新2-1-4"  # another ward, whose office is no neighbour
REFUSED = {401, 403}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A served city with a chart and an office of one's own, and foreign ones."""

    client: TestClient
    own: CaseChart
    foreign: CaseChart
    own_team: str
    foreign_team: str
    key: str
    handed_in: str  # id of the chart that the key's system sent

    @property
    def services(self) -> Services:
        return services_of(self.client)


def _shared(services: Services, chart_id: str, desk: str) -> CaseChart:
    """Give a chart a team and a partner that it is shared with."""
    chart = services.store.get(chart_id)
    assert chart.assignment is not None
    office_id = chart.assignment.office_id
    team = next(t for t in services.profile.teams if t.office_id == office_id)
    changed = replace(
        chart,
        version=chart.version + 1,
        assignment=replace(chart.assignment, team_id=team.id),
        partners=(desk,),
    )
    services.store.save_all([(changed, ())])
    return changed


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path
) -> Iterator[World]:
    """Serve a city with sign-in, and everybody's accounts in it."""
    folder = tmp_path_factory.mktemp("access")
    settings = settings_for(folder, geodata_dir, sign_in=SignInMode.PASSWORD)
    with running(settings) as client:
        services = services_of(client)
        # Twenty real hashes would take longer than all the requests.
        services.accounts._hasher = Argon2Hasher(CHEAPEST)  # noqa: SLF001
        own = _shared(services, str(sent(client)["id"]), OWN_DESK)
        foreign = _shared(
            services, str(sent(client, address=FOREIGN_ADDRESS)["id"]), OTHER_DESK
        )
        assert own.assignment is not None
        assert foreign.assignment is not None
        near = services.profile.office(own.assignment.office_id).neighbour_ids
        assert foreign.assignment.office_id not in {own.assignment.office_id, *near}
        key = services.keys.add("intake-two", actions=frozenset(), days=1, who="試験")[
            1
        ]
        made = client.post(
            "/v1/consultations", json=consultation_body(), headers={"X-API-Key": key}
        )
        assert made.status_code == 201, made.text
        world = World(
            client=client,
            own=own,
            foreign=foreign,
            own_team=str(own.assignment.team_id),
            foreign_team=str(foreign.assignment.team_id),
            key=key,
            handed_in=made.json()["id"],
        )
        for role in PEOPLE:
            _account(world, role)
        yield world


def _account(world: World, role: Role) -> None:
    """Make the account of a role, with everything of the own chart as its scope."""
    assert world.own.assignment is not None
    assert world.own.placement is not None
    assert world.own.placement.ward_code is not None
    actor = Actor(
        id="",
        name=f"試験 {role}",
        roles=frozenset({role}),
        ward_codes=frozenset({world.own.placement.ward_code}),
        office_ids=frozenset({world.own.assignment.office_id}),
        team_ids=frozenset({world.own_team}),
        receivers=frozenset({OWN_DESK}),
    )
    accounts = world.services.accounts
    account, password = accounts.add(f"r-{role}".replace("_", "-"), actor)
    accounts.change_password(
        account.id, password, f"long enough {password}", origin="test"
    )


def signed_in(world: World, caller: str) -> dict[str, str]:
    """Headers of a caller: a key, or a session with its form token."""
    if caller == "nobody":
        return {}
    if caller in {"key", "boot_key"}:
        return {"X-API-Key": world.key} if caller == "key" else AUTH
    login = f"r-{caller}".replace("_", "-")
    found = world.services.accounts.sign_in_as(login, origin="test")
    return {"Cookie": f"{COOKIE}={found.token}"}


def form_token(world: World, headers: dict[str, str]) -> dict[str, str]:
    """Header that carries the session's token, as a page's script sends it."""
    if "Cookie" not in headers:
        return {}
    page = world.client.get("/account", headers={**headers, "Accept": "text/html"})
    head = page.text.partition('<meta name="csrf" content="')[2]
    return {"X-CSRF-Token": head.partition('"')[0]}


def address(world: World, path: str, caller: str, *, is_own: bool) -> str:
    """Path with the ids of the own, or of the foreign, chart and office."""
    chart = world.own if is_own else world.foreign
    chart_id = chart.id
    if caller == "key" and is_own:
        chart_id = world.handed_in
    assert chart.assignment is not None
    values = {"chart_id": chart_id, "office_id": chart.assignment.office_id}
    for name in ("plan_id", "visit_id", "closure_id", "entry_id", "slot_id"):
        values[name] = "0000000000"
    values |= {"dataset": "consultations", "file_format": "csv", "form": "json"}
    return re.sub(r"\{(\w+)\}", lambda m: values.get(m[1], "0000000000"), path)


def asked(world: World, route: tuple[str, str], caller: str, *, is_own: bool) -> bool:
    """Whether a caller gets past the door of a route."""
    method, path = route
    headers = signed_in(world, caller)
    if method != "GET":
        headers |= form_token(world, headers)
    team = world.own_team if is_own else world.foreign_team
    data = {"team": team, "who": "試験"} if path.endswith("/sheets") else None
    # A stream has no end: with a wrong cursor it answers once the door is passed.
    params = {"after": "-"} if path == "/v1/events" else None
    answer = world.client.request(
        method,
        address(world, path, caller, is_own=is_own),
        headers=headers,
        params=params,
        data=data,
        follow_redirects=False,
    )
    if path == "/sign-in" and answer.status_code == 401:
        return True  # the door is open; the empty password is wrong
    return answer.status_code not in REFUSED


def test_every_route_has_a_row_in_both_tables(world: World) -> None:
    app = world.client.app
    assert isinstance(app, FastAPI)
    served = routes_of(app)
    assert served - set(NEEDS) == set()
    # Where somebody else proves who comes in, is only there when it is configured.
    unserved = {path for _, path in set(NEEDS) - served}
    assert unserved <= {"/openapi.json", "/sign-in/oidc", "/sign-in/oidc/return"}
    missing = set(NEEDS) - set(expectations())
    assert not missing, "run `python -m tests.api.access_tables` and read the new rows"
    assert set(expectations()) == set(NEEDS)


@pytest.mark.parametrize("caller", CALLERS)
def test_every_route_lets_in_whom_it_should_and_nobody_else(
    world: World, caller: str
) -> None:
    app = world.client.app
    assert isinstance(app, FastAPI)
    wrong = []
    table = expectations()
    for route in sorted(routes_of(app) & set(table)):
        expected = table[route][caller]
        for is_own in (True, False) if "{" in route[1] else (True,):
            may_pass = expected == "yes" or (expected == "own" and is_own)
            if asked(world, route, caller, is_own=is_own) != may_pass:
                wrong.append((*route, "own" if is_own else "foreign", expected))
    assert wrong == []


def test_a_route_without_a_row_answers_nobody(world: World) -> None:
    app = world.client.app
    assert isinstance(app, FastAPI)

    @app.get("/without-a-row")
    def forgotten() -> None:
        """Answer nothing."""

    with pytest.raises(RuntimeError, match="no row in the access table"):
        world.client.get("/without-a-row")


def test_the_document_holds_the_tables_of_the_code() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for row in (*roles_table(), *routes_table()):
        assert row in text, "run `python -m tests.api.access_tables`"


def test_every_action_is_somebodys() -> None:
    granted = {action for grants in GRANTS.values() for action in grants}
    assert granted == set(Action)


def test_who_is_limited_to_groups_reads_no_other() -> None:
    actor = Actor(
        id="1",
        name="安全",
        roles=frozenset({Role.SAFETY_OFFICER}),
        ward_codes=frozenset({"27122"}),
        category_groups=frozenset({"照明"}),
    )
    here = Where(ward_code="27122", category_group="照明")
    assert may(actor, Action.READ_CHART, here)
    other = replace(here, category_group="道路")
    assert not may(actor, Action.READ_CHART, other)
    unknown = replace(here, category_group=None)
    assert may(actor, Action.READ_CHART, unknown)


def test_a_neighbouring_office_is_read_and_not_changed() -> None:
    actor = Actor(
        id="1",
        name="配車",
        roles=frozenset({Role.DISPATCHER}),
        office_ids=frozenset({"tsumori"}),
    )
    next_door = Where(office_id="ichioka", neighbour_ids=frozenset({"tsumori"}))
    assert may(actor, Action.READ_CHART, next_door)
    assert not may(actor, Action.ASSIGN, next_door)


@contextlib.contextmanager
def acting_as(world: World, caller: str) -> Iterator[dict[str, str]]:
    """Headers of a caller that asks for pages."""
    yield {**signed_in(world, caller), "Accept": "text/html"}


def test_lists_show_the_own_ward_alone(world: World) -> None:
    with acting_as(world, "ward_officer") as headers:
        for path in ("/charts", "/charts?scope=all", "/charts.csv"):
            text = world.client.get(path, headers=headers).text
            assert world.own.number in text
            assert world.foreign.number not in text
        board = world.client.get("/", headers=headers)
        assert board.status_code == 200
    with acting_as(world, "public_hearing") as headers:
        assert (
            world.foreign.number
            in world.client.get("/charts?scope=all", headers=headers).text
        )


def test_a_reporter_is_shown_to_those_who_may_see_them_alone(world: World) -> None:
    wanted = sent(world.client, contact_wanted=True, reporter={"name": "申出 花子"})
    silent = sent(world.client, reporter={"name": "申出 次郎"})
    for caller, chart, is_shown in (
        ("dispatcher", silent, True),
        ("ward_officer", wanted, True),
        ("ward_officer", silent, False),  # did not ask to be contacted
        ("ward_supervisor", wanted, False),  # sees a summary
    ):
        with acting_as(world, caller) as headers:
            answer = world.client.post(
                f"/charts/{chart['id']}/reporter",
                headers={**headers, **form_token(world, headers)},
                data={"who": "ほかの人", "why": "折り返しの電話"},
            )
        assert (answer.status_code == 200) == is_shown, caller
        assert ("申出" in answer.text) == is_shown
    record = world.services.vault.record(limit=10)
    assert {line.who for line in record} == {"試験 dispatcher", "試験 ward_officer"}


def test_the_name_in_the_history_is_the_sessions_not_the_forms(world: World) -> None:
    with acting_as(world, "dispatcher") as headers:
        before = world.services.store.get(world.own.id)
        assert before.assignment is not None
        answer = world.client.post(
            f"/charts/{world.own.id}/override",
            headers={**headers, **form_token(world, headers)},
            data={
                "version": str(before.version),
                "target": before.assignment.office_id,
                "who": "ほかの人",
                "why": "試験",
            },
            follow_redirects=False,
        )
        assert answer.status_code == 303, answer.text
        last = world.services.store.history(world.own.id)[-1]
        assert last.who == "試験 dispatcher"
        page = world.client.get(f"/charts/{world.own.id}", headers=headers).text
        assert 'type="hidden" name="who" value="試験 dispatcher"' in page
