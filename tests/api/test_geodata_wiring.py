"""The first start: small city data are made once; the operator's are never touched."""

from __future__ import annotations

import importlib.util
import json
import logging
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from api.geodata_wiring import city_bundle, make_small_bundle, prepare_bundle
from api.settings import Settings
from dispatch.domain.errors import SourceError
from geodata.bundle import build as build_module
from geodata.bundle.manifest import (
    CITY_FILE,
    MANIFEST_FILE,
    BundleManifest,
    read_manifest,
    verify,
)
from geodata.city import load_city
from tests.shared_data import REPO

BOSTON = load_city("boston")  # without a gazetteer: made in a moment


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the small data in a working folder of its own."""
    monkeypatch.chdir(tmp_path)
    return Path("var/geodata/boston")


@pytest.fixture
def settings() -> Settings:
    return Settings(city="boston")


def as_the_operator_s(folder: Path) -> BundleManifest:
    """Turn a small bundle into one that a person built."""
    record = replace(read_manifest(folder), inputs="")
    (folder / MANIFEST_FILE).unlink()
    record.write(folder)
    return record


def cut(folder: Path) -> None:
    file = folder / CITY_FILE
    content = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(content[: len(content) // 2])


def change_a_byte(folder: Path) -> None:
    file = folder / CITY_FILE
    content = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def lose(folder: Path) -> None:
    (folder / CITY_FILE).unlink()


def spoil_the_record(folder: Path) -> None:
    file = folder / MANIFEST_FILE
    values = json.loads(file.read_bytes())
    file.chmod(0o644)
    file.write_text(json.dumps({**values, "counts": []}))


def test_the_first_start_makes_the_small_data_and_the_next_one_uses_them(
    home: Path, settings: Settings
) -> None:
    city_bundle(settings, BOSTON).close()
    made = read_manifest(home)
    with closing(city_bundle(settings, BOSTON)) as bundle:
        assert bundle.manifest.id == made.id
    assert prepare_bundle(settings, BOSTON).id == made.id


def test_of_several_first_starts_one_makes_the_data_and_all_use_them(
    home: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[BundleManifest] = []
    build = build_module.build_held

    def counted(*given: object, **named: object) -> BundleManifest:
        made = build(*given, **named)  # type: ignore[arg-type]
        built.append(made)
        return made

    monkeypatch.setattr(build_module, "build_held", counted)

    def start(_: int) -> str:
        with closing(city_bundle(settings, BOSTON)) as bundle:
            return bundle.manifest.id

    with ThreadPoolExecutor(4) as pool:
        used = set(pool.map(start, range(4)))
    assert [made.id for made in built] == [*used]
    assert home.is_dir()


@pytest.mark.parametrize("spoil", [cut, lose, change_a_byte, spoil_the_record])
def test_damaged_small_data_are_made_again(
    home: Path,
    settings: Settings,
    spoil: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_small_bundle(home, BOSTON)
    spoil(home)
    with caplog.at_level(logging.WARNING):
        city_bundle(settings, BOSTON).close()
    assert verify(home) == []
    (told,) = caplog.messages
    assert "made again" in told


@pytest.mark.parametrize("spoil", [cut, lose])
def test_a_damaged_bundle_that_a_person_built_is_told_and_stays(
    home: Path, settings: Settings, spoil: Callable[[Path], None]
) -> None:
    make_small_bundle(home, BOSTON)
    record = as_the_operator_s(home)
    spoil(home)
    left = sorted(home.iterdir())
    with pytest.raises(SourceError, match=r"damaged: city\.sqlite3; build it again"):
        city_bundle(settings, BOSTON)
    assert read_manifest(home).id == record.id
    assert sorted(home.iterdir()) == left


def test_a_bundle_of_an_unreadable_record_is_told_and_stays(
    home: Path, settings: Settings
) -> None:
    make_small_bundle(home, BOSTON)
    (home / MANIFEST_FILE).chmod(0o644)
    (home / MANIFEST_FILE).write_bytes(b"{")
    with pytest.raises(SourceError, match=r"manifest\.json: cannot be read"):
        city_bundle(settings, BOSTON)
    assert (home / MANIFEST_FILE).read_bytes() == b"{"


def test_outdated_small_data_are_made_again_and_a_person_s_are_not(
    home: Path, settings: Settings
) -> None:
    make_small_bundle(home, BOSTON)
    record = replace(read_manifest(home), inputs="of another day")
    (home / MANIFEST_FILE).unlink()
    record.write(home)
    city_bundle(settings, BOSTON).close()
    assert read_manifest(home).inputs != "of another day"
    kept = as_the_operator_s(home)
    city_bundle(settings, BOSTON).close()
    assert read_manifest(home) == kept


def test_a_person_s_bundle_that_was_being_replaced_is_put_back_and_used(
    home: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    make_small_bundle(home, BOSTON)
    kept = as_the_operator_s(home)
    home.rename(home.with_name(".boston.replaced"))
    (home.with_name(".boston.building")).mkdir()
    with (
        caplog.at_level(logging.WARNING),
        closing(city_bundle(settings, BOSTON)) as bundle,
    ):
        assert bundle.manifest == kept
    assert "put back as it was" in caplog.text
    assert sorted(path.name for path in home.parent.iterdir()) == [
        ".boston.lock",
        "boston",
    ]


def test_a_folder_that_the_operator_names_is_never_filled(tmp_path: Path) -> None:
    named = Settings(city="boston", geodata_dir=tmp_path / "disk" / "b")
    with pytest.raises(SourceError, match=r"KIDOHAN_GEODATA_DIR .*disk mounted"):
        prepare_bundle(named, BOSTON)
    with pytest.raises(SourceError, match="not a bundle of city data"):
        city_bundle(named, BOSTON)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_the_operator_names_is_prepared_when_it_holds_a_bundle(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "b"
    made = make_small_bundle(folder, BOSTON)
    named = Settings(city="boston", geodata_dir=folder)
    assert prepare_bundle(named, BOSTON).id == made.id
    folder.rename(tmp_path / ".b.replaced")
    assert prepare_bundle(named, BOSTON).id == made.id
    lose(folder)
    with pytest.raises(SourceError, match="damaged"):
        city_bundle(named, BOSTON)  # nor made again when it is damaged


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`make setup` whose steps do nothing, in a folder of its own."""
    spec = importlib.util.spec_from_file_location("setup", REPO / "tools" / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    venv = tmp_path / ".venv"
    venv.mkdir()
    monkeypatch.setattr(module, "VENV", venv)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "STAMP", venv / ".ready")
    monkeypatch.setattr(module, "fingerprint", lambda: "inputs")
    steps = ("make_venv", "install_python_packages", "install_web_assets")
    for step in (*steps, "install_road_engine"):
        monkeypatch.setattr(module, step, lambda: None)
    return module


@pytest.mark.parametrize(
    "problem",
    [subprocess.CalledProcessError(3, ["kidohan", "prepare"]), FileNotFoundError(2)],
)
def test_city_data_that_fail_are_not_told_as_a_problem_of_a_registry(
    setup: ModuleType,
    problem: Exception,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise problem

    monkeypatch.setattr(setup, "run", fail)
    assert setup.main() == 1
    said = capsys.readouterr().out
    assert "the city data were not made" in said
    assert ".venv/bin/kidohan prepare" in said
    assert "Needed: access to" not in said
    assert "Ready." not in said
    # What was installed counts as installed: it is not fetched again.
    assert setup.STAMP.read_text() == "inputs"


def test_set_up_ends_ready_when_the_city_data_are_made(
    setup: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run: list[tuple[object, ...]] = []
    monkeypatch.setattr(setup, "run", lambda *words: run.append(words))
    assert setup.main() == 0
    assert run == [(setup.venv_program("kidohan"), "prepare")]
    assert "Ready." in capsys.readouterr().out


def test_a_failing_registry_is_still_told_as_one(
    setup: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise subprocess.CalledProcessError(1, ["pip", "install"])

    monkeypatch.setattr(setup, "install_python_packages", fail)
    assert setup.main() == 1
    assert "Needed: access to" in capsys.readouterr().out
    assert not setup.STAMP.exists()
