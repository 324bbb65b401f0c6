"""The maps run in a real browser: nothing fails, nothing leaves, nothing is run."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from maps.base_map import BaseMap
from maps.localise import ASSETS
from maps.overview_map import overview_map
from maps.plan_map import plan_map
from tests.chromium import ARGS, CHROMIUM
from tests.maps import (
    HOSTILE,
    closures,
    hostile_overview,
    hostile_plan,
    overview,
    plan,
    road_plan,
)

NODE_MODULES = Path(__file__).parents[2] / "node_modules"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not Path(CHROMIUM).exists() or not NODE_MODULES.is_dir(),
        reason="NOT TESTED IN A BROWSER: no chromium or no node_modules here",
    ),
]


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    folder = tmp_path_factory.mktemp("site")
    for path, source in ASSETS.items():
        target = folder / "assets" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(NODE_MODULES / source, target)
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield folder, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        yield browser
        browser.close()


class Watched:
    """A page whose every complaint and every request is written down."""

    def __init__(self, page: Page, site: tuple[Path, str]) -> None:
        self.page = page
        self.site = site
        self.troubles: list[str] = []
        self.hosts: set[str | None] = set()
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("requestfailed", lambda request: self.troubles.append(request.url))
        page.on("request", lambda request: self._on_request(request.url))

    def _on_console(self, message: Any) -> None:  # noqa: ANN401
        if message.type in {"error", "warning"}:
            self.troubles.append(message.text)

    def _on_request(self, url: str) -> None:
        if not url.startswith("data:"):
            self.hosts.add(urlsplit(url).hostname)

    def open(self, html: str) -> Page:
        folder, url = self.site
        (folder / "map.html").write_text(html, encoding="utf-8")
        self.page.goto(f"{url}/map.html")
        return self.page


@pytest.fixture
def watched(browser: Browser, site: tuple[Path, str]) -> Iterator[Watched]:
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    watched = Watched(page, site)
    yield watched
    assert page.evaluate("window.pwned") is None
    page.close()
    assert watched.troubles == []
    assert watched.hosts == {"127.0.0.1"}


def drawn_overview(*, hostile: bool = False, items: int = 400) -> str:
    data = hostile_overview() if hostile else overview(items=items)
    return overview_map(data, base=BaseMap.NONE, assets_url="/assets")


def drawn_plan(*, hostile: bool = False) -> str:
    data = hostile_plan() if hostile else plan()
    return plan_map(data, base=BaseMap.NONE, assets_url="/assets")


def test_clusters_show_counts_that_add_up_with_lone_markers(watched: Watched) -> None:
    page = watched.open(drawn_overview(items=400))
    page.wait_for_selector(".kd-cluster")
    counts = page.locator(".kd-cluster").evaluate_all(
        "all => all.map(e => parseInt(e.firstChild.textContent.replace(',', '')))"
    )
    assert sum(counts) + page.locator(".kd-sign").count() == 400


def test_items_at_one_place_fan_out(watched: Watched) -> None:
    page = watched.open(drawn_overview(items=42))
    name = page.evaluate("Object.keys(window).find(k => /^map_[0-9a-f]{32}$/.test(k))")
    page.evaluate(f"{name}.setView([34.7, 135.5], 19)")
    page.locator(".kd-cluster").first.click()
    page.wait_for_selector(".leaflet-cluster-spider-leg, .leaflet-marker-pane .kd-sign")
    assert page.locator(".kd-sign").count() == 2


def test_popup_opens_by_keyboard_and_shows_hostile_words_as_they_are(
    watched: Watched,
) -> None:
    page = watched.open(drawn_overview(hostile=True))
    page.locator(".kd-sign").first.focus()
    page.keyboard.press("Enter")
    popup = page.locator(".kd-pop")
    assert popup.locator("h3").text_content() == HOSTILE
    assert HOSTILE in popup.locator("dd").all_text_contents()
    link = popup.locator("a")
    assert link.get_attribute("target") == "_top"
    assert (link.get_attribute("href") or "").startswith("/c/%24%7BglobalThis")
    close = page.locator(".leaflet-popup-close-button")
    assert close.get_attribute("aria-label") == "閉じる"


def test_district_tooltip_shows_hostile_words_as_they_are(watched: Watched) -> None:
    page = watched.open(drawn_overview(hostile=True))
    page.mouse.move(500, 400)
    words = page.locator(".leaflet-tooltip").text_content() or ""
    assert HOSTILE in words


def test_districts_without_data_are_hatched(watched: Watched) -> None:
    page = watched.open(drawn_overview())
    hatched = page.locator("path").evaluate_all(
        "all => all.filter(p => p.style.fill.includes('kdHatch')).length"
    )
    assert hatched == 1


def test_controls_speak_japanese_and_no_text_is_under_12_pixels(
    watched: Watched,
) -> None:
    page = watched.open(drawn_overview())
    assert page.locator(".leaflet-control-zoom-in").get_attribute("title") == "拡大"
    assert page.locator(".leaflet-control-zoom-out").get_attribute("title") == "縮小"
    sizes = page.locator(
        ".kd-panel *:not(svg *), .leaflet-control-scale-line, .kd-cluster, .kd-ward,"
        ".leaflet-control-attribution"
    ).evaluate_all("all => all.map(e => parseFloat(getComputedStyle(e).fontSize))")
    assert min(sizes) >= 12


def test_plan_popup_shows_times_and_a_team_can_be_hidden(watched: Watched) -> None:
    page = watched.open(drawn_plan())
    assert page.locator(".leaflet-marker-pane .kd-sign").count() == 36
    page.locator(".leaflet-marker-pane .kd-sign").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".kd-pop >> text=9:05〜9:20")
    page.locator(".leaflet-control-layers input").first.uncheck()
    assert page.locator(".leaflet-marker-pane .kd-sign").count() == 27


def test_signs_of_a_plan_sit_at_their_place(watched: Watched) -> None:
    page = watched.open(drawn_plan())
    # A style that outranks leaflet.css must not take the signs out of position.
    positions = page.locator(".leaflet-marker-icon").evaluate_all(
        "all => [...new Set(all.map(e => getComputedStyle(e).position))]"
    )
    assert positions == ["absolute"]


def test_plan_popup_and_layers_show_hostile_words_as_they_are(watched: Watched) -> None:
    page = watched.open(drawn_plan(hostile=True))
    page.locator(".leaflet-marker-pane .kd-sign").first.focus()
    page.keyboard.press("Enter")
    shown = page.locator(".kd-pop dd").all_text_contents()
    assert HOSTILE in shown
    row = page.locator(".leaflet-control-layers label").first.text_content() or ""
    assert HOSTILE in row


def drawn_roads() -> str:
    return plan_map(road_plan(), base=BaseMap.NONE, assets_url="/assets")


def test_roads_are_full_lines_and_straight_legs_thin_dashes(watched: Watched) -> None:
    page = watched.open(drawn_roads())
    assert page.locator("path.kd-road").count() == 4
    straight = page.locator("path.kd-straight")
    assert straight.count() == 1
    assert straight.get_attribute("stroke-width") == "2.5"
    dashes = [
        page.locator("path.kd-road").nth(n).get_attribute("stroke-dasharray")
        for n in range(4)
    ]
    assert straight.get_attribute("stroke-dasharray") not in dashes


def test_arrows_point_where_the_team_drives(watched: Watched) -> None:
    # One stop due east of the base: the way there and the way back.
    data = plan(teams=1, stops=1)
    stop = replace(data.teams[0].stops[0], lon=135.501, lat=34.69, radius_m=0)
    data = replace(data, teams=(replace(data.teams[0], stops=(stop,)),))
    page = watched.open(plan_map(data, base=BaseMap.NONE, assets_url="/assets"))
    heads = _arrowheads(page)
    there, back = heads[: len(heads) // 2], heads[len(heads) // 2 :]
    # An arrowhead runs from its tip to the left corner, the notch, the right corner.
    assert there
    assert len(there) == len(back)
    assert all(tip_x > notch_x for (tip_x, _), _, (notch_x, _), _ in there)
    assert all(tip_x < notch_x for (tip_x, _), _, (notch_x, _), _ in back)
    # One drives on the left: eastwards above, westwards below, 2 * 3 pixels apart.
    assert back[0][0][1] - there[0][0][1] == pytest.approx(6.0, abs=0.3)


def _arrowheads(page: Page) -> list[list[list[float]]]:
    """Corners of every arrowhead in pixels."""
    heads: list[list[list[float]]] = page.locator("path.kd-arrows").evaluate_all(
        "all => all.flatMap(p => p.getAttribute('d').split('Z').filter(Boolean)"
        ".map(h => h.slice(1).split('L').map(c => c.split(' ').map(Number))))"
    )
    return heads


def test_arrows_lie_on_the_line_at_every_scale(watched: Watched) -> None:
    page = watched.open(drawn_roads())
    name = page.evaluate("Object.keys(window).find(k => /^map_[0-9a-f]{32}$/.test(k))")
    counts = []
    for zoom in (13, 16):
        page.evaluate(f"{name}.setView([34.69, 135.5], {zoom}, {{animate: false}})")
        far = page.evaluate(
            """() => {
              const lines = [...document.querySelectorAll('path.kd-road'),
                             ...document.querySelectorAll('path.kd-straight')];
              const on = lines.flatMap(l => {
                const all = l.getTotalLength(), out = [];
                for (let s = 0; s < all; s += 1) out.push(l.getPointAtLength(s));
                return out;});
              return [...document.querySelectorAll('path.kd-arrows')].flatMap(p =>
                p.getAttribute('d').split('Z').filter(Boolean).map(h => {
                  const c = h.slice(1).split('L').map(x => x.split(' ').map(Number));
                  const x = (c[0][0] + c[2][0]) / 2, y = (c[0][1] + c[2][1]) / 2;
                  return Math.min(...on.map(q => Math.hypot(q.x - x, q.y - y)));}));
            }"""
        )
        assert far
        # The middle of an arrowhead, tip to notch, cuts a bend by a few pixels.
        assert max(far) < 6
        counts.append(len(far))
    assert counts[1] != counts[0]


def test_two_teams_on_one_road_are_both_seen(watched: Watched) -> None:
    data = road_plan(teams=1, stops=2)
    other = replace(data.teams[0], index=1, letter="B")
    page = watched.open(
        plan_map(
            replace(data, teams=(data.teams[0], other), closures=()),
            base=BaseMap.NONE,
            assets_url="/assets",
        )
    )
    starts = page.locator("path.kd-road").evaluate_all(
        "all => all.map(p => p.getPointAtLength(0)).map(p => [p.x, p.y])"
    )
    (x_1, y_1), (x_2, y_2) = starts
    # Lanes are 4 pixels apart, less at small scales, never less than half of that.
    assert 2 <= ((x_1 - x_2) ** 2 + (y_1 - y_2) ** 2) ** 0.5 <= 4.1


def test_closures_tell_why_and_can_be_hidden(watched: Watched) -> None:
    page = watched.open(drawn_roads())
    assert page.locator("path.kd-closed").count() == 2
    sign = page.locator("[title='通行規制 中之島大橋']")
    sign.focus()
    page.keyboard.press("Enter")
    popup = page.locator(".kd-pop")
    assert popup.locator("h3").text_content() == "中之島大橋"
    assert popup.locator("dd").all_text_contents() == ["工事", "11月30日 17:00まで"]
    page.locator(".leaflet-control-layers label", has_text="通行規制").locator(
        "input"
    ).uncheck()
    assert page.locator("path.kd-closed").count() == 0
    assert page.locator("[title^=通行規制]").count() == 0


def test_closures_show_hostile_words_as_they_are(watched: Watched) -> None:
    page = watched.open(drawn_plan(hostile=True))
    page.locator("[title^=通行規制]").first.focus()
    page.keyboard.press("Enter")
    popup = page.locator(".kd-pop")
    assert popup.locator("h3").text_content() == HOSTILE
    assert popup.locator("dd").all_text_contents() == [HOSTILE, HOSTILE]


def test_overview_shows_closures_too(watched: Watched) -> None:
    data = replace(overview(), closures=closures())
    page = watched.open(overview_map(data, base=BaseMap.NONE, assets_url="/assets"))
    assert page.locator("[title^=通行規制]").count() == 2
    # The striped line itself answers, too.
    page.locator("path.kd-closed").first.dispatch_event("click")
    assert page.locator(".kd-pop h3").text_content() == "中之島大橋"


def test_a_line_says_whose_it_is(watched: Watched) -> None:
    page = watched.open(drawn_roads())
    page.locator("path.kd-straight").dispatch_event("mouseover")
    assert page.locator(".leaflet-tooltip").text_content() == "B 北2班 推定(直線)"
