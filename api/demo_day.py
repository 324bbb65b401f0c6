"""The demonstration's morning: its consultations and staff, brought into a store."""

from __future__ import annotations

from collections.abc import Sequence

from api.demo_staff import add_demo_staff
from api.progress import Told
from api.wiring import Services
from dispatch.chart_opening import Intake
from geodata.demo_day import DemoItem, DemoParams

WHO = "デモ配車担当"
RECEIVED_BY = "デモ受付"
CHUNK = 100


def bring_in(
    services: Services, params: DemoParams, items: Sequence[DemoItem], told: Told
) -> None:
    """
    Bring the morning's consultations in through the door, and the staff of the day.

    Parameters
    ----------
    services
        The wired city; its store is empty.
    params
        Of the pile.
    items
        The pile.
    told
        Told what is being done and how far it is, 0 to 1.
    """
    add_demo_staff(services, params.date)
    for start in range(0, len(items), CHUNK):
        chunk = [
            Intake(consultation=item.consultation, reporter=item.reporter)
            for item in items[start : start + CHUNK]
        ]
        services.intake.receive_all(chunk, who=RECEIVED_BY)
        done = min(1.0, (start + CHUNK) / len(items))
        told("受け付け、場所を探し、振り分けています", done)
