"""Values of a chart's page: like reports, merged ones, other topics, and photos."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from api.acting import can, chart_where, readable
from api.related_schemas import DuplicateOut, DuplicatesOut
from api.wiring import Services
from dispatch.domain.access import Action
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.consultation import Consultation
from dispatch.domain.duplicates import Likeness
from dispatch.domain.legal_acts import owes_answer
from dispatch.domain.life_cycle import Act, ChartStatus, arrows_from
from dispatch.domain.photo import Photo, PhotoKind
from dispatch.domain.place import great_circle_m
from dispatch.merge_desk import MAX_SUGGESTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A like report; the obstacles say why one cannot go into the other."""

    like: Likeness
    into_it: str  # obstacle to merging this chart into that one
    into_this: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedView:
    """What the page shows beside a chart."""

    followed: CaseChart | None
    merged: tuple[CaseChart, ...]
    waiting: tuple[CaseChart, ...]  # merged ones whose reporters wait for an answer
    suggestions: tuple[Suggestion, ...]
    topics: tuple[CaseChart, ...]
    receipt_number: str
    may_join: bool
    is_answered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoView:
    """A photo on the page, and how far from the chart's place the camera stood."""

    photo: Photo
    away_m: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotosView:
    """The photos of a chart: the pair of before and after, and the others."""

    before: tuple[PhotoView, ...]
    after: tuple[PhotoView, ...]
    others: tuple[PhotoView, ...]
    may_add: bool
    may_place: bool

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.before) + len(self.after) + len(self.others)


def like_charts(request: Request, found: tuple[Likeness, ...]) -> tuple[Likeness, ...]:
    """Likely duplicates that who asks may read, at most as many as are shown."""
    known = {one.id for one in readable(request, [like.chart for like in found])}
    return tuple(like for like in found if like.chart.id in known)[:MAX_SUGGESTED]


def duplicates_out(
    request: Request, services: Services, found: tuple[Likeness, ...]
) -> DuplicatesOut:
    """Build the answer about duplicates for who asks."""
    shown = like_charts(request, found)
    return DuplicatesOut(
        duplicates=[DuplicateOut.from_domain(one, services) for one in shown]
    )


def draft_duplicates(
    request: Request, services: Services, draft: Consultation
) -> DuplicatesOut:
    """Build the answer about what is still being written."""
    found = services.cases.merges.suggested_for(draft)
    return duplicates_out(request, services, found)


def related_view(request: Request, services: Services, chart: CaseChart) -> RelatedView:
    """Look up what belongs to a chart, and what may."""
    merges = services.cases.merges
    where = chart_where(services, chart)
    may_join = can(request, Action.SPLIT_MERGE, where)
    merged = tuple(readable(request, merges.merged_into(chart)))
    receipt = services.cases.topics.receipt(chart.id)
    return RelatedView(
        followed=merges.followed(chart),
        merged=merged,
        waiting=tuple(filter(owes_answer, merged)),
        suggestions=_suggestions(request, services, chart) if may_join else (),
        topics=tuple(one for one in receipt.charts if one.id != chart.id),
        receipt_number=receipt.number,
        may_join=may_join,
        is_answered=any(not one.interim for one in chart.answers),
    )


def _suggestions(
    request: Request, services: Services, chart: CaseChart
) -> tuple[Suggestion, ...]:
    """Find what a chart may be merged with; nothing once its work is over."""
    if not arrows_from(chart.status, Act.MERGE):
        return ()
    merges = services.cases.merges
    return tuple(
        Suggestion(
            like=one,
            into_it=merges.obstacle(chart, one.chart),
            into_this=merges.obstacle(one.chart, chart),
        )
        for one in like_charts(request, merges.suggested(chart))
    )


def photos_view(request: Request, services: Services, chart: CaseChart) -> PhotosView:
    """Put a chart's photos in the order of the page."""
    where = chart_where(services, chart)
    views = [_photo_view(one, chart) for one in services.cases.photos.listed(chart.id)]
    by_kind = {
        kind: tuple(one for one in views if one.photo.kind is kind)
        for kind in PhotoKind
    }
    is_unplaced = chart.status is ChartStatus.UNPLACED
    return PhotosView(
        before=by_kind[PhotoKind.BEFORE],
        after=by_kind[PhotoKind.AFTER],
        others=by_kind[PhotoKind.REPORT],
        may_add=can(request, Action.ADD_PHOTO, where),
        may_place=is_unplaced and can(request, Action.SETTLE_PLACE, where),
    )


def _photo_view(photo: Photo, chart: CaseChart) -> PhotoView:
    place = chart.placement.place if chart.placement is not None else None
    offered = photo.offered_place
    away_m = None
    if place is not None and offered is not None:
        away_m = round(great_circle_m(place, offered))
    return PhotoView(photo=photo, away_m=away_m)
