"""Web assets from npm, served from an allow-list: the rest of the folder is unseen."""

from __future__ import annotations

import os
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from dispatch.domain.errors import SourceError
from maps.localise import ASSETS

TOKENS = "@digital-go-jp/design-tokens/dist/tokens-simple.css"
FONTS = (
    "@expo-google-fonts/biz-udpgothic/400Regular/BIZUDPGothic_400Regular.ttf",
    "@expo-google-fonts/biz-udpgothic/700Bold/BIZUDPGothic_700Bold.ttf",
)
SWAGGER_JS = "swagger-ui-dist/swagger-ui-bundle.js"
SWAGGER_CSS = "swagger-ui-dist/swagger-ui.css"
ALLOWED = frozenset({*ASSETS.values(), TOKENS, *FONTS, SWAGGER_JS, SWAGGER_CSS})
ONE_DAY_S = 86_400


class AssetFiles(StaticFiles):
    """Static files of the assets folder, only those that pages use."""

    def __init__(self, *, directory: Path) -> None:
        if not (directory / TOKENS).is_file():
            message = f"web assets are missing in {directory}: run `make setup`"
            raise SourceError(message)
        super().__init__(directory=directory)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with an allowed file, or 404."""
        if path.replace(os.sep, "/") not in ALLOWED:
            raise HTTPException(status_code=404)
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = f"public, max-age={ONE_DAY_S}"
        return response
