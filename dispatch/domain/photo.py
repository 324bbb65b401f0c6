"""Photos (写真) of a chart: what is kept of a picture beside its bytes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from enum import StrEnum

from dispatch.domain.place import LonLat

MAX_PHOTOS = 40  # of one chart; a proposal: more would be a film


class PhotoKind(StrEnum):
    """What a picture shows (写真の区分)."""

    REPORT = "report"  # 申出・現況: as the reporter or an officer saw it
    BEFORE = "before"  # 着手前
    AFTER = "after"  # 完了後


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """
    A picture made safe: drawn anew as JPEG, with nothing else in it.

    `taken_at` and `place` stood beside the picture (EXIF). They are offered once, for
    the chart, and are in no byte of `jpeg`. `taken_at` is naive where the camera told
    no offset.
    """

    jpeg: bytes
    width_px: int
    height_px: int
    taken_at: dt.datetime | None = None
    place: LonLat | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """
    A stored picture of a chart; its bytes lie in a file named by `sha256`.

    `offered_place` is where the camera says it stood. It stays until somebody has
    taken it as the chart's place, or not. A removed one keeps its row, and no bytes.
    """

    id: str
    chart_id: str
    sha256: str
    num_bytes: int
    width_px: int
    height_px: int
    kind: PhotoKind
    stored_at: dt.datetime
    who: str
    taken_at: dt.datetime | None = None
    offered_place: LonLat | None = None
    removed_at: dt.datetime | None = None

    @property
    def is_removed(self) -> bool:
        """Whether its bytes are gone."""
        return self.removed_at is not None

    def without_offer(self) -> Photo:
        """Return the photo with no place offered any more."""
        return replace(self, offered_place=None)
