"""Taking a person's own words out of a text that others need to read."""

from __future__ import annotations

import re
import unicodedata

from dispatch.domain.reporter import Reporter

MASK = "(伏せ)"
SHORTEST_MASKED = 2  # one character would blank out half of every address
# Japanese phone numbers: 0 and 9 or 10 more digits, with or without separators.
PHONE_LIKE = re.compile(r"0\d{1,4}[-‐−ー–() ]{0,2}\d{1,4}[-‐−ー–() ]{0,2}\d{3,4}(?!\d)")


def masked(text: str, reporter: Reporter) -> str:
    """
    Hide what looks like a phone number, and the reporter's own names and number.

    The place as it was reported is needed on the sheet, and people type more into it
    than the place. A name that is not the reporter's own cannot be told from a place.
    """
    plain = unicodedata.normalize("NFKC", text)
    for own in (reporter.name, reporter.kana, reporter.phone, reporter.role):
        word = unicodedata.normalize("NFKC", own).strip()
        if len(word) >= SHORTEST_MASKED:
            plain = _as_typed(word).sub(MASK, plain)
    hidden = PHONE_LIKE.sub(MASK, plain)
    return hidden if MASK in hidden else text


def names_person(text: str, reporter: Reporter) -> bool:
    """
    Whether a text that is to be published says who reported.

    Stricter than a sheet, which needs the place: the family name alone counts, where
    it was written apart, and so does the reporter's own address.
    """
    if masked(text, reporter) != text:
        return True
    plain = unicodedata.normalize("NFKC", text)
    families = [
        unicodedata.normalize("NFKC", name).split()[0]
        for name in (reporter.name, reporter.kana)
        if len(name.split()) > 1
    ]
    own = (*families, unicodedata.normalize("NFKC", reporter.address).strip())
    return any(
        len(word) >= SHORTEST_MASKED and _as_typed(word).search(plain) for word in own
    )


def _as_typed(word: str) -> re.Pattern[str]:
    """Find a word however it was spaced: 架空花子 is 架空 花子."""
    letters = (re.escape(letter) for letter in word if not letter.isspace())
    return re.compile(r"\s*".join(letters))
