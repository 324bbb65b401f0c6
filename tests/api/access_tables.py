"""Access tables as text: for the documentation, and rows to check for new routes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from fastapi.routing import APIRoute

from api.access_cli import SCOPE_TEXT
from api.access_table import NEEDS, Door, Source
from api.acting import ROLE_TEXT
from dispatch.domain.access import GRANTS, Action, Role, Scope

EXPECTATIONS = Path(__file__).parent / "access_expectations.csv"
DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "access.md"
PEOPLE = tuple(role for role in Role if role is not Role.INTAKE_SYSTEM)
CALLERS = ("nobody", *map(str, PEOPLE), "key", "boot_key")
DOOR_TEXT = {
    Door.OPEN: "(誰でも)",
    Door.SIGNED_IN: "(ログインした人)",
    Door.READING: "(誰でも。`KIDOHAN_OPEN_READING=false` なら鍵かログイン)",
    Door.KEY_IN_BODY: "(鍵。本文にあってもよい)",
}
SOURCE_TEXT = {
    Source.CITY: "市全体",
    Source.CHART: "カルテ",
    Source.PLAN_OFFICE: "事務所",
    Source.BODY: "送られた内容",
}


def routes_of(routers: object) -> set[tuple[str, str]]:
    """Methods and path templates of an application's routes."""
    found = set()
    for route in getattr(routers, "routes", ()):
        inner = getattr(route, "original_router", None)
        if inner is not None:
            found |= routes_of(inner)
        elif isinstance(route, APIRoute):
            found |= {(method, route.path) for method in route.methods or ()}
    return found


def expectations() -> dict[tuple[str, str], dict[str, str]]:
    """Literal table of who gets in where: yes, own (not foreign), or no."""
    with EXPECTATIONS.open(encoding="utf-8", newline="") as file:
        return {
            (row["method"], row["path"]): {name: row[name] for name in CALLERS}
            for row in csv.DictReader(file)
        }


def proposed(method: str, path: str) -> dict[str, str]:
    """Row that the access table gives a route: to be read and thought about."""
    need = NEEDS[method, path]
    is_v1 = path.startswith("/v1/")
    row = {}
    for caller in CALLERS:
        if need.door in {Door.OPEN, Door.READING}:
            row[caller] = "yes"
        elif need.door is Door.KEY_IN_BODY:
            row[caller] = "yes" if caller in {"key", "boot_key"} else "no"
        elif caller == "nobody" or is_v1 != (caller in {"key", "boot_key"}):
            row[caller] = "no"
        elif need.door is Door.SIGNED_IN or caller == "boot_key":
            row[caller] = "yes"
        else:
            role = Role.INTAKE_SYSTEM if caller == "key" else Role(caller)
            scope = GRANTS[role].get(need.action) if need.action else None
            is_limited = need.source is not Source.CITY and scope is not Scope.ALL
            row[caller] = "no" if scope is None else "own" if is_limited else "yes"
    return row


def roles_table() -> Iterator[str]:
    """Rows of the documentation: what each role may do and how far."""
    yield "| 役割 | 操作 | 範囲 |"
    yield "|---|---|---|"
    for role, grants in GRANTS.items():
        for scope in Scope:
            actions = [f"`{a}`" for a in Action if grants.get(a) is scope]
            if actions:
                name = f"{ROLE_TEXT[role]} `{role}`"
                yield f"| {name} | {' '.join(actions)} | {SCOPE_TEXT[scope]} |"


def routes_table() -> Iterator[str]:
    """Rows of the documentation: what each route needs."""
    yield "| 方法 | パス | 操作 | 範囲の決め方 |"
    yield "|---|---|---|---|"
    for (method, path), need in sorted(NEEDS.items(), key=lambda item: item[0][::-1]):
        action = f"`{need.action}`" if need.action else DOOR_TEXT[need.door]
        source = SOURCE_TEXT[need.source] if need.action else "—"
        yield f"| {method} | `{path}` | {action} | {source} |"


def main() -> None:
    """Write the document's two tables, and the rows that the literal one lacks."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, table in (("roles", roles_table()), ("routes", routes_table())):
        head, _, rest = text.partition(f"<!-- {name} -->\n")
        tail = rest.partition(f"<!-- end {name} -->")[2]
        lines = "\n".join(table)
        text = f"{head}<!-- {name} -->\n{lines}\n<!-- end {name} -->{tail}"
    DOCUMENT.write_text(text, encoding="utf-8")
    known = expectations() if EXPECTATIONS.exists() else {}
    rows = {key: known.get(key) or proposed(*key) for key in NEEDS}
    with EXPECTATIONS.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("method", "path", *CALLERS))
        for (method, path), row in rows.items():
            writer.writerow((method, path, *(row[name] for name in CALLERS)))


if __name__ == "__main__":
    main()
