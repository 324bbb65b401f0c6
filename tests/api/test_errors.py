"""Errors at the edge: every class has its row, and nothing private is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field

from api import cli, main
from api.errors import (
    CONTENT_TYPE,
    EXIT_CODES,
    SERVER_ERROR,
    TABLE,
    install_error_handlers,
    problem_of,
    row_of,
)
from dispatch.domain.errors import (
    ConflictError,
    DispatchError,
    InvalidInputError,
    NotFoundError,
    SolverError,
    SourceError,
)

SECRET = "秘密の内部事情"  # noqa: S105 - a text that must not be told


def tree(kind: type[DispatchError]) -> Iterator[type[DispatchError]]:
    """Walk an error class and all below it."""
    yield kind
    for below in kind.__subclasses__():
        yield from tree(below)


def one(kind: type[DispatchError]) -> DispatchError:
    """Make an error of a class whose text holds a secret."""
    if issubclass(kind, InvalidInputError | NotFoundError):
        return kind("field", SECRET)
    return kind(SECRET)


EVERY = tuple(tree(DispatchError))
# An adapter may have a private kind: it is answered as its nearest ancestor is.
ERRORS = tuple(kind for kind in EVERY if kind.__module__ == DispatchError.__module__)


@pytest.mark.parametrize("kind", EVERY)
def test_every_error_is_answered_as_its_nearest_listed_ancestor(
    kind: type[DispatchError],
) -> None:
    nearest = next(above for above in kind.__mro__ if above in TABLE)
    assert row_of(one(kind)) is TABLE[nearest]


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_has_a_row_and_an_exit_code_of_its_own(
    kind: type[DispatchError],
) -> None:
    assert kind in TABLE
    assert kind in EXIT_CODES
    assert row_of(one(kind)) is TABLE[kind]
    assert EXIT_CODES[kind] != 0


def test_table_names_nothing_that_is_not_in_the_tree() -> None:
    assert set(TABLE) == set(EXIT_CODES) == set(ERRORS)


def test_names_of_problems_differ() -> None:
    assert len({row.name for row in TABLE.values()}) == len(TABLE)


@pytest.mark.parametrize("kind", ERRORS)
def test_server_error_never_tells_its_message(kind: type[DispatchError]) -> None:
    problem = problem_of(one(kind))
    if problem.status >= SERVER_ERROR:
        assert SECRET not in problem.model_dump_json()
    else:
        assert SECRET in problem.detail


def test_refused_input_names_its_field() -> None:
    problem = problem_of(InvalidInputError("tagged_on", "遅すぎます"))
    assert [(f.field, f.problem) for f in problem.errors] == [
        ("tagged_on", "遅すぎます")
    ]


class Body(BaseModel):
    """A body with one field that is refused."""

    age: int = Field(le=10)
    name: str = Field(max_length=3)


@pytest.fixture(scope="module")
def failing() -> Iterator[TestClient]:
    """Serve an application that fails in every way."""
    app = FastAPI()
    install_error_handlers(app)
    kinds = {kind.__name__: kind for kind in ERRORS}

    @app.get("/fail/{name}")
    def fail(name: str) -> None:
        raise one(kinds[name])

    @app.post("/body")
    def body(given: Body) -> Body:
        return given

    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize("kind", ERRORS)
def test_error_is_answered_with_the_status_of_its_row(
    kind: type[DispatchError], failing: TestClient
) -> None:
    response = failing.get(f"/fail/{kind.__name__}")
    assert response.status_code == TABLE[kind].status
    assert response.headers["content-type"] == CONTENT_TYPE
    assert response.json()["status"] == TABLE[kind].status
    assert response.json()["type"].endswith(TABLE[kind].name)


def test_refused_body_names_each_field_and_repeats_no_value(
    failing: TestClient,
) -> None:
    response = failing.post("/body", json={"age": "山田太郎", "name": "山田花子"})
    assert response.status_code == 422
    assert {item["field"] for item in response.json()["errors"]} == {"age", "name"}
    assert "山田" not in response.text


def test_unknown_address_is_a_problem_too(failing: TestClient) -> None:
    response = failing.get("/nothing")
    assert response.status_code == 404
    assert response.headers["content-type"] == CONTENT_TYPE


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInputError("DATE", "needs a date"), 2),
        (ConflictError("stale"), 2),
        (SourceError("no database"), 3),
        (SolverError("died"), 4),
    ],
)
def test_command_line_ends_with_the_code_of_the_error_in_one_line(
    error: DispatchError,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(cli, "cli", fail)
    monkeypatch.setattr("sys.argv", ["kidohan", "plan", "2026-11-24"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == code
    assert capsys.readouterr().out.strip() == f"kidohan: {error}"
