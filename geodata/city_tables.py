"""Tables of a city read into domain values; each row checked against the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from dispatch.domain.assignment import Jurisdiction
from dispatch.domain.catalogue import (
    Catalogue,
    Duty,
    ResponseUnit,
    Urgency,
    WorkCategory,
)
from dispatch.domain.place import LonLat, PartnerOffice, Ward, WorksOffice
from dispatch.domain.shared_tool import SharedTool
from dispatch.domain.team import Lunch, MobileTeam, Shift, Vehicle
from geodata.tables import Row, read_table, require_unique

OFFICES_FILE = "works_offices.csv"
WARDS_FILE = "wards.csv"
TOOLS_FILE = "tools.csv"
_PLACED = ("name", "address", "tel", "lon", "lat")


def read_offices(folder: Path) -> tuple[WorksOffice, ...]:
    """Works offices (工営所); neighbours must exist and be other offices."""
    rows = read_table(folder / OFFICES_FILE, ("id", *_PLACED, "neighbours"))
    require_unique(rows, "id")
    ids = {row.text("id") for row in rows}
    for row in rows:
        row.known("neighbours", ids - {row.text("id")}, OFFICES_FILE)
    return tuple(_works_office(row) for row in rows)


def read_wards(folder: Path) -> tuple[Ward, ...]:
    """Wards (区) with their ward offices."""
    columns = ("code", "name", "office_name", "office_address", "office_tel")
    rows = read_table(folder / WARDS_FILE, (*columns, "lon", "lat"))
    require_unique(rows, "code")
    require_unique(rows, "name")
    return tuple(_ward(row) for row in rows)


def read_jurisdictions(
    folder: Path, wards: Sequence[Ward], offices: Sequence[WorksOffice]
) -> tuple[Jurisdiction, ...]:
    """Which ward belongs to which office and when; never to two on one day."""
    columns = ("ward_code", "office_id", "valid_from", "valid_to")
    rows = read_table(folder / "jurisdiction.csv", columns)
    read: defaultdict[str, list[Jurisdiction]] = defaultdict(list)
    for row in rows:
        row.known("ward_code", {ward.code for ward in wards}, WARDS_FILE)
        row.known("office_id", {office.id for office in offices}, OFFICES_FILE)
        new = _jurisdiction(row)
        if new.valid_to is not None and new.valid_to <= new.valid_from:
            raise row.error("valid_to", "not after valid_from")
        for old in read[new.ward_code]:
            if old.holds_on(new.valid_from) or new.holds_on(old.valid_from):
                problem = f"ward {new.ward_code} belongs to {old.office_id} then"
                raise row.error("valid_from", problem)
        read[new.ward_code].append(new)
    return tuple(row for rows_of_ward in read.values() for row in rows_of_ward)


def read_partner_offices(
    folder: Path, wards: Sequence[Ward]
) -> tuple[PartnerOffice, ...]:
    """Partner offices (公園事務所, 環境事業センター, …)."""
    rows = read_table(folder / "partner_offices.csv", ("kind", *_PLACED, "wards"))
    code_of_ward = {ward.name: ward.code for ward in wards}
    return tuple(_partner_office(row, code_of_ward) for row in rows)


def read_tools(folder: Path, offices: Sequence[WorksOffice]) -> tuple[SharedTool, ...]:
    """Shared tools (共用機材) of the offices; none where the city has no table."""
    file = folder / TOOLS_FILE
    if not file.exists():
        return ()
    rows = read_table(file, ("id", "name", "office_id", "count"))
    office_ids = {office.id for office in offices}
    names: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    for row in rows:
        row.known("office_id", office_ids, OFFICES_FILE)
        key = (row.text("id"), row.text("office_id"))
        if key in seen:
            raise row.error("office_id", f"{key[1]} has {key[0]} already")
        seen.add(key)
        if names.setdefault(key[0], row.text("name")) != row.text("name"):
            raise row.error("name", f"{key[0]!r} has another name above")
    return tuple(
        SharedTool(
            id=row.text("id"),
            name=row.text("name"),
            office_id=row.text("office_id"),
            count=row.whole("count"),
        )
        for row in rows
    )


def read_catalogue(
    folder: Path, skills: Collection[str], tools: Sequence[SharedTool] = ()
) -> Catalogue:
    """
    Work categories (分類) in the table's order.

    Skills as the profile lists them, shared tools as `tools.csv` does.
    """
    columns = (
        *("code", "name", "group", "duty", "receiver", "urgency", "response_unit"),
        *("response_value", "onsite_min", "crew", "skills", "load_kg", "instruction"),
        *("equipment", "materials", "caution", "hold_days", "weight"),
    )
    rows = read_table(folder / "categories.csv", columns)
    require_unique(rows, "code")
    for row in rows:
        row.known("skills", skills, "the skills of profile.toml")
        row.known("tools", {tool.id for tool in tools}, TOOLS_FILE)
    return Catalogue(tuple(_work_category(row) for row in rows))


def read_teams(
    folder: Path, offices: Sequence[WorksOffice], skills: Collection[str]
) -> tuple[MobileTeam, ...]:
    """Mobile teams (機動班), each at the yard of its office."""
    columns = (
        *("id", "office_id", "name", "letter", "vehicle", "load_kg", "crew_size"),
        *("skills", "shift_start", "shift_end", "lunch_nominal", "lunch_min"),
        *("lunch_earliest", "lunch_latest_end", "overtime_max_min"),
    )
    rows = read_table(folder / "teams.csv", columns)
    require_unique(rows, "id")
    base_of_office = {office.id: office.place for office in offices}
    for row in rows:
        row.known("office_id", base_of_office, OFFICES_FILE)
        row.known("skills", skills, "the skills of profile.toml")
    return tuple(_mobile_team(row, base_of_office) for row in rows)


def _works_office(row: Row) -> WorksOffice:
    """Works office (工営所) of a row."""
    return WorksOffice(
        id=row.text("id"),
        name=row.text("name"),
        address=row.optional("address"),
        tel=row.optional("tel"),
        place=row.place(),
        neighbour_ids=row.items("neighbours"),
    )


def _ward(row: Row) -> Ward:
    """Ward (区) of a row."""
    return Ward(
        code=row.text("code"),
        name=row.text("name"),
        office_name=row.optional("office_name"),
        office_address=row.optional("office_address"),
        office_tel=row.optional("office_tel"),
        place=row.place(),
    )


def _jurisdiction(row: Row) -> Jurisdiction:
    """Jurisdiction (所管) of a row."""
    ends = row.optional("valid_to")
    return Jurisdiction(
        ward_code=row.text("ward_code"),
        office_id=row.text("office_id"),
        valid_from=row.day("valid_from"),
        valid_to=row.day("valid_to") if ends else None,
        confidence=row.text("confidence"),
    )


def _partner_office(row: Row, code_of_ward: Mapping[str, str]) -> PartnerOffice:
    """Partner office of a row; its wards are written by name."""
    row.known("wards", code_of_ward, "wards.csv")
    return PartnerOffice(
        kind=row.text("kind"),
        name=row.text("name"),
        address=row.optional("address"),
        tel=row.optional("tel"),
        place=row.place(),
        ward_codes=tuple(code_of_ward[name] for name in row.items("wards")),
    )


def _work_category(row: Row) -> WorkCategory:
    """Work category (分類) of a row."""
    return row.built(
        lambda: WorkCategory(
            code=row.text("code"),
            name=row.text("name"),
            group=row.text("group"),
            duty=row.one_of("duty", Duty),
            receiver=row.text("receiver"),
            urgency=row.one_of("urgency", Urgency),
            response_unit=row.one_of("response_unit", ResponseUnit),
            response_value=row.whole("response_value"),
            completion_unit=(
                row.one_of("completion_unit", ResponseUnit)
                if row.if_there("completion_unit")
                else ResponseUnit.NONE
            ),
            completion_value=(
                row.whole("completion_value") if row.if_there("completion_value") else 0
            ),
            onsite_s=row.whole("onsite_min") * 60,
            crew=row.whole("crew"),
            num_teams=row.whole("num_teams") if row.if_there("num_teams") else 1,
            skills=frozenset(row.items("skills")),
            tools=frozenset(row.items("tools")),
            load_kg=row.whole("load_kg"),
            instruction=row.optional("instruction"),
            equipment=row.optional("equipment"),
            materials=row.optional("materials"),
            caution=row.optional("caution"),
            hold_days=row.whole("hold_days"),
            weight=row.number_of("weight"),
        )
    )


def _mobile_team(row: Row, base_of_office: Mapping[str, LonLat]) -> MobileTeam:
    """Mobile team (機動班) of a row; it starts and ends at its office's yard."""
    office_id = row.text("office_id")
    return row.built(
        lambda: MobileTeam(
            id=row.text("id"),
            office_id=office_id,
            name=row.text("name"),
            letter=row.text("letter"),
            vehicle=_vehicle(row),
            crew_size=row.whole("crew_size"),
            skills=frozenset(row.items("skills")),
            base=base_of_office[office_id],
            shift=Shift(
                start_s=row.clock_s("shift_start"),
                end_s=row.clock_s("shift_end"),
                lunch=_lunch(row),
                overtime_max_s=row.whole("overtime_max_min") * 60,
            ),
        )
    )


def _vehicle(row: Row) -> Vehicle:
    """Vehicle of a team's row; width, class and pieces where the table has them."""
    return Vehicle(
        name=row.text("vehicle"),
        load_kg=row.whole("load_kg"),
        materials=_pieces(row, "carries"),
        width_cm=row.whole("width_cm") if row.if_there("width_cm") else None,
        vehicle_class=row.if_there("vehicle_class"),
    )


def _pieces(row: Row, column: str) -> tuple[tuple[str, int], ...]:
    """Pieces by name, written NAME:COUNT and joined by a vertical bar."""
    pieces: dict[str, int] = {}
    for item in row.items(column):
        name, _, count = item.rpartition(":")
        if not name or not count.isdecimal() or name in pieces:
            raise row.error(column, f"{item!r} is not NAME:COUNT, each name once")
        pieces[name] = int(count)
    return tuple(pieces.items())


def _lunch(row: Row) -> Lunch | None:
    """Lunch of a shift; none when its column is empty."""
    if not row.optional("lunch_nominal"):
        return None
    return Lunch(
        nominal_s=row.clock_s("lunch_nominal"),
        duration_s=row.whole("lunch_min") * 60,
        earliest_s=row.clock_s("lunch_earliest"),
        latest_end_s=row.clock_s("lunch_latest_end"),
    )
