"""A plan that is older than a closure: told on its pages, and not put in force."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.wiring import Services
from dispatch.closure_desk import NewClosure
from dispatch.domain.closure import ClosureReason, ClosureShape
from dispatch.domain.place import LonLat
from dispatch.ports import PlanStatus, StoredPlan
from tests.api.installation import (
    BROWSER,
    DAY,
    NOW,
    DeskAt,
    running,
    services_of,
    settings_for,
)

pytestmark = pytest.mark.both_databases
BRIDGE = NewClosure(
    name="例の橋<b>",
    shape=ClosureShape.STRETCH,
    places=(LonLat(135.5, 34.69), LonLat(135.501, 34.69)),
    reason=ClosureReason.FLOOD,
)
MINUTES = dt.timedelta(minutes=1)


@pytest.fixture
def client(
    tmp_path: Path, geodata_dir: Path, served_database: str
) -> Iterator[TestClient]:
    settings = settings_for(tmp_path, geodata_dir, database=served_database)
    with running(settings) as opened:
        yield opened


@pytest.fixture
def services(client: TestClient) -> Services:
    return services_of(client)


@pytest.fixture
def draft(services: Services) -> StoredPlan:
    return services.planning.make(
        DAY, services.search_params(), lambda _: None, who="配車担当"
    )


def pages(client: TestClient, draft: StoredPlan) -> list[str]:
    office = services_of(client).profile.offices[0].id
    return [
        client.get(path, headers=BROWSER).text
        for path in (f"/plan?plan={draft.id}", f"/plan/{draft.id}/{office}")
    ]


def test_plan_older_than_a_closure_says_so_and_is_not_put_in_force(
    client: TestClient, services: Services, draft: StoredPlan, desk_at: DeskAt
) -> None:
    assert all("通行規制が" not in text for text in pages(client, draft))
    desk_at(NOW + 10 * MINUTES).close(BRIDGE, who="配車担当")
    for text in pages(client, draft):
        assert "この計画のあとで通行規制が1件変わりました(例の橋&lt;b&gt;)" in text
    answer = client.post(
        f"/plan/{draft.id}/publish", data={"who": "配車担当"}, headers=BROWSER
    )
    assert answer.status_code == 409
    assert "計画を作り直してください" in answer.text
    assert services.store.get_plan(draft.id).status is PlanStatus.DRAFT


def test_plan_made_with_a_closure_that_was_lifted_since_says_so(
    client: TestClient, services: Services, desk_at: DeskAt
) -> None:
    made = desk_at(NOW - 10 * MINUTES).close(BRIDGE, who="配車担当")
    draft = services.planning.make(
        DAY, services.search_params(), lambda _: None, who="配車担当"
    )
    assert all("あとで通行規制" not in text for text in pages(client, draft))
    assert "この日の通行規制</a> 1件" in pages(client, draft)[0]
    desk_at(NOW + 5 * MINUTES).lift(made.id, made.version, who="配車担当")
    assert all("通行規制が1件変わりました" in text for text in pages(client, draft))


def test_closure_of_another_day_does_not_touch_a_plan(
    client: TestClient, draft: StoredPlan, desk_at: DeskAt
) -> None:
    desk_at(NOW + 2 * 1440 * MINUTES).close(BRIDGE, who="配車担当")
    assert all("通行規制が" not in text for text in pages(client, draft))
    answer = client.post(
        f"/plan/{draft.id}/publish",
        data={"who": "配車担当"},
        headers=BROWSER,
        follow_redirects=False,
    )
    assert answer.status_code == 303
