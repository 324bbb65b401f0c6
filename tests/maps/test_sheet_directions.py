"""The turns of a day fit the half pages that they may take, whole and in order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.travel import TravelLevel
from maps.route_sheet import SheetData, SheetLeg, sheet_labels
from maps.sheet_directions import ROOM_MM, direction_halves, level_mark
from tests.maps.test_route_sheet import sheet_data

TURN = "350m先 右折 御堂筋へ→"


def leg(directions: str, level: TravelLevel = TravelLevel.ROAD) -> SheetLeg:
    return SheetLeg(
        path=(),
        level=level,
        directions=directions,
        km=1.24,
        drive_min=5,
        arrives_left=False,
    )


def day(*legs: SheetLeg) -> SheetData:
    return replace(sheet_data(len(legs) - 1), legs=legs)


def halves(sheet: SheetData) -> list[dict[str, Any]]:
    return direction_halves(sheet, sheet_labels(), str.strip)


def rows(sheet: SheetData) -> list[dict[str, Any]]:
    return [row for half in halves(sheet) for row in half["rows"]]


def test_no_directions_at_all_give_no_part() -> None:
    assert halves(sheet_data(2)) == []
    assert halves(day(leg(""), leg("  "), leg(""))) == []


def test_a_row_names_leg_place_figures_and_side() -> None:
    first, second = rows(
        day(replace(leg("西へ出発→到着"), arrives_left=True), leg("東へ出発→到着"))
    )
    assert (first["leg"], second["leg"]) == ("基地→1", "1→基地")
    assert second["place"] == "基地"
    assert first["figures"] == "1.2 km・5分"
    assert (first["left"], second["left"]) == ("左側着", "")
    assert [turn["text"] for turn in first["turns"]] == ["西へ出発→", "到着"]


def test_a_leg_without_directions_says_so_among_others() -> None:
    _, second = rows(day(leg("西へ出発"), leg("", TravelLevel.STRAIGHT_LINE)))
    assert [turn["text"] for turn in second["turns"]] == ["道路の資料がない区間です。"]
    assert second["figures"] == "1.2 km・5分(直線)"


def test_the_note_explains_only_the_levels_that_occur() -> None:
    roads = halves(day(leg("西へ"), leg("東へ")))
    assert roads[0]["note"] == "移動時間: 推定(道路)"
    mixed = halves(day(*(leg("西へ", level) for level in TravelLevel)))
    assert mixed[0]["note"] == (
        "移動時間: 推定(道路)、(簡易) = 推定(道路・簡易)、(直線) = 推定(直線)"
    )


def test_a_walk_is_told_as_one_and_not_as_a_poor_drive() -> None:
    walk = replace(
        leg("", TravelLevel.STRAIGHT_LINE), walked=True, km=0.0334, drive_min=1
    )
    same = replace(walk, km=0.0, drive_min=0)
    day_on_foot = day(leg("西へ出発"), walk, same, leg("東へ出発"))
    _, first, second, _ = rows(day_on_foot)
    assert first["figures"] == "徒歩 33 m・1分"
    assert second["figures"] == "同じ場所"
    told = "車はそのまま、徒歩で移動します。"
    assert "".join(turn["text"] for turn in first["turns"]) == told
    assert halves(day_on_foot)[0]["note"] == "移動時間: 推定(道路)"


def test_level_marks_are_short_and_none_for_a_road() -> None:
    marks = [level_mark(level, sheet_labels()) for level in TravelLevel]
    assert marks == ["", "(簡易)", "(直線)"]


def test_a_row_is_as_high_as_its_turns_need() -> None:
    # 350m先 右折 御堂筋へ→ has 3 figures, 3 small letters or spaces and 8 wide ones:
    # 3 * 0.76 + 3 * 0.62 + 8 = 12.1 em. A line has 122 mm / 3.53 mm = 34.6 em: two of
    # them, so 5 take 3 lines and 11 take 6; no row has more than 6 or less than 2.
    days = day(*(leg(TURN * turns) for turns in (1, 5, 11, 40)))
    assert [row["lines"] for row in rows(days)] == [2, 3, 6, 6]


def test_one_long_name_flows_over_several_lines() -> None:
    # 100 wide letters in lines of 34.6 em: 3 lines.
    (first, _) = rows(day(leg("大" * 100), leg("東へ")))
    assert first["lines"] == 3
    assert not first["turns"][0]["whole"]


def test_thirteen_long_legs_are_cut_rather_than_take_a_third_half_page() -> None:
    parts = halves(day(*(leg(TURN * 20) for _ in range(13))))
    assert len(parts) == 2
    # A row of 3 lines has 3 * 3.53 + 2 * 0.92 + 2.6 = 15.0 mm: 7 in 119 mm; rows of
    # 4 lines would be 19.5 mm high: 6 in a half page, 12 in two.
    assert [row["lines"] for part in parts for row in part["rows"]] == [3] * 13


@given(
    st.lists(st.text(alphabet="→ 右左折先1m橋", max_size=400), min_size=2, max_size=22)
)
def test_every_leg_is_told_once_in_order_and_fits(texts: list[str]) -> None:
    parts = halves(day(*(leg(text) for text in texts)))
    told = [row["leg"] for part in parts for row in part["rows"]]
    assert len(told) == (len(texts) if any(text.strip() for text in texts) else 0)
    assert [name.split("→")[0] for name in told[1:]] == [
        str(n) for n in range(1, len(told))
    ]
    for part in parts:
        assert sum(row["high_mm"] for row in part["rows"]) <= ROOM_MM + 0.2
    assert len(parts) <= (2 if len(texts) <= 13 else 4)
