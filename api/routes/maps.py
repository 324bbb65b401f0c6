"""Web maps: the pages around them and the Folium pages inside."""

from __future__ import annotations

import hashlib
import re
from collections import Counter

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from api.acting import readable
from api.dependencies import PicturesDep, ServicesDep
from api.pages import page
from api.pictures import visit_ids
from api.reach import list_scope
from api.wiring import Services
from dispatch.domain.case_chart import NOT_DONE, CaseChart
from maps.overview_map import overview_map
from maps.plan_map import plan_map

router = APIRouter(include_in_schema=False)
ASSETS_URL = "/assets"
RANDOM_NAME = re.compile(r"(?<=_)[0-9a-f]{32}")  # Folium's, other in every rendering


@router.get("/map")
def overview_page(
    request: Request, services: ServicesDep, pictures: PicturesDep
) -> HTMLResponse:
    """Open items by school district: map, and the same content as a table."""
    data = pictures.overview(_open_charts(request, services))
    rows = sorted(
        (district for district in data.districts if district.open_count),
        key=lambda district: -(district.open_count or 0),
    )
    wards = Counter[str]()
    for district in rows:
        wards[district.ward_name] += district.open_count or 0
    return page(
        request,
        "map.html",
        {
            "tab": "map",
            "scope": list_scope(request),
            "rows": rows,
            "wards": wards.most_common(),
            "num_items": len(data.items),
            "approximate": data.approximate,
            "pictures": pictures,
        },
    )


@router.get("/maps/overview")
def overview(
    request: Request, services: ServicesDep, pictures: PicturesDep
) -> Response:
    """Return the overview map itself."""
    data = pictures.overview(_open_charts(request, services))
    base = services.settings.base_map
    html = overview_map(data, base=base, assets_url=ASSETS_URL)
    return _tagged(request, html)


@router.get("/maps/plan/{plan_id}/{office_id}")
def office_map(
    request: Request,
    plan_id: str,
    office_id: str,
    services: ServicesDep,
    pictures: PicturesDep,
) -> Response:
    """Return the plan map of one office."""
    stored = services.store.get_plan(plan_id)
    charts = services.store.get_many(visit_ids(stored.plan))
    data = pictures.plan_map(stored, office_id, charts)
    base = services.settings.base_map
    html = plan_map(data, base=base, assets_url=ASSETS_URL)
    return _tagged(request, html)


@router.get("/maps/wards.geojson")
def wards(pictures: PicturesDep) -> JSONResponse:
    """Ward outlines for the small map that places a chart."""
    features = [
        {
            "type": "Feature",
            "properties": {"name": ward.name},
            "geometry": ward.geometry,
        }
        for ward in pictures.ward_outlines
    ]
    return JSONResponse({"type": "FeatureCollection", "features": features})


@router.get("/maps/places.json")
def places(services: ServicesDep) -> JSONResponse:
    """Names and positions of towns and schools, to find one's way on the small map."""
    rows = [
        [town.name, round(town.place.lat, 5), round(town.place.lon, 5)]
        for town in services.towns
    ]
    schools = [
        [school.short_name, round(school.place.lat, 5), round(school.place.lon, 5)]
        for school in services.profile.schools
        if school.active
    ]
    headers = {"Cache-Control": "max-age=3600"}
    return JSONResponse({"towns": rows, "schools": schools}, headers=headers)


def _open_charts(request: Request, services: Services) -> list[CaseChart]:
    """Charts of who asks that may be drawn: done work is left in the store."""
    found = services.store.find(statuses=NOT_DONE)
    return readable(request, found, own_only=list_scope(request).is_own)


def _tagged(request: Request, html: str) -> Response:
    """Answer 304 when the browser has this page already."""
    same = RANDOM_NAME.sub("", html)
    tag = 'W/"' + hashlib.sha256(same.encode()).hexdigest()[:32] + '"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(html, headers=headers)
