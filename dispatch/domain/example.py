"""Case examples (相談事例): what was asked, done, answered and learnt; no person."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from dispatch.domain.consultation import MAX_DESCRIPTION, MAX_NAME, require_length
from dispatch.domain.errors import InvalidInputError

PERSONAL = "電話番号か申出人にかかわる言葉があります。除いてください"
HOUSE = "番地か号のような数があります。除くか、載せてよいことを確かめてください"
# 1丁目2番3号, 2番地の5, 7-13, 7の13: where somebody lives, or only a length.
HOUSE_NUMBER = re.compile(
    r"[0-9〇一二三四五六七八九十]+(?:番地|番|号(?!線|車))|[0-9]+(?:[-‐−ー–の][0-9]+)+"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleDraft:
    """
    What a person wrote about a closed chart.

    Raises
    ------
    InvalidInputError
        When question, action or answer is empty, or a text is too long.
    """

    question: str
    action: str
    answer: str
    lesson: str = ""

    def __post_init__(self) -> None:
        for name, text in self.texts():
            require_length(name, text, MAX_DESCRIPTION)
            if not text.strip() and name != "lesson":
                raise InvalidInputError(name, "入れてください")

    def texts(self) -> tuple[tuple[str, str], ...]:
        """Texts by the name of their field."""
        return (
            ("question", self.question),
            ("action", self.action),
            ("answer", self.answer),
            ("lesson", self.lesson),
        )

    def require_nobody(
        self, mask: Callable[[str], str], *, is_confirmed: bool = False
    ) -> None:
        """
        Refuse what tells of a person.

        Parameters
        ----------
        mask
            Takes phone numbers and the reporter's own words out of a text.
        is_confirmed
            Somebody has looked: what reads like a house number tells of nobody.

        Raises
        ------
        InvalidInputError
            Naming the field, never the words.
        """
        for name, text in self.texts():
            if mask(text) != text:
                raise InvalidInputError(name, PERSONAL)
            plain = unicodedata.normalize("NFKC", text)
            if not is_confirmed and HOUSE_NUMBER.search(plain):
                raise InvalidInputError(name, HOUSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An example in the library, made of a chart by a person."""

    id: str
    chart_id: str
    category_code: str
    ward_code: str
    at: dt.datetime
    who: str
    draft: ExampleDraft

    def __post_init__(self) -> None:
        require_length("who", self.who, MAX_NAME)


def search_words(text: str) -> list[str]:
    """Words of a search or a text in the one form in which they are compared."""
    return unicodedata.normalize("NFKC", text).casefold().split()
