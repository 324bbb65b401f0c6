"""Block and house number (番・号) behind the name of a town."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from dispatch.domain.placing import PlacingWarning
from geodata.address_text import COUNTED, KANJI_NUMERALS, number_value

_NUMBER = rf"(?:[0-9]{{1,5}}|[{KANJI_NUMERALS}]{{1,5}})(?![0-9])"
_COUNTED = f"(?!{COUNTED})"
_LEAD = re.compile(r"[-の、, ]*(?:中(?=[0-9]))?(?:\((?=[0-9]))?")
_BLOCK = re.compile(
    rf"(?P<block>{_NUMBER}){_COUNTED}"
    r"(?P<word>番地?)?"
)
_KANJI_NEEDS = re.compile(r"番|-|の[0-9]|$|[ ,、(]")
_JOIN = re.compile(r" ?(?:[-の]+) ?")
_HOUSE = re.compile(rf"(?P<number>{_NUMBER}){_COUNTED}(?P<word>号|番地?)?")
_SPACED_HOUSE = re.compile(rf" (?={_NUMBER}号(?![室棟館線]))")
_AFTER_ROOM = re.compile(r"[-の](?=[0-9A-Z])")
_AND = re.compile(r" ?(?:[・、,/] ?|及び|と(?=[0-9]))(?=[^ ])")
_TO = re.compile(r" ?(?:番地?|号)?(?:~|から(?![0-9]+(?:m|メートル))) ?")
_GOES_ON = re.compile(r"[^\W0-9番の]")  # 上町Aビル is no block A
_NAMED_HOUSE = re.compile(r"(?:番地?)?[-の ]?([0-9]{1,4})(?:号|番地?)?|番地?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """
    What the text says behind the town, in ASCII; empty where it says nothing.

    `rest` is what is left. `further` stands behind the mark of a list or a stretch;
    `warnings` tell of one that goes on with numbers.
    """

    block: str = ""
    number: str = ""
    rest: str = ""
    further: str = ""
    warnings: tuple[PlacingWarning, ...] = ()


def read_numbers(rest: str, named_blocks: Collection[str] = ()) -> Numbers:
    """
    Read block and number at the head of a normalised text.

    Parameters
    ----------
    rest
        What follows a town, or its 丁目: `8番41号先`, `8-41`, `A番5号`, `渡辺3号`.
    named_blocks
        Blocks of this town that have a name or a letter instead of a number (渡辺, A).

    Returns
    -------
    Numbers
        Of a list or a stretch the first, with a warning. A room (-101) is rest.
    """
    lead = _LEAD.match(rest)
    body = rest[lead.end() :] if lead else rest
    for name in named_blocks:
        if body.startswith(name) and not (
            name.isascii() and _GOES_ON.match(body, len(name))
        ):
            after = body[len(name) :]
            house = _NAMED_HOUSE.match(after)
            number = (house[1] or "") if house else ""
            return _ended(name, number, after[house.end() :] if house else after)
    found = _BLOCK.match(body)
    if not found or not _is_block(found, body[found.end() :]):
        return _ended("", "", rest)
    after = body[found.end() :]
    return _with_house(_ascii(found["block"]), after, has_word=bool(found["word"]))


def _is_block(found: re.Match[str], after: str) -> bool:
    """Whether a number is a block: one in kanji only where nothing else fits."""
    if after.startswith("丁目"):
        return False
    if found["word"]:
        return True
    if after.startswith("号"):  # 7丁目6号: a house without its block
        return False
    return found["block"].isascii() or _KANJI_NEEDS.match(after) is not None


def _with_house(block: str, after: str, *, has_word: bool) -> Numbers:
    joined = _JOIN.match(after) or (_SPACED_HOUSE.match(after) if has_word else None)
    body = after[joined.end() :] if joined else after
    if not joined and not has_word:
        return _ended(block, "", after)
    house = _HOUSE.match(body)
    if not house or (has_word and not joined and not _is_house(house, body)):
        return _ended(block, "", after)
    return _ended(block, _ascii(house["number"]), body[house.end() :])


def _is_house(house: re.Match[str], body: str) -> bool:
    """Whether it is a house: one in kanji right behind 番 needs 号, or the end."""
    return house["number"].isascii() or bool(house["word"]) or house.end() == len(body)


def _ended(block: str, number: str, rest: str) -> Numbers:
    to, also = _TO.match(rest), _AND.match(rest)
    mark = to or also
    further = rest[mark.end() :].partition("まで")[0] if mark else ""
    warnings: tuple[PlacingWarning, ...] = ()
    if block and further[:1].isdigit():
        warnings = (PlacingWarning.RANGE if to else PlacingWarning.FIRST_OF_LIST,)
    room = _AFTER_ROOM.match(rest)
    return Numbers(
        block=block,
        number=number,
        rest=_trimmed(rest[room.end() :] if room else rest),
        further=further,
        warnings=warnings,
    )


def _ascii(digits: str) -> str:
    return str(number_value(digits))


def _trimmed(rest: str) -> str:
    """Take brackets and separators off both ends of what is left."""
    short = rest.strip(" -、,")
    if short.startswith("(") and short.endswith(")"):
        short = short[1:-1]
    if short.count(")") > short.count("("):
        short = short.rstrip(")")
    return short.strip()
