"""A plan's routes as values for the printed sheets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from api.bundled_stops import BundledStop, walked_on_sheet
from api.condition_view import sheet_conditions
from api.pictures import NO_LICENCE, TILE_SOURCE, Pictures
from api.road_pictures import (
    map_closures,
    road_attribution,
    road_legs,
    sheet_legs,
    shown_stops,
)
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.consultation import Consultation
from dispatch.domain.explain import clock_text
from dispatch.domain.placing import Placement
from dispatch.domain.plan import Route, Stop
from dispatch.domain.team import MobileTeam
from dispatch.ports import StoredPlan
from dispatch.vault_desk import Mask
from maps.route_sheet import SheetData, SheetStop

NOBODY: Mapping[str, str] = MappingProxyType({})


def sheet_values(
    pictures: Pictures,
    stored: StoredPlan,
    team_ids: Sequence[str],
    charts: dict[str, CaseChart],
    *,
    call_back: Mapping[str, str] = NOBODY,
) -> list[SheetData]:
    """
    Sheets of some teams.

    Parameters
    ----------
    stored
        The plan.
    team_ids
        Whose sheets, in this order.
    charts
        The plan's charts by id.
    call_back
        Call-back numbers by chart, revealed for this printing.
    """
    teams = {team.id: team for team in pictures.services.profile.teams}
    routes = {route.team_id: route for route in stored.plan.routes}
    return [
        _sheet(pictures, teams[team_id], routes[team_id], stored, charts, call_back)
        for team_id in team_ids
    ]


def _sheet(
    pictures: Pictures,
    team: MobileTeam,
    route: Route,
    stored: StoredPlan,
    charts: dict[str, CaseChart],
    call_back: Mapping[str, str],
) -> SheetData:
    services, profile = pictures.services, pictures.services.profile
    office = profile.office(team.office_id)
    now = services.clock.now()
    shown = shown_stops(route, charts)
    bundled = pictures.bundled(route, charts)
    stops = [
        _in_bundle(
            replace(
                _sheet_stop(
                    pictures, order, stop, charts[stop.visit_id], stored, call_back
                ),
                conditions=sheet_conditions(
                    pictures, charts[stop.visit_id], stored.plan, team.id
                ),
            ),
            bundled.get(stop.visit_id),
        )
        for order, stop in enumerate(shown, start=1)
    ]
    legs = road_legs(services, stored.plan, team, route, charts)
    language = profile.labels.get("sheet_language", "ja")
    return SheetData(
        date_text=pictures.date_text(stored.plan.date),
        date_iso=stored.plan.date.isoformat(),
        office=office.name,
        office_tel=office.tel,
        team=team.name,
        vehicle=team.vehicle.name,
        crew_text=pictures.word("crew_size").format(n=team.crew_size),
        plan_version=stored.version,
        printed_at=pictures.moment_text(now),
        depart=clock_text(route.depart_s),
        return_=_return_text(pictures, route),
        lunch=_lunch_text(route),
        total_drive_min=round(route.drive_s / 60),
        total_km=route.drive_m / 1000,
        travel_note=pictures.word("travel_times").format(
            level=pictures.level_text(stored.plan)
        ),
        base_url=services.settings.base_url,
        base_lon=team.base.lon,
        base_lat=team.base.lat,
        stops=tuple(stops),
        wards=pictures.ward_rings,
        attribution=_attribution(pictures),
        legs=walked_on_sheet(
            sheet_legs(legs, shown, route, language=language), shown, bundled
        ),
        closures=map_closures(services, stored.plan.date),
    )


def _lunch_text(route: Route) -> str:
    if route.lunch_start_s is None or route.lunch_end_s is None:
        return "—"
    return f"{clock_text(route.lunch_start_s)}–{clock_text(route.lunch_end_s)}"


def _return_text(pictures: Pictures, route: Route) -> str:
    if route.no_way_back:
        return pictures.word("no_way_back")
    return clock_text(route.return_s)


def _attribution(pictures: Pictures) -> str:
    """One short line: the sheet has room for publishers, not for sentences."""
    publishers = dict.fromkeys(
        f"{source.publisher}({source.licence})"
        for source in pictures.services.sources
        if source.id != TILE_SOURCE and source.licence not in NO_LICENCE
    )
    return pictures.word("data") + "、".join(
        (*publishers, *road_attribution(pictures.services))
    )


def _sheet_stop(
    pictures: Pictures,
    order: int,
    stop: Stop,
    chart: CaseChart,
    stored: StoredPlan,
    call_back: Mapping[str, str],
) -> SheetStop:
    placement = chart.placement
    if placement is None or placement.place is None:  # pragma: no cover
        raise ValueError(chart.id)
    category = pictures.services.profile.catalogue.get(chart.category_code)
    mask = pictures.services.vault.masks([chart.id])[chart.id]
    return SheetStop(
        order=order,
        chart_id=chart.id,
        chart_number=chart.number,
        planned_start=clock_text(stop.start_s),
        planned_end=clock_text(stop.end_s),
        urgency=chart.urgency,
        place_text=_address(pictures, chart, mask),
        landmark=mask(chart.consultation.landmark_text),
        district=pictures.district_text(chart),
        category=category.name,
        instruction=category.instruction,
        materials=category.materials,
        minutes=(stop.end_s - stop.start_s) // 60,
        cautions=_cautions(pictures, chart, category.caution, stored.plan.date),
        lon=placement.place.lon,
        lat=placement.place.lat,
        radius_m=float(placement.radius_m or 0),
        drive_min=round(stop.drive_s / 60),
        drive_level=stop.drive_level,
        held_min=round(stop.held_s / 60),
        call_back=call_back.get(chart.id),
        changed=stored.version > 1 and chart.id in stored.changed_visit_ids,
        late=stop.late_s > 0,
    )


def _in_bundle(stop: SheetStop, bundled: BundledStop | None) -> SheetStop:
    """Print a stop with the others that the vehicle is parked once for."""
    if bundled is None:
        return stop
    drive_min = stop.drive_min if bundled.is_first else bundled.walk_min
    return replace(stop, bundle=bundled.numbers, drive_min=drive_min)


def _cautions(
    pictures: Pictures, chart: CaseChart, caution: str, day: dt.date
) -> tuple[str, ...]:
    timezone = pictures.services.profile.timezone
    lines = []
    due = chart.due_at.astimezone(timezone) if chart.due_at else None
    if due is not None and due.date() < day:
        lines.append(
            pictures.word("overdue_since").format(day=pictures.short_date(due.date()))
        )
    appointment = chart.consultation.appointment
    if (
        appointment is not None
        and appointment.start_at.astimezone(timezone).date() == day
    ):
        lines.append(promise_text(pictures, chart.consultation))
    if caution:
        lines.append(caution)
    return tuple(lines)


def _address(pictures: Pictures, chart: CaseChart, mask: Mask) -> str:
    """Address for the crew: our town with its numbers, or as it was reported."""
    placement = chart.placement
    known = pictures.place_text(chart)
    if placement is None or placement.town:
        return f"{known} {_numbers(placement, mask)}".strip()
    reported = mask(chart.consultation.address_text)
    if not reported:
        return known
    return f"{pictures.ward_name(placement.ward_code)} {reported}".strip()


def _numbers(placement: Placement | None, mask: Mask) -> str:
    """Block and house number as they are written, and the word behind them."""
    if placement is None:
        return ""
    block, number = placement.block, placement.number
    numbers = f"{block}-{number}" if number else f"{block}番" if block else ""
    behind = mask(placement.rest.split()[0]) if placement.rest else ""
    joint = " " if behind[:1].isascii() else ""  # 14-2 101, but 1番先
    return f"{numbers}{joint}{behind}".strip()


def promise_text(pictures: Pictures, consultation: Consultation) -> str:
    """Return the appointment as it is said to the crew: 約束 10:00–12:00."""
    appointment = consultation.appointment
    if appointment is None:
        return ""
    timezone = pictures.services.profile.timezone
    start = appointment.start_at.astimezone(timezone)
    end = appointment.end_at.astimezone(timezone)
    return pictures.word("promise").format(
        start=f"{start.hour}:{start.minute:02d}", end=f"{end.hour}:{end.minute:02d}"
    )
