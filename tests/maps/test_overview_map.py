"""The overview map says what is open where, in few bytes, and runs nobody's words."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace

import pytest

from dispatch.domain.errors import InvalidInputError
from maps.base_map import BaseMap
from maps.overview_map import OverviewData, overview_map
from maps.style import class_labels, class_of, class_starts, team_style
from tests.maps import closures, hostile_overview, overview


def draw(data: OverviewData, base: BaseMap = BaseMap.NONE) -> str:
    return overview_map(data, base=base, assets_url="/assets")


def test_page_is_japanese_with_title_date_sources_and_chip() -> None:
    page = draw(overview())
    assert '<html lang="ja">' in page
    assert "<title>大阪市 未完了の相談</title>" in page
    assert "令和8年11月24日(火) 9:05 時点" in page
    assert "国土数値情報 小学校区(令和5年)を加工" in page
    assert "境界は近似" in page
    assert "user-scalable=no" not in page


def test_chip_is_left_out_when_boundaries_are_exact() -> None:
    assert "近似" not in draw(replace(overview(), approximate=False))


def test_legend_counts_districts_per_class_and_those_without_data() -> None:
    data = overview(districts=30)
    page = draw(data)
    # Each district is in one class, in 「0件」 or in 「資料なし」.
    counted = [int(n) for n in re.findall(r"<b>(\d+)校区</b>", page)]
    assert sum(counted) == 30
    assert re.search(r"資料なし</span><b>1校区</b>", page)


def test_a_district_without_an_oldest_item_does_not_speak_of_one() -> None:
    data = overview(districts=30)
    some = tuple(
        replace(d, oldest_text="" if at < 10 else d.oldest_text)
        for at, d in enumerate(data.districts)
    )
    assert draw(replace(data, districts=some)).count("最も古いもの") == 20


def test_map_has_a_largest_zoom_without_tiles() -> None:
    # Without it MarkerCluster throws "Map has no maxZoom specified".
    assert re.search(r'"maxZoom": 19', draw(overview()))


@pytest.mark.parametrize("base", list(BaseMap))
def test_no_outside_host_but_the_tiles_that_were_switched_on(base: BaseMap) -> None:
    hosts = set(re.findall(r"https?://([\w.-]+)", draw(overview(), base)))
    hosts.discard("www.w3.org")
    tiles = {"cyberjapandata.gsi.go.jp", "maps.gsi.go.jp"}
    assert hosts == (tiles if base is BaseMap.GSI else set())


def test_hostile_words_in_every_field_stay_data() -> None:
    page = draw(hostile_overview())
    assert "${globalThis" not in page
    assert "<script>window.pwned" not in page
    assert "<img" not in page
    assert "{{" not in page


def test_a_chart_prefix_that_leaves_the_host_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        draw(replace(overview(), chart_url_prefix="javascript:"))


def test_a_city_without_items_or_districts_is_a_page_too() -> None:
    page = draw(replace(overview(), items=(), districts=(), wards=()))
    assert "計 0件" in page
    assert "kd.fit(map,[" not in page


def test_closures_are_a_layer_and_a_row_of_the_legend() -> None:
    page = draw(replace(overview(), closures=closures()))
    assert re.search(r"</svg><span>通行規制</span><b>2件</b>", page)
    assert page.count("kd.closures(map,[") == 1
    assert "L.control.layers(" in page
    without = draw(overview())
    assert "通行規制" not in without
    assert "L.control.layers(" not in without


def test_five_thousand_items_and_40_closures_fit_in_150_kilobytes() -> None:
    data = replace(overview(items=5_000, districts=298), closures=closures() * 20)
    page = draw(data)
    assert len(gzip.compress(page.encode())) <= 150_000


def test_classes_are_plain_numbers_from_one_and_five_of_them() -> None:
    # 1..100: quintiles start at 1, 21, 41, 61, 81; rounded down 20, 40, 60, 80.
    starts = class_starts(range(101))
    assert starts == (1, 20, 40, 60, 80)
    assert class_labels(starts) == (
        "1〜19件",
        "20〜39件",
        "40〜59件",
        "60〜79件",
        "80件以上",
    )


def test_few_counts_give_fewer_classes_and_none_gives_none() -> None:
    assert class_starts([0, 0]) == ()
    assert class_labels(()) == ()
    assert class_starts([1, 2, 2, 3]) == (1, 2, 3)
    assert class_labels((1, 2, 3)) == ("1件", "2件", "3件以上")
    # One heavy district among many light ones still has its own class.
    assert class_starts([1] * 50 + [9]) == (1, 2, 3, 4, 5)


def test_zero_is_in_no_class_and_bounds_are_inclusive() -> None:
    assert [class_of(n, (1, 5, 10)) for n in (0, 1, 4, 5, 10, 99)] == [
        -1,
        0,
        0,
        1,
        2,
        2,
    ]


def test_teams_differ_in_colour_or_dash() -> None:
    styles = [team_style(i) for i in range(12)]
    assert len({(s.colour, s.dash) for s in styles}) == 12
