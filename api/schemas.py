"""What the API takes and gives (pydantic), and its way to and from the domain."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from api.body_numbers import BodyDegrees
from dispatch.chart_opening import Intake
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.consultation import (
    MAX_DESCRIPTION,
    MAX_LINE,
    MAX_NAME,
    MAX_SUBJECT,
    Appointment,
    Channel,
    Consultation,
    ContactMethod,
    ReporterKind,
)
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import LonLat, place_of_numbers
from dispatch.domain.placing import PlaceLevel, PlacingStatus, PlacingWarning
from dispatch.domain.reporter import ConsentScope, Reporter
from dispatch.domain.scheme import Scheme
from dispatch.domain.site_conditions import SiteConditions
from dispatch.domain.transfer import Transfer, TransferState
from dispatch.domain.triage import Reply, TriageReply
from dispatch.domain.visit import ForbiddenHours, TimeWindow
from dispatch.ports import IdempotencyKey
from dispatch.topic_desk import MAX_TOPICS, Topic

# The domain's names of fields that a sender calls otherwise.
SENT_NAMES = {"stated_ward": "ward", "stated_district": "district"}
LATER_FIELDS = {"kana", "role", "consent"}  # of a reporter, since the vault
# of a consultation, since the life cycle
CHART_FIELDS = (
    *("subject", "desk", "scheme", "reporter_kind"),
    *("contact_method", "contact_hours", "meeting_on"),
)
MAX_REPLIES = 40
ONE_PROMISE = "appointment と slot_id は、どちらか一つにしてください"
WRITTEN_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _written(value: object) -> object:
    """Refuse a bare number: pydantic would read it as seconds since 1970."""
    if isinstance(value, str) and WRITTEN_DATE.match(value.strip()):
        return value
    message = "ISO 8601 の文字列にしてください(例: 2026-11-24T09:05:00+09:00)"
    raise ValueError(message)


Moment = Annotated[dt.datetime, BeforeValidator(_written)]
Day = Annotated[dt.date, BeforeValidator(_written)]


class Strict(BaseModel):
    """Base of all request bodies: an unknown field is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class PositionIn(Strict):
    """A position in degrees, JGD2011/WGS84; turned round where `lat` can be none."""

    lon: BodyDegrees = Field(examples=[135.50218])
    lat: BodyDegrees = Field(examples=[34.69375])

    @model_validator(mode="after")
    def _on_the_globe(self) -> Self:
        try:
            self.place()
        except InvalidInputError as problem:
            raise PydanticCustomError("position", problem.problem) from None
        return self

    def place(self) -> tuple[LonLat, bool]:
        """Give the place, and whether the numbers had to be turned round."""
        return place_of_numbers(self.lon, self.lat)


class AppointmentIn(Strict):
    """A promised time for the visit; service begins inside it."""

    start_at: Moment
    end_at: Moment


class ReporterIn(Strict):
    """The person who reported; write-only, kept apart, never given back."""

    name: str = Field("", max_length=MAX_NAME)
    kana: str = Field("", max_length=MAX_NAME)
    phone: str = Field("", max_length=MAX_NAME)
    address: str = Field("", max_length=MAX_LINE)
    role: str = Field("", max_length=MAX_NAME, description="町会役職")
    consent: ConsentScope = Field(
        ConsentScope.NOT_ASKED, description="how far the data may go inside the city"
    )

    def to_reporter(self) -> Reporter:
        """Turn it into the domain's person."""
        return Reporter(
            name=self.name,
            kana=self.kana,
            phone=self.phone,
            address=self.address,
            role=self.role,
            consent=self.consent,
        )


class TopicIn(Strict):
    """Another thing said in the same call; without words of a place, at the same."""

    category: str = Field(max_length=16, examples=["R13"])
    description: str = Field("", max_length=MAX_DESCRIPTION)
    address: str = Field("", max_length=MAX_LINE)
    landmark: str = Field("", max_length=MAX_LINE)
    urgency: Urgency | None = Field(None, description="may raise, never lower it")

    def to_topic(self) -> Topic:
        """Turn it into the domain's topic."""
        return Topic(
            category_code=self.category,
            description=self.description,
            address_text=self.address,
            landmark_text=self.landmark,
            raised_urgency=self.urgency,
        )


class ConsultationIn(Strict):
    """A consultation (相談). One of address, landmark or position is needed."""

    category: str = Field(max_length=16, examples=["R02"])
    description: str = Field(max_length=MAX_DESCRIPTION)
    received_at: Moment | None = Field(
        None, description="aware; the time of the request when absent"
    )
    channel: Channel = Channel.API
    address: str = Field("", max_length=MAX_LINE)
    landmark: str = Field("", max_length=MAX_LINE)
    position: PositionIn | None = None
    ward: str = Field("", max_length=MAX_LINE)
    district: str = Field("", max_length=MAX_LINE)
    urgency: Urgency | None = Field(
        None, description="may raise the category's urgency, never lower it"
    )
    appointment: AppointmentIn | None = None
    slot_id: str | None = Field(
        None, max_length=16, description="a held slot, which becomes the appointment"
    )
    contact_wanted: bool = False
    tagged_on: Day | None = None
    external_id: str = Field("", max_length=MAX_NAME)
    reporter: ReporterIn = Field(default_factory=ReporterIn)
    triage: dict[str, Reply] = Field(
        default_factory=dict,
        max_length=MAX_REPLIES,
        description="replies by the id of a triage question; a yes may raise urgency",
    )
    subject: str = Field("", max_length=MAX_SUBJECT)
    desk: str = Field("", max_length=MAX_NAME, description="where it was received")
    scheme: Scheme | None = Field(None, description="the channel's when absent")
    reporter_kind: ReporterKind = ReporterKind.RESIDENT
    contact_method: ContactMethod | None = None
    contact_hours: str = Field("", max_length=MAX_NAME)
    meeting_on: Day | None = Field(
        None, description="day of the ward council of an opinion"
    )
    topics: list[TopicIn] = Field(
        default_factory=list,
        max_length=MAX_TOPICS,
        description="what else was said in the same call; each becomes a chart",
    )

    def to_intake(self, *, client: str, key: str | None, now: dt.datetime) -> Intake:
        """
        Turn the body into domain values.

        Raises
        ------
        InvalidInputError
            When a rule of the domain refuses it, naming the field.
        """
        if self.slot_id is not None and self.appointment is not None:
            raise InvalidInputError("slot_id", ONE_PROMISE)
        try:
            consultation = self._consultation(client, now)
        except InvalidInputError as problem:
            name = SENT_NAMES.get(problem.field, problem.field)
            raise InvalidInputError(name, problem.problem) from problem
        return Intake(
            consultation=consultation,
            reporter=self.reporter.to_reporter(),
            idempotency=(
                IdempotencyKey(client=client, key=key, body_sha256=self.fingerprint())
                if key
                else None
            ),
            triage=tuple(
                TriageReply(question_id=one, reply=reply)
                for one, reply in self.triage.items()
            ),
        )

    def _consultation(self, client: str, now: dt.datetime) -> Consultation:
        place, is_swapped = self.position.place() if self.position else (None, False)
        appointment = self.appointment
        return Consultation(
            received_at=self.received_at or now,
            channel=self.channel,
            category_code=self.category,
            description=self.description,
            address_text=self.address,
            landmark_text=self.landmark,
            position=place,
            position_swapped=is_swapped,
            stated_ward=self.ward,
            stated_district=self.district,
            raised_urgency=self.urgency,
            appointment=(
                Appointment(start_at=appointment.start_at, end_at=appointment.end_at)
                if appointment
                else None
            ),
            contact_wanted=self.contact_wanted,
            tagged_on=self.tagged_on,
            source=client,
            external_id=self.external_id,
            subject=self.subject,
            desk=self.desk,
            stated_scheme=self.scheme,
            reporter_kind=self.reporter_kind,
            contact_method=self.contact_method,
            contact_hours=self.contact_hours,
            meeting_on=self.meeting_on,
        )

    def fingerprint(self) -> str:
        """Fingerprint of the body's meaning: field order and spacing do not count."""
        # As before there were slots and these fields, where there are none: old keys
        # keep their meaning.
        person = self.reporter.model_dump(exclude_defaults=True)
        without: dict[str, Any] = {"reporter": LATER_FIELDS - person.keys()}
        if self.slot_id is None:
            without["slot_id"] = True
        for name in ("triage", "topics"):
            if not getattr(self, name):
                without[name] = True
        stated = self.model_dump(exclude_defaults=True)
        without |= {name: True for name in CHART_FIELDS if name not in stated}
        meaning = self.model_dump_json(exclude=without)
        return hashlib.sha256(meaning.encode()).hexdigest()


class AssignmentIn(Strict):
    """A dispatcher's assignment; it binds the plan, and is kept with who and why."""

    office_id: str = Field(max_length=40, examples=["tsumori"])
    team_id: str | None = Field(None, max_length=40, examples=["tsumori-1"])
    version: int = Field(ge=1, description="of the chart as it was read")
    who: str = Field(min_length=1, max_length=60)
    why: str = Field(min_length=1, max_length=MAX_LINE)


class PlacementOut(BaseModel):
    """What placing found."""

    status: PlacingStatus
    level: PlaceLevel | None
    lon: float | None
    lat: float | None
    radius_m: int | None
    ward_code: str
    town: str
    block: str
    number: str
    landmark: str
    district_id: str
    message: str
    candidates: list[str]
    warnings: list[PlacingWarning]


class AssignmentOut(BaseModel):
    """The responsible office, the first team, and why."""

    office_id: str
    team_id: str | None
    policy: str
    reason: str
    travel_s: int | None
    runner_up_office_id: str | None
    runner_up_travel_s: int | None
    by: str


class HoursOut(BaseModel):
    """A span of hours of the day, with two digits for the hour."""

    start: str
    end: str

    @classmethod
    def from_domain(cls, hours: ForbiddenHours | TimeWindow) -> HoursOut:
        """Build the answer from a span."""
        return cls(start=_clock(hours.start_s), end=_clock(hours.end_s))


class AfterOut(BaseModel):
    """A chart that comes first, and the gap."""

    chart_id: str
    gap_min: int
    gap_days: int


class ConditionsOut(BaseModel):
    """Conditions of a chart's site; each field is empty or null when there is none."""

    num_teams: int | None
    forbidden: list[HoursOut]
    max_width_cm: int | None
    after: list[AfterOut]
    tools: list[str]
    materials: dict[str, int]
    windows: list[HoursOut]

    @classmethod
    def from_domain(cls, asked: SiteConditions) -> ConditionsOut:
        """Build the answer from the conditions of a chart."""
        return cls(
            num_teams=asked.num_teams,
            forbidden=[HoursOut.from_domain(one) for one in asked.forbidden],
            max_width_cm=asked.max_width_cm,
            after=[
                AfterOut(
                    chart_id=one.chart_id, gap_min=one.gap_min, gap_days=one.gap_days
                )
                for one in asked.after
            ],
            tools=list(asked.tools),
            materials=dict(asked.materials),
            windows=[HoursOut.from_domain(one) for one in asked.windows],
        )


def _clock(second: int) -> str:
    """Clock time of seconds after midnight, HH:MM; the end of the day is 24:00."""
    minutes = second // 60
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


class FollowedOut(BaseModel):
    """The chart whose visit a merged one waits for, and where that one stands."""

    number: str
    status: ChartStatus


class TransferOut(BaseModel):
    """One hand-over between two offices, without anybody's words."""

    id: str
    sender: str
    receiver: str
    state: TransferState
    sent_at: dt.datetime
    accept_by: dt.datetime | None
    settled_at: dt.datetime | None
    return_by: dt.datetime | None
    ended_at: dt.datetime | None

    @classmethod
    def from_domain(cls, one: Transfer) -> TransferOut:
        """Build the answer from a transfer."""
        return cls(**{name: getattr(one, name) for name in cls.model_fields})


class ChartOut(BaseModel):
    """A case chart without anything about the person who reported."""

    id: str
    number: str
    version: int
    status: ChartStatus
    duty: Duty
    category: str
    urgency: Urgency
    scheme: Scheme
    received_at: dt.datetime
    due_at: dt.datetime | None
    hold_until: dt.date | None
    receiver: str
    placement: PlacementOut | None
    assignment: AssignmentOut | None
    conditions: ConditionsOut
    triage: dict[str, Reply]
    parent_id: str
    duplicate_of: str
    followed: FollowedOut | None
    transfers: list[TransferOut]
    synthetic: bool

    @classmethod
    def from_domain(
        cls, chart: CaseChart, followed: CaseChart | None = None
    ) -> ChartOut:
        """Build the answer from a chart, and the one that it was merged into."""
        placement, assignment = chart.placement, chart.assignment
        return cls(
            id=chart.id,
            number=chart.number,
            version=chart.version,
            status=chart.status,
            duty=chart.duty,
            category=chart.category_code,
            urgency=chart.urgency,
            scheme=chart.scheme,
            received_at=chart.consultation.received_at,
            due_at=chart.due_at,
            hold_until=chart.hold_until,
            receiver=chart.receiver,
            placement=(
                None
                if placement is None
                else PlacementOut(
                    status=placement.status,
                    level=placement.level,
                    lon=placement.place.lon if placement.place else None,
                    lat=placement.place.lat if placement.place else None,
                    radius_m=placement.radius_m,
                    ward_code=placement.ward_code,
                    town=placement.town,
                    block=placement.block,
                    number=placement.number,
                    landmark=placement.landmark,
                    district_id=placement.district_id,
                    message=placement.message,
                    candidates=[c.label for c in placement.candidates],
                    warnings=list(placement.warnings),
                )
            ),
            assignment=(
                None
                if assignment is None
                else AssignmentOut(
                    office_id=assignment.office_id,
                    team_id=assignment.team_id,
                    policy=assignment.policy,
                    reason=assignment.reason,
                    travel_s=assignment.travel_s,
                    runner_up_office_id=assignment.runner_up_office_id,
                    runner_up_travel_s=assignment.runner_up_travel_s,
                    by=assignment.by,
                )
            ),
            conditions=ConditionsOut.from_domain(chart.conditions),
            triage={one.question_id: one.reply for one in chart.triage},
            parent_id=chart.parent_id,
            duplicate_of=chart.duplicate_of,
            followed=(
                FollowedOut(number=followed.number, status=followed.status)
                if followed is not None
                else None
            ),
            transfers=[TransferOut.from_domain(one) for one in chart.transfers],
            synthetic=chart.consultation.synthetic,
        )


class FieldProblem(BaseModel):
    """One field that was refused, and why."""

    field: str
    problem: str


class Problem(BaseModel):
    """An error in the form of RFC 9457 (application/problem+json)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = Field(default_factory=list)
    current_version: int | None = Field(
        None, description="of what changed meanwhile; only told then"
    )
