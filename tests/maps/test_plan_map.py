"""The plan map shows each team's way in order, and runs nobody's words."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace

import pytest

from dispatch.domain.errors import InvalidInputError
from dispatch.domain.travel import TravelLevel
from maps.base_map import BaseMap
from maps.plan_map import MapLeg, PlanMapData, plan_map
from maps.style import team_style
from tests.maps import HOSTILE, closures, hostile_plan, plan, road_plan


def draw(data: PlanMapData, base: BaseMap = BaseMap.NONE) -> str:
    page = plan_map(data, base=base, assets_url="/assets")
    # folium writes Japanese as \\u escapes; read it as a browser would.
    return re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), page)


def one_leg_east() -> PlanMapData:
    data = plan(teams=1, stops=1)
    stop = replace(data.teams[0].stops[0], lon=135.51, lat=34.69, radius_m=0)
    return replace(data, teams=(replace(data.teams[0], stops=(stop,)),))


Lines = list[list[int]]


def routes(data: PlanMapData) -> list[tuple[list[str | int], list[str], Lines, Lines]]:
    """Look, words, roads and straight lines of each team, as the browser gets them."""
    page = plan_map(data, base=BaseMap.NONE, assets_url="/assets")
    found = re.findall(r"kd\.route\(map,(\[.*\])\);", page)
    return [(look, said, *lines) for look, said, lines in map(json.loads, found)]


def test_page_names_office_date_version_and_straight_lines() -> None:
    page = draw(plan())
    assert "<title>北工営所 配車計画</title>" in page
    for words in ("令和8年11月24日(火)", "第3版(確定)", "移動時間 推定(直線)"):
        assert words in page


@pytest.mark.parametrize(
    ("level", "words"),
    [
        (TravelLevel.ROAD, "移動時間 推定(道路)<"),
        (TravelLevel.ROAD_GRAPH, "移動時間 推定(道路・簡易)<"),
        (TravelLevel.STRAIGHT_LINE, "移動時間 推定(直線)<"),
    ],
)
def test_a_chip_always_says_how_travel_times_were_found(
    level: TravelLevel, words: str
) -> None:
    assert words in draw(replace(plan(), level=level))


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


def test_a_stop_tells_its_own_level_where_the_whole_has_another() -> None:
    # The third leg of the second team is straight, all others are roads.
    page = draw(road_plan())
    assert len(re.findall(r"\(移動 \d+分 推定\(直線\)\)", page)) == 1
    assert len(re.findall(r"\(移動 \d+分\)", page)) == 4 * 9 - 1


def test_without_legs_the_line_goes_straight_from_place_to_place() -> None:
    data = one_leg_east()
    (_, said, roads, straights), *_ = routes(data)
    # (34.69, 135.5) to the stop, 0.01 degrees east of it, and back.
    assert roads == [
        [3_469_000, 13_550_000, 0, 1000],
        [3_469_000, 13_551_000, 0, -1000],
    ]
    assert straights == []
    assert said[0] == "A 北1班"


def test_lines_follow_the_roads_and_straight_legs_are_apart() -> None:
    data = road_plan()
    drawn = routes(data)
    assert [len(roads) for _, _, roads, _ in drawn] == [10, 9, 10, 10]
    assert [len(straights) for *_, straights in drawn] == [0, 1, 0, 0]
    # Six waves have 24 turning points; 200 points would make 400 numbers.
    assert all(24 < len(line) < 200 for _, _, roads, _ in drawn for line in roads)
    assert drawn[1][1] == ["B 北2班", "B 北2班 推定(直線)"]
    page = draw(data)
    assert re.search(r"kd-line\"></span><span>推定\(直線\)</span><b>1区間", page)
    assert 'kd-line"' not in draw(replace(data, teams=data.teams[:1]))


def test_a_leg_without_two_places_is_not_drawn() -> None:
    data = one_leg_east()
    home = (135.5, 34.69)
    legs = (
        MapLeg(path=(home,), level=TravelLevel.ROAD),
        MapLeg(path=((135.51, 34.69), home), level=TravelLevel.ROAD_GRAPH),
    )
    data = replace(data, teams=(replace(data.teams[0], legs=legs),))
    (_, _, roads, straights), *_ = routes(data)
    assert (len(roads), len(straights)) == (1, 0)


def test_four_teams_have_four_places_beside_each_other_on_a_road() -> None:
    assert [look[3] for look, *_ in routes(road_plan())] == [0, 1, 2, 3]


def test_legs_that_do_not_match_the_stops_are_refused() -> None:
    team = road_plan().teams[0]
    with pytest.raises(InvalidInputError, match="legs"):
        replace(team, legs=team.legs[1:])


def test_the_view_holds_the_ways_too() -> None:
    data = one_leg_east()
    way = ((135.5, 34.69), (135.505, 34.65), (135.51, 34.69))
    legs = tuple(MapLeg(path=p, level=TravelLevel.ROAD) for p in (way, way[::-1]))
    data = replace(data, teams=(replace(data.teams[0], legs=legs),))
    assert "kd.fit(map,[[34.65,135.5],[34.69,135.51]]);" in draw(data)


def test_closures_are_a_layer_with_signs_and_a_row_with_their_number() -> None:
    page = draw(road_plan())
    assert "通行規制<small>2件</small>" in page
    assert re.search(r"</svg><span>通行規制</span><b>2件</b>", page)
    (found,) = re.findall(r"kd\.closures\(map,(\[.*\])\);", page)
    bridge, school = json.loads(found)
    assert bridge[:3] == ["中之島大橋", "工事", "11月30日 17:00まで"]
    assert (len(bridge[3]), bridge[4]) == (2, [])
    # The sign of a line stands in its middle: halfway between 34.695 and 34.700.
    assert bridge[5] == [34.6975, 135.498]
    assert (school[3], len(school[4])) == ([], 1)
    assert 34.68 < school[5][0] < 34.684


def test_without_closures_nothing_speaks_of_them() -> None:
    page = draw(replace(road_plan(), closures=()))
    assert "kd.closures(map,[" not in page
    assert "通行規制<small>" not in page


def test_closures_show_on_a_day_without_teams() -> None:
    page = draw(replace(plan(), teams=(), closures=closures()))
    assert "L.control.layers(" in page


def test_twelve_stops_for_each_of_four_teams_fit_in_200_kilobytes() -> None:
    page = draw(road_plan(teams=4, stops=12))
    assert len(gzip.compress(page.encode())) < 200_000


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
    assert "</script></script>" not in page
    assert HOSTILE not in page


def test_a_chart_prefix_that_leaves_the_host_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        draw(replace(plan(), chart_url_prefix="https://a.example/"))


def test_an_office_without_teams_or_a_team_without_stops_is_a_page_too() -> None:
    assert "北工営所" in draw(replace(plan(), teams=()))
    assert "0件・移動" in draw(plan(teams=1, stops=0))


def test_waiting_for_a_closure_to_end_is_told_apart_from_driving() -> None:
    drawn = plan()
    team = drawn.teams[0]
    stop = replace(team.stops[0], drive_min=156, held_min=120)
    changed = replace(team, stops=(stop, *team.stops[1:]))
    page = draw(replace(drawn, teams=(changed, *drawn.teams[1:])))
    assert "移動 156分、うち規制待ち120分" in page
    assert "規制待ち" not in draw(drawn)


def test_stops_that_are_walked_between_fan_out_and_say_where_the_crew_parks() -> None:
    data = plan(teams=1, stops=4)
    # 2 to 4 together: 0.0003 degrees apart, so not at one place
    stops = tuple(
        replace(
            stop, lon=135.51, lat=34.7 + 0.0003 * stop.order, bundle=(2, 4), drive_min=n
        )
        for stop, n in zip(data.teams[0].stops[1:], (12, 1, 0), strict=True)
    )
    team = replace(data.teams[0], stops=(data.teams[0].stops[0], *stops))
    page = draw(replace(data, teams=(team,)))
    anchors = re.findall(r'"iconAnchor": \[(-?\d+), 17\]', page)
    # 26 pixels to the right of one another; the first stop is by itself
    assert sorted(map(int, anchors)) == [-35, -9, 17, 17]
    assert page.count("A2–A4 徒歩・駐車1回") == 3
    ways = [
        f"{stop.arrive}({way})"
        for stop, way in zip(stops, ("移動 12分", "徒歩 1分", "同じ場所"), strict=True)
    ]
    assert [page.count(way) for way in ways] == [1, 1, 1]
    assert "駐車" not in draw(data)
