"""Consultations of the field crews as features; paged by the database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from shapely import Point

from api.ogc.features import Extent, Feature, Page
from api.ogc.names import Names
from api.ogc.parameters import (
    BAD_CURSOR,
    Interval,
    ItemsQuery,
    ParameterError,
    cursor_of,
    day_span,
    read_day,
)
from dispatch.adapters.feature_store import SqlFeatures
from dispatch.domain.place import BoundingBox
from dispatch.domain.public_chart import PublicChart, PublicQuery

FOREVER = Interval()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChartFeatures:
    """Source of the consultations: points, by the time of their receipt."""

    store: SqlFeatures
    names: Names
    bounds: BoundingBox

    def page(self, query: ItemsQuery) -> Page:
        """Return a page; one row more is read to know whether another follows."""
        found, matched = self.store.page(
            self._asked(query), limit=query.limit + 1, after=_after(query.after)
        )
        shown = found[: query.limit]
        more = len(found) > len(shown)
        return Page(
            features=[self._feature(chart) for chart in shown],
            num_matched=matched,
            next_cursor=cursor_of(_key(shown[-1])) if more else None,
        )

    def one(self, feature_id: str) -> Feature | None:
        """Return a consultation by the id of its chart."""
        chart = self.store.one(feature_id)
        return None if chart is None else self._feature(chart)

    def extent(self) -> Extent:
        """Return the city, from the first receipt on."""
        ends = self.store.received()
        return Extent(box=self.bounds, start=None if ends is None else ends[0])

    def _asked(self, query: ItemsQuery) -> PublicQuery:
        received = _narrowed(query.interval, query.filters, self.names.timezone)
        asked = query.filters.get
        return PublicQuery(
            status=asked("status", ""),
            urgency=asked("urgency", ""),
            category_code=asked("category", ""),
            ward_code=asked("ward", ""),
            district_id=asked("district", ""),
            office_id=asked("office", ""),
            received_from=received.start,
            received_to=received.end,
            boxes=query.boxes,
        )

    def _feature(self, chart: PublicChart) -> Feature:
        day = chart.received_at.astimezone(self.names.timezone).date()
        return Feature(
            id=chart.id,
            geometry=Point(chart.place.lon, chart.place.lat),
            properties={
                **self.names.work(chart),
                "date": day.isoformat(),
                "received_at": self.names.time(chart.received_at),
                "due_at": self.names.time(chart.due_at),
                **self.names.area(ward=chart.ward_code, district=chart.district_id),
                **self.names.crew(office=chart.office_id, team=chart.team_id),
            },
        )


def _narrowed(
    interval: Interval | None, filters: Mapping[str, str], timezone: dt.tzinfo
) -> Interval:
    """Time of receipt by both the time span and the day that are asked for."""
    asked = interval or FOREVER
    if "date" not in filters:
        return asked
    day = day_span(read_day("date", filters["date"]), timezone)
    return Interval(
        start=max(filter(None, (asked.start, day.start))),
        end=min(filter(None, (asked.end, day.end))),
    )


def _key(chart: PublicChart) -> tuple[str, ...]:
    return chart.received_at.isoformat(), chart.id


def _after(key: tuple[str, ...] | None) -> tuple[dt.datetime, str] | None:
    if key is None:
        return None
    problem = ParameterError("cursor", BAD_CURSOR)
    try:
        received_at = dt.datetime.fromisoformat(key[0])
    except ValueError:
        raise problem from None
    if received_at.utcoffset() != dt.timedelta():  # ours are in UTC
        raise problem
    return received_at, key[1]
