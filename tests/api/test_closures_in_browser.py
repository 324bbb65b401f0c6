"""The closures' page in a real browser: points, preview, words that stay words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Request, sync_playwright

from tests.acceptance.command import API_KEY, NODE_MODULES, Served, environment
from tests.api.installation import HOSTILE
from tests.chromium import ARGS, CHROMIUM

AXE = NODE_MODULES / "axe-core" / "axe.min.js"
BY_HAND = "34.716500, 135.483800"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not Path(CHROMIUM).exists() or not AXE.is_file(),
        reason="NOT TESTED IN A BROWSER: no chromium or no node_modules here",
    ),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path) -> Iterator[str]:
    """Serve an installation without road data, with one hostile closure in force."""
    folder = tmp_path_factory.mktemp("closures")
    settings = environment(
        geodata_dir,
        KIDOHAN_DATABASE_URL=f"sqlite:///{folder / 'closures.sqlite3'}",
        KIDOHAN_API_KEYS=f"desk:{API_KEY}",
        KIDOHAN_ROADS_DIR=str(folder / "none"),
    )
    closure = {
        "name": f"<img src=x onerror=alert(1)>{HOSTILE}",
        "shape": "stretch",
        "places": [[135.48, 34.70], [135.50, 34.70]],
        "reason": "works",
        "who": "佐藤",
    }
    with Served(folder, settings) as server:
        with server.client() as client:
            answer = client.post("/v1/closures", json=closure)
        assert answer.status_code == 201
        yield server.url


@pytest.fixture
def page(url: str) -> Iterator[Page]:
    """Open the page; it must not complain, nor ask another host."""
    troubles: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        page.goto(f"{url}/closures", wait_until="networkidle")
        yield page
        browser.close()
    assert troubles == []


def points(page: Page) -> list[str]:
    """Points as the form would send them."""
    typed: str = page.evaluate("document.getElementById('places').value")
    return typed.splitlines()


def test_points_come_by_click_and_by_hand_and_go_one_by_one(page: Page) -> None:
    page.fill("#point", BY_HAND)
    page.press("#point", "Enter")
    page.wait_for_timeout(400)  # the map moves there
    box = page.locator("#closure-map").bounding_box()
    assert box is not None
    for x, y in ((0.3, 0.3), (0.7, 0.3)):
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.wait_for_timeout(300)  # two at once would zoom
    first, second, third = points(page)
    assert first == BY_HAND
    # clicked at one height of the map: the same latitude, the second farther east
    assert second.split(", ")[0] == third.split(", ")[0]
    assert float(second.split(", ")[1]) < float(third.split(", ")[1])
    assert page.locator("#points li").count() == 3
    page.get_by_label("2番目の地点を消す").press("Enter")
    assert points(page) == [first, third]
    page.fill("#point", "ここ")
    page.click("#add-point")
    assert points(page) == [first, third]


def test_all_roads_are_asked_for_from_near_and_not_again_nearby(page: Page) -> None:
    asked: list[Request] = []
    page.on("request", lambda one: asked.append(one) if "?west=" in one.url else None)
    with page.expect_response("**/closures/roads.geojson?west=*") as answer:
        page.fill("#point", BY_HAND)  # the map goes there, to zoom 15
        page.press("#point", "Enter")
    assert answer.value.status == 200
    query = parse_qs(urlsplit(answer.value.url).query)
    edges = {name: float(values[0]) for name, values in query.items()}
    assert edges["west"] < 135.4838 < edges["east"]
    assert edges["south"] < 34.7165 < edges["north"]
    page.wait_for_timeout(400)
    before = len(asked)
    page.click(".leaflet-control-zoom-in")  # the same streets, larger
    page.wait_for_timeout(1_000)
    assert len(asked) == before
    for _ in range(3):  # zoom 13: the bigger roads only
        page.click(".leaflet-control-zoom-out")
        page.wait_for_timeout(400)
    page.wait_for_timeout(400)
    assert len(asked) == before
    page.fill("#point", "34.66, 135.51")
    with page.expect_response("**/closures/roads.geojson?west=*"):
        page.press("#point", "Enter")


def test_point_told_the_wrong_way_round_is_asked_about(page: Page) -> None:
    page.fill("#point", "135.4838, 34.7165")
    page.click("#add-point")
    told = page.evaluate("document.getElementById('point').validationMessage")
    assert told.startswith("緯度と経度が逆ではありませんか")
    assert points(page) == []


def test_preview_tells_on_the_page_and_is_forgotten_with_other_points(
    page: Page,
) -> None:
    for point in (BY_HAND, "34.7103, 135.4868"):
        page.fill("#point", point)
        page.click("#add-point")
    page.fill("#point", "34.70, 135.49")  # still in its field: it counts, too
    with page.expect_response("**/closures/preview") as answer:
        page.click("#look")
    drawn = answer.value.json()["geojson"]["features"][0]["geometry"]
    assert drawn["coordinates"][-1] == [135.49, 34.7]
    page.wait_for_function("document.getElementById('found').textContent")
    assert page.inner_text("#found").startswith("道路データがないため")
    assert page.url.endswith("/closures")
    page.click("[aria-label='1番目の地点を消す']")
    assert page.inner_text("#found") == ""


def test_time_of_the_end_and_its_choice_go_together(page: Page) -> None:
    page.fill("#ends_at", "2027-01-01T10:00")
    assert page.is_checked("input[name=until][value=given]")
    page.check("input[name=until][value=two_hours]")
    assert page.input_value("#ends_at") == ""


def test_hostile_name_in_a_popup_is_read_and_does_not_run(page: Page) -> None:
    line = page.locator("#closure-map path.leaflet-interactive").first
    line.click(force=True)
    popup = page.locator(".leaflet-popup-content")
    popup.wait_for()
    assert "<img src=x onerror=alert(1)>" in popup.inner_text()
    assert popup.locator("img, script").count() == 0
    assert "解除するまで" in popup.inner_text()
    assert points(page) == []  # a click on a closed road sets no point


def test_page_shuts_nobody_out(page: Page) -> None:
    page.click("summary:has-text('毎日の時間帯')")
    page.click("summary:has-text('解除する')")
    page.click("summary:has-text('これまで')")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    assert [one["id"] for one in found if one["impact"] != "minor"] == []
