"""Places in doubt as JSON and as a form: what is taken and what is answered."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel, Field

from api.schemas import PositionIn, Strict
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.catalogue import Urgency
from dispatch.domain.consultation import MAX_NAME
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.local_place import MAX_RADIUS_M, MAX_REASON, MAX_TEXT, LocalPlace
from dispatch.domain.place import LonLat
from dispatch.domain.placing import (
    Candidate,
    PlaceLevel,
    PlacingStatus,
    PlacingWarning,
)
from dispatch.intake import BY_HAND_RADIUS_M
from dispatch.place_desk import NewLocalPlace, Settlement

MAX_WHO = 60
PIN = "pin"  # the choice of a point on the map instead of a candidate
SEPARATOR = ";"
NO_POINT = "地図を押すか、経度と緯度を数で入れてください"
NO_CHOICE = "候補か、地図の地点を選んでください"


class ReviewForm(BaseModel):
    """
    What the review page sends.

    `choice` is a candidate as `choice_of` writes it, or `pin` for the point in `lon`,
    `lat`, `radius_m`. A candidate's number would mean nothing after a double click:
    the chart that is placed has no candidates any more.
    """

    version: int
    choice: str = Field("", max_length=120)
    lon: str = Field("", max_length=40)
    lat: str = Field("", max_length=40)
    radius_m: str = Field("", max_length=8)
    reason: str = Field("", max_length=1_000)
    who: str = Field("", max_length=MAX_NAME)
    remember: bool = False

    def to_settlement(self) -> Settlement:
        """
        Turn the form into a decision.

        Raises
        ------
        InvalidInputError
            When nothing is chosen or the point cannot be read.
        """
        problem = InvalidInputError("choice", NO_CHOICE)
        written = self.choice.split(SEPARATOR)
        if self.choice == PIN:
            problem = InvalidInputError("place", NO_POINT)
            written = [self.lon, self.lat, self.radius_m or str(BY_HAND_RADIUS_M)]
        try:
            lon, lat, radius_m = written
            place, radius = LonLat(float(lon), float(lat)), int(radius_m)
        except ValueError:
            raise problem from None
        return Settlement(
            place=place,
            radius_m=radius,
            reason=self.reason.strip(),
            remember=self.remember,
        )


def choice_of(candidate: Candidate) -> str:
    """Write a candidate as the form's `choice`: longitude, latitude, radius."""
    place = candidate.place
    return f"{place.lon}{SEPARATOR}{place.lat}{SEPARATOR}{candidate.radius_m}"


class PlaceIn(Strict):
    """Where a person says that a consultation is."""

    version: int = Field(ge=1, description="of the chart as it was read")
    position: PositionIn
    radius_m: int = Field(
        BY_HAND_RADIUS_M,
        ge=1,
        le=MAX_RADIUS_M,
        description="how far the true place may lie",
    )
    reason: str = Field(min_length=1, max_length=MAX_REASON)
    who: str = Field(min_length=1, max_length=MAX_WHO)
    remember: bool = Field(
        default=False, description="the same words mean this place from now on"
    )

    def to_settlement(self) -> Settlement:
        """Turn the body into a decision."""
        return Settlement(
            place=self.position.place()[0],
            radius_m=self.radius_m,
            reason=self.reason,
            remember=self.remember,
        )


class LocalPlaceIn(Strict):
    """An entry of the local gazetteer (地点辞書) to be made."""

    text: str = Field(min_length=1, max_length=MAX_TEXT, examples=["津守のポンプ場"])
    ward: str = Field("", max_length=MAX_NAME, examples=["西成区"])
    position: PositionIn
    radius_m: int = Field(BY_HAND_RADIUS_M, ge=1, le=MAX_RADIUS_M)
    label: str = Field("", max_length=MAX_NAME, description="the text when absent")
    reason: str = Field(min_length=1, max_length=MAX_REASON)
    who: str = Field(min_length=1, max_length=MAX_WHO)

    def to_new(self) -> NewLocalPlace:
        """Turn the body into domain values."""
        return NewLocalPlace(
            text=self.text,
            ward=self.ward,
            place=self.position.place()[0],
            radius_m=self.radius_m,
            label=self.label,
            reason=self.reason,
        )


class WithdrawIn(Strict):
    """Why an entry is withdrawn, and by whom."""

    reason: str = Field(min_length=1, max_length=MAX_REASON)
    who: str = Field(min_length=1, max_length=MAX_WHO)


class CandidateOut(BaseModel):
    """One place that the words may mean."""

    label: str
    lon: float
    lat: float
    level: PlaceLevel
    radius_m: int
    ward_code: str

    @classmethod
    def from_domain(cls, candidate: Candidate) -> CandidateOut:
        """Build the answer from a candidate."""
        return cls(
            label=candidate.label,
            lon=candidate.place.lon,
            lat=candidate.place.lat,
            level=candidate.level,
            radius_m=candidate.radius_m,
            ward_code=candidate.ward_code,
        )


class ReviewOut(BaseModel):
    """A chart that waits for a place: the words of the place and nothing else said."""

    chart_id: str
    number: str
    version: int
    category: str
    urgency: Urgency
    received_at: dt.datetime
    address: str
    landmark: str
    ward: str
    status: PlacingStatus
    message: str
    warnings: list[PlacingWarning]
    candidates: list[CandidateOut]

    @classmethod
    def from_domain(cls, chart: CaseChart) -> ReviewOut:
        """Build the answer from a chart."""
        said, found = chart.consultation, chart.placement
        return cls(
            chart_id=chart.id,
            number=chart.number,
            version=chart.version,
            category=said.category_code,
            urgency=chart.urgency,
            received_at=said.received_at,
            address=said.address_text,
            landmark=said.landmark_text,
            ward=said.stated_ward,
            status=found.status if found else PlacingStatus.NOT_FOUND,
            message=found.message if found else "",
            warnings=list(found.warnings) if found else [],
            candidates=[
                CandidateOut.from_domain(one)
                for one in (found.candidates if found else ())
            ],
        )


class LocalPlaceOut(BaseModel):
    """An entry of the local gazetteer."""

    id: str
    text: str
    ward_code: str
    lon: float
    lat: float
    radius_m: int
    label: str
    reason: str
    author: str
    settled_at: dt.datetime
    chart_id: str | None = Field(description="null: it was not settled for a chart")
    withdrawn_at: dt.datetime | None
    withdrawn_by: str
    withdrawn_reason: str

    @classmethod
    def from_domain(cls, entry: LocalPlace) -> LocalPlaceOut:
        """Build the answer from an entry."""
        return cls(
            id=entry.id,
            text=entry.text,
            ward_code=entry.ward_code,
            lon=entry.place.lon,
            lat=entry.place.lat,
            radius_m=entry.radius_m,
            label=entry.label,
            reason=entry.reason,
            author=entry.author,
            settled_at=entry.settled_at,
            chart_id=entry.chart_id or None,
            withdrawn_at=entry.withdrawn_at,
            withdrawn_by=entry.withdrawn_by,
            withdrawn_reason=entry.withdrawn_reason,
        )
