"""Pages of notices (対応連絡): the queue, reading, answering, settling, writing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from api.acting import acting
from api.dependencies import PicturesDep, ServicesDep, WhoDep
from api.notice_access import require_own_notice
from api.pages import page
from api.reach import list_scope
from api.transfer_view import notice_rows
from dispatch.domain.chart_query import Reach
from dispatch.domain.consultation import MAX_LINE, MAX_NAME
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.notice import NoticeQuery, NoticeSide, NoticeState
from dispatch.notice_desk import NoticeDraft

router = APIRouter(include_in_schema=False)
SEE_OTHER = 303
SHOWN_ROWS = 200
NOTICE_STATE_TEXT = {
    NoticeState.UNREAD: "未読",
    NoticeState.OPEN: "未読と、まだ済んでいないもの",
    NoticeState.SETTLED: "済んだもの",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What the list shows; every value stands in the link that repeats it."""

    state: str = NoticeState.UNREAD
    side: str = ""
    ward: str = ""
    district: str = ""
    desk: str = ""

    def query(self, reach: Reach) -> NoticeQuery:
        """Question to the store; what is unknown counts as not asked for."""
        unread = NoticeState.UNREAD
        return NoticeQuery(
            state=next((one for one in NoticeState if one == self.state), unread),
            side=next((one for one in NoticeSide if one == self.side), None),
            ward_code=self.ward,
            district_id=self.district,
            desk=self.desk,
            reach=reach,
        )


@router.get("/notices")
def queue(request: Request, services: ServicesDep, pictures: PicturesDep) -> Response:
    """Notices that nobody has read, or whose task is open; by whom they are for."""
    asked = request.query_params
    chosen = Filter(
        state=asked.get("state", NoticeState.UNREAD),
        side=asked.get("side", ""),
        ward=asked.get("ward", ""),
        district=asked.get("district", ""),
        desk=asked.get("desk", ""),
    )
    scope = list_scope(request)
    query, store = chosen.query(scope.reach), services.hand_over.notices.notices
    desk = services.hand_over.notices
    return page(
        request,
        "notices.html",
        {
            "tab": "notices",
            "pictures": pictures,
            "chosen": chosen,
            "scope": scope,
            "rows": notice_rows(request, store.listed(query, limit=SHOWN_ROWS)),
            "num_found": store.count(query),
            "counts": [
                (one, desk.name_of(one.side, one.desk, one.ward_code))
                for one in store.by_addressee(scope.reach)
            ],
            "districts": _districts(request, chosen.ward),
            "states": NOTICE_STATE_TEXT,
            "query": request.url.query,
        },
    )


def _districts(request: Request, ward_code: str) -> list[tuple[str, str]]:
    """Give school districts of a ward, id and name, to choose from."""
    services = request.app.state.services
    found = services.areas.districts if ward_code else ()
    return [(one.id, one.name) for one in found if one.ward_code == ward_code]


@router.post("/notices/{notice_id}/read")
def read(
    request: Request, notice_id: str, services: ServicesDep, who: WhoDep
) -> Response:
    """Mark a notice as read; its task stays open."""
    require_own_notice(request, notice_id)
    notice = services.hand_over.notices.read(notice_id, who=who)
    return _back(notice.chart_id)


@router.post("/notices/{notice_id}/settle")
def settle(
    request: Request,
    notice_id: str,
    services: ServicesDep,
    who: WhoDep,
    note: Annotated[str, Form(max_length=MAX_LINE)] = "",
) -> Response:
    """End the task of a notice."""
    require_own_notice(request, notice_id)
    notice = services.hand_over.notices.settle(notice_id, who=who, note=note)
    return _back(notice.chart_id)


class NoticeForm(BaseModel):
    """What somebody writes to the other side."""

    to: Literal["ward", "holder"] = "ward"
    who: str = Field("", max_length=60)
    done: str = Field("", max_length=MAX_LINE)
    next_step: str = Field("", max_length=MAX_LINE)
    next_by: str = Field("", max_length=MAX_NAME)
    act_by: str = Field("", max_length=10)

    def draft(self, request: Request) -> NoticeDraft:
        """Build what the desk takes."""
        try:
            act_by = dt.date.fromisoformat(self.act_by) if self.act_by else None
        except ValueError:
            raise InvalidInputError("act_by", "日付を読めません") from None
        return NoticeDraft(
            who=acting(request, self.who),
            done=self.done,
            next_step=self.next_step,
            next_by=self.next_by,
            act_by=act_by,
        )


@router.post("/charts/{chart_id}/notices")
def send(
    request: Request,
    chart_id: str,
    services: ServicesDep,
    form: Annotated[NoticeForm, Form()],
) -> Response:
    """Send a notice to the ward's officer, or to whoever has the chart."""
    desk = services.hand_over.notices
    desk.send(chart_id, form.draft(request), to_ward=form.to == "ward")
    return _back(chart_id)


@router.post("/notices/{notice_id}/answer")
def answer(
    request: Request,
    notice_id: str,
    services: ServicesDep,
    form: Annotated[NoticeForm, Form()],
) -> Response:
    """Answer a notice; its task ends."""
    require_own_notice(request, notice_id)
    notice = services.hand_over.notices.answer(notice_id, form.draft(request))
    return _back(notice.chart_id)


def _back(chart_id: str) -> Response:
    return RedirectResponse(f"/charts/{chart_id}#notices", status_code=SEE_OTHER)
