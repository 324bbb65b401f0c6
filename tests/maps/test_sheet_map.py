"""The overview map: valid SVG, every sign, circles that do not cover each other."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from maps.sheet_map import MapStop, SheetMap, sheet_map_svg

SVG = "{http://www.w3.org/2000/svg}"
BASE = (135.512, 34.672)
SQUARE = ((135.4, 34.6), (135.6, 34.6), (135.6, 34.75), (135.4, 34.75), (135.4, 34.6))
STOPS = (
    MapStop(order=1, lon=135.500, lat=34.680),
    MapStop(order=2, lon=135.520, lat=34.690, radius_m=300.0),
    MapStop(order=3, lon=135.530, lat=34.670, radius_m=150.0),
)
MAP = SheetMap(base=BASE, stops=STOPS, wards=(("中央区", SQUARE),))


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
        )
    )
    assert root.find(f".//{SVG}script") is None
    assert texts(root).count("".join(c for c in name if c.isprintable())) == 4


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


def test_every_long_leg_has_an_arrow() -> None:
    # depot → 1 → 2 → 3 → depot: four legs.
    arrows = [
        path
        for path in parsed(MAP).iter(f"{SVG}path")
        if "rotate" in path.attrib.get("transform", "")
    ]
    assert len(arrows) == 4


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
