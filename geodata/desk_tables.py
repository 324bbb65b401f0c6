"""What a city gives its telephone desk: triage questions, guide, advisers' desks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dispatch.domain.adviser import AdviserDesk, AdviserRules
from dispatch.domain.catalogue import Catalogue, Duty, Urgency
from dispatch.domain.errors import SourceError
from dispatch.domain.guide import Guide, GuideEntry
from dispatch.domain.place import Ward
from dispatch.domain.triage import URGENT_HOURS, TriageQuestion, TriageRules
from geodata.tables import Row, Settings, read_table, read_toml, require_unique

PROFILE_FILE = "profile.toml"
TRIAGE_FILE = "triage.csv"
ADVISERS_FILE = "technical_advisers.csv"
GUIDE_FILE = "guide.toml"
CATEGORIES_FILE = "categories.csv"


def read_triage(folder: Path, catalogue: Catalogue) -> TriageRules:
    """
    Triage questions (聞き取り) in the table's order; none without a table.

    Raises
    ------
    SourceError
        When a row names a category or group that the catalogue has not.
    """
    section = _section(folder, "triage")
    unclear = section.get("unclear_categories", list) if section else []
    for code in unclear:
        if code not in catalogue:
            message = f"{folder / PROFILE_FILE}: triage.unclear_categories: {code!r}"
            raise SourceError(f"{message} is not in {CATEGORIES_FILE}")
    return TriageRules(
        questions=_questions(folder, catalogue),
        unclear_codes=frozenset(unclear),
        urgent_hours=section.get("urgent_hours", int) if section else URGENT_HOURS,
    )


def read_advisers(
    folder: Path, wards: Sequence[Ward], catalogue: Catalogue
) -> AdviserRules:
    """
    Desks of technical advisers (技術職OB); none without a table.

    Raises
    ------
    SourceError
        When a desk closes before it opens, two of a ward are open on one day, or a
        ward or group is unknown.
    """
    file = folder / ADVISERS_FILE
    if not file.exists():
        return AdviserRules()
    rows = read_table(file, ("ward_code", "opens_on", "closes_on", "phase"))
    desks: list[AdviserDesk] = []
    for row in rows:
        row.known("ward_code", {ward.code for ward in wards}, "wards.csv")
        new = _adviser_desk(row)
        for old in desks:
            both = old.is_open_on(new.opens_on) or new.is_open_on(old.opens_on)
            if old.ward_code == new.ward_code and both:
                raise row.error("opens_on", f"ward {new.ward_code} has a desk then")
        desks.append(new)
    section = _section(folder, "adviser")
    groups = section.get("groups", list) if section else []
    known = {category.group for category in catalogue.categories}
    for group in groups:
        if group not in known:
            message = f"{folder / PROFILE_FILE}: adviser.groups: {group!r}"
            raise SourceError(f"{message} is no group of {CATEGORIES_FILE}")
    return AdviserRules(desks=tuple(desks), groups=frozenset(groups))


def read_guide(folder: Path, catalogue: Catalogue) -> Guide:
    """
    Read the category guide (手引き), in the catalogue's order; empty without a file.

    Raises
    ------
    SourceError
        When an entry has no category, or lacks a part.
    """
    file = folder / GUIDE_FILE
    if not file.exists():
        return Guide()
    whole = Settings(file=file, values=read_toml(file))
    for code in whole.values:
        if code not in catalogue:
            message = f"{file}: {code}: is not in {CATEGORIES_FILE}"
            raise SourceError(message)
    codes = [one.code for one in catalogue.categories if one.code in whole.values]
    return Guide(
        entries={code: _guide_entry(code, whole.section(code)) for code in codes},
        names={category.code: category.name for category in catalogue.categories},
    )


def _questions(folder: Path, catalogue: Catalogue) -> tuple[TriageQuestion, ...]:
    file = folder / TRIAGE_FILE
    if not file.exists():
        return ()
    columns = ("id", "text", "raises_to", "groups", "categories", "hint")
    rows = read_table(file, columns)
    require_unique(rows, "id")
    asked = [one for one in catalogue.categories if one.duty is not Duty.REFERRAL]
    groups = {category.group for category in catalogue.categories}
    for row in rows:
        row.known("categories", {c.code for c in catalogue.categories}, CATEGORIES_FILE)
        row.known("groups", groups, CATEGORIES_FILE)
    questions = tuple(_question(row) for row in rows)
    for row, question in zip(rows, questions, strict=True):
        if not any(question.is_asked_of(category) for category in asked):
            raise row.error("categories", "asked of no category")
    return questions


def _question(row: Row) -> TriageQuestion:
    raises = row.optional("raises_to")
    return TriageQuestion(
        id=row.text("id"),
        text=row.text("text"),
        raises_to=row.one_of("raises_to", Urgency) if raises else None,
        groups=frozenset(row.items("groups")),
        category_codes=frozenset(row.items("categories")),
        hint=row.optional("hint"),
    )


def _adviser_desk(row: Row) -> AdviserDesk:
    opens = row.day("opens_on")
    closes = row.day("closes_on") if row.optional("closes_on") else None
    if closes is not None and closes <= opens:
        raise row.error("closes_on", "not after opens_on")
    return AdviserDesk(
        ward_code=row.text("ward_code"),
        opens_on=opens,
        closes_on=closes,
        phase=row.optional("phase"),
    )


def _guide_entry(code: str, section: Settings) -> GuideEntry:
    return GuideEntry(
        code=code,
        duty=section.get("duty", str),
        urgency=section.get("urgency", str),
        ask=tuple(section.get("ask", list)),
        answer=tuple(section.get("answer", list)),
        not_ours=section.get("not_ours", str),
        next_step=section.get("next", str),
        words=tuple(section.get("words", list)),
    )


def _section(folder: Path, name: str) -> Settings | None:
    """Section of the profile that a city may leave out."""
    file = folder / PROFILE_FILE
    whole = Settings(file=file, values=read_toml(file))
    return whole.section(name) if name in whole.values else None
