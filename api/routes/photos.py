"""Photos of charts: taken in, shown as plain bytes, placed, taken away."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, Path, Request, Response, UploadFile
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from api.acting import acting
from api.dependencies import ClientDep, ServicesDep, WhoDep
from api.related_schemas import MAX_WHO, PhotoOut
from api.routes.answers import BAD_BODY
from api.schemas import Problem
from dispatch.domain.consultation import MAX_LINE
from dispatch.domain.errors import ConflictError
from dispatch.domain.photo import PhotoKind

router = APIRouter()
SEE_OTHER = 303
ChartId = Annotated[str, Path(max_length=64)]
Upload = Annotated[UploadFile, File(description="JPEG, PNG or WebP")]
# A picture is shown and nothing else: whatever its bytes were taken for, none of it
# may run or load.
SHOWN_ONLY = {
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@router.post("/charts/{chart_id}/photos", include_in_schema=False)
def add(
    chart_id: ChartId,
    services: ServicesDep,
    photo: Upload,
    who: WhoDep,
    kind: Annotated[PhotoKind, Form()] = PhotoKind.REPORT,
) -> Response:
    """Take in a photo from the chart's page."""
    services.cases.photos.add(chart_id, photo.file.read(), kind, who=who)
    return _back(chart_id)


@router.post(
    "/v1/consultations/{chart_id}/photos",
    status_code=201,
    tags=["photos"],
    responses={**BAD_BODY, 404: {"model": Problem}, 409: {"model": Problem}},
)
def receive(
    chart_id: ChartId,
    client: ClientDep,
    services: ServicesDep,
    photo: Upload,
    who: Annotated[str, Form(min_length=1, max_length=MAX_WHO)],
    kind: Annotated[PhotoKind, Form()] = PhotoKind.REPORT,
) -> PhotoOut:
    """
    Add a photo to a chart (multipart/form-data).

    It is drawn anew as JPEG: nothing that stood beside the picture is kept. Position
    and time of the camera are returned once, as an offer for the chart.
    """
    name = f"{who}(API: {client})"
    added = services.cases.photos.add(chart_id, photo.file.read(), kind, who=name)
    return PhotoOut.from_domain(added)


@router.get("/charts/{chart_id}/photos/{photo_id}", include_in_schema=False)
def show(chart_id: ChartId, photo_id: str, services: ServicesDep) -> Response:
    """Bytes of one photo, as they were drawn when it came in."""
    jpeg = services.cases.photos.bytes_of(chart_id, photo_id)
    return Response(jpeg, media_type="image/jpeg", headers=SHOWN_ONLY)


class PlaceForm(BaseModel):
    """Whether the camera's place becomes the chart's."""

    take: str = Field("", max_length=1)
    version: int
    who: str = Field("", max_length=60)


@router.post("/charts/{chart_id}/photos/{photo_id}/place", include_in_schema=False)
def place(
    request: Request,
    chart_id: ChartId,
    photo_id: str,
    services: ServicesDep,
    form: Annotated[PlaceForm, Form()],
) -> Response:
    """Take the camera's place for a chart without one, or forget it."""
    photo = services.cases.photos.get(chart_id, photo_id)
    if form.take == "1":
        if photo.offered_place is None:
            raise ConflictError("この写真の位置は、もう残っていません")
        services.intake.place_by_hand(
            chart_id,
            form.version,
            photo.offered_place,
            who=acting(request, form.who),
            why="写真の位置情報から",
        )
    services.cases.photos.drop_offer(chart_id, photo_id)
    return _back(chart_id)


@router.post("/charts/{chart_id}/photos/{photo_id}/remove", include_in_schema=False)
def remove(
    chart_id: ChartId,
    photo_id: str,
    services: ServicesDep,
    who: WhoDep,
    why: Annotated[str, Form(max_length=MAX_LINE)] = "",
) -> Response:
    """Take a photo away for good."""
    services.cases.photos.remove(chart_id, photo_id, who=who, why=why)
    return _back(chart_id)


def _back(chart_id: str) -> Response:
    return RedirectResponse(f"/charts/{chart_id}#photos", status_code=SEE_OTHER)
