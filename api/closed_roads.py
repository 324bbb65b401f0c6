"""Roads that closures shut: looked at before one is made, drawn while it holds."""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

from api.closure_schemas import (
    ClosedFeature,
    ClosedRoadsOut,
    PreviewOut,
    coordinates_of,
)
from api.wiring import Services
from dispatch.closure_desk import NewClosure
from dispatch.domain.closure import METRES_PER_DEGREE, Closure
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.ids import new_id
from dispatch.domain.place import BoundingBox, LonLat
from geodata.roads.service import ClosedRoads, RankedLine, RoadTravelTimes

NOT_NAMED = "-"  # in a draft, which nobody sees and nothing stores
MAX_BOX_M = 4_000  # all roads of so large a box are some hundred kilobytes
EDGES = ("west", "south", "east", "north")


def roads_to_close(services: Services) -> RoadTravelTimes | None:
    """Roads that closures are cut into; another machine's engine has none for us."""
    roads = services.roads
    return roads if isinstance(roads, RoadTravelTimes) else None


def shut(services: Services, new: NewClosure, *, who: str) -> Closure:
    """
    Make a closure that shuts some road, as far as the roads are known.

    Raises
    ------
    InvalidInputError
        When a rule of `ClosureDesk.close` is broken, or it would shut no road: a slip
        of the hand.
    """
    looked_at(services, new)
    return services.closures.close(new, who=who)


def looked_at(
    services: Services, new: NewClosure
) -> tuple[Closure, ClosedRoads | None]:
    """
    Return a closure as it would be and what it would shut; nothing is stored.

    A name may still be missing. Without road data there are no roads to tell.

    Raises
    ------
    InvalidInputError
        When a rule of `Closure` is broken, or it would shut no road.
    """
    now = services.clock.now()
    starts_at, ends_at = new.starts_at or now, new.ends_at
    draft = Closure(
        id=new_id(),  # an own one each time: roads are remembered by it
        name=new.name or NOT_NAMED,
        shape=new.shape,
        places=new.places,
        reason=new.reason,
        note=new.note,
        starts_at=starts_at.replace(microsecond=0),
        ends_at=None if ends_at is None else ends_at.replace(microsecond=0),
        windows=new.windows,
        working_days_only=new.working_days_only,
        made_at=now,
        made_by=NOT_NAMED,
    )
    roads = roads_to_close(services)
    return draft, None if roads is None else roads.closed_roads(draft)


def preview_of(draft: Closure, roads: ClosedRoads | None) -> PreviewOut:
    """Draw what a draft would shut; without road data, its own places."""
    return PreviewOut(
        features=[ClosedFeature.of(draft, roads, is_made=False)],
        length_m=None if roads is None else roads.length_m,
        num_lines=0 if roads is None else len(roads.lines),
    )


def closed_now(services: Services) -> ClosedRoadsOut:
    """Draw what is shut at this moment."""
    return ClosedRoadsOut(
        features=[
            ClosedFeature.of(one, _roads_of(services, one))
            for one in services.closures.in_force_now()
        ]
    )


def _roads_of(services: Services, closure: Closure) -> ClosedRoads | None:
    roads = roads_to_close(services)
    try:
        return None if roads is None else roads.closed_roads(closure)
    except InvalidInputError:  # made on other road data: its places are still known
        return None


@lru_cache(maxsize=1)
def main_road_lines(services: Services) -> tuple[bytes, str]:
    """GeoJSON of the bigger roads and its tag; the same while the service runs."""
    lines = [coordinates_of(line) for line in services.main_roads()]
    return _tagged([_lines_feature(lines)])


def road_lines_in(services: Services, box: BoundingBox) -> tuple[bytes, str]:
    """GeoJSON of all roads of a box, one feature for each rank, and its tag."""
    roads = services.roads
    return _tagged(_by_rank(roads.roads_in(box) if roads is not None else ()))


def road_box(
    west: float | None = None,
    south: float | None = None,
    east: float | None = None,
    north: float | None = None,
) -> BoundingBox | None:
    """
    Box of a query, degrees; None when it names no edge.

    Raises
    ------
    InvalidInputError
        When some edges are missing, no position, or in the wrong order, or the box is
        wider or higher than 4 km.
    """
    edges = dict(zip(EDGES, (west, south, east, north), strict=True))
    given = [edge for edge in edges.values() if edge is not None]
    if not given:
        return None
    if len(given) < len(EDGES):
        missing = next(name for name, edge in edges.items() if edge is None)
        raise InvalidInputError(missing, f"{'、'.join(EDGES)} は4つとも要ります")
    low, high = LonLat(given[0], given[1]), LonLat(given[2], given[3])
    if low.lon >= high.lon:
        raise InvalidInputError("east", "east は west より大きくしてください")
    if low.lat >= high.lat:
        raise InvalidInputError("north", "north は south より大きくしてください")
    # By degrees: the shortest way between the edges of half a globe is the other half.
    height_m = (high.lat - low.lat) * METRES_PER_DEGREE
    middle = math.radians((low.lat + high.lat) / 2)
    width_m = (high.lon - low.lon) * METRES_PER_DEGREE * math.cos(middle)
    if max(width_m, height_m) > MAX_BOX_M:
        problem = f"範囲は縦横とも{MAX_BOX_M / 1_000:.0f}km以内にしてください"
        raise InvalidInputError("east" if width_m > MAX_BOX_M else "north", problem)
    return BoundingBox(west=low.lon, south=low.lat, east=high.lon, north=high.lat)


def _by_rank(roads: Iterable[RankedLine]) -> list[dict[str, object]]:
    lines_by_rank = defaultdict(list)
    for rank, line in roads:
        lines_by_rank[rank].append(coordinates_of(line))
    return [
        _lines_feature(lines, rank=rank)
        for rank, lines in sorted(lines_by_rank.items())  # big roads above small ones
    ]


def _lines_feature(
    lines: list[list[tuple[float, float]]], **properties: object
) -> dict[str, object]:
    geometry = {"type": "MultiLineString", "coordinates": lines}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _tagged(features: list[dict[str, object]]) -> tuple[bytes, str]:
    collection = {"type": "FeatureCollection", "features": features}
    content = json.dumps(collection, separators=(",", ":")).encode()
    return content, 'W/"' + hashlib.sha256(content).hexdigest()[:32] + '"'
