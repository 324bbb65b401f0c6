"""The overview map: valid SVG, every sign, circles that do not cover each other."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from dispatch.domain.travel import TravelLevel
from maps.road_lines import MapClosure, MapLeg
from maps.sheet_map import MapStop, SheetMap, sheet_map_svg
from tests.maps import road

SVG = "{http://www.w3.org/2000/svg}"
BASE = (135.512, 34.672)
SQUARE = ((135.4, 34.6), (135.6, 34.6), (135.6, 34.75), (135.4, 34.75), (135.4, 34.6))
STOPS = (
    MapStop(order=1, lon=135.500, lat=34.680),
    MapStop(order=2, lon=135.520, lat=34.690, radius_m=300.0),
    MapStop(order=3, lon=135.530, lat=34.670, radius_m=150.0),
)
MAP = SheetMap(base=BASE, stops=STOPS, wards=(("中央区", SQUARE),))


WAY = (BASE, *((stop.lon, stop.lat) for stop in STOPS), BASE)
ROADS = tuple(
    MapLeg(path=road(here, there), level=TravelLevel.ROAD)
    for here, there in itertools.pairwise(WAY)
)
BRIDGE = MapClosure(
    name="大江橋",
    reason_text="工事",
    until_text="11月30日まで",
    lines=(((135.505, 34.670), (135.505, 34.690)),),
    ring=None,
)
SCHOOL = MapClosure(
    name="小学校前",
    reason_text="",
    until_text="",
    lines=(),
    ring=((135.515, 34.675), (135.520, 34.675), (135.520, 34.680)),
)
FAR = replace(BRIDGE, name="遠い橋", lines=(((136.0, 35.0), (136.1, 35.0)),))


def parsed(sheet_map: SheetMap) -> ET.Element:
    return ET.fromstring(sheet_map_svg(sheet_map))  # noqa: S314 - our own drawing


def texts(root: ET.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


def numbered_circles(root: ET.Element) -> list[tuple[float, float]]:
    return [
        (float(circle.attrib["cx"]), float(circle.attrib["cy"]))
        for circle in root.iter(f"{SVG}circle")
        if circle.attrib.get("fill") == "#fff"
    ]


def test_every_sign_is_drawn() -> None:
    words = texts(parsed(MAP))
    assert {"1", "2", "3", "中央区", "基地", "推定(直線)", "N", "1 km"} <= set(words)


def test_size_is_the_size_on_paper() -> None:
    root = ET.fromstring(sheet_map_svg(MAP, width_mm=120, height_mm=60))  # noqa: S314
    assert root.attrib["viewBox"] == "0 0 1200 600"
    assert (root.attrib["width"], root.attrib["height"]) == ("120mm", "60mm")


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", '"]&amp;', "${1+1}", "\\", "\x00\ud800北", "&"],
)
def test_hostile_names_stay_words(name: str) -> None:
    root = parsed(
        replace(
            MAP,
            wards=((name, SQUARE),),
            place_labels=((name, BASE),),
            base_text=name,
            estimated_text=name,
            closures_text=name,
            closures=(replace(SCHOOL, name=name),),
        )
    )
    assert root.find(f".//{SVG}script") is None
    shown = "".join(c for c in name if c.isprintable())
    assert texts(root).count(shown) == 4
    assert sum(text.startswith(f"{shown} ") for text in texts(root)) == 1


def test_a_place_known_only_roughly_gets_a_dashed_ring() -> None:
    # Over 150 m: stop 2 has a ring, stop 3 (exactly 150 m) has none.
    rings = [
        circle
        for circle in parsed(MAP).iter(f"{SVG}circle")
        if "stroke-dasharray" in circle.attrib
    ]
    assert len(rings) == 1


def test_ring_and_scale_bar_agree() -> None:
    root = parsed(MAP)
    bar = re.search(r"M25 \d+V\d+H([\d.]+)V", sheet_map_svg(MAP))
    assert bar is not None
    units_per_m = (float(bar[1]) - 25) / 1000
    (ring,) = (c for c in root.iter(f"{SVG}circle") if "stroke-dasharray" in c.attrib)
    assert float(ring.attrib["r"]) == pytest.approx(300 * units_per_m, abs=0.2)


def test_circles_at_one_address_are_moved_apart_and_led_back() -> None:
    stops = tuple(MapStop(order=n, lon=135.52, lat=34.68) for n in range(1, 8))
    root = parsed(replace(MAP, stops=stops))
    circles = numbered_circles(root)
    assert len(circles) == 7
    for one, other in itertools.combinations(circles, 2):
        # Two radii of 32 units make 64: at most a hair of overlap may remain.
        assert math.dist(one, other) >= 62
    assert len(list(root.iter(f"{SVG}line"))) == 14


def test_circles_leave_the_depot_free() -> None:
    stops = (MapStop(order=1, lon=BASE[0], lat=BASE[1]), *STOPS)
    root = parsed(replace(MAP, stops=stops))
    assert len(list(root.iter(f"{SVG}line"))) == 2


def arrows(root: ET.Element) -> list[tuple[float, float, float]]:
    """Place and turn of every arrowhead."""
    found = [
        re.findall(r"-?[\d.]+", path.attrib["transform"])
        for path in root.iter(f"{SVG}path")
        if "rotate" in path.attrib.get("transform", "")
    ]
    return [(float(x), float(y), float(turn)) for x, y, turn in found]


def stroked(root: ET.Element, **look: str) -> list[str]:
    """Path data of every line with this look."""
    return [
        path.attrib["d"]
        for path in root.iter(f"{SVG}path")
        if all(path.attrib.get(k.replace("_", "-")) == v for k, v in look.items())
    ]


def test_arrows_stand_in_the_middle_of_a_leg_and_turn_with_it() -> None:
    # One stop due east: the way there points right (0), the way back left (180).
    root = parsed(replace(MAP, stops=(MapStop(order=1, lon=135.516, lat=34.672),)))
    (x_1, y_1, there), (x_2, y_2, back) = arrows(root)
    assert (there, abs(back)) == (0.0, 180.0)
    # Both are halfway, each 0.7 mm left of the line as one drives: 14 units apart.
    assert x_1 == x_2
    assert y_2 - y_1 == pytest.approx(14.0, abs=0.2)


def test_a_long_leg_has_an_arrow_every_45_millimetres() -> None:
    # The frame is 1,900 wide, 70 of them free on each side: a leg of 1,760 units and
    # one as long back make 1,760 / 450 = 3.9, so 4 arrows each.
    root = parsed(replace(MAP, stops=(MapStop(order=1, lon=135.6, lat=34.672),)))
    assert len(arrows(root)) == 8


def test_arrows_lie_on_the_road_not_on_the_straight_line() -> None:
    stop = MapStop(order=1, lon=135.522, lat=34.672)
    corner = ((135.512, 34.672), (135.512, 34.662), (135.522, 34.662))
    north = (*corner, (135.522, 34.672))
    legs = tuple(
        MapLeg(path=path, level=TravelLevel.ROAD) for path in (north, north[::-1])
    )
    turns = [
        turn for *_, turn in arrows(parsed(replace(MAP, stops=(stop,), legs=legs)))
    ]
    # There: south (90 on paper), east, north; back: south, west, north.
    assert {0.0, 90.0, -90.0, 180.0} == {abs(t) if abs(t) == 180 else t for t in turns}


def test_roads_are_solid_and_straight_lines_dashed_and_named() -> None:
    on_roads = parsed(replace(MAP, legs=ROADS))
    assert stroked(on_roads, stroke_dasharray="24 10") == []
    assert "推定(直線)" not in texts(on_roads)
    straight = replace(ROADS[1], path=WAY[1:3], level=TravelLevel.STRAIGHT_LINE)
    mixed = parsed(replace(MAP, legs=(ROADS[0], straight, *ROADS[2:])))
    (dashed,) = stroked(mixed, stroke_dasharray="24 10")
    assert dashed.count("L") == 1
    assert "推定(直線)" in texts(mixed)
    (solid,) = [
        d for d in stroked(mixed, stroke="#000", stroke_width="6") if d != dashed
    ]
    assert solid.count("M") == 3


def test_without_legs_every_line_is_dashed() -> None:
    root = parsed(MAP)
    (dashed,) = stroked(root, stroke_dasharray="24 10")
    assert dashed.count("M") == 4
    assert "推定(直線)" in texts(root)


def test_a_leg_that_is_no_line_is_left_out() -> None:
    legs = (replace(ROADS[0], path=()), *ROADS[1:])
    (solid,) = stroked(parsed(replace(MAP, legs=legs)), stroke="#000", stroke_width="6")
    assert solid.count("M") == 3


def test_a_leg_that_does_not_move_breaks_nothing() -> None:
    legs = (replace(ROADS[0], path=(BASE, BASE)), *ROADS[1:])
    assert texts(parsed(replace(MAP, legs=legs)))


def test_a_way_far_around_stays_inside_the_frame() -> None:
    around = (BASE, (135.60, 34.60), WAY[1])
    root = parsed(replace(MAP, legs=(replace(ROADS[0], path=around), *ROADS[1:])))
    for path in stroked(root, stroke="#000", stroke_width="6"):
        places = [
            (float(x), float(y)) for x, y in re.findall(r"([-.\d]+) ([-.\d]+)", path)
        ]
        assert all(0 < x < 1900 and 0 < y < 960 for x, y in places)


def test_closures_inside_the_frame_are_striped_crossed_and_named() -> None:
    root = parsed(replace(MAP, closures=(BRIDGE, SCHOOL, FAR)))
    assert "通行規制 大江橋(工事 11月30日まで)、小学校前" in texts(root)
    (stripes,) = stroked(root, stroke="#fff", stroke_dasharray="16 16")
    # One line, and the outline of the area.
    assert stripes.count("M") == 2
    assert stroked(root, stroke="#fff", stroke_width="17")


def test_a_closure_outside_the_frame_is_not_spoken_of() -> None:
    svg = sheet_map_svg(replace(MAP, closures=(FAR,)))
    assert "通行規制" not in svg
    assert svg == sheet_map_svg(MAP)


def test_a_closure_cut_by_the_frame_is_drawn_to_its_edge() -> None:
    long = replace(BRIDGE, lines=(((135.0, 34.68), (136.0, 34.68)),))
    (stripes,) = stroked(
        parsed(replace(MAP, closures=(long,))), stroke_dasharray="16 16"
    )
    assert re.fullmatch(r"M0\.0 ([\d.]+)L1900\.0 \1", stripes)


def test_an_area_around_all_of_the_map_has_its_sign_inside() -> None:
    whole = replace(SCHOOL, ring=SQUARE)
    root = parsed(replace(MAP, closures=(whole,)))
    assert stroked(root, stroke_dasharray="16 16") == []
    assert len(stroked(root, stroke="#000", stroke_width="8")) == 2  # map and legend


def test_many_closures_are_named_as_far_as_there_is_room() -> None:
    some = tuple(replace(BRIDGE, name=f"第{n}号の橋") for n in range(9))
    (line,) = [t for t in texts(parsed(replace(MAP, closures=some))) if "規制" in t]
    told = re.fullmatch(r"通行規制 (第\d号の橋、)+ほか(\d)件", line)
    assert told is not None
    assert line.count("橋") + int(told[2]) == 9


@pytest.mark.parametrize(("count", "end"), [(1, "…"), (3, "…、ほか2件")])
def test_a_name_too_long_for_the_legend_is_cut(count: int, end: str) -> None:
    long = replace(BRIDGE, name="大" * 300)
    (line,) = [
        t for t in texts(parsed(replace(MAP, closures=(long,) * count))) if "規制" in t
    ]
    assert re.fullmatch(f"通行規制 大{{9,30}}{end}", line)


def test_every_circle_is_inside_the_frame() -> None:
    stops = tuple(
        MapStop(order=n, lon=135.4 + n / 100, lat=34.6 + (n % 7) / 50)
        for n in range(1, 21)
    )
    for x, y in numbered_circles(parsed(replace(MAP, stops=stops))):
        assert 32 <= x <= 1868
        assert 32 <= y <= 928


def test_a_ward_outside_the_map_or_without_area_is_left_out() -> None:
    far = tuple((lon + 3, lat) for lon, lat in SQUARE)
    root = parsed(replace(MAP, wards=(("遠区", far), ("点区", (BASE, BASE)))))
    assert not {"遠区", "点区"} & set(texts(root))


def test_a_ward_that_the_route_fills_is_not_named() -> None:
    # Back and forth every 0.0006 degrees of latitude: 67 m, about 24 units.
    rows = [34.664 + at * 0.0006 for at in range(55)]
    ends = ((135.49, 135.54), (135.54, 135.49))
    snake = tuple((lon, lat) for at, lat in enumerate(rows) for lon in ends[at % 2])
    filled = replace(MAP, legs=(replace(ROADS[0], path=snake), *ROADS[1:]))
    ward = ((135.495, 34.667), (135.535, 34.667), (135.535, 34.694), (135.495, 34.694))
    assert "中央区" in texts(parsed(MAP))
    assert "中央区" not in texts(parsed(replace(filled, wards=(("中央区", ward),))))


def test_a_ward_that_crosses_itself_is_still_drawn() -> None:
    bow = ((135.49, 34.66), (135.54, 34.70), (135.54, 34.66), (135.49, 34.70))
    assert "蝶区" in texts(parsed(replace(MAP, wards=(("蝶区", bow),))))


def test_a_ward_in_parts_is_named_once() -> None:
    root = parsed(replace(MAP, wards=(("中央区", SQUARE), ("中央区", SQUARE))))
    assert texts(root).count("中央区") == 1


def test_a_route_without_stops_shows_the_depot_alone() -> None:
    root = parsed(replace(MAP, stops=()))
    assert "基地" in texts(root)
    assert numbered_circles(root) == []
