"""Shared tools (共用機材): what few offices have, and how many there are in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from dispatch.domain.errors import InvalidInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTool:
    """
    One kind of tool (高圧洗浄車 for one) at one works office.

    `count` is how many the office has. A plan lends them to any team: see `stock_of`.
    """

    id: str
    name: str
    office_id: str
    count: int

    def __post_init__(self) -> None:
        if self.count < 0:
            raise InvalidInputError("count", "台数は0以上が必要です")


def stock_of(tools: Iterable[SharedTool]) -> tuple[tuple[str, int], ...]:
    """How many of each tool there are in the whole city, by id."""
    stock: Counter[str] = Counter()
    for tool in tools:
        stock[tool.id] += tool.count
    return tuple(sorted(stock.items()))
