"""The dispatchers' pages: what a person sees, sends and is told."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from pypdf import PdfReader

from api.wording import FIELD_TEXT
from dispatch.domain.case_chart import CaseChart, ChartStatus, EntryKind
from dispatch.ports import PlanStatus, StoredPlan
from tests.api.installation import (
    ADDRESS,
    BROWSER,
    DAY,
    HOSTILE,
    NOWHERE,
    num_charts,
    person_of,
    running,
    sent,
    services_of,
    settings_for,
    title_of,
)

PHONE = "06-0000-4321"
NAME = "山田花子"
PLAN_WITHIN_S = 60.0


def posted(client: TestClient, url: str, **form: str) -> Response:
    """Send a form as a browser does, without following the answer."""
    return client.post(url, data=form, headers=BROWSER, follow_redirects=False)


def desk_form(**changes: str) -> dict[str, str]:
    """Fill in the phone desk's form about a pothole."""
    return {
        "category": "R02",
        "description": "道路に穴があいている",
        "address": ADDRESS,
        "channel": "phone",
        "who": "受付係",
        **changes,
    }


def taken(client: TestClient, **changes: str) -> str:
    """Take a consultation at the phone desk and return its chart's id."""
    response = posted(client, "/charts/new", **desk_form(**changes))
    assert response.status_code == 303, response.text
    return response.headers["location"].rpartition("/")[2]


def chart_of(client: TestClient, chart_id: str) -> CaseChart:
    return services_of(client).store.get(chart_id)


def page_of(client: TestClient, url: str) -> str:
    """Open a page as a browser does."""
    response = client.get(url, headers=BROWSER)
    assert response.status_code == 200, url
    return response.text


# -- a day with one plan, made through the pages ---------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDay:
    """What the pages made: charts, the plan in force, and its office."""

    client: TestClient
    caller_id: str  # wants to be called back
    silent_id: str  # gave a number, wants no call
    hostile_id: str
    draft: StoredPlan
    plan: StoredPlan
    steps: tuple[dict[str, object], ...]

    @property
    def office_id(self) -> str:
        """Office of the caller's chart."""
        assignment = chart_of(self.client, self.caller_id).assignment
        assert assignment is not None
        return assignment.office_id

    @property
    def team_id(self) -> str:
        """Team that visits the caller."""
        return next(
            route.team_id
            for route, _, stop in self.plan.plan.stops()
            if stop.visit_id == self.caller_id
        )


def planned_day(client: TestClient) -> PlannedDay:
    """Take calls, make a plan, wait for it and put it in force."""
    person = {"reporter_name": NAME, "reporter_phone": PHONE}
    caller_id = taken(client, **person, contact_wanted="1")
    silent_id = taken(client, **person, address="西成区津守2-7-14")
    hostile = dict.fromkeys(
        ("description", "landmark", "who", "reporter_name", "reporter_address"), HOSTILE
    )
    hostile_id = taken(client, **hostile, address=f"{ADDRESS} {HOSTILE}")
    if chart_of(client, hostile_id).status is ChartStatus.UNPLACED:
        place = {"lon": "135.482", "lat": "34.646", "version": "1", "who": HOSTILE}
        assert posted(client, f"/charts/{hostile_id}/place", **place).status_code == 303
    chart = chart_of(client, hostile_id)
    assert chart.assignment is not None
    override = {"target": chart.assignment.office_id, "who": HOSTILE, "why": HOSTILE}
    answer = posted(
        client,
        f"/charts/{hostile_id}/override",
        version=str(chart.version),
        **override,
    )
    assert answer.status_code == 303, answer.text
    made = posted(client, "/plan/make", date=DAY.isoformat(), who="山田")
    assert made.headers["location"] == f"/plan?date={DAY.isoformat()}"
    steps = tuple(progress_until_done(client))
    draft_id = str(steps[-1]["plan_id"])
    draft = services_of(client).store.get_plan(draft_id)
    published = posted(client, f"/plan/{draft_id}/publish", who="山田")
    assert published.status_code == 303
    return PlannedDay(
        client=client,
        caller_id=caller_id,
        silent_id=silent_id,
        hostile_id=hostile_id,
        draft=draft,
        plan=services_of(client).store.get_plan(draft_id),
        steps=steps,
    )


def progress_until_done(client: TestClient) -> Iterator[dict[str, object]]:
    """Ask for the progress until the job has ended, as the page does."""
    ends_s = time.monotonic() + PLAN_WITHIN_S
    while time.monotonic() < ends_s:
        step: dict[str, object] = client.get("/plan/progress").json()
        yield step
        if step["state"] != "running":
            return
        time.sleep(0.05)


@pytest.fixture(scope="module")
def day(
    tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path
) -> Iterator[PlannedDay]:
    """Serve a day whose plan is in force."""
    settings = settings_for(tmp_path_factory.mktemp("planned"), geodata_dir)
    with running(settings) as client:
        yield planned_day(client)


def pages_of(day: PlannedDay) -> list[str]:
    """All pages that the day has."""
    plan, office = day.plan.id, day.office_id
    return [
        "/",
        "/map",
        "/plan",
        f"/plan?date={DAY.isoformat()}&plan={plan}",
        "/plan?date=2026-11-25",
        "/charts",
        "/charts/new",
        "/about",
        f"/charts/{day.hostile_id}",
        f"/c/{day.caller_id}",
        f"/plan/{plan}/{office}",
        "/maps/overview",
        f"/maps/plan/{plan}/{office}",
    ]


# -- every page ------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(13))
def test_every_page_opens_in_japanese_with_a_title(
    number: int, day: PlannedDay
) -> None:
    urls = pages_of(day)
    assert len(urls) == 13
    text = page_of(day.client, urls[number])
    assert '<html lang="ja">' in text
    assert title_of(text).strip(" |")


@pytest.mark.parametrize("url", ["/", "/map", "/plan", "/charts", "/charts/new"])
def test_page_of_an_empty_installation_says_what_comes_there(
    url: str, tmp_path: Path, geodata_dir: Path
) -> None:
    with running(settings_for(tmp_path, geodata_dir)) as client:
        text = page_of(client, url)
    assert url == "/charts/new" or 'class="empty"' in text


def test_no_page_runs_what_a_resident_or_a_dispatcher_wrote(day: PlannedDay) -> None:
    for url in pages_of(day):
        text = page_of(day.client, url)
        assert "<script>alert" not in text, url
    chart = page_of(day.client, f"/charts/{day.hostile_id}")
    assert chart.count("&lt;script&gt;alert(1)&lt;/script&gt;${1+1}") >= 4
    # What a dispatcher typed stays in the chart's history: maps only say that.
    plan_map = page_of(day.client, f"/maps/plan/{day.plan.id}/{day.office_id}")
    assert "alert(1)" not in plan_map
    assert "${1+1}" not in plan_map


def test_no_page_tells_who_reported(day: PlannedDay) -> None:
    for url in pages_of(day):
        text = page_of(day.client, url)
        assert NAME not in text, url
        assert PHONE not in text, url


def test_page_loads_nothing_from_elsewhere(day: PlannedDay) -> None:
    for url in pages_of(day):
        response = day.client.get(url, headers=BROWSER)
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'self'; ")
        assert "http" not in policy
        assert "frame-ancestors 'self'" in policy
        assert ("script-src 'self' 'unsafe-inline'" in policy) == (
            url.startswith("/maps/")
        )
        assert response.headers["x-content-type-options"] == "nosniff"
        for outside in ('src="http', 'src="//', 'rel="stylesheet" href="http'):
            assert outside not in response.text


def test_pages_are_not_kept_by_the_browser_but_assets_are(day: PlannedDay) -> None:
    assert day.client.get("/charts").headers["cache-control"] == "no-store"
    asset = day.client.get("/assets/leaflet/dist/leaflet.js")
    assert "max-age" in asset.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    ["jquery/package.json", "leaflet/README.md", "../pyproject.toml", "%2e%2e/LICENSE"],
)
def test_other_files_beside_the_assets_are_not_served(
    path: str, client: TestClient
) -> None:
    assert client.get(f"/assets/{path}").status_code == 404


def test_unchanged_map_is_not_sent_twice(day: PlannedDay) -> None:
    first = day.client.get("/maps/overview")
    tag = first.headers["etag"]
    again = day.client.get("/maps/overview", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_map_with_another_chart_is_sent_anew(client: TestClient) -> None:
    tag = client.get("/maps/overview").headers["etag"]
    taken(client)
    again = client.get("/maps/overview", headers={"If-None-Match": tag})
    assert (again.status_code, again.headers["etag"] != tag) == (200, True)


@pytest.mark.parametrize("url", ["/charts/c000000000", "/c/x", "/plan/x/y", "/nothing"])
def test_unknown_thing_is_a_page_for_a_person_and_a_problem_for_a_program(
    url: str, client: TestClient
) -> None:
    page = client.get(url, headers=BROWSER)
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert '<html lang="ja">' in page.text
    problem = client.get(url)
    assert problem.status_code == 404
    assert problem.headers["content-type"] == "application/problem+json"


# -- the phone desk --------------------------------------------------------------------


def test_phone_desk_makes_a_chart_and_opens_it(client: TestClient) -> None:
    chart_id = taken(
        client,
        urgency="S",
        reporter_name=NAME,
        reporter_phone=PHONE,
        appointment_day="2026-11-24",
        appointment_start="10:00",
        appointment_end="12:00",
    )
    chart = chart_of(client, chart_id)
    assert (chart.status, chart.urgency) == (ChartStatus.ASSIGNED, "S")
    assert chart.consultation.source == "desk"
    assert chart.consultation.appointment is not None
    assert person_of(client, chart_id).name == NAME
    assert services_of(client).store.history(chart_id)[0].who == "受付係"
    text = page_of(client, f"/charts/{chart_id}")
    assert "路面の穴ぼこ" in text
    assert "氏名・電話(伏せています)" in text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"category": ""}, "category"),
        ({"category": "X99"}, "category"),
        ({"address": ""}, "address"),
        ({"address": "北" * 301}, "address"),
        ({"urgency": "至急"}, "form"),
        ({"tagged_on": "先週"}, "form"),
        ({"category": "B02", "tagged_on": "2026-12-24"}, "tagged_on"),
        ({"appointment_day": "2026-11-24"}, "appointment"),
        (
            {
                "appointment_day": "2026-11-24",
                "appointment_start": "12:00",
                "appointment_end": "10:00",
            },
            "appointment.end_at",
        ),
        ({"reporter_phone": "0" * 121}, "reporter.phone"),
        ({"who": "受" * 121}, "who"),
        ({"who": "受\0付"}, "who"),
    ],
)
def test_refused_form_comes_back_with_the_error_and_what_was_typed(
    changes: dict[str, str], told: str, client: TestClient
) -> None:
    before = num_charts(client)
    form = desk_form(**{"description": "<b>覚え書き</b>", "landmark": "", **changes})
    response = posted(client, "/charts/new", **form)
    assert response.status_code == 422
    assert 'role="alert"' in response.text
    assert f"{FIELD_TEXT[told]}: " in response.text
    assert "&lt;b&gt;覚え書き&lt;/b&gt;" in response.text
    if form["address"]:
        assert f'value="{form["address"]}"' in response.text
    assert num_charts(client) == before


# -- a chart's actions -----------------------------------------------------------------


def test_unplaced_chart_is_placed_where_the_dispatcher_points(
    client: TestClient,
) -> None:
    chart_id = taken(client, address=NOWHERE)
    assert chart_of(client, chart_id).status is ChartStatus.UNPLACED
    assert f"/charts/{chart_id}#place" in page_of(client, "/")
    form = {"lon": "135.482194", "lat": "34.6466", "who": "佐藤"}
    response = posted(client, f"/charts/{chart_id}/place", version="1", **form)
    assert (response.status_code, response.headers["location"]) == (
        303,
        f"/charts/{chart_id}",
    )
    chart = chart_of(client, chart_id)
    assert (chart.status, chart.version) == (ChartStatus.ASSIGNED, 2)
    placed = services_of(client).store.history(chart_id)[-2]
    assert (placed.kind, placed.who) == (EntryKind.PLACED, "佐藤")
    assert "地図で場所を指定" in page_of(client, f"/charts/{chart_id}")


@pytest.mark.parametrize(
    ("lon", "lat"),
    [("139.7", "35.6"), ("nan", "34.6"), ("200", "34.6"), ("東", "北"), ("", "")],
)
def test_point_that_is_none_or_outside_leaves_the_chart_as_it_was(
    lon: str, lat: str, client: TestClient
) -> None:
    chart_id = taken(client, address=NOWHERE)
    form = {"lon": lon, "lat": lat, "who": "佐藤", "version": "1"}
    response = posted(client, f"/charts/{chart_id}/place", **form)
    assert response.status_code == 422
    assert '<html lang="ja">' in response.text
    assert chart_of(client, chart_id).version == 1


def test_override_is_kept_with_who_and_why(client: TestClient) -> None:
    chart_id = taken(client)
    form = {"target": "juso/juso-1", "who": "佐藤", "why": "応援のため", "version": "1"}
    assert posted(client, f"/charts/{chart_id}/override", **form).status_code == 303
    assignment = chart_of(client, chart_id).assignment
    assert assignment is not None
    assert (assignment.office_id, assignment.team_id) == ("juso", "juso-1")
    last = services_of(client).store.history(chart_id)[-1]
    assert (last.kind, last.who) == (EntryKind.OVERRIDDEN, "佐藤")
    assert "応援のため" in page_of(client, f"/charts/{chart_id}")


@pytest.mark.parametrize(
    "changes",
    [
        {"who": ""},
        {"who": "  "},
        {"why": ""},
        {"why": "  "},
        {"target": "nowhere"},
        {"target": "juso/ebie-1"},  # a team of another office
        {"version": "one"},
    ],
)
def test_override_without_who_why_or_a_real_target_changes_nothing(
    changes: dict[str, str], client: TestClient
) -> None:
    chart_id = taken(client)
    form = {"target": "juso", "who": "佐藤", "why": "応援", "version": "1", **changes}
    response = posted(client, f"/charts/{chart_id}/override", **form)
    assert response.status_code == 422
    assert '<html lang="ja">' in response.text  # a person asked: a page answers
    assert chart_of(client, chart_id).version == 1


def test_second_of_two_dispatchers_is_told_and_overwrites_nothing(
    client: TestClient,
) -> None:
    chart_id = taken(client)
    first = {"target": "juso", "who": "佐藤", "why": "応援", "version": "1"}
    assert posted(client, f"/charts/{chart_id}/override", **first).status_code == 303
    second = posted(
        client, f"/charts/{chart_id}/override", **{**first, "target": "ebie"}
    )
    assert second.status_code == 409
    assert "ほかの人が先に変更しました" in second.text
    assert '<html lang="ja">' in second.text
    assignment = chart_of(client, chart_id).assignment
    assert assignment is not None
    assert assignment.office_id == "juso"


# -- other sites -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
    ],
)
@pytest.mark.parametrize("url", ["/charts/new", "/plan/make", "/plan/x/sheets"])
def test_form_sent_from_another_site_is_refused(
    url: str, headers: dict[str, str], client: TestClient
) -> None:
    before = num_charts(client)
    response = client.post(url, data=desk_form(), headers=headers)
    assert response.status_code == 403
    assert num_charts(client) == before


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://testserver"}, {"Sec-Fetch-Site": "same-origin"}, {}],
)
def test_form_of_our_own_page_is_taken(
    headers: dict[str, str], client: TestClient
) -> None:
    response = client.post(
        "/charts/new", data=desk_form(), headers=headers, follow_redirects=False
    )
    assert response.status_code == 303


def test_link_from_another_site_may_be_followed(client: TestClient) -> None:
    assert client.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


# -- the list --------------------------------------------------------------------------


def listed(client: TestClient, query: str) -> list[dict[str, str]]:
    """Rows of the list for Excel."""
    response = client.get(f"/charts.csv?{query}")
    assert response.content.startswith(b"\xef\xbb\xbf")  # the mark Excel needs
    return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))


def test_list_is_filtered_and_counted(client: TestClient) -> None:
    taken(client, category="F01")
    taken(client, address=NOWHERE)
    charts = services_of(client).store.find()
    for query, keeps in {
        "status=unplaced": [c for c in charts if c.status is ChartStatus.UNPLACED],
        "duty=referral": [c for c in charts if c.duty == "referral"],
        "urgency=S": [c for c in charts if c.urgency == "S"],
        "status=nonsense": [],
    }.items():
        numbers = {row["番号"] for row in listed(client, query)}
        assert numbers == {chart.number for chart in keeps}, query
        assert f"{len(keeps)}件" in page_of(client, f"/charts?{query}")


def test_list_of_overdue_charts_holds_only_those(client: TestClient) -> None:
    late = sent(client, received_at="2026-11-02T09:00:00+09:00")
    numbers = {row["番号"] for row in listed(client, "overdue=1")}
    assert late["number"] in numbers
    assert f"{chart_of(client, taken(client)).number}" not in numbers


def test_list_is_sorted_as_asked(client: TestClient) -> None:
    taken(client, category="R03")  # C: due in 14 days
    taken(client, category="R11")  # S: due in an hour
    by_urgency = [row["緊急度"][0] for row in listed(client, "sort=urgency")]
    assert by_urgency == sorted(by_urgency, key="SABCD".index)
    received = services_of(client).store.find()
    numbers = [row["番号"] for row in listed(client, "sort=received")]
    assert numbers == [chart.number for chart in received]
    due = {chart.number: chart.due_at for chart in received}
    moments = [due[row["番号"]] for row in listed(client, "sort=due")]
    known = [moment for moment in moments if moment is not None]
    assert known == sorted(known)
    assert moments == [*known, *[None] * (len(moments) - len(known))]


def test_list_for_excel_holds_nothing_of_the_report(day: PlannedDay) -> None:
    text = day.client.get("/charts.csv").text
    for private in (NAME, PHONE, "道路に穴", "alert(1)", "津守2-7-1"):
        assert private not in text
    assert len(listed(day.client, "")) == num_charts(day.client)


# -- the plan --------------------------------------------------------------------------


def test_progress_ends_with_a_draft(day: PlannedDay) -> None:
    assert day.steps[-1]["state"] == "done"
    assert day.steps[-1]["done"] == 1.0
    assert day.steps[-1]["date"] == DAY.isoformat()
    shares = [float(str(step["done"])) for step in day.steps]
    assert all(0.0 <= share <= 1.0 for share in shares)
    assert day.draft.status is PlanStatus.DRAFT


def test_published_plan_is_in_force_and_its_charts_are_planned(day: PlannedDay) -> None:
    store = services_of(day.client).store
    assert day.plan.status is PlanStatus.PUBLISHED
    for chart_id in (day.caller_id, day.silent_id, day.hostile_id):
        assert store.get(chart_id).status is ChartStatus.PLANNED
        assert store.history(chart_id)[-1].kind in {
            EntryKind.PLANNED,
            EntryKind.PRINTED,
        }
    assert "確定" in page_of(day.client, "/plan")


def test_published_plan_cannot_be_published_again(day: PlannedDay) -> None:
    response = posted(day.client, f"/plan/{day.plan.id}/publish", who="山田")
    assert response.status_code == 409
    assert '<html lang="ja">' in response.text


def test_office_page_offers_the_number_only_of_who_wants_a_call(
    day: PlannedDay,
) -> None:
    text = page_of(day.client, f"/plan/{day.plan.id}/{day.office_id}")
    assert f'name="call_back" value="{day.caller_id}"' in text
    assert f'name="call_back" value="{day.silent_id}"' not in text
    assert f'name="team" value="{day.team_id}"' in text


def pdf_text(response: Response) -> str:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/pdf"
    assert response.content.startswith(b"%PDF")
    reader = PdfReader(io.BytesIO(response.content))
    return "".join(page.extract_text() for page in reader.pages)


def all_teams(day: PlannedDay) -> list[str]:
    return [route.team_id for route in day.plan.plan.routes if route.stops]


def test_sheet_without_a_tick_holds_no_number_and_leaves_no_entry(
    day: PlannedDay,
) -> None:
    store = services_of(day.client).store
    before = len(store.history(day.caller_id))
    form = {"team": all_teams(day), "who": "山田"}
    text = pdf_text(day.client.post(f"/plan/{day.plan.id}/sheets", data=form))
    assert PHONE not in text
    assert NAME not in text
    assert len(store.history(day.caller_id)) == before


def test_ticked_number_is_printed_and_the_reveal_recorded(day: PlannedDay) -> None:
    store = services_of(day.client).store
    silent_before = store.history(day.silent_id)
    form = {
        "team": all_teams(day),
        "who": "山田",
        "call_back": [day.caller_id, day.silent_id],
    }
    text = pdf_text(day.client.post(f"/plan/{day.plan.id}/sheets", data=form))
    assert text.count(PHONE) == 1  # the other wants no call, whatever was ticked
    assert NAME not in text
    last = store.history(day.caller_id)[-1]
    assert (last.kind, last.who) == (EntryKind.PRINTED, "山田")
    assert PHONE not in last.text
    assert store.history(day.silent_id) == silent_before


@pytest.mark.parametrize(("teams", "status"), [([], 422), (["nobody-1"], 404)])
def test_sheets_of_no_team_or_an_unknown_one_are_refused(
    teams: list[str], status: int, day: PlannedDay
) -> None:
    before = services_of(day.client).store.history(day.caller_id)
    form = {"team": teams, "who": "山田", "call_back": [day.caller_id]}
    response = day.client.post(
        f"/plan/{day.plan.id}/sheets", data=form, headers=BROWSER
    )
    assert response.status_code == status
    assert services_of(day.client).store.history(day.caller_id) == before


def test_plan_needs_the_name_of_who_makes_it(client: TestClient) -> None:
    response = posted(client, "/plan/make", date=DAY.isoformat(), who="")
    assert response.status_code == 422
    assert FIELD_TEXT["who"] in response.text
    assert '<html lang="ja">' in response.text


def test_cancel_with_nothing_to_cancel_returns_to_the_plan(client: TestClient) -> None:
    response = posted(client, "/plan/cancel")
    assert (response.status_code, response.headers["location"]) == (
        303,
        f"/plan?date={DAY.isoformat()}",
    )
    assert client.get("/plan/progress").json() == {"state": "none"}
