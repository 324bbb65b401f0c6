"""What the API takes and gives about topics, duplicates and photos (pydantic)."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel, Field

from api.schemas import PositionIn, Strict, TopicIn
from api.wiring import Services
from api.wording import STATUS_TEXT
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.consultation import MAX_LINE, Channel, Consultation
from dispatch.domain.duplicates import Likeness
from dispatch.domain.photo import Photo, PhotoKind
from dispatch.domain.placing import Placement
from dispatch.topic_desk import MAX_TOPICS

MAX_WHO = 60


class TopicsIn(Strict):
    """Topics to make charts of."""

    topics: list[TopicIn] = Field(min_length=1, max_length=MAX_TOPICS)
    version: int = Field(ge=1, description="of the chart as it was read")
    who: str = Field(min_length=1, max_length=MAX_WHO)


class MergeIn(Strict):
    """Which chart's visit remains; both as they were read."""

    main_id: str = Field(max_length=64)
    main_version: int = Field(ge=1)
    version: int = Field(ge=1, description="of the chart that is merged")
    who: str = Field(min_length=1, max_length=MAX_WHO)
    why: str = Field("", max_length=MAX_LINE)


class UnmergeIn(Strict):
    """Why two charts are not of the same thing after all."""

    version: int = Field(ge=1, description="of the chart as it was read")
    who: str = Field(min_length=1, max_length=MAX_WHO)
    why: str = Field(min_length=1, max_length=MAX_LINE)


class DraftIn(Strict):
    """A report that is still being written: what and where."""

    category: str = Field(max_length=16, examples=["R02"])
    address: str = Field("", max_length=MAX_LINE)
    landmark: str = Field("", max_length=MAX_LINE)
    position: PositionIn | None = None

    def to_consultation(self, now: dt.datetime) -> Consultation:
        """
        Turn it into a consultation that is never stored.

        Raises
        ------
        InvalidInputError
            When it names no place at all.
        """
        place = self.position.place()[0] if self.position else None
        return Consultation(
            received_at=now,
            channel=Channel.API,
            category_code=self.category,
            description="",
            address_text=self.address,
            landmark_text=self.landmark,
            position=place,
        )


class DuplicateOut(BaseModel):
    """A chart that may be of the same thing; `why` is told in Japanese."""

    id: str
    number: str
    category: str
    category_name: str
    place: str
    status: ChartStatus
    status_label: str
    received_at: dt.datetime
    distance_m: int
    days: int
    score: float
    why: list[str]

    @classmethod
    def from_domain(cls, like: Likeness, services: Services) -> DuplicateOut:
        """Build it from a likeness."""
        chart = like.chart
        return cls(
            id=chart.id,
            number=chart.number,
            category=chart.category_code,
            category_name=services.profile.catalogue.get(chart.category_code).name,
            place=official_place(chart.placement),
            status=chart.status,
            status_label=STATUS_TEXT[chart.status],
            received_at=chart.consultation.received_at,
            distance_m=like.distance_m,
            days=like.days,
            score=like.score,
            why=list(like.why),
        )


class DuplicatesOut(BaseModel):
    """Charts that may be of the same thing, the likeliest first."""

    duplicates: list[DuplicateOut]


class LineOut(BaseModel):
    """The same in the words of the telephone desk's page."""

    id: str
    number: str
    category: str
    status: str
    why: str


class LinesOut(BaseModel):
    """What the telephone desk's page shows while somebody types."""

    duplicates: list[LineOut]

    @classmethod
    def of(cls, found: DuplicatesOut) -> LinesOut:
        """Put the answer into the page's words."""
        return cls(
            duplicates=[
                LineOut(
                    id=one.id,
                    number=one.number,
                    category=one.category_name,
                    status=one.status_label,
                    why="・".join(one.why),
                )
                for one in found.duplicates
            ]
        )


class TopicOut(BaseModel):
    """One chart of a receipt."""

    id: str
    number: str
    category: str
    status: ChartStatus

    @classmethod
    def from_domain(cls, chart: CaseChart) -> TopicOut:
        """Build it from a chart."""
        return cls(
            id=chart.id,
            number=chart.number,
            category=chart.category_code,
            status=chart.status,
        )


class ReceiptOut(BaseModel):
    """One receipt for all topics of a call; `number` is the receipt's."""

    number: str
    topics: list[TopicOut]


class MergedOut(BaseModel):
    """The chart that was merged, or split off again, and the other one."""

    duplicate: TopicOut
    main: TopicOut
    version: int
    main_version: int


class PhotoOut(BaseModel):
    """A stored photo, without its bytes; the offered place is the camera's."""

    id: str
    kind: PhotoKind
    width_px: int
    height_px: int
    num_bytes: int
    taken_at: dt.datetime | None
    offered_lon: float | None
    offered_lat: float | None

    @classmethod
    def from_domain(cls, photo: Photo) -> PhotoOut:
        """Build it from a photo."""
        place = photo.offered_place
        return cls(
            id=photo.id,
            kind=photo.kind,
            width_px=photo.width_px,
            height_px=photo.height_px,
            num_bytes=photo.num_bytes,
            taken_at=photo.taken_at,
            offered_lon=place.lon if place else None,
            offered_lat=place.lat if place else None,
        )


def official_place(placement: Placement | None) -> str:
    """Town or landmark from our own tables: never the words of a report."""
    if placement is None or placement.place is None:
        return ""
    return placement.town or placement.landmark
