"""Coordinates in a text: a pair of numbers found, put in order, and its precision."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from types import MappingProxyType

from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import BoundingBox, LonLat, great_circle_m
from dispatch.domain.placing import PlaceLevel, PlacingStatus, PlacingWarning
from geodata.address_text import DASHES, INVISIBLE

POSITION_RADIUS_M = 30  # assumption: a phone's position, or a pin put by hand
COARSE_RADIUS_M = 500
METRES_PER_DEGREE = 111_195.0  # of latitude, mean sphere; longitude is shorter
# Steps of the last digit: no pair is coarser than 0.1°; the finer number of one without
# labels has 0.01° or a whole minute inside the city, 4 decimals or a second elsewhere.
MAX_STEP_M = 12_000.0
BARE_STEP_M = 1_900.0
EXACT_STEP_M = 31.0
SIXTY = 60.0  # minutes in a degree, seconds in a minute
MAX_ANGLES = 300  # more numbers than a person writes: the rest of the text is not read

# Numbers of the Tokyo datum read as JGD2011 or WGS84 lie 443.6 m off in Osaka, the true
# place at 36° west of north: three-parameter shift of 国土地理院 (-146.414, 507.337,
# 680.507 m), within 1 m over the city. Elsewhere in Japan the figures differ.
OLD_DATUM_SHIFT = LonLat(-0.002832, 0.003244)
# Radii with which shifted pairs are found beside an address of that level: 97 % with a
# 番, 77 to 83 % with a 丁目; 0.1 and 1 % false alarms (Osaka's facilities, 2026-11).
OLD_DATUM_RADII_M: Mapping[PlaceLevel, int] = MappingProxyType(
    {PlaceLevel.HOUSE: 200, PlaceLevel.BLOCK: 200, PlaceLevel.CHOME: 300}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinateAnswer:
    """
    What a pair of coordinates in a text means.

    `place` is as written, also when it is `outside`; None when no place on the globe
    has these numbers. `matched_text` is a stretch of the text with its label or link,
    `rest` what stands around it.
    """

    status: PlacingStatus
    place: LonLat | None
    radius_m: int
    matched_text: str
    rest: str
    warnings: tuple[PlacingWarning, ...] = ()


def read_coordinates(text: str, *, bounds: BoundingBox) -> CoordinateAnswer | None:
    """
    Read the coordinates that a text holds, in any usual way of writing them.

    Parameters
    ----------
    text
        What was written; any text. Numbers without labels or degree marks count as
        coordinates only with decimals, so that 1-2 and 3丁目4-5 never do.
    bounds
        Rectangle around the city. It decides the order of numbers without labels, and
        corrects labelled ones that only fit the other way round (`SWAPPED`).

    Returns
    -------
    CoordinateAnswer or None
        `ok` inside the bounds, `outside` beyond them, None without coordinates. Of
        several pairs the pin of a map link counts first, then the first one inside;
        `FIRST_OF_LIST` says that another one lies elsewhere. The radius is 30 m and
        one step of the coarser number's last digit; `COARSE_NUMBERS` above 500 m.
    """
    if _MAY_HOLD.search(text) is None:
        return None
    plain = _plain(text)
    pairs = list(_pairs(plain, bounds))
    if not pairs:
        return None
    chosen = min(pairs, key=lambda pair: (not pair.is_inside, not pair.is_pin))
    start, end = _stretch(plain, chosen)
    warnings = list(chosen.warnings)
    if chosen.radius_m > COARSE_RADIUS_M:
        warnings.append(PlacingWarning.COARSE_NUMBERS)
    others = [pair for pair in pairs if pair.end <= start or pair.start >= end]
    if any(_apart(chosen, other) for other in others):
        warnings.append(PlacingWarning.FIRST_OF_LIST)
    around = (text[:start].strip(_EDGE), text[end:].strip(_EDGE))
    return CoordinateAnswer(
        status=PlacingStatus.OK if chosen.is_inside else PlacingStatus.OUTSIDE,
        place=chosen.place,
        radius_m=chosen.radius_m,
        matched_text=text[start:end].strip(),
        rest=" ".join(part for part in around if part),
        warnings=tuple(warnings),
    )


def point_radius_m(place: LonLat) -> int:
    """
    Radius of a position given as two numbers, metres, by their decimals.

    The finer number counts, since programs drop zeros at the end (34.7 for 34.7000).
    """
    exponents = (Decimal(str(n)).as_tuple().exponent for n in (place.lon, place.lat))
    decimals = max(-exponent for exponent in exponents if isinstance(exponent, int))
    return _radius_m(METRES_PER_DEGREE * 10.0 ** -max(decimals, 0))


def suspect_old_datum(
    given: LonLat, address_place: LonLat, address_radius_m: int
) -> LonLat | None:
    """
    Place that coordinates mean if they were of the Tokyo datum, where that is likely.

    Parameters
    ----------
    given
        Coordinates as given.
    address_place, address_radius_m
        Where the address beside them is; the radius by its level from
        `OLD_DATUM_RADII_M`.

    Returns
    -------
    LonLat or None
        The shifted place when it is within the radius and less than half as far from
        the address as the given one, which is beyond the radius. To be suggested to a
        person, never applied: one right pair in a hundred is suspected.
    """
    shifted = LonLat(
        max(given.lon + OLD_DATUM_SHIFT.lon, -180.0),
        min(given.lat + OLD_DATUM_SHIFT.lat, 90.0),
    )
    as_given_m = great_circle_m(given, address_place)
    as_shifted_m = great_circle_m(shifted, address_place)
    fits = as_given_m > address_radius_m > as_shifted_m
    return shifted if fits and as_shifted_m < as_given_m / 2 else None


class _Axis(Enum):
    LAT = auto()
    LON = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Angle:
    """
    A number that may be a latitude or a longitude; `start` is that of its label.

    `is_chain` is 34-41-37 or 34 41 37, whole numbers such as addresses have.
    """

    degrees: float
    step_m: float
    start: int
    end: int
    axis: _Axis | None
    is_chain: bool
    is_pin: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    place: LonLat | None
    is_inside: bool
    radius_m: int
    start: int
    end: int
    is_pin: bool
    warnings: tuple[PlacingWarning, ...] = ()


# Every look-alike becomes one ASCII character, so that offsets stay those of the text.
_SAME = str.maketrans(
    {chr(0xFF01 + at): chr(0x21 + at) for at in range(94)}
    | dict.fromkeys(DASHES.replace("ー", "").replace("ｰ", ""), "-")  # センター34.69
    | dict.fromkeys("º˚゜ﾟ⁰", "°")
    | dict.fromkeys("′’‘´`ʹʼ＇", "'")
    | dict.fromkeys("″”“〃゛ˮʺ＂", '"')
    | dict.fromkeys("、､", ",")
    | {"　": " "}
    | dict.fromkeys("「」『』【】〔〕", '"')
)
_EDGE = " \t\r\n　,、。;；/／"
# Repetitions are bounded and follow a digit: reading is linear in the text's length.
# Before a decimal number, the third of a chain is its partner: 中之島1 3 34.69 135.5.
_ANGLE = re.compile(
    r"""
    (?P<deg>\d{1,3})\ {0,2}[°度]\ {0,2}(?P<min>\d{1,2}(?:\.\d{1,20})?)(?!\.?\d|\ ?[°度])
      (?:\ {0,2}['分]
        (?:\ {0,2}(?P<sec>\d{1,2}(?:\.\d{1,20})?)(?!\.?\d|\ ?[°度])
          (?:\ {0,2}(?:"|''|秒))?)?)?
    | (?P<number>\d{1,3}\.\d{1,20})(?:\ {0,2}[°度])?
    | (?P<tdeg>\d{1,3})(?P<gap>\ |-)(?P<tmin>\d{1,2})(?P=gap)
      (?P<tsec>\d{1,2}(?:\.\d{1,20})?)(?!\.?\d|[ ,;/]{1,3}[+-]?\d{1,3}\.\d)(?:"|'')?
    """,
    re.VERBOSE | re.ASCII,
)
# What every pair has: a decimal point, a degree mark, or a letter or word of direction.
_MAY_HOLD = re.compile(
    r"\d[.．]\d|[°º˚゜度]|\d.{0,4}[NSEWnsewＮＳＥＷｎｓｅｗ]|[NSEWnsewＮＳＥＷｎｓｅｗ].{0,4}\d|"
    r"[北南]緯|[東西]経|[緯経]度|%2[cC]|geo:|[lLｌＬ][aAoOnNａＡ]"
)
_LABEL_CHARS = 32
_LABEL = re.compile(
    r"""
    (?:(?P<lat>(?:緯度[ ,・/と]{0,2}経度|北緯|南緯|緯度|!3d|(?<![A-Z])
        (?:M?LAT(?:ITUDE)?(?:[ ,/_]{0,2}(?:LONG(?:ITUDE)?|LON|LNG))?|[NS])))
      |(?P<lon>(?:経度[ ,・/と]{0,2}緯度|東経|西経|経度|!4d|(?<![A-Z])
        (?:M?(?:LONG(?:ITUDE)?|LON|LNG)(?:[ ,/_]{0,2}LAT(?:ITUDE)?)?|[EW]))))
    [ "'()\[\]:=は約]{0,10}[+-]?$
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_SUFFIX = re.compile(r"[NSEW](?![A-Za-z])| {1,2}[NSEW](?![A-Za-z0-9])|[nsew](?!\w)")
_BETWEEN = re.compile(
    r"""[NSEW]?(?:[\s,;/|&?~+()\[\]{}"'と・。]|%2C|%20|<br>){0,12}""", re.IGNORECASE
)
_CHAINED = re.compile(r"(?:[0-9.]|[0-9-][+-])$")
_GOES_ON = re.compile(r"\.?[0-9]")
_NEGATIVE = "SsWw南西"
_LINK = re.compile(r"(?:https?://|geo:)[!-~]+", re.IGNORECASE)
_BEFORE_CHARS = 24
_BEFORE = re.compile(
    r"(?:座標|位置情報|位置|現在地|地点|GPS)?[値は]?[\s:=]{0,4}[(\[{\"']{0,2}\s{0,2}$",
    re.IGNORECASE,
)
_AFTER = re.compile(r"\s{0,2}[)\]}\"'°度]{1,3}")


def _plain(text: str) -> str:
    same = text.translate(_SAME)
    return INVISIBLE.sub(" ", same)


def _angles(plain: str) -> Iterator[_Angle]:
    """Give the numbers that may be angles, with their labels, in order."""
    before = 0
    for num_read, found in enumerate(_ANGLE.finditer(plain)):
        if num_read >= MAX_ANGLES:
            return
        angle = _angle(plain, found, before)
        before = angle.end if angle else found.end()
        if angle:
            yield angle


def _angle(plain: str, found: re.Match[str], before: int) -> _Angle | None:
    """Read one number; None within a longer number or a chain of numbers."""
    start, end = found.span()
    head = plain[max(start - 2, 0) : start]
    value = _degrees(found)
    if value is None or _CHAINED.search(head) or _GOES_ON.match(plain, end):
        return None
    label = _LABEL.search(plain, max(before, start - _LABEL_CHARS), start)
    suffix = None if label else _SUFFIX.match(plain, end)
    mark = label or suffix
    is_chain = found["tdeg"] is not None and "." not in found["tsec"]
    if is_chain and found["gap"] == "-" and not mark:
        return None  # 1-2-3 is an address
    word = mark.group().strip() if mark else ""
    # A dash after a letter only divides (場所-34.69), unless that letter is a label.
    has_sign = head[-1:] in {"+", "-"} and not (label is None and head[:-1].isalnum())
    is_negative = word[:1] in {*_NEGATIVE} or (has_sign and head[-1] == "-")
    return _Angle(
        degrees=-value[0] if is_negative else value[0],
        step_m=value[1],
        start=label.start() if label else start - int(has_sign),
        end=suffix.end() if suffix else end,
        axis=_axis(label, suffix),
        is_chain=is_chain,
        is_pin=word.startswith("!"),
    )


def _axis(label: re.Match[str] | None, suffix: re.Match[str] | None) -> _Axis | None:
    if label:
        return _Axis.LAT if label["lat"] else _Axis.LON
    if suffix:
        return _Axis.LAT if suffix.group().strip() in {*"NSns"} else _Axis.LON
    return None


def _degrees(found: re.Match[str]) -> tuple[float, float] | None:
    """Give degrees, and the metres of the last digit; None from 60 minutes on."""
    last = found["deg"] or found["tdeg"] or found["number"]
    value, unit_m = float(last), METRES_PER_DEGREE
    minutes, seconds = found["min"] or found["tmin"], found["sec"] or found["tsec"]
    for share, factor in ((minutes, 60.0), (seconds, 3600.0)):
        if share is None:
            break
        if float(share) >= SIXTY:
            return None
        value += float(share) / factor
        last, unit_m = share, METRES_PER_DEGREE / factor
    return value, unit_m * 10.0 ** -len(last.partition(".")[2])


def _pairs(plain: str, bounds: BoundingBox) -> Iterator[_Pair]:
    """Give the pairs of neighbouring angles that are coordinates, in order."""
    first: _Angle | None = None
    for angle in _angles(plain):
        pair = (
            _pair(first, angle, bounds)
            if first and _meet(plain, first, angle)
            else None
        )
        if pair:
            yield pair
        # The second number of an outside pair may be the first of an inside one.
        first = None if pair and pair.is_inside else angle


def _meet(plain: str, first: _Angle, second: _Angle) -> bool:
    """Whether two angles stand side by side and may be the two of a place."""
    if first.axis is second.axis and first.axis:
        return False
    return _BETWEEN.fullmatch(plain, first.end, second.start) is not None


def _pair(first: _Angle, second: _Angle, bounds: BoundingBox) -> _Pair | None:
    """Put two angles in order; None where they are no coordinates."""
    is_labelled = first.axis is not second.axis
    lat, lon = first.degrees, second.degrees
    if first.axis is _Axis.LON or second.axis is _Axis.LAT:
        lat, lon = lon, lat
    given, turned = _on_globe(lon, lat), _on_globe(lat, lon)
    is_turned = not _holds(bounds, given) and _holds(bounds, turned)
    place = turned if is_turned else given
    is_inside = _holds(bounds, place)
    fine_m, coarse_m = sorted((first.step_m, second.step_m))
    bare_step_m = BARE_STEP_M if is_inside else EXACT_STEP_M
    is_sure = is_labelled or (fine_m <= bare_step_m and (given or turned) is not None)
    is_doubtful = not is_inside and (first.is_chain or second.is_chain)
    if coarse_m > MAX_STEP_M or is_doubtful or not is_sure:
        return None
    return _Pair(
        place=place if place or is_labelled else turned,
        is_inside=is_inside,
        radius_m=_radius_m(coarse_m),
        start=first.start,
        end=second.end,
        is_pin=first.is_pin,
        warnings=(PlacingWarning.SWAPPED,) if is_turned and is_labelled else (),
    )


def _holds(bounds: BoundingBox, place: LonLat | None) -> bool:
    return place is not None and bounds.contains(place)


def _on_globe(lon: float, lat: float) -> LonLat | None:
    try:
        return LonLat(lon, lat)
    except InvalidInputError:
        return None


def _radius_m(step_m: float) -> int:
    # A whole step: numbers may be cut off instead of rounded.
    return round(POSITION_RADIUS_M + step_m)


def _stretch(plain: str, pair: _Pair) -> tuple[int, int]:
    """Widen a pair to its whole link, or to its brackets and the word 座標 before."""
    for link in _LINK.finditer(plain):
        if link.start() <= pair.start < link.end():
            return link.start(), max(link.end(), pair.end)
    before = _BEFORE.search(plain, max(pair.start - _BEFORE_CHARS, 0), pair.start)
    after = _AFTER.match(plain, pair.end)
    start = before.start() if before else pair.start
    return start, after.end() if after else pair.end


def _apart(pair: _Pair, other: _Pair) -> bool:
    if pair.place is None or other.place is None:
        return False
    reach_m = pair.radius_m + other.radius_m
    return great_circle_m(pair.place, other.place) > reach_m
