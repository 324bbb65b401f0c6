"""Plans for other systems: what stands in them, why, edits, what-if, support."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Path, Query

from api.dependencies import ClientDep, JobsDep, PicturesDep, ServicesDep
from api.pictures import Pictures, visit_ids
from api.plan_answers import PlanOut, PlanRoutesOut, WhyOut
from api.plan_study_schemas import (
    BoundOut,
    ChangesOut,
    EditedOut,
    EditIn,
    SupportOut,
    ViolationOut,
    WhatIfIn,
    WhatIfOut,
)
from api.plan_view import names_of
from api.routes.answers import BAD_BODY, BAD_FIELD, NO_KEY, Answers
from api.schemas import Day, Problem
from api.versioned import VersionedRoute
from dispatch.domain.relaxation_words import Names
from dispatch.ports import StoredPlan
from dispatch.support import SupportOffer
from dispatch.what_if import WhatIf

router = APIRouter(prefix="/v1/plans", tags=["plans"], route_class=VersionedRoute)
NO_PLAN: Answers = {
    404: {"model": Problem, "description": "no such plan or visit, or no input of it"},
    **NO_KEY,
    **BAD_FIELD,
}
ILLEGAL: Answers = {
    409: {
        "model": Problem,
        "description": "a draft that breaks rules, or a busy planner",
    }
}
PlanId = Annotated[str, Path(max_length=64)]


@router.get("", responses={**NO_KEY, **BAD_FIELD})
def listing(
    client: ClientDep,
    services: ServicesDep,
    date: Annotated[Day | None, Query(description="today when absent")] = None,
) -> list[PlanOut]:
    """List the plans of a day, newest first."""
    del client
    day = services.clock.now().date() if date is None else date
    return [PlanOut.from_domain(stored) for stored in services.store.plans_on(day)]


@router.get("/{plan_id}", responses=NO_PLAN)
def one(plan_id: PlanId, client: ClientDep, services: ServicesDep) -> PlanRoutesOut:
    """Return a plan with its routes."""
    del client
    return PlanRoutesOut.from_domain(services.store.get_plan(plan_id))


@router.get("/{plan_id}/visits/{visit_id}/why", responses={**NO_PLAN, **ILLEGAL})
def why(
    plan_id: PlanId,
    visit_id: PlanId,
    client: ClientDep,
    services: ServicesDep,
    pictures: PicturesDep,
) -> WhyOut:
    """
    Say why a visit goes with its team, or what would let a left-out visit in.

    Every offer has been applied and checked: with it the visit is served.
    """
    del client
    found = services.study.why(plan_id, visit_id)
    stored = services.store.get_plan(plan_id)
    served = {stop.visit_id for _, _, stop in stored.plan.stops()}
    return WhyOut.from_domain(
        found, _names(pictures, stored), is_served=visit_id in served
    )


@router.post("/{plan_id}/edits", status_code=201, responses={**NO_PLAN, **BAD_BODY})
def edit(
    plan_id: PlanId, body: EditIn, client: ClientDep, services: ServicesDep
) -> EditedOut:
    """
    Make a new draft with one edit by hand.

    An edit that breaks rules is made too, and says which: such a draft is a working
    copy that is never published.
    """
    del client
    stored = services.study.edit(plan_id, body.edit.to_domain(), who=body.who)
    return EditedOut(
        plan=PlanRoutesOut.from_domain(stored),
        violations=[
            ViolationOut.from_domain(found)
            for found in services.study.opened(stored.id).violations
        ],
        changes=ChangesOut.from_domain(services.study.changes(plan_id, stored.id)),
    )


@router.post("/{plan_id}/what-if", responses={**NO_PLAN, **BAD_BODY, **ILLEGAL})
def what_if(
    plan_id: PlanId,
    body: WhatIfIn,
    client: ClientDep,
    services: ServicesDep,
    jobs: JobsDep,
) -> WhatIfOut:
    """Plan a copy of the day under other conditions; takes a search, stores nothing."""
    del client
    stored = services.store.get_plan(plan_id)
    wished, date = body.to_domain(services, stored), stored.plan.date
    found = jobs.answer(
        date,
        lambda told: services.study.what_if(
            plan_id, wished, services.search_params(), told
        ),
    )
    return WhatIfOut.from_domain(cast("WhatIf", found))


@router.get("/{plan_id}/support", responses={**NO_PLAN, **ILLEGAL})
def support(
    plan_id: PlanId, client: ClientDep, services: ServicesDep, jobs: JobsDep
) -> list[SupportOut]:
    """Say which office could lend a team to which (応援); takes a search or a few."""
    del client
    date = services.store.get_plan(plan_id).plan.date
    found = jobs.answer(
        date,
        lambda told: services.study.support(plan_id, services.search_params(), told),
    )
    return [
        SupportOut.from_domain(offer)
        for offer in cast("tuple[SupportOffer, ...]", found)
    ]


@router.get("/{plan_id}/bound", responses={**NO_PLAN, **ILLEGAL})
def bound(plan_id: PlanId, client: ClientDep, services: ServicesDep) -> BoundOut:
    """Say how far from proven best a plan can be, level by level."""
    del client
    return BoundOut.from_domain(services.study.bound(plan_id))


def _names(pictures: Pictures, stored: StoredPlan) -> Names:
    charts = pictures.services.store.get_many(visit_ids(stored.plan))
    return names_of(pictures, charts.values())
