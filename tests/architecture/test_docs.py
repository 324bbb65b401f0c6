"""The documents say what the code has: settings, routes, errors, states, links."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from api.app import create_app
from api.cli import cli
from api.day_run import SUMMARY_FILE
from api.errors import EXIT_CODES, TABLE
from api.settings import PREFIX, Settings, load_settings
from dispatch.domain.case_chart import ARROWS, ChartStatus
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.checks import Rule
from dispatch.domain.errors import DispatchError
from dispatch.domain.levels import Level
from dispatch.domain.plan import Score
from tests.city_data import prepared

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
CORE = sorted((ROOT / "dispatch").rglob("*.py"))
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
ARROW = re.compile(r"^  (\w+) --> (\w+)$", re.MULTILINE)
FIRST_CELL = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Describe the API (OpenAPI) as the service does."""
    folder = tmp_path_factory.mktemp("described")
    settings = load_settings(
        {},
        database_url=f"sqlite:///{folder / 'described.sqlite3'}",
        geodata_dir=prepared(),
    )
    return create_app(settings).openapi()


def text_of(*parts: str) -> str:
    return DOCS.joinpath(*parts).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """Text under a heading, up to the next one of any level."""
    found = re.search(
        rf"^#+ {re.escape(heading)}$(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert found is not None, heading
    return found.group(1)


def classes_of_the_core() -> set[str]:
    return {
        node.name
        for path in CORE
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    }


def subclasses(kind: type[DispatchError]) -> set[type[DispatchError]]:
    """Every error class of ours; other tests' own classes do not count."""
    found = {kind}
    for child in kind.__subclasses__():
        if not child.__module__.startswith("tests"):
            found |= subclasses(child)
    return found


def anchors(path: Path) -> set[str]:
    """Anchors of a document as the usual viewers make them from its headings."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in HEADING.findall(text)
    }


def test_every_setting_is_documented_and_no_other() -> None:
    rows = set(
        re.findall(
            rf"^\| `({PREFIX}\w+)` \|",
            text_of("reference", "settings.md"),
            re.MULTILINE,
        )
    )
    assert rows == {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


def test_plain_defaults_of_settings_are_told_as_they_are() -> None:
    text = text_of("reference", "settings.md")
    for name, info in Settings.model_fields.items():
        if isinstance(info.default, int | float | str):
            row = f"| `{PREFIX}{name.upper()}` | `{info.default}` |"
            assert row in text


def test_every_route_of_the_api_is_documented_and_no_other(
    description: dict[str, Any],
) -> None:
    routes = {
        f"{method.upper()} {path}"
        for path, methods in description["paths"].items()
        for method in methods
    }
    headings = set(
        re.findall(r"^## `(\w+ /.*)`$", text_of("reference", "api.md"), re.MULTILINE)
    )
    assert headings == routes


def test_every_field_of_a_consultation_and_a_chart_is_documented(
    description: dict[str, Any],
) -> None:
    schemas = description["components"]["schemas"]
    text = text_of("reference", "api.md")
    for name in ("ConsultationIn", "ChartOut", "PlacementOut", "AssignmentOut"):
        for field in schemas[name]["properties"]:
            assert f"`{field}`" in text, f"{name}.{field}"


def test_every_command_and_option_is_documented() -> None:
    text = text_of("reference", "cli.md")
    commands = getattr(get_command(cli), "commands", {})
    assert commands
    for name, command in commands.items():
        assert f"`kidohan {name}" in text
        for option in command.params:
            for spelling in option.opts:
                if spelling.startswith("--"):
                    assert spelling in text, f"{name} {spelling}"


def test_every_error_has_its_row_with_status_and_exit_code() -> None:
    text = text_of("reference", "errors.md")
    for error in subclasses(DispatchError):
        row, code = TABLE[error], EXIT_CODES[error]
        line = f"| `{error.__name__}` | {row.status} | `{row.name}` | {code} |"
        assert line in text


def test_the_states_of_a_chart_and_its_arrows_are_the_ones_drawn() -> None:
    text = text_of("reference", "case-chart.md")
    assert set(FIRST_CELL.findall(text)) == {str(status) for status in ChartStatus}
    drawn = {(ChartStatus(a), ChartStatus(b)) for a, b in ARROW.findall(text)}
    assert drawn == {(a, b) for a, following in ARROWS.items() for b in following}


def test_every_term_of_the_glossary_is_a_class_of_the_core() -> None:
    terms = FIRST_CELL.findall(section(text_of("glossary.md"), "Terms"))
    assert terms
    assert set(terms) <= classes_of_the_core()


def test_what_the_glossary_calls_not_built_is_not_built() -> None:
    terms = FIRST_CELL.findall(section(text_of("glossary.md"), "Not built yet"))
    assert not set(terms) & classes_of_the_core()


@pytest.mark.parametrize(
    ("heading", "members"),
    [
        ("Statuses of a chart", ChartStatus),
        ("Duties", Duty),
        ("Urgency classes", Urgency),
    ],
)
def test_the_glossary_lists_every_code(
    heading: str, members: type[ChartStatus | Duty | Urgency]
) -> None:
    codes = FIRST_CELL.findall(section(text_of("glossary.md"), heading))
    assert codes == [str(member) for member in members]


def test_every_rule_of_the_checker_and_every_level_of_the_score_is_told() -> None:
    text = text_of("explanation", "planning-rules.md")
    for name in {*Rule, *Level, *Score.__dataclass_fields__}:
        assert f"| `{name}` |" in text, name


def test_every_key_of_the_summary_is_told() -> None:
    tree = ast.parse((ROOT / "api" / "day_run.py").read_text(encoding="utf-8"))
    keys = {
        str(key.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }
    text = text_of("reference", SUMMARY_FILE.replace(".json", ".md"))
    assert "served" in keys
    for key in keys:
        assert f"`{key}`" in text, key


def test_every_column_of_the_city_tables_is_told() -> None:
    text = text_of("reference", "city-profile.md")
    for file in sorted((ROOT / "geodata").glob("*/*.csv")):
        header = file.read_text(encoding="utf-8-sig").splitlines()[0].split(",")
        assert f"`{file.name}`" in text
        for column in header:
            assert f"`{column}`" in text, f"{file.name} {column}"


@pytest.mark.parametrize(
    "path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(FENCE.sub("", path.read_text(encoding="utf-8"))):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), f"{path.name}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{path.name}: {link}"


@pytest.mark.parametrize(
    "path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_files_and_tests_that_documents_name_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    folders = "api|dispatch|docs|geodata|maps|tests|tools"
    for name in re.findall(rf"`((?:{folders})/[\w/.-]+\.\w+)`", text):
        assert (ROOT / name).is_file(), f"{path.name}: {name}"
    for name in re.findall(r"`(test_\w+)`", text):
        assert name in names_of_tests(), f"{path.name}: {name}"


@cache
def names_of_tests() -> frozenset[str]:
    """Names of all test functions; reading them all takes seconds."""
    return frozenset(
        node.name
        for file in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    )
