"""Composition: the only place where stores, geocoder, solver and rules are wired."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from api.case_wiring import CaseParts, CaseTools, case_parts
from api.geodata_wiring import bundle_sources, city_bundle
from api.organisation_wiring import organisation_desk
from api.place_wiring import PlaceStores, place_desk
from api.road_wiring import Roads, Travel, open_travel
from api.settings import Settings
from api.transfer_wiring import HandOverParts, HandOverStores, hand_over_parts
from api.triage_wiring import DeskParts, desk_parts
from api.vault_wiring import AREA_CODE
from api.voice_wiring import example_desk, voice_desk
from api.wording import number_prefix
from dispatch.account_desk import AccountDesk, SignInRules
from dispatch.adapters.account_store import SqlAccounts, SqlKeys
from dispatch.adapters.chart_list_store import SqlChartLists
from dispatch.adapters.clocks import DemoClock, SystemClock
from dispatch.adapters.closure_store import SqlClosures
from dispatch.adapters.database import Database, open_database
from dispatch.adapters.feature_store import SqlFeatures
from dispatch.adapters.local_place_store import SqlLocalPlaces
from dispatch.adapters.notice_store import SqlNotices
from dispatch.adapters.password_hasher import Argon2Hasher
from dispatch.adapters.plan_record import recorded
from dispatch.adapters.portfolio_solver import PortfolioSolver
from dispatch.adapters.problem_codec import day_of_json
from dispatch.adapters.slot_store import SqlSlotHolds
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.staff_store import SqlStaff
from dispatch.adapters.story_store import SqlStories
from dispatch.adapters.transfer_store import SqlTransfers
from dispatch.adapters.triage_store import SqlTriageCharts
from dispatch.adapters.vault import Vault
from dispatch.adapters.vault_opening import key_file_for, open_vault
from dispatch.adapters.vault_store import SqlVault
from dispatch.adapters.voice_store import SqlVoices
from dispatch.best_so_far import BestSoFarSolver
from dispatch.chart_opening import IntakeRules
from dispatch.closure_desk import CityTime, ClosureDesk
from dispatch.domain.account import SessionLimits
from dispatch.domain.place import LonLat
from dispatch.domain.shared_tool import stock_of
from dispatch.example_desk import ExampleDesk
from dispatch.intake import IntakeDesk
from dispatch.key_desk import KeyDesk
from dispatch.life_cycle_desk import LifeCycleDesk, LifeRules
from dispatch.organisation_desk import OrganisationDesk
from dispatch.place_desk import PlaceDesk
from dispatch.plan_desk import PlanDesk, PlanRules, PlanTools
from dispatch.plan_study import PlanStudy, StudyTools
from dispatch.ports import Clock, SearchParams
from dispatch.site_desk import SiteDesk, SiteRules
from dispatch.slot_days import DayStores, SlotRules
from dispatch.slot_desk import SlotDesk, SlotTools
from dispatch.statistics_desk import StatisticsDesk
from dispatch.vault_desk import VaultDesk
from dispatch.voice_desk import VoiceDesk
from geodata.areas import CityAreas, areas_on
from geodata.bundle.records import TownRecord
from geodata.bundle.store import Bundle
from geodata.city import CityProfile, DataSource, load_city
from geodata.desk_tables import read_triage
from geodata.geocoding.geocoder import CityGeocoder
from geodata.geocoding.make import make_geocoder
from geodata.receiver_tables import read_receivers
from geodata.scheme_table import read_schemes

SKILL_LABEL = "skill_"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Services:
    """Everything that routes and commands use, made once."""

    settings: Settings
    profile: CityProfile
    bundle: Bundle
    database: Database  # for the ways in and out, which have stores of their own
    keyring: Vault  # seals what is not a chart's: files and secrets of other systems
    store: SqlStore
    lists: SqlChartLists
    features: SqlFeatures
    geocoder: CityGeocoder
    intake: IntakeDesk
    planning: PlanDesk
    study: PlanStudy
    closures: ClosureDesk
    places: PlaceDesk
    sites: SiteDesk
    slots: SlotDesk
    organisation: OrganisationDesk
    hand_over: HandOverParts
    desk: DeskParts
    cases: CaseParts
    life_cycle: LifeCycleDesk
    vault: VaultDesk
    statistics: StatisticsDesk
    voices: VoiceDesk
    examples: ExampleDesk
    accounts: AccountDesk
    keys: KeyDesk
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parts:
    """What the desks are made of: the city, its data, stores, travel and solver."""

    settings: Settings
    profile: CityProfile
    clock: Clock
    bundle: Bundle
    engine: Database
    vault: Vault
    store: SqlStore
    closures: SqlClosures
    local_places: SqlLocalPlaces
    geocoder: CityGeocoder
    travel: Travel
    solver: PortfolioSolver
    search: BestSoFarSolver


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
    return _services(_open_parts(settings, clock))


def _open_parts(settings: Settings, clock: Clock | None) -> Parts:
    """Open the city's data and stores, and make travel and solver."""
    profile = load_city(settings.city)
    bundle = city_bundle(settings, profile)
    engine = open_database(settings.database_url)
    vault = open_vault(
        engine,
        key_file_for(settings.database_url, settings.vault_key_file),
        area_code=profile.labels.get(AREA_CODE, ""),
    )
    closures = SqlClosures(engine)
    local_places = SqlLocalPlaces(engine)
    solver = PortfolioSolver(settings.solver_processes)
    return Parts(
        settings=settings,
        profile=profile,
        clock=clock or _clock(settings, profile),
        bundle=bundle,
        engine=engine,
        vault=vault,
        store=SqlStore(engine, profile.catalogue, vault),
        closures=closures,
        local_places=local_places,
        geocoder=make_geocoder(
            profile,
            bundle,
            local=local_places,
            national_folder=settings.national_data_dir,
        ),
        travel=open_travel(settings, profile, closures),
        solver=solver,
        search=BestSoFarSolver(solver),
    )


def _clock(settings: Settings, profile: CityProfile) -> Clock:
    if settings.demo_now is None:
        return SystemClock(profile.timezone)
    return DemoClock(settings.demo_now.astimezone(profile.timezone))


def _services(parts: Parts) -> Services:
    """Make the desks."""
    settings, profile, clock = parts.settings, parts.profile, parts.clock
    store, engine, bundle = parts.store, parts.engine, parts.bundle
    people = people_desk(parts)
    rules = intake_rules(settings, profile, bundle)
    intake = IntakeDesk(store, parts.geocoder, parts.travel.times, rules, clock)
    tools = plan_tools(parts)
    planning = plan_desk(settings, profile, tools)
    organisation = organisation_desk(profile, bundle, SqlStaff(engine), clock)
    stores = HandOverStores(
        charts=store, queues=SqlTransfers(engine), notices=SqlNotices(engine)
    )
    return Services(
        settings=settings,
        profile=profile,
        bundle=bundle,
        database=engine,
        keyring=parts.vault,
        store=store,
        lists=SqlChartLists(engine),
        features=SqlFeatures(engine),
        geocoder=parts.geocoder,
        intake=intake,
        planning=planning,
        study=plan_study(profile, tools, planning),
        closures=closure_desk(profile, parts.closures, parts.travel, clock),
        places=place_desk(
            parts.geocoder,
            PlaceStores(charts=store, local_places=parts.local_places),
            intake,
            clock,
        ),
        sites=SiteDesk(store, clock, site_rules(profile)),
        desk=desk_parts(profile, store, SqlTriageCharts(engine), intake, clock),
        life_cycle=LifeCycleDesk(store, clock, life_rules(profile, people)),
        cases=case_parts(settings, profile, _case_tools(parts, intake, people)),
        vault=people,
        statistics=StatisticsDesk(SqlStories(engine), clock, profile.timezone),
        voices=voice_desk(profile, bundle, SqlVoices(engine), intake, clock),
        examples=example_desk(profile, engine, store, people, clock),
        accounts=account_desk(settings, SqlAccounts(engine), clock),
        keys=KeyDesk(SqlKeys(engine), clock),
        slots=slot_desk(settings, profile, tools, intake, SqlSlotHolds(engine)),
        organisation=organisation,
        hand_over=hand_over_parts(
            profile, stores, rules.receivers, organisation, clock
        ),
        travel=parts.travel,
        solver=parts.solver,
        search=parts.search,
        clock=clock,
    )


def _case_tools(parts: Parts, intake: IntakeDesk, people: VaultDesk) -> CaseTools:
    return CaseTools(
        engine=parts.engine,
        store=parts.store,
        intake=intake,
        geocoder=parts.geocoder,
        clock=parts.clock,
        mask_of=lambda chart_id: people.masks([chart_id])[chart_id],
    )


def plan_tools(parts: Parts) -> PlanTools:
    """Gather what plans are made with; the store keeps charts and plans alike."""
    return PlanTools(
        charts=parts.store,
        plans=parts.store,
        travel_times=parts.travel.times,
        solver=parts.search,
        clock=parts.clock,
        recorder=recorded,
    )


def people_desk(parts: Parts) -> VaultDesk:
    """Make the desk of the personal fields, by the retention of the settings."""
    return VaultDesk(
        SqlVault(parts.engine, parts.vault),
        parts.store,
        parts.clock,
        retention_days=parts.settings.retention_days,
    )


def life_rules(profile: CityProfile, people: VaultDesk) -> LifeRules:
    """Rules of the life of a chart for a city."""
    return LifeRules(
        catalogue=profile.catalogue,
        hours=profile.hours,
        timezone=profile.timezone,
        schemes=read_schemes(profile.folder),
        names_person=people.names_person,
    )


def account_desk(
    settings: Settings, accounts: SqlAccounts, clock: Clock
) -> AccountDesk:
    """Make the desk that lets people in, by the limits of the settings."""
    rules = SignInRules(
        max_failed=settings.lock_after,
        lock_s=settings.lock_s,
        sessions=SessionLimits(
            idle_s=settings.session_idle_s, max_s=settings.session_max_s
        ),
    )
    return AccountDesk(accounts, Argon2Hasher(), clock, rules)


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
        number_prefix=lambda day, ward: number_prefix(profile.number_prefix, day, ward),
        receivers=read_receivers(profile.folder, profile.wards, profile.catalogue),
        triage=read_triage(profile.folder, profile.catalogue),
        schemes=read_schemes(profile.folder),
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
