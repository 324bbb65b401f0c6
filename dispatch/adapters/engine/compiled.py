"""How the inner loops are compiled: to machine code by numba, kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar, cast

from numba import njit
from numba.core import config

from dispatch.domain.schedule import LATE_STEP_S
from dispatch.domain.travel import FACTOR_STEPS, UNREACHABLE_S

F = TypeVar("F", bound=Callable[..., object])
HERE: Final = Path(__file__).parent


def _fingerprint() -> str:
    """Hash of all sources, and numbers of others, that go into the machine code."""
    frozen = f"{LATE_STEP_S} {UNREACHABLE_S} {FACTOR_STEPS}".encode()
    sources = [path.read_bytes() for path in sorted(HERE.glob("*.py"))]
    return hashlib.sha256(b"".join([frozen, *sources])).hexdigest()[:16]


# numba looks only at the file of the function itself: machine code with an old callee
# from another file inside would go on being used. So each state of the sources has a
# folder of its own; where it cannot be written, numba takes the user's cache.
config.CACHE_DIR = str(  # type: ignore[attr-defined]
    HERE / "__pycache__" / f"compiled-{_fingerprint()}"
)


def compiled(function: F) -> F:
    """
    Compile a function of numbers and arrays at its first call.

    The machine code is kept on disk, so that the next process only loads it. No
    fast-math: the same input must give the same plan.
    """
    return cast("F", njit(cache=True)(function))
