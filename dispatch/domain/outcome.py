"""Outcomes (対応結果): what a team did at a stop, in the words of its sheet."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What the team did (措置); the four boxes of the route sheet."""

    TEMPORARY = "temporary"  # 応急
    PERMANENT = "permanent"  # 本復旧
    CHECKED = "checked"  # 確認のみ
    ABSENT = "absent"  # 不在: nobody there, to be visited again

    @property
    def ends_visit(self) -> bool:
        """Whether the visit is done; if not, it waits for another plan."""
        return self is not Outcome.ABSENT
