"""Migrations on both databases: up, down and up again with data in the tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, func, inspect, select, text

from dispatch.adapters.closure_store import SqlClosures
from dispatch.adapters.database import (
    MIGRATIONS,
    alembic_config,
    connect,
    migrate,
    open_database,
    reading,
    writing,
)
from dispatch.adapters.downgrading import downgrade, revision_of
from dispatch.adapters.import_tables import metadata
from dispatch.adapters.local_place_store import SqlLocalPlaces
from dispatch.adapters.slot_store import SqlSlotHolds
from dispatch.adapters.sql_store import SqlStore
from dispatch.domain.errors import ConflictError, InvalidInputError, SourceError
from dispatch.ports import IdempotencyKey
from tests.builders import DAY, catalogue, entry, moment, new_chart
from tests.dispatch.test_closure import closure
from tests.dispatch.test_local_place import local_place
from tests.dispatch.test_slot_store import slot
from tests.dispatch.test_sql_store import stored_plan

NEWEST = ScriptDirectory(str(MIGRATIONS)).get_current_head()
REVISIONS = tuple(
    script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()
)  # the newest first
KEY = IdempotencyKey(client="web", key="k", body_sha256="aa")


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """One row or more in every table that the stores of this version write."""
    store = SqlStore(engine, catalogue())
    store.add_all([new_chart("a", idempotency=KEY, entries=(entry(), entry("二")))])
    store.add_plan(stored_plan("p1"), "{}")
    SqlClosures(engine).add(closure("k"))
    SqlLocalPlaces(engine).add(local_place())
    SqlSlotHolds(engine).offer([slot()], at=moment("9:00"), until=moment("10:00"))
    return engine


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Engine]:
    engine = connect(empty_database_url)
    yield engine
    engine.dispose()


def move_up(engine: Engine, revision: str) -> None:
    with writing(engine) as connection:
        command.upgrade(alembic_config(connection), revision)


def num_rows(engine: Engine, table: str) -> int:
    query = select(func.count()).select_from(text(table))
    with reading(engine) as connection:
        return int(connection.execute(query).scalar_one())


def texts(engine: Engine) -> list[str]:
    """Words of the history of chart a, in columns that the first revision has."""
    query = text("SELECT text FROM chart_entries WHERE chart_id = 'a' ORDER BY seq")
    with reading(engine) as connection:
        return list(connection.execute(query).scalars())


def test_the_migrations_make_the_tables_that_the_code_describes(engine: Engine) -> None:
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_each_revision_goes_down_and_up_again_and_keeps_what_older_ones_know(
    filled: Engine,
) -> None:
    store = SqlStore(filled, catalogue())
    before, lines = store.get("a"), texts(filled)
    assert lines == [line.text for line in store.history("a")]
    plan = store.get_plan("p1")
    assert revision_of(filled) == NEWEST
    for revision in REVISIONS[1:]:
        downgrade(filled, revision, may_lose=True)
        assert revision_of(filled) == revision
        # charts, their history and plans are of the first revision
        assert store.get("a") == before
        assert texts(filled) == lines
        assert store.known([KEY])[KEY] == before
        assert store.get_plan("p1") == plan
    migrate(filled)
    assert revision_of(filled) == NEWEST
    assert store.get("a") == before
    assert store.get_plan("p1") == plan
    # what had no place in the first revision is empty again, and can be filled
    assert store.problem_of("p1") is None
    SqlClosures(filled).add(closure("k"))
    SqlLocalPlaces(filled).add(local_place())
    SqlSlotHolds(filled).offer([slot()], at=moment("9:00"), until=moment("10:00"))
    with reading(filled) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_down_to_nothing_and_up_again_makes_an_empty_store(filled: Engine) -> None:
    lost = downgrade(filled, "base", may_lose=True)
    assert {"charts", "plans", "slots"} <= {loss.table for loss in lost}
    assert inspect(filled).get_table_names() == ["alembic_version"]
    assert revision_of(filled) is None
    migrate(filled)
    store = SqlStore(filled, catalogue())
    assert store.find() == []
    # the count of the numbers began anew with them
    assert store.add_all([new_chart("b")])[0].chart.number == "2026-27127-000001"


def test_each_revision_goes_up_on_its_own_from_nothing(empty: Engine) -> None:
    assert revision_of(empty) is None
    for revision in reversed(REVISIONS):
        move_up(empty, revision)
        assert revision_of(empty) == revision
        downgrade(empty, revision)  # where we are already: nothing is lost
    assert SqlStore(empty, catalogue()).plans_on(DAY) == []


def test_a_step_back_that_would_lose_says_what_and_changes_nothing(
    filled: Engine,
) -> None:
    with pytest.raises(ConflictError) as caught:
        downgrade(filled, "0002")
    told = str(caught.value)
    # one slot, one input of a plan, one place; closures are of 0002 itself
    for loss in ("slots (1)", "plan_inputs (1)", "local_places (1)"):
        assert loss in told
    assert "closures" not in told
    assert "charts" not in told
    assert revision_of(filled) == NEWEST
    assert SqlLocalPlaces(filled).listed(limit=9) == [local_place()]
    assert num_rows(filled, "slots") == 1


def test_a_step_back_that_loses_nothing_needs_no_leave(engine: Engine) -> None:
    store = SqlStore(engine, catalogue())
    before = store.add_all([new_chart("a", entries=())])[0].chart
    assert downgrade(engine, "0002") == ()
    assert revision_of(engine) == "0002"
    assert store.get("a") == before


@pytest.mark.parametrize("revision", ["9999", "nonsense"])
def test_a_revision_that_there_is_not_is_refused(engine: Engine, revision: str) -> None:
    with pytest.raises(InvalidInputError, match="revision"):
        downgrade(engine, revision)
    assert revision_of(engine) == NEWEST


def test_going_back_to_where_it_never_was_is_refused(empty: Engine) -> None:
    move_up(empty, "0002")
    with pytest.raises(InvalidInputError, match="revision"):
        downgrade(empty, "0003")
    assert revision_of(empty) == "0002"


def test_a_column_that_goes_with_its_values_is_told_by_its_name(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    SqlStore(engine, catalogue()).add_all([new_chart("a"), new_chart("b")])

    def drop_columns(config: Config, _revision: str) -> None:
        connection = config.attributes["connection"]
        connection.execute(text("DROP INDEX ix_charts_team_load"))
        for column in ("hold_until", "onsite_s"):  # nobody is on hold: no loss
            connection.execute(text(f"ALTER TABLE charts DROP COLUMN {column}"))

    monkeypatch.setattr(command, "downgrade", drop_columns)
    with pytest.raises(ConflictError, match=r"would lose charts\.onsite_s \(2\);"):
        downgrade(engine, "0001")
    assert len(SqlStore(engine, catalogue()).find()) == 2


def test_a_database_of_a_newer_version_is_refused_with_words(
    database_url: str,
) -> None:
    engine = connect(database_url)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(SourceError, match="made by a newer version"):
        open_database(database_url)
