"""Killed in the middle (kill -9): what was acknowledged is there, nothing by halves."""

from __future__ import annotations

import multiprocessing
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from api.settings import Settings
from api.wiring import open_services
from dispatch.adapters.clocks import FixedClock
from dispatch.domain.reporter import PersonalField
from dispatch.ports import IdempotencyKey
from tests.api import killed_writer
from tests.api.installation import NOW, settings_for
from tests.api.killed_writer import Told
from tests.databases import BACKENDS

SEED = 20261123
ORDINARY, MANY = 20, 200
CHARTS_AT_MOST = 400  # more than any run writes before it is killed
LOOK_EVERY = 20
LONGEST_S = 0.25  # of writing before the kill: some tens of changes
KILLED = -signal.SIGKILL
GIVEN = (PersonalField.NAME, PersonalField.PHONE)  # of the writer's caller
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.api.killed_writer"])


def test_every_acknowledged_change_outlives_a_kill(
    tmp_path: Path, geodata_dir: Path
) -> None:
    survive(settings_for(tmp_path, geodata_dir), kills=ORDINARY)


@pytest.mark.slow
@pytest.mark.parametrize("database", BACKENDS)
def test_every_acknowledged_change_outlives_two_hundred_kills(
    tmp_path: Path, geodata_dir: Path, database: str
) -> None:
    survive(settings_for(tmp_path, geodata_dir, database=database), kills=MANY)


def survive(settings: Settings, *, kills: int) -> None:
    """Kill a writer at so many random moments, and look at the store each time."""
    moments = random.Random(SEED)  # noqa: S311 - not a secret
    whole = whole_run(settings)
    told: list[Told] = []
    for kill in range(1, kills + 1):
        told += killed_run(settings, kill, after_s=moments.uniform(0, LONGEST_S))
        if kill % LOOK_EVERY == 0:  # what is lost or by halves stays so
            check(settings, told, whole)
    assert len(told) > kills  # the kills came in the middle of writing


def whole_run(settings: Settings) -> Counter[int]:
    """Lines of history that each version of a chart has, when nobody is killed."""
    receiver, sender = CONTEXT.Pipe(duplex=False)
    killed_writer.write(settings, sender, 0, 1)
    return Counter({version: lines for _, version, lines in all_told(receiver)})


def killed_run(settings: Settings, kill: int, *, after_s: float) -> list[Told]:
    """Start a writer, kill it after its first word and a while; what it told."""
    receiver, sender = CONTEXT.Pipe(duplex=False)
    writer = CONTEXT.Process(
        target=killed_writer.write,
        args=(settings, sender, kill * CHARTS_AT_MOST, CHARTS_AT_MOST),
    )
    writer.start()
    sender.close()
    assert receiver.poll(60), "the writer said nothing"
    time.sleep(after_s)
    writer.kill()
    writer.join()
    assert writer.exitcode == KILLED
    return all_told(receiver)


def all_told(receiver: Connection) -> list[Told]:
    """Everything that was told before the end; half a word is none."""
    told = []
    with suppress(EOFError):
        while receiver.poll():
            told.append(receiver.recv())
    return told


def check(settings: Settings, told: list[Told], whole: Counter[int]) -> None:
    """Look for what was acknowledged, and for changes stored by halves."""
    with open_services(settings, FixedClock(NOW)) as services:
        charts = {chart.id: chart for chart in services.store.find()}
        for chart_id, version, _ in told:
            assert charts[chart_id].version >= version
        for chart in charts.values():
            lines = services.store.history(chart.id)
            assert len(lines) == whole[chart.version]
            assert lines[-1].status is chart.status
            assert services.store.get_by_number(chart.number) == chart
            key = chart.consultation.external_id.replace("w", "k")
            asked = IdempotencyKey(client="writer", key=key, body_sha256="0")
            assert services.store.known([asked])[asked] == chart
            assert services.vault.given([chart.id])[chart.id] == GIVEN
        numbers = sorted(int(c.number.rpartition("-")[2]) for c in charts.values())
        assert numbers == list(range(1, len(numbers) + 1))  # no gap, none twice
