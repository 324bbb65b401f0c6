"""The dispatchers' pages in a real browser: nothing fails, leaves, or shuts out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from dispatch.adapters.vault_opening import KEY_FILE
from tests.acceptance.command import NODE_MODULES, Served, served_settings
from tests.acceptance.conftest import DemoRun
from tests.acceptance.records import rows
from tests.chromium import ARGS, CHROMIUM

AXE = NODE_MODULES / "axe-core" / "axe.min.js"
SCREEN = {"width": 1366, "height": 768}  # the city's office machines

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not Path(CHROMIUM).exists() or not AXE.is_file(),
        reason="NOT TESTED IN A BROWSER: no chromium or no node_modules here",
    ),
]


class Watched:
    """A page whose every complaint and every request is written down."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.troubles: list[str] = []
        self.hosts: set[str | None] = set()
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("requestfailed", self._on_failed)
        page.on("request", lambda request: self._on_request(request.url))

    def _on_console(self, message: Any) -> None:  # noqa: ANN401 - playwright's event
        if message.type in {"error", "warning"}:
            self.troubles.append(message.text)

    def _on_failed(self, request: Request) -> None:
        if request.failure == "net::ERR_ABORTED":
            return  # what a page still loads, or listens to, ends with the page
        self.troubles.append(f"{request.url} {request.failure}")

    def _on_request(self, url: str) -> None:
        if not url.startswith(("data:", "blob:")):
            self.hosts.add(urlsplit(url).hostname)

    def open(
        self, path: str, *, until: Literal["load", "networkidle"] = "load"
    ) -> Page:
        answer = self.page.goto(self.url + path, wait_until=until)
        assert answer is not None
        assert answer.ok, f"{path}: {answer.status}"
        return self.page


@pytest.fixture(scope="module")
def day(
    demo_run: DemoRun, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, Path]]:
    """Serve a copy of the demonstration's day, with its plan in force."""
    folder = tmp_path_factory.mktemp("browser")
    database = folder / "day.sqlite3"
    shutil.copyfile(demo_run.database, database)
    shutil.copyfile(demo_run.database.with_name(KEY_FILE), folder / KEY_FILE)
    with Served(folder, served_settings(database)) as server:
        yield server, database


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        yield browser
        browser.close()


@pytest.fixture
def watched(browser: Browser, day: tuple[Served, Path]) -> Iterator[Watched]:
    page = browser.new_page(viewport=SCREEN, locale="ja-JP")  # type: ignore[arg-type]
    watched = Watched(page, day[0].url)
    yield watched
    page.close()
    assert watched.troubles == []
    assert watched.hosts == {"127.0.0.1"}


@pytest.fixture(scope="module")
def places(day: tuple[Served, Path]) -> dict[str, str]:
    """Addresses of the pages, by what they show."""
    _, database = day
    ((plan_id,),) = rows(database, "SELECT id FROM plans")
    ((planned, office),) = rows(
        database,
        "SELECT id, office_id FROM charts WHERE status = 'planned' ORDER BY number"
        " LIMIT 1",
    )
    ((unplaced,),) = rows(
        database,
        "SELECT id FROM charts WHERE status = 'unplaced' ORDER BY number DESC LIMIT 1",
    )
    return {
        "board": "/",
        "map": "/map",
        "plan": "/plan",
        "office plan": f"/plan/{plan_id}/{office}",
        "charts": "/charts",
        "chart": f"/charts/{planned}",
        "unplaced chart": f"/charts/{unplaced}",
        "new": "/charts/new",
        "closures": "/closures",
        "about": "/about",
        "docs": "/docs",
    }


PAGES = (
    "board",
    "map",
    "plan",
    "office plan",
    "charts",
    "chart",
    "unplaced chart",
    "new",
    "closures",
    "about",
    "docs",
)


@pytest.mark.parametrize("name", PAGES)
def test_page_loads_without_a_complaint_and_without_another_host(
    watched: Watched, places: dict[str, str], name: str
) -> None:
    page = watched.open(places[name], until="networkidle")
    assert page.title()
    if name != "docs":
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= SCREEN["width"], "the page must not scroll sideways"
        assert page.locator("h1").count() == 1


def test_maps_in_their_frames_are_drawn(
    watched: Watched, places: dict[str, str]
) -> None:
    for name in ("map", "office plan"):
        page = watched.open(places[name])
        frame = page.frame_locator("iframe")
        frame.locator(".leaflet-interactive, .kd-sign, .kd-cluster").first.wait_for()


def serious_faults(page: Page) -> list[str]:
    """List what axe-core calls serious or critical."""
    page.evaluate(
        AXE.read_text(encoding="utf-8")
    )  # the page's policy bars a script tag
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    assert len(found["passes"]) > 10  # it did look
    return [
        f"{item['impact']} {item['id']}: {item['help']}; "
        + "; ".join(str(node["html"])[:160] for node in item["nodes"][:3])
        for item in found["violations"]
        if item["impact"] in {"serious", "critical"}
    ]


@pytest.mark.parametrize("name", [name for name in PAGES if name != "docs"])
def test_page_serves_keyboard_and_screen_reader(
    watched: Watched, places: dict[str, str], name: str
) -> None:
    page = watched.open(places[name])
    assert serious_faults(page) == []
    page.keyboard.press("Tab")
    if name == "new":  # the form has the focus from the beginning: go back to the top
        while page.locator(":focus").text_content() != "本文へ移動":
            page.keyboard.press("Shift+Tab")
            assert page.locator(":focus").count() == 1
    focused = page.locator(":focus")
    assert focused.text_content() == "本文へ移動"
    box = focused.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["y"] >= 0
    page.keyboard.press("Tab")  # the brand: an ordinary link
    style = page.evaluate(
        "(() => { const s = getComputedStyle(document.activeElement);"
        " return [s.outlineStyle, parseFloat(s.outlineWidth), s.boxShadow]; })()"
    )
    assert (style[0] != "none" and style[1] >= 2) or style[2] != "none", style


def test_skip_link_leads_to_the_content(
    watched: Watched, places: dict[str, str]
) -> None:
    page = watched.open(places["board"])
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_click_on_the_small_map_places_an_unplaced_chart(
    watched: Watched, places: dict[str, str], day: tuple[Served, Path]
) -> None:
    path = places["unplaced chart"]
    page = watched.open(path)
    page.locator("#place-map path").first.wait_for()
    box = page.locator("#place-map").bounding_box()
    assert box is not None
    # The middle of the city's bounds is land: 東成区 or its neighbour.
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    lon, lat = (float(page.input_value(f)) for f in ("#lon", "#lat"))
    assert 135.3 < lon < 135.7
    assert 34.5 < lat < 34.8
    page.fill("#place-who", "試験担当")
    page.click("text=この場所に決める")
    page.wait_for_load_state("networkidle")
    assert urlsplit(page.url).path == path
    assert page.locator("#place").count() == 0
    assert "試験担当" in page.locator(".history").inner_text()
    chart_id = path.rpartition("/")[2]
    ((status, kept_lon),) = rows(
        day[1],
        f"SELECT status, lon FROM charts WHERE id = '{chart_id}'",  # noqa: S608
    )
    assert status != "unplaced"
    assert kept_lon == pytest.approx(lon)


def test_consultation_typed_into_the_form_becomes_a_chart(
    watched: Watched, places: dict[str, str]
) -> None:
    page = watched.open(places["new"])
    page.fill("#category-typed", "R02")
    page.keyboard.press("Enter")
    assert page.input_value("#category") == "R02"
    page.fill("#description", "<b>深い穴</b> ${alert(1)}")
    page.fill("#address", "西成区津守2-7-13付近")
    page.fill("#reporter_name", "申出 花子")
    page.fill("#who", "試験受付")
    page.click("button.main-action")
    page.wait_for_load_state("networkidle")
    assert urlsplit(page.url).path.startswith("/charts/")
    assert "<b>深い穴</b> ${alert(1)}" in page.locator(".words").inner_text()
    assert "西成区津守" in page.locator("main").inner_text()
    assert "花子" not in page.content()


def test_plan_is_made_and_watched_from_the_page(
    watched: Watched, places: dict[str, str]
) -> None:
    page = watched.open(places["plan"])
    page.fill("#who", "試験配車")
    page.click("text=計画を作り直す")
    publish = page.locator("text=第2版を確定する")
    publish.wait_for(timeout=60_000)
    page.fill("#publish-who", "試験配車")
    publish.click()
    page.locator("h2", has_text="第2版").locator("text=確定").first.wait_for()
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("name", ["overview", "plan-nakahama"])
def test_written_map_opens_from_its_folder_without_a_server(
    browser: Browser, demo_run: DemoRun, name: str
) -> None:
    page = browser.new_page(viewport=SCREEN)  # type: ignore[arg-type]
    watched = Watched(page, (demo_run.folder / "maps").as_uri())
    page.goto(f"{watched.url}/{name}.html")
    page.locator(".kd-cluster, .leaflet-marker-pane .kd-sign").first.wait_for()
    page.close()
    assert watched.troubles == []
    assert watched.hosts <= {None, ""}  # a file has no host
