"""What people do on the pages, done with keys alone: no pointer, no script's help."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FileChooser, Page, sync_playwright

from tests.acceptance.command import Served
from tests.acceptance.page_audit import AXE, SCREEN
from tests.acceptance.pages_world import (
    ADDRESS,
    LOGIN,
    MEETING,
    PASSWORD,
    PERSON,
    WARD,
    World,
)
from tests.chromium import ARGS, CHROMIUM
from tests.pictures import camera_picture

WHO = "試験担当"
MOST_TABS = 200
# What a screen reader says of the control that has the focus.
NAME = """
() => {
  const one = document.activeElement;
  const text = one.getAttribute("aria-label")
    || (one.labels && one.labels.length ? one.labels[0].innerText : one.innerText);
  return text.replace(/\\s+/g, " ").trim();
}
"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not Path(CHROMIUM).exists() or not AXE.is_file(),
        reason="NOT TESTED IN A BROWSER: no chromium or no node_modules here",
    ),
]


class Keys:
    """A person with a keyboard and a page."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    def open(self, path: str) -> None:
        self.page.goto(self.url + path, wait_until="load")

    def to(self, name: str) -> None:
        """Press Tab until a control whose name begins so has the focus."""
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if self.page.evaluate(NAME).startswith(name):
                return
        pytest.fail(f"Tab does not lead to {name!r} on {self.page.url}")

    def press(self, name: str) -> None:
        """Go to a button, link or fold and press Enter."""
        self.to(name)
        self.page.keyboard.press("Enter")

    def send(self, name: str) -> None:
        """Press a button or link that leads to another page."""
        self.to(name)
        with self.page.expect_navigation(wait_until="load"):
            self.page.keyboard.press("Enter")

    def type(self, name: str, text: str) -> None:
        self.to(name)
        self.page.keyboard.type(text)

    def tick(self, name: str) -> None:
        self.to(name)
        self.page.keyboard.press("Space")

    def pick(self, first: str, name: str) -> None:
        """Go to the first of a group of choices, then down to the wanted one."""
        self.to(first)
        for _ in range(MOST_TABS):
            self.page.keyboard.press("ArrowDown")
            if self.page.evaluate(NAME) == name:
                return
        pytest.fail(f"arrows do not lead to {name!r} on {self.page.url}")

    def down(self, name: str, times: int = 1) -> None:
        """Go to a list or a group of choices, then down in it."""
        self.to(name)
        for _ in range(times):
            self.page.keyboard.press("ArrowDown")

    def require(self, text: str) -> None:
        """Demand that the page says so."""
        assert text in self.page.inner_text("main")


@pytest.fixture(scope="module")
def world(pages_world: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    return pages_world.copied_to(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def served(world: World) -> Iterator[Served]:
    with Served(world.folder, world.variables) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        yield started
        started.close()


@pytest.fixture
def keys(browser: Browser, served: Served) -> Iterator[Keys]:
    page = browser.new_page(viewport=SCREEN, locale="ja-JP")  # type: ignore[arg-type]
    yield Keys(page, served.url)
    page.close()


@pytest.fixture
def chart(world: World, keys: Keys) -> Callable[[str], Keys]:
    """Open a chart of the prepared ones."""

    def opened(name: str) -> Keys:
        keys.open(f"/charts/{world.charts[name]}")
        return keys

    return opened


Chart = Callable[[str], Keys]


# -- taking in and looking again -------------------------------------------------------


def test_a_call_is_taken(keys: Keys) -> None:
    keys.open("/charts/new")
    keys.page.keyboard.type("R02")
    keys.page.keyboard.press("Enter")
    keys.type("住所", ADDRESS)
    keys.type("聞いた内容", "道に穴")
    keys.type("受付者", WHO)
    keys.send("受け付ける")
    keys.require("路面の穴ぼこ")


def test_a_chart_is_found_in_the_triage_list_and_classed_anew(keys: Keys) -> None:
    keys.open("/triage")
    keys.send("見直す")
    keys.press("分類・緊急度・制度区分を見直す")
    keys.down("緊急度", 2)
    keys.type("理由", "見てきた")
    keys.type("担当者", WHO)
    keys.send("見直して送り直す")
    keys.require("見てきた")


def test_a_note_on_the_law_is_written(chart: Chart) -> None:
    keys = chart("main")
    keys.press("法的制約を書く")
    keys.type("法律や決まり", "道路使用許可が要る")
    keys.type("書いた人", WHO)
    keys.send("書き残す")
    keys.require("道路使用許可が要る")


def test_a_place_is_typed_where_the_map_asks_for_a_click(chart: Chart) -> None:
    keys = chart("unplaced")
    keys.type("経度", "135.4806")
    keys.type("緯度", "34.6433")
    keys.type("担当者", WHO)
    keys.send("この場所に決める")
    assert keys.page.locator("#place").count() == 0


def test_a_candidate_is_chosen_in_the_queue_of_places(keys: Keys) -> None:
    keys.open("/places")
    keys.send("場所を決める")
    keys.page.keyboard.press("Tab")
    while not keys.page.evaluate("document.activeElement.name === 'choice'"):
        keys.page.keyboard.press("Tab")
    keys.page.keyboard.press("Space")
    keys.type("理由", "地図で確かめた")
    keys.type("担当者", WHO)
    keys.send("決定")
    keys.require("決め")


# -- a chart's life --------------------------------------------------------------------


def test_a_field_result_and_a_photo_are_put_on_a_chart(
    chart: Chart, tmp_path: Path
) -> None:
    keys = chart("accepted")
    chosen: list[FileChooser] = []
    # listens from the start: to begin with the key itself would be too late
    # playwright takes no method of a list itself
    keys.page.on("filechooser", lambda one: chosen.append(one))  # noqa: PLW0108
    keys.press("対応結果を記録する")
    keys.pick("応急", "本復旧")
    keys.type("措置の内容", "埋めた")
    keys.type("記録した人", WHO)
    keys.send("記録する")
    keys.require("埋めた")
    picture = tmp_path / "a.jpg"
    picture.write_bytes(camera_picture())
    keys.press("写真を追加する")
    keys.to("写真(JPEG")
    keys.page.keyboard.press("Space")
    while not chosen:
        keys.page.wait_for_timeout(50)
    chosen[0].set_files(picture)
    keys.type("担当者", WHO)
    keys.send("追加する")
    keys.require("写真 1枚")


def test_an_answer_is_recorded(chart: Chart) -> None:
    keys = chart("merged")
    keys.press("回答を記録する")
    keys.type("伝えた内容", "直しています")
    keys.type("回答した人", WHO)
    keys.send("記録する")
    keys.require("直しています")


def test_a_chart_is_acted_on_with_a_reason_and_commented(chart: Chart) -> None:
    keys = chart("closed")
    keys.press("理由を添えて変える")
    keys.tick("再受付する")
    keys.type("理由", "また穴があいた")
    keys.type("担当者", WHO)
    keys.send("変える")
    keys.require("また穴があいた")
    keys.press("書き込む")
    keys.type("内容", "見に行った")
    keys.type("担当者", WHO)
    keys.send("書き込む")
    keys.require("見に行った")


def test_a_like_report_is_merged_and_taken_apart_again(chart: Chart) -> None:
    keys = chart("alike")
    while not keys.page.evaluate("document.activeElement.name === 'other'"):
        keys.page.keyboard.press("Tab")
    keys.page.keyboard.press("Space")
    keys.type("理由", "同じ穴")
    keys.type("担当者", WHO)
    keys.send("まとめる")
    keys = chart("alike")
    keys.require("まとめた先")
    keys.press("別の件に戻す")
    keys.type("理由", "別の穴")
    keys.type("担当者", WHO)
    keys.send("別の件に戻す")
    assert "まとめた先" not in keys.page.inner_text("main")


def test_topics_of_a_call_are_split(chart: Chart) -> None:
    keys = chart("main")
    keys.press("話題を分ける")
    keys.down("分類", 3)
    keys.type("担当者", WHO)
    keys.send("分ける")
    keys.require("この受付の話題")


def test_a_person_is_shown_for_a_reason(chart: Chart) -> None:
    keys = chart("planned")
    keys.press("申出人を表示")
    keys.type("見る理由", "折り返しのため")
    keys.type("担当者", WHO)
    keys.send("表示する")
    keys.require(PERSON["name"])


# -- passing on ------------------------------------------------------------------------


def test_a_referral_is_taken_and_another_sent_back(chart: Chart, keys: Keys) -> None:
    keys.open("/transfers")
    keys.send("動物死体")
    keys.type("担当者", WHO)  # of the acts, then of the transfer
    keys.type("担当者", WHO)
    keys.send("受け取る")
    keys.require("受け取り")
    keys = chart("passed on")
    keys.press("差し戻す")
    keys.type("差し戻す理由", "私有の管です")
    keys.type("担当者", WHO)
    keys.send("差し戻す")
    keys.require("から差し戻されました")


def test_a_chart_is_passed_on(chart: Chart) -> None:
    keys = chart("alike")
    keys.press("ほかの窓口へ移管する")
    keys.down("引継先", 2)
    keys.type("理由", "管の下の穴")
    keys.type("担当者", WHO)
    keys.send("移管する")
    keys.require("受け取り待ち")


def test_a_notice_is_read(chart: Chart) -> None:
    keys = chart("planned")
    keys.press("読んだ・")
    keys.type("担当者", WHO)
    keys.send("読んだ")
    keys.require("が読みました")


# -- the city's roads, plans and tables ------------------------------------------------


def test_a_road_is_closed_by_typed_points_and_opened_again(keys: Keys) -> None:
    keys.open("/closures")
    keys.type("名前", "鍵盤の工事")
    keys.down("理由")
    for point in ("34.64, 135.48", "34.64, 135.482"):
        keys.to("緯度, 経度")
        keys.page.keyboard.type(point)
        keys.page.keyboard.press("Enter")
    keys.type("担当者", WHO)
    keys.send("通行止めにする")
    keys.require("通行止めを記録しました")
    keys.press("解除する")
    keys.type("担当者", WHO)
    keys.send("解除を確定する")
    keys.require("解除しました")


def test_a_plan_is_edited_by_hand_and_published(keys: Keys, world: World) -> None:
    office = world.values["office_id"]
    keys.open(f"/plan/{world.values['plan_id']}/edit?office={office}")
    keys.type("担当者", WHO)
    keys.send("固定する")
    keys.require("規則に反するところはありません")
    keys.send("計画のページ")
    keys.type("担当者", WHO)
    keys.send("第2版を確定する")
    keys.require("第2版")


def test_a_voice_of_a_council_is_entered(keys: Keys) -> None:
    keys.open("/voices/new")
    for _ in range(len(keys.page.locator("#ward option").all())):
        if keys.page.input_value("#ward") == WARD:
            break
        if keys.page.evaluate("document.activeElement.id") != "ward":
            keys.to("区")
        keys.page.keyboard.press("ArrowDown")
    keys.to("開催日")
    year, month, day = MEETING.split("-")
    keys.page.keyboard.type(f"{year}00{month}{day}")
    keys.type("登録者", WHO)
    keys.type("1行の件名", "街灯")
    keys.to("1行の分類")
    keys.page.keyboard.type("R13")
    keys.type("1行の住所", ADDRESS)
    keys.send("登録する")
    keys.require("新しいカルテ 1件")


def test_the_months_numbers_are_asked_for_and_saved(keys: Keys) -> None:
    keys.open("/numbers")
    keys.down("分け方")
    keys.send("表示する")
    keys.to("Excel")
    with keys.page.expect_download() as download:
        keys.page.keyboard.press("Enter")
    assert download.value.suggested_filename.endswith(".xlsx")


# -- accounts --------------------------------------------------------------------------


def test_one_signs_in_makes_an_account_and_changes_the_password(
    browser: Browser, world: World
) -> None:
    variables = {**world.variables, "KIDOHAN_SIGN_IN": "password"}
    context = browser.new_context(viewport=SCREEN, locale="ja-JP")  # type: ignore[arg-type]
    with Served(world.folder, variables) as server:
        keys = Keys(context.new_page(), server.url)
        keys.open("/sign-in")
        keys.page.evaluate("document.activeElement.blur()")
        keys.type("ログイン名", LOGIN)
        keys.type("パスワード", PASSWORD)
        keys.send("ログイン")
        keys.open("/admin/accounts")
        keys.type("ログイン名", "new-one")
        keys.type("名前", "新人")
        keys.tick("地域担当")
        keys.tick("西成区")
        keys.send("追加して仮パスワードを作る")
        keys.require("new-one")
        keys.open("/account")
        keys.type("今のパスワード", PASSWORD)
        for name in ("新しいパスワード", "新しいパスワード(もう一度)"):
            keys.type(name, PASSWORD[::-1])
        keys.send("パスワードを変更する")
        keys.require("変更しました")
    context.close()
