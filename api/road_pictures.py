"""A plan's drives and what is closed, as values for maps and sheets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from api.closed_roads import roads_to_close
from api.wiring import Services
from api.wording import CLOSURE_REASON_TEXT
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.closure import Closure
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.explain import clock_text
from dispatch.domain.place import LonLat
from dispatch.domain.plan import Plan, Route, Stop
from dispatch.domain.team import MobileTeam
from dispatch.domain.travel import TravelLevel, worst
from dispatch.ports import StoredPlan
from geodata.roads.guidance import directions
from geodata.roads.route import RoadLeg
from geodata.roads.routing import Drive
from geodata.roads.supposing import SupposedRoads
from maps.road_lines import MapClosure, MapLeg
from maps.sheet_data import SheetLeg

RECENT = 100  # closures looked through for those lifted since a plan
NO_ATTRIBUTION = "出典の記載なし"
UNTIL_LIFTED = "解除するまで"
SUPPOSED = "仮の条件"
SHEET_CHARS = 190  # what six lines of a sheet hold; the middle is left out, not the end


@dataclass(frozen=True, slots=True, kw_only=True)
class SupposedScene:
    """What the map of a supposed day has that the real one has not."""

    extra_teams: tuple[MobileTeam, ...] = ()
    closures: tuple[Closure, ...] = ()
    roads: SupposedRoads | None = None


REAL = SupposedScene()


def shown_stops(route: Route, charts: Mapping[str, CaseChart]) -> tuple[Stop, ...]:
    """Return the stops that can be drawn: their chart is known and has a place."""
    return tuple(stop for stop in route.stops if _place(charts, stop) is not None)


def road_legs(
    services: Services,
    plan: Plan,
    team: MobileTeam,
    route: Route,
    charts: Mapping[str, CaseChart],
    *,
    supposed: SupposedRoads | None = None,
) -> tuple[RoadLeg, ...]:
    """
    Lines and turns of a team's drives; none where there are no roads to follow.

    What is closed now is heeded, so that a map never leads into a closed road, even
    where the plan is older than the closure. Lines of a supposed day lead round what
    is closed on it, too.
    """
    stops = shown_stops(route, charts)
    if services.roads is None or not stops:
        return ()
    drive = _drive(team, route, stops, charts)
    legs = services.travel.routes.legs(drive, at=moment_of(services, plan.date))
    if supposed is None:
        return legs
    return supposed.legs(legs, drive.places, drive.busy)


def _drive(
    team: MobileTeam,
    route: Route,
    stops: Sequence[Stop],
    charts: Mapping[str, CaseChart],
) -> Drive:
    """Places of a team's drives, and when it is on the road between them."""
    on_the_way = [_place(charts, stop) for stop in stops]
    places = (team.base, *(place for place in on_the_way if place), team.base)
    arrivals_s = [*(stop.arrive_s for stop in stops), route.return_s]
    drives_s = [stop.drive_s - stop.held_s for stop in stops]
    drives_s.append(route.return_drive_s - route.return_held_s)
    busy = tuple(
        (arrive_s - drive_s, arrive_s)
        for arrive_s, drive_s in zip(arrivals_s, drives_s, strict=True)
    )
    return Drive(places=places, busy=busy)


def map_legs(legs: Sequence[RoadLeg]) -> tuple[MapLeg, ...]:
    """Lines for a map."""
    return tuple(MapLeg(path=_path(leg.path), level=leg.level) for leg in legs)


def sheet_legs(
    legs: Sequence[RoadLeg], stops: Sequence[Stop], route: Route, *, language: str
) -> tuple[SheetLeg, ...]:
    """
    Lines and words for a sheet.

    Minutes and kilometres are the plan's, so that the sheet agrees with itself; the
    line and the turns are the engine's.
    """
    if not legs:
        return ()
    told = [(stop.drive_level, stop.drive_m, stop.drive_s) for stop in stops]
    told.append((route.return_drive_level, route.return_drive_m, route.return_drive_s))
    return tuple(
        SheetLeg(
            path=_path(leg.path),
            level=worst((leg.level, level)),
            directions=directions(leg.turns, limit=SHEET_CHARS, language=language),
            km=metres / 1000,
            drive_min=round(seconds / 60),
            arrives_left=leg.at_left,
        )
        for leg, (level, metres, seconds) in zip(legs, told, strict=True)
    )


def map_closures(services: Services, date: dt.date) -> tuple[MapClosure, ...]:
    """Return what is closed on a plan's day from now on, for its maps."""
    at = moment_of(services, date)
    return tuple(
        closed
        for closure in services.closures.in_rest_of_day(at)
        for closed in _map_closure(services, closure, at.date())
    )


def supposed_closures(
    services: Services, closures: Sequence[Closure], date: dt.date
) -> tuple[MapClosure, ...]:
    """Return what is closed on a supposed day only, for its map."""
    return tuple(
        replace(closed, until_text=_hours(closure) or SUPPOSED)
        for closure in closures
        for closed in _map_closure(services, closure, date)
    )


def closures_of(
    services: Services, date: dt.date, stored: StoredPlan | None
) -> tuple[list[Closure], list[Closure]]:
    """Closures of a plan's day, and those made or lifted since it was made."""
    closures = services.closures.in_rest_of_day(moment_of(services, date))
    if stored is None:
        return closures, []
    changed = [one for one in closures if one.made_at > stored.made_at]
    changed += [
        one
        for one in services.closures.history(RECENT)
        if one.lifted_at is not None
        and one.made_at <= stored.made_at < one.lifted_at
        and one.starts_at.date() <= date
    ]
    return closures, changed


def road_attribution(services: Services) -> tuple[str, ...]:
    """Line that names the roads' source, where roads are drawn."""
    roads = services.roads
    manifest = roads.state().manifest if roads is not None else None
    if manifest is None:
        return ()
    known = (manifest.attribution or NO_ATTRIBUTION, manifest.source_date)
    return ("道路: " + "、".join(part for part in known if part),)


def travel_levels(plan: Plan) -> tuple[TravelLevel, ...]:
    """Levels of a plan's travel times, the best first; two where roads end."""
    rank = list(TravelLevel).index
    best = min(plan.leg_levels(), key=rank, default=plan.travel_level)
    return tuple(dict.fromkeys((best, plan.travel_level)))


def moment_of(services: Services, date: dt.date) -> dt.datetime:
    """Return now on the plan's day, its midnight on any other."""
    now = services.clock.now().astimezone(services.profile.timezone)
    if now.date() == date:
        return now
    return dt.datetime.combine(date, dt.time(), services.profile.timezone)


def _map_closure(
    services: Services, closure: Closure, date: dt.date
) -> tuple[MapClosure, ...]:
    roads = roads_to_close(services)
    if roads is None:
        return ()
    try:
        closed = roads.closed_roads(closure)
    except InvalidInputError:  # made on other road data
        return ()
    return (
        MapClosure(
            name=closure.name,
            reason_text=CLOSURE_REASON_TEXT[closure.reason],
            until_text=_until(services, closure, date),
            lines=tuple(_path(line) for line in closed.lines),
            ring=None,
        ),
    )


def _until(services: Services, closure: Closure, date: dt.date) -> str:
    hours = _hours(closure)
    end = closure.over_at
    if end is None:
        return hours or UNTIL_LIFTED
    local = end.astimezone(services.profile.timezone)
    clock = f"{local.hour}:{local.minute:02d}まで"
    day = "" if local.date() == date else f"{local.month}月{local.day}日 "
    return f"{hours} {day}{clock}".strip()


def _hours(closure: Closure) -> str:
    return "・".join(
        f"{clock_text(window.start_s)}–{clock_text(window.end_s)}"
        for window in closure.windows
    )


def _place(charts: Mapping[str, CaseChart], stop: Stop) -> LonLat | None:
    chart = charts.get(stop.visit_id)
    placement = chart.placement if chart is not None else None
    return placement.place if placement is not None else None


def _path(places: Sequence[LonLat]) -> tuple[tuple[float, float], ...]:
    return tuple((place.lon, place.lat) for place in places)
