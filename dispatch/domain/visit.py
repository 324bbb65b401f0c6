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
class ForbiddenHours:
    """Hours in which nobody may work at a place; the end is not included."""

    start_s: int
    end_s: int

    def __post_init__(self) -> None:
        if self.start_s >= self.end_s:
            raise InvalidInputError("forbidden hours", "時間帯の終わりが始めより前です")


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """Another visit that must have ended, and for how long, before service begins."""

    visit_id: str
    gap_s: int = 0

    def __post_init__(self) -> None:
        if self.gap_s < 0:
            raise InvalidInputError("gap_s", "間隔は0以上が必要です")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """
    Work owed at one place. Holds nothing about the person who reported it.

    Parameters
    ----------
    service_s
        Seconds of work; a team may have its own for the category.
    allowed_office_ids
        Offices whose teams may go.
    crew, num_teams
        People that each team needs, and teams that begin together.
    load_kg, materials
        Material that one team brings: kilograms, and pieces by name.
    tools
        Shared tools (高所作業車 for one): a team that brings one keeps it all day.
    max_width_cm, vehicle_classes
        Widest vehicle that passes, and classes that may come (none: any).
    release_s
        Service begins no earlier.
    due_s, hard_due
        When service must have begun to be on time, seconds after the plan date's
        midnight (0 or less: already overdue); a hard one is never missed in a plan.
    windows
        Promised times (約束): service begins inside one of them. None: any time.
    forbidden
        Hours in which nobody may work there.
    after
        Visits that must have ended before.
    not_before
        End of a legal hold.
    team_id, start_between
        A dispatcher's team, and hours that a lock (固定) keeps the start in.
    team_in_force_id
        Its team in the plan in force; a search does not change it lightly.
    district_id
        School district (校区) of the place, for compact districts.
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
    num_teams: int = 1
    load_kg: int = 0
    materials: tuple[tuple[str, int], ...] = ()
    tools: frozenset[str] = frozenset()
    max_width_cm: int | None = None
    vehicle_classes: frozenset[str] = frozenset()
    release_s: int = 0
    due_s: int | None = None
    hard_due: bool = False
    windows: tuple[TimeWindow, ...] = ()
    forbidden: tuple[ForbiddenHours, ...] = ()
    after: tuple[After, ...] = ()
    not_before: dt.date | None = None
    team_id: str | None = None
    start_between: TimeWindow | None = None
    team_in_force_id: str | None = None
    district_id: str | None = None

    def __post_init__(self) -> None:
        if self.service_s <= 0:
            raise InvalidInputError("service_s", "作業時間は正の値が必要です")
        if self.num_teams < 1 or self.crew < 1:
            raise InvalidInputError("num_teams", "班と人は1以上必要です")
        if self.load_kg < 0 or any(count < 0 for _, count in self.materials):
            raise InvalidInputError("load_kg", "資材の量は0以上が必要です")
        if self.hard_due and self.due_s is None:
            raise InvalidInputError("hard_due", "守る期限に時刻がありません")

    @property
    def is_promised(self) -> bool:
        """Whether a time was promised (約束)."""
        return bool(self.windows)

    def allows(self, team: MobileTeam) -> bool:
        """Whether this team may and can do the visit, time and tools aside."""
        if self.team_id is not None and team.id != self.team_id:
            return False
        return team.office_id in self.allowed_office_ids and self.suits(team)

    def suits(self, team: MobileTeam) -> bool:
        """Whether skills, hands and vehicle of a team suffice."""
        return team.can_serve(
            skills=self.skills,
            crew=self.crew,
            load_kg=self.load_kg,
        ) and team.vehicle.fits(
            materials=self.materials,
            max_width_cm=self.max_width_cm,
            vehicle_classes=self.vehicle_classes,
        )

    def service_for_s(self, team: MobileTeam) -> int:
        """Seconds of work for a team: its own for the category, or the visit's."""
        return dict(team.service_times).get(self.category_code, self.service_s)

    def earliest_start_s(self) -> int:
        """First moment at which service may begin, forbidden hours aside."""
        first_s = min((window.start_s for window in self.windows), default=0)
        lock = self.start_between
        return max(self.release_s, first_s, 0 if lock is None else lock.start_s)

    def late_s(self, start_s: int) -> int:
        """How late a service start is, seconds (0 when on time)."""
        return 0 if self.due_s is None else max(0, start_s - self.due_s)

    def start_spans(self, service_s: int, until_s: int) -> tuple[tuple[int, int], ...]:
        """
        Spans in which service of a length may begin: ascending, apart, both ends in.

        Promised times, release, hard due time, lock and forbidden hours together;
        nothing after `until_s`.
        """
        promised = [(window.start_s, window.end_s) for window in self.windows]
        first_s, last_s = self.release_s, until_s
        if self.hard_due and self.due_s is not None:
            last_s = min(last_s, self.due_s)
        if self.start_between is not None:
            first_s = max(first_s, self.start_between.start_s)
            last_s = min(last_s, self.start_between.end_s)
        spans = [
            (max(first_s, start_s), min(last_s, end_s))
            for start_s, end_s in sorted(promised or [(first_s, last_s)])
        ]
        for hours in self.forbidden:
            # service of s seconds from t touches [a, b) when a - s < t < b
            cut = (hours.start_s - service_s, hours.end_s)
            spans = [
                part
                for start_s, end_s in spans
                for part in (
                    (start_s, min(end_s, cut[0])),
                    (max(start_s, cut[1]), end_s),
                )
            ]
        apart: list[tuple[int, int]] = []
        for start_s, end_s in sorted((a, b) for a, b in spans if a <= b):
            if apart and start_s <= apart[-1][1]:
                apart[-1] = (apart[-1][0], max(apart[-1][1], end_s))
            else:
                apart.append((start_s, end_s))
        return tuple(apart)
