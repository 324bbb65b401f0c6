"""Voices (地域の声): what area officers bring back and what ward councils say."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

from dispatch.domain.consultation import (
    MAX_LINE,
    MAX_NAME,
    Channel,
    Consultation,
    ReporterKind,
    require_aware,
    require_length,
)
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.reporter import Reporter
from dispatch.domain.scheme import Scheme

SOURCE = "voices"  # source of the charts; with their external id it tells them apart


class VoiceKind(StrEnum):
    """Where voices come from."""

    OFFICER = "officer"  # 地域担当職員が校区から持ち帰った地域課題
    COUNCIL = "council"  # 区政会議の意見

    @property
    def channel(self) -> Channel:
        """Channel (媒体) of the charts."""
        return Channel.OFFICER if self is VoiceKind.OFFICER else Channel.COUNCIL


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceOrigin:
    """
    Where and when voices were heard: in a school district, or by a ward's council.

    `meeting_on` is the day of the council, or the day on which the officer heard them:
    the same words of another day are another voice.

    Raises
    ------
    InvalidInputError
        When there is no ward, or an officer's finding has no school district.
    """

    kind: VoiceKind
    ward_code: str
    meeting_on: dt.date
    district_id: str = ""

    def __post_init__(self) -> None:
        if not self.ward_code:
            raise InvalidInputError("ward", "区を選んでください")
        if self.kind is VoiceKind.OFFICER and not self.district_id:
            raise InvalidInputError("district", "校区を選んでください")


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """
    One voice: what it is about, and where, when it is about a place at all.

    Raises
    ------
    InvalidInputError
        When it has no subject or no category.
    """

    subject: str
    category_code: str
    description: str = ""
    address_text: str = ""
    landmark_text: str = ""
    contact_wanted: bool = False
    reporter: Reporter = field(default_factory=Reporter)

    def __post_init__(self) -> None:
        if not self.subject:
            raise InvalidInputError("subject", "件名を入れてください")
        if not self.category_code:
            raise InvalidInputError("category", "分類を入れてください")

    @property
    def has_place(self) -> bool:
        """Whether it names a place beside the ward."""
        return bool(self.address_text or self.landmark_text)

    def fingerprint(self, origin: VoiceOrigin) -> str:
        """Fingerprint of what was said where; nothing of a person is in it."""
        parts = (
            str(origin.kind),
            origin.ward_code,
            origin.district_id,
            str(origin.meeting_on),
            self.subject,
            self.category_code,
            self.description,
            self.address_text,
            self.landmark_text,
        )
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]

    def consultation(
        self, origin: VoiceOrigin, *, ward_name: str, at: dt.datetime, external_id: str
    ) -> Consultation:
        """
        Consultation that the voice becomes; the ward stands for a place it has not.

        Raises
        ------
        InvalidInputError
            When a text is too long or holds control characters.
        """
        is_officer = origin.kind is VoiceKind.OFFICER
        return Consultation(
            received_at=at,
            channel=origin.kind.channel,
            category_code=self.category_code,
            subject=self.subject,
            description=self.description or self.subject,
            address_text=self.address_text if self.has_place else ward_name,
            landmark_text=self.landmark_text,
            stated_ward=ward_name,
            contact_wanted=self.contact_wanted,
            source=SOURCE,
            external_id=external_id,
            stated_scheme=Scheme.AREA_VOICE,
            reporter_kind=ReporterKind.STAFF if is_officer else ReporterKind.COMMUNITY,
            meeting_on=None if is_officer else origin.meeting_on,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceBatch:
    """Voices that came in together: from where, by whom, and how many."""

    id: str
    origin: VoiceOrigin
    who: str
    at: dt.datetime
    num_rows: int
    num_added: int
    num_known: int
    num_refused: int

    def __post_init__(self) -> None:
        require_aware("at", self.at)
        require_length("who", self.who, MAX_NAME)
        require_length("district", self.origin.district_id, MAX_LINE)
