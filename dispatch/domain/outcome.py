"""Outcomes (対応結果): what a team did at a stop, in the words of its sheet."""

from __future__ import annotations

from enum import StrEnum

from dispatch.domain.life_cycle import Act


class Outcome(StrEnum):
    """What the team did or found (措置); the sheet's boxes and two more."""

    TEMPORARY = "temporary"  # 応急
    PERMANENT = "permanent"  # 本復旧
    CHECKED = "checked"  # 確認のみ
    ABSENT = "absent"  # 不在: nobody there, to be visited again
    NOT_FOUND = "not_found"  # 見当たらず: nothing of the kind at the place
    FOLLOW_UP = "follow_up"  # 要再訪: begun, somebody has to go again

    @property
    def ends_visit(self) -> bool:
        """Whether the visit is done; if not, it waits for another plan."""
        return self not in {Outcome.ABSENT, Outcome.FOLLOW_UP}

    @property
    def act(self) -> Act:
        """What it does to the chart."""
        return _ACTS[self]


_ACTS = {
    Outcome.TEMPORARY: Act.MAKE_SAFE,
    Outcome.PERMANENT: Act.COMPLETE,
    Outcome.CHECKED: Act.COMPLETE,
    Outcome.ABSENT: Act.REVISIT,
    Outcome.NOT_FOUND: Act.COMPLETE,
    Outcome.FOLLOW_UP: Act.AWAIT_REPAIR,
}
