"""Opening the database, and what both of them take and refuse alike."""

from __future__ import annotations

import random
import sys
import traceback
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from dispatch.adapters import database
from dispatch.adapters.database import (
    connect,
    is_alive,
    is_storable,
    open_database,
    reading,
    shown,
    writing,
)
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.tables import by_code, charts
from dispatch.adapters.vault import Vault
from dispatch.adapters.vault_store import SqlVault
from dispatch.domain.errors import InvalidInputError, NotFoundError, SourceError
from dispatch.domain.reporter import Reporter
from dispatch.ports import IdempotencyKey
from tests.builders import catalogue, chart, consultation, entry, new_chart
from tests.databases import fresh_url
from tests.databases import postgresql as postgresql_server
from tests.dispatch.test_sql_store import stored_plan
from tests.postgresql_server import LOCKED_USER

SECRET = "s3cret/pass"  # noqa: S105 - of nobody
QUOTED = "s3cret%2Fpass"
RIGHT = "right"


# -- opening ---------------------------------------------------------------------------


def test_opening_again_keeps_what_is_there(database_url: str) -> None:
    first = open_database(database_url)
    SqlStore(first, catalogue()).add_all([new_chart("a")])
    first.dispose()
    second = open_database(database_url)
    assert is_alive(second)
    assert [one.id for one in SqlStore(second, catalogue()).find()] == ["a"]
    second.dispose()


def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "store.db"
    open_database(f"sqlite:///{file}").dispose()
    assert file.is_file()


def test_a_database_that_cannot_be_opened_is_a_source_error(tmp_path: Path) -> None:
    not_a_database = tmp_path / "store.db"
    not_a_database.write_bytes(b"no database at all" * 100)
    with pytest.raises(SourceError, match="cannot be opened: file is not a database"):
        open_database(f"sqlite:///{not_a_database}")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"postgresql://u:{QUOTED}@127.0.0.1:1/x", "Connection refused"),
        (f"postgresql+psycopg://u@/x?host=/nowhere&password={QUOTED}", "No such file"),
        (f"postgresql://u:{QUOTED}@127.0.0.1:port/x", "cannot be read"),
        (f"u:{SECRET}", "cannot be read"),
        (f"mysql://u:{QUOTED}@127.0.0.1/x", "mysql is not supported"),
        (f"postgresql+pg8000://u:{QUOTED}@127.0.0.1/x", "pg8000 is not supported"),
        (f"postgres://u:{QUOTED}@127.0.0.1/x", "postgres is not supported"),
    ],
)
def test_a_database_out_of_reach_is_told_with_its_cause_and_no_password(
    url: str, words: str
) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        open_database(url)
    for hidden in (SECRET, QUOTED):
        assert hidden not in str(caught.value)


def test_a_wrong_password_and_an_unknown_name_are_told_in_the_servers_words() -> None:
    server = postgresql_server()
    server.run(f"CREATE ROLE {LOCKED_USER} LOGIN PASSWORD '{RIGHT}'")
    wrong = server.url("postgres", user=LOCKED_USER, password=QUOTED)
    with pytest.raises(SourceError, match="password authentication failed") as caught:
        open_database(wrong)
    assert SECRET not in str(caught.value)
    with pytest.raises(SourceError, match='database "nowhere" does not exist'):
        open_database(server.url("nowhere"))
    # a password that is right, of somebody who may not make tables
    with pytest.raises(SourceError, match="permission denied for schema public"):
        open_database(server.url("postgres", user=LOCKED_USER, password=RIGHT))


def test_a_database_of_another_encoding_is_refused() -> None:
    server = postgresql_server()
    server.run("CREATE DATABASE old_euc ENCODING 'EUC_JP' TEMPLATE template0")
    with pytest.raises(SourceError, match="encoding is EUC_JP; make it with"):
        open_database(server.url("old_euc"))


def test_a_database_without_its_driver_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SourceError, match="pip install") as caught:
        open_database(f"postgresql+psycopg://u:{QUOTED}@127.0.0.1/x")
    assert SECRET not in str(caught.value)


def test_an_address_shows_no_password_wherever_it_stands() -> None:
    both = f"postgresql+psycopg://u:{QUOTED}@h/x?password={QUOTED}&sslmode=require"
    told = shown(connect(both).url)
    assert QUOTED not in told
    assert SECRET not in told
    assert "sslmode=require" in told


# -- away ------------------------------------------------------------------------------


def test_connections_that_the_server_ended_are_made_anew() -> None:
    server = postgresql_server()
    url = fresh_url(Path(), on="postgresql")
    engine = connect(url)
    store = SqlStore(engine, catalogue())
    store.add_all([new_chart("a")])
    server.cut_off(str(engine.url.database))
    assert store.get("a").id == "a"
    store.append("a", [entry("二")])
    engine.dispose()


def test_a_connection_that_ends_within_a_transaction_undoes_it_and_says_so() -> None:
    server = postgresql_server()
    engine = connect(fresh_url(Path(), on="postgresql"))
    store = SqlStore(engine, catalogue())
    own = "SELECT pg_backend_pid()"

    def cut_off() -> None:
        with writing(engine) as connection:
            connection.execute(text("DELETE FROM number_counters"))
            pid = connection.execute(text(own)).scalar_one()
            server.run(f"SELECT pg_terminate_backend({pid})")
            connection.execute(text("SELECT 1"))

    store.add_all([new_chart("a")])
    with pytest.raises(SourceError, match="does not answer"):
        cut_off()
    # the count went on: the deletion was undone
    assert store.add_all([new_chart("b")])[0].chart.number == "2026-27127-000002"
    engine.dispose()


def test_a_writer_that_waits_too_long_is_told_that_it_is_busy(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 1)
    engine = connect(database_url)
    with (
        writing(engine),
        pytest.raises(SourceError, match="held by another writer"),
        writing(engine),
    ):
        pass
    with writing(engine) as connection:  # free again
        connection.execute(text("DELETE FROM slots"))
    engine.dispose()


def test_when_every_connection_is_taken_it_says_so(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.pool, "_timeout", 0.05)
    with ExitStack() as taken:
        for _ in range(15):  # SQLAlchemy keeps 5 and opens 10 more
            taken.enter_context(reading(engine))
        with pytest.raises(SourceError, match="no connection came free"):
            taken.enter_context(reading(engine))
    assert is_alive(engine)


def test_what_the_database_refuses_is_no_sign_that_it_is_away(engine: Engine) -> None:
    store = SqlStore(engine, catalogue())
    with pytest.raises(IntegrityError):
        store.append("nothing", [entry()])
    assert is_alive(engine)
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE number_counters RENAME TO elsewhere"))
    assert not is_alive(engine)


def test_a_read_cannot_write_on_postgresql() -> None:
    engine = connect(fresh_url(Path(), on="postgresql"))
    with pytest.raises(DBAPIError) as caught, reading(engine) as connection:
        connection.execute(text("DELETE FROM charts"))
    assert "read-only transaction" in str(caught.value)
    engine.dispose()


def test_an_error_of_the_database_never_tells_what_was_being_stored(
    engine: Engine,
) -> None:
    row = {"id": "b", "number": "2026-27127-000001", "source": "山田花子"}
    with pytest.raises(IntegrityError) as caught, writing(engine) as connection:
        connection.execute(insert(charts).values(**row))
    # PostgreSQL adds the row that lacks a value to its refusal
    told = "".join(traceback.format_exception(caught.value))
    assert "null" in told.lower()
    assert "山田花子" not in told
    assert "27127" not in told


# -- what can be stored ----------------------------------------------------------------


@pytest.mark.parametrize("words", ["a\0b", "\0", "穴\0", "\ud800", "道\udcffに"])
def test_what_no_database_can_hold_is_refused_by_both_and_nothing_is_stored(
    store: SqlStore, words: str
) -> None:
    store.add_all([new_chart("a")])
    with pytest.raises(InvalidInputError, match="保存できない文字"):
        store.append("a", [entry("よい"), entry(words)])
    assert len(store.history("a")) == 1
    with pytest.raises(InvalidInputError):
        store.get(words)
    with pytest.raises(InvalidInputError):
        store.known_external("311", ["x", words])


@pytest.mark.parametrize(
    "words", ["", "%_\\", "';--", "𠮷野家の前🚧", "\u202e\u200b\ufeff", "行\r\n\t末"]
)
def test_every_other_text_comes_back_as_it_was(store: SqlStore, words: str) -> None:
    assert is_storable(words)
    store.add_all([new_chart("a", entries=(entry(words),))])
    assert [line.text for line in store.history("a")] == [words]
    with pytest.raises(NotFoundError):
        store.get_by_number(words)


def test_texts_at_their_limits_fit_their_columns(engine: Engine) -> None:
    """Two bytes or more each: a limit of characters is none of bytes."""
    vault = Vault.in_memory()
    store = SqlStore(engine, catalogue(), vault)
    told = consultation(
        description="長" * 4_000,
        address_text="町" * 300,
        landmark_text="角" * 300,
        source="源" * 120,
        external_id="番" * 120,
    )
    key = IdempotencyKey(client="客" * 64, key="鍵" * 200, body_sha256="a" * 64)
    new = new_chart(
        "a" * 16,
        chart=chart("a" * 16, consultation=told),
        reporter=Reporter(
            name="名" * 120,
            kana="カ" * 120,
            phone="0" * 120,
            address="所" * 300,
            role="長" * 120,
        ),
        entries=(entry("記" * 100_000, who="人" * 120),),
        idempotency=key,
    )
    (added,) = store.add_all([new])
    assert store.get("a" * 16) == added.chart == store.known([key])[key]
    kept = SqlVault(engine, vault).for_masking(["a" * 16])
    assert kept == {"a" * 16: new.reporter}
    (line,) = store.history("a" * 16)
    assert (line.who, len(line.text)) == ("人" * 120, 100_000)
    assert store.known_external("源" * 120, ["番" * 120, "番" * 121]) == {"番" * 120}


def test_a_key_longer_than_any_is_looked_for_and_not_found(store: SqlStore) -> None:
    with pytest.raises(NotFoundError):
        store.get("x" * 100_000)


def test_an_input_of_twenty_megabytes_comes_back_whole(store: SqlStore) -> None:
    made = random.Random(20261124)  # noqa: S311 - bytes that cannot be made shorter
    digits = made.randbytes(10_000_000).hex()
    store.add_plan(stored_plan("p1"), digits)
    assert store.problem_of("p1") == digits


# -- order -----------------------------------------------------------------------------


def test_charts_of_one_moment_come_in_the_order_of_their_numbers(
    store: SqlStore,
) -> None:
    # by the codes of the characters: capitals, then small letters, then kana
    prefixes = ["b", "A", "あ", "a-1", "a1", "B"]
    store.add_all(
        [new_chart(f"n{n}", number_prefix=prefix) for n, prefix in enumerate(prefixes)]
    )
    numbers = [one.number for one in store.find()]
    assert numbers == sorted(numbers)
    assert len(numbers) == 6


def test_the_order_is_asked_for_by_codes_whatever_the_servers_language(
    engine: Engine,
) -> None:
    query = select(charts.c.id).order_by(by_code(charts.c.number).desc())
    expected = {
        "sqlite": "ORDER BY charts.number DESC",
        "postgresql": 'ORDER BY (charts.number COLLATE "C") DESC',
    }
    assert str(query.compile(engine)).endswith(expected[engine.dialect.name])


def test_charts_asked_for_by_id_come_as_asked(store: SqlStore) -> None:
    store.add_all([new_chart(name) for name in ("a", "b", "c")])
    assert list(store.get_many(["c", "nothing", "a", "b", "c"])) == ["c", "a", "b"]
