"""Roads that closures shut: looked at before one is made, drawn while it holds."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache

from api.closure_schemas import (
    ClosedFeature,
    ClosedRoadsOut,
    PreviewOut,
    coordinates_of,
)
from api.wiring import Services
from dispatch.closure_desk import NewClosure
from dispatch.domain.closure import Closure
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.ids import new_id
from geodata.roads.service import ClosedRoads, RoadTravelTimes

NOT_NAMED = "-"  # in a draft, which nobody sees and nothing stores


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
        When a rule of `ClosureDesk.close` is broken, a place lies outside the city,
        or it would shut no road: a slip of the hand.
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
        When a rule of `Closure` is broken, a place lies outside the city, or it would
        shut no road.
    """
    bounds = services.profile.bounds
    for at, place in enumerate(new.places, start=1):
        if not bounds.contains(place):
            raise InvalidInputError("places", f"{at}番目の地点は市の範囲の外です")
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
    geometry = {"type": "MultiLineString", "coordinates": lines}
    feature = {"type": "Feature", "properties": {}, "geometry": geometry}
    collection = {"type": "FeatureCollection", "features": [feature]}
    content = json.dumps(collection, separators=(",", ":")).encode()
    return content, 'W/"' + hashlib.sha256(content).hexdigest()[:32] + '"'
