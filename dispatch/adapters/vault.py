"""Keys of the vault and what they do: the only module that imports cryptography."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from dispatch.domain.errors import SourceError
from dispatch.domain.phone_number import normalised_phone
from dispatch.domain.reporter import ConsentScope, Reporter

HEADER = (
    "# Keys of the vault of personal fields (kidohan). Keep a copy apart from the"
    " database.\n# The first 'seal' line seals what is new; the others still open"
    " what is older.\n"
)
SEAL, SEARCH = "seal", "search"
KEY_BYTES = 32
KEY_ID_LENGTH = 16
OWNER_ONLY = 0o600
OTHERS = 0o077


class Vault:
    """
    Seals and opens personal fields (Fernet: AES-128-CBC with HMAC-SHA256).

    Parameters
    ----------
    seal_keys
        Fernet keys, the newest first: it seals, all of them open.
    search_key
        Key of the hashes of phone numbers; it never changes, or no number is found.
    file
        Where they were read; None for keys that live as long as the process.
    area_code
        Of the city, for phone numbers that were typed without one.
    """

    def __init__(
        self,
        seal_keys: Sequence[bytes],
        search_key: bytes,
        *,
        file: Path | None = None,
        area_code: str = "",
    ) -> None:
        self._take(seal_keys)
        self._search_key = search_key
        self._area_code = area_code
        self.file = file
        self._stamp = _stamp(file)

    def _take(self, seal_keys: Sequence[bytes]) -> None:
        self._keys = {key_id_of(key): Fernet(key) for key in seal_keys}
        self._texts = tuple(seal_keys)

    @classmethod
    def in_memory(cls, *, area_code: str = "") -> Vault:
        """Make keys that nothing keeps, for a database that nothing keeps either."""
        keys = [Fernet.generate_key()]
        return cls(keys, secrets.token_bytes(KEY_BYTES), area_code=area_code)

    @property
    def key_id(self) -> str:
        """Name of the key that seals what is new; says nothing about the key."""
        return next(iter(self._keys))

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Names of all keys, the newest first."""
        return tuple(self._keys)

    @property
    def seal_keys(self) -> tuple[bytes, ...]:
        """Keys that seal and open; they go nowhere but into the key file."""
        return self._texts

    @property
    def place(self) -> str:
        """Where the keys are, for messages."""
        return str(self.file) if self.file is not None else "memory"

    def refresh(self) -> None:
        """
        Read the keys again when the file was changed, as by a rotation elsewhere.

        A file that cannot be found just now changes nothing: the keys are known.

        Raises
        ------
        SourceError
            When the file is there and cannot be used.
        """
        stamp = _stamp(self.file)
        if self.file is None or stamp is None or stamp == self._stamp:
            return
        self._take(read_vault(self.file).seal_keys)
        self._stamp = stamp

    def seal(self, chart_id: str, reporter: Reporter, *, at: dt.datetime) -> bytes:
        """Encrypt the fields of one chart's reporter; the chart is sealed in too."""
        fields = {
            "chart_id": chart_id,
            "name": reporter.name,
            "kana": reporter.kana,
            "phone": reporter.phone,
            "address": reporter.address,
            "role": reporter.role,
            "consent": str(reporter.consent),
        }
        text = json.dumps(fields, ensure_ascii=False).encode()
        # The moment stands open in a token: that of the report, not of the machine.
        return self._keys[self.key_id].encrypt_at_time(text, int(at.timestamp()))

    def unseal(self, chart_id: str, token: bytes, *, key_id: str) -> Reporter:
        """
        Decrypt what was sealed for a chart.

        Raises
        ------
        SourceError
            When the key file does not hold its key, or the token was changed or
            belongs to another chart. Names the file, never the content.
        """
        if key_id not in self._keys:
            self.refresh()
        key = self._keys.get(key_id)
        if key is None:
            raise SourceError(f"vault: {self.place} does not hold the key {key_id}")
        try:
            fields = json.loads(key.decrypt(token))
        except InvalidToken:
            fields = {}
        if fields.pop("chart_id", None) != chart_id:
            message = f"vault: the fields of chart {chart_id} cannot be opened with"
            raise SourceError(f"{message} {self.place}: they were changed")
        return Reporter(**{**fields, "consent": ConsentScope(fields["consent"])})

    def phone_hash(self, phone: str) -> str:
        """
        Keyed hash (HMAC-SHA256) of a phone number as it was typed.

        Empty when there is no number in the text.
        """
        number = normalised_phone(phone, area_code=self._area_code)
        if not number:
            return ""
        return hmac.new(self._search_key, number.encode(), hashlib.sha256).hexdigest()

    def derived(self, purpose: str) -> bytes:
        """
        Make a secret for other systems (HMAC-SHA256): the same for the same purpose.

        It stands in no database, and a rotation of the seals does not change it.
        """
        text = b"kidohan derived " + purpose.encode()
        return hmac.digest(self._search_key, text, "sha256")

    def seal_file(self, purpose: str, content: bytes) -> bytes:
        """Encrypt a file of other systems, by a key of its own: see `derived`."""
        # No moment in it: the machine's clock is not asked.
        return self._of(purpose).encrypt_at_time(content, 0)

    def open_file(self, purpose: str, token: bytes) -> bytes:
        """
        Decrypt what was sealed for a purpose.

        Raises
        ------
        SourceError
            When it was changed, or sealed for something else.
        """
        try:
            return self._of(purpose).decrypt(token)
        except InvalidToken:
            message = f"vault: a file cannot be opened with {self.place}"
            raise SourceError(message) from None

    def _of(self, purpose: str) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self.derived(purpose)))

    def with_new_key(self) -> Vault:
        """Return the same vault with a new key in front."""
        return self._with((Fernet.generate_key(), *self._texts))

    def with_newest_only(self) -> Vault:
        """Return the same vault without the older keys."""
        return self._with(self._texts[:1])

    def _with(self, keys: Sequence[bytes]) -> Vault:
        return Vault(keys, self._search_key, file=self.file, area_code=self._area_code)

    def text(self) -> str:
        """Contents of the key file."""
        lines = [f"{SEAL} {key.decode()}\n" for key in self._texts]
        return f"{HEADER}{''.join(lines)}{SEARCH} {self._search_key.hex()}\n"

    def write(self) -> None:
        """
        Put the keys into their file as a whole; the file before is gone then.

        Raises
        ------
        SourceError
            When the file cannot be written.
        """
        if self.file is None:
            return
        try:
            new = _written_beside(self.file, self.text())
            new.replace(self.file)
            _sync_folder(self.file.parent)
            self._stamp = _stamp(self.file)
        except OSError as problem:
            message = f"vault: {self.file} cannot be written ({problem.strerror})"
            raise SourceError(message) from problem


def key_id_of(key: bytes) -> str:
    """Name of a key: a hash of it, from which it cannot be found."""
    return hashlib.sha256(b"kidohan vault key " + key).hexdigest()[:KEY_ID_LENGTH]


def read_vault(file: Path, *, area_code: str = "") -> Vault:
    """
    Read the keys.

    Raises
    ------
    SourceError
        When the file cannot be read or is no key file; never tells what is in it.
    """
    try:
        seal_keys, search_key = _keys_in(file.read_text(encoding="ascii"))
        return Vault(seal_keys, search_key, file=file, area_code=area_code)
    except OSError as problem:
        message = f"vault: key file {file} cannot be read ({problem.strerror})"
        raise SourceError(message) from problem
    except ValueError:  # its text may hold a part of a key
        message = f"vault: {file} is no key file, or is damaged; put the right one back"
        raise SourceError(message) from None


def _keys_in(text: str) -> tuple[list[bytes], bytes]:
    """Keys of a key file's text; ValueError when it is none."""
    found: dict[str, list[str]] = {SEAL: [], SEARCH: []}
    for line in text.splitlines():
        kind, _, value = line.strip().partition(" ")
        if kind and not kind.startswith("#"):
            if kind not in found:
                raise ValueError(kind)
            found[kind].append(value)
    search_keys = [bytes.fromhex(value) for value in found[SEARCH]]
    if not found[SEAL] or [len(key) for key in search_keys] != [KEY_BYTES]:
        raise ValueError(SEAL)
    return [value.encode() for value in found[SEAL]], search_keys[0]


def make_vault(file: Path, *, area_code: str = "") -> Vault:
    """
    Make a new key file that only its owner may read; another's is never overwritten.

    Raises
    ------
    SourceError
        When it cannot be written.
    """
    made = Vault([Fernet.generate_key()], secrets.token_bytes(KEY_BYTES), file=file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new = _written_beside(file, made.text())
        try:
            # A link is refused where a file is: of two that start, one makes the keys,
            # and both read them.
            with suppress(FileExistsError):
                file.hardlink_to(new)
        finally:
            new.unlink()
        _sync_folder(file.parent)
    except OSError as problem:
        message = f"vault: key file {file} cannot be made ({problem.strerror})"
        raise SourceError(message) from problem
    return read_vault(file, area_code=area_code)


def _stamp(file: Path | None) -> tuple[int, int] | None:
    """Give what changes when the file is replaced; None where there is none."""
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    return None if found is None else (found.st_ino, found.st_mtime_ns)


def is_open_to_others(file: Path) -> bool:
    """Whether others than its owner may read or change the key file."""
    return bool(file.stat().st_mode & OTHERS)


def _written_beside(file: Path, text: str) -> Path:
    """Write a new file next to it, down to the disk."""
    new = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    handle = os.open(new, flags, OWNER_ONLY)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as target:
            target.write(text)
            target.flush()
            os.fsync(target.fileno())
    except OSError:
        new.unlink()
        raise
    return new


def _sync_folder(folder: Path) -> None:
    """Have the folder's new entry survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
