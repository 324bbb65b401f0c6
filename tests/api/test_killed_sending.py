"""Killed while sending (kill -9): every change arrives, each chart's in its order."""

from __future__ import annotations

import datetime as dt
import json
import random
import time
from dataclasses import replace
from pathlib import Path

import pytest

from api.settings import Settings
from api.wiring import open_services
from dispatch.adapters.clocks import FixedClock
from dispatch.domain.change import ChangeQuery
from tests.api import killed_sender
from tests.api.installation import NOW, settings_for
from tests.api.test_killed import CONTEXT, KILLED, MANY, ORDINARY, SEED
from tests.api.test_webhooks import Listener, listening
from tests.databases import BACKENDS

LONGEST_S = 0.25
APART = dt.timedelta(minutes=2)  # longer than a lease: the next run takes over
CHARTS_AT_MOST = 400


def test_no_event_is_lost_over_kills(tmp_path: Path, geodata_dir: Path) -> None:
    survive(settings_for(tmp_path, geodata_dir), kills=ORDINARY)


@pytest.mark.slow
@pytest.mark.parametrize("database", BACKENDS)
def test_no_event_is_lost_over_two_hundred_kills(
    tmp_path: Path, geodata_dir: Path, database: str
) -> None:
    survive(settings_for(tmp_path, geodata_dir, database=database), kills=MANY)


def survive(plain: Settings, *, kills: int) -> None:
    """Kill a sender at so many random moments; then let one finish its work."""
    settings = plain.model_copy(update={"webhook_loopback": True})
    moments = random.Random(SEED)  # noqa: S311 - not a secret
    with listening() as (url, listener):
        with open_services(settings, FixedClock(NOW)) as services:
            desk = killed_sender.events_of(services).webhooks
            desk.add("試験", url, who="試験")
        for kill in range(1, kills + 1):
            killed_run(settings, kill, after_s=moments.uniform(0, LONGEST_S))
        with open_services(settings, FixedClock(NOW + APART * (kills + 1))) as services:
            events = killed_sender.events_of(services)
            while events.webhooks.step():
                pass
            log = events.changes
            query = ChangeQuery(limit=1_000)
            expected = []
            while (page := log.page(query)).changes:
                expected += [(one.chart_id, one.version) for one in page.changes]
                query = replace(query, after=page.position)
    check(listener, expected)
    assert len(expected) > kills


def killed_run(settings: Settings, kill: int, *, after_s: float) -> None:
    """Start a sender, and kill it after its first word and a while."""
    subscriber, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(
        target=killed_sender.write_and_send,
        args=(settings, sender, kill * CHARTS_AT_MOST, NOW + APART * kill),
    )
    process.start()
    sender.close()
    assert subscriber.poll(60), "the sender said nothing"
    time.sleep(after_s)
    process.kill()
    process.join()
    assert process.exitcode == KILLED


def check(listener: type[Listener], expected: list[tuple[str, int | None]]) -> None:
    """Look for every change; what came twice came under the same identifier."""
    first_seen: dict[str, tuple[str, int]] = {}
    for headers, body in listener.got:
        chart = json.loads(body)["chart"]
        told = (chart["id"], chart["version"])
        assert first_seen.setdefault(headers["webhook-id"], told) == told
    arrived = list(first_seen.values())
    assert sorted(arrived) == sorted(expected)
    for chart_id in {chart_id for chart_id, _ in arrived}:
        versions = [version for one, version in arrived if one == chart_id]
        assert versions == sorted(versions)
