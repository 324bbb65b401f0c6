"""Closures as JSON and GeoJSON: what the API takes and what it answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

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
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import MAX_LAT, MAX_LON, BoundingBox, LonLat
from geodata.roads.service import ClosedRoads

MAX_WINDOWS = 24  # one an hour; more is no timetable that a person made
HOUR_S = 3_600
MINUTE_S = 60

MIN_PLACES = min(shape.min_places for shape in ClosureShape)
MIN_CORNERS = ClosureShape.AREA.min_places


def _two_numbers(value: object, read: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 - pydantic's type
    try:
        return read(value)
    except ValidationError:
        message = "地点は [経度, 緯度] の2つの数にしてください"
        raise PydanticCustomError("place", message) from None


def _so_many(value: object) -> object:
    """Refuse too few or too many places before each of them is looked at."""
    if isinstance(value, list) and MIN_PLACES <= len(value) <= MAX_PLACES:
        return value
    message = (
        f"[経度, 緯度] の地点を{MIN_PLACES}〜{MAX_PLACES}点並べてください"
        f"(区域は{MIN_CORNERS}点から)"
    )
    raise PydanticCustomError("num_places", message)


def _one_of(words: type[StrEnum]) -> BeforeValidator:
    """Refuse an unknown word and list the known ones."""

    def known(value: object) -> object:
        if isinstance(value, str) and value in list(words):
            return value
        message = f"一覧にない値です。{'、'.join(words)} のどれかにしてください"
        raise PydanticCustomError("unknown_word", message)

    return BeforeValidator(known)


def _degrees(limit: float) -> WithJsonSchema:
    """
    Describe a coordinate.

    Its limits are the city's and looked at later (`places_in_city`): a latitude of 135
    is a place told the wrong way round.
    """
    return WithJsonSchema({"type": "number", "minimum": -limit, "maximum": limit})


Longitude = Annotated[float, Field(allow_inf_nan=False), _degrees(MAX_LON)]
Latitude = Annotated[float, Field(allow_inf_nan=False), _degrees(MAX_LAT)]
Position = Annotated[tuple[Longitude, Latitude], WrapValidator(_two_numbers)]
Shape = Annotated[ClosureShape, _one_of(ClosureShape)]
Positions = Annotated[list[Position], BeforeValidator(_so_many)]
ClockTime = Annotated[
    str, Field(pattern=r"^([01]?[0-9]|2[0-4]):[0-5][0-9]$", examples=["07:30"])
]


class ClosureIn(Strict):
    """A closure (通行規制) to be made, or to be looked at before."""

    name: str = Field(min_length=1, max_length=MAX_NAME, examples=["十三大橋"])
    shape: Shape
    places: Positions = Field(
        min_length=MIN_PLACES,
        max_length=MAX_PLACES,
        description="[lon, lat] along the road, or corners of the area in turn",
        examples=[[[135.48219, 34.71551], [135.48502, 34.71123]]],
    )
    reason: Annotated[ClosureReason, _one_of(ClosureReason)]
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

    def to_new(self, bounds: BoundingBox) -> NewClosure:
        """
        Turn the body into domain values.

        Parameters
        ----------
        bounds
            Of the city.

        Raises
        ------
        InvalidInputError
            When a place lies outside the city, or a window is none.
        """
        return NewClosure(
            name=self.name,
            shape=self.shape,
            places=places_in_city(self.places, bounds),
            reason=self.reason,
            note=self.note,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            windows=read_windows(self.windows),
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


def places_in_city(
    lon_lats: Iterable[tuple[float, float]], bounds: BoundingBox
) -> tuple[LonLat, ...]:
    """
    Places of a closure, longitude first.

    Raises
    ------
    InvalidInputError
        When one lies outside the city, counted from 1; asks whether latitude and
        longitude were exchanged when that would bring it inside.
    """
    places = []
    for at, (lon, lat) in enumerate(lon_lats, start=1):
        place = _inside(lon, lat, bounds)
        if place is None:
            problem = f"{at}番目の地点は市の範囲の外です"
            if _inside(lat, lon, bounds):
                problem += "(緯度と経度が逆ではありませんか)"
            raise InvalidInputError("places", problem)
        places.append(place)
    return tuple(places)


def read_windows(windows: Iterable[tuple[str, str]]) -> tuple[DailyWindow, ...]:
    """
    Hours of each day, from and until as `ClockTime`.

    Raises
    ------
    InvalidInputError
        When one does not end after it begins.
    """
    return tuple(
        DailyWindow(start_s=clock_seconds(start), end_s=clock_seconds(end))
        for start, end in windows
    )


def clock_seconds(text: str) -> int:
    """Seconds after midnight of a `ClockTime`."""
    hours, minutes = text.split(":")
    return int(hours) * HOUR_S + int(minutes) * MINUTE_S


def coordinates_of(line: Sequence[LonLat]) -> list[tuple[float, float]]:
    """Coordinates of a line, to about a metre: a map shows no more."""
    return [(round(place.lon, 5), round(place.lat, 5)) for place in line]


def _inside(lon: float, lat: float, bounds: BoundingBox) -> LonLat | None:
    try:
        place = LonLat(lon, lat)
    except InvalidInputError:  # nowhere on the globe
        return None
    return place if bounds.contains(place) else None


def _lines(lines: Sequence[Sequence[LonLat]]) -> LinesOut:
    return LinesOut(coordinates=[coordinates_of(line) for line in lines])


def _drawn(closure: Closure) -> LineOut | AreaOut:
    places = [(place.lon, place.lat) for place in closure.places]
    if closure.shape is ClosureShape.STRETCH:
        return LineOut(coordinates=places)
    return AreaOut(coordinates=[[*places, places[0]]])


def _two_digits(second: int) -> str:
    return f"{second // HOUR_S:02d}:{second % HOUR_S // MINUTE_S:02d}"
