"""Conditions of a site (現場の条件) as JSON: what is taken."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.closure_schemas import clock_seconds
from api.schemas import Strict
from dispatch.domain.consultation import MAX_LINE, MAX_NAME
from dispatch.domain.site_conditions import (
    MAX_GAP_DAYS,
    MAX_GAP_MIN,
    MAX_LISTED,
    MAX_PIECES,
    MAX_TEAMS,
    MAX_WIDTH_CM,
    MIN_WIDTH_CM,
    AfterChart,
    SiteConditions,
)
from dispatch.domain.visit import ForbiddenHours, TimeWindow

MAX_WHO = 60
MAX_ID = 40
CLOCK = r"^([01]?[0-9]|2[0-3]):[0-5][0-9]$|^24:00$"
ClockText = Annotated[str, Field(pattern=CLOCK, examples=["8:00"])]
Piece = Annotated[int, Field(ge=1, le=MAX_PIECES)]
Name = Annotated[str, Field(max_length=MAX_NAME)]


class HoursIn(Strict):
    """A span of hours of the day."""

    start: ClockText
    end: ClockText


class AfterIn(Strict):
    """A chart that comes first; the gap counts from the end of its work, or its day."""

    chart_id: str = Field(max_length=MAX_ID)
    gap_min: int = Field(0, ge=0, le=MAX_GAP_MIN)
    gap_days: int = Field(0, ge=0, le=MAX_GAP_DAYS)


class ConditionsIn(Strict):
    """All conditions of a site (現場の条件); what is absent is none any more."""

    version: int = Field(ge=1, description="of the chart as it was read")
    who: str = Field(min_length=1, max_length=MAX_WHO)
    why: str = Field(min_length=1, max_length=MAX_LINE)
    num_teams: int | None = Field(
        None, ge=1, le=MAX_TEAMS, description="null: as the category says"
    )
    forbidden: list[HoursIn] = Field(default_factory=list, max_length=MAX_LISTED)
    max_width_cm: int | None = Field(None, ge=MIN_WIDTH_CM, le=MAX_WIDTH_CM)
    after: list[AfterIn] = Field(default_factory=list, max_length=MAX_LISTED)
    tools: list[Name] = Field(default_factory=list, max_length=MAX_LISTED)
    materials: dict[Name, Piece] = Field(default_factory=dict, max_length=MAX_LISTED)
    windows: list[HoursIn] = Field(default_factory=list, max_length=MAX_LISTED)

    def to_conditions(self) -> SiteConditions:
        """
        Turn the body into domain values.

        Raises
        ------
        InvalidInputError
            When hours end before they begin or overlap, something is named twice, or a
            gap has minutes and days.
        """
        return SiteConditions(
            num_teams=self.num_teams,
            forbidden=tuple(
                ForbiddenHours(
                    start_s=clock_seconds(one.start), end_s=clock_seconds(one.end)
                )
                for one in self.forbidden
            ),
            max_width_cm=self.max_width_cm,
            after=tuple(
                AfterChart(
                    chart_id=one.chart_id, gap_min=one.gap_min, gap_days=one.gap_days
                )
                for one in self.after
            ),
            tools=tuple(sorted(self.tools)),
            materials=tuple(sorted(self.materials.items())),
            windows=tuple(
                TimeWindow(
                    start_s=clock_seconds(one.start), end_s=clock_seconds(one.end)
                )
                for one in self.windows
            ),
        )
