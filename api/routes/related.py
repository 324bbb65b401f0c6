"""Pages of what belongs together: receipt, topics, merging, likely duplicates."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field

from api.acting import acting, chart_where, require
from api.dependencies import PicturesDep, ServicesDep, WhoDep
from api.pages import page
from api.related_schemas import DraftIn, LinesOut
from api.related_view import draft_duplicates
from dispatch.domain.access import Action
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.consultation import MAX_DESCRIPTION, MAX_LINE
from dispatch.domain.errors import InvalidInputError
from dispatch.topic_desk import Topic

router = APIRouter(include_in_schema=False)
SEE_OTHER = 303
NUMBER_MARK = "-"  # running numbers have one, ids never
THIS, OTHER = "this", "other"


def _back(chart_id: str, part: str) -> Response:
    return RedirectResponse(f"/charts/{chart_id}#{part}", status_code=SEE_OTHER)


@router.get("/charts/{chart_id}/receipt")
def receipt(
    request: Request, chart_id: str, services: ServicesDep, pictures: PicturesDep
) -> HTMLResponse:
    """One sheet for whoever called: the number, all topics, and where each stands."""
    found = services.cases.topics.receipt(chart_id)
    values = {"tab": "charts", "receipt": found, "pictures": pictures}
    return page(request, "receipt.html", values)


class TopicForm(BaseModel):
    """Another topic of the same call."""

    version: int
    category: str = Field("", max_length=16)
    description: str = Field("", max_length=MAX_DESCRIPTION)
    address: str = Field("", max_length=MAX_LINE)
    who: str = Field("", max_length=60)


@router.post("/charts/{chart_id}/topics")
def split(
    request: Request,
    chart_id: str,
    services: ServicesDep,
    form: Annotated[TopicForm, Form()],
) -> Response:
    """Make a chart of another topic; the receipt shows both."""
    if not form.category:
        raise InvalidInputError("category", "分類を選んでください")
    topic = Topic(
        category_code=form.category,
        description=form.description.strip(),
        address_text=form.address.strip(),
    )
    who = acting(request, form.who)
    services.cases.topics.split(chart_id, form.version, [topic], who=who)
    return _back(chart_id, "topics")


class MergeForm(BaseModel):
    """Two charts of one thing, as they were read, and which one's visit remains."""

    version: int
    # Its number as typed, or its id and the version that the page showed.
    other: str = Field(max_length=64, pattern=r"^[^@]+(@[1-9]\d{0,8})?$")
    keep: str = Field(OTHER, pattern=f"^({THIS}|{OTHER})$")
    who: str = Field("", max_length=60)
    why: str = Field("", max_length=MAX_LINE)


@router.post("/charts/{chart_id}/merge")
def merge(
    request: Request,
    chart_id: str,
    services: ServicesDep,
    form: Annotated[MergeForm, Form()],
) -> Response:
    """Make one visit of two charts."""
    text, _, seen = form.other.strip().partition("@")
    other = _named(services, text)
    # Both change: whoever merges must be in charge of both.
    require(request, Action.SPLIT_MERGE, chart_where(services, other))
    this = (chart_id, form.version)
    that = (other.id, int(seen) if seen else other.version)
    (gone_id, version), main = (that, this) if form.keep == THIS else (this, that)
    services.cases.merges.merge(
        gone_id,
        version,
        main_id=main[0],
        main_version=main[1],
        who=acting(request, form.who),
        why=form.why,
    )
    return _back(chart_id, "related")


def _named(services: ServicesDep, text: str) -> CaseChart:
    """Chart of a running number or an id."""
    store = services.store
    return store.get_by_number(text) if NUMBER_MARK in text else store.get(text)


@router.post("/charts/{chart_id}/unmerge")
def split_off(
    chart_id: str,
    services: ServicesDep,
    version: Annotated[int, Form()],
    who: WhoDep,
    why: Annotated[str, Form(max_length=MAX_LINE)] = "",
) -> Response:
    """Undo a merging: the chart waits for triage again."""
    services.cases.merges.split_off(chart_id, version, who=who, why=why)
    return _back(chart_id, "related")


@router.post("/charts/{chart_id}/answer-merged")
def answer_merged(chart_id: str, services: ServicesDep, who: WhoDep) -> Response:
    """Record the chart's own answer for all merged reporters who wait for one."""
    services.cases.merges.answer_merged(chart_id, who=who)
    return _back(chart_id, "related")


# A POST that changes nothing: what somebody types must not stand in a URL.
@router.post("/desk/duplicates")
def duplicates(request: Request, body: DraftIn, services: ServicesDep) -> LinesOut:
    """Say which charts may be of the same thing as what is being typed."""
    draft = body.to_consultation(services.clock.now())
    return LinesOut.of(draft_duplicates(request, services, draft))
