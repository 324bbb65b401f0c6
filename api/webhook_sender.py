"""Posting a webhook: one attempt, to an address that was looked at first."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from dispatch.domain.webhook import AttemptResult

TIMEOUT_S = 10.0
PORTS = {"http": 80, "https": 443}
USER_AGENT = "kidohan-webhook/1"
Address = IPv4Address | IPv6Address
# What a person reads beside a failed event; never what the subscriber wrote.
NOT_FOUND = "宛先の名前を引けません"
REFUSED = "宛先は許されていない場所にあります"
NO_ANSWER = "時間内に応答がありません"
NO_CONNECTION = "接続できません"
BAD_TLS = "証明書を確かめられません"
BROKEN = "通信が途中で切れました"


class WebhookSender:
    """
    Posts over urllib3: verified TLS, no redirection, ten seconds.

    Parameters
    ----------
    allow_loopback
        Whether subscribers may be on this machine.
    own_ports
        Of this service: nothing is posted to it on this machine.
    """

    def __init__(
        self, *, allow_loopback: bool, own_ports: frozenset[int] = frozenset()
    ) -> None:
        self._allow_loopback = allow_loopback
        self._own_ports = own_ports

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> AttemptResult:
        """Post a body once; whatever goes wrong is an answer."""
        parts = urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
        try:
            found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return AttemptResult(status=None, reason=NOT_FOUND)
        addresses = [ip_address(str(row[4][0]).partition("%")[0]) for row in found]
        if not addresses or not all(self._may(one, port) for one in addresses):
            return AttemptResult(status=None, reason=REFUSED)
        try:
            return _posted(parts, str(addresses[0]), port, headers, body)
        except (OSError, HTTPError) as problem:
            return AttemptResult(status=None, reason=_reason(problem))

    def _may(self, address: Address, port: int) -> bool:
        """Whether an address may be posted to: private ones yes, this machine not."""
        mapped = getattr(address, "ipv4_mapped", None)
        address = mapped or address
        if address.is_loopback or address.is_unspecified:
            return self._allow_loopback and port not in self._own_ports
        # Link-local addresses hold the credentials of machines in clouds.
        return not (address.is_link_local or address.is_multicast)


def _posted(
    parts: SplitResult,
    address: str,
    port: int,
    headers: Mapping[str, str],
    body: bytes,
) -> AttemptResult:
    """Post to the very address that was looked at, under the name of the subscriber."""
    timeout = urllib3.Timeout(connect=TIMEOUT_S, read=TIMEOUT_S)
    host = parts.hostname or ""
    pool: urllib3.HTTPConnectionPool
    if parts.scheme == "https":
        pool = urllib3.HTTPSConnectionPool(
            address,
            port,
            timeout=timeout,
            cert_reqs="CERT_REQUIRED",
            assert_hostname=host,
            server_hostname=host,
        )
    else:
        pool = urllib3.HTTPConnectionPool(address, port, timeout=timeout)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    shown_host = parts.netloc.rpartition("@")[2]
    sent = {**headers, "host": shown_host, "user-agent": USER_AGENT}
    with pool:
        response = pool.urlopen(
            "POST",
            path,
            body=body,
            headers=sent,
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        response.close()  # the status is the answer; a long text would hold a thread
    return AttemptResult(status=response.status)


def _reason(problem: Exception) -> str:
    kinds = (
        (SSLError, BAD_TLS),
        (NewConnectionError, NO_CONNECTION),  # before its own ancestor
        (ConnectTimeoutError, NO_ANSWER),
        (ReadTimeoutError, NO_ANSWER),
    )
    cause = getattr(problem, "reason", problem)
    return next((text for kind, text in kinds if isinstance(cause, kind)), BROKEN)
