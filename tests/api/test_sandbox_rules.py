"""What requests show about a client: a table of sequences and verdicts."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from api.sandbox_rules import HARMED, Case, Seen, Verdict, verdicts
from tests.builders import moment

GOOD = Seen(
    at=moment("9:00"),
    path="/v1/consultations",
    status=201,
    is_intake=True,
    body_id="a",
    retry_id="k1",
    chart_id="c1",
    has_time=True,
    is_japanese=True,
)
CHANGE = replace(
    GOOD, path="/v1/consultations/c1/acts", is_intake=False, status=200, body_id="x"
)
WRONG_KEY = replace(GOOD, status=401, chart_id="")
STALE = replace(CHANGE, status=409)
FULL = replace(GOOD, status=429, retry_after_s=5)
BAD_TIME = replace(GOOD, status=422, fields=frozenset({"received_at"}))
LONG = replace(GOOD, status=422, fields=frozenset({"description"}))
ODD = replace(GOOD, status=422, fields=frozenset({"colour"}), unknown=True)
NOWHERE = replace(GOOD, status=422, fields=frozenset({"address"}), has_place=False)
REUSED = replace(GOOD, status=409, body_id="b")
TROUBLE = replace(GOOD, status=503, chart_id="")


def later(seen: Seen, seconds: float) -> Seen:
    return replace(seen, at=seen.at + dt.timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("case", "seen", "expected"),
    [
        (Case.WRONG_KEY, [GOOD], Verdict.NOT_TRIED),
        (Case.WRONG_KEY, [WRONG_KEY], Verdict.REFUSED),
        (Case.WRONG_KEY, [WRONG_KEY, GOOD], Verdict.HANDLED),
        (Case.RETRY, [GOOD], Verdict.NOT_TRIED),
        (Case.RETRY, [GOOD, replace(GOOD, status=200)], Verdict.HANDLED),
        (Case.RETRY, [GOOD, replace(GOOD, chart_id="c2")], Verdict.WRONG),
        (
            Case.RETRY,  # the same words under another number: another consultation
            [GOOD, replace(GOOD, chart_id="c2", retry_id="k2")],
            Verdict.NOT_TRIED,
        ),
        (Case.REUSED_KEY, [GOOD, REUSED], Verdict.REFUSED),
        (Case.REUSED_KEY, [REUSED, GOOD], Verdict.REFUSED),
        (Case.REUSED_KEY, [REUSED, replace(GOOD, retry_id="k2")], Verdict.HANDLED),
        (Case.BAD_TIME, [BAD_TIME], Verdict.REFUSED),
        (Case.BAD_TIME, [BAD_TIME, replace(GOOD, has_time=False)], Verdict.REFUSED),
        (Case.BAD_TIME, [BAD_TIME, GOOD], Verdict.HANDLED),
        (Case.HUGE_TEXT, [LONG], Verdict.REFUSED),
        (Case.HUGE_TEXT, [replace(GOOD, status=413), GOOD], Verdict.HANDLED),
        (Case.HUGE_TEXT, [NOWHERE, GOOD], Verdict.NOT_TRIED),
        (Case.JAPANESE_TEXT, [replace(GOOD, is_japanese=False)], Verdict.NOT_TRIED),
        (Case.JAPANESE_TEXT, [GOOD], Verdict.HANDLED),
        (Case.JAPANESE_TEXT, [GOOD, replace(GOOD, is_harmed=True)], Verdict.WRONG),
        (Case.UNKNOWN_FIELD, [ODD], Verdict.REFUSED),
        (Case.UNKNOWN_FIELD, [ODD, GOOD], Verdict.HANDLED),
        (Case.NO_PLACE, [NOWHERE], Verdict.REFUSED),
        (Case.NO_PLACE, [NOWHERE, GOOD], Verdict.HANDLED),
        (Case.RATE_LIMIT, [FULL], Verdict.REFUSED),
        (Case.RATE_LIMIT, [FULL, later(GOOD, 4)], Verdict.WRONG),
        (Case.RATE_LIMIT, [FULL, later(GOOD, 5)], Verdict.HANDLED),
        (Case.STALE_VERSION, [STALE], Verdict.REFUSED),
        (Case.STALE_VERSION, [STALE, replace(CHANGE, path="/other")], Verdict.REFUSED),
        (Case.STALE_VERSION, [STALE, CHANGE], Verdict.HANDLED),
        (Case.SERVER_TROUBLE, [TROUBLE], Verdict.REFUSED),
        (Case.SERVER_TROUBLE, [TROUBLE, GOOD], Verdict.HANDLED),
    ],
)
def test_requests_show_how_far_a_client_is(
    case: Case, seen: list[Seen], expected: Verdict
) -> None:
    assert verdicts(seen)[case] is expected


def test_nothing_was_tried_by_nobody() -> None:
    assert set(verdicts([]).values()) == {Verdict.NOT_TRIED}
    assert set(verdicts([])) == set(Case)


@pytest.mark.parametrize("text", ["道路に穴", "ガードレール", "穴①", "é", "Ｒ０２ ﾐﾁ"])
def test_words_of_harm_are_told_from_words(text: str) -> None:
    assert HARMED.search(text) is None
    assert HARMED.search(text.encode().decode("latin-1")) or text == "é"


@pytest.mark.parametrize("wrong", ["latin-1", "cp1252"])
def test_text_that_was_read_with_the_wrong_table_is_noticed(wrong: str) -> None:
    harmed = "道路に穴がある".encode().decode(wrong, errors="replace")
    assert HARMED.search(harmed)
