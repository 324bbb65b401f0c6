"""Answers (回答) to the people who reported: given, interim, and what is published."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from dispatch.domain.consultation import MAX_DESCRIPTION, ContactMethod, require_length


class AnswerKind(StrEnum):
    """What the city says it does (対応の種別)."""

    EXPLAINED = "explained"  # 説明
    DONE = "done"  # 対応済
    IN_HAND = "in_hand"  # 対応中
    CONSIDERED = "considered"  # 検討
    DECLINED = "declined"  # 対応困難


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    An answer as it was given; an interim one (中間回答) tells of the delay only.

    `text` is what the resident was told. `summary` is what may be published; it holds
    nothing about a person, and is empty while nobody has written one.
    """

    at: dt.datetime
    who: str
    method: ContactMethod
    kind: AnswerKind
    text: str
    interim: bool = False
    publishable: bool = False
    summary: str = ""
    published_on: dt.date | None = None

    def __post_init__(self) -> None:
        require_length("text", self.text, MAX_DESCRIPTION)
        require_length("summary", self.summary, MAX_DESCRIPTION)
