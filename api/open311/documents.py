"""Documents of GeoReport v2 about a wired city: discovery, services, requests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from api.open311.words import UPDATE_STATES, state_of
from api.open311.writing import MEDIA_TYPES, Document, Value
from api.wiring import Services
from dispatch.domain.act_words import STATUS_TEXT
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.catalogue import Duty, WorkCategory
from dispatch.domain.shown_request import ShownRequest, ShownUpdate
from dispatch.domain.triage import Reply, TriageQuestion

ROOT = "/open311/v2"
SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
CHANGESET = "2026-11-23T00:00:00+09:00"  # when this interface last changed
REPLIES = {Reply.YES: "はい", Reply.NO: "いいえ", Reply.UNKNOWN: "わからない"}
DIGITS = 6  # of a degree: a tenth of a metre


class Documents:
    """
    Writes what the protocol asks for; never a word of a resident.

    Parameters
    ----------
    services
        The wired city.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        profile = services.profile
        self._timezone = profile.timezone
        self._wards = {ward.code: ward.name for ward in profile.wards}
        self._offices = {office.id: office.name for office in profile.offices}

    @property
    def city(self) -> str:
        """The jurisdiction's name."""
        return self._services.profile.id

    def categories(self) -> tuple[WorkCategory, ...]:
        """Return what can be reported here: what the wards' own desks do is not."""
        every = self._services.profile.catalogue.categories
        return tuple(one for one in every if one.duty is not Duty.REFERRAL)

    def category(self, code: str) -> WorkCategory | None:
        """Category of a service code; None for an unknown one."""
        return next((one for one in self.categories() if one.code == code), None)

    def discovery(self) -> Document:
        """Where the service is and how a key is got."""
        base = self._services.settings.base_url.rstrip("/") + ROOT
        endpoint: dict[str, Value] = {
            "specification": SPECIFICATION,
            "url": base,
            "changeset": CHANGESET,
            "type": "production",
            "formats": [kind.partition(";")[0] for kind in MEDIA_TYPES.values()],
        }
        is_test = self._services.settings.demo_now is not None
        endpoint["type"] = "test" if is_test else "production"
        return Document(
            root="discovery",
            content={
                "changeset": CHANGESET,
                "contact": f"{self._services.profile.name} 各工営所",
                "key_service": "kidohan key add NAME",
                "endpoints": [endpoint],
            },
        )

    def services(self) -> Document:
        """Everything that can be reported."""
        return Document(
            root="services",
            content=[
                {
                    "service_code": one.code,
                    "service_name": one.name,
                    "description": f"{one.group}: {one.name}",
                    "metadata": bool(self._questions(one)),
                    "type": "realtime",
                    "keywords": one.group,
                    "group": one.group,
                }
                for one in self.categories()
            ],
        )

    def definition(self, category: WorkCategory) -> Document:
        """Tell what is asked about one service: the questions of the triage."""
        values = [{"key": str(key), "name": name} for key, name in REPLIES.items()]
        return Document(
            root="service_definition",
            content={
                "service_code": category.code,
                "attributes": [
                    {
                        "variable": True,
                        "code": question.id,
                        "datatype": "singlevaluelist",
                        "required": False,
                        "datatype_description": question.hint,
                        "order": order,
                        "description": question.text,
                        "values": values,
                    }
                    for order, question in enumerate(self._questions(category), 1)
                ],
            },
        )

    def requests(self, found: Sequence[ShownRequest], *, numbers: bool) -> Document:
        """Tell where requests stand; `numbers` where a form knows numbers from text."""
        return Document(
            root="service_requests",
            content=[self._request(one, numbers=numbers) for one in found],
        )

    def updates(self, found: Sequence[ShownUpdate]) -> Document:
        """Tell the changes of requests."""
        return Document(
            root="service_request_updates",
            content=[
                {
                    "update_id": str(one.position),
                    "service_request_id": one.number,
                    "status": str(UPDATE_STATES[one.status]),
                    "updated_datetime": self._time(one.at),
                    "description": STATUS_TEXT[one.status],
                    "external_status_code": str(one.status),
                }
                for one in found
            ],
        )

    def _questions(self, category: WorkCategory) -> tuple[TriageQuestion, ...]:
        return self._services.desk.rules.asked_of(category)

    def _request(self, one: ShownRequest, *, numbers: bool) -> Mapping[str, Value]:
        chart = one.chart
        category = self._services.profile.catalogue.get(chart.category_code)
        told = one.followed or chart  # a merged report waits for the other's visit
        place = chart.placement.place if chart.placement is not None else None
        is_here = told.status is not ChartStatus.REFERRED and place is not None
        lat = round(place.lat, DIGITS) if place is not None and is_here else None
        lon = round(place.lon, DIGITS) if place is not None and is_here else None
        ward = self._wards.get(chart.ward_code, "")
        return {
            "service_request_id": chart.number,
            "status": str(state_of(told.status)),
            "status_notes": self._notes(told),
            "service_name": category.name,
            "service_code": category.code,
            "description": f"{category.name}({ward})" if ward else category.name,
            "agency_responsible": self._agency(told),
            "requested_datetime": self._time(chart.consultation.received_at),
            "updated_datetime": self._time(one.updated_at),
            "expected_datetime": self._time(told.field_due_at or told.due_at),
            "address": self._address(chart) if is_here else ward or None,
            "lat": lat if numbers or lat is None else f"{lat:.{DIGITS}f}",
            "long": lon if numbers or lon is None else f"{lon:.{DIGITS}f}",
        }

    def _notes(self, chart: CaseChart) -> str:
        """Where it stands; the answer itself only as the city publishes it."""
        published = [
            one.summary
            for one in chart.answers
            if one.published_on is not None and one.summary
        ]
        word = STATUS_TEXT[chart.status]
        return f"{word}: {published[-1]}" if published else word

    def _agency(self, chart: CaseChart) -> str | None:
        if chart.receiver:
            return chart.receiver
        assignment = chart.assignment
        return self._offices.get(assignment.office_id) if assignment else None

    def _address(self, chart: CaseChart) -> str | None:
        """Ward and town that we found; the house number is nobody's business."""
        placement = chart.placement
        if placement is None:
            return None
        return placement.town or self._wards.get(placement.ward_code) or None

    def _time(self, at: dt.datetime | None) -> str | None:
        if at is None:
            return None
        local = at.astimezone(self._timezone)
        return local.isoformat(timespec="seconds")
