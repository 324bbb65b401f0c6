"""Features as values: one shape for all collections, paged and written as GeoJSON."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import shapely
from shapely.geometry.base import BaseGeometry

from api.ogc.parameters import ItemsQuery, cursor_of
from api.ogc.reference import ReferenceSystem, ReferenceSystems
from dispatch.domain.place import BoundingBox

Json = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Feature:
    """One feature: geometry in degrees (lon, lat), and what is told of it."""

    id: str
    geometry: BaseGeometry = field(repr=False)
    properties: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Page:
    """
    One page of a collection.

    `num_matched` counts all pages; `next_cursor` is None on the last one.
    """

    features: Sequence[Feature]
    num_matched: int
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """Where and when a collection has features; None where it cannot be said."""

    box: BoundingBox
    start: dt.datetime | None = None
    end: dt.datetime | None = None


class FeatureSource(Protocol):
    """Where the features of a collection come from."""

    def page(self, query: ItemsQuery) -> Page:
        """Features that a query asks for, in the collection's own order."""
        ...

    def one(self, feature_id: str) -> Feature | None:
        """Feature of an id; None where there is none."""
        ...

    def extent(self) -> Extent:
        """Where and when there are features."""
        ...


def geometry_filter(boxes: Sequence[BoundingBox]) -> Callable[[BaseGeometry], bool]:
    """Make a test whether a geometry meets any of the boxes; none is everywhere."""
    shapes = [shapely.box(box.west, box.south, box.east, box.north) for box in boxes]
    if not shapes:
        return lambda _: True
    return lambda geometry: any(shape.intersects(geometry) for shape in shapes)


def page_of(
    found: Sequence[T],
    query: ItemsQuery,
    key: Callable[[T], tuple[str, ...]],
    made: Callable[[Sequence[T]], Sequence[Feature]],
) -> Page:
    """
    Cut a page out of everything that fits.

    Parameters
    ----------
    found
        In the order of their keys.
    query
        With the limit, and the key that the page before ended at.
    key
        Of one thing; no two have the same.
    made
        Makes the features of the page, and of no other.
    """
    after = query.after
    rest = found if after is None else [one for one in found if key(one) > after]
    shown = rest[: query.limit]
    more = len(rest) > len(shown)
    return Page(
        features=made(shown),
        num_matched=len(found),
        next_cursor=cursor_of(key(shown[-1])) if more else None,
    )


def geojson(
    features: Iterable[Feature], systems: ReferenceSystems, crs: ReferenceSystem
) -> list[Json]:
    """Features as GeoJSON objects, their coordinates in a reference system."""
    listed = list(features)
    told = systems.told([feature.geometry for feature in listed], crs)
    return [
        {
            "type": "Feature",
            "id": feature.id,
            "geometry": shapely.geometry.mapping(geometry),
            "properties": dict(feature.properties),
        }
        for feature, geometry in zip(listed, told, strict=True)
    ]
