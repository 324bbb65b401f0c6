"""City data are opened for the right city and purpose, also while being replaced."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from dispatch.domain.errors import SourceError
from geodata.bundle.in_place import only_one
from geodata.bundle.manifest import Purpose, read_manifest
from geodata.bundle.opening import open_city_bundle
from geodata.bundle.records import Layer
from geodata.city import load_city
from tests.geodata.bundle.small_city import FACILITY, OSAKA, build


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    build(tmp_path / "b", {"f": (Layer.FACILITIES, (FACILITY,))})
    return tmp_path / "b"


def test_the_city_s_own_bundle_is_opened(folder: Path) -> None:
    with closing(open_city_bundle(folder, OSAKA, allow_test=False)) as bundle:
        assert bundle.facilities() == (FACILITY,)


def test_a_bundle_of_another_city_is_refused(folder: Path) -> None:
    with pytest.raises(SourceError, match="city data of osaka, not of boston"):
        open_city_bundle(folder, load_city("boston"), allow_test=True)


def test_a_bundle_for_tests_is_opened_only_where_that_is_allowed(folder: Path) -> None:
    replace(read_manifest(folder), purpose=Purpose.TEST).write(folder)
    with pytest.raises(SourceError, match="KIDOHAN_ALLOW_TEST_GEODATA=1"):
        open_city_bundle(folder, OSAKA, allow_test=False)
    open_city_bundle(folder, OSAKA, allow_test=True).close()


def test_a_bundle_whose_replacement_was_interrupted_is_used_again(
    folder: Path,
) -> None:
    folder.rename(folder.with_name(".b.replaced"))
    with closing(open_city_bundle(folder, OSAKA, allow_test=False)) as bundle:
        assert bundle.facilities() == (FACILITY,)
    assert folder.is_dir()


def test_a_bundle_between_two_renames_is_waited_for(folder: Path) -> None:
    away = folder.with_name("away")

    def come_back() -> None:
        away.rename(folder)

    with only_one(folder):
        folder.rename(away)
        opened: list[int] = []

        def open_it() -> None:
            with closing(open_city_bundle(folder, OSAKA, allow_test=False)) as bundle:
                opened.append(len(bundle.facilities()))

        reader = threading.Thread(target=open_it)
        reader.start()
        reader.join(timeout=0.1)
        assert reader.is_alive()  # it waits
        come_back()
    reader.join(timeout=5)
    assert opened == [1]


def test_a_missing_folder_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a bundle of city data"):
        open_city_bundle(tmp_path / "disk" / "b", OSAKA, allow_test=False)
    assert list(tmp_path.iterdir()) == []


def test_opening_loads_neither_the_web_nor_what_only_builders_need() -> None:
    program = (
        "import sys, geodata.bundle.opening, geodata.bundle.national;"
        "print([m for m in ('fastapi', 'geopandas', 'pandas', 'jageocoder')"
        " if m in sys.modules])"
    )
    done = subprocess.run(  # noqa: S603 - this very Python
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
