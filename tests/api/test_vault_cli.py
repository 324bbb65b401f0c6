"""`kidohan vault`: looking, changing the keys, erasing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli import cli
from dispatch.adapters.database import connect, open_database, writing
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.tables import personal_vault
from dispatch.adapters.vault import make_vault, read_vault
from dispatch.adapters.vault_store import SqlVault
from dispatch.domain.case_chart import ChartStatus
from dispatch.domain.errors import ConflictError, InvalidInputError, SourceError
from dispatch.domain.reporter import Reporter
from dispatch.domain.reveal import RevealPurpose
from tests.builders import catalogue, chart, consultation, entry, new_chart

PERSON = Reporter(name="山田花子", phone="06-6969-5841")
LONG_AGO = dt.datetime(2015, 1, 5, 9, 0, tzinfo=dt.UTC)
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    url = f"sqlite:///{tmp_path / 'kidohan.sqlite3'}"
    monkeypatch.setenv("KIDOHAN_DATABASE_URL", url)

    def run(*words: str) -> Result:
        return CliRunner().invoke(cli, ["vault", *words])

    return run


@pytest.fixture
def filled(tmp_path: Path) -> SqlVault:
    """Store a closed chart of 2015 and one of today, both of one person."""
    engine = open_database(f"sqlite:///{tmp_path / 'kidohan.sqlite3'}")
    vault = make_vault(tmp_path / "vault.key")
    store = SqlStore(engine, catalogue(), vault)
    said = consultation(received_at=LONG_AGO)
    old = chart("old", consultation=said, status=ChartStatus.CLOSED)
    entries = (entry(at=LONG_AGO),)
    store.add_all(
        [
            new_chart("old", chart=old, entries=entries, reporter=PERSON),
            new_chart("new", reporter=PERSON),
            replace(new_chart("nobody"), reporter=Reporter()),
        ]
    )
    engine.dispose()
    return SqlVault(connect(str(engine.url)), vault)


def test_a_look_tells_the_keys_and_no_value(
    run: Run, filled: SqlVault, tmp_path: Path
) -> None:
    del filled
    done = run("check")
    assert done.exit_code == 0, done.output
    assert "(今の鍵): カルテ 2件" in done.output
    assert "すべて開けます" in done.output
    assert "山田" not in done.output
    key = (tmp_path / "vault.key").read_text().split("seal ")[1].split()[0]
    assert key not in done.output


def test_a_look_at_what_is_damaged_or_open_to_others_fails(
    run: Run, filled: SqlVault, tmp_path: Path
) -> None:
    del filled
    (tmp_path / "vault.key").chmod(0o644)
    assert run("check").exit_code == 3
    (tmp_path / "vault.key").chmod(0o600)
    engine = connect(f"sqlite:///{tmp_path / 'kidohan.sqlite3'}")
    with writing(engine) as connection:
        damage = personal_vault.update().where(personal_vault.c.chart_id == "new")
        connection.execute(damage.values(token=b"gone"))
    engine.dispose()
    done = run("check")
    assert done.exit_code == 3
    assert "開けません: カルテ new" in done.output


def test_a_rotation_keeps_the_older_key_until_it_is_dropped(
    run: Run, filled: SqlVault, tmp_path: Path
) -> None:
    del filled
    done = run("rotate")
    assert done.exit_code == 0, done.output
    assert "2/2件" in done.output
    assert "古い鍵 1本は、前の控えを開くために残しました" in done.output
    file = tmp_path / "vault.key"
    assert len(read_vault(file).key_ids) == 2
    done = run("rotate", "--drop-old")
    assert "古い鍵を鍵ファイルから除きました" in done.output
    assert len(read_vault(file).key_ids) == 1
    assert run("check").exit_code == 0


def test_what_ended_long_ago_is_erased_after_it_was_told(
    run: Run, filled: SqlVault
) -> None:
    told = run("erase", "--older-than", "1000", "--dry-run")
    assert told.exit_code == 0, told.output
    assert "1件の個人欄が消去の対象です(まだ消していません)" in told.output
    assert set(filled.given(["old", "new"])) == {"old", "new"}
    done = run("erase")  # the settings' retention: 1,095 days
    assert "1件の個人欄を消去しました" in done.output
    assert set(filled.given(["old", "new"])) == {"new"}
    (line,) = filled.record(limit=9)
    assert (line.purpose, line.who) == (RevealPurpose.ERASURE, "kidohan vault erase")
    assert line.why == "保存期間(1095日)が過ぎたため"
    assert "山田" not in done.output


@pytest.mark.parametrize("name", ["new", "2026-27127-000002"])
def test_one_chart_is_erased_by_id_or_number(
    run: Run, filled: SqlVault, name: str
) -> None:
    done = run("erase", "--chart", name, "--who", "係長", "--why", "本人の求め")
    assert done.exit_code == 0, done.output
    assert set(filled.given(["old", "new"])) == {"old"}
    (line,) = filled.record(limit=9)
    assert (line.chart_id, line.who, line.why) == ("new", "係長", "本人の求め")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--chart", "new"), InvalidInputError),  # no reason
        (("--chart", "new", "--older-than", "5"), InvalidInputError),
        (("--chart", "nobody", "--why", "求め"), ConflictError),
    ],
)
def test_an_erasure_that_is_not_clear_is_refused(
    run: Run, filled: SqlVault, words: tuple[str, ...], error: type[Exception]
) -> None:
    assert isinstance(run("erase", *words).exception, error)
    assert set(filled.given(["old", "new"])) == {"old", "new"}


def test_without_its_key_file_nothing_starts(
    run: Run, filled: SqlVault, tmp_path: Path
) -> None:
    del filled
    (tmp_path / "vault.key").unlink()
    done = run("check")
    assert isinstance(done.exception, SourceError)
    assert "vault.key is missing" in str(done.exception)
