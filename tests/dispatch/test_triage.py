"""Triage questions: who is asked, what a yes does, and what never lowers."""

from __future__ import annotations

import itertools

import pytest

from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.triage import (
    MAX_ABOUT,
    Reply,
    TriageQuestion,
    TriageReply,
    TriageRules,
    merged,
    yes_in_short,
)
from tests.builders import category

DEEP = TriageQuestion(
    id="deep",
    text="深さは10cmを超えますか",
    raises_to=Urgency.S,
    category_codes=frozenset({"R01"}),
)
INJURY = TriageQuestion(
    id="injury",
    text="けが人はいますか",
    raises_to=Urgency.A,
    groups=frozenset({"道路"}),
)
SCHOOL = TriageQuestion(id="school", text="通学路ですか", groups=frozenset({"道路"}))
RULES = TriageRules(questions=(DEEP, INJURY, SCHOOL))
LAMP = category("L01", group="照明")
REFERRED = category("D01", duty=Duty.REFERRAL, urgency=Urgency.D, onsite_s=0)


def said(question_id: str, reply: Reply = Reply.YES) -> TriageReply:
    return TriageReply(question_id=question_id, reply=reply)


def test_a_category_is_asked_what_names_it_or_its_group() -> None:
    assert RULES.asked_of(category("R01")) == (DEEP, INJURY, SCHOOL)
    assert RULES.asked_of(category("R02")) == (INJURY, SCHOOL)
    assert RULES.asked_of(LAMP) == ()


def test_a_referral_is_asked_nothing_and_raised_by_nothing() -> None:
    assert RULES.asked_of(REFERRED) == ()
    assert RULES.urgency_from([said("deep")], REFERRED) is Urgency.D


@pytest.mark.parametrize(
    ("replies", "urgency"),
    [
        ((), Urgency.B),
        ((said("deep"),), Urgency.S),
        ((said("deep", Reply.NO), said("deep", Reply.UNKNOWN)), Urgency.B),
        ((said("injury"),), Urgency.A),
        ((said("injury"), said("deep")), Urgency.S),
        ((said("school"),), Urgency.B),
        ((said("asked no more"),), Urgency.B),
    ],
)
def test_only_a_yes_raises(replies: tuple[TriageReply, ...], urgency: Urgency) -> None:
    assert RULES.urgency_from(replies, category("R01")) is urgency


def test_a_yes_counts_whatever_the_category() -> None:
    assert RULES.urgency_from([said("deep")], LAMP) is Urgency.S


def test_no_replies_ever_lower_a_category() -> None:
    ids = [one.id for one in RULES.questions]
    for urgency in Urgency:
        own = category("R01", urgency=urgency)
        for replies in itertools.product(Reply, repeat=len(ids)):
            heard = RULES.urgency_from(map(said, ids, replies), own)
            assert heard.rank <= urgency.rank


def test_only_the_questions_that_say_so_make_class_s() -> None:
    assert [one.id for one in RULES.questions if one.makes_s] == ["deep"]


def test_replies_come_in_the_order_of_the_questions() -> None:
    replies = RULES.replies_of({"school": Reply.NO, "deep": Reply.YES})
    assert replies == (said("deep"), said("school", Reply.NO))
    words = "深さは10cmを超えますか: はい、通学路ですか: いいえ"
    assert RULES.in_words(replies) == words


def test_a_question_that_is_none_is_refused_without_repeating_it() -> None:
    with pytest.raises(InvalidInputError) as refused:
        RULES.replies_of({"<script>": Reply.YES})
    assert refused.value.field == "triage"
    assert "<script>" not in str(refused.value)


def test_the_history_names_the_questions_answered_with_yes() -> None:
    replies = [said("deep"), said("injury", Reply.NO), said("school")]
    assert yes_in_short(replies) == "deep|school"
    # 13 ids of 9 letters and 12 bars are 129 signs: as many whole ids as fit
    long = yes_in_short([said(f"question{n:x}") for n in range(13)])
    assert long == "|".join(f"question{n:x}" for n in range(12))
    assert len(long) <= MAX_ABOUT


def test_to_a_question_asked_again_the_later_reply_counts() -> None:
    before = (said("deep", Reply.UNKNOWN), said("school"))
    assert merged(before, [said("deep")]) == (said("deep"), said("school"))
