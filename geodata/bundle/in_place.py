"""Putting a folder in place of another, whole, for one process at a time."""

from __future__ import annotations

import errno
import logging
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dispatch.domain.errors import SourceError

READABLE = 0o755
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
NO_RIGHT = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})

logger = logging.getLogger(__name__)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """
    Wait until no other process makes this folder, and keep others waiting meanwhile.

    What a killed process has left behind is put right first. The lock is a file
    `.NAME.lock` beside the folder, which stays: two processes that lock a file and
    then another of the same name would both go on. The system gives the lock back
    when a process ends, however it ends.

    Raises
    ------
    SourceError
        When nothing can be written beside the folder.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        stream = _lock_file(folder).open("ab")
    except OSError as problem:
        message = (
            f"{folder}: cannot be written ({problem.strerror}); choose another folder, "
            "or ask for the right to write there"
        )
        raise SourceError(message) from problem
    with stream:
        _wait_for(stream)
        _put_right(folder)
        yield


def settled(folder: Path) -> bool:
    """
    Wait for a process that replaces this folder; put right what a killed one left.

    Returns
    -------
    bool
        Whether there was anything to wait for or to put right. Nothing is written
        where no bundle was ever made: the disk may not be mounted.

    Raises
    ------
    SourceError
        When the folder that was there lies beside its place and cannot be put back.
    """
    if not any(path.exists() for path in (_lock_file(folder), _replaced(folder))):
        return False
    if not _replaced(folder).exists() and not _is_writable(_lock_file(folder)):
        return False
    with only_one(folder):
        return True


def work_folder(folder: Path) -> Path:
    """
    Make a folder beside a folder, on the same disk: `put_in_place` renames it.

    Call it, and `put_in_place`, while `only_one` holds the folder.

    Raises
    ------
    SourceError
        When it cannot be made.
    """
    work = folder.with_name(f".{folder.name}.building")
    try:
        work.mkdir()
        work.chmod(READABLE)
    except OSError as problem:
        message = f"{work}: cannot be made ({problem.strerror})"
        raise SourceError(message) from problem
    return work


def put_in_place(work: Path, folder: Path) -> None:
    """
    Rename a finished folder to its place; the old one waits until that has worked.

    Raises
    ------
    OSError
        When it cannot be renamed; the old one is in its place again.
    """
    old = _replaced(folder)
    if folder.exists():
        folder.rename(old)
    try:
        work.rename(folder)
    except BaseException:  # Ctrl-C, too
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def advice_for(problem: Exception) -> str:
    """Say what helps against a failure to write, `; ` before it; empty if unknown."""
    number = getattr(problem, "errno", None)
    if number in NO_ROOM or "full" in str(problem):
        return "; make room on the disk"
    if number in NO_RIGHT:
        return "; ask for the right to write there"
    return ""


def _put_right(folder: Path) -> None:
    """Remove what is unfinished, and put back what was being replaced."""
    shutil.rmtree(folder.with_name(f".{folder.name}.building"), ignore_errors=True)
    old = _replaced(folder)
    if not old.exists():
        return
    try:
        if folder.exists() and any(folder.iterdir()):
            shutil.rmtree(old)  # the new one had come into its place
            return
        old.rename(folder)
    except OSError as problem:
        message = (
            f"{folder}: its replacement was interrupted, and the data lie in {old}; "
            f"rename that to {folder.name} ({problem.strerror})"
        )
        raise SourceError(message) from problem
    logger.warning("%s: its replacement was interrupted; put back as it was", folder)


def _wait_for(stream: IO[bytes]) -> None:
    if sys.platform == "win32":  # pragma: no cover - no such lock there
        return
    import fcntl  # noqa: PLC0415 - not on every system

    try:
        fcntl.flock(stream, fcntl.LOCK_EX)
    except OSError as problem:
        message = f"{stream.name}: cannot be locked ({problem.strerror})"
        raise SourceError(message) from problem


def _is_writable(file: Path) -> bool:
    try:
        with file.open("ab"):
            return True
    except OSError:
        return False


def _lock_file(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.lock")


def _replaced(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.replaced")
