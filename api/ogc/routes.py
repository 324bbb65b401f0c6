"""Routes of the plans in force as features: one line for each team and day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shapely import LineString

from api.ogc.days import DayPlan, PlanDays
from api.ogc.features import Extent, Feature, Page, geometry_filter, page_of
from api.ogc.names import Names
from api.ogc.parameters import Interval, ItemsQuery
from dispatch.domain.place import BoundingBox
from dispatch.domain.plan import Route
from dispatch.domain.public_chart import PublicChart
from dispatch.domain.team import MobileTeam

S_PER_MIN = 60
M_PER_KM = 1_000
ALWAYS = Interval()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TeamDay:
    """A route that may be shown, with its plan, its team and its line."""

    plan: DayPlan
    route: Route
    team: MobileTeam
    line: LineString

    @property
    def id(self) -> str:
        """Name of it; another plan of the same day has others."""
        return f"{self.plan.id}.{self.route.team_id}"

    @property
    def key(self) -> tuple[str, ...]:
        """Place in the collection."""
        return self.plan.date.isoformat(), self.route.team_id


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RouteFeatures:
    """Source of the plans: lines, by day and team."""

    days: PlanDays
    names: Names
    bounds: BoundingBox

    def page(self, query: ItemsQuery) -> Page:
        """Return a page."""
        plans = self.days.asked(query)
        charts = self.days.charts(plans)
        fits = geometry_filter(query.boxes)
        interval = query.interval or ALWAYS
        found = [
            one
            for plan in plans
            if interval.meets(plan.at(0), plan.last)
            for one in self._team_days(plan, charts)
            if _is_asked(one, query.filters) and fits(one.line)
        ]
        return page_of(found, query, key=lambda one: one.key, made=self._features)

    def one(self, feature_id: str) -> Feature | None:
        """Return the route of an id."""
        plan = self.days.one(feature_id.partition(".")[0])
        if plan is None:
            return None
        team_days = self._team_days(plan, self.days.charts([plan]))
        found = (one for one in team_days if one.id == feature_id)
        return next((self._feature(one) for one in found), None)

    def extent(self) -> Extent:
        """Return the city, from the first to the last day that has a plan."""
        span = self.days.span()
        return Extent(box=self.bounds, start=span.start, end=span.end)

    def _team_days(
        self, plan: DayPlan, charts: Mapping[str, PublicChart]
    ) -> list[TeamDay]:
        """Routes of teams that are known, past the stops that may be shown."""
        return [
            TeamDay(plan=plan, route=route, team=team, line=line)
            for route in plan.routes
            if (team := self.names.teams.get(route.team_id)) is not None
            and (line := _line(route, team, charts)) is not None
        ]

    def _features(self, found: Sequence[TeamDay]) -> list[Feature]:
        return [self._feature(one) for one in found]

    def _feature(self, one: TeamDay) -> Feature:
        plan, route = one.plan, one.route
        return Feature(
            id=one.id,
            geometry=one.line,
            properties={
                "date": plan.date.isoformat(),
                **self.names.crew(office=one.team.office_id, team=route.team_id),
                "num_visits": len(route.stops),
                "depart_at": self.names.time(plan.at(route.depart_s)),
                "return_at": self.names.time(plan.at(route.return_s)),
                "drive_min": round(route.drive_s / S_PER_MIN),
                "drive_km": round(route.drive_m / M_PER_KM, 1),
                "plan": plan.id,
                "plan_version": plan.version,
            },
        )


def _is_asked(one: TeamDay, filters: Mapping[str, str]) -> bool:
    told = {
        "date": one.plan.date.isoformat(),
        "office": one.team.office_id,
        "team": one.route.team_id,
    }
    return all(told[name] == value for name, value in filters.items())


def _line(
    route: Route, team: MobileTeam, charts: Mapping[str, PublicChart]
) -> LineString | None:
    """Straight from stop to stop; None where no stop may be shown."""
    shown = [
        charts[stop.visit_id].place for stop in route.stops if stop.visit_id in charts
    ]
    if not shown:
        return None
    ends = (team.base,) if not route.no_way_back else ()
    return LineString([(at.lon, at.lat) for at in (team.base, *shown, *ends)])
