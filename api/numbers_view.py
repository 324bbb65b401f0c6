"""Monthly numbers for people and programs: what was asked for, and its names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from api.wiring import Services
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.statistics import Dimension
from dispatch.statistics_desk import MonthlyNumbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Month, dimension and day of a table of numbers."""

    month: dt.date
    dimension: Dimension
    as_of: dt.date

    @property
    def query(self) -> str:
        """Part of an address that asks for the same again."""
        return f"month={self.month:%Y-%m}&by={self.dimension}&as_of={self.as_of}"


def asked_for(services: Services, month: str, by: str, as_of: str) -> Asked:
    """
    Read what somebody asks for; the present month, wards and today where they do not.

    Raises
    ------
    InvalidInputError
        When a text is no month, day or dimension.
    """
    today = services.statistics.today
    try:
        first = dt.date.fromisoformat(f"{month}-01") if month else today.replace(day=1)
    except ValueError:
        problem = "月を 2026-11 の形で入れてください"
        raise InvalidInputError("month", problem) from None
    try:
        day = dt.date.fromisoformat(as_of) if as_of else today
    except ValueError:
        problem = "日付を 2026-11-24 の形で入れてください"
        raise InvalidInputError("as_of", problem) from None
    try:
        dimension = Dimension(by or Dimension.WARD)
    except ValueError:
        problem = "by は " + "、".join(Dimension) + " のどれかです"
        raise InvalidInputError("by", problem) from None
    return Asked(month=first, dimension=dimension, as_of=day)


def counted(services: Services, asked: Asked) -> MonthlyNumbers:
    """Count what was asked for."""
    return services.statistics.month(asked.month, asked.dimension, as_of=asked.as_of)


def names_of(services: Services, dimension: Dimension) -> Mapping[str, str]:
    """Names of the codes and ids of a dimension, as of today."""
    profile = services.profile
    match dimension:
        case Dimension.WARD:
            return {ward.code: ward.name for ward in profile.wards}
        case Dimension.OFFICE:
            return {office.id: office.name for office in profile.offices}
        case Dimension.DISTRICT:
            return {one.id: one.name for one in services.areas.districts}
        case Dimension.CATEGORY:
            return {one.code: one.name for one in profile.catalogue.categories}
