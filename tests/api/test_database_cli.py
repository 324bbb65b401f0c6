"""`kidohan database`: telling, copying between both databases, going back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from api.cli import cli
from dispatch.adapters.closure_store import SqlClosures
from dispatch.adapters.database import connect, open_database, writing
from dispatch.adapters.database_copy import copy_database
from dispatch.adapters.local_place_store import SqlLocalPlaces
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.vault import Vault
from dispatch.adapters.vault_store import SqlVault
from dispatch.domain.errors import ConflictError, InvalidInputError, SourceError
from dispatch.domain.reporter import Reporter
from dispatch.ports import IdempotencyKey
from tests.builders import catalogue, entry, new_chart
from tests.databases import POSTGRESQL, SQLITE, fresh_url
from tests.dispatch.test_closure import closure
from tests.dispatch.test_local_place import local_place
from tests.dispatch.test_sql_store import stored_plan

VAULT = Vault.in_memory()
KEY = IdempotencyKey(client="web", key="k", body_sha256="aa")
Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def run(url: str, *words: str) -> Result:
        monkeypatch.setenv("KIDOHAN_DATABASE_URL", url)
        return CliRunner().invoke(cli, ["database", *words])

    return run


def filled(url: str) -> None:
    engine = open_database(url)
    person = Reporter(name="山田", phone="06-0000-0000")
    lines = (entry(), entry("二\n行"))
    store = SqlStore(engine, catalogue(), VAULT)
    store.add_all([new_chart("a", reporter=person, idempotency=KEY, entries=lines)])
    # more than are taken at once
    store.add_all([new_chart(f"b{n:03d}") for n in range(120)])
    store.add_plan(stored_plan("p1"), "計画条件" * 1_000)
    SqlClosures(engine).add(closure("k"))
    SqlLocalPlaces(engine).add(local_place())
    engine.dispose()


@pytest.mark.parametrize(
    ("source", "target"),
    [(SQLITE, POSTGRESQL), (POSTGRESQL, SQLITE)],
)
def test_everything_is_copied_from_one_kind_of_database_into_the_other(
    tmp_path: Path, run: Run, source: str, target: str
) -> None:
    (tmp_path / "old").mkdir()
    old = fresh_url(tmp_path / "old", on=source)
    new = fresh_url(tmp_path, on=target)
    filled(old)
    done = run(new, "copy", "--from", old)
    assert done.exit_code == 0, done.output
    # a and 120 more; two lines of a, one of each other
    assert "charts 121\n" in done.output
    assert "chart_entries 122\n" in done.output
    engines = connect(old), connect(new)
    before, after = (SqlStore(engine, catalogue()) for engine in engines)
    assert after.find() == before.find()
    assert after.history("a") == before.history("a")
    people = SqlVault(engines[1], VAULT).for_masking(["a"])
    assert people == {"a": Reporter(name="山田", phone="06-0000-0000")}
    assert after.known([KEY])[KEY] == before.get("a")
    assert after.problem_of("p1") == "計画条件" * 1_000
    assert SqlClosures(engines[1]).get("k") == closure("k")
    assert SqlLocalPlaces(engines[1]).active(local_place().key) == (local_place(),)
    # numbers go on where they were: 122 are given
    assert after.add_all([new_chart("z")])[0].chart.number == "2026-27127-000122"
    for engine in engines:
        engine.dispose()


def test_nothing_is_copied_over_what_is_there(tmp_path: Path, run: Run) -> None:
    (tmp_path / "old").mkdir()
    old, new = (
        f"sqlite:///{tmp_path / 'old' / 'k.db'}",
        f"sqlite:///{tmp_path / 'k.db'}",
    )
    filled(old)
    engine = open_database(new)
    store = SqlStore(engine, catalogue())
    store.add_all([new_chart("mine")])
    engine.dispose()
    refused = run(new, "copy", "--from", old)
    assert isinstance(refused.exception, ConflictError)
    assert "nothing was copied" in str(refused.exception)
    assert [one.id for one in store.find()] == ["mine"]
    engine.dispose()
    same = run(new, "copy", "--from", new)
    assert isinstance(same.exception, InvalidInputError)


def test_a_row_that_does_not_fit_is_told_and_nothing_stays(tmp_path: Path) -> None:
    source = open_database(f"sqlite:///{tmp_path / 'old.db'}")
    SqlStore(source, catalogue()).add_all([new_chart("a"), new_chart("b")])
    with writing(source) as connection:  # as no store of ours writes
        connection.execute(
            text("UPDATE charts SET district_id = :long WHERE id = 'b'"),
            {"long": "x" * 41},
        )
    target = connect(fresh_url(tmp_path, on=POSTGRESQL))
    with pytest.raises(SourceError, match="a row of charts does not fit"):
        copy_database(source, target)
    assert SqlStore(target, catalogue()).find() == []
    for engine in (source, target):
        engine.dispose()


def test_a_copy_that_lacks_rows_is_undone(tmp_path: Path) -> None:
    source = open_database(f"sqlite:///{tmp_path / 'old.db'}")
    SqlStore(source, catalogue()).add_all([new_chart("a")])
    target = open_database(f"sqlite:///{tmp_path / 'new.db'}")
    with writing(target) as connection:  # a trigger of somebody else's eats entries
        connection.execute(
            text(
                "CREATE TRIGGER eats AFTER INSERT ON chart_entries"
                " BEGIN DELETE FROM chart_entries; END"
            )
        )
    with pytest.raises(SourceError, match="chart_entries: 0 of 1 rows came over"):
        copy_database(source, target)
    assert SqlStore(target, catalogue()).find() == []
    for engine in (source, target):
        engine.dispose()


def test_the_database_in_use_is_told_with_its_revision_and_no_password(
    tmp_path: Path, run: Run
) -> None:
    url = f"sqlite:///{tmp_path / 'k.db'}"
    before = run(url, "info")
    assert before.exit_code == 0
    assert before.output.endswith("表はありません\n")
    filled(url)
    told = run(url, "info")
    assert told.output.rsplit(": ", 1)[1].strip().isdigit()
    away = run("postgresql+psycopg://u:s3cret@127.0.0.1:1/x", "info")
    assert isinstance(away.exception, SourceError)
    assert "s3cret" not in str(away.exception)


def test_going_back_says_first_what_would_be_lost(tmp_path: Path, run: Run) -> None:
    url = f"sqlite:///{tmp_path / 'k.db'}"
    filled(url)
    refused = run(url, "downgrade", "0002")
    assert isinstance(refused.exception, ConflictError)
    assert "local_places (1)" in str(refused.exception)
    done = run(url, "downgrade", "0002", "--lose")
    assert done.exit_code == 0
    assert "失われました local_places (1)" in done.output
    assert "0002 に戻しました" in done.output
    assert run(url, "info").output.endswith(": 0002\n")
    engine = open_database(url)  # and forward again, as the service does
    assert SqlLocalPlaces(engine).listed(limit=9) == []
    assert SqlClosures(engine).get("k") == closure("k")
    engine.dispose()
