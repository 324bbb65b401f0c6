"""The category catalogue: what a consultation is about, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from dispatch.domain.errors import InvalidInputError, SourceError


class Urgency(StrEnum):
    """Urgency (緊急度), most urgent first."""

    S = "S"  # 緊急: danger to life or traffic
    A = "A"  # 当日: on site the same working day
    B = "B"  # 3開庁日
    C = "C"  # 計画: answer within 14 days, work is planned
    D = "D"  # 移管: refer, never routed

    @property
    def rank(self) -> int:
        """0 for the most urgent."""
        return list(Urgency).index(self)


class Duty(StrEnum):
    """Who does the work."""

    FIELD = "field"  # 機動班
    PARTNER = "partner"  # 公園事務所, 環境事業センター, …
    REFERRAL = "referral"  # 移管: another desk answers; never on a map


class ResponseUnit(StrEnum):
    """Unit of a category's first-response target."""

    MINUTES = "minutes"
    TODAY = "today"
    WORKING_DAYS = "working_days"
    DAYS = "days"
    NONE = "none"  # no such target: planned work, or another's


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkCategory:
    """
    One row of the catalogue (分類). Timings are proposals of the city profile.

    `hold_days` is the legal wait between tagging and removal (エフ, 7 days).
    `completion_unit` and `completion_value` are the target for the end of the work
    (完了目標). `num_teams` begin together, each with `crew` people; `tools` are shared
    ones.
    """

    code: str
    name: str
    group: str
    duty: Duty
    receiver: str
    urgency: Urgency
    response_unit: ResponseUnit
    response_value: int = 0
    completion_unit: ResponseUnit = ResponseUnit.NONE
    completion_value: int = 0
    onsite_s: int = 0
    crew: int = 1
    num_teams: int = 1
    skills: frozenset[str] = frozenset()
    tools: frozenset[str] = frozenset()
    load_kg: int = 0
    instruction: str = ""
    equipment: str = ""
    materials: str = ""
    caution: str = ""
    hold_days: int = 0
    weight: float = 0.0

    def __post_init__(self) -> None:
        if self.duty is Duty.FIELD and (self.onsite_s <= 0 or self.crew <= 0):
            problem = "現場作業の分類には作業分と人数が必要です"
            raise InvalidInputError(f"category {self.code}", problem)
        if self.num_teams < 1:
            raise InvalidInputError(f"category {self.code}", "班は1以上必要です")
        if self.response_unit is ResponseUnit.NONE:
            raise InvalidInputError(f"category {self.code}", "一次対応の期限が必要です")
        numbers = (self.load_kg, self.hold_days, self.response_value)
        if min(*numbers, self.onsite_s, self.completion_value) < 0:
            raise InvalidInputError(f"category {self.code}", "負の値は使えません")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All categories of a city, by code."""

    categories: tuple[WorkCategory, ...]
    _by_code: Mapping[str, WorkCategory] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_code = {category.code: category for category in self.categories}
        if len(by_code) != len(self.categories):
            message = "category catalogue: a code appears twice"
            raise SourceError(message)
        object.__setattr__(self, "_by_code", MappingProxyType(by_code))

    def get(self, code: str) -> WorkCategory:
        """
        Return the category of a code.

        Raises
        ------
        InvalidInputError
            When the catalogue has no such code.
        """
        try:
            return self._by_code[code]
        except KeyError:
            problem = "分類コードが分類表にありません(例: R02)"
            raise InvalidInputError("category", problem) from None

    def __contains__(self, code: object) -> bool:
        return code in self._by_code

    def of_duty(self, duty: Duty) -> Iterable[WorkCategory]:
        """Categories of one duty, in catalogue order."""
        return (category for category in self.categories if category.duty is duty)
