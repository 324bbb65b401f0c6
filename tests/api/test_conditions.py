"""Conditions of a site by program and by form, on the chart's page and on paper."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.pictures import Pictures
from api.sheet_values import sheet_values
from dispatch.domain.case_chart import EntryKind
from dispatch.domain.field_result import FieldResult
from dispatch.domain.outcome import Outcome
from dispatch.domain.site_conditions import AfterChart, SiteConditions
from dispatch.domain.visit import ForbiddenHours, TimeWindow
from dispatch.ports import Progress, SearchParams
from tests.api.installation import (
    AUTH,
    BROWSER,
    DAY,
    HOSTILE,
    NOW,
    sent,
    services_of,
)
from tests.builders import at

SAID = {"version": 1, "who": "田中", "why": "道が狭い"}
PARAMS = SearchParams(iterations=50)


def stated(client: TestClient, chart_id: object, **body: Any) -> dict[str, Any]:  # noqa: ANN401
    """State conditions by the API and return the chart."""
    url = f"/v1/consultations/{chart_id}/conditions"
    answer = client.put(url, json={**SAID, **body}, headers=AUTH)
    assert answer.status_code == 200, answer.text
    chart: dict[str, Any] = answer.json()
    return chart


def test_conditions_by_the_api_are_kept_and_answered(client: TestClient) -> None:
    first, chart = sent(client), sent(client)
    assert chart["conditions"] == {
        "num_teams": None,
        "forbidden": [],
        "max_width_cm": None,
        "after": [],
        "tools": [],
        "materials": {},
        "windows": [],
    }
    after = stated(
        client,
        chart["id"],
        num_teams=2,
        forbidden=[
            {"start": "8:00", "end": "9:00"},
            {"start": "22:00", "end": "24:00"},
        ],
        max_width_cm=200,
        after=[{"chart_id": first["id"], "gap_min": 30}],
        tools=["jetter"],
        materials={"カラーコーン": 4},
    )
    assert after["version"] == 2
    assert after["conditions"] == {
        "num_teams": 2,
        "forbidden": [
            {"start": "08:00", "end": "09:00"},
            {"start": "22:00", "end": "24:00"},
        ],
        "max_width_cm": 200,
        "after": [{"chart_id": first["id"], "gap_min": 30, "gap_days": 0}],
        "tools": ["jetter"],
        "materials": {"カラーコーン": 4},
        "windows": [],
    }
    url = f"/v1/consultations/{chart['id']}"
    assert client.get(url, headers=AUTH).json() == after
    line = services_of(client).store.history(str(chart["id"]))[-1]
    assert (line.kind, line.who) == (EntryKind.CONDITIONS, "田中(API: intake)")
    again = {**SAID, "max_width_cm": 180}
    stale = client.put(f"{url}/conditions", json=again, headers=AUTH)
    assert stale.status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"forbidden": [{"start": "9:00", "end": "8:00"}]}, "forbidden hours"),
        ({"forbidden": [{"start": "9", "end": "10:00"}]}, "forbidden.0.start"),
        ({"after": [{"chart_id": "nobody"}]}, "after"),
        ({"after": [{"chart_id": "a", "gap_min": 1, "gap_days": 1}]}, "after"),
        ({"tools": ["rocket"]}, "tools"),
        ({"materials": {"金塊": 1}}, "materials"),
        ({"windows": [{"start": "13:00", "end": "14:00"}]}, "windows"),
        ({"max_width_cm": 20}, "max_width_cm"),
        ({"why": ""}, "why"),
        ({"width": 200}, "width"),
    ],
)
def test_a_body_that_breaks_a_rule_names_its_field(
    client: TestClient, body: dict[str, Any], field: str
) -> None:
    url = f"/v1/consultations/{sent(client)['id']}/conditions"
    answer = client.put(url, json={**SAID, **body}, headers=AUTH)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert client.put(url, json=SAID).status_code == 401


def test_the_form_states_conditions_without_a_script(client: TestClient) -> None:
    first = sent(client)
    chart = sent(
        client,
        appointment={
            "start_at": f"{DAY}T10:00:00+09:00",
            "end_at": f"{DAY}T11:00:00+09:00",
        },
    )
    url = f"/charts/{chart['id']}"
    assert "特別な条件はありません" in client.get(url).text
    form = {
        "version": "1",
        "who": "田中",
        "why": HOSTILE,
        "num_teams": "2",
        "max_width": "1.85m",
        "forbidden_start": ["08:00", ""],
        "forbidden_end": ["9:00", ""],
        "after_number": [str(first["number"]).lower(), ""],
        "after_gap": ["7", ""],
        "after_unit": ["days", "min"],
        "tool": "jetter",
        "material_name": ["カラーコーン", "土のう袋", "常温合材20kg袋"],
        "material_count": ["4", "", "0"],
        "window_start": ["13:00", ""],
        "window_end": ["14:00", ""],
    }
    answer = client.post(
        f"{url}/conditions", data=form, headers=BROWSER, follow_redirects=False
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"{url}#site")
    kept = services_of(client).store.get(str(chart["id"])).conditions
    assert kept == SiteConditions(
        num_teams=2,
        max_width_cm=185,
        forbidden=(ForbiddenHours(start_s=at("8:00"), end_s=at("9:00")),),
        after=(AfterChart(chart_id=str(first["id"]), gap_days=7),),
        tools=("jetter",),
        materials=(("カラーコーン", 4),),
        windows=(TimeWindow(start_s=at("13:00"), end_s=at("14:00")),),
    )
    page = client.get(url).text
    assert "<li>2班で同時に</li>" in page
    assert "<li>車幅 1.85mまで</li>" in page
    assert f"{first['number']} が済んで7日以上あとに" in page
    assert "持ち物: 高圧洗浄車、カラーコーン 4個" in page
    assert 'value="1.85"' in page
    assert 'name="tool" value="jetter" checked' in page
    assert HOSTILE not in page
    nothing = {"version": "2", "who": "田中", "why": "済んだ"}
    client.post(f"{url}/conditions", data=nothing, headers=BROWSER)
    assert services_of(client).store.get(str(chart["id"])).conditions.is_empty


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"num_teams": "二"}, "班の数を数で入れてください"),
        ({"max_width": "広い"}, "メートルで入れてください"),
        ({"forbidden_start": "8:00", "forbidden_end": ""}, "始めと終わりの時刻"),
        (
            {"after_number": "", "after_gap": "3", "after_unit": "min"},
            "先に行う相談の番号を入れてください",
        ),
        (
            {"after_number": "R8-0", "after_gap": "", "after_unit": "min"},
            "先に行う相談が見つかりません",
        ),
        (
            {"material_name": "カラーコーン", "material_count": "少し"},
            "個数を数で入れてください",
        ),
        ({"version": "new"}, "版が読めません"),
        ({"why": ""}, "条件の理由を入れてください"),
    ],
)
def test_a_form_that_cannot_be_read_says_what_to_do(
    client: TestClient, typed: dict[str, str], told: str
) -> None:
    chart_id = sent(client)["id"]
    form = {"version": "1", "who": "田中", "why": "道が狭い", **typed}
    answer = client.post(f"/charts/{chart_id}/conditions", data=form, headers=BROWSER)
    assert answer.status_code == 422
    assert told in answer.text
    assert services_of(client).store.get(str(chart_id)).version == 1


def test_work_that_is_done_or_anothers_shows_no_form(client: TestClient) -> None:
    chart = sent(client)
    services = services_of(client)
    services.life_cycle.record_result(
        str(chart["id"]),
        1,
        FieldResult(at=NOW, who="班長", outcome=Outcome.PERMANENT),
    )
    page = client.get(f"/charts/{chart['id']}").text
    assert 'id="site"' in page
    assert "現場の条件を変更する" not in page


def test_the_sheet_tells_the_crew_what_the_site_asks_for(client: TestClient) -> None:
    first, clogged = sent(client), sent(client, category="W03")
    stated(
        client,
        clogged["id"],
        num_teams=2,
        max_width_cm=200,
        forbidden=[{"start": "8:00", "end": "9:00"}],
        after=[{"chart_id": first["id"]}],
        materials={"土のう袋": 3},
    )
    services = services_of(client)

    def silent(progress: Progress) -> None:
        del progress

    draft = services.planning.make(DAY, PARAMS, silent, who="配車係")
    services.planning.publish(draft.id, who="配車係")
    stored = services.store.get_plan(draft.id)
    ids = [
        route.team_id
        for route, _, stop in stored.plan.stops()
        if stop.visit_id == clogged["id"]
    ]
    assert len(ids) == 2, stored.plan.unassigned
    charts = services.store.get_many([str(first["id"]), str(clogged["id"])])
    sheets = sheet_values(Pictures(services), stored, ids, charts)
    names = {team.id: team.name for team in services.profile.teams}
    for sheet, other in zip(sheets, reversed(ids), strict=True):
        (stop,) = [one for one in sheet.stops if one.chart_id == clogged["id"]]
        assert stop.conditions == (
            f"2班で同時に({names[other]}と)",
            "車幅 2.0mまで",
            "8:00–9:00 は作業不可",
            f"{first['number']} のあと",
            "持ち物: 高圧洗浄車、土のう袋 3個",
        )
    page = client.get(f"/charts/{clogged['id']}").text
    assert all(names[team_id] in page for team_id in ids)
