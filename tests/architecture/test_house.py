"""The house keeps its own rules: names, clocks, networks, errors, sizes."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatch.domain import errors
from dispatch.domain.errors import DispatchError

ROOT = Path(__file__).parents[2]
PACKAGES = ("dispatch", "geodata", "api", "maps")
MODULES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if "__pycache__" not in path.parts
)
MAX_FILE_LINES = 500
MAX_BODY_LINES = 60
CLOCK_MODULE = ROOT / "dispatch" / "adapters" / "clocks.py"
ASKS_THE_TIME = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "localtime"),
    ("time", "gmtime"),
}
# Hosts that serve scripts, styles, fonts or tiles; a page of ours works without a net.
CDN = re.compile(
    r"https?://[\w.-]*(?:cdn|unpkg|jsdelivr|cloudflare|googleapis|gstatic|bootstrap"
    r"|jquery|fontawesome|polyfill|rawgit|skypack|esm\.sh)[\w.-]*",
    re.IGNORECASE,
)
SHIPPED_TEXT = {".py", ".html", ".js", ".css", ".j2", ".jinja", ".typ", ".toml"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


each_module = pytest.mark.parametrize("path", MODULES, ids=name_of)


def test_there_are_modules_to_check_in_every_package() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in MODULES} == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_distribution_provides_our_names(package: str) -> None:
    """PyPI has `geodata`, `maps` and `dispatch`; installing one overwrites ours."""
    providers = set(importlib.metadata.packages_distributions().get(package, []))
    assert providers <= {"kidohan"}


@pytest.mark.parametrize("package", PACKAGES)
def test_our_names_are_imported_from_this_tree(package: str) -> None:
    found = importlib.import_module(package)
    assert Path(str(found.__file__)).parent == ROOT / package


@each_module
def test_the_first_line_is_a_docstring(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(('"""', 'r"""'))
    assert ast.get_docstring(ast.parse(text))


def calls_to_the_clock(tree: ast.AST) -> list[int]:
    """Lines that name a function that tells the time of day, however imported."""
    from_time = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "time"
        for alias in node.names
        if ("time", alias.name) in ASKS_THE_TIME
    }
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value
            owner_name = getattr(owner, "attr", getattr(owner, "id", ""))
            if (owner_name, node.attr) in ASKS_THE_TIME:
                lines.append(node.lineno)
        elif isinstance(node, ast.Name) and node.id in from_time:
            lines.append(node.lineno)
    return lines


@each_module
def test_only_the_clock_module_reads_the_clock(path: Path) -> None:
    lines = calls_to_the_clock(ast.parse(path.read_text(encoding="utf-8")))
    if path == CLOCK_MODULE:
        assert lines
    else:
        assert not lines, f"{name_of(path)} asks the time on lines {lines}"


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("import datetime as dt\ndt.datetime.now()", True),
        ("from datetime import datetime\ndatetime.now(UTC)", True),
        ("import datetime\ndatetime.date.today()", True),
        ("import time\ntime.time()", True),
        ("from time import time as t\nt()", True),
        ("import time\ntime.monotonic()", False),
        ("clock.now()", False),
    ],
)
def test_the_search_for_clocks_finds_every_spelling(*, text: str, asks: bool) -> None:
    assert bool(calls_to_the_clock(ast.parse(text))) is asks


def shipped_text() -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if path.is_file() and path.suffix in SHIPPED_TEXT:
                yield path


def test_nothing_that_we_ship_points_at_a_cdn() -> None:
    found = [
        f"{name_of(path)}: {match.group()}"
        for path in shipped_text()
        for match in CDN.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.jsdelivr.net/npm/leaflet",
        "https://unpkg.com/leaflet",
        "http://fonts.googleapis.com/css",
        "https://code.jquery.com/jquery.js",
        "https://cdnjs.cloudflare.com/ajax",
    ],
)
def test_the_search_for_cdns_knows_the_usual_ones(url: str) -> None:
    assert CDN.search(url)
    assert not CDN.search("https://maps.gsi.go.jp/development/ichiran.html")


def all_errors() -> set[type[DispatchError]]:
    """Every subclass anywhere in the four packages, subclasses of subclasses too."""
    for package in PACKAGES:
        parent = importlib.import_module(package)
        for found in pkgutil.walk_packages(parent.__path__, f"{package}."):
            if ".migrations" not in found.name and "__main__" not in found.name:
                importlib.import_module(found.name)
    waiting, seen = [DispatchError], set[type[DispatchError]]()
    while waiting:
        for child in waiting.pop().__subclasses__():
            if child not in seen and child.__module__.split(".")[0] in PACKAGES:
                seen.add(child)
                waiting.append(child)
    return seen


def test_every_error_stands_in_the_tree_of_the_errors_module() -> None:
    documented = set(re.findall(r"[├└]─ (\w+)", errors.__doc__ or ""))
    assert {error.__name__ for error in all_errors()} == documented
    assert all(name.endswith("Error") for name in documented)


@each_module
def test_no_file_is_longer_than_a_reader_can_hold(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the last."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    if not body:
        return 0
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


@pytest.mark.parametrize(
    "path",
    # a migration is one long list of tables, written once and never edited
    [path for path in MODULES if "migrations" not in path.parts],
    ids=name_of,
)
def test_no_function_body_is_longer_than_a_screen(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    long = {
        node.name: body_lines(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and body_lines(node) > MAX_BODY_LINES
    }
    assert long == {}


def test_body_lines_leave_the_docstring_out() -> None:
    text = 'def f():\n    """One."""\n    a = 1\n\n    return a\n'
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    assert body_lines(function) == 3
