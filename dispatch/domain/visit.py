"""Visits (訪問): work owed at one place, as the planner sees it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from dispatch.domain.catalogue import Urgency
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import LonLat
from dispatch.domain.team import MobileTeam


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeWindow:
    """When service may begin, seconds after midnight; both ends inclusive."""

    start_s: int
    end_s: int

    def __post_init__(self) -> None:
        if self.start_s > self.end_s:
            raise InvalidInputError("time window", "時間帯の終わりが始めより前です")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """
    Work owed at one place. Holds nothing about the person who reported it.

    `due_s` is when service must have begun to be on time, seconds after the plan
    date's midnight (0 or less: already overdue); `window` is an appointment and hard;
    `not_before` is the end of a legal hold.
    """

    id: str
    category_code: str
    urgency: Urgency
    place: LonLat
    service_s: int
    office_id: str
    allowed_office_ids: frozenset[str]
    skills: frozenset[str] = frozenset()
    crew: int = 1
    load_kg: int = 0
    release_s: int = 0
    due_s: int | None = None
    window: TimeWindow | None = None
    not_before: dt.date | None = None
    team_id: str | None = None

    def __post_init__(self) -> None:
        if self.service_s <= 0:
            raise InvalidInputError("service_s", "作業時間は正の値が必要です")

    def allows(self, team: MobileTeam) -> bool:
        """Whether this team may and can do the visit, time aside."""
        if self.team_id is not None and team.id != self.team_id:
            return False
        return team.office_id in self.allowed_office_ids and team.can_serve(
            skills=self.skills, crew=self.crew, load_kg=self.load_kg
        )

    def earliest_start_s(self) -> int:
        """First moment at which service may begin."""
        return max(self.release_s, self.window.start_s if self.window else 0)

    def late_s(self, start_s: int) -> int:
        """How late a service start is, seconds (0 when on time)."""
        return 0 if self.due_s is None else max(0, start_s - self.due_s)
