"""Promises of time as JSON: what a client asks for, and what it is offered."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel, Field

from api.schemas import ConsultationIn, Day, PositionIn, Strict
from dispatch.domain.catalogue import Urgency
from dispatch.domain.consultation import MAX_LINE
from dispatch.ports import KeptSlot
from dispatch.slot_desk import MAX_SLOTS, SlotWish

MINUTE_S = 60
WINDOW_MIN = (60, 240)  # shorter no crew can keep, longer nobody waits at home


class SlotsIn(Strict):
    """Work that a resident wants a time for; one of the three places is needed."""

    category: str = Field(max_length=16, examples=["R02"])
    address: str = Field("", max_length=MAX_LINE)
    landmark: str = Field("", max_length=MAX_LINE)
    position: PositionIn | None = None
    ward: str = Field("", max_length=MAX_LINE)
    district: str = Field("", max_length=MAX_LINE)
    urgency: Urgency | None = Field(
        None, description="may raise the category's urgency, never lower it"
    )
    first: Day | None = Field(None, alias="from", description="today when absent")
    last: Day | None = Field(
        None, alias="until", description="five working days when absent"
    )
    window_min: int = Field(
        120, ge=WINDOW_MIN[0], le=WINDOW_MIN[1], description="length of the windows"
    )
    limit: int = Field(MAX_SLOTS, ge=1, le=MAX_SLOTS, description="slots at most")
    hold: bool = Field(
        default=False, description="hold the first slot of the answer at once"
    )

    def to_wish(self, *, client: str, now: dt.datetime) -> SlotWish:
        """
        Turn the body into domain values.

        Raises
        ------
        InvalidInputError
            When a rule of the domain refuses it, naming the field.
        """
        asked = ConsultationIn(
            category=self.category,
            description="",
            address=self.address,
            landmark=self.landmark,
            position=self.position,
            ward=self.ward,
            district=self.district,
            urgency=self.urgency,
        )
        return SlotWish(
            consultation=asked.to_intake(client=client, key=None, now=now).consultation,
            first=self.first,
            last=self.last,
            window_s=self.window_min * MINUTE_S,
            limit=self.limit,
        )


class SlotOut(BaseModel):
    """
    A window that can be promised: service begins inside it.

    `price_min` are minutes of driving and of lateness of others that it costs; which
    team will come is not told, since a later plan may send another.
    """

    id: str
    start_at: dt.datetime
    end_at: dt.datetime
    price_min: int
    held_until: dt.datetime | None

    @classmethod
    def from_domain(cls, kept: KeptSlot, timezone: dt.tzinfo) -> SlotOut:
        """Build the answer from a slot."""
        promised, until = kept.slot.appointment, kept.held_until
        return cls(
            id=kept.slot.id,
            start_at=promised.start_at,
            end_at=promised.end_at,
            price_min=kept.slot.price_min,
            held_until=None if until is None else until.astimezone(timezone),
        )


class SlotsOut(BaseModel):
    """Windows that can be promised, by date and time; maybe none."""

    slots: list[SlotOut]
