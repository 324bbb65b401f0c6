"""A road closed on a supposed day, on the page and for programs, in a small town."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from api import wiring
from api.pictures import Pictures
from api.road_pictures import SupposedScene
from api.supposed_roads import closures_to_suppose, known_closure
from api.what_if_form import WhatIfForm, extra_team
from api.wiring import Services
from dispatch.closure_desk import NewClosure
from dispatch.domain.closure import ClosureReason, ClosureShape, DailyWindow
from dispatch.domain.errors import InvalidInputError, NotFoundError
from dispatch.domain.team import MobileTeam
from dispatch.domain.travel import TravelLevel
from dispatch.ports import PlanStatus, StoredPlan
from dispatch.what_if import ExtraTeam
from geodata.city import CityProfile, load_city
from geodata.roads.service import RoadTravelTimes
from tests.api.crowded_day import job_done
from tests.api.installation import (
    AUTH,
    BROWSER,
    DAY,
    NOW,
    DeskAt,
    running,
    sent,
    services_of,
    settings_for,
)
from tests.geodata.road_data import place, town_roads

BASE, SOUTH = (2, 0.5), (1.5, -2)  # 300 m over 中橋, 700 m over 東橋
NAKA, HIGASHI = ((2, -0.5), (2, -1.5)), ((4, -0.5), (4, -1.5))
ROUND_M = 400
MINUTE = dt.timedelta(minutes=1)
NOT_IN_FORCE = NOW + dt.timedelta(days=3)


def in_town(city: CityProfile) -> CityProfile:
    """Put every office and team of a city into the town."""
    home = place(BASE)
    return replace(
        city,
        offices=tuple(replace(office, place=home) for office in city.offices),
        teams=tuple(replace(team, base=home) for team in city.teams),
    )


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path
) -> Iterator[TestClient]:
    """Serve a city whose offices lie in the town, on its roads, without an engine."""
    folder = tmp_path_factory.mktemp("town")
    settings = settings_for(folder, geodata_dir).model_copy(
        update={
            "roads_dir": town_roads().data.folder.parent,
            "engine_dir": folder / "none",  # the graph answers: no engine to start
            "plan_iterations": 20,
        }
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(wiring, "load_city", lambda name: in_town(load_city(name)))
        with running(settings) as opened:
            yield opened


@pytest.fixture(scope="module")
def services(client: TestClient) -> Services:
    return services_of(client)


@pytest.fixture(scope="module")
def plan(client: TestClient, services: Services) -> StoredPlan:
    """Plan one visit on the other side of the water."""
    to = place(SOUTH)
    sent(client, address="", position={"lon": to.lon, "lat": to.lat})
    draft = services.planning.make(
        DAY, services.search_params(), lambda _: None, who="配車担当"
    )
    assert draft.plan.num_served == 1
    assert draft.plan.travel_level is TravelLevel.ROAD_GRAPH
    return draft


def new(**changes: Any) -> NewClosure:  # noqa: ANN401 - field overrides
    plain = NewClosure(
        name="中橋の<b>工事",
        shape=ClosureShape.STRETCH,
        places=tuple(place(crossing) for crossing in NAKA),
        reason=ClosureReason.WORKS,
        starts_at=NOT_IN_FORCE,
    )
    return replace(plain, **changes)


def drawn(*crossings: tuple[float, float], **more: object) -> dict[str, object]:
    at = [place(crossing) for crossing in crossings or NAKA]
    places = [[one.lon, one.lat] for one in at]
    return {"kind": "road_closed", "shape": "stretch", "places": places, **more}


def asked(client: TestClient, plan: StoredPlan, *suppositions: object) -> Response:
    return client.post(
        f"/v1/plans/{plan.id}/what-if",
        json={"suppositions": list(suppositions)},
        headers=AUTH,
    )


def told(response: Response) -> Any:  # noqa: ANN401 - JSON
    assert response.status_code == 200, response.text
    return response.json()


def metres(answer: Any) -> int:  # noqa: ANN401 - JSON
    return sum(stop["drive_m"] for one in answer["routes"] for stop in one["stops"])


def posted(client: TestClient, plan: StoredPlan, **form: str) -> Response:
    return client.post(
        f"/plan/{plan.id}/what-if", data=form, headers=BROWSER, follow_redirects=False
    )


def in_script(text: str) -> str:
    """Text as it stands in a map's script."""
    return json.dumps(text)[1:-1]


def lines(*crossings: tuple[float, float]) -> str:
    """Points as a person types them, latitude first."""
    at = [place(crossing) for crossing in crossings]
    return "\n".join(f"{one.lat}, {one.lon}" for one in at)


# -- for programs ----------------------------------------------------------------------


def test_a_drawn_stretch_sends_the_team_round_and_says_how_that_is_known(
    client: TestClient, services: Services, plan: StoredPlan
) -> None:
    roads = services.roads
    assert isinstance(roads, RoadTravelTimes)
    num_engines, num_plans = (
        roads.state().num_engines,
        len(services.store.plans_on(DAY)),
    )
    answer = told(asked(client, plan, drawn()))
    way_m = sum(stop.drive_m for _, _, stop in plan.plan.stops())
    assert metres(answer) == pytest.approx(way_m + ROUND_M, abs=3)
    assert answer["travel_level"] == "road_graph"
    # there and back
    more_s = answer["after"]["drive_s"] - answer["before"]["drive_s"]
    assert more_s == -answer["changes"]["drive_saved_s"] > 0
    assert answer["before"]["drive_s"] == plan.plan.score.drive_s
    assert roads.state().num_engines == num_engines
    assert len(services.store.plans_on(DAY)) == num_plans
    assert services.closures.not_over() == []


def test_two_closed_roads_are_closed_at_once(
    client: TestClient, plan: StoredPlan
) -> None:
    answer = told(asked(client, plan, drawn(), drawn(*HIGASHI)))
    assert len(answer["unassigned"]) == 1
    assert answer["unassigned"][0]["reason"] == "unreachable"


def test_a_planned_closure_is_supposed_by_its_id(
    client: TestClient, services: Services, plan: StoredPlan
) -> None:
    made = services.closures.close(new(), who="配車係")
    answer = told(asked(client, plan, {"kind": "road_closed", "closure_id": made.id}))
    same = told(asked(client, plan, drawn()))
    assert metres(answer) == metres(same)
    services.closures.lift(made.id, made.version, who="配車係")
    # called off: it can still be supposed
    again = told(asked(client, plan, {"kind": "road_closed", "closure_id": made.id}))
    assert metres(again) == metres(answer)


def test_hours_of_a_closed_road_are_heeded(
    client: TestClient, plan: StoredPlan
) -> None:
    # the team leaves and is back long before the evening
    evening = drawn(windows=[["20:00", "21:00"]])
    answer = told(asked(client, plan, evening))
    assert answer["after"]["drive_s"] == answer["before"]["drive_s"]
    whole = told(asked(client, plan, drawn(windows=[["00:00", "24:00"]])))
    assert metres(whole) > metres(answer)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"kind": "road_closed"}, "closure_id だけか、"),
        (drawn(closure_id="k1"), "closure_id だけか、"),
        ({"kind": "road_closed", "shape": "area"}, "closure_id だけか、"),
        (drawn(windows=[["08:00", "08:10"]]), "計画した時刻より前に終わっています"),
        (drawn((2, 8), (3, 8)), "100m以内に道路がありません"),
        (drawn(windows=[["09:00", "08:00"]]), "時間帯"),
    ],
)
def test_closed_roads_that_make_no_sense_are_refused(
    client: TestClient, plan: StoredPlan, body: object, words: str
) -> None:
    response = asked(client, plan, body)
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert words in response.text


def test_a_closure_that_nobody_made_is_not_found(
    client: TestClient, plan: StoredPlan
) -> None:
    gone = {"kind": "road_closed", "closure_id": "nothing"}
    assert asked(client, plan, gone).status_code == 404


# -- what can be chosen ----------------------------------------------------------------


def test_a_closure_that_the_plan_heeds_already_is_not_offered(
    services: Services, plan: StoredPlan, desk_at: DeskAt
) -> None:
    now = new(starts_at=None, name="冠水")
    held = desk_at(NOW - 10 * MINUTE).close(now, who="配車係")
    ids = [one.id for one in closures_to_suppose(services, plan)]
    assert held.id not in ids
    with pytest.raises(InvalidInputError, match="すでに避けています"):
        known_closure(services, plan, held.id)
    # lifted after the plan was made: its times heed it all the same
    lifted = desk_at(NOW + MINUTE).lift(held.id, held.version, who="配車係")
    assert lifted.id not in [one.id for one in closures_to_suppose(services, plan)]
    # made after the plan, for this very day: its times do not know it
    later = desk_at(NOW + MINUTE).close(now, who="配車係")
    assert later.id in [one.id for one in closures_to_suppose(services, plan)]
    shut = known_closure(services, plan, later.id)
    assert shut.starts_at <= plan.made_at
    desk_at(NOW + 2 * MINUTE).lift(later.id, later.version, who="配車係")


def test_without_road_data_no_road_can_be_closed(
    tmp_path: Path, geodata_dir: Path
) -> None:
    with running(settings_for(tmp_path, geodata_dir)) as plain:
        sent(plain)
        services = services_of(plain)
        params = replace(services.search_params(), iterations=20)
        draft = services.planning.make(DAY, params, lambda _: None, who="山田")
        page = plain.get(f"/plan/{draft.id}/what-if", headers=BROWSER).text
        assert 'name="closure" disabled' in page
        assert "道路データがないため" in page
        assert "closure-map" not in page
        response = asked(plain, draft, drawn())
        assert response.status_code == 422
        assert response.headers["content-type"] == "application/problem+json"
        assert "道路データがないため" in response.text
        form = posted(plain, draft, closure="drawn", places=lines(*NAKA))
        assert form.status_code == 422
        assert "道路データがないため" in form.text
        assert closures_to_suppose(services, draft) == []


def test_a_plan_of_straight_lines_has_no_road_to_close(
    client: TestClient, plan: StoredPlan
) -> None:
    services = services_of(client)
    straight = replace(
        plan,
        plan=replace(plan.plan, travel_level=TravelLevel.STRAIGHT_LINE, routes=()),
    )
    with pytest.raises(InvalidInputError, match="直線からの推定"):
        WhatIfForm(closure="drawn").conditions(services, straight)


# -- on the page -----------------------------------------------------------------------


def test_the_page_offers_closures_and_a_map_and_shows_the_way_round(
    client: TestClient, services: Services, plan: StoredPlan
) -> None:
    made = services.closures.close(new(), who="配車係")
    url = f"/plan/{plan.id}/what-if"
    page = client.get(url, headers=BROWSER).text
    assert f'value="{made.id}">中橋の&lt;b&gt;工事(工事・これから' in page
    assert 'id="closure-map"' in page
    answer = posted(client, plan, closure=made.id)
    assert answer.headers["location"] == url
    assert job_done(client)["state"] == "done"
    text = client.get(url, headers=BROWSER).text
    assert "「中橋の&lt;b&gt;工事」が通行止め(道路1区間・200m)" in text
    assert "推定(道路・簡易)" in text
    office = next(
        team.office_id
        for team in services.profile.teams
        if any(one.stops and one.team_id == team.id for one in plan.plan.routes)
    )
    drawn_map = client.get(f"/maps/what-if/{plan.id}/{office}", headers=BROWSER).text
    assert "仮の条件" in drawn_map
    assert "の<b>工事" not in drawn_map  # whoever named it
    real = client.get(f"/maps/plan/{plan.id}/{office}", headers=BROWSER).text
    assert drawn_map.count("工事") > real.count("工事")
    services.closures.lift(made.id, made.version, who="配車係")


def test_points_and_an_area_are_read_as_on_the_page_of_closures(
    services: Services, plan: StoredPlan
) -> None:
    corners = lines((1.8, -0.8), (2.2, -0.8), (2.2, -1.2), (1.8, -1.2))
    form = WhatIfForm(closure="drawn", shape=ClosureShape.AREA, places=corners)
    found = form.conditions(services, plan)
    assert found.words == ("仮の通行止め(道路1区間・200m)",)
    assert found.scene.closures[0].shape is ClosureShape.AREA
    for places, words in (("", "2〜200点"), ("135.5, 34.68", "緯度と経度が逆")):
        with pytest.raises(InvalidInputError, match=words):
            WhatIfForm(closure="drawn", places=places).conditions(services, plan)


def test_hours_of_a_chosen_closure_are_told(
    services: Services, plan: StoredPlan
) -> None:
    hours = (DailyWindow(start_s=14 * 3600, end_s=15 * 3600),)
    made = services.closures.close(new(windows=hours), who="配車係")
    found = WhatIfForm(closure=made.id).conditions(services, plan)
    assert found.words == (
        "「中橋の<b>工事」が通行止め(道路1区間・200m、毎日 14:00〜15:00)",
    )
    services.closures.lift(made.id, made.version, who="配車係")


# -- the extra team --------------------------------------------------------------------


def letters(*own: str) -> list[MobileTeam]:
    """Teams of one office with these letters, and one of another office."""
    teams = in_town(load_city("osaka")).teams
    first = teams[0]
    other = next(team for team in teams if team.office_id != first.office_id)
    mine = [replace(first, id=f"t{at}", letter=one) for at, one in enumerate(own)]
    return [*mine, replace(other, letter="ウ")]


def test_an_extra_team_has_the_next_free_letter_of_its_office() -> None:
    extra = ExtraTeam(like_team_id="t0", team_id="extra", name="追加")
    found = extra_team(extra, letters("ア", "イ"))
    assert (found.id, found.name, found.letter) == ("extra", "追加", "ウ")
    assert extra_team(extra, letters("A", "C")).letter == "B"
    everything = letters(*"アイウエオカキクケコサシスセソ")
    assert extra_team(extra, everything).letter == "ア"
    with pytest.raises(NotFoundError):
        extra_team(replace(extra, like_team_id="nobody"), everything)


def test_an_extra_teams_route_is_drawn_with_a_style_of_its_own(
    services: Services, plan: StoredPlan
) -> None:
    route = next(one for one in plan.plan.routes if one.stops)
    team = next(one for one in services.profile.teams if one.id == route.team_id)
    same = [one for one in services.profile.teams if one.office_id == team.office_id]
    extra = extra_team(
        ExtraTeam(like_team_id=team.id, team_id="extra", name="追加"), same
    )
    routes = tuple(
        replace(route, team_id="extra") if one is route else one
        for one in plan.plan.routes
    )
    moved = replace(plan, plan=replace(plan.plan, routes=routes))
    pictures = Pictures(services)
    charts = services.store.get_many({stop.visit_id for stop in route.stops})
    scene = SupposedScene(extra_teams=(extra,))
    data = pictures.plan_map(moved, team.office_id, charts, scene=scene)
    drawn_team = data.teams[-1]
    assert (drawn_team.team_name, len(drawn_team.stops)) == ("追加", 1)
    assert drawn_team.letter not in {one.letter for one in same}
    # after the styles of the office's own teams, whether they are there or not
    assert drawn_team.index == len(same)
    assert pictures.plan_map(moved, team.office_id, charts).teams == data.teams[:-1]


def test_an_extra_team_is_drawn_and_told_like_any_other(
    client: TestClient, services: Services, plan: StoredPlan
) -> None:
    route = next(one for one in plan.plan.routes if one.stops)
    team = next(one for one in services.profile.teams if one.id == route.team_id)
    same = [one for one in services.profile.teams if one.office_id == team.office_id]
    posted(client, plan, like=team.id, absent=team.id, closure="")
    assert job_done(client)["state"] == "failed"  # who is absent has no double
    others = [one for one in same if one is not team]
    posted(client, plan, like=team.id)
    assert job_done(client)["state"] == "done"
    text = client.get(f"/plan/{plan.id}/what-if", headers=BROWSER).text
    name = f"追加({team.name}と同じ班)"
    assert f'<th scope="row">{name}</th><td class="num">—</td>' in text
    shown = client.get(f"/maps/what-if/{plan.id}/{team.office_id}").text
    assert in_script(name) in shown
    assert all(in_script(one.name) in shown for one in others)
    before = client.get(f"/maps/plan/{plan.id}/{team.office_id}").text
    assert in_script(team.name) in before
    assert in_script(name) not in before
    assert services.store.get_plan(plan.id).status is PlanStatus.DRAFT
