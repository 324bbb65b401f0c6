"""What became of voices, as the follow-up report says it: page, CSV and XLSX."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from api.closure_view import plain_cell
from api.officer_view import OWED_TEXT
from api.pictures import Pictures
from api.wiring import Services
from api.wording import ANSWER_KIND_TEXT
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.life_cycle import ChartStatus
from dispatch.domain.owed import owed_for

NOT_ANSWERED = "まだ回答していません"
# What somebody outside the office understands; the office's own words are on the chart.
PLAIN_STATUS = {
    ChartStatus.RECEIVED: "内容を確かめています",
    ChartStatus.UNPLACED: "場所や担当を確かめています",
    ChartStatus.ASSIGNED: "担当の事務所が決まりました",
    ChartStatus.ACCEPTED: "担当の事務所が引き受けました",
    ChartStatus.RETURNED: "担当を決め直しています",
    ChartStatus.INSPECTION: "現地を確かめに行きます",
    ChartStatus.PLANNED: "対応する日が決まりました",
    ChartStatus.UNDER_WAY: "現地で対応しています",
    ChartStatus.MADE_SAFE: "応急の措置をしました",
    ChartStatus.AWAITING_REPAIR: "応急の措置をし、本復旧を待っています",
    ChartStatus.DONE: "対応が終わりました",
    ChartStatus.ANSWERED: "回答しました",
    ChartStatus.CLOSED: "終わりました",
    ChartStatus.OBSERVED: "経過を見ています",
    ChartStatus.DUPLICATE: "同じ内容の相談とまとめて対応します",
    ChartStatus.WITHDRAWN: "取り下げられました",
    ChartStatus.DECLINED: "対応は困難と判断しました",
    ChartStatus.ON_HOLD: "法律で定める期間を待っています",
}
FOLLOW_UP_HEADINGS = (
    *("番号", "件名", "分類", "場所"),
    *("いまの状態", "担当", "回答", "次の予定"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """One voice, and what became of it; nothing about whoever said it."""

    chart_id: str
    number: str
    subject: str
    category: str
    place: str
    status: str
    holder: str
    answer: str
    next_text: str
    is_settled: bool

    def cells(self) -> tuple[str, ...]:
        """Cells of a row for Excel, in the order of `FOLLOW_UP_HEADINGS`."""
        texts = (
            *(self.number, self.subject, self.category, self.place),
            *(self.status, self.holder, self.answer, self.next_text),
        )
        return tuple(plain_cell(text) for text in texts)


def follow_ups(
    services: Services, pictures: Pictures, charts: Sequence[CaseChart]
) -> list[FollowUp]:
    """Rows of a follow-up report, in the order of the charts."""
    masks = services.vault.masks([chart.id for chart in charts])
    settled = {ChartStatus.ANSWERED, ChartStatus.CLOSED, ChartStatus.WITHDRAWN}
    return [
        FollowUp(
            chart_id=chart.id,
            number=chart.number,
            subject=masks[chart.id](chart.consultation.subject),
            category=pictures.category_name(chart),
            place=_place(pictures, chart),
            status=_status(chart),
            holder=chart.receiver or pictures.office_name(chart) or "区役所",
            answer=_answer(chart),
            next_text=_next(services, pictures, chart),
            is_settled=chart.status in settled,
        )
        for chart in charts
    ]


def follow_up_table(rows: Sequence[FollowUp]) -> list[tuple[str, ...]]:
    """Rows for CSV and XLSX, with their head."""
    return [FOLLOW_UP_HEADINGS, *(row.cells() for row in rows)]


def _place(pictures: Pictures, chart: CaseChart) -> str:
    """Place from our own tables; the ward alone for a voice about no place."""
    placement = chart.placement
    if placement is not None and placement.is_placed:
        return pictures.place_text(chart)
    return chart.consultation.stated_ward


def _status(chart: CaseChart) -> str:
    if chart.status is ChartStatus.REFERRED:
        return f"{chart.receiver}に引き継ぎました"
    return PLAIN_STATUS[chart.status]


def _answer(chart: CaseChart) -> str:
    """Return the published summary of the last answer, else its kind alone."""
    final = [one for one in chart.answers if not one.interim]
    if final:
        last = final[-1]
        return last.summary or ANSWER_KIND_TEXT[last.kind]
    return "中間回答をしました" if chart.answers else NOT_ANSWERED


def _next(services: Services, pictures: Pictures, chart: CaseChart) -> str:
    """Say what is owed next and until when; a dash when nothing is."""
    owed = owed_for(chart)
    if not owed:
        return "期限の停止中" if chart.is_paused else "—"
    day: dt.date = owed[0].due_at.astimezone(services.profile.timezone).date()
    return f"{pictures.date_text(day)}までに{OWED_TEXT[owed[0].kind]}"
