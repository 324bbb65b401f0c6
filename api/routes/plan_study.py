"""Pages about stored plans: why, proposals, edits by hand, what-if, support."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse

from api.acting import acting
from api.closed_roads import MAX_BOX_M
from api.closure_view import STATE_TEXT, ClosureView
from api.dependencies import JobsDep, PicturesDep, ServicesDep, WhoDep
from api.hand_form import EditForm
from api.pages import day_of, page, required_day
from api.pictures import Pictures, visit_ids
from api.plan_view import (
    MODE_HINT,
    MODE_TEXT,
    BeforeAfter,
    blocks,
    broken_rules,
    change_facts,
    choice_text,
    extra_rows,
    figure_rows,
    level_rows,
    names_of,
    offers,
    plan_url,
    team_lines,
)
from api.road_pictures import road_attribution
from api.supposed_roads import closures_to_suppose, why_no_road
from api.what_if_form import DRAWN, Supposed, WhatIfForm
from api.wiring import Services
from api.wording import CLOSURE_REASON_TEXT
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.emergency import EmergencyChoice
from dispatch.domain.errors import ConflictError, NotFoundError
from dispatch.domain.plan import Plan
from dispatch.domain.relaxation import RelaxationKind
from dispatch.domain.relaxation_words import Names
from dispatch.plan_study import Proposed
from dispatch.ports import StoredPlan
from dispatch.replanning import Mode
from maps.plan_map import plan_map

router = APIRouter(include_in_schema=False)
SEE_OTHER = 303
ASSETS_URL = "/assets"
SHOWN_CHOICES = 3


def _seen(url: str) -> RedirectResponse:
    return RedirectResponse(url, status_code=SEE_OTHER)


def _charts(pictures: Pictures, *plans: Plan) -> dict[str, CaseChart]:
    ids = {one for plan in plans for one in visit_ids(plan)}
    return pictures.services.store.get_many(ids)


# -- why -------------------------------------------------------------------------------


@router.get("/plan/{plan_id}/visits/{visit_id}")
def why(
    request: Request,
    plan_id: str,
    visit_id: str,
    services: ServicesDep,
    pictures: PicturesDep,
) -> HTMLResponse:
    """Why this team, or what would let a left-out visit in."""
    stored = services.store.get_plan(plan_id)
    charts = _charts(pictures, stored.plan)
    if visit_id not in charts:
        raise NotFoundError("visit", visit_id)
    found = services.study.why(plan_id, visit_id)
    names = names_of(pictures, charts.values())
    left = found.not_today
    return page(
        request,
        "plan_why.html",
        {
            "tab": "plan",
            "stored": stored,
            "chart": charts[visit_id],
            "why": found,
            "stops": [
                (names.get(route.team_id, route.team_id), order, stop)
                for route, order, stop in stored.plan.stops()
                if stop.visit_id == visit_id
            ],
            "sentences": [
                item.sentence
                for item in stored.plan.unassigned
                if item.visit_id == visit_id
            ],
            "teams": team_lines(found.team, names) if found.team else (),
            "blocks": blocks(left, names) if left else (),
            "offers": offers(left, names) if left else (),
            "pictures": pictures,
        },
    )


@router.post("/plan/{plan_id}/visits/{visit_id}/relax")
def relax(
    plan_id: str,
    visit_id: str,
    services: ServicesDep,
    pictures: PicturesDep,
    kind: Annotated[RelaxationKind, Form()],
    who: WhoDep,
) -> Response:
    """Make a draft with an offer granted, and show it."""
    stored = services.store.get_plan(plan_id)
    names = names_of(pictures, _charts(pictures, stored.plan).values())
    draft = services.study.relax(plan_id, visit_id, kind, who=who, names=names)
    return _seen(plan_url(draft))


@router.get("/plan/{plan_id}/bound")
def bound(plan_id: str, services: ServicesDep) -> PlainTextResponse:
    """Say in a sentence how far from proven best a plan can be."""
    return PlainTextResponse(services.study.bound(plan_id).sentence())


@router.post("/plan/{plan_id}/later")
def later(plan_id: str, services: ServicesDep, jobs: JobsDep) -> Response:
    """Look for the best later day of each left-out visit."""
    url = plan_url(stored := services.store.get_plan(plan_id))
    params = services.search_params()
    jobs.begin(
        stored.plan.date,
        lambda told: services.study.later_days(plan_id, params, told),
        page=url,
    )
    return _seen(url)


# -- proposals -------------------------------------------------------------------------


@router.get("/plan/proposals")
def proposals(
    request: Request, services: ServicesDep, pictures: PicturesDep, jobs: JobsDep
) -> HTMLResponse:
    """Show what could be changed during the day: before and after, and accept."""
    day = day_of(request, request.query_params.get("date"))
    found = jobs.result(_proposals_url(day.isoformat()))
    rows, names, emergencies = [], {}, []
    if isinstance(found, Proposed):
        plans = [one.plan for one in found.proposals]
        charts = _charts(pictures, found.in_force.plan, *plans)
        names = names_of(pictures, charts.values())
        rows = [
            (one, change_facts(one.changes, names), level_rows(one.changes))
            for one in found.proposals
        ]
        emergencies = [
            (names.get(visit_id, visit_id), _choices(choices, names))
            for visit_id, choices in found.emergencies
        ]
    return page(
        request,
        "plan_proposals.html",
        {
            "tab": "plan",
            "day": day,
            "in_force": services.store.in_force(day),
            "found": found,
            "rows": rows,
            "emergencies": emergencies,
            "modes": MODE_TEXT,
            "hints": MODE_HINT,
            "job": jobs.current(),
            "pictures": pictures,
        },
    )


@router.post("/plan/proposals")
def propose(
    services: ServicesDep, jobs: JobsDep, date: Annotated[str, Form(max_length=10)]
) -> Response:
    """Start making proposals; what needs no search is shown first."""
    day = required_day(date)
    if services.store.in_force(day) is None:
        raise ConflictError("確定した計画がまだありません。計画を作ってください")
    url = _proposals_url(day.isoformat())
    params = services.search_params()
    jobs.begin(
        day,
        lambda told: services.study.proposals(
            day, params, told, lambda found: jobs.show(url, found)
        ),
        page=url,
    )
    return _seen(url)


@router.post("/plan/proposals/accept")
def accept(
    services: ServicesDep,
    jobs: JobsDep,
    date: Annotated[str, Form(max_length=10)],
    mode: Annotated[Mode, Form()],
    who: WhoDep,
) -> Response:
    """Make a draft of the proposal that a person chose."""
    found = jobs.result(_proposals_url(required_day(date).isoformat()))
    if not isinstance(found, Proposed):
        raise ConflictError("案はもう残っていません。もう一度作ってください")
    return _seen(plan_url(services.study.accept(found, mode, who=who)))


def _choices(choices: Sequence[EmergencyChoice], names: Names) -> list[tuple[str, str]]:
    """Tell the best few choices of an emergency: the team, and what it costs."""
    return [
        (names.get(one.team_id, one.team_id), choice_text(one, names))
        for one in choices[:SHOWN_CHOICES]
    ]


def _proposals_url(day: str) -> str:
    return f"/plan/proposals?date={day}"


# -- edits by hand ---------------------------------------------------------------------


@router.get("/plan/{plan_id}/edit")
def edit_page(
    request: Request, plan_id: str, services: ServicesDep, pictures: PicturesDep
) -> HTMLResponse:
    """Edit one office's routes: what is broken and what it costs stands on top."""
    stored = services.store.get_plan(plan_id)
    since = services.store.get_plan(request.query_params.get("since") or plan_id)
    opened = services.study.opened(plan_id)
    charts = _charts(pictures, stored.plan)
    names = names_of(pictures, charts.values())
    changes = services.study.changes(since.id, plan_id)
    offices = services.profile.offices
    office_id = request.query_params.get("office") or offices[0].id
    office = services.profile.office(office_id)
    return page(
        request,
        "plan_edit.html",
        {
            "tab": "plan",
            "stored": stored,
            "since": since,
            "office": office,
            "offices": offices,
            "routes": {route.team_id: route for route in stored.plan.routes},
            "days": {day.team.id: day for day in opened.problem.team_days},
            "visits": opened.problem.visits_by_id,
            "broken": broken_rules(opened.violations, names),
            "facts_told": change_facts(changes, names),
            "levels": level_rows(changes),
            "charts": charts,
            "names": names,
            "left_out": [
                item
                for item in stored.plan.unassigned
                if item.visit_id in charts
                and item.visit_id in opened.problem.visits_by_id
                and opened.problem.visits_by_id[item.visit_id].office_id == office_id
            ],
            "pictures": pictures,
        },
    )


@router.post("/plan/{plan_id}/edit")
def edit(
    request: Request,
    plan_id: str,
    services: ServicesDep,
    form: Annotated[EditForm, Form()],
) -> Response:
    """Make a draft with one edit, also one that breaks rules."""
    bound_id = None
    if form.action == "unlock":  # the chart's own team stays, if it has one
        assignment = services.store.get(form.visit_id).assignment
        if assignment is not None and assignment.by == "dispatcher":
            bound_id = assignment.team_id
    who = acting(request, form.who)
    draft = services.study.edit(plan_id, form.to_domain(bound_id), who=who)
    since = form.since or plan_id
    return _seen(f"/plan/{draft.id}/edit?office={form.office}&since={since}")


# -- what if, support ------------------------------------------------------------------


@router.get("/plan/{plan_id}/what-if")
def what_if_page(
    request: Request,
    plan_id: str,
    services: ServicesDep,
    pictures: PicturesDep,
    jobs: JobsDep,
) -> HTMLResponse:
    """Show the supposed day beside the real one."""
    stored = services.store.get_plan(plan_id)
    found = jobs.result(_what_if_url(plan_id))
    rows: tuple[BeforeAfter, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    offices = services.profile.offices
    if isinstance(found, Supposed):
        charts = _charts(pictures, stored.plan, found.answer.plan)
        names = names_of(pictures, charts.values()) | found.extra_names
        rows = figure_rows(found.answer.before, found.answer.after, names)
        rows += extra_rows(found.answer.plan, found.extra_names)
        facts = change_facts(found.answer.changes, names)
    return page(
        request,
        "what_if.html",
        {
            "tab": "plan",
            "stored": stored,
            "found": found,
            "rows": rows,
            "facts_told": facts,
            "offices": offices,
            "office": services.profile.office(
                request.query_params.get("office") or offices[0].id
            ),
            "teams": [
                team
                for team in services.profile.teams
                if team.id in {route.team_id for route in stored.plan.routes}
            ],
            **_road_choices(services, pictures, stored),
            "job": jobs.current(),
            "pictures": pictures,
        },
    )


def _road_choices(
    services: Services, pictures: Pictures, stored: StoredPlan
) -> dict[str, object]:
    """Closures that the page offers, or why it offers none."""
    reason = why_no_road(services, stored)
    view = ClosureView(
        dates=pictures, profile=services.profile, now=services.clock.now()
    )
    known = [] if reason else closures_to_suppose(services, stored)
    return {
        "no_road": reason,
        "closures": [view.row(one) for one in known],
        "states": STATE_TEXT,
        "reasons": CLOSURE_REASON_TEXT,
        "drawn": DRAWN,
        "max_box_m": MAX_BOX_M,
        "road_attribution": road_attribution(services),
    }


@router.post("/plan/{plan_id}/what-if")
def suppose(
    plan_id: str,
    services: ServicesDep,
    jobs: JobsDep,
    form: Annotated[WhatIfForm, Form()],
) -> Response:
    """Start planning a copy of the day under other conditions."""
    stored = services.store.get_plan(plan_id)
    asked = form.conditions(services, stored)
    url, params = _what_if_url(plan_id), services.search_params()
    jobs.begin(
        stored.plan.date,
        lambda told: Supposed(
            conditions=asked.words,
            answer=services.study.what_if(plan_id, asked.suppositions, params, told),
            scene=asked.scene,
            note=asked.note,
        ),
        page=url,
    )
    return _seen(url)


@router.get("/maps/what-if/{plan_id}/{office_id}")
def what_if_map(
    plan_id: str,
    office_id: str,
    services: ServicesDep,
    pictures: PicturesDep,
    jobs: JobsDep,
) -> HTMLResponse:
    """Draw one office's routes of the supposed day."""
    stored, found = services.store.get_plan(plan_id), jobs.result(_what_if_url(plan_id))
    if not isinstance(found, Supposed):
        raise NotFoundError("supposed day", plan_id)
    supposed = replace(stored, plan=found.answer.plan, reasons={})
    charts = _charts(pictures, supposed.plan)
    data = pictures.plan_map(supposed, office_id, charts, scene=found.scene)
    base = services.settings.base_map
    return HTMLResponse(
        plan_map(
            replace(data, version_text="仮の条件"), base=base, assets_url=ASSETS_URL
        )
    )


def _what_if_url(plan_id: str) -> str:
    return f"/plan/{plan_id}/what-if"


@router.get("/plan/{plan_id}/support")
def support_page(
    request: Request,
    plan_id: str,
    services: ServicesDep,
    pictures: PicturesDep,
    jobs: JobsDep,
) -> HTMLResponse:
    """Show which office could lend a team to which, with numbers."""
    stored = services.store.get_plan(plan_id)
    found = jobs.result(_support_url(plan_id))
    names = names_of(pictures, _charts(pictures, stored.plan).values())
    rows = (
        [(one, change_facts(one.changes, names)) for one in found]
        if isinstance(found, tuple)
        else None
    )
    return page(
        request,
        "support.html",
        {
            "tab": "plan",
            "stored": stored,
            "rows": rows,
            "names": names,
            "job": jobs.current(),
            "pictures": pictures,
        },
    )


@router.post("/plan/{plan_id}/support")
def seek_support(plan_id: str, services: ServicesDep, jobs: JobsDep) -> Response:
    """Start looking for support between offices."""
    stored, params = services.store.get_plan(plan_id), services.search_params()
    url = _support_url(plan_id)
    jobs.begin(
        stored.plan.date,
        lambda told: services.study.support(plan_id, params, told),
        page=url,
    )
    return _seen(url)


def _support_url(plan_id: str) -> str:
    return f"/plan/{plan_id}/support"
