"""The list of consultations for other systems: filtered, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from api.acting import actor_of
from api.dependencies import ClientDep, ServicesDep
from api.listing_schemas import ListAsked, PageOut, cursor_after
from api.reach import reach_of
from api.routes.answers import BAD_FIELD, NO_KEY
from api.schemas import ChartOut
from api.wiring import Services
from dispatch.domain.chart_query import ChartColumn
from dispatch.domain.errors import InvalidInputError

router = APIRouter(prefix="/v1", tags=["consultations"])
UNKNOWN = "この都市の一覧にない値です"


@router.get("/consultations", response_model=PageOut, responses={**NO_KEY, **BAD_FIELD})
def listing(
    request: Request,
    client: ClientDep,
    services: ServicesDep,
    asked: Annotated[ListAsked, Query()],
) -> JSONResponse:
    """
    List the consultations that the key may read.

    Follow `next` (also a `Link` header) to the end: no chart comes twice or is left
    out, whatever comes in meanwhile.
    """
    del client
    query = asked.query(reach_of(actor_of(request), services))
    _require_known(query.among, services)
    order, after = asked.place()
    # One more than is shown tells whether there is a next page.
    found = services.lists.page(query, order=order, after=after, limit=asked.limit + 1)
    shown = found[: asked.limit]
    waits = services.store.get_many(
        one.duplicate_of for one in shown if one.duplicate_of
    )
    names = asked.names()
    charts = (ChartOut.from_domain(one, waits.get(one.duplicate_of)) for one in shown)
    cursor = cursor_after(shown[-1], order) if len(found) > len(shown) else None
    return JSONResponse(
        {
            "consultations": [
                one.model_dump(mode="json", include=names) for one in charts
            ],
            "next": cursor,
        },
        headers={"Link": _link(request, cursor)} if cursor else None,
    )


def _link(request: Request, cursor: str) -> str:
    """Address of the next page: the same question with another cursor."""
    stated = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if name != "cursor"
    ]
    query = urlencode([*stated, ("cursor", cursor)])
    return f'<{request.url.path}?{query}>; rel="next"'


def _require_known(
    among: Mapping[ChartColumn, frozenset[str]], services: Services
) -> None:
    """Refuse codes that the city does not have: a slip would find nothing."""
    profile = services.profile
    known = {
        ChartColumn.CATEGORY: {one.code for one in profile.catalogue.categories},
        ChartColumn.WARD: {one.code for one in profile.wards},
        ChartColumn.OFFICE: {one.id for one in profile.offices},
        ChartColumn.TEAM: {one.id for one in profile.teams},
    }
    for column, codes in known.items():
        if not among.get(column, frozenset()) <= codes:
            raise InvalidInputError(str(column), UNKNOWN)
