"""From a road engine's steps to the turns that a crew reads, in two languages."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.place import LonLat
from geodata.roads.route import Turn, TurnKind

MAX_ROAD_CHARS = 20
MAX_WORDS_CHARS = 80
_KM_M = 1000
_TEN_M = 10
_CUT = "…"
_NEXT = "→"

_BY_MODIFIER = MappingProxyType(
    {
        "uturn": TurnKind.U_TURN,
        "sharp right": TurnKind.SHARP_RIGHT,
        "right": TurnKind.RIGHT,
        "slight right": TurnKind.SLIGHT_RIGHT,
        "slight left": TurnKind.SLIGHT_LEFT,
        "left": TurnKind.LEFT,
        "sharp left": TurnKind.SHARP_LEFT,
    }
)
_BY_TYPE = MappingProxyType(
    {
        "depart": TurnKind.DEPART,
        "merge": TurnKind.MERGE,
        "on ramp": TurnKind.RAMP,
        "off ramp": TurnKind.RAMP,
        "roundabout": TurnKind.ROUNDABOUT,
        "rotary": TurnKind.ROUNDABOUT,
    }
)
_TURNING = frozenset({"turn", "end of road", "roundabout turn"})
_FOLLOWING = frozenset({"new name", "continue", "notification", "use lane"})
_EXITS = frozenset({"exit roundabout", "exit rotary"})
_SLIGHT = frozenset({TurnKind.SLIGHT_LEFT, TurnKind.SLIGHT_RIGHT})

# What reading an answer of another form than expected can end in.
MALFORMED = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    InvalidInputError,
)
_DIGITS = re.compile(r"[0-9]{1,4}")
# A number that tells in words what kind of road it counts: 国道25号, 府道2号線.
_NAMED_NUMBER = re.compile(r"[国都道府県市]道[0-9]{1,4}号線?")


class Language(StrEnum):
    """Languages that directions are written in."""

    JA = "ja"
    EN = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Phrases:
    """The words of one language; `{}` takes the figure, the name or the words."""

    compass: str  # eight words, north first, clockwise
    unit_gap: str  # between a figure and its unit
    depart_to: str
    depart: str
    on: str
    onto: str
    ahead: str
    soon: str
    follow: str
    exit_number: str
    left_out: str
    actions: Mapping[TurnKind, str]
    sides: Mapping[tuple[TurnKind, bool], str]


_JA = _Phrases(
    compass="北 北東 東 南東 南 南西 西 北西",
    unit_gap="",
    depart_to="{}へ出発",
    depart="出発",
    on="({})",
    onto=" {}へ",
    ahead="{}先 ",
    soon="すぐ ",
    follow="道なり{}",
    exit_number="({}番目の出口)",
    left_out="…({}回曲がる)…",
    actions=MappingProxyType(
        {
            TurnKind.STRAIGHT: "直進",
            TurnKind.SLIGHT_LEFT: "左斜め",
            TurnKind.LEFT: "左折",
            TurnKind.SHARP_LEFT: "左へ鋭角に曲がる",
            TurnKind.SLIGHT_RIGHT: "右斜め",
            TurnKind.RIGHT: "右折",
            TurnKind.SHARP_RIGHT: "右へ鋭角に曲がる",
            TurnKind.U_TURN: "Uターン",
            TurnKind.MERGE: "合流",
            TurnKind.RAMP: "ランプ",
            TurnKind.FORK_LEFT: "分岐を左",
            TurnKind.FORK_RIGHT: "分岐を右",
            TurnKind.ROUNDABOUT: "環状交差点",
            TurnKind.ARRIVE: "到着",
            TurnKind.ARRIVE_LEFT: "到着(左側)",
            TurnKind.ARRIVE_RIGHT: "到着(右側)",
        }
    ),
    sides=MappingProxyType(
        {
            (TurnKind.RAMP, True): "左のランプ",
            (TurnKind.RAMP, False): "右のランプ",
            (TurnKind.MERGE, True): "左へ合流",
            (TurnKind.MERGE, False): "右へ合流",
        }
    ),
)
_EN = _Phrases(
    compass="north northeast east southeast south southwest west northwest",
    unit_gap=" ",
    depart_to="head {}",
    depart="depart",
    on=" on {}",
    onto=" onto {}",
    ahead="in {} ",
    soon="then ",
    follow="follow {}",
    exit_number=" (exit {})",
    left_out="…({} turns)…",
    actions=MappingProxyType(
        {
            TurnKind.STRAIGHT: "straight on",
            TurnKind.SLIGHT_LEFT: "bear left",
            TurnKind.LEFT: "left",
            TurnKind.SHARP_LEFT: "sharp left",
            TurnKind.SLIGHT_RIGHT: "bear right",
            TurnKind.RIGHT: "right",
            TurnKind.SHARP_RIGHT: "sharp right",
            TurnKind.U_TURN: "U-turn",
            TurnKind.MERGE: "merge",
            TurnKind.RAMP: "take the ramp",
            TurnKind.FORK_LEFT: "keep left",
            TurnKind.FORK_RIGHT: "keep right",
            TurnKind.ROUNDABOUT: "roundabout",
            TurnKind.ARRIVE: "arrive",
            TurnKind.ARRIVE_LEFT: "arrive (on the left)",
            TurnKind.ARRIVE_RIGHT: "arrive (on the right)",
        }
    ),
    sides=MappingProxyType(
        {
            (TurnKind.RAMP, True): "ramp on the left",
            (TurnKind.RAMP, False): "ramp on the right",
            (TurnKind.MERGE, True): "merge left",
            (TurnKind.MERGE, False): "merge right",
        }
    ),
)
_PHRASES = MappingProxyType({Language.JA: _JA, Language.EN: _EN})
_ARRIVALS = frozenset({TurnKind.ARRIVE, TurnKind.ARRIVE_LEFT, TurnKind.ARRIVE_RIGHT})
_NOT_COUNTED = _ARRIVALS | {TurnKind.DEPART, TurnKind.STRAIGHT}


def turns_of(osrm_leg: Mapping[str, Any]) -> tuple[Turn, ...]:
    """
    Read the turns of one leg of an OSRM v5 route asked with `steps=true`.

    Parameters
    ----------
    osrm_leg
        One entry of `routes[].legs`, as parsed from JSON.

    Returns
    -------
    tuple[Turn, ...]
        In driving order. The `after_m` add up to the metres driven to the last
        turn, rounded once. A step that only follows the road is left out, and its
        metres go to the next turn, unless the road's name becomes known there. The
        way out of a roundabout belongs to the roundabout. A step of an unknown type
        counts as straight on.

    Raises
    ------
    SourceError
        When the steps do not have the form of OSRM's answer.
    """
    turns: list[Turn] = []
    driven_m = counted_m = 0.0
    try:
        for step in osrm_leg["steps"]:
            turn, maneuver = _turn(step), str(step["maneuver"].get("type", ""))
            if not turns or not _is_silent(turn, maneuver, turns[-1]):
                after_m = rounded_m(driven_m) - rounded_m(counted_m)
                turns.append(replace(turn, after_m=after_m))
                counted_m = driven_m
            elif maneuver in _EXITS:
                turns[-1] = replace(turns[-1], road=turn.road)
            driven_m += _metres(step["distance"])
    except MALFORMED as error:
        message = (
            f"road engine: a step is not of OSRM's form ({type(error).__name__}); "
            "check that the address belongs to an OSRM v5 server"
        )
        raise SourceError(message) from error
    return tuple(turns)


def rounded_m(metres: float) -> int:
    """Whole metres, halves upwards: differences of these add up without loss."""
    return math.floor(metres + 0.5)


def clean(text: str, *, max_chars: int = MAX_ROAD_CHARS) -> str:
    """
    One short printable line of a text that anyone may have written.

    Control, formatting and unassigned characters (Unicode classes C and Z) and the
    arrow that joins our sentences become spaces; what is too long ends in "…".
    """
    printable = "".join(
        " " if unicodedata.category(letter)[0] in "CZ" or letter == _NEXT else letter
        for letter in text
    )
    return _cut(" ".join(printable.split()), max_chars)


def road_name(name: str, ref: str = "") -> str:
    """
    Short name of a road from its name and its number, as OSM has them.

    The first of several (御堂筋;国道25号) is taken. A bare number does not tell whose
    road it counts, so 25 becomes 25号; one that tells it in words (国道25号) stays; any
    other number gives no name.
    """
    first = clean(name.split(";", 1)[0])
    if first:
        return first
    number = clean(ref.split(";", 1)[0])
    if _DIGITS.fullmatch(number):
        return f"{number}号"
    return number if _NAMED_NUMBER.fullmatch(number) else ""


def sentence(turn: Turn, *, language: str = Language.JA) -> str:
    """
    Say one turn: 「350m先 右折 御堂筋へ」; the engine's own words when it has some.

    Raises
    ------
    InvalidInputError
        When the language is not one of `Language`.
    """
    phrases = _phrases(language)
    if words := _own_words(turn):
        return words
    if turn.kind is TurnKind.DEPART:
        return _departure(turn, phrases)
    if turn.kind in _ARRIVALS:
        return phrases.actions[turn.kind]
    return _ahead(turn, phrases) + _action(turn, phrases)


def directions(
    turns: Sequence[Turn], *, limit: int | None = None, language: str = Language.JA
) -> str:
    """
    Say a whole leg in one line, turns joined by 「→」.

    Parameters
    ----------
    turns
        In driving order.
    limit
        Most characters. A longer line keeps its first and last turns and tells
        how often the crew turns between: 「…(5回曲がる)…」.
    language
        A `Language`; the engine's own words stay as they are.

    Raises
    ------
    InvalidInputError
        When the language is not one of `Language`, or the limit is below 1.
    """
    if limit is not None and limit < 1:
        raise InvalidInputError("limit", "1文字以上にしてください")
    phrases = _phrases(language)
    parts = [_part(turn, phrases, language) for turn in turns]
    line = _NEXT.join(parts)
    if limit is None or len(line) <= limit:
        return line
    return _shortened(turns, parts, limit, phrases)


def _turn(step: Mapping[str, Any]) -> Turn:
    """Read one step; its `after_m` is not known yet."""
    maneuver = step["maneuver"]
    lon, lat = maneuver["location"]
    modifier = str(maneuver.get("modifier", ""))
    kind = _kind(str(maneuver.get("type", "")), modifier)
    bearing, exit_number = maneuver.get("bearing_after"), maneuver.get("exit")
    has_side = kind in {TurnKind.RAMP, TurnKind.MERGE}
    is_round = kind is TurnKind.ROUNDABOUT
    return Turn(
        at=LonLat(float(lon), float(lat)),
        kind=kind,
        road=road_name(str(step.get("name") or ""), str(step.get("ref") or "")),
        after_m=0,
        bearing_deg=None if bearing is None else rounded_m(bearing) % 360,
        to_left=_side(modifier) if has_side else None,
        exit_number=int(exit_number) if exit_number and is_round else None,
    )


def _metres(value: object) -> float:
    metres = float(value) if isinstance(value, int | float) else math.nan
    if not (math.isfinite(metres) and metres >= 0):
        message = "not a distance"
        raise ValueError(message)
    return metres


def _kind(maneuver: str, modifier: str) -> TurnKind:
    if maneuver in _BY_TYPE:
        return _BY_TYPE[maneuver]
    side = _side(modifier)
    if maneuver == "arrive":
        return {
            True: TurnKind.ARRIVE_LEFT,
            False: TurnKind.ARRIVE_RIGHT,
            None: TurnKind.ARRIVE,
        }[side]
    if maneuver == "fork" and side is not None:
        return TurnKind.FORK_LEFT if side else TurnKind.FORK_RIGHT
    if maneuver in _TURNING | _FOLLOWING | _EXITS:
        return _BY_MODIFIER.get(modifier, TurnKind.STRAIGHT)
    return TurnKind.STRAIGHT


def _side(modifier: str) -> bool | None:
    """Whether a modifier points left; None when it points nowhere."""
    if modifier.endswith("left"):
        return True
    return False if modifier.endswith("right") else None


def _is_silent(turn: Turn, maneuver: str, before: Turn) -> bool:
    """Whether the driver does nothing here that the turn before has not said."""
    if maneuver in _EXITS:
        return before.kind is TurnKind.ROUNDABOUT
    if maneuver not in _FOLLOWING:
        return False
    # Where only the name changes there is no other way to go: a bend is no turn.
    bends = maneuver == "new name" and turn.kind in _SLIGHT
    follows = turn.kind is TurnKind.STRAIGHT or bends
    return follows and not (turn.road and not before.road)


def _phrases(language: str) -> _Phrases:
    try:
        return _PHRASES[Language(language)]
    except ValueError as error:
        known = "、".join(Language)
        raise InvalidInputError("language", f"{known} のどれかです") from error


def _departure(turn: Turn, phrases: _Phrases) -> str:
    said = phrases.depart
    if turn.bearing_deg is not None:
        # Eight winds of 45 degrees, each centred on its own direction.
        winds = phrases.compass.split()
        wind = winds[round(turn.bearing_deg / 45) % len(winds)]
        said = phrases.depart_to.format(wind)
    return said + (phrases.on.format(turn.road) if turn.road else "")


def _ahead(turn: Turn, phrases: _Phrases) -> str:
    far = _distance(turn.after_m, phrases)
    return phrases.ahead.format(far) if far else phrases.soon


def _action(turn: Turn, phrases: _Phrases) -> str:
    said = phrases.actions[turn.kind]
    if turn.to_left is not None:
        said = phrases.sides.get((turn.kind, turn.to_left), said)
    if turn.exit_number is not None:
        said += phrases.exit_number.format(turn.exit_number)
    return said + (phrases.onto.format(turn.road) if turn.road else "")


def _part(turn: Turn, phrases: _Phrases, language: str) -> str:
    """Say one turn inside a line, where no metre may be lost."""
    said = sentence(turn, language=language)
    far = _distance(turn.after_m, phrases)
    if far and turn.kind in _ARRIVALS:
        return phrases.follow.format(far) + _NEXT + said
    if far and _own_words(turn):
        return phrases.ahead.format(far) + said
    return said


def _own_words(turn: Turn) -> str:
    return clean(turn.words, max_chars=MAX_WORDS_CHARS)


def _distance(metres: int, phrases: _Phrases) -> str:
    """Write a distance to 10 m, from 1 km on to 0.1 km; empty when none is left."""
    tens_m = (metres + 5) // _TEN_M * _TEN_M
    if tens_m >= _KM_M:
        return f"{(metres + 50) // 100 / 10:.1f}{phrases.unit_gap}km"
    return f"{tens_m}{phrases.unit_gap}m" if tens_m else ""


def _shortened(
    turns: Sequence[Turn], parts: Sequence[str], limit: int, phrases: _Phrases
) -> str:
    """Keep as many turns of both ends as fit, at least the first and the last."""
    head, tail = 1, 1
    best = _with_gap(turns, parts, (head, tail), phrases)
    while head + tail < len(parts) - 1:
        longer = (head + 1, tail) if head <= tail else (head, tail + 1)
        line = _with_gap(turns, parts, longer, phrases)
        if len(line) > limit:
            break
        best, (head, tail) = line, longer
    return _cut(best, limit)


def _with_gap(
    turns: Sequence[Turn],
    parts: Sequence[str],
    kept: tuple[int, int],
    phrases: _Phrases,
) -> str:
    head, end = kept[0], max(len(parts) - kept[1], kept[0])
    count = sum(turn.kind not in _NOT_COUNTED for turn in turns[head:end])
    gap = [phrases.left_out.format(count) if count else _CUT] if head < end else []
    return _NEXT.join([*parts[:head], *gap, *parts[end:]])


def _cut(text: str, max_chars: int) -> str:
    if len(text) <= max_chars:
        return text
    return text[: max_chars - 1].rstrip() + _CUT
