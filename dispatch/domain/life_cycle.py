"""States of a case chart (状態) and the acts that lead between them: one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class ChartStatus(StrEnum):
    """Where a chart stands (状態)."""

    RECEIVED = "received"  # 受付; also a reopened chart that waits for triage
    UNPLACED = "unplaced"  # 場所の確認待ち
    ASSIGNED = "assigned"  # 振分済
    ACCEPTED = "accepted"  # 受理
    RETURNED = "returned"  # 差戻
    INSPECTION = "inspection"  # 現地確認待
    PLANNED = "planned"  # 計画済
    UNDER_WAY = "under_way"  # 出動中
    MADE_SAFE = "made_safe"  # 応急済
    AWAITING_REPAIR = "awaiting_repair"  # 本復旧待
    DONE = "done"  # 完了
    ANSWERED = "answered"  # 回答済
    CLOSED = "closed"  # 終結
    REFERRED = "referred"  # 移管済
    OBSERVED = "observed"  # 経過観察
    DUPLICATE = "duplicate"  # 重複
    WITHDRAWN = "withdrawn"  # 取下げ
    DECLINED = "declined"  # 対応困難
    ON_HOLD = "on_hold"  # 保留(法定待機)


class Act(StrEnum):
    """What somebody does to a chart that moves it (処理)."""

    PLACE = "place"  # 場所を決める
    ASSIGN = "assign"  # 振り分ける
    HOLD = "hold"  # 法定待機に入れる
    RELEASE = "release"  # 待機が明ける
    ACCEPT = "accept"  # 受理する
    RETURN = "return"  # 差し戻す
    ORDER_INSPECTION = "order_inspection"  # 現地確認へ回す
    PLAN = "plan"  # 計画に入れる
    UNPLAN = "unplan"  # 計画から外す
    SET_OUT = "set_out"  # 出動する
    COMPLETE = "complete"  # 完了とする
    MAKE_SAFE = "make_safe"  # 応急措置をする
    AWAIT_REPAIR = "await_repair"  # 本復旧待ちにする
    REVISIT = "revisit"  # もう一度行く
    OBSERVE = "observe"  # 経過を見る
    RESUME = "resume"  # 対応を再開する
    DECLINE = "decline"  # 対応困難とする
    WITHDRAW = "withdraw"  # 取り下げる
    MERGE = "merge"  # 重複としてまとめる
    REFER = "refer"  # 移管する
    ANSWER = "answer"  # 回答を記録する
    CLOSE = "close"  # 終結する
    REOPEN = "reopen"  # 再開する(再受付)


class Way(StrEnum):
    """How an act is done: what a person or a program has to give."""

    RULE = "rule"  # the system's own step: a rule, a plan, a placing
    WORD = "word"  # by a person's word: name and, where asked, a reason
    RECORD = "record"  # with a record of its own: result, answer, transfer, merge


S = ChartStatus
_AT_WORK = (S.ASSIGNED, S.ACCEPTED, S.INSPECTION)  # an office has it, no plan yet
_ON_SITE = (*_AT_WORK, S.PLANNED, S.UNDER_WAY)
_WAITING = (S.RECEIVED, S.UNPLACED, S.RETURNED)
_OWED = (*_WAITING, *_AT_WORK, S.PLANNED, S.AWAITING_REPAIR, S.OBSERVED, S.ON_HOLD)
_FINISHED = (S.DONE, S.OBSERVED, S.DECLINED, S.REFERRED, S.DUPLICATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """
    One row of the table: an act leads from each of the sources to the target.

    `needs_reason`: nobody may do it without saying why. `only_urgent`: for class S
    alone, with the reason written down within 24 hours. `starts_work`: the work on
    site, which a legal hold forbids. `ends_owed_answer`: the chart may not go there
    while a resident waits for an answer.
    """

    act: Act
    sources: tuple[ChartStatus, ...]
    target: ChartStatus
    way: Way = Way.WORD
    needs_reason: bool = False
    only_urgent: bool = False
    starts_work: bool = False
    needs_answer: bool = False


TABLE: tuple[Arrow, ...] = (
    Arrow(act=Act.PLACE, sources=_WAITING, target=S.UNPLACED, way=Way.RULE),
    Arrow(act=Act.ASSIGN, sources=_WAITING, target=S.ASSIGNED, way=Way.RULE),
    Arrow(
        act=Act.ASSIGN,
        sources=(*_AT_WORK, S.PLANNED, S.AWAITING_REPAIR),
        target=S.ASSIGNED,
        way=Way.RULE,
    ),
    Arrow(act=Act.HOLD, sources=(*_WAITING, S.ON_HOLD), target=S.ON_HOLD, way=Way.RULE),
    Arrow(act=Act.RELEASE, sources=(S.ON_HOLD,), target=S.ASSIGNED, way=Way.RULE),
    Arrow(act=Act.ACCEPT, sources=(S.ASSIGNED,), target=S.ACCEPTED),
    Arrow(act=Act.RETURN, sources=_AT_WORK, target=S.RETURNED, needs_reason=True),
    Arrow(
        act=Act.RETURN,
        sources=(S.REFERRED,),
        target=S.RETURNED,
        way=Way.RECORD,
        needs_reason=True,
    ),
    Arrow(
        act=Act.ORDER_INSPECTION,
        sources=(S.ASSIGNED, S.ACCEPTED),
        target=S.INSPECTION,
    ),
    Arrow(
        act=Act.PLAN,
        sources=(*_AT_WORK, S.PLANNED, S.AWAITING_REPAIR),
        target=S.PLANNED,
        way=Way.RULE,
        starts_work=True,
    ),
    Arrow(act=Act.UNPLAN, sources=(S.PLANNED,), target=S.ASSIGNED, way=Way.RULE),
    Arrow(act=Act.SET_OUT, sources=(S.PLANNED,), target=S.UNDER_WAY, starts_work=True),
    Arrow(
        act=Act.SET_OUT,
        sources=(*_WAITING, *_AT_WORK),
        target=S.UNDER_WAY,
        only_urgent=True,
        starts_work=True,
    ),
    Arrow(
        act=Act.COMPLETE,
        sources=(*_ON_SITE, S.MADE_SAFE, S.AWAITING_REPAIR, S.OBSERVED, S.REFERRED),
        target=S.DONE,
        way=Way.RECORD,
        starts_work=True,
    ),
    Arrow(
        act=Act.MAKE_SAFE,
        sources=(*_ON_SITE, S.AWAITING_REPAIR),
        target=S.MADE_SAFE,
        way=Way.RECORD,
        starts_work=True,
    ),
    Arrow(
        act=Act.AWAIT_REPAIR,
        sources=(*_ON_SITE, S.MADE_SAFE, S.AWAITING_REPAIR),
        target=S.AWAITING_REPAIR,
        way=Way.RECORD,
        starts_work=True,
    ),
    Arrow(
        act=Act.REVISIT,
        sources=(S.PLANNED, S.UNDER_WAY),
        target=S.ASSIGNED,
        way=Way.RECORD,
    ),
    Arrow(
        act=Act.OBSERVE,
        sources=(*_ON_SITE, S.MADE_SAFE, S.AWAITING_REPAIR),
        target=S.OBSERVED,
        needs_reason=True,
    ),
    Arrow(act=Act.RESUME, sources=(S.OBSERVED,), target=S.ASSIGNED, needs_reason=True),
    Arrow(
        act=Act.DECLINE,
        sources=(*_WAITING, *_ON_SITE, S.AWAITING_REPAIR, S.OBSERVED),
        target=S.DECLINED,
        needs_reason=True,
    ),
    Arrow(act=Act.WITHDRAW, sources=_OWED, target=S.WITHDRAWN, needs_reason=True),
    Arrow(act=Act.MERGE, sources=_OWED, target=S.DUPLICATE, way=Way.RECORD),
    Arrow(
        act=Act.REFER,
        sources=(*_WAITING, *_AT_WORK, S.PLANNED, S.AWAITING_REPAIR, S.REFERRED),
        target=S.REFERRED,
        way=Way.RECORD,
    ),
    Arrow(act=Act.ANSWER, sources=_FINISHED, target=S.ANSWERED, way=Way.RECORD),
    Arrow(
        act=Act.CLOSE,
        sources=(*_FINISHED, S.ANSWERED),
        target=S.CLOSED,
        needs_answer=True,
    ),
    Arrow(act=Act.CLOSE, sources=(S.WITHDRAWN,), target=S.CLOSED),
    Arrow(
        act=Act.REOPEN,
        sources=(*_FINISHED, S.ANSWERED, S.CLOSED, S.WITHDRAWN, S.MADE_SAFE),
        target=S.RECEIVED,
        needs_reason=True,
    ),
)

# From each status, the statuses that may follow, by whatever act.
ARROWS: Mapping[ChartStatus, frozenset[ChartStatus]] = MappingProxyType(
    {
        status: frozenset(a.target for a in TABLE if status in a.sources)
        for status in ChartStatus
    }
)

# Nobody owes work on site any more.
WORK_OVER = frozenset(
    {
        S.MADE_SAFE,
        S.DONE,
        S.ANSWERED,
        S.CLOSED,
        S.DUPLICATE,
        S.WITHDRAWN,
        S.DECLINED,
        S.OBSERVED,
    }
)
# For a plan of the day: it stands there as driven, or a team is at it.
BEYOND_PLANNING = WORK_OVER | {S.UNDER_WAY}
NOT_DONE = tuple(status for status in ChartStatus if status not in WORK_OVER)
PLANNABLE = (*_AT_WORK, S.PLANNED, S.AWAITING_REPAIR, S.ON_HOLD)


def arrows_from(status: ChartStatus, act: Act) -> tuple[Arrow, ...]:
    """Rows of the table by which an act leaves a status, in the table's order."""
    return tuple(a for a in TABLE if a.act is act and status in a.sources)
