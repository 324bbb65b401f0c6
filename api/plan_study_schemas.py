"""What is asked of stored plans as JSON: edits, what-if, support, bound."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, PositiveInt

from api.closure_schemas import (
    MAX_WINDOWS,
    MIN_PLACES,
    ClockTime,
    Positions,
    Shape,
    places_in_city,
    read_windows,
)
from api.plan_answers import (
    PlanRoutesOut,
    RouteOut,
    UnassignedOut,
    left_out,
    routes_out,
)
from api.plan_schemas import LEVEL_NAMES
from api.plan_view import RULE_TEXT
from api.schemas import Strict
from api.supposed_roads import (
    ROAD_FIELD,
    closed_road,
    drawn_closure,
    known_closure,
    why_no_road,
)
from api.wiring import Services
from dispatch.domain.bound import Bound
from dispatch.domain.catalogue import Urgency
from dispatch.domain.checks import Rule, Violation
from dispatch.domain.closure import MAX_PLACES, Closure, ClosureShape
from dispatch.domain.comparison import PlanChanges
from dispatch.domain.consultation import MAX_NAME
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.hand_edit import Drop, Edit, Insert, Lock, Move, Reorder, Unlock
from dispatch.domain.levels import Level
from dispatch.domain.travel import TravelLevel
from dispatch.ports import StoredPlan
from dispatch.support import SupportOffer
from dispatch.what_if import (
    DeadlineRule,
    ExtraTeam,
    Figures,
    Overtime,
    Supposition,
    TeamAbsent,
    WhatIf,
)

MAX_ID = 64
MAX_STOPS = 500
MAX_SUPPOSITIONS = 10
DAY_MIN = 24 * 60
Id = Annotated[str, Field(min_length=1, max_length=MAX_ID)]
Position = Annotated[int, Field(ge=0, le=MAX_STOPS)]


# -- edits -----------------------------------------------------------------------------


class MoveIn(Strict):
    """Give a visit to a team, or another place in its order."""

    kind: Literal["move"]
    visit_id: Id
    team_id: Id
    position: Position = Field(description="from 0, among the stops still to come")
    from_team_id: Id | None = Field(None, description="of a visit of two teams")

    def to_domain(self) -> Edit:
        """Turn the body into the edit."""
        return Move(
            visit_id=self.visit_id,
            team_id=self.team_id,
            position=self.position,
            from_team_id=self.from_team_id,
        )


class ReorderIn(Strict):
    """Put all stops that a team has still to do into another order."""

    kind: Literal["reorder"]
    team_id: Id
    visit_ids: list[Id] = Field(max_length=MAX_STOPS)

    def to_domain(self) -> Edit:
        """Turn the body into the edit."""
        return Reorder(team_id=self.team_id, visit_ids=tuple(self.visit_ids))


class InsertIn(Strict):
    """Put a visit that is left out into a team's order."""

    kind: Literal["insert"]
    visit_id: Id
    team_id: Id
    position: Position

    def to_domain(self) -> Edit:
        """Turn the body into the edit."""
        return Insert(
            visit_id=self.visit_id, team_id=self.team_id, position=self.position
        )


class OneVisitIn(Strict):
    """Take a visit out of the plan, lock it to its team and hour, or unlock it."""

    kind: Literal["drop", "lock", "unlock"]
    visit_id: Id

    def to_domain(self) -> Edit:
        """Turn the body into the edit."""
        kinds: dict[str, type[Drop | Lock | Unlock]] = {
            "drop": Drop,
            "lock": Lock,
            "unlock": Unlock,
        }
        return kinds[self.kind](visit_id=self.visit_id)


class EditIn(Strict):
    """One edit by hand, and who makes it."""

    edit: MoveIn | ReorderIn | InsertIn | OneVisitIn = Field(discriminator="kind")
    who: str = Field(min_length=1, max_length=MAX_NAME)


class ViolationOut(BaseModel):
    """One broken rule, and where."""

    rule: Rule
    team_id: str | None
    visit_id: str | None
    sentence: str

    @classmethod
    def from_domain(cls, found: Violation) -> ViolationOut:
        """Build the answer from what the checker found."""
        return cls(
            rule=found.rule,
            team_id=found.team_id,
            visit_id=found.visit_id,
            sentence=RULE_TEXT[found.rule],
        )


class LevelChangeOut(BaseModel):
    """The numbers of one level before and after."""

    level: Level
    name: str
    before: list[int]
    after: list[int]


class ChangesOut(BaseModel):
    """What a plan changes against another one."""

    team_changes: list[str]
    order_inversions: int
    shift_median_min: float
    shift_p90_min: float
    promises_broken: list[str]
    visits_in: list[str]
    visits_out: list[str]
    sheets: list[str]
    drive_saved_s: int
    levels: list[LevelChangeOut]

    @classmethod
    def from_domain(cls, changes: PlanChanges) -> ChangesOut:
        """Build the answer from the comparison."""
        return cls(
            team_changes=list(changes.team_changes),
            order_inversions=changes.order_inversions,
            shift_median_min=changes.shift_median_min,
            shift_p90_min=changes.shift_p90_min,
            promises_broken=list(changes.promises_broken),
            visits_in=list(changes.visits_in),
            visits_out=list(changes.visits_out),
            sheets=list(changes.sheets),
            drive_saved_s=changes.drive_saved_s,
            levels=[
                LevelChangeOut(
                    level=one.level,
                    name=LEVEL_NAMES[one.level],
                    before=list(one.before),
                    after=list(one.after),
                )
                for one in changes.levels
            ],
        )


class EditedOut(BaseModel):
    """The new draft, every rule that it breaks, and what the edit changed."""

    plan: PlanRoutesOut
    violations: list[ViolationOut]
    changes: ChangesOut


# -- what if, support, bound -----------------------------------------------------------


class AbsentIn(Strict):
    """A team is not there."""

    kind: Literal["team_absent"]
    team_id: Id

    def to_domain(self) -> Supposition:
        """Turn the body into the supposition."""
        return TeamAbsent(team_id=self.team_id)


class ExtraTeamIn(Strict):
    """One more team: a copy of one that is on duty."""

    kind: Literal["extra_team"]
    like_team_id: Id
    team_id: Id = Field("extra", description="its id in the answer")

    def to_domain(self) -> Supposition:
        """Turn the body into the supposition."""
        return ExtraTeam(
            like_team_id=self.like_team_id, team_id=self.team_id, name=self.team_id
        )


class DeadlineIn(Strict):
    """Another deadline for one urgency."""

    kind: Literal["deadline"]
    urgency: Urgency
    shift_min: int = Field(0, ge=-30 * DAY_MIN, le=30 * DAY_MIN)
    hard: bool | None = Field(None, description="whether it is never missed")
    dropped: bool = Field(default=False, description="the class is not planned at all")

    def to_domain(self) -> Supposition:
        """Turn the body into the supposition."""
        return DeadlineRule(
            urgency=self.urgency,
            shift_s=self.shift_min * 60,
            hard=self.hard,
            dropped=self.dropped,
        )


class OvertimeIn(Strict):
    """Overtime granted to some teams."""

    kind: Literal["overtime"]
    team_ids: list[Id] = Field(min_length=1, max_length=100)
    minutes: PositiveInt = Field(le=DAY_MIN)

    def to_domain(self) -> Supposition:
        """Turn the body into the supposition."""
        return Overtime(team_ids=frozenset(self.team_ids), extra_s=self.minutes * 60)


class RoadClosedIn(Strict):
    """
    A road closed on the whole day or in some hours.

    Either a closure that is not in force (`closure_id`), or a stretch or an area.
    """

    kind: Literal["road_closed"]
    closure_id: Id | None = Field(None, description="one that is planned, or is over")
    shape: Shape | None = None
    places: Positions | None = Field(
        None,
        min_length=MIN_PLACES,
        max_length=MAX_PLACES,
        description="[lon, lat] along the road, or corners of the area in turn",
        examples=[[[135.48219, 34.71551], [135.48502, 34.71123]]],
    )
    windows: list[tuple[ClockTime, ClockTime]] = Field(
        default_factory=list,
        max_length=MAX_WINDOWS,
        description="hours of the day, [from, until); all day when empty",
    )

    def to_closure(self, services: Services, stored: StoredPlan) -> Closure:
        """
        Turn the body into the closure that is supposed.

        Raises
        ------
        InvalidInputError, NotFoundError
            See `api.supposed_roads`; also when it names neither or both.
        """
        own = self.shape is not None and self.places is not None
        given = self.shape is not None or self.places is not None or self.windows
        if reason := why_no_road(services, stored):
            raise InvalidInputError(ROAD_FIELD, reason)
        if self.closure_id is not None and not given:
            return known_closure(services, stored, self.closure_id)
        if self.closure_id is not None or not own:
            problem = "closure_id だけか、shape と places の両方を入れてください"
            raise InvalidInputError(ROAD_FIELD, problem)
        places = places_in_city(self.places or (), services.profile.bounds)
        shape = ClosureShape(self.shape or ClosureShape.STRETCH)
        return drawn_closure(
            services, stored, shape, places, read_windows(self.windows)
        )


SuppositionIn = Annotated[
    AbsentIn | ExtraTeamIn | DeadlineIn | OvertimeIn | RoadClosedIn,
    Field(discriminator="kind"),
]


class WhatIfIn(Strict):
    """What is different on the supposed day; applied one after another."""

    suppositions: list[SuppositionIn] = Field(min_length=1, max_length=MAX_SUPPOSITIONS)

    def to_domain(self, services: Services, stored: StoredPlan) -> list[Supposition]:
        """
        Turn the body into suppositions; roads that are closed are so at once.

        Raises
        ------
        InvalidInputError, NotFoundError
            See `RoadClosedIn.to_closure` and `closed_road`.
        """
        shut = [
            one.to_closure(services, stored)
            for one in self.suppositions
            if isinstance(one, RoadClosedIn)
        ]
        closed: list[Supposition] = []
        if shut:
            closed = [closed_road(services, stored, shut).supposition]
        return closed + [
            one.to_domain()
            for one in self.suppositions
            if not isinstance(one, RoadClosedIn)
        ]


class FiguresOut(BaseModel):
    """What a plan comes to; counts by urgency, the spread of work by office."""

    served: dict[Urgency, int]
    late: dict[Urgency, int]
    left_out: dict[Urgency, int]
    drive_s: int
    overtime_s: int
    spread_s: dict[str, int]

    @classmethod
    def from_domain(cls, figures: Figures) -> FiguresOut:
        """Build the answer from the figures."""
        return cls(
            served=dict(figures.served),
            late=dict(figures.late),
            left_out=dict(figures.left_out),
            drive_s=figures.drive_s,
            overtime_s=figures.overtime_s,
            spread_s=dict(figures.spread_s),
        )


class WhatIfOut(BaseModel):
    """The supposed day beside the real one."""

    travel_level: TravelLevel = Field(description="of the supposed day's times")
    before: FiguresOut
    after: FiguresOut
    changes: ChangesOut
    routes: list[RouteOut]
    unassigned: list[UnassignedOut]

    @classmethod
    def from_domain(cls, found: WhatIf) -> WhatIfOut:
        """Build the answer from the comparison."""
        return cls(
            travel_level=found.plan.travel_level,
            before=FiguresOut.from_domain(found.before),
            after=FiguresOut.from_domain(found.after),
            changes=ChangesOut.from_domain(found.changes),
            routes=routes_out(found.plan),
            unassigned=left_out(found.plan),
        )


class SupportOut(BaseModel):
    """One office lends a team to another (応援)."""

    lender_id: str
    borrower_id: str
    team_id: str
    saved: list[str]
    lost: list[str]
    lent: list[str]
    sentence: str
    changes: ChangesOut

    @classmethod
    def from_domain(cls, offer: SupportOffer) -> SupportOut:
        """Build the answer from an offer."""
        return cls(
            lender_id=offer.lender_id,
            borrower_id=offer.borrower_id,
            team_id=offer.team_id,
            saved=list(offer.saved),
            lost=list(offer.lost),
            lent=list(offer.lent),
            sentence=offer.sentence,
            changes=ChangesOut.from_domain(offer.changes),
        )


class LevelBoundOut(BaseModel):
    """One level of a plan, and what no other plan undercuts (null: not known)."""

    level: Level
    name: str
    value: list[int]
    lower: list[int] | None
    is_proven: bool
    gap_percent: int | None


class BoundOut(BaseModel):
    """How far from proven best a plan can be."""

    sentence: str
    levels: list[LevelBoundOut]

    @classmethod
    def from_domain(cls, bound: Bound) -> BoundOut:
        """Build the answer from the bound."""
        return cls(
            sentence=bound.sentence(),
            levels=[
                LevelBoundOut(
                    level=one.level,
                    name=LEVEL_NAMES[one.level],
                    value=list(one.value),
                    lower=None if one.lower is None else list(one.lower),
                    is_proven=one.is_proven,
                    gap_percent=one.gap_percent,
                )
                for one in bound.levels
            ],
        )
