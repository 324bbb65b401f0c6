"""Import jobs: rows in the database, each file sealed in a folder beside it."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, insert, select, update

from dispatch.adapters.database import glance, sqlite_file, writing
from dispatch.adapters.import_tables import import_jobs, import_refusals
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.vault import Vault
from dispatch.domain.errors import ConflictError, NotFoundError, SourceError
from dispatch.domain.import_job import (
    OPEN,
    WAITING,
    ImportJob,
    ImportState,
    RowRefusal,
)
from dispatch.ports import AddedChart, NewChart

IMPORTS_FOLDER = "imports"
SUFFIX = ".sealed"
UNFINISHED = ".part"
PRIVATE = 0o700
OWNER_ONLY = 0o600
REUSED = "同じ Idempotency-Key が別のファイルで使われています"


def imports_folder_for(url: str, chosen: Path | None) -> Path:
    """
    Where the files to import wait.

    The chosen folder; else beside the SQLite file, or in `var/` for any other.
    """
    if chosen is not None:
        return chosen
    file = sqlite_file(url) if url.startswith("sqlite") else None
    return (Path("var") if file is None else file.parent) / IMPORTS_FOLDER


class ImportFiles:
    """
    The folder of the files; they hold people's data, so each is sealed.

    Parameters
    ----------
    folder
        Made when the first file comes.
    vault
        Seals them; rotations of its keys do not touch them.
    """

    def __init__(self, folder: Path, vault: Vault) -> None:
        self.folder = folder
        self._vault = vault

    def put(self, job_id: str, content: bytes) -> None:
        """
        Write a file so that it is there whole or not at all.

        Raises
        ------
        SourceError
            When the folder cannot be written, or is full.
        """
        target = self._path(job_id)
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
            part = target.with_name(f"{job_id}.{secrets.token_hex(4)}{UNFINISHED}")
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(part, flags, OWNER_ONLY), "wb") as file:
                file.write(self._vault.seal_file(_purpose(job_id), content))
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        except OSError as problem:
            message = f"the folder of imports cannot be written: {problem.strerror}"
            raise SourceError(message) from problem

    def get(self, job_id: str) -> bytes:
        """
        Give the file of a job as it came.

        Raises
        ------
        SourceError
            When it is missing or was changed.
        """
        try:
            token = self._path(job_id).read_bytes()
        except OSError as problem:
            message = f"the file of import {job_id} is missing: {problem.strerror}"
            raise SourceError(message) from problem
        return self._vault.open_file(_purpose(job_id), token)

    def remove(self, job_id: str) -> None:
        """Delete the file of a job; nothing when it is gone already."""
        self._path(job_id).unlink(missing_ok=True)

    def names(self) -> Iterator[str]:
        """Ids of the jobs whose files are there."""
        yield from sorted(path.stem for path in self.folder.glob(f"*{SUFFIX}"))

    def _path(self, job_id: str) -> Path:
        return self.folder / f"{job_id}{SUFFIX}"


def _purpose(job_id: str) -> str:
    return f"import {job_id}"


class SqlImports:
    """
    Import jobs on SQLAlchemy Core.

    Parameters
    ----------
    engine
        From `open_database`.
    charts
        Takes the charts of a step in the step's own transaction.
    """

    def __init__(self, engine: Engine, charts: SqlStore) -> None:
        self._engine = engine
        self._charts = charts

    def add(self, job: ImportJob, *, key: str | None = None) -> tuple[ImportJob, bool]:
        """
        Queue a job.

        Returns
        -------
        tuple[ImportJob, bool]
            The job and whether it is new: a retry with the same key finds the first.

        Raises
        ------
        ConflictError
            When the key came with another file or mapping.
        """
        with writing(self._engine) as connection:
            known = _with_key(connection, job.owner, key)
            if known is not None:
                if (known.sha256, known.mapping) != (job.sha256, job.mapping):
                    raise ConflictError(REUSED)
                return known, False
            values = {**_values(job), "idempotency_key": key}
            connection.execute(insert(import_jobs).values(values))
        return job, True

    def get(self, job_id: str) -> ImportJob:
        """Return a job; NotFoundError when there is none."""
        query = select(import_jobs).where(import_jobs.c.id == job_id)
        rows = glance(self._engine, query, {})
        if not rows:
            raise NotFoundError("import", job_id)
        return _job(rows[0])

    def listed(self, owner: str | None, *, limit: int) -> list[ImportJob]:
        """Jobs of an owner, or of all, the newest first."""
        query = select(import_jobs)
        if owner is not None:
            query = query.where(import_jobs.c.owner == owner)
        newest = query.order_by(import_jobs.c.created_at.desc(), import_jobs.c.id)
        return [_job(row) for row in glance(self._engine, newest.limit(limit), {})]

    def refusals(self, job_id: str, *, limit: int | None = None) -> list[RowRefusal]:
        """Refused rows of a job in the order of the file."""
        query: Select[Any] = (
            select(import_refusals)
            .where(import_refusals.c.job_id == job_id)
            .order_by(import_refusals.c.row)
        )
        if limit is not None:
            query = query.limit(limit)
        return [
            RowRefusal(row=one.row, field=one.field, problem=one.problem)
            for one in glance(self._engine, query, {})
        ]

    def interrupt_all(self) -> None:
        """Have jobs of a process that ended wait again: nobody else runs any."""
        running = import_jobs.c.state == ImportState.RUNNING
        values = {"state": ImportState.INTERRUPTED, "runner": None}
        with writing(self._engine) as connection:
            connection.execute(update(import_jobs).where(running).values(values))

    def claim(self, runner: str, *, at: dt.datetime) -> ImportJob | None:
        """Take the oldest job that waits; None when none does."""
        query = (
            select(import_jobs)
            .where(import_jobs.c.state.in_([str(one) for one in WAITING]))
            .order_by(import_jobs.c.created_at, import_jobs.c.id)
            .limit(1)
        )
        if not glance(self._engine, query, {}):
            return None  # asked every second: no write transaction for nothing
        with writing(self._engine) as connection:
            row = connection.execute(query).first()
            if row is None:
                return None
            found = _job(row)
            job = replace(
                found,
                state=ImportState.RUNNING,
                started_at=found.started_at or at,
                run_at=at,
                run_done=found.done,
                seen_at=at,
            )
            _put(connection, job, runner=runner)
        return job

    def step(
        self,
        before: ImportJob,
        after: ImportJob,
        new: Sequence[NewChart],
        refusals: Sequence[RowRefusal],
        *,
        runner: str,
    ) -> tuple[ImportJob, list[AddedChart]]:
        """
        Store charts, refusals and how far the job is, all or nothing.

        Parameters
        ----------
        before
            As the job stood; another process may have taken it over meanwhile.
        after
            With the rows of this step, except how many of `new` were known.

        Raises
        ------
        ConflictError
            When the job was cancelled, or another process runs it.
        """
        with writing(self._engine) as connection:
            _require_running(connection, before, runner)
            added = self._charts.add_within(connection, new)
            num_new = sum(one.is_new for one in added)
            job = replace(
                after,
                added=after.added + num_new,
                known=after.known + len(added) - num_new,
            )
            rows = [
                {
                    "job_id": job.id,
                    "row": one.row,
                    "field": one.field,
                    "problem": one.problem,
                }
                for one in refusals
            ]
            if rows:
                connection.execute(insert(import_refusals), rows)
            _put(connection, job, runner=runner if job.is_open else None)
        return job, added

    def cancel(self, job_id: str, *, at: dt.datetime) -> None:
        """
        End a job that waits or runs; rows that are in stay in.

        Raises
        ------
        ConflictError
            When it has ended already.
        """
        still = import_jobs.c.state.in_([str(one) for one in OPEN])
        values = {"state": ImportState.CANCELLED, "ended_at": at, "runner": None}
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(import_jobs)
                .where(import_jobs.c.id == job_id, still)
                .values(values)
            )
            if changed.rowcount != 1:
                raise ConflictError("この取込は、もう終わっています")

    def release(self, job: ImportJob, *, runner: str) -> None:
        """Have a job of an ending process wait, to go on where it is."""
        self._leave(job.id, {"state": ImportState.INTERRUPTED}, runner)

    def fail(self, job_id: str, reason: str, *, at: dt.datetime, runner: str) -> None:
        """End a job that cannot go on."""
        values = {"state": ImportState.FAILED, "reason": reason, "ended_at": at}
        self._leave(job_id, values, runner)

    def _leave(self, job_id: str, values: dict[str, object], runner: str) -> None:
        mine = (import_jobs.c.id == job_id, import_jobs.c.runner == runner)
        with writing(self._engine) as connection:
            row = update(import_jobs).where(*mine)
            connection.execute(row.values({**values, "runner": None}))

    def with_files(self) -> list[ImportJob]:
        """Jobs whose files are kept."""
        query = select(import_jobs).where(import_jobs.c.has_file.is_(True))
        return [_job(row) for row in glance(self._engine, query, {})]

    def forget_file(self, job_id: str) -> None:
        """Note that a job's file is gone."""
        row = update(import_jobs).where(import_jobs.c.id == job_id)
        with writing(self._engine) as connection:
            connection.execute(row.values(has_file=False))


def _require_running(connection: Connection, job: ImportJob, runner: str) -> None:
    query = select(import_jobs.c.state, import_jobs.c.runner, import_jobs.c.done)
    row = connection.execute(query.where(import_jobs.c.id == job.id)).one()
    if (row.state, row.runner, row.done) != (ImportState.RUNNING, runner, job.done):
        raise ConflictError(f"import {job.id}: no longer run here")


def _with_key(connection: Connection, owner: str, key: str | None) -> ImportJob | None:
    if key is None:
        return None
    query = select(import_jobs).where(
        import_jobs.c.owner == owner, import_jobs.c.idempotency_key == key
    )
    row = connection.execute(query).first()
    return None if row is None else _job(row)


def _put(connection: Connection, job: ImportJob, *, runner: str | None) -> None:
    row = update(import_jobs).where(import_jobs.c.id == job.id)
    connection.execute(row.values({**_values(job), "runner": runner}))


def _values(job: ImportJob) -> dict[str, object]:
    names = (name for name in ImportJob.__slots__ if name != "state")
    return {**{name: getattr(job, name) for name in names}, "state": str(job.state)}


def _job(row: Row[Any]) -> ImportJob:
    values = {name: getattr(row, name) for name in ImportJob.__slots__}
    return ImportJob(**{**values, "state": ImportState(row.state)})
