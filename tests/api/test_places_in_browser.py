"""The pages of places in doubt in a real browser: pick, drag, and without a script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.acceptance.command import API_KEY, NODE_MODULES, Served, environment
from tests.api.installation import HOSTILE
from tests.chromium import ARGS, CHROMIUM

AXE = NODE_MODULES / "axe-core" / "axe.min.js"
IN_TWO_WARDS = "日本橋の交差点"  # 中央区 and 浪速区 both have a 日本橋
WRONG_WARD = "北区津守2-7-13"
HEARD = f"聞き取れなかった場所 {HOSTILE}"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not Path(CHROMIUM).exists() or not AXE.is_file(),
        reason="NOT TESTED IN A BROWSER: no chromium or no node_modules here",
    ),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path) -> Iterator[str]:
    """Serve an installation in which three charts wait for a place."""
    folder = tmp_path_factory.mktemp("places")
    settings = environment(
        geodata_dir,
        KIDOHAN_DATABASE_URL=f"sqlite:///{folder / 'places.sqlite3'}",
        KIDOHAN_API_KEYS=f"desk:{API_KEY}",
        KIDOHAN_ROADS_DIR=str(folder / "none"),
    )
    with Served(folder, settings) as server:
        with server.client() as client:
            for address in (IN_TWO_WARDS, WRONG_WARD, HEARD):
                body = {"category": "R02", "description": "穴", "address": address}
                answer = client.post("/v1/consultations", json=body)
                assert answer.json()["status"] == "unplaced", answer.text
        yield server.url


def opened(page: Page, url: str, address: str) -> None:
    """Open the review of the chart with an address, from the queue."""
    page.goto(f"{url}/places", wait_until="networkidle")
    row = page.locator("tr", has_text=address.split(" ", maxsplit=1)[0])
    row.get_by_role("link", name="場所を決める").click()
    page.wait_for_load_state("networkidle")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a window; no page in it may complain."""
    troubles: list[str] = []
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("dialog", lambda dialog: troubles.append(dialog.message))
    yield page
    page.close()
    assert troubles == []


def clicked(page: Page, x: float, y: float) -> None:
    """Click on the map, as parts of its width and height."""
    box = page.locator("#review-map").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.wait_for_timeout(300)  # two at once would zoom


def test_a_click_sets_the_pin_and_dragging_moves_it(page: Page, url: str) -> None:
    opened(page, url, HEARD)
    clicked(page, 0.5, 0.5)
    before = page.input_value("#lon"), page.input_value("#lat")
    assert page.is_checked("#choice-pin")
    assert int(page.input_value("#radius")) >= 30
    pin = page.locator("#review-map .pin-mark").bounding_box()
    assert pin is not None
    x, y = pin["x"] + pin["width"] / 2, pin["y"] + pin["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=5)
    page.mouse.up()
    after = page.input_value("#lon"), page.input_value("#lat")
    # 60 pixels to the east; up or down it stays within a pixel
    east = float(after[0]) - float(before[0])
    north = float(after[1]) - float(before[1])
    assert east > 0
    assert abs(north) <= east / 60


def test_numbers_on_the_map_choose_the_candidates_of_the_list(
    page: Page, url: str
) -> None:
    opened(page, url, IN_TWO_WARDS)
    marks = page.locator("#review-map .point-mark")
    choices = page.locator(".options input[name=choice]")
    assert marks.count() == choices.count() >= 2
    marks.nth(1).click()
    assert choices.nth(1).is_checked()
    assert page.input_value("#lon") == ""  # the candidate counts, not the fields
    told = choices.nth(1).get_attribute("data-radius")
    assert page.inner_text("#radius-text") == f"この候補の誤差は約{told}mです。"
    page.fill("#lat", "34.6716")
    page.fill("#lon", "135.5072")
    page.press("#lon", "Tab")
    assert page.is_checked("#choice-pin")


def test_hostile_words_of_a_place_are_read_and_do_not_run(page: Page, url: str) -> None:
    opened(page, url, HEARD)
    assert HOSTILE in page.inner_text("h1")
    assert page.locator("main script").count() == 0


@pytest.mark.parametrize("address", ["", IN_TWO_WARDS, HEARD])
def test_pages_of_places_shut_nobody_out(page: Page, url: str, address: str) -> None:
    page.goto(f"{url}/places", wait_until="networkidle")
    if address:
        opened(page, url, address)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    assert [one["id"] for one in found if one["impact"] != "minor"] == []


def test_a_candidate_is_settled_without_any_script_and_the_next_one_comes(
    browser: Browser, url: str
) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    opened(page, url, WRONG_WARD)
    page.locator(".options input[name=choice]").first.check()
    page.fill("#reason", "申出人に確かめた")
    page.fill("#who", "佐藤")
    page.check("input[name=remember]")
    page.get_by_role("button", name="決定").click()
    assert "次の相談です" in page.inner_text("[role=status]")
    assert HOSTILE in page.inner_text("h1")  # it came after the settled one
    page.goto(f"{url}/places")
    entry = page.locator("tr", has_text="申出人に確かめた")
    assert WRONG_WARD in entry.inner_text()
    entry.locator("summary").click()
    entry.get_by_label("理由").fill("住所の聞き間違い")
    entry.get_by_label("担当者").fill("鈴木")
    entry.get_by_role("button", name="取り下げを確定する").click()
    assert "取り下げました" in page.inner_text("[role=status]")
    assert "まだ項目がありません" in page.inner_text("main")
    page.close()
