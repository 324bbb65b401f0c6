"""Closures as JSON and GeoJSON: what the API takes and what it answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.schemas import Moment, Strict
from dispatch.closure_desk import NewClosure
from dispatch.domain.closure import (
    MAX_PLACES,
    Closure,
    ClosureReason,
    ClosureShape,
    DailyWindow,
)
from dispatch.domain.consultation import MAX_LINE, MAX_NAME
from dispatch.domain.place import LonLat
from geodata.roads.service import ClosedRoads

MAX_WINDOWS = 24  # one an hour; more is no timetable that a person made
HOUR_S = 3_600
MINUTE_S = 60

Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Position = tuple[Longitude, Latitude]
ClockTime = Annotated[
    str, Field(pattern=r"^([01]?[0-9]|2[0-4]):[0-5][0-9]$", examples=["07:30"])
]


class ClosureIn(Strict):
    """A closure (通行規制) to be made, or to be looked at before."""

    name: str = Field(min_length=1, max_length=MAX_NAME, examples=["十三大橋"])
    shape: ClosureShape
    places: list[Position] = Field(
        min_length=2,
        max_length=MAX_PLACES,
        description="[lon, lat] along the road, or corners of the area in turn",
        examples=[[[135.48219, 34.71551], [135.48502, 34.71123]]],
    )
    reason: ClosureReason
    note: str = Field("", max_length=MAX_LINE)
    starts_at: Moment | None = Field(None, description="now when absent")
    ends_at: Moment | None = Field(None, description="until lifted when absent")
    windows: list[tuple[ClockTime, ClockTime]] = Field(
        default_factory=list,
        max_length=MAX_WINDOWS,
        description="hours of each day, [from, until); all day when empty",
        examples=[[["07:30", "08:30"]]],
    )
    working_days_only: bool = False
    who: str = Field(min_length=1, max_length=60)

    def to_new(self) -> NewClosure:
        """
        Turn the body into domain values.

        Raises
        ------
        InvalidInputError
            When a window is none.
        """
        return NewClosure(
            name=self.name,
            shape=self.shape,
            places=tuple(LonLat(lon, lat) for lon, lat in self.places),
            reason=self.reason,
            note=self.note,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            windows=tuple(
                DailyWindow(start_s=clock_seconds(start), end_s=clock_seconds(end))
                for start, end in self.windows
            ),
            working_days_only=self.working_days_only,
        )


class LiftIn(Strict):
    """A closure's end by a dispatcher's word."""

    version: int = Field(ge=1, description="of the closure as it was read")
    who: str = Field(min_length=1, max_length=60)


class ClosureOut(BaseModel):
    """A closure as it stands now."""

    id: str
    version: int
    in_force: bool
    name: str
    shape: ClosureShape
    places: list[tuple[float, float]]
    reason: ClosureReason
    note: str
    starts_at: dt.datetime
    ends_at: dt.datetime | None
    windows: list[tuple[str, str]]
    working_days_only: bool
    made_at: dt.datetime
    made_by: str
    lifted_at: dt.datetime | None
    lifted_by: str

    @classmethod
    def from_domain(cls, closure: Closure, *, in_force: bool) -> ClosureOut:
        """Build the answer from a closure and whether it holds at this moment."""
        return cls(
            id=closure.id,
            version=closure.version,
            in_force=in_force,
            name=closure.name,
            shape=closure.shape,
            places=[(place.lon, place.lat) for place in closure.places],
            reason=closure.reason,
            note=closure.note,
            starts_at=closure.starts_at,
            ends_at=closure.ends_at,
            windows=[
                (_two_digits(window.start_s), _two_digits(window.end_s))
                for window in closure.windows
            ],
            working_days_only=closure.working_days_only,
            made_at=closure.made_at,
            made_by=closure.made_by,
            lifted_at=closure.lifted_at,
            lifted_by=closure.lifted_by,
        )


class LinesOut(BaseModel):
    """The roads that are shut, one line for each from junction to junction."""

    type: Literal["MultiLineString"] = "MultiLineString"
    coordinates: list[list[tuple[float, float]]]


class LineOut(BaseModel):
    """The points of a stretch as they were drawn."""

    type: Literal["LineString"] = "LineString"
    coordinates: list[tuple[float, float]]


class AreaOut(BaseModel):
    """The corners of an area as they were drawn, the first repeated at the end."""

    type: Literal["Polygon"] = "Polygon"
    coordinates: list[list[tuple[float, float]]]


class ClosedProperties(BaseModel):
    """What a map tells about a closure: nothing about a person."""

    id: str | None = Field(description="null for one that is not made yet")
    name: str
    reason: ClosureReason
    until: dt.datetime | None
    basis: Literal["roads", "places"]
    length_m: int | None


class ClosedFeature(BaseModel):
    """One closure on a map."""

    type: Literal["Feature"] = "Feature"
    geometry: LinesOut | LineOut | AreaOut
    properties: ClosedProperties

    @classmethod
    def of(
        cls, closure: Closure, roads: ClosedRoads | None, *, is_made: bool = True
    ) -> ClosedFeature:
        """Draw the roads that a closure shuts; without them, its own places."""
        return cls(
            geometry=_drawn(closure) if roads is None else _lines(roads.lines),
            properties=ClosedProperties(
                id=closure.id if is_made else None,
                name=closure.name,
                reason=closure.reason,
                until=closure.over_at,
                basis="places" if roads is None else "roads",
                length_m=None if roads is None else roads.length_m,
            ),
        )


class ClosedRoadsOut(BaseModel):
    """Closures as a GeoJSON FeatureCollection."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[ClosedFeature]


class PreviewOut(ClosedRoadsOut):
    """What a closure would shut, and how long that is."""

    length_m: int | None
    num_lines: int


def clock_seconds(text: str) -> int:
    """Seconds after midnight of a `ClockTime`."""
    hours, minutes = text.split(":")
    return int(hours) * HOUR_S + int(minutes) * MINUTE_S


def coordinates_of(line: Sequence[LonLat]) -> list[tuple[float, float]]:
    """Coordinates of a line, to about a metre: a map shows no more."""
    return [(round(place.lon, 5), round(place.lat, 5)) for place in line]


def _lines(lines: Sequence[Sequence[LonLat]]) -> LinesOut:
    return LinesOut(coordinates=[coordinates_of(line) for line in lines])


def _drawn(closure: Closure) -> LineOut | AreaOut:
    places = [(place.lon, place.lat) for place in closure.places]
    if closure.shape is ClosureShape.STRETCH:
        return LineOut(coordinates=places)
    return AreaOut(coordinates=[[*places, places[0]]])


def _two_digits(second: int) -> str:
    return f"{second // HOUR_S:02d}:{second % HOUR_S // MINUTE_S:02d}"
