"""Field results in words, as the history of a chart tells them."""

from __future__ import annotations

from dispatch.domain.field_result import FieldResult
from dispatch.domain.outcome import Outcome

OUTCOME_TEXT = {
    Outcome.TEMPORARY: "応急",
    Outcome.PERMANENT: "本復旧",
    Outcome.CHECKED: "確認のみ",
    Outcome.ABSENT: "不在",
    Outcome.NOT_FOUND: "見当たらず",
    Outcome.FOLLOW_UP: "要再訪",
}


def result_in_words(result: FieldResult) -> str:
    """One line: the outcome first, then what was noted, used and comes next."""
    parts = [OUTCOME_TEXT[result.outcome]]
    if result.note.strip():
        parts.append(result.note.strip())
    if result.minutes is not None:
        parts.append(f"作業{result.minutes}分")
    if result.materials:
        used = "、".join(f"{one.name} {one.amount:g}" for one in result.materials)
        parts.append(f"材料: {used}")
    for name, text in (
        ("原因者", result.cause),
        ("占用企業者", result.occupant),
        ("委託番号", result.contract_no),
    ):
        if text.strip():
            parts.append(f"{name}: {text.strip()}")
    if result.next_on is not None:
        parts.append(f"次回 {result.next_on:%Y-%m-%d}")
    return "。".join(parts)
