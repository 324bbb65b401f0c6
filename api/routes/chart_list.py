"""The list of charts: filter, sort, count, and the same for Excel."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from api.dependencies import PicturesDep, ServicesDep
from api.pages import page
from api.pictures import Pictures, is_overdue
from api.wiring import Services
from api.wording import STATUS_TEXT, URGENCY_TEXT, moment_text
from dispatch.domain.case_chart import NOT_DONE, CaseChart, ChartStatus

router = APIRouter(include_in_schema=False)
SHOWN_LIST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a list of charts shows; every value stands in the link that repeats it."""

    status: str = ""
    office: str = ""
    urgency: str = ""
    duty: str = ""
    overdue: bool = False
    sort: str = "due"

    def keeps(self, chart: CaseChart, now: dt.datetime) -> bool:
        """Whether a chart belongs in the list."""
        office_id = chart.assignment.office_id if chart.assignment else ""
        return (
            self.status in ("", chart.status)
            and self.office in ("", office_id)
            and self.urgency in ("", chart.urgency)
            and self.duty in ("", chart.duty)
            and (not self.overdue or is_overdue(chart, now))
        )

    def key(self, chart: CaseChart) -> tuple[object, ...]:
        """Sort key of the list."""
        received = chart.consultation.received_at
        if self.sort == "received":
            return (received, chart.number)
        if self.sort == "urgency":
            return (chart.urgency.rank, chart.due_at or received, chart.number)
        return (chart.due_at is None, chart.due_at or received, chart.number)


@router.get("/charts")
def listing(request: Request, services: ServicesDep, pictures: PicturesDep) -> Response:
    """List charts with filter, sort and count."""
    chosen = filter_of(request)
    found = _found(services, chosen)
    return page(
        request,
        "charts.html",
        {
            "tab": "charts",
            "pictures": pictures,
            "chosen": chosen,
            "charts": found[:SHOWN_LIST],
            "num_found": len(found),
            "query": request.url.query,
        },
    )


@router.get("/charts.csv")
def listing_csv(
    request: Request, services: ServicesDep, pictures: PicturesDep
) -> Response:
    """Return the same list for Excel; nothing about a person is in it."""
    chosen = filter_of(request)
    found = _found(services, chosen)
    text = _as_csv(found, pictures, services.profile.timezone)
    return Response(
        text.encode("utf-8-sig"),  # Excel takes UTF-8 only with the mark
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="charts.csv"'},
    )


def filter_of(request: Request) -> Filter:
    """Filter that the address names."""
    query = request.query_params
    return Filter(
        status=query.get("status", ""),
        office=query.get("office", ""),
        urgency=query.get("urgency", ""),
        duty=query.get("duty", ""),
        sort=query.get("sort", "due"),
        overdue=query.get("overdue") == "1",
    )


def _found(services: Services, chosen: Filter) -> list[CaseChart]:
    """Charts of a filter; done work only when it is asked for."""
    known = {str(status): status for status in ChartStatus}
    statuses: Sequence[ChartStatus] = NOT_DONE
    if chosen.status:
        statuses = [known[chosen.status]] if chosen.status in known else []
    now = services.clock.now()
    charts = services.store.find(statuses=statuses)
    return sorted((c for c in charts if chosen.keeps(c, now)), key=chosen.key)


def _as_csv(
    charts: Sequence[CaseChart], pictures: Pictures, timezone: dt.tzinfo
) -> str:
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(
        ("番号", "緊急度", "状態", "分類", "場所", "校区", "担当", "受付", "期限")
    )
    for chart in charts:
        writer.writerow(
            (
                chart.number,
                f"{chart.urgency} {URGENCY_TEXT[chart.urgency]}",
                STATUS_TEXT[chart.status],
                pictures.category_name(chart),
                pictures.place_text(chart),
                pictures.district_text(chart),
                pictures.office_name(chart),
                moment_text(chart.consultation.received_at, timezone),
                moment_text(chart.due_at, timezone),
            )
        )
    return target.getvalue()
