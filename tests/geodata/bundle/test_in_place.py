"""A folder is replaced whole, by one process at a time, and survives a killed one."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dispatch.domain.errors import SourceError
from geodata.bundle.in_place import (
    advice_for,
    only_one,
    put_in_place,
    settled,
    work_folder,
)


def filled(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "data").write_text(text)
    return folder


def interrupted(folder: Path, text: str) -> None:
    """Leave things as a process does that is killed between its two renames."""
    filled(folder.with_name(f".{folder.name}.replaced"), text)
    filled(folder.with_name(f".{folder.name}.building"), "new")


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    place = filled(tmp_path / "b", "old")
    with only_one(place):
        work = work_folder(place)
        (work / "data").write_text("new")
        put_in_place(work, place)
    assert (place / "data").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.lock", "b"]


def test_only_one_process_at_a_time_makes_a_folder(tmp_path: Path) -> None:
    inside, most = 0, 0
    meet = threading.Barrier(4)

    def make(_: int) -> None:
        nonlocal inside, most
        meet.wait()
        with only_one(tmp_path / "deep" / "b"):
            inside += 1
            most = max(most, inside)
            time.sleep(0.01)
            inside -= 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, range(4)))
    assert most == 1


def test_what_a_killed_process_was_replacing_is_put_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "b"
    interrupted(place, "old")
    with caplog.at_level(logging.WARNING):
        assert settled(place)
    assert (place / "data").read_text() == "old"
    assert "put back as it was" in caplog.text
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.lock", "b"]


def test_what_was_put_back_is_there_before_anything_is_made(tmp_path: Path) -> None:
    place = tmp_path / "b"
    interrupted(place, "old")
    place.mkdir()  # a mount point, or what another program left: empty
    with only_one(place):
        assert (place / "data").read_text() == "old"


def test_after_the_second_rename_the_old_one_is_not_wanted_any_more(
    tmp_path: Path,
) -> None:
    place = filled(tmp_path / "b", "new")
    interrupted(place, "old")
    assert settled(place)
    assert (place / "data").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.lock", "b"]


def test_what_cannot_be_put_back_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "b"
    interrupted(place, "old")

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", denied)
    with pytest.raises(SourceError, match=r"lie in .*\.b\.replaced; rename that to b"):
        settled(place)


def test_ctrl_c_between_the_renames_puts_the_old_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = filled(tmp_path / "b", "old")
    work = filled(tmp_path / "new", "new")
    rename = Path.rename

    def stopped(path: Path, target: Path) -> Path:
        if path == work:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", stopped)
    with pytest.raises(KeyboardInterrupt):
        put_in_place(work, place)
    assert (place / "data").read_text() == "old"


def test_a_first_folder_that_cannot_take_its_place_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = filled(tmp_path / "new", "new")

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", denied)
    with pytest.raises(PermissionError):
        put_in_place(work, tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_where_nothing_was_made_nothing_is_waited_for_or_written(
    tmp_path: Path,
) -> None:
    assert not settled(tmp_path / "b")
    assert not settled(tmp_path / "not mounted" / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_another_user_owns_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with only_one(tmp_path / "b"):
        pass

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    assert settled(tmp_path / "b")
    monkeypatch.setattr(Path, "open", denied)
    assert not settled(tmp_path / "b")
    with (
        pytest.raises(SourceError, match=r"b: cannot be written .*another folder"),
        only_one(tmp_path / "b"),
    ):
        pytest.fail("must not be reached")


def test_a_disk_without_locks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", none)
    with (
        pytest.raises(SourceError, match=r"\.b\.lock: cannot be locked \(No locks"),
        only_one(tmp_path / "b"),
    ):
        pytest.fail("must not be reached")


def test_a_work_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / ".b.building").touch()
    with pytest.raises(SourceError, match=r"\.b\.building: cannot be made"):
        work_folder(tmp_path / "b")


@pytest.mark.parametrize(
    ("problem", "advice"),
    [
        (OSError(28, "No space left on device"), "; make room on the disk"),
        (ValueError("database or disk is full"), "; make room on the disk"),
        (OSError(30, "Read-only file system"), "; ask for the right to write there"),
        (OSError(39, "Directory not empty"), ""),
    ],
)
def test_advice_fits_the_reason(problem: Exception, advice: str) -> None:
    assert advice_for(problem) == advice
