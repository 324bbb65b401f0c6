"""Triage, the technical adviser and the category guide of a city, wired together."""

from __future__ import annotations

from dataclasses import dataclass

from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.triage_store import SqlTriageCharts
from dispatch.adviser_desk import AdviserTools, AdviserViews
from dispatch.domain.guide import Guide
from dispatch.domain.triage import TriageRules
from dispatch.intake import IntakeDesk
from dispatch.ports import Clock
from dispatch.triage_desk import ClassRules, TriageDesk, TriageTools
from geodata.city import CityProfile
from geodata.desk_tables import read_advisers, read_guide, read_triage
from geodata.scheme_table import read_schemes


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskParts:
    """What the telephone desk and those who look again work with."""

    rules: TriageRules
    triage: TriageDesk
    advisers: AdviserViews
    guide: Guide


def desk_parts(
    profile: CityProfile,
    store: SqlStore,
    found: SqlTriageCharts,
    intake: IntakeDesk,
    clock: Clock,
) -> DeskParts:
    """
    Wire the parts for one city.

    Raises
    ------
    SourceError
        When a table of the city cannot be used.
    """
    catalogue = profile.catalogue
    rules = read_triage(profile.folder, catalogue)
    return DeskParts(
        rules=rules,
        triage=TriageDesk(
            TriageTools(charts=store, waiting=found, intake=intake, clock=clock),
            ClassRules(
                catalogue=catalogue,
                triage=rules,
                hours=profile.hours,
                timezone=profile.timezone,
                schemes=read_schemes(profile.folder),
            ),
        ),
        advisers=AdviserViews(
            AdviserTools(
                charts=found,
                catalogue=catalogue,
                clock=clock,
                timezone=profile.timezone,
            ),
            read_advisers(profile.folder, profile.wards, catalogue),
        ),
        guide=read_guide(profile.folder, catalogue),
    )
