"""The technical adviser's desk (技術職OB): its questions, and what it changed."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from api.acting import can, readable
from api.dependencies import PicturesDep, ServicesDep
from api.pages import page
from api.wiring import Services
from dispatch.domain.access import Action, Where
from dispatch.domain.adviser import AdviserReport, AdviserRow

router = APIRouter(include_in_schema=False)
BYTE_ORDER_MARK = "\ufeff"  # Excel reads UTF-8 only with it
COLUMNS = (
    "年月",
    "区",
    "技術職OB",
    "相談",
    "分類し直し",
    "分類し直し%",
    "差し戻し",
    "差し戻し%",
    "現場に行かずに回答",
    "現場に行かずに回答%",
    "最初の対応まで(中央値・分)",
)
Month = Annotated[str, Query(max_length=7, pattern=r"^(\d{4}-\d{2})?$")]


@router.get("/adviser")
def questions(
    request: Request,
    services: ServicesDep,
    pictures: PicturesDep,
    ward: Annotated[str, Query(max_length=10)] = "",
) -> HTMLResponse:
    """Questions about infrastructure of the wards whose desk is open today."""
    advisers = services.desk.advisers
    found = readable(request, advisers.questions(ward or None))
    today = services.clock.now().astimezone(services.profile.timezone).date()
    names = {one.code: one.name for one in services.profile.wards}
    values = {
        "tab": "adviser",
        "charts": found,
        "desks": [one for one in advisers.rules.desks if one.is_open_on(today)],
        "ward": ward,
        "ward_names": names,
        "pictures": pictures,
    }
    return page(request, "adviser.html", values)


@router.get("/adviser/report")
def report(
    request: Request, services: ServicesDep, since: Month = "", until: Month = ""
) -> HTMLResponse:
    """Compare wards and days with the desk and without."""
    first, last = _months(services, since, until)
    made = services.desk.advisers.report(first, last, _wards(request, services))
    values = {
        "tab": "adviser",
        "report": made,
        "since": f"{first:%Y-%m}",
        "until": f"{last:%Y-%m}",
        "ward_names": {one.code: one.name for one in services.profile.wards},
    }
    return page(request, "adviser_report.html", values)


@router.get("/adviser/report.csv")
def report_csv(
    request: Request, services: ServicesDep, since: Month = "", until: Month = ""
) -> Response:
    """Give the same rows for a spreadsheet."""
    first, last = _months(services, since, until)
    made = services.desk.advisers.report(first, last, _wards(request, services))
    text = _csv(services, made)
    name = f"technical-advisers-{first:%Y-%m}-{last:%Y-%m}.csv"
    return Response(
        BYTE_ORDER_MARK + text,
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _wards(request: Request, services: Services) -> frozenset[str]:
    """Wards whose numbers who asks may read."""
    return frozenset(
        ward.code
        for ward in services.profile.wards
        if can(request, Action.READ_STATISTICS, Where(ward_code=ward.code))
    )


def _months(services: Services, since: str, until: str) -> tuple[dt.date, dt.date]:
    """First days of the months asked for; this month when none is."""
    today = services.clock.now().astimezone(services.profile.timezone).date()
    last = _first_day(until) or today.replace(day=1)
    return _first_day(since) or last, last


def _first_day(month: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(f"{month}-01")
    except ValueError:
        return None


def _csv(services: Services, made: AdviserReport) -> str:
    names = {one.code: one.name for one in services.profile.wards}
    written = io.StringIO()
    out = csv.writer(written)
    out.writerow(COLUMNS)
    for row in (*made.rows, *made.sums):
        out.writerow(_cells(row, names.get(row.ward_code, "合計")))
    return written.getvalue()


def _cells(row: AdviserRow, ward: str) -> tuple[object, ...]:
    counts = (row.reclassed, row.returned, row.answered_at_ward)
    waited = row.first_response_min
    return (
        row.month or "合計",
        ward,
        "あり" if row.with_desk else "なし",
        row.num_charts,
        *(cell for count in counts for cell in (count, row.share(count))),
        "" if waited is None else waited,
    )
