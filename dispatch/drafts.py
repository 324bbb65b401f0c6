"""Drafts (下書き): a planned day as it goes into the store."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from dispatch.domain.comparison import changed_visits
from dispatch.domain.consultation import MAX_NAME, require_length
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.ids import new_id
from dispatch.planning import PlannedDay
from dispatch.ports import PlanRecord, PlanStatus, StoredPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """When and by whom a draft was made, and from what it can be made again."""

    at: dt.datetime
    who: str
    record: PlanRecord


def require_planner(who: str) -> None:
    """
    Refuse a draft that nobody makes.

    Raises
    ------
    InvalidInputError
        When the name is empty or too long.
    """
    require_length("who", who, MAX_NAME)
    if not who.strip():
        raise InvalidInputError("who", "担当者の名前を入れてください")


def draft_of(
    planned: PlannedDay,
    made: Made,
    *,
    in_force: StoredPlan | None,
    based_on: str | None,
) -> StoredPlan:
    """
    Make the draft of a planned day; the store numbers it.

    Parameters
    ----------
    planned
        The plan, with what was found out about it.
    made
        When, by whom, from what.
    in_force
        The plan that crews work by: what changes against it is marked on paper.
    based_on
        Published plan that must still be in force when the draft is published.
    """
    return StoredPlan(
        id=new_id(),
        version=0,
        status=PlanStatus.DRAFT,
        made_at=made.at,
        made_by=made.who,
        plan=planned.plan,
        num_feasible=planned.num_feasible,
        num_violations=planned.num_violations,
        reasons=planned.reasons,
        changed_visit_ids=(
            frozenset()
            if in_force is None
            else changed_visits(in_force.plan, planned.plan)
        ),
        based_on=based_on,
        record=made.record,
    )
