"""Places sought and areas of a point as JSON: what is taken and what is answered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from api.geocode_records import DECIMALS, RecordNames, record_of
from api.schemas import Day, Strict
from dispatch.domain.consultation import MAX_LINE
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import MAX_LON, BoundingBox, LonLat, WorksOffice
from dispatch.domain.placing import (
    PlaceLevel,
    Placement,
    PlacingStatus,
    PlacingWarning,
)
from geodata.bundle.records import AREA_LAYERS, JurisdictionRecord, Layer
from geodata.bundle.store import Bundle
from geodata.geocoding.area_answer import AreasAnswer, NamedArea
from geodata.geocoding.coordinates import COARSE_RADIUS_M, point_radius_m
from geodata.geocoding.geocoder import PlaceQuery

MAX_QUERIES = 500
MAX_ID = 100
MAX_RADIUS_M = 20_000
METRE_DECIMALS = 1  # borders are no surer than that
ONE_OR_MANY = "query か queries のどちらか一方を入れてください"
BOTH_NUMBERS = "lon と lat は両方入れてください"
NO_SUCH_PLACE = "経度は -180〜180、緯度は -90〜90 の数にしてください"


def _so_many(value: object) -> object:
    """Refuse too many queries before each of them is looked at."""
    if isinstance(value, list) and len(value) > MAX_QUERIES:
        message = f"一度に{MAX_QUERIES}件までです。分けて送ってください"
        raise PydanticCustomError("num_queries", message)
    return value


# Both reach to 180: a latitude of 135 is a place told the wrong way round.
Degrees = Annotated[float, Field(ge=-MAX_LON, le=MAX_LON, allow_inf_nan=False)]
# Given back as it was sent, spaces too, or the sender would not know it again.
QueryId = Annotated[
    str,
    StringConstraints(
        max_length=MAX_ID,
        strip_whitespace=False,
        pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*$",
    ),
]


class PlaceQueryIn(Strict):
    """One place that is sought; `id` comes back with the answer, the words do not."""

    id: QueryId | None = None
    address: str = Field("", description="an address, or all there is")
    landmark: str = Field("", description="目標物")
    ward: str = Field("", max_length=MAX_LINE, description="as the sender states it")
    lon: Degrees | None = Field(None, description="with `lat`; strongest of all")
    lat: Degrees | None = None

    def to_query(self, bounds: BoundingBox, *, field: str) -> PlaceQuery:
        """
        Turn the query into the geocoder's.

        Parameters
        ----------
        bounds
            Rectangle around the city.
        field
            Name of this query in the body, for what is refused.

        Raises
        ------
        InvalidInputError
            When one of the two numbers is missing, or no place has them.
        """
        words = PlaceQuery(address=self.address, landmark=self.landmark, ward=self.ward)
        if self.lon is None and self.lat is None:
            return words
        if self.lon is None or self.lat is None:
            missing = "lon" if self.lon is None else "lat"
            raise InvalidInputError(f"{field}.{missing}", BOTH_NUMBERS)
        place, warnings = place_in_order(
            self.lon, self.lat, bounds, field=f"{field}.lat"
        )
        radius_m = point_radius_m(place)
        if radius_m > COARSE_RADIUS_M:
            warnings = (*warnings, PlacingWarning.COARSE_NUMBERS)
        return PlaceQuery(
            address=words.address,
            landmark=words.landmark,
            ward=words.ward,
            position=place,
            radius_m=radius_m,
            warnings=warnings,
        )


class GeocodeIn(Strict):
    """Places that are sought: `query` for one, `queries` for many."""

    query: PlaceQueryIn | None = None
    queries: Annotated[list[PlaceQueryIn], BeforeValidator(_so_many)] | None = Field(
        None, description=f"at most {MAX_QUERIES}; answered in this order"
    )
    on: Day | None = Field(
        None, description="day for which wards and districts count; today when absent"
    )

    def asked(self) -> list[tuple[str, PlaceQueryIn]]:
        """
        List the queries with their names in the body.

        Raises
        ------
        InvalidInputError
            When there is neither one nor many, or both.
        """
        if (self.query is None) == (self.queries is None):
            raise InvalidInputError("query", ONE_OR_MANY)
        if self.query is not None:
            return [("query", self.query)]
        return [(f"queries.{at}", one) for at, one in enumerate(self.queries or ())]


class AreasIn(Strict):
    """The point whose areas are asked for."""

    lon: Degrees = Field(examples=[135.50218])
    lat: Degrees = Field(examples=[34.69375])
    on: Day | None = Field(None, description="today when absent")
    radius_m: int | None = Field(
        None,
        ge=0,
        le=MAX_RADIUS_M,
        description="how far the true place may lie; by the decimals when absent",
    )


def place_in_order(
    lon: float, lat: float, bounds: BoundingBox, *, field: str
) -> tuple[LonLat, tuple[PlacingWarning, ...]]:
    """
    Take two numbers as a place, turned round where only that can be meant.

    Parameters
    ----------
    lon, lat
        Degrees as they were sent.
    bounds
        Rectangle around the city: a pair that lies in it only when turned is turned.
    field
        Name for what is refused.

    Raises
    ------
    InvalidInputError
        When no place on the globe has these numbers in either order.
    """
    given, turned = _on_globe(lon, lat), _on_globe(lat, lon)
    if given is None and turned is None:
        raise InvalidInputError(field, NO_SUCH_PLACE)
    if turned is not None and (
        given is None or (bounds.contains(turned) and not bounds.contains(given))
    ):
        return turned, (PlacingWarning.SWAPPED,)
    return LonLat(lon, lat), ()


def _on_globe(lon: float, lat: float) -> LonLat | None:
    try:
        return LonLat(lon, lat)
    except InvalidInputError:
        return None


class GeocodeCandidate(BaseModel):
    """One place that the words may mean."""

    label: str
    level: PlaceLevel
    ward: str | None
    town: str | None
    block: str | None
    number: str | None
    landmark: str | None
    lon: float
    lat: float
    radius_m: int


class GeocodeResult(BaseModel):
    """
    What was found for one query; nothing of what was written is repeated.

    `has_rest` says that a part of the words was not used.
    """

    id: str | None
    status: PlacingStatus
    level: PlaceLevel | None
    ward: str | None
    ward_code: str | None
    town: str | None
    block: str | None
    number: str | None
    landmark: str | None
    lon: float | None
    lat: float | None
    radius_m: int | None
    school_district: str | None
    district_id: str | None
    neighbour_ward: str | None
    municipality: str | None
    candidates: list[GeocodeCandidate]
    warnings: list[PlacingWarning]
    engines: list[str]
    message: str
    has_rest: bool

    @classmethod
    def from_domain(
        cls, sent: PlaceQueryIn, found: Placement, names: RecordNames
    ) -> GeocodeResult:
        """Build the answer from a placement."""
        # Fields of the record that are not this answer's hold the words themselves.
        record = record_of("", found, names)
        record |= {"id": sent.id, "has_rest": bool(found.rest)}
        if found.ward_code not in names.wards:  # what the sender called a ward
            record |= {"ward": None, "ward_code": None}
        return cls.model_validate(record)


class DataNotes(BaseModel):
    """
    What must be said with every answer from the city's data.

    `approximate_layers` names the borders that are estimates.
    """

    approximate_layers: list[Layer]
    attributions: list[str]

    @staticmethod
    def of(bundle: Bundle) -> dict[str, Any]:
        """Take the notes of a bundle as fields."""
        return {
            "approximate_layers": [
                layer for layer in AREA_LAYERS if bundle.is_approximate(layer)
            ],
            "attributions": list(bundle.shown_texts),
        }


class GeocodeOut(DataNotes):
    """What was found, in the order of the queries, for the areas of the day `on`."""

    on: dt.date
    results: list[GeocodeResult]


class WardOut(BaseModel):
    """A ward."""

    code: str
    name: str


class AreaOut(BaseModel):
    """A school district or community."""

    id: str
    name: str


class OfficeOut(BaseModel):
    """The works office of a ward; `confidence` as in the city's table."""

    id: str
    name: str
    confidence: str

    @classmethod
    def of_ward(
        cls,
        ward_code: str,
        office_id: str,
        on: dt.date,
        *,
        offices: Sequence[WorksOffice],
        rules: Iterable[JurisdictionRecord],
    ) -> OfficeOut:
        """Name an office, and say how sure its rule of that day is."""
        names = {office.id: office.name for office in offices}
        fits = [
            rule
            for rule in rules
            if (rule.ward_code, rule.office_id) == (ward_code, office_id)
            and rule.valid_from <= on <= (rule.valid_to or dt.date.max)
        ]
        newest = max(fits, key=lambda rule: rule.valid_from, default=None)
        return cls(
            id=office_id,
            name=names.get(office_id, office_id),
            confidence=newest.confidence if newest is not None else "",
        )


class AreasOut(DataNotes):
    """Areas of a point on the day `on`, and the borders that make them doubtful."""

    lon: float
    lat: float
    radius_m: int
    on: dt.date
    warnings: list[PlacingWarning]
    outside: bool
    layers: list[Layer]
    ward: WardOut | None
    district: AreaOut | None
    community: AreaOut | None
    office: OfficeOut | None
    border_m: float | None
    neighbour_ward: WardOut | None
    district_border_m: float | None
    neighbour_districts: list[AreaOut]
    is_district_sure: bool

    @staticmethod
    def fields_of(answer: AreasAnswer) -> dict[str, Any]:
        """Take the areas and borders of an answer as fields."""
        ward, neighbour = answer.ward, answer.neighbour
        return {
            "layers": [layer for layer in AREA_LAYERS if layer in answer.layers],
            "ward": WardOut(code=ward.id, name=ward.name) if ward else None,
            "district": _area(answer.district),
            "community": _area(answer.community),
            "border_m": _metres(answer.border_m),
            "neighbour_ward": (
                WardOut(code=neighbour.id, name=neighbour.name) if neighbour else None
            ),
            "district_border_m": _metres(answer.district_border_m),
            "neighbour_districts": [
                AreaOut(id=one.id, name=one.name) for one in answer.neighbour_districts
            ],
            "is_district_sure": answer.is_district_sure,
        }


def rounded_degrees(degrees: float) -> float:
    """Degrees to the centimetre, as in every answer."""
    return round(degrees, DECIMALS)


def _area(area: NamedArea | None) -> AreaOut | None:
    return AreaOut(id=area.id, name=area.name) if area is not None else None


def _metres(distance: float | None) -> float | None:
    return None if distance is None else round(distance, METRE_DECIMALS)
