"""Sources of a city's data files, and the record that each fetched file carries."""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dispatch.domain.errors import InvalidInputError, SourceError
from geodata.tables import Settings, read_toml

SOURCES_FILE = "sources.toml"
RECORD_SUFFIX = ".source.json"
LICENCE_SUFFIX = ".LICENCE.txt"
_TEXTS = (
    *("what", "title", "publisher", "attribution", "licence", "licence_url"),
    *("url", "file_name", "media"),
)
_OPTIONAL_TEXTS = ("sha256", "md5_url")
_MAX_BYTES = "max_bytes"
_KEYS = frozenset((*_TEXTS, *_OPTIONAL_TEXTS, _MAX_BYTES))
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# A name inside the folder: no separator, no hidden file, no name of a device or stream.
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """
    One file that a publisher offers.

    Parameters
    ----------
    id
        Name of its table in `sources.toml`.
    what
        Kind of data, the word of `kidohan geodata fetch WHAT`.
    title, publisher, attribution, licence, licence_url
        Kept beside the file; `attribution` is what the licence wants to be shown.
    url
        Address of the file: https, or this machine itself.
    file_name
        Name that the file gets.
    media
        Media type that the publisher sends; a web page instead of it is refused.
    sha256
        Expected checksum, 64 hexadecimal digits, when it is known beforehand.
    md5_url
        Where the publisher writes the file's MD5, when it does.
    max_bytes
        Size above which the file is refused; None for no limit.

    Raises
    ------
    InvalidInputError
        When a value has the wrong form; names the field.
    """

    id: str
    what: str
    title: str
    publisher: str
    attribution: str
    licence: str
    licence_url: str
    url: str
    file_name: str
    media: str
    sha256: str = ""
    md5_url: str = ""
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        for name in _TEXTS:
            if not getattr(self, name).strip():
                raise InvalidInputError(name, "empty")
        if not _WORD.fullmatch(self.what):
            raise InvalidInputError("what", "not one word in small letters")
        if not _FILE_NAME.fullmatch(self.file_name):
            raise InvalidInputError("file_name", "not a plain file name")
        if self.sha256 and not _SHA256.fullmatch(self.sha256):
            raise InvalidInputError("sha256", "not 64 hexadecimal digits")
        if self.max_bytes is not None and self.max_bytes <= 0:
            raise InvalidInputError(_MAX_BYTES, "not above 0")
        for name in ("url", "md5_url"):
            address = getattr(self, name)
            if address and not is_safe_url(address):
                raise InvalidInputError(name, "not an https address")


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFile:
    """
    A complete file with its origin, as `NAME.source.json` keeps it.

    `url` is the address of the source, `fetched_url` the one that answered after
    redirects; `last_modified` and `etag` are the publisher's words, empty when unsaid.
    `fetched_at` is ISO 8601. `licence_file` is the name of the note on the licence,
    beside the file.
    """

    path: Path
    sha256: str
    num_bytes: int
    url: str
    fetched_url: str
    fetched_at: str
    last_modified: str
    etag: str
    title: str
    publisher: str
    attribution: str
    licence: str
    licence_url: str
    licence_file: str


def is_safe_url(url: str) -> bool:
    """Whether nobody between here and there can change what comes from an address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme == "http" and is_loopback(url)


def is_loopback(url: str) -> bool:
    """Whether a well-formed address names this machine by its loopback number."""
    try:
        return ipaddress.ip_address(urlsplit(url).hostname or "").is_loopback
    except ValueError:
        return False


def read_sources(folder: Path) -> tuple[Source, ...]:
    """
    Read the sources of a city profile, in the order of the file.

    Parameters
    ----------
    folder
        Folder of the profile; a profile without `sources.toml` has no sources.

    Raises
    ------
    SourceError
        When the file cannot be read, a key is unknown or missing, or a value has the
        wrong form; names the file and the key.
    """
    file = folder / SOURCES_FILE
    if not file.exists():
        return ()
    tables = Settings(file=file, values=read_toml(file))
    return tuple(_source(key, tables.section(key)) for key in tables.values)


def sources_of(sources: Sequence[Source], what: str) -> tuple[Source, ...]:
    """
    List the sources of one kind of data: at least one.

    Raises
    ------
    InvalidInputError
        When there is none; lists what there is.
    """
    found = tuple(source for source in sources if source.what == what)
    if not found:
        kinds = "、".join(sorted({source.what for source in sources})) or "なし"
        problem = f"この都市にその種類の取得元はありません。指定できるもの: {kinds}"
        raise InvalidInputError("what", problem)
    return found


def kept_file(source: Source, folder: Path) -> FetchedFile | None:
    """
    Find the file of a source that an earlier fetch left whole in a folder.

    None when there is none, when it has changed since, or when it came from another
    address or is not the one that the source expects.
    """
    path = folder / source.file_name
    try:
        record = json.loads(_record_path(path).read_text(encoding="utf-8"))
        found = FetchedFile(**{**record, "path": path})
        whole = sha256_of(path) == found.sha256
    except (OSError, ValueError, TypeError):
        return None
    ours = found.url == source.url and source.sha256 in ("", found.sha256)
    return found if whole and ours else None


def save_record(fetched: FetchedFile) -> None:
    """Write `NAME.source.json` and the note on the licence beside a fetched file."""
    record = {**dataclasses.asdict(fetched), "path": fetched.path.name}
    text = json.dumps(record, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    write_whole(_record_path(fetched.path), text)
    note = fetched.path.with_name(fetched.licence_file)
    write_whole(note, _licence_note(fetched))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_whole(path: Path, text: str) -> None:
    """Write a small text file so that nobody ever sees half of it."""
    new = path.with_name(path.name + ".new")
    with new.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(path)


def _licence_note(fetched: FetchedFile) -> str:
    lines = (
        f"{fetched.path.name}: {fetched.title}",
        f"Publisher: {fetched.publisher}",
        f"To be shown wherever it is used: {fetched.attribution}",
        f"Licence: {fetched.licence}",
        f"Text of the licence: {fetched.licence_url}",
        f"Fetched from {fetched.fetched_url}",
        f"Fetched at {fetched.fetched_at}",
        f"SHA-256 {fetched.sha256}",
    )
    return "\n".join(lines) + "\n"


def _record_path(target: Path) -> Path:
    return target.with_name(target.name + RECORD_SUFFIX)


def _source(source_id: str, table: Settings) -> Source:
    unknown = sorted(set(table.values) - _KEYS)
    if unknown:
        message = f"{table.file}: {table.path}{unknown[0]}: unknown key"
        raise SourceError(message)
    texts = {key: table.get(key, str) for key in _TEXTS}
    texts |= {
        key: table.get(key, str) for key in _OPTIONAL_TEXTS if key in table.values
    }
    limited = _MAX_BYTES in table.values
    try:
        return Source(
            id=source_id,
            **texts,
            max_bytes=table.get(_MAX_BYTES, int) if limited else None,
        )
    except InvalidInputError as error:
        message = f"{table.file}: {table.path}{error.field}: {error.problem}"
        raise SourceError(message) from error
