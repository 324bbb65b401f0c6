"""Photos: drawn anew, kept beside the database, offered places, taken away."""

from __future__ import annotations

import datetime as dt
import io
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image
from sqlalchemy import Engine

from dispatch.adapters import photo_store
from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.photo_store import (
    PhotoFiles,
    SqlPhotos,
    look,
    photos_folder_for,
    sweep,
)
from dispatch.adapters.pictures_codec import STORED_SIDE_PX, PictureReader
from dispatch.adapters.sql_store import SqlStore
from dispatch.domain.case_chart import ChartEntry, EntryKind
from dispatch.domain.catalogue import Duty
from dispatch.domain.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    SourceError,
)
from dispatch.domain.photo import Photo, PhotoKind
from dispatch.domain.place import LonLat
from dispatch.photo_desk import PhotoDesk, PhotoTools
from tests.builders import TOKYO, chart, moment, new_chart
from tests.pictures import (
    CAMERA_GPS,
    GPS,
    OWNER,
    camera_picture,
    picture,
    png_bomb,
)

WHO = "班長 四郎"
READER = PictureReader(max_bytes=1_000_000, max_pixels=1_000_000)
CAMERA = LonLat(135 + 28 / 60 + 50 / 3600, 34 + 38 / 60 + 36 / 3600)
FAR_FUTURE = 1e12  # seconds of the epoch: no file is young then


# -- reading ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_three_formats_are_drawn_anew_as_jpeg(kind: str) -> None:
    read = READER.read(picture(kind))
    drawn = Image.open(io.BytesIO(read.jpeg))
    assert (drawn.format, drawn.size) == ("JPEG", (64, 32))
    assert (read.width_px, read.height_px) == (64, 32)
    assert (read.taken_at, read.place) == (None, None)


@pytest.mark.parametrize(
    ("mode", "color", "seen"),
    [
        ("RGBA", (255, 0, 0, 0), (255, 255, 255)),  # seen through: white
        ("LA", (0, 255), (0, 0, 0)),
        ("P", 0, (0, 0, 0)),
        ("L", 128, (128, 128, 128)),
        ("1", 1, (255, 255, 255)),
    ],
)
def test_every_kind_of_colour_becomes_plain(
    mode: str, color: object, seen: tuple[int, int, int]
) -> None:
    read = READER.read(picture("PNG", mode=mode, color=color))
    pixel = Image.open(io.BytesIO(read.jpeg)).getpixel((5, 5))
    assert isinstance(pixel, tuple)
    assert all(abs(a - b) <= 2 for a, b in zip(pixel, seen, strict=True))


def test_a_large_one_becomes_smaller() -> None:
    # 2,800 x 350 = 980,000 pixels; the longer side is drawn at 2,560
    read = READER.read(picture(size=(2_800, 350)))
    assert (read.width_px, read.height_px) == (STORED_SIDE_PX, 320)


def test_nothing_that_stood_beside_the_picture_is_kept() -> None:
    data = camera_picture()
    assert OWNER.encode() in data
    read = READER.read(data)
    assert read.place is not None
    assert read.place.lon == pytest.approx(CAMERA.lon)
    assert read.place.lat == pytest.approx(CAMERA.lat)
    assert read.taken_at == dt.datetime(2026, 11, 24, 8, 31, 5)  # noqa: DTZ001 - the camera tells no offset
    assert OWNER.encode() not in read.jpeg
    drawn = Image.open(io.BytesIO(read.jpeg))
    assert dict(drawn.getexif()) == {}
    assert drawn.getexif().get_ifd(ExifTags.IFD.GPSInfo) == {}
    assert set(drawn.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    for mark in (b"Exif", b"http://ns.adobe.com", b"ICC_PROFILE", b"\xff\xfe"):
        assert mark not in read.jpeg[:300]


def test_a_picture_on_its_side_is_stored_upright() -> None:
    read = READER.read(camera_picture(orientation=6))  # the camera was turned
    assert (read.width_px, read.height_px) == (32, 64)


@pytest.mark.parametrize(
    ("gps", "place"),
    [
        ({**CAMERA_GPS, GPS.GPSLatitudeRef: "S"}, LonLat(CAMERA.lon, -CAMERA.lat)),
        ({**CAMERA_GPS, GPS.GPSLongitudeRef: "W"}, LonLat(-CAMERA.lon, CAMERA.lat)),
        ({}, None),
        ({GPS.GPSLatitude: (34.0, 0.0, 0.0)}, None),
        ({**CAMERA_GPS, GPS.GPSLatitude: (934.0, 0.0, 0.0)}, None),  # on no globe
        ({GPS.GPSLatitude: (0.0,) * 3, GPS.GPSLongitude: (0.0,) * 3}, None),
        ({**CAMERA_GPS, GPS.GPSLatitude: (34.0, 38.0)}, None),  # too few numbers
    ],
)
def test_a_position_is_offered_where_the_camera_told_a_good_one(
    gps: dict[int, Any], place: LonLat | None
) -> None:
    read = READER.read(camera_picture(gps=gps))
    if place is None:
        assert read.place is None
    else:
        assert read.place is not None
        assert (read.place.lon, read.place.lat) == pytest.approx((place.lon, place.lat))


@pytest.mark.parametrize(
    ("text", "offset", "taken"),
    [
        ("2026:11:24 08:31:05", "+09:00", "2026-11-24T08:31:05+09:00"),
        ("2026:11:24 08:31:05", "nonsense", "2026-11-24T08:31:05"),
        ("0000:00:00 00:00:00", "", None),
        ("yesterday", "+09:00", None),
    ],
)
def test_the_time_is_offered_with_its_offset_or_without(
    text: str, offset: str, taken: str | None
) -> None:
    base = ExifTags.Base
    notes = {base.DateTimeOriginal: text, base.OffsetTimeOriginal: offset}
    read = READER.read(camera_picture(taken=notes))
    assert (read.taken_at.isoformat() if read.taken_at else None) == taken


SCRIPT = b"<script>alert(1)</script>"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        SCRIPT,
        b"#!/bin/sh\nrm -rf /\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
        b"<!DOCTYPE html><html></html>",
        b"GIF89a" + b"\0" * 40,
        picture("BMP"),
        picture("TIFF"),
        b"\0" + picture(),  # a picture, but not from the first byte
        b"RIFF\0\0\0\0WAVE" + b"\0" * 40,
    ],
)
def test_what_is_no_picture_by_its_content_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInputError, match="JPEG・PNG・WebP"):
        READER.read(data)


@pytest.mark.parametrize(
    "data",
    [
        picture() + b"\n<html><body onload=alert(1)>",
        picture() + b"\n%PDF-1.4 ",
        picture(comment=SCRIPT),
        picture() + b"<?PHP system($_GET[0]);",
        picture("PNG") + b"<svg onload=alert(1)>",
    ],
)
def test_a_picture_that_is_something_else_as_well_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInputError, match="写真ではないもの"):
        READER.read(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_truncated_picture_is_refused(kind: str) -> None:
    noisy = Image.effect_noise((200, 200), 90)
    out = io.BytesIO()
    noisy.save(out, kind)
    data = out.getvalue()
    for length in (12, 60, len(data) // 2):
        with pytest.raises(InvalidInputError, match=r"壊れて|ではありません"):
            READER.read(data[:length])


@pytest.mark.parametrize("side_px", [1_100, 12_000, 50_000])
def test_a_bomb_is_not_unpacked(side_px: int) -> None:
    with pytest.raises(InvalidInputError, match="画素"):
        READER.read(png_bomb(side_px))


def test_a_file_that_is_too_large_is_not_looked_at() -> None:
    with pytest.raises(InvalidInputError, match="1,000,000バイト"):
        READER.read(b"x" * 1_000_001)


# -- keeping ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    store: SqlStore
    files: PhotoFiles
    rows: SqlPhotos
    tools: PhotoTools

    @property
    def desk(self) -> PhotoDesk:
        return PhotoDesk(self.tools)

    def add(self, data: bytes | None = None, chart_id: str = "a") -> Photo:
        data = picture() if data is None else data
        return self.desk.add(chart_id, data, PhotoKind.BEFORE, who=WHO)

    def remove(self, photo: Photo) -> None:
        self.desk.remove(photo.chart_id, photo.id, who=WHO, why="顔が写っている")


@pytest.fixture
def room(store: SqlStore, engine: Engine, tmp_path: Path) -> Room:
    store.add_all([new_chart("a"), new_chart("b")])
    files, rows = PhotoFiles(tmp_path / "photos"), SqlPhotos(engine)
    tools = PhotoTools(
        charts=store,
        photos=rows,
        pictures=files,
        read=READER.read,
        clock=FixedClock(moment("10:00")),
        timezone=TOKYO,
    )
    return Room(store=store, files=files, rows=rows, tools=tools)


def test_a_photo_is_a_row_a_file_and_a_line_of_the_history(room: Room) -> None:
    photo = room.add(camera_picture())
    assert room.desk.listed("a") == [photo]
    jpeg = room.desk.bytes_of("a", photo.id)
    assert (len(jpeg), jpeg[:3]) == (photo.num_bytes, b"\xff\xd8\xff")
    assert photo.taken_at == moment("8:31") + dt.timedelta(seconds=5)  # Osaka's time
    assert photo.offered_place is not None
    line = room.store.history("a")[-1]
    assert (line.kind, line.about, line.who) == (EntryKind.PHOTO, photo.id, WHO)
    assert line.text == "着手前の写真を追加"
    assert room.store.get("a").version == 1  # nobody's change of the chart is stale
    assert room.desk.get("a", photo.id) == photo
    with pytest.raises(NotFoundError):
        room.desk.get("b", photo.id)


def test_the_offered_place_is_forgotten_once_somebody_has_decided(room: Room) -> None:
    photo = room.add(camera_picture())
    room.desk.drop_offer("a", photo.id)
    assert room.desk.listed("a") == [photo.without_offer()]


def test_a_referral_is_offered_no_place(room: Room) -> None:
    referral = replace(new_chart("r"), chart=chart("r", duty=Duty.REFERRAL))
    room.store.add_all([referral])
    assert room.add(camera_picture(), "r").offered_place is None


def test_nothing_is_added_for_nobody_to_nothing_or_beyond_the_limit(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInputError, match="who"):
        room.desk.add("a", picture(), PhotoKind.AFTER, who=" ")
    with pytest.raises(NotFoundError):
        room.desk.add("z", picture(), PhotoKind.AFTER, who=WHO)
    with pytest.raises(InvalidInputError, match="photo"):
        room.add(SCRIPT)
    monkeypatch.setattr(photo_store, "MAX_PHOTOS", 1)
    room.add()
    with pytest.raises(ConflictError, match="1枚まで"):
        room.add()
    assert len(room.desk.listed("a")) == 1


def test_a_removed_photo_is_gone_and_who_removed_it_stays(room: Room) -> None:
    photo = room.add(camera_picture())
    with pytest.raises(InvalidInputError, match="why"):
        room.desk.remove("a", photo.id, who=WHO, why="")
    room.remove(photo)
    assert room.desk.listed("a") == []
    assert not room.files.has(photo.sha256)
    assert "理由: 顔が写っている" in room.store.history("a")[-1].text
    with pytest.raises(NotFoundError):
        room.desk.bytes_of("a", photo.id)
    entry = room.store.history("a")[-1]
    with pytest.raises(ConflictError, match="もう取り除かれて"):
        room.rows.remove(photo, entry, at=moment("10:00"))


def test_bytes_that_another_photo_shares_stay(room: Room) -> None:
    first, second = room.add(), room.add(chart_id="b")
    assert first.sha256 == second.sha256
    room.remove(first)
    assert room.desk.bytes_of("b", second.id)
    room.remove(second)
    assert list(room.files.all_files()) == []


def test_bytes_that_are_swept_away_meanwhile_are_written_again(room: Room) -> None:
    class Sweeping(SqlPhotos):
        """Loses the file while the row is being stored."""

        def add(self, photo: Photo, entry: ChartEntry) -> None:
            super().add(photo, entry)
            room.files.remove(photo.sha256)

    rows = Sweeping(room.rows._engine)  # noqa: SLF001 - the same database
    desk = PhotoDesk(replace(room.tools, photos=rows))
    photo = desk.add("a", picture(), PhotoKind.AFTER, who=WHO)
    assert desk.bytes_of("a", photo.id)


# -- crashes ---------------------------------------------------------------------------


def test_a_process_killed_between_file_and_row_leaves_only_a_file_to_sweep(
    room: Room,
) -> None:
    command = [sys.executable, "-m", "tests.dispatch.photo_writer"]
    died = subprocess.run([*command, str(room.files.folder)], check=False)  # noqa: S603 - our own program
    assert died.returncode == -signal.SIGKILL
    assert room.desk.listed("a") == []
    state = look(room.rows, room.files, spare_after=FAR_FUTURE)
    assert (state.num_photos, len(state.orphans)) == (0, 1)
    young = look(room.rows, room.files, spare_after=0)  # its row may be on its way
    assert young.orphans == ()
    assert sweep(state) == 1
    assert list(room.files.all_files()) == []


def test_a_row_that_is_refused_leaves_no_photo(room: Room) -> None:
    class Failing(SqlPhotos):
        """Fails where a database may."""

        def add(self, photo: Photo, entry: ChartEntry) -> None:
            del photo, entry
            raise SourceError("the database does not answer")

    rows = Failing(room.rows._engine)  # noqa: SLF001 - the same database
    with pytest.raises(SourceError):
        PhotoDesk(replace(room.tools, photos=rows)).add(
            "a", picture(), PhotoKind.AFTER, who=WHO
        )
    assert room.desk.listed("a") == []
    assert len(room.store.history("a")) == 1


def test_a_look_finds_what_is_missing_or_changed_and_spares_what_is_not_ours(
    room: Room,
) -> None:
    kept = room.add(picture(color="red"))
    lost = room.add(picture(color="blue"))
    changed = room.add(picture(color="green"))
    room.files.remove(lost.sha256)
    path = room.files.folder / changed.sha256[:2] / f"{changed.sha256}.jpg"
    path.write_bytes(b"other bytes")
    (path.parent / "notes.txt").write_text("somebody's own")
    (path.parent / f"{'0' * 64}.abcd1234.part").write_bytes(b"cut off")
    state = look(room.rows, room.files, spare_after=FAR_FUTURE)
    assert state.missing == (lost.sha256,)
    assert state.changed == (changed.sha256,)
    assert [one.suffix for one in state.orphans] == [".part"]
    assert state.num_bytes == sum(one.num_bytes for one in (kept, lost, changed))
    for photo, problem in ((lost, "cannot be read"), (changed, "has changed")):
        with pytest.raises(SourceError, match=problem):
            room.desk.bytes_of("a", photo.id)


def test_a_folder_that_cannot_be_written_is_told_without_a_row(
    room: Room, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    blocked = replace(room.tools, pictures=PhotoFiles(tmp_path / "file"))
    with pytest.raises(SourceError, match="cannot be written"):
        PhotoDesk(blocked).add("a", picture(), PhotoKind.AFTER, who=WHO)
    assert room.desk.listed("a") == []


@pytest.mark.parametrize(
    ("url", "chosen", "folder"),
    [
        ("sqlite:////data/kidohan.sqlite3", None, "/data/photos"),
        ("sqlite://", None, "var/photos"),
        ("postgresql+psycopg://u@h/n", None, "var/photos"),
        ("sqlite:////data/k.sqlite3", Path("/pictures"), "/pictures"),
    ],
)
def test_pictures_lie_beside_the_database_or_where_the_setting_says(
    url: str, chosen: Path | None, folder: str
) -> None:
    assert photos_folder_for(url, chosen) == Path(folder)


def test_a_photo_tells_whether_its_bytes_are_gone() -> None:
    make: Callable[..., Photo] = Photo
    photo = make(
        id="p",
        chart_id="a",
        sha256="0" * 64,
        num_bytes=1,
        width_px=1,
        height_px=1,
        kind=PhotoKind.REPORT,
        stored_at=moment("10:00"),
        who=WHO,
    )
    assert not photo.is_removed
    assert replace(photo, removed_at=moment("10:01")).is_removed
