"""The planning desk's pages: make, watch, publish; one office's plan."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse

from api.acting import actor_of
from api.dependencies import JobsDep, PicturesDep, ServicesDep, WhoDep
from api.jobs import JobState, PlanJob, PlanJobs
from api.pages import day_of, page, required_day
from api.pictures import visit_ids
from api.plan_view import plan_url
from api.road_pictures import closures_of
from dispatch.domain.errors import ConflictError
from dispatch.domain.reporter import PersonalField
from dispatch.ports import PlanStatus

router = APIRouter(include_in_schema=False)
SEE_OTHER = 303
LOOK_AGAIN_S = 0.25
LOOKS = 60  # a stream of 15 seconds; the browser then opens another
TAKING_S = 10.0  # recombining ends at once; telling and checking a plan takes longer


@router.get("/plan")
def overview(
    request: Request, services: ServicesDep, pictures: PicturesDep, jobs: JobsDep
) -> HTMLResponse:
    """Show a day's plans: the one in force, drafts, and how to make one."""
    day = day_of(request, request.query_params.get("date"))
    plans = services.store.plans_on(day)
    chosen_id = request.query_params.get("plan")
    shown = next((plan for plan in plans if plan.id == chosen_id), None)
    if shown is None:
        drafts = [
            plan
            for plan in plans
            if plan.status is PlanStatus.DRAFT and not plan.num_violations
        ]
        in_force = [plan for plan in plans if plan.status is PlanStatus.PUBLISHED]
        newest = [*drafts, *in_force]
        shown = max(newest, key=lambda plan: plan.version, default=None)
    charts = services.store.get_many(visit_ids(shown.plan)) if shown else {}
    closures, since = closures_of(services, day, shown)
    routes = {route.team_id: route for route in shown.plan.routes} if shown else {}
    return page(
        request,
        "plan.html",
        {
            "tab": "plan",
            "day": day,
            "plans": plans,
            "shown": shown,
            "routes": routes,
            "charts": charts,
            "pictures": pictures,
            "job": jobs.current(),
            "later": jobs.result(plan_url(shown)) if shown else None,
            "closures": closures,
            "closures_since": since,
        },
    )


@router.get("/plan/today")
def today(request: Request, services: ServicesDep) -> Response:
    """Go to today's routes of the own works office; the overview without one."""
    own = sorted(actor_of(request).office_ids)
    if not own:
        return RedirectResponse("/plan", status_code=SEE_OTHER)
    in_force = services.store.in_force(services.clock.now().date())
    if in_force is None:
        raise ConflictError("今日の計画はまだ確定していません")
    return RedirectResponse(f"/plan/{in_force.id}/{own[0]}", status_code=SEE_OTHER)


@router.post("/plan/make")
def make(
    jobs: JobsDep,
    date: Annotated[str, Form(max_length=10)],
    who: WhoDep,
) -> Response:
    """Start making a draft; the page then shows its progress."""
    day = required_day(date)
    jobs.start(day, who=who)
    return RedirectResponse(f"/plan?date={day.isoformat()}", status_code=SEE_OTHER)


@router.get("/plan/progress")
def progress(jobs: JobsDep) -> dict[str, object]:
    """Return the running or last job, for the progress bar."""
    return _told(jobs.current())


@router.get("/plan/progress/stream")
async def progress_stream(jobs: JobsDep) -> StreamingResponse:
    """Send the job whenever it changes, as server events, until it has ended."""
    return StreamingResponse(_changes(jobs), media_type="text/event-stream")


async def _changes(jobs: PlanJobs) -> AsyncIterator[str]:
    """Events of the running job; the stream is short, so that the server can stop."""
    yield "retry: 500\n\n"
    before: PlanJob | None = None
    for look in range(LOOKS):
        job = jobs.current()
        if look == 0 or job != before:
            before = job
            yield f"data: {json.dumps(_told(job), ensure_ascii=False)}\n\n"
        if job is None or job.state is not JobState.RUNNING:
            return
        await asyncio.sleep(LOOK_AGAIN_S)


def _page_of(request: Request, job: PlanJob | None) -> str:
    """Page that shows a job's result; today's plans when there is none."""
    if job is not None and job.page:
        return job.page
    day = job.date if job is not None else day_of(request, None)
    return f"/plan?date={day.isoformat()}"


def _told(job: PlanJob | None) -> dict[str, object]:
    if job is None:
        return {"state": "none"}
    return {**asdict(job), "date": job.date.isoformat()}


@router.post("/plan/take-best")
def take_best(request: Request, jobs: JobsDep) -> Response:
    """End the running search with the best plan that it has found so far."""
    jobs.take_best()
    job = jobs.wait(TAKING_S)
    return RedirectResponse(_page_of(request, job), status_code=SEE_OTHER)


@router.post("/plan/cancel")
def cancel(request: Request, jobs: JobsDep) -> Response:
    """Stop the running job; the plan in force stays."""
    jobs.cancel()
    job = jobs.wait(2.0)
    return RedirectResponse(_page_of(request, job), status_code=SEE_OTHER)


@router.post("/plan/{plan_id}/publish")
def publish(plan_id: str, services: ServicesDep, who: WhoDep) -> Response:
    """Put a draft in force, unless roads have been closed or opened since."""
    draft = services.store.get_plan(plan_id)
    _, since = closures_of(services, draft.plan.date, draft)
    if since and draft.status is PlanStatus.DRAFT:
        names = "、".join(one.name for one in since)
        message = (
            f"第{draft.version}版のあとで通行規制が変わりました({names})。"
            "計画を作り直してください"
        )
        raise ConflictError(message)
    if draft.num_violations:
        message = (
            f"第{draft.version}版は規則に{draft.num_violations}件反しているため、"
            "確定できません。直してください"
        )
        raise ConflictError(message)
    stored = services.planning.publish(plan_id, who=who)
    day = stored.plan.date.isoformat()
    return RedirectResponse(f"/plan?date={day}", status_code=SEE_OTHER)


@router.get("/plan/{plan_id}/{office_id}")
def office(
    request: Request,
    plan_id: str,
    office_id: str,
    services: ServicesDep,
    pictures: PicturesDep,
) -> HTMLResponse:
    """One office's plan: map left, stops right, sheets to print."""
    stored = services.store.get_plan(plan_id)
    works_office = services.profile.office(office_id)
    charts = services.store.get_many(visit_ids(stored.plan))
    own = [team for team in services.profile.teams if team.office_id == office_id]
    routes = {route.team_id: route for route in stored.plan.routes}
    left_out = [
        (charts[item.visit_id], item)
        for item in stored.plan.unassigned
        if item.visit_id in charts
        and (assignment := charts[item.visit_id].assignment) is not None
        and assignment.office_id == office_id
    ]
    wants_call = {
        stop.visit_id
        for team in own
        if team.id in routes
        for stop in routes[team.id].stops
        if stop.visit_id in charts and charts[stop.visit_id].consultation.contact_wanted
    }
    given = services.vault.given(wants_call)
    with_phone = {one for one in given if PersonalField.PHONE in given[one]}
    return page(
        request,
        "office_plan.html",
        {
            "tab": "plan",
            "stored": stored,
            "office": works_office,
            "teams": [team for team in own if team.id in routes],
            "routes": routes,
            "charts": charts,
            "left_out": left_out,
            "with_phone": with_phone,
            "pictures": pictures,
            "closures_since": closures_of(services, stored.plan.date, stored)[1],
        },
    )
