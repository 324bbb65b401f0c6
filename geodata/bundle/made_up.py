"""Rows that a file itself marks as invented: they never enter official data."""

from __future__ import annotations

import unicodedata

MADE_UP_COLUMNS = frozenset({"synthetic", "合成"})
MADE_UP = "made up, and the source is not marked synthetic"
# The circles of several keyboards look alike: U+25CB, U+25EF, U+3007.
_YES = frozenset({"true", "1", "yes", "○", "◯", "〇"})


def is_made_up(mark: str) -> bool:
    """Whether the value of such a column says yes, in whatever case and width."""
    return unicodedata.normalize("NFKC", mark).strip().lower() in _YES
