"""Every page of the program serves everybody: no serious fault, and keys reach all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from api.access_table import NEEDS
from tests.acceptance.command import Served
from tests.acceptance.page_audit import (
    AXE,
    SCREEN,
    keyboard_faults,
    serious_faults,
    structure_faults,
    unfold,
)
from tests.acceptance.pages_world import (
    AUDITOR,
    LOGIN,
    MEETING,
    PASSWORD,
    WARD,
    World,
)
from tests.acceptance.test_browser import Watched
from tests.chromium import ARGS, CHROMIUM

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not Path(CHROMIUM).exists() or not AXE.is_file(),
        reason="NOT TESTED IN A BROWSER: no chromium or no node_modules here",
    ),
]

PROGRAMS = ("/v1/", "/ogc", "/open311/")  # for other systems: no pages
# What only programs and printers read; anything else that answers GET is a page.
NOT_A_PAGE = re.compile(
    r"\.(csv|xlsx|json|geojson|ics|pdf|zip|png|xml|\{file_format\})$|^/healthz$|^/openapi.json$"
    r"|^/plan/progress|/bound$|/photos/|^/sign-in/oidc|/panel$"
)
SIGNED_IN = ("/account", "/admin/")  # nobody has an account where nobody signs in
# Swagger UI draws the one; the other is there in a sandbox alone: `test_sandbox`.
NOT_OURS = {"/docs", "/sandbox"}
FRAMES = ("/maps/",)  # drawn within another page, which has the landmarks
NEEDS_A_SEARCH = {"/maps/what-if/{plan_id}/{office_id}"}  # drawn after a long search
PAGES = tuple(
    path
    for method, path in sorted(NEEDS)
    if method == "GET"
    and not path.startswith(PROGRAMS)
    and not NOT_A_PAGE.search(path)
    and path not in NEEDS_A_SEARCH | NOT_OURS
)
QUERIES = {
    "/charts": ("", "?status=planned"),
    "/supervisor": (f"?ward={WARD}",),
    "/plan/{plan_id}/edit": ("?office={office_id}",),
    "/voices/report": (f"?ward={WARD}&meeting_on={MEETING}",),
}
EMPTY = (
    "/ /charts /triage /plan /map /places /transfers /notices /voices /examples"
    " /closures /numbers /organisation /organisation/people /supervisor /districts"
    " /handover /adviser /plan/today"
)
STATES = (
    "planned unplaced returned merged referred alike urgent advice closed accepted main"
)
NUM_WALKED = 4  # charts whose every control is walked to; the others have the same
CHART_OF = {
    "/charts/{chart_id}": tuple(STATES.split()),
    "/charts/{chart_id}/example": ("no example", "closed"),
    "/places/{chart_id}": ("unplaced", "planned"),
}


@pytest.fixture(scope="module")
def world(pages_world: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    return pages_world.copied_to(tmp_path_factory.mktemp("every-page"))


@pytest.fixture(scope="module")
def open_server(world: World) -> Iterator[Served]:
    """Serve it where nobody signs in."""
    with Served(world.folder, world.variables) as server:
        yield server


@pytest.fixture(scope="module")
def closed_server(world: World) -> Iterator[Served]:
    """Serve the same where people sign in."""
    variables = {**world.variables, "KIDOHAN_SIGN_IN": "password"}
    with Served(world.folder, variables) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[BrowserContext]:
    """Where nobody signs in."""
    context = browser.new_context(viewport=SCREEN, locale="ja-JP")  # type: ignore[arg-type]
    yield context
    context.close()


def signed_page(browser: Browser, server: Served, login: str) -> Page:
    """Open a window of its own and sign in."""
    context = browser.new_context(viewport=SCREEN, locale="ja-JP")  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{server.url}/sign-in")
    page.fill("input[name=login]", login)
    page.fill("input[name=password]", PASSWORD)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    return page


@pytest.fixture(scope="module")
def signed_in(browser: Browser, closed_server: Served) -> Iterator[BrowserContext]:
    """Of somebody who may do everything and has signed in."""
    page = signed_page(browser, closed_server, LOGIN)
    yield page.context
    page.context.close()


def addresses(world: World, path: str) -> Iterator[str]:
    """Every address at which a page is looked at."""
    for name in CHART_OF.get(path, ("",)):
        values = world.values
        if name:
            values = {**values, "chart_id": world.charts[name]}
        missing = set(re.findall(r"\{(\w+)\}", path)) - set(values)
        assert not missing, f"{path}: `pages_world` must give an example of {missing}"
        for query in QUERIES.get(path, ("",)):
            yield (path + query).format_map(values)


def require_good(page: Page, *, is_frame: bool = False, by_keys: bool = True) -> None:
    """Look at a page as it came, then with everything unfolded; walk it by keys."""
    faults = [] if is_frame else structure_faults(page)
    unfold(page)
    faults += serious_faults(page)
    for frame in page.frames[1:]:
        faults += [f"in its map: {one}" for one in serious_faults(frame)]
    if by_keys and not is_frame:
        faults += keyboard_faults(page)
    assert faults == []


@pytest.mark.parametrize("path", PAGES)
def test_page_serves_everybody(
    path: str, world: World, request: pytest.FixtureRequest
) -> None:
    needs_account = path.startswith(SIGNED_IN)
    names = (
        ("signed_in", "closed_server") if needs_account else ("window", "open_server")
    )
    context, server = (request.getfixturevalue(name) for name in names)
    for number, address in enumerate(addresses(world, path)):
        page = context.new_page()
        watched = Watched(page, server.url)
        watched.open(address, until="load")
        require_good(
            page, is_frame=path.startswith(FRAMES), by_keys=number < NUM_WALKED
        )
        page.close()
        assert watched.troubles == [], address
        assert watched.hosts == {"127.0.0.1"}


# -- pages that say no, and pages with nothing to show ---------------------------------


def require_refusal(page: Page, status: int, wanted: int) -> None:
    assert status == wanted
    require_good(page)
    assert page.locator("[role=alert], .notice-error, .error").count() >= 1


@pytest.mark.parametrize("address", ["/charts/none", "/nowhere", "/plan/none/tsumori"])
def test_what_is_not_there_is_a_page_for_everybody(
    address: str, window: BrowserContext, open_server: Served
) -> None:
    page = window.new_page()
    answer = page.goto(open_server.url + address)
    assert answer is not None
    require_refusal(page, answer.status, 404)
    page.close()


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [("version", "99", 409), ("who", "", 422), ("text", "x" * 301, 422)],
)
def test_a_refused_form_is_a_page_for_everybody(
    field: str,
    value: str,
    wanted: int,
    window: BrowserContext,
    open_server: Served,
    world: World,
) -> None:
    page = window.new_page()
    page.goto(f"{open_server.url}/charts/{world.charts['urgent']}")
    typed = {"version": "1", "who": "佐藤", "text": "見た", field: value}
    with page.expect_navigation() as answer:
        page.evaluate(
            """typed => {
              const form = document.querySelector("form[action$='/comments']");
              form.noValidate = true;
              for (const [name, text] of Object.entries(typed))
                form.elements[name].value = text;
              form.submit();
            }""",
            typed,
        )
    require_refusal(page, answer.value.status, wanted)
    page.close()


def test_what_one_may_not_see_is_a_page_for_everybody(
    browser: Browser, closed_server: Served
) -> None:
    page = signed_page(browser, closed_server, AUDITOR)
    answer = page.goto(f"{closed_server.url}/charts")
    assert answer is not None
    require_refusal(page, answer.status, 403)
    page.context.close()


@pytest.fixture(scope="module")
def empty_server(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Serve an installation on its first morning."""
    folder = tmp_path_factory.mktemp("empty")
    variables = {
        **world.variables,
        "KIDOHAN_DATABASE_URL": f"sqlite:///{folder / 'empty.sqlite3'}",
        "KIDOHAN_VAULT_KEY_FILE": str(folder / "vault.key"),
    }
    with Served(folder, variables) as server:
        yield server


@pytest.mark.parametrize("path", EMPTY.split())
def test_page_with_nothing_to_show_serves_everybody(
    path: str, window: BrowserContext, empty_server: Served
) -> None:
    page = window.new_page()
    watched = Watched(page, empty_server.url)
    watched.open(path)
    require_good(page, by_keys=False)  # the same controls as on a busy day, or fewer
    page.close()
    assert watched.troubles == []
