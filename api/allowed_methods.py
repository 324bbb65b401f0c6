"""Which methods an address can be called with, by the table of access."""

from __future__ import annotations

import re
from functools import cache

from api.access_table import NEEDS

PLACE = re.compile(r"\{[^}]+\}")


@cache
def _templates() -> tuple[tuple[re.Pattern[str], int, frozenset[str]], ...]:
    """Shape of each path, how many places it leaves open, and its methods."""
    paths = {path for _, path in NEEDS}
    return tuple(
        (
            re.compile("[^/]+".join(map(re.escape, PLACE.split(path)))),
            len(PLACE.findall(path)),
            frozenset(method for method, other in NEEDS if other == path),
        )
        for path in sorted(paths)
    )


def allowed_methods(path: str) -> str:
    """
    Value of `Allow` for an address: every method of the route that it names.

    A route that names the address with fewer open places is meant before others.
    Empty when there is none.
    """
    found = [
        (num_open, methods)
        for shape, num_open, methods in _templates()
        if shape.fullmatch(path)
    ]
    if not found:
        return ""
    return ", ".join(sorted(min(found, key=lambda one: one[0])[1]))
