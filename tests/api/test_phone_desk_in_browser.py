"""The telephone desk in a real browser: keys only, suggestions, without a script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from geodata.city import load_city
from tests.acceptance.command import API_KEY, NODE_MODULES, Served, environment
from tests.chromium import ARGS, CHROMIUM

AXE = NODE_MODULES / "axe-core" / "axe.min.js"
ADDRESS = "西成区津守2-7-13"
SOON_MS = 5_000
NUM_CATEGORIES = len(load_city("osaka").catalogue.categories)

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
) -> Iterator[Served]:
    """Serve an empty installation."""
    folder = tmp_path_factory.mktemp("desk")
    settings = environment(
        geodata_dir,
        KIDOHAN_DATABASE_URL=f"sqlite:///{folder / 'desk.sqlite3'}",
        KIDOHAN_API_KEYS=f"desk:{API_KEY}",
        KIDOHAN_ROADS_DIR=str(folder / "none"),
    )
    with Served(folder, settings) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """Open the form; no page in this window may complain."""
    troubles: list[str] = []
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(f"{served.url}/charts/new", wait_until="networkidle")
    yield page
    page.close()
    assert troubles == []


def serious(page: Page) -> list[str]:
    """Rules of accessibility that the page breaks seriously."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run()")
    return [
        one["id"]
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
    ]


def chart_of(served: Served, page: Page) -> dict[str, Any]:
    """Answer of the API about the chart whose page is open."""
    with served.client() as client:
        answer = client.get(f"/v1/consultations/{page.url.rpartition('/')[2]}")
    chart: dict[str, Any] = answer.json()
    return chart


def test_a_call_is_taken_with_keys_alone(page: Page, served: Served) -> None:
    keys = page.keyboard
    keys.type("ぽっとほーる")  # the field of the category has the focus
    keys.press("ArrowDown")
    keys.press("Enter")
    assert page.input_value("#category") == "R02"
    page.wait_for_selector("#guide-h")
    assert page.inner_text("#guide-h").startswith("手引き: R02")
    asks = page.locator(".ask:visible")
    assert asks.count() == 6  # those of a pothole; not the lid, not the water
    keys.press("Tab")
    keys.press("Space")  # the first question: yes
    assert page.is_checked("input[name=triage_deep][value=yes]")
    assert "A → S" in page.inner_text("#sum")
    for _ in range(7):  # five more questions, the urgency, then the address
        keys.press("Tab")
    keys.type(ADDRESS)
    page.wait_for_selector(".place-found", timeout=SOON_MS)
    assert "西成区津守二丁目7-13" in page.inner_text("#place-told")
    keys.press("Tab")
    keys.press("Tab")
    keys.type("自転車が倒れそう")
    page.fill("#who", "佐藤")
    with page.expect_navigation():
        page.focus("#who")
        keys.press("Enter")
    chart = chart_of(served, page)
    assert (chart["category"], chart["urgency"]) == ("R02", "S")
    assert chart["status"] == "assigned"


def test_nothing_typed_stands_in_an_address(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("#address").press_sequentially(ADDRESS)
    page.fill("#reporter_name", "山田花子")
    page.wait_for_selector(".place-found", timeout=SOON_MS)
    assert any(url.endswith("/desk/places") for url in asked)
    assert all("%" not in url and "?" not in url for url in asked)


def test_a_suggestion_is_chosen_and_asked_about_again(page: Page) -> None:
    page.locator("#address").press_sequentially("日本橋")
    options = page.locator("#address-list [role=option]")
    options.first.wait_for(timeout=SOON_MS)
    assert page.get_attribute("#address", "aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    marked = page.get_attribute("#address", "aria-activedescendant")
    assert marked == options.first.get_attribute("id")
    page.keyboard.press("Escape")
    assert options.count() == 0
    assert page.input_value("#address") == "日本橋"
    page.keyboard.type("の")
    options.nth(1).wait_for(timeout=SOON_MS)
    options.nth(1).click()
    assert page.input_value("#address").endswith("区日本橋")
    assert page.evaluate("document.activeElement.id") == "address"


def test_a_category_is_found_by_its_code_and_left_as_it_was_by_nonsense(
    page: Page,
) -> None:
    typed = page.locator("#category-typed")
    typed.fill("b02")
    page.keyboard.press("Tab")
    assert page.input_value("#category") == "B02"
    assert page.is_visible("#tagged_on")  # the day of the tag, for this one alone
    assert "聞くことはありません" in page.inner_text("#triage-none")
    typed.fill("どこにもない言葉")
    page.keyboard.press("Tab")
    assert typed.input_value().startswith("B02 ")
    typed.fill("")
    page.keyboard.press("Tab")
    assert page.input_value("#category") == ""
    typed.focus()
    page.keyboard.press("ArrowDown")
    assert page.locator("#category-typed-list [role=option]").count() == NUM_CATEGORIES


def test_a_form_without_a_category_is_not_sent(page: Page) -> None:
    page.fill("#address", ADDRESS)
    page.locator(".desk-bar button").click()
    assert page.url.endswith("/charts/new")
    assert page.get_attribute("#category-typed", "aria-invalid") == "true"
    assert page.evaluate("document.activeElement.id") == "category-typed"


def test_the_form_breaks_no_rule_of_accessibility_empty_or_in_use(page: Page) -> None:
    assert serious(page) == []
    page.keyboard.type("穴")
    assert page.locator("#category-typed-list [role=option]").count() > 1
    assert serious(page) == []
    page.keyboard.press("Enter")
    page.wait_for_selector("#guide-h")
    assert serious(page) == []


@pytest.mark.parametrize(
    "path", ["/triage", "/guide", "/guide/R02", "/adviser", "/adviser/report"]
)
def test_the_other_pages_break_no_rule_of_accessibility(
    path: str, page: Page, served: Served
) -> None:
    page.goto(served.url + path, wait_until="networkidle")
    assert serious(page) == []


def test_without_a_script_the_form_works_as_it_is(
    browser: Browser, served: Served
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{served.url}/charts/new")
    page.select_option("#category", "R02")
    page.check("input[name=triage_cavity][value=yes]")
    page.fill("#address", ADDRESS)
    page.fill("#who", "佐藤")
    page.locator("#who").press("Enter")  # not the search for a telephone number
    page.wait_for_url("**/charts/*")
    assert chart_of(served, page)["urgency"] == "S"
    context.close()
