"""A served day on which one team has more than it can do: some visits are left out."""

from __future__ import annotations

import time
from dataclasses import dataclass

from fastapi.testclient import TestClient
from httpx2 import Response

from dispatch.ports import StoredPlan
from tests.api.installation import BROWSER, DAY, consultation_body, sent, services_of

OFFICE = "tsumori"
TEAM = "tsumori-1"
OTHER = "tsumori-2"
NUM_CALLS = 20  # each half an hour and more: a day holds some twelve
PLAN_WITHIN_S = 150.0  # the first search of all may have to compile
PERSON = "山田花子"
GUTTER = "R05"  # due in three working days


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdedDay:
    """The served day, with a plan in force."""

    client: TestClient
    plan: StoredPlan

    @property
    def served_id(self) -> str:
        """Second visit of the crowded team."""
        route = next(one for one in self.plan.plan.routes if one.team_id == TEAM)
        return route.stops[1].visit_id

    @property
    def left_out_id(self) -> str:
        """First visit that the plan leaves out."""
        return self.plan.plan.unassigned[0].visit_id

    def stored(self, plan_id: str) -> StoredPlan:
        """Return a plan of the store."""
        return services_of(self.client).store.get_plan(plan_id)

    def newest(self) -> StoredPlan:
        """Return the newest plan of the day."""
        return services_of(self.client).store.plans_on(DAY)[0]

    def page(self, url: str) -> str:
        """Open a page as a browser does."""
        response = self.client.get(url, headers=BROWSER)
        assert response.status_code == 200, f"{url}: {response.text}"
        return response.text

    def post(self, url: str, **form: str) -> Response:
        """Send a form as a browser does, without following the answer."""
        return self.client.post(url, data=form, headers=BROWSER, follow_redirects=False)

    def sent_to(self, url: str, **form: str) -> str:
        """Send a form and return where it leads."""
        response = self.post(url, **form)
        assert response.status_code == 303, response.text
        return str(response.headers["location"])

    def job_done(self) -> dict[str, object]:
        """Wait for the job and return how it ended."""
        return job_done(self.client)


def job_done(client: TestClient) -> dict[str, object]:
    """Wait for the running job and return how it ended."""
    ends_s = time.monotonic() + PLAN_WITHIN_S
    while time.monotonic() < ends_s:
        job: dict[str, object] = client.get("/plan/progress").json()
        if job["state"] != "running":
            return job
        time.sleep(0.05)
    raise AssertionError


def call(client: TestClient, number: int, team_id: str = TEAM) -> str:
    """Send a consultation and bind it to a team."""
    person = {"name": PERSON, "phone": "06-0000-4321", "address": ""}
    body = consultation_body(
        category=GUTTER, address=f"西成区津守2-{number}-1", reporter=person
    )
    chart_id = str(sent(client, **body)["id"])
    chart = services_of(client).store.get(chart_id)
    answer = client.post(
        f"/charts/{chart_id}/override",
        data={
            "target": f"{OFFICE}/{team_id}",
            "who": "佐藤",
            "why": "地元を知っている",
            "version": str(chart.version),
        },
        headers=BROWSER,
        follow_redirects=False,
    )
    assert answer.status_code == 303, answer.text
    return chart_id


def crowded_day(client: TestClient) -> CrowdedDay:
    """Take the calls, make a plan and put it in force."""
    for number in range(1, NUM_CALLS + 1):
        call(client, number)
    client.post("/plan/make", data={"date": DAY.isoformat(), "who": "山田"})
    job = job_done(client)
    plan_id = str(job["plan_id"])
    client.post(f"/plan/{plan_id}/publish", data={"who": "山田"})
    plan = services_of(client).store.get_plan(plan_id)
    assert plan.plan.unassigned
    return CrowdedDay(client=client, plan=plan)
