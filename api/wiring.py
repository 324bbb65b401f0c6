"""Composition: the only place where stores, geocoder, solver and rules are wired."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from api.road_wiring import Roads, Travel, open_travel
from api.settings import Settings
from api.wording import number_prefix
from dispatch.adapters.clocks import DemoClock, SystemClock
from dispatch.adapters.closure_store import SqlClosures
from dispatch.adapters.database import open_database
from dispatch.adapters.portfolio_solver import PortfolioSolver
from dispatch.adapters.sql_store import SqlStore
from dispatch.closure_desk import CityTime, ClosureDesk
from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from dispatch.intake import IntakeDesk, IntakeRules
from dispatch.plan_desk import PlanDesk, PlanRules, PlanTools
from dispatch.ports import Clock, SearchParams
from geodata.addresses import AddressBook
from geodata.areas import (
    CityAreas,
    build_areas,
    inputs_sha256,
    load_areas,
    save_areas,
)
from geodata.city import CityProfile, load_city
from geodata.geocoder import CityGeocoder
from geodata.landmarks import LandmarkIndex, school_landmark
from geodata.towns import Town, other_municipalities, read_towns

SKILL_LABEL = "skill_"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Services:
    """Everything that routes and commands use, made once."""

    settings: Settings
    profile: CityProfile
    areas: CityAreas
    towns: tuple[Town, ...]
    store: SqlStore
    geocoder: CityGeocoder
    intake: IntakeDesk
    planning: PlanDesk
    closures: ClosureDesk
    travel: Travel
    solver: PortfolioSolver
    clock: Clock

    def search_params(self) -> SearchParams:
        """Limits of a plan, from the settings."""
        return SearchParams(
            solution_limit=self.settings.plan_solution_limit,
            time_limit_s=self.settings.plan_time_limit_s,
            iterations=self.settings.plan_iterations,
            seed=self.settings.plan_seed,
        )

    @property
    def roads(self) -> Roads | None:
        """Roads behind the travel times; None where they are straight lines."""
        return self.travel.roads

    def main_roads(self) -> tuple[tuple[LonLat, ...], ...]:
        """Lines of the bigger roads, to draw a map on; none without road data."""
        return self.roads.main_roads() if self.roads is not None else ()

    def close(self) -> None:
        """End the solving processes and the road engines."""
        self.solver.close()
        self.travel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_services(settings: Settings, clock: Clock | None = None) -> Services:
    """
    Wire everything for one city.

    Parameters
    ----------
    settings
        Of this installation.
    clock
        Another clock, for tests and demonstrations.

    Raises
    ------
    SourceError
        When the profile, the gazetteer or the database cannot be used.
    """
    profile = load_city(settings.city)
    if clock is None:
        clock = (
            DemoClock(settings.demo_now.astimezone(profile.timezone))
            if settings.demo_now is not None
            else SystemClock(profile.timezone)
        )
    towns = read_towns(profile)
    areas = prepared_areas(settings, profile, towns)
    geocoder = make_geocoder(profile, areas, towns)
    engine = open_database(settings.database_url)
    store = SqlStore(engine, profile.catalogue)
    closure_store = SqlClosures(engine)
    travel = open_travel(settings, profile, closure_store)
    solver = PortfolioSolver(settings.solver_processes)
    rules = intake_rules(settings, profile)
    intake = IntakeDesk(store, geocoder, travel.times, rules, clock)
    planning = PlanDesk(
        PlanTools(
            charts=store,
            plans=store,
            travel_times=travel.times,
            solver=solver,
            clock=clock,
        ),
        PlanRules(
            timezone=profile.timezone,
            offices=profile.offices,
            teams=profile.teams,
            catalogue=profile.catalogue,
            sharing=settings.sharing or profile.sharing,
            skill_names={
                key.removeprefix(SKILL_LABEL): text
                for key, text in profile.labels.items()
                if key.startswith(SKILL_LABEL)
            },
        ),
    )
    return Services(
        settings=settings,
        profile=profile,
        areas=areas,
        towns=towns,
        store=store,
        geocoder=geocoder,
        intake=intake,
        planning=planning,
        closures=closure_desk(profile, closure_store, travel, clock),
        travel=travel,
        solver=solver,
        clock=clock,
    )


def closure_desk(
    profile: CityProfile, store: SqlClosures, travel: Travel, clock: Clock
) -> ClosureDesk:
    """Make the desk that shuts roads; each change is prepared for at once."""

    def on_change() -> None:
        if travel.roads is not None:
            travel.roads.prepare(clock.now())

    return ClosureDesk(
        store,
        clock,
        CityTime(
            timezone=profile.timezone, is_working_day=profile.hours.is_working_day
        ),
        on_change=on_change,
    )


def prepared_areas(
    settings: Settings, profile: CityProfile, towns: Sequence[Town]
) -> CityAreas:
    """Load the areas made at set-up; make them when missing, stale or damaged."""
    folder = settings.prepared_areas_dir
    try:
        areas = load_areas(folder)
    except SourceError:
        logger.info("areas of %s are made now into %s", profile.id, folder)
    else:
        if dict(areas.inputs) == inputs_sha256(profile, towns):
            return areas
        logger.info("areas of %s are made anew: their inputs changed", profile.id)
    areas = build_areas(profile, towns)
    save_areas(areas, folder)
    return areas


def make_geocoder(
    profile: CityProfile, areas: CityAreas, towns: Sequence[Town]
) -> CityGeocoder:
    """Build the geocoder of a city; with no polygons, what is stated counts."""
    has_wards, has_districts = len(areas.wards) > 0, len(areas.districts) > 0
    return CityGeocoder(
        address_book=AddressBook(
            towns=towns,
            wards=profile.wards,
            prefecture=profile.gazetteer.prefecture,
            city=profile.gazetteer.city or profile.name,
            other_municipalities=other_municipalities(profile),
        ),
        landmarks=LandmarkIndex(
            tuple(
                school_landmark(school) for school in profile.schools if school.active
            )
        ),
        bounds=profile.bounds,
        ward_at=areas.ward_at if has_wards else None,
        district_at=areas.district_at if has_districts else None,
    )


def intake_rules(settings: Settings, profile: CityProfile) -> IntakeRules:
    """Rules of the reception desk for a city."""
    return IntakeRules(
        catalogue=profile.catalogue,
        hours=profile.hours,
        timezone=profile.timezone,
        offices=profile.offices,
        teams=profile.teams,
        policy=settings.assignment_policy or profile.assignment_policy,
        responsible_office_id=profile.responsible_office_id,
        partner_name=partner_namer(profile),
        number_prefix=lambda day, ward: number_prefix(profile.number_prefix, day, ward),
    )


def partner_namer(profile: CityProfile) -> Callable[[str, str, LonLat], str]:
    """Name of the partner office for a kind and ward; the kind when none is known."""

    def name(kind: str, ward_code: str, place: LonLat) -> str:
        del place  # nearest is not responsible: who serves which ward is not published
        office = profile.partner_for(kind, ward_code)
        return office.name if office is not None else kind

    return name
