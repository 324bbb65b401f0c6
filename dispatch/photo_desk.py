"""Use cases of photos (写真): add, show, decide on the offered place, take away."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from dispatch.domain.case_chart import ChartEntry, EntryKind
from dispatch.domain.catalogue import Duty
from dispatch.domain.consultation import MAX_LINE, MAX_NAME, require_length
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.ids import new_id
from dispatch.domain.photo import Photo, PhotoKind, Picture
from dispatch.ports import Charts, Clock

KIND_NAMES = {
    PhotoKind.REPORT: "申出・現況",
    PhotoKind.BEFORE: "着手前",
    PhotoKind.AFTER: "完了後",
}


class Photos(Protocol):
    """The store of what is known of pictures."""

    def add(self, photo: Photo, entry: ChartEntry) -> None:
        """Store a photo with a line of the history; ConflictError: too many."""
        ...

    def get(self, chart_id: str, photo_id: str) -> Photo:
        """Return a photo of a chart; NotFoundError when it has none such."""
        ...

    def listed(self, chart_id: str) -> list[Photo]:
        """Photos of a chart that were not removed, oldest first."""
        ...

    def drop_offer(self, photo_id: str) -> None:
        """Forget where the camera stood."""
        ...

    def remove(self, photo: Photo, entry: ChartEntry, *, at: dt.datetime) -> bool:
        """Mark a photo as removed; whether no other one has the same bytes."""
        ...


class Pictures(Protocol):
    """The keeper of the pictures' bytes, each under the name of its hash."""

    def put(self, jpeg: bytes) -> str:
        """Write bytes, whole or not at all; their name."""
        ...

    def has(self, name: str) -> bool:
        """Whether the bytes of a name are there."""
        ...

    def get(self, name: str) -> bytes:
        """Bytes of a name; SourceError when they are not what they were."""
        ...

    def remove(self, name: str) -> None:
        """Delete the bytes of a name."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoTools:
    """What the desk works with; `read` makes bytes from outside safe."""

    charts: Charts
    photos: Photos
    pictures: Pictures
    read: Callable[[bytes], Picture]
    clock: Clock
    timezone: dt.tzinfo


class PhotoDesk:
    """
    Keeps pictures with charts; they are drawn anew on the way in.

    Parameters
    ----------
    tools
        Stores, reader, clock, time zone of cameras that tell none.
    """

    def __init__(self, tools: PhotoTools) -> None:
        self._tools = tools

    def add(self, chart_id: str, data: bytes, kind: PhotoKind, *, who: str) -> Photo:
        """
        Add a picture to a chart.

        The bytes are on the disk before the row: what is cut off in between is a file
        that nobody needs, and is swept up later.

        Raises
        ------
        NotFoundError
            When there is no such chart.
        InvalidInputError
            When nobody is named, or it is no picture that we take.
        ConflictError
            When the chart has as many as it may have.
        SourceError
            When the bytes cannot be kept.
        """
        _require_named(who)
        tools = self._tools
        chart = tools.charts.get(chart_id)
        picture = tools.read(data)
        name = tools.pictures.put(picture.jpeg)
        taken_at = picture.taken_at
        if taken_at is not None and taken_at.utcoffset() is None:
            taken_at = taken_at.replace(tzinfo=tools.timezone)
        now = tools.clock.now()
        photo = Photo(
            id=new_id(),
            chart_id=chart.id,
            sha256=name,
            num_bytes=len(picture.jpeg),
            width_px=picture.width_px,
            height_px=picture.height_px,
            kind=kind,
            stored_at=now,
            who=who.strip(),
            taken_at=taken_at,
            # A referral goes on no map, and has no place that could be kept.
            offered_place=None if chart.duty is Duty.REFERRAL else picture.place,
        )
        text = f"{KIND_NAMES[kind]}の写真を追加"
        tools.photos.add(photo, self._entry(photo, who, text))
        if not tools.pictures.has(name):  # the same one was just being taken away
            tools.pictures.put(picture.jpeg)
        return photo

    def listed(self, chart_id: str) -> list[Photo]:
        """Photos of a chart, oldest first."""
        return self._tools.photos.listed(chart_id)

    def bytes_of(self, chart_id: str, photo_id: str) -> bytes:
        """
        JPEG of a chart's photo.

        Raises
        ------
        NotFoundError
            When the chart has none such (any more).
        SourceError
            When its bytes are not what they were.
        """
        photo = self._tools.photos.get(chart_id, photo_id)
        return self._tools.pictures.get(photo.sha256)

    def get(self, chart_id: str, photo_id: str) -> Photo:
        """Return a photo of a chart; NotFoundError when it has none such."""
        return self._tools.photos.get(chart_id, photo_id)

    def drop_offer(self, chart_id: str, photo_id: str) -> None:
        """Forget where the camera stood: it was taken as the chart's place, or not."""
        photo = self._tools.photos.get(chart_id, photo_id)
        self._tools.photos.drop_offer(photo.id)

    def remove(self, chart_id: str, photo_id: str, *, who: str, why: str) -> None:
        """
        Take a picture away for good; the history says who and why.

        Raises
        ------
        NotFoundError
            When the chart has none such.
        InvalidInputError
            When nobody or no reason is named.
        """
        _require_named(who)
        require_length("why", why, MAX_LINE)
        if not why.strip():
            raise InvalidInputError("why", "取り除く理由を入れてください")
        photo = self._tools.photos.get(chart_id, photo_id)
        text = f"{KIND_NAMES[photo.kind]}の写真を取り除きました。理由: {why.strip()}"
        now = self._tools.clock.now()
        is_last = self._tools.photos.remove(
            photo, self._entry(photo, who, text), at=now
        )
        if is_last:
            self._tools.pictures.remove(photo.sha256)

    def _entry(self, photo: Photo, who: str, text: str) -> ChartEntry:
        return ChartEntry(
            at=self._tools.clock.now(),
            who=who.strip(),
            kind=EntryKind.PHOTO,
            text=text,
            about=photo.id,
        )


def _require_named(who: str) -> None:
    require_length("who", who, MAX_NAME)
    if not who.strip():
        raise InvalidInputError("who", "担当者の名前を入れてください")
