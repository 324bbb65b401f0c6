"""What anybody may see of a chart on a map: no word of a resident, and no person."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from dispatch.domain.case_chart import ChartStatus
from dispatch.domain.catalogue import Urgency
from dispatch.domain.place import BoundingBox, LonLat


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicChart:
    """
    One consultation of the field crews as a map of others shows it.

    What lies with another desk, or has no place, is none; see `PublicQuery`.
    """

    id: str
    number: str
    status: ChartStatus
    urgency: Urgency
    category_code: str
    received_at: dt.datetime
    due_at: dt.datetime | None
    ward_code: str
    district_id: str
    office_id: str
    team_id: str | None
    place: LonLat


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicQuery:
    """
    Which of the public charts are asked for; an empty field asks for all.

    `received_from` and `received_to` are both included. A chart fits `boxes` when it
    lies in any of them; none asks for the whole city.
    """

    status: str = ""
    urgency: str = ""
    category_code: str = ""
    ward_code: str = ""
    district_id: str = ""
    office_id: str = ""
    received_from: dt.datetime | None = None
    received_to: dt.datetime | None = None
    boxes: tuple[BoundingBox, ...] = ()


ALL_PUBLIC = PublicQuery()
