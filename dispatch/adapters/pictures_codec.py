"""Pictures from outside, drawn anew as plain JPEG: only what is seen comes through."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from PIL import ExifTags, Image, ImageOps

from dispatch.domain.errors import InvalidInputError
from dispatch.domain.photo import Picture
from dispatch.domain.place import LonLat

READ_FORMATS = ("JPEG", "PNG", "WEBP")
# A phone's JPEG may carry a second picture; Pillow then calls it MPO.
KNOWN_FORMATS = frozenset({*READ_FORMATS, "MPO"})
BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
STORED_SIDE_PX = 2_560  # longest; the number on a lamp is read at that. A proposal.
QUALITY = 85
# What a browser or an interpreter might run, were the bytes ever taken for something
# else. They are drawn anew anyway: who sends such a file is told so. It is looked for
# where texts stand, before and behind the pixels: by chance, 10 MB of pixels spell one
# of these seven times in 10,000 pictures, so much of a rim not even once in 100,000.
RIM_BYTES = 65_536
ACTIVE = re.compile(
    rb"<script|<html|<svg[\s>]|<!doctype|<iframe|<body[\s>]|<\?php|javascript:|%PDF-1",
    re.IGNORECASE,
)
FIELD = "photo"
NO_PICTURE = "JPEG・PNG・WebP の写真ではありません"
ACTIVE_PICTURE = "写真の中に、写真ではないものが入っています。撮り直してください"
BROKEN = "写真が途中で切れているか、壊れています"
SECONDS_PER_DEGREE = 3_600


class PictureReader:
    """
    Reads pictures that nobody vouches for.

    Parameters
    ----------
    max_bytes
        Largest file.
    max_pixels
        Most pixels; more are not unpacked (a small file may hold gigabytes).
    """

    def __init__(self, *, max_bytes: int, max_pixels: int) -> None:
        self._max_bytes = max_bytes
        self._max_pixels = max_pixels

    def read(self, data: bytes) -> Picture:
        """
        Draw a picture anew, upright, without anything that stood beside it.

        Raises
        ------
        InvalidInputError
            For what is no JPEG, PNG or WebP by its content, is too large, is broken,
            or holds something that a program could run.
        """
        if len(data) > self._max_bytes:
            problem = f"写真は{self._max_bytes:,}バイトまでです"
            raise InvalidInputError(FIELD, problem)
        if not (data.startswith(BEGINNINGS) or _is_webp(data)):
            raise InvalidInputError(FIELD, NO_PICTURE)
        if ACTIVE.search(data[:RIM_BYTES]) or ACTIVE.search(data[-RIM_BYTES:]):
            raise InvalidInputError(FIELD, ACTIVE_PICTURE)
        with _decoding(), Image.open(io.BytesIO(data), formats=READ_FORMATS) as image:
            return self._drawn(image)

    def _drawn(self, image: Image.Image) -> Picture:
        if image.format not in KNOWN_FORMATS:  # pragma: no cover - `formats` sees to it
            raise InvalidInputError(FIELD, NO_PICTURE)
        width, height = image.size
        if width * height > self._max_pixels:
            problem = f"写真は{self._max_pixels:,}画素までです。小さくしてください"
            raise InvalidInputError(FIELD, problem)
        # A JPEG can be unpacked at a half, a quarter …: less memory for a big one.
        image.draft("RGB", (STORED_SIDE_PX, STORED_SIDE_PX))
        image.load()
        taken_at, place = _beside(image)
        # Smaller first: layers of a big picture would take a gigabyte.
        image.thumbnail((STORED_SIDE_PX, STORED_SIDE_PX))
        plain = _on_white(ImageOps.exif_transpose(image))
        # Pixels alone: a new image knows no comment, profile or text of the old one.
        bare = Image.frombytes("RGB", plain.size, plain.tobytes())
        out = io.BytesIO()
        bare.save(out, "JPEG", quality=QUALITY, optimize=True)
        return Picture(
            jpeg=out.getvalue(),
            width_px=bare.width,
            height_px=bare.height,
            taken_at=taken_at,
            place=place,
        )


def _is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


@contextlib.contextmanager
def _decoding() -> Iterator[None]:
    """Refuse what cannot be decoded, whatever the decoder stumbled over."""
    try:
        yield
    except InvalidInputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        problem = "写真の画素が多すぎます。小さくしてください"
        raise InvalidInputError(FIELD, problem) from None
    except Exception:  # noqa: BLE001 - hostile bytes make a decoder raise anything
        raise InvalidInputError(FIELD, BROKEN) from None


def _on_white(image: Image.Image) -> Image.Image:
    """Picture in plain colours; what is seen through becomes white."""
    if image.mode == "RGB":
        return image
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")


def _beside(image: Image.Image) -> tuple[dt.datetime | None, LonLat | None]:
    """When and where the camera says that it was; nothing when it cannot be read."""
    try:
        exif = image.getexif()
        taken = exif.get_ifd(ExifTags.IFD.Exif)
        return _moment(taken), _place(exif.get_ifd(ExifTags.IFD.GPSInfo))
    except Exception:  # noqa: BLE001 - an offer, no more: the picture itself is good
        return None, None


def _moment(tags: Mapping[int, Any]) -> dt.datetime | None:
    """Time of the picture; naive where the camera told no offset."""
    text = str(tags.get(ExifTags.Base.DateTimeOriginal, "")).strip("\0 ")
    offset = str(tags.get(ExifTags.Base.OffsetTimeOriginal, "")).strip("\0 ")
    for form in ("%Y:%m:%d %H:%M:%S%z", "%Y:%m:%d %H:%M:%S"):
        try:
            return dt.datetime.strptime(text + offset, form)  # noqa: DTZ007 - see above
        except ValueError:
            offset = ""
    return None


def _place(tags: Mapping[int, Any]) -> LonLat | None:
    """Position of the camera, degrees; none at 0, 0, where cameras without one are."""
    gps = ExifTags.GPS
    lat = _degrees(tags.get(gps.GPSLatitude), tags.get(gps.GPSLatitudeRef), "S")
    lon = _degrees(tags.get(gps.GPSLongitude), tags.get(gps.GPSLongitudeRef), "W")
    if lat is None or lon is None or (lon, lat) == (0, 0):
        return None
    return LonLat(lon, lat)


def _degrees(parts: Any, side: Any, negative: str) -> float | None:  # noqa: ANN401 - as Pillow gives it
    """Decimal degrees of degrees, minutes and seconds."""
    if parts is None:
        return None
    degrees, minutes, seconds = (float(part) for part in parts)
    value = degrees + minutes / 60 + seconds / SECONDS_PER_DEGREE
    if not math.isfinite(value):
        return None
    return -value if str(side).strip("\0 ").upper() == negative else value
