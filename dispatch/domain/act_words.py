"""Acts and statuses of a chart in the city's words, as pages and refusals tell them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dispatch.domain.case_chart import ChartStatus
from dispatch.domain.life_cycle import Act

STATUS_TEXT: Mapping[ChartStatus, str] = MappingProxyType(
    {
        ChartStatus.RECEIVED: "受付",
        ChartStatus.UNPLACED: "場所の確認待ち",
        ChartStatus.ASSIGNED: "振分済",
        ChartStatus.REFERRED: "引継・移管",
        ChartStatus.PLANNED: "計画済",
        ChartStatus.ON_HOLD: "保留(法定待機)",
        ChartStatus.DONE: "現場完了",
        ChartStatus.ACCEPTED: "受理",
        ChartStatus.RETURNED: "差戻",
        ChartStatus.INSPECTION: "現地確認待ち",
        ChartStatus.UNDER_WAY: "出動中",
        ChartStatus.MADE_SAFE: "応急済",
        ChartStatus.AWAITING_REPAIR: "本復旧待ち",
        ChartStatus.ANSWERED: "回答済",
        ChartStatus.CLOSED: "終結",
        ChartStatus.OBSERVED: "経過観察",
        ChartStatus.DUPLICATE: "重複",
        ChartStatus.WITHDRAWN: "取下げ",
        ChartStatus.DECLINED: "対応困難",
    }
)
ACT_TEXT: Mapping[Act, str] = MappingProxyType(
    {
        Act.PLACE: "場所を決める",
        Act.ASSIGN: "振り分ける",
        Act.HOLD: "法定待機に入れる",
        Act.RELEASE: "待機を明ける",
        Act.ACCEPT: "受理する",
        Act.RETURN: "差し戻す",
        Act.ORDER_INSPECTION: "現地確認へ回す",
        Act.PLAN: "計画に入れる",
        Act.UNPLAN: "計画から外す",
        Act.SET_OUT: "出動する",
        Act.COMPLETE: "完了とする",
        Act.MAKE_SAFE: "応急措置を記録する",
        Act.AWAIT_REPAIR: "本復旧待ちにする",
        Act.REVISIT: "もう一度行く",
        Act.OBSERVE: "経過を見る",
        Act.RESUME: "対応を再開する",
        Act.DECLINE: "対応困難とする",
        Act.WITHDRAW: "取り下げる",
        Act.MERGE: "重複としてまとめる",
        Act.REFER: "移管する",
        Act.ANSWER: "回答を記録する",
        Act.CLOSE: "終結する",
        Act.REOPEN: "再受付する",
    }
)
