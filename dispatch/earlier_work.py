"""What must come first (先に行う相談): which visits of a day wait, and from when on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dispatch.domain.case_chart import CaseChart, EntryKind
from dispatch.domain.catalogue import Catalogue
from dispatch.domain.deadlines import wall_seconds
from dispatch.domain.life_cycle import WORK_OVER
from dispatch.domain.plan import Unassigned, UnassignedReason
from dispatch.domain.site_conditions import AfterChart
from dispatch.domain.visit import After, Visit
from dispatch.ports import Charts

MIN_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierWork:
    """A chart that others wait for, and when its work ended, if that was recorded."""

    chart: CaseChart
    ended_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """
    What decides whose turn it is on a day.

    Parameters
    ----------
    earlier
        Charts that others wait for, by id.
    committed_end_s
        When the stops end that are done, under way or being driven to, by chart id.
    """

    date: dt.date
    timezone: dt.tzinfo
    catalogue: Catalogue
    earlier: Mapping[str, EarlierWork]
    committed_end_s: Mapping[str, int]

    def in_turn(
        self, visits: Sequence[Visit], charts: Mapping[str, CaseChart]
    ) -> tuple[list[Visit], list[Unassigned]]:
        """
        Part a day's visits into those that can be done and those that must wait.

        What comes first is a visit of the same day (the planner then keeps the order),
        has ended (the visit is free from then on), or is not done that day: then what
        waits for it is left out, and whatever waits for that.
        """
        ready = {visit.id: visit for visit in visits}
        waiting: list[Unassigned] = []
        while blocked := {
            chart_id: sentence
            for chart_id in ready
            if (sentence := self._blocked(charts[chart_id], ready))
        }:
            for chart_id, sentence in blocked.items():
                del ready[chart_id]
                reason = UnassignedReason.WAITS
                waiting.append(
                    Unassigned(visit_id=chart_id, reason=reason, sentence=sentence)
                )
        return [
            self._bound(visit, charts[visit.id].conditions.after, ready)
            for visit in ready.values()
        ], waiting

    def _blocked(self, chart: CaseChart, ready: Mapping[str, Visit]) -> str:
        """Say what keeps a chart from being done that day; empty when nothing does."""
        for one in chart.conditions.after:
            if one.chart_id in ready:
                if one.gap_days:
                    return self._not_done(one)
                continue
            ended, is_over = self._ended(one)
            if not is_over:
                return self._not_done(one)
            if ended is not None and one.free_on(ended) > self.date:
                day = one.free_on(ended)
                name = self._name(one)
                return f"先に行う{name}のあと、{day.month}月{day.day}日から行えます。"
        return ""

    def _bound(
        self, visit: Visit, after: Sequence[AfterChart], ready: Mapping[str, Visit]
    ) -> Visit:
        """Give a visit what it waits for in the day, and the moment it is free from."""
        release_s = visit.release_s
        waits_for = []
        for one in after:
            if one.chart_id in ready:
                waits_for.append(
                    After(visit_id=one.chart_id, gap_s=one.gap_min * MIN_S)
                )
                continue
            ended, _ = self._ended(one)
            if ended is not None:
                free_s = wall_seconds(one.free_at(ended), self.date, self.timezone)
                release_s = max(release_s, free_s)
        return replace(visit, after=tuple(waits_for), release_s=release_s)

    def _ended(self, one: AfterChart) -> tuple[dt.datetime | None, bool]:
        """When what comes first ended or will end today, and whether that is sure."""
        known = self.earlier.get(one.chart_id)
        if known is not None and known.chart.status in WORK_OVER:
            ended_at = known.ended_at
            local = None if ended_at is None else ended_at.astimezone(self.timezone)
            return local, True
        end_s = self.committed_end_s.get(one.chart_id)
        if end_s is None:
            return None, False
        midnight = dt.datetime.combine(self.date, dt.time(), self.timezone)
        return midnight + dt.timedelta(seconds=end_s), True

    def _not_done(self, one: AfterChart) -> str:
        if one.gap_days:
            return (
                f"先に行う{self._name(one)}が済んでいません"
                f"(済んだ日の{one.gap_days}日後から行えます)。"
            )
        return f"先に行う{self._name(one)}が済んでいません。"

    def _name(self, one: AfterChart) -> str:
        """Name what comes first by its kind of work and its running number."""
        known = self.earlier.get(one.chart_id)
        if known is None:
            return "相談"
        category = self.catalogue.get(known.chart.category_code)
        return f"「{category.name}」({known.chart.number})"


def earlier_work(
    charts: Charts, candidates: Iterable[CaseChart]
) -> dict[str, EarlierWork]:
    """
    Look up what the candidates of a day wait for, by chart id, and when it ended.

    The end of work that is done is the moment at which its outcome was recorded.
    """
    wanted = {one.chart_id for c in candidates for one in c.conditions.after}
    if not wanted:
        return {}
    found = {}
    for chart in charts.get_many(sorted(wanted)).values():
        ended_at = None
        if chart.status in WORK_OVER:
            recorded = [
                entry.at
                for entry in charts.history(chart.id)
                if entry.kind is EntryKind.OUTCOME
            ]
            ended_at = recorded[-1] if recorded else None
        found[chart.id] = EarlierWork(chart=chart, ended_at=ended_at)
    return found
