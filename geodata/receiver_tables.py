"""Which desks take over what is not ours (引継先), read from a city's table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dispatch.domain.catalogue import Catalogue
from dispatch.domain.place import Ward
from dispatch.domain.receivers import Receiver, Receivers
from geodata.tables import Row, Settings, read_table, read_toml

PROFILE_FILE = "profile.toml"
RECEIVERS_FILE = "receivers.csv"
COLUMNS = (
    *("id", "kind", "name", "wards", "valid_from", "valid_to", "opens", "takes"),
    *("accept_working_days", "urgent_accept_min", "off_map"),
    *("address", "tel", "lon", "lat"),
)
CLOCKS = ("accept_working_days", "urgent_accept_min", "return_working_days")


def read_receivers(
    folder: Path, wards: Sequence[Ward], catalogue: Catalogue
) -> Receivers:
    """
    Receivers in the table's order; none without a table.

    Raises
    ------
    SourceError
        When a ward or category is unknown, a row ends before it begins, or two rows
        of one id, or of one name, hold on one day.
    """
    file = folder / RECEIVERS_FILE
    rows = read_table(file, COLUMNS) if file.exists() else ()
    code_of_ward = {ward.name: ward.code for ward in wards}
    shapes: list[Receiver] = []
    for row in rows:
        row.known("wards", code_of_ward, "wards.csv")
        row.known("takes", {c.code for c in catalogue.categories}, "categories.csv")
        new = _receiver(row, code_of_ward)
        if new.valid_to is not None and new.valid_to <= new.valid_from:
            raise row.error("valid_to", "not after valid_from")
        for old in shapes:
            both = old.holds_on(new.valid_from) or new.holds_on(old.valid_from)
            if both and new.id == old.id:
                raise row.error("valid_from", f"{new.id} has another shape then")
            if both and new.name == old.name:
                raise row.error("name", f"{old.id} has this name then")
        shapes.append(new)
    return Receivers(
        shapes=tuple(shapes),
        ward_names={ward.code: ward.name for ward in wards},
        ward_places={ward.code: ward.place for ward in wards if ward.place},
        **_clocks(folder),
    )


def _clocks(folder: Path) -> dict[str, int]:
    """Working days and minutes of the profile, where it says any."""
    file = folder / PROFILE_FILE
    whole = Settings(file=file, values=read_toml(file))
    if "transfers" not in whole.values:
        return {}
    section = whole.section("transfers")
    return {key: section.get(key, int) for key in CLOCKS}


def _receiver(row: Row, code_of_ward: Mapping[str, str]) -> Receiver:
    """Receiver of a row; its wards are written by name."""
    ends, opens = row.optional("valid_to"), row.optional("opens")
    return Receiver(
        id=row.text("id"),
        kind=row.text("kind"),
        name=row.text("name"),
        valid_from=row.day("valid_from"),
        valid_to=row.day("valid_to") if ends else None,
        opens_on=row.day("opens") if opens else None,
        ward_codes=tuple(code_of_ward[name] for name in row.items("wards")),
        takes=frozenset(row.items("takes")),
        accept_working_days=row.whole("accept_working_days"),
        urgent_accept_min=row.whole("urgent_accept_min"),
        off_map=row.flag("off_map"),
        tel=row.optional("tel"),
        address=row.optional("address"),
        place=row.place() if row.optional("lon") or row.optional("lat") else None,
        confidence=row.text("confidence"),
    )
