"""Whether the service is well, and where its data come from."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

from api.assets import SWAGGER_CSS, SWAGGER_JS
from api.dependencies import PicturesDep, ServicesDep
from api.pages import page
from dispatch.domain.errors import SourceError
from dispatch.domain.travel import TravelLevel, level_text
from geodata.roads.manifest import shortened

router = APIRouter()


@router.get("/healthz", tags=["service"])
def healthz(services: ServicesDep) -> dict[str, str]:
    """Answer when the database does; tell how travel times are found just now."""
    if not services.store.is_alive():
        message = "the database does not answer"
        raise SourceError(message)
    roads = services.roads
    level = TravelLevel.STRAIGHT_LINE if roads is None else roads.state().level
    return {"status": "ok", "city": services.profile.id, "travel": level}


@router.get("/docs", include_in_schema=False)
def docs() -> HTMLResponse:
    """Show the API's documentation, with scripts of our own."""
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Kidōhan API",
        swagger_js_url=f"/assets/{SWAGGER_JS}",
        swagger_css_url=f"/assets/{SWAGGER_CSS}",
        swagger_favicon_url="data:,",
    )


@router.get("/about", include_in_schema=False)
def about(
    request: Request, services: ServicesDep, pictures: PicturesDep
) -> HTMLResponse:
    """Show sources, licences and assumptions."""
    roads = services.roads.state() if services.roads is not None else None
    return page(
        request,
        "about.html",
        {
            "pictures": pictures,
            "settings": services.settings,
            "tab": "about",
            "roads": roads,
            "shortened": shortened,
            "roads_text": level_text(roads.level) if roads is not None else "",
        },
    )
