"""The form of 「もしも」: what is different on the supposed day, and its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field

from dispatch.domain.catalogue import Urgency
from dispatch.domain.errors import InvalidInputError
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
DEADLINE_TEXT = {"hard": "必ず守る", "soft": "遅れてもよい", "dropped": "計画しない"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Supposed:
    """A supposed day, and its conditions in words."""

    conditions: tuple[str, ...]
    answer: WhatIf


class WhatIfForm(BaseModel):
    """What is different; an empty field changes nothing."""

    absent: str = Field("", max_length=MAX_ID)
    like: str = Field("", max_length=MAX_ID)
    overtime_team: str = Field("", max_length=MAX_ID)
    overtime_min: int = Field(0, ge=0, le=MAX_OVERTIME_MIN)
    urgency: Urgency | Literal[""] = ""
    shift_h: int = Field(0, ge=-MAX_SHIFT_H, le=MAX_SHIFT_H)
    deadline: Literal["", "hard", "soft", "dropped"] = ""

    def to_domain(
        self, names: Mapping[str, str]
    ) -> tuple[tuple[Supposition, ...], tuple[str, ...]]:
        """
        Turn the form into suppositions, and into words.

        Raises
        ------
        InvalidInputError
            When nothing is different.
        """
        wished: list[Supposition] = []
        told: list[str] = []
        if self.absent:
            wished.append(TeamAbsent(team_id=self.absent))
            told.append(f"{names.get(self.absent, self.absent)}が休む")
        if self.like:
            name = f"{names.get(self.like, self.like)}と同じ班"
            extra = ExtraTeam(
                like_team_id=self.like, team_id=EXTRA_TEAM_ID, name=f"追加({name})"
            )
            wished.append(extra)
            told.append(f"{name}をもう1つ増やす")
        if self.overtime_team and self.overtime_min:
            granted = Overtime(
                team_ids=frozenset({self.overtime_team}), extra_s=self.overtime_min * 60
            )
            wished.append(granted)
            name = names.get(self.overtime_team, self.overtime_team)
            told.append(f"{name}の残業を{self.overtime_min}分認める")
        if self.urgency and (self.shift_h or self.deadline):
            wished.append(self._deadline(Urgency(self.urgency)))
            told.append(self._deadline_text())
        if not wished:
            raise InvalidInputError("form", "変える条件を1つ以上入れてください")
        return tuple(wished), tuple(told)

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
