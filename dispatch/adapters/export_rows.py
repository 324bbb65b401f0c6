"""Rows of charts for files: named columns, and little of the body."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from sqlalchemy import Row

from dispatch.adapters.tables import charts
from dispatch.domain.case_chart import ChartStatus
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.exported import ExportedChart
from dispatch.domain.place import LonLat
from dispatch.domain.placing import PlaceLevel

EXPORT_COLUMNS = (
    charts.c.id,
    charts.c.number,
    charts.c.status,
    charts.c.urgency,
    charts.c.duty,
    charts.c.category_code,
    charts.c.received_at,
    charts.c.due_at,
    charts.c.ward_code,
    charts.c.district_id,
    charts.c.office_id,
    charts.c.team_id,
    charts.c.receiver,
    charts.c.lon,
    charts.c.lat,
    charts.c.body,
)
# The block that the text says is in our own data only where the place is that fine.
BLOCK_KNOWN = frozenset({PlaceLevel.BLOCK, PlaceLevel.HOUSE})
# Where the place may be the resident's own home, no more than its area leaves.
SHOWN_DUTIES = frozenset({Duty.FIELD, Duty.PARTNER})


def exported_chart(row: Row[Any]) -> ExportedChart:
    """
    Make the values of a file of a chart's row.

    The body is read as plain JSON: a whole chart takes twenty times as long, and all
    but four of its values would be left behind.
    """
    body = json.loads(row.body)
    duty, status = Duty(row.duty), ChartStatus(row.status)
    shown = duty in SHOWN_DUTIES and status is not ChartStatus.REFERRED
    placement = (body["placement"] or {}) if shown else {}
    level = placement.get("level") or ""
    return ExportedChart(
        id=row.id,
        number=row.number,
        status=status,
        urgency=Urgency(row.urgency),
        duty=duty,
        category_code=row.category_code,
        received_at=row.received_at,
        due_at=row.due_at,
        responded_at=_moment(body.get("responded_at")),
        work_done_at=_moment(body.get("work_done_at")),
        answered_at=_moment(body.get("answered_at")),
        ward_code=row.ward_code,
        town=placement.get("town", ""),
        block=placement.get("block", "") if level in BLOCK_KNOWN else "",
        district_id=row.district_id,
        office_id=row.office_id or "",
        team_id=row.team_id or "",
        receiver=row.receiver,
        level=level,
        place=LonLat(row.lon, row.lat) if shown and row.lon is not None else None,
    )


def _moment(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)
