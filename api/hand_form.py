"""The form of an edit by hand: one visit, what to do with it, and where to."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from dispatch.domain.consultation import MAX_NAME
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.hand_edit import Drop, Edit, Insert, Lock, Move, Unlock

MAX_ID = 64
MAX_ORDER = 500


class EditForm(BaseModel):
    """
    One edit as the page sends it.

    `order` counts from 1 among the stops still to come; `since` is the plan that the
    edits began with, `office` whose routes the page shows.
    """

    action: Literal["move", "insert", "drop", "lock", "unlock"]
    visit_id: str = Field(max_length=MAX_ID)
    team_id: str = Field("", max_length=MAX_ID)
    order: int = Field(1, ge=1, le=MAX_ORDER)
    who: str = Field(max_length=MAX_NAME)
    office: str = Field("", max_length=MAX_ID)
    since: str = Field("", max_length=MAX_ID)

    def to_domain(self, bound_team_id: str | None) -> Edit:
        """
        Turn the form into an edit.

        Parameters
        ----------
        bound_team_id
            Team that the visit's chart binds it to, for an unlocked visit.

        Raises
        ------
        InvalidInputError
            When it says no team and needs one.
        """
        visit_id = self.visit_id
        if self.action == "drop":
            return Drop(visit_id=visit_id)
        if self.action == "lock":
            return Lock(visit_id=visit_id)
        if self.action == "unlock":
            return Unlock(visit_id=visit_id, team_id=bound_team_id)
        if not self.team_id:
            raise InvalidInputError("team_id", "班を選んでください")
        team_id, position = self.team_id, self.order - 1
        if self.action == "insert":
            return Insert(visit_id=visit_id, team_id=team_id, position=position)
        return Move(visit_id=visit_id, team_id=team_id, position=position)
