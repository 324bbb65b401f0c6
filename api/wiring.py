"""Composition: the only place where stores, geocoder, solver and rules are wired."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from api.geodata_wiring import bundle_sources, city_bundle
from api.road_wiring import Roads, Travel, open_travel
from api.settings import Settings
from api.wording import number_prefix
from dispatch.adapters.clocks import DemoClock, SystemClock
from dispatch.adapters.closure_store import SqlClosures
from dispatch.adapters.database import open_database
from dispatch.adapters.local_place_store import SqlLocalPlaces
from dispatch.adapters.plan_record import recorded
from dispatch.adapters.portfolio_solver import PortfolioSolver
from dispatch.adapters.problem_codec import day_of_json
from dispatch.adapters.slot_store import SqlSlotHolds
from dispatch.adapters.sql_store import SqlStore
from dispatch.best_so_far import BestSoFarSolver
from dispatch.closure_desk import CityTime, ClosureDesk
from dispatch.domain.place import LonLat
from dispatch.domain.shared_tool import stock_of
from dispatch.intake import IntakeDesk, IntakeRules
from dispatch.place_desk import PlaceDesk, PlaceTools, PlaceWords
from dispatch.plan_desk import PlanDesk, PlanRules, PlanTools
from dispatch.plan_study import PlanStudy, StudyTools
from dispatch.ports import Clock, SearchParams
from dispatch.site_desk import SiteDesk, SiteRules
from dispatch.slot_days import DayStores, SlotRules
from dispatch.slot_desk import SlotDesk, SlotTools
from geodata.areas import CityAreas, areas_on
from geodata.bundle.records import TownRecord
from geodata.bundle.store import Bundle
from geodata.city import CityProfile, DataSource, load_city
from geodata.geocoding.geocoder import CityGeocoder
from geodata.geocoding.local import place_key
from geodata.geocoding.make import make_geocoder

SKILL_LABEL = "skill_"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Services:
    """Everything that routes and commands use, made once."""

    settings: Settings
    profile: CityProfile
    bundle: Bundle
    store: SqlStore
    geocoder: CityGeocoder
    intake: IntakeDesk
    planning: PlanDesk
    study: PlanStudy
    closures: ClosureDesk
    places: PlaceDesk
    sites: SiteDesk
    slots: SlotDesk
    travel: Travel
    solver: PortfolioSolver
    search: BestSoFarSolver
    clock: Clock

    def search_params(self) -> SearchParams:
        """Limits of a plan, from the settings."""
        return SearchParams(
            time_limit_s=self.settings.plan_time_limit_s,
            iterations=self.settings.plan_iterations or None,
            seed=self.settings.plan_seed,
        )

    @property
    def areas(self) -> CityAreas:
        """Wards and school districts of today."""
        today = self.clock.now().astimezone(self.profile.timezone).date()
        return areas_on(self.bundle, today)

    @property
    def towns(self) -> tuple[TownRecord, ...]:
        """Every town of the city's data."""
        return self.bundle.towns()

    @property
    def sources(self) -> tuple[DataSource, ...]:
        """Where all data come from: the city's own tables and its bundle."""
        return (*self.profile.sources, *bundle_sources(self.bundle))

    @property
    def roads(self) -> Roads | None:
        """Roads behind the travel times; None where they are straight lines."""
        return self.travel.roads

    def main_roads(self) -> tuple[tuple[LonLat, ...], ...]:
        """Lines of the bigger roads, to draw a map on; none without road data."""
        return self.roads.main_roads() if self.roads is not None else ()

    def close(self) -> None:
        """End the solving processes and the engines, and release the data."""
        self.solver.close()
        self.travel.close()
        self.geocoder.close()
        self.bundle.close()
        self.store.close()

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
    bundle = city_bundle(settings, profile)
    engine = open_database(settings.database_url)
    store = SqlStore(engine, profile.catalogue)
    closure_store = SqlClosures(engine)
    local_places = SqlLocalPlaces(engine)
    geocoder = make_geocoder(
        profile,
        bundle,
        local=local_places,
        national_folder=settings.national_data_dir,
    )
    travel = open_travel(settings, profile, closure_store)
    solver = PortfolioSolver(settings.solver_processes)
    search = BestSoFarSolver(solver)
    rules = intake_rules(settings, profile, bundle)
    intake = IntakeDesk(store, geocoder, travel.times, rules, clock)
    tools = PlanTools(
        charts=store,
        plans=store,
        travel_times=travel.times,
        solver=search,
        clock=clock,
        recorder=recorded,
    )
    planning = plan_desk(settings, profile, tools)
    return Services(
        settings=settings,
        profile=profile,
        bundle=bundle,
        store=store,
        geocoder=geocoder,
        intake=intake,
        planning=planning,
        study=plan_study(profile, tools, planning),
        closures=closure_desk(profile, closure_store, travel, clock),
        places=place_desk(
            geocoder,
            PlaceTools(
                charts=store,
                local_places=local_places,
                intake=intake,
                geocoder=geocoder,
                clock=clock,
            ),
        ),
        sites=SiteDesk(store, clock, site_rules(profile)),
        slots=slot_desk(settings, profile, tools, intake, SqlSlotHolds(engine)),
        travel=travel,
        solver=solver,
        search=search,
        clock=clock,
    )


def plan_desk(settings: Settings, profile: CityProfile, tools: PlanTools) -> PlanDesk:
    """Make the desk that plans days by the city's rules."""
    return PlanDesk(
        tools,
        PlanRules(
            timezone=profile.timezone,
            offices=profile.offices,
            teams=profile.teams,
            catalogue=profile.catalogue,
            sharing=settings.sharing or profile.sharing,
            skill_names={
                **{tool.id: tool.name for tool in profile.tools},
                **{
                    key.removeprefix(SKILL_LABEL): text
                    for key, text in profile.labels.items()
                    if key.startswith(SKILL_LABEL)
                },
            },
            levels=settings.levels,
            bundle_m=settings.bundle_m,
            walk_m_per_s=profile.travel.walk_mps,
            tools=stock_of(profile.tools),
        ),
    )


def plan_study(profile: CityProfile, tools: PlanTools, desk: PlanDesk) -> PlanStudy:
    """Make the desk that answers questions about stored plans."""
    return PlanStudy(
        StudyTools(
            plans=tools.plans,
            solver=tools.solver,
            clock=tools.clock,
            recorder=tools.recorder,
            read_day=day_of_json,
            day_now=desk.prepared,
            is_working_day=profile.hours.is_working_day,
        )
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


def place_desk(geocoder: CityGeocoder, tools: PlaceTools) -> PlaceDesk:
    """Make the desk that settles places; words are compared as the geocoder does."""
    book = geocoder.reader.address_book

    def ward_code_of(name: str) -> str | None:
        return book.ward_code(name) if name.strip() else ""

    return PlaceDesk(tools, PlaceWords(key_of=place_key, ward_code_of=ward_code_of))


def slot_desk(
    settings: Settings,
    profile: CityProfile,
    tools: PlanTools,
    intake: IntakeDesk,
    holds: SqlSlotHolds,
) -> SlotDesk:
    """Make the desk that promises times, by the rules of planning."""
    return SlotDesk(
        SlotTools(
            stores=DayStores(
                charts=tools.charts,
                plans=tools.plans,
                holds=holds,
                travel_times=tools.travel_times,
            ),
            intake=intake,
            clock=tools.clock,
        ),
        SlotRules(
            timezone=profile.timezone,
            hours=profile.hours,
            offices=profile.offices,
            teams=profile.teams,
            catalogue=profile.catalogue,
            sharing=settings.sharing or profile.sharing,
            bundle_m=settings.bundle_m,
            walk_m_per_s=profile.travel.walk_mps,
            tools=stock_of(profile.tools),
        ),
    )


def site_rules(profile: CityProfile) -> SiteRules:
    """Rules of the conditions of a site: what a city's teams can bring at all."""
    carried = (name for team in profile.teams for name, _ in team.vehicle.materials)
    return SiteRules(
        tool_names={tool.id: tool.name for tool in profile.tools},
        materials=tuple(dict.fromkeys(carried)),
    )


def intake_rules(
    settings: Settings, profile: CityProfile, bundle: Bundle
) -> IntakeRules:
    """Rules of the reception desk for a city."""
    return IntakeRules(
        catalogue=profile.catalogue,
        hours=profile.hours,
        timezone=profile.timezone,
        offices=profile.offices,
        teams=profile.teams,
        policy=settings.assignment_policy or profile.assignment_policy,
        responsible_office_id=responsible_office_of(bundle),
        partner_name=partner_namer(profile),
        number_prefix=lambda day, ward: number_prefix(profile.number_prefix, day, ward),
    )


def responsible_office_of(bundle: Bundle) -> Callable[[str, dt.date], str | None]:
    """Works office of a ward on a day, by the jurisdiction in the city's data."""
    rows = bundle.jurisdictions()

    def office_of(ward_code: str, day: dt.date) -> str | None:
        return next(
            (
                row.office_id
                for row in rows
                if row.ward_code == ward_code and row.holds_on(day)
            ),
            None,
        )

    return office_of


def partner_namer(profile: CityProfile) -> Callable[[str, str, LonLat], str]:
    """Name of the partner office for a kind and ward; the kind when none is known."""

    def name(kind: str, ward_code: str, place: LonLat) -> str:
        del place  # nearest is not responsible: who serves which ward is not published
        office = profile.partner_for(kind, ward_code)
        return office.name if office is not None else kind

    return name
