"""Import jobs as the API shows them; never a cell of the file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, Field

from dispatch.domain.import_job import ImportJob, ImportState, RowRefusal


class RefusalOut(BaseModel):
    """A row that was not taken; what stood in it is not told."""

    row: int = Field(description="line of the file; the header is 1")
    field: str = Field(description="column to mend")
    problem: str


class ImportOut(BaseModel):
    """How far an import is."""

    id: str
    state: ImportState
    reason: str = Field(description="why it failed; else empty")
    mapping: str
    rows: int | None = Field(description="rows of the file; null until it was read")
    done: int
    added: int = Field(description="charts made")
    known: int = Field(description="rows whose charts there were already")
    refused: int
    rows_per_s: float | None = Field(description="of the present or last run")
    created_at: dt.datetime
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    is_refused_file_kept: bool = Field(description="whether `refused.csv` can be had")

    @classmethod
    def from_domain(cls, job: ImportJob) -> Self:
        """Tell a job."""
        return cls(**_told(job))


class ImportDetailOut(ImportOut):
    """The same with the first rows that were refused."""

    first_refusals: list[RefusalOut]

    @classmethod
    def with_refusals(cls, job: ImportJob, refusals: Sequence[RowRefusal]) -> Self:
        """Tell a job and some of its refusals."""
        told = [
            RefusalOut(row=one.row, field=one.field, problem=one.problem)
            for one in refusals
        ]
        return cls(**_told(job), first_refusals=told)


def _told(job: ImportJob) -> dict[str, object]:
    rate = job.rate
    return {
        "id": job.id,
        "state": job.state,
        "reason": job.reason,
        "mapping": job.mapping,
        "rows": job.rows,
        "done": job.done,
        "added": job.added,
        "known": job.known,
        "refused": job.refused,
        "rows_per_s": None if rate is None else round(rate, 1),
        "created_at": job.created_at,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "is_refused_file_kept": job.has_file and job.refused > 0,
    }
