"""Where the large real data lie that tests use but that no checkout holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]


def shared_dir() -> Path:
    """Folder named by KIDOHAN_SHARED; `shared` beside the project when it is unset."""
    return Path(os.environ.get("KIDOHAN_SHARED", REPO.parent / "shared"))


def need_shared(relative: str) -> Path:
    """File or folder of the shared data; the test is skipped loudly without it."""
    found = shared_dir() / relative
    if not found.exists():
        pytest.skip(f"NOT TESTED ON REAL DATA: no {found} (set KIDOHAN_SHARED)")
    return found
