"""Pages about a plan in a real browser: why, an edit, proposals, two days at once."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from dispatch.adapters.vault_opening import KEY_FILE
from tests.acceptance.command import DEMO_DATE, Served, served_settings
from tests.acceptance.conftest import DemoRun
from tests.acceptance.records import rows
from tests.acceptance.test_browser import AXE, SCREEN, Watched, serious_faults
from tests.chromium import ARGS, CHROMIUM

SEARCH_MS = 120_000.0

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not Path(CHROMIUM).exists() or not AXE.is_file(),
        reason="NOT TESTED IN A BROWSER: no chromium or no node_modules here",
    ),
]


@dataclass(frozen=True)
class Day:
    """A served day, its plan, and an office that has visits in it."""

    url: str
    plan_id: str
    office_id: str


@pytest.fixture(scope="module")
def day(demo_run: DemoRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """Serve a copy of the demonstration's day."""
    folder = tmp_path_factory.mktemp("study")
    database = folder / "day.sqlite3"
    shutil.copyfile(demo_run.database, database)
    shutil.copyfile(demo_run.database.with_name(KEY_FILE), folder / KEY_FILE)
    ((plan_id,),) = rows(database, "SELECT id FROM plans")
    # a small day may leave an office without visits
    ((office_id,),) = rows(
        database,
        "SELECT office_id FROM charts WHERE status = 'planned' GROUP BY office_id"
        " ORDER BY count(*) DESC LIMIT 1",
    )
    with Served(folder, served_settings(database)) as server:
        yield Day(server.url, str(plan_id), str(office_id))


@pytest.fixture
def watched(day: Day) -> Iterator[Watched]:
    """Watch a page that must not complain, nor ask another host."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        watched = Watched(
            browser.new_page(viewport=SCREEN, locale="ja-JP"),  # type: ignore[arg-type]
            day.url,
        )
        yield watched
        browser.close()
    # a page that is left while it listens ends its stream
    told = [one for one in watched.troubles if "/plan/progress/stream" not in one]
    assert told == []
    assert watched.hosts == {"127.0.0.1"}


def searched(page: Page, button: str, *, shows: str) -> None:
    """Press a button that searches; the page itself shows what was found."""
    page.click(f"text={button}")
    page.locator(shows).first.wait_for(timeout=SEARCH_MS)
    page.wait_for_load_state("networkidle")


def test_a_visit_is_explained_moved_by_hand_and_taken_back(
    watched: Watched, day: Day
) -> None:
    page = watched.open(f"/plan?date={DEMO_DATE}", until="networkidle")
    assert page.locator("#bound").inner_text().endswith("。")
    page.click(f"tbody th a[href$='/{day.office_id}']")
    page.locator("text=なぜこの班?").first.click()
    assert page.locator("tr.chosen").count() == 1
    assert serious_faults(page) == []
    page = watched.open(f"/plan/{day.plan_id}/edit?office={day.office_id}")
    page.fill("#who", "田中")
    page.press("#who", "Tab")
    assert serious_faults(page) == []
    select = page.locator("select[name=team_id]").first
    options = select.locator("option")
    last = options.nth(options.count() - 1).get_attribute("value")
    select.select_option(last)
    page.locator("form:has(select[name=team_id]) input[name=order]").first.fill("1")
    page.locator("button:has-text('移す')").first.click()
    page.wait_for_load_state("networkidle")
    assert re.search(r"/plan/\w+/edit\?office=\w+&since=" + day.plan_id, page.url)
    assert page.locator("text=第1版からの変化").count() == 1
    assert page.locator(".differs").count() >= 1
    assert serious_faults(page) == []
    page.click("text=はじめ(第1版)に戻る")
    assert f"/plan/{day.plan_id}/edit" in page.url


def test_proposals_come_by_themselves(watched: Watched) -> None:
    page = watched.open(f"/plan/proposals?date={DEMO_DATE}")
    searched(page, "いまの状況で案を作る", shows=".card")
    assert page.locator(".card").count() == 3
    assert serious_faults(page) == []


def test_a_supposed_day_is_drawn_beside_the_real_one(
    watched: Watched, day: Day
) -> None:
    page = watched.open(f"/plan/{day.plan_id}/what-if")
    page.select_option("#absent", index=1)
    searched(page, "この条件で組んでみる", shows=".two-maps iframe")
    assert page.locator(".two-maps iframe").count() == 2
    for number in range(2):
        frame = page.frame_locator(".two-maps iframe").nth(number)
        frame.locator(".leaflet-container").first.wait_for()
    assert serious_faults(page) == []
