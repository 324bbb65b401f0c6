"""Consultations (相談): what a resident, an officer or a system reported."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from dispatch.domain.catalogue import Urgency
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import LonLat
from dispatch.domain.scheme import Scheme

MAX_DESCRIPTION = 4_000
MAX_LINE = 300
MAX_NAME = 120
MAX_SUBJECT = 40  # 件名
YEARS = range(1900, 2200)  # beyond lies a slip, and in the end no date at all


class Channel(StrEnum):
    """How the consultation reached us (媒体)."""

    PHONE = "phone"
    COUNTER = "counter"
    WEB = "web"
    API = "api"
    FILE = "file"
    PATROL = "patrol"
    LETTER = "letter"
    FAX = "fax"
    HOTLINE = "hotline"  # 道路緊急ダイヤル #9910
    LINE = "line"
    OFFICER = "officer"  # 地域担当職員
    COUNCIL = "council"  # 区政会議


class ReporterKind(StrEnum):
    """Who reported (申出人区分), without saying which person."""

    RESIDENT = "resident"  # 市民
    COMMUNITY = "community"  # 地域団体
    BUSINESS = "business"  # 事業者
    STAFF = "staff"  # 職員
    ANONYMOUS = "anonymous"  # 匿名


class ContactMethod(StrEnum):
    """How the reporter wants to be answered (連絡方法)."""

    PHONE = "phone"
    MAIL = "mail"
    LETTER = "letter"
    VISIT = "visit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """A promised time for the visit (約束の時間帯), aware, end after start."""

    start_at: dt.datetime
    end_at: dt.datetime

    def __post_init__(self) -> None:
        require_aware("appointment.start_at", self.start_at)
        require_aware("appointment.end_at", self.end_at)
        if self.end_at < self.start_at:
            problem = "約束の時間帯の終わりが始めより前です"
            raise InvalidInputError("appointment.end_at", problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consultation:
    """
    What was reported, as it was reported.

    `stated_ward` and `stated_district` are names that the sender gave beside the
    address; `tagged_on` is the day on which an abandoned bicycle was tagged (エフ),
    which turns the visit into a removal bound by the category's hold.
    `subject` (件名) and `desk` (受付部署) head the chart; `contact_method` and
    `contact_hours` say how and when the reporter wants to be reached; `meeting_on` is
    the day of the ward council (区政会議) that an opinion was given at.
    `position_swapped` tells that the sender's latitude and longitude came the wrong way
    round; `position` is the right one.

    Raises
    ------
    InvalidInputError
        For a naive time, an over-long text, or no place at all.
    """

    received_at: dt.datetime
    channel: Channel
    category_code: str
    description: str
    address_text: str = ""
    landmark_text: str = ""
    position: LonLat | None = None
    position_swapped: bool = False
    stated_ward: str = ""
    stated_district: str = ""
    raised_urgency: Urgency | None = None
    appointment: Appointment | None = None
    contact_wanted: bool = False
    tagged_on: dt.date | None = None
    source: str = ""
    external_id: str = ""
    synthetic: bool = False
    subject: str = ""
    desk: str = ""
    stated_scheme: Scheme | None = None
    reporter_kind: ReporterKind = ReporterKind.RESIDENT
    contact_method: ContactMethod | None = None
    contact_hours: str = ""
    meeting_on: dt.date | None = None

    def __post_init__(self) -> None:
        require_aware("received_at", self.received_at)
        require_length("description", self.description, MAX_DESCRIPTION)
        require_length("address", self.address_text, MAX_LINE)
        require_length("landmark", self.landmark_text, MAX_LINE)
        require_length("stated_ward", self.stated_ward, MAX_LINE)
        require_length("stated_district", self.stated_district, MAX_LINE)
        require_length("external_id", self.external_id, MAX_NAME)
        promised = self.appointment
        if promised is not None and promised.end_at < self.received_at:
            problem = "約束の時間帯が受付より前です。日付を確かめてください"
            raise InvalidInputError("appointment.end_at", problem)
        require_length("source", self.source, MAX_NAME)
        require_length("subject", self.subject, MAX_SUBJECT)
        require_length("desk", self.desk, MAX_NAME)
        require_length("contact_hours", self.contact_hours, MAX_NAME)
        if not (self.address_text or self.landmark_text or self.position):
            problem = "住所・目標物・座標のどれかを入れてください"
            raise InvalidInputError("address", problem)


def require_aware(field: str, moment: dt.datetime) -> None:
    """
    Refuse a naive time, and one so far away that no deadline can be counted from it.

    Raises
    ------
    InvalidInputError
        When the time has no UTC offset or its year is not believable.
    """
    if moment.utcoffset() is None:
        problem = "時差のない日時です(例: 2026-11-24T09:05:00+09:00)"
        raise InvalidInputError(field, problem)
    if moment.year not in YEARS:
        problem = f"年は{YEARS[0]}から{YEARS[-1]}までにしてください"
        raise InvalidInputError(field, problem)


def require_length(field: str, text: str, limit: int) -> None:
    """
    Refuse a text that is too long or holds control characters.

    Raises
    ------
    InvalidInputError
        Naming the field and the limit, never the text.
    """
    if len(text) > limit:
        problem = f"{limit:,}文字以内にしてください(今は{len(text):,}文字)"
        raise InvalidInputError(field, problem)
    if any(ord(c) < ord(" ") and c not in "\n\r\t" for c in text):
        raise InvalidInputError(field, "制御文字が入っています")
