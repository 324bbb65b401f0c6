"""Tokens of forms: what another site sends in a person's name carries none."""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from fastapi import Request
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.types import Message

from api.acting import caller_of

CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"


def csrf_token(request: Request) -> str:
    """
    Token for the forms of a page; empty where nobody is signed in.

    Masked anew each time: in a page that is compressed, the same secret over and over
    could be guessed from its length (BREACH).
    """
    session = caller_of(request).session
    if session is None:
        return ""
    secret = session.csrf.encode()
    mask = secrets.token_bytes(len(secret))
    return urlsafe_b64encode(mask + _xor(mask, secret)).decode()


def is_token_of(token: str, csrf: str) -> bool:
    """Whether a masked token is that of a session."""
    try:
        both = urlsafe_b64decode(token.encode())
    except ValueError:
        return False
    half = len(both) // 2
    return hmac.compare_digest(_xor(both[:half], both[half:]), csrf.encode())


def _xor(mask: bytes, text: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(mask, text, strict=False))


async def is_ours(request: Request, csrf: str) -> bool:
    """Whether a form or a script's request carries the session's token."""
    token = request.headers.get(CSRF_HEADER) or await _field(request)
    return is_token_of(token, csrf)


async def _field(request: Request) -> str:
    """
    Token field of a form.

    The body stands in memory already (`BodyLimit`); it is read here apart from the
    handler, which then reads it with limits of its own.
    """
    body = await request.body()

    async def again() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    stream = Request(request.scope, again).stream()
    kind = request.headers.get("content-type", "")
    parser: FormParser | MultiPartParser
    if kind.startswith("multipart/form-data"):
        parser = MultiPartParser(request.headers, stream)
    elif kind.startswith("application/x-www-form-urlencoded"):
        parser = FormParser(request.headers, stream)
    else:
        return ""
    try:
        form = await parser.parse()
    except (MultiPartException, ValueError, KeyError):
        return ""
    try:
        value = form.get(CSRF_FIELD)
        return value if isinstance(value, str) else ""
    finally:
        await form.close()
