"""The form of 「もしも」: what is different on the supposed day, and its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase
from typing import Literal

from pydantic import BaseModel, Field

from api.closure_form import lon_lats
from api.closure_schemas import places_in_city
from api.road_pictures import REAL, SupposedScene
from api.supposed_roads import (
    LEVEL_NOTE,
    ROAD_FIELD,
    ClosedRoad,
    closed_road,
    drawn_closure,
    known_closure,
    why_no_road,
)
from api.wiring import Services
from dispatch.domain.catalogue import Urgency
from dispatch.domain.closure import MAX_PLACES, Closure, ClosureShape
from dispatch.domain.errors import InvalidInputError, NotFoundError
from dispatch.domain.team import MobileTeam
from dispatch.ports import StoredPlan
from dispatch.what_if import (
    DeadlineRule,
    ExtraTeam,
    Overtime,
    Supposition,
    TeamAbsent,
    WhatIf,
)

EXTRA_TEAM_ID = "extra"
MAX_ID = 64
MAX_OVERTIME_MIN = 480
MAX_SHIFT_H = 240
DRAWN = "drawn"  # in the place of a closure's id: the form's own places
MAX_LINE_CHARS = 60  # of a place, "latitude, longitude"
LETTERS = "アイウエオカキクケコサシスセソ", ascii_uppercase
DEADLINE_TEXT = {"hard": "必ず守る", "soft": "遅れてもよい", "dropped": "計画しない"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Supposed:
    """A supposed day, and its conditions in words."""

    conditions: tuple[str, ...]
    answer: WhatIf
    scene: SupposedScene = REAL
    note: str = ""

    @property
    def extra_names(self) -> dict[str, str]:
        """Names of the teams that only this day has."""
        return {team.id: team.name for team in self.scene.extra_teams}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """
    What a form asks for.

    Parameters
    ----------
    suppositions, words
        For the search, and for people.
    scene
        For the map.
    note
        What must be known to read the figures.
    """

    suppositions: tuple[Supposition, ...]
    words: tuple[str, ...]
    scene: SupposedScene
    note: str


class WhatIfForm(BaseModel):
    """What is different; an empty field changes nothing."""

    absent: str = Field("", max_length=MAX_ID)
    like: str = Field("", max_length=MAX_ID)
    overtime_team: str = Field("", max_length=MAX_ID)
    overtime_min: int = Field(0, ge=0, le=MAX_OVERTIME_MIN)
    urgency: Urgency | Literal[""] = ""
    shift_h: int = Field(0, ge=-MAX_SHIFT_H, le=MAX_SHIFT_H)
    deadline: Literal["", "hard", "soft", "dropped"] = ""
    closure: str = Field("", max_length=MAX_ID)
    shape: ClosureShape = ClosureShape.STRETCH
    places: str = Field("", max_length=MAX_PLACES * MAX_LINE_CHARS)

    def closures(self, services: Services, stored: StoredPlan) -> list[Closure]:
        """
        Return what is to be closed: one that was chosen, or a stretch or an area.

        Raises
        ------
        InvalidInputError, NotFoundError
            See `api.supposed_roads`; also for places that cannot be read.
        """
        if not self.closure:
            return []
        if reason := why_no_road(services, stored):
            raise InvalidInputError(ROAD_FIELD, reason)
        if self.closure != DRAWN:
            return [known_closure(services, stored, self.closure)]
        typed = lon_lats(self.places)
        places = places_in_city(typed, services.profile.bounds)
        return [drawn_closure(services, stored, self.shape, places)]

    def conditions(self, services: Services, stored: StoredPlan) -> Conditions:
        """
        Turn the form into what a search takes, and what a page shows.

        Parameters
        ----------
        services, stored
            The city, and the plan that is asked about.

        Raises
        ------
        InvalidInputError, NotFoundError
            As `closures` and `to_domain` do, and `closed_road`.
        """
        teams = services.profile.teams
        closures = self.closures(services, stored)
        closed = closed_road(services, stored, closures) if closures else None
        wished, words = self.to_domain({team.id: team.name for team in teams}, closed)
        extra = tuple(
            extra_team(one, teams) for one in wished if isinstance(one, ExtraTeam)
        )
        scene = SupposedScene(extra_teams=extra)
        if closed is not None:
            scene = replace(scene, closures=closed.closures, roads=closed.roads)
        return Conditions(
            suppositions=wished,
            words=words,
            scene=scene,
            note="" if closed is None else LEVEL_NOTE,
        )

    def to_domain(
        self, names: Mapping[str, str], closed: ClosedRoad | None = None
    ) -> tuple[tuple[Supposition, ...], tuple[str, ...]]:
        """
        Turn the form into suppositions, and into words.

        Raises
        ------
        InvalidInputError
            When nothing is different.
        """
        parts = [
            *([(closed.supposition, closed.text)] if closed is not None else []),
            *self._teams(names),
        ]
        if self.urgency and (self.shift_h or self.deadline):
            rule = self._deadline(Urgency(self.urgency))
            parts.append((rule, self._deadline_text()))
        if not parts:
            raise InvalidInputError("form", "変える条件を1つ以上入れてください")
        return tuple(one for one, _ in parts), tuple(text for _, text in parts)

    def _teams(self, names: Mapping[str, str]) -> list[tuple[Supposition, str]]:
        """Tell who is absent, who is added, and who may work longer."""
        parts: list[tuple[Supposition, str]] = []
        if self.absent:
            gone = TeamAbsent(team_id=self.absent)
            parts.append((gone, f"{names.get(self.absent, self.absent)}が休む"))
        if self.like:
            name = f"{names.get(self.like, self.like)}と同じ班"
            extra = ExtraTeam(
                like_team_id=self.like, team_id=EXTRA_TEAM_ID, name=f"追加({name})"
            )
            parts.append((extra, f"{name}をもう1つ増やす"))
        if self.overtime_team and self.overtime_min:
            granted = Overtime(
                team_ids=frozenset({self.overtime_team}), extra_s=self.overtime_min * 60
            )
            name = names.get(self.overtime_team, self.overtime_team)
            parts.append((granted, f"{name}の残業を{self.overtime_min}分認める"))
        return parts

    def _deadline(self, urgency: Urgency) -> DeadlineRule:
        return DeadlineRule(
            urgency=urgency,
            shift_s=self.shift_h * 3600,
            hard={"hard": True, "soft": False}.get(self.deadline),
            dropped=self.deadline == "dropped",
        )

    def _deadline_text(self) -> str:
        parts = [f"{self.urgency}の期限を{self.shift_h:+d}時間"] if self.shift_h else []
        if self.deadline:
            parts.append(f"{self.urgency}は{DEADLINE_TEXT[self.deadline]}")
        return "、".join(parts)


def extra_team(extra: ExtraTeam, teams: Sequence[MobileTeam]) -> MobileTeam:
    """
    Return a team that only a supposed day has; its letter is free in its office.

    Raises
    ------
    NotFoundError
        When there is no team like it.
    """
    like = next((team for team in teams if team.id == extra.like_team_id), None)
    if like is None:
        raise NotFoundError("team", extra.like_team_id)
    taken = {team.letter for team in teams if team.office_id == like.office_id}
    alphabet = next((one for one in LETTERS if like.letter in one), LETTERS[-1])
    free = [letter for letter in alphabet if letter not in taken]
    return replace(
        like,
        id=extra.team_id,
        name=extra.name,
        letter=free[0] if free else like.letter,
    )
