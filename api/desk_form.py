"""The telephone desk's form: fields as typed, read into a consultation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from api.wiring import Services
from dispatch.chart_opening import Intake
from dispatch.domain.catalogue import Urgency, WorkCategory
from dispatch.domain.consultation import (
    Appointment,
    Channel,
    Consultation,
    ContactMethod,
    ReporterKind,
)
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.guide import GuideEntry
from dispatch.domain.reporter import ConsentScope, Reporter
from dispatch.domain.scheme import Scheme
from dispatch.domain.triage import Reply, TriageQuestion, TriageReply
from dispatch.topic_desk import Topic

E = TypeVar("E", bound=StrEnum)

TOPIC_ROWS = (2, 3, 4)  # more are split off on the chart's page
TRIAGE = "triage_"  # and the id of a question
# Channels that somebody at a desk takes; the others come by themselves.
DESK_CHANNELS = (
    Channel.PHONE,
    Channel.COUNTER,
    Channel.PATROL,
    Channel.HOTLINE,
    Channel.LETTER,
    Channel.FAX,
    Channel.OFFICER,
)
# Where the page shows a field that the domain calls otherwise.
FIELD_IDS = {
    "appointment": "appointment_day",
    "appointment.start_at": "appointment_start",
    "appointment.end_at": "appointment_end",
    "triage": "triage",
    "desk": "desk_name",
    "form": "desk",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskQuestion:
    """A triage question on the form, and the categories that it is asked of."""

    question: TriageQuestion
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskView:
    """What the form offers: categories by group, their words, the questions."""

    groups: Mapping[str, Sequence[WorkCategory]]
    words: Mapping[str, str]
    questions: tuple[DeskQuestion, ...]
    guide: GuideEntry | None

    @classmethod
    def of(cls, services: Services, code: str) -> DeskView:
        """Build it for a city; the guide is the chosen category's."""
        categories = services.profile.catalogue.categories
        groups: dict[str, list[WorkCategory]] = {}
        for category in categories:
            groups.setdefault(category.group, []).append(category)
        guide = services.desk.guide
        return cls(
            groups=groups,
            words={c: " ".join(entry.words) for c, entry in guide.entries.items()},
            questions=tuple(
                DeskQuestion(
                    question=one,
                    codes=tuple(c.code for c in categories if one.is_asked_of(c)),
                )
                for one in services.desk.rules.questions
            ),
            guide=guide.get(code),
        )


def field_id(field: str) -> str:
    """Where on the page a refused field stands."""
    return FIELD_IDS.get(field, field.replace(".", "_"))


def intake_of(values: Mapping[str, str], services: Services) -> Intake:
    """
    Read the form.

    Raises
    ------
    InvalidInputError
        For a missing category, a choice that is none, or a rule of the domain.
    """
    if not values.get("category"):
        raise InvalidInputError("category", "分類を選んでください")
    return Intake(
        consultation=_consultation(values, services),
        reporter=Reporter(
            name=values.get("reporter_name", ""),
            kana=values.get("reporter_kana", ""),
            phone=values.get("reporter_phone", ""),
            address=values.get("reporter_address", ""),
            role=values.get("reporter_role", ""),
            consent=_choice(values, "reporter_consent", ConsentScope)
            or ConsentScope.NOT_ASKED,
        ),
        triage=tuple(
            TriageReply(question_id=one, reply=reply)
            for one, reply in replies_of(values).items()
        ),
    )


def topics_of(values: Mapping[str, str]) -> tuple[Topic, ...]:
    """
    Read the other topics of the same call; a row without a category must be empty.

    Raises
    ------
    InvalidInputError
        For words without a category, naming the row's field.
    """
    topics = []
    for number in TOPIC_ROWS:
        name = f"topic_{number}_"
        code, words, place = (
            values.get(name + part, "")
            for part in ("category", "description", "address")
        )
        if not code and (words or place):
            problem = "話題の分類を選んでください"
            raise InvalidInputError(f"{name}category", problem)
        if code:
            topics.append(
                Topic(category_code=code, description=words, address_text=place)
            )
    return tuple(topics)


def replies_of(values: Mapping[str, str]) -> dict[str, Reply]:
    """Read the replies to triage questions, by id; what was not asked is left out."""
    return {
        name.removeprefix(TRIAGE): reply
        for name in values
        if name.startswith(TRIAGE)
        and (reply := _choice(values, name, Reply)) is not None
    }


def _consultation(values: Mapping[str, str], services: Services) -> Consultation:
    tagged_on = values.get("tagged_on")
    return Consultation(
        received_at=services.clock.now(),
        channel=_choice(values, "channel", Channel) or Channel.PHONE,
        category_code=values["category"],
        description=values.get("description", ""),
        address_text=values.get("address", ""),
        landmark_text=values.get("landmark", ""),
        raised_urgency=_choice(values, "urgency", Urgency),
        appointment=_appointment(values, services.profile.timezone),
        contact_wanted=values.get("contact_wanted") == "1",
        tagged_on=_day(tagged_on) if tagged_on else None,
        source="desk",
        subject=values.get("subject", ""),
        desk=values.get("desk_name", ""),
        stated_scheme=_choice(values, "scheme", Scheme),
        reporter_kind=_choice(values, "reporter_kind", ReporterKind)
        or ReporterKind.RESIDENT,
        contact_method=_choice(values, "contact_method", ContactMethod),
        contact_hours=values.get("contact_hours", ""),
    )


def _choice(values: Mapping[str, str], name: str, kind: type[E]) -> E | None:
    """Member of a closed set; None where nothing was chosen."""
    text = values.get(name)
    try:
        return kind(text) if text else None
    except ValueError:
        problem = "選択肢か日付の形が正しくありません"
        raise InvalidInputError("form", problem) from None


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        problem = "選択肢か日付の形が正しくありません"
        raise InvalidInputError("form", problem) from None


def _appointment(values: Mapping[str, str], timezone: dt.tzinfo) -> Appointment | None:
    day, start, end = (
        values.get(name, "")
        for name in ("appointment_day", "appointment_start", "appointment_end")
    )
    if not (day or start or end):
        return None
    try:
        date = dt.date.fromisoformat(day)
        times = (dt.time.fromisoformat(start), dt.time.fromisoformat(end))
    except ValueError:
        problem = "約束は日付・始め・終わりをすべて入れてください"
        raise InvalidInputError("appointment", problem) from None
    moments = [dt.datetime.combine(date, time, timezone) for time in times]
    return Appointment(start_at=moments[0], end_at=moments[1])
