"""Codes and their names, as the features of one city tell them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from api.wiring import Services
from api.wording import STATUS_TEXT
from dispatch.domain.case_chart import ChartStatus
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.public_chart import PublicChart
from dispatch.domain.team import MobileTeam

Properties = dict[str, object]
# What no feature is: it has no place, or lies with another desk.
HIDDEN = frozenset({ChartStatus.REFERRED, ChartStatus.UNPLACED})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Names:
    """Names of the codes that stand in features."""

    statuses: Mapping[str, str]
    urgencies: tuple[str, ...]
    categories: Mapping[str, str]
    wards: Mapping[str, str]
    offices: Mapping[str, str]
    teams: Mapping[str, MobileTeam]
    districts: Callable[[], Mapping[str, str]]
    timezone: dt.tzinfo

    def time(self, at: dt.datetime | None) -> str | None:
        """Moment by the city's clock, with its offset."""
        return None if at is None else at.astimezone(self.timezone).isoformat()

    def area(self, *, ward: str, district: str) -> Properties:
        """Ward and school district of a place."""
        return {
            "ward": ward,
            "ward_name": self.wards.get(ward, ""),
            "district": district,
            "district_name": self.districts().get(district, ""),
        }

    def crew(self, *, office: str, team: str | None) -> Properties:
        """Works office and team; a team that was not named yet is None."""
        known = self.teams.get(team) if team is not None else None
        return {
            "office": office,
            "office_name": self.offices.get(office, ""),
            "team": team,
            "team_name": known.name if known is not None else None,
        }

    def work(self, chart: PublicChart) -> Properties:
        """Return what a consultation is about and where it stands, never its words."""
        return {
            "number": chart.number,
            "status": str(chart.status),
            "status_name": self.statuses.get(str(chart.status), ""),
            "category": chart.category_code,
            "category_name": self.categories.get(chart.category_code, ""),
            "urgency": str(chart.urgency),
        }


def names_of(services: Services) -> Names:
    """Return the names of a wired city; only the field crews' categories."""
    profile = services.profile
    return Names(
        statuses={
            str(status): STATUS_TEXT[status]
            for status in ChartStatus
            if status not in HIDDEN
        },
        urgencies=tuple(
            str(urgency) for urgency in Urgency if urgency is not Urgency.D
        ),
        categories={
            category.code: category.name
            for category in profile.catalogue.of_duty(Duty.FIELD)
        },
        wards={ward.code: ward.name for ward in profile.wards},
        offices={office.id: office.name for office in profile.offices},
        teams={team.id: team for team in profile.teams},
        districts=lambda: services.areas.district_names,
        timezone=profile.timezone,
    )
