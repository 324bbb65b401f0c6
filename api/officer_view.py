"""What officers and supervisors owe for their charts, as their pages show it."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from api.pictures import Pictures
from api.wiring import Services
from api.wording import STATUS_TEXT, URGENCY_TEXT, moment_text
from dispatch.domain.access import Role
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.chart_query import ChartOrder, ChartQuery, Reach
from dispatch.domain.life_cycle import ChartStatus
from dispatch.domain.organisation import Charge, InCharge
from dispatch.domain.owed import Owed, OwedKind, owed_for
from dispatch.domain.staff_book import StaffDay
from dispatch.domain.transfer import TransferState

OWED_TEXT = {
    OwedKind.FIRST: "一次対応",
    OwedKind.FIELD: "現場",
    OwedKind.INTERIM: "中間回答",
    OwedKind.ANSWER: "回答",
    OwedKind.REASONS: "緊急出動の理由",
}
# The officer owes the resident's answer; whoever has the chart owes the rest.
OFFICERS_OWN = frozenset({OwedKind.INTERIM, OwedKind.ANSWER})
SETTLED = (ChartStatus.DONE, ChartStatus.ANSWERED, ChartStatus.CLOSED)
NOBODY = "担当者なし"
CSV_HEADINGS = (
    *("番号", "緊急度", "状態", "分類"),
    *("場所", "校区", "地域担当", "いまの担当"),
)


class Lateness(StrEnum):
    """How an owed thing stands to a moment."""

    OVERDUE = "overdue"
    SOON = "soon"
    LATER = "later"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedRow:
    """A chart with what is owed for it, its officers, and who has it now."""

    chart: CaseChart
    owed: tuple[Owed, ...]
    officers: tuple[InCharge, ...]
    holder: str
    lateness: Lateness

    @property
    def officer_names(self) -> str:
        """Officers who are there, in words."""
        there = [one.person.name for one in self.officers if not one.is_away]
        return "、".join(there) or NOBODY

    def owed_by(self, kind: OwedKind) -> str:
        """Who owes a thing."""
        return self.officer_names if kind in OFFICERS_OWN else self.holder


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerCount:
    """How much of one officer's districts is overdue and soon due, by clock."""

    name: str
    overdue: Counter[OwedKind]
    soon: Counter[OwedKind]


class OfficerViews:
    """
    Makes the rows of the officers' pages.

    Parameters
    ----------
    services
        The wired city.
    pictures
        Words and names of the city.
    reach
        Whose charts who asks may see.
    """

    def __init__(self, services: Services, pictures: Pictures, reach: Reach) -> None:
        self._services = services
        self._pictures = pictures
        self._reach = reach
        self._now = services.clock.now()
        self._soon = dt.timedelta(hours=services.settings.soon_due_h)
        self._staff = services.organisation.book().on(self._now.date())

    @property
    def staff(self) -> StaffDay:
        """The staff of today."""
        return self._staff

    def rows(
        self, *, ward_code: str = "", district_ids: Sequence[str] = ()
    ) -> list[OwedRow]:
        """Charts of a ward or of school districts that owe anything, by deadline."""
        query = ChartQuery(
            owing=True,
            ward_code=ward_code,
            district_ids=tuple(district_ids),
            reach=self._reach,
        )
        return self.rows_of(self._services.lists.listed(query, order=ChartOrder.DUE))

    def rows_of(self, charts: Iterable[CaseChart]) -> list[OwedRow]:
        """Rows of charts: the earliest thing owed first, those without one last."""
        officers: dict[tuple[str, str], tuple[InCharge, ...]] = {}
        rows = []
        for chart in charts:
            where = _district(chart)
            if where not in officers:
                officers[where] = self._staff.officers_of(*where)
            owed = owed_for(chart)
            rows.append(
                OwedRow(
                    chart=chart,
                    owed=owed,
                    officers=officers[where],
                    holder=self._pictures.office_name(chart) or "振分前",
                    lateness=self.lateness(owed[0]) if owed else Lateness.LATER,
                )
            )
        return sorted(rows, key=_by_deadline)

    def lateness(self, owed: Owed) -> Lateness:
        """How an owed thing stands now."""
        if owed.due_at < self._now:
            return Lateness.OVERDUE
        is_soon = owed.due_at < self._now + self._soon
        return Lateness.SOON if is_soon else Lateness.LATER

    def by_officer(self, rows: Iterable[OwedRow]) -> list[OfficerCount]:
        """Count what is overdue and soon due, by the officers of the districts."""
        found: dict[str, OfficerCount] = {}
        for row in rows:
            name = row.officer_names
            count = found.setdefault(
                name, OfficerCount(name=name, overdue=Counter(), soon=Counter())
            )
            for owed in row.owed:
                lateness = self.lateness(owed)
                if lateness is Lateness.OVERDUE:
                    count.overdue[owed.kind] += 1
                elif lateness is Lateness.SOON:
                    count.soon[owed.kind] += 1
        return sorted(found.values(), key=lambda one: (one.name == NOBODY, one.name))

    def settled_this_month(self, district_ids: Sequence[str]) -> list[CaseChart]:
        """Charts of districts whose work or answer was settled in this month."""
        month = self._now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        query = ChartQuery(
            statuses=SETTLED,
            district_ids=tuple(district_ids),
            settled_from=month,
            reach=self._reach,
        )
        return self._services.lists.listed(query, order=ChartOrder.RECEIVED)

    # -- handing over -----------------------------------------------------------------

    def handed_over(self, charges: Iterable[Charge]) -> list[OwedRow]:
        """Every chart of somebody's charges that is not finished, each once."""
        found: dict[str, CaseChart] = {}
        for charge in charges:
            query = self._of_charge(charge)
            if query is not None:
                found |= {c.id: c for c in self._services.lists.listed(query)}
        return self.rows_of(found.values())

    def _of_charge(self, charge: Charge) -> ChartQuery | None:
        if charge.role in {Role.DISPATCHER, Role.TEAM} and charge.unit:
            return ChartQuery(owing=True, office_id=charge.unit, reach=self._reach)
        if not charge.ward_code:
            return None
        districts: tuple[str, ...] = charge.district_ids
        return ChartQuery(
            owing=True,
            ward_code=charge.ward_code,
            district_ids=districts,
            reach=self._reach,
        )

    # -- for Excel --------------------------------------------------------------------

    def as_csv(self, rows: Sequence[OwedRow]) -> bytes:
        """Write rows for Excel; nothing about a reporter is in it."""
        timezone = self._services.profile.timezone
        target = io.StringIO()
        writer = csv.writer(target, lineterminator="\r\n")
        writer.writerow((*CSV_HEADINGS, *OWED_TEXT.values(), "約束", "移管の返事待ち"))
        for row in rows:
            chart = row.chart
            due = {one.kind: moment_text(one.due_at, timezone) for one in row.owed}
            promised = chart.consultation.appointment
            writer.writerow(
                (
                    chart.number,
                    f"{chart.urgency} {URGENCY_TEXT[chart.urgency]}",
                    STATUS_TEXT[chart.status],
                    self._pictures.category_name(chart),
                    self._pictures.place_text(chart),
                    self._pictures.district_text(chart),
                    row.officer_names,
                    row.holder,
                    *(due.get(kind, "") for kind in OWED_TEXT),
                    moment_text(promised.start_at, timezone) if promised else "",
                    waiting_receiver(chart),
                )
            )
        return target.getvalue().encode("utf-8-sig")  # Excel wants the mark


def waiting_receiver(chart: CaseChart) -> str:
    """Receiver that has not yet taken the chart; empty when nobody is waited for."""
    last = chart.transfers[-1] if chart.transfers else None
    return last.receiver if last and last.state is TransferState.SENT else ""


def sections(rows: Iterable[OwedRow]) -> Mapping[str, list[OwedRow]]:
    """Parts of a handover list, each chart in the first part that it belongs to."""
    parts: dict[str, list[OwedRow]] = {
        "約束のある相談": [],
        "移管して返事を待っている相談": [],
        "回答がまだの相談": [],
        "そのほかの未了の相談": [],
    }
    promised, transferred, unanswered, others = parts.values()
    for row in rows:
        if row.chart.consultation.appointment is not None and row.chart.is_open:
            promised.append(row)
        elif waiting_receiver(row.chart):
            transferred.append(row)
        elif any(one.kind in OFFICERS_OWN for one in row.owed):
            unanswered.append(row)
        else:
            others.append(row)
    return parts


def _district(chart: CaseChart) -> tuple[str, str]:
    placement = chart.placement
    return (placement.ward_code, placement.district_id) if placement else ("", "")


def _by_deadline(row: OwedRow) -> tuple[bool, dt.datetime, str]:
    received = row.chart.consultation.received_at
    due = row.owed[0].due_at if row.owed else received
    return (not row.owed, due, row.chart.number)
