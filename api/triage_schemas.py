"""Triage as JSON: the city's questions, later replies, a chart classed anew."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field

from api.schemas import MAX_REPLIES, Strict
from dispatch.domain.catalogue import Catalogue, Urgency
from dispatch.domain.consultation import MAX_LINE
from dispatch.domain.scheme import Scheme
from dispatch.domain.triage import Reply, TriageQuestion
from dispatch.triage_desk import Classing


class QuestionOut(BaseModel):
    """A triage question, and what a yes makes of a consultation."""

    id: str
    text: str
    hint: str
    raises_to: Urgency | None
    categories: list[str]

    @classmethod
    def from_domain(cls, question: TriageQuestion, catalogue: Catalogue) -> Self:
        """Build the answer from a question."""
        asked = (c.code for c in catalogue.categories if question.is_asked_of(c))
        return cls(
            id=question.id,
            text=question.text,
            hint=question.hint,
            raises_to=question.raises_to,
            categories=list(asked),
        )


class RepliesIn(Strict):
    """What a caller said later; it raises the urgency or leaves it."""

    version: int = Field(ge=1, description="of the chart as it was read")
    replies: dict[str, Reply] = Field(min_length=1, max_length=MAX_REPLIES)
    who: str = Field(min_length=1, max_length=60)


class ClassingIn(Strict):
    """What staff set anew; what is absent stays. Only here urgency may be lowered."""

    version: int = Field(ge=1, description="of the chart as it was read")
    category: str | None = Field(None, max_length=16)
    urgency: Urgency | None = None
    scheme: Scheme | None = None
    duty_note: str = Field("", max_length=MAX_LINE)
    who: str = Field(min_length=1, max_length=60)
    why: str = Field(min_length=1, max_length=MAX_LINE)

    def to_classing(self) -> Classing:
        """Turn the body into a decision."""
        return Classing(
            category_code=self.category,
            urgency=self.urgency,
            scheme=self.scheme,
            duty_note=self.duty_note,
        )
