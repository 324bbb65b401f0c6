"""FastAPI dependencies: the wired city, pictures, jobs, and who is calling."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import Depends, Header, HTTPException, Request

from api.jobs import PlanJobs
from api.pictures import Pictures
from api.wiring import Services


def services(request: Request) -> Services:
    """Return the wired city."""
    wired: Services = request.app.state.services
    return wired


def pictures(request: Request) -> Pictures:
    """Return the maker of map and sheet values."""
    made: Pictures = request.app.state.pictures
    return made


def jobs(request: Request) -> PlanJobs:
    """Return the planning jobs."""
    running: PlanJobs = request.app.state.jobs
    return running


def api_client(
    request: Request,
    x_api_key: Annotated[str | None, Header(description="key of the client")] = None,
) -> str:
    """
    Name of the calling system, by its key.

    Keys are compared in constant time; without a right one the answer is 401.
    """
    configured = services(request).settings.api_keys.get_secret_value()
    given = (x_api_key or "").encode()
    found = None
    for pair in filter(None, configured.split(",")):
        name, _, key = pair.strip().partition(":")
        if hmac.compare_digest(key.encode(), given):
            found = name
    if found is None:
        raise HTTPException(
            status_code=401,
            detail="X-API-Key に登録された鍵を入れてください",
            headers={"WWW-Authenticate": "ApiKey"},
        )
    return found


ServicesDep = Annotated[Services, Depends(services)]
PicturesDep = Annotated[Pictures, Depends(pictures)]
JobsDep = Annotated[PlanJobs, Depends(jobs)]
ClientDep = Annotated[str, Depends(api_client)]
