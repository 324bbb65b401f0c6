"""Charts and plans as values for maps and sheets (nothing about a person gets in)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from api.bundled_stops import BundledStop, bundled_stops, walked_on_map
from api.road_pictures import (
    REAL,
    SupposedScene,
    map_closures,
    map_legs,
    road_attribution,
    road_legs,
    shown_stops,
    supposed_closures,
    travel_levels,
)
from api.wiring import Services
from api.wording import STATUS_TEXT, deadline_text, era_date, moment_text, short_date
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.errors import NotFoundError
from dispatch.domain.explain import clock_text
from dispatch.domain.organisation import InCharge
from dispatch.domain.placing import PlaceLevel, PlacingWarning
from dispatch.domain.plan import Plan, Route, Stop
from dispatch.domain.team import MobileTeam
from dispatch.domain.travel import TravelLevel, level_text
from dispatch.ports import StoredPlan
from geodata.areas import ward_rings
from geodata.roads.route import RoadLeg
from maps.localise import WardOutline
from maps.overview_map import DistrictShape, OpenItem, OverviewData
from maps.plan_map import MapStop, PlanMapData, TeamRoute

Ring = tuple[tuple[float, float], ...]

WORDS = {  # a profile's texts.toml may say them in another language
    "by_position": "(座標による)",
    "district_near": "付近",
    "crew_size": "{n}名",
    "travel_times": "移動時間は{level}",
    "partly": "、一部",
    "no_way_back": "帰路なし",
    **{f"level_{level}": level_text(level) for level in TravelLevel},
    "overdue_since": "期限超過({day})",
    "promise": "約束 {start}–{end}",
    "site_teams": "{n}班で同時に",
    "site_beside": "({teams}と)",
    "site_one_team": "1班で",
    "site_width": "車幅 {width}まで",
    "site_forbidden": "{hours} は作業不可",
    "site_after": "{number} のあと",
    "site_bring": "持ち物: {items}",
    "site_pieces": "{name} {n}個",
    "site_and": "、",
    "data": "データ: ",
}
TILE_SOURCE = "gsi_tiles"
NO_LICENCE = frozenset({"", "-"})  # our own assumptions: told on the about page


@dataclass(frozen=True, eq=False)
class Pictures:
    """
    Makes the values that maps and sheets are drawn from.

    Parameters
    ----------
    services
        The wired city.
    """

    services: Services

    # -- shapes of today ----------------------------------------------------------

    @property
    def ward_outlines(self) -> tuple[WardOutline, ...]:
        """Wards with their outlines."""
        return tuple(
            WardOutline(name=ward.name, geometry=ward.geometry.__geo_interface__)
            for ward in self.services.areas.wards
        )

    @property
    def ward_rings(self) -> tuple[tuple[str, Ring], ...]:
        """Outer rings of the wards, for the drawing on a sheet."""
        return ward_rings(self.services.areas)

    @property
    def district_names(self) -> Mapping[str, str]:
        """Names of school districts by id, of other days too."""
        return self.services.areas.district_names

    @property
    def attribution(self) -> tuple[str, ...]:
        """Title, publisher, licence and date of the data shown; tiles when used."""
        with_tiles = self.services.settings.base_map == "gsi"
        return tuple(
            f"{source.title}({source.publisher}、{source.licence}、{source.date})"
            for source in self.services.sources
            if source.licence not in NO_LICENCE
            and (with_tiles or source.id != TILE_SOURCE)
        )

    @property
    def is_approximate(self) -> bool:
        """Whether areas are drawn whose borders are approximate."""
        return self.services.areas.is_approximate

    # -- words ------------------------------------------------------------------

    def date_text(self, day: dt.date) -> str:
        """Date as this city's offices write it."""
        era = self.services.profile.number_prefix == "era"
        return era_date(day) if era else day.isoformat()

    def short_date(self, day: dt.date) -> str:
        """Month and day as this city's offices write them."""
        era = self.services.profile.number_prefix == "era"
        return short_date(day) if era else f"{day:%b} {day.day}"

    def moment_text(self, moment: dt.datetime) -> str:
        """Day and time as this city's offices write them."""
        local = moment.astimezone(self.services.profile.timezone)
        return f"{self.short_date(local.date())} {local.hour}:{local.minute:02d}"

    def category_name(self, chart: CaseChart) -> str:
        """Name of the chart's category."""
        code = chart.category_code
        return self.services.profile.catalogue.get(code).name

    def word(self, key: str) -> str:
        """Word of this city's language."""
        return self.services.profile.labels.get(key, WORDS[key])

    def level_text(self, plan: Plan) -> str:
        """How a plan's travel times were found; a few poorer legs are told apart."""
        levels = travel_levels(plan)
        return self.word("partly").join(self.word(f"level_{level}") for level in levels)

    def ward_name(self, code: str) -> str:
        """Name of a ward; its code when the table does not know it."""
        try:
            return self.services.profile.ward_by_code(code).name
        except NotFoundError:
            return code

    def place_text(self, chart: CaseChart) -> str:
        """Ward and town from our own tables: never the words of the report."""
        placement = chart.placement
        if placement is None or placement.place is None:
            return ""
        ward = self.ward_name(placement.ward_code)
        if placement.town:
            town = placement.town
            return town if town.startswith(ward) else f"{ward}{town}"
        if placement.level is PlaceLevel.LANDMARK:
            # Old charts have the landmark's official name as the matched text.
            return f"{ward} {placement.landmark or placement.matched_text}".strip()
        return f"{ward}{self.word('by_position')}".strip()

    def district_text(self, chart: CaseChart) -> str:
        """School district with 近似 where its border is approximate."""
        placement = chart.placement
        if placement is None or not placement.district_id:
            return ""
        word = self.services.profile.labels.get("district", "校区")
        name = self.district_names.get(placement.district_id)
        if name is None:
            return placement.district_id
        mark = "(近似)" if self.is_approximate else ""
        if PlacingWarning.DISTRICT_UNSURE in placement.warnings:
            mark = self.word("district_near") + mark
        # 小学校 are short here (桜宮小校区); a branch is not (常盤小分校区).
        text = name + word.removeprefix("校") if name.endswith("校") else name + word
        return text + mark

    def office_name(self, chart: CaseChart) -> str:
        """Office in charge by its name of that day, or the partner that took over."""
        if chart.assignment is None or chart.status is ChartStatus.REFERRED:
            return chart.receiver
        office_id = chart.assignment.office_id
        zone = self.services.profile.timezone
        day = chart.consultation.received_at.astimezone(zone).date()
        # An office that was merged away since is in no table of today.
        return self.services.organisation.office_name(office_id, day) or office_id

    def officers(self, chart: CaseChart) -> tuple[InCharge, ...]:
        """Area officers of the chart's district today; not kept with the chart."""
        placement = chart.placement
        if placement is None or not placement.ward_code:
            return ()
        today = self.services.clock.now().date()
        return self.services.organisation.officers_of(
            placement.ward_code, placement.district_id, today
        )

    # -- maps -------------------------------------------------------------------

    def overview(self, charts: Sequence[CaseChart]) -> OverviewData:
        """Open items of the whole city by school district."""
        now, profile = self.services.clock.now(), self.services.profile
        shown = [chart for chart in charts if chart.is_mappable]
        by_district: dict[str, list[CaseChart]] = defaultdict(list)
        for chart in shown:
            if chart.placement is not None:
                by_district[chart.placement.district_id].append(chart)
        return OverviewData(
            city_name=profile.name,
            date_text=self.date_text(now.date()),
            districts=tuple(self._districts(by_district, now)),
            wards=self.ward_outlines,
            items=tuple(self._open_item(chart, now) for chart in shown),
            attribution=(*self.attribution, *road_attribution(self.services)),
            approximate=self.is_approximate,
            closures=map_closures(self.services, now.date()),
            district_word=profile.labels.get("district", "校区"),
        )

    def _districts(
        self, by_district: dict[str, list[CaseChart]], now: dt.datetime
    ) -> Iterable[DistrictShape]:
        for district in self.services.areas.districts:
            charts = by_district.get(district.id, [])
            oldest = min(charts, key=lambda c: c.consultation.received_at, default=None)
            yield DistrictShape(
                id=district.id,
                name=district.name,
                ward_name=self.ward_name(district.ward_code),
                geometry=district.geometry.__geo_interface__,
                open_count=len(charts),
                oldest_text=self.category_name(oldest) if oldest else "",
                oldest_days=(
                    (now - oldest.consultation.received_at).days if oldest else None
                ),
            )

    def _open_item(self, chart: CaseChart, now: dt.datetime) -> OpenItem:
        placement = chart.placement
        if placement is None or placement.place is None:  # pragma: no cover
            raise ValueError(chart.id)
        timezone = self.services.profile.timezone
        return OpenItem(
            chart_id=chart.id,
            chart_number=chart.number,
            lon=placement.place.lon,
            lat=placement.place.lat,
            urgency=chart.urgency,
            category=self.category_name(chart),
            place_text=self.place_text(chart),
            due_text=due_text(chart, timezone),
            office=self.office_name(chart),
            status_text=STATUS_TEXT[chart.status],
            radius_m=float(placement.radius_m or 0),
            overdue=is_overdue(chart, now),
        )

    def plan_map(
        self,
        stored: StoredPlan,
        office_id: str,
        charts: dict[str, CaseChart],
        *,
        scene: SupposedScene = REAL,
    ) -> PlanMapData:
        """Routes of one office's teams; of a supposed day, with what is its own."""
        profile, date = self.services.profile, stored.plan.date
        everybody = (*profile.teams, *scene.extra_teams)
        teams = [team for team in everybody if team.office_id == office_id]
        routes = {route.team_id: route for route in stored.plan.routes}

        def legs(team: MobileTeam) -> tuple[RoadLeg, ...]:
            plan, route, roads = stored.plan, routes[team.id], scene.roads
            return road_legs(self.services, plan, team, route, charts, supposed=roads)

        return PlanMapData(
            office_name=profile.office(office_id).name,
            date_text=self.date_text(date),
            version_text=f"計画 第{stored.version}版",
            teams=tuple(
                self._team_route(
                    team, index, routes[team.id], stored, charts, legs(team)
                )
                for index, team in enumerate(teams)
                if team.id in routes
            ),
            wards=self.ward_outlines,
            attribution=(*self.attribution, *road_attribution(self.services)),
            level=stored.plan.travel_level,
            closures=(
                *map_closures(self.services, date),
                *supposed_closures(self.services, scene.closures, date),
            ),
        )

    def bundled(
        self, route: Route, charts: Mapping[str, CaseChart]
    ) -> dict[str, BundledStop]:
        """Find the stops that the vehicle is parked once for, by visit id."""
        within_m = self.services.settings.bundle_m
        return bundled_stops(shown_stops(route, charts), charts, bundle_m=within_m)

    def _team_route(
        self,
        team: MobileTeam,
        index: int,
        route: Route,
        stored: StoredPlan,
        charts: dict[str, CaseChart],
        legs: Sequence[RoadLeg],
    ) -> TeamRoute:
        shown, bundled = shown_stops(route, charts), self.bundled(route, charts)
        return TeamRoute(
            team_name=team.name,
            letter=team.letter,
            index=index,
            base_lon=team.base.lon,
            base_lat=team.base.lat,
            stops=tuple(
                _in_bundle(
                    self._map_stop(order, stop, charts[stop.visit_id], stored),
                    bundled.get(stop.visit_id),
                )
                for order, stop in enumerate(shown, start=1)
            ),
            drive_min=round(route.drive_s / 60),
            km=route.drive_m / 1000,
            legs=walked_on_map(map_legs(legs), shown, charts, bundled),
        )

    def _reason(self, chart: CaseChart, stored: StoredPlan) -> str:
        """Why this team; what a dispatcher typed stays in the chart's history."""
        assignment = chart.assignment
        if chart.id in stored.reasons:
            return stored.reasons[chart.id]
        if assignment is None:
            return ""
        by_rule = assignment.by == "rule"
        return assignment.reason if by_rule else "配車担当が変更しました。"

    def _map_stop(
        self, order: int, stop: Stop, chart: CaseChart, stored: StoredPlan
    ) -> MapStop:
        placement = chart.placement
        if placement is None or placement.place is None:  # pragma: no cover
            raise ValueError(chart.id)
        return MapStop(
            order=order,
            chart_id=chart.id,
            chart_number=chart.number,
            lon=placement.place.lon,
            lat=placement.place.lat,
            urgency=chart.urgency,
            category=self.category_name(chart),
            place_text=self.place_text(chart),
            arrive=clock_text(stop.arrive_s),
            start=clock_text(stop.start_s),
            end=clock_text(stop.end_s),
            drive_min=round(stop.drive_s / 60),
            late=stop.late_s > 0,
            reason=self._reason(chart, stored),
            radius_m=float(placement.radius_m or 0),
            drive_level=stop.drive_level,
            held_min=round(stop.held_s / 60),
        )


def _in_bundle(stop: MapStop, bundled: BundledStop | None) -> MapStop:
    """Tell a stop with the others that the vehicle is parked once for."""
    if bundled is None:
        return stop
    drive_min = stop.drive_min if bundled.is_first else bundled.walk_min
    return replace(stop, bundle=bundled.numbers, drive_min=drive_min)


def due_text(chart: CaseChart, timezone: dt.tzinfo) -> str:
    """Deadline as a day and time; the hold's end for what waits by law."""
    if chart.status is ChartStatus.ON_HOLD and chart.hold_until is not None:
        return f"{short_date(chart.hold_until)}から撤去可"
    if chart.due_at is None:
        return "期限なし"
    return moment_text(chart.due_at, timezone)


def is_overdue(chart: CaseChart, now: dt.datetime) -> bool:
    """Whether the deadline has passed and nothing by law holds the chart."""
    if not chart.is_open or chart.status is ChartStatus.ON_HOLD:
        return False
    return chart.due_at is not None and chart.due_at < now


def time_left_text(chart: CaseChart, now: dt.datetime, timezone: dt.tzinfo) -> str:
    """How long is left, for lists."""
    if chart.status is ChartStatus.ON_HOLD:
        return due_text(chart, timezone)
    return deadline_text(chart.due_at, now, timezone)


def visit_ids(plan: Plan) -> set[str]:
    """Ids of all charts that a plan speaks of."""
    stops = {stop.visit_id for _, _, stop in plan.stops()}
    return stops | {item.visit_id for item in plan.unassigned}
