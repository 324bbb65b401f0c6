"""What every answer says to a browser, and the refusal of other sites' forms."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import UNSAFE, is_https
from api.errors import HTTP_TITLES, TYPE_BASE, answered
from api.schemas import Problem
from api.settings import Settings
from maps.base_map import BaseMap

HSTS = "max-age=31536000; includeSubDomains"  # a year
# No page asks for any of these; a script that came in by a slip gets none of them.
PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
TILE_SOURCE = "https://cyberjapandata.gsi.go.jp"
# Folium's and Swagger's pages carry their own scripts inside.
WITH_SCRIPTS = ("/maps/", "/docs")
KEPT = ("/static", "/assets")  # the only ones that a browser may keep
CROSS_SITE = Problem(
    type=TYPE_BASE + "cross-site",
    title=HTTP_TITLES[403],
    status=403,
    detail="ほかのサイトからの送信は受け付けません",
)


class Guard:
    """
    Refuses forms that another site sends; says what a page may load.

    Parameters
    ----------
    app
        What comes after.
    settings
        For the base map's host, and whether people come by HTTPS.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._tiles = f" {TILE_SOURCE}" if settings.base_map is BaseMap.GSI else ""
        self._headers = {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": PERMISSIONS,
            "Cross-Origin-Opener-Policy": "same-origin",
        }
        if is_https(settings):
            self._headers["Strict-Transport-Security"] = HSTS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it; add the headers to its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if request.method in UNSAFE and _from_elsewhere(request):
            await answered(request, CROSS_SITE)(scope, receive, send)
            return
        path: str = scope["path"]

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", self._policy(path))
                headers.update(self._headers)
                if not path.startswith(KEPT):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)

    def _policy(self, path: str) -> str:
        inline = " 'unsafe-inline'" if path.startswith(WITH_SCRIPTS) else ""
        return (
            f"default-src 'self'; script-src 'self'{inline}; "
            "style-src 'self' 'unsafe-inline'; "
            f"img-src 'self' data:{self._tiles}; frame-ancestors 'self'; "
            "form-action 'self'; base-uri 'none'; object-src 'none'"
        )


def _from_elsewhere(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")
