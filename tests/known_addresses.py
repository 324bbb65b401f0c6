"""Real addresses of the city whose answer is known, read from the shared tables."""

from __future__ import annotations

import csv
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dispatch.domain.place import LonLat, great_circle_m
from dispatch.domain.placing import PlaceLevel
from geodata.address_text import folded

# The farthest city facility lies 1,342 m from the middle of its 丁目 (study §4.5).
FARTHEST_M = 1_400
_CHOME = re.compile(r"(?P<oaza>.+?)(?P<chome>[一二三四五六七八九十]+)丁目")
_DIGITS = "〇一二三四五六七八九"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTown:
    """A town of the gazetteer; `oaza` is its name without 丁目, `chome` the number."""

    ward_code: str
    ward: str
    name: str
    oaza: str
    chome: int | None
    place: LonLat


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAddress:
    """
    An address with its answer; `number` is empty where only the block is known.

    `written` is how the source writes it; empty for an address made from tables.
    """

    town: KnownTown
    block: str
    number: str = ""
    place: LonLat | None = None
    written: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPoints:
    """Points whose labels hold, and the written form of those that do not."""

    points: tuple[KnownAddress, ...]
    doubtful: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """
    What the data under examination hold below the 丁目.

    `blocks` are (ward code, town, block), `houses` the same and the number.
    """

    blocks: frozenset[tuple[str, str, str]] = frozenset()
    houses: frozenset[tuple[str, str, str, str]] = frozenset()

    def finest(self, address: KnownAddress, carried: PlaceLevel) -> PlaceLevel:
        """Finest level that a text can reach which carries the level `carried`."""
        block = (address.town.ward_code, address.town.name, address.block)
        if carried is PlaceLevel.HOUSE:
            if (*block, address.number) in self.houses:
                return PlaceLevel.HOUSE
            carried = PlaceLevel.BLOCK
        if carried is PlaceLevel.BLOCK and block not in self.blocks:
            return PlaceLevel.CHOME
        return carried


def seeded(seed: int) -> random.Random:
    """Give the chooser of a trial; the same seed makes the same trial."""
    return random.Random(seed)  # noqa: S311 - a sample, no secret


def listed(words: str) -> tuple[str, ...]:
    """Take a list apart that is written with spaces."""
    return tuple(words.split())


def kanji(number: int) -> str:
    """Write 1 to 999 as people do: 二十三."""
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    text = f"{_unit(hundreds)}百" if hundreds else ""
    text += f"{_unit(tens)}十" if tens else ""
    return text + (_DIGITS[ones] if ones else "")


def kanji_digits(number: int) -> str:
    """Write a number digit by digit: 二三."""
    return "".join(_DIGITS[int(digit)] for digit in str(number))


def _unit(count: int) -> str:
    return _DIGITS[count] if count > 1 else ""


def read_known_towns(path: Path) -> tuple[KnownTown, ...]:
    """Read the table of towns (osaka_towns.csv)."""
    return tuple(
        known_town(
            with_check_digit(row["ward_code"]),
            row["ward"],
            row["town"],
            LonLat(float(row["lng"]), float(row["lat"])),
        )
        for row in _rows(path)
    )


def with_check_digit(code: str) -> str:
    """
    Add the check digit to a five-digit code of a municipality: 27113 → 271136.

    References
    ----------
    .. [1] 全国地方公共団体コード: weights 6 to 2, eleven's remainder, last digit.
    """
    total = sum(int(d) * w for d, w in zip(code, (6, 5, 4, 3, 2), strict=True))
    return code + str((11 - total % 11) % 10)


def known_town(ward_code: str, ward: str, name: str, place: LonLat) -> KnownTown:
    """Take a town's official name apart: 谷町七丁目 → 谷町, 7."""
    match = _CHOME.fullmatch(name)
    return KnownTown(
        ward_code=ward_code,
        ward=ward,
        name=name,
        oaza=match["oaza"] if match else name,
        chome=_value(match["chome"]) if match else None,
        place=place,
    )


def read_known_blocks(
    path: Path, towns: Sequence[KnownTown]
) -> tuple[KnownAddress, ...]:
    """Read the table of blocks (osaka_blocks_observed.csv); each must name a town."""
    by_name = {(town.ward, town.name): town for town in towns}
    return tuple(
        KnownAddress(
            town=by_name[row["ward"], row["town"]],
            block=row["block"],
            place=LonLat(float(row["lon"]), float(row["lat"])),
        )
        for row in _rows(path)
    )


def read_known_points(path: Path, towns: Sequence[KnownTown]) -> KnownPoints:
    """
    Read the city's own addresses (osaka_address_points_dev.csv), labels checked.

    A label holds when the text names the town and goes on with its numbers, the text
    names no other ward, and the position lies near the town.
    """
    by_name = {(town.ward, town.name): town for town in towns}
    wards = {town.ward for town in towns}
    points, doubtful = [], []
    for row in _rows(path):
        town = by_name.get((row["ward"], row["town"]))
        point = town and KnownAddress(
            town=town,
            block=row["block"],
            number=row["number"],
            place=LonLat(float(row["lon"]), float(row["lat"])),
            written=row["address"],
        )
        if point and label_holds(point, wards):
            points.append(point)
        else:
            doubtful.append(row["address"])
    return KnownPoints(points=tuple(points), doubtful=tuple(doubtful))


def label_holds(point: KnownAddress, wards: Iterable[str]) -> bool:
    """Whether the words and the position of a point agree with its label."""
    text = folded("".join(unicodedata.normalize("NFKC", point.written).split()))
    before, name, after = text.partition(folded(point.town.oaza))
    near = point.place and great_circle_m(point.place, point.town.place) <= FARTHEST_M
    other = [w for w in wards if w != point.town.ward and before.endswith(folded(w))]
    if not name or not near or (other and not before.endswith(point.town.ward)):
        return False
    numbers = [
        _number(part) for part in re.findall(r"\d+|[一二三四五六七八九十]+", after)
    ]
    chome = [] if point.town.chome is None else [point.town.chome]
    wanted = chome + [int(n) for n in (point.block, point.number) if n]
    return numbers[: len(wanted)] == wanted and not re.search("[~～〜]", text)


def ambiguous_names(towns: Iterable[KnownTown]) -> dict[str, frozenset[str]]:
    """Names without 丁目 that lie in several wards, with those wards' codes."""
    places = {(folded(town.oaza), town.ward_code): town.oaza for town in towns}
    counts = Counter(name for name, _ in places)
    return {
        places[name, code]: frozenset(c for n, c in places if n == name)
        for name, code in places
        if counts[name] > 1
    }


def _number(text: str) -> int:
    return int(text) if text[0].isdigit() else _value(text)


def _value(text: str) -> int:
    tens, ten, ones = text.rpartition("十")
    high = (_DIGITS.index(tens) if tens else 1) * 10 if ten else 0
    return high + (_DIGITS.index(ones) if ones else 0)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
