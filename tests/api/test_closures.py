"""The closures' page: the form without scripts, the tables, the map's data, Excel."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData

from api.closure_form import GIVEN, TODAY, TWO_HOURS_ON, UNTIL_LIFTED, ClosureForm
from api.closure_schemas import ClosedFeature
from api.closure_view import (
    ClosureView,
    hours_text,
    plain_cell,
    roads_text,
)
from api.pictures import Pictures
from dispatch.adapters.clocks import FixedClock
from dispatch.domain.closure import (
    Closure,
    ClosureReason,
    ClosureShape,
    DailyWindow,
)
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import BoundingBox, LonLat
from dispatch.domain.travel import TravelLevel
from geodata.roads.remote import RemoteTravelTimes
from geodata.roads.service import (
    ClosedRoads,
    RankedLine,
    RoadState,
    RoadTravelTimes,
)
from tests.api.installation import (
    AUTH,
    BROWSER,
    HOSTILE,
    NOW,
    TOKYO,
    running,
    services_of,
    settings_for,
)

ENDS = ("34.716500, 135.483800", "34.710300, 135.486800")  # 十三大橋, lat first
SCRIPT = {"Accept": "application/json"}
GLOBE = BoundingBox(west=-180, south=-90, east=180, north=90)


def form(**changes: object) -> dict[str, object]:
    """Fill in the form: a flooded bridge, until midnight."""
    return {
        "name": "十三大橋",
        "shape": "stretch",
        "places": "\r\n".join(ENDS),
        "reason": "flood",
        "until": TODAY,
        "window_start": ["", ""],
        "window_end": ["", ""],
        "who": "佐藤",
        **changes,
    }


def posted(client: TestClient, path: str = "", /, **changes: object) -> httpx2.Response:
    return client.post(
        f"/closures{path}",
        data=form(**changes),
        headers=BROWSER,
        follow_redirects=False,
    )


def shut(client: TestClient, **changes: object) -> Closure:
    """Shut a road by the form and return what was stored."""
    before = {one.id for one in history(client)}
    response = posted(client, **changes)
    assert response.status_code == 303, response.text
    (made,) = [one for one in history(client) if one.id not in before]
    assert response.headers["location"] == f"/closures?made={made.id}"
    return made


def history(client: TestClient) -> list[Closure]:
    return services_of(client).closures.history(500)


def page_of(client: TestClient, query: str = "") -> str:
    response = client.get(f"/closures{query}", headers=BROWSER)
    assert response.status_code == 200
    return response.text


def row_of(page: str, closure: Closure) -> str:
    """Text of a closure's row in the table of what is shut or will be."""
    found = re.search(rf'<tr id="closure-{closure.id}".*?</tr>', page, re.DOTALL)
    return unescape(re.sub(r"<[^>]+>|\s+", " ", found.group())) if found else ""


def alert_of(page: str) -> str:
    found = re.search(r'role="alert">(.*?)</div>', page, re.DOTALL)
    return unescape(found.group(1)) if found else ""


# -- the form --------------------------------------------------------------------------


def test_form_without_a_script_shuts_a_stretch_and_says_what_follows(
    client: TestClient,
) -> None:
    made = shut(client, note="水深30cm")
    assert made.places == (LonLat(135.4838, 34.7165), LonLat(135.4868, 34.7103))
    assert (made.made_by, made.note) == ("佐藤", "水深30cm")
    assert made.starts_at == NOW
    assert made.ends_at == dt.datetime(2026, 11, 25, tzinfo=TOKYO)
    page = page_of(client, f"?made={made.id}")
    assert "「十三大橋」の通行止めを記録しました" in page
    row = row_of(page, made)
    for words in ("規制中", "冠水", "区間(2点)", "水深30cm", "終日", "佐藤"):
        assert words in row
    # 8:50 to midnight is 15 h 10 min, told in whole hours above three
    assert "あと15時間" in row
    assert "11月24日(火) 8:50 から" in row
    assert "11月24日(火) 24:00 まで" in row
    assert "令和8年11月24日(火) 8:50" in page.partition('id="past"')[2]


@pytest.mark.parametrize(
    ("changes", "starts_at", "ends_at"),
    [
        ({"until": UNTIL_LIFTED}, NOW, None),
        ({"until": TWO_HOURS_ON}, NOW, NOW + dt.timedelta(hours=2)),
        (
            {"until": TWO_HOURS_ON, "starts_at": "2026-11-25T09:00"},
            dt.datetime(2026, 11, 25, 9, tzinfo=TOKYO),
            dt.datetime(2026, 11, 25, 11, tzinfo=TOKYO),
        ),
        (
            {"until": GIVEN, "ends_at": "2026-11-26T17:30"},
            NOW,
            dt.datetime(2026, 11, 26, 17, 30, tzinfo=TOKYO),
        ),
    ],
)
def test_beginning_and_end_are_by_the_citys_clocks(
    changes: dict[str, object],
    starts_at: dt.datetime,
    ends_at: dt.datetime | None,
    client: TestClient,
) -> None:
    made = shut(client, **changes)
    assert (made.starts_at, made.ends_at) == (starts_at, ends_at)


def test_daily_windows_are_put_in_order_and_midnight_ends_a_day(
    client: TestClient,
) -> None:
    made = shut(
        client,
        reason="school_hours",
        window_start=["22:00", "7:30"],
        window_end=["00:00", "08:30"],
        working_days_only="1",
    )
    assert made.windows == (
        DailyWindow(start_s=27_000, end_s=30_600),  # 7.5 h, 8.5 h
        DailyWindow(start_s=79_200, end_s=86_400),  # 22 h, 24 h
    )
    row = row_of(page_of(client), made)
    assert "時間外" in row  # 8:50 lies in neither
    assert "開庁日 7:30〜8:30、22:00〜24:00" in row


def test_area_typed_with_full_width_digits_and_other_separators_is_read(
    client: TestClient,
) -> None:
    made = shut(
        client,
        shape="area",
        places="３４.６９，１３５.５\n\n 34.69 135.505 \n34.694、135.505",
    )
    assert made.places == (
        LonLat(135.5, 34.69),
        LonLat(135.505, 34.69),
        LonLat(135.505, 34.694),
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": ""}, "名前(場所): 規制の名前"),
        ({"who": " "}, "担当者: 担当者の名前"),
        ({"who": "佐\x07藤"}, "担当者: 制御文字"),
        ({"reason": ""}, "理由: 規制の理由を選んで"),
        ({"shape": "circle"}, "区間か区域か: 区間か区域かを選んで"),
        ({"places": ""}, "地点: 地点は2〜200点"),
        ({"places": "34.7, 135.5\nここ"}, "地点: 2番目の地点を読めません"),
        ({"places": "34.7, 135.5\nnan, 1"}, "地点: 2番目の地点を読めません"),
        (
            {"places": "34.7, 135.5\n135.6, 34.7"},
            "地点: 2番目の地点は市の範囲の外です(緯度と経度が逆ではありませんか)",
        ),
        (
            {"places": "34.7, 135.5\n35.6, 139.7"},
            "地点: 2番目の地点は市の範囲の外です</p>",
        ),
        (
            {"places": "139.7, 35.6\n34.7, 135.5"},  # exchanged, it is 東京
            "地点: 1番目の地点は市の範囲の外です</p>",
        ),
        ({"starts_at": "あした"}, "いつから: 日時を読めません"),
        ({"starts_at": "2026-11-24T08:00"}, "いつから: 始まりが過去"),
        ({"until": "someday"}, "いつまで: いつまで閉めるか"),
        ({"until": GIVEN}, "いつまで: 終わりの日時を入れて"),
        ({"until": GIVEN, "ends_at": "2026-11-24T08:00"}, "いつまで: "),
        ({"ends_at": "2026-11-24T10:00"}, "いつまで: 日時どおりに終えるには"),
        ({"window_start": "7:30", "window_end": ""}, "毎日の時間帯: 時間帯は始め"),
        ({"window_start": "25:00", "window_end": "26:00"}, "毎日の時間帯: "),
        ({"window_start": "9:00", "window_end": "8:00"}, "毎日の時間帯: 規制の時間帯"),
    ],
)
def test_refused_form_comes_back_with_the_reason_and_what_was_typed(
    changes: dict[str, object], told: str, client: TestClient
) -> None:
    before = len(history(client))
    response = posted(client, **{"note": '"><b>覚え書き', **changes})
    assert response.status_code == 422
    assert told in alert_of(response.text)
    assert 'value="&#34;&gt;&lt;b&gt;覚え書き"' in response.text
    for name in ("places", "ends_at", "window_start"):
        if typed := str(changes.get(name, "")):
            assert typed in response.text
    assert len(history(client)) == before


def test_form_with_nothing_in_it_is_refused_and_not_a_failure(
    client: TestClient,
) -> None:
    response = client.post("/closures", headers=BROWSER)
    assert response.status_code == 422
    assert '<html lang="ja">' in response.text


def test_form_sent_from_another_site_shuts_nothing(client: TestClient) -> None:
    before = len(history(client))
    headers = {"Origin": "https://evil.example"}
    for path in ("", "/preview", "/x/lift"):
        answer = client.post(f"/closures{path}", data=form(), headers=headers)
        assert answer.status_code == 403
    assert len(history(client)) == before


latitudes = st.floats(-90, 90).map(lambda degrees: round(degrees, 6))
longitudes = st.floats(-180, 180).map(lambda degrees: round(degrees, 6))


@given(
    points=st.lists(st.tuples(latitudes, longitudes), min_size=1, max_size=5),
    separator=st.sampled_from([",", ", ", " ", "、", "，", "\t"]),
)
def test_points_are_read_as_they_are_written(
    points: list[tuple[float, float]], separator: str
) -> None:
    typed = ClosureForm(
        values={
            "shape": "stretch",
            "reason": "flood",
            "until": UNTIL_LIFTED,
            "places": "\n".join(f"{a:.6f}{separator}{b:.6f}" for a, b in points),
        },
        windows=(),
    )
    new = typed.to_new(now=NOW, timezone=TOKYO, bounds=GLOBE)
    assert new.places == tuple(LonLat(lon, lat) for lat, lon in points)


def test_a_time_that_tells_its_offset_is_taken_at_its_word() -> None:
    values = {"shape": "stretch", "reason": "flood", "until": UNTIL_LIFTED}
    typed = ClosureForm.read(
        FormData({**values, "starts_at": "2026-11-24T01:00:00+00:00"})
    )
    new = typed.to_new(now=NOW, timezone=TOKYO, bounds=GLOBE)
    assert new.starts_at == dt.datetime(2026, 11, 24, 10, tzinfo=TOKYO)


# -- looking before --------------------------------------------------------------------


def test_preview_answers_a_script_and_stores_nothing(client: TestClient) -> None:
    before = len(history(client))
    # neither name, reason nor person is needed to look at the roads
    data = form(name="", reason="", who="")
    response = client.post("/closures/preview", data=data, headers=SCRIPT)
    assert response.status_code == 200
    assert response.json()["text"].startswith("道路データがないため")
    (feature,) = response.json()["geojson"]["features"]
    assert feature["geometry"]["type"] == "LineString"
    bad = client.post("/closures/preview", data=form(places=""), headers=SCRIPT)
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "places")
    assert len(history(client)) == before


def test_preview_answers_a_browser_without_scripts_with_the_page(
    client: TestClient,
) -> None:
    before = len(history(client))
    response = posted(client, "/preview", note="まだ", reason="")
    assert response.status_code == 200
    assert "道路データがないため、閉まる道路は確かめられません" in response.text
    assert 'value="まだ"' in response.text
    assert ENDS[0] in response.text
    bad = posted(client, "/preview", places="ここ")
    assert bad.status_code == 422
    assert "1番目の地点を読めません" in alert_of(bad.text)
    assert len(history(client)) == before


# -- lifting ---------------------------------------------------------------------------


def test_lifted_closure_leaves_the_table_and_stays_in_the_history(
    client: TestClient,
) -> None:
    made = shut(client, name="渡辺橋")
    assert row_of(page_of(client), made)
    response = client.post(
        f"/closures/{made.id}/lift",
        data={"version": "1", "who": "鈴木"},
        headers=BROWSER,
        follow_redirects=False,
    )
    assert response.status_code == 303
    page = page_of(client, response.headers["location"].removeprefix("/closures"))
    assert "「渡辺橋」の通行止めを解除しました" in page
    assert row_of(page, made) == ""
    past = page.partition('id="past"')[2]
    assert "渡辺橋" in past
    assert "終了" in past
    assert "鈴木" in past


@pytest.mark.parametrize(
    ("closure_id", "data", "status"),
    [
        ("nothing", {"version": "1", "who": "鈴木"}, 404),
        (None, {"version": "2", "who": "鈴木"}, 409),
        (None, {"version": "1", "who": " "}, 422),
        (None, {"version": "one", "who": "鈴木"}, 422),
        (None, {"version": "1"}, 422),
    ],
)
def test_lift_that_cannot_be_answers_with_a_page_and_changes_nothing(
    closure_id: str | None, data: dict[str, str], status: int, client: TestClient
) -> None:
    made = shut(client)
    path = f"/closures/{closure_id or made.id}/lift"
    response = client.post(path, data=data, headers=BROWSER)
    assert response.status_code == status
    assert '<html lang="ja">' in response.text
    assert made in history(client)


def test_notice_of_a_closure_that_is_not_there_says_nothing(client: TestClient) -> None:
    assert 'role="status"><p>「' not in page_of(client, "?made=nothing")


# -- what the page shows ---------------------------------------------------------------


@pytest.fixture
def empty(tmp_path: Path, geodata_dir: Path) -> Iterator[TestClient]:
    with running(settings_for(tmp_path, geodata_dir)) as served:
        yield served


def test_empty_page_says_what_will_appear_and_that_plans_heed_nothing(
    empty: TestClient,
) -> None:
    page = page_of(empty)
    assert "いま通れない道路も、これから閉める道路もありません" in page
    assert "通行規制はまだありません" in page
    assert "道路データがありません。" in page
    assert "所要時間には反映されません" in page
    assert '<a href="/closures" aria-current="page">通行規制</a>' in page
    assert "<script>" not in page  # the policy lets no script inside a page run
    assert empty.get("/closures/closed.geojson").json()["features"] == []


def test_hostile_words_stay_words_everywhere(client: TestClient) -> None:
    made = shut(client, name=HOSTILE, note=HOSTILE, who=HOSTILE)
    page = page_of(client, f"?made={made.id}")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;${1+1}" in page
    drawn = client.get("/closures/closed.geojson")
    assert drawn.headers["content-type"] == "application/geo+json"
    names = [f["properties"]["name"] for f in drawn.json()["features"]]
    assert HOSTILE in names


def test_what_is_in_force_stands_before_what_is_to_come(client: TestClient) -> None:
    later = shut(client, starts_at="2026-11-24T10:50", until=UNTIL_LIFTED)
    now = shut(client, until=UNTIL_LIFTED)
    page = page_of(client)
    assert page.index(f"closure-{now.id}") < page.index(f"closure-{later.id}")
    assert "解除するまで" in row_of(page, now)
    assert "これから" in row_of(page, later)
    assert "あと2時間で始まります" in row_of(page, later)


def test_bigger_roads_are_sent_once(client: TestClient) -> None:
    first = client.get("/closures/roads.geojson")
    assert first.headers["content-type"] == "application/geo+json"
    assert first.json()["features"][0]["geometry"]["coordinates"] == []
    tag = {"If-None-Match": first.headers["etag"]}
    again = client.get("/closures/roads.geojson", headers=tag)
    assert (again.status_code, again.content) == (304, b"")


BOX = {"west": 135.48, "south": 34.70, "east": 135.50, "north": 34.72}
WEST = 135.48


def roads_of(client: TestClient, **edges: object) -> httpx2.Response:
    query = {name: str(edge) for name, edge in edges.items()}
    return client.get("/closures/roads.geojson", params=query)


def test_all_roads_of_a_box_are_drawn_by_rank(empty: TestClient) -> None:
    assert roads_of(empty, **BOX).json()["features"] == []  # no road data
    roads = KnownRoads()
    with_roads(empty, roads)
    response = roads_of(empty, **BOX)
    assert response.headers["content-type"] == "application/geo+json"
    assert roads.boxes == [BoundingBox(**BOX)]
    # one feature for each rank, the big roads last: they are drawn above
    assert [
        (feature["properties"], len(feature["geometry"]["coordinates"]))
        for feature in response.json()["features"]
    ] == [({"rank": 2}, 2), ({"rank": 5}, 1)]
    coordinates = response.json()["features"][1]["geometry"]["coordinates"]
    assert coordinates == [[[135.4838, 34.7165], [135.4868, 34.7103]]]
    again = empty.get(
        "/closures/roads.geojson",
        params=BOX,
        headers={"If-None-Match": response.headers["etag"]},
    )
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"west": None}, "west"),
        ({"south": None, "east": None, "north": None}, "south"),
        ({"east": "abc"}, "east"),
        ({"east": ""}, "east"),
        ({"east": "nan"}, "lon"),
        ({"north": "inf"}, "lat"),
        ({"south": -91}, "lat"),
        ({"east": WEST}, "east"),
        ({"west": 135.5, "east": WEST}, "east"),
        ({"north": 34.6}, "north"),
        # 4 km of longitude at 34.71°: 4 000 / (111 195 × 0.8221) = 0.04376°
        ({"east": WEST + 0.0438}, "east"),
        # 4 km of latitude: 4 000 / 111 195 = 0.03597°
        ({"north": 34.70 + 0.0360}, "north"),
        ({"west": -180, "east": 180}, "east"),
    ],
)
def test_box_that_is_none_or_too_large_is_refused(
    changes: dict[str, object], named: str, client: TestClient
) -> None:
    edges = {
        name: edge for name, edge in {**BOX, **changes}.items() if edge is not None
    }
    response = roads_of(client, **edges)
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert [one["field"] for one in response.json()["errors"]] == [named]


def test_box_of_just_under_four_kilometres_is_answered(client: TestClient) -> None:
    edges = {**BOX, "east": WEST + 0.0437, "north": 34.70 + 0.0359}
    assert roads_of(client, **edges).status_code == 200


# -- Excel -----------------------------------------------------------------------------


def csv_of(client: TestClient) -> list[dict[str, str]]:
    response = client.get("/closures.csv")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.content.startswith(b"\xef\xbb\xbf")  # else Excel guesses CP932
    return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))


def test_csv_holds_the_whole_history_in_more_than_one_page(
    empty: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{number}号線" for number in range(5)]
    for name in names:
        shut(empty, name=name, until=UNTIL_LIFTED)
    monkeypatch.setattr("api.routes.closures.MAX_HISTORY", 2)
    monkeypatch.setattr("api.routes.closures.SHOWN_HISTORY", 3)
    table = csv_of(empty)
    assert {row["名前"] for row in table} == set(names)
    assert len(table) == 5
    assert "はじめの3件を表示しています" in page_of(empty)


def test_csv_tells_each_closure_in_sortable_times(empty: TestClient) -> None:
    made = shut(
        empty,
        window_start="7:30",
        window_end="8:30",
        working_days_only="1",
        until=UNTIL_LIFTED,
    )
    services_of(empty).closures.lift(made.id, 1, who="鈴木")
    (row,) = csv_of(empty)
    assert row == {
        "登録": "2026-11-24 08:50",
        "登録者": "佐藤",
        "名前": "十三大橋",
        "種類": "区間",
        "理由": "冠水",
        "始まり": "2026-11-24 08:50",
        "終わり": "解除するまで",
        "毎日の時間帯": "7:30〜8:30",
        "開庁日だけ": "はい",
        "解除": "2026-11-24 08:50",
        "解除者": "鈴木",
        "備考": "",
        "地点(緯度 経度)": "34.716500 135.483800; 34.710300 135.486800",
    }


@pytest.mark.parametrize(
    "text", ["=1+1", "+81", "-5", "@x", " =1", "\t=1", "＝1", "'=1", '"=1', "\r\n=1"]
)
def test_cell_that_would_reckon_is_made_text(text: str) -> None:
    assert plain_cell(text) == "'" + text


@given(st.text(min_size=1))
def test_no_cell_begins_with_a_sign_that_reckons(text: str) -> None:
    cell = plain_cell(text)
    assert cell[0] not in "=+-@＝＋－＠"
    assert cell.removeprefix("'") in (text, text.removeprefix("'"))


def test_formula_in_a_name_stays_text_in_the_file(empty: TestClient) -> None:
    shut(empty, name='=HYPERLINK("https://evil.example")', who="@SUM(1)", note="+1")
    (row,) = csv_of(empty)
    assert row["名前"] == '\'=HYPERLINK("https://evil.example")'
    assert (row["登録者"], row["備考"]) == ("'@SUM(1)", "'+1")


# -- with roads ------------------------------------------------------------------------

LINES = ((LonLat(135.4838, 34.7165), LonLat(135.4868, 34.7103)),)


class KnownRoads(RoadTravelTimes):
    """Roads of which every closure shuts the same 1,049 m, but for one named 荒野."""

    def __init__(self) -> None:
        self.asked: list[Closure] = []
        self.boxes: list[BoundingBox] = []

    def roads_in(self, bounds: BoundingBox) -> tuple[RankedLine, ...]:
        self.boxes.append(bounds)
        return ((2, LINES[0]), (5, LINES[0]), (2, LINES[0][::-1]))

    def main_roads(self) -> tuple[tuple[LonLat, ...], ...]:
        return LINES

    def closed_roads(self, closure: Closure) -> ClosedRoads:
        self.asked.append(closure)
        if closure.name == "荒野":
            raise InvalidInputError("places", "この区域の中に道路がありません")
        return ClosedRoads(lines=LINES, length_m=1_049)

    def prepare(self, at: dt.datetime) -> None:
        del at

    def state(self) -> RoadState:
        return RoadState(
            level=TravelLevel.ROAD,
            manifest=None,
            algorithm="",
            num_restarts=0,
            num_engines=0,
        )

    def close(self) -> None:
        pass


def with_roads(client: TestClient, roads: Any) -> None:  # noqa: ANN401 - a stand-in
    """Give a served installation other roads than it was wired with."""
    app: Any = client.app
    wired = services_of(client)
    app.state.services = replace(wired, travel=replace(wired.travel, roads=roads))


def test_with_roads_the_page_tells_what_is_shut_and_when_plans_heed_it(
    empty: TestClient,
) -> None:
    roads = KnownRoads()
    with_roads(empty, roads)
    told = empty.post("/closures/preview", data=form(), headers=SCRIPT).json()
    assert told["text"] == "道路1区間・計1.0kmを閉めます"
    assert told["geojson"]["length_m"] == 1_049
    assert told["geojson"]["num_lines"] == 1
    made = shut(empty)
    page = page_of(empty, f"?made={made.id}")
    assert "新しい所要時間は約20秒後から計画に使われます" in page
    assert "確定済みの計画は変わりません" in page
    assert '<a href="/plan">今日の計画</a>を作り直してください' in page
    assert "道路データがありません" not in page
    (feature,) = empty.get("/v1/closures.geojson", headers=AUTH).json()["features"]
    assert feature["geometry"] == {
        "type": "MultiLineString",
        "coordinates": [[[135.4838, 34.7165], [135.4868, 34.7103]]],
    }
    assert feature["properties"]["basis"] == "roads"
    assert feature["properties"]["length_m"] == 1_049
    # roads are remembered by a closure's id: a draft must not lend its own to another
    drafts = [one.id for one in roads.asked if one.id != made.id]
    assert len(drafts) == len(set(drafts)) == 2
    ground = empty.get("/closures/roads.geojson").json()
    assert ground["features"][0]["geometry"] == feature["geometry"]


def test_closure_that_shuts_no_road_is_refused_before_it_is_stored(
    empty: TestClient,
) -> None:
    with_roads(empty, KnownRoads())
    response = posted(empty, name="荒野")
    assert response.status_code == 422
    assert "地点: この区域の中に道路がありません" in alert_of(response.text)
    assert history(empty) == []


def test_closure_made_on_other_road_data_is_drawn_by_its_places(
    empty: TestClient,
) -> None:
    shut(empty, name="荒野")  # no road data yet: it is recorded
    with_roads(empty, KnownRoads())
    (feature,) = empty.get("/closures/closed.geojson").json()["features"]
    assert feature["geometry"]["type"] == "LineString"
    assert feature["properties"]["basis"] == "places"


def test_an_engine_on_another_machine_counts_as_no_road_data(
    empty: TestClient,
) -> None:
    with_roads(empty, RemoteTravelTimes.__new__(RemoteTravelTimes))
    shut(empty)
    assert "所要時間には反映されません" in page_of(empty)


# -- words -----------------------------------------------------------------------------


def closure(**changes: Any) -> Closure:  # noqa: ANN401 - keyword overrides
    plain = Closure(
        id="c1",
        name="橋",
        shape=ClosureShape.STRETCH,
        places=(LonLat(135.48, 34.71), LonLat(135.49, 34.72)),
        reason=ClosureReason.WORKS,
        starts_at=NOW,
        made_at=NOW,
        made_by="佐藤",
    )
    return replace(plain, **changes)


def test_hours_are_told_with_their_days() -> None:
    morning = (DailyWindow(start_s=7 * 3600, end_s=9 * 3600),)
    assert hours_text(closure()) == "終日"
    assert hours_text(closure(working_days_only=True)) == "開庁日 終日"
    assert hours_text(closure(windows=morning)) == "毎日 7:00〜9:00"
    assert hours_text(closure(windows=morning, working_days_only=True)) == (
        "開庁日 7:00〜9:00"
    )


@pytest.mark.parametrize(
    ("metres", "told"), [(420, "420m"), (999, "999m"), (1_000, "1.0km")]
)
def test_length_of_roads_is_told_in_the_fitting_unit(metres: int, told: str) -> None:
    roads = ClosedRoads(lines=LINES, length_m=metres)
    assert roads_text(roads) == f"道路1区間・計{told}を閉めます"


def test_end_of_a_closure_is_the_first_moment_that_is_free(client: TestClient) -> None:
    services = services_of(client)
    one = closure(ends_at=NOW + dt.timedelta(minutes=1))
    states = []
    for seconds in (-1, 0, 59, 60):
        at = FixedClock(NOW + dt.timedelta(seconds=seconds)).now()
        view = ClosureView(dates=Pictures(services), profile=services.profile, now=at)
        states.append(str(view.state(one)))
    assert states == ["to_come", "in_force", "in_force", "over"]


def test_lifted_closure_is_drawn_until_its_lifting() -> None:
    one = closure(lifted_at=NOW + dt.timedelta(hours=1), lifted_by="鈴木", version=2)
    drawn = ClosedFeature.of(one, None)
    assert drawn.properties.until == NOW + dt.timedelta(hours=1)
