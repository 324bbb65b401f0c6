"""Opening the vault: its keys are there or nothing is touched; old rows are sealed."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, insert

from dispatch.adapters import vault_keys
from dispatch.adapters.database import connect, open_database, reading, writing
from dispatch.adapters.scrubbing import scrub
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.tables import personal_vault, reporters
from dispatch.adapters.vault import Vault, make_vault, read_vault
from dispatch.adapters.vault_keys import drop_old_keys, look, rotate
from dispatch.adapters.vault_opening import key_file_for, open_vault
from dispatch.adapters.vault_rows import has_plain_rows, keys_in_use
from dispatch.adapters.vault_store import SqlVault
from dispatch.domain.errors import SourceError
from dispatch.domain.reporter import Reporter
from tests.builders import catalogue, new_chart

PERSON = Reporter(name="山田花子", phone="06-6969-5841", address="秘密町1-2-3")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "vault.key"


def fill(engine: Engine, vault: Vault, *, count: int = 3) -> list[str]:
    """Store charts of one person."""
    names = [f"c{n:03d}" for n in range(count)]
    new = [new_chart(name, reporter=PERSON) for name in names]
    SqlStore(engine, catalogue(), vault).add_all(new)
    return names


def people(engine: Engine, vault: Vault, names: list[str]) -> set[Reporter]:
    return set(SqlVault(engine, vault).for_masking(names).values())


def used(engine: Engine) -> dict[str, int]:
    with reading(engine) as connection:
        return keys_in_use(connection)


# -- the key file ----------------------------------------------------------------------


def test_the_keys_are_beside_the_file_or_where_they_were_put() -> None:
    assert key_file_for("sqlite:///a/b/c.sqlite3", None) == Path("a/b/vault.key")
    assert key_file_for("sqlite:///a.sqlite3", Path("k")) == Path("k")
    assert key_file_for("postgresql://u:p@h/n", None) == Path("var/vault.key")
    for in_memory in ("sqlite://", "sqlite:///:memory:"):
        assert key_file_for(in_memory, None) is None


def test_an_empty_vault_gets_a_new_key_file_and_keeps_it(
    engine: Engine, file: Path
) -> None:
    vault = open_vault(engine, file)
    names = fill(engine, vault)
    before = file.read_bytes()
    again = open_vault(engine, file)
    assert people(engine, again, names) == {PERSON}
    assert file.read_bytes() == before


def test_a_full_vault_without_its_key_file_is_refused_and_nothing_is_made(
    engine: Engine, file: Path
) -> None:
    fill(engine, open_vault(engine, file))
    file.unlink()
    with pytest.raises(SourceError, match=r"vault\.key is missing.* 3 charts"):
        open_vault(engine, file)
    assert not file.exists()


def test_another_key_file_is_refused_by_its_name(engine: Engine, file: Path) -> None:
    fill(engine, open_vault(engine, file))
    file.unlink()
    make_vault(file)
    with pytest.raises(SourceError, match=r"vault\.key is another one.* 3 charts"):
        open_vault(engine, file)


def test_keys_in_memory_serve_one_process_and_no_other(engine: Engine) -> None:
    vault = open_vault(engine, None)
    fill(engine, vault)
    with pytest.raises(SourceError, match="memory is another one"):
        open_vault(engine, None)


def test_a_key_file_that_others_can_read_is_told_in_the_log(
    engine: Engine, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    open_vault(engine, file)
    file.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        open_vault(engine, file)
    assert "can be read by others" in caplog.text


# -- what older versions stored plainly ------------------------------------------------


def store_plainly(engine: Engine) -> None:
    """Store a reporter as the versions before the vault did."""
    SqlStore(engine, catalogue()).add_all([new_chart("a")])
    row = {"name": PERSON.name, "phone": PERSON.phone, "address": PERSON.address}
    with writing(engine) as connection:
        connection.execute(insert(reporters).values(chart_id="a", **row))


def test_plain_rows_of_an_older_version_are_sealed_when_it_is_opened(
    engine: Engine, file: Path
) -> None:
    store_plainly(engine)
    vault = open_vault(engine, file)
    with reading(engine) as connection:
        assert not has_plain_rows(connection)
    assert people(engine, vault, ["a"]) == {PERSON}
    assert open_vault(engine, file).key_ids == vault.key_ids  # and once only


def test_a_move_that_fails_leaves_the_plain_rows_as_they_were(
    engine: Engine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_plainly(engine)

    def fails(*_words: object, **_names: object) -> bytes:
        raise SourceError("no seal")

    monkeypatch.setattr(Vault, "seal", fails)
    with pytest.raises(SourceError, match="no seal"):
        open_vault(engine, file)
    with reading(engine) as connection:
        assert has_plain_rows(connection)
    assert used(engine) == {}


def test_no_byte_of_the_plain_text_is_left_in_the_file(tmp_path: Path) -> None:
    database = tmp_path / "store.db"
    engine = open_database(f"sqlite:///{database}")
    store_plainly(engine)
    engine.dispose()
    written = database.read_bytes()
    assert PERSON.name.encode() in written  # as it was before
    engine = connect(f"sqlite:///{database}")
    open_vault(engine, tmp_path / "vault.key")
    for path in tmp_path.glob("store.db*"):
        content = path.read_bytes()
        for word in (PERSON.name, PERSON.phone, PERSON.address):
            assert word.encode() not in content, path.name
    engine.dispose()


def test_an_erased_row_is_gone_from_the_file(tmp_path: Path) -> None:
    database = tmp_path / "store.db"
    engine = open_database(f"sqlite:///{database}")
    vault = Vault.in_memory()
    fill(engine, vault)
    with reading(engine) as connection:
        token = connection.execute(personal_vault.select()).first()
    assert token is not None
    with writing(engine) as connection:
        connection.execute(personal_vault.delete())
    assert scrub(engine)
    for path in tmp_path.glob("store.db*"):
        assert token.token not in path.read_bytes(), path.name
    engine.dispose()


def test_wiping_that_a_writer_prevents_or_without_a_database_raises_nothing(
    tmp_path: Path,
) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'store.db'}")

    @event.listens_for(engine, "connect")
    def hurry(connection: object, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout=1")  # type: ignore[attr-defined]

    engine.dispose()
    with writing(engine):
        assert not scrub(engine, is_thorough=True)
    assert scrub(engine, is_thorough=True)
    engine.dispose()
    (tmp_path / "folder").mkdir()
    assert not scrub(connect(f"sqlite:///{tmp_path / 'folder'}"))


def test_wiping_that_a_reader_prevents_is_told_and_raises_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'store.db'}")

    @event.listens_for(engine, "connect")
    def hurry(connection: object, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout=1")  # type: ignore[attr-defined]

    engine.dispose()
    with reading(engine) as reader:
        reader.execute(personal_vault.select()).all()
        fill(engine, Vault.in_memory())
        assert not scrub(engine)
    assert "could not be wiped" in caplog.text
    assert scrub(engine)
    engine.dispose()


# -- changing the keys -----------------------------------------------------------------


def test_a_rotation_seals_every_row_with_the_new_key(
    engine: Engine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault_keys, "ROWS_AT_ONCE", 2)
    vault = open_vault(engine, file)
    names = fill(engine, vault)
    told: list[tuple[int, int]] = []
    rotated = rotate(engine, vault, told=lambda done, todo: told.append((done, todo)))
    assert told == [(2, 3), (3, 3)]
    assert used(engine) == {rotated.key_id: 3}
    assert rotated.key_id != vault.key_id
    assert people(engine, read_vault(file), names) == {PERSON}
    # a service that was running goes on: it reads the new key when it meets it
    assert people(engine, vault, names) == {PERSON}


def test_an_interrupted_rotation_opens_everything_and_is_finished_by_the_next(
    engine: Engine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault_keys, "ROWS_AT_ONCE", 2)
    vault = open_vault(engine, file)
    names = fill(engine, vault)

    def stop(_done: int, _todo: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotate(engine, vault, told=stop)
    half = open_vault(engine, file)
    assert sorted(used(engine).values()) == [1, 2]
    assert people(engine, half, names) == {PERSON}
    assert rotate(engine, half).key_ids == half.key_ids  # no third key
    assert used(engine) == {half.key_id: 3}


def test_old_keys_are_dropped_only_when_no_row_needs_them(
    engine: Engine, file: Path
) -> None:
    vault = open_vault(engine, file)
    names = fill(engine, vault)
    vault.with_new_key().write()
    with pytest.raises(SourceError, match="3 rows need an older key"):
        drop_old_keys(engine, vault)
    rotate(engine, vault)
    newest = drop_old_keys(engine, vault)
    assert read_vault(file).key_ids == newest.key_ids == (newest.key_id,)
    assert people(engine, newest, names) == {PERSON}
    # what a running service stores next is sealed with a key that is there
    SqlStore(engine, catalogue(), vault).add_all([new_chart("z", reporter=PERSON)])
    assert used(engine) == {newest.key_id: 4}


def test_a_look_tells_rows_that_do_not_open(engine: Engine, file: Path) -> None:
    vault = open_vault(engine, file)
    fill(engine, vault)
    assert look(engine, vault).damaged == ()
    with writing(engine) as connection:
        damage = personal_vault.update().where(personal_vault.c.chart_id == "c001")
        connection.execute(damage.values(token=b"gone"))
    state = look(engine, vault)
    assert state.damaged == ("c001",)
    assert (state.rows, state.num_reveals) == ({vault.key_id: 3}, 0)
