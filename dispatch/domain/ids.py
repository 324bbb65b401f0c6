"""Opaque identifiers: they say nothing about what they name and cannot be guessed."""

from __future__ import annotations

import secrets

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32, lower case
LENGTH = 10  # 50 bits: not to be guessed, short enough for a QR code


def new_id() -> str:
    """Make a new identifier."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
