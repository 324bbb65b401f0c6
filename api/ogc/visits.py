"""Stops of the plans in force as features: where a team is expected, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from shapely import Point

from api.ogc.days import DayPlan, PlanDays
from api.ogc.features import Extent, Feature, Page, page_of
from api.ogc.names import Names
from api.ogc.parameters import Interval, ItemsQuery
from dispatch.domain.place import BoundingBox
from dispatch.domain.plan import Route, Stop
from dispatch.domain.public_chart import PublicChart

ORDER_DIGITS = 4
ALWAYS = Interval()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Visit:
    """A stop that may be shown, with its plan, its route and its chart."""

    plan: DayPlan
    route: Route
    order: int
    stop: Stop
    chart: PublicChart

    @property
    def id(self) -> str:
        """Name of it; another plan of the same day has others."""
        return f"{self.plan.id}.{self.route.team_id}.{self.order}"

    @property
    def key(self) -> tuple[str, ...]:
        """Place in the collection."""
        order = str(self.order).zfill(ORDER_DIGITS)
        return self.plan.date.isoformat(), self.route.team_id, order


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VisitFeatures:
    """Source of the visits: points, by day, team and order."""

    days: PlanDays
    names: Names
    bounds: BoundingBox

    def page(self, query: ItemsQuery) -> Page:
        """Return a page."""
        plans = self.days.asked(query)
        charts = self.days.charts(plans)
        found = [
            visit
            for plan in plans
            for visit in _visits(plan, charts)
            if self._fits(visit, query)
        ]
        return page_of(found, query, key=lambda visit: visit.key, made=self._features)

    def one(self, feature_id: str) -> Feature | None:
        """Return the visit of an id."""
        plan = self.days.one(feature_id.partition(".")[0])
        if plan is None:
            return None
        visits = _visits(plan, self.days.charts([plan]))
        found = (visit for visit in visits if visit.id == feature_id)
        return next((self._feature(visit) for visit in found), None)

    def extent(self) -> Extent:
        """Return the city, from the first to the last day that has a plan."""
        span = self.days.span()
        return Extent(box=self.bounds, start=span.start, end=span.end)

    def _fits(self, visit: Visit, query: ItemsQuery) -> bool:
        chart, stop = visit.chart, visit.stop
        told = {
            "date": visit.plan.date.isoformat(),
            "status": str(chart.status),
            "urgency": str(chart.urgency),
            "category": chart.category_code,
            "ward": chart.ward_code,
            "district": chart.district_id,
            "office": self._office(visit),
            "team": visit.route.team_id,
        }
        in_time = (query.interval or ALWAYS).meets(
            visit.plan.at(stop.start_s), visit.plan.at(stop.end_s)
        )
        in_place = not query.boxes or any(
            box.contains(chart.place) for box in query.boxes
        )
        return (
            in_time
            and in_place
            and all(told[name] == value for name, value in query.filters.items())
        )

    def _office(self, visit: Visit) -> str:
        """Works office of the team; it may help out in another one's area."""
        team = self.names.teams.get(visit.route.team_id)
        return team.office_id if team is not None else visit.chart.office_id

    def _features(self, visits: Sequence[Visit]) -> list[Feature]:
        return [self._feature(visit) for visit in visits]

    def _feature(self, visit: Visit) -> Feature:
        plan, stop, chart = visit.plan, visit.stop, visit.chart
        return Feature(
            id=visit.id,
            geometry=Point(chart.place.lon, chart.place.lat),
            properties={
                "date": plan.date.isoformat(),
                "order": visit.order,
                "arrive_at": self.names.time(plan.at(stop.arrive_s)),
                "start_at": self.names.time(plan.at(stop.start_s)),
                "end_at": self.names.time(plan.at(stop.end_s)),
                "consultation": chart.id,
                **self.names.work(chart),
                **self.names.area(ward=chart.ward_code, district=chart.district_id),
                **self.names.crew(office=self._office(visit), team=visit.route.team_id),
                "plan": plan.id,
                "plan_version": plan.version,
            },
        )


def _visits(plan: DayPlan, charts: Mapping[str, PublicChart]) -> Iterator[Visit]:
    for route in plan.routes:
        for order, stop in enumerate(route.stops, start=1):
            chart = charts.get(stop.visit_id)
            if chart is not None:
                yield Visit(plan=plan, route=route, order=order, stop=stop, chart=chart)
