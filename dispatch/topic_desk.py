"""Use cases of a call with several topics: child charts, one receipt, one reporter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from dispatch.domain.case_chart import CaseChart, ChartEntry, ChartStatus, EntryKind
from dispatch.domain.catalogue import Catalogue, Urgency
from dispatch.domain.consultation import (
    MAX_DESCRIPTION,
    MAX_LINE,
    MAX_NAME,
    Consultation,
    require_length,
)
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.placing import Placement
from dispatch.ports import AddedChart, ChartChange, Clock, NewChart

MAX_TOPICS = 9  # of one call, besides the first; a proposal
ENDED = frozenset({ChartStatus.CLOSED, ChartStatus.WITHDRAWN})


# What the reception desk does here (`dispatch.intake`): the chart of a consultation
# with its first entries, in a person's name, at a place that may be known already.
Opener = Callable[[Consultation, str, Placement | None], NewChart]


class Calls(Protocol):
    """The store of charts, as far as a call needs it."""

    def get(self, chart_id: str) -> CaseChart:
        """Return the chart; NotFoundError when there is none."""
        ...

    def add_topics(
        self, first: NewChart | ChartChange, topics: Sequence[NewChart]
    ) -> list[AddedChart]:
        """
        Store the first chart, or its next version, and those of the other topics.

        In one transaction, the first in front; of a first that was known already (a
        retry) nothing is added.
        """
        ...


class CallTopics(Protocol):
    """Charts of one call."""

    def topics_of(self, chart_id: str) -> list[CaseChart]:
        """Charts of the other topics of a call, in the order of their numbers."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """
    Another thing said in the same call; without words of a place, at the same place.

    Raises
    ------
    InvalidInputError
        For an over-long text, naming the field.
    """

    category_code: str
    description: str = ""
    address_text: str = ""
    landmark_text: str = ""
    raised_urgency: Urgency | None = None

    def __post_init__(self) -> None:
        require_length("description", self.description, MAX_DESCRIPTION)
        require_length("address", self.address_text, MAX_LINE)
        require_length("landmark", self.landmark_text, MAX_LINE)

    @property
    def has_place(self) -> bool:
        """Whether it names a place of its own."""
        return bool(self.address_text.strip() or self.landmark_text.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """
    One receipt (受付控え): the chart whose number stands on it, and all topics.

    `charts` begins with the chart itself.
    """

    number: str
    charts: tuple[CaseChart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicTools:
    """What the desk works with."""

    charts: Calls
    calls: CallTopics
    opened: Opener
    catalogue: Catalogue
    clock: Clock


class TopicDesk:
    """
    Splits what was said in one call, so that each topic goes where it belongs.

    The reporter's fields stay with the first chart; the others point to it.

    Parameters
    ----------
    tools
        Stores, the reception desk, the catalogue, clock.
    """

    def __init__(self, tools: TopicTools) -> None:
        self._tools = tools

    def receive(
        self, first: NewChart, topics: Sequence[Topic], *, who: str
    ) -> list[AddedChart]:
        """
        Store a new chart and those of the call's other topics in one transaction.

        A retry of the first (by its idempotency key) returns it alone; nothing is
        added then.

        Raises
        ------
        InvalidInputError
            When a topic's category is unknown, or there are too many.
        """
        self._require(topics)
        chart = first.chart
        children = [self._child(chart, topic, who, chart.id) for topic in topics]
        entries = (*first.entries, self._split_entry(who, topics))
        return self._tools.charts.add_topics(replace(first, entries=entries), children)

    def split(
        self, chart_id: str, version: int, topics: Sequence[Topic], *, who: str
    ) -> list[CaseChart]:
        """
        Make charts of other topics that a chart holds; the new charts.

        Raises
        ------
        InvalidInputError
            When nobody or no topic is named, or a category is unknown.
        ConflictError
            When the chart has changed meanwhile, or is closed.
        """
        require_length("who", who, MAX_NAME)
        if not who.strip():
            raise InvalidInputError("who", "担当者の名前を入れてください")
        self._require(topics)
        chart = self._tools.charts.get(chart_id)
        chart.require_version(version)
        if chart.status in ENDED:
            message = f"{chart.number}: 終結か取下げのあとでは、話題を分けられません"
            raise ConflictError(message)
        root = chart.parent_id or chart.id
        count = len(topics) + len(self._tools.calls.topics_of(root))
        if count > MAX_TOPICS:
            message = f"{chart.number}: 1件の受付から分けられる話題は{MAX_TOPICS}件です"
            raise ConflictError(message)
        children = [self._child(chart, topic, who, root) for topic in topics]
        after = replace(chart, version=version + 1)
        change = (after, (self._split_entry(who, topics),))
        added = self._tools.charts.add_topics(change, children)
        return [one.chart for one in added[1:]]

    def receipt(self, chart_id: str) -> Receipt:
        """Receipt of the call that a chart came from."""
        chart = self._tools.charts.get(chart_id)
        if chart.parent_id:
            chart = self._tools.charts.get(chart.parent_id)
        topics = self._tools.calls.topics_of(chart.id)
        return Receipt(number=chart.number, charts=(chart, *topics))

    def _require(self, topics: Sequence[Topic]) -> None:
        if not topics:
            raise InvalidInputError("topics", "話題を1件以上入れてください")
        if len(topics) > MAX_TOPICS:
            raise InvalidInputError("topics", f"話題は{MAX_TOPICS}件までです")
        for topic in topics:
            self._tools.catalogue.get(topic.category_code)

    def _child(
        self, chart: CaseChart, topic: Topic, who: str, parent_id: str
    ) -> NewChart:
        """Chart of a topic, not stored; it says whose call it came from."""
        said = chart.consultation
        consultation = replace(
            said,
            category_code=topic.category_code,
            description=topic.description,
            raised_urgency=topic.raised_urgency,
            appointment=None,
            tagged_on=None,
            external_id="",
            subject="",
        )
        placement = chart.placement
        if topic.has_place:
            placement = None
            consultation = replace(
                consultation,
                address_text=topic.address_text,
                landmark_text=topic.landmark_text,
                position=None,
                position_swapped=False,
                stated_ward="",
                stated_district="",
            )
        if placement is not None and not placement.is_placed:
            placement = None
        new = self._tools.opened(consultation, who, placement)
        entry = ChartEntry(
            at=self._tools.clock.now(),
            who=who,
            kind=EntryKind.SPLIT,
            text="1回の受付で聞いた、ほかの話題から分けました",
            about=parent_id,
        )
        return replace(
            new,
            chart=replace(new.chart, parent_id=parent_id),
            entries=(*new.entries, entry),
        )

    def _split_entry(self, who: str, topics: Sequence[Topic]) -> ChartEntry:
        names = [self._tools.catalogue.get(one.category_code).name for one in topics]
        return ChartEntry(
            at=self._tools.clock.now(),
            who=who,
            kind=EntryKind.SPLIT,
            text=f"話題を分けました: {'、'.join(names)}",
            about=str(len(topics)),
        )
