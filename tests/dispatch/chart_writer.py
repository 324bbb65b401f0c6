"""A process that stores charts until it is killed; run by `test_durability`."""

from __future__ import annotations

import sys

from dispatch.adapters.database import open_database
from dispatch.adapters.sql_store import SqlStore
from dispatch.domain.ids import new_id
from tests.builders import catalogue, entry, new_chart


def main(url: str) -> None:
    """Store charts of three entries each; tell an id only after it was stored."""
    store = SqlStore(open_database(url), catalogue())
    while True:
        chart_id = new_id()
        entries = tuple(entry(f"{chart_id} {line}") for line in range(3))
        store.add_all([new_chart(chart_id, entries=entries)])
        sys.stdout.write(chart_id + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
