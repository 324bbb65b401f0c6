"""The organisation's desk of a city, wired from its tables and the store."""

from __future__ import annotations

import datetime as dt

from dispatch.adapters.staff_store import SqlStaff
from dispatch.organisation_desk import OrganisationDesk, OrganisationRules
from dispatch.ports import Clock
from geodata.areas import areas_on
from geodata.bundle.store import Bundle
from geodata.city import CityProfile
from geodata.organisation_tables import read_communities, read_units


def organisation_desk(
    profile: CityProfile, bundle: Bundle, staff: SqlStaff, clock: Clock
) -> OrganisationDesk:
    """
    Make the desk that knows offices, people and who stands in.

    Raises
    ------
    SourceError
        When a table of the city cannot be used.
    """

    def districts_on(day: dt.date) -> dict[str, str]:
        districts = areas_on(bundle, day).districts
        return {district.id: district.ward_code for district in districts}

    ward_codes = {ward.code for ward in profile.wards}
    return OrganisationDesk(
        staff,
        clock,
        OrganisationRules(
            units=read_units(profile.folder, profile.offices),
            ward_codes=ward_codes,
            team_offices={team.id: team.office_id for team in profile.teams},
            districts_on=districts_on,
            hours=profile.hours,
            communities=read_communities(profile.folder, ward_codes),
        ),
    )
