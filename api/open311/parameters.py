"""Parameters of GeoReport v2 as clients send them: read, checked, or refused."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping

from starlette.datastructures import QueryParams

from api.open311.words import CLOSED, State
from dispatch.domain.case_chart import ChartStatus
from dispatch.domain.shown_request import RequestQuery

# What clients add of their own accord; nothing follows from it.
KNOWN = frozenset({"jurisdiction_id", "api_key", "extensions", "account_id"})
PAGING = frozenset({"page", "page_size", "per_page"})
SPAN = dt.timedelta(days=90)  # by the specification, default and longest
MAX_PAGE = 1_000  # by the specification, the most requests of one answer
MAX_PAGE_NUMBER = 1_000_000
# A plus sign that was sent as it is has become a space on the way.
LOST_PLUS = re.compile(r" (?=\d\d:?\d\d$)")


class Open311Error(Exception):
    """A refusal in the protocol's own form: status, and a sentence for people."""

    def __init__(self, status: int, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.description = description


def require_known(query: QueryParams, known: Collection[str]) -> None:
    """
    Refuse a parameter that would be ignored.

    Raises
    ------
    Open311Error
        400, naming it.
    """
    unknown = sorted(set(query.keys()) - KNOWN - set(known))
    if unknown:
        raise Open311Error(400, f"unknown parameter: {', '.join(unknown)[:200]}")


def require_jurisdiction(stated: str, city: str) -> None:
    """
    Refuse another city's clients; an empty name is this one.

    Raises
    ------
    Open311Error
        404, as the specification says.
    """
    if stated and stated.casefold() != city.casefold():
        raise Open311Error(404, f"jurisdiction_id was not found; it is {city}")


def request_query(query: QueryParams, *, now: dt.datetime) -> RequestQuery:
    """
    Read the parameters of the list of requests.

    Raises
    ------
    Open311Error
        400, naming the parameter.
    """
    require_known(
        query,
        {
            *("service_request_id", "service_code", "status"),
            *("start_date", "end_date", "updated_after", "updated_before"),
            *PAGING,
        },
    )
    first, last = window(query, now=now)
    return RequestQuery(
        numbers=_listed(query.get("service_request_id", "")),
        category_codes=_listed(query.get("service_code", "")),
        statuses=_statuses(_listed(query.get("status", ""))),
        received_from=first,
        received_to=last,
        updated_from=moment(query, "updated_after"),
        updated_to=moment(query, "updated_before"),
        page=_number(query, "page", MAX_PAGE_NUMBER) or 1,
        page_size=_number(query, "page_size", MAX_PAGE)
        or _number(query, "per_page", MAX_PAGE)
        or MAX_PAGE,
    )


def window(
    query: Mapping[str, str], *, now: dt.datetime
) -> tuple[dt.datetime, dt.datetime]:
    """
    Read start and end; what is missing is 90 days from the other, or until now.

    Raises
    ------
    Open311Error
        400 for a time without a zone, a wrong order, or more than 90 days.
    """
    first, last = moment(query, "start_date"), moment(query, "end_date")
    if last is None:
        last = now if first is None else max(first, min(first + SPAN, now))
    if first is None:
        first = last - SPAN
    if first > last:
        raise Open311Error(400, "start_date is later than end_date")
    if last - first > SPAN:
        raise Open311Error(400, "start_date and end_date are more than 90 days apart")
    return first, last


def moment(query: Mapping[str, str], name: str) -> dt.datetime | None:
    """
    Read a time with its zone; None where it was not sent.

    Raises
    ------
    Open311Error
        400 for another form, and for a time without a zone: whose would it be?
    """
    text = query.get(name, "").strip()
    if not text:
        return None
    try:
        found = dt.datetime.fromisoformat(LOST_PLUS.sub("+", text))
        found.astimezone(dt.UTC)  # the year 1 and the year 9999 have none
    except (ValueError, OverflowError):
        found = None
    if found is None or found.utcoffset() is None:
        example = "2026-11-24T09:05:00+09:00"
        raise Open311Error(400, f"{name}: a time with its zone, such as {example}")
    return found


def _listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))


def _statuses(states: Collection[str]) -> frozenset[ChartStatus]:
    found: set[ChartStatus] = set()
    for state in {one.lower() for one in states}:
        if state not in set(State):
            raise Open311Error(400, "status: open, closed, or both")
        found |= CLOSED if state == State.CLOSED else set(ChartStatus) - CLOSED
    return frozenset(found)


def _number(query: QueryParams, name: str, most: int) -> int | None:
    text = query.get(name, "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:9]) <= most:
        raise Open311Error(400, f"{name}: a number from 1 to {most}")
    return int(text)
