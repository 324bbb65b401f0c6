"""When two reports may be of one thing: the `[duplicates]` part of a city's profile."""

from __future__ import annotations

from pathlib import Path

from dispatch.domain.catalogue import Catalogue
from dispatch.domain.duplicates import DuplicateRules
from dispatch.domain.errors import InvalidInputError, SourceError
from geodata.tables import Settings, read_toml

PROFILE_FILE = "profile.toml"
SECTION = "duplicates"


def read_duplicate_rules(folder: Path, catalogue: Catalogue) -> DuplicateRules:
    """
    Rules of a city; those of the code without the section.

    Raises
    ------
    SourceError
        When a number is impossible or a category is not in the catalogue.
    """
    file = folder / PROFILE_FILE
    whole = Settings(file=file, values=read_toml(file))
    if SECTION not in whole.values:
        return DuplicateRules()
    section = whole.section(SECTION)
    days_of = section.section("days_of").values
    kin = tuple(frozenset(codes) for codes in section.get("kin", list))
    for code in {*days_of, *(code for codes in kin for code in codes)}:
        if code not in catalogue:
            message = f"{file}: {SECTION}: {code!r} is not in categories.csv"
            raise SourceError(message)
    if not all(type(days) is int for days in days_of.values()):
        message = f"{file}: {SECTION}.days_of: not whole numbers of days"
        raise SourceError(message)
    try:
        return DuplicateRules(
            near_m=section.get("near_m", float),
            max_m=section.get("max_m", float),
            days=section.get("days", int),
            urgent_days=section.get("urgent_days", int),
            days_of=days_of,
            kin=kin,
            min_score=section.get("min_score", float),
        )
    except InvalidInputError as problem:
        message = f"{file}: {SECTION}: {problem.problem}"
        raise SourceError(message) from problem
