"""Plans for other systems: what each route answers, refuses, and never tells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from tests.api.crowded_day import OTHER, PERSON, TEAM, CrowdedDay, crowded_day
from tests.api.installation import AUTH, DAY, running, services_of, settings_for

PROBLEM = "application/problem+json"
MAKERS = ("山田", "佐藤")  # in whose names plans and assignments were made
NOWHERE = "/v1/plans/none000000"
ABSENT = {"suppositions": [{"kind": "team_absent", "team_id": TEAM}]}


@pytest.fixture(scope="module")
def day(
    tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path
) -> Iterator[CrowdedDay]:
    """Serve the crowded day to this module."""
    settings = settings_for(tmp_path_factory.mktemp("plans"), geodata_dir)
    with running(settings) as client:
        yield crowded_day(client)


def url(day: CrowdedDay, *more: str) -> str:
    return "/".join(("/v1/plans", day.plan.id, *more))


def got(day: CrowdedDay, path: str) -> Any:  # noqa: ANN401 - JSON
    return told(day.client.get(path, headers=AUTH))


def told(response: Response, status: int = 200) -> Any:  # noqa: ANN401 - JSON
    """Body of a good answer; it names no person."""
    assert response.status_code == status, response.text
    assert not any(name in response.text for name in (PERSON, *MAKERS))
    return response.json()


def posted(day: CrowdedDay, path: str, body: object) -> Response:
    return day.client.post(path, json=body, headers=AUTH)


def edit(**fields: object) -> dict[str, object]:
    return {"edit": fields, "who": "佐藤"}


# -- what is refused -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/plans"),
        ("GET", NOWHERE),
        ("GET", f"{NOWHERE}/visits/v/why"),
        ("POST", f"{NOWHERE}/edits"),
        ("POST", f"{NOWHERE}/what-if"),
        ("GET", f"{NOWHERE}/support"),
        ("GET", f"{NOWHERE}/bound"),
    ],
)
def test_every_route_wants_a_key_and_a_plan(
    method: str, path: str, client: TestClient
) -> None:
    body = ABSENT if "what-if" in path else edit(kind="lock", visit_id="v")
    sent = {"json": body} if method == "POST" else {}
    refused = client.request(method, path, **sent)  # type: ignore[arg-type]
    assert refused.status_code == 401
    assert refused.headers["content-type"] == PROBLEM
    if path == "/v1/plans":
        return
    missing = client.request(method, path, headers=AUTH, **sent)  # type: ignore[arg-type]
    assert missing.status_code == 404
    assert missing.headers["content-type"] == PROBLEM


BAD_EDITS: dict[str, tuple[object, str]] = {
    "no edit": ({"who": "佐藤"}, "edit"),
    "nobody": ({"edit": {"kind": "drop", "visit_id": "v"}, "who": ""}, "who"),
    "unknown kind": (edit(kind="burn", visit_id="v"), "edit"),
    "unknown field": (edit(kind="lock", visit_id="v", why=PERSON), "edit.lock.why"),
    "position below": (
        edit(kind="move", visit_id="v", team_id=TEAM, position=-1),
        "edit.move.position",
    ),
    "list": ([PERSON], "body"),
}


@pytest.mark.parametrize("case", BAD_EDITS)
def test_bad_edit_is_refused_with_its_field(case: str, day: CrowdedDay) -> None:
    body, field = BAD_EDITS[case]
    response = posted(day, url(day, "edits"), body)
    assert response.status_code == 422, response.text
    fields = [item["field"] for item in response.json()["errors"]]
    assert any(name.startswith(field) for name in fields), fields
    assert PERSON not in response.text


@pytest.mark.parametrize(
    "suppositions",
    [
        [],
        [{"kind": "road_closed"}],
        [{"kind": "overtime", "team_ids": [TEAM], "minutes": 0}],
        [{"kind": "overtime", "team_ids": [], "minutes": 30}],
        [{"kind": "deadline", "urgency": "Z"}],
    ],
)
def test_bad_supposition_is_refused(suppositions: object, day: CrowdedDay) -> None:
    response = posted(day, url(day, "what-if"), {"suppositions": suppositions})
    assert response.status_code == 422, response.text


def test_unknown_visit_and_team_are_not_found(day: CrowdedDay) -> None:
    why = day.client.get(url(day, "visits", "v", "why"), headers=AUTH)
    gone = {"suppositions": [{"kind": "team_absent", "team_id": "nobody"}]}
    for response in (
        why,
        posted(day, url(day, "what-if"), gone),
        posted(day, url(day, "edits"), edit(kind="lock", visit_id="v")),
    ):
        assert response.status_code == 404, response.text


# -- plans -----------------------------------------------------------------------------


def test_plans_of_a_day_are_listed_newest_first(day: CrowdedDay) -> None:
    plans = got(day, f"/v1/plans?date={DAY.isoformat()}")
    assert plans == got(day, "/v1/plans")  # today without a date
    versions = [plan["version"] for plan in plans]
    assert versions == sorted(versions, reverse=True)
    first = plans[-1]
    assert (first["id"], first["status"]) == (day.plan.id, "published")
    assert "made_by" not in first
    assert got(day, "/v1/plans?date=2026-11-25") == []


def test_a_plan_is_told_with_routes_and_what_is_left_out(day: CrowdedDay) -> None:
    plan = got(day, url(day))
    stops = {stop["visit_id"] for route in plan["routes"] for stop in route["stops"]}
    assert len(stops) == plan["num_served"] == day.plan.plan.num_served
    left = {item["visit_id"] for item in plan["unassigned"]}
    assert len(left) == plan["num_left_out"]
    assert not left & stops
    assert plan["score"][0]["level"] == "s_on_time"


# -- why -------------------------------------------------------------------------------


def test_why_of_a_served_visit_tells_teams_and_no_offers(day: CrowdedDay) -> None:
    why = got(day, url(day, "visits", day.served_id, "why"))
    assert why["is_served"]
    assert why["offers"] == why["blocks"] == []
    chosen = [team["team_id"] for team in why["teams"] if team["is_chosen"]]
    assert chosen == [TEAM]
    other = next(team for team in why["teams"] if team["team_id"] == OTHER)
    assert [block["rule"] for block in other["blocks"]] == ["team"]
    assert other["drive_s"] is None


def test_why_of_a_left_out_visit_tells_what_would_let_it_in(day: CrowdedDay) -> None:
    why = got(day, url(day, "visits", day.left_out_id, "why"))
    assert not why["is_served"]
    assert why["teams"] == []
    prices = [offer["price_min"] for offer in why["offers"]]
    assert prices == sorted(prices)
    assert 0 < len(prices) <= 3
    assert all(offer["sentence"] for offer in why["offers"])


# -- edits -----------------------------------------------------------------------------


def test_an_edit_answers_with_the_draft_its_rules_and_its_cost(
    day: CrowdedDay,
) -> None:
    body = edit(kind="move", visit_id=day.served_id, team_id=OTHER, position=0)
    answer = told(posted(day, url(day, "edits"), body), 201)
    assert answer["plan"]["status"] == "draft"
    assert answer["plan"]["based_on"] == day.plan.id
    rules = {item["rule"] for item in answer["violations"]}
    assert "dispatcher's team" in rules
    assert len(answer["violations"]) == answer["plan"]["num_violations"]
    assert answer["changes"]["team_changes"] == [day.served_id]
    draft = f"/v1/plans/{answer['plan']['id']}"
    for question in (f"{draft}/bound", f"{draft}/visits/{day.left_out_id}/why"):
        assert day.client.get(question, headers=AUTH).status_code == 409


@pytest.mark.parametrize("kind", ["drop", "lock"])
def test_one_visit_is_dropped_or_locked(kind: str, day: CrowdedDay) -> None:
    body = edit(kind=kind, visit_id=day.served_id)
    answer = told(posted(day, url(day, "edits"), body), 201)
    assert answer["violations"] == []
    out = [day.served_id] if kind == "drop" else []
    assert answer["changes"]["visits_out"] == out
    if kind == "lock":
        again = f"/v1/plans/{answer['plan']['id']}/edits"
        free = edit(kind="unlock", visit_id=day.served_id)
        assert told(posted(day, again, free), 201)["violations"] == []


def test_an_order_is_turned_round_and_a_visit_put_in(day: CrowdedDay) -> None:
    route = next(r for r in day.plan.plan.routes if r.team_id == TEAM)
    ids = [stop.visit_id for stop in route.stops]
    turned = edit(kind="reorder", team_id=TEAM, visit_ids=ids[::-1])
    answer = told(posted(day, url(day, "edits"), turned), 201)
    # each pair is the other way round
    assert answer["changes"]["order_inversions"] == len(ids) * (len(ids) - 1) // 2
    more = edit(kind="insert", visit_id=day.left_out_id, team_id=TEAM, position=0)
    answer = told(posted(day, url(day, "edits"), more), 201)
    assert answer["changes"]["visits_in"] == [day.left_out_id]
    assert answer["violations"]  # the day is full


# -- searches --------------------------------------------------------------------------


def test_a_supposed_day_is_told_beside_the_real_one_and_not_stored(
    day: CrowdedDay,
) -> None:
    before = got(day, "/v1/plans")
    body = {
        "suppositions": [
            *ABSENT["suppositions"],
            {"kind": "extra_team", "like_team_id": OTHER},
            {"kind": "overtime", "team_ids": [OTHER], "minutes": 30},
            {"kind": "deadline", "urgency": "B", "shift_min": -60},
        ]
    }
    answer = told(posted(day, url(day, "what-if"), body))
    # all visits are bound to the team that is not there
    assert answer["before"]["served"]["B"] == day.plan.plan.num_served
    assert answer["after"]["served"]["B"] == 0
    teams = {route["team_id"] for route in answer["routes"]}
    assert TEAM not in teams
    assert "extra" in teams
    assert got(day, "/v1/plans") == before


def test_support_and_bound_are_told(day: CrowdedDay) -> None:
    assert got(day, url(day, "support")) == []  # bound visits go with nobody else
    bound = got(day, url(day, "bound"))
    assert bound["sentence"].endswith("。")
    assert bound["levels"][0]["level"] == "s_on_time"
    assert len(bound["levels"]) == len(services_of(day.client).settings.levels)


def test_a_second_search_is_refused_while_one_runs(day: CrowdedDay) -> None:
    jobs = day.client.app.state.jobs  # type: ignore[attr-defined]

    def meanwhile(_told: object) -> Response:
        return posted(day, url(day, "what-if"), ABSENT)

    refused = jobs.answer(DAY, meanwhile)
    assert refused.status_code == 409
    assert refused.headers["content-type"] == PROBLEM
