"""Places in doubt in words for people: rows of the queue, the page of one chart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from api.wording import PLACING_TEXT, WARNING_TEXT, elapsed_text
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.local_place import MAX_RADIUS_M
from dispatch.domain.placing import Candidate, Placement, PlacingStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRow:
    """
    A chart that waits for a place.

    Parameters
    ----------
    state
        Why it waits, in two or three words.
    why
        The same in sentences.
    waited
        Time since it was received.
    """

    chart: CaseChart
    state: str
    why: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    waited: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Where a chart stands in the queue, and which one comes after it."""

    number: int
    num_waiting: int
    next_id: str = ""


def review_row(chart: CaseChart, now: dt.datetime) -> ReviewRow:
    """Words about a chart that waits for a place."""
    found = chart.placement or Placement(status=PlacingStatus.NOT_FOUND, message="")
    sentences = (found.message, *(WARNING_TEXT[one] for one in found.warnings))
    return ReviewRow(
        chart=chart,
        state=PLACING_TEXT[found.status],
        why=tuple(filter(None, sentences)),
        # The middle of a ward is no place to settle for.
        candidates=tuple(c for c in found.candidates if c.radius_m <= MAX_RADIUS_M),
        waited=elapsed_text(chart.consultation.received_at, now),
    )


def turn_of(chart_id: str, queue: Sequence[CaseChart]) -> Turn:
    """Place in the queue; after the last one the first comes again."""
    ids = [chart.id for chart in queue]
    at = ids.index(chart_id) if chart_id in ids else 0
    others = [*ids[at + 1 :], *ids[:at]] if chart_id in ids else ids
    return Turn(number=at + 1, num_waiting=len(ids), next_id=next(iter(others), ""))
