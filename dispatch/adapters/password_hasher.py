"""Password hashes by Argon2id (RFC 9106, the profile for little memory)."""

from __future__ import annotations

import threading

from argon2 import Parameters, PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

AT_ONCE = 2  # each hash takes 64 MiB: many guesses at once must not take it all


class Argon2Hasher:
    """
    The `PasswordHasher` port: 64 MiB, 3 passes, 4 lanes, a salt of 16 bytes.

    Parameters
    ----------
    profile
        How much work; RFC 9106's second recommended option.
    """

    def __init__(self, profile: Parameters = RFC_9106_LOW_MEMORY) -> None:
        self._hasher = PasswordHasher.from_parameters(profile)
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    def hash(self, password: str) -> str:
        """Hash with a new salt."""
        with self._turns:
            return self._hasher.hash(_encoded(password))

    def verify(self, hashed: str, password: str) -> bool:
        """Whether a password is the one that was hashed."""
        with self._turns:
            try:
                return self._hasher.verify(hashed, _encoded(password))
            except (VerificationError, InvalidHashError):
                return False

    def is_weak(self, hashed: str) -> bool:
        """Whether a hash was made with less work than is asked for today."""
        return self._hasher.check_needs_rehash(hashed)


def _encoded(password: str) -> bytes:
    """Bytes of a password; half of a surrogate pair is a wrong one, not an error."""
    return password.encode(errors="surrogatepass")
