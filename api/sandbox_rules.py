"""What a client has shown that it can do: rules over the requests that were seen."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

# Kana and the common ideographs: who sends these sends Japanese.
JAPANESE = re.compile(r"[\u3041-\u30ff\u4e00-\u9fff]")
# UTF-8 that was read as Latin-1 or Windows-1252, or replaced: "ã\x81", "æ—¥", U+FFFD.
HARMED = re.compile(
    r"\ufffd|[\u00e3-\u00e9\u00ef][\u0080-\u00bf\u0152-\u0178\u2013-\u203a]"
)
CREATED, OK = 201, 200
CONFLICT, TOO_LARGE, TOO_MANY, UNAVAILABLE = 409, 413, 429, 503
REFUSED_BODY = frozenset({400, 422})
NO_ENTRY = frozenset({401, 403})
STALE = frozenset({409, 412})
TIMES = ("received_at", "appointment", "tagged_on", "meeting_on", "requested_datetime")
TEXTS = ("description", "subject", "address", "landmark", "body")
PLACES = ("address", "address_string", "position", "lat", "landmark")


class Case(StrEnum):
    """Situation that a client has to cope with."""

    WRONG_KEY = "wrong_key"
    RETRY = "retry"
    REUSED_KEY = "reused_key"
    BAD_TIME = "bad_time"
    HUGE_TEXT = "huge_text"
    JAPANESE_TEXT = "japanese_text"
    UNKNOWN_FIELD = "unknown_field"
    NO_PLACE = "no_place"
    RATE_LIMIT = "rate_limit"
    STALE_VERSION = "stale_version"
    SERVER_TROUBLE = "server_trouble"


class Verdict(StrEnum):
    """How far a client has come with a case."""

    NOT_TRIED = "not_tried"
    REFUSED = "refused"  # as it should be; the client has not sent it mended yet
    HANDLED = "handled"
    WRONG = "wrong"  # the client did what would do harm


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """
    One request as far as it matters; no words are kept.

    `is_intake` is a consultation handed in, else a change of a chart. `body_id` and
    `retry_id` are digests: of the body, and of what the client repeats with a retry
    (Idempotency-Key, or its own number). `fields` are those that were faulted, of which
    `unknown` are none of ours. `chart_id` is what was answered.
    """

    at: dt.datetime
    path: str
    status: int
    is_intake: bool
    body_id: str
    retry_id: str = ""
    chart_id: str = ""
    fields: frozenset[str] = frozenset()
    unknown: bool = False
    has_time: bool = False
    has_place: bool = True
    is_japanese: bool = False
    is_harmed: bool = False
    retry_after_s: int = 0

    @property
    def is_taken(self) -> bool:
        """Whether a consultation was taken, now or before."""
        return self.is_intake and self.status in {OK, CREATED}


Fault = Callable[[Seen], bool]
Mended = Callable[[Seen, Seen], bool]


def verdicts(seen: Sequence[Seen]) -> dict[Case, Verdict]:
    """
    Judge every case by what one client has sent.

    Parameters
    ----------
    seen
        Its requests in their order.
    """
    found = {case: _after_fault(seen, *rule) for case, rule in _FAULTS.items()}
    found[Case.RETRY] = _retry(seen)
    found[Case.JAPANESE_TEXT] = _japanese(seen)
    found[Case.RATE_LIMIT] = _rate(seen)
    return {case: found[case] for case in Case}


def _after_fault(seen: Sequence[Seen], fault: Fault, mended: Mended) -> Verdict:
    """Refused when the fault came; handled when a mended request came after it."""
    at = next((number for number, one in enumerate(seen) if fault(one)), None)
    if at is None:
        return Verdict.NOT_TRIED
    is_mended = any(mended(seen[at], one) for one in seen[at + 1 :])
    return Verdict.HANDLED if is_mended else Verdict.REFUSED


def _faulted(names: Iterable[str]) -> Fault:
    known = tuple(names)
    return lambda one: (
        one.status in REFUSED_BODY
        and any(field.partition(".")[0] in known for field in one.fields)
    )


def _taken_later(_fault: Seen, one: Seen) -> bool:
    return one.is_taken


def _is_huge(one: Seen) -> bool:
    return one.status == TOO_LARGE or (
        not one.unknown and one.has_place and _faulted(TEXTS)(one)
    )


_FAULTS: dict[Case, tuple[Fault, Mended]] = {
    Case.WRONG_KEY: (
        lambda one: one.status in NO_ENTRY,
        lambda _fault, one: one.status not in NO_ENTRY,
    ),
    Case.REUSED_KEY: (
        lambda one: one.is_intake and one.status == CONFLICT,
        lambda fault, one: one.is_taken and one.retry_id != fault.retry_id,
    ),
    Case.BAD_TIME: (
        _faulted(TIMES),
        lambda _fault, one: one.is_taken and one.has_time,
    ),
    Case.HUGE_TEXT: (_is_huge, _taken_later),
    Case.UNKNOWN_FIELD: (
        lambda one: one.status in REFUSED_BODY and one.unknown,
        _taken_later,
    ),
    Case.NO_PLACE: (
        lambda one: not one.has_place and _faulted(PLACES)(one),
        lambda _fault, one: one.is_taken and one.has_place,
    ),
    Case.STALE_VERSION: (
        lambda one: not one.is_intake and one.status in STALE,
        lambda fault, one: one.path == fault.path and one.status in {OK, CREATED},
    ),
    Case.SERVER_TROUBLE: (
        lambda one: one.status == UNAVAILABLE,
        lambda fault, one: one.is_taken and one.body_id == fault.body_id,
    ),
}


def _retry(seen: Sequence[Seen]) -> Verdict:
    """Whether a consultation that was sent again became one chart, or two."""
    verdict = Verdict.NOT_TRIED
    charts: dict[tuple[str, str], set[str]] = {}
    for one in seen:
        if not one.is_taken:
            continue
        known = charts.setdefault((one.body_id, one.retry_id), set())
        if one.chart_id in known:
            verdict = Verdict.HANDLED
        elif known:
            return Verdict.WRONG
        known.add(one.chart_id)
    return verdict


def _japanese(seen: Sequence[Seen]) -> Verdict:
    """Whether the last Japanese text that was taken came unharmed."""
    taken = [one for one in seen if one.is_taken and (one.is_japanese or one.is_harmed)]
    if not taken:
        return Verdict.NOT_TRIED
    return Verdict.WRONG if taken[-1].is_harmed else Verdict.HANDLED


def _rate(seen: Sequence[Seen]) -> Verdict:
    """Whether the client waited as long as it was told to."""
    verdict = Verdict.NOT_TRIED
    for one, after in zip(seen, [*seen, None][1:], strict=True):
        if one.status == TOO_MANY:
            verdict = Verdict.REFUSED
            if after is not None:
                waited_s = (after.at - one.at).total_seconds()
                is_patient = waited_s >= one.retry_after_s
                verdict = Verdict.HANDLED if is_patient else Verdict.WRONG
    return verdict
