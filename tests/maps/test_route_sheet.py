"""The printed route sheet: text, codes, hostile words, the fold and the pages."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pypdfium2 as pdfium
import pytest
import zxingcpp

from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.travel import TravelLevel
from maps.route_sheet import (
    MapClosure,
    SheetData,
    SheetLeg,
    SheetStop,
    render_sheets,
    sheet_labels,
)
from maps.sheet_words import sheet_json
from tests.maps import road

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

FONTS = (
    Path(__file__).parents[2] / "node_modules" / "@expo-google-fonts" / "biz-udpgothic"
)
BASE_URL = "https://kidohan.example.jp/"
PHONE = "06-0000-1234"
HOSTILE = (
    "#import",
    '"]',
    "<script>",
    "${1+1}",
    "\\",
    "*bold*",
    "$x^2$",
    "//注",
    "@ref",
)
PLACES = (
    "中央区大手前一丁目3番20号",
    "中央区髙﨑町二丁目5番 髙﨑公園の北側の歩道",
    "天王寺区上本町六丁目1番",
    "浪速区難波中三丁目2番8号 先の交差点から東へ2本目の路地の入口付近 水路沿い",
)
WORK = (
    "舗装の穴(径30cm・深さ8cm)を常温合材で埋める。周囲にひび割れがあれば範囲を測り、写真を3枚撮る。",
    "側溝のふたのがたつき。ゴムを敷いて固定する。割れていれば取り替え、寸法を記録する。",
    "街路樹の枝が信号機にかかっている。見通しを確保し、剪定した枝は持ち帰る。",
)


def sheet_stop(order: int = 1, *, team: int = 0) -> SheetStop:
    """One ordinary stop; the order varies place, urgency and cautions."""
    start = 540 + 31 * order
    return SheetStop(
        order=order,
        chart_id=f"c{team:02d}{order:02d}9f3ab27e",
        chart_number=f"R8-{team:02d}{order:03d}",
        planned_start=f"{start // 60}:{start % 60:02d}",
        planned_end=f"{(start + 20) // 60}:{(start + 20) % 60:02d}",
        urgency="SABC"[(order - 1) % 4],
        place_text=PLACES[order % 4],
        landmark="コンビニの向かい" if order % 3 else "",
        district="南大江校区",
        category="舗装の穴",
        instruction=WORK[order % 3],
        materials="常温合材2袋・カラーコーン2本" if order % 5 else "",
        minutes=20,
        cautions=(("約束 10:00–12:00", "通学路"), ("期限超過", "一方通行"), ())[
            order % 3
        ],
        lon=135.51 + 0.011 * np.cos(order * 1.1 + team) + 0.002 * order,
        lat=34.675 + 0.010 * np.sin(order * 1.3 + team),
        radius_m=300.0 if order % 6 == 4 else 20.0,
        drive_min=11,
        call_back=PHONE if order == 5 else None,
        changed=order == 2,
        late=order in {2, 7},
    )


def ring(lon: float, lat: float, size: float) -> tuple[tuple[float, float], ...]:
    """Draw a wavy closed ring of 400 points, as heavy as a real ward's."""
    turn = np.linspace(0, 2 * np.pi, 400)
    far = size * (1 + 0.15 * np.sin(5 * turn))
    x, y = lon + far * np.cos(turn), lat + far * np.sin(turn)
    return tuple(zip(x.tolist(), y.tolist(), strict=True))


WARDS = tuple(
    (
        f"第{number}区",
        ring(135.44 + 0.02 * (number % 6), 34.61 + 0.025 * (number // 6), 0.014),
    )
    for number in range(24)
)


def sheet_data(stops: int = 12, *, team: int = 0) -> SheetData:
    """One team's ordinary day."""
    return SheetData(
        date_text="令和8年11月24日(火)",
        date_iso="2026-11-24",
        office="中部工営所",
        office_tel="06-0000-0000",
        team=f"機動{team + 1}班",
        vehicle="大阪 100 さ 12-34",
        crew_text="3名",
        plan_version=2,
        printed_at="2026-11-24 8:05",
        depart="9:00",
        return_="16:45",
        lunch="12:15–13:00",
        total_drive_min=132,
        total_km=24.3,
        travel_note="移動時間は推定(直線)",
        base_url=BASE_URL,
        base_lon=135.512,
        base_lat=34.672,
        stops=tuple(sheet_stop(order + 1, team=team) for order in range(stops)),
        wards=WARDS,
        attribution="国土数値情報(行政区域)を加工して作成",
    )


TURNS = (
    "北西へ出発(谷町筋)→350m先 右折 中央大通へ→1.2km先 左折→すぐ 右斜め→",
    "80m先 分岐を左 国道25号へ→640m先 左折 御堂筋へ→道なり110m→到着(左側)",
)


def on_roads(sheet: SheetData, *, points: int = 200, letters: int = 85) -> SheetData:
    """Give a day its roads: all known but the third leg, and one closure."""
    home = (sheet.base_lon, sheet.base_lat)
    way = [home, *((stop.lon, stop.lat) for stop in sheet.stops), home]
    levels = [TravelLevel.ROAD] * (len(way) - 1)
    levels[2], levels[-2] = TravelLevel.STRAIGHT_LINE, TravelLevel.ROAD_GRAPH
    turns = (TURNS[0] * 9 + TURNS[1])[-letters:]
    return replace(
        sheet,
        travel_note="移動時間は推定(道路)",
        stops=tuple(
            replace(stop, drive_level=level)
            for stop, level in zip(sheet.stops, levels, strict=False)
        ),
        legs=tuple(
            SheetLeg(
                path=road(here, there, points=points),
                level=level,
                directions="" if level is TravelLevel.STRAIGHT_LINE else turns,
                km=1.7,
                drive_min=8,
                arrives_left=at % 2 == 0,
            )
            for at, (here, there, level) in enumerate(
                zip(way[:-1], way[1:], levels, strict=True)
            )
        ),
        closures=(
            MapClosure(
                name="中之島大橋",
                reason_text="工事",
                until_text="11月30日まで",
                lines=(((135.505, 34.67), (135.515, 34.68)),),
                ring=None,
            ),
        ),
    )


def rendered(*sheets: SheetData, **labels: str) -> list[bytes]:
    return render_sheets(sheets, fonts_dir=FONTS, labels=labels)


def page_texts(pdf: bytes) -> list[str]:
    """Each page's text without white space and zero-width breaks."""
    document = pdfium.PdfDocument(pdf)
    return [
        re.sub(r"[\s\u200b\ufffe]", "", page.get_textpage().get_text_range())
        for page in document
    ]


def page_pixels(pdf: bytes, dpi: int) -> Iterator[NDArray[np.uint8]]:
    for page in pdfium.PdfDocument(pdf):
        yield page.render(scale=dpi / 72, grayscale=True).to_numpy().squeeze()


@pytest.fixture(scope="module")
def ordinary() -> bytes:
    return rendered(sheet_data(12))[0]


def decoded(pdf: bytes) -> set[str]:
    return {
        code.text
        for pixels in page_pixels(pdf, 150)
        for code in zxingcpp.read_barcodes(pixels)
    }


def expected_codes(sheet: SheetData) -> set[str]:
    return {f"https://kidohan.example.jp/c/{stop.chart_id}" for stop in sheet.stops}


def fold_is_blank(pdf: bytes) -> bool:
    """Look at the band 148.5 mm ± 2 mm between the two fold marks."""
    dpi = 200
    mm = dpi / 25.4
    return all(
        bool(
            (
                page[int(146.5 * mm) : int(150.5 * mm), int(8 * mm) : int(202 * mm)]
                > 250
            ).all()
        )
        for page in page_pixels(pdf, dpi)
    )


def hostile_roads() -> SheetData:
    """Make a day whose closures and turns are hostile."""
    words = " ".join(HOSTILE)
    sheet = on_roads(sheet_data(3))
    return replace(
        sheet,
        legs=tuple(
            replace(leg, directions=text)
            for leg, text in zip(
                sheet.legs,
                (f"右折 {words}へ→到着", words * 9, "W" * 900, "→" * 500),
                strict=True,
            )
        ),
        closures=tuple(
            replace(closure, name=words, reason_text=words, until_text=words * 9)
            for closure in sheet.closures
        ),
    )


def hostile_sheet() -> SheetData:
    words = " ".join(HOSTILE)
    stop = replace(
        sheet_stop(1),
        place_text=words,
        landmark=words,
        district=words,
        category=words,
        instruction=words + "掘" * 1000,
        materials=words,
        cautions=(words, "期限超過"),
        chart_number=words,
        call_back=words,
        changed=True,
        late=True,
        planned_start=words,
        planned_end=words,
        urgency="#S",
    )
    long = replace(sheet_stop(2), place_text="あ" * 300, cautions=("め" * 300,))
    unbroken = replace(
        sheet_stop(3), place_text="W" * 300, instruction="W" * 1000, landmark="W" * 99
    )
    return replace(
        sheet_data(0),
        stops=(stop, long, unbroken, sheet_stop(4)),
        office=words,
        team=words,
        vehicle=words,
        crew_text=words,
        office_tel=words,
        printed_at=words,
        travel_note=words,
        attribution=words * 9,
        wards=tuple((words[:9], points) for _, points in WARDS),
    )


def test_text_can_be_taken_out_of_the_sheet(ordinary: bytes) -> None:
    text = "".join(page_texts(ordinary))
    for words in (
        "令和8年11月24日(火)2026-11-24",
        "中央区髙﨑町二丁目5番髙﨑公園の北側の歩道",
        "浪速区難波中三丁目2番8号",
        "9:31–9:51",
        "R8-00012",
        "●変更△遅れ見込み",
        "▲期限超過",
        "移動時間は推定(直線)",
        "未了・持帰り",
        "追加通報",
        "担当係長",
        "国土数値情報",
    ):
        assert words in text


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext not installed")
def test_pdftotext_reads_the_same_names(ordinary: bytes, tmp_path: Path) -> None:
    program = shutil.which("pdftotext")
    assert program is not None
    path = tmp_path / "sheet.pdf"
    path.write_bytes(ordinary)
    text = subprocess.run(  # noqa: S603 - a program found on the path, our own file
        [program, str(path), "-"], check=True, capture_output=True, text=True
    ).stdout
    assert "中央区髙﨑町二丁目5番 髙﨑公園の北側の歩道" in text


def test_twelve_stops_take_three_pages_numbered_to_the_end(ordinary: bytes) -> None:
    # Half pages: cover 1 + 12 stops / 3 + closing 1 = 6 = 3 pages.
    texts = page_texts(ordinary)
    assert len(texts) == 3
    for number, text in enumerate(texts, start=1):
        assert f"{number}/3" in text
        assert "中部工営所機動1班令和8年11月24日(火)計画第2版印刷" in text


@pytest.mark.parametrize(("stops", "pages"), [(0, 1), (1, 2), (3, 2), (6, 2), (7, 3)])
def test_pages_follow_the_number_of_stops(stops: int, pages: int) -> None:
    # 1 stop: cover, stops, notes, closing = 4 halves; 6: cover, 2, closing = 4.
    texts = page_texts(rendered(sheet_data(stops))[0])
    assert len(texts) == pages
    assert f"{pages}/{pages}" in texts[-1]
    assert "追加通報" in texts[-1]


def test_a_team_without_stops_is_told_so_on_one_page() -> None:
    (text,) = page_texts(rendered(sheet_data(0))[0])
    assert "本日の訪問予定はありません。" in text
    assert "追加通報" in text
    assert "所長" in text


def test_every_code_decodes_from_a_grey_scan(ordinary: bytes) -> None:
    assert decoded(ordinary) == expected_codes(sheet_data(12))


def test_codes_hold_no_more_than_the_address_and_the_id() -> None:
    stop = replace(sheet_stop(5), chart_id="0f9c")
    pdf = rendered(replace(sheet_data(0), stops=(stop,)))[0]
    assert decoded(pdf) == {"https://kidohan.example.jp/c/0f9c"}


def test_a_telephone_number_is_printed_only_when_the_caller_waits() -> None:
    asked, silent = rendered(
        sheet_data(5),
        replace(
            sheet_data(5),
            stops=tuple(replace(stop, call_back=None) for stop in sheet_data(5).stops),
        ),
    )
    assert PHONE in "".join(page_texts(asked))
    assert PHONE not in "".join(page_texts(silent))
    assert "通報者" not in "".join(page_texts(silent))


def test_hostile_words_are_printed_as_they_are() -> None:
    first, *_ = page_texts(rendered(hostile_sheet())[0])
    assert "".join(HOSTILE) in first


def test_hostile_words_break_neither_grid_nor_codes() -> None:
    sheet = hostile_sheet()
    (pdf,) = rendered(sheet)
    texts = page_texts(pdf)
    # Half pages: cover, stops 1-3, stop 4, notes or closing = 4 = 2 pages.
    assert len(texts) == 2
    assert fold_is_blank(pdf)
    assert decoded(pdf) == expected_codes(sheet)
    assert "あ" * 40 in texts[0]
    assert "…" in texts[0]


def test_control_and_direction_marks_are_dropped() -> None:
    stop = replace(sheet_stop(1), place_text="北\u202e区\x07\ud800\n中\x00之島")
    (pdf,) = rendered(replace(sheet_data(0), stops=(stop,)))
    assert "北区中之島" in page_texts(pdf)[0]


def test_directions_are_told_leg_by_leg_after_the_stops() -> None:
    texts = page_texts(rendered(on_roads(sheet_data(12)))[0])
    text = "".join(texts)
    assert text.index("12:") < text.index("道順") < text.index("未了・持帰り")
    assert "基地→1" in text
    assert "12→基地" in text
    assert "1.7km・8分左側着" in text
    assert "1.7km・8分(直線)左側着" in text
    assert "道なり110m→到着(左側)" in text
    assert "道路の資料がない区間です。" in text
    note = "移動時間:推定(道路)、(簡易)=推定(道路・簡易)、(直線)=推定(直線)"
    assert note in text


def test_without_directions_the_part_is_left_out() -> None:
    sheet = on_roads(sheet_data(2))
    silent = replace(
        sheet, legs=tuple(replace(leg, directions="") for leg in sheet.legs)
    )
    for texts in map(page_texts, rendered(sheet_data(2), silent)):
        assert "道順" not in "".join(texts)
        assert len(texts) == 2


@pytest.mark.parametrize("letters", [85, 399])
@pytest.mark.parametrize("stops", [2, 4, 7, 12])
def test_directions_take_one_more_page_at_most(stops: int, letters: int) -> None:
    plain, told = rendered(
        sheet_data(stops), on_roads(sheet_data(stops), letters=letters)
    )
    pages = page_texts(told)
    assert len(pages) <= len(page_texts(plain)) + 1
    assert f"{len(pages)}/{len(pages)}" in pages[-1]
    assert "担当係長" in pages[-1]
    assert fold_is_blank(told)


def test_short_turns_are_told_whole_on_a_full_day() -> None:
    text = "".join(page_texts(rendered(on_roads(sheet_data(12)))[0]))
    # Thirteen legs, of which the third is straight.
    assert text.count("道なり110m→到着(左側)") == 12


def test_turns_that_find_no_room_end_in_dots() -> None:
    text = "".join(page_texts(rendered(on_roads(sheet_data(12), letters=399))[0]))
    assert "→…" in text
    assert "到着(左側)" not in text


def test_a_drive_time_says_when_it_is_not_by_road() -> None:
    texts = "".join(page_texts(rendered(on_roads(sheet_data(12)))[0]))
    # The legs to stops 3 and 12 are straight and simplified, the others are roads.
    assert texts.count("移動11分(直線)作業") == 1
    assert texts.count("移動11分(簡易)作業") == 1
    assert texts.count("移動11分作業") == 10
    plain = "".join(page_texts(rendered(sheet_data(3))[0]))
    assert plain.count("移動11分(直線)") == 3


def test_waiting_for_a_closure_to_end_is_told_beside_the_drive() -> None:
    sheet = sheet_data(3)
    first, *others = sheet.stops
    held = replace(first, drive_min=156, held_min=120, drive_level=TravelLevel.ROAD)
    text = "".join(page_texts(rendered(replace(sheet, stops=(held, *others)))[0]))
    assert "移動156分(規制待ち120分)" in text
    assert text.count("規制待ち") == 1


def bundled(sheet: SheetData) -> SheetData:
    """Walk from stop 2 to 3, 4 beside it; the bundle goes over the fold."""
    ways = {2: 11, 3: 1, 4: 0}
    return replace(
        sheet,
        stops=tuple(
            replace(stop, bundle=(2, 4), drive_min=ways[stop.order])
            if stop.order in ways
            else stop
            for stop in sheet.stops
        ),
    )


def test_stops_of_one_parking_say_so_and_tell_the_walk() -> None:
    text = "".join(page_texts(rendered(bundled(sheet_data(5)))[0]))
    assert text.count("2–4まとめ(徒歩)・駐車1回") == 1
    assert text.count("2–4まとめ") == 3
    # 1, 2 and 5 are driven to, each in 11 minutes
    assert text.count("移動11分(直線)") == 3
    assert (text.count("徒歩1分"), text.count("同じ場所")) == (1, 1)


def test_a_bar_joins_the_stops_of_one_parking_and_stays_off_the_fold() -> None:
    sheet = bundled(sheet_data(5))
    pdf = rendered(sheet)[0]
    assert fold_is_blank(pdf)
    # The bar is 2 mm left of the rows, at 8 mm. Stops 1 to 3 are on the lower half of
    # the first page from 151.5 mm on, 44 mm each, 4 at the top of the next, from 8 mm:
    # from 3 mm below the top of stop 2 to 3 mm above the bottom of stop 4.
    mm = 200 / 25.4
    first, second, *_ = [
        (page[:, int(7.6 * mm) : int(8.4 * mm)] < 100).any(axis=1)
        for page in page_pixels(pdf, 200)
    ]
    black = [np.flatnonzero(column) / mm for column in (first, second)]
    ends = [end for rows in black for end in (float(rows.min()), float(rows.max()))]
    assert ends == pytest.approx([198.5, 283.5, 8, 49], abs=0.6)
    # and no gap: 85 mm and 41 mm of it
    assert [len(rows) / mm for rows in black] == pytest.approx([85, 41], abs=1.2)


def test_a_drive_line_of_long_words_takes_two_lines() -> None:
    sheet = on_roads(sheet_data(4))
    stops = tuple(replace(stop, drive_min=123) for stop in sheet.stops)
    (pdf,) = rendered(replace(sheet, stops=stops), **sheet_labels("en"))
    text = "".join(page_texts(pdf))
    assert "Drive123min(line)" in text
    assert "Drive123min(simple)" in text
    assert "Directions" in text


def test_the_map_says_straight_only_where_a_line_is_straight() -> None:
    sheet = on_roads(sheet_data(4))
    roads = replace(
        sheet,
        legs=tuple(replace(leg, level=TravelLevel.ROAD) for leg in sheet.legs),
        stops=tuple(
            replace(stop, drive_level=TravelLevel.ROAD) for stop in sheet.stops
        ),
    )
    # In the PDF the words of the map are outlines: its drawing still has them.
    maps = [json.loads(sheet_json(s, sheet_labels()))["map"] for s in (sheet, roads)]
    assert ["推定(直線)" in drawing for drawing in maps] == [True, False]
    assert all("通行規制 中之島大橋(工事 11月30日まで)" in drawing for drawing in maps)


def test_hostile_turns_and_closures_are_printed_as_they_are() -> None:
    (pdf,) = rendered(hostile_roads())
    texts = page_texts(pdf)
    # Cover, stops, directions, closing: four halves.
    assert len(texts) == 2
    assert f"右折{''.join(HOSTILE)}へ→到着" in "".join(texts)
    assert "…" in texts[1]
    assert fold_is_blank(pdf)
    assert decoded(pdf) == expected_codes(hostile_roads())


def test_legs_that_do_not_match_the_stops_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="legs"):
        replace(on_roads(sheet_data(3)), stops=())


@pytest.mark.parametrize("stops", [0, 1, 6, 12, 20])
def test_nothing_crosses_the_fold(stops: int) -> None:
    assert fold_is_blank(rendered(sheet_data(stops))[0])


def test_the_fold_is_marked_at_both_margins(ordinary: bytes) -> None:
    for page in page_pixels(ordinary, 200):
        mm = 200 / 25.4
        band = page[int(148 * mm) : int(149 * mm)]
        assert (band[:, : int(8 * mm)] < 200).any()
        assert (band[:, int(202 * mm) :] < 200).any()


def test_nothing_is_printed_where_a_printer_cannot(ordinary: bytes) -> None:
    for page in page_pixels(ordinary, 100):
        edge = int(2.5 * 100 / 25.4)
        assert (page[:edge] > 250).all()
        assert (page[-edge:] > 250).all()


def test_every_page_is_a4_portrait(ordinary: bytes) -> None:
    for page in pdfium.PdfDocument(ordinary):
        # 210 mm × 297 mm = 595.28 pt × 841.89 pt
        assert page.get_size() == pytest.approx((595.28, 841.89), abs=0.05)


def test_the_same_day_gives_the_same_file(ordinary: bytes) -> None:
    assert rendered(sheet_data(3), sheet_data(12))[1] == ordinary


def test_words_can_be_another_citys() -> None:
    text = "".join(page_texts(rendered(sheet_data(2), **sheet_labels("en"))[0]))
    assert "Routesheet" in text
    assert "Addedcalls" in text
    assert "措置" not in text


def test_one_word_can_be_replaced() -> None:
    text = "".join(page_texts(rendered(sheet_data(1), title="作業表")[0]))
    assert text.startswith("作業表")
    assert "追加通報" in text


def test_languages_name_the_same_words() -> None:
    assert sheet_labels("en").keys() == sheet_labels().keys()


def test_an_unknown_word_or_language_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"labels\.titel"):
        rendered(sheet_data(0), titel="作業表")
    for language in ("fr", "../x"):
        with pytest.raises(InvalidInputError, match="language"):
            sheet_labels(language)


def test_a_folder_without_the_font_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="BIZ UDPGothic"):
        render_sheets([sheet_data(0)], fonts_dir=tmp_path, labels={})


def test_no_team_gives_no_sheet() -> None:
    assert rendered() == []
