"""Rows of files about charts: consultations, visits and routes, with their names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from api.export_request import ExportRequest
from api.wiring import Services
from api.wording import DUTY_TEXT, LEVEL_TEXT, STATUS_TEXT, URGENCY_TEXT
from dispatch.domain.exported import (
    Column,
    ExportedChart,
    ExportRow,
    Kind,
    Shape,
    Value,
    code_with_check,
    point_shape,
    rounded,
)
from dispatch.domain.place import LonLat
from dispatch.domain.placing import PlaceLevel
from dispatch.domain.plan import Plan, Route, Stop
from dispatch.domain.team import MobileTeam

S_PER_MIN = 60
MIN_LINE = 2  # places that a line has at least


def texts(names: str) -> tuple[Column, ...]:
    """Columns of text; the names stand apart by spaces."""
    return tuple(Column(name=name) for name in names.split())


def counts(names: str) -> tuple[Column, ...]:
    """Columns of whole numbers."""
    return tuple(Column(name=name, kind=Kind.INTEGER) for name in names.split())


def moments(names: str) -> tuple[Column, ...]:
    """Columns of days with a time."""
    return tuple(Column(name=name, kind=Kind.MOMENT) for name in names.split())


LAT_LON = (
    Column(name="緯度", kind=Kind.NUMBER),
    Column(name="経度", kind=Kind.NUMBER),
)
WORK = texts("相談番号 状態 緊急度 緊急度_名称 分類コード 分類")
AREA = texts("全国地方公共団体コード 区 町字 街区符号 校区ID 校区")
CREW = texts("事業所ID 事業所 班ID 班")
DAY = (Column(name="日付", kind=Kind.DATE),)
CHART_COLUMNS = (
    *WORK,
    *texts("区分"),
    *moments("受付日時 期限 一次対応日時 現場完了日時 回答日時"),
    *AREA,
    *CREW,
    *texts("移管先 位置の精度"),
    *LAT_LON,
)
VISIT_COLUMNS = (
    *DAY,
    *CREW,
    *counts("順番"),
    *moments("到着予定 開始予定 終了予定"),
    *counts("移動_分 移動_m"),
    *WORK,
    *AREA,
    *LAT_LON,
)
ROUTE_COLUMNS = (
    *DAY,
    *CREW,
    *counts("訪問数"),
    *moments("出発予定 帰着予定"),
    *counts("移動_分 移動_m 作業_分 残業_分"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChartRows:
    """Makes rows of charts; the names of codes are looked up once."""

    services: Services
    wards: Mapping[str, str]
    districts: Mapping[str, str]
    offices: Mapping[str, str]
    teams: Mapping[str, MobileTeam]
    categories: Mapping[str, str]
    timezone: dt.tzinfo

    def consultations(self, asked: ExportRequest) -> Iterator[ExportRow]:
        """Charts that came in on the days, oldest first."""
        start, end = asked.span.bounds(self.timezone)
        query = replace(
            asked.of_areas(),
            statuses=asked.standing.statuses,
            office_id=asked.office_id,
            received_from=start,
            received_before=end,
        )
        return map(self._consultation, self.services.lists.exported(query))

    def visits(self, asked: ExportRequest) -> Iterator[ExportRow]:
        """Return stops of the plans in force, by day, team and order."""
        for plan in self._plans(asked):
            charts = self._charts(asked, plan)
            for route in _routes(plan):
                if asked.office_id not in {"", self._office_id(route)}:
                    continue
                for order, stop in enumerate(route.stops, start=1):
                    chart = charts.get(stop.visit_id)
                    if chart is not None:
                        yield self._visit(plan, route, (order, stop), chart)

    def routes(self, asked: ExportRequest) -> Iterator[ExportRow]:
        """Routes of the plans in force that have stops, by day and team."""
        for plan in self._plans(asked):
            charts = self._charts(asked, plan)
            for route in _routes(plan):
                if asked.has_office(self._office_id(route)):
                    yield self._route(plan, route, charts)

    def _plans(self, asked: ExportRequest) -> Iterator[Plan]:
        features = self.services.features
        for _, plan_id in features.plan_days(asked.span.first, asked.span.last):
            stored = features.plan(plan_id)
            if stored is not None:
                yield stored.plan

    def _charts(self, asked: ExportRequest, plan: Plan) -> Mapping[str, ExportedChart]:
        visited = [stop.visit_id for _, _, stop in plan.stops()]
        return self.services.lists.exported_some(asked.of_areas(), visited)

    def _consultation(self, chart: ExportedChart) -> ExportRow:
        team = self.teams.get(chart.team_id)
        level = LEVEL_TEXT[PlaceLevel(chart.level)] if chart.level else ""
        return ExportRow(
            cells=(
                *self._work(chart),
                DUTY_TEXT[chart.duty],
                self._local(chart.received_at),
                self._local(chart.due_at),
                self._local(chart.responded_at),
                self._local(chart.work_done_at),
                self._local(chart.answered_at),
                *self._area(chart),
                chart.office_id,
                self.offices.get(chart.office_id, ""),
                chart.team_id,
                team.name if team is not None else "",
                chart.receiver,
                level,
                *_lat_lon(chart.place),
            ),
            shape=None if chart.place is None else point_shape(chart.place),
        )

    def _visit(
        self, plan: Plan, route: Route, placed: tuple[int, Stop], chart: ExportedChart
    ) -> ExportRow:
        order, stop = placed
        return ExportRow(
            cells=(
                plan.date,
                *self._crew(route),
                order,
                self._at(plan, stop.arrive_s),
                self._at(plan, stop.start_s),
                self._at(plan, stop.end_s),
                round(stop.drive_s / S_PER_MIN),
                stop.drive_m,
                *self._work(chart),
                *self._area(chart),
                *_lat_lon(chart.place),
            ),
            shape=None if chart.place is None else point_shape(chart.place),
        )

    def _route(
        self, plan: Plan, route: Route, charts: Mapping[str, ExportedChart]
    ) -> ExportRow:
        return ExportRow(
            cells=(
                plan.date,
                *self._crew(route),
                len(route.stops),
                self._at(plan, route.depart_s),
                self._at(plan, route.return_s),
                round(route.drive_s / S_PER_MIN),
                route.drive_m,
                round(route.service_s / S_PER_MIN),
                round(route.overtime_s / S_PER_MIN),
            ),
            shape=self._line(route, charts),
        )

    def _line(self, route: Route, charts: Mapping[str, ExportedChart]) -> Shape | None:
        """Straight from the yard to each stop, and back where there is a way."""
        found = [charts.get(stop.visit_id) for stop in route.stops]
        places = [chart.place for chart in found if chart and chart.place]
        team = self.teams.get(route.team_id)
        if team is not None and places:
            places = [team.base, *places, *([] if route.no_way_back else [team.base])]
        if len(places) < MIN_LINE:
            return None
        line = [[rounded(place.lon), rounded(place.lat)] for place in places]
        return {"type": "LineString", "coordinates": line}

    def _work(self, chart: ExportedChart) -> tuple[Value, ...]:
        return (
            chart.number,
            STATUS_TEXT[chart.status],
            str(chart.urgency),
            URGENCY_TEXT[chart.urgency],
            chart.category_code,
            self.categories.get(chart.category_code, ""),
        )

    def _area(self, chart: ExportedChart) -> tuple[Value, ...]:
        ward = self.wards.get(chart.ward_code, "")
        return (
            code_with_check(chart.ward_code),
            ward,
            chart.town.removeprefix(ward),
            chart.block,
            chart.district_id,
            self.districts.get(chart.district_id, ""),
        )

    def _crew(self, route: Route) -> tuple[Value, ...]:
        team, office_id = self.teams.get(route.team_id), self._office_id(route)
        name = team.name if team is not None else ""
        return office_id, self.offices.get(office_id, ""), route.team_id, name

    def _office_id(self, route: Route) -> str:
        team = self.teams.get(route.team_id)
        return team.office_id if team is not None else ""

    def _local(self, moment: dt.datetime | None) -> dt.datetime | None:
        return None if moment is None else moment.astimezone(self.timezone)

    def _at(self, plan: Plan, seconds: int) -> dt.datetime:
        midnight = dt.datetime.combine(plan.date, dt.time(), self.timezone)
        return midnight + dt.timedelta(seconds=seconds)


def chart_rows(services: Services) -> ChartRows:
    """Make the maker of rows for a wired city."""
    profile = services.profile
    return ChartRows(
        services=services,
        wards={ward.code: ward.name for ward in profile.wards},
        districts=services.areas.district_names,
        offices={office.id: office.name for office in profile.offices},
        teams={team.id: team for team in profile.teams},
        categories={one.code: one.name for one in profile.catalogue.categories},
        timezone=profile.timezone,
    )


def _routes(plan: Plan) -> list[Route]:
    with_stops = (route for route in plan.routes if route.stops)
    return sorted(with_stops, key=lambda route: route.team_id)


def _lat_lon(place: LonLat | None) -> tuple[Value, Value]:
    return (None, None) if place is None else (rounded(place.lat), rounded(place.lon))
