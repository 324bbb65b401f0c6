"""Forms of the staff as browsers send them."""

from __future__ import annotations

from pydantic import BaseModel


class PersonForm(BaseModel):
    """Somebody new."""

    staff_id: str
    name: str
    first_day: str
    why: str
    who: str = ""


class ChargeForm(BaseModel):
    """What somebody is newly charged with."""

    role: str
    unit: str = ""
    ward: str = ""
    districts: list[str] = []
    teams: list[str] = []
    first_day: str
    last_day: str = ""
    why: str
    who: str = ""


class TurnForm(BaseModel):
    """Who stands in, is away, or is on duty when."""

    for_staff_id: str = ""
    weekdays: list[str] = []
    start: str = ""
    end: str = ""
    holidays: str = ""
    first_day: str
    last_day: str = ""
    why: str
    who: str = ""


class MoveForm(BaseModel):
    """End of a row, or its hand-over to a colleague, from a day on."""

    to: str = ""
    from_day: str
    why: str
    who: str = ""
