"""The agreement of the two engines: what is believed, and what goes to a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dispatch.domain.placing import (
    Candidate,
    PlaceLevel,
    Placement,
    PlacingStatus,
    PlacingWarning,
)
from geodata.geocoding.second_engine import SecondAnswer
from geodata.geocoding.town_index import MAX_CANDIDATES

SECOND = "jageocoder"
OptionOf = Callable[[str, str, str, str], Candidate | None]
_UNSURE = frozenset({PlacingWarning.WARD_INFERRED, PlacingWarning.DROPPED_TOWN_WORD})
_TOWN_LEVELS = frozenset({PlaceLevel.CHOME, PlaceLevel.OAZA})
_DIFFER = "二つの方法で答えが違います。確かめてください。"
_SECOND_ONLY = "もう一つの方法でだけ見つかりました。確かめてください。"


def needs_second(found: Placement) -> bool:
    """
    Whether the second engine is asked about what the strict parser found.

    A full answer with its ward needs no other; nothing found does, and so does a bare
    town whose ward nobody wrote or behind which more words stand.
    """
    if found.status is PlacingStatus.FUZZY:
        return True
    if found.status is PlacingStatus.OUTSIDE:
        return not found.municipality
    if found.status is PlacingStatus.NOT_FOUND:
        # With a town among the candidates we know why: its 丁目 or 番 does not exist.
        return all(one.level not in _TOWN_LEVELS for one in found.candidates)
    if found.status is not PlacingStatus.OK or found.level is PlaceLevel.LANDMARK:
        return False
    is_bare = not found.block
    return is_bare and (bool(_UNSURE & {*found.warnings}) or _is_vague(found))


def agreed(found: Placement, answer: SecondAnswer, option_of: OptionOf) -> Placement:
    """
    Bring the answers of both engines together.

    Parameters
    ----------
    found
        What the strict parser found.
    answer
        What the second engine says.
    option_of
        Our own data for ward, town, block and number: the second engine's positions
        and radii are never used.

    Returns
    -------
    Placement
        `ok` stays unless a sure second answer contradicts; then it is `ambiguous` with
        both. What only the second engine knows is offered as `fuzzy`, never taken. A
        municipality that it can spell is `outside`.
    """
    engines = (*found.engines, f"{SECOND}:{_said(answer)}")
    found = replace(found, engines=engines)
    if not answer.is_sure:
        return found
    if found.status is PlacingStatus.OK:
        return _checked(found, answer, option_of)
    if answer.municipality or found.status is PlacingStatus.OUTSIDE:
        return Placement(
            status=PlacingStatus.OUTSIDE,
            message="市の外の住所です。ほかの自治体です。",
            municipality=answer.municipality,
            matched_text=answer.matched_text,
            engines=engines,
        )
    option = _option(answer, option_of)
    if option is None or option.level is PlaceLevel.WARD:
        return found
    known = {candidate.label for candidate in found.candidates}
    offers = (option, *found.candidates) if option.label not in known else ()
    offers = offers or found.candidates
    return replace(
        found,
        status=PlacingStatus.FUZZY,
        message=_SECOND_ONLY,
        candidates=offers[:MAX_CANDIDATES],
    )


def _said(answer: SecondAnswer) -> str:
    """Tell an answer by official names only; `?` where it is not sure."""
    names = (answer.municipality, answer.ward, answer.town)
    block = f"{answer.block}番" if answer.block else ""
    number = f"{answer.number}号" if answer.number else ""
    whole = "".join((*names, block, number)) or "none"
    return whole if answer.is_sure or whole == "none" else f"{whole}?"


def option_from(found: Placement) -> Candidate | None:
    """Give the place of an answer as a candidate beside others."""
    if found.place is None or found.level is None or found.radius_m is None:
        return None
    return Candidate(
        label=found.town or found.landmark or found.matched_text,
        place=found.place,
        level=found.level,
        radius_m=found.radius_m,
        ward_code=found.ward_code,
        block=found.block,
        number=found.number,
        landmark=found.landmark,
    )


def _is_vague(found: Placement) -> bool:
    return found.level is PlaceLevel.OAZA and bool(found.rest)


def _checked(found: Placement, answer: SecondAnswer, option_of: OptionOf) -> Placement:
    option = _option(answer, option_of)
    if not answer.municipality and (option is None or _is_same_town(found, option)):
        return found
    both = (option_from(found), option)
    return replace(
        found,
        status=PlacingStatus.AMBIGUOUS,
        message=_DIFFER,
        level=None,
        place=None,
        radius_m=None,
        ward_code="",
        town="",
        block="",
        number="",
        municipality=answer.municipality,
        candidates=tuple(one for one in both if one is not None),
        warnings=(*found.warnings, PlacingWarning.ENGINES_DIFFER),
    )


def _is_same_town(found: Placement, option: Candidate) -> bool:
    """Whether one is the other or a part of it: 谷町 and 谷町七丁目."""
    if option.level is PlaceLevel.WARD:
        return found.ward_code == option.ward_code
    longer, shorter = sorted((found.town, option.label), key=len, reverse=True)
    return found.ward_code == option.ward_code and longer.startswith(shorter)


def _option(answer: SecondAnswer, option_of: OptionOf) -> Candidate | None:
    if answer.municipality or not answer.ward:
        return None
    return option_of(answer.ward, answer.town, answer.block, answer.number)
