"""Triage (緊急度の聞き取り): the questions that make class S, and their replies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from dispatch.domain.catalogue import Duty, Urgency, WorkCategory
from dispatch.domain.errors import InvalidInputError

MAX_ABOUT = 120  # of `ChartEntry.about` in the store
URGENT_HOURS = 4  # proposal: how long a new class S stays on the triage list


class Reply(StrEnum):
    """What the caller said to a question."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


REPLY_TEXT = {Reply.YES: "はい", Reply.NO: "いいえ", Reply.UNKNOWN: "わからない"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TriageReply:
    """One question of the city's list, by its id, and the reply."""

    question_id: str
    reply: Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class TriageQuestion:
    """
    One question of the city's list (聞き取り項目).

    `raises_to` is the class that a yes makes of the consultation; None: the reply is
    kept and changes nothing. It is asked of the categories that are named, and of
    those whose group is.
    """

    id: str
    text: str
    raises_to: Urgency | None = None
    groups: frozenset[str] = frozenset()
    category_codes: frozenset[str] = frozenset()
    hint: str = ""

    @property
    def makes_s(self) -> bool:
        """Whether a yes alone makes the consultation an emergency."""
        return self.raises_to is Urgency.S

    def is_asked_of(self, category: WorkCategory) -> bool:
        """Whether it is asked; a referral is no work of ours and is not asked."""
        if category.duty is Duty.REFERRAL:
            return False
        return category.code in self.category_codes or category.group in self.groups


@dataclass(frozen=True, slots=True, kw_only=True)
class TriageRules:
    """
    The city's questions in the order of asking, and what staff look at again.

    `unclear_codes` are categories that say no more than that nobody knows yet;
    `urgent_hours` is how long a new class S stays on the triage list.
    """

    questions: tuple[TriageQuestion, ...] = ()
    unclear_codes: frozenset[str] = frozenset()
    urgent_hours: int = URGENT_HOURS
    _by_id: Mapping[str, TriageQuestion] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {one.id: one for one in self.questions})

    def asked_of(self, category: WorkCategory) -> tuple[TriageQuestion, ...]:
        """Questions of a category, in the order of asking."""
        return tuple(one for one in self.questions if one.is_asked_of(category))

    def replies_of(self, said: Mapping[str, Reply]) -> tuple[TriageReply, ...]:
        """
        Put replies into the order of the questions.

        Raises
        ------
        InvalidInputError
            When the city asks no such question.
        """
        if said.keys() - self._by_id.keys():
            raise InvalidInputError("triage", "聞き取りの項目が一覧にありません")
        return tuple(
            TriageReply(question_id=one.id, reply=said[one.id])
            for one in self.questions
            if one.id in said
        )

    def urgency_from(
        self, replies: Iterable[TriageReply], category: WorkCategory
    ) -> Urgency:
        """
        Urgency of a category after the replies: a yes raises it, nothing lowers it.

        A yes counts whatever the category: who says so has seen more than the list
        foresees. A referral stays what it is; another desk answers it.
        """
        if category.duty is Duty.REFERRAL:
            return category.urgency
        raised = [
            target
            for one in replies
            if one.reply is Reply.YES
            and (target := self.question(one.question_id).raises_to) is not None
        ]
        return min((category.urgency, *raised), key=lambda urgency: urgency.rank)

    def question(self, question_id: str) -> TriageQuestion:
        """
        Return the question of an id.

        One that the city asks no more is told by its id and raises nothing: charts
        outlive the list.
        """
        known = self._by_id.get(question_id)
        return known or TriageQuestion(id=question_id, text=question_id)

    def in_words(self, replies: Iterable[TriageReply]) -> str:
        """Questions and replies in one line, for the history."""
        return "、".join(
            f"{self.question(one.question_id).text}: {REPLY_TEXT[one.reply]}"
            for one in replies
        )


def yes_in_short(replies: Iterable[TriageReply]) -> str:
    """Ids of the questions that were answered with yes, for programs: deep|block."""
    text = "|".join(one.question_id for one in replies if one.reply is Reply.YES)
    # a list far longer than ours: as many whole ids as a history line has room for
    return text if len(text) <= MAX_ABOUT else text[:MAX_ABOUT].rpartition("|")[0]


def merged(
    before: Iterable[TriageReply], later: Iterable[TriageReply]
) -> tuple[TriageReply, ...]:
    """All replies; to a question that was asked again the later one counts."""
    known = {one.question_id: one for one in before}
    known |= {one.question_id: one for one in later}
    return tuple(known.values())
