"""Import jobs (取込): a file on its way in, how far it is, which rows are refused."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class ImportState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    INTERRUPTED = "interrupted"  # the service ended meanwhile; it goes on by itself
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


WAITING = frozenset({ImportState.QUEUED, ImportState.INTERRUPTED})
OPEN = WAITING | {ImportState.RUNNING}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRefusal:
    """A row that was not taken: its number (header = 1), the field and why."""

    row: int
    field: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportJob:
    """
    One file and what became of its rows so far.

    `owner` is the key or account that sent it, `who` the name in the history. `source`
    is whose external ids the rows carry. Rows that say no time came at `created_at`,
    also when the job goes on later. `run_at` and `run_done` are moment and row at which
    the present run began, `seen_at` the moment of its last step; `has_file` says that
    the file is still kept.
    """

    id: str
    owner: str
    who: str
    name: str
    sha256: str
    num_bytes: int
    mapping: str
    source: str
    created_at: dt.datetime
    state: ImportState = ImportState.QUEUED
    reason: str = ""
    rows: int | None = None
    done: int = 0
    added: int = 0
    known: int = 0
    refused: int = 0
    started_at: dt.datetime | None = None
    run_at: dt.datetime | None = None
    run_done: int = 0
    seen_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    has_file: bool = True

    @property
    def is_open(self) -> bool:
        """Whether it still waits or runs."""
        return self.state in OPEN

    @property
    def rate(self) -> float | None:
        """Rows a second of the present or last run; None before its first step."""
        if self.run_at is None or self.seen_at is None:
            return None
        seconds = (self.seen_at - self.run_at).total_seconds()
        return (self.done - self.run_done) / seconds if seconds > 0 else None
