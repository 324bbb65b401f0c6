"""Composition of the feature service: collections, reference systems, attribution."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from api.ogc.answers import exception, on_problem
from api.ogc.collections import collections_of
from api.ogc.documents import Library, attribution_of
from api.ogc.links import ROOT
from api.ogc.parameters import ParameterError
from api.ogc.reference import reference_systems
from api.pictures import TILE_SOURCE
from api.wiring import Services


def feature_library(services: Services) -> Library:
    """Return the feature service of a wired city; it reads, and changes nothing."""
    profile = services.profile
    return Library(
        title=f"{profile.name} 機動班の配車(Kidōhan)",
        attribution=attribution_of(
            source.shown_text for source in services.sources if source.id != TILE_SOURCE
        ),
        collections=collections_of(services, services.features),
        systems=reference_systems(profile),
    )


def install_features(app: FastAPI, services: Services) -> None:
    """Let an application answer for the feature service, errors in its own form."""
    app.state.ogc = feature_library(services)
    app.state.error_dialects[ROOT] = on_problem

    @app.exception_handler(ParameterError)
    async def on_parameter_error(request: Request, error: ParameterError) -> Response:
        del request
        return exception(400, str(error), code="InvalidParameterValue")
