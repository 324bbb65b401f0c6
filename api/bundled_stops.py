"""Stops of a route that crews walk between (まとめ), for maps, pages and sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from dispatch.domain.bundling import bundles
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.place import LonLat
from dispatch.domain.plan import Stop
from maps.road_lines import MapLeg
from maps.sheet_data import SheetLeg
from maps.style import UNCERTAIN_FROM_M


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledStop:
    """
    One of several stops of a route for which the vehicle is parked once.

    `order`, `first` and `last` count the route's stops from 1; `walk_min` is the way
    from the stop before on foot, 0 at the first one and within one place.
    """

    order: int
    first: int
    last: int
    walk_min: int

    @property
    def is_first(self) -> bool:
        """Whether the vehicle drives to this one."""
        return self.order == self.first

    @property
    def numbers(self) -> tuple[int, int]:
        """First and last number of the stops that belong together."""
        return self.first, self.last

    @property
    def is_last(self) -> bool:
        """Whether the crew goes back to the vehicle from this one."""
        return self.order == self.last


def bundled_stops(
    stops: Sequence[Stop], charts: Mapping[str, CaseChart], *, bundle_m: float
) -> dict[str, BundledStop]:
    """
    Tell which stops belong together, by visit id; one by itself is not in it.

    A place that is known roughly only is by itself: the plan counts from the middle of
    a circle, and nobody can say that the crew will walk.

    Parameters
    ----------
    stops
        Stops of one route as they are shown: each with a chart that has a place.
    charts
        Their charts by id.
    bundle_m
        Greatest distance of one stop, great circle; 0: nothing is walked, so none
        belong together.
    """
    if bundle_m <= 0:
        return {}
    found: dict[str, BundledStop] = {}
    known = [_is_known(charts[stop.visit_id]) for stop in stops]
    for is_known, run in groupby(range(len(stops)), key=known.__getitem__):
        numbers = [at + 1 for at in run]
        placed = [
            (stops[n - 1], _place(charts[stops[n - 1].visit_id])) for n in numbers
        ]
        for group in bundles(placed, bundle_m=bundle_m) if is_known else ():
            if len(group) > 1:
                found |= _bundle(stops, [numbers[at] for at in group])
    return found


def _bundle(stops: Sequence[Stop], numbers: Sequence[int]) -> dict[str, BundledStop]:
    """Tell the stops of one group."""
    first, last = numbers[0], numbers[-1]
    return {
        stops[number - 1].visit_id: BundledStop(
            order=number,
            first=first,
            last=last,
            walk_min=0 if number == first else _walk_min(stops[number - 1]),
        )
        for number in numbers
    }


def _walk_min(stop: Stop) -> int:
    """Minutes of a walk as people are told them: a short one is not none at all."""
    return max(1, round(stop.drive_s / 60)) if stop.drive_s else 0


def _is_known(chart: CaseChart) -> bool:
    placement = chart.placement
    return placement is not None and (placement.radius_m or 0) <= UNCERTAIN_FROM_M


def walked_on_map(
    legs: Sequence[MapLeg],
    stops: Sequence[Stop],
    charts: Mapping[str, CaseChart],
    bundled: Mapping[str, BundledStop],
) -> tuple[MapLeg, ...]:
    """Draw a walk straight, whatever way a vehicle would have to go."""
    shown = list(legs)
    for at, stop in enumerate(stops if legs else ()):
        if _is_walked(stop, bundled):
            ends = (_place(charts[one.visit_id]) for one in stops[at - 1 : at + 1])
            path = tuple((place.lon, place.lat) for place in ends)
            shown[at] = replace(legs[at], path=path)
    return tuple(shown)


def walked_on_sheet(
    legs: Sequence[SheetLeg],
    stops: Sequence[Stop],
    bundled: Mapping[str, BundledStop],
) -> tuple[SheetLeg, ...]:
    """Tell a walk as one: no line and no turns, which are those of a vehicle."""
    shown = list(legs)
    for at, stop in enumerate(stops if legs else ()):
        if _is_walked(stop, bundled):
            shown[at] = replace(
                legs[at],
                path=(),
                directions="",
                drive_min=bundled[stop.visit_id].walk_min,
                arrives_left=False,
                walked=True,
            )
    return tuple(shown)


def _is_walked(stop: Stop, bundled: Mapping[str, BundledStop]) -> bool:
    return stop.visit_id in bundled and not bundled[stop.visit_id].is_first


def _place(chart: CaseChart) -> LonLat:
    placement = chart.placement
    if placement is None or placement.place is None:  # pragma: no cover
        raise ValueError(chart.id)
    return placement.place
