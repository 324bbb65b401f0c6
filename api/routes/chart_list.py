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
from api.pictures import Pictures
from api.reach import list_scope
from api.wording import STATUS_TEXT, URGENCY_TEXT, moment_text
from dispatch.domain.case_chart import NOT_DONE, CaseChart, ChartStatus
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.chart_query import ChartOrder, ChartQuery, Reach

router = APIRouter(include_in_schema=False)
SHOWN_LIST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a list of charts shows; every value stands in the link that repeats it."""

    status: str = ""
    office: str = ""
    ward: str = ""
    district: str = ""
    urgency: str = ""
    duty: str = ""
    overdue: bool = False
    sort: str = "due"

    def query(self, now: dt.datetime, reach: Reach) -> ChartQuery:
        """Question to the store; done work only when it is asked for."""
        statuses = tuple(s for s in ChartStatus if s == self.status)
        urgency = next((u for u in Urgency if u == self.urgency), None)
        duty = next((d for d in Duty if d == self.duty), None)
        # a link with a word that no chart has: nothing is like that
        if (self.urgency and urgency is None) or (self.duty and duty is None):
            return ChartQuery(statuses=())
        return ChartQuery(
            statuses=statuses if self.status else tuple(NOT_DONE),
            office_id=self.office,
            ward_code=self.ward,
            district_ids=(self.district,) if self.district else (),
            urgency=urgency,
            duty=duty,
            overdue_at=now if self.overdue else None,
            reach=reach,
        )

    @property
    def order(self) -> ChartOrder:
        """Order of the list; by deadline unless the link names another."""
        return next((o for o in ChartOrder if o == self.sort), ChartOrder.DUE)


@router.get("/charts")
def listing(request: Request, services: ServicesDep, pictures: PicturesDep) -> Response:
    """List charts with filter, sort and count."""
    chosen, scope = filter_of(request), list_scope(request)
    query = chosen.query(services.clock.now(), scope.reach)
    return page(
        request,
        "charts.html",
        {
            "tab": "charts",
            "pictures": pictures,
            "chosen": chosen,
            "scope": scope,
            "charts": services.lists.listed(
                query, order=chosen.order, limit=SHOWN_LIST
            ),
            "num_found": services.lists.count(query),
            "query": request.url.query,
        },
    )


@router.get("/charts.csv")
def listing_csv(
    request: Request, services: ServicesDep, pictures: PicturesDep
) -> Response:
    """Return the same list for Excel; nothing about a person is in it."""
    chosen, reach = filter_of(request), list_scope(request).reach
    query = chosen.query(services.clock.now(), reach)
    found = services.lists.listed(query, order=chosen.order)
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
        ward=query.get("ward", ""),
        district=query.get("district", ""),
        urgency=query.get("urgency", ""),
        duty=query.get("duty", ""),
        sort=query.get("sort", "due"),
        overdue=query.get("overdue") == "1",
    )


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
