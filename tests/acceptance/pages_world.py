"""An installation in which every page has something to show, and its addresses."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from api.day_run import StepTimes, run_day
from api.demo_staff import add_demo_staff
from dispatch.domain.access import Actor, Role
from dispatch.domain.example import ExampleDraft
from tests.acceptance.command import DEMO_NOW, environment
from tests.api.installation import (
    ADDRESS,
    AUTH,
    DAY,
    NOWHERE,
    running,
    sent,
    services_of,
    settings_for,
)
from tests.city_data import prepared
from tests.pictures import camera_picture

WARD = "271225"  # 西成区
MEETING = "2026-11-10"
WHO = "佐藤"
LOGIN = "every-page"
AUDITOR = "only-auditor"
PASSWORD = "a long enough password"  # noqa: S105 - of a test's account
PERSON = {"name": "蔵前秘子", "phone": "06-0000-7431", "address": "松崎町9-98-76"}
EVERYTHING = {"category": "R02", "reporter": PERSON, "contact_wanted": True}
# A team's and a partner's rights take away from what the others see.
ALL_ROLES = frozenset(Role) - {Role.INTAKE_SYSTEM, Role.TEAM, Role.PARTNER}
Answer = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class World:
    """
    What was prepared before the servers started.

    Attributes
    ----------
    folder
        Of the database, the key of the vault and the photos.
    values
        Ids to fill into the addresses of routes.
    charts
        Ids of charts, by what is worth looking at in them.
    """

    folder: Path
    values: dict[str, str]
    charts: dict[str, str]

    def copied_to(self, folder: Path) -> World:
        """Return a copy that tests may change."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return replace(self, folder=folder)

    @property
    def variables(self) -> dict[str, str]:
        """Settings of a server on this installation."""
        return environment(
            prepared(),
            KIDOHAN_DATABASE_URL=f"sqlite:///{self.folder / 'kidohan.sqlite3'}",
            KIDOHAN_VAULT_KEY_FILE=str(self.folder / "vault.key"),
            KIDOHAN_ROADS_DIR=str(self.folder / "none"),
            KIDOHAN_API_KEYS="acceptance:acceptance-key",
            KIDOHAN_DEMO_NOW=DEMO_NOW,
            KIDOHAN_PLAN_ITERATIONS="200",
            KIDOHAN_PLAN_TIME_LIMIT_S="300",
        )


def _said(client: TestClient, chart: Answer, what: str, **body: object) -> Answer:
    """Say something about a chart by the API; return the chart as it is then."""
    url = f"/v1/consultations/{chart['id']}"
    version = client.get(url, headers=AUTH).json()["version"]
    body = {"version": version, "who": WHO, **body}
    answer = client.post(f"{url}/{what}", json=body, headers=AUTH)
    assert answer.status_code in {200, 201}, answer.text
    found: Answer = client.get(url, headers=AUTH).json()
    return found


def at(number: int) -> str:
    """Give an address of its own, so that no other chart is near."""
    return f"西成区玉出中1-{number}-3"


def _photo(client: TestClient, chart: Answer) -> str:
    answer = client.post(
        f"/v1/consultations/{chart['id']}/photos",
        files={"photo": ("a.jpg", camera_picture(), "image/jpeg")},
        data={"who": WHO, "kind": "before"},
        headers=AUTH,
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def _closed(client: TestClient, number: int) -> Answer:
    """Return a chart that was repaired, answered and closed."""
    chart = sent(client, address=at(number), contact_wanted=True, reporter=PERSON)
    chart = _said(client, chart, "acts", act="accept")
    chart = _said(client, chart, "results", outcome="permanent", minutes=30)
    told = {"method": "phone", "kind": "done", "text": "埋めました"}
    chart = _said(client, chart, "answers", **told)
    return _said(client, chart, "acts", act="close")


def _merged(client: TestClient) -> tuple[str, str]:
    """Two reports of one thing; the first was merged into the second."""
    first, second = (
        sent(client, address=at(9), reporter=PERSON, contact_wanted=True)
        for _ in range(2)
    )
    body = {"main_id": second["id"], "main_version": second["version"]}
    _said(client, first, "merge", **body, why="同じ穴")
    return str(first["id"]), str(second["id"])


def _charts(client: TestClient) -> dict[str, str]:
    """Make charts in each state."""
    planned = sent(client, **EVERYTHING)
    alike = sent(client, reporter=PERSON)  # at the same place: may be merged
    hazard = sent(client, category="R02", address=at(3), urgency="S")
    unplaced = sent(client, address=NOWHERE, reporter=PERSON)
    sent(client, address="日本橋の交差点")  # in two wards
    referred = sent(client, category="G02", reporter=PERSON)
    leak = sent(client, category="L01")
    returned: Answer = sent(client, category="W02", address=at(5), reporter=PERSON)
    returned = _said(
        client, returned, "transfers", receiver="pipe-tsumori", why="管の詰まり"
    )
    step = f"transfers/{returned['transfers'][-1]['id']}"
    returned = _said(client, returned, f"{step}/return", why="私有の管です")
    advice = sent(client, category="F01", address=at(7), description="介護のこと")
    merged, main = _merged(client)
    answered = _closed(client, 11)
    done = _said(client, sent(client, address=at(13)), "acts", act="accept")
    split = _said(
        client,
        planned,
        "topics",
        topics=[{"category": "R13", "description": "街灯も消えている"}],
    )
    charts = {
        "planned": split,
        "alike": alike,
        "urgent": hazard,
        "unplaced": unplaced,
        "referred": referred,
        "passed on": leak,
        "returned": returned,
        "advice": advice,
        "closed": answered,
        "no example": _closed(client, 17),
        "accepted": done,
    }
    ids = {name: str(chart["id"]) for name, chart in charts.items()}
    return {**ids, "merged": merged, "main": main}


def _voices(client: TestClient) -> None:
    voice = {"subject": "津守の穴", "category": "R02", "address": at(15)}
    common = {"kind": "council", "ward": WARD, "meeting_on": MEETING, "who": WHO}
    body = {**common, "voices": [{**voice, "reporter": PERSON}]}
    answer = client.post("/v1/voices", json=body, headers=AUTH)
    assert answer.status_code == 200, answer.text


def _closure(client: TestClient) -> None:
    body = {
        "name": "津守の工事",
        "shape": "stretch",
        "places": [[135.48, 34.64], [135.482, 34.64]],
        "reason": "works",
        "who": WHO,
    }
    answer = client.post("/v1/closures", json=body, headers=AUTH)
    assert answer.status_code == 201, answer.text


def _account(client: TestClient, login: str, *roles: Role) -> str:
    """Make somebody whose password was changed already."""
    desk = services_of(client).accounts
    actor = Actor(
        id="",
        name=f"試験 {login}",
        roles=frozenset(roles),
        ward_codes=frozenset({WARD}),
    )
    account, first = desk.add(login, actor, password=PASSWORD[::-1])
    desk.change_password(account.id, first, PASSWORD, origin="test")
    return account.id


def make_world(folder: Path) -> World:
    """Make charts in each state, a plan in force, staff, voices and accounts."""
    settings = settings_for(folder, prepared(), database="sqlite")
    with running(settings) as client:
        services = services_of(client)
        charts = _charts(client)
        photo_id = _photo(client, {"id": charts["planned"]})
        _voices(client)
        _closure(client)
        draft = ExampleDraft(question="道に穴", action="埋めた", answer="埋めました")
        services.examples.make(charts["closed"], draft, who=WHO, is_confirmed=True)
        notice = {"chart_id": charts["planned"], "who": WHO, "done": "現地を見ました"}
        client.post("/v1/notices", json=notice, headers=AUTH).raise_for_status()
        webhooks = client.app.state.events.webhooks  # type: ignore[attr-defined]
        told, _ = webhooks.add("公園システム", "https://park.example/hook", who=WHO)
        webhooks.disable(told.id)  # nothing goes out from a test
        add_demo_staff(services, DAY)
        run_day(services, DAY, folder / "out", who=WHO, times=StepTimes(), told=_quiet)
        _account(client, AUDITOR, Role.AUDITOR)
        (stored, *_) = services.store.plans_on(DAY)
        route, stop = next((route, stop) for route, _, stop in stored.plan.stops())
        offices = {team.id: team.office_id for team in services.profile.teams}
        values = {
            "chart_id": charts["planned"],
            "photo_id": photo_id,
            "code": "R02",
            "plan_id": stored.id,
            "visit_id": stop.visit_id,
            "office_id": offices[route.team_id],
            "unit_id": services.profile.offices[0].id,
            "staff_id": _staff(client),
            "account_id": _account(client, LOGIN, *ALL_ROLES),
        }
    return World(folder=folder, values=values, charts=charts)


def _staff(client: TestClient) -> str:
    """Find somebody of the invented staff."""
    page = client.get("/organisation/people", headers={"Accept": "text/html"}).text
    return page.partition('href="/organisation/people/')[2].partition('"')[0]


def _quiet(_text: str, _done: float) -> None:
    """Tell nobody how far it is."""


__all__ = ["ADDRESS", "World", "make_world"]
