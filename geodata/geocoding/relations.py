"""Words of relation (南側, 向かい, 高架下): how they move or widen a known point."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass

from dispatch.domain.place import EARTH_RADIUS_M, LonLat

MAX_REST = 60  # characters of the rest that are looked at
MAX_SAID_M = 1000  # a longer "…m south" is no description of a place on the street
SAID_ERROR = 0.3  # paces and guesses: assumption
MIN_SAID_ERROR_M = 20
BEARINGS_DEG = {
    "北東": 45,
    "南東": 135,
    "南西": 225,
    "北西": 315,
    "東北": 45,
    "東南": 135,
    "西南": 225,
    "西北": 315,
    "北": 0,
    "東": 90,
    "南": 180,
    "西": 270,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """
    A relation between a known place and the place that is meant.

    Parameters
    ----------
    word
        As it is written.
    bearing_deg
        Clockwise from north; None when the word has no direction.
    distance_m
        How far the point is moved along the bearing: at most, or exactly when
        `is_measured`.
    radius_m
        How much the radius grows.
    is_measured
        Whether the text says the metres.
    """

    word: str
    bearing_deg: int | None = None
    distance_m: int = 0
    radius_m: int = 0
    is_measured: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationRule:
    """A rule: the words, the move, the growth of the radius, and its reason."""

    pattern: str
    distance_m: int
    radius_m: int
    reason: str


# All distances are assumptions from the city's pattern of streets (blocks of 40 to
# 80 m) inside the 30 to 150 m that design/geocoding.md proposes. The first that fits.
RULES = (
    RelationRule(
        pattern="側|隣|寄り|角|方(?!面|向)|の角|$|(?=[、,でにのをが])",
        distance_m=75,
        radius_m=50,
        reason="the pavement or the street along that side of the thing",
    ),
    RelationRule(
        pattern="高架下|ガード下|高架",
        distance_m=0,
        radius_m=100,
        reason="a viaduct runs along: anywhere under the next two blocks",
    ),
    RelationRule(
        pattern="付近|周辺|近辺|近く|近所|界隈|あたり|辺り|そば|傍",
        distance_m=0,
        radius_m=100,
        reason="one block on, in any direction",
    ),
    RelationRule(
        pattern="裏手?|うら|背後|奥",
        distance_m=0,
        radius_m=75,
        reason="the far side of the thing, which side is not known",
    ),
    RelationRule(
        pattern="向かい側?|向い側?|むかい|正面|前|まえ|手前|交差点|交叉点",
        distance_m=0,
        radius_m=50,
        reason="across the street, or the next crossing",
    ),
    RelationRule(
        pattern="横|よこ|隣|となり|脇|わき|角|かど|入口|入り口|出口",
        distance_m=0,
        radius_m=50,
        reason="the ground or the street that touches it",
    ),
    RelationRule(
        pattern="地?先",
        distance_m=0,
        radius_m=30,
        reason="on the street at the frontage",
    ),
)
_BEARING = "|".join(BEARINGS_DEG)
_METRES = r"(?:約|およそ|ほぼ)?([0-9]{1,5})(?:m|M|メートル|米)(?![²³2-3]|メートル)"
_START = (
    r"[ 、,のは]{0,3}(?:から|より)?(?:の)?(?:正門|校門|裏門|敷地|建物)?の?(?:真|すぐ)?"
)
_SAID = re.compile(
    rf"{_START}({_BEARING})?(?:側|方向|方面|方)?[へにの]?(?:さらに)?{_METRES}"
    rf"(?:ほど|くらい|ぐらい|程)?[ の]?({_BEARING})?"
)
_SIDE = re.compile(rf"{_START}(({_BEARING})(?:{RULES[0].pattern}))")
_WORDS = tuple((re.compile(rf"{_START}({r.pattern})"), r) for r in RULES[1:])


_KANA_BEARINGS = {"きた": "北", "ひがし": "東", "みなみ": "南", "にし": "西"}
_KANA_SIDE = re.compile(f"({'|'.join(_KANA_BEARINGS)})がわ")


def read_relation(rest: str) -> Relation | None:
    """
    Read the relation that follows a place in a text.

    Parameters
    ----------
    rest
        What stands after the place: の南側で街灯が切れている. The relation must come
        first; only its first 60 characters are read.

    Returns
    -------
    Relation or None
        None when the rest begins with no word of relation.
    """
    line = unicodedata.normalize("NFKC", rest[:MAX_REST]).strip()[:MAX_REST]
    line = _KANA_SIDE.sub(lambda found: f"{_KANA_BEARINGS[found.group(1)]}側", line)
    return _measured(line) or _side(line) or _word(line)


def applied(
    place: LonLat, radius_m: int, relation: Relation | None
) -> tuple[LonLat, int]:
    """
    Move and widen a place by a relation.

    A side moves the point by at most half the radius, because it lies at the edge of
    the thing; metres that are said move it by as much. The radius always grows.
    """
    if relation is None:
        return place, radius_m
    distance_m: float = relation.distance_m
    if not relation.is_measured:
        distance_m = min(distance_m, radius_m / 2)
    moved = place
    if relation.bearing_deg is not None and distance_m > 0:
        moved = destination(place, relation.bearing_deg, distance_m)
    return moved, radius_m + relation.radius_m


def destination(place: LonLat, bearing_deg: float, distance_m: float) -> LonLat:
    """
    Place that lies at a bearing and a distance, on the sphere of `great_circle_m`.

    The longitude comes back within -180 to 180 degrees.
    """
    angle, bearing = distance_m / EARTH_RADIUS_M, math.radians(bearing_deg)
    lat, lon = math.radians(place.lat), math.radians(place.lon)
    sine = math.sin(lat) * math.cos(angle) + math.cos(lat) * math.sin(angle) * math.cos(
        bearing
    )
    new_lat = math.asin(max(-1.0, min(1.0, sine)))
    turn = math.atan2(
        math.sin(bearing) * math.sin(angle) * math.cos(lat),
        math.cos(angle) - math.sin(lat) * math.sin(new_lat),
    )
    new_lon = math.degrees(lon + turn)
    return LonLat((new_lon + 180) % 360 - 180, math.degrees(new_lat))


def _measured(line: str) -> Relation | None:
    """Read a bearing with metres in either order: 南へ50m, 50m南."""
    found = _SAID.match(line)
    if found is None:
        return None
    before, digits, after = found.groups()
    distance_m = int(digits)
    if distance_m > MAX_SAID_M:
        return None
    error_m = max(MIN_SAID_ERROR_M, round(distance_m * SAID_ERROR))
    bearing = before or after
    if bearing is None:
        return Relation(word=found.group(), radius_m=distance_m + error_m)
    return Relation(
        word=found.group(),
        bearing_deg=BEARINGS_DEG[bearing],
        distance_m=distance_m,
        radius_m=error_m,
        is_measured=True,
    )


def _side(line: str) -> Relation | None:
    found = _SIDE.match(line)
    if found is None:
        return None
    rule = RULES[0]
    return Relation(
        word=found.group(1),
        bearing_deg=BEARINGS_DEG[found.group(2)],
        distance_m=rule.distance_m,
        radius_m=rule.radius_m,
    )


def _word(line: str) -> Relation | None:
    for pattern, rule in _WORDS:
        found = pattern.match(line)
        if found:
            return Relation(word=found.group(1), radius_m=rule.radius_m)
    return None
