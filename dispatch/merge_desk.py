"""Use cases of duplicates (重複): suggest, merge into one visit, answer all, undo."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Protocol

from dispatch.domain.answer import Answer
from dispatch.domain.case_chart import CaseChart, ChartEntry, ChartStatus, EntryKind
from dispatch.domain.catalogue import Catalogue
from dispatch.domain.chart_clocks import responded
from dispatch.domain.consultation import (
    MAX_LINE,
    MAX_NAME,
    Consultation,
    ContactMethod,
    require_length,
)
from dispatch.domain.duplicates import (
    DuplicateRules,
    Likeness,
    Sighting,
    find_duplicates,
    search_box,
)
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.legal_acts import acted_on, owes_answer
from dispatch.domain.life_cycle import Act
from dispatch.domain.merging import merge_obstacle, with_merged
from dispatch.domain.place import BoundingBox
from dispatch.domain.scheme import Schemes
from dispatch.ports import ChartChange, Charts, Clock, Geocoder

MAX_COMPARED = 300  # charts around one place and within its time
MAX_SUGGESTED = 8
UNLIKELY = frozenset({ChartStatus.WITHDRAWN, ChartStatus.DUPLICATE})
SPOKEN = frozenset({ContactMethod.PHONE, ContactMethod.VISIT})
Mask = Callable[[str], str]


class RelatedCharts(Protocol):
    """Charts found by where they are and what they were merged into."""

    def near(
        self,
        box: BoundingBox,
        *,
        since: dt.datetime,
        until: dt.datetime,
        without: Collection[ChartStatus],
        limit: int,
    ) -> list[CaseChart]:
        """Charts placed in a rectangle and received in a time, the newest first."""
        ...

    def merged_into(self, chart_id: str) -> list[CaseChart]:
        """Charts whose visit was merged into a chart's, oldest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeTools:
    """What the desk works with."""

    charts: Charts
    related: RelatedCharts
    geocoder: Geocoder
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRules:
    """
    What the city has decided.

    `mask_of` gives, for a chart, the function that takes the reporter's own words out
    of a text: what one was told goes to others without them.
    """

    catalogue: Catalogue
    timezone: dt.tzinfo
    duplicates: DuplicateRules = field(default_factory=DuplicateRules)
    schemes: Schemes = field(default_factory=Schemes)
    mask_of: Callable[[str], Mask] = lambda _chart_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The chart that was merged, and the one whose visit remains."""

    duplicate: CaseChart
    main: CaseChart


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredAll:
    """Merged charts that were answered, and those that were not, with the reason."""

    answered: tuple[CaseChart, ...]
    left: tuple[tuple[CaseChart, str], ...]


class MergeDesk:
    """
    Makes one visit of several reports; every reporter keeps a status and an answer.

    Parameters
    ----------
    tools
        Stores, geocoder, clock.
    rules
        The city's rules.
    """

    def __init__(self, tools: MergeTools, rules: MergeRules) -> None:
        self._tools = tools
        self._rules = rules

    # -- suggesting --------------------------------------------------------------------

    def suggested(self, chart: CaseChart) -> tuple[Likeness, ...]:
        """Charts that may be of the same thing as a chart, the likeliest first."""
        sighting = Sighting.of(chart)
        if sighting is None:
            return ()
        known = {chart.id, chart.duplicate_of}
        return tuple(one for one in self._like(sighting) if one.chart.id not in known)

    def suggested_for(self, consultation: Consultation) -> tuple[Likeness, ...]:
        """
        Charts that may be of the same thing as what is being reported now.

        Raises
        ------
        InvalidInputError
            When the category is unknown.
        """
        self._rules.catalogue.get(consultation.category_code)
        placement = self._tools.geocoder.place(consultation)
        if not placement.is_placed:
            return ()
        return self._like(
            Sighting(
                category_code=consultation.category_code,
                placement=placement,
                received_at=consultation.received_at,
            )
        )

    def _like(self, sighting: Sighting) -> tuple[Likeness, ...]:
        rules = self._rules
        place = sighting.placement.place
        if place is None:
            return ()
        window = rules.duplicates.window_days(sighting.category_code, rules.catalogue)
        span = dt.timedelta(days=window)
        others = self._tools.related.near(
            search_box(place, rules.duplicates),
            since=sighting.received_at - span,
            until=sighting.received_at + span,
            without=UNLIKELY,
            limit=MAX_COMPARED,
        )
        return find_duplicates(sighting, others, rules.duplicates, rules.catalogue)

    # -- what belongs to a chart -------------------------------------------------------

    def followed(self, chart: CaseChart) -> CaseChart | None:
        """Chart whose visit a merged one waits for; None when it waits for its own."""
        if not chart.duplicate_of:
            return None
        return self._tools.charts.get(chart.duplicate_of)

    def merged_into(self, chart: CaseChart) -> list[CaseChart]:
        """Charts that wait for a chart's visit, oldest first."""
        return self._tools.related.merged_into(chart.id)

    def obstacle(self, duplicate: CaseChart, main: CaseChart) -> str:
        """Say why a chart cannot be merged into another; empty when it can."""
        return merge_obstacle(duplicate, main, at=self._now())

    # -- merging -----------------------------------------------------------------------

    def merge(
        self,
        chart_id: str,
        version: int,
        *,
        main_id: str,
        main_version: int,
        who: str,
        why: str = "",
    ) -> Merged:
        """
        Merge a chart into another: one visit remains, both keep their own answer.

        A chart that was merged itself stands for the one it went into; what had been
        merged into this one goes along: there are no chains.

        Raises
        ------
        InvalidInputError
            When nobody is named.
        ConflictError
            When either has changed meanwhile, or something stands in the way.
        """
        _require_word(who, why)
        charts, now = self._tools.charts, self._now()
        duplicate, named = charts.get(chart_id), charts.get(main_id)
        duplicate.require_version(version)
        named.require_version(main_version)
        main = self.followed(named) or named
        obstacle = merge_obstacle(duplicate, main, at=now)
        if obstacle:
            raise ConflictError(f"{duplicate.number}: {obstacle}")
        after = acted_on(duplicate, Act.MERGE, at=now)
        after = replace(after, duplicate_of=main.id)
        changes = [
            self._change(after, who, f"{main.number}にまとめました{_reason(why)}", main)
        ]
        kept = with_merged(main, duplicate)
        for other in self._tools.related.merged_into(duplicate.id):
            moved = replace(other, version=other.version + 1, duplicate_of=main.id)
            text = f"{duplicate.number}とともに{main.number}にまとめました"
            changes.append(self._change(moved, who, text, main))
        text = f"{duplicate.number}をまとめました。訪問は1回にします{_reason(why)}"
        changes.append(self._change(kept, who, text, duplicate))
        charts.save_all(changes)
        return Merged(duplicate=after, main=kept)

    def split_off(self, chart_id: str, version: int, *, who: str, why: str) -> Merged:
        """
        Undo a merging: the chart is received again, for triage; its clocks run on.

        Raises
        ------
        InvalidInputError
            When nobody or no reason is named.
        ConflictError
            When it has changed meanwhile, or was never merged.
        """
        _require_word(who, why)
        if not why.strip():
            raise InvalidInputError("why", "理由を入れてください")
        chart = self._tools.charts.get(chart_id)
        chart.require_version(version)
        main = self.followed(chart)
        if main is None:
            raise ConflictError(f"{chart.number}: まとめられていません")
        after = acted_on(chart, Act.REOPEN, at=self._now())
        after = replace(after, duplicate_of="")
        left = replace(main, version=main.version + 1)
        own = self._change(
            after, who, f"{main.number}とは別の件に戻しました{_reason(why)}", main
        )
        others = self._change(
            left, who, f"{chart.number}を別の件に戻しました{_reason(why)}", chart
        )
        self._tools.charts.save_all([own, others])
        return Merged(duplicate=after, main=left)

    def _change(
        self, after: CaseChart, who: str, text: str, about: CaseChart
    ) -> ChartChange:
        entry = ChartEntry(
            at=self._tools.clock.now(),
            who=who.strip(),
            kind=EntryKind.MERGED,
            text=text,
            about=about.id,
        )
        return after, (entry,)

    # -- answering ---------------------------------------------------------------------

    def answer_merged(self, chart_id: str, *, who: str) -> AnsweredAll:
        """
        Give the chart's own answer to all merged reporters who wait for one.

        The reporter's own words are taken out of it. A chart whose scheme asks for a
        written answer is left when this one was spoken.

        Raises
        ------
        InvalidInputError
            When nobody is named.
        ConflictError
            When the chart has no final answer yet, or one has changed meanwhile.
        """
        _require_word(who, "")
        main = self._tools.charts.get(chart_id)
        final = [one for one in main.answers if not one.interim]
        if not final:
            raise ConflictError(f"{main.number}: まだ回答が記録されていません")
        mask = self._rules.mask_of(main.id)
        told = replace(
            final[-1],
            at=self._now(),
            who=who.strip(),
            text=mask(final[-1].text),
            publishable=False,
            summary="",
            published_on=None,
        )
        answered: list[CaseChart] = []
        left: list[tuple[CaseChart, str]] = []
        for chart in filter(owes_answer, self.merged_into(main)):
            rule = self._rules.schemes.rule(chart.scheme)
            if rule.written and told.method in SPOKEN:
                left.append((chart, f"{rule.name}は文書で回答します"))
            else:
                answered.append(self._answered(chart, told))
        self._tools.charts.save_all(
            [(one, (self._answer_entry(told),)) for one in answered]
        )
        return AnsweredAll(answered=tuple(answered), left=tuple(left))

    def _answered(self, chart: CaseChart, told: Answer) -> CaseChart:
        after = responded(acted_on(chart, Act.ANSWER, at=told.at), at=told.at)
        return replace(
            after,
            answered_at=told.at,
            interim_due_at=None,
            answers=(*chart.answers, told),
        )

    def _answer_entry(self, told: Answer) -> ChartEntry:
        return ChartEntry(
            at=told.at,
            who=told.who,
            kind=EntryKind.ANSWERED,
            text=told.text.strip(),
            about=str(told.kind),
        )

    def _now(self) -> dt.datetime:
        return self._tools.clock.now().astimezone(self._rules.timezone)


def _reason(why: str) -> str:
    return f"。理由: {why.strip()}" if why.strip() else ""


def _require_word(who: str, why: str) -> None:
    require_length("who", who, MAX_NAME)
    require_length("why", why, MAX_LINE)
    if not who.strip():
        raise InvalidInputError("who", "担当者の名前を入れてください")
