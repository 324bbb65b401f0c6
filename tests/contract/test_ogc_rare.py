"""What the feature service does on days that a small city does not have."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from api.ogc import days
from api.ogc.areas import FixedFeatures
from api.ogc.days import PlanDays
from api.ogc.parameters import ItemsQuery
from dispatch.adapters.database import open_database
from dispatch.adapters.feature_store import SqlFeatures
from dispatch.domain.case_chart import ChartStatus
from dispatch.domain.place import BoundingBox
from tests.api.installation import TOKYO, services_of
from tests.contract.ogc_world import OgcWorld

CITY = BoundingBox(west=135.0, south=34.0, east=136.0, north=35.0)


class Vanishing(SqlFeatures):
    """A store whose plan is replaced between the list and the reading."""

    def plan_days(
        self, first: dt.date | None = None, last: dt.date | None = None
    ) -> list[tuple[dt.date, str]]:
        return [*super().plan_days(first, last), (dt.date(2026, 11, 25), "replaced")]


def test_a_collection_of_nothing_lies_in_the_city() -> None:
    assert FixedFeatures(listed=list, bounds=CITY).extent().box == CITY


def test_a_plan_that_is_replaced_meanwhile_is_left_out_and_old_ones_are_dropped(
    ogc: OgcWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(days, "KEPT_DAYS", 0)
    engine = open_database(services_of(ogc.client).settings.database_url)
    kept = PlanDays(Vanishing(engine), TOKYO)
    for _ in range(2):
        assert [plan.date for plan in kept.asked(ItemsQuery())] == [
            dt.date(2026, 11, 24)
        ]
    engine.dispose()


def test_a_route_none_of_whose_stops_may_be_shown_is_no_line(ogc: OgcWorld) -> None:
    services = services_of(ogc.client)
    before = ogc.items("plans", limit="100")["features"]
    assert ogc.plan is not None
    gone = next(route for route in ogc.plan.plan.routes if route.stops)
    for stop in gone.stops:
        chart = services.store.get(stop.visit_id)
        after = replace(chart, status=ChartStatus.REFERRED, version=chart.version + 1)
        services.store.save_all([(after, ())])
    left = {one["properties"]["team"] for one in ogc.items("plans")["features"]}
    assert left == {one["properties"]["team"] for one in before} - {gone.team_id}
