"""What Open311 clients post: fields of a form to a consultation, or a refusal."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from api.open311.parameters import Open311Error
from api.schemas import ConsultationIn, PositionIn
from dispatch.chart_opening import Intake
from dispatch.domain.consultation import MAX_DESCRIPTION
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.triage import Reply

NO_PIN = "#NOTPINPOINTED#"  # FixMyStreet's word for "somewhere around here"
ATTRIBUTE = "attribute["
MAX_LINKS = 10
MAX_LINK = 500
MAX_FIELD = 4_000  # characters of one field, by the specification's description
# Our names of what their names lead to, to name the right one in a refusal.
FIELDS = {
    "category": "service_code",
    "description": "description",
    "address": "address_string",
    "position": "lat, long",
    "lon": "long",
    "lat": "lat",
    "reporter.name": "first_name, last_name",
    "reporter.phone": "phone",
    "triage": "attribute",
}
# What makes two posts the same report of the same person.
SAME_PERSON = ("first_name", "last_name", "email", "phone", "device_id", "account_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A form's fields as texts, and the photos beside them."""

    fields: Mapping[str, str]
    links: tuple[str, ...]
    photos: tuple[bytes, ...] = field(repr=False)

    def text(self, name: str) -> str:
        """One field without the blanks around it; empty when it was not sent."""
        return self.fields.get(name, "").strip()

    def fingerprint(self) -> str:
        """Fingerprint of what was said where by whom: a retry has the same."""
        said = {
            "service_code": self.text("service_code"),
            "description": " ".join(self.text("description").split()),
            "place": [self._rounded("lat"), self._rounded("long")],
            "address": self.text("address_string"),
            "attributes": self.attributes(),
            "person": [self.text(name).casefold() for name in SAME_PERSON],
        }
        text = json.dumps(said, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode(errors="replace")).hexdigest()

    def attributes(self) -> dict[str, str]:
        """Return replies to the questions of the service, by the question's code."""
        return {
            name[len(ATTRIBUTE) :].partition("]")[0]: value.strip()
            for name, value in self.fields.items()
            if name.startswith(ATTRIBUTE) and value.strip()
        }

    def _rounded(self, name: str) -> str:
        try:
            return f"{float(self.text(name)):.5f}"  # a metre: not another hole
        except ValueError:
            return self.text(name)


def posted(form: FormData) -> Posted:
    """
    Read a form.

    Raises
    ------
    Open311Error
        400 for a field that is far too long.
    """
    fields: dict[str, str] = {}
    links: list[str] = []
    photos: list[bytes] = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if value.filename:
                photos.append(value.file.read())
        elif len(value) > MAX_FIELD:
            raise Open311Error(400, f"{name[:60]}: at most {MAX_FIELD} characters")
        elif name == "media_url":
            links.append(value.strip())
        else:
            fields.setdefault(name, value)
    return Posted(fields=fields, links=tuple(filter(None, links)), photos=tuple(photos))


def intake_of(
    post: Posted, *, client: str, key: str, now: dt.datetime, questions: Sequence[str]
) -> Intake:
    """
    Turn a post into a consultation on its way in.

    Parameters
    ----------
    post
        The form.
    client
        Name of the system that hands it in.
    key
        Under which a retry is known again.
    now
        Time of the request.
    questions
        Codes of what may be replied to.

    Raises
    ------
    Open311Error
        400, naming the field.
    """
    try:
        body = ConsultationIn.model_validate(
            {
                "category": post.text("service_code"),
                "description": _description(post),
                "address": post.text("address_string"),
                "position": _position(post),
                "reporter": {
                    "name": _name(post),
                    "phone": post.text("phone"),
                },
                "contact_wanted": False,
                "triage": _replies(post, questions),
            }
        )
        return body.to_intake(client=client, key=key, now=now)
    except ValidationError as problem:
        first = problem.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise Open311Error(400, f"{_field(name)}: {first['msg']}") from None
    except InvalidInputError as problem:
        text = f"{_field(problem.field)}: {problem.problem}"
        raise Open311Error(400, text) from None


def require_place(post: Posted) -> None:
    """
    Refuse a report that says nowhere where it is.

    Raises
    ------
    Open311Error
        400, naming the three ways.
    """
    if post.text("lat") and post.text("long"):
        return
    address_id = post.text("address_id")
    if address_id and address_id != NO_PIN and not post.text("address_string"):
        problem = "address_id: no such register here; send lat and long, or a text"
        raise Open311Error(400, problem)
    if not post.text("address_string"):
        raise Open311Error(400, "lat and long, or address_string, is required")


def _field(name: str) -> str:
    return FIELDS.get(name, FIELDS.get(name.partition(".")[0], name))


def _position(post: Posted) -> PositionIn | None:
    lat, lon = post.text("lat"), post.text("long")
    if not lat or not lon:
        return None
    try:
        return PositionIn(lon=float(lon), lat=float(lat))
    except ValueError:  # pydantic's error is one, too
        raise Open311Error(400, "lat, long: degrees, such as 34.6937") from None


def _description(post: Posted) -> str:
    """Return what was said, and addresses of pictures, which nobody fetches."""
    text = post.text("description").replace("\r\n", "\n")
    links = [one for one in post.links if len(one) <= MAX_LINK][:MAX_LINKS]
    if links:
        text = "\n".join((text, *(f"写真: {one}" for one in links)))
    return text[:MAX_DESCRIPTION]


def _name(post: Posted) -> str:
    return f"{post.text('last_name')} {post.text('first_name')}".strip()


def _replies(post: Posted, questions: Sequence[str]) -> dict[str, Reply]:
    """Return replies to our questions; what clients ask beside them is left out."""
    found: dict[str, Reply] = {}
    for code, value in post.attributes().items():
        if code not in questions:
            continue
        if value.lower() not in set(Reply):
            words = ", ".join(Reply)
            raise Open311Error(400, f"attribute[{code}]: one of {words}")
        found[code] = Reply(value.lower())
    return found
