"""Pictures for the tests: good ones, with a camera's notes, and hostile ones."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import ExifTags, Image

GPS = ExifTags.GPS
# 34°38'36.0"N 135°28'50.0"E: 西成区津守, degrees 34.643333 and 135.480556.
CAMERA_GPS = {
    GPS.GPSLatitudeRef: "N",
    GPS.GPSLatitude: (34.0, 38.0, 36.0),
    GPS.GPSLongitudeRef: "E",
    GPS.GPSLongitude: (135.0, 28.0, 50.0),
}
CAMERA_TIME = {ExifTags.Base.DateTimeOriginal: "2026:11:24 08:31:05"}
OWNER = "planted-camera-owner"


def picture(
    kind: str = "JPEG",
    *,
    size: tuple[int, int] = (64, 32),
    mode: str = "RGB",
    color: Any = "white",  # noqa: ANN401 - as Pillow takes it
    **save: Any,  # noqa: ANN401 - as Pillow takes it
) -> bytes:
    """Make a small picture: white, wider than high."""
    out = io.BytesIO()
    Image.new(mode, size, color).save(out, kind, **save)
    return out.getvalue()


def exif(
    *,
    gps: dict[int, Any] | None = None,
    taken: dict[int, Any] | None = None,
    orientation: int = 1,
) -> Image.Exif:
    """Make a camera's notes: owner, position, time, which way up."""
    notes = Image.Exif()
    notes[ExifTags.Base.Artist] = OWNER
    notes[ExifTags.Base.Orientation] = orientation
    notes[ExifTags.IFD.GPSInfo] = CAMERA_GPS if gps is None else gps
    notes[ExifTags.IFD.Exif] = CAMERA_TIME if taken is None else taken
    return notes


def camera_picture(**notes: Any) -> bytes:  # noqa: ANN401 - passed on
    """Make a JPEG as a telephone makes it, with everything beside the picture."""
    return picture(exif=exif(**notes), comment=OWNER, icc_profile=b"icc " + b"x" * 40)


def png_bomb(side_px: int = 50_000) -> bytes:
    """Make a PNG of a few bytes that claims to be gigabytes of pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(name + body)
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)

    head = struct.pack(">IIBBBBB", side_px, side_px, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1_000)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", body), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
