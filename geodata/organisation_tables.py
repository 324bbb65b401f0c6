"""A city's organisation as data: units in their shapes, community areas."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from pathlib import Path

from dispatch.domain.organisation import Community, Unit, Units
from dispatch.domain.place import WorksOffice
from geodata.tables import Row, read_table

FOLDER = "organisation"
UNITS_FILE = "units.csv"
COMMUNITIES_FILE = "communities.csv"
ALWAYS = dt.date(1900, 1, 1)  # of offices without a table: since anybody remembers
WORKS_KIND = "工営所"


def read_units(folder: Path, offices: Sequence[WorksOffice]) -> Units:
    """
    Units (組織) in all their shapes; the works offices alone where there is no table.

    Raises
    ------
    SourceError
        When a unit has two shapes on one day, a shape ends before it begins, a
        predecessor is unknown, or a works office of the profile has no row.
    """
    file = folder / FOLDER / UNITS_FILE
    if not file.exists():
        return Units(
            shapes=tuple(
                Unit(id=one.id, kind=WORKS_KIND, name=one.name, valid_from=ALWAYS)
                for one in offices
            )
        )
    columns = ("id", "kind", "name", "tasks", "valid_from", "valid_to", "predecessors")
    rows = read_table(file, columns)
    ids = {row.text("id") for row in rows}
    read: list[Unit] = []
    for row in rows:
        row.known("predecessors", ids, UNITS_FILE)
        unit = _unit(row)
        if unit.valid_to is not None and unit.valid_to <= unit.valid_from:
            raise row.error("valid_to", "not after valid_from")
        for other in read:
            if other.id == unit.id and (
                other.holds_on(unit.valid_from) or unit.holds_on(other.valid_from)
            ):
                raise row.error("valid_from", f"{unit.id} has another shape then")
        read.append(unit)
    for office in offices:
        if office.id not in ids:
            raise rows[0].error("id", f"no row of the works office {office.id}")
    return Units(shapes=tuple(read))


def read_communities(
    folder: Path, ward_codes: Collection[str]
) -> tuple[Community, ...]:
    """
    Community areas (地域) and the school districts that each touches; may be none.

    Raises
    ------
    SourceError
        When a ward is unknown, or a ward has two areas of one name.
    """
    file = folder / FOLDER / COMMUNITIES_FILE
    if not file.exists():
        return ()
    rows = read_table(file, ("ward_code", "name", "districts"))
    seen: set[tuple[str, str]] = set()
    found = []
    for row in rows:
        row.known("ward_code", ward_codes, "wards.csv")
        key = row.text("ward_code"), row.text("name")
        if key in seen:
            raise row.error("name", "this ward has it already")
        seen.add(key)
        found.append(
            Community(
                ward_code=key[0], name=key[1], district_ids=row.items("districts")
            )
        )
    return tuple(found)


def _unit(row: Row) -> Unit:
    """Make the unit of a row."""
    ends = row.optional("valid_to")
    return Unit(
        id=row.text("id"),
        kind=row.text("kind"),
        name=row.text("name"),
        valid_from=row.day("valid_from"),
        valid_to=row.day("valid_to") if ends else None,
        tasks=row.items("tasks"),
        predecessors=row.items("predecessors"),
        confidence=row.text("confidence"),
        note=row.if_there("note"),
    )
