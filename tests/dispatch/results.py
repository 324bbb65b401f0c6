"""Results of visits for tests that only need them recorded."""

from __future__ import annotations

from dispatch.domain.case_chart import CaseChart
from dispatch.domain.field_result import FieldResult
from dispatch.domain.outcome import Outcome
from dispatch.life_cycle_desk import LifeCycleDesk, LifeRules
from dispatch.ports import Charts, Clock
from tests.builders import TOKYO, catalogue, office_hours


def life_cycle(charts: Charts, clock: Clock) -> LifeCycleDesk:
    """Make a desk with the plain catalogue and a working week."""
    rules = LifeRules(catalogue=catalogue(), hours=office_hours(), timezone=TOKYO)
    return LifeCycleDesk(charts, clock, rules)


def record(
    charts: Charts,
    clock: Clock,
    chart_id: str,
    version: int,
    outcome: Outcome,
    *,
    who: str,
    note: str,
) -> CaseChart:
    """Record what a team did, in the least words."""
    result = FieldResult(at=clock.now(), who=who, outcome=outcome, note=note)
    return life_cycle(charts, clock).record_result(chart_id, version, result)
