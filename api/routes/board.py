"""Today's board: what needs a person now, then counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.acting import can, readable
from api.dependencies import PicturesDep, ServicesDep
from api.pages import page
from api.reach import ListScope, list_scope
from api.wiring import Services
from dispatch.domain.access import Action
from dispatch.domain.case_chart import NOT_DONE, CaseChart, ChartStatus
from dispatch.domain.catalogue import Duty
from dispatch.domain.chart_query import ChartOrder, ChartQuery, Tally
from dispatch.domain.notice import NoticeQuery
from dispatch.domain.place import WorksOffice
from dispatch.domain.plan import Unassigned
from dispatch.domain.transfer import TransferState
from dispatch.domain.transfer_query import TransferQuery
from dispatch.ports import StoredPlan

router = APIRouter(include_in_schema=False)
# Field work that an office has and no team is at yet.
OPEN_FIELD = (
    ChartStatus.ASSIGNED,
    ChartStatus.ACCEPTED,
    ChartStatus.INSPECTION,
    ChartStatus.PLANNED,
    ChartStatus.AWAITING_REPAIR,
)
SHOWN_URGENT = 10
SHOWN_ROWS = 50


@router.get("/")
def board(
    request: Request, services: ServicesDep, pictures: PicturesDep
) -> HTMLResponse:
    """Today's board: what needs a person now, then counts."""
    now, lists, scope = services.clock.now(), services.lists, list_scope(request)
    every = ChartQuery(statuses=NOT_DONE, reach=scope.reach)
    urgent = replace(
        every, statuses=OPEN_FIELD, duty=Duty.FIELD, urgent_or_overdue_at=now
    )
    unplaced = replace(every, statuses=(ChartStatus.UNPLACED,))
    waiting = replace(every, statuses=(ChartStatus.ASSIGNED,), duty=Duty.FIELD)
    in_force = services.store.in_force(now.date())
    left_out = list(in_force.plan.unassigned) if in_force else []
    left_ids = [item.visit_id for item in left_out]
    return page(
        request,
        "board.html",
        {
            "tab": "board",
            "pictures": pictures,
            "scope": scope,
            "urgent": lists.listed(
                urgent, order=ChartOrder.URGENCY, limit=SHOWN_URGENT
            ),
            "num_urgent": lists.count(urgent),
            "unplaced": lists.listed(
                unplaced, order=ChartOrder.RECEIVED, limit=SHOWN_ROWS
            ),
            "num_unplaced": lists.count(unplaced),
            "left_out": _shown(request, services, left_out, scope=scope),
            "num_left_out": lists.count_of(replace(every, statuses=None), left_ids),
            "where": _where(services, in_force),
            "in_force": in_force,
            "counts": _counts(lists.tallied(every), services.profile.offices),
            "num_notices": _num_notices(request, services, scope),
            "num_returned": services.hand_over.queues.count(
                TransferQuery(state=TransferState.RETURNED, reach=scope.reach)
            ),
            "num_since_plan": lists.count(waiting) - lists.count_of(waiting, left_ids),
        },
    )


def _num_notices(request: Request, services: Services, scope: ListScope) -> int:
    """How many notices wait unread for who asks; none for whoever reads none."""
    if not can(request, Action.READ_NOTICES):
        return 0
    query = NoticeQuery(reach=scope.reach)
    return services.hand_over.notices.notices.count(query)


def _shown(
    request: Request,
    services: Services,
    left_out: Sequence[Unassigned],
    *,
    scope: ListScope,
) -> list[tuple[CaseChart, Unassigned]]:
    """First visits that a plan left out and that who asks may read."""
    if scope.reach.is_unlimited:
        left_out = left_out[:SHOWN_ROWS]
    found = services.store.get_many(item.visit_id for item in left_out).values()
    by_id = {c.id: c for c in readable(request, found, own_only=scope.is_own)}
    shown = [(by_id[one.visit_id], one) for one in left_out if one.visit_id in by_id]
    return shown[:SHOWN_ROWS]


def _where(services: Services, in_force: StoredPlan | None) -> dict[str, object]:
    """Team, order and stop of each visit of the plan in force, by chart."""
    if in_force is None:
        return {}
    teams = {team.id: team.name for team in services.profile.teams}
    return {
        stop.visit_id: (teams.get(route.team_id, ""), order, stop)
        for route, order, stop in in_force.plan.stops()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeCount:
    """Open charts of one office."""

    id: str
    name: str
    by_urgency: Counter[str]
    by_status: Counter[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Counts for the board."""

    by_status: Counter[str]
    by_duty: Counter[str]
    offices: tuple[OfficeCount, ...]


def _counts(tallies: Iterable[Tally], offices: Iterable[WorksOffice]) -> Counts:
    by_status: Counter[str] = Counter()
    by_duty: Counter[str] = Counter()
    rows = {
        office.id: OfficeCount(
            id=office.id, name=office.name, by_urgency=Counter(), by_status=Counter()
        )
        for office in offices
    }
    for one in tallies:
        by_status[str(one.status)] += one.count
        by_duty[str(one.duty)] += one.count
        if one.office_id in rows:
            rows[one.office_id].by_urgency[str(one.urgency)] += one.count
            rows[one.office_id].by_status[str(one.status)] += one.count
    return Counts(by_status=by_status, by_duty=by_duty, offices=tuple(rows.values()))
