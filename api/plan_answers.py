"""Stored plans as JSON, and why visits stand in them as they do: ids, no person."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel

from api.plan_schemas import LEVEL_NAMES
from dispatch.domain.levels import SCORE_FIELDS, Level
from dispatch.domain.placements import TeamPlacement
from dispatch.domain.plan import Plan, UnassignedReason
from dispatch.domain.relaxation import Relaxation, RelaxationKind
from dispatch.domain.relaxation_words import (
    Names,
    block_text,
    hard_block_text,
    placement_sentence,
    relaxation_sentence,
)
from dispatch.domain.travel import TravelLevel
from dispatch.domain.trial import Block, Rule
from dispatch.ports import PlanStatus, StoredPlan
from dispatch.studied_plan import Why


class LevelOut(BaseModel):
    """What one level of the score counts; smaller is better."""

    level: Level
    name: str
    numbers: dict[str, int]


class PlanOut(BaseModel):
    """A stored plan, without its routes."""

    id: str
    date: dt.date
    version: int
    status: PlanStatus
    made_at: dt.datetime
    published_at: dt.datetime | None
    based_on: str | None
    method: str
    travel_level: TravelLevel
    num_served: int
    num_left_out: int
    num_violations: int
    score: list[LevelOut]

    @classmethod
    def from_domain(cls, stored: StoredPlan) -> PlanOut:
        """Build the answer from a stored plan."""
        return cls(**_plan_fields(stored))


class StopOut(BaseModel):
    """A stop; `late_s` is 0 for one in time, `drive_s` the way there."""

    visit_id: str
    arrive_s: int
    start_s: int
    end_s: int
    drive_s: int
    drive_m: int
    late_s: int


class RouteOut(BaseModel):
    """One team's day."""

    team_id: str
    depart_s: int
    return_s: int
    lunch_start_s: int | None
    lunch_end_s: int | None
    overtime_s: int
    no_way_back: bool
    stops: list[StopOut]


class UnassignedOut(BaseModel):
    """A visit left out, and why."""

    visit_id: str
    reason: UnassignedReason
    sentence: str


class PlanRoutesOut(PlanOut):
    """A stored plan with its routes."""

    routes: list[RouteOut]
    unassigned: list[UnassignedOut]

    @classmethod
    def from_domain(cls, stored: StoredPlan) -> PlanRoutesOut:
        """Build the answer from a stored plan."""
        plan = stored.plan
        return cls(
            **_plan_fields(stored), routes=routes_out(plan), unassigned=left_out(plan)
        )


def _plan_fields(stored: StoredPlan) -> dict[str, object]:
    plan = stored.plan
    return {
        "id": stored.id,
        "date": plan.date,
        "version": stored.version,
        "status": stored.status,
        "made_at": stored.made_at,
        "published_at": stored.published_at,
        "based_on": stored.based_on,
        "method": plan.method,
        "travel_level": plan.travel_level,
        "num_served": plan.num_served,
        "num_left_out": len(plan.unassigned),
        "num_violations": stored.num_violations,
        "score": [
            LevelOut(
                level=level,
                name=LEVEL_NAMES[level],
                numbers={name: getattr(plan.score, name) for name in names},
            )
            for level, names in SCORE_FIELDS.items()
        ],
    }


def routes_out(plan: Plan) -> list[RouteOut]:
    """Tell a plan's routes."""
    return [
        RouteOut.model_validate(route, from_attributes=True) for route in plan.routes
    ]


def left_out(plan: Plan) -> list[UnassignedOut]:
    """Tell the visits that a plan leaves out."""
    return [
        UnassignedOut.model_validate(item, from_attributes=True)
        for item in plan.unassigned
    ]


# -- why -------------------------------------------------------------------------------


class BlockOut(BaseModel):
    """A rule that stops a team, or all teams, with its numbers."""

    rule: Rule
    over_s: int
    needed: int
    has: int
    names: list[str]
    sentence: str


class PlacementCostOut(BaseModel):
    """What the visit costs one team, or what stops the team."""

    team_id: str
    is_chosen: bool
    start_s: int | None
    drive_s: int | None
    late_steps: int | None
    overtime_s: int | None
    blocks: list[BlockOut]
    sentence: str

    @classmethod
    def from_domain(cls, line: TeamPlacement, names: Names) -> PlacementCostOut:
        """Build the answer from one team's line."""
        cost = line.difference
        return cls(
            team_id=line.team_id,
            is_chosen=line.is_chosen,
            start_s=line.start_s,
            drive_s=None if cost is None else cost.drive_s,
            late_steps=None if cost is None else cost.late_steps,
            overtime_s=None if cost is None else cost.overtime_s,
            blocks=[_block(block, block_text(block, names)) for block in line.blocks],
            sentence=placement_sentence(line, names),
        )


class OfferOut(BaseModel):
    """One change that lets the visit in; `kind` names it."""

    kind: RelaxationKind
    team_id: str
    start_s: int
    price_min: int
    drive_s: int
    minutes: int
    sentence: str

    @classmethod
    def from_domain(cls, offer: Relaxation, names: Names) -> OfferOut:
        """Build the answer from an offer."""
        return cls(
            kind=offer.kind,
            team_id=offer.team_id,
            start_s=offer.start_s,
            price_min=offer.price_min,
            drive_s=offer.drive_s,
            minutes=offer.minutes,
            sentence=relaxation_sentence(offer, names),
        )


class WhyOut(BaseModel):
    """Why a visit stands where it does: teams when served, offers when left out."""

    visit_id: str
    is_served: bool
    sentence: str
    teams: list[PlacementCostOut]
    blocks: list[BlockOut]
    offers: list[OfferOut]

    @classmethod
    def from_domain(cls, why: Why, names: Names, *, is_served: bool) -> WhyOut:
        """Build the answer from what was found."""
        lines = () if why.team is None else (*why.team.best, *why.team.others)
        left = why.not_today
        return cls(
            visit_id=why.visit_id,
            is_served=is_served,
            sentence=why.sentence,
            teams=[PlacementCostOut.from_domain(line, names) for line in lines],
            blocks=[
                _block(block, hard_block_text(block, names))
                for block in (() if left is None else left.blocks)
            ],
            offers=[
                OfferOut.from_domain(offer, names)
                for offer in (() if left is None else left.offers)
            ],
        )


def _block(block: Block, sentence: str) -> BlockOut:
    return BlockOut(
        rule=block.rule,
        over_s=block.over_s,
        needed=block.needed,
        has=block.has,
        names=list(block.names),
        sentence=sentence,
    )
