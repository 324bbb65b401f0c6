"""Board, list of charts, phone desk, and one chart with its actions."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from api.dependencies import PicturesDep, ServicesDep
from api.pages import page
from api.pictures import Pictures, is_overdue
from api.wording import STATUS_TEXT, URGENCY_TEXT, moment_text
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.consultation import (
    MAX_NAME,
    Appointment,
    Channel,
    Consultation,
    Reporter,
    require_length,
)
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.outcome import Outcome
from dispatch.domain.place import LonLat
from dispatch.intake import Intake

router = APIRouter(include_in_schema=False)
SEE_OTHER = 303
OPEN_FIELD = (ChartStatus.ASSIGNED, ChartStatus.PLANNED)
SHOWN_URGENT = 10
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


@router.get("/")
def board(
    request: Request, services: ServicesDep, pictures: PicturesDep
) -> HTMLResponse:
    """Today's board: what needs a person now, then counts."""
    now = services.clock.now()
    charts = services.store.find()
    in_force = services.store.in_force(now.date())
    open_field = [c for c in charts if c.status in OPEN_FIELD and c.duty is Duty.FIELD]
    urgent = sorted(
        (c for c in open_field if c.urgency is Urgency.S or is_overdue(c, now)),
        key=lambda c: (c.urgency.rank, c.due_at or c.consultation.received_at),
    )
    by_id = {chart.id: chart for chart in charts}
    left_out = list(in_force.plan.unassigned) if in_force else []
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
            "unplaced": [c for c in charts if c.status is ChartStatus.UNPLACED],
            "left_out": [
                (by_id[item.visit_id], item)
                for item in left_out
                if item.visit_id in by_id
            ],
            "where": where,
            "in_force": in_force,
            "counts": _counts(charts, services.profile.offices),
            "num_since_plan": sum(
                chart.status is ChartStatus.ASSIGNED and chart.duty is Duty.FIELD
                for chart in charts
                if chart.id not in {item.visit_id for item in left_out}
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


def _counts(charts: Sequence[CaseChart], offices: Sequence[object]) -> Counts:
    rows = []
    for office in offices:
        office_id = getattr(office, "id", "")
        own = [
            chart
            for chart in charts
            if chart.assignment is not None and chart.assignment.office_id == office_id
        ]
        rows.append(
            OfficeCount(
                id=office_id,
                name=getattr(office, "name", ""),
                by_urgency=Counter(str(chart.urgency) for chart in own),
                by_status=Counter(str(chart.status) for chart in own),
            )
        )
    return Counts(
        by_status=Counter(str(chart.status) for chart in charts),
        by_duty=Counter(str(chart.duty) for chart in charts),
        offices=tuple(rows),
    )


FilterQuery = Annotated[str, Query(max_length=40)]


def _filter(
    status: FilterQuery = "",
    office: FilterQuery = "",
    urgency: FilterQuery = "",
    duty: FilterQuery = "",
    sort: FilterQuery = "due",
    *,
    overdue: bool = False,
) -> Filter:
    return Filter(
        status=status,
        office=office,
        urgency=urgency,
        duty=duty,
        sort=sort,
        overdue=overdue,
    )


@router.get("/charts")
def listing(request: Request, services: ServicesDep, pictures: PicturesDep) -> Response:
    """List charts with filter, sort and count."""
    chosen = filter_of(request)
    found = _found(services.store.find(), chosen, services.clock.now())
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
    found = _found(services.store.find(), chosen, services.clock.now())
    text = _as_csv(found, pictures, services.profile.timezone)
    return Response(
        text.encode("utf-8-sig"),  # Excel takes UTF-8 only with the mark
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="charts.csv"'},
    )


def filter_of(request: Request) -> Filter:
    """Filter that the address names."""
    query = request.query_params
    return _filter(
        status=query.get("status", ""),
        office=query.get("office", ""),
        urgency=query.get("urgency", ""),
        duty=query.get("duty", ""),
        sort=query.get("sort", "due"),
        overdue=query.get("overdue") == "1",
    )


def _found(
    charts: Sequence[CaseChart], chosen: Filter, now: dt.datetime
) -> list[CaseChart]:
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


@router.get("/charts/new")
def new(request: Request, services: ServicesDep) -> HTMLResponse:
    """Form for a consultation taken by phone or at the counter."""
    return _form(request, services, {}, None)


def _form(
    request: Request,
    services: ServicesDep,
    values: dict[str, str],
    problem: InvalidInputError | None,
) -> HTMLResponse:
    groups: dict[str, list[object]] = {}
    for category in services.profile.catalogue.categories:
        groups.setdefault(category.group, []).append(category)
    return page(
        request,
        "new.html",
        {"tab": "new", "groups": groups, "values": values, "problem": problem},
        status=200 if problem is None else 422,
    )


@router.post("/charts/new")
async def create(request: Request, services: ServicesDep) -> Response:
    """Take a consultation from the form; what was typed comes back with an error."""
    form = await request.form(max_files=0, max_fields=40)
    values = {name: str(text).strip() for name, text in form.items()}
    try:
        intake = _intake(values, services)
        who = values.get("who") or "電話受付"
        require_length("who", who, MAX_NAME)
        added = await run_in_threadpool(services.intake.receive, intake, who=who)
    except InvalidInputError as problem:
        return _form(request, services, values, problem)
    return RedirectResponse(f"/charts/{added.chart.id}", status_code=SEE_OTHER)


def _intake(values: dict[str, str], services: ServicesDep) -> Intake:
    now = services.clock.now()
    if not values.get("category"):
        raise InvalidInputError("category", "分類を選んでください")
    raised = values.get("urgency") or None
    tagged_on = values.get("tagged_on") or None
    try:
        urgency = Urgency(raised) if raised else None
        tagged = dt.date.fromisoformat(tagged_on) if tagged_on else None
        channel = Channel(values.get("channel") or "phone")
    except ValueError:
        problem = "選択肢か日付の形が正しくありません"
        raise InvalidInputError("form", problem) from None
    consultation = Consultation(
        received_at=now,
        channel=channel,
        category_code=values["category"],
        description=values.get("description", ""),
        address_text=values.get("address", ""),
        landmark_text=values.get("landmark", ""),
        raised_urgency=urgency,
        appointment=_appointment(values, services.profile.timezone),
        contact_wanted=values.get("contact_wanted") == "1",
        tagged_on=tagged,
        source="desk",
    )
    reporter = Reporter(
        name=values.get("reporter_name", ""),
        phone=values.get("reporter_phone", ""),
        address=values.get("reporter_address", ""),
    )
    return Intake(consultation=consultation, reporter=reporter)


def _appointment(values: dict[str, str], timezone: dt.tzinfo) -> Appointment | None:
    day, start, end = (
        values.get(name, "")
        for name in ("appointment_day", "appointment_start", "appointment_end")
    )
    if not (day or start or end):
        return None
    try:
        date = dt.date.fromisoformat(day)
        times = (dt.time.fromisoformat(start), dt.time.fromisoformat(end))
    except ValueError:
        problem = "約束は日付・始め・終わりをすべて入れてください"
        raise InvalidInputError("appointment", problem) from None
    moments = [dt.datetime.combine(date, time, timezone) for time in times]
    return Appointment(start_at=moments[0], end_at=moments[1])


@router.get("/charts/{chart_id}")
@router.get("/c/{chart_id}")
def show(
    request: Request, chart_id: str, services: ServicesDep, pictures: PicturesDep
) -> HTMLResponse:
    """One chart: facts, history, next actions. Nothing about the reporter."""
    chart = services.store.get(chart_id)
    reporter = services.store.reporter(chart_id)
    in_force = services.store.in_force(services.clock.now().date())
    stop = None
    if in_force is not None:
        stop = next(
            (
                (route.team_id, order, stop)
                for route, order, stop in in_force.plan.stops()
                if stop.visit_id == chart_id
            ),
            None,
        )
    category = services.profile.catalogue.get(chart.consultation.category_code)
    return page(
        request,
        "chart.html",
        {
            "tab": "charts",
            "chart": chart,
            "category": category,
            "pictures": pictures,
            "history": services.store.history(chart_id),
            "has_reporter": not reporter.is_empty,
            "has_phone": bool(reporter.phone),
            "stop": stop,
            "in_force": in_force,
            "teams": {team.id: team for team in services.profile.teams},
            "reason": in_force.reasons.get(chart_id) if in_force else None,
        },
    )


@router.post("/charts/{chart_id}/place")
def place(
    chart_id: str,
    services: ServicesDep,
    version: Annotated[int, Form()],
    lon: Annotated[str, Form(max_length=40)],
    lat: Annotated[str, Form(max_length=40)],
    who: Annotated[str, Form(max_length=60)],
) -> Response:
    """Place an unplaced chart where the dispatcher pointed."""
    try:
        point = LonLat(float(lon), float(lat))
    except ValueError:
        problem = "地図で場所を選んでください"
        raise InvalidInputError("place", problem) from None
    services.intake.place_by_hand(chart_id, version, point, who=who)
    return RedirectResponse(f"/charts/{chart_id}", status_code=SEE_OTHER)


@router.post("/charts/{chart_id}/override")
def override(
    chart_id: str,
    services: ServicesDep,
    version: Annotated[int, Form()],
    target: Annotated[str, Form(max_length=80, description="office or office/team")],
    who: Annotated[str, Form(max_length=60)],
    why: Annotated[str, Form(max_length=300)],
) -> Response:
    """Assign by the dispatcher's word."""
    office_id, _, team_id = target.partition("/")
    services.intake.override(
        chart_id,
        version,
        office_id=office_id,
        team_id=team_id or None,
        who=who,
        why=why,
    )
    return RedirectResponse(f"/charts/{chart_id}", status_code=SEE_OTHER)


@router.post("/charts/{chart_id}/outcome")
def outcome(
    chart_id: str,
    services: ServicesDep,
    version: Annotated[int, Form()],
    outcome: Annotated[Outcome, Form()],
    who: Annotated[str, Form(max_length=60)],
    note: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    """Write down what the team did."""
    services.planning.record_outcome(
        chart_id, version, outcome, who=who, note=note.strip()
    )
    return RedirectResponse(f"/charts/{chart_id}", status_code=SEE_OTHER)
