"""The plan map shows each team's way in order, and runs nobody's words."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from dispatch.domain.errors import InvalidInputError
from maps.localise import BaseMap
from maps.plan_map import PlanMapData, plan_map
from maps.style import team_style
from tests.maps import hostile_plan, plan


def draw(data: PlanMapData, base: BaseMap = BaseMap.NONE) -> str:
    page = plan_map(data, base=base, assets_url="/assets")
    # folium writes Japanese as \\u escapes; read it as a browser would.
    return re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), page)


def one_leg_east() -> PlanMapData:
    data = plan(teams=1, stops=1)
    stop = replace(data.teams[0].stops[0], lon=135.51, lat=34.69, radius_m=0)
    return replace(data, teams=(replace(data.teams[0], stops=(stop,)),))


def test_page_names_office_date_version_and_straight_lines() -> None:
    page = draw(plan())
    assert "<title>北工営所 配車計画</title>" in page
    for words in ("令和8年11月24日(火)", "第3版(確定)", "推定(直線)"):
        assert words in page
    assert "推定" not in draw(replace(plan(), straight_line=False))


def test_each_team_is_one_layer_with_colour_letter_and_figures() -> None:
    data = plan()
    page = draw(data)
    assert page.count("L.featureGroup(") == 4
    for team in data.teams:
        assert f"{team.team_name}" in page
        assert f"{len(team.stops)}件・移動{team.drive_min}分" in page
        assert team_style(team.index).colour in page


def test_stops_are_numbered_and_tell_when_where_and_why() -> None:
    data = plan(teams=1, stops=2)
    page = draw(data)
    stop = data.teams[0].stops[1]
    for words in ("A1<", "A2<", stop.arrive, stop.place_text, stop.reason):
        assert words in page
    assert f'href="/c/{stop.chart_id}" target="_top"' in page


def test_late_stops_and_uncertain_places_are_marked() -> None:
    page = draw(plan())
    assert page.count('<p class="kd-late">△ 遅れ見込み</p>') == 1
    assert page.count("L.circle(") == 4


def test_arrows_point_where_the_team_drives() -> None:
    # Due east is 90° clockwise from north; the way back is due west.
    assert re.findall(r"rotate\((-?\d+)deg\)", draw(one_leg_east())) == ["90", "-90"]


def test_stops_at_one_place_fan_out() -> None:
    data = plan(teams=1, stops=3)
    stops = tuple(replace(s, lon=135.51, lat=34.7) for s in data.teams[0].stops)
    page = draw(replace(data, teams=(replace(data.teams[0], stops=stops),)))
    anchors = re.findall(r'"iconAnchor": \[(-?\d+), 17\]', page)
    assert sorted(map(int, anchors)) == [-35, -9, 17]


def test_a_shared_base_is_one_sign() -> None:
    page = draw(plan())
    assert page.count("基地(出発・帰着)") == 1
    assert "A・B・C・D" in page


@pytest.mark.parametrize("base", list(BaseMap))
def test_no_outside_host_but_the_tiles_that_were_switched_on(base: BaseMap) -> None:
    hosts = set(re.findall(r"https?://([\w.-]+)", draw(plan(), base)))
    tiles = {"cyberjapandata.gsi.go.jp", "maps.gsi.go.jp"}
    assert hosts == (tiles if base is BaseMap.GSI else set())


def test_hostile_words_in_every_field_stay_data() -> None:
    page = plan_map(hostile_plan(), base=BaseMap.NONE, assets_url="/assets")
    assert "${globalThis" not in page
    assert "${window" not in page
    assert "<script>window.pwned" not in page
    assert "<img" not in page


def test_a_chart_prefix_that_leaves_the_host_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        draw(replace(plan(), chart_url_prefix="https://a.example/"))


def test_an_office_without_teams_or_a_team_without_stops_is_a_page_too() -> None:
    assert "北工営所" in draw(replace(plan(), teams=()))
    assert "0件・移動" in draw(plan(teams=1, stops=0))
