"""The category guide (手引き): what to ask, how to answer, who does what."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideEntry:
    """
    What somebody at the telephone needs for one category.

    Parameters
    ----------
    code
        Category of the catalogue.
    duty
        Who does the work, and why they.
    urgency
        When it hurries and when not.
    ask
        Questions beside the triage questions.
    answer
        How it is told to the caller.
    not_ours
        What we do not do, and who does.
    next_step
        What happens after the call.
    words
        Words by which callers name it, for the search.
    """

    code: str
    duty: str
    urgency: str
    ask: tuple[str, ...]
    answer: tuple[str, ...]
    not_ours: str
    next_step: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """
    All entries by category; `names` are the categories' names, searched as well.

    A city without a guide has none of either.
    """

    entries: Mapping[str, GuideEntry] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def get(self, code: str) -> GuideEntry | None:
        """Entry of a category; None where the guide says nothing of it."""
        return self.entries.get(code)

    def found(self, words: str) -> tuple[GuideEntry, ...]:
        """
        Entries that hold every one of the words, in the guide's order.

        Width, case and kana do not count: ﾎﾟｯﾄﾎｰﾙ finds ポットホール. No words find
        all entries.
        """
        wanted = [plain(word) for word in words.split()]
        return tuple(
            entry
            for entry in self.entries.values()
            if all(word in plain(" ".join(self._texts(entry))) for word in wanted)
        )

    def _texts(self, entry: GuideEntry) -> Iterable[str]:
        """Everything of an entry that is searched."""
        yield entry.code
        yield self.names.get(entry.code, "")
        yield from entry.words
        yield entry.duty
        yield entry.urgency
        yield from entry.ask
        yield from entry.answer
        yield entry.not_ours
        yield entry.next_step


def plain(text: str) -> str:
    """Text as it is compared: one width, small letters, katakana for hiragana."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(
        chr(ord(letter) + KATAKANA) if "ぁ" <= letter <= "ゖ" else letter
        for letter in folded
    )


KATAKANA = ord("ァ") - ord("ぁ")  # the two syllabaries stand in the same order
