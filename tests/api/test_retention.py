"""The daily round: it erases, goes on after a failure, and ends with the service."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from api.retention import erasing_daily


def run(rounds: list[object], *, every_s: float = 0.001) -> int:
    """Serve until the rounds are over; each is an answer or an error."""
    done = 0
    over = threading.Event()

    def erase_due() -> tuple[str, ...]:
        nonlocal done
        done += 1
        if done >= len(rounds):
            over.set()
        now = rounds[done - 1] if done <= len(rounds) else ()
        if isinstance(now, Exception):
            raise now
        assert isinstance(now, tuple)
        return now

    async def serve() -> None:
        async with erasing_daily(erase_due, every_s=every_s):
            assert await asyncio.to_thread(over.wait, 10)

    asyncio.run(serve())
    return done


def test_a_round_that_fails_is_told_and_the_next_one_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    assert run([("a", "b"), RuntimeError("away"), ()]) >= 3
    assert "erased the personal fields of 2 charts" in caplog.text
    assert caplog.text.count("could not be erased") == 1


def test_the_first_round_comes_at_the_start_and_the_next_a_day_later() -> None:
    assert run([()], every_s=86_400) == 1
