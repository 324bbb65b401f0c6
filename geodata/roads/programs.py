"""The road engine's programs: where they are, what they print, how they are run."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dispatch.domain.errors import SourceError

PROGRAM_FOLDER = Path("osrm") / "bin"
NEEDED = ("extract", "partition", "customize", "contract", "routed")
SAID_WRONG = re.compile(r"\[(?:error|fatal)\]\s*(?P<text>.+)", re.IGNORECASE)
MAX_SAID = 300
TERMINAL_CODES = re.compile(r"\x1b\[[0-9;]*m")


def default_engine_dir() -> Path:
    """Folder into which `make setup` puts the engine, beside the Python libraries."""
    return Path(sys.prefix) / "engines" / "osrm"


@dataclass(frozen=True, slots=True)
class OsrmPrograms:
    """
    OSRM's stand-alone programs, as they lie in the registry's wheel.

    Parameters
    ----------
    folder
        What `pip install --target` made: holds `osrm/bin`.
    """

    folder: Path

    def path(self, name: str) -> Path:
        """Path of one program."""
        return self.folder / PROGRAM_FOLDER / f"osrm-{name}"

    def require(self) -> None:
        """
        Check that the programs are there and run on this machine.

        Raises
        ------
        SourceError
            When one is missing, or made for another kind of machine.
        """
        missing = [name for name in NEEDED if not self.path(name).is_file()]
        if missing:
            message = (
                f"{self.folder}: no road engine (osrm-{missing[0]} is missing); "
                "run make setup, or name its folder in KIDOHAN_ENGINE_DIR"
            )
            raise SourceError(message)
        self.version()

    def version(self) -> str:
        """Version that the engine tells of itself, such as `v26.10.0`."""
        return self.run("routed", ["--version"]).strip()

    def run(
        self, name: str, words: Sequence[str | Path], *, timeout_s: float | None = 60
    ) -> str:
        """
        Run one program to its end and return what it printed.

        Raises
        ------
        SourceError
            When it cannot be run here, fails or takes too long; with what it said.
        """
        command = [str(self.path(name)), *map(str, words)]
        try:
            done = subprocess.run(  # noqa: S603 - our own program and words
                command, capture_output=True, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired as problem:
            message = f"osrm-{name}: stopped after {timeout_s:.0f} s"
            raise SourceError(message) from problem
        except OSError as problem:
            message = (
                f"osrm-{name}: does not run on this machine ({problem.strerror}); the "
                "engine is made for Linux on x86-64 with glibc 2.28 or newer. Without "
                "it, give a server's address in KIDOHAN_ROADS_URL"
            )
            raise SourceError(message) from problem
        said = (done.stdout + b"\n" + done.stderr).decode("utf-8", "replace")
        said = TERMINAL_CODES.sub("", said)
        if done.returncode != 0:
            message = f"osrm-{name}: {_reason(said, done.returncode)}"
            raise SourceError(message)
        return said


def _reason(said: str, code: int) -> str:
    """Return what a failed program said, in one line."""
    lines = [match["text"].strip() for match in SAID_WRONG.finditer(said)]
    if not lines:
        lines = [line.strip() for line in said.splitlines() if line.strip()][-1:]
    reason = " / ".join(dict.fromkeys(lines))[:MAX_SAID]
    ended = f"signal {-code}" if code < 0 else f"code {code}"
    return f"{reason or 'said nothing'} (ended with {ended})"
