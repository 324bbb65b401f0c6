"""Route sheets as PDF; a call-back number only where it was ticked, and recorded."""

from __future__ import annotations

import io

from fastapi import APIRouter, Request, Response
from pypdf import PdfWriter
from starlette.concurrency import run_in_threadpool

from api.acting import acting, office_where, require
from api.day_run import fonts_dir, sheet_words
from api.dependencies import PicturesDep, ServicesDep
from api.pictures import Pictures, visit_ids
from api.sheet_values import sheet_values
from api.wiring import Services
from dispatch.domain.access import Action
from dispatch.domain.consultation import MAX_NAME, require_length
from dispatch.domain.errors import ConflictError, InvalidInputError, NotFoundError
from dispatch.ports import PlanStatus, StoredPlan
from maps.route_sheet import render_sheets

router = APIRouter(include_in_schema=False)


@router.post("/plan/{plan_id}/sheets")
async def print_sheets(
    request: Request, plan_id: str, services: ServicesDep, pictures: PicturesDep
) -> Response:
    """
    Print the sheets of the ticked teams as one PDF.

    A POST, because ticking a call-back number reveals it: the tick is in no address
    and no log, and each reveal is written into the chart's history and
    the record of reveals first.
    """
    form = await request.form(max_files=0, max_fields=2000)
    who = acting(request, str(form.get("who", "")).strip() or "配車担当")
    team_ids = [str(team_id) for team_id in form.getlist("team")]
    call_back = {str(chart_id) for chart_id in form.getlist("call_back")}
    for office_id in _offices_of(services, team_ids):
        require(request, Action.PRINT_SHEET, office_where(services, office_id))
    stored = services.store.get_plan(plan_id)
    require_length("who", who, MAX_NAME)
    if stored.status is PlanStatus.DRAFT:
        message = "下書きの巡回表は印刷できません。計画を確定してください"
        raise ConflictError(message)
    if not team_ids:
        raise InvalidInputError("team", "印刷する班を選んでください")
    document = await run_in_threadpool(
        _printed, services, pictures, stored, team_ids, call_back, who=who
    )
    name = f"{stored.plan.date.isoformat()}-v{stored.version}.pdf"
    return Response(
        document,
        media_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="sheets-{name}"'},
    )


def _offices_of(services: Services, team_ids: list[str]) -> set[str]:
    """Offices of teams; one that is not known is refused later, by its name."""
    ticked = set(team_ids)
    return {team.office_id for team in services.profile.teams if team.id in ticked}


def _printed(
    services: Services,
    pictures: Pictures,
    stored: StoredPlan,
    team_ids: list[str],
    call_back: set[str],
    *,
    who: str,
) -> bytes:
    on_plan = {route.team_id: route for route in stored.plan.routes}
    for team_id in team_ids:
        if team_id not in on_plan:
            raise NotFoundError("team", team_id)
    charts = services.store.get_many(visit_ids(stored.plan))
    printed = {stop.visit_id for team in team_ids for stop in on_plan[team].stops}
    numbers = services.vault.call_back_numbers(
        [charts[chart_id] for chart_id in sorted(call_back & printed)],
        who=who,
        text=f"第{stored.version}版の巡回表に連絡先の電話番号を印刷",
    )
    documents = render_sheets(
        sheet_values(pictures, stored, team_ids, charts, call_back=numbers),
        fonts_dir=fonts_dir(services.settings.assets_dir),
        labels=sheet_words(services),
    )
    if len(documents) == 1:
        return documents[0]
    writer = PdfWriter()
    for document in documents:
        writer.append(io.BytesIO(document))
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()
