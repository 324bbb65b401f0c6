"""Use cases of the conditions of a site (現場の条件): check, state, put into words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dispatch.domain.case_chart import CaseChart, ChartEntry, ChartStatus, EntryKind
from dispatch.domain.catalogue import Duty
from dispatch.domain.consultation import MAX_LINE, MAX_NAME, require_length
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.site_conditions import (
    ConditionNames,
    SiteConditions,
    conditions_in_words,
    require_no_circle,
)
from dispatch.ports import Charts, Clock

NONE_LEFT = "条件なし"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRules:
    """
    What the city has: shared tools by id with their names, and what vehicles carry.

    `materials` are the names of pieces that some vehicle has room for.
    """

    tool_names: Mapping[str, str] = field(default_factory=dict)
    materials: Sequence[str] = ()


class SiteDesk:
    """
    States the conditions of a chart's site; each statement replaces the one before.

    Parameters
    ----------
    charts
        Store of charts.
    clock
        Time of the history entries.
    rules
        What may be asked for.
    """

    def __init__(self, charts: Charts, clock: Clock, rules: SiteRules) -> None:
        self._charts = charts
        self._clock = clock
        self._rules = rules

    def state(
        self,
        chart_id: str,
        version: int,
        conditions: SiteConditions,
        *,
        who: str,
        why: str,
    ) -> CaseChart:
        """
        Store the conditions with an entry in the history; the next plan obeys them.

        Parameters
        ----------
        version
            Of the chart as it was read.
        conditions
            All of them; what was stated before is gone.

        Raises
        ------
        NotFoundError
            When there is no such chart.
        InvalidInputError
            When nobody or no reason is named, the city has no such tool or material,
            a chart that comes first does not exist, is no field work of ours or waits
            for this one, or hours are offered without a promise.
        ConflictError
            When the chart has changed meanwhile, or is no open field work.
        """
        require_length("who", who, MAX_NAME)
        require_length("why", why, MAX_LINE)
        if not why.strip():
            raise InvalidInputError("why", "条件の理由を入れてください")
        if not who.strip():
            raise InvalidInputError("who", "担当者の名前を入れてください")
        chart = self._charts.get(chart_id)
        chart.require_version(version)
        if not takes_conditions(chart):
            message = f"{chart.number}: これから行う現場作業ではありません"
            raise ConflictError(message)
        self._require_had(conditions)
        if conditions.windows and chart.consultation.appointment is None:
            problem = "約束のない相談には、ほかの時間帯を加えられません"
            raise InvalidInputError("windows", problem)
        self._require_order(chart_id, conditions)
        after = replace(chart, conditions=conditions, version=version + 1)
        words = "、".join(self.words(conditions)) or NONE_LEFT
        entry = ChartEntry(
            at=self._clock.now(),
            who=who,
            kind=EntryKind.CONDITIONS,
            text=f"{words}。理由: {why}",
        )
        self._charts.save_all([(after, (entry,))])
        return after

    def words(self, conditions: SiteConditions) -> tuple[str, ...]:
        """Conditions in short phrases, with the names of tools and charts."""
        before = self._charts.get_many(one.chart_id for one in conditions.after)
        return conditions_in_words(
            conditions,
            ConditionNames(
                tools=self._rules.tool_names,
                charts={chart.id: chart.number for chart in before.values()},
            ),
        )

    @property
    def rules(self) -> SiteRules:
        """What may be asked for, for those who offer the choice."""
        return self._rules

    def _require_had(self, conditions: SiteConditions) -> None:
        """Refuse what no plan could ever bring."""
        if any(tool not in self._rules.tool_names for tool in conditions.tools):
            raise InvalidInputError("tools", "その共用機材は市の一覧にありません")
        if any(name not in self._rules.materials for name, _ in conditions.materials):
            raise InvalidInputError("materials", "その資材を積める車両がありません")

    def _require_order(self, chart_id: str, conditions: SiteConditions) -> None:
        """Refuse a chart that comes first and never will, or waits for this one."""
        asked = [one.chart_id for one in conditions.after]
        known = self._charts.get_many(asked)
        for before_id in asked:
            before = known.get(before_id)
            if before is None:
                raise InvalidInputError("after", "先に行う相談が見つかりません")
            if before.duty is not Duty.FIELD or before.status is ChartStatus.REFERRED:
                problem = "先に行う相談が、機動班の現場作業ではありません"
                raise InvalidInputError("after", problem)
        found, layer = dict(known), known
        while layer:
            further = {
                one.chart_id for c in layer.values() for one in c.conditions.after
            }
            layer = self._charts.get_many(further - found.keys())
            found |= layer
        waits_for = {one.id: one.conditions.after for one in found.values()}
        require_no_circle(chart_id, conditions.after, waits_for)


def takes_conditions(chart: CaseChart) -> bool:
    """Whether conditions may be stated: field work that is still owed."""
    return chart.duty is Duty.FIELD and chart.is_open
