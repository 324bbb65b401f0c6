"""Use cases of the library of examples (相談事例): make, search, take away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dispatch.domain.case_chart import ChartEntry, EntryKind
from dispatch.domain.catalogue import Catalogue
from dispatch.domain.consultation import MAX_LINE, require_length
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.example import Example, ExampleDraft, search_words
from dispatch.domain.ids import new_id
from dispatch.domain.life_cycle import ChartStatus
from dispatch.ports import Charts, Clock

MAX_SHOWN = 200
MADE = "相談事例に載せました"
REMOVED = "相談事例から外しました"


class Examples(Protocol):
    """The store of examples."""

    def add(self, example: Example, words: str) -> None:
        """Store one; ConflictError when its chart has one already."""
        ...

    def get(self, example_id: str) -> Example:
        """Return one; NotFoundError when there is none."""
        ...

    def of_chart(self, chart_id: str) -> Example | None:
        """Return the example of a chart; None when there is none."""
        ...

    def remove(self, example_id: str) -> None:
        """Take one away; NotFoundError when there is none."""
        ...

    def found(
        self, words: Sequence[str], *, category_code: str, ward_code: str, limit: int
    ) -> Sequence[Example]:
        """Those that hold all words, of a category and ward, the newest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleTools:
    """
    What the desk works with.

    `mask_of` gives, for a chart, the function that takes phone numbers and the
    reporter's own words out of a text.
    """

    charts: Charts
    examples: Examples
    clock: Clock
    catalogue: Catalogue
    mask_of: Callable[[str], Callable[[str], str]]


class ExampleDesk:
    """
    Makes examples of closed charts, and finds them again.

    Parameters
    ----------
    tools
        Stores, clock, catalogue and masks.
    """

    def __init__(self, tools: ExampleTools) -> None:
        self._tools = tools

    def make(
        self, chart_id: str, draft: ExampleDraft, *, who: str, is_confirmed: bool
    ) -> Example:
        """
        Put an example of a closed chart into the library.

        Raises
        ------
        InvalidInputError
            When nobody is named, or a text tells of a person.
        ConflictError
            When the chart is not closed, or has its example already.
        """
        _require_who(who)
        tools = self._tools
        chart = tools.charts.get(chart_id)
        if chart.status is not ChartStatus.CLOSED:
            message = f"{chart.number}: 終結した相談だけを事例にできます"
            raise ConflictError(message)
        draft.require_nobody(tools.mask_of(chart_id), is_confirmed=is_confirmed)
        placement = chart.placement
        category = tools.catalogue.get(chart.category_code)
        example = Example(
            id=new_id(),
            chart_id=chart_id,
            category_code=category.code,
            ward_code=placement.ward_code if placement else "",
            at=tools.clock.now(),
            who=who.strip(),
            draft=draft,
        )
        texts = (category.name, *(text for _, text in draft.texts()))
        tools.examples.add(example, " ".join(search_words(" ".join(texts))))
        self._told(chart_id, who, MADE)
        return example

    def remove(self, example_id: str, *, who: str, why: str) -> None:
        """
        Take an example out of the library; the chart's history says who and why.

        Raises
        ------
        NotFoundError
            When there is no such example.
        InvalidInputError
            When nobody or no reason is named.
        """
        _require_who(who)
        require_length("why", why, MAX_LINE)
        if not why.strip():
            raise InvalidInputError("why", "理由を入れてください")
        example = self._tools.examples.get(example_id)
        self._tools.examples.remove(example_id)
        self._told(example.chart_id, who, f"{REMOVED}: {why.strip()}")

    def of_chart(self, chart_id: str) -> Example | None:
        """Return the example of a chart; None when it has none."""
        return self._tools.examples.of_chart(chart_id)

    def found(
        self, text: str, *, category_code: str = "", ward_code: str = ""
    ) -> Sequence[Example]:
        """Examples that hold all words of a text, the newest first."""
        return self._tools.examples.found(
            search_words(text),
            category_code=category_code,
            ward_code=ward_code,
            limit=MAX_SHOWN,
        )

    def _told(self, chart_id: str, who: str, text: str) -> None:
        at = self._tools.clock.now()
        entry = ChartEntry(at=at, who=who.strip(), kind=EntryKind.COMMENT, text=text)
        self._tools.charts.append(chart_id, [entry])


def _require_who(who: str) -> None:
    require_length("who", who, MAX_LINE)
    if not who.strip():
        raise InvalidInputError("who", "担当者の名前を入れてください")
