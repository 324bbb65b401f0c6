"""What the reader of addresses asks of the city's data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from dispatch.domain.place import LonLat
from geodata.bundle.records import BlockRecord, Layer, TownRecord


class Gazetteer(Protocol):
    """Towns, blocks and houses of a city; fulfilled by a bundle."""

    def towns(self) -> Sequence[TownRecord]:
        """Every 丁目, and every town without one."""
        ...

    def blocks(self) -> Mapping[tuple[str, str], Mapping[str, BlockRecord]]:
        """Blocks (番) by ward code and official town, then by block."""
        ...

    def houses_of(self, ward_code: str, town: str, block: str) -> Mapping[str, LonLat]:
        """House numbers (号) of a block."""
        ...

    def radius_m(self, ward_code: str, town: str) -> int:
        """How far a place of the town may lie from the town's point."""
        ...

    def is_complete(self, layer: Layer, ward_code: str) -> bool:
        """Whether what the layer does not have in the ward does not exist."""
        ...
