"""Looks at what a sandbox's clients send, and makes trouble where they ask for it."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import re
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.acting import Caller
from api.errors import CONTENT_TYPE, TYPE_BASE
from api.sandbox_rules import (
    HARMED,
    JAPANESE,
    NO_ENTRY,
    PLACES,
    TIMES,
    Case,
    Seen,
    Verdict,
    verdicts,
)
from api.schemas import ConsultationIn
from dispatch.ports import Clock

INTAKE = re.compile(r"/v1/consultations|/open311/v2/requests\.(json|xml)")
CHANGE = re.compile(r"/v1/consultations/[^/]+/.+")
TROUBLE = "x-sandbox-trouble"
SLOW_S = 5.0
RETRY_AFTER_S = 5
KEPT = 500  # requests of one client
MAX_CLIENTS = 50
BAD_GATEWAY = 502
TROUBLES: dict[str, tuple[int, str]] = {
    "503": (
        503,
        "試験のための一時停止です。しばらく待って、同じ内容を送り直してください",
    ),
    "429": (429, "試験のための制限です。Retry-After だけ待ってから送り直してください"),
}
LOST = "試験のため、受け付けたあとの答えを失いました。同じ内容を送り直してください"


class SandboxWatch:
    """What each client has sent since the start, without words."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[Seen]] = defaultdict(lambda: deque(maxlen=KEPT))
        # A wrong key has no name: it is put down to whoever comes from there next.
        self._strangers: dict[str, deque[Seen]] = defaultdict(
            lambda: deque(maxlen=KEPT)
        )

    def add(self, client: str, origin: str, seen: Seen) -> None:
        """Keep what a client, or somebody unknown, has sent."""
        if not client:
            if len(self._strangers) < MAX_CLIENTS or origin in self._strangers:
                self._strangers[origin].append(seen)
            return
        self._seen[client].extend(self._strangers.pop(origin, ()))
        self._seen[client].append(seen)

    def judged(self) -> dict[str, dict[Case, Verdict]]:
        """Verdicts by client; strangers stand under an empty name."""
        found = {name: verdicts(list(seen)) for name, seen in self._seen.items()}
        strangers = [one for seen in self._strangers.values() for one in seen]
        return {"": verdicts(strangers), **found} if strangers else found


class Watching:
    """
    Passes requests on, and tells the watch of those that hand in or change.

    Parameters
    ----------
    app
        What comes after.
    watch
        Keeps what was seen.
    clock
        Time of the requests.
    """

    def __init__(self, app: ASGIApp, *, watch: SandboxWatch, clock: Clock) -> None:
        self._app = app
        self._watch = watch
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Watch what hands in or changes, and pass the rest on."""
        path = scope.get("path", "")
        is_intake = INTAKE.fullmatch(path) is not None
        is_watched = is_intake or CHANGE.fullmatch(path) is not None
        if scope["type"] != "http" or scope["method"] == "GET" or not is_watched:
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        # The answer is read here too: it must not come packed.
        scope["headers"] = [
            pair for pair in scope["headers"] if pair[0] != b"accept-encoding"
        ]
        sent, answer = _Heard(receive), _Held(send)
        trouble = Request(scope).headers.get(TROUBLE, "") if is_intake else ""
        await self._answered(scope, sent, answer, trouble)
        seen = replace(
            _seen(Request(scope), bytes(sent.body), answer, self._clock.now()),
            is_intake=is_intake,
        )
        caller = scope["state"].get("caller")
        name = caller.actor.client if isinstance(caller, Caller) else ""
        origin = (scope.get("client") or ("",))[0]
        self._watch.add("" if seen.status in NO_ENTRY else name, origin, seen)
        await answer.release()

    async def _answered(
        self, scope: Scope, sent: _Heard, answer: _Held, trouble: str
    ) -> None:
        if trouble in TROUBLES:
            await sent.drain()
            status, detail = TROUBLES[trouble]
            await _problem(status, detail)(scope, sent, answer)
            return
        if trouble == "slow":
            await asyncio.sleep(SLOW_S)
        await self._app(scope, sent, answer)
        if trouble == "lost-answer":
            answer.forget()
            await _problem(BAD_GATEWAY, LOST)(scope, sent, answer)


class _Heard:
    """What came in, while it is passed on."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.body = bytearray()

    async def __call__(self) -> Message:
        message = await self._receive()
        self.body += message.get("body", b"")
        return message

    async def drain(self) -> None:
        while (await self()).get("more_body"):
            pass


class _Held:
    """An answer that is kept until somebody lets it go."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._messages: list[Message] = []

    async def __call__(self, message: Message) -> None:
        self._messages.append(message)

    @property
    def status(self) -> int:
        return int(self._messages[0]["status"]) if self._messages else 0

    @property
    def headers(self) -> Mapping[str, str]:
        pairs = self._messages[0].get("headers", ()) if self._messages else ()
        return {name.decode().lower(): value.decode("latin-1") for name, value in pairs}

    @property
    def body(self) -> bytes:
        return b"".join(one.get("body", b"") for one in self._messages)

    def forget(self) -> None:
        self._messages.clear()

    async def release(self) -> None:
        for message in self._messages:
            await self._send(message)


def _problem(status: int, detail: str) -> JSONResponse:
    body = {
        "type": f"{TYPE_BASE}sandbox",
        "title": "試験用の障害です",
        "status": status,
        "detail": detail,
        "errors": [],
    }
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status in {429, 503} else None
    return JSONResponse(body, status, headers, media_type=CONTENT_TYPE)


def _seen(request: Request, body: bytes, answer: _Held, at: dt.datetime) -> Seen:
    stated = _fields_of(request, body)
    text = " ".join(_texts(stated.values()))
    problems = _json(answer.body)
    errors = problems.get("errors", []) if isinstance(problems, dict) else []
    fields = frozenset(str(one.get("field", "")) for one in errors)
    own_number = stated.get("external_id") or request.headers.get("idempotency-key")
    return Seen(
        at=at,
        path=request.url.path,
        status=answer.status,
        is_intake=True,
        body_id=_digest(body),
        retry_id=_digest(str(own_number).encode()) if own_number else "",
        chart_id=_chart_of(problems),
        fields=fields,
        unknown=bool({one.partition(".")[0] for one in fields} - KNOWN),
        has_time=any(stated.get(name) for name in TIMES),
        has_place=any(stated.get(name) for name in PLACES),
        is_japanese=JAPANESE.search(text) is not None,
        is_harmed=HARMED.search(text) is not None,
        retry_after_s=int(answer.headers.get("retry-after", "0") or 0),
    )


KNOWN = frozenset({*ConsultationIn.model_fields, "body", "version", ""})


def _fields_of(request: Request, body: bytes) -> Mapping[str, Any]:
    if request.headers.get("content-type", "").startswith("application/x-www-form"):
        text = body.decode("utf-8", errors="replace")
        return dict(parse_qsl(text, errors="replace"))
    found = _json(body)
    return found if isinstance(found, dict) else {}


def _texts(values: Iterable[Any]) -> Iterable[str]:
    return [one for one in values if isinstance(one, str)]


def _json(body: bytes) -> Any:  # noqa: ANN401 - whatever was sent
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _chart_of(answered: Any) -> str:  # noqa: ANN401 - whatever was answered
    if isinstance(answered, list) and answered and isinstance(answered[0], dict):
        return str(answered[0].get("service_request_id", ""))
    return str(answered.get("id", "")) if isinstance(answered, dict) else ""


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
