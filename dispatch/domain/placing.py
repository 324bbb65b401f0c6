"""Placing (位置の特定): where a consultation is, how sure, and what else it may be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dispatch.domain.place import LonLat


class PlacingStatus(StrEnum):
    """Outcome of placing an address."""

    OK = "ok"
    AMBIGUOUS = "ambiguous"  # several places fit
    CONFLICT = "conflict"  # the stated ward and the town disagree
    OUTSIDE = "outside"  # another municipality
    NOT_FOUND = "not_found"


class PlaceLevel(StrEnum):
    """How fine the position is."""

    COORDINATE = "coordinate"  # given by the sender or a dispatcher
    LANDMARK = "landmark"
    CHOME = "chome"  # 丁目, or a town without one
    OAZA = "oaza"  # 大字・町: all its 丁目
    WARD = "ward"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One place that the text may mean."""

    label: str
    place: LonLat
    level: PlaceLevel
    radius_m: int
    ward_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """
    What placing found.

    `radius_m` is how far the true place may lie; `rest` is what of the text was not
    used (番・号, 付近 …). Only `ok` has a place; the others go to a person.
    """

    status: PlacingStatus
    message: str
    level: PlaceLevel | None = None
    place: LonLat | None = None
    radius_m: int | None = None
    ward_code: str = ""
    town: str = ""
    district_id: str = ""
    matched_text: str = ""
    rest: str = ""
    candidates: tuple[Candidate, ...] = ()

    @property
    def is_placed(self) -> bool:
        """Whether the consultation may be shown on a map and planned."""
        return self.status is PlacingStatus.OK and self.place is not None
