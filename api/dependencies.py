"""
FastAPI dependencies: the wired city, pictures, jobs, and who is calling.

None of them waits for anything. They are coroutines because a plain function would be
sent to a thread, which takes longer than what it does.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Form, Header, Request

from api.acting import acting, actor_of
from api.jobs import PlanJobs
from api.pictures import Pictures
from api.wiring import Services


async def services(request: Request) -> Services:
    """Return the wired city."""
    wired: Services = request.app.state.services
    return wired


async def pictures(request: Request) -> Pictures:
    """Return the maker of map and sheet values."""
    made: Pictures = request.app.state.pictures
    return made


async def jobs(request: Request) -> PlanJobs:
    """Return the planning jobs."""
    running: PlanJobs = request.app.state.jobs
    return running


async def api_client(
    request: Request,
    x_api_key: Annotated[str | None, Header(description="key of the client")] = None,
) -> str:
    """
    Name of the calling system, by its key (`api.access` has looked it up).

    Without a right key, no request comes so far: the answer is 401.
    """
    del x_api_key  # named here for the documentation of the API
    return actor_of(request).client


async def who_acts(
    request: Request,
    who: Annotated[str, Form(max_length=60, description="where nobody signs in")],
) -> str:
    """Name that the history gets: of the session, or as typed where there is none."""
    return acting(request, who)


ServicesDep = Annotated[Services, Depends(services)]
PicturesDep = Annotated[Pictures, Depends(pictures)]
JobsDep = Annotated[PlanJobs, Depends(jobs)]
ClientDep = Annotated[str, Depends(api_client)]
WhoDep = Annotated[str, Depends(who_acts)]
