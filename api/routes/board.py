"""Today's board: what needs a person now, then counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.dependencies import PicturesDep, ServicesDep
from api.pages import page
from api.pictures import is_overdue
from dispatch.domain.case_chart import NOT_DONE, CaseChart, ChartStatus
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.place import WorksOffice

router = APIRouter(include_in_schema=False)
OPEN_FIELD = (ChartStatus.ASSIGNED, ChartStatus.PLANNED)
SHOWN_URGENT = 10
SHOWN_ROWS = 50


@router.get("/")
def board(
    request: Request, services: ServicesDep, pictures: PicturesDep
) -> HTMLResponse:
    """Today's board: what needs a person now, then counts."""
    now = services.clock.now()
    charts = services.store.find(statuses=NOT_DONE)
    in_force = services.store.in_force(now.date())
    open_field = [c for c in charts if c.status in OPEN_FIELD and c.duty is Duty.FIELD]
    urgent = sorted(
        (c for c in open_field if c.urgency is Urgency.S or is_overdue(c, now)),
        key=lambda c: (c.urgency.rank, c.due_at or c.consultation.received_at),
    )
    left_out = list(in_force.plan.unassigned) if in_force else []
    by_id = services.store.get_many(item.visit_id for item in left_out)
    left_out_ids = set(by_id)
    unplaced = [c for c in charts if c.status is ChartStatus.UNPLACED]
    where = {}
    if in_force is not None:
        teams = {team.id: team.name for team in services.profile.teams}
        where = {
            stop.visit_id: (teams.get(route.team_id, ""), order, stop)
            for route, order, stop in in_force.plan.stops()
        }
    return page(
        request,
        "board.html",
        {
            "tab": "board",
            "pictures": pictures,
            "urgent": urgent[:SHOWN_URGENT],
            "num_urgent": len(urgent),
            "unplaced": unplaced[:SHOWN_ROWS],
            "num_unplaced": len(unplaced),
            "left_out": [
                (by_id[item.visit_id], item)
                for item in left_out
                if item.visit_id in by_id
            ][:SHOWN_ROWS],
            "num_left_out": len(left_out),
            "where": where,
            "in_force": in_force,
            "counts": _counts(charts, services.profile.offices),
            "num_since_plan": sum(
                chart.status is ChartStatus.ASSIGNED and chart.duty is Duty.FIELD
                for chart in charts
                if chart.id not in left_out_ids
            ),
        },
    )


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


def _counts(charts: Sequence[CaseChart], offices: Sequence[WorksOffice]) -> Counts:
    rows = []
    for office in offices:
        own = [
            chart
            for chart in charts
            if chart.assignment is not None and chart.assignment.office_id == office.id
        ]
        rows.append(
            OfficeCount(
                id=office.id,
                name=office.name,
                by_urgency=Counter(str(chart.urgency) for chart in own),
                by_status=Counter(str(chart.status) for chart in own),
            )
        )
    return Counts(
        by_status=Counter(str(chart.status) for chart in charts),
        by_duty=Counter(str(chart.duty) for chart in charts),
        offices=tuple(rows),
    )
