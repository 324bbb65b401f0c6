"""The local gazetteer (地点辞書) as the geocoder asks it: one key for one spelling."""

from __future__ import annotations

import re
from typing import Protocol

from dispatch.domain.local_place import LocalPlace
from geodata.address_text import folded, normalised

_GAP = re.compile(r"[\W_]+")  # a run of what is neither letter nor digit
_LIST_SIGNS = frozenset(",、・/")


class LocalGazetteer(Protocol):
    """What people have settled; the adapter answers from memory."""

    def active(self, key: str) -> tuple[LocalPlace, ...]:
        """Entries of a key (`place_key`) in force, at most one for each ward."""
        ...


def place_key(text: str) -> str:
    """
    Give the key under which a way of writing a place is remembered.

    The text normalised and folded (`geodata.address_text`), in small letters, without
    spaces and punctuation. Between two numbers one sign stays, for 1-23 is not 12-3:
    ``~`` for a range, ``,`` for a list, ``-`` for all else.

    Returns
    -------
    str
        Empty for a text without letters or digits.
    """
    line = folded(normalised(text)).casefold()
    kept: list[str] = []
    at = 0
    for gap in _GAP.finditer(line):
        kept.append(line[at : gap.start()])
        before, after = line[at : gap.start()][-1:], line[gap.end() :][:1]
        if before.isnumeric() and after.isnumeric():
            kept.append(_sign(gap.group()))
        at = gap.end()
    kept.append(line[at:])
    return "".join(kept)


def _sign(gap: str) -> str:
    if "~" in gap:
        return "~"
    return "," if _LIST_SIGNS.intersection(gap) else "-"
