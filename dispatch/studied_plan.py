"""A stored plan beside its day: why each visit stands where it does."""

from __future__ import annotations

from dataclasses import dataclass

from dispatch.domain.errors import ConflictError, NotFoundError
from dispatch.domain.placements import WhyTeam, placements
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.why_not import WhyNot, why_not
from dispatch.ports import StoredPlan
from dispatch.prepared_day import PreparedDay


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """
    Why a visit stands where it does; one of the two is there, or only the sentence.

    Parameters
    ----------
    team
        Of a visit that is served.
    not_today
        Of a visit that is left out.
    sentence
        Where nothing is to be chosen: under way, or on legal hold.
    """

    visit_id: str
    team: WhyTeam | None = None
    not_today: WhyNot | None = None
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudiedPlan:
    """A stored plan with its day, in the words of the search."""

    stored: StoredPlan
    prepared: PreparedDay
    orders: tuple[Order, ...]
    scheduler: DayScheduler

    @property
    def problem(self) -> DayProblem:
        """What it was planned from."""
        return self.prepared.problem

    def index_of(self, visit_id: str) -> int:
        """Return a visit's index in the day; NotFoundError when it is not in it."""
        for index, visit in enumerate(self.problem.visits):
            if visit.id == visit_id:
                return index
        raise NotFoundError("visit", visit_id)

    def require_legal(self) -> None:
        """Refuse a working copy that breaks rules: its times are not to be trusted."""
        if self.stored.num_violations:
            raise ConflictError(
                "規則に反している下書きです。違反を直してから調べてください"
            )

    def why(self, visit_id: str) -> Why:
        """
        Say why a visit goes with its team, or why it is left out.

        Raises
        ------
        NotFoundError
            When there is no such visit in the day.
        ConflictError
            When the plan is a draft that breaks rules.
        """
        sentence = self._settled(visit_id)
        if sentence:
            return Why(visit_id=visit_id, sentence=sentence)
        index = self.index_of(visit_id)
        self.require_legal()
        if any(index in order for order in self.orders):
            found = placements(self.scheduler, self.orders, index)
            return Why(visit_id=visit_id, team=found)
        left_out = why_not(self.scheduler, self.orders, index)
        return Why(visit_id=visit_id, not_today=left_out)

    def _settled(self, visit_id: str) -> str:
        """Say why nothing is to be chosen about a visit; empty when something is."""
        for day in self.problem.team_days:
            if any(stop.visit_id == visit_id for stop in day.committed):
                return f"{day.team.name}が着手済み(または移動中)のため、動かしません。"
        for item in self.stored.plan.unassigned:
            if item.visit_id == visit_id and item.reason.is_held:
                return item.sentence
        return ""
