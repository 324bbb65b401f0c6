"""Taking in what Open311 clients post: one chart, however often a report comes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from api.open311.posting import Posted, intake_of, require_place
from api.wiring import Services
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.photo import PhotoKind
from dispatch.ports import IdempotencyKey

# Clients without keys try again for hours after an answer that was lost; the same
# person who says the same of the same place within a day means the same. A proposal.
SAME_WITHIN = dt.timedelta(hours=24)
REFUSED_PHOTOS = "写真は受け取れませんでした(JPEG・PNG・WebP の写真だけです)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A chart for a post, and what the client is told beside its number."""

    chart: CaseChart
    notice: str


def take_in(services: Services, post: Posted, *, client: str, key: str) -> Taken:
    """
    Take a report in; a retry gets the same chart.

    Parameters
    ----------
    services
        The wired city.
    post
        The form, whose service is known.
    client
        Name of the system that hands it in.
    key
        Its Idempotency-Key; empty where it sends none.

    Raises
    ------
    Open311Error
        400, naming the field.
    ConflictError
        When the key was used with another body.
    """
    require_place(post)
    now = services.clock.now()
    questions = [one.id for one in services.desk.rules.questions]
    idempotency = IdempotencyKey(client=client, key=key, body_sha256=post.fingerprint())
    if not key:
        known, idempotency = _same_before(services, idempotency, now)
        if known is not None:
            return Taken(chart=known, notice="")
    intake = replace(
        intake_of(post, client=client, key="open311", now=now, questions=questions),
        idempotency=idempotency,
    )
    added = services.intake.receive(intake, who=f"API: {client}")
    notice = ""
    if added.is_new and not _keep_photos(services, post, added.chart.id, client):
        notice = REFUSED_PHOTOS
    return Taken(chart=added.chart, notice=notice)


def _same_before(
    services: Services, given: IdempotencyKey, now: dt.datetime
) -> tuple[CaseChart | None, IdempotencyKey]:
    """
    Find the chart of the same report of a moment ago, or the key for a new one.

    The keys of a report are its fingerprint and the day: two posts at once get the
    same, and the store lets only one chart have it. Once the work is over, the same
    words mean that it is there again: the key then goes on from the old chart.
    """
    today = now.astimezone(services.profile.timezone).date()
    key = given
    for day in (today - dt.timedelta(days=1), today):
        name = f"open311:{given.body_sha256}:{day}"
        key = replace(given, key=name)
        while (known := services.store.known([key]).get(key)) is not None:
            is_fresh = now - known.consultation.received_at < SAME_WITHIN
            if is_fresh and known.is_open:
                return known, key
            key = replace(given, key=f"{name}:{known.id}")
    return None, key


def _keep_photos(services: Services, post: Posted, chart_id: str, client: str) -> bool:
    """Keep the photos that are some; the report itself is worth more than they are."""
    kept_all = True
    for photo in post.photos:
        try:
            services.cases.photos.add(
                chart_id, photo, PhotoKind.REPORT, who=f"API: {client}"
            )
        except InvalidInputError:
            kept_all = False
    return kept_all
