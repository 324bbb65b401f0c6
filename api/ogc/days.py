"""Plans in force, day by day, read once and kept: the stops and routes behind them."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from api.ogc.parameters import (
    FIRST,
    LAST,
    STEP,
    Interval,
    ItemsQuery,
    day_span,
    read_day,
)
from dispatch.adapters.feature_store import SqlFeatures
from dispatch.domain.plan import Route
from dispatch.domain.public_chart import PublicChart

KEPT_DAYS = 400  # a year and a month of plans: some 40 MB at 150 visits a day
S_PER_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayPlan:
    """A plan in force: its day, its number, and the routes that have stops."""

    id: str
    date: dt.date
    version: int
    routes: tuple[Route, ...]
    midnight: dt.datetime

    def at(self, seconds: int) -> dt.datetime:
        """Moment so many seconds after midnight."""
        return self.midnight + dt.timedelta(seconds=seconds)

    @property
    def last(self) -> dt.datetime:
        """Last moment of the day."""
        return self.at(S_PER_DAY) - STEP

    @property
    def visit_ids(self) -> set[str]:
        """Ids of the charts that are visited."""
        return {stop.visit_id for route in self.routes for stop in route.stops}


class PlanDays:
    """
    Reads plans in force and keeps them: a plan never changes once it is in force.

    Parameters
    ----------
    store
        Where they are stored.
    timezone
        Of the city.
    """

    def __init__(self, store: SqlFeatures, timezone: dt.tzinfo) -> None:
        self._store = store
        self.timezone = timezone
        self._kept: OrderedDict[str, DayPlan] = OrderedDict()
        self._lock = Lock()

    def asked(self, query: ItemsQuery) -> list[DayPlan]:
        """Plans of the days that a query asks for, in order."""
        first, last = _days(query.interval, self.timezone)
        if "date" in query.filters:
            day = read_day("date", query.filters["date"])
            first, last = max(first, day), min(last, day)
        found = (self._plan(key) for _, key in self._store.plan_days(first, last))
        return [plan for plan in found if plan is not None]

    def one(self, plan_id: str) -> DayPlan | None:
        """Return a plan that is in force now; None where there is none."""
        in_force = {key for _, key in self._store.plan_days()}
        return self._plan(plan_id) if plan_id in in_force else None

    def span(self) -> Interval:
        """Return the time from the first to the last day that has a plan."""
        days = [day for day, _ in self._store.plan_days()]
        if not days:
            return Interval()
        return Interval(
            start=day_span(days[0], self.timezone).start,
            end=day_span(days[-1], self.timezone).end,
        )

    def charts(self, plans: list[DayPlan]) -> Mapping[str, PublicChart]:
        """Charts that the plans visit and that may be seen."""
        return self._store.some({key for plan in plans for key in plan.visit_ids})

    def _plan(self, plan_id: str) -> DayPlan | None:
        with self._lock:
            if plan_id in self._kept:
                self._kept.move_to_end(plan_id)
                return self._kept[plan_id]
        stored = self._store.plan(plan_id)
        if stored is None:
            return None
        date = stored.plan.date
        routes = (route for route in stored.plan.routes if route.stops)
        plan = DayPlan(
            id=stored.id,
            date=date,
            version=stored.version,
            routes=tuple(sorted(routes, key=lambda route: route.team_id)),
            midnight=dt.datetime.combine(date, dt.time(), self.timezone),
        )
        with self._lock:
            self._kept[plan_id] = plan
            while len(self._kept) > KEPT_DAYS:
                self._kept.popitem(last=False)
        return plan


def _days(interval: Interval | None, timezone: dt.tzinfo) -> tuple[dt.date, dt.date]:
    """First and last day that a time span touches; work may end after midnight."""
    asked = interval or Interval()
    first = (asked.start or FIRST).astimezone(timezone).date()
    last = (asked.end or LAST).astimezone(timezone).date()
    return first - dt.timedelta(days=1), last
