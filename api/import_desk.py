"""The desk of imports: takes files in, runs them, gives the refused rows back."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from api.import_file import FileRows, read_file, read_names
from api.import_mapping import ImportMapping
from api.importer import Importer, require_columns
from dispatch.adapters.import_store import ImportFiles, SqlImports
from dispatch.chart_opening import Intake
from dispatch.domain.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    SourceError,
)
from dispatch.domain.ids import new_id
from dispatch.domain.import_job import ImportJob, ImportState, RowRefusal
from dispatch.intake import IntakeDesk
from dispatch.ports import Clock

# One transaction: big enough to be quick, small enough not to hold other writers up.
STEP_ROWS = 200
MAX_NAME = 200
MAX_FIELD = 60  # letters of a column's name that are told
MAX_SOURCE = 120
BROKEN = "取込の途中で問題が起きました。システムの担当者に連絡してください"
FILE_GONE = "取り込むファイルが読めません。もう一度送ってください"
TOO_BIG = "{:,}バイトより大きいファイルです。行を分けて送ってください"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends a file: key or account, the name in the history, whose ids it has."""

    owner: str
    who: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportTools:
    """What the desk works with; `known_external` is that of the store of charts."""

    store: SqlImports
    files: ImportFiles
    intake: IntakeDesk
    importer: Importer
    known_external: Callable[[str, Iterable[str]], set[str]]
    clock: Clock
    mappings: dict[str, ImportMapping]
    max_bytes: int
    keep_days: int


class ImportDesk:
    """
    Takes files in and imports them one after another, in the background.

    Parameters
    ----------
    tools
        Of this installation.
    """

    def __init__(self, tools: ImportTools) -> None:
        self._tools = tools
        self._runner = new_id()
        self.on_new: Callable[[], None] = lambda: None

    @property
    def mappings(self) -> tuple[str, ...]:
        """Names of the known forms of files."""
        return tuple(self._tools.mappings)

    @property
    def keep_days(self) -> int:
        """Days that a file with refused rows is kept."""
        return self._tools.keep_days

    def submit(
        self,
        sender: Sender,
        name: str,
        content: bytes,
        *,
        mapping: str,
        key: str | None = None,
    ) -> tuple[ImportJob, bool]:
        """
        Queue a file; what can be seen of it at once is refused at once.

        Returns
        -------
        tuple[ImportJob, bool]
            The job and whether it is new: a retry with the same key finds the first.

        Raises
        ------
        InvalidInputError
            When it is no CSV or XLSX, has not the needed columns, or is too big.
        ConflictError
            When the key was used with another file.
        """
        tools = self._tools
        if mapping not in tools.mappings:
            raise InvalidInputError("mapping", "この形式は登録されていません")
        if len(content) > tools.max_bytes:
            raise InvalidInputError("file", TOO_BIG.format(tools.max_bytes))
        require_columns(read_names(name, content), tools.mappings[mapping])
        job = ImportJob(
            id=new_id(),
            owner=sender.owner,
            who=sender.who,
            name=_shown_name(name),
            sha256=hashlib.sha256(content).hexdigest(),
            num_bytes=len(content),
            mapping=mapping,
            source=sender.source[:MAX_SOURCE],
            created_at=tools.clock.now(),
        )
        tools.files.put(job.id, content)  # before its row: a row never lacks its file
        try:
            found, is_new = tools.store.add(job, key=key)
        except ConflictError:
            tools.files.remove(job.id)
            raise
        if not is_new:
            tools.files.remove(job.id)
        self.on_new()
        return found, is_new

    def listed(self, owner: str | None, *, limit: int) -> list[ImportJob]:
        """Jobs of an owner, or of all, the newest first."""
        return self._tools.store.listed(owner, limit=limit)

    def get(self, job_id: str, owner: str | None) -> ImportJob:
        """Return a job of an owner, or of anybody; NotFoundError without one."""
        job = self._tools.store.get(job_id)
        if owner is not None and job.owner != owner:
            raise NotFoundError("import", job_id)
        return job

    def refusals(self, job: ImportJob, *, limit: int | None = None) -> list[RowRefusal]:
        """Refused rows, in the order of the file."""
        return self._tools.store.refusals(job.id, limit=limit)

    def cancel(self, job: ImportJob) -> None:
        """End a job; rows that are in stay in. ConflictError when it has ended."""
        self._tools.store.cancel(job.id, at=self._tools.clock.now())

    def refused_rows(self, job: ImportJob) -> tuple[FileRows, list[RowRefusal]]:
        """
        Give the file of a job with what was refused of it.

        Raises
        ------
        NotFoundError
            When the file is not kept any more.
        """
        if not job.has_file:
            raise NotFoundError("refused rows", job.id)
        content = self._tools.files.get(job.id)
        return read_file(job.name, content), self.refusals(job)

    # -- in the background ----------------------------------------------------

    def begin(self) -> None:
        """Have what an ended process left go on, and delete files that are over."""
        self._tools.store.interrupt_all()
        self.tidy()

    def tidy(self) -> None:
        """Delete files whose time is over, and those that belong to no job."""
        tools = self._tools
        kept = set()
        oldest = tools.clock.now() - dt.timedelta(days=tools.keep_days)
        for job in tools.store.with_files():
            if job.ended_at is not None and job.ended_at < oldest:
                self._drop_file(job)
            else:
                kept.add(job.id)
        for job_id in tools.files.names():
            if job_id not in kept:
                tools.files.remove(job_id)

    def run_next(self, is_ending: Callable[[], bool] = lambda: False) -> bool:
        """
        Run the oldest job that waits; whether there was one.

        Parameters
        ----------
        is_ending
            Asked after each step; the job goes on another time then.

        Raises
        ------
        SourceError
            When the database does not answer; `begin` has the job go on.
        """
        tools = self._tools
        job = tools.store.claim(self._runner, at=tools.clock.now())
        if job is None:
            return False
        try:
            self._run(job, is_ending)
        except InvalidInputError as refused:
            where = f"{refused.row}行目: " if refused.row is not None else ""
            self._fail(job, f"{where}{refused.problem}")
        except ConflictError:  # cancelled meanwhile, or another process has it
            logger.info("import %s: ended elsewhere", job.id)
        except SourceError:
            raise  # the database is away: the job goes on when it is back
        except Exception as problem:  # noqa: BLE001 - whatever it is, the next job runs
            # Its text may hold what stood in a row: only its kind is told.
            logger.error("import %s: %s", job.id, type(problem).__name__)  # noqa: TRY400
            self._fail(job, BROKEN)
        return True

    def _run(self, job: ImportJob, is_ending: Callable[[], bool]) -> None:
        tools = self._tools
        rows = read_file(job.name, self._content(job)).rows
        mapping = replace(tools.mappings[job.mapping], source=job.source)
        require_columns(rows[0] if rows else (), mapping, is_empty=not rows)
        items = tools.importer.read(rows, mapping, job.created_at)
        for _ in islice(items, job.done):
            pass  # in already, but counted among identical rows
        job = replace(job, rows=len(rows))
        for step in _steps(items):
            job = self._step(job, step, mapping)
            if job.is_open and is_ending():
                tools.store.release(job, runner=self._runner)
                return
        if job.is_open:  # a file without rows, or killed just before the end
            job = self._step(job, [], mapping)
        if not job.refused:
            self._drop_file(job)

    def _content(self, job: ImportJob) -> bytes:
        try:
            return self._tools.files.get(job.id)
        except SourceError as problem:
            logger.warning("import %s: %s", job.id, problem)
            raise InvalidInputError("file", FILE_GONE) from problem

    def _step(
        self,
        job: ImportJob,
        items: Sequence[Intake | RowRefusal],
        mapping: ImportMapping,
    ) -> ImportJob:
        tools = self._tools
        refusals = [
            replace(one, field=mapping.columns.get(one.field, one.field)[:MAX_FIELD])
            for one in items
            if isinstance(one, RowRefusal)
        ]
        good = [one for one in items if isinstance(one, Intake)]
        known = tools.known_external(
            job.source, [one.consultation.external_id for one in good]
        )
        fresh = _first_of_each(good, known)
        new = tools.intake.openings(fresh, who=f"取込: {job.who}")
        now = tools.clock.now()
        after = replace(
            job,
            done=job.done + len(items),
            known=job.known + len(good) - len(fresh),
            refused=job.refused + len(refusals),
            seen_at=now,
        )
        if after.done == after.rows:
            after = replace(after, state=ImportState.DONE, ended_at=now)
        stored, _ = tools.store.step(job, after, new, refusals, runner=self._runner)
        return stored

    def _fail(self, job: ImportJob, reason: str) -> None:
        now = self._tools.clock.now()
        self._tools.store.fail(job.id, reason, at=now, runner=self._runner)

    def _drop_file(self, job: ImportJob) -> None:
        self._tools.store.forget_file(job.id)  # a file without a row is deleted later
        self._tools.files.remove(job.id)


def _steps(
    items: Iterator[Intake | RowRefusal],
) -> Iterator[list[Intake | RowRefusal]]:
    while step := list(islice(items, STEP_ROWS)):
        yield step


def _first_of_each(good: Sequence[Intake], known: Iterable[str]) -> list[Intake]:
    """Rows that are new, each external id once: a row said twice is no more work."""
    seen = set(known)
    fresh = []
    for one in good:
        external_id = one.consultation.external_id
        if external_id not in seen:
            fresh.append(one)
            if external_id:
                seen.add(external_id)
    return fresh


def _shown_name(name: str) -> str:
    """Name of a file without folders and control characters; its end is kept."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(sign for sign in last if sign.isprintable())[-MAX_NAME:]
