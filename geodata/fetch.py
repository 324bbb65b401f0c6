"""Files fetched from their publishers: resumed, checked, and kept with their origin."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from dispatch.domain.errors import InvalidInputError, SourceError
from geodata.sources import (
    LICENCE_SUFFIX,
    FetchedFile,
    Source,
    is_loopback,
    is_safe_url,
    kept_file,
    save_record,
    sha256_of,
    write_whole,
)

PART_SUFFIX = ".part"
CHUNK_BYTES = 65_536
MAX_REDIRECTS = 5
MAX_CHECKSUM_BYTES = 4096  # a line with a checksum and a name; more is a web page
MAX_RETRY_AFTER_S = 60  # a server may ask for hours: then the person is told instead
OK, PARTIAL, NOT_MODIFIED, RANGE_REFUSED = 200, 206, 304, 416
BUSY_STATUSES = (502, 503, 504)
GONE_STATUSES = (404, 410)
WEB_PAGE = "text/html"
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_MD5 = re.compile(r"[0-9a-f]{32}(?=\s|$)", re.IGNORECASE)

Told = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchParams:
    """
    How a fetch behaves on the network.

    Parameters
    ----------
    timeout_s
        Seconds without an answer, or without a byte, after which a try has failed.
    tries
        Further tries after the first one: of connecting, of 502, 503 and 504, and of
        going on after a cut.
    backoff_s
        Seconds before the third request; then twice as long each time (the second one
        follows at once).
    proxy_url
        HTTP proxy to go through; none when empty.
    """

    timeout_s: float = 60.0
    tries: int = 6
    backoff_s: float = 1.0
    proxy_url: str = ""


def fetch(
    source: Source,
    folder: Path,
    *,
    at: dt.datetime,
    told: Told = lambda _done, _total: None,
    params: FetchParams | None = None,
) -> FetchedFile:
    """
    Fetch a file, unless the one in the folder is still the publisher's.

    Parameters
    ----------
    source
        What to fetch.
    folder
        Where it goes; made when it does not exist. A file in use there stays whole
        until the new one is complete and checked.
    at
        The moment, aware; kept as the date of the file.
    told
        Called with the bytes that have come and those that will, None when unknown.
    params
        Patience and proxy.

    Returns
    -------
    FetchedFile
        With the `fetched_at` of an earlier fetch when nothing has changed since.

    Raises
    ------
    InvalidInputError
        When `at` has no UTC offset.
    SourceError
        When the publisher does not answer, refuses, sends something else or a file
        that fails its checks, or when the folder cannot be written. What has come by
        then is kept in `NAME.part`, and the next fetch goes on from there.
    """
    if at.utcoffset() is None:
        raise InvalidInputError("at", "needs a UTC offset")
    job = _Job(source=source, folder=folder, params=params or FetchParams())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        md5 = job.published_md5()
        found = job.download(kept_file(source, folder), told)
        return found if isinstance(found, FetchedFile) else job.publish(found, md5, at)
    except HTTPError as error:
        message = (
            f"{source.title}: {source.url}: {_reason(error)}; "
            "check the connection, then run the command again: it goes on where it was"
        )
        raise SourceError(message) from error
    except OSError as error:
        message = (
            f"{folder}: cannot be written ({error.strerror or error}); make room or "
            "choose a folder that may be written, then run the command again"
        )
        raise SourceError(message) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """Which version of which file an answer is, in the publisher's words."""

    url: str
    etag: str = ""
    last_modified: str = ""

    @staticmethod
    def of(url: str, headers: Mapping[str, str]) -> _Origin:
        return _Origin(
            url=url,
            etag=headers.get("ETag", ""),
            last_modified=headers.get("Last-Modified", ""),
        )

    @property
    def validator(self) -> str:
        """What `If-Range` may name: a strong ETag, else the date, else nothing."""
        strong = self.etag and not self.etag.startswith("W/")
        return self.etag if strong else self.last_modified

    def may_follow(self, begun: _Origin) -> bool:
        """Whether this answer, as far as it says, is of the version that was begun."""
        return self.validator in ("", begun.validator)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The half file `NAME.part`, and beside it `NAME.part.json`: what it is half of."""

    path: Path
    url: str

    @property
    def state_path(self) -> Path:
        return self.path.with_name(self.path.name + ".json")

    def num_bytes(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def origin(self) -> _Origin | None:
        """Version that the half file belongs to; None when it cannot be resumed."""
        if not self.num_bytes():
            return None
        try:
            state = json.loads(self.state_path.read_text(encoding="utf-8"))
            origin = _Origin(**state["origin"])
        except (OSError, ValueError, TypeError, KeyError):
            return None
        resumable = state.get("source_url") == self.url and origin.validator
        return origin if resumable else None

    def begin(self, origin: _Origin) -> None:
        """Start again with an empty half file; first say nothing of an old one."""
        self.state_path.unlink(missing_ok=True)
        self.path.write_bytes(b"")
        state = {"source_url": self.url, "origin": dataclasses.asdict(origin)}
        write_whole(self.state_path, json.dumps(state))

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self.state_path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One fetch: the source, the place, and how patient to be."""

    source: Source
    folder: Path
    params: FetchParams

    @property
    def target(self) -> Path:
        return self.folder / self.source.file_name

    @property
    def part(self) -> _Part:
        path = self.target.with_name(self.source.file_name + PART_SUFFIX)
        return _Part(path=path, url=self.source.url)

    def published_md5(self) -> str:
        """MD5 that the publisher writes beside the file; empty when it writes none."""
        url = self.source.md5_url
        if not url:
            return ""
        with _pool(self.params) as pool:
            answer, _ = self._answer(pool, {}, _patience(self.params), url)
            with answer:
                content = answer.read(MAX_CHECKSUM_BYTES, decode_content=False)
        found = _MD5.match(content.decode("ascii", errors="replace"))
        if answer.status != OK or found is None:
            raise self._error(f"no checksum at {url}; run the command again later")
        return found.group().lower()

    def download(self, kept: FetchedFile | None, told: Told) -> FetchedFile | _Origin:
        """Bring the half file to its end, or find that the kept file is still it."""
        part, patience = self.part, _patience(self.params)
        with _pool(self.params) as pool:
            while True:
                resumed = part.origin()
                headers = _conditions(kept, resumed, part.num_bytes())
                answer, url = self._answer(pool, headers, patience)
                with answer:
                    if answer.status == NOT_MODIFIED and kept is not None:
                        return kept
                    try:
                        return self._receive(answer, url, resumed, told)
                    except (ProtocolError, ReadTimeoutError) as error:
                        spent = answer.retries or patience
                        patience = spent.increment("GET", url, error=error)
                patience.sleep()

    def publish(self, origin: _Origin, md5: str, at: dt.datetime) -> FetchedFile:
        """Check the whole half file and put it in the place of the one in use."""
        part, target = self.part, self.target
        digest = sha256_of(part.path)
        self._check_sums(digest, md5)
        fetched = FetchedFile(
            path=target,
            sha256=digest,
            num_bytes=part.num_bytes(),
            url=self.source.url,
            fetched_url=origin.url,
            fetched_at=at.isoformat(),
            last_modified=origin.last_modified,
            etag=origin.etag,
            title=self.source.title,
            publisher=self.source.publisher,
            attribution=self.source.attribution,
            licence=self.source.licence,
            licence_url=self.source.licence_url,
            licence_file=target.name + LICENCE_SUFFIX,
        )
        # The file first: that a record is of another file is noticed by its checksum.
        part.path.replace(target)
        save_record(fetched)
        part.drop()
        return fetched

    def _answer(
        self,
        pool: urllib3.PoolManager,
        headers: Mapping[str, str],
        patience: urllib3.Retry,
        url: str = "",
    ) -> tuple[urllib3.BaseHTTPResponse, str]:
        """Ask, following redirects by hand: each address must be a safe one."""
        url = url or self.source.url
        for _ in range(MAX_REDIRECTS + 1):
            answer = pool.request(
                "GET",
                url,
                headers={"Accept-Encoding": "identity", **headers},
                redirect=False,
                retries=patience,
                preload_content=False,
                timeout=self.params.timeout_s,
            )
            location = answer.get_redirect_location()
            if not location:
                return answer, url
            answer.close()
            with contextlib.suppress(ValueError):  # not an address: refused below
                location = urljoin(url, location)
            url = location
            inward = is_loopback(url) and not is_loopback(self.source.url)
            if not is_safe_url(url) or inward:
                raise self._error(f"leads to {url}, which is not an https address")
        raise self._error("leads from address to address without an end")

    def _receive(
        self,
        answer: urllib3.BaseHTTPResponse,
        url: str,
        resumed: _Origin | None,
        told: Told,
    ) -> _Origin:
        """Write an answer behind the half file, or over it; tell what it is part of."""
        part, origin = self.part, _Origin.of(url, answer.headers)
        if resumed is not None and answer.status in (PARTIAL, RANGE_REFUSED):
            total = _size_of_whole(part, answer, origin, resumed)
            # This answer need not repeat the date and the tag of the first one.
            origin = dataclasses.replace(resumed, url=url)
        elif answer.status == OK:
            self._check_kind(answer)
            part.begin(origin)
            total = answer.length_remaining
        else:
            raise self._error(_refusal(answer.status))
        done = part.num_bytes()
        self._check_size(done if total is None else total)
        with part.path.open("ab") as stream:
            told(done, total)
            for chunk in answer.stream(CHUNK_BYTES, decode_content=False):
                stream.write(chunk)
                done += len(chunk)
                self._check_size(done)
                told(done, total)
            stream.flush()
            os.fsync(stream.fileno())
        if total is not None and done != total:
            message = f"{done} bytes came of {total}"
            raise ProtocolError(message)
        return origin

    def _check_kind(self, answer: urllib3.BaseHTTPResponse) -> None:
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind == WEB_PAGE and kind != self.source.media:
            problem = (
                "sends a web page instead of the file; open the address in a browser "
                "on this machine: a proxy may want you to sign in"
            )
            raise self._error(problem)
        checked = self.source.sha256 or self.source.md5_url or answer.chunked
        if answer.length_remaining is None and not checked:
            problem = "does not say how long the file is, so a cut would go unnoticed"
            raise self._error(problem)

    def _check_size(self, num_bytes: int) -> None:
        limit = self.source.max_bytes
        if limit is not None and num_bytes > limit:
            self.part.drop()
            problem = (
                f"the file is larger than the {limit:,} bytes that are expected; if "
                "that is right, raise max_bytes in sources.toml"
            )
            raise self._error(problem)

    def _check_sums(self, sha256: str, md5: str) -> None:
        """Compare with the checksums that are known, empty ones left out."""
        damaged = bool(md5) and md5 != _md5_of(self.part.path)
        if damaged or self.source.sha256 not in ("", sha256):
            self.part.drop()
            problem = (
                "the file does not fit its checksum and was thrown away; run the "
                "command again, later if the publisher is just renewing it"
            )
            raise self._error(problem)

    def _error(self, problem: str) -> SourceError:
        return SourceError(f"{self.source.title}: {self.source.url}: {problem}")


def _conditions(
    kept: FetchedFile | None, resumed: _Origin | None, num_bytes: int
) -> dict[str, str]:
    """Headers that spare what is here already: a whole file, or half of a new one."""
    headers: dict[str, str] = {}
    if kept is not None and kept.etag:
        headers["If-None-Match"] = kept.etag
    elif kept is not None and kept.last_modified:
        headers["If-Modified-Since"] = kept.last_modified
    if resumed is not None:
        headers["Range"] = f"bytes={num_bytes}-"
        headers["If-Range"] = resumed.validator
    return headers


def _size_of_whole(
    part: _Part, answer: urllib3.BaseHTTPResponse, origin: _Origin, resumed: _Origin
) -> int | None:
    """Size of the whole file, when the answer goes on where the half file ends."""
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    goes_on = found is not None and int(found[1]) == part.num_bytes()
    if found is None or not goes_on or not origin.may_follow(resumed):
        part.drop()
        message = "the server went on with another part or another file"
        raise ProtocolError(message)
    return None if found[2] == "*" else int(found[2])


def _pool(params: FetchParams) -> urllib3.PoolManager:
    if params.proxy_url:
        return urllib3.ProxyManager(params.proxy_url)
    return urllib3.PoolManager()


def _patience(params: FetchParams) -> urllib3.Retry:
    return urllib3.Retry(
        total=params.tries,
        status_forcelist=BUSY_STATUSES,
        allowed_methods={"GET"},
        backoff_factor=params.backoff_s,
        raise_on_status=False,
        retry_after_max=MAX_RETRY_AFTER_S,
    )


def _refusal(status: int) -> str:
    """Say what a status means for the person at the command line."""
    if status in GONE_STATUSES:
        return (
            f"there is no such file any more (status {status}); look for its new "
            "address at the publisher and write it into sources.toml"
        )
    if status in BUSY_STATUSES:
        return f"the server is busy (status {status}); run the command again later"
    return (
        f"the server refuses (status {status}); open the address in a browser on this "
        "machine to see why"
    )


def _reason(error: HTTPError) -> str:
    """Name the cause of a failed request without a library's words."""
    cause = error.reason if isinstance(error, MaxRetryError) else error
    reasons: tuple[tuple[type[Exception], str], ...] = (
        (ProxyError, "the proxy does not let it through"),
        (SSLError, "the certificate is not trusted (a proxy, or a wrong clock?)"),
        (NameResolutionError, "the name of the server is not known here"),
        (NewConnectionError, "nothing answers"),
        (ConnectTimeoutError, "nothing answers in time"),
        (ReadTimeoutError, "the server fell silent"),
        (ProtocolError, "the connection broke off, again and again"),
    )
    matches = (text for kind, text in reasons if isinstance(cause, kind))
    return next(matches, "cannot be fetched")


def _md5_of(path: Path) -> str:
    """Not for secrets: MD5 is what publishers offer against damage on the way."""
    with path.open("rb") as stream:
        return hashlib.file_digest(
            stream, lambda: hashlib.md5(usedforsecurity=False)
        ).hexdigest()
