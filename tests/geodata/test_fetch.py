"""Files are fetched whole from a publisher who misbehaves in every known way."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import urllib3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    ProxyError,
    SSLError,
)

from dispatch.domain.errors import InvalidInputError, SourceError
from geodata.fetch import CHUNK_BYTES, FetchParams, fetch
from geodata.sources import (
    FetchedFile,
    Source,
    is_safe_url,
    kept_file,
    read_sources,
    sources_of,
)

OSAKA_FOLDER = Path(__file__).parents[2] / "geodata" / "osaka"
AT = dt.datetime(2026, 11, 22, 15, 0, tzinfo=dt.timezone(dt.timedelta(hours=9)))
DATE = "Sat, 21 Nov 2026 21:21:00 GMT"
OLD_DATE = "Fri, 20 Nov 2026 21:21:00 GMT"
QUICK = FetchParams(timeout_s=10, tries=3, backoff_s=0)
IMPATIENT = replace(QUICK, timeout_s=0.3)
NAME = "roads.osm.pbf"
# Four and a half chunks, no two alike, so that a wrong splice changes the checksum.
NEW = b"".join(
    hashlib.sha256(bytes([n, m])).digest() for n in range(36) for m in b"abc"
)
NEW *= -(-9 * CHUNK_BYTES // 2 // len(NEW))
OLD = NEW[::-1]
HALF = 2 * CHUNK_BYTES


@dataclass
class Publisher:
    """A file on a server, and how the server misbehaves; `seen` are the requests."""

    content: bytes = NEW
    etag: str = '"new"'
    last_modified: str = DATE
    media: str = "application/octet-stream"
    md5: str | None = None
    cuts: list[int] = field(default_factory=list)
    stalls: bool = False
    statuses: list[int] = field(default_factory=list)
    knows_range: bool = True
    knows_if_range: bool = True
    tells_version_of_parts: bool = True
    extra_length: int = 0
    shift: int = 0
    tells_total: bool = True
    framing: str = "length"
    redirects: dict[str, str] = field(default_factory=dict)
    after_each: Callable[[], None] = lambda: None
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{NAME}"

    def headers_seen(self, name: str) -> list[str | None]:
        """List a header of each request for the file, None where it was not sent."""
        return [sent.get(name) for path, sent in self.seen if path.endswith("pbf")]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    publisher: Publisher

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        publisher = self.publisher
        publisher.seen.append((self.path, dict(self.headers)))
        self.close_connection = True
        path = self.path.removeprefix("http://roads.invalid")
        with contextlib.suppress(ConnectionError):
            if path in publisher.redirects:
                self._send(302, b"", {"Location": publisher.redirects[path]})
            elif path.endswith(".md5"):
                status = 404 if publisher.md5 is None else 200
                self._send(status, (publisher.md5 or "").encode(), {})
            elif publisher.statuses:
                self._send(publisher.statuses.pop(0), b"no", {})
            else:
                self._send_file()
        publisher.after_each()

    def _send_file(self) -> None:
        publisher = self.publisher
        version = {"ETag": publisher.etag, "Last-Modified": publisher.last_modified}
        version = {key: value for key, value in version.items() if value}
        if self._is_unchanged():
            self._send(304, b"", version)
            return
        start = self._start()
        if start == 0:
            self._send(200, publisher.content, version)
            return
        if start >= len(publisher.content):
            size = {"Content-Range": f"bytes */{len(publisher.content)}"}
            self._send(416, b"no such part", size)
            return
        total = str(len(publisher.content)) if publisher.tells_total else "*"
        last = len(publisher.content) - 1
        first = start + publisher.shift
        span = {"Content-Range": f"bytes {first}-{last}/{total}"}
        told = version if publisher.tells_version_of_parts else {}
        self._send(206, publisher.content[first:], {**told, **span})

    def _is_unchanged(self) -> bool:
        publisher, sent = self.publisher, self.headers
        if "If-None-Match" in sent:
            return sent["If-None-Match"] == publisher.etag
        since = sent.get("If-Modified-Since")
        return since is not None and since == publisher.last_modified

    def _start(self) -> int:
        publisher, sent = self.publisher, self.headers
        if "Range" not in sent or not publisher.knows_range:
            return 0
        same = sent["If-Range"] in (publisher.etag, publisher.last_modified)
        if publisher.knows_if_range and not same:
            return 0
        return int(sent["Range"].removeprefix("bytes=").removesuffix("-"))

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        publisher = self.publisher
        is_file = status in (200, 206) and content
        framing = publisher.framing if is_file else "length"
        self.send_response(status)
        self.send_header("Connection", "close")
        if is_file:
            self.send_header("Content-Type", publisher.media)
        for key, value in headers.items():
            self.send_header(key, value)
        if framing == "length":
            extra = publisher.extra_length if is_file else 0
            self.send_header("Content-Length", str(len(content) + extra))
        elif framing == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        cut = publisher.cuts.pop(0) if is_file and publisher.cuts else len(content)
        if framing == "chunked":
            self.wfile.write(b"%x\r\n%b\r\n" % (cut, content[:cut]))
            self.wfile.write(b"0\r\n\r\n" if cut == len(content) else b"")
        else:
            self.wfile.write(content[:cut])
        if publisher.stalls and cut < len(content):
            threading.Event().wait(3 * IMPATIENT.timeout_s)


@contextlib.contextmanager
def serving() -> Iterator[Publisher]:
    publisher = Publisher()
    handler = type("OwnHandler", (Handler,), {"publisher": publisher})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        publisher.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield publisher
        server.shutdown()
        thread.join()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with serving() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "var" / "sources"


def source_at(url: str) -> Source:
    return Source(
        id="example_roads",
        what="roads",
        title="例の道路",
        publisher="例の発行者",
        attribution="© 例の作者",
        licence="ODbL 1.0",
        licence_url="https://licence.example/odbl",
        url=url,
        file_name=NAME,
        media="application/octet-stream",
    )


def get(publisher: Publisher, folder: Path, **changes: object) -> FetchedFile:
    """Fetch the publisher's file with a source that is changed so."""
    source = replace(source_at(publisher.url), **changes)  # type: ignore[arg-type]
    return fetch(source, folder, at=AT, params=QUICK)


def refused(publisher: Publisher, folder: Path, **changes: object) -> str:
    with pytest.raises(SourceError) as refusal:
        get(publisher, folder, **changes)
    return str(refusal.value)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


WHOLE = {NAME, f"{NAME}.source.json", f"{NAME}.LICENCE.txt"}
HALF_DONE = {f"{NAME}.part", f"{NAME}.part.json"}


def test_a_file_comes_whole_with_its_origin_and_its_licence(
    publisher: Publisher, folder: Path
) -> None:
    fetched = get(publisher, folder)
    assert fetched.path.read_bytes() == NEW
    assert names_in(folder) == WHOLE
    record = json.loads((folder / f"{NAME}.source.json").read_text(encoding="utf-8"))
    assert record == {
        "path": NAME,
        "sha256": hashlib.sha256(NEW).hexdigest(),
        "num_bytes": len(NEW),
        "url": publisher.url,
        "fetched_url": publisher.url,
        "fetched_at": "2026-11-22T15:00:00+09:00",
        "last_modified": DATE,
        "etag": '"new"',
        "title": "例の道路",
        "publisher": "例の発行者",
        "attribution": "© 例の作者",
        "licence": "ODbL 1.0",
        "licence_url": "https://licence.example/odbl",
        "licence_file": f"{NAME}.LICENCE.txt",
    }
    note = (folder / fetched.licence_file).read_text(encoding="utf-8")
    for said in ("© 例の作者", "ODbL 1.0", "https://licence.example/odbl"):
        assert said in note


def test_progress_is_told_from_nothing_to_the_whole(
    publisher: Publisher, folder: Path
) -> None:
    told: list[tuple[int, int | None]] = []
    fetch(
        source_at(publisher.url),
        folder,
        at=AT,
        told=lambda done, total: told.append((done, total)),
    )
    assert told[0] == (0, len(NEW))
    assert told[-1] == (len(NEW), len(NEW))
    assert told == sorted(told)
    assert len(told) > len(NEW) // CHUNK_BYTES


def test_an_unchanged_file_is_not_fetched_again(
    publisher: Publisher, folder: Path
) -> None:
    first = get(publisher, folder)
    publisher.content = b"never sent"
    later = AT + dt.timedelta(days=1)
    again = fetch(source_at(publisher.url), folder, at=later, params=QUICK)
    assert again == first
    assert publisher.headers_seen("If-None-Match") == [None, '"new"']


def test_without_an_etag_the_date_says_whether_it_changed(
    publisher: Publisher, folder: Path
) -> None:
    publisher.etag = ""
    first = get(publisher, folder)
    assert get(publisher, folder) == first
    assert publisher.headers_seen("If-Modified-Since") == [None, DATE]


def test_without_etag_and_date_it_is_fetched_again(
    publisher: Publisher, folder: Path
) -> None:
    publisher.etag = publisher.last_modified = ""
    get(publisher, folder)
    publisher.content = OLD
    assert get(publisher, folder).path.read_bytes() == OLD


def test_a_changed_file_takes_the_place_of_the_one_in_use(
    publisher: Publisher, folder: Path
) -> None:
    publisher.content, publisher.etag = OLD, '"old"'
    get(publisher, folder)
    publisher.content, publisher.etag = NEW, '"new"'
    assert get(publisher, folder).path.read_bytes() == NEW
    assert names_in(folder) == WHOLE


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / NAME).write_bytes(b"damaged"),
        lambda folder: (folder / NAME).unlink(),
        lambda folder: (folder / f"{NAME}.source.json").write_text("{"),
        lambda folder: (folder / f"{NAME}.source.json").write_text("[]"),
        lambda folder: (folder / f"{NAME}.source.json").write_text("{}"),
    ],
    ids=["damaged", "gone", "no json", "no record", "empty record"],
)
def test_a_file_that_is_not_its_records_is_fetched_again(
    publisher: Publisher, folder: Path, harm: Callable[[Path], object]
) -> None:
    get(publisher, folder)
    harm(folder)
    assert kept_file(source_at(publisher.url), folder) is None
    assert get(publisher, folder).path.read_bytes() == NEW


def test_a_file_of_another_address_or_checksum_does_not_count(
    publisher: Publisher, folder: Path
) -> None:
    fetched = get(publisher, folder)
    source = source_at(publisher.url)
    assert kept_file(source, folder) == fetched
    assert kept_file(replace(source, sha256=fetched.sha256), folder) == fetched
    assert kept_file(replace(source, sha256="0" * 64), folder) is None
    assert kept_file(replace(source, url="https://other.example/x"), folder) is None


def test_a_cut_connection_goes_on_where_it_was(
    publisher: Publisher, folder: Path
) -> None:
    publisher.cuts = [HALF, CHUNK_BYTES]
    assert get(publisher, folder).path.read_bytes() == NEW
    # Two chunks came at first, one more then: 2 × 65 536 and 3 × 65 536.
    assert publisher.headers_seen("Range") == [
        None,
        "bytes=131072-",
        "bytes=196608-",
    ]
    assert publisher.headers_seen("If-Range") == [None, '"new"', '"new"']


def test_a_server_that_falls_silent_is_asked_again(
    publisher: Publisher, folder: Path
) -> None:
    publisher.cuts, publisher.stalls = [HALF], True
    fetched = fetch(source_at(publisher.url), folder, at=AT, params=IMPATIENT)
    assert fetched.path.read_bytes() == NEW
    assert publisher.headers_seen("Range")[:2] == [None, "bytes=131072-"]


def test_the_next_fetch_goes_on_with_the_half_file(
    publisher: Publisher, folder: Path
) -> None:
    publisher.cuts = [HALF, 0, 0, 0]
    said = refused(publisher, folder)
    assert "broke off" in said
    assert "goes on where it was" in said
    assert names_in(folder) == HALF_DONE
    fetched = get(publisher, folder)
    assert publisher.headers_seen("Range")[-1] == "bytes=131072-"
    assert fetched.path.read_bytes() == NEW
    assert (fetched.etag, fetched.last_modified) == ('"new"', DATE)
    assert names_in(folder) == WHOLE


def test_the_file_in_use_stays_while_the_new_one_is_half_done(
    publisher: Publisher, folder: Path
) -> None:
    publisher.content, publisher.etag = OLD, '"old"'
    old = get(publisher, folder)
    publisher.content, publisher.etag = NEW, '"new"'
    publisher.cuts = [HALF, 0, 0, 0]
    refused(publisher, folder)
    assert old.path.read_bytes() == OLD
    assert kept_file(source_at(publisher.url), folder) == old
    assert names_in(folder) == WHOLE | HALF_DONE


@pytest.mark.parametrize("knows_if_range", [True, False])
def test_a_file_that_changes_between_tries_is_begun_again(
    publisher: Publisher, folder: Path, *, knows_if_range: bool
) -> None:
    publisher.content, publisher.etag = OLD, '"old"'
    publisher.cuts, publisher.knows_if_range = [HALF], knows_if_range

    def renew() -> None:
        publisher.content, publisher.etag = NEW, '"new"'

    publisher.after_each = renew
    fetched = get(publisher, folder)
    assert fetched.path.read_bytes() == NEW
    assert fetched.etag == '"new"'


def test_a_server_without_ranges_sends_everything_again(
    publisher: Publisher, folder: Path
) -> None:
    publisher.cuts, publisher.knows_range = [HALF], False
    assert get(publisher, folder).path.read_bytes() == NEW


def test_a_weak_etag_is_no_reason_to_join_two_parts(
    publisher: Publisher, folder: Path
) -> None:
    publisher.cuts, publisher.etag = [HALF], 'W/"new"'
    assert get(publisher, folder).path.read_bytes() == NEW
    assert publisher.headers_seen("If-Range") == [None, DATE]


def test_a_part_that_does_not_repeat_its_version_is_taken(
    publisher: Publisher, folder: Path
) -> None:
    publisher.cuts, publisher.tells_version_of_parts = [HALF], False
    fetched = get(publisher, folder)
    assert fetched.path.read_bytes() == NEW
    assert fetched.etag == '"new"'


def test_without_any_version_a_cut_file_is_begun_again(
    publisher: Publisher, folder: Path
) -> None:
    publisher.cuts, publisher.etag, publisher.last_modified = [HALF], "", ""
    assert get(publisher, folder).path.read_bytes() == NEW
    assert publisher.headers_seen("Range") == [None, None]


def test_another_part_than_the_one_asked_for_is_thrown_away(
    publisher: Publisher, folder: Path
) -> None:
    publisher.cuts, publisher.shift = [HALF], 7
    assert get(publisher, folder).path.read_bytes() == NEW
    assert publisher.headers_seen("Range") == [None, "bytes=131072-", None]


def test_a_half_file_longer_than_the_file_is_thrown_away(
    publisher: Publisher, folder: Path
) -> None:
    publisher.cuts = [HALF, 0, 0, 0]
    refused(publisher, folder)
    with (folder / f"{NAME}.part").open("ab") as part:
        part.write(NEW)
    assert get(publisher, folder).path.read_bytes() == NEW


@pytest.mark.parametrize("state", ["{", "[]", '{"origin": {"other": 1}}', None])
def test_a_half_file_of_unknown_version_is_begun_again(
    publisher: Publisher, folder: Path, state: str | None
) -> None:
    publisher.cuts = [HALF, 0, 0, 0]
    refused(publisher, folder)
    state_file = folder / f"{NAME}.part.json"
    state_file.unlink()
    if state is not None:
        state_file.write_text(state)
    assert get(publisher, folder).path.read_bytes() == NEW
    assert publisher.headers_seen("Range")[-1] is None


def test_a_half_file_of_another_address_is_begun_again(
    publisher: Publisher, folder: Path
) -> None:
    publisher.cuts = [HALF, 0, 0, 0]
    refused(publisher, folder)
    get(publisher, folder, url=publisher.url.replace(NAME, "other.pbf"))
    assert publisher.headers_seen("Range")[-1] is None


def test_a_rest_of_unsaid_length_is_taken(publisher: Publisher, folder: Path) -> None:
    publisher.cuts, publisher.tells_total = [HALF], False
    assert get(publisher, folder).path.read_bytes() == NEW


def test_a_file_shorter_than_it_says_is_refused(
    publisher: Publisher, folder: Path
) -> None:
    publisher.extra_length = 1
    assert "broke off" in refused(publisher, folder)
    assert NAME not in names_in(folder)


def test_a_part_that_ends_before_the_whole_is_gone_on_with(
    publisher: Publisher, folder: Path
) -> None:
    # Every answer to a range says its own length rightly but stops a chunk early.
    publisher.cuts = [HALF]
    whole = publisher.content
    fetched: list[tuple[int, int | None]] = []

    def shorten() -> None:
        publisher.extra_length = 0 if publisher.extra_length else -CHUNK_BYTES

    publisher.after_each = shorten
    file = fetch(
        source_at(publisher.url),
        folder,
        at=AT,
        told=lambda done, total: fetched.append((done, total)),
        params=QUICK,
    )
    assert file.path.read_bytes() == whole
    assert len(publisher.seen) == 3


def test_a_file_in_chunks_needs_no_length(publisher: Publisher, folder: Path) -> None:
    publisher.framing = "chunked"
    assert get(publisher, folder).path.read_bytes() == NEW


def test_a_cut_file_in_chunks_is_gone_on_with(
    publisher: Publisher, folder: Path
) -> None:
    publisher.framing, publisher.cuts = "chunked", [HALF]
    assert get(publisher, folder).path.read_bytes() == NEW
    assert len(publisher.seen) == 2


def test_a_file_of_unknown_end_needs_a_checksum(
    publisher: Publisher, folder: Path
) -> None:
    publisher.framing = "until closed"
    assert "how long" in refused(publisher, folder)
    digest = hashlib.sha256(NEW).hexdigest()
    assert get(publisher, folder, sha256=digest).sha256 == digest


def test_a_busy_server_is_asked_again(publisher: Publisher, folder: Path) -> None:
    publisher.statuses = [503, 503]
    assert get(publisher, folder).path.read_bytes() == NEW
    assert len(publisher.seen) == 3


@pytest.mark.parametrize(
    ("statuses", "said", "requests"),
    [
        ([503] * 9, "busy (status 503)", 4),
        ([404], "sources.toml", 1),
        ([410], "no such file", 1),
        ([403], "refuses (status 403)", 1),
        ([206], "refuses (status 206)", 1),
        ([304], "refuses (status 304)", 1),
        ([416], "refuses (status 416)", 1),
    ],
)
def test_a_refusal_says_what_to_do(
    publisher: Publisher, folder: Path, statuses: list[int], said: str, requests: int
) -> None:
    # Three further tries after the first: four requests.
    publisher.statuses = statuses
    message = refused(publisher, folder)
    assert said in message
    assert publisher.url in message
    assert len(publisher.seen) == requests


def test_a_web_page_instead_of_the_file_is_refused(
    publisher: Publisher, folder: Path
) -> None:
    publisher.media = "text/html; charset=utf-8"
    assert "sign in" in refused(publisher, folder)
    assert get(publisher, folder, media="text/html").path.exists()


@pytest.mark.parametrize("spelt", ["{}", "{}  roads.osm.pbf\n", "{} *roads.osm.pbf"])
def test_the_published_md5_is_compared(
    publisher: Publisher, folder: Path, spelt: str
) -> None:
    publisher.md5 = spelt.format(hashlib.md5(NEW).hexdigest().upper())  # noqa: S324
    fetched = get(publisher, folder, md5_url=publisher.url + ".md5")
    assert fetched.path.read_bytes() == NEW


def test_a_file_that_does_not_fit_its_md5_never_comes_into_use(
    publisher: Publisher, folder: Path
) -> None:
    publisher.content, publisher.etag = OLD, '"old"'
    old = get(publisher, folder)
    publisher.content, publisher.etag = NEW, '"new"'
    publisher.md5 = hashlib.md5(OLD).hexdigest()  # noqa: S324
    assert "checksum" in refused(publisher, folder, md5_url=publisher.url + ".md5")
    assert old.path.read_bytes() == OLD
    assert names_in(folder) == WHOLE


def test_a_file_that_does_not_fit_the_expected_sha256_is_thrown_away(
    publisher: Publisher, folder: Path
) -> None:
    assert "checksum" in refused(publisher, folder, sha256="0" * 64)
    assert names_in(folder) == set()
    digest = hashlib.sha256(NEW).hexdigest()
    assert get(publisher, folder, sha256=digest).sha256 == digest


@pytest.mark.parametrize("md5", [None, "", "<html>", "0" * 31, "0" * 33, "é" * 32])
def test_a_missing_or_strange_md5_stops_before_the_file(
    publisher: Publisher, folder: Path, md5: str | None
) -> None:
    publisher.md5 = md5
    said = refused(publisher, folder, md5_url=publisher.url + ".md5")
    assert f"no checksum at {publisher.url}.md5" in said
    assert publisher.headers_seen("Range") == []


def test_a_file_larger_than_allowed_is_refused_before_it_comes(
    publisher: Publisher, folder: Path
) -> None:
    said = refused(publisher, folder, max_bytes=len(NEW) - 1)
    assert "max_bytes" in said
    assert names_in(folder) == set()
    assert get(publisher, folder, max_bytes=len(NEW)).num_bytes == len(NEW)


def test_a_file_of_unsaid_size_is_stopped_when_it_grows_too_large(
    publisher: Publisher, folder: Path
) -> None:
    publisher.framing = "chunked"
    assert "max_bytes" in refused(publisher, folder, max_bytes=CHUNK_BYTES)
    assert names_in(folder) == set()


def test_redirects_are_followed_and_the_last_address_is_kept(
    publisher: Publisher, folder: Path
) -> None:
    dated = publisher.url.replace("roads", "roads-261121")
    publisher.redirects = {f"/{NAME}": "/hop", "/hop": dated}
    fetched = get(publisher, folder)
    assert fetched.fetched_url == dated
    assert fetched.url == publisher.url


def test_redirects_without_an_end_are_refused(
    publisher: Publisher, folder: Path
) -> None:
    publisher.redirects = {f"/{NAME}": f"/{NAME}"}
    assert "without an end" in refused(publisher, folder)


@pytest.mark.parametrize(
    "target", ["http://other.example/x", "file:///etc/passwd", "http://[bad/x"]
)
def test_a_redirect_to_an_unsafe_address_is_refused(
    publisher: Publisher, folder: Path, target: str
) -> None:
    publisher.redirects = {f"/{NAME}": target}
    assert "https" in refused(publisher, folder)


def test_a_publisher_elsewhere_may_not_lead_back_to_this_machine(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lead_inward(*_: object, **__: object) -> urllib3.HTTPResponse:
        return urllib3.HTTPResponse(
            status=302, headers={"Location": "http://127.0.0.1:8000/charts"}
        )

    monkeypatch.setattr(urllib3.PoolManager, "request", lead_inward)
    with pytest.raises(SourceError, match=r"leads to http://127\.0\.0\.1"):
        fetch(source_at("https://roads.example/x"), folder, at=AT, params=QUICK)


def test_a_proxy_is_asked_for_the_whole_address(
    publisher: Publisher, folder: Path
) -> None:
    # Port 9 of this machine answers nobody: what comes has come through the proxy.
    url = f"http://127.0.0.1:9/{NAME}"
    params = replace(QUICK, proxy_url=f"http://127.0.0.1:{publisher.port}")
    fetched = fetch(source_at(url), folder, at=AT, params=params)
    assert fetched.path.read_bytes() == NEW
    assert [path for path, _ in publisher.seen] == [url]


def test_a_server_that_is_not_there_is_told(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/{NAME}"
        with pytest.raises(SourceError, match="nothing answers") as refusal:
            fetch(source_at(url), folder, at=AT, params=replace(QUICK, tries=0))
    assert url in str(refusal.value)
    assert "0x" not in str(refusal.value)


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (SSLError("self-signed"), "certificate"),
        (ProxyError("407", OSError()), "proxy"),
        (NameResolutionError("h", None, socket.gaierror()), "name"),  # type: ignore[arg-type]
        (ConnectTimeoutError("late"), "in time"),
        (HTTPError("strange"), "cannot be fetched"),
    ],
)
def test_every_cause_has_its_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, cause: HTTPError, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MaxRetryError(urllib3.HTTPConnectionPool("h"), "/", cause)

    monkeypatch.setattr(urllib3.PoolManager, "request", fail)
    with pytest.raises(SourceError, match=said):
        fetch(source_at("https://roads.example/x"), folder, at=AT, params=QUICK)


def test_a_folder_that_cannot_be_written_is_named(
    publisher: Publisher, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    said = refused(publisher, in_the_way / "sources")
    assert "cannot be written" in said
    assert str(in_the_way) in said


def test_the_moment_must_be_aware(folder: Path) -> None:
    naive = AT.replace(tzinfo=None)
    with pytest.raises(InvalidInputError, match="UTC offset"):
        fetch(source_at("https://roads.example/x"), folder, at=naive)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, len(NEW)), max_size=3))
def test_wherever_it_is_cut_the_file_comes_whole(
    cuts: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with serving() as publisher:
        publisher.cuts = list(cuts)
        fetched = get(publisher, tmp_path_factory.mktemp("cut"))
        assert fetched.path.read_bytes() == NEW


def test_osaka_has_the_kansai_extract_with_its_md5() -> None:
    (roads,) = sources_of(read_sources(OSAKA_FOLDER), "roads")
    assert roads.url.startswith("https://download.geofabrik.de/")
    assert roads.md5_url == roads.url + ".md5"
    assert roads.attribution == "© OpenStreetMap contributors"
    assert roads.licence == "ODbL 1.0"


def test_a_profile_without_the_file_has_no_sources(tmp_path: Path) -> None:
    assert read_sources(tmp_path) == ()
    with pytest.raises(InvalidInputError, match="なし"):
        sources_of((), "roads")


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInputError, match="roads"):
        sources_of(read_sources(OSAKA_FOLDER), "rivers")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("licence =", "license ="), "kansai_roads.license: unknown key"),
        (("max_bytes = 2_000_000_000", 'max_bytes = "2"'), "kansai_roads.max_bytes"),
        (("max_bytes = 2_000_000_000", "max_bytes = 0"), "max_bytes: not above 0"),
        (("publisher =", "#"), "kansai_roads.publisher: missing"),
        (('what = "roads"', 'what = "Roads!"'), "what: not one word"),
        (('what = "roads"', 'what = " "'), "what: empty"),
        (("https://download", "http://download"), "url: not an https address"),
        (('"kansai-latest', '"../kansai-latest'), "file_name: not a plain file name"),
        (("md5_url =", 'sha256 = "abc"\nmd5_url ='), "sha256: not 64"),
        (("[kansai_roads]", "kansai_roads = 1\n[other]"), "kansai_roads: missing"),
        (("[kansai_roads]", "[kansai_roads"), "cannot be read"),
    ],
)
def test_a_mistake_in_the_file_is_refused_with_file_and_key(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    file = tmp_path / "sources.toml"
    text = (OSAKA_FOLDER / "sources.toml").read_text(encoding="utf-8")
    assert change[0] in text
    file.write_text(text.replace(*change), encoding="utf-8")
    with pytest.raises(SourceError) as refusal:
        read_sources(tmp_path)
    assert said in str(refusal.value)
    assert str(file) in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://roads.example/x", True),
        ("http://127.0.0.1:80/x", True),
        ("http://[::1]/x", True),
        ("http://roads.example/x", False),
        ("http://localhost.roads.example/x", False),
        ("https:///x", False),
        ("ftp://127.0.0.1/x", False),
        ("file:///x", False),
        ("http://[bad/x", False),
        ("x", False),
    ],
)
def test_only_https_and_this_machine_are_safe(*, url: str, safe: bool) -> None:
    assert is_safe_url(url) is safe
