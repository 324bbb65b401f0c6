"""Photos: rows in the database, bytes in files beside it, each named by its hash."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Row, func, insert, select, update

from dispatch.adapters.database import reading, sqlite_file, writing
from dispatch.adapters.entry_rows import append_entries
from dispatch.adapters.tables import photos
from dispatch.domain.case_chart import ChartEntry
from dispatch.domain.errors import ConflictError, NotFoundError, SourceError
from dispatch.domain.photo import MAX_PHOTOS, Photo, PhotoKind
from dispatch.domain.place import LonLat

PHOTOS_FOLDER = "photos"
SUFFIX = ".jpg"
UNFINISHED = ".part"
NAME_LENGTH = 64  # of a SHA-256 in hexadecimal
PRIVATE = 0o700


def photos_folder_for(url: str, chosen: Path | None) -> Path:
    """
    Where the pictures of a database are.

    The chosen folder; else beside the SQLite file, or in `var/` for any other.
    """
    if chosen is not None:
        return chosen
    file = sqlite_file(url) if url.startswith("sqlite") else None
    return (Path("var") if file is None else file.parent) / PHOTOS_FOLDER


class PhotoFiles:
    """
    The folder of the pictures' bytes.

    Parameters
    ----------
    folder
        Made when the first picture comes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, jpeg: bytes) -> str:
        """
        Write bytes so that they are there whole or not at all; their SHA-256.

        Raises
        ------
        SourceError
            When the folder cannot be written, or is full.
        """
        name = hashlib.sha256(jpeg).hexdigest()
        target = self._path(name)
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
            part = target.with_name(f"{name}.{secrets.token_hex(4)}{UNFINISHED}")
            with part.open("xb") as file:
                file.write(jpeg)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
            _keep_name(target.parent)
        except OSError as problem:
            message = f"the folder of the photos cannot be written: {problem.strerror}"
            raise SourceError(message) from problem
        return name

    def has(self, name: str) -> bool:
        """Whether the bytes of a name are there."""
        return self._path(name).exists()

    def get(self, name: str) -> bytes:
        """
        Bytes of a name, which must be what they were.

        Raises
        ------
        SourceError
            When they are missing or have changed.
        """
        try:
            jpeg = self._path(name).read_bytes()
        except OSError as problem:
            message = f"photo file {name} cannot be read: {problem.strerror}"
            raise SourceError(message) from problem
        if hashlib.sha256(jpeg).hexdigest() != name:
            message = f"photo file {name} has changed since it was stored"
            raise SourceError(message)
        return jpeg

    def remove(self, name: str) -> None:
        """Delete the bytes of a name; nothing when they are gone already."""
        self._path(name).unlink(missing_ok=True)

    def all_files(self) -> Iterator[Path]:
        """Every file of the folder, unfinished ones too."""
        yield from sorted(path for path in self.folder.glob("*/*") if path.is_file())

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / f"{name}{SUFFIX}"


def _keep_name(folder: Path) -> None:
    """Make a new name in a folder outlive a power cut; Windows knows no such thing."""
    if os.name == "nt":  # pragma: no cover - not where the tests run
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoState:
    """What a look at all pictures found: names of files, ids of photos."""

    num_photos: int
    num_bytes: int
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    orphans: tuple[Path, ...]


class SqlPhotos:
    """
    The `Photos` port of `dispatch.photo_desk` on SQLAlchemy Core.

    Parameters
    ----------
    engine
        From `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, photo: Photo, entry: ChartEntry) -> None:
        """Store the row of a picture and its line of the chart's history."""
        with writing(self._engine) as connection:
            there = select(func.count()).where(
                photos.c.chart_id == photo.chart_id, photos.c.removed_at.is_(None)
            )
            if connection.execute(there).scalar_one() >= MAX_PHOTOS:
                message = f"写真は1件のカルテに{MAX_PHOTOS}枚までです"
                raise ConflictError(message)
            connection.execute(insert(photos).values(**_row(photo)))
            append_entries(connection, photo.chart_id, [entry])

    def get(self, chart_id: str, photo_id: str) -> Photo:
        """Return a photo of a chart; NotFoundError when it has none such."""
        query = select(photos).where(
            photos.c.id == photo_id,
            photos.c.chart_id == chart_id,
            photos.c.removed_at.is_(None),
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFoundError("photo", photo_id)
        return _photo(row)

    def listed(self, chart_id: str) -> list[Photo]:
        """Photos of a chart that were not removed, oldest first."""
        query = select(photos).where(
            photos.c.chart_id == chart_id, photos.c.removed_at.is_(None)
        )
        ordered = query.order_by(photos.c.stored_at, photos.c.id)
        with reading(self._engine) as connection:
            return [_photo(row) for row in connection.execute(ordered)]

    def drop_offer(self, photo_id: str) -> None:
        """Forget where the camera stood: somebody has decided."""
        with writing(self._engine) as connection:
            row = update(photos).where(photos.c.id == photo_id)
            connection.execute(row.values(lon=None, lat=None))

    def remove(self, photo: Photo, entry: ChartEntry, *, at: dt.datetime) -> bool:
        """
        Mark a photo as removed, on the record.

        Returns
        -------
        bool
            Whether no other photo has the same bytes: they can go.

        Raises
        ------
        ConflictError
            When somebody removed it before.
        """
        with writing(self._engine) as connection:
            row = update(photos).where(
                photos.c.id == photo.id, photos.c.removed_at.is_(None)
            )
            changed = connection.execute(row.values(removed_at=at, lon=None, lat=None))
            if changed.rowcount != 1:
                raise ConflictError("この写真は、もう取り除かれています")
            append_entries(connection, photo.chart_id, [entry])
            others = select(func.count()).where(
                photos.c.sha256 == photo.sha256, photos.c.removed_at.is_(None)
            )
            return connection.execute(others).scalar_one() == 0

    def names(self) -> dict[str, int]:
        """Names of the files that photos need, and how many bytes each has."""
        query = select(photos.c.sha256, photos.c.num_bytes)
        with reading(self._engine) as connection:
            rows = connection.execute(query.where(photos.c.removed_at.is_(None))).all()
        return {row.sha256: row.num_bytes for row in rows}


def look(rows: SqlPhotos, files: PhotoFiles, *, spare_after: float) -> PhotoState:
    """
    Compare rows and files.

    Parameters
    ----------
    spare_after
        Moment (seconds of the epoch) after which a file without a row is spared: its
        row may be about to come.
    """
    found = list(files.all_files())  # before the rows: a row comes after its file
    names = rows.names()
    missing, changed = [], []
    for name in sorted(names):
        if not files.has(name):
            missing.append(name)
            continue
        try:
            files.get(name)
        except SourceError:
            changed.append(name)
    orphans = (
        path
        for path in found
        if not (path.suffix == SUFFIX and path.stem in names)
        and path.stat().st_mtime <= spare_after
    )
    return PhotoState(
        num_photos=len(names),
        num_bytes=sum(names.values()),
        missing=tuple(missing),
        changed=tuple(changed),
        orphans=tuple(path for path in orphans if _is_ours(path)),
    )


def sweep(state: PhotoState) -> int:
    """Delete the files that no photo needs; how many."""
    for path in state.orphans:
        path.unlink(missing_ok=True)
    return len(state.orphans)


def _is_ours(path: Path) -> bool:
    """Whether we wrote a file: nothing else in the folder is ever deleted."""
    name = path.name.partition(".")[0]
    is_hash = len(name) == NAME_LENGTH and set(name) <= set("0123456789abcdef")
    return is_hash and path.suffix in {SUFFIX, UNFINISHED}


def _row(photo: Photo) -> dict[str, Any]:
    place = photo.offered_place
    return {
        "id": photo.id,
        "chart_id": photo.chart_id,
        "sha256": photo.sha256,
        "num_bytes": photo.num_bytes,
        "width_px": photo.width_px,
        "height_px": photo.height_px,
        "kind": str(photo.kind),
        "taken_at": photo.taken_at,
        "lon": place.lon if place else None,
        "lat": place.lat if place else None,
        "stored_at": photo.stored_at,
        "who": photo.who,
        "removed_at": photo.removed_at,
    }


def _photo(row: Row[Any]) -> Photo:
    return Photo(
        id=row.id,
        chart_id=row.chart_id,
        sha256=row.sha256,
        num_bytes=row.num_bytes,
        width_px=row.width_px,
        height_px=row.height_px,
        kind=PhotoKind(row.kind),
        stored_at=row.stored_at,
        who=row.who,
        taken_at=row.taken_at,
        offered_place=None if row.lon is None else LonLat(row.lon, row.lat),
        removed_at=row.removed_at,
    )
