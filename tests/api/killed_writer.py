"""A process that takes in consultations and moves them, telling what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing.connection import Connection

from api.settings import Settings
from api.wiring import Services, open_services
from dispatch.adapters.clocks import FixedClock
from dispatch.chart_opening import Intake
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.consultation import Channel, Consultation
from dispatch.domain.life_cycle import Act
from dispatch.domain.reporter import Reporter
from dispatch.ports import IdempotencyKey
from tests.api.installation import ADDRESS, NOW

WHO = "記録係"
CALLER = Reporter(name="架空 花子", phone="06-0000-1234")

# Chart, its version and the lines of its history, each as acknowledged.
Told = tuple[str, int, int]


def write(settings: Settings, told: Connection, first: int, num_charts: int) -> None:
    """Write charts one after another; after each change say what is stored now."""
    with open_services(settings, FixedClock(NOW)) as services:
        for number in range(first, first + num_charts):
            for chart in steps(services, number):
                lines = len(services.store.history(chart.id))
                told.send((chart.id, chart.version, lines))
    told.close()


def steps(services: Services, number: int) -> Iterator[CaseChart]:
    """Take in one consultation and move it; the chart after each change."""
    consultation = Consultation(
        received_at=NOW,
        channel=Channel.PHONE,
        category_code="R02",
        description="穴があいている",
        address_text=ADDRESS,
        source="writer",
        external_id=f"w{number}",
    )
    intake = Intake(
        consultation=consultation,
        reporter=CALLER,
        idempotency=IdempotencyKey(client="writer", key=f"k{number}", body_sha256="0"),
    )
    chart = services.intake.receive(intake, who=WHO).chart
    yield chart
    for act, why in (
        (Act.ACCEPT, ""),
        (Act.ORDER_INSPECTION, ""),
        (Act.RETURN, "場所がちがう"),
        (Act.WITHDRAW, "申出人の取下げ"),
        (Act.CLOSE, ""),
        (Act.REOPEN, "また届いた"),
    ):
        chart = services.life_cycle.act(chart.id, chart.version, act, who=WHO, why=why)
        yield chart
