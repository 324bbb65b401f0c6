"""Killed while importing (kill -9): the job goes on, and each good row is in once."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from api.import_desk import ImportDesk, Sender
from api.import_wiring import OWN_COLUMNS, import_desk
from api.settings import Settings
from api.wiring import open_services
from dispatch.adapters.clocks import FixedClock
from dispatch.domain.import_job import ImportState
from tests.api import killed_importer
from tests.api.installation import NOW, settings_for
from tests.api.test_imports import csv_of, line
from tests.api.test_killed import CONTEXT, KILLED, MANY, SEED
from tests.databases import BACKENDS

KILLS = 6
ROWS = 6_000
BAD_EVERY = 50  # row 0, 50, …: 120 of 6,000
TWICE_EVERY = 40  # the external id of the row before once more
MOST_STEPS = 3  # before a kill: 6 kills leave some of the 30 steps to do
LONGEST_S = 0.05
WAIT_S = 120
SENDER = Sender(owner="intake", who="試験", source="intake")


def test_each_good_row_is_in_once_over_kills(tmp_path: Path, geodata_dir: Path) -> None:
    survive(settings_for(tmp_path, geodata_dir), kills=KILLS)


@pytest.mark.slow
@pytest.mark.parametrize("database", BACKENDS)
def test_each_good_row_is_in_once_over_two_hundred_kills(
    tmp_path: Path, geodata_dir: Path, database: str
) -> None:
    survive(settings_for(tmp_path, geodata_dir, database=database), kills=MANY)


def rows() -> list[tuple[str, ...]]:
    return [
        line(
            number - (number % TWICE_EVERY == TWICE_EVERY - 1),
            category="X99" if number % BAD_EVERY == 0 else "R02",
            reporter_name="",
        )
        for number in range(ROWS)
    ]


def survive(settings: Settings, *, kills: int) -> None:
    """Kill an import at so many random moments; then let it come to its end."""
    moments = random.Random(SEED)  # noqa: S311 - not a secret
    with open_services(settings, FixedClock(NOW)) as services:
        desk = import_desk(services)
        job_id = queued(desk)
    for _ in range(kills):
        steps = moments.randint(0, MOST_STEPS)
        killed_run(settings, steps=steps, after_s=moments.uniform(0, LONGEST_S))
    with open_services(settings, FixedClock(NOW)) as services:
        desk = import_desk(services)
        left = desk.get(job_id, None)
        assert 0 < left.done < ROWS or kills > KILLS, "no kill came in the middle"
        desk.begin()
        while desk.run_next():
            pass
        charts = services.store.find()
        ids = Counter(chart.consultation.external_id for chart in charts)
        lines = {chart.id: len(services.store.history(chart.id)) for chart in charts}
        job = desk.get(job_id, None)
        refused = [one.row for one in desk.refusals(job)]
    # Numbers count from 0, lines of the file from 2.
    bad = [number + 2 for number in range(ROWS) if number % BAD_EVERY == 0]
    good = {one[0] for at, one in enumerate(rows()) if at % BAD_EVERY}
    assert set(ids) == good
    assert set(ids.values()) == {1}
    assert min(lines.values()) > 1
    assert refused == bad
    assert job.state is ImportState.DONE
    assert (job.rows, job.done, job.refused) == (ROWS, ROWS, len(bad))
    assert (job.added, job.known) == (len(good), ROWS - len(bad) - len(good))


def queued(desk: ImportDesk) -> str:
    job, _ = desk.submit(SENDER, "a.csv", csv_of(*rows()), mapping=OWN_COLUMNS)
    return job.id


def killed_run(settings: Settings, *, steps: int, after_s: float) -> None:
    """Start an import, and kill it after so many steps and a while."""
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=killed_importer.import_on, args=(settings, sender))
    process.start()
    sender.close()
    for _ in range(1 + steps):  # the first word says that it has begun
        assert receiver.poll(WAIT_S), "the importer said nothing"
        if receiver.recv() == "ended":
            break
    time.sleep(after_s)
    process.kill()
    process.join()
    assert process.exitcode in {KILLED, 0}
