"""Monthly numbers (統計): counted from what charts were on a day, by one dimension."""

from __future__ import annotations

import datetime as dt
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dispatch.domain.case_chart import EntryKind
from dispatch.domain.chart_facts import ChartFacts
from dispatch.domain.life_cycle import WORK_OVER, ChartStatus

HOUR_S = 3600
TENTHS = 10  # the slowest tenth: the ninth of nine cuts
HANDED_ON = frozenset({EntryKind.REFERRED, EntryKind.TRANSFERRED})


class Dimension(StrEnum):
    """What the rows of a table of numbers stand for."""

    WARD = "ward"
    OFFICE = "office"
    DISTRICT = "district"
    CATEGORY = "category"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of a chart: when, its kinds of lines, and the chart after it."""

    at: dt.datetime
    kinds: frozenset[EntryKind]
    after: ChartFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartStory:
    """One chart up to a day: when it was received, and its changes in their order."""

    received_at: dt.datetime
    changes: tuple[Change, ...]


@dataclass(slots=True, kw_only=True)
class Numbers:
    """
    Numbers of one row.

    Counts are of the month, but for those `at_end`: of the day that is counted for.
    Hours are from receipt to the first response, over the clock.
    """

    received: int = 0
    merged: int = 0
    responded: int = 0
    response_hours: list[float] = field(default_factory=list)
    work_done: int = 0
    answered_in_time: int = 0
    answered_late: int = 0
    reopened: int = 0
    handed_on: int = 0
    returned: int = 0
    open_at_end: int = 0
    overdue_at_end: int = 0
    answer_overdue_at_end: int = 0
    with_others_at_end: int = 0
    oldest_with_others_days: int = 0

    @property
    def contacts_per_chart(self) -> float | None:
        """Consultations for each piece of work; None when there was none."""
        works = self.received - self.merged
        return self.received / works if works > 0 else None

    @property
    def median_response_h(self) -> float | None:
        """Hours within which half of the first responses came."""
        return statistics.median(self.response_hours) if self.response_hours else None

    @property
    def p90_response_h(self) -> float | None:
        """Hours within which nine of ten first responses came."""
        if not self.response_hours:
            return None
        ordered = sorted(self.response_hours)
        # nearest rank: the smallest value that nine tenths do not exceed
        rank = -(-len(ordered) * (TENTHS - 1) // TENTHS)
        return ordered[rank - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The month that is counted, and the end of the day that it is counted for."""

    start: dt.datetime
    end: dt.datetime
    as_of: dt.datetime

    def holds(self, moment: dt.datetime | None) -> bool:
        """Whether something happened in the month and was known by the day."""
        if moment is None:
            return False
        return self.start <= moment < min(self.end, self.as_of)


def numbers_by(
    stories: Iterable[ChartStory], period: Period, dimension: Dimension
) -> dict[str, Numbers]:
    """
    Count, by what a chart belonged to on the day.

    Parameters
    ----------
    stories
        Charts with their changes; what came after the day is left out.
    period
        Month and day.
    dimension
        What the rows stand for.

    Returns
    -------
    dict of str to Numbers
        By code or id, in its order; the empty one holds what belongs to none.
    """
    rows: defaultdict[str, Numbers] = defaultdict(Numbers)
    for story in stories:
        changes = [one for one in story.changes if one.at < period.as_of]
        if changes:
            key = _key(changes[-1].after, dimension)
            _count(rows[key], story, changes, period)
    return {key: rows[key] for key in sorted(rows) if _is_anything(rows[key])}


def total(rows: Iterable[Numbers]) -> Numbers:
    """Sum of all rows; hours are put together, not averaged."""
    whole = Numbers()
    for row in rows:
        for name in Numbers.__slots__:
            if name == "oldest_with_others_days":
                setattr(whole, name, max(getattr(whole, name), getattr(row, name)))
            else:
                setattr(whole, name, getattr(whole, name) + getattr(row, name))
    return whole


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """
    What one pair of holders passed on in the month, and what is there at the end.

    `held` charts are with the receiver at the end of the day, the oldest of them for
    `oldest_days`.
    """

    sender: str
    receiver: str
    sent: int = 0
    returned: int = 0
    held: int = 0
    oldest_days: int = 0


@dataclass(slots=True)
class _Pair:
    """Counts of a pair while they are counted."""

    sent: int = 0
    returned: int = 0
    held: int = 0
    oldest_days: int = 0

    def hold(self, days: int) -> None:
        """Count a chart that the receiver has for so many days."""
        self.held += 1
        self.oldest_days = max(self.oldest_days, days)


def hand_overs(stories: Iterable[ChartStory], period: Period) -> tuple[HandOver, ...]:
    """
    Hand-overs by pair of sender and receiver, in the order of names.

    The sender is who had the chart before: a receiver, else its works office, else
    the reception (empty). A pair is there when something went over or came back in the
    month, or when the receiver has something at the end of the day.
    """
    pairs: defaultdict[tuple[str, str], _Pair] = defaultdict(_Pair)
    for story in stories:
        changes = [one for one in story.changes if one.at < period.as_of]
        _count_hand_overs(pairs, changes, period)
    return tuple(
        HandOver(
            sender=sender,
            receiver=receiver,
            sent=pair.sent,
            returned=pair.returned,
            held=pair.held,
            oldest_days=pair.oldest_days,
        )
        for (sender, receiver), pair in sorted(pairs.items())
        if pair.sent or pair.returned or pair.held
    )


def _count_hand_overs(
    pairs: defaultdict[tuple[str, str], _Pair],
    changes: Sequence[Change],
    period: Period,
) -> None:
    """Add the ways of one chart between holders, and who has it at the end."""
    pair = ("", "")  # as long as nobody else has it
    returned_to = ""
    since = period.as_of
    for change in changes:
        after, counts = change.after, period.holds(change.at)
        if _is_handed_on(change) and after.receiver != pair[1]:
            pair = (pair[1] or returned_to or after.office_id, after.receiver)
            returned_to, since = "", change.at
            pairs[pair].sent += counts
        elif after.status is ChartStatus.RETURNED and pair[1]:
            pairs[pair].returned += counts and not _is_withdrawn(change)
            returned_to = "" if after.receiver == pair[1] else after.receiver
        if after.status is not ChartStatus.REFERRED:
            pair = ("", "")  # it came back, or the receiver has settled it
    if pair[1]:
        pairs[pair].hold((period.as_of - since).days)


def _is_handed_on(change: Change) -> bool:
    """Whether somebody else got the chart by this change."""
    return bool(change.kinds & HANDED_ON) and not _is_withdrawn(change)


def _is_withdrawn(change: Change) -> bool:
    """Whether a transfer was taken back by its sender; nobody returned it."""
    is_back = change.after.status is not ChartStatus.REFERRED
    return EntryKind.TRANSFERRED in change.kinds and is_back


def _key(facts: ChartFacts, dimension: Dimension) -> str:
    match dimension:
        case Dimension.WARD:
            return facts.ward_code
        case Dimension.OFFICE:
            return facts.office_id
        case Dimension.DISTRICT:
            return facts.district_id
        case Dimension.CATEGORY:
            return facts.category_code


def _count(
    row: Numbers, story: ChartStory, changes: Sequence[Change], period: Period
) -> None:
    """Add one chart to a row."""
    row.received += period.holds(story.received_at)
    before: ChartFacts | None = None
    for change in changes:
        if period.holds(change.at):
            _count_change(row, story, before, change)
        before = change.after
    _count_end(row, changes, period)


def _count_change(
    row: Numbers, story: ChartStory, before: ChartFacts | None, change: Change
) -> None:
    after = change.after
    if after.responded_at and not (before and before.responded_at):
        row.responded += 1
        waited = after.responded_at - story.received_at
        if not after.reopened:  # a reopened one was received again, another day
            row.response_hours.append(waited.total_seconds() / HOUR_S)
    if after.work_done_at and not (before and before.work_done_at):
        row.work_done += 1
    if after.answered_at and not (before and before.answered_at):
        due = before.answer_due_at if before else after.answer_due_at
        late = due is not None and after.answered_at > due
        row.answered_late += late
        row.answered_in_time += not late
    row.merged += after.is_merged and not (before and before.is_merged)
    row.reopened += after.reopened > (before.reopened if before else 0)
    row.handed_on += _is_handed_on(change)
    was_returned = before is not None and before.status is ChartStatus.RETURNED
    is_returned = after.status is ChartStatus.RETURNED and not _is_withdrawn(change)
    row.returned += is_returned and not was_returned


def _count_end(row: Numbers, changes: Sequence[Change], period: Period) -> None:
    """Add how the chart stood at the end of the day."""
    last = changes[-1].after
    is_open = last.status not in WORK_OVER | {ChartStatus.REFERRED}
    row.open_at_end += is_open
    runs = is_open and not last.is_paused and last.status is not ChartStatus.ON_HOLD
    late = (
        (last.due_at, last.responded_at),
        (last.field_due_at, last.work_done_at),
    )
    row.overdue_at_end += runs and any(
        due is not None and met is None and due < period.as_of for due, met in late
    )
    ended = last.status in {ChartStatus.CLOSED, ChartStatus.WITHDRAWN}
    answer_due = None if ended or last.is_paused else last.answer_due_at
    row.answer_overdue_at_end += (
        answer_due is not None
        and last.answered_at is None
        and answer_due < period.as_of
    )
    if last.status is ChartStatus.REFERRED:
        row.with_others_at_end += 1
        since = _handed_on_at(changes)
        days = (period.as_of - since).days
        row.oldest_with_others_days = max(row.oldest_with_others_days, days)


def _handed_on_at(changes: Sequence[Change]) -> dt.datetime:
    """Moment since which somebody else has a chart that somebody else has."""
    since = changes[-1].at
    for change in reversed(changes):
        if change.after.status is not ChartStatus.REFERRED:
            break
        since = change.at
    return since


def _is_anything(row: Numbers) -> bool:
    return any(getattr(row, name) for name in Numbers.__slots__)
