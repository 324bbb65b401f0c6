"""Personal fields in a real browser: shown by keyboard alone, found by a number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.acceptance.command import API_KEY, NODE_MODULES, Served, environment
from tests.chromium import ARGS, CHROMIUM

AXE = NODE_MODULES / "axe-core" / "axe.min.js"
NAME = "蔵前秘子"
PHONE = "06-0000-7431"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not Path(CHROMIUM).exists() or not AXE.is_file(),
        reason="NOT TESTED IN A BROWSER: no chromium or no node_modules here",
    ),
]


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path
) -> Iterator[tuple[str, str]]:
    """Serve an installation with one report of a known person; its URL and chart."""
    folder = tmp_path_factory.mktemp("vault")
    settings = environment(
        geodata_dir,
        KIDOHAN_DATABASE_URL=f"sqlite:///{folder / 'vault.sqlite3'}",
        KIDOHAN_API_KEYS=f"desk:{API_KEY}",
        KIDOHAN_ROADS_DIR=str(folder / "none"),
    )
    body = {
        "category": "R02",
        "description": "道路に穴があいている",
        "address": "西成区津守2-7-13",
        "contact_wanted": True,
        "reporter": {
            "name": NAME,
            "kana": "クラマエヒメコ",
            "phone": PHONE,
            "address": "阿倍野区松崎町9-98-76",
            "role": "第七振興町会 副班長",
            "consent": "shared",
        },
    }
    with Served(folder, settings) as server:
        with server.client() as client:
            chart = client.post("/v1/consultations", json=body).json()
        yield server.url, chart["id"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1366, "height": 768}, locale="ja-JP")
    yield page
    page.close()


def require_accessible(page: Page) -> None:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run().then(r => r.violations)")
    bad = [one["id"] for one in found if one["impact"] in {"serious", "critical"}]
    assert bad == []


def test_the_person_is_shown_by_keyboard_alone_and_in_no_address(
    page: Page, served: tuple[str, str]
) -> None:
    url, chart_id = served
    page.goto(f"{url}/charts/{chart_id}", wait_until="networkidle")
    assert NAME not in page.content()
    page.locator("summary", has_text="申出人を表示").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("折り返しの電話のため")
    page.keyboard.press("Tab")
    page.keyboard.type("窓口係")
    require_accessible(page)
    page.keyboard.press("Enter")
    page.wait_for_url("**/reporter")
    assert NAME in page.content()
    assert urlsplit(page.url).query == ""
    require_accessible(page)
    page.get_by_role("link", name="カルテに戻る").click()
    page.wait_for_load_state("networkidle")
    assert NAME not in page.content()
    assert "折り返しの電話のため" in page.content()


def test_the_number_that_is_being_typed_is_looked_up_in_a_second_window(
    page: Page, served: tuple[str, str]
) -> None:
    url, chart_id = served
    page.goto(f"{url}/charts/new", wait_until="networkidle")
    page.fill("#description", "前にも電話した件")
    page.fill("#reporter_phone", "００００ー７４３１")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="この番号の相談を探す").click()
    found = opened.value
    found.wait_for_load_state("networkidle")
    assert found.locator(f"a[href='/charts/{chart_id}']").count() == 1
    assert urlsplit(found.url).query == ""
    require_accessible(found)
    # what was typed so far is still there
    assert page.input_value("#description") == "前にも電話した件"
