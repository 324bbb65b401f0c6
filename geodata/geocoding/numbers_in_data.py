"""How far the data follow an address: to the house, the block, or only the 丁目."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from dispatch.domain.place import LonLat
from dispatch.domain.placing import Candidate, PlaceLevel, PlacingWarning
from geodata.bundle.radii import HOUSE_RADIUS_M, block_radius_m
from geodata.bundle.records import BlockRecord, Layer
from geodata.geocoding.gazetteer import Gazetteer
from geodata.geocoding.numbers import Numbers

# Largest 番 of a 丁目 among 4,536 that were seen in Osaka is 103 and 99.9 % are below
# 58 (observed blocks, 2015); where the data hold larger ones, these count.
LARGEST_BLOCK = 103
BEYOND_SEEN = 1.5  # judged: how far the largest seen number may be surpassed
FINE_SHARE = 0.999
_NO_BLOCKS: Mapping[str, BlockRecord] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """
    The finest place that the data know for numbers.

    `exists` is False when the data prove that there is no such block.
    """

    place: LonLat
    level: PlaceLevel
    radius_m: int
    warnings: tuple[PlacingWarning, ...] = ()
    exists: bool = True


class NumbersInData:
    """Blocks and houses of a city, asked by town and numbers."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer
        self._blocks = gazetteer.blocks()
        self._largest = _largest_block(self._blocks)
        self._named = {
            key: names
            for key, town in self._blocks.items()
            if (names := tuple(block for block in town if not block.isascii()))
        }

    def named_blocks(self, ward_code: str, town: str) -> tuple[str, ...]:
        """Blocks of a town that have a name instead of a number."""
        return self._named.get((ward_code, town), ())

    def follow(self, town: Candidate, numbers: Numbers) -> Followed:
        """
        Follow an address from its town to the house as far as the data go.

        A block that is not in partial data may exist: the town stays the answer, with
        a warning. It does not exist where the data are complete, or where its number
        is beyond any that a town of this city has.
        """
        if not numbers.block:
            return _at_town(town)
        in_town = self._blocks.get((town.ward_code, town.town), _NO_BLOCKS)
        known = in_town.get(numbers.block)
        if known is None:
            if self._is_impossible(
                town.ward_code, numbers.block, has_blocks=bool(in_town)
            ):
                return _at_town(town, exists=False)
            return _at_town(town, (PlacingWarning.BLOCK_UNKNOWN,))
        if not numbers.number:
            return _at_block(known, town)
        houses = self._gazetteer.houses_of(town.ward_code, town.town, numbers.block)
        place = houses.get(numbers.number)
        if place is None:
            return _at_block(known, town, (PlacingWarning.NUMBER_UNKNOWN,))
        return Followed(place=place, level=PlaceLevel.HOUSE, radius_m=HOUSE_RADIUS_M)

    def option(self, town: Candidate, numbers: Numbers) -> Candidate | None:
        """Give what `follow` finds as a candidate; None when it cannot exist."""
        found = self.follow(town, numbers)
        if not found.exists:
            return None
        return replace(
            town,
            place=found.place,
            level=found.level,
            radius_m=found.radius_m,
            block=numbers.block,
            number=numbers.number,
        )

    def _is_impossible(self, ward_code: str, block: str, *, has_blocks: bool) -> bool:
        if has_blocks and self._gazetteer.is_complete(Layer.BLOCKS, ward_code):
            return True
        return block.isdecimal() and not 0 < int(block) <= self._largest


def _at_town(
    town: Candidate,
    warnings: tuple[PlacingWarning, ...] = (),
    *,
    exists: bool = True,
) -> Followed:
    return Followed(
        place=town.place,
        level=town.level,
        radius_m=town.radius_m,
        warnings=warnings,
        exists=exists,
    )


def _at_block(
    block: BlockRecord, town: Candidate, warnings: tuple[PlacingWarning, ...] = ()
) -> Followed:
    return Followed(
        place=block.place,
        level=PlaceLevel.BLOCK,
        radius_m=block_radius_m(block, town.radius_m),
        warnings=warnings,
    )


def _largest_block(
    blocks: Mapping[tuple[str, str], Mapping[str, BlockRecord]],
) -> float:
    """Largest number that a block may have, from those that are known."""
    seen = sorted(
        int(block) for town in blocks.values() for block in town if block.isdecimal()
    )
    if not seen:
        return LARGEST_BLOCK
    usual = seen[int((len(seen) - 1) * FINE_SHARE)]
    return max(seen[-1], usual * BEYOND_SEEN, LARGEST_BLOCK)
