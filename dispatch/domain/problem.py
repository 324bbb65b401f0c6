"""The day's problem (計画条件): visits, teams and travel, checked as a whole."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import Any

from dispatch.domain.errors import InvalidInputError
from dispatch.domain.levels import DEFAULT_LEVELS, Level, require_levels
from dispatch.domain.plan import Stop
from dispatch.domain.team import MobileTeam
from dispatch.domain.travel import TravelMatrix
from dispatch.domain.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamDay:
    """
    One team on the plan's date, from the moment it is free to be planned.

    `start_node`/`end_node` are rows of the travel matrix. When planning during the
    day, `committed` holds the stops already done or under way, `free_from_s` and
    `start_node` say where the team is after them.
    """

    team: MobileTeam
    start_node: int
    end_node: int
    free_from_s: int
    lunch_start_s: int | None = None
    committed: tuple[Stop, ...] = ()
    committed_load_kg: int = 0
    committed_materials: tuple[tuple[str, int], ...] = ()
    committed_tools: frozenset[str] = frozenset()
    departed_s: int | None = None  # when it left, once it has
    work_before_s: int = 0  # driving and work of the last four weeks, for fairness

    @property
    def lunch_owed(self) -> bool:
        """Whether the lunch break is still to come."""
        return self.team.shift.lunch is not None and self.lunch_start_s is None

    @property
    def load_left_kg(self) -> int:
        """Vehicle load that is still free."""
        return self.team.vehicle.load_kg - self.committed_load_kg

    def pieces_left(self, material: str) -> int:
        """Pieces of a material that still fit."""
        room = dict(self.team.vehicle.materials).get(material, 0)
        return room - dict(self.committed_materials).get(material, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayProblem:
    """
    Everything a plan is made from.

    `visit_nodes` gives each visit's row of the travel matrix, in `visits` order;
    `tools` how many there are of each shared tool; `levels` the order in which plans
    are judged.

    Raises
    ------
    InvalidInputError
        When an id appears twice, an index lies outside the matrix, a visit is on
        legal hold on the plan's date (it must not reach the planner), a level is
        missing, or visits wait for each other in a circle.
    """

    date: dt.date
    visits: tuple[Visit, ...]
    team_days: tuple[TeamDay, ...]
    travel: TravelMatrix
    visit_nodes: tuple[int, ...]
    tools: tuple[tuple[str, int], ...] = ()
    levels: tuple[Level, ...] = DEFAULT_LEVELS
    visits_by_id: Mapping[str, Visit] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        visits_by_id = {visit.id: visit for visit in self.visits}
        if len(visits_by_id) != len(self.visits):
            raise InvalidInputError("visits", "同じ訪問が2回あります")
        if len({day.team.id for day in self.team_days}) != len(self.team_days):
            raise InvalidInputError("teams", "同じ班が2回あります")
        if len(self.visit_nodes) != len(self.visits):
            raise InvalidInputError("visit_nodes", "訪問と行列の対応がそろいません")
        nodes = [*self.visit_nodes]
        for day in self.team_days:
            nodes += [day.start_node, day.end_node]
        if nodes and not 0 <= min(nodes) <= max(nodes) < len(self.travel):
            raise InvalidInputError("nodes", "所要時間行列の外を指しています")
        for visit in self.visits:
            if visit.not_before is not None and visit.not_before > self.date:
                raise InvalidInputError("visits", "法定待機中の訪問は計画できません")
        require_levels(self.levels)
        _require_no_circle(self.visits)
        object.__setattr__(self, "visits_by_id", MappingProxyType(visits_by_id))

    def __reduce__(self) -> tuple[object, ...]:
        given = [one.name for one in fields(self) if one.init]
        return _restore, ({name: getattr(self, name) for name in given},)


def _restore(given: dict[str, Any]) -> DayProblem:
    """Rebuild a problem in another process (the id mapping is derived again)."""
    return DayProblem(**given)


def _require_no_circle(visits: Sequence[Visit]) -> None:
    """Refuse visits that wait for each other; one outside the problem is over."""
    waits_for = {v.id: {one.visit_id for one in v.after} for v in visits if v.after}
    try:
        tuple(TopologicalSorter(waits_for).static_order())
    except CycleError as circle:
        problem = "訪問の前後関係が循環しています"
        raise InvalidInputError("after", problem) from circle
